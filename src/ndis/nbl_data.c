// SPDX-License-Identifier: MIT
// The data of a NET_BUFFER: where it starts in its MDL chain, moving that start, reading it. DataOffset counts from the start of the
// chain; CurrentMdl and CurrentMdlOffset say the same place without walking [network/net-buffer-structure].
#include <string.h>

#include "ndis/nbl.h"

size_t
ndis_mdl_bytes(const void *va, size_t bytes)
{
    return sizeof(MDL) + sizeof(PFN_NUMBER) * ADDRESS_AND_SIZE_TO_SPAN_PAGES(va, bytes);
}

void
ndis_mdl_init(MDL *mdl, void *va, size_t bytes)
{
    size_t offset = (uintptr_t)va & (PAGE_SIZE - 1);
    size_t pages = ADDRESS_AND_SIZE_TO_SPAN_PAGES(va, bytes);
    *mdl = (MDL){.Size = (CSHORT)(sizeof *mdl + pages * sizeof(PFN_NUMBER)),
                 .MdlFlags = MDL_SOURCE_IS_NONPAGED_POOL | MDL_MAPPED_TO_SYSTEM_VA,
                 .MappedSystemVa = va,
                 .StartVa = (uint8_t *)va - offset,
                 .ByteOffset = (ULONG)offset,
                 .ByteCount = (ULONG)bytes};
    PFN_NUMBER *page = (PFN_NUMBER *)(mdl + 1);
    for (size_t i = 0; i < pages; i++)
        page[i] = ((uintptr_t)mdl->StartVa >> PAGE_SHIFT) + i;
}

void
ndis_nb_seek(NET_BUFFER *nb)
{
    ULONG offset = nb->DataOffset;
    MDL *mdl = nb->MdlChain;
    while (mdl && offset >= mdl->ByteCount && mdl->Next) {
        offset -= mdl->ByteCount;
        mdl = mdl->Next;
    }
    nb->CurrentMdl = mdl;
    nb->CurrentMdlOffset = offset;
}

void
ndis_nb_init(NET_BUFFER *nb, MDL *mdl, ULONG offset, SIZE_T bytes)
{
    memset(nb, 0, sizeof *nb);
    nb->MdlChain = mdl;
    nb->DataOffset = offset;
    nb->stDataLength = bytes;
    ndis_nb_seek(nb);
}

static uint8_t *
mdl_va(const MDL *mdl)
{
    return mdl->MappedSystemVa;
}

// MDLs that a retreat has put in front say so in their Process, so that an advance frees these and no others.
static const char data_mdl_ours, data_mdl_drivers;

// An MDL and its buffer in one piece, for a retreat that finds no room.
static MDL *
data_mdl_make(ULONG *bytes)
{
    size_t room = sizeof(MDL) + sizeof(PFN_NUMBER) * (*bytes / PAGE_SIZE + 2);
    room = (room + 15) & ~(size_t)15;
    uint8_t *block = ndis_alloc(room + *bytes);
    if (!block)
        return NULL;
    ndis_mdl_init((MDL *)block, block + room, *bytes);
    return (MDL *)block;
}

NDIS_STATUS
ndis_nb_retreat(NET_BUFFER *nb, ULONG delta, ULONG backfill, NET_BUFFER_ALLOCATE_MDL_HANDLER allocate)
{
    if (delta > UINT32_MAX - nb->DataLength)
        return NDIS_STATUS_FAILURE;           // no such data can be described
    if (delta > nb->DataOffset) {
        ULONG need = delta - nb->DataOffset, bytes = need + backfill;
        if (bytes < need)
            return NDIS_STATUS_RESOURCES;
        MDL *mdl = allocate ? allocate(&bytes) : data_mdl_make(&bytes);
        if (!mdl)
            return NDIS_STATUS_RESOURCES;
        mdl->Process = (void *)(allocate ? &data_mdl_drivers : &data_mdl_ours);
        mdl->Next = nb->MdlChain;
        nb->MdlChain = mdl;
        // What lies before the data in the new MDL: all of it but the part that is needed.
        nb->DataOffset = bytes - need;
    } else
        nb->DataOffset -= delta;
    nb->DataLength += delta;
    ndis_nb_seek(nb);
    return NDIS_STATUS_SUCCESS;
}

void
ndis_nb_advance(NET_BUFFER *nb, ULONG delta, BOOLEAN free_mdl, NET_BUFFER_FREE_MDL_HANDLER free_handler)
{
    nb->DataOffset += delta;
    nb->DataLength -= delta;
    // FreeMdl undoes retreats: MDLs of theirs that now lie wholly before the data go back to where they came from.
    while (free_mdl && nb->MdlChain && nb->DataOffset >= nb->MdlChain->ByteCount && nb->MdlChain->Next) {
        MDL *mdl = nb->MdlChain;
        bool is_ours = (void *)mdl->Process == &data_mdl_ours, is_drivers = (void *)mdl->Process == &data_mdl_drivers && free_handler;
        if (!is_ours && !is_drivers)
            break;
        nb->MdlChain = mdl->Next;
        nb->DataOffset -= mdl->ByteCount;
        if (is_drivers)
            free_handler(mdl);
        else
            ndis_free(mdl);
    }
    ndis_nb_seek(nb);
}

size_t
ndis_nb_read(const NET_BUFFER *nb, size_t offset, void *out, size_t bytes)
{
    if (offset >= nb->DataLength)
        return 0;
    if (bytes > nb->DataLength - offset)
        bytes = nb->DataLength - offset;
    size_t done = 0, skip = nb->CurrentMdlOffset + offset;
    for (MDL *mdl = nb->CurrentMdl; mdl && done < bytes; mdl = mdl->Next) {
        if (skip >= mdl->ByteCount) {
            skip -= mdl->ByteCount;
            continue;
        }
        size_t part = mdl->ByteCount - skip;
        if (part > bytes - done)
            part = bytes - done;
        memcpy((uint8_t *)out + done, mdl_va(mdl) + skip, part);
        done += part;
        skip = 0;
    }
    return done;
}

void *
ndis_nb_data(NET_BUFFER *nb, ULONG bytes, void *storage, UINT align, UINT align_offset)
{
    if (!bytes || bytes > nb->DataLength || !nb->CurrentMdl)
        return NULL;
    MDL *mdl = nb->CurrentMdl;
    if (mdl->ByteCount - nb->CurrentMdlOffset >= bytes) {
        uint8_t *data = mdl_va(mdl) + nb->CurrentMdlOffset;
        if (align <= 1 || ((uintptr_t)data - align_offset) % align == 0)
            return data;
    }
    if (!storage || ndis_nb_read(nb, 0, storage, bytes) != bytes)
        return NULL;
    return storage;
}
