// SPDX-License-Identifier: MIT
// NDIS_OBJECT_HEADER: what is written into structures for drivers and what is demanded of theirs.
// [ndis/ns-ntddndis-_ndis_object_header]
#ifndef NBX_NDIS_HEADER_H
#define NBX_NDIS_HEADER_H

#include <ndis.h>
#include <stdbool.h>

// UNSURE: no page gives the value of this type; drivers do not look at it.
#define NDIS_GENERIC_OBJECT_TYPE 0x02

static inline NDIS_OBJECT_HEADER
ndis_header(UCHAR type, UCHAR revision, USHORT bytes)
{
    return (NDIS_OBJECT_HEADER){.Type = type, .Revision = revision, .Size = bytes};
}

// A driver's structure: right type, a revision of at least 1, and no smaller than what revision 1 has.
static inline bool
ndis_header_is(const NDIS_OBJECT_HEADER *header, UCHAR type, USHORT least_bytes)
{
    return header->Type == type && header->Revision >= 1 && header->Size >= least_bytes;
}

// Bytes of the driver's structure that we may read: never more than ours.
static inline size_t
ndis_header_bytes(const NDIS_OBJECT_HEADER *header, size_t ours)
{
    return header->Size < ours ? header->Size : ours;
}

#endif
