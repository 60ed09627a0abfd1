// SPDX-License-Identifier: MIT
// Groups: joined, reported in the version that the querier speaks, answered in time, left; delivered to those who joined and to
// nobody else; and the adapter's filter.
#include "kit.h"

static void
open_one(void)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .no_router_discovery = true};
    kit_open(1, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(0, "fd00::1", 64);
    kit_pass(5000000);
    kit_forget();
}

// Reports of a type that left: IGMP, or MLD behind its hop-by-hop header. *record: of the last version 3 or 2 report.
static unsigned
reports(unsigned type, unsigned *record)
{
    unsigned n = 0;
    for (unsigned i = 0; i < kit_n_frames; i++) {
        const uint8_t *ip = kit_frames[i].bytes + 14;
        const uint8_t *message = ip[0] >> 4 == 4 ? ip + 24 : ip + 48;
        if (ip[0] >> 4 == 4 ? ip[9] != 2 : ip[6] != 0)
            continue;
        ck_assert_uint_eq(ip[0] >> 4 == 4 ? ip[8] : ip[7], 1);
        if (message[0] != type)
            continue;
        n++;
        if (record)
            *record = message[8];
    }
    return n;
}

static void
igmp_query(const char *destination, const char *group, uint8_t code, size_t bytes, uint8_t ttl)
{
    uint8_t frame[64] = {0};
    struct eng_address source = kit_parse("10.0.0.2"), to = kit_parse(destination), about = kit_parse(group);
    const uint8_t link[6] = {1, 0, 0x5E, to.bytes[1] & 0x7F, to.bytes[2], to.bytes[3]};
    size_t at = kit_eth(frame, link, (const uint8_t *)"\2\0\0\0\0\x99", 0x0800);
    at += kit_ip4(frame + at, &source, &to, 2, bytes);
    frame[14 + 8] = ttl;
    kit_ip4_sum(frame + 14);
    uint8_t *message = frame + at;
    message[0] = 0x11;
    message[1] = code;
    memcpy(message + 4, about.bytes, 4);
    uint16_t sum = csum_of(message, bytes);
    memcpy(message + 2, &sum, 2);
    kit_inject(0, frame, at + bytes);
}

TEST(an_ip4_group_is_reported_twice_answered_when_asked_and_left_twice)
{
    unsigned record = 0;
    open_one();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    struct eng_address group = kit_parse("239.1.2.3");
    ck_assert_int_eq(net_udp_join(kit[0].net, udp, &group, kit[0].index, kit_now_us, &kit[0].outbox), 0);
    ck_assert_int_eq(net_udp_join(kit[0].net, udp, &group, kit[0].index, kit_now_us, &kit[0].outbox), -EEXIST);
    kit_pass(5000000);
    ck_assert_uint_eq(reports(0x22, &record), 2);
    ck_assert_uint_eq(record, 4); // to EXCLUDE of nothing
    kit_forget();
    igmp_query("224.0.0.1", "0.0.0.0", 20, 12, 1);
    kit_pass(2000000);
    ck_assert_uint_eq(reports(0x22, &record), 1);
    ck_assert_uint_eq(record, 2);
    kit_forget();
    igmp_query("224.0.0.1", "0.0.0.0", 20, 12, 2);  // has passed a router
    igmp_query("239.1.2.3", "0.0.0.0", 20, 12, 1);  // a general query to one group
    igmp_query("224.0.0.1", "0.0.0.0", 20, 11, 1);  // of no version
    kit_pass(30000000);
    ck_assert_uint_eq(kit_n_frames, 0);
    // An older querier: its own reports, and one leave.
    igmp_query("239.1.2.3", "239.1.2.3", 20, 8, 1);
    kit_pass(2000000);
    ck_assert_uint_eq(reports(0x16, NULL), 1);
    kit_forget();
    ck_assert_int_eq(net_udp_leave(kit[0].net, udp, &group, kit[0].index, kit_now_us, &kit[0].outbox), 0);
    kit_pass(5000000);
    ck_assert_uint_eq(reports(0x17, NULL), 1);
    kit_forget();
    kit_pass(300000000); // the older querier is forgotten
    net_udp_join(kit[0].net, udp, &group, kit[0].index, kit_now_us, &kit[0].outbox);
    kit_pass(5000000);
    kit_forget();
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox); // leaves
    kit_pass(5000000);
    ck_assert_uint_eq(reports(0x22, &record), 2);
    ck_assert_uint_eq(record, 3);
    kit_close();
}

static bool has_no_alert;

static void
mld_query(const char *destination, const char *group, uint16_t code, size_t bytes, uint8_t hop_limit)
{
    uint8_t frame[128] = {0};
    struct eng_address source = kit_parse("fe80::2"), to = kit_parse(destination), about = kit_parse(group);
    size_t at = kit_eth(frame, (uint8_t[6]){0x33, 0x33, to.bytes[12], to.bytes[13], to.bytes[14], to.bytes[15]},
                        (const uint8_t *)"\2\0\0\0\0\x99", 0x86DD);
    unsigned alert_bytes = has_no_alert ? 0 : 8;
    uint8_t *ip = frame + at, *message = ip + kit_ip6(ip, &source, &to, has_no_alert ? 58 : 0, alert_bytes + bytes) + alert_bytes;
    ip[7] = hop_limit;
    if (alert_bytes)
        memcpy(ip + 40, (uint8_t[8]){58, 0, 5, 2, 0, 0, 1, 0}, 8);
    message[0] = 130;
    bytes_store_be16(message + 4, code);
    memcpy(message + 8, about.bytes, 16);
    kit_icmp6_sum(ip, message, bytes);
    kit_inject(0, frame, at + 40 + alert_bytes + bytes);
}

TEST(an_ip6_group_is_reported_twice_answered_when_asked_and_left_twice)
{
    unsigned record = 0;
    open_one();
    struct net_udp *udp = kit_udp(0, "::", 1000);
    struct eng_address group = kit_parse("ff05::1234");
    ck_assert_int_eq(net_udp_join(kit[0].net, udp, &group, kit[0].index, kit_now_us, &kit[0].outbox), 0);
    kit_pass(5000000);
    ck_assert_uint_eq(reports(143, &record), 2);
    ck_assert_uint_eq(record, 4);
    kit_forget();
    mld_query("ff05::1234", "ff05::1234", 1000, 28, 1);
    kit_pass(2000000);
    ck_assert_uint_eq(reports(143, &record), 1);
    ck_assert_uint_eq(record, 2);
    kit_forget();
    mld_query("ff02::1", "::", 1000, 28, 2);
    mld_query("ff02::1", "::", 1000, 27, 1);
    has_no_alert = true;
    mld_query("ff02::1", "::", 1000, 28, 1);
    has_no_alert = false;
    kit_pass(30000000);
    ck_assert_uint_eq(kit_n_frames, 0);
    mld_query("ff02::1", "::", 1000, 24, 1); // the older version: of every group, the solicited-node ones too
    kit_pass(2000000);
    ck_assert_uint_ge(reports(131, NULL), 2);
    kit_forget();
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_pass(5000000);
    ck_assert_uint_eq(reports(132, NULL), 1);
    kit_close();
}

TEST(a_group_reaches_those_who_joined_it_on_that_interface_and_nobody_else)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .no_ip6 = true};
    kit_open(3, &settings, NULL);
    struct net_udp *udps[3], *stranger;
    struct eng_address group = kit_parse("239.1.2.3");
    for (unsigned i = 0; i < 3; i++) {
        char text[16] = "10.0.0.1";
        text[7] = (char)('1' + i);
        kit_address(i, text, 24);
        udps[i] = kit_udp(i, "0.0.0.0", 1000);
    }
    ck_assert_int_eq(net_udp_join(kit[0].net, udps[0], &group, kit[0].index, kit_now_us, &kit[0].outbox), 0);
    ck_assert_int_eq(net_udp_join(kit[1].net, udps[1], &group, 0, kit_now_us, &kit[1].outbox), 0);
    struct net_udp_settings shared = {.local = kit_parse("0.0.0.0"), .port = 2000, .is_shared = true};
    int error;
    stranger = net_udp_open(kit[1].net, &shared, &error);
    kit_pass(5000000);
    kit_forget();
    ck_assert_int_eq(kit_send_udp(0, udps[0], &group, 1000, "all", 3), 0);
    ck_assert_uint_eq(kit[0].n_got, 1); // our own copy
    ck_assert_uint_eq(kit[1].n_got, 1);
    ck_assert_uint_eq(kit[2].n_got, 0);
    ck_assert_uint_eq(kit_n_frames, 1);
    ck_assert_mem_eq(kit_frames[0].bytes, "\x01\x00\x5E\x01\x02\x03", 6);
    ck_assert_uint_eq(kit_frames[0].bytes[14 + 8], 1); // the hop limit of a group is one unless said otherwise
    kit_forget();
    struct eng_span span = {.bytes = (const uint8_t *)"x", .count = 1};
    struct net_udp_send send = {.remote = group, .port = 1000, .spans = &span, .n_spans = 1, .no_multicast_loop = true, .hop_limit = 9};
    ck_assert_int_eq(net_udp_send(kit[0].net, udps[0], &send, kit_now_us, &kit[0].outbox), 0);
    kit_pump();
    ck_assert_uint_eq(kit[0].n_got, 0);
    ck_assert_uint_eq(kit[1].n_got, 1);
    ck_assert_uint_eq(kit_frames[0].bytes[14 + 8], 9);
    kit_forget();
    kit_send_udp(0, udps[0], &group, 2000, "x", 1); // host 1 is a member, its endpoint of that port is not
    ck_assert_uint_eq(kit[1].n_got, 0);
    for (unsigned i = 0; i < 3; i++)
        net_udp_close(kit[i].net, udps[i], kit_now_us, &kit[i].outbox);
    net_udp_close(kit[1].net, stranger, kit_now_us, &kit[1].outbox);
    kit_pass(5000000);
    kit_close();
}

TEST(the_adapters_filter_follows_the_groups)
{
    uint8_t addresses[16][6];
    open_one();
    struct eng_address group = kit_parse("239.1.2.3"), twin = kit_parse("238.1.2.3");
    size_t before = net_interface_multicast(kit[0].net, kit[0].index, addresses, 16); // all hosts, all nodes, two solicited-node groups
    ck_assert_uint_eq(before, 4);
    net_group_join(kit[0].net, &group, kit[0].index, kit_now_us, &kit[0].outbox);
    net_group_join(kit[0].net, &twin, kit[0].index, kit_now_us, &kit[0].outbox); // the same link address
    net_group_join(kit[0].net, &group, kit[0].index, kit_now_us, &kit[0].outbox);
    ck_assert_uint_eq(net_interface_multicast(kit[0].net, kit[0].index, addresses, 16), before + 1);
    ck_assert_mem_eq(addresses[before], "\x01\x00\x5E\x01\x02\x03", 6);
    ck_assert_uint_eq(net_interface_multicast(kit[0].net, kit[0].index, addresses, 1), before + 1); // no room is no limit
    net_group_leave(kit[0].net, &group, kit[0].index, kit_now_us, &kit[0].outbox);
    net_group_leave(kit[0].net, &twin, kit[0].index, kit_now_us, &kit[0].outbox);
    ck_assert_uint_eq(net_interface_multicast(kit[0].net, kit[0].index, addresses, 16), before + 1);
    net_group_leave(kit[0].net, &group, kit[0].index, kit_now_us, &kit[0].outbox);
    ck_assert_uint_eq(net_interface_multicast(kit[0].net, kit[0].index, addresses, 16), before);
    ck_assert_int_eq(net_group_leave(kit[0].net, &group, kit[0].index, kit_now_us, &kit[0].outbox), -ENOENT);
    kit_pass(5000000);
    kit_close();
}

TEST(an_interface_that_goes_away_takes_memberships_addresses_and_routes_with_it)
{
    open_one();
    struct net_udp *udp = kit_udp(0, "0.0.0.0", 1000);
    struct eng_address group = kit_parse("239.1.2.3"), address = kit_parse("10.0.0.1");
    struct net_route route;
    ck_assert_int_eq(net_udp_join(kit[0].net, udp, &group, 0, kit_now_us, &kit[0].outbox), 0);
    ck_assert_int_eq(net_udp_leave(kit[0].net, udp, &group, 0, kit_now_us, &kit[0].outbox), 0); // wherever it was joined
    ck_assert_int_eq(net_udp_join(kit[0].net, udp, &group, kit[0].index, kit_now_us, &kit[0].outbox), 0);
    net_interface_remove(kit[0].net, kit[0].index, kit_now_us, &kit[0].outbox);
    ck_assert_int_eq(net_udp_leave(kit[0].net, udp, &group, kit[0].index, kit_now_us, &kit[0].outbox), -ENOENT);
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &address), 0);
    for (size_t i = 0; net_route_at(kit[0].net, i, &route); i++)
        ck_assert_uint_eq(route.interface_index, NET_LOOPBACK);
    // Another one takes its index, and none of its past.
    struct net_interface_settings settings = {.mtu_bytes = 1500, .link_address = {2, 0, 0, 0, 0, 1}, .no_ip6 = true};
    uint8_t addresses[8][6];
    ck_assert_int_eq(net_interface_add(kit[0].net, &settings), (int)kit[0].index);
    ck_assert_uint_eq(net_interface_multicast(kit[0].net, kit[0].index, addresses, 8), 1);
    net_interface_up(kit[0].net, kit[0].index, true, kit_now_us, &kit[0].outbox);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_pass(5000000);
    kit_close();
}
