// SPDX-License-Identifier: MIT
// IoCreateDeviceSecure: who may open what the descriptor says.
#include <nbx/file.h>
#include <wdmsec.h>

#include "nt/io/io.h"
#include "unit/nt/nt_test.h"

static PCUNICODE_STRING sddl;
static NTSTATUS created;

static DRIVER_DISPATCH Succeed;
static NTSTATUS NTAPI
Succeed(PDEVICE_OBJECT device, PIRP irp)
{
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static DRIVER_UNLOAD SecureUnload;
static VOID NTAPI
SecureUnload(PDRIVER_OBJECT driver)
{
    if (driver->DeviceObject)
        IoDeleteDevice(driver->DeviceObject);
}

static DRIVER_INITIALIZE SecureEntry;
static NTSTATUS NTAPI
SecureEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\??\\Secure");
    DEVICE_OBJECT *device;
    driver->DriverUnload = SecureUnload;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = Succeed;
    created = IoCreateDeviceSecure(driver, 0, &name, FILE_DEVICE_NETWORK, 0, FALSE, sddl, NULL, &device);
    return STATUS_SUCCESS;
}

static NTSTATUS
open_with(PCUNICODE_STRING descriptor, unsigned flags)
{
    struct io_image *image;
    struct nbx_file *file;
    char error[256];
    sddl = descriptor;
    struct io_image_config config = {.name = "secure", .entry = SecureEntry};
    ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof(error)), STATUS_SUCCESS);
    NTSTATUS status = nbx_file_open("\\\\.\\Secure", flags, &file);
    if (status == STATUS_SUCCESS)
        nbx_file_close(file);
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
    return status;
}

NT_TEST(IoCreateDeviceSecure_lets_user_mode_in_as_its_descriptor_says_and_refuses_a_malformed_one)
{
    static const UNICODE_STRING admins = RTL_CONSTANT_STRING(L"D:P(A;;GA;;;SY)(A;;GA;;;BA)"), kernel = RTL_CONSTANT_STRING(L"D:P"),
                                system_only = RTL_CONSTANT_STRING(L"D:P(A;;GA;;;SY)"),
                                others = RTL_CONSTANT_STRING(L"D:P(A;;GA;;;BG)"), readers = RTL_CONSTANT_STRING(L"D:P(A;;GR;;;WD)"),
                                denied = RTL_CONSTANT_STRING(L"D:P(D;;GA;;;WD)(A;;GA;;;BA)"), bad = RTL_CONSTANT_STRING(L"D:P(A;;GA;;BA)"),
                                worse = RTL_CONSTANT_STRING(L"nonsense");
    ck_assert_int_eq(open_with(&admins, NBX_FILE_READ | NBX_FILE_WRITE), STATUS_SUCCESS);
    ck_assert_int_eq(open_with(&kernel, NBX_FILE_READ), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(open_with(&system_only, NBX_FILE_READ), STATUS_SUCCESS);
    ck_assert_int_eq(open_with(&others, NBX_FILE_READ), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(open_with(&readers, NBX_FILE_READ), STATUS_SUCCESS);
    ck_assert_int_eq(open_with(&readers, NBX_FILE_READ | NBX_FILE_WRITE), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(open_with(&denied, NBX_FILE_READ), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(open_with(&bad, NBX_FILE_READ), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(created, STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(open_with(&worse, NBX_FILE_READ), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(created, STATUS_INVALID_PARAMETER);
}
