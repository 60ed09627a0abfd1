// SPDX-License-Identifier: MIT
// I/O work items (work.c). What a driver's PIO_WORKITEM points at; IoSizeofWorkItem is its size.
#ifndef NBX_NT_IO_WORK_H
#define NBX_NT_IO_WORK_H

#include "nt/io/io.h"

struct _IO_WORKITEM {
    WORK_QUEUE_ITEM ex;
    void *object;                    // DEVICE_OBJECT or DRIVER_OBJECT
    struct io_image *image;
    IO_WORKITEM_ROUTINE *routine;
    IO_WORKITEM_ROUTINE_EX *routine_ex;
    void *context;
    _Atomic uint32_t is_queued;
};

void io_work_init(struct _IO_WORKITEM *item, void *object);
// irql: <= DISPATCH. fails: false: it is queued already (and stays so).
bool io_work_queue(struct _IO_WORKITEM *item, IO_WORKITEM_ROUTINE *routine, IO_WORKITEM_ROUTINE_EX *routine_ex, WORK_QUEUE_TYPE type,
                   void *context);
// The item's memory is about to go. fails: bug check 0xE4 when it is queued.
void io_work_fini(struct _IO_WORKITEM *item);

#endif
