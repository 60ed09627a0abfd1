// SPDX-License-Identifier: MIT
// Addresses and statuses between TDI's words and the engines'. TDI_ADDRESS_IP and _IP6 hold ports and addresses in network order.
#include "connection.h"

#include <tdistat.h>

// ---- scopes: a link-local address means something only together with its link, which is named by the interface's index [RFC 4007] ----

BOOLEAN
tcpip_is_scoped(const struct eng_address *address)
{
    if (address->family != ENG_IP6)
        return FALSE;
    UCHAR reach = address->bytes[1] & 0xF; // of a group [RFC 4291 2.7]: interface-local and link-local
    return eng_address_is_multicast(address) ? reach == 1 || reach == 2 : eng_address_is_link_local(address);
}

ULONG
tcpip_scope_of(const struct eng_address *address, ULONG interface_index)
{
    if (!tcpip_is_scoped(address))
        return 0;
    // What we send to ourselves never was on a link: our own address says which one it stands for.
    return interface_index > NET_LOOPBACK ? interface_index : net_address_is_ours(tcpip_host.net, address);
}

// Is it ours on this interface? The same link-local address may be on several.
static BOOLEAN
scope_is_ours(const struct eng_address *local, ULONG scope)
{
    struct net_address own;
    for (size_t n = 0; net_address_at(tcpip_host.net, n, &own); n++)
        if (own.interface_index == scope && own.state != NET_ADDRESS_DUPLICATE && eng_address_is_equal(&own.address, local))
            return TRUE;
    return FALSE;
}

BOOLEAN
tcpip_scope_check(const struct eng_address *local, ULONG *scope)
{
    if (!tcpip_is_scoped(local))
        return TRUE;
    if (*scope)
        return eng_address_is_multicast(local) ? net_interface_settings_of(tcpip_host.net, *scope) != NULL : scope_is_ours(local, *scope);
    if (!eng_address_is_multicast(local))
        *scope = net_address_is_known(tcpip_host.net, local);
    return TRUE;
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

BOOLEAN
tcpip_address_from(const TA_ADDRESS *from, struct eng_address *address, USHORT *port, ULONG *scope)
{
    *scope = 0;
    if (from->AddressType == TDI_ADDRESS_TYPE_IP && from->AddressLength >= sizeof(TDI_ADDRESS_IP)) {
        TDI_ADDRESS_IP ip;
        memcpy(&ip, from->Address, sizeof ip);
        *address = eng_address4(&ip.in_addr);
        *port = RtlUshortByteSwap(ip.sin_port);
        return TRUE;
    }
    if (from->AddressType == TDI_ADDRESS_TYPE_IP6 && from->AddressLength >= sizeof(TDI_ADDRESS_IP6)) {
        TDI_ADDRESS_IP6 ip;
        memcpy(&ip, from->Address, sizeof ip);
        *address = eng_address6(ip.sin6_addr);
        *port = RtlUshortByteSwap(ip.sin6_port);
        *scope = tcpip_is_scoped(address) ? ip.sin6_scope_id : 0;
        return TRUE;
    }
    return FALSE;
}

BOOLEAN
tcpip_address_from_list(const TRANSPORT_ADDRESS *from, ULONG bytes, struct eng_address *address, USHORT *port,
                        ULONG *scope)
{
    const UCHAR *at = (const UCHAR *)from->Address, *end = (const UCHAR *)from + bytes;
    const ULONG head = FIELD_OFFSET(TA_ADDRESS, Address);
    if (bytes < FIELD_OFFSET(TRANSPORT_ADDRESS, Address))
        return FALSE;
    // The first that we understand [TRANSPORT_ADDRESS: a list of addresses].
    for (LONG i = 0; i < from->TAAddressCount && (SIZE_T)(end - at) >= head; i++) {
        const TA_ADDRESS *one = (const TA_ADDRESS *)at;
        USHORT length;
        memcpy(&length, &one->AddressLength, sizeof length);
        if ((SIZE_T)(end - at) - head < length)
            return FALSE;
        if (tcpip_address_from(one, address, port, scope))
            return TRUE;
        at += head + length;
    }
    return FALSE;
}

ULONG
tcpip_address_to(union tcpip_ta *to, const struct eng_address *address, USHORT port, ULONG scope)
{
    RtlZeroMemory(to, sizeof *to);
    TA_ADDRESS *one = (TA_ADDRESS *)to->list.Address;
    to->list.TAAddressCount = 1;
    if (address->family == ENG_IP4) {
        TDI_ADDRESS_IP ip = {.sin_port = RtlUshortByteSwap(port)};
        memcpy(&ip.in_addr, address->bytes, 4);
        one->AddressLength = sizeof ip;
        one->AddressType = TDI_ADDRESS_TYPE_IP;
        memcpy(one->Address, &ip, sizeof ip);
    } else {
        TDI_ADDRESS_IP6 ip = {.sin6_port = RtlUshortByteSwap(port), .sin6_scope_id = tcpip_is_scoped(address) ? scope : 0};
        memcpy(ip.sin6_addr, address->bytes, 16);
        one->AddressLength = sizeof ip;
        one->AddressType = TDI_ADDRESS_TYPE_IP6;
        memcpy(one->Address, &ip, sizeof ip);
    }
    return FIELD_OFFSET(TRANSPORT_ADDRESS, Address) + FIELD_OFFSET(TA_ADDRESS, Address) + one->AddressLength;
}

// ---- statuses -------------------------------------------------------------------------------------------------------------------

NTSTATUS
tcpip_status_of(int error)
{
    switch (error < 0 ? -error : error) {
    case 0: return STATUS_SUCCESS;
    case ENOMEM: return STATUS_INSUFFICIENT_RESOURCES;
    case EADDRINUSE: return TDI_ADDR_IN_USE;
    case EADDRNOTAVAIL: return TDI_ADDR_INVALID;
    case ENETUNREACH:
    case ENETDOWN: return TDI_DEST_NET_UNREACH;
    case EHOSTUNREACH: return TDI_DEST_HOST_UNREACH;
    case ECONNRESET: return TDI_CONNECTION_RESET;
    case ECONNABORTED: return TDI_CONNECTION_ABORTED;
    case ETIMEDOUT: return TDI_TIMED_OUT;
    case EPIPE:
    case ENOTCONN: return TDI_INVALID_CONNECTION;
    case EMSGSIZE: return TDI_BUFFER_TOO_BIG;
    case EACCES: return STATUS_ACCESS_DENIED;
    case ENOSPC: return STATUS_INSUFFICIENT_RESOURCES;
    case EDESTADDRREQ: return TDI_BAD_ADDR;
    default: return STATUS_INVALID_PARAMETER;
    }
}

NTSTATUS
tcpip_status_of_end(enum tcp_end end)
{
    switch (end) {
    case TCP_END_REFUSED: return TDI_CONN_REFUSED;
    case TCP_END_TIMED_OUT:
    case TCP_END_NO_ANSWER: return TDI_TIMED_OUT;
    case TCP_END_UNREACHABLE: return TDI_DEST_HOST_UNREACH;
    case TCP_END_ABORTED: return TDI_CONNECTION_ABORTED;
    default: return TDI_CONNECTION_RESET;
    }
}

int
tcpip_source_error(int error, const struct eng_address *source)
{
    BOOLEAN is_ours = eng_address_is_any(source) || net_address_is_known(tcpip_host.net, source);
    return error == -EADDRNOTAVAIL && is_ours ? -ENETUNREACH : error;
}

NTSTATUS
tcpip_status_of_kind(UCHAR kind)
{
    switch (kind) {
    case NET_ERROR_NETWORK: return TDI_DEST_NET_UNREACH;
    case NET_ERROR_PROTOCOL: return TDI_DEST_PROT_UNREACH;
    case NET_ERROR_PORT: return TDI_DEST_PORT_UNREACH;
    case NET_ERROR_TOO_BIG: return TDI_BUFFER_TOO_BIG;
    case NET_ERROR_TIME: return TDI_TIMED_OUT;
    case NET_ERROR_PARAMETER: return STATUS_INVALID_PARAMETER;
    default: return TDI_DEST_HOST_UNREACH;
    }
}
