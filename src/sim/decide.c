// SPDX-License-Identifier: MIT
// Every decision of a run passes here: drawn from the seed, or read from the tape; then recorded and folded into the trace hash.
// A replay drifts when the run asks for another kind of decision, or one among another number, than the tape holds next: the first
// such entry is reported and the run ends, because everything after it would be noise.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim_int.h"

static void
sim_drift(struct sim *sim, const struct sim_tape_entry *tape, unsigned kind, uint64_t bound)
{
    fprintf(stderr,
            "ndisbox: sim: the replay has drifted at entry %llu of %llu, at %llu ns, in thread %u \"%s\":\n"
            "  the tape has: %s among %llu (value %llu)\n"
            "  the run asks: %s among %llu\n"
            "  Something outside the seed differs: another build, another stack, or an order that comes from an address or a clock.\n",
            (unsigned long long)sim->tape.replayed, (unsigned long long)sim->tape.in_count, (unsigned long long)sim->now_ns,
            sched_self ? sched_self->id : 0, sched_self ? sched_self->name : "outside sched_run", sim_tape_kind_name(tape->kind),
            (unsigned long long)tape->bound, (unsigned long long)tape->value, sim_tape_kind_name(kind), (unsigned long long)bound);
    sim->tape.is_replay = false;
    if (sim->current)
        sim_finding(sim, -ESTALE);
    sim->result = -ESTALE;       // outside sched_run: the next one returns it
}

// The tape's value for this decision, or the drawn one once the tape has ended.
static uint64_t
sim_replay(struct sim *sim, unsigned kind, uint64_t bound, uint64_t drawn)
{
    struct sim_tape_entry entry;
    if (!sim_tape_next(&sim->tape, &entry)) {
        fprintf(stderr, "ndisbox: sim: the tape ends after %llu entries, at %llu ns; the run goes on from its seed\n",
                (unsigned long long)sim->tape.in_count, (unsigned long long)sim->now_ns);
        sim->tape.is_replay = false;
        return drawn;
    }
    if (entry.kind != kind || entry.bound != bound) {
        sim_drift(sim, &entry, kind, bound);
        return drawn;
    }
    return entry.value;
}

static uint64_t
sim_decide(struct sim *sim, unsigned kind, uint64_t bound, uint64_t value)
{
    if (__builtin_expect(sim->tape.is_replay, 0))
        value = sim_replay(sim, kind, bound, value);
    sim_tape_append(&sim->tape, kind, bound, value);
    sim->hash = hash_fold(sim->hash, (uint64_t)kind << 56 ^ bound << 24 ^ value);
    return value;
}

uint64_t
sim_decide_draw(struct sim *sim, enum sched_draw what, uint64_t bound)
{
    return sim_decide(sim, SIM_KIND_DRAW + what, bound, prng_below(&sim->prng, bound));
}

uint64_t
sim_decide_choice(struct sim *sim, enum sched_point point, uint64_t ready_count)
{
    // One number says whether and to whom: below ready_count it is the index. The tape has 0 for staying, because that is frequent.
    uint64_t drawn = prng_below(&sim->prng, ready_count * sim->config.switch_one_in);
    uint64_t value = sim_decide(sim, SIM_KIND_POINT + point, ready_count, drawn < ready_count ? drawn + 1 : 0);
    return value ? value - 1 : ready_count;
}

bool
sim_decide_spurious(struct sim *sim)
{
    return sim_decide(sim, SIM_KIND_SPURIOUS, 1, prng_below(&sim->prng, sim->config.spurious_one_in) == 0);
}

void
sim_tape_out(struct sim *sim)
{
    if (!sim->tape_out || sim->tape.written)
        return;
    int error = sim_tape_write(&sim->base, sim->tape_out);
    sim->tape.written = true;
    if (error)
        fprintf(stderr, "ndisbox: sim: cannot write the tape %s: %s\n", sim->tape_out, strerror(-error));
}

int
sim_replay_check(struct sched *sched)
{
    struct sim *sim = sim_from(sched);
    struct sim_tape *tape = &sim->tape;
    if (!tape->in)
        return -EINVAL;
    if (tape->recorded == tape->in_count && tape->replayed == tape->in_count && sim->hash == tape->in_hash)
        return 0;
    fprintf(stderr,
            "ndisbox: sim: the replay differs from its tape: %llu decisions, on the tape %llu; "
            "trace hash %016llx, on the tape %016llx\n",
            (unsigned long long)tape->recorded, (unsigned long long)tape->in_count, (unsigned long long)sim->hash,
            (unsigned long long)tape->in_hash);
    return -ESTALE;
}
