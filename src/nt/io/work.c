// SPDX-License-Identifier: MIT
// I/O work items: a routine of a driver on a worker thread, while its device and its image are kept.
//   io_work_queue -> reference on the object and on the image -> ex's workers -> run -> routine -> references dropped
// The item itself may be freed by its routine, so everything is read out of it first [wdm/nf-wdm-iofreeworkitem].
#include <string.h>

#include "nt/ex/work.h"
#include "nt/io/io_int.h"
#include "nt/io/work.h"

#define BUGCODE_WORKER_INVALID 0xE4

static NTAPI VOID
run(PVOID parameter)
{
    struct _IO_WORKITEM *item = parameter;
    struct _IO_WORKITEM copy = *item;
    atomic_store(&item->is_queued, 0);
    struct ke_crossing before = io_cross(copy.image, "IO_WORKITEM_ROUTINE");
    if (copy.routine)
        copy.routine(copy.object, copy.context);
    else
        copy.routine_ex(copy.object, copy.context, item);
    io_cross_back(before);
    if (ke_self()->irql != PASSIVE_LEVEL)
        ke_bugcheck(BUGCODE_WORKER_THREAD_RETURNED_AT_BAD_IRQL, (uintptr_t)copy.routine, ke_self()->irql, (uintptr_t)copy.context, 0);
    ob_unref(copy.object);
    if (copy.image)
        io_image_unref(copy.image);
}

void
io_work_init(struct _IO_WORKITEM *item, void *object)
{
    memset(item, 0, sizeof(*item));
    item->object = object;
    // A driver object is allowed too [wdm/nf-wdm-ioinitializeworkitem].
    item->image = ob_header_of(object)->type == &io_device_type ? io_device_of(object)->image : io_image_of(object);
    ex_work_init(&item->ex, run, item);
}

bool
io_work_queue(struct _IO_WORKITEM *item, IO_WORKITEM_ROUTINE *routine, IO_WORKITEM_ROUTINE_EX *routine_ex, WORK_QUEUE_TYPE type,
              void *context)
{
    if (atomic_exchange(&item->is_queued, 1))
        return false;
    item->routine = routine;
    item->routine_ex = routine_ex;
    item->context = context;
    ob_ref(item->object);
    if (item->image)
        io_image_ref(item->image);
    ex_work_queue(box_self(), &item->ex, type);
    return true;
}

void
io_work_fini(struct _IO_WORKITEM *item)
{
    if (atomic_load(&item->is_queued))
        ke_bugcheck(BUGCODE_WORKER_INVALID, 0x1, (uintptr_t)item, 0, 0);
}
