// SPDX-License-Identifier: MIT
// Front doors of I/O work items. Queueing an item that is queued is a bug check, as it corrupts the queue on Windows; only
// IoTryQueueWorkItem may be called on one.
#include "nt/ex/pool.h"
#include "nt/io/io_int.h"
#include "nt/io/work.h"
#include "verify/verify.h"

#define WORK_ITEM_TAG 0x696b5749   // 'IWki'

NTAPI ULONG
IoSizeofWorkItem(VOID)
{
    VERIFY_ENTER(IoSizeofWorkItem);
    VERIFY_LEAVE(IoSizeofWorkItem);
    return sizeof(struct _IO_WORKITEM);
}

NTAPI PIO_WORKITEM
IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject)
{
    VERIFY_ENTER(IoAllocateWorkItem);
    struct _IO_WORKITEM *item = ex_pool_alloc(box_self(), sizeof(*item), WORK_ITEM_TAG, true, __builtin_return_address(0));
    ex_pool_kind_set(item, VERIFY_LEFT_WORK, NULL);
    if (item)
        io_work_init(item, DeviceObject);
    VERIFY_LEAVE(IoAllocateWorkItem);
    return item;
}

NTAPI VOID
IoFreeWorkItem(PIO_WORKITEM IoWorkItem)
{
    VERIFY_ENTER(IoFreeWorkItem);
    io_work_fini(IoWorkItem);
    ex_pool_free(box_self(), IoWorkItem, WORK_ITEM_TAG);
    VERIFY_LEAVE(IoFreeWorkItem);
}

NTAPI VOID
IoInitializeWorkItem(PVOID IoObject, PIO_WORKITEM IoWorkItem)
{
    VERIFY_ENTER(IoInitializeWorkItem);
    io_work_init(IoWorkItem, IoObject);
    VERIFY_LEAVE(IoInitializeWorkItem);
}

NTAPI VOID
IoUninitializeWorkItem(PIO_WORKITEM IoWorkItem)
{
    VERIFY_ENTER(IoUninitializeWorkItem);
    io_work_fini(IoWorkItem);
    VERIFY_LEAVE(IoUninitializeWorkItem);
}

NTAPI VOID
IoQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE WorkerRoutine, WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    VERIFY_ENTER(IoQueueWorkItem);
    if (!io_work_queue(IoWorkItem, WorkerRoutine, NULL, QueueType, Context))
        ke_bugcheck(0xE4, 0x1, (uintptr_t)IoWorkItem, 0, 0);
    VERIFY_LEAVE(IoQueueWorkItem);
}

NTAPI VOID
IoQueueWorkItemEx(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine, WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    VERIFY_ENTER(IoQueueWorkItemEx);
    if (!io_work_queue(IoWorkItem, NULL, WorkerRoutine, QueueType, Context))
        ke_bugcheck(0xE4, 0x1, (uintptr_t)IoWorkItem, 0, 0);
    VERIFY_LEAVE(IoQueueWorkItemEx);
}

NTAPI BOOLEAN
IoTryQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine, WORK_QUEUE_TYPE QueueType, PVOID Context)
{
    VERIFY_ENTER(IoTryQueueWorkItem);
    BOOLEAN queued = io_work_queue(IoWorkItem, NULL, WorkerRoutine, QueueType, Context);
    VERIFY_LEAVE(IoTryQueueWorkItem);
    return queued;
}
