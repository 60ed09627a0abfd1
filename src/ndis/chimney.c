// SPDX-License-Identifier: MIT
// What NDIS keeps for the TCP chimney:
//   handlers     a target's (provider) and a host stack's (client), generic and TCP, each its own structure; an intermediate driver has
//                all four
//   capabilities NDIS_TCP_CONNECTION_OFFLOAD, current and of the hardware, as the offload attributes said; a MUX intermediate driver may
//                indicate other hardware later. OID_TCP_CONNECTION_OFFLOAD_CURRENT_CONFIG and _HARDWARE_CAPABILITIES are answered here
//   parameters   OID_TCP_CONNECTION_OFFLOAD_PARAMETERS goes to the miniport when set and is remembered when that said yes; the query shows
//                what was remembered. Before the first set it goes to the miniport too: one page has NDIS answer it, another the miniport
// OID_TCP4_OFFLOAD_STATS, OID_IP4_OFFLOAD_STATS and their IPv6 sisters are the miniport's alone: they pass as any other object does.
// [ndischimney/ns-ndischimney-_ndis_provider_chimney_offload_generic_characteristics] and kin,
// [network/oid-tcp-connection-offload-current-config], [network/oid-tcp-connection-offload-parameters]
#include "ndis/chimney.h"

#include <string.h>

#include "ndis/header.h"
#include "ndis/oid.h"
#include "verify/report.h"

// ---- handlers -----------------------------------------------------------------------------------------------------------------------

// The handlers are the pointers from `first` to the end. No page calls one of them optional.
static bool
handlers_fit(const NDIS_OBJECT_HEADER *header, size_t first, size_t bytes)
{
    if (header->Revision < 1 || header->Size < bytes)
        return false;
    for (size_t at = first; at < bytes; at += sizeof(void *)) {
        void *handler;
        memcpy(&handler, (const uint8_t *)header + at, sizeof handler);
        if (!handler)
            return false;
    }
    return true;
}

bool
ndis_chimney_provider_set(struct ndis_chimney_provider *provider, const NDIS_OBJECT_HEADER *handlers, NDIS_STATUS *status)
{
    const NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS *generic = (const void *)handlers;
    const NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS *tcp = (const void *)handlers;
    *status = NDIS_STATUS_FAILURE;
    if (handlers->Type == NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS) {
        if (handlers_fit(handlers, offsetof(typeof(*generic), InitiateOffloadHandler), sizeof *generic)) {
            provider->generic = *generic;
            *status = NDIS_STATUS_SUCCESS;
        }
        return true;
    }
    if (handlers->Type != NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_CHARACTERISTICS)
        return false;
    if (handlers_fit(handlers, offsetof(typeof(*tcp), TcpOffloadSendHandler), sizeof *tcp) && tcp->OffloadType == NdisTcpChimneyOffload) {
        provider->tcp = *tcp;
        *status = NDIS_STATUS_SUCCESS;
    }
    return true;
}

bool
ndis_chimney_client_set(struct ndis_chimney_client *client, const NDIS_OBJECT_HEADER *handlers, NDIS_STATUS *status)
{
    const NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS *generic = (const void *)handlers;
    const NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS *tcp = (const void *)handlers;
    *status = NDIS_STATUS_FAILURE;
    if (handlers->Type == NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS) {
        if (handlers_fit(handlers, offsetof(typeof(*generic), InitiateOffloadCompleteHandler), sizeof *generic)) {
            client->generic = *generic;
            *status = NDIS_STATUS_SUCCESS;
        }
        return true;
    }
    if (handlers->Type != NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS)
        return false;
    if (handlers_fit(handlers, offsetof(typeof(*tcp), TcpOffloadSendCompleteHandler), sizeof *tcp) &&
        tcp->OffloadType == NdisTcpChimneyOffload) {
        client->tcp = *tcp;
        *status = NDIS_STATUS_SUCCESS;
    }
    return true;
}

// ---- capabilities and parameters --------------------------------------------------------------------------------------------------------

static void
capabilities_take(NDIS_TCP_CONNECTION_OFFLOAD *kept, const NDIS_TCP_CONNECTION_OFFLOAD *from)
{
    memset(kept, 0, sizeof *kept);
    if (from)
        memcpy(kept, from, ndis_header_bytes(&from->Header, sizeof *kept));
}

void
ndis_chimney_attributes(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES *attributes)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    capabilities_take(&adapter->connection.now, attributes->DefaultTcpConnectionOffloadConfiguration);
    capabilities_take(&adapter->connection.hardware, attributes->TcpConnectionOffloadHardwareCapabilities);
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

NDIS_TCP_CONNECTION_OFFLOAD *
ndis_chimney_current(struct ndis_adapter *adapter, NDIS_TCP_CONNECTION_OFFLOAD *out)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    *out = adapter->connection.now;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return out->Header.Size ? out : NULL;
}

void
ndis_chimney_indicated(struct ndis_adapter *adapter, const NDIS_STATUS_INDICATION *indication)
{
    const NDIS_TCP_CONNECTION_OFFLOAD *now = indication->StatusBuffer;
    if (indication->StatusCode != NDIS_STATUS_TCP_CONNECTION_OFFLOAD_HARDWARE_CAPABILITIES)
        return;
    if (!now || indication->StatusBufferSize < sizeof *now || now->Header.Size < sizeof *now || now->Header.Revision < 1)
        verify_rule_fatal(NBX_0118, "NdisMIndicateStatusEx", "the status buffer holds no NDIS_TCP_CONNECTION_OFFLOAD");
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    capabilities_take(&adapter->connection.hardware, now);
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

void
ndis_chimney_noted(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request, const struct ndis_module *by)
{
    const struct _SET *set = (const void *)&request->DATA.SET_INFORMATION;
    const NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS *p = set->InformationBuffer;
    size_t least = offsetof(NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS, NceStaleTicks) + sizeof p->NceStaleTicks;
    if (request->RequestType != NdisRequestSetInformation || set->Oid != OID_TCP_CONNECTION_OFFLOAD_PARAMETERS ||
        set->InformationBufferLength < least || p->Header.Size < least || p->Header.Size > set->InformationBufferLength)
        return;
    ULONG ticks = p->TicksPerSecond;
    if (adapter->module.ndis->box->verify && by && ticks != 10 && ticks != 100 && ticks != 1000)
        verify_report(&(struct verify_finding){.rule = NBX_0627, .driver = by->image, .function = "NdisOidRequest",
                                               .text = "sets OID_TCP_CONNECTION_OFFLOAD_PARAMETERS with a TicksPerSecond that is not "
                                                       "10, 100 or 1000, and the target takes it"});
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    memset(&adapter->connection.parameters, 0, sizeof adapter->connection.parameters);
    memcpy(&adapter->connection.parameters, p, ndis_header_bytes(&p->Header, sizeof *p));
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

static NDIS_STATUS
chimney_reply(NDIS_OID_REQUEST *request, const void *what, size_t ours)
{
    const NDIS_OBJECT_HEADER *header = what;
    NDIS_STATUS status = ndis_oid_reply(request, what, (uint32_t)ndis_header_bytes(header, ours));
    return status == NDIS_STATUS_INVALID_LENGTH ? NDIS_STATUS_BUFFER_TOO_SHORT : status;
}

NDIS_STATUS
ndis_chimney_answer(NDIS_OID_REQUEST *request, struct ndis_adapter *adapter, bool *known)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    NDIS_TCP_CONNECTION_OFFLOAD now = adapter->connection.now, hardware = adapter->connection.hardware;
    NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS parameters = adapter->connection.parameters;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    switch (request->DATA.QUERY_INFORMATION.Oid) {
    case OID_TCP_CONNECTION_OFFLOAD_CURRENT_CONFIG:
        return now.Header.Size ? chimney_reply(request, &now, sizeof now) : NDIS_STATUS_NOT_SUPPORTED;
    case OID_TCP_CONNECTION_OFFLOAD_HARDWARE_CAPABILITIES:
        return hardware.Header.Size ? chimney_reply(request, &hardware, sizeof hardware) : NDIS_STATUS_NOT_SUPPORTED;
    case OID_TCP_CONNECTION_OFFLOAD_PARAMETERS:
        *known = parameters.Header.Size != 0;
        return *known ? chimney_reply(request, &parameters, sizeof parameters) : NDIS_STATUS_NOT_SUPPORTED;
    default:
        *known = false;
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

void
ndis_chimney_closing(const struct ndis_binding *binding)
{
    uint32_t left = atomic_load(&binding->offloads);
    uint32_t lent = atomic_load(&binding->chimney_lent);
    if (left && binding->module.ndis->box->verify)
        verify_rule_broken(NBX_0608, "NdisCloseAdapterEx", "is called over %u offloaded objects: nobody can terminate them now", left);
    if (lent)
        verify_rule_broken(NBX_0626, "NdisCloseAdapterEx",
                           "is called over %u NET_BUFFER_LISTs that the offload target indicated: they were not returned", lent);
}
