// SPDX-License-Identifier: MIT
// MPA, DDP and RDMAP written by hand [RFC 5044 4, RFC 5041 4, RFC 5040 4]: what a peer that is no engine of ours puts on the wire.
#ifndef NBX_TESTS_FPDU_H
#define NBX_TESTS_FPDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// CRC32C, bit by bit.
uint32_t crc_by_bits(const uint8_t *bytes, size_t count);
// An FPDU around a ULPDU: length, pad, CRC; no markers. Each of these says how many bytes it has written.
size_t fpdu_make(uint8_t *to, const uint8_t *ulpdu, size_t count);
// The head of a tagged or untagged DDP segment.
size_t tagged_make(uint8_t *to, bool is_last, uint8_t opcode, uint32_t tag, uint64_t offset);
size_t untagged_make(uint8_t *to, bool is_last, uint8_t opcode, uint32_t queue, uint32_t sequence, uint32_t offset);
// A request or reply frame of MPA's start-up, with its private data.
size_t request_make(uint8_t *to, bool is_reply, uint8_t flags, uint8_t revision, const void *private_bytes, uint16_t count);

#endif
