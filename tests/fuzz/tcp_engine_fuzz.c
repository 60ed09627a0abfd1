// SPDX-License-Identifier: MIT
// libFuzzer on the whole TCP engine with a model peer: the bytes are a script of what the peer says (numbers relative to what was said and
// heard, so that most segments are nearly right), what the client does and how time passes. Nothing from it may reach an assertion, take
// memory past the bound, or leave anything allocated.
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/tcp/tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MEMORY_MAX (8u << 20)

struct model {
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    struct tcp *tcp;
    struct tcp_connection *connection;
    struct bytes_reader script;
    uint64_t now_us;
    uint32_t seq, ack, blocks;          // what the peer would say next, and has heard
    unsigned sends;
};

static void *
take(void *context, size_t bytes)
{
    struct model *model = context;
    model->blocks++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
give(void *context, void *block, size_t bytes)
{
    struct model *model = context;
    (void)bytes;
    model->blocks--;
    free(block);
}

static void
drain(struct model *model)
{
    struct eng_out *out;
    while ((out = eng_outbox_pop(&model->outbox))) {
        uint8_t text[70000];
        if (!eng_spans_copy(out->data, out->n_data, 0, text, out->data_bytes))
            abort();
        uint32_t seq = bytes_load_be32(out->head + 4), last = seq + out->data_bytes + !!(out->head[13] & 3);
        if (out->head[13] & 2 || (int32_t)(last - model->ack) > 0)
            model->ack = last;
        eng_out_put(&model->pool, out);
    }
}

static void
say(struct model *model)
{
    struct bytes_reader *s = &model->script;
    uint8_t frame[60 + 1500] = {0};
    uint8_t flags = bytes_get_u8(s), shape = bytes_get_u8(s), options = shape & 15;
    uint32_t text = bytes_get_be16(s) % 1460, seq = model->seq + (uint32_t)(int8_t)bytes_get_u8(s) * (shape & 16 ? 1460u : 1u);
    uint32_t ack = model->ack + (uint32_t)(int8_t)bytes_get_u8(s) * (shape & 32 ? 100u : 1u), head = 20 + 4 * (options % 11);
    bytes_store_be16(frame, 7);
    bytes_store_be16(frame + 2, 80);
    bytes_store_be32(frame + 4, seq);
    bytes_store_be32(frame + 8, ack);
    frame[12] = (uint8_t)(head / 4 << 4);
    frame[13] = flags;
    bytes_store_be16(frame + 14, bytes_get_be16(s));
    bytes_store_be16(frame + 18, bytes_get_u8(s));
    for (uint32_t i = 20; i < head; i++)
        frame[i] = bytes_get_u8(s);
    struct eng_span span = {.bytes = frame, .count = head + text};
    const uint8_t own[4] = {10, 0, 0, 1}, other[4] = {10, 0, 0, 2};
    struct eng_in in = {
        .spans = &span,
        .n_spans = 1,
        .length_bytes = head + text,
        .flags = ENG_IN_L4_SUM_GOOD,
        .protocol = 6,
        .coalesced = shape & 64 ? 3 : 0,
        .traffic_class = shape >> 6,
        .source = eng_address4(other),
        .destination = eng_address4(own),
    };
    tcp_input(model->tcp, &in, model->now_us, &model->outbox);
    if (shape & 128)
        model->seq = seq + text + !!(flags & 2) + (flags & 1);
}

static void
send_some(struct model *model)
{
    struct send {
        struct tcp_send send;
        struct eng_span span;
    } *send = calloc(1, sizeof *send);
    static const uint8_t text[65536];
    uint32_t count = 1u + bytes_get_be16(&model->script);
    send->span = (struct eng_span){.bytes = text, .count = count < sizeof text ? count : sizeof text};
    send->send = (struct tcp_send){.spans = &send->span,
                                   .n_spans = 1,
                                   .bytes = send->span.count,
                                   .flags = bytes_get_u8(&model->script) & 7};
    if (tcp_send(model->connection, &send->send, model->now_us, &model->outbox))
        free(send);
    else
        model->sends++;
}

static void
sends_free(struct model *model)
{
    struct tcp_send *send;
    while ((model->connection && (send = tcp_send_done(model->connection))) || (send = tcp_released_send_done(model->tcp))) {
        free(send);
        model->sends--;
    }
}

static const struct tcp_open *
open_of(struct model *model)
{
    static struct tcp_open open;
    const uint8_t own[4] = {10, 0, 0, 1}, other[4] = {10, 0, 0, 2};
    uint8_t shape = bytes_get_u8(&model->script);
    open = (struct tcp_open){
        .local = eng_address4(own),
        .remote = eng_address4(other),
        .local_port = 80,
        .remote_port = 7,
        .path = {.mtu_bytes = 1500, .lso_max_bytes = shape & 1 ? 60000 : 0},
        .cached_flags = shape & 6,
        .receive_bytes = 1000 + 100u * shape,
    };
    return &open;
}

static void
events(struct model *model)
{
    struct tcp_connection *c;
    uint32_t bits;
    while ((c = tcp_event_next(model->tcp, &bits))) {
        if (!(bits & TCP_EVENT_OFFER))
            continue;
        if (model->connection && model->connection != c)
            tcp_ignore(c);
        else if (tcp_accept(c, open_of(model), model->now_us, &model->outbox) == 0)
            model->connection = c;
        else
            tcp_release(c, model->now_us, &model->outbox);
    }
}

// The client's side: one thing it may do.
static void
act(struct model *model, uint8_t what)
{
    struct tcp_record record;
    if (!model->connection) {
        if (what == 1)
            tcp_connect(model->tcp, open_of(model), model->now_us, &model->outbox, &model->connection);
        return;
    }
    switch (what) {
    case 1: send_some(model); break;
    case 2: tcp_receive_take(model->connection, bytes_get_be16(&model->script), model->now_us, &model->outbox); break;
    case 3: tcp_shutdown(model->connection, model->now_us, &model->outbox); break;
    case 4: tcp_abort(model->connection, model->now_us, &model->outbox); break;
    case 5:
        tcp_release(model->connection, model->now_us, &model->outbox);
        model->connection = NULL;
        break;
    case 6:
        tcp_query(model->connection, model->now_us, &record);
        record.cached.flags = bytes_get_u8(&model->script);
        record.cached.ka_timeout = bytes_get_u8(&model->script);
        tcp_update(model->connection, &record.cached, model->now_us, &model->outbox);
        break;
    default: {
        struct tcp_icmp icmp = {.kind = bytes_get_u8(&model->script) % 7, .mtu_bytes = bytes_get_be16(&model->script)};
        const uint8_t own[4] = {10, 0, 0, 1}, other[4] = {10, 0, 0, 2};
        icmp.local = eng_address4(own);
        icmp.remote = eng_address4(other);
        bytes_store_be16(icmp.header, 80);
        bytes_store_be16(icmp.header + 2, 7);
        bytes_store_be32(icmp.header + 4, model->ack - bytes_get_u8(&model->script));
        tcp_icmp(model->tcp, &icmp, model->now_us, &model->outbox);
    }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct model model = {.now_us = 1000000, .seq = 0xFFFFFFF0};
    struct tcp_params params;
    struct siphash_key secret = {{1, 2}};
    struct tcp_listener *listener;
    const uint8_t own[4] = {10, 0, 0, 1};
    struct eng_address local = eng_address4(own);
    bytes_reader_init(&model.script, data, bytes);
    tcp_params_default(&params);
    params.uses = bytes_get_u8(&model.script);
    if (bytes_get_u8(&model.script) & 1)
        params.half_open_cookies = 0;
    model.memory = (struct eng_memory){.on_take = take, .on_give = give, .context = &model, .limit_bytes = MEMORY_MAX};
    eng_out_pool_init(&model.pool, &model.memory);
    eng_outbox_init(&model.outbox);
    model.tcp = tcp_create(&model.memory, &model.pool, &params, &secret);
    if (!model.tcp || tcp_listen(model.tcp, &local, 80, 4, NULL, &listener))
        abort();
    while (model.script.left_bytes) {
        uint8_t what = bytes_get_u8(&model.script);
        if (what < 160) {
            say(&model);
        } else if (what < 190) {
            model.now_us += (uint64_t)bytes_get_be16(&model.script) << (what & 15);
            tcp_run(model.tcp, model.now_us, &model.outbox);
        } else {
            act(&model, what & 7);
        }
        events(&model);
        sends_free(&model);
        drain(&model);
    }
    tcp_abandon(model.tcp);
    model.connection = NULL;
    sends_free(&model);
    tcp_destroy(model.tcp);
    eng_out_pool_destroy(&model.pool);
    if (model.blocks || model.sends || model.memory.taken_bytes)
        abort();
    return 0;
}
