// SPDX-License-Identifier: MIT
// Frames: tags in and out, priorities, lengths instead of types, who they are for; and a link that goes away and comes back.
#include "kit.h"

static struct net_udp *udp;

static void
open_one(uint16_t vlan, uint8_t priority, uint32_t offloads)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .vlan = vlan, .priority = priority, .offloads = offloads, .no_ip6 = true};
    kit_open(1, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_pass(3000000);
    kit_forget();
    udp = kit_udp(0, "0.0.0.0", 1000);
}

static void
close_one(void)
{
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_pass(5000000);
    kit_close();
}

// Is a datagram taken that came with these bytes between the addresses and the packet?
static bool
taken(const uint8_t *between, size_t bytes)
{
    uint8_t frame[128], tagged[128];
    size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", "10.0.0.1", 5, 1000, "x", 1);
    memcpy(tagged, frame, 12);
    memcpy(tagged + 12, between, bytes);
    memcpy(tagged + 12 + bytes, frame + 14, count - 14);
    kit_forget();
    kit_inject(0, tagged, count - 2 + bytes);
    return kit[0].n_got == 1;
}

TEST(tags_are_for_the_interface_of_their_vlan_and_a_priority_tag_for_the_plain_one)
{
    static const uint8_t plain[] = {8, 0}, priority[] = {0x81, 0, 0xE0, 0, 8, 0}, seven[] = {0x81, 0, 0x60, 7, 8, 0};
    static const uint8_t twice[] = {0x81, 0, 0, 7, 0x81, 0, 0, 7, 8, 0}, service[] = {0x88, 0xA8, 0, 7, 8, 0};
    open_one(0, 0, 0);
    ck_assert(taken(plain, sizeof plain));
    ck_assert(taken(priority, sizeof priority));
    ck_assert(!taken(seven, sizeof seven));
    ck_assert_uint_eq(kit_count(0, NET_COUNT_in_wrong_vlan), 1);
    close_one();
    open_one(7, 0, 0);
    ck_assert(!taken(plain, sizeof plain));
    ck_assert(!taken(priority, sizeof priority));
    ck_assert(taken(seven, sizeof seven));
    ck_assert_uint_eq(kit[0].got[0].result.in.vlan, 7);
    ck_assert(!taken(twice, sizeof twice));
    ck_assert(!taken(service, sizeof service));
    close_one();
}

TEST(a_length_instead_of_a_type_and_types_that_nobody_speaks_are_dropped)
{
    static const uint8_t lengths[][2] = {{0, 46}, {1500 >> 8, 1500 & 0xFF}}, unknown[] = {0x88, 0xCC};
    open_one(0, 0, 0);
    uint64_t bad = kit_count(0, NET_COUNT_in_bad_frame);
    ck_assert(!taken(lengths[0], 2));
    ck_assert(!taken(lengths[1], 2));
    ck_assert_uint_eq(kit_count(0, NET_COUNT_in_bad_frame), bad + 2);
    ck_assert(!taken(unknown, 2));
    ck_assert_uint_eq(kit_count(0, NET_COUNT_in_unknown_type), 1);
    uint8_t frame[128];
    size_t count = kit_udp4_frame(frame, 0, "10.0.0.2", "10.0.0.1", 5, 1000, "x", 1);
    frame[6] |= 1; // a group sends nothing
    kit_inject(0, frame, count);
    ck_assert_uint_eq(kit_count(0, NET_COUNT_in_bad_frame), bad + 3);
    close_one();
}

TEST(frames_leave_with_the_tag_of_their_interface_unless_the_adapter_writes_it)
{
    struct eng_address remote = kit_parse("10.0.0.2");
    open_one(7, 3, 0);
    kit_send_udp(0, udp, &remote, 9, "x", 1);
    ck_assert_mem_eq(kit_frames[0].bytes + 12, "\x81\x00\x60\x07\x08\x06", 6);
    close_one();
    open_one(0, 5, 0);
    kit_send_udp(0, udp, &remote, 9, "x", 1);
    ck_assert_mem_eq(kit_frames[0].bytes + 12, "\x81\x00\xA0\x00\x08\x06", 6);
    close_one();
    open_one(7, 3, NET_VLAN_TAG);
    kit_send_udp(0, udp, &remote, 9, "x", 1);
    ck_assert_mem_eq(kit_frames[0].bytes + 12, "\x08\x06", 2);
    close_one();
}

TEST(interfaces_that_cannot_be_are_refused)
{
    static const struct net_interface_settings bad[] = {
        {.mtu_bytes = 575}, {.mtu_bytes = 65536}, {.mtu_bytes = 1500, .vlan = 4095}, {.mtu_bytes = 1500, .priority = 8}};
    static const char *const addresses[] = {"0.0.0.0", "127.0.0.2", "224.0.0.1", "255.255.255.255", "10.0.1.0", "10.0.1.255", "0.0.0.7",
                                            "250.0.0.1"};
    struct net_interface_settings good = {.mtu_bytes = 1500};
    open_one(0, 0, 0);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(net_interface_add(kit[0].net, &bad[i]), -EINVAL);
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct eng_address address = kit_parse(addresses[i]);
        ck_assert_int_eq(net_address_add(kit[0].net, kit[0].index, &address, 24, kit_now_us, &kit[0].outbox), -EINVAL);
    }
    struct eng_address again = kit_parse("10.0.0.1"), six = kit_parse("fd00::1");
    ck_assert_int_eq(net_address_add(kit[0].net, kit[0].index, &again, 24, kit_now_us, &kit[0].outbox), -EEXIST);
    ck_assert_int_eq(net_address_add(kit[0].net, kit[0].index, &six, 64, kit_now_us, &kit[0].outbox), -EINVAL); // no_ip6
    int index = 0;
    for (unsigned i = kit[0].index + 1; i < NET_INTERFACES_MAX; i++)
        ck_assert_int_eq(index = net_interface_add(kit[0].net, &good), (int)i);
    ck_assert_int_eq(net_interface_add(kit[0].net, &good), -ENOSPC);
    close_one();
}

// ---- a link that goes and comes

TEST(an_address_is_probed_and_groups_are_reported_again_when_the_link_comes_back)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .probes4 = 3, .probes6 = 1};
    struct eng_address four = kit_parse("10.0.0.1"), six = kit_parse("fd00::1"), group = kit_parse("239.1.2.3");
    kit_open(1, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(0, "fd00::1", 64);
    net_group_join(kit[0].net, &group, kit[0].index, kit_now_us, &kit[0].outbox);
    kit_pass(15000000);
    ck_assert_uint_ne(net_address_is_ours(kit[0].net, &four), 0);
    ck_assert_uint_ne(net_address_is_ours(kit[0].net, &six), 0);
    udp = kit_udp(0, "0.0.0.0", 1000);
    struct eng_address remote = kit_parse("10.0.0.2");
    kit_send_udp(0, udp, &remote, 9, "x", 1); // waits for a neighbour
    ck_assert_uint_eq(kit[0].pool.in_use, 1);
    net_interface_up(kit[0].net, kit[0].index, false, kit_now_us, &kit[0].outbox);
    kit_pump();
    kit_forget();
    ck_assert_uint_eq(kit[0].pool.in_use, 0);
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &four), 0);
    ck_assert_int_eq(kit_send_udp(0, udp, &remote, 9, "x", 1), -ENETUNREACH);
    kit_pass(60000000);
    ck_assert_uint_eq(kit_n_frames, 0); // nothing leaves by a link that is not there
    net_interface_up(kit[0].net, kit[0].index, true, kit_now_us, &kit[0].outbox);
    kit_pass(15000000);
    unsigned probes = 0, solicitations = 0, reports = 0;
    for (unsigned i = 0; i < kit_n_frames; i++) {
        const uint8_t *frame = kit_frames[i].bytes;
        probes += bytes_load_be16(frame + 12) == 0x0806 && !memcmp(frame + 28, "\0\0\0\0", 4);
        solicitations += bytes_load_be16(frame + 12) == 0x86DD && frame[20] == 58 && frame[54] == 135 && frame[22] == 0;
        reports += bytes_load_be16(frame + 12) == 0x0800 && frame[23] == 2;
    }
    ck_assert_uint_eq(probes, 3);
    ck_assert_uint_eq(solicitations, 2); // for the link-local address too
    ck_assert_uint_eq(reports, 2);
    ck_assert_uint_ne(net_address_is_ours(kit[0].net, &four), 0);
    ck_assert_uint_ne(net_address_is_ours(kit[0].net, &six), 0);
    net_udp_close(kit[0].net, udp, kit_now_us, &kit[0].outbox);
    kit_close();
}

static unsigned
solicitations_for_routers(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < kit_n_frames; i++)
        n += bytes_load_be16(kit_frames[i].bytes + 12) == 0x86DD && kit_frames[i].bytes[20] == 58 && kit_frames[i].bytes[54] == 133;
    return n;
}

TEST(routers_are_asked_for_ever_more_slowly_until_one_is_heard)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500};
    uint8_t frame[128] = {0};
    struct eng_address router = kit_parse("fe80::99"), all = kit_parse("ff02::1");
    kit_open(1, &settings, NULL);
    kit_pass(20000000);
    ck_assert_uint_ge(solicitations_for_routers(), 3);
    kit_forget();
    kit_pass(3000000000);
    unsigned slow = solicitations_for_routers();
    ck_assert_uint_ge(slow, 4);
    ck_assert_uint_le(slow, 12);
    size_t at = kit_eth(frame, (const uint8_t *)"\x33\x33\0\0\0\1", (const uint8_t *)"\2\0\0\0\0\x99", 0x86DD);
    uint8_t *ip = frame + at, *message = ip + kit_ip6(ip, &router, &all, 58, 16);
    message[0] = 134;
    message[7] = 200;
    kit_icmp6_sum(ip, message, 16);
    kit_inject(0, frame, at + 56);
    kit_forget();
    kit_pass(20000000000);
    ck_assert_uint_eq(solicitations_for_routers(), 0);
    kit_close();
}

// The tentative address of the last probe that left, claimed by somebody else.
static void
claim_tentative(void)
{
    uint8_t frame[128] = {0};
    for (unsigned i = kit_n_frames; i-- > 0;) {
        const uint8_t *probe = kit_frames[i].bytes;
        if (bytes_load_be16(probe + 12) != 0x86DD || probe[20] != 58 || probe[54] != 135)
            continue;
        struct eng_address target = eng_address6(probe + 62), all = kit_parse("ff02::1");
        size_t at = kit_eth(frame, (const uint8_t *)"\x33\x33\0\0\0\1", (const uint8_t *)"\2\0\0\0\0\x99", 0x86DD);
        uint8_t *ip = frame + at, *message = ip + kit_ip6(ip, &target, &all, 58, 24);
        message[0] = 136;
        message[4] = 0x20;
        memcpy(message + 8, target.bytes, 16);
        kit_icmp6_sum(ip, message, 24);
        kit_inject(0, frame, at + 64);
        return;
    }
    ck_abort_msg("no probe left");
}

TEST(a_formed_address_that_somebody_has_is_formed_again_three_times)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .probes6 = 1, .no_router_discovery = true};
    kit_open(1, &settings, NULL);
    struct net_address address;
    struct eng_address seen[4];
    for (unsigned i = 0; i < 4; i++) {
        kit_forget();
        for (unsigned step = 0; step < 30; step++) {
            kit_pass(50000);
            bool is_probed = false;
            for (unsigned j = 0; j < kit_n_frames; j++)
                is_probed |= kit_frames[j].bytes[20] == 58 && kit_frames[j].bytes[54] == 135;
            if (is_probed)
                break;
        }
        for (size_t n = 0; net_address_at(kit[0].net, n, &address); n++)
            if (address.interface_index == kit[0].index)
                seen[i] = address.address;
        for (unsigned j = 0; j < i; j++)
            ck_assert(!eng_address_is_equal(&seen[i], &seen[j]));
        claim_tentative();
    }
    kit_pass(5000000);
    // Four were somebody else's: the last stays, for all to see, and is not used.
    size_t n = 0;
    while (net_address_at(kit[0].net, n, &address) && address.interface_index != kit[0].index)
        n++;
    ck_assert_uint_eq(address.state, NET_ADDRESS_DUPLICATE);
    ck_assert_uint_eq(net_address_is_ours(kit[0].net, &address.address), 0);
    kit_close();
}
