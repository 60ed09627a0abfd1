// SPDX-License-Identifier: MIT
// What changes under a connection: its way, the cable, the adapter; and what was posted before a disconnect.
#include <check.h>
#include <string.h>

#include "kit.h"

RC_TEST(a_connection_follows_the_way_that_the_host_says)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    rc_sleep_ms(1000);
    rc_host[0].next_link_last = 0x55;         // to nobody
    rc_host_change(0);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    ck_assert(!rc_ended(0, &pair.active.wait, 3000));
    rc_host[0].next_link_last = 0;
    rc_host_change(0);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

RC_TEST(the_host_hears_of_a_neighbor_that_answers_and_of_one_that_does_not)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    rc_sleep_ms(1000);
    ck_assert_uint_gt(rc_host[0].confirms, 0);
    ck_assert_uint_eq(rc_host[0].doubts, 0);
    rc_cable(1, false);
    rc_complete(&pair.active);
    ck_assert(!rc_ended(0, &pair.active.wait, 5000));
    ck_assert_uint_gt(rc_host[0].doubts, 0);
    rc_cable(1, true);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_pair_close(&pair);
}

// ---- what was posted before ---------------------------------------------------------------------------------------------------------

static ULONG
results_of(int box, ULONG expected)
{
    NDK_RESULT all[32];
    ULONG count = 0;
    for (ULONG i = 0; i < 400 && count < expected; i++) {
        ULONG got;
        RC_CALL(box, got = rc_end[box].cq->Dispatch->NdkGetCqResults(rc_end[box].cq, all, 32));
        for (ULONG j = 0; j < got; j++)
            ck_assert_int_eq(all[j].Status, STATUS_SUCCESS);
        count += got;
        if (count < expected)
            rc_sleep_ms(100);
    }
    return count;
}

static void
posts_then_disconnects(void)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    for (int i = 0; i < 12; i++)
        RC_CALL(1, ck_assert_int_eq(pair.passive.qp->Dispatch->NdkReceive(pair.passive.qp, NULL, NULL, 0), STATUS_SUCCESS));
    for (int i = 0; i < 12; i++)
        RC_CALL(0, ck_assert_int_eq(pair.active.qp->Dispatch->NdkSend(pair.active.qp, NULL, NULL, 0, 0), STATUS_SUCCESS));
    rc_disconnect(&pair.active);
    ck_assert_uint_eq(results_of(1, 12), 12);
    ck_assert(rc_event(1, &pair.passive.disconnected, RC_WAIT_S * 1000));
    rc_disconnect(&pair.passive);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_uint_eq(results_of(0, 12), 12);
    rc_pair_close(&pair);
}

RC_TEST(NdkDisconnect_sends_what_was_posted_before_and_ends_after_it)
{
    posts_then_disconnects();
}

RC_TEST_WIRE(NdkDisconnect_sends_what_was_posted_before_over_a_wire_that_loses_and_reorders, "delay: 100us, loss: 8%, reorder: 8%")
{
    posts_then_disconnects();
}

// ---- everything pends -----------------------------------------------------------------------------------------------------------------

static void
all_pends(void)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_side_is_dead(&pair.active);
    rc_pair_close(&pair);
    rc_pair_reply(&pair);
    rc_side_close(&pair.passive);
    rc_sleep_ms(1000);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_CONNECTION_ABORTED);
    rc_pair_close(&pair);
}

TEST_TIMEOUT(120, a_connection_where_everything_pends_that_may)
{
    rc_net.settings = "RdmaPend: 1";
    rc_run("RdmaPend", all_pends, "delay: 50us", 3);
}

// ---- the adapter is pulled out ----------------------------------------------------------------------------------------------------------

static struct {
    struct rc_pair open, replied;
    struct rc_side connecting, disconnecting, other;
} pulled;

static void
pulled_close(int box)
{
    ck_assert_int_eq(box, 0);
    ck_assert_int_eq(rc_finish(&pulled.connecting), STATUS_IO_TIMEOUT);
    ck_assert_int_eq(rc_finish(&pulled.disconnecting), STATUS_IO_TIMEOUT);
    rc_complete(&pulled.replied.active);
    ck_assert_int_eq(pulled.replied.active.returned, STATUS_IO_TIMEOUT);
    ck_assert(rc_event(0, &pulled.open.active.disconnected, RC_WAIT_S * 1000));
    ck_assert_uint_eq(pulled.open.active.disconnects, 1);
    rc_disconnect(&pulled.open.active);
    ck_assert_int_eq(pulled.open.active.returned, STATUS_IO_TIMEOUT);
    rc_side_close(&pulled.connecting);
    rc_side_close(&pulled.disconnecting);
    rc_side_close(&pulled.replied.active);
    rc_side_close(&pulled.open.active);
}

RC_TEST(a_surprise_removal_ends_every_request_and_connection_as_a_time_out_does)
{
    memset(&pulled, 0, sizeof pulled);
    rc_on_removal = pulled_close;
    rc_pair_open(&pulled.open);
    rc_sides_open(&pulled.open.listener, &pulled.disconnecting, &pulled.other);
    rc_disconnect(&pulled.disconnecting);
    rc_side_open(&pulled.connecting, 0);
    rc_connect(&pulled.connecting, &pulled.open.listener, &rc_plain);
    ck_assert(rc_incoming(&pulled.open.listener, &pulled.replied.passive, RC_WAIT_S * 1000));
    struct rc_side waiting = pulled.replied.passive;        // connecting's
    rc_side_open(&pulled.replied.active, 0);
    rc_connect(&pulled.replied.active, &pulled.open.listener, &rc_plain);
    ck_assert(rc_incoming(&pulled.open.listener, &pulled.replied.passive, RC_WAIT_S * 1000));
    rc_accept(&pulled.replied.passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&pulled.replied.active), STATUS_SUCCESS);
    rc_surprise(0);
    ck_assert_int_eq(rc_finish(&pulled.replied.passive), STATUS_IO_TIMEOUT);       // nothing was said to the peer
    rc_side_close(&waiting);
    rc_side_close(&pulled.other);
    rc_side_close(&pulled.replied.passive);
    rc_side_close(&pulled.open.passive);
    rc_listener_close(&pulled.open.listener);
}
