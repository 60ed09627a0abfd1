// SPDX-License-Identifier: MIT
// The generated DDI table: found by name and by alias, sorted as the ids are, and its IRQL words mean what the generator made
// of them (the parser here and the one in tools/gen/ddi.py are two, and must agree on every row).
#include "harness/harness.h"
#include "verify/ddi_table.h"

#include <string.h>

TEST(ddi_row_find_returns_the_row_of_each_id)
{
    ck_assert_ptr_eq(ddi_row_find("NdisSendNetBufferLists"), &ddi_rows[DDI_NdisSendNetBufferLists]);
    ck_assert_ptr_eq(ddi_row_find("KeInitializeEvent"), &ddi_rows[DDI_KeInitializeEvent]);
    for (size_t i = 0; i < DDI_COUNT; i++)
        ck_assert_ptr_eq(ddi_row_find(ddi_rows[i].name), &ddi_rows[i]);
}

TEST(ddi_row_find_knows_a_callback_by_both_its_names)
{
    const struct ddi_row *row = ddi_row_find("FilterAttach");
    ck_assert_ptr_nonnull(row);
    ck_assert_str_eq(row->name, "FILTER_ATTACH");
    ck_assert_int_eq(row->kind, DDI_KIND_CALLBACK);
}

TEST(ddi_row_find_returns_null_for_names_that_are_not_there)
{
    ck_assert_ptr_null(ddi_row_find(""));
    ck_assert_ptr_null(ddi_row_find("NdisSendNetBufferList"));
    ck_assert_ptr_null(ddi_row_find("NdisSendNetBufferListsX"));
    ck_assert_ptr_null(ddi_row_find("zzz"));
}

TEST(ddi_rows_hold_the_facts_of_their_pages)
{
    const struct ddi_row *row = ddi_row_find("NdisOpenAdapterEx");
    ck_assert_ptr_nonnull(row);
    ck_assert_str_eq(row->header, "ndis.h");
    ck_assert_str_eq(row->family, "ndis");
    ck_assert_uint_eq(row->irql_min, 0);
    ck_assert_uint_eq(row->irql_max, 0);
    row = ddi_row_find("NdisFreeNetBufferList");
    ck_assert_ptr_nonnull(row);
    ck_assert_str_eq(row->irql, "<=DISPATCH");
    ck_assert_uint_eq(row->irql_max, 2);
    ck_assert_uint_eq(row->used_by, 10);
}

TEST(ddi_irql_parse_agrees_with_the_generator_on_every_row)
{
    for (size_t i = 0; i < DDI_COUNT; i++) {
        uint8_t low, high;
        ck_assert_msg(ddi_irql_parse(ddi_rows[i].irql, &low, &high), "%s: %s", ddi_rows[i].name, ddi_rows[i].irql);
        ck_assert_uint_eq(low, ddi_rows[i].irql_min);
        ck_assert_uint_eq(high, ddi_rows[i].irql_max);
    }
}

TEST(ddi_irql_parse_reads_ranges_and_refuses_other_words)
{
    uint8_t low = 99, high = 99;

    ck_assert(ddi_irql_parse(">=DISPATCH", &low, &high));
    ck_assert_uint_eq(low, 2);
    ck_assert_uint_eq(high, 15);
    ck_assert(ddi_irql_parse("<=APC", &low, &high));
    ck_assert_uint_eq(low, 0);
    ck_assert_uint_eq(high, 1);
    ck_assert(ddi_irql_parse("DIRQL", &low, &high));
    ck_assert_uint_eq(low, 3);
    ck_assert_uint_eq(high, 12);
    low = high = 77;
    ck_assert(!ddi_irql_parse("< DISPATCH", &low, &high));
    ck_assert(!ddi_irql_parse("<=", &low, &high));
    ck_assert(!ddi_irql_parse("<=any", &low, &high));
    ck_assert(!ddi_irql_parse("DISPATCH_LEVEL", &low, &high));
    ck_assert_uint_eq(low, 77);
    ck_assert_uint_eq(high, 77);
}
