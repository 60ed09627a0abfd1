// SPDX-License-Identifier: MIT
// ndisbox ddi: one row, lists, coverage, JSON.
#include "tool_test.h"

#include <jansson.h>

static json_t *
json_of(const struct told *told)
{
    json_error_t error;
    json_t *json = json_loads(told->out, 0, &error);
    ck_assert_msg(json != NULL, "line %d: %s", error.line, error.text);
    return json;
}

TEST(ddi_shows_all_that_is_known_of_one_name)
{
    const struct told *told = tool("ddi NdisSendNetBufferLists");
    ck_assert_int_eq(told->code, 0);
    out_has(told, "NdisSendNetBufferLists\n  kind    function, family ndis\n  header  ndis.h\n  irql    <=DISPATCH\n");
    out_has(tool("ddi FilterAttach"), "FILTER_ATTACH (FilterAttach)");
}

TEST(ddi_lists_what_a_part_or_a_pattern_matches)
{
    const struct told *told = tool("ddi 'ndisM*Complete' sendnetbufferlists");
    ck_assert_int_eq(told->code, 0);
    out_has(told, "NdisSendNetBufferLists ");
    out_has(told, "NdisMSendNetBufferListsComplete ");
    ck_assert_ptr_null(strstr(told->out, "IoCallDriver"));
}

TEST(ddi_that_is_unknown_gets_the_nearest_name_and_status_2)
{
    const struct told *told = tool("ddi NdisSendNetBuferLists");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "no DDI \"NdisSendNetBuferLists\" in the table (did you mean NdisSendNetBufferLists?)");
    err_has(tool("ddi qqqq"), "a part of a name or a pattern lists what matches");
}

TEST(ddi_coverage_adds_up)
{
    const struct told *told = tool("ddi --coverage --json");
    ck_assert_int_eq(told->code, 0);
    json_t *list = json_of(told), *row;
    size_t index, sum = 0, all = 0;
    json_array_foreach(list, index, row)
    {
        json_int_t total = json_integer_value(json_object_get(row, "total"));
        static const char *const words[] = {"full", "partial", "refuse", "absent"};
        json_int_t parts = 0;
        for (size_t i = 0; i < 4; i++)
            parts += json_integer_value(json_object_get(row, words[i]));
        ck_assert_int_eq(parts, total);
        if (!strcmp(json_string_value(json_object_get(row, "family")), "all"))
            all += (size_t)total;
        else if (json_is_null(json_object_get(row, "header")))
            sum += (size_t)total;
    }
    ck_assert_uint_gt(all, 500);
    ck_assert_uint_eq(sum, all);
    json_decref(list);
    out_has(tool("ddi --coverage"), "family ");
}

TEST(ddi_as_json_is_one_document)
{
    json_t *row = json_of(tool("ddi NdisSendNetBufferLists --json"));
    ck_assert_str_eq(json_string_value(json_object_get(row, "header")), "ndis.h");
    ck_assert(json_is_array(json_object_get(row, "tests")));
    json_decref(row);
    json_t *list = json_of(tool("ddi 'Ndis*' --json"));
    ck_assert_uint_gt(json_array_size(list), 100);
    json_decref(list);
}

TEST(ddi_status_narrows_the_list)
{
    json_t *list = json_of(tool("ddi --status partial --json")), *row;
    size_t index;
    ck_assert_uint_gt(json_array_size(list), 0);
    json_array_foreach(list, index, row) ck_assert_str_eq(json_string_value(json_object_get(row, "status")), "partial");
    json_decref(list);
}
