// SPDX-License-Identifier: MIT
// The record of every drawn number.
#include "sim/sim_int.h"

uint64_t
sim_tape_draw(struct sim *sim, unsigned kind, uint64_t bound)
{
    uint64_t value = prng_below(&sim->prng, bound);
    sim->hash = hash_fold(sim->hash, kind << 24 ^ value);
    return value;
}
