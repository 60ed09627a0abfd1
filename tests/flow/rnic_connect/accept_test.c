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

// ---- listeners ----------------------------------------------------------------------------------------------------------------------

RC_TEST(NdkListen_wants_an_address_of_the_adapter_and_a_port_that_is_free)
{
    struct rc_listener one = {0}, two = {0};
    rc_listen(&one, 1, RC_PORT);
    ck_assert_int_eq(rc_listen_try(&two, 1, RC_PORT), STATUS_SHARING_VIOLATION);
    rc_listener_close(&two);
    rc_host[1].ports_are_held = true;         // by a socket of the host's
    ck_assert_int_eq(rc_listen_try(&two, 1, RC_PORT + 1), STATUS_SHARING_VIOLATION);
    rc_host[1].ports_are_held = false;
    rc_listener_close(&two);
    rc_host[1].no_ports = true;
    ck_assert_int_eq(rc_listen_try(&two, 1, 0), STATUS_TOO_MANY_ADDRESSES);
    rc_host[1].no_ports = false;
    SOCKADDR_INET foreign = rc_address(0, RC_PORT);
    struct rc_wait wait;
    rc_wait_init(&wait);
    RC_CALL(1, ck_assert_int_eq(two.listener->Dispatch->NdkListen(two.listener, (PSOCKADDR)&foreign, sizeof foreign, rc_done, &wait),
                                STATUS_INVALID_ADDRESS));
    rc_listener_close(&two);
    rc_listen(&two, 1, 0);                    // any free port of the ephemeral ones
    ck_assert_uint_ge(rc_port_of(&two.address), 49152);
    rc_listener_close(&two);
    rc_listener_close(&one);
    rc_listen(&one, 1, RC_PORT);              // free again
    rc_listener_close(&one);
}

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
