// SPDX-License-Identifier: MIT
// See stage.h.
#include "stage.h"

#include <string.h>

#include <nbx/fault.h>

#include "base/prng.h"
#include "nt/box.h"
#include "sim/sim.h"

struct stage st;
static struct prng prng;
static void (*stage_body)(void);

// ---- the transport ------------------------------------------------------------------------------------------------------------------

static bool
end_send(struct end *end)
{
    struct tcp_send *send = iwarp_run_next(end->link.iwarp);
    struct end *other = end->other;
    if (!send)
        return false;
    for (uint32_t i = 0; i < send->n_spans; i++) {
        ck_assert_uint_le(other->in_count + send->spans[i].count, STAGE_PIPE_BYTES);
        memcpy(other->in + other->in_count, send->spans[i].bytes, send->spans[i].count);
        other->in_count += send->spans[i].count;
        eng_hold(send->spans[i].owner);       // as a packet would
    }
    list_push_back(&end->sent, &send->link);
    return true;
}

static bool
end_receive(struct end *end, uint64_t now_us)
{
    size_t count = end->in_count;
    if (st.holds_input || count < iwarp_need(end->link.iwarp) || !count)
        return false;
    struct eng_span span = {.bytes = end->in, .count = (uint32_t)count};
    size_t used = 0;
    if (st.is_cut) {
        span.count = 1 + prng_below(&prng, (uint32_t)count);
        used = iwarp_input(end->link.iwarp, &span, 1, now_us);
        span.count = (uint32_t)count;
    }
    if (!used)
        used = iwarp_input(end->link.iwarp, &span, 1, now_us);
    memmove(end->in, end->in + used, end->in_count - used);
    end->in_count -= used;
    return used != 0;
}

static bool
end_acked(struct end *end, uint64_t now_us)
{
    struct list *node = st.holds_acks ? NULL : list_pop_front(&end->sent);
    if (!node)
        return false;
    struct tcp_send *send = LIST_ENTRY_OF(node, struct tcp_send, link);
    for (uint32_t i = 0; i < send->n_spans; i++)
        eng_drop(send->spans[i].owner);
    send->status = 0;
    iwarp_run_done(st.rdma->iwarp, send, now_us);
    return true;
}

static bool
end_run(struct end *end, uint64_t now_us)
{
    bool has_moved = false;
    for (bool moves = true; moves && end->is_open;) {
        moves = end_send(end);
        moves = end_receive(end, now_us) || moves;
        moves = end_acked(end, now_us) || moves;
        has_moved = has_moved || moves;
    }
    if (!end->is_open)
        return has_moved;
    if (iwarp_wants_fin(end->link.iwarp)) {
        iwarp_fin_sent(end->link.iwarp);
        iwarp_peer_fin(end->other->link.iwarp, 0, now_us);
        has_moved = true;
    }
    end->events |= iwarp_events(end->link.iwarp);
    if (end->link.qp)
        rdma_qp_reap(end->link.qp);
    return has_moved;
}

static void
run_all(uint64_t now_us)
{
    bool has_moved = true;
    while (has_moved) {
        has_moved = false;
        for (unsigned i = 0; i < st.n_ends; i++)
            has_moved |= end_run(&st.ends[i], now_us);
    }
}

static VOID
on_kick(struct rdma_link *link, struct rdma_call *call)
{
    UNREFERENCED_PARAMETER(link);
    run_all(call->now_us);
}

static NDIS_STATUS
transport_create(struct vnic_rdma *rdma)
{
    UNREFERENCED_PARAMETER(rdma);
    return NDIS_STATUS_SUCCESS;
}

static VOID
transport_destroy(struct vnic_rdma *rdma)
{
    UNREFERENCED_PARAMETER(rdma);
}

static VOID
transport_settle(struct vnic_rdma *rdma, struct rdma_call *call)
{
    UNREFERENCED_PARAMETER(rdma);
    run_all(call->now_us);
}

static uint64_t
transport_deadline(const struct vnic_rdma *rdma)
{
    return iwarp_next_deadline(rdma->iwarp);
}

static VOID
transport_time(struct vnic_rdma *rdma, struct rdma_call *call)
{
    iwarp_time(rdma->iwarp, call->now_us);
}

static const struct rdma_transport transport = {
    .on_create = transport_create,
    .on_destroy = transport_destroy,
    .on_settle = transport_settle,
    .on_deadline = transport_deadline,
    .on_time = transport_time,
};

// ---- connections --------------------------------------------------------------------------------------------------------------------

struct end *
stage_end(NDK_QP *qp)
{
    struct rdma_qp *wanted = rdma_qp_from(qp);
    for (unsigned i = 0; i < st.n_ends; i++)
        if (st.ends[i].link.qp == wanted)
            return &st.ends[i];
    ck_abort_msg("no end");
    return NULL;
}

static struct end *
end_open(enum rdma_role role, uint64_t now_us)
{
    ck_assert_uint_lt(st.n_ends, STAGE_ENDS);
    struct end *end = &st.ends[st.n_ends++];
    struct iwarp_open open = {
        .role = role,
        .uses = IWARP_USE_ENHANCED | IWARP_USE_CRC,
        .rtr = MPA_RTR_WRITE,
        .emss_bytes = 1460,
        .reads = {.inbound = 16, .outbound = 16},
    };
    memset(end, 0, sizeof *end);
    list_init(&end->sent);
    end->in = ExAllocatePool2(POOL_FLAG_NON_PAGED, STAGE_PIPE_BYTES, 'tset');
    ck_assert_ptr_nonnull(end->in);
    end->link.on_kick = on_kick;
    ck_assert_int_eq(iwarp_open(st.rdma->iwarp, &open, now_us, &end->link.iwarp), 0);
    end->is_open = true;
    return end;
}

static void
hold_qp(struct end *end, NDK_QP *qp)
{
    ck_assert_int_eq(rdma_qp_attach(rdma_qp_from(qp), &end->link), STATUS_SUCCESS);
    rdma_hold(rdma_qp_object(rdma_qp_from(qp)));        // as a connector does, whose antecedent it is
}

void
stage_join(NDK_QP *a, NDK_QP *b)
{
    struct rdma_call call;
    struct rdma_reads reads = {16, 16};
    rdma_enter(st.rdma, &call);
    struct end *initiator = end_open(RDMA_INITIATOR, call.now_us), *responder = end_open(RDMA_RESPONDER, call.now_us);
    initiator->other = responder;
    responder->other = initiator;
    hold_qp(initiator, a);
    hold_qp(responder, b);
    run_all(call.now_us);
    ck_assert_int_eq(iwarp_accept(responder->link.iwarp, reads, NULL, 0, call.now_us), 0);
    run_all(call.now_us);
    ck_assert_int_eq(iwarp_complete_connect(initiator->link.iwarp, call.now_us), 0);
    run_all(call.now_us);
    ck_assert_uint_ne(initiator->events & RDMA_EVENT_ESTABLISHED, 0);
    ck_assert_uint_ne(responder->events & RDMA_EVENT_ESTABLISHED, 0);
    rdma_leave(st.rdma, &call);
}

static void
end_close(struct end *end, uint64_t now_us)
{
    struct rdma_qp *qp = end->link.qp;
    if (!end->is_open)
        return;
    iwarp_abort(end->link.iwarp);
    if (qp)
        rdma_qp_end(qp);
    while (end_acked(end, now_us))
        ;
    if (qp) {
        rdma_qp_reap(qp);
        ck_assert(rdma_qp_is_idle(qp));
        rdma_qp_detach(qp);
    }
    end->is_open = false;
    iwarp_release(end->link.iwarp);
    ExFreePoolWithTag(end->in, 'tset');
    if (qp)
        rdma_drop(rdma_qp_object(qp));
}

static void
part(struct end *end)
{
    struct rdma_call call;
    bool holds = st.holds_acks;
    rdma_enter(st.rdma, &call);
    st.holds_acks = false;
    end_close(end->other, call.now_us);
    end_close(end, call.now_us);
    st.holds_acks = holds;
    rdma_leave(st.rdma, &call);
}

void
stage_part(NDK_QP *qp)
{
    part(stage_end(qp));
}

void
stage_acks(void)
{
    struct rdma_call call;
    rdma_enter(st.rdma, &call);
    st.holds_acks = st.holds_input = false;
    run_all(call.now_us);
    rdma_leave(st.rdma, &call);
}

// ---- callbacks ----------------------------------------------------------------------------------------------------------------------

NTAPI VOID
stage_on_create(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *object)
{
    UNREFERENCED_PARAMETER(context);
    st.create_status = status;
    st.created = object;
    st.creates++;
}

NTAPI VOID
stage_on_request(PVOID context, NTSTATUS status)
{
    UNREFERENCED_PARAMETER(context);
    st.request_status = status;
    st.requests++;
}

NTAPI VOID
stage_on_close(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
    st.closes++;
}

NTAPI VOID
stage_on_notify(PVOID context, NTSTATUS status)
{
    struct told *told = context;
    ck_assert_int_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    if (!told)
        return;
    told->status = status;
    told->count++;
    if (told->rearm)
        told->rearm->Dispatch->NdkArmCq(told->rearm, told->rearm_type);
}

void
stage_wait(unsigned us)
{
    LARGE_INTEGER due = {.QuadPart = -(LONGLONG)us * 10};
    KeDelayExecutionThread(KernelMode, FALSE, &due);
}

void
stage_until(const volatile unsigned *number, unsigned value)
{
    for (unsigned i = 0; i < 100000 && *number < value; i++)
        stage_wait(10);
    ck_assert_uint_ge(*number, value);
}

// ---- objects ------------------------------------------------------------------------------------------------------------------------

void
stage_keep(void *object)
{
    ck_assert_ptr_nonnull(object);
    ck_assert_uint_lt(st.n_objects, STAGE_OBJECTS);
    st.objects[st.n_objects++] = object;
}

unsigned
stage_starve(NTSTATUS (*call)(void))
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    struct nbx_fault_report report;
    for (;; plan.number++) {
        ck_assert_int_eq(nbx_fault_arm(&plan), 0);
        NTSTATUS status = call();
        nbx_fault_disarm(&report);
        ck_assert_int_eq(status, report.refused ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS);
        if (!report.refused)
            return (unsigned)plan.number - 1;
    }
}

static void *
made(NTSTATUS status, void *object)
{
    if (status == STATUS_PENDING) {
        ck_assert_ptr_null(object);
        stage_until(&st.creates, 1);
        ck_assert_int_eq(st.create_status, STATUS_SUCCESS);
        object = st.created;
        st.creates = 0;
    } else {
        ck_assert_int_eq(status, STATUS_SUCCESS);
        ck_assert_uint_eq(st.creates, 0);
    }
    stage_keep(object);
    return object;
}

NDK_CQ *
stage_cq(ULONG depth, struct told *told)
{
    NDK_CQ *cq = NULL;
    NTSTATUS status = st.adapter->Dispatch->NdkCreateCq(st.adapter, depth, stage_on_notify, told, NULL, stage_on_create, NULL, &cq);
    return made(status, cq);
}

NDK_PD *
stage_pd(void)
{
    NDK_PD *pd = NULL;
    return made(st.adapter->Dispatch->NdkCreatePd(st.adapter, stage_on_create, NULL, &pd), pd);
}

NDK_QP *
stage_qp(NDK_PD *pd, NDK_CQ *cq, ULONG depth, ULONG sges, ULONG inline_bytes)
{
    NDK_QP *qp = NULL;
    NTSTATUS status = pd->Dispatch->NdkCreateQp(pd, cq, cq, &st, depth, depth, sges, sges, inline_bytes, stage_on_create, NULL, &qp);
    return made(status, qp);
}

NDK_MR *
stage_mr(NDK_PD *pd, bool is_fast)
{
    NDK_MR *mr = NULL;
    return made(pd->Dispatch->NdkCreateMr(pd, is_fast, stage_on_create, NULL, &mr), mr);
}

NDK_MW *
stage_mw(NDK_PD *pd)
{
    NDK_MW *mw = NULL;
    return made(pd->Dispatch->NdkCreateMw(pd, stage_on_create, NULL, &mw), mw);
}

static NDK_FN_CLOSE_OBJECT
close_of(NDK_OBJECT_HEADER *object)
{
    const NDK_CQ_DISPATCH *dispatch = (const NDK_CQ_DISPATCH *)((NDK_CQ *)object)->Dispatch;    // the first slot of all
    return dispatch->NdkCloseCq;
}

void
stage_close(void *object)
{
    unsigned n = 0;
    for (unsigned i = 0; i < st.n_objects; i++)
        if (st.objects[i] != object)
            st.objects[n++] = st.objects[i];
    ck_assert_uint_eq(n + 1, st.n_objects);
    st.n_objects = n;
    unsigned closes = st.closes;
    if (close_of(object)(object, stage_on_close, NULL) == STATUS_PENDING)
        stage_until(&st.closes, closes + 1);
    else
        ck_assert_uint_eq(st.closes, closes);
}

NTSTATUS
stage_status(NTSTATUS status)
{
    if (status != STATUS_PENDING) {
        ck_assert_uint_eq(st.requests, 0);
        return status;
    }
    stage_until(&st.requests, 1);
    st.requests = 0;
    return st.request_status;
}

struct buffer
stage_buffer(uint32_t count, NDK_PD *pd, ULONG flags)
{
    struct buffer buffer = {.count = count, .bytes = ExAllocatePool2(POOL_FLAG_NON_PAGED, count, 'tset')};
    ck_assert_ptr_nonnull(buffer.bytes);
    for (uint32_t i = 0; i < count; i++)
        buffer.bytes[i] = (uint8_t)(i * 7 + i / 251 + count);
    buffer.mdl = IoAllocateMdl(buffer.bytes, count, FALSE, FALSE, NULL);
    ck_assert_ptr_nonnull(buffer.mdl);
    MmBuildMdlForNonPagedPool(buffer.mdl);
    if (pd) {
        buffer.mr = stage_mr(pd, false);
        NTSTATUS status = buffer.mr->Dispatch->NdkRegisterMr(buffer.mr, buffer.mdl, count, flags, stage_on_request, NULL);
        ck_assert_int_eq(stage_status(status), STATUS_SUCCESS);
    }
    return buffer;
}

void
stage_buffer_free(struct buffer *buffer)
{
    if (buffer->mr)
        stage_close(buffer->mr);
    IoFreeMdl(buffer->mdl);
    ExFreePoolWithTag(buffer->bytes, 'tset');
}

NDK_SGE
stage_sge(const struct buffer *buffer, uint32_t offset, uint32_t count)
{
    return (NDK_SGE){.VirtualAddress = buffer->bytes + offset,
                     .Length = count,
                     .MemoryRegionToken = buffer->mr ? buffer->mr->Dispatch->NdkGetLocalTokenFromMr(buffer->mr) : 0};
}

// ---- results ------------------------------------------------------------------------------------------------------------------------

NDK_RESULT_EX
stage_result(NDK_CQ *cq, NTSTATUS status, NDK_OPERATION_TYPE type, uintptr_t context)
{
    NDK_RESULT_EX result[2];
    for (unsigned i = 0; i < 10000; i++) {
        if (cq->Dispatch->NdkGetCqResultsEx(cq, result, 1)) {
            ck_assert_int_eq(result->Status, status);
            ck_assert_int_eq(result->Type, type);
            ck_assert_uint_eq((uintptr_t)result->RequestContext, context);
            ck_assert_ptr_eq(result->QPContext, &st);
            return *result;
        }
        stage_wait(10);
    }
    ck_abort_msg("no result of type %d, context %zu", (int)type, (size_t)context);
    return result[0];
}

void
stage_no_result(NDK_CQ *cq)
{
    NDK_RESULT result;
    stage_wait(1000);
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, &result, 1), 0);
}

// ---- the box ------------------------------------------------------------------------------------------------------------------------

static void
inside(void *unused)
{
    NDK_VERSION version = {.Major = 2, .Minor = 1};
    UNREFERENCED_PARAMETER(unused);
    ck_assert_int_eq(rdma_create(NULL, &transport, &st.rdma), NDIS_STATUS_SUCCESS);
    st.rdma->pends = st.pends;
    ck_assert_int_eq(rdma_adapter_open(st.rdma, version, &st.adapter), NDIS_STATUS_SUCCESS);
    stage_body();
    for (unsigned i = 0; i < st.n_ends; i++)
        if (st.ends[i].is_open)
            part(&st.ends[i]);
    while (st.n_objects)
        stage_close(st.objects[st.n_objects - 1]);
    rdma_adapter_close(st.rdma, st.adapter);
    ck_assert_uint_eq(st.rdma->memory.taken_bytes != 0, true);      // iWARP's instance, and nothing of a connection
    rdma_destroy(st.rdma);
}

void
stage_run(uint64_t seed, void (*body)(void))
{
    const char *error;
    struct sim_config sim = {.seed = seed, .switch_one_in = 4};
    struct sched *sched = sim_create(&sim, &error);
    struct box_config config = {.name = "test", .processors = 2, .seed = seed};
    bool pends = st.pends;
    ck_assert_ptr_nonnull(sched);
    memset(&st, 0, sizeof st);
    st.seed = seed;
    st.is_cut = seed & 1;
    st.pends = pends;
    prng_seed(&prng, seed);
    stage_body = body;
    struct box *box = box_create(sched, &config);
    ck_assert_ptr_nonnull(box);
    ck_assert_int_eq(box_run(box, inside, NULL), 0);
    ck_assert_uint_eq(box_destroy(box), 0);
    sched_destroy(sched);
}
