// SPDX-License-Identifier: MIT
// Trees at the target: who comes in, with which status, and what is asked, changed and taken back [network/traversing-a-state-tree,
// network/returning-completion-status-of-an-initiate-offload-operation and kin].
#include <string.h>

#include "stage.h"

static const struct kit_setting *
setting(const char *name, const char *text)
{
    static struct kit_setting one[2];
    one[0] = (struct kit_setting){name, text};
    return one;
}

// Initiate with `count` connections, the last of which gets this status; it is undone.
static unsigned tried_count;
static NDIS_STATUS tried_status;
static void (*tried_change)(void);

static void
tried_body(void)
{
    for (unsigned i = 0; i < tried_count; i++)
        host_make(i, TCP_ESTABLISHED);
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *root = host_tree(tried_count);
    if (tried_change)
        tried_change();
    host_submit(HOST_INITIATE, root);
    struct host_connection *last = &st.connection[tried_count - 1];
    ck_assert_msg(last->block.block.Status == tried_status, "status %x instead of %x", last->block.block.Status, tried_status);
    ck_assert_ptr_null(last->handle.MiniportOffloadContext);
    ck_assert_int_eq(st.neighbor.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(st.path.block.Status, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS);
    // The siblings came in and live.
    for (unsigned i = 0; i + 1 < tried_count; i++) {
        ck_assert_int_eq(st.connection[i].block.block.Status, NDIS_STATUS_SUCCESS);
        peer_send(&st.connection[i], 100, TCP_SEND_PUSH);
        stage_until_data();
    }
    host_terminate(tried_count - 1);
    host_release(tried_count - 1);
}

static void
try_one(const char *name, const char *text, unsigned count, NDIS_STATUS status, void (*change)(void))
{
    stage_settings = name ? setting(name, text) : NULL;
    tried_count = count;
    tried_status = status;
    tried_change = change;
    stage_run(7, tried_body);
}

TEST(a_connection_too_many_is_OFFLOAD_TCP_ENTRIES_and_its_siblings_come_in)
{
    try_one("ToeConnections", "2", 3, NDIS_STATUS_OFFLOAD_TCP_ENTRIES, NULL);
}

TEST(a_receive_buffer_too_large_for_one_is_OFFLOAD_TCP_RCV_WINDOW)
{
    try_one("ToeReceiveWindow", "65535", 1, NDIS_STATUS_OFFLOAD_TCP_RCV_WINDOW, NULL);
}

TEST(receive_buffers_too_large_for_all_are_OFFLOAD_TCP_RCV_BUFFER)
{
    try_one("ToeReceiveMemory", "191", 3, NDIS_STATUS_OFFLOAD_TCP_RCV_BUFFER, NULL);
}

static NET_BUFFER_LIST *chain;

static void
with_three_sends(void)
{
    struct host_connection *c = &st.connection[1];
    chain = host_nbl(10, 0);
    NET_BUFFER_LIST_NEXT_NBL(chain) = host_nbl(10, 10);
    NET_BUFFER_LIST_NEXT_NBL(NET_BUFFER_LIST_NEXT_NBL(chain)) = host_nbl(10, 20);
    c->block.block.NetBufferListChain = c->block.tcp.delegated.SendDataHead = chain;
    for (NET_BUFFER_LIST *nbl = chain; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        NET_BUFFER_LIST_STATUS(nbl) = 0x1234;
        c->block.tcp.delegated.SendDataTail = nbl;
    }
}

static void
sends_body(void)
{
    tried_body();
    // A failed connection's chain is as it was: linked, and no status touched.
    unsigned count = 0;
    for (NET_BUFFER_LIST *nbl = chain, *next; nbl; nbl = next, count++) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        ck_assert_int_eq(NET_BUFFER_LIST_STATUS(nbl), 0x1234);
        ck_assert_uint_eq(chim_nbl_bytes(nbl), 10);
        host_free(nbl);
    }
    ck_assert_uint_eq(count, 3);
}

TEST(sends_for_which_there_is_no_room_are_OFFLOAD_TCP_XMIT_BUFFER_and_stay_the_hosts)
{
    stage_settings = setting("ToeSendBuffers", "2");
    tried_count = 2;
    tried_status = NDIS_STATUS_OFFLOAD_TCP_XMIT_BUFFER;
    tried_change = with_three_sends;
    stage_run(7, sends_body);
}

static void
with_small_mss(void)
{
    st.connection[0].block.tcp.constant.RemoteMss = 40;
}

TEST(a_peer_that_takes_crumbs_is_OFFLOAD_CONNECTION_REJECTED)
{
    try_one(NULL, NULL, 1, NDIS_STATUS_OFFLOAD_CONNECTION_REJECTED, with_small_mss);
}

static TCP_OFFLOAD_CONNECTION_STATE bad_state;

static void
with_bad_state(void)
{
    st.connection[0].block.tcp.delegated.State = bad_state;
}

TEST(a_state_that_does_not_travel_is_FAILURE)
{
    static const TCP_OFFLOAD_CONNECTION_STATE states[] = {TcpConnectionClosed, TcpConnectionListen, TcpConnectionSynSent,
                                                          TcpConnectionSynRcvd, TcpConnectionTimeWait};
    for (unsigned i = 0; i < 5; i++) {
        bad_state = states[i];
        try_one(NULL, NULL, 1, NDIS_STATUS_FAILURE, with_bad_state);
    }
}

static void
with_contradiction(void)
{
    st.connection[0].block.tcp.delegated.SndMax += 100;    // bytes that no chain has
}

TEST(a_record_that_contradicts_itself_is_FAILURE)
{
    try_one(NULL, NULL, 1, NDIS_STATUS_FAILURE, with_contradiction);
}

// ---- neighbors and paths

static NDIS_STATUS layer_neighbor, layer_path, layer_tcp;
static void (*layer_change)(void);

static void
layer_body(void)
{
    host_make(0, TCP_ESTABLISHED);
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *root = host_tree(1);
    if (layer_change)
        layer_change();
    host_submit(HOST_INITIATE, root);
    ck_assert_msg(st.neighbor.block.Status == layer_neighbor, "neighbor %x", st.neighbor.block.Status);
    ck_assert_msg(st.path.block.Status == layer_path, "path %x", st.path.block.Status);
    ck_assert_msg(st.connection[0].block.block.Status == layer_tcp, "tcp %x", st.connection[0].block.block.Status);
    ck_assert_ptr_null(st.connection[0].handle.MiniportOffloadContext);
    if (layer_neighbor != NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS)
        return;
    st.neighbor.block.DependentBlockList = NULL;
    st.neighbor.block.Header.Type = NeighborOffloadDelegatedState;
    host_submit(HOST_TERMINATE, root);
}

static void
try_layers(const char *name, const char *text, void (*change)(void), NDIS_STATUS neighbor, NDIS_STATUS path)
{
    stage_settings = name ? setting(name, text) : NULL;
    layer_change = change;
    layer_neighbor = neighbor;
    layer_path = path;
    layer_tcp = NDIS_STATUS_FAILURE;
    stage_run(3, layer_body);
}

TEST(a_neighbor_too_many_is_OFFLOAD_NEIGHBOR_ENTRIES_and_nothing_below_the_root_is_looked_at)
{
    try_layers("ToeNeighbors", "0", NULL, NDIS_STATUS_OFFLOAD_NEIGHBOR_ENTRIES, NDIS_STATUS_FAILURE);
}

TEST(a_path_too_many_is_OFFLOAD_PATH_ENTRIES_and_its_neighbor_PARTIAL_SUCCESS)
{
    try_layers("ToePaths", "0", NULL, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_OFFLOAD_PATH_ENTRIES);
}

TEST(a_source_address_too_many_is_OFFLOAD_IP_ADDRESS_ENTRIES)
{
    try_layers("ToeSourceAddresses", "0", NULL, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_OFFLOAD_IP_ADDRESS_ENTRIES);
}

static void
with_vlan(void)
{
    st.neighbor.neighbor.constant.VlanId = 7;
}

TEST(a_VLAN_too_many_is_OFFLOAD_VLAN_ENTRIES_and_one_that_is_not_the_interfaces_OFFLOAD_VLAN_MISMATCH)
{
    try_layers("ToeVlans", "0", with_vlan, NDIS_STATUS_OFFLOAD_VLAN_ENTRIES, NDIS_STATUS_FAILURE);
    try_layers("ToeVlanID", "8", with_vlan, NDIS_STATUS_OFFLOAD_VLAN_MISMATCH, NDIS_STATUS_FAILURE);
}

static void
with_other_mac(void)
{
    st.neighbor.neighbor.constant.DlSourceAddress[0] = 2;
    st.neighbor.neighbor.constant.DlSourceAddress[5] = 77;
}

TEST(a_source_address_that_is_not_the_adapters_is_OFFLOAD_HW_ADDRESS_ENTRIES)
{
    try_layers(NULL, NULL, with_other_mac, NDIS_STATUS_OFFLOAD_HW_ADDRESS_ENTRIES, NDIS_STATUS_FAILURE);
}

static void
with_large_mtu(void)
{
    st.path.path.cached.PathMtu = 1501;
}

TEST(a_path_larger_than_the_adapters_frames_is_OFFLOAD_PATH_MTU)
{
    try_layers(NULL, NULL, with_large_mtu, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_OFFLOAD_PATH_MTU);
}

TEST(a_path_of_a_family_that_is_switched_off_is_FAILURE)
{
    try_layers("*TCPConnectionOffloadIPv4", "0", NULL, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_FAILURE);
}

// ---- placeholders and linkers

static void
linker_body(void)
{
    for (unsigned i = 0; i < 2; i++)
        host_make(i, TCP_ESTABLISHED);
    host_offload(1);
    // A placeholder for the neighbor, the path as a linker, the second connection as new.
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *second = &st.connection[1].block.block;
    st.neighbor.block.OffloadHandle = NULL;
    st.path.block.DependentBlockList = second;
    host_submit(HOST_INITIATE, &st.neighbor.block);
    ck_assert_int_eq(st.neighbor.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(st.path.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(second->Status, NDIS_STATUS_SUCCESS);
    peer_send(&st.connection[1], 500, TCP_SEND_PUSH);
    host_send(&st.connection[1], 500, 500);
    stage_until_data();
    // A linker all of whose dependents fail has failed.
    host_make(2, TCP_ESTABLISHED);
    st.connection[2].block.tcp.delegated.State = TcpConnectionListen;
    st.path.block.DependentBlockList = &st.connection[2].block.block;
    host_submit(HOST_INITIATE, &st.neighbor.block);
    ck_assert_int_eq(st.neighbor.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(st.path.block.Status, NDIS_STATUS_FAILURE);
    stage_until(&st.connection[1].sends_out, 0);
    host_terminate(2);
    host_release(2);
}

TEST(a_placeholder_is_SUCCESS_and_a_linker_is_what_its_dependents_are)
{
    stage_settings = NULL;
    stage_run(11, linker_body);
}

// ---- every state, and what travels with it

static enum tcp_state travel_state;

static void
travel_body(void)
{
    struct host_connection *c = host_make(0, travel_state);
    host_offload(1);
    bool sends = travel_state == TCP_ESTABLISHED || travel_state == TCP_CLOSE_WAIT;
    bool receives = travel_state == TCP_ESTABLISHED || travel_state == TCP_FIN_WAIT_1 || travel_state == TCP_FIN_WAIT_2;
    if (sends)
        host_send(c, 20000, 3000);
    if (receives)
        peer_send(c, 20000, TCP_SEND_PUSH);
    stage_until_data();
    stage_until(&c->sends_out, 0);
    stage_wait(500000);
    host_terminate(1);
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(st.resets, 0);
    host_release(1);
}

TEST(a_connection_travels_in_each_state_that_may)
{
    stage_settings = NULL;
    for (travel_state = TCP_ESTABLISHED; travel_state < TCP_TIME_WAIT; travel_state++)
        stage_run(5, travel_body);
}

static void
outstanding_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    TCP_OFFLOAD_STATE_DELEGATED *d = &c->block.tcp.delegated;
    NET_BUFFER_LIST **end = &c->block.block.NetBufferListChain;
    struct host_buffer_head {
        struct host_connection *connection;
    };
    // 6,000 bytes of the host's: 2,920 sent, of which the first segment never arrived; and 800 received bytes that nobody had.
    for (unsigned i = 0; i < 6; i++) {
        NET_BUFFER_LIST *nbl = host_nbl(1000, i * 1000);
        ((struct host_buffer_head *)NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0])->connection = c;
        *end = nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
        d->SendDataTail = nbl;
        c->sends_out++;
    }
    d->SendDataHead = c->block.block.NetBufferListChain;
    c->sent_bytes = 6000;
    d->SndNxt = d->SndMax = d->SndUna + 2920;
    d->Retransmit.TimeoutDelta = 50;
    NET_BUFFER_LIST *buffered = host_nbl(800, 0);
    struct eng_span span[2];
    ck_assert_uint_eq(chim_nbl_spans(buffered, span, 2, NULL), 2);
    for (unsigned i = 0; i < 800; i++)
        ((uint8_t *)(i < span[0].count ? span[0].bytes + i : span[1].bytes + i - span[0].count))[0] = stage_byte(false, i);
    d->BufferedData = buffered;
    d->RcvNxt += 800;
    st.drops_in = true;                       // the peer did send them
    peer_send(c, 800, TCP_SEND_PUSH);
    st.drops_in = false;
    host_offload(1);
    host_free(buffered);                      // the target has its own copy
    stage_wait(20000);
    // Buffered bytes have nobody waiting, so they are indicated; then what comes.
    ck_assert_uint_eq(c->got_bytes, 800);
    stage_until(&c->sends_out, 0);
    ck_assert_uint_eq(c->peer_got, 6000);
    ck_assert_uint_eq(c->acked_bytes, 6000);
    host_terminate(1);
    host_release(1);
}

TEST(outstanding_sends_are_resent_from_the_hosts_buffers_and_buffered_data_is_copied_and_delivered_first)
{
    stage_settings = NULL;
    stage_run(5, outstanding_body);
}

// More than an MDL of the target's has room for lies in one piece: it is delivered, or comes back, in several.
static void
large(bool refuses)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    TCP_OFFLOAD_STATE_DELEGATED *d = &c->block.tcp.delegated;
    NET_BUFFER_LIST *buffered = host_nbl(250000, 0);
    struct eng_span span[2];
    ck_assert_uint_eq(chim_nbl_spans(buffered, span, 2, NULL), 2);
    for (unsigned i = 0; i < 250000; i++)
        ((uint8_t *)(i < span[0].count ? span[0].bytes + i : span[1].bytes + i - span[0].count))[0] = stage_byte(false, i);
    d->BufferedData = buffered;
    d->RcvNxt += 250000;
    st.peer_silent = true;
    st.refuses = refuses;
    host_offload(1);
    host_free(buffered);
    stage_wait(20000);
    ck_assert_uint_eq(c->got_bytes, refuses ? 0 : 250000);
    ck_assert_ptr_null(host_event_of(c, TcpIndicateRetrieve));
    host_terminate(1);
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
    host_release(1);
    ck_assert_uint_eq(c->got_bytes, 250000);
}

static void
large_taken_body(void)
{
    large(false);
}

static void
large_refused_body(void)
{
    large(true);
}

TEST(buffered_data_in_one_long_piece_is_delivered_and_given_back_in_several)
{
    stage_settings = NULL;
    stage_run(6, large_taken_body);
    stage_run(6, large_refused_body);
}

static void
upload_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.refuses = true;
    peer_send(c, 5000, TCP_SEND_PUSH);
    stage_wait(50000);
    st.peer_silent = true;
    host_send(c, 9000, 2000);
    stage_wait(50000);
    host_terminate(1);
    const TCP_OFFLOAD_STATE_DELEGATED *d = &c->block.tcp_delegated;
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(c->sends_out, 5);       // none was completed: all are in the chain, in order
    unsigned count = 0;
    uint64_t bytes = 0;
    for (NET_BUFFER_LIST *nbl = c->block.block.NetBufferListChain; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl), count++)
        bytes += chim_nbl_bytes(nbl);
    ck_assert_uint_eq(count, 5);
    ck_assert_uint_eq(bytes, 9000);
    ck_assert_ptr_eq(d->SendDataHead, c->block.block.NetBufferListChain);
    ck_assert_uint_eq(d->SndUna, STAGE_ISS + 1);
    ck_assert_uint_eq(d->SndMax, STAGE_ISS + 1 + 9000);
    ck_assert_uint_ne(d->Retransmit.TimeoutDelta, 0xFFFFFFFF);
    ck_assert_uint_eq(d->RcvNxt, STAGE_IRS + 1 + 5000);
    ck_assert_ptr_nonnull(d->BufferedData);
    host_release(1);
    ck_assert_uint_eq(c->got_bytes, 5000);    // from the buffered data
    // What comes for it now goes up as any frame.
    uint32_t before = st.ordinary_frames;
    peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 1 + 5000, .ack = STAGE_ISS + 1, .bytes = 5, .flags = 16, .window = 4000});
    stage_wait(2000);
    ck_assert_uint_eq(st.ordinary_frames, before + 1);
}

TEST(a_terminate_gives_back_the_record_the_outstanding_sends_and_the_buffered_data)
{
    stage_settings = NULL;
    for (uint64_t seed = 1; seed <= 4; seed++)
        stage_run(seed, upload_body);
}

static void
disconnect_back_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.peer_silent = true;
    host_send(c, 1000, 1000);
    host_disconnect(c, 300, TCP_DISCONNECT_GRACEFUL_CLOSE);
    stage_wait(50000);
    host_terminate(1);
    ck_assert_uint_eq(c->disconnects_out, 0);
    ck_assert_int_eq(c->disconnect_status, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    ck_assert_uint_eq(c->transferred, 0);
    ck_assert_int_eq(c->block.tcp_delegated.State, TcpConnectionFinWait1);
    ck_assert_uint_eq(c->block.tcp_delegated.SndMax, STAGE_ISS + 1 + 1301);
    ck_assert_uint_eq(chim_nbl_bytes(c->block.block.NetBufferListChain), 1000);
    ck_assert_ptr_null(NET_BUFFER_LIST_NEXT_NBL(c->block.block.NetBufferListChain));
    host_release(1);
}

TEST(a_disconnect_that_is_under_way_comes_back_with_UPLOAD_IN_PROGRESS)
{
    stage_settings = NULL;
    for (uint64_t seed = 1; seed <= 4; seed++)
        stage_run(seed, disconnect_back_body);
}

// Up and down in the middle of a transfer, under loss, with what the terminate gave as the next initiate's state.
static void
again_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    struct chim_tcp first = c->block.tcp;
    host_offload(1);
    st.lose_out_one_in = st.lose_in_one_in = 25;
    unsigned rounds = 0;
    for (; rounds < 50; rounds++) {
        host_send(c, 8000, 1 + (ULONG)prng_below(&kit.prng, 3000));
        peer_send(c, 5000, TCP_SEND_PUSH);
        st.refuses = prng_below(&kit.prng, 3) == 0;
        stage_wait(prng_below(&kit.prng, 20000));
        host_terminate(1);
        ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
        host_offload_again(c, &first);
    }
    st.refuses = false;
    host_post(c, 0, true);
    stage_until_data();
    stage_until(&c->sends_out, 0);
    ck_assert_uint_eq(st.resets, 0);
    ck_assert_uint_eq(c->peer_got, 8000u * rounds);
    host_terminate(1);
    host_release(1);
}

TEST_TIMEOUT(300, fifty_terminates_and_initiates_in_the_middle_of_a_transfer_under_loss_lose_nothing)
{
    stage_settings = NULL;
    for (uint64_t seed = 1; seed <= 6; seed++)
        stage_run(seed, again_body);
}
