// SPDX-License-Identifier: MIT
// include/nbx/file.h over the I/O manager: a handle with a FILE_OBJECT behind it, as a process would have.
#include <stdlib.h>
#include <string.h>

#include <nbx/file.h>

#include "nt/io/file.h"
#include "nt/io/io_int.h"

struct nbx_file {
    struct box *box;
    HANDLE handle;
    FILE_OBJECT *object;             // with a reference
    bool is_overlapped;
};

// What the driver is asked from here on comes from a process; ExGetPreviousMode says so.
static KPROCESSOR_MODE
mode_enter(KPROCESSOR_MODE mode)
{
    KPROCESSOR_MODE before = ke_self()->previous_mode;
    ke_self()->previous_mode = mode;
    return before;
}

// \\.\Name is \??\Name; everything else is an NT path already.
static NTSTATUS
nt_path(const char *path, UNICODE_STRING *wide)
{
    if (strncmp(path, "\\\\.\\", 4) != 0)
        return ob_string_from(path, wide);
    size_t bytes = strlen(path) + 1;
    char *text = malloc(bytes);
    if (!text)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(text, "\\??\\", 4);
    memcpy(text + 4, path + 4, bytes - 4);
    NTSTATUS status = ob_string_from(text, wide);
    free(text);
    return status;
}

NTSTATUS
nbx_file_open(const char *path, unsigned flags, struct nbx_file **out)
{
    return nbx_file_open_ea(path, flags, NULL, 0, out);
}

void *
nbx_file_handle(struct nbx_file *file)
{
    return file->handle;
}

NTSTATUS
nbx_file_open_ea(const char *path, unsigned flags, const void *ea, uint32_t ea_bytes, struct nbx_file **out)
{
    struct box *box = box_self();
    UNICODE_STRING wide;
    IO_STATUS_BLOCK iosb;
    void *body;
    *out = NULL;
    struct io_file_config config = {.access = FILE_READ_ATTRIBUTES | SYNCHRONIZE | (flags & NBX_FILE_READ ? FILE_GENERIC_READ : 0) |
                                              (flags & NBX_FILE_WRITE ? FILE_GENERIC_WRITE : 0),
                                    .share = FILE_SHARE_READ | FILE_SHARE_WRITE,
                                    .disposition = FILE_OPEN,
                                    .mode = UserMode,
                                    .ea = ea,
                                    .ea_bytes = ea ? ea_bytes : 0,
                                    .options = FILE_NON_DIRECTORY_FILE | (flags & NBX_FILE_OVERLAPPED ? 0 : FILE_SYNCHRONOUS_IO_NONALERT)};
    struct nbx_file *file = calloc(1, sizeof(*file));
    if (!file)
        return STATUS_INSUFFICIENT_RESOURCES;
    file->box = box;
    file->is_overlapped = flags & NBX_FILE_OVERLAPPED;
    NTSTATUS status = nt_path(path, &wide);
    if (status == STATUS_SUCCESS) {
        KPROCESSOR_MODE before = mode_enter(UserMode);
        status = io_file_open(box, &wide, &config, &file->handle, &iosb);
        mode_enter(before);
        ob_string_free(&wide);
    }
    if (NT_SUCCESS(status)) {
        NTSTATUS opened = ob_handle_ref(box, file->handle, &io_file_type, 0, &body);
        if (opened == STATUS_SUCCESS)
            file->object = body;
        else
            status = opened;
    }
    if (NT_SUCCESS(status))
        *out = file;
    else
        free(file);
    return status;
}

void
nbx_file_close(struct nbx_file *file)
{
    KPROCESSOR_MODE before = mode_enter(UserMode);
    ob_handle_close(file->box, file->handle);
    mode_enter(before);
    ob_unref(file->object);
    free(file);
}

static NTSTATUS
run(struct nbx_file *file, struct io_transfer *transfer, struct nbx_overlapped *overlapped, uint32_t *bytes_done)
{
    IO_STATUS_BLOCK iosb = {0};
    struct nbx_overlapped waited;
    LARGE_INTEGER offset;
    if (bytes_done)
        *bytes_done = 0;
    if (overlapped && !file->is_overlapped)
        return STATUS_INVALID_PARAMETER;
    bool waits_here = !overlapped && file->is_overlapped;
    if (waits_here) {
        waited = (struct nbx_overlapped){0};
        overlapped = &waited;
    }
    transfer->iosb = &iosb;
    if (overlapped) {
        ke_header_init(&overlapped->done.Header, KE_OBJECT_EVENT_NOTIFICATION, 0);
        offset.QuadPart = (LONGLONG)overlapped->offset;
        transfer->offset = &offset;
        transfer->iosb = &overlapped->iosb;
        transfer->event = &overlapped->done;
        overlapped->iosb = (IO_STATUS_BLOCK){0};
    }
    transfer->mode = UserMode;
    KPROCESSOR_MODE before = mode_enter(UserMode);
    NTSTATUS status = io_file_transfer(file->object, transfer);
    mode_enter(before);
    if (waits_here && status == STATUS_PENDING)
        status = nbx_overlapped_wait(overlapped, UINT32_MAX);
    if (status != STATUS_PENDING && bytes_done)
        *bytes_done = (uint32_t)transfer->iosb->Information;
    return status;
}

NTSTATUS
nbx_file_read(struct nbx_file *file, void *to, uint32_t bytes, struct nbx_overlapped *overlapped, uint32_t *bytes_done)
{
    struct io_transfer transfer = {.major = IRP_MJ_READ, .output = to, .output_bytes = bytes};
    return file->object->ReadAccess ? run(file, &transfer, overlapped, bytes_done) : STATUS_ACCESS_DENIED;
}

NTSTATUS
nbx_file_write(struct nbx_file *file, const void *from, uint32_t bytes, struct nbx_overlapped *overlapped, uint32_t *bytes_done)
{
    struct io_transfer transfer = {.major = IRP_MJ_WRITE, .input = (void *)from, .input_bytes = bytes};
    return file->object->WriteAccess ? run(file, &transfer, overlapped, bytes_done) : STATUS_ACCESS_DENIED;
}

NTSTATUS
nbx_file_control(struct nbx_file *file, uint32_t code, const void *in, uint32_t in_bytes, void *out, uint32_t out_bytes,
                 struct nbx_overlapped *overlapped, uint32_t *bytes_done)
{
    struct io_transfer transfer = {.major = IRP_MJ_DEVICE_CONTROL, .input = (void *)in, .input_bytes = in_bytes, .output = out,
                                   .output_bytes = out_bytes, .control_code = code};
    ULONG access = code >> 14 & 3;
    if ((access & FILE_READ_ACCESS && !file->object->ReadAccess) || (access & FILE_WRITE_ACCESS && !file->object->WriteAccess))
        return STATUS_ACCESS_DENIED;
    return run(file, &transfer, overlapped, bytes_done);
}

NTSTATUS
nbx_overlapped_wait(struct nbx_overlapped *overlapped, uint32_t timeout_ms)
{
    void *waitable = &overlapped->done;
    LARGE_INTEGER timeout = {.QuadPart = -(LONGLONG)timeout_ms * 10000};
    struct box *box = box_self();
    NTSTATUS status = ke_wait(box, 1, &waitable, false, timeout_ms == UINT32_MAX ? SCHED_NEVER : ke_deadline_ns(box, &timeout));
    return status == STATUS_SUCCESS ? overlapped->iosb.Status : status;
}

uint32_t
nbx_file_cancel(struct nbx_file *file, struct nbx_overlapped *overlapped)
{
    return io_file_cancel(file->object, overlapped ? &overlapped->iosb : NULL);
}
