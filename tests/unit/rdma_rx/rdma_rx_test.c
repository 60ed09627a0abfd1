// SPDX-License-Identifier: MIT
// What the RDMA provider takes out of received frames besides its segments (drivers/vnic/rdma_rx.c): ICMP errors about them, and segments
// that its TCP cannot use but the host must not answer. tests/fuzz/rdma_rx_fuzz.c looks for what no test here names.
#include "fuzz/rdma_rx.h"
#include "harness/harness.h"

#define EACH_FAMILY for (int six = 0; six < 2; six++)

static void
begin(void)
{
    rx_open();
    rx_establish(0);
    rx_establish(1);
}

static struct tcp_info
info_of(int six)
{
    struct tcp_info info;
    tcp_info(rx.ends[six].tcp, &info);
    return info;
}

struct error {                            // an ICMP error about the connection, and what is odd about it
    uint8_t type, code;
    uint32_t mtu;
    uint16_t from;                        // 0: the connection's
    uint32_t ahead;                       // of the first byte that is not acknowledged
    uint16_t vlan;
    unsigned options;
};

static size_t
error_make(uint8_t *frame, int six, const struct error *error)
{
    size_t at = rx_ip(frame, six, error->vlan, six ? 58 : 1, RX_QUOTE(six), error->options);
    rx_icmp(frame + at, six, error->type, error->code, error->mtu, error->from ? error->from : RX_PORT, RX_PEER_PORT,
            rx.ends[six].iss + 1 + error->ahead);
    rx_icmp_sum(frame + at, six, RX_QUOTE(six));
    return at + RX_QUOTE(six);
}

static BOOLEAN
error_take(int six, const struct error *error)
{
    uint8_t frame[200];
    return rx_frame(frame, error_make(frame, six, error));
}

static struct error
too_big(int six)
{
    return (struct error){.type = six ? 2 : 3, .code = six ? 0 : 4, .mtu = 1300};
}

TEST(packet_too_big_about_a_segment_under_way_narrows_the_path_and_goes_no_further)
{
    begin();
    EACH_FAMILY
    {
        struct error error = too_big(six);
        ck_assert_uint_eq(info_of(six).mtu_bytes, RX_MTU);
        ck_assert(error_take(six, &error));
        ck_assert_uint_eq(info_of(six).mtu_bytes, 1300);
    }
    rx_close();
}

TEST(an_ICMP_error_behind_a_tag_or_IPv4_options_is_understood_too)
{
    begin();
    EACH_FAMILY
    {
        struct error error = too_big(six);
        error.vlan = 5;
        ck_assert(error_take(six, &error));
        ck_assert_uint_eq(info_of(six).mtu_bytes, 1300);
    }
    struct error error = too_big(0);
    error.options = 8;
    error.mtu = 1280;
    ck_assert(error_take(0, &error));
    ck_assert_uint_eq(info_of(0).mtu_bytes, 1280);
    rx_close();
}

TEST(an_ICMP_error_about_other_ports_or_bytes_that_are_not_under_way_is_the_hosts)
{
    begin();
    EACH_FAMILY
    {
        struct error error = too_big(six);
        error.from = RX_PORT + 1;
        ck_assert(!error_take(six, &error));
        error.from = RX_LISTEN_PORT;      // a port of ours, but no connection
        ck_assert(!error_take(six, &error));
        error = too_big(six);
        error.ahead = RX_UNDER_WAY;       // a forgery [RFC 5927 4.1]
        ck_assert(!error_take(six, &error));
        error.ahead = (uint32_t)-1;
        ck_assert(!error_take(six, &error));
        ck_assert_uint_eq(info_of(six).mtu_bytes, RX_MTU);
        error.ahead = RX_UNDER_WAY - 1;
        ck_assert(error_take(six, &error));
    }
    rx_close();
}

TEST(no_ICMP_error_ends_an_open_connection)
{
    begin();
    EACH_FAMILY for (unsigned type = 0; type < 256; type++)
    {
        bool is_error = six ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;
        for (unsigned code = 0; code < 17; code++) {
            struct error error = {.type = (uint8_t)type, .code = (uint8_t)code, .mtu = 1400};
            ck_assert_int_eq(error_take(six, &error), is_error);
            ck_assert_int_eq(info_of(six).state, TCP_ESTABLISHED);
        }
    }
    ck_assert_int_ne(info_of(0).soft_error, TCP_ICMP_NONE);
    ck_assert_int_ne(info_of(1).soft_error, TCP_ICMP_NONE);
    rx_close();
}

// Only what says that nothing is there ends one that is being made [RFC 1122 4.2.3.9, RFC 5927 5.2].
TEST(port_or_protocol_unreachable_and_prohibited_end_a_connection_that_is_being_made)
{
    static const uint8_t hard4[] = {2, 3, 9, 10, 13}, hard6[] = {1, 4};
    EACH_FAMILY for (unsigned code = 0; code < 16; code++)
    {
        if (!six && code == 4)
            continue;                     // too big
        bool is_hard = memchr(six ? hard6 : hard4, (int)code, six ? sizeof hard6 : sizeof hard4) != NULL;
        rx_open();
        struct error error = {.type = six ? 1 : 3, .code = (uint8_t)code, .ahead = (uint32_t)-1};     // the SYN
        ck_assert_int_eq(info_of(six).state, TCP_SYN_SENT);
        ck_assert(error_take(six, &error));
        ck_assert_int_eq(info_of(six).state, is_hard ? TCP_CLOSED : TCP_SYN_SENT);
        if (is_hard)
            ck_assert_int_eq(info_of(six).end, TCP_END_REFUSED);
        rx_close();
    }
}

TEST(an_ICMP_error_that_is_cut_short_or_whose_sum_is_wrong_or_that_quotes_no_TCP_is_the_hosts)
{
    begin();
    EACH_FAMILY
    {
        uint8_t frame[200], odd[200];
        struct error error = too_big(six);
        size_t count = error_make(frame, six, &error), at = 14 + (six ? 40 : 20), quoted = at + 8;
        for (size_t less = 1; less < count; less++)
            ck_assert(!rx_frame(frame, count - less));          // the length in the IP header is more than there is
        for (size_t i = 0; i < RX_QUOTE(six); i++) {
            memcpy(odd, frame, count);
            odd[at + i] ^= 0x10;
            ck_assert(!rx_frame(odd, count));
        }
        static const uint8_t places[2][2] = {{0, 9}, {0, 6}}, values[2][2] = {{0x54, 17}, {0x50, 17}};
        for (int i = 0; i < 2; i++) {                           // another version of IP in the quote, another protocol
            memcpy(odd, frame, count);
            odd[quoted + places[six][i]] = values[six][i];
            rx_icmp_sum(odd + at, six, RX_QUOTE(six));
            ck_assert(!rx_frame(odd, count));
        }
        memcpy(odd, frame, count);
        odd[six ? 20 : 23] = 17;                                // not ICMP
        ck_assert(!rx_frame(odd, count));
        memcpy(odd, frame, count);
        odd[5] ^= 2;                                            // another's link address
        ck_assert(!rx_frame(odd, count));
        ck_assert_uint_eq(info_of(six).mtu_bytes, RX_MTU);
        ck_assert(rx_frame(frame, count));
    }
    uint8_t frame[200];
    struct error error = too_big(0);
    error.mtu = 1200;
    size_t count = error_make(frame, 0, &error);
    frame[20] = 0x20;                                           // the first piece of one
    ck_assert(!rx_frame(frame, count));
    frame[20] = 0;
    frame[14 + 28] = 0x4F;                                      // a quote whose header is longer than what is there
    rx_icmp_sum(frame + 34, 0, RX_QUOTE(0));
    ck_assert(!rx_frame(frame, count));
    rx_close();
}

// ---- segments that come oddly

static BOOLEAN
segment_take(int six, uint16_t vlan, uint16_t to, unsigned options, uint16_t fragment)
{
    uint8_t frame[200];
    size_t at = rx_ip(frame, six, vlan, 6, 20, options);
    if (!six) {
        uint8_t *ip = frame + 14 + (vlan ? 4 : 0);
        bytes_store_be16(ip + 6, fragment);
        memset(ip + 10, 0, 2);
        uint16_t sum = csum_of(ip, 20 + options);
        memcpy(ip + 10, &sum, 2);
    }
    rx_tcp(frame + at, six, RX_PEER_PORT, to, 1, 0, 2, 0);
    return rx_frame(frame, at + 20);
}

TEST(a_segment_to_a_port_of_ours_is_taken_and_answered_and_one_to_another_port_is_the_hosts)
{
    begin();
    EACH_FAMILY for (uint16_t vlan = 0; vlan < 10; vlan += 5)
    {
        unsigned offers = rx.offers;
        ck_assert(segment_take(six, vlan, RX_LISTEN_PORT, 0, 0));
        ck_assert_uint_eq(rx.offers, offers + 1);
        ck_assert(!segment_take(six, vlan, RX_LISTEN_PORT + 1, 0, 0));
        ck_assert_uint_eq(rx.offers, offers + 1);
    }
    rx_close();
}

TEST(the_first_piece_of_a_segment_of_ours_goes_no_further_and_other_pieces_are_the_hosts)
{
    begin();
    for (uint16_t vlan = 0; vlan < 10; vlan += 5) {
        ck_assert(segment_take(0, vlan, RX_LISTEN_PORT, 0, 0x2000));
        ck_assert(segment_take(0, vlan, RX_PORT, 0, 0x2000));
        ck_assert(!segment_take(0, vlan, RX_LISTEN_PORT + 1, 0, 0x2000));
        ck_assert(!segment_take(0, vlan, RX_LISTEN_PORT, 0, 0x2001));       // no ports are in it
        ck_assert(!segment_take(0, vlan, RX_LISTEN_PORT, 0, 0x0001));
    }
    ck_assert_uint_eq(rx.offers, 0);
    rx_close();
}

TEST(a_segment_of_ours_behind_IPv4_options_goes_no_further_and_is_not_answered)
{
    begin();
    unsigned left = rx.left;
    for (unsigned options = 4; options <= 40; options += 4) {
        ck_assert(segment_take(0, 0, RX_LISTEN_PORT, options, 0));
        ck_assert(segment_take(0, 5, RX_PORT, options, 0));
        ck_assert(!segment_take(0, 0, RX_LISTEN_PORT + 1, options, 0));
        ck_assert(!segment_take(0, 0, RX_LISTEN_PORT, options, 1));
    }
    ck_assert_uint_eq(rx.offers, 0);
    ck_assert_uint_eq(rx.left, left);
    rx_close();
}

// A SYN to that port behind these extension headers: their bytes, of which the first is of this kind. cut: bytes that are missing.
static BOOLEAN
extended_take(uint8_t first, const uint8_t *headers, size_t n, uint16_t to, size_t cut)
{
    uint8_t frame[300];
    size_t at = rx_ip(frame, true, 0, first, n + 20, 0);
    memcpy(frame + at, headers, n);
    rx_tcp(frame + at + n, true, RX_PEER_PORT, to, 1, 0, 2, 0);
    return rx_frame(frame, at + n + 20 - cut);
}

TEST(a_segment_of_ours_behind_IPv6_extension_headers_or_its_first_piece_goes_no_further_and_is_not_answered)
{
    static const struct {
        uint8_t first, bytes[32];
        size_t n;
        bool is_ours;
    } rows[] = {
        {0, {6, 0, 1, 4}, 8, true},                             // hop by hop
        {60, {6, 1, 1, 12}, 16, true},                          // destination options
        {43, {6, 0, 0, 0}, 8, true},                            // routing
        {0, {60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4}, 16, true},
        {44, {6, 0, 0, 1, 1, 2, 3, 4}, 8, true},                // a first piece
        {44, {6, 0, 0, 8, 1, 2, 3, 4}, 8, false},               // a later one
        {44, {6, 0, 0, 0, 1, 2, 3, 4}, 8, true},                // the only one [RFC 6946]
        {0, {44, 0, 1, 4, 0, 0, 0, 0, 6, 0, 0, 9, 1, 2, 3, 4}, 16, false},
        {0, {17, 0, 1, 4}, 8, false},                           // UDP
        {0, {6, 1, 1, 4}, 8, false},                            // it says that it is longer: those are not ports of ours
        {0, {6, 255, 1, 4}, 8, false},                          // past the end
        {50, {6, 0, 1, 4}, 8, false},                           // one that nobody can look behind
    };
    begin();
    unsigned left = rx.left;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(extended_take(rows[i].first, rows[i].bytes, rows[i].n, RX_LISTEN_PORT, 0) == rows[i].is_ours, "row %zu", i);
        ck_assert_msg(extended_take(rows[i].first, rows[i].bytes, rows[i].n, RX_PORT, 0) == rows[i].is_ours, "row %zu", i);
        ck_assert(!extended_take(rows[i].first, rows[i].bytes, rows[i].n, RX_LISTEN_PORT + 1, 0));
        for (size_t cut = 17; cut < 20 + rows[i].n; cut++)      // without its ports
            ck_assert(!extended_take(rows[i].first, rows[i].bytes, rows[i].n, RX_LISTEN_PORT, cut));
        ck_assert_msg(extended_take(rows[i].first, rows[i].bytes, rows[i].n, RX_LISTEN_PORT, 16) == rows[i].is_ours, "row %zu", i);
    }
    ck_assert_uint_eq(rx.offers, 0);
    ck_assert_uint_eq(rx.left, left);
    rx_close();
}

// A SYN from one of our own ends to another, as a liar on the link would send it.
static BOOLEAN
own_take(int six, uint16_t from)
{
    uint8_t frame[100];
    size_t at = rx_ip(frame, six, 0, 6, 20, 0);
    uint8_t *ip = frame + 14;
    rx_tcp(frame + at, six, from, RX_LISTEN_PORT, 1, 0, 2, 0);
    memcpy(ip + (six ? 8 : 12), rx_us[six], six ? 16 : 4);
    if (!six) {
        bytes_store_be16(ip + 10, 0);
        uint16_t sum = csum_of(ip, 20);
        memcpy(ip + 10, &sum, 2);
    }
    bytes_store_be16(frame + at + 16, 0);
    uint64_t pseudo = six ? csum_pseudo6(rx_us[1], rx_us[1], 6, 20) : csum_pseudo4(rx_us[0], rx_us[0], 6, 20);
    uint16_t sum = csum_finish(csum_add(pseudo, frame + at, 20));
    memcpy(frame + at + 16, &sum, 2);
    return rx_frame(frame, at + 20);
}

TEST(a_segment_from_the_link_that_says_it_is_the_adapters_own_reaches_nobody_once_the_adapter_speaks_to_itself)
{
    begin();
    EACH_FAMILY
    {
        unsigned offers = rx.offers, left = rx.left;
        rx.net.has_loops = TRUE;
        ck_assert(own_take(six, RX_LISTEN_PORT));
        ck_assert_uint_eq(rx.offers, offers);
        ck_assert_uint_eq(rx.left, left);
        ck_assert(own_take(six, RX_PORT + 9));              // an end that nobody has: TCP's matter
        ck_assert_uint_eq(rx.offers, offers + 1);
        rx.net.has_loops = FALSE;
    }
    rx_close();
}
