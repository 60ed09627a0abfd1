// SPDX-License-Identifier: MIT
// The instance: made when the adapter is, idle (and out of the way of every other frame) until a connection is offloaded.
//   vnic_toe_create, vnic_toe_destroy
//   toe_enter ... toe_leave     the frame of every call: settle (packets to the port, events to connections), timer, tell
//   toe_on_timer (DPC)          the same frame round tcp_run and the push timers
#include "toe.h"

static KDEFERRED_ROUTINE toe_on_timer;

VOID *
toe_alloc(struct vnic_toe *toe, SIZE_T bytes)
{
    return vnic_alloc(toe->adapter, bytes);
}

VOID
toe_free(struct vnic_toe *toe, VOID *block)
{
    vnic_free(toe->adapter, block);
}

static void *
memory_take(void *context, size_t bytes)
{
    UNREFERENCED_PARAMETER(context);
    return ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED | POOL_FLAG_UNINITIALIZED, bytes, VNIC_TAG);
}

static void
memory_give(void *context, void *block, size_t bytes)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(bytes);
    ExFreePoolWithTag(block, VNIC_TAG);
}

VOID
toe_list_push(struct toe_list *list, NET_BUFFER_LIST *nbl)
{
    toe_next(nbl) = NULL;
    if (list->first)
        toe_next(list->last) = nbl;
    else
        list->first = nbl;
    list->last = nbl;
}

NET_BUFFER_LIST *
toe_list_pop(struct toe_list *list)
{
    NET_BUFFER_LIST *nbl = list->first;
    if (nbl)
        list->first = toe_next(nbl);
    return nbl;
}

// ---- time -------------------------------------------------------------------------------------------------------------------------

uint64_t
toe_now_us(const struct vnic_toe *toe)
{
    ULONG64 ticks = (ULONG64)KeQueryPerformanceCounter(NULL).QuadPart;
    return ticks / toe->rate * 1000000 + ticks % toe->rate * 1000000 / toe->rate;
}

ULONG64
toe_tick_us(const struct vnic_toe *toe)
{
    return 1000000 / toe->params.ticks_per_second;
}

// Connections that nothing came or went on for so long (a hint that obliges nobody).
static ULONG64
idle_us(const struct vnic_toe *toe)
{
    return toe->adapter->settings.toe_idle_s * 1000000ull;
}

static VOID
timer_set(struct vnic_toe *toe, uint64_t now)
{
    uint64_t due_us = tcp_next_deadline(toe->tcp);
    if (!IsListEmpty(&toe->pushing)) {
        ULONG64 push_us = CONTAINING_RECORD(toe->pushing.Flink, struct toe_connection, push_link)->push_us;
        due_us = push_us < due_us ? push_us : due_us;
    }
    if (toe->down.stuck_us < due_us)
        due_us = toe->down.stuck_us;
    if (toe->later_us < due_us)
        due_us = toe->later_us;
    if (toe->connections && idle_us(toe) && now + idle_us(toe) < due_us)
        due_us = now + idle_us(toe);
    if (due_us >= toe->timer_us || toe->is_closing)
        return;
    toe->timer_us = due_us;
    LARGE_INTEGER due = {.QuadPart = due_us > now ? -(LONGLONG)((due_us - now) * 10) : -1};
    KeSetTimer(&toe->timer, due, &toe->timer_dpc);
}

static VOID
idle_look(struct vnic_toe *toe, uint64_t now)
{
    if (!idle_us(toe))
        return;
    for (LIST_ENTRY *entry = toe->all.Flink; entry != &toe->all; entry = entry->Flink) {
        struct toe_connection *c = CONTAINING_RECORD(entry, struct toe_connection, all_link);
        if (now - c->last_us >= idle_us(toe))
            toe_retrieve(c, LowActivity);
    }
}

static VOID
later_look(struct vnic_toe *toe, uint64_t now)
{
    if (now < toe->later_us)
        return;
    toe->later_us = ENG_NEVER;
    for (LIST_ENTRY *entry = toe->all.Flink; entry != &toe->all; entry = entry->Flink) {
        struct toe_connection *c = CONTAINING_RECORD(entry, struct toe_connection, all_link);
        if (c->is_terminating)
            toe_post(c);
    }
}

static VOID
toe_on_timer(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct vnic_toe *toe = context;
    struct toe_call call;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    toe_enter(toe, &call);
    toe->timer_us = ENG_NEVER;
    if (!toe->is_closing) {
        tcp_run(toe->tcp, call.now_us, &call.outbox);
        toe_push_run(toe, &call);
        idle_look(toe, call.now_us);
        later_look(toe, call.now_us);
        if (call.now_us >= toe->down.stuck_us)
            toe_tx_drop(toe);
    }
    toe_leave(toe, &call);
}

// ---- the frame of a call ----------------------------------------------------------------------------------------------------------

VOID
toe_enter(struct vnic_toe *toe, struct toe_call *call)
{
    eng_outbox_init(&call->outbox);
    KeRaiseIrql(DISPATCH_LEVEL, &call->irql);
    KeAcquireSpinLockAtDpcLevel(&toe->lock);
    call->now_us = toe_now_us(toe);
}

VOID
toe_post(struct toe_connection *c)
{
    if (c->is_posted || !c->is_live)
        return;
    c->is_posted = TRUE;
    InsertTailList(&c->toe->news, &c->news_link);
}

VOID
toe_retrieve(struct toe_connection *c, TCP_UPLOAD_REASON reason)
{
    BOOLEAN obliges = reason == HardwareFailure || reason == InvalidState || reason == ReceivedUrgentData || reason == TimeoutExpiration ||
                      reason == UploadRequested;
    if (c->is_uploading || c->is_terminating || !c->tcp)
        return;
    if (!obliges) {
        // The host may decline: nothing changes here. Not in a half-closed state, where a target must not begin this
        // [ndischimney/nc-ndischimney-ndis_tcp_offload_event_indicate].
        struct tcp_info info;
        tcp_info(c->tcp, &info);
        if (c->optional_told & 1u << reason || info.state != TCP_ESTABLISHED || c->events & TOE_EVENT_RETRIEVE)
            return;
        c->optional_told |= 1u << reason;
    }
    c->is_uploading = obliges;
    c->reason = reason;
    c->events |= TOE_EVENT_RETRIEVE;
    toe_post(c);
}

static VOID
upload_asked(struct toe_connection *c)
{
    struct tcp_info info;
    tcp_info(c->tcp, &info);
    switch (info.upload) {
    case TCP_UPLOAD_URGENT: toe_retrieve(c, ReceivedUrgentData); break;
    case TCP_UPLOAD_TIMEOUT: toe_retrieve(c, TimeoutExpiration); break;
    default: toe_retrieve(c, UploadRequested); break;   // TIME_WAIT, or a SYN at RCV.NXT: the host knows what to do with these
    }
}

// CLOSED. A reset is an abort. An orderly end is the host's to notice; one that closed before it was offloaded is told.
static VOID
ended(struct toe_connection *c)
{
    struct tcp_info info;
    tcp_info(c->tcp, &info);
    if (info.end == TCP_END_RESET) {
        c->is_aborted = TRUE;
        c->events |= TOE_EVENT_ABORT;
        c->toe->counts[toe_family(&c->path->local)].tcp.ResetEstablished++;
        toe_receives_end(c, NDIS_STATUS_REQUEST_ABORTED);
        toe_sends_end(c, NDIS_STATUS_REQUEST_ABORTED);
    } else if (info.end == TCP_END_NONE && !c->has_disconnect) {
        toe_retrieve(c, UploadRequested);
    }
}

static VOID
events_take(struct vnic_toe *toe, struct toe_call *call)
{
    struct tcp_connection *tcp;
    uint32_t events;
    while ((tcp = tcp_event_next(toe->tcp, &events))) {
        struct toe_connection *c = tcp_context(tcp);
        if (!c)
            continue;
        c->last_us = call->now_us;
        if (events & TCP_EVENT_PROGRESS)
            c->path->neighbor->nic_us = call->now_us;
        if (events & TCP_EVENT_SENT)
            toe_sends_take(c);
        if (events & TCP_EVENT_UPLOAD)
            upload_asked(c);
        if (events & TCP_EVENT_ENDED)
            ended(c);
        toe_post(c);
    }
}

VOID
toe_settle(struct vnic_toe *toe, struct toe_call *call)
{
    struct eng_out *out;
    events_take(toe, call);
    while ((out = eng_outbox_pop(&call->outbox)))
        toe_tx_queue(toe, out, call->now_us);
    toe_tx_flush(toe, call->now_us);
    vnic_keeper_return(&toe->keeper);
}

VOID
toe_leave(struct vnic_toe *toe, struct toe_call *call)
{
    toe_settle(toe, call);
    timer_set(toe, call->now_us);
    if (!toe->is_telling) {
        toe->is_telling = TRUE;
        while (toe_tell(toe))
            ;
        toe->is_telling = FALSE;
        timer_set(toe, toe_now_us(toe));
    }
    KeReleaseSpinLockFromDpcLevel(&toe->lock);
    KeLowerIrql(call->irql);
}

// ---- making and unmaking ----------------------------------------------------------------------------------------------------------

// What the engine is told until the host says otherwise: a tick is a millisecond, the rest as Windows has it where a page says so.
static VOID
params_default(struct vnic_toe *toe)
{
    struct tcp_params *p = &toe->params;
    tcp_params_default(p);
    p->ticks_per_second = 1000;
    p->ack_frequency = 2;
    p->delayed_ack_ticks = 40;
    p->push_ticks = 500;                  // [wdd network/push-timer]
    p->sws_ticks = 200;
    p->nce_stale_ticks = 30000;
    p->keepalive_probes = 10;             // [wdd network/requirements-for-tcp-chimney-nics-for-blind-reset-attacks]
    p->keepalive_interval_us = 1000000;
    p->fin_wait_2_us = 120000000;         // [wdd network/fin-wait-2-timer]
    p->uses = (p->uses | TCP_USE_TARGET) & ~(uint32_t)(TCP_USE_PMTU_PROBES | TCP_USE_COOKIES);
}

static NDIS_STATUS
engine_create(struct vnic_toe *toe)
{
    struct siphash_key key;
    UUID random;
    C_ASSERT(sizeof key == sizeof random);
    if (!NT_SUCCESS(ExUuidCreate(&random)))
        return NDIS_STATUS_RESOURCES;
    memcpy(&key, &random, sizeof key);
    params_default(toe);
    toe->tcp = tcp_create(&toe->memory, &toe->pool, &toe->params, &key);
    return toe->tcp ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

// [ndischimney/nf-ndischimney-ndismgetoffloadhandlers]: the header says which structure it opens.
static NDIS_STATUS
handlers_get(struct vnic_toe *toe)
{
    PNDIS_OFFLOAD_EVENT_HANDLERS handlers = NULL;
    NDIS_STATUS status = toe->upward->on_get_handlers(toe->adapter->ndis, NdisTcpChimneyOffload, &handlers);
    if (status != NDIS_STATUS_SUCCESS)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (handlers->Header.Type != NdisTcpChimneyOffload || handlers->Header.Revision < NDIS_TCP_OFFLOAD_EVENT_HANDLERS_REVISION_1 ||
        handlers->Header.Size < sizeof toe->handlers)
        return NDIS_STATUS_NOT_SUPPORTED;
    memcpy(&toe->handlers, handlers, sizeof toe->handlers);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
vnic_toe_create(struct vnic_adapter *adapter, const struct toe_upward *upward)
{
    struct vnic_toe *toe = vnic_alloc(adapter, sizeof *toe);
    LARGE_INTEGER rate;
    if (!toe)
        return NDIS_STATUS_RESOURCES;
    adapter->toe = toe;
    toe->adapter = adapter;
    toe->upward = upward;
    toe->is_on[0] = adapter->settings.toe4 != 0;
    toe->is_on[1] = adapter->settings.toe6 != 0;
    KeInitializeSpinLock(&toe->lock);
    KeInitializeTimer(&toe->timer);
    KeInitializeTimer(&toe->work_timer);
    KeInitializeDpc(&toe->timer_dpc, toe_on_timer, toe);
    KeInitializeDpc(&toe->work_dpc, vnic_toe_work, toe);
    KeQueryPerformanceCounter(&rate);
    toe->rate = (ULONG64)rate.QuadPart;
    toe->timer_us = toe->later_us = ENG_NEVER;
    InitializeListHead(&toe->all);
    InitializeListHead(&toe->news);
    InitializeListHead(&toe->packets_out);
    InitializeListHead(&toe->fresh);
    InitializeListHead(&toe->pushing);
    InitializeListHead(&toe->asking);
    vnic_down_init(&toe->down, adapter, &toe->pool);
    toe->keeper.adapter = adapter;
    toe->memory = (struct eng_memory){.on_take = memory_take, .on_give = memory_give};
    eng_out_pool_init(&toe->pool, &toe->memory);
    NDIS_STATUS status = handlers_get(toe);
    if (status == NDIS_STATUS_SUCCESS)
        status = engine_create(toe);
    if (status == NDIS_STATUS_SUCCESS)
        status = vnic_kept_create(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = toe_ups_create(toe);
    return status;
}

// Every connection has been terminated: NDIS halts an adapter when no protocol is bound to it any more.
void
vnic_toe_destroy(struct vnic_adapter *adapter)
{
    struct vnic_toe *toe = adapter->toe;
    KIRQL irql;
    if (!toe)
        return;
    KeAcquireSpinLock(&toe->lock, &irql);
    toe->is_closing = TRUE;
    KeReleaseSpinLock(&toe->lock, irql);
    KeCancelTimer(&toe->timer);
    KeCancelTimer(&toe->work_timer);
    KeFlushQueuedDpcs();
    if (toe->tcp) {
        toe_tx_drop(toe);
        tcp_abandon(toe->tcp);
        tcp_destroy(toe->tcp);
    }
    toe_ups_destroy(toe);
    eng_out_pool_destroy(&toe->pool);
    toe_free(toe, toe->table);
    adapter->toe = NULL;
    vnic_free(adapter, toe);
}
