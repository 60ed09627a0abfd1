// SPDX-License-Identifier: MIT
// The face of congestion control: what all algorithms share, and the dispatch to their growth and reduction.
#include "engine/tcp/cc.h"
#include "engine/tcp/tcp.h"

#define SSTHRESH_NONE 0x3FFFFFFF
#define CWND_MAX 0x3FFFFFFF // no window can be larger

void
tcp_cc_init(struct tcp_cc *cc, uint32_t algorithm, uint32_t mss, uint32_t initial_segments)
{
    *cc = (struct tcp_cc){.algorithm = algorithm, .mss = mss, .initial_segments = initial_segments, .ssthresh = SSTHRESH_NONE};
    // min(10 * MSS, max(2 * MSS, 14600)), with the knob in the place of 10 [RFC 6928 2].
    uint32_t most = initial_segments * mss, floor = initial_segments * 1460;
    if (floor < 2 * mss)
        floor = 2 * mss;
    cc->cwnd = most < floor ? most : floor;
}

void
tcp_cc_on_syn_lost(struct tcp_cc *cc)
{
    cc->cwnd = cc->mss;
}

void
tcp_cc_on_ack(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
    if (!ack->is_limited)
        return;
    if (cc->algorithm == TCP_CC_CUBIC)
        tcp_cubic_grow(cc, ack);
    else
        tcp_reno_grow(cc, ack);
    if (cc->cwnd > CWND_MAX)
        cc->cwnd = CWND_MAX;
}

void
tcp_cc_on_congestion(struct tcp_cc *cc, enum tcp_cc_cause cause, uint32_t flight_bytes, uint64_t now_us)
{
    (void)cause;
    (void)now_us;
    cc->undo_cwnd = cc->cwnd;
    cc->undo_ssthresh = cc->ssthresh;
    cc->ssthresh = cc->algorithm == TCP_CC_CUBIC ? tcp_cubic_reduced(cc, flight_bytes) : tcp_reno_reduced(cc, flight_bytes);
    cc->cwnd = cc->ssthresh;
}

void
tcp_cc_on_recovered(struct tcp_cc *cc, uint32_t flight_bytes)
{
    (void)flight_bytes;
    if (cc->cwnd > cc->ssthresh)
        cc->cwnd = cc->ssthresh;
}

void
tcp_cc_on_timeout(struct tcp_cc *cc, uint32_t flight_bytes, bool is_first, uint64_t now_us)
{
    (void)now_us;
    if (is_first) {
        cc->undo_cwnd = cc->cwnd;
        cc->undo_ssthresh = cc->ssthresh;
        cc->ssthresh = cc->algorithm == TCP_CC_CUBIC ? tcp_cubic_reduced(cc, flight_bytes) : tcp_reno_reduced(cc, flight_bytes);
    }
    cc->cwnd = cc->mss;
    cc->acked = 0;
}

void
tcp_cc_on_idle(struct tcp_cc *cc, uint64_t idle_us, uint64_t rto_us)
{
    if (idle_us <= rto_us)
        return;
    uint32_t restart = cc->initial_segments * cc->mss;
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
    if (cc->cwnd < cc->undo_cwnd)
        cc->cwnd = cc->undo_cwnd;
    if (cc->ssthresh < cc->undo_ssthresh)
        cc->ssthresh = cc->undo_ssthresh;
}

void
tcp_cc_import(struct tcp_cc *cc, uint32_t cwnd, uint32_t ssthresh)
{
    cc->cwnd = cwnd < cc->mss ? cc->mss : cwnd > CWND_MAX ? CWND_MAX
                                                          : cwnd;
    cc->ssthresh = ssthresh < 2 * cc->mss ? 2 * cc->mss : ssthresh > SSTHRESH_NONE ? SSTHRESH_NONE
                                                                                   : ssthresh;
}
