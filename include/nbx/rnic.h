// SPDX-License-Identifier: MIT
// What the connection manager of an RNIC asks of the host's transport (tcpip): which addresses its interface has, the way to a peer down to
// the link address of the next hop, and TCP ports that the host leaves to it. OURS: on Windows the two speak by means that no page tells.
//
//   nbx_rnic_open -> port_take -> resolve (may pend) -> ... confirm, doubt ... -> port_give -> nbx_rnic_close
//
// The RNIC has a TCP of its own and builds its own frames; ARP, ND, ICMP and routes stay the host's. It opens the transport's device
// when it is first needed and not before (an adapter initialises before transports bind to it), and closes it before it halts: while it
// is open the transport cannot be unloaded. Without a transport nbx_rnic_open fails; an interface that no transport is bound to (yet, or
// any more) has no addresses and no routes, and on_change tells when that is different. What was taken or resolved outlives an unbind.
// Addresses are SOCKADDR_INET; sin6_scope_id and sin6_flowinfo mean nothing: an RNIC speaks on its own interface alone.
//
// Calls: irql <= DISPATCH unless said otherwise, with no lock held that a callback takes. Callbacks come at <= DISPATCH with no lock of
// the transport's held, on any thread, also from inside a call of the RNIC's. A call may send frames of the host's (a question for a
// neighbour) and so enter the RNIC's own send handler.
#ifndef NBX_RNIC_H
#define NBX_RNIC_H

#include <devioctl.h>
#include <wdm.h>
#include <ws2ipdef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nbx_rnic;                             // the transport's record of an RNIC

// The way from an address of the interface to a peer.
struct nbx_rnic_path {
    SOCKADDR_INET local, remote;             // ports are the caller's own matter; the any address as local: one is chosen [RFC 6724]
    UCHAR own_link[6];                       // of the interface
    UCHAR next_link[6];                      // of the next hop: the peer, or a router
    ULONG mtu_bytes;                         // of an IP packet on the whole way, as far as is known
    UCHAR hop_limit;                         // for packets to it
    BOOLEAN is_on_link;                      // no router between
    BOOLEAN is_local;                        // the peer is this host: no frame leaves, and the two link addresses are 0
};

struct nbx_rnic_resolve;
typedef VOID NTAPI nbx_rnic_resolved_fn(struct nbx_rnic_resolve *request, NTSTATUS status);
struct nbx_rnic_resolve {
    struct nbx_rnic_path path;               // local and remote in; all of it out, with STATUS_SUCCESS
    nbx_rnic_resolved_fn *on_resolved;
    PVOID reserved[6];                       // the transport's
};

// Addresses, routes, neighbours or path MTUs are not what they were, of this interface or of another: ask path_now and addresses again.
// Several changes may be one call; it comes after the change.
typedef VOID NTAPI nbx_rnic_change_fn(PVOID context);

struct nbx_rnic_ops {
    // The addresses of the interface that may be used now, no ports. *count: the room in entries, then how many there are.
    // fails: STATUS_BUFFER_TOO_SMALL, with as many as there is room for
    NTSTATUS(NTAPI *addresses)(struct nbx_rnic *rnic, SOCKADDR_INET *addresses, ULONG *count);

    // Find the way to a peer, asking the link for its next hop if need be.
    // owns:  takes the request while it pends: on_resolved gives it back, exactly once, unless cancel does
    // fails: STATUS_PENDING; at once or later: STATUS_INVALID_ADDRESS (local is not the interface's; remote is a group or a broadcast),
    //        STATUS_NETWORK_UNREACHABLE (no route by this interface, it is down, or local is still being probed), STATUS_HOST_UNREACHABLE
    //        (nobody answers: about three seconds, so tcpip never says it at once; one that remembers failures may),
    //        STATUS_INSUFFICIENT_RESOURCES
    NTSTATUS(NTAPI *resolve)(struct nbx_rnic *rnic, struct nbx_rnic_resolve *request);
    // TRUE: it pended, is the caller's again, and on_resolved does not come. FALSE: on_resolved has come, comes or is running.
    BOOLEAN(NTAPI *cancel)(struct nbx_rnic *rnic, struct nbx_rnic_resolve *request);
    // The same from what is known, asking nobody; for connections that exist. fails: as resolve; STATUS_HOST_UNREACHABLE: the next hop's
    // link address is not known now.
    NTSTATUS(NTAPI *path_now)(struct nbx_rnic *rnic, struct nbx_rnic_path *path);
    // The peer makes progress: its next hop is there [RFC 4861 7.3.1]. Once a few seconds is enough, and fewer than 30 are needed.
    VOID(NTAPI *confirm)(struct nbx_rnic *rnic, const struct nbx_rnic_path *path);
    // It does not (a segment is sent again): ask the next hop whether it is there. If it has gone or moved, on_change tells.
    VOID(NTAPI *doubt)(struct nbx_rnic *rnic, const struct nbx_rnic_path *path);

    // Take a TCP port of an address of the interface, or of all of them (the any address of a family). From now on the host opens no
    // address that overlaps with it; frames to it are the RNIC's. Port 0: one of 49152 to 65535. One take a port: who shares it is the
    // RNIC's own matter.
    // fails: STATUS_SHARING_VIOLATION (the host or another RNIC has it, or one of the host's connections still ends there),
    //        STATUS_TOO_MANY_ADDRESSES (port 0, and none is free), STATUS_INVALID_ADDRESS (no address of the interface),
    //        STATUS_INSUFFICIENT_RESOURCES; *address gets its port only with STATUS_SUCCESS
    NTSTATUS(NTAPI *port_take)(struct nbx_rnic *rnic, SOCKADDR_INET *address);
    // owns: gives back what port_take took, named by the same address and port. FALSE: this RNIC has no such port.
    BOOLEAN(NTAPI *port_give)(struct nbx_rnic *rnic, const SOCKADDR_INET *address);

    // Pending requests come back with STATUS_CANCELLED, ports are given back, callbacks have returned when this does. irql: PASSIVE; not
    // from a callback.
    VOID(NTAPI *close)(struct nbx_rnic *rnic);
};

// ---- opening: a request to the transport's device, from kernel mode

struct nbx_rnic_open {                       // in
    ULONG if_index;                          // NDIS_MINIPORT_INIT_PARAMETERS.IfIndex
    PVOID context;
    nbx_rnic_change_fn *on_change;           // may be NULL
};
struct nbx_rnic_opened {                     // out
    struct nbx_rnic *rnic;
    const struct nbx_rnic_ops *ops;
};
#define NBX_RNIC_DEVICE L"\\Device\\Tcp"
// fails: STATUS_INVALID_PARAMETER (lengths, an interface that another RNIC has opened), STATUS_ACCESS_DENIED (user mode),
// STATUS_INSUFFICIENT_RESOURCES
#define IOCTL_NBX_RNIC_OPEN CTL_CODE(FILE_DEVICE_NETWORK, 0xC01, METHOD_BUFFERED, FILE_ANY_ACCESS)

struct nbx_rnic_link {                       // what the RNIC keeps
    struct nbx_rnic *rnic;
    const struct nbx_rnic_ops *ops;
    PFILE_OBJECT file;
};

static inline NTSTATUS
nbx_rnic_ask(PDEVICE_OBJECT device, PFILE_OBJECT file, const struct nbx_rnic_open *open, struct nbx_rnic_opened *opened)
{
    IO_STATUS_BLOCK status = {.Information = 0};
    KEVENT done;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    PIRP irp = IoBuildDeviceIoControlRequest(IOCTL_NBX_RNIC_OPEN, device, (PVOID)(ULONG_PTR)open, sizeof *open, opened, sizeof *opened,
                                             FALSE, &done, &status);
    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    IoGetNextIrpStackLocation(irp)->FileObject = file;
    NTSTATUS result = IoCallDriver(device, irp);
    if (result == STATUS_PENDING) {
        KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
        result = status.Status;
    }
    return result;
}

// irql: PASSIVE   owns: *link is filled; nbx_rnic_close
// fails: those of the request, and STATUS_OBJECT_NAME_NOT_FOUND: there is no transport
static inline NTSTATUS
nbx_rnic_open(const struct nbx_rnic_open *open, struct nbx_rnic_link *link)
{
    static const WCHAR name[] = NBX_RNIC_DEVICE;
    UNICODE_STRING path = {sizeof name - sizeof(WCHAR), sizeof name, (PWCH)name};
    struct nbx_rnic_opened opened = {NULL, NULL};
    PDEVICE_OBJECT device;
    NTSTATUS status = IoGetDeviceObjectPointer(&path, FILE_READ_DATA, &link->file, &device);
    if (!NT_SUCCESS(status))
        return status;
    status = nbx_rnic_ask(device, link->file, open, &opened);
    link->rnic = opened.rnic;
    link->ops = opened.ops;
    if (!NT_SUCCESS(status))
        ObDereferenceObject(link->file);
    return status;
}

// irql: PASSIVE
static inline VOID
nbx_rnic_close(struct nbx_rnic_link *link)
{
    link->ops->close(link->rnic);
    ObDereferenceObject(link->file);
    link->rnic = NULL;
}

#ifdef __cplusplus
}
#endif
#endif
