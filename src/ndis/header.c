// SPDX-License-Identifier: MIT
// The revisions of structures that drivers hand to NDIS, and the versions of NDIS that they may register for.
//   a revision that a later NDIS brought is taken from an older driver, and an old one from a newer driver: public drivers do both
//   (UNSURE: one guide page says that NDIS fails a call with a revision older than the driver's NDIS has; drivers that run on Windows
//   register NDIS 6.85 with the first revision of the registration attributes)
//   a size too small for the revision is refused; what a revision does not have is not read, whatever the size says
// [objectheader/ns-objectheader-ndis_object_header], [network/version-information-requirements-for-ndis]
#include "ndis/header.h"

#include "ndis/ndis_int.h"

#define ASSIST_BYTES(revision) NDIS_SIZEOF_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES_REVISION_##revision

const struct ndis_header_kind ndis_kind_miniport_driver = {
    NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS,
    3,
    {NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1, NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2,
     NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3}};
const struct ndis_header_kind ndis_kind_filter_driver = {
    NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS,
    3,
    {NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_1, NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2,
     NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_3}};
const struct ndis_header_kind ndis_kind_protocol_driver = {
    NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS,
    2,
    {NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1, NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2}};

const struct ndis_header_kind ndis_kind_registration = {
    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
    2,
    {NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_2}};
const struct ndis_header_kind ndis_kind_general = {
    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
    2,
    {NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2}};
const struct ndis_header_kind ndis_kind_offload = {
    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES, 1, {NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1}};
const struct ndis_header_kind ndis_kind_assist = {
    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES,
    4,
    {ASSIST_BYTES(1), ASSIST_BYTES(2), ASSIST_BYTES(3), ASSIST_BYTES(4)}};

const struct ndis_header_kind ndis_kind_ndk = {
    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES, 1, {NDIS_SIZEOF_MINIPORT_ADAPTER_NDK_ATTRIBUTES_REVISION_1}};

const struct ndis_header_kind ndis_kind_oid_request = {
    NDIS_OBJECT_TYPE_OID_REQUEST, 2, {NDIS_SIZEOF_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_2}};
const struct ndis_header_kind ndis_kind_pm_capabilities = {
    NDIS_OBJECT_TYPE_DEFAULT, 2, {NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1, NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_2}};
const struct ndis_header_kind ndis_kind_pm_parameters = {
    NDIS_OBJECT_TYPE_DEFAULT, 2, {NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_2}};
const struct ndis_header_kind ndis_kind_rss_capabilities = {
    NDIS_OBJECT_TYPE_RSS_CAPABILITIES,
    3,
    {NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_1, NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_2,
     NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_3}};
const struct ndis_header_kind ndis_kind_queue_parameters = {
    NDIS_OBJECT_TYPE_DEFAULT, 2, {NDIS_SIZEOF_RECEIVE_QUEUE_PARAMETERS_REVISION_1, NDIS_SIZEOF_RECEIVE_QUEUE_PARAMETERS_REVISION_2}};
const struct ndis_header_kind ndis_kind_filter_parameters = {
    NDIS_OBJECT_TYPE_DEFAULT, 2, {NDIS_SIZEOF_RECEIVE_FILTER_PARAMETERS_REVISION_1, NDIS_SIZEOF_RECEIVE_FILTER_PARAMETERS_REVISION_2}};
const struct ndis_header_kind ndis_kind_nbl_pool = {
    NDIS_OBJECT_TYPE_DEFAULT,
    2,
    {NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1, NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2}};
const struct ndis_header_kind ndis_kind_nb_pool = {
    NDIS_OBJECT_TYPE_DEFAULT, 2, {NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1, NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2}};
const struct ndis_header_kind ndis_kind_shared_memory = {
    NDIS_OBJECT_TYPE_DEFAULT, 2, {NDIS_SIZEOF_SHARED_MEMORY_PARAMETERS_REVISION_1, NDIS_SIZEOF_SHARED_MEMORY_PARAMETERS_REVISION_2}};

static USHORT
revision_bytes(const NDIS_OBJECT_HEADER *header, const struct ndis_header_kind *kind)
{
    return kind->bytes[(header->Revision < kind->newest ? header->Revision : kind->newest) - 1];
}

bool
ndis_header_fits(const NDIS_OBJECT_HEADER *header, const struct ndis_header_kind *kind)
{
    return header->Type == kind->type && header->Revision >= 1 && header->Size >= revision_bytes(header, kind);
}

size_t
ndis_header_known(const NDIS_OBJECT_HEADER *header, const struct ndis_header_kind *kind)
{
    return revision_bytes(header, kind);
}

bool
ndis_version_is_known(uint8_t major, uint8_t minor)
{
    static const uint8_t minors[] = {0, 1, 20, 30, 40, 50, 51, 60, 70, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89};
    for (size_t i = 0; i < sizeof minors; i++)
        if (major == 6 && minor == minors[i])
            return true;
    return false;
}

NDIS_STATUS
ndis_registration_refuse(const char *function, const char *why)
{
    const struct io_image *image = ke_self()->driver;
    box_message(box_self(), "%s: %s is refused: %s", image ? image->name : "?", function, why);
    return NDIS_STATUS_BAD_CHARACTERISTICS;
}
