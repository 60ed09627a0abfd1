// SPDX-License-Identifier: MIT
// The runtime's own lock (raises to DISPATCH, may be contended on sim, so it is a choice point) and its latch.
#include <errno.h>

#include "nt/ke/ke_int.h"

KIRQL
ke_lock_take(struct ke_lock *lock)
{
    KIRQL old = ke_raise_dispatch(ke_self());
    sched_choice(sched_self->sched, SCHED_POINT_LOCK);
    ke_word_lock(&lock->word);
    return old;
}

void
ke_lock_drop(struct ke_lock *lock, KIRQL old)
{
    ke_word_unlock(&lock->word);
    sched_choice(sched_self->sched, SCHED_POINT_UNLOCK);
    ke_lower(ke_self(), old);
}

// A latch's word: 0 not set, 1 set, 2 not set and somebody sleeps on it.
void
ke_latch_reset(struct ke_latch *latch)
{
    atomic_store(&latch->word, 0);
}

void
ke_latch_set(struct ke_latch *latch)
{
    struct sched *sched = sched_self->sched;
    // After the exchange the waiter may go and its latch with it; waking an address nobody sleeps on is harmless.
    if (atomic_exchange(&latch->word, 1) == 2)
        sched_wake(sched, &latch->word, UINT32_MAX);
    sched_choice(sched, SCHED_POINT_SIGNAL);
}

int
ke_latch_wait(struct ke_latch *latch, uint64_t timeout_ns)
{
    struct sched *sched = sched_self->sched;
    uint64_t deadline_ns = SCHED_NEVER;
    if (timeout_ns != SCHED_NEVER && __builtin_add_overflow(sched_now_ns(sched), timeout_ns, &deadline_ns))
        deadline_ns = SCHED_NEVER;
    sched_choice(sched, SCHED_POINT_WAIT);
    for (;;) {
        uint32_t word = 0;
        if (!atomic_compare_exchange_strong(&latch->word, &word, 2) && word == 1)
            return 0;
        if (sched_wait(sched, &latch->word, 2, deadline_ns) == -ETIMEDOUT)
            return atomic_load(&latch->word) == 1 ? 0 : -ETIMEDOUT;
    }
}
