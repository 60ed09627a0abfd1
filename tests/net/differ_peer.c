// SPDX-License-Identifier: MIT
// The TCP engine for differ_test.sh: it takes a client's calls and a peer's segments as lines on stdin, in virtual time, and prints what
// leaves, so that the same lines can be put to the kernel of this machine (differ.py) and the answers compared.
//   say FLAGS SEQ ACK WINDOW BYTES OPTIONS-IN-HEX   numbers count from the two first sequence numbers; FLAGS of FSRPAU; - for no options
//   listen, connect, send BYTES, recv, fin, close, abort, wait MS, state
// A line that ends with ! is not waited for; @ in options stands for the timestamp heard last.
// Each line is answered by the segments that left ("seg FLAGS SEQ ACK BYTES"), perhaps a word, and a line with a dot.
#include "base/bytes.h"
#include "engine/tcp/tcp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER_ISS 0x7FFFF000u
#define SETTLE_US 60000         // how long each line is listened to

struct sending {
    struct tcp_send send;
    struct eng_span span;
};

static struct eng_memory memory;
static struct eng_out_pool pool;
static struct eng_outbox outbox;
static struct tcp *tcp;
static struct tcp_connection *connection;
static struct tcp_listener *listener;
static uint64_t now_us = 5000000;
static uint32_t own_iss, sent_bytes, got_bytes, stamp;
static bool has_iss;
static uint8_t text[1 << 16];

static const uint8_t own4[4] = {10, 77, 0, 2}, other4[4] = {10, 77, 0, 1};

static void *
take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
give(void *context, void *block, size_t bytes)
{
    free(block);
}

static void
print_segment(const struct eng_out *out)
{
    static const char letters[] = "FSRPAU";
    const uint8_t *tcp_at = out->head;
    char flags[8];
    unsigned n = 0;
    for (unsigned i = 0; i < 6; i++)
        if (tcp_at[13] & 1u << i)
            flags[n++] = letters[i];
    flags[n] = 0;
    uint32_t seq = bytes_load_be32(tcp_at + 4), ack = bytes_load_be32(tcp_at + 8);
    if (tcp_at[13] & 2 && !has_iss) {
        own_iss = seq;
        has_iss = true;
    }
    unsigned head = (tcp_at[12] >> 4) * 4u;
    for (unsigned at = 20; at + 10 <= head; at += tcp_at[at] == 1 ? 1 : tcp_at[at + 1] ? tcp_at[at + 1]
                                                                                       : head)
        if (tcp_at[at] == 8)
            stamp = bytes_load_be32(tcp_at + at + 2);
    // A reset for what never was says 0.
    printf("seg %s %u %u %u\n", flags, seq || !(tcp_at[13] & 4) ? seq - own_iss : 0, tcp_at[13] & 16 ? ack - PEER_ISS : 0,
           (unsigned)(out->head_bytes + out->data_bytes - head));
}

static void
serve(void)
{
    struct tcp_open open = {.path = {.mtu_bytes = 1500}, .cached_flags = TCP_CACHED_NAGLE, .ttl = 64};
    struct tcp_connection *c;
    struct tcp_send *send;
    struct eng_out *out;
    uint32_t events;
    while ((c = tcp_event_next(tcp, &events)))
        if (events & TCP_EVENT_OFFER && !(events & TCP_EVENT_ENDED) && tcp_accept(c, &open, now_us, &outbox) == 0)
            connection = c;
    while ((connection && (send = tcp_send_done(connection))) || (send = tcp_released_send_done(tcp)))
        free(LIST_ENTRY_OF(send, struct sending, send));
    while ((out = eng_outbox_pop(&outbox))) {
        print_segment(out);
        eng_out_put(&pool, out);
    }
}

static void
pass(uint64_t us)
{
    uint64_t until_us = now_us + us;
    serve();
    while (tcp_next_deadline(tcp) <= until_us) {
        uint64_t due_us = tcp_next_deadline(tcp);
        now_us = due_us > now_us ? due_us : now_us;
        tcp_run(tcp, now_us, &outbox);
        serve();
    }
    now_us = until_us;
}

static void
say(const char *letters, uint32_t seq, uint32_t ack, unsigned window, unsigned bytes, const char *hex)
{
    static uint8_t frame[70000];
    char filled[160];
    const char *mark = strchr(hex, '@');
    if (mark) {
        snprintf(filled, sizeof filled, "%.*s%08x%s", (int)(mark - hex), hex, stamp, mark + 1);
        hex = filled;
    }
    unsigned options = hex[0] == '-' ? 0 : (unsigned)strlen(hex) / 2, head = 20 + (options + 3) / 4 * 4, flags = 0;
    memset(frame, 0, head);
    for (; *letters; letters++)
        flags |= 1u << (strchr("FSRPAU", *letters) - "FSRPAU");
    bytes_store_be16(frame, 40000);
    bytes_store_be16(frame + 2, 80);
    bytes_store_be32(frame + 4, PEER_ISS + seq);
    bytes_store_be32(frame + 8, flags & 16 ? own_iss + ack : 0);
    frame[12] = (uint8_t)(head / 4 << 4);
    frame[13] = (uint8_t)flags;
    bytes_store_be16(frame + 14, (uint16_t)window);
    for (unsigned i = 0; i < options; i++)
        sscanf(hex + 2 * i, "%2hhx", frame + 20 + i);
    for (unsigned i = 0; i < bytes; i++)
        frame[head + i] = (uint8_t)(seq - !(flags & 2) + i);
    struct eng_span span = {.bytes = frame, .count = head + bytes};
    struct eng_in in = {.spans = &span, .n_spans = 1, .length_bytes = head + bytes, .flags = ENG_IN_L4_SUM_GOOD, .protocol = 6};
    in.source = eng_address4(other4);
    in.destination = eng_address4(own4);
    tcp_input(tcp, &in, now_us, &outbox);
}

static void
send_bytes(unsigned bytes)
{
    struct sending *sending = calloc(1, sizeof *sending);
    sending->span = (struct eng_span){.bytes = text + sent_bytes % 32768, .count = bytes};
    sending->send = (struct tcp_send){.spans = &sending->span, .n_spans = 1, .bytes = bytes, .flags = TCP_SEND_PUSH};
    sent_bytes += bytes;
    if (!connection || tcp_send(connection, &sending->send, now_us, &outbox)) {
        free(sending);
        printf("word refused\n");
    }
}

static void
receive(void)
{
    struct tcp_receive_view view;
    struct eng_span spans[64];
    bool is_right = true;
    tcp_receive_view(connection, &view);
    for (size_t n; (n = tcp_receive_spans(connection, 0, spans, 64));) {
        uint32_t bytes = 0;
        for (size_t i = 0; i < n; bytes += spans[i++].count)
            for (uint32_t b = 0; b < spans[i].count; b++)
                is_right &= spans[i].bytes[b] == (uint8_t)(got_bytes + bytes + b);
        got_bytes += bytes;
        tcp_receive_take(connection, bytes, now_us, &outbox);
    }
    printf("word got %u%s%s\n", got_bytes, view.has_fin ? " and the end" : "", is_right ? "" : " WRONG");
}

static void
state_print(void)
{
    static const char *const ends[] = {[TCP_END_RESET] = "reset", [TCP_END_REFUSED] = "refused", [TCP_END_TIMED_OUT] = "timed out"};
    struct tcp_info info = {0};
    if (connection)
        tcp_info(connection, &info);
    printf("word %s%s%s\n", tcp_state_name(info.state), info.end ? " " : "", info.end && ends[info.end] ? ends[info.end] : "");
}

static void
call(const char *word, unsigned amount)
{
    struct tcp_open open = {.local = eng_address4(own4), .remote = eng_address4(other4), .local_port = 80, .remote_port = 40000};
    open.path.mtu_bytes = 1500;
    open.cached_flags = TCP_CACHED_NAGLE;
    open.ttl = 64;
    if (!strcmp(word, "listen"))
        tcp_listen(tcp, &open.local, 80, 10, NULL, &listener);
    else if (!strcmp(word, "connect"))
        tcp_connect(tcp, &open, now_us, &outbox, &connection);
    else if (!strcmp(word, "send"))
        send_bytes(amount);
    else if (!strcmp(word, "recv") && connection)
        receive();
    else if (!strcmp(word, "fin") && connection)
        tcp_shutdown(connection, now_us, &outbox);
    else if (!strcmp(word, "abort") && connection)
        tcp_abort(connection, now_us, &outbox);
    else if (!strcmp(word, "wait"))
        pass(amount * UINT64_C(1000));
    else if (!strcmp(word, "state"))
        state_print();
    if (!strcmp(word, "close") && connection) {
        tcp_release(connection, now_us, &outbox);
        connection = NULL;
    }
}

int
main(void)
{
    struct tcp_params params;
    char line[512], word[32], flags[16], hex[128];
    unsigned seq, ack, window, bytes, amount;
    memory = (struct eng_memory){.on_take = take, .on_give = give};
    eng_out_pool_init(&pool, &memory);
    eng_outbox_init(&outbox);
    tcp_params_default(&params);
    tcp = tcp_create(&memory, &pool, &params, &(struct siphash_key){{77, 88}});
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)i;
    while (fgets(line, sizeof line, stdin)) {
        amount = 0;
        if (sscanf(line, "say %15s %u %u %u %u %127s", flags, &seq, &ack, &window, &bytes, hex) == 6)
            say(flags, seq, ack, window, bytes, hex);
        else if (sscanf(line, "%31s %u", word, &amount) >= 1)
            call(word, amount);
        pass(strchr(line, '!') ? 1000 : SETTLE_US);
        printf(".\n");
        fflush(stdout);
    }
    tcp_abandon(tcp);
    connection = NULL;
    serve();
    tcp_destroy(tcp);
    eng_out_pool_destroy(&pool);
    return memory.taken_bytes != 0;
}
