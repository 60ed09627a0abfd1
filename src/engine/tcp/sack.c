// SPDX-License-Identifier: MIT
// The scoreboard: records in order, and three sums (in flight, SACKed, lost) with a list for two of them.
//   flags_set is the only place where flags change; it moves a record's bytes from sum to sum and the record from list to list
//   acked and sacked fill the news
#include "engine/tcp/sack.h"
#include "engine/tcp/seq.h"

#define KEPT_MAX 1024

void
tcp_sent_pool_init(struct tcp_sent_pool *pool, struct eng_memory *memory)
{
    *pool = (struct tcp_sent_pool){.memory = memory};
    list_init(&pool->free);
}

void
tcp_sent_pool_destroy(struct tcp_sent_pool *pool)
{
    struct list *node;
    while ((node = list_pop_front(&pool->free)))
        eng_give(pool->memory, LIST_ENTRY_OF(node, struct tcp_sent, link), sizeof(struct tcp_sent));
    pool->kept = 0;
}

static struct tcp_sent *
record_get(struct tcp_sent_pool *pool)
{
    struct list *node = list_pop_front(&pool->free);
    if (!node)
        return eng_take(pool->memory, sizeof(struct tcp_sent));
    pool->kept--;
    return LIST_ENTRY_OF(node, struct tcp_sent, link);
}

static void
record_put(struct tcp_sent_pool *pool, struct tcp_sent *sent)
{
    if (pool->kept >= KEPT_MAX) {
        eng_give(pool->memory, sent, sizeof *sent);
        return;
    }
    pool->kept++;
    list_push_front(&pool->free, &sent->link);
}

static struct tcp_sent *
record_of(const struct list *node)
{
    return LIST_ENTRY_OF(node, struct tcp_sent, link);
}

// The sum that a record with these flags counts in.
static uint32_t *
sum_of(struct tcp_score *score, unsigned flags)
{
    if (flags & TCP_SENT_SACKED)
        return &score->sacked_bytes;
    if ((flags & (TCP_SENT_LOST | TCP_SENT_RESENT)) == TCP_SENT_LOST)
        return &score->lost_bytes;
    return &score->flight_bytes;
}

// Into the list that the flags ask for. Losses are declared in the order of numbers, or nearly: the walk from the end is short.
static void
turn_enter(struct tcp_score *score, struct tcp_sent *sent)
{
    const uint32_t *sum = sum_of(score, sent->flags);
    list_remove(&sent->in_turn);
    if (sum == &score->flight_bytes)
        list_push_back(&score->in_flight, &sent->in_turn);
    if (sum != &score->lost_bytes)
        return;
    struct list *at = score->lost.prev;
    while (at != &score->lost && tcp_seq_after(LIST_ENTRY_OF(at, struct tcp_sent, in_turn)->seq, sent->seq))
        at = at->prev;
    list_insert_after(at, &sent->in_turn);
}

static void
flags_set(struct tcp_score *score, struct tcp_sent *sent, unsigned flags)
{
    uint32_t bytes = sent->end - sent->seq, *before = sum_of(score, sent->flags);
    *before -= bytes;
    sent->flags = (uint8_t)flags;
    *sum_of(score, flags) += bytes;
    if (sum_of(score, flags) != before)
        turn_enter(score, sent);
}

void
tcp_score_init(struct tcp_score *score)
{
    *score = (struct tcp_score){0};
    list_init(&score->sent);
    list_init(&score->in_flight);
    list_init(&score->lost);
}

void
tcp_score_clear(struct tcp_score *score, struct tcp_sent_pool *pool)
{
    struct list *node;
    while ((node = list_pop_front(&score->sent)))
        record_put(pool, record_of(node));
    tcp_score_init(score);
}

void
tcp_score_sent(struct tcp_score *score, struct tcp_sent_pool *pool, uint32_t seq, uint32_t end, uint64_t now_us)
{
    struct tcp_sent *sent = score->count < TCP_SENT_MAX || list_is_empty(&score->sent) ? record_get(pool) : NULL;
    if (!sent && !list_is_empty(&score->sent)) {
        struct tcp_sent *last = record_of(score->sent.prev);
        // Before it grows: the new bytes are in flight, so the whole record must be.
        flags_set(score, last, last->flags & ~(TCP_SENT_SACKED | TCP_SENT_LOST | TCP_SENT_RESENT));
        score->flight_bytes += end - last->end;
        last->end = end;
        last->sent_us = now_us;
        turn_enter(score, last);
        return;
    }
    if (!sent)
        return; // the caller reserves the first record before it sends (tcp_score_reserve)
    *sent = (struct tcp_sent){.seq = seq, .end = end, .sent_us = now_us};
    list_init(&sent->in_turn);
    list_push_back(&score->sent, &sent->link);
    turn_enter(score, sent);
    score->count++;
    score->flight_bytes += end - seq;
}

bool
tcp_score_reserve(const struct tcp_score *score, struct tcp_sent_pool *pool)
{
    if (!list_is_empty(&score->sent) || !list_is_empty(&pool->free))
        return true;
    struct tcp_sent *sent = record_get(pool);
    if (sent)
        record_put(pool, sent);
    return sent;
}

void
tcp_score_resent(struct tcp_score *score, struct tcp_sent *sent, uint64_t now_us)
{
    flags_set(score, sent, sent->flags | TCP_SENT_EVER_RESENT | (sent->flags & TCP_SENT_LOST ? TCP_SENT_RESENT : 0));
    sent->sent_us = now_us;
    turn_enter(score, sent);
}

bool
tcp_score_split(struct tcp_score *score, struct tcp_sent_pool *pool, struct tcp_sent *sent, uint32_t at)
{
    struct tcp_sent *rest = score->count < TCP_SENT_MAX ? record_get(pool) : NULL;
    if (!rest)
        return false;
    *rest = *sent;
    rest->seq = at;
    sent->end = at;
    list_insert_after(&sent->link, &rest->link);
    // Right behind its other half, whichever list that is in: same time, next number.
    list_init(&rest->in_turn);
    if (!(sent->flags & TCP_SENT_SACKED))
        list_insert_after(&sent->in_turn, &rest->in_turn);
    score->count++;
    return true;
}

// A record, or a part of one, has arrived: what can be learnt from when it was sent.
static void
news_delivered(const struct tcp_sent *sent, struct tcp_news *news)
{
    bool was_resent = sent->flags & TCP_SENT_EVER_RESENT;
    if (sent->sent_us > news->newest_sent_us || (sent->sent_us == news->newest_sent_us && tcp_seq_after(sent->end, news->newest_end))) {
        news->newest_sent_us = sent->sent_us;
        news->newest_end = sent->end;
        news->newest_was_resent = was_resent;
    }
    if (!was_resent && (sent->sent_us > news->original_sent_us ||
                        (sent->sent_us == news->original_sent_us && tcp_seq_after(sent->end, news->original_end)))) {
        news->original_sent_us = sent->sent_us;
        news->original_end = sent->end;
    }
    // The newest is the least delayed by the peer's acknowledgement policy.
    uint64_t rtt_us = news->now_us - sent->sent_us;
    if (!was_resent && (news->rtt_us == ENG_NEVER || rtt_us < news->rtt_us))
        news->rtt_us = rtt_us;
}

void
tcp_score_acked(struct tcp_score *score, struct tcp_sent_pool *pool, uint32_t una, struct tcp_news *news)
{
    LIST_FOR_EACH_SAFE(node, &score->sent) {
        struct tcp_sent *sent = record_of(node);
        if (!tcp_seq_before(sent->seq, una))
            return;
        uint32_t bytes = (tcp_seq_before(una, sent->end) ? una : sent->end) - sent->seq;
        news->acked_bytes += bytes;
        if (!(sent->flags & TCP_SENT_SACKED)) {
            if (score->sacked_bytes && tcp_seq_before(sent->end, score->high_sacked) && !(sent->flags & TCP_SENT_EVER_RESENT))
                news->is_reordered = true;
            news_delivered(sent, news);
        }
        *sum_of(score, sent->flags) -= bytes;
        if (tcp_seq_before(una, sent->end)) {
            sent->seq = una;
            return;
        }
        list_remove(&sent->link);
        list_remove(&sent->in_turn);
        score->count--;
        record_put(pool, sent);
    }
}

static void
block_apply(struct tcp_score *score, struct tcp_sent_pool *pool, struct tcp_sack_block block, struct tcp_news *news)
{
    LIST_FOR_EACH_SAFE(node, &score->sent) {
        struct tcp_sent *sent = record_of(node);
        if (!tcp_seq_before(sent->seq, block.end))
            break;
        if (!tcp_seq_before(block.seq, sent->end) || sent->flags & TCP_SENT_SACKED)
            continue;
        // Without memory to split, the record stays unSACKed as a whole: that costs a retransmission and nothing else.
        if (tcp_seq_before(sent->seq, block.seq)) {
            if (tcp_score_split(score, pool, sent, block.seq))
                node_next = sent->link.next;
            continue;
        }
        if (tcp_seq_before(block.end, sent->end) && !tcp_score_split(score, pool, sent, block.end))
            continue;
        if (score->sacked_bytes && tcp_seq_before(sent->end, score->high_sacked) && !(sent->flags & TCP_SENT_EVER_RESENT))
            news->is_reordered = true;
        news_delivered(sent, news);
        news->sacked_bytes += sent->end - sent->seq;
        if (!score->sacked_bytes || tcp_seq_after(sent->end, score->high_sacked))
            score->high_sacked = sent->end;
        flags_set(score, sent, (sent->flags & TCP_SENT_EVER_RESENT) | TCP_SENT_SACKED);
    }
}

void
tcp_score_sacked(struct tcp_score *score, struct tcp_sent_pool *pool, const struct tcp_sack_block *blocks, unsigned n_blocks,
                 uint32_t una, uint32_t max, struct tcp_news *news)
{
    for (unsigned i = 0; i < n_blocks; i++) {
        struct tcp_sack_block block = blocks[i];
        if (!tcp_seq_before(block.seq, block.end))
            continue;
        bool is_below = !tcp_seq_after(block.end, una);
        bool is_inside = i == 0 && n_blocks > 1 && !tcp_seq_before(block.seq, blocks[1].seq) && !tcp_seq_after(block.end, blocks[1].end);
        if (i == 0 && (is_below || is_inside)) {
            // Not older than a window: anything else is a stray or a forgery.
            if (max - block.seq <= 0x40000000u) {
                news->has_dsack = true;
                news->dsack_seq = block.seq;
                news->dsack_end = block.end;
            }
            continue;
        }
        if (is_below || tcp_seq_before(block.seq, una) || tcp_seq_after(block.end, max))
            continue;
        block_apply(score, pool, block, news);
    }
}

void
tcp_score_lose(struct tcp_score *score, struct tcp_sent *sent)
{
    if (!(sent->flags & TCP_SENT_SACKED))
        flags_set(score, sent, (sent->flags | TCP_SENT_LOST) & ~(unsigned)TCP_SENT_RESENT);
}

void
tcp_score_lose_by_count(struct tcp_score *score, uint32_t dup_threshold, uint32_t mss)
{
    uint32_t runs = 0, bytes = 0;
    bool in_run = false;
    for (struct list *node = score->sent.prev; node != &score->sent; node = node->prev) {
        struct tcp_sent *sent = record_of(node);
        if (sent->flags & TCP_SENT_SACKED) {
            runs += !in_run;
            in_run = true;
            bytes += sent->end - sent->seq;
            continue;
        }
        in_run = false;
        if ((runs >= dup_threshold || bytes > (dup_threshold - 1) * mss) && !(sent->flags & TCP_SENT_LOST))
            tcp_score_lose(score, sent);
    }
}

void
tcp_score_lose_first(struct tcp_score *score, struct tcp_sent_pool *pool, uint32_t mss)
{
    LIST_FOR_EACH(node, &score->sent) {
        struct tcp_sent *sent = record_of(node);
        if (sent->flags & TCP_SENT_SACKED)
            continue;
        if (sent->end - sent->seq > mss)
            tcp_score_split(score, pool, sent, sent->seq + mss);
        tcp_score_lose(score, sent);
        return;
    }
}

void
tcp_score_lose_all(struct tcp_score *score)
{
    LIST_FOR_EACH(node, &score->sent) {
        struct tcp_sent *sent = record_of(node);
        flags_set(score, sent, (sent->flags & TCP_SENT_EVER_RESENT) | TCP_SENT_LOST);
    }
    score->high_sacked = 0;
}

struct tcp_sent *
tcp_score_lost_first(const struct tcp_score *score)
{
    return list_is_empty(&score->lost) ? NULL : LIST_ENTRY_OF(score->lost.next, struct tcp_sent, in_turn);
}
