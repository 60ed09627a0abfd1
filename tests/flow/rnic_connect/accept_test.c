// SPDX-License-Identifier: MIT
// The passive side: listeners, NdkAccept, NdkReject.
#include <check.h>
#include <string.h>

#include "kit.h"

static const UCHAR words[] = "what the two have to say to each other before they are connected";

RC_TEST(private_data_may_be_as_long_as_the_adapter_says_and_not_longer)
{
    static UCHAR much[252];
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    struct rc_pair pair = {0};
    memset(much, 0xA5, sizeof much);
    ck_assert_int_eq(rc_end[0].adapter->Dispatch->NdkQueryAdapterInfo(rc_end[0].adapter, &info, &bytes), STATUS_SUCCESS);
    ck_assert_uint_eq(info.MaxCallerData, sizeof much);
    ck_assert_uint_eq(info.MaxCalleeData, sizeof much);
    const struct rc_data most = {8, 8, much, sizeof much}, more = {8, 8, much, sizeof much + 1};
    rc_listen(&pair.listener, 1, RC_PORT);
    rc_side_open(&pair.active, 0);
    rc_connect(&pair.active, &pair.listener, &more);
    ck_assert_int_eq(pair.active.returned, STATUS_INVALID_BUFFER_SIZE);
    rc_connect(&pair.active, &pair.listener, &most);
    ck_assert(rc_incoming(&pair.listener, &pair.passive, RC_WAIT_S * 1000));
    rc_accept(&pair.passive, &more);
    ck_assert_int_eq(pair.passive.returned, STATUS_INVALID_BUFFER_SIZE);
    ck_assert_int_eq(rc_reject(&pair.passive, much, sizeof much + 1), STATUS_INVALID_BUFFER_SIZE);
    rc_accept(&pair.passive, &most);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    UCHAR got[sizeof much] = {0};
    bytes = sizeof got;
    ck_assert_int_eq(pair.active.connector->Dispatch->NdkGetConnectionData(pair.active.connector, NULL, NULL, got, &bytes), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, sizeof much);
    ck_assert_mem_eq(got, much, sizeof much);
    rc_pair_close(&pair);
}

RC_TEST(NdkReject_of_the_passive_side_refuses_with_private_data)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    ck_assert_int_eq(rc_reject(&pair.passive, words, sizeof words), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    ULONG room = 300;
    UCHAR bytes[300];
    ck_assert_int_eq(pair.active.connector->Dispatch->NdkGetConnectionData(pair.active.connector, NULL, NULL, bytes, &room),
                     STATUS_SUCCESS);
    ck_assert_uint_eq(room, sizeof words);
    ck_assert_mem_eq(bytes, words, sizeof words);
    rc_side_is_dead(&pair.passive);
    rc_pair_close(&pair);
}

RC_TEST(NdkReject_may_be_called_at_DISPATCH_LEVEL_and_without_private_data)
{
    struct rc_pair pair = {0};
    ULONG room = 0;
    rc_pair_request(&pair);
    rc_net.at_dispatch = true;
    ck_assert_int_eq(rc_reject(&pair.passive, NULL, 0), STATUS_SUCCESS);
    rc_net.at_dispatch = false;
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    ck_assert_int_eq(pair.active.connector->Dispatch->NdkGetConnectionData(pair.active.connector, NULL, NULL, NULL, &room), STATUS_SUCCESS);
    ck_assert_uint_eq(room, 0);
    rc_pair_close(&pair);
}

RC_TEST(NdkReject_closed_at_once_still_reaches_the_peer)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    ck_assert_int_eq(rc_reject(&pair.passive, words, sizeof words), STATUS_SUCCESS);
    rc_side_close(&pair.passive);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    ULONG room = 0;
    ck_assert_int_eq(pair.active.connector->Dispatch->NdkGetConnectionData(pair.active.connector, NULL, NULL, NULL, &room), STATUS_SUCCESS);
    ck_assert_uint_eq(room, sizeof words);
    rc_pair_close(&pair);
}

RC_TEST(NdkReject_of_the_active_side_aborts_the_peers_NdkAccept)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    ck_assert_int_eq(rc_reject(&pair.active, words, sizeof words), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_CONNECTION_ABORTED);
    ck_assert_uint_eq(pair.passive.disconnects, 0);
    rc_side_is_dead(&pair.active);
    rc_side_is_dead(&pair.passive);
    rc_pair_close(&pair);
}

RC_TEST(NdkReject_is_CONNECTION_ABORTED_when_the_peer_has_gone)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    rc_side_close(&pair.active);
    rc_sleep_ms(1000);
    ck_assert_int_eq(rc_reject(&pair.passive, NULL, 0), STATUS_CONNECTION_ABORTED);
    rc_side_is_dead(&pair.passive);
    rc_side_close(&pair.passive);
    rc_pair_reply(&pair);
    rc_side_close(&pair.passive);
    rc_sleep_ms(1000);
    ck_assert_int_eq(rc_reject(&pair.active, NULL, 0), STATUS_CONNECTION_ABORTED);
    rc_side_is_dead(&pair.active);
    rc_pair_close(&pair);
}

// ---- NdkAccept ----------------------------------------------------------------------------------------------------------------------

RC_TEST(NdkAccept_is_CONNECTION_ABORTED_inline_when_the_peer_has_gone_before)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    rc_side_close(&pair.active);
    rc_sleep_ms(1000);
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(pair.passive.returned, STATUS_CONNECTION_ABORTED);
    rc_side_is_dead(&pair.passive);
    rc_pair_close(&pair);
}

RC_TEST(NdkAccept_is_CONNECTION_ABORTED_later_when_the_peer_goes_meanwhile)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    rc_side_close(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_CONNECTION_ABORTED);
    ck_assert_uint_eq(pair.passive.disconnects, 0);
    rc_side_is_dead(&pair.passive);
    rc_pair_close(&pair);
}

RC_TEST(NdkAccept_is_IO_TIMEOUT_when_the_peer_never_completes_the_connect)
{
    struct rc_pair pair = {0};
    rc_pair_reply(&pair);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_IO_TIMEOUT);
    ck_assert_uint_eq(pair.passive.disconnects, 0);
    rc_side_is_dead(&pair.passive);
    rc_pair_close(&pair);
}

RC_TEST(NdkAccept_twice_or_of_the_active_side_is_CONNECTION_INVALID)
{
    struct rc_pair pair = {0};
    struct rc_side other;
    rc_pair_request(&pair);
    other = pair.active;
    rc_accept(&other, &rc_plain);
    ck_assert_int_eq(other.returned, STATUS_CONNECTION_INVALID);
    rc_accept(&pair.passive, &rc_plain);
    other = pair.passive;
    rc_accept(&other, &rc_plain);
    ck_assert_int_eq(other.returned, STATUS_CONNECTION_INVALID);
    ck_assert_int_eq(rc_reject(&other, NULL, 0), STATUS_CONNECTION_INVALID);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_complete(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

// A peer that has not completed the connect may also have vanished without a word, before.
RC_TEST(NdkAccept_is_IO_TIMEOUT_inline_when_the_connecting_peer_has_fallen_silent_before)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    rc_cable(1, false);
    rc_sleep_ms(60000);                       // keep-alives without an answer
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(pair.passive.returned, STATUS_IO_TIMEOUT);
    rc_side_is_dead(&pair.passive);
    rc_cable(1, true);
    rc_pair_close(&pair);
}

RC_TEST(NdkAccept_pends_until_the_peer_completes_the_connect)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    rc_net.at_dispatch = true;
    rc_accept(&pair.passive, &rc_plain);
    rc_net.at_dispatch = false;
    ck_assert_int_eq(pair.passive.returned, STATUS_PENDING);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert(!rc_ended(1, &pair.passive.wait, 2000));
    rc_complete(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

static void
accepts_at_once(void)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(pair.passive.returned, STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_SUCCESS);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

TEST_TIMEOUT(120, NdkAccept_succeeds_inline_when_no_RTR_was_agreed)
{
    rc_net.settings = "RdmaReadyToReceive: 0";
    rc_run("no RTR", accepts_at_once, "delay: 50us", 2);
}

TEST_TIMEOUT(120, NdkAcceptEx_succeeds_inline_when_no_RTR_was_agreed)
{
    rc_net.is_ex = true;
    rc_net.settings = "RdmaReadyToReceive: 0";
    rc_run("no RTR", accepts_at_once, "delay: 50us", 2);
}

// What it answers is what the peer finds: its limits, cut to the adapter's, and its private data.
RC_TEST(NdkAccept_answers_with_limits_and_private_data)
{
    const struct rc_data answer = {1000, 3, words, sizeof words};
    struct rc_pair pair = {0};
    ULONG inbound, outbound, room = 300;
    UCHAR bytes[300];
    rc_pair_request(&pair);                   // it asked for 8 each way
    rc_accept(&pair.passive, &answer);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(pair.active.connector->Dispatch->NdkGetConnectionData(pair.active.connector, &inbound, &outbound, bytes, &room),
                     STATUS_SUCCESS);
    ck_assert_uint_eq(inbound, 3);
    ck_assert_uint_eq(outbound, 8);
    ck_assert_uint_eq(room, sizeof words);
    ck_assert_mem_eq(bytes, words, sizeof words);
    rc_pair_close(&pair);
}

RC_TEST(NdkAccept_without_a_DisconnectEvent_connects_and_tells_nobody_of_the_end)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    pair.passive.no_event = true;
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_complete(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_side_close(&pair.active);
    rc_sleep_ms(1000);
    ck_assert_uint_eq(pair.passive.disconnects, 0);
    rc_disconnect(&pair.passive);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_CONNECTION_ABORTED);
    rc_pair_close(&pair);
}

RC_TEST_EX(NdkAccept_pends_until_the_peer_completes_the_connect_body, NdkAcceptEx_pends_until_the_peer_completes_the_connect)
RC_TEST_EX(NdkAccept_is_CONNECTION_ABORTED_inline_when_the_peer_has_gone_before_body,
           NdkAcceptEx_is_CONNECTION_ABORTED_inline_when_the_peer_has_gone_before)
RC_TEST_EX(NdkAccept_is_CONNECTION_ABORTED_later_when_the_peer_goes_meanwhile_body,
           NdkAcceptEx_is_CONNECTION_ABORTED_later_when_the_peer_goes_meanwhile)
RC_TEST_EX(NdkAccept_is_IO_TIMEOUT_when_the_peer_never_completes_the_connect_body,
           NdkAcceptEx_is_IO_TIMEOUT_when_the_peer_never_completes_the_connect)
RC_TEST_EX(NdkAccept_is_IO_TIMEOUT_inline_when_the_connecting_peer_has_fallen_silent_before_body,
           NdkAcceptEx_is_IO_TIMEOUT_inline_when_the_connecting_peer_has_fallen_silent_before)
RC_TEST_EX(NdkAccept_twice_or_of_the_active_side_is_CONNECTION_INVALID_body, NdkAcceptEx_twice_or_of_the_active_side_is_CONNECTION_INVALID)
RC_TEST_EX(NdkAccept_answers_with_limits_and_private_data_body, NdkAcceptEx_answers_with_limits_and_private_data)
RC_TEST_EX(NdkAccept_without_a_DisconnectEvent_connects_and_tells_nobody_of_the_end_body,
           NdkAcceptEx_without_a_DisconnectEvent_connects_and_tells_nobody_of_the_end)

// ---- listeners ----------------------------------------------------------------------------------------------------------------------

RC_TEST(NdkControlConnectEvents_paused_is_as_if_nobody_listened)
{
    struct rc_pair pair = {0};
    rc_listen(&pair.listener, 1, RC_PORT);
    RC_CALL(1, pair.listener.listener->Dispatch->NdkControlConnectEvents(pair.listener.listener, TRUE));
    rc_side_open(&pair.active, 0);
    rc_connect(&pair.active, &pair.listener, &rc_plain);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    ck_assert_uint_eq(pair.listener.count, 0);
    rc_side_close(&pair.active);
    RC_CALL(1, pair.listener.listener->Dispatch->NdkControlConnectEvents(pair.listener.listener, FALSE));
    rc_pair_open(&pair);
    // What is there already goes on.
    RC_CALL(1, pair.listener.listener->Dispatch->NdkControlConnectEvents(pair.listener.listener, TRUE));
    rc_sleep_ms(1000);
    ck_assert_uint_eq(pair.active.disconnects + pair.passive.disconnects, 0);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

RC_TEST(NdkCloseListener_refuses_at_once_and_ends_when_the_connectors_that_came_by_it_are_closed)
{
    struct rc_pair pair = {0};
    struct rc_listener again = {0};
    struct rc_wait closed;
    struct rc_side late;
    rc_pair_open(&pair);
    rc_wait_init(&closed);
    NDK_LISTENER *listener = pair.listener.listener;
    RC_CALL(1, ck_assert_int_eq(listener->Dispatch->NdkCloseListener(&listener->Header, rc_closed, &closed), STATUS_PENDING));
    pair.listener.listener = NULL;
    rc_side_open(&late, 0);
    rc_connect(&late, &pair.listener, &rc_plain);
    ck_assert_int_eq(rc_finish(&late), STATUS_CONNECTION_REFUSED);
    rc_side_close(&late);
    ck_assert_int_eq(rc_listen_try(&again, 1, RC_PORT), STATUS_SHARING_VIOLATION);   // the connector stands on it
    rc_listener_close(&again);
    rc_pair_disconnect(&pair);
    ck_assert(!rc_ended(1, &closed, 1000));
    rc_side_close(&pair.passive);
    ck_assert(rc_ended(1, &closed, RC_WAIT_S * 1000));
    rc_listen(&again, 1, RC_PORT);
    rc_listener_close(&again);
    rc_side_close(&pair.active);
}

RC_TEST(NdkCloseListener_with_a_request_that_nobody_has_seen_yet_refuses_it)
{
    struct rc_pair pair = {0};
    rc_listen(&pair.listener, 1, RC_PORT);
    rc_side_open(&pair.active, 0);
    rc_connect(&pair.active, &pair.listener, &rc_plain);
    struct rc_side passive = {0};
    rc_listener_close(&pair.listener);        // at whatever moment of the handshake
    if (pair.listener.count)
        rc_incoming(&pair.listener, &passive, 1);
    rc_side_close(&passive);
    // Reset, or, when the port had gone back to a host that has no TCP, never answered.
    NTSTATUS status = rc_finish(&pair.active);
    ck_assert(status == STATUS_CONNECTION_REFUSED || status == STATUS_IO_TIMEOUT);
    rc_pair_close(&pair);
}

RC_TEST(a_listener_holds_so_many_unanswered_requests_and_refuses_the_rest)
{
    struct rc_listener listener = {0};
    struct rc_side active[140], passive[140];
    ULONG refused = 0, incoming = 0;
    rc_listen(&listener, 1, RC_PORT);
    for (int i = 0; i < 140; i++) {
        rc_side_open(&active[i], 0);
        rc_connect(&active[i], &listener, &rc_plain);
        if (rc_incoming(&listener, &passive[incoming], 100))
            incoming++;
        else
            refused++;
    }
    ck_assert_uint_eq(incoming, 128);
    ck_assert_uint_eq(refused, 12);
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(rc_finish(&active[128 + i]), STATUS_CONNECTION_REFUSED);
    ck_assert_int_eq(rc_reject(&passive[0], NULL, 0), STATUS_SUCCESS);      // makes room
    for (int i = 0; i < 140; i++)
        rc_side_close(&active[i]);
    rc_side_open(&active[0], 0);
    rc_connect(&active[0], &listener, &rc_plain);
    struct rc_side last;
    ck_assert(rc_incoming(&listener, &last, RC_WAIT_S * 1000));
    rc_side_close(&last);
    for (ULONG i = 0; i < incoming; i++)
        rc_side_close(&passive[i]);
    rc_side_close(&active[0]);
    rc_listener_close(&listener);
}

// After a lost SYN, TCP repeats what it sends first after 3, 6 and 12 seconds [RFC 6298 5.7]: the listener waits for a request as long.
RC_TEST_WIRE(a_request_that_is_lost_three_times_still_finds_its_listener, "delay: 100ms")
{
    struct rc_pair pair = {0};
    rc_listen(&pair.listener, 1, RC_PORT);
    rc_cable(1, false);
    rc_side_open(&pair.active, 0);
    rc_connect(&pair.active, &pair.listener, &rc_plain);
    rc_sleep_ms(500);
    rc_cable(1, true);                        // the second SYN, after a second, comes through, and so does its answer
    rc_sleep_ms(650);
    rc_cable(1, false);                       // and the request does not
    rc_sleep_ms(12000);
    rc_cable(1, true);
    ck_assert(rc_incoming(&pair.listener, &pair.passive, RC_WAIT_S * 1000));
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_complete(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}
