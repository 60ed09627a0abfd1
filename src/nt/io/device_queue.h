// SPDX-License-Identifier: MIT
// Device queues (device_queue.c), under KeInsertDeviceQueue and the IoStartPacket family. irql: <= DISPATCH.
#ifndef NBX_NT_IO_DEVICE_QUEUE_H
#define NBX_NT_IO_DEVICE_QUEUE_H

#include "nt/io/io.h"

void io_device_queue_init(KDEVICE_QUEUE *queue);
// key NULL: at the end. Returns whether it was queued; FALSE: the queue was idle, is busy now, and the entry is the caller's to start.
BOOLEAN io_device_queue_insert(KDEVICE_QUEUE *queue, KDEVICE_QUEUE_ENTRY *entry, const ULONG *key);
KDEVICE_QUEUE_ENTRY *io_device_queue_remove(KDEVICE_QUEUE *queue, const ULONG *key, bool keeps_busy);
BOOLEAN io_device_queue_remove_entry(KDEVICE_QUEUE *queue, KDEVICE_QUEUE_ENTRY *entry);

#endif
