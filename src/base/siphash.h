// SPDX-License-Identifier: MIT
// SipHash-2-4 with a 64-bit result [Aumasson, Bernstein: SipHash: a fast short-input PRF]: a keyed hash for what outsiders choose:
// hash tables over addresses and ports, initial sequence numbers [RFC 6528], SYN cookies [RFC 4987]. Without the key nobody can aim.
#ifndef NBX_BASE_SIPHASH_H
#define NBX_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t words[2];
};

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t count);

#endif
