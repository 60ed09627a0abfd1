// SPDX-License-Identifier: MIT
// Backtraces along frame pointers and what their addresses resolve to.
#include "host/symbol.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "host/sched.h"

static size_t deep_count;
static const void *deep[64];

static __attribute__((noinline)) void
deep_inner(void)
{
    deep_count = symbol_backtrace(deep, 64);
    __asm__ volatile("");
}

static inline __attribute__((always_inline)) void
deep_inlined(void)
{
    deep_inner();
    __asm__ volatile("");
}

static __attribute__((noinline)) void
deep_outer(void *arg)
{
    deep_inlined();
    __asm__ volatile("");
}

TEST(backtrace_names_functions_lines_and_inlined_callers)
{
    struct sched *sched = sched_threads_create(1);
    ck_assert_int_eq(sched_run(sched, "root", deep_outer, NULL, NULL), 0);
    sched_destroy(sched);
    ck_assert_uint_ge(deep_count, 3);
    struct symbols *symbols = symbols_create();
    struct symbol found[8];
    ck_assert_ptr_nonnull(symbols);
    ck_assert_uint_eq(symbols_resolve(symbols, (const char *)deep[0] - 1, found, 8), 1);
    ck_assert_str_eq(found[0].function, "deep_inner");
    ck_assert_ptr_nonnull(strstr(found[0].file, "symbol_test.c"));
    ck_assert_uint_gt(found[0].line, 10);
    ck_assert_uint_eq(symbols_resolve(symbols, (const char *)deep[1] - 1, found, 8), 2);
    ck_assert_str_eq(found[0].function, "deep_inlined");
    ck_assert_str_eq(found[1].function, "deep_outer");
    ck_assert_uint_gt(found[1].line, found[0].line);
    ck_assert_ptr_nonnull(strstr(found[0].file, "/tests/unit/host/symbol_test.c"));
    ck_assert_int_eq(found[0].file[0], '/');
    ck_assert_ptr_null(strstr(found[0].file, "/../"));
    ck_assert_ptr_eq(found[1].file, found[0].file);
    ck_assert_uint_eq(symbols_resolve(symbols, (const char *)deep[1] - 1, found, 1), 1);
    char *text = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&text, &bytes);
    symbols_print(symbols, to, deep, deep_count, true);
    fclose(to);
    ck_assert_msg(strstr(text, "#2  deep_outer ") != NULL, "%s", text);
    free(text);
    symbols_destroy(symbols);
}

TEST(images_without_debug_information_and_unknown_addresses_are_said_to_be_so)
{
    struct symbols *symbols = symbols_create();
    struct symbol found;
    ck_assert_uint_eq(symbols_resolve(symbols, (const void *)16, &found, 1), 1);
    ck_assert_ptr_null(found.function);
    ck_assert_ptr_null(found.image);
    ck_assert_uint_eq(symbols_resolve(symbols, dlsym(RTLD_DEFAULT, "getpid"), &found, 1), 1);
    ck_assert_ptr_nonnull(found.image);
    ck_assert_uint_eq(symbols_resolve(symbols, dlsym(RTLD_DEFAULT, "getpid"), &found, 0), 0);
    // An image that was loaded after the session began.
    void *image = dlopen("libutil.so.1", RTLD_NOW);
    ck_assert_ptr_nonnull(image);
    const struct link_map *map = image;
    ck_assert_uint_eq(symbols_resolve(symbols, (const char *)map->l_addr + 8, &found, 1), 1);
    ck_assert_msg(found.image && strstr(found.image, "libutil"), "%s", found.image ? found.image : "no image");
    ck_assert_uint_eq(found.image_offset, 8);
    symbols_destroy(symbols);
    dlclose(image);
}

TEST(walk_never_leaves_the_bounds_of_the_stack)
{
    uintptr_t stack[16] = {0};
    const void *addresses[16];
    const void *low = stack, *high = stack + 16;
    stack[0] = (uintptr_t)&stack[4];
    stack[1] = 111;
    stack[4] = (uintptr_t)&stack[14];
    stack[5] = 222;
    stack[14] = (uintptr_t)&stack[15];
    stack[15] = 333;
    ck_assert_uint_eq(symbol_walk(stack, low, high, addresses, 16), 3);
    ck_assert_ptr_eq(addresses[2], (void *)333);
    ck_assert_uint_eq(symbol_walk(stack, low, high, addresses, 2), 2);
    ck_assert_uint_eq(symbol_walk(stack, low, stack + 15, addresses, 16), 2);
    // Loops, misaligned and low pointers end the walk.
    stack[4] = (uintptr_t)&stack[0];
    ck_assert_uint_eq(symbol_walk(stack, low, high, addresses, 16), 2);
    stack[4] = (uintptr_t)&stack[6] + 1;
    ck_assert_uint_eq(symbol_walk(stack, low, high, addresses, 16), 2);
    stack[4] = (uintptr_t)&stack[4];
    ck_assert_uint_eq(symbol_walk(stack, low, high, addresses, 16), 2);
    ck_assert_uint_eq(symbol_walk(NULL, low, high, addresses, 16), 0);
    ck_assert_uint_eq(symbol_walk(stack, NULL, NULL, addresses, 16), 0);
}
