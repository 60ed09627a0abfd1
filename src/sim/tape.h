// SPDX-License-Identifier: MIT
// The tape: every decision of a run, in order, so that a run can be repeated and a repetition that goes another way is noticed at
// the first differing decision.
//
//   decision   (kind, bound, value): kind is a choice point (sched_point) or 16 + a draw (sched_draw). At a choice point bound is the
//              count of the other runnable fibres, and value 0 stays or 1 + i switches to number i; a draw's value is below bound.
//   in memory  a list of chunks, one to three bytes a decision as a rule
//   file       magic, version, the configuration, notes (key and text: the resolved stack, build ids), decisions, FNV-1a of all that.
//              All little-endian; tape.c's heading has the layout.
// While replaying, the stream of random numbers advances as it did when recording, so that a run which outlives its tape goes on as
// the recorded one would have.
#ifndef NBX_SIM_TAPE_H
#define NBX_SIM_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "sim/sim.h"

enum {
    SIM_KIND_POINT = 0,
    SIM_KIND_SPURIOUS = 15,      // does a wait return at once? 0 or 1 of 1
    SIM_KIND_DRAW = 16,
    SIM_KIND_COUNT = 32,
    SIM_TAPE_CHUNK_BYTES = 65536,
    SIM_TAPE_ENTRY_BYTES = 21,   // the longest: one byte and two varints
};

struct sim_tape_chunk {
    struct sim_tape_chunk *next;
    uint32_t bytes;
    uint8_t data[SIM_TAPE_CHUNK_BYTES];
};

struct sim_tape_note {
    struct sim_tape_note *next;
    char *key, *text;
};

// The coder's memory, the same on both sides: a bound that equals the last one of its kind is not repeated.
struct sim_tape_coder {
    uint64_t last_bound[SIM_KIND_COUNT];
};

struct sim_tape_entry {
    unsigned kind;
    uint64_t bound, value;
};

struct sim_tape {
    struct sim_tape_chunk *first, *last;
    struct sim_tape_coder writer;
    uint64_t recorded;           // entries
    struct sim_tape_note *notes;
    bool written;

    bool is_replay;              // until the tape in has ended
    char *in;                    // the whole file
    struct bytes_reader in_entries;
    struct sim_tape_coder reader;
    uint64_t replayed, in_count;
    uint64_t in_hash;            // the trace hash when the tape was written
};

// fails: -errno, with *error set. On success the seed, the strategy and the one-in figures of the tape replace those in config.
int sim_tape_open(struct sim_tape *tape, const char *path, struct sim_config *config, const char **error);
void sim_tape_close(struct sim_tape *tape);

// Append an entry. Out of memory aborts: a run whose tape is incomplete is worth nothing.
void sim_tape_append_slow(struct sim_tape *tape, const struct sim_tape_entry *entry);

static inline void
sim_tape_append(struct sim_tape *tape, unsigned kind, uint64_t bound, uint64_t value)
{
    struct sim_tape_chunk *chunk = tape->last;
    // Nearly every entry is "stay, as many runnable as last time": one byte.
    if (!value && chunk && tape->writer.last_bound[kind] == bound && chunk->bytes < SIM_TAPE_CHUNK_BYTES) {
        chunk->data[chunk->bytes++] = (uint8_t)kind;
        tape->recorded++;
        return;
    }
    sim_tape_append_slow(tape, &(struct sim_tape_entry){kind, bound, value});
}

// The next entry of the tape in. Returns false at its end.
bool sim_tape_next(struct sim_tape *tape, struct sim_tape_entry *entry);

const char *sim_tape_kind_name(unsigned kind);

#endif
