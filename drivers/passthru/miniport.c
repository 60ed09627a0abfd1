// SPDX-License-Identifier: MIT
// The upper edge: the life of the virtual miniport. It looks like the adapter below, as that was when we were bound to it.
//   initialise  NDIS calls it some time after NdisIMInitializeDeviceInstanceEx; the context that was given there is our struct passthru
//   pause       lists that are out are waited for, in both directions     halt   and requests, and calls about this miniport
// [network/initializing-virtual-miniports], [network/halting-a-virtual-miniport]
#include "passthru.h"

static NDIS_STATUS
miniport_registration(struct passthru *self, NDIS_HANDLE miniport)
{
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES attributes = {
        .RegistrationAttributes = {.Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                                              NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                                              NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
                                   .MiniportAdapterContext = self,
                                   .AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND,
                                   .InterfaceType = NdisInterfaceInternal}};
    return NdisMSetMiniportAttributes(miniport, &attributes);
}

static NDIS_STATUS
miniport_general(struct passthru *self, NDIS_HANDLE miniport)
{
    const NDIS_BIND_PARAMETERS *below = &self->below;
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES attributes = {
        .GeneralAttributes = {
            .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2,
                       NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2},
            .MediaType = below->MediaType,
            .PhysicalMediumType = below->PhysicalMediumType,
            .MtuSize = below->MtuSize,
            .MaxXmitLinkSpeed = below->MaxXmitLinkSpeed,
            .XmitLinkSpeed = self->link.XmitLinkSpeed,
            .MaxRcvLinkSpeed = below->MaxRcvLinkSpeed,
            .RcvLinkSpeed = self->link.RcvLinkSpeed,
            .MediaConnectState = self->link.MediaConnectState,
            .MediaDuplexState = self->link.MediaDuplexState,
            .LookaheadSize = below->LookaheadSize,
            .MacOptions = below->MacOptions,
            .SupportedPacketFilters = below->SupportedPacketFilters,
            .MaxMulticastListSize = below->MaxMulticastListSize,
            .MacAddressLength = below->MacAddressLength,
            .RecvScaleCapabilities = below->RcvScaleCapabilities,
            .AccessType = below->AccessType,
            .DirectionType = below->DirectionType,
            .ConnectionType = below->ConnectionType,
            .IfType = below->IfType,
            .IfConnectorPresent = FALSE,      // RFC 2863: no plug of its own
            .SupportedPauseFunctions = NdisPauseFunctionsUnsupported,
            .DataBackFillSize = below->DataBackFillSize,
            .ContextBackFillSize = below->ContextBackFillSize + sizeof(struct passthru_context),
            .SupportedOidList = self->oids,
            .SupportedOidListLength = self->oids_bytes,
            .PowerManagementCapabilitiesEx = below->PowerManagementCapabilitiesEx}};
    NdisMoveMemory(attributes.GeneralAttributes.PermanentMacAddress, below->CurrentMacAddress, below->MacAddressLength);
    NdisMoveMemory(attributes.GeneralAttributes.CurrentMacAddress, below->CurrentMacAddress, below->MacAddressLength);
    return NdisMSetMiniportAttributes(miniport, &attributes);
}

// Lists go down as they came, with all that they ask of the adapter, so what that can do is what we can do.
static NDIS_STATUS
miniport_offload(struct passthru *self, NDIS_HANDLE miniport)
{
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES attributes = {
        .OffloadAttributes = {.Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
                                         NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1,
                                         NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1},
                              .DefaultOffloadConfiguration = self->below.DefaultOffloadConfiguration ? &self->offload : NULL,
                              .HardwareOffloadCapabilities = self->below.DefaultOffloadConfiguration ? &self->offload : NULL,
                              .DefaultTcpConnectionOffloadConfiguration = self->below.TcpConnectionOffloadCapabilities,
                              .TcpConnectionOffloadHardwareCapabilities = self->below.TcpConnectionOffloadCapabilities}};
    BOOLEAN has_some = self->below.DefaultOffloadConfiguration || self->below.TcpConnectionOffloadCapabilities;
    return has_some ? NdisMSetMiniportAttributes(miniport, &attributes) : NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
passthru_initialize(NDIS_HANDLE miniport, NDIS_HANDLE driver_context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    struct passthru *self = parameters->IMDeviceInstanceContext;
    UNREFERENCED_PARAMETER(driver_context);
    NDIS_STATUS status = miniport_registration(self, miniport);
    if (status == NDIS_STATUS_SUCCESS)
        status = miniport_general(self, miniport);
    if (status == NDIS_STATUS_SUCCESS)
        status = miniport_offload(self, miniport);
    if (status == NDIS_STATUS_SUCCESS)
        status = passthru_offload_initialize(self, miniport);
    if (status == NDIS_STATUS_SUCCESS) {
        InterlockedIncrement(&self->refs);
        self->miniport = miniport;
        ExReInitializeRundownProtection(&self->requests);
        ExReInitializeRundownProtection(&self->alive);
        passthru_indicate_link(self);         // it may have changed while this was going on
    }
    KeSetEvent(&self->settled, IO_NO_INCREMENT, FALSE);
    return status;
}

VOID
passthru_halt(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    struct passthru *self = context;
    UNREFERENCED_PARAMETER(action);
    ExWaitForRundownProtectionRelease(&self->requests);
    ExWaitForRundownProtectionRelease(&self->alive);
    self->miniport = NULL;
    passthru_unref(self);
}

NDIS_STATUS
passthru_pause(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS parameters)
{
    struct passthru *self = context;
    UNREFERENCED_PARAMETER(parameters);
    ExWaitForRundownProtectionRelease(&self->upper);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
passthru_restart(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS parameters)
{
    struct passthru *self = context;
    UNREFERENCED_PARAMETER(parameters);
    ExReInitializeRundownProtection(&self->upper);
    return NDIS_STATUS_SUCCESS;
}

VOID
passthru_device_pnp(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(event);            // there is no hardware that could be gone or change its power source
}

VOID
passthru_shutdown(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(action);
}
