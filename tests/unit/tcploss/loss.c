// SPDX-License-Identifier: MIT
// The kit of the tests of loss: a scoreboard, RACK, and ACKs made of numbers. A round trip is 100 ms, a segment 1,000 bytes.
#include "loss.h"
#include "harness/harness.h"
#include <stdlib.h>

static void *
take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
give(void *context, void *block, size_t bytes)
{
    free(block);
}

void
loss_init(struct loss *loss)
{
    *loss = (struct loss){.memory = {.on_take = take, .on_give = give}, .una = 1000, .max = 1000};
    tcp_sent_pool_init(&loss->pool, &loss->memory);
    tcp_score_init(&loss->score);
    tcp_rack_init(&loss->rack);
    loss->view = (struct tcp_rack_view){.srtt_us = 100000,
        .rto_us = 1000000, .mss = 1000, .dup_threshold = 3, .delayed_ack_us = 200000, .has_sack = true};
}

void
loss_end(struct loss *loss)
{
    tcp_score_clear(&loss->score, &loss->pool);
    tcp_sent_pool_destroy(&loss->pool);
    ck_assert_uint_eq(loss->memory.taken_bytes, 0);
}

void
loss_send(struct loss *loss, uint64_t now_us, uint32_t bytes)
{
    tcp_score_sent(&loss->score, &loss->pool, loss->max, loss->max + bytes, now_us);
    loss->max += bytes;
}

uint64_t
loss_ack(struct loss *loss, uint64_t now_us, uint32_t una, uint32_t seq, uint32_t end, uint32_t dsack_seq, uint32_t dsack_end)
{
    struct tcp_sack_block blocks[2];
    unsigned n = 0;
    struct tcp_news news = {.now_us = now_us, .rtt_us = ENG_NEVER, .una = una, .flight_before = loss->score.flight_bytes};
    if (dsack_seq != dsack_end)
        blocks[n++] = (struct tcp_sack_block){dsack_seq, dsack_end};
    if (seq != end)
        blocks[n++] = (struct tcp_sack_block){seq, end};
    tcp_score_acked(&loss->score, &loss->pool, una, &news);
    tcp_score_sacked(&loss->score, &loss->pool, blocks, n, una, loss->max, &news);
    loss->una = loss->view.una = una;
    loss->view.max = loss->max;
    loss->view.now_us = now_us;
    return tcp_rack_on_ack(&loss->rack, &loss->score, &news, &loss->view);
}
