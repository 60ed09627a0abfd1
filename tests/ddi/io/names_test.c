// SPDX-License-Identifier: MIT
// Front doors of names and handles, reinitialisation, asynchronous requests, and the small ones around an IRP.
#include "echo.h"
#include "nt/io/io.h"
#include "unit/nt/nt_test.h"

static struct io_image *
load_entry(DRIVER_INITIALIZE *entry)
{
    struct io_image *image;
    char error[256];
    struct io_image_config config = {.name = "echo", .entry = entry};
    ck_assert_msg(io_image_load(box_self(), &config, &image, error, sizeof(error)) == STATUS_SUCCESS, "%s", error);
    return image;
}

static OBJECT_ATTRIBUTES
attributes_of(UNICODE_STRING *name, ULONG flags)
{
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, name, flags | OBJ_KERNEL_HANDLE, NULL, NULL);
    return attributes;
}

NT_TEST(ZwCreateDirectoryObject_holds_names_until_its_last_handle_and_ZwOpenDirectoryObject_finds_it)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Mine"), inside = RTL_CONSTANT_STRING(L"\\Mine\\Event");
    UNICODE_STRING relative = RTL_CONSTANT_STRING(L"Event");
    OBJECT_ATTRIBUTES directory_attributes = attributes_of(&name, 0), event_attributes = attributes_of(&inside, 0), below;
    HANDLE directory, again, event, same;
    ck_assert_int_eq(ZwOpenDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &directory_attributes), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ZwCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &directory_attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ZwCreateDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &directory_attributes), STATUS_OBJECT_NAME_COLLISION);
    ck_assert_int_eq(ZwOpenDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &directory_attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ZwCreateEvent(&event, EVENT_ALL_ACCESS, &event_attributes, NotificationEvent, FALSE), STATUS_SUCCESS);
    InitializeObjectAttributes(&below, &relative, OBJ_KERNEL_HANDLE | OBJ_OPENIF, directory, NULL);
    ck_assert_int_eq(ZwCreateEvent(&same, EVENT_ALL_ACCESS, &below, NotificationEvent, FALSE), STATUS_OBJECT_NAME_EXISTS);
    ck_assert_int_eq(ZwClose(same), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(event), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(directory), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(again), STATUS_SUCCESS);
    ck_assert_int_eq(ZwOpenDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &directory_attributes), STATUS_OBJECT_NAME_NOT_FOUND);
}

NT_TEST(ZwMakeTemporaryObject_lets_a_permanent_name_go_with_its_last_handle)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Stays");
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, OBJ_PERMANENT);
    HANDLE directory;
    ck_assert_int_eq(ZwCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(directory), STATUS_SUCCESS);
    ck_assert_int_eq(ZwOpenDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ZwMakeTemporaryObject(directory), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(directory), STATUS_SUCCESS);
    ck_assert_int_eq(ZwOpenDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &attributes), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ZwMakeTemporaryObject((HANDLE)(uintptr_t)0x5554), STATUS_INVALID_HANDLE);
}

NT_TEST(ZwQuerySymbolicLinkObject_gives_the_target_or_the_room_it_needs)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\??\\Link"), target = RTL_CONSTANT_STRING(L"\\Device\\Far");
    WCHAR text[32];
    UNICODE_STRING out = {.MaximumLength = 4, .Buffer = text};
    OBJECT_ATTRIBUTES attributes = attributes_of(&link, 0);
    HANDLE handle;
    ULONG needed;
    ck_assert_int_eq(IoCreateSymbolicLink(&link, &target), STATUS_SUCCESS);
    ck_assert_int_eq(ZwOpenSymbolicLinkObject(&handle, SYMBOLIC_LINK_QUERY, &attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQuerySymbolicLinkObject(handle, &out, &needed), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(needed, target.Length);
    out.MaximumLength = sizeof(text);
    ck_assert_int_eq(ZwQuerySymbolicLinkObject(handle, &out, &needed), STATUS_SUCCESS);
    ck_assert_uint_eq(out.Length, target.Length);
    ck_assert_mem_eq(text, target.Buffer, target.Length);
    ck_assert_int_eq(ZwClose(handle), STATUS_SUCCESS);
    ck_assert_int_eq(IoDeleteSymbolicLink(&link), STATUS_SUCCESS);
    ck_assert_int_eq(ZwOpenSymbolicLinkObject(&handle, SYMBOLIC_LINK_QUERY, &attributes), STATUS_OBJECT_NAME_NOT_FOUND);
}

NT_TEST(ObOpenObjectByPointer_makes_a_handle_of_a_body_and_ZwDuplicateObject_another)
{
    HANDLE first, second, third;
    void *event, *same;
    ck_assert_int_eq(ZwCreateEvent(&first, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(first, 0, NULL, KernelMode, &event, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ObOpenObjectByPointer(event, 0, NULL, 0, *IoFileObjectType, KernelMode, &second), STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_int_eq(ObOpenObjectByPointer(event, 0, NULL, EVENT_ALL_ACCESS, *ExEventObjectType, KernelMode, &second), STATUS_SUCCESS);
    ck_assert_ptr_ne(first, second);
    ck_assert_int_eq(ZwDuplicateObject(ZwCurrentProcess(), second, ZwCurrentProcess(), &third, 0, 0,
                                       DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE),
                     STATUS_SUCCESS);
    ck_assert_int_eq(ObCloseHandle(second, KernelMode), STATUS_INVALID_HANDLE);
    ck_assert_int_eq(ObReferenceObjectByHandle(third, EVENT_ALL_ACCESS, NULL, UserMode, &same, NULL), STATUS_SUCCESS);
    ck_assert_ptr_eq(same, event);
    ObDereferenceObject(same);
    ck_assert_int_eq(ObReferenceObjectByPointer(event, 0, *IoFileObjectType, UserMode), STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_int_eq(ObReferenceObjectByPointer(event, 0, NULL, UserMode), STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_int_eq(ObReferenceObjectByPointer(event, 0, NULL, KernelMode), STATUS_SUCCESS);
    ObDereferenceObject(event);
    ck_assert_int_eq(ObCloseHandle(third, KernelMode), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(first), STATUS_SUCCESS);
    ObDereferenceObjectDeferDelete(event);
}

NT_TEST(ObOpenObjectByPointer_refuses_attributes_that_are_none_or_exclude_each_other)
{
    HANDLE first, second;
    void *event;
    ck_assert_int_eq(ZwCreateEvent(&first, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(first, 0, NULL, KernelMode, &event, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ObOpenObjectByPointer(event, 0x80000000, NULL, 0, NULL, KernelMode, &second), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(ObOpenObjectByPointer(event, OBJ_EXCLUSIVE | OBJ_INHERIT, NULL, 0, NULL, KernelMode, &second),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(ObOpenObjectByPointer(event, OBJ_KERNEL_HANDLE, NULL, 0, NULL, KernelMode, &second), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(second), STATUS_SUCCESS);
    ObDereferenceObject(event);
    ck_assert_int_eq(ZwClose(first), STATUS_SUCCESS);
}

NT_TEST(ZwDuplicateObject_is_between_processes_of_the_box_which_is_one)
{
    HANDLE first, second = NULL, process;
    void *system;
    ck_assert_int_eq(ZwCreateEvent(&first, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDuplicateObject(NULL, first, ZwCurrentProcess(), &second, 0, 0, 0), STATUS_INVALID_HANDLE);
    ck_assert_int_eq(ZwDuplicateObject(ZwCurrentProcess(), first, NULL, &second, 0, 0, 0), STATUS_INVALID_HANDLE);
    ck_assert_int_eq(ZwDuplicateObject(first, first, ZwCurrentProcess(), &second, 0, 0, 0), STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_int_eq(ZwDuplicateObject(ZwCurrentProcess(), first, ZwCurrentProcess(), &second, 0, 0x80000000, 0),
                     STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(second);
    // A handle of the process is as good as the pseudo handle.
    ck_assert_int_eq(ObReferenceObjectByHandle(ZwCurrentProcess(), 0, *PsProcessType, KernelMode, &system, NULL), STATUS_SUCCESS);
    ck_assert_ptr_eq(system, PsGetCurrentProcess());
    ck_assert_int_eq(ObOpenObjectByPointer(system, OBJ_KERNEL_HANDLE, NULL, 0, *PsProcessType, KernelMode, &process), STATUS_SUCCESS);
    ck_assert_int_eq(ZwDuplicateObject(process, first, process, &second, EVENT_ALL_ACCESS, 0, 0), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(second), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(process), STATUS_SUCCESS);
    ObDereferenceObject(system);
    // Without a target it is only closed.
    second = NULL;
    ck_assert_int_eq(ZwDuplicateObject(ZwCurrentProcess(), first, NULL, &second, 0, 0, DUPLICATE_CLOSE_SOURCE), STATUS_SUCCESS);
    ck_assert_ptr_null(second);
    ck_assert_int_eq(ZwClose(first), STATUS_INVALID_HANDLE);
}

NT_TEST(ObQueryNameString_gives_a_devices_path_or_the_length_it_needs)
{
    char room[128];
    OBJECT_NAME_INFORMATION *info = (OBJECT_NAME_INFORMATION *)room;
    ULONG needed;
    struct io_image *image = load_entry(EchoEntry);
    ck_assert_int_eq(ObQueryNameString(image->driver_object, info, 8, &needed), STATUS_INFO_LENGTH_MISMATCH);
    ck_assert_uint_eq(needed, sizeof(*info) + sizeof(L"\\Driver\\echo"));
    ck_assert_int_eq(ObQueryNameString(image->driver_object, info, sizeof(room), &needed), STATUS_SUCCESS);
    ck_assert_uint_eq(info->Name.Length, sizeof(L"\\Driver\\echo") - 2);
    ck_assert_mem_eq(info->Name.Buffer, L"\\Driver\\echo", info->Name.Length);
}

NT_TEST(IoCreateNotificationEvent_starts_signalled_and_is_shared_by_name)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\Shared");
    HANDLE first, second;
    KEVENT *event = IoCreateNotificationEvent(&name, &first);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(KeReadStateEvent(event), 1);
    KeClearEvent(event);
    ck_assert_ptr_eq(IoCreateNotificationEvent(&name, &second), event);
    ck_assert_int_eq(KeReadStateEvent(event), 0);
    ck_assert_int_eq(ZwClose(second), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(first), STATUS_SUCCESS);
}

static unsigned reinits, last_count;

static DRIVER_REINITIALIZE Again;
static VOID NTAPI
Again(PDRIVER_OBJECT driver, PVOID context, ULONG count)
{
    reinits++;
    last_count = count;
    if (count < 3)
        IoRegisterDriverReinitialization(driver, Again, context);
}

static DRIVER_INITIALIZE ReinitEntry;
static NTSTATUS NTAPI
ReinitEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    IoRegisterDriverReinitialization(driver, Again, NULL);
    return reinits == 0 && driver->DriverExtension->Count == 0 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

NT_TEST(IoRegisterDriverReinitialization_runs_after_DriverEntry_and_as_often_as_it_is_registered)
{
    reinits = last_count = 0;
    load_entry(ReinitEntry);
    ck_assert_uint_eq(reinits, 3);
    ck_assert_uint_eq(last_count, 3);
}

static IO_COMPLETION_ROUTINE FreeIt;
static NTSTATUS NTAPI
FreeIt(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    *(NTSTATUS *)context = irp->IoStatus.Status;
    ExFreePool(irp->AssociatedIrp.SystemBuffer);
    IoFreeIrp(irp);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

NT_TEST(IoBuildAsynchronousFsdRequest_is_its_makers_to_free_with_its_system_buffer)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\EchoBuffered");
    FILE_OBJECT *file;
    DEVICE_OBJECT *device;
    NTSTATUS status = STATUS_PENDING;
    LARGE_INTEGER zero = {0};
    load_entry(EchoEntry);
    ck_assert_int_eq(IoGetDeviceObjectPointer(&name, FILE_WRITE_DATA, &file, &device), STATUS_SUCCESS);
    IRP *irp = IoBuildAsynchronousFsdRequest(IRP_MJ_WRITE, device, "data", 4, &zero, NULL);
    ck_assert_ptr_nonnull(irp);
    ck_assert_uint_eq(irp->Flags & IRP_DEALLOCATE_BUFFER, IRP_DEALLOCATE_BUFFER);
    IoSetCompletionRoutine(irp, FreeIt, &status, TRUE, TRUE, TRUE);
    ck_assert_int_eq(IoCallDriver(device, irp), STATUS_SUCCESS);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ObDereferenceObject(file);
}

NT_TEST(IoBuildSynchronousFsdRequest_reads_into_the_callers_buffer_and_signals)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\EchoBuffered");
    FILE_OBJECT *file;
    DEVICE_OBJECT *device;
    KEVENT event;
    IO_STATUS_BLOCK iosb = {.Status = 77};
    LARGE_INTEGER zero = {0};
    char back[8] = "unset";
    load_entry(EchoEntry);
    ck_assert_int_eq(IoGetDeviceObjectPointer(&name, FILE_READ_DATA | FILE_WRITE_DATA, &file, &device), STATUS_SUCCESS);
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IRP *irp = IoBuildSynchronousFsdRequest(IRP_MJ_WRITE, device, "four", 5, &zero, &event, &iosb);
    ck_assert_int_eq(IoCallDriver(device, irp), STATUS_SUCCESS);
    ck_assert_uint_eq(iosb.Information, 5);
    KeClearEvent(&event);
    irp = IoBuildSynchronousFsdRequest(IRP_MJ_READ, device, back, 8, &zero, &event, &iosb);
    ck_assert_uint_eq(IoGetRequestorProcessId(irp), (ULONG)(ULONG_PTR)PsGetCurrentProcessId());
    ck_assert_ptr_eq(IoGetRequestorProcess(irp), PsGetCurrentProcess());
    ck_assert(!IoIs32bitProcess(irp));
    ck_assert_int_eq(IoCallDriver(device, irp), STATUS_SUCCESS);
    ck_assert_int_eq(KeReadStateEvent(&event), 1);
    ck_assert_str_eq(back, "four");
    ObDereferenceObject(file);
}

NT_TEST(IoGetStackLimits_hold_the_callers_frame)
{
    ULONG_PTR low, high;
    IoGetStackLimits(&low, &high);
    ULONG_PTR here = (ULONG_PTR)__builtin_frame_address(0);   // a local may lie elsewhere under a sanitizer
    ck_assert(here > low && here < high);
    ck_assert_uint_gt(IoGetRemainingStackSize(), 4096);
}

NT_TEST(ZwOpenFile_and_ZwFlushBuffersFile_send_what_the_driver_refuses_by_default)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\EchoBuffered"), missing = RTL_CONSTANT_STRING(L"\\Device\\None");
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, 0);
    IO_STATUS_BLOCK iosb;
    HANDLE file;
    load_entry(EchoEntry);
    ck_assert_int_eq(ZwOpenFile(&file, FILE_READ_DATA, &attributes, &iosb, 0, FILE_SYNCHRONOUS_IO_NONALERT), STATUS_SUCCESS);
    ck_assert_int_eq(ZwFlushBuffersFile(file, &iosb), STATUS_INVALID_DEVICE_REQUEST);
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    attributes.ObjectName = &missing;
    ck_assert_int_eq(ZwOpenFile(&file, FILE_READ_DATA, &attributes, &iosb, 0, 0), STATUS_OBJECT_NAME_NOT_FOUND);
}

NT_TEST(IoCsqRemoveIrp_takes_out_one_by_its_context_and_only_once)
{
    struct io_image *image = load_entry(EchoEntry);
    DEVICE_OBJECT *device = image->driver_object->DeviceObject;   // EchoPend, the last made
    struct echo_device *echo = device->DeviceExtension;
    IO_CSQ_IRP_CONTEXT contexts[2];
    IRP *irps[2];
    for (int i = 0; i < 2; i++) {
        irps[i] = IoAllocateIrp(1, FALSE);
        IoSetNextIrpStackLocation(irps[i]);
        IoCsqInsertIrp(&echo->csq, irps[i], &contexts[i]);
    }
    ck_assert_ptr_eq(IoCsqRemoveIrp(&echo->csq, &contexts[1]), irps[1]);
    ck_assert_ptr_null(IoCsqRemoveIrp(&echo->csq, &contexts[1]));
    ck_assert_ptr_null(irps[1]->CancelRoutine);
    ck_assert_ptr_eq(IoCsqRemoveNextIrp(&echo->csq, NULL), irps[0]);
    ck_assert_ptr_null(IoCsqRemoveNextIrp(&echo->csq, NULL));
    for (int i = 0; i < 2; i++)
        IoFreeIrp(irps[i]);
}
