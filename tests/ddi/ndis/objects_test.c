// SPDX-License-Identifier: MIT
// What NDIS gives is taken back once, in its own kind, and at the right time: generic objects, timers, control devices and their
// extensions. Each free gives the memory back (counted), and what is not such an object, or not free to go, stops with a report.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nbx/fault.h"
#include "nt/ex/pool.h"
#include "nt/ke/ke.h"

#define TAG 'jbOT'

static uint64_t
bytes_of_tag(void)
{
    struct ex_pool_usage usage;
    ex_pool_usage_get(kit.box, TAG, &usage);
    return usage.bytes;
}

// ---- generic objects ----------------------------------------------------------------------------------------------------------------

static void
generic_is_freed(void)
{
    NDIS_GENERIC_OBJECT *object = NdisAllocateGenericObject(NULL, TAG, 100);
    ck_assert_ptr_nonnull(object);
    ck_assert_uint_ge(bytes_of_tag(), sizeof *object + 100);
    NdisFreeGenericObject(object);
    ck_assert_uint_eq(bytes_of_tag(), 0);
    object = NdisAllocateGenericObject(NULL, TAG, 0);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    NdisFreeGenericObject(object);
    KeLowerIrql(old);
    ck_assert_uint_eq(bytes_of_tag(), 0);
}

TEST(NdisFreeGenericObject_gives_the_memory_back_up_to_DISPATCH_LEVEL)
{
    kit_run(SIM_CALM, generic_is_freed);
}

static void
generic_is_none(void)
{
    NDIS_GENERIC_OBJECT *object = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *object, TAG);
    memset(object, 0, sizeof *object);
    NdisFreeGenericObject(object);
}

static void
run_generic_is_none(void)
{
    kit_run(SIM_CALM, generic_is_none);
}

TEST(NdisFreeGenericObject_of_other_memory_is_reported)
{
    harness_reported("NdisFreeGenericObject: this is no generic object", run_generic_is_none);
}

// ---- timers -------------------------------------------------------------------------------------------------------------------------

static uint32_t ticks;

static NTAPI VOID
tick(PVOID s1, PVOID context, PVOID s2, PVOID s3)
{
    ticks++;
}

static NDIS_HANDLE
timer_make(void)
{
    NDIS_TIMER_CHARACTERISTICS chars = {.Header = {NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, NDIS_TIMER_CHARACTERISTICS_REVISION_1,
                                                   NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1},
                                        .AllocationTag = TAG,
                                        .TimerFunction = tick};
    NDIS_HANDLE timer = NULL;
    ticks = 0;
    ck_assert_int_eq(NdisAllocateTimerObject(NULL, &chars, &timer), NDIS_STATUS_SUCCESS);
    return timer;
}

static LARGE_INTEGER
in_ms(int ms)
{
    return (LARGE_INTEGER){.QuadPart = -10000ll * ms};
}

static void
timer_is_freed(void)
{
    NDIS_HANDLE timer = timer_make();
    ck_assert_uint_gt(bytes_of_tag(), 0);
    NdisFreeTimerObject(timer);                   // never set
    ck_assert_uint_eq(bytes_of_tag(), 0);
    timer = timer_make();
    NdisSetTimerObject(timer, in_ms(5), 0, NULL);
    ck_assert(NdisCancelTimerObject(timer));
    KIRQL old = KeRaiseIrqlToDpcLevel();
    NdisFreeTimerObject(timer);                   // cancelled
    KeLowerIrql(old);
    ck_assert_uint_eq(bytes_of_tag(), 0);
    NdisMSleep(20000);
    ck_assert_uint_eq(ticks, 0);
    timer = timer_make();
    NdisSetTimerObject(timer, in_ms(5), 0, NULL);
    NdisMSleep(20000);
    ck_assert_uint_eq(ticks, 1);
    NdisFreeTimerObject(timer);                   // over
    ck_assert_uint_eq(bytes_of_tag(), 0);
}

TEST(NdisFreeTimerObject_gives_the_memory_of_a_timer_back_that_is_not_set)
{
    kit_run(SIM_CALM, timer_is_freed);
}

static void
timer_is_set(void)
{
    NDIS_HANDLE timer = timer_make();
    NdisSetTimerObject(timer, in_ms(1000), 0, NULL);
    NdisFreeTimerObject(timer);
}

static void
run_timer_is_set(void)
{
    kit_run(SIM_CALM, timer_is_set);
}

TEST(NdisFreeTimerObject_of_a_timer_that_is_set_is_reported)
{
    harness_reported("NdisFreeTimerObject: the timer is still set", run_timer_is_set);
}

static void
timer_is_due(void)
{
    NDIS_HANDLE timer = timer_make();
    KIRQL old = KeRaiseIrqlToDpcLevel();
    NdisSetTimerObject(timer, in_ms(1), 0, NULL);
    for (int i = 0; i < 100; i++)
        KeStallExecutionProcessor(50);
    NdisFreeTimerObject(timer);                   // due on this very processor, which has not been free to run it
    KeLowerIrql(old);
}

static void
run_timer_is_due(void)
{
    kit_run(SIM_CALM, timer_is_due);
}

TEST(NdisFreeTimerObject_of_a_timer_whose_function_has_yet_to_run_is_reported)
{
    harness_reported("NdisFreeTimerObject: the timer has come due", run_timer_is_due);
}

static void
timer_is_none(void)
{
    uint64_t other[16] = {0};
    NdisFreeTimerObject(other);
}

static void
run_timer_is_none(void)
{
    kit_run(SIM_CALM, timer_is_none);
}

TEST(NdisFreeTimerObject_of_something_else_is_reported)
{
    harness_reported("NdisFreeTimerObject", run_timer_is_none);
}

// ---- control devices ----------------------------------------------------------------------------------------------------------------

static WCHAR name_text[] = L"\\Device\\Obj", link_text[] = L"\\DosDevices\\Obj";

static NTAPI NTSTATUS
device_any(PDEVICE_OBJECT device, PIRP irp)
{
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static PDRIVER_DISPATCH majors[IRP_MJ_MAXIMUM_FUNCTION + 1] = {
    [IRP_MJ_CREATE] = device_any, [IRP_MJ_CLEANUP] = device_any, [IRP_MJ_CLOSE] = device_any};

static NDIS_STRING name = {22, 24, name_text}, symbolic = {30, 32, link_text};

static NDIS_DEVICE_OBJECT_ATTRIBUTES
device_attributes(ULONG extension)
{
    return (NDIS_DEVICE_OBJECT_ATTRIBUTES){.Header = {NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES,
                                                      NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1,
                                                      NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1},
                                           .DeviceName = &name,
                                           .SymbolicName = &symbolic,
                                           .MajorFunctions = majors,
                                           .ExtensionSize = extension};
}

static NTSTATUS
device_open(const UNICODE_STRING *path)
{
    HANDLE file;
    IO_STATUS_BLOCK iosb;
    OBJECT_ATTRIBUTES open;
    UNICODE_STRING copy = *path;
    InitializeObjectAttributes(&open, &copy, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    NTSTATUS status = ZwCreateFile(&file, GENERIC_READ, &open, &iosb, NULL, 0, 0, FILE_OPEN, 0, NULL, 0);
    if (NT_SUCCESS(status))
        ZwClose(file);
    return status;
}

static void
device_is_removed(void)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES attributes = device_attributes(16);
    DEVICE_OBJECT *object;
    NDIS_HANDLE handle;
    kit_start(false, 0);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(NdisRegisterDeviceEx(kit.mp_driver, &attributes, &object, &handle), NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(device_open(&name), STATUS_SUCCESS);
        ck_assert_int_eq(device_open(&symbolic), STATUS_SUCCESS);
        NdisDeregisterDeviceEx(handle);
        ck_assert_int_eq(device_open(&name), STATUS_OBJECT_NAME_NOT_FOUND);
        ck_assert_int_eq(device_open(&symbolic), STATUS_OBJECT_NAME_NOT_FOUND);
    }
}

TEST(NdisDeregisterDeviceEx_removes_the_device_and_its_symbolic_link_and_both_names_are_free_again)
{
    kit_run(SIM_CALM, device_is_removed);
}

static void
device_is_refused(void)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES attributes = device_attributes(16), bad = attributes;
    DEVICE_OBJECT *object = (DEVICE_OBJECT *)&bad, *second;
    NDIS_HANDLE handle, none;
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    kit_start(false, 0);
    ck_assert_int_eq(NdisRegisterDeviceEx(NULL, &attributes, &object, &handle), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_ptr_null(object);
    bad.Header.Type = NDIS_OBJECT_TYPE_OID_REQUEST; // the default type is taken, as public drivers fill it in
    ck_assert_int_eq(NdisRegisterDeviceEx(kit.mp_driver, &bad, &object, &handle), NDIS_STATUS_INVALID_PARAMETER);
    bad = attributes;
    bad.Header.Size = 8;
    ck_assert_int_eq(NdisRegisterDeviceEx(kit.mp_driver, &bad, &object, &handle), NDIS_STATUS_INVALID_PARAMETER);
    bad = attributes;
    bad.MajorFunctions = NULL;
    ck_assert_int_eq(NdisRegisterDeviceEx(kit.mp_driver, &bad, &object, &handle), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    object = (DEVICE_OBJECT *)&bad;
    ck_assert_int_eq(NdisRegisterDeviceEx(kit.mp_driver, &attributes, &object, &handle), NDIS_STATUS_RESOURCES);
    ck_assert_ptr_null(object);
    nbx_fault_disarm(NULL);
    ck_assert_int_eq(NdisRegisterDeviceEx(kit.mp_driver, &attributes, &object, &handle), NDIS_STATUS_SUCCESS);
    second = object;
    ck_assert_int_eq(NdisRegisterDeviceEx(kit.mp_driver, &attributes, &second, &none), STATUS_OBJECT_NAME_COLLISION);
    ck_assert_ptr_null(second);
    NdisDeregisterDeviceEx(handle);
}

TEST(NdisRegisterDeviceEx_refuses_other_callers_wrong_attributes_a_taken_name_and_a_lack_of_memory)
{
    kit_run(SIM_CALM, device_is_refused);
}

static void
device_is_none(void)
{
    kit_start(false, 0);
    NdisDeregisterDeviceEx(kit.mp.adapter);
}

static void
run_device_is_none(void)
{
    kit_run(SIM_CALM, device_is_none);
}

TEST(NdisDeregisterDeviceEx_of_another_handle_is_reported)
{
    harness_reported("NdisDeregisterDeviceEx", run_device_is_none);
}

static void
extension_is_found(void)
{
    NDIS_DEVICE_OBJECT_ATTRIBUTES attributes = device_attributes(200);
    DEVICE_OBJECT *object;
    NDIS_HANDLE handle;
    kit_start(false, 0);
    ck_assert_int_eq(NdisRegisterDeviceEx(kit.mp_driver, &attributes, &object, &handle), NDIS_STATUS_SUCCESS);
    uint8_t *extension = NdisGetDeviceReservedExtension(object);
    ck_assert_ptr_nonnull(extension);
    ck_assert_ptr_eq(NdisGetDeviceReservedExtension(object), extension);
    memset(extension, 0x5a, 200);
    // All 200 bytes are the driver's: NDIS still knows its device.
    ck_assert_int_eq(device_open(&symbolic), STATUS_SUCCESS);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_ptr_eq(NdisGetDeviceReservedExtension(object), extension);
    KeLowerIrql(old);
    ck_assert_uint_eq(extension[0], 0x5a);
    ck_assert_uint_eq(extension[199], 0x5a);
    NdisDeregisterDeviceEx(handle);
}

TEST(NdisGetDeviceReservedExtension_finds_the_bytes_that_NdisRegisterDeviceEx_was_asked_for)
{
    kit_run(SIM_CALM, extension_is_found);
}

// Devices of IoCreateDevice have none of NDIS's: with an extension of their own, and without.
static NTAPI NTSTATUS
plain_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static const ULONG bytes[] = {0, 64};
    for (size_t i = 0; i < 2; i++) {
        DEVICE_OBJECT *object;
        ck_assert_int_eq(IoCreateDevice(driver, bytes[i], NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &object), STATUS_SUCCESS);
        ck_assert_ptr_null(NdisGetDeviceReservedExtension(object));
        IoDeleteDevice(object);
    }
    ticks = 2;
    return STATUS_UNSUCCESSFUL;
}

static void
extension_is_none(void)
{
    struct io_image_config config = {.name = "plain", .entry = plain_entry};
    struct io_image *image;
    char error[256];
    ticks = 0;
    ck_assert_int_eq(io_image_load(kit.box, &config, &image, error, sizeof error), STATUS_UNSUCCESSFUL);
    ck_assert_uint_eq(ticks, 2);
}

TEST(NdisGetDeviceReservedExtension_of_a_device_that_is_not_of_NDIS_is_NULL)
{
    kit_run(SIM_CALM, extension_is_none);
}
