// SPDX-License-Identifier: MIT
// Regular files by path, for ZwCreateFile and for tapes and captures: thin over the system calls, with short reads and writes and
// interrupted calls dealt with. It checks no grants; whoever opens for a driver has done that.
//   file_open -> file_read, file_write, file_bytes, file_truncate -> file_close
// All of it may block on the disk: irql PASSIVE only.
#ifndef NBX_HOST_FILE_H
#define NBX_HOST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum file_mode {
    FILE_MODE_READ = 1,
    FILE_MODE_WRITE = 2,
    FILE_MODE_CREATE = 4,        // create it if it is not there
    FILE_MODE_EXCLUSIVE = 8,     // with CREATE: it must not be there
    FILE_MODE_TRUNCATE = 16,     // empty it
    FILE_MODE_DIRECTORY = 32     // file_open_beneath only: a directory and nothing else
};

// fails: -errno; -EISDIR and -ENODEV for what is no regular file. New files get mode 0666 less the umask.
int file_open(const char *path, unsigned mode, int *fd);
void file_close(int fd);

// A directory to open files below, and opening them without ever leaving it ("" is the directory itself).
// fails: -errno; -EXDEV: the path leads out of the directory.
int file_open_directory(const char *path, int *fd);
int file_open_beneath(int directory, const char *relative, unsigned mode, int *fd);

// The same for taking a name away, and for giving a file another one; replace: in place of what has it. fails: -errno; -EEXIST.
int file_remove_beneath(int directory, const char *relative);
int file_rename_beneath(int directory, const char *relative, int to_directory, const char *to_relative, bool replace);

// Read up to `count` bytes at `offset`; fewer only at the end of the file. Returns how many, or -errno.
int64_t file_read(int fd, void *to, size_t count, uint64_t offset);

// Write all of `count` bytes at `offset`. fails: -errno; part may have been written.
int file_write(int fd, const void *from, size_t count, uint64_t offset);

int64_t file_bytes(int fd);                              // the length, or -errno
struct file_status {
    uint64_t bytes;
    int64_t changed_ns, written_ns, read_ns;             // since 1970, of its inode, its bytes, and looking at them
    bool is_directory, is_read_only;                     // nobody may write it
};
int file_status(int fd, struct file_status *status);     // -errno
int file_truncate(int fd, uint64_t bytes);               // -errno
int file_sync(int fd);                                   // -errno
int file_remove(const char *path);                       // -errno

// Read a whole file of at most limit_bytes into fresh memory, a 0 byte added after its end.
// owns: *out is the caller's, free() it. fails: -errno; -EFBIG past the limit.
int file_load(const char *path, size_t limit_bytes, char **out, size_t *count);

#endif
