// SPDX-License-Identifier: MIT
// Seeded random numbers: splitmix64 spreads a seed over the state of xoshiro256**, which makes the stream. Both are published as
// public-domain algorithms by Blackman and Vigna [prng.di.unimi.it]; the constants are theirs, the tests hold their vectors.
//   prng_seed -> prng_next (64 bits), prng_below (uniform below a bound)
// Not for cryptography. A stream belongs to one owner; there is no lock here.
#ifndef NBX_BASE_PRNG_H
#define NBX_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

// The next number of the splitmix64 stream whose state is *state.
uint64_t prng_splitmix64(uint64_t *state);

// Start the stream that belongs to seed. Any seed will do, 0 too.
void prng_seed(struct prng *prng, uint64_t seed);

static inline uint64_t
prng_rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static inline uint64_t
prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = prng_rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = prng_rotate_left(s[3], 45);
    return result;
}

// A number below bound (bound > 0). One number of the stream each, so that a stream's position depends on the count of draws alone;
// the price is a bias below bound / 2^64.
static inline uint64_t
prng_below(struct prng *prng, uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)prng_next(prng) * bound) >> 64);
}

#endif
