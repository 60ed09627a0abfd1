// SPDX-License-Identifier: MIT
// Regular files: what is opened, what is refused, whole transfers, offsets out of range.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/harness.h"
#include "host/file.h"

TEST(files_are_written_read_and_measured)
{
    char folder[] = "/tmp/nbx-file-XXXXXX", path[64], buffer[32];
    int fd;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a", folder);
    ck_assert_int_eq(file_open(path, FILE_MODE_READ, &fd), -ENOENT);
    ck_assert_int_eq(file_open(path, FILE_MODE_READ | FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_EXCLUSIVE, &fd), 0);
    ck_assert_int_eq(file_write(fd, "hello", 5, 3), 0);
    ck_assert_int_eq(file_bytes(fd), 8);
    ck_assert_int_eq(file_read(fd, buffer, sizeof buffer, 0), 8);
    ck_assert_int_eq(memcmp(buffer, "\0\0\0hello", 8), 0);
    ck_assert_int_eq(file_read(fd, buffer, 4, 8), 0);
    ck_assert_int_eq(file_read(fd, buffer, 4, UINT64_MAX), -EINVAL);
    ck_assert_int_eq(file_write(fd, buffer, 1, INT64_MAX), -EINVAL);
    file_close(fd);
    ck_assert_int_eq(file_open(path, FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_EXCLUSIVE, &fd), -EEXIST);
    char *text;
    size_t count;
    ck_assert_int_eq(file_load(path, 7, &text, &count), -EFBIG);
    ck_assert_int_eq(file_load(path, 8, &text, &count), 0);
    ck_assert_uint_eq(count, 8);
    ck_assert_str_eq(text + 3, "hello");
    free(text);
    ck_assert_int_eq(file_open(path, FILE_MODE_WRITE | FILE_MODE_TRUNCATE, &fd), 0);
    ck_assert_int_eq(file_bytes(fd), 0);
    file_close(fd);
    ck_assert_int_eq(file_remove(path), 0);
    ck_assert_int_eq(file_remove(path), -ENOENT);
    ck_assert_int_eq(file_open(folder, FILE_MODE_READ, &fd), -EISDIR);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(file_open(path, FILE_MODE_READ, &fd), -ENODEV);
    ck_assert_int_eq(file_remove(path), 0);
    rmdir(folder);
    ck_assert_int_eq(file_open("/dev/null", FILE_MODE_READ, &fd), -ENODEV);
}
