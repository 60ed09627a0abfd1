// SPDX-License-Identifier: MIT
// Lookaside lists. A kept block is linked through its first 16 bytes; the rest is poisoned for ASan while it is kept, so that use
// after free is found although nothing is freed. The counters are those of
// GENERAL_LOOKASIDE: total and misses.
//   alloc: list -> hit, or the driver's allocate function, or pool
//   free:  list -> kept while below the depth, else the driver's free function, or pool
#include "nt/ex/lookaside.h"

#include "nt/ex/poison.h"
#include "nt/ex/pool.h"
#include "nt/ex/raise.h"
#include "nt/ex/slist.h"
#include "nt/ke/ke.h"

// GENERAL_LOOKASIDE.Future[0]: ours.
#define LOOKASIDE_IS_EX 1u
#define LOOKASIDE_RAISES 2u

void
ex_lookaside_init(GENERAL_LOOKASIDE_POOL *list, const struct ex_lookaside_config *config)
{
    *list = (GENERAL_LOOKASIDE_POOL){.Type = config->type, .Tag = config->tag, .Depth = EX_MAXIMUM_LOOKASIDE_DEPTH_BASE};
    ex_slist_init(&list->ListHead);
    list->MaximumDepth = EX_MAXIMUM_LOOKASIDE_DEPTH_BASE;
    list->Size = (ULONG)(config->bytes < LOOKASIDE_MINIMUM_BLOCK_SIZE ? LOOKASIDE_MINIMUM_BLOCK_SIZE : config->bytes);
    list->AllocateEx = (PALLOCATE_FUNCTION_EX)config->allocate;
    list->FreeEx = (PFREE_FUNCTION_EX)config->free;
    bool raises = (config->flags & EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL) || (config->type & POOL_RAISE_IF_ALLOCATION_FAILURE);
    list->Future[0] = (config->is_ex ? LOOKASIDE_IS_EX : 0) | (raises ? LOOKASIDE_RAISES : 0);
}

static void
lookaside_release(GENERAL_LOOKASIDE_POOL *list, void *entry)
{
    if (!list->FreeEx)
        ex_pool_free(box_self(), entry, list->Tag);
    else if (list->Future[0] & LOOKASIDE_IS_EX)
        list->FreeEx(entry, (PLOOKASIDE_LIST_EX)list);
    else
        list->Free(entry);
}

static inline void *
lookaside_take(GENERAL_LOOKASIDE_POOL *list)
{
    void *entry = ex_slist_pop(&list->ListHead);
    if (entry)
        EX_UNPOISON((char *)entry + sizeof(SLIST_ENTRY), list->Size - sizeof(SLIST_ENTRY));
    return entry;
}

void
ex_lookaside_flush(GENERAL_LOOKASIDE_POOL *list)
{
    for (void *entry; (entry = lookaside_take(list));)
        lookaside_release(list, entry);
}

void *
ex_lookaside_alloc(GENERAL_LOOKASIDE_POOL *list, const void *caller)
{
    __atomic_add_fetch(&list->TotalAllocates, 1, __ATOMIC_RELAXED);
    void *entry = lookaside_take(list);
    if (entry && !list->AllocateEx)
        ex_pool_got_again(entry, VERIFY_LEFT_POOL, caller);
    if (entry)
        return entry;
    __atomic_add_fetch(&list->AllocateMisses, 1, __ATOMIC_RELAXED);
    if (!list->AllocateEx)
        entry = ex_pool_alloc_kind(box_self(), list->Size, list->Tag, list->Type & POOL_ZERO_ALLOCATION, list->Type & PagedPool,
                                   caller ? caller : __builtin_return_address(0));
    else if (list->Future[0] & LOOKASIDE_IS_EX)
        entry = list->AllocateEx(list->Type, list->Size, list->Tag, (PLOOKASIDE_LIST_EX)list);
    else
        entry = list->Allocate(list->Type, list->Size, list->Tag);
    if (!entry && (list->Future[0] & LOOKASIDE_RAISES))
        ex_raise_status(STATUS_INSUFFICIENT_RESOURCES);
    return entry;
}

void
ex_lookaside_free(GENERAL_LOOKASIDE_POOL *list, void *entry)
{
    __atomic_add_fetch(&list->TotalFrees, 1, __ATOMIC_RELAXED);
    if (ex_slist_depth(&list->ListHead) >= list->Depth) {
        __atomic_add_fetch(&list->FreeMisses, 1, __ATOMIC_RELAXED);
        lookaside_release(list, entry);
        return;
    }
    if (!list->AllocateEx && !list->FreeEx)
        ex_pool_kind_set(entry, VERIFY_LEFT_KEPT, NULL);
    EX_POISON((char *)entry + sizeof(SLIST_ENTRY), list->Size - sizeof(SLIST_ENTRY));
    ex_slist_push(&list->ListHead, entry);
}
