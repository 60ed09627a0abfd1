// SPDX-License-Identifier: MIT
// The random stream against the published vectors of its algorithms, and the heap's order under pushes and removals.
#include <stdlib.h>

#include "base/hash.h"
#include "base/heap.h"
#include "base/prng.h"
#include "harness/harness.h"

TEST(splitmix64_gives_the_published_vector_of_seed_1234567)
{
    static const uint64_t expected[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
                                        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};
    uint64_t state = 1234567;
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(prng_splitmix64(&state), expected[i]);
}

TEST(xoshiro256_gives_the_published_vector_of_state_1_2_3_4)
{
    static const uint64_t expected[] = {UINT64_C(11520), UINT64_C(0), UINT64_C(1509978240), UINT64_C(1215971899390074240)};
    struct prng prng = {{1, 2, 3, 4}};
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(prng_next(&prng), expected[i]);
}

TEST(below_stays_below_and_reaches_every_value)
{
    struct prng prng;
    unsigned seen[7] = {0};
    prng_seed(&prng, 0);
    for (int i = 0; i < 7000; i++)
        seen[prng_below(&prng, 7)]++;
    for (int i = 0; i < 7; i++)
        ck_assert_uint_gt(seen[i], 800);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(prng_below(&prng, 1), 0);
}

TEST(fnv_gives_the_published_values)
{
    ck_assert_uint_eq(hash_bytes(HASH_FNV_START, "", 0), UINT64_C(0xCBF29CE484222325));
    ck_assert_uint_eq(hash_text(HASH_FNV_START, "a"), UINT64_C(0xAF63DC4C8601EC8C));
    ck_assert_uint_eq(hash_text(HASH_FNV_START, "foobar"), UINT64_C(0x85944171F73967E8));
    ck_assert_uint_eq(hash_bytes(HASH_FNV_START, "foobar", 6), hash_text(HASH_FNV_START, "foobar"));
}

TEST(fold_depends_on_the_order_of_its_numbers)
{
    uint64_t ab = hash_fold(hash_fold(HASH_FNV_START, 1), 2), ba = hash_fold(hash_fold(HASH_FNV_START, 2), 1);
    ck_assert_uint_ne(ab, ba);
}

TEST(heap_pops_by_key_then_in_the_order_of_pushing)
{
    enum { COUNT = 1000 };
    static struct heap_node nodes[COUNT];
    struct heap heap;
    struct prng prng;
    heap_init(&heap);
    prng_seed(&prng, 5);
    ck_assert_int_eq(heap_reserve(&heap, COUNT), 0);
    for (int i = 0; i < COUNT; i++)
        heap_push(&heap, &nodes[i], prng_below(&prng, 10));
    uint64_t key = 0, sequence = 0;
    for (int i = 0; i < COUNT; i++) {
        struct heap_node *node = heap_pop(&heap);
        ck_assert(i == 0 || node->key > key || (node->key == key && node->sequence > sequence));
        ck_assert(!heap_holds(node));
        key = node->key;
        sequence = node->sequence;
    }
    ck_assert_ptr_null(heap_pop(&heap));
    heap_destroy(&heap);
}

TEST(heap_gives_out_nodes_from_the_middle_and_stays_ordered)
{
    enum { COUNT = 500 };
    static struct heap_node nodes[COUNT];
    struct prng prng;
    prng_seed(&prng, 6);
    for (int round = 0; round < 50; round++) {
        struct heap heap;
        heap_init(&heap);
        ck_assert_int_eq(heap_reserve(&heap, COUNT), 0);
        for (int i = 0; i < COUNT; i++)
            heap_push(&heap, &nodes[i], prng_below(&prng, 100));
        size_t left = COUNT;
        for (int i = 0; i < COUNT; i += 2) {
            heap_remove(&heap, &nodes[i]);
            heap_remove(&heap, &nodes[i]);
            left--;
        }
        uint64_t key = 0;
        for (struct heap_node *node; (node = heap_pop(&heap)); left--) {
            ck_assert_uint_ge(node->key, key);
            ck_assert_int_eq((node - nodes) % 2, 1);
            key = node->key;
        }
        ck_assert_uint_eq(left, 0);
        heap_destroy(&heap);
    }
}
