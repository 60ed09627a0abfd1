// SPDX-License-Identifier: MIT
// NdkCompleteConnect and NdkCompleteConnectEx: every statement and status of their pages, inline and asynchronous, each by its cause on the
// wire. docs/contracts/ndk-complete-connect.md names the tests one by one.
#include <check.h>

#include <nbx/fault.h>

#include "kit.h"

static void
still_connects(struct rc_pair *pair)
{
    rc_side_close(&pair->active);
    rc_side_close(&pair->passive);
    rc_pair_open(pair);
    rc_pair_disconnect(pair);
    rc_pair_close(pair);
}

// ---- success ----------------------------------------------------------------------------------------------------------------------

static void
three_steps(void)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    // NdkConnect has ended, and nothing else: the accept waits for the third step.
    ck_assert(!rc_ended(1, &pair.passive.wait, 1000));
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

RC_TEST(NdkCompleteConnect_ends_when_the_peer_has_the_RTR_and_so_does_the_peers_NdkAccept)
{
    three_steps();
}

RC_TEST_WIRE(NdkCompleteConnect_ends_with_success_over_a_wire_that_loses_and_reorders, "delay: 100us, loss: 8%, reorder: 8%, duplicate: 4%")
{
    three_steps();
}

static void
run_with(const char *settings, const char *test, void (*fn)(void))
{
    rc_net.settings = settings;
    rc_run(test, fn, "delay: 100us, loss: 4%, reorder: 4%", 3);
    rc_net.settings = NULL;
}

TEST_TIMEOUT(120, NdkCompleteConnect_ends_when_an_RTR_that_is_a_read_is_answered)
{
    run_with("RdmaReadyToReceive: 4", "read RTR", three_steps);
}

TEST_TIMEOUT(120, NdkCompleteConnect_ends_when_an_RTR_that_is_a_send_is_acknowledged)
{
    run_with("RdmaReadyToReceive: 1", "send RTR", three_steps);
}

// Without an RTR there is no third step on the wire: both requests end where they are made.
static void
two_steps(void)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(pair.passive.returned, STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_SUCCESS);
    rc_sleep_ms(20000);                       // and nothing times out afterwards
    ck_assert_uint_eq(pair.active.disconnects + pair.passive.disconnects, 0);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

TEST_TIMEOUT(120, NdkCompleteConnect_succeeds_inline_when_no_RTR_was_agreed)
{
    run_with("RdmaReadyToReceive: 0", "no RTR", two_steps);
}

TEST_TIMEOUT(120, NdkCompleteConnect_succeeds_inline_with_a_peer_of_MPA_revision_1)
{
    run_with("RdmaMpaRevision: 1", "MPA revision 1", two_steps);
}

TEST_TIMEOUT(120, NdkCompleteConnect_ends_with_success_without_CRCs)
{
    run_with("RdmaCrc: 0", "no CRC", three_steps);
}

static void
at_dispatch(void)
{
    rc_net.at_dispatch = true;
    three_steps();
}

RC_TEST(NdkCompleteConnect_may_be_called_at_DISPATCH_LEVEL)
{
    at_dispatch();
}

// ---- CONNECTION_INVALID -----------------------------------------------------------------------------------------------------------

RC_TEST(NdkCompleteConnect_is_CONNECTION_INVALID_inline_when_the_queue_pair_is_not_connecting)
{
    struct rc_pair pair = {0};
    struct rc_side fresh;
    rc_side_open(&fresh, 0);
    rc_complete(&fresh);                      // nobody has connected it
    ck_assert_int_eq(fresh.returned, STATUS_CONNECTION_INVALID);
    rc_side_close(&fresh);
    rc_pair_request(&pair);
    struct rc_side early = pair.active;
    rc_complete(&early);                      // the peer has not accepted yet
    ck_assert_int_eq(early.returned, STATUS_CONNECTION_INVALID);
    early = pair.passive;
    rc_complete(&early);                      // the passive side accepts
    ck_assert_int_eq(early.returned, STATUS_CONNECTION_INVALID);
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    early = pair.active;
    rc_complete(&early);                      // a second time, while the first pends or has just ended
    ck_assert_int_eq(early.returned, STATUS_CONNECTION_INVALID);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    early = pair.active;
    rc_complete(&early);                      // it is connected
    ck_assert_int_eq(early.returned, STATUS_CONNECTION_INVALID);
    rc_pair_disconnect(&pair);
    rc_side_is_dead(&pair.active);
    rc_side_is_dead(&pair.passive);
    rc_pair_close(&pair);
}

RC_TEST(NdkCompleteConnect_is_CONNECTION_INVALID_inline_after_NdkFlush)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    pair.active.qp->Dispatch->NdkFlush(pair.active.qp);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_CONNECTION_INVALID);
    rc_side_is_dead(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_CONNECTION_ABORTED);
    still_connects(&pair);
}

RC_TEST(NdkCompleteConnect_is_CONNECTION_INVALID_later_when_the_queue_pair_stops_connecting)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    rc_sleep_ms(1000);                        // the reply is acknowledged
    rc_cable(1, false);                       // the RTR does not get there
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    ck_assert(!rc_ended(0, &pair.active.wait, 1000));
    pair.active.qp->Dispatch->NdkFlush(pair.active.qp);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_INVALID);
    rc_side_is_dead(&pair.active);
    rc_sleep_ms(100);                         // its reset is lost, too
    rc_cable(1, true);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_IO_TIMEOUT);
    still_connects(&pair);
}

// ---- CONNECTION_ABORTED -----------------------------------------------------------------------------------------------------------

RC_TEST(NdkCompleteConnect_is_CONNECTION_ABORTED_inline_when_the_accepting_peer_has_abandoned_it)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    rc_side_close(&pair.passive);             // its NdkAccept pends: cancelled, and a reset for us
    rc_sleep_ms(1000);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_CONNECTION_ABORTED);
    ck_assert_uint_eq(pair.active.disconnects, 0);
    rc_side_is_dead(&pair.active);
    still_connects(&pair);
}

RC_TEST(NdkCompleteConnect_is_CONNECTION_ABORTED_later_when_the_accepting_peer_abandons_it_meanwhile)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    rc_cable(1, false);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    rc_side_close(&pair.passive);
    rc_sleep_ms(100);
    rc_cable(1, true);                        // the RTR comes again, where nobody knows it any more
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_ABORTED);
    ck_assert_uint_eq(pair.active.disconnects, 0);
    rc_side_is_dead(&pair.active);
    still_connects(&pair);
}

// The consumer is slow, the peer's NdkAccept times out, and the wire is whole: the peer has abandoned it.
RC_TEST(NdkCompleteConnect_is_CONNECTION_ABORTED_when_the_peers_NdkAccept_has_timed_out)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_IO_TIMEOUT);
    rc_side_is_dead(&pair.passive);
    rc_sleep_ms(1000);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_CONNECTION_ABORTED);
    still_connects(&pair);
}

// ---- IO_TIMEOUT -------------------------------------------------------------------------------------------------------------------

RC_TEST(NdkCompleteConnect_is_IO_TIMEOUT_later_and_that_ends_establishment_for_this_connector_alone)
{
    struct rc_pair pair = {0};
    struct rc_side active, passive;
    rc_pair_reply(&pair);
    rc_cable(1, false);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_IO_TIMEOUT);
    ck_assert_uint_eq(pair.active.disconnects, 0);
    rc_side_is_dead(&pair.active);
    rc_cable(1, true);
    // Neither catastrophic nor permanent: a new one connects while the old one is still there, dead.
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_IO_TIMEOUT);
    rc_sides_open(&pair.listener, &active, &passive);
    rc_side_is_dead(&pair.active);
    rc_side_close(&active);
    rc_side_close(&passive);
    rc_pair_close(&pair);
}

RC_TEST(NdkCompleteConnect_is_IO_TIMEOUT_inline_when_establishment_has_timed_out_before)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    rc_cable(1, false);
    rc_sleep_ms(20000);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_IO_TIMEOUT);
    rc_side_is_dead(&pair.active);
    rc_cable(1, true);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_IO_TIMEOUT);
    still_connects(&pair);
}

// ---- parameters -------------------------------------------------------------------------------------------------------------------

RC_TEST(NdkCompleteConnect_without_a_DisconnectEvent_connects_and_tells_nobody_of_the_end)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    pair.active.no_event = true;
    rc_complete(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_side_close(&pair.passive);             // a reset
    rc_sleep_ms(1000);
    ck_assert_uint_eq(pair.active.disconnects, 0);
    rc_disconnect(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_ABORTED);
    rc_pair_close(&pair);
}

RC_TEST(NdkCompleteConnect_that_pends_is_cancelled_by_the_close_and_before_it_ends)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    rc_cable(1, false);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    rc_side_close(&pair.active);
    ck_assert_uint_eq(pair.active.wait.calls, 1);
    ck_assert_int_eq(pair.active.wait.status, STATUS_CANCELLED);
    rc_cable(1, true);
    still_connects(&pair);
}

RC_TEST(NdkCompleteConnect_without_memory_says_so_and_may_be_called_again)
{
    const struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .driver = "vnic"};
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    rc_complete(&pair.active);
    nbx_fault_disarm(NULL);
    ck_assert_int_eq(pair.active.returned, STATUS_INSUFFICIENT_RESOURCES);
    rc_complete(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

// ---- NdkCompleteConnectEx: the same, each status again ----------------------------------------------------------------------------------

RC_TEST_EX(three_steps, NdkCompleteConnectEx_ends_when_the_peer_has_the_RTR_and_so_does_the_peers_NdkAcceptEx)
RC_TEST_EX(at_dispatch, NdkCompleteConnectEx_may_be_called_at_DISPATCH_LEVEL)
RC_TEST_EX(NdkCompleteConnect_is_CONNECTION_INVALID_inline_when_the_queue_pair_is_not_connecting_body,
           NdkCompleteConnectEx_is_CONNECTION_INVALID_inline_when_the_queue_pair_is_not_connecting)
RC_TEST_EX(NdkCompleteConnect_is_CONNECTION_INVALID_later_when_the_queue_pair_stops_connecting_body,
           NdkCompleteConnectEx_is_CONNECTION_INVALID_later_when_the_queue_pair_stops_connecting)
RC_TEST_EX(NdkCompleteConnect_is_CONNECTION_ABORTED_inline_when_the_accepting_peer_has_abandoned_it_body,
           NdkCompleteConnectEx_is_CONNECTION_ABORTED_inline_when_the_accepting_peer_has_abandoned_it)
RC_TEST_EX(NdkCompleteConnect_is_CONNECTION_ABORTED_later_when_the_accepting_peer_abandons_it_meanwhile_body,
           NdkCompleteConnectEx_is_CONNECTION_ABORTED_later_when_the_accepting_peer_abandons_it_meanwhile)
RC_TEST_EX(NdkCompleteConnect_is_IO_TIMEOUT_later_and_that_ends_establishment_for_this_connector_alone_body,
           NdkCompleteConnectEx_is_IO_TIMEOUT_later_and_that_ends_establishment_for_this_connector_alone)
RC_TEST_EX(NdkCompleteConnect_is_IO_TIMEOUT_inline_when_establishment_has_timed_out_before_body,
           NdkCompleteConnectEx_is_IO_TIMEOUT_inline_when_establishment_has_timed_out_before)
RC_TEST_EX(NdkCompleteConnect_without_a_DisconnectEvent_connects_and_tells_nobody_of_the_end_body,
           NdkCompleteConnectEx_without_a_DisconnectEvent_connects_and_tells_nobody_of_the_end)

TEST_TIMEOUT(120, NdkCompleteConnectEx_succeeds_inline_when_no_RTR_was_agreed)
{
    rc_net.is_ex = true;
    run_with("RdmaReadyToReceive: 0", "no RTR", two_steps);
}
