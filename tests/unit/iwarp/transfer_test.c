// SPDX-License-Identifier: MIT
// Messages between two ends: every kind, every size, any segmentation, with and without CRCs and markers, both roles.
#include "base/bytes.h"
#include "harness/harness.h"
#include "kit.h"
#include <errno.h>

static const struct setup *
mode(int n)
{
    static struct setup setup;
    setup = setup_plain;
    for (int i = 0; i < 2; i++) {
        setup.uses[i] = (n & 1 ? IWARP_USE_CRC : 0) | (n & (2 << i) ? IWARP_USE_MARKERS : 0) | (i ? 0 : IWARP_USE_ENHANCED);
        setup.rtr[i] = n & 8 ? MPA_RTR_READ : MPA_RTR_WRITE;
    }
    setup.emss = n & 4 ? 8960 : 1448;
    return &setup;
}

// A region holds inside[0..bytes) at `at`, a pattern from inside_from on, and the other pattern around it.
static void
region_is(struct region *region, uint32_t at, uint64_t bytes, uint64_t inside, uint64_t inside_from, uint64_t around)
{
    for (uint32_t i = 0; i < region->bytes; i++) {
        bool is_inside = i >= at && i < at + bytes;
        if (*region_at(region, i) != (is_inside ? pattern_at(inside, inside_from + i - at) : pattern_at(around, i)))
            ck_abort_msg("byte %u of region %x is wrong (%s what was placed)", i, region->tag, is_inside ? "in" : "outside");
    }
}

static void
expect_done(struct side *side, struct kit_work *work, int status)
{
    struct kit_work *done = side_done(side);
    ck_assert_ptr_eq(done, work);
    ck_assert_int_eq(done->work.status, status);
}

static void
send_one(struct pair *pair, int from, uint64_t bytes, uint32_t flags, uint64_t seed)
{
    struct side *side = &pair->sides[from], *peer = &pair->sides[1 - from];
    struct kit_work *work = side_work(pair, side, RDMA_SEND, bytes, seed);
    struct kit_work *receive = side_receive(pair, peer, (uint32_t)bytes + (uint32_t)prng_below(&pair->prng, 3));
    work->work.flags = flags;
    ck_assert_int_eq(side_post(pair, side, work), 0);
    pair_run(pair);
    expect_done(side, work, 0);
    expect_done(peer, receive, 0);
    ck_assert_uint_eq(receive->work.done_bytes, bytes);
    ck_assert_uint_eq(receive->work.done_flags, flags);
    ck_assert(text_is(receive, bytes, seed));
    kit_work_free(work);
    kit_work_free(receive);
}

static void
write_one(struct pair *pair, int from, struct region *region, uint64_t bytes, uint64_t seed)
{
    struct side *side = &pair->sides[from];
    struct kit_work *work = side_work(pair, side, RDMA_WRITE, bytes, seed);
    uint32_t at = (uint32_t)prng_below(&pair->prng, region->bytes - bytes + 1);
    region_fill(region, ~seed);
    work->work.remote_tag = region->tag;
    work->work.remote_offset = region->base + at;
    ck_assert_int_eq(side_post(pair, side, work), 0);
    pair_run(pair);
    expect_done(side, work, 0);
    region_is(region, at, bytes, seed, 0, ~seed);
    kit_work_free(work);
}

static void
read_one(struct pair *pair, int from, struct region *source, struct region *sink, uint64_t bytes, uint64_t seed)
{
    struct side *side = &pair->sides[from];
    struct kit_work *work = side_work(pair, side, RDMA_READ, bytes, seed);
    uint32_t at = (uint32_t)prng_below(&pair->prng, source->bytes - bytes + 1);
    uint32_t to = (uint32_t)prng_below(&pair->prng, sink->bytes - bytes + 1);
    region_fill(source, seed);
    region_fill(sink, ~seed);
    work->work.remote_tag = source->tag;
    work->work.remote_offset = source->base + at;
    work->work.sink_tag = sink->tag;
    work->work.sink_offset = sink->base + to;
    ck_assert_int_eq(side_post(pair, side, work), 0);
    pair_run(pair);
    expect_done(side, work, 0);
    region_is(sink, to, bytes, seed, at, ~seed);
    kit_work_free(work);
}

TEST_TIMEOUT(60, sends_writes_and_reads_of_many_sizes_arrive_in_both_directions_and_every_mode)
{
    static const uint32_t sizes[] = {0, 1, 3, 4, 190, 192, 193, 1400, 1424, 1428, 1430, 1431, 4096, 5000, 65535};
    for (int n = 0; n < 16; n++) {
        struct pair pair;
        pair_open(&pair, mode(n), 100 + (unsigned)n);
        pair.runs_late = n & 1;
        pair_connect(&pair);
        struct region *regions[2][2];
        for (int i = 0; i < 2; i++) {
            regions[i][0] = side_region(&pair.sides[i], 0x100 + (unsigned)i, 0x123456789ABCull, 70000);
            regions[i][1] = side_region(&pair.sides[i], 0x200 + (unsigned)i, i ? 0 : UINT64_MAX - 70000, 70000);
        }
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int from = 0; from < 2; from++) {
                send_one(&pair, from, sizes[s], s & 1 ? RDMA_SOLICITED : 0, s * 31);
                write_one(&pair, from, regions[1 - from][s & 1], sizes[s], s * 17 + 1);
                read_one(&pair, from, regions[1 - from][s & 1], regions[from][0], sizes[s], s * 13 + 2);
            }
        struct iwarp_info info;
        iwarp_info(pair.sides[0].c, &info);
        ck_assert_int_eq(info.has_crc, n & 1);
        ck_assert_int_eq(info.receives_markers, !!(n & 2));
        ck_assert_int_eq(info.sends_markers, !!(n & 4));
        ck_assert(!info.sent_terminate && !info.got_terminate);
        pair_close(&pair);
    }
}

TEST_TIMEOUT(60, a_megabyte_goes_through_by_send_write_and_read_in_bounded_memory)
{
    for (int n = 0; n < 4; n++) {
        struct pair pair;
        struct setup setup = *mode(n * 5);
        iwarp_params_default(&setup.params);
        setup.params.send_bytes_max = 64 << 10;
        pair_open(&pair, &setup, 5);
        pair.piece_max = 100000;
        pair_connect(&pair);
        struct region *far = side_region(&pair.sides[1], 7, 99, 1 << 20), *near = side_region(&pair.sides[0], 8, 0, 1 << 20);
        send_one(&pair, 0, 1 << 20, 0, 1);
        write_one(&pair, 0, far, 1 << 20, 2);
        read_one(&pair, 0, far, near, 1 << 20, 3);
        ck_assert_uint_lt(pair.sides[0].taken_most, 300 << 10);
        ck_assert_uint_lt(pair.sides[1].taken_most, 300 << 10);
        pair_close(&pair);
    }
}

TEST_TIMEOUT(60, bytes_may_come_one_at_a_time)
{
    for (int n = 0; n < 8; n++) {
        struct pair pair;
        pair_open(&pair, mode(n), 3);
        pair.piece_max = 1;
        pair_connect(&pair);
        send_one(&pair, 0, 2000, RDMA_SOLICITED, 1);
        send_one(&pair, 1, 600, 0, 2);
        pair_close(&pair);
    }
}

// Many works of all kinds, posted without waiting, from both ends, with fences, deferrals and local ones.
static void
mixed(uint64_t seed)
{
    struct pair pair;
    struct setup setup = *mode((int)(seed % 16));
    setup.reads[0] = (struct rdma_reads){(uint16_t)(1 + seed % 3), (uint16_t)(1 + seed % 2)};
    pair_open(&pair, &setup, seed);
    pair.runs_late = seed & 1;
    pair_connect(&pair);
    struct region *regions[2][3];
    struct kit_work *posted[2][20], *receives[2][20];
    unsigned n_receives[2] = {0}, locals[2] = {0};
    for (int i = 0; i < 2; i++) {
        regions[i][0] = side_region(&pair.sides[i], 1, 0, 40000);
        regions[i][1] = side_region(&pair.sides[i], 2, 77, 20 * 2000);
        regions[i][2] = side_region(&pair.sides[i], 3, 77, 20 * 2000);
        region_fill(regions[i][0], seed + 9);
    }
    for (unsigned n = 0; n < 20; n++)
        for (unsigned i = 0; i < 2; i++) {
            struct side *side = &pair.sides[i], *peer = &pair.sides[1 - i];
            enum rdma_kind kind = (enum rdma_kind)prng_below(&pair.prng, 4);
            uint64_t bytes = kind == RDMA_LOCAL ? 0 : prng_below(&pair.prng, 2001);
            struct kit_work *work = posted[i][n] = side_work(&pair, side, kind, bytes, seed + n);
            work->work.flags = (prng_below(&pair.prng, 4) ? 0 : RDMA_FENCE) | (prng_below(&pair.prng, 2) && n < 19 ? RDMA_DEFER : 0);
            if (kind == RDMA_SEND)
                receives[i][n_receives[i]++] = side_receive(&pair, peer, (uint32_t)bytes);
            work->work.remote_tag = kind == RDMA_WRITE ? 2 : 1;
            work->work.remote_offset = kind == RDMA_WRITE ? 77 + 2000 * n : n;
            work->work.sink_tag = 3;
            work->work.sink_offset = 77 + 2000 * n;
            locals[i] += kind == RDMA_LOCAL;
            ck_assert_int_eq(side_post(&pair, side, work), 0);
            if (prng_below(&pair.prng, 3) == 0)
                pair_run(&pair);
        }
    pair_run(&pair);
    for (unsigned i = 0; i < 2; i++) {
        unsigned n = 0, r = 0;
        struct kit_work *done;
        while ((done = side_done(&pair.sides[i]))) {
            ck_assert_int_eq(done->work.status, 0);
            if (done->work.kind == RDMA_RECEIVE) {
                ck_assert_ptr_eq(done, receives[1 - i][r]);
                r++;
            } else {
                ck_assert_ptr_eq(done, posted[i][n]);
                n++;
            }
        }
        ck_assert_uint_eq(n, 20);
        ck_assert_uint_eq(r, n_receives[1 - i]);
        ck_assert_uint_eq(pair.sides[i].local_calls, locals[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        for (unsigned n = 0; n < 20; n++) {
            struct kit_work *work = posted[i][n];
            bool is_read = work->work.kind == RDMA_READ;
            struct region *at = is_read ? regions[i][2] : regions[1 - i][1];
            bool is_right = true;
            for (uint32_t b = 0; (is_read || work->work.kind == RDMA_WRITE) && b < work->work.bytes; b++)
                is_right &= *region_at(at, 2000 * n + b) == pattern_at(is_read ? seed + 9 : seed + n, is_read ? n + b : b);
            ck_assert(is_right);
        }
    pair_close(&pair);
}

TEST_TIMEOUT(60, works_of_all_kinds_are_done_in_the_order_of_their_posts)
{
    for (uint64_t seed = 0; seed < 200; seed++)
        mixed(seed);
}

TEST(send_with_invalidate_and_with_both_names_the_tag_and_takes_it_away)
{
    struct pair pair;
    pair_open(&pair, &setup_plain, 1);
    pair_connect(&pair);
    for (unsigned n = 0; n < 2; n++) {
        struct region *region = side_region(&pair.sides[1], 0xABCD00 + n, 0, 10);
        struct kit_work *work = side_work(&pair, &pair.sides[0], RDMA_SEND, 3000, 1), *receive = side_receive(&pair, &pair.sides[1], 3000);
        work->work.flags = RDMA_INVALIDATE | (n ? RDMA_SOLICITED : 0);
        work->work.invalidate_tag = region->tag;
        ck_assert_int_eq(side_post(&pair, &pair.sides[0], work), 0);
        pair_run(&pair);
        ck_assert_ptr_eq(side_done(&pair.sides[1]), receive);
        ck_assert_uint_eq(receive->work.done_flags, work->work.flags);
        ck_assert_uint_eq(receive->work.invalidate_tag, region->tag);
        ck_assert(!region->is_valid);
        ck_assert_uint_eq(pair.sides[1].invalidations, n + 1);
    }
    pair_close(&pair);
}

TEST(segments_and_markers_lie_where_RFC_5044_says)
{
    struct pair pair;
    struct setup setup = *mode(1 | 4);                  // the responder wants markers: the initiator sends them
    setup.rtr[0] = 0;
    setup.keep_sent = true;
    setup.emss = 1448;
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    pair.sides[0].sent_count = 0;
    send_one(&pair, 0, 24, 0, 0);
    struct kit_work *work = side_work(&pair, &pair.sides[0], RDMA_SEND, 5000, 0), *receive = side_receive(&pair, &pair.sides[1], 5000);
    side_post(&pair, &pair.sides[0], work);
    pair_run(&pair);
    ck_assert_ptr_eq(side_done(&pair.sides[1]), receive);
    const uint8_t *sent = pair.sides[0].sent;
    uint64_t start = 4;                                 // of the FPDU's length field
    uint32_t at = 4, n = 0, longest = 0, offset = 0;
    ck_assert_mem_eq(sent, "\0\0\0", 4);                // the first marker
    ck_assert_mem_eq(sent + 4, "\0\x2A\x41\x43", 4);
    while (at < pair.sides[0].sent_count) {
        uint8_t plain[2000];
        uint32_t count = 0, want = 2;
        for (start = at; count < want; at++) {
            if (at % 512 == 0) {
                ck_assert_uint_eq(bytes_load_be16(sent + at), 0);
                ck_assert_uint_eq(bytes_load_be16(sent + at + 2), at == start ? 0 : at - start);
                if (at == start)
                    start += 4;
                at += 4;
            }
            plain[count++] = sent[at];
            if (count == 2)
                want = 2 + bytes_load_be16(plain) + (-(2 + bytes_load_be16(plain)) & 3) + 4;
        }
        uint32_t length = bytes_load_be16(plain);
        longest = length > longest ? length : longest;
        if (n++) {
            ck_assert_uint_eq(bytes_load_be32(plain + 2 + 10), 2);
            ck_assert_uint_eq(bytes_load_be32(plain + 2 + 14), offset);
            offset += length - 18;
            ck_assert_uint_eq(!!(plain[2] & 0x40), offset == 5000);
        }
    }
    ck_assert_uint_eq(offset, 5000);
    ck_assert_uint_le(longest, mpa_mulpdu(1448, true));
    pair_close(&pair);
}

TEST(MULPDU_is_the_formula_of_RFC_5044_4_5_within_its_bounds)
{
    ck_assert_uint_eq(mpa_mulpdu(1448, false), 1442);
    ck_assert_uint_eq(mpa_mulpdu(1450, false), 1442);
    ck_assert_uint_eq(mpa_mulpdu(1460, true), 1460 - (6 + 4 * 3 + 0));
    ck_assert_uint_eq(mpa_mulpdu(1025, true), 1025 - (6 + 4 * 3 + 1));
    ck_assert_uint_eq(mpa_mulpdu(1024, true), 1024 - (6 + 4 * 2));
    ck_assert_uint_eq(mpa_mulpdu(0, false), 128);
    ck_assert_uint_eq(mpa_mulpdu(130, true), 128);
    ck_assert_uint_eq(mpa_mulpdu(134, false), 128);
    ck_assert_uint_eq(mpa_mulpdu(140, false), 134);
    ck_assert_uint_eq(mpa_mulpdu(1u << 30, false), 64768);
    for (uint32_t emss = 200; emss < 9000; emss++)      // an FPDU of MULPDU fits, wherever its markers lie
        for (uint64_t position = 0; position < 512; position += 4) {
            ck_assert_uint_le(mpa_fpdu_bytes(position, mpa_mulpdu(emss, true), true), emss);
            ck_assert_uint_le(mpa_fpdu_bytes(position, mpa_mulpdu(emss, false), false), emss);
        }
}

TEST(deferred_small_writes_leave_together_when_one_that_is_not_deferred_follows)
{
    struct pair pair;
    pair_open(&pair, &setup_plain, 1);
    pair_connect(&pair);
    side_region(&pair.sides[1], 5, 0, 64);
    for (int n = 0; n < 12; n++) {
        struct kit_work *work = side_work(&pair, &pair.sides[0], RDMA_WRITE, 64, 1);
        work->work.remote_tag = 5;
        work->work.flags = n < 11 ? RDMA_DEFER : 0;
        ck_assert_int_eq(side_post(&pair, &pair.sides[0], work), 0);
        if (n < 11)
            ck_assert_ptr_null(iwarp_run_next(pair.sides[0].c));
    }
    struct tcp_send *run = iwarp_run_next(pair.sides[0].c), *second = iwarp_run_next(pair.sides[0].c);
    ck_assert_ptr_nonnull(run);
    ck_assert_uint_eq(run->n_spans, 1);                 // twelve FPDUs of 84 bytes, in one piece
    ck_assert_uint_eq(run->bytes, 12 * 84);
    ck_assert_ptr_null(second);
    run->status = 0;
    iwarp_run_done(pair.sides[0].iwarp, run, 1);
    for (int n = 0; n < 12; n++)
        ck_assert_ptr_nonnull(side_done(&pair.sides[0]));
    pair_close(&pair);
}

TEST(a_post_that_fails_lets_deferred_work_go)
{
    struct pair pair;
    pair_open(&pair, &setup_plain, 1);
    pair_connect(&pair);
    struct kit_work *work = side_work(&pair, &pair.sides[0], RDMA_SEND, 64, 1), *bad = side_work(&pair, &pair.sides[0], RDMA_SEND, 64, 1);
    work->work.flags = RDMA_DEFER;
    bad->work.bytes = 63;
    ck_assert_int_eq(side_post(&pair, &pair.sides[0], work), 0);
    ck_assert_int_eq(side_post(&pair, &pair.sides[0], bad), -EINVAL);
    struct tcp_send *run = iwarp_run_next(pair.sides[0].c);
    ck_assert_ptr_nonnull(run);
    iwarp_run_done(pair.sides[0].iwarp, run, 1);
    bad->work.kind = RDMA_WRITE;
    bad->work.bytes = 1ull << 32;
    ck_assert_int_eq(side_post(&pair, &pair.sides[0], bad), -EINVAL);
    bad->work.kind = RDMA_RECEIVE;
    bad->work.bytes = 64;
    ck_assert_int_eq(side_post(&pair, &pair.sides[0], bad), -EINVAL);
    pair_close(&pair);
}

TEST(reads_wait_for_ORD_and_fences_for_reads)
{
    struct pair pair;
    struct setup setup = setup_plain;
    setup.reads[0].outbound = 2;
    setup.keep_sent = true;
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    struct side *side = &pair.sides[0];
    side_region(&pair.sides[1], 1, 0, 100);
    side_region(side, 2, 0, 100);
    side->sent_count = 0;
    for (int n = 0; n < 4; n++) {
        struct kit_work *work = side_work(&pair, side, n < 3 ? RDMA_READ : RDMA_WRITE, n < 3 ? 10 : 0, 1);
        work->work.remote_tag = 1;
        work->work.sink_tag = 2;
        work->work.flags = n == 3 ? RDMA_FENCE : 0;
        ck_assert_int_eq(side_post(&pair, side, work), 0);
    }
    side_step(&pair, side);
    ck_assert_uint_eq(side->sent_count, 2 * 52);        // two requests, the third and what follows wait
    pair_run(&pair);
    ck_assert_uint_eq(side->sent_count, 3 * 52 + 20);
    for (int n = 0; n < 4; n++)
        ck_assert_ptr_eq(side_done(side), &side->works[n]);
    pair_close(&pair);
}

TEST(a_fenced_write_leaves_only_after_the_answers_to_the_reads_before_it)
{
    struct pair pair;
    struct setup setup = setup_plain;
    setup.keep_sent = true;
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    struct side *side = &pair.sides[0];
    side_region(&pair.sides[1], 1, 0, 100);
    side_region(side, 2, 0, 100);
    side->sent_count = 0;
    struct kit_work *read = side_work(&pair, side, RDMA_READ, 10, 1), *write = side_work(&pair, side, RDMA_WRITE, 0, 1);
    read->work.remote_tag = 1;
    read->work.sink_tag = 2;
    write->work.flags = RDMA_FENCE;
    side_post(&pair, side, read);
    side_post(&pair, side, write);
    side_step(&pair, side);
    ck_assert_uint_eq(side->sent_count, 52);
    pair_run(&pair);
    ck_assert_uint_eq(side->sent_count, 72);
    pair_close(&pair);
}

TEST(answers_and_works_take_turns_whole_messages_each)
{
    struct pair pair;
    struct setup setup = setup_plain;
    setup.keep_sent = true;
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    struct side *near = &pair.sides[0], *far = &pair.sides[1];
    side_region(far, 1, 0, 4000);
    side_region(near, 2, 0, 4000);
    far->sent_count = 0;
    for (int n = 0; n < 3; n++) {
        struct kit_work *read = side_work(&pair, near, RDMA_READ, 2000, 1);
        read->work.remote_tag = 1;
        read->work.sink_tag = 2;
        side_post(&pair, near, read);
        struct kit_work *work = side_work(&pair, far, RDMA_WRITE, 0, 1);
        work->work.flags = RDMA_DEFER;                  // waits until the requests have come
        side_post(&pair, far, work);
    }
    uint8_t requests[3 * 52];
    size_t count = 0;
    struct tcp_send *run;
    while ((run = iwarp_run_next(near->c))) {
        eng_spans_copy(run->spans, run->n_spans, 0, requests + count, run->bytes);
        count += run->bytes;
        iwarp_run_done(near->iwarp, run, 1);
    }
    ck_assert_uint_eq(count, sizeof requests);
    struct eng_span span = {.bytes = requests, .count = sizeof requests};
    ck_assert_uint_eq(iwarp_input(far->c, &span, 1, 1), sizeof requests);
    side_step(&pair, far);
    // Responses of two segments, and writes of none, by their opcodes.
    static const uint8_t order[] = {2, 2, 0, 2, 2, 0, 2, 2, 0};
    const uint8_t *at = far->sent;
    for (size_t i = 0; i < sizeof order; i++) {
        uint32_t ulpdu = bytes_load_be16(at);
        ck_assert_uint_eq(at[3] & 15, order[i]);
        at += 2 + ulpdu + (-(2 + ulpdu) & 3) + 4;
    }
    ck_assert_ptr_eq(at, far->sent + far->sent_count);
    pair_run(&pair);
    pair_close(&pair);
}

TEST(a_send_is_not_done_before_TCP_says_so)
{
    struct pair pair;
    pair_open(&pair, &setup_plain, 1);
    pair_connect(&pair);
    struct side *side = &pair.sides[0];
    struct kit_work *work = side_work(&pair, side, RDMA_SEND, 100, 1);
    side_receive(&pair, &pair.sides[1], 100);
    side_post(&pair, side, work);
    struct tcp_send *run = iwarp_run_next(side->c);
    ck_assert_ptr_nonnull(run);
    ck_assert_ptr_null(side_done(side));
    iwarp_run_done(side->iwarp, run, 1);
    ck_assert_ptr_eq(side_done(side), work);
    pair_close(&pair);
}

TEST(a_local_work_that_fails_ends_the_connection_with_a_local_catastrophic_Terminate)
{
    struct pair pair;
    pair_open(&pair, &setup_plain, 1);
    pair_connect(&pair);
    struct side *side = &pair.sides[0];
    struct kit_work *work = side_work(&pair, side, RDMA_LOCAL, 0, 1);
    side->local_status = -EIO;
    ck_assert_int_eq(side_post(&pair, side, work), 0);
    expect_done(side, work, -EIO);
    pair_run(&pair);
    struct iwarp_info info;
    iwarp_info(pair.sides[1].c, &info);
    ck_assert(info.got_terminate && info.end == RDMA_END_PEER_TERMINATED);
    ck_assert_uint_eq(info.terminate.layer << 12 | info.terminate.type << 8 | info.terminate.code, RDMAP_LOCAL_CATASTROPHIC);
    ck_assert(!info.terminate.has_ddp_header);
    pair_close(&pair);
}

TEST(no_memory_for_a_run_delays_work_and_loses_nothing)
{
    struct pair pair;
    pair_open(&pair, &setup_plain, 1);
    pair_connect(&pair);
    struct side *side = &pair.sides[0];
    struct kit_work *works[2];
    // Use up the runs that are kept, then allow no more.
    for (int n = 0; n < 2; n++) {
        works[n] = side_work(&pair, side, RDMA_SEND, 100000, (unsigned)n);
        side_receive(&pair, &pair.sides[1], 100000);
    }
    side->memory.limit_bytes = side->memory.taken_bytes;
    for (int n = 0; n < 2; n++)
        ck_assert_int_eq(side_post(&pair, side, works[n]), 0);
    pair_run(&pair);
    side->memory.limit_bytes = 0;
    pair.now_us += 10000;
    iwarp_time(side->iwarp, pair.now_us);
    pair_run(&pair);
    for (unsigned n = 0; n < 2; n++) {
        struct kit_work *done = side_done(&pair.sides[1]);
        ck_assert_ptr_nonnull(done);
        ck_assert(text_is(done, 100000, n));
        expect_done(side, works[n], 0);
    }
    pair_close(&pair);
}
