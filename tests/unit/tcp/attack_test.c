// SPDX-License-Identifier: MIT
// Hostile peers and strangers [RFC 5961, 4987, 5927]: forgeries end nothing, floods are bounded, no byte from the wire reaches an
// assertion or takes memory past its limit.
#include "peer.h"
#include "base/bytes.h"
#include "base/prng.h"
#include <errno.h>
#include <string.h>

static struct peer peer;
static const uint8_t mss_1460[] = {2, 4, 5, 0xB4};

static void
open_with(const struct tcp_params *params)
{
    peer_create(&peer, params);
    memcpy(peer.options, mss_1460, 4);
    peer.option_bytes = 4;
    peer_opens(&peer, 60000);
}

TEST(a_blind_reset_or_SYN_is_challenged_and_ends_nothing)
{
    open_with(NULL);
    peer_say(&peer, R, 2, 0, 0, 0); // in the window, but not RCV.NXT
    peer_expect(&peer, A, 1, 1, 0);
    peer_say(&peer, R, 1000000, 0, 0, 0);
    peer_silence(&peer);
    peer_say(&peer, S, 100, 0, 60000, 0);
    peer_expect(&peer, A, 1, 1, 0);
    peer_say(&peer, S, 5000000, 0, 60000, 0);
    peer_expect(&peer, A, 1, 1, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_say(&peer, A, 1, 1, 60000, 10);
    ck_assert_uint_eq(peer_read(&peer, 100), 10);
    peer_destroy(&peer);
}

TEST(an_acknowledgement_of_the_future_or_of_long_ago_is_challenged)
{
    open_with(NULL);
    peer_say(&peer, A, 1, 2, 60000, 10);
    peer_expect(&peer, A, 1, 1, 0);
    peer_say(&peer, A, 1, 1 - 70000u, 60000, 10);
    peer_expect(&peer, A, 1, 1, 0);
    ck_assert_uint_eq(peer_read(&peer, 100), 0);
    peer_say(&peer, 0, 1, 0, 60000, 10); // and none at all is nothing
    ck_assert_uint_eq(peer_read(&peer, 100), 0);
    peer_destroy(&peer);
}

TEST(challenges_are_bounded_in_each_second)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.challenge_acks = 10;
    open_with(&params);
    peer_wait(&peer, 1000000 - peer.now_us % 1000000);
    unsigned answers = 0;
    for (unsigned i = 0; i < 1000; i++) {
        peer_say(&peer, R, 2 + i, 0, 0, 0);
        while (peer_hear(&peer))
            answers++;
    }
    ck_assert_uint_ge(answers, 5);
    ck_assert_uint_le(answers, 10);
    // How many it is differs from second to second, so that counting them tells nothing.
    unsigned seen = 1u << answers;
    for (unsigned i = 0; i < 20; i++) {
        peer_wait(&peer, 1000000);
        answers = 0;
        for (unsigned j = 0; j < 20; j++) {
            peer_say(&peer, R, 2 + j, 0, 0, 0);
            while (peer_hear(&peer))
                answers++;
        }
        ck_assert(answers >= 5 && answers <= 10);
        seen |= 1u << answers;
    }
    ck_assert_int_ge(__builtin_popcount(seen), 4);
    peer_wait(&peer, 1000000);
    peer_say(&peer, R, 2, 0, 0, 0);
    peer_expect(&peer, A, 1, 1, 0);
    peer_destroy(&peer);
}

TEST(acknowledgements_out_of_the_window_do_not_make_a_storm)
{
    open_with(NULL);
    unsigned answers = 0;
    for (unsigned i = 0; i < 1000; i++) {
        peer_say(&peer, A, 0x40000000, 1, 60000, 0);
        while (peer_hear(&peer))
            answers++;
    }
    ck_assert_uint_eq(answers, 1);
    peer_destroy(&peer);
}

TEST(a_flood_of_SYNs_takes_bounded_memory_and_cookies_let_a_true_peer_in)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.half_open_cookies = 100;
    peer_create(&peer, &params);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 100000, NULL, &peer.listener), 0);
    struct eng_address mine = peer.other;
    size_t before = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        bytes_store_be32(peer.other.bytes, 0x0B000000 + i);
        peer.has_iss = false;
        peer_say(&peer, S, i, 0, 60000, 0);
        while (peer_hear(&peer))
            ;
        if (i == 1000)
            before = peer.memory.taken_bytes;
    }
    ck_assert_uint_eq(peer.memory.taken_bytes, before);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->half_open, 100);
    // A SYN with options, under the flood: the answer's number is the cookie, and nothing is remembered.
    const uint8_t options[] = {2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 77, 0, 0, 0, 0, 3, 3, 7, 1};
    peer.other = mine;
    peer.has_iss = false;
    while (peer_events(&peer))
        peer.connection = NULL;
    peer.connection = NULL;
    peer_say_with(&peer, S, 0, 0, 60000, 0, options, sizeof options, 0);
    struct said *said = peer_expect(&peer, S | A, 0, 1, 0);
    ck_assert(said->has_ts && said->has_sack_ok && said->has_scale && said->has_mss);
    ck_assert_uint_eq(peer_events(&peer), 0);
    peer.has_ts = true;
    peer.ts_value = 78;
    // A guess is a reset.
    peer_say(&peer, A, 1, 2, 60000, 0);
    peer_expect(&peer, R, 2, 0, 0);
    peer_say(&peer, A, 1, 1, 1000, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_OFFER);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_CONNECTED);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    ck_assert_uint_eq(record.constant.flags, TCP_HAS_TIMESTAMPS | TCP_HAS_SACK | TCP_HAS_WINDOW_SCALE);
    ck_assert_uint_eq(record.constant.remote_mss, 1460);
    ck_assert_uint_eq(record.delegated.snd_wnd, 1000 << 7);
    peer_hear(&peer);
    peer_say(&peer, A, 1, 1, 1000, 500);
    ck_assert_uint_eq(peer_read(&peer, 1000), 500);
    peer_send(&peer, 1000, 0);
    peer_expect(&peer, P | A, 1, 501, 1000);
    peer_destroy(&peer);
}

TEST(a_refused_cookie_is_a_reset_and_an_old_one_is_none)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.half_open_cookies = 0;
    for (unsigned is_old = 0; is_old < 2; is_old++) {
        peer_create(&peer, &params);
        ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, NULL, &peer.listener), 0);
        peer_wait(&peer, 1000000000);
        peer_say(&peer, S, 0, 0, 60000, 0);
        peer_expect(&peer, S | A, 0, 1, 0);
        if (is_old)
            peer_wait(&peer, 200000000);
        peer_say(&peer, A, 1, 1, 60000, 0);
        ck_assert_uint_eq(peer_events(&peer), is_old ? 0 : TCP_EVENT_OFFER);
        if (!is_old)
            tcp_refuse(peer.connection, peer.now_us, &peer.outbox);
        peer.connection = NULL;
        struct said *said = peer_hear(&peer);
        ck_assert_ptr_nonnull(said);
        ck_assert_uint_eq(said->flags & R, R);
        ck_assert_uint_eq(said->seq, 1);
        peer_destroy(&peer);
    }
}

TEST(offers_and_half_open_connections_are_bounded_without_cookies)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.uses &= ~(uint32_t)TCP_USE_COOKIES;
    params.half_open_max = 50;
    peer_create(&peer, &params);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 20, NULL, &peer.listener), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        bytes_store_be32(peer.other.bytes, 0x0B000000 + i);
        peer_say(&peer, S, i, 0, 60000, 0);
    }
    ck_assert_uint_eq(tcp_counters(peer.tcp)->half_open, 20);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->offers_dropped, 980);
    peer_silence(&peer);
    // Those that nobody looked at expire, and there is room again.
    peer_wait(&peer, params.offer_us);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 0);
    peer_destroy(&peer);
}

TEST(bytes_sent_one_by_one_do_not_pin_a_frame_each)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.receive_bytes = 60000;
    open_with(&params);
    size_t before = peer.memory.taken_bytes;
    for (uint32_t i = 0; i < 30000; i++) {
        peer_say(&peer, A, 1 + i, 1, 60000, 1);
        while (peer_hear(&peer))
            ;
    }
    ck_assert_uint_eq(peer_info(&peer).receive_bytes, 30000);
    ck_assert_uint_lt(peer.memory.taken_bytes - before, 60000);
    ck_assert_uint_eq(peer_read(&peer, 100000), 30000);
    // Early ones cannot be joined; their number is bounded, and those past it are dropped for the peer to send again.
    before = peer.memory.taken_bytes;
    for (uint32_t i = 0; i < 20000; i++) {
        peer_say(&peer, A, 30003 + 2 * i, 1, 60000, 1);
        while (peer_hear(&peer))
            ;
    }
    ck_assert_uint_lt(peer.memory.taken_bytes - before, 256 * (size_t)params.chunks_max);
    peer_destroy(&peer);
}

TEST(SACK_blocks_of_single_bytes_split_records_only_so_far)
{
    const uint8_t options[] = {2, 4, 5, 0xB4, 4, 2, 3, 3, 7, 0, 0, 0};
    peer_create(&peer, NULL);
    memcpy(peer.options, options, sizeof options);
    peer.option_bytes = sizeof options;
    peer_opens(&peer, 60000);
    peer_send(&peer, 60000, 0);
    while (peer_hear(&peer))
        ;
    size_t before = peer.memory.taken_bytes;
    struct prng prng;
    prng_seed(&prng, 4);
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t blocks[36] = {1, 1, 5, 34};
        for (unsigned b = 0; b < 4; b++) {
            uint32_t at = 1 + (uint32_t)prng_below(&prng, 14600);
            bytes_store_be32(blocks + 4 + 8 * b, peer.iss + at);
            bytes_store_be32(blocks + 8 + 8 * b, peer.iss + at + 1 + (uint32_t)prng_below(&prng, 3));
        }
        peer_say_with(&peer, A, 1, 1, 60000, 0, blocks, sizeof blocks, 0);
        while (peer_hear(&peer))
            ;
    }
    ck_assert_uint_lt(peer.memory.taken_bytes - before, 4096u * 128);
    peer_destroy(&peer);
}

TEST(a_SYN_that_claims_to_come_from_ourselves_is_dropped)
{
    peer_create(&peer, NULL);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, NULL, &peer.listener), 0);
    peer.other = peer.own;
    peer.from_own_port = true;
    peer_say(&peer, S, 0, 0, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), 0);
    peer_silence(&peer);
    peer_destroy(&peer);
}

// Anything in any order, close to what is expected: the machine stays sound, its memory bounded, and it ends with nothing left.
TEST_TIMEOUT(60, random_segments_break_nothing)
{
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct prng prng;
        struct tcp_params params;
        tcp_params_default(&params);
        prng_seed(&prng, seed);
        params.receive_bytes = 3000 + (uint32_t)prng_below(&prng, 100000);
        params.uses = (uint32_t)prng_below(&prng, 256) & ~(uint32_t)TCP_USE_TARGET;
        if (seed % 10 == 0)
            params.uses |= TCP_USE_TARGET;
        open_with(&params);
        uint32_t sent = 0, got = 0;
        for (unsigned i = 0; i < 300; i++) {
            static const unsigned flags[] = {A, A, A, A, A | P, A | F, A | U, R, R | A, S, S | A, F, 0, A | E, A | C, 255};
            uint8_t options[24];
            unsigned option_bytes = 4 * (unsigned)prng_below(&prng, 7);
            for (unsigned o = 0; o < option_bytes; o++)
                options[o] = (uint8_t)prng_below(&prng, prng_below(&prng, 2) ? 12 : 256);
            unsigned flag = flags[prng_below(&prng, prng_below(&prng, 4) ? 7 : 16)];
            uint32_t seq = 1 + got + (uint32_t)prng_below(&prng, 3000) - (prng_below(&prng, 3) ? 1000 : 2000);
            uint32_t ack = 1 + (uint32_t)prng_below(&prng, sent + 10) - (uint32_t)prng_below(&prng, 5);
            peer_say_with(&peer, flag, seq, ack, (uint32_t)prng_below(&prng, 4) ? (uint32_t)prng_below(&prng, 65536) : 0,
                          (uint32_t)prng_below(&prng, 1460), options, option_bytes, (uint16_t)prng_below(&prng, 3000));
            if (!prng_below(&prng, 3)) {
                uint32_t bytes = 1 + (uint32_t)prng_below(&prng, 5000);
                if (peer_try_send(&peer, bytes, (uint32_t)prng_below(&prng, 4)) == 0)
                    sent += bytes;
            }
            got += peer_read(&peer, (uint32_t)prng_below(&prng, 3000));
            if (!prng_below(&prng, 10))
                peer_wait(&peer, prng_below(&prng, 3000000));
            if (!prng_below(&prng, 200))
                tcp_shutdown(peer.connection, peer.now_us, &peer.outbox);
            while (peer_hear(&peer))
                ;
            peer_done(&peer, NULL, NULL);
            peer_events(&peer);
            ck_assert_uint_lt(peer.memory.taken_bytes, 4000000);
        }
        peer_destroy(&peer);
    }
}
