// SPDX-License-Identifier: MIT
// Pages that are kept: they come back, zeroed wherever they were touched, for their own size and kind only.
#include "harness/harness.h"
#include "host/pages.h"

#include <stdint.h>
#include <string.h>

#define PIECE_BYTES (3u * 1024 * 1024 + 4096)

static void
is_zero(const uint8_t *bytes, size_t count)
{
    size_t at = 0;
    while (at < count && !bytes[at])
        at++;
    ck_assert_msg(at == count, "byte %zu is %u", at, bytes[at]);
}

TEST(pages_that_are_kept_come_back_as_zeros)
{
    struct pages *pages = pages_create();
    uint8_t *memory = pages_get(pages, PIECE_BYTES, PAGES_PLAIN);
    is_zero(memory, PIECE_BYTES);
    memset(memory, 0xff, PIECE_BYTES);
    pages_put(pages, memory, PIECE_BYTES, PAGES_PLAIN);
    ck_assert_uint_eq(pages_count(pages), 1);
    ck_assert_ptr_eq(pages_get(pages, PIECE_BYTES, PAGES_PLAIN), memory);
    is_zero(memory, PIECE_BYTES);
    for (size_t at = 1; at < PIECE_BYTES; at += 70001)    // here and there, as buffers are
        memory[at] = 1;
    memory[PIECE_BYTES - 1] = 1;
    pages_put(pages, memory, PIECE_BYTES, PAGES_PLAIN);
    ck_assert_ptr_eq(pages_get(pages, PIECE_BYTES, PAGES_PLAIN), memory);
    is_zero(memory, PIECE_BYTES);
    pages_put(pages, memory, PIECE_BYTES, PAGES_PLAIN);
    pages_destroy(pages);
}

TEST(pages_are_kept_by_size_and_kind_and_the_last_comes_first)
{
    struct pages *pages = pages_create();
    void *small = pages_get(pages, 65536, PAGES_PLAIN), *stack = pages_get(pages, 65536, PAGES_STACK);
    void *large = pages_get(pages, 131072, PAGES_PLAIN), *other = pages_get(pages, 65536, PAGES_PLAIN);
    pages_put(pages, small, 65536, PAGES_PLAIN);
    pages_put(pages, stack, 65536, PAGES_STACK);
    pages_put(pages, large, 131072, PAGES_PLAIN);
    pages_put(pages, other, 65536, PAGES_PLAIN);
    ck_assert_ptr_eq(pages_get(pages, 65536, PAGES_PLAIN), other);
    ck_assert_ptr_eq(pages_get(pages, 65536, PAGES_PLAIN), small);
    ck_assert_ptr_eq(pages_get(pages, 131072, PAGES_PLAIN), large);
    ck_assert_uint_eq(pages_count(pages), 1);
    ck_assert_ptr_eq(pages_get(pages, 65536, PAGES_STACK), stack);
    pages_put(pages, stack, 65536, PAGES_STACK);
    pages_destroy(pages);
    pages_put(NULL, small, 65536, PAGES_PLAIN);
    pages_put(NULL, other, 65536, PAGES_PLAIN);
    pages_put(NULL, large, 131072, PAGES_PLAIN);
}

TEST(more_pages_than_can_be_kept_are_unmapped)
{
    struct pages *pages = pages_create();
    static void *memory[400];
    for (size_t i = 0; i < 400; i++)
        memory[i] = pages_get(pages, 4096, PAGES_PLAIN);
    for (size_t i = 0; i < 400; i++)
        pages_put(pages, memory[i], 4096, PAGES_PLAIN);
    ck_assert_uint_eq(pages_count(pages), 256);
    pages_destroy(pages);
}
