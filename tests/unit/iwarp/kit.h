// SPDX-License-Identifier: MIT
// Two iWARP ends over byte pipes, or one end and a peer that is typed by hand.
//   pair_open   makes both ends from struct setup; pair_connect brings them to ESTABLISHED; pair_run moves bytes until nothing moves
//   pipes       give bytes in pieces of random sizes, each piece alone in a heap block of just its size, and hand runs back late
//   regions     a tag's bytes lie in two blocks, so that a run of them never is the whole
//   raw         raw_open makes a responder (or initiator) alone; raw_fpdu speaks to it; raw_terminate reads what it said last
// Nothing may be left allocated: pair_close checks it.
#ifndef NBX_TESTS_IWARP_KIT_H
#define NBX_TESTS_IWARP_KIT_H

#include "base/prng.h"
#include "engine/iwarp/ddp.h"
#include "engine/iwarp/iwarp.h"
#include "harness/fpdu.h"
#include <stdlib.h>
#include <string.h>

#define KIT_REGIONS 8
#define KIT_WORKS 64

struct region {
    uint32_t tag;
    uint64_t base;                      // tagged offset of its first byte
    uint8_t *low, *high;                // the first half, the second
    uint32_t bytes;
    bool may_read, may_write, is_foreign, may_invalidate, is_valid;
};

struct kit_work {
    struct rdma_work work;
    struct eng_span spans[24];
    struct rdma_sink sinks[24];
    uint8_t *text;
    bool is_busy;
};

struct pipe {
    uint8_t *bytes;
    size_t count, room, seen;           // seen: how many the reader may look at
    bool has_fin, told_fin;
};

struct side {
    struct eng_memory memory;
    size_t blocks;
    struct iwarp *iwarp;
    struct iwarp_connection *c;
    struct pipe in;
    struct side *peer;                  // NULL: raw
    struct region regions[KIT_REGIONS];
    unsigned n_regions;
    struct kit_work works[KIT_WORKS];
    struct list receives;               // posted buffers
    struct list held;                   // runs on their way back
    uint32_t events;                    // all that were told
    unsigned maps, local_calls, invalidations, disconnects;
    int local_status;
    uint8_t *sent;                      // every byte it sent, when keep_sent
    size_t sent_count, sent_room;
    bool reset;                         // it wanted TCP reset
    size_t taken_most;
};

struct setup {
    uint32_t uses[2];                   // of initiator and responder
    uint8_t rtr[2];
    struct rdma_reads reads[2];
    uint32_t emss;                      // 0: 1448
    const void *private_bytes[2];
    uint16_t private_count[2];
    struct iwarp_params params;         // zeros: the defaults
    bool keep_sent;
};

struct pair {
    struct side sides[2];               // 0 is the initiator
    struct prng prng;
    struct setup setup;
    uint64_t now_us;
    uint32_t piece_max;                 // of a pipe; 0: anything up to 3000
    bool runs_late;
};

extern const struct setup setup_plain;  // CRC, enhanced, write RTR, 8 reads each way

void pair_open(struct pair *pair, const struct setup *setup, uint64_t seed);
void pair_connect(struct pair *pair);
void pair_run(struct pair *pair);
void pair_close(struct pair *pair);     // releases, and nothing is left
bool side_step(struct pair *pair, struct side *side);   // what is ready leaves, what came is shown

struct region *side_region(struct side *side, uint32_t tag, uint64_t base, uint32_t bytes);
uint8_t *region_at(struct region *region, uint32_t at);
void region_fill(struct region *region, uint64_t seed);
void region_free(struct region *region);
uint8_t pattern_at(uint64_t seed, uint64_t at);

// A work with its text cut into n pieces at random; text is filled by the seed.
struct kit_work *side_work(struct pair *pair, struct side *side, enum rdma_kind kind, uint64_t bytes, uint64_t seed);
struct kit_work *side_receive(struct pair *pair, struct side *side, uint32_t bytes);      // posted
struct kit_work *side_done(struct side *side);                                            // the next that is done; NULL
void kit_work_free(struct kit_work *work);
uint8_t *kit_text(struct kit_work *work, uint64_t at);      // a byte of its spans or sinks
int side_post(struct pair *pair, struct side *side, struct kit_work *work);
bool text_is(struct kit_work *work, uint64_t bytes, uint64_t seed);

// ---- by hand

// A responder alone, past its start-up with a peer that wants CRCs, revision 1 (no RTR), reads as agreed by nobody.
void raw_open(struct pair *pair);
void raw_bytes(struct pair *pair, const void *bytes, size_t count);
void raw_ulpdu(struct pair *pair, const uint8_t *ulpdu, size_t count);
void raw_tagged(struct pair *pair, bool is_last, uint8_t opcode, uint32_t tag, uint64_t offset, uint32_t bytes);
void raw_untagged(struct pair *pair, bool is_last, uint8_t opcode, uint32_t queue, uint32_t sequence, uint32_t offset, uint32_t bytes);
void raw_fin(struct pair *pair);
// The last FPDU that the end under test sent is this Terminate, quoting these many bytes of headers (0: none); and it ends the stream.
void raw_terminated(struct pair *pair, unsigned layer, unsigned type, unsigned code, bool has_ddp, bool has_rdmap);

#endif
