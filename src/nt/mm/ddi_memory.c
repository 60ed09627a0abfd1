// SPDX-License-Identifier: MIT
// Front doors: contiguous memory, physical addresses, image sections, validity. Physical addresses are virtual ones, so all memory is
// contiguous. Device memory is hal's (nt/hal/ddi_io_space.c).
// [wdm/nf-wdm-mmgetphysicaladdress], [wdm/nf-wdm-mmallocatecontiguousmemory], [ntddk/nf-ntddk-mmisaddressvalid]
#include "host/memory.h"
#include "nt/ex/pool.h"
#include "nt/ke/ke.h"
#include "verify/ddi_table.h"
#include "verify/verify.h"

#define TAG_CONTIGUOUS 0x746E6F43   // "Cont"

// Contiguous memory starts on a page even when it is shorter than one.
static PVOID
contiguous_allocate(SIZE_T bytes, const void *caller)
{
    if (!bytes)
        return NULL;
    return ex_pool_alloc(box_self(), ROUND_TO_PAGES(bytes), TAG_CONTIGUOUS, false, caller);
}

NTAPI PHYSICAL_ADDRESS
MmGetPhysicalAddress(PVOID BaseAddress)
{
    VERIFY_ENTER(MmGetPhysicalAddress);
    return (PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)(uintptr_t)BaseAddress};
}

NTAPI PVOID
MmAllocateContiguousMemory(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS HighestAcceptableAddress)
{
    VERIFY_ENTER(MmAllocateContiguousMemory);
    return contiguous_allocate(NumberOfBytes, __builtin_return_address(0));
}

NTAPI PVOID
MmAllocateContiguousMemorySpecifyCache(SIZE_T NumberOfBytes, PHYSICAL_ADDRESS LowestAcceptableAddress,
                                       PHYSICAL_ADDRESS HighestAcceptableAddress, PHYSICAL_ADDRESS BoundaryAddressMultiple,
                                       MEMORY_CACHING_TYPE CacheType)
{
    VERIFY_ENTER(MmAllocateContiguousMemorySpecifyCache);
    return contiguous_allocate(NumberOfBytes, __builtin_return_address(0));
}

NTAPI VOID
MmFreeContiguousMemory(PVOID BaseAddress)
{
    VERIFY_ENTER(MmFreeContiguousMemory);
    ex_pool_free(box_self(), BaseAddress, TAG_CONTIGUOUS);
}

NTAPI VOID
MmFreeContiguousMemorySpecifyCache(PVOID BaseAddress, SIZE_T NumberOfBytes, MEMORY_CACHING_TYPE CacheType)
{
    VERIFY_ENTER(MmFreeContiguousMemorySpecifyCache);
    ex_pool_free(box_self(), BaseAddress, TAG_CONTIGUOUS);
}

NTAPI BOOLEAN
MmIsAddressValid(PVOID VirtualAddress)
{
    VERIFY_ENTER(MmIsAddressValid);
    return memory_is_readable(VirtualAddress, 1);
}

// What this runtime provides, not what it refuses: a driver asks so that it can do without.
NTAPI PVOID
MmGetSystemRoutineAddress(PUNICODE_STRING SystemRoutineName)
{
    VERIFY_ENTER(MmGetSystemRoutineAddress);
    char name[128];
    size_t count = SystemRoutineName->Length / sizeof(WCHAR);
    if (!count || count >= sizeof name)
        return NULL;
    for (size_t i = 0; i < count; i++)
        name[i] = SystemRoutineName->Buffer[i] < 0x80 ? (char)SystemRoutineName->Buffer[i] : '?';
    name[count] = 0;
    const struct ddi_row *row = ddi_row_find(name);
    bool is_ours = row && row->kind == DDI_KIND_FUNCTION && (row->status == DDI_STATUS_FULL || row->status == DDI_STATUS_PARTIAL);
    return is_ours ? memory_symbol(row->name) : NULL;
}

// Code and data of an image are never paged out; the handle only has to be distinguishable from failure.
NTAPI PVOID
MmLockPagableDataSection(PVOID AddressWithinSection)
{
    VERIFY_ENTER(MmLockPagableDataSection);
    return AddressWithinSection;
}

NTAPI VOID
MmUnlockPagableImageSection(PVOID ImageSectionHandle)
{
    VERIFY_ENTER(MmUnlockPagableImageSection);
}

NTAPI PVOID
MmPageEntireDriver(PVOID AddressWithinSection)
{
    VERIFY_ENTER(MmPageEntireDriver);
    return AddressWithinSection;
}

NTAPI VOID
MmResetDriverPaging(PVOID AddressWithinSection)
{
    VERIFY_ENTER(MmResetDriverPaging);
}

NTAPI MM_SYSTEMSIZE
MmQuerySystemSize(VOID)
{
    VERIFY_ENTER(MmQuerySystemSize);
    return MmLargeSystem;
}
