// SPDX-License-Identifier: MIT
// Driver images that stay loaded from one run to the next: a sweep over seeds would otherwise spend its time copying and mapping files.
// An image that is given back is not unmapped; when it is wanted again, everything it may have written is as it was behind its
// constructors, before DriverEntry. For one thread (the seeded scheduler's): nothing here locks.
#ifndef NBX_LOADER_KEEP_H
#define NBX_LOADER_KEEP_H

#include "loader/loader.h"

struct loader_keep;

// fails: NULL when out of memory.
struct loader_keep *loader_keep_create(void);
// Unmaps everything. No image may be out.
void loader_keep_destroy(struct loader_keep *keep);

// As loader_open, but an idle image of the same path and name is taken first. The file is not looked at again then: a sweep is about
// the drivers it began with. owns: image->dl goes back with loader_keep_close.
int loader_keep_open(struct loader_keep *keep, const char *path, const char *name, struct loader_image *image, char *error,
                     size_t error_bytes);
void loader_keep_close(struct loader_keep *keep, void *dl);

// How many images are mapped, for tests.
unsigned loader_keep_count(const struct loader_keep *keep);

#endif
