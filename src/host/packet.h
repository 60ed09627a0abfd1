// SPDX-License-Identifier: MIT
// An AF_PACKET socket on one interface: raw frames with the virtio-net header of 10 bytes before each [packet(7)], many with one
// system call, promiscuous while open, deaf to what it sends itself.
#ifndef NBX_HOST_PACKET_H
#define NBX_HOST_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { PACKET_BATCH = 64 };

struct packet {
    int fd;
    char name[16];
    uint32_t mtu_bytes;
    uint64_t bits_per_second;    // as the driver says; 0: unknown
    struct packet_vectors *vectors;
};

struct packet_in {               // one frame to receive
    void *header;                // 10 bytes
    void *buffer;
    uint32_t capacity_bytes;
    uint32_t bytes;              // out: of the frame; more than capacity_bytes: it was cut off
    bool has_vlan;               // out: the kernel took a tag out of the frame
    uint16_t vlan_tpid, vlan_tci;
};

struct packet_out {              // one frame to send; the first piece is the header
    struct iovec *iov;
    uint32_t iov_count;
};

// owns: fills packet; packet_close releases. fails: -errno with a sentence for the user in error.
int packet_open(struct packet *packet, const char *name, char *error, size_t error_bytes);
void packet_close(struct packet *packet);

// 1: the interface is up and running, 0: it is not, -ENODEV: the interface that was bound is gone.
int packet_look(struct packet *packet);
// Bind to the interface that has the name now. fails: -errno.
int packet_rebind(struct packet *packet);
// Take the socket's pending error away, so that it can be waited for again; what it was about is found by packet_look.
void packet_error_clear(struct packet *packet);
// Frames that the kernel dropped for want of room since the last call.
uint32_t packet_drops(struct packet *packet);

// Up to PACKET_BATCH frames. Return how many, or -errno (-EAGAIN: none there, no room).
int packet_receive(struct packet *packet, struct packet_in *in, uint32_t count);
int packet_send(struct packet *packet, const struct packet_out *out, uint32_t count);

#endif
