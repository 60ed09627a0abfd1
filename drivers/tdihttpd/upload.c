// SPDX-License-Identifier: MIT
// PUT: written into a file of its own beside its place, and renamed when it is whole, so that nobody ever reads half of it and one that
// breaks off leaves what was there before.
#include "tdihttpd.h"

static LONG names;                         // so that two uploads to one place do not meet

int
httpd_status_of(NTSTATUS status)
{
    switch (status) {
    case STATUS_OBJECT_NAME_NOT_FOUND:
    case STATUS_OBJECT_PATH_NOT_FOUND:
    case STATUS_OBJECT_NAME_INVALID:
    case STATUS_NAME_TOO_LONG: return 404;
    case STATUS_ACCESS_DENIED:
    case STATUS_FILE_IS_A_DIRECTORY: return 403;
    case STATUS_INSUFFICIENT_RESOURCES: return 503;
    case STATUS_DISK_FULL: return 507;
    default: return 500;
    }
}

// PATH.NUMBER.part
static BOOLEAN
name_beside(const char *path, char *name, SIZE_T room)
{
    struct http_out out = {name, 0, room - 1, FALSE};
    http_put(&out, path);
    http_put(&out, ".");
    http_put_number(&out, (UINT64)(ULONG)InterlockedIncrement(&names));
    http_put(&out, ".part");
    name[out.used] = 0;
    return !out.is_cut;
}

int
httpd_upload_begin(struct httpd_upload *upload, const char *path)
{
    char name[HTTP_PATH_MAX + 32];
    struct httpd_file old;
    NTSTATUS status = httpd_file_open(&httpd_settings.upload, path, &old);
    if (status == STATUS_FILE_IS_A_DIRECTORY)
        return 409;
    upload->is_new = !NT_SUCCESS(status);
    httpd_file_close(&old);
    RtlCopyMemory(upload->path, path, strlen(path) + 1);
    upload->at = 0;
    // A name that an earlier run left is passed over.
    do {
        if (!name_beside(path, name, sizeof name))
            return 414;
        status = httpd_file_create(&httpd_settings.upload, name, &upload->file);
    } while (status == STATUS_OBJECT_NAME_COLLISION);
    if (NT_SUCCESS(status))
        return 0;
    int refusal = httpd_status_of(status);
    return refusal == 404 ? 409 : refusal; // its directory is not there [RFC 9110 9.3.4]
}

int
httpd_upload_write(struct httpd_upload *upload, const VOID *from, ULONG bytes)
{
    NTSTATUS status = httpd_file_write(&upload->file, upload->at, from, bytes);
    upload->at += bytes;
    return NT_SUCCESS(status) ? 0 : httpd_status_of(status);
}

int
httpd_upload_end(struct httpd_upload *upload)
{
    NTSTATUS status = httpd_file_rename(&upload->file, &httpd_settings.upload, upload->path);
    if (!NT_SUCCESS(status)) {
        httpd_upload_drop(upload);
        return httpd_status_of(status);
    }
    httpd_file_close(&upload->file);
    return upload->is_new ? 201 : 204;
}

VOID
httpd_upload_drop(struct httpd_upload *upload)
{
    if (!upload->file.handle)
        return;
    httpd_file_delete(&upload->file);
    httpd_file_close(&upload->file);
}
