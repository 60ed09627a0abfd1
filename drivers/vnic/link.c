// SPDX-License-Identifier: MIT
// The adapter's state: link up and down, pause and restart, reset, hang check, power and removal events.
//   port -> vnic_on_link -> NDIS_STATUS_LINK_STATE
//   vnic_pause -> the sender and the receiver each become quiet in their own time -> vnic_pause_step by the last -> NdisMPauseComplete
// A pause has three steps: the sender's, the receiver's, and MiniportPause's own, so that whichever comes last knows it
// [network/pausing-an-adapter].
#include "vnic.h"

// ---- link -----------------------------------------------------------------------------------------------------------------------

static void
link_indicate(struct vnic_adapter *adapter, bool up, uint64_t bits_per_second)
{
    NDIS_LINK_STATE state = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_LINK_STATE_REVISION_1, NDIS_SIZEOF_LINK_STATE_REVISION_1},
        .MediaConnectState = up ? MediaConnectStateConnected : MediaConnectStateDisconnected,
        .MediaDuplexState = up ? MediaDuplexStateFull : MediaDuplexStateUnknown,
        .XmitLinkSpeed = up ? bits_per_second : NDIS_LINK_SPEED_UNKNOWN,
        .RcvLinkSpeed = up ? bits_per_second : NDIS_LINK_SPEED_UNKNOWN,
        .PauseFunctions = NdisPauseFunctionsUnsupported};
    NDIS_STATUS_INDICATION indication = {
        .Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
        .SourceHandle = adapter->ndis,
        .StatusCode = NDIS_STATUS_LINK_STATE,
        .StatusBuffer = &state,
        .StatusBufferSize = sizeof state};
    NdisMIndicateStatusEx(adapter->ndis, &indication);
}

void
vnic_on_link(void *context, bool up, uint64_t bits_per_second)
{
    struct vnic_adapter *adapter = context;
    adapter->link_bits = bits_per_second;
    InterlockedExchange(&adapter->link_up, up);
    vnic_tx_link(adapter, up);
    link_indicate(adapter, up, bits_per_second);
}

// ---- pause and restart ----------------------------------------------------------------------------------------------------------

void
vnic_pause_step(struct vnic_adapter *adapter)
{
    if (!InterlockedDecrement(&adapter->pause_steps))
        NdisMPauseComplete(adapter->ndis);
}

NDIS_STATUS
vnic_pause(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS parameters)
{
    struct vnic_adapter *adapter = context;
    UNREFERENCED_PARAMETER(parameters);
    InterlockedExchange(&adapter->pause_steps, 3);
    if (vnic_tx_pause(adapter))
        InterlockedDecrement(&adapter->pause_steps);
    if (vnic_rx_pause(adapter))
        InterlockedDecrement(&adapter->pause_steps);
    return InterlockedDecrement(&adapter->pause_steps) ? NDIS_STATUS_PENDING : NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
vnic_restart(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS parameters)
{
    struct vnic_adapter *adapter = context;
    UNREFERENCED_PARAMETER(parameters);
    vnic_tx_restart(adapter);
    vnic_rx_restart(adapter);
    if (!adapter->started) {
        adapter->started = TRUE;
        nbx_port_start(adapter->port);
    }
    return NDIS_STATUS_SUCCESS;
}

// ---- the rest -------------------------------------------------------------------------------------------------------------------

// Filters and addresses survive, so NDIS need not set them again. From NDIS 6.30 on, what waits goes back before the reset is over
// [ndis/nc-ndis-miniport_reset].
NDIS_STATUS
vnic_reset(NDIS_HANDLE context, PBOOLEAN addressing_reset)
{
    *addressing_reset = FALSE;
    return vnic_tx_reset(context);
}

BOOLEAN
vnic_check_for_hang(NDIS_HANDLE context)
{
    return vnic_tx_is_stuck(context);
}

// The machine goes down: stop the receiver's upcalls reaching anybody. Nothing may be waited for, and nothing is freed
// [ndis/nc-ndis-miniport_shutdown].
VOID
vnic_shutdown(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action)
{
    struct vnic_adapter *adapter = context;
    if (action == NdisShutdownBugCheck)
        return;                               // locks may be held by whoever crashed
    (void)vnic_rx_pause(adapter);
}

// There is no power source to change to, and halt, which follows a removal, does what there is to do. Connections of RDMA end before: their
// consumers close them then.
VOID
vnic_pnp_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
    if (event->DevicePnPEvent == NdisDevicePnPEventSurpriseRemoved)
        vnic_rdma_gone(context);
}
