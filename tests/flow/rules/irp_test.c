// SPDX-License-Identifier: MIT
// IRP rules, NBX-0400 and on. Three drivers: low has a device, top is attached above it, maker sends IRPs of its own. A test gives low or
// top a routine for device controls; everything else they do as they must.
#include <nbx/file.h>
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"
#include "verify/crash.h"

#define CODE CTL_CODE(FILE_DEVICE_UNKNOWN, 1, METHOD_BUFFERED, FILE_ANY_ACCESS)

typedef NTSTATUS does_fn(DEVICE_OBJECT *device, IRP *irp);

static struct {
    DEVICE_OBJECT *low, *top;
    IRP *held;
    does_fn *on_low, *on_top;                 // NULL: low completes at once, top skips
    void (*act)(void);
    uint32_t done;
} t;

static NTSTATUS
complete(IRP *irp, NTSTATUS status)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static bool
is_control(IRP *irp)
{
    UCHAR major = IoGetCurrentIrpStackLocation(irp)->MajorFunction;
    return major == IRP_MJ_DEVICE_CONTROL || major == IRP_MJ_INTERNAL_DEVICE_CONTROL;
}

static NTAPI NTSTATUS
low_dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    return is_control(irp) && t.on_low ? t.on_low(device, irp) : complete(irp, STATUS_SUCCESS);
}

static NTAPI NTSTATUS
top_dispatch(PDEVICE_OBJECT device, PIRP irp)
{
    if (is_control(irp) && t.on_top)
        return t.on_top(device, irp);
    IoSkipCurrentIrpStackLocation(irp);
    return IoCallDriver(t.low, irp);
}

static NTAPI VOID
unload(PDRIVER_OBJECT driver)
{
    if (driver->DeviceObject && driver->DeviceObject == t.top)
        IoDetachDevice(t.low);
    if (driver->DeviceObject)
        IoDeleteDevice(driver->DeviceObject);
}

static NTSTATUS
entry(PDRIVER_OBJECT driver, PDRIVER_DISPATCH dispatch, const WCHAR *name, DEVICE_OBJECT **device)
{
    UNICODE_STRING text;
    RtlInitUnicodeString(&text, name);
    driver->DriverUnload = unload;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = dispatch;
    return IoCreateDevice(driver, 0, name ? &text : NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, device);
}

static NTAPI NTSTATUS
low_entry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    return entry(driver, low_dispatch, L"\\??\\Low", &t.low);
}

static NTAPI NTSTATUS
top_entry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    NTSTATUS status = entry(driver, top_dispatch, NULL, &t.top);
    t.top->Flags |= t.low->Flags & (DO_BUFFERED_IO | DO_DIRECT_IO);
    return status == STATUS_SUCCESS && IoAttachDeviceToDeviceStack(t.top, t.low) ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

static NTAPI NTSTATUS
maker_entry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    driver->DriverUnload = unload;
    return STATUS_SUCCESS;
}

static struct io_image *
load(const char *name, DRIVER_INITIALIZE *routine)
{
    struct io_image *image;
    char error[256];
    struct io_image_config config = {.name = name, .entry = routine};
    ck_assert_int_eq(io_image_load(kit.box, &config, &image, error, sizeof error), STATUS_SUCCESS);
    return image;
}

static void
with_drivers(void)
{
    kit_start(false, 0);
    struct io_image *low = load("low", low_entry), *top = load("top", top_entry), *maker = load("maker", maker_entry);
    t.act();
    ck_assert_int_eq(io_image_unload(maker), STATUS_SUCCESS);
    ck_assert_int_eq(io_image_unload(top), STATUS_SUCCESS);
    ck_assert_int_eq(io_image_unload(low), STATUS_SUCCESS);
}

static void
watched(void)
{
    kit_verify = VERIFY_ON;
    crash_install();                          // what AddressSanitizer finds comes to a report by it
    kit_run(3, with_drivers);
}

static NTSTATUS
control(void *out, uint32_t out_bytes)
{
    struct nbx_file *file;
    ck_assert_int_eq(nbx_file_open("\\\\.\\Low", NBX_FILE_READ, &file), STATUS_SUCCESS);
    NTSTATUS status = nbx_file_control(file, CODE, NULL, 0, out, out_bytes, NULL, NULL);
    nbx_file_close(file);
    return status;
}

static void
controls(void)
{
    char out[8];
    control(out, sizeof out);
}

#define FOUND(low_does, top_does, rule, ...) \
    (t.on_low = (low_does), t.on_top = (top_does), t.act = controls, crime_is_found(watched, rule, __VA_ARGS__, NULL))
#define NONE(low_does, top_does) (t.on_low = (low_does), t.on_top = (top_does), t.act = controls, crime_is_none(watched))

// ---- what is right ----------------------------------------------------------------------------------------------------------------------

static NTAPI VOID
completer(PVOID context)
{
    LARGE_INTEGER time = {.QuadPart = -10000};
    KeDelayExecutionThread(KernelMode, FALSE, &time);
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "low"), "test");
    complete(t.held, STATUS_SUCCESS);
    if (context)
        complete(t.held, STATUS_SUCCESS);
    ke_driver_leave(ke_self(), crossing);
}

static void
complete_later(IRP *irp, bool twice)
{
    HANDLE thread;
    t.held = irp;
    ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, completer, twice ? &t : NULL), STATUS_SUCCESS);
    ZwClose(thread);
}

static NTSTATUS
low_later(DEVICE_OBJECT *device, IRP *irp)
{
    IoMarkIrpPending(irp);
    complete_later(irp, false);
    return STATUS_PENDING;
}

static NTSTATUS
low_marks_and_completes(DEVICE_OBJECT *device, IRP *irp)
{
    IoMarkIrpPending(irp);
    complete(irp, STATUS_SUCCESS);
    return STATUS_PENDING;
}

static NTSTATUS
low_fails(DEVICE_OBJECT *device, IRP *irp)
{
    return complete(irp, STATUS_IO_DEVICE_ERROR);
}

static NTAPI NTSTATUS
passes_the_mark(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    if (irp->PendingReturned)
        IoMarkIrpPending(irp);
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS
top_copies(DEVICE_OBJECT *device, IRP *irp)
{
    IoCopyCurrentIrpStackLocationToNext(irp);
    IoSetCompletionRoutine(irp, passes_the_mark, NULL, TRUE, TRUE, TRUE);
    return IoCallDriver(t.low, irp);
}

static NTAPI NTSTATUS
wakes(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    KeSetEvent(context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS
top_waits(DEVICE_OBJECT *device, IRP *irp)
{
    KEVENT event;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    IoCopyCurrentIrpStackLocationToNext(irp);
    IoSetCompletionRoutine(irp, wakes, &event, TRUE, TRUE, TRUE);
    if (IoCallDriver(t.low, irp) == STATUS_PENDING)
        KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
    return complete(irp, STATUS_SUCCESS);
}

static NTSTATUS
top_pends_and_passes(DEVICE_OBJECT *device, IRP *irp)
{
    IoMarkIrpPending(irp);
    IoCopyCurrentIrpStackLocationToNext(irp);
    IoCallDriver(t.low, irp);
    return STATUS_PENDING;
}

TEST(an_IRP_completed_at_once_or_later_is_not_reported)
{
    does_fn *const lows[] = {NULL, low_later, low_marks_and_completes, low_fails};
    does_fn *const tops[] = {NULL, top_copies, top_waits, top_pends_and_passes};
    for (size_t low = 0; low < 4; low++)
        for (size_t top = 0; top < 4; top++)
            NONE(lows[low], tops[top]);
}

TEST(an_IRP_passed_down_with_a_copied_or_skipped_location_is_not_reported)
{
    NONE(low_later, NULL);
    NONE(low_later, top_copies);
}

// ---- completed --------------------------------------------------------------------------------------------------------------------------

static NTSTATUS
low_twice(DEVICE_OBJECT *device, IRP *irp)
{
    complete(irp, STATUS_SUCCESS);
    return complete(irp, STATUS_SUCCESS);
}

static NTSTATUS
low_later_twice(DEVICE_OBJECT *device, IRP *irp)
{
    IoMarkIrpPending(irp);
    complete_later(irp, true);
    return STATUS_PENDING;
}

static NTSTATUS
low_keeps(DEVICE_OBJECT *device, IRP *irp)
{
    IoMarkIrpPending(irp);
    t.held = irp;
    return STATUS_PENDING;
}

static NTSTATUS
top_completes_lows(DEVICE_OBJECT *device, IRP *irp)
{
    IoSkipCurrentIrpStackLocation(irp);
    IoCallDriver(t.low, irp);
    return complete(irp, STATUS_SUCCESS);
}

TEST(an_IRP_completed_twice_or_by_another_is_reported)
{
#if defined(__has_feature) && __has_feature(address_sanitizer)
    // complete() itself touches what has gone, before IoCompleteRequest does.
    FOUND(low_twice, NULL, "NBX-0400", "low touches an IRP that was completed before", "completed by low, IoCompleteRequest", "driver low");
    FOUND(low_later_twice, NULL, "NBX-0400", "low touches an IRP that was completed before", "driver low");
#else
    FOUND(low_twice, NULL, "NBX-0400", "IoCompleteRequest: this IRP was completed or freed before, and is gone",
          "completed by low, IoCompleteRequest", "driver low", "BugCheck 0x44");
    FOUND(low_later_twice, NULL, "NBX-0400", "IoCompleteRequest: this IRP was completed or freed before", "driver low");
#endif
    FOUND(low_keeps, top_completes_lows, "NBX-0400", "top completes an IRP that low has", "driver top", "passed down by top, IoCallDriver");
}

static NTAPI VOID
never(PDEVICE_OBJECT device, PIRP irp)
{
    IoReleaseCancelSpinLock(irp->CancelIrql);
}

static NTSTATUS
low_leaves_its_cancel(DEVICE_OBJECT *device, IRP *irp)
{
    IoSetCancelRoutine(irp, never);
    return complete(irp, STATUS_SUCCESS);
}

static NTSTATUS
low_takes_its_cancel(DEVICE_OBJECT *device, IRP *irp)
{
    IoSetCancelRoutine(irp, never);
    ck_assert(IoSetCancelRoutine(irp, NULL) == never);
    return complete(irp, STATUS_SUCCESS);
}

static NTSTATUS
top_leaves_its_cancel(DEVICE_OBJECT *device, IRP *irp)
{
    IoSetCancelRoutine(irp, never);
    return top_copies(device, irp);
}

TEST(an_IRP_completed_with_its_cancel_routine_is_reported)
{
    FOUND(low_leaves_its_cancel, NULL, "NBX-0401", "IoCompleteRequest: the IRP is completed with its cancel routine set", "driver low");
    FOUND(NULL, top_leaves_its_cancel, "NBX-0401", "IoCallDriver: the IRP is passed down with its cancel routine set", "driver top");
}

TEST(an_IRP_whose_cancel_routine_was_taken_out_is_not_reported)
{
    NONE(low_takes_its_cancel, NULL);
}

static NTSTATUS
low_completes_pending(DEVICE_OBJECT *device, IRP *irp)
{
    return complete(irp, STATUS_PENDING);
}

static NTSTATUS
low_completes_minus_one(DEVICE_OBJECT *device, IRP *irp)
{
    return complete(irp, -1);
}

TEST(an_IRP_completed_with_STATUS_PENDING_is_reported)
{
    FOUND(low_completes_pending, NULL, "NBX-0404", "IoCompleteRequest: IoStatus.Status is STATUS_PENDING", "driver low");
    FOUND(low_completes_minus_one, NULL, "NBX-0404", "IoCompleteRequest: IoStatus.Status is -1", "driver low");
}

static NTSTATUS
low_claims(DEVICE_OBJECT *device, IRP *irp)
{
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 9;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

TEST(an_IRP_that_claims_more_bytes_than_its_buffer_is_reported)
{
    FOUND(low_claims, NULL, "NBX-0405", "IoStatus.Information is 9, and the output buffer has 8 bytes", "driver low");
}

// ---- pended -----------------------------------------------------------------------------------------------------------------------------

static NTSTATUS
low_pends_unmarked(DEVICE_OBJECT *device, IRP *irp)
{
    complete_later(irp, false);
    return STATUS_PENDING;
}

static NTSTATUS
low_completes_unmarked(DEVICE_OBJECT *device, IRP *irp)
{
    complete(irp, STATUS_SUCCESS);
    return STATUS_PENDING;
}

static NTSTATUS
low_marks_for_nothing(DEVICE_OBJECT *device, IRP *irp)
{
    IoMarkIrpPending(irp);
    return complete(irp, STATUS_SUCCESS);
}

static NTSTATUS
low_marks_and_keeps(DEVICE_OBJECT *device, IRP *irp)
{
    low_keeps(device, irp);
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
loses_the_mark(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS
top_loses_the_mark(DEVICE_OBJECT *device, IRP *irp)
{
    IoCopyCurrentIrpStackLocationToNext(irp);
    IoSetCompletionRoutine(irp, loses_the_mark, NULL, TRUE, TRUE, TRUE);
    return IoCallDriver(t.low, irp);
}

TEST(an_IRP_pended_without_its_mark_or_marked_and_not_pended_is_reported)
{
    FOUND(low_pends_unmarked, NULL, "NBX-0402", "low returned STATUS_PENDING for an IRP that it had not marked pending", "driver low");
    FOUND(low_completes_unmarked, NULL, "NBX-0402", "low returned STATUS_PENDING for an IRP that it had not marked pending", "driver low");
    FOUND(low_marks_for_nothing, NULL, "NBX-0402", "low marked the IRP pending and did not return STATUS_PENDING", "driver low");
    FOUND(low_marks_and_keeps, NULL, "NBX-0402", "low marked the IRP pending and did not return STATUS_PENDING", "driver low");
    FOUND(low_later, top_loses_the_mark, "NBX-0402", "top returned STATUS_PENDING, and its completion routine did not mark the IRP pending",
          "driver top");
}

static NTSTATUS
low_returns_another(DEVICE_OBJECT *device, IRP *irp)
{
    complete(irp, STATUS_SUCCESS);
    return STATUS_UNSUCCESSFUL;
}

static NTSTATUS
low_forgets(DEVICE_OBJECT *device, IRP *irp)
{
    t.held = irp;
    return STATUS_SUCCESS;
}

TEST(a_dispatch_routine_that_returns_another_status_is_reported)
{
    FOUND(low_returns_another, NULL, "NBX-0403", "low returned another status than the IRP was completed with (it returned 0xC0000001)",
          "driver low");
    FOUND(low_forgets, NULL, "NBX-0403", "low returned a final status and had not completed the IRP", "driver low");
}

// ---- an IRP of maker's own --------------------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
takes_back(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    t.done++;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static IRP *
maker_sends(PIO_COMPLETION_ROUTINE routine)
{
    IRP *irp = IoAllocateIrp(t.top->StackSize, FALSE);
    ck_assert_ptr_nonnull(irp);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
    if (routine)
        IoSetCompletionRoutine(irp, routine, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(t.top, irp);
    return irp;
}

static struct ke_crossing
as_maker(void)
{
    return ke_driver_enter(ke_self(), io_image_find(kit.box, "maker"), "test");
}

static void
maker_keeps_to_it(void)
{
    struct ke_crossing crossing = as_maker();
    IRP *irp = maker_sends(takes_back);
    ck_assert_uint_eq(t.done, 1);
    IoReuseIrp(irp, STATUS_SUCCESS);
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
    IoSetCompletionRoutine(irp, takes_back, NULL, TRUE, TRUE, TRUE);
    IoCallDriver(t.top, irp);
    ck_assert_uint_eq(t.done, 2);
    IoFreeIrp(irp);
    ke_driver_leave(ke_self(), crossing);
}

static void
maker_forgets(void)
{
    struct ke_crossing crossing = as_maker();
    maker_sends(NULL);
    ke_driver_leave(ke_self(), crossing);
}

static void
maker_frees_early(void)
{
    struct ke_crossing crossing = as_maker();
    IoFreeIrp(maker_sends(takes_back));
    ke_driver_leave(ke_self(), crossing);
}

static void
maker_reuses_early(void)
{
    struct ke_crossing crossing = as_maker();
    IoReuseIrp(maker_sends(takes_back), STATUS_SUCCESS);
    ke_driver_leave(ke_self(), crossing);
}

static void
maker_frees_twice(void)
{
    struct ke_crossing crossing = as_maker();
    IRP *irp = maker_sends(takes_back);
    IoFreeIrp(irp);
    IoFreeIrp(irp);
    ke_driver_leave(ke_self(), crossing);
}

static void
maker_sends_gone(void)
{
    struct ke_crossing crossing = as_maker();
    IRP *irp = maker_sends(takes_back);
    IoFreeIrp(irp);
    IoCallDriver(t.top, irp);
    ke_driver_leave(ke_self(), crossing);
}

static NTSTATUS
top_copies_all(DEVICE_OBJECT *device, IRP *irp)
{
    *IoGetNextIrpStackLocation(irp) = *IoGetCurrentIrpStackLocation(irp);
    return IoCallDriver(t.low, irp);
}

static NTSTATUS
top_passes_twice(DEVICE_OBJECT *device, IRP *irp)
{
    IoCopyCurrentIrpStackLocationToNext(irp);
    IoCallDriver(t.low, irp);
    IoCallDriver(t.low, irp);
    return STATUS_PENDING;
}

#define MAKER_FOUND(fn, low_does, top_does, rule, ...) \
    (t.on_low = (low_does), t.on_top = (top_does), t.act = (fn), crime_is_found(watched, rule, __VA_ARGS__, NULL))

TEST(an_IRP_that_its_maker_takes_back_and_frees_is_not_reported)
{
    t.on_low = t.on_top = NULL;
    t.act = maker_keeps_to_it;
    crime_is_none(watched);
    t.on_low = low_marks_and_completes;
    t.on_top = top_copies;
    crime_is_none(watched);
}

TEST(an_IRP_that_its_maker_does_not_take_back_is_reported)
{
    MAKER_FOUND(maker_forgets, NULL, NULL, "NBX-0407", "an IRP reached the top of its stack, but its maker must take it back");
}

TEST(an_IRP_freed_while_it_is_below_or_twice_is_reported)
{
    MAKER_FOUND(maker_frees_early, low_keeps, NULL, "NBX-0408", "IoFreeIrp: the IRP is still with a driver below", "driver maker",
                "allocated by maker");
    MAKER_FOUND(maker_reuses_early, low_keeps, NULL, "NBX-0408", "IoReuseIrp: the IRP is still with a driver below", "driver maker");
    MAKER_FOUND(maker_frees_twice, NULL, NULL, "NBX-0408", "IoFreeIrp: this IRP was completed or freed before, and is gone", "driver maker",
                "freed by maker");
}

TEST(an_IRP_passed_down_by_who_has_it_no_more_or_with_a_copied_routine_is_reported)
{
    MAKER_FOUND(maker_sends_gone, NULL, NULL, "NBX-0406", "IoCallDriver: this IRP was completed or freed before, and is gone",
                "driver maker");
    MAKER_FOUND(maker_keeps_to_it, low_keeps, top_passes_twice, "NBX-0406", "the IRP that is passed down is still with a driver below",
                "driver top");
    MAKER_FOUND(maker_keeps_to_it, NULL, top_copies_all, "NBX-0406", "the completion routine of the driver above was copied", "driver top");
}
