// SPDX-License-Identifier: MIT
// The search upwards for the path's MTU [RFC 4821 7], for connections with SACK whose packets have become smaller than their link allows:
// because a black hole swallowed larger ones, or a router said so ten minutes ago.
//   tcp_probe_bytes (is it time, and how large?) -> tcp_probe_sent: one segment of real data that is larger than the others
//     acknowledged  tcp_probe_acked: from now on all are as large, and the next probe is larger still
//     lost          tcp_probe_look: repeated in small pieces; alone no sign of congestion [7.6.2], with others it tells nothing [7.6.4]
//     too big       tcp_probe_refused: a router named the size
// The search goes on between path.mtu_bytes (which works) and mtu_high (what may); where the two meet it rests for ten minutes.
#include "engine/tcp/tcp_int.h"

#define NEAR_BYTES 16               // an MTU this close to the best is good enough
#define TRIES 3                     // of a size: any packet may be lost
#define PAUSE_US 1000000            // after a probe that was lost
#define ETHERNET_MTU 1500           // the likeliest between two ends that both have more

// What a probe can reach: the link's MTU, or less when the peer takes no larger segments.
static uint32_t
top_of(const struct tcp_connection *c)
{
    uint32_t heads = (c->r.constant.remote.family == ENG_IP6 ? 40 : 20) + TCP_HEAD_BYTES;
    uint32_t peers = c->r.constant.remote_mss + heads;
    return c->mtu_link < peers ? c->mtu_link : peers;
}

bool
tcp_probe_is_possible(const struct tcp_connection *c)
{
    return tcp_uses(c->tcp, TCP_USE_PMTU_PROBES) && !tcp_uses(c->tcp, TCP_USE_TARGET) && c->r.constant.flags & TCP_HAS_SACK;
}

static bool
is_over(const struct tcp_connection *c, uint32_t top)
{
    uint32_t low = c->path.mtu_bytes, high = c->mtu_high;
    return high <= low || (high - low < NEAR_BYTES && high != top && !c->mtu_is_said);
}

static void
search_on(struct tcp_connection *c, uint64_t after_us)
{
    c->mtu_next_us = c->tcp->now_us + (is_over(c, top_of(c)) ? TCP_MTU_REST_US : after_us);
}

static uint32_t
size_next(const struct tcp_connection *c, uint32_t top)
{
    uint32_t low = c->path.mtu_bytes, high = c->mtu_high;
    // What worked once, or what a router said, is tried as it is.
    if (high == top || c->mtu_is_said)
        return high;
    return low < ETHERNET_MTU && ETHERNET_MTU <= high ? ETHERNET_MTU : (low + high + 1) / 2;
}

uint32_t
tcp_probe_bytes(struct tcp_connection *c, uint64_t unsent, uint32_t usable)
{
    if (c->path.mtu_bytes >= c->mtu_link || c->probe_bytes || c->tcp->now_us < c->mtu_next_us || !tcp_probe_is_possible(c))
        return 0;
    uint32_t top = top_of(c);
    // Something else is being found out about the path just now [RFC 4821 7.4].
    if (c->path.mtu_bytes >= top || c->recovery != TCP_OPEN || tcp_score(c)->sacked_bytes || tcp_score(c)->lost_bytes || c->has_urgent_out)
        return 0;
    if (is_over(c, top) || c->mtu_high > top) {
        c->mtu_high = top;
        c->mtu_is_said = false;
        c->probe_fails = 0;
    }
    uint32_t mtu = size_next(c, top), bytes = c->mss + (mtu - c->path.mtu_bytes);
    // So much must follow it that its loss shows by SACK and not by a timeout.
    uint32_t all = bytes + (c->tcp->params.dup_ack_threshold + 1) * c->mss;
    if (unsent < all || usable < all || c->cc.cwnd < all)
        return 0;
    return bytes;
}

void
tcp_probe_sent(struct tcp_connection *c, uint32_t seq, uint32_t bytes)
{
    c->probe_seq = seq;
    c->probe_bytes = bytes;
    c->probe_mtu = c->path.mtu_bytes + (bytes - c->mss);
    c->tcp->counters.mtu_probes++;
}

void
tcp_probe_put_off(struct tcp_connection *c)
{
    c->mtu_next_us = c->tcp->now_us + PAUSE_US;
}

static void
probe_over(struct tcp_connection *c, bool is_failure)
{
    c->probe_bytes = 0;
    if (is_failure && ++c->probe_fails >= TRIES) {
        c->probe_fails = 0;
        c->mtu_is_said = false;
        c->mtu_high = c->probe_mtu - 1;
    }
    search_on(c, PAUSE_US);
}

void
tcp_probe_acked(struct tcp_connection *c)
{
    if (!c->probe_bytes || tcp_seq_before(c->r.delegated.snd_una, c->probe_seq + c->probe_bytes))
        return;
    c->probe_bytes = c->probe_fails = 0;
    c->path.mtu_bytes = c->probe_mtu;
    c->tcp->counters.mtu_raises++;
    tcp_mss_update(c);
    tcp_event(c, TCP_EVENT_MTU);
    search_on(c, 0);
}

// Bytes of the probe that are lost.
static uint32_t
probe_lost(const struct tcp_connection *c)
{
    uint32_t lost = 0, end = c->probe_seq + c->probe_bytes;
    LIST_FOR_EACH(node, &tcp_score(c)->sent) {
        const struct tcp_sent *sent = LIST_ENTRY_OF(node, struct tcp_sent, link);
        if (!tcp_seq_before(sent->seq, end))
            break;
        if (!tcp_seq_before(sent->seq, c->probe_seq) && (sent->flags & (TCP_SENT_LOST | TCP_SENT_RESENT)) == TCP_SENT_LOST)
            lost += sent->end - sent->seq;
    }
    return lost;
}

void
tcp_probe_look(struct tcp_connection *c)
{
    if (!c->probe_bytes || !tcp_score(c)->lost_bytes)
        return;
    uint32_t lost = probe_lost(c);
    bool is_alone = lost && lost == tcp_score(c)->lost_bytes && c->recovery == TCP_OPEN;
    if (!lost && c->recovery == TCP_OPEN)
        return;
    probe_over(c, is_alone);
    if (is_alone)
        tcp_out_again(c);
}

bool
tcp_probe_timed_out(struct tcp_connection *c)
{
    if (!c->probe_bytes)
        return false;
    bool was_first = c->probe_seq == c->r.delegated.snd_una;
    probe_over(c, was_first);
    return was_first;
}

bool
tcp_probe_refused(struct tcp_connection *c, uint32_t seq, uint32_t mtu_bytes)
{
    if (!c->probe_bytes || seq != c->probe_seq || (mtu_bytes && mtu_bytes < c->path.mtu_bytes))
        return false;
    c->mtu_is_said = mtu_bytes && mtu_bytes < c->probe_mtu;
    c->mtu_high = c->mtu_is_said ? mtu_bytes : c->probe_mtu - 1;
    c->probe_fails = 0;
    LIST_FOR_EACH(node, &tcp_score(c)->sent) {
        struct tcp_sent *sent = LIST_ENTRY_OF(node, struct tcp_sent, link);
        if (!tcp_seq_before(sent->seq, c->probe_seq + c->probe_bytes))
            break;
        if (!tcp_seq_before(sent->seq, c->probe_seq))
            tcp_score_lose(tcp_score(c), sent);
    }
    bool is_alone = c->recovery == TCP_OPEN && probe_lost(c) == tcp_score(c)->lost_bytes;
    c->probe_bytes = 0;
    search_on(c, 0);
    if (is_alone)
        tcp_out_again(c);
    tcp_out(c);
    return true;
}
