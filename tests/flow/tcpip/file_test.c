// SPDX-License-Identifier: MIT
// Files of \Device\Tcp and what closing them does: addresses with and without a port of their own, CLEANUP against everything that
// pends, an address that goes under its connections, every pended request cancelled.
#include "kit.h"

#include <string.h>

static struct tk_pair pair;
static struct tk_request r1, r2, r3, r4;
static UCHAR room[8192], big[1 << 20];

#define NO_TIMEOUT 1
#define LONG_TIMEOUT (-600000000LL)

static bool
is_six(void)
{
    return tn_net.place == TN_LOOP6 || tn_net.place == TN_TWO6;
}

static void
prepare(void)
{
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handlers(&pair.server);
    tk_set_handlers(&pair.client);
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

static USHORT
port_of(struct tk_address *address)
{
    struct {
        ULONG activity;
        union {
            TA_IP_ADDRESS ip;
            TA_IP6_ADDRESS ip6;
        };
    } info;
    tk_query(&r1, address->file, TDI_QUERY_ADDRESS_INFO, &info, sizeof(info));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    USHORT port = is_six() ? info.ip6.Address[0].Address[0].sin6_port : info.ip.Address[0].Address[0].sin_port;
    return RtlUshortByteSwap(port);
}

TN_TEST(an_address_with_port_0_gets_one_of_its_own_and_a_wildcard_is_met_at_every_address)
{
    static struct tk_address a, b, far;
    static struct tk_endpoint listener, caller;
    tk_open_address(&a, TN_DEVICE, NULL);
    tk_open_address(&b, TN_DEVICE, NULL);
    ck_assert_uint_ge(port_of(&a), 49152);
    ck_assert_uint_ge(port_of(&b), 49152);
    ck_assert_uint_ne(port_of(&a), port_of(&b));
    tk_place.box = tk_place.there;
    tk_open_pair(&far, &listener, TN_DEVICE, is_six() ? "[::]:7001" : "0.0.0.0:7001");
    tk_place.box = NULL;
    tk_open_endpoint(&caller, TN_DEVICE);
    ck_assert_int_eq(tk_associate(&caller, &a), STATUS_SUCCESS);
    tk_listen(&r2, &listener, 0, NULL);
    tk_connect(&r3, &caller, tn_name_there(7001), NULL, 0);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    // The server saw the client's own port, from the address that the route chose.
    USHORT seen = is_six() ? r2.back_ip6.Address[0].Address[0].sin6_port : r2.back_ip.Address[0].Address[0].sin_port;
    ck_assert_uint_eq(RtlUshortByteSwap(seen), port_of(&a));
    tk_close_endpoint(&caller);
    tk_close_endpoint(&listener);
    tk_close_address(&far);
    tk_close_address(&b);
    tk_close_address(&a);
}

TN_TEST(an_address_that_cannot_be_bound_is_refused_with_its_status)
{
    static struct tk_address a, b;
    const char *nobodys = is_six() ? "[fd00::77]:80" : "10.0.0.77:80", *many = is_six() ? "[ff02::1]:80" : "224.0.0.1:80";
    const char *other = is_six() ? "127.0.0.1:80" : "[::1]:80";
    tk_open_address(&a, TN_DEVICE, tn_name_here(7001));
    ck_assert_int_eq(tk_try_address(&b, TN_DEVICE, tn_name_here(7001)), TDI_ADDR_IN_USE);
    ck_assert_int_eq(tk_try_address(&b, TN_DEVICE, nobodys), TDI_ADDR_INVALID);
    ck_assert_int_eq(tk_try_address(&b, TN_DEVICE, many), TDI_ADDR_INVALID);
    ck_assert_int_eq(tk_try_address(&b, TN_DEVICE, other), TDI_BAD_ADDR);
    tk_close_address(&a);
    tk_open_address(&b, TN_DEVICE, tn_name_here(7001));
    tk_close_address(&b);
}

// ---- closing what is in use -----------------------------------------------------------------------------------------------------

// Its handle goes, the file lives on: only CLEANUP has come.
static void
cleanup(struct tk_endpoint *endpoint)
{
    ObReferenceObject(endpoint->file);
    ZwClose(endpoint->handle);
}

static void
cleaned(struct tk_endpoint *endpoint)
{
    tk_receive(&r4, endpoint, room, 10, 0);
    ck_assert_int_eq(tk_wait(&r4), STATUS_CANCELLED);
    tk_connect(&r4, endpoint, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r4), STATUS_CANCELLED);
    ObDereferenceObject(endpoint->file);
    ObDereferenceObject(endpoint->file);
    endpoint->file = NULL;
}

TN_TEST(closing_a_connection_file_over_TCP_ends_everything_that_pends_on_it_and_resets_the_peer)
{
    prepare();
    tk_pair_connect(&pair);
    pair.server.mode = TK_TAKE_NONE;
    tk_send(&r1, &pair.here, big, sizeof(big), 0);
    tk_receive(&r2, &pair.here, room, 10, 0);
    tk_disconnect(&r3, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    tk_settle();
    cleanup(&pair.here);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
    ck_assert_int_eq(tk_wait(&r3), STATUS_CANCELLED);
    cleaned(&pair.here);
    ck_assert(tk_disconnected(&pair.there, 5000));
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_ABORT);
    ck_assert_int_eq(pair.here.disconnects, 0);
    tk_pair_close(&pair);
}

TN_TEST(closing_a_connection_file_ends_a_CONNECT_and_a_LISTEN_and_an_offer)
{
    prepare();
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    cleanup(&pair.here);                                // while it connects
    ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
    cleaned(&pair.here);
    tk_open_endpoint(&pair.here, TN_DEVICE);
    ck_assert_int_eq(tk_associate(&pair.here, &pair.client), STATUS_SUCCESS);
    tk_disconnect(&r1, &pair.there, 0, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_close_endpoint(&pair.there);                     // while it has an offer: the peer is refused
    ck_assert_int_eq(tk_wait(&r2), TDI_CONN_REFUSED);
    tk_reopen_endpoint(&pair.there, TN_DEVICE);
    ck_assert_int_eq(tk_associate(&pair.there, &pair.server), STATUS_SUCCESS);
    tk_listen(&r1, &pair.there, 0, NULL);
    tk_close_endpoint(&pair.there);                     // while it listens
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONN_REFUSED);
    tk_pair_close(&pair);
}

TN_TEST_TWO(closing_a_connection_file_while_it_accepts_resets_the_peer)
{
    prepare();
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_accept(&r1, &pair.there, NULL);
    tk_close_endpoint(&pair.there);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    NTSTATUS status = tk_wait(&r2);
    ck_assert(status == STATUS_SUCCESS || status == TDI_CONN_REFUSED || status == TDI_CONNECTION_RESET);
    if (status == STATUS_SUCCESS)
        ck_assert(tk_disconnected(&pair.here, 5000));
    tk_pair_close(&pair);
}

TN_TEST(an_address_that_is_closed_over_TCP_ends_its_connections_and_lets_its_endpoints_go)
{
    static struct tk_endpoint listener;
    prepare();
    tk_pair_connect(&pair);
    tk_place.box = tk_place.there;
    tk_open_endpoint(&listener, TN_DEVICE);
    tk_place.box = NULL;
    ck_assert_int_eq(tk_associate(&listener, &pair.server), STATUS_SUCCESS);
    pair.client.mode = TK_TAKE_NONE;
    tk_receive(&r1, &pair.there, room, 10, 0);
    tk_listen(&r2, &listener, 0, NULL);
    tk_send(&r3, &pair.there, big, sizeof(big), 0);
    tk_close_address(&pair.server);
    ck_assert_int_eq(tk_wait(&r1), TDI_ADDR_DELETED);
    ck_assert_int_eq(tk_wait(&r2), TDI_ADDR_DELETED);
    ck_assert_int_eq(tk_wait(&r3), TDI_ADDR_DELETED);
    ck_assert_int_eq(pair.there.disconnects, 0);        // its handlers went with it
    ck_assert(tk_disconnected(&pair.here, 5000));
    ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_ABORT);
    tk_listen(&r1, &pair.there, 0, NULL);
    ck_assert_int_eq(tk_wait(&r1), TDI_NOT_ASSOCIATED);
    tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);   // nobody is there any more
    ck_assert_int_eq(tk_reopen_address(&pair.server, TN_DEVICE, tk_place.server), STATUS_SUCCESS);
    ck_assert_int_eq(tk_associate(&pair.there, &pair.server), STATUS_SUCCESS);
    tk_pair_connect(&pair);
    tk_close_endpoint(&listener);
    tk_pair_close(&pair);
}

// Offers die with their address as well: unanswered ones are refused, and a connection that was half accepted is reset.
TN_TEST(an_address_that_is_closed_refuses_its_offers)
{
    prepare();
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_close_address(&pair.server);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONN_REFUSED);
    tk_accept(&r1, &pair.there, NULL);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_pair_close(&pair);
}

TN_TEST(TDI_DISASSOCIATE_ADDRESS_over_TCP_aborts_a_live_connection)
{
    prepare();
    tk_pair_connect(&pair);
    tk_receive(&r1, &pair.there, room, 10, 0);
    ck_assert_int_eq(tk_disassociate(&pair.there), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    ck_assert(tk_disconnected(&pair.here, 5000));
    ck_assert_int_eq(tk_disassociate(&pair.there), TDI_NOT_ASSOCIATED);
    ck_assert_int_eq(tk_associate(&pair.there, &pair.server), STATUS_SUCCESS);
    ck_assert_int_eq(tk_associate(&pair.there, &pair.server), TDI_ALREADY_ASSOCIATED);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// ---- cancelling -----------------------------------------------------------------------------------------------------------------

TN_TEST(every_request_over_TCP_that_pends_can_be_cancelled)
{
    prepare();
    tk_listen(&r1, &pair.there, 0, NULL);
    ck_assert_int_eq(tk_cancel(&r1), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    ck_assert_int_eq(tk_cancel(&r1), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_cancel(&r2), TRUE);             // CONNECT
    ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
    tk_disconnect(&r1, &pair.there, 0, NULL, NO_TIMEOUT);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_pair_connect(&pair);
    tk_receive(&r1, &pair.there, room, 10, 0);          // the first of two RECEIVEs: the second gets what was its
    tk_receive(&r2, &pair.there, room + 10, 10, 0);
    ck_assert_int_eq(tk_cancel(&r1), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_send(&r1, &pair.here, "bytes", 5, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(r2.iosb.Information, 5);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, LONG_TIMEOUT);
    ck_assert_int_eq(tk_cancel(&r1), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_pair_close(&pair);
}

// What TCP has begun to send it needs until the peer has it: the cancel ends the connection.
TN_TEST(a_send_over_TCP_that_is_cancelled_comes_back_and_takes_the_connection_with_it)
{
    prepare();
    tk_pair_connect(&pair);
    pair.server.mode = TK_TAKE_NONE;
    tk_send(&r1, &pair.here, big, sizeof(big), 0);
    tk_send(&r2, &pair.here, "behind it", 9, 0);
    tk_receive(&r3, &pair.here, room, 10, 0);
    tk_settle();
    ck_assert_int_eq(tk_cancel(&r1), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_ABORTED);
    ck_assert_int_eq(tk_wait(&r3), TDI_CONNECTION_ABORTED);
    ck_assert(tk_disconnected(&pair.there, 5000));
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_ABORT);
    tk_settle();
    pair.server.mode = TK_TAKE_ALL;
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TN_TEST_TWO(an_ACCEPT_that_is_cancelled_while_its_peer_has_not_answered_resets_it)
{
    prepare();
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_accept(&r1, &pair.there, NULL);
    ck_assert_int_eq(tk_cancel(&r1), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    NTSTATUS status = tk_wait(&r2);
    ck_assert(status == STATUS_SUCCESS || status == TDI_CONN_REFUSED || status == TDI_CONNECTION_RESET);
    if (status == STATUS_SUCCESS)
        ck_assert(tk_disconnected(&pair.here, 5000));
    tk_settle();
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}
