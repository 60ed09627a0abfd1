// SPDX-License-Identifier: MIT
// Closing [RFC 9293 3.6, 3.10.4, 3.10.5, 3.10.7.4; RFC 1337, 5961, 6191]: FINs in every order, resets, TIME_WAIT, half-close, release.
#include "peer.h"
#include "engine/tcp/tcp_int.h"
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

static void
shut(void)
{
    ck_assert_int_eq(tcp_shutdown(peer.connection, peer.now_us, &peer.outbox), 0);
}

TEST(a_close_goes_through_FIN_WAIT_1_and_2_to_TIME_WAIT_and_stays_there_for_twice_MSL)
{
    open_with(NULL);
    shut();
    ck_assert_int_eq(peer_state(&peer), TCP_FIN_WAIT_1);
    peer_expect(&peer, F | A, 1, 1, 0);
    peer_say(&peer, A, 1, 2, 60000, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_FIN_WAIT_2);
    ck_assert(peer_info(&peer).fin_acked);
    peer_say(&peer, F | A, 1, 2, 60000, 0);
    peer_expect(&peer, A, 2, 2, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_TIME_WAIT);
    ck_assert_uint_eq(peer_events(&peer) & (TCP_EVENT_FIN | TCP_EVENT_ENDED), TCP_EVENT_FIN | TCP_EVENT_ENDED);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_NONE);
    peer_wait(&peer, peer.params.time_wait_us - 1);
    ck_assert_int_eq(peer_state(&peer), TCP_TIME_WAIT);
    peer_wait(&peer, 1);
    ck_assert_int_eq(peer_state(&peer), TCP_CLOSED);
    ck_assert_uint_eq(peer_events(&peer), 0);
    peer_destroy(&peer);
}

TEST(a_FIN_again_in_TIME_WAIT_is_acknowledged_and_starts_the_wait_anew)
{
    open_with(NULL);
    shut();
    peer_hear(&peer);
    peer_say(&peer, F | A, 1, 2, 60000, 0);
    peer_expect(&peer, A, 2, 2, 0);
    peer_wait(&peer, peer.params.time_wait_us / 2);
    peer_say(&peer, F | A, 1, 2, 60000, 0);
    peer_expect(&peer, A, 2, 2, 0);
    peer_wait(&peer, peer.params.time_wait_us - 1);
    ck_assert_int_eq(peer_state(&peer), TCP_TIME_WAIT);
    peer_destroy(&peer);
}

TEST(a_reset_does_not_end_TIME_WAIT)
{
    open_with(NULL);
    shut();
    peer_hear(&peer);
    peer_say(&peer, F | A, 1, 2, 60000, 0);
    peer_hear(&peer);
    peer_say(&peer, R, 2, 0, 0, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_TIME_WAIT);
    peer_destroy(&peer);
}

TEST(a_new_SYN_with_a_later_number_reopens_TIME_WAIT_and_an_earlier_one_does_not)
{
    open_with(NULL);
    shut();
    peer_hear(&peer);
    peer_say(&peer, F | A, 1, 2, 60000, 0);
    peer_hear(&peer);
    peer_events(&peer);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_expect(&peer, A, 2, 2, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_TIME_WAIT);
    struct tcp_connection *old = peer.connection;
    peer.connection = NULL;
    peer_say(&peer, S, 1000, 0, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_OFFER);
    ck_assert_ptr_ne(peer.connection, old);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), 0);
    peer.has_iss = false;
    peer_expect(&peer, S | A, 0, 1001, 0);
    tcp_release(old, peer.now_us, &peer.outbox);
    peer_destroy(&peer);
}

TEST(a_new_SYN_with_a_later_timestamp_reopens_TIME_WAIT_whatever_its_number)
{
    const uint8_t options[] = {1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0};
    peer_create(&peer, NULL);
    memcpy(peer.options, options, sizeof options);
    peer.option_bytes = sizeof options;
    peer_opens_with_ts(&peer, 60000, 256);
    shut();
    peer_hear(&peer);
    peer_say(&peer, F | A, 1, 2, 60000, 0);
    peer_hear(&peer);
    peer_events(&peer);
    struct tcp_connection *old = peer.connection;
    peer.connection = NULL;
    peer.ts_value = 255;
    peer.ts_echo = 0;
    peer_say(&peer, S, 5000, 0, 60000, 0); // a later number, but an older clock
    ck_assert_uint_eq(peer_events(&peer), 0);
    peer.ts_value = 300;
    peer_say(&peer, S, 0, 0, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_OFFER);
    tcp_release(old, peer.now_us, &peer.outbox);
    peer_destroy(&peer);
}

// The client wants the same two ends again [TDI_DISCONNECT: "the connection endpoint is still valid and the client can reuse it"].
TEST(an_open_to_the_same_peer_need_not_sit_out_a_TIME_WAIT_with_timestamps_that_was_released)
{
    struct tcp_connection *again;
    for (int has_timestamps = 0; has_timestamps < 2; has_timestamps++) {
        const uint8_t options[] = {1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0};
        peer_create(&peer, NULL);
        memcpy(peer.options, options, sizeof options);
        peer.option_bytes = has_timestamps ? sizeof options : 0;
        if (has_timestamps)
            peer_opens_with_ts(&peer, 60000, 256);
        else
            peer_opens(&peer, 60000);
        uint32_t last = peer.connection->r.delegated.snd_max;
        shut();
        peer_hear(&peer);
        ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &again), -EADDRINUSE); // it lives
        peer_say(&peer, F | A, 1, 2, 60000, 0);
        ck_assert_int_eq(peer_state(&peer), TCP_TIME_WAIT);
        peer_hear(&peer);
        ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &again), -EADDRINUSE); // it has a client
        tcp_release(peer.connection, peer.now_us, &peer.outbox);
        peer.connection = NULL;
        if (!has_timestamps) {
            ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &again), -EADDRINUSE);
            peer_wait(&peer, peer.params.time_wait_us);
        }
        ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &again), 0);
        ck_assert(!has_timestamps || tcp_seq_after(again->iss, last + 65535));
        ck_assert_uint_eq(tcp_counters(peer.tcp)->time_waits, 0);
        ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 1);
        peer.connection = again;
        peer_destroy(&peer);
    }
}

TEST(both_may_close_at_the_same_time)
{
    open_with(NULL);
    shut();
    peer_expect(&peer, F | A, 1, 1, 0);
    peer_say(&peer, F | A, 1, 1, 60000, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_CLOSING);
    peer_expect(&peer, A, 2, 2, 0);
    peer_say(&peer, A, 2, 2, 60000, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_TIME_WAIT);
    peer_destroy(&peer);
}

TEST(the_peers_FIN_leads_to_CLOSE_WAIT_and_our_own_to_LAST_ACK_and_the_end)
{
    open_with(NULL);
    peer_say(&peer, F | P | A, 1, 1, 60000, 10);
    peer_expect(&peer, A, 1, 12, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_CLOSE_WAIT);
    ck_assert_uint_eq(peer_events(&peer) & (TCP_EVENT_DATA | TCP_EVENT_FIN), TCP_EVENT_DATA | TCP_EVENT_FIN);
    ck_assert_uint_eq(peer_read(&peer, 100), 10);
    // Half-closed: we still send.
    peer_send(&peer, 10, 0);
    peer_expect(&peer, P | A, 1, 12, 10);
    peer_say(&peer, A, 12, 11, 60000, 0);
    shut();
    ck_assert_int_eq(peer_state(&peer), TCP_LAST_ACK);
    peer_expect(&peer, F | A, 11, 12, 0);
    peer_say(&peer, A, 12, 12, 60000, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_CLOSED);
    ck_assert(peer_events(&peer) & TCP_EVENT_ENDED);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_NONE);
    peer_destroy(&peer);
}

TEST(after_our_FIN_the_peer_may_send_for_as_long_as_it_likes)
{
    open_with(NULL);
    shut();
    peer_hear(&peer);
    peer_say(&peer, A, 1, 2, 60000, 0);
    for (unsigned i = 0; i < 5; i++) {
        peer_wait(&peer, 100000000);
        peer_say(&peer, P | A, 1 + i * 100, 2, 60000, 100);
        ck_assert_uint_eq(peer_read(&peer, 1000), 100);
    }
    ck_assert_int_eq(peer_state(&peer), TCP_FIN_WAIT_2);
    peer_destroy(&peer);
}

TEST(the_FIN_stands_behind_all_that_was_sent_and_is_repeated_until_it_is_acknowledged)
{
    open_with(NULL);
    peer_send(&peer, 1460, 0);
    peer_send(&peer, 100, TCP_SEND_FIN);
    ck_assert_int_eq(peer_state(&peer), TCP_FIN_WAIT_1);
    peer_expect(&peer, P | A, 1, 1, 1460);
    peer_expect(&peer, F | P | A, 1461, 1, 100);
    ck_assert_int_eq(peer_try_send(&peer, 1, 0), -EPIPE);
    ck_assert_int_eq(tcp_shutdown(peer.connection, peer.now_us, &peer.outbox), -EPIPE);
    peer_say(&peer, A, 1, 1561, 60000, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_FIN_WAIT_1);
    for (unsigned i = 0; i < 3; i++) {
        peer_wait(&peer, 5000000);
        struct said *said = peer_hear(&peer);
        ck_assert_uint_eq(said->flags, F | A);
        ck_assert_uint_eq(said->seq, 1561);
        while (peer_hear(&peer))
            ;
    }
    peer_say(&peer, A, 1, 1562, 60000, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_FIN_WAIT_2);
    peer_destroy(&peer);
}

TEST(a_FIN_before_its_text_waits_for_it)
{
    open_with(NULL);
    peer_say(&peer, F | A, 101, 1, 60000, 50);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_expect(&peer, A, 1, 1, 0);
    peer_say(&peer, A, 1, 1, 60000, 100);
    peer_expect(&peer, A, 1, 152, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_CLOSE_WAIT);
    ck_assert_uint_eq(peer_read(&peer, 1000), 150);
    peer_destroy(&peer);
}

TEST(text_behind_a_FIN_is_not_taken)
{
    open_with(NULL);
    peer_say(&peer, F | A, 1, 1, 60000, 10);
    peer_say(&peer, A, 12, 1, 60000, 10);
    ck_assert_uint_eq(peer_read(&peer, 1000), 10);
    ck_assert_int_eq(peer_state(&peer), TCP_CLOSE_WAIT);
    peer_destroy(&peer);
}

TEST(an_abort_is_a_reset_and_ends_every_send_with_its_status)
{
    int status = 0;
    uint64_t bytes;
    open_with(NULL);
    peer_send(&peer, 100, 0);
    peer_send(&peer, 50, 0);
    peer_hear(&peer);
    tcp_abort(peer.connection, peer.now_us, &peer.outbox);
    peer_expect(&peer, R | A, 101, 1, 0);
    peer_silence(&peer);
    ck_assert(peer_events(&peer) & TCP_EVENT_ENDED);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_ABORTED);
    ck_assert_uint_eq(peer_done(&peer, &status, &bytes), 2);
    ck_assert_int_eq(status, -ECONNABORTED);
    ck_assert_int_eq(peer_try_send(&peer, 1, 0), -ENOTCONN);
    tcp_abort(peer.connection, peer.now_us, &peer.outbox);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(a_reset_from_the_peer_ends_the_connection_and_tells_the_client)
{
    int status = 0;
    open_with(NULL);
    peer_send(&peer, 100, 0);
    peer_hear(&peer);
    peer_say(&peer, A, 1, 1, 60000, 10);
    peer_say(&peer, R, 11, 0, 0, 0);
    ck_assert(peer_events(&peer) & TCP_EVENT_ENDED);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_RESET);
    ck_assert_uint_eq(peer_done(&peer, &status, NULL), 1);
    ck_assert_int_eq(status, -ECONNRESET);
    ck_assert_uint_eq(peer_read(&peer, 100), 0);
    peer_destroy(&peer);
}

TEST(a_reset_may_carry_text)
{
    open_with(NULL);
    peer_say(&peer, R | A, 1, 1, 0, 25);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_RESET);
    peer_destroy(&peer);
}

TEST(a_reset_is_taken_in_a_closed_window_too)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.receive_bytes = 1000;
    open_with(&params);
    peer_say(&peer, A, 1, 1, 60000, 1000);
    ck_assert_uint_eq(peer_info(&peer).window_bytes, 0);
    peer_say(&peer, R, 1001, 0, 0, 0);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_RESET);
    peer_destroy(&peer);
}

TEST(a_release_with_bytes_that_nobody_took_is_a_reset)
{
    open_with(NULL);
    peer_say(&peer, P | A, 1, 1, 60000, 10);
    tcp_release(peer.connection, peer.now_us, &peer.outbox);
    struct said *said = peer_hear(&peer);
    ck_assert_uint_eq(said->flags & R, R);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 0);
    peer_destroy(&peer);
}

TEST(text_that_comes_after_a_release_is_answered_with_a_reset)
{
    open_with(NULL);
    tcp_release(peer.connection, peer.now_us, &peer.outbox);
    peer_expect(&peer, F | A, 1, 1, 0);
    peer_say(&peer, A, 1, 2, 60000, 0);
    peer_say(&peer, A, 1, 2, 60000, 10);
    ck_assert_uint_eq(peer_hear(&peer)->flags & R, R);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 0);
    peer_destroy(&peer);
}

TEST(a_released_connection_goes_on_alone_and_vanishes_after_TIME_WAIT)
{
    open_with(NULL);
    peer_send(&peer, 1000, 0);
    tcp_release(peer.connection, peer.now_us, &peer.outbox);
    peer_expect(&peer, P | A, 1, 1, 1000);
    peer_expect(&peer, F | A, 1001, 1, 0);
    peer_wait(&peer, 2000000); // repeated by itself
    ck_assert_ptr_nonnull(peer_hear(&peer));
    while (peer_hear(&peer))
        ;
    peer_say(&peer, F | A, 1, 1002, 60000, 0);
    ck_assert_uint_eq(peer_hear(&peer)->ack, 2);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->time_waits, 1);
    peer_wait(&peer, peer.params.time_wait_us);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 0);
    struct tcp_send *send = tcp_released_send_done(peer.tcp);
    ck_assert_ptr_nonnull(send);
    ck_assert_int_eq(send->status, 0);
    peer_item_free(send);
    peer_destroy(&peer);
}

TEST(a_released_connection_does_not_wait_for_the_peers_FIN_for_ever)
{
    open_with(NULL);
    tcp_release(peer.connection, peer.now_us, &peer.outbox);
    peer_hear(&peer);
    peer_say(&peer, A, 1, 2, 60000, 0);
    peer_wait(&peer, peer.params.fin_wait_2_us - 1);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 1);
    peer_wait(&peer, 1);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 0);
    peer_destroy(&peer);
}

TEST(an_open_that_is_given_up_leaves_nothing)
{
    peer_create(&peer, NULL);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_hear(&peer);
    tcp_release(peer.connection, peer.now_us, &peer.outbox);
    peer_silence(&peer);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 0);
    peer_destroy(&peer);
}

TEST(a_shutdown_before_the_connection_is_open_follows_the_handshake)
{
    peer_create(&peer, NULL);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_hear(&peer);
    peer_send(&peer, 100, TCP_SEND_FIN);
    peer_silence(&peer);
    peer_say(&peer, S | A, 0, 1, 60000, 0);
    peer_expect(&peer, F | P | A, 1, 1, 100);
    ck_assert_int_eq(peer_state(&peer), TCP_FIN_WAIT_1);
    peer_destroy(&peer);
}
