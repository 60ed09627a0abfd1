// SPDX-License-Identifier: MIT
// What a peer may do wrong after the start-up: each gives its Terminate (layer, type, code, headers), one disconnect, the end of our
// stream, and touches no memory [RFC 5041 7, RFC 5040 7, RFC 5044 8].
#include "base/bytes.h"
#include "engine/iwarp/iwarp_int.h"
#include "harness/harness.h"
#include "kit.h"
#include <errno.h>

#define FILL 0x5A

struct scene {
    struct pair pair;
    struct side *side;
    struct region *region, *read_only, *write_only, *foreign;
    struct kit_work *receive;
};

static void
scene_open(struct scene *s)
{
    raw_open(&s->pair);
    s->side = &s->pair.sides[1];
    s->region = side_region(s->side, 0x11, 1000, 64);
    s->read_only = side_region(s->side, 0x22, 0, 64);
    s->write_only = side_region(s->side, 0x33, 0, 64);
    s->foreign = side_region(s->side, 0x44, 0, 64);
    s->read_only->may_write = s->write_only->may_read = false;
    s->foreign->is_foreign = true;
    for (unsigned r = 0; r < s->side->n_regions; r++)
        for (uint32_t i = 0; i < 64; i++)
            *region_at(&s->side->regions[r], i) = FILL;
    s->receive = side_receive(&s->pair, s->side, 100);
    memset(s->receive->text, FILL, 100);
}

static void
untouched(struct scene *s)
{
    for (unsigned r = 0; r < s->side->n_regions; r++)
        for (uint32_t i = 0; i < 64; i++)
            ck_assert_uint_eq(*region_at(&s->side->regions[r], i), FILL);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(s->receive->text[i], FILL);
}

// Ended so, nothing was touched, and what comes then is not looked at.
static void
scene_end(struct scene *s, enum iwarp_error error, bool has_ddp, bool has_rdmap)
{
    raw_terminated(&s->pair, error >> 12, error >> 8 & 15, error & 0xFF, has_ddp, has_rdmap);
    untouched(s);
    size_t sent = s->side->sent_count;
    raw_tagged(&s->pair, true, RDMAP_WRITE, 0x11, 1000, 10);
    raw_tagged(&s->pair, true, RDMAP_WRITE, 0x99, 1000, 10);
    untouched(s);
    ck_assert_uint_eq(s->side->sent_count, sent);
    ck_assert_uint_eq(s->side->disconnects, 1);
    ck_assert_uint_eq(s->side->in.count, 0);
    struct rdma_work late = {.kind = RDMA_SEND};
    ck_assert_int_eq(iwarp_post(s->side->c, &late, s->pair.now_us), -ENOTCONN);
    raw_fin(&s->pair);
    ck_assert(s->side->events & RDMA_EVENT_CLOSED);
    pair_close(&s->pair);
}

// The Terminate quotes this header, and this segment length.
static void
quotes(struct scene *s, const uint8_t *header, size_t count, uint16_t segment_bytes)
{
    struct iwarp_info info;
    iwarp_info(s->side->c, &info);
    ck_assert(info.terminate.has_ddp_header);
    ck_assert_mem_eq(info.terminate.ddp_header, header, count);
    ck_assert_uint_eq(info.terminate.segment_bytes, segment_bytes);
}

TEST(a_tagged_write_to_what_is_not_there_or_not_ours_is_refused_and_nothing_is_written)
{
    static const struct {
        uint32_t tag;
        uint64_t offset;
        uint32_t bytes;
        enum iwarp_error error;
    } rows[] = {
        {0x99, 1000, 8, DDP_INVALID_TAG},
        {0x11, 999, 8, DDP_BOUNDS},
        {0x11, 1057, 8, DDP_BOUNDS},
        {0x11, 1064, 1, DDP_BOUNDS},
        {0x11, 1000, 65, DDP_BOUNDS},
        {0x11, 0, 1, DDP_BOUNDS},
        {0x11, UINT64_MAX - 6, 8, DDP_WRAP},
        {0x11, UINT64_MAX, 1, DDP_WRAP},
        {0x22, 0, 8, DDP_INVALID_TAG},                  // rights: DDP has no code of its own
        {0x44, 0, 8, DDP_NOT_ASSOCIATED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene s;
        uint8_t header[14];
        scene_open(&s);
        raw_tagged(&s.pair, true, RDMAP_WRITE, rows[i].tag, rows[i].offset, rows[i].bytes);
        tagged_make(header, true, RDMAP_WRITE, rows[i].tag, rows[i].offset);
        quotes(&s, header, 14, (uint16_t)(14 + rows[i].bytes));
        scene_end(&s, rows[i].error, true, false);
    }
}

TEST(a_write_within_bounds_and_one_of_no_bytes_anywhere_are_fine)
{
    struct scene s;
    scene_open(&s);
    raw_tagged(&s.pair, true, RDMAP_WRITE, 0x99, UINT64_MAX, 0);
    raw_tagged(&s.pair, true, RDMAP_WRITE, 0x22, 12345, 0);
    ck_assert_uint_eq(s.side->maps, 0);
    raw_tagged(&s.pair, false, RDMAP_WRITE, 0x11, 1000, 64);
    raw_tagged(&s.pair, true, RDMAP_WRITE, 0x33, 63, 1);
    ck_assert_uint_eq(s.side->events, 0);
    for (uint32_t i = 0; i < 64; i++)
        ck_assert_uint_eq(*region_at(s.region, i), 0xEE);
    ck_assert_uint_eq(*region_at(s.write_only, 62), FILL);
    ck_assert_uint_eq(*region_at(s.write_only, 63), 0xEE);
    pair_close(&s.pair);
}

TEST(untagged_segments_that_are_not_the_next_of_their_queue_are_refused)
{
    static const struct {
        uint8_t opcode;
        uint32_t queue, sequence, offset, bytes;
        enum iwarp_error error;
    } rows[] = {
        {RDMAP_SEND, 3, 1, 0, 8, DDP_INVALID_QUEUE},
        {RDMAP_SEND, UINT32_MAX, 1, 0, 8, DDP_INVALID_QUEUE},
        {RDMAP_SEND, 0, 0, 0, 8, DDP_SEQUENCE},
        {RDMAP_SEND, 0, 2, 0, 8, DDP_SEQUENCE},
        {RDMAP_SEND, 0, 0x80000001, 0, 8, DDP_SEQUENCE},
        {RDMAP_SEND, 0, 1, 4, 8, DDP_MESSAGE_OFFSET},
        {RDMAP_SEND, 0, 1, 0, 101, DDP_TOO_LONG},
        {RDMAP_SEND, 1, 1, 0, 28, RDMAP_BAD_OPCODE},
        {RDMAP_READ_REQUEST, 0, 1, 0, 28, RDMAP_BAD_OPCODE},
        {RDMAP_TERMINATE, 0, 1, 0, 4, RDMAP_BAD_OPCODE},
        {RDMAP_WRITE, 0, 1, 0, 8, RDMAP_BAD_OPCODE},
        {RDMAP_READ_RESPONSE, 0, 1, 0, 8, RDMAP_BAD_OPCODE},
        {8, 0, 1, 0, 8, RDMAP_BAD_OPCODE},              // immediate data [RFC 7306]: not what NDK has
        {9, 0, 1, 0, 8, RDMAP_BAD_OPCODE},
        {10, 1, 1, 0, 52, RDMAP_BAD_OPCODE},            // an atomic
        {15, 0, 1, 0, 8, RDMAP_BAD_OPCODE},
        {RDMAP_READ_REQUEST, 1, 2, 0, 28, DDP_SEQUENCE},
        {RDMAP_READ_REQUEST, 1, 1, 4, 28, DDP_MESSAGE_OFFSET},
        {RDMAP_READ_REQUEST, 1, 1, 0, 29, DDP_TOO_LONG},
        {RDMAP_READ_REQUEST, 1, 1, 0, 27, RDMAP_UNSPECIFIED},
        {RDMAP_TERMINATE, 2, 2, 0, 4, DDP_SEQUENCE},
        {RDMAP_TERMINATE, 2, 1, 1, 4, DDP_MESSAGE_OFFSET},
        {RDMAP_TERMINATE, 2, 1, 0, 3, RDMAP_UNSPECIFIED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene s;
        uint8_t header[18];
        scene_open(&s);
        raw_untagged(&s.pair, true, rows[i].opcode, rows[i].queue, rows[i].sequence, rows[i].offset, rows[i].bytes);
        untagged_make(header, true, rows[i].opcode, rows[i].queue, rows[i].sequence, rows[i].offset);
        quotes(&s, header, 18, (uint16_t)(18 + rows[i].bytes));
        if (rows[i].error == DDP_TOO_LONG && rows[i].queue == 0) {
            ck_assert_ptr_eq(side_done(s.side), s.receive);
            ck_assert_int_eq(s.receive->work.status, -EMSGSIZE);
        }
        ck_assert_ptr_null(side_done(s.side));
        scene_end(&s, rows[i].error, true, false);
    }
}

TEST(a_message_may_have_no_hole_and_no_second_part_that_is_too_long)
{
    for (int n = 0; n < 3; n++) {
        struct scene s;
        scene_open(&s);
        raw_untagged(&s.pair, false, RDMAP_SEND, 0, 1, 0, 60);
        ck_assert_uint_eq(s.side->events, 0);
        if (n == 0)
            raw_untagged(&s.pair, true, RDMAP_SEND, 0, 1, 61, 4);
        else
            raw_untagged(&s.pair, true, RDMAP_SEND, 0, n == 1 ? 1 : 2, n == 1 ? 60 : 0, 41);
        raw_terminated(&s.pair, 1, 2, n == 0 ? 4 : n == 1 ? 5 : 3, true, false);
        for (int i = 60; i < 100; i++)
            ck_assert_uint_eq(s.receive->text[i], FILL);
        pair_close(&s.pair);
    }
}

TEST(a_send_that_finds_no_buffer_is_refused)
{
    struct scene s;
    scene_open(&s);
    raw_untagged(&s.pair, true, RDMAP_SEND, 0, 1, 0, 0);        // takes the only one, of no bytes though it is
    ck_assert_ptr_eq(side_done(s.side), s.receive);
    ck_assert_uint_eq(s.receive->work.done_bytes, 0);
    raw_untagged(&s.pair, true, RDMAP_SEND, 0, 2, 0, 0);
    scene_end(&s, DDP_NO_BUFFER, true, false);
}

TEST(versions_that_are_not_ours_are_refused)
{
    for (int n = 0; n < 12; n++) {
        struct scene s;
        uint8_t ulpdu[64];
        int version = n % 4, layer = n / 4;             // DDP tagged, DDP untagged, RDMAP
        scene_open(&s);
        size_t count = layer == 1 ? untagged_make(ulpdu, true, RDMAP_SEND, 0, 1, 0) : tagged_make(ulpdu, true, RDMAP_WRITE, 0x11, 1000);
        if (layer < 2)
            ulpdu[0] = (uint8_t)((ulpdu[0] & ~3) | version);
        else
            ulpdu[1] = (uint8_t)(version << 6);
        ulpdu[0] |= 0x3C;                               // reserved bits are not looked at
        ulpdu[1] |= 0x30;
        if (version == 1) {
            raw_ulpdu(&s.pair, ulpdu, count);
            ck_assert_uint_eq(s.side->events, layer == 1 ? RDMA_EVENT_DONE : 0);
            pair_close(&s.pair);
            continue;
        }
        raw_ulpdu(&s.pair, ulpdu, count);
        quotes(&s, ulpdu, count, (uint16_t)count);
        scene_end(&s, layer == 0 ? DDP_TAGGED_VERSION : layer == 1 ? DDP_UNTAGGED_VERSION : RDMAP_BAD_VERSION, true, false);
    }
}

TEST(a_tagged_segment_of_an_untagged_kind_is_refused)
{
    for (uint8_t opcode = 1; opcode < 16; opcode++) {
        struct scene s;
        scene_open(&s);
        raw_tagged(&s.pair, true, opcode, 0x11, 1000, 8);
        scene_end(&s, RDMAP_BAD_OPCODE, true, false);   // a read response too: nobody asked for one
    }
}

TEST(a_ULPDU_without_a_whole_header_is_a_DDP_catastrophe)
{
    for (size_t count = 0; count < 18; count++)
        for (int is_tagged = 0; is_tagged < 2; is_tagged++) {
            struct scene s;
            uint8_t ulpdu[18] = {(uint8_t)(is_tagged ? 0xC1 : 0x41), 0x40};
            if (is_tagged && count >= 14)
                continue;
            scene_open(&s);
            raw_ulpdu(&s.pair, ulpdu, count);
            scene_end(&s, DDP_LOCAL_CATASTROPHIC, false, false);
        }
}

TEST(each_bit_of_an_FPDU_that_turns_is_a_bad_CRC_or_leaves_it_unfinished)
{
    uint8_t ulpdu[64] = {0}, fpdu[80];
    size_t count = fpdu_make(fpdu, ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, 0x11, 1000) + 9);
    for (size_t bit = 0; bit < count * 8; bit++) {
        struct scene s;
        scene_open(&s);
        raw_tagged(&s.pair, true, RDMAP_WRITE, 0, 0, 0);        // the first one, so that a Terminate may follow
        fpdu[bit / 8] ^= (uint8_t)(1 << bit % 8);
        raw_bytes(&s.pair, fpdu, count);
        fpdu[bit / 8] ^= (uint8_t)(1 << bit % 8);
        untouched(&s);
        if (bit < 16 && !s.side->disconnects) {                 // it says it is longer
            raw_fin(&s.pair);
            raw_terminated(&s.pair, 2, 0, 1, false, false);
            pair_close(&s.pair);
            continue;
        }
        scene_end(&s, MPA_CRC_ERROR, false, false);
    }
}

TEST(an_FPDU_cut_off_by_the_end_of_the_stream_is_said_to_be_lost)
{
    uint8_t ulpdu[64], fpdu[80];
    size_t count = fpdu_make(fpdu, ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, 0x11, 1000) + 20);
    for (size_t part = 1; part < count; part++) {
        struct scene s;
        scene_open(&s);
        raw_tagged(&s.pair, true, RDMAP_WRITE, 0, 0, 0);
        raw_bytes(&s.pair, fpdu, part);
        ck_assert_uint_eq(s.side->events, 0);
        raw_fin(&s.pair);
        raw_terminated(&s.pair, 2, 0, 1, false, false);
        untouched(&s);
        pair_close(&s.pair);
    }
}

TEST(a_marker_that_was_not_agreed_is_a_wrong_FPDU)
{
    struct scene s;
    uint8_t ulpdu[64], bytes[100] = {0};
    scene_open(&s);
    raw_tagged(&s.pair, true, RDMAP_WRITE, 0, 0, 0);
    size_t count = fpdu_make(bytes + 4, ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, 0x11, 1000) + 20);
    raw_bytes(&s.pair, bytes, 4 + count);
    scene_end(&s, MPA_CRC_ERROR, false, false);
}

TEST(a_marker_that_points_elsewhere_is_a_marker_error_and_its_low_bits_are_not_looked_at)
{
    for (int n = 0; n < 4; n++) {
        struct scene s;
        uint8_t frame[64], bytes[2000] = {0}, ulpdu[600] = {0};
        struct setup setup = setup_plain;
        setup.uses[1] = IWARP_USE_CRC | IWARP_USE_MARKERS;
        pair_open(&s.pair, &setup, 1);
        s.side = &s.pair.sides[1];
        s.side->peer = NULL;
        iwarp_release(s.pair.sides[0].c);
        s.pair.sides[0].c = NULL;
        pair_run(&s.pair);
        raw_bytes(&s.pair, frame, request_make(frame, false, 0x40, 1, NULL, 0));
        iwarp_accept(s.side->c, (struct rdma_reads){2, 2}, NULL, 0, 1);
        pair_run(&s.pair);
        s.side->sent_count = 0;
        s.region = side_region(s.side, 0x11, 1000, 600);
        // A marker at 0, then an FPDU with one at 512.
        size_t length = 600, covered = 4 + 2 + length + 2 + 4;  // marker, length, ULPDU, pad, marker
        tagged_make(ulpdu, true, RDMAP_WRITE, 0x11, 1000);
        bytes_store_be16(bytes + 4, (uint16_t)length);
        memcpy(bytes + 6, ulpdu, 506);
        bytes_store_be16(bytes + 514, (uint16_t)(n == 1 ? 504 : n == 2 ? 512 : n == 3 ? 511 : 508));
        if (n == 0)
            bytes[512] = 0xFF;                          // reserved
        memcpy(bytes + 516, ulpdu + 506, length - 506);
        bytes_store_le32(bytes + covered, crc_by_bits(bytes, covered));
        raw_bytes(&s.pair, bytes, covered + 4);
        struct iwarp_info info;
        iwarp_info(s.side->c, &info);
        if (n == 0 || n == 3) {
            ck_assert(!info.sent_terminate && !s.side->reset);
            ck_assert_uint_eq(info.fpdus_in, 1);
        } else {                                        // the first FPDU: no Terminate may be sent
            ck_assert(s.side->reset);
            ck_assert_uint_eq(info.terminate.layer << 12 | info.terminate.type << 8 | info.terminate.code, MPA_MARKER_ERROR);
        }
        pair_close(&s.pair);
    }
}

static void
ask(struct scene *s, uint32_t sequence, uint32_t tag, uint64_t offset, uint32_t bytes)
{
    uint8_t ulpdu[64];
    struct rdmap_read read = {.sink_tag = 0x77, .sink_offset = 5, .bytes = bytes, .source_tag = tag, .source_offset = offset};
    size_t head = untagged_make(ulpdu, true, RDMAP_READ_REQUEST, 1, sequence, 0);
    rdmap_read_write(&read, ulpdu + head);
    raw_ulpdu(&s->pair, ulpdu, head + 28);
}

TEST(a_read_of_what_is_not_there_or_not_allowed_is_refused_and_its_request_quoted)
{
    static const struct {
        uint32_t tag;
        uint64_t offset;
        uint32_t bytes;
        enum iwarp_error error;
    } rows[] = {
        {0x99, 1000, 8, RDMAP_INVALID_TAG},   {0x11, 999, 8, RDMAP_BOUNDS},         {0x11, 1000, 65, RDMAP_BOUNDS},
        {0x33, 0, 8, RDMAP_RIGHTS},           {0x44, 0, 8, RDMAP_NOT_ASSOCIATED},   {0x11, UINT64_MAX, 1, RDMAP_WRAP},
        {0x11, 1000, UINT32_MAX, RDMAP_BOUNDS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene s;
        struct iwarp_info info;
        uint8_t expected[28];
        struct rdmap_read read = {
            .sink_tag = 0x77, .sink_offset = 5, .bytes = rows[i].bytes, .source_tag = rows[i].tag, .source_offset = rows[i].offset};
        scene_open(&s);
        ask(&s, 1, rows[i].tag, rows[i].offset, rows[i].bytes);
        iwarp_info(s.side->c, &info);
        rdmap_read_write(&read, expected);
        ck_assert_mem_eq(info.terminate.rdmap_header, expected, 28);
        uint8_t header[18];
        untagged_make(header, true, RDMAP_READ_REQUEST, 1, 1, 0);
        quotes(&s, header, 18, 46);
        scene_end(&s, rows[i].error, true, true);
    }
}

TEST(a_read_is_answered_with_the_tag_and_offset_it_named_and_one_of_no_bytes_is_not_looked_at)
{
    struct scene s;
    scene_open(&s);
    ask(&s, 1, 0x99, UINT64_MAX, 0);
    ck_assert_uint_eq(s.side->maps, 0);
    ck_assert_uint_eq(s.side->sent_count, 20);
    ck_assert_mem_eq(s.side->sent, "\x00\x0E\xC1\x42\x00\x00\x00\x77\x00\x00\x00\x00\x00\x00\x00\x05", 16);
    ask(&s, 2, 0x11, 1060, 4);
    ck_assert_uint_eq(s.side->sent_count, 20 + 24);
    ck_assert_mem_eq(s.side->sent + 20, "\x00\x12\xC1\x42\x00\x00\x00\x77\x00\x00\x00\x00\x00\x00\x00\x05\x5A\x5A\x5A\x5A", 20);
    untouched(&s);
    pair_close(&s.pair);
}

TEST(more_reads_than_agreed_find_no_buffer)
{
    struct scene s;
    uint8_t bytes[300], ulpdu[64];
    size_t count = 0;
    scene_open(&s);
    struct rdmap_read read = {.sink_tag = 0x77, .bytes = 8, .source_tag = 0x11, .source_offset = 1000};
    s.side->memory.limit_bytes = s.side->memory.taken_bytes;     // answers cannot leave meanwhile
    for (uint32_t n = 1; n <= 3; n++) {
        size_t head = untagged_make(ulpdu, true, RDMAP_READ_REQUEST, 1, n, 0);
        rdmap_read_write(&read, ulpdu + head);
        count += fpdu_make(bytes + count, ulpdu, head + 28);
    }
    struct eng_span span = {.bytes = bytes, .count = (uint32_t)count};
    ck_assert_uint_eq(iwarp_input(s.side->c, &span, 1, s.pair.now_us), count);
    struct iwarp_info info;
    iwarp_info(s.side->c, &info);
    ck_assert_uint_eq(info.terminate.layer << 12 | info.terminate.type << 8 | info.terminate.code, DDP_NO_BUFFER);
    pair_close(&s.pair);
}

TEST(a_region_that_goes_while_it_is_read_ends_in_a_Terminate_that_says_how_far_it_came)
{
    struct pair pair;
    struct setup setup = setup_plain;
    iwarp_params_default(&setup.params);
    setup.params.send_bytes_max = 2000;
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    struct region *source = side_region(&pair.sides[1], 1, 100, 50000), *sink = side_region(&pair.sides[0], 2, 7, 50000);
    struct kit_work *work = side_work(&pair, &pair.sides[0], RDMA_READ, 50000, 1);
    work->work.remote_tag = 1;
    work->work.remote_offset = 100;
    work->work.sink_tag = 2;
    work->work.sink_offset = 7;
    side_post(&pair, &pair.sides[0], work);
    struct iwarp_info info;
    do {
        side_step(&pair, &pair.sides[0]);
        side_step(&pair, &pair.sides[1]);
        iwarp_info(pair.sides[1].c, &info);
    } while (info.fpdus_out < 10);
    source->is_valid = false;
    pair_run(&pair);
    iwarp_info(pair.sides[0].c, &info);
    struct rdmap_read read;
    rdmap_read_read(&read, info.terminate.rdmap_header);
    ck_assert(info.got_terminate && info.terminate.has_ddp_header && info.terminate.has_rdmap_header);
    ck_assert_uint_eq(info.terminate.layer << 12 | info.terminate.type << 8 | info.terminate.code, RDMAP_INVALID_TAG);
    uint64_t far = read.source_offset - 100;
    ck_assert(far >= 10000 && far < 50000);
    ck_assert_uint_eq(read.sink_offset, 7 + far);
    ck_assert_uint_eq(read.bytes, 50000 - far);
    ck_assert_ptr_eq(side_done(&pair.sides[0]), work);
    ck_assert_int_eq(work->work.status, -EACCES);
    (void)sink;
    pair_close(&pair);
}

TEST(an_invalidation_of_a_tag_that_may_not_be_is_refused)
{
    static const struct {
        uint32_t tag;
        enum iwarp_error error;
    } rows[] = {{0x99, RDMAP_INVALID_TAG}, {0x44, RDMAP_CANNOT_INVALIDATE}, {0x22, RDMAP_CANNOT_INVALIDATE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint8_t opcode = RDMAP_SEND_INVALIDATE; opcode <= RDMAP_SEND_SE_INVALIDATE; opcode += 2) {
            struct scene s;
            uint8_t ulpdu[64];
            scene_open(&s);
            s.read_only->may_invalidate = false;
            size_t count = untagged_make(ulpdu, true, opcode, 0, 1, 0);
            bytes_store_be32(ulpdu + 2, rows[i].tag);
            raw_ulpdu(&s.pair, ulpdu, count);
            quotes(&s, ulpdu, 18, 18);
            ck_assert_ptr_null(side_done(s.side));
            scene_end(&s, rows[i].error, true, false);
        }
}

// A read of ours of 40 bytes into 0x11 at 1004; then what the peer answers.
static void
response(struct scene *s, bool is_last, uint32_t tag, uint64_t offset, uint32_t bytes)
{
    if (!s->side) {
        scene_open(s);
        raw_tagged(&s->pair, true, RDMAP_WRITE, 0, 0, 0);
        struct kit_work *work = side_work(&s->pair, s->side, RDMA_READ, 40, 1);
        work->work.sink_tag = 0x11;
        work->work.sink_offset = 1004;
        ck_assert_int_eq(side_post(&s->pair, s->side, work), 0);
        pair_run(&s->pair);
    }
    raw_tagged(&s->pair, is_last, RDMAP_READ_RESPONSE, tag, offset, bytes);
}

TEST(a_read_response_that_is_not_the_one_asked_for_is_refused)
{
    static const struct {
        uint32_t tag;
        uint64_t offset;
        uint32_t bytes;
        bool is_last;
        enum iwarp_error error;
    } rows[] = {
        {0x12, 1004, 40, true, DDP_INVALID_TAG}, {0x11, 1003, 40, true, DDP_BOUNDS}, {0x11, 1005, 39, true, DDP_BOUNDS},
        {0x11, 1004, 41, true, DDP_BOUNDS},      {0x11, 1004, 39, true, DDP_BOUNDS}, {0x11, 1004, 40, false, DDP_BOUNDS},
        {0, 0, 0, true, DDP_BOUNDS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene s = {0};
        response(&s, rows[i].is_last, rows[i].tag, rows[i].offset, rows[i].bytes);
        scene_end(&s, rows[i].error, true, false);
    }
    struct scene s = {0};
    response(&s, false, 0x11, 1004, 10);
    response(&s, false, 0x99, 0, 0);                    // of no bytes: nothing of it is looked at
    response(&s, true, 0x11, 1014, 30);
    ck_assert_ptr_nonnull(side_done(s.side));
    ck_assert_uint_eq(*region_at(s.region, 3), FILL);
    ck_assert_uint_eq(*region_at(s.region, 4), 0xEE);
    ck_assert_uint_eq(*region_at(s.region, 43), 0xEE);
    ck_assert_uint_eq(*region_at(s.region, 44), FILL);
    response(&s, true, 0x11, 1004, 40);                 // once more
    raw_terminated(&s.pair, 0, 2, 6, true, false);
    pair_close(&s.pair);
    struct scene t = {0};
    response(&t, false, 0x11, 1004, 10);
    t.region->is_valid = false;                         // taken away under way
    response(&t, true, 0x11, 1014, 30);
    raw_terminated(&t.pair, 1, 1, 0, true, false);
    pair_close(&t.pair);
}

TEST(sequence_numbers_wrap_to_zero_after_the_last)
{
    struct pair pair;
    pair_open(&pair, &setup_plain, 1);
    pair_connect(&pair);
    pair.sides[0].c->sequence[DDP_QUEUE_SEND] = pair.sides[1].c->in_sequence[DDP_QUEUE_SEND] = UINT32_MAX;
    pair.sides[0].c->sequence[DDP_QUEUE_READ] = pair.sides[1].c->in_sequence[DDP_QUEUE_READ] = UINT32_MAX;
    for (int n = 0; n < 3; n++) {
        struct kit_work *work = side_work(&pair, &pair.sides[0], RDMA_SEND, 5, 1), *receive = side_receive(&pair, &pair.sides[1], 5);
        struct kit_work *read = side_work(&pair, &pair.sides[0], RDMA_READ, 0, 1);
        ck_assert_int_eq(side_post(&pair, &pair.sides[0], work), 0);
        ck_assert_int_eq(side_post(&pair, &pair.sides[0], read), 0);
        pair_run(&pair);
        ck_assert_ptr_eq(side_done(&pair.sides[1]), receive);
        ck_assert_ptr_eq(side_done(&pair.sides[0]), work);
        ck_assert_ptr_eq(side_done(&pair.sides[0]), read);
    }
    ck_assert_uint_eq(pair.sides[0].c->sequence[DDP_QUEUE_SEND], 2);
    pair_close(&pair);
}

TEST(only_the_first_of_two_errors_is_said)
{
    struct scene s;
    uint8_t bytes[200], ulpdu[64];
    scene_open(&s);
    size_t count = fpdu_make(bytes, ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, 0x99, 0) + 4);
    count += fpdu_make(bytes + count, ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, 0x44, 0) + 4);
    raw_bytes(&s.pair, bytes, count);
    scene_end(&s, DDP_INVALID_TAG, true, false);
}

TEST(random_bytes_after_the_start_up_end_the_connection_and_touch_nothing)
{
    struct prng prng;
    prng_seed(&prng, 4);
    for (int round = 0; round < 300; round++) {
        struct scene s;
        uint8_t bytes[4000];
        scene_open(&s);
        raw_tagged(&s.pair, true, RDMAP_WRITE, 0, 0, 0);
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)prng_next(&prng);
        bytes[0] = (uint8_t)(prng_next(&prng) % 12);
        raw_bytes(&s.pair, bytes, sizeof bytes);
        scene_end(&s, MPA_CRC_ERROR, false, false);
    }
}
