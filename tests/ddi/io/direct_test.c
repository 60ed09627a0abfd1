// SPDX-License-Identifier: MIT
// Direct I/O, MDLs and work items.
#include <nbx/file.h>

#include "echo.h"
#include "nt/io/io.h"
#include "unit/nt/nt_test.h"

static struct io_image *
load_echo(void)
{
    struct io_image *image;
    char error[256];
    struct io_image_config config = {.name = "echo", .entry = EchoEntry};
    ck_assert_msg(io_image_load(box_self(), &config, &image, error, sizeof(error)) == STATUS_SUCCESS, "%s", error);
    return image;
}

NT_TEST(file_direct_device_sees_the_callers_pages_through_an_MDL)
{
    struct nbx_file *file;
    char back[16] = {0};
    uint32_t done;
    load_echo();
    ck_assert_int_eq(nbx_file_open("\\\\.\\EchoDirect", NBX_FILE_READ | NBX_FILE_WRITE, &file), STATUS_SUCCESS);
    ck_assert_int_eq(nbx_file_write(file, "pages", 6, NULL, &done), STATUS_SUCCESS);
    ck_assert_int_eq(nbx_file_read(file, back, sizeof(back), NULL, &done), STATUS_SUCCESS);
    ck_assert_uint_eq(done, 6);
    ck_assert_str_eq(back, "pages");
    nbx_file_close(file);
}

NT_TEST(IoAllocateMdl_chains_secondary_buffers_and_IoBuildPartialMdl_maps_a_piece)
{
    char *buffer = ExAllocatePool2(POOL_FLAG_NON_PAGED, 10000, 'tseT');
    IRP *irp = IoAllocateIrp(1, FALSE);
    MDL *first = IoAllocateMdl(buffer, 5000, FALSE, FALSE, irp), *second = IoAllocateMdl(buffer + 5000, 5000, TRUE, FALSE, irp);
    ck_assert_ptr_eq(irp->MdlAddress, first);
    ck_assert_ptr_eq(first->Next, second);
    ck_assert_ptr_eq(MmGetMdlVirtualAddress(second), buffer + 5000);
    ck_assert_uint_eq(MmGetMdlByteCount(second), 5000);
    MmBuildMdlForNonPagedPool(first);
    MDL *piece = IoAllocateMdl(buffer + 100, 300, FALSE, FALSE, NULL);
    IoBuildPartialMdl(first, piece, buffer + 100, 300);
    ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(piece, NormalPagePriority), (char *)MmGetSystemAddressForMdlSafe(first, 0) + 100);
    ck_assert_uint_eq(MmGetMdlByteCount(piece), 300);
    IoFreeMdl(piece);
    IoFreeMdl(first);
    IoFreeMdl(second);
    IoFreeIrp(irp);
    ExFreePoolWithTag(buffer, 'tseT');
}

struct work {
    KEVENT done;
    PIO_WORKITEM item;
    KIRQL irql;
    void *object;
};

static IO_WORKITEM_ROUTINE FreeingWork;
static VOID NTAPI
FreeingWork(PDEVICE_OBJECT device, PVOID context)
{
    struct work *work = context;
    work->irql = KeGetCurrentIrql();
    work->object = device;
    IoFreeWorkItem(work->item);
    KeSetEvent(&work->done, 0, FALSE);
}

NT_TEST(IoQueueWorkItem_runs_at_PASSIVE_with_its_device_and_may_free_itself)
{
    struct work work = {0};
    KIRQL old;
    struct io_image *image = load_echo();
    KeInitializeEvent(&work.done, NotificationEvent, FALSE);
    work.item = IoAllocateWorkItem(image->driver_object->DeviceObject);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    IoQueueWorkItem(work.item, FreeingWork, DelayedWorkQueue, &work);
    KeLowerIrql(old);
    KeWaitForSingleObject(&work.done, Executive, KernelMode, FALSE, NULL);
    ck_assert_uint_eq(work.irql, PASSIVE_LEVEL);
    ck_assert_ptr_eq(work.object, image->driver_object->DeviceObject);
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

static volatile LONG ran;

static IO_WORKITEM_ROUTINE_EX SlowWork;
static VOID NTAPI
SlowWork(PVOID object, PVOID context, PIO_WORKITEM item)
{
    nt_test_sleep_ms(10);
    InterlockedIncrement(&ran);
}

NT_TEST(IoQueueWorkItemEx_keeps_the_image_until_the_routine_has_left)
{
    struct io_image *image = load_echo();
    struct _IO_WORKITEM *item = ExAllocatePool2(POOL_FLAG_NON_PAGED, IoSizeofWorkItem(), 'tseT');
    ran = 0;
    IoInitializeWorkItem(image->driver_object, item);
    IoQueueWorkItemEx(item, SlowWork, DelayedWorkQueue, NULL);
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
    ck_assert_int_eq(ran, 1);
    IoUninitializeWorkItem(item);
    ExFreePoolWithTag(item, 'tseT');
}
