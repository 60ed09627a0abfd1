// SPDX-License-Identifier: MIT
// The rules of the chimney, NBX-0600 and up: each with a target, a host or an intermediate driver that breaks it; all tests beside this one
// keep them, with the verifier on. What is committed is committed in a child.
#include "stand.h"

#include <string.h>

#include "harness/crime.h"

static void (*act)(void);
static uint32_t storeys;

static void
watched(void)
{
    s_watched(storeys, act);
}

#define IS_FOUND(fn, rule, ...) (act = (fn), crime_is_found(watched, rule, __VA_ARGS__, NULL))

// ---- NBX-0600 ---------------------------------------------------------------------------------------------------------------------

static void
send_before(void)
{
    s_submit(S_INITIATE, s_tree(1));
    s_request(S_SEND, &s.tcp_object[0], s_nbls(1, 10), 0);
}

static void
send_never(void)
{
    s_request(S_SEND, &s.tcp_object[0], s_nbls(1, 10), 0);
}

static void
send_after(void)
{
    s_offload(1);
    s_upload(1);
    s_request(S_SEND, &s.tcp_object[0], s_nbls(1, 10), 0);
}

static void
invalidate_while_terminating(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tcp, invalid;
    s_offload(1);
    s_block(&tcp, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_TERMINATE, &tcp);
    s_block(&invalid, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_INVALIDATE, &invalid);
}

static void
event_after(void)
{
    s_offload(1);
    NDIS_HANDLE handle = s_context_of(&s.tcp_object[0])->handle;
    KIRQL old;
    s_upload(1);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    s.up.NdisTcpOffloadEventHandler(handle, TcpIndicateAbort, 0);
}

TEST(a_send_on_a_connection_that_is_not_offloaded_is_reported)
{
    IS_FOUND(send_never, "NBX-0600", "NdisOffloadTcpSend", "not offloaded");
    IS_FOUND(send_before, "NBX-0600", "NdisOffloadTcpSend", "before its initiate offload operation has completed");
    IS_FOUND(send_after, "NBX-0600", "NdisOffloadTcpSend", "not offloaded");
    IS_FOUND(invalidate_while_terminating, "NBX-0600", "NdisInvalidateOffload", "being terminated");
    IS_FOUND(event_after, "NBX-0600", "NdisTcpOffloadEventHandler", "not offloaded");
}

// ---- NBX-0601 ---------------------------------------------------------------------------------------------------------------------

static void
path_over_neighbor(void)
{
    s_tree(1);
    s.path.block.DependentBlockList = &s.neighbor.block;
    s.neighbor.block.DependentBlockList = NULL;
    s_submit(S_INITIATE, &s.path.block);
}

static void
connection_with_dependents(void)
{
    s_tree(2);
    s.tcp[0].block.NextBlock = NULL;
    s.tcp[0].block.DependentBlockList = &s.tcp[1].block;
    s_submit(S_INITIATE, &s.neighbor.block);
}

static void
siblings_of_two_layers(void)
{
    s_tree(1);
    s.neighbor.block.DependentBlockList = NULL;
    s.neighbor.block.NextBlock = &s.path.block;
    s_submit(S_INITIATE, &s.neighbor.block);
}

static void
loop(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST placeholder;
    s_block(&placeholder, 0, NULL);
    placeholder.DependentBlockList = &placeholder;
    s_submit(S_INITIATE, &placeholder);
}

static void
no_such_type(void)
{
    s_tree(1);
    s.tcp[0].block.Header.Type = TcpOffloadResourceState;
    s_submit(S_INITIATE, &s.neighbor.block);
}

static void
no_tree(void)
{
    s_submit(S_UPDATE, NULL);
}

TEST(a_tree_whose_layers_are_out_of_order_is_reported)
{
    IS_FOUND(path_over_neighbor, "NBX-0601", "NdisInitiateOffload", "not of the layer");
    IS_FOUND(connection_with_dependents, "NBX-0601", "a connection's block has a DependentBlockList");
    IS_FOUND(siblings_of_two_layers, "NBX-0601", "not of the layer");
    IS_FOUND(loop, "NBX-0601", "deeper");
    IS_FOUND(no_such_type, "NBX-0601", "the Type of a block");
    IS_FOUND(no_tree, "NBX-0601", "NdisUpdateOffload", "OffloadBlockList is NULL");
}

// ---- NBX-0602, NBX-0603: a target's completions -------------------------------------------------------------------------------------

static const NDIS_STATUS *said;

static void
initiate_says(void)
{
    s_submit(S_INITIATE, s_tree(1));
    s_complete_with(S_INITIATE, said);
}

static void
update_says(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
    s_offload(1);
    s_block(&block, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_UPDATE, &block);
    s_complete_with(S_UPDATE, said);
}

static void
placeholder_fails(void)
{
    static const NDIS_STATUS failure = NDIS_STATUS_FAILURE;
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST placeholder;
    s_block(&placeholder, 0, NULL);
    s_submit(S_INITIATE, &placeholder);
    s_complete_with(S_INITIATE, &failure);
}

TEST(a_block_without_a_Status_is_reported)
{
    static const NDIS_STATUS forgotten[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_SUCCESS, NDIS_STATUS_PENDING},
                             strange[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_SUCCESS, NDIS_STATUS_UPLOAD_IN_PROGRESS},
                             partial = NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS;
    said = forgotten;
    IS_FOUND(initiate_says, "NBX-0602", "NdisMInitiateOffloadComplete", "a block has no Status", "driver mp");
    said = strange;
    IS_FOUND(initiate_says, "NBX-0602", "may not end with");
    said = &partial;
    IS_FOUND(update_says, "NBX-0602", "NdisMUpdateOffloadComplete", "may not end with");
    IS_FOUND(placeholder_fails, "NBX-0602", "a placeholder");
}

static void
context_of_a_failure(void)
{
    static const NDIS_STATUS status[] = {NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_FAILURE};
    s_submit(S_INITIATE, s_tree(1));
    *s.tree[S_INITIATE]->DependentBlockList->DependentBlockList->MiniportOffloadContext = &s.context[7];
    s_complete_with(S_INITIATE, status);
}

static void
no_context_of_a_success(void)
{
    s_submit(S_INITIATE, s_tree(1));
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree = s.tree[S_INITIATE];
    tree->Status = tree->DependentBlockList->Status = tree->DependentBlockList->DependentBlockList->Status = NDIS_STATUS_SUCCESS;
    *tree->MiniportOffloadContext = *tree->DependentBlockList->MiniportOffloadContext = &s.context[0];
    NdisMInitiateOffloadComplete(w.mp, tree);
}

TEST(a_context_of_an_object_that_was_not_taken_is_reported)
{
    IS_FOUND(context_of_a_failure, "NBX-0603", "NdisMInitiateOffloadComplete", "a block that failed was written");
    IS_FOUND(no_context_of_a_success, "NBX-0603", "a block that succeeded is NULL");
}

// ---- NBX-0604 ---------------------------------------------------------------------------------------------------------------------

static void
two_lists(void)
{
    s_offload(1);
    s_request(S_DISCONNECT, &s.tcp_object[0], s_nbls(2, 0), TCP_DISCONNECT_ABORTIVE_CLOSE);
}

static void
two_completed(void)
{
    s_offload(2);
    s_request(S_DISCONNECT, &s.tcp_object[0], s_nbls(1, 0), TCP_DISCONNECT_ABORTIVE_CLOSE);
    s_request(S_DISCONNECT, &s.tcp_object[1], s_nbls(1, 0), TCP_DISCONNECT_ABORTIVE_CLOSE);
    s_give_back(S_DISCONNECT, NDIS_STATUS_SUCCESS);
}

static void
abortive_data(void)
{
    s_offload(1);
    s_request(S_DISCONNECT, &s.tcp_object[0], s_nbls(1, 1), TCP_DISCONNECT_ABORTIVE_CLOSE);
}

static void
both_ways(void)
{
    s_offload(1);
    s_request(S_DISCONNECT, &s.tcp_object[0], s_nbls(1, 0), TCP_DISCONNECT_ABORTIVE_CLOSE | TCP_DISCONNECT_GRACEFUL_CLOSE);
}

TEST(a_disconnect_with_two_lists_is_reported)
{
    IS_FOUND(two_lists, "NBX-0604", "NdisOffloadTcpDisconnect", "a single NET_BUFFER_LIST");
    IS_FOUND(two_completed, "NBX-0604", "NdisTcpOffloadDisconnectComplete", "its single NET_BUFFER_LIST");
    IS_FOUND(abortive_data, "NBX-0604", "has data");
    IS_FOUND(both_ways, "NBX-0604", "Flags");
}

// ---- NBX-0605 ---------------------------------------------------------------------------------------------------------------------

static void
send_does_not_pend(void)
{
    s_offload(1);
    s.data_status = NDIS_STATUS_FAILURE;
    s_request(S_SEND, &s.tcp_object[0], s_nbls(1, 10), 0);
}

TEST(a_send_handler_that_does_not_pend_is_reported)
{
    IS_FOUND(send_does_not_pend, "NBX-0605", "MiniportTcpOffloadSend", "driver mp");
}

// ---- NBX-0606 ---------------------------------------------------------------------------------------------------------------------

static void
no_event(void)
{
    s_offload(1);
    s_event(&s.tcp_object[0], 5, 0);
}

static void
no_reason(void)
{
    s_offload(1);
    s_event(&s.tcp_object[0], TcpIndicateRetrieve, MaxUploadReason);
}

static void
data_too_early(void)
{
    ULONG consumed;
    s_submit(S_INITIATE, s_tree(1));
    s.context[0].handle = s.given[0][2];
    s.contexts = 1;
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
}

static void
data_in_two(void)
{
    ULONG consumed;
    s_offload(1);
    s_indicate(&s.tcp_object[0], s_nbls(2, 10), &consumed);
}

static void
neighbor_without_a_block(void)
{
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    NdisMOffloadEventIndicate(w.mp, NULL, NeighborReachabilityQuery);
}

TEST(an_event_of_no_type_is_reported)
{
    IS_FOUND(no_event, "NBX-0606", "NdisTcpOffloadEventHandler", "TCP_OFFLOAD_EVENT_TYPE");
    IS_FOUND(no_reason, "NBX-0606", "TCP_UPLOAD_REASON");
    IS_FOUND(data_too_early, "NBX-0606", "before the initiate operation has completed");
    IS_FOUND(data_in_two, "NBX-0606", "in one NET_BUFFER_LIST");
    IS_FOUND(neighbor_without_a_block, "NBX-0606", "NdisMOffloadEventIndicate", "NeighborReachabilityQuery");
}

// ---- NBX-0607 ---------------------------------------------------------------------------------------------------------------------

static void
part_of_what(void)
{
    ULONG consumed;
    s_offload(1);
    s.answer = NDIS_STATUS_OFFLOAD_DATA_PARTIALLY_ACCEPTED;
    s.accepts = 10;
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
}

static void
strange_answer(void)
{
    ULONG consumed;
    s_offload(1);
    s.answer = NDIS_STATUS_PENDING;
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
}

TEST(a_receive_handler_that_accepts_a_part_and_does_not_say_how_much_is_reported)
{
    IS_FOUND(part_of_what, "NBX-0607", "ProtocolTcpOffloadReceiveIndicate", "BytesConsumed", "driver pa");
    IS_FOUND(strange_answer, "NBX-0607", "a status that its page does not have");
}

// ---- NBX-0609 ---------------------------------------------------------------------------------------------------------------------

static void
indicates_again(void)
{
    ULONG consumed;
    s_offload(2);
    s.answer = s.accepts ? NDIS_STATUS_OFFLOAD_DATA_PARTIALLY_ACCEPTED : NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED;
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
    s.answer = NDIS_STATUS_SUCCESS;
    s_indicate(&s.tcp_object[1], s_nbls(1, 10), &consumed);   // another connection
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
}

static void
indicates_the_rest_again(void)
{
    s.accepts = 4;
    indicates_again();
}

static void
indicates_after_a_post(void)
{
    ULONG consumed;
    NET_BUFFER_LIST *data = s_nbls(1, 10), *post = s_nbls(1, 0);
    s_offload(1);
    s.answer = NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED;
    s_indicate(&s.tcp_object[0], data, &consumed);
    s_request(S_RECEIVE, &s.tcp_object[0], post, 0);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
    s.answer = NDIS_STATUS_SUCCESS;
    s_indicate(&s.tcp_object[0], data, &consumed);
    s_return(data);
    s_indicate(&s.tcp_object[0], data, &consumed);
    s_return(data);
    s_free(data);
    s_free(post);
    s_upload(1);
}

TEST(data_that_is_indicated_again_before_a_receive_is_posted_is_reported)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++) {
        IS_FOUND(indicates_again, "NBX-0609", "NdisTcpOffloadReceiveHandler");
        IS_FOUND(indicates_the_rest_again, "NBX-0609", "driver mp");
    }
}

TEST(a_target_may_indicate_again_once_a_receive_is_posted)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++) {
        act = indicates_after_a_post;
        crime_is_none(watched);
    }
}

// ---- NBX-0608 ---------------------------------------------------------------------------------------------------------------------

static void
closes_early(void)
{
    s_offload(1);
}

TEST(an_adapter_that_is_closed_over_an_offloaded_object_is_reported)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++)
        IS_FOUND(closes_early, "NBX-0608", "NdisCloseAdapterEx", "3 offloaded objects", "driver pa");
}

// ---- and what keeps them all ----------------------------------------------------------------------------------------------------------

static void
whole_life(void)
{
    ULONG consumed;
    s_offload(2);
    NET_BUFFER_LIST *send = s_nbls(2, 40), *post = s_nbls(1, 40), *last = s_nbls(1, 5), *data = s_nbls(1, 9);
    s_request(S_SEND, &s.tcp_object[0], send, 0);
    s_request(S_RECEIVE, &s.tcp_object[1], post, 0);
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
    s_event(&s.tcp_object[0], TcpIndicateSendBacklogChange, 4096);
    s_indicate(&s.tcp_object[0], data, &consumed);
    s_return(data);
    s_request(S_DISCONNECT, &s.tcp_object[0], last, TCP_DISCONNECT_GRACEFUL_CLOSE);
    s_give_back(S_DISCONNECT, NDIS_STATUS_SUCCESS);
    s_event(&s.tcp_object[1], TcpIndicateRetrieve, UploadRequested);
    s_give_back(S_RECEIVE, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    s_upload(2);
    s_free(send);
    s_free(post);
    s_free(last);
    s_free(data);
}

TEST(a_target_and_a_host_that_keep_the_rules_are_not_reported)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++) {
        act = whole_life;
        crime_is_none(watched);
    }
}

// ---- contracts that end the run with the verifier off as well ---------------------------------------------------------------------------

static void
wrong_source(void)
{
    s_submit(S_INITIATE, s_tree(1));
    s.tree[S_INITIATE]->SourceHandle = s.binding;   // of the adapter above: an intermediate driver that does not restore it
    s_complete(S_INITIATE);
}

static void
wrong_list_source(void)
{
    s_offload(1);
    s_request(S_SEND, &s.tcp_object[0], s_nbls(1, 10), 0);
    s.lists[S_SEND]->SourceHandle = s.binding;
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
}

static void
no_list(void)
{
    s_offload(1);
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
}

static void
sends_nothing(void)
{
    s_offload(1);
    s_request(S_SEND, &s.tcp_object[0], NULL, 0);
}

TEST(NdisMInitiateOffloadComplete_of_a_tree_whose_SourceHandle_was_not_restored_is_reported)
{
    storeys = 1;
    IS_FOUND(wrong_source, "NBX-0002", "NdisMInitiateOffloadComplete", "SourceHandle");
    IS_FOUND(wrong_list_source, "NBX-0002", "NdisTcpOffloadSendComplete", "SourceHandle");
    storeys = 0;
    IS_FOUND(no_list, "NBX-0002", "NdisTcpOffloadSendComplete", "there is no NET_BUFFER_LIST");
    IS_FOUND(sends_nothing, "NBX-0002", "NdisOffloadTcpSend", "there is no NET_BUFFER_LIST");
}
