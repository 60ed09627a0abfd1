// SPDX-License-Identifier: MIT
// What an address file of UDP and one of raw IP share: the structure, the queue of what has come for its client, the telling.
//   in    tcpip_datagram_queue, tcpip_error_queue (lock held) -> the address's queue -> address_tell (no lock) -> tdic_up_datagram,
//         tdic_up_error
//   out   tcpip_datagram_begin, then the engine with the lock held; done when no packet with its bytes is out (tcpip_send_released)
// A datagram is copied once, into memory with an MDL of its own: its frame goes back at once, whatever a client does with it. What finds
// no room or no memory is dropped, counted in host->drops and in the device's statistics (DataFramesRejected).
#include "connection.h"

#include <tdistat.h>

#define RECEIVED_MAX_BYTES (256u * 1024) // of an address, before its client has looked at them; more is dropped

// One that has come, or (error) what happened to one that was sent.
struct tcpip_datagram {
    struct tdic_rx up;
    NBX_TDI_TSDU tsdu;
    LIST_ENTRY link;
    struct eng_address source;
    ULONG scope;
    USHORT port;
    NTSTATUS error;
    ULONG bytes;                      // that count in the address's queue: more than its data, which may be none
    UCHAR data[];
};

// ---- telling --------------------------------------------------------------------------------------------------------------------

VOID
tcpip_address_unref(struct tcpip_address *address)
{
    struct tdic_address *up = address->up;
    if (InterlockedDecrement(&address->refs) == 0)
        tcpip_free(address);
    tdic_address_unref(up);
}

static VOID
address_hold(struct tcpip_news *news)
{
    struct tcpip_address *address = CONTAINING_RECORD(news, struct tcpip_address, news);
    tdic_address_ref(address->up);
    InterlockedIncrement(&address->refs);
}

static VOID
address_drop(struct tcpip_news *news)
{
    tcpip_address_unref(CONTAINING_RECORD(news, struct tcpip_address, news));
}

static VOID
datagram_free(struct tcpip_datagram *datagram)
{
    if (datagram->up.mdl)
        IoFreeMdl(datagram->up.mdl);
    tcpip_free(datagram);
}

static VOID NTAPI
datagram_returned(NBX_TDI_TSDU *tsdu)
{
    datagram_free(CONTAINING_RECORD(tsdu, struct tcpip_datagram, tsdu));
}

VOID
tcpip_op_datagram_done(struct tdic_address *address, struct tdic_rx *rx, BOOLEAN is_lent)
{
    UNREFERENCED_PARAMETER(address);
    if (!is_lent)
        datagram_free(CONTAINING_RECORD(rx, struct tcpip_datagram, up));
}

static VOID
datagram_tell(struct tcpip_address *address, struct tcpip_datagram *datagram)
{
    const struct tdic_info nothing = {0};
    union tcpip_ta remote;
    ULONG bytes = tcpip_address_to(&remote, &datagram->source, datagram->port, datagram->scope);
    if (datagram->error) {
        tdic_up_error(address->up, datagram->error, &remote.list);
        datagram_free(datagram);
    } else {
        tdic_up_datagram(address->up, &remote.list, bytes, &nothing, &datagram->up);
    }
}

static VOID
address_tell(struct tcpip_news *news)
{
    struct tcpip_address *address = CONTAINING_RECORD(news, struct tcpip_address, news);
    for (;;) {
        struct tcpip_call call;
        struct tcpip_datagram *datagram = NULL;
        tcpip_enter(&call);
        struct list *ended = list_pop_front(&address->ended);
        if (!ended && !IsListEmpty(&address->received)) {
            datagram = CONTAINING_RECORD(RemoveHeadList(&address->received), struct tcpip_datagram, link);
            address->received_bytes -= datagram->bytes;
        }
        tcpip_leave(&call);
        if (ended) {
            struct tcpip_send *send = LIST_ENTRY_OF(ended, struct tcpip_send, ended_link);
            tcpip_send_spans_free(send);
            tdic_up_datagram_sent(address->up, send->tx, tcpip_status_of(send->send.status));
            tcpip_address_unref(address);
        } else if (datagram) {
            datagram_tell(address, datagram);
        } else {
            return;
        }
    }
}

// ---- queueing -------------------------------------------------------------------------------------------------------------------

static VOID
datagram_dropped(struct tcpip_address *address, BOOLEAN is_full, ULONG data_bytes)
{
    TDI_PROVIDER_STATISTICS *statistics = tdic_device_statistics(tdic_address_device(address->up));
    tcpip_host.drops.datagrams_full += is_full;
    tcpip_host.drops.datagrams_memory += !is_full;
    InterlockedIncrement((volatile LONG *)&statistics->DataFramesRejected);
    InterlockedExchangeAdd64(&statistics->DataFrameBytesRejected.QuadPart, data_bytes);
}

// Room for `data_bytes` in the address's queue, counted; NULL: dropped, and counted as that.   locks: host->lock held
static struct tcpip_datagram *
datagram_create(struct tcpip_address *address, ULONG data_bytes)
{
    ULONG bytes = sizeof(struct tcpip_datagram) + data_bytes; // an empty one costs something, too
    struct tcpip_datagram *datagram = NULL;
    BOOLEAN is_full = address->received_bytes + bytes > RECEIVED_MAX_BYTES;
    if (!is_full)
        datagram = tcpip_alloc(bytes);
    if (datagram)
        datagram->bytes = bytes;
    else
        datagram_dropped(address, is_full, data_bytes);
    return datagram;
}

static VOID
datagram_push(struct tcpip_address *address, struct tcpip_datagram *datagram)
{
    address->received_bytes += datagram->bytes;
    InsertTailList(&address->received, &datagram->link);
    tcpip_post(&address->news);
}

VOID
tcpip_datagram_queue(struct tcpip_address *address, const struct eng_in *in, ULONG at, ULONG count, USHORT port)
{
    struct tcpip_datagram *datagram = datagram_create(address, count);
    if (!datagram)
        return;
    datagram->up.mdl = IoAllocateMdl(datagram->data, count ? count : 1, FALSE, FALSE, NULL);
    if (!datagram->up.mdl || !eng_spans_copy(in->spans, in->n_spans, at, datagram->data, count)) {
        datagram_dropped(address, FALSE, count);
        datagram_free(datagram);
        return;
    }
    MmBuildMdlForNonPagedPool(datagram->up.mdl);
    datagram->up.bytes = count;
    datagram->up.flags = TDIC_RX_END | (in->flags & ENG_IN_LINK_BROADCAST ? TDIC_RX_BROADCAST : 0) |
                         (eng_address_is_multicast(&in->destination) ? TDIC_RX_MULTICAST : 0);
    datagram->up.descriptor = &datagram->tsdu;
    datagram->tsdu.Return = datagram_returned;
    datagram->source = in->source;
    datagram->scope = tcpip_scope_of(&in->source, in->interface_index);
    datagram->port = port;
    datagram_push(address, datagram);
}

VOID
tcpip_error_queue(struct tcpip_address *address, const struct net_error *error, USHORT port)
{
    struct tcpip_datagram *datagram = datagram_create(address, 0);
    if (!datagram)
        return;
    datagram->error = tcpip_status_of_kind(error->kind);
    datagram->source = error->remote;
    datagram->scope = tcpip_scope_of(&error->remote, net_address_is_ours(tcpip_host.net, &error->local));
    datagram->port = port;
    datagram_push(address, datagram);
}

static const struct tcpip_news_ops address_news = {address_tell, address_hold, address_drop};

struct tcpip_address *
tcpip_address_create(struct tdic_address *up)
{
    struct tcpip_address *address = tcpip_alloc(sizeof *address);
    if (!address)
        return NULL;
    address->up = up;
    address->refs = 1;
    tdic_address_ref(up);
    InitializeListHead(&address->received);
    list_init(&address->ended);
    tcpip_news_init(&address->news, &address_news);
    return address;
}

UCHAR
tcpip_device_family(struct tdic_address *up)
{
    return (UCHAR)(ULONG_PTR)tdic_device_below(tdic_address_device(up));
}

VOID
tcpip_address_forget(struct tcpip_address *address, LIST_ENTRY *dropped)
{
    InitializeListHead(dropped);
    while (!IsListEmpty(&address->received))
        InsertTailList(dropped, RemoveHeadList(&address->received));
}

VOID
tcpip_address_forgotten(LIST_ENTRY *dropped)
{
    while (!IsListEmpty(dropped))
        datagram_free(CONTAINING_RECORD(RemoveHeadList(dropped), struct tcpip_datagram, link));
}

// ---- sending --------------------------------------------------------------------------------------------------------------------

NTSTATUS
tcpip_datagram_begin(struct tcpip_address *address, struct tcpip_send *send, struct tdic_tx *tx)
{
    if (!tcpip_send_init(send, tx) && tx->bytes)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (send->send.n_spans > UINT16_MAX) {
        tcpip_send_spans_free(send);
        return TDI_BUFFER_TOO_BIG;
    }
    send->address = address;
    tdic_address_ref(address->up);
    InterlockedIncrement(&address->refs);
    return STATUS_SUCCESS;
}
