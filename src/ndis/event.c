// SPDX-License-Identifier: MIT
// Plug and play and power events on their way through a stack:
//   up    ndis_event_up: NDIS, NdisMNetPnPEvent or NdisFNetPnPEvent -> the next filter above with a FilterNetPnPEvent, which passes it on
//         or not -> ... -> ProtocolNetPnPEvent of every binding, one after the other, pended answers waited for
//   down  ndis_event_down: NDIS or NdisFDevicePnPEventNotify -> the next filter below with a FilterDevicePnPEventNotify -> ... -> miniport
// All of it runs on the PnP thread. Pause and restart are no such events: each binding gets its own, past the filters (binding.c).
// The status counts for what may be refused: query power and query remove [ndis/nf-ndis-ndismnetpnpevent].
#include "ndis/header.h"
#include "ndis/ndis_int.h"
#include "ndis/ndk/ndk_int.h"
#include "verify/refuse.h"
#include "verify/report.h"

// ---- up -------------------------------------------------------------------------------------------------------------------------

static struct ndis_filter *
event_filter_above(struct ndis_module *from)
{
    struct ndis_adapter *adapter = from->adapter;
    struct list *at = &adapter->filters;
    if (from->kind == NDIS_KIND_FILTER)
        at = &CONTAINING_RECORD(from, struct ndis_filter, module)->node;
    for (at = at->next; at != &adapter->filters; at = at->next) {
        struct ndis_filter *filter = LIST_ENTRY_OF(at, struct ndis_filter, node);
        if (filter->driver->chars.NetPnPEventHandler)
            return filter;
    }
    return NULL;
}

static bool
event_may_be_refused(NET_PNP_EVENT_CODE code)
{
    return code == NetEventQueryPower || code == NetEventQueryRemoveDevice;
}

static NDIS_STATUS
event_bindings(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    NDIS_STATUS first = NDIS_STATUS_SUCCESS;
    LIST_FOR_EACH_SAFE(node, &adapter->bindings) {
        NDIS_STATUS status = ndis_binding_event(LIST_ENTRY_OF(node, struct ndis_binding, node), event);
        if (first == NDIS_STATUS_SUCCESS)
            first = status;
    }
    return first;
}

struct event_call {
    struct ndis_module *from;
    NET_PNP_EVENT_NOTIFICATION *event;
    NDIS_STATUS status;
};

static void
event_up_work(void *arg)
{
    struct event_call *call = arg;
    struct ndis_filter *filter = event_filter_above(call->from);
    if (filter)
        call->status = NDIS_CALL(filter->module.image, "FilterNetPnPEvent",
                                 filter->driver->chars.NetPnPEventHandler(filter->context, call->event));
    else
        call->status = event_bindings(call->from->adapter, call->event);
    if (!event_may_be_refused(call->event->NetPnPEvent.NetEvent))
        call->status = NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_event_up(struct ndis_module *from, NET_PNP_EVENT_NOTIFICATION *event)
{
    struct event_call call = {.from = from, .event = event};
    // Meant for this one filter; nobody above is told.
    if (from->kind == NDIS_KIND_FILTER && event->NetPnPEvent.NetEvent == NetEventFilterPreDetach)
        return NDIS_STATUS_SUCCESS;
    ndis_pnp_run(from->ndis, event_up_work, &call);
    return call.status;
}

NET_PNP_EVENT_NOTIFICATION
ndis_event_make(NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes)
{
    return (NET_PNP_EVENT_NOTIFICATION){
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NET_PNP_EVENT_NOTIFICATION_REVISION_1,
                              NDIS_SIZEOF_NET_PNP_EVENT_NOTIFICATION_REVISION_1),
        .NetPnPEvent = {.NetEvent = code, .Buffer = buffer, .BufferLength = bytes}};
}

NDIS_STATUS
ndis_event_own(struct ndis_adapter *adapter, NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes)
{
    NET_PNP_EVENT_NOTIFICATION event = ndis_event_make(code, buffer, bytes);
    return ndis_event_up(&adapter->module, &event);
}

NDIS_STATUS
ndis_adapter_tell(struct ndis_adapter *adapter, NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes)
{
    return ndis_event_own(adapter, code, buffer, bytes);
}

void
ndis_event_pre_detach(struct ndis_filter *filter)
{
    NET_PNP_EVENT_NOTIFICATION event = ndis_event_make(NetEventFilterPreDetach, NULL, 0);
    const NDIS_FILTER_DRIVER_CHARACTERISTICS *chars = &filter->driver->chars;
    // The event came with NDIS 6.30; an older driver does not know it.
    if (chars->NetPnPEventHandler && chars->MinorNdisVersion >= 30)
        (void)NDIS_CALL(filter->module.image, "FilterNetPnPEvent", chars->NetPnPEventHandler(filter->context, &event));
}

// ---- from drivers ---------------------------------------------------------------------------------------------------------------

static bool
event_header_is_good(const NET_PNP_EVENT_NOTIFICATION *event)
{
    return ndis_header_is(&event->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_NET_PNP_EVENT_NOTIFICATION_REVISION_1);
}

NDIS_STATUS
ndis_event_from_miniport(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    if (!event_header_is_good(event))
        return NDIS_STATUS_INVALID_PARAMETER;
    switch (event->NetPnPEvent.NetEvent) {
    case NetEventPortActivation:
    case NetEventPortDeactivation:
        return ndis_port_event(adapter, event);
    case NetEventInhibitBindsAbove:
    case NetEventAllowBindsAbove:
    case NetEventRequirePause:
    case NetEventAllowStart:
        verify_refused_call("NdisMNetPnPEvent (NetEventInhibitBindsAbove and its kin)");
    case NetEventBindsComplete:
    case NetEventPause:
    case NetEventRestart:
        break;
    case NetEventNDKEnable:
    case NetEventNDKDisable:
        if (ndis_ndk_event(adapter, event))
            return NDIS_STATUS_SUCCESS;
        break;
    default:
        if (adapter->driver->chars.Flags & NDIS_INTERMEDIATE_DRIVER)
            return ndis_event_up(&adapter->module, event);
        break;
    }
    verify_rule_fatal(NBX_0120, "NdisMNetPnPEvent", "this driver may not originate that event");
}

NDIS_STATUS
ndis_event_from_filter(struct ndis_filter *filter, NET_PNP_EVENT_NOTIFICATION *event)
{
    if (!event_header_is_good(event))
        verify_rule_fatal(NBX_0120, "NdisFNetPnPEvent", "the notification's header is not right");
    return ndis_event_up(&filter->module, event);
}

// ---- down -----------------------------------------------------------------------------------------------------------------------

static struct ndis_filter *
event_filter_below(struct ndis_adapter *adapter, struct ndis_filter *from)
{
    for (struct list *at = (from ? &from->node : &adapter->filters)->prev; at != &adapter->filters; at = at->prev) {
        struct ndis_filter *filter = LIST_ENTRY_OF(at, struct ndis_filter, node);
        if (filter->driver->chars.DevicePnPEventNotifyHandler)
            return filter;
    }
    return NULL;
}

struct event_down_call {
    struct ndis_adapter *adapter;
    struct ndis_filter *from;
    NET_DEVICE_PNP_EVENT *event;
};

static void
event_down_work(void *arg)
{
    struct event_down_call *call = arg;
    struct ndis_adapter *adapter = call->adapter;
    struct ndis_filter *filter = event_filter_below(adapter, call->from);
    if (filter)
        NDIS_CALL_VOID(filter->module.image, "FilterDevicePnPEventNotify",
                       filter->driver->chars.DevicePnPEventNotifyHandler(filter->context, call->event));
    else if (!atomic_load(&adapter->is_shut))
        NDIS_CALL_VOID(adapter->module.image, "MiniportDevicePnPEventNotify",
                       adapter->driver->chars.DevicePnPEventNotifyHandler(adapter->general_context, call->event));
}

void
ndis_event_down(struct ndis_adapter *adapter, struct ndis_filter *from, NET_DEVICE_PNP_EVENT *event)
{
    struct event_down_call call = {adapter, from, event};
    ndis_pnp_run(adapter->module.ndis, event_down_work, &call);
}

void
ndis_event_device(struct ndis_adapter *adapter, NDIS_DEVICE_PNP_EVENT code, void *buffer, ULONG bytes)
{
    NET_DEVICE_PNP_EVENT event = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NET_DEVICE_PNP_EVENT_REVISION_1, NDIS_SIZEOF_NET_DEVICE_PNP_EVENT_REVISION_1),
        .DevicePnPEvent = code,
        .InformationBuffer = buffer,
        .InformationBufferLength = bytes};
    ndis_event_down(adapter, NULL, &event);
}

void
ndis_event_power_profile(struct ndis_adapter *adapter)
{
    // A box runs on mains power.
    ULONG profile = NdisPowerProfileAcOnLine;
    ndis_event_device(adapter, NdisDevicePnPEventPowerProfileChanged, &profile, sizeof profile);
}
