// SPDX-License-Identifier: MIT
// See kit.h. The client itself is that of tests/flow/tdi.
#define TK_DRIVER "tcpip"
#define TK_SERVER "127.0.0.1:4242"
#define TK_ANY "0.0.0.0:0"
#define TK_WELCOME NULL
#define TK_NDIS // its driver is a protocol, too
#include "../tdi/kit.c"

#include "kit.h"

#include <stdarg.h>

#include "loader/keep.h"
#include "nbx/link.h"
#include "nbx/world.h"

struct tn_net tn_net = {.device = L"\\Device\\Tcp", .wire = "delay: 200us", .nic = ""};

#ifndef TN_CHIMNEY
#define TN_CHIMNEY ""
#endif

// The port of the second box is another wire's when a test stands between the two.
#ifdef TN_WAN
#define TN_PORT_THERE "wire:wan"
#else
#define TN_PORT_THERE "wire:lan"
#endif

// A box: a virtual NIC, so many storeys of passthru on it, and tcpip on top. The second storey is a driver of its own, from the same file.
static const char nic_text[] = "  %s:\n    processors: 2\n    drivers: { outer: { path: " NBX_DRIVER_DIR "/passthru.so } }\n    adapters:\n"
                               "      nic0:\n        driver: vnic\n        port: %s\n        settings: { %s }\n        idle: ok\n";
static const char *const storey_texts[] = {"      v0:\n        driver: passthru\n        above: nic0\n        idle: ok\n",
                                           "      v1:\n        driver: outer\n        above: v0\n        idle: ok\n"};
static const char host_text[] = "        protocols:\n          - tcpip: { " TN_CHIMNEY "%s }\n";
static const char *const own_addresses[] = {"addresses: [\"10.0.0.1/24\", \"fd00::1/64\"]", "addresses: [\"10.0.0.2/24\", \"fd00::2/64\"]"};
static const char *const storey_drivers[] = {"passthru", "outer"};

__attribute__((format(printf, 4, 5))) static void
text_add(char *text, size_t bytes, size_t *at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    *at += (size_t)vsnprintf(text + *at, bytes - *at, format, arguments);
    va_end(arguments);
    ck_assert_uint_lt(*at, bytes);
}

static bool
driver_path(const struct stack_driver *driver, char *path, size_t bytes)
{
    const char *file = strcmp(driver->name, "outer") ? driver->name : "passthru";
    return (size_t)snprintf(path, bytes, "%s/%s.so", NBX_DRIVER_DIR, file) < bytes;
}

static void
on_message(void *context, const char *text)
{
    if (strstr(text, "left behind"))
        fprintf(stderr, "seed %llu: %s\n", (unsigned long long)tn_net.seed, text);
}

static void
on_finding(void *context, const char *text)
{
    fprintf(stderr, "seed %llu: %s\n", (unsigned long long)tn_net.seed, text);
}

// ---- places ---------------------------------------------------------------------------------------------------------------------

static const char *
name_at(const char *const hosts[4], char *text, size_t bytes, unsigned port)
{
    snprintf(text, bytes, "%s:%u", hosts[tn_net.place], port);
    return text;
}

const char *
tn_name_there(unsigned port)
{
    static const char *const hosts[] = {"127.0.0.1", "[::1]", "10.0.0.2", "[fd00::2]"};
    static char text[64];
    if (tn_net.name_there) {
        snprintf(text, sizeof text, "%s:%u", tn_net.name_there, port);
        return text;
    }
    return name_at(hosts, text, sizeof text, port);
}

const char *
tn_name_here(unsigned port)
{
    static const char *const hosts[] = {"127.0.0.1", "[::1]", "10.0.0.1", "[fd00::1]"};
    static char text[64];
    return name_at(hosts, text, sizeof text, port);
}

static void
place_set(enum tn_place place)
{
    static char server[64];
    bool is_six = place == TN_LOOP6 || place == TN_TWO6;
    tn_net.place = place;
    tn_net.device = is_six ? L"\\Device\\Tcp6" : L"\\Device\\Tcp";
    strcpy(server, tn_name_there(4242));
    tk_place = (struct tk_place){.server = server, .any = is_six ? "[::]:0" : "0.0.0.0:0"};
}

// ---- two boxes ------------------------------------------------------------------------------------------------------------------

struct two_run {
    const char *test;
    void (*fn)(void);
    struct stack *stack;
    struct loader_keep *images;
};

static void
two_body(void *arg)
{
    ((struct two_run *)arg)->fn();
}

static void
two_main(void *arg)
{
    struct two_run *run = arg;
    struct world_config config = {.sched = tn_net.sched,
                                  .stack = run->stack,
                                  .driver_path = driver_path,
                                  .on_message = on_message,
                                  .on_finding = on_finding,
                                  .verify = VERIFY_ON,
                                  .images = run->images};
    tn_net.world = world_create(&config);
    ck_assert_int_eq(world_build(tn_net.world), WORLD_OK);
    tk_place.there = tn_net.world->boxes[1].box;
    ck_assert_int_eq(box_run(tn_net.world->boxes[0].box, two_body, run), 0);
    world_teardown(tn_net.world);
    uint32_t findings = atomic_load(&tn_net.world->findings);
    ck_assert_msg(findings == 0, "%s, seed %llu: %u findings", run->test, (unsigned long long)tn_net.seed, findings);
    world_destroy(tn_net.world);
    tn_net.world = NULL;
}

static struct sched *
sched_of(uint64_t seed)
{
#ifdef TK_THREADS
    return sched_threads_create(seed + 1);
#else
    const char *error = NULL;
    struct sim_config config = {.seed = seed, .strategy = seed ? SIM_RANDOM_WALK : SIM_RUN_TO_BLOCK, .switch_one_in = 1 + seed % 4,
                                .spurious_one_in = seed % 8 == 7 ? 16 : 0};
    struct sched *sched = sim_create(&config, &error);
    ck_assert_msg(sched != NULL, "%s", error);
    return sched;
#endif
}

static void
two_seed(struct two_run *run)
{
    static char text[4096];
    struct stack_report report = {0};
    struct stack_source source = {.name = "two"};
    size_t at = 0;
    text_add(text, sizeof text, &at, "ndisbox: 1\nboxes:\n");
    for (int box = 0; box < 2; box++) {
        text_add(text, sizeof text, &at, nic_text, box ? "beta" : "alpha", box ? TN_PORT_THERE : "wire:lan",
                 tn_net.nic);
        for (unsigned i = 0; i < tn_net.storeys; i++)
            text_add(text, sizeof text, &at, "%s", storey_texts[i]);
        text_add(text, sizeof text, &at, host_text, tn_net.tcpip[box] ? tn_net.tcpip[box] : own_addresses[box]);
    }
    text_add(text, sizeof text, &at, "wires:\n  lan: { %s }\n", tn_net.wire);
#ifdef TN_WAN
    text_add(text, sizeof text, &at, "  wan: { %s }\n", tn_net.wire);
#endif
    run->stack = stack_read(&source, text, strlen(text), &report);
    ck_assert_ptr_nonnull(run->stack);
    tn_net.sched = sched_of(tn_net.seed);
    ck_assert_msg(!sched_run(tn_net.sched, "main", two_main, run, NULL), "%s, seed %llu: nothing can run any more", run->test,
                  (unsigned long long)tn_net.seed);
    sched_destroy(tn_net.sched);
    stack_destroy(run->stack);
    stack_report_clear(&report);
}

struct world_adapter *
tn_adapter(int box)
{
    return &tn_net.world->boxes[box].adapters[0];
}

void
tn_in_box(int box, void (*fn)(void *arg), void *arg)
{
    struct tk_visit v = visit(tn_net.world->boxes[box].box);
    fn(arg);
    go_back(v);
}

// ---- an adapter's life ----------------------------------------------------------------------------------------------------------

struct act_call {
    struct world_adapter *adapter;           // of the box: the real one, then the virtual miniports
    enum tn_act act;
    NDIS_STATUS status;
};

// As setup does it once more for a card that is put in again: its settings are still in the registry. What stands on it follows.
static NDIS_STATUS
adapter_add(struct world_adapter *adapter)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "vnic", .port_spec = "wire:lan"};
    NDIS_STATUS status = ndis_adapter_add(box_self(), &config, &adapter->ndis);
    if (status == NDIS_STATUS_SUCCESS)
        status = ndis_adapter_restart(adapter->ndis);
    if (status == NDIS_STATUS_SUCCESS)
        status = ndis_adapter_bind(adapter->ndis, tn_net.storeys ? storey_drivers[0] : "tcpip");
    for (unsigned i = 0; i < tn_net.storeys && status == NDIS_STATUS_SUCCESS; i++)
        ndis_settle(box_self());
    return adapter[tn_net.storeys].ndis ? status : NDIS_STATUS_ADAPTER_NOT_FOUND;
}

// The system goes to sleep from the top of its devices on, and wakes up from the bottom.
static NDIS_STATUS
power_all(struct world_adapter *adapter, NDIS_DEVICE_POWER_STATE state)
{
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    for (unsigned i = 0; i <= tn_net.storeys && status == NDIS_STATUS_SUCCESS; i++)
        status = ndis_adapter_power(adapter[state == NdisDeviceStateD0 ? i : tn_net.storeys - i].ndis, state);
    return status;
}

static void
act_in_box(void *arg)
{
    struct act_call *call = arg;
    struct ndis_adapter *adapter = call->adapter->ndis, *hit = call->adapter[tn_net.hit].ndis;
    switch (call->act) {
    case TN_PAUSE: call->status = ndis_adapter_pause(hit); break;
    case TN_RESTART: call->status = ndis_adapter_restart(hit); break;
    case TN_RESET: call->status = ndis_adapter_reset(adapter); break;
    case TN_SLEEP: call->status = power_all(call->adapter, NdisDeviceStateD3); break;
    case TN_WAKE: call->status = power_all(call->adapter, NdisDeviceStateD0); break;
    case TN_DOZE: call->status = ndis_adapter_power(adapter, NdisDeviceStateD3); break;
    case TN_ROUSE: call->status = ndis_adapter_power(adapter, NdisDeviceStateD0); break;
    case TN_PULL:
    case TN_PUSH: ck_assert(link_force(box_self(), "wire:lan", call->act == TN_PUSH)); break;
    case TN_REMOVE:
        call->status = ndis_adapter_query_remove(adapter);
        if (call->status == NDIS_STATUS_SUCCESS)
            call->adapter->ndis = NULL;
        break;
    case TN_SURPRISE:
        ndis_adapter_surprise_remove(adapter);
        call->adapter->ndis = NULL;
        break;
    case TN_ADD: call->status = adapter_add(call->adapter); break;
    }
}

NDIS_STATUS
tn_try(int box, enum tn_act act)
{
    struct act_call call = {.adapter = tn_adapter(box), .act = act};
    tn_in_box(box, act_in_box, &call);
    return call.status;
}

void
tn_do(int box, enum tn_act act)
{
    NDIS_STATUS status = tn_try(box, act);
    ck_assert_msg(status == NDIS_STATUS_SUCCESS, "seed %llu: act %d: %08x", (unsigned long long)tn_net.seed, act, (unsigned)status);
}

void
tn_cable(bool is_whole)
{
    tn_do(0, is_whole ? TN_PUSH : TN_PULL);
    tn_do(1, is_whole ? TN_PUSH : TN_PULL);
}

// ---- hand-overs -----------------------------------------------------------------------------------------------------------------

#ifdef TN_SHUFFLE
#include "base/prng.h"

#include <tcpioctl.h>

// In each box a client that hands connections to the adapter's offload target and takes them back, all or some, at moments of the dice.
static struct shuffle {
    struct prng dice;
    KEVENT done;
    volatile LONG is_over;
} shuffles[2];
struct tn_shuffled tn_shuffled;

static ULONG
chimney_ask(struct tk_control *control, ULONG verb, ULONG states)
{
    NBX_TCPIP_CHIMNEY request = {.Verb = verb, .States = states};
    ULONG_PTR got;
    NTSTATUS status = tk_ioctl(control->file, IOCTL_NBX_TCPIP_CHIMNEY, &request, sizeof(request), &request, sizeof(request), &got);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    return request.Count;
}

static VOID NTAPI
shuffle_run(PVOID context)
{
    struct shuffle *shuffle = context;
    struct tk_control control = {0};
    tk_open_control(&control, TN_DEVICE);
    for (uint32_t i = 0; !InterlockedCompareExchange(&shuffle->is_over, 0, 0); i++) {
        // Later there is little but connections that wait for a peer.
        bool is_soon = i < 200 && prng_next(&shuffle->dice) % 4;
        tk_sleep_us((LONG)(prng_next(&shuffle->dice) % (is_soon ? 1500 : 60000)));
        ULONG states = prng_next(&shuffle->dice) % 3 ? 0 : 1u << prng_next(&shuffle->dice) % 11;
        if (prng_next(&shuffle->dice) % 5 < 3)
            InterlockedExchangeAdd64((LONG64 *)&tn_shuffled.offloads, chimney_ask(&control, NBX_TCPIP_CHIMNEY_OFFLOAD, states));
        else
            InterlockedExchangeAdd64((LONG64 *)&tn_shuffled.uploads, chimney_ask(&control, NBX_TCPIP_CHIMNEY_UPLOAD, 0));
    }
    tk_close_control(&control);
    KeSetEvent(&shuffle->done, 0, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
shuffle_in_box(void *arg)
{
    HANDLE thread;
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, shuffle_run, arg), STATUS_SUCCESS);
    ZwClose(thread);
}

void
tn_shuffle_start(void)
{
    for (int box = 0; box < 2; box++) {
        prng_seed(&shuffles[box].dice, tn_net.seed * 2 + (uint64_t)box + 77);
        KeInitializeEvent(&shuffles[box].done, NotificationEvent, FALSE);
        shuffles[box].is_over = FALSE;
        tn_in_box(box, shuffle_in_box, &shuffles[box]);
    }
}

void
tn_shuffle_stop(void)
{
    for (int box = 0; box < 2; box++)
        InterlockedExchange(&shuffles[box].is_over, TRUE);
    for (int box = 0; box < 2; box++)
        ck_assert(tk_event_wait_in(tn_net.world->boxes[box].box, &shuffles[box].done, TK_WAIT_MS));
}
#endif

// ---- runs -----------------------------------------------------------------------------------------------------------------------

void
tn_run(const char *test, void (*fn)(void), enum tn_place place, uint64_t first, unsigned seeds)
{
    struct two_run run = {.test = test, .fn = fn};
    if (getenv("NBX_TEST_NOFORK"))
        fprintf(stderr, "  in place %d, seeds from %llu\n", place, (unsigned long long)first);
    if (!TN_IS_TWO(place)) {
        place_set(place);
        tk_run_from(test, fn, first, seeds);
        return;
    }
    run.images = loader_keep_create();
    for (uint64_t i = 0; i < seeds; i++) {
        place_set(place);
        seed_now = tn_net.seed = first + i;
        two_seed(&run);
    }
    loader_keep_destroy(run.images);
}

void
tn_run_everywhere(const char *test, void (*fn)(void))
{
    tn_run(test, fn, TN_LOOP4, 0, 6);
    tn_run(test, fn, TN_LOOP6, 6, 2);
    tn_run(test, fn, TN_TWO4, 0, 5);
    tn_run(test, fn, TN_TWO6, 5, 3);
}
