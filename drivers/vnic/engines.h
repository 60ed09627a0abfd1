// SPDX-License-Identifier: MIT
// What the two TCP engines in vnic share, the offload target (toe) and the RDMA provider: received buffers that an engine keeps, and an
// engine's packets on their way to the port.
//   keep.c   vnic_slots_take: each slot of a batch is shown to an engine; a buffer whose bytes it keeps leaves the receiver, and comes back
//            when its owner's last hold goes (vnic_keeper_return)
//   down.c   vnic_down_head: IP and Ethernet headers; vnic_down_push, vnic_down_flush: frames straight from the owners' bytes
// An engine's lock guards its vnic_down, its vnic_keeper, and the vnic_kept of the buffers that it has. tx->lock and rx->lock are taken
// under it, one at a time.
#ifndef VNIC_ENGINES_H
#define VNIC_ENGINES_H

#include "vnic.h"

#include "engine/engine.h"

#define VNIC_DOWN_BATCH 32                // frames for the port at a time
#define VNIC_DOWN_STUCK_US 5000000        // the port takes nothing for so long: what waits is lost
#define VNIC_IP_ID 0x8000                 // identifications from here on are the adapter's own, those below its host's

// ---- keep.c -----------------------------------------------------------------------------------------------------------------------

struct vnic_keeper {
    struct vnic_adapter *adapter;
    NET_BUFFER_LIST *to_return;
    ULONG to_return_count;
};

// A receive buffer while an engine looks at it, or has it.
struct vnic_kept {
    struct eng_owner owner;
    struct vnic_keeper *keeper;
    NET_BUFFER_LIST *nbl;
    BOOLEAN is_slot;                      // being looked at: it stays a slot when nobody keeps it
    BOOLEAN is_free;
};

// One for each receive buffer; a second call does nothing. vnic_rx_destroy frees them. fails: NDIS_STATUS_RESOURCES
NDIS_STATUS vnic_kept_create(struct vnic_adapter *adapter);

// TRUE: the engine has the frame, or threw it away; else it goes on. owner: NULL when buffers are scarce and bytes are to be copied.
typedef BOOLEAN vnic_take_fn(void *context, const struct port_slot *slot, struct eng_owner *owner);
// Show the slots [0, got), which are filled, to an engine; returns how many are left, in front. The others that may be used again
// follow. irql: DISPATCH   locks: the engine's held
ULONG vnic_slots_take(struct vnic_adapter *adapter, ULONG got, struct vnic_keeper *keeper, vnic_take_fn *take, void *context);
// Buffers whose last hold has gone. irql: DISPATCH   locks: the engine's held
VOID vnic_keeper_return(struct vnic_keeper *keeper);

// What stands before TCP in a frame, into *in. FALSE: not a segment that an engine looks at. *fragment: of an IPv4 packet that was cut.
BOOLEAN vnic_segment_parse(const UCHAR *frame, ULONG bytes, const struct port_offload *offload, struct eng_in *in, BOOLEAN *fragment);

// ---- down.c -----------------------------------------------------------------------------------------------------------------------

struct vnic_down {
    struct vnic_adapter *adapter;
    struct eng_out_pool *pool;
    struct list to_send;                  // struct eng_out with all its headers
    ULONG64 pushed, left;                 // packets ever pushed, and those of them that have gone
    ULONG64 stuck_us;                     // when what waits is given up; ENG_NEVER: nothing waits
    USHORT ip_id;
    BOOLEAN has_addresses;                // what is sent has addresses of this process in it (struct port_frame)
    uint64_t digest;                      // then: of all that was framed so far, but for those
    struct port_frame frames[VNIC_DOWN_BATCH];
    struct iovec iov[VNIC_DOWN_BATCH * (1 + ENG_OUT_SPANS)];
};

VOID vnic_down_init(struct vnic_down *down, struct vnic_adapter *adapter, struct eng_out_pool *pool);
// What of a path the port decides: checksums and large sends.
struct tcp_path;
VOID vnic_down_path(const struct vnic_adapter *adapter, uint8_t family, struct tcp_path *path);
// Headers before TCP's: IP, and Ethernet to this address with this tag (0: none). FALSE: there is no room for them.
BOOLEAN vnic_down_head(struct vnic_down *down, struct eng_out *out, const UCHAR mac[VNIC_MAC_BYTES], ULONG tag);
ULONG vnic_down_pieces(const struct eng_out *out);      // segments that it becomes on the wire
VOID vnic_down_push(struct vnic_down *down, struct eng_out *out);
// To the port, as far as it takes them; how many went. The cable must not be out. irql: DISPATCH   calls: the port
ULONG vnic_down_flush(struct vnic_down *down, uint64_t now_us);
// Take the first of what waits back, NULL: there is none. The caller puts it into the pool.
struct eng_out *vnic_down_pop(struct vnic_down *down);

#endif
