// SPDX-License-Identifier: MIT
// NdkDisconnect, and what is left of a connector afterwards [network/networkdirect-disconnect-scheme].
#include <check.h>

#include "kit.h"

static ULONG
results(int box, NTSTATUS status)
{
    NDK_RESULT all[32];
    ULONG count;
    RC_CALL(box, count = rc_end[box].cq->Dispatch->NdkGetCqResults(rc_end[box].cq, all, 32));
    for (ULONG i = 0; i < count; i++)
        ck_assert_int_eq(all[i].Status, status);
    return count;
}

// Receives that no message will reach: `count` of them, without buffers.
static void
post_receives(struct rc_side *side, ULONG count)
{
    for (ULONG i = 0; i < count; i++)
        RC_CALL(side->box, ck_assert_int_eq(side->qp->Dispatch->NdkReceive(side->qp, NULL, NULL, 0), STATUS_SUCCESS));
}

static void
in_order(void)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    post_receives(&pair.active, 3);
    post_receives(&pair.passive, 4);
    rc_disconnect(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    // The peer's consumer is told, once, and nothing of its QP is flushed by that; our request waits for its disconnect.
    ck_assert(rc_event(1, &pair.passive.disconnected, RC_WAIT_S * 1000));
    ck_assert(!rc_ended(0, &pair.active.wait, 2000));
    ck_assert_uint_eq(results(1, STATUS_CANCELLED), 0);
    rc_disconnect(&pair.passive);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_uint_eq(pair.passive.disconnects, 1);
    ck_assert_uint_eq(pair.active.disconnects, 0);          // its own came first
    // Each has flushed its QP, and neither QP nor connector can be used again.
    ck_assert_uint_eq(results(0, STATUS_CANCELLED), 3);
    ck_assert_uint_eq(results(1, STATUS_CANCELLED), 4);
    rc_side_is_dead(&pair.active);
    rc_side_is_dead(&pair.passive);
    ck_assert_int_eq(pair.active.qp->Dispatch->NdkSend(pair.active.qp, NULL, NULL, 0, 0), STATUS_CONNECTION_INVALID);
    rc_pair_close(&pair);
}

RC_TEST(NdkDisconnect_ends_with_success_when_the_peer_has_disconnected_and_not_before)
{
    in_order();
}

RC_TEST_WIRE(NdkDisconnect_ends_with_success_over_a_wire_that_loses_and_reorders, "delay: 100us, loss: 8%, reorder: 8%, duplicate: 4%")
{
    in_order();
}

RC_TEST(NdkDisconnect_from_both_sides_at_once_succeeds_on_both_and_tells_at_most_once)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    ck_assert_uint_le(pair.active.disconnects, 1);          // the race is legal
    ck_assert_uint_le(pair.passive.disconnects, 1);
    rc_pair_close(&pair);
}

RC_TEST(NdkDisconnect_is_IO_TIMEOUT_later_when_the_peer_never_disconnects)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    post_receives(&pair.active, 2);
    rc_disconnect(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_IO_TIMEOUT);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    ck_assert_uint_eq(results(0, STATUS_CANCELLED), 2);
    rc_side_is_dead(&pair.active);
    rc_sleep_ms(100);
    ck_assert_uint_eq(pair.passive.disconnects, 1);         // for our FIN; the reset behind it is no second one
    rc_disconnect(&pair.passive);                           // there is no half-close: it is over
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_CONNECTION_ABORTED);
    rc_side_is_dead(&pair.passive);
    rc_pair_close(&pair);
}

RC_TEST(NdkDisconnect_fails_when_the_connection_is_aborted_meanwhile)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    rc_disconnect(&pair.active);
    ck_assert(rc_event(1, &pair.passive.disconnected, RC_WAIT_S * 1000));
    rc_side_close(&pair.passive);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_ABORTED);
    ck_assert_uint_eq(pair.active.disconnects, 0);
    rc_pair_close(&pair);
}

RC_TEST(NdkDisconnect_fails_inline_on_a_connection_that_was_aborted_and_flushes)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    post_receives(&pair.active, 2);
    rc_side_close(&pair.passive);
    ck_assert(rc_event(0, &pair.active.disconnected, RC_WAIT_S * 1000));
    ck_assert_uint_eq(results(0, STATUS_CANCELLED), 0);     // the event flushes nothing
    rc_disconnect(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_CONNECTION_ABORTED);
    ck_assert_uint_eq(results(0, STATUS_CANCELLED), 2);
    ck_assert_uint_eq(pair.active.disconnects, 1);
    rc_side_is_dead(&pair.active);
    rc_pair_close(&pair);
}

RC_TEST(NdkDisconnect_is_IO_TIMEOUT_inline_when_the_connection_has_timed_out_before)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    post_receives(&pair.active, 2);
    rc_cable(1, false);                       // nobody is heard any more
    ck_assert(rc_event(0, &pair.active.disconnected, RC_WAIT_S * 1000));
    ck_assert_uint_eq(results(0, STATUS_CANCELLED), 0);
    rc_disconnect(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_IO_TIMEOUT);
    ck_assert_uint_eq(results(0, STATUS_CANCELLED), 2);
    rc_side_is_dead(&pair.active);
    rc_cable(1, true);
    rc_pair_close(&pair);
}

RC_TEST(NdkDisconnect_may_be_called_at_DISPATCH_LEVEL)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    rc_net.at_dispatch = true;
    rc_disconnect(&pair.active);
    rc_disconnect(&pair.passive);
    rc_net.at_dispatch = false;
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_pair_close(&pair);
}

RC_TEST(NdkDisconnect_is_CONNECTION_INVALID_where_there_is_no_connection)
{
    struct rc_pair pair = {0};
    struct rc_side other;
    rc_side_open(&other, 0);
    rc_disconnect(&other);
    ck_assert_int_eq(other.returned, STATUS_CONNECTION_INVALID);
    rc_side_close(&other);
    rc_pair_request(&pair);
    other = pair.active;
    rc_disconnect(&other);
    ck_assert_int_eq(other.returned, STATUS_CONNECTION_INVALID);
    other = pair.passive;
    rc_disconnect(&other);
    ck_assert_int_eq(other.returned, STATUS_CONNECTION_INVALID);
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    other = pair.active;
    rc_disconnect(&other);
    ck_assert_int_eq(other.returned, STATUS_CONNECTION_INVALID);
    rc_pair_close(&pair);
}

RC_TEST(NdkDisconnect_twice_is_one_disconnect)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    rc_disconnect(&pair.active);
    struct rc_side again = pair.active;
    rc_disconnect(&again);
    ck_assert_int_eq(again.returned, STATUS_CONNECTION_INVALID);
    rc_disconnect(&pair.passive);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_pair_close(&pair);
}

RC_TEST(NdkCloseConnector_of_an_open_connection_resets_it_and_flushes_its_QP)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    post_receives(&pair.active, 2);
    rc_close_object(0, &pair.active.connector->Header, (NDK_FN_CLOSE_OBJECT *)&pair.active.connector->Dispatch->NdkCloseConnector);
    pair.active.connector = NULL;
    ck_assert_uint_eq(results(0, STATUS_CANCELLED), 2);
    ck_assert(rc_event(1, &pair.passive.disconnected, RC_WAIT_S * 1000));
    ck_assert_uint_eq(pair.active.disconnects, 0);
    rc_pair_close(&pair);
}
