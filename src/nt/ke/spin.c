// SPDX-License-Identifier: MIT
// Spin locks. The caller is at DISPATCH and so owns a processor; a lock that is taken is held by the owner of another one, which
// will go on, so sleeping here after spinning is safe (docs/irql.md).
// Reader-writer word: bit 31 a writer has or wants it, bit 30 somebody sleeps, the rest counts readers.
#include "nt/ke/spin.h"

#include "nt/ke/bugcheck.h"
#include "nt/ke/word.h"

#define RW_WRITER 0x80000000u
#define RW_SLEEPER 0x40000000u
#define RW_READERS 0x3fffffffu

static inline _Atomic uint32_t *
spin_word(KSPIN_LOCK *lock)
{
    return (_Atomic uint32_t *)lock;
}

static inline _Atomic uint32_t *
spin_owner(KSPIN_LOCK *lock)
{
    return (_Atomic uint32_t *)lock + 1;
}

static void
spin_check_irql(KSPIN_LOCK *lock)
{
    struct ke_thread *self = ke_self();
    if (__builtin_expect(self->irql < DISPATCH_LEVEL, 0))
        ke_bugcheck(BUGCODE_IRQL_NOT_GREATER_OR_EQUAL, (uint64_t)(uintptr_t)lock, self->irql, DISPATCH_LEVEL,
                    (uint64_t)(uintptr_t)__builtin_return_address(0));
}

void
ke_spin_take(KSPIN_LOCK *lock)
{
    spin_check_irql(lock);
    sched_choice(sched_self->sched, SCHED_POINT_LOCK);
    uint32_t free_word = 0;
    if (!atomic_compare_exchange_strong(spin_word(lock), &free_word, 1)) {
        if (atomic_load_explicit(spin_owner(lock), memory_order_relaxed) == sched_self->id)
            ke_bugcheck(BUGCODE_SPIN_LOCK_ALREADY_OWNED, (uint64_t)(uintptr_t)lock, 0, 0, 0);
        ke_word_lock_slow(spin_word(lock));
    }
    atomic_store_explicit(spin_owner(lock), sched_self->id, memory_order_relaxed);
}

bool
ke_spin_try(KSPIN_LOCK *lock)
{
    spin_check_irql(lock);
    sched_choice(sched_self->sched, SCHED_POINT_LOCK);
    if (!ke_word_try(spin_word(lock)))
        return false;
    atomic_store_explicit(spin_owner(lock), sched_self->id, memory_order_relaxed);
    return true;
}

void
ke_spin_drop(KSPIN_LOCK *lock)
{
    atomic_store_explicit(spin_owner(lock), 0, memory_order_relaxed);
    uint32_t was = atomic_exchange(spin_word(lock), 0);
    if (__builtin_expect(was == 0, 0))
        ke_bugcheck(BUGCODE_SPIN_LOCK_NOT_OWNED, (uint64_t)(uintptr_t)lock, 0, 0, 0);
    if (was == 2)
        ke_word_wake(spin_word(lock));
    sched_choice(sched_self->sched, SCHED_POINT_UNLOCK);
}

bool
ke_spin_is_free(KSPIN_LOCK *lock)
{
    return atomic_load(spin_word(lock)) == 0;
}

static inline _Atomic uint32_t *
rw_word(EX_SPIN_LOCK *lock)
{
    return (_Atomic uint32_t *)lock;
}

static void
rw_wait(_Atomic uint32_t *word, uint32_t seen, uint32_t *turns)
{
    struct sched *sched = sched_self->sched;
    if (!sched->is_sim && ++*turns < KE_WORD_SPINS)
        return;
    if ((seen & RW_SLEEPER) || atomic_compare_exchange_strong(word, &seen, seen | RW_SLEEPER))
        sched_wait(sched, word, seen | RW_SLEEPER, SCHED_NEVER);
}

void
ke_rw_take_shared(EX_SPIN_LOCK *lock)
{
    spin_check_irql((KSPIN_LOCK *)lock);
    _Atomic uint32_t *word = rw_word(lock);
    uint32_t turns = 0;
    sched_choice(sched_self->sched, SCHED_POINT_LOCK);
    for (;;) {
        uint32_t seen = atomic_load(word);
        if (seen & RW_WRITER)
            rw_wait(word, seen, &turns);
        else if (atomic_compare_exchange_strong(word, &seen, seen + 1))
            return;
    }
}

void
ke_rw_drop_shared(EX_SPIN_LOCK *lock)
{
    _Atomic uint32_t *word = rw_word(lock);
    uint32_t seen = atomic_load(word), now;
    do {
        if (!(seen & RW_READERS))
            ke_bugcheck(BUGCODE_SPIN_LOCK_NOT_OWNED, (uint64_t)(uintptr_t)lock, seen, 0, 0);
        now = seen - 1;
        if (!(now & RW_READERS))
            now &= ~RW_SLEEPER;
    } while (!atomic_compare_exchange_weak(word, &seen, now));
    // In one step, because from here on the lock may be another's to take, to drop and to free: waking needs its address only.
    if (seen & ~now & RW_SLEEPER)
        sched_wake(sched_self->sched, word, UINT32_MAX);
    sched_choice(sched_self->sched, SCHED_POINT_UNLOCK);
}

void
ke_rw_take_exclusive(EX_SPIN_LOCK *lock)
{
    spin_check_irql((KSPIN_LOCK *)lock);
    _Atomic uint32_t *word = rw_word(lock);
    uint32_t turns = 0;
    sched_choice(sched_self->sched, SCHED_POINT_LOCK);
    for (;;) {
        uint32_t seen = atomic_load(word);
        if (seen & RW_WRITER)
            rw_wait(word, seen, &turns);
        else if (atomic_compare_exchange_strong(word, &seen, seen | RW_WRITER))
            break;
    }
    for (;;) {   // ours from now on; the readers that were inside leave
        uint32_t seen = atomic_load(word);
        if (!(seen & RW_READERS))
            return;
        rw_wait(word, seen, &turns);
    }
}

void
ke_rw_drop_exclusive(EX_SPIN_LOCK *lock)
{
    _Atomic uint32_t *word = rw_word(lock);
    uint32_t was = atomic_exchange(word, 0);
    if (!(was & RW_WRITER) || (was & RW_READERS))
        ke_bugcheck(BUGCODE_SPIN_LOCK_NOT_OWNED, (uint64_t)(uintptr_t)lock, was, 0, 0);
    if (was & RW_SLEEPER)
        sched_wake(sched_self->sched, word, UINT32_MAX);
    sched_choice(sched_self->sched, SCHED_POINT_UNLOCK);
}

bool
ke_rw_try_upgrade(EX_SPIN_LOCK *lock)
{
    uint32_t one = 1;
    return atomic_compare_exchange_strong(rw_word(lock), &one, RW_WRITER);
}
