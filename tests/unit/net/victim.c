// SPDX-License-Identifier: MIT
// The host under attack, see victim.h.
#include "victim.h"

#define STREAM_BYTES (1u << 20)

struct victim victim;
static uint8_t stream[STREAM_BYTES];        // what everybody says, by its place
static struct eng_owner stream_owner;

struct sending {
    struct tcp_send send;
    struct eng_span spans[64];
};

static void
go_down(unsigned host, struct eng_outbox *outbox)
{
    struct eng_out *out;
    while ((out = eng_outbox_pop(outbox)))
        net_output(kit[host].net, out, kit_now_us, &kit[host].outbox);
}

// ---- the clients

static uint32_t
take(struct tcp_connection *connection, uint64_t place, struct eng_outbox *outbox)
{
    struct eng_span spans[16];
    uint32_t all = 0;
    for (size_t n; (n = tcp_receive_spans(connection, 0, spans, 16));) {
        uint32_t taken = 0;
        for (size_t i = 0; i < n; taken += spans[i++].count)
            for (uint32_t b = 0; b < spans[i].count; b++)
                ck_assert_uint_eq(spans[i].bytes[b], stream[(place + all + taken + b) % STREAM_BYTES]);
        tcp_receive_take(connection, taken, kit_now_us, outbox);
        all += taken;
    }
    return all;
}

static void
sends_free(unsigned host, struct tcp_connection *connection)
{
    struct tcp_send *done;
    while (connection && (done = tcp_send_done(connection)))
        free(LIST_ENTRY_OF(done, struct sending, send));
    while ((done = tcp_released_send_done(victim.tcp[host])))
        free(LIST_ENTRY_OF(done, struct sending, send));
}

static void
send_some(unsigned host, struct tcp_connection *connection, uint64_t place, uint32_t bytes)
{
    struct sending *sending = calloc(1, sizeof *sending);
    struct eng_outbox outbox;
    uint32_t n = 0, left = bytes;
    eng_outbox_init(&outbox);
    for (uint32_t at = (uint32_t)(place % STREAM_BYTES); left; at = 0, n++) {
        uint32_t here = left < STREAM_BYTES - at ? left : STREAM_BYTES - at;
        ck_assert_uint_lt(n, 64);
        sending->spans[n] = (struct eng_span){.bytes = stream + at, .count = here, .owner = &stream_owner};
        left -= here;
    }
    sending->send = (struct tcp_send){.spans = sending->spans, .n_spans = n, .bytes = bytes, .flags = TCP_SEND_PUSH};
    ck_assert_int_eq(tcp_send(connection, &sending->send, kit_now_us, &outbox), 0);
    go_down(host, &outbox);
}

void
victim_send(struct served *served, uint32_t bytes)
{
    send_some(0, served->connection, served->sent_bytes, bytes);
    served->sent_bytes += bytes;
    kit_pump();
}

struct served *
victim_find(const struct eng_address *from, uint16_t from_port)
{
    for (struct served *served = victim.served; served; served = served->next)
        if (eng_address_is_equal(&served->from, from) && served->from_port == from_port)
            return served;
    return NULL;
}

static void
offer_answer(struct tcp_connection *connection, struct eng_outbox *outbox)
{
    struct tcp_open open = {.path = {.mtu_bytes = 1500, .flags = TCP_PATH_SUM_PARTIAL}};
    struct tcp_record record;
    if (victim.keeps_waiting)
        return;
    if (tcp_accept(connection, &open, kit_now_us, outbox)) {
        tcp_release(connection, kit_now_us, outbox);
        return;
    }
    struct served *served = calloc(1, sizeof *served);
    tcp_query(connection, kit_now_us, &record);
    *served = (struct served){.next = victim.served, .connection = connection, .from = record.constant.remote,
                              .from_port = record.constant.remote_port};
    victim.served = served;
    victim.n_served++;
    tcp_set_context(connection, served);
}

static void
server_events(struct tcp_connection *connection, uint32_t events, struct eng_outbox *outbox)
{
    struct tcp_info info;
    struct served *served = tcp_context(connection);
    if (!served && events & TCP_EVENT_ENDED)
        tcp_release(connection, kit_now_us, outbox); // an offer that nobody answered
    else if (!served && events & TCP_EVENT_OFFER)
        offer_answer(connection, outbox);
    if (!served)
        return;
    if (events & TCP_EVENT_DATA && !victim.reads_nothing)
        served->got_bytes += take(connection, served->got_bytes, outbox);
    served->has_fin |= !!(events & TCP_EVENT_FIN);
    sends_free(0, connection);
    if (events & TCP_EVENT_ENDED) {
        tcp_info(connection, &info);
        served->end = info.end;
        served->is_ended = true;
        served->connection = NULL;
        tcp_release(connection, kit_now_us, outbox);
    }
}

static void
serve(unsigned host)
{
    struct eng_outbox outbox;
    struct tcp_connection *connection;
    uint32_t events;
    eng_outbox_init(&outbox);
    while ((connection = tcp_event_next(victim.tcp[host], &events))) {
        if (!host)
            server_events(connection, events, &outbox);
        else if (connection == victim.friend) {
            victim.friend_got += take(connection, victim.friend_got, &outbox);
            sends_free(1, connection);
        }
    }
    sends_free(host, NULL);
    go_down(host, &outbox);
}

// ---- what connects them to the hub

static void
on_result(unsigned host, struct net_result *result)
{
    static const uint8_t kinds[32] = {[NET_ERROR_TOO_BIG] = TCP_ICMP_TOO_BIG, [NET_ERROR_PORT] = TCP_ICMP_REFUSED,
                                      [NET_ERROR_PROHIBITED] = TCP_ICMP_REFUSED};
    struct eng_outbox outbox;
    eng_outbox_init(&outbox);
    if (result->verdict == NET_FOR_TCP)
        tcp_input(victim.tcp[host], &result->in, kit_now_us, &outbox);
    if (result->verdict == NET_FOR_ERROR) {
        unsigned kind = kinds[result->error.kind];
        struct tcp_icmp icmp = {.kind = kind ? kind : TCP_ICMP_UNREACHABLE, .local = result->error.local, .remote = result->error.remote,
                                .mtu_bytes = result->error.mtu_bytes};
        memcpy(icmp.header, result->error.upper, 8);
        if (tcp_icmp(victim.tcp[host], &icmp, kit_now_us, &outbox))
            net_error_accept(kit[host].net, &result->error, kit_now_us);
    }
    go_down(host, &outbox);
    serve(host);
}

static void
on_time(unsigned host)
{
    struct eng_outbox outbox;
    eng_outbox_init(&outbox);
    tcp_run(victim.tcp[host], kit_now_us, &outbox);
    go_down(host, &outbox);
    serve(host);
}

static uint64_t
next_us(unsigned host)
{
    return tcp_next_deadline(victim.tcp[host]);
}

// Every segment: sum, header, options that end where they say and are padded with nothing but zeros.
static void
segment_check(const struct eng_address *source, const struct eng_address *destination, const uint8_t *tcp, size_t bytes)
{
    bool is6 = source->family == ENG_IP6;
    uint64_t pseudo = is6 ? csum_pseudo6(source->bytes, destination->bytes, 6, (uint32_t)bytes)
                          : csum_pseudo4(source->bytes, destination->bytes, 6, (uint16_t)bytes);
    size_t head = (tcp[12] >> 4) * 4u;
    ck_assert_uint_ge(bytes, head);
    ck_assert_uint_ge(head, 20);
    ck_assert_uint_eq(csum_finish(csum_add(pseudo, tcp, bytes)), 0);
    ck_assert_uint_eq(tcp[12] & 15, 0);
    for (size_t at = 20; at < head;) {
        if (tcp[at] == 0) {
            for (victim.padded++; at < head; at++)
                ck_assert_uint_eq(tcp[at], 0);
            break;
        }
        victim.padded += tcp[at] == 1;
        size_t count = tcp[at] == 1 ? 1 : tcp[at + 1];
        ck_assert(count && at + count <= head);
        if (tcp[at] == 2 && tcp[13] & S)
            victim.mss_seen[is6] = 1;
        ck_assert(tcp[at] != 2 || tcp[13] & S);
        at += count;
    }
    victim.checked++;
    victim.kinds |= 1u << (tcp[13] & (F | S | R | P | A) & 31);
}

// false: it goes to a stranger, who is nobody.
static bool
on_frame(struct kit_frame *frame)
{
    const uint8_t *ip = frame->bytes + 14;
    unsigned type = bytes_load_be16(frame->bytes + 12);
    bool is4 = type == 0x0800 && ip[9] == 6, is6 = type == 0x86DD && ip[6] == 6;
    if (!is4 && !is6)
        return true;
    struct eng_address source = is4 ? eng_address4(ip + 12) : eng_address6(ip + 8);
    struct eng_address destination = is4 ? eng_address4(ip + 16) : eng_address6(ip + 24);
    const uint8_t *tcp = is4 ? ip + (ip[0] & 15) * 4 : ip + 40;
    size_t bytes = frame->count - (size_t)(tcp - frame->bytes);
    segment_check(&source, &destination, tcp, bytes);
    struct eng_address friends[2] = {kit_parse("10.0.0.2"), kit_parse("fd00::2")};
    if (frame->from || eng_address_is_equal(&destination, &friends[is6]))
        return true;
    victim.heard++;
    victim.heard_resets += !!(tcp[13] & R);
    victim.heard_syns += !!(tcp[13] & S);
    victim.heard_bytes += frame->count;
    victim.last = (struct shot){.from = destination, .from_port = bytes_load_be16(tcp + 2), .port = bytes_load_be16(tcp),
                                .seq = bytes_load_be32(tcp + 4), .ack = bytes_load_be32(tcp + 8), .flags = tcp[13],
                                .window = bytes_load_be16(tcp + 14), .bytes = (uint32_t)(bytes - (tcp[12] >> 4) * 4u)};
    return false;
}

void
victim_open(const struct tcp_params *params, const struct net_settings *settings)
{
    struct tcp_params plain;
    tcp_params_default(&plain);
    victim = (struct victim){0};
    stream_owner = (struct eng_owner){.holds = 1};
    for (unsigned i = 0; i < STREAM_BYTES; i++)
        stream[i] = (uint8_t)(i * 29 + i / 251 + i / 65521);
    kit_open(2, NULL, settings);
    kit_address(0, "10.0.0.1", 24);
    kit_address(1, "10.0.0.2", 24);
    kit_address(0, "fd00::1", 64);
    kit_address(1, "fd00::2", 64);
    kit_pass(3000000);
    kit_forget();
    for (unsigned i = 0; i < 2; i++) {
        struct net_route route = {.prefix = {.family = i ? ENG_IP6 : ENG_IP4}, .gateway = kit_parse(i ? "fd00::2" : "10.0.0.2"),
                                  .interface_index = kit[0].index};
        ck_assert_int_eq(net_route_add(kit[0].net, &route), 0);
        victim.tcp[i] = tcp_create(&kit[i].memory, &kit[i].pool, i || !params ? &plain : params, &(struct siphash_key){{i + 5, 6}});
        ck_assert_ptr_nonnull(victim.tcp[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct eng_address any = {.family = i ? ENG_IP6 : ENG_IP4};
        ck_assert_int_eq(tcp_listen(victim.tcp[0], &any, 80, 1000000, NULL, &victim.listeners[i]), 0);
    }
    kit_on_result = on_result;
    kit_on_time = on_time;
    kit_next_us = next_us;
    kit_on_frame = on_frame;
}

void
victim_close(void)
{
    kit_on_result = NULL;
    kit_on_time = NULL;
    kit_next_us = NULL;
    kit_on_frame = NULL;
    for (unsigned i = 0; i < 2; i++) {
        tcp_abandon(victim.tcp[i]);
        sends_free(i, NULL);
        tcp_destroy(victim.tcp[i]);
    }
    for (struct served *next, *served = victim.served; served; served = next) {
        next = served->next;
        free(served);
    }
    kit_close();
    ck_assert_uint_eq(stream_owner.holds, 1);
}

size_t
victim_memory(void)
{
    return kit[0].memory.taken_bytes;
}

void
victim_befriend(unsigned family)
{
    struct eng_outbox outbox;
    eng_outbox_init(&outbox);
    victim.friend_address = kit_parse(family == ENG_IP6 ? "fd00::2" : "10.0.0.2");
    victim.friend_port = 50000;
    victim.friend_sent = victim.friend_got = 0;
    struct tcp_open open = {.local = victim.friend_address, .remote = kit_parse(family == ENG_IP6 ? "fd00::1" : "10.0.0.1"),
                            .local_port = victim.friend_port, .remote_port = 80,
                            .path = {.mtu_bytes = 1500, .flags = TCP_PATH_SUM_PARTIAL}};
    ck_assert_int_eq(tcp_connect(victim.tcp[1], &open, kit_now_us, &outbox, &victim.friend), 0);
    go_down(1, &outbox);
    kit_pump();
    kit_pass(10000);
    victim.friend_here = victim_find(&victim.friend_address, victim.friend_port);
    ck_assert_ptr_nonnull(victim.friend_here);
}

void
victim_exchange(uint64_t bytes, unsigned seconds)
{
    send_some(1, victim.friend, victim.friend_sent, (uint32_t)bytes);
    victim.friend_sent += bytes;
    send_some(0, victim.friend_here->connection, victim.friend_here->sent_bytes, (uint32_t)bytes);
    victim.friend_here->sent_bytes += bytes;
    kit_pump();
    for (unsigned i = 0; i < seconds * 10 && (victim.friend_here->got_bytes < victim.friend_sent ||
                                              victim.friend_got < victim.friend_here->sent_bytes); i++)
        kit_pass(100000);
    ck_assert_uint_eq(victim.friend_here->got_bytes, victim.friend_sent);
    ck_assert_uint_eq(victim.friend_got, victim.friend_here->sent_bytes);
}

// ---- strangers

struct eng_address
stranger4(uint32_t number)
{
    uint8_t bytes[4];
    bytes_store_be32(bytes, 0x0B000001 + number);
    return eng_address4(bytes);
}

struct eng_address
stranger6(uint32_t number)
{
    uint8_t bytes[16] = {0x20, 1, 0xd, 0xb8};
    bytes_store_be32(bytes + 12, number + 1);
    return eng_address6(bytes);
}

void
shoot(const struct shot *shot)
{
    static uint8_t frame[70000];
    bool is6 = shot->from.family == ENG_IP6;
    struct eng_address to = kit_parse(is6 ? "fd00::1" : "10.0.0.1");
    size_t head = 20 + (shot->n_options + 3u) / 4 * 4, bytes = head + shot->bytes;
    size_t at = kit_eth(frame, kit[0].link, kit[1].link, is6 ? 0x86DD : 0x0800);
    uint8_t *ip = frame + at;
    at += is6 ? kit_ip6(ip, &shot->from, &to, 6, bytes) : kit_ip4(ip, &shot->from, &to, 6, bytes + shot->n_ip_options);
    if (shot->n_ip_options) {
        memcpy(frame + at, shot->ip_options, shot->n_ip_options);
        ip[0] = (uint8_t)(0x45 + shot->n_ip_options / 4);
        kit_ip4_sum(ip);
        at += shot->n_ip_options;
    }
    uint8_t *tcp = frame + at;
    memset(tcp, 0, head);
    bytes_store_be16(tcp, shot->from_port);
    bytes_store_be16(tcp + 2, shot->port);
    bytes_store_be32(tcp + 4, shot->seq);
    bytes_store_be32(tcp + 8, shot->ack);
    tcp[12] = (uint8_t)(head / 4 << 4);
    tcp[13] = shot->flags;
    bytes_store_be16(tcp + 14, shot->window);
    bytes_store_be16(tcp + 18, shot->urgent);
    memcpy(tcp + 20, shot->options, shot->n_options);
    if (shot->text)
        memcpy(tcp + head, shot->text, shot->bytes);
    else
        memset(tcp + head, 0xEE, shot->bytes);
    uint64_t pseudo = is6 ? csum_pseudo6(shot->from.bytes, to.bytes, 6, (uint32_t)bytes)
                          : csum_pseudo4(shot->from.bytes, to.bytes, 6, (uint16_t)bytes);
    uint16_t sum = csum_finish(csum_add(pseudo, tcp, bytes));
    memcpy(tcp + 16, &sum, 2);
    kit_inject(0, frame, at + bytes);
    kit_pump();
}

bool
shoot_open(struct shot *shot, uint16_t window)
{
    unsigned syns = victim.heard_syns;
    shot->port = 80;
    shot->flags = S;
    shot->window = window;
    shoot(shot);
    if (victim.heard_syns == syns)
        return false;
    shot->ack = victim.last.seq + 1;
    shot->seq++;
    shot->flags = A;
    shot->n_options = 0;
    shoot(shot);
    return victim_find(&shot->from, shot->from_port) != NULL;
}
