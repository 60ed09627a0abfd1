// SPDX-License-Identifier: MIT
// What an MDL's flags go through: built (nothing) -> MmBuildMdlForNonPagedPool: SOURCE_IS_NONPAGED_POOL, or MmProbeAndLockPages:
// PAGES_LOCKED -> MmMapLockedPages: MAPPED_TO_SYSTEM_VA -> unmapped -> unlocked. [windows-driver-docs kernel/using-mdls]
#include "nt/mm/mdl.h"

#include "nt/ex/pool.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"

void
mm_mdl_fill_pages(MDL *mdl)
{
    PFN_NUMBER *pages = MmGetMdlPfnArray(mdl);
    uintptr_t first = (uintptr_t)mdl->StartVa >> PAGE_SHIFT;
    ULONG count = ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(mdl), mdl->ByteCount);
    for (ULONG i = 0; i < count; i++)
        pages[i] = first + i;
}

void
mm_mdl_build_nonpaged(MDL *mdl)
{
    mm_mdl_fill_pages(mdl);
    mdl->Process = NULL;
    mdl->MappedSystemVa = MmGetMdlVirtualAddress(mdl);
    mdl->MdlFlags |= MDL_SOURCE_IS_NONPAGED_POOL;
}

void *
mm_mdl_map(MDL *mdl)
{
    if (!(mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL)))
        ke_bugcheck(BUGCODE_PFN_LIST_CORRUPT, 0, (uint64_t)(uintptr_t)mdl, (uint64_t)(uint16_t)mdl->MdlFlags, 0);
    mdl->MappedSystemVa = MmGetMdlVirtualAddress(mdl);
    mdl->MdlFlags |= MDL_MAPPED_TO_SYSTEM_VA;
    if (mdl->MdlFlags & MDL_PARTIAL)
        mdl->MdlFlags |= MDL_PARTIAL_HAS_BEEN_MAPPED;
    return mdl->MappedSystemVa;
}

void
mm_mdl_unmap(MDL *mdl)
{
    mdl->MdlFlags &= (CSHORT)~(MDL_MAPPED_TO_SYSTEM_VA | MDL_PARTIAL_HAS_BEEN_MAPPED);
}

MDL *
mm_pages_alloc(SIZE_T bytes, bool zero, const void *caller)
{
    SIZE_T pages = (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
    if (!pages || pages > 0x7fff)   // MDL.Size is 16 bits wide
        return NULL;
    bytes = pages << PAGE_SHIFT;
    struct box *box = box_self();
    MDL *mdl = ex_pool_alloc(box, mm_mdl_bytes(NULL, bytes), MM_TAG_PAGES, true, caller);
    void *memory = mdl ? ex_pool_alloc(box, bytes, MM_TAG_PAGES, zero, caller) : NULL;
    if (!memory) {
        if (mdl)
            ex_pool_free(box, mdl, MM_TAG_PAGES);
        return NULL;
    }
    mm_mdl_init(mdl, memory, (ULONG)bytes);
    mm_mdl_fill_pages(mdl);
    mdl->MdlFlags |= MDL_PAGES_LOCKED;
    return mdl;
}

// A sanitizer must not look: whether a byte may be used is the driver's business, here it is about the page.
__attribute__((no_sanitize("address", "thread"))) void
mm_touch(const volatile void *base, size_t bytes, bool is_write)
{
    uintptr_t at = (uintptr_t)base, end = at + bytes;
    for (; at < end; at = (at | (PAGE_SIZE - 1)) + 1) {
        if (is_write)
            atomic_fetch_or_explicit((volatile _Atomic uint8_t *)at, 0, memory_order_relaxed);
        else
            (void)*(const volatile uint8_t *)at;
    }
}
