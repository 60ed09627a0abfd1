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
