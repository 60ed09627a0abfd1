// SPDX-License-Identifier: MIT
// The helpers of stack_test.h.
#include "stack_test.h"

struct stack *
read_with(const char *text, const char *base_dir, const char *const *sets, size_t set_count, struct stack_report *report)
{
    struct stack_source source = {.name = "t.yaml", .base_dir = base_dir, .sets = sets, .set_count = set_count};
    return stack_read(&source, text, strlen(text), report);
}

struct stack *
expect_good_at(const char *text, int line)
{
    struct stack_report report = {0};
    struct stack *stack = read_with(text, NULL, NULL, 0, &report);
    ck_assert_msg(stack != NULL, "line %d: refused: %s", line, report.count ? report.lines[0] : "without a word");
    ck_assert_uint_eq(report.error_count, 0);
    stack_report_clear(&report);
    return stack;
}

void
report_has(const struct stack_report *report, const char *wanted, int line)
{
    for (size_t i = 0; i < report->count; i++)
        if (strstr(report->lines[i], wanted))
            return;
    ck_abort_msg("line %d: wanted a line with\n  %s\nfirst of %zu is\n  %s", line, wanted, report->count,
                 report->count ? report->lines[0] : "-");
}

void
expect_line_at(const char *text, const char *wanted, int line)
{
    struct stack_report report = {0};
    struct stack *stack = read_with(text, NULL, NULL, 0, &report);
    report_has(&report, wanted, line);
    ck_assert_msg((stack == NULL) == (report.error_count > 0), "line %d: a stack and errors, or neither", line);
    stack_destroy(stack);
    stack_report_clear(&report);
}

static char *
printed(const struct stack *stack, void (*print)(const struct stack *, FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    print(stack, out);
    fclose(out);
    return text;
}

char *
yaml_of(const struct stack *stack)
{
    return printed(stack, stack_print_yaml);
}

char *
picture_of(const struct stack *stack)
{
    return printed(stack, stack_print_picture);
}
