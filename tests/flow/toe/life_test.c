// SPDX-License-Identifier: MIT
// A connection's life at the target: handed over, carried on, given back.
#include "stage.h"

static void
goes_on_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    host_send(c, 100000, 7000);
    peer_send(c, 100000, TCP_SEND_PUSH);
    stage_until_data();
    stage_until(&c->sends_out, 0);
    ck_assert_int_eq(c->send_status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(c->acked_bytes, 100000);
    ck_assert_uint_eq(st.resets, 0);
    ck_assert_uint_eq(st.ordinary_frames, 0);
    host_terminate(1);
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionEstablished);
    ck_assert_uint_eq(c->block.tcp_delegated.SndUna, STAGE_ISS + 1 + 100000);
    ck_assert_uint_eq(c->block.tcp_delegated.RcvNxt, STAGE_IRS + 1 + 100000);
    host_release(1);
}

TEST(a_connection_goes_on_at_the_target_and_comes_back)
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        stage_run(seed, goes_on_body);
}

TEST(a_connection_over_IPv6_goes_on_at_the_target_and_comes_back)
{
    stage_is_ip6 = true;
    for (uint64_t seed = 1; seed <= 5; seed++)
        stage_run(seed, goes_on_body);
}

// Many in one tree: each lives, and none is lost when the table grows.
static void
many_body(void)
{
    for (unsigned i = 0; i < STAGE_CONNECTIONS; i++)
        host_make(i, TCP_ESTABLISHED);
    host_offload(STAGE_CONNECTIONS);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < STAGE_CONNECTIONS; i++) {
            host_send(&st.connection[i], 3000 + 100 * i, 700);
            peer_send(&st.connection[i], 2000 + 100 * i, TCP_SEND_PUSH);
        }
    stage_until_data();
    for (unsigned i = 0; i < STAGE_CONNECTIONS; i++)
        stage_until(&st.connection[i].sends_out, 0);
    host_terminate(STAGE_CONNECTIONS);
    host_release(STAGE_CONNECTIONS);
}

TEST(connections_of_one_tree_do_not_disturb_each_other)
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        stage_run(seed, many_body);
}

// The adapter is paused and restarted while a connection has received bytes that nobody took: buffers of the target's own do not hold
// up a pause.
static void
pause_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.refuses = true;
    peer_send(c, 20000, TCP_SEND_PUSH);
    stage_wait(50000);
    ck_assert_int_eq(ndis_adapter_pause(st.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(st.adapter), NDIS_STATUS_SUCCESS);
    st.refuses = false;
    host_post(c, 20000, false);
    stage_until_data();
    host_send(c, 100, 100);
    stage_until(&c->sends_out, 0);
    host_terminate(1);
    host_release(1);
}

TEST(a_pause_does_not_wait_for_bytes_that_the_target_keeps)
{
    stage_run(2, pause_body);
}

// Everything once through intermediate drivers: data both ways, posted receives, both disconnects, what comes back.
static void
storeys_body(void)
{
    for (unsigned i = 0; i < 3; i++)
        host_make(i, TCP_ESTABLISHED);
    struct host_connection *c = st.connection;
    host_offload(3);
    host_post(&c[0], 4000, true);
    for (unsigned i = 0; i < 3; i++) {
        host_send(&c[i], 20000, 3000);
        peer_send(&c[i], 20000, TCP_SEND_PUSH);
    }
    stage_until_data();
    for (unsigned i = 0; i < 3; i++)
        stage_until(&c[i].sends_out, 0);
    host_disconnect(&c[0], 500, TCP_DISCONNECT_GRACEFUL_CLOSE);
    host_disconnect(&c[1], 0, TCP_DISCONNECT_ABORTIVE_CLOSE);
    stage_until(&c[0].disconnects_out, 0);
    stage_until(&c[1].disconnects_out, 0);
    ck_assert_int_eq(c[0].disconnect_status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(c[0].transferred, 500);
    ck_assert_int_eq(c[1].disconnect_status, NDIS_STATUS_SUCCESS);
    peer_shutdown(&c[2]);
    stage_wait(20000);
    ck_assert_ptr_nonnull(host_event_of(&c[2], TcpIndicateDisconnect));
    ck_assert_uint_eq(st.resets, 1);
    st.peer_silent = true;
    host_send(&c[2], 5000, 1000);
    stage_wait(5000);
    host_terminate(3);
    ck_assert_int_eq(c[0].block.tcp_delegated.State, TcpConnectionFinWait2);
    ck_assert_int_eq(c[1].block.tcp_delegated.State, TcpConnectionClosed);
    ck_assert_int_eq(c[2].block.tcp_delegated.State, TcpConnectionCloseWait);
    ck_assert_uint_eq(c[2].sends_out, 5);
    host_release(3);
}

TEST_TIMEOUT(120, the_target_serves_a_host_through_none_one_and_two_intermediate_drivers)
{
    for (stage_storeys = 0; stage_storeys < 3; stage_storeys++)
        for (uint64_t seed = 1; seed <= 3; seed++)
            stage_run(seed, storeys_body);
}
