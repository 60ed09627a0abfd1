// SPDX-License-Identifier: MIT
// An intermediate driver without memory: what it cannot pass on it gives back as the pages say, later and not inside the call, and nothing
// is lost. The allocation that is refused is each of those that the operation asks for, in turn.
#include "stand.h"

#include <string.h>

#include "nbx/fault.h"

static enum s_op waited_op;
static enum s_data waited_data;
static uint32_t waited_completions;
static uint64_t refused;                      // how often the allocation that was to be refused was asked for

static bool
is_done(void)
{
    return s.done[waited_op] != NULL || s.tree[waited_op] != NULL;
}

static bool
is_completed(void)
{
    return s.completions[waited_data] >= waited_completions;
}

static void
refuse(uint64_t number)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .driver = s.storeys == 2 ? "outer" : "passthru"};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

// Returns whether it was refused.
static bool
refuse_end(void)
{
    struct nbx_fault_report report;
    nbx_fault_disarm(&report);
    refused += report.refused;
    return report.refused != 0;
}

static void
initiates(void)
{
    if (!s.storeys)
        return;
    for (uint64_t number = 1;; number++) {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = s_tree(2), placeholder;
        NET_BUFFER_LIST *data = s_nbls(2, 40);
        s_block(&placeholder, 0, NULL);
        placeholder.NextBlock = tree;
        placeholder.ImReserved[0] = tree;
        s_chain(1, data);
        refuse(number);
        waited_op = S_INITIATE;
        s_submit(S_INITIATE, &placeholder);
        w_until(is_done);
        bool was_refused = refuse_end();
        if (!was_refused)
            s_complete(S_INITIATE);
        else {
            ck_assert_ptr_null(s.tree[S_INITIATE]);
            ck_assert_int_eq(placeholder.Status, NDIS_STATUS_SUCCESS);
            ck_assert_int_eq(s.neighbor.block.Status, NDIS_STATUS_RESOURCES);
            ck_assert_int_eq(s.tcp[1].block.Status, NDIS_STATUS_RESOURCES);
            ck_assert_ptr_null(s.neighbor_object.handle.MiniportOffloadContext);
            ck_assert_ptr_null(s.tcp_object[1].handle.MiniportOffloadContext);
        }
        ck_assert_ptr_eq(s.done[S_INITIATE], &placeholder);
        ck_assert_ptr_eq(placeholder.ImReserved[0], tree);
        if (!was_refused) {
            ck_assert_uint_gt(number, 4);     // a call entry, an offload entry each, a context for each list
            s.lists[S_SEND] = data;
            s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
            s_free(data);
            s_upload(2);
            return;
        }
        s_free(data);
    }
}

TEST(MiniportInitiateOffload_of_an_intermediate_driver_without_memory_fails_the_tree_and_leaves_nothing)
{
    s_run(initiates);
    ck_assert_uint_gt(refused, 0);
}

static void
terminates(void)
{
    if (!s.storeys)
        return;
    for (uint64_t number = 1;; number++) {
        s_offload(2);
        s_tree(2);
        s.neighbor.block.Header.Type = NeighborOffloadConstState;
        s.path.block.Header.Type = Ip4OffloadConstState;
        s.tcp[0].block.Header.Type = s.tcp[1].block.Header.Type = TcpOffloadConstState;
        s.done[S_TERMINATE] = NULL;
        refuse(number);
        s_submit(S_TERMINATE, &s.neighbor.block);
        bool was_late = s.tree[S_TERMINATE] == NULL;
        waited_op = S_TERMINATE;
        w_until(is_done);                     // tried again until there is memory
        ck_assert(refuse_end() == was_late);
        s_complete(S_TERMINATE);
        ck_assert_ptr_eq(s.done[S_TERMINATE], &s.neighbor.block);
        ck_assert_int_eq(s.tcp[1].block.Status, NDIS_STATUS_SUCCESS);
        s.contexts = 0;
        if (!was_late)
            return;
    }
}

TEST(MiniportTerminateOffload_of_an_intermediate_driver_without_memory_is_tried_again_and_loses_nothing)
{
    s_run(terminates);
    ck_assert_uint_gt(refused, 0);
}

static void
others_fail(void)
{
    static const enum s_op ops[] = {S_UPDATE, S_INVALIDATE, S_QUERY};
    if (!s.storeys)
        return;
    s_offload(1);
    for (int i = 0; i < 3; i++) {
        struct {
            NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
            TCP_OFFLOAD_STATE_CONST state;
        } tcp;
        s_block(&tcp.block, TcpOffloadConstState, &s.tcp_object[0]);
        refuse(1);
        s_submit(ops[i], &tcp.block);
        waited_op = ops[i];
        w_until(is_done);
        ck_assert(refuse_end());
        ck_assert_ptr_eq(s.done[ops[i]], &tcp.block);
        ck_assert_int_eq(tcp.block.Status, NDIS_STATUS_FAILURE);
        ck_assert_ptr_eq(tcp.block.OffloadHandle, &s.tcp_object[0].handle);
        s_submit(ops[i], &tcp.block);
        s_complete(ops[i]);
        ck_assert_int_eq(tcp.block.Status, NDIS_STATUS_SUCCESS);
    }
    s_upload(1);
}

TEST(MiniportQueryOffload_and_its_kin_of_an_intermediate_driver_without_memory_end_with_NDIS_STATUS_FAILURE)
{
    s_run(others_fail);
    ck_assert_uint_gt(refused, 0);
}

static NET_BUFFER_LIST *
one_fails(enum s_data op, uint32_t count, uint64_t number, ULONG flags)
{
    NET_BUFFER_LIST *nbls = s_nbls(count, 0);
    refuse(number);
    waited_data = op;
    waited_completions = s.completions[op] + 1;
    s.completed[op] = NULL;
    ck_assert_int_eq(s_request(op, &s.tcp_object[0], nbls, flags), NDIS_STATUS_PENDING);
    w_until(is_completed);
    refuse_end();
    ck_assert_ptr_null(s.lists[op]);          // it did not get to the target
    ck_assert_ptr_eq(s.completed[op], nbls);
    return nbls;
}

static bool
is_without(void)
{
    return s.without != 0;
}

// The FIN of a graceful disconnect that has no list stays behind as well; a reset need not.
static void
without_a_list(void)
{
    s.without = 0;
    s.disconnects = 0;
    s.completed[S_DISCONNECT] = NULL;
    ck_assert_int_eq(s_request(S_DISCONNECT, &s.tcp_object[0], NULL, TCP_DISCONNECT_GRACEFUL_CLOSE), NDIS_STATUS_PENDING);
    w_until(is_without);
    ck_assert_uint_eq(s.without, 1);
    ck_assert_uint_eq(s.disconnects, 0);      // it did not get to the target
    ck_assert_int_eq(s_request(S_DISCONNECT, &s.tcp_object[0], NULL, TCP_DISCONNECT_ABORTIVE_CLOSE), NDIS_STATUS_PENDING);
    ck_assert_uint_eq(s.disconnects, 1);
    s_give_back(S_DISCONNECT, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(s.without, 2);
}

static void
sends_fail(void)
{
    if (!s.storeys)
        return;
    for (uint64_t number = 1; number <= 3; number++) {
        s_offload(1);
        NET_BUFFER_LIST *nbls = one_fails(S_SEND, 3, number, 0);
        ck_assert_int_eq(nbls->Status, NDIS_STATUS_REQUEST_UPLOAD);
        ck_assert_int_eq(nbls->Next->Status, NDIS_STATUS_UPLOAD_REQUESTED);
        ck_assert_int_eq(nbls->Next->Next->Status, NDIS_STATUS_UPLOAD_REQUESTED);
        s_free(nbls);
        // Whatever comes after it would be out of order: there is memory now, and it fails all the same.
        nbls = one_fails(S_SEND, 1, 1000, 0);
        ck_assert_int_eq(nbls->Status, NDIS_STATUS_UPLOAD_REQUESTED);
        s_free(nbls);
        nbls = one_fails(S_DISCONNECT, 1, 1000, TCP_DISCONNECT_GRACEFUL_CLOSE);
        ck_assert_int_eq(nbls->Status, NDIS_STATUS_UPLOAD_IN_PROGRESS);
        s_free(nbls);
        ck_assert_uint_eq(s.events, 0);       // the status of the send has said it
        s_upload(1);
    }
    s_offload(1);
    s_free(one_fails(S_SEND, 1, 1, 0));
    without_a_list();
    s_upload(1);
}

TEST(MiniportTcpOffloadSend_of_an_intermediate_driver_without_memory_asks_for_the_upload_by_its_status)
{
    s_run(sends_fail);
    ck_assert_uint_gt(refused, 0);
}

static void
others_ask(void)
{
    static const struct {
        enum s_data op;
        ULONG flags;
    } requests[] = {{S_RECEIVE, 0}, {S_FORWARD, 0}, {S_DISCONNECT, TCP_DISCONNECT_ABORTIVE_CLOSE}};
    if (!s.storeys)
        return;
    for (int i = 0; i < 3; i++) {
        s_offload(1);
        s.events = 0;
        NET_BUFFER_LIST *nbl = one_fails(requests[i].op, 1, 1, requests[i].flags);
        ck_assert_int_eq(nbl->Status, NDIS_STATUS_UPLOAD_IN_PROGRESS);
        ck_assert_uint_eq(s.events, 1);
        ck_assert_uint_eq(s.event_type, TcpIndicateRetrieve);
        ck_assert_uint_eq(s.event_information, UploadRequested);
        ck_assert_ptr_eq(s.event_context, &s.tcp_object[0].handle);
        s_free(nbl);
        s_upload(1);
    }
}

TEST(MiniportTcpOffloadReceive_and_its_kin_of_an_intermediate_driver_without_memory_ask_for_the_upload_by_an_event)
{
    s_run(others_ask);
    ck_assert_uint_gt(refused, 0);
}
