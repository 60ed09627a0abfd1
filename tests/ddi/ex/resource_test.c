// SPDX-License-Identifier: MIT
// ERESOURCEs and EX_TIMERs, each promise of their pages. Sources: [wdm/nf-wdm-exacquireresourcesharedlite] and its neighbours,
// [wdm/nf-wdm-exallocatetimer] and its neighbours, [windows-driver-docs kernel/deleting-a-system-allocated-timer-object].
#include "unit/nt/bugcheck.h"
#include "unit/nt/refuse.h"

typedef BOOLEAN(NTAPI *take_fn)(PERESOURCE, BOOLEAN);

// Another thread that takes the resource one way, without waiting or for as long as it takes, and gives it back.
struct taker {
    ERESOURCE *resource;
    take_fn take;
    BOOLEAN wait, got;
    _Atomic uint32_t done;
};

static void
taker_main(void *arg)
{
    struct taker *t = arg;
    KeEnterCriticalRegion();
    t->got = t->take(t->resource, t->wait);
    if (t->got)
        ExReleaseResourceLite(t->resource);
    KeLeaveCriticalRegion();
    t->done = 1;
}

static bool
other_gets(ERESOURCE *resource, take_fn take)
{
    struct taker t = {.resource = resource, .take = take};
    ke_thread_join(nt_test_start(taker_main, &t));
    return t.got;
}

static struct ke_thread *
other_waits(struct taker *t, ERESOURCE *resource, take_fn take)
{
    *t = (struct taker){.resource = resource, .take = take, .wait = TRUE};
    struct ke_thread *thread = nt_test_start(taker_main, t);
    nt_test_sleep_ms(5);
    ck_assert_uint_eq(t->done, 0);
    return thread;
}

static ERESOURCE resource;

static void
resource_make(void)
{
    memset(&resource, 0xcc, sizeof resource);
    ck_assert_int_eq(ExInitializeResourceLite(&resource), STATUS_SUCCESS);
    KeEnterCriticalRegion();
}

static void
resource_end(void)
{
    KeLeaveCriticalRegion();
    ck_assert_int_eq(ExDeleteResourceLite(&resource), STATUS_SUCCESS);
}

NT_TEST(ExInitializeResourceLite_makes_one_that_nobody_owns)
{
    resource_make();
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 0);
    ck_assert(other_gets(&resource, ExAcquireResourceExclusiveLite));
    resource_end();
}

// The table of owners, which is in pool, would be counted when the box goes.
NT_TEST(ExDeleteResourceLite_frees_what_it_has_grown)
{
    resource_make();
    ck_assert(ExAcquireResourceSharedLite(&resource, TRUE));
    ExReleaseResourceLite(&resource);
    resource_end();
}

NT_TEST(ExReinitializeResourceLite_makes_it_one_that_nobody_owns)
{
    resource_make();
    ck_assert(ExAcquireResourceSharedLite(&resource, TRUE));
    ck_assert_int_eq(ExReinitializeResourceLite(&resource), STATUS_SUCCESS);
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 0);
    ck_assert(other_gets(&resource, ExAcquireResourceExclusiveLite));
    resource_end();
}

NT_TEST(ExAcquireResourceExclusiveLite_is_recursive_and_keeps_everybody_out)
{
    resource_make();
    ck_assert_int_eq(ExAcquireResourceExclusiveLite(&resource, TRUE), TRUE);
    ck_assert_int_eq(ExAcquireResourceExclusiveLite(&resource, FALSE), TRUE);
    ck_assert(!other_gets(&resource, ExAcquireResourceExclusiveLite));
    ck_assert(!other_gets(&resource, ExAcquireResourceSharedLite));
    ExReleaseResourceLite(&resource);
    ck_assert(!other_gets(&resource, ExAcquireResourceSharedLite));
    struct taker t;
    struct ke_thread *waiter = other_waits(&t, &resource, ExAcquireResourceExclusiveLite);
    ExReleaseResourceLite(&resource);
    ke_thread_join(waiter);
    ck_assert_int_eq(t.got, TRUE);
    ck_assert(ExAcquireResourceSharedLite(&resource, TRUE));
    ck_assert_int_eq(ExAcquireResourceExclusiveLite(&resource, FALSE), FALSE);      // one's own share counts, too
    ExReleaseResourceLite(&resource);
    resource_end();
}

static void
check_share(take_fn take)
{
    resource_make();
    ck_assert_int_eq(take(&resource, FALSE), TRUE);
    ck_assert_int_eq(take(&resource, TRUE), TRUE);
    ck_assert(other_gets(&resource, take));
    ck_assert(!other_gets(&resource, ExAcquireResourceExclusiveLite));
    ExReleaseResourceLite(&resource);
    ExReleaseResourceLite(&resource);
    ck_assert(ExAcquireResourceExclusiveLite(&resource, TRUE));
    ck_assert_int_eq(take(&resource, FALSE), TRUE);                // of the same kind: it stays exclusive
    ck_assert(ExIsResourceAcquiredExclusiveLite(&resource));
    ExReleaseResourceLite(&resource);
    ck_assert(!other_gets(&resource, take));
    struct taker t;
    struct ke_thread *waiter = other_waits(&t, &resource, take);
    ExReleaseResourceLite(&resource);
    ke_thread_join(waiter);
    ck_assert_int_eq(t.got, TRUE);
    resource_end();
}

// With a writer waiting: who that has a share already, and who that has none, gets one?
static void
check_with_writer(take_fn take, bool owner_gets, bool other)
{
    struct taker t;
    resource_make();
    ck_assert(ExAcquireResourceSharedLite(&resource, TRUE));
    struct ke_thread *writer = other_waits(&t, &resource, ExAcquireResourceExclusiveLite);
    ck_assert_int_eq(take(&resource, FALSE), owner_gets);
    if (owner_gets)
        ExReleaseResourceLite(&resource);
    ck_assert_int_eq(other_gets(&resource, take), other);
    ExReleaseResourceLite(&resource);
    ke_thread_join(writer);
    ck_assert_int_eq(t.got, TRUE);
    resource_end();
}

NT_TEST(ExAcquireResourceSharedLite_lets_readers_in_and_waits_for_the_writer)
{
    check_share(ExAcquireResourceSharedLite);
}
NT_TEST(ExAcquireResourceSharedLite_lets_an_owner_pass_a_waiting_writer)
{
    check_with_writer(ExAcquireResourceSharedLite, true, false);
}
NT_TEST(ExAcquireSharedStarveExclusive_lets_readers_in_and_waits_for_the_writer)
{
    check_share(ExAcquireSharedStarveExclusive);
}
NT_TEST(ExAcquireSharedStarveExclusive_lets_everybody_pass_a_waiting_writer)
{
    check_with_writer(ExAcquireSharedStarveExclusive, true, true);
}
NT_TEST(ExAcquireSharedWaitForExclusive_lets_readers_in_and_waits_for_the_writer)
{
    check_share(ExAcquireSharedWaitForExclusive);
}
NT_TEST(ExAcquireSharedWaitForExclusive_lets_nobody_pass_a_waiting_writer)
{
    check_with_writer(ExAcquireSharedWaitForExclusive, false, false);
}

NT_TEST(ExReleaseResourceLite_gives_back_as_often_as_it_was_taken)
{
    resource_make();
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    ExReleaseResourceLite(&resource);
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 1);
    ExReleaseResourceLite(&resource);
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 0);
    resource_end();
}

static void
release_unowned(void)
{
    ExInitializeResourceLite(&resource);
    ExReleaseResourceLite(&resource);
}

TEST(ExReleaseResourceLite_of_what_the_thread_does_not_own_is_a_bug_check)
{
    expect_bugcheck(release_unowned, "0xE3 RESOURCE_NOT_OWNED");
}

static void
release_for_thread(void *arg)
{
    KeEnterCriticalRegion();
    ExReleaseResourceForThreadLite(&resource, *(ERESOURCE_THREAD *)arg);
    KeLeaveCriticalRegion();
}

NT_TEST(ExReleaseResourceForThreadLite_gives_back_what_the_named_thread_has)
{
    resource_make();
    ERESOURCE_THREAD self = ExGetCurrentResourceThread();
    ExAcquireResourceSharedLite(&resource, TRUE);
    ExReleaseResourceForThreadLite(&resource, self);
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 0);
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    ke_thread_join(nt_test_start(release_for_thread, &self));
    ck_assert(!ExIsResourceAcquiredExclusiveLite(&resource));
    resource_end();
}

NT_TEST(ExConvertExclusiveToSharedLite_lets_those_in_who_wait_for_a_share)
{
    struct taker t;
    resource_make();
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    struct ke_thread *reader = other_waits(&t, &resource, ExAcquireResourceSharedLite);
    ExConvertExclusiveToSharedLite(&resource);
    ke_thread_join(reader);
    ck_assert_int_eq(t.got, TRUE);
    ck_assert(!ExIsResourceAcquiredExclusiveLite(&resource));
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 1);
    ck_assert(!other_gets(&resource, ExAcquireResourceExclusiveLite));
    ExReleaseResourceLite(&resource);
    resource_end();
}

NT_TEST(ExGetExclusiveWaiterCount_counts_who_waits_to_write)
{
    struct taker a, b, c;
    resource_make();
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    ck_assert_uint_eq(ExGetExclusiveWaiterCount(&resource), 0);
    struct ke_thread *threads[] = {
        other_waits(&a, &resource, ExAcquireResourceExclusiveLite),
        other_waits(&b, &resource, ExAcquireResourceExclusiveLite),
        other_waits(&c, &resource, ExAcquireResourceSharedLite),
    };
    ck_assert_uint_eq(ExGetExclusiveWaiterCount(&resource), 2);
    ExReleaseResourceLite(&resource);
    for (int i = 0; i < 3; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(ExGetExclusiveWaiterCount(&resource), 0);
    resource_end();
}

NT_TEST(ExGetSharedWaiterCount_counts_who_waits_to_read)
{
    struct taker a, b, c;
    resource_make();
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    ck_assert_uint_eq(ExGetSharedWaiterCount(&resource), 0);
    struct ke_thread *threads[] = {
        other_waits(&a, &resource, ExAcquireResourceSharedLite),
        other_waits(&b, &resource, ExAcquireSharedStarveExclusive),
        other_waits(&c, &resource, ExAcquireResourceExclusiveLite),
    };
    ck_assert_uint_eq(ExGetSharedWaiterCount(&resource), 2);
    ExReleaseResourceLite(&resource);
    for (int i = 0; i < 3; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(ExGetSharedWaiterCount(&resource), 0);
    resource_end();
}

static void
look(void *arg)
{
    *(ULONG *)arg = ExIsResourceAcquiredSharedLite(&resource) * 10 + ExIsResourceAcquiredExclusiveLite(&resource);
}

NT_TEST(ExIsResourceAcquiredExclusiveLite_is_true_for_the_owner_alone)
{
    ULONG other;
    resource_make();
    ExAcquireResourceSharedLite(&resource, TRUE);
    ck_assert_int_eq(ExIsResourceAcquiredExclusiveLite(&resource), FALSE);
    ExReleaseResourceLite(&resource);
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    ck_assert_int_eq(ExIsResourceAcquiredExclusiveLite(&resource), TRUE);
    ke_thread_join(nt_test_start(look, &other));
    ck_assert_uint_eq(other, 0);
    ExReleaseResourceLite(&resource);
    resource_end();
}

NT_TEST(ExIsResourceAcquiredSharedLite_counts_both_kinds_of_access_of_the_thread)
{
    ULONG other;
    resource_make();
    ExAcquireResourceSharedLite(&resource, TRUE);
    ExAcquireResourceSharedLite(&resource, TRUE);
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 2);
    ke_thread_join(nt_test_start(look, &other));
    ck_assert_uint_eq(other, 0);
    ExReleaseResourceLite(&resource);
    ExReleaseResourceLite(&resource);
    ExAcquireResourceExclusiveLite(&resource, TRUE);
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 1);
    ExReleaseResourceLite(&resource);
    resource_end();
}

struct ticks {
    PEX_TIMER timer;
    _Atomic uint32_t fired, deleted;
    KIRQL irql;
};

static NTAPI VOID
tick(PEX_TIMER timer, PVOID context)
{
    struct ticks *ticks = context;
    ticks->timer = timer;
    ticks->irql = KeGetCurrentIrql();
    ticks->fired++;
}

static NTAPI VOID
deleted(PVOID context)
{
    ((struct ticks *)context)->deleted++;
}

// Whether a wait for the timer succeeds at once.
static bool
is_signalled(PEX_TIMER timer)
{
    LARGE_INTEGER none = {.QuadPart = 0};
    return KeWaitForSingleObject(timer, Executive, KernelMode, FALSE, &none) == STATUS_SUCCESS;
}

NT_TEST(ExAllocateTimer_makes_a_timer_to_wait_for_of_either_kind)
{
    struct ticks ticks = {0};
    static const ULONG attributes[] = {0, EX_TIMER_NOTIFICATION, EX_TIMER_NO_WAKE, EX_TIMER_HIGH_RESOLUTION | EX_TIMER_NOTIFICATION};
    for (int i = 0; i < 4; i++) {
        PEX_TIMER timer = ExAllocateTimer(i ? tick : NULL, &ticks, attributes[i]);
        ck_assert_ptr_nonnull(timer);
        ck_assert(!is_signalled(timer));
        ExSetTimer(timer, -10000, 0, NULL);
        nt_test_sleep_ms(5);
        ck_assert(is_signalled(timer));
        ck_assert_int_eq(is_signalled(timer), (attributes[i] & EX_TIMER_NOTIFICATION) != 0);
        ExDeleteTimer(timer, TRUE, TRUE, NULL);
        ck_assert_uint_eq(ticks.fired, i);
    }
    ck_assert_uint_eq(ticks.irql, DISPATCH_LEVEL);
    refuse_next();
    ck_assert_ptr_null(ExAllocateTimer(NULL, NULL, 0));
    refuse_end();
}

static void
both_kinds(void)
{
    ExAllocateTimer(NULL, NULL, EX_TIMER_HIGH_RESOLUTION | EX_TIMER_NO_WAKE);
}

TEST(ExAllocateTimer_of_high_resolution_that_does_not_wake_is_a_bug_check)
{
    expect_bugcheck(both_kinds, "0xC7 TIMER_OR_DPC_INVALID");
}

static void
absolute_high(void)
{
    ExSetTimer(ExAllocateTimer(NULL, NULL, EX_TIMER_HIGH_RESOLUTION), 10000, 0, NULL);
}

TEST(ExSetTimer_of_high_resolution_to_an_absolute_time_is_a_bug_check)
{
    expect_bugcheck(absolute_high, "0xC7 TIMER_OR_DPC_INVALID");
}

NT_TEST(ExSetTimer_says_if_it_was_set_and_expires_at_its_time_and_each_period)
{
    struct ticks ticks = {0};
    PEX_TIMER timer = ExAllocateTimer(tick, &ticks, 0);
    LARGE_INTEGER now;
    ck_assert_int_eq(ExSetTimer(timer, -10000000, 0, NULL), FALSE);
    ck_assert_int_eq(ExSetTimer(timer, -50000, 0, NULL), TRUE);        // the first one is gone
    nt_test_sleep_ms(4);
    ck_assert_uint_eq(ticks.fired, 0);
    nt_test_sleep_ms(6);
    ck_assert(ticks.fired == 1 && ticks.timer == timer);
    nt_test_sleep_ms(2000);
    ck_assert_uint_eq(ticks.fired, 1);
    KeQuerySystemTime(&now);
    ck_assert_int_eq(ExSetTimer(timer, now.QuadPart + 50000, 100000, NULL), FALSE);    // absolute, and from then on each 10 ms
    nt_test_sleep_ms(36);
    ck_assert_uint_eq(ticks.fired, 5);
    ck_assert_int_eq(ExDeleteTimer(timer, TRUE, TRUE, NULL), TRUE);
}

NT_TEST(ExCancelTimer_is_true_for_one_that_is_set)
{
    struct ticks ticks = {0};
    PEX_TIMER timer = ExAllocateTimer(tick, &ticks, 0);
    ck_assert_int_eq(ExCancelTimer(timer, NULL), FALSE);
    ExSetTimer(timer, -50000, 0, NULL);
    ck_assert_int_eq(ExCancelTimer(timer, NULL), TRUE);
    ck_assert_int_eq(ExCancelTimer(timer, NULL), FALSE);
    nt_test_sleep_ms(10);
    ck_assert(!ticks.fired && !is_signalled(timer));
    ExSetTimer(timer, -10000, 0, NULL);
    nt_test_sleep_ms(10);
    ck_assert_int_eq(ExCancelTimer(timer, NULL), FALSE);               // it has expired
    ExDeleteTimer(timer, TRUE, TRUE, NULL);
}

NT_TEST(ExDeleteTimer_cancels_or_lets_expire_once_and_calls_when_it_is_gone)
{
    static const struct {
        BOOLEAN cancel, wait, was_set;
        uint32_t fired;
    } cases[] = {{TRUE, TRUE, TRUE, 0}, {TRUE, FALSE, TRUE, 0}, {FALSE, FALSE, FALSE, 1}};
    for (int i = 0; i < 3; i++) {
        struct ticks ticks = {0};
        EXT_DELETE_PARAMETERS parameters;
        PEX_TIMER timer = ExAllocateTimer(tick, &ticks, 0);
        ExInitializeDeleteTimerParameters(&parameters);
        parameters.DeleteCallback = deleted;
        parameters.DeleteContext = &ticks;
        ExSetTimer(timer, -50000, 20000, NULL);
        ck_assert_int_eq(ExDeleteTimer(timer, cases[i].cancel, cases[i].wait, &parameters), cases[i].was_set);
        ck_assert(!cases[i].wait || ticks.deleted == 1);
        nt_test_sleep_ms(50);
        ck_assert_uint_eq(ticks.deleted, 1);
        ck_assert_uint_eq(ticks.fired, cases[i].fired);
    }
    ck_assert_int_eq(ExDeleteTimer(ExAllocateTimer(NULL, NULL, 0), TRUE, TRUE, NULL), FALSE);      // it was not set
}

NT_TEST(ExDeleteTimer_does_nothing_more_for_one_that_is_being_deleted)
{
    struct ticks ticks = {0};
    EXT_DELETE_PARAMETERS parameters = {.DeleteCallback = deleted, .DeleteContext = &ticks};
    PEX_TIMER timer = ExAllocateTimer(tick, &ticks, 0);
    ExSetTimer(timer, -50000, 0, NULL);
    ck_assert_int_eq(ExDeleteTimer(timer, FALSE, FALSE, &parameters), FALSE);
    ck_assert_int_eq(ExSetTimer(timer, -10000, 0, NULL), FALSE);
    ck_assert_int_eq(ExCancelTimer(timer, NULL), FALSE);
    ck_assert_int_eq(ExDeleteTimer(timer, TRUE, TRUE, &parameters), FALSE);
    nt_test_sleep_ms(3);
    ck_assert_uint_eq(ticks.fired, 0);
    nt_test_sleep_ms(20);
    ck_assert(ticks.fired == 1 && ticks.deleted == 1);
}

static void
wait_alone(void)
{
    ExDeleteTimer(ExAllocateTimer(NULL, NULL, 0), FALSE, TRUE, NULL);
}

TEST(ExDeleteTimer_that_waits_and_does_not_cancel_is_a_bug_check)
{
    expect_bugcheck(wait_alone, "0xC7 TIMER_OR_DPC_INVALID");
}
