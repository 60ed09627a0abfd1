// SPDX-License-Identifier: MIT
// project: in a stack file: each driver that has one is built into the cache (build.c), or found there as an earlier run left it, and the
// stack goes on with the image. It is built with the sanitizers that this tool has, so that the two fit.
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "out.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZERS "address,undefined"
#elif __has_feature(thread_sanitizer)
#define SANITIZERS "thread"
#endif
#endif
#ifndef SANITIZERS
#define SANITIZERS NULL
#endif

#define SUBSTS_MAX 256

static size_t
substs_read(const struct stack_driver *driver, struct import_pair *pairs)
{
    size_t count = 0;
    for (size_t i = 0; i < driver->subst.count && count < SUBSTS_MAX; i++) {
        const struct stack_value *value = &driver->subst.children[i];
        bool is_text = value->kind == STACK_VALUE_TEXT, is_number = value->kind == STACK_VALUE_DWORD || value->kind == STACK_VALUE_QWORD;
        char *number = NULL;
        if (!is_text && !is_number)
            continue;            // a template that asks for it says that it has no value
        if (is_number && asprintf(&number, "%llu", (unsigned long long)value->number) < 0)
            abort();
        pairs[count++] = (struct import_pair){value->name, number ? number : strdup(value->text)};
    }
    return count;
}

static int
driver_build(struct stack *stack, const struct stack_driver *driver, bool is_quiet)
{
    struct import_pair substs[SUBSTS_MAX];
    struct build_request request = {.paths = &driver->project, .path_count = 1, .sanitize = SANITIZERS, .is_quiet = is_quiet};
    struct build build;
    request.substs = substs;
    request.subst_count = substs_read(driver, substs);
    int code = build_open(&build, &request);
    if (code == EXIT_CLEAN && !build_is_fresh(&build)) {
        out_note("building %s from %s", driver->name, driver->project);
        code = build_scan(&build);
        if (code == EXIT_CLEAN)
            code = build_make(&build);
    }
    if (code == EXIT_CLEAN)
        stack_driver_built(stack, driver, build.out);
    build_close(&build);
    for (size_t i = 0; i < request.subst_count; i++)
        free((char *)substs[i].value);
    return code;
}

int
source_build_projects(struct stack *stack, bool is_quiet)
{
    int code = EXIT_CLEAN;
    for (size_t i = 0; i < stack->box_count && code == EXIT_CLEAN; i++)
        for (size_t j = 0; j < stack->boxes[i].driver_count && code == EXIT_CLEAN; j++) {
            const struct stack_driver *driver = &stack->boxes[i].drivers[j];
            if (driver->project && !driver->path)
                code = driver_build(stack, driver, is_quiet);
        }
    return code;
}
