// SPDX-License-Identifier: MIT
// Segments of a connection that the engine has not: those that come while it goes or comes back, and those that the target passes up or
// another adapter gets.
//   tcpip_held_take   from rx.c: a copy, TCP header first. While it goes or comes it is held; while it is there it goes down at once
//   tcpip_held_forward (it has gone) -> the target [forwarding-data-to-an-offload-target]     tcpip_held_input (it has come) -> the engine
// What finds no memory, or more of them waiting than a window needs, is as lost as on the wire.
#include "chimney.h"

#define HELD_MAX 1024

// ---- who is away --------------------------------------------------------------------------------------------------------------------

static ULONG
bucket_of(const struct eng_address *local, USHORT local_port, const struct eng_address *remote, USHORT remote_port)
{
    ULONG sum = local_port * 31u + remote_port;
    for (ULONG i = 0; i < sizeof local->bytes; i++)
        sum = sum * 31u + (local->bytes[i] ^ remote->bytes[i]);
    return sum % TCPIP_AWAY_BUCKETS;
}

static LIST_ENTRY *
bucket_for(const struct tcp_constant *c)
{
    return &tcpip_host.away[bucket_of(&c->local, c->local_port, &c->remote, c->remote_port)];
}

VOID
tcpip_offload_insert(struct tcpip_offload *offload)
{
    InsertHeadList(bucket_for(&offload->record.constant), &offload->bucket);
    tcpip_host.away_count++;
}

VOID
tcpip_offload_remove(struct tcpip_offload *offload)
{
    RemoveEntryList(&offload->bucket);
    tcpip_host.away_count--;
}

struct tcpip_offload *
tcpip_offload_find(const struct eng_address *local, USHORT local_port, const struct eng_address *remote, USHORT remote_port)
{
    if (!tcpip_host.away_count)
        return NULL;
    LIST_ENTRY *bucket = &tcpip_host.away[bucket_of(local, local_port, remote, remote_port)];
    for (LIST_ENTRY *at = bucket->Flink; at != bucket; at = at->Flink) {
        struct tcpip_offload *offload = CONTAINING_RECORD(at, struct tcpip_offload, bucket);
        const struct tcp_constant *c = &offload->record.constant;
        if (c->local_port == local_port && c->remote_port == remote_port && eng_address_is_equal(&c->local, local) &&
            eng_address_is_equal(&c->remote, remote))
            return offload;
    }
    return NULL;
}

// ---- a segment ----------------------------------------------------------------------------------------------------------------------

VOID
tcpip_held_free(struct chimney_held *held)
{
    if (held->nbl)
        NdisFreeNetBufferList(held->nbl);
    if (held->mdl)
        IoFreeMdl(held->mdl);
    tcpip_free(held);
}

static struct chimney_held *
held_create(struct tcpip_offload *offload, const struct eng_in *in)
{
    struct chimney_held *held = tcpip_alloc(sizeof *held + in->length_bytes);
    if (!held)
        return NULL;
    eng_spans_copy(in->spans, in->n_spans, in->at_bytes, held->bytes, in->length_bytes);
    held->offload = offload;
    held->span = (struct eng_span){.bytes = held->bytes, .count = in->length_bytes};
    held->in = *in;
    held->in.spans = &held->span;
    held->in.n_spans = 1;
    held->in.at_bytes = held->in.ip_at_bytes = 0;
    held->in.flags &= ~ENG_IN_SCARCE;
    return held;
}

// As a list of one segment that begins with its TCP header. FALSE: no memory
static BOOLEAN
held_describe(struct chimney_held *held, struct tcpip_adapter *adapter)
{
    held->mdl = IoAllocateMdl(held->bytes, held->in.length_bytes, FALSE, FALSE, NULL);
    if (!held->mdl)
        return FALSE;
    MmBuildMdlForNonPagedPool(held->mdl);
    held->nbl = tcpip_offload_nbl(adapter, held->mdl, 0, held->in.length_bytes, held);
    if (!held->nbl)
        return FALSE;
    if (held->in.flags & ENG_IN_L4_SUM_GOOD) {
        NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum = {.Value = NULL};
        sum.Receive.TcpChecksumSucceeded = 1;
        NET_BUFFER_LIST_INFO(held->nbl, TcpIpChecksumNetBufferListInfo) = sum.Value;
    }
    return TRUE;
}

VOID
tcpip_held_forward(struct tcpip_offload *offload)
{
    struct tcpip_connection *connection = offload->connection;
    for (LIST_ENTRY *at = offload->held.Flink, *next; at != &offload->held; at = next) {
        struct chimney_held *held = CONTAINING_RECORD(at, struct chimney_held, link);
        next = at->Flink;
        if (!held->nbl && !held_describe(held, offload->adapter)) {
            RemoveEntryList(&held->link);
            offload->held_count--;
            tcpip_held_free(held);
        }
    }
    if (!IsListEmpty(&offload->held))
        tcpip_post(&connection->news); // the teller passes them on
}

VOID
tcpip_held_input(struct tcpip_offload *offload, struct tcpip_call *call)
{
    while (!IsListEmpty(&offload->held)) {
        struct chimney_held *held = CONTAINING_RECORD(RemoveHeadList(&offload->held), struct chimney_held, link);
        tcp_input(tcpip_host.tcp, &held->in, call->now_us, &call->segments);
        tcpip_held_free(held);
    }
}

BOOLEAN
tcpip_held_take(struct tcpip_call *call, const struct eng_in *in)
{
    UCHAR ports[4];
    UNREFERENCED_PARAMETER(call);
    if (!tcpip_host.away_count || in->length_bytes < 20 || !eng_spans_copy(in->spans, in->n_spans, in->at_bytes, ports, sizeof ports))
        return FALSE;
    struct tcpip_offload *offload = tcpip_offload_find(&in->destination, (USHORT)(ports[2] << 8 | ports[3]), &in->source,
                                                       (USHORT)(ports[0] << 8 | ports[1]));
    if (!offload)
        return FALSE;
    struct chimney_held *held = offload->held_count < HELD_MAX ? held_create(offload, in) : NULL;
    if (!held)
        return TRUE;
    offload->held_count++;
    InsertTailList(&offload->held, &held->link);
    if (offload->state == OFFLOAD_THERE)
        tcpip_held_forward(offload);
    return TRUE;
}
