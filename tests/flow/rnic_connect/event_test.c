// SPDX-License-Identifier: MIT
// NdkDisconnectEventCallback and NdkDisconnectEventCallbackEx: once, for whatever ended the connection but the consumer itself, with the
// context that NdkCompleteConnect and NdkAccept were given; they flush nothing. That of NDKPI 2.1 gets a reason of the provider's.
#include <check.h>

#include "kit.h"

#define REASON_PEER 1
#define REASON_RESET 2
#define REASON_TIMED_OUT 3
#define REASON_PEER_TERMINATE 4
#define REASON_TERMINATE 5
#define REASON_DETAIL (1u << 20 | 1u << 16)   // of DDP: layer 1, type 1 (tagged), code 0 (an invalid STag) [RFC 5041 8.2]

static ULONG
results(int box)
{
    NDK_RESULT all[32];
    ULONG count;
    RC_CALL(box, count = rc_end[box].cq->Dispatch->NdkGetCqResults(rc_end[box].cq, all, 32));
    return count;
}

static void
receives_post(struct rc_side *side, ULONG count)
{
    for (ULONG i = 0; i < count; i++)
        RC_CALL(side->box, ck_assert_int_eq(side->qp->Dispatch->NdkReceive(side->qp, NULL, NULL, 0), STATUS_SUCCESS));
}

static void
told_once(struct rc_side *side, ULONG reason)
{
    ck_assert(rc_event(side->box, &side->disconnected, RC_WAIT_S * 1000));
    rc_sleep_ms(100000);                      // and never again
    ck_assert_uint_eq(side->disconnects, 1);
    ck_assert_uint_eq(side->reason, side->is_ex ? reason : 0);
}

// Whichever side it is that hears of it: one registered with NdkAccept, the other with NdkCompleteConnect.
static void
in_order(bool hears_passive)
{
    struct rc_pair pair = {0};
    struct rc_side *hears = hears_passive ? &pair.passive : &pair.active, *ends = hears_passive ? &pair.active : &pair.passive;
    rc_pair_open(&pair);
    receives_post(hears, 3);
    rc_disconnect(ends);
    ck_assert(rc_event(hears->box, &hears->disconnected, RC_WAIT_S * 1000));
    ck_assert_uint_eq(hears->disconnects, 1);
    ck_assert_uint_eq(hears->reason, hears->is_ex ? REASON_PEER : 0);
    ck_assert_uint_eq(results(hears->box), 0);              // the event flushes nothing
    rc_disconnect(hears);
    ck_assert_int_eq(rc_finish(hears), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(ends), STATUS_SUCCESS);
    ck_assert_uint_eq(results(hears->box), 3);              // the disconnect does
    rc_sleep_ms(1000);
    ck_assert_uint_eq(hears->disconnects, 1);
    ck_assert_uint_eq(ends->disconnects, 0);                // it came first
    rc_pair_close(&pair);
}

static void
once_in_order(void)
{
    in_order(false);
    in_order(true);
}

static void
once_for_a_reset(void)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    receives_post(&pair.passive, 2);
    rc_side_close(&pair.active);
    told_once(&pair.passive, REASON_RESET);
    ck_assert_uint_eq(results(1), 0);
    rc_side_close(&pair.passive);
    rc_pair_open(&pair);
    rc_side_close(&pair.passive);
    told_once(&pair.active, REASON_RESET);
    rc_pair_close(&pair);
}

static void
once_for_a_silence(void)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    rc_cable(1, false);                       // nobody is heard any more
    told_once(&pair.active, REASON_TIMED_OUT);
    told_once(&pair.passive, REASON_TIMED_OUT);
    rc_cable(1, true);
    rc_pair_close(&pair);
}

// A write to memory that is nobody's: the side that it comes to says Terminate, and both are told.
static void
once_for_a_terminate(void)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    static UCHAR byte;
    MDL *mdl;
    RC_CALL(0, mdl = IoAllocateMdl(&byte, 1, FALSE, FALSE, NULL));
    MmBuildMdlForNonPagedPool(mdl);
    NDK_PD *pd = rc_end[0].pd;
    NDK_MR *mr;
    ck_assert_int_eq(pd->Dispatch->NdkCreateMr(pd, FALSE, NULL, NULL, &mr), STATUS_SUCCESS);
    ck_assert_int_eq(mr->Dispatch->NdkRegisterMr(mr, mdl, 1, 0, NULL, NULL), STATUS_SUCCESS);
    NDK_SGE sge = {.VirtualAddress = &byte, .Length = 1, .MemoryRegionToken = mr->Dispatch->NdkGetLocalTokenFromMr(mr)};
    ck_assert_int_eq(pair.active.qp->Dispatch->NdkWrite(pair.active.qp, NULL, &sge, 1, 4096, 0x1234500, 0), STATUS_SUCCESS);
    told_once(&pair.passive, REASON_TERMINATE | REASON_DETAIL);
    told_once(&pair.active, REASON_PEER_TERMINATE | REASON_DETAIL);
    results(0);
    rc_pair_close(&pair);
    rc_close_object(0, &mr->Header, (NDK_FN_CLOSE_OBJECT *)&mr->Dispatch->NdkCloseMr);
    IoFreeMdl(mdl);
}

// The consumer's own disconnect or close is no event.
static void
never_for_ones_own_end(void)
{
    struct rc_pair pair = {0};
    rc_pair_open(&pair);
    rc_disconnect(&pair.active);
    ck_assert(rc_event(1, &pair.passive.disconnected, RC_WAIT_S * 1000));
    rc_side_close(&pair.passive);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_ABORTED);
    rc_sleep_ms(1000);
    ck_assert_uint_eq(pair.active.disconnects, 0);
    rc_side_close(&pair.active);
    rc_pair_open(&pair);
    rc_side_close(&pair.active);
    ck_assert_uint_eq(pair.active.disconnects, 0);
    rc_pair_close(&pair);
}

RC_TEST_AS(once_in_order, NdkDisconnectEventCallback_comes_once_when_the_peer_disconnects_and_flushes_nothing)
RC_TEST_AS(once_for_a_reset, NdkDisconnectEventCallback_comes_once_for_a_reset)
RC_TEST_AS(once_for_a_silence, NdkDisconnectEventCallback_comes_once_for_a_silence)
RC_TEST_AS(once_for_a_terminate, NdkDisconnectEventCallback_comes_once_for_a_Terminate_on_either_side)
RC_TEST_AS(never_for_ones_own_end, NdkDisconnectEventCallback_does_not_come_for_the_consumers_own_disconnect_or_close)

RC_TEST_EX(once_in_order, NdkDisconnectEventCallbackEx_says_that_the_peer_disconnected_once_and_flushes_nothing)
RC_TEST_EX(once_for_a_reset, NdkDisconnectEventCallbackEx_says_that_the_connection_was_reset_once)
RC_TEST_EX(once_for_a_silence, NdkDisconnectEventCallbackEx_says_that_the_connection_timed_out_once)
RC_TEST_EX(once_for_a_terminate, NdkDisconnectEventCallbackEx_says_whose_Terminate_it_was_and_which_on_either_side)
RC_TEST_EX(never_for_ones_own_end, NdkDisconnectEventCallbackEx_does_not_come_for_the_consumers_own_disconnect_or_close)

// ---- without a context ----------------------------------------------------------------------------------------------------------------

static struct {
    ULONG completions, events, reason;
    NTSTATUS status;
} none;

static NTAPI VOID
none_done(PVOID context, NTSTATUS status)
{
    ck_assert_ptr_null(context);
    none.completions++;
    none.status = status;
}

static NTAPI VOID
none_event(PVOID context)
{
    ck_assert_ptr_null(context);
    ck_assert_uint_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    none.events++;
}

static NTAPI VOID
none_event_ex(PVOID context, ULONG reason)
{
    none_event(context);
    none.reason = reason;
}

static void
none_told_of(struct rc_pair *pair, struct rc_side *hears, struct rc_side *ends)
{
    rc_sleep_ms(1000);
    ck_assert_uint_eq(none.completions, 1);
    ck_assert_int_eq(none.status, STATUS_SUCCESS);
    rc_disconnect(ends);
    rc_sleep_ms(1000);
    ck_assert_uint_eq(none.events, 1);
    rc_disconnect(hears);
    ck_assert_int_eq(rc_finish(hears), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(ends), STATUS_SUCCESS);
    rc_pair_close(pair);
    ck_assert_uint_eq(none.completions, 1);
    ck_assert_uint_eq(none.events, 1);
}

static void
completes_for_none(bool is_ex)
{
    struct rc_pair pair = {0};
    none.completions = none.events = none.reason = 0;
    rc_pair_reply(&pair);
    NDK_CONNECTOR *connector = pair.active.connector;
    if (is_ex)
        ck_assert_int_eq(connector->Dispatch->NdkCompleteConnectEx(connector, none_event_ex, NULL, none_done, NULL), STATUS_PENDING);
    else
        ck_assert_int_eq(connector->Dispatch->NdkCompleteConnect(connector, none_event, NULL, none_done, NULL), STATUS_PENDING);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    none_told_of(&pair, &pair.active, &pair.passive);
    ck_assert_uint_eq(none.reason, is_ex ? REASON_PEER : 0);
}

static void
accepts_for_none(bool is_ex)
{
    struct rc_pair pair = {0};
    none.completions = none.events = none.reason = 0;
    rc_pair_request(&pair);
    NDK_CONNECTOR *connector = pair.passive.connector;
    const NDK_CONNECTOR_DISPATCH *dispatch = connector->Dispatch;
    NTSTATUS status;
    if (is_ex)
        RC_CALL(1, status = dispatch->NdkAcceptEx(connector, pair.passive.qp, 8, 8, NULL, 0, none_event_ex, NULL, none_done, NULL));
    else
        RC_CALL(1, status = dispatch->NdkAccept(connector, pair.passive.qp, 8, 8, NULL, 0, none_event, NULL, none_done, NULL));
    ck_assert_int_eq(status, STATUS_PENDING);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_complete(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    none_told_of(&pair, &pair.passive, &pair.active);
    ck_assert_uint_eq(none.reason, is_ex ? REASON_PEER : 0);
}

RC_TEST(NdkCompleteConnect_passes_contexts_back_as_they_are_NULL_too)
{
    completes_for_none(false);
}

RC_TEST(NdkCompleteConnectEx_passes_contexts_back_as_they_are_NULL_too)
{
    completes_for_none(true);
}

RC_TEST(NdkAccept_passes_contexts_back_as_they_are_NULL_too)
{
    accepts_for_none(false);
}

RC_TEST(NdkAcceptEx_passes_contexts_back_as_they_are_NULL_too)
{
    accepts_for_none(true);
}
