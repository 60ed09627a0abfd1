// SPDX-License-Identifier: MIT
// IPv6 on a hub: addresses that form themselves, neighbours that are found, datagrams and echoes of every size, extension headers
// and their limits, and what only looks like a neighbour.
#include "kit.h"
#include <stdio.h>

static void
open_pair(void)
{
    kit_open(2, NULL, NULL);
    kit_address(0, "fd00::1", 64);
    kit_address(1, "fd00::2", 64);
    kit_pass(3000000);
    kit_forget();
}

static struct eng_address
link_local(unsigned host)
{
    struct net_address address;
    for (size_t i = 0; net_address_at(kit[host].net, i, &address); i++)
        if (address.interface_index == kit[host].index && address.address.family == ENG_IP6 &&
            eng_address_is_link_local(&address.address))
            return address.address;
    ck_abort_msg("no link-local address");
}

TEST(a_link_local_address_forms_itself_and_is_another_on_each_host)
{
    open_pair();
    struct eng_address first = link_local(0), second = link_local(1);
    ck_assert(!eng_address_is_equal(&first, &second));
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &first), kit[0].index);
    // Stable: the same secret and link address give the same one.
    kit_close();
    open_pair();
    struct eng_address again = link_local(0);
    ck_assert(eng_address_is_equal(&first, &again));
    kit_close();
}

TEST(ip6_datagrams_of_every_kind_of_size_arrive_whole)
{
    static const unsigned sizes[] = {0, 1, 1452, 1453, 1456, 9000, 65527};
    static uint8_t bytes[65528];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    for (unsigned mode = 0; mode < 4; mode++) {
        open_pair();
        kit_piece_bytes = mode & 1 ? 333 : 0;
        kit_no_owner = mode & 2;
        struct net_udp *from = kit_udp(0, "::", 1000), *to = kit_udp(1, "fd00::2", 2000);
        struct eng_address remote = kit_parse("fd00::2");
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            ck_assert_int_eq(kit_send_udp(0, from, &remote, 2000, bytes, sizes[i]), 0);
            ck_assert_uint_eq(kit[1].n_got, 1);
            ck_assert_uint_eq(kit[1].got[0].count, sizes[i]);
            ck_assert_mem_eq(kit[1].got[0].bytes, bytes, sizes[i]);
            kit_forget();
        }
        ck_assert_int_eq(kit_send_udp(0, from, &remote, 2000, bytes, 65528), -EMSGSIZE);
        net_udp_close(kit[0].net, from, kit_now_us, &kit[0].outbox);
        net_udp_close(kit[1].net, to, kit_now_us, &kit[1].outbox);
        kit_close();
    }
    kit_piece_bytes = 0;
    kit_no_owner = false;
}

static void
ping(unsigned from, const struct eng_address *destination, const uint8_t *bytes, size_t count)
{
    struct eng_out *out = eng_out_get(&kit[from].pool);
    struct net_path path = {.destination = *destination};
    if (eng_address_is_link_local(destination) || eng_address_is_multicast(destination))
        path.interface_index = kit[from].index;
    ck_assert_int_eq(net_path_find(kit[from].net, &path, kit_now_us), 0);
    uint8_t *head = eng_out_push_head(out, 8);
    memcpy(head, (uint8_t[8]){128, 0, 0, 0, 0x12, 0x34, 0, 1}, 8);
    eng_out_add(out, &(struct eng_span){.bytes = bytes, .count = (uint32_t)count});
    uint16_t partial = csum_fold(csum_pseudo6(path.source.bytes, destination->bytes, 58, (uint32_t)count + 8));
    memcpy(head + 2, &partial, 2);
    out->l4_bytes = 8;
    out->l4_sum_offset = 2;
    out->flags = ENG_OUT_L4_SUM_PARTIAL;
    out->protocol = NET_ICMP6;
    out->source = path.source;
    out->destination = *destination;
    out->interface_index = path.interface_index;
    ck_assert_int_eq(net_output(kit[from].net, out, kit_now_us, &kit[from].outbox), 0);
    kit_pump();
}

TEST(ip6_echoes_of_any_size_come_back_from_global_local_and_group_addresses)
{
    static uint8_t bytes[65500];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 253);
    open_pair();
    ck_assert_int_eq(net_raw_open(kit[0].net, ENG_IP6, NET_ICMP6), 0);
    struct eng_address to[3] = {kit_parse("fd00::2"), link_local(1), kit_parse("ff02::1")};
    for (unsigned i = 0; i < 3; i++)
        for (unsigned count = 0; count <= (i == 0 ? 65499u : 4000u); count += count < 3000 ? 197 : 8117) {
            ping(0, &to[i], bytes, count);
            unsigned replies = 0;
            for (unsigned j = 0; j < kit[0].n_got; j++)
                if (kit[0].got[j].bytes[0] == 129 && !(kit[0].got[j].result.in.flags & ENG_IN_LOOPBACK)) {
                    replies++;
                    ck_assert_uint_eq(kit[0].got[j].count, count + 8);
                    ck_assert_mem_eq(kit[0].got[j].bytes + 8, bytes, count);
                }
            ck_assert_uint_eq(replies, 1);
            kit_forget();
        }
    net_raw_close(kit[0].net, ENG_IP6, NET_ICMP6);
    kit_close();
}

TEST(an_address_that_somebody_has_is_a_duplicate_and_is_never_used)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .probes6 = 1, .probes4 = 3};
    kit_open(2, &settings, NULL);
    kit_address(0, "fd00::1", 64);
    kit_address(0, "10.0.0.1", 24);
    kit_pass(10000000);
    kit_forget();
    kit_address(1, "fd00::1", 64);
    kit_address(1, "10.0.0.1", 24);
    struct eng_address six = kit_parse("fd00::1"), four = kit_parse("10.0.0.1");
    ck_assert_uint_eq(net_address_is_ours(kit[1].net, &six), 0);
    kit_pass(10000000);
    ck_assert_uint_eq(net_address_is_ours(kit[1].net, &six), 0);
    ck_assert_uint_eq(net_address_is_ours(kit[1].net, &four), 0);
    ck_assert_uint_ne(net_address_is_ours(kit[0].net, &six), 0);
    ck_assert_uint_ne(net_address_is_ours(kit[0].net, &four), 0);
    unsigned conflicts = 0;
    for (unsigned i = 0; i < kit[1].n_events; i++)
        conflicts += kit[1].events[i].kind == NET_EVENT_CONFLICT;
    ck_assert_uint_eq(conflicts, 2);
    kit_close();
}

TEST(of_two_that_probe_the_same_address_at_the_same_time_one_at_most_uses_it)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .probes6 = 3, .probes4 = 3};
    kit_open(2, &settings, NULL);
    for (unsigned i = 0; i < 2; i++) {
        kit_address(i, "fd00::1", 64);
        kit_address(i, "10.0.0.1", 24);
    }
    kit_pass(20000000);
    struct eng_address six = kit_parse("fd00::1"), four = kit_parse("10.0.0.1");
    ck_assert_uint_le(!!net_address_is_ours(kit[0].net, &six) + !!net_address_is_ours(kit[1].net, &six), 1);
    ck_assert_uint_le(!!net_address_is_ours(kit[0].net, &four) + !!net_address_is_ours(kit[1].net, &four), 1);
    kit_close();
}

// ---- a router, by hand

static const uint8_t router_link[6] = {2, 0, 0, 0, 0, 0x99};

static size_t
advertisement(uint8_t *frame, const char *source, uint8_t hop_limit, uint16_t lifetime_s, const uint8_t *options, size_t bytes)
{
    struct eng_address from = kit_parse(source), all = kit_parse("ff02::1");
    size_t at = kit_eth(frame, (const uint8_t *)"\x33\x33\0\0\0\1", router_link, 0x86DD);
    uint8_t *ip = frame + at, *message = ip + kit_ip6(ip, &from, &all, 58, 16 + bytes);
    ip[7] = hop_limit;
    memset(message, 0, 16);
    message[0] = 134;
    bytes_store_be16(message + 6, lifetime_s);
    if (bytes)
        memcpy(message + 16, options, bytes);
    kit_icmp6_sum(ip, message, 16 + bytes);
    return at + 40 + 16 + bytes;
}

static size_t
prefix_option(uint8_t *option, const char *prefix, uint8_t flags, uint32_t valid_s, uint32_t preferred_s)
{
    struct eng_address address = kit_parse(prefix);
    memset(option, 0, 32);
    option[0] = 3;
    option[1] = 4;
    option[2] = 64;
    option[3] = flags;
    bytes_store_be32(option + 4, valid_s);
    bytes_store_be32(option + 8, preferred_s);
    memcpy(option + 16, address.bytes, 16);
    return 32;
}

static bool
find_prefix(unsigned host, const char *prefix, struct net_address *address)
{
    struct eng_address wanted = kit_parse(prefix);
    for (size_t i = 0; net_address_at(kit[host].net, i, address); i++)
        if (!memcmp(address->address.bytes, wanted.bytes, 8))
            return true;
    return false;
}

TEST(a_router_gives_prefix_address_route_mtu_and_takes_them_away_with_time)
{
    uint8_t frame[256], options[64];
    struct net_address address;
    kit_open(1, NULL, NULL);
    kit_pass(2000000);
    ck_assert_uint_gt(kit_n_frames, 0);
    size_t bytes = prefix_option(options, "2001:db8::", 0xC0, 10000, 5000);
    memcpy(options + bytes, (uint8_t[8]){5, 1, 0, 0, 0, 0, 1400 >> 8, 1400 & 0xFF}, 8);
    memcpy(options + bytes + 8, (uint8_t[8]){1, 1, 2, 0, 0, 0, 0, 0x99}, 8);
    kit_inject(0, frame, advertisement(frame, "fe80::99", 255, 1800, options, bytes + 16));
    kit_pass(2000000);
    ck_assert(find_prefix(0, "2001:db8::", &address));
    ck_assert_uint_eq(address.state, NET_ADDRESS_PREFERRED);
    ck_assert(address.is_automatic);
    struct net_path path = {.destination = kit_parse("2600::1")};
    ck_assert_int_eq(net_path_find(kit[0].net, &path, kit_now_us), 0);
    ck_assert_uint_eq(path.mtu_bytes, 1400);
    ck_assert(!path.is_on_link);
    ck_assert(eng_address_is_equal(&path.source, &address.address));
    struct net_path near_path = {.destination = kit_parse("2001:db8::77")};
    ck_assert_int_eq(net_path_find(kit[0].net, &near_path, kit_now_us), 0);
    ck_assert(near_path.is_on_link);
    kit_pass(1800000000); // the router's lifetime
    struct net_path gone = {.destination = kit_parse("2600::1")};
    ck_assert_int_eq(net_path_find(kit[0].net, &gone, kit_now_us), -ENETUNREACH);
    kit_pass(3300000000); // 5,000 s are over
    ck_assert(find_prefix(0, "2001:db8::", &address));
    ck_assert_uint_eq(address.state, NET_ADDRESS_DEPRECATED);
    kit_pass(5000000000);
    ck_assert(!find_prefix(0, "2001:db8::", &address));
    kit_close();
}

TEST(advertisements_that_are_not_of_this_link_or_malformed_are_ignored)
{
    uint8_t frame[256], options[64];
    struct net_address address;
    kit_open(1, NULL, NULL);
    kit_pass(2000000);
    size_t bytes = prefix_option(options, "2001:db8::", 0xC0, 10000, 5000);
    uint64_t bad = kit_count(0, NET_COUNT_nd_bad);
    kit_inject(0, frame, advertisement(frame, "fe80::99", 254, 1800, options, bytes)); // has passed a router
    kit_inject(0, frame, advertisement(frame, "2001:db8::99", 255, 1800, options, bytes));
    options[1] = 0; // an option of no length
    kit_inject(0, frame, advertisement(frame, "fe80::99", 255, 1800, options, bytes));
    options[1] = 5; // past the end
    kit_inject(0, frame, advertisement(frame, "fe80::99", 255, 1800, options, bytes));
    ck_assert_uint_eq(kit_count(0, NET_COUNT_nd_bad), bad + 4);
    options[1] = 4;
    bytes_store_be32(options + 8, 20000); // preferred for longer than valid
    kit_inject(0, frame, advertisement(frame, "fe80::99", 255, 0, options, bytes));
    ck_assert(!find_prefix(0, "2001:db8::", &address));
    kit_close();
}

TEST(nobody_shortens_the_life_of_an_address_below_two_hours)
{
    uint8_t frame[256], options[64];
    struct net_address address;
    kit_open(1, NULL, NULL);
    kit_pass(2000000);
    size_t bytes = prefix_option(options, "2001:db8::", 0x40, 100000, 50000);
    kit_inject(0, frame, advertisement(frame, "fe80::99", 255, 1800, options, bytes));
    prefix_option(options, "2001:db8::", 0x40, 1, 1);
    kit_inject(0, frame, advertisement(frame, "fe80::66", 255, 1800, options, bytes));
    ck_assert(find_prefix(0, "2001:db8::", &address));
    ck_assert_uint_eq(address.valid_until_us - kit_now_us, UINT64_C(7200000000));
    kit_close();
}

TEST(routers_and_prefixes_are_kept_in_bounds)
{
    uint8_t frame[256], options[64];
    char text[64];
    struct net_route route;
    kit_open(1, NULL, NULL);
    kit_pass(2000000);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "2001:%x::", i + 1);
        size_t bytes = prefix_option(options, text, 0xC0, 10000, 5000);
        snprintf(text, sizeof text, "fe80::%x", i + 1);
        kit_inject(0, frame, advertisement(frame, text, 255, 1800, options, bytes));
    }
    size_t routes = 0;
    while (net_route_at(kit[0].net, routes, &route))
        routes++;
    ck_assert_uint_le(routes, 8 + 16 + 4);
    size_t addresses = 0;
    struct net_address address;
    while (net_address_at(kit[0].net, addresses, &address))
        addresses++;
    ck_assert_uint_le(addresses, 16 + 4);
    kit_close();
}

// ---- neighbours that are none

TEST(solicitations_and_advertisements_from_off_the_link_change_nothing)
{
    uint8_t frame[128] = {0};
    open_pair();
    struct net_udp *udp = kit_udp(0, "::", 1000);
    struct eng_address second = kit_parse("fd00::2"), first = kit_parse("fd00::1");
    kit_send_udp(0, udp, &second, 9, "x", 1);
    kit_forget();
    // An advertisement that would move fd00::2 elsewhere.
    size_t at = kit_eth(frame, kit[0].link, router_link, 0x86DD);
    uint8_t *ip = frame + at, *message = ip + kit_ip6(ip, &second, &first, 58, 32);
    memcpy(message, (uint8_t[8]){136, 0, 0, 0, 0x60}, 8);
    memcpy(message + 8, second.bytes, 16);
    memcpy(message + 24, (uint8_t[8]){2, 1, 2, 0, 0, 0, 0, 0x66}, 8);
    kit_icmp6_sum(ip, message, 32);
    ip[7] = 64;
    kit_inject(0, frame, at + 72);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    ck_assert_mem_eq(kit_frames[0].bytes, kit[1].link, 6);
    kit_forget();
    ip[7] = 255; // from the link it is believed, because nothing else can be
    kit_inject(0, frame, at + 72);
    kit_send_udp(0, udp, &second, 9, "x", 1);
    ck_assert_mem_eq(kit_frames[0].bytes, "\2\0\0\0\0\x66", 6);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

// ---- extension headers

// One packet to host 0 with this chain before a UDP datagram to port 1000. first: the chain's first header.
static size_t
chained(uint8_t *frame, uint8_t first, const uint8_t *chain, size_t chain_bytes)
{
    struct eng_address from = kit_parse("fd00::2"), to = kit_parse("fd00::1");
    size_t at = kit_eth(frame, kit[0].link, kit[1].link, 0x86DD);
    uint8_t *ip = frame + at, *udp = ip + kit_ip6(ip, &from, &to, first, chain_bytes + 9) + chain_bytes;
    if (chain_bytes)
        memcpy(ip + 40, chain, chain_bytes);
    memcpy(udp, (uint8_t[9]){0, 5, 1000 >> 8, 1000 & 0xFF, 0, 9, 0, 0, 'x'}, 9);
    uint16_t sum = csum_finish(csum_add(csum_pseudo6(ip + 8, ip + 24, 17, 9), udp, 9));
    memcpy(udp + 6, &sum, 2);
    return at + 40 + chain_bytes + 9;
}

// What host 0 does with it: 0 dropped in silence, 1 taken, else 0x1TTCCPP... the ICMPv6 type, code and pointer that it answers.
static unsigned
outcome(uint8_t first, const uint8_t *chain, size_t chain_bytes)
{
    uint8_t frame[2048];
    kit_forget();
    kit_inject(0, frame, chained(frame, first, chain, chain_bytes));
    kit_pump();
    if (kit[0].n_got)
        return 1;
    for (unsigned i = 0; i < kit_n_frames; i++) {
        const uint8_t *ip = kit_frames[i].bytes + 14;
        if (ip[6] == 58 && ip[40] < 128)
            return 0x1000000u | (unsigned)ip[40] << 16 | (unsigned)ip[41] << 8 | ip[47];
    }
    return 0;
}

TEST(extension_headers_are_followed_and_bad_ones_answered_as_the_rfc_says)
{
    open_pair();
    struct net_udp *udp = kit_udp(0, "::", 1000);
    // Hop-by-hop with padding; then a router alert; then an unknown option of each action.
    ck_assert_uint_eq(outcome(0, (uint8_t[8]){17, 0, 1, 4}, 8), 1);
    ck_assert_uint_eq(outcome(0, (uint8_t[8]){17, 0, 5, 2, 0, 0, 1, 0}, 8), 1);
    ck_assert_uint_eq(outcome(0, (uint8_t[8]){17, 0, 0x1E, 4}, 8), 1);
    ck_assert_uint_eq(outcome(0, (uint8_t[8]){17, 0, 0x5E, 4}, 8), 0);
    ck_assert_uint_eq(outcome(0, (uint8_t[8]){17, 0, 0x9E, 4}, 8), 0x1040200u | 42);
    ck_assert_uint_eq(outcome(60, (uint8_t[8]){17, 0, 0, 0, 0xDE, 2}, 8), 0x1040200u | 44);
    ck_assert_uint_eq(outcome(60, (uint8_t[8]){17, 0, 0x1E, 9}, 8), 0);           // past the header
    ck_assert_uint_eq(outcome(60, (uint8_t[8]){17, 0, 1, 4, 0, 9}, 8), 0);        // padding that carries something
    ck_assert_uint_eq(outcome(60, (uint8_t[8]){17, 200, 1, 4}, 8), 0);            // past the packet
    // A bomb of options.
    uint8_t many[40] = {17, 4};
    for (unsigned i = 2; i < 38; i += 2)
        many[i] = 0x1E;
    ck_assert_uint_eq(outcome(60, many, sizeof many), 0);
    // Hop-by-hop that is not the first.
    ck_assert_uint_eq(outcome(60, (uint8_t[16]){0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4}, 16), 0x1040100u | 40);
    // Routing: nothing left is passed by, type 0 with something left is refused.
    ck_assert_uint_eq(outcome(43, (uint8_t[8]){17, 0, 0, 0}, 8), 1);
    ck_assert_uint_eq(outcome(43, (uint8_t[24]){17, 2, 0, 1}, 24), 0x1040000u | 42);
    // An unknown next header.
    ck_assert_uint_eq(outcome(60, (uint8_t[8]){200, 0, 1, 4}, 8), 0x1040100u | 40);
    ck_assert_uint_eq(outcome(200, NULL, 0), 0x1040100u | 6);
    // Chains of eight pass, of nine do not.
    uint8_t chain[72];
    for (unsigned i = 0; i < 9; i++)
        memcpy(chain + 8 * i, (uint8_t[8]){60, 0, 1, 4}, 8);
    chain[56] = 17;
    ck_assert_uint_eq(outcome(60, chain, 64), 1);
    chain[56] = 60;
    chain[64] = 17;
    ck_assert_uint_eq(outcome(60, chain, 72), 0);
    // An atomic fragment is whole [RFC 6946]; a first fragment without its upper layer is refused [RFC 7112].
    ck_assert_uint_eq(outcome(44, (uint8_t[8]){17, 0, 0, 0, 1, 2, 3, 4}, 8), 1);
    ck_assert_uint_eq(outcome(44, (uint8_t[8]){60, 0, 0, 1, 1, 2, 3, 4}, 8), 0x1040300u);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

TEST(ip6_frames_cut_at_every_byte_and_bent_in_every_byte_are_survived)
{
    uint8_t frame[256], bent[256];
    open_pair();
    struct net_udp *udp = kit_udp(0, "::", 1000);
    const uint8_t chain[24] = {60, 0, 5, 2, 0, 0, 1, 0, 43, 0, 1, 4, 0, 0, 0, 0, 17, 0, 4};
    size_t count = chained(frame, 0, chain, sizeof chain);
    unsigned taken = 0;
    for (size_t cut = 0; cut <= count; cut++) {
        kit_inject(0, frame, cut);
        kit_pump();
        taken += kit[0].n_got;
        kit_forget();
    }
    ck_assert_uint_eq(taken, 1);
    for (size_t at = 0; at < count; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(bent, frame, count);
            bent[at] ^= (uint8_t)(1u << bit);
            kit_inject(0, bent, count);
            kit_pump();
            kit_forget();
        }
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_pass(100000000);
    kit_close();
}

TEST(nobody_who_has_no_address_is_answered_and_groups_only_where_the_rfc_says)
{
    uint8_t frame[128] = {0};
    static const struct {
        const char *source;
        uint8_t option;
        unsigned answers;
    } cases[] = {{"fd00::2", 0x9E, 1}, {"fd00::2", 0xDE, 0}, {"::", 0x9E, 0}};
    open_pair();
    for (unsigned i = 0; i < 3; i++) {
        struct eng_address from = kit_parse(cases[i].source), all = kit_parse("ff02::1");
        uint64_t before = kit_count(0, NET_COUNT_icmp_errors_out);
        size_t at = kit_eth(frame, (const uint8_t *)"\x33\x33\0\0\0\1", kit[1].link, 0x86DD);
        at += kit_ip6(frame + at, &from, &all, 60, 8);
        memcpy(frame + at, (uint8_t[8]){59, 0, cases[i].option, 4}, 8);
        kit_inject(0, frame, at + 8);
        kit_pump();
        ck_assert_uint_eq(kit_count(0, NET_COUNT_icmp_errors_out), before + cases[i].answers);
    }
    kit_pass(5000000);
    kit_close();
}
