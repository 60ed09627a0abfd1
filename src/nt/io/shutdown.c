// SPDX-License-Identifier: MIT
// What drivers ask to be called back for outside any request: shutdown, and reinitialisation after DriverEntry.
//   IoRegisterShutdownNotification     -> io_shutdown_run at the box's end sends IRP_MJ_SHUTDOWN, last registered first
//   IoRegisterDriverReinitialization   -> io_reinit_run right after DriverEntry, once for each registration; a routine may register
//                                         itself again and then runs again, with Count one higher
// Sources: [wdm/nf-wdm-ioregistershutdownnotification], [ntddk/nf-ntddk-ioregisterdriverreinitialization].
#include <stdlib.h>

#include "nt/io/io_int.h"

struct shutdown {
    struct list node;
    DEVICE_OBJECT *device;
};

struct reinit {
    struct list node;
    DRIVER_OBJECT *driver;
    DRIVER_REINITIALIZE *routine;
    void *context;
};

NTSTATUS
io_shutdown_register(DEVICE_OBJECT *device)
{
    struct io *io = io_device_of(device)->box->io;
    struct shutdown *shutdown = malloc(sizeof(*shutdown));
    if (!shutdown)
        return STATUS_INSUFFICIENT_RESOURCES;
    shutdown->device = device;
    ob_ref(device);
    device->Flags |= DO_SHUTDOWN_REGISTERED;
    KIRQL old = io_lock_take(io);
    list_push_front(&io->shutdowns, &shutdown->node);
    io_lock_drop(io, old);
    return STATUS_SUCCESS;
}

void
io_shutdown_unregister(DEVICE_OBJECT *device)
{
    struct io *io = io_device_of(device)->box->io;
    struct list found;
    list_init(&found);
    KIRQL old = io_lock_take(io);
    LIST_FOR_EACH_SAFE(node, &io->shutdowns) {
        if (LIST_ENTRY_OF(node, struct shutdown, node)->device == device) {
            list_remove(node);
            list_push_back(&found, node);
        }
    }
    io_lock_drop(io, old);
    device->Flags &= ~(ULONG)DO_SHUTDOWN_REGISTERED;
    for (struct list *node; (node = list_pop_front(&found));) {
        free(LIST_ENTRY_OF(node, struct shutdown, node));
        ob_unref(device);
    }
}

void
io_shutdown_run(struct box *box)
{
    for (;;) {
        KIRQL old = io_lock_take(box->io);
        struct list *node = list_pop_front(&box->io->shutdowns);
        io_lock_drop(box->io, old);
        if (!node)
            return;
        DEVICE_OBJECT *device = LIST_ENTRY_OF(node, struct shutdown, node)->device;
        free(LIST_ENTRY_OF(node, struct shutdown, node));
        io_irp_simple(io_device_top(device), IRP_MJ_SHUTDOWN, NULL);
        ob_unref(device);
    }
}

void
io_reinit_register(DRIVER_OBJECT *driver, DRIVER_REINITIALIZE *routine, void *context)
{
    struct io *io = io_driver_of(driver)->box->io;
    struct reinit *reinit = malloc(sizeof(*reinit));
    if (!reinit) {
        box_message(io_driver_of(driver)->box, "no memory to remember a reinitialisation routine");
        return;
    }
    *reinit = (struct reinit){.driver = driver, .routine = routine, .context = context};
    KIRQL old = io_lock_take(io);
    list_push_back(&io->reinits, &reinit->node);
    io_lock_drop(io, old);
}

static struct reinit *
reinit_take(struct io *io, DRIVER_OBJECT *driver)
{
    struct reinit *found = NULL;
    KIRQL old = io_lock_take(io);
    LIST_FOR_EACH(node, &io->reinits) {
        if (LIST_ENTRY_OF(node, struct reinit, node)->driver == driver) {
            found = LIST_ENTRY_OF(node, struct reinit, node);
            list_remove(node);
            break;
        }
    }
    io_lock_drop(io, old);
    return found;
}

void
io_reinit_run(DRIVER_OBJECT *driver)
{
    struct io_driver *full = io_driver_of(driver);
    for (struct reinit *reinit; (reinit = reinit_take(full->box->io, driver));) {
        struct reinit run = *reinit;
        free(reinit);
        driver->DriverExtension->Count++;
        struct ke_crossing before = io_cross(full->image, "DRIVER_REINITIALIZE");
        run.routine(driver, run.context, driver->DriverExtension->Count);
        io_cross_back(before);
    }
}

void
io_reinit_drop(DRIVER_OBJECT *driver)
{
    for (struct reinit *reinit; (reinit = reinit_take(io_driver_of(driver)->box->io, driver));)
        free(reinit);
}
