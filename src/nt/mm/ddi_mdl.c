// SPDX-License-Identifier: MIT
// Front doors: MDLs. [wdm/nf-wdm-mmprobeandlockpages], [wdm/nf-wdm-mmmaplockedpagesspecifycache], [wdm/nf-wdm-mmallocatepagesformdlex]
#include "nt/ex/fault.h"
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

// All memory is resident, so locking is probing: pages that do not permit the operation raise.
NTAPI VOID
MmProbeAndLockPages(PMDL MemoryDescriptorList, KPROCESSOR_MODE AccessMode, LOCK_OPERATION Operation)
{
    VERIFY_ENTER(MmProbeAndLockPages);
    if (MemoryDescriptorList->MdlFlags & (MDL_PAGES_LOCKED | MDL_PARTIAL | MDL_SOURCE_IS_NONPAGED_POOL))
        ke_bugcheck(BUGCODE_DRIVER_VERIFIER_DETECTED_VIOLATION, 0x94, (uint64_t)(uintptr_t)MemoryDescriptorList,
                    (uint16_t)MemoryDescriptorList->MdlFlags, 0);
    mm_touch(MmGetMdlVirtualAddress(MemoryDescriptorList), MmGetMdlByteCount(MemoryDescriptorList), Operation != IoReadAccess);
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
    if (!BugCheckOnFailure && EX_FAULT())
        return NULL;
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

// A reserved mapping only has to be big enough: the pages are mapped already, at their own address, which is what the caller gets.
struct reserved_mapping {
    SIZE_T bytes;
    ULONG tag;
    bool is_mapped;
};

NTAPI PVOID
MmAllocateMappingAddress(SIZE_T NumberOfBytes, ULONG PoolTag)
{
    VERIFY_ENTER(MmAllocateMappingAddress);
    struct reserved_mapping *mapping =
        ex_pool_alloc(box_self(), sizeof *mapping, PoolTag, true, __builtin_return_address(0));
    if (mapping) {
        mapping->bytes = ROUND_TO_PAGES(NumberOfBytes);
        mapping->tag = PoolTag;
    }
    return mapping;
}

static void
mapping_check(const struct reserved_mapping *mapping, ULONG tag, bool is_mapped)
{
    if (mapping->tag != tag || mapping->is_mapped != is_mapped)
        ke_bugcheck(BUGCODE_SYSTEM_PTE_MISUSE, mapping->tag != tag ? 0x102 : 0x104, (uint64_t)(uintptr_t)mapping, tag, mapping->tag);
}

NTAPI VOID
MmFreeMappingAddress(PVOID BaseAddress, ULONG PoolTag)
{
    VERIFY_ENTER(MmFreeMappingAddress);
    mapping_check(BaseAddress, PoolTag, false);
    ex_pool_free(box_self(), BaseAddress, PoolTag);
}

NTAPI PVOID
MmMapLockedPagesWithReservedMapping(PVOID MappingAddress, ULONG PoolTag, PMDL MemoryDescriptorList, MEMORY_CACHING_TYPE CacheType)
{
    VERIFY_ENTER(MmMapLockedPagesWithReservedMapping);
    struct reserved_mapping *mapping = MappingAddress;
    mapping_check(mapping, PoolTag, false);
    ULONG pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(MemoryDescriptorList), MemoryDescriptorList->ByteCount);
    if ((SIZE_T)pages << PAGE_SHIFT > mapping->bytes)
        return NULL;
    mapping->is_mapped = true;
    return mm_mdl_map(MemoryDescriptorList);
}

NTAPI VOID
MmUnmapReservedMapping(PVOID BaseAddress, ULONG PoolTag, PMDL MemoryDescriptorList)
{
    VERIFY_ENTER(MmUnmapReservedMapping);
    struct reserved_mapping *mapping = BaseAddress;
    mapping_check(mapping, PoolTag, true);
    mapping->is_mapped = false;
    mm_mdl_unmap(MemoryDescriptorList);
}
