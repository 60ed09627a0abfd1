// SPDX-License-Identifier: MIT
// More interlocked operations and unfenced reads and writes: what each returns, what it leaves and what lies beside it untouched; two
// threads together lose nothing where the page promises an atomic operation. [wdm/nf-wdm-interlockedexchange and its neighbours]
#include <pthread.h>

#include <ntddk.h>
#include <ntintsafe.h>

#include "harness/harness.h"

#define ROUNDS 1000

static LONG word;
static LONG64 word64;
static SHORT word16;

static void
two_threads(void *(*fn)(void *))
{
    static int numbers[2] = {0, 1};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, fn, &numbers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
}

// What a test of one value asserts: the result, and what is left of a variable between two others.
#define OLD(type, start, call, result, left) \
    do { \
        struct { \
            type before, v, after; \
        } s = {1, (start), 2}; \
        ck_assert(((call) == (type)(result))); \
        ck_assert(s.v == (type)(left) && s.before == 1 && s.after == 2); \
    } while (0)

// Each thread sets, clears or adds its own bits, over and over; those of the other stay as they were.
#define TWO_BITS(name, set, clear) \
    static void *name(void *arg) \
    { \
        LONG bit = 1 << (*(int *)arg * 4); \
        for (int i = 0; i < ROUNDS; i++) { \
            ck_assert_int_eq(set &bit, 0); \
            ck_assert_int_eq(clear &bit, bit); \
        } \
        return arg; \
    }

#define AND_OR(name, and, or) \
    TWO_BITS(name, or (&word, bit), and(&word, ~bit))
AND_OR(plain, InterlockedAnd, InterlockedOr)
AND_OR(acquire, InterlockedAndAcquire, InterlockedOrAcquire)
AND_OR(release, InterlockedAndRelease, InterlockedOrRelease)
AND_OR(no_fence, InterlockedAndNoFence, InterlockedOrNoFence)

TEST(InterlockedAnd_gives_the_old_value_and_loses_none)
{
    OLD(LONG, 0x7c, InterlockedAnd(&s.v, 0x4f), 0x7c, 0x4c);
    two_threads(plain);
}
TEST(InterlockedOr_gives_the_old_value_and_loses_none)
{
    OLD(LONG, 0x0c, InterlockedOr(&s.v, 0x41), 0x0c, 0x4d);
    two_threads(plain);
}
TEST(InterlockedAndAcquire_gives_the_old_value_and_loses_none)
{
    OLD(LONG, 0x7c, InterlockedAndAcquire(&s.v, 0x4f), 0x7c, 0x4c);
    two_threads(acquire);
}
TEST(InterlockedOrAcquire_gives_the_old_value_and_loses_none)
{
    OLD(LONG, 0x0c, InterlockedOrAcquire(&s.v, 0x41), 0x0c, 0x4d);
    two_threads(acquire);
}
TEST(InterlockedAndRelease_gives_the_old_value_and_loses_none)
{
    OLD(LONG, 0x7c, InterlockedAndRelease(&s.v, 0x4f), 0x7c, 0x4c);
    two_threads(release);
}
TEST(InterlockedOrRelease_gives_the_old_value_and_loses_none)
{
    OLD(LONG, 0x0c, InterlockedOrRelease(&s.v, 0x41), 0x0c, 0x4d);
    two_threads(release);
}
TEST(InterlockedAndNoFence_gives_the_old_value_and_loses_none)
{
    OLD(LONG, 0x7c, InterlockedAndNoFence(&s.v, 0x4f), 0x7c, 0x4c);
    two_threads(no_fence);
}
TEST(InterlockedOrNoFence_gives_the_old_value_and_loses_none)
{
    OLD(LONG, 0x0c, InterlockedOrNoFence(&s.v, 0x41), 0x0c, 0x4d);
    two_threads(no_fence);
}

TEST(InterlockedAndNoFence8_changes_its_byte_alone)
{
    OLD(CHAR, 0x7c, InterlockedAndNoFence8(&s.v, 0x4f), 0x7c, 0x4c);
}
TEST(InterlockedAndRelease8_changes_its_byte_alone)
{
    OLD(CHAR, 0x7c, InterlockedAndRelease8(&s.v, 0x4f), 0x7c, 0x4c);
}
TEST(InterlockedOrNoFence8_changes_its_byte_alone)
{
    OLD(CHAR, 0x0c, InterlockedOrNoFence8(&s.v, 0x41), 0x0c, 0x4d);
}

// A number is taken by whoever finds it as it was: each thread counts those it took, and together they took each one.
#define COUNT_BY_COMPARE(name, type, variable, call) \
    static void *name(void *arg) \
    { \
        for (int i = 0; i < ROUNDS; i++) \
            for (type seen = variable, found;; seen = found) \
                if ((found = call) == seen) \
                    break; \
        return arg; \
    }
COUNT_BY_COMPARE(compare16, SHORT, word16, InterlockedCompareExchange16(&word16, (SHORT)(seen + 1), seen))
COUNT_BY_COMPARE(compare64, LONG64, word64, InterlockedCompareExchange64(&word64, seen + 1, seen))
COUNT_BY_COMPARE(compare64_no_fence, LONG64, word64, InterlockedCompareExchangeNoFence64(&word64, seen + 1, seen))
COUNT_BY_COMPARE(compare_acquire, LONG, word, InterlockedCompareExchangeAcquire(&word, seen + 1, seen))

TEST(InterlockedCompareExchange16_exchanges_only_what_compares_equal)
{
    OLD(SHORT, 7, InterlockedCompareExchange16(&s.v, 9, 7), 7, 9);
    OLD(SHORT, 7, InterlockedCompareExchange16(&s.v, 9, 8), 7, 7);
    word16 = 0;
    two_threads(compare16);
    ck_assert_int_eq(word16, 2 * ROUNDS);
}
TEST(InterlockedCompareExchange64_exchanges_only_what_compares_equal)
{
    OLD(LONG64, 7ll << 40, InterlockedCompareExchange64(&s.v, 9ll << 40, 7ll << 40), 7ll << 40, 9ll << 40);
    OLD(LONG64, 7ll << 40, InterlockedCompareExchange64(&s.v, 9, 0), 7ll << 40, 7ll << 40);
    word64 = 0;
    two_threads(compare64);
    ck_assert_int_eq(word64, 2 * ROUNDS);
}
TEST(InterlockedCompareExchangeNoFence64_exchanges_only_what_compares_equal)
{
    OLD(LONG64, 7ll << 40, InterlockedCompareExchangeNoFence64(&s.v, 9ll << 40, 7ll << 40), 7ll << 40, 9ll << 40);
    OLD(LONG64, 7ll << 40, InterlockedCompareExchangeNoFence64(&s.v, 9, 0), 7ll << 40, 7ll << 40);
    word64 = 0;
    two_threads(compare64_no_fence);
    ck_assert_int_eq(word64, 2 * ROUNDS);
}
TEST(InterlockedCompareExchangeAcquire_exchanges_only_what_compares_equal)
{
    OLD(LONG, 7, InterlockedCompareExchangeAcquire(&s.v, 9, 7), 7, 9);
    OLD(LONG, 7, InterlockedCompareExchangeAcquire(&s.v, 9, 8), 7, 7);
    word = 0;
    two_threads(compare_acquire);
    ck_assert_int_eq(word, 2 * ROUNDS);
    word = 0;
}

#define COUNT(name, statement) \
    static void *name(void *arg) \
    { \
        for (int i = 0; i < ROUNDS; i++) \
            statement; \
        return arg; \
    }
COUNT(add_acquire, InterlockedAddAcquire(&word, 3))
COUNT(exchange_add64, InterlockedExchangeAddNoFence64(&word64, 3))
COUNT(decrement64, InterlockedDecrementRelease64(&word64))

TEST(InterlockedAddAcquire_gives_the_new_value_and_loses_none)
{
    OLD(LONG, 5, InterlockedAddAcquire(&s.v, -7), -2, -2);
    word = 0;
    two_threads(add_acquire);
    ck_assert_int_eq(word, 6 * ROUNDS);
    word = 0;
}
TEST(InterlockedExchangeAddNoFence64_gives_the_old_value_and_loses_none)
{
    OLD(LONG64, 5ll << 40, InterlockedExchangeAddNoFence64(&s.v, 1), 5ll << 40, (5ll << 40) + 1);
    word64 = 0;
    two_threads(exchange_add64);
    ck_assert_int_eq(word64, 6 * ROUNDS);
}
TEST(InterlockedDecrementRelease64_gives_the_new_value_and_loses_none)
{
    OLD(LONG64, 1ll << 40, InterlockedDecrementRelease64(&s.v), (1ll << 40) - 1, (1ll << 40) - 1);
    word64 = 0;
    two_threads(decrement64);
    ck_assert_int_eq(word64, -2 * ROUNDS);
}

TEST(InterlockedExchange16_gives_the_old_value)
{
    OLD(SHORT, 7, InterlockedExchange16(&s.v, -3), 7, -3);
}
TEST(InterlockedExchange64_gives_the_old_value)
{
    OLD(LONG64, 7ll << 40, InterlockedExchange64(&s.v, -3), 7ll << 40, -3);
}
TEST(InterlockedExchangeNoFence_gives_the_old_value)
{
    OLD(LONG, 7, InterlockedExchangeNoFence(&s.v, -3), 7, -3);
}

TEST(InterlockedExchangePointerNoFence_gives_the_old_pointer)
{
    PVOID v = &word;
    ck_assert_ptr_eq(InterlockedExchangePointerNoFence(&v, &word64), &word);
    ck_assert_ptr_eq(v, &word64);
}
TEST(InterlockedExchangePointerRelease_gives_the_old_pointer)
{
    PVOID v = &word;
    ck_assert_ptr_eq(InterlockedExchangePointerRelease(&v, &word64), &word);
    ck_assert_ptr_eq(v, &word64);
}

TEST(InterlockedBitTestAndSet_gives_the_old_bit)
{
    OLD(LONG, 0, InterlockedBitTestAndSet(&s.v, 31), 0, 0x80000000);
    OLD(LONG, 0x10, InterlockedBitTestAndSet(&s.v, 4), 1, 0x10);
}
TEST(InterlockedBitTestAndSet64_gives_the_old_bit)
{
    OLD(LONG64, 0, InterlockedBitTestAndSet64(&s.v, 40), 0, 1ll << 40);
    OLD(LONG64, 1ll << 40, InterlockedBitTestAndSet64(&s.v, 40), 1, 1ll << 40);
}

TEST(ReadBooleanNoFence_gives_the_value)
{
    OLD(BOOLEAN, 200, ReadBooleanNoFence(&s.v), 200, 200);
}
TEST(ReadUCharNoFence_gives_the_value)
{
    OLD(UCHAR, 200, ReadUCharNoFence(&s.v), 200, 200);
}
TEST(ReadUShortNoFence_gives_the_value)
{
    OLD(USHORT, 60000, ReadUShortNoFence(&s.v), 60000, 60000);
}
TEST(ReadULong64NoFence_gives_the_value)
{
    OLD(ULONG64, 1ull << 63, ReadULong64NoFence(&s.v), 1ull << 63, 1ull << 63);
}
TEST(ReadHandleNoFence_gives_the_value)
{
    HANDLE v = &word;
    ck_assert_ptr_eq(ReadHandleNoFence(&v), &word);
}
TEST(WriteBooleanNoFence_writes_its_byte_alone)
{
    OLD(BOOLEAN, 9, (WriteBooleanNoFence(&s.v, TRUE), s.v), TRUE, TRUE);
}
TEST(WriteNoFence_writes_its_word_alone)
{
    OLD(LONG, 9, (WriteNoFence(&s.v, -5), s.v), -5, -5);
}
TEST(WriteULongNoFence_writes_its_word_alone)
{
    OLD(ULONG, 9, (WriteULongNoFence(&s.v, 4000000000u), s.v), 4000000000u, 4000000000u);
}
TEST(WriteULongRelease_writes_its_word_alone)
{
    OLD(ULONG, 9, (WriteULongRelease(&s.v, 4000000000u), s.v), 4000000000u, 4000000000u);
}
TEST(WriteUInt32NoFence_writes_its_word_alone)
{
    OLD(UINT32, 9, (WriteUInt32NoFence(&s.v, 4000000000u), s.v), 4000000000u, 4000000000u);
}
TEST(WritePointerNoFence_writes_the_pointer)
{
    PVOID v = NULL;
    WritePointerNoFence(&v, &word);
    ck_assert_ptr_eq(v, &word);
}
TEST(WritePointerRelease_writes_the_pointer)
{
    PVOID v = NULL;
    WritePointerRelease(&v, &word);
    ck_assert_ptr_eq(v, &word);
}

TEST(RtlSIZETMult_fails_and_sets_the_error_value_when_it_overflows)
{
    SIZE_T result = 0;
    ck_assert_int_eq(RtlSIZETMult((SIZE_T)1 << 32, ((SIZE_T)1 << 32) - 1, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, 0xffffffff00000000);
    ck_assert_int_eq(RtlSIZETMult((SIZE_T)1 << 32, (SIZE_T)1 << 32, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, (SIZE_T)-1);
}
TEST(RtlSIZETToULong_fails_and_sets_the_error_value_when_it_overflows)
{
    ULONG result = 0;
    ck_assert_int_eq(RtlSIZETToULong(0xffffffff, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, 0xffffffff);
    result = 0;
    ck_assert_int_eq(RtlSIZETToULong((SIZE_T)1 << 32, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, 0xffffffff);
}
TEST(RtlULong64ToULong_fails_and_sets_the_error_value_when_it_overflows)
{
    ULONG result = 0;
    ck_assert_int_eq(RtlULong64ToULong(0xfffffffe, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, 0xfffffffe);
    ck_assert_int_eq(RtlULong64ToULong(1ull << 32, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, 0xffffffff);
}
TEST(RtlUInt32Mult_fails_and_sets_the_error_value_when_it_overflows)
{
    UINT32 result = 0;
    ck_assert_int_eq(RtlUInt32Mult(0x10000, 0xffff, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, 0xffff0000);
    ck_assert_int_eq(RtlUInt32Mult(0x10000, 0x10000, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, 0xffffffff);
}
TEST(RtlUInt64Add_fails_and_sets_the_error_value_when_it_overflows)
{
    UINT64 result = 0;
    ck_assert_int_eq(RtlUInt64Add(~0ull - 5, 5, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, ~0ull);
    result = 0;
    ck_assert_int_eq(RtlUInt64Add(~0ull - 5, 6, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, ~0ull);
}

TEST(PushEntryList_puts_in_front_and_PopEntryList_takes_the_first)
{
    SINGLE_LIST_ENTRY head = {NULL}, a, b;
    PushEntryList(&head, &a);
    ck_assert(head.Next == &a && !a.Next);
    PushEntryList(&head, &b);
    ck_assert(head.Next == &b && b.Next == &a);
}
TEST(PopEntryList_takes_the_first_or_gives_NULL)
{
    SINGLE_LIST_ENTRY b = {NULL}, a = {&b}, head = {&a};
    ck_assert_ptr_eq(PopEntryList(&head), &a);
    ck_assert_ptr_eq(PopEntryList(&head), &b);
    ck_assert_ptr_null(PopEntryList(&head));
    ck_assert_ptr_null(head.Next);
}
TEST(RtlCopyVolatileMemory_copies_just_the_bytes_and_gives_the_destination)
{
    volatile char to[6] = "-----";
    ck_assert_ptr_eq((const void *)RtlCopyVolatileMemory(to + 1, "abc", 3), (const void *)(to + 1));
    ck_assert_mem_eq((const void *)to, "-abc-", 6);
}
TEST(RtlUlonglongByteSwap_reverses_eight_bytes)
{
    ck_assert_uint_eq(RtlUlonglongByteSwap(0x0102030405060708ull), 0x0807060504030201ull);
}
TEST(BYTE_OFFSET_is_the_place_in_the_page)
{
    ck_assert_uint_eq(BYTE_OFFSET(0x12345678), 0x678);
    ck_assert_uint_eq(BYTE_OFFSET((PVOID)0x1000), 0);
}
TEST(BYTES_TO_PAGES_rounds_up)
{
    ck_assert_uint_eq(BYTES_TO_PAGES(0), 0);
    ck_assert_uint_eq(BYTES_TO_PAGES(1), 1);
    ck_assert_uint_eq(BYTES_TO_PAGES(PAGE_SIZE), 1);
    ck_assert_uint_eq(BYTES_TO_PAGES(PAGE_SIZE + 1), 2);
}
TEST(ADDRESS_AND_SIZE_TO_SPAN_PAGES_counts_each_page_that_is_touched)
{
    ck_assert_uint_eq(ADDRESS_AND_SIZE_TO_SPAN_PAGES((PVOID)0x1000, PAGE_SIZE), 1);
    ck_assert_uint_eq(ADDRESS_AND_SIZE_TO_SPAN_PAGES((PVOID)0x1fff, 1), 1);
    ck_assert_uint_eq(ADDRESS_AND_SIZE_TO_SPAN_PAGES((PVOID)0x1fff, 2), 2);
    ck_assert_uint_eq(ADDRESS_AND_SIZE_TO_SPAN_PAGES((PVOID)0x1001, PAGE_SIZE), 2);
    ck_assert_uint_eq(ADDRESS_AND_SIZE_TO_SPAN_PAGES((PVOID)0x1001, 0), 1);
}
