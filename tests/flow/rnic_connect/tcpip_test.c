// SPDX-License-Identifier: MIT
// The same wire with tcpip as each box's host: ARP and ND find the peer, ports are one box's but of two stacks, and RDMA's frames are its
// alone (a host that saw one would reset the connection, for it knows no such port).
#include <check.h>
#include <string.h>

#include "kit.h"

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

RC_TEST_TCPIP(NdkConnect_to_the_adapter_itself_is_refused_for_it_has_no_loopback)
{
    SOCKADDR_INET to = rc_address(0, RC_PORT);
    struct rc_side side;
    ck_assert_int_eq(connect_to(&side, &to), STATUS_NOT_SUPPORTED);
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
