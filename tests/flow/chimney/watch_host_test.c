// SPDX-License-Identifier: MIT
// Rules of the chimney that a host stack keeps or breaks: NBX-0610, 0612, 0616, 0619, 0622, 0626, 0627; and whose a NET_BUFFER_LIST is.
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

// ---- NBX-0610 ---------------------------------------------------------------------------------------------------------------------

static TCP_OFFLOAD_CONNECTION_STATE state;

static void
offload_in_state(void)
{
    s_tree(1);
    s.tcp[0].delegated.State = state;
    s_submit(S_INITIATE, &s.neighbor.block);
}

static void
chain_is_short(void)
{
    NET_BUFFER_LIST *data = s_nbls(2, 40);
    s_tree(1);
    s_chain(0, data);
    s.tcp[0].delegated.SndMax += 2;           // one would be a FIN
    s_submit(S_INITIATE, &s.neighbor.block);
}

static void
numbers_are_swapped(void)
{
    s_tree(1);
    s.tcp[0].delegated.SndMax--;
    s_submit(S_INITIATE, &s.neighbor.block);
}

static void
head_is_elsewhere(void)
{
    NET_BUFFER_LIST *data = s_nbls(2, 40);
    s_tree(1);
    s_chain(0, data);
    s.tcp[0].delegated.SendDataHead = NULL;
    s_submit(S_INITIATE, &s.neighbor.block);
}

static void
linker_of_nothing(void)
{
    s_offload(1);
    s_tree(1);
    s.path.block.DependentBlockList = NULL;
    s_submit(S_INITIATE, &s.neighbor.block);
}

TEST(a_connection_that_may_not_be_offloaded_is_reported)
{
    static const TCP_OFFLOAD_CONNECTION_STATE states[] = {TcpConnectionClosed, TcpConnectionListen, TcpConnectionSynSent,
                                                          TcpConnectionSynRcvd, TcpConnectionTimeWait};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        state = states[i];
        IS_FOUND(offload_in_state, "NBX-0610", "NdisInitiateOffload", "cannot be offloaded", "driver pa");
    }
    IS_FOUND(chain_is_short, "NBX-0610", "SndMax - SndUna");
    IS_FOUND(numbers_are_swapped, "NBX-0610", "not in this order");
    IS_FOUND(head_is_elsewhere, "NBX-0610", "SendDataHead");
    IS_FOUND(linker_of_nothing, "NBX-0610", "no dependents");
}

static void
offload_and_back(void)
{
    static const TCP_OFFLOAD_CONNECTION_STATE states[] = {TcpConnectionEstablished, TcpConnectionFinWait1, TcpConnectionFinWait2,
                                                          TcpConnectionCloseWait, TcpConnectionClosing, TcpConnectionLastAck};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        NET_BUFFER_LIST *data = s_nbls(3, 40);
        s_tree(1);
        s_chain(0, data);
        s.tcp[0].delegated.State = states[i];
        s.tcp[0].delegated.SndMax++;
        s.tcp[0].delegated.SndNxt = s.tcp[0].delegated.SndUna;
        s_submit(S_INITIATE, &s.neighbor.block);
        s_complete(S_INITIATE);
        s.lists[S_SEND] = data;
        s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
        s_free(data);
        s.completed[S_SEND] = NULL;
        s_upload(1);
    }
}

TEST(each_state_that_may_be_offloaded_may)
{
    is_none(offload_and_back);
}

// ---- NBX-0612 ---------------------------------------------------------------------------------------------------------------------

static bool is_over;

static NTAPI VOID
another_thread(PVOID op)
{
    s.on_request = NULL;
    s_request((enum s_data)(ULONG_PTR)op, &s.tcp_object[0], s_nbls(1, 10), 0);
    is_over = true;
}

static bool
it_is_over(void)
{
    return is_over;
}

// The target is not back from the first request when another thread of the host's makes the second.
static void
second_request(enum s_data op)
{
    HANDLE thread;
    PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, another_thread, (PVOID)(ULONG_PTR)op);
    w_until(it_is_over);
}

static enum s_data twice;

static void
two_posters(void)
{
    s_offload(1);
    s.on_request = second_request;
    s_request(twice, &s.tcp_object[0], s_nbls(1, 10), 0);
}

TEST(two_threads_that_send_on_one_connection_are_reported)
{
    twice = S_SEND;
    IS_FOUND(two_posters, "NBX-0612", "NdisOffloadTcpSend", "another thread", "driver pa");
    twice = S_RECEIVE;
    IS_FOUND(two_posters, "NBX-0612", "NdisOffloadTcpReceive", "another thread", "driver pa");
}

static void
post_again(enum s_data op)
{
    s.on_completed = NULL;
    if (op == S_RECEIVE)
        s_request(S_RECEIVE, &s.tcp_object[0], s_nbls(1, 0), 0);
}

static void
receive_inside(void)
{
    s_offload(1);
    s.on_completed = post_again;
    s_request(S_RECEIVE, &s.tcp_object[0], s_nbls(1, 0), 0);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
    s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
    s_free(s.completed[S_RECEIVE]);
    s_upload(1);
}

TEST(a_receive_that_is_posted_inside_a_completion_is_not_reported)
{
    is_none(receive_inside);
}

// ---- NBX-0616 ---------------------------------------------------------------------------------------------------------------------

static void
disconnect_fails(ULONG flags, NET_BUFFER_LIST *nbl)
{
    s_request(S_DISCONNECT, &s.tcp_object[0], nbl, flags);
    s_give_back(S_DISCONNECT, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    s.completed[S_DISCONNECT] = NULL;
}

static void
disconnect_twice(void)
{
    NET_BUFFER_LIST *nbl = s_nbls(1, 0);
    s_offload(1);
    disconnect_fails(TCP_DISCONNECT_GRACEFUL_CLOSE, nbl);
    s_request(S_DISCONNECT, &s.tcp_object[0], nbl, TCP_DISCONNECT_GRACEFUL_CLOSE);
}

TEST(a_disconnect_that_is_made_again_is_reported)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++)
        IS_FOUND(disconnect_twice, "NBX-0616", "NdisOffloadTcpDisconnect", "has failed", "driver pa");
    storeys = 0;
}

static void
abort_instead(void)
{
    NET_BUFFER_LIST *nbl = s_nbls(1, 0);
    s_offload(1);
    disconnect_fails(TCP_DISCONNECT_GRACEFUL_CLOSE, nbl);
    s_request(S_DISCONNECT, &s.tcp_object[0], nbl, TCP_DISCONNECT_ABORTIVE_CLOSE);
    s_give_back(S_DISCONNECT, NDIS_STATUS_SUCCESS);
    s_free(nbl);
    s_upload(1);
}

TEST(an_abort_after_a_disconnect_that_failed_is_not_reported)
{
    is_none(abort_instead);
}

// ---- NBX-0619 and NBX-0622 ----------------------------------------------------------------------------------------------------------

struct cached {
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
    TCP_OFFLOAD_STATE_CACHED state;
};
static enum s_op is_out;

static void
terminate_over(void)
{
    struct cached first = {.state.TtlOrHopLimit = 1};
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tcp;
    s_offload(1);
    s_block(&first.block, TcpOffloadCachedState, &s.tcp_object[0]);
    s_submit(is_out, &first.block);
    s_block(&tcp, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_TERMINATE, &tcp);
}

static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST end;

static void
terminate_now(enum s_data op)
{
    s_block(&end, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_TERMINATE, &end);
}

static void
terminate_inside(void)
{
    s_offload(1);
    s.on_request = terminate_now;
    s_request(S_RECEIVE, &s.tcp_object[0], s_nbls(1, 10), 0);
}

TEST(a_terminate_over_an_update_is_reported)
{
    static const enum s_op ops[] = {S_UPDATE, S_INVALIDATE, S_QUERY};
    for (int i = 0; i < 3; i++) {
        is_out = ops[i];
        IS_FOUND(terminate_over, "NBX-0619", "NdisTerminateOffload", "has not completed", "driver pa");
    }
    IS_FOUND(terminate_inside, "NBX-0619", "NdisTerminateOffload", "NdisOffloadTcpReceive", "driver pa");
}

static void
everything_and_terminate(void)
{
    static const enum s_op ops[] = {S_UPDATE, S_QUERY, S_INVALIDATE};
    s_offload(1);
    for (int i = 0; i < 3; i++) {
        struct cached tcp = {.state.TtlOrHopLimit = 1};
        s_block(&tcp.block, TcpOffloadCachedState, &s.tcp_object[0]);
        s_submit(ops[i], &tcp.block);
        s_complete(ops[i]);
    }
    NET_BUFFER_LIST *post = s_nbls(1, 10), *send = s_nbls(2, 10), *forward = s_nbls(1, 10);
    s_request(S_RECEIVE, &s.tcp_object[0], post, 0);
    s_request(S_SEND, &s.tcp_object[0], send, 0);
    s_request(S_FORWARD, &s.tcp_object[0], forward, 0);
    s_tree(1);
    s.neighbor.block.DependentBlockList = NULL;
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        TCP_OFFLOAD_STATE_DELEGATED state;
    } tcp = {.state.State = TcpConnectionEstablished};
    s_block(&tcp.block, TcpOffloadDelegatedState, &s.tcp_object[0]);
    s_submit(S_TERMINATE, &tcp.block);
    s_give_back(S_RECEIVE, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    s_give_back(S_FORWARD, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    tcp.block.NetBufferListChain = s.lists[S_SEND];   // it could not send these
    s_complete(S_TERMINATE);
    s_free(post);
    s_free(send);
    s_free(forward);
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST neighbor, path;
    s_block(&neighbor, NeighborOffloadConstState, &s.neighbor_object);
    s_block(&path, Ip4OffloadConstState, &s.path_object);
    neighbor.DependentBlockList = &path;
    s_submit(S_TERMINATE, &neighbor);
    s_complete(S_TERMINATE);
}

TEST(a_terminate_after_all_else_is_not_reported)
{
    is_none(everything_and_terminate);
}

static void
update_twice(void)
{
    struct cached first = {.state.TtlOrHopLimit = 1}, second = first;
    s_offload(1);
    s_block(&first.block, TcpOffloadCachedState, &s.tcp_object[0]);
    s_submit(S_UPDATE, &first.block);
    s_block(&second.block, TcpOffloadCachedState, &s.tcp_object[0]);
    s_submit(S_UPDATE, &second.block);
}

static void
update_what_is_invalid(void)
{
    struct cached tcp = {.state.TtlOrHopLimit = 1};
    s_offload(1);
    s_block(&tcp.block, TcpOffloadConstState, &s.tcp_object[0]);
    s_submit(S_INVALIDATE, &tcp.block);
    s_complete(S_INVALIDATE);
    s_block(&tcp.block, TcpOffloadCachedState, &s.tcp_object[0]);
    s_submit(S_UPDATE, &tcp.block);
}

TEST(a_second_update_of_one_object_is_reported)
{
    IS_FOUND(update_twice, "NBX-0622", "NdisUpdateOffload", "being updated", "driver pa");
    IS_FOUND(update_what_is_invalid, "NBX-0622", "NdisUpdateOffload", "invalidated", "driver pa");
}

static void
update_two_at_a_time(void)
{
    struct cached first = {.state.TtlOrHopLimit = 1}, second = first;
    s_offload(2);
    s_block(&first.block, TcpOffloadCachedState, &s.tcp_object[0]);
    s_block(&second.block, TcpOffloadCachedState, &s.tcp_object[1]);
    first.block.NextBlock = &second.block;    // in one tree, and then each again
    s_submit(S_UPDATE, &first.block);
    s_complete(S_UPDATE);
    first.block.NextBlock = NULL;
    s_submit(S_UPDATE, &first.block);
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *kept = s.tree[S_UPDATE];
    s.tree[S_UPDATE] = NULL;
    s_submit(S_UPDATE, &second.block);
    s_complete(S_UPDATE);
    s.done[S_UPDATE] = NULL;
    s.tree[S_UPDATE] = kept;
    s_complete(S_UPDATE);
    s_upload(2);
}

TEST(updates_of_two_objects_at_a_time_are_not_reported)
{
    is_none(update_two_at_a_time);
}

// ---- NBX-0626 and NBX-0627 ----------------------------------------------------------------------------------------------------------

static void
never_returns(void)
{
    ULONG consumed;
    s_offload(1);
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
    s_upload(1);
}

TEST(data_that_is_never_returned_is_reported)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++)
        IS_FOUND(never_returns, "NBX-0626", "NdisCloseAdapterEx", "1 NET_BUFFER_LISTs", "driver pa");
    storeys = 0;
}

// What comes with a terminate is lent as well.
static void
returns_all(void)
{
    ULONG consumed;
    NET_BUFFER_LIST *data = s_nbls(1, 10), *buffered = s_nbls(2, 10);
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        TCP_OFFLOAD_STATE_DELEGATED state;
    } tcp = {.state.BufferedData = NULL};
    s_offload(1);
    s_indicate(&s.tcp_object[0], data, &consumed);
    s_block(&tcp.block, TcpOffloadDelegatedState, &s.tcp_object[0]);
    s_submit(S_TERMINATE, &tcp.block);
    tcp.state.BufferedData = buffered;
    s_complete(S_TERMINATE);
    s_return(buffered);
    s_return(data);
    s_free(data);
    s_free(buffered);
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST neighbor, path;
    s_block(&neighbor, NeighborOffloadConstState, &s.neighbor_object);
    s_block(&path, Ip4OffloadConstState, &s.path_object);
    neighbor.DependentBlockList = &path;
    s_submit(S_TERMINATE, &neighbor);
    s_complete(S_TERMINATE);
}

TEST(data_that_is_returned_is_not_reported)
{
    is_none(returns_all);
}

static ULONG ticks;

static void
set_ticks(void)
{
    static NDIS_OID_REQUEST request;
    static NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS parameters;
    parameters = (NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS){.Header = {NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof parameters},
                                                          .TicksPerSecond = ticks};
    request = (NDIS_OID_REQUEST){.Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1,
                                            NDIS_SIZEOF_OID_REQUEST_REVISION_1},
                                 .RequestType = NdisRequestSetInformation,
                                 .DATA.SET_INFORMATION = {OID_TCP_CONNECTION_OFFLOAD_PARAMETERS, &parameters, sizeof parameters, 0, 0}};
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(w.box, "pa"), "test");
    NDIS_STATUS status = NdisOidRequest(s.binding, &request);
    ke_driver_leave(ke_self(), crossing);
    ck_assert(status == NDIS_STATUS_SUCCESS || status == NDIS_STATUS_PENDING);
    ndis_settle(w.box);
}

TEST(a_granularity_of_no_use_is_reported)
{
    ticks = 50;
    IS_FOUND(set_ticks, "NBX-0627", "NdisOidRequest", "TicksPerSecond", "driver pa");
}

TEST(each_granularity_that_a_host_may_set_may_be_set)
{
    for (ticks = 10; ticks <= 1000; ticks *= 10)
        is_none(set_ticks);
}

// ---- NBX-0005: whose a list is --------------------------------------------------------------------------------------------------------

static void
posted_twice(void)
{
    s_offload(1);
    NET_BUFFER_LIST *nbl = s_nbls(1, 10);
    s_request(S_SEND, &s.tcp_object[0], nbl, 0);
    s_request(S_RECEIVE, &s.tcp_object[0], nbl, 0);
}

static void
freed_while_out(void)
{
    s_offload(1);
    NET_BUFFER_LIST *nbl = s_nbls(1, 10);
    s_request(S_SEND, &s.tcp_object[0], nbl, 0);
    s_free(nbl);
}

static void
freed_with_the_tree(void)
{
    NET_BUFFER_LIST *data = s_nbls(1, 40);
    s_tree(1);
    s_chain(0, data);
    s_submit(S_INITIATE, &s.neighbor.block);
    s_complete(S_INITIATE);
    s_free(data);
}

static void
returned_twice(void)
{
    ULONG consumed;
    NET_BUFFER_LIST *nbl = s_nbls(1, 10);
    s_offload(1);
    s_indicate(&s.tcp_object[0], nbl, &consumed);
    s_return(nbl);
    s_return(nbl);
}

static void
refused_and_returned(void)
{
    s.on_data = NULL;
    s_return(s.indicated);
}

static void
returned_and_refused(void)
{
    ULONG consumed;
    s_offload(1);
    s.on_data = refused_and_returned;
    s.answer = NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED;
    s_indicate(&s.tcp_object[0], s_nbls(1, 10), &consumed);
}

TEST(a_host_that_uses_a_list_that_an_offload_target_has_is_reported)
{
    for (storeys = 0; storeys < S_LAYERS; storeys++) {
        IS_FOUND(posted_twice, "NBX-0005", "NdisOffloadTcpReceive", "driver pa", "given to an offload target by pa, NdisOffloadTcpSend");
        IS_FOUND(freed_while_out, "NBX-0005", "NdisFreeNetBufferList", "a request or data of an offloaded connection", "driver pa");
        IS_FOUND(freed_with_the_tree, "NBX-0005", "NdisFreeNetBufferList", "given to an offload target by pa, NdisInitiateOffload");
        IS_FOUND(returned_twice, "NBX-0005", "NdisOffloadTcpReceiveReturn", "driver pa");
    }
    storeys = 0;
    IS_FOUND(returned_and_refused, "NBX-0005", "ProtocolTcpOffloadReceiveIndicate", "driver pa");
}
