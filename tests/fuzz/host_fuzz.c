// SPDX-License-Identifier: MIT
// libFuzzer on a whole host, from frames to TCP with a server: strangers' frames by bytes and by segments that are nearly right, while an
// honest peer (a second host, a model whose stream is known) talks to the same server over a wire that loses, repeats and reorders as the
// input says. What must hold: both ends of the honest connection get a prefix of the other's stream, byte for byte; what was acknowledged
// has arrived; memory stays in its bound and comes back; every frame that leaves is whole; nothing reaches an assertion.
// Frames that say they are the honest peer's are the wire's alone: whoever can read a connection can always break it.
//   input: one byte of settings, then operations; see one_operation
#include "engine/tcp/tcp.h"
#include "net_fuzz.h"

#define QUEUE 64
#define CONNECTIONS 8
#define STREAM 65536u

struct honest {
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    struct net *net;
    uint32_t index;
    struct tcp *tcp;
};

struct wire {
    uint8_t *frames[QUEUE];
    size_t counts[QUEUE];
    unsigned n;
};

// One direction of the honest connection.
struct way {
    uint64_t sent, acked, got;
};

struct sending {
    struct tcp_send send;
    struct eng_span span;
    struct way *way;            // NULL: a stranger's
};

static struct fuzz_net fuzz;
static struct honest honest;
static struct wire in, out;                     // honest to host, host to honest
static struct way there, back;                  // honest to host, host to honest
static struct tcp *tcp;
static struct tcp_connection *ours, *theirs;    // the honest connection here, and at the honest peer
static struct tcp_connection *strangers[CONNECTIONS];
static uint8_t stream[STREAM];
static uint32_t heard_seq, heard_ack, said_seq; // of the talk with the stranger 10.0.0.2
static unsigned sends_out;

static const uint8_t honest4[4] = {10, 0, 0, 3}, honest6[16] = {0xFD, [15] = 3}, honest_link[6] = {2, 0, 0, 0, 0, 3};

// ---- the honest peer's host

static void
honest_drain(void)
{
    struct eng_out *packet;
    static uint8_t frame[70000];
    while ((packet = eng_outbox_pop(&honest.outbox))) {
        if (packet->flags & ENG_OUT_LOOPBACK) {
            struct net_result result;
            net_input_loopback(honest.net, packet, fuzz.now_us, &honest.outbox, &result);
            net_result_done(&result);
            continue;
        }
        size_t count = packet->head_bytes + packet->data_bytes;
        memcpy(frame, packet->head, packet->head_bytes);
        FUZZ_REQUIRE(eng_spans_copy(packet->data, packet->n_data, 0, frame + packet->head_bytes, packet->data_bytes));
        eng_out_put(&honest.pool, packet);
        if (in.n == QUEUE)
            continue;
        in.frames[in.n] = memcpy(malloc(count), frame, count);
        in.counts[in.n++] = count;
    }
    struct net_event event;
    while (net_event_pop(honest.net, &event))
        continue;
}

static void
down(struct net *net, struct eng_outbox *from, struct eng_outbox *to)
{
    struct eng_out *packet;
    while ((packet = eng_outbox_pop(from)))
        net_output(net, packet, fuzz.now_us, to);
}

static void
sends_free(struct tcp *of, struct tcp_connection *connection)
{
    struct tcp_send *send;
    while ((connection && (send = tcp_send_done(connection))) || (send = tcp_released_send_done(of))) {
        struct sending *sending = LIST_ENTRY_OF(send, struct sending, send);
        if (sending->way)
            sending->way->acked += send->acked_bytes;
        free(sending);
        sends_out--;
    }
}

static void
take(struct tcp_connection *connection, struct way *way, struct eng_outbox *outbox)
{
    struct eng_span spans[8];
    for (size_t n; (n = tcp_receive_spans(connection, 0, spans, 8));) {
        uint32_t taken = 0;
        for (size_t i = 0; i < n; taken += spans[i++].count)
            for (uint32_t b = 0; way && b < spans[i].count; b++)
                FUZZ_REQUIRE(spans[i].bytes[b] == stream[(way->got + taken + b) % STREAM]);
        if (way)
            way->got += taken;
        tcp_receive_take(connection, taken, fuzz.now_us, outbox);
    }
    FUZZ_REQUIRE(!way || way->got <= way->sent);
}

// What is acknowledged to one end has come to the other.
static void
acknowledged(void)
{
    FUZZ_REQUIRE(there.acked <= there.got && back.acked <= back.got);
}

static void
honest_serve(struct eng_outbox *outbox)
{
    struct tcp_connection *connection;
    uint32_t events;
    while ((connection = tcp_event_next(honest.tcp, &events)))
        if (connection == theirs && events & TCP_EVENT_DATA)
            take(connection, &back, outbox);
    sends_free(honest.tcp, theirs);
    down(honest.net, outbox, &honest.outbox);
    honest_drain();
}

static void
honest_frame(const uint8_t *frame, size_t count)
{
    struct eng_span span = {.bytes = frame, .count = (uint32_t)count};
    struct eng_in packet = {.spans = &span, .n_spans = 1, .length_bytes = (uint32_t)count, .interface_index = honest.index};
    struct net_result result;
    struct eng_outbox outbox;
    eng_outbox_init(&outbox);
    net_input(honest.net, &packet, fuzz.now_us, &honest.outbox, &result);
    if (result.verdict == NET_FOR_TCP)
        tcp_input(honest.tcp, &result.in, fuzz.now_us, &outbox);
    net_result_done(&result);
    honest_serve(&outbox);
}

static void
honest_time(void)
{
    struct eng_outbox outbox;
    eng_outbox_init(&outbox);
    net_run(honest.net, fuzz.now_us, &honest.outbox);
    tcp_run(honest.tcp, fuzz.now_us, &outbox);
    honest_serve(&outbox);
}

// ---- the host under attack

static void
offer(struct tcp_connection *connection, struct eng_outbox *outbox)
{
    struct tcp_open open = {.path = {.mtu_bytes = FUZZ_MTU}, .receive_bytes = 20000};
    struct tcp_record record;
    tcp_query(connection, fuzz.now_us, &record);
    bool is_honest = !memcmp(record.constant.remote.bytes, honest4, 4) && record.constant.remote.family == ENG_IP4;
    unsigned free_at = 0;
    while (free_at < CONNECTIONS && strangers[free_at])
        free_at++;
    if ((is_honest && ours) || (!is_honest && free_at == CONNECTIONS)) {
        tcp_refuse(connection, fuzz.now_us, outbox);
    } else if (tcp_accept(connection, &open, fuzz.now_us, outbox)) {
        tcp_release(connection, fuzz.now_us, outbox);
    } else if (is_honest) {
        ours = connection;
    } else {
        strangers[free_at] = connection;
    }
}

static void
serve(struct eng_outbox *outbox)
{
    struct tcp_connection *connection;
    uint32_t events;
    while ((connection = tcp_event_next(tcp, &events))) {
        bool is_known = connection == ours;
        for (unsigned i = 0; i < CONNECTIONS; i++)
            is_known |= strangers[i] == connection;
        if (events & TCP_EVENT_OFFER && !is_known) {
            if (events & TCP_EVENT_ENDED)
                tcp_release(connection, fuzz.now_us, outbox);
            else
                offer(connection, outbox);
            continue;
        }
        if (events & TCP_EVENT_DATA && connection == ours)
            take(connection, &there, outbox);
        sends_free(tcp, connection);
        for (unsigned i = 0; i < CONNECTIONS; i++)
            if (events & TCP_EVENT_ENDED && strangers[i] == connection) {
                tcp_release(connection, fuzz.now_us, outbox);
                strangers[i] = NULL;
            }
    }
    sends_free(tcp, ours);
    down(fuzz.net, outbox, &fuzz.outbox);
}

static void
on_result(struct fuzz_net *net, const struct net_result *result)
{
    struct eng_outbox outbox;
    eng_outbox_init(&outbox);
    if (result->verdict == NET_FOR_TCP)
        tcp_input(tcp, &result->in, fuzz.now_us, &outbox);
    if (result->verdict == NET_FOR_ERROR) {
        struct tcp_icmp icmp = {.kind = result->error.kind == NET_ERROR_TOO_BIG ? TCP_ICMP_TOO_BIG
                                        : result->error.kind == NET_ERROR_PORT  ? TCP_ICMP_REFUSED
                                                                                : TCP_ICMP_UNREACHABLE,
                                .local = result->error.local,
                                .remote = result->error.remote,
                                .mtu_bytes = result->error.mtu_bytes};
        memcpy(icmp.header, result->error.upper, 8);
        tcp_icmp(tcp, &icmp, fuzz.now_us, &outbox);
    }
    serve(&outbox);
}

// A frame that left: to the honest peer's end of the wire; what a segment to the stranger says is remembered for his next ones.
static void
on_frame(struct fuzz_net *net, const uint8_t *frame, size_t count)
{
    bool is_group = frame[0] & 1;
    const uint8_t *ip = frame + 14;
    if (bytes_load_be16(frame + 12) == 0x0800 && ip[9] == 6) {
        const uint8_t *segment = ip + (ip[0] & 15) * 4;
        size_t bytes = count - (size_t)(segment - frame), head = (segment[12] >> 4) * 4u;
        FUZZ_REQUIRE(bytes >= 20 && head >= 20 && head <= bytes);
        // Under a route the sum covers its last address, and the header names the first hop: one host, and not ourselves.
        const uint8_t *last = segment > ip + 20 ? segment - 4 : ip + 16;
        FUZZ_REQUIRE(last == ip + 16 || (net->accepts_source_routes && ip[20] == 1 && (ip[21] == 131 || ip[21] == 137) && ip[23] == 4));
        FUZZ_REQUIRE(ip[16] && ip[16] != 127 && ip[16] < 224);
        FUZZ_REQUIRE(!csum_finish(csum_add(csum_pseudo4(ip + 12, last, 6, (uint16_t)bytes), segment, bytes)));
        if (!memcmp(last, fuzz_peer4, 4)) {
            heard_seq = bytes_load_be32(segment + 4) + (uint32_t)(bytes - head) + (segment[13] & 1) + !!(segment[13] & 2);
            heard_ack = bytes_load_be32(segment + 8);
        }
    }
    if ((!is_group && memcmp(frame, honest_link, 6) != 0) || out.n == QUEUE)
        return;
    out.frames[out.n] = memcpy(malloc(count), frame, count);
    out.counts[out.n++] = count;
}

static void
send_some(struct tcp *of, struct tcp_connection *connection, struct way *way, uint32_t bytes, struct eng_outbox *outbox)
{
    struct sending *sending = calloc(1, sizeof *sending);
    uint32_t at = way ? (uint32_t)(way->sent % STREAM) : 0;
    sending->span = (struct eng_span){.bytes = stream + at, .count = bytes < STREAM - at ? bytes : STREAM - at};
    sending->send = (struct tcp_send){.spans = &sending->span, .n_spans = 1, .bytes = sending->span.count};
    sending->way = way;
    if (tcp_send(connection, &sending->send, fuzz.now_us, outbox)) {
        free(sending);
        return;
    }
    sends_out++;
    if (way)
        way->sent += sending->span.count;
}

// ---- the wire, and strangers on it

static void
wire_step(struct wire *wire, bool to_host, unsigned how)
{
    if (!wire->n)
        return;
    unsigned which = how & 4 && wire->n > 1 ? wire->n - 1 : 0; // the last overtakes the rest
    uint8_t *frame = wire->frames[which];
    size_t count = wire->counts[which];
    if (how & 2) { // once more: it stays
        frame = memcpy(malloc(count), frame, count);
    } else {
        wire->n--;
        memmove(wire->frames + which, wire->frames + which + 1, (wire->n - which) * sizeof wire->frames[0]);
        memmove(wire->counts + which, wire->counts + which + 1, (wire->n - which) * sizeof wire->counts[0]);
    }
    if (!(how & 1) && to_host)
        fuzz_frame(&fuzz, frame, count, 0);
    else if (!(how & 1))
        honest_frame(frame, count);
    free(frame);
}

static void
stranger_frame(const uint8_t *bytes, size_t count, uint8_t shape)
{
    static uint8_t frame[4096];
    if (count < 34 || count > sizeof frame)
        return;
    memcpy(frame, bytes, count);
    // Not in the honest peer's name.
    if (!memcmp(frame + 26, honest4, 4) || (count >= 38 && !memcmp(frame + 22, honest6, 16)))
        return;
    fuzz_frame(&fuzz, frame, count, shape);
}

// A segment of the stranger, nearly right: {flags, shape, seq, ack, window, bytes, option words}.
static void
stranger_segment(const uint8_t *b)
{
    // Above an urgent pointer's half, a route that ends here: its hops are the option words.
    size_t hops = b[6] & 0x80 ? 1 + (b[6] & 1u) : 0, ip_bytes = 20 + (hops ? 4 + 4 * hops : 0);
    uint8_t frame[14 + 40 + 60 + 1500] = {0}, *ip = frame + 14, *tcp_at = ip + ip_bytes;
    size_t options = (b[1] & 3) * 4u, text = (size_t)(b[7] & 0x3F) * (b[1] & 4 ? 20u : 1u), head = 20 + options;
    uint32_t seq = (b[0] & 2 ? said_seq : heard_ack ? heard_ack
                                                    : said_seq) +
                   (uint32_t)(int32_t)(int8_t)b[2] * (b[1] & 8 ? 700u : 1u);
    fuzz_eth(frame, 0x0800);
    fuzz_ip4(ip, 6, ip_bytes - 20 + head + text);
    if (hops) {
        uint16_t sum;
        memcpy(ip + 20, (uint8_t[4]){1, b[6] & 2 ? 137 : 131, (uint8_t)(3 + 4 * hops), (uint8_t)(4 + 4 * hops - (b[6] & 4))}, 4);
        memcpy(ip + 24, b + 8, 4 * hops);
        ip[0] = (uint8_t)(0x40 | ip_bytes / 4);
        memset(ip + 10, 0, 2);
        sum = csum_of(ip, ip_bytes);
        memcpy(ip + 10, &sum, 2);
    }
    bytes_store_be16(tcp_at, 4000 + (b[1] >> 6));
    bytes_store_be16(tcp_at + 2, 80);
    bytes_store_be32(tcp_at + 4, seq);
    bytes_store_be32(tcp_at + 8, heard_seq + (uint32_t)(int32_t)(int8_t)b[3]);
    tcp_at[12] = (uint8_t)(head / 4 << 4);
    tcp_at[13] = b[0];
    bytes_store_be16(tcp_at + 14, bytes_load_be16(b + 4));
    bytes_store_be16(tcp_at + 18, b[6]);
    if (options)
        memcpy(tcp_at + 20, b + 8, options);
    memset(tcp_at + head, b[2], text);
    fuzz_sum(tcp_at + 16, csum_pseudo4(fuzz_peer4, fuzz_us4, 6, (uint16_t)(head + text)), tcp_at, head + text);
    if (b[0] & 2)
        heard_ack = 0;
    said_seq = seq;
    fuzz_frame(&fuzz, frame, 14 + ip_bytes + head + text, b[1] >> 3 & 7);
}

static void
pass(uint64_t us)
{
    uint64_t end_us = fuzz.now_us + us;
    for (unsigned i = 0; i < 300; i++) {
        struct eng_outbox outbox;
        uint64_t at_us = net_next_deadline_us(fuzz.net), other_us = tcp_next_deadline(tcp);
        at_us = other_us < at_us ? other_us : at_us;
        other_us = tcp_next_deadline(honest.tcp);
        at_us = other_us < at_us ? other_us : at_us;
        other_us = net_next_deadline_us(honest.net);
        at_us = other_us < at_us ? other_us : at_us;
        if (at_us > end_us)
            break;
        fuzz.now_us = at_us > fuzz.now_us ? at_us : fuzz.now_us;
        eng_outbox_init(&outbox);
        net_run(fuzz.net, fuzz.now_us, &fuzz.outbox);
        tcp_run(tcp, fuzz.now_us, &outbox);
        serve(&outbox);
        fuzz_drain(&fuzz);
        honest_time();
    }
    fuzz.now_us = end_us;
}

static void
client(uint8_t what, uint8_t argument, uint32_t amount)
{
    struct eng_outbox outbox;
    struct tcp_connection **stranger = &strangers[argument % CONNECTIONS];
    eng_outbox_init(&outbox);
    if (what == 0 && theirs)
        send_some(honest.tcp, theirs, &there, 1 + amount, &outbox);
    if (what == 0) {
        honest_serve(&outbox);
        return;
    }
    if (what == 1 && ours)
        send_some(tcp, ours, &back, 1 + amount, &outbox);
    if (what == 2 && *stranger)
        send_some(tcp, *stranger, NULL, 1 + amount, &outbox);
    if (what == 3 && *stranger)
        take(*stranger, NULL, &outbox);
    if (what == 4 && *stranger)
        tcp_shutdown(*stranger, fuzz.now_us, &outbox);
    if (what == 5 && *stranger)
        tcp_abort(*stranger, fuzz.now_us, &outbox);
    serve(&outbox);
    fuzz_drain(&fuzz);
}

// Returns how many bytes of the input it took.
static size_t
one_operation(const uint8_t *data, size_t size)
{
    if (data[0] < 0x60 && size >= 20) {
        uint8_t bytes[20];
        memcpy(bytes, data + 1, 19);
        bytes[0] = data[0] & 0x3F;
        stranger_segment(bytes);
        return 20;
    }
    if (data[0] < 0xA0) {
        wire_step(data[0] & 8 ? &in : &out, data[0] & 8, data[0] & 7);
        return 1;
    }
    if (data[0] < 0xC0 && size >= 4) {
        client(data[0] & 7, data[1], bytes_load_be16(data + 2) >> (data[0] >> 3 & 3) * 3);
        return 4;
    }
    if (data[0] < 0xE0) {
        pass(UINT64_C(1) << (data[0] & 31) % 28);
        return 1;
    }
    size_t count = size >= 2 ? (size_t)(data[0] & 3) << 8 | data[1] : 0;
    if (size < 2)
        return size;
    count = count < size - 2 ? count : size - 2;
    stranger_frame(data + 2, count, data[0] >> 2 & 7);
    return 2 + count;
}

// ---- a run

static void
open_hosts(uint8_t uses)
{
    struct net_settings settings = {.memory = &honest.memory, .pool = &honest.pool};
    struct net_interface_settings interface = {.mtu_bytes = FUZZ_MTU};
    struct eng_address address4 = eng_address4(honest4), address6 = eng_address6(honest6), us4 = eng_address4(fuzz_us4);
    struct eng_address any = {.family = ENG_IP4};
    struct tcp_params params;
    struct tcp_listener *listener;
    struct eng_outbox outbox;
    in = out = (struct wire){0};
    there = back = (struct way){0};
    ours = theirs = NULL;
    memset(strangers, 0, sizeof strangers);
    heard_seq = heard_ack = said_seq = sends_out = 0;
    fuzz.accepts_source_routes = uses & TCP_USE_TARGET; // the bit that is free here
    fuzz_open(&fuzz);
    fuzz.on_result = on_result;
    fuzz.on_frame = on_frame;
    honest = (struct honest){.memory = {.on_take = fuzz_take, .on_give = fuzz_give}};
    eng_out_pool_init(&honest.pool, &honest.memory);
    eng_outbox_init(&honest.outbox);
    memset(settings.secret, 7, sizeof settings.secret);
    memcpy(interface.link_address, honest_link, 6);
    honest.net = net_create(&settings, fuzz.now_us);
    honest.index = (uint32_t)net_interface_add(honest.net, &interface);
    net_interface_up(honest.net, honest.index, true, fuzz.now_us, &honest.outbox);
    net_address_add(honest.net, honest.index, &address4, 24, fuzz.now_us, &honest.outbox);
    net_address_add(honest.net, honest.index, &address6, 64, fuzz.now_us, &honest.outbox);
    tcp_params_default(&params);
    honest.tcp = tcp_create(&honest.memory, &honest.pool, &params, &(struct siphash_key){{3, 4}});
    params.uses = uses & ~(uint32_t)TCP_USE_TARGET;
    params.half_open_cookies = 4;
    params.half_open_max = 16;
    params.chunks_max = 64;
    params.early_chunks_max = 200;
    tcp = tcp_create(&fuzz.memory, &fuzz.pool, &params, &(struct siphash_key){{5, 6}});
    FUZZ_REQUIRE(tcp && honest.tcp && !tcp_listen(tcp, &any, 80, 32, NULL, &listener));
    struct tcp_open open = {.local = address4, .remote = us4, .local_port = 5000, .remote_port = 80, .path = {.mtu_bytes = FUZZ_MTU}};
    eng_outbox_init(&outbox);
    FUZZ_REQUIRE(!tcp_connect(honest.tcp, &open, fuzz.now_us, &outbox, &theirs));
    honest_serve(&outbox);
}

static void
close_hosts(void)
{
    struct eng_out *packet;
    acknowledged();
    FUZZ_REQUIRE(fuzz.memory.taken_bytes <= FUZZ_MEMORY_BYTES);
    tcp_abandon(tcp);
    tcp_abandon(honest.tcp);
    sends_free(tcp, NULL);
    sends_free(honest.tcp, NULL);
    FUZZ_REQUIRE(!sends_out);
    tcp_destroy(tcp);
    tcp_destroy(honest.tcp);
    for (unsigned i = 0; i < in.n; i++)
        free(in.frames[i]);
    for (unsigned i = 0; i < out.n; i++)
        free(out.frames[i]);
    while ((packet = eng_outbox_pop(&honest.outbox)))
        eng_out_put(&honest.pool, packet);
    net_destroy(honest.net);
    FUZZ_REQUIRE(!honest.pool.in_use);
    eng_out_pool_destroy(&honest.pool);
    FUZZ_REQUIRE(!honest.memory.taken_bytes);
    fuzz.on_result = NULL;
    fuzz.on_frame = NULL;
    fuzz_close(&fuzz);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 6000)
        return 0;
    for (unsigned i = 0; i < STREAM; i++)
        stream[i] = (uint8_t)(i * 37 + i / 253);
    open_hosts(data[0]);
    data++;
    size--;
    while (size) {
        size_t took = one_operation(data, size);
        acknowledged();
        data += took;
        size -= took;
    }
    close_hosts();
    return 0;
}
