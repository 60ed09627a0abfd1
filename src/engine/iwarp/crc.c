// SPDX-License-Identifier: MIT
// CRC32C by isa-l, over one piece or over spans. isa-l takes an int for the length, so what is longer goes in slices; it neither writes
// to the bytes nor keeps anything, although its prototype does not say so.
#include "engine/iwarp/crc.h"
#include <isa-l/crc.h>

#define SLICE_BYTES (1u << 30)

uint32_t
crc_add(uint32_t crc, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    while (count) {
        size_t slice = count < SLICE_BYTES ? count : SLICE_BYTES;
        crc = crc32_iscsi((unsigned char *)(uintptr_t)at, (int)slice, crc);
        at += slice;
        count -= slice;
    }
    return crc;
}

uint32_t
crc_add_spans(uint32_t crc, const struct eng_span *spans, size_t n_spans, size_t offset_bytes, size_t count)
{
    for (size_t i = 0; i < n_spans && count; i++) {
        if (offset_bytes >= spans[i].count) {
            offset_bytes -= spans[i].count;
            continue;
        }
        size_t piece = spans[i].count - offset_bytes;
        if (piece > count)
            piece = count;
        crc = crc_add(crc, spans[i].bytes + offset_bytes, piece);
        count -= piece;
        offset_bytes = 0;
    }
    return crc;
}
