// SPDX-License-Identifier: MIT
// CRC32C as MPA carries it [RFC 5044 4.4; RFC 3720 12.1, appendix B.4]: the Castagnoli polynomial, reflected, all ones at the start,
// complemented at the end, the least significant byte first on the wire. The work is done by isa-l, which picks what the processor has.
//   crc = CRC_START; crc = crc_add(crc, bytes, count) for each piece; crc_finish(crc) is what bytes_store_le32 puts on the wire
#ifndef NBX_ENGINE_IWARP_CRC_H
#define NBX_ENGINE_IWARP_CRC_H

#include "engine/engine.h"

#define CRC_START 0xFFFFFFFFu

uint32_t crc_add(uint32_t crc, const void *bytes, size_t count);

// Over count bytes from offset_bytes of a run of spans, which must be there.
uint32_t crc_add_spans(uint32_t crc, const struct eng_span *spans, size_t n_spans, size_t offset_bytes, size_t count);

static inline uint32_t
crc_finish(uint32_t crc)
{
    return ~crc;
}

#endif
