// SPDX-License-Identifier: MIT
// UDP endpoints: which of several gets a datagram, which may share a port, ports that are chosen, sums, and ICMP limits.
#include "kit.h"

static void
open_pair(void)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .no_router_discovery = true};
    kit_open(2, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(0, "10.0.0.11", 24);
    kit_address(1, "10.0.0.2", 24);
    kit_pass(3000000);
    kit_forget();
}

static struct net_udp *
got_by(const char *destination, uint16_t from)
{
    uint8_t frame[128];
    size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", destination, from, 1000, "x", 1);
    kit_forget();
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit[0].n_got, 1);
    return kit[0].got[0].result.udp;
}

TEST(the_endpoint_that_says_most_about_a_datagram_gets_it)
{
    open_pair();
    struct net_udp_settings shared = {.local = kit_parse("0.0.0.0"), .port = 1000, .is_shared = true};
    int error;
    struct eng_address remote = kit_parse("10.0.0.2");
    struct net_udp *wild = net_udp_open(kit[0].net, &shared, &error);
    shared.local = kit_parse("10.0.0.11");
    struct net_udp *bound = net_udp_open(kit[0].net, &shared, &error);
    struct net_udp *connected = net_udp_open(kit[0].net, &shared, &error);
    ck_assert_int_eq(net_udp_connect(kit[0].net, connected, &remote, 77, kit_now_us), 0);
    ck_assert_ptr_eq(got_by("10.0.0.1", 77), wild);
    ck_assert_ptr_eq(got_by("10.0.0.11", 78), bound);
    ck_assert_ptr_eq(got_by("10.0.0.11", 77), connected);
    net_udp_connect(kit[0].net, connected, &remote, 0, kit_now_us); // no longer: the newer of two equals
    ck_assert_ptr_eq(got_by("10.0.0.11", 78), connected);
    net_udp_close(kit[0].net, wild, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[0].net, bound, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[0].net, connected, kit_now_us, &kit[0].outbox);
    kit_close();
}

TEST(a_port_is_shared_only_by_those_who_all_say_so)
{
    static const struct {
        const char *first, *second;
        bool is_first_shared, is_second_shared;
        int error;
    } cases[] = {
        {"0.0.0.0", "0.0.0.0", false, false, -EADDRINUSE}, {"0.0.0.0", "10.0.0.1", false, false, -EADDRINUSE},
        {"10.0.0.1", "10.0.0.1", true, false, -EADDRINUSE}, {"10.0.0.1", "10.0.0.1", true, true, 0},
        {"10.0.0.1", "10.0.0.11", false, false, 0}, {"0.0.0.0", "::", false, false, 0}, {"10.0.0.9", "0.0.0.0", false, false, 0},
    };
    open_pair();
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_udp_settings settings = {.local = kit_parse(cases[i].first), .port = 1000, .is_shared = cases[i].is_first_shared};
        int error;
        struct net_udp *first = net_udp_open(kit[0].net, &settings, &error);
        ck_assert_int_eq(error, strcmp(cases[i].first, "10.0.0.9") ? 0 : -EADDRNOTAVAIL);
        settings.local = kit_parse(cases[i].second);
        settings.is_shared = cases[i].is_second_shared;
        struct net_udp *second = net_udp_open(kit[0].net, &settings, &error);
        ck_assert_int_eq(error, cases[i].error);
        if (first)
            net_udp_close(kit[0].net, first, kit_now_us, &kit[0].outbox);
        if (second)
            net_udp_close(kit[0].net, second, kit_now_us, &kit[0].outbox);
    }
    kit_close();
}

TEST(chosen_ports_are_dynamic_all_different_and_not_in_order)
{
    open_pair();
    static struct net_udp *udps[2000];
    static bool is_taken[65536];
    unsigned in_order = 0;
    for (unsigned i = 0; i < 2000; i++) {
        udps[i] = kit_udp(0, "0.0.0.0", 0);
        unsigned port = net_udp_settings_of(udps[i])->port;
        ck_assert_uint_ge(port, 49152);
        ck_assert(!is_taken[port]);
        is_taken[port] = true;
        in_order += i && port == net_udp_settings_of(udps[i - 1])->port + 1u;
    }
    ck_assert_uint_lt(in_order, 100);
    for (unsigned i = 0; i < 2000; i++)
        net_udp_close(kit[0].net, udps[i], kit_now_us, &kit[0].outbox);
    kit_close();
}

TEST(sums_are_checked_and_their_absence_is_allowed_to_ip4_alone)
{
    uint8_t frame[128];
    open_pair();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000), *udp6 = kit_udp(0, "::", 1000);
    size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", "10.0.0.1", 5, 1000, "x", 1);
    frame[14 + 20 + 6] ^= 1;
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_udp_bad_sum), 1);
    kit_inject_flags(0, frame, count, ENG_IN_L4_SUM_GOOD); // the adapter says that it is right
    ck_assert_uint_eq(kit[0].n_got, 1);
    memset(frame + 14 + 20 + 6, 0, 2);
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit[0].n_got, 2);
    struct eng_address from = kit_parse("fd00::2"), to = kit_parse("fd00::1");
    kit_address(0, "fd00::1", 64);
    size_t at = kit_eth(frame, kit[0].link, kit[1].link, 0x86DD);
    at += kit_ip6(frame + at, &from, &to, 17, 9);
    memcpy(frame + at, (uint8_t[9]){0, 5, 1000 >> 8, 1000 & 0xFF, 0, 9, 0, 0, 'x'}, 9);
    kit_inject(0, frame, at + 9);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_udp_bad_sum), 2);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[0].net, udp6, kit_now_us, &kit[0].outbox);
    kit_pass(5000000);
    kit_close();
}

TEST(a_sum_that_comes_out_as_zero_is_sent_as_all_ones)
{
    open_pair();
    struct net_udp *udp = kit_udp(0, "10.0.0.1", 1000), *to = kit_udp(1, "0.0.0.0", 2000);
    struct eng_address remote = kit_parse("10.0.0.2");
    unsigned ones = 0;
    // One of the values of two bytes makes the sum come out as zero.
    for (unsigned value = 0; value < 65536 && !ones; value++) {
        uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
        kit_send_udp(0, udp, &remote, 2000, bytes, 2);
        const uint8_t *frame = kit_frames[kit_n_frames - 1].bytes;
        ck_assert_uint_ne(bytes_load_be16(frame + 14 + 20 + 6), 0);
        ones = bytes_load_be16(frame + 14 + 20 + 6) == 0xFFFF;
        ck_assert_uint_eq(kit[1].n_got, 1);
        kit_forget();
    }
    ck_assert_uint_eq(ones, 1);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[1].net, to, kit_now_us, &kit[1].outbox);
    kit_close();
}

TEST(lengths_that_lie_and_port_zero_are_refused_and_padding_is_cut_off)
{
    uint8_t frame[128] = {0};
    open_pair();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", "10.0.0.1", 5, 1000, "0123", 4);
    memset(frame + 40, 0, 2); // no sum
    kit_inject(0, frame, count + 14); // padded by the link
    ck_assert_uint_eq(kit[0].n_got, 1);
    ck_assert_uint_eq(kit[0].got[0].count, 4);
    bytes_store_be16(frame + 38, 11); // shorter than the packet: the rest is nobody's
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit[0].n_got, 2);
    ck_assert_uint_eq(kit[0].got[1].count, 3);
    static const uint16_t lengths[] = {0, 7, 13, 65535};
    for (unsigned i = 0; i < 4; i++) {
        bytes_store_be16(frame + 38, lengths[i]);
        kit_inject(0, frame, count);
        ck_assert_uint_eq(kit_count(0, NET_COUNT_udp_bad), i + 1);
    }
    bytes_store_be16(frame + 38, 12);
    bytes_store_be16(frame + 36, 0);
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_udp_bad), 5);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

TEST(errors_are_sent_at_a_bounded_rate_and_never_about_errors)
{
    uint8_t frame[128];
    open_pair();
    size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", "10.0.0.1", 5, 9, "x", 1);
    for (unsigned i = 0; i < 1000; i++)
        kit_inject(0, frame, count);
    kit_pump();
    ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_errors_out), 100);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_errors_limited), 900);
    kit_pass(500000);
    kit_forget();
    for (unsigned i = 0; i < 1000; i++)
        kit_inject(0, frame, count);
    kit_pump();
    ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_errors_out), 150);
    kit_pass(2000000);
    // An ICMP error with options that are wrong is not answered, an echo is.
    struct eng_address source = kit_parse("10.0.0.2"), us = kit_parse("10.0.0.1");
    for (unsigned type = 3; type <= 8; type += 5) {
        uint64_t before = kit_count(0, NET_COUNT_icmp_errors_out);
        size_t at = kit_eth(frame, kit[0].link, kit[1].link, 0x0800);
        kit_ip4(frame + at, &source, &us, 1, 4 + 8);
        frame[at] = 0x46;
        memcpy(frame + at + 20, (uint8_t[4]){7, 99, 4, 0}, 4);
        kit_ip4_sum(frame + at);
        memset(frame + at + 24, 0, 8);
        frame[at + 24] = (uint8_t)type;
        kit_inject(0, frame, at + 32);
        kit_pump();
        ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_errors_out), before + (type == 8));
    }
    kit_close();
}

TEST(memory_that_fails_at_any_place_loses_packets_and_nothing_else)
{
    static uint8_t bytes[5000];
    for (unsigned short_bytes = 0; short_bytes < 60000; short_bytes += 977) {
        open_pair();
        struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000), *to = kit_udp(1, "0.0.0.0", 2000);
        struct eng_address remote = kit_parse("10.0.0.2");
        for (unsigned i = 0; i < 2; i++)
            kit[i].memory.limit_bytes = kit[i].memory.taken_bytes + short_bytes;
        for (unsigned i = 0; i < 4; i++)
            kit_send_udp(0, udp, &remote, 2000, bytes, sizeof bytes);
        kit_pass(40000000);
        net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
        net_udp_close(kit[1].net, to, kit_now_us, &kit[1].outbox);
        kit_close();
    }
}

TEST(an_address_that_is_being_probed_may_be_bound_but_not_sent_from)
{
    const struct net_interface_settings settings = {.mtu_bytes = 1500, .probes4 = 3, .probes6 = 1};
    struct eng_address four = kit_parse("10.0.0.1"), six = kit_parse("fd00::1"), peer = kit_parse("10.0.0.2");
    kit_open(2, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(0, "fd00::1", 64);
    kit_address(1, "10.0.0.2", 24);
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &four), 0);
    ck_assert_uint_eq(net_address_is_known(kit[0].net, &four), kit[0].index);
    ck_assert_uint_eq(net_address_is_known(kit[0].net, &six), kit[0].index);
    ck_assert_uint_eq(net_address_is_known(kit[0].net, &peer), 0);
    struct net_udp *udp = kit_udp(0, "10.0.0.1", 1000), *udp6 = kit_udp(0, "fd00::1", 1000);
    ck_assert_int_eq(kit_send_udp(0, udp, &peer, 1000, "x", 1), -EADDRNOTAVAIL);
    kit_pass(UINT64_C(15000000));
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &four), kit[0].index);
    ck_assert_int_eq(kit_send_udp(0, udp, &peer, 1000, "x", 1), 0);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[0].net, udp6, kit_now_us, &kit[0].outbox);
    kit_close();
}
