// SPDX-License-Identifier: MIT
// What goes up unasked: events of a connection, received data, neighbour reachability, and what a target says by status indications. The
// statements of docs/contracts/tcp-offload-event.md are shown here.
#include "stand.h"

#include <string.h>

// ---- ProtocolTcpOffloadEvent -----------------------------------------------------------------------------------------------------

static void
event_is(ULONG type, ULONG information)
{
    uint32_t before = s.events;
    s_event(&s.tcp_object[1], type, information);
    ck_assert_uint_eq(s.events, before + 1);
    ck_assert_uint_eq(s.event_type, type);
    ck_assert_uint_eq(s.event_information, information);
    ck_assert_ptr_eq(s.event_context, &s.tcp_object[1].handle);
}

static void
events_go_up(void)
{
    s_offload(2);
    for (ULONG reason = LowActivity; reason < MaxUploadReason; reason++)
        event_is(TcpIndicateRetrieve, reason);
    event_is(TcpIndicateDisconnect, 0);
    event_is(TcpIndicateAbort, 0);
    event_is(TcpIndicateSendBacklogChange, 0);
    event_is(TcpIndicateSendBacklogChange, 0xffffffff);
    w_irql_was("ProtocolTcpOffloadEvent", DISPATCH_LEVEL);
    s_upload(2);
}

TEST(ProtocolTcpOffloadEvent_gets_each_event_with_its_information)
{
    s_run(events_go_up);
}

TEST(NdisTcpOffloadEventHandler_takes_every_upload_reason_and_any_backlog)
{
    s_run(events_go_up);
}

// "Not meaningful": it is handed on all the same, and nobody objects to what it says.
static void
junk_goes_up(void)
{
    s_offload(2);
    event_is(TcpIndicateDisconnect, 0xdeadbeef);
    event_is(TcpIndicateAbort, 0xffffffff);
    s_upload(2);
}

TEST(ProtocolTcpOffloadEvent_hands_on_EventSpecificInformation_of_Disconnect_and_Abort_unchanged_and_ignores_it)
{
    s_run(junk_goes_up);
}

static void
own_pointer_comes_back(void)
{
    ULONG consumed;
    s_offload(2);
    NET_BUFFER_LIST *nbl = s_nbls(1, 10);
    ck_assert_int_eq(s_indicate(&s.tcp_object[0], nbl, &consumed), NDIS_STATUS_SUCCESS);
    s_return(nbl);
    s_event(&s.tcp_object[0], TcpIndicateDisconnect, 0);
    // In the walk of s_tree the first connection is the third block.
    for (uint32_t hop = 0; hop <= s.storeys; hop++) {
        ck_assert_ptr_eq(s.event_contexts[hop], s.given[hop][2]);
        ck_assert_ptr_eq(s.receive_contexts[hop], s.given[hop][2]);
        for (uint32_t other = 0; other < hop; other++)
            ck_assert_ptr_ne(s.event_contexts[hop], s.event_contexts[other]);
    }
    ck_assert_ptr_eq(s.event_contexts[s.storeys], &s.tcp_object[0].handle);
    s_free(nbl);
    s_upload(2);
}

TEST(ProtocolTcpOffloadEvent_gets_the_very_NDIS_OFFLOAD_HANDLE_that_its_layer_gave_to_NdisInitiateOffload_at_each_of_three_layers)
{
    s_run(own_pointer_comes_back);
}

static void
events_before_and_after(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tcp;
    s_offload(2);
    s_block(&tcp, TcpOffloadConstState, &s.tcp_object[1]);
    s_submit(S_TERMINATE, &tcp);
    event_is(TcpIndicateAbort, 0);            // until the terminate has completed
    s_complete(S_TERMINATE);
    s_upload(1);
}

TEST(NdisTcpOffloadEventHandler_may_be_called_until_the_terminate_has_completed)
{
    s_run(events_before_and_after);
}

// ---- ProtocolTcpOffloadReceiveIndicate -----------------------------------------------------------------------------------------------

static void
data_goes_up(void)
{
    static const struct {
        NDIS_STATUS answer;
        ULONG consumed;
    } answers[] = {{NDIS_STATUS_SUCCESS, 40},
                   {NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED, 0},
                   {NDIS_STATUS_OFFLOAD_DATA_PARTIALLY_ACCEPTED, 17}};
    s_offload(1);
    for (int i = 0; i < 3; i++) {
        NET_BUFFER_LIST *nbl = s_nbls(1, 40);
        ULONG consumed = 99;
        s.answer = answers[i].answer;
        s.accepts = answers[i].consumed;
        ck_assert_int_eq(s_indicate(&s.tcp_object[0], nbl, &consumed), answers[i].answer);
        ck_assert_uint_eq(consumed, answers[i].consumed);
        ck_assert_ptr_eq(s.indicated, nbl);
        ck_assert_ptr_eq(s.indicated_context, &s.tcp_object[0].handle);
        ck_assert_int_eq(s.indicated_status, NDIS_STATUS_SUCCESS);
        if (answers[i].answer == NDIS_STATUS_SUCCESS)
            s_return(nbl);
        // A receive is what lets the target indicate again.
        NET_BUFFER_LIST *post = s_nbls(1, 0);
        s.completed[S_RECEIVE] = NULL;
        s_request(S_RECEIVE, &s.tcp_object[0], post, 0);
        s_give_back(S_RECEIVE, NDIS_STATUS_SUCCESS);
        s_free(post);
        s_free(nbl);
    }
    w_irql_was("ProtocolTcpOffloadReceiveIndicate", DISPATCH_LEVEL);
    s_upload(1);
}

TEST(ProtocolTcpOffloadReceiveIndicate_gets_the_very_list_and_its_answer_goes_back_down)
{
    s_run(data_goes_up);
}

TEST(NdisTcpOffloadReceiveHandler_brings_each_answer_and_the_bytes_consumed)
{
    s_run(data_goes_up);
}

// ---- neighbours ------------------------------------------------------------------------------------------------------------------

static void
neighbor_is_asked(void)
{
    struct s_neighbor asked;
    KIRQL old;
    memset(&asked, 0x5a, sizeof asked);       // "does not have to initialize any other members"
    asked.block.Header = (NDIS_OBJECT_HEADER){NeighborOffloadState, NDIS_OFFLOAD_BLOCK_LIST_REVISION_1, sizeof asked.block};
    asked.block.NextBlock = asked.block.DependentBlockList = NULL;
    asked.block.Status = NDIS_STATUS_SUCCESS;
    asked.delegated.NicReachabilityDelta = 7;
    s.host_delta = 4242;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    NdisMOffloadEventIndicate(w.mp, (void *)&asked.block, NeighborReachabilityQuery);
    KeLowerIrql(old);
    ck_assert_ptr_eq(s.neighbor_event, &asked.block);
    ck_assert_uint_eq(s.neighbor_code, NeighborReachabilityQuery);
    ck_assert_ptr_eq(w_call("ProtocolIndicateOffloadEvent")->context, &w.protocol[0].binding_context);
    ck_assert_uint_eq(asked.cached.HostReachabilityDelta, 4242);   // the host's answer is there when the call returns
    ck_assert_uint_eq(asked.delegated.NicReachabilityDelta, 7);
    w_irql_was("ProtocolIndicateOffloadEvent", DISPATCH_LEVEL);
}

TEST(NdisMOffloadEventIndicate_asks_the_host_and_its_answer_is_there_when_the_call_returns)
{
    s_run(neighbor_is_asked);
}

TEST(ProtocolIndicateOffloadEvent_gets_the_block_and_the_neighbor_behind_it)
{
    s_run(neighbor_is_asked);
}

// ---- status indications -------------------------------------------------------------------------------------------------------------

static NDIS_STATUS status_code;
static uint32_t status_count;

static NTAPI VOID
on_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    if (indication->StatusCode == NDIS_STATUS_LINK_STATE)
        return;
    status_code = indication->StatusCode;
    status_count++;
}

static void
target_says(void)
{
    static const NDIS_STATUS codes[] = {NDIS_STATUS_OFFLOAD_PAUSE, NDIS_STATUS_UPLOAD_ALL, NDIS_STATUS_OFFLOAD_RESUME};
    s_offload(1);
    for (int i = 0; i < 3; i++) {
        NDIS_STATUS_INDICATION indication = {
            .Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
            .SourceHandle = w.mp,
            .StatusCode = codes[i]};
        status_count = 0;
        NdisMIndicateStatusEx(w.mp, &indication);
        ck_assert_uint_eq(status_count, 1);
        ck_assert_int_eq(status_code, codes[i]);
    }
    s_upload(1);
}

TEST(NdisMIndicateStatusEx_brings_pause_upload_all_and_resume_of_a_target_to_the_host)
{
    w_own.protocol_status = on_status;
    s_run(target_says);
}
