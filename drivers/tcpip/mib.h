// SPDX-License-Identifier: MIT
// The management information base: what query.c asks mib.c for. Each function fills whole rows into an answer, with host->lock held, and
// adds to `wanted` what does not fit.
#ifndef TCPIP_MIB_H
#define TCPIP_MIB_H

#include "connection.h"
#include "counts.h"

#include <ipmib.h>
#include <tcpioctl.h>
#include <tcpmib.h>
#include <tdiinfo.h>
#include <udpmib.h>

struct tcpip_answer {
    TDIObjectID id;
    UCHAR context[CONTEXT_SIZE];
    UCHAR family;                         // of the device that was asked
    uint64_t now_us;
    UCHAR *bytes;                         // room for as much as the client has
    ULONG room, used, wanted;
    struct tdic_device *udp4, *udp6;      // whose counters are asked for
};

// Is there such an entity?
BOOLEAN tcpip_mib_has(const struct tcpip_answer *answer, const TDIEntityID *entity);
NTSTATUS tcpip_mib_entities(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_entity_type(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_interface(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_interface_of(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_ip(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_addresses(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_routes(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_neighbours(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_tcp(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_connections(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_udp(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_listeners(struct tcpip_answer *answer);
NTSTATUS tcpip_mib_counts(struct tcpip_answer *answer);

// entry.c: \Device\Udp or \Device\Udp6
struct tdic_device *tcpip_udp_device(UCHAR family);

#endif
