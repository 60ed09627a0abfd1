// SPDX-License-Identifier: MIT
// Offers over TCP: accepted, rejected in each of the ways that the page of TDI_DISCONNECT knows, unanswered. Until a client has answered,
// nothing goes back to the peer, so a rejected one sees "refused": a reset to its SYN.
#include "kit.h"

#include <stdlib.h>
#include <string.h>

static struct tk_pair pair;
static struct tk_request r1, r2, r3;
static UCHAR room[8192];

#define NO_TIMEOUT 1

static void
prepare(void)
{
    tk_pair_prepare(&pair, TN_DEVICE);
}

// The remote address that a LISTEN returned is the client's.
static void
is_from_client(const struct tk_request *r)
{
    static const UCHAR four[4][4] = {[TN_LOOP4] = {127, 0, 0, 1}, [TN_TWO4] = {10, 0, 0, 1}};
    static const UCHAR six[4][16] = {[TN_LOOP6] = {[15] = 1}, [TN_TWO6] = {0xFD, [15] = 1}};
    bool is_six = tn_net.place == TN_LOOP6 || tn_net.place == TN_TWO6;
    ck_assert_int_eq(r->back.RemoteAddressLength, is_six ? sizeof(TA_IP6_ADDRESS) : sizeof(TA_IP_ADDRESS));
    if (is_six)
        ck_assert_int_eq(memcmp(r->back_ip6.Address[0].Address[0].sin6_addr, six[tn_net.place], 16), 0);
    else
        ck_assert_int_eq(memcmp(&r->back_ip.Address[0].Address[0].in_addr, four[tn_net.place], 4), 0);
}

// ---- rejected -------------------------------------------------------------------------------------------------------------------

// The first way: LISTEN with TDI_QUERY_ACCEPT, answered by a disconnect.
TN_TEST(TDI_DISCONNECT_over_TCP_rejects_an_offer_that_a_LISTEN_with_QUERY_ACCEPT_got)
{
    static const ULONG flags[] = {0, TDI_DISCONNECT_ABORT, TDI_DISCONNECT_RELEASE};
    prepare();
    for (ULONG i = 0; i < ARRAYSIZE(flags); i++) {
        tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
        tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        is_from_client(&r1);
        tk_settle();
        ck_assert(!tk_is_done(&r2));                    // nothing has been answered yet
        ULONGLONG before = KeQueryInterruptTime();
        tk_disconnect(&r3, &pair.there, flags[i], NULL, NO_TIMEOUT);
        ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r2), TDI_CONN_REFUSED);
        ck_assert_uint_lt(KeQueryInterruptTime() - before, 500 * 10000);    // by the reset, not by any time-out
    }
    tk_accept(&r3, &pair.there, NULL);                  // too late
    ck_assert_int_eq(tk_wait(&r3), TDI_INVALID_CONNECTION);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// The second: ClientEventConnect returns anything but STATUS_MORE_PROCESSING_REQUIRED.
TN_TEST(ClientEventConnect_over_TCP_that_returns_anything_but_MORE_PROCESSING_REQUIRED_refuses)
{
    static const NTSTATUS answers[] = {STATUS_SUCCESS, STATUS_INSUFFICIENT_RESOURCES, STATUS_CONNECTION_REFUSED, STATUS_PENDING};
    prepare();
    tk_set_handlers(&pair.server);
    for (ULONG i = 0; i < ARRAYSIZE(answers); i++) {
        pair.server.refusal = answers[i];
        ULONGLONG before = KeQueryInterruptTime();
        tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
        ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
        ck_assert_uint_lt(KeQueryInterruptTime() - before, 500 * 10000);
        ck_assert_int_eq(pair.server.offers, (LONG)i + 1);
        ck_assert_int_eq(pair.server.offer_bytes, 0);
    }
    pair.server.accepts = &pair.there;
    tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&pair.server.accept), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

// The third: accepted, late, and refused while the acceptance is on its way to the peer, which has its SYN-ACK by then, or will.
TN_TEST(TDI_DISCONNECT_over_TCP_refuses_an_offer_that_was_accepted_late)
{
    prepare();
    tk_set_handlers(&pair.client);
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_sleep_ms(2500);                                  // the SYN has come again meanwhile: it is still one offer
    ck_assert(!tk_is_done(&r2));
    tk_accept(&r1, &pair.there, NULL);
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    NTSTATUS accepted = tk_wait(&r1), connected = tk_wait(&r2);
    ck_assert(accepted == TDI_CONNECTION_ABORTED || (accepted == STATUS_SUCCESS && !TN_IS_TWO(tn_net.place)));
    ck_assert(connected == TDI_CONN_REFUSED || connected == TDI_CONNECTION_RESET || connected == STATUS_SUCCESS);
    if (connected == STATUS_SUCCESS) {
        ck_assert(tk_disconnected(&pair.here, 5000));
        ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_ABORT);
    }
    tk_settle();
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TN_TEST(TDI_DISCONNECT_over_TCP_refuses_an_offer_that_a_handler_accepted)
{
    prepare();
    tk_set_handlers(&pair.server);
    tk_set_handlers(&pair.client);
    pair.server.accepts = &pair.there;
    tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
    while (!*(volatile LONG *)&pair.server.offers)
        tk_sleep_us(1);
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    NTSTATUS disconnected = tk_wait(&r2), accepted = tk_wait(&pair.server.accept), connected = tk_wait(&r1);
    if (disconnected != STATUS_SUCCESS) {               // before the handler's answer was looked at
        ck_assert_int_eq(disconnected, TDI_INVALID_CONNECTION);
        ck_assert_int_eq(accepted, STATUS_SUCCESS);
        ck_assert_int_eq(connected, STATUS_SUCCESS);
    } else {
        ck_assert(accepted == TDI_CONNECTION_ABORTED || accepted == STATUS_SUCCESS);
        ck_assert(connected == TDI_CONN_REFUSED || connected == TDI_CONNECTION_RESET || connected == STATUS_SUCCESS);
        if (connected == STATUS_SUCCESS)
            ck_assert(tk_disconnected(&pair.here, 5000));
    }
    tk_pair_close(&pair);
}

TN_TEST(a_port_that_nobody_has_opened_and_one_that_nobody_serves_are_refused)
{
    prepare();
    tk_connect(&r1, &pair.here, tn_name_there(4243), NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
    tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);     // opened, but there is neither a LISTEN nor a handler
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// ---- unanswered -----------------------------------------------------------------------------------------------------------------

// It expires after half a minute. The SYN that comes after that finds nobody.
TN_TEST(an_offer_over_TCP_that_nobody_answers_expires_and_the_late_ACCEPT_fails)
{
    prepare();
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_sleep_ms(29000);
    ck_assert(!tk_is_done(&r2));
    ck_assert_int_eq(tk_wait(&r2), TDI_CONN_REFUSED);
    tk_accept(&r3, &pair.there, NULL);
    ck_assert_int_eq(tk_wait(&r3), TDI_INVALID_CONNECTION);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// A peer that gives up in the middle of the handshake, or only seemed to be there, does not take the LISTEN with it.
TN_TEST_TWO(a_LISTEN_whose_peer_gives_up_during_the_handshake_listens_on)
{
    prepare();
    tk_listen(&r1, &pair.there, 0, NULL);
    for (int i = 0; i < 3; i++) {
        tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
        tk_sleep_us(150 + 100 * i);                     // the SYN is on its way, or its answer
        tk_cancel(&r2);
        ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
        tk_settle();
        ck_assert(!tk_is_done(&r1));
    }
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    is_from_client(&r1);
    tk_pair_close(&pair);
}

TN_TEST(a_CONNECT_over_TCP_with_a_timeout_of_its_own_gives_up_before_the_protocol_does)
{
    prepare();
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    ULONGLONG before = KeQueryInterruptTime();
    tk_connect(&r2, &pair.here, tk_place.server, NULL, -25000000LL);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), TDI_TIMED_OUT);
    ck_assert_uint_ge(KeQueryInterruptTime() - before, 2500 * 10000);
    ck_assert_uint_le(KeQueryInterruptTime() - before, 2600 * 10000);
    tk_disconnect(&r3, &pair.there, 0, NULL, NO_TIMEOUT);      // an offer from somebody who has given up can still be rejected
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TN_TEST_TWO(a_CONNECT_to_a_host_out_of_reach_ends_when_the_SYNs_are_used_up)
{
    prepare();
    tn_cable(false);
    tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
    NTSTATUS status = tk_wait_long(&r1, 600000);
    ck_assert_msg(status == TDI_TIMED_OUT || status == TDI_DEST_HOST_UNREACH || status == TDI_DEST_NET_UNREACH, "%08x", (unsigned)status);
    tn_cable(true);
    tk_sleep_ms(3000);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// ---- answered otherwise ---------------------------------------------------------------------------------------------------------

TN_TEST(TDI_ACCEPT_without_TDI_QUERY_ACCEPT_fails)
{
    prepare();
    tk_accept(&r1, &pair.there, NULL);                  // idle
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_listen(&r1, &pair.there, 0, NULL);
    tk_accept(&r2, &pair.there, NULL);                  // a LISTEN that accepts by itself
    ck_assert_int_eq(tk_wait(&r2), TDI_INVALID_CONNECTION);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_accept(&r1, &pair.there, NULL);                  // connected
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_pair_close(&pair);
}

TN_TEST(TDI_DISCONNECT_over_TCP_ends_what_has_not_begun)
{
    static const ULONG flags[] = {0, TDI_DISCONNECT_ABORT, TDI_DISCONNECT_RELEASE};
    prepare();
    for (ULONG i = 0; i < ARRAYSIZE(flags); i++) {
        tk_listen(&r1, &pair.there, 0, NULL);
        tk_disconnect(&r2, &pair.there, flags[i], NULL, NO_TIMEOUT);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
        tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
        tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        tk_disconnect(&r3, &pair.here, flags[i], NULL, NO_TIMEOUT);
        ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_ABORTED);
        // Nobody tells the server that its peer has given up: it finds out when it accepts, by a reset or by silence.
        tk_accept(&r3, &pair.there, NULL);
        NTSTATUS status = tk_wait_long(&r3, 600000);
        ck_assert_msg(status == TDI_CONNECTION_RESET || status == TDI_TIMED_OUT, "%08x", (unsigned)status);
    }
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TN_TEST(LISTENs_over_TCP_are_served_in_order_and_those_that_wait_for_somebody_only_by_him)
{
    static struct tk_endpoint second, stranger;
    prepare();
    tk_place.box = tk_place.there;
    tk_open_endpoint(&second, TN_DEVICE);
    tk_open_endpoint(&stranger, TN_DEVICE);
    tk_place.box = NULL;
    ck_assert_int_eq(tk_associate(&second, &pair.server), STATUS_SUCCESS);
    ck_assert_int_eq(tk_associate(&stranger, &pair.server), STATUS_SUCCESS);
    const char *nobody = tn_net.place == TN_LOOP4 || tn_net.place == TN_TWO4 ? "10.9.9.9:1" : "[fd00::9]:1";
    tk_listen(&r1, &stranger, 0, nobody);
    tk_listen(&r2, &second, 0, NULL);
    tk_listen(&r3, &pair.there, 0, NULL);
    static struct tk_request r4;
    tk_connect(&r4, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r4), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert(!tk_is_done(&r1));
    ck_assert(!tk_is_done(&r3));
    tk_close_endpoint(&second);
    tk_close_endpoint(&stranger);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_close_endpoint(&pair.there);
    ck_assert_int_eq(tk_wait(&r3), STATUS_CANCELLED);
    tk_pair_close(&pair);
}

// ---- a flood --------------------------------------------------------------------------------------------------------------------

#define FLOOD 1024          // offers that are open before SYNs are answered by cookies

// With that many open offers a SYN to another port is answered by a cookie: its sender takes itself for connected before the client is
// asked, and a client that then says no resets it. The others see "refused" as always.
static void
flood_body(void)
{
    static struct tk_address other;
    struct tk_endpoint *servers = calloc(FLOOD, sizeof *servers), *clients = calloc(FLOOD, sizeof *clients);
    struct tk_request *listens = calloc(FLOOD, sizeof *listens), *connects = calloc(FLOOD, sizeof *connects);
    struct tk_address *addresses = calloc(FLOOD, sizeof *addresses);
    prepare();
    tk_set_handlers(&pair.client);
    tk_place.box = tk_place.there;
    tk_open_address(&other, TN_DEVICE, tn_name_there(4300));
    tk_place.box = NULL;
    for (int i = 0; i < FLOOD; i++) {
        tk_place.box = tk_place.there;
        tk_open_endpoint(&servers[i], TN_DEVICE);
        tk_place.box = NULL;
        ck_assert_int_eq(tk_associate(&servers[i], &other), STATUS_SUCCESS);
        tk_open_pair(&addresses[i], &clients[i], TN_DEVICE, NULL);
        tk_listen(&listens[i], &servers[i], TDI_QUERY_ACCEPT, NULL);
        tk_connect(&connects[i], &clients[i], tn_name_there(4300), NULL, 0);
        ck_assert_int_eq(tk_wait(&listens[i]), STATUS_SUCCESS);
    }
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    is_from_client(&r1);
    ck_assert_int_eq(pair.here.disconnects, 0);
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_ABORT, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert(tk_disconnected(&pair.here, 5000));
    ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_ABORT);
    // Another one is accepted, and carries bytes.
    tk_pair_connect(&pair);
    tk_send(&r1, &pair.here, "by cookie", 9, 0);
    tk_receive(&r2, &pair.there, room, sizeof(room), 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    for (int i = 0; i < FLOOD; i++) {
        tk_disconnect(&listens[i], &servers[i], 0, NULL, NO_TIMEOUT);
        ck_assert_int_eq(tk_wait(&listens[i]), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&connects[i]), TDI_CONN_REFUSED);
        tk_close_endpoint(&servers[i]);
        tk_close_endpoint(&clients[i]);
        tk_close_address(&addresses[i]);
    }
    tk_close_address(&other);
    tk_pair_close(&pair);
    free(servers);
    free(clients);
    free(listens);
    free(connects);
    free(addresses);
}

TEST_TIMEOUT(120, a_rejected_offer_that_was_made_by_a_SYN_cookie_is_reset)
{
    tn_run("flood", flood_body, TN_TWO4, 0, 1);
    tn_run("flood", flood_body, TN_LOOP6, 1, 1);
}
