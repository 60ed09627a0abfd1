// SPDX-License-Identifier: MIT
// Retransmission, failures, keep-alive, timestamps, ICMP, path MTU, ECN [RFC 9293 3.7, 3.8, 3.9.2; RFC 6298, 7323, 1191, 4821, 3168].
#include "peer.h"
#include "base/bytes.h"
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
hear_all(void)
{
    while (peer_hear(&peer))
        ;
}

// ---- retransmission and R1, R2

TEST(a_segment_is_repeated_with_doubled_timeouts_and_counts_for_no_round_trip)
{
    int status;
    open_with(NULL);
    peer_wait(&peer, 100000);
    struct tcp_info before = peer_info(&peer);
    peer_send(&peer, 100, 0);
    peer_expect(&peer, P | A, 1, 1, 100);
    uint64_t rto_us = before.rto_us;
    for (unsigned i = 0; i < 4; i++) {
        peer_wait(&peer, rto_us - 1);
        peer_silence(&peer);
        peer_wait(&peer, 1);
        peer_expect(&peer, P | A, 1, 1, 100);
        rto_us *= 2;
    }
    peer_wait(&peer, 50000);
    peer_say(&peer, A, 1, 101, 60000, 0);
    struct tcp_info after = peer_info(&peer);
    ck_assert_uint_eq(after.srtt_us, before.srtt_us); // Karn
    ck_assert_uint_eq(peer_done(&peer, &status, NULL), 1);
    peer_destroy(&peer);
}

TEST(a_timeout_shrinks_the_congestion_window_to_one_segment_and_slow_start_opens_it)
{
    open_with(NULL);
    peer_send(&peer, 14600, 0);
    hear_all();
    peer_wait(&peer, peer_info(&peer).rto_us);
    peer_expect(&peer, A, 1, 1, 1460);
    peer_silence(&peer);
    ck_assert_uint_eq(peer_info(&peer).cwnd, 1460);
    peer_say(&peer, A, 1, 1461, 60000, 0);
    peer_expect(&peer, A, 1461, 1, 1460);
    peer_expect(&peer, A, 2921, 1, 1460);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(three_duplicate_acknowledgements_repeat_the_first_segment_before_its_timeout)
{
    open_with(NULL);
    peer_send(&peer, 14600, 0);
    hear_all();
    for (unsigned i = 0; i < 2; i++)
        peer_say(&peer, A, 1, 1, 60000, 0);
    peer_silence(&peer);
    peer_say(&peer, A, 1, 1, 60000, 0);
    peer_expect(&peer, A, 1, 1, 1460);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->fast_recoveries, 1);
    // A partial acknowledgement shows the next hole [RFC 6582].
    peer_say(&peer, A, 1, 2921, 60000, 0);
    peer_expect(&peer, A, 2921, 1, 1460);
    peer_destroy(&peer);
}

TEST(forged_duplicates_let_no_more_go_than_was_out_when_the_loss_was_seen)
{
    open_with(NULL);
    peer_send(&peer, 60000, 0);
    uint32_t first = 0, more = 0;
    struct said *said;
    while ((said = peer_hear(&peer)))
        first += said->bytes;
    for (unsigned i = 0; i < 200; i++) {
        peer_say(&peer, A, 1, 1, 60000, 0);
        while ((said = peer_hear(&peer)))
            more += said->bytes;
    }
    ck_assert_uint_gt(more, 1460);
    ck_assert_uint_le(more, first + 3 * 1460);
    peer_destroy(&peer);
}

TEST(after_R1_the_client_is_told_and_after_R2_the_connection_ends)
{
    struct tcp_params params;
    tcp_params_default(&params);
    uint32_t events = 0;
    int status = 0;
    open_with(&params);
    peer_events(&peer);
    peer_send(&peer, 100, 0);
    uint64_t began_us = peer.now_us;
    unsigned copies = 0;
    bool doubt_came_first = false;
    while (!(events & TCP_EVENT_ENDED)) {
        peer_wait(&peer, 100000);
        while (peer_hear(&peer))
            copies++;
        events |= peer_events(&peer);
        if (events & TCP_EVENT_DOUBT && !doubt_came_first) {
            doubt_came_first = !(events & TCP_EVENT_ENDED);
            ck_assert_uint_ge(copies, 3 + 1); // R1 is at least three retransmissions [SHLD-10]
        }
    }
    ck_assert(doubt_came_first);
    ck_assert_uint_ge(peer.now_us - began_us, 100000000); // [SHLD-11]
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_TIMED_OUT);
    ck_assert_uint_eq(peer_done(&peer, &status, NULL), 1);
    ck_assert_int_eq(status, -ETIMEDOUT);
    peer_destroy(&peer);
}

TEST(the_client_can_set_R2_by_time)
{
    open_with(NULL);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    record.cached.max_rt = 5 * peer.params.ticks_per_second;
    ck_assert_int_eq(tcp_update(peer.connection, &record.cached, peer.now_us, &peer.outbox), 0);
    peer_send(&peer, 100, 0);
    peer_wait(&peer, 4000000);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_wait(&peer, 16000000);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_TIMED_OUT);
    peer_destroy(&peer);
    // And to never.
    open_with(NULL);
    tcp_query(peer.connection, peer.now_us, &record);
    record.cached.max_rt = UINT32_MAX;
    tcp_update(peer.connection, &record.cached, peer.now_us, &peer.outbox);
    peer_send(&peer, 100, 0);
    for (unsigned i = 0; i < 1000; i++) {
        peer_wait(&peer, 10000000);
        hear_all();
    }
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_destroy(&peer);
}

// ---- keep-alive

TEST(keep_alive_is_off_unless_it_is_asked_for)
{
    open_with(NULL);
    ck_assert_uint_ge(peer.params.keepalive_us, 7200000000); // [MUST-28]
    peer_wait(&peer, 100 * peer.params.keepalive_us);
    peer_silence(&peer);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_destroy(&peer);
}

TEST(keep_alive_probes_an_idle_connection_without_data_and_bears_lost_answers)
{
    peer_create(&peer, NULL);
    peer.open.cached_flags = TCP_CACHED_KEEP_ALIVE;
    peer_opens(&peer, 60000);
    peer_wait(&peer, peer.params.keepalive_us - 1);
    peer_silence(&peer);
    peer_wait(&peer, 1);
    struct said *said = peer_expect(&peer, A, 0, 1, 0); // a number that is acknowledged already: it must be answered
    ck_assert_uint_eq(said->bytes, 0);
    for (unsigned i = 1; i < peer.params.keepalive_probes; i++) {
        peer_wait(&peer, peer.params.keepalive_interval_us);
        peer_expect(&peer, A, 0, 1, 0);
    }
    // The answer to the last one counts for all.
    peer_say(&peer, A, 1, 1, 60000, 0);
    peer_wait(&peer, peer.params.keepalive_us - 1);
    peer_silence(&peer);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_wait(&peer, 1 + peer.params.keepalive_interval_us * (peer.params.keepalive_probes + 1ull));
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_TIMED_OUT);
    peer_destroy(&peer);
}

TEST(the_keep_alive_interval_is_the_clients_and_traffic_puts_it_off)
{
    open_with(NULL);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    record.cached.flags |= TCP_CACHED_KEEP_ALIVE;
    record.cached.ka_timeout = 10 * peer.params.ticks_per_second;
    record.cached.ka_interval = peer.params.ticks_per_second;
    record.cached.ka_probe_count = 2;
    ck_assert_int_eq(tcp_update(peer.connection, &record.cached, peer.now_us, &peer.outbox), 0);
    for (uint32_t i = 0; i < 5; i++) {
        peer_wait(&peer, 9000000);
        peer_say(&peer, A, 1 + i, 1, 60000, 1);
        peer_read(&peer, 1);
        peer_wait(&peer, 500000);
        while (peer_hear(&peer))
            ck_assert_uint_eq(peer.heard.seq, 1);
    }
    peer_wait(&peer, 9500000);
    peer_expect(&peer, A, 0, 6, 0);
    peer_wait(&peer, 2000000);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_TIMED_OUT);
    peer_destroy(&peer);
}

TEST(a_keep_alive_probe_of_the_peer_is_answered)
{
    open_with(NULL);
    peer_say(&peer, A, 0, 1, 60000, 0);
    peer_expect(&peer, A, 1, 1, 0);
    peer_wait(&peer, 1000000);
    peer_say(&peer, A, 0, 1, 60000, 1); // with a garbage octet
    peer_expect(&peer, A, 1, 1, 0);
    peer_destroy(&peer);
}

// ---- timestamps

static void
open_with_ts(const struct tcp_params *params, uint32_t ts)
{
    uint8_t options[] = {2, 4, 5, 0xB4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0}; // MSS, SACK permitted, timestamps
    bytes_store_be32(options + 8, ts);
    peer_create(&peer, params);
    memcpy(peer.options, options, sizeof options);
    peer.option_bytes = sizeof options;
    peer_opens_with_ts(&peer, 60000, ts);
}

TEST(timestamps_are_echoed_from_the_earliest_segment_that_an_acknowledgement_covers)
{
    open_with_ts(NULL, 1000);
    peer.ts_value = 1001;
    peer_say(&peer, A, 1, 1, 60000, 100);
    peer.ts_value = 1002;
    peer_say(&peer, A, 101, 1, 60000, 100);
    ck_assert_uint_eq(peer_expect(&peer, A, 1, 201, 0)->ts_echo, 1001); // [RFC 7323 4.3 A]
    // A segment beyond a gap does not change it; the one that fills the gap does.
    peer.ts_value = 1005;
    peer_say(&peer, A, 301, 1, 60000, 100);
    ck_assert_uint_eq(peer_expect(&peer, A, 1, 201, 0)->ts_echo, 1001);
    peer.ts_value = 1006;
    peer_say(&peer, A, 201, 1, 60000, 100);
    ck_assert_uint_eq(peer_expect(&peer, A, 1, 401, 0)->ts_echo, 1006);
    peer_destroy(&peer);
}

TEST(an_old_timestamp_is_refused_even_across_its_wrap)
{
    open_with_ts(NULL, 0xFFFFFFF0);
    peer.ts_value = 5; // later, on the other side of zero
    peer_say(&peer, A, 1, 1, 60000, 100);
    ck_assert_uint_eq(peer_read(&peer, 1000), 100);
    hear_all();
    peer.ts_value = 0xFFFFFFF5;
    peer_say(&peer, A, 101, 1, 60000, 100);
    ck_assert_uint_eq(peer_read(&peer, 1000), 0);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->dropped_paws, 1);
    peer_expect(&peer, A, 1, 101, 0);
    // A reset is not tested for its age [RFC 7323 5.2].
    peer_say(&peer, R, 101, 0, 0, 0);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_RESET);
    peer_destroy(&peer);
}

// What an old segment brought was dropped: a block over bytes that are not here would say the contrary [RFC 2883 4].
TEST(of_a_segment_with_an_old_timestamp_only_what_was_received_before_is_told_as_a_duplicate)
{
    open_with_ts(NULL, 1000);
    peer.ts_value = 1005;
    peer_say(&peer, A, 1, 1, 60000, 100);
    ck_assert_uint_eq(peer_read(&peer, 1000), 100);
    hear_all();
    peer.ts_value = 1002;
    peer_say(&peer, A, 101, 1, 60000, 100);
    ck_assert_uint_eq(peer_expect(&peer, A, 1, 101, 0)->n_sacks, 0);
    peer_wait(&peer, 1000000);
    peer_say(&peer, A, 51, 1, 60000, 100);
    const struct said *said = peer_expect(&peer, A, 1, 101, 0);
    ck_assert_uint_eq(said->n_sacks, 2);
    ck_assert_uint_eq(said->sacks[0], 51);
    ck_assert_uint_eq(said->sacks[1], 101);
    ck_assert_uint_eq(peer_read(&peer, 1000), 0);
    peer_destroy(&peer);
}

TEST(a_connection_idle_for_24_days_takes_any_timestamp)
{
    open_with_ts(NULL, 1000);
    peer_wait(&peer, 25ull * 24 * 3600 * 1000000);
    peer.ts_value = 500;
    peer_say(&peer, A, 1, 1, 60000, 100);
    ck_assert_uint_eq(peer_read(&peer, 1000), 100);
    peer_destroy(&peer);
}

TEST(a_segment_without_the_timestamp_that_was_agreed_is_dropped)
{
    open_with_ts(NULL, 1000);
    peer.has_ts = false;
    peer_say(&peer, A, 1, 1, 60000, 100);
    ck_assert_uint_eq(peer_read(&peer, 1000), 0);
    peer_silence(&peer);
    peer_say(&peer, R, 1, 0, 0, 0);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_RESET);
    peer_destroy(&peer);
}

TEST(with_timestamps_a_repeated_segment_still_measures_a_round_trip)
{
    open_with_ts(NULL, 1000);
    peer_send(&peer, 100, 0);
    hear_all();
    peer_wait(&peer, 3000000);
    hear_all();
    uint64_t before_us = peer_info(&peer).srtt_us;
    peer_wait(&peer, 40000);
    peer.ts_value = 2000;
    peer_say(&peer, A, 1, 101, 60000, 0);
    ck_assert_uint_ne(peer_info(&peer).srtt_us, before_us);
    peer_destroy(&peer);
}

// ---- ICMP and the path

static bool
icmp(enum tcp_icmp_kind kind, uint32_t seq, uint32_t mtu)
{
    struct tcp_icmp error = {.kind = kind, .local = peer.own, .remote = peer.other, .mtu_bytes = mtu};
    bytes_store_be16(error.header, OWN_PORT);
    bytes_store_be16(error.header + 2, PEER_PORT);
    bytes_store_be32(error.header + 4, peer.iss + seq);
    return tcp_icmp(peer.tcp, &error, peer.now_us, &peer.outbox);
}

TEST(soft_ICMP_errors_are_told_and_end_nothing)
{
    static const enum tcp_icmp_kind kinds[] = {TCP_ICMP_UNREACHABLE, TCP_ICMP_TTL, TCP_ICMP_PARAMETER, TCP_ICMP_REFUSED};
    open_with(NULL);
    peer_send(&peer, 100, 0);
    hear_all();
    for (unsigned i = 0; i < 4; i++) {
        peer_events(&peer);
        ck_assert(icmp(kinds[i], 1, 0));
        ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_SOFT_ERROR);
        ck_assert_int_eq(peer_info(&peer).soft_error, kinds[i]);
        ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    }
    // What they said is the reason when the retransmissions are over.
    peer_wait(&peer, 1000000000);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_UNREACHABLE);
    peer_destroy(&peer);
}

TEST(source_quench_is_dropped_without_a_word)
{
    open_with(NULL);
    peer_send(&peer, 100, 0);
    hear_all();
    peer_events(&peer);
    uint32_t cwnd = peer_info(&peer).cwnd;
    ck_assert(icmp(TCP_ICMP_QUENCH, 1, 0));
    ck_assert_uint_eq(peer_events(&peer), 0);
    ck_assert_uint_eq(peer_info(&peer).cwnd, cwnd);
    peer_destroy(&peer);
}

TEST(a_hard_ICMP_error_ends_an_open_that_is_under_way)
{
    peer_create(&peer, NULL);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_hear(&peer);
    ck_assert(icmp(TCP_ICMP_REFUSED, 0, 0));
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_ENDED);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_REFUSED);
    peer_destroy(&peer);
}

TEST(an_ICMP_error_about_a_number_that_is_not_in_flight_is_a_forgery)
{
    open_with(NULL);
    peer_send(&peer, 100, 0);
    hear_all();
    ck_assert(!icmp(TCP_ICMP_TOO_BIG, 0, 600));
    ck_assert(!icmp(TCP_ICMP_TOO_BIG, 101, 600));
    ck_assert_uint_eq(peer_info(&peer).mtu_bytes, 1500);
    peer_destroy(&peer);
}

TEST(packet_too_big_makes_segments_smaller_and_repeats_them_without_congestion)
{
    open_with(NULL);
    peer_send(&peer, 5840, 0);
    ck_assert(peer_hear(&peer)->dont_fragment);
    hear_all();
    uint32_t cwnd = peer_info(&peer).cwnd;
    peer_events(&peer);
    ck_assert(icmp(TCP_ICMP_TOO_BIG, 1461, 1300));
    ck_assert(peer_events(&peer) & TCP_EVENT_MTU);
    ck_assert_uint_eq(peer_info(&peer).mss_bytes, 1260);
    ck_assert_uint_ge(peer_info(&peer).cwnd, cwnd);
    uint32_t at = 1;
    struct said *said;
    while ((said = peer_hear(&peer))) {
        ck_assert_uint_eq(said->seq, at);
        ck_assert_uint_le(said->bytes, 1260);
        at += said->bytes;
    }
    ck_assert_uint_eq(at, 5841);
    // A larger one or one below what every link carries is not believed; without a value the next plateau is tried.
    icmp(TCP_ICMP_TOO_BIG, 1, 9000);
    ck_assert_uint_eq(peer_info(&peer).mtu_bytes, 1300);
    icmp(TCP_ICMP_TOO_BIG, 1, 0);
    ck_assert_uint_eq(peer_info(&peer).mtu_bytes, 1280);
    icmp(TCP_ICMP_TOO_BIG, 1, 68);
    ck_assert_uint_eq(peer_info(&peer).mtu_bytes, 552);
    peer_destroy(&peer);
}

TEST(after_ten_minutes_the_first_MTU_is_tried_again)
{
    open_with(NULL);
    peer_send(&peer, 1460, 0);
    hear_all();
    ck_assert(icmp(TCP_ICMP_TOO_BIG, 1, 1300));
    hear_all();
    peer_say(&peer, A, 1, 1461, 60000, 0);
    peer_wait(&peer, 599000000);
    peer_send(&peer, 1260, 0);
    ck_assert_uint_eq(peer_info(&peer).mtu_bytes, 1300);
    hear_all();
    peer_say(&peer, A, 1, 2721, 60000, 0);
    peer_wait(&peer, 2000000);
    peer_send(&peer, 1460, 0);
    peer_expect(&peer, P | A, 2721, 1, 1460);
    peer_destroy(&peer);
}

TEST(large_segments_that_vanish_without_a_word_are_a_black_hole_and_become_smaller)
{
    open_with(NULL);
    peer_send(&peer, 5840, 0);
    hear_all();
    uint32_t smallest = 1460;
    for (unsigned i = 0; i < 5; i++) {
        peer_wait(&peer, 1000000u << i);
        struct said *said;
        while ((said = peer_hear(&peer)))
            smallest = said->bytes < smallest && said->seq == 1 ? said->bytes : smallest;
    }
    ck_assert_uint_ge(tcp_counters(peer.tcp)->dead_holes, 1);
    ck_assert_uint_le(smallest, 1240);
    peer_destroy(&peer);
}

TEST(a_path_that_changes_changes_the_segments)
{
    open_with(NULL);
    struct tcp_path path = peer.open.path;
    path.mtu_bytes = 1000;
    ck_assert_int_eq(tcp_set_path(peer.connection, &path, peer.now_us, &peer.outbox), 0);
    peer_send(&peer, 3000, 0);
    ck_assert_uint_eq(peer_hear(&peer)->bytes, 960);
    path.mtu_bytes = 60;
    ck_assert_int_eq(tcp_set_path(peer.connection, &path, peer.now_us, &peer.outbox), -EINVAL);
    peer_destroy(&peer);
}

// Whoever says so knows that what is out was too big: it goes again, smaller, at once, and the window of congestion stays.
TEST(a_path_that_gets_narrower_sends_again_what_is_out)
{
    open_with(NULL);
    struct tcp_path path = peer.open.path;
    peer_send(&peer, 5840, 0);
    hear_all();
    uint32_t cwnd = peer_info(&peer).cwnd;
    path.mtu_bytes = 1000;
    ck_assert_int_eq(tcp_set_path(peer.connection, &path, peer.now_us, &peer.outbox), 0);
    peer_expect(&peer, A, 1, 1, 960);
    ck_assert_uint_ge(peer_info(&peer).cwnd, cwnd / 2);
    hear_all();
    path.mtu_bytes = 1500; // wider: nothing is sent again
    uint64_t resent = tcp_counters(peer.tcp)->retransmitted;
    ck_assert_int_eq(tcp_set_path(peer.connection, &path, peer.now_us, &peer.outbox), 0);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->retransmitted, resent);
    peer_destroy(&peer);
}

// ---- fields of IP

TEST(hop_limit_and_Diffserv_are_the_clients_and_may_change)
{
    peer_create(&peer, NULL);
    peer.open.ttl = 5;
    peer.open.tos = 0xB8;
    peer_opens(&peer, 60000);
    peer_send(&peer, 10, 0);
    struct said *said = peer_hear(&peer);
    ck_assert_uint_eq(said->hop_limit, 5);
    ck_assert_uint_eq(said->traffic_class, 0xB8);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    record.cached.tos = 0x28;
    record.cached.ttl = 99;
    ck_assert_int_eq(tcp_update(peer.connection, &record.cached, peer.now_us, &peer.outbox), 0);
    peer_say(&peer, A, 1, 11, 60000, 0);
    peer_send(&peer, 10, 0);
    said = peer_hear(&peer);
    ck_assert_uint_eq(said->hop_limit, 99);
    ck_assert_uint_eq(said->traffic_class, 0x28);
    peer_destroy(&peer);
}

TEST(ECN_is_agreed_echoed_until_the_sender_slows_down_and_obeyed_once_a_window)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.uses |= TCP_USE_ECN;
    peer_create(&peer, &params);
    memcpy(peer.options, mss_1460, 4);
    peer.option_bytes = 4;
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_expect(&peer, S | E | C, 0, 0, 0);
    peer_say_with(&peer, S | A | E, 0, 1, 60000, 0, mss_1460, 4, 0);
    ck_assert_uint_eq(peer_expect(&peer, A, 1, 1, 0)->traffic_class & 3, 0); // no ECT on an acknowledgement
    ck_assert(peer_info(&peer).has_ecn);
    // We receive a mark.
    peer.traffic_class = 3;
    peer_say(&peer, A, 1, 1, 60000, 10);
    peer_expect(&peer, A | E, 1, 11, 0);
    peer.traffic_class = 2;
    peer_say(&peer, A, 11, 1, 60000, 10);
    peer_say(&peer, A, 21, 1, 60000, 10);
    peer_expect(&peer, A | E, 1, 31, 0);
    peer_say(&peer, A | C, 31, 1, 60000, 10);
    peer_say(&peer, A, 41, 1, 60000, 10);
    peer_expect(&peer, A, 1, 51, 0);
    // We send and are told of a mark.
    peer_send(&peer, 14600, 0);
    ck_assert_uint_eq(peer_hear(&peer)->traffic_class & 3, 2);
    hear_all();
    uint32_t cwnd = peer_info(&peer).cwnd;
    peer_say(&peer, A | E, 51, 1461, 60000, 0);
    uint32_t reduced = peer_info(&peer).cwnd;
    ck_assert_uint_lt(reduced, cwnd);
    peer_say(&peer, A | E, 51, 2921, 60000, 0);
    ck_assert_uint_ge(peer_info(&peer).cwnd, reduced);
    peer_say(&peer, A, 51, 14601, 60000, 0);
    peer_send(&peer, 1460, 0);
    peer_expect(&peer, A | P | C, 14601, 51, 1460);
    peer_destroy(&peer);
}

TEST(a_SYN_that_asked_for_ECN_and_was_lost_does_not_ask_again)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.uses |= TCP_USE_ECN;
    peer_create(&peer, &params);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_expect(&peer, S | E | C, 0, 0, 0);
    peer_wait(&peer, 1000000);
    peer_expect(&peer, S, 0, 0, 0);
    peer_destroy(&peer);
}
