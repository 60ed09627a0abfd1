// SPDX-License-Identifier: MIT
// What a client asks about the transport, and the little it may set.
//   IOCTL_TCP_QUERY_INFORMATION_EX  TDIObjectID -> objects[] -> a function of mib.c fills a buffer of ours with the lock held -> the
//                                   client's buffer. Whole rows that fit; Information says what there is, with STATUS_SUCCESS even when
//                                   it is more than fitted, as its page says of the list of entities.
//   IOCTL_TCP_SET_INFORMATION_EX    a route; options of an address file (AO_OPTION_XXX) and of a connection file (TCP_SOCKET_NODELAY)
//   TDI_QUERY_INFORMATION           tcpip_op_query: what tdi_common does not know by itself
// An object that no public source describes, or that nothing here stands for, is refused with TDI_INVALID_REQUEST, and named.
// [sdk-api tcpioctl/ni-tcpioctl-ioctl_tcp_query_information_ex, tdiinfo/ns-tdiinfo-tdiobjectid]
#include "chimney.h"
#include "mib.h"
#include "rnic.h"

#include <nbx/rnic.h>
#include <tdistat.h>

#define ANSWER_MAX_BYTES (4u * 1024 * 1024)

static VOID
refused(const char *what, const TDIObjectID *id, NTSTATUS status)
{
    DbgPrint("tcpip: %s of entity 0x%x/%u, class 0x%x, type 0x%x, id 0x%x is refused (0x%08x)\n", what, id->toi_entity.tei_entity,
             id->toi_entity.tei_instance, id->toi_class, id->toi_type, id->toi_id, status);
}

static NTSTATUS
control_done(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

// ---- queries --------------------------------------------------------------------------------------------------------------------

static const struct {
    ULONG entity, class, id;
    NTSTATUS (*on_fill)(struct tcpip_answer *answer);
    UCHAR family;                     // 0: of both
} objects[] = {
    {GENERIC_ENTITY, INFO_CLASS_GENERIC, ENTITY_LIST_ID, tcpip_mib_entities, 0},
    {IF_ENTITY, INFO_CLASS_PROTOCOL, IF_MIB_STATS_ID, tcpip_mib_interface, 0},
    {CL_NL_ENTITY, INFO_CLASS_PROTOCOL, IP_MIB_STATS_ID, tcpip_mib_ip, 0},
    {CL_NL_ENTITY, INFO_CLASS_PROTOCOL, IP_MIB_ADDRTABLE_ENTRY_ID, tcpip_mib_addresses, ENG_IP4},
    {CL_NL_ENTITY, INFO_CLASS_PROTOCOL, IP_MIB_ROUTETABLE_ENTRY_ID, tcpip_mib_routes, ENG_IP4},
    {CL_NL_ENTITY, INFO_CLASS_PROTOCOL, IP_INTFC_INFO_ID, tcpip_mib_interface_of, 0},
    {CL_NL_ENTITY, INFO_CLASS_IMPLEMENTATION, NBX_TCPIP_COUNTS_ID, tcpip_mib_counts, 0},
    {AT_ENTITY, INFO_CLASS_PROTOCOL, IP_MIB_ARPTABLE_ENTRY_ID, tcpip_mib_neighbours, ENG_IP4},
    {CO_TL_ENTITY, INFO_CLASS_PROTOCOL, TCP_MIB_STAT_ID, tcpip_mib_tcp, 0},
    {CO_TL_ENTITY, INFO_CLASS_PROTOCOL, TCP_MIB_TABLE_ID, tcpip_mib_connections, 0},
    {CL_TL_ENTITY, INFO_CLASS_PROTOCOL, UDP_MIB_STAT_ID, tcpip_mib_udp, 0},
    {CL_TL_ENTITY, INFO_CLASS_PROTOCOL, UDP_MIB_TABLE_ID, tcpip_mib_listeners, 0},
};

static NTSTATUS
query_fill(struct tcpip_answer *answer)
{
    const TDIObjectID *id = &answer->id;
    if (id->toi_type != INFO_TYPE_PROVIDER)
        return TDI_INVALID_PARAMETER;
    if (id->toi_class == INFO_CLASS_GENERIC && id->toi_id == ENTITY_TYPE_ID)
        return tcpip_mib_entity_type(answer);
    for (ULONG i = 0; i < ARRAYSIZE(objects); i++) {
        if (id->toi_entity.tei_entity != objects[i].entity || id->toi_class != objects[i].class || id->toi_id != objects[i].id)
            continue;
        if (objects[i].family && objects[i].family != answer->family)
            break;
        if (!tcpip_mib_has(answer, &id->toi_entity) && objects[i].entity != GENERIC_ENTITY)
            return TDI_INVALID_PARAMETER;
        return objects[i].on_fill(answer);
    }
    return TDI_INVALID_REQUEST;
}

static NTSTATUS
query_run(struct tcpip_answer *answer)
{
    struct tcpip_call call;
    NTSTATUS status = STATUS_SUCCESS;
    if (answer->room) {
        answer->bytes = tcpip_alloc(answer->room);
        if (!answer->bytes)
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    tcpip_stats_refresh();
    tcpip_enter(&call);
    answer->now_us = call.now_us;
    status = query_fill(answer);
    tcpip_leave(&call);
    return status;
}

// The request of a 32-bit process has a shorter context; its length tells.
static NTSTATUS
query_capture(PIRP irp, const IO_STACK_LOCATION *stack, struct tcpip_answer *answer)
{
    const UCHAR *in = stack->Parameters.DeviceIoControl.Type3InputBuffer;
    ULONG bytes = stack->Parameters.DeviceIoControl.InputBufferLength;
    ULONG context_at = bytes >= sizeof(TCP_REQUEST_QUERY_INFORMATION_EX) ? FIELD_OFFSET(TCP_REQUEST_QUERY_INFORMATION_EX, Context)
                                                                          : FIELD_OFFSET(TCP_REQUEST_QUERY_INFORMATION_EX32, Context);
    if (!in || bytes < sizeof(TCP_REQUEST_QUERY_INFORMATION_EX32))
        return TDI_INVALID_PARAMETER;
    if (stack->Parameters.DeviceIoControl.OutputBufferLength && !irp->UserBuffer)
        return TDI_INVALID_PARAMETER;
    memcpy(&answer->id, in, sizeof answer->id);
    memcpy(answer->context, in + context_at, sizeof answer->context);
    answer->room = min(stack->Parameters.DeviceIoControl.OutputBufferLength, ANSWER_MAX_BYTES);
    return STATUS_SUCCESS;
}

static NTSTATUS
query(struct tdic_device *device, PIRP irp, const IO_STACK_LOCATION *stack)
{
    struct tcpip_answer answer = {.family = (UCHAR)(ULONG_PTR)tdic_device_below(device), .udp4 = tcpip_udp_device(ENG_IP4),
                                  .udp6 = tcpip_udp_device(ENG_IP6)};
    NTSTATUS status = query_capture(irp, stack, &answer);
    if (NT_SUCCESS(status))
        status = query_run(&answer);
    if (NT_SUCCESS(status) && answer.used)
        memcpy(irp->UserBuffer, answer.bytes, answer.used);
    if (!NT_SUCCESS(status))
        refused("a query", &answer.id, status);
    tcpip_free(answer.bytes);
    return control_done(irp, status, NT_SUCCESS(status) ? answer.wanted : 0);
}

// ---- settings -------------------------------------------------------------------------------------------------------------------

struct setting {
    TDIObjectID id;
    const UCHAR *bytes;
    ULONG count;
    ULONG value;                      // of those that are a number
};

static NTSTATUS
set_route(struct tdic_device *device, const struct setting *setting)
{
    IPRouteEntry entry;
    struct tcpip_call call;
    ULONG bits = 0;
    if ((ULONG_PTR)tdic_device_below(device) != ENG_IP4)
        return TDI_INVALID_REQUEST;
    if (setting->count < sizeof entry)
        return TDI_INVALID_PARAMETER;
    memcpy(&entry, setting->bytes, sizeof entry);
    ULONG mask = RtlUlongByteSwap(entry.ire_mask);
    while (bits < 32 && mask & 0x80000000u >> bits)
        bits++;
    struct net_route route = {.prefix = eng_address4(&entry.ire_dest), .gateway = eng_address4(&entry.ire_nexthop),
                              .prefix_bits = (uint8_t)bits, .interface_index = entry.ire_index, .metric = entry.ire_metric1};
    // A direct route names an address of ours or nobody as the next hop: it is on the link.
    if (entry.ire_type == IRE_TYPE_DIRECT || entry.ire_nexthop == entry.ire_dest)
        route.gateway = (struct eng_address){.family = ENG_IP4};
    if (bits < 32 && mask << bits)
        return TDI_INVALID_PARAMETER;
    tcpip_enter(&call);
    int error = entry.ire_type == IRE_TYPE_INVALID ? net_route_remove(tcpip_host.net, &route) : net_route_add(tcpip_host.net, &route);
    tcpip_leave(&call);
    return error == -ENOENT || error == -EEXIST ? TDI_INVALID_PARAMETER : tcpip_status_of(error);
}

static NTSTATUS
set_group(struct tcpip_address *address, const struct setting *setting, BOOLEAN is_join, struct tcpip_call *call)
{
    ULONG group_bytes = address->local.family == ENG_IP4 ? 4 : 16, index;
    if (!address->udp)
        return TDI_INVALID_REQUEST;
    // UNSURE: the layouts of ip_mreq and ipv6_mreq: the group, then an address of the interface, or its index.
    if (setting->count < group_bytes + 4)
        return TDI_INVALID_PARAMETER;
    struct eng_address group = group_bytes == 4 ? eng_address4(setting->bytes) : eng_address6(setting->bytes);
    memcpy(&index, setting->bytes + group_bytes, 4);
    if (group_bytes == 4 && index) {
        struct eng_address own = eng_address4(&index);
        index = net_address_is_ours(tcpip_host.net, &own);
        if (!index)
            return TDI_ADDR_INVALID;
    }
    int error = is_join ? net_udp_join(tcpip_host.net, address->udp, &group, index, call->now_us, &call->outbox)
                        : net_udp_leave(tcpip_host.net, address->udp, &group, index, call->now_us, &call->outbox);
    return error == -EEXIST || error == -ENOENT ? TDI_ADDR_INVALID : tcpip_status_of(error);
}

static NTSTATUS
set_address_locked(struct tcpip_address *address, const struct setting *setting, struct tcpip_call *call)
{
    struct tcpip_options *options = &address->options;
    ULONG id = setting->id.toi_id, value = setting->value;
    if (id == AO_OPTION_ADD_MCAST || id == AO_OPTION_DEL_MCAST)
        return set_group(address, setting, id == AO_OPTION_ADD_MCAST, call);
    if (setting->count != 1 && setting->count != 4)
        return TDI_INVALID_PARAMETER;
    BOOLEAN is_number = id == AO_OPTION_TTL || id == AO_OPTION_MCASTTTL || id == AO_OPTION_TOS;
    if (value > (is_number ? 255u : 1u) || (id == AO_OPTION_TTL && !value))
        return TDI_INVALID_PARAMETER;
    switch (id) {
    case AO_OPTION_TTL: options->hop_limit = (UCHAR)value; break;
    case AO_OPTION_MCASTTTL: options->group_hop_limit = (UCHAR)value; break;
    case AO_OPTION_TOS: options->traffic_class = (UCHAR)value; break;
    case AO_OPTION_IP_DONTFRAGMENT: options->dont_fragment = value != 0; break;
    case AO_OPTION_MCASTLOOP: options->no_loop = !value; break;
    case AO_OPTION_BROADCAST: options->no_broadcast = !value; break;
    default: return TDI_INVALID_REQUEST;
    }
    return STATUS_SUCCESS;
}

static NTSTATUS
set_address(PFILE_OBJECT file, const struct setting *setting)
{
    struct tdic_address *up = tdic_file_address(file);
    struct tcpip_call call;
    NTSTATUS status = TDI_INVALID_REQUEST;
    if (!up)
        return status;
    if (!tdic_device_is_stream(tdic_address_device(up))) {
        tcpip_enter(&call);
        status = set_address_locked(tdic_address_below(up), setting, &call);
        tcpip_leave(&call);
    }
    tdic_file_address_put(up);
    return status;
}

static NTSTATUS
set_connection(PFILE_OBJECT file, const struct setting *setting)
{
    struct tdic_connection *up = tdic_file_connection(file);
    struct tcpip_call call;
    struct tcp_record record;
    int error = -ENOTCONN;
    if (setting->id.toi_id != TCP_SOCKET_NODELAY || (setting->count != 1 && setting->count != 4)) {
        if (up)
            tdic_connection_unref(up);
        return setting->id.toi_id != TCP_SOCKET_NODELAY ? TDI_INVALID_REQUEST : TDI_INVALID_PARAMETER;
    }
    if (!up)
        return TDI_INVALID_CONNECTION;
    struct tcpip_connection *connection = CONTAINING_RECORD(up, struct tcpip_connection, up);
    tcpip_enter(&call);
    if (connection->tcp) {
        tcp_query(connection->tcp, call.now_us, &record);
        record.cached.flags &= ~(uint32_t)TCP_CACHED_NAGLE;
        record.cached.flags |= setting->value ? 0 : TCP_CACHED_NAGLE;
        error = tcp_update(connection->tcp, &record.cached, call.now_us, &call.segments);
    } else if (connection->offload) {
        // It comes back with the option set: a target would be asked to update its own copy, which is more calls for less.
        ULONG flags = connection->offload->record.cached.flags & ~(ULONG)TCP_CACHED_NAGLE;
        connection->offload->record.cached.flags = flags | (setting->value ? 0 : TCP_CACHED_NAGLE);
        tcpip_chimney_come(connection);
        error = 0;
    }
    tcpip_leave(&call);
    tdic_connection_unref(up);
    return tcpip_status_of(error);
}

static NTSTATUS
set_capture(PIRP irp, const IO_STACK_LOCATION *stack, struct setting *setting)
{
    const ULONG head = FIELD_OFFSET(TCP_REQUEST_SET_INFORMATION_EX, Buffer);
    const UCHAR *in = irp->AssociatedIrp.SystemBuffer;
    ULONG bytes = stack->Parameters.DeviceIoControl.InputBufferLength;
    if (!in || bytes < head)
        return TDI_INVALID_PARAMETER;
    memcpy(&setting->id, in, sizeof setting->id);
    memcpy(&setting->count, in + FIELD_OFFSET(TCP_REQUEST_SET_INFORMATION_EX, BufferSize), sizeof setting->count);
    setting->bytes = in + head;
    if (setting->count > bytes - head)
        return TDI_INVALID_PARAMETER;
    memcpy(&setting->value, setting->bytes, min(setting->count, sizeof setting->value));
    return STATUS_SUCCESS;
}

static NTSTATUS
set(struct tdic_device *device, PIRP irp, const IO_STACK_LOCATION *stack)
{
    struct setting setting = {0};
    NTSTATUS status = set_capture(irp, stack, &setting);
    const TDIObjectID *id = &setting.id;
    ULONG entity = id->toi_entity.tei_entity;
    if (NT_SUCCESS(status)) {
        status = TDI_INVALID_REQUEST;
        if (id->toi_class != INFO_CLASS_PROTOCOL)
            status = TDI_INVALID_REQUEST;
        else if (id->toi_type == INFO_TYPE_PROVIDER && entity == CL_NL_ENTITY && id->toi_id == IP_MIB_ROUTETABLE_ENTRY_ID)
            status = set_route(device, &setting);
        else if (id->toi_type == INFO_TYPE_ADDRESS_OBJECT && (entity == CL_TL_ENTITY || entity == CL_NL_ENTITY))
            status = set_address(stack->FileObject, &setting);
        else if (id->toi_type == INFO_TYPE_CONNECTION && entity == CO_TL_ENTITY)
            status = set_connection(stack->FileObject, &setting);
    }
    if (!NT_SUCCESS(status))
        refused("a setting", id, status);
    return control_done(irp, status, 0);
}

NTSTATUS
tcpip_op_control(struct tdic_device *device, PIRP irp)
{
    const IO_STACK_LOCATION *stack = IoGetCurrentIrpStackLocation(irp);
    ULONG code = stack->Parameters.DeviceIoControl.IoControlCode;
    if (code == IOCTL_TCP_QUERY_INFORMATION_EX)
        return query(device, irp, stack);
    if (code == IOCTL_TCP_SET_INFORMATION_EX)
        return set(device, irp, stack);
    if (code == IOCTL_NBX_TCPIP_CHIMNEY) {
        NTSTATUS status = tcpip_chimney_control(irp, stack);
        return control_done(irp, status, NT_SUCCESS(status) ? sizeof(NBX_TCPIP_CHIMNEY) : 0);
    }
    if (code == IOCTL_NBX_RNIC_OPEN) {
        ULONG bytes = 0;
        NTSTATUS status = tcpip_rnic_control(irp, stack, &bytes);
        return control_done(irp, status, bytes);
    }
    DbgPrint("tcpip: device control 0x%08x is refused (0x%08x)\n", code, STATUS_INVALID_DEVICE_REQUEST);
    return control_done(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
}

// ---- TDI_QUERY_INFORMATION ------------------------------------------------------------------------------------------------------

// A TRANSPORT_ADDRESS of all that fit; *bytes is what all would take.
struct list_of_addresses {
    UCHAR *out;
    ULONG room, bytes;
    LONG count;
};

static VOID
list_add(struct list_of_addresses *list, USHORT type, const VOID *address, USHORT bytes)
{
    TA_ADDRESS head = {.AddressLength = bytes, .AddressType = type};
    const ULONG head_bytes = FIELD_OFFSET(TA_ADDRESS, Address);
    if (list->bytes + head_bytes + bytes <= list->room) {
        memcpy(list->out + list->bytes, &head, head_bytes);
        memcpy(list->out + list->bytes + head_bytes, address, bytes);
        list->count++;
    }
    list->bytes += head_bytes + bytes;
}

static VOID
list_networks(struct list_of_addresses *list, UCHAR family)
{
    struct net_address own;
    for (size_t n = 0; net_address_at(tcpip_host.net, n, &own); n++) {
        union tcpip_ta ta;
        if (own.address.family != family || own.interface_index == NET_LOOPBACK || own.state == NET_ADDRESS_DUPLICATE)
            continue;
        tcpip_address_to(&ta, &own.address, 0, own.interface_index);
        const TA_ADDRESS *one = (const TA_ADDRESS *)ta.list.Address;
        list_add(list, one->AddressType, one->Address, one->AddressLength);
    }
}

static VOID
list_links(struct list_of_addresses *list)
{
    for (ULONG i = NET_LOOPBACK + 1; i < NET_INTERFACES_MAX; i++) {
        const struct net_interface_settings *settings = net_interface_settings_of(tcpip_host.net, i);
        if (settings)
            list_add(list, TDI_ADDRESS_TYPE_8022, settings->link_address, sizeof settings->link_address);
    }
}

static NTSTATUS
query_connection(struct tdic_connection *up, TDI_CONNECTION_INFO *info)
{
    struct tcpip_connection *connection = CONTAINING_RECORD(up, struct tcpip_connection, up);
    struct tcpip_call call;
    struct tcp_record record;
    struct tcp_info now;
    tcpip_enter(&call);
    if (connection->tcp) {
        tcp_info(connection->tcp, &now);
        tcp_query(connection->tcp, call.now_us, &record);
        info->ReceiveBufferSize = record.cached.initial_rcv_wnd;
        info->Delay.QuadPart = -(LONGLONG)(now.srtt_us * 10); // UNSURE: relative, in units of 100 ns, as TDI's other times
    }
    tcpip_leave(&call);
    return STATUS_SUCCESS;
}

NTSTATUS
tcpip_op_query(struct tdic_device *device, ULONG type, struct tdic_address *address, struct tdic_connection *connection, PVOID out,
               ULONG *bytes)
{
    UCHAR family = (UCHAR)(ULONG_PTR)tdic_device_below(device);
    struct list_of_addresses list = {.out = out, .room = *bytes, .bytes = FIELD_OFFSET(TRANSPORT_ADDRESS, Address)};
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(address);
    if (type == TDI_QUERY_CONNECTION_INFO && connection)
        return query_connection(connection, out);
    BOOLEAN has_broadcast = family == ENG_IP4 && !tdic_device_is_stream(device);
    if (type == TDI_QUERY_BROADCAST_ADDRESS && has_broadcast) {
        struct eng_address all = eng_address4("\xFF\xFF\xFF\xFF");
        union tcpip_ta ta;
        *bytes = tcpip_address_to(&ta, &all, 0, 0);
        memcpy(out, &ta, *bytes);
        return STATUS_SUCCESS;
    }
    if (type != TDI_QUERY_NETWORK_ADDRESS && type != TDI_QUERY_DATA_LINK_ADDRESS) {
        DbgPrint("tcpip: TDI_QUERY_INFORMATION of type 0x%x is refused (0x%08x)\n", type, TDI_INVALID_QUERY);
        return TDI_INVALID_QUERY;
    }
    tcpip_enter(&call);
    if (type == TDI_QUERY_NETWORK_ADDRESS)
        list_networks(&list, family);
    else
        list_links(&list);
    tcpip_leave(&call);
    memcpy(out, &list.count, sizeof list.count);
    *bytes = list.bytes;
    return STATUS_SUCCESS;
}

NTSTATUS
tcpip_op_set(struct tdic_device *device, ULONG type, struct tdic_address *address, struct tdic_connection *connection, const VOID *in,
             ULONG bytes)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(address);
    UNREFERENCED_PARAMETER(connection);
    UNREFERENCED_PARAMETER(in);
    UNREFERENCED_PARAMETER(bytes);
    // What may be set here is set by IOCTL_TCP_SET_INFORMATION_EX: of the types of TDI_SET_INFORMATION no page says one that does more.
    DbgPrint("tcpip: TDI_SET_INFORMATION of type 0x%x is refused (0x%08x)\n", type, TDI_INVALID_REQUEST);
    return TDI_INVALID_REQUEST;
}
