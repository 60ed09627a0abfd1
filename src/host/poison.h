// SPDX-License-Identifier: MIT
// Memory that nobody may touch for a while, in asan builds: it is poisoned in ASan's shadow, and whoever touches it is told before
// ASan ends the process. The shadow belongs to the process, so this is of use only where one OS thread runs everything (sim).
// Elsewhere nothing happens: poison_is_there says so.
#ifndef NBX_HOST_POISON_H
#define NBX_HOST_POISON_H

#include <stdbool.h>
#include <stddef.h>

#define POISON_FRAMES_MAX 48

struct poison_touch {
    const void *address;
    size_t bytes;
    bool is_write;
    const void *frames[POISON_FRAMES_MAX];   // the access itself, then return addresses
    size_t frame_count;
};

bool poison_is_there(void);
void poison_set(const void *at, size_t bytes);
void poison_clear(const void *at, size_t bytes);
// Called in the thread that touched what is poisoned (by anybody), before ASan's own report: a caller who knows the place reports it
// and ends the process; when it returns ASan goes on. NULL: nobody. One for the process.
void poison_on_touch(void (*on_touch)(void *context, const struct poison_touch *touch), void *context);
// What ASan is about to report or has just reported, while it ends the process. false: nothing, or it is no access.
bool poison_touch_now(struct poison_touch *touch);

#endif
