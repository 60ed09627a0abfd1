// SPDX-License-Identifier: MIT
// Data: acknowledgements, Nagle, silly windows on both sides, zero windows, push, urgent [RFC 9293 3.7, 3.8; RFC 5681 4.2, RFC 6093].
#include "peer.h"
#include <errno.h>
#include <string.h>

static struct peer peer;
static const uint8_t mss_1460[] = {2, 4, 5, 0xB4}, mss_sack[] = {2, 4, 5, 0xB4, 4, 2, 1, 1};

static void
open_with(const struct tcp_params *params, uint32_t window)
{
    peer_create(&peer, params);
    memcpy(peer.options, mss_1460, 4);
    peer.option_bytes = 4;
    peer.syn_window = window;
    peer_opens(&peer, window);
}

static void
open_with_sack(void)
{
    peer_create(&peer, NULL);
    memcpy(peer.options, mss_sack, 8);
    peer.option_bytes = 8;
    peer_opens(&peer, 60000);
}

// ---- acknowledgements

TEST(one_segment_is_acknowledged_after_a_delay_below_half_a_second)
{
    open_with(NULL, 60000);
    peer_say(&peer, A, 1, 1, 60000, 100);
    peer_silence(&peer);
    uint64_t delay_us = peer.params.delayed_ack_ticks * (1000000 / peer.params.ticks_per_second);
    ck_assert_uint_lt(delay_us, 500000);
    peer_wait(&peer, delay_us - 1);
    peer_silence(&peer);
    peer_wait(&peer, 1);
    peer_expect(&peer, A, 1, 101, 0);
    peer_destroy(&peer);
}

TEST(the_first_bytes_are_acknowledged_at_once_where_params_say_so)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.quick_ack_bytes = 301;             // of sequence space, the SYN with it
    open_with(&params, 60000);
    for (uint32_t i = 0; i < 300; i += 100) {
        peer_say(&peer, A, 1 + i, 1, 60000, 100);
        peer_expect(&peer, A, 1, 101 + i, 0);
    }
    peer_say(&peer, A, 301, 1, 60000, 100);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(every_second_segment_is_acknowledged_at_once)
{
    open_with(NULL, 60000);
    for (uint32_t i = 0; i < 10; i += 2) {
        peer_say(&peer, A, 1 + i * 1460, 1, 60000, 1460);
        peer_silence(&peer);
        peer_say(&peer, A, 1461 + i * 1460, 1, 60000, 1460);
        peer_expect(&peer, A, 1, 2921 + i * 1460, 0);
        peer_read(&peer, 10000);
        peer_silence(&peer); // a buffer larger than a window can say is no reason to speak
    }
    peer_destroy(&peer);
}

TEST(an_acknowledgement_rides_on_data_that_leaves_meanwhile)
{
    open_with(NULL, 60000);
    peer_say(&peer, A, 1, 1, 60000, 100);
    peer_send(&peer, 10, 0);
    peer_expect(&peer, P | A, 1, 101, 10);
    peer_wait(&peer, 100000);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(segments_that_arrive_together_are_acknowledged_together)
{
    open_with(NULL, 60000);
    tcp_batch_begin(peer.tcp);
    for (uint32_t i = 0; i < 10; i++)
        peer_say(&peer, A, 1 + i * 1000, 1, 60000, 1000);
    peer_silence(&peer);
    tcp_batch_end(peer.tcp, peer.now_us, &peer.outbox);
    peer_expect(&peer, A, 1, 10001, 0);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(a_coalesced_segment_counts_for_as_many_as_it_was)
{
    open_with(NULL, 60000);
    peer.coalesced = 4;
    peer_say(&peer, A, 1, 1, 60000, 5840);
    peer_expect(&peer, A, 1, 5841, 0);
    peer_destroy(&peer);
}

TEST(segments_out_of_order_are_kept_acknowledged_at_once_and_named_in_SACK_blocks)
{
    open_with_sack();
    peer_say(&peer, A, 101, 1, 60000, 100);
    struct said *said = peer_expect(&peer, A, 1, 1, 0);
    ck_assert_uint_eq(said->n_sacks, 2);
    ck_assert_uint_eq(said->sacks[0], 101);
    ck_assert_uint_eq(said->sacks[1], 201);
    peer_say(&peer, A, 301, 1, 60000, 100);
    said = peer_expect(&peer, A, 1, 1, 0);
    ck_assert_uint_eq(said->n_sacks, 4);
    ck_assert_uint_eq(said->sacks[0], 301); // the latest first [RFC 2018 4]
    ck_assert_uint_eq(said->sacks[2], 101);
    peer_say(&peer, A, 201, 1, 60000, 100);
    said = peer_expect(&peer, A, 1, 1, 0);
    ck_assert_uint_eq(said->n_sacks, 2);
    ck_assert_uint_eq(said->sacks[0], 101);
    ck_assert_uint_eq(said->sacks[1], 401);
    ck_assert_uint_eq(peer_read(&peer, 1000), 0);
    peer_say(&peer, A, 1, 1, 60000, 100);
    said = peer_expect(&peer, A, 1, 401, 0);
    ck_assert_uint_eq(said->n_sacks, 0);
    ck_assert_uint_eq(peer_read(&peer, 1000), 400);
    peer_destroy(&peer);
}

TEST(a_duplicate_is_told_in_a_D_SACK_block)
{
    open_with_sack();
    peer_say(&peer, A, 1, 1, 60000, 100);
    peer_say(&peer, A, 101, 1, 60000, 100);
    peer_expect(&peer, A, 1, 201, 0);
    peer_say(&peer, A, 101, 1, 60000, 100);
    struct said *said = peer_expect(&peer, A, 1, 201, 0);
    ck_assert_uint_eq(said->n_sacks, 2);
    ck_assert_uint_eq(said->sacks[0], 101);
    ck_assert_uint_eq(said->sacks[1], 201);
    // Once [RFC 2883 4].
    peer_say(&peer, A, 301, 1, 60000, 100);
    ck_assert_uint_eq(peer_expect(&peer, A, 1, 201, 0)->n_sacks, 2);
    peer_say(&peer, A, 301, 1, 60000, 50);
    said = peer_expect(&peer, A, 1, 201, 0);
    ck_assert_uint_eq(said->n_sacks, 4);
    ck_assert_uint_eq(said->sacks[1], 351);
    ck_assert_uint_eq(said->sacks[3], 401);
    peer_destroy(&peer);
}

TEST(overlapping_segments_give_each_byte_once)
{
    open_with_sack();
    peer_say(&peer, A, 201, 1, 60000, 300);
    peer_say(&peer, A, 101, 1, 60000, 200);
    peer_say(&peer, A, 451, 1, 60000, 200);
    peer_say(&peer, A, 601, 1, 60000, 100);
    peer_say(&peer, A, 151, 1, 60000, 600);
    peer_say(&peer, A, 1, 1, 60000, 160);
    ck_assert_uint_eq(peer_read(&peer, 10000), 750);
    peer_destroy(&peer);
}

// ---- Nagle and the sender's silly windows

TEST(Nagle_holds_a_small_segment_back_while_something_is_unacknowledged)
{
    open_with(NULL, 60000);
    peer_send(&peer, 100, 0);
    peer_expect(&peer, P | A, 1, 1, 100);
    peer_send(&peer, 100, 0);
    peer_send(&peer, 100, TCP_SEND_PUSH);
    peer_silence(&peer);
    peer_send(&peer, 1400, 0);
    peer_expect(&peer, A, 101, 1, 1460);
    peer_silence(&peer);
    peer_say(&peer, A, 1, 1561, 60000, 0);
    peer_expect(&peer, P | A, 1561, 1, 140);
    peer_destroy(&peer);
}

TEST(Nagle_can_be_turned_off)
{
    peer_create(&peer, NULL);
    peer.open.cached_flags = 0;
    peer_opens(&peer, 60000);
    for (uint32_t i = 0; i < 5; i++) {
        peer_send(&peer, 10, 0);
        peer_expect(&peer, P | A, 1 + i * 10, 1, 10);
    }
    // And in the middle of a connection.
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    record.cached.flags |= TCP_CACHED_NAGLE;
    ck_assert_int_eq(tcp_update(peer.connection, &record.cached, peer.now_us, &peer.outbox), 0);
    peer_send(&peer, 10, 0);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(the_sender_waits_for_a_window_worth_a_segment_but_not_for_ever)
{
    open_with(NULL, 60000);
    peer_send(&peer, 4380, 0);
    peer_hear(&peer);
    peer_hear(&peer);
    peer_hear(&peer);
    // All acknowledged, and a window of 100 bytes: silly.
    peer_say(&peer, A, 1, 4381, 100, 0);
    peer_send(&peer, 2000, 0);
    peer_silence(&peer);
    uint64_t override_us = peer.params.sws_ticks * (1000000 / peer.params.ticks_per_second);
    ck_assert_uint_ge(override_us, 100000);
    ck_assert_uint_le(override_us, 1000000);
    peer_wait(&peer, override_us);
    peer_expect(&peer, A, 4381, 1, 100);
    peer_destroy(&peer);
}

TEST(half_of_the_largest_window_is_worth_a_segment)
{
    open_with(NULL, 1000);
    peer_send(&peer, 500, 0);
    peer_expect(&peer, P | A, 1, 1, 500);
    peer_say(&peer, A, 1, 501, 600, 0);
    peer_send(&peer, 5000, 0);
    peer_expect(&peer, A, 501, 1, 600);
    peer_destroy(&peer);
}

TEST(full_segments_are_sent_where_there_is_data_for_them)
{
    open_with(NULL, 60000);
    peer_send(&peer, 700, 0);
    peer_expect(&peer, P | A, 1, 1, 700);
    for (unsigned i = 0; i < 10; i++)
        peer_send(&peer, 700, 0);
    for (unsigned i = 0; i < 4; i++)
        peer_expect(&peer, A, 701 + i * 1460, 1, 1460);
    peer_silence(&peer);
    peer_destroy(&peer);
}

// ---- push

TEST(PSH_marks_the_end_of_what_is_queued_and_pushes_in_a_row_collapse)
{
    open_with(NULL, 3000);
    peer_send(&peer, 1000, TCP_SEND_PUSH);
    peer_expect(&peer, P | A, 1, 1, 1000);
    peer_send(&peer, 1000, TCP_SEND_PUSH);
    peer_send(&peer, 1000, TCP_SEND_PUSH);
    peer_send(&peer, 1000, TCP_SEND_PUSH);
    struct said *said = peer_hear(&peer);
    ck_assert_uint_eq(said->bytes, 1460);
    ck_assert_uint_eq(said->flags & P, 0);
    peer_say(&peer, A, 1, 2461, 3000, 0);
    said = peer_hear(&peer);
    ck_assert_uint_eq(said->bytes, 1460);
    peer_say(&peer, A, 1, 3921, 3000, 0);
    peer_expect(&peer, P | A, 3921, 1, 80);
    peer_destroy(&peer);
}

TEST(what_the_peer_pushed_is_known_and_what_it_did_not_is_told_after_the_push_time)
{
    struct tcp_receive_view view;
    open_with(NULL, 60000);
    peer_say(&peer, P | A, 1, 1, 60000, 100);
    peer_say(&peer, A, 101, 1, 60000, 50);
    tcp_receive_view(peer.connection, &view);
    ck_assert_uint_eq(view.bytes, 150);
    ck_assert_uint_eq(view.pushed_bytes, 100);
    ck_assert_uint_eq(peer_events(&peer) & TCP_EVENT_PUSH_TIME, 0);
    peer_wait(&peer, peer.params.push_ticks * (1000000 / peer.params.ticks_per_second));
    ck_assert_uint_eq(peer_events(&peer) & TCP_EVENT_PUSH_TIME, TCP_EVENT_PUSH_TIME);
    ck_assert_uint_eq(peer_read(&peer, 120), 120);
    tcp_receive_view(peer.connection, &view);
    ck_assert_uint_eq(view.pushed_bytes, 0);
    peer_destroy(&peer);
}

// ---- urgent

TEST(urgent_data_is_told_at_once_with_how_far_it_reaches)
{
    struct tcp_receive_view view;
    open_with(NULL, 60000);
    peer_events(&peer);
    // The pointer names the byte behind the urgent ones, which have not all come yet.
    peer_say_with(&peer, A | U, 1, 1, 60000, 10, NULL, 0, 70);
    ck_assert_uint_eq(peer_events(&peer) & TCP_EVENT_URGENT, TCP_EVENT_URGENT);
    tcp_receive_view(peer.connection, &view);
    ck_assert_uint_eq(view.urgent_bytes, 70);
    peer_say(&peer, A, 11, 1, 60000, 100);
    ck_assert_uint_eq(peer_events(&peer) & TCP_EVENT_URGENT, 0);
    ck_assert_uint_eq(peer_read(&peer, 69), 69);
    tcp_receive_view(peer.connection, &view);
    ck_assert_uint_eq(view.urgent_bytes, 1);
    ck_assert_uint_eq(peer_read(&peer, 1), 1);
    tcp_receive_view(peer.connection, &view);
    ck_assert_uint_eq(view.urgent_bytes, 0);
    peer_destroy(&peer);
}

TEST(an_urgent_pointer_is_taken_in_a_closed_window_too)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.receive_bytes = 1000;
    open_with(&params, 60000);
    peer_say(&peer, A, 1, 1, 60000, 1000);
    peer_events(&peer);
    peer_say_with(&peer, A | U, 1001, 1, 60000, 0, NULL, 0, 5);
    ck_assert_uint_eq(peer_events(&peer) & TCP_EVENT_URGENT, TCP_EVENT_URGENT);
    peer_destroy(&peer);
}

TEST(urgent_data_of_any_length_is_sent_with_a_pointer_to_the_byte_behind_it)
{
    open_with(NULL, 60000);
    peer_send(&peer, 4000, TCP_SEND_URGENT);
    for (uint32_t at = 0; at < 4000; at += 1460) {
        struct said *said = peer_hear(&peer);
        ck_assert_uint_eq(said->flags & U, U);
        ck_assert_uint_eq(said->seq + said->urgent, 4001);
    }
    peer_say(&peer, A, 1, 4001, 60000, 0);
    peer_send(&peer, 10, 0);
    peer_expect(&peer, P | A, 4001, 1, 10);
    peer_destroy(&peer);
}

// ---- the receiver's window

TEST(the_window_closes_as_bytes_wait_and_opens_by_steps_worth_a_segment)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.receive_bytes = 10000;
    open_with(&params, 60000);
    for (uint32_t i = 0; i < 10; i++) {
        peer_say(&peer, A, 1 + i * 1000, 1, 60000, 1000);
        struct said *said = peer_hear(&peer);
        if (said)
            ck_assert_uint_eq(said->ack + said->window, 10001); // the edge stands still
    }
    ck_assert_uint_eq(peer_info(&peer).window_bytes, 0);
    // Byte by byte is silly: nothing is said before two segments are free.
    for (uint32_t i = 0; i < 2919; i++)
        ck_assert_uint_eq(peer_read(&peer, 1), 1);
    peer_silence(&peer);
    peer_read(&peer, 1);
    struct said *said = peer_expect(&peer, A, 1, 10001, 0);
    ck_assert_uint_eq(said->window, 2920);
    peer_destroy(&peer);
}

TEST(a_window_that_is_far_from_closed_is_told_anew_by_quarters_of_the_buffer)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.receive_bytes = 60000;
    open_with(&params, 60000);
    for (uint32_t i = 0; i < 30; i++) {
        peer_say(&peer, A, 1 + i * 1000, 1, 60000, 1000);
        peer_hear(&peer);
    }
    ck_assert_uint_eq(peer_info(&peer).window_bytes, 30000);
    ck_assert_uint_eq(peer_read(&peer, 14999), 14999);
    peer_silence(&peer);
    peer_read(&peer, 1);
    struct said *said = peer_expect(&peer, A, 1, 30001, 0);
    ck_assert_uint_eq(said->window, 45000);
    peer_destroy(&peer);
}

// Two segments that the client takes, `us` apart. Returns the window told last.
static uint32_t
peer_says_and_it_is_read(uint32_t *seq, uint64_t us)
{
    uint32_t window = 0;
    for (struct said *said; (said = peer_hear(&peer));)
        ;
    for (int i = 0; i < 2; i++) {
        peer_say(&peer, A, *seq, 1, 60000, 1460);
        *seq += 1460;
        peer_wait(&peer, us);
        peer_read(&peer, 1460);
        for (struct said *said; (said = peer_hear(&peer));)
            window = said->window;
    }
    return window;
}

static void
open_that_grows(struct tcp_params *params)
{
    tcp_params_default(params);
    params->receive_bytes = 5000;
    params->receive_max_bytes = 60000;
    open_with(params, 60000);
}

TEST(the_buffer_grows_to_its_limit_while_the_client_keeps_up_with_a_fast_peer)
{
    struct tcp_params params;
    uint32_t seq = 1, window = 0;
    open_that_grows(&params);
    for (int i = 0; i < 4; i++)
        window = peer_says_and_it_is_read(&seq, 50);
    ck_assert_uint_gt(window, 8000);
    for (int i = 0; i < 300; i++)
        window = peer_says_and_it_is_read(&seq, 2);
    ck_assert_uint_gt(window, 40000);
    ck_assert_uint_le(window, 60000);
    peer_destroy(&peer);
}

TEST(the_buffer_stays_with_a_slow_peer_and_when_the_client_has_said_how_large_it_is)
{
    struct tcp_params params;
    uint32_t seq = 1;
    open_that_grows(&params);
    for (int i = 0; i < 50; i++)
        ck_assert_uint_le(peer_says_and_it_is_read(&seq, 10000), 5000);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    record.cached.initial_rcv_wnd = 6000;
    ck_assert_int_eq(tcp_update(peer.connection, &record.cached, peer.now_us, &peer.outbox), 0);
    for (int i = 0; i < 50; i++)
        ck_assert_uint_le(peer_says_and_it_is_read(&seq, 20), 6000);
    peer_destroy(&peer);
}

TEST(the_right_edge_never_moves_left_when_the_buffer_shrinks)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.receive_bytes = 20000;
    open_with(&params, 60000);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    record.cached.initial_rcv_wnd = 5000;
    ck_assert_int_eq(tcp_update(peer.connection, &record.cached, peer.now_us, &peer.outbox), 0);
    for (uint32_t i = 0; i < 10; i++) {
        peer_say(&peer, A, 1 + i * 1000, 1, 60000, 1000);
        peer_read(&peer, 1000);
        struct said *said = peer_hear(&peer);
        if (said)
            ck_assert_uint_ge(said->ack + said->window, 20001);
    }
    peer_destroy(&peer);
}

TEST(text_beyond_the_window_is_cut_off)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.receive_bytes = 1000;
    open_with(&params, 60000);
    peer_say(&peer, F | A, 1, 1, 60000, 1400);
    ck_assert_uint_eq(peer_info(&peer).receive_bytes, 1000);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_destroy(&peer);
}

// ---- the peer's window

TEST(a_window_above_32767_is_large_and_not_negative)
{
    open_with(NULL, 65535);
    peer_send(&peer, 60000, 0);
    uint32_t bytes = 0;
    for (uint32_t acks = 0; bytes < 60000 && acks < 100; acks++) {
        struct said *said;
        while ((said = peer_hear(&peer)))
            bytes += said->bytes;
        peer_say(&peer, A, 1, 1 + bytes, 65535, 0);
    }
    ck_assert_uint_eq(bytes, 60000);
    peer_destroy(&peer);
}

TEST(windows_are_counted_in_32_bits)
{
    const uint8_t options[] = {2, 4, 5, 0xB4, 3, 3, 10, 0};
    peer_create(&peer, NULL);
    memcpy(peer.options, options, 8);
    peer.option_bytes = 8;
    peer_opens(&peer, 65535);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    ck_assert_uint_eq(record.delegated.snd_wnd, 65535u << 10);
    peer_destroy(&peer);
}

TEST(a_window_that_shrinks_stops_new_data_and_old_data_within_it_is_repeated)
{
    open_with(NULL, 60000);
    peer_send(&peer, 10220, 0);
    uint32_t sent = 0;
    struct said *said;
    while ((said = peer_hear(&peer)))
        sent = said->seq - 1 + said->bytes;
    ck_assert_uint_eq(sent, 10220);
    // 1,460 bytes are acknowledged and the window says 2,000: it has shrunk over what is in flight.
    peer_say(&peer, A, 1, 1461, 2000, 0);
    peer_send(&peer, 1000, 0);
    peer_silence(&peer);
    for (unsigned i = 0; i < 3; i++) {
        peer_wait(&peer, 1500000u << i);
        while ((said = peer_hear(&peer))) {
            ck_assert_uint_le(said->seq + said->bytes, 1461 + 2000);
            ck_assert_uint_ge(said->seq, 1461);
        }
    }
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_say(&peer, A, 1, 10221, 60000, 0);
    ck_assert_uint_eq(peer_hear(&peer)->seq, 10221);
    peer_destroy(&peer);
}

TEST(a_closed_window_is_probed_after_RTO_and_then_ever_more_slowly_for_as_long_as_the_peer_answers)
{
    open_with(NULL, 60000);
    peer_send(&peer, 100, 0);
    peer_hear(&peer);
    peer_say(&peer, A, 1, 101, 0, 0);
    peer_send(&peer, 4381, 0);
    peer_silence(&peer);
    uint64_t rto_us = peer_info(&peer).rto_us, last_us = peer.now_us;
    peer_wait(&peer, rto_us);
    peer_expect(&peer, A, 101, 1, 1);
    uint64_t gap_us = peer.now_us - last_us;
    for (unsigned i = 0; i < 40; i++) {
        last_us = peer.now_us;
        peer_say(&peer, A, 1, 101, 0, 0);
        while (tcp_next_deadline(peer.tcp) != ENG_NEVER && list_is_empty(&peer.outbox.packets))
            peer_wait(&peer, 1000);
        struct said *said = peer_hear(&peer);
        ck_assert_uint_eq(said->seq, 101);
        ck_assert_uint_eq(said->bytes, 1);
        ck_assert_uint_ge(peer.now_us - last_us + 1000, gap_us); // never faster than before
        gap_us = peer.now_us - last_us;
        ck_assert_uint_le(gap_us, peer.params.max_rto_us + 1000);
    }
    ck_assert_uint_ge(gap_us, peer.params.max_rto_us - 1000);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    // It opens: all goes at once, the probe's byte with it.
    peer_say(&peer, A, 1, 101, 60000, 0);
    uint32_t bytes = 0;
    struct said *said;
    while ((said = peer_hear(&peer)))
        bytes += said->bytes;
    ck_assert_uint_eq(bytes, 4381);
    peer_destroy(&peer);
}

TEST(two_ends_with_closed_windows_that_probe_each_other_still_hear_each_other)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.receive_bytes = 1000;
    open_with(&params, 60000);
    peer_say(&peer, A, 1, 1, 0, 1000);
    peer_send(&peer, 100, 0);
    while (peer_hear(&peer))
        ;
    peer_wait(&peer, 3000000);
    struct said *said = peer_hear(&peer);
    while (said && said->bytes != 1)
        said = peer_hear(&peer);
    ck_assert_ptr_nonnull(said);
    while (peer_hear(&peer))
        ;
    // The peer's probe is answered with a number that a closed window takes, not with one behind our own probe.
    peer_say(&peer, A, 1001, 1, 0, 1);
    peer_expect(&peer, A, 1, 1001, 0);
    peer_destroy(&peer);
}

TEST(the_window_of_an_old_segment_is_not_taken)
{
    open_with(NULL, 60000);
    peer_say(&peer, A, 101, 1, 5000, 100); // a later number
    peer_say(&peer, A, 1, 1, 60000, 50);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    ck_assert_uint_eq(record.delegated.snd_wnd, 5000);
    peer_destroy(&peer);
}

// ---- sends

TEST(sends_end_in_order_when_their_last_byte_is_acknowledged)
{
    int status = 1;
    uint64_t bytes = 0;
    open_with(NULL, 60000);
    peer_send(&peer, 1460, 0);
    peer_send(&peer, 1460, 0);
    peer_events(&peer);
    peer_say(&peer, A, 1, 1460, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer) & TCP_EVENT_SENT, 0);
    peer_say(&peer, A, 1, 1500, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer) & TCP_EVENT_SENT, TCP_EVENT_SENT);
    ck_assert_uint_eq(peer_done(&peer, &status, &bytes), 1);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(bytes, 1460);
    peer_say(&peer, A, 1, 2921, 60000, 0);
    ck_assert_uint_eq(peer_done(&peer, &status, &bytes), 1);
    peer_destroy(&peer);
}

TEST(a_send_of_nothing_or_of_a_wrong_sum_is_refused)
{
    struct eng_span span = {.bytes = (const uint8_t *)"abc", .count = 3};
    struct tcp_send send = {.spans = &span, .n_spans = 1, .bytes = 4};
    open_with(NULL, 60000);
    ck_assert_int_eq(tcp_send(peer.connection, &send, peer.now_us, &peer.outbox), -EINVAL);
    send.bytes = 0;
    send.n_spans = 0;
    ck_assert_int_eq(tcp_send(peer.connection, &send, peer.now_us, &peer.outbox), -EINVAL);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(a_super_segment_goes_out_when_the_adapter_cuts_and_enough_segments_are_in_it)
{
    peer_create(&peer, NULL);
    memcpy(peer.options, mss_1460, 4);
    peer.option_bytes = 4;
    peer.open.path.lso_max_bytes = 60000;
    peer.open.path.lso_min_segments = 2;
    peer_opens(&peer, 60000);
    peer_send(&peer, 14000, 0);
    struct said *said = peer_hear(&peer);
    ck_assert_uint_eq(said->mss_bytes, 1460);
    ck_assert_uint_eq(said->bytes, 14000); // the whole initial window; the tail has nothing to wait for
    ck_assert(said->partial);
    peer_destroy(&peer);
}

// ---- taken back -----------------------------------------------------------------------------------------------------------------

static struct tcp_send taken;
static struct eng_owner taken_owner;
static unsigned taken_released;

static void
taken_release(struct eng_owner *owner)
{
    taken_released++;
}

// A send of 500 bytes that are not the stream's.
static void
send_to_take(uint32_t flags)
{
    static const uint8_t bytes[500] = {0xEE};
    static struct eng_span span;
    taken_released = 0;
    taken_owner = (struct eng_owner){.holds = 1, .on_release = taken_release};
    span = (struct eng_span){.bytes = bytes, .count = sizeof bytes, .owner = &taken_owner};
    taken = (struct tcp_send){.spans = &span, .n_spans = 1, .bytes = sizeof bytes, .flags = flags};
    ck_assert_int_eq(tcp_send(peer.connection, &taken, peer.now_us, &peer.outbox), 0);
}

static int
take_back(void)
{
    return tcp_send_take_back(peer.connection, &taken, peer.now_us, &peer.outbox);
}

TEST(a_send_of_which_nothing_has_left_can_be_taken_back_and_those_behind_it_close_up)
{
    open_with(NULL, 1000);
    peer_send(&peer, 1000, 0);
    peer_expect(&peer, A | P, 1, 1, 1000);
    peer_send(&peer, 300, 0);
    send_to_take(0);
    peer_send(&peer, 200, 0);
    ck_assert_int_eq(take_back(), 0);
    ck_assert_uint_eq(taken_owner.holds, 1);
    ck_assert_int_eq(take_back(), -ENOENT);
    ck_assert_uint_eq(peer_info(&peer).unsent_bytes, 500);
    peer_say(&peer, A, 1, 1001, 60000, 0);
    uint64_t heard = 0;                                 // the peer checks every byte against the stream
    for (unsigned i = 0; i < 2 && heard < 500; i++) {
        struct said *said = peer_hear(&peer);
        heard += said ? said->bytes : 0;
        peer_say(&peer, A, 1, 1001 + (uint32_t)heard, 60000, 0);
    }
    ck_assert_uint_eq(heard, 500);
    ck_assert_uint_eq(peer_done(&peer, NULL, NULL), 3);
    peer_destroy(&peer);
}

TEST(a_send_that_has_begun_or_ended_or_carries_the_urgent_byte_is_not_taken_back)
{
    open_with(NULL, 700);
    peer_send(&peer, 600, 0);
    peer_expect(&peer, A | P, 1, 1, 600);
    peer_send(&peer, 10, 0);                            // Nagle holds it
    send_to_take(TCP_SEND_URGENT);
    ck_assert_int_eq(take_back(), -EBUSY);
    tcp_abort(peer.connection, peer.now_us, &peer.outbox);
    ck_assert_int_eq(take_back(), -ENOENT);
    struct tcp_send *ended, *last = NULL;
    while ((ended = tcp_send_done(peer.connection))) {
        last = ended;
        if (ended != &taken)
            peer_item_free(ended);
    }
    ck_assert_ptr_eq(last, &taken);
    ck_assert_int_eq(taken.status, -ECONNABORTED);
    peer_destroy(&peer);
}

TEST(a_closed_window_is_asked_no_more_when_what_waited_for_it_is_taken_back_and_a_FIN_goes_out)
{
    open_with(NULL, 0);
    send_to_take(0);
    ck_assert_int_eq(take_back(), 0);
    peer_wait(&peer, UINT64_C(60000000));
    peer_silence(&peer);
    send_to_take(0);
    ck_assert_int_eq(tcp_shutdown(peer.connection, peer.now_us, &peer.outbox), 0);
    ck_assert_int_eq(take_back(), 0);
    peer_say(&peer, A, 1, 1, 60000, 0);
    peer_expect(&peer, A | F, 1, 1, 0);
    peer_destroy(&peer);
}
