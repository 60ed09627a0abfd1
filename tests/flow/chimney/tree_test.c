// SPDX-License-Identifier: MIT
// State trees: initiate, terminate, update, invalidate, query, and their completions, over no, one and two intermediate drivers.
#include "stand.h"

#include <string.h>

// Where the blocks of s_tree(2) come in a walk.
enum { AT_NEIGHBOR, AT_PATH, AT_TCP0, AT_TCP1 };

static NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *
lower(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *block)
{
    return (void *)block;
}

// ---- initiate -------------------------------------------------------------------------------------------------------------------

static void
initiate_goes_down(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = s_tree(2);
    s.tcp[0].block.PortNumber = 7;
    s.tcp[0].block.ProtocolReserved[0] = &s;
    s.tcp[0].delegated.SndUna = s.tcp[0].delegated.SndNxt = s.tcp[0].delegated.SndMax = 0x12345678;
    s_submit(S_INITIATE, tree);
    // The very tree, linked as it was, with the state that lies behind each block.
    ck_assert_ptr_eq(s.tree[S_INITIATE], tree);
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *neighbor = s.tree[S_INITIATE], *path = neighbor->DependentBlockList,
                                     *tcp = path->DependentBlockList;
    ck_assert_ptr_eq(path, &s.path.block);
    ck_assert_ptr_eq(tcp, &s.tcp[0].block);
    ck_assert_ptr_eq(tcp->NextBlock, &s.tcp[1].block);
    ck_assert_uint_eq(tcp->Header.Type, TcpOffloadState);
    ck_assert_uint_eq(tcp->PortNumber, 7);
    ck_assert_ptr_eq(tcp->ProtocolReserved[0], &s);
    ck_assert_uint_eq(s.tcp[0].delegated.SndUna, 0x12345678);
    ck_assert_uint_eq(w_count("MiniportInitiateOffload"), 1);
    ck_assert_ptr_eq(w_call("MiniportInitiateOffload")->context, &w.mp_context);
    // Each object is new to the target: it gets a place for its context, which is empty.
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *all[] = {neighbor, path, tcp, tcp->NextBlock};
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_nonnull(all[i]->MiniportOffloadContext);
        ck_assert_ptr_null(*all[i]->MiniportOffloadContext);
        ck_assert_ptr_nonnull(all[i]->NdisOffloadHandle);
    }
    ck_assert_ptr_null(s.done[S_INITIATE]);   // completed later, always
    s_complete(S_INITIATE);
    s_upload(2);
}

TEST(NdisInitiateOffload_gives_the_very_tree_to_the_target_in_its_form)
{
    s_run(initiate_goes_down);
}

static void
lengths_are_set(void)
{
    s_submit(S_INITIATE, s_tree(1));
    ck_assert_uint_eq(s.neighbor.constant.Header.Length, sizeof s.neighbor.constant);
    ck_assert_uint_eq(s.neighbor.cached.Header.Length, sizeof s.neighbor.cached);
    ck_assert_uint_eq(s.neighbor.delegated.Header.Length, sizeof s.neighbor.delegated);
    ck_assert_uint_eq(s.path.constant.Header.Length, sizeof s.path.constant);
    ck_assert_uint_eq(s.path.cached.Header.Length, sizeof s.path.cached);
    ck_assert_uint_eq(s.path.delegated.Header.Length, sizeof s.path.delegated);
    ck_assert_uint_eq(s.tcp[0].constant.Header.Length, sizeof s.tcp[0].constant);
    ck_assert_uint_eq(s.tcp[0].cached.Header.Length, sizeof s.tcp[0].cached);
    ck_assert_uint_eq(s.tcp[0].delegated.Header.Length, sizeof s.tcp[0].delegated);
    s_complete(S_INITIATE);
    // A part alone; and what follows no state keeps what lies behind it.
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST bare[2];
    memset(bare, 0xaa, sizeof bare);
    s_block(&bare[0], TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_UPDATE, &bare[0]);
    s_complete(S_UPDATE);
    for (size_t i = 0; i < sizeof bare[1]; i++)
        ck_assert_uint_eq(((uint8_t *)&bare[1])[i], 0xaa);
    s.tcp[0].cached.Header.Length = 0;
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        TCP_OFFLOAD_STATE_CACHED cached;
    } update = {.cached.TtlOrHopLimit = 3};
    s_block(&update.block, TcpOffloadCachedState, &s.tcp_object[0]);
    s_submit(S_UPDATE, &update.block);
    ck_assert_uint_eq(update.cached.Header.Length, sizeof update.cached);
    s_complete(S_UPDATE);
    memset(bare, 0xaa, sizeof bare);
    s_block(&bare[0], TcpOffloadDelegatedState, &s.tcp_object[0]);
    s_submit(S_INVALIDATE, &bare[0]);
    s_complete(S_INVALIDATE);
    for (size_t i = 0; i < sizeof bare[1]; i++)
        ck_assert_uint_eq(((uint8_t *)&bare[1])[i], 0xaa);
    s_upload(1);
}

TEST(NdisInitiateOffload_and_its_kin_set_the_Length_of_each_state_structure_that_follows_a_block)
{
    s_run(lengths_are_set);
}

static void
each_layer_has_its_own_name(void)
{
    s_offload(2);
    struct s_object *objects[] = {&s.neighbor_object, &s.path_object, &s.tcp_object[0], &s.tcp_object[1]};
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_ptr_eq(s.given[s.storeys][i], &objects[i]->handle);   // the layer below the host
        for (uint32_t hop = 0; hop < s.storeys; hop++)
            for (uint32_t above = hop + 1; above <= s.storeys; above++)
                ck_assert_ptr_ne(s.given[hop][i], s.given[above][i]);
        // What the target wrote is what the layer above it finds in its NDIS_OFFLOAD_HANDLE.
        ck_assert_ptr_eq(((NDIS_OFFLOAD_HANDLE *)s.given[0][i])->MiniportOffloadContext, &s.context[i]);
        ck_assert_ptr_eq(s.context[i].handle, s.given[0][i]);
    }
    s_upload(2);
}

TEST(MiniportInitiateOffload_gets_the_NDIS_OFFLOAD_HANDLE_of_the_layer_above_as_NdisOffloadHandle)
{
    s_run(each_layer_has_its_own_name);
}

static void
linkers_and_placeholders(void)
{
    s_offload(1);
    // The neighbour and the path are there: they link a new connection. Before them stands a placeholder.
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST placeholder;
    s_tree(2);
    s.path.block.DependentBlockList = &s.tcp[1].block;
    s_block(&placeholder, 0, NULL);
    placeholder.NextBlock = &s.neighbor.block;
    PVOID neighbor_context = s.neighbor_object.handle.MiniportOffloadContext;
    s_submit(S_INITIATE, &placeholder);
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree = s.tree[S_INITIATE];
    ck_assert_ptr_null(tree->MiniportOffloadContext);
    ck_assert_ptr_null(tree->NdisOffloadHandle);
    ck_assert_ptr_eq(*tree->NextBlock->MiniportOffloadContext, &s.context[AT_NEIGHBOR]);
    ck_assert_ptr_eq(*tree->NextBlock->DependentBlockList->MiniportOffloadContext, &s.context[AT_PATH]);
    ck_assert_ptr_null(*lower(&s.tcp[1].block)->MiniportOffloadContext);
    s_complete(S_INITIATE);
    ck_assert_ptr_eq(s.done[S_INITIATE], &placeholder);
    ck_assert_ptr_null(s.done[S_INITIATE]->OffloadHandle);
    ck_assert_ptr_eq(s.neighbor_object.handle.MiniportOffloadContext, neighbor_context);
    ck_assert_ptr_nonnull(s.tcp_object[1].handle.MiniportOffloadContext);
    s_upload(2);
}

TEST(MiniportInitiateOffload_tells_placeholders_linkers_and_new_state_by_MiniportOffloadContext)
{
    s_run(linkers_and_placeholders);
}

static const NDIS_STATUS failures[] = {
    NDIS_STATUS_FAILURE, NDIS_STATUS_RESOURCES, NDIS_STATUS_OFFLOAD_TCP_ENTRIES, NDIS_STATUS_OFFLOAD_TCP_XMIT_BUFFER,
    NDIS_STATUS_OFFLOAD_TCP_RCV_BUFFER, NDIS_STATUS_OFFLOAD_TCP_RCV_WINDOW, NDIS_STATUS_OFFLOAD_CONNECTION_REJECTED,
    NDIS_STATUS_OFFLOAD_PATH_MTU, NDIS_STATUS_OFFLOAD_VLAN_MISMATCH, NDIS_STATUS_OFFLOAD_VLAN_ENTRIES,
    NDIS_STATUS_OFFLOAD_IP_ADDRESS_ENTRIES, NDIS_STATUS_OFFLOAD_HW_ADDRESS_ENTRIES, NDIS_STATUS_OFFLOAD_NEIGHBOR_ENTRIES,
    NDIS_STATUS_OFFLOAD_PATH_ENTRIES};

static void
partial_success(void)
{
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        const NDIS_STATUS status[] = {NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_SUCCESS,
                                      failures[i]};
        s_submit(S_INITIATE, s_tree(2));
        s_complete_with(S_INITIATE, status);
        ck_assert_ptr_eq(s.done[S_INITIATE], &s.neighbor.block);
        ck_assert_int_eq(s.neighbor.block.Status, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS);
        ck_assert_int_eq(s.path.block.Status, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS);
        ck_assert_int_eq(s.tcp[0].block.Status, NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(s.tcp[1].block.Status, failures[i]);
        ck_assert_ptr_nonnull(s.tcp_object[0].handle.MiniportOffloadContext);
        ck_assert_ptr_null(s.tcp_object[1].handle.MiniportOffloadContext);
        s_upload(1);
    }
    // All of it fails, and can be tried again.
    const NDIS_STATUS none[] = {NDIS_STATUS_FAILURE, NDIS_STATUS_FAILURE, NDIS_STATUS_FAILURE, NDIS_STATUS_FAILURE};
    s_submit(S_INITIATE, s_tree(2));
    s_complete_with(S_INITIATE, none);
    ck_assert_ptr_null(s.neighbor_object.handle.MiniportOffloadContext);
    ck_assert_int_eq(s.tcp[1].block.Status, NDIS_STATUS_FAILURE);
    s_offload(2);
    s_upload(2);
}

TEST(NdisMInitiateOffloadComplete_brings_each_blocks_status_and_only_what_succeeded_is_offloaded)
{
    s_run(partial_success);
}

static void
initiate_comes_back(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = s_tree(1);
    tree->ImReserved[0] = tree->ImReserved[1] = &s.path;   // somebody else's, above
    tree->Scratch[0] = NULL;
    s_submit(S_INITIATE, tree);
    s_complete(S_INITIATE);
    ck_assert_ptr_eq(s.done[S_INITIATE], tree);
    ck_assert_uint_eq(w_count("ProtocolInitiateOffloadComplete"), 1);
    ck_assert_ptr_eq(w_call("ProtocolInitiateOffloadComplete")->context, &w.protocol[0].binding_context);
    ck_assert_ptr_eq(tree->OffloadHandle, &s.neighbor_object.handle);
    ck_assert_ptr_eq(s.path.block.OffloadHandle, &s.path_object.handle);
    ck_assert_ptr_eq(s.tcp[0].block.OffloadHandle, &s.tcp_object[0].handle);
    ck_assert_ptr_eq(tree->DependentBlockList, &s.path.block);
    ck_assert_ptr_eq(tree->ImReserved[0], &s.path);   // each intermediate driver has put back what it found
    ck_assert_ptr_eq(tree->ImReserved[1], &s.path);
    s_upload(1);
}

TEST(ProtocolInitiateOffloadComplete_gets_the_tree_back_in_its_own_form)
{
    s_run(initiate_comes_back);
}

// Outstanding send data goes with the connection: the target completes it as any other send.
static void
send_data_goes_along(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = s_tree(1);
    NET_BUFFER_LIST *data = s_nbls(3, 40);
    s_chain(0, data);
    s_submit(S_INITIATE, tree);
    ck_assert_ptr_eq(lower(&s.tcp[0].block)->NetBufferListChain, data);
    s_complete(S_INITIATE);
    s.lists[S_SEND] = data;
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(s.completed[S_SEND], data);
    ck_assert_uint_eq(w_length(s.completed[S_SEND]), 3);
    s_free(data);
    s.completed[S_SEND] = NULL;
    s_upload(1);
    // A connection that fails keeps its data: no list is completed, and none was touched.
    const NDIS_STATUS status[] = {NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_FAILURE, NDIS_STATUS_OFFLOAD_TCP_ENTRIES};
    data = s_nbls(2, 40);
    s_tree(1)->Status = 0;
    s_chain(0, data);
    s_submit(S_INITIATE, tree);
    s_complete_with(S_INITIATE, status);
    ck_assert_uint_eq(s.completions[S_SEND], 1);
    ck_assert_ptr_eq(s.tcp[0].block.NetBufferListChain, data);
    ck_assert_int_eq(data->Status, NDIS_STATUS_PENDING);
    s_free(data);                             // fails the test if an intermediate driver's context were still on it
    s.tcp[0].block.NetBufferListChain = NULL;
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST alone;
    s_block(&alone, NeighborOffloadDelegatedState, &s.neighbor_object);
    alone.Header.Type = NeighborOffloadConstState;
    s_submit(S_TERMINATE, &alone);
    s_complete(S_TERMINATE);
}

TEST(NdisMInitiateOffloadComplete_lets_outstanding_send_data_go_with_the_connection_or_stay_with_the_host)
{
    s_run(send_data_goes_along);
}

// ---- terminate --------------------------------------------------------------------------------------------------------------------

static void
terminate_brings_state(void)
{
    s_offload(1);
    s_tree(1);
    s.tcp[0].block.Header.Type = TcpOffloadDelegatedState;
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        TCP_OFFLOAD_STATE_DELEGATED delegated;
    } tcp = {.delegated.State = 0};
    s_block(&tcp.block, TcpOffloadDelegatedState, &s.tcp_object[0]);
    NET_BUFFER_LIST *unsent = s_nbls(2, 30);
    ck_assert_int_eq(s_request(S_SEND, &s.tcp_object[0], unsent, 0), NDIS_STATUS_PENDING);
    s_submit(S_TERMINATE, &tcp.block);
    ck_assert_ptr_eq(s.tree[S_TERMINATE], &tcp.block);
    ck_assert_ptr_eq(*s.tree[S_TERMINATE]->MiniportOffloadContext, &s.context[AT_TCP0]);
    ck_assert_uint_eq(tcp.delegated.Header.Length, sizeof tcp.delegated);
    // The target gives back what it knows, and what it did not send.
    tcp.delegated.State = TcpConnectionCloseWait;
    tcp.delegated.SndNxt = 4711;
    s.tree[S_TERMINATE]->NetBufferListChain = s.lists[S_SEND];
    s.lists[S_SEND] = NULL;
    s_complete(S_TERMINATE);
    ck_assert_ptr_eq(s.done[S_TERMINATE], &tcp.block);
    ck_assert_int_eq(tcp.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(tcp.delegated.SndNxt, 4711);
    ck_assert_ptr_eq(tcp.block.NetBufferListChain, unsent);
    ck_assert_ptr_eq(tcp.block.OffloadHandle, &s.tcp_object[0].handle);
    ck_assert_ptr_null(s.tcp_object[0].handle.MiniportOffloadContext);
    s_free(unsent);
    // The path and the neighbour, one failing: they are gone all the same.
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST neighbor, path;
    const NDIS_STATUS status[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_FAILURE};
    s_block(&neighbor, NeighborOffloadConstState, &s.neighbor_object);
    s_block(&path, Ip4OffloadConstState, &s.path_object);
    neighbor.DependentBlockList = &path;
    s_submit(S_TERMINATE, &neighbor);
    s_complete_with(S_TERMINATE, status);
    ck_assert_int_eq(path.Status, NDIS_STATUS_FAILURE);
    ck_assert_ptr_null(s.path_object.handle.MiniportOffloadContext);
    ck_assert_ptr_null(s.neighbor_object.handle.MiniportOffloadContext);
}

TEST(NdisTerminateOffload_takes_objects_back_with_their_delegated_state_and_unsent_data)
{
    s_run(terminate_brings_state);
}

TEST(MiniportTerminateOffload_gets_the_context_that_the_target_wrote)
{
    s_run(terminate_brings_state);
    ck_assert_uint_eq(w_count("MiniportTerminateOffload"), 2);
    ck_assert_ptr_eq(w_call("MiniportTerminateOffload")->context, &w.mp_context);
}

TEST(NdisMTerminateOffloadComplete_may_say_that_an_object_is_lost)
{
    s_run(terminate_brings_state);
}

TEST(ProtocolTerminateOffloadComplete_gets_the_tree_back_in_its_own_form)
{
    s_run(terminate_brings_state);
    ck_assert_uint_eq(w_count("ProtocolTerminateOffloadComplete"), 2);
    ck_assert_ptr_eq(w_call("ProtocolTerminateOffloadComplete")->context, &w.protocol[0].binding_context);
}

// ---- update, invalidate, query ------------------------------------------------------------------------------------------------------

static void
update_goes_through(void)
{
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        PATH_OFFLOAD_STATE_CACHED cached;
    } path = {.cached.PathMtu = 1280};
    const NDIS_STATUS failure = NDIS_STATUS_FAILURE;
    s_offload(1);
    s_block(&path.block, Ip4OffloadCachedState, &s.path_object);
    s_submit(S_UPDATE, &path.block);
    ck_assert_ptr_eq(s.tree[S_UPDATE], &path.block);
    ck_assert_ptr_eq(*s.tree[S_UPDATE]->MiniportOffloadContext, &s.context[AT_PATH]);
    ck_assert_uint_eq(((PATH_OFFLOAD_STATE_CACHED *)(s.tree[S_UPDATE] + 1))->PathMtu, 1280);
    s_complete_with(S_UPDATE, &failure);
    ck_assert_ptr_eq(s.done[S_UPDATE], &path.block);
    ck_assert_int_eq(path.block.Status, NDIS_STATUS_FAILURE);
    ck_assert_ptr_eq(path.block.OffloadHandle, &s.path_object.handle);
    // To another neighbour: the root refers to the new one, its dependents to the paths.
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root, moved;
    s_block(&s.neighbor.block, NeighborOffloadState, &s.other_object);
    s_submit(S_INITIATE, &s.neighbor.block);
    s_complete(S_INITIATE);
    s_block(&root, NeighborOffloadState, &s.other_object);
    s_block(&moved, Ip4OffloadState, &s.path_object);
    root.DependentBlockList = &moved;
    s_submit(S_UPDATE, &root);
    ck_assert_ptr_eq(*s.tree[S_UPDATE]->MiniportOffloadContext, s_context_of(&s.other_object));
    ck_assert_ptr_eq(*s.tree[S_UPDATE]->DependentBlockList->MiniportOffloadContext, &s.context[AT_PATH]);
    s_complete(S_UPDATE);
    ck_assert_int_eq(moved.Status, NDIS_STATUS_SUCCESS);
    s_block(&root, NeighborOffloadConstState, &s.other_object);
    s_submit(S_TERMINATE, &root);
    s_complete(S_TERMINATE);
    s_upload(1);
    ck_assert_uint_eq(w_count("MiniportUpdateOffload"), 2);
    ck_assert_uint_eq(w_count("ProtocolUpdateOffloadComplete"), 2);
}

TEST(NdisUpdateOffload_brings_cached_state_to_the_target_and_moves_paths_to_another_neighbor)
{
    s_run(update_goes_through);
}

TEST(MiniportUpdateOffload_gets_the_state_behind_the_block)
{
    s_run(update_goes_through);
}

TEST(NdisMUpdateOffloadComplete_may_fail_an_update_and_the_object_stays_offloaded)
{
    s_run(update_goes_through);
}

TEST(ProtocolUpdateOffloadComplete_gets_each_blocks_status)
{
    s_run(update_goes_through);
}

static void
invalidate_goes_through(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST neighbor, path;
    const NDIS_STATUS status[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_FAILURE};
    s_offload(1);
    s_block(&neighbor, NeighborOffloadConstState, &s.neighbor_object);
    s_block(&path, Ip4OffloadConstState, &s.path_object);
    neighbor.DependentBlockList = &path;
    s_submit(S_INVALIDATE, &neighbor);
    ck_assert_ptr_eq(s.tree[S_INVALIDATE], &neighbor);
    ck_assert_ptr_eq(*s.tree[S_INVALIDATE]->MiniportOffloadContext, &s.context[AT_NEIGHBOR]);
    s_complete_with(S_INVALIDATE, status);
    ck_assert_ptr_eq(s.done[S_INVALIDATE], &neighbor);
    ck_assert_int_eq(neighbor.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(path.Status, NDIS_STATUS_FAILURE);
    ck_assert_ptr_nonnull(s.neighbor_object.handle.MiniportOffloadContext);   // still offloaded: it has to be terminated
    ck_assert_uint_eq(w_count("MiniportInvalidateOffload"), 1);
    ck_assert_uint_eq(w_count("ProtocolInvalidateOffloadComplete"), 1);
    s_upload(1);
}

TEST(NdisInvalidateOffload_reaches_the_target_and_the_objects_stay_offloaded)
{
    s_run(invalidate_goes_through);
}

TEST(MiniportInvalidateOffload_gets_blocks_without_state)
{
    s_run(invalidate_goes_through);
}

TEST(NdisMInvalidateOffloadComplete_brings_each_blocks_status)
{
    s_run(invalidate_goes_through);
}

TEST(ProtocolInvalidateOffloadComplete_gets_each_blocks_status)
{
    s_run(invalidate_goes_through);
}

static void
query_goes_through(void)
{
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        TCP_OFFLOAD_STATE_DELEGATED delegated;
    } tcp = {.delegated.State = 0};
    const NDIS_STATUS failure = NDIS_STATUS_FAILURE;
    s_offload(1);
    s_block(&tcp.block, TcpOffloadDelegatedState, &s.tcp_object[0]);
    s_submit(S_QUERY, &tcp.block);
    ck_assert_ptr_eq(*s.tree[S_QUERY]->MiniportOffloadContext, &s.context[AT_TCP0]);
    ck_assert_uint_eq(tcp.delegated.Header.Length, sizeof tcp.delegated);
    TCP_OFFLOAD_STATE_DELEGATED *state = (void *)(s.tree[S_QUERY] + 1);
    state->SendBacklogSize = 65536;
    state->ReceiveBacklogSize = 0xffffffff;
    s_complete(S_QUERY);
    ck_assert_ptr_eq(s.done[S_QUERY], &tcp.block);
    ck_assert_int_eq(tcp.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(tcp.delegated.SendBacklogSize, 65536);
    ck_assert_uint_eq(tcp.delegated.ReceiveBacklogSize, 0xffffffff);
    s_submit(S_QUERY, &tcp.block);
    s_complete_with(S_QUERY, &failure);
    ck_assert_int_eq(tcp.block.Status, NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(w_count("MiniportQueryOffload"), 2);
    ck_assert_uint_eq(w_count("ProtocolQueryOffloadComplete"), 2);
    s_upload(1);
}

TEST(NdisQueryOffloadState_brings_the_state_of_an_object_back)
{
    s_run(query_goes_through);
}

TEST(MiniportQueryOffload_gets_the_structure_to_fill_in_behind_the_block)
{
    s_run(query_goes_through);
}

TEST(NdisMQueryOffloadStateComplete_may_fail_a_query)
{
    s_run(query_goes_through);
}

TEST(ProtocolQueryOffloadComplete_gets_the_state_behind_the_block)
{
    s_run(query_goes_through);
}

// Operations on different objects, and queries of one, are out at the same time.
static void
operations_overlap(void)
{
    static const char *const names[] = {"MiniportInitiateOffload", "MiniportTerminateOffload", "MiniportUpdateOffload",
                                        "MiniportInvalidateOffload", "MiniportQueryOffload", "ProtocolInitiateOffloadComplete",
                                        "ProtocolTerminateOffloadComplete", "ProtocolUpdateOffloadComplete",
                                        "ProtocolInvalidateOffloadComplete", "ProtocolQueryOffloadComplete"};
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        TCP_OFFLOAD_STATE_DELEGATED delegated;
    } query = {.delegated.State = 0};
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST invalid;
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    s_offload(2);
    s_block(&query.block, TcpOffloadDelegatedState, &s.tcp_object[0]);
    s_block(&invalid, NeighborOffloadConstState, &s.neighbor_object);
    s_submit(S_QUERY, &query.block);
    s_submit(S_INVALIDATE, &invalid);
    s_complete(S_INVALIDATE);
    s_complete(S_QUERY);
    ck_assert_ptr_eq(s.done[S_QUERY], &query.block);
    ck_assert_ptr_eq(s.done[S_INVALIDATE], &invalid);
    s_block(&invalid, NeighborOffloadConstState, &s.neighbor_object);
    s_submit(S_UPDATE, &invalid);
    s_complete(S_UPDATE);
    s_upload(2);
    KeLowerIrql(old);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        w_irql_was(names[i], DISPATCH_LEVEL);
}

TEST(NdisQueryOffloadState_and_its_kin_are_called_at_the_callers_IRQL_and_may_overlap)
{
    s_run(operations_overlap);
}
