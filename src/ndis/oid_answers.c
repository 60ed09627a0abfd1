// SPDX-License-Identifier: MIT
// The queries NDIS answers itself, from what the miniport said in its attributes and from what NDIS keeps per binding, so that a
// miniport never sees them [network/ndis-general-objects: "NDIS handles this OID for miniport drivers"].
#include <string.h>

#include "ndis/assist.h"
#include "ndis/offload.h"
#include "ndis/oid.h"
#include "ndis/rss.h"

NDIS_STATUS
ndis_oid_reply(NDIS_OID_REQUEST *request, const void *data, uint32_t bytes)
{
    struct _QUERY *query = (void *)&request->DATA.QUERY_INFORMATION;
    query->BytesNeeded = bytes;
    query->BytesWritten = 0;
    if (query->InformationBufferLength < bytes)
        return NDIS_STATUS_INVALID_LENGTH;
    if (bytes)
        memcpy(query->InformationBuffer, data, bytes);
    query->BytesWritten = bytes;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
reply_ulong(NDIS_OID_REQUEST *request, ULONG value)
{
    return ndis_oid_reply(request, &value, sizeof value);
}

// Link speed in units of 100 bits a second, as the old object wants it.
static NDIS_STATUS
reply_link_speed(NDIS_OID_REQUEST *request, const struct ndis_adapter *adapter)
{
    uint64_t units = adapter->link.XmitLinkSpeed == NDIS_LINK_SPEED_UNKNOWN ? 0 : adapter->link.XmitLinkSpeed / 100;
    return reply_ulong(request, units > UINT32_MAX ? UINT32_MAX : (ULONG)units);
}

static NDIS_STATUS
answer_link(NDIS_OID_REQUEST *request, const struct ndis_adapter *a, bool *known)
{
    switch (request->DATA.QUERY_INFORMATION.Oid) {
    case OID_GEN_LINK_SPEED:
        return reply_link_speed(request, a);
    case OID_GEN_MEDIA_CONNECT_STATUS:
        return reply_ulong(request, a->link.MediaConnectState == MediaConnectStateConnected ? NdisMediaStateConnected
                                                                                            : NdisMediaStateDisconnected);
    case OID_GEN_MEDIA_CONNECT_STATUS_EX:
        return reply_ulong(request, a->link.MediaConnectState);
    case OID_GEN_MEDIA_DUPLEX_STATE:
        return reply_ulong(request, a->link.MediaDuplexState);
    case OID_GEN_LINK_STATE:
        return ndis_oid_reply(request, &a->link, sizeof a->link);
    default:
        return ndis_rss_answer(request, a, known);
    }
}

static NDIS_STATUS
answer_general(NDIS_OID_REQUEST *request, const struct ndis_adapter *a, bool *known)
{
    const NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *g = &a->general;
    switch (request->DATA.QUERY_INFORMATION.Oid) {
    case OID_GEN_SUPPORTED_LIST:
        return ndis_oid_reply(request, a->supported_oids, a->supported_oid_count * sizeof(NDIS_OID));
    case OID_GEN_MEDIA_SUPPORTED:
    case OID_GEN_MEDIA_IN_USE:
        return reply_ulong(request, g->MediaType);
    case OID_GEN_PHYSICAL_MEDIUM:
        return reply_ulong(request, g->PhysicalMediumType);
    case OID_GEN_MAXIMUM_FRAME_SIZE:
        return reply_ulong(request, g->MtuSize);
    case OID_GEN_MAXIMUM_TOTAL_SIZE:
        return reply_ulong(request, g->MtuSize + 14);
    case OID_GEN_MAXIMUM_LOOKAHEAD:
        return reply_ulong(request, g->LookaheadSize);
    case OID_GEN_MAC_OPTIONS:
        return reply_ulong(request, g->MacOptions);
    case OID_GEN_DRIVER_VERSION:
        return ndis_oid_reply(request, &(USHORT){(USHORT)(a->driver->major << 8 | a->driver->minor)}, sizeof(USHORT));
    case OID_802_3_PERMANENT_ADDRESS:
        return ndis_oid_reply(request, a->permanent_mac, 6);
    case OID_802_3_CURRENT_ADDRESS:
        return ndis_oid_reply(request, a->current_mac, 6);
    case OID_802_3_MAXIMUM_LIST_SIZE:
        return reply_ulong(request, g->MaxMulticastListSize);
    default:
        return answer_link(request, a, known);
    }
}

// What NDIS keeps for each binding; NDIS itself and filters are told the sum.
static NDIS_STATUS
answer_kept(NDIS_OID_REQUEST *request, struct ndis_adapter *adapter, struct ndis_module *source, bool *known)
{
    struct ndis_binding *binding = NULL;
    if (source && source->kind == NDIS_KIND_BINDING)
        binding = CONTAINING_RECORD(source, struct ndis_binding, module);
    switch (request->DATA.QUERY_INFORMATION.Oid) {
    case OID_GEN_CURRENT_PACKET_FILTER:
        return reply_ulong(request, binding ? binding->packet_filter : adapter->packet_filter);
    case OID_GEN_CURRENT_LOOKAHEAD:
        return reply_ulong(request, binding && binding->lookahead ? binding->lookahead : adapter->lookahead);
    case OID_802_3_MULTICAST_LIST:
        if (binding)
            return ndis_oid_reply(request, binding->multicast, binding->multicast_count * 6);
        return ndis_oid_reply(request, adapter->multicast, adapter->multicast_count * 6);
    case OID_TCP_OFFLOAD_CURRENT_CONFIG:
    case OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES:
    case OID_OFFLOAD_ENCAPSULATION:
    case OID_TCP_CONNECTION_OFFLOAD_CURRENT_CONFIG:
    case OID_TCP_CONNECTION_OFFLOAD_HARDWARE_CAPABILITIES:
    case OID_TCP_CONNECTION_OFFLOAD_PARAMETERS:
        return ndis_offload_answer(request, adapter, known);
    default:
        return answer_general(request, adapter, known);
    }
}

bool
ndis_oid_answer(struct ndis_adapter *adapter, struct ndis_module *source, NDIS_OID_REQUEST *request, NDIS_STATUS *status)
{
    if (ndis_pm_answer(adapter, source, request, status))
        return true;
    if (request->RequestType != NdisRequestQueryInformation && request->RequestType != NdisRequestQueryStatistics)
        return false;
    bool known = true;
    NDIS_STATUS answer = answer_kept(request, adapter, source, &known);
    if (!known)
        answer = ndis_assist_answer(request, adapter, &known);
    if (known)
        *status = answer;
    return known;
}
