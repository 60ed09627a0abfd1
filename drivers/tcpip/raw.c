// SPDX-License-Identifier: MIT
// Raw IP below the waist: \Device\RawIp\<protocol> and \Device\RawIp6\<protocol>, transports of datagrams that are the upper layer of
// an IP packet, whole. The protocol's number stands in the name of the file that is opened.
//   open  raw_protocol: the name -> a number, or why not -> net_raw_open: the engine hands such packets up from now on
//   out   raw_op_send -> net_raw_send, as UDP's (udp.c); of ICMPv6 the checksum is made below
//   in    tcpip_raw_take -> tcpip_datagram_queue of each address that it is for: of IPv4 with the IP header, of IPv6 without
//         [winsock: TCP/IP raw sockets]; tcpip_raw_error -> ClientEventErrorEx
// \Device\Ip is here too: the device exists so that whoever opens it is told by name that it is not served.
#include "connection.h"

#include <tdistat.h>

static struct tcpip_address *
below(struct tdic_address *address)
{
    return tdic_address_below(address);
}

// ---- what comes -----------------------------------------------------------------------------------------------------------------

static BOOLEAN
raw_is_for(const struct tcpip_address *address, UCHAR protocol, const struct eng_address *local)
{
    return address->raw_protocol == protocol && address->local.family == local->family &&
           (eng_address_is_any(&address->local) || eng_address_is_equal(&address->local, local));
}

VOID
tcpip_raw_take(struct tcpip_call *call, struct net_result *result)
{
    const struct eng_in *in = &result->in;
    ULONG at = in->source.family == ENG_IP4 ? in->ip_at_bytes : result->raw_at_bytes;
    UNREFERENCED_PARAMETER(call);
    for (LIST_ENTRY *entry = tcpip_host.raw.Flink; entry != &tcpip_host.raw; entry = entry->Flink) {
        struct tcpip_address *address = CONTAINING_RECORD(entry, struct tcpip_address, link);
        // A group's packets are for those on any address, too: who joined is not asked.
        if (raw_is_for(address, in->protocol, &in->destination))
            tcpip_datagram_queue(address, in, at, result->raw_end_bytes - at, 0);
    }
}

VOID
tcpip_raw_error(const struct net_error *error)
{
    for (LIST_ENTRY *entry = tcpip_host.raw.Flink; entry != &tcpip_host.raw; entry = entry->Flink) {
        struct tcpip_address *address = CONTAINING_RECORD(entry, struct tcpip_address, link);
        if (raw_is_for(address, error->protocol, &error->local))
            tcpip_error_queue(address, error, 0);
    }
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

// The number behind the device's name: \N, decimal. fails: STATUS_OBJECT_NAME_INVALID
static NTSTATUS
raw_number(const UNICODE_STRING *path, ULONG *number)
{
    USHORT count = path->Length / sizeof(WCHAR);
    *number = 0;
    if (count < 2 || count > 4 || path->Buffer[0] != L'\\')
        return STATUS_OBJECT_NAME_INVALID;
    for (USHORT i = 1; i < count; i++) {
        if (path->Buffer[i] < L'0' || path->Buffer[i] > L'9')
            return STATUS_OBJECT_NAME_INVALID;
        *number = *number * 10 + (ULONG)(path->Buffer[i] - L'0');
    }
    return *number > 255 ? STATUS_OBJECT_NAME_INVALID : STATUS_SUCCESS;
}

// What nobody may have: TCP and UDP, whose connections and ports others rely on [winsock: TCP/IP raw sockets, limitations]; and what is
// no upper layer: 0 and the extension headers of IPv6, which never come as one, 59 and 255, which have nothing inside.
static NTSTATUS
raw_admit(UCHAR family, ULONG number)
{
    if (number == NET_TCP || number == NET_UDP)
        return STATUS_ACCESS_DENIED;
    BOOLEAN is_extension = number == 43 || number == 44 || number == 59 || number == 60;
    if (number == 0 || number == 255 || (family == ENG_IP6 && is_extension))
        return STATUS_NOT_SUPPORTED;
    return STATUS_SUCCESS;
}

static NTSTATUS
raw_protocol(struct tdic_address *up, UCHAR *protocol)
{
    const UNICODE_STRING *path = tdic_address_path(up);
    ULONG number;
    NTSTATUS status = raw_number(path, &number);
    if (NT_SUCCESS(status))
        status = raw_admit(tcpip_device_family(up), number);
    if (!NT_SUCCESS(status))
        DbgPrint("tcpip: \\Device\\RawIp%s%wZ is refused (0x%08x): %s\n", tcpip_device_family(up) == ENG_IP4 ? "" : "6", path, status,
                 status == STATUS_OBJECT_NAME_INVALID ? "a protocol's number, 1 to 254, must follow the device's name"
                 : status == STATUS_ACCESS_DENIED     ? "TCP and UDP have devices of their own"
                                                      : "this number is no upper layer's");
    *protocol = (UCHAR)number;
    return status;
}

static NTSTATUS
raw_bind(struct tcpip_address *address)
{
    struct tcpip_call call;
    NTSTATUS status = STATUS_SUCCESS;
    tcpip_enter(&call);
    BOOLEAN is_ours = eng_address_is_any(&address->local) || net_address_is_known(tcpip_host.net, &address->local);
    if (!is_ours || !tcpip_scope_check(&address->local, &address->scope))
        status = TDI_ADDR_INVALID;
    else
        status = tcpip_status_of(net_raw_open(tcpip_host.net, address->local.family, address->raw_protocol));
    if (NT_SUCCESS(status))
        InsertTailList(&tcpip_host.raw, &address->link);
    tcpip_leave(&call);
    return status;
}

// Any number of files may have the same protocol and address: each gets a copy. A port means nothing here.
static NTSTATUS
raw_op_address_open(struct tdic_address *up, const TA_ADDRESS *wanted, BOOLEAN is_shared, PVOID *to)
{
    union tcpip_ta local;
    struct tcpip_address *address = tcpip_address_create(up);
    UNREFERENCED_PARAMETER(is_shared);
    if (!address)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = raw_protocol(up, &address->raw_protocol);
    if (NT_SUCCESS(status))
        status = TDI_BAD_ADDR;
    if (status == TDI_BAD_ADDR && tcpip_address_from(wanted, &address->local, &address->port, &address->scope) &&
        address->local.family == tcpip_device_family(up))
        status = raw_bind(address);
    if (!NT_SUCCESS(status)) {
        tcpip_address_unref(address);
        return status;
    }
    tdic_address_local(up, &local.list, tcpip_address_to(&local, &address->local, 0, address->scope));
    *to = address;
    return STATUS_SUCCESS;
}

static VOID
raw_op_address_close(struct tdic_address *up)
{
    struct tcpip_address *address = below(up);
    struct tcpip_call call;
    LIST_ENTRY dropped;
    tcpip_enter(&call);
    RemoveEntryList(&address->link);
    net_raw_close(tcpip_host.net, address->local.family, address->raw_protocol);
    tcpip_address_forget(address, &dropped);
    tcpip_leave(&call);
    tcpip_address_forgotten(&dropped);
    tcpip_address_unref(address);
}

// ---- sending --------------------------------------------------------------------------------------------------------------------

static NTSTATUS
raw_op_send(struct tdic_address *up, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, struct tdic_tx *tx)
{
    struct tcpip_address *address = below(up);
    struct tcpip_send *send = (struct tcpip_send *)(tx + 1);
    struct net_raw_send packet = {.source = address->local, .protocol = address->raw_protocol,
                                  .is_broadcast = !address->options.no_broadcast};
    struct tcpip_call call;
    USHORT port;
    ULONG scope;
    if (!tcpip_address_from_list(remote, remote_bytes, &packet.remote, &port, &scope) || packet.remote.family != address->local.family)
        return TDI_BAD_ADDR;
    NTSTATUS status = tcpip_datagram_begin(address, send, tx);
    if (!NT_SUCCESS(status))
        return status;
    packet.spans = send->spans;
    packet.n_spans = (uint16_t)send->send.n_spans;
    packet.hop_limit = eng_address_is_multicast(&packet.remote) ? address->options.group_hop_limit : address->options.hop_limit;
    packet.traffic_class = address->options.traffic_class;
    packet.dont_fragment = address->options.dont_fragment;
    packet.no_multicast_loop = address->options.no_loop;
    packet.interface_index = scope || !tcpip_is_scoped(&packet.remote) ? scope : address->scope;
    tcpip_enter(&call);
    int error = net_raw_send(tcpip_host.net, &packet, call.now_us, &call.outbox);
    send->send.status = tcpip_source_error(error, &address->local);
    eng_drop(&send->owner);
    tcpip_leave(&call);
    return STATUS_PENDING;
}

static VOID
raw_op_provider_info(struct tdic_device *device, TDI_PROVIDER_INFO *info)
{
    BOOLEAN is_ip4 = (ULONG_PTR)tdic_device_below(device) == ENG_IP4;
    info->Version = 0x0200;
    info->MaxSendSize = 0;
    info->MaxConnectionUserData = 0;
    info->MaxDatagramSize = is_ip4 ? 65515 : 65535;
    info->ServiceFlags = TDI_SERVICE_CONNECTIONLESS_MODE | TDI_SERVICE_MULTICAST_SUPPORTED | (is_ip4 ? TDI_SERVICE_BROADCAST_SUPPORTED : 0);
    info->MinimumLookaheadData = 128;
    info->MaximumLookaheadData = 0xFFFF;
}

const struct tdic_ops tcpip_raw_ops = {
    .tx_bytes = sizeof(struct tcpip_send),
    .address_open = raw_op_address_open,
    .address_close = raw_op_address_close,
    .send_datagram = raw_op_send,
    .datagram_done = tcpip_op_datagram_done,
    .provider_info = raw_op_provider_info,
    .control = tcpip_op_control,
    .query = tcpip_op_query,
    .set = tcpip_op_set,
};

// ---- \Device\Ip -----------------------------------------------------------------------------------------------------------------

static NTSTATUS
ip_op_admit(struct tdic_device *device, PFILE_OBJECT file)
{
    UNREFERENCED_PARAMETER(device);
    DbgPrint("tcpip: \\Device\\Ip%wZ is refused (0x%08x): IP has no file of its own here; packets of a protocol are at "
             "\\Device\\RawIp\\<number>, tables and counters at a control channel of \\Device\\Tcp\n",
             &file->FileName, STATUS_NOT_SUPPORTED);
    return STATUS_NOT_SUPPORTED;
}

static VOID
ip_op_provider_info(struct tdic_device *device, TDI_PROVIDER_INFO *info)
{
    UNREFERENCED_PARAMETER(device);
    RtlZeroMemory(info, sizeof *info);
    info->Version = 0x0200;
}

const struct tdic_ops tcpip_ip_ops = {
    .admit = ip_op_admit,
    .provider_info = ip_op_provider_info,
};
