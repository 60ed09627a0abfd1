// SPDX-License-Identifier: MIT
// What NDIS refuses at registration and in attributes: headers, versions, handlers that must be there, and attributes out of their order.
#include "kit.h"

#include <string.h>

#include "harness/harness.h"
#include "nbx/fault.h"

static NDIS_HANDLE driver_handle;
static uint32_t tried;

// Handlers that are never called: only whether they are there counts.
static NTAPI NDIS_STATUS
any_handler(void)
{
    return NDIS_STATUS_FAILURE;
}
#define ANY ((void *)any_handler)

// ---- miniport drivers ---------------------------------------------------------------------------------------------------------------

static NDIS_MINIPORT_DRIVER_CHARACTERISTICS
miniport_chars(void)
{
    return (NDIS_MINIPORT_DRIVER_CHARACTERISTICS){
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .InitializeHandlerEx = ANY,
        .HaltHandlerEx = ANY,
        .UnloadHandler = ANY,
        .DevicePnPEventNotifyHandler = ANY,
        .ShutdownHandlerEx = ANY,
        .PauseHandler = ANY,
        .RestartHandler = ANY,
        .OidRequestHandler = ANY,
        .SendNetBufferListsHandler = ANY,
        .ReturnNetBufferListsHandler = ANY,
        .CancelSendHandler = ANY,
        .CancelOidRequestHandler = ANY};
}

static void
miniport_refused(PDRIVER_OBJECT driver, const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars, NDIS_STATUS wanted)
{
    static WCHAR name[] = L"\\Registry";
    UNICODE_STRING registry = {sizeof name - sizeof(WCHAR), sizeof name, name};
    NDIS_HANDLE handle = &tried;
    ck_assert_int_eq(NdisMRegisterMiniportDriver(driver, &registry, NULL, (void *)chars, &handle), wanted);
    ck_assert_ptr_null(handle);
    tried++;
}

static NTAPI NDIS_STATUS
options_fail(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    ck_assert_ptr_nonnull(handle);
    return NDIS_STATUS_RESOURCES;
}

static NTAPI NTSTATUS
miniport_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS good = miniport_chars(), chars = good;
    chars.Header.Type = NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS;
    miniport_refused(driver, &chars, NDIS_STATUS_BAD_CHARACTERISTICS);
    chars = good;
    chars.Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1 - 8;
    miniport_refused(driver, &chars, NDIS_STATUS_BAD_CHARACTERISTICS);
    chars = good;
    chars.MajorNdisVersion = 5;
    miniport_refused(driver, &chars, NDIS_STATUS_BAD_VERSION);
    chars = good;
    chars.MinorNdisVersion = 90;
    miniport_refused(driver, &chars, NDIS_STATUS_BAD_VERSION);
    PVOID *const required[] = {(PVOID *)&chars.InitializeHandlerEx, (PVOID *)&chars.HaltHandlerEx,
                               (PVOID *)&chars.PauseHandler, (PVOID *)&chars.RestartHandler,
                               (PVOID *)&chars.OidRequestHandler, (PVOID *)&chars.SendNetBufferListsHandler,
                               (PVOID *)&chars.ReturnNetBufferListsHandler, (PVOID *)&chars.CancelSendHandler,
                               (PVOID *)&chars.CancelOidRequestHandler, (PVOID *)&chars.UnloadHandler,
                               (PVOID *)&chars.DevicePnPEventNotifyHandler, (PVOID *)&chars.ShutdownHandlerEx};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        chars = good;
        *required[i] = NULL;
        miniport_refused(driver, &chars, NDIS_STATUS_BAD_CHARACTERISTICS);
    }
    chars = good;
    chars.SetOptionsHandler = options_fail;
    static WCHAR name[] = L"\\Registry";
    UNICODE_STRING path = {sizeof name - sizeof(WCHAR), sizeof name, name};
    ck_assert_int_eq(NdisMRegisterMiniportDriver(driver, &path, NULL, &chars, &driver_handle), NDIS_STATUS_RESOURCES);
    // What is right is taken, and taken back, also for a lower edge that is not NDIS's.
    chars = good;
    chars.MinorNdisVersion = 89;
    chars.Flags = NDIS_WDM_DRIVER;
    ck_assert_int_eq(NdisMRegisterMiniportDriver(driver, &path, NULL, &chars, &driver_handle), NDIS_STATUS_SUCCESS);
    NdisMDeregisterMiniportDriver(driver_handle);
    ck_assert_int_eq(NdisMRegisterMiniportDriver(driver, &path, NULL, &good, &driver_handle), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_nonnull(driver_handle);
    NdisMDeregisterMiniportDriver(driver_handle);
    return STATUS_UNSUCCESSFUL;                   // nothing more to do here
}

static void
try_entry(DRIVER_INITIALIZE *entry)
{
    struct io_image_config config = {.name = "tried", .entry = entry};
    struct io_image *image;
    char error[256];
    tried = 0;
    ck_assert_int_eq(io_image_load(kit.box, &config, &image, error, sizeof error), STATUS_UNSUCCESSFUL);
}

static void
miniports_are_refused(void)
{
    try_entry(miniport_entry);
    ck_assert_uint_eq(tried, 16);
}

TEST(NdisMRegisterMiniportDriver_refuses_headers_versions_and_missing_handlers)
{
    kit_run(1, miniports_are_refused);
}

// ---- no memory ----------------------------------------------------------------------------------------------------------------------

static void
arm_first(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

static void
disarm_one(void)
{
    struct nbx_fault_report report;
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
}

static NTAPI NTSTATUS
miniport_no_memory(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS chars = miniport_chars();
    arm_first();
    ck_assert_int_eq(NdisMRegisterMiniportDriver(driver, registry, NULL, &chars, &driver_handle), NDIS_STATUS_RESOURCES);
    ck_assert_int_eq(NdisMRegisterMiniportDriver(driver, registry, NULL, &chars, &driver_handle), NDIS_STATUS_SUCCESS);
    disarm_one();
    NdisMDeregisterMiniportDriver(driver_handle);
    tried++;
    return STATUS_UNSUCCESSFUL;
}

static void
miniport_has_no_memory(void)
{
    try_entry(miniport_no_memory);
    ck_assert_uint_eq(tried, 1);
}

TEST(NdisMRegisterMiniportDriver_without_memory_is_NDIS_STATUS_RESOURCES)
{
    kit_run(1, miniport_has_no_memory);
}

// ---- protocol drivers ---------------------------------------------------------------------------------------------------------------

static NDIS_PROTOCOL_DRIVER_CHARACTERISTICS
protocol_chars(void)
{
    static WCHAR name[] = L"tried";
    return (NDIS_PROTOCOL_DRIVER_CHARACTERISTICS){
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .Name = {10, 12, name},
        .BindAdapterHandlerEx = ANY,
        .UnbindAdapterHandlerEx = ANY,
        .OpenAdapterCompleteHandlerEx = ANY,
        .CloseAdapterCompleteHandlerEx = ANY,
        .NetPnPEventHandler = ANY,
        .OidRequestCompleteHandler = ANY,
        .StatusHandlerEx = ANY,
        .ReceiveNetBufferListsHandler = ANY,
        .SendNetBufferListsCompleteHandler = ANY};
}

static void
protocol_refused(const NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars, NDIS_STATUS wanted)
{
    NDIS_HANDLE handle = &tried;
    ck_assert_int_eq(NdisRegisterProtocolDriver(NULL, (void *)chars, &handle), wanted);
    ck_assert_ptr_null(handle);
    tried++;
}

static NTAPI NTSTATUS
protocol_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS good = protocol_chars(), chars = good;
    chars.Header.Type = NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS;
    protocol_refused(&chars, NDIS_STATUS_BAD_CHARACTERISTICS);
    chars = good;
    chars.Header.Size = 16;
    protocol_refused(&chars, NDIS_STATUS_BAD_CHARACTERISTICS);
    chars = good;
    chars.MajorNdisVersion = 4;
    protocol_refused(&chars, NDIS_STATUS_BAD_VERSION);
    chars = good;
    chars.Name.Length = 0;
    protocol_refused(&chars, NDIS_STATUS_BAD_CHARACTERISTICS);
    PVOID *const required[] = {(PVOID *)&chars.BindAdapterHandlerEx, (PVOID *)&chars.UnbindAdapterHandlerEx,
                               (PVOID *)&chars.OpenAdapterCompleteHandlerEx, (PVOID *)&chars.CloseAdapterCompleteHandlerEx,
                               (PVOID *)&chars.NetPnPEventHandler, (PVOID *)&chars.OidRequestCompleteHandler,
                               (PVOID *)&chars.ReceiveNetBufferListsHandler, (PVOID *)&chars.SendNetBufferListsCompleteHandler};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        chars = good;
        *required[i] = NULL;
        protocol_refused(&chars, NDIS_STATUS_BAD_CHARACTERISTICS);
    }
    ck_assert_int_eq(NdisRegisterProtocolDriver(NULL, &good, &driver_handle), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_nonnull(driver_handle);
    NdisDeregisterProtocolDriver(driver_handle);
    return STATUS_UNSUCCESSFUL;
}

static void
protocols_are_refused(void)
{
    try_entry(protocol_entry);
    ck_assert_uint_eq(tried, 12);
}

TEST(NdisRegisterProtocolDriver_refuses_headers_versions_names_and_missing_handlers)
{
    kit_run(1, protocols_are_refused);
}

static NTAPI NTSTATUS
protocol_no_memory(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = protocol_chars();
    arm_first();
    ck_assert_int_eq(NdisRegisterProtocolDriver(NULL, &chars, &driver_handle), NDIS_STATUS_RESOURCES);
    ck_assert_int_eq(NdisRegisterProtocolDriver(NULL, &chars, &driver_handle), NDIS_STATUS_SUCCESS);
    disarm_one();
    NdisDeregisterProtocolDriver(driver_handle);
    tried++;
    return STATUS_UNSUCCESSFUL;
}

static void
protocol_has_no_memory(void)
{
    try_entry(protocol_no_memory);
    ck_assert_uint_eq(tried, 1);
}

TEST(NdisRegisterProtocolDriver_without_memory_is_NDIS_STATUS_RESOURCES)
{
    kit_run(1, protocol_has_no_memory);
}

// ---- attributes ---------------------------------------------------------------------------------------------------------------------

static void
attributes_are_refused(void)
{
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES registration = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                   NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1}};
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES general = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1}};
    NDIS_OBJECT_HEADER unknown = {NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof unknown};
    kit_start(false, 0);
    // Initialised already: both are for MiniportInitializeEx.
    ck_assert_int_eq(NdisMSetMiniportAttributes(kit.mp.adapter, (void *)&registration), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisMSetMiniportAttributes(kit.mp.adapter, (void *)&general), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisMSetMiniportAttributes(kit.mp.adapter, (void *)&unknown), NDIS_STATUS_NOT_SUPPORTED);
}

static void
revisions_are_refused(void)
{
    static const struct {
        UCHAR type, newest;
        USHORT bytes;
    } kinds[] = {
        {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, 2, NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
        {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, 2, NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1},
        {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES, 1, NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1},
        {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES, 4,
         NDIS_SIZEOF_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES_REVISION_1}};
    kit_start(false, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        NDIS_MINIPORT_ADAPTER_ATTRIBUTES a = {0};
        NDIS_OBJECT_HEADER *header = &a.AddDeviceRegistrationAttributes.Header;
        *header = (NDIS_OBJECT_HEADER){kinds[i].type, 0, kinds[i].bytes};
        ck_assert_int_eq(NdisMSetMiniportAttributes(kit.mp.adapter, &a), NDIS_STATUS_BAD_VERSION);
        header->Revision = kinds[i].newest + 1;
        ck_assert_int_eq(NdisMSetMiniportAttributes(kit.mp.adapter, &a), NDIS_STATUS_BAD_VERSION);
        header->Revision = kinds[i].newest;
        ck_assert_int_ne(NdisMSetMiniportAttributes(kit.mp.adapter, &a), NDIS_STATUS_BAD_VERSION);
    }
}

TEST(NdisMSetMiniportAttributes_refuses_a_revision_that_is_not_known_with_BAD_VERSION)
{
    kit_run(1, revisions_are_refused);
}

TEST(NdisMSetMiniportAttributes_refuses_what_comes_after_initialization_or_is_unknown)
{
    kit_run(1, attributes_are_refused);
}
