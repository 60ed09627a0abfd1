// SPDX-License-Identifier: MIT
// Blocks of one size, for NBLs and NET_BUFFERs. Free blocks are kept LIFO per processor, without a lock; a processor that has too
// many or none trades a batch with the depot under its lock. Memory grows by chunks and is given back when the slab goes.
// Under ASan a free block is poisoned, so that a driver that touches an NBL it has freed is told so.
#ifndef NBX_NDIS_SLAB_H
#define NBX_NDIS_SLAB_H

#include "nt/ke/ke.h"

struct ndis_slab;

// prepare(context, block, side) runs once for each new block. bytes: of a block, rounded up to 64. side_bytes: memory that belongs to
// the block but lies elsewhere, so that the blocks themselves stay close together (large data); 0: none, and side is NULL.
// fails: NULL when out of memory.
typedef void (*ndis_slab_prepare_fn)(void *context, void *block, void *side);
struct ndis_slab *ndis_slab_create(struct box *box, size_t bytes, size_t side_bytes, ndis_slab_prepare_fn prepare, void *context);
// All blocks are back (else it returns how many are not, and frees the memory all the same).
uint64_t ndis_slab_destroy(struct ndis_slab *slab);
// irql: <= DISPATCH. fails: NULL when out of memory.
void *ndis_slab_get(struct ndis_slab *slab);
void ndis_slab_put(struct ndis_slab *slab, void *block);
uint64_t ndis_slab_out(const struct ndis_slab *slab);
// Each block, free ones too, oldest first, before the slab goes: from here on free blocks are no longer poisoned.
void ndis_slab_each(struct ndis_slab *slab, void (*fn)(void *context, void *block), void *context);

#endif
