// SPDX-License-Identifier: MIT
// CUBIC [RFC 9438] in whole numbers: windows in bytes, times in milliseconds.
//   W(t) = C * (t - K)^3 + W_max, with C = 0.4 segments/s^3, so C * mss * ms^3 / 10^9 bytes
//   each ACK     tcp_cubic_grow: Reno's window is followed as a floor (4.3), else cwnd goes towards W(t + RTT) (4.4, 4.5)
//   a loss       tcp_cubic_reduced: beta is 0.7, and W_max gives way when the flow is losing its share (4.6, 4.7)
// t does not run while the sender has nothing to send (4.2, 5.8): tcp_cubic_on_idle moves the epoch.
#include "engine/tcp/cc.h"

#define WIDE unsigned __int128
#define MS3_PER_S3 UINT64_C(1000000000)
#define T_MAX_MS 200000 // the curve is beyond every window long before
#define FINE 1024

// The largest root with root^3 <= value.
static uint32_t
cube_root(uint64_t value)
{
    uint64_t root = 0;
    for (int bit = 20; bit >= 0; bit--) {
        uint64_t next = root | UINT64_C(1) << bit;
        if (next * next * next <= value)
            root = next;
    }
    return (uint32_t)root;
}

// C * mss * ms^3, in bytes.
static uint64_t
curve_bytes(uint32_t mss, uint64_t ms)
{
    return (uint64_t)((WIDE)ms * ms * ms * mss * 4 / 10 / MS3_PER_S3);
}

static void
epoch_start(struct tcp_cc *cc, uint64_t now_us)
{
    struct tcp_cubic *cubic = &cc->cubic;
    cubic->epoch_us = now_us ? now_us : 1;
    cubic->w_est_fine = (uint64_t)cc->cwnd * FINE;
    cubic->k_ms = 0;
    cubic->origin = cc->cwnd;
    if (cubic->w_max > cc->cwnd) {
        // K = cbrt((W_max - cwnd_epoch) / C); 2^30 * 10^10 does not fit, segments and what is over do.
        WIDE ms3 = (WIDE)(cubic->w_max - cc->cwnd) * MS3_PER_S3 * 10 / 4 / cc->mss;
        cubic->k_ms = cube_root(ms3 > UINT64_MAX / 2 ? UINT64_MAX / 2 : (uint64_t)ms3);
        cubic->origin = cubic->w_max;
    }
}

// W(t), not below zero.
static uint64_t
window_at(const struct tcp_cc *cc, uint64_t t_ms)
{
    const struct tcp_cubic *cubic = &cc->cubic;
    if (t_ms > T_MAX_MS)
        t_ms = T_MAX_MS;
    if (t_ms >= cubic->k_ms)
        return cubic->origin + curve_bytes(cc->mss, t_ms - cubic->k_ms);
    uint64_t below = curve_bytes(cc->mss, cubic->k_ms - t_ms);
    return below < cubic->origin ? cubic->origin - below : 0;
}

// Reno with this beta: alpha = 3 * (1 - beta) / (1 + beta) = 9 / 17 of a segment for each window, and a whole one once it is back at
// the window before the reduction, where it is Reno's own pace (4.3).
static uint32_t
reno_window(struct tcp_cc *cc, uint32_t acked_bytes)
{
    struct tcp_cubic *cubic = &cc->cubic;
    uint64_t growth = (uint64_t)((WIDE)acked_bytes * FINE * cc->mss / cc->cwnd);
    bool is_back = cubic->w_est_fine >= (uint64_t)cubic->cwnd_prior * FINE;
    cubic->w_est_fine += is_back ? growth : growth * 9 / 17;
    return (uint32_t)(cubic->w_est_fine / FINE);
}

void
tcp_cubic_grow(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
    struct tcp_cubic *cubic = &cc->cubic;
    if (!cubic->epoch_us)
        epoch_start(cc, ack->now_us);
    uint64_t t_ms = ack->now_us > cubic->epoch_us ? (ack->now_us - cubic->epoch_us) / 1000 : 0;
    uint32_t reno = reno_window(cc, ack->acked_bytes);
    if (window_at(cc, t_ms) < reno) {
        if (cc->cwnd < reno)
            cc->cwnd = reno;
        return;
    }
    uint64_t target = window_at(cc, t_ms + ack->srtt_us / 1000), most = cc->cwnd + (uint64_t)cc->cwnd / 2;
    if (target > most)
        target = most;
    if (target <= cc->cwnd)
        return;
    // (target - cwnd) / cwnd for each segment: what is less than a byte waits in acked.
    uint64_t part = (target - cc->cwnd) * ack->acked_bytes + cc->acked;
    cc->cwnd += (uint32_t)(part / cc->cwnd);
    cc->acked = (uint32_t)(part % cc->cwnd);
}

uint32_t
tcp_cubic_reduced(struct tcp_cc *cc, uint32_t flight_bytes)
{
    struct tcp_cubic *cubic = &cc->cubic;
    cubic->epoch_us = 0;
    cubic->cwnd_prior = cc->cwnd;
    // Fast convergence: a flow that was cut before it was back gives way (1 + beta) / 2 [4.7].
    cubic->w_max = cc->cwnd < cubic->w_max ? (uint32_t)((uint64_t)cc->cwnd * 17 / 20) : cc->cwnd;
    uint32_t reduced = (uint32_t)((uint64_t)flight_bytes * 7 / 10);
    return reduced < 2 * cc->mss ? 2 * cc->mss : reduced;
}

// The first avoidance after a timeout starts at its own plateau [4.8].
void
tcp_cubic_on_timeout(struct tcp_cc *cc)
{
    cc->cubic.epoch_us = 0;
    cc->cubic.w_max = 0;
}

void
tcp_cubic_on_idle(struct tcp_cc *cc, uint64_t idle_us)
{
    if (cc->cubic.epoch_us)
        cc->cubic.epoch_us += idle_us;
}
