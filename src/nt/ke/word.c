// SPDX-License-Identifier: MIT
// Lock words, the contended half. Measured before it was built: pure spinning loses tens of milliseconds when the owner is
// descheduled, sleeping at once loses to a short critical section; 100 to 200 turns and then the futex is the best of both.
#include "nt/ke/word.h"

static inline void
word_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void
ke_word_lock_slow(_Atomic uint32_t *word)
{
    struct sched *sched = sched_self->sched;
    if (!sched->is_sim) {
        for (int i = 0; i < KE_WORD_SPINS; i++) {
            if (ke_word_try(word))
                return;
            word_relax();
        }
    }
    // Taken with 2, not 1: we cannot know whether another sleeper remains, and a wake too many is harmless.
    while (atomic_exchange(word, 2) != 0)
        sched_wait(sched, word, 2, SCHED_NEVER);
}

void
ke_word_wake(_Atomic uint32_t *word)
{
    sched_wake(sched_self->sched, word, 1);
}
