// SPDX-License-Identifier: MIT
// Any bytes as a stack file. What is accepted must print as a file that is accepted too and prints the same: the reader and the
// printer may not disagree about any input.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stack/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
yaml_of(const struct stack *stack)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    stack_print_yaml(stack, out);
    fclose(out);
    return text;
}

static void
print_away(const struct stack *stack)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    stack_print_picture(stack, out);
    fclose(out);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stack_source source = {.name = "fuzz"};
    struct stack_report report = {0};
    struct stack *stack = stack_read(&source, (const char *)data, size, &report);
    if (!stack && !report.error_count)
        abort();
    if (stack) {
        char *first = yaml_of(stack);
        struct stack *again = stack_read(&source, first, strlen(first), &report);
        if (!again)
            abort();
        char *second = yaml_of(again);
        if (strcmp(first, second))
            abort();
        print_away(stack);
        free(first);
        free(second);
        stack_destroy(again);
    }
    stack_destroy(stack);
    stack_report_clear(&report);
    return 0;
}
