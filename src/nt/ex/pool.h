// SPDX-License-Identifier: MIT
// Tagged pool. Every block carries a header of 48 bytes in front: list node, caller, size, tag, shard; and in front of that, while the box
// is watched, who got it and from where (verify/left.h), if a front door allocated it for a driver (caller is not NULL).
// Blocks are aligned to 16, and to the page when they are of a page or more [wdm/nf-wdm-exallocatepool2].
#ifndef NBX_NT_EX_POOL_H
#define NBX_NT_EX_POOL_H

#include "nt/box.h"
#include "verify/left.h"

// irql: <= DISPATCH (<= APC for paged pool: NBX-0205). caller: a code address, for the leak report; NULL: this call's.
// owns: the block is the caller's until ex_pool_free. fails: NULL.
void *ex_pool_alloc(struct box *box, size_t bytes, ULONG tag, bool zero, const void *caller);
// The same for a front door that has asked ex_fault itself. is_drivers: the block is for the driver that calls, also when it is not
// known from where (caller NULL).
void *ex_pool_alloc_asked(struct box *box, size_t bytes, ULONG tag, bool zero, const void *caller, bool is_drivers);
void *ex_pool_alloc_kind(struct box *box, size_t bytes, ULONG tag, bool zero, bool is_paged, const void *caller);
// tag 0 takes any; another that does not fit is a bug check 0xC2, as is an address that is no block.
void ex_pool_free(struct box *box, void *block, ULONG tag);
size_t ex_pool_bytes(const void *block);

// What a driver's block is, if not plain memory, and the NDIS handle that it was got for (NULL: the driver as a whole).
// Nothing when it is not watched; block may be NULL.
void ex_pool_kind_set(void *block, enum verify_left kind, const void *owner);
// The block goes from a lookaside list to whoever runs, or back into the list (VERIFY_LEFT_KEPT).
void ex_pool_got_again(void *block, enum verify_left kind, const void *caller);
// Each watched block that has not been told; fn says whether it is told now. It runs under a raw lock: it waits for nothing.
typedef bool (*ex_pool_origin_fn)(void *context, const struct verify_origin *origin, const void *block, size_t bytes, ULONG tag);
void ex_pool_each_origin(struct box *box, ex_pool_origin_fn fn, void *context);

struct ex_pool_usage {
    uint64_t allocations, frees, bytes;
};
// Sum over all tags (0) or one.
void ex_pool_usage_get(struct box *box, ULONG tag, struct ex_pool_usage *usage);

#endif
