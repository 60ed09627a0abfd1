// SPDX-License-Identifier: MIT
// TDI_DISCONNECT over TCP, statement by statement of its page (docs/contracts/tdi-disconnect.md) and row by row of the table in
// drivers/tdi_common/README.md: on loopback, and between two boxes, whose clients both look. Refusals are in offer_test.c.
#include "kit.h"

#include <string.h>

static struct tk_pair pair;
static struct tk_request r1, r2, r3, r4;
static UCHAR room[8192];

#define NO_TIMEOUT 1
#define LONG_TIMEOUT (-600000000LL)

static void
open_pair(void)
{
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handlers(&pair.server);
    tk_set_handlers(&pair.client);
    tk_pair_connect(&pair);
}

// A connection whose sender is stuck: the peer takes nothing, so its window is full, and a send and a RECEIVE wait.
static UCHAR big[1 << 20];

static void
open_stuck(void)
{
    open_pair();
    pair.server.mode = TK_TAKE_NONE;
    tk_send(&r1, &pair.here, big, sizeof(big), 0);
    tk_receive(&r2, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
    tk_settle();
    ck_assert(!tk_is_done(&r1));
    ck_assert(!tk_is_done(&r2));
}

static void
receive_all(struct tk_endpoint *endpoint, const UCHAR *bytes, ULONG count)
{
    static UCHAR got[50000];
    for (ULONG at = 0; at < count;) {
        tk_receive(&r3, endpoint, got, sizeof(got), TDI_RECEIVE_NORMAL);
        ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
        ck_assert_uint_gt(r3.iosb.Information, 0);
        ck_assert_uint_le(at + r3.iosb.Information, count);
        ck_assert_int_eq(memcmp(got, bytes + at, r3.iosb.Information), 0);
        at += (ULONG)r3.iosb.Information;
    }
}

// ---- RELEASE --------------------------------------------------------------------------------------------------------------------

TN_TEST(TDI_DISCONNECT_RELEASE_over_TCP_is_staged_as_its_four_steps)
{
    open_pair();
    // 1: it can no longer send but still receives; what it had sent arrives, and its sends complete
    tk_send(&r1, &pair.here, "first", 5, 0);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(r2.returned, STATUS_PENDING);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.iosb.Information, 5);
    tk_send(&r1, &pair.here, "late", 4, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    // 2: the remote client is told after the data, and can still send, but not receive
    ck_assert(tk_disconnected(&pair.there, 5000));
    ck_assert_uint_eq(pair.there.stream_bytes, 5);
    ck_assert_int_eq(memcmp(pair.there.stream, "first", 5), 0);
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_RELEASE);
    ck_assert_int_eq(pair.there.disconnect_bytes, 0);
    tk_receive(&r3, &pair.there, room, sizeof(room), TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r3), TDI_GRACEFUL_DISC);
    tk_send(&r3, &pair.there, "answer", 6, 0);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(pair.here.stream_bytes, 6);
    ck_assert_int_eq(memcmp(pair.here.stream, "answer", 6), 0);
    ck_assert(!tk_is_done(&r2));
    // 3: it confirms; its sends complete before
    tk_send(&r3, &pair.there, "last", 4, 0);
    tk_disconnect(&r4, &pair.there, TDI_DISCONNECT_RELEASE, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r4), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_lt(r3.order, r4.order);
    // 4: and so ends the first, which no event says again
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(pair.here.stream_bytes, 10);
    ck_assert_int_eq(pair.here.disconnects, 0);
    ck_assert_int_eq(pair.there.disconnects, 1);
    // the endpoints are valid and can be used again, at once, in both roles
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// Step 1 with more than the peer's window holds: the FIN waits behind all of it, and so does the peer's news.
TN_TEST(TDI_DISCONNECT_RELEASE_transmits_and_completes_the_sends_that_wait_and_tells_the_peer_behind_them)
{
    for (ULONG i = 0; i < sizeof(big); i++)
        big[i] = (UCHAR)(i * 7 + (i >> 9));
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handler_of(&pair.server, TDI_EVENT_DISCONNECT);
    tk_pair_connect(&pair);
    tk_send(&r1, &pair.here, big, sizeof(big), 0);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    tk_settle();
    ck_assert(!tk_is_done(&r1));
    ck_assert(!tk_is_done(&r2));
    ck_assert_int_eq(pair.there.disconnects, 0);
    receive_all(&pair.there, big, sizeof(big));
    ck_assert(tk_disconnected(&pair.there, 5000));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.iosb.Information, sizeof(big));
    ck_assert(!tk_is_done(&r2));
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

// A lost segment holds up the hundred that follow it, and the end: every byte is there before the end is told.
static void
many_body(void)
{
    for (ULONG i = 0; i < sizeof(big); i++)
        big[i] = (UCHAR)(i * 11 + (i >> 8));
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handler_of(&pair.server, TDI_EVENT_DISCONNECT);
    tk_pair_connect(&pair);
    tk_send(&r1, &pair.here, big, sizeof(big), 0);      // opens the congestion window
    receive_all(&pair.there, big, sizeof(big));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tn_do(0, TN_PULL);
    tk_send(&r1, &pair.here, big, 1000, 0);             // lost
    tn_do(0, TN_PUSH);
    tk_send(&r2, &pair.here, big + 1000, 149000, 0);
    tk_disconnect(&r4, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    tk_sleep_ms(3000);
    ck_assert_int_eq(pair.there.disconnects, 0);
    receive_all(&pair.there, big, 150000);
    ck_assert(tk_disconnected(&pair.there, 60000));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r4), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

TEST_TIMEOUT(120, a_FIN_behind_a_lost_segment_is_told_after_every_byte)
{
    tn_net.nic = "\"*LsoV2IPv4\": 0, \"*LsoV2IPv6\": 0, \"*RscIPv4\": 0, \"*RscIPv6\": 0";    // segments stay as small as the wire's
    tn_run("many", many_body, TN_TWO4, 0, 6);
    tn_run("many", many_body, TN_TWO6, 6, 2);
}

// Both initiate: no step 2 for either, and both requests end well.
TN_TEST(TDI_DISCONNECT_RELEASE_from_both_sides_at_once_ends_both)
{
    open_pair();
    tk_send(&r3, &pair.here, "from here", 9, 0);
    tk_send(&r4, &pair.there, "from there", 10, 0);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r4), STATUS_SUCCESS);
    ck_assert_uint_eq(pair.there.stream_bytes, 9);
    ck_assert_uint_eq(pair.here.stream_bytes, 10);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TN_TEST(TDI_DISCONNECT_over_TCP_tells_a_client_without_handler_by_an_outstanding_request)
{
    tk_pair_open(&pair, TN_DEVICE);
    tk_receive(&r1, &pair.there, room, sizeof(room), TDI_RECEIVE_NORMAL);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), TDI_GRACEFUL_DISC);
    ck_assert_uint_eq(r1.iosb.Information, 0);
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

TN_TEST(TDI_DISCONNECT_RELEASE_over_TCP_is_ended_by_a_reset_of_the_peer)
{
    open_pair();
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    tk_receive(&r2, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
    ck_assert(tk_disconnected(&pair.there, 5000));
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_RESET);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_RESET);
    ck_assert(tk_disconnected(&pair.here, 5000));
    ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_ABORT);
    ck_assert_int_gt(pair.here.disconnect_order, r1.order);
    ck_assert_int_gt(pair.here.disconnect_order, r2.order);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TN_TEST(TDI_DISCONNECT_RELEASE_over_TCP_can_be_cancelled_and_leaves_the_connection_half_closed)
{
    open_pair();
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_cancel(&r1), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    ck_assert(tk_disconnected(&pair.there, 5000));      // the FIN cannot be unsent
    tk_send(&r2, &pair.there, "still", 5, 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(pair.here.stream_bytes, 5);
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert(tk_disconnected(&pair.here, 5000));
    ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_RELEASE);
    tk_settle();
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TN_TEST(TDI_DISCONNECT_RELEASE_over_TCP_can_be_asked_again_after_it_timed_out_but_not_while_it_pends)
{
    tk_pair_open(&pair, TN_DEVICE);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_TIMED_OUT);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r2), TDI_INVALID_CONNECTION);
    ck_assert(!tk_is_done(&r1));
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

// ---- time-outs ------------------------------------------------------------------------------------------------------------------

// An explicit time-out, none at all ("usually something less than one second"), one that is over already.
TN_TEST(TDI_DISCONNECT_RELEASE_over_TCP_times_out_and_leaves_the_connection_half_closed)
{
    static const struct {
        LONGLONG timeout, least_ms, most_ms;
    } cases[] = {{-30000000LL, 3000, 3100}, {NO_TIMEOUT, 100, 999}, {0, 0, 50}};
    for (ULONG i = 0; i < ARRAYSIZE(cases); i++) {
        open_pair();
        ULONGLONG before = KeQueryInterruptTime();
        tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, cases[i].timeout);
        ck_assert_int_eq(tk_wait(&r1), TDI_TIMED_OUT);
        LONGLONG took_ms = (LONGLONG)(KeQueryInterruptTime() - before) / 10000;
        ck_assert_int_ge(took_ms, cases[i].least_ms);
        ck_assert_int_le(took_ms, cases[i].most_ms);
        // half closed: it still receives, the peer still sends, and the peer's release is told by the event now
        ck_assert(tk_disconnected(&pair.there, 5000));
        tk_send(&r2, &pair.there, "still", 5, 0);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        tk_settle();
        ck_assert_uint_eq(pair.here.stream_bytes, 5);
        tk_send(&r2, &pair.here, "x", 1, 0);
        ck_assert_int_eq(tk_wait(&r2), TDI_INVALID_CONNECTION);
        tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, NO_TIMEOUT);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        ck_assert(tk_disconnected(&pair.here, 5000));
        ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_RELEASE);
        tk_settle();
        tk_pair_connect(&pair);
        tk_pair_close(&pair);
    }
}

TN_TEST(TDI_DISCONNECT_over_TCP_takes_only_relative_timeouts)
{
    tk_pair_open(&pair, TN_DEVICE);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, 5);
    ck_assert_int_eq(tk_wait(&r1), STATUS_INVALID_PARAMETER);
    tk_send(&r1, &pair.here, "x", 1, 0);                // nothing has happened
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

// The cable is out while it times out. What had been accepted, and the FIN, arrive when it is in again.
TN_TEST_TWO(TDI_DISCONNECT_RELEASE_that_timed_out_goes_on_with_its_data_and_its_FIN)
{
    open_pair();
    tn_cable(false);
    tk_send(&r1, &pair.here, "accepted", 8, 0);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -20000000LL);
    ck_assert_int_eq(tk_wait(&r2), TDI_TIMED_OUT);
    ck_assert(!tk_is_done(&r1));
    ck_assert_int_eq(pair.there.disconnects, 0);
    tn_cable(true);
    ck_assert(tk_disconnected(&pair.there, 60000));
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_RELEASE);
    ck_assert_uint_eq(pair.there.stream_bytes, 8);
    ck_assert_int_eq(memcmp(pair.there.stream, "accepted", 8), 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

// A connection that was left half closed ends by an abort, by closing its file, or when retransmission gives up (R2), and not before.
TN_TEST(a_RELEASE_that_timed_out_is_reset_only_by_an_abort_or_a_close)
{
    for (int is_close = 0; is_close < 2; is_close++) {
        open_pair();
        tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, 0);
        ck_assert_int_eq(tk_wait(&r1), TDI_TIMED_OUT);
        ck_assert(tk_disconnected(&pair.there, 5000));
        tk_receive(&r2, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
        tk_sleep_ms(300000);                            // longer than FIN_WAIT_2 lasts once a client has let go
        ck_assert(!tk_is_done(&r2));
        tk_send(&r3, &pair.there, "x", 1, 0);
        ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        if (is_close) {
            tk_close_endpoint(&pair.here);
        } else {
            tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
            ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        }
        tk_settle();
        tk_send(&r3, &pair.there, "x", 1, 0);
        ck_assert_int_eq(tk_wait(&r3), TDI_CONNECTION_RESET);
        ck_assert_int_eq(pair.there.disconnects, 1);
        tk_pair_close(&pair);
    }
}

TN_TEST_TWO(a_RELEASE_whose_peer_is_out_of_reach_ends_when_retransmission_gives_up)
{
    open_pair();
    tn_cable(false);
    tk_send(&r1, &pair.here, "lost", 4, 0);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -100000LL * 1000 * 3600);
    tk_receive(&r3, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait_long(&r2, 3600000), TDI_TIMED_OUT);
    ck_assert_int_eq(tk_wait(&r1), TDI_TIMED_OUT);
    ck_assert_int_eq(tk_wait(&r3), TDI_TIMED_OUT);
    ck_assert(tk_disconnected(&pair.here, 5000));
    ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_ABORT);
    tk_disconnect(&r2, &pair.here, 0, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r2), TDI_INVALID_CONNECTION);
    tn_cable(true);
    tk_send(&r1, &pair.there, "x", 1, 0);               // its peer has forgotten the connection
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_RESET);
    ck_assert(tk_disconnected(&pair.there, 5000));
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// ---- ABORT ----------------------------------------------------------------------------------------------------------------------

TN_TEST(TDI_DISCONNECT_ABORT_over_TCP_closes_at_once_and_cancels_what_is_outstanding)
{
    open_stuck();
    ULONGLONG before = KeQueryInterruptTime();
    tk_disconnect(&r3, &pair.here, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_uint_le(KeQueryInterruptTime() - before, 50 * 10000);     // without the peer, which is asked nothing
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_ABORTED);
    ck_assert_int_lt(r1.order, r3.order);
    ck_assert_int_lt(r2.order, r3.order);
    tk_send(&r1, &pair.here, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_receive(&r1, &pair.here, room, 1, TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    ck_assert(tk_disconnected(&pair.there, 5000));
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_ABORT);
    tk_settle();
    ck_assert_int_eq(pair.here.disconnects, 0);
    ck_assert_int_eq(pair.here.receives, 0);
    pair.server.mode = TK_TAKE_ALL;
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TN_TEST(TDI_DISCONNECT_over_TCP_with_flags_zero_or_WAIT_does_the_same_as_ABORT)
{
    static const ULONG flags[] = {0, TDI_DISCONNECT_WAIT, TDI_DISCONNECT_ABORT, TDI_DISCONNECT_ABORT | TDI_DISCONNECT_RELEASE};
    open_pair();
    for (ULONG i = 0; i < ARRAYSIZE(flags); i++) {
        if (i)
            tk_pair_connect(&pair);
        tk_receive(&r1, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
        tk_disconnect(&r2, &pair.here, flags[i], NULL, NO_TIMEOUT);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
        ck_assert(tk_disconnected(&pair.there, 5000));
        ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_ABORT);
    }
    tk_disconnect(&r1, &pair.here, 8, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_INVALID_PARAMETER);
    tk_pair_close(&pair);
}

TN_TEST(TDI_DISCONNECT_ABORT_over_TCP_overtakes_a_pending_RELEASE)
{
    open_pair();
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert(tk_disconnected(&pair.there, 5000));
    ck_assert(!tk_is_done(&r1));
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    ck_assert_int_lt(r1.order, r2.order);
    tk_settle();
    ck_assert_int_eq(pair.there.disconnects, 1);        // the event is the last one: the abort is told by a request
    tk_send(&r3, &pair.there, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r3), TDI_CONNECTION_RESET);
    tk_send(&r3, &pair.there, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r3), TDI_INVALID_CONNECTION);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// The same while the RELEASE still waits behind data that the peer does not take: a send is cut, too.
TN_TEST(TDI_DISCONNECT_ABORT_overtakes_a_RELEASE_that_waits_behind_its_sends)
{
    open_stuck();
    tk_disconnect(&r3, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    tk_settle();
    ck_assert(!tk_is_done(&r3));
    tk_disconnect(&r4, &pair.here, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r4), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r3), TDI_CONNECTION_ABORTED);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_ABORTED);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    ck_assert(tk_disconnected(&pair.there, 5000));
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_ABORT);
    tk_pair_close(&pair);
}

// The peer cannot be reached, and need not be: bytes that it never had come back at once.
TN_TEST_TWO(an_ABORT_needs_no_peer)
{
    open_pair();
    tn_cable(false);
    tk_send(&r1, &pair.here, big, sizeof(big), 0);
    tk_settle();
    ULONGLONG before = KeQueryInterruptTime();
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_le(KeQueryInterruptTime() - before, 50 * 10000);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    tk_settle();
    ck_assert_int_eq(pair.there.disconnects, 0);        // it knows nothing of it
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tn_cable(true);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// A send that is cancelled takes the connection with it. A RELEASE that comes while it goes is not taken for an ABORT, which would succeed.
TN_TEST(a_RELEASE_of_a_connection_that_is_just_ending_fails)
{
    open_stuck();
    tk_cancel(&r1);
    tk_disconnect(&r3, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    NTSTATUS status = tk_wait(&r3);
    ck_assert_msg(status == TDI_CONNECTION_ABORTED || status == TDI_INVALID_CONNECTION, "%08x", (unsigned)status);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_ABORTED);
    tk_pair_close(&pair);
}

// Two connections of the same two addresses: the file object of the request says which of them ends.
TN_TEST(a_RELEASE_is_its_endpoints_alone)
{
    static struct tk_endpoint there, here;
    static struct tk_address client;
    open_pair();
    tk_open_pair(&client, &here, TN_DEVICE, NULL);
    tk_place.box = tk_place.there;
    tk_open_endpoint(&there, TN_DEVICE);
    tk_place.box = NULL;
    ck_assert_int_eq(tk_associate(&there, &pair.server), STATUS_SUCCESS);
    tk_listen(&r1, &there, 0, NULL);
    tk_connect(&r2, &here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert(tk_disconnected(&pair.there, 5000));
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    there.stream_bytes = 0;
    tk_send(&r1, &here, "the other", 9, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(there.stream_bytes, 9);
    ck_assert_int_eq(there.disconnects + here.disconnects, 0);
    tk_close_endpoint(&here);
    tk_close_endpoint(&there);
    tk_close_address(&client);
    tk_pair_close(&pair);
}

// The peer has nobody to tell: its next request is told, once.
TN_TEST(TDI_DISCONNECT_over_TCP_that_nobody_could_be_told_fails_the_next_request)
{
    tk_pair_open(&pair, TN_DEVICE);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    tk_receive(&r1, &pair.there, room, 10, TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_RESET);
    tk_receive(&r1, &pair.there, room, 10, TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_pair_close(&pair);
}

// ---- what else the page says ----------------------------------------------------------------------------------------------------

TN_TEST(TDI_DISCONNECT_over_TCP_of_an_endpoint_without_connection_is_refused)
{
    tk_pair_open(&pair, TN_DEVICE);
    tk_disconnect(&r1, &pair.here, 0, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_pair_close(&pair);
}

// The request is what lies in the transport's own stack location, whoever is above it, and it counts only under its major function.
static NTSTATUS NTAPI
above_completed(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    KeSetEvent(context, 0, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

TN_TEST(TDI_DISCONNECT_over_TCP_is_read_from_the_transports_own_stack_location)
{
    KEVENT done;
    IO_STATUS_BLOCK iosb;
    open_pair();
    PIRP irp = TdiBuildInternalDeviceControlIrp(TDI_DISCONNECT, pair.here.device, pair.here.file, &done, &iosb);
    ck_assert_ptr_nonnull(irp);
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    TdiBuildDisconnect(irp, pair.here.device, pair.here.file, NULL, NULL, NULL, TDI_DISCONNECT_ABORT, NULL, NULL);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_READ;
    ck_assert_int_eq(IoCallDriver(pair.here.device, irp), STATUS_INVALID_DEVICE_REQUEST);
    tk_send(&r1, &pair.here, "x", 1, 0);                // nothing has happened
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    irp = IoAllocateIrp((CCHAR)(pair.here.device->StackSize + 1), FALSE);
    IoSetNextIrpStackLocation(irp);                     // as a driver above the transport has one
    IoGetCurrentIrpStackLocation(irp)->MinorFunction = TDI_LISTEN;
    TdiBuildDisconnect(irp, pair.here.device, pair.here.file, above_completed, &done, NULL, TDI_DISCONNECT_ABORT, NULL, NULL);
    KeClearEvent(&done);
    IoCallDriver(pair.here.device, irp);
    ck_assert(tk_event_wait(&done, 5000));
    ck_assert_int_eq(irp->IoStatus.Status, STATUS_SUCCESS);
    IoFreeIrp(irp);
    ck_assert(tk_disconnected(&pair.there, 5000));
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_ABORT);
    tk_pair_close(&pair);
}

// TCP carries none: more than nothing is too much, for a connect, an accept and a disconnect, and nothing has happened.
TN_TEST(disconnect_data_over_TCP_is_refused_before_anything_happens)
{
    TDI_PROVIDER_INFO provider;
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_query(&r1, pair.here.file, TDI_QUERY_PROVIDER_INFO, &provider, sizeof(provider));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(provider.MaxConnectionUserData, 0);
    ck_assert(provider.ServiceFlags & TDI_SERVICE_ORDERLY_RELEASE);
    ck_assert(provider.ServiceFlags & TDI_SERVICE_DELAYED_ACCEPTANCE);
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, "x", 0);
    ck_assert_int_eq(tk_wait(&r2), TDI_BUFFER_TOO_BIG);
    tk_settle();
    ck_assert(!tk_is_done(&r1));
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_accept(&r1, &pair.there, "x");
    ck_assert_int_eq(tk_wait(&r1), TDI_BUFFER_TOO_BIG);
    ck_assert(!tk_is_done(&r2));
    tk_accept(&r1, &pair.there, NULL);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    static const ULONG flags[] = {0, TDI_DISCONNECT_ABORT, TDI_DISCONNECT_RELEASE};
    for (ULONG i = 0; i < ARRAYSIZE(flags); i++) {
        tk_disconnect(&r1, &pair.here, flags[i], "x", NO_TIMEOUT);
        ck_assert_int_eq(tk_wait(&r1), TDI_BUFFER_TOO_BIG);
    }
    tk_send(&r1, &pair.here, "goes on", 7, 0);
    tk_receive(&r2, &pair.there, room, sizeof(room), 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

TN_TEST(ReturnConnectionInformation_of_a_disconnect_over_TCP_says_that_there_is_no_data)
{
    open_pair();
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert(tk_disconnected(&pair.there, 5000));
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(r1.back.UserDataLength, 0);
    ck_assert_int_eq(r1.back.OptionsLength, 0);
    ck_assert_int_eq(r2.back.UserDataLength, 0);
    tk_pair_close(&pair);
}

TN_TEST(ClientEventDisconnect_over_TCP_may_use_its_endpoint_again)
{
    open_pair();
    pair.there.reuse = &pair.there;
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert(tk_disconnected(&pair.there, 5000));
    ck_assert_int_eq(pair.there.listen.returned, STATUS_PENDING);
    tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&pair.there.listen), STATUS_SUCCESS);
    pair.there.reuse = NULL;
    tk_pair_close(&pair);
}

// Twenty lives of the same two endpoints, ended in turn by either side and in either way: the four-tuple is the same each time, so that a
// TIME_WAIT of the last life must give way to the next [RFC 6191, RFC 9293 3.6.1].
TN_TEST(an_endpoint_can_be_used_again_twenty_times_after_a_disconnect)
{
    open_pair();
    for (int i = 0; i < 20; i++) {
        struct tk_endpoint *first = i & 1 ? &pair.there : &pair.here, *second = i & 1 ? &pair.here : &pair.there;
        if (i)
            tk_pair_connect(&pair);
        tk_send(&r1, &pair.here, "ping", 4, 0);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        if (i % 3 == 2) {
            tk_disconnect(&r1, first, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
            ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
            ck_assert(tk_disconnected(second, 5000));
            ck_assert_uint_eq(second->disconnect_flags, TDI_DISCONNECT_ABORT);
            continue;
        }
        tk_disconnect(&r1, first, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
        ck_assert(tk_disconnected(second, 5000));
        tk_disconnect(&r2, second, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        ck_assert_uint_eq(pair.there.stream_bytes, 4);
    }
    tk_pair_close(&pair);
}
