// SPDX-License-Identifier: MIT
// The Internet checksum against the plain definition, at every length and alignment that takes another way through the code.
#include "base/csum.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "harness/harness.h"

// RFC 1071 by the letter: big-endian words, one at a time.
static uint16_t
csum_plain(const uint8_t *bytes, size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void
fill(uint8_t *bytes, size_t count, uint64_t seed)
{
    struct prng prng;
    prng_seed(&prng, seed);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)prng_next(&prng);
}

TEST(checksum_of_an_ip_header_is_the_one_that_everyone_prints)
{
    uint8_t header[20] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    uint16_t csum = csum_of(header, sizeof header);
    memcpy(header + 10, &csum, 2);
    ck_assert_uint_eq(header[10], 0xb8);
    ck_assert_uint_eq(header[11], 0x61);
    ck_assert_uint_eq(csum_of(header, sizeof header), 0);
}

TEST(checksum_equals_the_plain_definition_at_every_length_and_alignment)
{
    uint8_t *data = malloc(400);
    fill(data, 400, 1);
    for (size_t start = 0; start < 9; start++)
        for (size_t count = 0; count <= 380; count++) {
            // An exact copy on the heap, so that ASan sees a read past the end.
            uint8_t *exact = malloc(count ? count : 1);
            memcpy(exact, data + start, count);
            ck_assert_uint_eq(__builtin_bswap16(csum_of(exact, count)), csum_plain(exact, count));
            ck_assert_uint_eq(__builtin_bswap16(csum_of(data + start, count)), csum_plain(data + start, count));
            free(exact);
        }
    free(data);
}

TEST(checksum_carries_all_the_way_round)
{
    static uint8_t ones[65536];
    memset(ones, 0xFF, sizeof ones);
    for (size_t count = 65000; count <= 65536; count += 67)
        ck_assert_uint_eq(__builtin_bswap16(csum_of(ones, count)), csum_plain(ones, count));
    ck_assert_uint_eq(csum_fold(csum_add(UINT64_MAX, ones, 65536)), 0xFFFF);
    ck_assert_uint_eq(csum_of(NULL, 0), 0xFFFF);
}

TEST(checksum_over_pieces_of_odd_lengths_equals_that_of_the_whole)
{
    uint8_t data[3000];
    struct prng prng;
    fill(data, sizeof data, 2);
    prng_seed(&prng, 3);
    for (int round = 0; round < 50; round++) {
        struct csum_run run = {0};
        while (run.count < sizeof data) {
            size_t piece = prng_below(&prng, 200);
            if (piece > sizeof data - run.count)
                piece = sizeof data - run.count;
            csum_run_add(&run, data + run.count, piece);
            ck_assert_uint_eq(__builtin_bswap16(csum_run_finish(&run)), csum_plain(data, run.count));
        }
    }
}

TEST(updating_a_field_equals_summing_again)
{
    uint8_t data[64];
    struct prng prng;
    fill(data, sizeof data, 4);
    prng_seed(&prng, 5);
    for (int round = 0; round < 2000; round++) {
        uint16_t before = csum_of(data, sizeof data), old16, new16 = (uint16_t)prng_next(&prng);
        size_t at = 2 * prng_below(&prng, 32);
        memcpy(&old16, data + at, 2);
        memcpy(data + at, &new16, 2);
        uint16_t after = csum_update16(before, old16, new16);
        ck_assert_uint_eq(after, csum_of(data, sizeof data));
        at = 2 * prng_below(&prng, 31);
        uint32_t old32, new32 = (uint32_t)prng_next(&prng);
        memcpy(&old32, data + at, 4);
        memcpy(data + at, &new32, 4);
        ck_assert_uint_eq(csum_update32(after, old32, new32), csum_of(data, sizeof data));
    }
}

TEST(pseudo_headers_equal_their_bytes)
{
    uint8_t v4[12] = {192, 168, 0, 1, 10, 0, 0, 255, 0, 6, 0x12, 0x34};
    ck_assert_uint_eq(csum_finish(csum_pseudo4(v4, v4 + 4, 6, 0x1234)), csum_of(v4, 12));
    uint8_t v6[40];
    fill(v6, 32, 6);
    bytes_store_be32(v6 + 32, 0x12345);
    bytes_store_be32(v6 + 36, 58);
    ck_assert_uint_eq(csum_finish(csum_pseudo6(v6, v6 + 16, 58, 0x12345)), csum_of(v6, 40));
}
