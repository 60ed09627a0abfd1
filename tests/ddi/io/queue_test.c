// SPDX-License-Identifier: MIT
// Device queues, remove locks and cancel-safe queues, each promise of their pages. Sources: [wdm/nf-wdm-keinsertdevicequeue] and its
// neighbours, [windows-driver-docs kernel/using-remove-locks], [wdm/nf-wdm-iocsqinitializeex] and its neighbours.
#include <string.h>

#include "unit/nt/bugcheck.h"

// Most of them are for DISPATCH_LEVEL.
#define AT_DISPATCH for (KIRQL old_irql = KeRaiseIrqlToDpcLevel(), once = 1; once; once = 0, KeLowerIrql(old_irql))

static KDEVICE_QUEUE queue;
static KDEVICE_QUEUE_ENTRY entries[6];

static void
queue_make(void)
{
    memset(&queue, 0xcc, sizeof queue);
    memset(entries, 0, sizeof entries);
    KeInitializeDeviceQueue(&queue);
}

NT_TEST_ONE(KeInitializeDeviceQueue_makes_it_not_busy)
{
    queue_make();
    ck_assert(!queue.Busy && IsListEmpty(&queue.DeviceListHead));
}

NT_TEST_ONE(KeInsertDeviceQueue_makes_it_busy_and_then_queues_at_the_tail)
{
    queue_make();
    AT_DISPATCH
    {
        ck_assert_int_eq(KeInsertDeviceQueue(&queue, &entries[0]), FALSE);
        ck_assert(queue.Busy && IsListEmpty(&queue.DeviceListHead));
        ck_assert_int_eq(KeInsertDeviceQueue(&queue, &entries[1]), TRUE);
        ck_assert_int_eq(KeInsertDeviceQueue(&queue, &entries[2]), TRUE);
        ck_assert_ptr_eq(KeRemoveDeviceQueue(&queue), &entries[1]);
        ck_assert_ptr_eq(KeRemoveDeviceQueue(&queue), &entries[2]);
    }
}

NT_TEST_ONE(KeRemoveDeviceQueue_takes_the_head_or_makes_it_not_busy)
{
    queue_make();
    AT_DISPATCH
    {
        KeInsertDeviceQueue(&queue, &entries[0]);
        KeInsertDeviceQueue(&queue, &entries[1]);
        ck_assert_ptr_eq(KeRemoveDeviceQueue(&queue), &entries[1]);
        ck_assert(queue.Busy);
        ck_assert_ptr_null(KeRemoveDeviceQueue(&queue));
        ck_assert(!queue.Busy);
        ck_assert_int_eq(KeInsertDeviceQueue(&queue, &entries[2]), FALSE);
    }
}

// Keys 5, 2, 5, 9, 2 behind one that is being processed: 2, 2, 5, 5, 9, those of one key as they came.
static void
queue_fill(void)
{
    static const ULONG keys[] = {5, 2, 5, 9, 2};
    queue_make();
    ck_assert_int_eq(KeInsertByKeyDeviceQueue(&queue, &entries[5], 7), FALSE);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(KeInsertByKeyDeviceQueue(&queue, &entries[i], keys[i]), TRUE);
}

NT_TEST_ONE(KeInsertByKeyDeviceQueue_sorts_behind_those_of_its_key)
{
    static const int order[] = {1, 4, 0, 2, 3};
    AT_DISPATCH
    {
        queue_fill();
        for (int i = 0; i < 5; i++)
            ck_assert_ptr_eq(KeRemoveDeviceQueue(&queue), &entries[order[i]]);
    }
}

NT_TEST_ONE(KeRemoveByKeyDeviceQueue_takes_the_first_not_below_the_key_or_the_first)
{
    AT_DISPATCH
    {
        queue_fill();
        ck_assert_ptr_eq(KeRemoveByKeyDeviceQueue(&queue, 3), &entries[0]);
        ck_assert_ptr_eq(KeRemoveByKeyDeviceQueue(&queue, 5), &entries[2]);
        ck_assert_ptr_eq(KeRemoveByKeyDeviceQueue(&queue, 10), &entries[1]);   // none: the first
        ck_assert_ptr_eq(KeRemoveByKeyDeviceQueue(&queue, 9), &entries[3]);
        ck_assert_ptr_eq(KeRemoveByKeyDeviceQueue(&queue, 0), &entries[4]);
        ck_assert(queue.Busy);
        ck_assert_ptr_null(KeRemoveByKeyDeviceQueue(&queue, 0));
        ck_assert(!queue.Busy);
    }
}

NT_TEST_ONE(KeRemoveEntryDeviceQueue_takes_one_that_is_queued_and_keeps_the_state)
{
    AT_DISPATCH
    {
        queue_fill();
        ck_assert_int_eq(KeRemoveEntryDeviceQueue(&queue, &entries[0]), TRUE);
        ck_assert_int_eq(KeRemoveEntryDeviceQueue(&queue, &entries[0]), FALSE);
        ck_assert_int_eq(KeRemoveEntryDeviceQueue(&queue, &entries[5]), FALSE);    // being processed
        static const int order[] = {1, 4, 2, 3};
        for (int i = 0; i < 4; i++)
            ck_assert_ptr_eq(KeRemoveDeviceQueue(&queue), &entries[order[i]]);
        ck_assert(queue.Busy);
    }
}

struct removal {
    IO_REMOVE_LOCK lock;
    _Atomic bool over;
};

static void
removal_main(void *arg)
{
    struct removal *r = arg;
    IoReleaseRemoveLockAndWaitEx(&r->lock, r, sizeof r->lock);
    r->over = true;
}

static NTSTATUS
acquire(struct removal *r)
{
    return IoAcquireRemoveLockEx(&r->lock, r, __FILE__, __LINE__, sizeof r->lock);
}

// Two operations and the removal: it waits for both, and from its start on nothing new begins.
static void
check_removal(void)
{
    struct removal r = {.over = false};
    memset(&r.lock, 0xcc, sizeof r.lock);
    IoInitializeRemoveLockEx(&r.lock, 'tseT', 0, 0, sizeof r.lock);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(acquire(&r), STATUS_SUCCESS);
    KeLowerIrql(old);
    struct ke_thread *thread = nt_test_start(removal_main, &r);
    nt_test_sleep_ms(5);
    ck_assert_int_eq(acquire(&r), STATUS_DELETE_PENDING);
    IoReleaseRemoveLockEx(&r.lock, &r, sizeof r.lock);
    nt_test_sleep_ms(5);
    ck_assert(!r.over);
    IoReleaseRemoveLockEx(&r.lock, &r, sizeof r.lock);
    ke_thread_join(thread);
    ck_assert(r.over);
    ck_assert_int_eq(acquire(&r), STATUS_DELETE_PENDING);
    IoInitializeRemoveLockEx(&r.lock, 'tseT', 0, 0, sizeof r.lock);
    ck_assert_int_eq(acquire(&r), STATUS_SUCCESS);
    IoReleaseRemoveLockAndWaitEx(&r.lock, &r, sizeof r.lock);      // the last one does not wait
}

NT_TEST(IoInitializeRemoveLockEx_makes_dirty_memory_a_lock_that_can_be_taken)
{
    check_removal();
}
NT_TEST(IoAcquireRemoveLockEx_fails_with_STATUS_DELETE_PENDING_from_the_removal_on)
{
    check_removal();
}
NT_TEST(IoReleaseRemoveLockEx_of_the_last_one_ends_the_wait)
{
    check_removal();
}
NT_TEST(IoReleaseRemoveLockAndWaitEx_waits_for_all_the_others)
{
    check_removal();
}

// A cancel-safe queue whose functions write down what they are asked.
struct safe_queue {
    IO_CSQ csq;
    LIST_ENTRY irps;
    KSPIN_LOCK lock;
    char story[64];
    PVOID insert_context, peek_context;
    NTSTATUS insert_status;
    PIRP cancelled;
};

static struct safe_queue *
queue_of(PIO_CSQ csq, char what)
{
    struct safe_queue *q = CONTAINING_RECORD(csq, struct safe_queue, csq);
    size_t end = strlen(q->story);
    q->story[end] = what;
    q->story[end + 1] = 0;
    return q;
}

static NTAPI VOID
safe_insert(PIO_CSQ csq, PIRP irp)
{
    InsertTailList(&queue_of(csq, 'i')->irps, &irp->Tail.Overlay.ListEntry);
}

static NTAPI NTSTATUS
safe_insert_ex(PIO_CSQ csq, PIRP irp, PVOID context)
{
    struct safe_queue *q = queue_of(csq, 'x');
    q->insert_context = context;
    if (NT_SUCCESS(q->insert_status))
        InsertTailList(&q->irps, &irp->Tail.Overlay.ListEntry);
    return q->insert_status;
}

static NTAPI VOID
safe_remove(PIO_CSQ csq, PIRP irp)
{
    queue_of(csq, 'r');
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
}

static NTAPI PIRP
safe_peek(PIO_CSQ csq, PIRP irp, PVOID context)
{
    struct safe_queue *q = queue_of(csq, 'p');
    q->peek_context = context;
    LIST_ENTRY *next = irp ? irp->Tail.Overlay.ListEntry.Flink : q->irps.Flink;
    return next == &q->irps ? NULL : CONTAINING_RECORD(next, IRP, Tail.Overlay.ListEntry);
}

static NTAPI VOID
safe_lock(PIO_CSQ csq, PKIRQL irql)
{
    KeAcquireSpinLock(&queue_of(csq, '(')->lock, irql);
}

static NTAPI VOID
safe_unlock(PIO_CSQ csq, KIRQL irql)
{
    KeReleaseSpinLock(&queue_of(csq, ')')->lock, irql);
}

static NTAPI VOID
safe_cancelled(PIO_CSQ csq, PIRP irp)
{
    queue_of(csq, 'c')->cancelled = irp;
}

static void
safe_make(struct safe_queue *q, bool is_ex)
{
    memset(q, 0, sizeof *q);
    memset(&q->csq, 0xcc, sizeof q->csq);
    InitializeListHead(&q->irps);
    KeInitializeSpinLock(&q->lock);
    ck_assert_int_eq(is_ex ? IoCsqInitializeEx(&q->csq, safe_insert_ex, safe_remove, safe_peek, safe_lock, safe_unlock, safe_cancelled)
                           : IoCsqInitialize(&q->csq, safe_insert, safe_remove, safe_peek, safe_lock, safe_unlock, safe_cancelled),
                     STATUS_SUCCESS);
}

// An IRP as a dispatch routine has it: with a stack location of its own.
static PIRP
irp_make(void)
{
    PIRP irp = IoAllocateIrp(2, FALSE);
    ck_assert_ptr_nonnull(irp);
    IoSetNextIrpStackLocation(irp);
    return irp;
}

static bool
is_pending(PIRP irp)
{
    return IoGetCurrentIrpStackLocation(irp)->Control & SL_PENDING_RETURNED;
}

NT_TEST_ONE(IoCsqInsertIrp_locks_inserts_marks_pending_and_unlocks)
{
    struct safe_queue q;
    IO_CSQ_IRP_CONTEXT context;
    PIRP irp = irp_make();
    safe_make(&q, false);
    IoCsqInsertIrp(&q.csq, irp, &context);
    ck_assert_str_eq(q.story, "(i)");
    ck_assert(is_pending(irp) && context.Irp == irp);
    ck_assert_ptr_eq(IoCsqRemoveIrp(&q.csq, &context), irp);
    PIRP cancelled = irp_make();
    IoCancelIrp(cancelled);
    q.story[0] = 0;
    IoCsqInsertIrp(&q.csq, cancelled, NULL);                 // it was cancelled before: it goes to the driver at once
    ck_assert_ptr_eq(q.cancelled, cancelled);
    ck_assert(IsListEmpty(&q.irps));
    IoFreeIrp(irp);
    IoFreeIrp(cancelled);
}

NT_TEST_ONE(IoCsqInsertIrpEx_hands_on_the_context_and_gives_what_the_drivers_function_gives)
{
    struct safe_queue q;
    PIRP irp = irp_make(), other = irp_make();
    safe_make(&q, true);
    ck_assert_int_eq(IoCsqInsertIrpEx(&q.csq, irp, NULL, &q), STATUS_SUCCESS);
    ck_assert_str_eq(q.story, "(x)");
    ck_assert(is_pending(irp) && q.insert_context == &q);
    q.insert_status = STATUS_DEVICE_BUSY;
    ck_assert_int_eq(IoCsqInsertIrpEx(&q.csq, other, NULL, NULL), STATUS_DEVICE_BUSY);
    ck_assert_ptr_null(q.insert_context);
    ck_assert_ptr_eq(IoCsqRemoveNextIrp(&q.csq, NULL), irp);
    ck_assert_ptr_null(IoCsqRemoveNextIrp(&q.csq, NULL));
    safe_make(&q, false);
    ck_assert_int_eq(IoCsqInsertIrpEx(&q.csq, other, NULL, &q), STATUS_SUCCESS);
    ck_assert_str_eq(q.story, "(i)");                        // a plain queue has no use for the context
    ck_assert_ptr_eq(IoCsqRemoveNextIrp(&q.csq, NULL), other);
    IoFreeIrp(irp);
    IoFreeIrp(other);
}

NT_TEST_ONE(IoCsqInitialize_makes_a_queue_that_calls_the_plain_insert)
{
    struct safe_queue q;
    PIRP irp = irp_make();
    safe_make(&q, false);
    IoCsqInsertIrp(&q.csq, irp, NULL);
    ck_assert_str_eq(q.story, "(i)");
    IoCancelIrp(irp);
    ck_assert_str_eq(q.story, "(i)(r)c");                    // out of the queue, and then to the driver
    ck_assert_ptr_eq(q.cancelled, irp);
    IoFreeIrp(irp);
}

NT_TEST_ONE(IoCsqInitializeEx_makes_a_queue_that_calls_the_extended_insert)
{
    struct safe_queue q;
    PIRP irp = irp_make();
    safe_make(&q, true);
    IoCsqInsertIrp(&q.csq, irp, NULL);
    ck_assert_str_eq(q.story, "(x)");
    IoCancelIrp(irp);
    ck_assert_str_eq(q.story, "(x)(r)c");
    IoFreeIrp(irp);
}

NT_TEST_ONE(IoCsqRemoveIrp_gives_the_contexts_irp_or_NULL_once_it_is_cancelled)
{
    struct safe_queue q;
    IO_CSQ_IRP_CONTEXT contexts[2];
    PIRP irps[2] = {irp_make(), irp_make()};
    safe_make(&q, false);
    for (int i = 0; i < 2; i++)
        IoCsqInsertIrp(&q.csq, irps[i], &contexts[i]);
    q.story[0] = 0;
    ck_assert_ptr_eq(IoCsqRemoveIrp(&q.csq, &contexts[1]), irps[1]);
    ck_assert_str_eq(q.story, "(r)");
    ck_assert_int_eq(IoCancelIrp(irps[1]), FALSE);           // nobody's any more
    ck_assert_int_eq(IoCancelIrp(irps[0]), TRUE);
    ck_assert_ptr_null(IoCsqRemoveIrp(&q.csq, &contexts[0]));
    IoFreeIrp(irps[0]);
    IoFreeIrp(irps[1]);
}

NT_TEST_ONE(IoCsqRemoveNextIrp_gives_the_one_that_the_driver_finds_with_the_context)
{
    struct safe_queue q;
    PIRP irps[2] = {irp_make(), irp_make()};
    safe_make(&q, false);
    for (int i = 0; i < 2; i++)
        IoCsqInsertIrp(&q.csq, irps[i], NULL);
    q.story[0] = 0;
    ck_assert_ptr_eq(IoCsqRemoveNextIrp(&q.csq, &q), irps[0]);
    ck_assert_str_eq(q.story, "(pr)");
    ck_assert_ptr_eq(q.peek_context, &q);
    ck_assert_ptr_eq(IoCsqRemoveNextIrp(&q.csq, NULL), irps[1]);
    ck_assert_ptr_null(IoCsqRemoveNextIrp(&q.csq, NULL));
    IoFreeIrp(irps[0]);
    IoFreeIrp(irps[1]);
}
