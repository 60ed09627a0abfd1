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

// A kind of structure that has grown: the size of each revision that we know, oldest first.
struct ndis_header_kind {
    UCHAR type, newest;
    USHORT bytes[4];
};

// What comes through the doors in more than one revision (header.c).
extern const struct ndis_header_kind ndis_kind_miniport_driver, ndis_kind_filter_driver, ndis_kind_protocol_driver;
extern const struct ndis_header_kind ndis_kind_registration, ndis_kind_general, ndis_kind_offload, ndis_kind_assist,
    ndis_kind_ndk;
extern const struct ndis_header_kind ndis_kind_oid_request, ndis_kind_pm_capabilities, ndis_kind_pm_parameters;
extern const struct ndis_header_kind ndis_kind_rss_capabilities, ndis_kind_queue_parameters, ndis_kind_filter_parameters;
extern const struct ndis_header_kind ndis_kind_nbl_pool, ndis_kind_nb_pool, ndis_kind_shared_memory;

// Right type, a revision of at least 1, and no smaller than that revision is. One that we do not know yet begins like the newest that
// we do: "the higher version structure is always compatible" [network/version-information-requirements-for-ndis-drivers].
bool ndis_header_fits(const NDIS_OBJECT_HEADER *header, const struct ndis_header_kind *kind);
// Bytes that we may read of one that fits: those of its revision, however large the driver says that it is.
size_t ndis_header_known(const NDIS_OBJECT_HEADER *header, const struct ndis_header_kind *kind);

// Is there such an NDIS 6 that a driver may register for? The numbers are those of the characteristics' pages and of the list of versions
// [network/overview-of-ndis-versions].
bool ndis_version_is_known(uint8_t major, uint8_t minor);

// A driver's registration is refused: its user is told what was wrong with it. Returns NDIS_STATUS_BAD_CHARACTERISTICS.
NDIS_STATUS ndis_registration_refuse(const char *function, const char *why);

// Bytes of the driver's structure that we may read: never more than ours.
static inline size_t
ndis_header_bytes(const NDIS_OBJECT_HEADER *header, size_t ours)
{
    return header->Size < ours ? header->Size : ours;
}

#endif
