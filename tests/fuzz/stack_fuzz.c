// SPDX-License-Identifier: MIT
// Any bytes as a stack file. What is accepted must print as a file that is accepted too and prints the same: the reader and the
// printer may not disagree about any input.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stack/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// One INF for every path that has an f in its name, another for the rest: enough for settings, ranges and classes to meet.
#define FUZZ_INF(class, more) \
    "[Version]\nSignature = \"$Windows NT$\"\nClass = " class "\n[Manufacturer]\nM = M\n[M]\nD = I, id\nE = I, id2\n" \
                                                              "[I.Services]\nAddService = @S@, 2, S\n[S]\nServiceType = " \
                                                              "1\n[I]\nAddReg = R\n[R]\n" more
static const char fuzz_filter[] =
    FUZZ_INF("NetService", "HKR,Ndi,FilterClass,,custom\nHKR,Ndi,FilterType,0x10001,2\nHKR,Ndi,FilterRunType,0x10001,1\n"
                           "HKR,Ndi\\Interfaces,FilterMediaTypes,,ethernet\nHKR,FilterAdapterParams\\Ring,Type,,word\n");
static const char fuzz_miniport[] =
    FUZZ_INF("Net", "HKR,Ndi\\Interfaces,UpperRange,,ndis5\nHKR,Ndi\\Interfaces,LowerRange,,ethernet\nHKR,Ndi\\Params\\MTU,Type,,int\n"
                    "HKR,Ndi\\Params\\MTU,Max,,1500\n");

static char *
fuzz_inf(void *context, const char *path, size_t *length_bytes, const char **why)
{
    const char *text = strchr(path, 'f') ? fuzz_filter : fuzz_miniport;
    *length_bytes = strlen(text);
    return strdup(text);
}

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
    struct stack_source source = {.name = "fuzz", .files = {.read_inf = fuzz_inf}};
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
