// SPDX-License-Identifier: MIT
// Front doors: lookaside lists and SLISTs. [wdm/nf-wdm-exinitializelookasidelistex], [wdm/nf-wdm-exinitializenpagedlookasidelist]
#include "nt/ex/lookaside.h"
#include "nt/ex/slist.h"
#include "verify/left.h"
#include "verify/verify.h"

#define CALLER __builtin_return_address(0)

_Static_assert(offsetof(GENERAL_LOOKASIDE, Future) == offsetof(GENERAL_LOOKASIDE_POOL, Future), "one shape, two alignments");

NTAPI VOID
ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free, ULONG Flags,
                                SIZE_T Size, ULONG Tag, USHORT Depth)
{
    VERIFY_ENTER(ExInitializeNPagedLookasideList);
    struct ex_lookaside_config config = {
        .type = (POOL_TYPE)(NonPagedPool | (Flags & (POOL_NX_ALLOCATION | POOL_RAISE_IF_ALLOCATION_FAILURE))),
        .bytes = Size,
        .tag = Tag,
        .allocate = (void *)Allocate,
        .free = (void *)Free};
    ex_lookaside_init((GENERAL_LOOKASIDE_POOL *)&Lookaside->L, &config);
    verify_had(VERIFY_LEFT_LOOKASIDE, Lookaside, NULL, NULL);
}

NTAPI VOID
ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    VERIFY_ENTER(ExDeleteNPagedLookasideList);
    verify_gave(box_self(), VERIFY_LEFT_LOOKASIDE, Lookaside);
    ex_lookaside_flush((GENERAL_LOOKASIDE_POOL *)&Lookaside->L);
}

NTAPI PVOID
ExAllocateFromNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside)
{
    VERIFY_ENTER(ExAllocateFromNPagedLookasideList);
    return ex_lookaside_alloc((GENERAL_LOOKASIDE_POOL *)&Lookaside->L, CALLER);
}

NTAPI VOID
ExFreeToNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry)
{
    VERIFY_ENTER(ExFreeToNPagedLookasideList);
    ex_lookaside_free((GENERAL_LOOKASIDE_POOL *)&Lookaside->L, Entry);
}

NTAPI VOID
ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate, PFREE_FUNCTION Free, ULONG Flags,
                               SIZE_T Size, ULONG Tag, USHORT Depth)
{
    VERIFY_ENTER(ExInitializePagedLookasideList);
    struct ex_lookaside_config config = {
        .type = (POOL_TYPE)(PagedPool | (Flags & POOL_RAISE_IF_ALLOCATION_FAILURE)), .bytes = Size, .tag = Tag,
        .allocate = (void *)Allocate, .free = (void *)Free};
    ex_lookaside_init((GENERAL_LOOKASIDE_POOL *)&Lookaside->L, &config);
    verify_had(VERIFY_LEFT_LOOKASIDE, Lookaside, NULL, NULL);
}

NTAPI VOID
ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    VERIFY_ENTER(ExDeletePagedLookasideList);
    verify_gave(box_self(), VERIFY_LEFT_LOOKASIDE, Lookaside);
    ex_lookaside_flush((GENERAL_LOOKASIDE_POOL *)&Lookaside->L);
}

NTAPI PVOID
ExAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside)
{
    VERIFY_ENTER(ExAllocateFromPagedLookasideList);
    return ex_lookaside_alloc((GENERAL_LOOKASIDE_POOL *)&Lookaside->L, CALLER);
}

NTAPI VOID
ExFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry)
{
    VERIFY_ENTER(ExFreeToPagedLookasideList);
    ex_lookaside_free((GENERAL_LOOKASIDE_POOL *)&Lookaside->L, Entry);
}

NTAPI NTSTATUS
ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PALLOCATE_FUNCTION_EX Allocate, PFREE_FUNCTION_EX Free, POOL_TYPE PoolType,
                            ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
    VERIFY_ENTER(ExInitializeLookasideListEx);
    ULONG known = EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL | EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE;
    if ((Flags & ~known) || (Flags & known) == known)
        return STATUS_INVALID_PARAMETER_5;
    if (Depth)
        return STATUS_INVALID_PARAMETER_8;
    struct ex_lookaside_config config = {.type = PoolType, .flags = Flags, .bytes = Size, .tag = Tag, .is_ex = true,
                                         .allocate = (void *)Allocate, .free = (void *)Free};
    ex_lookaside_init(&Lookaside->L, &config);
    verify_had(VERIFY_LEFT_LOOKASIDE, Lookaside, NULL, NULL);
    return STATUS_SUCCESS;
}

NTAPI VOID
ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    VERIFY_ENTER(ExDeleteLookasideListEx);
    verify_gave(box_self(), VERIFY_LEFT_LOOKASIDE, Lookaside);
    ex_lookaside_flush(&Lookaside->L);
}

NTAPI VOID
ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    VERIFY_ENTER(ExFlushLookasideListEx);
    ex_lookaside_flush(&Lookaside->L);
}

NTAPI PVOID
ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
    VERIFY_ENTER(ExAllocateFromLookasideListEx);
    return ex_lookaside_alloc(&Lookaside->L, CALLER);
}

NTAPI VOID
ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PVOID Entry)
{
    VERIFY_ENTER(ExFreeToLookasideListEx);
    ex_lookaside_free(&Lookaside->L, Entry);
}

NTAPI VOID
InitializeSListHead(PSLIST_HEADER SListHead)
{
    ex_slist_init(SListHead);
}

NTAPI PSLIST_ENTRY
ExpInterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
    VERIFY_ENTER(ExpInterlockedPopEntrySList);
    return ex_slist_pop(ListHead);
}

NTAPI PSLIST_ENTRY
ExpInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
    VERIFY_ENTER(ExpInterlockedPushEntrySList);
    return ex_slist_push(ListHead, ListEntry);
}

NTAPI PSLIST_ENTRY
ExpInterlockedFlushSList(PSLIST_HEADER ListHead)
{
    VERIFY_ENTER(ExpInterlockedFlushSList);
    return ex_slist_flush(ListHead);
}

NTAPI PSLIST_ENTRY
InterlockedPushListSList(PSLIST_HEADER ListHead, PSLIST_ENTRY List, PSLIST_ENTRY ListEnd, ULONG Count)
{
    VERIFY_ENTER(InterlockedPushListSList);
    return ex_slist_push_list(ListHead, List, ListEnd, Count);
}

NTAPI USHORT
ExQueryDepthSList(PSLIST_HEADER SListHead)
{
    VERIFY_ENTER(ExQueryDepthSList);
    return ex_slist_depth(SListHead);
}

NTAPI PSLIST_ENTRY
FirstEntrySList(const SLIST_HEADER *SListHead)
{
    VERIFY_ENTER(FirstEntrySList);
    return ex_slist_first(SListHead);
}
