// SPDX-License-Identifier: MIT
// Front doors: MDLs. [wdm/nf-wdm-mmprobeandlockpages], [wdm/nf-wdm-mmmaplockedpagesspecifycache], [wdm/nf-wdm-mmallocatepagesformdlex]
#include "nt/ex/pool.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "nt/mm/mdl.h"
#include "verify/verify.h"


NTAPI VOID
MmBuildMdlForNonPagedPool(PMDL MemoryDescriptorList)
{
    VERIFY_ENTER(MmBuildMdlForNonPagedPool);
    mm_mdl_build_nonpaged(MemoryDescriptorList);
}

// All memory is resident: nothing to probe beyond its being there, so locking succeeds and never raises for a pointer of ours.
NTAPI VOID
MmProbeAndLockPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode, LOCK_OPERATION Operation)
{
    VERIFY_ENTER(MmProbeAndLockPages);
    if (MemoryDescriptorList->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL))
        ke_bugcheck(BUGCODE_DRIVER_VERIFIER_DETECTED_VIOLATION, 0x94, (uint64_t)(uintptr_t)MemoryDescriptorList,
                    (uint16_t)MemoryDescriptorList->MdlFlags, 0);
    mm_mdl_fill_pages(MemoryDescriptorList);
    MemoryDescriptorList->MdlFlags |= MDL_PAGES_LOCKED;
    if (Operation != IoReadAccess)
        MemoryDescriptorList->MdlFlags |= MDL_WRITE_OPERATION;
}

NTAPI VOID
MmUnlockPages(PMDL MemoryDescriptorList)
{
    VERIFY_ENTER(MmUnlockPages);
    // [debugger/bug-check-0xc4]: 0x7C is unlocking what was not locked.
    if (!(MemoryDescriptorList->MdlFlags & MDL_PAGES_LOCKED))
        ke_bugcheck(BUGCODE_DRIVER_VERIFIER_DETECTED_VIOLATION, 0x7C, (uint64_t)(uintptr_t)MemoryDescriptorList,
                    (uint16_t)MemoryDescriptorList->MdlFlags, 0);
    mm_mdl_unmap(MemoryDescriptorList);
    MemoryDescriptorList->MdlFlags &= (CSHORT)~(MDL_PAGES_LOCKED | MDL_WRITE_OPERATION);
}

NTAPI PVOID
MmMapLockedPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode)
{
    VERIFY_ENTER(MmMapLockedPages);
    return mm_mdl_map(MemoryDescriptorList);
}

NTAPI PVOID
MmMapLockedPagesSpecifyCache(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode, MEMORY_CACHING_TYPE CacheType, PVOID RequestedAddress,
                             ULONG BugCheckOnFailure, ULONG Priority)
{
    VERIFY_ENTER(MmMapLockedPagesSpecifyCache);
    return mm_mdl_map(MemoryDescriptorList);
}

NTAPI VOID
MmUnmapLockedPages(PVOID BaseAddress, PMDL MemoryDescriptorList)
{
    VERIFY_ENTER(MmUnmapLockedPages);
    mm_mdl_unmap(MemoryDescriptorList);
}

NTAPI NTSTATUS
MmProtectMdlSystemAddress(PMDL MemoryDescriptorList, ULONG NewProtect)
{
    VERIFY_ENTER(MmProtectMdlSystemAddress);
    // Our mappings are the memory itself, whose rights we cannot change for one mapping only.
    return MemoryDescriptorList->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA ? STATUS_NOT_SUPPORTED : STATUS_NOT_MAPPED_VIEW;
}

NTAPI NTSTATUS
MmAdvanceMdl(PMDL Mdl, ULONG NumberOfBytes)
{
    VERIFY_ENTER(MmAdvanceMdl);
    if (NumberOfBytes > Mdl->ByteCount)
        return STATUS_INVALID_PARAMETER_2;
    char *base = (char *)MmGetMdlVirtualAddress(Mdl) + NumberOfBytes;
    Mdl->StartVa = PAGE_ALIGN(base);
    Mdl->ByteOffset = BYTE_OFFSET(base);
    Mdl->ByteCount -= NumberOfBytes;
    if (Mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL))
        Mdl->MappedSystemVa = base;
    mm_mdl_fill_pages(Mdl);
    return STATUS_SUCCESS;
}

NTAPI SIZE_T
MmSizeOfMdl(PVOID Base, SIZE_T Length)
{
    VERIFY_ENTER(MmSizeOfMdl);
    return mm_mdl_bytes(Base, Length);
}

// Page limits, skipping and node wishes are met by any page: physical addresses are virtual ones.
NTAPI PMDL
MmAllocatePagesForMdl(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress, PHYSICAL_ADDRESS SkipBytes, SIZE_T TotalBytes)
{
    VERIFY_ENTER(MmAllocatePagesForMdl);
    return mm_pages_alloc(TotalBytes, true, __builtin_return_address(0));
}

NTAPI PMDL
MmAllocatePagesForMdlEx(PHYSICAL_ADDRESS LowAddress, PHYSICAL_ADDRESS HighAddress, PHYSICAL_ADDRESS SkipBytes, SIZE_T TotalBytes,
                        MEMORY_CACHING_TYPE CacheType, ULONG Flags)
{
    VERIFY_ENTER(MmAllocatePagesForMdlEx);
    return mm_pages_alloc(TotalBytes, !(Flags & MM_DONT_ZERO_ALLOCATION), __builtin_return_address(0));
}

// Frees the pages; the MDL itself is the driver's to give to ExFreePool.
NTAPI VOID
MmFreePagesFromMdl(PMDL MemoryDescriptorList)
{
    VERIFY_ENTER(MmFreePagesFromMdl);
    ex_pool_free(box_self(), MemoryDescriptorList->StartVa, MM_TAG_PAGES);
    MemoryDescriptorList->MdlFlags &= (CSHORT)~(MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA);
    MemoryDescriptorList->StartVa = NULL;
}
