// SPDX-License-Identifier: MIT
// Rules of NDK, NBX-0700 and up: what passes between a consumer and a provider under --verify strict. Provider and consumer are those
// of objects.h; for each rule there is who breaks it, and who comes near it and keeps it.
#include <string.h>

#include "harness/harness.h"
#include "objects.h"

// ---- crimes ---------------------------------------------------------------------------------------------------------------------------

static void
registers_what_it_closes(void)
{
    p_make_all();
    p.closes_pend = true;
    p_close_object(p.mr);
    p_register_mr();
}

static void
closes_twice(void)
{
    p_make_all();
    p.closes_pend = true;
    p_close_object(p.mr);
    p_close_object(p.mr);
}

static void
makes_with_what_it_closes(void)
{
    NDK_QP *qp;
    p_make_all();
    p.closes_pend = true;
    p_close_object(p.other_cq);
    p.pd->Dispatch->NdkCreateQp(p.pd, p.cq, p.other_cq, &p, 8, 8, 1, 1, 0, p_on_create, &p, &qp);
}

static void
close_from_another_thread(void);

static void
closes_what_is_in_use(void)
{
    NDK_RESULT result;
    p_make_all();
    p.inside = close_from_another_thread;
    p.other_cq->Dispatch->NdkGetCqResults(p.other_cq, &result, 1);
}

TEST(an_NDK_object_that_is_used_after_its_close_is_reported)
{
    P_IS_FOUND(registers_what_it_closes, "NBX-0700", "NdkRegisterMr", "a MR whose close was called before");
    P_IS_FOUND(closes_twice, "NBX-0700", "NdkCloseObject", "twice");
    P_IS_FOUND(makes_with_what_it_closes, "NBX-0700", "NdkCreateQp", "a CQ whose close was called before");
    P_IS_FOUND(closes_what_is_in_use, "NBX-0700", "NdkCloseObject", "while another thread is inside NdkGetCqResults of it");
}

static void
pd_goes_first(void)
{
    p_make_all();
    p_close_object(p.pd);
}

TEST(a_PD_whose_close_ends_before_that_of_its_MR_is_reported)
{
    P_IS_FOUND(pd_goes_first, "NBX-0701", "NdkCloseObject", "the close of a PD is over", "driver mp");
}

static void
pd_is_asked_first(void)
{
    p_make_all();
    p.closes_pend = true;
    ck_assert_int_eq(p_close_object(p.pd), STATUS_PENDING);
    ck_assert_int_eq(p_close_object(p.mr), STATUS_PENDING);
    ck_assert_int_eq(p_close_object(p.qp), STATUS_PENDING);
    struct ke_crossing crossing = p_as("mp");
    p_closed(p.mr);
    p_closed(p.qp);
    p_closed(p.pd);
    ke_driver_leave(ke_self(), crossing);
    p.closes_pend = false;
    p_close_object(p.connector);
    p_close_object(p.cq);
    p_close_object(p.other_cq);
    n_close(0);
}

TEST(a_PD_may_be_closed_before_its_MR)
{
    p_is_none(pd_is_asked_first);
}

static void
completes_twice(void)
{
    p_make_all();
    p.answer = P_LATER;
    p_register_mr();
    p_complete(STATUS_SUCCESS);
    p_complete(STATUS_SUCCESS);
}

static void
completes_and_succeeds(void)
{
    p_make_all();
    p.answer = P_BOTH;
    p_register_mr();
}

static void
completes_what_was_answered(void)
{
    p_make_all();
    p_register_mr();
    p_complete(STATUS_SUCCESS);
}

static void
completes_with_pending(void)
{
    p_make_all();
    p.answer = P_LATER;
    p_register_mr();
    p_complete(STATUS_PENDING);
}

TEST(an_NDK_request_that_is_completed_twice_is_reported)
{
    P_IS_FOUND(completes_twice, "NBX-0702", "NdkRegisterMr", "twice", "driver mp");
    P_IS_FOUND(completes_and_succeeds, "NBX-0702", "returned another status than STATUS_PENDING too", "driver mp");
    P_IS_FOUND(completes_what_was_answered, "NBX-0702", "had returned another status", "driver mp");
    P_IS_FOUND(completes_with_pending, "NBX-0702", "with STATUS_PENDING", "driver mp");
}

static void
completes_in_each_way(void)
{
    p_make_all();
    for (p.answer = P_AT_ONCE; p.answer <= P_INSIDE; p.answer++) {
        p_register_mr();
        if (p.answer == P_LATER)
            p_complete(STATUS_INSUFFICIENT_RESOURCES);
    }
    ck_assert_uint_eq(p.completions, 2);
    p_close_all();
}

TEST(an_NDK_request_may_be_completed_inside_its_call)
{
    p_is_none(completes_in_each_way);
}

static void
closes_over_a_request(void)
{
    p_make_all();
    p.answer = P_LATER;
    p_register_mr();
    p_close_object(p.mr);
}

static void
notifies_what_is_closed(void)
{
    p_make_all();
    p_close_object(p.qp);
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p_close_object(p.cq);
    p_notify();
}

TEST(a_close_over_a_request_that_is_out_is_reported)
{
    P_IS_FOUND(closes_over_a_request, "NBX-0703", "NdkCloseObject", "1 of its requests", "driver mp");
    P_IS_FOUND(notifies_what_is_closed, "NBX-0703", "NdkCqNotificationCallback", "whose close is over");
}

static void
notifies_unasked(void)
{
    p_make_all();
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p_notify();
    p_notify();
}

static void
notifies_inside(void)
{
    p_make_all();
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p.on_notify = p_notify;
    p_notify();
}

static void
notifies_with_a_strange_status(void)
{
    p_make_all();
    struct ke_crossing crossing = p_as("mp");
    p.notify(p.notify_context, STATUS_CANCELLED);
    ke_driver_leave(ke_self(), crossing);
}

TEST(a_notification_that_nobody_armed_is_reported)
{
    P_IS_FOUND(notifies_with_a_strange_status, "NBX-0704", "NdkCqNotificationCallback", "status 0xC0000120", "driver mp");
    P_IS_FOUND(notifies_unasked, "NBX-0704", "NdkCqNotificationCallback", "NdkArmCq", "driver mp");
    P_IS_FOUND(notifies_inside, "NBX-0704", "has not returned", "driver mp");
}

static void
closes_the_adapter(void)
{
    p_make_all();
    n_close(0);
}

static void
close_inside(void)
{
    n_close(0);
}

static void
closes_the_adapter_inside(void)
{
    p_make_all();
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p.on_notify = close_inside;
    p_notify();
}

// So many mappings are made inline, by a completion, and refused; so many are released; then all is closed.
static void
maps(unsigned inline_ones, unsigned later, unsigned refused, unsigned releases)
{
    NDK_LOGICAL_ADDRESS_MAPPING lam;
    ULONG bytes = sizeof lam, fbo;
    p_make_all();
    for (unsigned i = 0; i < inline_ones + later + refused; i++) {
        p.answer = i < inline_ones ? P_AT_ONCE : P_INSIDE;
        p.adapter->Dispatch->NdkBuildLAM(p.adapter, NULL, i < inline_ones + later, p_on_request, &p, &lam, &bytes, &fbo);
    }
    for (unsigned i = 0; i < releases; i++)
        p.adapter->Dispatch->NdkReleaseLAM(p.adapter, &lam);
    p_close_all();
}

static void
leaves_mappings(void)
{
    maps(2, 1, 1, 1);
}

static void
releases_too_often(void)
{
    maps(1, 0, 1, 2);
}

static void
releases_all(void)
{
    maps(2, 2, 1, 4);
}

TEST(an_NDK_adapter_that_is_closed_over_its_mappings_is_reported)
{
    P_IS_FOUND(leaves_mappings, "NBX-0705", "nbx_ndk_adapter_close", "2 mappings");
    P_IS_FOUND(releases_too_often, "NBX-0714", "NdkReleaseLAM", "was released before");
}

TEST(an_NDK_adapter_whose_mappings_are_released_is_closed_without_a_report)
{
    p_is_none(releases_all);
}

TEST(an_NDK_adapter_that_is_closed_over_its_objects_is_reported)
{
    P_IS_FOUND(closes_the_adapter, "NBX-0705", "nbx_ndk_adapter_close", "6 objects");
    P_IS_FOUND(closes_the_adapter_inside, "NBX-0705", "inside a callback");
}

// ---- two threads ------------------------------------------------------------------------------------------------------------------------

static NDK_CQ *polled;
static bool is_receive, is_over, is_closed;

static NTAPI VOID
another_thread(PVOID context)
{
    NDK_RESULT result;
    if (is_closed)
        p_close_object(p.other_cq);
    else if (polled)
        polled->Dispatch->NdkGetCqResults(polled, &result, 1);
    else if (is_receive)
        p.qp->Dispatch->NdkReceive(p.qp, NULL, &p.sge, 1);
    else
        p.qp->Dispatch->NdkSend(p.qp, NULL, &p.sge, 1, 0);
    is_over = true;
}

static void
another(void)
{
    HANDLE thread;
    is_over = false;
    PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, another_thread, NULL);
    LARGE_INTEGER millisecond = {.QuadPart = -10000};
    for (int i = 0; i < 10000 && !is_over; i++)
        KeDelayExecutionThread(KernelMode, FALSE, &millisecond);
    ck_assert(is_over);
    ZwClose(thread);
}

static void
close_from_another_thread(void)
{
    is_closed = true;
    another();
}

static void
polls_at_once(NDK_CQ *second)
{
    NDK_RESULT result;
    polled = second;
    p.inside = another;
    p.cq->Dispatch->NdkGetCqResults(p.cq, &result, 1);
}

static void
two_poll_one(void)
{
    p_make_all();
    polls_at_once(p.cq);
}

static void
two_poll_two(void)
{
    p_make_all();
    polls_at_once(p.other_cq);
    p_close_all();
}

TEST(two_threads_that_poll_one_CQ_are_reported)
{
    P_IS_FOUND(two_poll_one, "NBX-0706", "NdkGetCqResults", "another thread");
}

TEST(two_threads_that_poll_two_CQs_are_not_reported)
{
    p_is_none(two_poll_two);
}

static void
posts_at_once(bool with_receive)
{
    polled = NULL;
    is_receive = with_receive;
    p.inside = another;
    p.qp->Dispatch->NdkSend(p.qp, NULL, &p.sge, 1, 0);
}

static void
two_sends(void)
{
    p_make_all();
    posts_at_once(false);
}

static void
send_and_receive(void)
{
    p_make_all();
    posts_at_once(true);
    p_close_all();
}

TEST(two_threads_that_post_to_one_queue_are_reported)
{
    P_IS_FOUND(two_sends, "NBX-0707", "NdkSend", "another thread");
}

TEST(a_send_and_a_receive_may_be_posted_at_the_same_time)
{
    p_is_none(send_and_receive);
}

// ---- what a provider gives ---------------------------------------------------------------------------------------------------------

static void
result_of_nothing(void)
{
    NDK_RESULT result[4];
    p_make_all();
    p_send(0);
    p.post_status = STATUS_CONNECTION_INVALID;
    p_send(0);
    p_result(0, STATUS_SUCCESS);
    p_result(1, STATUS_SUCCESS);
    p.cq->Dispatch->NdkGetCqResults(p.cq, result, 4);
}

static void
too_many_results(void)
{
    NDK_RESULT result;
    p_make_all();
    p.results = 2;
    p.cq->Dispatch->NdkGetCqResults(p.cq, &result, 1);
}

TEST(a_result_without_a_request_is_reported)
{
    P_IS_FOUND(result_of_nothing, "NBX-0708", "NdkGetCqResults", "was not posted", "driver mp");
    P_IS_FOUND(too_many_results, "NBX-0708", "more results than", "driver mp");
}

static void
does_not_wait(void)
{
    p_make_all();
    p.closes_pend = true;
    p_close_object(p.mr);
    p_close_object(p.qp);
    p_close_object(p.connector);
    p_close_object(p.pd);
    p_close_object(p.cq);
    p_close_object(p.other_cq);
    n_close(0);
}

TEST(an_adapter_close_that_does_not_wait_is_reported)
{
    P_IS_FOUND(does_not_wait, "NBX-0709", "CloseNDKAdapterHandler", "6 objects", "driver mp");
}

static void
complete_connect(void)
{
    p.connector->Dispatch->NdkCompleteConnect(p.connector, p_on_disconnect, &p, p_on_request, &p);
}

static void
tells_twice(void)
{
    p_make_all();
    complete_connect();
    p_disconnect();
    p_disconnect();
}

TEST(a_disconnect_that_is_told_twice_is_reported)
{
    P_IS_FOUND(tells_twice, "NBX-0710", "NdkDisconnectEventCallback", "twice", "driver mp");
}

static void
wrong_type(void)
{
    p.wrong_type = NdkObjectTypeSrq;
    p_make_all();
}

static void
wrong_version(void)
{
    p.wrong_minor = 1;
    p_make_all();
}

static void
not_cleared(void)
{
    p.reserved = &p;
    p_make_all();
}

TEST(an_NDK_object_that_is_not_well_made_is_reported)
{
    P_IS_FOUND(wrong_type, "NBX-0711", "NdkCreateCq", "does not say that it is a CQ");
    P_IS_FOUND(wrong_version, "NBX-0711", "NdkCreateCq", "another version");
    P_IS_FOUND(not_cleared, "NBX-0711", "NdkCreateCq", "NdkReserved");
}

static void
asks_at_dispatch(void)
{
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    KIRQL old;
    p_make_all();
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p.adapter->Dispatch->NdkQueryAdapterInfo(p.adapter, &info, &bytes);
}

static void
asks_above_dispatch(void)
{
    KIRQL old;
    p_make_all();
    KeRaiseIrql(DISPATCH_LEVEL + 1, &old);
    p.mr->Dispatch->NdkGetLocalTokenFromMr(p.mr);
}

TEST(an_NDK_function_at_a_level_too_high_is_reported)
{
    P_IS_FOUND(asks_at_dispatch, "NBX-0712", "NdkQueryAdapterInfo", "PASSIVE_LEVEL");
    P_IS_FOUND(asks_above_dispatch, "NBX-0712", "NdkGetLocalTokenFromMr", "above DISPATCH_LEVEL");
}

// ---- and what keeps them all ------------------------------------------------------------------------------------------------------

static void
whole_life(void)
{
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    NDK_RESULT result[4];
    KIRQL old;
    p_make_all();
    ck_assert_int_eq(p.adapter->Dispatch->NdkQueryAdapterInfo(p.adapter, &info, &bytes), STATUS_SUCCESS);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    p.answer = P_LATER;
    ck_assert_int_eq(p_register_mr(), STATUS_PENDING);
    p_complete(STATUS_SUCCESS);
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p_send(0);
    p_receive();
    p_notify();
    p_result(0, STATUS_SUCCESS);
    p_result(1, STATUS_SUCCESS);
    ck_assert_uint_eq(p.cq->Dispatch->NdkGetCqResults(p.cq, result, 4), 2);
    p.answer = P_AT_ONCE;
    complete_connect();
    p_disconnect();
    KeLowerIrql(old);
    ck_assert_uint_eq(p.completions, 1);
    ck_assert_uint_eq(p.notifications, 1);
    ck_assert_uint_eq(p.disconnects, 1);
    p_close_all();
}

TEST(an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported)
{
    p_is_none(whole_life);
}

TEST(an_NDK_provider_is_not_stood_before_without_a_strict_verifier)
{
    kit_verify = VERIFY_ON;
    memset(&p, 0, sizeof p);
    n_run(3, whole_life);
    ck_assert_ptr_eq(p.object[0].dispatch, &p_cq_table);
}
