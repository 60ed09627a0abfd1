// SPDX-License-Identifier: MIT
// A connection that one side, or both, has closed travels with what is left to do: sends that nobody has acknowledged, received bytes that
// nobody has had, the peer's FIN behind them and ours behind the sends. It is brought into each state by real segments, comes back to the
// host, goes again, and finishes: every byte in both directions, no reset, and the ends of both as if nothing had happened.
#include "stage.h"

static const struct half {
    enum tcp_state state;
    TCP_OFFLOAD_CONNECTION_STATE travels;
    bool peer_first, peer_later, acks_fin;    // the peer's FIN: before ours, behind it; ours is acknowledged
    bool host_closes, has_sends;
} halves[] = {
    {TCP_FIN_WAIT_1, TcpConnectionFinWait1, false, false, false, true, true},
    {TCP_FIN_WAIT_2, TcpConnectionFinWait2, false, false, true, true, false},
    {TCP_CLOSE_WAIT, TcpConnectionCloseWait, true, false, false, false, true},
    {TCP_CLOSING, TcpConnectionClosing, false, true, false, true, true},
    {TCP_LAST_ACK, TcpConnectionLastAck, true, false, false, true, true},
};

#define PEER_BYTES 4000
#define HOST_BYTES 7000

static const struct half *half;
static unsigned with_sends, with_data;

static void
peer_says(struct host_connection *c, bool has_fin)
{
    peer_send(c, PEER_BYTES, TCP_SEND_PUSH);
    if (has_fin)
        peer_shutdown(c);
    stage_wait(50000);
}

// Into the state, with nobody having had what the peer sent.
static void
half_close(struct host_connection *c)
{
    st.refuses = true;
    if (half->acks_fin) {
        host_send(c, HOST_BYTES, 1500);
        host_disconnect(c, 0, TCP_DISCONNECT_GRACEFUL_CLOSE);
        stage_wait(300000);
        ck_assert_uint_eq(c->disconnects_out, 0);
        peer_says(c, false);
        return;
    }
    if (half->peer_first)
        peer_says(c, true);
    st.peer_silent = true;
    host_send(c, HOST_BYTES, 1500);
    if (half->host_closes)
        host_disconnect(c, 0, TCP_DISCONNECT_GRACEFUL_CLOSE);
    stage_wait(20000);
    if (!half->peer_first)
        peer_says(c, half->peer_later);
}

static void
half_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    struct chim_tcp first = c->block.tcp;
    host_offload(1);
    half_close(c);
    bool has_peer_fin = half->peer_first || half->peer_later;
    uint32_t told = 0;
    for (int i = 0; i < 3; i++) {
        host_terminate(1);
        const TCP_OFFLOAD_STATE_DELEGATED *d = &c->block.tcp_delegated;
        ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(d->State, half->travels);
        ck_assert_uint_eq(d->RcvNxt, STAGE_IRS + 1 + PEER_BYTES + has_peer_fin);
        ck_assert_ptr_nonnull(d->BufferedData);
        ck_assert((c->block.block.NetBufferListChain != NULL) == half->has_sends);
        ck_assert_uint_eq(d->SndMax, STAGE_ISS + 1 + HOST_BYTES + half->host_closes);
        with_sends += half->has_sends;
        with_data++;
        for (uint32_t k = 0; k < c->event_count; k++)
            told += c->events[k].type == TcpIndicateDisconnect;
        ck_assert_uint_eq(told, 0);           // its data has not been consumed
        host_offload_again(c, &first);
        stage_wait(10000);
    }
    st.refuses = st.peer_silent = false;
    host_post(c, 0, true);
    stage_until_data();
    stage_until(&c->sends_out, 0);
    if (!half->host_closes)
        host_disconnect(c, 0, TCP_DISCONNECT_GRACEFUL_CLOSE);
    if (!has_peer_fin)
        peer_shutdown(c);
    stage_wait(3000000);
    ck_assert_uint_eq(c->got_bytes, PEER_BYTES);
    ck_assert_uint_eq(c->peer_got, HOST_BYTES);
    ck_assert_uint_eq(st.resets, 0);
    host_terminate(1);
    ck_assert(c->block.tcp_delegated.State == TcpConnectionClosed || c->block.tcp_delegated.State == TcpConnectionTimeWait);
    host_release(1);
}

TEST(half_closed_connections_travel_with_outstanding_sends_and_data_that_nobody_had)
{
    stage_settings = NULL;
    for (unsigned i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        half = &halves[i];
        for (stage_storeys = 0; stage_storeys < 3; stage_storeys++)
            stage_run(3 + i, half_body);
    }
    stage_storeys = 0;
    ck_assert_uint_eq(with_sends, 4 * 3 * 3);
    ck_assert_uint_eq(with_data, 5 * 3 * 3);
}
