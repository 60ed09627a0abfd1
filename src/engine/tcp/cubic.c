// SPDX-License-Identifier: MIT
// Until CUBIC stands here it grows and shrinks as Reno does.
#include "engine/tcp/cc.h"

void
tcp_cubic_grow(struct tcp_cc *cc, const struct tcp_cc_ack *ack)
{
    tcp_reno_grow(cc, ack);
}

uint32_t
tcp_cubic_reduced(struct tcp_cc *cc, uint32_t flight_bytes)
{
    return tcp_reno_reduced(cc, flight_bytes);
}
