// SPDX-License-Identifier: MIT
// What every initiator request has in common, for each of the seven: inline refusals, one result with its type and context, the flags
// SILENT_SUCCESS, READ_FENCE and DEFER [network/ndkpi-deferred-processing-scheme]; and what the particular flags of each do.
#include "pair.h"

enum op {
    SEND,
    SEND_INVALIDATE,
    WRITE,
    READ,
    BIND,
    FAST,
    INVALIDATE
};

static const NDK_OPERATION_TYPE types[] = {
    [SEND] = NdkOperationTypeSend,
    [SEND_INVALIDATE] = NdkOperationTypeSend,
    [WRITE] = NdkOperationTypeWrite,
    [READ] = NdkOperationTypeRead,
    [BIND] = NdkOperationTypeBind,
    [FAST] = NdkOperationTypeFastRegister,
    [INVALIDATE] = NdkOperationTypeInvalidate,
};

#define BYTES 100
#define BASE 0x500000000ull

// What they are about: a's own and b's memory; a fast MR and a window at a; a window at b, for its peer to take away.
static struct {
    struct buffer own, there, paged;
    struct pages pages;
    NDK_MR *fast;
    NDK_MW *mw, *mw_there;
    uint64_t fpdus;                       // that had left a when the request was prepared
} r;
static enum op op;

static void
begin(bool is_joined)
{
    if (is_joined)
        pair_join();
    else
        pair_make();
    r.own = stage_buffer(BYTES, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    r.there = stage_buffer(BYTES, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ);
    r.paged = stage_buffer(BYTES, NULL, 0);
    r.pages = pages_of(&r.paged);
    r.fast = fast_mr(pair.pd_a, 2, true);
    r.mw = stage_mw(pair.pd_a);
    r.mw_there = stage_mw(pair.pd_b);
}

static void
end(void)
{
    pages_free(&r.pages);
    stage_buffer_free(&r.own);
    stage_buffer_free(&r.there);
    stage_buffer_free(&r.paged);
}

static uint64_t
fpdus_out(void)
{
    struct iwarp_info info;
    iwarp_info(stage_end(pair.a)->link.iwarp, &info);
    return info.fpdus_out;
}

static NTSTATUS
bind(NDK_QP *qp, struct buffer *buffer, NDK_MW *mw, ULONG flags, uintptr_t context)
{
    return qp->Dispatch->NdkBind(qp, (PVOID)context, buffer->mr, mw, buffer->bytes, buffer->count, flags);
}

static NTSTATUS
post_with(ULONG flags, uintptr_t context)
{
    const NDK_QP_DISPATCH *d = pair.a->Dispatch;
    NDK_SGE sge = stage_sge(&r.own, 0, BYTES);
    switch (op) {
    case SEND: return d->NdkSend(pair.a, (PVOID)context, &sge, 1, flags);
    case SEND_INVALIDATE:
        return d->NdkSendAndInvalidate(pair.a, (PVOID)context, &sge, 1, flags, r.mw_there->Dispatch->NdkGetRemoteTokenFromMw(r.mw_there));
    case WRITE: return d->NdkWrite(pair.a, (PVOID)context, &sge, 1, stage_address(&r.there), remote_token(&r.there), flags);
    case READ: return d->NdkRead(pair.a, (PVOID)context, &sge, 1, stage_address(&r.there), remote_token(&r.there), flags);
    case BIND: return bind(pair.a, &r.own, r.mw, flags | NDK_OP_FLAG_ALLOW_REMOTE_READ, context);
    case FAST:
        return d->NdkFastRegister(pair.a, (PVOID)context, r.fast, r.pages.lam->AdapterPageCount, r.pages.lam->AdapterPageArray, r.pages.fbo,
                                  BYTES, (PVOID)(uintptr_t)(BASE + r.pages.fbo), flags);
    case INVALIDATE: return d->NdkInvalidate(pair.a, (PVOID)context, &r.mw->Header, flags);
    }
    return STATUS_UNSUCCESSFUL;
}

static bool
is_valid(NDK_OBJECT_HEADER *header)
{
    return CONTAINING_RECORD(header, struct rdma_region, object.header)->is_valid;
}

static void
local_now(NDK_OBJECT_HEADER *header, bool wanted)
{
    if (is_valid(header) == wanted)
        return;
    if (wanted) {
        ck_assert_int_eq(bind(pair.a, &r.own, r.mw, NDK_OP_FLAG_ALLOW_REMOTE_READ, 90), STATUS_SUCCESS);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeBind, 90);
    } else {
        ck_assert_int_eq(pair.a->Dispatch->NdkInvalidate(pair.a, (PVOID)91, header, 0), STATUS_SUCCESS);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeInvalidate, 91);
    }
}

// So that it can succeed, and that one sees whether it has been done.
static void
prepare(void)
{
    if (op == SEND_INVALIDATE) {
        ck_assert_int_eq(bind(pair.b, &r.there, r.mw_there, NDK_OP_FLAG_ALLOW_REMOTE_READ, 92), STATUS_SUCCESS);
        stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeBind, 92);
    }
    if (op == SEND || op == SEND_INVALIDATE)
        pair_receive(stage_sge(&r.there, 0, BYTES), 93);
    if (op == BIND || op == INVALIDATE)
        local_now(&r.mw->Header, op == INVALIDATE);
    if (op == FAST)
        local_now(&r.fast->Header, false);
    r.fpdus = fpdus_out();
}

// others: FPDUs of other requests since.
static bool
is_done(unsigned others)
{
    if (op == BIND || op == INVALIDATE)
        return is_valid(&r.mw->Header) == (op == BIND);
    if (op == FAST)
        return is_valid(&r.fast->Header);
    return fpdus_out() > r.fpdus + others;
}

static void
receive_taken(void)
{
    if (op == SEND || op == SEND_INVALIDATE)
        stage_result(pair.cq_b, STATUS_SUCCESS, op == SEND ? NdkOperationTypeReceive : NdkOperationTypeReceiveAndInvalidate, 93);
}

// ---- all seven ------------------------------------------------------------------------------------------------------------------------

// Refused inline there is no result: no connection, a flag that it has not, a full queue; the rest has one, with type and context.
static void
statuses_body(void)
{
    KIRQL irql;
    begin(false);
    ck_assert_int_eq(post_with(0, 1), STATUS_CONNECTION_INVALID);       // not yet
    stage_join(pair.a, pair.b);
    prepare();
    ck_assert_int_eq(post_with(0x8000, 1), STATUS_INVALID_PARAMETER);
    if (op == READ || op >= BIND)
        ck_assert_int_eq(post_with(NDK_OP_FLAG_INLINE, 1), STATUS_INVALID_PARAMETER);
    if (op > SEND_INVALIDATE)
        ck_assert_int_eq(post_with(NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT, 1), STATUS_INVALID_PARAMETER);
    if (op != READ)
        ck_assert_int_eq(post_with(NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE, 1), STATUS_INVALID_PARAMETER);
    stage_no_result(pair.cq_a);
    ck_assert(!is_done(0));
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NTSTATUS status = post_with(0, 0);                  // a context of NULL
    KeLowerIrql(irql);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    NDK_RESULT_EX result = stage_result(pair.cq_a, STATUS_SUCCESS, types[op], 0);
    ck_assert_uint_eq(result.ProviderErrorCode, 0);
    ck_assert(is_done(0));
    receive_taken();
    prepare();
    for (unsigned i = 0; i < PAIR_DEPTH; i++)
        ck_assert_int_eq(pair.a->Dispatch->NdkWrite(pair.a, (PVOID)50, NULL, 0, 0, 0, NDK_OP_FLAG_DEFER), STATUS_SUCCESS);
    ck_assert_int_eq(post_with(0, 2), STATUS_INSUFFICIENT_RESOURCES);
    for (unsigned i = 0; i < PAIR_DEPTH; i++)
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 50);
    stage_no_result(pair.cq_a);
    pair.a->Dispatch->NdkFlush(pair.a);
    ck_assert_int_eq(post_with(0, 3), STATUS_CONNECTION_INVALID);       // not any more
    stage_no_result(pair.cq_a);
    stage_part(pair.a);
    end();
}

// What succeeds has no result, what does not has one.
static void
silent_body(void)
{
    begin(true);
    for (unsigned i = 0; i < PAIR_DEPTH + 2; i++) {     // its place is free again without a result
        prepare();
        ck_assert_int_eq(post_with(NDK_OP_FLAG_SILENT_SUCCESS, 1), STATUS_SUCCESS);
        receive_taken();
        stage_no_result(pair.cq_a);
        ck_assert(is_done(0));
    }
    prepare();
    ck_assert_int_eq(post_with(NDK_OP_FLAG_SILENT_SUCCESS | NDK_OP_FLAG_DEFER, 2), STATUS_SUCCESS);
    pair.a->Dispatch->NdkFlush(pair.a);
    stage_result(pair.cq_a, STATUS_CANCELLED, types[op], 2);
    stage_part(pair.a);
    end();
}

// Nothing is done of it until a request without the flag comes, or one that is refused.
static void
defer_body(void)
{
    begin(true);
    for (unsigned way = 0; way < 2; way++) {
        prepare();
        ck_assert_int_eq(post_with(NDK_OP_FLAG_DEFER, 1), STATUS_SUCCESS);
        stage_no_result(pair.cq_a);
        ck_assert(!is_done(0));
        if (way == 0)
            ck_assert_int_eq(pair.a->Dispatch->NdkWrite(pair.a, (PVOID)2, NULL, 0, 0, 0, 0), STATUS_SUCCESS);
        else
            ck_assert_int_eq(post_with(NDK_OP_FLAG_DEFER | 0x8000, 3), STATUS_INVALID_PARAMETER);
        stage_result(pair.cq_a, STATUS_SUCCESS, types[op], 1);
        if (way == 0)
            stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 2);
        receive_taken();
        stage_no_result(pair.cq_a);
    }
    stage_part(pair.a);
    end();
}

// Behind a read whose answer is still on its way: with the fence it waits, without it goes.
static void
fence_body(void)
{
    begin(true);
    for (unsigned way = 0; way < 2; way++) {
        prepare();
        st.holds_input = true;
        ck_assert_int_eq(pair_read(stage_sge(&r.own, 0, 10), stage_address(&r.there), remote_token(&r.there), 0, 1), STATUS_SUCCESS);
        ck_assert_int_eq(post_with(way ? NDK_OP_FLAG_READ_FENCE : 0, 2), STATUS_SUCCESS);
        stage_no_result(pair.cq_a);
        ck_assert(is_done(1) == !way);
        stage_acks();
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 1);
        stage_result(pair.cq_a, STATUS_SUCCESS, types[op], 2);
        receive_taken();
        ck_assert(is_done(1));
    }
    stage_part(pair.a);
    end();
}

static void
each(enum op which, void (*body)(void))
{
    op = which;
    EACH_SEED(body);
}

// A test of one body for one request.
#define STATUSES_TEST(which, name) \
    TEST(name) \
    { \
        each(which, statuses_body); \
    }
#define SILENT_TEST(which, name) \
    TEST(name) \
    { \
        each(which, silent_body); \
    }
#define DEFER_TEST(which, name) \
    TEST(name) \
    { \
        each(which, defer_body); \
    }
#define FENCE_TEST(which, name) \
    TEST(name) \
    { \
        each(which, fence_body); \
    }

STATUSES_TEST(SEND, NdkSend_is_refused_inline_or_has_one_result)
STATUSES_TEST(SEND_INVALIDATE, NdkSendAndInvalidate_is_refused_inline_or_has_one_result)
STATUSES_TEST(WRITE, NdkWrite_is_refused_inline_or_has_one_result)
STATUSES_TEST(READ, NdkRead_is_refused_inline_or_has_one_result)
STATUSES_TEST(BIND, NdkBind_is_refused_inline_or_has_one_result)
STATUSES_TEST(FAST, NdkFastRegister_is_refused_inline_or_has_one_result)
STATUSES_TEST(INVALIDATE, NdkInvalidate_is_refused_inline_or_has_one_result)
SILENT_TEST(SEND, NdkSend_silent_has_a_result_when_it_fails_alone)
SILENT_TEST(SEND_INVALIDATE, NdkSendAndInvalidate_silent_has_a_result_when_it_fails_alone)
SILENT_TEST(WRITE, NdkWrite_silent_has_a_result_when_it_fails_alone)
SILENT_TEST(READ, NdkRead_silent_has_a_result_when_it_fails_alone)
SILENT_TEST(BIND, NdkBind_silent_has_a_result_when_it_fails_alone)
SILENT_TEST(FAST, NdkFastRegister_silent_has_a_result_when_it_fails_alone)
SILENT_TEST(INVALIDATE, NdkInvalidate_silent_has_a_result_when_it_fails_alone)
DEFER_TEST(SEND, NdkSend_deferred_waits_for_the_next_request_or_the_next_refusal)
DEFER_TEST(SEND_INVALIDATE, NdkSendAndInvalidate_deferred_waits_for_the_next_request_or_the_next_refusal)
DEFER_TEST(WRITE, NdkWrite_deferred_waits_for_the_next_request_or_the_next_refusal)
DEFER_TEST(READ, NdkRead_deferred_waits_for_the_next_request_or_the_next_refusal)
DEFER_TEST(BIND, NdkBind_deferred_waits_for_the_next_request_or_the_next_refusal)
DEFER_TEST(FAST, NdkFastRegister_deferred_waits_for_the_next_request_or_the_next_refusal)
DEFER_TEST(INVALIDATE, NdkInvalidate_deferred_waits_for_the_next_request_or_the_next_refusal)
FENCE_TEST(SEND, NdkSend_fenced_waits_for_the_reads_before_it)
FENCE_TEST(SEND_INVALIDATE, NdkSendAndInvalidate_fenced_waits_for_the_reads_before_it)
FENCE_TEST(WRITE, NdkWrite_fenced_waits_for_the_reads_before_it)
FENCE_TEST(READ, NdkRead_fenced_waits_for_the_reads_before_it)
FENCE_TEST(BIND, NdkBind_fenced_waits_for_the_reads_before_it)
FENCE_TEST(FAST, NdkFastRegister_fenced_waits_for_the_reads_before_it)
FENCE_TEST(INVALIDATE, NdkInvalidate_fenced_waits_for_the_reads_before_it)

// ---- send and write -------------------------------------------------------------------------------------------------------------------

static void
solicit_body(void)
{
    begin(true);
    for (unsigned i = 0; i < 2; i++) {
        prepare();
        pair.cq_b->Dispatch->NdkArmCq(pair.cq_b, NDK_CQ_NOTIFY_SOLICITED);
        ck_assert_int_eq(post_with(i ? NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT : 0, 1), STATUS_SUCCESS);
        stage_wait(1000);
        ck_assert_uint_eq(pair.told_b.count, i);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 1);
        receive_taken();
    }
    end();
}

TEST(NdkSend_that_solicits_notifies_the_peer_that_waits_for_that)
{
    each(SEND, solicit_body);
}

TEST(NdkSendAndInvalidate_that_solicits_notifies_the_peer_that_waits_for_that)
{
    each(SEND_INVALIDATE, solicit_body);
}

// The bytes of memory that is registered nowhere, in more parts than the QP has SGEs, are taken before the call returns.
static void
inline_body(void)
{
    uint8_t bytes[PAIR_INLINE_BYTES + 1], copy[PAIR_INLINE_BYTES];
    NDK_SGE parts[8];
    const NDK_QP_DISPATCH *d;
    begin(true);
    d = pair.a->Dispatch;
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i + 3);
    memcpy(copy, bytes, sizeof copy);
    for (unsigned i = 0; i < 8; i++)
        parts[i] = (NDK_SGE){.VirtualAddress = bytes + i * 8, .Length = 8, .MemoryRegionToken = 0xFFFFFFFF};
    prepare();
    uint32_t token = op == WRITE ? remote_token(&r.there) : r.mw_there->Dispatch->NdkGetRemoteTokenFromMw(r.mw_there);
    for (unsigned more = 1; more < 2; more--) {         // one byte too many, then as many as there may be
        NTSTATUS status = STATUS_UNSUCCESSFUL;
        ULONG flags = NDK_OP_FLAG_INLINE | NDK_OP_FLAG_DEFER;
        parts[7].Length = 8 + more;
        if (op == SEND)
            status = d->NdkSend(pair.a, (PVOID)1, parts, 8, flags);
        else if (op == SEND_INVALIDATE)
            status = d->NdkSendAndInvalidate(pair.a, (PVOID)1, parts, 8, flags, token);
        else
            status = d->NdkWrite(pair.a, (PVOID)1, parts, 8, stage_address(&r.there), token, flags);
        ck_assert_int_eq(status, more ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS);
    }
    memset(bytes, 0, sizeof bytes);
    ck_assert_int_eq(d->NdkWrite(pair.a, (PVOID)2, NULL, 0, 0, 0, 0), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, types[op], 1);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 2);
    receive_taken();
    ck_assert_mem_eq(r.there.bytes, copy, sizeof copy);
    end();
}

TEST(NdkSend_inline_takes_the_bytes_at_once)
{
    each(SEND, inline_body);
}

TEST(NdkSendAndInvalidate_inline_takes_the_bytes_at_once)
{
    each(SEND_INVALIDATE, inline_body);
}

TEST(NdkWrite_inline_takes_the_bytes_at_once)
{
    each(WRITE, inline_body);
}

// The token is the peer's: it is gone when the receive ends, which says so in NdkGetCqResultsEx alone; the window is bound no more.
static void
taken_away_body(void)
{
    NDK_RESULT result;
    begin(true);
    op = SEND_INVALIDATE;
    for (unsigned way = 0; way < 2; way++) {
        prepare();
        UINT32 token = r.mw_there->Dispatch->NdkGetRemoteTokenFromMw(r.mw_there);
        ck_assert_int_eq(post_with(0, 1), STATUS_SUCCESS);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 1);
        if (way == 0) {
            NDK_RESULT_EX got = stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceiveAndInvalidate, 93);
            ck_assert_uint_eq((UINT32)got.TypeSpecificCompletionOutput, token);
            ck_assert_uint_eq(got.BytesTransferred, BYTES);
        } else {
            stage_wait(1000);
            ck_assert_uint_eq(pair.cq_b->Dispatch->NdkGetCqResults(pair.cq_b, &result, 1), 1);
            ck_assert_int_eq(result.Status, STATUS_SUCCESS);
            ck_assert_uint_eq(result.BytesTransferred, BYTES);
            ck_assert_ptr_eq(result.RequestContext, (PVOID)93);
        }
        ck_assert_int_eq(pair.b->Dispatch->NdkInvalidate(pair.b, (PVOID)2, &r.mw_there->Header, 0), STATUS_SUCCESS);
        stage_result(pair.cq_b, STATUS_INVALID_DEVICE_STATE, NdkOperationTypeInvalidate, 2);    // it fails, as usual
    }
    // A token that is none: the peer ends the connection.
    pair_receive(stage_sge(&r.there, 0, BYTES), 3);
    st.holds_acks = true;
    ck_assert_int_eq(post_with(0, 4), STATUS_SUCCESS);
    stage_wait(1000);
    ck_assert_uint_ne(stage_end(pair.a)->events & RDMA_EVENT_DISCONNECT, 0);
    ck_assert_uint_ne(stage_end(pair.b)->events & RDMA_EVENT_DISCONNECT, 0);
    stage_acks();
    stage_result(pair.cq_a, STATUS_ACCESS_VIOLATION, NdkOperationTypeSend, 4);
    stage_part(pair.a);
    stage_result(pair.cq_b, STATUS_CANCELLED, NdkOperationTypeReceive, 3);
    end();
}

TEST(NdkSendAndInvalidate_takes_the_peers_token_away_or_ends_the_connection)
{
    each(SEND_INVALIDATE, taken_away_body);
}

TEST(NdkGetCqResults_gives_a_receive_that_invalidated_as_any_other)
{
    each(SEND_INVALIDATE, taken_away_body);
}

// ---- read -----------------------------------------------------------------------------------------------------------------------------

static void
read_bytes_body(void)
{
    begin(true);
    ck_assert_int_eq(post_with(0, 1), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 1);
    ck_assert_mem_eq(r.own.bytes, r.there.bytes, BYTES);
    ck_assert_int_eq(pair_read(stage_sge(&r.own, 10, 20), stage_address(&r.there) + 70, remote_token(&r.there), 0, 2), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 2);
    ck_assert_mem_eq(r.own.bytes + 10, r.there.bytes + 70, 20);
    // Beyond the end of the peer's memory.
    memset(r.own.bytes, 0x44, BYTES);
    st.holds_acks = true;
    ck_assert_int_eq(pair_read(stage_sge(&r.own, 0, 20), stage_address(&r.there) + 81, remote_token(&r.there), 0, 3), STATUS_SUCCESS);
    stage_acks();
    stage_result(pair.cq_a, STATUS_REMOTE_RESOURCES, NdkOperationTypeRead, 3);
    for (unsigned i = 0; i < BYTES; i++)
        ck_assert_uint_eq(r.own.bytes[i], 0x44);
    stage_part(pair.a);
    end();
}

TEST(NdkRead_brings_the_peers_bytes_and_nothing_from_beyond_their_end)
{
    each(READ, read_bytes_body);
}

// The token of the sink goes with a read that succeeds: of a fast registration, which is the only one that can.
static void
read_invalidate_body(void)
{
    ULONG flag = NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE;
    uint64_t from = stage_address(&r.there);
    begin(true);
    from = stage_address(&r.there);
    op = FAST;
    ck_assert_int_eq(post_with(NDK_OP_FLAG_ALLOW_LOCAL_WRITE, 1), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeFastRegister, 1);
    NDK_SGE sge = {.VirtualAddress = (PVOID)(uintptr_t)(BASE + r.pages.fbo), .Length = BYTES};
    sge.MemoryRegionToken = r.fast->Dispatch->NdkGetLocalTokenFromMr(r.fast);
    ck_assert_int_eq(pair_read(stage_sge(&r.own, 0, BYTES), from, remote_token(&r.there), flag, 2), STATUS_INVALID_PARAMETER);
    // With no sink at all there is nothing to take away: not what the request before it in this place named.
    ck_assert_int_eq(pair_read(sge, from, remote_token(&r.there), 0, 2), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 2);
    ck_assert_int_eq(pair.a->Dispatch->NdkRead(pair.a, (PVOID)3, NULL, 0, from, remote_token(&r.there), flag), STATUS_INVALID_PARAMETER);
    ck_assert(is_valid(&r.fast->Header));
    stage_no_result(pair.cq_a);
    ck_assert_int_eq(pair_read(sge, from, remote_token(&r.there), flag, 4), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 4);
    ck_assert_mem_eq(r.paged.bytes, r.there.bytes, BYTES);
    ck_assert(!is_valid(&r.fast->Header));
    end();
}

TEST(NdkRead_with_local_invalidation_takes_the_token_of_its_sink_away)
{
    each(READ, read_invalidate_body);
}

// ---- bind and fast register -----------------------------------------------------------------------------------------------------------

static ULONG peers_right;
static bool does_write;

// What b lets a do through a window or a fast registration with this right alone; the other thing ends the connection.
static void
peers_body(void)
{
    bool is_allowed = does_write == (peers_right == NDK_OP_FLAG_ALLOW_REMOTE_WRITE);
    struct buffer memory, own;
    struct pages pages;
    UINT32 token;
    pair_join();
    own = stage_buffer(BYTES, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    memory = stage_buffer(BYTES, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    pages = pages_of(&memory);
    uint64_t at = stage_address(&memory);
    if (op == BIND) {
        NDK_MW *mw = stage_mw(pair.pd_b);
        ck_assert_int_eq(bind(pair.b, &memory, mw, NDK_OP_FLAG_ALLOW_LOCAL_WRITE, 1), STATUS_INVALID_PARAMETER);
        ck_assert_int_eq(bind(pair.b, &memory, mw, NDK_OP_FLAG_ALLOW_REMOTE_READ | 0x20, 1), STATUS_INVALID_PARAMETER);
        ck_assert_int_eq(bind(pair.b, &memory, mw, peers_right, 1), STATUS_SUCCESS);
        token = mw->Dispatch->NdkGetRemoteTokenFromMw(mw);
    } else {
        NDK_MR *mr = fast_mr(pair.pd_b, 2, true);
        const NDK_QP_DISPATCH *d = pair.b->Dispatch;
        ULONG n = pages.lam->AdapterPageCount, flags = peers_right | NDK_OP_FLAG_RDMA_READ_SINK;        // which is not needed, and allowed
        at = pages.fbo;                   // zero is an address, if FBO is zero
        NTSTATUS status =
            d->NdkFastRegister(pair.b, (PVOID)1, mr, n, pages.lam->AdapterPageArray, pages.fbo, BYTES, (PVOID)(uintptr_t)at, 0x20);
        ck_assert_int_eq(status, STATUS_INVALID_PARAMETER);
        status = d->NdkFastRegister(pair.b, (PVOID)1, mr, n, pages.lam->AdapterPageArray, pages.fbo, BYTES, (PVOID)(uintptr_t)at, flags);
        ck_assert_int_eq(status, STATUS_SUCCESS);
        token = mr->Dispatch->NdkGetRemoteTokenFromMr(mr);
    }
    stage_result(pair.cq_b, STATUS_SUCCESS, types[op], 1);
    st.holds_acks = true;
    memset(own.bytes, 0x55, BYTES);
    uint8_t before = memory.bytes[BYTES - 1];
    NDK_SGE sge = stage_sge(&own, 0, BYTES);
    ck_assert_int_eq(does_write ? pair_write(sge, at, token, 0, 2) : pair_read(sge, at, token, 0, 2), STATUS_SUCCESS);
    stage_acks();
    stage_result(pair.cq_a, is_allowed ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION,
                 does_write ? NdkOperationTypeWrite : NdkOperationTypeRead, 2);
    ck_assert_uint_eq(memory.bytes[BYTES - 1], does_write && is_allowed ? 0x55 : before);
    ck_assert_uint_eq(own.bytes[BYTES - 1], !does_write && is_allowed ? before : 0x55);
    stage_part(pair.a);
    pages_free(&pages);
    stage_buffer_free(&memory);
    stage_buffer_free(&own);
}

static void
peers(enum op which)
{
    for (unsigned i = 0; i < 4; i++) {
        peers_right = i & 1 ? NDK_OP_FLAG_ALLOW_REMOTE_READ : NDK_OP_FLAG_ALLOW_REMOTE_WRITE;
        does_write = i & 2;
        each(which, peers_body);
    }
}

TEST(NdkBind_lets_peers_do_what_its_flags_say_and_nothing_else)
{
    peers(BIND);
}

TEST(NdkFastRegister_lets_peers_do_what_its_flags_say_and_nothing_else)
{
    peers(FAST);
}

// Locally: a receive wants the right to write, a read's sink that or the flag for it.
static void
fast_local_body(void)
{
    static const struct {
        ULONG flags;
        bool receives, sinks;
    } rows[] = {{0, false, false}, {NDK_OP_FLAG_ALLOW_LOCAL_WRITE, true, true}, {NDK_OP_FLAG_RDMA_READ_SINK, false, true}};
    for (unsigned i = 0; i < 6; i++) {
        bool is_read = i & 1, is_allowed = is_read ? rows[i / 2].sinks : rows[i / 2].receives;
        NTSTATUS status = is_allowed ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
        uint8_t before[BYTES];
        begin(true);
        memset(r.paged.bytes, 0x66, BYTES);
        memcpy(before, r.paged.bytes, BYTES);
        op = FAST;
        ck_assert_int_eq(post_with(rows[i / 2].flags, 1), STATUS_SUCCESS);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeFastRegister, 1);
        NDK_SGE sge = {.VirtualAddress = (PVOID)(uintptr_t)(BASE + r.pages.fbo), .Length = BYTES}, from = stage_sge(&r.there, 0, BYTES);
        sge.MemoryRegionToken = r.fast->Dispatch->NdkGetLocalTokenFromMr(r.fast);
        if (is_read) {
            ck_assert_int_eq(pair_read(sge, stage_address(&r.there), remote_token(&r.there), 0, 2), STATUS_SUCCESS);
            if (is_allowed)
                stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 2);
        } else {
            ck_assert_int_eq(pair.a->Dispatch->NdkReceive(pair.a, (PVOID)2, &sge, 1), STATUS_SUCCESS);
            ck_assert_int_eq(pair.b->Dispatch->NdkSend(pair.b, (PVOID)3, &from, 1, 0), STATUS_SUCCESS);
            stage_result(pair.cq_a, status, NdkOperationTypeReceive, 2);
        }
        bool is_lost = stage_end(pair.a)->events & RDMA_EVENT_DISCONNECT;
        ck_assert_uint_eq(is_lost, !is_allowed);
        ck_assert_uint_eq(memcmp(r.paged.bytes, is_allowed ? r.there.bytes : before, BYTES), 0);
        stage_part(pair.a);
        if (is_read && !is_allowed)       // the answer could go nowhere, which ended the connection
            stage_result(pair.cq_a, STATUS_CANCELLED, NdkOperationTypeRead, 2);
        end();
    }
}

TEST(NdkFastRegister_allows_locally_what_its_flags_say)
{
    each(FAST, fast_local_body);
}

// ---- receive, flush -------------------------------------------------------------------------------------------------------------------

static void
receive_body(void)
{
    KIRQL irql;
    begin(false);
    const NDK_QP_DISPATCH *b = pair.b->Dispatch;
    NDK_SGE sge = stage_sge(&r.there, 0, BYTES), wrong = sge, many[5] = {sge, sge, sge, sge, sge};
    wrong.MemoryRegionToken ^= 0x100;
    ck_assert_int_eq(b->NdkReceive(pair.b, NULL, &wrong, 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(b->NdkReceive(pair.b, NULL, many, 5), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(b->NdkReceive(pair.b, NULL, NULL, 1), STATUS_INVALID_PARAMETER);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);                 // before there is a connection, and at DISPATCH_LEVEL
    NTSTATUS status = b->NdkReceive(pair.b, NULL, &sge, 1);
    KeLowerIrql(irql);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    for (uintptr_t i = 1; i < PAIR_DEPTH; i++)
        ck_assert_int_eq(b->NdkReceive(pair.b, (PVOID)i, &sge, 1), STATUS_SUCCESS);
    ck_assert_int_eq(b->NdkReceive(pair.b, NULL, &sge, 1), STATUS_INSUFFICIENT_RESOURCES);
    stage_join(pair.a, pair.b);
    for (uint32_t i = 0; i < PAIR_DEPTH; i++) {         // in the order in which they were posted
        ck_assert_int_eq(pair_send(stage_sge(&r.own, i, i), 0, 1), STATUS_SUCCESS);
        NDK_RESULT_EX got = stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, i);
        ck_assert_uint_eq(got.BytesTransferred, i);
        ck_assert_mem_eq(r.there.bytes, r.own.bytes + i, i);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 1);
    }
    pair.b->Dispatch->NdkFlush(pair.b);
    ck_assert_int_eq(b->NdkReceive(pair.b, NULL, &sge, 1), STATUS_CONNECTION_INVALID);
    stage_no_result(pair.cq_b);
    stage_part(pair.a);
    end();
}

TEST(NdkReceive_is_refused_inline_or_takes_the_next_message)
{
    EACH_SEED(receive_body);
}

// A flush from another thread while requests are posted: what was taken has its one result, the rest is refused.
static volatile unsigned is_flushed;

static NTAPI VOID
flusher(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
    stage_wait(50 + (unsigned)st.seed * 7);
    pair.a->Dispatch->NdkFlush(pair.a);
    is_flushed = 1;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
flush_beside_body(void)
{
    HANDLE thread;
    unsigned posted = 0, results = 0;
    NDK_RESULT got[8];
    begin(true);
    op = WRITE;
    is_flushed = 0;
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, flusher, NULL), STATUS_SUCCESS);
    for (;;) {
        NTSTATUS status = post_with(0, 1);
        if (status == STATUS_CONNECTION_INVALID)
            break;
        ck_assert(status == STATUS_SUCCESS || status == STATUS_INSUFFICIENT_RESOURCES);
        posted += status == STATUS_SUCCESS;
        results += pair.cq_a->Dispatch->NdkGetCqResults(pair.cq_a, got, 8);
        stage_wait(1);
    }
    stage_until(&is_flushed, 1);
    ZwClose(thread);
    stage_wait(1000);
    for (ULONG n; (n = pair.cq_a->Dispatch->NdkGetCqResults(pair.cq_a, got, 8)); results += n)
        ;
    ck_assert_uint_gt(posted, 0);
    ck_assert_uint_eq(results, posted);
    stage_part(pair.a);
    stage_no_result(pair.cq_a);
    end();
}

TEST(NdkFlush_may_come_from_another_thread_while_requests_are_posted)
{
    for (uint64_t seed = 1; seed <= 16; seed++)
        stage_run(seed, flush_beside_body);
}
