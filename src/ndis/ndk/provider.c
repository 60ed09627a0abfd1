// SPDX-License-Identifier: MIT
// A miniport as an NDK provider: what it registers, what it says of an adapter, how it switches NDK on and off.
//   MiniportSetOptions    NdisSetOptionalHandlers -> ndis_ndk_provider_set: the two handlers, once a driver
//   MiniportInitializeEx  NdisMSetMiniportAttributes -> ndis_ndk_attributes: enabled or not, and the capabilities
//   any time              OID_NDK_SET_STATE goes to the miniport as every OID does; when NDK is on or off the miniport says so with
//                         NetEventNDKEnable or NetEventNDKDisable -> ndis_ndk_event: bindings and filters hear of it, then the clients;
//                         Disable "will remain pending until all of the opened NDK_ADAPTER instances over the adapter are closed"
// OID_NDK_STATISTICS, OID_NDK_CONNECTIONS and OID_NDK_LOCAL_ENDPOINTS are the miniport's alone, regular or direct.
// [network/initializing-an-ndk-capable-miniport-driver], [network/initializing-an-ndk-miniport-adapter],
// [network/enabling-and-disabling-ndk-functionality], [ndis/nf-ndis-ndissetoptionalhandlers]
#include <string.h>

#include "ndis/header.h"
#include "ndis/ndk/ndk_int.h"

NDIS_STATUS
ndis_ndk_provider_set(struct ndis_miniport_driver *driver, const NDIS_OBJECT_HEADER *handlers)
{
    const NDIS_NDK_PROVIDER_CHARACTERISTICS *chars = (const void *)handlers;
    // The page has this status for a driver below NDIS 6.0; NDK needs 6.30 [ndisndk/ns-ndisndk-_ndis_open_ndk_adapter_parameters].
    if (driver->minor < 30)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (!ndis_header_is(handlers, NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS, NDIS_SIZEOF_NDK_PROVIDER_CHARACTERISTICS_REVISION_1) ||
        chars->Flags || !chars->OpenNDKAdapterHandler || !chars->CloseNDKAdapterHandler)
        return NDIS_STATUS_FAILURE;
    driver->ndk_open = chars->OpenNDKAdapterHandler;
    driver->ndk_close = chars->CloseNDKAdapterHandler;
    return NDIS_STATUS_SUCCESS;
}

// ---- the adapter --------------------------------------------------------------------------------------------------------------------

NDIS_STATUS
ndis_ndk_attributes(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES *attributes)
{
    const NDIS_NDK_CAPABILITIES *capabilities = attributes->NdkCapabilities;
    // "An NDK-capable adapter must indicate its NDK capabilities in its MiniportInitializeEx function".
    if (!adapter->initializing || !adapter->have_general || adapter->ndk || !adapter->driver->ndk_open)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (!capabilities || !capabilities->NdkInfo ||
        !ndis_header_is(&capabilities->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_NDK_CAPABILITIES_REVISION_1))
        return NDIS_STATUS_INVALID_PARAMETER;
    struct ndis_ndk *ndk = ndis_alloc(sizeof *ndk);
    if (!ndk)
        return NDIS_STATUS_RESOURCES;
    ndk->capabilities = *capabilities;
    ndk->capabilities.Header =
        ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_NDK_CAPABILITIES_REVISION_1, NDIS_SIZEOF_NDK_CAPABILITIES_REVISION_1);
    ndk->info = *capabilities->NdkInfo;
    ndk->capabilities.NdkInfo = &ndk->info;
    ndk->is_enabled = attributes->Enabled;
    ke_latch_reset(&ndk->none);
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    adapter->ndk = ndk;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return NDIS_STATUS_SUCCESS;
}

void
ndis_ndk_drop(struct ndis_adapter *adapter)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    struct ndis_ndk *ndk = adapter->ndk;
    adapter->ndk = NULL;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    ndis_free(ndk);
}

void
ndis_ndk_bind(const struct ndis_adapter *adapter, NDIS_BIND_PARAMETERS *parameters)
{
    if (!adapter->ndk)
        return;
    parameters->NDKEnabled = adapter->ndk->is_enabled;
    parameters->NDKCapabilities = &adapter->ndk->capabilities;
}

// ---- on and off ---------------------------------------------------------------------------------------------------------------------

struct ndk_event_call {
    struct ndis_adapter *adapter;
    NET_PNP_EVENT_NOTIFICATION *event;
    bool is_known;
};

static void
ndk_event_work(void *arg)
{
    struct ndk_event_call *call = arg;
    struct ndis_ndk *ndk = call->adapter->ndk;
    if (!(call->is_known = ndk != NULL))
        return;
    ndk->is_enabled = call->event->NetPnPEvent.NetEvent == NetEventNDKEnable;
    ndis_event_up(&call->adapter->module, call->event);
    if (ndk->is_enabled)
        ndis_ndk_arrive(call->adapter);
    else
        ndis_ndk_depart(call->adapter, NDIS_NDK_DISABLED);
}

bool
ndis_ndk_event(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    struct ndk_event_call call = {.adapter = adapter, .event = event};
    ndis_pnp_run(adapter->module.ndis, ndk_event_work, &call);
    return call.is_known;
}
