// SPDX-License-Identifier: MIT
// The pipe: packets in a list by time; each has the bytes of one frame's IP payload and is the owner that the engine holds.
//   kit_drain -> (super-segments cut as an adapter cuts them) -> wire_check -> impairments -> packets -> kit_step -> tcp_input
#include "kit.h"
#include "base/bytes.h"
#include "base/csum.h"
#include <stdlib.h>
#include <string.h>

#define STREAM_BYTES (1u << 20)

struct packet {
    struct list link;
    struct eng_owner owner;
    struct kit_end *to;
    uint64_t at_us;
    uint32_t count;
    uint16_t coalesced;
    uint8_t traffic_class;
    uint8_t bytes[];
};

struct item {
    struct tcp_send send;
    struct kit_end *end;
    struct eng_owner owner;
    bool is_done, is_released;
    struct eng_span spans[];
};

// ---- memory and bytes

static void *
take(void *context, size_t bytes)
{
    struct kit_end *end = context;
    if (end->short_thousandths && prng_below(&end->kit->prng, 1000) < end->short_thousandths)
        return NULL;
    end->blocks++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
give(void *context, void *block, size_t bytes)
{
    struct kit_end *end = context;
    end->blocks--;
    free(block);
}

uint8_t
kit_byte(unsigned end, uint64_t place)
{
    uint32_t at = (uint32_t)(place % STREAM_BYTES);
    return (uint8_t)(at * 7 + (at >> 8) * 13 + (at >> 16) * 5 + end * 101);
}

static const uint8_t *
stream_of(unsigned end)
{
    static uint8_t *streams[2];
    if (!streams[end]) {
        streams[end] = malloc(STREAM_BYTES);
        for (uint32_t i = 0; i < STREAM_BYTES; i++)
            streams[end][i] = kit_byte(end, i);
    }
    return streams[end];
}

// ---- checks of what an end sends

struct view {
    uint32_t seq, ack, numbers, data_bytes, window;
    const uint8_t *data;
    uint8_t flags, n_sacks;
    bool has_ts, has_sack_ok, has_scale, has_mss;
    uint8_t scale;
    uint32_t sacks[8];
};

static struct view
view_of(const uint8_t *bytes, uint32_t count)
{
    uint32_t head = (bytes[12] >> 4) * 4u;
    ck_assert_uint_ge(count, head);
    struct view v = {
        .seq = bytes_load_be32(bytes + 4),
        .ack = bytes_load_be32(bytes + 8),
        .flags = bytes[13],
        .window = bytes_load_be16(bytes + 14),
        .data = bytes + head,
        .data_bytes = count - head,
    };
    v.numbers = v.data_bytes + (v.flags & 1) + !!(v.flags & 2);
    for (uint32_t at = 20; at < head;) {
        if (bytes[at] == 1) {
            at++;
            continue;
        }
        uint8_t kind = bytes[at], length = bytes[at + 1];
        ck_assert(kind != 0 && length >= 2 && at + length <= head);
        v.has_mss |= kind == 2;
        v.has_sack_ok |= kind == 4;
        v.has_ts |= kind == 8;
        if (kind == 3) {
            v.has_scale = true;
            v.scale = bytes[at + 2];
        }
        for (uint32_t i = at + 2; kind == 5 && i + 4 <= at + length; i += 4)
            v.sacks[v.n_sacks++] = bytes_load_be32(bytes + i);
        at += length;
    }
    return v;
}

static void
syn_check(struct kit_flow *flow, struct kit_flow *other, const struct view *v)
{
    bool is_answer = v->flags & 16;
    if (flow->has_syn)
        ck_assert_msg(flow->iss == v->seq, "a SYN again with another number");
    if (!is_answer)
        ck_assert(v->has_mss);
    ck_assert_uint_eq(v->data_bytes, 0);
    if (is_answer) {
        // No option that was not asked for.
        ck_assert(!v->has_ts || other->has_ts);
        ck_assert(!v->has_sack_ok || other->has_sack);
        ck_assert(!v->has_scale || other->has_scale);
        other->has_ts &= v->has_ts;
        other->has_sack &= v->has_sack_ok;
        other->has_scale &= v->has_scale;
    }
    flow->has_syn = true;
    flow->iss = v->seq;
    flow->has_ts = v->has_ts;
    flow->has_sack = v->has_sack_ok;
    flow->has_scale = v->has_scale;
    flow->scale = v->scale;
    if ((int32_t)(v->seq + 1 - flow->max_end) > 0 || !flow->max_end)
        flow->max_end = v->seq + 1;
}

static void
sequence_check(struct kit_end *end, struct kit_flow *flow, const struct view *v)
{
    ck_assert_msg((int32_t)(v->seq - flow->max_end) <= 0, "end %u skips numbers: %u after %u", end->index, v->seq - flow->iss,
                  flow->max_end - flow->iss);
    uint32_t last = v->seq + v->numbers;
    if (v->numbers && flow->has_edge_heard && !(v->flags & 4)) {
        bool is_probe = v->numbers == 1 && last - 1 == flow->edge_heard; // the octet behind a window that is used up
        ck_assert_msg((int32_t)(last - flow->edge_heard) <= 0 || is_probe || (int32_t)(last - flow->max_end) <= 0,
                      "end %u sends %u past the window's edge %u", end->index, last - flow->iss, flow->edge_heard - flow->iss);
    }
    if (v->flags & 1) {
        ck_assert_msg(!flow->has_fin || flow->fin_seq == last - 1, "the FIN has moved");
        flow->has_fin = true;
        flow->fin_seq = last - 1;
    }
    ck_assert_msg(!flow->has_fin || v->flags & 4 || (int32_t)(last - flow->fin_seq - 1) <= 0, "text behind the FIN");
    if ((int32_t)(last - flow->max_end) > 0)
        flow->max_end = last;
    for (uint32_t i = 0; i < v->data_bytes; i++) {
        uint32_t place = v->seq - flow->iss - 1 + i;
        if (v->data[i] != kit_byte(end->index, place))
            ck_abort_msg("end %u sends a wrong byte at %u", end->index, place);
    }
}

static void
acknowledgement_check(struct kit_end *end, struct kit_flow *flow, const struct kit_flow *other, const struct view *v)
{
    if (!(v->flags & 16) || v->flags & 4)
        return;
    ck_assert_msg((int32_t)(v->ack - other->max_end) <= 0, "end %u acknowledges what was never sent", end->index);
    uint32_t edge = v->ack + (v->window << (v->flags & 2 ? 0 : flow->has_scale ? flow->scale
                                                                               : 0));
    if (flow->has_ack) {
        ck_assert_msg((int32_t)(v->ack - flow->last_ack) >= 0, "end %u takes an acknowledgement back", end->index);
        uint32_t unit = 1u << (flow->has_scale ? flow->scale : 0);
        ck_assert_msg((int32_t)(edge - flow->edge) > -(int32_t)unit, "end %u shrinks its window by %u", end->index, flow->edge - edge);
    }
    flow->last_ack = v->ack;
    if (!flow->has_ack || (int32_t)(edge - flow->edge) > 0)
        flow->edge = edge;
    flow->has_ack = true;
    ck_assert(!v->n_sacks || flow->has_sack);
    for (unsigned i = 0; i < v->n_sacks; i += 2) {
        ck_assert_msg((int32_t)(v->sacks[i] - v->sacks[i + 1]) < 0, "an empty SACK block");
        ck_assert_msg((int32_t)(v->sacks[i + 1] - other->max_end) <= 0, "a SACK block past what was sent");
        ck_assert_msg(i == 0 || (int32_t)(v->sacks[i] - v->ack) > 0, "a SACK block that is acknowledged already");
    }
}

static void
wire_check(struct kit_end *end, const uint8_t *bytes, uint32_t count)
{
    struct kit_flow *flow = &end->flow, *other = &end->kit->end[!end->index].flow;
    struct view v = view_of(bytes, count);
    uint64_t pseudo = end->address.family == ENG_IP6
                          ? csum_pseudo6(end->address.bytes, end->kit->end[!end->index].address.bytes, 6, count)
                          : csum_pseudo4(end->address.bytes, end->kit->end[!end->index].address.bytes, 6, (uint16_t)count);
    ck_assert_msg(csum_finish(csum_add_word(pseudo, csum_add(0, bytes, count))) == 0, "a wrong checksum");
    if (!end->kit->is_checked)
        return;
    if (v.flags & 2)
        syn_check(flow, other, &v);
    else if (!(v.flags & 4) && flow->has_syn)
        ck_assert_msg(v.has_ts == (flow->has_ts && other->has_ts), "timestamps are not as negotiated");
    if (flow->has_syn && !(v.flags & 2))
        sequence_check(end, flow, &v);
    acknowledgement_check(end, flow, other, &v);
}

// What a delivered segment tells the end that gets it, for the check of what it sends next.
static void
wire_heard(struct kit_end *to, const struct packet *packet)
{
    struct kit_flow *flow = &to->flow, *from = &to->kit->end[!to->index].flow;
    struct view v = view_of(packet->bytes, packet->count);
    if (!(v.flags & 16))
        return;
    uint32_t edge = v.ack + (v.window << (v.flags & 2 ? 0 : from->has_scale ? from->scale
                                                                            : 0));
    if (!flow->has_edge_heard || (int32_t)(edge - flow->edge_heard) > 0)
        flow->edge_heard = edge;
    flow->has_edge_heard = true;
}

// ---- the pipe

static void
packet_release(struct eng_owner *owner)
{
    free(LIST_ENTRY_OF(owner, struct packet, owner));
}

static void
packet_queue(struct packet *packet)
{
    struct list *at = packet->to->kit->packets.prev;
    while (at != &packet->to->kit->packets && LIST_ENTRY_OF(at, struct packet, link)->at_us > packet->at_us)
        at = at->prev;
    list_insert_after(at, &packet->link);
}

static bool
happens(struct kit *kit, unsigned thousandths)
{
    return thousandths && prng_below(&kit->prng, 1000) < thousandths;
}

// Past the wire's MTU: gone, and its router says so or not.
static bool
is_too_big(struct kit_end *from, const uint8_t *bytes, uint32_t count)
{
    struct kit *kit = from->kit;
    const struct kit_wire *wire = &kit->wire;
    if (!wire->mtu_bytes || count + (from->address.family == ENG_IP6 ? 40 : 20) <= wire->mtu_bytes)
        return false;
    if (wire->tells_mtu) {
        struct tcp_icmp icmp = {
            .kind = TCP_ICMP_TOO_BIG, .local = from->address, .remote = kit->end[!from->index].address, .mtu_bytes = wire->mtu_bytes};
        memcpy(icmp.header, bytes, sizeof icmp.header);
        tcp_icmp(from->tcp, &icmp, kit->now_us, &from->outbox);
    }
    return true;
}

static void
pipe_put(struct kit_end *from, const uint8_t *bytes, uint32_t count, uint16_t coalesced, uint8_t traffic_class)
{
    struct kit *kit = from->kit;
    kit->sent_packets++;
    if (is_too_big(from, bytes, count) || happens(kit, kit->wire.loss)) {
        kit->lost_packets++;
        return;
    }
    for (unsigned copies = 1 + happens(kit, kit->wire.duplicate); copies; copies--) {
        struct packet *packet = malloc(sizeof *packet + count);
        *packet = (struct packet){.owner = {.holds = 1, .on_release = packet_release},
                                  .to = &kit->end[!from->index],
                                  .count = count,
                                  .coalesced = coalesced,
                                  .traffic_class = traffic_class,
                                  .at_us = kit->now_us + kit->wire.delay_us +
                                           (kit->wire.jitter_us ? prng_below(&kit->prng, kit->wire.jitter_us) : 0)};
        memcpy(packet->bytes, bytes, count);
        if (kit->wire.apart_us && packet->at_us < packet->to->last_at_us + kit->wire.apart_us)
            packet->at_us = packet->to->last_at_us + kit->wire.apart_us;
        packet->to->last_at_us = packet->at_us;
        if (happens(kit, kit->wire.reorder))
            packet->at_us += 1 + prng_below(&kit->prng, 4 * kit->wire.delay_us + 1);
        if (happens(kit, kit->wire.corrupt))
            packet->bytes[prng_below(&kit->prng, count)] ^= (uint8_t)(1 + prng_below(&kit->prng, 255));
        if (traffic_class & 3 && happens(kit, kit->wire.mark))
            packet->traffic_class |= 3;
        packet_queue(packet);
    }
}

static void
sum_write(struct kit_end *end, uint8_t *bytes, uint32_t count)
{
    const uint8_t *a = end->address.bytes, *b = end->kit->end[!end->index].address.bytes;
    bytes_store_le16(bytes + 16, 0);
    uint64_t pseudo = end->address.family == ENG_IP6 ? csum_pseudo6(a, b, 6, count) : csum_pseudo4(a, b, 6, (uint16_t)count);
    bytes_store_le16(bytes + 16, csum_finish(csum_add_word(pseudo, csum_add(0, bytes, count))));
}

// Cut a super-segment as an adapter does: FIN and PSH on the last, CWR on the first.
static void
pipe_cut(struct kit_end *end, const struct eng_out *out, const uint8_t *bytes)
{
    static uint8_t piece[70000];
    uint32_t pieces = 0;
    for (uint32_t at = 0; at < out->data_bytes; at += out->mss_bytes, pieces++) {
        uint32_t here = out->data_bytes - at < out->mss_bytes ? out->data_bytes - at : out->mss_bytes;
        memcpy(piece, bytes, out->head_bytes);
        memcpy(piece + out->head_bytes, bytes + out->head_bytes + at, here);
        bytes_store_be32(piece + 4, bytes_load_be32(bytes + 4) + at);
        if (at + here < out->data_bytes)
            piece[13] &= (uint8_t)~(1 | 8);
        if (at)
            piece[13] &= (uint8_t)~128;
        sum_write(end, piece, out->head_bytes + here);
        wire_check(end, piece, out->head_bytes + here);
        if (!end->kit->wire.has_rsc)
            pipe_put(end, piece, out->head_bytes + here, 0, out->traffic_class);
    }
    if (!end->kit->wire.has_rsc)
        return;
    memcpy(piece, bytes, out->head_bytes + out->data_bytes);
    sum_write(end, piece, out->head_bytes + out->data_bytes);
    pipe_put(end, piece, out->head_bytes + out->data_bytes, (uint16_t)pieces, out->traffic_class);
}

void
kit_drain(struct kit_end *end)
{
    static uint8_t bytes[70000];
    struct eng_out *out;
    while ((out = eng_outbox_pop(&end->outbox))) {
        ck_assert_uint_eq(out->protocol, 6);
        ck_assert(eng_address_is_equal(&out->source, &end->address));
        if (!out->mss_bytes)
            eng_out_sum(out);
        memcpy(bytes, out->head, out->head_bytes);
        ck_assert(eng_spans_copy(out->data, out->n_data, 0, bytes + out->head_bytes, out->data_bytes));
        if (out->mss_bytes) {
            ck_assert_uint_gt(out->data_bytes, out->mss_bytes);
            ck_assert_uint_le(out->data_bytes, end->open.path.lso_max_bytes);
            pipe_cut(end, out, bytes);
        } else {
            uint32_t ip = end->address.family == ENG_IP6 ? 40 : 20;
            ck_assert_uint_le(out->head_bytes + out->data_bytes + ip, end->open.path.mtu_bytes);
            wire_check(end, bytes, out->head_bytes + out->data_bytes);
            pipe_put(end, bytes, out->head_bytes + out->data_bytes, 0, out->traffic_class);
        }
        eng_out_put(&end->pool, out);
    }
}

static void
packet_deliver(struct packet *packet)
{
    struct kit_end *to = packet->to;
    struct kit *kit = to->kit;
    // Cut at odd places, as frames in several buffers are.
    uint32_t cut = 20 + (uint32_t)prng_below(&kit->prng, packet->count);
    uint32_t first = cut < packet->count && !kit->wire.is_whole ? cut : packet->count;
    struct eng_span spans[2] = {{.bytes = packet->bytes, .count = first, .owner = &packet->owner},
                                {.bytes = packet->bytes + first, .count = packet->count - first, .owner = &packet->owner}};
    struct eng_in in = {
        .spans = spans,
        .n_spans = 2,
        .protocol = 6,
        .traffic_class = packet->traffic_class,
        .length_bytes = packet->count,
        .coalesced = packet->coalesced,
        .source = kit->end[!to->index].address,
        .destination = to->address,
    };
    if (tcp_input(to->tcp, &in, kit->now_us, &to->outbox) == TCP_TAKEN && kit->is_checked)
        wire_heard(to, packet);
    eng_drop(&packet->owner);
    kit_drain(to);
}

// ---- the clients

static void
item_release(struct eng_owner *owner)
{
    struct item *item = LIST_ENTRY_OF(owner, struct item, owner);
    item->is_released = true;
    if (item->is_done)
        free(item);
}

void
kit_item_done(struct tcp_send *send)
{
    struct item *item = LIST_ENTRY_OF(send, struct item, send);
    item->end->done_bytes += send->acked_bytes;
    item->end->sends_out--;
    item->is_done = true;
    eng_drop(&item->owner);
}

void
kit_send(struct kit_end *end, uint64_t bytes, uint64_t piece, uint32_t span, uint32_t flags)
{
    const uint8_t *stream = stream_of(end->index);
    while (bytes) {
        uint64_t here = bytes < piece ? bytes : piece;
        uint32_t room = (uint32_t)(here / span + here / STREAM_BYTES + 3), n = 0;
        struct item *item = calloc(1, sizeof *item + room * sizeof(struct eng_span));
        item->owner = (struct eng_owner){.holds = 1, .on_release = item_release};
        item->end = end;
        for (uint64_t at = 0; at < here; n++) {
            uint32_t place = (uint32_t)((end->sent_bytes + at) % STREAM_BYTES), count = STREAM_BYTES - place;
            count = count < span ? count : span;
            count = count < here - at ? count : (uint32_t)(here - at);
            ck_assert_uint_lt(n, room);
            item->spans[n] = (struct eng_span){.bytes = stream + place, .count = count, .owner = &item->owner};
            at += count;
        }
        item->send = (struct tcp_send){
            .spans = item->spans, .n_spans = n, .bytes = here, .flags = bytes == here ? flags : flags & ~(uint32_t)TCP_SEND_FIN};
        end->sent_bytes += here;
        end->sends_out++;
        ck_assert_int_eq(tcp_send(end->connection, &item->send, end->kit->now_us, &end->outbox), 0);
        kit_drain(end);
        bytes -= here;
    }
}

static void
end_read(struct kit_end *end)
{
    struct eng_span spans[8];
    size_t n;
    struct kit *kit = end->kit;
    bool reads = end->reads && (end->read_thousandths >= 1000 || happens(kit, end->read_thousandths));
    while (reads && (n = tcp_receive_spans(end->connection, 0, spans, 8))) {
        uint32_t bytes = 0;
        for (size_t i = 0; i < n; i++) {
            ck_assert(spans[i].owner);
            for (uint32_t b = 0; b < spans[i].count; b++)
                if (spans[i].bytes[b] != kit_byte(!end->index, end->got_bytes + bytes + b))
                    ck_abort_msg("end %u receives a wrong byte at %llu", end->index, (unsigned long long)(end->got_bytes + bytes + b));
            bytes += spans[i].count;
        }
        end->got_bytes += bytes;
        tcp_receive_take(end->connection, bytes, kit->now_us, &end->outbox);
        kit_drain(end);
    }
    struct tcp_receive_view view;
    tcp_receive_view(end->connection, &view);
    if (view.has_fin && !view.bytes)
        end->got_fin = true;
}

static void
end_serve(struct kit_end *end)
{
    struct tcp_connection *c;
    uint32_t events;
    struct tcp_send *send;
    while ((c = tcp_event_next(end->tcp, &events))) {
        if (events & TCP_EVENT_OFFER && !(events & TCP_EVENT_ENDED) && end->accepts) {
            if (tcp_accept(c, &end->open, end->kit->now_us, &end->outbox) == 0)
                end->connection = c;
        } else if (events & TCP_EVENT_OFFER && events & TCP_EVENT_ENDED) {
            tcp_release(c, end->kit->now_us, &end->outbox);
        }
        if (c == end->connection) {
            end->events |= events;
            if (events & TCP_EVENT_ENDED) {
                struct tcp_info info;
                tcp_info(c, &info);
                end->ended = info.end;
            }
        }
        kit_drain(end);
    }
    if (end->connection) {
        while ((send = tcp_send_done(end->connection)))
            kit_item_done(send);
        end_read(end);
    }
    while ((send = tcp_released_send_done(end->tcp)))
        kit_item_done(send);
}

void
kit_serve(struct kit *kit)
{
    end_serve(&kit->end[0]);
    end_serve(&kit->end[1]);
}

// ---- time

static uint64_t
next_deadline(const struct kit *kit)
{
    uint64_t a = tcp_next_deadline(kit->end[0].tcp), b = tcp_next_deadline(kit->end[1].tcp);
    return a < b ? a : b;
}

static bool
end_waits(const struct kit_end *end)
{
    struct tcp_receive_view view = {0};
    if (end->connection && end->reads && end->read_thousandths < 1000)
        tcp_receive_view(end->connection, &view);
    return view.bytes;
}

bool
kit_step(struct kit *kit, uint64_t until_us)
{
    uint64_t due_us = next_deadline(kit);
    struct packet *packet = list_is_empty(&kit->packets) ? NULL : LIST_ENTRY_OF(kit->packets.next, struct packet, link);
    uint64_t at_us = packet && packet->at_us <= due_us ? packet->at_us : due_us;
    // A slow reader comes back by itself.
    if (at_us > kit->now_us + 1000 && kit->now_us + 1000 < until_us && (end_waits(&kit->end[0]) || end_waits(&kit->end[1]))) {
        kit->now_us += 1000;
        kit_serve(kit);
        return true;
    }
    if (at_us > until_us) {
        kit->now_us = until_us > kit->now_us ? until_us : kit->now_us;
        return false;
    }
    if (at_us > kit->now_us)
        kit->now_us = at_us;
    if (packet && packet->at_us <= due_us) {
        list_remove(&packet->link);
        packet_deliver(packet);
    } else {
        for (unsigned i = 0; i < 2; i++) {
            tcp_run(kit->end[i].tcp, kit->now_us, &kit->end[i].outbox);
            kit_drain(&kit->end[i]);
        }
    }
    kit_serve(kit);
    if (kit->on_step)
        kit->on_step(kit, kit->context);
    return true;
}

void
kit_run(struct kit *kit, uint64_t for_us)
{
    uint64_t until_us = kit->now_us + for_us;
    while (kit_step(kit, until_us))
        ;
}

static bool
data_is_there(const struct kit *kit)
{
    const struct kit_end *a = &kit->end[0], *b = &kit->end[1];
    return a->got_bytes == b->sent_bytes && b->got_bytes == a->sent_bytes && !a->sends_out && !b->sends_out;
}

bool
kit_run_data(struct kit *kit, uint64_t for_us)
{
    uint64_t until_us = kit->now_us + for_us;
    while (!data_is_there(kit))
        if (!kit_step(kit, until_us))
            return false;
    return true;
}

// ---- making and breaking

void
kit_params(struct tcp_params *params)
{
    tcp_params_default(params);
}

void
kit_create(struct kit *kit, uint64_t seed, const struct kit_wire *wire, const struct tcp_params *params, unsigned family)
{
    *kit = (struct kit){.wire = *wire, .now_us = 1000000, .is_checked = true};
    list_init(&kit->packets);
    prng_seed(&kit->prng, seed);
    for (unsigned i = 0; i < 2; i++) {
        struct kit_end *end = &kit->end[i];
        const uint8_t v4[4] = {10, 0, 0, (uint8_t)(i + 1)}, v6[16] = {0xfd, [15] = (uint8_t)(i + 1)};
        struct siphash_key secret = {{seed * 2 + i, 77}};
        end->kit = kit;
        end->index = i;
        end->memory = (struct eng_memory){.on_take = take, .on_give = give, .context = end};
        eng_out_pool_init(&end->pool, &end->memory);
        eng_outbox_init(&end->outbox);
        end->tcp = tcp_create(&end->memory, &end->pool, params, &secret);
        ck_assert_ptr_nonnull(end->tcp);
        end->address = family == ENG_IP6 ? eng_address6(v6) : eng_address4(v4);
        end->port = i ? 80 : 50000;
        end->reads = end->accepts = true;
        end->read_thousandths = 1000;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct kit_end *end = &kit->end[i], *other = &kit->end[!i];
        end->open = (struct tcp_open){
            .local = end->address,
            .remote = other->address,
            .local_port = end->port,
            .remote_port = other->port,
            .path = {.mtu_bytes = 1500, .flags = TCP_PATH_SUM_PARTIAL},
        };
    }
}

void
kit_connect(struct kit *kit)
{
    struct kit_end *a = &kit->end[0], *b = &kit->end[1];
    ck_assert_int_eq(tcp_listen(b->tcp, &b->address, b->port, 10, NULL, &b->listener), 0);
    ck_assert_int_eq(tcp_connect(a->tcp, &a->open, kit->now_us, &a->outbox, &a->connection), 0);
    kit_drain(a);
    uint64_t until_us = kit->now_us + 60000000;
    while (!(a->events & b->events & TCP_EVENT_CONNECTED) && kit_step(kit, until_us))
        ;
    ck_assert(a->events & TCP_EVENT_CONNECTED);
    ck_assert(b->events & TCP_EVENT_CONNECTED);
}

void
kit_destroy(struct kit *kit)
{
    for (unsigned i = 0; i < 2; i++) {
        struct kit_end *end = &kit->end[i];
        if (end->connection)
            tcp_release(end->connection, kit->now_us, &end->outbox);
        end->connection = NULL;
        struct eng_out *out;
        while ((out = eng_outbox_pop(&end->outbox)))
            eng_out_put(&end->pool, out);
        struct tcp_send *send;
        while ((send = tcp_released_send_done(end->tcp)))
            kit_item_done(send);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct kit_end *end = &kit->end[i];
        tcp_abandon(end->tcp);
        struct tcp_send *send;
        while ((send = tcp_released_send_done(end->tcp)))
            kit_item_done(send);
        tcp_destroy(end->tcp);
        eng_out_pool_destroy(&end->pool);
        ck_assert_msg(end->memory.taken_bytes == 0 && end->blocks == 0, "end %u leaves %zu bytes", i, end->memory.taken_bytes);
        ck_assert_uint_eq(end->sends_out, 0);
    }
    struct list *node;
    while ((node = list_pop_front(&kit->packets)))
        eng_drop(&LIST_ENTRY_OF(node, struct packet, link)->owner);
}
