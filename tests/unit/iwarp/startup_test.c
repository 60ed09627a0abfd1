// SPDX-License-Identifier: MIT
// MPA's start-up: frames byte by byte, what is agreed, what is refused, time-outs [RFC 5044 7.1, RFC 6581].
#include "base/bytes.h"
#include "harness/harness.h"
#include "kit.h"
#include <errno.h>

static struct iwarp_info
info_of(struct side *side)
{
    struct iwarp_info info;
    iwarp_info(side->c, &info);
    return info;
}

// Of a raw pair: the end under test alone, as responder or initiator.
static void
alone(struct pair *pair, const struct setup *setup, int role)
{
    pair_open(pair, setup, 1);
    pair->sides[role].peer = NULL;
    iwarp_release(pair->sides[1 - role].c);
    pair->sides[1 - role].c = NULL;
    pair_run(pair);
}

static void
hear(struct pair *pair, int role, const void *bytes, size_t count)
{
    struct side *side = &pair->sides[role];
    side->in.bytes = realloc(side->in.bytes, side->in.count + count + 1);
    side->in.room = side->in.count + count + 1;
    memcpy(side->in.bytes + side->in.count, bytes, count);
    side->in.count += count;
    pair_run(pair);
}

TEST(a_request_of_revision_1_is_a_key_flags_and_private_data)
{
    struct pair pair;
    struct setup setup = {.uses = {IWARP_USE_CRC | IWARP_USE_MARKERS}, .private_bytes = {"hello"}, .private_count = {5}};
    alone(&pair, &setup, 0);
    ck_assert_uint_eq(pair.sides[0].sent_count, 25);
    ck_assert_mem_eq(pair.sides[0].sent, "MPA ID Req Frame\xC0\x01\x00\x05hello", 25);
    pair_close(&pair);
    setup.uses[0] = 0;
    setup.private_count[0] = 0;
    alone(&pair, &setup, 0);
    ck_assert_mem_eq(pair.sides[0].sent, "MPA ID Req Frame\x00\x01\x00\x00", 20);
    pair_close(&pair);
}

TEST(an_enhanced_request_begins_its_private_data_with_IRD_and_ORD_and_A_to_D)
{
    static const struct {
        uint8_t rtr;
        const char *bits;
    } rows[] = {{0, "\x00\x12\x00\x21"}, {MPA_RTR_SEND, "\xC0\x12\x00\x21"}, {MPA_RTR_WRITE, "\x80\x12\x80\x21"},
                {MPA_RTR_READ, "\x80\x12\x40\x21"}, {7, "\xC0\x12\xC0\x21"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair pair;
        struct setup setup = {.uses = {IWARP_USE_ENHANCED}, .rtr = {rows[i].rtr}, .reads = {{0x12, 0x21}}};
        setup.private_bytes[0] = "x";
        setup.private_count[0] = 1;
        alone(&pair, &setup, 0);
        ck_assert_uint_eq(pair.sides[0].sent_count, 25);
        ck_assert_mem_eq(pair.sides[0].sent, "MPA ID Req Frame\x10\x02\x00\x05", 20);
        ck_assert_mem_eq(pair.sides[0].sent + 20, rows[i].bits, 4);
        ck_assert_uint_eq(pair.sides[0].sent[24], 'x');
        pair_close(&pair);
    }
}

TEST(private_data_may_be_512_bytes_of_a_plain_frame_and_508_of_an_enhanced_one)
{
    static const char text[600] = "private";
    for (int enhanced = 0; enhanced < 2; enhanced++) {
        uint16_t most = enhanced ? 508 : 512;
        struct pair pair;
        struct setup setup = setup_plain;
        setup.uses[0] = enhanced ? IWARP_USE_ENHANCED : 0;
        setup.private_bytes[0] = setup.private_bytes[1] = text;
        setup.private_count[0] = setup.private_count[1] = most;
        pair_open(&pair, &setup, 1);
        pair_run(&pair);
        struct iwarp_info info = info_of(&pair.sides[1]);
        ck_assert_uint_eq(info.private_count, most);
        ck_assert_mem_eq(info.private_bytes, text, most);
        ck_assert_int_eq(iwarp_accept(pair.sides[1].c, (struct rdma_reads){1, 1}, text, most + 1, pair.now_us), -EINVAL);
        ck_assert_int_eq(iwarp_accept(pair.sides[1].c, (struct rdma_reads){1000, 1}, text, most, pair.now_us), -EINVAL);
        ck_assert_int_eq(iwarp_reject(pair.sides[1].c, text, most + 1, pair.now_us), -EINVAL);
        ck_assert_int_eq(iwarp_accept(pair.sides[1].c, (struct rdma_reads){1, 1}, text, most, pair.now_us), 0);
        pair_run(&pair);
        info = info_of(&pair.sides[0]);
        ck_assert_uint_eq(info.private_count, most);
        ck_assert_mem_eq(info.private_bytes, text, most);
        pair_close(&pair);
        struct iwarp_open open = {.uses = setup.uses[0], .private_bytes = text, .private_count = most + 1};
        pair_open(&pair, &setup_plain, 1);
        struct iwarp_connection *c;
        ck_assert_int_eq(iwarp_open(pair.sides[0].iwarp, &open, 0, &c), -EINVAL);
        open.private_count = 0;
        open.reads.inbound = 129;
        ck_assert_int_eq(iwarp_open(pair.sides[0].iwarp, &open, 0, &c), -EINVAL);
        open.reads.inbound = 0;
        open.reads.outbound = 129;
        ck_assert_int_eq(iwarp_open(pair.sides[0].iwarp, &open, 0, &c), -EINVAL);
        pair_close(&pair);
    }
}

TEST(CRCs_are_used_if_either_end_wants_them_and_markers_by_who_receives_them)
{
    for (unsigned n = 0; n < 16; n++) {
        struct pair pair;
        struct setup setup = {.uses = {n & 3, n >> 2}};
        pair_open(&pair, &setup, n);
        pair_connect(&pair);
        for (unsigned i = 0; i < 2; i++) {
            struct iwarp_info info = info_of(&pair.sides[i]);
            ck_assert_int_eq(info.has_crc, (n & 1) || (n & 4));
            ck_assert_int_eq(info.receives_markers, !!(setup.uses[i] & IWARP_USE_MARKERS));
            ck_assert_int_eq(info.sends_markers, !!(setup.uses[1 - i] & IWARP_USE_MARKERS));
            ck_assert(!info.is_enhanced && !info.is_peer_to_peer && !info.rtr);
            ck_assert_uint_eq(info.revision, 1);
        }
        pair_close(&pair);
    }
}

TEST(IRD_and_ORD_end_as_the_lesser_of_what_one_has_and_the_other_wants)
{
    static const struct {
        struct rdma_reads ours, theirs, ours_then, theirs_then;
    } rows[] = {
        {{8, 8}, {8, 8}, {8, 8}, {8, 8}},
        {{8, 8}, {4, 2}, {2, 4}, {4, 2}},
        {{2, 1}, {16, 16}, {2, 1}, {1, 2}},
        {{0, 0}, {16, 16}, {0, 0}, {0, 0}},
        {{RDMA_READS_OF_ULP, RDMA_READS_OF_ULP}, {5, 6}, {128, 128}, {5, 6}},
        {{RDMA_READS_OF_ULP, 3}, {5, 6}, {128, 3}, {3, 6}},
        {{9, 9}, {RDMA_READS_OF_ULP, RDMA_READS_OF_ULP}, {9, 9}, {9, 9}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair pair;
        struct setup setup = setup_plain;
        setup.reads[0] = rows[i].ours;
        setup.reads[1] = rows[i].theirs;
        pair_open(&pair, &setup, i);
        pair_connect(&pair);
        struct iwarp_info info[2] = {info_of(&pair.sides[0]), info_of(&pair.sides[1])};
        ck_assert_uint_eq(info[0].reads.inbound, rows[i].ours_then.inbound);
        ck_assert_uint_eq(info[0].reads.outbound, rows[i].ours_then.outbound);
        ck_assert_uint_eq(info[1].reads.inbound, rows[i].theirs_then.inbound);
        ck_assert_uint_eq(info[1].reads.outbound, rows[i].theirs_then.outbound);
        ck_assert_uint_eq(info[1].peer_reads.inbound, rows[i].ours.inbound);
        ck_assert_uint_eq(info[1].peer_reads.outbound, rows[i].ours.outbound);
        bool of_ulp[2] = {rows[i].ours.outbound == RDMA_READS_OF_ULP, rows[i].ours.inbound == RDMA_READS_OF_ULP};
        ck_assert_uint_eq(info[0].peer_reads.inbound, of_ulp[0] ? RDMA_READS_OF_ULP : rows[i].theirs_then.inbound);
        ck_assert_uint_eq(info[0].peer_reads.outbound, of_ulp[1] ? RDMA_READS_OF_ULP : rows[i].theirs_then.outbound);
        pair_close(&pair);
    }
}

TEST(a_write_is_the_RTR_before_a_read_before_a_send_and_ESTABLISHED_comes_with_it)
{
    for (unsigned ours = 0; ours < 8; ours++)
        for (unsigned theirs = 1; theirs < 8; theirs++) {
            struct pair pair;
            struct setup setup = setup_plain;
            uint8_t common = (uint8_t)(ours & theirs);
            uint8_t rtr = common & MPA_RTR_WRITE ? MPA_RTR_WRITE : common & MPA_RTR_READ ? MPA_RTR_READ : common;
            setup.rtr[0] = (uint8_t)ours;
            setup.rtr[1] = (uint8_t)theirs;
            setup.reads[0] = setup.reads[1] = (struct rdma_reads){0, 0};
            setup.keep_sent = true;
            pair_open(&pair, &setup, ours);
            pair_run(&pair);
            ck_assert_int_eq(iwarp_accept(pair.sides[1].c, setup.reads[1], NULL, 0, pair.now_us), 0);
            pair_run(&pair);
            ck_assert_int_eq(!!(pair.sides[1].events & RDMA_EVENT_ESTABLISHED), !ours);
            if (ours && !rtr) {                         // nothing in common: said in a Terminate
                struct iwarp_info info = info_of(&pair.sides[1]);
                ck_assert_uint_eq(pair.sides[0].events & (RDMA_EVENT_REPLY | RDMA_EVENT_DISCONNECT), RDMA_EVENT_DISCONNECT);
                ck_assert(info.got_terminate);
                ck_assert_uint_eq(info.terminate.layer << 12 | info.terminate.type << 8 | info.terminate.code, MPA_NO_RTR);
                ck_assert(!(pair.sides[1].events & RDMA_EVENT_ESTABLISHED));
                ck_assert_int_eq(iwarp_complete_connect(pair.sides[0].c, pair.now_us), -ENOTCONN);
                pair_close(&pair);
                continue;
            }
            ck_assert_uint_eq(pair.sides[0].events, RDMA_EVENT_REPLY);
            pair.sides[0].sent_count = 0;
            ck_assert_int_eq(iwarp_complete_connect(pair.sides[0].c, pair.now_us), 0);
            ck_assert_int_eq(iwarp_complete_connect(pair.sides[0].c, pair.now_us), -ENOTCONN);
            ck_assert_int_eq(!!(iwarp_events(pair.sides[0].c) & RDMA_EVENT_ESTABLISHED), !rtr);
            pair_run(&pair);
            ck_assert_int_eq(!!(pair.sides[0].events & RDMA_EVENT_ESTABLISHED), !!rtr);
            ck_assert(pair.sides[1].events & RDMA_EVENT_ESTABLISHED);
            ck_assert_uint_eq(info_of(&pair.sides[0]).rtr, rtr);
            static const char *const opcodes = "\x43\x40\x41";          // send, write, read request
            if (rtr)
                ck_assert_uint_eq(pair.sides[0].sent[3], (uint8_t)opcodes[rtr == MPA_RTR_SEND ? 0 : rtr == MPA_RTR_WRITE ? 1 : 2]);
            ck_assert_uint_eq(pair.sides[0].sent_count, rtr == 0 ? 0 : rtr == MPA_RTR_READ ? 52 : rtr == MPA_RTR_SEND ? 24 : 20);
            ck_assert_ptr_null(side_done(&pair.sides[0]));               // an RTR is nobody's work
            ck_assert_ptr_null(side_done(&pair.sides[1]));
            // And the first real send has the next number, or the first.
            struct kit_work *work = side_work(&pair, &pair.sides[0], RDMA_SEND, 5, 1), *receive = side_receive(&pair, &pair.sides[1], 5);
            ck_assert_int_eq(side_post(&pair, &pair.sides[0], work), 0);
            pair_run(&pair);
            ck_assert_ptr_eq(side_done(&pair.sides[1]), receive);
            ck_assert_ptr_eq(side_done(&pair.sides[0]), work);
            pair_close(&pair);
        }
}

TEST(a_read_RTR_raises_an_IRD_of_none_to_one_and_is_done_when_it_is_answered)
{
    struct pair pair;
    struct setup setup = setup_plain;
    setup.rtr[0] = setup.rtr[1] = MPA_RTR_READ;
    setup.reads[0] = setup.reads[1] = (struct rdma_reads){0, 0};
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    ck_assert_uint_eq(info_of(&pair.sides[1]).reads.inbound, 1);
    ck_assert_uint_eq(info_of(&pair.sides[0]).peer_reads.inbound, 1);
    ck_assert_uint_eq(pair.sides[0].maps + pair.sides[1].maps, 0);       // nothing of a read of no bytes is looked at
    pair_close(&pair);
}

TEST(an_initiator_that_lacks_IRD_for_the_reply_says_so_in_a_Terminate)
{
    struct pair pair;
    uint8_t reply[64];
    struct setup setup = setup_plain;
    setup.reads[0] = (struct rdma_reads){3, 3};
    setup.keep_sent = true;
    alone(&pair, &setup, 0);
    pair.sides[0].sent_count = 0;
    hear(&pair, 0, reply, request_make(reply, true, 0x50, 2, "\x80\x03\x80\x04", 4));    // ORD 4
    ck_assert_uint_eq(pair.sides[0].events, RDMA_EVENT_DISCONNECT);
    ck_assert_mem_eq(pair.sides[0].sent + 20, "\x20\x06\x00\x00", 4);
    ck_assert_uint_eq(pair.sides[0].sent[3], 0x47);
    pair_close(&pair);
    alone(&pair, &setup, 0);
    hear(&pair, 0, reply, request_make(reply, true, 0x50, 2, "\x80\x03\x80\x03", 4));
    ck_assert_uint_eq(pair.sides[0].events, RDMA_EVENT_REPLY);
    pair_close(&pair);
}

TEST(a_responder_without_memory_for_the_reads_says_so_and_may_accept_fewer)
{
    struct pair pair;
    struct setup setup = setup_plain;
    setup.reads[0].outbound = 128;
    pair_open(&pair, &setup, 1);
    pair_run(&pair);
    pair.sides[1].memory.limit_bytes = pair.sides[1].memory.taken_bytes + 3000;
    ck_assert_int_eq(iwarp_accept(pair.sides[1].c, (struct rdma_reads){128, 8}, NULL, 0, pair.now_us), -ENOMEM);
    ck_assert_int_eq(iwarp_accept(pair.sides[1].c, (struct rdma_reads){1, 8}, NULL, 0, pair.now_us), 0);
    pair_run(&pair);
    ck_assert(pair.sides[0].events & RDMA_EVENT_REPLY);
    pair_close(&pair);
}

TEST(an_initiator_without_memory_for_the_reads_says_a_local_catastrophe)
{
    struct pair pair;
    struct setup setup = setup_plain;
    setup.reads[0].inbound = 128;
    setup.reads[1].outbound = 128;
    setup.keep_sent = true;
    pair_open(&pair, &setup, 1);
    pair_run(&pair);
    ck_assert_int_eq(iwarp_accept(pair.sides[1].c, setup.reads[1], NULL, 0, pair.now_us), 0);
    pair.sides[0].memory.limit_bytes = pair.sides[0].memory.taken_bytes + 3000;
    pair.sides[0].sent_count = 0;
    pair_run(&pair);
    ck_assert_mem_eq(pair.sides[0].sent + 20, "\x20\x05\x00\x00", 4);
    ck_assert(info_of(&pair.sides[1]).got_terminate);
    ck_assert_int_eq(info_of(&pair.sides[0]).end, RDMA_END_NO_MEMORY);      // nothing was wrong with the peer
    pair_close(&pair);
}

TEST(without_memory_for_the_peers_private_data_a_connection_ends_for_want_of_memory)
{
    for (int is_initiator = 0; is_initiator < 2; is_initiator++) {
        struct pair pair;
        struct setup setup = setup_plain;
        setup.private_bytes[0] = "hello";
        setup.private_count[0] = 5;
        struct side *side = &pair.sides[!is_initiator];
        pair_open(&pair, &setup, 1);
        if (is_initiator) {
            pair_run(&pair);
            ck_assert_int_eq(iwarp_accept(pair.sides[1].c, setup.reads[1], "there", 5, pair.now_us), 0);
        }
        side->memory.limit_bytes = side->memory.taken_bytes;
        pair_run(&pair);
        ck_assert_int_eq(info_of(side).end, RDMA_END_NO_MEMORY);
        ck_assert_uint_eq(side->events, RDMA_EVENT_CLOSED);
        pair_close(&pair);
    }
}

TEST(a_reject_carries_private_data_and_closes_in_order)
{
    for (int enhanced = 0; enhanced < 2; enhanced++) {
        struct pair pair;
        struct setup setup = setup_plain;
        setup.uses[0] = enhanced ? IWARP_USE_ENHANCED : 0;
        setup.keep_sent = true;
        pair_open(&pair, &setup, 1);
        pair_run(&pair);
        ck_assert_int_eq(iwarp_reject(pair.sides[1].c, "no", 2, pair.now_us), 0);
        ck_assert_int_eq(iwarp_reject(pair.sides[1].c, "no", 2, pair.now_us), -ENOTCONN);
        pair_run(&pair);
        struct iwarp_info info = info_of(&pair.sides[0]);
        ck_assert_uint_eq(pair.sides[0].events, RDMA_EVENT_REJECT | RDMA_EVENT_CLOSED);
        ck_assert_int_eq(info.end, RDMA_END_REJECTED);
        ck_assert_uint_eq(info.private_count, 2);
        ck_assert_mem_eq(info.private_bytes, "no", 2);
        ck_assert(pair.sides[1].events & RDMA_EVENT_CLOSED);
        ck_assert(!(pair.sides[1].events & RDMA_EVENT_DISCONNECT));
        ck_assert_uint_eq(pair.sides[1].sent[16], enhanced ? 0x70 : 0x60);
        ck_assert(!pair.sides[0].reset && !pair.sides[1].reset);
        pair_close(&pair);
    }
}

// What a responder, or an initiator that asked for the enhanced form, does with such a frame: 0 waits, 1 takes it, -1 resets.
static int
verdict(int role, const uint8_t *bytes, size_t count)
{
    struct pair pair;
    struct setup setup = setup_plain;
    alone(&pair, &setup, role);
    hear(&pair, role, bytes, count);
    struct side *side = &pair.sides[role];
    int result = side->events & (RDMA_EVENT_REQUEST | RDMA_EVENT_REPLY) ? 1 : side->reset ? -1 : 0;
    if (result < 0) {
        ck_assert_int_eq(info_of(side).end, RDMA_END_STARTUP);
        ck_assert_uint_eq(side->events, RDMA_EVENT_CLOSED);
    }
    pair_close(&pair);
    return result;
}

TEST(a_frame_that_is_not_of_MPA_or_not_well_formed_resets_the_connection)
{
    uint8_t frame[600];
    size_t count = request_make(frame, false, 0x50, 2, "\x80\x01\x80\x01", 4);
    ck_assert_int_eq(verdict(1, frame, count), 1);
    for (size_t part = 0; part < count; part++)
        ck_assert_int_eq(verdict(1, frame, part), 0);
    for (size_t at = 0; at < 16; at++) {                // at once, with the first byte that is wrong
        frame[at] ^= 1;
        ck_assert_int_eq(verdict(1, frame, at + 1), -1);
        frame[at] ^= 1;
    }
    ck_assert_int_eq(verdict(1, frame, count + 1), -1); // more than its length says
    static const int revisions[] = {-1, 1, 1, -1, -1};
    for (uint8_t revision = 0; revision < 5; revision++) {
        request_make(frame, false, 0x50, revision, "\x80\x01\x80\x01", 4);
        ck_assert_int_eq(verdict(1, frame, count), revisions[revision]);
    }
    for (uint16_t length = 0; length < 4; length++)     // an enhanced one without its four bytes
        ck_assert_int_eq(verdict(1, frame, request_make(frame, false, 0x50, 2, "\x80\x01\x80\x01", length)), -1);
    ck_assert_int_eq(verdict(1, frame, request_make(frame, false, 0x40, 2, "abc", 3)), 1);
    ck_assert_int_eq(verdict(1, frame, request_make(frame, false, 0x50, 1, "abc", 3)), 1);       // there S is reserved
    static const uint8_t many[560] = {0};
    ck_assert_int_eq(verdict(1, frame, request_make(frame, false, 0x40, 1, many, 512)), 1);
    ck_assert_int_eq(verdict(1, frame, request_make(frame, false, 0x40, 1, many, 513)), -1);
    ck_assert_int_eq(verdict(1, frame, request_make(frame, false, 0x2F, 1, NULL, 0)), 1);        // R and reserved bits are not checked
    ck_assert_int_eq(verdict(1, frame, request_make(frame, true, 0x50, 2, "\x80\x01\x80\x01", 4)), -1);     // two responders
}

TEST(a_reply_must_be_of_the_form_that_was_asked_for)
{
    uint8_t frame[600];
    ck_assert_int_eq(verdict(0, frame, request_make(frame, true, 0x50, 2, "\x80\x01\x80\x01", 4)), 1);
    ck_assert_int_eq(verdict(0, frame, request_make(frame, false, 0x50, 2, "\x80\x01\x80\x01", 4)), -1);    // two initiators
    ck_assert_int_eq(verdict(0, frame, request_make(frame, true, 0x40, 2, NULL, 0)), -1);
    ck_assert_int_eq(verdict(0, frame, request_make(frame, true, 0x40, 1, NULL, 0)), -1);
    struct pair pair;
    struct setup setup = setup_plain;
    setup.uses[0] = 0;
    alone(&pair, &setup, 0);
    hear(&pair, 0, frame, request_make(frame, true, 0x50, 2, "\x80\x01\x80\x01", 4));
    ck_assert(pair.sides[0].reset);
    pair_close(&pair);
    alone(&pair, &setup, 0);
    hear(&pair, 0, frame, request_make(frame, true, 0x00, 1, NULL, 0));
    ck_assert_uint_eq(pair.sides[0].events, RDMA_EVENT_REPLY);
    pair_close(&pair);
}

TEST(without_A_in_the_reply_the_initiator_sends_no_RTR_and_B_to_D_are_not_looked_at)
{
    struct pair pair;
    uint8_t frame[64];
    alone(&pair, &setup_plain, 0);
    hear(&pair, 0, frame, request_make(frame, true, 0x50, 2, "\x40\x08\xC0\x08", 4));
    ck_assert_uint_eq(pair.sides[0].events, RDMA_EVENT_REPLY);
    pair.sides[0].sent_count = 0;
    ck_assert_int_eq(iwarp_complete_connect(pair.sides[0].c, pair.now_us), 0);
    pair_run(&pair);
    ck_assert(pair.sides[0].events & RDMA_EVENT_ESTABLISHED);
    ck_assert_uint_eq(pair.sides[0].sent_count, 0);
    pair_close(&pair);
    alone(&pair, &setup_plain, 1);
    hear(&pair, 1, frame, request_make(frame, false, 0x50, 2, "\x40\x08\xC0\x08", 4));
    ck_assert_int_eq(iwarp_accept(pair.sides[1].c, (struct rdma_reads){8, 8}, NULL, 0, pair.now_us), 0);
    pair_run(&pair);
    ck_assert(pair.sides[1].events & RDMA_EVENT_ESTABLISHED);
    ck_assert_mem_eq(pair.sides[1].sent + 20, "\x00\x08\x00\x08", 4);
    pair_close(&pair);
}

TEST(a_responder_sends_nothing_before_the_first_FPDU_has_come)
{
    struct pair pair;
    struct setup setup = setup_plain;
    setup.rtr[0] = 0;
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);                                // established at once, for there is no RTR
    struct kit_work *work = side_work(&pair, &pair.sides[1], RDMA_SEND, 5, 1);
    side_receive(&pair, &pair.sides[0], 5);
    ck_assert_int_eq(side_post(&pair, &pair.sides[1], work), 0);
    ck_assert_ptr_null(iwarp_run_next(pair.sides[1].c));
    struct kit_work *first = side_work(&pair, &pair.sides[0], RDMA_WRITE, 0, 1);
    ck_assert_int_eq(side_post(&pair, &pair.sides[0], first), 0);
    pair_run(&pair);
    ck_assert_ptr_eq(side_done(&pair.sides[1]), work);
    pair_close(&pair);
}

TEST(a_wrong_first_FPDU_resets_a_responder_which_may_not_send_a_Terminate_yet)
{
    struct pair pair;
    uint8_t fpdu[64], ulpdu[32];
    raw_open(&pair);
    size_t count = fpdu_make(fpdu, ulpdu, untagged_make(ulpdu, true, 3, 0, 1, 0));
    fpdu[count - 1] ^= 1;
    raw_bytes(&pair, fpdu, count);
    ck_assert(pair.sides[1].reset);
    ck_assert_uint_eq(pair.sides[1].sent_count, 0);
    ck_assert_uint_eq(pair.sides[1].events, RDMA_EVENT_DISCONNECT | RDMA_EVENT_CLOSED);
    ck_assert_int_eq(info_of(&pair.sides[1]).end, RDMA_END_TERMINATED);
    pair_close(&pair);
}

TEST(what_waits_behind_a_reply_is_left_until_the_connection_is_completed)
{
    struct pair pair;
    uint8_t bytes[200], ulpdu[64];
    alone(&pair, &setup_plain, 0);
    size_t count = request_make(bytes, true, 0x50, 2, "\x80\x08\x80\x08", 4);
    count += fpdu_make(bytes + count, ulpdu, untagged_make(ulpdu, true, 3, 0, 1, 0));
    struct kit_work *receive = side_receive(&pair, &pair.sides[0], 10);
    hear(&pair, 0, bytes, count);
    ck_assert_uint_eq(pair.sides[0].events, RDMA_EVENT_REPLY);
    ck_assert_uint_eq(pair.sides[0].in.count, 24);
    struct eng_span left = {.bytes = pair.sides[0].in.bytes, .count = 24};
    ck_assert_uint_eq(iwarp_input(pair.sides[0].c, &left, 1, pair.now_us), 0);
    ck_assert(!iwarp_wants_abort(pair.sides[0].c));
    ck_assert_int_eq(iwarp_complete_connect(pair.sides[0].c, pair.now_us), 0);
    pair.sides[0].in.seen = 0;
    pair_run(&pair);
    ck_assert_ptr_eq(side_done(&pair.sides[0]), receive);
    pair_close(&pair);
}

TEST(each_step_has_its_time_and_then_the_connection_is_reset)
{
    struct pair pair;
    struct setup setup = setup_plain;
    iwarp_params_default(&setup.params);
    setup.params.request_us = 1000;
    setup.params.reply_us = 2000;
    setup.params.ready_us = 3000;
    for (int step = 0; step < 4; step++) {
        int late = step == 0 ? 1 : step == 1 ? 0 : step == 2 ? 1 : 0;
        pair_open(&pair, &setup, 1);
        uint64_t start = pair.now_us;
        struct tcp_send *lost = NULL;
        ck_assert_uint_eq(iwarp_next_deadline(pair.sides[0].iwarp), start + 2000);
        ck_assert_uint_eq(iwarp_next_deadline(pair.sides[1].iwarp), start + 1000);
        if (step >= 1)
            pair_run(&pair);
        if (step >= 1)
            ck_assert_uint_eq(iwarp_next_deadline(pair.sides[1].iwarp), ENG_NEVER);      // the owner takes its time
        if (step >= 2) {
            iwarp_accept(pair.sides[1].c, setup.reads[1], NULL, 0, start);
            pair_run(&pair);
            ck_assert_uint_eq(iwarp_next_deadline(pair.sides[0].iwarp), ENG_NEVER);
        }
        if (step == 3) {
            iwarp_complete_connect(pair.sides[0].c, start);
            lost = iwarp_run_next(pair.sides[0].c);
            ck_assert_ptr_nonnull(lost);
        }
        uint64_t due = start + (step == 0 ? 1000 : step == 1 ? 2000 : 3000);
        struct side *side = &pair.sides[late];
        ck_assert_uint_eq(iwarp_next_deadline(side->iwarp), due);
        iwarp_time(side->iwarp, due - 1);
        ck_assert(!iwarp_wants_abort(side->c));
        iwarp_time(side->iwarp, due);
        ck_assert(iwarp_wants_abort(side->c));
        ck_assert_int_eq(info_of(side).end, RDMA_END_TIMED_OUT);
        ck_assert(iwarp_events(side->c) & RDMA_EVENT_CLOSED);
        ck_assert_uint_eq(iwarp_next_deadline(side->iwarp), ENG_NEVER);
        if (step == 3) {
            iwarp_release(side->c);                     // the run that was lost has no connection any more
            side->c = NULL;
            iwarp_run_done(side->iwarp, lost, due);
        }
        pair_close(&pair);
    }
}

TEST(an_established_connection_keeps_no_private_data_and_no_deadline_and_less_than_4_KB)
{
    struct pair pair;
    struct setup setup = setup_plain;
    setup.private_bytes[0] = "hello";
    setup.private_count[0] = 5;
    pair_open(&pair, &setup, 1);
    pair_connect(&pair);
    ck_assert_uint_eq(info_of(&pair.sides[1]).private_count, 0);
    ck_assert_uint_eq(iwarp_next_deadline(pair.sides[0].iwarp), ENG_NEVER);
    ck_assert_uint_eq(iwarp_next_deadline(pair.sides[1].iwarp), ENG_NEVER);
    // Its memory is shared with others, and goes with the last of them.
    struct iwarp_open open = {.role = RDMA_RESPONDER, .emss_bytes = 1448};
    struct iwarp_connection *others[60];
    size_t one = pair.sides[1].memory.taken_bytes;
    for (unsigned i = 0; i < 60; i++)
        ck_assert_int_eq(iwarp_open(pair.sides[1].iwarp, &open, 0, &others[i]), 0);
    ck_assert_uint_lt(pair.sides[1].memory.taken_bytes - one, 60 * 1024);
    for (unsigned i = 0; i < 60; i++)
        iwarp_release(others[i]);
    ck_assert_uint_eq(pair.sides[1].memory.taken_bytes, one);
    pair_close(&pair);
}

TEST(an_instance_takes_no_more_connections_than_it_was_told)
{
    struct pair pair;
    struct setup setup = setup_plain;
    iwarp_params_default(&setup.params);
    setup.params.connections_max = 1;
    pair_open(&pair, &setup, 1);
    struct iwarp_open open = {.role = RDMA_RESPONDER};
    struct iwarp_connection *c;
    ck_assert_int_eq(iwarp_open(pair.sides[1].iwarp, &open, 0, &c), -ENOMEM);
    iwarp_release(pair.sides[1].c);
    ck_assert_int_eq(iwarp_open(pair.sides[1].iwarp, &open, 0, &pair.sides[1].c), 0);
    pair_close(&pair);
}

TEST(an_instance_is_not_made_of_senseless_knobs_or_without_memory)
{
    struct pair pair;
    pair_open(&pair, &setup_plain, 1);
    struct iwarp_params good, bad;
    struct eng_memory *memory = &pair.sides[0].memory;
    iwarp_params_default(&good);
    struct iwarp *iwarp = iwarp_create(memory, &good);
    ck_assert_ptr_nonnull(iwarp);
    iwarp_destroy(iwarp);
    for (int n = 0; n < 6; n++) {
        bad = good;
        *(n == 1 ? &bad.request_us : n == 2 ? &bad.reply_us : n == 3 ? &bad.ready_us : &bad.close_us) = 0;
        if (n == 0 || n == 5)
            bad = good;
        if (n == 0)
            bad.reads_max = RDMA_READS_OF_ULP;
        if (n == 5)
            bad.send_bytes_max = 0;
        ck_assert_ptr_null(iwarp_create(memory, &bad));
    }
    memory->limit_bytes = memory->taken_bytes;
    ck_assert_ptr_null(iwarp_create(memory, &good));
    struct iwarp_open open = {.role = RDMA_INITIATOR};
    struct iwarp_connection *c;
    ck_assert_int_eq(iwarp_open(pair.sides[0].iwarp, &open, 0, &c), -ENOMEM);
    memory->limit_bytes = memory->taken_bytes + sizeof(void *) * 150;   // a connection, and no run
    ck_assert_int_eq(iwarp_open(pair.sides[0].iwarp, &open, 0, &c), -ENOMEM);
    memory->limit_bytes = 0;
    pair_close(&pair);
}
