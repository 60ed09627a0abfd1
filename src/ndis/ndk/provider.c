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
#include <stdlib.h>
#include <string.h>

#include "ndis/header.h"
#include "ndis/ndk/ndk_int.h"
#include "nt/cm/cm.h"
#include "verify/report.h"
#include "verify/verify.h"

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

// ---- the keyword -----------------------------------------------------------------------------------------------------------------------

// The administrator's word: is it there, and 0?   irql: PASSIVE
static bool
keyword_is_off(const struct ndis_adapter *adapter)
{
    static const WCHAR name[] = L"*NetworkDirect";
    static const WCHAR zero[] = L"0";
    UNICODE_STRING keyword = {sizeof name - sizeof(WCHAR), sizeof name, (PWCH)name};
    struct box *box = adapter->module.ndis->box;
    struct cm_key *key = cm_key_open(box, adapter->registry_path);
    ULONG type, bytes;
    void *data;
    if (!key || !NT_SUCCESS(cm_get(box, key, &keyword, &type, &data, &bytes)))
        return false;
    bool is_off = (type == REG_DWORD && bytes == sizeof(uint32_t) && !memcmp(data, &(uint32_t){0}, sizeof(uint32_t))) ||
                  (type == REG_SZ && bytes >= sizeof(WCHAR) && !memcmp(data, zero, bytes < sizeof zero ? bytes : sizeof zero));
    free(data);
    return is_off;
}

// "If it is set to 0 ("Disabled"), NDK functionality cannot be enabled" [network/enabling-and-disabling-ndk-functionality].
static void
keyword_check(const struct ndis_adapter *adapter, const char *function)
{
    if (adapter->module.ndis->box->verify && keyword_is_off(adapter))
        verify_rule_broken(NBX_0718, function, "says that NDK of %s is enabled, and its *NetworkDirect is 0", adapter->name);
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
    if (attributes->Enabled)
        keyword_check(adapter, "NdisMSetMiniportAttributes");
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
    list_init(&ndk->events);
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    adapter->ndk = ndk;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return NDIS_STATUS_SUCCESS;
}

void
ndis_ndk_drop(struct ndis_adapter *adapter)
{
    ndis_ndk_halting(adapter);                // for a miniport that did not initialise
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

// An event waits its turn on the PnP thread. The halt of its adapter may come first, and MiniportHaltEx may wait for the very thread that
// raised it: so the halt ends those that still wait, for there is nobody left to hear of them.
struct ndk_event_call {
    struct ndis_pnp_item item;
    struct list node;                         // ndk->events, while it waits; under ndis->lock
    struct ndis_adapter *adapter;
    NET_PNP_EVENT_NOTIFICATION *event;
    struct ke_latch done;
};

static void
ndk_event_run(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    struct ndis_ndk *ndk = adapter->ndk;
    ndk->is_enabled = event->NetPnPEvent.NetEvent == NetEventNDKEnable;
    ndis_event_up(&adapter->module, event);
    if (ndk->is_enabled)
        ndis_ndk_arrive(adapter);
    else
        ndis_ndk_depart(adapter, NDIS_NDK_DISABLED);
}

static void
ndk_event_work(void *arg)
{
    struct ndk_event_call *call = arg;
    struct ndis *ndis = call->adapter->module.ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    list_remove(&call->node);
    ke_lock_drop(&ndis->lock, old);
    ndk_event_run(call->adapter, call->event);
    ke_latch_set(&call->done);                // with this the call is gone
}

bool
ndis_ndk_event(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    struct ndis *ndis = adapter->module.ndis;
    struct ndk_event_call call = {.item = {.fn = ndk_event_work, .arg = &call}, .adapter = adapter, .event = event};
    ke_latch_reset(&call.done);
    if (event->NetPnPEvent.NetEvent == NetEventNDKEnable)
        keyword_check(adapter, "NdisMNetPnPEvent");
    KIRQL old = ke_lock_take(&ndis->lock);
    bool is_known = adapter->ndk != NULL, is_halting = is_known && adapter->ndk->is_halting;
    bool waits = is_known && !is_halting && !ndis_pnp_is_self(ndis);
    if (waits) {
        list_push_back(&adapter->ndk->events, &call.node);
        ndis_pnp_queue_own(ndis, &call.item);
    }
    ke_lock_drop(&ndis->lock, old);
    if (waits)
        ke_latch_wait(&call.done, SCHED_NEVER);
    else if (is_known && !is_halting)
        ndk_event_run(adapter, event);
    return is_known;
}

void
ndis_ndk_halting(struct ndis_adapter *adapter)
{
    struct ndis *ndis = adapter->module.ndis;
    struct list *node;
    KIRQL old = ke_lock_take(&ndis->lock);
    if (adapter->ndk)
        adapter->ndk->is_halting = true;
    while (adapter->ndk && (node = list_pop_front(&adapter->ndk->events))) {
        struct ndk_event_call *call = LIST_ENTRY_OF(node, struct ndk_event_call, node);
        ndis_pnp_unqueue_own(ndis, &call->item);
        ke_latch_set(&call->done);
    }
    ke_lock_drop(&ndis->lock, old);
}
