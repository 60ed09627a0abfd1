// SPDX-License-Identifier: MIT
// Pool, lookaside lists, exceptions, timer resolution and local time, each promise of their pages. Sources:
// [wdm/nf-wdm-exallocatepoolwithtag] and its kin, [wdm/nf-wdm-exinitializenpagedlookasidelist] and its neighbours,
// [wdm/nf-wdm-exraisestatus], [wdm/nf-wdm-exsettimerresolution], [wdm/nf-wdm-exsystemtimetolocaltime], [wdm/nf-wdm-exgetpreviousmode].
#include "ddk/nbx_unoptimized.h"

#include "nt/ex/pool.h"
#include "unit/nt/bugcheck.h"
#include "unit/nt/refuse.h"

#define TAG 0x74736574u   // "test"

enum door {
    PLAIN,
    TAGGED,
    PRIORITY,
    QUOTA
};

static PVOID
allocate(enum door door, int type, SIZE_T bytes)
{
    POOL_TYPE pool = (POOL_TYPE)type;
    switch (door) {
    case PLAIN: return ExAllocatePool(pool, bytes);
    case TAGGED: return ExAllocatePoolWithTag(pool, bytes, TAG);
    case PRIORITY: return ExAllocatePoolWithTagPriority(pool, bytes, TAG, LowPoolPriority);
    default: return ExAllocatePoolWithQuotaTag(pool, bytes, TAG);
    }
}

// What a call that is refused comes to: NULL, or what it raises.
static NTSTATUS
refused(enum door door, int type)
{
    NTSTATUS status = STATUS_SUCCESS;
    refuse_next();
    __try {
        ck_assert_ptr_null(allocate(door, type, 64));
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = (NTSTATUS)GetExceptionCode();
    }
    refuse_end();
    return status;
}

static void
check_pool(enum door door, NTSTATUS plainly, int other_flag, NTSTATUS otherwise)
{
    static const SIZE_T sizes[] = {1, 100, 4096, 5000};
    struct ex_pool_usage before, after;
    ex_pool_usage_get(box_self(), TAG, &before);
    for (size_t i = 0; i < RTL_NUMBER_OF(sizes); i++) {
        UCHAR *block = allocate(door, i % 2 ? PagedPool : NonPagedPoolNx, sizes[i]);
        ck_assert_uint_eq((ULONG_PTR)block % (sizes[i] < 4096 ? 16 : 4096), 0);
        memset(block, 0x5a, sizes[i]);
        ExFreePool(block);
    }
    ex_pool_usage_get(box_self(), TAG, &after);
    ck_assert_uint_eq(after.allocations - before.allocations, door == PLAIN ? 0 : RTL_NUMBER_OF(sizes));
    KIRQL old = KeRaiseIrqlToDpcLevel();
    PVOID block = allocate(door, NonPagedPoolNx | POOL_COLD_ALLOCATION, 64);
    KeLowerIrql(old);
    ck_assert_ptr_nonnull(block);
    ExFreePool(block);
    ck_assert_int_eq(refused(door, NonPagedPoolNx), plainly);
    ck_assert_int_eq(refused(door, NonPagedPoolNx | other_flag), otherwise);
}

NT_TEST_ONE(ExAllocatePool_gives_aligned_memory_or_NULL_or_raises_on_request)
{
    check_pool(PLAIN, STATUS_SUCCESS, POOL_RAISE_IF_ALLOCATION_FAILURE, STATUS_INSUFFICIENT_RESOURCES);
}

NT_TEST_ONE(ExAllocatePoolWithTag_gives_aligned_memory_or_NULL_or_raises_on_request)
{
    check_pool(TAGGED, STATUS_SUCCESS, POOL_RAISE_IF_ALLOCATION_FAILURE, STATUS_INSUFFICIENT_RESOURCES);
}

NT_TEST_ONE(ExAllocatePoolWithTagPriority_gives_aligned_memory_or_NULL_or_raises_on_request)
{
    check_pool(PRIORITY, STATUS_SUCCESS, POOL_RAISE_IF_ALLOCATION_FAILURE, STATUS_INSUFFICIENT_RESOURCES);
}

NT_TEST_ONE(ExAllocatePoolWithQuotaTag_raises_or_gives_NULL_on_request)
{
    check_pool(QUOTA, STATUS_INSUFFICIENT_RESOURCES, POOL_QUOTA_FAIL_INSTEAD_OF_RAISE, STATUS_SUCCESS);
}

NT_TEST_ONE(ExAllocatePoolPriorityZero_gives_zeroes)
{
    UCHAR *block = ExAllocatePoolPriorityZero(NonPagedPoolNx, 100, TAG, NormalPoolPriority);
    ck_assert_ptr_nonnull(block);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(block[i], 0);
    ExFreePoolWithTag(block, TAG);
    refuse_next();
    ck_assert_ptr_null(ExAllocatePoolPriorityZero(NonPagedPoolNx, 100, TAG, NormalPoolPriority));
    refuse_end();
}

static struct {
    POOL_TYPE type;
    SIZE_T bytes;
    ULONG tag, allocated, freed;
    bool fails;
} asked;

static NTAPI PVOID
asked_allocate(POOL_TYPE type, SIZE_T bytes, ULONG tag)
{
    asked.type = type;
    asked.bytes = bytes;
    asked.tag = tag;
    asked.allocated++;
    return asked.fails ? NULL : ExAllocatePoolWithTag(NonPagedPoolNx, bytes, tag);
}

static NTAPI VOID
asked_free(PVOID buffer)
{
    asked.freed++;
    ExFreePool(buffer);
}

// Either kind of list behind one set of functions.
struct either_list {
    bool is_paged;
    NPAGED_LOOKASIDE_LIST plain;
    PAGED_LOOKASIDE_LIST paged;
};

static void
list_make(struct either_list *l, PALLOCATE_FUNCTION allocate, PFREE_FUNCTION release, ULONG flags)
{
    memset(&asked, 0, sizeof asked);
    memset(&l->plain, 0xcc, sizeof l->plain);
    memset(&l->paged, 0xcc, sizeof l->paged);
    if (l->is_paged)
        ExInitializePagedLookasideList(&l->paged, allocate, release, flags, 64, TAG, 0);
    else
        ExInitializeNPagedLookasideList(&l->plain, allocate, release, flags, 64, TAG, 0);
}

static void *
list_take(struct either_list *l)
{
    return l->is_paged ? ExAllocateFromPagedLookasideList(&l->paged) : ExAllocateFromNPagedLookasideList(&l->plain);
}

static void
list_put(struct either_list *l, void *entry)
{
    if (l->is_paged)
        ExFreeToPagedLookasideList(&l->paged, entry);
    else
        ExFreeToNPagedLookasideList(&l->plain, entry);
}

static void
list_end(struct either_list *l)
{
    if (l->is_paged)
        ExDeletePagedLookasideList(&l->paged);
    else
        ExDeleteNPagedLookasideList(&l->plain);
}

static NTSTATUS
list_refused(struct either_list *l)
{
    NTSTATUS status = STATUS_SUCCESS;
    __try {
        ck_assert_ptr_null(list_take(l));
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = (NTSTATUS)GetExceptionCode();
    }
    return status;
}

// By the driver's functions: they are told the kind of pool, the size and the tag, and asked when the list is empty or full.
static void
check_functions(bool is_paged, ULONG flags, int type)
{
    struct either_list l = {.is_paged = is_paged};
    list_make(&l, asked_allocate, asked_free, flags);
    ck_assert_uint_eq(asked.allocated, 0);                   // none in advance
    void *a = list_take(&l), *b = list_take(&l);
    ck_assert(a && b && asked.allocated == 2 && asked.type == (POOL_TYPE)type && asked.bytes == 64 && asked.tag == TAG);
    list_put(&l, a);
    list_put(&l, b);
    ck_assert_uint_eq(asked.freed, 0);
    ck_assert_ptr_eq(list_take(&l), b);                      // the first of the list
    ck_assert_ptr_eq(list_take(&l), a);
    ck_assert_uint_eq(asked.allocated, 2);
    asked.fails = true;
    ck_assert_int_eq(list_refused(&l), flags & POOL_RAISE_IF_ALLOCATION_FAILURE ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS);
    list_put(&l, a);
    list_put(&l, b);
    list_end(&l);
    ck_assert_uint_eq(asked.freed, 2);
}

// By pool, which counts blocks by tag: those that are kept, those beyond the depth, and none at the end.
static void
check_by_pool(bool is_paged)
{
    struct either_list l = {.is_paged = is_paged};
    struct ex_pool_usage usage;
    void *blocks[300];
    list_make(&l, NULL, NULL, 0);
    for (int i = 0; i < 300; i++)
        memset(blocks[i] = list_take(&l), 0x5a, 64);
    for (int i = 0; i < 300; i++)
        list_put(&l, blocks[i]);
    ex_pool_usage_get(box_self(), TAG, &usage);
    uint64_t kept = usage.allocations - usage.frees;
    ck_assert(usage.allocations == 300 && kept > 0 && kept < 300);
    refuse_next();
    for (uint64_t i = 0; i < kept; i++)
        ck_assert_ptr_nonnull(blocks[i] = list_take(&l));
    ck_assert_int_eq(list_refused(&l), STATUS_SUCCESS);
    refuse_end();
    for (uint64_t i = 0; i < kept; i++)
        list_put(&l, blocks[i]);
    list_end(&l);
    ex_pool_usage_get(box_self(), TAG, &usage);
    ck_assert_uint_eq(usage.allocations, usage.frees);
}

static void
check_raise(bool is_paged)
{
    struct either_list l = {.is_paged = is_paged};
    list_make(&l, NULL, NULL, POOL_RAISE_IF_ALLOCATION_FAILURE);
    refuse_next();
    ck_assert_int_eq(list_refused(&l), STATUS_INSUFFICIENT_RESOURCES);
    refuse_end();
    list_end(&l);
}

NT_TEST_ONE(ExInitializeNPagedLookasideList_tells_the_drivers_functions_what_to_allocate)
{
    check_functions(false, 0, NonPagedPool);
    check_functions(false, POOL_NX_ALLOCATION, NonPagedPoolNx);
    check_functions(false, POOL_RAISE_IF_ALLOCATION_FAILURE, NonPagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE);
    check_raise(false);
}
NT_TEST_ONE(ExInitializePagedLookasideList_tells_the_drivers_functions_what_to_allocate)
{
    check_functions(true, 0, PagedPool);
    check_functions(true, POOL_NX_ALLOCATION, PagedPool);
    check_functions(true, POOL_RAISE_IF_ALLOCATION_FAILURE, PagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE);
    check_raise(true);
}
NT_TEST_ONE(ExAllocateFromNPagedLookasideList_takes_from_the_list_or_pool_or_gives_NULL)
{
    check_by_pool(false);
}
NT_TEST_ONE(ExAllocateFromPagedLookasideList_takes_from_the_list_or_pool_or_gives_NULL)
{
    check_by_pool(true);
}
NT_TEST_ONE(ExFreeToNPagedLookasideList_keeps_no_more_than_its_depth)
{
    check_by_pool(false);
}
NT_TEST_ONE(ExFreeToPagedLookasideList_keeps_no_more_than_its_depth)
{
    check_by_pool(true);
}
NT_TEST_ONE(ExDeleteNPagedLookasideList_gives_what_it_keeps_to_the_drivers_function)
{
    check_functions(false, 0, NonPagedPool);
}
NT_TEST_ONE(ExDeletePagedLookasideList_gives_what_it_keeps_to_the_drivers_function)
{
    check_functions(true, 0, PagedPool);
}

// The code that a raise gives to the handler.
static NTSTATUS
raised(VOID(NTAPI *raise)(VOID), NTSTATUS status)
{
    NTSTATUS code = STATUS_SUCCESS;
    __try {
        if (raise)
            raise();
        else
            ExRaiseStatus(status);
        code = STATUS_UNSUCCESSFUL;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        code = (NTSTATUS)GetExceptionCode();
    }
    return code;
}

NT_TEST_ONE(ExRaiseStatus_gives_the_handler_its_status)
{
    ck_assert_int_eq(raised(NULL, STATUS_DISK_FULL), STATUS_DISK_FULL);
    KIRQL old;
    KeRaiseIrql(APC_LEVEL, &old);
    ck_assert_int_eq(raised(NULL, STATUS_NO_MEMORY), STATUS_NO_MEMORY);
    KeLowerIrql(old);
}

NT_TEST_ONE(ExRaiseAccessViolation_gives_the_handler_STATUS_ACCESS_VIOLATION)
{
    ck_assert_int_eq(raised(ExRaiseAccessViolation, 0), STATUS_ACCESS_VIOLATION);
}

NT_TEST_ONE(ExRaiseDatatypeMisalignment_gives_the_handler_STATUS_DATATYPE_MISALIGNMENT)
{
    ck_assert_int_eq(raised(ExRaiseDatatypeMisalignment, 0), STATUS_DATATYPE_MISALIGNMENT);
}

NT_TEST_ONE(ExGetPreviousMode_is_user_mode_while_a_thread_acts_for_a_process)
{
    ck_assert_int_eq(ExGetPreviousMode(), KernelMode);
    ke_self()->previous_mode = UserMode;
    ck_assert_int_eq(ExGetPreviousMode(), UserMode);
    ke_self()->previous_mode = KernelMode;
}

// The time zone of a box is UTC, whose bias is 0.
NT_TEST_ONE(ExSystemTimeToLocalTime_subtracts_the_bias)
{
    LARGE_INTEGER from = {.QuadPart = 132539328000000000}, to = {.QuadPart = 1};
    ExSystemTimeToLocalTime(&from, &to);
    ck_assert_int_eq(to.QuadPart, 132539328000000000);
}

NT_TEST_ONE(ExLocalTimeToSystemTime_adds_the_bias)
{
    LARGE_INTEGER from = {.QuadPart = 132539328000000000}, to = {.QuadPart = 1};
    ExLocalTimeToSystemTime(&from, &to);
    ck_assert_int_eq(to.QuadPart, 132539328000000000);
}

static ULONG
current_resolution(void)
{
    ULONG maximum, minimum, current;
    ExQueryTimerResolution(&maximum, &minimum, &current);
    ck_assert(maximum == 156250 && minimum == 5000);
    return current;
}

NT_TEST_ONE(ExQueryTimerResolution_gives_the_range_and_what_is_set)
{
    ck_assert_uint_eq(current_resolution(), 156250);
    ExSetTimerResolution(20000, TRUE);
    ck_assert_uint_eq(current_resolution(), 20000);
    ExSetTimerResolution(0, FALSE);
    ck_assert_uint_eq(current_resolution(), 156250);
}

NT_TEST_ONE(ExSetTimerResolution_only_shortens_until_all_have_restored_it)
{
    ck_assert_uint_eq(ExSetTimerResolution(0, FALSE), 156250);
    ck_assert_uint_eq(ExSetTimerResolution(20000, TRUE), 20000);
    ck_assert_uint_eq(ExSetTimerResolution(50000, TRUE), 20000);       // longer changes nothing
    ck_assert_uint_eq(ExSetTimerResolution(1, TRUE), 5000);            // shorter than the clock can: what it can
    ck_assert_uint_eq(ExSetTimerResolution(0, FALSE), 5000);
    ck_assert_uint_eq(ExSetTimerResolution(0, FALSE), 5000);
    ck_assert_uint_eq(ExSetTimerResolution(77, FALSE), 156250);        // the third of three
    ck_assert_uint_eq(ExSetTimerResolution(200000, TRUE), 156250);
}

struct work {
    WORK_QUEUE_ITEM item;
    _Atomic uint32_t ran;
    KIRQL irql;
    PKTHREAD thread;
};

static NTAPI VOID
work_routine(PVOID parameter)
{
    struct work *w = parameter;
    w->irql = KeGetCurrentIrql();
    w->thread = KeGetCurrentThread();
    w->ran++;
}

NT_TEST(ExQueueWorkItem_runs_it_once_at_PASSIVE_LEVEL_from_either_queue)
{
    static const WORK_QUEUE_TYPE queues[] = {CriticalWorkQueue, DelayedWorkQueue};
    for (int i = 0; i < 2; i++) {
        struct work w = {.irql = 9};
        memset(&w.item, 0xcc, sizeof w.item);
        ExInitializeWorkItem(&w.item, work_routine, &w);
        KIRQL old = KeRaiseIrqlToDpcLevel();
        ExQueueWorkItem(&w.item, queues[i]);
        KeLowerIrql(old);
        nt_test_sleep_ms(10);
        ck_assert(w.ran == 1 && w.irql == PASSIVE_LEVEL && w.thread != KeGetCurrentThread());
    }
}

NT_TEST_ONE(ExInitializeWorkItem_sets_routine_context_and_an_empty_link)
{
    WORK_QUEUE_ITEM item;
    memset(&item, 0xcc, sizeof item);
    ExInitializeWorkItem(&item, work_routine, &item);
    ck_assert(item.WorkerRoutine == work_routine && item.Parameter == &item && !item.List.Flink);
}

static void
queue_twice(void)
{
    static struct work w;
    ExInitializeWorkItem(&w.item, work_routine, &w);
    ExQueueWorkItem(&w.item, DelayedWorkQueue);
    ExQueueWorkItem(&w.item, DelayedWorkQueue);
}

TEST(ExQueueWorkItem_of_an_item_in_a_queue_is_a_bug_check)
{
    expect_bugcheck(queue_twice, "0xE4 WORKER_INVALID");
}

NT_TEST_ONE(ExUuidCreate_makes_random_uuids_of_version_4)
{
    UUID uuids[64];
    memset(uuids, 0, sizeof uuids);
    for (int i = 0; i < 64; i++) {
        ck_assert_int_eq(ExUuidCreate(&uuids[i]), STATUS_SUCCESS);
        ck_assert(uuids[i].Data3 >> 12 == 4 && uuids[i].Data4[0] >> 6 == 2);
        for (int j = 0; j < i; j++)
            ck_assert(memcmp(&uuids[i], &uuids[j], sizeof(UUID)) != 0);
    }
}
