// SPDX-License-Identifier: MIT
// MDLs as the I/O manager hands them out: allocated from pool (tag 'Mdl ', so that one nobody freed is reported), chained to an IRP,
// and partial ones that describe a piece of another. Locking and mapping is the mm room's.
// Sources: [wdm/nf-wdm-ioallocatemdl], [wdm/nf-wdm-iobuildpartialmdl].
#include <string.h>

#include "nt/ex/pool.h"
#include "nt/io/io_int.h"
#include "nt/io/mdl.h"

#define MDL_TAG 0x206c644d   // 'Mdl '
#define BUGCODE_TARGET_MDL_TOO_SMALL 0x40

MDL *
io_mdl_alloc(struct box *box, void *address, ULONG bytes, bool is_secondary, IRP *irp, const void *caller)
{
    size_t pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(address, bytes);
    size_t size = sizeof(MDL) + pages * sizeof(PFN_NUMBER);
    if (size > INT16_MAX)
        return NULL;   // 2 GB less a page and more [wdm/nf-wdm-ioallocatemdl]; MDL.Size is a CSHORT
    MDL *mdl = ex_pool_alloc_asked(box, size, MDL_TAG, true, caller ? caller : __builtin_return_address(0), caller != NULL);
    if (!mdl)
        return NULL;
    ex_pool_kind_set(mdl, VERIFY_LEFT_MDL, NULL);
    mdl->Size = (CSHORT)size;
    mdl->StartVa = PAGE_ALIGN(address);
    mdl->ByteOffset = BYTE_OFFSET(address);
    mdl->ByteCount = bytes;
    if (irp && !is_secondary) {
        irp->MdlAddress = mdl;
    } else if (irp) {
        MDL **last = &irp->MdlAddress;
        while (*last)
            last = &(*last)->Next;
        *last = mdl;
    }
    return mdl;
}

void
io_mdl_free(struct box *box, MDL *mdl)
{
    MmPrepareMdlForReuse(mdl);
    ex_pool_free(box, mdl, MDL_TAG);
}

void
io_mdl_partial(MDL *source, MDL *target, void *address, ULONG bytes)
{
    char *from = (char *)source->StartVa + source->ByteOffset;
    size_t skip = (size_t)((char *)address - from);
    if (!bytes)
        bytes = source->ByteCount - (ULONG)skip;
    size_t pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(address, bytes);
    if (skip + bytes > source->ByteCount || (size_t)target->Size < sizeof(MDL) + pages * sizeof(PFN_NUMBER))
        ke_bugcheck(BUGCODE_TARGET_MDL_TOO_SMALL, (uintptr_t)source, (uintptr_t)target, (uintptr_t)address, bytes);
    target->Process = source->Process;
    target->StartVa = PAGE_ALIGN(address);
    target->ByteOffset = BYTE_OFFSET(address);
    target->ByteCount = bytes;
    target->MdlFlags &= MDL_ALLOCATED_FIXED_SIZE | MDL_ALLOCATED_MUST_SUCCEED;
    target->MdlFlags |= (CSHORT)(MDL_PARTIAL | (source->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA | MDL_IO_SPACE |
                                                                    MDL_WRITE_OPERATION | MDL_NETWORK_HEADER)));
    if (source->MdlFlags & (MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA))
        target->MappedSystemVa = (char *)source->MappedSystemVa + skip;
    size_t first = (size_t)((char *)target->StartVa - (char *)source->StartVa) / PAGE_SIZE;
    memcpy(target + 1, (PFN_NUMBER *)(source + 1) + first, pages * sizeof(PFN_NUMBER));
}
