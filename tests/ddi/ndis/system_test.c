// SPDX-License-Identifier: MIT
// The system as NDIS shows it, generic objects, the event log, names, control devices, and handlers that a filter module changes.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static void
system_values(void)
{
    KAFFINITY active = 0;
    ck_assert_uint_eq(NdisGetVersion(), NDIS_RUNTIME_VERSION_685);
    ck_assert_int_eq(NdisSystemProcessorCount(), 2);
    ck_assert_uint_eq(NdisSystemActiveProcessorCount(&active), 2);
    ck_assert_uint_eq(active, 3);
    ck_assert_uint_eq(NdisGroupActiveProcessorCount(0), 2);
    ck_assert_uint_eq(NdisGroupMaxProcessorCount(0), 2);
    ck_assert_uint_eq(NdisActiveGroupCount(), 1);
    ck_assert_uint_eq(NdisMaxGroupCount(), 1);
    ck_assert_uint_lt(NdisCurrentProcessorIndex(), 2);
    KIRQL irql = KeRaiseIrqlToDpcLevel();
    ck_assert_uint_eq(NdisCurrentProcessorIndex(), KeGetCurrentProcessorNumberEx(NULL));
    KeLowerIrql(irql);
    ck_assert_uint_eq(NdisGetSharedDataAlignment(), 64);
}

TEST(NdisSystemProcessorCount_and_its_kin_show_the_processors_of_the_box)
{
    kit_run(SIM_CALM, system_values);
}

static void
processors(void)
{
    PROCESSOR_NUMBER number = {0};
    CCHAR before = NdisSystemProcessorCount();
    ck_assert_int_eq(before, 2);
    ck_assert_uint_eq((ULONG)before, KeQueryMaximumProcessorCount());
    for (UCHAR i = 0; i < 2; i++) {
        number.Number = i;
        ck_assert_uint_eq(NdisProcessorNumberToIndex(number), i);
    }
    ck_assert_uint_lt(NdisProcessorNumberToIndex(NdisCurrentGroupAndProcessor()), 2);
    number.Number = 2;                            // no such processor
    ck_assert_uint_eq(NdisProcessorNumberToIndex(number), INVALID_PROCESSOR_INDEX);
    number = (PROCESSOR_NUMBER){.Group = 1};
    ck_assert_uint_eq(NdisProcessorNumberToIndex(number), INVALID_PROCESSOR_INDEX);
    kit_start(false, 1);
    ck_assert_int_eq(NdisSystemProcessorCount(), before);   // as long as it runs
}

TEST(NdisSystemProcessorCount_is_the_most_there_can_be_and_does_not_change)
{
    kit_run(SIM_CALM, processors);
}

TEST(NdisProcessorNumberToIndex_is_the_index_across_groups_or_none)
{
    kit_run(SIM_CALM, processors);
}

static void
generic_objects(void)
{
    NDIS_GENERIC_OBJECT *object = NdisAllocateGenericObject(NULL, 'neGT', 40);
    ck_assert_ptr_nonnull(object);
    ck_assert_uint_eq(object->Header.Size, sizeof *object);
    memset(object + 1, 0x5a, 40);
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                             NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                                  .PoolTag = 'neGT'};
    NDIS_HANDLE pool = NdisAllocateNetBufferListPool(object, &parameters);
    ck_assert_ptr_nonnull(pool);
    NdisFreeNetBufferListPool(pool);
    NdisFreeGenericObject(object);
}

TEST(NdisAllocateGenericObject_gives_a_handle_with_room_behind_it_and_NdisFreeGenericObject_takes_it_back)
{
    kit_run(SIM_CALM, generic_objects);
}

// ---- names and the log --------------------------------------------------------------------------------------------------------------

static char message[256];

static void
on_message(void *context, const char *text)
{
    if (strstr(text, "error log"))
        strncpy(message, text, sizeof message - 1);
}

static void
names_and_log(void)
{
    NDIS_STRING below, above, made;
    kit_start(false, 1);
    ck_assert_int_eq(NdisQueryAdapterInstanceName(&above, kit.binding[0].handle), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMQueryAdapterInstanceName(&below, kit.mp.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_gt(above.Length, 0);
    ck_assert_uint_eq(above.Length, below.Length);
    ck_assert_mem_eq(above.Buffer, below.Buffer, above.Length);
    ck_assert_ptr_ne(above.Buffer, below.Buffer);
    NdisFreeMemory(above.Buffer, 0, 0);
    NdisFreeMemory(below.Buffer, 0, 0);
    NdisInitializeString(&made, (PUCHAR) "abc");
    ck_assert_uint_eq(made.Length, 6);
    ck_assert_mem_eq(made.Buffer, L"abc", 8);
    NdisFreeMemory(made.Buffer, 0, 0);
    kit.box->on_message = on_message;
    NdisWriteErrorLogEntry(kit.mp.adapter, 0xc0001389, 2, 0x11, 0x22);
    kit.box->on_message = NULL;
    ck_assert_ptr_nonnull(strstr(message, "0xc0001389 0x11 0x22"));
    ck_assert_ptr_nonnull(strstr(message, "nic0"));
}

TEST(NdisWriteErrorLogEntry_becomes_a_message_and_NdisQueryAdapterInstanceName_gives_memory_to_free)
{
    kit_run(SIM_CALM, names_and_log);
}

// ---- control devices ----------------------------------------------------------------------------------------------------------------

static uint32_t creates, closes;

static NTAPI NTSTATUS
device_create(PDEVICE_OBJECT device, PIRP irp)
{
    UCHAR major = IoGetCurrentIrpStackLocation(irp)->MajorFunction;
    creates += major == IRP_MJ_CREATE;
    closes += major == IRP_MJ_CLOSE;
    ck_assert_uint_eq(*(uint32_t *)NdisGetDeviceReservedExtension(device), 77);
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static void
devices(void)
{
    static WCHAR name_text[] = L"\\Device\\Ctl", link_text[] = L"\\DosDevices\\Ctl";
    NDIS_STRING name = {22, 24, name_text}, symbolic = {30, 32, link_text};
    PDRIVER_DISPATCH majors[IRP_MJ_MAXIMUM_FUNCTION + 1] = {[IRP_MJ_CREATE] = device_create, [IRP_MJ_CLOSE] = device_create};
    NDIS_DEVICE_OBJECT_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES,
                                                           NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1,
                                                           NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1},
                                                .DeviceName = &name,
                                                .SymbolicName = &symbolic,
                                                .MajorFunctions = majors,
                                                .ExtensionSize = 16};
    DEVICE_OBJECT *object, *second;
    NDIS_HANDLE handle, none;
    kit_start(false, 1);
    ck_assert_int_eq(NdisRegisterDeviceEx(kit.binding[0].handle, &attributes, &object, &handle), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_ptr_null(object);
    ck_assert_int_eq(NdisRegisterDeviceEx(kit.mp_driver, &attributes, &object, &handle), NDIS_STATUS_SUCCESS);
    *(uint32_t *)NdisGetDeviceReservedExtension(object) = 77;
    ck_assert_int_ne(NdisRegisterDeviceEx(kit.mp_driver, &attributes, &second, &none), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_null(second);
    HANDLE file;
    IO_STATUS_BLOCK iosb;
    OBJECT_ATTRIBUTES open;
    UNICODE_STRING path = {30, 32, link_text};
    InitializeObjectAttributes(&open, &path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    ck_assert_int_eq(ZwCreateFile(&file, GENERIC_READ, &open, &iosb, NULL, 0, 0, FILE_OPEN, 0, NULL, 0), STATUS_SUCCESS);
    // No handler for reading: refused, not lost.
    char byte;
    ck_assert_int_eq(ZwReadFile(file, NULL, NULL, NULL, &iosb, &byte, 1, NULL, NULL), STATUS_INVALID_DEVICE_REQUEST);
    ZwClose(file);
    ck_assert_uint_eq(creates, 1);
    ck_assert_uint_eq(closes, 1);
    NdisDeregisterDeviceEx(handle);
    ck_assert_int_eq(ZwCreateFile(&file, GENERIC_READ, &open, &iosb, NULL, 0, 0, FILE_OPEN, 0, NULL, 0),
                     STATUS_OBJECT_NAME_NOT_FOUND);
}

TEST(NdisRegisterDeviceEx_makes_a_device_with_its_own_dispatch_table_until_NdisDeregisterDeviceEx)
{
    kit_run(SIM_CALM, devices);
}

// ---- handlers of a filter module ----------------------------------------------------------------------------------------------------

static void
options(void)
{
    kit.filter_bypasses_sends = true;
    kit_start(true, 1);
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 1, 64));
    ck_assert_uint_eq(kit.mp.sent, 1);
    ck_assert_uint_eq(kit.binding[0].completed, 1);
    ck_assert_uint_eq(kit.filter_sends + kit.filter_completes, 0);
    kit.filter_bypasses_sends = false;
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 1, 64));
    ck_assert_uint_eq(kit.filter_sends, 1);
    ck_assert_uint_eq(kit.filter_completes, 1);
    // Anywhere else, and anything else, is refused.
    NDIS_FILTER_PARTIAL_CHARACTERISTICS partial = {.Header = {NDIS_OBJECT_TYPE_FILTER_PARTIAL_CHARACTERISTICS,
                                                              NDIS_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1,
                                                              NDIS_SIZEOF_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1}};
    ck_assert_int_eq(NdisSetOptionalHandlers(kit.filter, (void *)&partial), NDIS_STATUS_FAILURE);
    partial.Header.Type = NDIS_OBJECT_TYPE_CO_CALL_MANAGER_OPTIONAL_HANDLERS;
    ck_assert_int_eq(NdisSetOptionalHandlers(kit.filter, (void *)&partial), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisSetOptionalHandlers(kit.mp_driver, (void *)&partial), NDIS_STATUS_FAILURE);
}

TEST(NdisSetOptionalHandlers_changes_a_filter_modules_handlers_inside_FilterSetModuleOptions_only)
{
    kit_run(SIM_CALM, options);
}
