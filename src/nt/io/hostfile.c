// SPDX-License-Identifier: MIT
// What is known about a granted file of the host and may be changed about it, beside its bytes (grant.c has those).
//   io_host_query   sizes, times, attributes                        [wdm/nf-wdm-zwqueryinformationfile]
//   io_host_set     its length, another name, the end of its name   [wdm/nf-wdm-zwsetinformationfile]
// A file's name goes with its last handle, as FileDispositionInformation says; the grant must let its files be written for either.
// Windows keeps the time a file was made and Linux does not tell it everywhere: the time of its last write stands for it.
#include <stdlib.h>
#include <string.h>

#include "host/file.h"
#include "nt/io/file.h"
#include "nt/io/io_int.h"

#define UNIX_EPOCH_S INT64_C(11644473600)      // of 1970, since 1601

static LARGE_INTEGER
time_of(int64_t ns)
{
    return (LARGE_INTEGER){.QuadPart = ns / 100 + UNIX_EPOCH_S * 10000000};
}

static LONGLONG
allocated(uint64_t bytes)
{
    return (LONGLONG)((bytes + 4095) & ~UINT64_C(4095));
}

static ULONG
attributes_of(const struct file_status *status)
{
    if (status->is_directory)
        return FILE_ATTRIBUTE_DIRECTORY;
    return status->is_read_only ? FILE_ATTRIBUTE_READONLY : FILE_ATTRIBUTE_NORMAL;
}

static void
standard(const FILE_OBJECT *file, const struct file_status *status, void *out)
{
    FILE_STANDARD_INFORMATION info = {.NumberOfLinks = 1,
                                      .DeletePending = io_file_of((FILE_OBJECT *)file)->is_doomed,
                                      .Directory = status->is_directory};
    info.EndOfFile.QuadPart = status->is_directory ? 0 : (LONGLONG)status->bytes;
    info.AllocationSize.QuadPart = allocated((uint64_t)info.EndOfFile.QuadPart);
    memcpy(out, &info, sizeof(info));
}

static void
basic(const FILE_OBJECT *file, const struct file_status *status, void *out)
{
    FILE_BASIC_INFORMATION info = {.CreationTime = time_of(status->written_ns),
                                   .LastAccessTime = time_of(status->read_ns),
                                   .LastWriteTime = time_of(status->written_ns),
                                   .ChangeTime = time_of(status->changed_ns),
                                   .FileAttributes = attributes_of(status)};
    (void)file;
    memcpy(out, &info, sizeof(info));
}

static void
network_open(const FILE_OBJECT *file, const struct file_status *status, void *out)
{
    FILE_NETWORK_OPEN_INFORMATION info = {.CreationTime = time_of(status->written_ns),
                                          .LastAccessTime = time_of(status->read_ns),
                                          .LastWriteTime = time_of(status->written_ns),
                                          .ChangeTime = time_of(status->changed_ns),
                                          .FileAttributes = attributes_of(status)};
    (void)file;
    info.EndOfFile.QuadPart = status->is_directory ? 0 : (LONGLONG)status->bytes;
    info.AllocationSize.QuadPart = allocated((uint64_t)info.EndOfFile.QuadPart);
    memcpy(out, &info, sizeof(info));
}

NTSTATUS
io_host_query(FILE_OBJECT *file, FILE_INFORMATION_CLASS class, void *buffer, ULONG bytes, ULONG *written)
{
    static const struct {
        FILE_INFORMATION_CLASS class;
        ULONG bytes;
        void (*write)(const FILE_OBJECT *file, const struct file_status *status, void *out);
    } classes[] = {{FileStandardInformation, sizeof(FILE_STANDARD_INFORMATION), standard},
                   {FileBasicInformation, sizeof(FILE_BASIC_INFORMATION), basic},
                   {FileNetworkOpenInformation, sizeof(FILE_NETWORK_OPEN_INFORMATION), network_open}};
    struct file_status status;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (classes[i].class != class)
            continue;
        if (bytes < classes[i].bytes)
            return STATUS_INFO_LENGTH_MISMATCH;
        if (file_status(io_file_of(file)->fd, &status))
            return STATUS_UNSUCCESSFUL;
        classes[i].write(file, &status, buffer);
        *written = classes[i].bytes;
        return STATUS_SUCCESS;
    }
    return STATUS_INVALID_INFO_CLASS;
}

// ---- changes ----------------------------------------------------------------------------------------------------------------------

static NTSTATUS
set_end(FILE_OBJECT *file, const void *buffer, ULONG bytes)
{
    FILE_END_OF_FILE_INFORMATION info;
    memcpy(&info, buffer, sizeof(info));
    (void)bytes;
    if (!file->WriteAccess)
        return STATUS_ACCESS_DENIED;
    if (info.EndOfFile.QuadPart < 0)
        return STATUS_INVALID_PARAMETER;
    return file_truncate(io_file_of(file)->fd, (uint64_t)info.EndOfFile.QuadPart) ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}

// DELETE is what the handle must have been opened with, for both of these.
static NTSTATUS
may_unname(FILE_OBJECT *file)
{
    if (!file->DeleteAccess || !io_grant_can_write(io_file_of(file)->grant))
        return STATUS_ACCESS_DENIED;
    return io_file_of(file)->is_directory ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

static NTSTATUS
set_doomed(FILE_OBJECT *file, const void *buffer, ULONG bytes)
{
    NTSTATUS status = may_unname(file);
    (void)bytes;
    if (status == STATUS_SUCCESS)
        io_file_of(file)->is_doomed = *(const BOOLEAN *)buffer != 0;
    return status;
}

// A whole path is meant; one relative to a handle or to the file's own directory is refused by name.
static NTSTATUS
set_name(FILE_OBJECT *file, const void *buffer, ULONG bytes)
{
    const FILE_RENAME_INFORMATION *info = buffer;
    struct io_file *full = io_file_of(file);
    const ULONG head = FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName);
    UNICODE_STRING path = {.Buffer = (WCHAR *)info->FileName, .Length = (USHORT)info->FileNameLength};
    if (info->FileNameLength > bytes - head || info->FileNameLength % 2 || !info->FileNameLength || info->FileNameLength > 0xfffe)
        return STATUS_INVALID_PARAMETER;
    if (info->RootDirectory || info->FileName[0] != '\\')
        return STATUS_NOT_SUPPORTED;
    NTSTATUS status = may_unname(file);
    return status == STATUS_SUCCESS ? io_grant_rename(full->box, full, &path, info->ReplaceIfExists) : status;
}

NTSTATUS
io_host_set(FILE_OBJECT *file, FILE_INFORMATION_CLASS class, const void *buffer, ULONG bytes)
{
    static const struct {
        FILE_INFORMATION_CLASS class;
        ULONG bytes;
        NTSTATUS (*set)(FILE_OBJECT *file, const void *buffer, ULONG bytes);
    } classes[] = {{FileEndOfFileInformation, sizeof(FILE_END_OF_FILE_INFORMATION), set_end},
                   {FileDispositionInformation, sizeof(FILE_DISPOSITION_INFORMATION), set_doomed},
                   {FileRenameInformation, sizeof(FILE_RENAME_INFORMATION), set_name}};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (classes[i].class == class)
            return bytes < classes[i].bytes ? STATUS_INFO_LENGTH_MISMATCH : classes[i].set(file, buffer, bytes);
    return STATUS_INVALID_INFO_CLASS;
}

void
io_host_cleanup(FILE_OBJECT *file)
{
    if (io_file_of(file)->is_doomed)
        io_grant_remove(io_file_of(file));
}
