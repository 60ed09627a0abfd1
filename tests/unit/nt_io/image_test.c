// SPDX-License-Identifier: MIT
// Images, drivers and devices: load and unload with entry points inside the test program.
#include "nt/cm/cm.h"
#include "nt/io/io.h"
#include "unit/nt/nt_test.h"

static _Atomic unsigned unloads;
static char registry_path[256];

static DRIVER_UNLOAD Unload;
static VOID NTAPI
Unload(PDRIVER_OBJECT driver)
{
    unloads++;
    while (driver->DeviceObject)
        IoDeleteDevice(driver->DeviceObject);
}

static DRIVER_INITIALIZE PlainEntry;
static NTSTATUS NTAPI
PlainEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    DEVICE_OBJECT *device;
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Plain");
    ob_string_text(path, registry_path, sizeof(registry_path));
    driver->DriverUnload = Unload;
    NTSTATUS status = IoCreateDevice(driver, 100, &name, FILE_DEVICE_NETWORK, FILE_DEVICE_SECURE_OPEN, FALSE, &device);
    if (status == STATUS_SUCCESS && (!(device->Flags & DO_DEVICE_INITIALIZING) || !device->DeviceExtension))
        return STATUS_UNSUCCESSFUL;
    return status;
}

static DRIVER_INITIALIZE FailingEntry;
static NTSTATUS NTAPI
FailingEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    return STATUS_INSUFFICIENT_RESOURCES;
}

static DRIVER_INITIALIZE StubbornEntry;
static NTSTATUS NTAPI
StubbornEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    return STATUS_SUCCESS;
}

NT_TEST(image_load_makes_driver_object_service_key_and_devices_that_unload_takes_away)
{
    struct io_image *image;
    char error[256];
    void *found;
    uint32_t start;
    UNICODE_STRING driver_name = RTL_CONSTANT_STRING(L"\\Driver\\plain"), device_name = RTL_CONSTANT_STRING(L"\\DEVICE\\plain");
    struct io_image_config config = {.name = "plain", .entry = PlainEntry};
    unloads = 0;
    ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof(error)), STATUS_SUCCESS);
    ck_assert_str_eq(registry_path, "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\plain");
    ck_assert_ptr_eq(io_image_find(box_self(), "PLAIN"), image);
    ck_assert_ptr_eq(io_image_of(image->driver_object), image);
    ck_assert_int_eq(ob_lookup(box_self(), &driver_name, &io_driver_type, &found, NULL), STATUS_SUCCESS);
    ck_assert_ptr_eq(found, image->driver_object);
    ob_unref(found);
    ck_assert_int_eq(ob_lookup(box_self(), &device_name, &io_device_type, &found, NULL), STATUS_SUCCESS);
    ck_assert_ptr_eq(found, image->driver_object->DeviceObject);
    ck_assert_uint_eq(((DEVICE_OBJECT *)found)->Flags & DO_DEVICE_INITIALIZING, 0);
    ck_assert_ptr_eq(((DEVICE_OBJECT *)found)->DeviceExtension, (DEVICE_OBJECT *)found + 1);
    ob_unref(found);
    ck_assert_int_eq(cm_get_dword(box_self(), cm_key_open(box_self(), CM_SERVICES "\\plain"), "Start", &start), STATUS_SUCCESS);
    ck_assert_uint_eq(start, 3);
    ck_assert_int_eq(io_image_load(box_self(), &config, &(struct io_image *){0}, error, sizeof(error)), STATUS_IMAGE_ALREADY_LOADED);
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
    ck_assert_uint_eq(unloads, 1);
    ck_assert_int_eq(ob_lookup(box_self(), &device_name, NULL, &found, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof(error)), STATUS_SUCCESS);
}

NT_TEST(image_whose_entry_fails_leaves_nothing_and_passes_its_status_on)
{
    struct io_image *image;
    char error[256];
    void *found;
    UNICODE_STRING driver_name = RTL_CONSTANT_STRING(L"\\Driver\\failing");
    struct io_image_config config = {.name = "failing", .entry = FailingEntry};
    ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof(error)), STATUS_INSUFFICIENT_RESOURCES);
    ck_assert_ptr_null(image);
    ck_assert_ptr_nonnull(strstr(error, "0xc000009a"));
    ck_assert_int_eq(ob_lookup(box_self(), &driver_name, NULL, &found, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
}

NT_TEST(image_without_unload_routine_stays_until_the_box_goes)
{
    struct io_image *image;
    char error[256];
    struct io_image_config config = {.name = "stubborn", .entry = StubbornEntry};
    ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof(error)), STATUS_SUCCESS);
    ck_assert_int_eq(io_image_unload(image), STATUS_INVALID_DEVICE_REQUEST);
    ck_assert_ptr_eq(io_image_find(box_self(), "stubborn"), image);
}

static void
give_back_later(void *arg)
{
    nt_test_sleep_ms(5);
    unloads += 100;
    io_image_unref(arg);
}

NT_TEST(image_unload_waits_for_the_last_reference)
{
    struct io_image *image;
    char error[256];
    unloads = 0;
    struct io_image_config config = {.name = "plain", .entry = PlainEntry};
    ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof(error)), STATUS_SUCCESS);
    io_image_ref(image);
    struct ke_thread *helper = nt_test_start(give_back_later, image);
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
    ck_assert_uint_eq(unloads, 101);
    ke_thread_join(helper);
}

NT_TEST(image_name_with_a_slash_or_without_entry_is_refused)
{
    struct io_image *image;
    char error[256];
    ck_assert_int_eq(io_image_load(box_self(), &(struct io_image_config){.name = "a\\b", .entry = PlainEntry}, &image, error, 256),
                     STATUS_OBJECT_NAME_INVALID);
    ck_assert_int_eq(io_image_load(box_self(), &(struct io_image_config){.name = "a"}, &image, error, 256), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(io_image_load(box_self(), &(struct io_image_config){.name = "a", .path = "/no/such/file.so"}, &image, error, 256),
                     STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(error, "/no/such/file.so"));
}
