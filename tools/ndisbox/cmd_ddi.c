// SPDX-License-Identifier: MIT
// ndisbox ddi: the DDI table for people and programs. One name: all that is known of it. A part of a name or a pattern: the rows that
// match. --coverage: how many rows have which status, by family and header.
#include <fnmatch.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "out.h"
#include "tool.h"
#include "verify/ddi_table.h"

static const char *
or_dash(const char *text)
{
    return text && text[0] ? text : "-";
}

static bool
has_text(const char *text)
{
    return text && text[0] && strcmp(text, "-") != 0;
}

static json_t *
row_json(const struct ddi_row *row)
{
    json_t *json =
        json_pack("{s:s, s:s?, s:s, s:s, s:s?, s:s, s:s, s:s?, s:s?}", "name", row->name, "alias", row->alias, "kind",
                  ddi_kind_name(row->kind), "family", row->family, "header", has_text(row->header) ? row->header : NULL, "irql",
                  row->irql, "status", ddi_status_name(row->status), "owns", has_text(row->owns) ? row->owns : NULL, "file", row->file);
    json_t *tests = json_array();
    for (const char *at = row->tests; at && *at;) {
        size_t length = strcspn(at, ",");
        json_array_append_new(tests, json_stringn(at, length));
        at += length + (at[length] == ',');
    }
    json_object_set_new(json, "tests", tests);
    return json;
}

static void
print_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(json);
}

static const char *
status_words(enum ddi_status status)
{
    switch (status) {
    case DDI_STATUS_FULL: return "full: each return value, flag and refusal of its page has a test";
    case DDI_STATUS_PARTIAL: return "partial: works for what tests and bundled drivers use";
    case DDI_STATUS_REFUSE: return "refuse: a driver that calls it links, and is stopped with a report (NBX-0001)";
    default: return "absent: unknown to the loader";
    }
}

static void
print_row(const struct ddi_row *row)
{
    static const enum out_style styles[] = {OUT_STYLE_GOOD, OUT_STYLE_WARN, OUT_STYLE_BAD, OUT_STYLE_BAD};
    out_styled(stdout, OUT_STYLE_BOLD, "%s", row->name);
    printf("%s%s%s\n", row->alias ? " (" : "", row->alias ? row->alias : "", row->alias ? ")" : "");
    printf("  kind    %s, family %s\n  header  %s\n  irql    %s\n  owns    %s\n  status  ", ddi_kind_name(row->kind), row->family,
           or_dash(row->header), has_text(row->irql) ? row->irql : "- (its page does not say)", or_dash(row->owns));
    out_styled(stdout, styles[row->status], "%s", status_words(row->status));
    printf("\n  file    %s\n", or_dash(row->file));
    const char *at = row->tests && row->tests[0] ? row->tests : "-";
    for (bool is_first = true; *at; is_first = false) {
        size_t length = strcspn(at, ",");
        printf("%s%.*s\n", is_first ? "  tests   " : "          ", (int)length, at);
        at += length + (at[length] == ',');
    }
}

// Part of a name, in any case, or a pattern with * ? [.
static bool
row_matches(const struct ddi_row *row, const char *asked)
{
    if (strpbrk(asked, "*?["))
        return !fnmatch(asked, row->name, FNM_CASEFOLD) || (row->alias && !fnmatch(asked, row->alias, FNM_CASEFOLD));
    return strcasestr(row->name, asked) || (row->alias && strcasestr(row->alias, asked));
}

static void
report_none(const char *asked)
{
    static const char *words[2 * DDI_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < DDI_COUNT; i++) {
        words[count++] = ddi_rows[i].name;
        if (ddi_rows[i].alias)
            words[count++] = ddi_rows[i].alias;
    }
    const char *near = stack_word_nearest(asked, words);
    if (near)
        out_error("no DDI \"%s\" in the table (did you mean %s?)", asked, near);
    else
        out_error("no DDI \"%s\" in the table; a part of a name or a pattern lists what matches: ndisbox ddi 'NdisM*'", asked);
}

static bool
row_is_asked(const struct args *args, const struct ddi_row *row, const char *asked)
{
    bool has_status = args_text(args, "status");
    return (!has_status || args_word(args, "status", 0) == (size_t)row->status) && (!asked || row_matches(row, asked));
}

static void
list_add(struct out_table *table, const struct ddi_row *row)
{
    const char *const cells[] = {row->name, ddi_kind_name(row->kind), or_dash(row->header), row->irql, ddi_status_name(row->status)};
    out_table_add(table, cells);
}

// All rows that match any word (or all), as a table or as JSON. The count of each word that matched nothing is reported.
static int
list(const struct args *args)
{
    static const char *const titles[] = {"name", "kind", "header", "irql", "status", NULL};
    struct out_table *table = out_table_create(titles);
    json_t *rows = json_array();
    const struct ddi_row *last = NULL;
    int code = EXIT_CLEAN;
    size_t total = 0, words = args->operand_count ? args->operand_count : 1;
    for (size_t w = 0; w < words; w++) {
        const char *asked = args->operand_count ? args->operands[w] : NULL;
        size_t before = total;
        for (size_t i = 0; i < DDI_COUNT; i++)
            if (row_is_asked(args, &ddi_rows[i], asked)) {
                list_add(table, &ddi_rows[i]);
                json_array_append_new(rows, row_json(&ddi_rows[i]));
                last = &ddi_rows[i];
                total++;
            }
        if (total == before && asked) {
            report_none(asked);
            code = EXIT_USAGE;
        }
    }
    if (args_flag(args, "json")) {
        print_json(rows);
    } else {
        json_decref(rows);
        if (total == 1)
            print_row(last);
        else if (total)
            out_table_print(table, stdout);
        if (total > 1)
            out_note("%zu of %zu rows", total, (size_t)DDI_COUNT);
    }
    out_table_destroy(table);
    return code;
}

// ---- coverage

struct tally {
    const char *family, *header;     // header NULL: the whole family
    size_t counts[4], total;
};

static void
tally_add(struct tally *tallies, size_t *count, size_t room, const char *family, const char *header, enum ddi_status status)
{
    size_t i = 0;
    while (i < *count &&
           (strcmp(tallies[i].family, family) || !tallies[i].header != !header || (header && strcmp(tallies[i].header, header))))
        i++;
    if (i == room)
        return;
    if (i == *count)
        tallies[(*count)++] = (struct tally){.family = family, .header = header};
    tallies[i].counts[status]++;
    tallies[i].total++;
}

static void
tally_print(struct out_table *table, const struct tally *tally)
{
    char numbers[6][OUT_NUMBER_BYTES];
    for (size_t i = 0; i < 4; i++)
        out_count(numbers[i], tally->counts[i]);
    out_count(numbers[4], tally->total);
    size_t works = tally->counts[DDI_STATUS_FULL] + tally->counts[DDI_STATUS_PARTIAL];
    snprintf(numbers[5], sizeof numbers[5], "%.0f %%", tally->total ? 100.0 * (double)works / (double)tally->total : 0);
    const char *const cells[] = {
        tally->family, tally->header ? tally->header : "all", numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]};
    out_table_add(table, cells);
}

static json_t *
tally_json(const struct tally *tally)
{
    json_t *json = json_pack("{s:s, s:s?, s:i}", "family", tally->family, "header", tally->header, "total", (int)tally->total);
    for (int i = 0; i < 4; i++)
        json_object_set_new(json, ddi_status_name((enum ddi_status)i), json_integer((json_int_t)tally->counts[i]));
    return json;
}

// Families by name, each before its headers, which come in the order of their sizes.
static int
tally_compare(const void *left, const void *right)
{
    const struct tally *a = left, *b = right;
    int order = strcmp(a->family, b->family);
    if (order)
        return order;
    if (!a->header != !b->header)
        return a->header ? 1 : -1;
    return a->total == b->total ? strcmp(or_dash(a->header), or_dash(b->header)) : a->total < b->total ? 1 : -1;
}

static int
coverage(const struct args *args)
{
    static const char *const titles[] = {"family", "header", ">full", ">partial", ">refuse", ">absent", ">total", ">works", NULL};
    static struct tally tallies[128];
    size_t count = 0;
    for (size_t i = 0; i < DDI_COUNT; i++) {
        tally_add(tallies, &count, 128, "all", NULL, ddi_rows[i].status);
        tally_add(tallies, &count, 128, ddi_rows[i].family, NULL, ddi_rows[i].status);
        tally_add(tallies, &count, 128, ddi_rows[i].family, or_dash(ddi_rows[i].header), ddi_rows[i].status);
    }
    qsort(tallies, count, sizeof *tallies, tally_compare);
    struct out_table *table = out_table_create(titles);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        tally_print(table, &tallies[i]);
        json_array_append_new(list, tally_json(&tallies[i]));
    }
    if (args_flag(args, "json")) {
        print_json(list);
    } else {
        json_decref(list);
        out_table_print(table, stdout);
        out_note("works: full or partial; what that means: ndisbox ddi --help");
    }
    out_table_destroy(table);
    return EXIT_CLEAN;
}

int
cmd_ddi(const struct args *args)
{
    if (args_flag(args, "coverage") && args->operand_count) {
        out_error("--coverage counts all rows; \"ndisbox ddi %s\" lists some", args->operands[0]);
        return EXIT_USAGE;
    }
    if (args_flag(args, "coverage"))
        return coverage(args);
    const struct ddi_row *row = args->operand_count == 1 ? ddi_row_find(args->operands[0]) : NULL;
    if (!row)
        return list(args);
    if (args_flag(args, "json"))
        print_json(row_json(row));
    else
        print_row(row);
    return EXIT_CLEAN;
}
