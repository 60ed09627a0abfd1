// SPDX-License-Identifier: MIT
// See im_kit.h.
#include "im_kit.h"

#include <check.h>
#include <string.h>

struct im_kit im;

void
im_note(char letter)
{
    size_t length = strlen(im.order);
    ck_assert_uint_lt(length, sizeof im.order - 1);
    im.order[length] = letter;
}

// ---- upper edge -----------------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
up_initialize(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    struct im_virtual *v = parameters->IMDeviceInstanceContext;
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES registration = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
        .MiniportAdapterContext = v,
        .AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND,
        .InterfaceType = NdisInterfaceInternal};
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES general = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1},
        .MediaType = NdisMedium802_3,
        .MtuSize = 1500,
        .MediaConnectState = MediaConnectStateConnected,
        .LookaheadSize = 1500,
        .MacOptions = NDIS_MAC_OPTION_NO_LOOPBACK,
        .SupportedPacketFilters = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_PROMISCUOUS,
        .MaxMulticastListSize = 32,
        .MacAddressLength = 6,
        .CurrentMacAddress = {2, 0, 0, 0, 0, 1}};
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    im_note('I');
    if (!v)                                   // a device that was asked for without a context
        v = &im.virtual[0];
    v->initializes++;
    v->context_seen = parameters->IMDeviceInstanceContext;
    v->if_index = parameters->IfIndex;
    registration.MiniportAdapterContext = v;
    if (im.on_initialize)
        im.on_initialize(v);
    if (v->initialize_status)
        return v->initialize_status;
    ck_assert_int_eq(NdisMSetMiniportAttributes(handle, (void *)&registration), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMSetMiniportAttributes(handle, (void *)&general), NDIS_STATUS_SUCCESS);
    v->handle = handle;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
up_halt(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    struct im_virtual *v = context;
    im_note('H');
    v->halts++;
    v->halt_action = action;
    v->handle = NULL;
}

static NTAPI NDIS_STATUS
up_pause(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS parameters)
{
    im_note('P');
    ((struct im_virtual *)context)->pauses++;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
up_restart(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS parameters)
{
    ((struct im_virtual *)context)->restarts++;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
up_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    return request->RequestType == NdisRequestSetInformation ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

static NTAPI VOID
up_cancel_oid(NDIS_HANDLE context, PVOID id)
{
}

static NTAPI VOID
up_cancel_send(NDIS_HANDLE context, PVOID id)
{
}

static void
take_over(NET_BUFFER_LIST *nbls, NDIS_HANDLE source)
{
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 16, 0, 'dmi '), NDIS_STATUS_SUCCESS);
        *(NDIS_HANDLE *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl) = nbl->SourceHandle;
        nbl->SourceHandle = source;
    }
}

static void
give_back(NET_BUFFER_LIST *nbls)
{
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        nbl->SourceHandle = *(NDIS_HANDLE *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
        NdisFreeNetBufferListContext(nbl, 16);
    }
}

static NTAPI VOID
up_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    take_over(nbls, im.binding[0]);
    NdisSendNetBufferLists(im.binding[0], nbls, port, flags);
}

static NTAPI VOID
up_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    if (!im.keeps_source)
        give_back(nbls);
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        im.returned++;
    NdisReturnNetBufferLists(im.binding[0], nbls, flags);
}

static NTAPI VOID
up_unload(PDRIVER_OBJECT driver)
{
    NdisDeregisterProtocolDriver(im.protocol);
    NdisMDeregisterMiniportDriver(im.driver);
}

// ---- lower edge -----------------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
low_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    uint32_t which = im.bindings++;
    ck_assert_uint_lt(which, 2);
    KeInitializeEvent(&im.opened, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOpenAdapterEx(im.protocol, (NDIS_HANDLE)(uintptr_t)(which + 1), &open, bind, &im.binding[which]);
    if (status == NDIS_STATUS_PENDING) {
        KeWaitForSingleObject(&im.opened, Executive, KernelMode, FALSE, NULL);
        status = im.open_status;
    }
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    if (im.on_bind)
        im.on_bind();
    return status;
}

static NTAPI NDIS_STATUS
low_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    uint32_t which = (uint32_t)(uintptr_t)context - 1;
    im_note('U');
    im.unbinds++;
    if (im.on_unbind)
        im.on_unbind(which);
    ck_assert_int_eq(NdisCloseAdapterEx(im.binding[which]), NDIS_STATUS_SUCCESS);
    im.binding[which] = NULL;
    im.bindings--;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
low_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    im.open_status = status;
    KeSetEvent(&im.opened, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
low_close_complete(NDIS_HANDLE context)
{
}

static NTAPI NDIS_STATUS
low_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
low_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
}

static NTAPI VOID
low_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
}

static NTAPI VOID
low_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    NDIS_HANDLE up = im.virtual[0].handle;
    if (!up) {
        if (!(flags & NDIS_RECEIVE_FLAGS_RESOURCES))
            NdisReturnNetBufferLists(im.binding[0], nbls, 0);
        return;
    }
    if (!im.keeps_source)
        take_over(nbls, up);
    NdisMIndicateReceiveNetBufferLists(up, nbls, port, count, flags);
    if ((flags & NDIS_RECEIVE_FLAGS_RESOURCES) && !im.keeps_source)
        give_back(nbls);
}

static NTAPI VOID
low_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    give_back(nbls);
    NdisMSendNetBufferListsComplete(im.virtual[0].handle, nbls, flags);
}

// ---- the driver -----------------------------------------------------------------------------------------------------------------

static NTAPI VOID
up_device_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
}

static NTAPI VOID
up_shutdown(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action)
{
}

static NTAPI NTSTATUS
im_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"imd";
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS upper = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .Flags = im.is_plain ? 0 : NDIS_INTERMEDIATE_DRIVER,
        .InitializeHandlerEx = up_initialize,
        .HaltHandlerEx = up_halt,
        .UnloadHandler = up_unload,
        .PauseHandler = up_pause,
        .RestartHandler = up_restart,
        .OidRequestHandler = up_oid,
        .SendNetBufferListsHandler = up_send,
        .ReturnNetBufferListsHandler = up_return,
        .CancelSendHandler = up_cancel_send,
        .DevicePnPEventNotifyHandler = up_device_event,
        .ShutdownHandlerEx = up_shutdown,
        .CancelOidRequestHandler = up_cancel_oid};
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS lower = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .Name = {sizeof name - sizeof(WCHAR), sizeof name, name},
        .BindAdapterHandlerEx = low_bind,
        .UnbindAdapterHandlerEx = low_unbind,
        .OpenAdapterCompleteHandlerEx = low_open_complete,
        .CloseAdapterCompleteHandlerEx = low_close_complete,
        .NetPnPEventHandler = low_pnp,
        .OidRequestCompleteHandler = low_oid_complete,
        .StatusHandlerEx = low_status,
        .ReceiveNetBufferListsHandler = low_receive,
        .SendNetBufferListsCompleteHandler = low_send_complete};
    NDIS_STATUS status = NdisMRegisterMiniportDriver(driver, registry, NULL, &upper, &im.driver);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    status = NdisRegisterProtocolDriver(NULL, &lower, &im.protocol);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    if (!im.is_alone && !im.is_plain)
        NdisIMAssociateMiniport(im.driver, im.protocol);
    return status;
}

static void
im_changed(void *context, struct ndis_adapter *adapter, NDIS_STATUS status)
{
    struct im_virtual *v = context;
    v->adapter = adapter;
    v->said = status;
    v->changes++;
}

void
im_declare(uint32_t which)
{
    static const char *const names[IM_VIRTUALS] = {"v0", "v1", "v2", "v3"};
    struct im_virtual *v = &im.virtual[which];
    struct ndis_virtual_config config = {.name = names[which], .driver = "imd", .on_change = im_changed, .context = v};
    char device_name[64];
    ck_assert_int_eq(ndis_virtual_declare(kit.box, &config, device_name, sizeof device_name), NDIS_STATUS_SUCCESS);
    strcpy(v->device_name, device_name);
    size_t length = strlen(device_name);
    for (size_t i = 0; i < length; i++)
        v->name_buffer[i] = (WCHAR)device_name[i];
    v->name = (UNICODE_STRING){(USHORT)(length * sizeof(WCHAR)), sizeof v->name_buffer, v->name_buffer};
}

void
im_load(uint32_t count)
{
    struct io_image_config config = {.name = "imd", .entry = im_entry};
    struct io_image *image;
    char error[256];
    NTSTATUS status = io_image_load(kit.box, &config, &image, error, sizeof error);
    ck_assert_msg(NT_SUCCESS(status), "%s", error);
    for (uint32_t i = 0; i < count; i++)
        im_declare(i);
}

NDIS_STATUS
im_ask(uint32_t which)
{
    return NdisIMInitializeDeviceInstanceEx(im.driver, &im.virtual[which].name, &im.virtual[which]);
}

void
im_bind(struct ndis_adapter *adapter)
{
    ck_assert_int_eq(ndis_adapter_bind(adapter, "imd"), NDIS_STATUS_SUCCESS);
    ndis_settle(kit.box);
}

void
im_stand(uint32_t which, uint32_t bindings)
{
    struct ndis_adapter *adapter = im.virtual[which].adapter;
    ck_assert_ptr_nonnull(adapter);
    ck_assert_int_eq(ndis_adapter_restart(adapter), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < bindings; i++)
        ck_assert_int_eq(ndis_adapter_bind(adapter, i % 2 ? "proto1" : "proto0"), NDIS_STATUS_SUCCESS);
}

void
im_end(void)
{
    if (kit.adapter)
        ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    for (uint32_t i = 0; i < IM_VIRTUALS; i++)
        if (im.virtual[i].adapter)
            ndis_adapter_remove(im.virtual[i].adapter);
    ck_assert_int_eq(io_image_unload(io_image_find(kit.box, "imd")), STATUS_SUCCESS);
}
