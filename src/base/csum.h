// SPDX-License-Identifier: MIT
// The Internet checksum [RFC 1071, RFC 1624]: the ones' complement sum of 16-bit words.
//   whole        csum_of(bytes, count)           the checksum to store; 0 over data that holds a right one
//   in pieces    struct csum_run; csum_run_add for each piece of an iovec or MDL chain, of any length; csum_run_finish
//   by hand      sum = csum_add(0, ...); csum_join where the part before may have had an odd length; csum_finish(sum)
//   a changed header field: csum_update16, csum_update32
// A `sum` is a 64-bit accumulator in the byte order of memory: sums of native 16-bit words give the right bytes in either order
// [RFC 1071 2(B)], so no byte is swapped on the way. Results are stored in memory as they are (uint16_t, no htons).
#ifndef NBX_BASE_CSUM_H
#define NBX_BASE_CSUM_H

#include <stddef.h>
#include <stdint.h>

// Add bytes to a running sum. The bytes count from an even offset: see csum_join otherwise.
uint64_t csum_add(uint64_t sum, const void *bytes, size_t count);

static inline uint64_t
csum_add_word(uint64_t sum, uint64_t word)
{
    uint64_t total;
    // The end-around carry.
    return __builtin_add_overflow(sum, word, &total) ? total + 1 : total;
}

// Fold to 16 bits, not complemented.
static inline uint16_t
csum_fold(uint64_t sum)
{
    sum = (sum & 0xFFFFFFFF) + (sum >> 32);
    sum = (sum & 0xFFFFFFFF) + (sum >> 32);
    uint32_t low = (uint32_t)sum;
    low = (low & 0xFFFF) + (low >> 16);
    low = (low & 0xFFFF) + (low >> 16);
    return (uint16_t)low;
}

// The checksum field for this sum.
static inline uint16_t
csum_finish(uint64_t sum)
{
    return (uint16_t)~csum_fold(sum);
}

// Join the sums of two adjoining parts; offset_bytes is where the second begins.
static inline uint64_t
csum_join(uint64_t sum, uint64_t part, size_t offset_bytes)
{
    if (offset_bytes & 1)
        part = __builtin_bswap16(csum_fold(part));
    return csum_add_word(sum, part);
}

// A sum over adjoining pieces. Starts as {0}, or with the sum of a pseudo-header and count 0.
struct csum_run {
    uint64_t sum;
    size_t count;                // bytes so far
};

static inline void
csum_run_add(struct csum_run *run, const void *bytes, size_t count)
{
    run->sum = csum_join(run->sum, csum_add(0, bytes, count), run->count);
    run->count += count;
}

static inline uint16_t
csum_run_finish(const struct csum_run *run)
{
    return csum_finish(run->sum);
}

static inline uint16_t
csum_of(const void *bytes, size_t count)
{
    return csum_finish(csum_add(0, bytes, count));
}

// The pseudo-headers [RFC 9293 3.1, RFC 8200 8.1]; addresses in network order as they lie in the packet, protocol and upper-layer
// length in host order.
static inline uint64_t
csum_pseudo4(const void *source, const void *destination, uint8_t protocol, uint16_t length_bytes)
{
    uint64_t sum = csum_add(csum_add(0, source, 4), destination, 4);
    return csum_add_word(csum_add_word(sum, __builtin_bswap16(protocol)), __builtin_bswap16(length_bytes));
}

static inline uint64_t
csum_pseudo6(const void *source, const void *destination, uint8_t protocol, uint32_t length_bytes)
{
    uint64_t sum = csum_add(csum_add(0, source, 16), destination, 16);
    return csum_add_word(csum_add_word(sum, __builtin_bswap32(length_bytes)), __builtin_bswap32((uint32_t)protocol));
}

// The checksum after one of the covered, 2-aligned 16-bit words changed [RFC 1624, equation 3]; words as they lie in memory.
static inline uint16_t
csum_update16(uint16_t csum, uint16_t old_word, uint16_t new_word)
{
    uint32_t sum = (uint32_t)(uint16_t)~csum + (uint16_t)~old_word + new_word;
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint16_t)~sum;
}

static inline uint16_t
csum_update32(uint16_t csum, uint32_t old_word, uint32_t new_word)
{
    csum = csum_update16(csum, (uint16_t)old_word, (uint16_t)new_word);
    return csum_update16(csum, (uint16_t)(old_word >> 16), (uint16_t)(new_word >> 16));
}

#endif
