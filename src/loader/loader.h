// SPDX-License-Identifier: MIT
// Driver images on disk: each load takes a private copy, so that a driver's globals are per box as they are per machine.
#ifndef NBX_LOADER_LOADER_H
#define NBX_LOADER_LOADER_H

#include <stddef.h>

struct loader_image {
    void *dl;
    void *entry;                 // DriverEntry
    void *base;                  // first mapped byte
    size_t span_bytes;
};

// Copy path into the run directory and map it. irql: PASSIVE. owns: dl is closed with loader_close.
// fails: -ENOENT, -EACCES, -EIO, -ENOMEM, -ENOEXEC (no driver image), -ENOSYS (names that nobody defines, or no DriverEntry);
// error gets one sentence that begins with name, nothing is mapped then.
int loader_open(const char *path, const char *name, struct loader_image *image, char *error, size_t error_bytes);
// Unmaps it and removes the copy.
void loader_close(void *dl);

#endif
