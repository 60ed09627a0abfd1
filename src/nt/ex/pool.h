// SPDX-License-Identifier: MIT
// Tagged pool. Every block carries a header of 48 bytes in front: list node, caller, size, tag, shard.
// Blocks are aligned to 16, and to the page when they are of a page or more [wdm/nf-wdm-exallocatepool2].
#ifndef NBX_NT_EX_POOL_H
#define NBX_NT_EX_POOL_H

#include "nt/box.h"

// irql: <= DISPATCH (<= APC for paged pool: the verifier's business). caller: a code address, for the leak report; NULL: this call's.
// owns: the block is the caller's until ex_pool_free. fails: NULL.
void *ex_pool_alloc(struct box *box, size_t bytes, ULONG tag, bool zero, const void *caller);
// tag 0 takes any; another that does not fit is a bug check 0xC2, as is an address that is no block.
void ex_pool_free(struct box *box, void *block, ULONG tag);
size_t ex_pool_bytes(const void *block);

struct ex_pool_usage {
    uint64_t allocations, frees, bytes;
};
// Sum over all tags (0) or one.
void ex_pool_usage_get(struct box *box, ULONG tag, struct ex_pool_usage *usage);

#endif
