// SPDX-License-Identifier: MIT
// Frames for a virtual NIC: how a miniport (or a protocol that shows an adapter elsewhere) plugs into a port of the box.
//
//   nbx_port_open -> nbx_port_start -> on_rx, on_tx_ready, on_link arrive -> nbx_port_close
//
// The upcalls come at DISPATCH_LEVEL, on a processor of the box, as a NIC's DPC would; on_rx is not called again before it has
// returned. Sending is synchronous: when nbx_port_tx returns, the bytes of the frames that it took may be reused. What it did not
// take stays the caller's, and on_tx_ready follows. These functions have the platform's own calling convention, not NTAPI.
// Which ports there are and how they are spelled: ndisbox-stack(5).
#ifndef NBX_PORT_H
#define NBX_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum port_gso { PORT_GSO_NONE, PORT_GSO_TCP4, PORT_GSO_TCP6 };

enum port_offload_flags {
    PORT_CSUM_NEEDED = 1,        // tx: the checksum at csum_start + csum_offset is the pseudo-header sum only; rx: not checked, partial
    PORT_CSUM_VALID = 2,         // rx: verified below
    PORT_GSO_ECN = 4
};

struct port_offload {
    uint8_t flags;
    uint8_t gso;                 // enum port_gso
    uint16_t header_bytes;       // Ethernet to the end of TCP; only with gso
    uint16_t gso_bytes;          // payload bytes of each segment; only with gso
    uint16_t csum_start;         // bytes from the start of the frame
    uint16_t csum_offset;        // bytes from csum_start
};

struct port_frame {              // one frame going out
    const struct iovec *iov;
    uint32_t iov_count;
    uint32_t bytes;              // sum over iov
    struct port_offload offload;
    bool has_addresses;          // behind IP there are, or may be, addresses of this process, which no seed decides: RDMA's frames
    uint64_t digest;             // then: of what else is behind IP; for ports that say is_traced
};

struct port_slot {               // one empty buffer, filled by port_rx
    void *buffer;
    uint32_t capacity_bytes;
    uint32_t bytes;              // out: length of the frame
    struct port_offload offload; // out
};

struct port_upcalls {
    void (*on_rx)(void *context);                               // frames wait; call port_rx until it gives 0
    void (*on_tx_ready)(void *context);                         // port_tx had taken fewer than offered; room again
    void (*on_link)(void *context, bool up, uint64_t bits_per_second);
};

struct port_caps {
    uint32_t max_frame_bytes;    // without gso, Ethernet header included; a VLAN tag of 4 bytes may come on top, as with the next
    uint32_t max_gso_bytes;      // 0: no gso
    bool tx_csum, rx_csum, gso4, gso6;
    bool link_up;                // at open
    bool is_traced;              // what is sent goes into a seed's trace
    uint64_t bits_per_second;
};

struct port_stats {
    uint64_t tx_frames, tx_bytes, tx_dropped, rx_frames, rx_bytes, rx_dropped, duplicated, reordered, corrupted;
};
// Every frame that port_tx took is in tx_frames or in tx_dropped, never in both. On a wire of two ports, once nothing is under way:
// peer's rx_frames + rx_dropped == our tx_frames + duplicated. The last three count on the side of the sender.

struct nbx_port;

// Open the port of this text ("tap:nb0"). Nothing is called before nbx_port_start.
// irql: PASSIVE   owns: *out is the caller's until nbx_port_close
// fails: -errno, with a sentence for the user in error: what is missing and what to do instead
int nbx_port_open(const char *spec, const struct port_upcalls *upcalls, void *context, struct nbx_port **out, char *error,
                  size_t error_bytes);
// What the driver takes when it receives, all of it unless said otherwise before nbx_port_start: frames whose checksum is only the
// pseudo-header's sum; super-segments (not without the first). What it does not take arrives finished, cut into segments.
// irql: PASSIVE   fails: -ENOMEM
int nbx_port_rx_accept(struct nbx_port *port, bool csum, bool gso4, bool gso6);
void nbx_port_start(struct nbx_port *port);
// Stops the upcalls, waits for one that runs, frees. irql: PASSIVE
void nbx_port_close(struct nbx_port *port);

void nbx_port_caps(const struct nbx_port *port, struct port_caps *caps);
void nbx_port_stats(const struct nbx_port *port, struct port_stats *stats);
// How many frames were taken, 0 to count. One sender at a time. irql: <= DISPATCH
uint32_t nbx_port_tx(struct nbx_port *port, const struct port_frame *frames, uint32_t count);
// How many slots were filled. One receiver at a time. irql: <= DISPATCH
uint32_t nbx_port_rx(struct nbx_port *port, struct port_slot *slots, uint32_t count);
// Buffers are there again after on_rx was left early: call it again soon. irql: <= DISPATCH
void nbx_port_rx_again(struct nbx_port *port);
/* For a driver whose own users spin: look for frames without being called. While it is called at least once a millisecond no frame raises
 * on_rx by itself; TRUE: something may have come, so receive it, one receiver at a time (on_rx may come all the same). FALSE: nothing, or
 * this port cannot be looked at so; then on_rx comes as ever. irql: <= DISPATCH   locks: takes none */
bool nbx_port_poll(struct nbx_port *port);
// That was the last call for now; without it, on_rx comes again after two milliseconds. irql: <= DISPATCH
void nbx_port_poll_end(struct nbx_port *port);
// A number below bound from the box's seeded stream: completion order and the like. irql: any
uint64_t nbx_port_draw(uint64_t bound);

#endif
