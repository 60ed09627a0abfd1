// SPDX-License-Identifier: MIT
// Slabs: blocks of one size that share memory; zeroed each time, apart from each other, and gone when the last of a block is.
#include "base/prng.h"
#include "engine/engine.h"
#include "harness/harness.h"
#include <stdlib.h>
#include <string.h>

#define COUNT 100

static void *
take(void *context, size_t bytes)
{
    ++*(size_t *)context;
    void *block = aligned_alloc(64, (bytes + 63) / 64 * 64);
    return block ? memset(block, 0xEE, bytes) : NULL;
}

static void
give(void *context, void *block, size_t bytes)
{
    --*(size_t *)context;
    free(block);
}

static void
expect_filled(const uint8_t *item, size_t bytes, uint8_t with)
{
    size_t same = 0;
    while (same < bytes && item[same] == with)
        same++;
    ck_assert_uint_eq(same, bytes);
}

// Taken and given back in any order, from a size of which many share a block to one that has its own.
TEST(slabs_give_zeroed_blocks_that_do_not_touch_each_other_and_keep_nothing)
{
    static const size_t sizes[] = {1, 8, 24, 200, 768, 1999, 5000};
    for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        size_t blocks = 0, most = 0, bytes = sizes[s];
        struct eng_memory memory = {.on_take = take, .on_give = give, .context = &blocks};
        struct eng_slab slab;
        struct prng prng;
        uint8_t *items[COUNT] = {0};
        prng_seed(&prng, s + 1);
        eng_slab_init(&slab, &memory, bytes);
        for (unsigned step = 0; step < 6 * COUNT; step++) {
            unsigned i = (unsigned)prng_below(&prng, COUNT);
            if (items[i]) {
                expect_filled(items[i], bytes, (uint8_t)(i | 1));
                eng_slab_give(&slab, items[i]);
                items[i] = NULL;
                continue;
            }
            items[i] = eng_slab_take(&slab);
            ck_assert_ptr_nonnull(items[i]);
            ck_assert_uint_eq((uintptr_t)items[i] % 8, 0);
            expect_filled(items[i], bytes, 0);
            memset(items[i], (int)(i | 1), bytes);
            most = blocks > most ? blocks : most;
        }
        ck_assert_uint_gt(most, 0);
        for (unsigned i = 0; i < COUNT; i++)
            eng_slab_give(&slab, items[i]);
        ck_assert_uint_eq(blocks, 0);
        ck_assert_uint_eq(memory.taken_bytes, 0);
    }
}

TEST(slabs_say_when_there_is_no_memory_and_have_what_they_had)
{
    size_t blocks = 0, got = 0;
    struct eng_memory memory = {.on_take = take, .on_give = give, .context = &blocks, .limit_bytes = 20000};
    struct eng_slab slab;
    uint8_t *items[COUNT];
    eng_slab_init(&slab, &memory, 768);
    while (got < COUNT && (items[got] = eng_slab_take(&slab)))
        got++;
    ck_assert_uint_ge(got, 15);
    ck_assert_uint_lt(got, COUNT);
    eng_slab_give(&slab, items[--got]);
    items[got] = eng_slab_take(&slab);
    ck_assert_ptr_nonnull(items[got++]);
    ck_assert_ptr_null(eng_slab_take(&slab));
    while (got)
        eng_slab_give(&slab, items[--got]);
    eng_slab_give(&slab, NULL);
    ck_assert_uint_eq(memory.taken_bytes, 0);
}
