// SPDX-License-Identifier: MIT
// The same wire with tcpip as each box's host: ARP and ND find the peer, ports are one box's but of two stacks, and RDMA's frames are its
// alone (a host that saw one would reset the connection, for it knows no such port).
#include <check.h>
#include <string.h>

#include "kit.h"

#include <stdio.h>

#include "../tdi/kit.h"

static NTSTATUS
connect_to(struct rc_side *side, const SOCKADDR_INET *to)
{
    SOCKADDR_INET from = rc_address(0, 0);
    rc_side_open(side, 0);
    rc_connect_to(side, &from, to, &rc_plain);
    NTSTATUS status = rc_finish(side);
    rc_side_close(side);
    return status;
}

static void
life(void)
{
    struct rc_pair pair = {0};
    for (int i = 0; i < 3; i++) {
        rc_pair_open(&pair);
        rc_sleep_ms(1000);
        ck_assert_uint_eq(pair.active.disconnects + pair.passive.disconnects, 0);
        rc_pair_disconnect(&pair);
        rc_pair_close(&pair);
    }
    rc_pair_reply(&pair);
    rc_side_close(&pair.passive);
    rc_sleep_ms(1000);
    rc_complete(&pair.active);
    ck_assert_int_eq(pair.active.returned, STATUS_CONNECTION_ABORTED);
    rc_side_is_dead(&pair.active);
    rc_pair_close(&pair);
}

RC_TEST_TCPIP(connections_of_RDMA_live_beside_tcpip_on_one_adapter)
{
    life();
}

RC_TEST_TCPIP_WIRE(connections_of_RDMA_live_beside_tcpip_on_a_bad_wire, "delay: 100us, loss: 3%, reorder: 3%, duplicate: 3%")
{
    life();
}

RC_TEST_TCPIP(NdkConnect_is_refused_by_the_peers_host_where_no_RNIC_listens)
{
    SOCKADDR_INET to = rc_address(1, RC_PORT + 7);
    struct rc_side side;
    ck_assert_int_eq(connect_to(&side, &to), STATUS_CONNECTION_REFUSED);
    ck_assert_int_eq(side.returned, STATUS_PENDING);
}

RC_TEST_TCPIP(NdkConnect_is_HOST_UNREACHABLE_when_nobody_has_the_address)
{
    SOCKADDR_INET to = rc_address(8, RC_PORT);              // 10.0.0.9, fd00::9
    struct rc_side side;
    ck_assert_int_eq(connect_to(&side, &to), STATUS_HOST_UNREACHABLE);
    ck_assert_int_eq(side.returned, STATUS_PENDING);
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

RC_TEST_TCPIP(NdkConnect_is_NETWORK_UNREACHABLE_inline_when_there_is_no_route)
{
    SOCKADDR_INET to = rc_address(1, RC_PORT);
    struct rc_side side;
    *(rc_net.is_six ? (UCHAR *)&to.Ipv6.sin6_addr + 3 : (UCHAR *)&to.Ipv4.sin_addr + 1) = 77;
    ck_assert_int_eq(connect_to(&side, &to), STATUS_NETWORK_UNREACHABLE);
    ck_assert_int_ne(side.returned, STATUS_PENDING);
}

RC_TEST_TCPIP(NdkConnect_to_the_adapter_itself_connects_and_to_other_addresses_of_the_host_it_is_refused)
{
    struct rc_pair pair = {0};
    struct rc_side side;
    SOCKADDR_INET host = rc_address(0, RC_PORT);
    rc_listen(&pair.listener, 0, RC_PORT);
    rc_pair_open(&pair);
    rc_sleep_ms(1000);
    ck_assert_uint_eq(pair.active.disconnects + pair.passive.disconnects, 0);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
    if (rc_net.is_six)
        memcpy(&host.Ipv6.sin6_addr, (UCHAR[16]){[15] = 1}, 16);
    else
        memcpy(&host.Ipv4.sin_addr, (UCHAR[4]){127, 0, 0, 1}, 4);
    ck_assert_int_eq(connect_to(&side, &host), STATUS_NOT_SUPPORTED);
    ck_assert_int_ne(side.returned, STATUS_PENDING);
}

RC_TEST_TCPIP(NdkListen_and_NdkConnect_want_an_address_that_tcpip_has_on_this_adapter)
{
    struct rc_listener listener = {0}, second = {0};
    SOCKADDR_INET foreign = rc_address(4, 0), to = rc_address(1, RC_PORT);
    struct rc_side side;
    rc_side_open(&side, 0);
    rc_connect_to(&side, &foreign, &to, &rc_plain);
    ck_assert_int_eq(rc_finish(&side), STATUS_INVALID_ADDRESS);
    rc_side_close(&side);
    rc_listen(&listener, 1, 0);
    ck_assert_uint_ge(rc_port_of(&listener.address), 49152);
    ck_assert_int_eq(rc_listen_try(&second, 1, rc_port_of(&listener.address)), STATUS_SHARING_VIOLATION);
    rc_listener_close(&second);
    USHORT port = rc_port_of(&listener.address);
    rc_listener_close(&listener);
    rc_listen(&listener, 1, port);            // and is free again
    rc_listener_close(&listener);
}

// ---- one port, two stacks -----------------------------------------------------------------------------------------------------------

static struct tk_address theirs;              // a client's of tcpip

// A client of tcpip asks for a port of this box's address.
static NTSTATUS
host_tries(int box, USHORT port)
{
    char name[64];
    NTSTATUS status;
    snprintf(name, sizeof name, rc_net.is_six ? "[fd00::%d]:%u" : "10.0.0.%d:%u", box + 1, port);
    RC_CALL(box, status = tk_try_address(&theirs, rc_net.is_six ? L"\\Device\\Tcp6" : L"\\Device\\Tcp", name));
    return status;
}

static NTSTATUS
host_has(int box, USHORT port)
{
    NTSTATUS status = host_tries(box, port);
    if (status == STATUS_SUCCESS)
        RC_CALL(box, tk_close_address(&theirs));
    return status;
}

static NTSTATUS
shared_tries(USHORT port)
{
    SOCKADDR_INET address = rc_address(0, port);
    NTSTATUS status;
    NDK_SHARED_ENDPOINT *shared = rc_shared_open(0, &address, &status);
    if (shared)
        rc_shared_close(0, shared);
    return status;
}

static NTSTATUS
connect_from(USHORT port)
{
    SOCKADDR_INET from = rc_address(0, port), to = rc_address(1, RC_PORT);
    struct rc_side side;
    rc_side_open(&side, 0);
    rc_connect_to(&side, &from, &to, &rc_plain);
    NTSTATUS status = rc_finish(&side);
    rc_side_close(&side);
    return status;
}

RC_TEST_TCPIP(NdkListen_is_SHARING_VIOLATION_for_a_port_that_a_client_of_tcpip_has)
{
    struct rc_listener listener = {0};
    ck_assert_int_eq(host_tries(0, 5445), STATUS_SUCCESS);
    ck_assert_int_eq(rc_listen_try(&listener, 0, 5445), STATUS_SHARING_VIOLATION);
    tk_close_address(&theirs);
    rc_listener_close(&listener);
    rc_listen(&listener, 0, 5445);
    ck_assert_int_eq(host_has(0, 5445), TDI_ADDR_IN_USE);
    rc_listener_close(&listener);
    ck_assert_int_eq(host_has(0, 5445), STATUS_SUCCESS);
}

RC_TEST_TCPIP(NdkCreateSharedEndpoint_is_SHARING_VIOLATION_for_a_port_that_a_client_of_tcpip_has)
{
    ck_assert_int_eq(host_tries(0, 5445), STATUS_SUCCESS);
    ck_assert_int_eq(shared_tries(5445), STATUS_SHARING_VIOLATION);
    tk_close_address(&theirs);
    ck_assert_int_eq(shared_tries(5445), STATUS_SUCCESS);
}

RC_TEST_TCPIP(NdkConnect_is_SHARING_VIOLATION_for_a_port_that_a_client_of_tcpip_has)
{
    ck_assert_int_eq(host_tries(0, 5445), STATUS_SUCCESS);
    ck_assert_int_eq(connect_from(5445), STATUS_SHARING_VIOLATION);
    tk_close_address(&theirs);
    ck_assert_int_eq(connect_from(5445), STATUS_CONNECTION_REFUSED);        // nobody listens, but the port was to be had
}

// Half of the ephemeral ports are RDMA's, and one a client's; then there is no other.
static void
ports_exhaust(NDK_SHARED_ENDPOINT **all)
{
    NTSTATUS status;
    SOCKADDR_INET any = rc_address(0, 0);
    ck_assert_int_eq(host_tries(0, 50000), STATUS_SUCCESS);
    for (ULONG i = 0; i < 16383; i++) {
        all[i] = rc_shared_open(0, &any, &status);
        ck_assert_int_eq(status, STATUS_SUCCESS);
    }
}

static NDK_SHARED_ENDPOINT *all[16383];

static void
ports_free(NDK_SHARED_ENDPOINT **of)
{
    tk_close_address(&theirs);
    for (ULONG i = 0; i < 16383; i++)
        rc_shared_close(0, of[i]);
}

RC_TEST_LONG(NdkCreateSharedEndpoint_is_TOO_MANY_ADDRESSES_when_every_ephemeral_port_is_taken)
{
    ports_exhaust(all);
    ck_assert_int_eq(shared_tries(0), STATUS_TOO_MANY_ADDRESSES);
    ck_assert_int_eq(shared_tries(49151), STATUS_SUCCESS);
    ports_free(all);
    ck_assert_int_eq(shared_tries(0), STATUS_SUCCESS);
}

RC_TEST_LONG(NdkListen_is_TOO_MANY_ADDRESSES_when_every_ephemeral_port_is_taken)
{
    struct rc_listener listener = {0};
    ports_exhaust(all);
    ck_assert_int_eq(rc_listen_try(&listener, 0, 0), STATUS_TOO_MANY_ADDRESSES);
    rc_listener_close(&listener);
    ports_free(all);
    rc_listen(&listener, 0, 0);
    rc_listener_close(&listener);
}

RC_TEST_LONG(NdkConnect_is_TOO_MANY_ADDRESSES_when_every_ephemeral_port_is_taken)
{
    ports_exhaust(all);
    ck_assert_int_eq(connect_from(0), STATUS_TOO_MANY_ADDRESSES);
    ports_free(all);
    ck_assert_int_eq(connect_from(0), STATUS_CONNECTION_REFUSED);
}

// ---- what TCP still waits for ---------------------------------------------------------------------------------------------------------

static void
lives_from(USHORT port, struct rc_listener *listener)
{
    SOCKADDR_INET from = rc_address(0, port);
    struct rc_side active, passive;
    rc_side_open(&active, 0);
    rc_connect_to(&active, &from, &listener->address, &rc_plain);
    ck_assert(rc_incoming(listener, &passive, RC_WAIT_S * 1000));
    rc_accept(&passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&active), STATUS_SUCCESS);
    rc_complete(&active);
    ck_assert_int_eq(rc_finish(&active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&passive), STATUS_SUCCESS);
    rc_disconnect(&active);                   // the first to end has the TIME_WAIT
    ck_assert(rc_event(1, &passive.disconnected, RC_WAIT_S * 1000));
    rc_disconnect(&passive);
    ck_assert_int_eq(rc_finish(&active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&passive), STATUS_SUCCESS);
    rc_side_close(&active);
    rc_side_close(&passive);
}

RC_TEST_TCPIP(a_port_is_the_hosts_again_when_the_last_connection_there_is_through_its_TIME_WAIT_and_RDMAs_at_once)
{
    struct rc_listener listener = {0};
    rc_listen(&listener, 1, RC_PORT);
    lives_from(6001, &listener);
    rc_sleep_ms(1000);
    ck_assert_int_eq(host_has(0, 6001), TDI_ADDR_IN_USE);
    lives_from(6001, &listener);              // to the same peer, even [RFC 6191]
    rc_sleep_ms(55000);
    ck_assert_int_eq(host_has(0, 6001), TDI_ADDR_IN_USE);
    rc_sleep_ms(20000);
    ck_assert_int_eq(host_has(0, 6001), STATUS_SUCCESS);
    rc_listener_close(&listener);
    rc_sleep_ms(1000);
    ck_assert_int_eq(host_has(1, RC_PORT), STATUS_SUCCESS);   // there nothing waits
}

RC_TEST_TCPIP(a_port_where_TCP_still_waits_goes_back_with_the_last_NDK_adapter)
{
    struct rc_listener listener = {0};
    rc_listen(&listener, 1, RC_PORT);
    lives_from(6001, &listener);
    ck_assert_int_eq(host_has(0, 6001), TDI_ADDR_IN_USE);
    rc_adapter_close(0);
    ck_assert_int_eq(host_has(0, 6001), STATUS_SUCCESS);
    rc_adapter_open(0);
    rc_listener_close(&listener);
}

static void
two_for_one_pair(void)
{
    struct rc_listener listener = {0};
    struct rc_side first, second, passive;
    rc_listen(&listener, 1, RC_PORT);
    rc_side_open(&first, 0);
    rc_side_open(&second, 0);
    rc_connect(&first, &listener, &rc_plain);
    second.shared = first.shared;
    rc_connect(&second, &listener, &rc_plain);
    ck_assert_int_eq(first.returned, STATUS_PENDING);
    ck_assert_int_eq(second.returned, STATUS_PENDING);
    ck_assert(rc_incoming(&listener, &passive, RC_WAIT_S * 1000));
    ck_assert_int_eq(rc_finish(&second), STATUS_ADDRESS_ALREADY_EXISTS);
    rc_side_is_dead(&second);
    rc_accept(&passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&first), STATUS_SUCCESS);
    second.shared = NULL;
    rc_side_close(&second);
    rc_side_close(&first);
    rc_side_close(&passive);
    rc_listener_close(&listener);
}

// ---- ways, as tcpip finds them ----------------------------------------------------------------------------------------------------------

// The neighbor is being asked for when the interface goes down.
static void
way_lost(void)
{
    SOCKADDR_INET from = rc_address(0, 0), to = rc_address(8, RC_PORT);
    struct rc_side side;
    rc_side_open(&side, 0);
    rc_connect_to(&side, &from, &to, &rc_plain);
    ck_assert_int_eq(side.returned, STATUS_PENDING);
    rc_sleep_ms(500);
    rc_cable(0, false);
    ck_assert_int_eq(rc_finish(&side), STATUS_NETWORK_UNREACHABLE);
    rc_side_is_dead(&side);
    rc_side_close(&side);
    rc_cable(0, true);
}

RC_TEST_TCPIP(NdkConnect_is_NETWORK_UNREACHABLE_later_when_the_interface_goes_down_meanwhile)
{
    way_lost();
}

RC_TEST_OVER(way_lost, NdkConnectWithSharedEndpoint_is_NETWORK_UNREACHABLE_later_when_the_interface_goes_down_meanwhile)
RC_TEST_OVER(NdkConnect_is_NETWORK_UNREACHABLE_inline_when_there_is_no_route_body,
             NdkConnectWithSharedEndpoint_is_NETWORK_UNREACHABLE_inline_when_there_is_no_route)
RC_TEST_OVER(NdkConnect_is_HOST_UNREACHABLE_when_nobody_has_the_address_body,
             NdkConnectWithSharedEndpoint_is_HOST_UNREACHABLE_later_when_nobody_has_the_address)

// Two ask for the same pair of ends while the neighbor is being asked for: the first has it once he answers.
TEST_TIMEOUT(120, NdkConnectWithSharedEndpoint_is_ADDRESS_ALREADY_EXISTS_later_when_two_wait_for_one_neighbor)
{
    rc_net.is_tcpip = rc_net.is_shared = true;
    rc_run("two for one pair", two_for_one_pair, "delay: 50us", 2);
}

// ---- a peer that speaks TCP and no more -------------------------------------------------------------------------------------------------

RC_TEST_TCPIP(NdkConnectEventCallback_comes_with_an_MPA_request_and_not_for_TCP_alone)
{
    static struct tk_endpoint endpoint;
    static struct tk_request request;
    struct rc_pair pair = {0};
    PCWSTR device = rc_net.is_six ? L"\\Device\\Tcp6" : L"\\Device\\Tcp";
    rc_listen(&pair.listener, 1, RC_PORT);
    tk_open_pair(&theirs, &endpoint, device, rc_net.is_six ? "[fd00::1]:0" : "10.0.0.1:0");
    tk_set_handlers(&theirs);
    tk_connect(&request, &endpoint, rc_net.is_six ? "[fd00::2]:4791" : "10.0.0.2:4791", NULL, 0);
    ck_assert_int_eq(tk_wait(&request), STATUS_SUCCESS);
    rc_sleep_ms(60000);
    ck_assert_uint_eq(pair.listener.count, 0);
    ck_assert_int_ge(endpoint.disconnects, 1);               // RDMA has given it up
    rc_pair_open(&pair);                      // and is there for others
    tk_close_endpoint(&endpoint);
    tk_close_address(&theirs);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}
