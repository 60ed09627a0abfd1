// SPDX-License-Identifier: MIT
// The one instance of the engines: its lock, its memory, its clock, and what each call leaves behind.
//   tcpip_enter ... tcpip_leave      the frame of every call (tcpip.h)
//     host_outbox_sort               packets to their adapters; those to ourselves go in again at once
//     host_timer_set                 one timer for both engines
//     host_serve, host_tell          with no lock held: adapters, then whoever has news
//   host_on_timer (DPC)              the same frame round net_run and tcp_run
#include "connection.h"
#include "rnic.h"

// What peers can make the engines keep, all together: a million idle connections. Past it, what comes is dropped for them to send again.
#define HOST_MEMORY_MAX (1024u << 20)

struct tcpip_host tcpip_host;

static KDEFERRED_ROUTINE host_on_timer;

VOID *
tcpip_alloc(SIZE_T bytes)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, TCPIP_TAG);
}

VOID
tcpip_free(VOID *block)
{
    if (block)
        ExFreePoolWithTag(block, TCPIP_TAG);
}

static void *
host_take(void *context, size_t bytes)
{
    UNREFERENCED_PARAMETER(context);
    return ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED | POOL_FLAG_UNINITIALIZED, bytes, TCPIP_TAG);
}

static void
host_give(void *context, void *block, size_t bytes)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(bytes);
    ExFreePoolWithTag(block, TCPIP_TAG);
}

// Keys that nobody outside can know. An identifier of ExUuidCreate has 122 random bits.
static NTSTATUS
host_secret(UCHAR *secret, SIZE_T bytes)
{
    for (SIZE_T at = 0; at < bytes; at += sizeof(UUID)) {
        UUID random;
        NTSTATUS status = ExUuidCreate(&random);
        if (!NT_SUCCESS(status))
            return status;
        memcpy(secret + at, &random, bytes - at < sizeof random ? bytes - at : sizeof random);
    }
    return STATUS_SUCCESS;
}

// ---- time -----------------------------------------------------------------------------------------------------------------------

uint64_t
tcpip_now_us(void)
{
    ULONG64 ticks = (ULONG64)KeQueryPerformanceCounter(NULL).QuadPart, rate = tcpip_host.ticks_per_second;
    return ticks / rate * 1000000 + ticks % rate * 1000000 / rate;
}

// Set the timer for the engines' next deadline, if it is not set for that or an earlier one: a timer that comes too early finds nothing
// to do and is set again.   locks: host->lock held
static VOID
host_timer_set(struct tcpip_host *host, uint64_t now_us)
{
    uint64_t net_us = net_next_deadline_us(host->net), due_us = tcp_next_deadline(host->tcp);
    if (net_us < due_us)
        due_us = net_us;
    uint64_t chimney_us = tcpip_chimney_deadline_us();
    if (chimney_us < due_us)
        due_us = chimney_us;
    if (!IsListEmpty(&host->later) && now_us + TCPIP_LATER_US < due_us)
        due_us = now_us + TCPIP_LATER_US;
    if (due_us >= host->timer_us || host->is_closing)
        return;
    host->timer_us = due_us;
    LARGE_INTEGER due = {.QuadPart = due_us > now_us ? -(LONGLONG)((due_us - now_us) * 10) : -1};
    KeSetTimer(&host->timer, due, &host->timer_dpc);
}

// What waited for memory is posted; the references that it was kept by go to the caller.   locks: host->lock held
static VOID
host_later_post(struct tcpip_host *host, LIST_ENTRY *later)
{
    InitializeListHead(later);
    while (!IsListEmpty(&host->later)) {
        struct tcpip_news *news = CONTAINING_RECORD(RemoveHeadList(&host->later), struct tcpip_news, later_link);
        InsertTailList(later, &news->later_link);
        tcpip_post(news);
    }
}

VOID
tcpip_post_later(struct tcpip_news *news)
{
    if (news->is_later)
        return;
    news->is_later = TRUE;
    news->ops->on_hold(news);
    InsertTailList(&tcpip_host.later, &news->later_link);
}

static VOID
host_on_timer(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct tcpip_host *host = context;
    struct tcpip_call call;
    LIST_ENTRY later;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    tcpip_enter(&call);
    host->timer_us = ENG_NEVER;
    if (!host->is_closing) {
        net_run(host->net, call.now_us, &call.outbox);
        tcp_run(host->tcp, call.now_us, &call.segments);
        tcpip_chimney_run(call.now_us);
    }
    host_later_post(host, &later);
    tcpip_leave(&call);
    while (!IsListEmpty(&later)) {
        struct tcpip_news *news = CONTAINING_RECORD(RemoveHeadList(&later), struct tcpip_news, later_link);
        news->is_later = FALSE;
        news->ops->on_drop(news);
    }
}

// ---- the frame of a call --------------------------------------------------------------------------------------------------------

VOID
tcpip_enter(struct tcpip_call *call)
{
    eng_outbox_init(&call->segments);
    eng_outbox_init(&call->outbox);
    // Raised once for the whole call: what leaves it runs at DISPATCH_LEVEL too, between droppings of the lock.
    KeRaiseIrql(DISPATCH_LEVEL, &call->irql);
    KeAcquireSpinLockAtDpcLevel(&tcpip_host.lock);
    call->now_us = tcpip_now_us();
}

// A packet to ourselves. What answers it goes round again, which ends: a connection stops when its window is full, because clients take
// bytes only after the call, and nothing else is answered twice.
static VOID
host_loopback(struct tcpip_call *call, struct eng_out *out)
{
    struct net_result result;
    net_input_loopback(tcpip_host.net, out, call->now_us, &call->outbox, &result);
    tcpip_result_take(call, &result, NULL, NULL);
    net_result_done(&result);
}

static VOID
host_outbox_sort(struct tcpip_host *host, struct tcpip_call *call)
{
    struct eng_out *out;
    // What cannot leave now (no route, no memory) is as lost as on the wire: TCP sends it again.
    while ((out = eng_outbox_pop(&call->segments)))
        net_output(host->net, out, call->now_us, &call->outbox);
    while ((out = eng_outbox_pop(&call->outbox))) {
        struct tcpip_adapter *adapter = host->adapters[out->interface_index % NET_INTERFACES_MAX];
        if (out->flags & ENG_OUT_LOOPBACK)
            host_loopback(call, out);
        else if (adapter)
            tcpip_tx_queue(adapter, out);
        else
            eng_out_put(&host->pool, out);
    }
}

static VOID
host_net_events(struct tcpip_host *host, struct tcpip_call *call)
{
    struct net_event event;
    while (net_event_pop(host->net, &event)) {
        ULONG index = event.kind == NET_EVENT_ADDRESS ? event.address.interface_index : event.interface_index;
        struct tcpip_adapter *adapter = host->adapters[index % NET_INTERFACES_MAX];
        if (adapter && (event.kind == NET_EVENT_MULTICAST || event.kind == NET_EVENT_ADDRESS))
            tcpip_adapter_changed(adapter);
        if (event.kind == NET_EVENT_ERROR)
            tcpip_error_take(call, &event.error);
    }
}

VOID
tcpip_news_init(struct tcpip_news *news, const struct tcpip_news_ops *ops)
{
    *news = (struct tcpip_news){.ops = ops};
}

VOID
tcpip_post(struct tcpip_news *news)
{
    if (news->is_posted)
        return;
    news->is_posted = TRUE;
    if (news->is_telling)
        return; // whoever tells looks again
    news->ops->on_hold(news);
    InsertTailList(&tcpip_host.news, &news->link);
}

// Tell the first that has news, with the lock dropped meanwhile. FALSE: nobody has.   locks: host->lock held, dropped and taken again
static BOOLEAN
host_tell(struct tcpip_host *host)
{
    if (IsListEmpty(&host->news))
        return FALSE;
    struct tcpip_news *news = CONTAINING_RECORD(RemoveHeadList(&host->news), struct tcpip_news, link);
    news->is_posted = FALSE;
    news->is_telling = TRUE;
    KeReleaseSpinLockFromDpcLevel(&host->lock);
    news->ops->on_tell(news);
    KeAcquireSpinLockAtDpcLevel(&host->lock);
    news->is_telling = FALSE;
    if (news->is_posted) {
        InsertTailList(&host->news, &news->link);
        return TRUE;
    }
    KeReleaseSpinLockFromDpcLevel(&host->lock);
    news->ops->on_drop(news);
    KeAcquireSpinLockAtDpcLevel(&host->lock);
    return TRUE;
}

// Serve the first adapter that has something to send or to return; the rest as host_tell.
static BOOLEAN
host_serve(struct tcpip_host *host)
{
    if (IsListEmpty(&host->adapters_to_serve))
        return FALSE;
    struct tcpip_adapter *adapter = CONTAINING_RECORD(RemoveHeadList(&host->adapters_to_serve), struct tcpip_adapter, serve_link);
    adapter->is_queued = FALSE;
    adapter->is_serving = TRUE;
    NET_BUFFER_LIST *nbls = adapter->to_return;
    adapter->to_return = NULL;
    KeReleaseSpinLockFromDpcLevel(&host->lock);
    if (nbls)
        NdisReturnNetBufferLists(adapter->ndis, nbls, NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
    tcpip_tx_serve(adapter);
    tcpip_chimney_serve(adapter);
    KeAcquireSpinLockAtDpcLevel(&host->lock);
    tcpip_adapter_served(adapter);
    return TRUE;
}

VOID
tcpip_leave(struct tcpip_call *call)
{
    struct tcpip_host *host = &tcpip_host;
    // Events may be answered by packets, and packets to ourselves make events.
    do {
        host_outbox_sort(host, call);
        tcpip_tcp_events(call);
        host_net_events(host, call);
        tcpip_rnic_look(host, call);
    } while (call->outbox.count || call->segments.count);
    tcpip_chimney_look(call->now_us);
    host_timer_set(host, call->now_us);
    // A call made while this processor serves and tells leaves that to the loop it is inside: a thousand connections with news would be
    // told in a thousand frames of one stack otherwise.
    BOOLEAN *is_serving = &host->is_serving[KeGetCurrentProcessorNumberEx(NULL)];
    if (!*is_serving) {
        *is_serving = TRUE;
        while (host_serve(host) || host_tell(host))
            ;
        *is_serving = FALSE;
    }
    KeReleaseSpinLockFromDpcLevel(&host->lock);
    KeLowerIrql(call->irql);
}

// ---- making and unmaking --------------------------------------------------------------------------------------------------------

static NTSTATUS
host_engines_create(struct tcpip_host *host)
{
    struct net_settings settings = {.memory = &host->memory, .pool = &host->pool};
    struct tcp_params params;
    struct siphash_key key;
    NTSTATUS status = host_secret(settings.secret, sizeof settings.secret);
    if (NT_SUCCESS(status))
        status = host_secret((UCHAR *)&key, sizeof key);
    if (!NT_SUCCESS(status))
        return status;
    tcp_params_default(&params);
    params.receive_max_bytes = TCPIP_RECEIVE_MAX_BYTES;
    host->is_serving = tcpip_alloc(KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS) * sizeof *host->is_serving);
    host->net = net_create(&settings, tcpip_now_us());
    host->tcp = tcp_create(&host->memory, &host->pool, &params, &key);
    return host->is_serving && host->net && host->tcp ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS
tcpip_host_create(struct tcpip_host *host)
{
    LARGE_INTEGER rate;
    KeQueryPerformanceCounter(&rate);
    host->ticks_per_second = (ULONG64)rate.QuadPart;
    host->timer_us = ENG_NEVER;
    host->memory = (struct eng_memory){.on_take = host_take, .on_give = host_give, .limit_bytes = HOST_MEMORY_MAX};
    KeInitializeSpinLock(&host->lock);
    InitializeListHead(&host->adapters_to_serve);
    InitializeListHead(&host->news);
    InitializeListHead(&host->later);
    InitializeListHead(&host->raw);
    InitializeListHead(&host->udp);
    host->started_us = tcpip_now_us();
    for (ULONG i = 0; i < TCPIP_AWAY_BUCKETS; i++)
        InitializeListHead(&host->away[i]);
    InitializeListHead(&host->connecting);
    InitializeListHead(&host->half_closed);
    tcpip_rnic_init(host);
    InitializeListHead(&host->doubts);
    KeInitializeEvent(&host->stats_idle, NotificationEvent, TRUE);
    InitializeListHead(&host->candidates);
    host->again_us = ENG_NEVER;
    KeInitializeTimer(&host->timer);
    KeInitializeDpc(&host->timer_dpc, host_on_timer, host);
    eng_out_pool_init(&host->pool, &host->memory);
    eng_slab_init(&host->connections, &host->memory, sizeof(struct tcpip_connection));
    NTSTATUS status = host_engines_create(host);
    if (!NT_SUCCESS(status))
        tcpip_host_destroy(host);
    return status;
}

VOID
tcpip_host_destroy(struct tcpip_host *host)
{
    KIRQL irql;
    KeAcquireSpinLock(&host->lock, &irql);
    host->is_closing = TRUE;
    KeReleaseSpinLock(&host->lock, irql);
    KeCancelTimer(&host->timer);
    KeFlushQueuedDpcs(); // one that had been queued before finds is_closing, and then is done
    if (host->tcp)
        tcp_destroy(host->tcp);
    if (host->net)
        net_destroy(host->net);
    eng_out_pool_destroy(&host->pool);
    tcpip_rx_kept_free(host);
    tcpip_free(host->is_serving);
    host->is_serving = NULL;
    host->tcp = NULL;
    host->net = NULL;
}
