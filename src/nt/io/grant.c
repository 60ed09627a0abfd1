// SPDX-License-Identifier: MIT
// Host files for drivers: only below directories that were granted to the box (io_grant_path), nothing else, and never out of them.
//   io_host_open: \DosDevices\X and \GLOBAL??\X are \??\X -> longest grant that is a prefix -> the rest, with / for \, is opened
//   beneath the directory with openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS): the kernel refuses .. and links that lead out.
// A path with a drive letter or \SystemRoot that no grant covers is refused with STATUS_ACCESS_DENIED and a message.
// Statuses: [wdm/nf-wdm-zwcreatefile].
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/file.h"
#include "nt/io/file.h"
#include "nt/io/io_int.h"

struct grant {
    struct list node;
    char *prefix;                // as \??\C:\www, without a slash at its end
    int directory;
    bool can_write;
};

int
io_grant_path(struct box *box, const char *nt_prefix, const char *host_dir, bool can_write)
{
    struct grant *grant = calloc(1, sizeof(*grant));
    if (!grant)
        return -ENOMEM;
    size_t bytes = strlen(nt_prefix);
    while (bytes && nt_prefix[bytes - 1] == '\\')
        bytes--;
    int failed = bytes ? file_open_directory(host_dir, &grant->directory) : -EINVAL;
    if (!failed) {
        bool is_dos = strncasecmp(nt_prefix, "\\DosDevices\\", 12) == 0;
        grant->prefix = malloc(bytes + 1);
        if (grant->prefix && is_dos) {
            memcpy(grant->prefix, "\\??", 3);
            memcpy(grant->prefix + 3, nt_prefix + 11, bytes - 11);
            grant->prefix[bytes - 8] = 0;
        } else if (grant->prefix) {
            memcpy(grant->prefix, nt_prefix, bytes);
            grant->prefix[bytes] = 0;
        } else {
            file_close(grant->directory);
            failed = -ENOMEM;
        }
    }
    if (failed) {
        free(grant);
        return failed;
    }
    grant->can_write = can_write;
    list_push_back(&box->io->grants, &grant->node);
    return 0;
}

void
io_grants_free(struct io *io)
{
    for (struct list *node; (node = list_pop_front(&io->grants));) {
        struct grant *grant = LIST_ENTRY_OF(node, struct grant, node);
        file_close(grant->directory);
        free(grant->prefix);
        free(grant);
    }
}

// UTF-8, one spelling of the DOS device directory. owns: the caller frees. NULL: no memory.
static char *
canonical(const UNICODE_STRING *path)
{
    size_t room = (size_t)path->Length / 2 * 3 + 8;
    char *text = malloc(room);
    if (!text)
        return NULL;
    ob_string_text(path, text, room);
    size_t cut = strncasecmp(text, "\\DosDevices\\", 12) == 0 ? 11 : strncasecmp(text, "\\GLOBAL??\\", 10) == 0 ? 9
                                                                                                                : 0;
    if (cut) {
        memmove(text + 3, text + cut, strlen(text + cut) + 1);
        memcpy(text, "\\??", 3);
    }
    return text;
}

static bool
is_file_path(const char *text)
{
    return (strncmp(text, "\\??\\", 4) == 0 && isalpha((unsigned char)text[4]) && text[5] == ':') ||
           strncasecmp(text, "\\SystemRoot", 11) == 0 || strncasecmp(text, "\\Device\\HarddiskVolume", 22) == 0;
}

static struct grant *
grant_find(struct io *io, const char *text, const char **rest)
{
    struct grant *best = NULL;
    size_t best_bytes = 0;
    LIST_FOR_EACH(node, &io->grants) {
        struct grant *grant = LIST_ENTRY_OF(node, struct grant, node);
        size_t bytes = strlen(grant->prefix);
        if (bytes > best_bytes && strncasecmp(text, grant->prefix, bytes) == 0 && (text[bytes] == '\\' || !text[bytes])) {
            best = grant;
            best_bytes = bytes;
        }
    }
    if (best)
        *rest = text + best_bytes + (text[best_bytes] == '\\');
    return best;
}

static NTSTATUS
status_of_host(int error)
{
    switch (-error) {
    case ENOENT:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    case ENOTDIR:
        return STATUS_OBJECT_PATH_NOT_FOUND;
    case EEXIST:
        return STATUS_OBJECT_NAME_COLLISION;
    case EISDIR:
        return STATUS_FILE_IS_A_DIRECTORY;
    case ENAMETOOLONG:
        return STATUS_NAME_TOO_LONG;
    case ENOSPC:
    case EDQUOT:
        return STATUS_DISK_FULL;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return STATUS_INSUFFICIENT_RESOURCES;
    case EXDEV:      // RESOLVE_BENEATH: the path leads out
    case ELOOP:
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_ACCESS_DENIED;
    default:
        return STATUS_UNSUCCESSFUL;
    }
}

// Disposition to open flags [wdm/nf-wdm-zwcreatefile, CreateDisposition].
static unsigned
mode_of(const struct io_file_config *config, const FILE_OBJECT *file)
{
    unsigned mode = (file->ReadAccess || !file->WriteAccess ? FILE_MODE_READ : 0u) | (file->WriteAccess ? FILE_MODE_WRITE : 0u);
    switch (config->disposition) {
    case FILE_CREATE:
        return mode | FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_EXCLUSIVE;
    case FILE_OPEN_IF:
        return mode | FILE_MODE_WRITE | FILE_MODE_CREATE;
    case FILE_OVERWRITE:
        return mode | FILE_MODE_WRITE | FILE_MODE_TRUNCATE;
    case FILE_SUPERSEDE:
    case FILE_OVERWRITE_IF:
        return mode | FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_TRUNCATE;
    default:
        return mode;
    }
}

static NTSTATUS
grant_open(struct box *box, const struct grant *grant, char *rest, const struct io_file_config *config, FILE_OBJECT **out,
           IO_STATUS_BLOCK *iosb)
{
    bool existed = true;
    FILE_OBJECT *file = io_file_make(box, config);
    if (!file)
        return STATUS_INSUFFICIENT_RESOURCES;
    for (char *at = rest; *at; at++)
        *at = *at == '\\' ? '/' : *at;
    unsigned mode = mode_of(config, file);
    int failed;
    if (config->options & FILE_DIRECTORY_FILE) {
        io_file_of(file)->is_directory = true;
        failed = config->disposition == FILE_OPEN ? file_open_beneath(grant->directory, rest, FILE_MODE_DIRECTORY, &io_file_of(file)->fd)
                                                  : -EACCES;
    } else if ((mode & FILE_MODE_WRITE) && !grant->can_write) {
        failed = -EACCES;
    } else {
        unsigned existing = mode & ~(unsigned)(FILE_MODE_CREATE | FILE_MODE_EXCLUSIVE);
        failed = file_open_beneath(grant->directory, rest, existing, &io_file_of(file)->fd);
        existed = failed == 0;
        if (existed && (mode & FILE_MODE_EXCLUSIVE))
            failed = -EEXIST;
        else if (failed == -ENOENT && (mode & FILE_MODE_CREATE))
            failed = file_open_beneath(grant->directory, rest, mode | FILE_MODE_EXCLUSIVE, &io_file_of(file)->fd);
    }
    io_file_of(file)->grant = grant;
    io_file_of(file)->relative = failed ? NULL : strdup(rest);
    if (!failed && !io_file_of(file)->relative)
        failed = -ENOMEM;
    if (failed) {
        ob_unref(file);
        return status_of_host(failed);
    }
    bool truncated = mode & FILE_MODE_TRUNCATE;
    if (!existed)
        iosb->Information = FILE_CREATED;
    else if (config->disposition == FILE_SUPERSEDE)
        iosb->Information = FILE_SUPERSEDED;
    else
        iosb->Information = truncated ? FILE_OVERWRITTEN : FILE_OPENED;
    *out = file;
    return STATUS_SUCCESS;
}

NTSTATUS
io_host_open(struct box *box, const UNICODE_STRING *path, const struct io_file_config *config, FILE_OBJECT **file, IO_STATUS_BLOCK *iosb)
{
    NTSTATUS status = STATUS_OBJECT_PATH_NOT_FOUND;
    char *text = canonical(path), *rest;
    if (!text)
        return STATUS_INSUFFICIENT_RESOURCES;
    struct grant *grant = grant_find(box->io, text, (const char **)&rest);
    if (grant) {
        status = grant_open(box, grant, rest, config, file, iosb);
        if (status == STATUS_OBJECT_PATH_NOT_FOUND)   // must not make the caller look for a device
            status = STATUS_OBJECT_NAME_NOT_FOUND;
    } else if (is_file_path(text)) {
        box_message(box, "a driver wanted to open %s, which is not granted to this box", text);
        status = STATUS_ACCESS_DENIED;
    }
    free(text);
    return status;
}

NTSTATUS
io_host_transfer(FILE_OBJECT *file, const struct io_transfer *t, IO_STATUS_BLOCK *iosb)
{
    struct io_file *full = io_file_of(file);
    LONGLONG at = t->offset ? t->offset->QuadPart : file->CurrentByteOffset.QuadPart;
    int64_t done = 0;
    *iosb = (IO_STATUS_BLOCK){.Status = STATUS_SUCCESS};
    if (full->is_directory || (t->major != IRP_MJ_READ && t->major != IRP_MJ_WRITE && t->major != IRP_MJ_FLUSH_BUFFERS))
        return iosb->Status = STATUS_INVALID_DEVICE_REQUEST;
    if (t->major == IRP_MJ_FLUSH_BUFFERS)
        return iosb->Status = file_sync(full->fd) ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
    if (t->major == IRP_MJ_WRITE ? !file->WriteAccess : !file->ReadAccess)
        return iosb->Status = STATUS_ACCESS_DENIED;
    // FILE_WRITE_TO_END_OF_FILE and FILE_USE_FILE_POINTER_POSITION, both with HighPart -1.
    if (t->offset && t->offset->HighPart == -1 && t->offset->LowPart == FILE_USE_FILE_POINTER_POSITION)
        at = file->CurrentByteOffset.QuadPart;
    else if (t->major == IRP_MJ_WRITE && at == -1)
        at = file_bytes(full->fd);
    if (at < 0)
        return iosb->Status = STATUS_INVALID_PARAMETER;
    if (t->major == IRP_MJ_READ) {
        done = file_read(full->fd, t->output, t->output_bytes, (uint64_t)at);
        if (done == 0 && t->output_bytes)
            return iosb->Status = STATUS_END_OF_FILE;
    } else {
        int failed = file_write(full->fd, t->input, t->input_bytes, (uint64_t)at);
        done = failed ? failed : (int64_t)t->input_bytes;
    }
    if (done < 0)
        return iosb->Status = status_of_host((int)done);
    iosb->Information = (ULONG_PTR)done;
    return STATUS_SUCCESS;
}

bool
io_grant_can_write(const struct grant *grant)
{
    return grant && grant->can_write;
}

NTSTATUS
io_grant_rename(struct box *box, struct io_file *file, const UNICODE_STRING *path, bool replace)
{
    NTSTATUS status = STATUS_ACCESS_DENIED;
    char *text = canonical(path), *rest;
    if (!text)
        return STATUS_INSUFFICIENT_RESOURCES;
    struct grant *grant = grant_find(box->io, text, (const char **)&rest);
    if (grant && grant->can_write) {
        for (char *at = rest; *at; at++)
            *at = *at == '\\' ? '/' : *at;
        char *name = strdup(rest);
        int failed = name ? file_rename_beneath(file->grant->directory, file->relative, grant->directory, rest, replace) : -ENOMEM;
        status = failed ? status_of_host(failed) : STATUS_SUCCESS;
        if (!failed) {
            free(file->relative);
            file->relative = name;
            file->grant = grant;
        } else {
            free(name);
        }
    }
    free(text);
    return status;
}

void
io_grant_remove(struct io_file *file)
{
    int failed = file_remove_beneath(file->grant->directory, file->relative);
    if (failed && failed != -ENOENT)
        box_message(file->box, "%s, which a driver deleted, is still there: %s", file->relative, strerror(-failed));
}
