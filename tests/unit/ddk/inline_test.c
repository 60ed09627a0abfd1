// SPDX-License-Identifier: MIT
// The inline halves of the DDK headers: safe strings, safe integers, lists, interlocked operations, MDL and IRP helpers.
//
// What a page promises is checked at its edges: a string that just fits and one that does not, the last value before an
// overflow and the first after it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include <ntddk.h>
#include <ntintsafe.h>
#include <ntstrsafe.h>

TEST(RtlStringCbCopyA_cuts_terminates_and_answers_buffer_overflow)
{
    char buffer[5];

    ck_assert_int_eq(RtlStringCbCopyA(buffer, sizeof buffer, "four"), STATUS_SUCCESS);
    ck_assert_str_eq(buffer, "four");
    ck_assert_int_eq(RtlStringCbCopyA(buffer, sizeof buffer, "fives"), STATUS_BUFFER_OVERFLOW);
    ck_assert_str_eq(buffer, "five");
    ck_assert_int_eq(RtlStringCbCopyA(buffer, 0, "x"), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlStringCbCopyA(buffer, (size_t)NTSTRSAFE_MAX_CCH + 1, "x"), STATUS_INVALID_PARAMETER);
    ck_assert_str_eq(buffer, "five");
}

TEST(RtlStringCbCatA_appends_behind_the_terminator_and_refuses_a_buffer_without_one)
{
    char buffer[8] = "abc";

    ck_assert_int_eq(RtlStringCbCatA(buffer, sizeof buffer, "defg"), STATUS_SUCCESS);
    ck_assert_str_eq(buffer, "abcdefg");
    ck_assert_int_eq(RtlStringCbCatA(buffer, sizeof buffer, "h"), STATUS_BUFFER_OVERFLOW);
    ck_assert_str_eq(buffer, "abcdefg");
    memset(buffer, 'x', sizeof buffer);
    ck_assert_int_eq(RtlStringCbCatA(buffer, sizeof buffer, "y"), STATUS_INVALID_PARAMETER);
}

TEST(RtlStringCchCatExA_with_no_truncation_leaves_the_buffer_as_it_was)
{
    char buffer[8] = "abc", *end = NULL;
    size_t remaining = 0;

    ck_assert_int_eq(RtlStringCchCatExA(buffer, 8, "defgh", &end, &remaining, STRSAFE_NO_TRUNCATION), STATUS_BUFFER_OVERFLOW);
    ck_assert_str_eq(buffer, "abc");
    ck_assert_int_eq(RtlStringCchCatExA(buffer, 8, "defg", &end, &remaining, STRSAFE_NO_TRUNCATION), STATUS_SUCCESS);
    ck_assert_ptr_eq(end, buffer + 7);
    ck_assert_uint_eq(remaining, 1);
}

TEST(RtlStringCchCopyExA_fills_behind_the_null_and_on_failure)
{
    char buffer[6];
    size_t remaining;

    ck_assert_int_eq(RtlStringCchCopyExA(buffer, 6, "ab", NULL, &remaining, STRSAFE_FILL_BYTE('#')), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(buffer, "ab\0###", 6), 0);
    ck_assert_uint_eq(remaining, 4);
    ck_assert_int_eq(RtlStringCchCopyExA(buffer, 6, "abcdef", NULL, &remaining, STRSAFE_FAILURE_BYTE('!')), STATUS_BUFFER_OVERFLOW);
    ck_assert_int_eq(memcmp(buffer, "!!!!!", 6), 0);
    ck_assert_int_eq(RtlStringCchCopyExA(buffer, 6, "abcdef", NULL, &remaining, STRSAFE_NULL_ON_FAILURE), STATUS_BUFFER_OVERFLOW);
    ck_assert_str_eq(buffer, "");
    ck_assert_int_eq(RtlStringCchCopyExA(NULL, 0, NULL, NULL, &remaining, STRSAFE_IGNORE_NULLS), STATUS_SUCCESS);
    ck_assert_int_eq(RtlStringCchCopyExA(NULL, 0, "a", NULL, &remaining, STRSAFE_IGNORE_NULLS), STATUS_BUFFER_OVERFLOW);
    ck_assert_int_eq(RtlStringCchCopyExA(buffer, 6, "a", NULL, &remaining, 0x2000), STATUS_INVALID_PARAMETER);
}

TEST(RtlStringCbCopyExW_counts_bytes_and_keeps_the_odd_one)
{
    WCHAR buffer[4];
    size_t remaining;

    ck_assert_int_eq(RtlStringCbCopyExW(buffer, 7, L"ab", NULL, &remaining, 0), STATUS_SUCCESS);
    ck_assert_uint_eq(remaining, 3);
    ck_assert_int_eq(RtlStringCbCopyExW(buffer, 7, L"abc", NULL, &remaining, 0), STATUS_BUFFER_OVERFLOW);
    ck_assert_int_eq(memcmp(buffer, L"ab", 6), 0);
}

TEST(RtlStringCchCopyNA_stops_at_the_count_and_RtlStringCchLengthA_at_the_end)
{
    char buffer[8];
    size_t length = 99;

    ck_assert_int_eq(RtlStringCchCopyNA(buffer, 8, "abcdef", 3), STATUS_SUCCESS);
    ck_assert_int_eq(RtlStringCchLengthA(buffer, 8, &length), STATUS_SUCCESS);
    ck_assert_uint_eq(length, 3);
    ck_assert_int_eq(RtlStringCchLengthA("abc", 3, &length), STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(length, 0);
    ck_assert_int_eq(RtlStringCchLengthA(NULL, 3, &length), STATUS_INVALID_PARAMETER);
}

TEST(RtlUnicodeStringCatString_fills_the_whole_of_MaximumLength)
{
    WCHAR buffer[4];
    UNICODE_STRING string = {0, sizeof buffer, buffer};

    ck_assert_int_eq(RtlUnicodeStringCopyString(&string, L"ab"), STATUS_SUCCESS);
    ck_assert_int_eq(RtlUnicodeStringCatString(&string, L"cd"), STATUS_SUCCESS);
    ck_assert_uint_eq(string.Length, 8);
    ck_assert_int_eq(memcmp(buffer, L"abcd", 8), 0);
    ck_assert_int_eq(RtlUnicodeStringCatString(&string, L"e"), STATUS_BUFFER_OVERFLOW);
    string.Length = 3;
    ck_assert_int_eq(RtlUnicodeStringCatString(&string, L"e"), STATUS_INVALID_PARAMETER);
}

TEST(RtlULongMult_reports_the_first_product_that_does_not_fit)
{
    ULONG result = 7;
    SIZE_T size = 7;
    USHORT narrow = 7;

    ck_assert_int_eq(RtlULongMult(0x10000, 0xffff, &result), STATUS_SUCCESS);
    ck_assert_uint_eq(result, 0xffff0000);
    ck_assert_int_eq(RtlULongMult(0x10000, 0x10000, &result), STATUS_INTEGER_OVERFLOW);
    ck_assert_uint_eq(result, 0xffffffff);
    ck_assert_int_eq(RtlSizeTAdd(~(SIZE_T)0, 1, &size), STATUS_INTEGER_OVERFLOW);
    ck_assert_int_eq(RtlSizeTAdd(~(SIZE_T)0 - 1, 1, &size), STATUS_SUCCESS);
    ck_assert_int_eq(RtlULongToUShort(0xffff, &narrow), STATUS_SUCCESS);
    ck_assert_int_eq(RtlULongToUShort(0x10000, &narrow), STATUS_INTEGER_OVERFLOW);
    ck_assert_int_eq(RtlLongToULong(-1, &result), STATUS_INTEGER_OVERFLOW);
}

TEST(interlocked_operations_return_what_windows_returns)
{
    LONG value = 5;
    LONG64 wide = 1;
    PVOID pointer = NULL;

    ck_assert_int_eq(InterlockedIncrement(&value), 6);
    ck_assert_int_eq(InterlockedDecrement(&value), 5);
    ck_assert_int_eq(InterlockedExchangeAdd(&value, 3), 5);
    ck_assert_int_eq(InterlockedAdd(&value, 2), 10);
    ck_assert_int_eq(InterlockedExchange(&value, 4), 10);
    ck_assert_int_eq(InterlockedCompareExchange(&value, 9, 3), 4);
    ck_assert_int_eq(InterlockedCompareExchange(&value, 9, 4), 4);
    ck_assert_int_eq(InterlockedOr(&value, 6), 9);
    ck_assert_int_eq(InterlockedAnd(&value, 3), 15);
    ck_assert_int_eq(value, 3);
    ck_assert_int_eq(InterlockedBitTestAndSet(&value, 1), 1);
    ck_assert_int_eq(InterlockedBitTestAndSet(&value, 31), 0);
    ck_assert_int_eq(InterlockedBitTestAndReset(&value, 31), 1);
    ck_assert_int_eq(value, 3);
    ck_assert_int_eq(InterlockedIncrement64(&wide), 2);
    ck_assert_ptr_null(InterlockedExchangePointer(&pointer, &wide));
    ck_assert_ptr_eq(InterlockedCompareExchangePointer(&pointer, NULL, &wide), &wide);
    ck_assert_ptr_null(ReadPointerNoFence(&pointer));
}

TEST(lists_keep_their_order_and_say_when_they_are_empty)
{
    LIST_ENTRY head, entry[3];

    InitializeListHead(&head);
    ck_assert(IsListEmpty(&head));
    InsertTailList(&head, &entry[1]);
    InsertTailList(&head, &entry[2]);
    InsertHeadList(&head, &entry[0]);
    ck_assert_ptr_eq(RemoveTailList(&head), &entry[2]);
    ck_assert_int_eq(RemoveEntryList(&entry[0]), FALSE);
    ck_assert_int_eq(RemoveEntryList(&entry[1]), TRUE);
    ck_assert_ptr_eq(RemoveHeadList(&head), &head);
}

TEST(an_mdl_spans_the_pages_that_its_bytes_touch)
{
    static char memory[3 * PAGE_SIZE];
    char *page = (char *)(((ULONG_PTR)memory + PAGE_SIZE - 1) & ~(ULONG_PTR)(PAGE_SIZE - 1));
    struct {
        MDL mdl;
        PFN_NUMBER pages[2];
    } space;

    MmInitializeMdl(&space.mdl, page + 100, PAGE_SIZE);
    ck_assert_int_eq(space.mdl.Size, sizeof(MDL) + 2 * sizeof(PFN_NUMBER));
    ck_assert_ptr_eq(MmGetMdlVirtualAddress(&space.mdl), page + 100);
    ck_assert_uint_eq(MmGetMdlByteCount(&space.mdl), PAGE_SIZE);
    ck_assert_uint_eq(ADDRESS_AND_SIZE_TO_SPAN_PAGES(page, PAGE_SIZE), 1);
    ck_assert_uint_eq(ADDRESS_AND_SIZE_TO_SPAN_PAGES(page + 4095, 2), 2);
    ck_assert_uint_eq(BYTES_TO_PAGES(4097), 2);
}

static IO_COMPLETION_ROUTINE done;
static NTSTATUS done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    return device == NULL && irp == NULL && context == NULL ? STATUS_SUCCESS : STATUS_MORE_PROCESSING_REQUIRED;
}

TEST(IoCopyCurrentIrpStackLocationToNext_copies_all_but_the_completion_routine)
{
    struct {
        IRP irp;
        IO_STACK_LOCATION stack[2];
    } space;
    PIRP irp = &space.irp;

    memset(&space, 0, sizeof space);
    irp->CurrentLocation = 2;
    irp->Tail.Overlay.CurrentStackLocation = &space.stack[1];
    space.stack[1].MajorFunction = IRP_MJ_DEVICE_CONTROL;
    space.stack[1].Parameters.DeviceIoControl.IoControlCode = 0x1234;
    space.stack[1].CompletionRoutine = done;
    space.stack[1].Control = SL_PENDING_RETURNED;
    IoCopyCurrentIrpStackLocationToNext(irp);
    ck_assert_uint_eq(IoGetNextIrpStackLocation(irp)->Parameters.DeviceIoControl.IoControlCode, 0x1234);
    ck_assert_ptr_null(IoGetNextIrpStackLocation(irp)->CompletionRoutine);
    ck_assert_uint_eq(IoGetNextIrpStackLocation(irp)->Control, 0);
    IoSetCompletionRoutine(irp, done, NULL, TRUE, FALSE, TRUE);
    ck_assert_uint_eq(space.stack[0].Control, SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_CANCEL);
    ck_assert_int_eq(space.stack[0].CompletionRoutine(NULL, NULL, NULL), STATUS_SUCCESS);
    IoSkipCurrentIrpStackLocation(irp);
    ck_assert_int_eq(irp->CurrentLocation, 3);
}

// Before the struct of a typedef, __declspec(align) pads the structure and a GNU attribute would only align the name.
typedef DECLSPEC_ALIGN(8) struct {
    ULONG words[3];
} PADDED;

TEST(DECLSPEC_ALIGN_before_a_struct_pads_its_size)
{
    ck_assert_uint_eq(sizeof(PADDED), 16);
    ck_assert_uint_eq(TYPE_ALIGNMENT(PADDED), 8);
}

TEST(RtlStringCbPrintfA_formats_as_windows_does_and_cuts)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"wide");
    char buffer[32], *end;
    size_t remaining;

    ck_assert_int_eq(RtlStringCbPrintfA(buffer, sizeof buffer, "%ld %I64u %wZ %ws", (LONG)-1, 1ULL << 40, &name, L"ws"), 0);
    ck_assert_str_eq(buffer, "-1 1099511627776 wide ws");
    ck_assert_int_eq(RtlStringCbPrintfA(buffer, 4, "%d", 1234), STATUS_BUFFER_OVERFLOW);
    ck_assert_str_eq(buffer, "123");
    ck_assert_int_eq(RtlStringCbPrintfA(buffer, 5, "%d", 1234), STATUS_SUCCESS);
    ck_assert_str_eq(buffer, "1234");
    ck_assert_int_eq(RtlStringCbPrintfExA(buffer, 8, &end, &remaining, 0, "%s", "abc"), STATUS_SUCCESS);
    ck_assert_ptr_eq(end, buffer + 3);
    ck_assert_uint_eq(remaining, 5);
    ck_assert_int_eq(RtlStringCbPrintfA(buffer, 0, "x"), STATUS_INVALID_PARAMETER);
}

TEST(RtlUnicodeStringPrintf_fills_the_whole_of_MaximumLength)
{
    WCHAR buffer[4];
    UNICODE_STRING string = {0, sizeof buffer, buffer};

    ck_assert_int_eq(RtlUnicodeStringPrintf(&string, L"%u", 1234), STATUS_SUCCESS);
    ck_assert_uint_eq(string.Length, 8);
    ck_assert_int_eq(memcmp(buffer, L"1234", 8), 0);
    ck_assert_int_eq(RtlUnicodeStringPrintf(&string, L"%u", 12345), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(string.Length, 8);
}
