// SPDX-License-Identifier: MIT
// Where packets go: longest prefixes, gateways that do not answer, the strong host, source addresses by the examples of RFC 6724,
// path MTUs that are learnt and forgotten, redirects by policy, and super-segments cut in software.
#include "kit.h"

static void
open_one(const struct net_settings *net_settings)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .no_router_discovery = true};
    kit_open(1, &settings, net_settings);
}

static int
add_route(const char *prefix, unsigned bits, const char *gateway, unsigned metric)
{
    struct net_route route = {.prefix = kit_parse(prefix), .prefix_bits = (uint8_t)bits, .gateway = kit_parse(gateway),
                              .interface_index = kit[0].index, .metric = metric};
    return net_route_add(kit[0].net, &route);
}

// The neighbour that a datagram to this address asks for, in the last question that left.
static struct eng_address
asked_for(const char *destination)
{
    struct net_udp *udp = kit_udp(0, strchr(destination, ':') ? "::" : "0.0.0.0", 0);
    struct eng_address remote = kit_parse(destination), target = {0};
    kit_forget();
    kit_send_udp(0, udp, &remote, 9, "x", 1);
    for (unsigned i = 0; i < kit_n_frames; i++) {
        const uint8_t *frame = kit_frames[i].bytes;
        if (bytes_load_be16(frame + 12) == 0x0806)
            target = eng_address4(frame + 14 + 24);
        else if (frame[20] == 58 && frame[54] == 135)
            target = eng_address6(frame + 54 + 8);
    }
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    return target;
}

TEST(the_longest_prefix_wins_then_the_metric)
{
    open_one(NULL);
    kit_address(0, "10.0.0.1", 24);
    ck_assert_int_eq(add_route("0.0.0.0", 0, "10.0.0.2", 10), 0);
    ck_assert_int_eq(add_route("0.0.0.0", 0, "10.0.0.3", 5), 0);
    ck_assert_int_eq(add_route("172.16.0.0", 12, "10.0.0.4", 99), 0);
    ck_assert_int_eq(add_route("172.16.5.0", 24, "10.0.0.5", 99), 0);
    ck_assert_int_eq(add_route("172.16.5.7", 32, "0.0.0.0", 99), 0);
    ck_assert_int_eq(add_route("0.0.0.0", 0, "10.0.0.3", 5), -EEXIST);
    ck_assert_int_eq(add_route("172.16.5.1", 24, "10.0.0.5", 0), -EINVAL); // bits past the prefix
    ck_assert_int_eq(add_route("0.0.0.0", 0, "224.0.0.1", 0), -EINVAL);
    static const char *const cases[][2] = {{"8.8.8.8", "10.0.0.3"}, {"172.17.0.1", "10.0.0.4"}, {"172.16.5.1", "10.0.0.5"},
                                           {"172.16.5.7", "172.16.5.7"}, {"10.0.0.99", "10.0.0.99"}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct eng_address asked = asked_for(cases[i][0]), expected = kit_parse(cases[i][1]);
        ck_assert(eng_address_is_equal(&asked, &expected));
        kit_pass(5000000);
    }
    kit_close();
}

TEST(a_gateway_that_does_not_answer_is_left_for_another_one)
{
    open_one(NULL);
    kit_address(0, "10.0.0.1", 24);
    add_route("0.0.0.0", 0, "10.0.0.2", 5);
    add_route("0.0.0.0", 0, "10.0.0.3", 10);
    struct eng_address better = kit_parse("10.0.0.2"), worse = kit_parse("10.0.0.3"), asked = asked_for("8.8.8.8");
    ck_assert(eng_address_is_equal(&asked, &better));
    kit_pass(5000000);
    asked = asked_for("8.8.8.8");
    ck_assert(eng_address_is_equal(&asked, &worse));
    kit_pass(5000000);
    kit_pass(61000000);
    asked = asked_for("8.8.8.9");
    ck_assert(eng_address_is_equal(&asked, &better)); // it may be back
    kit_pass(5000000);
    kit_close();
}

TEST(without_a_route_or_with_a_foreign_source_nothing_is_sent)
{
    open_one(NULL);
    kit_address(0, "10.0.0.1", 24);
    struct net_path path = {.destination = kit_parse("8.8.8.8")};
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), -ENETUNREACH);
    path = (struct net_path){.source = kit_parse("10.0.0.9"), .destination = kit_parse("10.0.0.2")};
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), -EADDRNOTAVAIL);
    path = (struct net_path){.source = kit_parse("fd00::1"), .destination = kit_parse("10.0.0.2")};
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), -EINVAL);
    path = (struct net_path){.destination = kit_parse("0.0.0.0")};
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), -ENETUNREACH);
    kit_close();
}

TEST(a_strong_host_sends_by_the_interface_of_the_source_and_takes_nothing_by_another)
{
    uint8_t frame[128];
    open_one(NULL);
    kit_address(0, "10.0.0.1", 24);
    struct net_interface_settings settings = {.mtu_bytes = 1500, .link_address = {2, 0, 0, 0, 1, 1}, .no_router_discovery = true};
    int index = net_interface_add(kit[0].net, &settings);
    struct eng_address other = kit_parse("10.9.0.1");
    net_interface_up(kit[0].net, (uint32_t)index, true, kit_now_us, &kit[0].outbox);
    ck_assert_int_eq(net_address_add(kit[0].net, (uint32_t)index, &other, 24, kit_now_us, &kit[0].outbox), 0);
    add_route("0.0.0.0", 0, "10.0.0.2", 5);
    struct net_path path = {.source = other, .destination = kit_parse("8.8.8.8")};
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), -ENETUNREACH);
    path = (struct net_path){.source = other, .destination = kit_parse("10.9.0.2")};
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), 0);
    ck_assert_uint_eq(path.interface_index, (unsigned)index);
    size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", "10.9.0.1", 5, 1000, "x", 1);
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_in_wrong_destination), 1);
    struct eng_out *out;
    while ((out = eng_outbox_pop(&kit[0].outbox)))
        eng_out_put(&kit[0].pool, out);
    net_interface_remove(kit[0].net, (uint32_t)index, kit_now_us, &kit[0].outbox);
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &other), 0);
    kit_close();
}

// The examples of RFC 6724 10.1 that need no home address and no temporary one.
TEST(source_addresses_are_those_of_the_examples_of_rfc_6724)
{
    static const struct {
        const char *destination, *candidates[3];
        unsigned expected;
    } cases[] = {
        {"2001:db8:1::1", {"2001:db8:3::1", "fe80::1"}, 0},
        {"ff05::1", {"2001:db8:3::1", "fe80::1"}, 0},
        {"fe80::2", {"2001:db8:3::1", "fe80::1"}, 1},
        {"2001:db8:1::1", {"2001:db8:1::2", "2001:db8:3::2"}, 0},
        {"2001:db8:1::1", {"2001:db8:3::2", "2001:db8:1::2"}, 1},
        {"2002:c633:6401::1", {"2001:db8:1::2", "2002:c633:6401::d5e3:7953:13eb:22e8"}, 1},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_one(NULL);
        // The address that forms itself would be one candidate too many.
        struct net_address formed;
        for (size_t n = 0; net_address_at(kit[0].net, n, &formed);)
            if (formed.interface_index == kit[0].index)
                net_address_remove(kit[0].net, kit[0].index, &formed.address, kit_now_us, &kit[0].outbox);
            else
                n++;
        for (unsigned j = 0; j < 3 && cases[i].candidates[j]; j++)
            kit_address(0, cases[i].candidates[j], 64);
        add_route("::", 0, "fe80::99", 5);
        struct net_path path = {.destination = kit_parse(cases[i].destination), .interface_index = kit[0].index};
        ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), 0);
        struct eng_address expected = kit_parse(cases[i].candidates[cases[i].expected]);
        ck_assert(eng_address_is_equal(&path.source, &expected));
        kit_pass(5000000);
        kit_close();
    }
}

// ---- path MTU

// An ICMP error about the last datagram that the host sent, from `from`: the packet inside is ours, cut after 28 bytes.
static void
too_big(const char *from, const uint8_t *sent, uint16_t mtu_bytes)
{
    uint8_t frame[128];
    struct eng_address source = kit_parse(from), us = kit_parse("10.0.0.1");
    size_t at = kit_eth(frame, kit[0].link, (const uint8_t *)"\2\0\0\0\0\x99", 0x0800);
    at += kit_ip4(frame + at, &source, &us, 1, 8 + 28);
    uint8_t *message = frame + at;
    memcpy(message, (uint8_t[8]){3, 4, 0, 0, 0, 0, (uint8_t)(mtu_bytes >> 8), (uint8_t)mtu_bytes}, 8);
    memcpy(message + 8, sent, 28);
    uint16_t sum = csum_of(message, 36);
    memcpy(message + 2, &sum, 2);
    kit_inject(0, frame, at + 36);
}

TEST(a_path_mtu_is_learnt_from_an_error_about_our_own_packet_and_forgotten_in_ten_minutes)
{
    static uint8_t bytes[1472];
    uint8_t sent[28];
    struct net_interface_settings settings = {.mtu_bytes = 1500, .no_ip6 = true};
    kit_open(2, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(1, "10.0.0.2", 24);
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000), *to = kit_udp(1, "0.0.0.0", 2000);
    struct eng_address remote = kit_parse("10.0.0.2");
    kit_send_udp(0, udp, &remote, 2000, bytes, sizeof bytes);
    memcpy(sent, kit_frames[kit_n_frames - 1].bytes + 14, sizeof sent);
    struct net_path path = {.destination = remote};
    too_big("10.0.0.2", sent, 1500); // no smaller than what was sent: nonsense
    net_path_find(kit[0].net, &path, kit_now_us);
    ck_assert_uint_eq(path.mtu_bytes, 1500);
    sent[20] ^= 1; // a port that is not ours
    too_big("10.0.0.2", sent, 1200);
    net_path_find(kit[0].net, &path, kit_now_us);
    ck_assert_uint_eq(path.mtu_bytes, 1500);
    sent[20] ^= 1;
    too_big("10.0.0.2", sent, 1200);
    path = (struct net_path){.destination = remote};
    net_path_find(kit[0].net, &path, kit_now_us);
    ck_assert_uint_eq(path.mtu_bytes, 1200);
    ck_assert_uint_eq(kit[0].got[kit[0].n_got - 1].result.error.kind, NET_ERROR_TOO_BIG);
    kit_forget();
    kit_send_udp(0, udp, &remote, 2000, bytes, sizeof bytes); // now in fragments
    ck_assert_uint_eq(kit[1].got[0].count, sizeof bytes);
    ck_assert_uint_le(kit_frames[kit_n_frames - 1].count, 1214);
    too_big("10.0.0.2", sent, 0); // an old router: the next plateau below 1500
    path = (struct net_path){.destination = remote};
    net_path_find(kit[0].net, &path, kit_now_us);
    ck_assert_uint_eq(path.mtu_bytes, 1200); // 1492 is no news
    too_big("10.0.0.2", sent, 100); // narrower than anybody must be
    net_path_find(kit[0].net, &path, kit_now_us);
    ck_assert_uint_eq(path.mtu_bytes, 552);
    kit_pass(601000000);
    net_path_find(kit[0].net, &path, kit_now_us);
    ck_assert_uint_eq(path.mtu_bytes, 1500);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[1].net, to, kit_now_us, &kit[1].outbox);
    kit_close();
}

TEST(a_packet_that_must_not_be_cut_and_does_not_fit_is_refused)
{
    static uint8_t bytes[1473];
    open_one(NULL);
    kit_address(0, "10.0.0.1", 24);
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    struct eng_span span = {.bytes = bytes, .count = sizeof bytes};
    struct net_udp_send send = {.remote = kit_parse("10.0.0.2"), .port = 9, .spans = &span, .n_spans = 1, .dont_fragment = true};
    ck_assert_int_eq(net_udp_send(kit[0].net, udp, &send, kit_now_us, &kit[0].outbox), -EMSGSIZE);
    span.count--;
    ck_assert_int_eq(net_udp_send(kit[0].net, udp, &send, kit_now_us, &kit[0].outbox), 0);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_pass(5000000);
    kit_close();
}

// ---- redirects

static void
redirect(const char *from, const char *destination, const char *gateway)
{
    uint8_t frame[128] = {0};
    struct eng_address source = kit_parse(from), us = kit_parse("10.0.0.1"), there = kit_parse(destination), better = kit_parse(gateway);
    size_t at = kit_eth(frame, kit[0].link, (const uint8_t *)"\2\0\0\0\0\x99", 0x0800);
    at += kit_ip4(frame + at, &source, &us, 1, 36);
    uint8_t *message = frame + at;
    message[0] = 5;
    message[1] = 1;
    memcpy(message + 4, better.bytes, 4);
    kit_ip4(message + 8, &us, &there, 17, 8);
    uint16_t sum = csum_of(message, 36);
    memcpy(message + 2, &sum, 2);
    kit_inject(0, frame, at + 36);
}

TEST(a_redirect_is_followed_only_by_policy_from_the_gateway_in_use_and_to_a_neighbour)
{
    for (unsigned policy = 0; policy < 2; policy++) {
        struct net_settings net_settings = {.accepts_redirects = policy};
        struct net_route route;
        open_one(&net_settings);
        kit_address(0, "10.0.0.1", 24);
        add_route("0.0.0.0", 0, "10.0.0.2", 5);
        size_t before = 0, after = 0;
        while (net_route_at(kit[0].net, before, &route))
            before++;
        redirect("10.0.0.3", "8.8.8.8", "10.0.0.4");    // not the gateway
        redirect("10.0.0.2", "8.8.8.8", "10.5.0.4");    // not on the link
        redirect("10.0.0.2", "8.8.8.8", "10.0.0.1");    // us
        redirect("10.0.0.2", "8.8.8.8", "10.0.0.255");
        while (net_route_at(kit[0].net, after, &route))
            after++;
        ck_assert_uint_eq(after, before);
        redirect("10.0.0.2", "8.8.8.8", "10.0.0.4");
        struct eng_address asked = asked_for("8.8.8.8"), expected = kit_parse(policy ? "10.0.0.4" : "10.0.0.2");
        ck_assert(eng_address_is_equal(&asked, &expected));
        kit_pass(601000000);
        asked = asked_for("8.8.8.8");
        expected = kit_parse("10.0.0.2");
        ck_assert(eng_address_is_equal(&asked, &expected));
        kit_pass(5000000);
        kit_close();
    }
}

// ---- super-segments

static void
send_super(const char *source, const char *destination, const uint8_t *bytes, uint32_t count, uint16_t mss)
{
    struct eng_out *out = eng_out_get(&kit[0].pool);
    out->source = kit_parse(source);
    out->destination = kit_parse(destination);
    for (uint32_t at = 0; at < count; at += 4000) // in pages that do not end where segments do
        eng_out_add(out, &(struct eng_span){.bytes = bytes + at, .count = count - at < 4000 ? count - at : 4000});
    uint8_t *tcp = eng_out_push_head(out, 32);
    memcpy(tcp, (uint8_t[32]){0, 1, 0, 2, 0xFF, 0xFF, 0xF0, 0, 0, 0, 0, 9, 0x80, 0x80 | 0x18 | 0x01, 1, 1}, 32);
    uint16_t partial = csum_fold(out->source.family == ENG_IP4 ? csum_pseudo4(out->source.bytes, out->destination.bytes, 6, 0)
                                                               : csum_pseudo6(out->source.bytes, out->destination.bytes, 6, 0));
    memcpy(tcp + 16, &partial, 2);
    out->protocol = NET_TCP;
    out->l4_bytes = 32;
    out->l4_sum_offset = 16;
    out->mss_bytes = mss;
    out->flags = ENG_OUT_L4_SUM_PARTIAL | ENG_OUT_DONT_FRAGMENT;
    ck_assert_int_eq(net_output(kit[0].net, out, kit_now_us, &kit[0].outbox), 0);
    kit_pump();
}

static void
check_segments(const char *source, const char *destination, unsigned sizes_from)
{
    static uint8_t bytes[64000];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 11 + i / 250);
    static const uint32_t counts[] = {1, 1448, 1449, 2896, 5000, 64000};
    for (unsigned i = sizes_from; i < sizeof counts / sizeof counts[0]; i++) {
        kit_forget();
        send_super(source, destination, bytes, counts[i], 1400);
        unsigned at = 0, n = 0;
        for (unsigned j = 0; j < kit[1].n_got; j++) {
            const struct kit_got *got = &kit[1].got[j];
            const uint8_t *tcp = got->bytes;
            uint32_t data_bytes = got->count - 32;
            bool is_last = at + data_bytes == counts[i];
            ck_assert_uint_eq(got->result.verdict, NET_FOR_TCP);
            ck_assert_uint_eq(bytes_load_be32(tcp + 4), 0xFFFFF000u + at);
            ck_assert_mem_eq(tcp + 32, bytes + at, data_bytes);
            ck_assert_uint_eq(tcp[13], (n ? 0 : 0x80) | 0x10 | (is_last ? 0x09 : 0));
            uint64_t pseudo = got->result.in.source.family == ENG_IP4
                                  ? csum_pseudo4(got->result.in.source.bytes, got->result.in.destination.bytes, 6, (uint16_t)got->count)
                                  : csum_pseudo6(got->result.in.source.bytes, got->result.in.destination.bytes, 6, got->count);
            ck_assert_uint_eq(csum_finish(csum_add(pseudo, tcp, got->count)), 0);
            at += data_bytes;
            n++;
        }
        ck_assert_uint_eq(at, counts[i]);
        ck_assert_uint_eq(n, (counts[i] + 1399) / 1400);
    }
}

TEST(super_segments_are_cut_in_software_with_right_numbers_flags_and_sums)
{
    kit_open(2, NULL, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(1, "10.0.0.2", 24);
    kit_address(0, "fd00::1", 64);
    kit_address(1, "fd00::2", 64);
    kit_pass(3000000);
    check_segments("10.0.0.1", "10.0.0.2", 0);
    check_segments("fd00::1", "fd00::2", 0);
    kit_close();
}

static bool
keep_super(struct kit_frame *frame)
{
    return false;
}

TEST(a_super_segment_goes_whole_to_an_adapter_that_cuts_it_and_round_the_loop)
{
    static uint8_t bytes[60000];
    struct net_interface_settings settings = {.mtu_bytes = 1500, .offloads = NET_LSO4 | NET_SUM_TCP4, .no_ip6 = true};
    kit_open(2, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(1, "10.0.0.2", 24);
    kit_pass(3000000);
    kit_forget();
    send_super("10.0.0.1", "10.0.0.2", bytes, 100, 1400); // so that the neighbour is known
    kit_forget();
    kit_on_frame = keep_super;
    send_super("10.0.0.1", "10.0.0.2", bytes, 60000, 1400);
    ck_assert_uint_eq(kit_n_frames, 1);
    ck_assert_uint_eq(kit_frames[0].count, 14 + 20 + 32 + 60000);
    kit_on_frame = NULL;
    kit_forget();
    send_super("10.0.0.1", "10.0.0.1", bytes, 60000, 1400);
    ck_assert_uint_eq(kit[0].n_got, 1);
    ck_assert_uint_eq(kit[0].got[0].count, 32 + 60000);
    ck_assert_uint_eq(kit[0].got[0].result.in.coalesced, 43);
    ck_assert_uint_eq(kit[0].got[0].result.in.coalesced_mss, 1400);
    ck_assert(kit[0].got[0].result.in.flags & ENG_IN_L4_SUM_GOOD);
    kit_close();
}
