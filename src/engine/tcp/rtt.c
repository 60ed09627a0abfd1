// SPDX-License-Identifier: MIT
// The estimator of RFC 6298 in fixed point. When every ACK is a sample, each weighs less by as many as a round trip brings, so that
// the memory stays that of one sample a round trip [RFC 7323 G].
#include "engine/tcp/rtt.h"

#define FINE TCP_RTT_FINE
#define SAMPLE_MAX_US 600000000u   // ten minutes; more is not a round trip
#define CLOCK_US 1000              // G of RFC 6298 (2.3), no less than the timers' grain, so that the timeout stays off the round trip

static uint32_t
within(uint64_t value, uint32_t least, uint32_t most)
{
    if (value < least)
        return least;
    return value > most ? most : (uint32_t)value;
}

void
tcp_rtt_init(struct tcp_rtt *rtt, uint32_t initial_rto_us, uint32_t min_rto_us, uint32_t max_rto_us)
{
    *rtt = (struct tcp_rtt){.min_rto_us = min_rto_us, .max_rto_us = max_rto_us};
    rtt->rto_us = within(initial_rto_us, min_rto_us, max_rto_us);
}

// RTO <- SRTT + max(G, K * RTTVAR).
static void
rto_set(struct tcp_rtt *rtt)
{
    uint64_t spread_us = 4 * (uint64_t)tcp_rtt_var_us(rtt);
    rtt->rto_us = within(tcp_rtt_srtt_us(rtt) + (spread_us < CLOCK_US ? CLOCK_US : spread_us), rtt->min_rto_us, rtt->max_rto_us);
}

void
tcp_rtt_sample(struct tcp_rtt *rtt, uint64_t sample_us, uint32_t flight_samples)
{
    uint64_t sample = (uint64_t)within(sample_us, 1, SAMPLE_MAX_US) * FINE;
    uint64_t samples = within(flight_samples, 1, 1024);
    if (!rtt->has_sample) {
        rtt->srtt_fine = sample;
        rtt->rttvar_fine = sample / 2;
        rtt->has_sample = true;
    } else {
        // RTTVAR before SRTT: it is the distance from the old estimate [RFC 6298 (2.3)].
        uint64_t off = sample > rtt->srtt_fine ? sample - rtt->srtt_fine : rtt->srtt_fine - sample;
        rtt->rttvar_fine = ((4 * samples - 1) * rtt->rttvar_fine + off) / (4 * samples);
        rtt->srtt_fine = ((8 * samples - 1) * rtt->srtt_fine + sample) / (8 * samples);
    }
    rto_set(rtt);
}

uint64_t
tcp_rtt_rto(const struct tcp_rtt *rtt, uint32_t backoff)
{
    uint64_t rto_us = rtt->rto_us;
    while (backoff-- && rto_us < rtt->max_rto_us)
        rto_us *= 2;
    return rto_us < rtt->max_rto_us ? rto_us : rtt->max_rto_us;
}

void
tcp_rtt_import(struct tcp_rtt *rtt, uint16_t srtt_x8, uint16_t rttvar_x4, uint32_t ticks_per_second)
{
    uint64_t tick_fine = UINT64_C(1000000) * FINE / ticks_per_second;
    rtt->srtt_fine = srtt_x8 ? srtt_x8 * tick_fine / 8 : tick_fine / 16;
    rtt->rttvar_fine = rttvar_x4 ? rttvar_x4 * tick_fine / 4 : tick_fine / 16;
    rtt->has_sample = true;
    rto_set(rtt);
}

void
tcp_rtt_export(const struct tcp_rtt *rtt, uint32_t ticks_per_second, uint16_t *srtt_x8, uint16_t *rttvar_x4)
{
    uint64_t srtt = rtt->has_sample ? 8 * (uint64_t)tcp_rtt_srtt_us(rtt) * ticks_per_second / 1000000 : 0;
    uint64_t rttvar = rtt->has_sample ? 4 * (uint64_t)tcp_rtt_var_us(rtt) * ticks_per_second / 1000000 : 0;
    *srtt_x8 = (uint16_t)within(srtt, 0, UINT16_MAX);
    *rttvar_x4 = (uint16_t)within(rttvar, 0, UINT16_MAX);
}
