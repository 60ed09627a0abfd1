// SPDX-License-Identifier: MIT
// Memory descriptor lists. Physical and virtual addresses are one to one: a page frame number is the virtual address shifted, and
// every buffer is mapped already. The flags are kept as Windows keeps them, because drivers and the verifier look at them.
// IoAllocateMdl is io's; NDIS lays MDLs beside its NET_BUFFERs. Both build them with mm_mdl_init.
#ifndef NBX_NT_MM_MDL_H
#define NBX_NT_MM_MDL_H

#include "nt/box.h"

static inline size_t
mm_mdl_bytes(const void *base, size_t length)
{
    return sizeof(MDL) + sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES(base, length);
}

// Describe base..base+length. The memory behind the MDL must have mm_mdl_bytes. MDL_ALLOCATED_FIXED_SIZE and other flags: the caller's.
static inline void
mm_mdl_init(MDL *mdl, void *base, ULONG length)
{
    MmInitializeMdl(mdl, base, length);
}

void mm_mdl_fill_pages(MDL *mdl);
void mm_mdl_build_nonpaged(MDL *mdl);
// Where a driver finds the bytes: as mapped, or by mapping now (which cannot fail here).
void *mm_mdl_map(MDL *mdl);
void mm_mdl_unmap(MDL *mdl);

// Touch each page of the range, as an access of that kind would: memory that is not there, or is read-only, faults here, inside the door
// that calls this, and the driver's __try gets STATUS_ACCESS_VIOLATION. What the bytes say stays. irql: <= APC for memory that may fault.
void mm_touch(const volatile void *base, size_t bytes, bool is_write);

// Pages of their own, locked, with an MDL that describes them; both are pool blocks with this tag. fails: NULL.
#define MM_TAG_PAGES 0x6C644D4D   // "MMdl"
MDL *mm_pages_alloc(SIZE_T bytes, bool zero, const void *caller);

#endif
