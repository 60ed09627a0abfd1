// SPDX-License-Identifier: MIT
// NDIS ports of an adapter: allocated by the miniport, activated and deactivated by its events, freed by it before it has halted. The
// default port, number 0, is NDIS's: active from the registration attributes on, unless the miniport controls it
// (NDIS_MINIPORT_ATTRIBUTES_CONTROLS_DEFAULT_PORT); then nothing is bound or attached before it has been activated.
// An event changes all ports it names or none, and the overlying drivers hear of it afterwards; what they say does not count. A default
// port that is deactivated takes all bindings with it, and brings them back when it is activated again; filter modules stay.
// [network/activating-an-ndis-port], [network/deactivating-an-ndis-port], [ndis/nf-ndis-ndismallocateport]
#include "ndis/header.h"
#include "ndis/ndis_int.h"
#include "verify/refuse.h"

#include <string.h>

#define PORT_NUMBER_MAX 0xffffff

struct ndis_port {
    struct list node;                         // adapter->ports, by number
    bool is_active;
    NDIS_PORT_CHARACTERISTICS chars;
};

static bool
port_default_is_controlled(const struct ndis_adapter *adapter)
{
    return adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_CONTROLS_DEFAULT_PORT;
}

static struct ndis_port *
port_find_locked(struct ndis_adapter *adapter, NDIS_PORT_NUMBER number)
{
    LIST_FOR_EACH(node, &adapter->ports) {
        struct ndis_port *port = LIST_ENTRY_OF(node, struct ndis_port, node);
        if (port->chars.PortNumber == number)
            return port;
    }
    return NULL;
}

// The list is kept by number, and a freed number is used again.
static NDIS_STATUS
port_insert_locked(struct ndis_adapter *adapter, struct ndis_port *port)
{
    NDIS_PORT_NUMBER number = 1;
    struct list *at;
    for (at = adapter->ports.next; at != &adapter->ports; at = at->next, number++)
        if (LIST_ENTRY_OF(at, struct ndis_port, node)->chars.PortNumber != number)
            break;
    if (number > PORT_NUMBER_MAX)
        return NDIS_STATUS_RESOURCES;
    port->chars.PortNumber = number;
    list_push_back(at, &port->node);          // before `at`
    return NDIS_STATUS_SUCCESS;
}

static bool
port_chars_are_good(const NDIS_PORT_CHARACTERISTICS *chars)
{
    return ndis_header_is(&chars->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_PORT_CHARACTERISTICS_REVISION_1) &&
           (uint32_t)chars->Type <= NdisPortTypeNdisImPlatform && (uint32_t)chars->SendControlState <= NdisPortControlStateUncontrolled &&
           (uint32_t)chars->RcvControlState <= NdisPortControlStateUncontrolled &&
           (uint32_t)chars->SendAuthorizationState <= NdisPortReauthorizing &&
           (uint32_t)chars->RcvAuthorizationState <= NdisPortReauthorizing;
}

// What the default port has, and whoever asks for it with the flag.
static void
port_authorize(NDIS_PORT_CHARACTERISTICS *chars)
{
    chars->SendControlState = chars->RcvControlState = NdisPortControlStateUncontrolled;
    chars->SendAuthorizationState = chars->RcvAuthorizationState = NdisPortAuthorized;
}

NDIS_PORT_AUTHENTICATION_PARAMETERS
ndis_port_default_states(void)
{
    NDIS_PORT_CHARACTERISTICS chars;
    port_authorize(&chars);
    return (NDIS_PORT_AUTHENTICATION_PARAMETERS){
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_PORT_AUTHENTICATION_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_PORT_AUTHENTICATION_PARAMETERS_REVISION_1),
        .SendControlState = chars.SendControlState,
        .RcvControlState = chars.RcvControlState,
        .SendAuthorizationState = chars.SendAuthorizationState,
        .RcvAuthorizationState = chars.RcvAuthorizationState};
}

static void
port_chars_take(struct ndis_port *port, const NDIS_PORT_CHARACTERISTICS *chars)
{
    NDIS_PORT_NUMBER number = port->chars.PortNumber;
    memcpy(&port->chars, chars, ndis_header_bytes(&chars->Header, sizeof port->chars));
    port->chars.PortNumber = number;
    if (chars->Flags & NDIS_PORT_CHAR_USE_DEFAULT_AUTH_SETTINGS)
        port_authorize(&port->chars);
}

NDIS_STATUS
ndis_port_allocate(struct ndis_adapter *adapter, NDIS_PORT_CHARACTERISTICS *chars)
{
    if (!port_chars_are_good(chars))
        return NDIS_STATUS_INVALID_DATA;
    if (!adapter->have_registration || adapter->removing)
        return adapter->removing ? NDIS_STATUS_CLOSING : NDIS_STATUS_INVALID_DATA;
    struct ndis_port *port = ndis_alloc(sizeof *port);
    if (!port)
        return NDIS_STATUS_RESOURCES;
    port_chars_take(port, chars);
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    NDIS_STATUS status = port_insert_locked(adapter, port);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    if (status == NDIS_STATUS_SUCCESS)
        chars->PortNumber = port->chars.PortNumber;
    else
        ndis_free(port);
    return status;
}

NDIS_STATUS
ndis_port_free(struct ndis_adapter *adapter, NDIS_PORT_NUMBER number)
{
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    // UNSURE: the page has two words for a number that is wrong; no port can have this one.
    if (number > PORT_NUMBER_MAX)
        return NDIS_STATUS_INVALID_DATA;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    struct ndis_port *port = port_find_locked(adapter, number);
    if (!port)
        status = NDIS_STATUS_INVALID_PORT;
    else if (port->is_active)
        status = NDIS_STATUS_INVALID_PORT_STATE;
    else
        list_remove(&port->node);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    if (status == NDIS_STATUS_SUCCESS)
        ndis_free(port);
    return status;
}

void
ndis_port_halted(struct ndis_adapter *adapter, const char *function)
{
    if (!list_is_empty(&adapter->ports))
        verify_contract(function, "returned without NdisMFreePort of a port that the driver has allocated");
    if (adapter->halting && port_default_is_controlled(adapter) && atomic_load(&adapter->default_port))
        verify_contract(function, "returned without deactivation of the default port, which the driver controls");
    atomic_store(&adapter->default_port, 0);
}

// ---- activation -----------------------------------------------------------------------------------------------------------------

static void
default_port_set(struct ndis_adapter *adapter, uint32_t active)
{
    atomic_store(&adapter->default_port, active);
    sched_wake(adapter->module.ndis->box->sched, &adapter->default_port, UINT32_MAX);
}

struct default_port_call {
    struct ndis_adapter *adapter;
    bool active;
    NDIS_STATUS status;
};

static void
default_port_work(void *arg)
{
    struct default_port_call *call = arg;
    struct ndis_adapter *adapter = call->adapter;
    if (call->active) {
        default_port_set(adapter, 1);
        // A protocol that does not bind again is no fault of the miniport's.
        (void)ndis_bindings_return(adapter, &adapter->parked);
    } else if ((call->status = ndis_bindings_park(adapter, &adapter->parked)) == NDIS_STATUS_SUCCESS)
        default_port_set(adapter, 0);
}

static NDIS_STATUS
default_port_switch(struct ndis_adapter *adapter, bool active)
{
    if (!port_default_is_controlled(adapter) || atomic_load(&adapter->default_port) == active)
        return NDIS_STATUS_INVALID_PORT_STATE;
    if (!active && adapter->halting) {        // what is still bound sleeps, and stays
        default_port_set(adapter, 0);
        return NDIS_STATUS_SUCCESS;
    }
    // The bindings cannot go while one of them, or the stack below them, is on its way.
    if (!active && ndis_pnp_is_self(adapter->module.ndis) && !list_is_empty(&adapter->bindings))
        verify_refused_call("NdisMNetPnPEvent (deactivation of the default port of an adapter that is bound, inside a lifecycle call)");
    struct default_port_call call = {.adapter = adapter, .active = active, .status = NDIS_STATUS_SUCCESS};
    ndis_pnp_run(adapter->module.ndis, default_port_work, &call);
    return call.status;
}

// May the ports be switched to `active`? If so they are, unless it is only asked.
static NDIS_STATUS
ports_switch(struct ndis_adapter *adapter, const NDIS_PORT_NUMBER *numbers, uint32_t count, bool active, bool only_ask)
{
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    for (uint32_t i = 0; i < count && status == NDIS_STATUS_SUCCESS; i++) {
        struct ndis_port *port = port_find_locked(adapter, numbers[i]);
        if (!port)
            status = NDIS_STATUS_INVALID_PORT;
        else if (port->is_active == active)
            status = NDIS_STATUS_INVALID_PORT_STATE;
    }
    for (uint32_t i = 0; i < count && status == NDIS_STATUS_SUCCESS && !only_ask; i++)
        port_find_locked(adapter, numbers[i])->is_active = active;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return status;
}

// What can be said of an event by the numbers in it alone. The default port must be the only one.
static NDIS_STATUS
numbers_check(const NDIS_PORT_NUMBER *numbers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (numbers[i] == 0 && count > 1)
            return NDIS_STATUS_INVALID_PORT;
    return count ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PARAMETER;
}

static void
ports_describe(struct ndis_adapter *adapter, const NDIS_PORT *ports)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    for (const NDIS_PORT *from = ports; from; from = from->Next) {
        struct ndis_port *port = port_find_locked(adapter, from->PortCharacteristics.PortNumber);
        if (port && port_chars_are_good(&from->PortCharacteristics))
            port_chars_take(port, &from->PortCharacteristics);
    }
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

static NDIS_STATUS
port_activate(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    uint32_t count = 0;
    const NDIS_PORT *ports = event->NetPnPEvent.Buffer;
    for (const NDIS_PORT *port = ports; port; port = port->Next)
        count++;
    NDIS_PORT_NUMBER *numbers = ndis_alloc(count * sizeof *numbers + sizeof *numbers);
    if (!numbers)
        return NDIS_STATUS_RESOURCES;
    count = 0;
    for (const NDIS_PORT *port = ports; port; port = port->Next)
        numbers[count++] = port->PortCharacteristics.PortNumber;
    NDIS_STATUS status = numbers_check(numbers, count);
    bool is_default = status == NDIS_STATUS_SUCCESS && numbers[0] == 0;
    if (status == NDIS_STATUS_SUCCESS && !is_default)
        status = ports_switch(adapter, numbers, count, true, false);
    ndis_free(numbers);
    if (is_default)
        return default_port_switch(adapter, true);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    ports_describe(adapter, ports);
    // Protocols take their bind for the activation of the default port, and hear of no other port before that one is active.
    return atomic_load(&adapter->default_port) ? ndis_event_up(&adapter->module, event) : NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
port_deactivate(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    const NDIS_PORT_NUMBER *numbers = event->NetPnPEvent.Buffer;
    uint32_t count = numbers ? event->NetPnPEvent.BufferLength / sizeof *numbers : 0;
    NDIS_STATUS status = numbers_check(numbers, count);
    if (status == NDIS_STATUS_SUCCESS && numbers[0] == 0)
        return default_port_switch(adapter, false);
    // Not deactivated before the protocols have had their say; but named wrongly they are not told at all.
    if (status == NDIS_STATUS_SUCCESS)
        status = ports_switch(adapter, numbers, count, false, true);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    if (atomic_load(&adapter->default_port))
        ndis_event_up(&adapter->module, event);
    return ports_switch(adapter, numbers, count, false, false);
}

NDIS_STATUS
ndis_port_event(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    if (event->NetPnPEvent.NetEvent == NetEventPortActivation)
        return port_activate(adapter, event);
    return port_deactivate(adapter, event);
}

void
ndis_port_registered(struct ndis_adapter *adapter)
{
    if (!(adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_CONTROLS_DEFAULT_PORT))
        default_port_set(adapter, 1);
}

bool
ndis_port_default_wait(struct ndis_adapter *adapter, uint64_t timeout_ns)
{
    struct sched *sched = adapter->module.ndis->box->sched;
    uint64_t deadline = sched_now_ns(sched) + timeout_ns;
    bool may_wait = !ndis_pnp_is_self(adapter->module.ndis);
    while (may_wait && !atomic_load(&adapter->default_port) && sched_now_ns(sched) < deadline)
        sched_wait(sched, &adapter->default_port, 0, deadline);
    return atomic_load(&adapter->default_port);
}

// ---- what a bind is told --------------------------------------------------------------------------------------------------------

// NDIS_BIND_PARAMETERS.ActivePorts: all that are active, the default port first.
NDIS_PORT *
ndis_port_list(struct ndis_adapter *adapter)
{
    uint32_t count = 1, used = 1;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    LIST_FOR_EACH(node, &adapter->ports)
        count++;
    NDIS_PORT *ports = ndis_alloc(count * sizeof *ports);
    if (ports) {
        ports[0].PortCharacteristics = (NDIS_PORT_CHARACTERISTICS){
            .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_PORT_CHARACTERISTICS_REVISION_1,
                                  NDIS_SIZEOF_PORT_CHARACTERISTICS_REVISION_1),
            .MediaConnectState = adapter->link.MediaConnectState,
            .XmitLinkSpeed = adapter->link.XmitLinkSpeed,
            .RcvLinkSpeed = adapter->link.RcvLinkSpeed,
            .Direction = NET_IF_DIRECTION_SENDRECEIVE};
        port_authorize(&ports[0].PortCharacteristics);
        LIST_FOR_EACH(node, &adapter->ports) {
            struct ndis_port *port = LIST_ENTRY_OF(node, struct ndis_port, node);
            if (!port->is_active)
                continue;
            ports[used - 1].Next = &ports[used];
            ports[used++].PortCharacteristics = port->chars;
        }
    }
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return ports;
}
