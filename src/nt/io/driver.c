// SPDX-License-Identifier: MIT
// DRIVER_OBJECTs: \Driver\<name> with every dispatch entry refusing, and the room's own creation and end.
//   io_image_load -> io_driver_create -> DriverEntry fills the entries in
// A dispatch entry that the driver leaves alone completes with STATUS_INVALID_DEVICE_REQUEST
// [windows-driver-docs kernel/irp-major-function-codes].
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/cm/cm.h"
#include "nt/io/io_int.h"
#include "verify/left.h"

static NTAPI NTSTATUS
invalid_request(DEVICE_OBJECT *device, IRP *irp)
{
    irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    irp->IoStatus.Information = 0;
    io_irp_complete(irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}

static void
driver_delete(struct box *box, void *body)
{
    struct io_driver *driver = body;
    for (struct list *node; (node = list_pop_front(&driver->client_extensions));)
        free(LIST_ENTRY_OF(node, struct io_client_extension, node));
    ob_string_free(&driver->object.DriverName);
    ob_string_free(&driver->extension.ServiceKeyName);
}

const struct _OBJECT_TYPE io_driver_type = {OB_DRIVER, "Driver", NULL, driver_delete};

KIRQL
io_lock_take(struct io *io)
{
    return sched_self ? ke_lock_take(&io->lock) : 0;
}

void
io_lock_drop(struct io *io, KIRQL old)
{
    if (sched_self)
        ke_lock_drop(&io->lock, old);
}

NTSTATUS
io_driver_create(struct box *box, struct io_image *image, DRIVER_OBJECT **out)
{
    struct io_driver *driver;
    void *body;
    char path[OB_HOLDER_BYTES * 8];
    NTSTATUS status = ob_object_create(box, &io_driver_type, sizeof(*driver), &body);
    if (status != STATUS_SUCCESS)
        return status;
    driver = body;
    driver->box = box;
    driver->image = image;
    list_init(&driver->client_extensions);
    DRIVER_OBJECT *object = &driver->object;
    object->Type = IO_TYPE_DRIVER;
    object->Size = sizeof(*object);
    object->DriverStart = image->base;
    object->DriverSize = (ULONG)image->span_bytes;
    object->DriverExtension = &driver->extension;
    driver->extension.DriverObject = object;
    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        object->MajorFunction[i] = invalid_request;
    snprintf(path, sizeof(path), "\\Driver\\%s", image->name);
    status = ob_string_from(path, &object->DriverName);
    if (status == STATUS_SUCCESS)
        status = ob_string_from(image->name, &driver->extension.ServiceKeyName);
    if (status == STATUS_SUCCESS)
        status = ob_name_insert(body, &object->DriverName, true);
    if (status != STATUS_SUCCESS) {
        ob_unref(body);
        return status;
    }
    ob_holder_set(body, image->name);
    *out = object;
    return STATUS_SUCCESS;
}

void
io_driver_delete(DRIVER_OBJECT *driver)
{
    ob_name_remove(driver);
    ob_unref(driver);
}

void
io_driver_sweep(DRIVER_OBJECT *driver)
{
    struct io_driver *full = io_driver_of(driver);
    while (driver->DeviceObject) {
        DEVICE_OBJECT *device = driver->DeviceObject;
        UNICODE_STRING path = {0};
        char name[128];
        ob_name_query(device, &path);
        if (!verify_left_one(full->box, VERIFY_LEFT_DEVICE, device, "DriverUnload"))
            box_leftover(full->box, "device %s of driver %s",
                         path.Length ? ob_string_text(&path, name, sizeof(name)) : "(unnamed)", full->image->name);
        ob_string_free(&path);
        struct io_device *extra = io_device_of(device);
        if (extra->lower)
            io_device_detach(extra->lower);
        if (device->AttachedDevice)
            io_device_detach(device);
        io_device_delete(device);
    }
}

void
io_driver_retire(DRIVER_OBJECT *driver)
{
    for (unsigned i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = invalid_request;
    driver->DriverUnload = NULL;
    driver->DriverStartIo = NULL;
    driver->FastIoDispatch = NULL;
    driver->DriverExtension->AddDevice = NULL;
}

int
io_create(struct box *box)
{
    struct io *io = calloc(1, sizeof(*io));
    if (!io)
        return -1;
    struct list *heads[] = {&io->images, &io->gone, &io->irps, &io->grants, &io->shutdowns, &io->interfaces, &io->reinits};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        list_init(heads[i]);
    box->io = io;
    return 0;
}

uint32_t
io_destroy(struct box *box)
{
    struct io *io = box->io;
    if (!io)
        return 0;
    io_stop(box);
    for (struct list *node; (node = list_pop_front(&io->irps));) {
        struct io_irp *full = LIST_ENTRY_OF(node, struct io_irp, node);
        if (!verify_left_one(box, VERIFY_LEFT_IRP, &full->irp, "IoFreeIrp"))
            box_leftover(box, "an IRP allocated by %s", full->holder);
        free(full);
    }
    io_interfaces_free(io);
    return 0;   // box_leftover has counted
}

void
io_free(struct box *box)
{
    struct io *io = box->io;
    if (!io)
        return;
    io_grants_free(io);              // files that were left open pointed at them until now
    for (struct list *node; (node = list_pop_front(&io->gone));) {
        struct io_image *image = LIST_ENTRY_OF(node, struct io_image, node);
        free((char *)image->name);
        free(image);
    }
    free(io);
    box->io = NULL;
}
