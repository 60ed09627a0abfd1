// SPDX-License-Identifier: MIT
// What RNICs have of us (rnic.c): the calls of include/nbx/rnic.h, and the ports that are theirs.
#ifndef TCPIP_RNIC_H
#define TCPIP_RNIC_H

#include "tcpip.h"

#define RNIC_PORT_BUCKETS 2048u               // a few thousand ports are held while connections end by themselves

// An RNIC: its interface, what it waits for, its ports. Guarded by host->lock.
struct tcpip_rnic {
    LIST_ENTRY link;                          // in host->rnics
    struct tcpip_news news;
    NET_IFINDEX if_index;
    PVOID context;
    VOID(NTAPI *on_change)(PVOID context);
    ULONG64 generation;                       // of the engine, that it was told of
    BOOLEAN has_changed;
    LIST_ENTRY waiting, done;                 // struct rnic_wait: requests
    LIST_ENTRY ports[RNIC_PORT_BUCKETS];      // struct rnic_port, by port
    LONG refs;                                // ours, and while it has news; changed under host->lock or after it is closed
    KEVENT idle;                              // refs are 0
};

VOID tcpip_rnic_init(struct tcpip_host *host);
// Requests that are answered now, changes: whoever they are for has news. Once for each call.   locks: host->lock held
VOID tcpip_rnic_look(struct tcpip_host *host, struct tcpip_call *call);
// Does an RNIC have this port, of this address or of one that overlaps with it?   locks: host->lock held
BOOLEAN tcpip_rnic_has_port(const struct eng_address *local, USHORT port);
// IOCTL_NBX_RNIC_OPEN. *bytes: of the answer. fails: rnic.h   irql: PASSIVE
NTSTATUS tcpip_rnic_control(PIRP irp, const IO_STACK_LOCATION *stack, ULONG *bytes);

#endif
