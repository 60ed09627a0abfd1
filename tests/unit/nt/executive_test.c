// SPDX-License-Identifier: MIT
// Work items, lookaside lists, SLISTs, the executive's locks, rundown protection, MDLs.
#include "unit/nt/nt_test.h"

#ifdef NT_TEST_THREADS
#define TURNS 3000
#else
#define TURNS 100
#endif

struct job {
    WORK_QUEUE_ITEM item;
    KEVENT done;
    KEVENT *gate;
    KIRQL irql;
};

static NTAPI VOID
job_run(PVOID parameter)
{
    struct job *job = parameter;
    job->irql = KeGetCurrentIrql();
    if (job->gate)
        KeWaitForSingleObject(job->gate, Executive, KernelMode, FALSE, NULL);
    KeSetEvent(&job->done, 0, FALSE);
}

static void
job_init(struct job *job, KEVENT *gate)
{
    *job = (struct job){.gate = gate, .irql = HIGH_LEVEL};
    KeInitializeEvent(&job->done, NotificationEvent, FALSE);
    ExInitializeWorkItem(&job->item, job_run, job);
}

NT_TEST(ExQueueWorkItem_runs_the_routine_at_passive_in_another_thread)
{
    struct job job;
    job_init(&job, NULL);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ExQueueWorkItem(&job.item, DelayedWorkQueue);
    KeLowerIrql(old);
    KeWaitForSingleObject(&job.done, Executive, KernelMode, FALSE, NULL);
    ck_assert_uint_eq(job.irql, PASSIVE_LEVEL);
}

// Ten items that each wait for the next one: a pool of fixed size would hang.
NT_TEST(ExQueueWorkItem_items_may_wait_for_items_queued_after_them)
{
    struct job jobs[10];
    for (int i = 0; i < 10; i++)
        job_init(&jobs[i], i < 9 ? &jobs[i + 1].done : NULL);
    for (int i = 0; i < 10; i++)
        ExQueueWorkItem(&jobs[i].item, i % 2 ? DelayedWorkQueue : CriticalWorkQueue);
    KeWaitForSingleObject(&jobs[0].done, Executive, KernelMode, FALSE, NULL);
}

NT_TEST(ExAllocateFromNPagedLookasideList_gives_back_the_block_freed_last)
{
    NPAGED_LOOKASIDE_LIST list;
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 100, 'kooL', 0);
    char *a = ExAllocateFromNPagedLookasideList(&list), *b = ExAllocateFromNPagedLookasideList(&list);
    ck_assert_ptr_ne(a, b);
    memset(a, 1, 100);
    memset(b, 2, 100);
    ExFreeToNPagedLookasideList(&list, a);
    ExFreeToNPagedLookasideList(&list, b);
    ck_assert_ptr_eq(ExAllocateFromNPagedLookasideList(&list), b);
    ck_assert_ptr_eq(ExAllocateFromNPagedLookasideList(&list), a);
    memset(a, 3, 100);
    ExFreeToNPagedLookasideList(&list, a);
    ExFreeToNPagedLookasideList(&list, b);
    ExDeleteNPagedLookasideList(&list);
}

static _Atomic int own_allocated, own_freed;

static NTAPI PVOID
own_allocate(POOL_TYPE type, SIZE_T bytes, ULONG tag, PLOOKASIDE_LIST_EX list)
{
    own_allocated++;
    return ExAllocatePoolWithTag(type, bytes, tag);
}

static NTAPI VOID
own_free(PVOID block, PLOOKASIDE_LIST_EX list)
{
    own_freed++;
    ExFreePool(block);
}

NT_TEST(ExInitializeLookasideListEx_uses_the_drivers_functions_for_misses)
{
    LOOKASIDE_LIST_EX list;
    own_allocated = own_freed = 0;
#define OWN_INIT(flags, depth) ExInitializeLookasideListEx(&list, own_allocate, own_free, NonPagedPoolNx, flags, 64, 'kooL', depth)
    ck_assert_int_eq(OWN_INIT(0, 1), STATUS_INVALID_PARAMETER_8);
    ck_assert_int_eq(OWN_INIT(3, 0), STATUS_INVALID_PARAMETER_5);
    ck_assert_int_eq(OWN_INIT(0, 0), STATUS_SUCCESS);
    void *blocks[300];
    for (int i = 0; i < 300; i++)
        blocks[i] = ExAllocateFromLookasideListEx(&list);
    ck_assert_int_eq(own_allocated, 300);
    for (int i = 0; i < 300; i++)
        ExFreeToLookasideListEx(&list, blocks[i]);
    ck_assert_int_eq(own_freed, 300 - 256);
    for (int i = 0; i < 100; i++)
        blocks[i] = ExAllocateFromLookasideListEx(&list);
    ck_assert_int_eq(own_allocated, 300);
    for (int i = 0; i < 100; i++)
        ExFreeToLookasideListEx(&list, blocks[i]);
    ExDeleteLookasideListEx(&list);
    ck_assert_int_eq(own_freed, 300);
}

struct slist_shared {
    SLIST_HEADER head;
    _Atomic int popped;
};

struct slist_item {
    SLIST_ENTRY entry;
    _Atomic int held;
};

static void
slist_churn(void *arg)
{
    struct slist_shared *shared = arg;
    for (int i = 0; i < TURNS; i++) {
        PSLIST_ENTRY entry = InterlockedPopEntrySList(&shared->head);
        if (!entry)
            continue;
        struct slist_item *item = CONTAINING_RECORD(entry, struct slist_item, entry);
        ck_assert_int_eq(item->held++, 0);
        shared->popped++;
        item->held--;
        InterlockedPushEntrySList(&shared->head, entry);
    }
}

NT_TEST_ON(4, InterlockedPopEntrySList_gives_each_entry_to_one_thread)
{
    struct slist_shared shared;
    struct slist_item items[3];
    InitializeSListHead(&shared.head);
    shared.popped = 0;
    ck_assert_ptr_null(InterlockedPopEntrySList(&shared.head));
    for (int i = 0; i < 3; i++) {
        items[i].held = 0;
        ck_assert_ptr_eq(InterlockedPushEntrySList(&shared.head, &items[i].entry), i ? &items[i - 1].entry : NULL);
    }
    ck_assert_uint_eq(QueryDepthSList(&shared.head), 3);
    struct ke_thread *helpers[3];
    for (int i = 0; i < 3; i++)
        helpers[i] = nt_test_start(slist_churn, &shared);
    for (int i = 0; i < 3; i++)
        ke_thread_join(helpers[i]);
    ck_assert_int_gt(shared.popped, 0);
    ck_assert_uint_eq(QueryDepthSList(&shared.head), 3);
    int count = 0;
    for (PSLIST_ENTRY entry = InterlockedFlushSList(&shared.head); entry; entry = entry->Next)
        count++;
    ck_assert_int_eq(count, 3);
    ck_assert_ptr_null(FirstEntrySList(&shared.head));
}

struct pair {
    FAST_MUTEX fast;
    EX_PUSH_LOCK push;
    EX_SPIN_LOCK rw;
    int kind;
    uint64_t a, b;               // plain, and equal for whoever holds the lock
};

static void
pair_take(struct pair *p, bool exclusive, KIRQL *old)
{
    if (p->kind == 0) {
        ExAcquireFastMutex(&p->fast);
        ck_assert_uint_eq(KeGetCurrentIrql(), APC_LEVEL);
    } else if (p->kind == 1) {
        KeEnterCriticalRegion();
        exclusive ? ExAcquirePushLockExclusive(&p->push) : ExAcquirePushLockShared(&p->push);
    } else {
        *old = exclusive ? ExAcquireSpinLockExclusive(&p->rw) : ExAcquireSpinLockShared(&p->rw);
    }
}

static void
pair_drop(struct pair *p, bool exclusive, KIRQL old)
{
    if (p->kind == 0) {
        ExReleaseFastMutex(&p->fast);
    } else if (p->kind == 1) {
        exclusive ? ExReleasePushLockExclusive(&p->push) : ExReleasePushLockShared(&p->push);
        KeLeaveCriticalRegion();
    } else if (exclusive) {
        ExReleaseSpinLockExclusive(&p->rw, old);
    } else {
        ExReleaseSpinLockShared(&p->rw, old);
    }
}

static void
pair_work(void *arg)
{
    struct pair *p = arg;
    for (int i = 0; i < TURNS; i++) {
        bool exclusive = i % 3 == 0;
        KIRQL old = PASSIVE_LEVEL;
        pair_take(p, exclusive, &old);
        if (exclusive) {
            p->a++;
            KeGetCurrentProcessorNumberEx(NULL);
            p->b++;
        } else {
            ck_assert_uint_eq(p->a, p->b);
        }
        pair_drop(p, exclusive, old);
        ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    }
}

static void
pair_test(int kind)
{
    struct pair p = {.kind = kind};
    ExInitializeFastMutex(&p.fast);
    ExInitializePushLock(&p.push);
    struct ke_thread *helpers[4];
    for (int i = 0; i < 4; i++)
        helpers[i] = nt_test_start(pair_work, &p);
    for (int i = 0; i < 4; i++)
        ke_thread_join(helpers[i]);
    ck_assert_uint_eq(p.a, 4 * ((TURNS + 2) / 3));
}

NT_TEST_ON(3, ExAcquireFastMutex_excludes_and_raises_to_apc_level) { pair_test(0); }
NT_TEST_ON(3, ExAcquirePushLockExclusive_excludes_readers_and_writers) { pair_test(1); }
NT_TEST_ON(3, ExAcquireSpinLockExclusive_excludes_readers_and_writers) { pair_test(2); }

NT_TEST(ExTryToAcquireFastMutex_fails_while_it_is_held)
{
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    ck_assert(ExTryToAcquireFastMutex(&mutex));
    ck_assert_uint_eq(KeGetCurrentIrql(), APC_LEVEL);
    ck_assert(!ExTryToAcquireFastMutex(&mutex));
    ExReleaseFastMutex(&mutex);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

NT_TEST(KeAcquireGuardedMutex_keeps_apcs_disabled_while_held)
{
    KGUARDED_MUTEX mutex;
    KeInitializeGuardedMutex(&mutex);
    KeAcquireGuardedMutex(&mutex);
    ck_assert(KeAreAllApcsDisabled());
    KeReleaseGuardedMutex(&mutex);
    ck_assert(!KeAreAllApcsDisabled());
}

NT_TEST(ExTryConvertSharedSpinLockExclusive_succeeds_for_the_only_reader)
{
    EX_SPIN_LOCK lock = 0;
    KIRQL old = ExAcquireSpinLockShared(&lock);
    ExAcquireSpinLockSharedAtDpcLevel(&lock);
    ck_assert(!ExTryConvertSharedSpinLockExclusive(&lock));
    ExReleaseSpinLockSharedFromDpcLevel(&lock);
    ck_assert(ExTryConvertSharedSpinLockExclusive(&lock));
    ExReleaseSpinLockExclusive(&lock, old);
    ck_assert_int_eq(lock, 0);
}

struct rundown {
    EX_RUNDOWN_REF ref;
    _Atomic uint32_t inside, entered, gone;
};

static void
rundown_use(void *arg)
{
    struct rundown *r = arg;
    while (ExAcquireRundownProtection(&r->ref)) {
        r->inside++;
        r->entered++;
        ck_assert_uint_eq(r->gone, 0);
        nt_test_sleep_ms(r->entered % 2);
        r->inside--;
        ExReleaseRundownProtection(&r->ref);
    }
}

NT_TEST(ExWaitForRundownProtectionRelease_returns_after_the_last_holder_and_refuses_new_ones)
{
    struct rundown r = {0};
    ExInitializeRundownProtection(&r.ref);
    struct ke_thread *helpers[3];
    for (int i = 0; i < 3; i++)
        helpers[i] = nt_test_start(rundown_use, &r);
    while (!r.entered)
        nt_test_sleep_ms(1);
    ExWaitForRundownProtectionRelease(&r.ref);
    ck_assert_uint_eq(r.inside, 0);
    r.gone = 1;
    ck_assert(!ExAcquireRundownProtection(&r.ref));
    for (int i = 0; i < 3; i++)
        ke_thread_join(helpers[i]);
    ck_assert_uint_gt(r.entered, 0);
    ExRundownCompleted(&r.ref);
    ExReInitializeRundownProtection(&r.ref);
    ck_assert(ExAcquireRundownProtectionEx(&r.ref, 2));
    ExReleaseRundownProtectionEx(&r.ref, 2);
}

NT_TEST(ExAcquireRundownProtectionCacheAware_keeps_the_same_contract)
{
    PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'nwdR');
    ck_assert(ExAcquireRundownProtectionCacheAware(ref));
    ExReleaseRundownProtectionCacheAware(ref);
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    ck_assert(!ExAcquireRundownProtectionCacheAware(ref));
    ExReInitializeRundownProtectionCacheAware(ref);
    ck_assert(ExAcquireRundownProtectionCacheAwareEx(ref, 3));
    ExReleaseRundownProtectionCacheAwareEx(ref, 3);
    ExFreeCacheAwareRundownProtection(ref);
}

NT_TEST(ExInterlockedInsertTailList_returns_the_entry_that_was_last)
{
    LIST_ENTRY head, a, b;
    KSPIN_LOCK lock = 0;
    InitializeListHead(&head);
    ck_assert_ptr_null(ExInterlockedInsertTailList(&head, &a, &lock));
    ck_assert_ptr_eq(ExInterlockedInsertTailList(&head, &b, &lock), &a);
    ck_assert_ptr_eq(ExInterlockedRemoveHeadList(&head, &lock), &a);
    ck_assert_ptr_eq(ExInterlockedInsertHeadList(&head, &a, &lock), &b);
    ck_assert_ptr_eq(ExInterlockedRemoveHeadList(&head, &lock), &a);
    ck_assert_ptr_eq(ExInterlockedRemoveHeadList(&head, &lock), &b);
    ck_assert_ptr_null(ExInterlockedRemoveHeadList(&head, &lock));
}

NT_TEST(ExUuidCreate_makes_version_4_uuids_that_differ)
{
    UUID a, b;
    ck_assert_int_eq(ExUuidCreate(&a), STATUS_SUCCESS);
    ck_assert_int_eq(ExUuidCreate(&b), STATUS_SUCCESS);
    ck_assert_uint_eq(a.Data3 >> 12, 4);
    ck_assert_uint_eq(a.Data4[0] >> 6, 2);
    ck_assert_int_ne(memcmp(&a, &b, sizeof a), 0);
}

NT_TEST(MmBuildMdlForNonPagedPool_maps_the_buffer_where_it_is)
{
    static char buffer[3 * PAGE_SIZE];
    _Alignas(8) char memory[128];
    ULONG pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(buffer + 100, 2 * PAGE_SIZE);
    ck_assert_uint_eq(MmSizeOfMdl(buffer + 100, 2 * PAGE_SIZE), sizeof(MDL) + 8 * pages);
    PMDL mdl = (PMDL)memory;
    MmInitializeMdl(mdl, buffer + 100, 2 * PAGE_SIZE);
    MmBuildMdlForNonPagedPool(mdl);
    ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), buffer + 100);
    ck_assert_uint_eq(MmGetMdlByteCount(mdl), 2 * PAGE_SIZE);
    ck_assert_uint_eq(MmGetMdlPfnArray(mdl)[1], ((uintptr_t)buffer >> PAGE_SHIFT) + (((uintptr_t)buffer & 0xfff) + 100 >= 0x1000) + 1);
    ck_assert_uint_eq((uint64_t)MmGetPhysicalAddress(buffer + 5).QuadPart, (uintptr_t)buffer + 5);
    ck_assert_int_eq(MmAdvanceMdl(mdl, 10), STATUS_SUCCESS);
    ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), buffer + 110);
    ck_assert_int_eq(MmAdvanceMdl(mdl, 3 * PAGE_SIZE), STATUS_INVALID_PARAMETER_2);
}

NT_TEST(MmProbeAndLockPages_then_map_then_unlock_leaves_the_flags_as_before)
{
    char buffer[200];
    _Alignas(8) char memory[96];
    PMDL mdl = (PMDL)memory;
    MmInitializeMdl(mdl, buffer, sizeof buffer);
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    ck_assert(mdl->MdlFlags & MDL_PAGES_LOCKED);
    ck_assert_ptr_eq(MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority), buffer);
    ck_assert(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA);
    MmUnmapLockedPages(buffer, mdl);
    MmUnlockPages(mdl);
    ck_assert_int_eq(mdl->MdlFlags, 0);
}

NT_TEST(MmAllocatePagesForMdlEx_gives_zeroed_locked_pages)
{
    PHYSICAL_ADDRESS zero = {0}, all = {.QuadPart = -1};
    PMDL mdl = MmAllocatePagesForMdlEx(zero, all, zero, 2 * PAGE_SIZE + 1, MmCached, 0);
    ck_assert_uint_eq(MmGetMdlByteCount(mdl), 3 * PAGE_SIZE);
    char *bytes = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    for (int i = 0; i < 3 * PAGE_SIZE; i++)
        ck_assert_int_eq(bytes[i], 0);
    MmFreePagesFromMdl(mdl);
    ExFreePool(mdl);
    ck_assert_ptr_null(MmAllocatePagesForMdl(zero, all, zero, 0));
    char *contiguous = MmAllocateContiguousMemory(100, all);
    ck_assert_uint_eq((uintptr_t)contiguous & (PAGE_SIZE - 1), 0);
    MmFreeContiguousMemory(contiguous);
}

NT_TEST(MmIsAddressValid_tells_mapped_from_unmapped)
{
    char here;
    ck_assert(MmIsAddressValid(&here));
    ck_assert(!MmIsAddressValid(NULL));
    ck_assert(!MmIsAddressValid((PVOID)(uintptr_t)0x7ff000000000000));
}

NT_TEST(MmGetSystemRoutineAddress_finds_what_is_provided_only)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"KeSetEvent"), refused = RTL_CONSTANT_STRING(L"IoGetDmaAdapter"),
                   unknown = RTL_CONSTANT_STRING(L"NoSuchRoutine");
    ck_assert_ptr_eq(MmGetSystemRoutineAddress(&name), (PVOID)KeSetEvent);
    ck_assert_ptr_null(MmGetSystemRoutineAddress(&refused));
    ck_assert_ptr_null(MmGetSystemRoutineAddress(&unknown));
}

NT_TEST(MmMapLockedPagesWithReservedMapping_refuses_more_than_was_reserved)
{
    static char buffer[3 * PAGE_SIZE];
    _Alignas(8) char memory[128];
    PMDL mdl = (PMDL)memory;
    PVOID reserved = MmAllocateMappingAddress(PAGE_SIZE, 'ameR');
    MmInitializeMdl(mdl, PAGE_ALIGN(buffer + PAGE_SIZE), 100);
    MmBuildMdlForNonPagedPool(mdl);
    ck_assert_ptr_eq(MmMapLockedPagesWithReservedMapping(reserved, 'ameR', mdl, MmCached), PAGE_ALIGN(buffer + PAGE_SIZE));
    MmUnmapReservedMapping(reserved, 'ameR', mdl);
    MmInitializeMdl(mdl, PAGE_ALIGN(buffer + PAGE_SIZE), PAGE_SIZE + 1);
    MmBuildMdlForNonPagedPool(mdl);
    ck_assert_ptr_null(MmMapLockedPagesWithReservedMapping(reserved, 'ameR', mdl, MmCached));
    MmFreeMappingAddress(reserved, 'ameR');
}
