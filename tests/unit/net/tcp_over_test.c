// SPDX-License-Identifier: MIT
// The TCP engine above the IP engine, as a transport joins them: a megabyte each way over both families, plain, in super-segments, with
// loss, round the loop, and over a path that is narrower than its first link.
#include "engine/tcp/tcp.h"
#include "kit.h"

#define BYTES (1u << 20)

static struct tcp *tcps[KIT_HOSTS];      // NULL: a host without
static uint8_t data[BYTES];
static struct tcp_connection *accepted, *opened;
static uint64_t received_bytes, sent_bytes;
static unsigned lose_every, n_lost, n_seen;

// What TCP emitted goes down.
static void
go_down(unsigned host, struct eng_outbox *outbox)
{
    struct eng_out *out;
    while ((out = eng_outbox_pop(outbox)))
        net_output(kit[host].net, out, kit_now_us, &kit[host].outbox);
}

static struct tcp_path
path_to(unsigned host, const char *local, const char *remote, uint32_t lso_bytes)
{
    struct net_path path = {.source = kit_parse(local), .destination = kit_parse(remote)};
    ck_assert_int_eq(net_path_find(kit[host].net, &path, kit_now_us), 0);
    return (struct tcp_path){.mtu_bytes = path.mtu_bytes, .lso_max_bytes = lso_bytes, .lso_min_segments = 2,
                             .flags = TCP_PATH_SUM_PARTIAL | (path.is_loopback ? TCP_PATH_LOCAL : 0)};
}

static void
take_data(struct tcp_connection *connection, struct eng_outbox *outbox)
{
    struct eng_span spans[16];
    struct tcp_receive_view view;
    for (tcp_receive_view(connection, &view); view.bytes; tcp_receive_view(connection, &view)) {
        size_t n = tcp_receive_spans(connection, 0, spans, 16);
        uint32_t taken = 0;
        for (size_t i = 0; i < n; i++) {
            ck_assert_uint_le(received_bytes + spans[i].count, BYTES);
            ck_assert_mem_eq(spans[i].bytes, data + received_bytes, spans[i].count);
            received_bytes += spans[i].count;
            taken += spans[i].count;
        }
        tcp_receive_take(connection, taken, kit_now_us, outbox);
    }
}

static void
take_events(unsigned host)
{
    struct eng_outbox outbox;
    struct tcp_connection *connection;
    uint32_t events;
    eng_outbox_init(&outbox);
    while ((connection = tcp_event_next(tcps[host], &events))) {
        if (events & TCP_EVENT_OFFER) {
            struct tcp_open open = {.path = {.mtu_bytes = 1500, .flags = TCP_PATH_SUM_PARTIAL}};
            ck_assert_int_eq(tcp_accept(connection, &open, kit_now_us, &outbox), 0);
            accepted = connection;
        }
        if (events & TCP_EVENT_DATA)
            take_data(connection, &outbox);
        if (events & TCP_EVENT_PROGRESS)
            ck_assert_ptr_nonnull(connection);
        struct tcp_send *done;
        while ((done = tcp_send_done(connection)))
            sent_bytes += done->acked_bytes;
    }
    go_down(host, &outbox);
}

static void
on_result(unsigned host, struct net_result *result)
{
    struct eng_outbox outbox;
    if (!tcps[host])
        return;
    eng_outbox_init(&outbox);
    if (result->verdict == NET_FOR_TCP)
        ck_assert_int_eq(tcp_input(tcps[host], &result->in, kit_now_us, &outbox), TCP_TAKEN);
    if (result->verdict == NET_FOR_ERROR) {
        struct tcp_icmp icmp = {.kind = result->error.kind == NET_ERROR_TOO_BIG ? TCP_ICMP_TOO_BIG : TCP_ICMP_UNREACHABLE,
                                .local = result->error.local, .remote = result->error.remote, .mtu_bytes = result->error.mtu_bytes};
        memcpy(icmp.header, result->error.upper, 8);
        if (tcp_icmp(tcps[host], &icmp, kit_now_us, &outbox))
            net_error_accept(kit[host].net, &result->error, kit_now_us);
    }
    go_down(host, &outbox);
    take_events(host);
}

static void
on_time(unsigned host)
{
    struct eng_outbox outbox;
    if (!tcps[host])
        return;
    eng_outbox_init(&outbox);
    tcp_run(tcps[host], kit_now_us, &outbox);
    go_down(host, &outbox);
    take_events(host);
}

static uint64_t
next_us(unsigned host)
{
    return tcps[host] ? tcp_next_deadline(tcps[host]) : ENG_NEVER;
}

static bool
lose_some(struct kit_frame *frame)
{
    if (!lose_every || ++n_seen % lose_every)
        return true;
    n_lost++;
    return false;
}

static const struct net_settings *host_settings; // of a transfer
static uint8_t route[40], n_route;               // that its client gives
static unsigned by_route[2], by_no_route;        // segments that came by one at the router, of each host; and those that did not

// 10.0.0.3 as a router [RFC 1812 5.2.4.1]: the next address becomes the destination, and its own takes that place.
static bool
along_route(struct kit_frame *frame)
{
    static const uint8_t us[4] = {10, 0, 0, 3};
    uint8_t *ip = frame->bytes + 14, *option = ip + 20;
    if (bytes_load_be16(frame->bytes + 12) != 0x0800 || ip[9] != 6)
        return true;
    if (memcmp(ip + 16, us, 4) != 0) {
        by_no_route++;
        return true;
    }
    by_route[frame->from]++;
    ck_assert_uint_eq(ip[0], 0x47);
    option += *option == 1;
    ck_assert_uint_eq(option[0], 131);
    ck_assert_uint_eq(option[1], 7);
    ck_assert_uint_eq(option[2], 4);
    memcpy(ip + 16, option + 3, 4);
    memcpy(option + 3, us, 4);
    option[2] = 8;
    kit_ip4_sum(ip);
    memcpy(frame->bytes, kit[ip[19] - 1].link, 6);
    return true;
}

static unsigned too_wide; // 0, or the MTU of a router in the way, which says so

// A router that is narrower: what must not be cut is lost, and host 0 is told.
static bool
through_router(struct kit_frame *frame)
{
    const uint8_t *ip = frame->bytes + 14;
    if (frame->from || bytes_load_be16(frame->bytes + 12) != 0x0800 || frame->count - 14 <= too_wide || !(ip[6] & 0x40))
        return true;
    uint8_t error[14 + 20 + 8 + 28];
    struct eng_address router = kit_parse("10.0.0.254"), us = kit_parse("10.0.0.1");
    size_t at = kit_eth(error, kit[0].link, (const uint8_t *)"\2\0\0\0\0\x99", 0x0800);
    at += kit_ip4(error + at, &router, &us, 1, 36);
    memcpy(error + at, (uint8_t[8]){3, 4, 0, 0, 0, 0, (uint8_t)(too_wide >> 8), (uint8_t)too_wide}, 8);
    memcpy(error + at + 8, ip, 28);
    uint16_t sum = csum_of(error + at, 36);
    memcpy(error + at + 2, &sum, 2);
    n_lost++;
    kit_inject(0, error, sizeof error);
    return false;
}

static void
transfer(const char *local, const char *remote, unsigned server, uint32_t lso_bytes)
{
    struct tcp_params params;
    struct eng_outbox outbox;
    struct tcp_listener *listener;
    eng_outbox_init(&outbox);
    kit_open(n_route ? 3 : 2, NULL, host_settings);
    if (n_route)
        kit_address(2, "10.0.0.3", 24);
    kit_address(0, "10.0.0.1", 24);
    kit_address(1, "10.0.0.2", 24);
    kit_address(0, "fd00::1", 64);
    kit_address(1, "fd00::2", 64);
    kit_pass(3000000);
    kit_forget();
    tcp_params_default(&params);
    for (unsigned i = 0; i < 2; i++)
        tcps[i] = tcp_create(&kit[i].memory, &kit[i].pool, &params, &(struct siphash_key){{i + 1, 2}});
    for (unsigned i = 0; i < BYTES; i++)
        data[i] = (uint8_t)(i * 17 + i / 257);
    received_bytes = sent_bytes = n_lost = n_seen = 0;
    kit_on_result = on_result;
    kit_on_time = on_time;
    kit_next_us = next_us;
    struct eng_address any = {.family = kit_parse(local).family};
    ck_assert_int_eq(tcp_listen(tcps[server], &any, 80, 10, NULL, &listener), 0);
    struct tcp_open open = {.local = kit_parse(local), .remote = kit_parse(remote), .local_port = 50000, .remote_port = 80,
                            .path = path_to(0, local, remote, lso_bytes), .ip_options = route, .n_ip_options = n_route};
    ck_assert_int_eq(tcp_connect(tcps[0], &open, kit_now_us, &outbox, &opened), 0);
    struct eng_owner owner = {.holds = 1};
    struct eng_span span = {.bytes = data, .count = BYTES, .owner = &owner};
    struct tcp_send send = {.spans = &span, .n_spans = 1, .bytes = BYTES, .flags = TCP_SEND_PUSH};
    ck_assert_int_eq(tcp_send(opened, &send, kit_now_us, &outbox), 0);
    go_down(0, &outbox);
    for (unsigned i = 0; i < 2000 && sent_bytes < BYTES; i++)
        kit_pass(200000);
    ck_assert_uint_eq(received_bytes, BYTES);
    ck_assert_uint_eq(sent_bytes, BYTES);
    tcp_release(opened, kit_now_us, &outbox);
    go_down(0, &outbox);
    eng_outbox_init(&outbox);
    tcp_release(accepted, kit_now_us, &outbox);
    go_down(server, &outbox);
    kit_pass(1000000);
    kit_on_result = NULL;
    kit_on_time = NULL;
    kit_next_us = NULL;
    kit_on_frame = NULL;
    for (unsigned i = 0; i < 2; i++) {
        tcp_abandon(tcps[i]);
        while (tcp_released_send_done(tcps[i]))
            continue;
        tcp_destroy(tcps[i]);
    }
    ck_assert_uint_eq(owner.holds, 1);
    kit_close();
}

TEST(tcp_moves_a_megabyte_over_both_families)
{
    transfer("10.0.0.1", "10.0.0.2", 1, 0);
    transfer("fd00::1", "fd00::2", 1, 0);
}

TEST(tcp_moves_a_megabyte_in_super_segments_that_are_cut_in_software)
{
    transfer("10.0.0.1", "10.0.0.2", 1, 60000);
    transfer("fd00::1", "fd00::2", 1, 60000);
}

TEST(tcp_moves_a_megabyte_round_the_loop)
{
    transfer("127.0.0.1", "127.0.0.1", 0, 60000);
    transfer("10.0.0.1", "10.0.0.1", 0, 0);
    transfer("::1", "::1", 0, 60000);
}

TEST_TIMEOUT(60, tcp_moves_a_megabyte_though_every_fiftieth_frame_is_lost)
{
    lose_every = 50;
    kit_on_frame = lose_some;
    transfer("10.0.0.1", "10.0.0.2", 1, 0);
    ck_assert_uint_gt(n_lost, 5);
    kit_on_frame = lose_some;
    transfer("fd00::1", "fd00::2", 1, 60000);
    lose_every = 0;
}

TEST(tcp_moves_a_megabyte_over_a_path_that_is_narrower_than_its_first_link)
{
    too_wide = 1280;
    kit_on_frame = through_router;
    transfer("10.0.0.1", "10.0.0.2", 1, 0);
    ck_assert_uint_gt(n_lost, 0);
    kit_on_frame = through_router;
    transfer("10.0.0.1", "10.0.0.2", 1, 60000);
    too_wide = 0;
}

TEST(tcp_moves_a_megabyte_by_a_source_route_and_is_answered_by_the_way_back)
{
    static const struct net_settings settings = {.accepts_source_routes = true};
    for (unsigned lso_bytes = 0; lso_bytes <= 60000; lso_bytes += 60000) {
        memcpy(route, (uint8_t[8]){131, 7, 4, 10, 0, 0, 3, 0}, 8);
        n_route = 8;
        by_route[0] = by_route[1] = by_no_route = 0;
        host_settings = &settings;
        kit_on_frame = along_route;
        transfer("10.0.0.1", "10.0.0.2", 1, lso_bytes);
        ck_assert_uint_gt(by_route[0], BYTES / 1460);
        ck_assert_uint_gt(by_route[1], 100);
        ck_assert_uint_eq(by_no_route, 0);
    }
    n_route = 0;
    host_settings = NULL;
}
