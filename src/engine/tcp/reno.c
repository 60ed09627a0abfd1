// SPDX-License-Identifier: MIT
// Reno's growth and reduction [RFC 5681 3.1, RFC 3465 with L = 2].
#include "engine/tcp/cc.h"

void
tcp_reno_grow(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
    if (cc->cwnd < cc->ssthresh) {
        uint32_t most = 2 * cc->mss;
        cc->cwnd += ack->acked_bytes < most ? ack->acked_bytes : most;
        return;
    }
    cc->acked += ack->acked_bytes;
    if (cc->acked >= cc->cwnd) {
        cc->acked -= cc->cwnd;
        cc->cwnd += cc->mss;
    }
}

uint32_t
tcp_reno_reduced(const struct tcp_cc *cc, uint32_t flight_bytes)
{
    return flight_bytes / 2 < 2 * cc->mss ? 2 * cc->mss : flight_bytes / 2;
}
