// SPDX-License-Identifier: MIT
// The raw peer: builds segments with right checksums, takes apart what the engine sends, and checks on the way what holds for every
// segment there is (checksum, text, padding of options).
#include "peer.h"
#include "base/bytes.h"
#include "base/csum.h"
#include <stdlib.h>
#include <string.h>

struct frame {
    struct eng_owner owner;
    uint8_t bytes[];
};

struct item {
    struct tcp_send send;
    struct eng_span span;
    struct eng_owner owner;
    bool is_done;
    uint8_t bytes[];
};

static uint32_t places_sent[1]; // of the one peer of a test: how far the engine's stream was queued
static uint32_t places_read[1];

static void *
take(void *context, size_t bytes)
{
    struct peer *peer = context;
    peer->blocks++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
give(void *context, void *block, size_t bytes)
{
    struct peer *peer = context;
    peer->blocks--;
    free(block);
}

uint8_t
peer_byte(bool is_own, uint32_t place)
{
    return (uint8_t)(place * 11 + (place >> 8) * 3 + (is_own ? 50 : 0));
}

void
peer_create(struct peer *peer, const struct tcp_params *params)
{
    const uint8_t own[4] = {10, 0, 0, 1}, other[4] = {10, 0, 0, 2};
    struct siphash_key secret = {{11, 22}};
    *peer = (struct peer){.now_us = 5000000, .own = eng_address4(own), .other = eng_address4(other), .syn_window = 60000};
    places_sent[0] = places_read[0] = 0;
    if (params)
        peer->params = *params;
    else
        tcp_params_default(&peer->params);
    peer->memory = (struct eng_memory){.on_take = take, .on_give = give, .context = peer};
    eng_out_pool_init(&peer->pool, &peer->memory);
    eng_outbox_init(&peer->outbox);
    peer->tcp = tcp_create(&peer->memory, &peer->pool, &peer->params, &secret);
    ck_assert_ptr_nonnull(peer->tcp);
    peer->open = (struct tcp_open){
        .local = peer->own,
        .remote = peer->other,
        .local_port = OWN_PORT,
        .remote_port = PEER_PORT,
        .path = {.mtu_bytes = 1500, .flags = TCP_PATH_SUM_PARTIAL},
        .cached_flags = TCP_CACHED_NAGLE,
        .ttl = 64,
    };
}

void
peer_item_free(struct tcp_send *send)
{
    struct item *item = LIST_ENTRY_OF(send, struct item, send);
    item->is_done = true;
    eng_drop(&item->owner);
}

static void
item_release(struct eng_owner *owner)
{
    free(LIST_ENTRY_OF(owner, struct item, owner));
}

void
peer_destroy(struct peer *peer)
{
    struct eng_out *out;
    struct tcp_send *send;
    while ((out = eng_outbox_pop(&peer->outbox)))
        eng_out_put(&peer->pool, out);
    tcp_abandon(peer->tcp);
    while ((send = tcp_released_send_done(peer->tcp)))
        peer_item_free(send);
    tcp_destroy(peer->tcp);
    eng_out_pool_destroy(&peer->pool);
    ck_assert_msg(peer->blocks == 0 && peer->memory.taken_bytes == 0, "%zu bytes are left", peer->memory.taken_bytes);
}

// ---- saying

static void
frame_release(struct eng_owner *owner)
{
    free(LIST_ENTRY_OF(owner, struct frame, owner));
}

void
peer_say_with(struct peer *peer, unsigned flags, uint32_t seq, uint32_t ack, uint32_t window, uint32_t bytes, const void *options,
              unsigned option_bytes, uint16_t urgent)
{
    uint8_t all[40] = {0};
    unsigned all_bytes = 0;
    if (peer->has_ts) {
        const uint8_t head[4] = {1, 1, 8, 10};
        memcpy(all, head, 4);
        bytes_store_be32(all + 4, peer->ts_value);
        bytes_store_be32(all + 8, peer->ts_echo);
        all_bytes = 12;
    }
    if (option_bytes)
        memcpy(all + all_bytes, options, option_bytes);
    all_bytes += option_bytes;
    unsigned head_bytes = 20 + (all_bytes + 3) / 4 * 4;
    unsigned ip_bytes = peer->n_ip_options ? 20 + peer->n_ip_options : 0;
    struct frame *frame = calloc(1, sizeof *frame + ip_bytes + head_bytes + bytes);
    frame->owner = (struct eng_owner){.holds = 1, .on_release = frame_release};
    frame->bytes[0] = (uint8_t)(0x40 | ip_bytes / 4);
    if (ip_bytes)
        memcpy(frame->bytes + 20, peer->ip_options, peer->n_ip_options);
    uint8_t *at = frame->bytes + ip_bytes;
    bytes_store_be16(at, peer->from_own_port ? OWN_PORT : PEER_PORT);
    bytes_store_be16(at + 2, OWN_PORT);
    bytes_store_be32(at + 4, PEER_ISS + seq);
    bytes_store_be32(at + 8, flags & A || ack ? peer->iss + ack : 0);
    at[12] = (uint8_t)(head_bytes / 4 << 4);
    at[13] = (uint8_t)flags;
    bytes_store_be16(at + 14, (uint16_t)window);
    bytes_store_be16(at + 18, urgent);
    memcpy(at + 20, all, all_bytes);
    for (uint32_t i = 0; i < bytes; i++)
        at[head_bytes + i] = peer_byte(false, seq - !(flags & S) + i);
    uint32_t count = head_bytes + bytes;
    bool is6 = peer->own.family == ENG_IP6;
    uint64_t pseudo = is6 ? csum_pseudo6(peer->other.bytes, peer->own.bytes, 6, count)
                          : csum_pseudo4(peer->other.bytes, peer->own.bytes, 6, (uint16_t)count);
    uint16_t sum = csum_finish(csum_add_word(pseudo, csum_add(0, at, count))) ^ (peer->break_sum ? 0x55 : 0);
    memcpy(at + 16, &sum, 2);
    struct eng_span span = {.bytes = frame->bytes, .count = ip_bytes + count, .owner = &frame->owner};
    struct eng_in in = {
        .spans = &span,
        .n_spans = 1,
        .protocol = 6,
        .at_bytes = ip_bytes,
        .length_bytes = count,
        .flags = peer->in_flags | (ip_bytes ? ENG_IN_OPTIONS | ENG_IN_SOURCE_ROUTE : 0),
        .coalesced = peer->coalesced,
        .traffic_class = peer->traffic_class,
        .source = peer->other,
        .destination = peer->own,
    };
    peer->taken = tcp_input(peer->tcp, &in, peer->now_us, &peer->outbox);
    eng_drop(&frame->owner);
}

void
peer_say(struct peer *peer, unsigned flags, uint32_t seq, uint32_t ack, uint32_t window, uint32_t bytes)
{
    peer_say_with(peer, flags, seq, ack, window, bytes, NULL, 0, 0);
}

// ---- hearing

static void
options_read(struct said *said)
{
    for (unsigned at = 0; at < said->option_bytes;) {
        const uint8_t *option = said->options + at;
        if (option[0] == 0) {
            // Padding is zeros to the end [RFC 9293 MUST-69].
            for (; at < said->option_bytes; at++)
                ck_assert_uint_eq(said->options[at], 0);
            return;
        }
        if (option[0] == 1) {
            at++;
            continue;
        }
        ck_assert_uint_ge(option[1], 2);
        ck_assert_uint_le(at + option[1], said->option_bytes);
        if (option[0] == 2) {
            said->has_mss = true;
            said->mss = bytes_load_be16(option + 2);
        } else if (option[0] == 3) {
            said->has_scale = true;
            said->scale = option[2];
        } else if (option[0] == 4) {
            said->has_sack_ok = true;
        } else if (option[0] == 8) {
            said->has_ts = true;
            said->ts_value = bytes_load_be32(option + 2);
            said->ts_echo = bytes_load_be32(option + 6);
        } else if (option[0] == 5) {
            for (unsigned i = 2; i < option[1]; i += 4)
                said->sacks[said->n_sacks++] = bytes_load_be32(option + i) - PEER_ISS;
        }
        at += option[1];
    }
}

struct said *
peer_hear(struct peer *peer)
{
    static uint8_t bytes[70000];
    struct eng_out *out = eng_outbox_pop(&peer->outbox);
    struct said *said = &peer->heard;
    if (!out)
        return NULL;
    uint32_t count = out->head_bytes + out->data_bytes;
    memset(said, 0, offsetof(struct said, text));
    said->has_mss = said->has_scale = said->has_sack_ok = said->has_ts = false;
    said->n_sacks = 0;
    said->partial = out->flags & ENG_OUT_L4_SUM_PARTIAL;
    if (!out->mss_bytes)
        eng_out_sum(out);
    memcpy(bytes, out->head, out->head_bytes);
    ck_assert(eng_spans_copy(out->data, out->n_data, 0, bytes + out->head_bytes, out->data_bytes));
    bool is6 = peer->own.family == ENG_IP6;
    uint64_t pseudo = is6 ? csum_pseudo6(peer->own.bytes, peer->other.bytes, 6, count)
                          : csum_pseudo4(peer->own.bytes, peer->other.bytes, 6, (uint16_t)count);
    ck_assert(out->mss_bytes || csum_finish(csum_add_word(pseudo, csum_add(0, bytes, count))) == 0);
    said->flags = bytes[13];
    if (said->flags & S && !peer->has_iss) {
        peer->iss = bytes_load_be32(bytes + 4);
        peer->has_iss = true;
    }
    said->seq = bytes_load_be32(bytes + 4) - peer->iss;
    said->ack = said->flags & A ? bytes_load_be32(bytes + 8) - PEER_ISS : 0;
    said->window = bytes_load_be16(bytes + 14);
    said->urgent = bytes_load_be16(bytes + 18);
    unsigned head_bytes = (bytes[12] >> 4) * 4u;
    said->option_bytes = head_bytes - 20;
    memcpy(said->options, bytes + 20, said->option_bytes);
    said->bytes = count - head_bytes;
    memcpy(said->text, bytes + head_bytes, said->bytes);
    said->traffic_class = out->traffic_class;
    said->hop_limit = out->hop_limit;
    said->mss_bytes = out->mss_bytes;
    said->n_ip_options = out->n_ip_options;
    memcpy(said->ip_options, out->ip_options, out->n_ip_options);
    said->destination = out->destination;
    said->dont_fragment = out->flags & ENG_OUT_DONT_FRAGMENT;
    options_read(said);
    if (said->has_ts)
        peer->ts_echo = said->ts_value;
    for (uint32_t i = 0; i < said->bytes; i++)
        ck_assert_uint_eq(said->text[i], peer_byte(true, said->seq - 1 + i));
    eng_out_put(&peer->pool, out);
    return said;
}

struct said *
peer_expect(struct peer *peer, unsigned flags, uint32_t seq, uint32_t ack, uint32_t bytes)
{
    struct said *said = peer_hear(peer);
    ck_assert_msg(said, "nothing was sent; flags 0x%x seq %u ack %u bytes %u were expected", flags, seq, ack, bytes);
    ck_assert_msg(said->flags == flags && said->seq == seq && said->ack == ack && said->bytes == bytes,
                  "flags 0x%x seq %u ack %u bytes %u instead of flags 0x%x seq %u ack %u bytes %u", said->flags, said->seq, said->ack,
                  said->bytes, flags, seq, ack, bytes);
    return said;
}

void
peer_silence(struct peer *peer)
{
    struct said *said = peer_hear(peer);
    if (said)
        ck_abort_msg("flags 0x%x seq %u ack %u bytes %u were sent", said->flags, said->seq, said->ack, said->bytes);
}

// ---- time and events

void
peer_wait(struct peer *peer, uint64_t us)
{
    uint64_t until_us = peer->now_us + us;
    while (tcp_next_deadline(peer->tcp) <= until_us) {
        uint64_t due_us = tcp_next_deadline(peer->tcp);
        peer->now_us = due_us > peer->now_us ? due_us : peer->now_us;
        tcp_run(peer->tcp, peer->now_us, &peer->outbox);
    }
    peer->now_us = until_us;
}

static void
events_take(struct peer *peer)
{
    struct tcp_connection *c;
    uint32_t events;
    while ((c = tcp_event_next(peer->tcp, &events))) {
        if (!peer->connection)
            peer->connection = c;
        if (c == peer->connection)
            peer->events |= events;
    }
}

uint32_t
peer_events(struct peer *peer)
{
    events_take(peer);
    uint32_t events = peer->events;
    peer->events = 0;
    return events;
}

struct tcp_info
peer_info(struct peer *peer)
{
    struct tcp_info info;
    tcp_info(peer->connection, &info);
    return info;
}

enum tcp_state
peer_state(struct peer *peer)
{
    return peer_info(peer).state;
}

// ---- opening

void
peer_opens(struct peer *peer, uint32_t window)
{
    ck_assert_int_eq(tcp_listen(peer->tcp, &peer->own, OWN_PORT, 8, NULL, &peer->listener), 0);
    peer_say_with(peer, S, 0, 0, peer->syn_window, 0, peer->options, peer->option_bytes, 0);
    ck_assert_uint_eq(peer_events(peer), TCP_EVENT_OFFER);
    peer_silence(peer);
    ck_assert_int_eq(tcp_accept(peer->connection, &peer->open, peer->now_us, &peer->outbox), 0);
    struct said *said = peer_hear(peer);
    ck_assert_ptr_nonnull(said);
    ck_assert_uint_eq(said->flags & (S | A), S | A);
    ck_assert_uint_eq(said->ack, 1);
    peer_say(peer, A, 1, 1, window, 0);
    ck_assert_uint_eq(peer_events(peer), TCP_EVENT_CONNECTED);
    ck_assert_int_eq(peer_state(peer), TCP_ESTABLISHED);
    peer_silence(peer);
}

void
peer_accepts(struct peer *peer, uint32_t window)
{
    ck_assert_int_eq(tcp_connect(peer->tcp, &peer->open, peer->now_us, &peer->outbox, &peer->connection), 0);
    struct said *said = peer_hear(peer);
    ck_assert_ptr_nonnull(said);
    ck_assert_uint_eq(said->flags & (S | A), S);
    peer_say_with(peer, S | A, 0, 1, window, 0, peer->options, peer->option_bytes, 0);
    peer_expect(peer, A, 1, 1, 0);
    ck_assert_uint_eq(peer_events(peer), TCP_EVENT_CONNECTED);
    ck_assert_int_eq(peer_state(peer), TCP_ESTABLISHED);
}

void
peer_opens_with_ts(struct peer *peer, uint32_t window, uint32_t ts)
{
    peer->ts_value = ts;
    ck_assert_int_eq(tcp_listen(peer->tcp, &peer->own, OWN_PORT, 8, NULL, &peer->listener), 0);
    peer_say_with(peer, S, 0, 0, peer->syn_window, 0, peer->options, peer->option_bytes, 0);
    peer_events(peer);
    ck_assert_int_eq(tcp_accept(peer->connection, &peer->open, peer->now_us, &peer->outbox), 0);
    struct said *said = peer_hear(peer);
    ck_assert(said->has_ts);
    peer->has_ts = true;
    peer_say(peer, A, 1, 1, window, 0);
    ck_assert_int_eq(peer_state(peer), TCP_ESTABLISHED);
    peer_events(peer);
}

void
peer_syn6(struct peer *peer)
{
    ck_assert_int_eq(tcp_listen(peer->tcp, &peer->own, OWN_PORT, 8, NULL, &peer->listener), 0);
    peer_say(peer, S, 0, 0, 60000, 0);
    peer_events(peer);
    ck_assert_int_eq(tcp_accept(peer->connection, &peer->open, peer->now_us, &peer->outbox), 0);
    peer_hear(peer);
    peer_say(peer, A, 1, 1, 60000, 0);
    ck_assert_int_eq(peer_state(peer), TCP_ESTABLISHED);
}

void
peer_say_text_with_syn(struct peer *peer, uint32_t bytes)
{
    peer_say_with(peer, S | A, 0, 1, 60000, bytes, peer->options, peer->option_bytes, 0);
}

// ---- sending and reading

int
peer_try_send(struct peer *peer, uint32_t bytes, uint32_t flags)
{
    struct item *item = calloc(1, sizeof *item + bytes);
    item->owner = (struct eng_owner){.holds = 1, .on_release = item_release};
    for (uint32_t i = 0; i < bytes; i++)
        item->bytes[i] = peer_byte(true, places_sent[0] + i);
    item->span = (struct eng_span){.bytes = item->bytes, .count = bytes, .owner = &item->owner};
    item->send = (struct tcp_send){.spans = &item->span, .n_spans = 1, .bytes = bytes, .flags = flags};
    int status = tcp_send(peer->connection, &item->send, peer->now_us, &peer->outbox);
    if (status)
        eng_drop(&item->owner);
    else
        places_sent[0] += bytes;
    return status;
}

void
peer_send(struct peer *peer, uint32_t bytes, uint32_t flags)
{
    ck_assert_int_eq(peer_try_send(peer, bytes, flags), 0);
}

unsigned
peer_done(struct peer *peer, int *status, uint64_t *bytes)
{
    struct tcp_send *send;
    unsigned count = 0;
    while ((send = tcp_send_done(peer->connection))) {
        if (status)
            *status = send->status;
        if (bytes)
            *bytes = send->acked_bytes;
        peer_item_free(send);
        count++;
    }
    return count;
}

uint32_t
peer_read(struct peer *peer, uint32_t most)
{
    struct eng_span span;
    uint32_t got = 0;
    while (got < most && tcp_receive_spans(peer->connection, 0, &span, 1)) {
        uint32_t here = span.count < most - got ? span.count : most - got;
        for (uint32_t i = 0; i < here; i++)
            ck_assert_uint_eq(span.bytes[i], peer_byte(false, places_read[0] + i));
        places_read[0] += here;
        got += here;
        tcp_receive_take(peer->connection, here, peer->now_us, &peer->outbox);
    }
    return got;
}
