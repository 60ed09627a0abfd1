// SPDX-License-Identifier: MIT
// Files below a directory, for paths that come from outside: openat2(2) resolves them without ever leaving the directory, whatever
// .. or links they hold; a path that tries is -EXDEV. Needs Linux 5.6.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/file.h"

int
file_open_directory(const char *path, int *fd)
{
    *fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? -errno : 0;
}

int
file_open_beneath(int directory, const char *relative, unsigned mode, int *fd)
{
    bool is_write = mode & FILE_MODE_WRITE, is_directory = mode & FILE_MODE_DIRECTORY;
    struct open_how how = {.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    how.flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (is_directory ? O_DIRECTORY : 0);
    how.flags |= is_write ? (mode & FILE_MODE_READ ? O_RDWR : O_WRONLY) : O_RDONLY;
    if (mode & FILE_MODE_CREATE)
        how.flags |= O_CREAT | (mode & FILE_MODE_EXCLUSIVE ? O_EXCL : 0);
    how.mode = mode & FILE_MODE_CREATE ? 0666 : 0;
    int file = (int)syscall(SYS_openat2, directory, *relative ? relative : ".", &how, sizeof(how));
    if (file < 0)
        return -errno;
    struct stat st;
    int failed = fstat(file, &st) ? -errno : 0;
    if (!failed && !S_ISREG(st.st_mode) && !is_directory)
        failed = S_ISDIR(st.st_mode) ? -EISDIR : -ENODEV;
    if (!failed && (mode & FILE_MODE_TRUNCATE))
        failed = file_truncate(file, 0);
    if (failed) {
        close(file);
        return failed;
    }
    *fd = file;
    return 0;
}
