// SPDX-License-Identifier: MIT
// A working estimator until the full one stands here: RFC 6298 (2.2) and (2.3) with microseconds.
#include "engine/tcp/rtt.h"

static uint32_t
within(uint64_t value, uint32_t least, uint32_t most)
{
    return value < least ? least : value > most ? most
                                                : (uint32_t)value;
}

void
tcp_rtt_init(struct tcp_rtt *rtt, uint32_t initial_rto_us, uint32_t min_rto_us, uint32_t max_rto_us)
{
    *rtt = (struct tcp_rtt){.min_rto_us = min_rto_us, .max_rto_us = max_rto_us};
    rtt->rto_us = within(initial_rto_us, min_rto_us, max_rto_us);
}

static void
rto_set(struct tcp_rtt *rtt)
{
    // G, the clock's granularity, is a microsecond here; a millisecond keeps the timeout off the round trip itself.
    uint64_t spread = 4 * (uint64_t)rtt->rttvar_us;
    rtt->rto_us = within(rtt->srtt_us + (spread < 1000 ? 1000 : spread), rtt->min_rto_us, rtt->max_rto_us);
}

void
tcp_rtt_sample(struct tcp_rtt *rtt, uint64_t sample_us, uint32_t flight_samples)
{
    (void)flight_samples;
    uint32_t sample = within(sample_us, 1, 600000000);
    if (!rtt->has_sample) {
        rtt->srtt_us = sample;
        rtt->rttvar_us = sample / 2;
        rtt->has_sample = true;
    } else {
        uint32_t off = sample > rtt->srtt_us ? sample - rtt->srtt_us : rtt->srtt_us - sample;
        rtt->rttvar_us = (uint32_t)((3 * (uint64_t)rtt->rttvar_us + off) / 4);
        rtt->srtt_us = (uint32_t)((7 * (uint64_t)rtt->srtt_us + sample) / 8);
    }
    rto_set(rtt);
}

uint64_t
tcp_rtt_rto(const struct tcp_rtt *rtt, uint32_t backoff)
{
    uint64_t rto = rtt->rto_us;
    while (backoff-- && rto < rtt->max_rto_us)
        rto *= 2;
    return rto < rtt->max_rto_us ? rto : rtt->max_rto_us;
}

void
tcp_rtt_import(struct tcp_rtt *rtt, uint16_t srtt_ticks, uint16_t rttvar_ticks, uint32_t ticks_per_second)
{
    uint32_t tick_us = 1000000 / ticks_per_second;
    rtt->srtt_us = srtt_ticks ? srtt_ticks * tick_us : tick_us / 2;
    rtt->rttvar_us = rttvar_ticks ? rttvar_ticks * tick_us : tick_us / 4;
    rtt->has_sample = true;
    rto_set(rtt);
}

void
tcp_rtt_export(const struct tcp_rtt *rtt, uint32_t ticks_per_second, uint16_t *srtt_ticks, uint16_t *rttvar_ticks)
{
    uint32_t tick_us = 1000000 / ticks_per_second;
    uint32_t srtt = rtt->has_sample ? rtt->srtt_us / tick_us : 0, rttvar = rtt->has_sample ? rtt->rttvar_us / tick_us : 0;
    *srtt_ticks = srtt > UINT16_MAX ? UINT16_MAX : (uint16_t)srtt;
    *rttvar_ticks = rttvar > UINT16_MAX ? UINT16_MAX : (uint16_t)rttvar;
}
