// SPDX-License-Identifier: MIT
// Front doors of device queues and of the StartIo path that stands on them.
//   IoStartPacket: idle -> CurrentIrp, the driver's StartIo at DISPATCH; busy -> queued    IoStartNextPacket: the next one, or idle
// [wdm/nf-wdm-iostartpacket], [wdm/nf-wdm-iostartnextpacket].
#include "nt/io/device_queue.h"
#include "nt/io/io_int.h"
#include "verify/verify.h"

NTAPI VOID
KeInitializeDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    VERIFY_ENTER(KeInitializeDeviceQueue);
    io_device_queue_init(DeviceQueue);
    VERIFY_LEAVE(KeInitializeDeviceQueue);
}

NTAPI BOOLEAN
KeInsertDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    VERIFY_ENTER(KeInsertDeviceQueue);
    BOOLEAN queued = io_device_queue_insert(DeviceQueue, DeviceQueueEntry, NULL);
    VERIFY_LEAVE(KeInsertDeviceQueue);
    return queued;
}

NTAPI BOOLEAN
KeInsertByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry, ULONG SortKey)
{
    VERIFY_ENTER(KeInsertByKeyDeviceQueue);
    BOOLEAN queued = io_device_queue_insert(DeviceQueue, DeviceQueueEntry, &SortKey);
    VERIFY_LEAVE(KeInsertByKeyDeviceQueue);
    return queued;
}

NTAPI PKDEVICE_QUEUE_ENTRY
KeRemoveDeviceQueue(PKDEVICE_QUEUE DeviceQueue)
{
    VERIFY_ENTER(KeRemoveDeviceQueue);
    KDEVICE_QUEUE_ENTRY *entry = io_device_queue_remove(DeviceQueue, NULL, false);
    VERIFY_LEAVE(KeRemoveDeviceQueue);
    return entry;
}

NTAPI PKDEVICE_QUEUE_ENTRY
KeRemoveByKeyDeviceQueue(PKDEVICE_QUEUE DeviceQueue, ULONG SortKey)
{
    VERIFY_ENTER(KeRemoveByKeyDeviceQueue);
    KDEVICE_QUEUE_ENTRY *entry = io_device_queue_remove(DeviceQueue, &SortKey, false);
    VERIFY_LEAVE(KeRemoveByKeyDeviceQueue);
    return entry;
}

NTAPI BOOLEAN
KeRemoveEntryDeviceQueue(PKDEVICE_QUEUE DeviceQueue, PKDEVICE_QUEUE_ENTRY DeviceQueueEntry)
{
    VERIFY_ENTER(KeRemoveEntryDeviceQueue);
    BOOLEAN was_queued = io_device_queue_remove_entry(DeviceQueue, DeviceQueueEntry);
    VERIFY_LEAVE(KeRemoveEntryDeviceQueue);
    return was_queued;
}

static void
start(DEVICE_OBJECT *device, IRP *irp)
{
    KIRQL old = ke_raise_dispatch(ke_self());
    struct ke_crossing before = io_cross(io_device_of(device)->image, "DRIVER_STARTIO");
    device->DriverObject->DriverStartIo(device, irp);
    io_cross_back(before);
    ke_lower(ke_self(), old);
}

NTAPI VOID
IoStartPacket(PDEVICE_OBJECT DeviceObject, PIRP Irp, PULONG Key, PDRIVER_CANCEL CancelFunction)
{
    KIRQL cancel;
    VERIFY_ENTER(IoStartPacket);
    if (CancelFunction) {
        io_cancel_lock_take(box_self(), &cancel);
        Irp->CancelRoutine = CancelFunction;
    }
    BOOLEAN queued = io_device_queue_insert(&DeviceObject->DeviceQueue, &Irp->Tail.Overlay.DeviceQueueEntry, Key);
    if (!queued)
        DeviceObject->CurrentIrp = Irp;
    // Cancelled while it was being queued: the routine is run here, as the canceller found none.
    bool is_cancelled = queued && CancelFunction && __atomic_load_n(&Irp->Cancel, __ATOMIC_ACQUIRE) && IoSetCancelRoutine(Irp, NULL);
    if (is_cancelled) {
        Irp->CancelIrql = cancel;
        CancelFunction(DeviceObject, Irp);   // it gives the cancel lock back
    } else if (CancelFunction) {
        io_cancel_lock_drop(box_self(), cancel);
    }
    if (!queued)
        start(DeviceObject, Irp);
    VERIFY_LEAVE(IoStartPacket);
}

static void
start_next(DEVICE_OBJECT *device, const ULONG *key, bool is_cancelable)
{
    KIRQL cancel;
    if (is_cancelable)
        io_cancel_lock_take(box_self(), &cancel);
    device->CurrentIrp = NULL;
    KDEVICE_QUEUE_ENTRY *entry = io_device_queue_remove(&device->DeviceQueue, key, false);
    IRP *irp = entry ? CONTAINING_RECORD(entry, IRP, Tail.Overlay.DeviceQueueEntry) : NULL;
    device->CurrentIrp = irp;
    if (is_cancelable)
        io_cancel_lock_drop(box_self(), cancel);
    if (irp)
        start(device, irp);
}

NTAPI VOID
IoStartNextPacket(PDEVICE_OBJECT DeviceObject, BOOLEAN Cancelable)
{
    VERIFY_ENTER(IoStartNextPacket);
    start_next(DeviceObject, NULL, Cancelable);
    VERIFY_LEAVE(IoStartNextPacket);
}

NTAPI VOID
IoStartNextPacketByKey(PDEVICE_OBJECT DeviceObject, BOOLEAN Cancelable, ULONG Key)
{
    VERIFY_ENTER(IoStartNextPacketByKey);
    start_next(DeviceObject, &Key, Cancelable);
    VERIFY_LEAVE(IoStartNextPacketByKey);
}
