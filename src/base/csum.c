// SPDX-License-Identifier: MIT
// The loops of the Internet checksum: 32 bytes a round into eight sums that do not wait for each other and that the compiler puts
// into vector registers; what remains goes eight bytes at a time.
#include "base/csum.h"

#include <string.h>

static inline uint64_t
csum_load64(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

static uint64_t
csum_add_tail(uint64_t sum, const unsigned char *p, size_t count)
{
    uint64_t word = 0;
    for (; count >= 8; p += 8, count -= 8)
        sum = csum_add_word(sum, csum_load64(p));
    // Missing bytes count as zero at the end [RFC 1071 1]. Copies of a fixed size, because a call of memcpy costs more than the sum.
    unsigned shift = 0;
    if (count & 4) {
        uint32_t four;
        memcpy(&four, p, 4);
        word = four;
        p += 4;
        shift = 32;
    }
    if (count & 2) {
        uint16_t two;
        memcpy(&two, p, 2);
        word |= (uint64_t)two << shift;
        p += 2;
        shift += 16;
    }
    if (count & 1)
        word |= (uint64_t)*p << shift;
    return csum_add_word(sum, word);
}

uint64_t
csum_add(uint64_t sum, const void *bytes, size_t count)
{
    const unsigned char *p = bytes;
    if (count >= 64) {
        // Halves of 32 bits in 64-bit sums cannot carry out before 2^32 rounds, and vectorise.
        uint64_t low[4] = {0}, high[4] = {0};
        for (; count >= 32; p += 32, count -= 32)
            for (int i = 0; i < 4; i++) {
                uint64_t word = csum_load64(p + 8 * i);
                low[i] += (uint32_t)word;
                high[i] += word >> 32;
            }
        for (int i = 0; i < 4; i++)
            sum = csum_add_word(csum_add_word(sum, low[i]), high[i]);
    }
    return csum_add_tail(sum, p, count);
}
