// SPDX-License-Identifier: MIT
// Regular files: open(2), pread(2), pwrite(2) and their kin, whole transfers, -errno.
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int
file_open_flags(unsigned mode)
{
    // NONBLOCK, so that opening a FIFO by mistake does not hang; it means nothing to a regular file.
    int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    if ((mode & FILE_MODE_READ) && (mode & FILE_MODE_WRITE))
        flags |= O_RDWR;
    else
        flags |= mode & FILE_MODE_WRITE ? O_WRONLY : O_RDONLY;
    if (mode & FILE_MODE_CREATE)
        flags |= O_CREAT;
    if (mode & FILE_MODE_EXCLUSIVE)
        flags |= O_EXCL;
    return flags;
}

int
file_open(const char *path, unsigned mode, int *fd)
{
    struct stat st;
    int file = open(path, file_open_flags(mode), 0666);
    if (file < 0)
        return -errno;
    int error = fstat(file, &st) ? -errno : 0;
    if (!error && !S_ISREG(st.st_mode))
        error = S_ISDIR(st.st_mode) ? -EISDIR : -ENODEV;
    // Not by O_TRUNC: what turns out not to be a regular file is left alone.
    if (!error && (mode & FILE_MODE_TRUNCATE))
        error = file_truncate(file, 0);
    if (error) {
        close(file);
        return error;
    }
    *fd = file;
    return 0;
}

void
file_close(int fd)
{
    close(fd);
}

int64_t
file_read(int fd, void *to, size_t count, uint64_t offset)
{
    size_t done = 0;
    if (count > SSIZE_MAX || offset > (uint64_t)INT64_MAX - count)
        return -EINVAL;
    while (done < count) {
        ssize_t r = pread(fd, (char *)to + done, count - done, (off_t)(offset + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        if (!r)
            break;
        done += (size_t)r;
    }
    return (int64_t)done;
}

int
file_write(int fd, const void *from, size_t count, uint64_t offset)
{
    size_t done = 0;
    if (count > SSIZE_MAX || offset > (uint64_t)INT64_MAX - count)
        return -EINVAL;
    while (done < count) {
        ssize_t r = pwrite(fd, (const char *)from + done, count - done, (off_t)(offset + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        done += (size_t)r;
    }
    return 0;
}

int64_t
file_bytes(int fd)
{
    struct stat st;
    return fstat(fd, &st) ? -errno : st.st_size;
}

static int64_t
file_ns(struct timespec time)
{
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int
file_status(int fd, struct file_status *status)
{
    struct stat st;
    if (fstat(fd, &st))
        return -errno;
    *status = (struct file_status){.bytes = (uint64_t)st.st_size,
                                   .changed_ns = file_ns(st.st_ctim),
                                   .written_ns = file_ns(st.st_mtim),
                                   .read_ns = file_ns(st.st_atim),
                                   .is_directory = S_ISDIR(st.st_mode),
                                   .is_read_only = !(st.st_mode & 0222)};
    return 0;
}

int
file_truncate(int fd, uint64_t bytes)
{
    if (bytes > INT64_MAX)
        return -EINVAL;
    return ftruncate(fd, (off_t)bytes) ? -errno : 0;
}

int
file_sync(int fd)
{
    return fsync(fd) ? -errno : 0;
}

int
file_remove(const char *path)
{
    return unlink(path) ? -errno : 0;
}

static int
file_load_fd(int fd, size_t limit_bytes, char **out, size_t *count)
{
    int64_t bytes = file_bytes(fd);
    if (bytes < 0)
        return (int)bytes;
    if ((uint64_t)bytes > limit_bytes || (uint64_t)bytes >= SIZE_MAX)
        return -EFBIG;
    char *text = malloc((size_t)bytes + 1);
    if (!text)
        return -ENOMEM;
    int64_t got = file_read(fd, text, (size_t)bytes, 0);
    if (got < 0) {
        free(text);
        return (int)got;
    }
    text[got] = 0;
    *out = text;
    *count = (size_t)got;
    return 0;
}

int
file_load(const char *path, size_t limit_bytes, char **out, size_t *count)
{
    int fd, error = file_open(path, FILE_MODE_READ, &fd);
    if (error)
        return error;
    error = file_load_fd(fd, limit_bytes, out, count);
    file_close(fd);
    return error;
}
