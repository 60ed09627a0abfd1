// SPDX-License-Identifier: MIT
// See call.h. The script's thread looks again and again (in the box) until what it waits for has come about:
//   call      client_open -> CLIENT_OPEN
//   hang-up   so many bytes are back -> by release: no more is sent, until all is back -> client_disconnect -> CLIENT_OVER -> client_close
#include "nbx/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tdi.h>

#include "nbx/client.h"
#include "nbx/script.h"
#include "nbx/watch.h"

#define POLL_NS 200000

struct call {
    struct call *next;
    const struct stack_box *box;
    uint16_t port;
    struct client_call *client;
};

struct act {                         // one thing to be done in the box
    const struct stack_step *step;
    struct call *call;
    struct client_view view;
    NTSTATUS status;
    ULONG flags;
};

// ---- in the box -----------------------------------------------------------------------------------------------------------------------

static void
open_in_box(void *arg)
{
    struct act *act = arg;
    const struct stack_step *step = act->step;
    struct client_place place = {.port = step->call.port, .is_six = step->call.is_six,
                                 .remote_port = step->call.remote_port};
    memcpy(place.remote, step->call.remote, sizeof place.remote);
    act->status = client_open(&place, &act->call->client);
}

static void
look_in_box(void *arg)
{
    struct act *act = arg;
    client_look(act->call->client, &act->view);
}

static void
drain_in_box(void *arg)
{
    struct act *act = arg;
    client_drain(act->call->client);
}

static void
disconnect_in_box(void *arg)
{
    struct act *act = arg;
    client_disconnect(act->call->client, act->flags, act->step->within_ns);
}

static void
close_in_box(void *arg)
{
    struct act *act = arg;
    client_close(act->call->client);
}

static struct world_box *
box_of(struct world *world, const struct stack_box *stack)
{
    size_t i = 0;
    while (world->boxes[i].stack != stack)
        i++;
    return &world->boxes[i];
}

static void
run(struct world *world, struct act *act, void (*fn)(void *arg))
{
    box_run(box_of(world, act->step->call.box)->box, fn, act);
}

// ---- waiting --------------------------------------------------------------------------------------------------------------------------

typedef bool (*view_fn)(const struct client_view *view, const struct stack_step *step);

static bool
view_has_opened(const struct client_view *view, const struct stack_step *step)
{
    return view->state != CLIENT_CONNECTING;
}

static bool
view_has_enough(const struct client_view *view, const struct stack_step *step)
{
    return view->received >= step->call.after_bytes || view->is_lost;
}

static bool
view_has_all(const struct client_view *view, const struct stack_step *step)
{
    return view->received >= view->sent || view->is_lost;
}

static bool
view_is_over(const struct client_view *view, const struct stack_step *step)
{
    return view->state == CLIENT_OVER;
}

// Returns false when the step's time is over first, or the run.
static bool
until(struct world *world, struct act *act, view_fn is_so, uint64_t deadline_ns)
{
    for (;;) {
        run(world, act, look_in_box);
        if (is_so(&act->view, act->step))
            return true;
        if (world_is_stopped(world) || sched_now_ns(world->config.sched) >= deadline_ns)
            return false;
        script_pass(world, POLL_NS);
    }
}

static void
call_forget(struct world *world, struct act *act)
{
    struct call **at = &world->calls;
    while (*at != act->call)
        at = &(*at)->next;
    *at = act->call->next;
    if (act->call->client)
        run(world, act, close_in_box);
    free(act->call);
}

// ---- steps ----------------------------------------------------------------------------------------------------------------------------

void
call_begin(struct world *world, const struct stack_step *step)
{
    struct act act = {.step = step, .call = calloc(1, sizeof *act.call)};
    uint64_t deadline_ns = sched_now_ns(world->config.sched) + step->within_ns;
    char text[160];
    if (!act.call) {
        script_failed(world, &step->place, "out of memory");
        return;
    }
    *act.call = (struct call){.next = world->calls, .box = step->call.box, .port = step->call.port};
    world->calls = act.call;
    watch_event(world, "call from %s:%u", step->call.box->name, step->call.port);
    run(world, &act, open_in_box);
    if (act.status) {
        snprintf(text, sizeof text, "a TDI client cannot open port %u of %s (0x%08x): is tcpip among its protocols, and the port free?",
                 step->call.port, step->call.box->name, (unsigned)act.status);
    } else if (!until(world, &act, view_has_opened, deadline_ns)) {
        snprintf(text, sizeof text, "the connection was not open in time");
    } else if (act.view.state == CLIENT_OVER && act.view.status) {
        snprintf(text, sizeof text, "TDI_CONNECT ended with 0x%08x", (unsigned)act.view.status);
    } else {
        return;
    }
    script_failed(world, &step->place, text);
    call_forget(world, &act);
}

// What is wrong with how it went, or NULL.
static const char *
call_fault(const struct act *act, char *text, size_t bytes)
{
    const struct client_view *view = &act->view;
    if (view->damaged)
        snprintf(text, bytes, "%llu of the bytes that came back are not those that were sent", (unsigned long long)view->damaged);
    else if (view->is_lost)
        snprintf(text, bytes, "the connection ended by itself after %llu bytes", (unsigned long long)view->received);
    else if (view->status)
        snprintf(text, bytes, "TDI_DISCONNECT ended with 0x%08x", (unsigned)view->status);
    else if (!act->step->call.is_abort && view->received != view->sent)
        snprintf(text, bytes, "%llu bytes were sent, and %llu came back", (unsigned long long)view->sent,
                 (unsigned long long)view->received);
    else
        return NULL;
    return text;
}

static const char *
hang_up(struct world *world, struct act *act, char *text, size_t bytes)
{
    const struct stack_step *step = act->step;
    uint64_t deadline_ns = sched_now_ns(world->config.sched) + step->within_ns;
    if (!until(world, act, view_has_enough, deadline_ns))
        return "so many bytes did not come back in time";
    if (!step->call.is_abort && !act->view.is_lost) {
        run(world, act, drain_in_box);
        if (!until(world, act, view_has_all, deadline_ns))
            return "what was sent did not come back in time";
    }
    if (!act->view.is_lost) {
        act->flags = step->call.is_abort ? TDI_DISCONNECT_ABORT : TDI_DISCONNECT_RELEASE;
        run(world, act, disconnect_in_box);
        if (!until(world, act, view_is_over, deadline_ns))
            return "the connection did not end in time";
    }
    watch_event(world, "%s of %s:%u after %llu bytes, %llu of them back and right", step->call.is_abort ? "abort" : "release",
                step->call.box->name, step->call.port, (unsigned long long)act->view.sent,
                (unsigned long long)(act->view.received - act->view.damaged));
    return call_fault(act, text, bytes);
}

void
call_end(struct world *world, const struct stack_step *step)
{
    struct act act = {.step = step, .call = world->calls};
    char text[160];
    while (act.call && (act.call->box != step->call.box || act.call->port != step->call.port))
        act.call = act.call->next;
    if (!act.call) {
        script_failed(world, &step->place, "the call is not there any more");
        return;
    }
    const char *fault = hang_up(world, &act, text, sizeof text);
    if (fault)
        script_failed(world, &step->place, fault);
    call_forget(world, &act);
}

void
calls_close(struct world_box *box)
{
    struct call **at = &box->world->calls;
    while (*at) {
        struct call *call = *at;
        if (call->box != box->stack) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        client_close(call->client);
        free(call);
    }
}
