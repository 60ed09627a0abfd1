// SPDX-License-Identifier: MIT
// UDP and raw IP below the waist: datagrams of address files.
//   out   udp_op_send, raw_op_send -> net_udp_send, net_output; done when no packet with its bytes is out (tcpip_send_released)
//   in    tcpip_udp_take, tcpip_raw_take (lock held) -> a copy in the address's queue -> datagram_tell (no lock) -> tdic_up_datagram
// A datagram is copied once, into memory with an MDL of its own: its frame goes back at once, whatever a client does with it.
#include "connection.h"

#include <tdistat.h>

#define RECEIVED_MAX_BYTES (256u * 1024) // of an address, before its client has looked at them; more is dropped

struct tcpip_datagram {
    struct tdic_rx up;
    NBX_TDI_TSDU tsdu;
    LIST_ENTRY link;
    struct eng_address source;
    USHORT port;
    ULONG bytes;
    UCHAR data[];
};

static struct tcpip_address *
below(struct tdic_address *address)
{
    return tdic_address_below(address);
}

static UCHAR
device_family(struct tdic_address *address)
{
    return (UCHAR)(ULONG_PTR)tdic_device_below(tdic_address_device(address));
}

// ---- telling --------------------------------------------------------------------------------------------------------------------

static VOID
address_unref(struct tcpip_address *address)
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
    address_unref(CONTAINING_RECORD(news, struct tcpip_address, news));
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

static VOID
datagram_op_done(struct tdic_address *address, struct tdic_rx *rx, BOOLEAN is_lent)
{
    UNREFERENCED_PARAMETER(address);
    if (!is_lent)
        datagram_free(CONTAINING_RECORD(rx, struct tcpip_datagram, up));
}

static VOID
datagram_tell(struct tcpip_news *news)
{
    struct tcpip_address *address = CONTAINING_RECORD(news, struct tcpip_address, news);
    const struct tdic_info nothing = {0};
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
            address_unref(address);
        } else if (datagram) {
            union tcpip_ta remote;
            ULONG bytes = tcpip_address_to(&remote, &datagram->source, datagram->port);
            tdic_up_datagram(address->up, &remote.list, bytes, &nothing, &datagram->up);
        } else {
            return;
        }
    }
}

// Queue a copy of [at, at + count) of a packet.   locks: host->lock held
static VOID
datagram_queue(struct tcpip_address *address, const struct eng_in *in, ULONG at, ULONG count, USHORT port)
{
    if (address->received_bytes + count > RECEIVED_MAX_BYTES)
        return;
    struct tcpip_datagram *datagram = tcpip_alloc(sizeof *datagram + count);
    if (!datagram)
        return;
    datagram->up.mdl = IoAllocateMdl(datagram->data, count ? count : 1, FALSE, FALSE, NULL);
    if (!datagram->up.mdl || !eng_spans_copy(in->spans, in->n_spans, at, datagram->data, count)) {
        datagram_free(datagram);
        return;
    }
    MmBuildMdlForNonPagedPool(datagram->up.mdl);
    datagram->up.bytes = datagram->bytes = count;
    datagram->up.flags = TDIC_RX_END | (in->flags & ENG_IN_LINK_BROADCAST ? TDIC_RX_BROADCAST : 0) |
                         (eng_address_is_multicast(&in->destination) ? TDIC_RX_MULTICAST : 0);
    datagram->up.descriptor = &datagram->tsdu;
    datagram->tsdu.Return = datagram_returned;
    datagram->source = in->source;
    datagram->port = port;
    address->received_bytes += count;
    InsertTailList(&address->received, &datagram->link);
    tcpip_post(&address->news);
}

VOID
tcpip_udp_take(struct tcpip_call *call, struct net_result *result)
{
    UNREFERENCED_PARAMETER(call);
    for (struct net_udp *udp = result->udp; udp; udp = net_result_next_udp(tcpip_host.net, result)) {
        struct tcpip_address *address = net_udp_settings_of(udp)->context;
        datagram_queue(address, &result->in, result->in.at_bytes, result->in.length_bytes, result->source_port);
    }
}

VOID
tcpip_raw_take(struct tcpip_call *call, struct net_result *result)
{
    UNREFERENCED_PARAMETER(call);
    for (LIST_ENTRY *at = tcpip_host.raw.Flink; at != &tcpip_host.raw; at = at->Flink) {
        struct tcpip_address *address = CONTAINING_RECORD(at, struct tcpip_address, raw_link);
        const struct eng_in *in = &result->in;
        BOOLEAN is_for = address->raw_protocol == in->protocol && address->local.family == in->destination.family &&
                         (eng_address_is_any(&address->local) || eng_address_is_equal(&address->local, &in->destination));
        if (is_for)
            datagram_queue(address, in, result->raw_at_bytes, result->raw_end_bytes - result->raw_at_bytes, 0);
    }
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

static struct tcpip_address *
address_create(struct tdic_address *up)
{
    struct tcpip_address *address = tcpip_alloc(sizeof *address);
    if (!address)
        return NULL;
    address->up = up;
    address->refs = 1;
    tdic_address_ref(up);
    InitializeListHead(&address->received);
    list_init(&address->ended);
    tcpip_news_init(&address->news, datagram_tell, address_hold, address_drop);
    return address;
}

static NTSTATUS
udp_bind(struct tcpip_address *address, BOOLEAN is_shared)
{
    struct net_udp_settings settings = {.local = address->local, .port = address->port, .is_shared = is_shared, .context = address};
    struct tcpip_call call;
    int error = 0;
    tcpip_enter(&call);
    address->udp = net_udp_open(tcpip_host.net, &settings, &error);
    if (address->udp)
        address->port = net_udp_settings_of(address->udp)->port;
    tcpip_leave(&call);
    return address->udp ? STATUS_SUCCESS : tcpip_status_of(error);
}

static NTSTATUS
udp_op_address_open(struct tdic_address *up, const TA_ADDRESS *wanted, BOOLEAN is_shared, PVOID *to)
{
    union tcpip_ta local;
    struct tcpip_address *address = address_create(up);
    if (!address)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = TDI_BAD_ADDR;
    if (tcpip_address_from(wanted, &address->local, &address->port) && address->local.family == device_family(up))
        status = udp_bind(address, is_shared);
    if (!NT_SUCCESS(status)) {
        address_unref(address);
        return status;
    }
    tdic_address_local(up, &local.list, tcpip_address_to(&local, &address->local, address->port));
    *to = address;
    return STATUS_SUCCESS;
}

// What had come and was not told is dropped. The waist closes an address only when its sends have come back.
static VOID
op_address_close(struct tdic_address *up)
{
    struct tcpip_address *address = below(up);
    struct tcpip_call call;
    LIST_ENTRY dropped;
    InitializeListHead(&dropped);
    tcpip_enter(&call);
    if (address->udp)
        net_udp_close(tcpip_host.net, address->udp, call.now_us, &call.outbox);
    address->udp = NULL;
    if (address->is_raw) {
        RemoveEntryList(&address->raw_link);
        net_raw_close(tcpip_host.net, address->local.family, address->raw_protocol);
    }
    while (!IsListEmpty(&address->received))
        InsertTailList(&dropped, RemoveHeadList(&address->received));
    tcpip_leave(&call);
    while (!IsListEmpty(&dropped))
        datagram_free(CONTAINING_RECORD(RemoveHeadList(&dropped), struct tcpip_datagram, link));
    address_unref(address);
}

// ---- sending --------------------------------------------------------------------------------------------------------------------

static NTSTATUS
udp_op_send(struct tdic_address *up, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, struct tdic_tx *tx)
{
    struct tcpip_address *address = below(up);
    struct tcpip_send *send = (struct tcpip_send *)(tx + 1);
    struct net_udp_send datagram = {.is_broadcast = true};
    struct tcpip_call call;
    USHORT port;
    if (!tcpip_address_from_list(remote, remote_bytes, &datagram.remote, &port) || datagram.remote.family != address->local.family)
        return TDI_BAD_ADDR;
    if (!tcpip_send_init(send, tx) && tx->bytes)
        return STATUS_INSUFFICIENT_RESOURCES;
    send->address = address;
    datagram.port = port;
    datagram.spans = send->spans;
    datagram.n_spans = (uint16_t)send->send.n_spans;
    tdic_address_ref(up);
    InterlockedIncrement(&address->refs);
    tcpip_enter(&call);
    int error = -EMSGSIZE;
    if (send->send.n_spans <= UINT16_MAX)
        error = net_udp_send(tcpip_host.net, address->udp, &datagram, call.now_us, &call.outbox);
    // Nothing of it is out, or the packets hold it now: either way it comes back as a send that is done, with what was said of it.
    send->send.status = error;
    eng_drop(&send->owner);
    tcpip_leave(&call);
    return STATUS_PENDING;
}

static VOID
udp_op_provider_info(struct tdic_device *device, TDI_PROVIDER_INFO *info)
{
    UNREFERENCED_PARAMETER(device);
    info->Version = 0x0200;
    info->MaxSendSize = 0;
    info->MaxConnectionUserData = 0;
    info->MaxDatagramSize = 65507;
    info->ServiceFlags = TDI_SERVICE_CONNECTIONLESS_MODE | TDI_SERVICE_BROADCAST_SUPPORTED | TDI_SERVICE_MULTICAST_SUPPORTED;
    info->MinimumLookaheadData = 128;
    info->MaximumLookaheadData = 0xFFFF;
}

const struct tdic_ops tcpip_udp_ops = {
    .tx_bytes = sizeof(struct tcpip_send),
    .address_open = udp_op_address_open,
    .address_close = op_address_close,
    .send_datagram = udp_op_send,
    .datagram_done = datagram_op_done,
    .provider_info = udp_op_provider_info,
};
