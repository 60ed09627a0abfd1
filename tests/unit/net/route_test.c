// SPDX-License-Identifier: MIT
// IPv4 options on packets of ours, and source routes on packets of others: header, sums and sizes, who is asked for a link address, what
// is refused, and which of what comes reaches TCP.
#include "kit.h"

static const uint8_t by_3[8] = {1, 131, 7, 4, 10, 0, 0, 2}; // to 10.0.0.3 first, then to 10.0.0.2

static void
open_three(bool accepts_source_routes)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .no_ip6 = true};
    struct net_settings net_settings = {.accepts_source_routes = accepts_source_routes};
    kit_open(3, &settings, &net_settings);
    kit_address(0, "10.0.0.1", 24);
    kit_address(1, "10.0.0.2", 24);
    kit_address(2, "10.0.0.3", 24);
    kit_pass(3000000);
    kit_forget();
}

static struct eng_out *
packet(const char *first_hop, unsigned n_bytes, const uint8_t *options, unsigned n_options)
{
    static const uint8_t zeros[8000];
    struct eng_out *out = eng_out_get(&kit[0].pool);
    uint8_t *head = eng_out_push_head(out, 20);
    memset(head, 0, 20);
    eng_out_add(out, &(struct eng_span){.bytes = zeros, .count = n_bytes - 20});
    out->protocol = NET_TCP;
    out->source = kit_parse("10.0.0.1");
    out->destination = kit_parse(first_hop);
    out->n_ip_options = (uint8_t)n_options;
    if (n_options <= sizeof out->ip_options)
        memcpy(out->ip_options, options, n_options);
    return out;
}

static int
send(struct eng_out *out)
{
    int error = net_output(kit[0].net, out, kit_now_us, &kit[0].outbox);
    kit_pump();
    return error;
}

TEST(a_packet_with_IP_options_has_them_in_its_header_and_goes_to_its_first_hop)
{
    open_three(false);
    ck_assert_int_eq(send(packet("10.0.0.3", 100, by_3, 8)), 0);
    const struct kit_frame *frame = &kit_frames[kit_n_frames - 1];
    const uint8_t *ip = frame->bytes + 14;
    ck_assert_mem_eq(frame->bytes, kit[2].link, 6);
    ck_assert_uint_eq(frame->count, 14 + 28 + 100);
    ck_assert_uint_eq(ip[0], 0x47);
    ck_assert_uint_eq(bytes_load_be16(ip + 2), 128);
    ck_assert_mem_eq(ip + 16, "\x0A\0\0\3", 4);
    ck_assert_mem_eq(ip + 20, by_3, 8);
    ck_assert_uint_eq(csum_of(ip, 28), 0);
    ck_assert_uint_eq(kit_count(2, NET_COUNT_in_source_route), 1); // who is no router drops it
    ck_assert_uint_eq(kit[2].n_got, 0);
    kit_close();
}

TEST(IP_options_count_against_the_MTU)
{
    open_three(false);
    struct eng_out *out = packet("10.0.0.3", 1472, by_3, 8);
    out->flags |= ENG_OUT_DONT_FRAGMENT;
    ck_assert_int_eq(send(out), 0);
    ck_assert_uint_eq(kit_frames[kit_n_frames - 1].count, 1514);
    out = packet("10.0.0.3", 1473, by_3, 8);
    out->flags |= ENG_OUT_DONT_FRAGMENT;
    ck_assert_int_eq(send(out), -EMSGSIZE);
    kit_forget();
    // Cut: the route goes with every part.
    ck_assert_int_eq(send(packet("10.0.0.3", 4000, by_3, 8)), 0);
    ck_assert_uint_eq(kit_n_frames, 3);
    uint32_t n_bytes = 0;
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *ip = kit_frames[i].bytes + 14;
        ck_assert_uint_le(kit_frames[i].count, 1514);
        ck_assert_uint_eq(ip[0], 0x47);
        ck_assert_mem_eq(ip + 20, by_3, 8);
        ck_assert_uint_eq(csum_of(ip, 28), 0);
        ck_assert_uint_eq((bytes_load_be16(ip + 6) & 0x1FFFu) * 8, n_bytes);
        n_bytes += bytes_load_be16(ip + 2) - 28u;
    }
    ck_assert_uint_eq(n_bytes, 4000);
    kit_close();
}

TEST(IP_options_that_cannot_be_sent_are_refused)
{
    static const uint8_t nops[44] = {1};
    open_three(false);
    ck_assert_int_eq(send(packet("10.0.0.3", 100, by_3, 6)), -EINVAL);
    ck_assert_int_eq(send(packet("10.0.0.3", 100, nops, 44)), -EINVAL);
    ck_assert_int_eq(send(packet("10.0.0.255", 100, by_3, 8)), -EINVAL);
    ck_assert_int_eq(send(packet("224.0.0.9", 100, by_3, 8)), -EINVAL);
    struct eng_out *out = packet("10.0.0.3", 5000, by_3, 8);
    out->mss_bytes = 1000;
    ck_assert_int_eq(send(out), -EINVAL);
    out = packet("10.0.0.3", 100, by_3, 8);
    out->source = kit_parse("::1");
    out->destination = kit_parse("::1");
    ck_assert_int_eq(send(out), -EINVAL);
    ck_assert_uint_eq(kit_n_frames, 0);
    ck_assert_uint_eq(kit[0].pool.in_use, 0);
    kit_close();
}

TEST(a_partial_sum_under_IP_options_is_finished_before_the_adapter)
{
    struct net_interface_settings settings = {.mtu_bytes = 1500, .no_ip6 = true, .offloads = NET_SUM_TCP4};
    kit_open(3, &settings, NULL);
    kit_address(0, "10.0.0.1", 24);
    kit_address(2, "10.0.0.3", 24);
    kit_pass(3000000);
    kit_forget();
    struct eng_address final = kit_parse("10.0.0.2"), us = kit_parse("10.0.0.1");
    struct eng_out *out = packet("10.0.0.3", 100, by_3, 8);
    uint16_t partial = csum_fold(csum_pseudo4(us.bytes, final.bytes, 6, 100));
    memcpy(out->head + 16, &partial, 2);
    out->l4_bytes = 20;
    out->l4_sum_offset = 16;
    out->flags |= ENG_OUT_L4_SUM_PARTIAL;
    ck_assert_int_eq(send(out), 0);
    const uint8_t *segment = kit_frames[kit_n_frames - 1].bytes + 14 + 28;
    ck_assert_uint_eq(csum_finish(csum_add(csum_pseudo4(us.bytes, final.bytes, 6, 100), segment, 100)), 0);
    kit_close();
}

TEST(an_error_about_a_packet_with_a_source_route_names_its_last_address)
{
    struct eng_address final = kit_parse("10.0.0.2"), router = kit_parse("10.0.0.3"), us = kit_parse("10.0.0.1");
    open_three(false);
    // The first hop does not answer.
    uint8_t by_77[8];
    memcpy(by_77, by_3, 8);
    ck_assert_int_eq(send(packet("10.0.0.77", 100, by_77, 8)), 0);
    kit_pass(5000000);
    ck_assert_uint_eq(kit[0].n_events, 1);
    ck_assert(eng_address_is_equal(&kit[0].events[0].error.remote, &final));
    kit_forget();
    // A router quotes it.
    uint8_t frame[14 + 20 + 8 + 28 + 8] = {0};
    size_t at = kit_eth(frame, kit[0].link, kit[2].link, 0x0800);
    at += kit_ip4(frame + at, &router, &us, NET_ICMP4, 8 + 28 + 8);
    frame[at] = 3;
    frame[at + 1] = 1;
    kit_ip4(frame + at + 8, &us, &router, NET_TCP, 8 + 8);
    frame[at + 8] = 0x47;
    memcpy(frame + at + 28, by_3, 8);
    uint16_t sum = csum_of(frame + at, 8 + 28 + 8);
    memcpy(frame + at + 2, &sum, 2);
    kit_inject(0, frame, sizeof frame);
    ck_assert_uint_eq(kit[0].n_got, 1);
    ck_assert_uint_eq(kit[0].got[0].result.verdict, NET_FOR_ERROR);
    ck_assert(eng_address_is_equal(&kit[0].got[0].result.error.remote, &final));
    kit_close();
}

TEST(a_source_route_is_heard_by_TCP_alone_at_its_end_and_only_where_the_settings_say_so)
{
    enum { HEARD, SILENT, BAD };
    static const struct {
        uint8_t protocol, options[12], what;
    } cases[] = {
        {6, {131, 7, 8, 10, 0, 0, 3}, HEARD}, {6, {137, 11, 12, 10, 0, 0, 3, 10, 0, 1, 1}, HEARD},
        {6, {1, 1, 131, 7, 8, 10, 0, 0, 3}, HEARD},
        {6, {131, 3, 4}, HEARD}, // nobody was gone by
        {17, {131, 7, 8, 10, 0, 0, 3}, SILENT}, {1, {131, 7, 8, 10, 0, 0, 3}, SILENT}, {6, {131, 7, 4, 10, 0, 0, 3}, SILENT},
        {6, {131, 7, 8, 224, 0, 0, 3}, SILENT}, {6, {131, 7, 8, 0, 0, 0, 0}, SILENT}, {6, {131, 7, 8, 127, 0, 0, 1}, SILENT},
        {6, {131, 7, 9, 10, 0, 0, 3}, BAD}, {6, {131, 6, 8, 10, 0, 0}, BAD}, {6, {131, 7, 0, 10, 0, 0, 3}, BAD},
        {6, {131, 7, 16, 10, 0, 0, 3}, BAD}, {6, {131, 2}, BAD}, {6, {131, 3, 4, 137, 3, 4}, BAD},
        {6, {1, 1, 1, 1, 1, 131, 7, 8, 10, 0, 0, 3}, HEARD}, {6, {1, 1, 1, 1, 1, 1, 131, 7, 8, 10, 0, 0}, BAD},
    };
    struct eng_address source = kit_parse("10.0.0.2"), us = kit_parse("10.0.0.1");
    for (unsigned accepts = 0; accepts < 2; accepts++) {
        open_three(accepts);
        for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            uint8_t frame[14 + 32 + 20] = {0};
            unsigned what = accepts ? cases[i].what : SILENT;
            uint64_t silent = kit_count(0, NET_COUNT_in_source_route), bad = kit_count(0, NET_COUNT_in_bad_options);
            size_t at = kit_eth(frame, kit[0].link, kit[1].link, 0x0800);
            kit_ip4(frame + at, &source, &us, cases[i].protocol, 12 + 20);
            frame[at] = 0x48;
            memcpy(frame + at + 20, cases[i].options, 12);
            kit_ip4_sum(frame + at);
            kit_inject(0, frame, sizeof frame);
            ck_assert_uint_eq(kit[0].n_got, what == HEARD);
            ck_assert_uint_eq(kit_count(0, NET_COUNT_in_source_route), silent + (what == SILENT));
            ck_assert_uint_eq(kit_count(0, NET_COUNT_in_bad_options), bad + (what == BAD));
            if (what == HEARD) {
                ck_assert_uint_eq(kit[0].got[0].result.verdict, NET_FOR_TCP);
                ck_assert(kit[0].got[0].result.in.flags & ENG_IN_SOURCE_ROUTE);
            }
            kit_forget();
        }
        kit_close();
    }
}
