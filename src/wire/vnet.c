// SPDX-License-Identifier: MIT
// Translation of the virtio-net header; see vnet.h. Everything in a header that comes from outside is checked against the frame.
#include "wire/vnet.h"

#include <endian.h>
#include <string.h>

enum { vnet_needs_csum = 1, vnet_data_valid = 2, vnet_gso_tcp4 = 1, vnet_gso_tcp6 = 4, vnet_gso_ecn = 0x80 };

void
vnet_encode(const struct port_offload *offload, struct vnet_header *header)
{
    memset(header, 0, sizeof(*header));
    if (offload->flags & PORT_CSUM_NEEDED) {
        header->flags = vnet_needs_csum;
        header->csum_start = htole16(offload->csum_start);
        header->csum_offset = htole16(offload->csum_offset);
    }
    if (offload->gso == PORT_GSO_NONE)
        return;
    header->gso_type = offload->gso == PORT_GSO_TCP4 ? vnet_gso_tcp4 : vnet_gso_tcp6;
    if (offload->flags & PORT_GSO_ECN)
        header->gso_type |= vnet_gso_ecn;
    header->header_bytes = htole16(offload->header_bytes);
    header->gso_bytes = htole16(offload->gso_bytes);
}

static bool
vnet_decode_gso(const struct vnet_header *header, const uint8_t *frame, uint32_t bytes, struct port_offload *offload)
{
    enum { tcp_offset_at = 12, tcp_header_min = 20 };
    uint8_t kind = header->gso_type & (uint8_t)~vnet_gso_ecn;
    if (kind != vnet_gso_tcp4 && kind != vnet_gso_tcp6)
        return false;
    if (!(offload->flags & PORT_CSUM_NEEDED) || (uint32_t)offload->csum_start + tcp_header_min > bytes)
        return false;
    uint32_t tcp_bytes = (frame[offload->csum_start + tcp_offset_at] >> 4) * 4u;
    uint32_t header_bytes = offload->csum_start + tcp_bytes;
    offload->gso_bytes = le16toh(header->gso_bytes);
    if (tcp_bytes < tcp_header_min || header_bytes > bytes || header_bytes > UINT16_MAX || !offload->gso_bytes)
        return false;
    offload->gso = kind == vnet_gso_tcp4 ? PORT_GSO_TCP4 : PORT_GSO_TCP6;
    offload->header_bytes = (uint16_t)header_bytes;
    if (header->gso_type & vnet_gso_ecn)
        offload->flags |= PORT_GSO_ECN;
    return true;
}

bool
vnet_decode(const struct vnet_header *header, const uint8_t *frame, uint32_t bytes, struct port_offload *offload)
{
    memset(offload, 0, sizeof(*offload));
    if (header->flags & vnet_data_valid)
        offload->flags |= PORT_CSUM_VALID;
    if (header->flags & vnet_needs_csum) {
        offload->flags |= PORT_CSUM_NEEDED;
        offload->csum_start = le16toh(header->csum_start);
        offload->csum_offset = le16toh(header->csum_offset);
        if ((uint32_t)offload->csum_start + offload->csum_offset + 2 > bytes)
            return false;
    }
    return header->gso_type == 0 || vnet_decode_gso(header, frame, bytes, offload);
}
