// SPDX-License-Identifier: MIT
// The life of a binding.
//   bind      settings -> TAP -> buffers -> NdisOpenAdapterEx -> offloads on, packet filter -> the port begins
//   restart   NetEventRestart: both directions run        pause  NetEventPause: both stop; our sends are back, what we held is returned
//   unbind    the port ends -> NdisCloseAdapterEx, which may pend -> everything freed
// Settings, below the binding's key: tap, the name of the TAP; SendBuffers. [network/protocol-binding-states-and-operations]
#include "tapproto.h"

// ---- settings -------------------------------------------------------------------------------------------------------------------

struct binding_settings {
    UNICODE_STRING tap; // RtlQueryRegistryValues allocates its buffer
    ULONG sends;
};

static NTSTATUS
binding_settings_query(const NDIS_STRING *section, struct binding_settings *settings)
{
    // Without the check of types a text would be written over a number, and beyond.
    const ULONG flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK;
    RTL_QUERY_REGISTRY_TABLE table[] = {{.Flags = flags,
                                         .Name = (PWSTR)L"tap",
                                         .EntryContext = &settings->tap,
                                         .DefaultType = REG_SZ << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT},
                                        {.Flags = flags,
                                         .Name = (PWSTR)L"SendBuffers",
                                         .EntryContext = &settings->sends,
                                         .DefaultType = REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT},
                                        {0}};
    // The section is a path from the services key on, or a whole path.
    ULONG relative = section->Length && section->Buffer[0] == '\\' ? RTL_REGISTRY_ABSOLUTE : RTL_REGISTRY_SERVICES;
    SIZE_T units = section->Length / sizeof(WCHAR);
    PWSTR path = tapproto_alloc((units + 1) * sizeof(WCHAR));
    if (!path)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(path, section->Buffer, units * sizeof(WCHAR));
    NTSTATUS status = RtlQueryRegistryValues(relative, path, table, NULL, NULL);
    tapproto_free(path);
    return status;
}

static NDIS_STATUS
binding_settings_read(struct tapproto_binding *binding, const NDIS_STRING *section, ULONG *sends)
{
    struct binding_settings settings = {.sends = TAPPROTO_SENDS};
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    NTSTATUS read = binding_settings_query(section, &settings);
    SIZE_T units = settings.tap.Length / sizeof(WCHAR);
    for (SIZE_T i = 0; i < units && i < sizeof binding->tap - 1; i++)
        binding->tap[i] = (char)settings.tap.Buffer[i];
    if (read == STATUS_OBJECT_TYPE_MISMATCH) {
        DbgPrint("tapproto: setting tap is a text, SendBuffers a number (REG_DWORD); one of them is something else\n");
        status = NDIS_STATUS_INVALID_PARAMETER;
    } else if (!units || units >= sizeof binding->tap) {
        DbgPrint("tapproto: setting tap must name a TAP interface\n");
        status = NDIS_STATUS_INVALID_PARAMETER;
    } else if (settings.sends < 2 * TAPPROTO_BATCH || settings.sends > 65536) {
        DbgPrint("tapproto: SendBuffers is %u; it may be %u to 65536\n", settings.sends, 2 * TAPPROTO_BATCH);
        status = NDIS_STATUS_INVALID_PARAMETER;
    }
    if (settings.tap.Buffer)
        RtlFreeUnicodeString(&settings.tap);
    *sends = settings.sends;
    return status;
}

// ---- OID requests ---------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
binding_oid_set(struct tapproto_binding *binding, NDIS_OID oid, void *data, ULONG bytes)
{
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestSetInformation,
        .RequestId = binding,
        .DATA.SET_INFORMATION = {.Oid = oid, .InformationBuffer = data, .InformationBufferLength = bytes}};
    KeInitializeEvent(&binding->oid_done, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOidRequest(binding->ndis, &request);
    if (status != NDIS_STATUS_PENDING)
        return status;
    KeWaitForSingleObject(&binding->oid_done, Executive, KernelMode, FALSE, NULL);
    return binding->oid_status;
}

VOID
tapproto_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    struct tapproto_binding *binding = context;
    UNREFERENCED_PARAMETER(request);
    binding->oid_status = status;
    KeSetEvent(&binding->oid_done, IO_NO_INCREMENT, FALSE);
}

// Offloads may be asked for once the adapter has accepted how our frames begin [network/oid-offload-encapsulation].
static void
binding_offloads_start(struct tapproto_binding *binding, const NDIS_OFFLOAD *offload)
{
    NDIS_OFFLOAD_ENCAPSULATION encapsulation = {.Header = {NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION,
                                                           NDIS_OFFLOAD_ENCAPSULATION_REVISION_1,
                                                           NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1},
                                                .IPv4 = {NDIS_OFFLOAD_SET_ON, NDIS_ENCAPSULATION_IEEE_802_3, TAPPROTO_ETHERNET_BYTES},
                                                .IPv6 = {NDIS_OFFLOAD_SET_ON, NDIS_ENCAPSULATION_IEEE_802_3, TAPPROTO_ETHERNET_BYTES}};
    if (!offload)
        return;
    tapproto_offload_take(binding, offload);
    binding->offloads_on =
        binding_oid_set(binding, OID_OFFLOAD_ENCAPSULATION, &encapsulation, sizeof encapsulation) == NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
binding_filter_set(struct tapproto_binding *binding, ULONG supported)
{
    ULONG filter = NDIS_PACKET_TYPE_PROMISCUOUS;
    if (!(supported & filter)) {
        DbgPrint("tapproto: %s: the adapter has no promiscuous mode: only its own address is seen\n", binding->tap);
        filter = supported & (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_ALL_MULTICAST);
    }
    return binding_oid_set(binding, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter);
}

// ---- bind and unbind ------------------------------------------------------------------------------------------------------------

static void
binding_on_link(void *context, bool up, uint64_t bits_per_second)
{
    // The TAP's own link: the port says so to the user, and drops what is sent meanwhile.
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(up);
    UNREFERENCED_PARAMETER(bits_per_second);
}

static NDIS_STATUS
binding_port_open(struct tapproto_binding *binding)
{
    static const struct port_upcalls upcalls = {tapproto_on_rx, tapproto_on_tx_ready, binding_on_link};
    char spec[sizeof binding->tap + 4] = "tap:", error[256] = "";
    memcpy(spec + 4, binding->tap, sizeof binding->tap);
    if (nbx_port_open(spec, &upcalls, binding, &binding->port, error, sizeof error)) {
        DbgPrint("tapproto: %s\n", error);
        return NDIS_STATUS_OPEN_FAILED;
    }
    nbx_port_caps(binding->port, &binding->caps);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
binding_open(struct tapproto_binding *binding, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters)
{
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    KeInitializeEvent(&binding->settled, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOpenAdapterEx(tapproto_driver, binding, &open, bind_context, &binding->ndis);
    if (status != NDIS_STATUS_PENDING)
        return status;
    KeWaitForSingleObject(&binding->settled, Executive, KernelMode, FALSE, NULL);
    return binding->open_status;
}

static void
binding_close(struct tapproto_binding *binding)
{
    KeInitializeEvent(&binding->settled, NotificationEvent, FALSE);
    if (NdisCloseAdapterEx(binding->ndis) == NDIS_STATUS_PENDING)
        KeWaitForSingleObject(&binding->settled, Executive, KernelMode, FALSE, NULL);
}

static void
binding_free(struct tapproto_binding *binding)
{
    if (binding->port)
        nbx_port_close(binding->port);
    if (binding->ndis)
        binding_close(binding);
    tapproto_send_destroy(binding);
    tapproto_free(binding);
}

static NDIS_STATUS
binding_start(struct tapproto_binding *binding, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters)
{
    ULONG sends;
    NDIS_STATUS status = binding_settings_read(binding, parameters->ProtocolSection, &sends);
    if (status == NDIS_STATUS_SUCCESS)
        status = binding_port_open(binding);
    if (status == NDIS_STATUS_SUCCESS)
        status = tapproto_send_create(binding, sends);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    status = binding_open(binding, bind_context, parameters);
    if (status != NDIS_STATUS_SUCCESS) {
        binding->ndis = NULL;
        return status;
    }
    binding_offloads_start(binding, parameters->DefaultOffloadConfiguration);
    status = binding_filter_set(binding, parameters->SupportedPacketFilters);
    if (status == NDIS_STATUS_SUCCESS)
        nbx_port_start(binding->port);
    return status;
}

NDIS_STATUS
tapproto_bind(NDIS_HANDLE driver_context, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(driver_context);
    struct tapproto_binding *binding = tapproto_alloc(sizeof *binding);
    if (!binding)
        return NDIS_STATUS_RESOURCES;
    binding->mtu_bytes = parameters->MtuSize;
    binding->vlan_out_of_band = (parameters->MacOptions & NDIS_MAC_OPTION_8021Q_VLAN) != 0;
    tapproto_receive_create(binding);
    NDIS_STATUS status = binding_start(binding, bind_context, parameters);
    if (status != NDIS_STATUS_SUCCESS) {
        binding_free(binding);
        return status;
    }
    if (binding->caps.max_frame_bytes > binding->mtu_bytes + TAPPROTO_ETHERNET_BYTES)
        DbgPrint("tapproto: %s takes frames of %u bytes, the adapter of %u: longer ones are dropped (ip link set %s mtu %u)\n",
                 binding->tap, binding->caps.max_frame_bytes, binding->mtu_bytes + TAPPROTO_ETHERNET_BYTES, binding->tap,
                 binding->mtu_bytes);
    return NDIS_STATUS_SUCCESS;
}

// NDIS has paused the binding before: nothing is out in either direction.
NDIS_STATUS
tapproto_unbind(NDIS_HANDLE unbind_context, NDIS_HANDLE context)
{
    struct tapproto_binding *binding = context;
    struct tapproto_send_counters *out = &binding->send.counters;
    const struct tapproto_receive_counters *in = &binding->receive.counters;
    UNREFERENCED_PARAMETER(unbind_context);
    nbx_port_close(binding->port);
    binding->port = NULL;
    out->dropped += binding->send.work_count - binding->send.work_at; // taken from the TAP, and never sent for the pause
    DbgPrint("tapproto: %s: from the TAP %I64u frames, %I64u bytes, %I64u large sends, %I64u split here, %I64u dropped, %I64u failed\n",
             binding->tap, out->frames, out->bytes, out->large, out->split, out->dropped, out->failed);
    DbgPrint("tapproto: %s: to the TAP %I64u frames, %I64u bytes, %I64u coalesced, %I64u dropped\n", binding->tap, in->frames,
             in->bytes, in->coalesced, in->dropped);
    binding_free(binding);
    return NDIS_STATUS_SUCCESS;
}

VOID
tapproto_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    struct tapproto_binding *binding = context;
    binding->open_status = status;
    KeSetEvent(&binding->settled, IO_NO_INCREMENT, FALSE);
}

VOID
tapproto_close_complete(NDIS_HANDLE context)
{
    struct tapproto_binding *binding = context;
    KeSetEvent(&binding->settled, IO_NO_INCREMENT, FALSE);
}

// ---- events and status ----------------------------------------------------------------------------------------------------------

NDIS_STATUS
tapproto_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    struct tapproto_binding *binding = context;
    switch (event->NetPnPEvent.NetEvent) {
    case NetEventPause:
        tapproto_send_pause(binding);
        tapproto_receive_pause(binding);
        return NDIS_STATUS_SUCCESS;
    case NetEventRestart:
        tapproto_receive_restart(binding);
        tapproto_send_restart(binding);
        return NDIS_STATUS_SUCCESS;
    case NetEventSetPower:
    case NetEventQueryPower:
    case NetEventQueryRemoveDevice:
    case NetEventCancelRemoveDevice:
    case NetEventReconfigure:
    case NetEventBindList:
    case NetEventBindsComplete:
    case NetEventPnPCapabilities: return NDIS_STATUS_SUCCESS; // nothing here depends on them
    default: return NDIS_STATUS_NOT_SUPPORTED;
    }
}

VOID
tapproto_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    struct tapproto_binding *binding = context;
    if (indication->StatusCode == NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG &&
        indication->StatusBufferSize >= NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1)
        tapproto_offload_take(binding, indication->StatusBuffer);
}
