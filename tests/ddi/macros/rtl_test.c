// SPDX-License-Identifier: MIT
// Memory, safe arithmetic, byte order and pool: inline functions and macros of wdm.h, ntintsafe.h and ntstrsafe.h.
#include <stdarg.h>
#include <string.h>

#include <ntddk.h>
#include <ntintsafe.h>
#include <ntstrsafe.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"

TEST(RtlCopyMemory_copies_the_bytes)
{
    char to[5] = "----";
    RtlCopyMemory(to, "abcd", 2);
    ck_assert_str_eq(to, "ab--");
}
TEST(RtlMoveMemory_copies_within_one_buffer)
{
    char up[] = "abcdef", down[] = "abcdef";
    RtlMoveMemory(up + 1, up, 4);
    ck_assert_str_eq(up, "aabcdf");
    RtlMoveMemory(down, down + 1, 4);
    ck_assert_str_eq(down, "bcdeef");
}
TEST(RtlFillMemory_takes_length_before_the_byte)
{
    char bytes[5] = "abcd";
    RtlFillMemory(bytes + 1, 2, 'z');
    ck_assert_str_eq(bytes, "azzd");
}
TEST(RtlZeroMemory_clears_just_the_bytes)
{
    char bytes[4] = {1, 2, 3, 4};
    RtlZeroMemory(bytes + 1, 2);
    ck_assert(bytes[0] == 1 && !bytes[1] && !bytes[2] && bytes[3] == 4);
}
TEST(RtlEqualMemory_is_true_for_equal_bytes_alone)
{
    ck_assert(RtlEqualMemory("abc", "abd", 2));
    ck_assert(!RtlEqualMemory("abc", "abd", 3));
}
TEST(RtlSecureZeroMemory_clears_and_gives_the_pointer)
{
    char secret[8] = "secret!";
    ck_assert_ptr_eq(RtlSecureZeroMemory(secret, sizeof secret), secret);
    for (size_t i = 0; i < sizeof secret; i++)
        ck_assert_int_eq(secret[i], 0);
}

TEST(RtlSizeTAdd_fails_and_sets_the_error_value_when_it_overflows)
{
    SIZE_T result = 0;
    ck_assert_int_eq(RtlSizeTAdd((SIZE_T)-1 - 5, 5, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, (SIZE_T)-1);
    ck_assert_int_eq(RtlSizeTAdd((SIZE_T)-1 - 5, 6, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, (SIZE_T)-1);   // SIZET_ERROR
}
TEST(RtlSizeTMult_fails_and_sets_the_error_value_when_it_overflows)
{
    SIZE_T result = 0;
    ck_assert_int_eq(RtlSizeTMult((SIZE_T)1 << 32, ((SIZE_T)1 << 32) - 1, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, 0xffffffff00000000);
    ck_assert_int_eq(RtlSizeTMult((SIZE_T)1 << 32, (SIZE_T)1 << 32, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, (SIZE_T)-1);
}
TEST(RtlULongAdd_fails_and_sets_the_error_value_when_it_overflows)
{
    ULONG result = 0;
    ck_assert_int_eq(RtlULongAdd(0xfffffff0, 0xf, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, 0xffffffff);
    result = 0;
    ck_assert_int_eq(RtlULongAdd(0xfffffff0, 0x10, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, 0xffffffff);
}
TEST(RtlUInt32Add_fails_and_sets_the_error_value_when_it_overflows)
{
    UINT32 result = 0;
    ck_assert_int_eq(RtlUInt32Add(0xfffffff0, 0xf, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, 0xffffffff);
    result = 0;
    ck_assert_int_eq(RtlUInt32Add(0xfffffff0, 0x10, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, 0xffffffff);
}
TEST(RtlULongMult_fails_and_sets_the_error_value_when_it_overflows)
{
    ULONG result = 0;
    ck_assert_int_eq(RtlULongMult(0x10000, 0xffff, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, 0xffff0000);
    ck_assert_int_eq(RtlULongMult(0x10000, 0x10000, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, 0xffffffff);
}
TEST(RtlUlongByteSwap_reverses_four_bytes)
{
    ck_assert_uint_eq(RtlUlongByteSwap(0x01020304), 0x04030201);
}
TEST(RtlUshortByteSwap_reverses_two_bytes)
{
    ck_assert_uint_eq(RtlUshortByteSwap(0x0102), 0x0201);
}

static NTSTATUS
print(char *to, size_t bytes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    NTSTATUS status = RtlStringCbVPrintfA(to, bytes, format, arguments);
    va_end(arguments);
    return status;
}
TEST(RtlStringCbVPrintfA_ends_what_does_not_fit_and_says_so)
{
    char text[8] = "-------";
    ck_assert_int_eq(print(text, sizeof text, "%d-%s", 42, "abc"), STATUS_SUCCESS);
    ck_assert_str_eq(text, "42-abc");
    ck_assert_int_eq(print(text, sizeof text, "%s", "12345678"), STATUS_BUFFER_OVERFLOW);
    ck_assert_str_eq(text, "1234567");
    ck_assert_int_eq(print(text, 0, "x"), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(print(text, (size_t)NTSTRSAFE_MAX_CCH + 1, "x"), STATUS_INVALID_PARAMETER);
}

static void
pool_body(void)
{
    uint8_t *block = ExAllocatePoolZero(NonPagedPoolNx, 300, 'tseT');
    ck_assert_ptr_nonnull(block);
    for (int i = 0; i < 300; i++)
        ck_assert_uint_eq(block[i], 0);
    ExFreePoolWithTag(block, 'tseT');
    block = ExAllocatePoolUninitialized(NonPagedPoolNx, 300, 'tseT');
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(block[0], 0xcd);        // sim fills what nobody has initialised
    ExFreePoolWithTag(block, 'tseT');
}
TEST(ExAllocatePoolZero_gives_cleared_memory)
{
    kit_run(SIM_CALM, pool_body);
}
TEST(ExAllocatePoolUninitialized_gives_memory_as_it_comes)
{
    kit_run(2, pool_body);
}
