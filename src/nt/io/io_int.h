// SPDX-License-Identifier: MIT
// What only the io room sees. io->lock guards lists and links of this file's structs and is a leaf; io->cancel is the one that
// Windows calls the cancel spin lock and is held across the start of a cancel routine, which drops it [wdm/nc-wdm-driver_cancel].
#ifndef NBX_NT_IO_IO_INT_H
#define NBX_NT_IO_IO_INT_H

#include "nt/io/io.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/wait.h"
#include "verify/irps.h"

struct io {
    struct ke_lock lock;
    struct ke_lock cancel;
    struct list images;              // loaded, in order of loading
    struct list gone;                // unloaded images: their names live until the box goes
    struct list irps;                // struct io_irp, for the leak report
    struct list grants;              // struct io_grant
    struct list shutdowns;           // struct io_shutdown, newest first
    struct list interfaces;          // struct io_interface
    struct list reinits;             // struct io_reinit
    uint32_t next_device;            // for generated names
    uint32_t error_log_sequence;
    io_watch_fn watch_fn;            // NULL: nobody watches
    void *watch_context;
};

// Behind DeviceObjectExtension.
struct io_device {
    CSHORT type;                     // a debugger's view of a device starts with these three
    USHORT bytes;
    DEVICE_OBJECT *device;
    struct box *box;
    struct io_image *image;
    DEVICE_OBJECT *lower;            // what it is attached to, with a reference
    bool is_deleted;
    bool is_exclusive;
    struct cm_key *device_key;       // Enum\<instance>: it is a PDO (io_device_identify)
    struct cm_key *driver_key;       // Control\Class\<class>\<number>
    bool has_descriptor;             // IoCreateDeviceSecure: user_rights say what user mode may do
    uint32_t user_rights;
    DEVICE_POWER_STATE power_state;  // what PoSetPowerState said last; 0: nothing yet; guarded by io->lock
    uint32_t opens;                  // files open on it; guarded by io->lock
};

struct io_driver {
    DRIVER_OBJECT object;            // first: the body
    DRIVER_EXTENSION extension;
    struct box *box;
    struct io_image *image;
    struct list client_extensions;   // IoAllocateDriverObjectExtension
};

struct io_client_extension {
    struct list node;
    void *id;
    _Alignas(16) char data[];
};

#define IO_DEVICE_QUEUE_OBJECT 20    // KDEVICE_QUEUE.Type
#define BUGCODE_MULTIPLE_IRP_COMPLETE_REQUESTS 0x44
#define BUGCODE_IRQL_UNEXPECTED_VALUE 0xC8

// IRP.AllocationFlags
#define IO_ALLOCATED_HERE 0x80       // struct io_irp lies in front
#define IO_THREADED 0x40             // the I/O manager frees it at the end of its completion
#define IO_ALWAYS_TOLD 0x20          // status block and event also for an error that was returned at once

// What completion needs to know of a request that the I/O manager frees.
struct io_request_tail {
    struct list file_node;           // outstanding requests of the file; guarded by io->lock
    size_t output_bytes;             // room in UserBuffer
    const void *input;               // what SystemBuffer is a copy of
    void *event_object;              // referenced event behind UserEvent
    bool file_referenced;
    bool signals_file;
    bool cancel_asked;               // by io_file_cancel
    bool is_freed;                   // while it was pinned
    uint32_t pins;                   // cancellers that look at it; guarded by io->lock
};

struct io_irp {
    struct list node;
    struct box *box;
    char holder[OB_HOLDER_BYTES];
    struct verify_irp *watch;        // NULL: not watched
    struct io_request_tail tail;
    IRP irp;                         // its stack locations follow
};

static inline struct io_request_tail *
io_request_tail_of(IRP *irp)
{
    return &((struct io_irp *)((char *)irp - offsetof(struct io_irp, irp)))->tail;
}

// The verifier's record of it; NULL: none, or its memory is a driver's.
static inline struct verify_irp *
io_irp_watch(const IRP *irp)
{
    if (__builtin_expect(box_self()->verify == NULL, 1) || !(irp->AllocationFlags & IO_ALLOCATED_HERE))
        return NULL;
    return ((const struct io_irp *)((const char *)irp - offsetof(struct io_irp, irp)))->watch;
}

static inline struct io_device *
io_device_of(const DEVICE_OBJECT *device)
{
    return (struct io_device *)device->DeviceObjectExtension;
}

static inline struct io_driver *
io_driver_of(const DRIVER_OBJECT *driver)
{
    return (struct io_driver *)driver;
}

// A file on one of the image's devices is gone: unload it now if that waited for the last. irql: DISPATCH   locks: io->lock held
void io_image_file_closed_locked(struct io_image *image);
KIRQL io_lock_take(struct io *io);
void io_lock_drop(struct io *io, KIRQL old);

NTSTATUS io_driver_create(struct box *box, struct io_image *image, DRIVER_OBJECT **driver);
void io_driver_delete(DRIVER_OBJECT *driver);
// Devices that a driver did not delete itself: say so and delete them.
void io_driver_sweep(DRIVER_OBJECT *driver);

// The driver's code is going: no dispatch entry may lead into it any more.
void io_driver_retire(DRIVER_OBJECT *driver);
// Run the reinitialisation routines that the driver's DriverEntry registered.
void io_reinit_run(DRIVER_OBJECT *driver);
void io_reinit_register(DRIVER_OBJECT *driver, DRIVER_REINITIALIZE *routine, void *context);
void io_reinit_drop(DRIVER_OBJECT *driver);
NTSTATUS io_shutdown_register(DEVICE_OBJECT *device);
void io_shutdown_unregister(DEVICE_OBJECT *device);
// Send IRP_MJ_SHUTDOWN to the devices that asked for it, last registered first.
void io_shutdown_run(struct box *box);

// Send a request without parameters and wait for it: CLEANUP, CLOSE, SHUTDOWN. irql: PASSIVE. Returns its status.
NTSTATUS io_irp_simple(DEVICE_OBJECT *device, UCHAR major, FILE_OBJECT *file);
// Send a threaded IRP and wait; iosb (may be NULL) gets its result. Returns the status. irql: PASSIVE.
NTSTATUS io_irp_send(DEVICE_OBJECT *device, IRP *irp, IO_STATUS_BLOCK *iosb);

// The last part of completion: data and status to the issuer, event, file, memory (complete.c).
void io_irp_finish(IRP *irp);
void io_irp_mdls_free(IRP *irp);
// A canceller has done with an IRP that it pinned: frees it if completion came first.
void io_irp_unpin(struct box *box, IRP *irp);
// What the discretionary list of an SDDL string grants to user mode. fails: INVALID_PARAMETER: not such a string.
NTSTATUS io_sddl_grants(const char *sddl, uint32_t *granted);
// May user mode open the device so?
bool io_device_lets_in(const DEVICE_OBJECT *device, ACCESS_MASK access);
void io_grants_free(struct io *io);
struct grant;
struct io_file;
bool io_grant_can_write(const struct grant *grant);
// Of a host file: give it another name below any grant that may be written, or take its name away.
NTSTATUS io_grant_rename(struct box *box, struct io_file *file, const UNICODE_STRING *path, bool replace);
void io_grant_remove(struct io_file *file);
void io_interfaces_free(struct io *io);

#endif
