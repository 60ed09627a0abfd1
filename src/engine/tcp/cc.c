// SPDX-License-Identifier: MIT
// The face of congestion control: slow start, what all algorithms share, and the dispatch to their growth and reduction.
//   an ACK outside of recovery   tcp_cc_on_ack: slow start below ssthresh, then tcp_reno_grow or tcp_cubic_grow
//   a loss, an ECN echo          tcp_cc_on_congestion ... tcp_cc_on_recovered, or tcp_cc_undo
//   a retransmission timeout     tcp_cc_on_timeout: one segment, and slow start again
// Slow start counts bytes, not ACKs [RFC 3465], so that an ACK that was cut in pieces gains nothing. It grows by all that an ACK
// covers, more than the two segments of RFC 3465 2.2: with receive coalescing at the peer one ACK stands for up to 64 KB, and a
// bound of two segments would make slow start last as long as there are ACKs too few.
#include "engine/tcp/cc.h"
#include "engine/tcp/tcp.h"

#define SSTHRESH_NONE 0x3FFFFFFFu
#define CWND_MAX 0x3FFFFFFFu // no window can be larger

// min(10 * MSS, max(2 * MSS, 14600)), with the knob in the place of 10 [RFC 6928 2].
static uint32_t
initial_window(const struct tcp_cc *cc)
{
    uint64_t most = (uint64_t)cc->initial_segments * cc->mss, floor = (uint64_t)cc->initial_segments * 1460;
    if (floor < 2 * (uint64_t)cc->mss)
        floor = 2 * (uint64_t)cc->mss;
    uint64_t window = most < floor ? most : floor;
    return window < CWND_MAX ? (uint32_t)window : CWND_MAX;
}

void
tcp_cc_init(struct tcp_cc *cc, uint32_t algorithm, uint32_t mss, uint32_t initial_segments)
{
    *cc = (struct tcp_cc){.algorithm = algorithm, .mss = mss, .initial_segments = initial_segments, .ssthresh = SSTHRESH_NONE};
    cc->cwnd = initial_window(cc);
}

void
tcp_cc_on_syn_lost(struct tcp_cc *cc)
{
    cc->cwnd = cc->mss; // [RFC 5681 3.1, RFC 6298 (5.7)]
}

void
tcp_cc_on_ack(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
    if (!ack->is_limited)
        return;
    struct tcp_cc_ack rest = *ack;
    if (cc->cwnd < cc->ssthresh) {
        // What takes cwnd past ssthresh is left for congestion avoidance.
        uint32_t room = cc->ssthresh - cc->cwnd, growth = ack->acked_bytes < room ? ack->acked_bytes : room;
        cc->cwnd += growth;
        rest.acked_bytes -= growth;
        if (!rest.acked_bytes)
            return;
    }
    if (cc->algorithm == TCP_CC_CUBIC)
        tcp_cubic_grow(cc, &rest);
    else
        tcp_reno_grow(cc, &rest);
    if (cc->cwnd > CWND_MAX)
        cc->cwnd = CWND_MAX;
}

static void
reduce(struct tcp_cc *cc, uint32_t flight_bytes)
{
    cc->undo_cwnd = cc->cwnd;
    cc->undo_ssthresh = cc->ssthresh;
    cc->undo_cubic = cc->cubic;
    cc->ssthresh = cc->algorithm == TCP_CC_CUBIC ? tcp_cubic_reduced(cc, flight_bytes) : tcp_reno_reduced(cc, flight_bytes);
    cc->acked = 0;
}

void
tcp_cc_on_congestion(struct tcp_cc *cc, enum tcp_cc_cause cause, uint32_t flight_bytes, uint64_t now_us)
{
    reduce(cc, flight_bytes);
    cc->cwnd = cc->ssthresh;
    // A mark says so in truth: there is no reordering that could have made it [RFC 3168 6.1.2].
    if (cause == TCP_CC_ECN)
        cc->undo_cwnd = 0;
}

void
tcp_cc_on_recovered(struct tcp_cc *cc, uint32_t flight_bytes)
{
    uint32_t calm = (flight_bytes > cc->mss ? flight_bytes : cc->mss) + cc->mss;
    cc->cwnd = cc->ssthresh < calm ? cc->ssthresh : calm;
}

void
tcp_cc_on_timeout(struct tcp_cc *cc, uint32_t flight_bytes, bool is_first, uint64_t now_us)
{
    if (is_first)
        reduce(cc, flight_bytes);
    if (cc->algorithm == TCP_CC_CUBIC)
        tcp_cubic_on_timeout(cc);
    cc->cwnd = cc->mss;
    cc->acked = 0;
}

void
tcp_cc_on_idle(struct tcp_cc *cc, uint64_t idle_us, uint64_t rto_us)
{
    if (cc->algorithm == TCP_CC_CUBIC)
        tcp_cubic_on_idle(cc, idle_us);
    if (idle_us <= rto_us)
        return;
    uint32_t restart = initial_window(cc);
    if (cc->cwnd > restart)
        cc->cwnd = restart;
}

void
tcp_cc_set_mss(struct tcp_cc *cc, uint32_t mss)
{
    cc->mss = mss;
    if (cc->cwnd < mss)
        cc->cwnd = mss;
}

void
tcp_cc_undo(struct tcp_cc *cc)
{
    if (!cc->undo_cwnd)
        return;
    if (cc->cwnd < cc->undo_cwnd)
        cc->cwnd = cc->undo_cwnd;
    if (cc->ssthresh < cc->undo_ssthresh)
        cc->ssthresh = cc->undo_ssthresh;
    cc->cubic = cc->undo_cubic;
    cc->undo_cwnd = 0;
}

static uint32_t
within(uint32_t value, uint32_t least, uint32_t most)
{
    if (value < least)
        return least;
    return value > most ? most : value;
}

void
tcp_cc_import(struct tcp_cc *cc, uint32_t cwnd, uint32_t ssthresh)
{
    cc->cwnd = within(cwnd, cc->mss, CWND_MAX);
    cc->ssthresh = within(ssthresh, 2 * cc->mss, SSTHRESH_NONE);
    cc->cubic = (struct tcp_cubic){0};
    cc->acked = 0;
    cc->undo_cwnd = 0;
}
