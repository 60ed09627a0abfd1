// SPDX-License-Identifier: MIT
// Rules of the chimney that an offload target keeps or breaks: NBX-0611, 0613 to 0615, 0617, 0618, 0620, 0621, 0623 to 0625; and whose a
// NET_BUFFER_LIST is.
#include "stand.h"

#include <string.h>

#include "harness/crime.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"

static void (*act)(void);
static uint32_t storeys;

static void
watched(void)
{
    s_watched(storeys, act);
}

#define IS_FOUND(fn, rule, ...) (act = (fn), crime_is_found(watched, rule, __VA_ARGS__, NULL))

static void
is_none(void (*fn)(void))
{
    act = fn;
    for (storeys = 0; storeys < S_LAYERS; storeys++)
        crime_is_none(watched);
    storeys = 0;
}

static NET_BUFFER_LIST *
cut(enum s_data op)
{
    NET_BUFFER_LIST *first = s.lists[op], *rest = first->Next;
    first->Next = NULL;
    s.lists[op] = first;
    return rest;
}

// ---- NBX-0611 and NBX-0623 ----------------------------------------------------------------------------------------------------------

static const NDIS_STATUS *said;

static void
initiate_says(void)
{
    s_submit(S_INITIATE, s_tree(2));
    s_complete_with(S_INITIATE, said);
}

TEST(statuses_that_contradict_each_other_are_reported)
{
    static const NDIS_STATUS good = NDIS_STATUS_SUCCESS, part = NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, bad = NDIS_STATUS_FAILURE;
    const NDIS_STATUS all_said[] = {good, good, good, bad}, nothing_failed[] = {good, part, good, good}, orphan[] = {part, bad, good, bad};
    said = all_said;
    IS_FOUND(initiate_says, "NBX-0611", "NdisMInitiateOffloadComplete", "one of its dependents has failed", "driver mp");
    said = nothing_failed;
    IS_FOUND(initiate_says, "NBX-0611", "no dependent has failed");
    said = orphan;
    IS_FOUND(initiate_says, "NBX-0611", "one of its dependents has not");
}

// One of two connections is not taken; then, linked to what is there, none is.
static void
comes_in_in_part(void)
{
    static const NDIS_STATUS part[] = {NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_SUCCESS,
                                       NDIS_STATUS_OFFLOAD_TCP_ENTRIES},
                             none[] = {NDIS_STATUS_FAILURE, NDIS_STATUS_FAILURE, NDIS_STATUS_OFFLOAD_TCP_ENTRIES};
    NET_BUFFER_LIST *data = s_nbls(2, 40), *received = s_nbls(1, 10);
    s_tree(2);
    s_chain(1, data);
    s.tcp[1].delegated.BufferedData = received;
    s_submit(S_INITIATE, &s.neighbor.block);
    s_complete_with(S_INITIATE, part);
    s_tree(2);
    s.path.block.DependentBlockList = &s.tcp[1].block;
    s_chain(1, data);
    s.tcp[1].delegated.BufferedData = received;
    s_submit(S_INITIATE, &s.neighbor.block);
    s_complete_with(S_INITIATE, none);
    s_free(data);
    s_free(received);
    s_upload(1);
}

TEST(a_tree_that_comes_in_in_part_is_not_reported)
{
    is_none(comes_in_in_part);
}

static bool is_completed;

static void
chain_is_touched(void)
{
    static const NDIS_STATUS status[] = {NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS,
                                         NDIS_STATUS_OFFLOAD_TCP_ENTRIES};
    NET_BUFFER_LIST *data = s_nbls(1, 40);
    s_tree(1);
    s_chain(0, data);
    s_submit(S_INITIATE, &s.neighbor.block);
    s.lists[S_SEND] = data;
    if (is_completed)
        s_give_back(S_SEND, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    data->Status = NDIS_STATUS_FAILURE;
    s_complete_with(S_INITIATE, status);
}

TEST(a_chain_that_was_touched_by_an_initiate_that_failed_is_reported)
{
    is_completed = false;
    IS_FOUND(chain_is_touched, "NBX-0623", "NdisMInitiateOffloadComplete", "was changed", "driver mp");
    is_completed = true;                      // nothing is there that it could give back
    IS_FOUND(chain_is_touched, "NBX-0005", "NdisMInitiateOffloadComplete", "driver mp");
}

// ---- NBX-0613 ---------------------------------------------------------------------------------------------------------------------

static void
indicate_inside(enum s_data op)
{
    ULONG consumed;
    s.on_completed = NULL;
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
}

static void
indication_in_completion(void)
{
    s_offload(1);
    s.on_completed = indicate_inside;
    s_request(S_RECEIVE, &s.tcp_object[0], s_nbls(1, 0), 0);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
}

static void
complete_inside(void)
{
    s_request(S_RECEIVE, &s.tcp_object[0], s_nbls(1, 0), 0);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
}

static void
completion_in_indication(void)
{
    ULONG consumed;
    s_offload(1);
    s.on_data = complete_inside;
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
}

TEST(data_that_is_indicated_inside_a_completion_is_reported)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++) {
        IS_FOUND(indication_in_completion, "NBX-0613", "NdisTcpOffloadReceiveHandler", "driver mp");
        IS_FOUND(completion_in_indication, "NBX-0613", "NdisTcpOffloadReceiveComplete", "driver mp");
    }
    storeys = 0;
}

// ---- NBX-0614 and NBX-0615 ----------------------------------------------------------------------------------------------------------

static enum s_data overtaken;

static void
overtakes(void)
{
    s_offload(1);
    s_request(overtaken, &s.tcp_object[0], s_nbls(2, 10), 0);
    s.lists[overtaken] = cut(overtaken);
    s_give_back(overtaken, NDIS_STATUS_SUCCESS);
}

static void
succeeds_after_a_failure(void)
{
    s_offload(1);
    s_request(S_SEND, &s.tcp_object[0], s_nbls(2, 10), 0);
    NET_BUFFER_LIST *second = cut(S_SEND);
    s_give_back(S_SEND, NDIS_STATUS_REQUEST_ABORTED);
    s.lists[S_SEND] = second;
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
}

static void
disconnect_before_sends(void)
{
    s_offload(1);
    s_request(S_SEND, &s.tcp_object[0], s_nbls(1, 10), 0);
    s_request(S_DISCONNECT, &s.tcp_object[0], s_nbls(1, 0), TCP_DISCONNECT_GRACEFUL_CLOSE);
    s_give_back(S_DISCONNECT, NDIS_STATUS_SUCCESS);
}

static void
chain_is_shuffled(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tcp;
    s_offload(1);
    s_request(S_SEND, &s.tcp_object[0], s_nbls(2, 10), 0);
    s_block(&tcp, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_TERMINATE, &tcp);
    NET_BUFFER_LIST *second = cut(S_SEND);
    second->Next = s.lists[S_SEND];
    tcp.NetBufferListChain = second;
    s_complete(S_TERMINATE);
}

TEST(a_send_that_overtakes_another_is_reported)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++) {
        overtaken = S_SEND;
        IS_FOUND(overtakes, "NBX-0614", "NdisTcpOffloadSendComplete", "driver mp");
        overtaken = S_RECEIVE;
        IS_FOUND(overtakes, "NBX-0614", "NdisTcpOffloadReceiveComplete", "driver mp");
    }
    storeys = 0;
    IS_FOUND(succeeds_after_a_failure, "NBX-0614", "one before it has failed");
    IS_FOUND(disconnect_before_sends, "NBX-0614", "NdisTcpOffloadDisconnectComplete", "a disconnect succeeds before a send");
    IS_FOUND(chain_is_shuffled, "NBX-0614", "NdisMTerminateOffloadComplete", "not in the order");
}

static void
wrong_function(void)
{
    s_offload(1);
    s_request(S_SEND, &s.tcp_object[0], s_nbls(1, 10), 0);
    s.lists[S_FORWARD] = s.lists[S_SEND];
    s_give_back(S_FORWARD, NDIS_STATUS_SUCCESS);
}

static NDIS_STATUS strange;

static void
strange_status(void)
{
    s_offload(1);
    s_request(overtaken, &s.tcp_object[0], s_nbls(1, 0), TCP_DISCONNECT_GRACEFUL_CLOSE);
    s_give_back(overtaken, strange);
}

static void
not_advanced(void)
{
    s_offload(1);
    NET_BUFFER_LIST *post = s_nbls(1, 10);
    s_request(S_RECEIVE, &s.tcp_object[0], post, 0);
    NET_BUFFER_LIST_INFO(post, TcpOffloadBytesTransferred) = (PVOID)(ULONG_PTR)4;
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
}

static void
half_a_disconnect(void)
{
    s_offload(1);
    NET_BUFFER_LIST *nbl = s_nbls(1, 10);
    s_request(S_DISCONNECT, &s.tcp_object[0], nbl, TCP_DISCONNECT_GRACEFUL_CLOSE);
    s_moved(nbl, 4);
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(w.box, "mp"), "test");
    nbl->Status = NDIS_STATUS_SUCCESS;
    s.up.NdisTcpOffloadDisconnectComplete(w.mp, nbl);
    ke_driver_leave(ke_self(), crossing);
}

TEST(a_completion_that_does_not_say_what_became_of_the_bytes_is_reported)
{
    IS_FOUND(wrong_function, "NBX-0615", "NdisTcpOffloadForwardComplete", "another kind of request", "driver mp");
    strange = NDIS_STATUS_FAILURE;
    for (overtaken = S_SEND; overtaken < S_DATA; overtaken++)
        IS_FOUND(strange_status, "NBX-0615", "0xc0000001");
    overtaken = S_RECEIVE;                    // of sends only
    strange = NDIS_STATUS_UPLOAD_REQUESTED;
    IS_FOUND(strange_status, "NBX-0615", "none that it may end with");
    IS_FOUND(not_advanced, "NBX-0615", "NdisTcpOffloadReceiveComplete", "TcpOffloadBytesTransferred is 4 of 10 bytes");
    IS_FOUND(half_a_disconnect, "NBX-0615", "6 bytes of its data were not acknowledged");
}

static void
in_order(void)
{
    static const NDIS_STATUS ends[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_REQUEST_ABORTED, NDIS_STATUS_REQUEST_ABORTED};
    s_offload(1);
    NET_BUFFER_LIST *posts = s_nbls(2, 10), *sends = s_nbls(3, 10), *forward = s_nbls(1, 10), *last = s_nbls(1, 10);
    s_request(S_RECEIVE, &s.tcp_object[0], posts, 0);
    s_moved(posts, 10);
    s_moved(posts->Next, 3);                  // of push mode
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
    s_request(S_FORWARD, &s.tcp_object[0], forward, 0);
    s_give_back(S_FORWARD, NDIS_STATUS_SUCCESS);
    s_request(S_SEND, &s.tcp_object[0], sends, 0);
    s_request(S_DISCONNECT, &s.tcp_object[0], last, TCP_DISCONNECT_GRACEFUL_CLOSE);
    s.completed[S_SEND] = NULL;
    for (int i = 0; i < 3; i++) {
        NET_BUFFER_LIST *rest = cut(S_SEND);
        s_give_back(S_SEND, ends[i]);
        s.lists[S_SEND] = rest;
    }
    s_moved(last, 7);
    s_give_back(S_DISCONNECT, NDIS_STATUS_REQUEST_ABORTED);
    s_upload(1);
    s_free(posts);
    s_free(s.completed[S_SEND]);
    s_free(forward);
    s_free(last);
}

TEST(requests_that_are_completed_in_order_are_not_reported)
{
    is_none(in_order);
}

// ---- NBX-0617 and NBX-0618 ----------------------------------------------------------------------------------------------------------

static ULONG end_event;

static void
data_after_the_end(void)
{
    ULONG consumed;
    s_offload(1);
    s_event(&s.tcp_object[0], end_event, 0);
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
}

static void
filled_after_the_end(void)
{
    s_offload(1);
    NET_BUFFER_LIST *post = s_nbls(1, 10);
    s_request(S_RECEIVE, &s.tcp_object[0], post, 0);
    s_event(&s.tcp_object[0], TcpIndicateDisconnect, 0);
    s_moved(post, 4);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
}

static void
two_ends(void)
{
    s_offload(1);
    s_event(&s.tcp_object[0], TcpIndicateDisconnect, 0);
    s_event(&s.tcp_object[0], TcpIndicateDisconnect, 0);
}

static void
end_over_data(void)
{
    ULONG consumed;
    s_offload(1);
    s.answer = NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED;
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
    s_event(&s.tcp_object[0], TcpIndicateDisconnect, 0);
}

TEST(data_after_its_end_is_reported)
{
    end_event = TcpIndicateDisconnect;
    for (storeys = 0; storeys < S_LAYERS; storeys++)
        IS_FOUND(data_after_the_end, "NBX-0617", "NdisTcpOffloadReceiveHandler", "after TcpIndicateDisconnect", "driver mp");
    storeys = 0;
    end_event = TcpIndicateAbort;
    IS_FOUND(data_after_the_end, "NBX-0617", "after TcpIndicateAbort");
    IS_FOUND(filled_after_the_end, "NBX-0617", "NdisTcpOffloadReceiveComplete", "after TcpIndicateDisconnect");
    IS_FOUND(two_ends, "NBX-0617", "NdisTcpOffloadEventHandler", "twice");
    IS_FOUND(end_over_data, "NBX-0617", "before the host has taken all data");
}

static void
end_at_last(void)
{
    ULONG consumed;
    s_offload(1);
    NET_BUFFER_LIST *data = s_nbls(1, 10), *post = s_nbls(1, 0), *late = s_nbls(1, 10);
    s.answer = NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED;
    s_indicate(&s.tcp_object[0], data, &consumed);
    s_request(S_RECEIVE, &s.tcp_object[0], post, 0);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
    s.completed[S_RECEIVE] = NULL;
    s.answer = NDIS_STATUS_SUCCESS;
    s_indicate(&s.tcp_object[0], data, &consumed);
    s_event(&s.tcp_object[0], TcpIndicateDisconnect, 0);
    s_return(data);
    s_request(S_RECEIVE, &s.tcp_object[0], late, 0);
    s_give_back(S_RECEIVE, NDIS_STATUS_INVALID_STATE);
    s_event(&s.tcp_object[0], TcpIndicateAbort, 0);   // the peer may still reset it
    s_upload(1);
    s_free(data);
    s_free(post);
    s_free(late);
}

TEST(a_FIN_behind_the_last_data_is_not_reported)
{
    is_none(end_at_last);
}

static ULONG reason;

static void
hint_after_a_FIN(void)
{
    s_offload(1);
    s_event(&s.tcp_object[0], TcpIndicateDisconnect, 0);
    s_event(&s.tcp_object[0], TcpIndicateRetrieve, reason);
}

static void
hint_after_our_FIN(void)
{
    s_offload(1);
    s_request(S_DISCONNECT, &s.tcp_object[0], s_nbls(1, 0), TCP_DISCONNECT_GRACEFUL_CLOSE);
    s_give_back(S_DISCONNECT, NDIS_STATUS_SUCCESS);
    s_event(&s.tcp_object[0], TcpIndicateRetrieve, reason);
}

static void
hint_of_a_half(void)
{
    s_tree(1);
    s.tcp[0].delegated.State = TcpConnectionCloseWait;
    s_submit(S_INITIATE, &s.neighbor.block);
    s_complete(S_INITIATE);
    s_event(&s.tcp_object[0], TcpIndicateRetrieve, reason);
}

TEST(a_hint_about_a_connection_that_is_half_closed_is_reported)
{
    static const ULONG hints[] = {LowActivity, HighDropRate, SmallIO, NoBufferPreposting, HighFragmentation, HighOutOfOrderPackets};
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        reason = hints[i];
        IS_FOUND(hint_after_a_FIN, "NBX-0618", "NdisTcpOffloadEventHandler", "does not oblige", "driver mp");
    }
    IS_FOUND(hint_after_our_FIN, "NBX-0618", "driver mp");
    IS_FOUND(hint_of_a_half, "NBX-0618", "driver mp");
}

static void
hint_then_must(void)
{
    static const ULONG musts[] = {InvalidState, ReceivedUrgentData, TimeoutExpiration, UploadRequested, HardwareFailure};
    s_offload(1);
    s_event(&s.tcp_object[0], TcpIndicateRetrieve, LowActivity);
    s_event(&s.tcp_object[0], TcpIndicateDisconnect, 0);
    for (size_t i = 0; i < sizeof musts / sizeof musts[0]; i++)
        s_event(&s.tcp_object[0], TcpIndicateRetrieve, musts[i]);
    s_event(&s.tcp_object[0], TcpIndicateAbort, 0);
    s_upload(1);
}

TEST(a_hint_and_then_an_obliging_reason_are_not_reported)
{
    is_none(hint_then_must);
}

// ---- NBX-0620 and NBX-0621 ----------------------------------------------------------------------------------------------------------

static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST end;

static void
terminate(void)
{
    s_block(&end, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_TERMINATE, &end);
    s_complete(S_TERMINATE);
}

static void
leaves_one(void)
{
    s_offload(1);
    s_request(overtaken, &s.tcp_object[0], s_nbls(1, 0), TCP_DISCONNECT_GRACEFUL_CLOSE);
    terminate();
}

static void
ends_inside(void)
{
    s_offload(1);
    s.on_event = terminate;
    s_event(&s.tcp_object[0], TcpIndicateRetrieve, UploadRequested);
}

static void
chain_with_a_receive(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tcp;
    s_offload(1);
    s_request(S_RECEIVE, &s.tcp_object[0], s_nbls(1, 10), 0);
    s_block(&tcp, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_TERMINATE, &tcp);
    tcp.NetBufferListChain = s.lists[S_RECEIVE];
    s_complete(S_TERMINATE);
}

TEST(a_terminate_that_leaves_a_request_is_reported)
{
    static const char *const words[] = {"1 sends", "1 receives", "1 disconnects", "1 forwarded segments"};
    for (overtaken = S_SEND; overtaken < S_DATA; overtaken++)
        for (storeys = 0; storeys < S_LAYERS; storeys++)
            IS_FOUND(leaves_one, "NBX-0620", "NdisMTerminateOffloadComplete", words[overtaken], "driver mp");
    storeys = 0;
    IS_FOUND(ends_inside, "NBX-0620", "an indication of the connection has not returned");
    IS_FOUND(chain_with_a_receive, "NBX-0620", "no send of its connection");
}

static void
no_abort(void)
{
    s_offload(1);
    s_event(&s.tcp_object[0], TcpIndicateRetrieve, HardwareFailure);
    terminate();
}

static void
failed(NDIS_STATUS status)
{
    s_offload(1);
    NET_BUFFER_LIST *post = s_nbls(1, 10);
    s_request(S_RECEIVE, &s.tcp_object[0], post, 0);
    s_event(&s.tcp_object[0], TcpIndicateRetrieve, HardwareFailure);
    s_event(&s.tcp_object[0], TcpIndicateAbort, 0);
    s_tree(1);
    s_block(&end, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_TERMINATE, &end);
    s_give_back(S_RECEIVE, status);
    s_complete(S_TERMINATE);
    s_free(post);
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST neighbor, path;
    s_block(&neighbor, NeighborOffloadConstState, &s.neighbor_object);
    s_block(&path, Ip4OffloadConstState, &s.path_object);
    neighbor.DependentBlockList = &path;
    s_submit(S_TERMINATE, &neighbor);
    s_complete(S_TERMINATE);
}

static void
fails_mildly(void)
{
    failed(NDIS_STATUS_UPLOAD_IN_PROGRESS);
}

static void
fails_well(void)
{
    failed(NDIS_STATUS_REQUEST_ABORTED);
}

TEST(a_hardware_failure_without_an_abort_is_reported)
{
    IS_FOUND(no_abort, "NBX-0621", "NdisMTerminateOffloadComplete", "TcpIndicateAbort", "driver mp");
    IS_FOUND(fails_mildly, "NBX-0621", "NdisTcpOffloadReceiveComplete", "NDIS_STATUS_REQUEST_ABORTED", "driver mp");
}

TEST(a_hardware_failure_with_its_abort_is_not_reported)
{
    is_none(fails_well);
}

// ---- NBX-0624 and NBX-0625 ----------------------------------------------------------------------------------------------------------

static bool is_indicated;

static void
post_nonpush(ULONG moved)
{
    s_offload(1);
    NET_BUFFER_LIST *post = s_nbls(1, 10);
    NET_BUFFER_LIST_INFO(post, TcpReceiveNoPush) = (PVOID)(ULONG_PTR)TRUE;
    s_request(S_RECEIVE, &s.tcp_object[0], post, 0);
    s_moved(post, moved);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
    s_free(post);
    s.completed[S_RECEIVE] = NULL;
}

static void
nonpush_early(void)
{
    ULONG consumed;
    post_nonpush(4);
    NET_BUFFER_LIST *more = s_nbls(1, 10);
    if (is_indicated)
        s_indicate(&s.tcp_object[0], more, &consumed);
    s_request(S_RECEIVE, &s.tcp_object[0], more, 0);
    s_moved(more, 5);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
}

TEST(a_nonpush_receive_that_comes_back_early_is_reported)
{
    is_indicated = true;
    IS_FOUND(nonpush_early, "NBX-0624", "NdisTcpOffloadReceiveHandler", "nonpush", "driver mp");
    is_indicated = false;
    IS_FOUND(nonpush_early, "NBX-0624", "NdisTcpOffloadReceiveComplete", "nonpush", "driver mp");
}

static void
nonpush_full_and_last(void)
{
    ULONG consumed;
    post_nonpush(10);
    NET_BUFFER_LIST *more = s_nbls(1, 10);
    s_indicate(&s.tcp_object[0], more, &consumed);
    s_return(more);
    s_free(more);
    s_upload(1);
    post_nonpush(4);                          // the peer's FIN stands behind them
    s_event(&s.tcp_object[0], TcpIndicateDisconnect, 0);
    s_upload(1);
}

TEST(a_nonpush_receive_that_comes_back_at_the_end_is_not_reported)
{
    is_none(nonpush_full_and_last);
}

static void
nothing(void)
{
}

TEST(handlers_that_are_asked_for_twice_are_reported)
{
    s_asks = 2;
    IS_FOUND(nothing, "NBX-0625", "NdisMGetOffloadHandlers", "twice", "driver mp");
    s_asks = 1;
    s_is_half = true;
    IS_FOUND(nothing, "NBX-0625", "has not registered both", "driver mp");
    s_is_half = false;
}

TEST(handlers_that_are_asked_for_once_are_not_reported)
{
    is_none(nothing);
}

// ---- NBX-0005: whose a list is --------------------------------------------------------------------------------------------------------

static enum s_data completed_op;

static void
completed_twice(void)
{
    s_offload(1);
    NET_BUFFER_LIST *nbl = s_nbls(1, 0);
    s_request(completed_op, &s.tcp_object[0], nbl, TCP_DISCONNECT_GRACEFUL_CLOSE);
    s_give_back(completed_op, NDIS_STATUS_SUCCESS);
    s.lists[completed_op] = nbl;
    s_give_back(completed_op, NDIS_STATUS_SUCCESS);
}

static void
completes_another(void)
{
    s_offload(1);
    NET_BUFFER_LIST *own = s_nbls(1, 10), *nbl = s_nbls(1, 10);
    s_request(S_SEND, &s.tcp_object[0], nbl, 0);
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
    s_indicate(&s.tcp_object[0], own, &(ULONG){0});
    own->SourceHandle = nbl->SourceHandle;
    s.lists[S_SEND] = own;                    // the host has it
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
}

static void
indicated_twice(void)
{
    ULONG consumed;
    s_offload(2);
    NET_BUFFER_LIST *nbl = s_nbls(1, 10);
    s_indicate(&s.tcp_object[0], nbl, &consumed);
    s_indicate(&s.tcp_object[1], nbl, &consumed);
}

TEST(a_target_that_gives_a_list_that_it_has_not_is_reported)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++) {
        for (completed_op = S_SEND; completed_op < S_DATA; completed_op++)
            IS_FOUND(completed_twice, "NBX-0005", "completed twice, or never sent", "driver mp");
        IS_FOUND(completes_another, "NBX-0005", "NdisTcpOffloadSendComplete", "pa has it", "driver mp");
        IS_FOUND(indicated_twice, "NBX-0005", "NdisTcpOffloadReceiveHandler", "pa has it", "driver mp");
    }
    storeys = 0;
}
