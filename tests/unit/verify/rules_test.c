// SPDX-License-Identifier: MIT
// The table of rules holds what it promises: ids in order and for ever, a page each, and tests that stand in the tree.
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "verify/rules.h"

static char *
file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);
    for (int c; (c = fgetc(file)) != EOF;)
        fputc(c, memory);
    fclose(file);
    fclose(memory);
    return text;
}

static char *
all_tests(void)
{
    glob_t found;
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);
    ck_assert_int_eq(glob(NBX_SOURCE_DIR "/tests/*/*/*.c", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *one = file_text(found.gl_pathv[i]);
        fputs(one, memory);
        free(one);
    }
    globfree(&found);
    fclose(memory);
    return text;
}

static bool
is_test(const char *tests, const char *name)
{
    for (const char *at = tests; (at = strstr(at, name)); at++)
        if ((at[-1] == '(' || at[-1] == ' ') && at[strlen(name)] == ')')
            return true;
    return false;
}

TEST(each_rule_names_a_test_that_breaks_it_and_one_that_keeps_it)
{
    char *tests = all_tests();
    for (size_t i = 0; i < VERIFY_RULE_COUNT; i++) {
        const struct verify_rule_row *row = &verify_rules[i];
        ck_assert_msg(is_test(tests, row->breaks), "%s: there is no test %s", row->id, row->breaks);
        ck_assert_msg(is_test(tests, row->keeps), "%s: there is no test %s", row->id, row->keeps);
    }
    free(tests);
}

TEST(each_rule_has_its_page)
{
    for (size_t i = 0; i < VERIFY_RULE_COUNT; i++) {
        const struct verify_rule_row *row = &verify_rules[i];
        char path[512], head[128];
        snprintf(path, sizeof path, NBX_SOURCE_DIR "/docs/rules/%s.md", row->id);
        snprintf(head, sizeof head, "# %s %s\n", row->id, row->name);
        char *text = file_text(path);
        ck_assert_msg(text != NULL, "%s is missing", path);
        ck_assert_msg(!strncmp(text, head, strlen(head)), "%s does not begin with %s", path, head);
        free(text);
    }
}

TEST(rules_stand_in_the_order_of_their_ids_and_are_found_by_id_number_and_name)
{
    for (size_t i = 0; i < VERIFY_RULE_COUNT; i++) {
        const struct verify_rule_row *row = &verify_rules[i];
        ck_assert(i == 0 || strcmp(verify_rules[i - 1].id, row->id) < 0);
        ck_assert_uint_eq(strlen(row->id), 8);
        ck_assert_ptr_eq(verify_rule_find(row->id), row);
        ck_assert_ptr_eq(verify_rule_find(row->id + 4), row);
        ck_assert_ptr_eq(verify_rule_find(row->name), row);
    }
    ck_assert_ptr_eq(verify_rule_find("nbx-5"), verify_rule_find("NBX-0005"));
    ck_assert_ptr_null(verify_rule_find("NBX-9999"));
    ck_assert_ptr_null(verify_rule_find(""));
    ck_assert_ptr_null(verify_rule_find("NBX-"));
}
