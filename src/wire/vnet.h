// SPDX-License-Identifier: MIT
// The virtio-net header [VIRTIO 1.2, 5.1.6] that TAP and packet sockets put before a frame, and its translation from and to
// struct port_offload.
#ifndef NBX_WIRE_VNET_H
#define NBX_WIRE_VNET_H

#include "wire/port.h"

enum { VNET_HEADER_BYTES = 10 };

struct vnet_header {                        // little-endian
    uint8_t flags, gso_type;
    uint16_t header_bytes, gso_bytes, csum_start, csum_offset;
};

void vnet_encode(const struct port_offload *offload, struct vnet_header *header);

// Check what came with a frame and translate it. The header length is read from the TCP header, because the field is only a hint
// [VIRTIO 1.2, 5.1.6.4]. Returns false for what the frame cannot be, or a kind of segmentation that we never asked for.
bool vnet_decode(const struct vnet_header *header, const uint8_t *frame, uint32_t bytes, struct port_offload *offload);

#endif
