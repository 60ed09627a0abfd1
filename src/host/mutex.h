// SPDX-License-Identifier: MIT
// A mutex for code above the seam: one word, uncontended without a system call, sleeping through sched_wait. The same on both
// schedulers; on sim taking it is a choice point, so that a sweep tries the interleavings round it.
// For rooms below nt (ports, wires, trace files); a driver's locks are nt's KSPIN_LOCK and friends.
#ifndef NBX_HOST_MUTEX_H
#define NBX_HOST_MUTEX_H

#include "host/sched.h"

struct sched_mutex {
    _Atomic uint32_t word;   // 0 free, 1 held, 2 held and somebody may sleep on it
};

// locks: takes the mutex; not recursive. Never held across an upcall.
static inline void
sched_mutex_lock(struct sched *sched, struct sched_mutex *mutex)
{
    sched_choice(sched, SCHED_POINT_LOCK);
    uint32_t seen = 0;
    if (atomic_compare_exchange_strong_explicit(&mutex->word, &seen, 1, memory_order_acquire, memory_order_relaxed))
        return;
    // A holder that runs on another processor lets go within a few hundred nanoseconds: look again before sleeping. On sim nobody
    // else runs while we look, so it sleeps at once.
    for (int i = 0; i < 100 && !sched->is_sim; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
        seen = 0;
        if (atomic_load_explicit(&mutex->word, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&mutex->word, &seen, 1, memory_order_acquire, memory_order_relaxed))
            return;
    }
    while (atomic_exchange_explicit(&mutex->word, 2, memory_order_acquire) != 0)
        (void)sched_wait(sched, &mutex->word, 2, SCHED_NEVER);
}

static inline void
sched_mutex_unlock(struct sched *sched, struct sched_mutex *mutex)
{
    if (atomic_exchange_explicit(&mutex->word, 0, memory_order_release) == 2)
        sched_wake(sched, &mutex->word, 1);
}

#endif
