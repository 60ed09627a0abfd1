// SPDX-License-Identifier: MIT
// Sends, the delivery algorithm, disconnects and forwarded segments at the target [network/delivery-algorithm and kin].
#include <string.h>

#include "stage.h"

#define EACH_SEED(body)                           \
    for (uint64_t seed = 1; seed <= 4; seed++)    \
    stage_run(seed, body)

// ---- receives

static void
posted_first_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    for (unsigned i = 0; i < 3; i++)
        host_post(c, 1000, true);
    peer_send(c, 5000, TCP_SEND_PUSH);
    stage_until_data();
    ck_assert_uint_eq(c->completions, 3);
    ck_assert_uint_eq(c->transferred, 1000);
    ck_assert_uint_ge(c->indications, 1);     // what the receives had no room for
    host_terminate(1);
    host_release(1);
}

TEST(posted_receives_are_filled_before_anything_is_indicated)
{
    EACH_SEED(posted_first_body);
}

static void
push_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    host_post(c, 10000, true);
    peer_send(c, 700, TCP_SEND_PUSH);
    stage_until(&c->completions, 1);
    ck_assert_uint_eq(c->transferred, 700);
    ck_assert_int_eq(c->post_status, NDIS_STATUS_SUCCESS);
    // Without PSH the push timer does it, half a second after the bytes.
    host_post(c, 10000, true);
    peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 1 + 700, .ack = STAGE_ISS + 1, .bytes = 50, .flags = 16, .window = 4000});
    stage_wait(400000);
    ck_assert_uint_eq(c->completions, 1);
    stage_wait(200000);
    ck_assert_uint_eq(c->completions, 2);
    ck_assert_uint_eq(c->transferred, 50);
    host_terminate(1);
    host_release(1);
}

TEST(a_receive_in_push_mode_completes_by_PSH_or_by_the_push_timer)
{
    EACH_SEED(push_body);
}

static void
nonpush_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    host_post(c, 3000, false);
    peer_send(c, 1000, TCP_SEND_PUSH);
    stage_wait(2000000);
    ck_assert_uint_eq(c->completions, 0);
    peer_send(c, 2000, TCP_SEND_PUSH);
    stage_until(&c->completions, 1);
    ck_assert_uint_eq(c->transferred, 3000);
    host_post(c, 3000, false);
    peer_send(c, 10, TCP_SEND_PUSH);
    stage_wait(1000000);
    host_terminate(1);                        // partly filled: it comes back with what it has
    ck_assert_uint_eq(c->completions, 2);
    ck_assert_uint_eq(c->transferred, 10);
    ck_assert_int_eq(c->post_status, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    host_release(1);
}

TEST(a_receive_in_nonpush_mode_completes_when_it_is_full)
{
    EACH_SEED(nonpush_body);
}

static void
refusal_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.refuses = true;
    peer_send(c, 1000, TCP_SEND_PUSH);
    stage_wait(20000);
    ck_assert_uint_eq(c->indications, 1);
    peer_send(c, 1000, TCP_SEND_PUSH);
    stage_wait(1000000);
    ck_assert_uint_eq(c->indications, 1);     // not again before a receive is posted
    st.refuses = false;
    host_post(c, 0, true);                    // of no bytes: it consumes none and enables indications
    stage_until(&c->completions, 1);
    stage_until_data();
    ck_assert_uint_eq(c->transferred, 0);
    ck_assert_uint_ge(c->indications, 2);
    host_terminate(1);
    host_release(1);
}

TEST(refused_data_is_not_indicated_again_before_a_receive_is_posted)
{
    EACH_SEED(refusal_body);
}

static void
partial_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.takes_bytes = 300;
    peer_send(c, 1000, TCP_SEND_PUSH);
    stage_wait(20000);
    ck_assert_uint_eq(c->got_bytes, 300);
    ck_assert_uint_eq(c->indications, 1);
    host_post(c, 5000, true);
    stage_until_data();
    ck_assert_uint_eq(c->transferred, 700);
    host_terminate(1);
    host_release(1);
}

TEST(what_an_indication_leaves_goes_into_the_next_receive)
{
    EACH_SEED(partial_body);
}

static void
kept_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.keeps = true;
    peer_send(c, 30000, TCP_SEND_PUSH);
    stage_until_data();
    ck_assert_ptr_nonnull(st.kept);
    host_terminate(1);
    host_release(1);
    host_return_kept();                       // later than the connection
}

TEST(indicated_lists_may_come_back_later_than_the_connection_goes)
{
    EACH_SEED(kept_body);
}

static void
hint_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    c->block.tcp.cached.RcvIndicationSize = 100;
    host_offload(1);
    peer_send(c, 1000, TCP_SEND_PUSH);
    stage_until_data();
    ck_assert_uint_eq(c->indications, 10);
    host_terminate(1);
    host_release(1);
}

TEST(indications_have_the_size_that_the_host_likes_best)
{
    EACH_SEED(hint_body);
}

static void
closed_window_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.refuses = true;
    peer_send(c, 200000, TCP_SEND_PUSH);
    stage_wait(5000000);
    ck_assert_uint_eq(c->got_bytes, 0);
    for (unsigned i = 0; i < 200; i++)
        host_post(c, 1000, false);
    stage_until_data();
    stage_until(&c->posts_out, 0);
    host_terminate(1);
    host_release(1);
}

TEST_TIMEOUT(120, a_host_that_takes_nothing_shuts_the_window_and_opens_it_again)
{
    EACH_SEED(closed_window_body);
}

// ---- sends

static void
loss_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.lose_out_one_in = st.lose_in_one_in = 12;
    host_send(c, 300000, 9000);
    peer_send(c, 150000, TCP_SEND_PUSH);
    stage_until_data();
    stage_until(&c->sends_out, 0);
    ck_assert_uint_eq(c->acked_bytes, 300000);
    host_terminate(1);
    host_release(1);
}

TEST_TIMEOUT(120, losses_are_mended_in_both_directions)
{
    EACH_SEED(loss_body);
}

static void
empty_send_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    NET_BUFFER_LIST *nbl = host_nbl(0, 0);
    struct host_buffer_head {
        struct host_connection *connection;
    } *head = NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0];
    head->connection = c;
    c->sends_out++;
    ck_assert_int_eq(NdisOffloadTcpSend(&c->handle, nbl), NDIS_STATUS_PENDING);
    stage_until(&c->sends_out, 0);
    ck_assert_int_eq(c->send_status, NDIS_STATUS_SUCCESS);
    host_terminate(1);
    host_release(1);
}

TEST(a_send_of_no_bytes_completes)
{
    EACH_SEED(empty_send_body);
}

// ---- disconnects

static void
graceful_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    host_send(c, 5000, 1000);
    host_disconnect(c, 700, TCP_DISCONNECT_GRACEFUL_CLOSE);
    stage_until(&c->disconnects_out, 0);
    ck_assert_int_eq(c->disconnect_status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(c->transferred, 700);
    ck_assert_uint_eq(c->sends_out, 0);       // they came first
    ck_assert_uint_eq(c->peer_got, 5700);
    ck_assert_uint_eq(st.resets, 0);
    // The other half goes on.
    peer_send(c, 3000, TCP_SEND_PUSH);
    stage_until_data();
    host_terminate(1);
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionFinWait2);
    ck_assert_uint_ne(c->block.tcp_delegated.Retransmit.TimeoutDelta, 0xFFFFFFFF);   // the FIN_WAIT_2 timer runs
    host_release(1);
}

TEST(a_graceful_disconnect_sends_its_data_and_a_FIN_and_completes_when_both_are_acknowledged)
{
    EACH_SEED(graceful_body);
}

static void
without_list_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    c->disconnects_out = 1;
    ck_assert_int_eq(NdisOffloadTcpDisconnect(&c->handle, NULL, TCP_DISCONNECT_GRACEFUL_CLOSE), NDIS_STATUS_PENDING);
    stage_until(&c->disconnects_out, 0);
    host_terminate(1);
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionFinWait2);
    host_release(1);
}

TEST(a_disconnect_may_come_without_a_list)
{
    for (stage_storeys = 0; stage_storeys < 3; stage_storeys++)
        EACH_SEED(without_list_body);
}

static void
abortive_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.peer_silent = true;
    host_send(c, 5000, 1000);
    host_post(c, 100, true);
    stage_wait(2000);
    st.peer_silent = false;
    host_disconnect(c, 0, TCP_DISCONNECT_ABORTIVE_CLOSE);
    stage_until(&c->disconnects_out, 0);
    ck_assert_int_eq(c->disconnect_status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(c->send_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_int_eq(c->post_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_uint_eq(c->sends_out | c->posts_out, 0);
    stage_wait(2000);
    ck_assert_uint_eq(st.resets, 1);
    ck_assert_ptr_null(host_event_of(c, TcpIndicateAbort));
    // What is asked for now comes back aborted; the connection's memory is there until the terminate.
    host_send(c, 10, 10);
    stage_until(&c->sends_out, 0);
    ck_assert_int_eq(c->send_status, NDIS_STATUS_REQUEST_ABORTED);
    host_terminate(1);
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionClosed);
    host_release(1);
}

TEST(an_abortive_disconnect_resets_and_only_that_does)
{
    EACH_SEED(abortive_body);
}

// A RST is sent where the peer may not know that it is over; in CLOSING and LAST_ACK it has said all it had to say [RFC 9293 3.10.5].
static void
abort_states_body(void)
{
    static const struct {
        enum tcp_state state;
        uint32_t resets;
    } states[] = {{TCP_ESTABLISHED, 1}, {TCP_FIN_WAIT_1, 1}, {TCP_FIN_WAIT_2, 1}, {TCP_CLOSE_WAIT, 1}, {TCP_CLOSING, 0}, {TCP_LAST_ACK, 0}};
    for (unsigned i = 0; i < sizeof states / sizeof *states; i++) {
        st.peer_silent = st.drops_in = true;
        st.resets = 0;
        st.generation++;
        struct host_connection *c = host_make(0, states[i].state);
        host_offload(1);
        host_disconnect(c, 0, TCP_DISCONNECT_ABORTIVE_CLOSE);
        stage_until(&c->disconnects_out, 0);
        ck_assert_int_eq(c->disconnect_status, NDIS_STATUS_SUCCESS);
        stage_wait(2000000);
        ck_assert_msg(st.resets == states[i].resets, "state %u: %u resets", states[i].state, st.resets);
        uint32_t frames = st.frames;
        stage_wait(60000000);
        ck_assert_uint_eq(st.frames, frames); // nor anything else
        host_terminate(1);
        ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionClosed);
        host_release(1);
    }
    st.peer_silent = st.drops_in = false;
}

TEST(an_abortive_disconnect_resets_in_four_states_and_only_ends_in_CLOSING_and_LAST_ACK)
{
    EACH_SEED(abort_states_body);
}

static void
reset_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.peer_silent = true;
    host_send(c, 5000, 1000);
    host_post(c, 100, true);
    host_disconnect(c, 0, TCP_DISCONNECT_GRACEFUL_CLOSE);
    stage_wait(2000);
    peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 1, .flags = 4});
    stage_wait(2000);
    ck_assert_ptr_nonnull(host_event_of(c, TcpIndicateAbort));
    ck_assert_int_eq(c->send_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_int_eq(c->disconnect_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_int_eq(c->post_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_uint_eq(st.resets, 0);
    host_disconnect(c, 0, TCP_DISCONNECT_ABORTIVE_CLOSE);
    stage_until(&c->disconnects_out, 0);
    ck_assert_int_eq(c->disconnect_status, NDIS_STATUS_REQUEST_ABORTED);
    // Frames of a connection that is over go up as any others.
    uint32_t before = st.ordinary_frames;
    peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 1, .ack = STAGE_ISS + 1, .bytes = 5, .flags = 16});
    stage_wait(2000);
    ck_assert_uint_eq(st.ordinary_frames, before + 1);
    host_terminate(1);
    host_release(1);
}

TEST(the_peers_reset_aborts_every_request_and_is_told)
{
    EACH_SEED(reset_body);
}

static void
fin_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.refuses = true;
    peer_send(c, 1000, TCP_SEND_PUSH);
    peer_shutdown(c);
    stage_wait(100000);
    ck_assert_ptr_null(host_event_of(c, TcpIndicateDisconnect));    // bytes before it wait
    st.refuses = false;
    host_post(c, 5000, false);
    stage_until(&c->completions, 1);
    stage_wait(2000);
    ck_assert_uint_eq(c->transferred, 1000);
    ck_assert_ptr_nonnull(host_event_of(c, TcpIndicateDisconnect));
    host_post(c, 10, true);
    stage_until(&c->completions, 2);
    ck_assert_int_eq(c->post_status, NDIS_STATUS_INVALID_STATE);
    host_send(c, 500, 500);                   // CLOSE_WAIT
    stage_until_data();
    stage_until(&c->sends_out, 0);
    host_terminate(1);
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionCloseWait);
    host_release(1);
}

TEST(the_peers_FIN_is_told_when_all_before_it_has_been_taken)
{
    EACH_SEED(fin_body);
}

// ---- forward

static void
forward_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    // A segment as the host got it while it was initiating: from its TCP header on.
    NET_BUFFER_LIST *nbl = host_nbl(120, 0);
    struct eng_span span[2];
    uint8_t segment[120] = {0x50, 0x50, 50000 >> 8, 50000 & 255, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 0x10};
    uint32_t seq = STAGE_IRS + 1, ack = STAGE_ISS + 1;
    for (unsigned i = 0; i < 4; i++) {
        segment[4 + i] = (uint8_t)(seq >> (24 - 8 * i));
        segment[8 + i] = (uint8_t)(ack >> (24 - 8 * i));
    }
    for (unsigned i = 0; i < 100; i++)
        segment[20 + i] = stage_byte(false, i);
    ck_assert_uint_eq(chim_nbl_spans(nbl, span, 2, NULL), 2);
    memcpy((void *)span[0].bytes, segment, span[0].count);
    memcpy((void *)span[1].bytes, segment + span[0].count, span[1].count);
    struct host_buffer_head {
        struct host_connection *connection;
    } *head = NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0];
    head->connection = c;
    c->forwards_out++;
    ck_assert_int_eq(NdisOffloadTcpForward(&c->handle, nbl), NDIS_STATUS_PENDING);
    stage_until(&c->forwards_out, 0);
    ck_assert_int_eq(c->forward_status, NDIS_STATUS_SUCCESS);
    stage_wait(100000);
    ck_assert_uint_eq(c->got_bytes, 100);
    host_terminate(1);
    ck_assert_uint_eq(c->block.tcp_delegated.RcvNxt, STAGE_IRS + 1 + 100);
    host_release(1);
}

TEST(a_forwarded_segment_is_processed_as_one_from_the_wire)
{
    EACH_SEED(forward_body);
}
