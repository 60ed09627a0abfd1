// SPDX-License-Identifier: MIT
// The data path: requests and results between two QPs that are joined.
#include "pair.h"

static void
send_body(void)
{
    static const uint32_t sizes[] = {0, 1, 63, 192, 193, 1460, 5000, 65536, 1000000};
    pair_join();
    struct buffer from = stage_buffer(1000000, pair.pd_a, 0), to = stage_buffer(1000001, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(to.bytes, 0xEE, to.count);
        NDK_SGE out[3] = {stage_sge(&from, 0, sizes[i] / 3), stage_sge(&from, sizes[i] / 3, 0),
                          stage_sge(&from, sizes[i] / 3, sizes[i] - sizes[i] / 3)};
        NDK_SGE in[2] = {stage_sge(&to, 0, sizes[i] / 2), stage_sge(&to, sizes[i] / 2, sizes[i] - sizes[i] / 2)};
        ck_assert_int_eq(pair.b->Dispatch->NdkReceive(pair.b, (PVOID)(100ull + i), in, 2), STATUS_SUCCESS);
        ck_assert_int_eq(pair.a->Dispatch->NdkSend(pair.a, (PVOID)(200ull + i), out, 3, 0), STATUS_SUCCESS);
        NDK_RESULT_EX got = stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 100 + i);
        ck_assert_uint_eq(got.BytesTransferred, sizes[i]);
        ck_assert_uint_eq(got.ProviderErrorCode, 0);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 200 + i);
        ck_assert_mem_eq(from.bytes, to.bytes, sizes[i]);
        ck_assert_uint_eq(to.bytes[sizes[i]], 0xEE);
    }
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkSend_reaches_the_posted_receive_whatever_the_sizes_and_the_lists)
{
    EACH_SEED(send_body);
}

TEST(where_everything_pends_the_same_comes_to_pass)
{
    st.pends = true;
    EACH_SEED(send_body);
}

static void
write_and_read_body(void)
{
    static const uint32_t sizes[] = {0, 1, 200, 1460, 70000, 300000};
    pair_join();
    struct buffer from = stage_buffer(300000, pair.pd_a, 0), back = stage_buffer(300000, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    struct buffer to = stage_buffer(300100, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(to.bytes, 0, to.count);
        memset(back.bytes, 0, back.count);
        ck_assert_int_eq(pair_write(stage_sge(&from, 0, sizes[i]), stage_address(&to) + 50, remote_token(&to), 0, 1), STATUS_SUCCESS);
        ck_assert_int_eq(pair_read(stage_sge(&back, 0, sizes[i]), stage_address(&to) + 50, remote_token(&to), 0, 2), STATUS_SUCCESS);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 1);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 2);
        ck_assert_mem_eq(to.bytes + 50, from.bytes, sizes[i]);
        ck_assert_mem_eq(back.bytes, from.bytes, sizes[i]);
        ck_assert_uint_eq(to.bytes[49], 0);
        ck_assert_uint_eq(to.bytes[50 + sizes[i]], 0);
    }
    stage_no_result(pair.cq_b);           // the peer's consumer hears nothing of either
    stage_buffer_free(&from);
    stage_buffer_free(&back);
    stage_buffer_free(&to);
}

TEST(NdkWrite_and_NdkRead_move_bytes_of_the_peers_memory_alone)
{
    EACH_SEED(write_and_read_body);
}

static void
inline_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(PAIR_INLINE_BYTES + 1, NULL, 0), to = stage_buffer(100, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    NDK_SGE many[8];
    uint8_t copy[PAIR_INLINE_BYTES];
    for (unsigned i = 0; i < 8; i++) {
        many[i] = stage_sge(&from, i * 8, 8);
        many[i].MemoryRegionToken = 0xFFFFFFFF;         // means nothing here
    }
    memcpy(copy, from.bytes, sizeof copy);
    pair_receive(stage_sge(&to, 0, 100), 1);
    st.holds_acks = true;
    // More SGEs than the QP has.
    ck_assert_int_eq(pair.a->Dispatch->NdkSend(pair.a, NULL, many, 8, NDK_OP_FLAG_INLINE), STATUS_SUCCESS);
    memset(from.bytes, 0, from.count);                  // the bytes were taken
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
    ck_assert_mem_eq(to.bytes, copy, sizeof copy);
    stage_acks();
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 0);
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 10), stage_address(&to), remote_token(&to), NDK_OP_FLAG_INLINE, 2), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 2);
    ck_assert_mem_eq(to.bytes, from.bytes, 10);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, PAIR_INLINE_BYTES + 1), NDK_OP_FLAG_INLINE, 3), STATUS_INVALID_PARAMETER);
    many[0].Length = MAXULONG;
    ck_assert_int_eq(pair.a->Dispatch->NdkSend(pair.a, NULL, many, 8, NDK_OP_FLAG_INLINE), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(pair_read(stage_sge(&from, 0, 1), 0, 0, NDK_OP_FLAG_INLINE, 3), STATUS_INVALID_PARAMETER);
    stage_no_result(pair.cq_a);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkSend_and_NdkWrite_inline_take_the_bytes_at_once_without_tokens)
{
    EACH_SEED(inline_body);
}

static void
refused_body(void)
{
    pair_make();
    struct buffer from = stage_buffer(100, pair.pd_a, 0), other = stage_buffer(100, pair.pd_b, 0);
    NDK_SGE sge = stage_sge(&from, 0, 100), sges[5] = {sge, sge, sge, sge, sge};
    const NDK_QP_DISPATCH *qp = pair.a->Dispatch;
    NDK_MR *fast = fast_mr(pair.pd_a, 1, false);
    NDK_MW *mw = stage_mw(pair.pd_a);
    NDK_LOGICAL_ADDRESS page = {0};
    for (unsigned i = 0; i < 2; i++) {                  // not yet connected, and not any more
        ck_assert_int_eq(pair_send(sge, 0, 1), STATUS_CONNECTION_INVALID);
        ck_assert_int_eq(qp->NdkSendAndInvalidate(pair.a, NULL, &sge, 1, 0, 5), STATUS_CONNECTION_INVALID);
        ck_assert_int_eq(pair_write(sge, 0, 0, 0, 1), STATUS_CONNECTION_INVALID);
        ck_assert_int_eq(pair_read(sge, 0, 0, 0, 1), STATUS_CONNECTION_INVALID);
        ck_assert_int_eq(qp->NdkBind(pair.a, NULL, from.mr, mw, from.bytes, 10, NDK_OP_FLAG_ALLOW_REMOTE_READ), STATUS_CONNECTION_INVALID);
        ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, fast, 1, &page, 0, 10, NULL, 0), STATUS_CONNECTION_INVALID);
        ck_assert_int_eq(qp->NdkInvalidate(pair.a, NULL, &mw->Header, 0), STATUS_CONNECTION_INVALID);
        if (!i) {
            stage_join(pair.a, pair.b);
            ck_assert_int_eq(pair_send(sge, NDK_OP_FLAG_ALLOW_REMOTE_READ, 1), STATUS_INVALID_PARAMETER);
            ck_assert_int_eq(pair_write(sge, 0, 0, NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT, 1), STATUS_INVALID_PARAMETER);
            ck_assert_int_eq(pair_read(sge, 0, 0, 0x8000, 1), STATUS_INVALID_PARAMETER);
            ck_assert_int_eq(qp->NdkInvalidate(pair.a, NULL, &mw->Header, NDK_OP_FLAG_INLINE), STATUS_INVALID_PARAMETER);
            ck_assert_int_eq(qp->NdkSend(pair.a, NULL, sges, 5, 0), STATUS_INVALID_PARAMETER);
            ck_assert_int_eq(qp->NdkReceive(pair.a, NULL, sges, 5), STATUS_INVALID_PARAMETER);
            ck_assert_int_eq(qp->NdkRead(pair.a, NULL, sges, 2, 0, 0, 0), STATUS_INVALID_PARAMETER);    // MaxReadRequestSge
            ck_assert_int_eq(pair_send(stage_sge(&from, 1, 100), 0, 1), STATUS_ACCESS_VIOLATION);       // past the end
            ck_assert_int_eq(pair_send(stage_sge(&from, MAXULONG, 1), 0, 1), STATUS_ACCESS_VIOLATION);
            ck_assert_int_eq(pair_send(stage_sge(&other, 0, 1), 0, 1), STATUS_ACCESS_VIOLATION);        // of another domain
            sge.MemoryRegionToken = remote_token(&from);                                                // a peer's token
            ck_assert_int_eq(pair_send(sge, 0, 1), STATUS_ACCESS_VIOLATION);
            sge.MemoryRegionToken = 0;
            ck_assert_int_eq(pair_send(sge, 0, 1), STATUS_ACCESS_VIOLATION);
            sge = stage_sge(&from, 0, 100);
            ck_assert_int_eq(qp->NdkReceive(pair.a, NULL, &sge, 1), STATUS_ACCESS_VIOLATION);           // not to be written to
            ck_assert_int_eq(pair_read(sge, 0, 0, 0, 1), STATUS_ACCESS_VIOLATION);
            stage_part(pair.a);
        }
    }
    ck_assert_int_eq(qp->NdkReceive(pair.a, NULL, NULL, 0), STATUS_CONNECTION_INVALID);
    stage_no_result(pair.cq_a);
    stage_buffer_free(&from);
    stage_buffer_free(&other);
}

TEST(NdkSend_and_the_others_refuse_inline_and_leave_no_result)
{
    EACH_SEED(refused_body);
}

static void
silent_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(100, pair.pd_a, 0), to = stage_buffer(100, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    for (unsigned i = 0; i < 3 * PAIR_DEPTH; i++)
        ck_assert_int_eq(pair_write(stage_sge(&from, 0, 100), stage_address(&to), remote_token(&to), NDK_OP_FLAG_SILENT_SUCCESS, 1),
                         STATUS_SUCCESS);
    stage_no_result(pair.cq_a);
    ck_assert_mem_eq(from.bytes, to.bytes, 100);
    st.holds_acks = true;                 // or TCP's acknowledgement would be there before the peer's Terminate
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 100), stage_address(&to) + 1, remote_token(&to), NDK_OP_FLAG_SILENT_SUCCESS, 7),
                     STATUS_SUCCESS);
    stage_acks();
    NDK_RESULT_EX result = stage_result(pair.cq_a, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite, 7);
    ck_assert_uint_eq(result.ProviderErrorCode, 0x11101);       // DDP, tagged, base or bounds
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NDK_OP_FLAG_SILENT_SUCCESS_gives_results_of_failures_alone)
{
    EACH_SEED(silent_body);
}

static void
full_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(10, pair.pd_a, 0), to = stage_buffer(10, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    st.holds_acks = true;
    for (unsigned i = 0; i < PAIR_DEPTH; i++)
        ck_assert_int_eq(pair_write(stage_sge(&from, 0, 10), stage_address(&to), remote_token(&to), 0, i), STATUS_SUCCESS);
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 10), stage_address(&to), remote_token(&to), 0, 99), STATUS_INSUFFICIENT_RESOURCES);
    for (unsigned i = 0; i < PAIR_DEPTH; i++)
        pair_receive(stage_sge(&to, 0, 10), i);
    ck_assert_int_eq(pair.b->Dispatch->NdkReceive(pair.b, NULL, NULL, 0), STATUS_INSUFFICIENT_RESOURCES);
    stage_acks();
    for (unsigned i = 0; i < PAIR_DEPTH; i++)
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, i);
    stage_no_result(pair.cq_a);
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 10), stage_address(&to), remote_token(&to), 0, 5), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 5);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkWrite_and_NdkReceive_are_refused_when_the_queue_is_full)
{
    EACH_SEED(full_body);
}

// ---- deferred requests ----------------------------------------------------------------------------------------------------------------

static void
defer_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(1000, pair.pd_a, 0), to = stage_buffer(1000, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    memset(to.bytes, 0, to.count);
    for (uint32_t i = 0; i < 10; i++)
        ck_assert_int_eq(pair_write(stage_sge(&from, i * 10, 10), stage_address(&to) + i * 10, remote_token(&to), NDK_OP_FLAG_DEFER, i),
                         STATUS_SUCCESS);
    stage_no_result(pair.cq_a);
    ck_assert_uint_eq(stage_end(pair.b)->events & RDMA_EVENT_DISCONNECT, 0);
    struct iwarp_info before, after;
    iwarp_info(stage_end(pair.a)->link.iwarp, &before);
    ck_assert_int_eq(pair_write(stage_sge(&from, 100, 10), stage_address(&to) + 100, remote_token(&to), 0, 10), STATUS_SUCCESS);
    iwarp_info(stage_end(pair.a)->link.iwarp, &after);
    ck_assert_uint_eq(after.fpdus_out - before.fpdus_out, 11);
    for (uint32_t i = 0; i <= 10; i++)
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, i);
    ck_assert_mem_eq(from.bytes, to.bytes, 110);
    // One that is refused sends those before it, too, and has no result.
    ck_assert_int_eq(pair_write(stage_sge(&from, 200, 10), stage_address(&to), remote_token(&to), NDK_OP_FLAG_DEFER, 20), STATUS_SUCCESS);
    stage_no_result(pair.cq_a);
    ck_assert_int_eq(pair_write(stage_sge(&from, 999, 2), stage_address(&to), remote_token(&to), NDK_OP_FLAG_DEFER, 21),
                     STATUS_ACCESS_VIOLATION);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 20);
    stage_no_result(pair.cq_a);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NDK_OP_FLAG_DEFER_waits_for_the_next_request_or_for_the_next_refusal)
{
    EACH_SEED(defer_body);
}

// ---- fences ---------------------------------------------------------------------------------------------------------------------------

static void
fence_body(void)
{
    pair_join();
    struct buffer back = stage_buffer(100000, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    struct buffer to = stage_buffer(100000, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ);
    uint8_t first = to.bytes[0];
    // Without the fence, the write could overtake the answer; with it the read has what stood there before.
    for (unsigned i = 0; i < 5; i++) {
        to.bytes[0] = first;
        back.bytes[0] = (uint8_t)(first + 1);
        NTSTATUS status = pair_read(stage_sge(&back, 0, 100000), stage_address(&to), remote_token(&to), NDK_OP_FLAG_DEFER, 1);
        ck_assert_int_eq(status, STATUS_SUCCESS);
        ck_assert_int_eq(pair_write(stage_sge(&back, 0, 1), stage_address(&to) + 99999, remote_token(&to), NDK_OP_FLAG_READ_FENCE, 2),
                         STATUS_SUCCESS);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 1);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 2);
        ck_assert_uint_eq(to.bytes[99999], first);      // what the read had brought, not what stood in the sink before
    }
    stage_buffer_free(&back);
    stage_buffer_free(&to);
}

TEST(NDK_OP_FLAG_READ_FENCE_begins_when_the_reads_before_it_are_answered)
{
    EACH_SEED(fence_body);
}

// ---- solicited ------------------------------------------------------------------------------------------------------------------------

static void
solicited_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(10, pair.pd_a, 0), to = stage_buffer(10, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    for (unsigned i = 0; i < 3; i++)
        pair_receive(stage_sge(&to, 0, 10), i);
    pair.cq_b->Dispatch->NdkArmCq(pair.cq_b, NDK_CQ_NOTIFY_SOLICITED);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 10), 0, 1), STATUS_SUCCESS);
    stage_wait(1000);
    ck_assert_uint_eq(pair.told_b.count, 0);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 10), NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT, 1), STATUS_SUCCESS);
    stage_until(&pair.told_b.count, 1);
    ck_assert_int_eq(pair.told_b.status, STATUS_SUCCESS);
    // One that is too short ends with an error, which is as if it were solicited.
    pair.cq_b->Dispatch->NdkArmCq(pair.cq_b, NDK_CQ_NOTIFY_SOLICITED);
    struct buffer large = stage_buffer(11, pair.pd_a, 0);
    ck_assert_int_eq(pair_send(stage_sge(&large, 0, 11), 0, 1), STATUS_SUCCESS);
    stage_until(&pair.told_b.count, 2);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 0);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
    ck_assert_uint_eq(stage_result(pair.cq_b, STATUS_BUFFER_OVERFLOW, NdkOperationTypeReceive, 2).BytesTransferred, 0);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 1);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
    stage_buffer_free(&large);
}

TEST(NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT_meets_an_arm_for_solicited_results)
{
    EACH_SEED(solicited_body);
}

// ---- flush ----------------------------------------------------------------------------------------------------------------------------

static void
flush_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(10, pair.pd_a, 0), to = stage_buffer(10, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    pair_receive(stage_sge(&to, 0, 10), 1);
    pair_receive(stage_sge(&to, 0, 10), 2);
    pair.b->Dispatch->NdkFlush(pair.b);
    stage_result(pair.cq_b, STATUS_CANCELLED, NdkOperationTypeReceive, 1);
    stage_result(pair.cq_b, STATUS_CANCELLED, NdkOperationTypeReceive, 2);
    st.holds_acks = true;
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 10), stage_address(&to), remote_token(&to), 0, 3), STATUS_SUCCESS);
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 10), stage_address(&to), remote_token(&to), NDK_OP_FLAG_SILENT_SUCCESS, 4),
                     STATUS_SUCCESS);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 10), NDK_OP_FLAG_DEFER, 5), STATUS_SUCCESS);
    pair.a->Dispatch->NdkFlush(pair.a);
    pair.a->Dispatch->NdkFlush(pair.a);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 10), 0, 6), STATUS_CONNECTION_INVALID);
    stage_no_result(pair.cq_a);           // TCP has the bytes still
    stage_acks();
    stage_result(pair.cq_a, STATUS_CANCELLED, NdkOperationTypeWrite, 3);
    stage_result(pair.cq_a, STATUS_CANCELLED, NdkOperationTypeWrite, 4);
    stage_result(pair.cq_a, STATUS_CANCELLED, NdkOperationTypeSend, 5);
    stage_no_result(pair.cq_a);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkFlush_cancels_what_is_outstanding_once)
{
    EACH_SEED(flush_body);
}

static void
flush_before_body(void)
{
    pair_make();
    struct buffer from = stage_buffer(10, pair.pd_a, 0), to = stage_buffer(10, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    pair_receive(stage_sge(&to, 0, 10), 1);
    pair.b->Dispatch->NdkFlush(pair.b);
    stage_result(pair.cq_b, STATUS_CANCELLED, NdkOperationTypeReceive, 1);
    stage_join(pair.a, pair.b);
    pair_receive(stage_sge(&to, 0, 10), 2);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 10), 0, 3), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 2);
    // The connection goes away: what is outstanding is flushed, and the QP serves no other.
    pair_receive(stage_sge(&to, 0, 10), 4);
    stage_part(pair.a);
    stage_result(pair.cq_b, STATUS_CANCELLED, NdkOperationTypeReceive, 4);
    struct rdma_link link = {0};
    ck_assert_int_eq(rdma_qp_attach(rdma_qp_from(pair.b), &link), STATUS_CONNECTION_INVALID);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkFlush_before_the_connection_leaves_a_QP_that_can_be_connected)
{
    EACH_SEED(flush_before_body);
}

static void
attached_body(void)
{
    struct rdma_link link = {0};
    pair_join();
    ck_assert_int_eq(rdma_qp_attach(rdma_qp_from(pair.a), &link), STATUS_CONNECTION_ACTIVE);
}

TEST(a_QP_has_one_connection)
{
    stage_run(1, attached_body);
}

// A QP with requests outstanding is closed: they come back cancelled, and its CQ's close waits for it.
static void
close_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(10, pair.pd_a, 0), to = stage_buffer(10, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    pair_receive(stage_sge(&to, 0, 10), 1);
    const NDK_QP_DISPATCH *qp = pair.b->Dispatch;
    ck_assert_int_eq(qp->NdkCloseQp(&pair.b->Header, stage_on_close, NULL), STATUS_PENDING);
    stage_result(pair.cq_b, STATUS_CANCELLED, NdkOperationTypeReceive, 1);
    stage_wait(1000);
    ck_assert_uint_eq(st.closes, 0);      // its connection holds it
    stage_part(pair.a);
    stage_until(&st.closes, 1);
    st.n_objects -= 1;                    // the QP, which stage_close does not know of: it stood before the buffers' MRs
    for (unsigned i = 0, n = 0; i <= st.n_objects; i++)
        if (st.objects[i] != &pair.b->Header)
            st.objects[n++] = st.objects[i];
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkCloseObject_of_a_QP_flushes_it_and_waits_for_its_connection)
{
    EACH_SEED(close_body);
}
