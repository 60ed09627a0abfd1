// SPDX-License-Identifier: MIT
// The lower edge: the life of a binding.
//   bind    NdisOpenAdapterEx -> what the adapter can do, copied -> the instance's name from UpperBindings -> NdisIMInitializeDevice...
//   pause   NetEventPause: what is offloaded comes back, lists in both directions are waited for        restart   they may go
//   unbind  the virtual miniport is cancelled or taken down first, then the binding is closed
// Status goes up as it comes; the link state is kept besides, for a virtual miniport that is not there yet.
// [network/intermediate-driver-binding-operations], [network/intermediate-driver-unbinding-operations]
#include "passthru.h"

// ---- bind -----------------------------------------------------------------------------------------------------------------------

// A value comes in the type it has, and nobody promises that its strings end.
static void
binding_first_name(const NDIS_CONFIGURATION_PARAMETER *value, NDIS_STRING *name)
{
    const NDIS_STRING *list = &value->ParameterData.StringData;
    USHORT count = 0;
    if (value->ParameterType != NdisParameterMultiString && value->ParameterType != NdisParameterString)
        return;
    while (count < list->Length / sizeof(WCHAR) && list->Buffer[count])
        count++;
    name->Buffer = list->Buffer;
    name->Length = count * sizeof(WCHAR);
}

// The first name of the list: this driver has one virtual miniport for each binding.
static NDIS_STATUS
binding_instance(struct passthru *self)
{
    NDIS_CONFIGURATION_OBJECT object = {
        .Header = {NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                   NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
        .NdisHandle = self->binding};
    NDIS_STRING keyword = NDIS_STRING_CONST("UpperBindings"), name;
    PNDIS_CONFIGURATION_PARAMETER value;
    NDIS_HANDLE configuration;
    NDIS_STATUS status = NdisOpenConfigurationEx(&object, &configuration);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    NdisReadConfiguration(&status, &value, configuration, &keyword, NdisParameterMultiString);
    name.Length = 0;
    if (status == NDIS_STATUS_SUCCESS)
        binding_first_name(value, &name);
    if (name.Length) {
        self->instance.Buffer = passthru_alloc(name.Length + sizeof(WCHAR));
        status = self->instance.Buffer ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
        if (self->instance.Buffer) {
            NdisMoveMemory(self->instance.Buffer, name.Buffer, name.Length);
            self->instance.Length = name.Length;
            self->instance.MaximumLength = name.Length + sizeof(WCHAR);
        }
    } else if (status == NDIS_STATUS_SUCCESS)
        status = NDIS_STATUS_FAILURE;
    if (status != NDIS_STATUS_SUCCESS)
        DbgPrint("passthru: UpperBindings of this binding names no virtual miniport\n");
    NdisCloseConfiguration(configuration);
    return status;
}

// NDIS's structure lives as long as the bind only, and so does what it points to.
static void
binding_below(struct passthru *self, const NDIS_BIND_PARAMETERS *from)
{
    NDIS_BIND_PARAMETERS *below = &self->below;
    ULONG bytes = from->Header.Size < sizeof *below ? from->Header.Size : sizeof *below;
    NdisMoveMemory(below, from, bytes);
    below->ProtocolSection = below->AdapterName = below->BoundAdapterName = NULL;
    if (below->DefaultOffloadConfiguration) {
        bytes = below->DefaultOffloadConfiguration->Header.Size;
        NdisMoveMemory(&self->offload, below->DefaultOffloadConfiguration, bytes < sizeof self->offload ? bytes : sizeof self->offload);
    }
    if (below->TcpConnectionOffloadCapabilities) {
        bytes = below->TcpConnectionOffloadCapabilities->Header.Size;
        NdisMoveMemory(&self->connection, below->TcpConnectionOffloadCapabilities,
                       bytes < sizeof self->connection ? bytes : sizeof self->connection);
        below->TcpConnectionOffloadCapabilities = &self->connection;
    }
    if (below->RcvScaleCapabilities) {
        bytes = below->RcvScaleCapabilities->Header.Size;
        NdisMoveMemory(&self->rss, below->RcvScaleCapabilities, bytes < sizeof self->rss ? bytes : sizeof self->rss);
        below->RcvScaleCapabilities = &self->rss;
    }
    if (below->PowerManagementCapabilitiesEx) {
        bytes = below->PowerManagementCapabilitiesEx->Header.Size;
        NdisMoveMemory(&self->power, below->PowerManagementCapabilitiesEx, bytes < sizeof self->power ? bytes : sizeof self->power);
        // A virtual miniport sleeps, but cannot wake the machine.
        self->power.MinMagicPacketWakeUp = self->power.MinPatternWakeUp = self->power.MinLinkChangeWakeUp = NdisDeviceStateUnspecified;
        below->PowerManagementCapabilitiesEx = &self->power;
    }
    self->link = (NDIS_LINK_STATE){
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_LINK_STATE_REVISION_1, NDIS_SIZEOF_LINK_STATE_REVISION_1},
        .MediaConnectState = from->MediaConnectState,
        .MediaDuplexState = from->MediaDuplexState,
        .XmitLinkSpeed = from->XmitLinkSpeed,
        .RcvLinkSpeed = from->RcvLinkSpeed};
}

static NDIS_STATUS
binding_oids(struct passthru *self)
{
    ULONG needed = 0;
    passthru_query(self, OID_GEN_SUPPORTED_LIST, NULL, 0, &needed);
    self->oids = passthru_alloc(needed + sizeof *self->oids);
    if (!self->oids)
        return NDIS_STATUS_RESOURCES;
    self->oids_bytes = needed;
    return passthru_query(self, OID_GEN_SUPPORTED_LIST, self->oids, needed, &needed);
}

static NDIS_STATUS
binding_open(struct passthru *self, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters)
{
    static const NDIS_MEDIUM media[] = {NdisMedium802_3};
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = (PNDIS_MEDIUM)media,
        .MediumArraySize = ARRAYSIZE(media),
        .SelectedMediumIndex = &selected};
    KeInitializeEvent(&self->answered, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOpenAdapterEx(passthru_protocol, self, &open, bind_context, &self->binding);
    if (status != NDIS_STATUS_PENDING)
        return status;
    KeWaitForSingleObject(&self->answered, Executive, KernelMode, FALSE, NULL);
    return self->answer;
}

static void
binding_close(struct passthru *self)
{
    KeInitializeEvent(&self->answered, NotificationEvent, FALSE);
    if (NdisCloseAdapterEx(self->binding) == NDIS_STATUS_PENDING)
        KeWaitForSingleObject(&self->answered, Executive, KernelMode, FALSE, NULL);
}

// Available only from restart, or initialise, on.
static void
binding_rundown(EX_RUNDOWN_REF *rundown)
{
    ExInitializeRundownProtection(rundown);
    ExWaitForRundownProtectionRelease(rundown);
}

NDIS_STATUS
passthru_bind(NDIS_HANDLE driver_context, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(driver_context);
    struct passthru *self = passthru_alloc(sizeof *self);
    if (!self)
        return NDIS_STATUS_RESOURCES;
    self->refs = 1;
    KeInitializeSpinLock(&self->lock);
    passthru_offload_prepare(self);
    passthru_gate_prepare(self);
    KeInitializeEvent(&self->settled, NotificationEvent, FALSE);
    binding_rundown(&self->lower);
    binding_rundown(&self->upper);
    binding_rundown(&self->alive);
    binding_rundown(&self->requests);
    binding_below(self, parameters);
    NDIS_STATUS status = binding_open(self, bind_context, parameters);
    if (status != NDIS_STATUS_SUCCESS) {
        passthru_unref(self);
        return status;
    }
    status = binding_instance(self);
    if (status == NDIS_STATUS_SUCCESS)
        status = binding_oids(self);
    if (status == NDIS_STATUS_SUCCESS)
        status = NdisIMInitializeDeviceInstanceEx(passthru_miniport_driver, &self->instance, self);
    if (status != NDIS_STATUS_SUCCESS) {
        binding_close(self);                  // what was opened is closed before the bind fails
        passthru_unref(self);
        return status;
    }
    self->asked = TRUE;
    return NDIS_STATUS_SUCCESS;
}

VOID
passthru_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    struct passthru *self = context;
    self->answer = status;
    KeSetEvent(&self->answered, IO_NO_INCREMENT, FALSE);
}

// ---- unbind ---------------------------------------------------------------------------------------------------------------------

// NDIS may not have come to initialise the virtual miniport yet, may be about to, or may have halted it again.
static void
binding_upper_edge_down(struct passthru *self)
{
    if (NdisIMCancelInitializeDeviceInstance(passthru_miniport_driver, &self->instance) == NDIS_STATUS_SUCCESS)
        return;
    KeWaitForSingleObject(&self->settled, Executive, KernelMode, FALSE, NULL);
    NDIS_HANDLE miniport = self->miniport;
    if (miniport)
        NdisIMDeInitializeDeviceInstance(miniport);
}

NDIS_STATUS
passthru_unbind(NDIS_HANDLE unbind_context, NDIS_HANDLE context)
{
    struct passthru *self = context;
    UNREFERENCED_PARAMETER(unbind_context);
    binding_upper_edge_down(self);
    binding_close(self);
    passthru_unref(self);
    return NDIS_STATUS_SUCCESS;
}

VOID
passthru_close_complete(NDIS_HANDLE context)
{
    struct passthru *self = context;
    KeSetEvent(&self->answered, IO_NO_INCREMENT, FALSE);
}

// ---- events and status ----------------------------------------------------------------------------------------------------------

// Below D0 the adapter takes no requests [network/handling-a-set-power-request].
static void
binding_power(struct passthru *self, PNET_PNP_EVENT_NOTIFICATION event)
{
    NDIS_DEVICE_POWER_STATE state = *(NDIS_DEVICE_POWER_STATE *)event->NetPnPEvent.Buffer;
    if (state != NdisDeviceStateD0)
        passthru_gate_shut(self, PASSTHRU_ASLEEP);
    else
        passthru_gate_open(self, PASSTHRU_ASLEEP);
    if (!ExAcquireRundownProtection(&self->alive))
        return;                               // nobody above to ask anything
    if (state == NdisDeviceStateD0)
        ExReInitializeRundownProtection(&self->requests);
    else
        ExWaitForRundownProtectionRelease(&self->requests);
    ExReleaseRundownProtection(&self->alive);
}

// What those above may refuse, or have to hear of. The rest is about this binding alone (pause, restart, its list, its settings), or NDIS
// tells the virtual miniport itself (power, ports, binds complete).
// [network/implementing-a-protocolnetpnpevent-handler-in-an-intermediate-driver]
static NDIS_STATUS
binding_event_up(struct passthru *self, PNET_PNP_EVENT_NOTIFICATION event)
{
    NET_PNP_EVENT_NOTIFICATION up = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_PNP_EVENT_NOTIFICATION_REVISION_1, NDIS_SIZEOF_NET_PNP_EVENT_NOTIFICATION_REVISION_1},
        .NetPnPEvent = {.NetEvent = event->NetPnPEvent.NetEvent,
                        .Buffer = event->NetPnPEvent.Buffer,
                        .BufferLength = event->NetPnPEvent.BufferLength}};
    if (!ExAcquireRundownProtection(&self->alive))
        return NDIS_STATUS_SUCCESS;           // nobody above has anything against it
    NDIS_STATUS status = NdisMNetPnPEvent(self->miniport, &up);
    ExReleaseRundownProtection(&self->alive);
    return status;
}

NDIS_STATUS
passthru_net_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    struct passthru *self = context;
    switch (event->NetPnPEvent.NetEvent) {
    case NetEventPause:
        passthru_gate_shut(self, PASSTHRU_PAUSED);
        ExWaitForRundownProtectionRelease(&self->lower);
        return NDIS_STATUS_SUCCESS;
    case NetEventRestart:
        ExReInitializeRundownProtection(&self->lower);
        passthru_gate_open(self, PASSTHRU_PAUSED);
        return NDIS_STATUS_SUCCESS;
    case NetEventSetPower:
        binding_power(self, event);
        return NDIS_STATUS_SUCCESS;
    case NetEventQueryRemoveDevice:
    case NetEventCancelRemoveDevice:
        return binding_event_up(self, event);
    default:
        return NDIS_STATUS_SUCCESS;
    }
}

static void
binding_indicate(struct passthru *self, NDIS_STATUS_INDICATION *indication)
{
    indication->SourceHandle = self->miniport;
    indication->DestinationHandle = NULL;
    NdisMIndicateStatusEx(self->miniport, indication);
}

void
passthru_indicate(struct passthru *self, NDIS_STATUS code)
{
    NDIS_STATUS_INDICATION indication = {
        .Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
        .StatusCode = code};
    if (!ExAcquireRundownProtection(&self->alive))
        return;
    binding_indicate(self, &indication);
    ExReleaseRundownProtection(&self->alive);
}

void
passthru_indicate_link(struct passthru *self)
{
    NDIS_LINK_STATE link;
    KIRQL old;
    KeAcquireSpinLock(&self->lock, &old);
    link = self->link;
    KeReleaseSpinLock(&self->lock, old);
    NDIS_STATUS_INDICATION indication = {
        .Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
        .StatusCode = NDIS_STATUS_LINK_STATE,
        .StatusBuffer = &link,
        .StatusBufferSize = sizeof link};
    binding_indicate(self, &indication);
}

VOID
passthru_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    struct passthru *self = context;
    NDIS_STATUS_INDICATION copy = *indication;
    if (copy.StatusCode == NDIS_STATUS_LINK_STATE && copy.StatusBufferSize >= NDIS_SIZEOF_LINK_STATE_REVISION_1) {
        KIRQL old;
        KeAcquireSpinLock(&self->lock, &old);
        NdisMoveMemory(&self->link, copy.StatusBuffer, sizeof self->link);
        KeReleaseSpinLock(&self->lock, old);
    }
    if (!ExAcquireRundownProtection(&self->alive))
        return;
    binding_indicate(self, &copy);
    ExReleaseRundownProtection(&self->alive);
}
