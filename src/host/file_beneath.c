// SPDX-License-Identifier: MIT
// Files below a directory, for paths that come from outside: openat2(2) resolves them without ever leaving the directory, whatever
// .. or links they hold; a path that tries is -EXDEV. Needs Linux 5.6.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
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

// The directory that holds the path's last name, itself found without leaving. owns: *parent is closed by the caller.
static int
parent_open(int directory, const char *relative, int *parent, const char **name)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    char path[PATH_MAX] = ".";
    const char *slash = strrchr(relative, '/');
    *name = slash ? slash + 1 : relative;
    if (!**name || !strcmp(*name, ".") || !strcmp(*name, ".."))
        return -EINVAL;
    if (slash && (size_t)(slash - relative) >= sizeof(path))
        return -ENAMETOOLONG;
    if (slash)
        snprintf(path, sizeof(path), "%.*s", (int)(slash - relative), relative);
    *parent = (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
    return *parent < 0 ? -errno : 0;
}

int
file_remove_beneath(int directory, const char *relative)
{
    const char *name;
    int parent, failed = parent_open(directory, relative, &parent, &name);
    if (failed)
        return failed;
    failed = unlinkat(parent, name, 0) ? -errno : 0;
    close(parent);
    return failed;
}

int
file_rename_beneath(int directory, const char *relative, int to_directory, const char *to_relative, bool replace)
{
    const char *name, *to_name;
    int parent, to_parent, failed = parent_open(directory, relative, &parent, &name);
    if (failed)
        return failed;
    failed = parent_open(to_directory, to_relative, &to_parent, &to_name);
    if (!failed) {
        failed = renameat2(parent, name, to_parent, to_name, replace ? 0 : RENAME_NOREPLACE) ? -errno : 0;
        close(to_parent);
    }
    close(parent);
    return failed;
}
