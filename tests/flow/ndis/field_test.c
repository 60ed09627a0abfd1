// SPDX-License-Identifier: MIT
// What drivers in the field do and the bundled ones do not: attributes of hardware assists, devices registered with an adapter's handle and
// named after the instance, received lists without a SourceHandle, registration that uses its own handle already in SetOptions.
#include <string.h>

#include <nbx/file.h>

#include "harness/harness.h"
#include "kit.h"
#include "ndis/ndis_int.h"
#include "nt/io/image.h"

static const uint8_t own[6] = {0x02, 0, 0, 0, 0, 0x01};

// ---- hardware assist ------------------------------------------------------------------------------------------------------------

static NDIS_STATUS early;

static NDIS_STATUS
assist_initialize(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    NDIS_RECEIVE_FILTER_CAPABILITIES filters = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_RECEIVE_FILTER_CAPABILITIES_REVISION_1,
                   NDIS_SIZEOF_RECEIVE_FILTER_CAPABILITIES_REVISION_1},
        .NumQueues = 7};
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES a = {0};
    a.HardwareAssistAttributes.Header =
        (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES,
                             NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES_REVISION_2,
                             NDIS_SIZEOF_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES_REVISION_2};
    a.HardwareAssistAttributes.HardwareReceiveFilterCapabilities = &filters;
    NDIS_STATUS status = NdisMSetMiniportAttributes(adapter, &a);
    a.HardwareAssistAttributes.Header.Size = 4;
    early = NdisMSetMiniportAttributes(adapter, &a);
    filters.NumQueues = 99;                  // the copy was taken
    return status;
}

static void
assist_is_told(void)
{
    NDIS_RECEIVE_FILTER_CAPABILITIES got = {0};
    uint32_t done = 0;
    kit_start(false, 1);
    ck_assert_int_eq(early, NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(ndis_adapter_oid(kit.adapter, NdisRequestQueryInformation, OID_RECEIVE_FILTER_HARDWARE_CAPABILITIES, &got, sizeof got,
                                      &done),
                     NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(done, NDIS_SIZEOF_RECEIVE_FILTER_CAPABILITIES_REVISION_1);
    ck_assert_uint_eq(got.NumQueues, 7);
    // What it did not give is not there, and the miniport is not asked.
    uint32_t asked = kit.mp.oids;
    ck_assert_int_eq(ndis_adapter_oid(kit.adapter, NdisRequestQueryInformation, OID_RECEIVE_FILTER_CURRENT_CAPABILITIES, &got, sizeof got,
                                      &done),
                     NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(kit.mp.oids, asked);
}

TEST(NdisMSetMiniportAttributes_keeps_what_the_hardware_assists_and_NDIS_tells_who_asks)
{
    kit_mp_hooks.initialize = assist_initialize;
    kit_run(SIM_CALM, assist_is_told);
}

// ---- a device of the adapter ----------------------------------------------------------------------------------------------------

static NDIS_HANDLE device_handle;
static PDEVICE_OBJECT device_object;
static char instance[64];

static NTAPI NTSTATUS
device_done(PDEVICE_OBJECT device, PIRP irp)
{
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static void
instance_read(NDIS_HANDLE adapter)
{
    NDIS_CONFIGURATION_OBJECT object = {
        .Header = {NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                   NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
        .NdisHandle = adapter};
    NDIS_STRING keyword = NDIS_STRING_CONST("NetCfgInstanceId");
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_HANDLE configuration;
    NDIS_STATUS status;
    ck_assert_int_eq(NdisOpenConfigurationEx(&object, &configuration), NDIS_STATUS_SUCCESS);
    NdisReadConfiguration(&status, &value, configuration, &keyword, NdisParameterString);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    for (USHORT i = 0; i < value->ParameterData.StringData.Length / 2; i++)
        instance[i] = (char)value->ParameterData.StringData.Buffer[i];
    NdisCloseConfiguration(configuration);
}

static UCHAR device_type = NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES;

static NDIS_STATUS
device_initialize(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    NDIS_STRING name = NDIS_STRING_CONST("\\Device\\Kit.tap"), link = NDIS_STRING_CONST("\\DosDevices\\Global\\Kit.tap");
    PDRIVER_DISPATCH dispatch[IRP_MJ_MAXIMUM_FUNCTION + 1] = {0};
    dispatch[IRP_MJ_CREATE] = dispatch[IRP_MJ_CLEANUP] = dispatch[IRP_MJ_CLOSE] = device_done;
    NDIS_DEVICE_OBJECT_ATTRIBUTES attributes = {
        .Header = {device_type, NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1},
        .DeviceName = &name,
        .SymbolicName = &link,
        .MajorFunctions = dispatch};
    instance_read(adapter);
    return NdisRegisterDeviceEx(adapter, &attributes, &device_object, &device_handle);
}

static void
device_halt(void)
{
    NdisDeregisterDeviceEx(device_handle);
}

static void
device_is_opened(void)
{
    struct nbx_file *file;
    char guid[64] = {0};
    kit_start(false, 1);
    ck_assert_int_eq(nbx_file_open("\\\\.\\Global\\Kit.tap", NBX_FILE_READ, &file), STATUS_SUCCESS);
    nbx_file_close(file);
    // The instance is the one that the adapter's device is named after.
    for (size_t i = 0; i < kit.adapter->device_name.Length / 2u - 8; i++)
        guid[i] = (char)kit.adapter->device_name.Buffer[8 + i];
    ck_assert_str_eq(instance, guid);
}

TEST(NdisRegisterDeviceEx_takes_an_adapters_handle)
{
    kit_mp_hooks.initialize = device_initialize;
    kit_mp_hooks.halt = device_halt;
    kit_run(SIM_CALM, device_is_opened);
}

TEST(NdisRegisterDeviceEx_takes_attributes_whose_header_says_the_default_type)
{
    device_type = NDIS_OBJECT_TYPE_DEFAULT;
    kit_mp_hooks.initialize = device_initialize;
    kit_mp_hooks.halt = device_halt;
    kit_run(SIM_CALM, device_is_opened);
}

// ---- received lists without a SourceHandle --------------------------------------------------------------------------------------

static void
receives_without_source(void)
{
    ULONG filter = NDIS_PACKET_TYPE_PROMISCUOUS;
    kit_start(true, 2);
    kit.mp.forgets_source = true;
    for (uint32_t i = 0; i < 2; i++)
        ck_assert_int_eq(kit_set(&kit.binding[i], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter),
                         NDIS_STATUS_SUCCESS);
    kit_indicate(own, 6, 0);
    kit_indicate(own, 3, NDIS_RECEIVE_FLAGS_RESOURCES);
    ck_assert_uint_eq(kit.binding[0].received, 9);
    ck_assert_uint_eq(kit.mp.returned, 9);
}

TEST(NdisReturnNetBufferLists_gives_the_miniport_its_own_though_it_set_no_SourceHandle)
{
    kit_run(3, receives_without_source);
}

// ---- registration ---------------------------------------------------------------------------------------------------------------

static NDIS_HANDLE registered, seen;

static NTAPI NDIS_STATUS
set_options(NDIS_HANDLE driver, NDIS_HANDLE context)
{
    seen = registered;
    ck_assert_ptr_eq(registered, driver);
    return context ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

static void
protocols_register(void)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 0,
        .Name = NDIS_STRING_CONST("early"),
        .SetOptionsHandler = set_options,
        .BindAdapterHandlerEx = (BIND_HANDLER_EX)(void *)set_options,
        .UnbindAdapterHandlerEx = (UNBIND_HANDLER_EX)(void *)set_options,
        .OpenAdapterCompleteHandlerEx = (OPEN_ADAPTER_COMPLETE_HANDLER_EX)(void *)set_options,
        .CloseAdapterCompleteHandlerEx = (CLOSE_ADAPTER_COMPLETE_HANDLER_EX)(void *)set_options,
        .NetPnPEventHandler = (NET_PNP_EVENT_HANDLER)(void *)set_options,
        .OidRequestCompleteHandler = (OID_REQUEST_COMPLETE_HANDLER)(void *)set_options,
        .StatusHandlerEx = (STATUS_HANDLER_EX)(void *)set_options,
        .ReceiveNetBufferListsHandler = (RECEIVE_NET_BUFFER_LISTS_HANDLER)(void *)set_options,
        .SendNetBufferListsCompleteHandler = (SEND_NET_BUFFER_LISTS_COMPLETE_HANDLER)(void *)set_options};
    ck_assert_int_eq(NdisRegisterProtocolDriver(NULL, &chars, &registered), NDIS_STATUS_RESOURCES);
    ck_assert_ptr_nonnull(seen);
    ck_assert_ptr_null(registered);          // what SetOptions refuses is not registered
    ck_assert_int_eq(NdisRegisterProtocolDriver(&chars, &chars, &registered), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(seen, registered);
    NdisDeregisterProtocolDriver(registered);
}

TEST(NdisRegisterProtocolDriver_fills_the_handle_before_SetOptions_runs) { kit_run(SIM_CALM, protocols_register); }
