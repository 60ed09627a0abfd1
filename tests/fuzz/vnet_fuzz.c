// SPDX-License-Identifier: MIT
// libFuzzer on the virtio-net header: what is accepted lies within the frame, and survives the way out and in again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/vnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vnet_header header, again;
    struct port_offload offload, offload_again;
    if (size < VNET_HEADER_BYTES || size > 65600)
        return 0;
    uint32_t bytes = (uint32_t)size - VNET_HEADER_BYTES;
    memcpy(&header, data, VNET_HEADER_BYTES);
    if (!vnet_decode(&header, data + VNET_HEADER_BYTES, bytes, &offload))
        return 0;
    if (offload.flags & PORT_CSUM_NEEDED && (uint32_t)offload.csum_start + offload.csum_offset + 2 > bytes)
        abort();
    if (offload.gso != PORT_GSO_NONE && (offload.header_bytes > bytes || !offload.gso_bytes || !(offload.flags & PORT_CSUM_NEEDED)))
        abort();
    offload.flags &= (uint8_t)~PORT_CSUM_VALID;          // says nothing on the way out
    vnet_encode(&offload, &again);
    if (!vnet_decode(&again, data + VNET_HEADER_BYTES, bytes, &offload_again) || memcmp(&offload, &offload_again, sizeof(offload)))
        abort();
    return 0;
}
