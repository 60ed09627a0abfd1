// SPDX-License-Identifier: MIT
// Reassembly: every order of pieces, overlap of every kind, floods that stay in their bounds, time that runs out, congestion marks.
#include "kit.h"
#include <stdio.h>

static struct net_udp *udp;
static uint8_t payload[8 + 4000];       // a UDP datagram to port 1000

static void
open_one(const struct net_settings *net_settings)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500};
    kit_open(1, &settings, net_settings);
    kit_address(0, "10.0.0.1", 24);
    kit_address(0, "fd00::1", 64);
    kit_pass(3000000);
    kit_forget();
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 13 + i / 256);
    memcpy(payload, (uint8_t[8]){0, 5, 1000 >> 8, 1000 & 0xFF, sizeof payload >> 8, sizeof payload & 0xFF, 0, 0}, 8);
    udp = kit_udp(0, "0.0.0.0", 1000);
}

static void
close_one(void)
{
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

// One IPv4 fragment of `payload`.
static void
piece_of(const char *source, uint16_t identifier, unsigned from, unsigned count, bool has_more, uint8_t tos, const uint8_t *bytes)
{
    static uint8_t frame[70000];
    struct eng_address source_address = kit_parse(source), destination = kit_parse("10.0.0.1");
    size_t at = kit_eth(frame, kit[0].link, (const uint8_t *)"\2\0\0\0\0\x99", 0x0800);
    uint8_t *ip = frame + at;
    at += kit_ip4(ip, &source_address, &destination, 17, count);
    ip[1] = tos;
    bytes_store_be16(ip + 4, identifier);
    bytes_store_be16(ip + 6, (uint16_t)(from / 8 | (has_more ? 0x2000 : 0)));
    kit_ip4_sum(ip);
    memcpy(frame + at, bytes, count);
    kit_inject(0, frame, at + count);
    kit_pump();
}

static void
piece(uint16_t identifier, unsigned from, unsigned count)
{
    piece_of("10.0.0.2", identifier, from, count, from + count < sizeof payload, 0, payload + from);
}

static unsigned
whole(void)
{
    unsigned n = kit[0].n_got;
    for (unsigned i = 0; i < n; i++) {
        ck_assert_uint_eq(kit[0].got[i].count, sizeof payload - 8);
        ck_assert_mem_eq(kit[0].got[i].bytes, payload + 8, sizeof payload - 8);
    }
    kit_forget();
    return n;
}

TEST(pieces_make_the_whole_in_every_order)
{
    static const unsigned from[4] = {0, 1000, 2000, 3000};
    open_one(NULL);
    uint16_t identifier = 0;
    // All orders of four, and in each the one that says the end as every one of them.
    for (unsigned order = 0; order < 256; order++) {
        unsigned seen = 0, at[4];
        for (unsigned i = 0; i < 4; i++)
            seen |= 1u << (at[i] = order >> 2 * i & 3);
        if (seen != 15)
            continue;
        for (unsigned i = 0; i < 4; i++) {
            ck_assert_uint_eq(kit[0].n_got, 0);
            piece(identifier, from[at[i]], at[i] == 3 ? (unsigned)sizeof payload - 3000 : 1000);
        }
        ck_assert_uint_eq(whole(), 1);
        identifier++;
    }
    ck_assert_uint_eq(identifier, 24);
    close_one();
}

static unsigned heads;

static void
check_head(unsigned host, struct net_result *result)
{
    uint8_t head[20];
    ck_assert(eng_spans_copy(result->in.spans, result->in.n_spans, result->in.ip_at_bytes, head, sizeof head));
    ck_assert_uint_eq(csum_of(head, sizeof head), 0);
    ck_assert_uint_eq(bytes_load_be16(head + 2), 20 + sizeof payload);
    ck_assert_uint_eq(bytes_load_be16(head + 6), 0); // no flags, no offset
    heads++;
}

TEST(the_header_of_the_whole_is_as_if_it_had_never_been_cut)
{
    open_one(NULL);
    kit_on_result = check_head;
    piece(1, 1000, sizeof payload - 1000);
    piece(1, 0, 1000);
    kit_on_result = NULL;
    ck_assert_uint_eq(heads, 1);
    close_one();
}

TEST(the_same_piece_again_is_nothing_and_one_that_differs_kills_the_packet)
{
    uint8_t other[1000];
    open_one(NULL);
    piece(1, 0, 1000);
    piece(1, 0, 1000);
    piece(1, 1000, 1000);
    piece(1, 1000, 1000);
    piece(1, 2000, sizeof payload - 2000);
    ck_assert_uint_eq(whole(), 1);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_frag_duplicate), 2);
    memset(other, 0x55, sizeof other);
    piece(2, 0, 1000);
    piece_of("10.0.0.2", 2, 0, 1000, true, 0, other);
    piece(2, 1000, sizeof payload - 1000);
    ck_assert_uint_eq(whole(), 0);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_frag_overlap), 1);
    close_one();
}

TEST(every_overlap_kills_the_packet_and_what_still_comes_of_it)
{
    // A first piece [1000, 2000), then one that meets it in every way; then all that would make it whole.
    static const struct {
        unsigned from, count;
    } second[] = {{992, 16}, {1000, 8}, {1000, 1008}, {1992, 16}, {1008, 8}, {992, 1016}, {0, 3000}, {0, 1008}};
    open_one(NULL);
    for (uint16_t i = 0; i < sizeof second / sizeof second[0]; i++) {
        piece(i, 1000, 1000);
        piece(i, second[i].from, second[i].count);
        piece(i, 0, 1000);
        piece(i, 2000, sizeof payload - 2000);
        piece(i, 1000, 1000);
        ck_assert_uint_eq(whole(), 0);
        ck_assert_uint_eq(kit_count(0, NET_COUNT_frag_overlap), i + 1u);
    }
    // A second end, or bytes past the end.
    piece(100, 2000, sizeof payload - 2000);
    piece_of("10.0.0.2", 100, 1000, 8, false, 0, payload);
    piece(101, 2000, sizeof payload - 2000);
    piece_of("10.0.0.2", 101, 8000, 8, true, 0, payload);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_frag_overlap), sizeof second / sizeof second[0] + 2);
    kit_pass(31000000);
    piece(0, 0, 1000); // a new life
    piece(0, 1000, sizeof payload - 1000);
    ck_assert_uint_eq(whole(), 1);
    close_one();
}

TEST(pieces_with_impossible_lengths_are_refused)
{
    open_one(NULL);
    piece_of("10.0.0.2", 1, 0, 1001, true, 0, payload);    // not a multiple of eight
    piece_of("10.0.0.2", 2, 65528, 8, false, 0, payload);  // past 65535 with its header
    piece_of("10.0.0.2", 3, 8, 0, true, 0, payload);       // nothing
    ck_assert_uint_eq(kit_count(0, NET_COUNT_frag_bad), 3);
    close_one();
}

TEST(time_runs_out_with_an_error_when_the_first_piece_is_there)
{
    open_one(NULL);
    piece(1, 0, 1000);
    piece(2, 1000, 1000);
    kit_pass(29000000);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_frag_timeout), 0);
    kit_pass(2000000);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_frag_timeout), 2);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_errors_out), 1);
    close_one();
}

TEST(a_flood_of_pieces_stays_in_its_bounds_and_spares_other_sources)
{
    struct net_settings settings = {.reassembly_bytes = 1 << 20, .reassembly_source_bytes = 128 << 10};
    open_one(&settings);
    size_t before_bytes = kit[0].memory.taken_bytes;
    piece_of("10.0.0.3", 7, 0, 1000, true, 0, payload);
    for (unsigned i = 0; i < 20000; i++) {
        piece_of("10.0.0.2", (uint16_t)i, 8 * (i % 4), 8, true, 0, payload);
        ck_assert_uint_lt(kit[0].memory.taken_bytes - before_bytes, 512 << 10);
    }
    ck_assert_uint_gt(kit_count(0, NET_COUNT_frag_no_room), 1000);
    piece_of("10.0.0.3", 7, 1000, sizeof payload - 1000, false, 0, payload + 1000);
    ck_assert_uint_eq(whole(), 1);
    // Sources without number, but memory with an end.
    for (unsigned i = 0; i < 5000; i++) {
        char source[32];
        snprintf(source, sizeof source, "10.9.%u.%u", i / 250, i % 250 + 1);
        piece_of(source, (uint16_t)i, 0, 1400, true, 0, payload);
        ck_assert_uint_lt(kit[0].memory.taken_bytes - before_bytes, 2 << 20);
    }
    kit_pass(61000000);
    close_one();
}

TEST(a_congestion_mark_of_one_piece_is_the_wholes_or_loses_it)
{
    open_one(NULL);
    piece_of("10.0.0.2", 1, 0, 1000, true, 2, payload);
    piece_of("10.0.0.2", 1, 1000, sizeof payload - 1000, false, 3, payload + 1000);
    ck_assert_uint_eq(kit[0].n_got, 1);
    ck_assert_uint_eq(kit[0].got[0].result.in.traffic_class & 3, 3);
    kit_forget();
    piece_of("10.0.0.2", 2, 0, 1000, true, 0, payload);
    piece_of("10.0.0.2", 2, 1000, sizeof payload - 1000, false, 3, payload + 1000);
    ck_assert_uint_eq(kit[0].n_got, 0);
    close_one();
}

TEST(ip6_overlap_kills_the_packet_and_a_bad_length_is_answered_with_its_place)
{
    uint8_t frame[2000];
    struct eng_address source = kit_parse("fd00::2"), destination = kit_parse("fd00::1");
    open_one(NULL);
    ck_assert_int_eq(net_raw_open(kit[0].net, ENG_IP6, 200), 0);
    // {offset, count, more}: a whole in two, then with an overlap of one unit, then a length that is no multiple of eight.
    static const struct {
        unsigned identifier, from, count, more, got;
    } cases[] = {{1, 0, 800, 1, 0}, {1, 800, 5, 0, 1}, {2, 0, 800, 1, 0}, {2, 792, 16, 0, 0}, {2, 800, 5, 0, 0}, {3, 0, 801, 1, 0}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t at = kit_eth(frame, kit[0].link, (const uint8_t *)"\2\0\0\0\0\x99", 0x86DD);
        at += kit_ip6(frame + at, &source, &destination, 44, 8 + cases[i].count);
        memcpy(frame + at, (uint8_t[8]){200, 0, 0, 0, 0, 0, 0, (uint8_t)cases[i].identifier}, 8);
        bytes_store_be16(frame + at + 2, (uint16_t)(cases[i].from | cases[i].more));
        memcpy(frame + at + 8, payload, cases[i].count);
        kit_inject(0, frame, at + 8 + cases[i].count);
        kit_pump();
        ck_assert_uint_eq(kit[0].n_got, cases[i].got);
        if (i < sizeof cases / sizeof cases[0] - 1)
            kit_forget();
    }
    ck_assert_uint_eq(kit_count(0, NET_COUNT_frag_overlap), 1);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_errors_out), 1);
    net_raw_close(kit[0].net, ENG_IP6, 200);
    close_one();
}
