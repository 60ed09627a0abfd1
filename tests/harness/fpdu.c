// SPDX-License-Identifier: MIT
// See fpdu.h. Written from the RFCs and not from the engine, so that both cannot be wrong in the same way.
#include "harness/fpdu.h"

#include <string.h>

#include "base/bytes.h"

uint32_t
crc_by_bits(const uint8_t *bytes, size_t count)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
    }
    return ~crc;
}

size_t
fpdu_make(uint8_t *to, const uint8_t *ulpdu, size_t count)
{
    size_t pad = -(2 + count) & 3, covered = 2 + count + pad;
    bytes_store_be16(to, (uint16_t)count);
    memcpy(to + 2, ulpdu, count);
    memset(to + 2 + count, 0, pad);
    bytes_store_le32(to + covered, crc_by_bits(to, covered));
    return covered + 4;
}

size_t
tagged_make(uint8_t *to, bool is_last, uint8_t opcode, uint32_t tag, uint64_t offset)
{
    to[0] = is_last ? 0xC1 : 0x81;
    to[1] = 0x40 | opcode;
    bytes_store_be32(to + 2, tag);
    bytes_store_be64(to + 6, offset);
    return 14;
}

size_t
untagged_make(uint8_t *to, bool is_last, uint8_t opcode, uint32_t queue, uint32_t sequence, uint32_t offset)
{
    to[0] = is_last ? 0x41 : 0x01;
    to[1] = 0x40 | opcode;
    bytes_store_be32(to + 2, 0);
    bytes_store_be32(to + 6, queue);
    bytes_store_be32(to + 10, sequence);
    bytes_store_be32(to + 14, offset);
    return 18;
}

size_t
request_make(uint8_t *to, bool is_reply, uint8_t flags, uint8_t revision, const void *private_bytes, uint16_t count)
{
    memcpy(to, is_reply ? "MPA ID Rep Frame" : "MPA ID Req Frame", 16);
    to[16] = flags;
    to[17] = revision;
    bytes_store_be16(to + 18, count);
    if (count)
        memcpy(to + 20, private_bytes, count);
    return 20u + count;
}
