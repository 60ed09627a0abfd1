// SPDX-License-Identifier: MIT
// Front doors: mapping a device's memory. Only regions of devices that the box has been given can be mapped (nbx/device.h); a mapping
// is where the region's memory lies. Any other physical address gives NULL, as when no more can be mapped.
// [wdm/nf-wdm-mmmapiospace], [wdm/nf-wdm-mmmapiospaceex], [wdm/nf-wdm-mmunmapiospace]
#include "nt/hal/hal.h"
#include "verify/refuse.h"
#include "verify/verify.h"

static PVOID
io_space_map(uint64_t base, SIZE_T bytes)
{
    struct hal_region *region = bytes ? hal_memory_find(box_self(), base, bytes) : NULL;
    if (!region)
        return NULL;
    atomic_fetch_add(&region->mappings, 1);
    return region->memory + (base - region->base);
}

NTAPI PVOID
MmMapIoSpace(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes, MEMORY_CACHING_TYPE CacheType)
{
    VERIFY_ENTER(MmMapIoSpace);
    return io_space_map((uint64_t)PhysicalAddress.QuadPart, NumberOfBytes);
}

NTAPI PVOID
MmMapIoSpaceEx(PHYSICAL_ADDRESS PhysicalAddress, SIZE_T NumberOfBytes, ULONG Protect)
{
    VERIFY_ENTER(MmMapIoSpaceEx);
    return io_space_map((uint64_t)PhysicalAddress.QuadPart, NumberOfBytes);
}

NTAPI VOID
MmUnmapIoSpace(PVOID BaseAddress, SIZE_T NumberOfBytes)
{
    VERIFY_ENTER(MmUnmapIoSpace);
    struct hal_region *region = hal_mapped_find(box_self(), BaseAddress, NumberOfBytes);
    uint32_t mappings = region ? atomic_load(&region->mappings) : 0;
    if (!mappings)
        verify_contract("MmUnmapIoSpace", "no device memory is mapped there");
    atomic_fetch_sub(&region->mappings, 1);
}
