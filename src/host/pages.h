// SPDX-License-Identifier: MIT
// Pages that stay mapped from one run to the next: a sweep over seeds would otherwise spend a third of its time on the kernel's giving
// and taking them. Who gets pages finds zeros, as in new ones: what a run leaves behind must not reach the next, or a seed in a sweep
// would not be that seed alone. For one thread (the seeded scheduler's): nothing here locks.
//   pages_put -> which of them were touched (/proc/self/pagemap)? -> zeroed -> kept -> pages_get
#ifndef NBX_HOST_PAGES_H
#define NBX_HOST_PAGES_H

#include <stddef.h>

struct pages;

enum pages_kind {
    PAGES_PLAIN,
    PAGES_STACK                               // a guard page below, not counted in bytes (host/stack.h)
};

// fails: NULL when out of memory.
struct pages *pages_create(void);
// Unmaps what is kept. What is out stays, and is its holder's.
void pages_destroy(struct pages *pages);

// pages: NULL: map and unmap each time. bytes: the same when they are put back.
// owns: returns zeroed memory until pages_put. fails: NULL.
void *pages_get(struct pages *pages, size_t bytes, enum pages_kind kind);
void pages_put(struct pages *pages, void *memory, size_t bytes, enum pages_kind kind);

// How many pieces are kept, for tests.
size_t pages_count(const struct pages *pages);

#endif
