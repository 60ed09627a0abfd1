// SPDX-License-Identifier: MIT
// Opening, options and addresses [RFC 9293 3.1, 3.2, 3.4, 3.5, 3.7.1, 3.9.2.3]; rows of Appendix B by name in docs/contracts/rfc9293.md.
#include "peer.h"
#include <errno.h>
#include <string.h>

static struct peer peer;
static const uint8_t mss_1460[] = {2, 4, 5, 0xB4};

static void
create(uint32_t less_uses)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.uses &= ~less_uses;
    peer_create(&peer, &params);
    memcpy(peer.options, mss_1460, 4);
    peer.option_bytes = 4;
}

TEST(a_SYN_carries_MSS_SACK_timestamps_and_window_scale_each_with_its_length)
{
    create(0);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    struct said *said = peer_expect(&peer, S, 0, 0, 0);
    ck_assert(said->has_mss && said->has_sack_ok && said->has_ts && said->has_scale);
    ck_assert_uint_eq(said->mss, 1460);
    ck_assert_uint_eq(said->ts_echo, 0);
    ck_assert_uint_eq(said->option_bytes % 4, 0);
    ck_assert_uint_eq(said->hop_limit, 64);
    peer_destroy(&peer);
}

TEST(the_MSS_option_follows_the_MTU_and_appears_in_no_other_segment)
{
    create(0);
    peer.open.path.mtu_bytes = 9000;
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    ck_assert_uint_eq(peer_expect(&peer, S, 0, 0, 0)->mss, 8960);
    peer_say_with(&peer, S | A, 0, 1, 60000, 0, mss_1460, 4, 0);
    ck_assert(!peer_expect(&peer, A, 1, 1, 0)->has_mss);
    peer_send(&peer, 100, 0);
    ck_assert(!peer_expect(&peer, A | P, 1, 1, 100)->has_mss);
    peer_destroy(&peer);
}

TEST(without_an_MSS_option_the_peer_gets_536_bytes_over_IPv4)
{
    create(0);
    peer.option_bytes = 0;
    peer_opens(&peer, 60000);
    ck_assert_uint_eq(peer_info(&peer).mss_bytes, 536);
    peer_send(&peer, 600, 0);
    peer_expect(&peer, A, 1, 1, 536);
    peer_destroy(&peer);
}

TEST(without_an_MSS_option_the_peer_gets_1220_bytes_over_IPv6)
{
    const uint8_t own[16] = {0xfd, [15] = 1}, other[16] = {0xfd, [15] = 2};
    create(0);
    peer.own = eng_address6(own);
    peer.other = eng_address6(other);
    peer.open.local = peer.own;
    peer.open.remote = peer.other;
    peer_syn6(&peer);
    ck_assert_uint_eq(peer_info(&peer).mss_bytes, 1220);
    peer_destroy(&peer);
}

TEST(a_segment_is_as_large_as_the_peer_and_the_path_allow_less_its_options)
{
    const uint8_t options[] = {2, 4, 5, 0xB4, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0};
    create(0);
    peer.open.path.mtu_bytes = 1400;
    memcpy(peer.options, options, sizeof options);
    peer.option_bytes = sizeof options;
    peer_opens_with_ts(&peer, 60000, 10);
    peer_send(&peer, 3000, 0);
    ck_assert_uint_eq(peer_hear(&peer)->bytes, 1400 - 40 - 12);
    peer_destroy(&peer);
}

TEST(options_are_read_wherever_they_lie_and_unknown_ones_are_skipped)
{
    // An unknown one of 5 bytes, NOPs, MSS and scale at odd places.
    const uint8_t options[] = {1, 99, 5, 0, 0, 0, 1, 2, 4, 2, 0x58, 1, 3, 3, 7, 0};
    create(0);
    memcpy(peer.options, options, sizeof options);
    peer.option_bytes = sizeof options;
    peer_opens(&peer, 1000);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    ck_assert_uint_eq(record.constant.remote_mss, 600);
    ck_assert_uint_eq(record.constant.snd_wnd_scale, 7);
    ck_assert_uint_eq(record.delegated.snd_wnd, 1000 << 7);
    peer_destroy(&peer);
}

TEST(an_option_of_impossible_length_ends_the_options_and_nothing_else)
{
    static const uint8_t bad[][8] = {
        {99, 0, 2, 4, 2, 0x58, 0, 0}, {99, 1, 2, 4, 2, 0x58, 0, 0}, {99, 40, 2, 4, 2, 0x58, 0, 0}, {1, 1, 1, 1, 1, 1, 1, 2}};
    for (unsigned i = 0; i < 4; i++) {
        create(0);
        memcpy(peer.options, bad[i], 8);
        peer.option_bytes = 8;
        peer_opens(&peer, 1000);
        ck_assert_uint_eq(peer_info(&peer).mss_bytes, 536);
        peer_destroy(&peer);
    }
}

TEST(options_are_taken_in_any_segment)
{
    const uint8_t unknown[] = {77, 6, 1, 2, 3, 4};
    create(0);
    peer_opens(&peer, 60000);
    peer_say_with(&peer, A, 1, 1, 60000, 10, unknown, sizeof unknown, 0);
    ck_assert_uint_eq(peer_read(&peer, 100), 10);
    // MSS outside of a SYN means nothing.
    peer_say_with(&peer, A, 11, 1, 60000, 10, mss_1460, 4, 0);
    ck_assert_uint_eq(peer_read(&peer, 100), 10);
    peer_destroy(&peer);
}

TEST(a_window_scale_above_14_is_14)
{
    const uint8_t options[] = {3, 3, 200, 1};
    create(0);
    memcpy(peer.options, options, 4);
    peer_opens(&peer, 2);
    struct tcp_record record;
    tcp_query(peer.connection, peer.now_us, &record);
    ck_assert_uint_eq(record.delegated.snd_wnd, 2u << 14);
    peer_destroy(&peer);
}

TEST(a_segment_with_a_wrong_checksum_is_dropped_and_counted)
{
    create(0);
    peer_opens(&peer, 60000);
    peer.break_sum = true;
    peer_say(&peer, A, 1, 1, 60000, 10);
    peer.break_sum = false;
    ck_assert_uint_eq(peer_read(&peer, 100), 0);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->bad_sum, 1);
    // Unless the adapter has said that it is good: the engine then does not look.
    peer.in_flags = ENG_IN_L4_SUM_GOOD;
    peer.break_sum = true;
    peer_say(&peer, A, 1, 1, 60000, 10);
    ck_assert_uint_eq(peer_read(&peer, 100), 10);
    peer_destroy(&peer);
}

TEST(first_sequence_numbers_follow_the_clock_and_a_secret)
{
    struct tcp_connection *one, *other;
    uint32_t first[2];
    for (unsigned i = 0; i < 2; i++) {
        create(0);
        peer.now_us += i * 4000000;
        ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &one), 0);
        peer_hear(&peer);
        first[i] = peer.iss;
        // Another peer port: unrelated, though at the same moment.
        peer.open.remote_port++;
        peer.has_iss = false;
        ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &other), 0);
        peer_hear(&peer);
        ck_assert_uint_gt(peer.iss - first[i] + 1000, 2000);
        peer_destroy(&peer);
    }
    ck_assert_uint_eq(first[1] - first[0], 1000000); // one in 4 microseconds [RFC 9293 3.4.1]
}

TEST(both_may_open_at_the_same_time)
{
    create(0);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_expect(&peer, S, 0, 0, 0);
    peer_say_with(&peer, S, 0, 0, 60000, 0, mss_1460, 4, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_SYN_RECEIVED);
    peer_expect(&peer, S | A, 0, 1, 0);
    // The other's answer carries the ACK of our SYN: that is enough.
    peer_say(&peer, S | A, 0, 1, 60000, 0);
    peer_expect(&peer, A, 1, 1, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_CONNECTED);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_say(&peer, A, 1, 1, 60000, 10);
    ck_assert_uint_eq(peer_read(&peer, 100), 10);
    peer_destroy(&peer);
}

TEST(a_SYN_ACK_to_one_who_listens_is_no_part_of_a_simultaneous_open)
{
    create(0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 4, NULL, &peer.listener), 0);
    peer_say(&peer, S, 0, 0, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_OFFER);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), 0);
    peer_expect(&peer, S | A, 0, 1, 0);
    peer_say(&peer, S | A, 0, 1, 60000, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_SYN_RECEIVED);
    peer_destroy(&peer);
}

TEST(a_reset_in_SYN_RECEIVED_refuses_an_opener_and_ends_an_accepted_offer_while_the_listener_stays)
{
    create(0);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_hear(&peer);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_hear(&peer);
    peer_say(&peer, R, 1, 0, 0, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_ENDED);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_REFUSED);
    peer_destroy(&peer);

    create(0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, NULL, &peer.listener), 0);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_events(&peer);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), 0);
    peer_expect(&peer, S | A, 0, 1, 0);
    peer_say(&peer, R, 1, 0, 0, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_ENDED);
    tcp_release(peer.connection, peer.now_us, &peer.outbox);
    peer.connection = NULL;
    peer.has_iss = false;
    peer_say(&peer, S, 5, 0, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_OFFER);
    peer_destroy(&peer);
}

TEST(an_offer_is_made_on_the_SYN_and_nothing_is_sent_before_the_answer)
{
    create(0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, &peer, &peer.listener), 0);
    peer_say(&peer, S, 0, 0, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_OFFER);
    ck_assert_ptr_eq(tcp_listener_context(tcp_offer_listener(peer.connection)), &peer);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_wait(&peer, 5000000);
    peer_silence(&peer);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), 0);
    peer_expect(&peer, S | A, 0, 1, 0);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), -ENOTCONN);
    peer_destroy(&peer);
}

TEST(a_refused_offer_is_a_reset_and_an_ignored_one_is_silence)
{
    create(0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, NULL, &peer.listener), 0);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_events(&peer);
    tcp_refuse(peer.connection, peer.now_us, &peer.outbox);
    peer.connection = NULL;
    struct said *said = peer_hear(&peer);
    ck_assert_uint_eq(said->flags, R | A);
    ck_assert_uint_eq(said->ack, 1);
    peer_say(&peer, S, 0, 0, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_OFFER);
    tcp_ignore(peer.connection);
    peer.connection = NULL;
    peer_silence(&peer);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 0);
    peer_destroy(&peer);
}

TEST(an_offer_that_nobody_answers_expires_and_cannot_be_accepted_then)
{
    create(0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, NULL, &peer.listener), 0);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_events(&peer);
    peer_wait(&peer, peer.params.offer_us);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_ENDED);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_NO_ANSWER);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), -ENOTCONN);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(an_offer_whose_peer_gives_up_ends_and_one_that_nobody_has_seen_vanishes)
{
    create(0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, NULL, &peer.listener), 0);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_say(&peer, R, 1, 0, 0, 0);
    ck_assert_uint_eq(peer_events(&peer), 0);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 0);
    peer_say(&peer, S, 0, 0, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_OFFER);
    peer_say(&peer, R, 1, 0, 0, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_ENDED);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_RESET);
    tcp_release(peer.connection, peer.now_us, &peer.outbox);
    peer_destroy(&peer);
}

TEST(listeners_of_one_port_and_several_addresses_live_side_by_side)
{
    const uint8_t any[4] = {0}, third[4] = {10, 0, 0, 3};
    struct eng_address all = eng_address4(any), elsewhere = eng_address4(third);
    struct tcp_listener *wild, *own;
    create(0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &all, OWN_PORT, 8, &all, &wild), 0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, &peer, &own), 0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, &peer, &own), -EADDRINUSE);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_events(&peer);
    ck_assert_ptr_eq(tcp_listener_context(tcp_offer_listener(peer.connection)), &peer);
    // The connection made from it leaves the listener as it was, and another address goes to the wildcard.
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), 0);
    peer.connection = NULL;
    peer.own = elsewhere;
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_events(&peer);
    ck_assert_ptr_eq(tcp_listener_context(tcp_offer_listener(peer.connection)), &all);
    peer_destroy(&peer);
}

TEST(the_local_address_of_a_connection_is_that_of_every_segment_of_it)
{
    create(0);
    peer_opens(&peer, 60000);
    peer_send(&peer, 10, 0);
    struct eng_out *out = eng_outbox_pop(&peer.outbox);
    ck_assert(eng_address_is_equal(&out->source, &peer.own));
    ck_assert(eng_address_is_equal(&out->destination, &peer.other));
    eng_out_put(&peer.pool, out);
    peer_destroy(&peer);
}

TEST(an_open_to_an_address_that_cannot_be_a_peer_is_refused)
{
    const uint8_t many[4] = {224, 0, 0, 1}, any[4] = {0};
    create(0);
    struct tcp_open open = peer.open;
    open.remote = eng_address4(many);
    ck_assert_int_eq(tcp_connect(peer.tcp, &open, peer.now_us, &peer.outbox, &peer.connection), -EINVAL);
    open.remote = eng_address4(any);
    ck_assert_int_eq(tcp_connect(peer.tcp, &open, peer.now_us, &peer.outbox, &peer.connection), -EINVAL);
    open = peer.open;
    open.local = eng_address4(any);
    ck_assert_int_eq(tcp_connect(peer.tcp, &open, peer.now_us, &peer.outbox, &peer.connection), -EINVAL);
    open = peer.open;
    open.remote_port = 0;
    ck_assert_int_eq(tcp_connect(peer.tcp, &open, peer.now_us, &peer.outbox, &peer.connection), -EINVAL);
    open = peer.open;
    memset(open.remote.bytes, 255, 4);
    ck_assert_int_eq(tcp_connect(peer.tcp, &open, peer.now_us, &peer.outbox, &peer.connection), -EINVAL);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(a_SYN_from_or_to_many_is_dropped_without_a_word)
{
    const uint8_t many[4] = {224, 0, 0, 1}, any[4] = {0};
    struct eng_address other;
    create(0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, NULL, &peer.listener), 0);
    other = peer.other;
    peer.other = eng_address4(many);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer.other = eng_address4(any);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer.other = other;
    peer.in_flags = ENG_IN_LINK_BROADCAST;
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer.in_flags = ENG_IN_LINK_MULTICAST;
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer.in_flags = 0;
    peer.own = eng_address4(many);
    peer_say(&peer, S, 0, 0, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), 0);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(a_segment_for_nobody_is_answered_with_a_reset_that_the_peer_can_believe)
{
    create(0);
    peer.has_iss = true;
    peer_say(&peer, S, 7, 0, 60000, 0);
    peer_expect(&peer, R | A, 0, 8, 0);
    peer_say(&peer, A, 7, 99, 60000, 10);
    peer_expect(&peer, R, 99, 0, 0);
    peer_say(&peer, F, 7, 0, 60000, 10);
    peer_expect(&peer, R | A, 0, 18, 0);
    peer_say(&peer, R, 7, 0, 60000, 0);
    peer_silence(&peer);
    peer_destroy(&peer);
}

TEST(in_SYN_SENT_only_an_ACK_of_the_SYN_counts)
{
    create(0);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_hear(&peer);
    peer_say(&peer, S | A, 0, 2, 60000, 0);
    peer_expect(&peer, R, 2, 0, 0);
    peer_say(&peer, R | A, 0, 5, 60000, 0); // a reset that acknowledges something else
    peer_say(&peer, R, 0, 0, 60000, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_SYN_SENT);
    peer_say(&peer, R | A, 0, 1, 60000, 0);
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_ENDED);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_REFUSED);
    peer_destroy(&peer);
}

TEST(a_SYN_is_repeated_with_back_off_for_three_minutes)
{
    create(0);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_expect(&peer, S, 0, 0, 0);
    uint64_t began_us = peer.now_us;
    for (uint64_t gap_us = 1000000; gap_us <= 32000000; gap_us *= 2) {
        peer_wait(&peer, gap_us - 1);
        peer_silence(&peer);
        peer_wait(&peer, 1);
        peer_expect(&peer, S, 0, 0, 0);
    }
    uint32_t events = 0;
    while (!((events |= peer_events(&peer)) & TCP_EVENT_ENDED))
        peer_wait(&peer, 1000000);
    ck_assert(events & TCP_EVENT_DOUBT);
    ck_assert_uint_ge(peer.now_us - began_us, 180000000);
    ck_assert_int_eq(peer_info(&peer).end, TCP_END_TIMED_OUT);
    peer_destroy(&peer);
}

TEST(text_with_the_SYN_ACK_is_taken_once_the_connection_is_open)
{
    create(0);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer_hear(&peer);
    peer_say_text_with_syn(&peer, 10);
    peer_expect(&peer, A, 1, 11, 0);
    ck_assert_uint_eq(peer_read(&peer, 100), 10);
    peer_destroy(&peer);
}

TEST(a_SYN_again_in_SYN_RECEIVED_is_answered_with_the_SYN_ACK_again)
{
    create(0);
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, NULL, &peer.listener), 0);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_events(&peer);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), 0);
    peer_expect(&peer, S | A, 0, 1, 0);
    peer_say(&peer, S, 0, 0, 60000, 0);
    peer_expect(&peer, S | A, 0, 1, 0);
    // An ACK of something never sent is a reset; the handshake goes on.
    peer_say(&peer, A, 1, 7, 60000, 0);
    peer_expect(&peer, R, 7, 0, 0);
    peer_say(&peer, A, 1, 1, 60000, 0);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    peer_destroy(&peer);
}

TEST(a_port_that_is_picked_is_free)
{
    create(0);
    uint16_t port = tcp_port_pick(peer.tcp, &peer.own, &peer.other, 99), next;
    ck_assert_uint_ge(port, 49152);
    struct tcp_open open = peer.open;
    open.remote_port = 99;
    open.local_port = port;
    ck_assert_int_eq(tcp_connect(peer.tcp, &open, peer.now_us, &peer.outbox, &peer.connection), 0);
    ck_assert_int_eq(tcp_connect(peer.tcp, &open, peer.now_us, &peer.outbox, &peer.connection), -EADDRINUSE);
    for (unsigned i = 0; i < 20000; i++) {
        next = tcp_port_pick(peer.tcp, &peer.own, &peer.other, 99);
        ck_assert_uint_ne(next, port);
    }
    peer_destroy(&peer);
}
