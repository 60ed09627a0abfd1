// SPDX-License-Identifier: MIT
// Front doors: pool. What pool types and flags mean: [wdm/ne-wdm-_pool_type], [wdm/nf-wdm-exallocatepool2]. Paged and nonpaged pool
// are the same memory, unless the verifier is strict: then paged pool has pages of its own (verify/paged.h, NBX-0205).
#include "nt/ex/pool.h"
#include "nt/ex/raise.h"
#include "nt/ke/ke.h"
#include "verify/report.h"
#include "verify/verify.h"

#define CALLER __builtin_return_address(0)
#define TAG_NONE 0x656E6F4E   // "None"

static void
paged_check(bool is_paged, const char *function)
{
    struct ke_thread *self = ke_self();
    if (is_paged && self->box->verify && self->irql > APC_LEVEL)
        verify_rule_broken(NBX_0205, function, "paged pool is allocated at IRQL %u", self->irql);
}

static PVOID
pool_allocate(POOL_TYPE type, SIZE_T bytes, ULONG tag, const char *function, const void *caller)
{
    paged_check(type & PagedPool, function);
    void *block = ex_pool_alloc_kind(box_self(), bytes, tag, type & POOL_ZERO_ALLOCATION, type & PagedPool, caller);
    if (!block && (type & POOL_RAISE_IF_ALLOCATION_FAILURE))
        ex_raise_status(STATUS_INSUFFICIENT_RESOURCES);
    return block;
}

NTAPI PVOID
ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes)
{
    VERIFY_ENTER(ExAllocatePool);
    return pool_allocate(PoolType, NumberOfBytes, TAG_NONE, "ExAllocatePool", CALLER);
}

NTAPI PVOID
ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    VERIFY_ENTER(ExAllocatePoolWithTag);
    return pool_allocate(PoolType, NumberOfBytes, Tag, "ExAllocatePoolWithTag", CALLER);
}

NTAPI PVOID
ExAllocatePoolWithTagPriority(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag, EX_POOL_PRIORITY Priority)
{
    VERIFY_ENTER(ExAllocatePoolWithTagPriority);
    return pool_allocate(PoolType, NumberOfBytes, Tag, "ExAllocatePoolWithTagPriority", CALLER);
}

// Quota is charged to the current process, which has no limit here; without the flag failure raises
// [wdm/nf-wdm-exallocatepoolwithquotatag].
NTAPI PVOID
ExAllocatePoolWithQuotaTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    VERIFY_ENTER(ExAllocatePoolWithQuotaTag);
    int raise = PoolType & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE ? 0 : POOL_RAISE_IF_ALLOCATION_FAILURE;
    return pool_allocate((POOL_TYPE)((int)PoolType | raise), NumberOfBytes, Tag, "ExAllocatePoolWithQuotaTag", CALLER);
}

NTAPI PVOID
ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag)
{
    VERIFY_ENTER(ExAllocatePool2);
    POOL_FLAGS kinds = Flags & (POOL_FLAG_NON_PAGED | POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED);
    POOL_FLAGS known = kinds | POOL_FLAG_USE_QUOTA | POOL_FLAG_UNINITIALIZED | POOL_FLAG_SESSION | POOL_FLAG_CACHE_ALIGNED |
                       POOL_FLAG_RAISE_ON_FAILURE | POOL_FLAG_SPECIAL_POOL;
    // Exactly one kind of pool; an unknown flag of the required half fails the call, one of the optional half (bits 32 and up) does not.
    bool valid = kinds && !(kinds & (kinds - 1)) && !(Flags & 0xffffffff & ~known) && Tag;
    bool is_paged = kinds == POOL_FLAG_PAGED;
    paged_check(is_paged, "ExAllocatePool2");
    void *block = valid ? ex_pool_alloc_kind(box_self(), NumberOfBytes, Tag, !(Flags & POOL_FLAG_UNINITIALIZED), is_paged, CALLER) : NULL;
    if (!block && (Flags & POOL_FLAG_RAISE_ON_FAILURE))
        ex_raise_status(valid ? STATUS_INSUFFICIENT_RESOURCES : STATUS_INVALID_PARAMETER);
    VERIFY_LEAVE(ExAllocatePool2);
    return block;
}

NTAPI VOID
ExFreePool(PVOID P)
{
    VERIFY_ENTER(ExFreePool);
    ex_pool_free(box_self(), P, 0);
}

NTAPI VOID
ExFreePoolWithTag(PVOID P, ULONG Tag)
{
    VERIFY_ENTER(ExFreePoolWithTag);
    ex_pool_free(box_self(), P, Tag);
}
