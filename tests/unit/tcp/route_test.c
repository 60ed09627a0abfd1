// SPDX-License-Identifier: MIT
// IPv4 source routes [RFC 9293 3.9.2.1, RFC 1122 3.2.1.8]: one that the client gives, the way back of one that the peer's segments came
// by, which goes before which, and what no packet may carry.
#include "peer.h"
#include <errno.h>
#include <string.h>

static struct peer peer;
static const uint8_t mss_1460[] = {2, 4, 5, 0xB4};
// By 10.0.1.1 and 10.0.2.1, as a client gives it and as it arrived over the same two.
static const uint8_t given[] = {131, 11, 4, 10, 0, 1, 1, 10, 0, 2, 1, 0};
static const uint8_t arrived[] = {1, 137, 11, 12, 10, 0, 1, 1, 10, 0, 2, 1};

static void
create(void)
{
    peer_create(&peer, NULL);
    memcpy(peer.options, mss_1460, 4);
    peer.option_bytes = 4;
    peer.open.path.lso_max_bytes = 60000;
    peer.open.path.lso_min_segments = 2;
}

static void
come_by(const uint8_t *options, unsigned n_bytes)
{
    memcpy(peer.ip_options, options, n_bytes);
    peer.n_ip_options = n_bytes;
}

static void
give(const uint8_t *options, unsigned n_bytes)
{
    peer.open.ip_options = options;
    peer.open.n_ip_options = (uint8_t)n_bytes;
}

// It left to this hop with these options, whole and summed.
static void
went_by(const struct said *said, const uint8_t *hop, const uint8_t *options, unsigned n_bytes)
{
    ck_assert_ptr_nonnull(said);
    ck_assert_uint_eq(said->n_ip_options, n_bytes);
    ck_assert_mem_eq(said->ip_options, options, n_bytes);
    ck_assert_mem_eq(said->destination.bytes, hop, 4);
    ck_assert(!said->partial && !said->mss_bytes);
}

static void
went_given(const struct said *said)
{
    went_by(said, (const uint8_t[]){10, 0, 1, 1}, (const uint8_t[]){131, 11, 4, 10, 0, 2, 1, 10, 0, 0, 2, 0}, 12);
}

// The way back of `arrived`.
static void
went_back(const struct said *said)
{
    went_by(said, (const uint8_t[]){10, 0, 2, 1}, (const uint8_t[]){1, 137, 11, 4, 10, 0, 1, 1, 10, 0, 0, 2}, 12);
}

static void
went_plain(const struct said *said)
{
    ck_assert_ptr_nonnull(said);
    ck_assert_uint_eq(said->n_ip_options, 0);
    ck_assert(eng_address_is_equal(&said->destination, &peer.other));
}

static void
accept_offer(void)
{
    ck_assert_uint_eq(peer_events(&peer), TCP_EVENT_OFFER);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), 0);
}

static void
offer(void)
{
    ck_assert_int_eq(tcp_listen(peer.tcp, &peer.own, OWN_PORT, 8, NULL, &peer.listener), 0);
    peer_say_with(&peer, S, 0, 0, 60000, 0, mss_1460, 4, 0);
}

TEST(a_source_route_that_the_client_gives_is_in_every_segment_and_makes_each_smaller)
{
    create();
    give(given, sizeof given);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    struct said *said = peer_expect(&peer, S, 0, 0, 0);
    ck_assert_uint_eq(said->mss, 1460); // what we take does not depend on what we send [RFC 6691 2]
    went_given(said);
    peer_wait(&peer, 1100000);
    went_given(peer_expect(&peer, S, 0, 0, 0));
    peer_say_with(&peer, S | A, 0, 1, 60000, 0, mss_1460, 4, 0);
    went_given(peer_expect(&peer, A, 1, 1, 0));
    ck_assert_uint_eq(peer_info(&peer).mss_bytes, 1460 - 12);
    peer_send(&peer, 3000, 0);
    went_given(peer_expect(&peer, A, 1, 1, 1448));
    // A new path changes nothing about it.
    peer_say(&peer, A, 1, 1449, 60000, 0);
    went_given(peer_expect(&peer, A, 1449, 1, 1448));
    ck_assert_int_eq(tcp_set_path(peer.connection, &peer.open.path, peer.now_us, &peer.outbox), 0);
    peer_say(&peer, A, 1, 2897, 60000, 0);
    went_given(peer_expect(&peer, A | P, 2897, 1, 104));
    peer_say(&peer, A, 1, 3001, 60000, 0);
    ck_assert_int_eq(tcp_shutdown(peer.connection, peer.now_us, &peer.outbox), 0);
    went_given(peer_expect(&peer, A | F, 3001, 1, 0));
    tcp_abort(peer.connection, peer.now_us, &peer.outbox);
    went_given(peer_hear(&peer));
    peer_done(&peer, NULL, NULL);
    peer_destroy(&peer);
}

TEST(a_source_route_that_the_client_gives_goes_before_one_received)
{
    create();
    give(given, sizeof given);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    went_given(peer_expect(&peer, S, 0, 0, 0));
    come_by(arrived, sizeof arrived);
    peer_say_with(&peer, S | A, 0, 1, 60000, 0, mss_1460, 4, 0);
    went_given(peer_expect(&peer, A, 1, 1, 0));
    peer_say(&peer, A, 1, 1, 60000, 10);
    peer_send(&peer, 10, 0);
    went_given(peer_expect(&peer, A | P, 1, 11, 10));
    peer_destroy(&peer);
    // The same for one that is given with the answer to an offer.
    create();
    come_by(arrived, sizeof arrived);
    offer();
    give(given, sizeof given);
    accept_offer();
    went_given(peer_hear(&peer));
    peer_say(&peer, A, 1, 1, 60000, 0);
    peer_send(&peer, 10, 0);
    went_given(peer_expect(&peer, A | P, 1, 1, 10));
    peer_destroy(&peer);
}

TEST(an_active_open_without_a_source_route_takes_none_from_its_peer)
{
    create();
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    went_plain(peer_expect(&peer, S, 0, 0, 0));
    come_by(arrived, sizeof arrived);
    peer_say_with(&peer, S | A, 0, 1, 60000, 0, mss_1460, 4, 0);
    went_plain(peer_expect(&peer, A, 1, 1, 0));
    peer_say(&peer, A, 1, 1, 60000, 0);
    peer_send(&peer, 10, 0);
    went_plain(peer_expect(&peer, A | P, 1, 1, 10));
    peer_destroy(&peer);
}

TEST(a_passive_open_keeps_the_return_route_for_every_segment_of_the_connection)
{
    create();
    come_by(arrived, sizeof arrived);
    offer();
    peer.n_ip_options = 0; // the SYN alone came so
    accept_offer();
    went_back(peer_expect(&peer, S | A, 0, 1, 0));
    peer_wait(&peer, 1100000);
    went_back(peer_expect(&peer, S | A, 0, 1, 0));
    peer_say(&peer, A, 1, 1, 60000, 0);
    ck_assert_uint_eq(peer_info(&peer).mss_bytes, 1448);
    peer_send(&peer, 2000, 0);
    went_back(peer_expect(&peer, A, 1, 1, 1448));
    peer_wait(&peer, 3500000);
    went_back(peer_expect(&peer, A, 1, 1, 1448)); // again
    peer_say(&peer, A, 1, 1449, 60000, 2000);
    went_back(peer_expect(&peer, A | P, 1449, 2001, 552));
    peer_say(&peer, A, 2001, 2001, 60000, 0);
    tcp_abort(peer.connection, peer.now_us, &peer.outbox);
    went_back(peer_hear(&peer));
    peer_done(&peer, NULL, NULL);
    peer_destroy(&peer);
}

TEST(a_later_source_route_goes_before_an_earlier_one_when_its_segment_is_taken)
{
    static const uint8_t other[] = {131, 7, 8, 10, 0, 9, 1, 0}, back[] = {1, 131, 7, 4, 10, 0, 0, 2};
    create();
    come_by(arrived, sizeof arrived);
    offer();
    accept_offer();
    went_back(peer_hear(&peer));
    peer_say(&peer, A, 1, 1, 60000, 0);
    come_by(other, sizeof other);
    peer_say(&peer, A, 100000, 1, 60000, 1); // outside of the window
    went_back(peer_expect(&peer, A, 1, 1, 0));
    peer_say(&peer, A, 1, 70000, 60000, 1); // of what was never sent
    went_back(peer_hear(&peer));
    peer_say(&peer, A, 1, 1, 60000, 1);
    peer_send(&peer, 10, 0);
    went_by(peer_expect(&peer, A | P, 1, 2, 10), (const uint8_t[]){10, 0, 9, 1}, back, 8);
    ck_assert_uint_eq(peer_info(&peer).mss_bytes, 1452);
    peer_destroy(&peer);
}

TEST(a_connection_that_began_without_a_source_route_follows_one_that_comes_later)
{
    create();
    peer_opens(&peer, 60000);
    peer_send(&peer, 3000, 0);
    ck_assert_uint_eq(peer_hear(&peer)->mss_bytes, 1460); // cut by the adapter
    come_by(arrived, sizeof arrived);
    peer_say(&peer, A, 1, 2921, 60000, 0);
    while (peer_hear(&peer))
        continue;
    peer_say(&peer, A, 1, 3001, 60000, 0);
    peer_send(&peer, 3000, 0);
    went_back(peer_expect(&peer, A, 3001, 1, 1448));
    peer_destroy(&peer);
}

TEST(a_return_route_names_the_source_once_even_if_the_record_began_with_it)
{
    static const uint8_t recorded[] = {131, 15, 16, 10, 0, 0, 2, 10, 0, 1, 1, 10, 0, 2, 1, 0}, alone[] = {131, 7, 8, 10, 0, 0, 2, 0};
    create();
    come_by(recorded, sizeof recorded);
    offer();
    accept_offer();
    went_by(peer_hear(&peer), (const uint8_t[]){10, 0, 2, 1}, (const uint8_t[]){1, 131, 11, 4, 10, 0, 1, 1, 10, 0, 0, 2}, 12);
    peer_destroy(&peer);
    create();
    come_by(alone, sizeof alone);
    offer();
    accept_offer();
    went_plain(peer_hear(&peer));
    peer_destroy(&peer);
}

TEST(a_cookie_and_a_reset_for_nobody_go_the_way_back)
{
    struct tcp_params params;
    tcp_params_default(&params);
    params.half_open_cookies = 0;
    peer_create(&peer, &params);
    come_by(arrived, sizeof arrived);
    peer_say(&peer, S, 0, 0, 60000, 0); // nobody listens
    peer.has_iss = true;
    went_back(peer_hear(&peer));
    peer.has_iss = false;
    offer();
    went_back(peer_hear(&peer));
    peer_say(&peer, A, 1, 1, 60000, 0);
    accept_offer();
    went_back(peer_hear(&peer));
    peer_send(&peer, 10, 0);
    went_back(peer_expect(&peer, A | P, 1, 1, 10));
    peer_destroy(&peer);
}

TEST(a_connection_with_IP_options_stays_in_its_engine)
{
    struct tcp_handover handover;
    struct tcp_connection *made;
    create();
    come_by(arrived, sizeof arrived);
    offer();
    accept_offer();
    peer_hear(&peer);
    peer_say(&peer, A, 1, 1, 60000, 0);
    ck_assert_int_eq(tcp_export(peer.connection, peer.now_us, &peer.outbox, &handover), -EBUSY);
    peer_send(&peer, 10, 0); // and lives on
    went_back(peer_expect(&peer, A | P, 1, 1, 10));
    peer_destroy(&peer);
    create();
    peer_opens(&peer, 60000);
    ck_assert_int_eq(tcp_export(peer.connection, peer.now_us, &peer.outbox, &handover), 0);
    tcp_release(peer.connection, peer.now_us, &peer.outbox);
    give(given, sizeof given);
    ck_assert_int_eq(tcp_import(peer.tcp, &handover, &peer.open, NULL, 0, peer.now_us, &peer.outbox, &made), -EINVAL);
    give(NULL, 0);
    ck_assert_int_eq(tcp_import(peer.tcp, &handover, &peer.open, NULL, 0, peer.now_us, &peer.outbox, &made), 0);
    peer_destroy(&peer);
}

TEST(IP_options_that_no_segment_may_carry_are_refused)
{
    static const struct {
        uint8_t n, options[44];
    } bad[] = {
        {8, {131, 7, 8, 10, 0, 1, 1}}, // the pointer is past the first
        {4, {131, 3, 4}}, {8, {131, 6, 4, 10, 0, 1}}, {4, {131, 7, 4, 10}}, {1, {131}}, {2, {131, 7}}, {4, {131, 2}}, {4, {131, 0}},
        {8, {131, 7, 3, 10, 0, 1, 1}}, {8, {131, 7, 0, 10, 0, 1, 1}}, {8, {131, 7, 5, 10, 0, 1, 1}}, {8, {131, 7, 12, 10, 0, 1, 1}},
        {8, {131, 7, 4, 127, 0, 0, 1}}, {8, {131, 7, 4, 224, 0, 0, 1}}, {8, {131, 7, 4, 255, 255, 255, 255}}, {8, {131, 7, 4, 0, 0, 0, 0}},
        {16, {131, 7, 4, 10, 0, 1, 1, 1, 137, 7, 4, 10, 0, 2, 1}}, // two of them
        {8, {7, 7, 4, 0, 0, 0, 0}}, {8, {68, 8, 5, 0}}, {4, {148, 4, 0, 0}}, // not ours to send
        {44, {1}}, // longer than any header
    };
    create();
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        give(bad[i].options, bad[i].n);
        ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), -EINVAL);
        peer_silence(&peer);
    }
    // No address family but IPv4 has them.
    peer.open.local = eng_address6((const uint8_t[16]){0xfd, [15] = 1});
    peer.open.remote = eng_address6((const uint8_t[16]){0xfd, [15] = 2});
    give(given, sizeof given);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), -EINVAL);
    // An offer that is answered so stays open to another answer.
    peer.open.local = peer.own;
    peer.open.remote = peer.other;
    offer();
    peer_events(&peer);
    give(bad[0].options, bad[0].n);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), -EINVAL);
    give(given, sizeof given);
    ck_assert_int_eq(tcp_accept(peer.connection, &peer.open, peer.now_us, &peer.outbox), 0);
    went_given(peer_hear(&peer));
    peer_destroy(&peer);
}

TEST(options_without_a_route_are_carried_and_fill_up_with_ends)
{
    create();
    give((const uint8_t[]){1, 1, 1, 1, 1}, 5);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    went_by(peer_expect(&peer, S, 0, 0, 0), (const uint8_t[]){10, 0, 0, 2}, (const uint8_t[]){1, 1, 1, 1, 1, 0, 0, 0}, 8);
    peer_destroy(&peer);
    // Nine hops are the most.
    uint8_t nine[40] = {131, 39, 4};
    for (unsigned i = 0; i < 9; i++)
        memcpy(nine + 3 + 4 * i, (uint8_t[]){10, 0, (uint8_t)(i + 1), 1}, 4);
    create();
    give(nine, 39);
    ck_assert_int_eq(tcp_connect(peer.tcp, &peer.open, peer.now_us, &peer.outbox, &peer.connection), 0);
    struct said *said = peer_expect(&peer, S, 0, 0, 0);
    ck_assert_uint_eq(said->n_ip_options, 40);
    ck_assert_mem_eq(said->ip_options + 35, "\x0A\0\0\2\0", 5);
    peer_destroy(&peer);
}

TEST(a_received_route_that_is_not_one_is_answered_the_plain_way)
{
    static const struct {
        uint8_t n, options[20];
    } bad[] = {
        {8, {131, 7, 4, 10, 0, 1, 1}}, {4, {131, 3, 4}}, {8, {131, 7, 9, 10, 0, 1, 1}}, {8, {131, 7, 12, 10, 0, 1, 1}},
        {8, {131, 11, 12, 10, 0, 1, 1}}, {8, {131, 6, 8, 10, 0, 1}}, {8, {131, 7, 8, 224, 0, 0, 1}}, {8, {131, 7, 8, 127, 0, 0, 1}},
        {16, {131, 7, 8, 10, 0, 1, 1, 1, 131, 7, 8, 10, 0, 1, 1}}, {8, {1, 1, 1, 1, 1, 1, 1, 131}}, {8, {1, 1, 1, 1, 1, 1, 131, 7}},
        {8, {0, 131, 7, 8, 10, 0, 1, 1}},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        create();
        come_by(bad[i].options, bad[i].n);
        offer();
        accept_offer();
        went_plain(peer_hear(&peer));
        peer_destroy(&peer);
    }
}
