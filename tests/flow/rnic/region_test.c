// SPDX-License-Identifier: MIT
// What a registration allows, what its tokens lead to, and logical addresses: how each is asked for, refused and given back.
// What passes through them is in memory_test.c; who comes from the peer with bad intent, in hostile_test.c.
#include "pair.h"

static NTSTATUS
register_mr(NDK_MR *mr, MDL *mdl, SIZE_T bytes, ULONG flags)
{
    return stage_status(mr->Dispatch->NdkRegisterMr(mr, mdl, bytes, flags, stage_on_request, NULL));
}

// ---- NdkRegisterMr --------------------------------------------------------------------------------------------------------------------

static const struct right {
    ULONG flags;
    bool receives, sinks, peer_reads, peer_writes;
} rights[] = {
    {NDK_MR_FLAG_ALLOW_LOCAL_READ, false, false, false, false},
    {NDK_MR_FLAG_ALLOW_LOCAL_WRITE, true, true, false, false},
    {NDK_MR_FLAG_ALLOW_REMOTE_READ, false, false, true, false},
    {NDK_MR_FLAG_ALLOW_REMOTE_WRITE, true, true, false, true},
    {NDK_MR_FLAG_RDMA_READ_SINK, false, true, false, false},
    {NDK_MR_FLAG_RDMA_READ_SINK | NDK_MR_FLAG_ALLOW_REMOTE_READ, false, true, true, false},
    {NDK_MR_FLAG_ALLOW_LOCAL_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_ALLOW_REMOTE_WRITE, true, true, true, true},
};
static const struct right *right;
static bool does_peer_write;

static NTSTATUS
allowed(bool is)
{
    return is ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

// Locally a right that is missing is an inline refusal; from the peer it ends the connection, so that this comes last.
static void
rights_body(void)
{
    pair_join();
    struct buffer memory = stage_buffer(1000, pair.pd_b, right->flags);
    struct buffer there = stage_buffer(1000, pair.pd_a, NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    NDK_SGE sge = stage_sge(&memory, 0, 1000), far = stage_sge(&there, 0, 1000);
    const NDK_QP_DISPATCH *b = pair.b->Dispatch;
    ck_assert_int_eq(pair.a->Dispatch->NdkReceive(pair.a, (PVOID)1, &far, 1), STATUS_SUCCESS);
    ck_assert_int_eq(b->NdkSend(pair.b, (PVOID)2, &sge, 1, 0), STATUS_SUCCESS);         // to read locally is always allowed
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeSend, 2);
    ck_assert_mem_eq(there.bytes, memory.bytes, 1000);
    memset(there.bytes, 0x11, 1000);
    ck_assert_int_eq(b->NdkRead(pair.b, (PVOID)3, &sge, 1, stage_address(&there), remote_token(&there), 0), allowed(right->sinks));
    if (right->sinks) {
        stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeRead, 3);
        ck_assert_mem_eq(memory.bytes, there.bytes, 1000);
    }
    ck_assert_int_eq(b->NdkReceive(pair.b, (PVOID)4, &sge, 1), allowed(right->receives));
    memset(there.bytes, 0x22, 1000);
    st.holds_acks = true;
    if (does_peer_write) {
        bool is_allowed = right->peer_writes;
        memset(memory.bytes, 0x33, 1000);
        ck_assert_int_eq(pair_write(far, stage_address(&memory), remote_token(&memory), 0, 5), STATUS_SUCCESS);
        stage_acks();
        stage_result(pair.cq_a, allowed(is_allowed), NdkOperationTypeWrite, 5);
        ck_assert_uint_eq(memory.bytes[999], is_allowed ? 0x22 : 0x33);
    } else {
        bool is_allowed = right->peer_reads;
        memset(memory.bytes, 0x33, 1000);
        ck_assert_int_eq(pair_read(far, stage_address(&memory), remote_token(&memory), 0, 6), STATUS_SUCCESS);
        stage_acks();
        stage_result(pair.cq_a, allowed(is_allowed), NdkOperationTypeRead, 6);
        ck_assert_uint_eq(there.bytes[999], is_allowed ? 0x33 : 0x22);
    }
    stage_part(pair.a);
    stage_buffer_free(&memory);
    stage_buffer_free(&there);
}

TEST(NdkRegisterMr_allows_what_its_flags_say_and_nothing_else)
{
    for (unsigned i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        right = &rights[i];
        for (does_peer_write = false;; does_peer_write = true) {
            stage_run(i + 1, rights_body);
            if (does_peer_write)
                break;
        }
    }
}

static NDK_MR *the_mr;
static struct buffer the_buffer;

static NTSTATUS
register_starved(void)
{
    return the_mr->Dispatch->NdkRegisterMr(the_mr, the_buffer.mdl, 5000, 0, stage_on_request, NULL);
}

static void
register_more_body(void)
{
    NDK_PD *pd = stage_pd();
    KIRQL irql;
    the_mr = stage_mr(pd, false);
    the_buffer = stage_buffer(5000, NULL, 0);
    ck_assert_uint_ge(stage_starve(register_starved), 1);
    ck_assert_int_eq(the_mr->Dispatch->NdkDeregisterMr(the_mr, stage_on_request, NULL), STATUS_SUCCESS);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NTSTATUS status = register_starved(), after = the_mr->Dispatch->NdkDeregisterMr(the_mr, stage_on_request, NULL);
    KeLowerIrql(irql);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_int_eq(after, STATUS_SUCCESS);
    MDL zero = *the_buffer.mdl;           // one whose virtual address is zero
    zero.StartVa = NULL;
    zero.ByteOffset = 0;
    ck_assert_int_eq(register_mr(the_mr, &zero, 10, 0), STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(st.requests, 0);
    stage_buffer_free(&the_buffer);
}

TEST(NdkRegisterMr_without_memory_or_at_address_zero_is_refused_inline)
{
    EACH_SEED(register_more_body);
}

// ---- NdkDeregisterMr ------------------------------------------------------------------------------------------------------------------

static void
deregister_body(void)
{
    pair_join();
    struct buffer memory = stage_buffer(100, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    NDK_SGE sge = stage_sge(&memory, 0, 100);
    NDK_MR *mr = memory.mr, *fresh = stage_mr(pair.pd_a, false);
    ck_assert_int_eq(stage_status(fresh->Dispatch->NdkDeregisterMr(fresh, stage_on_request, NULL)), STATUS_INVALID_DEVICE_STATE);
    NTSTATUS status = mr->Dispatch->NdkDeregisterMr(mr, stage_on_request, NULL);
    ck_assert_int_eq(status, st.pends ? STATUS_PENDING : STATUS_SUCCESS);
    ck_assert_int_eq(stage_status(status), STATUS_SUCCESS);
    ck_assert_int_eq(pair_send(sge, 0, 1), STATUS_ACCESS_VIOLATION);    // its tokens lead nowhere
    ck_assert_int_eq(pair.a->Dispatch->NdkReceive(pair.a, NULL, &sge, 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(register_mr(mr, memory.mdl, 100, 0), STATUS_SUCCESS);
    stage_no_result(pair.cq_a);
    stage_buffer_free(&memory);
}

TEST(NdkDeregisterMr_ends_what_the_tokens_lead_to_inline_or_later)
{
    EACH_SEED(deregister_body);
    st.pends = true;
    EACH_SEED(deregister_body);
}

// ---- NdkInitializeFastRegisterMr ------------------------------------------------------------------------------------------------------

static NTSTATUS
initialize_starved(void)
{
    return the_mr->Dispatch->NdkInitializeFastRegisterMr(the_mr, 4, TRUE, stage_on_request, NULL);
}

static void
initialize_body(void)
{
    KIRQL irql;
    the_mr = stage_mr(stage_pd(), true);
    if (!st.pends)
        ck_assert_uint_ge(stage_starve(initialize_starved), 1);
    unsigned requests = st.requests;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);                 // twice, before the first has been completed
    NTSTATUS first = initialize_starved(), second = the_mr->Dispatch->NdkInitializeFastRegisterMr(the_mr, 8, FALSE, stage_on_request, NULL);
    KeLowerIrql(irql);
    ck_assert_int_eq(first, st.pends ? STATUS_PENDING : STATUS_SUCCESS);
    ck_assert_int_eq(second, first);
    if (st.pends) {
        stage_until(&st.requests, requests + 2);
        ck_assert_int_eq(st.request_status, STATUS_SUCCESS);
        st.requests = 0;
    }
    stage_wait(1000);
    ck_assert_uint_eq(st.requests, 0);
}

TEST(NdkInitializeFastRegisterMr_may_be_called_twice_at_once_and_says_when_there_is_no_memory)
{
    EACH_SEED(initialize_body);
    st.pends = true;
    EACH_SEED(initialize_body);
}

// ---- tokens ---------------------------------------------------------------------------------------------------------------------------

#define BASE 0x600000000ull
#define FAST_ALL (NDK_OP_FLAG_ALLOW_REMOTE_WRITE | NDK_OP_FLAG_ALLOW_REMOTE_READ)

static NTSTATUS
fast_register(NDK_QP *qp, NDK_MR *mr, const struct pages *pages, SIZE_T bytes, ULONG flags, uintptr_t context)
{
    return qp->Dispatch->NdkFastRegister(qp, (PVOID)context, mr, pages->lam->AdapterPageCount, pages->lam->AdapterPageArray, pages->fbo,
                                         bytes, (PVOID)(uintptr_t)(BASE + pages->fbo), flags);
}

static UINT32
local_token(NDK_MR *mr)
{
    return mr->Dispatch->NdkGetLocalTokenFromMr(mr);
}

// A local token is good in an SGE, for a registered MR and for a fast one, and never for a peer.
static void
local_token_body(void)
{
    pair_join();
    struct buffer plain = stage_buffer(100, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE), memory = stage_buffer(100, NULL, 0);
    struct buffer to = stage_buffer(200, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    struct pages pages = pages_of(&memory);
    NDK_MR *fast = fast_mr(pair.pd_b, 2, true);
    UINT32 token = local_token(fast);     // there when it is initialized
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    ck_assert_uint_eq(local_token(fast), token);
    KeLowerIrql(irql);
    ck_assert_uint_ne(token, local_token(plain.mr));
    NDK_SGE in = stage_sge(&to, 0, 200);
    NDK_SGE out[2] = {{.VirtualAddress = plain.bytes, .Length = 100, .MemoryRegionToken = local_token(plain.mr)},
                      {.VirtualAddress = (PVOID)(uintptr_t)(BASE + pages.fbo), .Length = 100, .MemoryRegionToken = token}};
    ck_assert_int_eq(pair.a->Dispatch->NdkReceive(pair.a, (PVOID)1, &in, 1), STATUS_SUCCESS);
    ck_assert_int_eq(fast_register(pair.b, fast, &pages, 100, FAST_ALL | NDK_OP_FLAG_DEFER, 2), STATUS_SUCCESS);
    ck_assert_uint_eq(local_token(fast), token);
    ck_assert_int_eq(pair.b->Dispatch->NdkSend(pair.b, (PVOID)3, out, 2, 0), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeFastRegister, 2);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeSend, 3);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
    ck_assert_mem_eq(to.bytes, plain.bytes, 100);
    ck_assert_mem_eq(to.bytes + 100, memory.bytes, 100);
    memset(to.bytes, 0x77, 200);
    st.holds_acks = true;
    ck_assert_int_eq(pair_write(stage_sge(&to, 0, 10), stage_address(&plain), local_token(plain.mr), 0, 4), STATUS_SUCCESS);
    stage_acks();
    stage_result(pair.cq_a, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite, 4);
    ck_assert_uint_ne(plain.bytes[0] == 0x77 && plain.bytes[1] == 0x77, true);
    stage_part(pair.a);
    pages_free(&pages);
    stage_buffer_free(&plain);
    stage_buffer_free(&memory);
    stage_buffer_free(&to);
}

TEST(NdkGetLocalTokenFromMr_gives_what_local_requests_name_and_peers_may_not)
{
    EACH_SEED(local_token_body);
}

// A remote token is good for a peer: of a registered MR at once, of a fast one when a registration is posted; not in an SGE.
static void
remote_token_body(void)
{
    pair_join();
    struct buffer plain = stage_buffer(100, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE), memory = stage_buffer(100, NULL, 0);
    struct buffer from = stage_buffer(100, pair.pd_a, 0);
    struct pages pages = pages_of(&memory);
    NDK_MR *fast = fast_mr(pair.pd_b, 2, true);
    const NDK_MR_DISPATCH *d = fast->Dispatch;
    UINT32 before = d->NdkGetRemoteTokenFromMr(fast);
    ck_assert_int_eq(fast_register(pair.b, fast, &pages, 100, FAST_ALL | NDK_OP_FLAG_DEFER, 1), STATUS_SUCCESS);
    UINT32 token = d->NdkGetRemoteTokenFromMr(fast);
    ck_assert_uint_ne(token, before);
    ck_assert_int_eq(pair.b->Dispatch->NdkWrite(pair.b, (PVOID)2, NULL, 0, 0, 0, 0), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeFastRegister, 1);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeWrite, 2);
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 100), BASE + pages.fbo, token, 0, 3), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 3);
    ck_assert_mem_eq(memory.bytes, from.bytes, 100);
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 100), stage_address(&plain), d->NdkGetRemoteTokenFromMr(plain.mr), 0, 4),
                     STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 4);
    ck_assert_mem_eq(plain.bytes, from.bytes, 100);
    NDK_SGE sge = {.VirtualAddress = plain.bytes, .Length = 1, .MemoryRegionToken = d->NdkGetRemoteTokenFromMr(plain.mr)};
    ck_assert_int_eq(pair.b->Dispatch->NdkSend(pair.b, NULL, &sge, 1, 0), STATUS_ACCESS_VIOLATION);
    // A registration that is refused leaves the token that is in force.
    ck_assert_int_eq(fast_register(pair.b, fast, &pages, 0, FAST_ALL, 5), STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(d->NdkGetRemoteTokenFromMr(fast), token);
    stage_part(pair.a);
    pages_free(&pages);
    stage_buffer_free(&plain);
    stage_buffer_free(&memory);
    stage_buffer_free(&from);
}

TEST(NdkGetRemoteTokenFromMr_gives_what_peers_name_as_soon_as_it_is_posted)
{
    EACH_SEED(remote_token_body);
}

static NTSTATUS
bind(NDK_QP *qp, NDK_MR *mr, NDK_MW *mw, UINT64 address, SIZE_T bytes, ULONG flags, uintptr_t context)
{
    return qp->Dispatch->NdkBind(qp, (PVOID)context, mr, mw, (PVOID)(uintptr_t)address, bytes, flags);
}

static void
window_token_body(void)
{
    pair_make();
    NDK_QP *dead = stage_qp(pair.pd_b, pair.cq_b, 4, 1, 0), *its_peer = stage_qp(pair.pd_a, pair.cq_a, 4, 1, 0);
    stage_join(pair.a, pair.b);
    stage_join(dead, its_peer);
    struct buffer memory = stage_buffer(100, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE), from = stage_buffer(100, pair.pd_a, 0);
    NDK_MW *mw = stage_mw(pair.pd_b);
    UINT64 at = stage_address(&memory);
    UINT32 unbound = mw->Dispatch->NdkGetRemoteTokenFromMw(mw);
    ck_assert_int_eq(bind(pair.b, memory.mr, mw, at, 50, NDK_OP_FLAG_ALLOW_REMOTE_WRITE | NDK_OP_FLAG_DEFER, 1), STATUS_SUCCESS);
    UINT32 token = mw->Dispatch->NdkGetRemoteTokenFromMw(mw);   // when the call has returned
    ck_assert_uint_ne(token, unbound);
    ck_assert_int_eq(pair.b->Dispatch->NdkWrite(pair.b, (PVOID)2, NULL, 0, 0, 0, 0), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeBind, 1);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeWrite, 2);
    // A connection of another QP has ended: its refusal leaves the token that is in force.
    struct rdma_call call;
    rdma_enter(st.rdma, &call);
    iwarp_abort(stage_end(dead)->link.iwarp);
    rdma_leave(st.rdma, &call);
    ck_assert_int_eq(bind(dead, memory.mr, mw, at, 10, NDK_OP_FLAG_ALLOW_REMOTE_WRITE, 3), STATUS_CONNECTION_INVALID);
    ck_assert_uint_eq(mw->Dispatch->NdkGetRemoteTokenFromMw(mw), token);
    ck_assert_int_eq(pair_write(stage_sge(&from, 0, 50), at, token, 0, 4), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 4);
    ck_assert_mem_eq(memory.bytes, from.bytes, 50);
    // The token of before leads nowhere.
    st.holds_acks = true;
    ck_assert_int_eq(pair_write(stage_sge(&from, 50, 50), at, unbound, 0, 5), STATUS_SUCCESS);
    stage_acks();
    stage_result(pair.cq_a, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite, 5);
    ck_assert_mem_eq(memory.bytes, from.bytes, 50);
    stage_part(pair.a);
    stage_part(dead);
    stage_buffer_free(&memory);
    stage_buffer_free(&from);
}

TEST(NdkGetRemoteTokenFromMw_gives_the_token_of_the_last_bind_that_was_posted)
{
    EACH_SEED(window_token_body);
}

static void
privileged_token_body(void)
{
    NDK_PD *one = stage_pd(), *two = stage_pd();
    UINT32 first = 0, second = 0;
    KIRQL irql;
    one->Dispatch->NdkGetPrivilegedMemoryRegionToken(one, &first);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    two->Dispatch->NdkGetPrivilegedMemoryRegionToken(two, &second);
    KeLowerIrql(irql);
    ck_assert_uint_ne(first, 0);
    NDK_MR *mr = stage_mr(one, true);
    ck_assert_uint_ne(first, local_token(mr));
    ck_assert_uint_ne(second, local_token(mr));
}

TEST(NdkGetPrivilegedMemoryRegionToken_is_no_regions_token)
{
    stage_run(1, privileged_token_body);
}

// ---- logical addresses ----------------------------------------------------------------------------------------------------------------

static union {
    NDK_LOGICAL_ADDRESS_MAPPING lam;
    UCHAR room[128];
} out;

static NTSTATUS
build(NDK_ADAPTER *adapter, MDL *mdl, ULONG count, ULONG *fbo)
{
    ULONG bytes = sizeof out;
    return adapter->Dispatch->NdkBuildLAM(adapter, mdl, count, stage_on_request, NULL, &out.lam, &bytes, fbo);
}

static NTSTATUS
build_starved(void)
{
    ULONG fbo;
    return build(st.adapter, the_buffer.mdl, the_buffer.count, &fbo);
}

static void
release(NDK_ADAPTER *adapter)
{
    adapter->Dispatch->NdkReleaseLAM(adapter, &out.lam);
}

static NDK_SGE
logical(ULONG offset, ULONG count)
{
    NDK_SGE sge = {.LogicalAddress = out.lam.AdapterPageArray[0], .Length = count};
    pair.pd_a->Dispatch->NdkGetPrivilegedMemoryRegionToken(pair.pd_a, &sge.MemoryRegionToken);
    sge.LogicalAddress.QuadPart += offset;
    return sge;
}

// Pages that are locked and nowhere mapped: they are reached, and the MDL is as it was before and after.
static void
locked_body(void)
{
    pair_join();
    struct buffer memory = stage_buffer(9000, NULL, 0), to = stage_buffer(9000, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    MDL *mdl = IoAllocateMdl(memory.bytes, 9000, FALSE, FALSE, NULL), *rest = IoAllocateMdl(memory.bytes + 5000, 4000, FALSE, FALSE, NULL);
    MmProbeAndLockPages(rest, KernelMode, IoWriteAccess);
    mdl->ByteCount = 5000;                // two of a chain
    MmProbeAndLockPages(mdl, KernelMode, IoWriteAccess);
    mdl->Next = rest;
    CSHORT flags = mdl->MdlFlags;
    ULONG fbo = 0;
    ck_assert_uint_eq(flags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL), 0);
    ck_assert_int_eq(build(st.adapter, mdl, 9000, &fbo), STATUS_SUCCESS);
    ck_assert_int_eq(mdl->MdlFlags, flags);
    ck_assert_uint_eq(out.lam.AdapterPageCount, ADDRESS_AND_SIZE_TO_SPAN_PAGES(memory.bytes, 9000));
    pair_receive(stage_sge(&to, 0, 9000), 1);
    ck_assert_int_eq(pair_send(logical(fbo, 9000), 0, 2), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 2);
    ck_assert_mem_eq(to.bytes, memory.bytes, 9000);
    release(st.adapter);
    ck_assert_int_eq(mdl->MdlFlags, flags);
    ck_assert_int_eq(rest->MdlFlags, flags);
    MmUnlockPages(mdl);
    MmUnlockPages(rest);
    IoFreeMdl(rest);
    IoFreeMdl(mdl);
    stage_buffer_free(&memory);
    stage_buffer_free(&to);
}

TEST(NdkBuildLam_reaches_pages_that_are_not_mapped_and_leaves_their_MDL_as_it_was)
{
    EACH_SEED(locked_body);
}

static void
build_more_body(void)
{
    KIRQL irql;
    ULONG fbo;
    the_buffer = stage_buffer(9000, NULL, 0);
    ck_assert_uint_ge(stage_starve(build_starved), 2);
    release(st.adapter);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NTSTATUS status = build(st.adapter, the_buffer.mdl, 9000, &fbo);
    release(st.adapter);
    KeLowerIrql(irql);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    // Of a part: no more pages than it has.
    ck_assert_int_eq(build(st.adapter, the_buffer.mdl, 1, &fbo), STATUS_SUCCESS);
    ck_assert_uint_eq(out.lam.AdapterPageCount, 1);
    release(st.adapter);
    stage_buffer_free(&the_buffer);
}

TEST(NdkBuildLam_without_memory_says_so_and_leaves_nothing)
{
    EACH_SEED(build_more_body);
}

// A mapping is over when it is released, and its place is another's; one that is over, or another adapter's, is nothing.
static void
release_body(void)
{
    pair_join();
    struct buffer memory = stage_buffer(100, NULL, 0), other = stage_buffer(100, NULL, 0);
    struct buffer to = stage_buffer(100, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    NDK_ADAPTER *second = NULL;
    ULONG fbo = 0, other_fbo = 0;
    CSHORT flags = memory.mdl->MdlFlags;
    ck_assert_int_eq(rdma_adapter_open(st.rdma, (NDK_VERSION){2, 1}, &second), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(build(st.adapter, memory.mdl, 100, &fbo), STATUS_SUCCESS);
    release(second);
    pair_receive(stage_sge(&to, 0, 100), 1);
    ck_assert_int_eq(pair_send(logical(fbo, 100), 0, 2), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 2);
    ck_assert_mem_eq(to.bytes, memory.bytes, 100);
    release(st.adapter);
    ck_assert_int_eq(memory.mdl->MdlFlags, flags);
    NDK_LOGICAL_ADDRESS_MAPPING old = out.lam;
    ck_assert_int_eq(pair_send(logical(fbo, 100), 0, 3), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(build(st.adapter, other.mdl, 100, &other_fbo), STATUS_SUCCESS);
    st.adapter->Dispatch->NdkReleaseLAM(st.adapter, &old);     // a second time: not the new one
    pair_receive(stage_sge(&to, 0, 100), 4);
    ck_assert_int_eq(pair_send(logical(other_fbo, 100), 0, 5), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 4);
    ck_assert_mem_eq(to.bytes, other.bytes, 100);
    release(st.adapter);
    rdma_adapter_close(st.rdma, second);
    stage_buffer_free(&memory);
    stage_buffer_free(&other);
    stage_buffer_free(&to);
}

TEST(NdkReleaseLam_ends_that_mapping_alone)
{
    EACH_SEED(release_body);
}

// What is never released goes with its adapter, which closes; other adapters' stay.
static void
left_body(void)
{
    pair_make();
    struct buffer memory = stage_buffer(100, NULL, 0);
    NDK_ADAPTER *second = NULL;
    ULONG fbo = 0;
    stage_join(pair.a, pair.b);
    ck_assert_int_eq(rdma_adapter_open(st.rdma, (NDK_VERSION){2, 1}, &second), NDIS_STATUS_SUCCESS);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(build(second, memory.mdl, 100, &fbo), STATUS_SUCCESS);
    NDK_SGE of_second = logical(fbo, 100);
    ck_assert_int_eq(build(st.adapter, memory.mdl, 100, &fbo), STATUS_SUCCESS);
    rdma_adapter_close(st.rdma, second);
    ck_assert_int_eq(pair_send(of_second, 0, 1), STATUS_ACCESS_VIOLATION);
    pair_receive((NDK_SGE){0}, 2);
    ck_assert_int_eq(pair_write(logical(fbo, 0), 0, 0, 0, 3), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeWrite, 3);
    release(st.adapter);
    stage_buffer_free(&memory);
}

TEST(CloseNDKAdapterHandler_releases_the_logical_addresses_that_its_consumer_has_not)
{
    EACH_SEED(left_body);
}
