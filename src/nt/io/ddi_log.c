// SPDX-License-Identifier: MIT
// Front doors of the system event log and of power calls that have become trivial on Windows itself.
//   IoAllocateErrorLogEntry -> the driver fills it -> IoWriteErrorLogEntry prints it as a message and frees it
//   PoCallDriver is IoCallDriver and PoStartNextPowerIrp does nothing since Windows Vista [wdm/nf-wdm-pocalldriver],
//   [ntifs/nf-ntifs-postartnextpowerirp]; PoSetPowerState notes the state and returns the one before.
#include <string.h>

#include "nt/ex/pool.h"
#include "nt/io/io_int.h"
#include "verify/verify.h"

#define ERROR_LOG_TAG 0x4c457249   // 'IrEL'

struct error_entry {
    struct io_image *image;
    UCHAR bytes;
    _Alignas(16) IO_ERROR_LOG_PACKET packet;
};

static struct error_entry *
entry_of(void *packet)
{
    return (struct error_entry *)((char *)packet - offsetof(struct error_entry, packet));
}

NTAPI PVOID
IoAllocateErrorLogEntry(PVOID IoObject, UCHAR EntrySize)
{
    struct error_entry *entry = NULL;
    VERIFY_ENTER(IoAllocateErrorLogEntry);
    if (IoObject && EntrySize <= ERROR_LOG_MAXIMUM_SIZE && EntrySize >= offsetof(IO_ERROR_LOG_PACKET, DumpData)) {
        entry = ex_pool_alloc(box_self(), offsetof(struct error_entry, packet) + sizeof(IO_ERROR_LOG_PACKET) + EntrySize, ERROR_LOG_TAG,
                              true, __builtin_return_address(0));
        if (entry) {
            entry->image = ob_header_of(IoObject)->type == &io_device_type ? io_device_of(IoObject)->image : io_image_of(IoObject);
            entry->bytes = EntrySize;
        }
    }
    VERIFY_LEAVE(IoAllocateErrorLogEntry);
    return entry ? &entry->packet : NULL;
}

NTAPI VOID
IoFreeErrorLogEntry(PVOID ElEntry)
{
    VERIFY_ENTER(IoFreeErrorLogEntry);
    ex_pool_free(box_self(), entry_of(ElEntry), ERROR_LOG_TAG);
    VERIFY_LEAVE(IoFreeErrorLogEntry);
}

NTAPI VOID
IoWriteErrorLogEntry(PVOID ElEntry)
{
    struct error_entry *entry = entry_of(ElEntry);
    const IO_ERROR_LOG_PACKET *packet = &entry->packet;
    char text[128] = "";
    VERIFY_ENTER(IoWriteErrorLogEntry);
    if (packet->NumberOfStrings && packet->StringOffset < entry->bytes) {
        UNICODE_STRING first = {.Buffer = (WCHAR *)((char *)packet + packet->StringOffset)};
        while (packet->StringOffset + first.Length + sizeof(WCHAR) <= entry->bytes && first.Buffer[first.Length / sizeof(WCHAR)])
            first.Length += sizeof(WCHAR);
        ob_string_text(&first, text, sizeof(text));
    }
    box_message(box_self(), "event log: driver %s, error code 0x%08x, final status 0x%08x, unique value %u%s%s",
                entry->image ? entry->image->name : "?", (unsigned)packet->ErrorCode, (unsigned)packet->FinalStatus,
                packet->UniqueErrorValue, *text ? ": " : "", text);
    ex_pool_free(box_self(), entry, ERROR_LOG_TAG);
    VERIFY_LEAVE(IoWriteErrorLogEntry);
}

NTAPI NTSTATUS
PoCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    VERIFY_ENTER(PoCallDriver);
    NTSTATUS status = io_irp_call(DeviceObject, Irp);
    VERIFY_LEAVE(PoCallDriver);
    return status;
}

NTAPI VOID
PoStartNextPowerIrp(PIRP Irp)
{
    VERIFY_ENTER(PoStartNextPowerIrp);
    VERIFY_LEAVE(PoStartNextPowerIrp);
}

NTAPI POWER_STATE
PoSetPowerState(PDEVICE_OBJECT DeviceObject, POWER_STATE_TYPE Type, POWER_STATE State)
{
    struct io_device *extra = io_device_of(DeviceObject);
    POWER_STATE before = {.SystemState = PowerSystemWorking};
    VERIFY_ENTER(PoSetPowerState);
    if (Type == DevicePowerState) {
        KIRQL old = io_lock_take(extra->box->io);
        before.DeviceState = extra->power_state ? extra->power_state : PowerDeviceD0;
        extra->power_state = State.DeviceState;
        io_lock_drop(extra->box->io, old);
    }
    VERIFY_LEAVE(PoSetPowerState);
    return before;
}
