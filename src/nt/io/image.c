// SPDX-License-Identifier: MIT
// Images: from a file or an entry point to a running driver, and back.
//   io_image_load   -> loader_open (copy, dlopen) -> service key -> \Driver\<name> -> DriverEntry; each step is undone if a later fails
//   io_image_unload -> (wait for the last file to be closed) -> DriverUnload -> wait until refs is 0 -> sweep devices -> loader_close
//   io_stop   -> the same for what is left when the box goes, unload routine or not
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/keep.h"
#include "loader/loader.h"
#include "nt/cm/cm.h"
#include "nt/ex/work.h"
#include "nt/io/io_int.h"
#include "nt/ke/dpc.h"
#include "nt/ke/timer.h"
#include "nt/ps/ps.h"
#include "verify/left.h"
#include "verify/order.h"

static void
say(char *error, size_t error_bytes, const char *what, const char *name)
{
    if (error_bytes)
        snprintf(error, error_bytes, "%s: %s", name, what);
}

struct io_image *
io_image_find(struct box *box, const char *name)
{
    struct io_image *found = NULL;
    KIRQL old = io_lock_take(box->io);
    LIST_FOR_EACH(node, &box->io->images) {
        struct io_image *image = LIST_ENTRY_OF(node, struct io_image, node);
        if (strcasecmp(image->name, name) == 0)
            found = image;
    }
    io_lock_drop(box->io, old);
    return found;
}

struct io_image *
io_image_of(const DRIVER_OBJECT *driver_object)
{
    return driver_object ? io_driver_of(driver_object)->image : NULL;
}

struct io_image *
io_image_at(struct box *box, const void *pc)
{
    struct io_image *found = NULL;
    KIRQL old = io_lock_take(box->io);
    LIST_FOR_EACH(node, &box->io->images) {
        struct io_image *image = LIST_ENTRY_OF(node, struct io_image, node);
        if (image->span_bytes && (uintptr_t)pc - (uintptr_t)image->base < image->span_bytes)
            found = image;
    }
    io_lock_drop(box->io, old);
    return found;
}

struct io_image *
io_image_peek(struct box *box, const void *pc)
{
    LIST_FOR_EACH(node, &box->io->images) {
        struct io_image *image = LIST_ENTRY_OF(node, struct io_image, node);
        if (io_image_covers(image, pc))
            return image;
    }
    return NULL;
}

void
io_image_ref(struct io_image *image)
{
    atomic_fetch_add_explicit(&image->refs, 1, memory_order_relaxed);
}

void
io_image_unref(struct io_image *image)
{
    struct sched *sched = image->box->sched;
    if (atomic_fetch_sub_explicit(&image->refs, 1, memory_order_acq_rel) == 1)
        sched_wake(sched, &image->refs, UINT32_MAX);
}

// A driver's thread holds its image until it has been joined, which nobody else may be about to do: hence the look now and then.
static void
wait_for_references(struct io_image *image)
{
    struct sched *sched = image->box->sched;
    ps_reap(image->box);
    for (uint32_t refs; (refs = atomic_load_explicit(&image->refs, memory_order_acquire)) != 0; ps_reap(image->box))
        sched_wait(sched, &image->refs, refs, sched_now_ns(sched) + 10000000);
}

// The service key as an INF's AddService would leave it [windows-driver-docs install/inf-addservice-directive].
static struct cm_key *
service_key(struct box *box, const struct io_image_config *config)
{
    char path[512];
    if ((size_t)snprintf(path, sizeof(path), "%s\\%s", CM_SERVICES, config->name) >= sizeof(path))
        return NULL;
    struct cm_key *key = cm_key_open(box, path);
    if (!key)
        return NULL;
    uint32_t present;
    snprintf(path, sizeof(path), "\\SystemRoot\\System32\\drivers\\%s.sys", config->name);
    if (cm_get_dword(box, key, "Type", &present) == STATUS_OBJECT_NAME_NOT_FOUND)
        cm_set_dword(box, key, "Type", 1);
    if (cm_get_dword(box, key, "Start", &present) == STATUS_OBJECT_NAME_NOT_FOUND)
        cm_set_dword(box, key, "Start", 3);
    if (cm_get_dword(box, key, "ErrorControl", &present) == STATUS_OBJECT_NAME_NOT_FOUND)
        cm_set_dword(box, key, "ErrorControl", 1);
    if (cm_set_expand_sz(box, key, "ImagePath", path) != STATUS_SUCCESS)
        return NULL;
    return key;
}

static NTSTATUS
status_of_loader(int error)
{
    switch (-error) {
    case ENOENT:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    case ENOEXEC:
        return STATUS_INVALID_IMAGE_FORMAT;
    case ENOSYS:
        return STATUS_PROCEDURE_NOT_FOUND;
    case EACCES:
        return STATUS_ACCESS_DENIED;
    case ENOMEM:
        return STATUS_INSUFFICIENT_RESOURCES;
    default:
        return STATUS_UNSUCCESSFUL;
    }
}

static NTSTATUS
call_entry(struct io_image *image, DRIVER_INITIALIZE *entry)
{
    char path[512];
    UNICODE_STRING registry;
    snprintf(path, sizeof(path), "%s\\%s", CM_SERVICES, image->name);
    NTSTATUS status = ob_string_from(path, &registry);
    if (status != STATUS_SUCCESS)
        return status;
    image->driver_object->DriverInit = entry;
    struct ke_crossing before = io_cross(image, "DriverEntry");
    io_image_ref(image);
    status = entry(image->driver_object, &registry);
    io_image_unref(image);
    io_cross_back(before);
    ob_string_free(&registry);
    if (NT_SUCCESS(status)) {
        // Devices made in DriverEntry are ready when it returns [wdm/nf-wdm-iocreatedevice].
        for (DEVICE_OBJECT *device = image->driver_object->DeviceObject; device; device = device->NextDevice)
            device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    }
    return status;
}

// No code of the image runs or will run again: undo what io_image_load did. The struct moves to the list of the gone.
// function: after which what it has left is told.
static void
image_close(struct io_image *image, const char *function)
{
    struct box *box = image->box;
    wait_for_references(image);
    if (image->span_bytes)
        ke_timers_reclaim(box, image->base, image->span_bytes, image->name);
    verify_code_freed(box, image, function);
    ke_dpc_flush(box);               // a DPC of the driver's may still be queued, or run
    verify_left_behind(box, image, NULL, function);   // while its code is there to be named
    verify_order_freed(box->verify, image->base, image->span_bytes);
    if (image->driver_object) {
        io_driver_sweep(image->driver_object);
        io_reinit_drop(image->driver_object);
        io_driver_retire(image->driver_object);
        io_driver_delete(image->driver_object);
        image->driver_object = NULL;
    }
    KIRQL old = io_lock_take(box->io);
    list_remove(&image->node);
    list_push_back(&box->io->gone, &image->node);
    image->base = NULL;
    image->span_bytes = 0;
    io_lock_drop(box->io, old);
    if (image->dl && box->images)
        loader_keep_close(box->images, image->dl);
    else if (image->dl)
        loader_close(image->dl);
    image->dl = NULL;
}

static NTSTATUS
image_open(struct io_image *image, const struct io_image_config *config, DRIVER_INITIALIZE **entry, char *error, size_t error_bytes)
{
    struct loader_image loaded = {0};
    *entry = config->entry;
    if (!config->path) {
        if (!config->entry)
            say(error, error_bytes, "neither a path nor an entry point was given", config->name);
        return config->entry ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
    }
    struct loader_keep *keep = image->box->images;
    int failed = keep ? loader_keep_open(keep, config->path, config->name, &loaded, error, error_bytes)
                      : loader_open(config->path, config->name, &loaded, error, error_bytes);
    if (failed)
        return status_of_loader(failed);
    image->dl = loaded.dl;
    image->base = loaded.base;
    image->span_bytes = loaded.span_bytes;
    *entry = (DRIVER_INITIALIZE *)loaded.entry;
    return STATUS_SUCCESS;
}

NTSTATUS
io_image_load(struct box *box, const struct io_image_config *config, struct io_image **out, char *error, size_t error_bytes)
{
    DRIVER_INITIALIZE *entry;
    *out = NULL;
    if (error_bytes)
        error[0] = 0;
    if (!config->name || !config->name[0] || strlen(config->name) > 200 || strpbrk(config->name, "\\/")) {
        say(error, error_bytes, "a service name has 1 to 200 characters and no slashes", config->name ? config->name : "(none)");
        return STATUS_OBJECT_NAME_INVALID;
    }
    if (io_image_find(box, config->name)) {
        say(error, error_bytes, "a driver of this name is loaded already", config->name);
        return STATUS_IMAGE_ALREADY_LOADED;
    }
    struct io_image *image = calloc(1, sizeof(*image));
    char *name = strdup(config->name);
    if (!image || !name) {
        free(image);
        free(name);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    image->box = box;
    image->name = name;
    KIRQL old = io_lock_take(box->io);
    list_push_back(&box->io->images, &image->node);
    io_lock_drop(box->io, old);
    NTSTATUS status = image_open(image, config, &entry, error, error_bytes);
    if (NT_SUCCESS(status) && !service_key(box, config))
        status = STATUS_INSUFFICIENT_RESOURCES;
    if (NT_SUCCESS(status))
        status = io_driver_create(box, image, &image->driver_object);
    if (NT_SUCCESS(status)) {
        status = call_entry(image, entry);
        if (NT_SUCCESS(status))
            io_reinit_run(image->driver_object);
        else if (error_bytes)
            snprintf(error, error_bytes, "%s: DriverEntry returned 0x%08x", config->name, (unsigned)status);
    }
    if (!NT_SUCCESS(status)) {
        image_close(image, "DriverEntry");
        return status;
    }
    *out = image;
    return status;
}

static void
call_unload(struct io_image *image)
{
    struct ke_crossing before = io_cross(image, "DriverUnload");
    image->driver_object->DriverUnload(image->driver_object);
    io_cross_back(before);
}

static NTAPI void
image_unload_work(void *parameter)
{
    struct io_image *image = parameter;
    struct sched *sched = image->box->sched;
    call_unload(image);
    image_close(image, "DriverUnload");
    atomic_store(&image->is_queued, 0);
    sched_wake(sched, &image->is_queued, UINT32_MAX);
}

static bool
image_is_open_locked(const struct io_image *image)
{
    for (DEVICE_OBJECT *device = image->driver_object ? image->driver_object->DeviceObject : NULL; device; device = device->NextDevice)
        if (io_device_of(device)->opens)
            return true;
    return false;
}

void
io_image_file_closed_locked(struct io_image *image)
{
    if (!image || !image->is_deferred || image_is_open_locked(image))
        return;
    image->is_deferred = false;
    atomic_store(&image->is_queued, 1);
    ex_work_init(&image->unload_work, image_unload_work, image);
    ex_work_queue(image->box, &image->unload_work, DelayedWorkQueue);
}

NTSTATUS
io_image_unload(struct io_image *image)
{
    if (!image->driver_object || !image->driver_object->DriverUnload)
        return STATUS_INVALID_DEVICE_REQUEST;
    KIRQL old = io_lock_take(image->box->io);
    bool is_first = !image->is_unloading, is_busy = image_is_open_locked(image);
    image->is_unloading = true;
    if (is_first)
        image->is_deferred = is_busy;
    io_lock_drop(image->box->io, old);
    if (!is_first || is_busy)
        return STATUS_PENDING;
    call_unload(image);
    image_close(image, "DriverUnload");
    return STATUS_SUCCESS;
}

// The box goes: files that nobody has closed are, and what waited for that is unloaded here.
static void
stop_files(struct box *box)
{
    KIRQL old = io_lock_take(box->io);
    LIST_FOR_EACH(node, &box->io->images)
        LIST_ENTRY_OF(node, struct io_image, node)->is_deferred = false;
    io_lock_drop(box->io, old);
    ob_handles_close_kind(box, OB_FILE);
}

static struct io_image *
image_last(struct box *box)
{
    KIRQL old = io_lock_take(box->io);
    struct list *node = list_is_empty(&box->io->images) ? NULL : box->io->images.prev;
    io_lock_drop(box->io, old);
    return node ? LIST_ENTRY_OF(node, struct io_image, node) : NULL;
}

void
io_stop(struct box *box)
{
    if (!box->io || !image_last(box))
        return;
    io_shutdown_run(box);
    stop_files(box);
    for (struct io_image *image; (image = image_last(box));) {
        if (atomic_load(&image->is_queued)) {
            sched_wait(box->sched, &image->is_queued, 1, SCHED_NEVER);
            continue;
        }
        bool can_unload = image->driver_object && image->driver_object->DriverUnload;
        if (can_unload)
            call_unload(image);
        image_close(image, can_unload ? "DriverUnload" : "the end of the box");
    }
}
