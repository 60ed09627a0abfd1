// SPDX-License-Identifier: MIT
// Fast mutexes, push locks, rundown protection: each waits for a 32-bit half of its own memory to change.
//   FAST_MUTEX.Count       1 free, 0 held, -1 held and somebody sleeps
//   EX_PUSH_LOCK           low half: bit 31 writer has or wants it, bit 30 somebody sleeps, the rest counts readers
//   EX_RUNDOWN_REF.Count   bit 0 run down (or being so), bit 1 the waiter sleeps, the rest counts references by 4; low half
#include "nt/ex/sync.h"

#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "nt/ke/word.h"

static inline struct sched *
sync_sched(void)
{
    return sched_self->sched;
}

static void
sync_check_irql(const void *object)
{
    if (ke_self()->irql > APC_LEVEL)
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, (uint64_t)(uintptr_t)object, ke_self()->irql, 0,
                    (uint64_t)(uintptr_t)__builtin_return_address(0));
}

static inline _Atomic uint32_t *
mutex_word(FAST_MUTEX *mutex)
{
    return (_Atomic uint32_t *)&mutex->Count;
}

bool
ex_fast_mutex_try(FAST_MUTEX *mutex)
{
    sync_check_irql(mutex);
    sched_choice(sync_sched(), SCHED_POINT_LOCK);
    uint32_t free_word = 1;
    if (!atomic_compare_exchange_strong(mutex_word(mutex), &free_word, 0))
        return false;
    __atomic_store_n(&mutex->Owner, ke_self(), __ATOMIC_RELAXED);
    return true;
}

void
ex_fast_mutex_take(FAST_MUTEX *mutex)
{
    if (ex_fast_mutex_try(mutex))
        return;
    if (__atomic_load_n(&mutex->Owner, __ATOMIC_RELAXED) == ke_self())   // Windows would hang
        ke_bugcheck(BUGCODE_SPIN_LOCK_ALREADY_OWNED, (uint64_t)(uintptr_t)mutex, 1, 0, 0);
    while (atomic_exchange(mutex_word(mutex), (uint32_t)-1) != 1)
        sched_wait(sync_sched(), mutex_word(mutex), (uint32_t)-1, SCHED_NEVER);
    __atomic_add_fetch(&mutex->Contention, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&mutex->Owner, ke_self(), __ATOMIC_RELAXED);
}

void
ex_fast_mutex_drop(FAST_MUTEX *mutex)
{
    if (__atomic_load_n(&mutex->Owner, __ATOMIC_RELAXED) != ke_self())
        ke_bugcheck(BUGCODE_SPIN_LOCK_NOT_OWNED, (uint64_t)(uintptr_t)mutex, 1, 0, 0);
    __atomic_store_n(&mutex->Owner, NULL, __ATOMIC_RELAXED);
    if (atomic_exchange(mutex_word(mutex), 1) == (uint32_t)-1)
        sched_wake(sync_sched(), mutex_word(mutex), 1);
    sched_choice(sync_sched(), SCHED_POINT_UNLOCK);
}

#define PUSH_WRITER 0x80000000u
#define PUSH_SLEEPER 0x40000000u
#define PUSH_READERS 0x3fffffffu

static void
push_wait(_Atomic uint32_t *word, uint32_t seen)
{
    if ((seen & PUSH_SLEEPER) || atomic_compare_exchange_strong(word, &seen, seen | PUSH_SLEEPER))
        sched_wait(sync_sched(), word, seen | PUSH_SLEEPER, SCHED_NEVER);
}

void
ex_push_lock_take(EX_PUSH_LOCK *lock, bool exclusive)
{
    _Atomic uint32_t *word = (_Atomic uint32_t *)lock;
    sync_check_irql(lock);
    sched_choice(sync_sched(), SCHED_POINT_LOCK);
    for (;;) {
        uint32_t seen = atomic_load(word);
        if (seen & PUSH_WRITER)
            push_wait(word, seen);
        else if (atomic_compare_exchange_strong(word, &seen, exclusive ? seen | PUSH_WRITER : seen + 1))
            break;
    }
    while (exclusive) {   // the readers that were inside leave
        uint32_t seen = atomic_load(word);
        if (!(seen & PUSH_READERS))
            break;
        push_wait(word, seen);
    }
}

void
ex_push_lock_drop(EX_PUSH_LOCK *lock, bool exclusive)
{
    _Atomic uint32_t *word = (_Atomic uint32_t *)lock;
    uint32_t was = atomic_load(word);
    bool held = exclusive ? (was & PUSH_WRITER) && !(was & PUSH_READERS) : (was & PUSH_READERS) != 0;
    if (!held)
        ke_bugcheck(BUGCODE_SPIN_LOCK_NOT_OWNED, (uint64_t)(uintptr_t)lock, was, exclusive, 0);
    if (exclusive) {
        was = atomic_exchange(word, 0);
    } else {
        was = atomic_fetch_sub(word, 1) - 1;
        if (was & PUSH_READERS)
            was = 0;                                   // not the last: nobody can go on yet
        else if (was & PUSH_SLEEPER)
            atomic_fetch_and(word, ~PUSH_SLEEPER);
    }
    if (was & PUSH_SLEEPER)
        sched_wake(sync_sched(), word, UINT32_MAX);
    sched_choice(sync_sched(), SCHED_POINT_UNLOCK);
}

#define RUNDOWN_ACTIVE 1u
#define RUNDOWN_SLEEPER 2u
#define RUNDOWN_ONE 4u

static inline _Atomic uint32_t *
rundown_word(EX_RUNDOWN_REF *ref)
{
    return (_Atomic uint32_t *)&ref->Count;
}

bool
ex_rundown_enter(EX_RUNDOWN_REF *ref, ULONG count)
{
    uint32_t seen = atomic_load(rundown_word(ref));
    do {
        if (seen & RUNDOWN_ACTIVE)
            return false;
    } while (!atomic_compare_exchange_weak(rundown_word(ref), &seen, seen + count * RUNDOWN_ONE));
    return true;
}

void
ex_rundown_leave(EX_RUNDOWN_REF *ref, ULONG count)
{
    struct sched *sched = sync_sched();
    uint32_t was = atomic_fetch_sub(rundown_word(ref), count * RUNDOWN_ONE);
    if (was / RUNDOWN_ONE < count)
        ke_bugcheck(BUGCODE_RUNDOWN_NOT_HELD, (uint64_t)(uintptr_t)ref, was, count, 0);
    if (was - count * RUNDOWN_ONE == (RUNDOWN_ACTIVE | RUNDOWN_SLEEPER))
        sched_wake(sched, rundown_word(ref), UINT32_MAX);   // the waiter may free it as soon as it looks
    sched_choice(sched, SCHED_POINT_SIGNAL);
}

void
ex_rundown_wait(EX_RUNDOWN_REF *ref)
{
    sync_check_irql(ref);
    sched_choice(sync_sched(), SCHED_POINT_WAIT);
    uint32_t seen = atomic_fetch_or(rundown_word(ref), RUNDOWN_ACTIVE) | RUNDOWN_ACTIVE;
    while (seen / RUNDOWN_ONE) {
        if (!(seen & RUNDOWN_SLEEPER))
            atomic_compare_exchange_strong(rundown_word(ref), &seen, seen | RUNDOWN_SLEEPER);
        else
            sched_wait(sync_sched(), rundown_word(ref), seen, SCHED_NEVER);
        seen = atomic_load(rundown_word(ref));
    }
}
