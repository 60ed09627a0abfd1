// SPDX-License-Identifier: MIT
// Blocks of one size, for NBLs and NET_BUFFERs. Free blocks are kept LIFO per processor, without a lock; a processor that has too
// many or none trades a batch with the depot under its lock. Memory grows by chunks and is given back when the slab goes.
// Under ASan a free block is poisoned, so that a driver that touches an NBL it has freed is told so.
#ifndef NBX_NDIS_SLAB_H
#define NBX_NDIS_SLAB_H

#include "nt/ke/ke.h"

struct ndis_slab;

// prepare(context, block) runs once for each new block. bytes: of a block, rounded up to 64.
// fails: NULL when out of memory.
struct ndis_slab *ndis_slab_create(struct box *box, size_t bytes, void (*prepare)(void *context, void *block), void *context);
// All blocks are back (else it returns how many are not, and frees the memory all the same).
uint64_t ndis_slab_destroy(struct ndis_slab *slab);
// irql: <= DISPATCH. fails: NULL when out of memory.
void *ndis_slab_get(struct ndis_slab *slab);
void ndis_slab_put(struct ndis_slab *slab, void *block);
uint64_t ndis_slab_out(const struct ndis_slab *slab);

#endif
