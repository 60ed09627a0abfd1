// SPDX-License-Identifier: MIT
// Memory: registration, logical addresses, fast registration, windows, and what becomes of tokens.
#include <sys/mman.h>

#include "pair.h"

static NTSTATUS
register_mr(NDK_MR *mr, MDL *mdl, SIZE_T bytes, ULONG flags)
{
    return stage_status(mr->Dispatch->NdkRegisterMr(mr, mdl, bytes, flags, stage_on_request, NULL));
}

static NTSTATUS
deregister(NDK_MR *mr)
{
    return stage_status(mr->Dispatch->NdkDeregisterMr(mr, stage_on_request, NULL));
}

// ---- NdkRegisterMr --------------------------------------------------------------------------------------------------------------------

static void
register_body(void)
{
    NDK_PD *pd = stage_pd();
    NDK_MR *mr = stage_mr(pd, false), *fast = stage_mr(pd, true);
    struct buffer one = stage_buffer(8192, NULL, 0), two = stage_buffer(4096, NULL, 0);
    ck_assert_int_eq(register_mr(mr, one.mdl, 8193, 0), STATUS_INVALID_PARAMETER);      // longer than the chain
    ck_assert_int_eq(register_mr(mr, one.mdl, 0, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(register_mr(mr, NULL, 1, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(register_mr(mr, one.mdl, 1, 0x10), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(register_mr(mr, one.mdl, 1, 4), STATUS_INVALID_PARAMETER);
    one.mdl->Next = two.mdl;                            // not beside each other
    ck_assert_int_eq(register_mr(mr, one.mdl, 8193, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(register_mr(mr, one.mdl, 8192, 0), STATUS_SUCCESS);                // which these bytes do not need
    one.mdl->Next = NULL;
    ck_assert_int_eq(register_mr(mr, two.mdl, 4096, 0), STATUS_INVALID_DEVICE_STATE);
    ck_assert_int_eq(register_mr(fast, two.mdl, 4096, 0), STATUS_INVALID_DEVICE_REQUEST);
    ck_assert_int_eq(deregister(fast), STATUS_INVALID_DEVICE_STATE);
    UINT32 local = mr->Dispatch->NdkGetLocalTokenFromMr(mr), remote = mr->Dispatch->NdkGetRemoteTokenFromMr(mr);
    ck_assert_uint_ne(local, remote);
    ck_assert_int_eq(deregister(mr), STATUS_SUCCESS);
    ck_assert_int_eq(deregister(mr), STATUS_INVALID_DEVICE_STATE);
    ck_assert_int_eq(register_mr(mr, two.mdl, 4096, 0), STATUS_SUCCESS);
    ck_assert_uint_ne(mr->Dispatch->NdkGetLocalTokenFromMr(mr), local);                 // the old ones lead nowhere
    ck_assert_uint_ne(mr->Dispatch->NdkGetRemoteTokenFromMr(mr), remote);
    stage_close(mr);
    stage_buffer_free(&one);
    stage_buffer_free(&two);
}

TEST(NdkRegisterMr_and_NdkDeregisterMr_say_each_documented_status)
{
    EACH_SEED(register_body);
    st.pends = true;
    EACH_SEED(register_body);
}

// A chain of MDLs, side by side, one of them empty; sent from every offset into another.
static void
chain_body(void)
{
    pair_join();
    struct buffer all = stage_buffer(10000, NULL, 0), to = stage_buffer(10000, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    static const ULONG cuts[] = {0, 1, 100, 4096, 4096, 5000, 10000};
    MDL *mdls[6];
    for (unsigned i = 0; i < 6; i++) {
        mdls[i] = IoAllocateMdl(all.bytes + cuts[i], cuts[i + 1] - cuts[i], FALSE, FALSE, NULL);
        MmBuildMdlForNonPagedPool(mdls[i]);
        if (i)
            mdls[i - 1]->Next = mdls[i];
    }
    // The mapping of a part may lie anywhere: only the virtual addresses go on.
    uint8_t *elsewhere = ExAllocatePool2(POOL_FLAG_NON_PAGED, 4996, 'tset');
    memset(elsewhere, 0x5A, 4996);
    mdls[5]->MappedSystemVa = elsewhere;
    memcpy(elsewhere, all.bytes + 5000, 4996);
    NDK_MR *mr = stage_mr(pair.pd_a, false);
    ck_assert_int_eq(register_mr(mr, mdls[0], 9996, 0), STATUS_SUCCESS);
    all.mr = mr;
    for (uint32_t offset = 0; offset < 9996; offset += 833) {
        uint32_t count = 9996 - offset;
        memset(to.bytes, 0, to.count);
        pair_receive(stage_sge(&to, 0, 10000), 1);
        ck_assert_int_eq(pair_send(stage_sge(&all, offset, count), 0, 2), STATUS_SUCCESS);
        ck_assert_uint_eq(stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1).BytesTransferred, count);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 2);
        ck_assert_mem_eq(to.bytes, all.bytes + offset, count);
    }
    stage_close(mr);
    all.mr = NULL;
    for (unsigned i = 0; i < 6; i++)
        IoFreeMdl(mdls[i]);
    ExFreePoolWithTag(elsewhere, 'tset');
    stage_buffer_free(&all);
    stage_buffer_free(&to);
}

TEST(NdkRegisterMr_takes_a_chain_whose_parts_are_mapped_anywhere)
{
    EACH_SEED(chain_body);
}

// TCP has a packet over the bytes: the registration ends when it has gone, and with it the close.
static void
in_flight_body(void)
{
    for (unsigned way = 0; way < 2; way++) {
        pair_join();
        struct buffer from = stage_buffer(1000, pair.pd_a, 0), to = stage_buffer(1000, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
        pair_receive(stage_sge(&to, 0, 1000), 1);
        st.holds_acks = true;
        ck_assert_int_eq(pair_send(stage_sge(&from, 0, 1000), 0, 2), STATUS_SUCCESS);
        stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
        stage_no_result(pair.cq_a);
        unsigned closes = st.closes;
        if (way == 0)
            ck_assert_int_eq(from.mr->Dispatch->NdkDeregisterMr(from.mr, stage_on_request, NULL), STATUS_PENDING);
        else
            ck_assert_int_eq(from.mr->Dispatch->NdkCloseMr(&from.mr->Header, stage_on_close, NULL), STATUS_PENDING);
        stage_wait(10000);
        ck_assert_uint_eq(st.requests, 0);
        ck_assert_uint_eq(st.closes, closes);
        stage_acks();
        if (way == 0) {
            stage_until(&st.requests, 1);
            ck_assert_int_eq(st.request_status, STATUS_SUCCESS);
            st.requests = 0;
        } else {
            stage_until(&st.closes, closes + 1);
            for (unsigned i = 0, n = 0; i < st.n_objects; i++)
                if (st.objects[i] != &from.mr->Header)
                    st.objects[n++] = st.objects[i];
            st.n_objects--;
            from.mr = NULL;
        }
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 2);
        stage_buffer_free(&from);
        stage_buffer_free(&to);
        stage_part(pair.a);
    }
}

TEST(NdkDeregisterMr_and_the_close_of_an_MR_wait_for_the_bytes_that_TCP_has)
{
    EACH_SEED(in_flight_body);
}

// What was registered when it was posted is gone when its bytes are to leave.
static void
gone_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(100, pair.pd_a, 0);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 100), NDK_OP_FLAG_DEFER, 1), STATUS_SUCCESS);
    ck_assert_int_eq(deregister(from.mr), STATUS_SUCCESS);
    ck_assert_int_eq(pair.a->Dispatch->NdkSend(pair.a, (PVOID)2, NULL, 0, 0), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_ACCESS_VIOLATION, NdkOperationTypeSend, 1);
    stage_wait(1000);
    ck_assert_uint_ne(stage_end(pair.a)->events & RDMA_EVENT_DISCONNECT, 0);
    stage_part(pair.a);
    stage_result(pair.cq_a, STATUS_CANCELLED, NdkOperationTypeSend, 2);
    stage_buffer_free(&from);
}

TEST(a_send_whose_bytes_are_not_registered_any_more_ends_the_connection)
{
    EACH_SEED(gone_body);
}

static void
receive_gone_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(100, pair.pd_a, 0), to = stage_buffer(100, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    memset(to.bytes, 0, 100);
    pair_receive(stage_sge(&to, 0, 100), 1);
    ck_assert_int_eq(deregister(to.mr), STATUS_SUCCESS);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 100), 0, 2), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_ACCESS_VIOLATION, NdkOperationTypeReceive, 1);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_uint_eq(to.bytes[i], 0);
    ck_assert_uint_ne(stage_end(pair.b)->events & RDMA_EVENT_DISCONNECT, 0);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(a_receive_whose_buffer_is_not_registered_any_more_is_not_written_to)
{
    EACH_SEED(receive_gone_body);
}

// ---- logical addresses ----------------------------------------------------------------------------------------------------------------

static void
lam_body(void)
{
    const NDK_ADAPTER_DISPATCH *adapter = st.adapter->Dispatch;
    struct buffer buffer = stage_buffer(20000, NULL, 0), other = stage_buffer(100, NULL, 0);
    union {
        NDK_LOGICAL_ADDRESS_MAPPING lam;
        UCHAR room[256];
    } out;
    ULONG bytes = 0, fbo = 77;
    ck_assert_int_eq(adapter->NdkBuildLAM(st.adapter, NULL, 1, stage_on_request, NULL, &out.lam, &bytes, &fbo), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(adapter->NdkBuildLAM(st.adapter, buffer.mdl, 0, stage_on_request, NULL, &out.lam, &bytes, &fbo),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(adapter->NdkBuildLAM(st.adapter, buffer.mdl, 20001, stage_on_request, NULL, &out.lam, &bytes, &fbo),
                     STATUS_INVALID_PARAMETER);
    buffer.mdl->Next = other.mdl;
    ck_assert_int_eq(adapter->NdkBuildLAM(st.adapter, buffer.mdl, 20001, stage_on_request, NULL, &out.lam, &bytes, &fbo),
                     STATUS_INVALID_PARAMETER);
    buffer.mdl->Next = NULL;
    ULONG offset = BYTE_OFFSET(buffer.bytes), pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(buffer.bytes, 20000);
    ck_assert_int_eq(adapter->NdkBuildLAM(st.adapter, buffer.mdl, 20000, stage_on_request, NULL, NULL, &bytes, &fbo),
                     STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(bytes, FIELD_OFFSET(NDK_LOGICAL_ADDRESS_MAPPING, AdapterPageArray) + pages * sizeof(NDK_LOGICAL_ADDRESS));
    bytes--;
    ck_assert_int_eq(adapter->NdkBuildLAM(st.adapter, buffer.mdl, 20000, stage_on_request, NULL, &out.lam, &bytes, &fbo),
                     STATUS_BUFFER_TOO_SMALL);
    ck_assert_int_eq(stage_status(adapter->NdkBuildLAM(st.adapter, buffer.mdl, 20000, stage_on_request, NULL, &out.lam, &bytes, &fbo)),
                     STATUS_SUCCESS);
    ck_assert_uint_eq(fbo, offset);
    ck_assert_uint_eq(out.lam.AdapterPageCount, pages);
    for (ULONG i = 0; i < pages; i++)
        ck_assert_uint_eq(out.lam.AdapterPageArray[i].QuadPart % PAGE_SIZE, 0);
    adapter->NdkReleaseLAM(st.adapter, &out.lam);
    stage_buffer_free(&buffer);
    stage_buffer_free(&other);
}

TEST(NdkBuildLam_says_each_documented_status)
{
    EACH_SEED(lam_body);
    st.pends = true;
    EACH_SEED(lam_body);
}

static void
privileged_body(void)
{
    pair_join();
    struct buffer from = stage_buffer(20000, NULL, 0), to = stage_buffer(20000, NULL, 0);
    struct buffer far = stage_buffer(20000, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_READ);
    struct pages out = pages_of(&from), in = pages_of(&to);
    UINT32 token;
    pair.pd_a->Dispatch->NdkGetPrivilegedMemoryRegionToken(pair.pd_a, &token);
    NDK_SGE send = {.Length = 20000, .MemoryRegionToken = token}, receive = send;
    send.LogicalAddress.QuadPart = out.lam->AdapterPageArray[0].QuadPart + out.fbo;
    receive.LogicalAddress.QuadPart = in.lam->AdapterPageArray[0].QuadPart + in.fbo;
    memset(to.bytes, 0, 20000);
    pair_receive(receive, 1);
    ck_assert_int_eq(pair_send(send, 0, 2), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 2);
    ck_assert_mem_eq(to.bytes, from.bytes, 20000);
    ck_assert_int_eq(pair_read(receive, stage_address(&far), remote_token(&far), 0, 3), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 3);
    ck_assert_mem_eq(to.bytes, far.bytes, 20000);
    // Beyond the mapping, of nobody's, and released.
    send.LogicalAddress.QuadPart += PAGE_SIZE * out.lam->AdapterPageCount;
    ck_assert_int_eq(pair_send(send, 0, 4), STATUS_ACCESS_VIOLATION);
    send.LogicalAddress.QuadPart = (LONGLONG)(uintptr_t)from.bytes;
    ck_assert_int_eq(pair_send(send, 0, 4), STATUS_ACCESS_VIOLATION);
    send.LogicalAddress.QuadPart = out.lam->AdapterPageArray[0].QuadPart;
    send.Length = 1;
    pages_free(&out);
    ck_assert_int_eq(pair_send(send, 0, 4), STATUS_ACCESS_VIOLATION);
    out = pages_of(&from);                              // in the same place, but another
    ck_assert_int_eq(pair_send(send, 0, 4), STATUS_ACCESS_VIOLATION);
    // A peer may not use it.
    ck_assert_int_eq(pair_write(stage_sge(&far, 0, 0), 0, token, 0, 5), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 5);
    NDK_SGE one = {.LogicalAddress = out.lam->AdapterPageArray[0], .Length = 1, .MemoryRegionToken = token};
    st.holds_acks = true;
    ck_assert_int_eq(pair_write(one, (UINT64)in.lam->AdapterPageArray[0].QuadPart + in.fbo, token, 0, 6), STATUS_SUCCESS);
    stage_acks();
    ck_assert_uint_eq(stage_result(pair.cq_a, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite, 6).ProviderErrorCode, 0x11100);
    pages_free(&out);
    pages_free(&in);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
    stage_buffer_free(&far);
}

TEST(NdkGetPrivilegedMemoryRegionToken_leads_to_logical_addresses_and_never_for_a_peer)
{
    EACH_SEED(privileged_body);
}

// ---- fast registration ----------------------------------------------------------------------------------------------------------------

static void
initialize_body(void)
{
    NDK_PD *pd = stage_pd();
    NDK_MR *plain = stage_mr(pd, false), *fast = stage_mr(pd, true);
    ck_assert_int_eq(plain->Dispatch->NdkInitializeFastRegisterMr(plain, 1, TRUE, stage_on_request, NULL), STATUS_INVALID_DEVICE_REQUEST);
    ck_assert_int_eq(fast->Dispatch->NdkInitializeFastRegisterMr(fast, 0, TRUE, stage_on_request, NULL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(fast->Dispatch->NdkInitializeFastRegisterMr(fast, RDMA_PAGES_MAX + 1, TRUE, stage_on_request, NULL),
                     STATUS_IMPLEMENTATION_LIMIT);
    for (unsigned i = 0; i < 2; i++)                    // again is allowed
        ck_assert_int_eq(
            stage_status(fast->Dispatch->NdkInitializeFastRegisterMr(fast, RDMA_PAGES_MAX, TRUE, stage_on_request, NULL)), STATUS_SUCCESS);
}

TEST(NdkInitializeFastRegisterMr_says_each_documented_status)
{
    EACH_SEED(initialize_body);
    st.pends = true;
    EACH_SEED(initialize_body);
}

#define BASE 0x7000000000ull
#define FAST_ALL (NDK_OP_FLAG_ALLOW_REMOTE_WRITE | NDK_OP_FLAG_ALLOW_REMOTE_READ)

static NTSTATUS
fast_register(NDK_QP *qp, NDK_MR *mr, const struct pages *pages, SIZE_T bytes, ULONG flags, uintptr_t context)
{
    return qp->Dispatch->NdkFastRegister(qp, (PVOID)context, mr, pages->lam->AdapterPageCount, pages->lam->AdapterPageArray, pages->fbo,
                                         bytes, (PVOID)(uintptr_t)(BASE + pages->fbo), flags);
}

static void
fast_refused_body(void)
{
    pair_join();
    struct buffer buffer = stage_buffer(3 * PAGE_SIZE, NULL, 0);
    struct pages pages = pages_of(&buffer);
    const NDK_LOGICAL_ADDRESS *array = pages.lam->AdapterPageArray;
    NDK_LOGICAL_ADDRESS odd = {.QuadPart = array[0].QuadPart + 8}, foreign = {.QuadPart = 0x1000};
    NDK_MR *mr = fast_mr(pair.pd_a, 2, false), *other = fast_mr(pair.pd_b, 2, false), *plain = stage_mr(pair.pd_a, false);
    NDK_MR *raw = stage_mr(pair.pd_a, true);
    const NDK_QP_DISPATCH *qp = pair.a->Dispatch;
    PVOID base = (PVOID)(uintptr_t)BASE;
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, plain, 1, array, 0, 10, base, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, raw, 1, array, 0, 10, base, 0), STATUS_INVALID_PARAMETER);     // not initialized
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, other, 1, array, 0, 10, base, 0), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 3, array, 0, 10, base, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 0, array, 0, 10, base, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 1, array, PAGE_SIZE, 1, base, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 1, array, 0, 0, base, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 2, array, 8, 2 * PAGE_SIZE - 7, (PVOID)(uintptr_t)(BASE + 8), 0),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 1, array, 8, 10, base, 0), STATUS_INVALID_PARAMETER);       // not page plus FBO
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 1, &odd, 0, 10, base, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 1, &foreign, 0, 10, base, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 1, array, 0, 10, base, NDK_OP_FLAG_ALLOW_REMOTE_READ), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 1, array, 0, 10, base, NDK_OP_FLAG_ALLOW_REMOTE_WRITE), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 1, array, 0, 10, base, NDK_OP_FLAG_INLINE), STATUS_INVALID_PARAMETER);
    // Four may be posted.
    for (unsigned i = 0; i < RDMA_PAGE_SETS; i++)
        ck_assert_int_eq(qp->NdkFastRegister(pair.a, (PVOID)(uintptr_t)i, mr, 1, array, 0, 10, base, NDK_OP_FLAG_DEFER), STATUS_SUCCESS);
    ck_assert_int_eq(qp->NdkFastRegister(pair.a, NULL, mr, 1, array, 0, 10, base, 0), STATUS_DEVICE_BUSY);
    // The first took effect, the others found it so; the connection lives.
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeFastRegister, 0);
    for (unsigned i = 1; i < RDMA_PAGE_SETS; i++)
        stage_result(pair.cq_a, STATUS_INVALID_DEVICE_STATE, NdkOperationTypeFastRegister, i);
    ck_assert_int_eq(mr->Dispatch->NdkInitializeFastRegisterMr(mr, 1, TRUE, stage_on_request, NULL), STATUS_INVALID_DEVICE_STATE);
    ck_assert_int_eq(qp->NdkInvalidate(pair.a, (PVOID)9, &mr->Header, 0), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeInvalidate, 9);
    ck_assert_int_eq(qp->NdkInvalidate(pair.a, (PVOID)10, &mr->Header, 0), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_INVALID_DEVICE_STATE, NdkOperationTypeInvalidate, 10);
    ck_assert_int_eq(qp->NdkInvalidate(pair.a, NULL, &plain->Header, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->NdkInvalidate(pair.a, NULL, &other->Header, 0), STATUS_ACCESS_VIOLATION);
    stage_no_result(pair.cq_a);
    pages_free(&pages);
    stage_buffer_free(&buffer);
}

TEST(NdkFastRegister_and_NdkInvalidate_say_each_documented_status)
{
    EACH_SEED(fast_refused_body);
}

// b registers, tells a the token in a send behind it; a writes, reads and sends with an invalidation; the token is stale then.
static void
fast_used_body(void)
{
    pair_join();
    struct buffer memory = stage_buffer(5 * PAGE_SIZE, NULL, 0);
    struct buffer from = stage_buffer(5 * PAGE_SIZE, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    struct buffer told = stage_buffer(16, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    struct pages pages = pages_of(&memory);
    NDK_MR *mr = fast_mr(pair.pd_b, 8, true);
    UINT32 last = 0;
    for (unsigned round = 0; round < 3; round++) {
        NDK_SGE sge = stage_sge(&from, 0, 16);
        memset(memory.bytes, 0, memory.count);
        ck_assert_int_eq(fast_register(pair.b, mr, &pages, memory.count - 100, FAST_ALL | NDK_OP_FLAG_DEFER, 1), STATUS_SUCCESS);
        UINT32 token = mr->Dispatch->NdkGetRemoteTokenFromMr(mr);       // there as soon as it is posted
        ck_assert_uint_ne(token, last);
        ck_assert_int_eq(pair.a->Dispatch->NdkReceive(pair.a, (PVOID)2, &sge, 1), STATUS_SUCCESS);
        sge = stage_sge(&told, 0, 16);
        ck_assert_int_eq(pair.b->Dispatch->NdkSend(pair.b, (PVOID)3, &sge, 1, 0), STATUS_SUCCESS);
        stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeFastRegister, 1);
        stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeSend, 3);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeReceive, 2);
        UINT64 address = BASE + pages.fbo;
        ck_assert_int_eq(pair_write(stage_sge(&from, 0, 10000), address + 3000, token, 0, 4), STATUS_SUCCESS);
        ck_assert_int_eq(pair_read(stage_sge(&from, 10000, 5000), address + 3000, token, 0, 5), STATUS_SUCCESS);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 4);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 5);
        ck_assert_mem_eq(memory.bytes + 3000, from.bytes, 10000);
        ck_assert_mem_eq(from.bytes + 10000, from.bytes, 5000);
        pair_receive(stage_sge(&told, 0, 16), 6);
        sge = stage_sge(&from, 0, 16);
        ck_assert_int_eq(pair.a->Dispatch->NdkSendAndInvalidate(pair.a, (PVOID)7, &sge, 1, 0, token), STATUS_SUCCESS);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 7);
        NDK_RESULT_EX got = stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceiveAndInvalidate, 6);
        ck_assert_uint_eq((UINT32)got.TypeSpecificCompletionOutput, token);
        ck_assert_int_eq(pair.b->Dispatch->NdkInvalidate(pair.b, (PVOID)8, &mr->Header, 0), STATUS_SUCCESS);
        stage_result(pair.cq_b, STATUS_INVALID_DEVICE_STATE, NdkOperationTypeInvalidate, 8);    // it fails, as usual
        last = token;
    }
    // With the stale token: nothing is touched.
    memset(memory.bytes, 0, memory.count);
    st.holds_acks = true;
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 10), BASE + pages.fbo, last, 0, 9), STATUS_SUCCESS);
    stage_acks();
    stage_result(pair.cq_a, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite, 9);
    for (uint32_t i = 0; i < memory.count; i++)
        ck_assert_uint_eq(memory.bytes[i], 0);
    pages_free(&pages);
    stage_buffer_free(&memory);
    stage_buffer_free(&from);
    stage_buffer_free(&told);
}

TEST(NdkFastRegister_gives_a_peer_access_until_NdkSendAndInvalidate_takes_it)
{
    EACH_SEED(fast_used_body);
}

// The same memory as a local buffer: registered and sent from in one chain of requests, and as the sink of a read that invalidates it.
static void
fast_local_body(void)
{
    pair_join();
    struct buffer memory = stage_buffer(3 * PAGE_SIZE, NULL, 0);
    struct buffer to = stage_buffer(3 * PAGE_SIZE, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ);
    struct pages pages = pages_of(&memory);
    NDK_MR *mr = fast_mr(pair.pd_a, 8, false);
    NDK_SGE sge = {.VirtualAddress = (PVOID)(uintptr_t)(BASE + pages.fbo + 100), .Length = 9000};
    sge.MemoryRegionToken = mr->Dispatch->NdkGetLocalTokenFromMr(mr);
    pair_receive(stage_sge(&to, 0, to.count), 1);
    ck_assert_int_eq(fast_register(pair.a, mr, &pages, memory.count, NDK_OP_FLAG_ALLOW_LOCAL_WRITE | NDK_OP_FLAG_DEFER, 2), STATUS_SUCCESS);
    ck_assert_int_eq(pair_send(sge, 0, 3), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeFastRegister, 2);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 3);
    ck_assert_uint_eq(stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1).BytesTransferred, 9000);
    ck_assert_mem_eq(to.bytes, memory.bytes + 100, 9000);
    memset(memory.bytes, 0, memory.count);
    ck_assert_int_eq(pair_read(sge, stage_address(&to), remote_token(&to), NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE, 4), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 4);
    ck_assert_mem_eq(to.bytes, memory.bytes + 100, 9000);
    ck_assert_int_eq(pair.a->Dispatch->NdkInvalidate(pair.a, (PVOID)5, &mr->Header, 0), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_INVALID_DEVICE_STATE, NdkOperationTypeInvalidate, 5);
    // A send from it now ends the connection: nothing leaves.
    ck_assert_int_eq(pair_send(sge, 0, 6), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_ACCESS_VIOLATION, NdkOperationTypeSend, 6);
    pages_free(&pages);
    stage_buffer_free(&memory);
    stage_buffer_free(&to);
}

TEST(NdkFastRegister_and_a_send_from_it_may_be_one_chain)
{
    EACH_SEED(fast_local_body);
}

// The answer to a peer's read is with TCP when the region is invalidated: the result waits for it, so that the memory may be reused.
static void
invalidate_waits_body(void)
{
    pair_join();
    struct buffer memory = stage_buffer(PAGE_SIZE, NULL, 0), back = stage_buffer(PAGE_SIZE, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    struct pages pages = pages_of(&memory);
    NDK_MR *mr = fast_mr(pair.pd_b, 2, true);
    ck_assert_int_eq(fast_register(pair.b, mr, &pages, memory.count, FAST_ALL, 1), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeFastRegister, 1);
    UINT32 token = mr->Dispatch->NdkGetRemoteTokenFromMr(mr);
    st.holds_acks = true;
    ck_assert_int_eq(pair_read(stage_sge(&back, 0, 4000), BASE + pages.fbo, token, 0, 2), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 2);
    ck_assert_int_eq(pair.b->Dispatch->NdkInvalidate(pair.b, (PVOID)3, &mr->Header, 0), STATUS_SUCCESS);
    stage_no_result(pair.cq_b);
    stage_acks();
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeInvalidate, 3);
    ck_assert_mem_eq(back.bytes, memory.bytes, 4000);
    pages_free(&pages);
    stage_buffer_free(&memory);
    stage_buffer_free(&back);
}

TEST(NdkInvalidate_has_its_result_when_TCP_has_no_byte_of_the_region)
{
    EACH_SEED(invalidate_waits_body);
}

// ---- windows --------------------------------------------------------------------------------------------------------------------------

static NTSTATUS
bind(NDK_MR *mr, NDK_MW *mw, UINT64 address, SIZE_T bytes, ULONG flags, uintptr_t context)
{
    return pair.b->Dispatch->NdkBind(pair.b, (PVOID)context, mr, mw, (PVOID)(uintptr_t)address, bytes, flags);
}

static void
bind_body(void)
{
    pair_join();
    struct buffer memory = stage_buffer(1000, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE), from = stage_buffer(1000, pair.pd_a, 1);
    struct buffer fixed = stage_buffer(1000, pair.pd_b, 0), other = stage_buffer(10, pair.pd_a, 1);
    NDK_MW *mw = stage_mw(pair.pd_b), *foreign = stage_mw(pair.pd_a);
    UINT64 at = stage_address(&memory);
    ck_assert_int_eq(bind(fixed.mr, mw, stage_address(&fixed), 10, NDK_OP_FLAG_ALLOW_REMOTE_WRITE, 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(bind(other.mr, mw, stage_address(&other), 10, NDK_OP_FLAG_ALLOW_REMOTE_READ, 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(bind(memory.mr, foreign, at, 10, NDK_OP_FLAG_ALLOW_REMOTE_READ, 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(bind(memory.mr, mw, at + 1, 1000, NDK_OP_FLAG_ALLOW_REMOTE_READ, 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(bind(memory.mr, mw, at - 1, 10, NDK_OP_FLAG_ALLOW_REMOTE_READ, 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(bind(memory.mr, mw, at, 0, NDK_OP_FLAG_ALLOW_REMOTE_READ, 1), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(bind(memory.mr, mw, at, 10, 0, 1), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(bind(fixed.mr, mw, stage_address(&fixed), 10, NDK_OP_FLAG_ALLOW_REMOTE_READ, 2), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeBind, 2);
    UINT32 first = mw->Dispatch->NdkGetRemoteTokenFromMw(mw);
    // Bound anew: another token, other bytes.
    ck_assert_int_eq(bind(memory.mr, mw, at + 100, 200, NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE, 3), STATUS_SUCCESS);
    UINT32 token = mw->Dispatch->NdkGetRemoteTokenFromMw(mw);
    ck_assert_uint_ne(token, first);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeBind, 3);
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 200), at + 100, token, 0, 4), STATUS_SUCCESS);
    ck_assert_int_eq(pair_read(stage_sge(&from, 500, 200), at + 100, token, 0, 5), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 4);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 5);
    ck_assert_mem_eq(memory.bytes + 100, from.bytes, 200);
    ck_assert_mem_eq(from.bytes + 500, from.bytes, 200);
    ck_assert_int_eq(deregister(memory.mr), STATUS_DEVICE_BUSY);
    ck_assert_int_eq(pair.b->Dispatch->NdkInvalidate(pair.b, (PVOID)6, &mw->Header, 0), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeInvalidate, 6);
    ck_assert_int_eq(deregister(memory.mr), STATUS_SUCCESS);
    stage_buffer_free(&memory);
    stage_buffer_free(&from);
    stage_buffer_free(&fixed);
    stage_buffer_free(&other);
}

TEST(NdkBind_says_each_documented_status_and_opens_that_part_alone)
{
    EACH_SEED(bind_body);
}

// A window over a fast region, in one chain; the region's end is the window's.
static void
bind_fast_body(void)
{
    pair_join();
    struct buffer memory = stage_buffer(PAGE_SIZE, NULL, 0), from = stage_buffer(100, pair.pd_a, 0);
    struct pages pages = pages_of(&memory);
    NDK_MR *mr = fast_mr(pair.pd_b, 2, false);
    NDK_MW *mw = stage_mw(pair.pd_b);
    UINT64 at = BASE + pages.fbo;
    ck_assert_int_eq(bind(mr, mw, at, 100, NDK_OP_FLAG_ALLOW_REMOTE_WRITE, 1), STATUS_SUCCESS);         // it is not registered in its turn
    stage_result(pair.cq_b, STATUS_ACCESS_VIOLATION, NdkOperationTypeBind, 1);
    ck_assert_int_eq(fast_register(pair.b, mr, &pages, PAGE_SIZE, NDK_OP_FLAG_ALLOW_LOCAL_WRITE | NDK_OP_FLAG_DEFER, 2), STATUS_SUCCESS);
    ck_assert_int_eq(bind(mr, mw, at + 10, 100, NDK_OP_FLAG_ALLOW_REMOTE_WRITE, 3), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeFastRegister, 2);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeBind, 3);
    UINT32 token = mw->Dispatch->NdkGetRemoteTokenFromMw(mw);
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 100), at + 10, token, 0, 4), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 4);
    ck_assert_mem_eq(memory.bytes + 10, from.bytes, 100);
    stage_close(mr);
    ck_assert_int_eq(pair.b->Dispatch->NdkInvalidate(pair.b, (PVOID)5, &mw->Header, 0), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_INVALID_DEVICE_STATE, NdkOperationTypeInvalidate, 5);
    memset(memory.bytes, 0, memory.count);
    st.holds_acks = true;
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 100), at + 10, token, 0, 6), STATUS_SUCCESS);
    stage_acks();
    stage_result(pair.cq_a, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite, 6);
    ck_assert_uint_eq(memory.bytes[10], 0);
    pages_free(&pages);
    stage_buffer_free(&memory);
    stage_buffer_free(&from);
}

TEST(NdkBind_over_a_fast_region_ends_with_it)
{
    EACH_SEED(bind_fast_body);
}

// ---- a gigabyte -----------------------------------------------------------------------------------------------------------------------

#define GIGABYTE (1u << 30)
#define MDL_BYTES (8u << 20)              // what one MDL describes

static void
gigabyte_body(void)
{
    pair_join();
    // Address space alone: only what is touched takes memory.
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    struct buffer from = {.count = GIGABYTE, .bytes = mmap(NULL, GIGABYTE, PROT_READ | PROT_WRITE, flags, -1, 0)};
    struct buffer to = stage_buffer(100, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    MDL *last = NULL;
    ck_assert_ptr_ne(from.bytes, MAP_FAILED);
    for (uint32_t at = 0; at < GIGABYTE; at += MDL_BYTES) {
        MDL *mdl = IoAllocateMdl(from.bytes + at, MDL_BYTES, FALSE, FALSE, NULL);
        ck_assert_ptr_nonnull(mdl);
        MmBuildMdlForNonPagedPool(mdl);
        if (last)
            last->Next = mdl;
        else
            from.mdl = mdl;
        last = mdl;
    }
    memset(from.bytes + GIGABYTE - 100, 0x3C, 100);
    from.mr = stage_mr(pair.pd_a, false);
    ck_assert_int_eq(register_mr(from.mr, from.mdl, GIGABYTE, 0), STATUS_SUCCESS);
    pair_receive(stage_sge(&to, 0, 100), 1);
    ck_assert_int_eq(pair_send(stage_sge(&from, GIGABYTE - 100, 100), 0, 2), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
    ck_assert_mem_eq(to.bytes, from.bytes + GIGABYTE - 100, 100);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 2);
    unsigned char touched[2];
    ck_assert_int_eq(mincore(from.bytes + GIGABYTE / 2, 2 * PAGE_SIZE, touched), 0);
    ck_assert_uint_eq((touched[0] | touched[1]) & 1, 0);
    stage_close(from.mr);
    for (MDL *mdl = from.mdl, *next; mdl; mdl = next) {
        next = mdl->Next;
        IoFreeMdl(mdl);
    }
    munmap(from.bytes, GIGABYTE);
    stage_buffer_free(&to);
}

TEST(NdkRegisterMr_takes_a_gigabyte_without_touching_it)
{
    stage_run(2, gigabyte_body);
}
