// SPDX-License-Identifier: MIT
// Device queues: a busy flag and the entries that wait for it to clear. The queue's own spin word guards both.
//   insert: not busy -> becomes busy, the entry is not queued, FALSE          busy -> queued (at the end, or by key), TRUE
//   remove: nothing queued -> not busy any more, NULL                          else the first (or the first with a key not below)
// [wdm/nf-wdm-keinsertdevicequeue], [wdm/nf-wdm-keremovebykeydevicequeue].
#include "nt/io/device_queue.h"

#include "nt/io/io_int.h"

static KDEVICE_QUEUE_ENTRY *
entry_of(LIST_ENTRY *link)
{
    return CONTAINING_RECORD(link, KDEVICE_QUEUE_ENTRY, DeviceListEntry);
}

static struct ke_lock *
lock_of(KDEVICE_QUEUE *queue)
{
    _Static_assert(sizeof(struct ke_lock) <= sizeof(queue->Lock), "the word fits into the lock's place");
    return (struct ke_lock *)&queue->Lock;
}

void
io_device_queue_init(KDEVICE_QUEUE *queue)
{
    *queue = (KDEVICE_QUEUE){.Type = IO_DEVICE_QUEUE_OBJECT, .Size = sizeof(*queue)};
    InitializeListHead(&queue->DeviceListHead);
}

BOOLEAN
io_device_queue_insert(KDEVICE_QUEUE *queue, KDEVICE_QUEUE_ENTRY *entry, const ULONG *key)
{
    KIRQL old = ke_lock_take(lock_of(queue));
    BOOLEAN was_busy = queue->Busy;
    queue->Busy = TRUE;
    entry->Inserted = was_busy;
    entry->SortKey = key ? *key : 0;
    if (was_busy) {
        LIST_ENTRY *at = queue->DeviceListHead.Flink;
        while (key && at != &queue->DeviceListHead && entry_of(at)->SortKey <= *key)
            at = at->Flink;
        if (!key)
            at = &queue->DeviceListHead;
        InsertTailList(at, &entry->DeviceListEntry);
    }
    ke_lock_drop(lock_of(queue), old);
    return was_busy;
}

KDEVICE_QUEUE_ENTRY *
io_device_queue_remove(KDEVICE_QUEUE *queue, const ULONG *key, bool keeps_busy)
{
    KDEVICE_QUEUE_ENTRY *entry = NULL;
    KIRQL old = ke_lock_take(lock_of(queue));
    if (IsListEmpty(&queue->DeviceListHead)) {
        if (!keeps_busy)
            queue->Busy = FALSE;
    } else {
        LIST_ENTRY *at = queue->DeviceListHead.Flink;
        while (key && at != &queue->DeviceListHead && entry_of(at)->SortKey < *key)
            at = at->Flink;
        if (at == &queue->DeviceListHead)
            at = at->Flink;   // none has a key that high: start again from the lowest
        entry = entry_of(at);
        RemoveEntryList(at);
        entry->Inserted = FALSE;
    }
    ke_lock_drop(lock_of(queue), old);
    return entry;
}

BOOLEAN
io_device_queue_remove_entry(KDEVICE_QUEUE *queue, KDEVICE_QUEUE_ENTRY *entry)
{
    KIRQL old = ke_lock_take(lock_of(queue));
    BOOLEAN was_queued = entry->Inserted;
    if (was_queued) {
        RemoveEntryList(&entry->DeviceListEntry);
        entry->Inserted = FALSE;
    }
    ke_lock_drop(lock_of(queue), old);
    return was_queued;
}
