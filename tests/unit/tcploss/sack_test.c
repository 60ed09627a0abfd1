// SPDX-License-Identifier: MIT
// The scoreboard beside a plain one with a byte for each byte, under random sends, ACKs, SACK blocks, losses and retransmissions, around
// the wrap of the sequence numbers; and the single rules of RFC 2018, 2883, 6675 and 6582.
#include "base/prng.h"
#include "engine/tcp/seq.h"
#include "harness/harness.h"
#include "loss.h"
#include <string.h>

#define SPACE 60000u

enum { FLIGHT, SACKED, LOST };

struct plain {
    uint8_t state[SPACE];
    uint32_t una, max; // offsets into state
};

// The sums, the lists and the flags say the same as the bytes do.
static void
check(const struct loss *loss, const struct plain *plain, uint32_t base)
{
    uint32_t sums[3] = {0}, records = 0, at = plain->una;
    for (uint32_t i = plain->una; i < plain->max; i++)
        sums[plain->state[i]]++;
    ck_assert_uint_eq(loss->score.flight_bytes, sums[FLIGHT]);
    ck_assert_uint_eq(loss->score.sacked_bytes, sums[SACKED]);
    ck_assert_uint_eq(loss->score.lost_bytes, sums[LOST]);
    LIST_FOR_EACH(node, &loss->score.sent) {
        const struct tcp_sent *sent = LIST_ENTRY_OF(node, struct tcp_sent, link);
        ck_assert_uint_eq(sent->seq, base + at);
        at = sent->end - base;
        records++;
    }
    ck_assert_uint_eq(at, plain->max);
    ck_assert_uint_eq(records, loss->score.count);
    uint64_t last_us = 0;
    uint32_t in_flight = 0, lost = 0;
    LIST_FOR_EACH(node, &loss->score.in_flight) {
        const struct tcp_sent *sent = LIST_ENTRY_OF(node, struct tcp_sent, in_turn);
        ck_assert_uint_ge(sent->sent_us, last_us);
        last_us = sent->sent_us;
        in_flight += sent->end - sent->seq;
    }
    uint32_t last = base;
    LIST_FOR_EACH(node, &loss->score.lost) {
        const struct tcp_sent *sent = LIST_ENTRY_OF(node, struct tcp_sent, in_turn);
        ck_assert(!tcp_seq_before(sent->seq, last));
        last = sent->end;
        lost += sent->end - sent->seq;
    }
    ck_assert_uint_eq(in_flight, sums[FLIGHT]);
    ck_assert_uint_eq(lost, sums[LOST]);
}

static uint32_t
between(struct prng *prng, uint32_t low, uint32_t high)
{
    return low + (uint32_t)(prng_next(prng) % (high - low + 1));
}

static void
random_sack(struct loss *loss, struct plain *plain, struct prng *prng, uint32_t base, struct tcp_news *news)
{
    if (plain->una == plain->max)
        return;
    uint32_t from = between(prng, plain->una, plain->max - 1), to = between(prng, from + 1, plain->max);
    struct tcp_sack_block block = {base + from, base + to};
    if (from == plain->una)
        return; // the ACK would have covered it
    tcp_score_sacked(&loss->score, &loss->pool, &block, 1, base + plain->una, base + plain->max, news);
    memset(plain->state + from, SACKED, to - from);
}

static void
random_step(struct loss *loss, struct plain *plain, struct prng *prng, uint32_t base, uint64_t now)
{
    struct tcp_news news = {.now_us = now, .rtt_us = ENG_NEVER};
    struct tcp_sent *sent;
    switch (between(prng, 0, 5)) {
    case 0:
    case 1:
        for (uint32_t bytes = between(prng, 1, 700); plain->max + bytes <= SPACE; bytes = SPACE) {
            tcp_score_sent(&loss->score, &loss->pool, base + plain->max, base + plain->max + bytes, now);
            memset(plain->state + plain->max, FLIGHT, bytes);
            plain->max += bytes;
        }
        break;
    case 2:
        plain->una = between(prng, plain->una, plain->una + (plain->max - plain->una) / 3);
        tcp_score_acked(&loss->score, &loss->pool, base + plain->una, &news);
        break;
    case 3:
        random_sack(loss, plain, prng, base, &news);
        break;
    case 4:
        LIST_FOR_EACH(node, &loss->score.sent) {
            sent = LIST_ENTRY_OF(node, struct tcp_sent, link);
            if (sent->flags & TCP_SENT_SACKED || between(prng, 0, 3))
                continue;
            tcp_score_lose(&loss->score, sent);
            memset(plain->state + (sent->seq - base), LOST, sent->end - sent->seq);
        }
        break;
    default:
        if ((sent = tcp_score_lost_first(&loss->score))) {
            for (uint32_t i = plain->una; i < sent->seq - base; i++)
                ck_assert_uint_ne(plain->state[i], LOST);
            tcp_score_resent(&loss->score, sent, now);
            memset(plain->state + (sent->seq - base), FLIGHT, sent->end - sent->seq);
        }
    }
}

TEST_TIMEOUT(60, the_scoreboard_agrees_with_a_plain_one_under_random_use)
{
    static struct plain plain;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct prng prng;
        struct loss loss;
        uint32_t base = seed % 2 ? 0xFFFFFFFFu - 20000 : 5;
        prng_seed(&prng, seed);
        loss_init(&loss);
        memset(&plain, 0, sizeof plain);
        for (uint64_t step = 1; step <= 400; step++) {
            random_step(&loss, &plain, &prng, base, step);
            check(&loss, &plain, base);
        }
        tcp_score_lose_all(&loss.score);
        memset(plain.state, LOST, sizeof plain.state);
        check(&loss, &plain, base);
        loss_end(&loss);
    }
}

TEST(memory_that_is_short_costs_knowledge_but_never_the_count_of_bytes)
{
    struct loss loss;
    loss_init(&loss);
    loss.memory.limit_bytes = sizeof(struct tcp_sent);
    ck_assert(tcp_score_reserve(&loss.score, &loss.pool));
    loss_send(&loss, 1, 1000);
    loss_send(&loss, 2, 1000);
    ck_assert_uint_eq(loss.score.count, 1);
    ck_assert_uint_eq(loss.score.flight_bytes, 2000);
    loss_ack(&loss, 3, 1000, 2000, 2500, 0, 0); // cannot be split
    ck_assert_uint_eq(loss.score.sacked_bytes, 0);
    loss_ack(&loss, 3, 1600, 0, 0, 0, 0);
    ck_assert_uint_eq(loss.score.flight_bytes, 1400);
    loss_end(&loss);
}

static struct tcp_news
news_of(struct loss *loss, const struct tcp_sack_block *blocks, unsigned n)
{
    struct tcp_news news = {.now_us = 100, .rtt_us = ENG_NEVER};
    tcp_score_sacked(&loss->score, &loss->pool, blocks, n, loss->una, loss->max, &news);
    return news;
}

TEST(a_first_block_below_the_ack_or_inside_the_second_is_a_d_sack_and_nothing_else_is)
{
    struct loss loss;
    loss_init(&loss);
    for (unsigned i = 0; i < 10; i++)
        loss_send(&loss, i, 1000);
    struct tcp_news below = news_of(&loss, (struct tcp_sack_block[]){{500, 1000}}, 1);
    ck_assert(below.has_dsack && below.dsack_seq == 500 && below.dsack_end == 1000 && !below.sacked_bytes);
    struct tcp_news inside = news_of(&loss, (struct tcp_sack_block[]){{4000, 4500}, {3000, 5000}}, 2);
    ck_assert(inside.has_dsack && inside.sacked_bytes == 2000);
    ck_assert(!news_of(&loss, (struct tcp_sack_block[]){{6000, 7000}, {3000, 5000}}, 2).has_dsack);
    ck_assert(!news_of(&loss, (struct tcp_sack_block[]){{6000, 7000}, {500, 900}}, 2).has_dsack);
    ck_assert(!news_of(&loss, (struct tcp_sack_block[]){{0x80000000u, 0x80000100u}}, 1).has_dsack); // half the circle away
    loss_end(&loss);
}

TEST(senseless_blocks_change_nothing)
{
    struct loss loss;
    loss_init(&loss);
    for (unsigned i = 0; i < 10; i++)
        loss_send(&loss, i, 1000);
    static const struct tcp_sack_block bad[] = {{3000, 3000}, {4000, 3000}, {10500, 11001}, {900, 1500}, {20000, 21000}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_uint_eq(news_of(&loss, &bad[i], 1).sacked_bytes, 0);
    ck_assert_uint_eq(loss.score.count, 10);
    loss_end(&loss);
}

TEST(by_count_a_segment_is_lost_below_three_runs_or_more_than_two_segments_of_bytes)
{
    struct loss loss;
    loss_init(&loss);
    for (unsigned i = 0; i < 10; i++)
        loss_send(&loss, i, 1000);
    news_of(&loss, (struct tcp_sack_block[]){{3000, 4000}, {5000, 6000}}, 2);
    tcp_score_lose_by_count(&loss.score, 3, 1000);
    ck_assert_uint_eq(loss.score.lost_bytes, 0);
    news_of(&loss, (struct tcp_sack_block[]){{7000, 8000}}, 1);
    tcp_score_lose_by_count(&loss.score, 3, 1000);
    ck_assert_uint_eq(loss.score.lost_bytes, 2000); // 1000 and 2000; 4000 has only two above it
    loss_end(&loss);
    loss_init(&loss);
    for (unsigned i = 0; i < 10; i++)
        loss_send(&loss, i, 1000);
    news_of(&loss, (struct tcp_sack_block[]){{5000, 8000}}, 1);
    tcp_score_lose_by_count(&loss.score, 3, 1000);
    ck_assert_uint_eq(loss.score.lost_bytes, 4000);
    loss_end(&loss);
}

TEST(newreno_loses_one_segment_of_a_super_segment_at_a_time_even_again)
{
    struct loss loss;
    loss_init(&loss);
    loss_send(&loss, 1, 5000);
    tcp_score_lose_first(&loss.score, &loss.pool, 1000);
    ck_assert_uint_eq(loss.score.lost_bytes, 1000);
    tcp_score_resent(&loss.score, tcp_score_lost_first(&loss.score), 2);
    ck_assert_uint_eq(loss.score.flight_bytes, 5000);
    tcp_score_lose_first(&loss.score, &loss.pool, 1000);
    ck_assert_uint_eq(loss.score.lost_bytes, 1000);
    ck_assert_uint_eq(tcp_score_lost_first(&loss.score)->seq, 1000);
    loss_end(&loss);
}

TEST(a_round_trip_is_measured_on_what_was_sent_once_and_last)
{
    struct loss loss;
    loss_init(&loss);
    loss_send(&loss, 10, 1000);
    loss_send(&loss, 20, 1000);
    loss_send(&loss, 30, 1000);
    tcp_score_lose_first(&loss.score, &loss.pool, 1000);
    tcp_score_resent(&loss.score, tcp_score_lost_first(&loss.score), 40);
    struct tcp_news news = {.now_us = 100, .rtt_us = ENG_NEVER};
    tcp_score_acked(&loss.score, &loss.pool, 3000, &news);
    ck_assert_uint_eq(news.rtt_us, 80);
    ck_assert_uint_eq(news.newest_sent_us, 40);
    ck_assert(news.newest_was_resent);
    ck_assert_uint_eq(news.original_sent_us, 20);
    ck_assert_uint_eq(news.acked_bytes, 2000);
    loss_end(&loss);
}
