// SPDX-License-Identifier: MIT
// CRC32C: the vectors of RFC 3720 B.4, the FPDUs that RFC 5044 prints, and pieces of any size.
#include "base/bytes.h"
#include "engine/iwarp/crc.h"
#include "harness/harness.h"
#include "kit.h"

static uint32_t
whole(const void *bytes, size_t count)
{
    return crc_finish(crc_add(CRC_START, bytes, count));
}

TEST(CRC32C_gives_what_the_iSCSI_examples_give)
{
    uint8_t up[32], down[32], zeros[32] = {0}, ones[32];
    memset(ones, 0xFF, sizeof ones);
    for (int i = 0; i < 32; i++) {
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    ck_assert_uint_eq(whole(zeros, 32), 0x8A9136AA);
    ck_assert_uint_eq(whole(ones, 32), 0x62A8AB43);
    ck_assert_uint_eq(whole(up, 32), 0x46DD794E);
    ck_assert_uint_eq(whole(down, 32), 0x113FDB5C);
    ck_assert_uint_eq(whole("", 0), 0);
}

TEST(CRC32C_of_the_two_FPDUs_in_RFC_5044_figures_5_and_6)
{
    uint8_t first[0x30] = {0, 0, 0, 0, 0, 0x2A, 0x41, 0x43, [0x13] = 1}, sum[4];
    bytes_store_le32(sum, whole(first, sizeof first));
    ck_assert_mem_eq(sum, "\x52\x23\x99\x83", 4);
    uint8_t second[0x21C - 0x1EC] = {0, 0x2A, 0x41, 0x43, [0xF] = 2, [0x17] = 0x14};
    bytes_store_le32(sum, whole(second, sizeof second));
    ck_assert_mem_eq(sum, "\x84\x92\x58\x98", 4);
}

TEST(CRC32C_in_pieces_is_CRC32C_of_the_whole_and_what_the_polynomial_says)
{
    struct prng prng;
    uint8_t bytes[3000];
    prng_seed(&prng, 7);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)prng_next(&prng);
    for (int round = 0; round < 300; round++) {
        size_t from = prng_below(&prng, 100), count = prng_below(&prng, sizeof bytes - from), middle = prng_below(&prng, count + 1);
        uint32_t crc = crc_add(crc_add(CRC_START, bytes + from, middle), bytes + from + middle, count - middle);
        ck_assert_uint_eq(crc_finish(crc), whole(bytes + from, count));
        ck_assert_uint_eq(crc_finish(crc), crc_by_bits(bytes + from, count));
        struct eng_span spans[3] = {{.bytes = bytes, .count = 40}, {.bytes = bytes + 40, .count = 0}, {.bytes = bytes + 40, .count = 2960}};
        ck_assert_uint_eq(crc_finish(crc_add_spans(CRC_START, spans, 3, from, count)), whole(bytes + from, count));
    }
}
