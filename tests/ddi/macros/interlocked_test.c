// SPDX-License-Identifier: MIT
// Interlocked operations, ordered reads and writes: what each returns (new value or old), what it leaves, and that four threads together
// lose nothing where the page promises an atomic operation.
#include <pthread.h>
#include <sched.h>

#include <ntddk.h>

#include "harness/harness.h"

#define THREADS 4
#define ROUNDS 20000

static LONG shared;
static LONG64 shared64;

static void
four_threads(void *(*fn)(void *))
{
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, fn, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
}

#define COUNTED(name, statement) \
    static void *name(void *context) \
    { \
        for (int i = 0; i < ROUNDS; i++) \
            statement; \
        return context; \
    }

// One operation in four threads, that must come to `sum`.
#define ATOMIC_IN_FOUR_THREADS(variable, fn, sum) \
    do { \
        variable = 0; \
        four_threads(fn); \
        ck_assert_int_eq(variable, sum); \
    } while (0)

COUNTED(count_increment, InterlockedIncrement(&shared))
TEST(InterlockedIncrement_gives_the_new_value_and_loses_none)
{
    LONG value = 0x7fffffff;
    ck_assert_int_eq(InterlockedIncrement(&value), (LONG)0x80000000);   // it wraps
    ATOMIC_IN_FOUR_THREADS(shared, count_increment, THREADS * ROUNDS);
}
COUNTED(count_increment_acquire, InterlockedIncrementAcquire(&shared))
TEST(InterlockedIncrementAcquire_gives_the_new_value_and_loses_none)
{
    LONG value = 4;
    ck_assert_int_eq(InterlockedIncrementAcquire(&value), 5);
    ATOMIC_IN_FOUR_THREADS(shared, count_increment_acquire, THREADS * ROUNDS);
}
COUNTED(count_increment_nofence, InterlockedIncrementNoFence(&shared))
TEST(InterlockedIncrementNoFence_gives_the_new_value_and_loses_none)
{
    LONG value = 4;
    ck_assert_int_eq(InterlockedIncrementNoFence(&value), 5);
    ATOMIC_IN_FOUR_THREADS(shared, count_increment_nofence, THREADS * ROUNDS);
}
COUNTED(count_increment64, InterlockedIncrement64(&shared64))
TEST(InterlockedIncrement64_gives_the_new_value_and_loses_none)
{
    LONG64 value = 0xffffffff;
    ck_assert_int_eq(InterlockedIncrement64(&value), 0x100000000);
    ATOMIC_IN_FOUR_THREADS(shared64, count_increment64, THREADS * ROUNDS);
}
COUNTED(count_increment_nofence64, InterlockedIncrementNoFence64(&shared64))
TEST(InterlockedIncrementNoFence64_gives_the_new_value_and_loses_none)
{
    LONG64 value = 0xffffffff;
    ck_assert_int_eq(InterlockedIncrementNoFence64(&value), 0x100000000);
    ATOMIC_IN_FOUR_THREADS(shared64, count_increment_nofence64, THREADS * ROUNDS);
}
COUNTED(count_decrement, InterlockedDecrement(&shared))
TEST(InterlockedDecrement_gives_the_new_value_and_loses_none)
{
    LONG value = 1;
    ck_assert_int_eq(InterlockedDecrement(&value), 0);
    ATOMIC_IN_FOUR_THREADS(shared, count_decrement, -THREADS * ROUNDS);
}
COUNTED(count_decrement_release, InterlockedDecrementRelease(&shared))
TEST(InterlockedDecrementRelease_gives_the_new_value_and_loses_none)
{
    LONG value = 1;
    ck_assert_int_eq(InterlockedDecrementRelease(&value), 0);
    ATOMIC_IN_FOUR_THREADS(shared, count_decrement_release, -THREADS * ROUNDS);
}
COUNTED(count_decrement64, InterlockedDecrement64(&shared64))
TEST(InterlockedDecrement64_gives_the_new_value_and_loses_none)
{
    LONG64 value = 0x100000000;
    ck_assert_int_eq(InterlockedDecrement64(&value), 0xffffffff);
    ATOMIC_IN_FOUR_THREADS(shared64, count_decrement64, -THREADS * ROUNDS);
}
COUNTED(count_add, InterlockedAdd(&shared, 3))
TEST(InterlockedAdd_gives_the_new_value_and_loses_none)
{
    LONG value = 10;
    ck_assert_int_eq(InterlockedAdd(&value, -4), 6);
    ATOMIC_IN_FOUR_THREADS(shared, count_add, 3 * THREADS * ROUNDS);
}
COUNTED(count_add64, InterlockedAddNoFence64(&shared64, 5))
TEST(InterlockedAddNoFence64_gives_the_new_value_and_loses_none)
{
    LONG64 value = 0xfffffffe;
    ck_assert_int_eq(InterlockedAddNoFence64(&value, 4), 0x100000002);
    ATOMIC_IN_FOUR_THREADS(shared64, count_add64, 5 * THREADS * ROUNDS);
}
COUNTED(count_exchange_add, InterlockedExchangeAdd(&shared, 2))
TEST(InterlockedExchangeAdd_gives_the_old_value_and_loses_none)
{
    LONG value = 10;
    ck_assert_int_eq(InterlockedExchangeAdd(&value, 7), 10);
    ck_assert_int_eq(value, 17);
    ATOMIC_IN_FOUR_THREADS(shared, count_exchange_add, 2 * THREADS * ROUNDS);
}

// A lock made of it keeps a plain counter whole.
static LONG lock_word, guarded;
static void *
guarded_count(void *context)
{
    for (int i = 0; i < ROUNDS / 10; i++) {
        while (InterlockedCompareExchange(&lock_word, 1, 0))
            sched_yield();
        guarded++;
        InterlockedExchange(&lock_word, 0);
    }
    return context;
}
TEST(InterlockedCompareExchange_exchanges_if_equal_and_gives_what_was_there)
{
    LONG value = 5;
    ck_assert_int_eq(InterlockedCompareExchange(&value, 9, 4), 5);
    ck_assert_int_eq(value, 5);
    ck_assert_int_eq(InterlockedCompareExchange(&value, 9, 5), 5);
    ck_assert_int_eq(value, 9);
    ATOMIC_IN_FOUR_THREADS(guarded, guarded_count, THREADS * (ROUNDS / 10));
}
TEST(InterlockedCompareExchangeNoFence_exchanges_if_equal_and_gives_what_was_there)
{
    LONG value = 5;
    ck_assert_int_eq(InterlockedCompareExchangeNoFence(&value, 9, 4), 5);
    ck_assert_int_eq(InterlockedCompareExchangeNoFence(&value, 9, 5), 5);
    ck_assert_int_eq(value, 9);
}
TEST(InterlockedCompareExchangePointer_exchanges_if_equal_and_gives_what_was_there)
{
    int a, b;
    PVOID value = &a;
    ck_assert_ptr_eq(InterlockedCompareExchangePointer(&value, &b, NULL), &a);
    ck_assert_ptr_eq(value, &a);
    ck_assert_ptr_eq(InterlockedCompareExchangePointer(&value, &b, &a), &a);
    ck_assert_ptr_eq(value, &b);
}
TEST(InterlockedExchange_gives_the_old_value)
{
    LONG value = 5;
    ck_assert_int_eq(InterlockedExchange(&value, 6), 5);
    ck_assert_int_eq(value, 6);
}
TEST(InterlockedExchange8_touches_one_byte)
{
    CHAR value[3] = {1, 2, 3};
    ck_assert_int_eq(InterlockedExchange8(&value[1], 9), 2);
    ck_assert_int_eq(value[0] * 100 + value[1] * 10 + value[2], 193);
}
TEST(InterlockedExchangePointer_gives_the_old_value)
{
    int a, b;
    PVOID value = &a;
    ck_assert_ptr_eq(InterlockedExchangePointer(&value, &b), &a);
    ck_assert_ptr_eq(value, &b);
}

// What a release writes is seen by an acquire that sees the word: a message passed 20,000 times.
#define PASSED(name, type, read, write) \
    static volatile type name##_word; \
    static LONG name##_message; \
    static void *name##_writer(void *context) \
    { \
        for (LONG i = 1; i <= ROUNDS; i++) { \
            name##_message = i; \
            write(&name##_word, (type)(uintptr_t)i); \
            while (__atomic_load_n(&name##_word, __ATOMIC_ACQUIRE) != 0) \
                sched_yield(); \
        } \
        return context; \
    } \
    static void name##_passed(void) \
    { \
        pthread_t thread; \
        ck_assert_int_eq(pthread_create(&thread, NULL, name##_writer, NULL), 0); \
        for (LONG i = 1; i <= ROUNDS; i++) { \
            while (read(&name##_word) != (type)(uintptr_t)i) \
                sched_yield(); \
            ck_assert_int_eq(name##_message, i); \
            __atomic_store_n(&name##_word, 0, __ATOMIC_RELEASE); \
        } \
        pthread_join(thread, NULL); \
    }

PASSED(word32, LONG, ReadAcquire, WriteRelease)
PASSED(wordu32, UINT32, ReadUInt32Acquire, WriteUInt32Release)
PASSED(wordul, ULONG, ReadULongAcquire, WriteULongRelease)
PASSED(wordp, PVOID, ReadPointerAcquire, WritePointerRelease)

TEST(ReadAcquire_sees_what_was_written_before_the_release)
{
    word32_passed();
}
TEST(WriteRelease_lets_what_was_written_before_be_seen)
{
    LONG value = 0;
    WriteRelease(&value, -3);
    ck_assert_int_eq(value, -3);
    word32_passed();
}
TEST(ReadUInt32Acquire_sees_what_was_written_before_the_release)
{
    wordu32_passed();
}
TEST(WriteUInt32Release_lets_what_was_written_before_be_seen)
{
    UINT32 value = 0;
    WriteUInt32Release(&value, 0xfffffff0);
    ck_assert_uint_eq(value, 0xfffffff0);
    wordu32_passed();
}
TEST(ReadULongAcquire_sees_what_was_written_before_the_release)
{
    wordul_passed();
}
TEST(ReadPointerAcquire_sees_what_was_written_before_the_release)
{
    wordp_passed();
}
TEST(ReadNoFence_gives_the_value)
{
    LONG value = -9;
    ck_assert_int_eq(ReadNoFence(&value), -9);
}
TEST(ReadPointerNoFence_gives_the_value)
{
    PVOID value = &value;
    ck_assert_ptr_eq(ReadPointerNoFence(&value), &value);
}
TEST(ReadUInt32NoFence_gives_the_value)
{
    UINT32 value = 0xdeadbeef;
    ck_assert_uint_eq(ReadUInt32NoFence(&value), 0xdeadbeef);
}
TEST(ReadULongNoFence_gives_the_value)
{
    ULONG value = 0xdeadbeef;
    ck_assert_uint_eq(ReadULongNoFence(&value), 0xdeadbeef);
}

// Dekker's handshake: each of two threads says that it is there and then looks for the other. With a full barrier in between at least one
// of them sees the other; without, the processor's store buffer lets both look too early now and then.
static volatile LONG here[2], seen[2], arrived;

static void
meet(LONG round)
{
    InterlockedIncrement(&arrived);
    while (ReadAcquire(&arrived) < 2 * round)
        sched_yield();
}

static void *
handshakes(void *context)
{
    int me = (int)(uintptr_t)context;
    for (LONG i = 0; i < ROUNDS; i++) {
        meet(3 * i + 1);
        here[me] = 1;
        KeMemoryBarrier();
        seen[me] = here[!me];
        meet(3 * i + 2);
        ck_assert(seen[0] || seen[1]);
        meet(3 * i + 3);
        here[me] = 0;
    }
    return context;
}
TEST(KeMemoryBarrier_lets_no_load_pass_a_store_before_it)
{
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, handshakes, (void *)1), 0);
    handshakes((void *)0);
    pthread_join(other, NULL);
}
