// SPDX-License-Identifier: MIT
// A driver as the box sees it: its image (a private copy of a shared object, or an entry point inside the program, for tests), its
// DRIVER_OBJECT, its registry key, and the count of callbacks that are still inside it: it is unloaded only after the last callback,
// DPC, timer and work item has left.
#ifndef NBX_NT_IO_IMAGE_H
#define NBX_NT_IO_IMAGE_H

#include "nt/box.h"

struct io_image_config {
    const char *name;                // service name: \Driver\<name>, ...\Services\<name>
    const char *path;                // a .so; or NULL with entry set
    DRIVER_INITIALIZE *entry;
};

struct io_image {
    struct list node;                // box->io images, in order of loading
    struct box *box;
    const char *name;
    DRIVER_OBJECT *driver_object;
    void *dl;                        // dlopen handle, NULL for an entry inside the program
    void *base;                      // first byte of the loaded image and its length; NULL and 0 for an entry inside the program
    size_t span_bytes;
    _Atomic uint32_t refs;           // callbacks and queued items inside the image
    bool is_unloading;               // no new opens; guarded by io->lock, as the next is
    bool is_deferred;                // to be unloaded when its last file is closed
    _Atomic uint32_t is_queued;      // unload_work is on its way or running; 0 again when the image is gone
    WORK_QUEUE_ITEM unload_work;
    uint64_t back_ns[2];             // when NET_BUFFER_LISTs of its own last came back: received ones, sent ones (verify/ages.c)
};

// Copy and dlopen the image, make its DRIVER_OBJECT and its service key, call DriverEntry at PASSIVE.
// fails: the driver's own NTSTATUS (everything undone), STATUS_OBJECT_NAME_NOT_FOUND (no file), STATUS_INVALID_IMAGE_FORMAT,
// STATUS_PROCEDURE_NOT_FOUND (no DriverEntry, or a name that does not resolve); error gets a sentence.
NTSTATUS io_image_load(struct box *box, const struct io_image_config *config, struct io_image **out, char *error, size_t error_bytes);
// Call DriverUnload, wait for the last reference, unmap. The struct itself stays readable until the box goes. From here on its devices
// cannot be opened any more (STATUS_NO_SUCH_DEVICE).
// Returns STATUS_PENDING while files are open on one of its devices: a worker unloads it when the last is closed, as on Windows
// [windows-driver-docs kernel/writing-an-unload-routine].
// fails: STATUS_INVALID_DEVICE_REQUEST when the driver has no unload routine (the image then stays until the box goes, as on Windows).
NTSTATUS io_image_unload(struct io_image *image);
struct io_image *io_image_find(struct box *box, const char *name);
struct io_image *io_image_of(const DRIVER_OBJECT *driver_object);
// The image whose code is at pc; NULL: none of this box's.
struct io_image *io_image_at(struct box *box, const void *pc);
// The same without a lock, for a report of a crash: whoever held the lock may be the one that crashed.
struct io_image *io_image_peek(struct box *box, const void *pc);
// Is pc inside the mapped image? Takes no lock: for crash reports. image may be NULL.
static inline bool
io_image_covers(const struct io_image *image, const void *pc)
{
    return image && image->span_bytes && (uintptr_t)pc - (uintptr_t)image->base < image->span_bytes;
}
// Code of the image runs, or will: a queued item, a callback. Unload waits until all are given back. irql: <= DISPATCH.
void io_image_ref(struct io_image *image);
void io_image_unref(struct io_image *image);

#endif
