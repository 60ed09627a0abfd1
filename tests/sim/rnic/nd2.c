// SPDX-License-Identifier: MIT
// See nd2.h.
#include "nd2.h"

#include <stdio.h>
#include <string.h>

#include <nbx/fault.h>

#define THINGS 256
#define KEPT 512
#define MDL_BYTES (8u << 20)                  // what one MDL describes

struct nd2 nd2;

// ---- what is open -----------------------------------------------------------------------------------------------------------------

enum kind { SIDE, LISTENER, MEMORY, MR, WINDOW, QUEUE, PAIR_OF_QUEUES };

static struct thing {
    enum kind kind;
    int box;
    union {
        struct rc_side side;
        struct rc_listener listener;
        struct nd2_memory memory;
        struct nd2_cq queue;
        NDK_MR *mr;
        NDK_MW *mw;
        NDK_QP *qp;
    };
} things[THINGS];
static unsigned n_things;
static const struct nd2_case no_case = {"no case", NULL}, *running = &no_case;

static struct {
    NDK_RESULT results[KEPT];
    unsigned count;
} kept[2];

static struct thing *
thing_new(enum kind kind, int box)
{
    ck_assert_uint_lt(n_things, THINGS);
    struct thing *thing = &things[n_things++];
    memset(thing, 0, sizeof *thing);
    thing->kind = kind;
    thing->box = box;
    return thing;
}

void
nd2_side_close(struct rc_side *side)
{
    rc_side_close(side);
    if (side->returned == STATUS_PENDING)
        ck_assert_uint_eq(side->wait.calls, 1);             // all requests end before the close
    side->returned = STATUS_SUCCESS;
    ck_assert_uint_le(side->disconnects, 1);
}

void
nd2_memory_close(struct nd2_memory *m)
{
    MDL *next;
    if (m->mr)
        rc_close_object(m->box, &m->mr->Header, (NDK_FN_CLOSE_OBJECT *)&m->mr->Dispatch->NdkCloseMr);
    for (MDL *mdl = m->mdl; mdl; mdl = next) {
        next = mdl->Next;
        RC_CALL(m->box, IoFreeMdl(mdl));
    }
    if (m->bytes)
        RC_CALL(m->box, ExFreePoolWithTag(m->bytes, 'tset'));
    m->mr = NULL;
    m->mdl = NULL;
    m->bytes = NULL;
}

// A listener's closes after those that came by it; what it was told of and nobody took goes now.
static void
listener_close(struct rc_listener *listener)
{
    while (listener->taken != listener->count) {
        NDK_CONNECTOR *c = listener->queue[listener->taken++ % 64];
        rc_close_object(listener->box, &c->Header, (NDK_FN_CLOSE_OBJECT *)&c->Dispatch->NdkCloseConnector);
    }
    rc_listener_close(listener);
}

static void
thing_close(struct thing *thing)
{
    switch (thing->kind) {
    case SIDE: nd2_side_close(&thing->side); break;
    case LISTENER: listener_close(&thing->listener); break;
    case MEMORY: nd2_memory_close(&thing->memory); break;
    case MR: rc_close_object(thing->box, &thing->mr->Header, (NDK_FN_CLOSE_OBJECT *)&thing->mr->Dispatch->NdkCloseMr); break;
    case WINDOW: rc_close_object(thing->box, &thing->mw->Header, (NDK_FN_CLOSE_OBJECT *)&thing->mw->Dispatch->NdkCloseMw); break;
    case QUEUE:
        rc_close_object(thing->box, &thing->queue.cq->Header, (NDK_FN_CLOSE_OBJECT *)&thing->queue.cq->Dispatch->NdkCloseCq);
        break;
    case PAIR_OF_QUEUES:
        if (thing->qp)
            rc_close_object(thing->box, &thing->qp->Header, (NDK_FN_CLOSE_OBJECT *)&thing->qp->Dispatch->NdkCloseQp);
        break;
    }
}

static void
results_take(int box)
{
    NDK_CQ *cq = rc_end[box].cq;
    ULONG got;
    do {
        ck_assert_uint_le(kept[box].count + 16, KEPT);
        RC_CALL(box, got = cq->Dispatch->NdkGetCqResults(cq, kept[box].results + kept[box].count, 16));
        kept[box].count += got;
    } while (got);
}

void
nd2_close(void)
{
    while (n_things)
        thing_close(&things[--n_things]);
    for (int box = 0; box < 2; box++) {
        results_take(box);
        kept[box].count = 0;
    }
}

bool
nd2_run(const struct nd2_case *c)
{
    running = c;
    bool is_whole = c->run();
    nd2_close();
    return is_whole;
}

// ---- what must be -----------------------------------------------------------------------------------------------------------------

// What a request may end with because somewhere an allocation was refused.
static bool
comes_of_no_memory(NTSTATUS status)
{
    switch ((ULONG)status) {
    case (ULONG)STATUS_INSUFFICIENT_RESOURCES:
    case (ULONG)STATUS_CONNECTION_REFUSED:
    case (ULONG)STATUS_CONNECTION_ABORTED:
    case (ULONG)STATUS_CONNECTION_INVALID:
    case (ULONG)STATUS_IO_TIMEOUT: return true;
    default: return false;
    }
}

bool
nd2_either(NTSTATUS got, NTSTATUS wanted, NTSTATUS or_this)
{
    if (got == wanted || got == or_this)
        return true;
    ck_assert_msg(rc_net.is_short && comes_of_no_memory(got), "%s, seed %llu: %08x, not %08x", running->name,
                  (unsigned long long)rc_net.seed, (unsigned)got, (unsigned)wanted);
    return false;
}

bool
nd2_is(NTSTATUS got, NTSTATUS wanted)
{
    return nd2_either(got, wanted, wanted);
}

bool
nd2_true(bool is_so)
{
    ck_assert_msg(is_so || rc_net.is_short, "%s, seed %llu: it never comes", running->name, (unsigned long long)rc_net.seed);
    return is_so;
}

ULONG
nd2_while_ms(void)
{
    return rc_is_real() ? 20 : 5000;
}

static ULONG
wait_ms(void)
{
    return rc_net.is_short ? 60000 : RC_WAIT_S * 1000;
}

// ---- connections ------------------------------------------------------------------------------------------------------------------

struct rc_listener *
nd2_listener(int box, USHORT port)
{
    struct thing *thing = thing_new(LISTENER, box);
    return nd2_is(rc_listen_try(&thing->listener, box, port), STATUS_SUCCESS) ? &thing->listener : NULL;
}

struct rc_side *
nd2_side(int box)
{
    struct rc_side *side = &thing_new(SIDE, box)->side;
    rc_side_open(side, box);
    side->is_ex = true;
    return nd2_true(side->connector && side->qp) ? side : NULL;
}

bool
nd2_connect(struct rc_side *side, const struct rc_listener *listener, const struct rc_data *data)
{
    rc_connect(side, listener, data);
    return nd2_is(side->returned, STATUS_PENDING);
}

struct rc_side *
nd2_incoming(struct rc_listener *listener, struct rc_side *active)
{
    struct rc_side *side = &thing_new(SIDE, listener->box)->side;
    ULONG ms = 0;
    KeInitializeEvent(&side->disconnected, NotificationEvent, FALSE);
    side->box = listener->box;
    while (!rc_incoming(listener, side, 100)) {
        bool is_over = active && rc_ended(active->box, &active->wait, 0);
        if (!nd2_true(!is_over && (ms += 100) < wait_ms()))
            return NULL;
    }
    side->is_ex = true;
    return nd2_true(side->qp != NULL) ? side : NULL;
}

bool
nd2_finish_either(struct rc_side *side, NTSTATUS wanted, NTSTATUS or_this)
{
    NTSTATUS status = rc_finish(side);
    side->returned = STATUS_SUCCESS;
    return nd2_either(status, wanted, or_this);
}

bool
nd2_finish(struct rc_side *side, NTSTATUS wanted)
{
    return nd2_finish_either(side, wanted, wanted);
}

bool
nd2_told(struct rc_side *side)
{
    return nd2_true(rc_event(side->box, &side->disconnected, wait_ms()));
}

bool
nd2_requested(struct nd2_pair *pair)
{
    if (!pair->listener)
        NEED(pair->listener = nd2_listener(nd2.server, ND_PORT));
    NEED(pair->active = nd2_side(!nd2.server));
    NEED(nd2_connect(pair->active, pair->listener, &rc_plain));
    NEED(pair->passive = nd2_incoming(pair->listener, pair->active));
    return true;
}

bool
nd2_replied(struct nd2_pair *pair)
{
    rc_accept(pair->passive, &rc_plain);
    NEED(nd2_is(pair->passive->returned, STATUS_PENDING));
    return nd2_finish(pair->active, STATUS_SUCCESS);
}

bool
nd2_completed(struct nd2_pair *pair)
{
    rc_complete(pair->active);
    NEED(nd2_finish(pair->active, STATUS_SUCCESS));
    return nd2_finish(pair->passive, STATUS_SUCCESS);
}

bool
nd2_open(struct nd2_pair *pair)
{
    NEED(nd2_requested(pair));
    NEED(nd2_replied(pair));
    return nd2_completed(pair);
}

bool
nd2_part(struct rc_side *a, struct rc_side *b)
{
    rc_disconnect(a);
    rc_disconnect(b);
    bool is_whole = nd2_finish(a, STATUS_SUCCESS);
    return nd2_finish(b, STATUS_SUCCESS) && is_whole;
}

bool
nd2_ended(struct rc_side *side)
{
    rc_disconnect(side);
    return nd2_finish_either(side, STATUS_CONNECTION_ABORTED, nd2.is_lossy ? STATUS_IO_TIMEOUT : STATUS_CONNECTION_ABORTED);
}

// ---- memory -----------------------------------------------------------------------------------------------------------------------

static NDK_MR *
mr_make(int box)
{
    struct rc_made made = {0};
    NDK_PD *pd = rc_end[box].pd;
    NDK_MR *mr = NULL;
    NTSTATUS status;
    rc_wait_init(&made.wait);
    RC_CALL(box, status = pd->Dispatch->NdkCreateMr(pd, FALSE, rc_on_made, &made, &mr));
    NDK_OBJECT_HEADER *later = rc_made_end(box, status, &made);
    return later ? (NDK_MR *)later : mr;
}

NDK_MR *
nd2_mr(int box)
{
    NDK_MR *mr = mr_make(box);
    if (mr)
        thing_new(MR, box)->mr = mr;
    return mr;
}

NTSTATUS
nd2_register(int box, NDK_MR *mr, MDL *mdl, SIZE_T bytes, ULONG flags)
{
    struct rc_wait wait;
    NTSTATUS status;
    rc_wait_init(&wait);
    RC_CALL(box, status = mr->Dispatch->NdkRegisterMr(mr, mdl, bytes, flags, rc_done, &wait));
    return rc_end_of(box, status, &wait);
}

NTSTATUS
nd2_deregister(int box, NDK_MR *mr)
{
    struct rc_wait wait;
    NTSTATUS status;
    rc_wait_init(&wait);
    RC_CALL(box, status = mr->Dispatch->NdkDeregisterMr(mr, rc_done, &wait));
    return rc_end_of(box, status, &wait);
}

static void
chain_build(struct nd2_memory *m)
{
    MDL **link = &m->mdl;
    for (ULONG at = 0; at < m->count; at += MDL_BYTES) {
        *link = IoAllocateMdl(m->bytes + at, m->count - at < MDL_BYTES ? m->count - at : MDL_BYTES, FALSE, FALSE, NULL);
        ck_assert_ptr_nonnull(*link);
        MmBuildMdlForNonPagedPool(*link);
        link = &(*link)->Next;
    }
}

struct nd2_memory *
nd2_memory(int box, ULONG bytes, ULONG flags)
{
    struct nd2_memory *m = &thing_new(MEMORY, box)->memory;
    m->box = box;
    m->count = bytes;
    RC_CALL(box, m->bytes = ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, 'tset'));
    ck_assert_ptr_nonnull(m->bytes);
    RC_CALL(box, chain_build(m));
    m->mr = mr_make(box);
    if (!nd2_true(m->mr != NULL) || !nd2_is(nd2_register(box, m->mr, m->mdl, bytes, flags), STATUS_SUCCESS))
        return NULL;
    RC_CALL(box, m->local = m->mr->Dispatch->NdkGetLocalTokenFromMr(m->mr));
    RC_CALL(box, m->remote = m->mr->Dispatch->NdkGetRemoteTokenFromMr(m->mr));
    return m;
}

void
nd2_fill(struct nd2_memory *m, ULONG at, ULONG bytes, uint8_t start)
{
    for (ULONG i = 0; i < bytes; i++)
        m->bytes[at + i] = (uint8_t)(start + i * 31 + i / 257);
}

NDK_MW *
nd2_window(struct rc_side *side, struct nd2_memory *m, ULONG bytes, ULONG flags)
{
    struct rc_made made = {0};
    NDK_PD *pd = rc_end[side->box].pd;
    NDK_MW *mw = NULL;
    NTSTATUS status;
    rc_wait_init(&made.wait);
    RC_CALL(side->box, status = pd->Dispatch->NdkCreateMw(pd, rc_on_made, &made, &mw));
    NDK_OBJECT_HEADER *later = rc_made_end(side->box, status, &made);
    if (later)
        mw = (NDK_MW *)later;
    if (!mw)
        return NULL;
    thing_new(WINDOW, side->box)->mw = mw;
    RC_CALL(side->box, status = side->qp->Dispatch->NdkBind(side->qp, mw, m->mr, mw, m->bytes, bytes, flags));
    bool is_bound = nd2_is(status, STATUS_SUCCESS) && nd2_result_is(side->box, (uintptr_t)mw, STATUS_SUCCESS);
    return is_bound ? mw : NULL;
}

uint32_t
nd2_window_token(int box, NDK_MW *mw)
{
    uint32_t token;
    RC_CALL(box, token = mw->Dispatch->NdkGetRemoteTokenFromMw(mw));
    return token;
}

// ---- work -------------------------------------------------------------------------------------------------------------------------

static NDK_SGE
sge_of(struct nd2_piece piece)
{
    ck_assert(!piece.bytes || piece.at + piece.bytes <= piece.memory->count);
    if (!piece.memory)
        return (NDK_SGE){0};
    return (NDK_SGE){.VirtualAddress = piece.memory->bytes + piece.at, .Length = piece.bytes, .MemoryRegionToken = piece.memory->local};
}

bool
nd2_receive(struct rc_side *side, uintptr_t context, struct nd2_piece to)
{
    NDK_SGE sge = sge_of(to);
    NTSTATUS status;
    RC_CALL(side->box, status = side->qp->Dispatch->NdkReceive(side->qp, (PVOID)context, &sge, to.bytes ? 1 : 0));
    return nd2_is(status, STATUS_SUCCESS);
}

bool
nd2_send(struct rc_side *side, uintptr_t context, struct nd2_piece from)
{
    NDK_SGE sge = sge_of(from);
    NTSTATUS status;
    RC_CALL(side->box, status = side->qp->Dispatch->NdkSend(side->qp, (PVOID)context, &sge, from.bytes ? 1 : 0, 0));
    return nd2_is(status, STATUS_SUCCESS);
}

bool
nd2_write(struct rc_side *side, uintptr_t context, struct nd2_piece from, uint64_t address, uint32_t token)
{
    NDK_SGE sge = sge_of(from);
    NTSTATUS status;
    RC_CALL(side->box, status = side->qp->Dispatch->NdkWrite(side->qp, (PVOID)context, &sge, 1, address, token, 0));
    return nd2_is(status, STATUS_SUCCESS);
}

bool
nd2_read(struct rc_side *side, uintptr_t context, struct nd2_piece to, uint64_t address, uint32_t token)
{
    NDK_SGE sge = sge_of(to);
    NTSTATUS status;
    RC_CALL(side->box, status = side->qp->Dispatch->NdkRead(side->qp, (PVOID)context, &sge, 1, address, token, 0));
    return nd2_is(status, STATUS_SUCCESS);
}

static bool
result_find(int box, uintptr_t context, NDK_RESULT *result)
{
    for (unsigned i = 0; i < kept[box].count; i++)
        if ((uintptr_t)kept[box].results[i].RequestContext == context) {
            *result = kept[box].results[i];
            memmove(&kept[box].results[i], &kept[box].results[i + 1], (--kept[box].count - i) * sizeof *result);
            return true;
        }
    return false;
}

bool
nd2_result(int box, uintptr_t context, NDK_RESULT *result)
{
    ULONG step = 1;
    for (ULONG ms = 0; ms < wait_ms(); ms += step) {
        results_take(box);
        if (result_find(box, context, result))
            return true;
        step = ms < 50 ? 1 : 20;
        rc_sleep_ms(step);
    }
    return nd2_true(false);
}

bool
nd2_result_is(int box, uintptr_t context, NTSTATUS wanted)
{
    NDK_RESULT result;
    NEED(nd2_result(box, context, &result));
    return nd2_is(result.Status, wanted);
}

ULONG
nd2_results_now(int box)
{
    results_take(box);
    return kept[box].count;
}

// ---- queues -----------------------------------------------------------------------------------------------------------------------

static NTAPI VOID
on_notification(PVOID context, NTSTATUS status)
{
    struct nd2_cq *queue = context;
    queue->status = status;
    __atomic_add_fetch(&queue->notifications, 1, __ATOMIC_RELEASE);
}

struct nd2_cq *
nd2_cq(int box, ULONG depth)
{
    struct rc_made made = {0};
    NDK_ADAPTER *adapter = rc_end[box].adapter;
    struct nd2_cq *queue = &thing_new(QUEUE, box)->queue;
    NTSTATUS status;
    queue->box = box;
    rc_wait_init(&made.wait);
    RC_CALL(box, status = adapter->Dispatch->NdkCreateCq(adapter, depth, on_notification, queue, NULL, rc_on_made, &made, &queue->cq));
    NDK_OBJECT_HEADER *later = rc_made_end(box, status, &made);
    if (later)
        queue->cq = (NDK_CQ *)later;
    if (queue->cq)
        return queue;
    n_things--;
    return NULL;
}

NTSTATUS
nd2_qp(int box, NDK_CQ *cq, const NDK_ADAPTER_INFO *sizes, NDK_QP **qp)
{
    struct rc_made made = {0};
    NDK_PD *pd = rc_end[box].pd;
    NTSTATUS status;
    *qp = NULL;
    rc_wait_init(&made.wait);
    RC_CALL(box, status = pd->Dispatch->NdkCreateQp(pd, cq, cq, NULL, sizes->MaxReceiveQueueDepth, sizes->MaxInitiatorQueueDepth,
                                                    sizes->MaxReceiveRequestSge, sizes->MaxInitiatorRequestSge, sizes->MaxInlineDataSize,
                                                    rc_on_made, &made, qp));
    status = rc_end_of(box, status, &made.wait);
    if (made.object)
        *qp = (NDK_QP *)made.object;
    ck_assert_int_eq(status == STATUS_SUCCESS, *qp != NULL);
    if (*qp)
        thing_new(PAIR_OF_QUEUES, box)->qp = *qp;
    return status;
}

void
nd2_qp_close(int box, NDK_QP *qp)
{
    for (unsigned i = n_things; i--;)
        if (things[i].kind == PAIR_OF_QUEUES && things[i].qp == qp && things[i].box == box) {
            thing_close(&things[i]);
            things[i].qp = NULL;
            return;
        }
    ck_abort_msg("no such QP");
}
