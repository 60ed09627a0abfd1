// SPDX-License-Identifier: MIT
// What would still run, or be touched, when a driver or its memory goes: NBX-0500 to 0502, and in freed memory NBX-0504 to 0508.
// tests/drivers/leaver is unloaded too early; mp, in MiniportInitializeEx or MiniportHaltEx, does the rest.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static void
end(void)
{
    fflush(NULL);
    _exit(kit.findings ? 1 : 0);
}

// ---- a driver image -------------------------------------------------------------------------------------------------------------------

static const char *service;
static uint64_t seed;

static void
load_and_unload(void)
{
    struct io_image_config config = {.name = service, .path = NBX_TEST_DRIVER_DIR "/leaver.so"};
    struct io_image *image;
    char error[256];
    ck_assert_msg(io_image_load(kit.box, &config, &image, error, sizeof error) == STATUS_SUCCESS, "%s", error);
    io_image_unload(image);
}

static void
run_leaver(void)
{
    kit_verify = VERIFY_ON;
    kit_run(seed, load_and_unload);
    end();
}

// Under how many of the first 20 seeds is it found? It must be the only thing that is.
static uint32_t
leaver_found(const char *name, const char *rule, const char *words)
{
    struct crime *crime = malloc(sizeof *crime);
    uint32_t found = 0;
    service = name;
    for (seed = 1; seed <= 20; seed++) {
        crime_commit(crime, run_leaver);
        bool is_found = strstr(crime->said, rule) != NULL;
        found += is_found;
        ck_assert_msg(!crime->exit_status || (is_found && strstr(crime->said, words)), "seed %u: %s", (unsigned)seed, crime->said);
    }
    free(crime);
    return found;
}

// ---- timers and work items of NDIS ----------------------------------------------------------------------------------------------------

static NDIS_HANDLE timer, work;
static KEVENT may_end;
static bool cancels, waits;
static uint32_t worked;

static NTAPI VOID
timer_function(PVOID a, PVOID context, PVOID b, PVOID c)
{
}

static NTAPI VOID
work_routine(PVOID context, NDIS_HANDLE item)
{
    KeWaitForSingleObject(&may_end, Executive, KernelMode, FALSE, NULL);
    worked++;
}

static NDIS_STATUS
timer_start(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    NDIS_TIMER_CHARACTERISTICS chars = {.Header = {NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, NDIS_TIMER_CHARACTERISTICS_REVISION_1,
                                                   NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1},
                                        .AllocationTag = 'remT',
                                        .TimerFunction = timer_function};
    ck_assert_int_eq(NdisAllocateTimerObject(adapter, &chars, &timer), NDIS_STATUS_SUCCESS);
    NdisSetTimerObject(timer, (LARGE_INTEGER){.QuadPart = -100000000000}, 1000, NULL);
    return NDIS_STATUS_SUCCESS;
}

static void
timer_end(void)
{
    if (!cancels)
        return;
    NdisCancelTimerObject(timer);
    NdisFreeTimerObject(timer);
}

static NDIS_STATUS
work_start(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    KeInitializeEvent(&may_end, NotificationEvent, FALSE);
    work = NdisAllocateIoWorkItem(adapter);
    NdisQueueIoWorkItem(work, work_routine, NULL);
    return NDIS_STATUS_SUCCESS;
}

static void
work_end(void)
{
    KeSetEvent(&may_end, IO_NO_INCREMENT, FALSE);
    LARGE_INTEGER moment = {.QuadPart = -10000};
    while (waits && !worked)
        KeDelayExecutionThread(KernelMode, FALSE, &moment);
    if (waits)
        NdisFreeIoWorkItem(work);
}

static void
start_only(void)
{
    kit_start(false, 1);
}

static void
run_timer(void)
{
    kit_verify = VERIFY_ON;
    kit_mp_hooks.initialize = timer_start;
    kit_mp_hooks.halt = timer_end;
    kit_run(SIM_CALM, start_only);
    end();
}

static void
run_work(void)
{
    kit_verify = VERIFY_ON;
    kit_mp_hooks.initialize = work_start;
    kit_mp_hooks.halt = work_end;
    kit_run(seed, start_only);
    end();
}

// ---- in memory that is freed ----------------------------------------------------------------------------------------------------------

struct memory {
    KTIMER timer;
    KDPC dpc;
    WORK_QUEUE_ITEM work;
    ERESOURCE resource;
    LOOKASIDE_LIST_EX lookaside;
};

static char what;                             // t, d, w, r, l, or q for all of them in order

static NTAPI VOID
dpc_routine(PKDPC dpc, PVOID context, PVOID a, PVOID b)
{
}

static NTAPI VOID
ex_work_routine(PVOID context)
{
    worked++;
}

static bool
does(char one)
{
    return what == one || what == 'q';
}

static NDIS_STATUS
free_under(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    struct memory *memory = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof *memory, 'mMem');
    KIRQL old;
    KeInitializeTimer(&memory->timer);
    KeInitializeDpc(&memory->dpc, dpc_routine, NULL);
    ExInitializeWorkItem(&memory->work, ex_work_routine, NULL);
    if (does('t'))
        KeSetTimer(&memory->timer, (LARGE_INTEGER){.QuadPart = -100000000}, NULL);
    if (does('r'))
        ExInitializeResourceLite(&memory->resource);
    if (does('l'))
        ExInitializeLookasideListEx(&memory->lookaside, NULL, NULL, NonPagedPoolNx, 0, 64, 'kooL', 0);
    KeRaiseIrql(DISPATCH_LEVEL, &old);        // what is queued now is not run yet
    if (does('d'))
        KeInsertQueueDpc(&memory->dpc, NULL, NULL);
    if (does('w'))
        ExQueueWorkItem(&memory->work, DelayedWorkQueue);
    if (what != 'q')
        ExFreePoolWithTag(memory, 'mMem');
    KeLowerIrql(old);
    if (what != 'q')
        return NDIS_STATUS_SUCCESS;
    KeCancelTimer(&memory->timer);
    KeFlushQueuedDpcs();
    LARGE_INTEGER moment = {.QuadPart = -10000};
    while (!worked)
        KeDelayExecutionThread(KernelMode, FALSE, &moment);
    ExDeleteResourceLite(&memory->resource);
    ExDeleteLookasideListEx(&memory->lookaside);
    ExFreePoolWithTag(memory, 'mMem');
    return NDIS_STATUS_SUCCESS;
}

static void
run_free_under(void)
{
    kit_verify = VERIFY_ON;
    kit_mp_hooks.initialize = free_under;
    kit_run(SIM_CALM, start_only);
    end();
}

#define IS_FREED(word, rule, ...) (what = (word), crime_is_found(run_free_under, rule, "driver mp", "free_under", __VA_ARGS__, NULL))

// ---- tests ----------------------------------------------------------------------------------------------------------------------------

TEST(a_timer_that_is_left_set_is_reported)
{
    struct crime *crime = malloc(sizeof *crime);
    crime_commit(crime, run_timer);
    ck_assert_int_eq(crime->exit_status, 1);
    ck_assert_msg(strstr(crime->said, "MiniportHaltEx: mp has left 1 set timer that it got here") != NULL, "%s", crime->said);
    ck_assert_msg(strstr(crime->said, "[NBX-0500]") && strstr(crime->said, "timer_start"), "%s", crime->said);
    free(crime);
    ck_assert_uint_eq(leaver_found("leaver-t", "[NBX-0500]", "leaver-t has left 1 set timer"), 20);
}

TEST(a_DPC_that_is_left_queued_is_reported)
{
    ck_assert_uint_gt(leaver_found("leaver-d", "[NBX-0501]", "leaver-d has left a DPC queued whose routine goes with it"), 0);
}

TEST(a_work_item_that_is_left_queued_is_reported)
{
    ck_assert_uint_gt(leaver_found("leaver-w", "[NBX-0502]", "leaver-w has left a work item queued whose routine goes with it"), 0);
}

TEST(a_work_item_of_NDIS_that_runs_when_its_adapter_has_been_halted_is_reported)
{
    struct crime *crime = malloc(sizeof *crime);
    uint32_t queued = 0, running = 0;
    for (seed = 1; seed <= 40; seed++) {
        crime_commit(crime, run_work);
        queued += strstr(crime->said, "MiniportHaltEx: mp has left 1 queued work item") != NULL;
        running += strstr(crime->said, "MiniportHaltEx: mp has left 1 running work item") != NULL;
    }
    free(crime);
    ck_assert_uint_gt(queued + running, 0);
}

TEST(what_is_quiet_at_the_end_is_not_reported)
{
    ck_assert_uint_eq(leaver_found("leaver-q", "NBX-", "nothing"), 0);
    cancels = waits = true;
    crime_is_none(run_timer);
    for (seed = 1; seed <= 20; seed++)
        crime_is_none(run_work);
}

TEST(a_timer_in_freed_memory_is_reported)
{
    IS_FREED('t', "NBX-0504", "ExFreePoolWithTag: mp frees memory in which a timer lies that is still set", "got by mp, KeSetTimer",
             "Windows: BugCheck 0xC4 (0x15)");
}

TEST(a_DPC_in_freed_memory_is_reported)
{
    IS_FREED('d', "NBX-0505", "a DPC lies that is still queued");
}

TEST(a_work_item_in_freed_memory_is_reported)
{
    IS_FREED('w', "NBX-0506", "a work item lies that is still queued");
}

TEST(an_ERESOURCE_in_freed_memory_is_reported)
{
    IS_FREED('r', "NBX-0507", "an ERESOURCE lies that is not deleted", "got by mp, ExInitializeResourceLite");
}

TEST(a_lookaside_list_in_freed_memory_is_reported)
{
    IS_FREED('l', "NBX-0508", "a lookaside list lies that is not deleted", "got by mp, ExInitializeLookasideListEx");
}

TEST(what_is_quiet_when_its_memory_is_freed_is_not_reported)
{
    what = 'q';
    crime_is_none(run_free_under);
}
