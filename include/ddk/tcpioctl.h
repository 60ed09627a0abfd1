// SPDX-License-Identifier: MIT
// What a TCP/IP transport tells through IOCTL_TCP_QUERY_INFORMATION_EX and is told through IOCTL_TCP_SET_INFORMATION_EX: ids of objects
// (tdiinfo.h has entities, classes and types) and the structures that come back.
//
// Source: the pages of tcpioctl.h in the Windows SDK's documentation (IOCTL_TCP_QUERY_INFORMATION_EX, IFEntry, IPSNMPInfo, IPAddrEntry,
// IPInterfaceInfo); the public-domain tcpioctl.h of ReactOS for the values; RFC 1213 for the order of a route's fields. Rows of TCP, UDP
// and ARP tables are those of tcpmib.h, udpmib.h and ipmib.h.
#ifndef NBX_DDK_TCPIOCTL_H
#define NBX_DDK_TCPIOCTL_H

#include "devioctl.h"
#include "ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DD_TCP_DEVICE_NAME L"\\Device\\Tcp"

#define FSCTL_TCP_BASE FILE_DEVICE_NETWORK
#define _TCP_CTL_CODE(function, method, access) CTL_CODE(FSCTL_TCP_BASE, function, method, access)
#define IOCTL_TCP_QUERY_INFORMATION_EX _TCP_CTL_CODE(0, METHOD_NEITHER, FILE_ANY_ACCESS)
#define IOCTL_TCP_SET_INFORMATION_EX _TCP_CTL_CODE(1, METHOD_BUFFERED, FILE_WRITE_ACCESS)

// toi_id
#define IF_MIB_STATS_ID 1
#define IP_MIB_STATS_ID 1
#define TCP_MIB_STAT_ID 1
#define UDP_MIB_STAT_ID 1
#define IP_MIB_ARPTABLE_ENTRY_ID 0x101       // of an AT entity
#define IP_MIB_ROUTETABLE_ENTRY_ID 0x101     // of a CL_NL entity
#define TCP_MIB_TABLE_ID 0x101
#define UDP_MIB_TABLE_ID 0x101
#define IP_MIB_ADDRTABLE_ENTRY_ID 0x102
#define IP_INTFC_INFO_ID 0x103

// toi_id of INFO_TYPE_ADDRESS_OBJECT
#define AO_OPTION_TTL 1
#define AO_OPTION_MCASTTTL 2
#define AO_OPTION_MCASTIF 3
#define AO_OPTION_XSUM 4
#define AO_OPTION_IPOPTIONS 5
#define AO_OPTION_ADD_MCAST 6
#define AO_OPTION_DEL_MCAST 7
#define AO_OPTION_TOS 8
#define AO_OPTION_IP_DONTFRAGMENT 9
#define AO_OPTION_MCASTLOOP 10
#define AO_OPTION_BROADCAST 11
#define AO_OPTION_IP_HDRINCL 12

// toi_id of INFO_TYPE_CONNECTION
#define TCP_SOCKET_NODELAY 1

#define MAX_PHYSADDR_SIZE 8

// An interface; followed by its description, if_descrlen characters and a 0.
typedef struct IFEntry {
    ULONG if_index;
    ULONG if_type;
    ULONG if_mtu;
    ULONG if_speed;
    ULONG if_physaddrlen;
    UCHAR if_physaddr[MAX_PHYSADDR_SIZE];
    ULONG if_adminstatus;
    ULONG if_operstatus;
    ULONG if_lastchange;
    ULONG if_inoctets;
    ULONG if_inucastpkts;
    ULONG if_innucastpkts;
    ULONG if_indiscards;
    ULONG if_inerrors;
    ULONG if_inunknownprotos;
    ULONG if_outoctets;
    ULONG if_outucastpkts;
    ULONG if_outnucastpkts;
    ULONG if_outdiscards;
    ULONG if_outerrors;
    ULONG if_outqlen;
    ULONG if_descrlen;
    UCHAR if_descr[1];
} IFEntry;

typedef struct IPSNMPInfo {
    ULONG ipsi_forwarding;
    ULONG ipsi_defaultttl;
    ULONG ipsi_inreceives;
    ULONG ipsi_inhdrerrors;
    ULONG ipsi_inaddrerrors;
    ULONG ipsi_forwdatagrams;
    ULONG ipsi_inunknownprotos;
    ULONG ipsi_indiscards;
    ULONG ipsi_indelivers;
    ULONG ipsi_outrequests;
    ULONG ipsi_routingdiscards;
    ULONG ipsi_outdiscards;
    ULONG ipsi_outnoroutes;
    ULONG ipsi_reasmtimeout;
    ULONG ipsi_reasmreqds;
    ULONG ipsi_reasmoks;
    ULONG ipsi_reasmfails;
    ULONG ipsi_fragoks;
    ULONG ipsi_fragfails;
    ULONG ipsi_fragcreates;
    ULONG ipsi_numif;
    ULONG ipsi_numaddr;
    ULONG ipsi_numroutes;
} IPSNMPInfo;

typedef struct IPAddrEntry {
    ULONG iae_addr;
    ULONG iae_index;
    ULONG iae_mask;
    ULONG iae_bcastaddr;
    ULONG iae_reasmsize;
    USHORT iae_context;
    USHORT iae_pad;
} IPAddrEntry;

// Followed by the rest of the address, iii_addrlength bytes.
typedef struct IPInterfaceInfo {
    ULONG iii_flags;
    ULONG iii_mtu;
    ULONG iii_speed;
    ULONG iii_addrlength;
    UCHAR iii_addr[1];
} IPInterfaceInfo;

#define IP_INTFC_FLAG_P2P 1
#define IP_INTFC_FLAG_P2MP 2
#define IP_INTFC_FLAG_UNIDIRECTIONAL 4

// ipRouteEntry of RFC 1213, field by field.
typedef struct IPRouteEntry {
    ULONG ire_dest;
    ULONG ire_index;
    ULONG ire_metric1;
    ULONG ire_metric2;
    ULONG ire_metric3;
    ULONG ire_metric4;
    ULONG ire_nexthop;
    ULONG ire_type;
    ULONG ire_proto;
    ULONG ire_age;
    ULONG ire_mask;
    ULONG ire_metric5;
    ULONG ire_context;
} IPRouteEntry;

// ire_type, ire_proto
#define IRE_TYPE_OTHER 1
#define IRE_TYPE_INVALID 2
#define IRE_TYPE_DIRECT 3
#define IRE_TYPE_INDIRECT 4
#define IRE_PROTO_OTHER 1
#define IRE_PROTO_LOCAL 2
#define IRE_PROTO_NETMGMT 3
#define IRE_PROTO_ICMP 4
#define IRE_METRIC_UNUSED 0xFFFFFFFF

// ---- Ours -------------------------------------------------------------------------------------------------------------------------
// Which connections go to their adapter's offload target and which come back: Windows keeps that to itself. On any file of \Device\Tcp or
// \Device\Tcp6: an NBX_TCPIP_CHIMNEY in, and out with Count.
#define IOCTL_NBX_TCPIP_CHIMNEY _TCP_CTL_CODE(0xC00, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define NBX_TCPIP_CHIMNEY_OFFLOAD 0 // hand over; comes back before they are gone
#define NBX_TCPIP_CHIMNEY_UPLOAD 1  // take back; comes back before they are here
#define NBX_TCPIP_CHIMNEY_COUNT 2   // how many are away
typedef struct _NBX_TCPIP_CHIMNEY {
    ULONG Verb;
    USHORT LocalPort, RemotePort; // host order; 0: any
    ULONG States;                 // of those to hand over: a bit for each TCP_OFFLOAD_CONNECTION_STATE; 0: any
    ULONG Count;                  // out: to how many it was done
} NBX_TCPIP_CHIMNEY;

#ifdef __cplusplus
}
#endif

#endif
