// SPDX-License-Identifier: MIT
// See assist.h. Nothing here switches anything on: there are no virtual machines to give a queue to, and no peer that speaks DCB. But a
// miniport says what it has, and whoever asks NDIS is told [network/oid-receive-filter-hardware-capabilities: NDIS handles it].
//   NdisMSetMiniportAttributes -> ndis_assist_set: one block, all copies
//   OID query, bind -> the copies
#include "ndis/assist.h"

#include <string.h>

#include "ndis/header.h"
#include "ndis/oid.h"

struct ndis_assist {
    NDIS_HD_SPLIT_ATTRIBUTES hd_split;
    NDIS_RECEIVE_FILTER_CAPABILITIES filter_hardware, filter_current;
    NDIS_NIC_SWITCH_CAPABILITIES switch_hardware, switch_current;
    NDIS_QOS_CAPABILITIES qos_hardware, qos_current;
};

// Copy one structure; one that is not given stays all zero, its header included.
static void
keep(void *copy, const void *source, size_t ours)
{
    if (!source)
        return;
    memcpy(copy, source, ndis_header_bytes(source, ours));
    ((NDIS_OBJECT_HEADER *)copy)->Size = (USHORT)ndis_header_bytes(source, ours);   // a later revision than we know loses its end
}

NDIS_STATUS
ndis_assist_set(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES *given)
{
    NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES a = {0};
    if (!adapter->have_general)
        return NDIS_STATUS_INVALID_PARAMETER;
    memcpy(&a, given, ndis_header_known(&given->Header, &ndis_kind_assist));
    struct ndis_assist *assist = ndis_alloc(sizeof *assist);
    if (!assist)
        return NDIS_STATUS_RESOURCES;
    *assist = (struct ndis_assist){0};
    keep(&assist->hd_split, a.HDSplitAttributes, sizeof assist->hd_split);
    keep(&assist->filter_hardware, a.HardwareReceiveFilterCapabilities, sizeof assist->filter_hardware);
    keep(&assist->filter_current, a.CurrentReceiveFilterCapabilities, sizeof assist->filter_current);
    keep(&assist->switch_hardware, a.HardwareNicSwitchCapabilities, sizeof assist->switch_hardware);
    keep(&assist->switch_current, a.CurrentNicSwitchCapabilities, sizeof assist->switch_current);
    keep(&assist->qos_hardware, a.HardwareQosCapabilities, sizeof assist->qos_hardware);
    keep(&assist->qos_current, a.CurrentQosCapabilities, sizeof assist->qos_current);
    ndis_free(adapter->assist);
    adapter->assist = assist;
    return NDIS_STATUS_SUCCESS;
}

void
ndis_assist_drop(struct ndis_adapter *adapter)
{
    ndis_free(adapter->assist);
    adapter->assist = NULL;
}

// A structure as long as its own header says; NOT_SUPPORTED if the miniport gave none.
static NDIS_STATUS
reply(NDIS_OID_REQUEST *request, const NDIS_OBJECT_HEADER *header)
{
    return header->Size ? ndis_oid_reply(request, header, header->Size) : NDIS_STATUS_NOT_SUPPORTED;
}

NDIS_STATUS
ndis_assist_answer(NDIS_OID_REQUEST *request, const struct ndis_adapter *adapter, bool *known)
{
    const struct ndis_assist *assist = adapter->assist;
    *known = assist != NULL;
    if (!assist)
        return NDIS_STATUS_NOT_SUPPORTED;
    switch (request->DATA.QUERY_INFORMATION.Oid) {
    case OID_RECEIVE_FILTER_HARDWARE_CAPABILITIES:
        return reply(request, &assist->filter_hardware.Header);
    case OID_RECEIVE_FILTER_CURRENT_CAPABILITIES:
        return reply(request, &assist->filter_current.Header);
    case OID_QOS_HARDWARE_CAPABILITIES:
        return reply(request, &assist->qos_hardware.Header);
    case OID_QOS_CURRENT_CAPABILITIES:
        return reply(request, &assist->qos_current.Header);
    default:
        *known = false;
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

void
ndis_assist_bind(const struct ndis_adapter *adapter, NDIS_BIND_PARAMETERS *p)
{
    struct ndis_assist *assist = adapter->assist;
    if (assist && assist->filter_current.Header.Size)
        p->ReceiveFilterCapabilities = &assist->filter_current;
    if (assist && assist->switch_current.Header.Size)
        p->NicSwitchCapabilities = &assist->switch_current;
}
