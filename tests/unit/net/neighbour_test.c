// SPDX-License-Identifier: MIT
// The neighbour cache in time: states of RFC 4861 7.3 seen from the wire, confirmation from above, floods, conflicts over an address.
#include "kit.h"
#include <errno.h>
#include <stdio.h>

static struct net_udp *udp;
static struct eng_address second, first;

static void
open_pair(const char *network, const struct net_settings *net_settings)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500};
    bool is_ip6 = strchr(network, ':');
    char text[64];
    settings.no_ip6 = !is_ip6;
    kit_open(2, &settings, net_settings);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "%s%u", network, i + 1);
        kit_address(i, text, is_ip6 ? 64 : 24);
        *(i ? &second : &first) = kit_parse(text);
    }
    kit_pass(5000000);
    kit_forget();
    udp = kit_udp(0, is_ip6 ? "::" : "0.0.0.0", 1000);
    net_raw_open(kit[1].net, is_ip6 ? ENG_IP6 : ENG_IP4, NET_UDP);
}

static void
close_pair(void)
{
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

// Questions that host 0 asked: to the link's group or broadcast, and to the neighbour itself.
static void
questions(unsigned *to_all, unsigned *to_one)
{
    *to_all = *to_one = 0;
    for (unsigned i = 0; i < kit_n_frames; i++) {
        const uint8_t *frame = kit_frames[i].bytes;
        bool is_arp = bytes_load_be16(frame + 12) == 0x0806 && bytes_load_be16(frame + 20) == 1;
        bool is_nd = bytes_load_be16(frame + 12) == 0x86DD && frame[20] == 58 && frame[54] == 135;
        if (kit_frames[i].from == 0 && (is_arp || is_nd))
            ++*(frame[0] & 1 ? to_all : to_one);
    }
}

static bool
lose_answers(struct kit_frame *frame)
{
    return frame->from != 1;
}

static void
walk_states(const char *network)
{
    unsigned to_all, to_one;
    open_pair(network, NULL);
    kit_send_udp(0, udp, &second, 9, "x", 1); // INCOMPLETE -> REACHABLE
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all, 1);
    ck_assert_uint_eq(to_one, 0);
    kit_forget();
    kit_pass(60000000); // REACHABLE is over after 15 to 45 s
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all + to_one, 0); // nobody asks for what nobody uses
    kit_send_udp(0, udp, &second, 9, "x", 1); // STALE -> DELAY: sent at once
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all + to_one, 0);
    ck_assert_uint_ge(kit_n_frames, 1);
    kit_pass(4900000);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_one, 0);
    kit_pass(200000); // DELAY -> PROBE -> REACHABLE
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_one, 1);
    kit_forget();
    // Confirmed from above: no probe.
    kit_pass(60000000);
    kit_forget();
    kit_send_udp(0, udp, &second, 9, "x", 1);
    net_path_confirm(kit[0].net, &first, &second, kit_now_us);
    kit_pass(10000000);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all + to_one, 0);
    // It went away: three probes, then a question to all again.
    kit_pass(60000000);
    kit_forget();
    kit_on_frame = lose_answers;
    kit_send_udp(0, udp, &second, 9, "x", 1);
    kit_pass(9000000);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_one, 3);
    ck_assert_uint_eq(to_all, 0);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all, 1);
    kit_on_frame = NULL;
    kit_pass(5000000);
    close_pair();
}

TEST(an_ip4_neighbour_walks_through_the_states_of_rfc_4861)
{
    walk_states("10.0.0.");
}

static void
learn_link(const char *network)
{
    uint8_t link[6] = {0};
    open_pair(network, NULL);
    struct net_path path = {.destination = second}, own = {.destination = first};
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), 0);
    ck_assert_int_eq(net_path_link(kit[0].net, &path, link, kit_now_us), -EAGAIN);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    ck_assert_int_eq(net_path_link(kit[0].net, &path, link, kit_now_us), 0);
    unsigned last = kit_n_frames;
    while (kit_frames[--last].from != 0)
        ; // the datagram
    ck_assert_mem_eq(link, kit_frames[last].bytes, sizeof link);
    ck_assert_int_eq(net_path_find(kit[0].net, &own, kit_now_us), 0);
    ck_assert_int_eq(net_path_link(kit[0].net, &own, link, kit_now_us), -EINVAL); // nobody but us
    close_pair();
}

TEST(a_paths_link_address_is_known_once_its_neighbour_has_answered)
{
    learn_link("10.0.0.");
    learn_link("fd00::");
}

TEST(an_ip6_neighbour_walks_through_the_states_of_rfc_4861)
{
    walk_states("fd00::");
}

static size_t
arp(uint8_t *frame, unsigned operation, const uint8_t *sender_link, const char *sender, const char *target)
{
    struct eng_address from = kit_parse(sender), to = kit_parse(target);
    size_t at = kit_eth(frame, (const uint8_t *)"\xFF\xFF\xFF\xFF\xFF\xFF", sender_link, 0x0806);
    memset(frame + at, 0, 28);
    memcpy(frame + at, (uint8_t[8]){0, 1, 8, 0, 6, 4, 0, (uint8_t)operation}, 8);
    memcpy(frame + at + 8, sender_link, 6);
    memcpy(frame + at + 14, from.bytes, 4);
    memcpy(frame + at + 24, to.bytes, 4);
    return at + 28;
}

TEST(a_flood_of_neighbours_stays_in_bounds_and_does_not_push_out_one_in_use)
{
    struct net_settings settings = {.neighbours_max = 32};
    uint8_t frame[64];
    unsigned to_all, to_one;
    open_pair("10.0.0.", &settings);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    kit_forget();
    size_t before_bytes = kit[0].memory.taken_bytes;
    for (unsigned i = 0; i < 3000; i++) {
        char sender[32];
        snprintf(sender, sizeof sender, "10.0.0.%u", 3 + i % 250);
        kit_inject(0, frame, arp(frame, 1, (uint8_t[6]){2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}, sender, "10.0.0.1"));
        kit_pump();
        ck_assert_uint_lt(kit[0].memory.taken_bytes - before_bytes, 32 * 512 + 65536);
    }
    ck_assert_uint_gt(kit_count(0, NET_COUNT_neighbours_evicted), 100);
    kit_forget();
    kit_send_udp(0, udp, &second, 9, "x", 1);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all, 0);
    close_pair();
}

TEST(arp_that_makes_no_sense_or_comes_from_off_the_link_is_not_learnt)
{
    uint8_t frame[64], link[6] = {2, 1, 0, 0, 0, 7};
    open_pair("10.0.0.", NULL);
    uint64_t bad = kit_count(0, NET_COUNT_arp_bad), replies = kit_count(0, NET_COUNT_arp_replies);
    kit_inject(0, frame, arp(frame, 1, link, "10.1.0.9", "10.0.0.1"));          // off the link
    kit_inject(0, frame, arp(frame, 1, link, "224.0.0.9", "10.0.0.1"));
    kit_inject(0, frame, arp(frame, 1, link, "10.0.0.255", "10.0.0.1"));
    kit_inject(0, frame, arp(frame, 3, link, "10.0.0.9", "10.0.0.1"));
    kit_inject(0, frame, arp(frame, 1, (uint8_t[6]){1}, "10.0.0.9", "10.0.0.1")); // a group answers nobody
    size_t count = arp(frame, 1, link, "10.0.0.9", "10.0.0.1");
    frame[14 + 5] = 16;
    kit_inject(0, frame, count);
    for (size_t cut = 0; cut < count; cut++)
        kit_inject(0, frame, cut);
    ck_assert_uint_ge(kit_count(0, NET_COUNT_arp_bad), bad + 5);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_arp_replies), replies);
    kit_inject(0, frame, arp(frame, 1, link, "10.0.0.9", "10.0.0.1"));
    ck_assert_uint_eq(kit_count(0, NET_COUNT_arp_replies), replies + 1);
    close_pair();
}

TEST(a_reply_that_nobody_asked_for_does_not_confirm_a_neighbour)
{
    uint8_t frame[64];
    unsigned to_all, to_one;
    open_pair("10.0.0.", NULL);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    kit_forget();
    // Somebody says that the second host is elsewhere: it is tried there, and probed, because it is STALE.
    kit_inject(0, frame, arp(frame, 2, (uint8_t[6]){2, 1, 0, 0, 0, 7}, "10.0.0.2", "10.0.0.1"));
    kit_send_udp(0, udp, &second, 9, "x", 1);
    kit_pass(5100000);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_one, 1);
    kit_pass(5000000);
    close_pair();
}

TEST(a_conflict_over_our_address_is_told_and_defended_once_in_ten_seconds)
{
    uint8_t frame[64], link[6] = {2, 1, 0, 0, 0, 7};
    open_pair("10.0.0.", NULL);
    for (unsigned i = 0; i < 5; i++)
        kit_inject(0, frame, arp(frame, 1, link, "10.0.0.1", "10.0.0.1"));
    kit_pump();
    ck_assert_uint_eq(kit_n_frames, 1); // one announcement
    ck_assert_mem_eq(kit_frames[0].bytes + 28, "\x0A\0\0\1", 4);
    ck_assert_uint_eq(kit[0].n_events, 1);
    ck_assert_uint_eq(kit[0].events[0].kind, NET_EVENT_CONFLICT);
    ck_assert_mem_eq(kit[0].events[0].link_address, link, 6);
    kit_pass(10000001);
    kit_inject(0, frame, arp(frame, 1, link, "10.0.0.1", "10.0.0.1"));
    kit_pump();
    ck_assert_uint_eq(kit_n_frames, 2);
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &first), kit[0].index); // it stays ours
    close_pair();
}

TEST(an_ip4_address_is_probed_three_times_and_announced_twice_before_it_is_defended)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .probes4 = 3, .no_ip6 = true};
    kit_open(1, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    struct eng_address address = kit_parse("10.0.0.1");
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &address), 0);
    kit_pass(2900000); // PROBE_NUM - 1 intervals of at least a second, and the wait
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &address), 0);
    kit_pass(10000000);
    ck_assert_uint_ne(net_address_is_ours(kit[0].net, &address), 0);
    unsigned probes = 0, announcements = 0;
    for (unsigned i = 0; i < kit_n_frames; i++) {
        const uint8_t *bytes = kit_frames[i].bytes + 14;
        ck_assert_mem_eq(bytes + 24, "\x0A\0\0\1", 4);
        if (!memcmp(bytes + 14, "\0\0\0\0", 4)) {
            probes++;
            ck_assert_uint_eq(announcements, 0);
        } else {
            announcements++;
        }
    }
    ck_assert_uint_eq(probes, 3);
    ck_assert_uint_eq(announcements, 2);
    kit_close();
}

static void
flood_with_pings(unsigned neighbours)
{
    struct net_settings settings = {.neighbours_max = neighbours};
    uint8_t frame[128];
    unsigned to_all, to_one;
    open_pair("10.0.0.", &settings);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    for (unsigned i = 0; i < 5000; i++) {
        char source[32];
        snprintf(source, sizeof source, "10.0.0.%u", 3 + i % 250);
        struct eng_address from = kit_parse(source);
        size_t at = kit_eth(frame, kit[0].link, (const uint8_t *)"\2\1\0\0\0\7", 0x0800);
        at += kit_ip4(frame + at, &from, &first, 1, 8);
        memcpy(frame + at, (uint8_t[8]){8, 0, 0xF7, 0xFF}, 8);
        kit_inject(0, frame, at + 8);
        kit_pump();
        ck_assert_uint_le(kit[0].pool.in_use, 512);
        kit_forget();
    }
    ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_echoes), 5000);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all, 0);
    kit_pass(5000000);
    ck_assert_uint_eq(kit[0].pool.in_use, 0);
    close_pair();
}

TEST(pings_from_neighbours_that_do_not_exist_keep_few_packets_and_push_out_nobody)
{
    // Room for a few of them, then for all.
    for (unsigned neighbours = 64; neighbours <= 512; neighbours += 448)
        flood_with_pings(neighbours);
}

// An advertisement about the second host, with another link address.
static void
advertise(uint8_t flags, uint8_t last)
{
    uint8_t frame[128] = {0};
    size_t at = kit_eth(frame, kit[0].link, (const uint8_t *)"\2\0\0\0\0\x99", 0x86DD);
    uint8_t *ip = frame + at, *message = ip + kit_ip6(ip, &second, &first, 58, 32);
    message[0] = 136;
    message[4] = flags;
    memcpy(message + 8, second.bytes, 16);
    memcpy(message + 24, (uint8_t[8]){2, 1, 2, 0, 0, 0, 0, last}, 8);
    kit_icmp6_sum(ip, message, 32);
    kit_inject(0, frame, at + 72);
    kit_forget();
}

TEST(an_advertisement_changes_a_link_address_only_with_the_override_flag)
{
    unsigned to_all, to_one;
    open_pair("fd00::", NULL);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    advertise(0x40, 0x66); // another one, not overriding: doubt, not change [RFC 4861 7.2.5]
    kit_send_udp(0, udp, &second, 9, "x", 1);
    ck_assert_mem_eq(kit_frames[0].bytes, kit[1].link, 6);
    kit_pass(5100000);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_one, 1); // it was STALE, and is probed
    advertise(0x20, 0x67);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    ck_assert_uint_eq(kit_frames[0].bytes[5], 0x67);
    kit_pass(10000000);
    close_pair();
}

// ---- for one who sends without us

static uint8_t link_got[6];

static int
ask(const struct net_path *path, bool is_first)
{
    int error = net_path_ask(kit[0].net, path, is_first, link_got, kit_now_us, &kit[0].outbox);
    kit_pump();
    return error;
}

static void
ask_and_doubt(const char *network)
{
    unsigned to_all, to_one;
    open_pair(network, NULL);
    struct net_path path = {.destination = second}, own = {.destination = first};
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), 0);
    ck_assert_int_eq(net_path_find(kit[0].net, &own, kit_now_us), 0);
    ck_assert_int_eq(ask(&own, true), -EINVAL);
    uint64_t before = net_generation(kit[0].net);
    ck_assert_int_eq(ask(&path, true), -EAGAIN);
    ck_assert_int_eq(ask(&path, false), 0);   // the answer has come meanwhile
    ck_assert_uint_ne(net_generation(kit[0].net), before);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all, 1);
    ck_assert_mem_eq(link_got, kit[1].link, 6);
    // Known and fresh: nothing is asked. Doubted: it is, once, and answers.
    kit_forget();
    ck_assert_int_eq(ask(&path, true), 0);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all + to_one, 0);
    net_path_doubt(kit[0].net, &path, kit_now_us, &kit[0].outbox);
    kit_pump();
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all, 0);
    ck_assert_uint_eq(to_one, 1);
    // Not heard of for a while: asking for the path asks the neighbour, too.
    kit_pass(60000000);
    kit_forget();
    ck_assert_int_eq(ask(&path, true), 0);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_one, 1);
    // Gone: three questions after a doubt, and it is forgotten, which changes the generation.
    kit_on_frame = lose_answers;
    before = net_generation(kit[0].net);
    net_path_doubt(kit[0].net, &path, kit_now_us, &kit[0].outbox);
    kit_pass(5000000);
    ck_assert_uint_ne(net_generation(kit[0].net), before);
    ck_assert_int_eq(ask(&path, false), -EHOSTUNREACH);
    // Asked for anew: three questions to all, then it is given up; another doubt about it does nothing.
    kit_forget();
    ck_assert_int_eq(ask(&path, true), -EAGAIN);
    ck_assert_int_eq(ask(&path, true), -EAGAIN);
    net_path_doubt(kit[0].net, &path, kit_now_us, &kit[0].outbox);
    kit_pass(2500000);
    ck_assert_int_eq(ask(&path, false), -EAGAIN);
    kit_pass(1000000);
    ck_assert_int_eq(ask(&path, false), -EHOSTUNREACH);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all, 3);
    ck_assert_uint_eq(to_one, 0);
    kit_on_frame = NULL;
    close_pair();
}

TEST(a_paths_neighbour_is_asked_for_and_doubted_without_a_packet)
{
    ask_and_doubt("10.0.0.");
    ask_and_doubt("fd00::");
}

static struct net_next_hop
hop_of(const struct eng_address *destination)
{
    struct net_path path = {.destination = *destination};
    struct net_next_hop hop;
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), 0);
    ck_assert_int_eq(net_path_hop(kit[0].net, &path, &hop, kit_now_us), 0);
    return hop;
}

static void
learn_hop(const char *network)
{
    open_pair(network, NULL);
    struct net_path own = {.destination = first};
    struct net_next_hop hop = hop_of(&second);
    ck_assert(eng_address_is_equal(&hop.address, &second));
    ck_assert_uint_eq(hop.interface_index, kit[0].index);
    ck_assert(!hop.is_known);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    hop = hop_of(&second);
    ck_assert(hop.is_known && hop.is_reachable);
    ck_assert_uint_eq(hop.confirmed_us, kit_now_us);
    unsigned last = kit_n_frames;
    while (kit_frames[--last].from != 0)
        ; // the datagram
    ck_assert_mem_eq(hop.link_address, kit_frames[last].bytes, sizeof hop.link_address);
    ck_assert_int_eq(net_path_find(kit[0].net, &own, kit_now_us), 0);
    ck_assert_int_eq(net_path_hop(kit[0].net, &own, &hop, kit_now_us), -EINVAL); // nobody but us
    close_pair();
}

TEST(a_paths_next_hop_is_known_once_its_neighbour_has_answered)
{
    learn_hop("10.0.0.");
    learn_hop("fd00::");
}

static void
somebody_else_hears(const char *network)
{
    unsigned to_all, to_one;
    open_pair(network, NULL);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    uint64_t heard_us = kit_now_us;
    kit_pass(60000000);
    kit_forget();
    ck_assert(hop_of(&second).is_known && !hop_of(&second).is_reachable);
    // Too long ago, earlier than what is known, in the future: all of it says nothing.
    net_neighbour_confirm(kit[0].net, kit[0].index, &second, heard_us + 1, kit_now_us);
    ck_assert(!hop_of(&second).is_reachable);
    net_neighbour_confirm(kit[0].net, kit[0].index, &second, kit_now_us + 1, kit_now_us);
    ck_assert(!hop_of(&second).is_reachable);
    net_neighbour_confirm(kit[0].net, kit[0].index, &first, kit_now_us, kit_now_us); // nobody we know
    net_neighbour_confirm(kit[0].net, kit[0].index, &second, kit_now_us - 10000000, kit_now_us);
    ck_assert(hop_of(&second).is_reachable);
    ck_assert_uint_eq(hop_of(&second).confirmed_us, kit_now_us - 10000000);
    net_neighbour_confirm(kit[0].net, kit[0].index, &second, kit_now_us - 12000000, kit_now_us);
    ck_assert_uint_eq(hop_of(&second).confirmed_us, kit_now_us - 10000000);
    kit_pass(40000000); // it is as old as it was heard
    ck_assert(!hop_of(&second).is_reachable);
    questions(&to_all, &to_one);
    ck_assert_uint_eq(to_all + to_one, 0);
    close_pair();
}

TEST(a_neighbour_that_somebody_else_heard_is_reachable_since_then)
{
    somebody_else_hears("10.0.0.");
    somebody_else_hears("fd00::");
}

// An answer to a question that nobody asked, from another link address.
TEST(a_changed_link_address_is_another_generation)
{
    uint8_t frame[64] = {0}, mac[6] = {2, 9, 9, 9, 9, 9};
    open_pair("10.0.0.", NULL);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    uint64_t generation = net_generation(kit[0].net);
    size_t at = kit_eth(frame, kit[0].link, mac, 0x0806);
    memcpy(frame + at, "\0\1\x08\0\6\4\0\2", 8);
    memcpy(frame + at + 8, kit[1].link, 6);
    memcpy(frame + at + 14, second.bytes, 4);
    memcpy(frame + at + 18, kit[0].link, 6);
    memcpy(frame + at + 24, first.bytes, 4);
    kit_inject(0, frame, at + 28);
    ck_assert_uint_eq(net_generation(kit[0].net), generation); // what was known
    memcpy(frame + at + 8, mac, 6);
    kit_inject(0, frame, at + 28);
    ck_assert_uint_ne(net_generation(kit[0].net), generation);
    struct net_next_hop hop = hop_of(&second);
    ck_assert_mem_eq(hop.link_address, mac, 6);
    close_pair();
}
