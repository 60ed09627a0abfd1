// SPDX-License-Identifier: MIT
// A segment's way in [RFC 9293 3.10.7], step by step in the order of the text, with RFC 5961 (blind attacks), RFC 7323 (PAWS) and
// RFC 6191 (TIME_WAIT) where they change a step.
//   tcp_input -> a connection's: in_connection -> in_synchronized: sequence, RST, SYN, ACK, URG, text, FIN; then tcp_out
//             -> a listener's: open.c            -> nobody's: a reset
#include "base/bytes.h"
#include "engine/tcp/tcp_int.h"

#define OOW_ACK_US 500000           // answers to segments without data outside of the window, of a connection
#define SYN_CHALLENGE_US 3000000    // a target's, for SYNs in the window [ddi: chimney]

// ---- resets and challenges

// The reset for a segment that belongs to no connection [RFC 9293 3.10.7.1].
void
tcp_in_reset_answer(struct tcp *tcp, const struct tcp_segment *segment)
{
    const struct eng_in *in = segment->in;
    if (segment->flags & TCP_RST || tcp_uses(tcp, TCP_USE_TARGET))
        return;
    struct tcp_head head = {
        .local = &in->destination,
        .remote = &in->source,
        .local_port = segment->destination_port,
        .remote_port = segment->source_port,
        .flags = TCP_RST,
    };
    if (segment->flags & TCP_ACK) {
        head.seq = segment->ack;
    } else {
        head.flags |= TCP_ACK;
        head.ack = segment->seq + segment->data_bytes + !!(segment->flags & TCP_SYN) + !!(segment->flags & TCP_FIN);
    }
    struct tcp_path path = {.interface_index = in->interface_index};
    struct source_route route;
    if (in->flags & ENG_IN_SOURCE_ROUTE && source_route_back(in, &route))
        head.route = &route;
    struct eng_out *out = tcp_emit_begin(tcp, &path);
    if (!out)
        return;
    tcp->counters.resets_out++;
    tcp_emit(tcp, out, &head, &path);
}

// An acknowledgement that asks an unlikely peer to confirm, bounded for the instance in each second [RFC 5961 7].
void
tcp_challenge(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    uint64_t second = tcp->now_us / 1000000;
    if (second != tcp->challenge_second) {
        // Between half of it and all, as the secret says: who counts the challenges of a second that is known learns what others got
        // of it, and so whether a guess about their connection was right.
        uint32_t half = tcp->params.challenge_acks / 2;
        tcp->challenge_second = second;
        tcp->challenge_count = 0;
        tcp->challenge_limit = tcp->params.challenge_acks - (uint32_t)(siphash(&tcp->secret, &second, sizeof second) % (half + 1));
    }
    if (tcp->challenge_count >= tcp->challenge_limit) {
        tcp->counters.challenge_acks_held++;
        return;
    }
    tcp->challenge_count++;
    tcp->counters.challenge_acks++;
    tcp_emit_ack(c);
}

// The answer to something outside of the window. Without data it could be the other half of an ACK storm, so not too often.
static void
out_of_window_answer(struct tcp_connection *c, const struct tcp_segment *segment)
{
    struct tcp *tcp = c->tcp;
    if (!segment->data_bytes || segment->flags & TCP_SYN) {
        if (c->oow_ack_us && tcp->now_us - c->oow_ack_us < OOW_ACK_US) {
            tcp->counters.challenge_acks_held++;
            return;
        }
        c->oow_ack_us = tcp->now_us ? tcp->now_us : 1;
    }
    tcp_emit_ack(c);
}

// ---- the first step: is it in the window?

static bool
paws_is_bad(const struct tcp_connection *c, const struct tcp_segment *segment)
{
    if (!c->ts_recent_ok || !tcp_seq_before(segment->options.ts_value, c->r.delegated.ts_recent))
        return false;
    // A connection idle for so long has outlived its timestamp [RFC 7323 5.5].
    return c->tcp->now_us - c->ts_recent_us < TCP_PAWS_IDLE_US;
}

static bool
is_acceptable(const struct tcp_connection *c, uint32_t seq, uint32_t numbers)
{
    uint32_t nxt = c->r.delegated.rcv_nxt, edge = nxt + c->r.delegated.rcv_wnd;
    if (!numbers)
        return seq == nxt || (!tcp_seq_before(seq, nxt) && tcp_seq_before(seq, edge));
    if (!c->r.delegated.rcv_wnd)
        return false;
    return tcp_seq_before(seq, edge) && tcp_seq_after(seq + numbers, nxt);
}

// Cut off what lies before RCV.NXT and beyond the window.
static void
trim(const struct tcp_connection *c, struct tcp_segment *segment)
{
    uint32_t nxt = c->r.delegated.rcv_nxt, edge = nxt + c->r.delegated.rcv_wnd;
    if (tcp_seq_before(segment->seq, nxt)) {
        uint32_t old = nxt - segment->seq;
        if (old > segment->data_bytes)
            old = segment->data_bytes;
        segment->seq += old;
        segment->data_at += old;
        segment->data_bytes -= old;
        // An urgent pointer counts from the sequence number.
        if (segment->urgent <= old)
            segment->flags &= (uint8_t)~TCP_URG;
        else
            segment->urgent -= (uint16_t)old;
    }
    if (tcp_seq_after(segment->seq + segment->data_bytes, edge)) {
        segment->data_bytes = edge - segment->seq;
        segment->flags &= (uint8_t)~(TCP_FIN | TCP_PSH);
    }
}

// A SYN or an old segment in TIME_WAIT. true: the segment is to be handled as if there were no connection any more.
static bool
time_wait_reopens(const struct tcp_connection *c, const struct tcp_segment *segment)
{
    if ((segment->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
        return false;
    // [RFC 6191 2]: a later timestamp, or without timestamps a later sequence number [RFC 9293 MAY-2].
    if (c->ts_recent_ok && segment->options.has_timestamps)
        return tcp_seq_after(segment->options.ts_value, c->r.delegated.ts_recent) ||
               (segment->options.ts_value == c->r.delegated.ts_recent && tcp_seq_after(segment->seq, c->r.delegated.rcv_nxt));
    return tcp_seq_after(segment->seq, c->r.delegated.rcv_nxt);
}

// false: the segment goes no further.
static bool
step_sequence(struct tcp_connection *c, struct tcp_segment *segment)
{
    struct tcp *tcp = c->tcp;
    // Both opened at once, and this is the other's SYN again with the ACK of ours: its SYN was taken before [RFC 9293 3.5, figure 7].
    bool is_syn_ack = (segment->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK);
    if (c->r.delegated.state == TCP_SYN_RECEIVED && c->is_opener && is_syn_ack && segment->seq == c->irs) {
        segment->flags &= (uint8_t)~TCP_SYN;
        segment->seq++;
        c->ack_now = true;
    }
    uint32_t numbers = segment->data_bytes + !!(segment->flags & TCP_SYN) + !!(segment->flags & TCP_FIN);
    bool is_reset = segment->flags & TCP_RST;
    if (c->r.constant.flags & TCP_HAS_TIMESTAMPS && !is_reset) {
        if (!segment->options.has_timestamps && !(segment->flags & TCP_SYN))
            return false; // [RFC 7323 3.2]: silently
        if (segment->options.has_timestamps && paws_is_bad(c, segment) && !(segment->flags & TCP_SYN)) {
            tcp->counters.dropped_paws++;
            // Only what is here already is a duplicate: bytes beyond are dropped, and a block over them would say that they are not.
            if (segment->data_bytes && tcp_seq_before(segment->seq, c->r.delegated.rcv_nxt))
                tcp_note_duplicate(c, segment->seq, tcp_seq_earlier(segment->seq + segment->data_bytes, c->r.delegated.rcv_nxt));
            out_of_window_answer(c, segment);
            return false;
        }
    }
    if (!is_acceptable(c, segment->seq, numbers)) {
        // A window of 0 still takes ACKs, resets and urgent pointers of a segment at RCV.NXT [RFC 9293 MUST-66].
        if (!c->r.delegated.rcv_wnd && segment->seq == c->r.delegated.rcv_nxt && !(segment->flags & TCP_SYN)) {
            segment->data_bytes = 0;
            segment->flags &= (uint8_t)~TCP_FIN;
            c->ack_now = true;
            return true;
        }
        if (is_reset)
            return false;
        tcp->counters.dropped_old++;
        // The peer's SYN again: our SYN-ACK was lost.
        if (c->r.delegated.state == TCP_SYN_RECEIVED && (segment->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
            segment->seq == c->irs) {
            tcp_syn_send(c);
            return false;
        }
        if (segment->data_bytes && tcp_seq_before(segment->seq, c->r.delegated.rcv_nxt)) {
            tcp_note_duplicate(c, segment->seq, tcp_seq_earlier(segment->seq + segment->data_bytes, c->r.delegated.rcv_nxt));
            tcp->counters.duplicates_in++;
        }
        out_of_window_answer(c, segment);
        // An old segment's ACK is still news in a duplicate of the last FIN; TIME_WAIT starts anew [RFC 9293 3.10.7.4, eighth].
        if (c->r.delegated.state == TCP_TIME_WAIT && segment->flags & TCP_FIN)
            tcp_wait(c, TCP_WAIT_TIME_WAIT, tcp->params.time_wait_us);
        return false;
    }
    if (segment->data_bytes && tcp_seq_before(segment->seq, c->r.delegated.rcv_nxt) && !(segment->flags & TCP_SYN))
        tcp_note_duplicate(c, segment->seq, tcp_seq_earlier(segment->seq + segment->data_bytes, c->r.delegated.rcv_nxt));
    if (!(segment->flags & TCP_SYN))
        trim(c, segment);
    return true;
}

// ---- RST and SYN

// false: the segment goes no further; the connection may be gone.
static bool
step_reset(struct tcp_connection *c, const struct tcp_segment *segment)
{
    if (!(segment->flags & TCP_RST))
        return true;
    struct tcp *tcp = c->tcp;
    tcp->counters.resets_in++;
    if (segment->seq != c->r.delegated.rcv_nxt) {
        // A target asks once, and then by probes.
        if (tcp_uses(tcp, TCP_USE_TARGET) && c->is_doubted)
            return false;
        tcp_challenge(c); // [RFC 5961 3.2]
        if (tcp_uses(tcp, TCP_USE_TARGET))
            tcp_keep_alive_doubt(c);
        return false;
    }
    if (c->r.delegated.state == TCP_TIME_WAIT)
        return false; // [RFC 1337]: a TIME_WAIT is not assassinated
    bool was_opener = c->is_opener && c->r.delegated.state == TCP_SYN_RECEIVED;
    tcp_end(c, was_opener ? TCP_END_REFUSED : TCP_END_RESET);
    return false;
}

static bool
step_syn(struct tcp_connection *c, const struct tcp_segment *segment)
{
    if (!(segment->flags & TCP_SYN))
        return true;
    if (tcp_uses(c->tcp, TCP_USE_TARGET)) {
        if (segment->seq == c->r.delegated.rcv_nxt) {
            tcp_upload(c, TCP_UPLOAD_STATE);
            return false;
        }
        if (c->oow_ack_us && c->tcp->now_us - c->oow_ack_us < SYN_CHALLENGE_US)
            return false;
        c->oow_ack_us = c->tcp->now_us ? c->tcp->now_us : 1;
        tcp_keep_alive_doubt(c);
    }
    tcp_challenge(c); // [RFC 5961 4.2]: wherever its number lies
    return false;
}

// ---- the rest

static void
timestamp_keep(struct tcp_connection *c, const struct tcp_segment *segment)
{
    // [RFC 7323 4.3 (2)]: from the segment that covers Last.ACK.sent, so that delayed acknowledgements echo the earliest.
    if (!segment->options.has_timestamps || !(c->r.constant.flags & TCP_HAS_TIMESTAMPS) || tcp_seq_after(segment->seq, c->last_ack_sent))
        return;
    if (c->ts_recent_ok && tcp_seq_before(segment->options.ts_value, c->r.delegated.ts_recent) &&
        c->tcp->now_us - c->ts_recent_us < TCP_PAWS_IDLE_US)
        return;
    c->r.delegated.ts_recent = segment->options.ts_value;
    c->ts_recent_us = c->tcp->now_us;
    c->ts_recent_ok = true;
}

static void
ecn_in(struct tcp_connection *c, const struct tcp_segment *segment)
{
    if (!c->ecn_ok)
        return;
    // The echo lasts until the sender says that it has slowed down [RFC 3168 6.1.3].
    if (segment->flags & TCP_CWR)
        c->ecn_echo = false;
    if ((segment->in->traffic_class & 3) == 3 && segment->data_bytes) {
        c->ecn_echo = true;
        c->ack_now = true;
    }
}

static bool
was_released_with_new_text(const struct tcp_connection *c, const struct tcp_segment *segment)
{
    enum tcp_state state = c->r.delegated.state;
    return c->is_released && segment->data_bytes && (state == TCP_FIN_WAIT_1 || state == TCP_FIN_WAIT_2 || state == TCP_CLOSING) &&
           tcp_seq_after(segment->seq + segment->data_bytes, c->r.delegated.rcv_nxt) && !c->fin_taken;
}

static enum tcp_taken
in_synchronized(struct tcp_connection *c, struct tcp_segment *segment)
{
    struct tcp *tcp = c->tcp;
    if (c->r.delegated.state == TCP_TIME_WAIT && time_wait_reopens(c, segment)) {
        struct tcp_listener *listener = tcp_find_listener(tcp, &c->r.constant.local, c->r.constant.local_port);
        if (listener) {
            tcp_end(c, c->end); // its client hears, if there still is one; the name is free
            tcp_in_listen(listener, segment);
            return TCP_TAKEN;
        }
    }
    segment->window <<= segment->flags & TCP_SYN ? 0 : c->r.constant.snd_wnd_scale;
    // In SYN_RECEIVED of a handshake whose window field was not scaled yet, the ACK's is: RFC 7323 2.2 scales all but SYNs.
    if (tcp_uses(tcp, TCP_USE_TARGET) && segment->flags & TCP_URG && is_acceptable(c, segment->seq, segment->data_bytes)) {
        tcp_upload(c, TCP_UPLOAD_URGENT);
        return TCP_FOR_HOST;
    }
    if (!step_sequence(c, segment) || !step_reset(c, segment) || !step_syn(c, segment))
        return TCP_TAKEN;
    c->last_heard_us = tcp->now_us;
    tcp_keep_alive_restart(c);
    if (!(segment->flags & TCP_ACK))
        return TCP_TAKEN;
    timestamp_keep(c, segment);
    if (!tcp_in_ack(c, segment))
        return TCP_TAKEN; // the connection may be gone
    if (segment->in->flags & ENG_IN_SOURCE_ROUTE)
        tcp_route_follow(c, segment->in);
    // Bytes for a client that has gone: they were not received, and the peer is told [RFC 9293 3.6.1, RFC 2525 2.17].
    if (was_released_with_new_text(c, segment)) {
        tcp_emit_reset(c);
        tcp_end(c, TCP_END_ABORTED);
        return TCP_TAKEN;
    }
    ecn_in(c, segment);
    if (segment->flags & TCP_URG)
        tcp_in_urgent(c, segment);
    tcp_in_text(c, segment);
    tcp_in_fin(c);
    tcp_out(c);
    return TCP_TAKEN;
}

static enum tcp_taken
in_connection(struct tcp_connection *c, struct tcp_segment *segment)
{
    if (c->r.delegated.state == TCP_SYN_SENT)
        tcp_in_syn_sent(c, segment);
    else if (c->is_offer)
        tcp_in_offer(c, segment);
    else if (c->upload)
        return TCP_FOR_HOST;
    else
        return in_synchronized(c, segment);
    return TCP_TAKEN;
}

struct tcp_connection *
tcp_knows(const struct tcp *tcp, const struct eng_in *in)
{
    uint8_t ports[4];
    if (in->length_bytes < sizeof ports || !eng_spans_copy(in->spans, in->n_spans, in->at_bytes, ports, sizeof ports))
        return NULL;
    return tcp_find(tcp, &in->destination, &in->source, bytes_load_be16(ports + 2), bytes_load_be16(ports));
}

enum tcp_taken
tcp_input(struct tcp *tcp, const struct eng_in *in, uint64_t now_us, struct eng_outbox *outbox)
{
    struct tcp_segment segment;
    bool sum_bad;
    tcp_enter(tcp, now_us, outbox);
    tcp->counters.segments_in++;
    if (!tcp_segment_parse(in, &segment, &sum_bad)) {
        *(sum_bad ? &tcp->counters.bad_sum : &tcp->counters.bad_header) += 1;
        return TCP_BAD;
    }
    // Nothing of TCP goes to or comes from many [RFC 9293 MUST-57, MUST-63].
    if (in->flags & (ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST) || eng_address_is_multicast(&in->destination) ||
        eng_address_is_multicast(&in->source) || eng_address_is_any(&in->source) || eng_address_is_any(&in->destination) ||
        tcp_is_broadcast(&in->source) || tcp_is_broadcast(&in->destination)) {
        tcp->counters.bad_header++;
        return TCP_BAD;
    }
    struct tcp_connection *c = tcp_find(tcp, &in->destination, &in->source, segment.destination_port, segment.source_port);
    if (c)
        return in_connection(c, &segment);
    struct tcp_listener *listener = tcp_find_listener(tcp, &in->destination, segment.destination_port);
    if (listener) {
        tcp_in_listen(listener, &segment);
        return TCP_TAKEN;
    }
    if (tcp_uses(tcp, TCP_USE_TARGET))
        return TCP_NOT_OURS;
    tcp_in_reset_answer(tcp, &segment);
    return TCP_TAKEN;
}
