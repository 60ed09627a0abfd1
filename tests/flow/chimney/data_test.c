// SPDX-License-Identifier: MIT
// Data of offloaded connections: send, receive, disconnect, forward, their completions, and what was received and kept. The statements of
// docs/contracts/tcp-offload-disconnect-complete.md are shown here.
#include "stand.h"

#include <string.h>

static const char *const miniport_names[] = {"MiniportTcpOffloadSend", "MiniportTcpOffloadReceive", "MiniportTcpOffloadDisconnect",
                                             "MiniportTcpOffloadForward"};
static const char *const protocol_names[] = {"ProtocolTcpOffloadSendComplete", "ProtocolTcpOffloadReceiveComplete",
                                             "ProtocolTcpOffloadDisconnectComplete", "ProtocolTcpOffloadForwardComplete"};

// Two requests on two connections, completed in one call, in their order.
static void
data_goes_through_with(enum s_data op, NDIS_STATUS status)
{
    KIRQL old = PASSIVE_LEVEL;
    s.completions[op] = 0;
    s.completed[op] = NULL;
    s_offload(2);
    w_forget();
    if (status == NDIS_STATUS_SUCCESS)        // at any level
        KeRaiseIrql(DISPATCH_LEVEL, &old);
    NET_BUFFER_LIST *first = s_nbls(3, 50), *second = s_nbls(1, 50), *last = first->Next->Next;
    ck_assert_int_eq(s_request(op, &s.tcp_object[0], first, 0), NDIS_STATUS_PENDING);
    ck_assert_ptr_eq(s.lists[op], first);     // the very list, in its order
    ck_assert_ptr_eq(s.lists[op]->Next->Next, last);
    ck_assert_ptr_null(last->Next);
    ck_assert_ptr_eq(s.object[op], s_context_of(&s.tcp_object[0]));
    ck_assert_int_eq(s_request(op, &s.tcp_object[1], second, 0), NDIS_STATUS_PENDING);
    ck_assert_ptr_eq(s.object[op], s_context_of(&s.tcp_object[1]));
    ck_assert_uint_eq(w_count(miniport_names[op]), 2);
    ck_assert_ptr_eq(w_call(miniport_names[op])->context, &w.mp_context);
    ck_assert_uint_eq(s.completions[op], 0);
    s_give_back(op, status);
    if (status == NDIS_STATUS_SUCCESS) {
        KeLowerIrql(old);
        w_irql_was(miniport_names[op], DISPATCH_LEVEL);
        w_irql_was(protocol_names[op], DISPATCH_LEVEL);
    }
    ck_assert_ptr_eq(w_call(protocol_names[op])->context, &w.protocol[0].binding_context);
    ck_assert_ptr_eq(s.completed[op], first);
    ck_assert_uint_eq(w_length(s.completed[op]), 4);
    for (NET_BUFFER_LIST *nbl = s.completed[op]; nbl; nbl = nbl->Next)
        ck_assert_int_eq(nbl->Status, status);
    s_free(s.completed[op]);
    s_upload(2);
}

static void
data_goes_through(enum s_data op)
{
    data_goes_through_with(op, NDIS_STATUS_SUCCESS);
    data_goes_through_with(op, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    data_goes_through_with(op, NDIS_STATUS_REQUEST_ABORTED);
}

static void
sends(void)
{
    data_goes_through(S_SEND);
}

TEST(NdisOffloadTcpSend_always_pends_and_passes_the_very_lists_in_order)
{
    s_run(sends);
}

TEST(MiniportTcpOffloadSend_gets_the_context_that_it_wrote_for_the_connection)
{
    s_run(sends);
}

TEST(NdisTcpOffloadSendComplete_may_return_lists_of_several_requests_and_connections_in_one_call)
{
    s_run(sends);
}

TEST(ProtocolTcpOffloadSendComplete_gets_the_lists_with_the_status_that_the_target_wrote)
{
    s_run(sends);
}

static void
posts(void)
{
    data_goes_through(S_RECEIVE);
}

TEST(NdisOffloadTcpReceive_always_pends_and_passes_the_very_lists_in_order)
{
    s_run(posts);
}

TEST(MiniportTcpOffloadReceive_gets_the_context_that_it_wrote_for_the_connection)
{
    s_run(posts);
}

TEST(NdisTcpOffloadReceiveComplete_may_return_lists_of_several_requests_in_one_call)
{
    s_run(posts);
}

TEST(ProtocolTcpOffloadReceiveComplete_gets_the_lists_with_the_status_that_the_target_wrote)
{
    s_run(posts);
}

static void
forwards(void)
{
    data_goes_through(S_FORWARD);
}

TEST(NdisOffloadTcpForward_always_pends_and_passes_the_very_lists_in_order)
{
    s_run(forwards);
}

TEST(MiniportTcpOffloadForward_gets_the_context_that_it_wrote_for_the_connection)
{
    s_run(forwards);
}

TEST(NdisTcpOffloadForwardComplete_returns_the_lists)
{
    s_run(forwards);
}

TEST(ProtocolTcpOffloadForwardComplete_gets_the_lists_with_the_status_that_the_target_wrote)
{
    s_run(forwards);
}

// Bytes that were transferred come back in the slot of the list that is for them, with data start advanced.
static void
bytes_come_back(void)
{
    s_offload(1);
    NET_BUFFER_LIST *nbl = s_nbls(1, 50);
    s_request(S_SEND, &s.tcp_object[0], nbl, 0);
    NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred) = (PVOID)(ULONG_PTR)30;
    NdisAdvanceNetBufferDataStart(nbl->FirstNetBuffer, 30, FALSE, NULL);
    s_give_back(S_SEND, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    ck_assert_uint_eq((ULONG_PTR)NET_BUFFER_LIST_INFO(s.completed[S_SEND], TcpOffloadBytesTransferred), 30);
    ck_assert_uint_eq(s.completed[S_SEND]->FirstNetBuffer->DataLength, 20);
    s_free(nbl);
    s.completed[S_SEND] = NULL;
    nbl = s_nbls(1, 50);
    NET_BUFFER_LIST_INFO(nbl, TcpReceiveNoPush) = (PVOID)(ULONG_PTR)TRUE;
    s_request(S_RECEIVE, &s.tcp_object[0], nbl, 0);
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(s.lists[S_RECEIVE], TcpReceiveNoPush), (PVOID)(ULONG_PTR)TRUE);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
    s_free(nbl);
    s_upload(1);
}

TEST(ProtocolTcpOffloadSendComplete_gets_the_bytes_transferred_and_the_advanced_NET_BUFFER)
{
    s_run(bytes_come_back);
}

static void
at_dispatch(void)
{
    KIRQL old;
    s_offload(1);
    NET_BUFFER_LIST *nbl = s_nbls(1, 50);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    s_request(S_SEND, &s.tcp_object[0], nbl, 0);
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
    KeLowerIrql(old);
    w_irql_was("MiniportTcpOffloadSend", DISPATCH_LEVEL);
    w_irql_was("ProtocolTcpOffloadSendComplete", DISPATCH_LEVEL);
    s_free(nbl);
    s_upload(1);
}

TEST(NdisOffloadTcpSend_and_its_completion_run_at_the_callers_IRQL)
{
    s_run(at_dispatch);
}

static void
each_layer_has_its_context(void)
{
    s_offload(1);
    NET_BUFFER_LIST *nbl = s_nbls(1, 50);
    s_request(S_SEND, &s.tcp_object[0], nbl, 0);
    ck_assert_ptr_eq(s.objects[s.storeys], s.tcp_object[0].handle.MiniportOffloadContext);
    ck_assert_ptr_eq(s.objects[0], s_context_of(&s.tcp_object[0]));
    for (uint32_t hop = 0; hop < s.storeys; hop++)
        ck_assert_ptr_ne(s.objects[hop], s.objects[hop + 1]);
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
    s_free(nbl);
    s_upload(1);
}

TEST(MiniportTcpOffloadSend_gets_at_each_layer_what_that_layer_wrote_at_the_initiate)
{
    s_run(each_layer_has_its_context);
}

// ---- receive return -----------------------------------------------------------------------------------------------------------------

static void
kept_data_goes_back(void)
{
    ULONG consumed = 0;
    s_offload(1);
    NET_BUFFER_LIST *nbl = s_nbls(1, 50);
    ck_assert_int_eq(s_indicate(&s.tcp_object[0], nbl, &consumed), NDIS_STATUS_SUCCESS);
    nbl->Status = NDIS_STATUS_PENDING;        // kept
    NdisOffloadTcpReceiveReturn(s.binding, nbl);
    ck_assert_ptr_eq(s.returned, nbl);
    ck_assert_uint_eq(w_count("MiniportTcpOffloadReceiveReturn"), 1);
    ck_assert_ptr_eq(w_call("MiniportTcpOffloadReceiveReturn")->context, &w.mp_context);
    s_free(nbl);
    s_upload(1);
}

TEST(NdisOffloadTcpReceiveReturn_gives_the_very_list_back_to_the_target)
{
    s_run(kept_data_goes_back);
}

TEST(MiniportTcpOffloadReceiveReturn_is_called_within_the_return)
{
    s_run(kept_data_goes_back);
}

// ---- disconnect: docs/contracts/tcp-offload-disconnect-complete.md ---------------------------------------------------------------------

static void
disconnects(void)
{
    static const ULONG flags[] = {TCP_DISCONNECT_GRACEFUL_CLOSE, TCP_DISCONNECT_ABORTIVE_CLOSE};
    static const NDIS_STATUS ends[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_UPLOAD_IN_PROGRESS, NDIS_STATUS_REQUEST_ABORTED};
    for (uint32_t i = 0; i < 6; i++) {
        bool is_abortive = flags[i & 1] == TCP_DISCONNECT_ABORTIVE_CLOSE;
        uint32_t moved = is_abortive ? 0 : ends[i % 3] == NDIS_STATUS_SUCCESS ? 25 : 10;
        s_offload(2);
        NET_BUFFER_LIST *nbl = s_nbls(1, is_abortive ? 0 : 25);
        w_forget();
        s.flags = 0;
        s.completed[S_DISCONNECT] = NULL;
        ck_assert_int_eq(s_request(S_DISCONNECT, &s.tcp_object[i & 1], nbl, flags[i & 1]), NDIS_STATUS_PENDING);
        ck_assert_ptr_eq(s.lists[S_DISCONNECT], nbl);
        ck_assert_uint_eq(s.flags, flags[i & 1]);
        ck_assert_ptr_eq(s.object[S_DISCONNECT], s_context_of(&s.tcp_object[i & 1]));
        ck_assert_uint_eq(w_count("ProtocolTcpOffloadDisconnectComplete"), 0);
        if (ends[i % 3] != NDIS_STATUS_SUCCESS)
            s_moved(nbl, moved);
        s_give_back(S_DISCONNECT, ends[i % 3]);
        ck_assert_uint_eq(w_count("ProtocolTcpOffloadDisconnectComplete"), 1);
        ck_assert_ptr_eq(w_call("ProtocolTcpOffloadDisconnectComplete")->context, &w.protocol[0].binding_context);
        ck_assert_ptr_eq(s.completed[S_DISCONNECT], nbl);
        ck_assert_int_eq(nbl->Status, ends[i % 3]);
        ck_assert_uint_eq((ULONG_PTR)NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred), moved);
        s_free(nbl);
        s_upload(2);
    }
}

TEST(NdisOffloadTcpDisconnect_passes_the_single_list_and_the_flags_to_the_target)
{
    s_run(disconnects);
}

TEST(MiniportTcpOffloadDisconnect_gets_flags_and_the_context_that_it_wrote_for_the_connection)
{
    s_run(disconnects);
}

TEST(NdisTcpOffloadDisconnectComplete_takes_the_miniport_handle_and_the_list)
{
    s_run(disconnects);
}

TEST(ProtocolTcpOffloadDisconnectComplete_gets_the_binding_context_and_the_list_that_was_supplied)
{
    s_run(disconnects);
}

static void
disconnect_without_a_list(void)
{
    s_offload(1);
    ck_assert_int_eq(s_request(S_DISCONNECT, &s.tcp_object[0], NULL, TCP_DISCONNECT_ABORTIVE_CLOSE), NDIS_STATUS_PENDING);
    ck_assert_uint_eq(s.disconnects, 1);
    ck_assert_uint_eq(s.flags, TCP_DISCONNECT_ABORTIVE_CLOSE);
    ck_assert_ptr_null(s.lists[S_DISCONNECT]);
    s_give_back(S_DISCONNECT, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(s.completions[S_DISCONNECT], 1);
    ck_assert_uint_eq(s.without, 1);
    ck_assert_ptr_eq(w_call("ProtocolTcpOffloadDisconnectComplete")->context, &w.protocol[0].binding_context);
    s_upload(1);
}

TEST(ProtocolTcpOffloadDisconnectComplete_gets_NULL_when_no_list_was_supplied)
{
    s_run(disconnect_without_a_list);
}

// A list that comes back has no context on it that the sender did not put there, when the completion call returns to the target.
static void
contexts_are_freed(void)
{
    s_offload(1);
    NET_BUFFER_LIST *nbl = s_nbls(1, 25);
    void *before = nbl->Context;
    s_request(S_DISCONNECT, &s.tcp_object[0], nbl, TCP_DISCONNECT_GRACEFUL_CLOSE);
    if (s.storeys)                            // each passthru keeps its own on the way: it has to know the edge to go back to
        ck_assert_ptr_ne(nbl->Context, before);
    s_give_back(S_DISCONNECT, NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(nbl->Context, before);
    ck_assert_ptr_eq(s.completed[S_DISCONNECT], nbl);
    s_free(nbl);
    s_upload(1);
}

TEST(ProtocolTcpOffloadDisconnectComplete_of_an_intermediate_driver_frees_its_context_before_it_returns)
{
    s_run(contexts_are_freed);
}
