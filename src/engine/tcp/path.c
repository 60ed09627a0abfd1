// SPDX-License-Identifier: MIT
// The path: its MTU and what ICMP says of it [RFC 1191, RFC 8201, RFC 4821, RFC 5927].
//   tcp_set_path (the route changed), tcp_icmp (a router spoke), tcp_hole_suspect (large segments vanish and nobody speaks); the way up
//   again is probe.c's
// An MTU from ICMP is believed only about a number that is in flight, and never below what every link must carry.
#include <errno.h>

#include "base/bytes.h"
#include "engine/tcp/tcp_int.h"

#define MTU_MIN 128
#define MTU_FLOOR4 552              // less is believed of nobody: it would only serve an attack
#define MTU_FLOOR6 1280
#define HOLE_TIMEOUTS 2

// What old routers leave unsaid: the next plateau below [RFC 1191 7.1].
static uint32_t
plateau_below(uint32_t mtu_bytes)
{
    static const uint16_t plateaus[] = {65535, 32000, 17914, 8166, 4352, 2002, 1492, 1280, 1006, 552};
    for (unsigned i = 0; i < sizeof plateaus / sizeof plateaus[0]; i++)
        if (plateaus[i] < mtu_bytes)
            return plateaus[i];
    return MTU_FLOOR4;
}

static uint32_t
mtu_floor(const struct tcp_connection *c)
{
    return c->r.constant.remote.family == ENG_IP6 ? MTU_FLOOR6 : MTU_FLOOR4;
}

// Eff.snd.MSS [RFC 9293 3.7.1].
void
tcp_mss_update(struct tcp_connection *c)
{
    uint32_t mss = tcp_mss_to_offer(&c->r.constant.remote, c->path.mtu_bytes);
    if (mss > c->r.constant.remote_mss)
        mss = c->r.constant.remote_mss;
    if (c->r.constant.flags & TCP_HAS_TIMESTAMPS)
        mss -= 12;
    mss -= c->route ? c->route->n_bytes : 0; // never more than what TCP_MSS_MIN leaves
    c->mss = mss;
    tcp_cc_set_mss(&c->cc, mss);
}

static bool
mtu_shrink(struct tcp_connection *c, uint32_t mtu_bytes)
{
    if (mtu_bytes < mtu_floor(c))
        mtu_bytes = mtu_floor(c);
    if (mtu_bytes >= c->path.mtu_bytes)
        return false;
    c->path.mtu_bytes = mtu_bytes;
    if (tcp_is_synchronized(c))
        tcp_mss_update(c);
    tcp_event(c, TCP_EVENT_MTU);
    return true;
}

// After some minutes the first MTU is tried again: a router that still cannot will say so again. Not after a black hole, which would
// swallow two timeouts each time. Where probes are possible they find out instead, at less cost.
void
tcp_mtu_retry(struct tcp_connection *c)
{
    if (c->path.mtu_bytes >= c->mtu_link || c->tcp->now_us < c->mtu_next_us || tcp_probe_is_possible(c))
        return;
    c->path.mtu_bytes = c->mtu_link;
    tcp_mss_update(c);
}

void
tcp_path_begin(struct tcp_connection *c, const struct tcp_path *path)
{
    c->path = *path;
    c->mtu_link = c->mtu_high = path->mtu_bytes;
    c->mtu_next_us = 0;
    c->probe_bytes = c->probe_fails = 0;
    c->mtu_is_said = false;
    if (c->route)
        tcp_path_whole(c);
}

void
tcp_path_whole(struct tcp_connection *c)
{
    c->path.lso_max_bytes = 0;
    c->path.flags &= ~(uint32_t)TCP_PATH_SUM_PARTIAL;
}

bool
tcp_route_set(struct tcp_connection *c, const struct source_route *route)
{
    if (!c->route)
        c->route = eng_take(c->tcp->memory, sizeof *c->route);
    if (c->route)
        *c->route = *route;
    return c->route;
}

// A segment that was taken came by a source route: from now on ours go the way back [RFC 9293 MUST-53], by the latest such [SHLD-24].
// A client that opened actively or gave a route has its own way [MUST-52].
void
tcp_route_follow(struct tcp_connection *c, const struct eng_in *in)
{
    struct source_route route;
    if (c->is_opener || c->is_route_given || !source_route_back(in, &route) || !tcp_route_set(c, &route))
        return;
    tcp_path_whole(c);
    if (tcp_is_synchronized(c))
        tcp_mss_update(c);
}

// The segments in flight did not fit: again, smaller, and not as a sign of congestion [RFC 1191 6.5].
static void
send_again_smaller(struct tcp_connection *c)
{
    tcp_score_lose_all(tcp_score(c));
    c->recovery = TCP_LOSS;
    c->recover = c->r.delegated.snd_max;
    c->force_first = true;
}

int
tcp_set_path(struct tcp_connection *c, const struct tcp_path *path, uint64_t now_us, struct eng_outbox *outbox)
{
    if (path->mtu_bytes < MTU_MIN || path->mtu_bytes > 65535 + 40 || path->lso_max_bytes > 65535 - 120)
        return -EINVAL;
    tcp_enter(c->tcp, now_us, outbox);
    bool is_narrower = path->mtu_bytes < c->path.mtu_bytes;
    tcp_path_begin(c, path);
    if (!tcp_is_synchronized(c))
        return 0;
    uint32_t mss = c->mss;
    tcp_mss_update(c);
    // Whoever learnt of a narrower path by ICMP learnt of segments that are lost.
    if (is_narrower && c->mss < mss && !list_is_empty(&tcp_score(c)->sent))
        send_again_smaller(c);
    tcp_out(c);
    return 0;
}

static void
too_big(struct tcp_connection *c, uint32_t seq, uint32_t mtu_bytes)
{
    if (tcp_probe_refused(c, seq, mtu_bytes))
        return;
    if (!mtu_bytes)
        mtu_bytes = plateau_below(c->path.mtu_bytes);
    if (!mtu_shrink(c, mtu_bytes))
        return;
    c->mtu_high = c->path.mtu_bytes;
    c->mtu_next_us = c->tcp->now_us + TCP_MTU_REST_US;
    c->probe_bytes = c->probe_fails = 0;
    if (!tcp_is_synchronized(c))
        return;
    send_again_smaller(c);
    tcp_out(c);
}

bool
tcp_icmp(struct tcp *tcp, const struct tcp_icmp *icmp, uint64_t now_us, struct eng_outbox *outbox)
{
    tcp_enter(tcp, now_us, outbox);
    struct tcp_connection *c = tcp_find(tcp, &icmp->local, &icmp->remote, bytes_load_be16(icmp->header), bytes_load_be16(icmp->header + 2));
    if (!c || c->is_offer)
        return false;
    struct tcp_kept *d = &c->r.delegated;
    uint32_t seq = bytes_load_be32(icmp->header + 4);
    if (d->snd_una == d->snd_max || tcp_seq_before(seq, d->snd_una) || !tcp_seq_before(seq, d->snd_max))
        return false;
    switch (icmp->kind) {
    case TCP_ICMP_NONE:
    case TCP_ICMP_QUENCH: return true;
    case TCP_ICMP_TOO_BIG: too_big(c, seq, icmp->mtu_bytes); return true;
    case TCP_ICMP_REFUSED:
        if (d->state == TCP_SYN_SENT) {
            tcp_end(c, TCP_END_REFUSED);
            return true;
        }
        break;
    default: break;
    }
    c->soft_error = (uint8_t)icmp->kind;
    tcp_event(c, TCP_EVENT_SOFT_ERROR);
    return true;
}

// Large segments time out again and again: perhaps a router drops them and its ICMP is filtered [RFC 2923, RFC 4821 7.7].
void
tcp_hole_suspect(struct tcp_connection *c)
{
    if (tcp_probe_timed_out(c))
        return;
    if (!tcp_uses(c->tcp, TCP_USE_PMTU_PROBES) || list_is_empty(&tcp_score(c)->sent) || c->path.mtu_bytes <= mtu_floor(c))
        return;
    const struct tcp_sent *first = LIST_ENTRY_OF(tcp_score(c)->sent.next, struct tcp_sent, link);
    uint32_t floor_mss = tcp_mss_to_offer(&c->r.constant.remote, mtu_floor(c));
    if (first->end - first->seq <= floor_mss || ++c->hole_count < HOLE_TIMEOUTS)
        return;
    c->hole_count = 0;
    c->tcp->counters.dead_holes++;
    c->mtu_high = c->path.mtu_bytes - 1;
    c->mtu_is_said = false;
    c->mtu_next_us = tcp_probe_is_possible(c) ? 0 : ENG_NEVER;
    mtu_shrink(c, c->path.mtu_bytes > 1280 ? 1280 : plateau_below(c->path.mtu_bytes));
}
