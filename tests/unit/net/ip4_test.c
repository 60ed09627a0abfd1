// SPDX-License-Identifier: MIT
// IPv4 on a hub: ARP finds the neighbour, datagrams of every size arrive whole, echoes come back, and what must not be taken is not.
#include "kit.h"

static void
open_pair(void)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .no_ip6 = true};
    kit_open(2, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(1, "10.0.0.2", 24);
    kit_pass(3000000);
    kit_forget();
}

TEST(a_datagram_waits_for_arp_and_arrives_once)
{
    open_pair();
    struct net_udp *from = kit_udp(0, "0.0.0.0", 1000), *to = kit_udp(1, "10.0.0.2", 2000);
    struct eng_address remote = kit_parse("10.0.0.2");
    ck_assert_int_eq(kit_send_udp(0, from, &remote, 2000, "hello", 5), 0);
    ck_assert_uint_eq(kit_n_frames, 3); // who has, is at, the datagram
    ck_assert_uint_eq(bytes_load_be16(kit_frames[0].bytes + 12), 0x0806);
    ck_assert_mem_eq(kit_frames[0].bytes, "\xFF\xFF\xFF\xFF\xFF\xFF", 6);
    ck_assert_uint_eq(kit[1].n_got, 1);
    ck_assert_ptr_eq(kit[1].got[0].result.udp, to);
    ck_assert_uint_eq(kit[1].got[0].result.source_port, 1000);
    ck_assert_uint_eq(kit[1].got[0].count, 5);
    ck_assert_mem_eq(kit[1].got[0].bytes, "hello", 5);
    ck_assert_mem_eq(kit[1].got[0].result.in.source.bytes, "\x0A\0\0\1", 4);
    kit_send_udp(0, from, &remote, 2000, "again", 5);
    ck_assert_uint_eq(kit_n_frames, 4); // the neighbour is known
    net_udp_close(kit[0].net, from, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[1].net, to, kit_now_us, &kit[1].outbox);
    kit_close();
}

TEST(datagrams_of_every_kind_of_size_arrive_whole_in_fragments_and_in_pieces)
{
    static const unsigned sizes[] = {0, 1, 1471, 1472, 1473, 1480, 2952, 2953, 9000, 65506, 65507};
    static uint8_t bytes[65508];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    for (unsigned mode = 0; mode < 4; mode++) {
        open_pair();
        kit_piece_bytes = mode & 1 ? 700 : 0;
        kit_no_owner = mode & 2;
        struct net_udp *from = kit_udp(0, "0.0.0.0", 1000), *to = kit_udp(1, "0.0.0.0", 2000);
        struct eng_address remote = kit_parse("10.0.0.2");
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            ck_assert_int_eq(kit_send_udp(0, from, &remote, 2000, bytes, sizes[i]), 0);
            ck_assert_uint_eq(kit[1].n_got, 1);
            ck_assert_uint_eq(kit[1].got[0].count, sizes[i]);
            ck_assert_mem_eq(kit[1].got[0].bytes, bytes, sizes[i]);
            ck_assert_uint_eq(!!(kit[1].got[0].result.in.flags & ENG_IN_REASSEMBLED), sizes[i] > 1472);
            for (unsigned j = 0; j < kit_n_frames; j++)
                ck_assert_uint_le(kit_frames[j].count, 1514);
            kit_forget();
        }
        ck_assert_int_eq(kit_send_udp(0, from, &remote, 2000, bytes, 65508), -EMSGSIZE);
        net_udp_close(kit[0].net, from, kit_now_us, &kit[0].outbox);
        net_udp_close(kit[1].net, to, kit_now_us, &kit[1].outbox);
        kit_close();
    }
    kit_piece_bytes = 0;
    kit_no_owner = false;
}

// An echo request by hand: what an ordinary host would send.
static void
ping(unsigned from, const char *source, const char *destination, const uint8_t *bytes, size_t count)
{
    struct eng_out *out = eng_out_get(&kit[from].pool);
    uint8_t *head = eng_out_push_head(out, 8);
    memcpy(head, (uint8_t[8]){8, 0, 0, 0, 0x12, 0x34, 0, 1}, 8);
    eng_out_add(out, &(struct eng_span){.bytes = bytes, .count = (uint32_t)count});
    uint16_t sum = csum_finish(csum_join(csum_add(0, head, 8), csum_add(0, bytes, count), 8));
    memcpy(head + 2, &sum, 2);
    out->protocol = NET_ICMP4;
    out->source = kit_parse(source);
    out->destination = kit_parse(destination);
    ck_assert_int_eq(net_output(kit[from].net, out, kit_now_us, &kit[from].outbox), 0);
    kit_pump();
}

TEST(an_echo_of_any_size_comes_back_to_a_raw_protocol)
{
    static uint8_t bytes[65500];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 253);
    open_pair();
    ck_assert_int_eq(net_raw_open(kit[0].net, ENG_IP4, NET_ICMP4), 0);
    for (unsigned count = 0; count <= 65499; count += count < 3000 ? 97 : 8117) {
        ping(0, "10.0.0.1", "10.0.0.2", bytes, count);
        ck_assert_uint_eq(kit[0].n_got, 1);
        ck_assert(kit[0].got[0].result.is_raw_too);
        ck_assert_uint_eq(kit[0].got[0].count, count + 8);
        ck_assert_uint_eq(kit[0].got[0].bytes[0], 0);
        ck_assert_mem_eq(kit[0].got[0].bytes + 8, bytes, count);
        ck_assert_uint_eq(csum_of(kit[0].got[0].bytes, count + 8), 0);
        kit_forget();
    }
    net_raw_close(kit[0].net, ENG_IP4, NET_ICMP4);
    kit_close();
}

TEST(packets_to_our_own_addresses_come_back_in)
{
    open_pair();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    static const char *const own[] = {"10.0.0.1", "127.0.0.1", "127.9.9.9"};
    for (unsigned i = 0; i < 3; i++) {
        struct eng_address remote = kit_parse(own[i]);
        ck_assert_int_eq(kit_send_udp(0, udp, &remote, 1000, "me", 2), 0);
        ck_assert_uint_eq(kit[0].n_got, 1);
        ck_assert_ptr_eq(kit[0].got[0].result.udp, udp);
        ck_assert(kit[0].got[0].result.in.flags & ENG_IN_LOOPBACK);
        ck_assert_uint_eq(kit_n_frames, 0);
        kit_forget();
    }
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

TEST(a_closed_port_answers_and_the_sender_is_told)
{
    open_pair();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    struct eng_address remote = kit_parse("10.0.0.2");
    kit_send_udp(0, udp, &remote, 7, "x", 1);
    ck_assert_uint_eq(kit[0].n_got, 1);
    const struct net_result *result = &kit[0].got[0].result;
    ck_assert_uint_eq(result->verdict, NET_FOR_ERROR);
    ck_assert_uint_eq(result->error.kind, NET_ERROR_PORT);
    ck_assert_ptr_eq(result->error.udp, udp);
    ck_assert(eng_address_is_equal(&result->error.remote, &remote));
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

TEST(an_unknown_protocol_answers_unless_somebody_opened_it)
{
    uint8_t frame[64] = {0};
    struct eng_address source = kit_parse("10.0.0.2"), destination = kit_parse("10.0.0.1");
    open_pair();
    size_t at = kit_eth(frame, kit[0].link, kit[1].link, 0x0800);
    at += kit_ip4(frame + at, &source, &destination, 99, 8);
    kit_inject(0, frame, at + 8);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_errors_out), 1);
    net_raw_open(kit[0].net, ENG_IP4, 99);
    kit_inject(0, frame, at + 8);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_errors_out), 1);
    ck_assert_uint_eq(kit[0].n_got, 1);
    ck_assert_uint_eq(kit[0].got[0].result.verdict, NET_FOR_RAW);
    net_raw_close(kit[0].net, ENG_IP4, 99);
    kit_close();
}

TEST(a_neighbour_that_does_not_answer_is_an_error_after_three_questions)
{
    open_pair();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    struct eng_address remote = kit_parse("10.0.0.77");
    for (unsigned i = 0; i < 20; i++)
        kit_send_udp(0, udp, &remote, 7, "x", 1);
    kit_pass(5000000);
    ck_assert_uint_eq(kit_n_frames, 3);
    ck_assert_uint_eq(kit[0].n_events, 16); // the oldest four made place
    ck_assert_uint_eq(kit[0].events[0].kind, NET_EVENT_ERROR);
    ck_assert_uint_eq(kit[0].events[0].error.kind, NET_ERROR_HOST);
    ck_assert_ptr_eq(kit[0].events[0].error.udp, udp);
    ck_assert_uint_eq(kit[0].pool.in_use, 0);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

TEST(martians_and_frames_for_others_are_dropped_and_counted)
{
    static const struct {
        const char *source, *destination;
    } bad[] = {
        {"127.0.0.1", "10.0.0.1"}, {"224.0.0.5", "10.0.0.1"}, {"255.255.255.255", "10.0.0.1"}, {"0.0.0.0", "10.0.0.1"},
        {"0.1.2.3", "10.0.0.1"}, {"240.0.0.1", "10.0.0.1"}, {"10.0.0.1", "10.0.0.1"}, {"10.0.0.255", "10.0.0.1"},
        {"10.0.0.2", "127.0.0.1"}, {"10.0.0.2", "0.0.0.0"},
    };
    uint8_t frame[128];
    open_pair();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t count = kit_udp4_frame(frame, 0, bad[i].source, bad[i].destination, 5, 1000, "x", 1);
        kit_inject(0, frame, count);
        ck_assert_uint_eq(kit_count(0, NET_COUNT_in_martian), i + 1);
    }
    size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", "10.0.0.3", 5, 1000, "x", 1);
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_in_wrong_destination), 1);
    // One host's packet in a frame for all.
    count = kit_udp4_frame(frame, 0, "10.0.0.2", "10.0.0.1", 5, 1000, "x", 1);
    memset(frame, 0xFF, 6);
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_in_wrong_destination), 2);
    frame[0] = 2;
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_in_not_for_us), 1);
    ck_assert_uint_eq(kit[0].n_got, 0);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

TEST(a_broadcast_reaches_every_endpoint_of_its_port_and_nobody_answers_it)
{
    uint8_t frame[128];
    open_pair();
    struct net_udp_settings shared = {.local = kit_parse("0.0.0.0"), .port = 1000, .is_shared = true};
    int error;
    struct net_udp *first = net_udp_open(kit[0].net, &shared, &error), *second = net_udp_open(kit[0].net, &shared, &error);
    struct net_udp *third = kit_udp(0, "10.0.0.1", 2000);
    static const char *const all[] = {"10.0.0.255", "255.255.255.255"};
    for (unsigned i = 0; i < 2; i++) {
        size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", all[i], 5, 1000, "x", 1);
        memset(frame, 0xFF, 6);
        kit_inject(0, frame, count);
        ck_assert_uint_eq(kit[0].n_got, 2);
        ck_assert_ptr_ne(kit[0].got[0].result.udp, kit[0].got[1].result.udp);
        kit_forget();
        count = kit_udp4_frame(frame, 0, "10.0.0.2", all[i], 5, 2000, "x", 1);
        memset(frame, 0xFF, 6);
        kit_inject(0, frame, count);
        ck_assert_uint_eq(kit[0].n_got, 1);
        kit_forget();
        count = kit_udp4_frame(frame, 0, "10.0.0.2", all[i], 5, 3000, "x", 1);
        memset(frame, 0xFF, 6);
        kit_inject(0, frame, count);
        kit_pump();
        ck_assert_uint_eq(kit[0].n_got, 0);
        ck_assert_uint_eq(kit_n_frames, 0);
    }
    struct eng_address broadcast = kit_parse("10.0.0.255");
    ck_assert_int_eq(kit_send_udp(0, third, &broadcast, 9, "x", 1), -EACCES);
    net_udp_close(kit[0].net, first, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[0].net, second, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[0].net, third, kit_now_us, &kit[0].outbox);
    kit_close();
}

// Every frame, cut after every byte, and with every single byte changed: nothing is read outside (ASan), nothing is kept.
TEST(frames_cut_at_every_byte_and_bent_in_every_byte_are_survived)
{
    uint8_t frame[128], bent[128];
    open_pair();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", "10.0.0.1", 5, 1000, "0123456789", 10);
    unsigned taken = 0;
    for (size_t cut = 0; cut <= count; cut++) {
        kit_inject(0, frame, cut);
        taken += kit[0].n_got;
        kit_forget();
    }
    ck_assert_uint_eq(taken, 1);
    for (size_t at = 0; at < count; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(bent, frame, count);
            bent[at] ^= (uint8_t)(1u << bit);
            kit_inject(0, bent, count);
            // Only the sender's link address and the priority of a type of service may change unseen.
            ck_assert(kit[0].n_got == 0 || (at >= 6 && at < 12));
            kit_forget();
            kit_pump();
        }
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_pass(40000000);
    kit_close();
}

TEST(bad_options_are_refused_with_a_pointer_and_source_routes_in_silence)
{
    uint8_t frame[128] = {0};
    struct eng_address source = kit_parse("10.0.0.2"), destination = kit_parse("10.0.0.1");
    static const struct {
        uint8_t options[8];
        int pointer; // -1: taken, -2: dropped in silence
    } cases[] = {
        {{1, 1, 1, 1, 1, 1, 1, 0}, -1}, {{7, 7, 4, 0, 0, 0, 0, 0}, -1}, {{7, 9, 4}, 21}, {{7, 1, 4}, 21}, {{7, 0}, 21},
        {{1, 1, 1, 1, 1, 1, 1, 7}, 27}, {{131, 7, 4, 1, 2, 3, 4, 0}, -2}, {{137, 7, 4, 1, 2, 3, 4, 0}, -2}, {{0, 7, 0, 9, 9, 9, 9, 9}, -1},
    };
    open_pair();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t at = kit_eth(frame, kit[0].link, kit[1].link, 0x0800);
        kit_ip4(frame + at, &source, &destination, 17, 8 + 8);
        frame[at] = 0x47;
        memcpy(frame + at + 20, cases[i].options, 8);
        kit_ip4_sum(frame + at);
        memcpy(frame + at + 28, (uint8_t[8]){0, 5, 1000 >> 8, 1000 & 0xFF, 0, 8, 0, 0}, 8);
        kit_inject(0, frame, at + 36);
        kit_pump();
        ck_assert_uint_eq(kit[0].n_got, cases[i].pointer == -1);
        unsigned answers = 0;
        for (unsigned j = 0; j < kit_n_frames; j++)
            if (bytes_load_be16(kit_frames[j].bytes + 12) == 0x0800) {
                answers++;
                ck_assert_uint_eq(kit_frames[j].bytes[34], 12);
                ck_assert_int_eq(kit_frames[j].bytes[38], cases[i].pointer);
            }
        ck_assert_uint_eq(answers, cases[i].pointer >= 0);
        kit_forget();
    }
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}
