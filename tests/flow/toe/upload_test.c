// SPDX-License-Identifier: MIT
// What the target asks for and leaves to its host: uploads for each reason, timers, doubts about neighbors; updates and invalidation; what
// it never takes [ndischimney/nc-ndischimney-ndis_tcp_offload_event_indicate, network/handling-the-reception-of-...].
#include <string.h>

#include "stage.h"

static const struct kit_setting *
setting(const char *name, const char *text)
{
    static struct kit_setting one[2];
    one[0] = (struct kit_setting){name, text};
    return one;
}

static ULONG
reason_of(const struct host_connection *c)
{
    const struct host_event *event = host_event_of(c, TcpIndicateRetrieve);
    return event ? event->information : 0;
}

static void
run(const char *name, const char *text, void (*body)(void))
{
    stage_settings = name ? setting(name, text) : NULL;
    stage_run(3, body);
}

static void
end(void)
{
    host_terminate(1);
    host_release(1);
}

// ---- obliging reasons

static void
urgent_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 1, .ack = STAGE_ISS + 1, .bytes = 10, .flags = 16 | 32, .urgent = 5,
                                       .window = 4000});
    stage_wait(5000);
    ck_assert_uint_eq(reason_of(c), ReceivedUrgentData);
    ck_assert_uint_eq(st.ordinary_frames, 1); // the host's, unanswered
    ck_assert_uint_eq(st.frames, 0);
    // A send meanwhile waits for the terminate.
    host_send(c, 100, 100);
    stage_wait(5000);
    ck_assert_uint_eq(c->sends_out, 1);
    end();
    ck_assert_uint_eq(c->block.tcp_delegated.RcvNxt, STAGE_IRS + 1);
    ck_assert_uint_eq(c->sends_out, 0);
}

TEST(urgent_data_is_the_hosts_and_is_not_acknowledged)
{
    run(NULL, NULL, urgent_body);
}

static void
retransmissions_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.peer_silent = true;
    host_send(c, 100, 100);
    for (unsigned i = 0; i < 2000 && !reason_of(c); i++)
        stage_wait(1000000);
    ck_assert_uint_eq(reason_of(c), TimeoutExpiration);
    ck_assert_uint_ge(st.frames, 5);
    ck_assert_uint_eq(st.resets, 0);
    end();
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionEstablished);
}

TEST_TIMEOUT(120, retransmissions_that_are_over_ask_for_an_upload_and_reset_nothing)
{
    run(NULL, NULL, retransmissions_body);
}

static void
persist_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.peer_silent = true;
    peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 1, .ack = STAGE_ISS + 1, .flags = 16, .window = 0});
    stage_wait(2000);
    host_send(c, 100, 100);
    stage_wait(10000);
    uint32_t before = st.frames;
    stage_wait(3000000);
    ck_assert_uint_gt(st.frames, before);     // probes of a shut window
    host_terminate(1);
    ck_assert_uint_eq(c->block.tcp_delegated.SndWnd, 0);
    ck_assert_uint_ne(c->block.tcp_delegated.Retransmit.TimeoutDelta, 0xFFFFFFFF);
    host_release(1);
}

TEST(a_shut_window_is_probed_and_its_timer_travels)
{
    run(NULL, NULL, persist_body);
}

static void
fin_wait_2_body(void)
{
    struct host_connection *c = host_make(0, TCP_FIN_WAIT_2);
    host_offload(1);
    stage_wait(118000000);
    ck_assert_uint_eq(reason_of(c), 0);
    stage_wait(3000000);
    ck_assert_uint_eq(reason_of(c), TimeoutExpiration);
    end();
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionClosed);
}

TEST_TIMEOUT(120, FIN_WAIT_2_that_lasts_too_long_asks_for_an_upload_in_CLOSED)
{
    run(NULL, NULL, fin_wait_2_body);
}

static void
time_wait_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    host_disconnect(c, 0, TCP_DISCONNECT_GRACEFUL_CLOSE);
    stage_until(&c->disconnects_out, 0);
    peer_shutdown(c);
    stage_wait(50000);
    ck_assert_ptr_nonnull(host_event_of(c, TcpIndicateDisconnect));
    ck_assert_uint_eq(reason_of(c), UploadRequested);
    end();
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionTimeWait);
}

TEST(TIME_WAIT_is_the_hosts)
{
    run(NULL, NULL, time_wait_body);
}

static void
syn_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 100, .flags = 2, .window = 4000});
    stage_wait(5000);
    ck_assert_uint_eq(st.frames, 1);          // a challenge
    ck_assert_uint_eq(reason_of(c), 0);
    peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 1, .flags = 2, .window = 4000});
    stage_wait(5000);
    ck_assert_uint_eq(reason_of(c), UploadRequested);
    end();
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionClosed);
}

TEST(a_SYN_at_RCV_NXT_asks_for_an_upload_in_CLOSED_and_another_is_challenged)
{
    run(NULL, NULL, syn_body);
}

static void
keep_alive_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    c->block.tcp.cached.Flags = TCP_FLAG_KEEP_ALIVE_ENABLED;
    c->block.tcp.cached.KaTimeout = 5000;
    c->block.tcp.cached.KaInterval = 1000;
    c->block.tcp.cached.KaProbeCount = 3;
    host_offload(1);
    stage_wait(4000000);
    ck_assert_uint_eq(st.frames, 0);
    stage_wait(2000000);
    ck_assert_uint_eq(st.frames, 1);          // answered, so it begins anew
    st.peer_silent = true;
    stage_wait(12000000);
    ck_assert_uint_eq(st.frames, 4);
    ck_assert_uint_eq(reason_of(c), TimeoutExpiration);
    end();
    ck_assert_uint_eq(c->block.tcp_delegated.KeepAlive.ProbeCount, 3);
}

TEST(keep_alive_probes_leave_in_the_hosts_ticks_and_their_end_asks_for_an_upload)
{
    run(NULL, NULL, keep_alive_body);
}

static void
hardware_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.peer_silent = true;
    host_post(c, 100000, false);
    host_send(c, 100, 100);
    peer_send(c, 20000, TCP_SEND_PUSH);
    for (unsigned i = 0; i < 100 && !reason_of(c); i++)
        stage_wait(100000);
    ck_assert_uint_eq(reason_of(c), HardwareFailure);
    stage_wait(1000);
    ck_assert_ptr_nonnull(host_event_of(c, TcpIndicateAbort));
    host_terminate(1);
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_FAILURE);
    ck_assert_int_eq(c->send_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_int_eq(c->post_status, NDIS_STATUS_REQUEST_ABORTED);
    host_release(1);
}

TEST(hardware_that_fails_loses_the_connection_and_says_so)
{
    run("ToeFailAfter", "5", hardware_body);
}

static void
invalidate_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.neighbor.block.DependentBlockList = NULL;
    host_submit(HOST_INVALIDATE, &st.neighbor.block);
    ck_assert_int_eq(st.neighbor.block.Status, NDIS_STATUS_SUCCESS);
    stage_wait(1000);
    ck_assert_uint_eq(reason_of(c), InvalidState);
    host_send(c, 1000, 1000);
    stage_wait(500000);
    ck_assert_uint_eq(st.frames, 0);          // nothing leaves
    end();
}

TEST(what_depends_on_an_invalidated_neighbor_sends_no_more_and_is_asked_back)
{
    run(NULL, NULL, invalidate_body);
}

// ---- reasons that oblige nobody

static void
idle_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    stage_wait(2000000);
    ck_assert_uint_eq(reason_of(c), 0);
    stage_wait(2500000);
    ck_assert_uint_eq(reason_of(c), LowActivity);
    uint32_t events = c->event_count;
    // The host declines: the connection goes on, and is not asked for again.
    peer_send(c, 1000, TCP_SEND_PUSH);
    host_send(c, 1000, 1000);
    stage_until_data();
    stage_until(&c->sends_out, 0);
    stage_wait(10000000);
    ck_assert_uint_eq(c->event_count, events);
    end();
}

TEST(an_idle_connection_is_offered_back_once_and_goes_on_if_the_host_declines)
{
    run("ToeIdleTime", "3", idle_body);
}

static void
half_closed_body(void)
{
    struct host_connection *c = host_make(0, TCP_CLOSE_WAIT);
    host_offload(1);
    stage_wait(8000000);
    ck_assert_uint_eq(reason_of(c), 0);
    end();
}

TEST(a_half_closed_connection_is_never_offered_back)
{
    run("ToeIdleTime", "3", half_closed_body);
}

static void
small_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    for (unsigned i = 0; i < 64; i++)
        host_post(c, 10, false);
    peer_send(c, 640, TCP_SEND_PUSH);
    stage_until(&c->posts_out, 0);
    stage_wait(1000);
    ck_assert_uint_eq(reason_of(c), SmallIO);
    end();
}

static void
unposted_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.takes_bytes = 1;
    for (unsigned i = 0; i < 40; i++) {
        peer_send(c, 10, TCP_SEND_PUSH);
        stage_wait(2000);
        host_post(c, 0, true);
        stage_wait(2000);
    }
    ck_assert_uint_eq(reason_of(c), NoBufferPreposting);
    st.takes_bytes = 0;
    end();
}

static void
drops_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.lose_out_one_in = 3;
    for (unsigned i = 0; i < 60 && reason_of(c) != HighDropRate; i++) {
        host_send(c, 30000, 30000);
        stage_until(&c->sends_out, 0);
    }
    ck_assert_uint_eq(reason_of(c), HighDropRate);
    end();
}

static void
disorder_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    for (unsigned i = 0; i < 110; i++)
        peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 100 + 20 * i, .ack = STAGE_ISS + 1, .bytes = 10, .flags = 16,
                                           .window = 4000});
    stage_wait(20000);
    ck_assert_uint_eq(reason_of(c), HighOutOfOrderPackets);
    end();
}

static void
fragments_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    for (unsigned i = 0; i < 100; i++)
        peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 1, .ack = STAGE_ISS + 1, .bytes = 16, .flags = 16, .is_fragment = true});
    stage_wait(20000);
    ck_assert_uint_eq(reason_of(c), HighFragmentation);
    ck_assert_uint_eq(st.ordinary_frames, 100);
    end();
}

TEST_TIMEOUT(120, small_receives_missing_receives_drops_disorder_and_fragments_are_hints_with_their_own_reason)
{
    run("ToeHints", "1", small_body);
    run("ToeHints", "1", unposted_body);
    run("ToeHints", "1", drops_body);
    run("ToeHints", "1", disorder_body);
    run("ToeHints", "1", fragments_body);
}

// ---- what is not the target's business

static void
not_ours_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    struct peer_segment plain = {.seq = STAGE_IRS + 1, .ack = STAGE_ISS + 1, .bytes = 10, .flags = 16, .window = 4000};
    struct peer_segment odd = plain;
    odd.has_options = true;
    peer_raw(c, &odd);
    odd = plain;
    odd.is_fragment = true;
    peer_raw(c, &odd);
    c->port = 1234;                           // no connection's
    peer_raw(c, &plain);
    c->port = 50000;
    stage_wait(5000);
    ck_assert_uint_eq(st.ordinary_frames, 3);
    ck_assert_uint_eq(c->got_bytes, 0);
    odd = plain;
    odd.has_bad_sum = true;
    peer_raw(c, &odd);
    stage_wait(500000);
    ck_assert_uint_eq(c->got_bytes, 0);
    end();
}

TEST(IP_options_fragments_and_other_connections_go_up_the_ordinary_way)
{
    run(NULL, NULL, not_ours_body);
}

static void
vlan_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *root = host_tree(1);
    st.neighbor.neighbor.constant.VlanId = 9;
    c->block.tcp.cached.UserPriority = 5;
    host_submit(HOST_INITIATE, root);
    ck_assert_int_eq(root->Status, NDIS_STATUS_SUCCESS);
    struct peer_segment segment = {.seq = STAGE_IRS + 1, .ack = STAGE_ISS + 1, .bytes = 10, .flags = 24, .window = 4000};
    peer_raw(c, &segment);                    // untagged: dropped
    segment.vlan = 8;
    peer_raw(c, &segment);                    // another's: dropped
    stage_wait(5000);
    ck_assert_uint_eq(c->got_bytes | st.ordinary_frames, 0);
    segment.vlan = 9;
    peer_raw(c, &segment);
    stage_wait(100000);
    ck_assert_uint_eq(c->got_bytes, 10);
    ck_assert_uint_eq(st.last_vlan, 5 << 13 | 9);
    end();
}

TEST(a_neighbors_VLAN_and_a_connections_priority_stand_in_the_tag_and_other_VLANs_are_not_heard)
{
    run(NULL, NULL, vlan_body);
}

// ---- query, update, questions

static void
query_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    struct chim_tcp first = c->block.tcp;
    host_offload(1);
    peer_send(c, 3000, TCP_SEND_PUSH);
    stage_until_data();
    memset(&c->block.tcp, 0, sizeof c->block.tcp);
    st.neighbor.neighbor.cached.DlDestinationAddress[5] = 0;
    st.path.path.cached.PathMtu = 0;
    host_submit(HOST_QUERY, &st.neighbor.block);
    ck_assert_int_eq(st.neighbor.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(st.neighbor.neighbor.cached.DlDestinationAddress[5], 0x99);
    ck_assert_uint_eq(st.path.path.cached.PathMtu, 1500);
    ck_assert_uint_eq(c->block.tcp.constant.LocalPort, first.constant.LocalPort);
    ck_assert_uint_eq(c->block.tcp.cached.InitialRcvWnd, 65536);
    ck_assert_uint_eq(c->block.tcp.delegated.RcvNxt, STAGE_IRS + 1 + 3000);
    ck_assert_uint_ge(c->block.tcp.delegated.SendBacklogSize, 16384);
    ck_assert_uint_eq(c->block.tcp.delegated.ReceiveBacklogSize, 0);
    ck_assert_ptr_nonnull(host_event_of(c, TcpIndicateSendBacklogChange));
    end();
}

TEST(a_query_gives_what_the_target_has_and_its_backlogs)
{
    run(NULL, NULL, query_body);
}

static void
update_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    // The neighbor has another address, the path a smaller MTU, the connection another window and priority.
    memset(&st.neighbor.neighbor_cached, 0, sizeof st.neighbor.neighbor_cached);
    st.neighbor.block.Header.Type = NeighborOffloadCachedState;
    memcpy(st.neighbor.neighbor_cached.DlDestinationAddress, (uint8_t[]){2, 0, 0, 0, 0, 0x55}, 6);
    st.path.block.Header.Type = Ip4OffloadCachedState;
    st.path.path_cached.PathMtu = 700;
    TCP_OFFLOAD_STATE_CACHED cached = c->block.tcp.cached;
    c->block.block.Header.Type = TcpOffloadCachedState;
    cached.InitialRcvWnd = 200000;
    cached.Flags = TCP_FLAG_UPDATE_RCV_WND;
    cached.UserPriority = 3;
    c->block.tcp_cached = cached;
    host_submit(HOST_UPDATE, &st.neighbor.block);
    ck_assert_int_eq(st.neighbor.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(st.path.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
    stage_wait(5000);
    ck_assert_uint_eq(st.frames, 1);          // the new window is told
    ck_assert_uint_eq(st.last_mac[5], 0x55);
    ck_assert_uint_eq(st.last_vlan, 3 << 13);
    st.frames = 0;
    host_send(c, 5000, 5000);
    stage_until(&c->sends_out, 0);
    ck_assert_uint_ge(st.frames, 8);          // of 660 bytes
    // A window that the target cannot have is refused.
    c->block.tcp_cached.InitialRcvWnd = 0x7FFFFFFF;
    st.neighbor.block.Header.Type = NeighborOffloadState;   // only there for its link now
    st.path.block.Header.Type = Ip4OffloadState;
    host_submit(HOST_UPDATE, &st.neighbor.block);
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_FAILURE);
    ck_assert_int_eq(st.path.block.Status, NDIS_STATUS_SUCCESS);
    end();
}

TEST(an_update_changes_cached_members_of_all_three_layers)
{
    run(NULL, NULL, update_body);
}

static void
relink_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    // Another neighbor comes, and the path is put upon it.
    NDIS_OFFLOAD_HANDLE old = st.neighbor_handle;
    static struct host_block other;
    other = st.neighbor;
    other.block.DependentBlockList = NULL;
    other.block.OffloadHandle = &st.other_handle;
    other.neighbor.cached.DlDestinationAddress[5] = 0x44;
    host_submit(HOST_INITIATE, &other.block);
    ck_assert_int_eq(other.block.Status, NDIS_STATUS_SUCCESS);
    other.block.DependentBlockList = &st.path.block;
    st.path.block.DependentBlockList = NULL;
    host_submit(HOST_UPDATE, &other.block);
    ck_assert_int_eq(other.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(st.path.block.Status, NDIS_STATUS_SUCCESS);
    host_send(c, 100, 100);
    stage_until(&c->sends_out, 0);
    ck_assert_uint_eq(st.last_mac[5], 0x44);
    // The old neighbor goes alone, the rest with the new one.
    st.neighbor.block.DependentBlockList = NULL;
    st.neighbor.block.Header.Type = NeighborOffloadDelegatedState;
    host_submit(HOST_TERMINATE, &st.neighbor.block);
    ck_assert_int_eq(st.neighbor.block.Status, NDIS_STATUS_SUCCESS);
    (void)old;
    other.block.Header.Type = NeighborOffloadDelegatedState;
    st.path.block.Header.Type = Ip4OffloadDelegatedState;
    st.path.block.DependentBlockList = &c->block.block;
    c->block.block.Header.Type = TcpOffloadDelegatedState;
    host_submit(HOST_TERMINATE, &other.block);
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
    host_release(1);
}

TEST(an_update_links_a_path_to_another_neighbor)
{
    run(NULL, NULL, relink_body);
}

static void
question_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.peer_silent = true;
    stage_wait(31000000);                     // NceStaleTicks
    ck_assert_uint_eq(st.questions, 0);       // nothing was to be sent
    host_send(c, 10, 10);
    stage_wait(2000);
    ck_assert_uint_eq(st.questions, 1);
    stage_wait(2000000);                      // it was answered: not again at once
    ck_assert_uint_eq(st.questions, 1);
    end();
}

TEST(a_neighbor_that_nobody_heard_of_for_long_is_asked_about_before_something_is_sent_to_it)
{
    for (stage_storeys = 0; stage_storeys < 3; stage_storeys++)
        run(NULL, NULL, question_body);
}
