// SPDX-License-Identifier: MIT
// A request's way down a stack of three devices and back up: completion routines, pending, MORE_PROCESSING_REQUIRED, master IRPs,
// and what the I/O manager refuses.
#include "nt/io/io.h"
#include "unit/nt/nt_test.h"

enum plan {
    PASS,
    PEND,
    FAIL
};

struct layer {
    DEVICE_OBJECT *below;
    enum plan plan;
    IRP *held;
};

static struct {
    char trail[64];
    unsigned length;
    BOOLEAN pending_seen[4];
    NTSTATUS stop_at_middle;
} seen;

static void
mark(char c)
{
    seen.trail[seen.length++] = c;
}

static IO_COMPLETION_ROUTINE LayerDone;
static NTSTATUS NTAPI
LayerDone(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    mark((char)('0' + (ULONG_PTR)context));
    seen.pending_seen[(ULONG_PTR)context] = irp->PendingReturned;
    if (irp->PendingReturned)
        IoMarkIrpPending(irp);
    return (ULONG_PTR)context == 1 ? seen.stop_at_middle : STATUS_SUCCESS;
}

static DRIVER_DISPATCH LayerDispatch;
static NTSTATUS NTAPI
LayerDispatch(PDEVICE_OBJECT device, PIRP irp)
{
    struct layer *layer = device->DeviceExtension;
    mark((char)('a' + device->StackSize - 1));
    if (layer->below) {
        IoCopyCurrentIrpStackLocationToNext(irp);
        IoSetCompletionRoutine(irp, LayerDone, (PVOID)(ULONG_PTR)(device->StackSize - 1), TRUE, TRUE, TRUE);
        return IoCallDriver(layer->below, irp);
    }
    if (layer->plan == PEND) {
        IoMarkIrpPending(irp);
        layer->held = irp;
        return STATUS_PENDING;
    }
    irp->IoStatus.Status = layer->plan == FAIL ? STATUS_IO_DEVICE_ERROR : STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    NTSTATUS status = irp->IoStatus.Status;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static DRIVER_UNLOAD LayerUnload;
static VOID NTAPI
LayerUnload(PDRIVER_OBJECT driver)
{
    while (driver->DeviceObject) {
        struct layer *layer = driver->DeviceObject->DeviceExtension;
        if (layer->below)
            IoDetachDevice(layer->below);
        IoDeleteDevice(driver->DeviceObject);
    }
}

static DRIVER_INITIALIZE LayerEntry;
static NTSTATUS NTAPI
LayerEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    DEVICE_OBJECT *bottom = NULL;
    driver->DriverUnload = LayerUnload;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = LayerDispatch;
    for (int i = 0; i < 3; i++) {
        DEVICE_OBJECT *device;
        if (!NT_SUCCESS(IoCreateDevice(driver, sizeof(struct layer), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device)))
            return STATUS_UNSUCCESSFUL;
        if (bottom)
            ((struct layer *)device->DeviceExtension)->below = IoAttachDeviceToDeviceStack(device, bottom);
        else
            bottom = device;
    }
    return STATUS_SUCCESS;
}

// The stack's bottom and top.
static struct io_image *
load_stack(DEVICE_OBJECT **bottom, DEVICE_OBJECT **top)
{
    struct io_image *image;
    char error[256];
    memset(&seen, 0, sizeof(seen));
    struct io_image_config config = {.name = "layers", .entry = LayerEntry};
    ck_assert_int_eq(io_image_load(box_self(), &config, &image, error, sizeof(error)), STATUS_SUCCESS);
    *bottom = image->driver_object->DeviceObject;
    while ((*bottom)->NextDevice)
        *bottom = (*bottom)->NextDevice;
    *top = IoGetAttachedDeviceReference(*bottom);
    ObDereferenceObject(*top);
    ck_assert_int_eq((*top)->StackSize, 3);
    return image;
}

static IO_COMPLETION_ROUTINE TakeBack;
static NTSTATUS NTAPI
TakeBack(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    mark('!');
    ck_assert_ptr_null(device);
    seen.pending_seen[3] = irp->PendingReturned;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static IRP *
own_irp(DEVICE_OBJECT *top)
{
    IRP *irp = IoAllocateIrp(top->StackSize, FALSE);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
    IoSetCompletionRoutine(irp, TakeBack, NULL, TRUE, TRUE, TRUE);
    return irp;
}

NT_TEST(IofCompleteRequest_walks_up_through_every_routine_and_stops_where_the_maker_takes_back)
{
    DEVICE_OBJECT *bottom, *top;
    load_stack(&bottom, &top);
    IRP *irp = own_irp(top);
    ck_assert_int_eq(IoCallDriver(top, irp), STATUS_SUCCESS);
    ck_assert_str_eq(seen.trail, "cba12!");
    ck_assert_int_eq(irp->IoStatus.Status, STATUS_SUCCESS);
    IoFreeIrp(irp);
}

NT_TEST(IofCompleteRequest_carries_pending_up_and_an_error_status_too)
{
    DEVICE_OBJECT *bottom, *top;
    load_stack(&bottom, &top);
    struct layer *layer = bottom->DeviceExtension;
    layer->plan = PEND;
    IRP *irp = own_irp(top);
    ck_assert_int_eq(IoCallDriver(top, irp), STATUS_PENDING);
    ck_assert_str_eq(seen.trail, "cba");
    layer->held->IoStatus.Status = STATUS_IO_DEVICE_ERROR;
    layer->held->IoStatus.Information = 0;
    IoCompleteRequest(layer->held, IO_NO_INCREMENT);
    ck_assert_str_eq(seen.trail, "cba12!");
    ck_assert(seen.pending_seen[1] && seen.pending_seen[2] && seen.pending_seen[3]);
    ck_assert_int_eq(irp->IoStatus.Status, STATUS_IO_DEVICE_ERROR);
    IoFreeIrp(irp);
}

NT_TEST(IofCompleteRequest_resumes_above_a_routine_that_wanted_more_processing)
{
    DEVICE_OBJECT *bottom, *top;
    load_stack(&bottom, &top);
    seen.stop_at_middle = STATUS_MORE_PROCESSING_REQUIRED;
    IRP *irp = own_irp(top);
    IoCallDriver(top, irp);
    ck_assert_str_eq(seen.trail, "cba1");
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    ck_assert_str_eq(seen.trail, "cba12!");
    IoFreeIrp(irp);
}

NT_TEST(IoSetCompletionRoutine_is_called_only_for_what_it_asked)
{
    static const struct {
        BOOLEAN success, error, cancel, is_cancelled;
        enum plan plan;
        BOOLEAN called;
    } rows[] = {{TRUE, FALSE, FALSE, FALSE, PASS, TRUE}, {FALSE, TRUE, TRUE, FALSE, PASS, FALSE},
                {FALSE, TRUE, FALSE, FALSE, FAIL, TRUE}, {TRUE, FALSE, TRUE, FALSE, FAIL, FALSE},
                {FALSE, FALSE, TRUE, TRUE, PASS, TRUE}, {FALSE, FALSE, TRUE, TRUE, FAIL, TRUE}};
    DEVICE_OBJECT *bottom, *top;
    load_stack(&bottom, &top);
    for (size_t i = 0; i < ARRAYSIZE(rows); i++) {
        KEVENT event;
        IO_STATUS_BLOCK iosb;
        seen.length = 0;
        memset(seen.trail, 0, sizeof(seen.trail));
        ((struct layer *)bottom->DeviceExtension)->plan = rows[i].plan;
        KeInitializeEvent(&event, NotificationEvent, FALSE);
        IRP *irp = IoBuildDeviceIoControlRequest(0, bottom, NULL, 0, NULL, 0, TRUE, &event, &iosb);
        IoSetCompletionRoutine(irp, LayerDone, (PVOID)2, rows[i].success, rows[i].error, rows[i].cancel);
        irp->Cancel = rows[i].is_cancelled;
        IoCallDriver(bottom, irp);
        ck_assert_str_eq(seen.trail, rows[i].called ? "a2" : "a");
        // An error that came back at once is not told through the event.
        ck_assert_int_eq(KeReadStateEvent(&event), rows[i].plan == PASS);
    }
}

NT_TEST(IoMakeAssociatedIrp_master_completes_after_the_last_of_its_parts)
{
    DEVICE_OBJECT *bottom, *top;
    load_stack(&bottom, &top);
    IRP *master = own_irp(bottom);
    IoSetNextIrpStackLocation(master);
    master->IoStatus.Status = STATUS_SUCCESS;
    master->AssociatedIrp.IrpCount = 3;
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(seen.trail, i == 0 ? "" : i == 1 ? "a"
                                                          : "aa");
        IRP *part = IoMakeAssociatedIrp(master, bottom->StackSize);
        IoGetNextIrpStackLocation(part)->MajorFunction = IRP_MJ_READ;
        ck_assert_int_eq(IoCallDriver(bottom, part), STATUS_SUCCESS);
    }
    ck_assert_str_eq(seen.trail, "aaa!");
    IoFreeIrp(master);
}

NT_TEST(IoReuseIrp_makes_an_allocated_IRP_as_new_and_IoForwardIrpSynchronously_waits)
{
    DEVICE_OBJECT *bottom, *top;
    load_stack(&bottom, &top);
    IRP *irp = IoAllocateIrp((CCHAR)(top->StackSize + 1), FALSE);
    for (int i = 0; i < 3; i++) {
        IoReuseIrp(irp, STATUS_NOT_SUPPORTED);
        ck_assert_int_eq(irp->IoStatus.Status, STATUS_NOT_SUPPORTED);
        ck_assert_int_eq(irp->CurrentLocation, top->StackSize + 2);
        IoSetNextIrpStackLocation(irp);
        IoGetCurrentIrpStackLocation(irp)->MajorFunction = IRP_MJ_PNP;
        ck_assert(IoForwardIrpSynchronously(top, irp));
        ck_assert_int_eq(irp->IoStatus.Status, STATUS_SUCCESS);
    }
    IoFreeIrp(irp);
}

NT_TEST(IoSetCompletionRoutineEx_keeps_device_and_image_until_the_routine_has_run)
{
    DEVICE_OBJECT *bottom, *top;
    struct io_image *image = load_stack(&bottom, &top);
    IRP *irp = own_irp(bottom);
    uint32_t refs = image->refs;
    ck_assert_int_eq(IoSetCompletionRoutineEx(bottom, irp, TakeBack, NULL, TRUE, TRUE, TRUE), STATUS_SUCCESS);
    ck_assert_uint_eq(image->refs, refs + 1);
    ck_assert_int_eq(IoCallDriver(bottom, irp), STATUS_SUCCESS);
    ck_assert_uint_eq(image->refs, refs);
    IoFreeIrp(irp);
}

NT_TEST(IoAttachDeviceToDeviceStack_goes_on_top_of_everything_and_not_on_what_is_deleted)
{
    DEVICE_OBJECT *bottom, *top, *extra, *gone, *below = NULL;
    struct io_image *image = load_stack(&bottom, &top);
    DRIVER_OBJECT *driver = image->driver_object;
    ck_assert_int_eq(IoCreateDevice(driver, sizeof(struct layer), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &extra), STATUS_SUCCESS);
    ck_assert_int_eq(IoAttachDeviceToDeviceStackSafe(extra, bottom, &below), STATUS_SUCCESS);
    ck_assert_ptr_eq(below, top);
    ck_assert_int_eq(extra->StackSize, 4);
    ck_assert_ptr_eq(IoGetAttachedDevice(bottom), extra);
    IoDetachDevice(top);
    ck_assert_ptr_eq(IoGetAttachedDevice(bottom), top);
    ck_assert_int_eq(IoCreateDevice(driver, sizeof(struct layer), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &gone), STATUS_SUCCESS);
    ObReferenceObject(gone);
    IoDeleteDevice(gone);
    ck_assert_int_eq(IoAttachDeviceToDeviceStackSafe(extra, gone, &below), STATUS_NO_SUCH_DEVICE);
    ck_assert_int_eq(ObDereferenceObject(gone), 0);
    IoDeleteDevice(extra);
}

static IO_REMOVE_LOCK remove_lock;
static volatile LONG released;

static void
release_later(void *arg)
{
    nt_test_sleep_ms(3);
    InterlockedIncrement(&released);
    IoReleaseRemoveLock(&remove_lock, arg);
}

NT_TEST(IoReleaseRemoveLockAndWait_waits_for_the_others_and_refuses_new_ones)
{
    released = 0;
    IoInitializeRemoveLock(&remove_lock, 'tseT', 0, 0);
    ck_assert_int_eq(IoAcquireRemoveLock(&remove_lock, (PVOID)1), STATUS_SUCCESS);
    ck_assert_int_eq(IoAcquireRemoveLock(&remove_lock, (PVOID)2), STATUS_SUCCESS);
    struct ke_thread *helper = nt_test_start(release_later, (PVOID)2);
    IoReleaseRemoveLockAndWait(&remove_lock, (PVOID)1);
    ck_assert_int_eq(released, 1);
    ck_assert_int_eq(IoAcquireRemoveLock(&remove_lock, (PVOID)3), STATUS_DELETE_PENDING);
    ke_thread_join(helper);
}

NT_TEST(IoAllocateDriverObjectExtension_is_found_by_its_address_and_refuses_a_second)
{
    DEVICE_OBJECT *bottom, *top;
    void *extension, *again;
    struct io_image *image = load_stack(&bottom, &top);
    ck_assert_int_eq(IoAllocateDriverObjectExtension(image->driver_object, &seen, 40, &extension), STATUS_SUCCESS);
    ck_assert_int_eq(IoAllocateDriverObjectExtension(image->driver_object, &seen, 40, &again), STATUS_OBJECT_NAME_COLLISION);
    ck_assert_ptr_eq(IoGetDriverObjectExtension(image->driver_object, &seen), extension);
    ck_assert_ptr_null(IoGetDriverObjectExtension(image->driver_object, &bottom));
}
