// SPDX-License-Identifier: MIT
// A scoreboard with memory of its own, for the tests of loss.
#ifndef NBX_TESTS_TCPLOSS_LOSS_H
#define NBX_TESTS_TCPLOSS_LOSS_H

#include "engine/tcp/rack.h"

struct loss {
    struct eng_memory memory;
    struct tcp_sent_pool pool;
    struct tcp_score score;
    struct tcp_rack rack;
    struct tcp_rack_view view;
    uint32_t una, max;
};

void loss_init(struct loss *loss);
void loss_end(struct loss *loss);           // nothing may be left

// New data of this size left.
void loss_send(struct loss *loss, uint64_t now_us, uint32_t bytes);
// An ACK with up to one SACK block and one D-SACK before it (each none when seq == end); gives RACK's deadline.
uint64_t loss_ack(struct loss *loss, uint64_t now_us, uint32_t una, uint32_t seq, uint32_t end, uint32_t dsack_seq, uint32_t dsack_end);

#endif
