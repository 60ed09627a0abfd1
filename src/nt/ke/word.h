// SPDX-License-Identifier: MIT
// The one lock word everything here is made of: 0 free, 1 held, 2 held and somebody may sleep on it. Processors, KSPIN_LOCKs, the
// runtime's locks and the raw locks of the executive are all such words. A contended taker spins 150 times and then sleeps; on sim,
// where only one thread runs, it sleeps at once.
// A raw lock (a bare word) does not raise the IRQL and is no choice point: it is for a few instructions that call nothing, so on sim
// it is never found taken.
#ifndef NBX_NT_KE_WORD_H
#define NBX_NT_KE_WORD_H

#include "host/sched.h"

#define KE_WORD_SPINS 150

void ke_word_lock_slow(_Atomic uint32_t *word);
void ke_word_wake(_Atomic uint32_t *word);

// Orders are sequentially consistent because processors' words also order DPC queues and gates (processor.c, gate.c).
static inline bool
ke_word_try(_Atomic uint32_t *word)
{
    uint32_t free_word = 0;
    return atomic_load_explicit(word, memory_order_relaxed) == 0 && atomic_compare_exchange_strong(word, &free_word, 1);
}

static inline void
ke_word_lock(_Atomic uint32_t *word)
{
    uint32_t free_word = 0;
    if (!atomic_compare_exchange_strong(word, &free_word, 1))
        ke_word_lock_slow(word);
}

static inline void
ke_word_unlock(_Atomic uint32_t *word)
{
    if (atomic_exchange(word, 0) == 2)
        ke_word_wake(word);
}

#endif
