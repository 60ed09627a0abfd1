// SPDX-License-Identifier: MIT
// Rules of NDK about requests on queues and the memory that they name: NBX-0708 and 0714 to 0717, under --verify strict.
#include "harness/harness.h"
#include "objects.h"

// ---- results --------------------------------------------------------------------------------------------------------------------------

static void
result_twice(void)
{
    p_make_all();
    p_send(0);
    for (int i = 0; i < 2; i++) {
        p_result(0, STATUS_SUCCESS);
        p_poll();
    }
}

static void
result_of_no_queue(void)
{
    p_make_all();
    p_send(0);
    p.qp_context[0] = &p;
    p_result(0, STATUS_SUCCESS);
    p_poll();
}

static void
result_elsewhere(void)
{
    NDK_RESULT result;
    p_make_all();
    p_send(0);
    p_result(0, STATUS_SUCCESS);
    p.other_cq->Dispatch->NdkGetCqResults(p.other_cq, &result, 1);
}

static void
results_in_wrong_order(void)
{
    p_make_all();
    p_send(0);
    p_send(0);
    p_result(1, STATUS_SUCCESS);
    p_poll();
}

static void
result_of_silence(void)
{
    p_make_all();
    p_send(NDK_OP_FLAG_SILENT_SUCCESS);
    p_result(0, STATUS_SUCCESS);
    p_poll();
}

static void
result_that_pends(void)
{
    p_make_all();
    p_send(0);
    p_result(0, STATUS_PENDING);
    p_poll();
}

static void
result_too_long(void)
{
    p_make_all();
    p_receive();
    p_result(0, STATUS_SUCCESS);
    p.result[0].BytesTransferred = 2;
    p_poll();
}

static ULONG
poll_ex(NDK_OPERATION_TYPE type)
{
    NDK_RESULT_EX result[4];
    p.result_type = type;
    return p.cq->Dispatch->NdkGetCqResultsEx(p.cq, result, 4);
}

static void
result_of_another_type(void)
{
    p_make_all();
    p_send(0);
    p_result(0, STATUS_SUCCESS);
    poll_ex(NdkOperationTypeWrite);
}

// The result is there, and then the post fails.
static void
poll_inside(void)
{
    p_result(0, STATUS_SUCCESS);
    p_poll();
}

static void
fails_with_a_result(void)
{
    p_make_all();
    p.inside = poll_inside;
    p.post_status = STATUS_CONNECTION_INVALID;
    p_send(0);
}

static void
post_pends(void)
{
    p_make_all();
    p.post_status = STATUS_PENDING;
    p_send(0);
}

TEST(an_NDK_result_that_does_not_go_with_its_request_is_reported)
{
    P_IS_FOUND(result_twice, "NBX-0708", "NdkGetCqResults", "has had its result", "driver mp");
    P_IS_FOUND(result_of_no_queue, "NBX-0708", "no queue pair was made with", "driver mp");
    P_IS_FOUND(result_elsewhere, "NBX-0708", "another completion queue", "driver mp");
    P_IS_FOUND(results_in_wrong_order, "NBX-0708", "posted earlier", "driver mp");
    P_IS_FOUND(result_of_silence, "NBX-0708", "to be silent", "driver mp");
    P_IS_FOUND(result_that_pends, "NBX-0708", "STATUS_PENDING", "driver mp");
    P_IS_FOUND(result_too_long, "NBX-0708", "more bytes", "driver mp");
    P_IS_FOUND(result_of_another_type, "NBX-0708", "NdkGetCqResultsEx", "whose Type", "driver mp");
    P_IS_FOUND(fails_with_a_result, "NBX-0708", "NdkSend", "failed, and", "driver mp");
    P_IS_FOUND(post_pends, "NBX-0702", "NdkSend", "STATUS_PENDING", "driver mp");
}

static void
results_in_order(void)
{
    p_make_all();
    p_send(0);                                             // 0
    p_send(NDK_OP_FLAG_SILENT_SUCCESS);                    // 1: succeeds, and nothing comes
    p_receive();                                           // 2: another queue
    p_send(NDK_OP_FLAG_SILENT_SUCCESS);                    // 3: fails
    p_send(0);                                             // 4
    p_result(2, STATUS_SUCCESS);
    p.result[0].BytesTransferred = 1;
    p_result(0, STATUS_SUCCESS);
    p_result(3, STATUS_CANCELLED);
    ck_assert_uint_eq(p_poll(), 3);
    p_result(4, STATUS_CANCELLED);
    ck_assert_uint_eq(p_poll(), 1);
    p_receive();                                           // 5
    p_result(5, STATUS_SUCCESS);
    ck_assert_uint_eq(poll_ex(NdkOperationTypeReceiveAndInvalidate), 1);
    for (int i = 0; i < 40; i++) {                         // more than a ring has room for at first
        p.posts = 0;
        p_send(i % 3 ? NDK_OP_FLAG_SILENT_SUCCESS : 0);
        if (i % 3)
            continue;
        p_result(0, STATUS_SUCCESS);
        ck_assert_uint_eq(p_poll(), 1);
    }
    p_close_all();
}

TEST(NDK_results_in_the_order_of_their_posts_are_not_reported)
{
    p_is_none(results_in_order);
}

// ---- memory -----------------------------------------------------------------------------------------------------------------------------

static void
sends_an_unknown_token(void)
{
    p_make_all();
    p.sge.MemoryRegionToken++;
    p_send(0);
}

static void
sends_what_lies_outside(void)
{
    p_make_all();
    p.sge.VirtualAddress = (PVOID)(ULONG_PTR)4096;
    p_send(0);
}

static void
receives_too_much(void)
{
    p_make_all();
    p.sge.Length = 4097;
    p_receive();
}

static void
sends_what_was_deregistered(void)
{
    p_make_all();
    p.mr->Dispatch->NdkDeregisterMr(p.mr, p_on_request, &p);
    p_send(0);
}

static void
sends_of_another_pd(void)
{
    p_make_all();
    p.mr = p_make_mr(p_make_pd(), false);
    p_register_mr();
    p.sge.MemoryRegionToken = p.mr->Dispatch->NdkGetLocalTokenFromMr(p.mr);
    p_send(0);
}

static void
deregisters_twice(void)
{
    p_make_all();
    p.mr->Dispatch->NdkDeregisterMr(p.mr, p_on_request, &p);
    p.mr->Dispatch->NdkDeregisterMr(p.mr, p_on_request, &p);
}

static void
registers_a_fast_one(void)
{
    p_make_all();
    p.mr = p_make_mr(p.pd, true);
    p_register_mr();
}

static void
initializes_one_that_is_not_fast(void)
{
    p_make_all();
    p.mr->Dispatch->NdkInitializeFastRegisterMr(p.mr, 1, FALSE, p_on_request, &p);
}

static void
invalidates_one_that_is_not_fast(void)
{
    p_make_all();
    p.qp->Dispatch->NdkInvalidate(p.qp, NULL, &p.mr->Header, 0);
}

static NDK_MW *
make_mw(void)
{
    NDK_MW *mw;
    ck_assert_int_eq(p.pd->Dispatch->NdkCreateMw(p.pd, p_on_create, &p, &mw), STATUS_SUCCESS);
    return mw;
}

static NTSTATUS
bind(NDK_MW *mw, ULONG_PTR address, SIZE_T bytes)
{
    return p.qp->Dispatch->NdkBind(p.qp, NULL, p.mr, mw, (PVOID)address, bytes, NDK_OP_FLAG_ALLOW_REMOTE_WRITE);
}

static void
binds_too_much(void)
{
    p_make_all();
    bind(make_mw(), 1, 4096);
}

static void
binds_another_pd(void)
{
    p_make_all();
    p.pd = p_make_pd();
    bind(make_mw(), 0, 1);
}

static NDK_MR *
make_fast(ULONG pages)
{
    NDK_MR *mr = p_make_mr(p.pd, true);
    if (pages)
        ck_assert_int_eq(mr->Dispatch->NdkInitializeFastRegisterMr(mr, pages, TRUE, p_on_request, &p), STATUS_SUCCESS);
    return mr;
}

static NTSTATUS
fast_register(NDK_MR *mr, ULONG pages, ULONG fbo, SIZE_T bytes, ULONG_PTR base)
{
    static const NDK_LOGICAL_ADDRESS page[4];
    return p.qp->Dispatch->NdkFastRegister(p.qp, NULL, mr, pages, page, fbo, bytes, (PVOID)base, NDK_OP_FLAG_ALLOW_LOCAL_WRITE);
}

static void
fast_registers_uninitialized(void)
{
    p_make_all();
    fast_register(make_fast(0), 1, 0, 4096, 4096);
}

static void
fast_registers_too_many_pages(void)
{
    p_make_all();
    fast_register(make_fast(2), 3, 0, 4096, 4096);
}

static void
fast_registers_beyond_its_pages(void)
{
    p_make_all();
    fast_register(make_fast(2), 2, 1, 8192, 4097);
}

static void
fast_registers_a_base_between(void)
{
    p_make_all();
    fast_register(make_fast(2), 2, 1, 8191, 4096);
}

static void
sends_what_was_invalidated(void)
{
    p_make_all();
    NDK_MR *mr = make_fast(1);
    fast_register(mr, 1, 0, 4096, 4096);
    p.sge = (NDK_SGE){.VirtualAddress = (PVOID)(ULONG_PTR)4096, .Length = 1, .MemoryRegionToken = mr->Dispatch->NdkGetLocalTokenFromMr(mr)};
    p.qp->Dispatch->NdkInvalidate(p.qp, NULL, &mr->Header, 0);
    p_send(0);
}

static void
sends_what_a_read_invalidated(void)
{
    p_make_all();
    NDK_MR *mr = make_fast(1);
    fast_register(mr, 1, 0, 4096, 4096);
    p.sge = (NDK_SGE){.VirtualAddress = (PVOID)(ULONG_PTR)4096, .Length = 1, .MemoryRegionToken = mr->Dispatch->NdkGetLocalTokenFromMr(mr)};
    p.qp->Dispatch->NdkRead(p.qp, NULL, &p.sge, 1, 0, 0, NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE);
    p_send(0);
}

TEST(an_NDK_request_on_memory_that_is_not_registered_is_reported)
{
    P_IS_FOUND(sends_an_unknown_token, "NBX-0714", "NdkSend", "no memory region or PD");
    P_IS_FOUND(sends_what_lies_outside, "NBX-0714", "NdkSend", "outside the memory region");
    P_IS_FOUND(receives_too_much, "NBX-0714", "NdkReceive", "outside the memory region");
    P_IS_FOUND(sends_what_was_deregistered, "NBX-0714", "NdkSend", "not registered");
    P_IS_FOUND(sends_of_another_pd, "NBX-0714", "NdkSend", "another protection domain");
    P_IS_FOUND(deregisters_twice, "NBX-0714", "NdkDeregisterMr", "has not registered");
    P_IS_FOUND(registers_a_fast_one, "NBX-0714", "NdkRegisterMr", "made for fast registration");
    P_IS_FOUND(initializes_one_that_is_not_fast, "NBX-0714", "NdkInitializeFastRegisterMr", "not made for fast registration");
    P_IS_FOUND(invalidates_one_that_is_not_fast, "NBX-0714", "NdkInvalidate", "not made for fast registration");
    P_IS_FOUND(binds_too_much, "NBX-0714", "NdkBind", "outside its memory region");
    P_IS_FOUND(binds_another_pd, "NBX-0714", "NdkBind", "another protection domain");
    P_IS_FOUND(fast_registers_uninitialized, "NBX-0714", "NdkFastRegister", "not initialised");
    P_IS_FOUND(fast_registers_too_many_pages, "NBX-0714", "NdkFastRegister", "more pages");
    P_IS_FOUND(fast_registers_beyond_its_pages, "NBX-0714", "NdkFastRegister", "beyond its pages");
    P_IS_FOUND(fast_registers_a_base_between, "NBX-0714", "NdkFastRegister", "not a multiple of PAGE_SIZE");
    P_IS_FOUND(sends_what_was_invalidated, "NBX-0714", "NdkSend", "not registered");
    P_IS_FOUND(sends_what_a_read_invalidated, "NBX-0714", "NdkSend", "not registered");
}

static void
names_what_is_registered(void)
{
    p_make_all();
    NDK_MW *mw = make_mw();
    NDK_MR *mr = make_fast(2);
    UINT32 privileged;
    p.sge.Length = 4096;                                   // to its last byte
    ck_assert_int_eq(p_receive(), STATUS_SUCCESS);
    ck_assert_int_eq(bind(mw, 1, 4095), STATUS_SUCCESS);
    ck_assert_int_eq(p.qp->Dispatch->NdkInvalidate(p.qp, NULL, &mw->Header, 0), STATUS_SUCCESS);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fast_register(mr, 2, 8, 8184, 4096 + 8), STATUS_SUCCESS);
        p.sge = (NDK_SGE){
            .VirtualAddress = (PVOID)(ULONG_PTR)(4096 + 8), .Length = 8184, .MemoryRegionToken = mr->Dispatch->NdkGetLocalTokenFromMr(mr)};
        ck_assert_int_eq(p_send(0), STATUS_SUCCESS);
        ck_assert_int_eq(p.qp->Dispatch->NdkInvalidate(p.qp, NULL, &mr->Header, 0), STATUS_SUCCESS);
    }
    p.sge.Length = 0;                                      // nothing, whatever the token
    ck_assert_int_eq(p_send(0), STATUS_SUCCESS);
    p.pd->Dispatch->NdkGetPrivilegedMemoryRegionToken(p.pd, &privileged);
    p.sge = (NDK_SGE){.LogicalAddress = {.QuadPart = 0x10000}, .Length = 4096, .MemoryRegionToken = privileged};
    ck_assert_int_eq(p_send(0), STATUS_SUCCESS);
    p.mr->Dispatch->NdkDeregisterMr(p.mr, p_on_request, &p);
    p.answer = P_LATER;
    p_register_mr();
    p_complete(STATUS_SUCCESS);
    p.answer = P_AT_ONCE;
    p.sge = (NDK_SGE){.Length = 1, .MemoryRegionToken = p.mr->Dispatch->NdkGetLocalTokenFromMr(p.mr)};
    ck_assert_int_eq(p_send(0), STATUS_SUCCESS);
    p_close_object(mw);
    p_close_object(mr);
    p_close_all();
}

TEST(an_NDK_request_on_registered_memory_is_not_reported)
{
    p_is_none(names_what_is_registered);
}

// ---- flags and sizes -----------------------------------------------------------------------------------------------------------------

static void
receives_in_two(void)
{
    NDK_SGE two[2];
    p_make_all();
    two[0] = two[1] = p.sge;
    p.qp->Dispatch->NdkReceive(p.qp, NULL, two, 2);
}

static void
sends_too_much_inline(void)
{
    p_make_all();
    p_send(NDK_OP_FLAG_INLINE);
}

static void
sends_with_rights(void)
{
    p_make_all();
    p_send(NDK_OP_FLAG_ALLOW_REMOTE_READ);
}

static void
writes_with_an_event(void)
{
    p_make_all();
    p.qp->Dispatch->NdkWrite(p.qp, NULL, &p.sge, 1, 0, 0, NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT);
}

static void
binds_with_half_a_right(void)
{
    p_make_all();
    p.qp->Dispatch->NdkBind(p.qp, NULL, p.mr, make_mw(), NULL, 1, 0x20);
}

static void
registers_with_half_a_right(void)
{
    p_make_all();
    p.mr->Dispatch->NdkRegisterMr(p.mr, NULL, 1, 4, p_on_request, &p);
}

static void
never_ends_what_is_deferred(void)
{
    p_make_all();
    p_send(NDK_OP_FLAG_DEFER);
    p_close_object(p.qp);
}

TEST(an_NDK_request_with_flags_or_sizes_that_do_not_go_is_reported)
{
    P_IS_FOUND(receives_in_two, "NBX-0715", "NdkReceive", "has 2 buffers; the queue was made for 1");
    P_IS_FOUND(sends_too_much_inline, "NBX-0715", "NdkSend", "1 bytes inline; the queue pair was made for 0");
    P_IS_FOUND(sends_with_rights, "NBX-0715", "NdkSend", "does not take 0x8");
    P_IS_FOUND(writes_with_an_event, "NBX-0715", "NdkWrite", "does not take 0x4");
    P_IS_FOUND(binds_with_half_a_right, "NBX-0715", "NdkBind", "does not take 0x20");
    P_IS_FOUND(registers_with_half_a_right, "NBX-0715", "NdkRegisterMr", "flags 0x4");
    P_IS_FOUND(never_ends_what_is_deferred, "NBX-0715", "NdkCloseObject", "NDK_OP_FLAG_DEFER");
}

static void
has_good_flags(void)
{
    const ULONG all = NDK_OP_FLAG_SILENT_SUCCESS | NDK_OP_FLAG_READ_FENCE | NDK_OP_FLAG_DEFER;
    p_make_all();
    ck_assert_int_eq(p_send(all | NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT), STATUS_SUCCESS);
    ck_assert_int_eq(p.qp->Dispatch->NdkSend(p.qp, NULL, NULL, 0, NDK_OP_FLAG_INLINE), STATUS_SUCCESS);
    ck_assert_int_eq(p.qp->Dispatch->NdkWrite(p.qp, NULL, &p.sge, 1, 0, 0, all), STATUS_SUCCESS);
    p.post_status = STATUS_CONNECTION_INVALID;             // which ends what was deferred
    p_send(NDK_OP_FLAG_DEFER);
    p_close_all();
}

TEST(an_NDK_request_with_the_flags_of_its_page_is_not_reported)
{
    p_is_none(has_good_flags);
}

// ---- connection data, and what is made later --------------------------------------------------------------------------------------

static void
ask(PVOID buffer, ULONG bytes)
{
    p.connector->Dispatch->NdkGetConnectionData(p.connector, NULL, NULL, buffer, &bytes);
}

static void
asks_for_nothing(void)
{
    p_make_all();
    ask(NULL, 1);
}

static void
complete_connect(void)
{
    p.connector->Dispatch->NdkCompleteConnect(p.connector, p_on_disconnect, &p, p_on_request, &p);
}

static void
asks_too_late(void)
{
    p_make_all();
    complete_connect();
    ask(NULL, 0);
}

TEST(an_NDK_consumer_that_asks_for_data_in_a_wrong_way_is_reported)
{
    P_IS_FOUND(asks_for_nothing, "NBX-0716", "NdkGetConnectionData", "a length of 1 and no buffer");
    P_IS_FOUND(asks_too_late, "NBX-0716", "NdkGetConnectionData", "after NdkAccept or NdkCompleteConnect");
}

static void
asks_in_time(void)
{
    UCHAR byte;
    p_make_all();
    ask(NULL, 0);
    ask(&byte, 1);
    complete_connect();
    p_close_all();
}

TEST(an_NDK_consumer_that_asks_for_data_in_time_is_not_reported)
{
    p_is_none(asks_in_time);
}

static void
writes_out(void)
{
    p.writes_out = true;
    p_make_all();
}

TEST(an_NDK_object_that_comes_twice_is_reported)
{
    P_IS_FOUND(writes_out, "NBX-0717", "NdkCreateConnector", "wrote the object into its parameter", "driver mp");
}

static void
makes_one_later(void)
{
    p_make_all();
    p_close_all();
}

TEST(an_NDK_object_that_is_made_later_is_not_reported)
{
    p_is_none(makes_one_later);
}
