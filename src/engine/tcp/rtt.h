// SPDX-License-Identifier: MIT
// The round-trip time and the retransmission timeout [RFC 6298]. Microseconds inside; ticks only where a state is handed over.
//   tcp_rtt_init -> tcp_rtt_sample for each round trip that is unambiguous (Karn) -> tcp_rtt_rto
// Back-off is the caller's: the timer waits tcp_rtt_rto << count, at most max_rto_us.
#ifndef NBX_ENGINE_TCP_RTT_H
#define NBX_ENGINE_TCP_RTT_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_rtt {
    uint64_t srtt_fine, rttvar_fine;    // 1/1024 microseconds: what a sample of small weight changes is not lost by rounding
    uint32_t rto_us;                    // within the bounds, before back-off
    uint32_t min_rto_us, max_rto_us;
    bool has_sample;
};

#define TCP_RTT_FINE 1024               // parts of a microsecond

// Rounded; meaningless until has_sample.
static inline uint32_t
tcp_rtt_srtt_us(const struct tcp_rtt *rtt)
{
    return (uint32_t)((rtt->srtt_fine + TCP_RTT_FINE / 2) / TCP_RTT_FINE);
}

static inline uint32_t
tcp_rtt_var_us(const struct tcp_rtt *rtt)
{
    return (uint32_t)((rtt->rttvar_fine + TCP_RTT_FINE / 2) / TCP_RTT_FINE);
}

void tcp_rtt_init(struct tcp_rtt *rtt, uint32_t initial_rto_us, uint32_t min_rto_us, uint32_t max_rto_us);

// A measured round trip. flight_samples: how many samples a round trip brings, for RFC 7323 G (timestamps sample each ACK); 1 when
// each round trip brings one.
void tcp_rtt_sample(struct tcp_rtt *rtt, uint64_t sample_us, uint32_t flight_samples);

// The timeout after `backoff` expiries in a row.
uint64_t tcp_rtt_rto(const struct tcp_rtt *rtt, uint32_t backoff);

// Across a hand-over: eight times the round trip and four times its variation, in ticks [wdd: offload-state-objects]. 0 is "less than
// that", so half of it.
void tcp_rtt_import(struct tcp_rtt *rtt, uint16_t srtt_x8, uint16_t rttvar_x4, uint32_t ticks_per_second);
void tcp_rtt_export(const struct tcp_rtt *rtt, uint32_t ticks_per_second, uint16_t *srtt_x8, uint16_t *rttvar_x4);

#endif
