// SPDX-License-Identifier: MIT
// An adapter goes to sleep and wakes up. All of it on the PnP thread.
//   down  NetEventQueryPower -> OID_PNP_QUERY_POWER -> NetEventSetPower(Dx) -> pause from the top -> what may wake it (pm.c)
//         -> OID_PNP_SET_POWER(Dx), or MiniportHaltEx for a miniport that knows nothing of power
//   up    OID_PNP_SET_POWER(D0), or MiniportInitializeEx and what it had been set to (kept.c) -> restart from the bottom
//         -> NetEventSetPower(D0), and the power source to the miniport
// In a low-power state the miniport gets no request but OID_PNP_SET_POWER, no reset, and no check for hang; bindings and filters stay.
// From NDIS 6.30 on a stack all of whose drivers are that new is not paused when the miniport says so.
// [network/handling-a-set-power-request], [network/oid-pnp-set-power], [network/power-management-for-old-miniport-drivers]
#include "ndis/header.h"
#include "ndis/ndis_int.h"
#include "ndis/ndk/ndk_int.h"

// "The exception to this occurs when a protocol or filter driver that supports NDIS 6.20 or earlier is bound or attached"
// [ndis/ns-ndis-_ndis_miniport_adapter_registration_attributes].
static bool
power_needs_pause(struct ndis_adapter *adapter)
{
    if (adapter->driver->minor < 30 || !(adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_NO_PAUSE_ON_SUSPEND))
        return true;
    LIST_FOR_EACH(node, &adapter->filters)
        if (LIST_ENTRY_OF(node, struct ndis_filter, node)->driver->chars.MinorNdisVersion < 30)
            return true;
    LIST_FOR_EACH(node, &adapter->bindings)
        if (LIST_ENTRY_OF(node, struct ndis_binding, node)->protocol->chars.MinorNdisVersion < 30)
            return true;
    return false;
}

static NDIS_STATUS
power_set(struct ndis_adapter *adapter, NDIS_DEVICE_POWER_STATE state)
{
    return ndis_oid_adapter(adapter, NdisRequestSetInformation, OID_PNP_SET_POWER, &state, sizeof state, NULL);
}

static void
power_tell(struct ndis_adapter *adapter, NDIS_DEVICE_POWER_STATE state)
{
    NET_PNP_EVENT_NOTIFICATION event = ndis_event_make(NetEventSetPower, &state, sizeof state);
    if (state != NdisDeviceStateD0 && !ndis_pm_is_aware(adapter))
        event.Flags = NET_EVENT_HALT_MINIPORT_ON_LOW_POWER;
    ndis_event_up(&adapter->module, &event);
}

// May it? A NetEventSetPower or a request to D0 takes back what was asked.
static NDIS_STATUS
power_query(struct ndis_adapter *adapter, NDIS_DEVICE_POWER_STATE state)
{
    NDIS_STATUS status = ndis_event_own(adapter, NetEventQueryPower, &state, sizeof state);
    if (status == NDIS_STATUS_SUCCESS && ndis_pm_is_aware(adapter)) {
        status = ndis_oid_adapter(adapter, NdisRequestQueryInformation, OID_PNP_QUERY_POWER, &state, sizeof state, NULL);
        if (status != NDIS_STATUS_SUCCESS)
            power_set(adapter, NdisDeviceStateD0);
    }
    if (status != NDIS_STATUS_SUCCESS)
        power_tell(adapter, NdisDeviceStateD0);
    return status;
}

// ---- up -----------------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
power_up_halted(struct ndis_adapter *adapter)
{
    NDIS_STATUS status = ndis_miniport_initialize(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = ndis_stack_publish(adapter);   // MiniportAdapterContext is another one
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    adapter->pm.is_halted = false;
    atomic_store(&adapter->low_power, 0);
    // "If the miniport driver was halted and reinitialized, NDIS restores all the appropriate miniport driver settings".
    return ndis_kept_restore(adapter);
}

static NDIS_STATUS
power_up_kept(struct ndis_adapter *adapter)
{
    NDIS_STATUS status = power_set(adapter, NdisDeviceStateD0);
    if (status != NDIS_STATUS_SUCCESS)
        return status;                        // it stays asleep: NDIS takes the device for lost then
    atomic_store(&adapter->low_power, 0);
    status = ndis_reset_start(adapter);
    ndis_event_power_profile(adapter);
    return status;
}

static NDIS_STATUS
power_up(struct ndis_adapter *adapter)
{
    NDIS_STATUS status = adapter->pm.is_halted ? power_up_halted(adapter) : power_up_kept(adapter);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    adapter->pm.state = NdisDeviceStateD0;
    if (adapter->pm.was_running)
        status = ndis_stack_restart(adapter);
    power_tell(adapter, NdisDeviceStateD0);
    ndis_pfilter_update(adapter);             // what bindings wanted meanwhile
    ndis_ndk_awake(adapter);
    return status;
}

// ---- down ---------------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
power_down_miniport(struct ndis_adapter *adapter, NDIS_DEVICE_POWER_STATE state)
{
    if (!ndis_pm_is_aware(adapter)) {
        adapter->pm.is_halted = true;         // first: who sees low_power asks for it
        atomic_store(&adapter->low_power, 1);
        ndis_module_drain(&adapter->module);  // synchronous requests: none "will be active once MiniportHaltEx is invoked"
        ndis_miniport_halt(adapter, NdisHaltDevicePoweredDown);
        return NDIS_STATUS_SUCCESS;
    }
    NDIS_STATUS status = ndis_pm_tell(adapter);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    ndis_reset_stop(adapter);
    atomic_store(&adapter->low_power, 1);
    status = power_set(adapter, state);
    if (status != NDIS_STATUS_SUCCESS) {
        atomic_store(&adapter->low_power, 0);
        ndis_reset_start(adapter);
    }
    return status;
}

static NDIS_STATUS
power_down(struct ndis_adapter *adapter, NDIS_DEVICE_POWER_STATE state)
{
    struct ndis_pm *pm = &adapter->pm;
    NDIS_STATUS status = power_query(adapter, state);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    ndis_event_note(adapter->module.ndis, NDIS_EVENT_SLEEP);
    bool pauses = power_needs_pause(adapter) || !ndis_pm_is_aware(adapter);
    pm->was_running = pauses && ndis_module_state(&adapter->module) == NDIS_STATE_RUNNING;
    ndis_ndk_depart(adapter, NDIS_NDK_ASLEEP);
    power_tell(adapter, state);
    if (pauses)
        ndis_stack_pause(adapter, NDIS_PAUSE_LOW_POWER);
    status = power_down_miniport(adapter, state);
    if (status == NDIS_STATUS_SUCCESS) {
        pm->state = state;
        return status;
    }
    if (pm->was_running)
        ndis_stack_restart(adapter);
    power_tell(adapter, NdisDeviceStateD0);
    ndis_ndk_awake(adapter);
    return status;
}

struct power_call {
    struct ndis_adapter *adapter;
    NDIS_DEVICE_POWER_STATE state;
    NDIS_STATUS status;
};

static void
power_work(void *arg)
{
    struct power_call *call = arg;
    bool is_asleep = atomic_load(&call->adapter->low_power);
    if (is_asleep == (call->state != NdisDeviceStateD0))
        call->status = NDIS_STATUS_SUCCESS;   // there already; from one sleep to another it goes through D0
    else
        call->status = is_asleep ? power_up(call->adapter) : power_down(call->adapter, call->state);
}

NDIS_STATUS
ndis_adapter_power(struct ndis_adapter *adapter, NDIS_DEVICE_POWER_STATE state)
{
    struct power_call call = {.adapter = adapter, .state = state};
    if (state < NdisDeviceStateD0 || state > NdisDeviceStateD3)
        return NDIS_STATUS_INVALID_PARAMETER;
    ndis_pnp_run(adapter->module.ndis, power_work, &call);
    return call.status;
}
