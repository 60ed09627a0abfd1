// SPDX-License-Identifier: MIT
// The executive of a box: pool accounting, worker threads. Locks: a shard's lock is a raw leaf.
#ifndef NBX_NT_EX_EX_INT_H
#define NBX_NT_EX_EX_INT_H

#include "nt/box.h"
#include "nt/ke/ke.h"

#define EX_TAGS_PER_SHARD 64

struct ex_tag {
    ULONG tag;
    uint64_t allocations, frees, bytes;
};

// What was allocated on one processor. A block is freed into the shard it came from.
struct ex_shard {
    _Alignas(KE_CACHE_LINE) _Atomic uint32_t lock;
    struct list blocks;              // struct pool_header.node, oldest first
    struct ex_tag *tags;             // open addressing by tag, grown at two thirds
    uint32_t tag_count, tag_room;
};

struct ex {
    struct ex_shard *shards;         // one per processor
    struct ex_workers *workers;
};

int ex_create(struct box *box);
// Stop the workers; every queued work item has run by then. irql: PASSIVE.
void ex_stop(struct box *box);
// One leftover per block that is still allocated: tag, size, allocator.
void ex_leaks_report(struct box *box);
void ex_destroy(struct box *box);

int ex_workers_create(struct box *box);
void ex_workers_stop(struct box *box);

#endif
