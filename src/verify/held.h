// SPDX-License-Identifier: MIT
// What a thread holds while it is watched (ke_thread.held): for locks.c, which writes it, and order.c. Made with the first lock that the
// thread takes, freed with the thread (ke_thread_fini).
#ifndef NBX_VERIFY_HELD_H
#define NBX_VERIFY_HELD_H

#include <stdlib.h>

#include "verify/history.h"
#include "verify/locks.h"

#define HELD_MAX 16

struct held_lock {
    const void *lock;
    enum verify_lock_pair pair;               // of spin locks
    bool is_shared;                           // of reader-writer locks
    uint32_t depth;                           // ke_thread.crossings when it was taken
    struct verify_event taken;
};

struct ke_held {
    uint32_t count;
    uint32_t lost;                            // taken when there was no room
    struct held_lock locks[HELD_MAX];         // spin locks
    uint32_t other_count;
    struct held_lock others[HELD_MAX];        // mutexes and reader-writer locks
};

static inline struct ke_held *
held_of(struct ke_thread *self)
{
    if (!self->held && !(self->held = calloc(1, sizeof *self->held)))
        abort();
    return self->held;
}

#endif
