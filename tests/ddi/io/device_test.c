// SPDX-License-Identifier: MIT
// Devices, their symbolic links, and work items: what each page promises and refuses. Sources: [wdm/nf-wdm-iocreatedevice],
// [wdm/nf-wdm-iodeletedevice], [wdm/nf-wdm-iocreatesymboliclink], [wdm/nf-wdm-ioallocateworkitem], [wdm/nf-wdm-ioqueueworkitem].
#include <string.h>

#include "echo.h"
#include "nbx/file.h"
#include "nt/io/io.h"
#include "unit/nt/bugcheck.h"
#include "unit/nt/nt_test.h"

static DRIVER_OBJECT *plain_driver;

static DRIVER_UNLOAD PlainUnload;
static VOID
PlainUnload(PDRIVER_OBJECT driver)
{
    while (driver->DeviceObject)
        IoDeleteDevice(driver->DeviceObject);
}

static uint32_t plain_asked;

static DRIVER_DISPATCH PlainOpenClose;
static NTSTATUS
PlainOpenClose(PDEVICE_OBJECT device, PIRP irp)
{
    plain_asked++;
    ck_assert(!IoIs32bitProcess(irp));
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static DRIVER_INITIALIZE PlainEntry;
static NTSTATUS
PlainEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    plain_driver = driver;
    driver->DriverUnload = PlainUnload;
    driver->MajorFunction[IRP_MJ_CREATE] = driver->MajorFunction[IRP_MJ_CLOSE] = driver->MajorFunction[IRP_MJ_CLEANUP] = PlainOpenClose;
    return STATUS_SUCCESS;
}

static struct io_image *
plain_load(void)
{
    struct io_image *image;
    char error[256];
    struct io_image_config config = {.name = "plain", .entry = PlainEntry};
    ck_assert_msg(io_image_load(box_self(), &config, &image, error, sizeof error) == STATUS_SUCCESS, "%s", error);
    return image;
}

static void
plain_unload(struct io_image *image)
{
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

static UNICODE_STRING device_name = RTL_CONSTANT_STRING(L"\\Device\\Plain");
static UNICODE_STRING link_name = RTL_CONSTANT_STRING(L"\\DosDevices\\Plain");

NT_TEST(IoCreateDevice_fills_the_object_and_lists_it_with_its_driver)
{
    struct io_image *image = plain_load();
    PDEVICE_OBJECT device = NULL, second = NULL;
    ck_assert_int_eq(IoCreateDevice(plain_driver, 24, &device_name, FILE_DEVICE_NETWORK, FILE_DEVICE_SECURE_OPEN, FALSE, &device),
                     STATUS_SUCCESS);
    ck_assert_ptr_eq(device->DriverObject, plain_driver);
    ck_assert_uint_eq(device->DeviceType, FILE_DEVICE_NETWORK);
    ck_assert_uint_eq(device->Characteristics, FILE_DEVICE_SECURE_OPEN);
    ck_assert_uint_eq(device->StackSize, 1);
    ck_assert(device->Flags & DO_DEVICE_INITIALIZING);
    ck_assert(!(device->Flags & DO_EXCLUSIVE));
    for (int i = 0; i < 24; i++)               // the extension is cleared memory
        ck_assert_uint_eq(((UCHAR *)device->DeviceExtension)[i], 0);
    ck_assert_int_eq(IoCreateDevice(plain_driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, TRUE, &second), STATUS_SUCCESS);
    ck_assert_ptr_null(second->DeviceExtension);
    ck_assert(second->Flags & DO_EXCLUSIVE);
    ck_assert_ptr_eq(plain_driver->DeviceObject, second);
    ck_assert_ptr_eq(second->NextDevice, device);
    plain_unload(image);
}

NT_TEST(IoCreateDevice_refuses_a_name_that_is_taken_and_an_extension_that_is_too_long)
{
    struct io_image *image = plain_load();
    PDEVICE_OBJECT device = NULL, second = (PDEVICE_OBJECT)1;
    ck_assert_int_eq(IoCreateDevice(plain_driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device), STATUS_SUCCESS);
    ck_assert_int_eq(IoCreateDevice(plain_driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &second), STATUS_OBJECT_NAME_COLLISION);
    ck_assert_ptr_null(second);
    ck_assert_int_eq(IoCreateDevice(plain_driver, 70000, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &second), STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(second);
    ck_assert_ptr_eq(plain_driver->DeviceObject, device);
    plain_unload(image);
}

NT_TEST(IoCreateDevice_opens_an_exclusive_device_once)
{
    struct io_image *image = plain_load();
    PDEVICE_OBJECT device;
    struct nbx_file *first, *other;
    ck_assert_int_eq(IoCreateDevice(plain_driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, TRUE, &device), STATUS_SUCCESS);
    device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    ck_assert_int_eq(nbx_file_open("\\Device\\Plain", NBX_FILE_READ, &first), STATUS_SUCCESS);
    ck_assert_int_eq(nbx_file_open("\\Device\\Plain", NBX_FILE_READ, &other), STATUS_ACCESS_DENIED);
    nbx_file_close(first);
    ck_assert_int_eq(nbx_file_open("\\Device\\Plain", NBX_FILE_READ, &other), STATUS_SUCCESS);
    nbx_file_close(other);
    plain_unload(image);
}

NT_TEST(IoDeleteDevice_takes_the_name_away_at_once_and_waits_for_open_files)
{
    struct io_image *image = plain_load();
    PDEVICE_OBJECT device, again;
    struct nbx_file *file, *other;
    ck_assert_int_eq(IoCreateDevice(plain_driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device), STATUS_SUCCESS);
    device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    ck_assert_int_eq(nbx_file_open("\\Device\\Plain", NBX_FILE_READ, &file), STATUS_SUCCESS);
    IoDeleteDevice(device);
    ck_assert_ptr_null(plain_driver->DeviceObject);
    ck_assert_int_eq(nbx_file_open("\\Device\\Plain", NBX_FILE_READ, &other), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(IoCreateDevice(plain_driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &again), STATUS_SUCCESS);
    nbx_file_close(file);                      // the object goes with its last file: else it is left over
    plain_unload(image);
}

static void
delete_twice(void)
{
    PDEVICE_OBJECT device;
    plain_load();
    IoCreateDevice(plain_driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    ObReferenceObject(device);
    IoDeleteDevice(device);
    IoDeleteDevice(device);
}
TEST(IoDeleteDevice_of_what_is_deleted_is_a_bug_check)
{
    expect_bugcheck(delete_twice, "0xC4");
}

NT_TEST(IoCreateSymbolicLink_gives_a_second_name_and_refuses_one_that_is_taken)
{
    struct io_image *image = plain_load();
    PDEVICE_OBJECT device;
    struct nbx_file *file;
    ck_assert_int_eq(IoCreateDevice(plain_driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device), STATUS_SUCCESS);
    device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    ck_assert_int_eq(nbx_file_open("\\\\.\\Plain", NBX_FILE_READ, &file), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(IoCreateSymbolicLink(&link_name, &device_name), STATUS_SUCCESS);
    ck_assert_int_eq(IoCreateSymbolicLink(&link_name, &device_name), STATUS_OBJECT_NAME_COLLISION);
    ck_assert_int_eq(nbx_file_open("\\\\.\\Plain", NBX_FILE_READ, &file), STATUS_SUCCESS);
    nbx_file_close(file);
    ck_assert_int_eq(IoDeleteSymbolicLink(&link_name), STATUS_SUCCESS);
    plain_unload(image);
}

NT_TEST(IoDeleteSymbolicLink_takes_the_name_away_and_finds_none_the_second_time)
{
    struct io_image *image = plain_load();
    struct nbx_file *file;
    ck_assert_int_eq(IoCreateSymbolicLink(&link_name, &device_name), STATUS_SUCCESS);
    ck_assert_int_eq(IoDeleteSymbolicLink(&link_name), STATUS_SUCCESS);
    ck_assert_int_eq(IoDeleteSymbolicLink(&link_name), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(nbx_file_open("\\\\.\\Plain", NBX_FILE_READ, &file), STATUS_OBJECT_NAME_NOT_FOUND);
    plain_unload(image);
}

NT_TEST(IoGetFileObjectGenericMapping_maps_to_the_rights_of_files)
{
    PGENERIC_MAPPING mapping = IoGetFileObjectGenericMapping();
    ck_assert_uint_eq(mapping->GenericRead, FILE_GENERIC_READ);
    ck_assert_uint_eq(mapping->GenericWrite, FILE_GENERIC_WRITE);
    ck_assert_uint_eq(mapping->GenericExecute, FILE_GENERIC_EXECUTE);
    ck_assert_uint_eq(mapping->GenericAll, FILE_ALL_ACCESS);
}

// ---- work items -----------------------------------------------------------------------------------------------------------------------

static struct {
    PDEVICE_OBJECT device;
    PVOID context;
    KIRQL irql;
    volatile LONG runs;
    KEVENT ran;
} work;

static IO_WORKITEM_ROUTINE WorkRoutine;
static VOID
WorkRoutine(PDEVICE_OBJECT device, PVOID context)
{
    work.device = device;
    work.context = context;
    work.irql = KeGetCurrentIrql();
    InterlockedIncrement(&work.runs);
    KeSetEvent(&work.ran, 0, FALSE);
}

static PDEVICE_OBJECT
work_device(void)
{
    PDEVICE_OBJECT device;
    memset(&work, 0, sizeof work);
    KeInitializeEvent(&work.ran, SynchronizationEvent, FALSE);
    ck_assert_int_eq(IoCreateDevice(plain_driver, 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device), STATUS_SUCCESS);
    return device;
}

static void
work_wait(PDEVICE_OBJECT device, PVOID context)
{
    ck_assert_int_eq(KeWaitForSingleObject(&work.ran, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_ptr_eq(work.device, device);
    ck_assert_ptr_eq(work.context, context);
    ck_assert_uint_eq(work.irql, PASSIVE_LEVEL);
}

NT_TEST(IoAllocateWorkItem_gives_an_item_that_runs_with_its_device)
{
    struct io_image *image = plain_load();
    PDEVICE_OBJECT device = work_device();
    PIO_WORKITEM item = IoAllocateWorkItem(device);
    ck_assert_ptr_nonnull(item);
    IoQueueWorkItem(item, WorkRoutine, DelayedWorkQueue, &work);
    work_wait(device, &work);
    IoFreeWorkItem(item);
    plain_unload(image);
}

// An item that nobody freed is a pool block left over; one that is queued may not be freed.
static void
free_queued(void)
{
    KIRQL old;
    plain_load();
    PIO_WORKITEM item = IoAllocateWorkItem(work_device());
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    IoQueueWorkItem(item, WorkRoutine, CriticalWorkQueue, NULL);
    IoFreeWorkItem(item);
}
TEST(IoFreeWorkItem_of_a_queued_item_is_a_bug_check)
{
    expect_bugcheck(free_queued, "0xE4");
}
NT_TEST(IoFreeWorkItem_gives_the_memory_back)
{
    struct io_image *image = plain_load();
    IoFreeWorkItem(IoAllocateWorkItem(work_device()));
    plain_unload(image);
}

NT_TEST(IoInitializeWorkItem_makes_one_in_the_drivers_memory_for_a_driver_object_too)
{
    struct io_image *image = plain_load();
    PDEVICE_OBJECT device = work_device();
    PIO_WORKITEM item = ExAllocatePool2(POOL_FLAG_NON_PAGED, IoSizeofWorkItem(), 'tseT');
    IoInitializeWorkItem(device, item);
    IoQueueWorkItem(item, WorkRoutine, DelayedWorkQueue, &item);
    work_wait(device, &item);
    IoUninitializeWorkItem(item);
    IoInitializeWorkItem(plain_driver, item);
    IoQueueWorkItem(item, WorkRoutine, DelayedWorkQueue, NULL);
    work_wait((PDEVICE_OBJECT)plain_driver, NULL);
    IoUninitializeWorkItem(item);
    ExFreePoolWithTag(item, 'tseT');
    plain_unload(image);
}

NT_TEST(IoSizeofWorkItem_is_enough_for_what_is_initialised_in_it)
{
    struct io_image *image = plain_load();
    ULONG bytes = IoSizeofWorkItem();
    ck_assert_uint_ge(bytes, 2 * sizeof(PVOID));
    UCHAR *memory = ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes + 16, 'tseT');
    memset(memory + bytes, 0x77, 16);
    IoInitializeWorkItem(work_device(), (PIO_WORKITEM)memory);
    IoQueueWorkItem((PIO_WORKITEM)memory, WorkRoutine, DelayedWorkQueue, NULL);
    KeWaitForSingleObject(&work.ran, Executive, KernelMode, FALSE, NULL);
    for (int i = 0; i < 16; i++)
        ck_assert_uint_eq(memory[bytes + (ULONG)i], 0x77);
    IoUninitializeWorkItem((PIO_WORKITEM)memory);
    ExFreePoolWithTag(memory, 'tseT');
    plain_unload(image);
}

static void
uninitialise_queued(void)
{
    KIRQL old;
    plain_load();
    PIO_WORKITEM item = ExAllocatePool2(POOL_FLAG_NON_PAGED, IoSizeofWorkItem(), 'tseT');
    IoInitializeWorkItem(work_device(), item);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    IoQueueWorkItem(item, WorkRoutine, DelayedWorkQueue, NULL);
    IoUninitializeWorkItem(item);
}
TEST(IoUninitializeWorkItem_of_a_queued_item_is_a_bug_check)
{
    expect_bugcheck(uninitialise_queued, "0xE4");
}

// ---- the door of completion, and memory of MDLs -----------------------------------------------------------------------------------------

static struct {
    volatile LONG completed;
    NTSTATUS status;
} completion;

static IO_COMPLETION_ROUTINE Completed;
static NTSTATUS
Completed(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    completion.completed++;
    completion.status = irp->IoStatus.Status;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

NT_TEST(IoAllocateIrp_gives_cleared_locations_for_that_many_drivers)
{
    PIRP irp = IoAllocateIrp(3, FALSE);
    ck_assert_ptr_nonnull(irp);
    ck_assert_int_eq(irp->StackCount, 3);
    ck_assert_int_eq(irp->CurrentLocation, 4);
    ck_assert_uint_eq(irp->Size, IoSizeOfIrp(3));
    ck_assert_int_eq(irp->Type, IO_TYPE_IRP);
    for (size_t i = sizeof(IRP); i < irp->Size; i++)
        ck_assert_uint_eq(((UCHAR *)irp)[i], 0);
    IoFreeIrp(irp);
}

NT_TEST(IoFreeIrp_gives_the_memory_back)
{
    for (int i = 0; i < 100; i++)
        IoFreeIrp(IoAllocateIrp(1, FALSE));   // one that stayed would be left over
}

NT_TEST(IoCompleteRequest_calls_the_completion_routine_with_the_status)
{
    struct io_image *image = plain_load();
    PDEVICE_OBJECT device = work_device();
    PIRP irp = IoAllocateIrp(2, FALSE);
    memset(&completion, 0, sizeof completion);
    IoSetNextIrpStackLocation(irp);
    IoGetCurrentIrpStackLocation(irp)->DeviceObject = device;
    IoSetCompletionRoutine(irp, Completed, NULL, TRUE, TRUE, TRUE);
    IoSetNextIrpStackLocation(irp);
    irp->IoStatus.Status = STATUS_DEVICE_BUSY;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    ck_assert_int_eq(completion.completed, 1);
    ck_assert_int_eq(completion.status, STATUS_DEVICE_BUSY);
    IoFreeIrp(irp);
    plain_unload(image);
}

static UCHAR area[3 * 4096];

NT_TEST(IoFreeMdl_gives_the_memory_back)
{
    for (int i = 0; i < 100; i++)
        IoFreeMdl(IoAllocateMdl(area + i, 5000, FALSE, FALSE, NULL));
}

NT_TEST(IoBuildPartialMdl_describes_a_piece_of_the_same_pages)
{
    MDL *whole = IoAllocateMdl(area + 100, 9000, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(whole);
    MDL *part = IoAllocateMdl(area + 100, 9000, FALSE, FALSE, NULL);
    IoBuildPartialMdl(whole, part, (UCHAR *)MmGetMdlVirtualAddress(whole) + 5000, 300);
    ck_assert_uint_eq(MmGetMdlByteCount(part), 300);
    ck_assert_ptr_eq(MmGetMdlVirtualAddress(part), area + 5100);
    ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(part, NormalPagePriority), area + 5100);
    ck_assert(part->MdlFlags & MDL_PARTIAL);
    MmPrepareMdlForReuse(part);
    IoBuildPartialMdl(whole, part, (UCHAR *)MmGetMdlVirtualAddress(whole) + 8000, 0);   // 0: to the end
    ck_assert_uint_eq(MmGetMdlByteCount(part), 1000);
    IoFreeMdl(part);
    IoFreeMdl(whole);
}

NT_TEST(MmGetMdlVirtualAddress_is_the_address_it_was_made_for)
{
    MDL *mdl = IoAllocateMdl(area + 4097, 10, FALSE, FALSE, NULL);
    ck_assert_ptr_eq(MmGetMdlVirtualAddress(mdl), area + 4097);
    IoFreeMdl(mdl);
}

NT_TEST(MmSizeOfMdl_counts_a_frame_number_for_each_page)
{
    ck_assert_uint_eq(MmSizeOfMdl(NULL, 1), sizeof(MDL) + sizeof(PFN_NUMBER));
    ck_assert_uint_eq(MmSizeOfMdl((PVOID)4095, 1), sizeof(MDL) + sizeof(PFN_NUMBER));
    ck_assert_uint_eq(MmSizeOfMdl((PVOID)4095, 2), sizeof(MDL) + 2 * sizeof(PFN_NUMBER));
    ck_assert_uint_eq(MmSizeOfMdl(NULL, 4096 * 3), sizeof(MDL) + 3 * sizeof(PFN_NUMBER));
}

NT_TEST(MmInitializeMdl_fills_the_drivers_memory)
{
    MDL *mdl = ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, MmSizeOfMdl(area + 9, 5000), 'tseT');
    MmInitializeMdl(mdl, area + 9, 5000);
    ck_assert_ptr_null(mdl->Next);
    ck_assert_uint_eq((USHORT)mdl->Size, MmSizeOfMdl(area + 9, 5000));
    ck_assert_uint_eq(mdl->MdlFlags, 0);
    ck_assert_uint_eq(mdl->ByteCount, 5000);
    ck_assert_ptr_eq((UCHAR *)mdl->StartVa + mdl->ByteOffset, area + 9);
    ck_assert_uint_eq(mdl->ByteOffset, (ULONG_PTR)(area + 9) & 4095);
    ExFreePoolWithTag(mdl, 'tseT');
}

NT_TEST(MmUnlockPages_ends_the_lock_and_the_mapping)
{
    MDL *mdl = IoAllocateMdl(area, 5000, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoModifyAccess);
    ck_assert_ptr_nonnull(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority));
    ck_assert(mdl->MdlFlags & MDL_PAGES_LOCKED);
    ck_assert(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA);
    MmUnlockPages(mdl);
    ck_assert(!(mdl->MdlFlags & (MDL_PAGES_LOCKED | MDL_MAPPED_TO_SYSTEM_VA)));
    IoFreeMdl(mdl);
}

NT_TEST(IoIs32bitProcess_is_false_as_there_is_no_32_bit_process)
{
    PIRP irp = IoAllocateIrp(1, FALSE);
    ck_assert(!IoIs32bitProcess(irp));
    ck_assert(!IoIs32bitProcess(NULL));
    IoFreeIrp(irp);
    // The originator of this one is a process in user mode: of 64 bits, like all of them.
    struct io_image *image = plain_load();
    PDEVICE_OBJECT device;
    struct nbx_file *file;
    ck_assert_int_eq(IoCreateDevice(plain_driver, 0, &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device), STATUS_SUCCESS);
    device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    plain_asked = 0;
    ck_assert_int_eq(nbx_file_open("\\Device\\Plain", NBX_FILE_READ, &file), STATUS_SUCCESS);
    nbx_file_close(file);
    ck_assert_uint_gt(plain_asked, 0);
    plain_unload(image);
}
