// SPDX-License-Identifier: MIT
// Files of the executive, below the directories of the settings: \??\tdihttpd\root\a\b. What they may reach is decided below us, when they
// are opened: the executive follows no path and no link out of what the stack file granted.
#include "tdihttpd.h"

// root and path, one after the other. owns: name->Buffer, httpd_free.
static NTSTATUS
name_make(const UNICODE_STRING *root, const char *path, UNICODE_STRING *name)
{
    ULONG path_bytes = (ULONG)strlen(path), wide_bytes = 0;
    name->MaximumLength = (USHORT)(root->Length + 2 + path_bytes * 2);
    name->Length = root->Length;
    name->Buffer = path_bytes <= HTTP_PATH_MAX + 64 ? httpd_alloc_raw(name->MaximumLength) : NULL;
    if (!name->Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlCopyMemory(name->Buffer, root->Buffer, root->Length);
    if (!path_bytes)
        return STATUS_SUCCESS;
    name->Buffer[name->Length / 2] = '\\';
    name->Length += 2;
    NTSTATUS status = RtlUTF8ToUnicodeN(name->Buffer + name->Length / 2, path_bytes * 2, &wide_bytes, path, path_bytes);
    if (!NT_SUCCESS(status)) {
        httpd_free(name->Buffer);
        return status;
    }
    name->Length = (USHORT)(name->Length + wide_bytes);
    return STATUS_SUCCESS;
}

static NTSTATUS
file_open_as(const UNICODE_STRING *root, const char *path, ACCESS_MASK access, ULONG disposition, struct httpd_file *file)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    IO_STATUS_BLOCK iosb;
    HANDLE handle;
    *file = (struct httpd_file){0};
    NTSTATUS status = name_make(root, path, &name);
    if (!NT_SUCCESS(status))
        return status;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    status = ZwCreateFile(&handle, access | SYNCHRONIZE, &attributes, &iosb, NULL, FILE_ATTRIBUTE_NORMAL,
                          FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, disposition,
                          FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    httpd_free(name.Buffer);
    if (NT_SUCCESS(status))
        file->handle = handle;
    return status;
}

NTSTATUS
httpd_file_open(const UNICODE_STRING *root, const char *path, struct httpd_file *file)
{
    FILE_NETWORK_OPEN_INFORMATION info;
    IO_STATUS_BLOCK iosb;
    NTSTATUS status = file_open_as(root, path, GENERIC_READ, FILE_OPEN, file);
    if (!NT_SUCCESS(status))
        return status;
    status = ZwQueryInformationFile(file->handle, &iosb, &info, sizeof info, FileNetworkOpenInformation);
    if (!NT_SUCCESS(status)) {
        httpd_file_close(file);
        return status;
    }
    file->bytes = (UINT64)info.EndOfFile.QuadPart;
    file->written = (UINT64)info.LastWriteTime.QuadPart;
    return STATUS_SUCCESS;
}

NTSTATUS
httpd_file_create(const UNICODE_STRING *root, const char *path, struct httpd_file *file)
{
    return file_open_as(root, path, GENERIC_WRITE | DELETE, FILE_CREATE, file);
}

NTSTATUS
httpd_file_read(struct httpd_file *file, UINT64 at, VOID *to, ULONG bytes)
{
    LARGE_INTEGER offset = {.QuadPart = (LONGLONG)at};
    IO_STATUS_BLOCK iosb;
    NTSTATUS status = ZwReadFile(file->handle, NULL, NULL, NULL, &iosb, to, bytes, &offset, NULL);
    return NT_SUCCESS(status) && iosb.Information != bytes ? STATUS_END_OF_FILE : status;
}

NTSTATUS
httpd_file_write(struct httpd_file *file, UINT64 at, const VOID *from, ULONG bytes)
{
    LARGE_INTEGER offset = {.QuadPart = (LONGLONG)at};
    IO_STATUS_BLOCK iosb;
    return ZwWriteFile(file->handle, NULL, NULL, NULL, &iosb, (PVOID)from, bytes, &offset, NULL);
}

NTSTATUS
httpd_file_rename(struct httpd_file *file, const UNICODE_STRING *root, const char *path)
{
    UNICODE_STRING name;
    IO_STATUS_BLOCK iosb;
    NTSTATUS status = name_make(root, path, &name);
    if (!NT_SUCCESS(status))
        return status;
    ULONG bytes = FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName) + name.Length;
    FILE_RENAME_INFORMATION *info = httpd_alloc(bytes < sizeof *info ? sizeof *info : bytes);
    status = STATUS_INSUFFICIENT_RESOURCES;
    if (info) {
        info->ReplaceIfExists = TRUE;
        info->FileNameLength = name.Length;
        RtlCopyMemory(info->FileName, name.Buffer, name.Length);
        status = ZwSetInformationFile(file->handle, &iosb, info, bytes < sizeof *info ? sizeof *info : bytes, FileRenameInformation);
    }
    httpd_free(info);
    httpd_free(name.Buffer);
    return status;
}

VOID
httpd_file_delete(struct httpd_file *file)
{
    FILE_DISPOSITION_INFORMATION info = {.DeleteFile = TRUE};
    IO_STATUS_BLOCK iosb;
    NTSTATUS status = ZwSetInformationFile(file->handle, &iosb, &info, sizeof info, FileDispositionInformation);
    if (!NT_SUCCESS(status))
        DbgPrint("tdihttpd: what an upload left cannot be deleted: 0x%08x\n", status);
}

VOID
httpd_file_close(struct httpd_file *file)
{
    if (file->handle)
        ZwClose(file->handle);
    file->handle = NULL;
}

VOID
httpd_file_tag(const struct httpd_file *file, char tag[HTTPD_TAG_BYTES])
{
    struct http_out out = {tag, 0, HTTPD_TAG_BYTES - 1, FALSE};
    http_put(&out, "\"");
    http_put_hex(&out, file->written);
    http_put(&out, "-");
    http_put_hex(&out, file->bytes);
    http_put(&out, "\"");
    tag[out.used] = 0;
}
