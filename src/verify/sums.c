// SPDX-License-Identifier: MIT
// See sums.h. Sixteen bytes at a time: each 16-bit word is multiplied by an odd number of its place, pairs of products are added to four
// lanes, and after sixty-four bytes the lanes change places. What has changed goes unseen once in four thousand million cases. No step
// waits for a product, and there is little of it: with the verifier on, this is a fifth of what a frame costs (docs/performance.md).
#include "verify/sums.h"

#include <string.h>

typedef int16_t sum_words __attribute__((vector_size(16)));
typedef uint32_t sum_lanes __attribute__((vector_size(16)));

// Any odd numbers, no two alike.
static const sum_words places[] = {
    {0x4e1d, 0x6b27, -0x2c0f, 0x1d8b, -0x7a31, 0x3f59, 0x5523, -0x6403},
    {-0x135d, 0x7c0b, 0x29e7, -0x4ab1, 0x6115, 0x0f4d, -0x5c83, 0x36fb},
    {0x72a9, -0x18c5, 0x4d6f, 0x5fe3, -0x0b39, 0x2497, -0x6e51, 0x413d},
    {-0x3ba7, 0x0d55, 0x66c9, -0x7215, 0x1e8f, -0x4973, 0x58b1, 0x2fa3},
    {0x5a07, 0x3129, -0x1f6b, 0x7e43, 0x0891, -0x63cd, 0x4717, -0x2ae5},
    {-0x6fb3, 0x21df, 0x5385, 0x149d, -0x3c61, 0x7819, 0x0a2b, -0x55f7},
    {0x3835, -0x4e8f, 0x6d13, -0x0797, 0x2b5b, 0x60f1, -0x1a49, 0x7337},
    {0x1673, 0x5ccd, -0x3401, 0x4fa5, -0x69e9, 0x02d3, 0x7d61, -0x2657},
    {-0x5e2d, 0x43b9, 0x119b, -0x6705, 0x7ac7, 0x258d, -0x3f1f, 0x54d9},
    {0x2cb1, -0x7b45, 0x5f0b, 0x1879, 0x46e7, -0x0e21, 0x6993, -0x33ab},
};

struct summer {
    sum_lanes lanes;
};

static inline sum_lanes
sum_products(sum_words words, sum_words by)
{
#ifdef __SSE2__
    return (sum_lanes)__builtin_ia32_pmaddwd128(words, by);
#else
    sum_lanes sums;
    for (int i = 0; i < 4; i++)
        sums[i] = (uint32_t)(words[2 * i] * by[2 * i]) + (uint32_t)(words[2 * i + 1] * by[2 * i + 1]);
    return sums;
#endif
}

static inline sum_words
sum_load(const void *bytes)
{
    sum_words words;
    memcpy(&words, bytes, sizeof words);
    return words;
}

static inline void
sum_pair(struct summer *summer, size_t place, uint64_t a, uint64_t b)
{
    typedef uint64_t pair __attribute__((vector_size(16)));
    summer->lanes += sum_products((sum_words)(pair){a, b}, places[place]);
}

static inline void
sum_16(struct summer *summer, size_t place, const void *bytes)
{
    summer->lanes += sum_products(sum_load(bytes), places[place]);
}

// What comes now does not count like what was at the same place before.
static inline void
sum_turn(struct summer *summer)
{
    sum_lanes lanes = __builtin_shufflevector(summer->lanes, summer->lanes, 1, 2, 3, 0);
    lanes = lanes << 7 | lanes >> 25;
    summer->lanes = lanes ^ lanes >> 15;
}

// Up to sixty-four bytes.
static inline void
sum_rest(struct summer *summer, const uint8_t *bytes, size_t count)
{
    size_t left = count, place = 0;
#pragma clang loop unroll(disable)
    for (; left >= 16; left -= 16, bytes += 16)
        sum_16(summer, place++, bytes);
    if (left) {
        uint8_t rest[16] = {0};
        memcpy(rest, bytes, left);
        sum_16(summer, place, rest);
    }
}

static inline void
sum_bytes(struct summer *summer, const uint8_t *bytes, size_t count)
{
    for (; count >= 64; count -= 64, bytes += 64) {
        sum_16(summer, 0, bytes);
        sum_16(summer, 1, bytes + 16);
        sum_16(summer, 2, bytes + 32);
        sum_16(summer, 3, bytes + 48);
        if (count == 64)
            return;
        sum_turn(summer);
    }
    sum_rest(summer, bytes, count);
}

static inline uint32_t
sum_end(const struct summer *summer)
{
    uint64_t half[2];
    memcpy(half, &summer->lanes, sizeof half);
    return (uint32_t)(((half[0] * UINT64_C(0x9e3779b97f4a7c15) ^ half[1]) * UINT64_C(0xe7037ed1a0b428db)) >> 32);
}

static inline void
sum_nbl(struct summer *structures, const NET_BUFFER_LIST *nbl)
{
    _Static_assert(sizeof nbl->ProtocolReserved == 32, "sixteen bytes at a time");
    sum_pair(structures, 0, (uintptr_t)nbl->FirstNetBuffer, (uintptr_t)nbl->SourceHandle);
    sum_16(structures, 1, &nbl->ProtocolReserved[0]);
    sum_16(structures, 2, &nbl->ProtocolReserved[2]);
}

static inline void
sum_nb(struct summer *structures, const NET_BUFFER *nb)
{
    _Static_assert(sizeof nb->ProtocolReserved == 48 && offsetof(NET_BUFFER, CurrentMdl) == 8, "sixteen bytes at a time");
    sum_16(structures, 3, &nb->Next);         // and CurrentMdl
    sum_pair(structures, 4, (uintptr_t)nb->MdlChain, (uint64_t)nb->CurrentMdlOffset << 32 | nb->DataOffset);
    sum_16(structures, 5, &nb->ProtocolReserved[0]);
    sum_16(structures, 6, &nb->ProtocolReserved[2]);
    sum_16(structures, 7, &nb->ProtocolReserved[4]);
}

static inline void
sum_mdl(struct summer *structures, const MDL *mdl, uint64_t length)
{
    sum_pair(structures, 8, (uintptr_t)mdl->Next, (uintptr_t)mdl->MappedSystemVa);
    sum_pair(structures, 9, mdl->ByteCount, length);
}

static void
sum_mdls(struct summer *structures, struct summer *data, const NET_BUFFER *nb)
{
    size_t skip = nb->CurrentMdlOffset, left = nb->DataLength;
    for (const MDL *mdl = nb->CurrentMdl; mdl && left; mdl = mdl->Next) {
        sum_mdl(structures, mdl, nb->DataLength);
        sum_turn(structures);
        if (skip >= mdl->ByteCount) {
            skip -= mdl->ByteCount;
            continue;
        }
        size_t part = mdl->ByteCount - skip < left ? mdl->ByteCount - skip : left;
        sum_bytes(data, (const uint8_t *)mdl->MappedSystemVa + skip, part);
        sum_turn(data);
        left -= part;
        skip = 0;
    }
}

static struct verify_sums
sums_end(const struct summer *structures, const struct summer *data)
{
    return (struct verify_sums){sum_end(structures), sum_end(data)};
}

static __attribute__((noinline)) struct verify_sums
sums_of_any(const NET_BUFFER_LIST *nbl)
{
    struct summer structures = {0}, data = {0};
    sum_nbl(&structures, nbl);
    for (const NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next) {
        sum_nb(&structures, nb);
        sum_pair(&structures, 8, nb->DataLength, 0);
        sum_turn(&structures);
        sum_mdls(&structures, &data, nb);
    }
    return sums_end(&structures, &data);
}

// Most have one NET_BUFFER and its data in one MDL. Which way is taken is said by what is summed, so both times it is the same.
struct verify_sums
verify_sums_of(const NET_BUFFER_LIST *nbl)
{
    const NET_BUFFER *nb = nbl->FirstNetBuffer;
    const MDL *mdl = nb ? nb->CurrentMdl : NULL;
    if (!mdl || nb->Next || (uint64_t)nb->CurrentMdlOffset + nb->DataLength > mdl->ByteCount)
        return sums_of_any(nbl);
    struct summer structures = {0}, data = {0};
    sum_nbl(&structures, nbl);
    sum_nb(&structures, nb);
    sum_mdl(&structures, mdl, nb->DataLength);
    sum_bytes(&data, (const uint8_t *)mdl->MappedSystemVa + nb->CurrentMdlOffset, nb->DataLength);
    return sums_end(&structures, &data);
}
