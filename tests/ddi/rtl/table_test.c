// SPDX-License-Identifier: MIT
// Generic tables and SIDs, each promise of their pages. Sources: [ntddk/nf-ntddk-rtlinitializegenerictable] and its neighbours,
// [ntifs/nf-ntifs-rtlcopysid] and its neighbours.
#include <string.h>

#include "unit/nt/nt_test.h"

struct pair {
    ULONG key, value;
};

static struct calls {
    RTL_GENERIC_TABLE *table;
    ULONG compared, allocated, freed, bytes;
    bool fails;
    PVOID context;
} calls;

static NTAPI RTL_GENERIC_COMPARE_RESULTS
compare(PRTL_GENERIC_TABLE table, PVOID first, PVOID second)
{
    ck_assert_ptr_eq(table, calls.table);
    calls.compared++;
    ULONG a = ((struct pair *)first)->key, b = ((struct pair *)second)->key;
    return a < b ? GenericLessThan : a > b ? GenericGreaterThan
                                           : GenericEqual;
}

static NTAPI PVOID
allocate(PRTL_GENERIC_TABLE table, CLONG bytes)
{
    ck_assert_ptr_eq(table, calls.table);
    calls.context = table->TableContext;
    calls.allocated++;
    calls.bytes = bytes;
    return calls.fails ? NULL : ExAllocatePoolWithTag(NonPagedPoolNx, bytes, 'lbaT');
}

static NTAPI VOID
release(PRTL_GENERIC_TABLE table, PVOID buffer)
{
    ck_assert_ptr_eq(table, calls.table);
    calls.freed++;
    ExFreePool(buffer);
}

static void
table_make(RTL_GENERIC_TABLE *table, ULONG count)
{
    memset(table, 0xcc, sizeof *table);
    calls = (struct calls){.table = table};
    RtlInitializeGenericTable(table, compare, allocate, release, &calls);
    for (ULONG i = 0; i < count; i++) {
        struct pair p = {i * 7 % 11, i};                    // 0, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4
        ck_assert_ptr_nonnull(RtlInsertElementGenericTable(table, &p, sizeof p, NULL));
    }
}

static void
table_end(RTL_GENERIC_TABLE *table)
{
    for (ULONG key = 0; key < 11; key++)
        RtlDeleteElementGenericTable(table, &(struct pair){key, 0});
    ck_assert_uint_eq(calls.allocated, calls.freed);
}

NT_TEST_ONE(RtlInitializeGenericTable_makes_an_empty_table_with_the_callers_context)
{
    RTL_GENERIC_TABLE table;
    table_make(&table, 0);
    ck_assert(RtlIsGenericTableEmpty(&table));
    ck_assert_uint_eq(RtlNumberGenericTableElements(&table), 0);
    table_make(&table, 1);
    ck_assert_ptr_eq(calls.context, &calls);
    ck_assert_uint_eq(calls.bytes, sizeof(RTL_SPLAY_LINKS) + sizeof(LIST_ENTRY) + sizeof(struct pair));
    table_end(&table);
}

NT_TEST_ONE(RtlInsertElementGenericTable_copies_what_is_new_and_gives_what_is_there)
{
    RTL_GENERIC_TABLE table;
    table_make(&table, 5);
    BOOLEAN is_new = FALSE;
    struct pair p = {20, 1}, again = {20, 2}, more = {21, 0}, *kept = RtlInsertElementGenericTable(&table, &p, sizeof p, &is_new);
    ck_assert(is_new == TRUE && kept != &p && kept->key == 20 && kept->value == 1);
    ULONG allocated = calls.allocated;
    ck_assert_ptr_eq(RtlInsertElementGenericTable(&table, &again, sizeof again, &is_new), kept);
    ck_assert(is_new == FALSE && kept->value == 1 && calls.allocated == allocated);
    calls.fails = true;
    is_new = TRUE;
    ck_assert_ptr_null(RtlInsertElementGenericTable(&table, &more, sizeof more, &is_new));
    ck_assert_int_eq(is_new, FALSE);
    ck_assert_uint_eq(RtlNumberGenericTableElements(&table), 6);
    calls.allocated--;
    RtlDeleteElementGenericTable(&table, &p);
    table_end(&table);
}

NT_TEST_ONE(RtlDeleteElementGenericTable_frees_what_is_there_and_says_if_it_was)
{
    RTL_GENERIC_TABLE table;
    table_make(&table, 11);
    struct pair p = {6, 0};
    ck_assert_int_eq(RtlDeleteElementGenericTable(&table, &p), TRUE);
    ck_assert_uint_eq(calls.freed, 1);
    ck_assert_int_eq(RtlDeleteElementGenericTable(&table, &p), FALSE);
    ck_assert_uint_eq(calls.freed, 1);
    ck_assert_ptr_null(RtlLookupElementGenericTable(&table, &p));
    ck_assert_uint_eq(((struct pair *)RtlGetElementGenericTable(&table, 4))->value, 5);     // those inserted after it move down
    table_end(&table);
}

NT_TEST_ONE(RtlLookupElementGenericTable_finds_what_compares_equal)
{
    RTL_GENERIC_TABLE table;
    table_make(&table, 0);
    ck_assert_ptr_null(RtlLookupElementGenericTable(&table, &(struct pair){1, 0}));
    table_make(&table, 11);
    for (ULONG key = 0; key < 11; key++) {
        struct pair *found = RtlLookupElementGenericTable(&table, &(struct pair){key, 99});
        ck_assert(found && found->key == key && found->value * 7 % 11 == key);
    }
    ck_assert_ptr_null(RtlLookupElementGenericTable(&table, &(struct pair){11, 0}));
    table_end(&table);
}

NT_TEST_ONE(RtlEnumerateGenericTableWithoutSplaying_goes_through_in_order_and_ends_with_NULL)
{
    RTL_GENERIC_TABLE table;
    PVOID key = NULL;
    table_make(&table, 0);
    ck_assert_ptr_null(RtlEnumerateGenericTableWithoutSplaying(&table, &key));
    table_make(&table, 11);
    for (ULONG i = 0; i < 11; i++) {
        struct pair *p = RtlEnumerateGenericTableWithoutSplaying(&table, &key);
        ck_assert(p && p->key == i && key != NULL);
    }
    ck_assert_ptr_null(RtlEnumerateGenericTableWithoutSplaying(&table, &key));
    table_end(&table);
}

NT_TEST_ONE(RtlGetElementGenericTable_counts_in_the_order_of_insertion)
{
    RTL_GENERIC_TABLE table;
    table_make(&table, 0);
    ck_assert_ptr_null(RtlGetElementGenericTable(&table, 0));
    table_make(&table, 11);
    for (ULONG i = 0; i < 11; i++)
        ck_assert_uint_eq(((struct pair *)RtlGetElementGenericTable(&table, i))->value, i);
    ck_assert_ptr_null(RtlGetElementGenericTable(&table, 11));
    ck_assert_ptr_null(RtlGetElementGenericTable(&table, 0xffffffff));
    table_end(&table);
}

NT_TEST_ONE(RtlNumberGenericTableElements_counts_what_is_in_it)
{
    RTL_GENERIC_TABLE table;
    table_make(&table, 11);
    ck_assert_uint_eq(RtlNumberGenericTableElements(&table), 11);
    RtlDeleteElementGenericTable(&table, &(struct pair){3, 0});
    ck_assert_uint_eq(RtlNumberGenericTableElements(&table), 10);
    table_end(&table);
    ck_assert_uint_eq(RtlNumberGenericTableElements(&table), 0);
}

NT_TEST_ONE(RtlIsGenericTableEmpty_is_false_with_one_element)
{
    RTL_GENERIC_TABLE table;
    table_make(&table, 1);
    ck_assert_int_eq(RtlIsGenericTableEmpty(&table), FALSE);
    table_end(&table);
    ck_assert_int_eq(RtlIsGenericTableEmpty(&table), TRUE);
}

union sid {
    SID sid;
    UCHAR bytes[8 + 16 * 4];
};

NT_TEST_ONE(RtlLengthRequiredSid_is_8_and_4_for_each_subauthority)
{
    ck_assert_uint_eq(RtlLengthRequiredSid(0), 8);
    ck_assert_uint_eq(RtlLengthRequiredSid(1), sizeof(SID));
    ck_assert_uint_eq(RtlLengthRequiredSid(15), 68);
}

NT_TEST_ONE(RtlLengthSid_counts_its_subauthorities)
{
    union sid s = {.sid = {.Revision = SID_REVISION, .SubAuthorityCount = 2}};
    ck_assert_uint_eq(RtlLengthSid(&s), 16);
    s.sid.SubAuthorityCount = 0;
    ck_assert_uint_eq(RtlLengthSid(&s), 8);
}

NT_TEST_ONE(RtlValidSid_wants_the_revision_and_no_more_than_15_subauthorities)
{
    union sid s = {.sid = {.Revision = SID_REVISION, .SubAuthorityCount = 15}};
    ck_assert_int_eq(RtlValidSid(&s), TRUE);
    s.sid.SubAuthorityCount = 16;
    ck_assert_int_eq(RtlValidSid(&s), FALSE);
    s.sid.SubAuthorityCount = 1;
    s.sid.Revision = SID_REVISION + 1;
    ck_assert_int_eq(RtlValidSid(&s), FALSE);
    ck_assert_int_eq(RtlValidSid(NULL), FALSE);
}

NT_TEST_ONE(RtlCopySid_copies_just_the_sid_and_refuses_what_does_not_fit)
{
    union sid from = {.sid = {.Revision = SID_REVISION, .SubAuthorityCount = 2, .SubAuthority = {32}}}, to;
    memset(&to, 0xcc, sizeof to);
    ck_assert_int_eq(RtlCopySid(15, &to, &from), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(to.bytes[0], 0xcc);
    ck_assert_int_eq(RtlCopySid(16, &to, &from), STATUS_SUCCESS);
    ck_assert_mem_eq(&to, &from, 16);
    ck_assert_uint_eq(to.bytes[16], 0xcc);
}

NT_TEST_ONE(RtlEqualSid_wants_every_byte_the_same)
{
    union sid a = {.sid = {.Revision = SID_REVISION, .SubAuthorityCount = 2, .SubAuthority = {32}}}, b = a;
    a.bytes[16] = 1;                                        // behind it
    ck_assert_int_eq(RtlEqualSid(&a, &b), TRUE);
    b.bytes[12] = 1;                                        // the second subauthority
    ck_assert_int_eq(RtlEqualSid(&a, &b), FALSE);
    b = a;
    b.sid.SubAuthorityCount = 1;
    ck_assert_int_eq(RtlEqualSid(&a, &b), FALSE);
    b = a;
    b.sid.IdentifierAuthority.Value[5] = 5;
    ck_assert_int_eq(RtlEqualSid(&a, &b), FALSE);
}
