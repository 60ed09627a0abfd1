// SPDX-License-Identifier: MIT
// net_raw_send: packets whose upper layer is the caller's, the checksum that is made for it, and what it refuses.
#include "kit.h"

static int
send_raw(unsigned host, const char *from, const char *to, uint8_t protocol, const void *bytes, uint32_t count, bool is_broadcast)
{
    struct eng_span span = {.bytes = bytes, .count = count};
    struct net_raw_send send = {.remote = kit_parse(to), .spans = &span, .n_spans = 1, .protocol = protocol, .is_broadcast = is_broadcast};
    if (from)
        send.source = kit_parse(from);
    int error = net_raw_send(kit[host].net, &send, kit_now_us, &kit[host].outbox);
    kit_pump();
    return error;
}

static void
open_hosts(void)
{
    kit_open(2, NULL, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(1, "10.0.0.2", 24);
    kit_address(0, "fd00::1", 64);
    kit_address(1, "fd00::2", 64);
    kit_pass(UINT64_C(5000000));
    kit_forget();
}

TEST(a_raw_packet_arrives_as_it_was_filled)
{
    static uint8_t bytes[5000];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 13 + i / 250);
    open_hosts();
    ck_assert_int_eq(net_raw_open(kit[1].net, ENG_IP4, 253), 0);
    ck_assert_int_eq(net_raw_open(kit[1].net, ENG_IP6, 253), 0);
    for (unsigned count = 0; count <= sizeof bytes; count += 1250) {
        ck_assert_int_eq(send_raw(0, count % 2500 ? NULL : "10.0.0.1", "10.0.0.2", 253, bytes, count, false), 0);
        ck_assert_int_eq(send_raw(0, NULL, "fd00::2", 253, bytes, count, false), 0);
        ck_assert_uint_eq(kit[1].n_got, 2);
        for (unsigned i = 0; i < 2; i++) {
            ck_assert_uint_eq(kit[1].got[i].result.verdict, NET_FOR_RAW);
            ck_assert_uint_eq(kit[1].got[i].count, count);
            ck_assert_mem_eq(kit[1].got[i].bytes, bytes, count);
        }
        kit_forget();
    }
    kit_close();
}

TEST(the_checksum_of_icmpv6_is_made_over_the_source_that_was_chosen)
{
    uint8_t echo[32] = {128, 0, 0xAA, 0xAA, 0, 1, 0, 2};
    open_hosts();
    ck_assert_int_eq(net_raw_open(kit[0].net, ENG_IP6, NET_ICMP6), 0);
    ck_assert_int_eq(send_raw(0, NULL, "fd00::2", NET_ICMP6, echo, sizeof echo, false), 0);
    unsigned replies = 0; // what neighbours say of each other is ICMPv6, too
    for (unsigned i = 0; i < kit[0].n_got; i++)
        replies += kit[0].got[i].count == sizeof echo && kit[0].got[i].bytes[0] == 129;
    ck_assert_uint_eq(replies, 1);
    ck_assert_uint_eq(kit_count(1, NET_COUNT_icmp_bad), 0);
    ck_assert_int_eq(send_raw(0, NULL, "fd00::2", NET_ICMP6, echo, 3, false), -EINVAL);
    kit_close();
}

TEST(a_raw_packet_that_cannot_go_is_refused)
{
    static uint8_t bytes[65536];
    open_hosts();
    ck_assert_int_eq(send_raw(0, NULL, "10.0.0.255", 253, bytes, 8, false), -EACCES);
    ck_assert_int_eq(send_raw(0, NULL, "10.0.0.255", 253, bytes, 8, true), 0);
    ck_assert_int_eq(send_raw(0, NULL, "192.0.2.1", 253, bytes, 8, false), -ENETUNREACH);
    ck_assert_int_eq(send_raw(0, "10.0.0.9", "10.0.0.2", 253, bytes, 8, false), -EADDRNOTAVAIL);
    ck_assert_int_eq(send_raw(0, "fd00::1", "10.0.0.2", 253, bytes, 8, false), -EINVAL);
    ck_assert_int_eq(send_raw(0, NULL, "10.0.0.2", 253, bytes, 65516, false), -EMSGSIZE);
    ck_assert_int_eq(send_raw(0, NULL, "fd00::2", 253, bytes, 65536, false), -EMSGSIZE);
    kit_close();
}
