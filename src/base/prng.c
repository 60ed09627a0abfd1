// SPDX-License-Identifier: MIT
// splitmix64 and the seeding of xoshiro256**. The step functions are inline in prng.h.
#include "base/prng.h"

uint64_t
prng_splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void
prng_seed(struct prng *prng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        prng->state[i] = prng_splitmix64(&seed);
}
