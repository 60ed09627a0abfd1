// SPDX-License-Identifier: MIT
// Physical devices: properties, keys, interfaces; device queues and StartIo; the event log.
#include <nbx/file.h>
#include <stdio.h>

#include "echo.h"
#include "nt/cm/cm.h"
#include "nt/io/property.h"
#include "unit/nt/nt_test.h"

#define CONTROL_SET "\\Registry\\Machine\\System\\CurrentControlSet"

static const GUID net_class = {0xcac88484, 0x7515, 0x4c03, {0x82, 0xe6, 0x71, 0xa8, 0x7a, 0xba, 0xc3, 0x61}};

static DEVICE_OBJECT *
load_pdo(bool identify)
{
    struct io_image *image;
    char error[256];
    struct io_image_config config = {.name = "echo", .entry = EchoEntry};
    ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof(error)), STATUS_SUCCESS);
    DEVICE_OBJECT *device = image->driver_object->DeviceObject;
    while (device->NextDevice)
        device = device->NextDevice;   // EchoBuffered, the first made
    if (identify) {
        ck_assert_int_eq(io_device_identify(device, "ROOT\\NET\\0007", "{4d36e972-e325-11ce-bfc1-08002be10318}\\0007"), STATUS_SUCCESS);
        struct cm_key *key = cm_key_open(box_self(), CONTROL_SET "\\Enum\\ROOT\\NET\\0007");
        cm_set_sz(box_self(), key, "FriendlyName", "nic");
    }
    return device;
}

NT_TEST(IoGetDeviceProperty_gives_values_their_length_and_says_which_are_missing)
{
    WCHAR text[64];
    ULONG length;
    DEVICE_OBJECT *device = load_pdo(false);
    ck_assert_int_eq(IoGetDeviceProperty(device, DevicePropertyFriendlyName, sizeof(text), text, &length),
                     STATUS_INVALID_DEVICE_REQUEST);
    io_stop(box_self());
    device = load_pdo(true);
    ck_assert_int_eq(IoGetDeviceProperty(device, DevicePropertyFriendlyName, 0, NULL, &length), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(length, 8);
    ck_assert_int_eq(IoGetDeviceProperty(device, DevicePropertyFriendlyName, sizeof(text), text, &length), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(text, L"nic", 8), 0);
    ck_assert_int_eq(IoGetDeviceProperty(device, DevicePropertyManufacturer, sizeof(text), text, &length),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(IoGetDeviceProperty(device, DevicePropertyPhysicalDeviceObjectName, sizeof(text), text, &length), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(text, L"\\Device\\EchoBuffered", length), 0);
    ck_assert_int_eq(IoGetDeviceProperty(device, DevicePropertyDriverKeyName, sizeof(text), text, &length), STATUS_SUCCESS);
    ck_assert_int_eq(IoGetDeviceProperty(device, 99, sizeof(text), text, &length), STATUS_INVALID_PARAMETER_2);
}

NT_TEST(IoOpenDeviceRegistryKey_opens_the_software_and_the_hardware_key_apart)
{
    HANDLE key;
    ULONG value = 9;
    uint32_t read = 0;
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"v");
    DEVICE_OBJECT *device = load_pdo(true);
    ck_assert_int_eq(IoOpenDeviceRegistryKey(device, PLUGPLAY_REGKEY_DRIVER, KEY_ALL_ACCESS, &key), STATUS_SUCCESS);
    ck_assert_int_eq(ZwSetValueKey(key, &name, 0, REG_DWORD, &value, 4), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(key), STATUS_SUCCESS);
    struct cm_key *class = cm_key_open(box_self(), CONTROL_SET "\\Control\\Class\\{4D36E972-E325-11CE-BFC1-08002BE10318}\\0007");
    ck_assert_int_eq(cm_get_dword(box_self(), class, "V", &read), STATUS_SUCCESS);
    ck_assert_uint_eq(read, 9);
    ck_assert_int_eq(IoOpenDeviceRegistryKey(device, PLUGPLAY_REGKEY_DEVICE, KEY_READ, &key), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(key), STATUS_SUCCESS);
    ck_assert_int_eq(IoOpenDeviceRegistryKey(device, 17, KEY_READ, &key), STATUS_INVALID_PARAMETER);
}

NT_TEST(IoOpenDeviceRegistryKey_has_keys_of_the_hardware_profile_and_refuses_other_flags_and_what_is_no_PDO)
{
    static const ULONG kinds[] = {PLUGPLAY_REGKEY_DEVICE, PLUGPLAY_REGKEY_DRIVER,
                                  PLUGPLAY_REGKEY_DEVICE | PLUGPLAY_REGKEY_CURRENT_HWPROFILE,
                                  PLUGPLAY_REGKEY_DRIVER | PLUGPLAY_REGKEY_CURRENT_HWPROFILE};
    static const ULONG none[] = {0, PLUGPLAY_REGKEY_CURRENT_HWPROFILE, PLUGPLAY_REGKEY_DEVICE | PLUGPLAY_REGKEY_DRIVER, 8, 9};
    HANDLE key;
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"v");
    DEVICE_OBJECT *device = load_pdo(true);
    for (ULONG i = 0; i < 4; i++) {                        // four keys: each keeps a value of its own
        ck_assert_int_eq(IoOpenDeviceRegistryKey(device, kinds[i], KEY_ALL_ACCESS, &key), STATUS_SUCCESS);
        ck_assert_int_eq(ZwSetValueKey(key, &name, 0, REG_DWORD, &i, 4), STATUS_SUCCESS);
        ck_assert_int_eq(ZwClose(key), STATUS_SUCCESS);
    }
    for (ULONG i = 0; i < 4; i++) {
        struct {
            KEY_VALUE_PARTIAL_INFORMATION head;
            ULONG more;
        } value;
        ULONG length, number;
        ck_assert_int_eq(IoOpenDeviceRegistryKey(device, kinds[i], KEY_READ, &key), STATUS_SUCCESS);
        ck_assert_int_eq(ZwQueryValueKey(key, &name, KeyValuePartialInformation, &value, sizeof value, &length), STATUS_SUCCESS);
        memcpy(&number, value.head.Data, 4);
        ck_assert_uint_eq(number, i);
        ck_assert_int_eq(ZwSetValueKey(key, &name, 0, REG_DWORD, &i, 4), STATUS_ACCESS_DENIED);
        ck_assert_int_eq(ZwClose(key), STATUS_SUCCESS);
    }
    for (ULONG i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_int_eq(IoOpenDeviceRegistryKey(device, none[i], KEY_READ, &key), STATUS_INVALID_PARAMETER);
    io_stop(box_self());
    ck_assert_int_eq(IoOpenDeviceRegistryKey(load_pdo(false), PLUGPLAY_REGKEY_DRIVER, KEY_READ, &key), STATUS_INVALID_PARAMETER);
}

NT_TEST(IoRegisterDeviceInterface_link_opens_the_device_only_while_it_is_enabled)
{
    UNICODE_STRING link;
    char path[256];
    WCHAR *list;
    struct nbx_file *file;
    DEVICE_OBJECT *device = load_pdo(true);
    ck_assert_int_eq(IoRegisterDeviceInterface(device, &net_class, NULL, &link), STATUS_SUCCESS);
    ob_string_text(&link, path, sizeof(path));
    ck_assert_str_eq(path, "\\??\\ROOT#NET#0007#{cac88484-7515-4c03-82e6-71a87abac361}");
    ck_assert_int_eq(nbx_file_open(path, NBX_FILE_READ, &file), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(IoSetDeviceInterfaceState(&link, FALSE), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(IoSetDeviceInterfaceState(&link, TRUE), STATUS_SUCCESS);
    ck_assert_int_eq(IoSetDeviceInterfaceState(&link, TRUE), STATUS_OBJECT_NAME_EXISTS);
    ck_assert_int_eq(nbx_file_open(path, NBX_FILE_READ, &file), STATUS_SUCCESS);
    nbx_file_close(file);
    ck_assert_int_eq(IoGetDeviceInterfaces(&net_class, NULL, 0, &list), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(list, link.Buffer, link.Length), 0);
    ck_assert_uint_eq(list[link.Length / 2 + 1], 0);
    ExFreePool(list);
    ck_assert_int_eq(IoSetDeviceInterfaceState(&link, FALSE), STATUS_SUCCESS);
    ck_assert_int_eq(nbx_file_open(path, NBX_FILE_READ, &file), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(IoGetDeviceInterfaces(&net_class, NULL, 0, &list), STATUS_SUCCESS);
    ck_assert_uint_eq(list[0], 0);
    ExFreePool(list);
    ExFreePool(link.Buffer);
}

NT_TEST(KeInsertDeviceQueue_is_idle_then_busy_and_keys_sort)
{
    KDEVICE_QUEUE queue;
    KDEVICE_QUEUE_ENTRY a, b, c, d;
    KeInitializeDeviceQueue(&queue);
    ck_assert(!KeInsertDeviceQueue(&queue, &a));
    ck_assert(KeInsertByKeyDeviceQueue(&queue, &b, 20));
    ck_assert(KeInsertByKeyDeviceQueue(&queue, &c, 10));
    ck_assert(KeInsertByKeyDeviceQueue(&queue, &d, 20));
    ck_assert_ptr_eq(KeRemoveByKeyDeviceQueue(&queue, 15), &b);
    ck_assert_ptr_eq(KeRemoveByKeyDeviceQueue(&queue, 99), &c);
    ck_assert(KeRemoveEntryDeviceQueue(&queue, &d));
    ck_assert(!KeRemoveEntryDeviceQueue(&queue, &d));
    ck_assert_ptr_null(KeRemoveDeviceQueue(&queue));
    ck_assert(!KeInsertDeviceQueue(&queue, &a));
    ck_assert_ptr_null(KeRemoveDeviceQueue(&queue));
}

static IRP *started[4];
static unsigned started_count;
static KIRQL started_irql;

static DRIVER_STARTIO EchoStart;
static VOID NTAPI
EchoStart(PDEVICE_OBJECT device, PIRP irp)
{
    started[started_count++] = irp;
    started_irql = KeGetCurrentIrql();
}

static unsigned packet_cancels;

static DRIVER_CANCEL PacketCancel;
static VOID NTAPI
PacketCancel(PDEVICE_OBJECT device, PIRP irp)
{
    packet_cancels++;
    KeRemoveEntryDeviceQueue(&device->DeviceQueue, &irp->Tail.Overlay.DeviceQueueEntry);
    IoReleaseCancelSpinLock(irp->CancelIrql);
}

NT_TEST(IoStartPacket_starts_one_at_DISPATCH_and_queues_the_rest_until_IoStartNextPacket)
{
    KIRQL old;
    DEVICE_OBJECT *device = load_pdo(false);
    device->DriverObject->DriverStartIo = EchoStart;
    started_count = packet_cancels = 0;
    IRP *irps[3];
    for (int i = 0; i < 3; i++) {
        irps[i] = IoAllocateIrp(1, FALSE);
        IoSetNextIrpStackLocation(irps[i]);
        IoGetCurrentIrpStackLocation(irps[i])->DeviceObject = device;
    }
    irps[1]->Cancel = TRUE;
    for (int i = 0; i < 3; i++)
        IoStartPacket(device, irps[i], NULL, PacketCancel);
    ck_assert_uint_eq(started_count, 1);
    ck_assert_uint_eq(started_irql, DISPATCH_LEVEL);
    ck_assert_ptr_eq(device->CurrentIrp, irps[0]);
    ck_assert_uint_eq(packet_cancels, 1);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    IoStartNextPacket(device, TRUE);
    IoStartNextPacket(device, TRUE);
    KeLowerIrql(old);
    ck_assert_uint_eq(started_count, 2);
    ck_assert_ptr_eq(started[1], irps[2]);
    ck_assert_ptr_null(device->CurrentIrp);
    for (int i = 0; i < 3; i++)
        IoFreeIrp(irps[i]);
}

static char last_message[512];

static void
keep_message(void *context, const char *line)
{
    snprintf(last_message, sizeof(last_message), "%s", line);
}

NT_TEST(IoWriteErrorLogEntry_prints_code_driver_and_text)
{
    DEVICE_OBJECT *device = load_pdo(false);
    UCHAR bytes = sizeof(IO_ERROR_LOG_PACKET) + 8;
    IO_ERROR_LOG_PACKET *packet = IoAllocateErrorLogEntry(device, bytes);
    packet->ErrorCode = (NTSTATUS)0xC0041234;
    packet->NumberOfStrings = 1;
    packet->StringOffset = sizeof(IO_ERROR_LOG_PACKET);
    memcpy((char *)packet + packet->StringOffset, L"bad", 8);
    box_self()->on_message = keep_message;
    IoWriteErrorLogEntry(packet);
    box_self()->on_message = NULL;
    ck_assert_ptr_nonnull(strstr(last_message, "driver echo, error code 0xc0041234"));
    ck_assert_ptr_nonnull(strstr(last_message, ": bad"));
    ck_assert_ptr_null(IoAllocateErrorLogEntry(device, 4));
    ck_assert_ptr_null(IoAllocateErrorLogEntry(device, 241));
    IoFreeErrorLogEntry(IoAllocateErrorLogEntry(device, bytes));
    POWER_STATE d3 = {.DeviceState = PowerDeviceD3};
    ck_assert_int_eq(PoSetPowerState(device, DevicePowerState, d3).DeviceState, PowerDeviceD0);
    ck_assert_int_eq(PoSetPowerState(device, DevicePowerState, d3).DeviceState, PowerDeviceD3);
}
