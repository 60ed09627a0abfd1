// SPDX-License-Identifier: MIT
// See script.h. One function a step kind; each says a finding in the form "FILE:LINE:COL: error: sentence".
#include "nbx/script.h"

#include <stdio.h>
#include <string.h>

#include "nbx/call.h"
#include "nbx/handover.h"
#include "nbx/link.h"
#include "nbx/service.h"
#include "nbx/traffic.h"
#include "nbx/watch.h"
#include "ndis/ndis.h"
#include "ndis/words.h"
#include "nt/ke/ke.h"

#define POLL_NS 5000000

void
script_failed(struct world *world, const struct stack_place *place, const char *text)
{
    if (world_is_stopped(world))
        return;                               // what it waited for was not given its time
    world_trouble(world, "%s:%u:%u: error: %s", place->file, place->line, place->column, text);
}

void
script_pass(struct world *world, uint64_t ns)
{
    _Atomic uint32_t never = 0;
    world_wait(world, &never, 0, sched_now_ns(world->config.sched) + ns);
}

// ---- wait -----------------------------------------------------------------------------------------------------------------------------

struct state_call {
    struct world_adapter *adapter;
    enum stack_state wanted;
    bool is_so;
};

static bool
link_is(struct ndis_adapter *adapter, NDIS_MEDIA_CONNECT_STATE wanted)
{
    NET_IF_MEDIA_CONNECT_STATE state = MediaConnectStateUnknown;
    uint32_t done;
    NDIS_STATUS status =
        ndis_adapter_oid(adapter, NdisRequestQueryInformation, OID_GEN_MEDIA_CONNECT_STATUS_EX, &state, sizeof state, &done);
    return status == NDIS_STATUS_SUCCESS && state == wanted;
}

static void
state_look(void *arg)
{
    struct state_call *call = arg;
    switch (call->wanted) {
    case STACK_STATE_RUNNING:
        call->is_so = ndis_adapter_is_running(call->adapter->ndis);
        break;
    case STACK_STATE_PAUSED:
        call->is_so = !ndis_adapter_is_running(call->adapter->ndis);
        break;
    case STACK_STATE_LINK_UP:
        call->is_so = link_is(call->adapter->ndis, MediaConnectStateConnected);
        break;
    case STACK_STATE_LINK_DOWN:
        call->is_so = link_is(call->adapter->ndis, MediaConnectStateDisconnected);
        break;
    case STACK_STATE_REMOVED:
        break;
    }
}

static bool
state_is(struct world *world, struct world_adapter *adapter, enum stack_state wanted)
{
    if (!adapter->ndis)
        return wanted == STACK_STATE_REMOVED;
    struct state_call call = {.adapter = adapter, .wanted = wanted};
    box_run(world_box_of(world, adapter->stack)->box, state_look, &call);
    return call.is_so;
}

static void
wait_for_service(struct world *world, const struct stack_step *step)
{
    struct world_box *box = &world->boxes[step->wait.box->index];
    uint64_t deadline = sched_now_ns(world->config.sched) + step->within_ns;
    char text[256];
    while (!world_is_stopped(world) && service_get(box, step->wait.service->driver).state == SERVICE_SILENT) {
        if (sched_now_ns(world->config.sched) >= deadline) {
            snprintf(text, sizeof text, "%s.%s was not done in time", step->wait.box->name, step->wait.service->driver->name);
            script_failed(world, &step->place, text);
            return;
        }
        script_pass(world, POLL_NS);
    }
    services_settle(world);
}

static void
step_wait(struct world *world, const struct stack_step *step)
{
    if (step->wait.service) {
        wait_for_service(world, step);
        return;
    }
    if (!step->adapter) {
        script_pass(world, step->wait.for_ns);
        return;
    }
    struct world_adapter *adapter = world_adapter_find(world, step->adapter);
    uint64_t deadline = sched_now_ns(world->config.sched) + step->within_ns;
    char text[256];
    while (!world_is_stopped(world) && !state_is(world, adapter, step->wait.state)) {
        if (sched_now_ns(world->config.sched) >= deadline) {
            snprintf(text, sizeof text, "%s.%s did not become %s in time", step->adapter->box->name, step->adapter->name,
                     stack_state_word(step->wait.state));
            script_failed(world, &step->place, text);
            return;
        }
        script_pass(world, POLL_NS);
    }
}

// ---- traffic --------------------------------------------------------------------------------------------------------------------------

// May frames get lost on the way between the two? Then fewer that arrive are not a finding.
static bool
traffic_may_lose(struct world *world, const struct stack_step *step)
{
    const struct stack *stack = world->config.stack;
    const char *port = step->adapter->port;
    for (size_t i = 0; port && i < stack->wire_count; i++)
        if (!strncmp(port, "wire:", 5) && !strcmp(port + 5, stack->wires[i].name))
            return stack->wires[i].loss > 0 || stack->wires[i].corrupt > 0;
    return false;
}

static void
step_traffic(struct world *world, const struct stack_step *step)
{
    struct world_adapter *from = world_adapter_find(world, step->adapter), *to = world_adapter_find(world, step->traffic.to);
    struct traffic_result result;
    char text[256];
    if (!from->ndis || !to->ndis) {
        script_failed(world, &step->place, "one of the two adapters has been removed");
        return;
    }
    if (!traffic_bind(world, from) || !traffic_bind(world, to))
        return;
    traffic_send(world, from, to, step->traffic.frames, step->traffic.size_min_bytes, step->traffic.size_max_bytes,
                 step->within_ns, &result);
    watch_event(world, "traffic %s.%s to %s.%s: %llu sent, %llu arrived", step->adapter->box->name, step->adapter->name,
                step->traffic.to->box->name, step->traffic.to->name, (unsigned long long)result.sent,
                (unsigned long long)result.received);
    bool lossy = traffic_may_lose(world, step);
    bool all = result.sent == step->traffic.frames && result.completed == result.sent;
    if (all && (lossy || (result.received >= result.sent && !result.damaged)))
        return;
    snprintf(text, sizeof text, "traffic: of %llu frames %llu were sent, %llu completed, %llu arrived, %llu of them damaged",
             (unsigned long long)step->traffic.frames, (unsigned long long)result.sent, (unsigned long long)result.completed,
             (unsigned long long)(result.received + result.damaged), (unsigned long long)result.damaged);
    script_failed(world, &step->place, text);
}

// ---- oid ------------------------------------------------------------------------------------------------------------------------------

struct oid_call {
    struct world_adapter *adapter;
    const struct stack_step *step;
    uint32_t oid, done;
    uint8_t buffer[4096];
    NDIS_STATUS status;
};

static void
oid_ask(void *arg)
{
    struct oid_call *call = arg;
    const struct stack_step *step = call->step;
    if (step->oid.is_set) {
        memcpy(call->buffer, step->oid.value, step->oid.value_bytes);
        call->status = ndis_adapter_oid(call->adapter->ndis, NdisRequestSetInformation, call->oid, call->buffer,
                                        (uint32_t)step->oid.value_bytes, &call->done);
    } else {
        call->status = ndis_adapter_oid(call->adapter->ndis, NdisRequestQueryInformation, call->oid, call->buffer,
                                        sizeof call->buffer, &call->done);
    }
}

static void
step_oid(struct world *world, const struct stack_step *step)
{
    struct oid_call call = {.adapter = world_adapter_find(world, step->adapter), .step = step};
    NDIS_STATUS expected;
    char text[256];
    if (!ndis_oid_from_word(step->oid.name, &call.oid) || !ndis_status_from_word(step->oid.expect, &expected)) {
        snprintf(text, sizeof text, "%s or %s is no name that ndis.h knows", step->oid.name, step->oid.expect);
        script_failed(world, &step->place, text);
        return;
    }
    if (!call.adapter->ndis || step->oid.value_bytes > sizeof call.buffer) {
        script_failed(world, &step->place, call.adapter->ndis ? "the value is longer than 4096 bytes" : "the adapter has been removed");
        return;
    }
    box_run(world_box_of(world, step->adapter)->box, oid_ask, &call);
    watch_event(world, "%s %s on %s.%s: %s", step->oid.is_set ? "set" : "query", step->oid.name, step->adapter->box->name,
                step->adapter->name, ndis_status_word(call.status));
    if (call.status == expected)
        return;
    snprintf(text, sizeof text, "%s %s gave %s, expected %s", step->oid.is_set ? "set" : "query", step->oid.name,
             ndis_status_word(call.status), step->oid.expect);
    script_failed(world, &step->place, text);
}

// ---- do -------------------------------------------------------------------------------------------------------------------------------

struct act_call {
    struct world_adapter *adapter;
    const struct stack_step *step;
    NDIS_STATUS status;
};

static void
act_in_box(void *arg)
{
    struct act_call *call = arg;
    struct ndis_adapter *adapter = call->adapter->ndis;
    switch (call->step->act.action) {
    case STACK_ACTION_PAUSE:
        call->status = ndis_adapter_pause(adapter);
        break;
    case STACK_ACTION_RESTART:
        call->status = ndis_adapter_restart(adapter);
        break;
    case STACK_ACTION_RESET:
        call->status = ndis_adapter_reset(adapter);
        break;
    case STACK_ACTION_DETACH:
        call->status = ndis_adapter_detach_filter(adapter, call->step->act.filter->driver->service);
        break;
    case STACK_ACTION_REMOVE:
        call->status = ndis_adapter_query_remove(adapter);
        if (call->status == NDIS_STATUS_SUCCESS)
            call->adapter->ndis = NULL;
        break;
    case STACK_ACTION_SURPRISE_REMOVE:
        ndis_adapter_surprise_remove(adapter);
        call->adapter->ndis = NULL;
        call->status = NDIS_STATUS_SUCCESS;
        break;
    case STACK_ACTION_LINK_DOWN:
    case STACK_ACTION_LINK_UP:
        call->status = link_force(box_self(), call->step->adapter->port, call->step->act.action == STACK_ACTION_LINK_UP)
                           ? NDIS_STATUS_SUCCESS
                           : NDIS_STATUS_NOT_SUPPORTED;
        break;
    case STACK_ACTION_SLEEP:
        call->status = ndis_adapter_power(adapter, NdisDeviceStateD3);
        break;
    case STACK_ACTION_WAKE:
        call->status = ndis_adapter_power(adapter, NdisDeviceStateD0);
        break;
    }
}

static void
step_do(struct world *world, const struct stack_step *step)
{
    struct act_call call = {.adapter = world_adapter_find(world, step->adapter), .step = step};
    char text[256];
    if (!call.adapter->ndis) {
        script_failed(world, &step->place, "the adapter has been removed");
        return;
    }
    watch_event(world, "%s %s.%s", stack_action_word(step->act.action), step->adapter->box->name, step->adapter->name);
    box_run(world_box_of(world, step->adapter)->box, act_in_box, &call);
    if (call.status == NDIS_STATUS_SUCCESS) {
        traffic_refresh(world, call.adapter);
        return;
    }
    snprintf(text, sizeof text, "%s of %s.%s: %s", stack_action_word(step->act.action), step->adapter->box->name,
             step->adapter->name, ndis_status_word(call.status));
    script_failed(world, &step->place, text);
}

// ---- expect ---------------------------------------------------------------------------------------------------------------------------

static uint64_t
counter_value(struct world *world, const struct stack_expectation *expectation)
{
    if (expectation->counter == STACK_COUNTER_FINDINGS) {
        services_settle(world);
        return atomic_load(&world->findings);
    }
    struct world_counters c;
    world_counters_get(world, world_adapter_find(world, expectation->adapter), &c);
    switch (expectation->counter) {
    case STACK_COUNTER_RX_FRAMES:
        return c.rx_frames;
    case STACK_COUNTER_TX_FRAMES:
        return c.tx_frames;
    case STACK_COUNTER_RX_BYTES:
        return c.rx_bytes;
    case STACK_COUNTER_TX_BYTES:
        return c.tx_bytes;
    case STACK_COUNTER_RX_DROPPED:
        return c.rx_dropped;
    default:
        return c.tx_dropped;
    }
}

static bool
compare_holds(enum stack_compare compare, uint64_t a, uint64_t b)
{
    switch (compare) {
    case STACK_COMPARE_EQ:
        return a == b;
    case STACK_COMPARE_NE:
        return a != b;
    case STACK_COMPARE_LT:
        return a < b;
    case STACK_COMPARE_LE:
        return a <= b;
    case STACK_COMPARE_GT:
        return a > b;
    default:
        return a >= b;
    }
}

static void
step_expect(struct world *world, const struct stack_step *step)
{
    uint64_t deadline = sched_now_ns(world->config.sched) + step->within_ns;
    for (size_t i = 0; i < step->expect.count; i++) {
        const struct stack_expectation *e = &step->expect.list[i];
        uint64_t value;
        char text[256];
        while (!compare_holds(e->compare, value = counter_value(world, e), e->number) && !world_is_stopped(world) &&
               sched_now_ns(world->config.sched) < deadline)
            script_pass(world, POLL_NS);
        if (compare_holds(e->compare, value, e->number))
            continue;
        snprintf(text, sizeof text, "%s is %llu, expected %s %llu", e->key, (unsigned long long)value,
                 stack_compare_word(e->compare), (unsigned long long)e->number);
        script_failed(world, &e->place, text);
    }
}

bool
script_run(struct world *world, bool (*is_stopped)(void *context), void *context)
{
    const struct stack *stack = world->config.stack;
    static void (*const run[])(struct world *, const struct stack_step *) = {step_wait, step_traffic, step_oid, step_do,
                                                                             step_expect, handover_offload, handover_upload,
                                                                             call_begin,  call_end};
    world->is_stopped = is_stopped;
    world->stopped_context = context;
    for (size_t i = 0; i < stack->step_count; i++) {
        if (is_stopped(context))
            return false;
        run[stack->steps[i].kind](world, &stack->steps[i]);
    }
    return true;
}
