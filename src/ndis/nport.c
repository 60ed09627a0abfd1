// SPDX-License-Identifier: MIT
// NDIS ports of an adapter: allocated by the miniport, activated and deactivated by its events, freed by it before it has halted. The
// default port, number 0, is NDIS's: active from the registration attributes on, unless the miniport controls it
// (NDIS_MINIPORT_ATTRIBUTES_CONTROLS_DEFAULT_PORT); then nothing is bound or attached before it has been activated.
// An event changes all ports it names or none, and the overlying drivers hear of it afterwards.
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

NDIS_STATUS
ndis_port_allocate(struct ndis_adapter *adapter, NDIS_PORT_CHARACTERISTICS *chars)
{
    if (!ndis_header_is(&chars->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_PORT_CHARACTERISTICS_REVISION_1))
        return NDIS_STATUS_INVALID_DATA;
    if (!adapter->have_registration || adapter->removing)
        return adapter->removing ? NDIS_STATUS_CLOSING : NDIS_STATUS_INVALID_DATA;
    struct ndis_port *port = ndis_alloc(sizeof *port);
    if (!port)
        return NDIS_STATUS_RESOURCES;
    memcpy(&port->chars, chars, ndis_header_bytes(&chars->Header, sizeof port->chars));
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
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    struct ndis_port *port = number <= PORT_NUMBER_MAX ? port_find_locked(adapter, number) : NULL;
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
    atomic_store(&adapter->default_port, 0);
}

// ---- activation -----------------------------------------------------------------------------------------------------------------

static void
default_port_set(struct ndis_adapter *adapter, uint32_t active)
{
    atomic_store(&adapter->default_port, active);
    sched_wake(adapter->module.ndis->box->sched, &adapter->default_port, UINT32_MAX);
}

// May the ports be switched to `active`? If so they are. locks: ndis->lock held
static NDIS_STATUS
ports_switch_locked(struct ndis_adapter *adapter, const NDIS_PORT_NUMBER *numbers, uint32_t count, bool active)
{
    for (uint32_t i = 0; i < count; i++) {
        struct ndis_port *port = port_find_locked(adapter, numbers[i]);
        if (!port)
            return NDIS_STATUS_INVALID_PORT;
        if (port->is_active == active)
            return NDIS_STATUS_INVALID_PORT_STATE;
    }
    for (uint32_t i = 0; i < count; i++)
        port_find_locked(adapter, numbers[i])->is_active = active;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
default_port_switch(struct ndis_adapter *adapter, bool active)
{
    bool controls = adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_CONTROLS_DEFAULT_PORT;
    if (!controls || atomic_load(&adapter->default_port) == active)
        return NDIS_STATUS_INVALID_PORT_STATE;
    // Windows closes all bindings then, and binds again at the next activation.
    if (!active && (!list_is_empty(&adapter->bindings) || !list_is_empty(&adapter->filters)))
        verify_refused_call("NdisMNetPnPEvent (deactivation of the default port of an adapter that is bound)");
    default_port_set(adapter, active);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
ports_switch(struct ndis_adapter *adapter, const NDIS_PORT_NUMBER *numbers, uint32_t count, bool active)
{
    // The default port must be the only one in its event.
    for (uint32_t i = 0; i < count; i++)
        if (numbers[i] == 0)
            return count == 1 ? default_port_switch(adapter, active) : NDIS_STATUS_INVALID_PORT;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    NDIS_STATUS status = ports_switch_locked(adapter, numbers, count, active);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return status;
}

static NDIS_STATUS
port_activate(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    uint32_t count = 0;
    for (const NDIS_PORT *port = event->NetPnPEvent.Buffer; port; port = port->Next)
        count++;
    NDIS_PORT_NUMBER *numbers = ndis_alloc(count * sizeof *numbers + sizeof *numbers);
    if (!numbers)
        return NDIS_STATUS_RESOURCES;
    count = 0;
    for (const NDIS_PORT *port = event->NetPnPEvent.Buffer; port; port = port->Next)
        numbers[count++] = port->PortCharacteristics.PortNumber;
    NDIS_STATUS status = count ? ports_switch(adapter, numbers, count, true) : NDIS_STATUS_INVALID_PARAMETER;
    bool is_default = count == 1 && numbers[0] == 0;
    ndis_free(numbers);
    // Protocols take their bind for the activation of the default port.
    return status == NDIS_STATUS_SUCCESS && !is_default ? ndis_event_up(&adapter->module, event) : status;
}

static NDIS_STATUS
port_deactivate(struct ndis_adapter *adapter, NET_PNP_EVENT_NOTIFICATION *event)
{
    const NDIS_PORT_NUMBER *numbers = event->NetPnPEvent.Buffer;
    uint32_t count = event->NetPnPEvent.BufferLength / sizeof *numbers;
    if (!numbers || !count)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (count == 1 && numbers[0] == 0)
        return default_port_switch(adapter, false);
    // Not deactivated before the protocols have had their say; but named wrongly they are not told at all.
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    for (uint32_t i = 0; i < count && status == NDIS_STATUS_SUCCESS; i++) {
        struct ndis_port *port = port_find_locked(adapter, numbers[i]);
        status = !port ? NDIS_STATUS_INVALID_PORT : port->is_active ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PORT_STATE;
    }
    ke_lock_drop(&adapter->module.ndis->lock, old);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    ndis_event_up(&adapter->module, event);
    return ports_switch(adapter, numbers, count, false);
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
            .Direction = NET_IF_DIRECTION_SENDRECEIVE,
            .SendControlState = NdisPortControlStateUncontrolled,
            .RcvControlState = NdisPortControlStateUncontrolled,
            .SendAuthorizationState = NdisPortAuthorized,
            .RcvAuthorizationState = NdisPortAuthorized};
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
