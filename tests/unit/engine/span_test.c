// SPDX-License-Identifier: MIT
// Borrowed bytes and packets: cut and summed at every offset beside the plain definition; holds that end where they should; memory
// that stops at its limit and comes back whole.
#include "base/csum.h"
#include "base/siphash.h"
#include "engine/engine.h"
#include "harness/harness.h"
#include <stdlib.h>
#include <string.h>

static void *
take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
give(void *context, void *block, size_t bytes)
{
    free(block);
}

static struct eng_memory
memory_of(size_t limit_bytes)
{
    return (struct eng_memory){.on_take = take, .on_give = give, .limit_bytes = limit_bytes};
}

// 3, 0, 5 and 7 bytes: 0 to 14 in order.
static uint8_t numbers[15];
static struct eng_span spans[4];

static void
make_spans(void)
{
    static const unsigned counts[4] = {3, 0, 5, 7};
    unsigned at = 0;
    for (unsigned i = 0; i < sizeof numbers; i++)
        numbers[i] = (uint8_t)(i * 37 + 1);
    for (unsigned i = 0; i < 4; at += counts[i++])
        spans[i] = (struct eng_span){.bytes = numbers + at, .count = counts[i], .offset = 100 * i};
}

TEST(spans_are_cut_copied_and_summed_at_every_offset_and_length)
{
    make_spans();
    for (size_t from = 0; from <= 15; from++) {
        for (size_t count = 0; from + count <= 15; count++) {
            uint8_t copy[15] = {0}, whole[15] = {0};
            ck_assert(eng_spans_copy(spans, 4, from, copy, count));
            ck_assert_mem_eq(copy, numbers + from, count);
            struct eng_span cut[4];
            size_t bytes, n = eng_spans_cut(spans, 4, from, count, cut, 4, &bytes), at = 0;
            ck_assert_uint_eq(bytes, count);
            for (size_t i = 0; i < n; at += cut[i++].count)
                memcpy(whole + at, cut[i].bytes, cut[i].count);
            ck_assert_uint_eq(at, count);
            ck_assert_mem_eq(whole, numbers + from, count);
            ck_assert_uint_eq(csum_finish(eng_spans_sum(spans, 4, from, count)), csum_of(numbers + from, count));
        }
        uint8_t more[16];
        ck_assert(!eng_spans_copy(spans, 4, from, more, 16 - from));
    }
}

TEST(a_cut_with_too_few_spans_says_how_much_it_holds_and_where_in_its_tag_it_begins)
{
    make_spans();
    struct eng_span cut[1];
    size_t bytes;
    ck_assert_uint_eq(eng_spans_cut(spans, 4, 4, 11, cut, 1, &bytes), 1);
    ck_assert_uint_eq(bytes, 4);
    ck_assert_uint_eq(cut[0].offset, 201);
    ck_assert_ptr_eq(cut[0].bytes, numbers + 4);
}

TEST(memory_stops_at_its_limit_and_gives_zeroes)
{
    struct eng_memory memory = memory_of(100);
    uint8_t *first = eng_take(&memory, 60);
    ck_assert_ptr_nonnull(first);
    ck_assert_uint_eq(first[59], 0);
    ck_assert_ptr_null(eng_take(&memory, 41));
    ck_assert_ptr_null(eng_take(&memory, SIZE_MAX));
    void *second = eng_take(&memory, 40);
    ck_assert_ptr_nonnull(second);
    eng_give(&memory, first, 60);
    eng_give(&memory, second, 40);
    ck_assert_uint_eq(memory.taken_bytes, 0);
}

static unsigned released;

static void
note_release(struct eng_owner *owner)
{
    released++;
}

TEST(a_packet_holds_the_owner_of_its_data_until_it_is_put_back)
{
    struct eng_memory memory = memory_of(0);
    struct eng_out_pool pool;
    struct eng_owner owner = {.holds = 1, .on_release = note_release};
    released = 0;
    eng_out_pool_init(&pool, &memory);
    struct eng_out *out = eng_out_get(&pool);
    struct eng_span span = {.bytes = numbers, .count = 15, .owner = &owner};
    for (unsigned i = 0; i < ENG_OUT_SPANS; i++)
        ck_assert(eng_out_add(out, &span));
    ck_assert(!eng_out_add(out, &span));
    ck_assert_uint_eq(owner.holds, 1 + ENG_OUT_SPANS);
    ck_assert_uint_eq(out->data_bytes, 15 * ENG_OUT_SPANS);
    eng_drop(&owner);
    ck_assert_uint_eq(released, 0);
    eng_out_put(&pool, out);
    ck_assert_uint_eq(released, 1);
    ck_assert_ptr_eq(eng_out_get(&pool), out); // the last freed is the first used again
    eng_out_put(&pool, out);
    eng_out_pool_destroy(&pool);
    ck_assert_uint_eq(memory.taken_bytes, 0);
}

TEST(headers_grow_from_the_end_of_the_room_and_stop_at_its_start)
{
    struct eng_memory memory = memory_of(0);
    struct eng_out_pool pool;
    eng_out_pool_init(&pool, &memory);
    struct eng_out *out = eng_out_get(&pool);
    uint8_t *tcp = eng_out_push_head(out, 20), *ip = eng_out_push_head(out, 40);
    ck_assert_ptr_eq(ip + 40, tcp);
    ck_assert_ptr_eq(tcp + 20, out->room + ENG_HEAD_ROOM_BYTES);
    ck_assert_uint_eq(out->head_bytes, 60);
    ck_assert_ptr_null(eng_out_push_head(out, ENG_HEAD_ROOM_BYTES - 60 + 1));
    ck_assert_ptr_nonnull(eng_out_push_head(out, ENG_HEAD_ROOM_BYTES - 60));
    eng_out_put(&pool, out);
    eng_out_pool_destroy(&pool);
}

TEST(a_partial_checksum_is_finished_over_header_and_data_of_any_length)
{
    struct eng_memory memory = memory_of(0);
    struct eng_out_pool pool;
    make_spans();
    eng_out_pool_init(&pool, &memory);
    for (unsigned bytes = 0; bytes <= 15; bytes++) {
        struct eng_out *out = eng_out_get(&pool);
        struct eng_span cut[4];
        size_t cut_bytes, n = eng_spans_cut(spans, 4, 0, bytes, cut, 4, &cut_bytes);
        for (size_t i = 0; i < n; i++)
            ck_assert(eng_out_add(out, &cut[i]));
        uint8_t *udp = eng_out_push_head(out, 8), plain[12 + 8 + 15] = {10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, (uint8_t)(8 + bytes)};
        uint16_t pseudo = csum_fold(csum_pseudo4(plain, plain + 4, 17, (uint16_t)(8 + bytes))), field;
        memcpy(udp, (uint8_t[8]){1, 2, 3, 4, 0, (uint8_t)(8 + bytes)}, 8);
        memcpy(plain + 12, udp, 8);
        memcpy(plain + 20, numbers, bytes);
        memcpy(udp + 6, &pseudo, 2);
        out->l4_bytes = 8;
        out->l4_sum_offset = 6;
        out->flags = ENG_OUT_L4_SUM_PARTIAL;
        eng_out_sum(out);
        memcpy(&field, udp + 6, 2);
        ck_assert_uint_eq(field, csum_of(plain, 20 + bytes));
        eng_out_put(&pool, out);
    }
    eng_out_pool_destroy(&pool);
}

TEST(addresses_of_both_families_know_their_classes)
{
    struct eng_address loop4 = eng_address4("\x7F\0\0\x01"), group4 = eng_address4("\xE0\0\0\x01");
    struct eng_address link4 = eng_address4("\xA9\xFE\x01\x01"), any4 = eng_address4("\0\0\0\0");
    struct eng_address loop6 = eng_address6((uint8_t[16]){[15] = 1}), any6 = eng_address6((uint8_t[16]){0});
    struct eng_address group6 = eng_address6((uint8_t[16]){0xFF, 2}), link6 = eng_address6((uint8_t[16]){0xFE, 0xBF});
    ck_assert(eng_address_is_loopback(&loop4) && eng_address_is_loopback(&loop6));
    ck_assert(!eng_address_is_loopback(&link4) && !eng_address_is_loopback(&any6));
    ck_assert(eng_address_is_multicast(&group4) && eng_address_is_multicast(&group6) && !eng_address_is_multicast(&loop4));
    ck_assert(eng_address_is_link_local(&link4) && eng_address_is_link_local(&link6) && !eng_address_is_link_local(&group6));
    ck_assert(eng_address_is_any(&any4) && eng_address_is_any(&any6) && !eng_address_is_any(&loop6));
    ck_assert(!eng_address_is_equal(&any4, &any6));
    ck_assert(eng_address_is_equal(&loop4, &(struct eng_address){.bytes = {127, 0, 0, 1}, .family = ENG_IP4}));
}

// Key 00..0f, message 00, 01, 02 ...: the empty message, and the example of appendix A
TEST(siphash_gives_the_published_vectors)
{
    struct siphash_key key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
    uint8_t message[15];
    for (unsigned i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)i;
    ck_assert_uint_eq(siphash(&key, message, 0), UINT64_C(0x726fdb47dd0e0e31));
    ck_assert_uint_eq(siphash(&key, message, 15), UINT64_C(0xa129ca6149be45e5));
}
