// SPDX-License-Identifier: MIT
// UDP below the waist: datagrams of address files of \Device\Udp and \Device\Udp6.
//   out   udp_op_send -> net_udp_send; the checksum is the engine's or the adapter's
//   in    tcpip_udp_take -> tcpip_datagram_queue of each address that it is for; tcpip_udp_error -> ClientEventErrorEx
// What is not UDP's own about an address is in address.c.
#include "connection.h"

#include <tdistat.h>

static struct tcpip_address *
below(struct tdic_address *address)
{
    return tdic_address_below(address);
}

// ---- what comes -----------------------------------------------------------------------------------------------------------------

VOID
tcpip_udp_take(struct tcpip_call *call, struct net_result *result)
{
    UNREFERENCED_PARAMETER(call);
    for (struct net_udp *udp = result->udp; udp; udp = net_result_next_udp(tcpip_host.net, result)) {
        struct tcpip_address *address = net_udp_settings_of(udp)->context;
        tcpip_datagram_queue(address, &result->in, result->in.at_bytes, result->in.length_bytes, result->source_port);
    }
}

VOID
tcpip_udp_error(const struct net_error *error)
{
    USHORT port;
    if (!error->udp || error->upper_bytes < 4)
        return;
    memcpy(&port, error->upper + 2, sizeof port);
    tcpip_error_queue(net_udp_settings_of(error->udp)->context, error, RtlUshortByteSwap(port));
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

static NTSTATUS
udp_bind(struct tcpip_address *address, BOOLEAN is_shared)
{
    struct net_udp_settings settings = {.local = address->local, .port = address->port, .is_shared = is_shared, .context = address};
    struct tcpip_call call;
    int error = 0;
    tcpip_enter(&call);
    if (!tcpip_scope_check(&address->local, &address->scope)) {
        tcpip_leave(&call);
        return TDI_ADDR_INVALID;
    }
    // A group's datagrams come from one link; an address of ours says by itself which it is.
    if (eng_address_is_multicast(&address->local))
        settings.interface_index = address->scope;
    address->udp = net_udp_open(tcpip_host.net, &settings, &error);
    if (address->udp)
        address->port = net_udp_settings_of(address->udp)->port;
    if (address->udp)
        InsertTailList(&tcpip_host.udp, &address->link);
    tcpip_leave(&call);
    return address->udp ? STATUS_SUCCESS : tcpip_status_of(error);
}

static NTSTATUS
udp_op_address_open(struct tdic_address *up, const TA_ADDRESS *wanted, BOOLEAN is_shared, PVOID *to)
{
    union tcpip_ta local;
    struct tcpip_address *address = tcpip_address_create(up);
    if (!address)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = TDI_BAD_ADDR;
    if (tcpip_address_from(wanted, &address->local, &address->port, &address->scope) && address->local.family == tcpip_device_family(up))
        status = udp_bind(address, is_shared);
    if (!NT_SUCCESS(status)) {
        tcpip_address_unref(address);
        return status;
    }
    tdic_address_local(up, &local.list, tcpip_address_to(&local, &address->local, address->port, address->scope));
    *to = address;
    return STATUS_SUCCESS;
}

// What had come and was not told is dropped. The waist closes an address only when its sends have come back.
static VOID
udp_op_address_close(struct tdic_address *up)
{
    struct tcpip_address *address = below(up);
    struct tcpip_call call;
    LIST_ENTRY dropped;
    tcpip_enter(&call);
    net_udp_close(tcpip_host.net, address->udp, call.now_us, &call.outbox);
    RemoveEntryList(&address->link);
    address->udp = NULL;
    tcpip_address_forget(address, &dropped);
    tcpip_leave(&call);
    tcpip_address_forgotten(&dropped);
    tcpip_address_unref(address);
}

// ---- sending --------------------------------------------------------------------------------------------------------------------

static NTSTATUS
udp_op_send(struct tdic_address *up, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, struct tdic_tx *tx)
{
    struct tcpip_address *address = below(up);
    struct tcpip_send *send = (struct tcpip_send *)(tx + 1);
    struct net_udp_send datagram = {.is_broadcast = !address->options.no_broadcast};
    struct tcpip_call call;
    USHORT port;
    ULONG scope;
    if (!tcpip_address_from_list(remote, remote_bytes, &datagram.remote, &port, &scope) ||
        datagram.remote.family != address->local.family)
        return TDI_BAD_ADDR;
    NTSTATUS status = tcpip_datagram_begin(address, send, tx);
    if (!NT_SUCCESS(status))
        return status;
    datagram.port = port;
    datagram.spans = send->spans;
    datagram.n_spans = (uint16_t)send->send.n_spans;
    datagram.hop_limit = eng_address_is_multicast(&datagram.remote) ? address->options.group_hop_limit : address->options.hop_limit;
    datagram.traffic_class = address->options.traffic_class;
    datagram.dont_fragment = address->options.dont_fragment;
    datagram.no_multicast_loop = address->options.no_loop;
    datagram.interface_index = scope || !tcpip_is_scoped(&datagram.remote) ? scope : address->scope;
    tcpip_enter(&call);
    // Nothing of it is out, or the packets hold it now: either way it comes back as a send that is done, with what was said of it.
    int error = net_udp_send(tcpip_host.net, address->udp, &datagram, call.now_us, &call.outbox);
    send->send.status = tcpip_source_error(error, &address->local);
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
    .address_close = udp_op_address_close,
    .send_datagram = udp_op_send,
    .datagram_done = tcpip_op_datagram_done,
    .provider_info = udp_op_provider_info,
    .control = tcpip_op_control,
    .query = tcpip_op_query,
    .set = tcpip_op_set,
};
