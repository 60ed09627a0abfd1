// SPDX-License-Identifier: MIT
// Front doors of files: what drivers call to open, read, write and ask. All at PASSIVE_LEVEL.
#include "nt/io/file.h"
#include "nt/io/io_int.h"
#include "verify/refuse.h"
#include "verify/verify.h"

NTAPI NTSTATUS
IoAttachDevice(PDEVICE_OBJECT SourceDevice, PUNICODE_STRING TargetDevice, PDEVICE_OBJECT *AttachedDevice)
{
    FILE_OBJECT *file;
    DEVICE_OBJECT *target;
    VERIFY_ENTER(IoAttachDevice);
    NTSTATUS status = io_device_open(box_self(), TargetDevice, FILE_READ_ATTRIBUTES, &file, &target);
    if (status == STATUS_SUCCESS) {
        if (!io_device_attach(SourceDevice, target, AttachedDevice))
            status = STATUS_NO_SUCH_DEVICE;
        ob_unref(file);
    }
    VERIFY_LEAVE(IoAttachDevice);
    return status;
}

NTAPI NTSTATUS
IoGetDeviceObjectPointer(PUNICODE_STRING ObjectName, ACCESS_MASK DesiredAccess, PFILE_OBJECT *FileObject, PDEVICE_OBJECT *DeviceObject)
{
    VERIFY_ENTER(IoGetDeviceObjectPointer);
    NTSTATUS status = io_device_open(box_self(), ObjectName, DesiredAccess, FileObject, DeviceObject);
    VERIFY_LEAVE(IoGetDeviceObjectPointer);
    return status;
}

NTAPI NTSTATUS
ZwCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
             PLARGE_INTEGER AllocationSize, ULONG FileAttributes, ULONG ShareAccess, ULONG CreateDisposition, ULONG CreateOptions,
             PVOID EaBuffer, ULONG EaLength)
{
    UNICODE_STRING path;
    struct box *box = box_self();
    VERIFY_ENTER(ZwCreateFile);
    struct io_file_config config = {.access = DesiredAccess, .share = ShareAccess, .disposition = CreateDisposition,
                                    .options = CreateOptions, .attributes = (USHORT)FileAttributes, .mode = KernelMode,
                                    .ea = EaBuffer, .ea_bytes = EaBuffer ? EaLength : 0};
    NTSTATUS status = CreateDisposition > FILE_OVERWRITE_IF ? STATUS_INVALID_PARAMETER : ob_attributes_path(box, ObjectAttributes, &path);
    if (status == STATUS_SUCCESS) {
        status = io_file_open(box, &path, &config, FileHandle, IoStatusBlock);
        ob_string_free(&path);
    }
    VERIFY_LEAVE(ZwCreateFile);
    return status;
}

NTAPI NTSTATUS
ZwOpenFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
           ULONG ShareAccess, ULONG OpenOptions)
{
    return ZwCreateFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock, NULL, 0, ShareAccess, FILE_OPEN, OpenOptions, NULL, 0);
}

NTAPI NTSTATUS
ZwReadFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
           ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    VERIFY_ENTER(ZwReadFile);
    if (ApcRoutine)
        verify_refused_call("ZwReadFile with an APC routine");
    struct io_transfer transfer = {.major = IRP_MJ_READ, .mode = KernelMode, .output = Buffer, .output_bytes = Length,
                                   .offset = ByteOffset, .key = Key ? *Key : 0, .iosb = IoStatusBlock};
    NTSTATUS status = io_handle_transfer(FileHandle, Event, FILE_READ_DATA, &transfer);
    VERIFY_LEAVE(ZwReadFile);
    return status;
}

NTAPI NTSTATUS
ZwWriteFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock, PVOID Buffer,
            ULONG Length, PLARGE_INTEGER ByteOffset, PULONG Key)
{
    VERIFY_ENTER(ZwWriteFile);
    if (ApcRoutine)
        verify_refused_call("ZwWriteFile with an APC routine");
    struct io_transfer transfer = {.major = IRP_MJ_WRITE, .mode = KernelMode, .input = Buffer, .input_bytes = Length,
                                   .offset = ByteOffset, .key = Key ? *Key : 0, .iosb = IoStatusBlock};
    NTSTATUS status = io_handle_transfer(FileHandle, Event, FILE_WRITE_DATA, &transfer);
    VERIFY_LEAVE(ZwWriteFile);
    return status;
}

NTAPI NTSTATUS
ZwFlushBuffersFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock)
{
    VERIFY_ENTER(ZwFlushBuffersFile);
    struct io_transfer transfer = {.major = IRP_MJ_FLUSH_BUFFERS, .mode = KernelMode, .iosb = IoStatusBlock};
    NTSTATUS status = io_handle_transfer(FileHandle, NULL, 0, &transfer);
    VERIFY_LEAVE(ZwFlushBuffersFile);
    return status;
}

// The access bits of the code are what the handle must have been opened with [kernel/defining-i-o-control-codes].
NTAPI NTSTATUS
ZwDeviceIoControlFile(HANDLE FileHandle, HANDLE Event, PIO_APC_ROUTINE ApcRoutine, PVOID ApcContext, PIO_STATUS_BLOCK IoStatusBlock,
                      ULONG IoControlCode, PVOID InputBuffer, ULONG InputBufferLength, PVOID OutputBuffer, ULONG OutputBufferLength)
{
    VERIFY_ENTER(ZwDeviceIoControlFile);
    if (ApcRoutine)
        verify_refused_call("ZwDeviceIoControlFile with an APC routine");
    struct io_transfer transfer = {.major = IRP_MJ_DEVICE_CONTROL, .mode = KernelMode, .input = InputBuffer,
                                   .input_bytes = InputBufferLength, .output = OutputBuffer, .output_bytes = OutputBufferLength,
                                   .control_code = IoControlCode, .iosb = IoStatusBlock};
    NTSTATUS status = io_handle_transfer(FileHandle, Event, IoControlCode >> 14 & 3, &transfer);
    VERIFY_LEAVE(ZwDeviceIoControlFile);
    return status;
}

NTAPI NTSTATUS
ZwQueryInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock, PVOID FileInformation, ULONG Length,
                       FILE_INFORMATION_CLASS FileInformationClass)
{
    void *body;
    ULONG written = 0;
    VERIFY_ENTER(ZwQueryInformationFile);
    NTSTATUS status = ob_handle_ref(box_self(), FileHandle, &io_file_type, 0, &body);
    if (status == STATUS_SUCCESS) {
        status = io_file_query(body, FileInformationClass, FileInformation, Length, &written);
        ob_unref(body);
        IoStatusBlock->Status = status;
        IoStatusBlock->Information = written;
    }
    VERIFY_LEAVE(ZwQueryInformationFile);
    return status;
}

NTAPI NTSTATUS
ZwSetInformationFile(HANDLE FileHandle, PIO_STATUS_BLOCK IoStatusBlock, PVOID FileInformation, ULONG Length,
                     FILE_INFORMATION_CLASS FileInformationClass)
{
    void *body;
    VERIFY_ENTER(ZwSetInformationFile);
    NTSTATUS status = ob_handle_ref(box_self(), FileHandle, &io_file_type, 0, &body);
    if (status == STATUS_SUCCESS) {
        status = io_file_set(body, FileInformationClass, FileInformation, Length);
        ob_unref(body);
        IoStatusBlock->Status = status;
        IoStatusBlock->Information = 0;
    }
    VERIFY_LEAVE(ZwSetInformationFile);
    return status;
}
