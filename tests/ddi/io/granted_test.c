// SPDX-License-Identifier: MIT
// Files of the host: only what was granted, never out of it, with the statuses of the page.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>

#include "nt/io/io.h"
#include "unit/nt/nt_test.h"

static char directory[64];

static void
make_directory(void)
{
    char path[128];
    snprintf(directory, sizeof(directory), "/tmp/ndisbox-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/inside", directory);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/secret", directory);
    FILE *file = fopen(path, "w");
    fputs("secret", file);
    fclose(file);
    snprintf(path, sizeof(path), "%s/inside/link", directory);
    ck_assert_int_eq(symlink("../secret", path), 0);
    snprintf(path, sizeof(path), "%s/inside", directory);
    ck_assert_int_eq(io_grant_path(box_self(), "\\DosDevices\\C:\\data", path, true), 0);
    ck_assert_int_eq(io_grant_path(box_self(), "\\??\\R:\\", path, false), 0);
}

static void
remove_directory(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static NTSTATUS
open_file(const char *path, ACCESS_MASK access, ULONG disposition, HANDLE *handle, IO_STATUS_BLOCK *iosb)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    ck_assert_int_eq(ob_string_from(path, &name), STATUS_SUCCESS);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    NTSTATUS status = ZwCreateFile(handle, access, &attributes, iosb, NULL, 0, FILE_SHARE_READ, disposition,
                                   FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    ob_string_free(&name);
    return status;
}

NT_TEST(ZwCreateFile_writes_and_reads_a_file_below_a_granted_directory)
{
    HANDLE file;
    IO_STATUS_BLOCK iosb;
    char back[16] = {0};
    FILE_STANDARD_INFORMATION standard;
    FILE_POSITION_INFORMATION position;
    LARGE_INTEGER far = {.QuadPart = 100};
    make_directory();
    ck_assert_int_eq(open_file("\\??\\C:\\data\\f", FILE_READ_DATA | FILE_WRITE_DATA, FILE_CREATE, &file, &iosb), STATUS_SUCCESS);
    ck_assert_uint_eq(iosb.Information, FILE_CREATED);
    ck_assert_int_eq(ZwWriteFile(file, NULL, NULL, NULL, &iosb, "hello ", 6, NULL, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ZwWriteFile(file, NULL, NULL, NULL, &iosb, "world", 5, NULL, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQueryInformationFile(file, &iosb, &position, sizeof(position), FilePositionInformation), STATUS_SUCCESS);
    ck_assert_int_eq(position.CurrentByteOffset.QuadPart, 11);
    ck_assert_int_eq(ZwQueryInformationFile(file, &iosb, &standard, sizeof(standard), FileStandardInformation), STATUS_SUCCESS);
    ck_assert_int_eq(standard.EndOfFile.QuadPart, 11);
    position.CurrentByteOffset.QuadPart = 6;
    ck_assert_int_eq(ZwSetInformationFile(file, &iosb, &position, sizeof(position), FilePositionInformation), STATUS_SUCCESS);
    ck_assert_int_eq(ZwReadFile(file, NULL, NULL, NULL, &iosb, back, sizeof(back), NULL, NULL), STATUS_SUCCESS);
    ck_assert_str_eq(back, "world");
    ck_assert_int_eq(ZwReadFile(file, NULL, NULL, NULL, &iosb, back, 1, &far, NULL), STATUS_END_OF_FILE);
    ck_assert_int_eq(ZwQueryInformationFile(file, &iosb, &standard, 3, FileStandardInformation), STATUS_INFO_LENGTH_MISMATCH);
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    ck_assert_int_eq(open_file("\\??\\C:\\data\\f", FILE_READ_DATA, FILE_CREATE, &file, &iosb), STATUS_OBJECT_NAME_COLLISION);
    ck_assert_int_eq(open_file("\\??\\C:\\data\\none", FILE_READ_DATA, FILE_OPEN, &file, &iosb), STATUS_OBJECT_NAME_NOT_FOUND);
    remove_directory();
}

static char last_message[512];

static void
keep_message(void *context, const char *line)
{
    snprintf(last_message, sizeof(last_message), "%s", line);
}

NT_TEST(ZwCreateFile_refuses_what_is_not_granted_and_every_way_out_of_what_is)
{
    static const char *const ways_out[] = {"\\??\\C:\\data\\..\\secret", "\\??\\C:\\data\\link",
                                           "\\DosDevices\\C:\\data\\..\\..\\etc\\passwd",
                                           "\\??\\C:\\other", "\\??\\C:\\database\\f", "\\??\\D:\\data\\f", "\\SystemRoot\\win.ini"};
    HANDLE file;
    IO_STATUS_BLOCK iosb;
    make_directory();
    box_self()->on_message = keep_message;
    for (size_t i = 0; i < sizeof(ways_out) / sizeof(ways_out[0]); i++)
        ck_assert_int_eq(open_file(ways_out[i], FILE_READ_DATA, FILE_OPEN, &file, &iosb), STATUS_ACCESS_DENIED);
    ck_assert_ptr_nonnull(strstr(last_message, "win.ini"));
    box_self()->on_message = NULL;
    remove_directory();
}

NT_TEST(ZwCreateFile_on_a_read_grant_refuses_every_kind_of_writing)
{
    HANDLE file;
    IO_STATUS_BLOCK iosb;
    make_directory();
    ck_assert_int_eq(open_file("\\??\\R:\\f", FILE_WRITE_DATA, FILE_OPEN_IF, &file, &iosb), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(open_file("\\??\\C:\\data\\f", FILE_WRITE_DATA, FILE_OPEN_IF, &file, &iosb), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    ck_assert_int_eq(open_file("\\??\\R:\\f", FILE_READ_DATA, FILE_OVERWRITE_IF, &file, &iosb), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(open_file("\\??\\R:\\F2", FILE_READ_DATA, FILE_CREATE, &file, &iosb), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(open_file("\\??\\r:\\f", FILE_READ_DATA, FILE_OPEN, &file, &iosb), STATUS_SUCCESS);
    ck_assert_int_eq(ZwWriteFile(file, NULL, NULL, NULL, &iosb, "x", 1, NULL, NULL), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    remove_directory();
}

// ---- what a file is, its name, its end ------------------------------------------------------------------------------------------------

static bool
is_there(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/inside/%s", directory, name);
    return access(path, F_OK) == 0;
}

static void
make_file(const char *name, ACCESS_MASK access, HANDLE *file)
{
    char path[128];
    IO_STATUS_BLOCK iosb;
    snprintf(path, sizeof(path), "\\??\\C:\\data\\%s", name);
    ck_assert_int_eq(open_file(path, access, FILE_CREATE, file, &iosb), STATUS_SUCCESS);
}

static NTSTATUS
rename_file(HANDLE file, const char *path, bool replace)
{
    union {
        FILE_RENAME_INFORMATION info;
        uint8_t bytes[256];
    } u = {.info.ReplaceIfExists = replace};
    IO_STATUS_BLOCK iosb = {.Status = -1};
    size_t count = strlen(path);
    u.info.FileNameLength = (ULONG)count * 2;
    for (size_t i = 0; i < count; i++)
        u.info.FileName[i] = (WCHAR)path[i];
    NTSTATUS status = ZwSetInformationFile(file, &iosb, &u, sizeof(u), FileRenameInformation);
    ck_assert_int_eq(iosb.Status, status);
    return status;
}

static NTSTATUS
doom(HANDLE file, bool is_doomed)
{
    FILE_DISPOSITION_INFORMATION info = {.DeleteFile = is_doomed};
    IO_STATUS_BLOCK iosb;
    return ZwSetInformationFile(file, &iosb, &info, sizeof(info), FileDispositionInformation);
}

NT_TEST(ZwQueryInformationFile_tells_times_lengths_and_attributes_of_a_granted_file)
{
    HANDLE file;
    IO_STATUS_BLOCK iosb;
    LARGE_INTEGER now, before;
    FILE_BASIC_INFORMATION basic;
    FILE_NETWORK_OPEN_INFORMATION open;
    make_directory();
    before.QuadPart = ((LONGLONG)time(NULL) + 11644473600LL - 2) * 10000000;
    make_file("f", FILE_READ_DATA | FILE_WRITE_DATA, &file);
    ck_assert_int_eq(ZwWriteFile(file, NULL, NULL, NULL, &iosb, "12345", 5, NULL, NULL), STATUS_SUCCESS);
    now.QuadPart = ((LONGLONG)time(NULL) + 11644473600LL + 2) * 10000000;
    ck_assert_int_eq(ZwQueryInformationFile(file, &iosb, &open, sizeof(open), FileNetworkOpenInformation), STATUS_SUCCESS);
    ck_assert_uint_eq(iosb.Information, sizeof(open));
    ck_assert_int_eq(open.EndOfFile.QuadPart, 5);
    ck_assert_int_eq(open.AllocationSize.QuadPart, 4096);
    ck_assert_uint_eq(open.FileAttributes, FILE_ATTRIBUTE_NORMAL);
    ck_assert(open.LastWriteTime.QuadPart > before.QuadPart && open.LastWriteTime.QuadPart < now.QuadPart);
    ck_assert_int_eq(ZwQueryInformationFile(file, &iosb, &basic, sizeof(basic), FileBasicInformation), STATUS_SUCCESS);
    ck_assert_int_eq(basic.LastWriteTime.QuadPart, open.LastWriteTime.QuadPart);
    ck_assert_int_eq(basic.ChangeTime.QuadPart, open.ChangeTime.QuadPart);
    ck_assert_int_eq(ZwQueryInformationFile(file, &iosb, &open, sizeof(open) - 1, FileNetworkOpenInformation), STATUS_INFO_LENGTH_MISMATCH);
    ck_assert_int_eq(ZwQueryInformationFile(file, &iosb, &basic, sizeof(basic), FileEaInformation), STATUS_INVALID_INFO_CLASS);
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    remove_directory();
}

NT_TEST(ZwSetInformationFile_gives_a_granted_file_another_name_in_place_of_another_only_when_told)
{
    HANDLE file, other;
    make_directory();
    make_file("a", FILE_WRITE_DATA | DELETE, &file);
    make_file("b", FILE_WRITE_DATA, &other);
    ck_assert_int_eq(rename_file(file, "\\??\\C:\\data\\b", false), STATUS_OBJECT_NAME_COLLISION);
    ck_assert(is_there("a"));
    ck_assert_int_eq(rename_file(file, "\\??\\C:\\data\\b", true), STATUS_SUCCESS);
    ck_assert(!is_there("a") && is_there("b"));
    ck_assert_int_eq(rename_file(file, "\\??\\C:\\data\\c", false), STATUS_SUCCESS);
    ck_assert(is_there("c"));
    ck_assert_int_eq(ZwClose(other), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    remove_directory();
}

NT_TEST(ZwSetInformationFile_lets_no_name_lead_out_of_what_is_granted_for_writing)
{
    static const char *const ways_out[] = {"\\??\\C:\\data\\..\\a", "\\??\\C:\\data\\no\\..\\..\\a", "\\??\\R:\\a", "\\??\\D:\\a",
                                           "\\Device\\X"};
    FILE_RENAME_INFORMATION cut = {.FileNameLength = 64, .FileName = {'\\'}};
    IO_STATUS_BLOCK iosb;
    HANDLE file;
    make_directory();
    make_file("a", FILE_WRITE_DATA | DELETE, &file);
    for (size_t i = 0; i < sizeof(ways_out) / sizeof(ways_out[0]); i++)
        ck_assert_msg(!NT_SUCCESS(rename_file(file, ways_out[i], true)), "%s", ways_out[i]);
    ck_assert_int_eq(rename_file(file, "\\??\\C:\\data\\..\\a", true), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(rename_file(file, "\\??\\R:\\a", true), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(rename_file(file, "b", true), STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(ZwSetInformationFile(file, &iosb, &cut, sizeof(cut), FileRenameInformation), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(ZwSetInformationFile(file, &iosb, &cut, 4, FileRenameInformation), STATUS_INFO_LENGTH_MISMATCH);
    ck_assert(is_there("a"));
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    remove_directory();
}

NT_TEST(ZwSetInformationFile_deletes_with_the_last_handle_what_was_opened_for_it)
{
    FILE_STANDARD_INFORMATION standard;
    IO_STATUS_BLOCK iosb;
    HANDLE file;
    make_directory();
    make_file("a", FILE_WRITE_DATA, &file);
    ck_assert_int_eq(doom(file, true), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(rename_file(file, "\\??\\C:\\data\\b", true), STATUS_ACCESS_DENIED);
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    ck_assert_int_eq(open_file("\\??\\R:\\a", FILE_READ_DATA | DELETE, FILE_OPEN, &file, &iosb), STATUS_SUCCESS);
    ck_assert_int_eq(doom(file, true), STATUS_ACCESS_DENIED);   // its grant is for reading
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    ck_assert_int_eq(open_file("\\??\\C:\\data\\a", FILE_WRITE_DATA | DELETE, FILE_OPEN, &file, &iosb), STATUS_SUCCESS);
    ck_assert_int_eq(doom(file, true), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQueryInformationFile(file, &iosb, &standard, sizeof(standard), FileStandardInformation), STATUS_SUCCESS);
    ck_assert(standard.DeletePending && is_there("a"));
    ck_assert_int_eq(doom(file, false), STATUS_SUCCESS);
    ck_assert_int_eq(rename_file(file, "\\??\\C:\\data\\b", true), STATUS_SUCCESS);
    ck_assert_int_eq(doom(file, true), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(file), STATUS_SUCCESS);
    ck_assert(!is_there("a") && !is_there("b"));
    remove_directory();
}
