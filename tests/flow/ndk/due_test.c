// SPDX-License-Identifier: MIT
// Rules of NDK about what does not come and what is too much: NBX-0719 and 0720, under --verify strict.
#include "harness/harness.h"
#include "objects.h"

// ---- notifications ---------------------------------------------------------------------------------------------------------------

static void
seconds(unsigned count)
{
    LARGE_INTEGER interval = {.QuadPart = -10000000ll * count};
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
}

static void
arm(ULONG type)
{
    p.cq->Dispatch->NdkArmCq(p.cq, type);
}

// One more request, and its result in the queue.
static void
result_comes(void)
{
    p.posts = 0;
    p_send(0);
    p_result(0, STATUS_SUCCESS);
}

static void
flush(void)
{
    p.qp->Dispatch->NdkFlush(p.qp);
}

static void
is_silent_after_an_arm(void)
{
    p_make_all();
    arm(NDK_CQ_NOTIFY_ANY);
    result_comes();
    p_poll();
    seconds(31);
    p_poll();
}

// What was there before the arm, and is new since the last notification.
static void
is_silent_after_a_second_arm(void)
{
    p_make_all();
    arm(NDK_CQ_NOTIFY_ANY);
    result_comes();
    p_notify();
    p_poll();
    p_poll();
    result_comes();
    arm(NDK_CQ_NOTIFY_ANY);
    p_poll();
    seconds(31);
    arm(NDK_CQ_NOTIFY_ANY);
}

static void
is_silent_after_a_flush(void)
{
    p_make_all();
    arm(NDK_CQ_NOTIFY_ANY);
    p_receive();
    flush();
    seconds(31);
    p_close_object(p.qp);
}

static void
is_silent_until_the_close(void)
{
    p_make_all();
    arm(NDK_CQ_NOTIFY_ANY);
    result_comes();
    p_poll();
    p_close_object(p.qp);
    seconds(31);
    p_close_object(p.cq);
}

TEST(a_notification_that_is_due_and_never_comes_is_reported)
{
    P_IS_FOUND(is_silent_after_an_arm, "NBX-0719", "NdkCqNotificationCallback", "31 s ago a new result was taken", "driver mp");
    P_IS_FOUND(is_silent_after_a_second_arm, "NBX-0719", "a new result was taken", "driver mp");
    P_IS_FOUND(is_silent_after_a_flush, "NBX-0719", "31 s ago requests of it were flushed", "driver mp");
    P_IS_FOUND(is_silent_until_the_close, "NBX-0719", "a new result was taken", "driver mp");
}

static void
takes_its_time_inside(void)
{
    result_comes();
    arm(NDK_CQ_NOTIFY_ANY);
    p_poll();
    p_poll();
    result_comes();
    p_poll();
    seconds(40);                              // the next one waits for this one's return
    p_poll();
}

static void
comes(void)
{
    p_make_all();
    arm(NDK_CQ_NOTIFY_ANY);
    result_comes();
    p_poll();
    seconds(29);
    p_notify();
    seconds(31);
    p_poll();
    arm(NDK_CQ_NOTIFY_ANY);
    p.on_notify = takes_its_time_inside;
    p_notify();
    seconds(29);
    p_poll();
    p_notify();
    p_close_all();
}

static void
is_not_due(void)
{
    p_make_all();
    result_comes();                           // nobody has armed it
    p_poll();
    seconds(31);
    arm(NDK_CQ_NOTIFY_SOLICITED);             // and this one is not solicited
    result_comes();
    p_poll();
    seconds(31);
    p_poll();
    arm(NDK_CQ_NOTIFY_ANY);
    result_comes();
    p_notify();
    arm(NDK_CQ_NOTIFY_ANY);                   // it was there when the last notification was called
    p_poll();
    seconds(31);
    p_poll();
    p_notify();
    p_poll();
    p.cq->Dispatch->NdkControlCqInterruptModeration(p.cq, MAXULONG, 4);
    arm(NDK_CQ_NOTIFY_ANY);
    result_comes();
    p_poll();
    seconds(31);
    p_poll();
    p_close_all();
}

static void
goes_with_its_queue_pair(void)
{
    p_make_all();
    arm(NDK_CQ_NOTIFY_ANY);
    flush();                                  // nothing is there to flush
    seconds(31);
    p_send(NDK_OP_FLAG_SILENT_SUCCESS);       // may be over
    flush();
    seconds(31);
    p_receive();
    flush();
    p_close_object(p.qp);
    seconds(31);
    p_poll();
    p_close_object(p.connector);
    p_close_object(p.mr);
    p_close_object(p.pd);
    p_close_object(p.cq);
    p_close_object(p.other_cq);
    n_close(0);
}

static void
fails(void)
{
    p_make_all();
    arm(NDK_CQ_NOTIFY_ANY);
    p_notify_with(STATUS_INTERNAL_ERROR);
    p_poll();
    arm(NDK_CQ_NOTIFY_ANY);
    result_comes();
    p_poll();
    seconds(31);
    p_poll();
    p_close_all();
}

TEST(a_notification_that_comes_or_is_not_due_is_not_reported)
{
    p_is_none(comes);
    p_is_none(is_not_due);
    p_is_none(goes_with_its_queue_pair);
    p_is_none(fails);
}

// ---- depths ----------------------------------------------------------------------------------------------------------------------

static void
posts(unsigned sends, unsigned receives)
{
    p.posts = 0;
    for (unsigned i = 0; i < sends; i++)
        p_send(0);
    p.posts = 0;
    for (unsigned i = 0; i < receives; i++)
        p_receive();
}

static void
sends_nine(void)
{
    p_make_all();
    posts(9, 8);
    p_poll();
}

static void
receives_nine(void)
{
    p_make_all();
    posts(0, 9);
    p_poll();
}

static void
forgets_one(void)
{
    p_make_all();
    posts(8, 0);
    p_result(0, STATUS_SUCCESS);
    p_send(0);
    p_send(0);                                // ten, and one is over
    p_poll();
    p_poll();
}

TEST(more_NDK_requests_than_a_queue_is_deep_are_reported)
{
    P_IS_FOUND(sends_nine, "NBX-0720", "NdkGetCqResults", "9 requests are outstanding on an initiator queue that was made for 8");
    P_IS_FOUND(receives_nine, "NBX-0720", "9 requests are outstanding on a receive queue that was made for 8");
    P_IS_FOUND(forgets_one, "NBX-0720", "9 requests are outstanding on an initiator queue that was made for 8");
}

static void
fills_its_queues(void)
{
    p_make_all();
    posts(8, 8);
    p_poll();
    p.posts = 0;
    p_send(NDK_OP_FLAG_SILENT_SUCCESS);       // may be over
    p_poll();
    p.post_status = STATUS_INSUFFICIENT_RESOURCES;
    p_send(0);
    p_receive();
    p.post_status = STATUS_SUCCESS;
    p_poll();
    p_close_all();
}

// While a result waits its request is not outstanding: the provider says how many there may be.
static void
has_results_waiting(void)
{
    p_make_all();
    posts(8, 0);
    p_result(0, STATUS_SUCCESS);
    p_send(0);                                // nine, and one is over
    p_poll();
    p_poll();
    p_close_object(p.qp);
    p_poll();
    p_close_object(p.connector);
    p_close_object(p.mr);
    p_close_object(p.pd);
    p_close_object(p.cq);
    p_close_object(p.other_cq);
    n_close(0);
}

static void
closes_too_many(void)
{
    p_make_all();
    posts(9, 9);
    p.cq->Dispatch->NdkGetCqResults(p.cq, NULL, 0);         // asked for nothing: nothing says that it is empty
    p_close_object(p.qp);
    p_poll();
    p_close_object(p.connector);
    p_close_object(p.mr);
    p_close_object(p.pd);
    p_close_object(p.cq);
    p_close_object(p.other_cq);
    n_close(0);
}

TEST(as_many_NDK_requests_as_a_queue_is_deep_are_not_reported)
{
    p_is_none(fills_its_queues);
    p_is_none(has_results_waiting);
    p_is_none(closes_too_many);
}
