// SPDX-License-Identifier: MIT
// NdkConnect and NdkConnectWithSharedEndpoint: each status by its cause.
#include <check.h>
#include <string.h>

#include "kit.h"

static NTSTATUS
try_connect(struct rc_side *side, USHORT from_port, USHORT to_port)
{
    SOCKADDR_INET from = rc_address(0, from_port), to = rc_address(1, to_port);
    rc_connect_to(side, &from, &to, &rc_plain);
    return rc_finish(side);
}

// A side, one try, and what came of it.
static NTSTATUS
connect_once(USHORT from_port, USHORT to_port, bool *was_inline)
{
    struct rc_side side;
    rc_side_open(&side, 0);
    NTSTATUS status = try_connect(&side, from_port, to_port);
    *was_inline = side.returned != STATUS_PENDING;
    rc_side_close(&side);
    return status;
}

// After all that failed the same adapter connects.
static void
still_connects(void)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

RC_TEST(NdkConnect_ends_with_the_reply_and_not_before)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    ck_assert(!rc_ended(0, &pair.active.wait, 1000));
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_pair_close(&pair);
}

RC_TEST(NdkConnect_is_refused_where_nobody_listens)
{
    bool was_inline;
    struct rc_listener other = {0};
    rc_listen(&other, 1, RC_PORT);            // or no RNIC answers at all
    struct rc_side side;
    rc_side_open(&side, 0);
    // The port is no RDMA port of the peer's, and its host has no TCP: nobody answers.
    ck_assert_int_eq(try_connect(&side, 0, RC_PORT + 1), STATUS_IO_TIMEOUT);
    ck_assert_int_eq(side.returned, STATUS_PENDING);
    rc_side_is_dead(&side);
    rc_side_close(&side);
    RC_CALL(1, other.listener->Dispatch->NdkControlConnectEvents(other.listener, TRUE));
    ck_assert_int_eq(connect_once(0, RC_PORT, &was_inline), STATUS_CONNECTION_REFUSED);
    ck_assert(!was_inline);
    rc_listener_close(&other);
    still_connects();
}

RC_TEST(NdkConnect_is_refused_by_a_reset_and_by_a_reject)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    rc_side_close(&pair.passive);             // not even answered
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    rc_side_is_dead(&pair.active);
    rc_side_close(&pair.active);
    rc_pair_request(&pair);
    ck_assert_int_eq(rc_reject(&pair.passive, NULL, 0), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    rc_pair_close(&pair);
    still_connects();
}

RC_TEST(NdkConnect_times_out_inside_and_another_connector_of_the_adapter_connects)
{
    struct rc_pair pair = {0};
    rc_listen(&pair.listener, 1, RC_PORT);
    rc_cable(1, false);
    rc_side_open(&pair.active, 0);
    rc_connect(&pair.active, &pair.listener, &rc_plain);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_IO_TIMEOUT);
    rc_side_is_dead(&pair.active);
    rc_cable(1, true);
    rc_side_close(&pair.active);
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

RC_TEST(NdkConnect_says_that_network_or_host_cannot_be_reached_at_once_or_later)
{
    static const NTSTATUS statuses[] = {STATUS_NETWORK_UNREACHABLE, STATUS_HOST_UNREACHABLE, STATUS_INSUFFICIENT_RESOURCES};
    bool was_inline;
    for (unsigned i = 0; i < 3; i++) {
        rc_host[0].way_status = statuses[i];
        rc_host[0].way_pends = false;
        ck_assert_int_eq(connect_once(0, RC_PORT, &was_inline), statuses[i]);
        ck_assert(was_inline);
        rc_host[0].way_pends = true;
        ck_assert_int_eq(connect_once(0, RC_PORT, &was_inline), statuses[i]);
        ck_assert(!was_inline);
    }
    rc_host[0].way_status = STATUS_SUCCESS;
    still_connects();
}

RC_TEST(NdkConnect_that_failed_inline_may_be_tried_again_with_the_same_connector_and_QP)
{
    struct rc_pair pair = {0};
    rc_listen(&pair.listener, 1, RC_PORT);
    rc_side_open(&pair.active, 0);
    rc_host[0].way_status = STATUS_NETWORK_UNREACHABLE;
    ck_assert_int_eq(try_connect(&pair.active, 0, RC_PORT), STATUS_NETWORK_UNREACHABLE);
    rc_host[0].way_status = STATUS_SUCCESS;
    rc_connect(&pair.active, &pair.listener, &rc_plain);
    ck_assert(rc_incoming(&pair.listener, &pair.passive, RC_WAIT_S * 1000));
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_pair_close(&pair);
}

RC_TEST(NdkConnect_wants_an_address_of_the_adapter_and_a_port_that_is_free)
{
    struct rc_listener mine = {0};
    SOCKADDR_INET foreign = rc_address(1, 0), to = rc_address(1, RC_PORT);
    struct rc_side side;
    bool was_inline;
    rc_side_open(&side, 0);
    rc_connect_to(&side, &foreign, &to, &rc_plain);
    ck_assert_int_eq(side.returned, STATUS_INVALID_ADDRESS);
    memset((UCHAR *)&foreign + 4, 0, 20);     // the any address
    rc_connect_to(&side, &foreign, &to, &rc_plain);
    ck_assert_int_eq(side.returned, STATUS_INVALID_ADDRESS);
    rc_side_close(&side);
    rc_listen(&mine, 0, 7000);
    ck_assert_int_eq(connect_once(7000, RC_PORT, &was_inline), STATUS_SHARING_VIOLATION);
    ck_assert(was_inline);
    rc_host[0].ports_are_held = true;         // by a socket of the host's
    ck_assert_int_eq(connect_once(7001, RC_PORT, &was_inline), STATUS_SHARING_VIOLATION);
    rc_host[0].ports_are_held = false;
    rc_host[0].no_ports = true;
    ck_assert_int_eq(connect_once(0, RC_PORT, &was_inline), STATUS_TOO_MANY_ADDRESSES);
    rc_host[0].no_ports = false;
    rc_listener_close(&mine);
    still_connects();
}

RC_TEST(NdkConnect_refuses_what_makes_no_sense_and_a_QP_or_connector_in_use)
{
    static const UCHAR much[300];
    const struct rc_data large = {8, 8, much, 253};
    struct rc_pair pair = {0};
    SOCKADDR_INET from = rc_address(0, 0), to = rc_address(1, 0);
    struct rc_side other;
    rc_side_open(&other, 0);
    rc_connect_to(&other, &from, &to, &rc_plain);           // port 0
    ck_assert_int_eq(other.returned, STATUS_INVALID_PARAMETER);
    to = rc_address(1, RC_PORT);
    rc_connect_to(&other, &from, &to, &large);
    ck_assert_int_eq(other.returned, STATUS_INVALID_BUFFER_SIZE);
    rc_pair_open(&pair);
    struct rc_wait wait = pair.active.wait;
    rc_connect(&pair.active, &pair.listener, &rc_plain);
    ck_assert_int_eq(pair.active.returned, STATUS_CONNECTION_ACTIVE);
    NDK_QP *own = other.qp;
    other.qp = pair.active.qp;                // serves the pair
    rc_connect(&other, &pair.listener, &rc_plain);
    ck_assert_int_eq(other.returned, STATUS_CONNECTION_ACTIVE);
    other.qp = own;
    pair.active.wait = wait;
    rc_pair_disconnect(&pair);
    own = other.qp;
    other.qp = pair.active.qp;                // and serves nobody again
    rc_connect(&other, &pair.listener, &rc_plain);
    ck_assert_int_eq(other.returned, STATUS_CONNECTION_INVALID);
    other.qp = own;
    rc_side_close(&other);
    rc_pair_close(&pair);
}

RC_TEST(NdkConnect_closed_while_it_pends_is_cancelled_before_the_close_ends)
{
    struct rc_side side;
    SOCKADDR_INET from = rc_address(0, 0), to = rc_address(1, RC_PORT);
    for (int pends = 0; pends < 2; pends++) {
        rc_host[0].way_pends = pends;
        rc_side_open(&side, 0);
        rc_connect_to(&side, &from, &to, &rc_plain);
        ck_assert_int_eq(side.returned, STATUS_PENDING);
        struct rc_wait *wait = &side.wait;
        rc_side_close(&side);
        ck_assert_uint_eq(wait->calls, 1);
        ck_assert_int_eq(wait->status, STATUS_CANCELLED);
    }
}

// ---- shared endpoints -------------------------------------------------------------------------------------------------------------

static NDK_SHARED_ENDPOINT *
shared_open(USHORT port, NTSTATUS *status)
{
    SOCKADDR_INET address = rc_address(0, port);
    return rc_shared_open(0, &address, status);
}

static void
connect_shared(struct rc_side *side, NDK_SHARED_ENDPOINT *shared, const SOCKADDR_INET *to)
{
    rc_wait_init(&side->wait);
    side->returned = side->connector->Dispatch->NdkConnectWithSharedEndpoint(
        side->connector, side->qp, shared, (PSOCKADDR)to, rc_net.is_six ? sizeof to->Ipv6 : sizeof to->Ipv4, 8, 8, NULL, 0, rc_done,
        &side->wait);
}

RC_TEST(NdkConnectWithSharedEndpoint_connects_many_and_the_same_pair_of_ends_only_once)
{
    struct rc_listener listeners[2] = {0};
    struct rc_side active[3], passive[2];
    SOCKADDR_INET local;
    ULONG bytes = sizeof local;
    NTSTATUS status;
    NDK_SHARED_ENDPOINT *shared = shared_open(6000, &status);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    for (int i = 0; i < 2; i++) {
        rc_listen(&listeners[i], 1, (USHORT)(RC_PORT + i));
        rc_side_open(&active[i], 0);
        connect_shared(&active[i], shared, &listeners[i].address);
        ck_assert(rc_incoming(&listeners[i], &passive[i], RC_WAIT_S * 1000));
        ck_assert_int_eq(passive[i].connector->Dispatch->NdkGetPeerAddress(passive[i].connector, (PSOCKADDR)&local, &bytes),
                         STATUS_SUCCESS);
        ck_assert_uint_eq(rc_port_of(&local), 6000);
        rc_accept(&passive[i], &rc_plain);
        ck_assert_int_eq(rc_finish(&active[i]), STATUS_SUCCESS);
    }
    rc_side_open(&active[2], 0);
    connect_shared(&active[2], shared, &listeners[0].address);
    ck_assert_int_eq(active[2].returned, STATUS_ADDRESS_ALREADY_EXISTS);
    // Its port is nobody else's until the endpoint and each connector over it are closed.
    struct rc_wait closed;
    rc_wait_init(&closed);
    ck_assert_int_eq(shared->Dispatch->NdkCloseSharedEndpoint(&shared->Header, rc_closed, &closed), STATUS_PENDING);
    NDK_SHARED_ENDPOINT *again = shared_open(6000, &status);
    ck_assert_int_eq(status, STATUS_SHARING_VIOLATION);
    ck_assert_ptr_null(again);
    for (int i = 0; i < 3; i++)
        rc_side_close(&active[i]);
    ck_assert(rc_ended(0, &closed, RC_WAIT_S * 1000));
    again = shared_open(6000, &status);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    rc_shared_close(0, again);
    for (int i = 0; i < 2; i++) {
        rc_side_close(&passive[i]);
        rc_listener_close(&listeners[i]);
    }
}

RC_TEST(NdkConnectWithSharedEndpoint_learns_later_that_the_pair_exists)
{
    struct rc_listener listener = {0};
    struct rc_side first, second, passive;
    NTSTATUS status;
    NDK_SHARED_ENDPOINT *shared = shared_open(0, &status);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    rc_listen(&listener, 1, RC_PORT);
    rc_side_open(&first, 0);
    rc_side_open(&second, 0);
    rc_host[0].way_pends = true;              // the first waits for its neighbor while the second, which knows it, connects
    connect_shared(&first, shared, &listener.address);
    connect_shared(&second, shared, &listener.address);
    ck_assert(rc_incoming(&listener, &passive, RC_WAIT_S * 1000));
    ck_assert_int_eq(rc_finish(&first), STATUS_ADDRESS_ALREADY_EXISTS);
    ck_assert_int_eq(first.returned, STATUS_PENDING);
    rc_accept(&passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&second), STATUS_SUCCESS);
    rc_side_close(&first);
    rc_side_close(&second);
    rc_side_close(&passive);
    rc_listener_close(&listener);
    rc_shared_close(0, shared);
}

RC_TEST(NdkCreateSharedEndpoint_wants_an_address_of_the_adapter_and_a_port_that_is_free)
{
    NTSTATUS status;
    SOCKADDR_INET foreign = rc_address(1, 0), own;
    NDK_SHARED_ENDPOINT *shared = NULL;
    NDK_ADAPTER *adapter = rc_end[0].adapter;
    ULONG size = rc_net.is_six ? sizeof foreign.Ipv6 : sizeof foreign.Ipv4, bytes = 4;
    ck_assert_int_eq(adapter->Dispatch->NdkCreateSharedEndpoint(adapter, (PSOCKADDR)&foreign, size, NULL, NULL, &shared),
                     STATUS_INVALID_ADDRESS);
    ck_assert_int_eq(adapter->Dispatch->NdkCreateSharedEndpoint(adapter, (PSOCKADDR)&foreign, 3, NULL, NULL, &shared),
                     STATUS_INVALID_ADDRESS);
    rc_host[0].no_ports = true;
    shared_open(0, &status);
    ck_assert_int_eq(status, STATUS_TOO_MANY_ADDRESSES);
    rc_host[0].no_ports = false;
    shared = shared_open(0, &status);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_int_eq(shared->Dispatch->NdkGetLocalAddress(shared, (PSOCKADDR)&own, &bytes), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(bytes, size);
    ck_assert_int_eq(shared->Dispatch->NdkGetLocalAddress(shared, (PSOCKADDR)&own, &bytes), STATUS_SUCCESS);
    ck_assert_uint_ge(rc_port_of(&own), 49152);
    rc_shared_close(0, shared);
}
