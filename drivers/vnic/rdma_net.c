// SPDX-License-Identifier: MIT
// The engine under RDMA connections: an engine/tcp of its own on vnic's port. Its frames never reach the host stack, nor the host's frames
// it (rdma_rx.c); ports belong to one side only (the host is asked, rdma_endpoint.c).
//   rdma_enter ... rdma_leave -> rdma_net_settle: TCP's events to connectors and listeners, packets to the port, connectors that end
//   a consumer spins on a CQ: net_poll -> (DPC) vnic_on_rx on its own processor, no thread is woken
//   rdma_on_timer -> net_time: TCP's timers, MPA's deadlines, connectors that nobody completes
// A packet carries the index of its next hop (struct rdma_hop): hops outlive connectors, because TCP still speaks in TIME_WAIT and when it
// answers a segment that no connection is there for. Hops are found by address and VLAN; the one that was not used for longest gives way.
#include "rdma_net.h"

// ---- hops -------------------------------------------------------------------------------------------------------------------------

static ULONG
hop_room(struct rdma_net *net)
{
    ULONG oldest = 0;
    if (net->hop_count < RDMA_HOPS)
        return ++net->hop_count;
    for (ULONG i = 1; i <= RDMA_HOPS; i++)
        if (!net->hops[i - 1].uses && (!oldest || net->hops[i - 1].used < net->hops[oldest - 1].used))
            oldest = i;
    return oldest;
}

ULONG
rdma_hop_get(struct rdma_net *net, const UCHAR mac[VNIC_MAC_BYTES], USHORT vlan)
{
    ULONG index = 1;
    while (index <= net->hop_count && (net->hops[index - 1].vlan != vlan || memcmp(net->hops[index - 1].mac, mac, VNIC_MAC_BYTES)))
        index++;
    if (index > net->hop_count) {
        index = hop_room(net);
        if (!index)
            return 0;
        net->hops[index - 1] = (struct rdma_hop){.vlan = vlan};
        memcpy(net->hops[index - 1].mac, mac, VNIC_MAC_BYTES);
    }
    net->hops[index - 1].used = ++net->clock;
    return index;
}

VOID
rdma_hop_use(struct rdma_net *net, ULONG hop, LONG change)
{
    if (hop)
        net->hops[hop - 1].uses += (ULONG)change;
}

// ---- down -------------------------------------------------------------------------------------------------------------------------

static VOID
packet_queue(struct rdma_net *net, struct eng_out *out)
{
    uint32_t index = out->interface_index;
    const struct rdma_hop *hop = index && index <= net->hop_count ? &net->hops[index - 1] : NULL;
    if (hop && hop->vlan == RDMA_LOOP_VLAN)
        list_push_back(&net->loop, &out->link);
    else if (hop && vnic_down_head(&net->down, out, hop->mac, hop->vlan)) {
        ULONG frames = vnic_down_pieces(out);
        net->rdma->counts.RDMAOutFrames += frames;
        net->rdma->counts.RDMAOutOctets += out->data_bytes + (ULONG64)frames * out->head_bytes;
        vnic_down_push(&net->down, out);
    } else
        eng_out_put(&net->pool, out);
}

static VOID
packets_drop(struct rdma_net *net)
{
    struct eng_out *out;
    while ((out = vnic_down_pop(&net->down)))
        eng_out_put(&net->pool, out);
}

// ---- to the adapter itself --------------------------------------------------------------------------------------------------------
// What is sent to the adapter's own address is no frame of the link: it waits for the next timer, which brings it in, whole.

static VOID
loop_input(struct rdma_net *net, struct eng_out *out, struct rdma_call *call)
{
    struct eng_span spans[ENG_OUT_SPANS + 1] = {{.bytes = out->head, .count = out->head_bytes}};
    struct eng_in in = {.spans = spans,
                        .n_spans = 1,
                        .protocol = out->protocol,
                        .hop_limit = out->hop_limit,
                        .traffic_class = out->traffic_class,
                        .length_bytes = out->head_bytes + out->data_bytes,
                        .flags = ENG_IN_L4_SUM_GOOD | ENG_IN_LOOPBACK,
                        .interface_index = out->interface_index,
                        .source = out->source,
                        .destination = out->destination};
    if (vnic_down_pieces(out) > 1) {
        in.coalesced = (uint16_t)vnic_down_pieces(out);
        in.coalesced_mss = out->mss_bytes;
    }
    for (ULONG i = 0; i < out->n_data; i++)   // without an owner: what TCP keeps it copies, and the packet can go
        spans[in.n_spans++] = (struct eng_span){.bytes = out->data[i].bytes, .count = out->data[i].count};
    net->rx_hop = out->interface_index;
    tcp_input(net->tcp, &in, call->now_us, &call->outbox);
    rdma_offers_take(net, call);
    eng_out_put(&net->pool, out);
}

static VOID
loop_drop(struct rdma_net *net)
{
    while (!list_is_empty(&net->loop))
        eng_out_put(&net->pool, LIST_ENTRY_OF(list_pop_front(&net->loop), struct eng_out, link));
}

// What answers to these packets is for the next time.
static VOID
loop_run(struct rdma_net *net, struct rdma_call *call)
{
    struct list now;
    if (net->is_gone)
        loop_drop(net);
    list_init(&now);
    while (!list_is_empty(&net->loop))
        list_push_back(&now, list_pop_front(&net->loop));
    tcp_batch_begin(net->tcp);
    while (!list_is_empty(&now))
        loop_input(net, LIST_ENTRY_OF(list_pop_front(&now), struct eng_out, link), call);
    tcp_batch_end(net->tcp, call->now_us, &call->outbox);
}

static VOID
packets_flush(struct rdma_net *net, uint64_t now_us)
{
    if (!list_is_empty(&net->down.to_send) && (!net->rdma->adapter->link_up || net->is_gone))
        packets_drop(net);
    vnic_down_flush(&net->down, now_us);
}

// ---- settling ---------------------------------------------------------------------------------------------------------------------

VOID
rdma_offers_take(struct rdma_net *net, struct rdma_call *call)
{
    struct tcp_connection *tcp;
    uint32_t events;
    while ((tcp = tcp_event_next(net->tcp, &events))) {
        struct rdma_connector *c = tcp_context(tcp);
        if (c)
            rdma_connector_run(c, events, call);
        else
            rdma_listener_offer(net, tcp, call);
    }
}

// Embryos that died inside their own run.
static VOID
dead_bury(struct rdma_net *net, struct rdma_call *call)
{
    while (!IsListEmpty(&net->dead)) {
        struct rdma_connector *c = CONTAINING_RECORD(net->dead.Flink, struct rdma_connector, link_ending);
        RemoveEntryList(&c->link_ending);
        rdma_connector_release(c, call);
        rdma_connector_dispose(c);
    }
}

// While anything is here, received frames are looked at.
static VOID
live_set(struct rdma_net *net)
{
    LONG live = net->endpoint_count || tcp_counters(net->tcp)->connections;
    if (net->rdma->adapter->rdma_live != live)
        InterlockedExchange(&net->rdma->adapter->rdma_live, live);
}

VOID
rdma_net_settle(struct vnic_rdma *rdma, struct rdma_call *call)
{
    struct rdma_net *net = rdma->net;
    struct tcp_send *send;
    struct eng_out *out;
    do {
        rdma_offers_take(net, call);
        while ((send = tcp_released_send_done(net->tcp)))
            iwarp_run_done(rdma->iwarp, send, call->now_us);
        dead_bury(net, call);
        while ((out = eng_outbox_pop(&call->outbox)))
            packet_queue(net, out);
        packets_flush(net, call->now_us);
        rdma_connectors_ending(net, call);
    } while (call->outbox.count);
    vnic_keeper_return(&net->keeper);
    live_set(net);
}

// ---- time -------------------------------------------------------------------------------------------------------------------------

static uint64_t
net_deadline(const struct vnic_rdma *rdma)
{
    const struct rdma_net *net = rdma->net;
    uint64_t due_us = tcp_next_deadline(net->tcp), iwarp_us = iwarp_next_deadline(rdma->iwarp);
    due_us = iwarp_us < due_us ? iwarp_us : due_us;
    due_us = net->down.stuck_us < due_us ? net->down.stuck_us : due_us;
    if (!list_is_empty(&net->loop))
        return 0;
    if (!IsListEmpty(&net->lingering)) {
        uint64_t linger_us = CONTAINING_RECORD(net->lingering.Flink, struct rdma_connector, link_all)->linger_us;
        due_us = linger_us < due_us ? linger_us : due_us;
    }
    if (!IsListEmpty(&net->timed)) {
        uint64_t timed_us = CONTAINING_RECORD(net->timed.Flink, struct rdma_connector, link_timed)->deadline_us;
        due_us = timed_us < due_us ? timed_us : due_us;
    }
    return due_us;
}

static VOID
net_time(struct vnic_rdma *rdma, struct rdma_call *call)
{
    struct rdma_net *net = rdma->net;
    loop_run(net, call);
    tcp_run(net->tcp, call->now_us, &call->outbox);
    if (iwarp_next_deadline(rdma->iwarp) <= call->now_us) {
        iwarp_time(rdma->iwarp, call->now_us);
        for (LIST_ENTRY *entry = net->connectors.Flink; entry != &net->connectors; entry = entry->Flink)
            rdma_connector_run(CONTAINING_RECORD(entry, struct rdma_connector, link_all), 0, call);
    }
    rdma_connectors_time(net, call);
    rdma_endpoints_time(net, call);
    if (call->now_us >= net->down.stuck_us)
        packets_drop(net);
}

void
vnic_rdma_tx_ready(struct vnic_adapter *adapter)
{
    struct rdma_call call;
    if (!adapter->rdma || !ReadNoFence(&adapter->rdma_live))
        return;
    rdma_enter(adapter->rdma, &call);
    rdma_leave_dpc(adapter->rdma, &call);
}

// ---- consumers that spin ----------------------------------------------------------------------------------------------------------

static KDEFERRED_ROUTINE rdma_on_poll;

static VOID
rdma_on_poll(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    vnic_on_rx(context);
}

// As an interrupt would: the DPC runs when this processor goes below DISPATCH_LEVEL, for most consumers before we return.
static BOOLEAN
net_poll(struct vnic_rdma *rdma)
{
    KIRQL irql;
    if (!nbx_port_poll(rdma->adapter->port))
        return FALSE;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    KeInsertQueueDpc(&rdma->net->poll_dpc, NULL, NULL);
    KeLowerIrql(irql);
    return TRUE;
}

static VOID
net_poll_end(struct vnic_rdma *rdma)
{
    nbx_port_poll_end(rdma->adapter->port);
}

// ---- making and unmaking ----------------------------------------------------------------------------------------------------------

static VOID
params_set(struct tcp_params *params)
{
    tcp_params_default(params);
    params->ticks_per_second = 1000;
    params->delayed_ack_ticks = 40;
    params->nce_stale_ticks = 10000;
    params->uses &= ~(uint32_t)TCP_USE_COOKIES;         // an offer knows where it came from
    params->syn_retransmissions = RDMA_SYN_TRIES;
    params->receive_bytes = RDMA_RECEIVE_BYTES;
    params->receive_max_bytes = RDMA_RECEIVE_MAX_BYTES;
    params->quick_ack_bytes = RDMA_QUICK_ACK_BYTES;
    params->keepalive_us = RDMA_KEEPALIVE_US;
    params->keepalive_interval_us = 1000000;
    params->keepalive_probes = 10;
}

static BOOLEAN
engine_create(struct rdma_net *net)
{
    struct siphash_key key;
    struct tcp_params params;
    UUID random;
    C_ASSERT(sizeof key == sizeof random);
    if (!NT_SUCCESS(ExUuidCreate(&random)))
        return FALSE;
    memcpy(&key, &random, sizeof key);
    params_set(&params);
    net->tcp = tcp_create(&net->rdma->memory, &net->pool, &params, &key);
    return net->tcp != NULL;
}

static VOID
net_free(struct rdma_net *net)
{
    rdma_free(net->scratch);
    rdma_free(net->hops);
    rdma_free(net);
}

static NDIS_STATUS
net_create(struct vnic_rdma *rdma)
{
    struct rdma_net *net = rdma_alloc(sizeof *net);
    if (!net)
        return NDIS_STATUS_RESOURCES;
    net->rdma = rdma;
    KeInitializeDpc(&net->poll_dpc, rdma_on_poll, rdma->adapter);
    KeInitializeEvent(&net->host_turn, SynchronizationEvent, TRUE);
    net->keeper.adapter = rdma->adapter;
    net->scratch = rdma_alloc(IWARP_TCP_SPANS * sizeof *net->scratch);
    net->hops = rdma_alloc(RDMA_HOPS * sizeof *net->hops);
    InitializeListHead(&net->connectors);
    InitializeListHead(&net->timed);
    InitializeListHead(&net->ending);
    InitializeListHead(&net->dead);
    InitializeListHead(&net->lingering);
    list_init(&net->loop);
    for (ULONG i = 0; i < RDMA_BUCKETS; i++)
        InitializeListHead(&net->endpoints[i]);
    eng_out_pool_init(&net->pool, &rdma->memory);
    vnic_down_init(&net->down, rdma->adapter, &net->pool);
    net->down.has_addresses = TRUE;           // a consumer's, of the memory that peers may reach
    if (rdma->adapter->caps.is_traced)
        iwarp_digest_into(rdma->iwarp, &net->down.digest);
    if (!net->scratch || !net->hops || vnic_kept_create(rdma->adapter) != NDIS_STATUS_SUCCESS || !engine_create(net)) {
        net_free(net);
        return NDIS_STATUS_RESOURCES;
    }
    rdma->net = net;
    return NDIS_STATUS_SUCCESS;
}

// Connections in TIME_WAIT, or with a last FIN under way, may still be there: they end without a word.
static VOID
net_destroy(struct vnic_rdma *rdma)
{
    struct rdma_net *net = rdma->net;
    struct tcp_send *send;
    packets_drop(net);
    loop_drop(net);
    tcp_abandon(net->tcp);
    while ((send = tcp_released_send_done(net->tcp)))
        iwarp_run_done(rdma->iwarp, send, rdma_now_us(rdma));
    tcp_destroy(net->tcp);
    eng_out_pool_destroy(&net->pool);
    rdma->net = NULL;
    net_free(net);
}

const struct rdma_transport rdma_net_transport = {
    .on_create = net_create,
    .on_destroy = net_destroy,
    .on_settle = rdma_net_settle,
    .on_deadline = net_deadline,
    .on_time = net_time,
    .on_poll = net_poll,
    .on_poll_end = net_poll_end,
    .create_connector = rdma_connector_create,
    .create_listener = rdma_listener_create,
    .create_shared_endpoint = rdma_shared_create,
};
