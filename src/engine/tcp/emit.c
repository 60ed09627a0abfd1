// SPDX-License-Identifier: MIT
// What leaves: packets from the pool, data by reference, options, header, checksum.
//   tcp_emit_begin -> (tcp_sends_gather) -> tcp_emit (header, sum, outbox)
// Every segment of a synchronized connection carries the acknowledgement and window of its moment, so sending one also acknowledges.
#include "base/bytes.h"
#include "base/csum.h"
#include "engine/tcp/tcp_int.h"

struct eng_out *
tcp_emit_begin(struct tcp *tcp, const struct tcp_path *path)
{
    struct eng_out *out = eng_out_get(tcp->pool);
    if (!out) {
        tcp->counters.no_memory++;
        return NULL;
    }
    out->protocol = 6;
    out->interface_index = path->interface_index;
    out->flags = ENG_OUT_DONT_FRAGMENT;
    return out;
}

void
tcp_emit(struct tcp *tcp, struct eng_out *out, const struct tcp_head *head, const struct tcp_path *path)
{
    uint32_t head_bytes = TCP_HEAD_BYTES + head->option_bytes;
    struct bytes_writer writer;
    uint8_t *at = eng_out_push_head(out, head_bytes);
    bytes_writer_init(&writer, at, head_bytes);
    bytes_put_be16(&writer, head->local_port);
    bytes_put_be16(&writer, head->remote_port);
    bytes_put_be32(&writer, head->seq);
    bytes_put_be32(&writer, head->ack);
    bytes_put_u8(&writer, (uint8_t)(head_bytes / 4 << 4));
    bytes_put_u8(&writer, head->flags);
    bytes_put_be16(&writer, head->window);
    bytes_put_be16(&writer, 0);
    bytes_put_be16(&writer, head->urgent);
    bytes_put_span(&writer, head->options, head->option_bytes);
    out->source = *head->local;
    out->destination = *head->remote;
    out->l4_bytes = (uint16_t)head_bytes;
    out->l4_sum_offset = 16;
    // Of a super-segment the adapter knows each piece's length, so the sum leaves it out [wdd: large send offload, version 2].
    uint32_t length = out->mss_bytes ? 0 : head_bytes + out->data_bytes;
    uint64_t sum = head->local->family == ENG_IP6 ? csum_pseudo6(head->local->bytes, head->remote->bytes, 6, length)
                                                  : csum_pseudo4(head->local->bytes, head->remote->bytes, 6, (uint16_t)length);
    uint16_t partial = csum_fold(sum);
    memcpy(at + 16, &partial, sizeof partial);
    out->flags |= ENG_OUT_L4_SUM_PARTIAL;
    if (!(path->flags & TCP_PATH_SUM_PARTIAL) && !out->mss_bytes)
        eng_out_sum(out);
    if (head->route)
        source_route_put(out, head->route);
    tcp->counters.segments_out++;
    tcp->counters.bytes_out += out->data_bytes;
    eng_outbox_push(tcp->outbox, out);
}

// ---- options

static uint8_t *
timestamps_put(uint8_t *at, uint32_t value, uint32_t echo)
{
    *at++ = 1;
    *at++ = 1;
    *at++ = 8;
    *at++ = 10;
    bytes_store_be32(at, value);
    bytes_store_be32(at + 4, echo);
    return at + 8;
}

static uint8_t *
block_put(uint8_t *at, struct tcp_sack_block block)
{
    bytes_store_be32(at, block.seq);
    bytes_store_be32(at + 4, block.end);
    return at + 8;
}

// SACK blocks, a D-SACK first [RFC 2018 4, RFC 2883 4]: as many as fit.
static uint8_t *
sacks_put(struct tcp_connection *c, uint8_t *at, const uint8_t *end)
{
    unsigned room = (unsigned)(end - at - 4) / 8, n = 0;
    uint8_t *length = at + 3;
    if (end - at < 12 || (!c->has_dsack && !c->early))
        return at;
    *at++ = 1;
    *at++ = 1;
    *at++ = 5;
    at++;
    if (c->has_dsack) {
        at = block_put(at, c->dsack);
        n++;
    }
    for (unsigned i = 0; c->early && i < c->early->n_sacks && n < room; i++, n++)
        at = block_put(at, c->early->sacks[i]);
    *length = (uint8_t)(2 + 8 * n);
    c->has_dsack = false;
    return at;
}

static void
options_put(struct tcp_connection *c, struct tcp_head *head, bool with_sacks)
{
    uint8_t *at = head->options;
    if (c->r.constant.flags & TCP_HAS_TIMESTAMPS)
        at = timestamps_put(at, tcp_clock_ms(c->tcp) + c->ts_offset, c->r.delegated.ts_recent);
    if (with_sacks && c->r.constant.flags & TCP_HAS_SACK)
        at = sacks_put(c, at, head->options + TCP_OPTION_BYTES_MAX);
    head->option_bytes = (uint8_t)(at - head->options);
}

// constant.flags say which options stand in a SYN.
uint8_t
tcp_syn_options(uint8_t *to, uint16_t mss, const struct tcp_constant *constant, uint32_t ts_value, uint32_t ts_echo)
{
    uint8_t *at = to;
    *at++ = 2;
    *at++ = 4;
    bytes_store_be16(at, mss);
    at += 2;
    if (constant->flags & TCP_HAS_SACK) {
        *at++ = 4;
        *at++ = 2;
        if (!(constant->flags & TCP_HAS_TIMESTAMPS)) {
            *at++ = 1;
            *at++ = 1;
        }
    }
    if (constant->flags & TCP_HAS_TIMESTAMPS) {
        if (!(constant->flags & TCP_HAS_SACK)) {
            *at++ = 1;
            *at++ = 1;
        }
        *at++ = 8;
        *at++ = 10;
        bytes_store_be32(at, ts_value);
        bytes_store_be32(at + 4, ts_echo);
        at += 8;
    }
    if (constant->flags & TCP_HAS_WINDOW_SCALE) {
        *at++ = 1;
        *at++ = 3;
        *at++ = 3;
        *at++ = constant->rcv_wnd_scale;
    }
    return (uint8_t)(at - to);
}

uint16_t
tcp_mss_to_offer(const struct eng_address *address, uint32_t mtu_bytes)
{
    uint32_t heads = (address->family == ENG_IP6 ? 40 : 20) + TCP_HEAD_BYTES;
    uint32_t mss = mtu_bytes > heads + TCP_MSS_MIN ? mtu_bytes - heads : TCP_MSS_MIN;
    return mss > UINT16_MAX ? UINT16_MAX : (uint16_t)mss;
}

// ---- segments of a connection

static struct tcp_head
head_of(struct tcp_connection *c, uint32_t seq, uint8_t flags)
{
    const struct tcp_constant *k = &c->r.constant;
    return (struct tcp_head){
        .local = &k->local,
        .remote = &k->remote,
        .local_port = k->local_port,
        .remote_port = k->remote_port,
        .seq = seq,
        .ack = flags & TCP_ACK ? c->r.delegated.rcv_nxt : 0,
        .flags = flags,
        .route = c->route,
    };
}

static void
ip_fill(const struct tcp_connection *c, struct eng_out *out)
{
    out->hop_limit = c->r.cached.ttl;
    out->traffic_class = (uint8_t)(c->r.cached.tos & ~3);
    out->flow_label = c->r.cached.flow_label;
}

// A segment with the present acknowledgement and window leaves: nothing is owed to the peer any more.
static void
acknowledged(struct tcp_connection *c, struct tcp_head *head)
{
    uint32_t window = tcp_window_choose(c) >> c->r.constant.rcv_wnd_scale;
    head->window = window > UINT16_MAX ? UINT16_MAX : (uint16_t)window;
    if (c->ecn_ok && c->ecn_echo)
        head->flags |= TCP_ECE;
    c->last_ack_sent = c->r.delegated.rcv_nxt;
    c->ack_now = c->ack_delayed = false;
    c->ack_segments = 0;
    tcp_timer_stop(c, TCP_TIMER_ACK);
}

// Out for another moment: memory was short.
static void
starve(struct tcp_connection *c)
{
    c->is_starved = true;
    tcp_timer_set(c, TCP_TIMER_SWS, c->tcp->now_us + TCP_TRY_AGAIN_US);
}

// The number of a segment without text: SND.NXT, or the window's edge when a probe has gone past it, since a closed window takes no
// other [draft-gont-tcpm-tcp-seq-validation].
static uint32_t
bare_seq(const struct tcp_connection *c)
{
    const struct tcp_kept *d = &c->r.delegated;
    uint32_t edge = d->snd_una + d->snd_wnd;
    return tcp_seq_after(d->snd_max, edge) ? edge : d->snd_max;
}

bool
tcp_emit_ack(struct tcp_connection *c)
{
    struct eng_out *out = tcp_emit_begin(c->tcp, &c->path);
    if (!out) {
        starve(c);
        return false;
    }
    struct tcp_head head = head_of(c, bare_seq(c), TCP_ACK);
    acknowledged(c, &head);
    options_put(c, &head, true);
    ip_fill(c, out);
    tcp_emit(c->tcp, out, &head, &c->path);
    return true;
}

// Urgent data lies before or in this segment: say where it ends, as far as 16 bits reach [RFC 9293 3.8.5, RFC 6093].
static void
urgent_put(const struct tcp_connection *c, struct tcp_head *head)
{
    if (!c->has_urgent_out)
        return;
    // The pointer names the byte behind the last urgent one.
    uint64_t ahead = c->urgent_place - c->una_place + (c->r.delegated.snd_una - head->seq);
    uint32_t offset = (uint32_t)ahead;
    if ((int32_t)offset <= 0)
        return;
    head->flags |= TCP_URG;
    head->urgent = offset > UINT16_MAX ? UINT16_MAX : (uint16_t)offset;
}

uint32_t
tcp_emit_data(struct tcp_connection *c, uint32_t seq, uint32_t bytes, bool has_fin, bool is_again)
{
    struct tcp *tcp = c->tcp;
    uint64_t place = c->una_place + (seq - c->r.delegated.snd_una);
    if (!tcp_flight_reserve(c)) {
        starve(c);
        return 0;
    }
    struct eng_out *out = tcp_emit_begin(tcp, &c->path);
    if (!out) {
        starve(c);
        return 0;
    }
    struct tcp_head head = head_of(c, seq, TCP_ACK);
    bool with_sacks = c->has_dsack || c->early;
    // Blocks take room from the data; a super-segment or a full segment goes without them, an ACK of its own will carry them.
    options_put(c, &head, with_sacks && bytes + 40 <= c->mss);
    bool has_push = false;
    uint32_t got = bytes ? tcp_sends_gather(c, place, bytes, out, &has_push) : 0;
    if (got < bytes)
        has_fin = false;
    // A probe for a larger MTU goes as it is.
    if (got > c->mss && (is_again || !c->probe_bytes || seq != c->probe_seq))
        out->mss_bytes = (uint16_t)c->mss;
    if (has_fin)
        head.flags |= TCP_FIN;
    if (got && (place + got == c->end_place || has_push))
        head.flags |= TCP_PSH; // [RFC 9293 MUST-60, MUST-61]
    if (c->ecn_ok && c->ecn_cwr && !is_again && got) {
        head.flags |= TCP_CWR;
        c->ecn_cwr = false;
    }
    urgent_put(c, &head);
    acknowledged(c, &head);
    ip_fill(c, out);
    // ECT on new data alone [RFC 3168 6.1.5].
    if (c->ecn_ok && !is_again && got)
        out->traffic_class |= 2;
    tcp_emit(tcp, out, &head, &c->path);
    c->last_sent_us = tcp->now_us;
    if (is_again)
        tcp->counters.retransmitted++;
    return got + has_fin;
}

void
tcp_emit_reset(struct tcp_connection *c)
{
    struct eng_out *out = tcp_emit_begin(c->tcp, &c->path);
    if (!out)
        return;
    struct tcp_head head = head_of(c, bare_seq(c), TCP_RST | TCP_ACK);
    ip_fill(c, out);
    c->tcp->counters.resets_out++;
    tcp_emit(c->tcp, out, &head, &c->path);
}

// The SYN, or SYN-ACK, of c.
void
tcp_emit_syn(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    bool is_answer = c->r.delegated.state == TCP_SYN_RECEIVED;
    struct eng_out *out = tcp_emit_begin(tcp, &c->path);
    if (!out)
        return;
    struct tcp_head head = head_of(c, c->iss, is_answer ? TCP_SYN | TCP_ACK : TCP_SYN);
    head.option_bytes = tcp_syn_options(head.options, tcp_mss_to_offer(&c->r.constant.remote, c->path.mtu_bytes), &c->r.constant,
                                        tcp_clock_ms(tcp) + c->ts_offset, c->r.delegated.ts_recent);
    // The window of a SYN is not scaled [RFC 7323 2.2]. A repeated SYN asks for no ECN: something may eat it [RFC 3168 6.1.1.1].
    head.window = c->r.cached.initial_rcv_wnd > UINT16_MAX ? UINT16_MAX : (uint16_t)c->r.cached.initial_rcv_wnd;
    if (is_answer && c->ecn_ok)
        head.flags |= TCP_ECE;
    else if (!is_answer && tcp_uses(tcp, TCP_USE_ECN) && !c->syn_count)
        head.flags |= TCP_ECE | TCP_CWR;
    c->syn_was_ecn = !is_answer && head.flags & TCP_ECE;
    c->last_ack_sent = c->r.delegated.rcv_nxt;
    c->r.delegated.rcv_wnd = head.window;
    ip_fill(c, out);
    tcp_emit(tcp, out, &head, &c->path);
}

// A segment of no data before SND.NXT, which the peer must answer [RFC 9293 3.8.4].
void
tcp_emit_keep_alive(struct tcp_connection *c)
{
    struct eng_out *out = tcp_emit_begin(c->tcp, &c->path);
    if (!out)
        return;
    struct tcp_head head = head_of(c, c->r.delegated.snd_max - 1, TCP_ACK);
    acknowledged(c, &head);
    options_put(c, &head, false);
    ip_fill(c, out);
    tcp_emit(c->tcp, out, &head, &c->path);
}
