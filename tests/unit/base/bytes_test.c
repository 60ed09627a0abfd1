// SPDX-License-Identifier: MIT
// Readers and writers at, before and past their bounds.
#include "base/bytes.h"

#include "harness/harness.h"

TEST(reader_reads_both_orders_and_ends_exactly_at_the_end)
{
    static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct bytes_reader r;
    bytes_reader_init(&r, data, sizeof data);
    ck_assert_uint_eq(bytes_get_u8(&r), 1);
    ck_assert_uint_eq(bytes_get_be16(&r), 0x0203);
    ck_assert_uint_eq(bytes_get_le32(&r), 0x07060504);
    ck_assert_uint_eq(bytes_get_be64(&r), UINT64_C(0x08090A0B0C0D0E0F));
    ck_assert(bytes_reader_is_ok(&r));
    ck_assert_uint_eq(r.left_bytes, 0);
    ck_assert_ptr_nonnull(bytes_get_span(&r, 0));
    ck_assert(bytes_reader_is_ok(&r));
    ck_assert_uint_eq(bytes_get_u8(&r), 0);
    ck_assert(!bytes_reader_is_ok(&r));
}

TEST(reader_that_failed_once_gives_nothing_more)
{
    static const uint8_t data[] = {0xFF, 0xFF, 0xFF};
    struct bytes_reader r;
    uint8_t copy[2] = {7, 7};
    bytes_reader_init(&r, data, sizeof data);
    ck_assert_uint_eq(bytes_get_be32(&r), 0);
    ck_assert_uint_eq(bytes_get_u8(&r), 0);
    ck_assert_ptr_null(bytes_get_span(&r, 0));
    ck_assert(!bytes_get_copy(&r, copy, 2));
    ck_assert_uint_eq(copy[0], 7);
    ck_assert(!bytes_reader_is_ok(&r));
}

TEST(reader_refuses_lengths_that_would_overflow)
{
    static const uint8_t data[4];
    struct bytes_reader r;
    bytes_reader_init(&r, data, sizeof data);
    ck_assert_uint_eq(bytes_get_u8(&r), 0);
    ck_assert_ptr_null(bytes_get_span(&r, SIZE_MAX));
    ck_assert(!bytes_reader_is_ok(&r));
}

TEST(reader_of_nothing_is_ok_until_asked)
{
    struct bytes_reader r;
    bytes_reader_init(&r, NULL, 0);
    bytes_skip(&r, 0);
    ck_assert(bytes_get_copy(&r, NULL, 0));
    ck_assert(bytes_reader_is_ok(&r));
    bytes_skip(&r, 1);
    ck_assert(!bytes_reader_is_ok(&r));
}

TEST(writer_fills_exactly_its_room_and_then_writes_nothing)
{
    uint8_t room[16] = {0}, guard[2] = {0xAA, 0xAA};
    struct bytes_writer w;
    bytes_writer_init(&w, room, 15);
    bytes_put_u8(&w, 1);
    bytes_put_be16(&w, 0x0203);
    bytes_put_le32(&w, 0x07060504);
    bytes_put_be64(&w, UINT64_C(0x08090A0B0C0D0E0F));
    ck_assert(bytes_writer_is_ok(&w));
    for (int i = 0; i < 15; i++)
        ck_assert_uint_eq(room[i], i + 1);
    bytes_put_span(&w, guard, 1);
    ck_assert(!bytes_writer_is_ok(&w));
    ck_assert_uint_eq(room[15], 0);
    bytes_put_zeros(&w, 0);
    ck_assert(!bytes_writer_is_ok(&w));
}

TEST(varints_come_back_as_they_were_and_long_ones_fail)
{
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX >> 1, UINT64_MAX};
    uint8_t room[16];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct bytes_writer w;
        struct bytes_reader r;
        bytes_writer_init(&w, room, sizeof room);
        bytes_put_varint(&w, values[i]);
        size_t bytes = sizeof room - w.left_bytes;
        bytes_reader_init(&r, room, bytes);
        ck_assert_uint_eq(bytes_get_varint(&r), values[i]);
        ck_assert(bytes_reader_is_ok(&r));
        ck_assert_uint_eq(r.left_bytes, 0);
        bytes_reader_init(&r, room, bytes - 1);
        ck_assert_uint_eq(bytes_get_varint(&r), 0);
        ck_assert(!bytes_reader_is_ok(&r));
    }
    static const uint8_t too_long[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02};
    struct bytes_reader r;
    bytes_reader_init(&r, too_long, sizeof too_long);
    ck_assert_uint_eq(bytes_get_varint(&r), 0);
    ck_assert(!bytes_reader_is_ok(&r));
}
