// SPDX-License-Identifier: MIT
// Reno's congestion avoidance and reduction [RFC 5681 3.1, (3) and (4)], by bytes: a segment for each window that was acknowledged.
#include "engine/tcp/cc.h"

void
tcp_reno_grow(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
    cc->acked += ack->acked_bytes;
    // One ACK may cover more than a window; every window it covers counts, each against the cwnd that the last one left.
    while (cc->acked >= cc->cwnd) {
        cc->acked -= cc->cwnd;
        cc->cwnd += cc->mss;
    }
}

uint32_t
tcp_reno_reduced(const struct tcp_cc *cc, uint32_t flight_bytes)
{
    return flight_bytes / 2 < 2 * cc->mss ? 2 * cc->mss : flight_bytes / 2;
}
