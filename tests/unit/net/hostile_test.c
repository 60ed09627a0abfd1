// SPDX-License-Identifier: MIT
// Hostile peers against the whole stack, from frames to a server with a true friend: floods, forgeries, windows that starve, fragments
// and segments that contradict each other [RFC 4987, 5961, 5927, 5722, 4953, 6528]. Each test says what an attacker can make the host
// keep or say, in figures, and that the friend's connection stays exact.
#include "base/prng.h"
#include "victim.h"
#include <stdio.h>

static struct prng prng;

static uint32_t
draw(uint32_t below)
{
    return (uint32_t)prng_below(&prng, below);
}

// What the friend's two ends would say next: a forger who has seen the traffic knows it, a blind one guesses.
static struct shot
as_friend(void)
{
    struct tcp_record record;
    tcp_query(victim.friend_here->connection, kit_now_us, &record);
    return (struct shot){.from = victim.friend_address, .from_port = victim.friend_port, .port = 80, .seq = record.delegated.rcv_nxt,
                         .ack = record.delegated.snd_max, .window = 500, .flags = A};
}

static bool
friend_lives(void)
{
    return !victim.friend_here->is_ended && !victim.friend_here->has_fin;
}

// ---- floods of SYNs

static void
syn_flood(unsigned family, bool keeps_waiting)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.half_open_cookies = 256;
    victim_open(&params, NULL);
    victim.keeps_waiting = keeps_waiting;
    size_t at_first = victim_memory(), after_1000 = 0, most = 0;
    const uint8_t options[] = {2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 3, 3, 7, 0};
    for (uint32_t i = 0; i < 20000; i++) {
        struct shot syn = {.from = family == ENG_IP6 ? stranger6(i) : stranger4(i), .from_port = (uint16_t)(1024 + i % 60000), .port = 80,
                           .seq = i * 77, .flags = S, .window = 65535, .n_options = sizeof options};
        memcpy(syn.options, options, sizeof options);
        shoot(&syn);
        after_1000 = i == 1000 ? victim_memory() : after_1000;
        most = victim_memory() > most ? victim_memory() : most;
    }
    const struct tcp_counters *counters = tcp_counters(victim.tcp[0]);
    printf("SYN flood, family %u%s: %zu bytes for 20,000 SYNs\n", family, keeps_waiting ? ", unanswered offers" : "", most - at_first);
    ck_assert_uint_eq(counters->half_open, 256);
    ck_assert_uint_eq(counters->cookies_out, 20000 - 256);
    ck_assert_uint_le(most, after_1000 + 65536);
    ck_assert_uint_lt(most - at_first, 1500 * 256 + 65536);
    // An answer for each SYN at most, no larger than the question by more than the options that we add.
    ck_assert_uint_le(victim.heard, 20000 * 2);
    // A true peer comes through meanwhile, and moves data.
    victim.keeps_waiting = false;
    victim_befriend(family);
    victim_exchange(300000, 60);
    ck_assert_uint_eq(counters->cookies_good, 1);
    // The flood ends: everything that it took comes back.
    kit_pass(400000000);
    ck_assert_uint_eq(counters->half_open, 0);
    ck_assert_uint_eq(counters->connections, 1);
    victim_close();
}

TEST_TIMEOUT(60, twenty_thousand_SYNs_take_256_records_and_a_true_connection_comes_through)
{
    syn_flood(ENG_IP4, false);
    syn_flood(ENG_IP6, false);
    syn_flood(ENG_IP4, true);
}

TEST(guesses_at_a_cookie_open_nothing)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.half_open_cookies = 0;
    victim_open(&params, NULL);
    prng_seed(&prng, 1);
    for (uint32_t i = 0; i < 20000; i++)
        shoot(&(struct shot){.from = stranger4(i % 50), .from_port = 4000, .port = 80, .seq = draw(UINT32_MAX), .ack = draw(UINT32_MAX),
                             .flags = A, .window = 1000});
    ck_assert_uint_eq(victim.n_served, 0);
    ck_assert_uint_eq(tcp_counters(victim.tcp[0])->connections, 0);
    ck_assert_uint_eq(victim.heard_resets, 20000); // one small answer for each, and nothing kept
    victim_close();
}

// ---- storms

TEST(two_ends_that_a_forger_has_set_against_each_other_do_not_make_an_ACK_storm)
{
    victim_open(NULL, NULL);
    victim_befriend(ENG_IP4);
    victim_exchange(10000, 10);
    // Each end is told of the other's future, so that each believes the other is wrong.
    uint64_t before = tcp_counters(victim.tcp[0])->segments_out + tcp_counters(victim.tcp[1])->segments_out;
    for (unsigned i = 0; i < 100; i++) {
        struct shot shot = as_friend();
        shot.ack += 100000 + i;
        shoot(&shot);
        shot = as_friend();
        shot.seq -= 5000 + i;
        shoot(&shot);
    }
    kit_pass(100000);
    uint64_t after = tcp_counters(victim.tcp[0])->segments_out + tcp_counters(victim.tcp[1])->segments_out;
    // No more than one answer for each forgery, and the answers are not answered.
    ck_assert_uint_le(after - before, 220);
    before = after;
    kit_pass(5000000);
    after = tcp_counters(victim.tcp[0])->segments_out + tcp_counters(victim.tcp[1])->segments_out;
    ck_assert_uint_le(after - before, 4);
    victim_exchange(100000, 20);
    victim_close();
}

TEST(bare_acknowledgements_far_from_the_window_get_two_answers_a_second)
{
    victim_open(NULL, NULL);
    victim_befriend(ENG_IP4);
    uint64_t before = tcp_counters(victim.tcp[0])->segments_out;
    for (unsigned i = 0; i < 10000; i++) {
        struct shot shot = as_friend();
        shot.seq += 0x40000000;
        shot.n_options = 12;
        memcpy(shot.options, (uint8_t[12]){1, 1, 8, 10, 0x7F, 0xFF, 0xFF, 0xFF}, 12);
        shoot(&shot);
        kit_pass(1000);
    }
    // Ten seconds.
    ck_assert_uint_le(tcp_counters(victim.tcp[0])->segments_out - before, 21);
    ck_assert_uint_ge(tcp_counters(victim.tcp[0])->segments_out - before, 10);
    ck_assert(friend_lives());
    victim_close();
}

// ---- forgeries against one connection

// Blind ones: every field of a segment but the addresses and ports is a guess.
TEST(thirty_thousand_blind_resets_FINs_SYNs_and_data_change_nothing)
{
    static const uint8_t flags[] = {R, R | A, F | A, S, S | A, A | P, A, F, 0, A | U};
    victim_open(NULL, NULL);
    victim_befriend(ENG_IP4);
    prng_seed(&prng, 2);
    uint64_t before = tcp_counters(victim.tcp[0])->segments_out;
    for (unsigned i = 0; i < 30000; i++) {
        struct shot shot = {.from = victim.friend_address, .from_port = victim.friend_port, .port = 80, .seq = draw(UINT32_MAX),
                            .ack = draw(UINT32_MAX), .window = (uint16_t)draw(65536), .flags = flags[i % 10],
                            .bytes = flags[i % 10] & P ? 100 : 0, .urgent = (uint16_t)draw(65536)};
        shoot(&shot);
        kit_pass(100);
    }
    ck_assert(friend_lives());
    // Three seconds: challenges and answers to strangers' data out of the window, a segment each at most.
    ck_assert_uint_le(tcp_counters(victim.tcp[0])->segments_out - before, 9100);
    victim_exchange(100000, 20);
    victim_close();
}

// The forger has found the window, but not the number: RFC 5961 3 to 5.
TEST(forgeries_within_the_window_are_challenged_and_only_the_exact_number_counts)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.uses &= ~(uint32_t)TCP_USE_TIMESTAMPS; // with them PAWS alone would refuse most
    victim_open(&params, NULL);
    victim_befriend(ENG_IP4);
    victim_exchange(100000, 20);
    prng_seed(&prng, 3);
    for (unsigned i = 0; i < 5000; i++) {
        struct shot shot = as_friend();
        uint32_t off = 1 + draw(200000);
        switch (i % 5) {
        case 0: // a reset anywhere in the window but at its edge
            shot.flags = R | (i & 1 ? A : 0);
            shot.seq += off;
            break;
        case 1: // a reset just before it
            shot.flags = R;
            shot.seq -= off;
            break;
        case 2: // a SYN, anywhere
            shot.flags = S;
            shot.seq += off - 100000;
            break;
        case 3: // data at the very edge, acknowledging what was never sent, or what was long ago
            shot.bytes = 10;
            shot.flags = A | P;
            shot.ack += i & 1 ? off : 0x80000000u + off;
            break;
        case 4: // a FIN before the window
            shot.flags = F | A;
            shot.seq -= 1 + off;
            break;
        }
        shoot(&shot);
        kit_pass(1000);
        ck_assert(friend_lives());
    }
    victim_exchange(100000, 20);
    // The one that is right ends it, as the standard has it.
    struct shot shot = as_friend();
    shot.flags = R;
    shoot(&shot);
    ck_assert(victim.friend_here->is_ended);
    ck_assert_int_eq(victim.friend_here->end, TCP_END_RESET);
    victim_close();
}

TEST(what_a_second_grants_in_challenges_is_bounded_and_no_friend_pays_for_it)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.challenge_acks = 100;
    victim_open(&params, NULL);
    victim_befriend(ENG_IP4);
    struct shot shot = as_friend();
    kit_pass(1000000 - kit_now_us % 1000000);
    uint64_t before = tcp_counters(victim.tcp[0])->challenge_acks;
    for (unsigned i = 0; i < 5000; i++) {
        shot.flags = R;
        shot.seq += 2;
        shoot(&shot);
    }
    uint64_t granted = tcp_counters(victim.tcp[0])->challenge_acks - before;
    ck_assert(granted >= 50 && granted <= 100);
    ck_assert_uint_eq(tcp_counters(victim.tcp[0])->challenge_acks_held + granted, 5000);
    victim_exchange(100000, 20);
    victim_close();
}

// ---- windows

// One who could take more and grants a byte at a time is made to wait; one who never had more gets what he grants, a segment for each
// of his own.
TEST(windows_of_one_byte_are_waited_out_and_never_answered_with_more_segments_than_came)
{
    for (unsigned never_more = 0; never_more < 2; never_more++) {
        victim_open(NULL, NULL);
        struct shot shot = {.from = stranger4(1), .from_port = 4000, .seq = 1000, .n_options = 4, .options = {2, 4, 5, 0xB4}};
        ck_assert(shoot_open(&shot, never_more ? 1 : 20000));
        victim_send(victim_find(&shot.from, 4000), 100000);
        kit_pass(100000);
        victim.heard = 0;
        for (unsigned i = 0; i < 1000; i++) {
            // Everything that came is acknowledged at once, and one byte more is granted.
            shot.ack = victim.last.seq + victim.last.bytes;
            shot.window = 1;
            shoot(&shot);
            kit_pass(10000);
        }
        printf("windows of one byte: %u segments in 10 s\n", victim.heard);
        // In ten seconds one for each override time of 200 ms.
        ck_assert_uint_ge(victim.heard, 5);
        ck_assert_uint_le(victim.heard, never_more ? 1000 : 55);
        victim_close();
    }
}

TEST(a_peer_that_asks_for_segments_of_one_byte_gets_64)
{
    victim_open(NULL, NULL);
    struct shot shot = {.from = stranger4(1), .from_port = 4000, .seq = 1000, .n_options = 4, .options = {2, 4, 0, 1}};
    ck_assert(shoot_open(&shot, 60000));
    victim.heard = 0;
    victim.heard_bytes = 0;
    victim_send(victim_find(&shot.from, 4000), 6400);
    for (unsigned i = 0; i < 100; i++) {
        shot.ack = victim.last.seq + victim.last.bytes;
        shoot(&shot);
    }
    ck_assert_uint_le(victim.heard, 105);
    ck_assert_uint_ge(victim.heard, 100);
    victim_close();
}

// Connections whose peers never open the window [RFC 4732, "sockstress"]: each is a record and a probe now and then, not buffers.
TEST_TIMEOUT(60, a_thousand_peers_that_never_open_their_window_cost_a_record_each_and_few_probes)
{
    victim_open(NULL, NULL);
    size_t before = victim_memory();
    for (uint32_t i = 0; i < 1000; i++) {
        struct shot shot = {.from = stranger4(i), .from_port = 4000, .seq = 1000 * i};
        ck_assert(shoot_open(&shot, 0));
        victim_send(victim.served, 60000); // of the client's memory, not a byte is copied
    }
    size_t each = (victim_memory() - before) / 1000;
    printf("zero windows: %zu bytes a connection\n", each);
    ck_assert_uint_le(each, 1536);
    victim.heard = 0;
    victim_befriend(ENG_IP4);
    for (unsigned minute = 0; minute < 10; minute++) {
        victim_exchange(20000, 30);
        kit_pass(60000000);
    }
    // Nobody answers a probe: after R2 they are gone, and what they took with them.
    printf("zero windows: %u probes in all\n", victim.heard);
    ck_assert_uint_le(victim.heard, 1000 * 12);
    kit_pass(1200000000);
    ck_assert_uint_eq(tcp_counters(victim.tcp[0])->connections, 1);
    victim_exchange(20000, 30);
    victim_close();
}

TEST(peers_that_answer_every_probe_of_a_closed_window_get_one_a_minute)
{
    victim_open(NULL, NULL);
    struct shot shot = {.from = stranger4(1), .from_port = 4000, .seq = 1000};
    ck_assert(shoot_open(&shot, 0));
    struct served *served = victim_find(&shot.from, 4000);
    victim_send(served, 60000);
    kit_pass(600000000 - 1);
    ck_assert(!served->is_ended || served->end == TCP_END_TIMED_OUT);
    victim_close();
    victim_open(NULL, NULL);
    ck_assert(shoot_open(&(struct shot){.from = stranger4(1), .from_port = 4000, .seq = 1000}, 0));
    served = victim.served;
    victim_send(served, 60000);
    shot = (struct shot){.from = stranger4(1), .from_port = 4000, .port = 80, .seq = 1001, .flags = A};
    for (unsigned second = 0; second < 3600; second++) {
        unsigned heard = victim.heard;
        kit_pass(1000000);
        shot.ack = served ? victim.last.seq : 0;
        if (victim.heard != heard)
            shoot(&shot);
    }
    // An hour: the connection lives, as the standard demands [RFC 9293 MUST-37], and the client may end it.
    ck_assert(!served->is_ended);
    ck_assert_uint_le(victim.heard, 80);
    struct eng_outbox outbox;
    eng_outbox_init(&outbox);
    tcp_abort(served->connection, kit_now_us, &outbox);
    while (outbox.count)
        net_output(kit[0].net, eng_outbox_pop(&outbox), kit_now_us, &kit[0].outbox);
    kit_pump();
    ck_assert_uint_eq(victim.last.flags & R, R);
    victim_close();
}

TEST(connections_max_is_a_bound_that_a_friend_who_is_in_does_not_notice)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.connections_max = 200;
    victim_open(&params, NULL);
    victim_befriend(ENG_IP4);
    for (uint32_t i = 0; i < 1000; i++) {
        struct shot shot = {.from = stranger4(i), .from_port = 4000, .seq = 1000 * i};
        shoot_open(&shot, 1000);
    }
    ck_assert_uint_eq(tcp_counters(victim.tcp[0])->connections, 200);
    victim_exchange(100000, 20);
    victim_close();
}

// ---- early bytes

TEST_TIMEOUT(60, early_bytes_are_bounded_for_each_connection_and_for_all)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.chunks_max = 300;
    params.early_chunks_max = 2000;
    victim_open(&params, NULL);
    victim_befriend(ENG_IP4);
    size_t before = victim_memory(), one = 0;
    for (uint32_t i = 0; i < 20; i++) {
        struct shot shot = {.from = stranger4(i), .from_port = 4000, .seq = 7, .n_options = 4, .options = {2, 4, 5, 0xB4}};
        ck_assert(shoot_open(&shot, 1000));
        shot.flags = A;
        for (uint32_t piece = 0; piece < 600; piece++) {
            shot.seq = 8 + 1 + 2 * piece * 50;
            shot.bytes = 50;
            shoot(&shot);
        }
        one = i ? one : victim_memory() - before;
    }
    printf("early bytes: %zu of one connection, %zu of twenty\n", one, victim_memory() - before);
    ck_assert_uint_le(one, 300 * 256 + 8192);                           // chunks_max runs, copied since they are small
    ck_assert_uint_le(victim_memory() - before, 2000 * 256 + 20 * 4096); // early_chunks_max of all of them
    ck_assert_uint_ge(tcp_counters(victim.tcp[0])->early_dropped, 1000);
    // What is in order needs none of that.
    victim_exchange(300000, 30);
    victim_close();
}

// ---- bytes that contradict each other

TEST(of_segments_that_contradict_each_other_what_was_in_order_first_stays)
{
    static uint8_t first[1000], other[1000];
    victim_open(NULL, NULL);
    victim.reads_nothing = true;
    struct shot shot = {.from = stranger4(1), .from_port = 4000, .seq = 0xFFFFFE00};
    ck_assert(shoot_open(&shot, 60000));
    uint32_t start = shot.seq;
    memset(first, 'A', sizeof first);
    memset(other, 'B', sizeof other);
    // Early bytes 200 to 600 of the first kind; early ones of the other over 100 to 700: what is kept stays.
    shot.seq = start + 200;
    shot.bytes = 400;
    shot.text = first;
    shoot(&shot);
    shot.seq = start + 100;
    shot.bytes = 600;
    shot.text = other;
    shoot(&shot);
    // Bytes 0 to 300 in order, of the other kind: they come before what was kept, of which the rest follows.
    shot.seq = start;
    shot.bytes = 300;
    shoot(&shot);
    // And once more over what is in order by now, and behind it.
    shot.text = first;
    shot.bytes = 1000;
    shoot(&shot);
    struct eng_span spans[16];
    struct served *served = victim_find(&shot.from, 4000);
    size_t n = tcp_receive_spans(served->connection, 0, spans, 16), at = 0;
    for (size_t i = 0; i < n; at += spans[i++].count)
        for (uint32_t b = 0; b < spans[i].count; b++)
            ck_assert_uint_eq(spans[i].bytes[b], at + b < 300 || (at + b >= 600 && at + b < 700) ? 'B' : 'A');
    ck_assert_uint_eq(at, 1000);
    victim_close();
}

// A segment cut so that its second fragment writes over the first one's ports and flags [RFC 1858, RFC 5722].
TEST(fragments_that_overlap_reach_TCP_in_no_order_and_over_neither_family)
{
    uint8_t frame[400], tcp[64];
    victim_open(NULL, NULL);
    for (unsigned is6 = 0; is6 < 2; is6++) {
        for (unsigned order = 0; order < 2; order++) {
            struct eng_address from = is6 ? stranger6(1) : stranger4(1), to = kit_parse(is6 ? "fd00::1" : "10.0.0.1");
            memset(tcp, 0, sizeof tcp);
            bytes_store_be16(tcp, 4000);
            bytes_store_be16(tcp + 2, 80);
            tcp[12] = 0x50;
            tcp[13] = S;
            uint64_t pseudo = is6 ? csum_pseudo6(from.bytes, to.bytes, 6, 40) : csum_pseudo4(from.bytes, to.bytes, 6, 40);
            uint16_t sum = csum_finish(csum_add(pseudo, tcp, 40));
            memcpy(tcp + 16, &sum, 2);
            // {from, count, more}: [0, 24) and [16, 40) overlap by eight bytes, the checksum among them.
            for (unsigned i = 0; i < 2; i++) {
                unsigned second = i ^ order, offset = second ? 16 : 0, more = !second;
                size_t at = kit_eth(frame, kit[0].link, kit[1].link, is6 ? 0x86DD : 0x0800);
                if (is6) {
                    at += kit_ip6(frame + at, &from, &to, 44, 8 + 24);
                    memcpy(frame + at, (uint8_t[8]){6, 0, 0, 0, 0, 0, 0, (uint8_t)order}, 8);
                    bytes_store_be16(frame + at + 2, (uint16_t)(offset | more));
                    at += 8;
                } else {
                    uint8_t *ip = frame + at;
                    at += kit_ip4(ip, &from, &to, 6, 24);
                    bytes_store_be16(ip + 4, (uint16_t)(77 + order));
                    bytes_store_be16(ip + 6, (uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
                    kit_ip4_sum(ip);
                }
                memcpy(frame + at, tcp + offset, 24);
                kit_inject(0, frame, at + 24);
                kit_pump();
            }
        }
    }
    ck_assert_uint_eq(tcp_counters(victim.tcp[0])->segments_in, 0);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_frag_overlap), 4);
    ck_assert_uint_eq(victim.n_served, 0);
    kit_pass(61000000);
    victim_close();
}

// ---- the wrap of numbers

TEST(numbers_wrap_in_both_directions_and_an_old_copy_from_before_is_refused_by_its_time)
{
    victim_open(NULL, NULL);
    // The victim's first number follows the clock, four microseconds each: wait until it is just below the wrap.
    struct shot shot = {.from = stranger4(1), .from_port = 4000, .seq = 0xFFFFFC00, .n_options = 12,
                        .options = {1, 1, 8, 10, 0, 0, 0, 50}};
    ck_assert(!victim.heard_syns);
    shot.port = 80;
    shot.flags = S;
    shoot(&shot);
    uint64_t away = (uint32_t)(0xFFFFF000u - victim.last.seq);
    shoot(&(struct shot){.from = shot.from, .from_port = 4000, .port = 80, .seq = shot.seq + 1, .flags = R});
    kit_pass(away * 4);
    ck_assert(victim.last.seq != 0);
    shoot(&shot);
    ck_assert_uint_ge(victim.last.seq, 0xFFFF0000u);
    uint32_t iss = victim.last.seq, irs = shot.seq;
    shot.flags = A;
    shot.seq++;
    shot.ack = iss + 1;
    shot.window = 60000;
    shot.options[7] = 51;
    shoot(&shot);
    struct served *served = victim_find(&shot.from, 4000);
    ck_assert_ptr_nonnull(served);
    victim.reads_nothing = true;
    victim_send(served, 200000);
    // Each way goes over the wrap: the peer acknowledges what it hears and sends 300 bytes for each.
    for (unsigned i = 0; i < 400 && tcp_counters(victim.tcp[0])->bytes_in < 60000; i++) {
        shot.ack = victim.last.seq + victim.last.bytes;
        shot.options[7] = (uint8_t)(52 + i / 4);
        shot.bytes = 300;
        shoot(&shot);
        shot.seq += 300;
        kit_pass(1000);
    }
    ck_assert_uint_lt(shot.seq, irs);           // both have wrapped
    ck_assert_uint_lt(victim.last.seq, iss);
    uint64_t in = tcp_counters(victim.tcp[0])->bytes_in;
    ck_assert_uint_eq(in, shot.seq - irs - 1);
    // A copy of four gigabytes ago would be at RCV.NXT now; only its timestamp tells.
    shot.options[7] = 50;
    shoot(&shot);
    ck_assert_uint_eq(tcp_counters(victim.tcp[0])->bytes_in, in);
    ck_assert_uint_ge(tcp_counters(victim.tcp[0])->dropped_paws, 1);
    victim_close();
}

// ---- ICMP

static void
too_big(uint32_t seq, unsigned mtu, unsigned type, unsigned code)
{
    uint8_t frame[14 + 20 + 8 + 28] = {0};
    struct eng_address router = stranger4(99), us = kit_parse("10.0.0.1"), to = victim.friend_address;
    size_t at = kit_eth(frame, kit[0].link, kit[1].link, 0x0800);
    at += kit_ip4(frame + at, &router, &us, 1, 36);
    uint8_t *icmp = frame + at;
    icmp[0] = (uint8_t)type;
    icmp[1] = (uint8_t)code;
    bytes_store_be16(icmp + 6, (uint16_t)mtu);
    kit_ip4(icmp + 8, &us, &to, 6, 1480);
    bytes_store_be16(icmp + 28, 80);
    bytes_store_be16(icmp + 30, victim.friend_port);
    bytes_store_be32(icmp + 32, seq);
    uint16_t sum = csum_of(icmp, 36);
    memcpy(icmp + 2, &sum, 2);
    kit_inject(0, frame, sizeof frame);
    kit_pump();
}

TEST(ICMP_about_numbers_that_are_not_in_flight_changes_no_MTU_and_ends_nothing)
{
    struct tcp_info info;
    victim_open(NULL, NULL);
    victim_befriend(ENG_IP4);
    victim_exchange(100000, 20);
    prng_seed(&prng, 4);
    size_t before = victim_memory();
    for (unsigned i = 0; i < 10000; i++) {
        static const uint8_t kinds[][2] = {{3, 4}, {3, 1}, {3, 3}, {3, 2}, {11, 0}, {12, 0}, {4, 0}, {3, 13}};
        too_big(draw(UINT32_MAX), 68 + draw(1500), kinds[i % 8][0], kinds[i % 8][1]);
        ck_assert(friend_lives());
    }
    tcp_info(victim.friend_here->connection, &info);
    ck_assert_uint_eq(info.mtu_bytes, 1500);
    ck_assert_uint_le(victim_memory(), before + 4096);
    victim_exchange(100000, 20);
    victim_close();
}

static bool
lost(struct kit_frame *frame)
{
    return false;
}

TEST(ICMP_that_guessed_right_takes_an_MTU_to_552_and_no_lower_and_ends_nothing)
{
    struct tcp_info info;
    struct tcp_record record;
    victim_open(NULL, NULL);
    victim_befriend(ENG_IP4);
    kit_on_frame = lost; // what is in flight stays there
    victim_send(victim.friend_here, 5000);
    for (unsigned mtu = 1400; mtu < 2000; mtu--) {
        tcp_query(victim.friend_here->connection, kit_now_us, &record);
        too_big(record.delegated.snd_una, mtu, 3, mtu & 1 ? 4 : 3);
        ck_assert(friend_lives());
    }
    tcp_info(victim.friend_here->connection, &info);
    ck_assert_uint_eq(info.mtu_bytes, 552);
    ck_assert(friend_lives());
    victim_close();
}

// ---- caches below

TEST_TIMEOUT(60, ARP_and_ND_floods_leave_256_neighbours_and_the_friends_connection_exact)
{
    struct net_settings settings = {.neighbours_max = 256};
    victim_open(NULL, &settings);
    victim_befriend(ENG_IP4);
    victim_exchange(50000, 20);
    size_t before = victim_memory();
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t frame[128] = {0}, link[6] = {2, 9, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};
        struct eng_address us4 = kit_parse("10.0.0.1"), us6 = kit_parse("fd00::1");
        if (i & 1) {
            size_t at = kit_eth(frame, kit[0].link, link, 0x0806);
            memcpy(frame + at, (uint8_t[8]){0, 1, 8, 0, 6, 4, 0, 1}, 8);
            memcpy(frame + at + 8, link, 6);
            memcpy(frame + at + 14, (uint8_t[4]){10, 0, 0, (uint8_t)(3 + i % 250)}, 4);
            memcpy(frame + at + 24, us4.bytes, 4);
            kit_inject(0, frame, at + 28);
        } else {
            struct eng_address from = kit_parse("fd00::");
            bytes_store_be32(from.bytes + 12, 0x10000 + i);
            size_t at = kit_eth(frame, kit[0].link, link, 0x86DD);
            uint8_t *ip = frame + at;
            at += kit_ip6(ip, &from, &us6, 58, 32);
            frame[at] = 135;
            memcpy(frame + at + 8, us6.bytes, 16);
            memcpy(frame + at + 24, (uint8_t[2]){1, 1}, 2);
            memcpy(frame + at + 26, link, 6);
            kit_icmp6_sum(ip, frame + at, 32);
            kit_inject(0, frame, at + 32);
        }
        kit_pump();
    }
    printf("neighbours: %zu bytes more after 20,000\n", victim_memory() - before);
    ck_assert_uint_le(victim_memory() - before, 256 * 512 + 65536);
    ck_assert_uint_gt(kit_count(0, NET_COUNT_neighbours_evicted), 1000);
    victim_exchange(200000, 30);
    victim_close();
}

TEST_TIMEOUT(60, SYNs_from_a_link_full_of_strangers_keep_few_answers_waiting_for_addresses)
{
    struct net_settings settings = {.neighbours_max = 256};
    struct tcp_params params;
    tcp_params_default(&params);
    params.half_open_cookies = 64;
    victim_open(&params, &settings);
    victim_befriend(ENG_IP6);
    size_t before = victim_memory(), most = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        struct eng_address from = kit_parse("fd00::");
        bytes_store_be32(from.bytes + 12, 0x10000 + i);
        shoot(&(struct shot){.from = from, .from_port = 4000, .port = 80, .seq = i, .flags = S, .window = 1000});
        most = victim_memory() - before > most ? victim_memory() - before : most;
    }
    printf("strangers on the link: %zu bytes\n", most);
    ck_assert_uint_le(most, 1 << 20);
    victim_exchange(200000, 30);
    kit_pass(60000000);
    victim_exchange(200000, 30);
    victim_close();
}

// ---- what leaves, and what nobody asked for

TEST(every_kind_of_segment_has_a_right_checksum_over_both_families)
{
    victim_open(NULL, NULL);
    for (unsigned is6 = 0; is6 < 2; is6++) {
        struct eng_outbox outbox;
        eng_outbox_init(&outbox);
        struct eng_address from = is6 ? stranger6(1) : stranger4(1);
        unsigned checked = victim.checked;
        victim.kinds = 0;
        victim_befriend(is6 ? ENG_IP6 : ENG_IP4); // SYN, SYN-ACK, ACK
        victim_exchange(20000, 10);               // data
        shoot(&(struct shot){.from = from, .from_port = 9, .port = 81, .flags = S, .seq = 5}); // RST-ACK
        shoot(&(struct shot){.from = from, .from_port = 9, .port = 81, .flags = A, .seq = 5}); // RST
        ck_assert_int_eq(tcp_shutdown(victim.friend, kit_now_us, &outbox), 0);                 // FIN
        while (outbox.count)
            net_output(kit[1].net, eng_outbox_pop(&outbox), kit_now_us, &kit[1].outbox);
        kit_pass(10000);
        static const unsigned kinds[] = {S, S | A, A, A | P, R | A, R, F | A};
        for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            ck_assert_msg(victim.kinds & 1u << kinds[i], "no segment with flags 0x%x was sent", kinds[i]);
        ck_assert_uint_gt(victim.checked, checked + 20);
        ck_assert_uint_eq(victim.mss_seen[is6], 1);
        tcp_abort(victim.friend, kit_now_us, &outbox);
        while (outbox.count)
            net_output(kit[1].net, eng_outbox_pop(&outbox), kit_now_us, &kit[1].outbox);
        kit_pass(100000);
    }
    victim_close();
}

TEST(options_that_need_padding_are_padded_with_zeros_or_no_operations)
{
    victim_open(NULL, NULL);
    victim_befriend(ENG_IP4);
    ck_assert_uint_ge(victim.padded, 2); // segment_check has looked at each of them
    victim_close();
}

TEST(a_SYN_under_unknown_IP_options_is_served_like_any_other)
{
    // An option that nobody knows (0x9E is experimental), no-operations, and one more of a single byte that ends the list.
    static const uint8_t options[8] = {0x9E, 6, 1, 2, 3, 4, 1, 0};
    victim_open(NULL, NULL);
    struct shot shot = {.from = stranger4(1), .from_port = 4000, .seq = 9, .n_ip_options = 8};
    memcpy(shot.ip_options, options, 8);
    ck_assert(shoot_open(&shot, 1000));
    victim_close();
}
