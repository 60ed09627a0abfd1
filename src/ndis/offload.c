// SPDX-License-Identifier: MIT
// Task offload: what NDIS answers for a miniport, and how it learns of changes.
//   attributes (miniport.c)        default configuration and hardware capabilities, as they are at initialise
//   status indications from below  NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG and _HARDWARE_CAPABILITIES take their place
//   OID_TCP_OFFLOAD_PARAMETERS     on its way down its settings are written as the adapter's keywords, unless a flag forbids it
//   OID_OFFLOAD_ENCAPSULATION      remembered when the miniport has said yes; the query shows it
// [network/oid-tcp-offload-current-config], [network/oid-tcp-offload-hardware-capabilities], [network/oid-tcp-offload-parameters],
// [network/oid-offload-encapsulation], [network/standardized-inf-keywords-for-task-offload]
#include "ndis/offload.h"

#include <string.h>

#include "ndis/chimney.h"
#include "ndis/header.h"
#include "ndis/oid.h"
#include "nt/cm/cm.h"
#include "verify/refuse.h"
#include "verify/report.h"

// A copy as long as its header says. irql: <= DISPATCH
static bool
offload_copy(struct ndis_adapter *adapter, NDIS_OFFLOAD *const *from, NDIS_OFFLOAD *out)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    bool is_there = *from != NULL;
    if (is_there)
        memcpy(out, *from, sizeof *out);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return is_there;
}

NDIS_OFFLOAD *
ndis_offload_current(struct ndis_adapter *adapter, NDIS_OFFLOAD *out)
{
    return offload_copy(adapter, &adapter->offload_default, out) ? out : NULL;
}

// ---- changes ----------------------------------------------------------------------------------------------------------------------

void
ndis_offload_indicated(struct ndis_adapter *adapter, const NDIS_STATUS_INDICATION *indication)
{
    NDIS_OFFLOAD **kept = indication->StatusCode == NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG          ? &adapter->offload_default
                          : indication->StatusCode == NDIS_STATUS_TASK_OFFLOAD_HARDWARE_CAPABILITIES ? &adapter->offload_hardware
                                                                                                      : NULL;
    const NDIS_OFFLOAD *now = indication->StatusBuffer;
    if (!kept) {
        ndis_chimney_indicated(adapter, indication);
        return;
    }
    if (!now || indication->StatusBufferSize < NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1 || indication->StatusBufferSize < now->Header.Size ||
        !ndis_header_is(&now->Header, NDIS_OBJECT_TYPE_OFFLOAD, NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1))
        verify_rule_fatal(NBX_0118, "NdisMIndicateStatusEx", "the status buffer holds no NDIS_OFFLOAD");
    NDIS_OFFLOAD *copy = ndis_alloc(sizeof *copy);
    if (!copy)
        return;
    memcpy(copy, now, ndis_header_bytes(&now->Header, sizeof *copy));
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    NDIS_OFFLOAD *before = *kept;
    *kept = copy;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    ndis_free(before);
}

// Each setting counts from 1; 0 is "no change", and the keyword's value is one less.
static const struct {
    const char *keyword;
    uint16_t offset, highest;
} offload_keywords[] = {
    {"*IPChecksumOffloadIPv4", offsetof(NDIS_OFFLOAD_PARAMETERS, IPv4Checksum), 4},
    {"*TCPChecksumOffloadIPv4", offsetof(NDIS_OFFLOAD_PARAMETERS, TCPIPv4Checksum), 4},
    {"*UDPChecksumOffloadIPv4", offsetof(NDIS_OFFLOAD_PARAMETERS, UDPIPv4Checksum), 4},
    {"*TCPChecksumOffloadIPv6", offsetof(NDIS_OFFLOAD_PARAMETERS, TCPIPv6Checksum), 4},
    {"*UDPChecksumOffloadIPv6", offsetof(NDIS_OFFLOAD_PARAMETERS, UDPIPv6Checksum), 4},
    {"*LsoV1IPv4", offsetof(NDIS_OFFLOAD_PARAMETERS, LsoV1), 2},
    {"*LsoV2IPv4", offsetof(NDIS_OFFLOAD_PARAMETERS, LsoV2IPv4), 2},
    {"*LsoV2IPv6", offsetof(NDIS_OFFLOAD_PARAMETERS, LsoV2IPv6), 2},
    {"*RscIPv4", offsetof(NDIS_OFFLOAD_PARAMETERS, RscIPv4), 2},
    {"*RscIPv6", offsetof(NDIS_OFFLOAD_PARAMETERS, RscIPv6), 2},
};

void
ndis_offload_keywords(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request)
{
    const struct _SET *set = (const void *)&request->DATA.SET_INFORMATION;
    const NDIS_OFFLOAD_PARAMETERS *p = set->InformationBuffer;
    struct box *box = adapter->module.ndis->box;
    if (request->RequestType != NdisRequestSetInformation || set->Oid != OID_TCP_OFFLOAD_PARAMETERS ||
        set->InformationBufferLength < NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1 ||
        (p->Flags & NDIS_OFFLOAD_PARAMETERS_SKIP_REGISTRY_UPDATE))
        return;
    struct cm_key *key = cm_key_open(box, adapter->registry_path);
    for (size_t i = 0; key && i < sizeof offload_keywords / sizeof *offload_keywords; i++) {
        if (offload_keywords[i].offset >= set->InformationBufferLength || offload_keywords[i].offset >= p->Header.Size)
            continue;
        uint8_t value = ((const uint8_t *)p)[offload_keywords[i].offset];
        if (value != NDIS_OFFLOAD_PARAMETERS_NO_CHANGE && value <= offload_keywords[i].highest)
            cm_set_sz(box, key, offload_keywords[i].keyword, (char[2]){(char)('0' + value - 1), 0});
    }
}

void
ndis_offload_noted(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request, const struct ndis_module *by)
{
    const struct _SET *set = (const void *)&request->DATA.SET_INFORMATION;
    ndis_chimney_noted(adapter, request, by);
    if (request->RequestType != NdisRequestSetInformation || set->Oid != OID_OFFLOAD_ENCAPSULATION ||
        set->InformationBufferLength < NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1)
        return;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    memcpy(&adapter->encapsulation, set->InformationBuffer, NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1);
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

// ---- queries ----------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
offload_reply(NDIS_OID_REQUEST *request, struct ndis_adapter *adapter, NDIS_OFFLOAD *const *from)
{
    NDIS_OFFLOAD copy;
    if (!offload_copy(adapter, from, &copy))
        return NDIS_STATUS_NOT_SUPPORTED;     // the miniport has told none
    NDIS_STATUS status = ndis_oid_reply(request, &copy, (uint32_t)ndis_header_bytes(&copy.Header, sizeof copy));
    return status == NDIS_STATUS_INVALID_LENGTH ? NDIS_STATUS_BUFFER_TOO_SHORT : status;
}

static NDIS_STATUS
encapsulation_reply(NDIS_OID_REQUEST *request, struct ndis_adapter *adapter)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    NDIS_OFFLOAD_ENCAPSULATION copy = adapter->encapsulation;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    // A query may come only after a set.
    return copy.Header.Size ? ndis_oid_reply(request, &copy, NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1) : NDIS_STATUS_FAILURE;
}

NDIS_STATUS
ndis_offload_answer(NDIS_OID_REQUEST *request, struct ndis_adapter *adapter, bool *known)
{
    switch (request->DATA.QUERY_INFORMATION.Oid) {
    case OID_TCP_OFFLOAD_CURRENT_CONFIG:
        return offload_reply(request, adapter, &adapter->offload_default);
    case OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES:
        return offload_reply(request, adapter, &adapter->offload_hardware);
    case OID_OFFLOAD_ENCAPSULATION:
        return encapsulation_reply(request, adapter);
    default:
        return ndis_chimney_answer(request, adapter, known);
    }
}
