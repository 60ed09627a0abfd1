// SPDX-License-Identifier: MIT
// Sequence numbers [RFC 9293 3.4]: a circle of 2^32, compared by the sign of the difference; timestamps [RFC 7323 5.2] are the same.
#ifndef NBX_ENGINE_TCP_SEQ_H
#define NBX_ENGINE_TCP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
tcp_seq_before(uint32_t left, uint32_t right)
{
    return (int32_t)(left - right) < 0;
}

static inline bool
tcp_seq_after(uint32_t left, uint32_t right)
{
    return (int32_t)(left - right) > 0;
}

static inline uint32_t
tcp_seq_later(uint32_t left, uint32_t right)
{
    return tcp_seq_after(left, right) ? left : right;
}

static inline uint32_t
tcp_seq_earlier(uint32_t left, uint32_t right)
{
    return tcp_seq_before(left, right) ? left : right;
}

#endif
