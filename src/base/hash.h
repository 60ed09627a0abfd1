// SPDX-License-Identifier: MIT
// Non-cryptographic hashes with fixed results: FNV-1a over bytes and text, and a fold that takes one 64-bit number at a time.
// Results are the same on every machine and in every run, so they may be printed, compared and stored. Never hash a pointer into
// something that is printed or ordered.
#ifndef NBX_BASE_HASH_H
#define NBX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_FNV_START UINT64_C(0xCBF29CE484222325)

// FNV-1a, 64 bits. Start with HASH_FNV_START, or go on from an earlier result.
static inline uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001B3);
    return hash;
}

static inline uint64_t
hash_text(uint64_t hash, const char *text)
{
    while (*text)
        hash = (hash ^ (unsigned char)*text++) * UINT64_C(0x100000001B3);
    return hash;
}

// Fold one number into a running hash. The order of numbers matters; every bit of both reaches every bit above it and, through the
// shift, those below.
static inline uint64_t
hash_fold(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

// The same over bytes, eight at a time: for what is hashed often and read by nobody else (hash_bytes is FNV, which tapes hold).
static inline uint64_t
hash_fold_bytes(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    uint64_t word;
    hash = hash_fold(hash, count);
    for (; count >= sizeof word; count -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = hash_fold(hash, word);
    }
    word = 0;
    memcpy(&word, at, count);
    return hash_fold(hash, word);
}

// Spread the bits of a number, for the index of a hash table: the top bits are the best ones.
static inline uint64_t
hash_spread(uint64_t value)
{
    return value * UINT64_C(0x9E3779B97F4A7C15);
}

#endif
