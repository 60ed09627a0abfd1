// SPDX-License-Identifier: MIT
// An offload target's manners (TCP_USE_TARGET): what it gives back to its host instead of answering, and that only an abort resets.
#include "peer.h"
#include "base/bytes.h"
#include <errno.h>
#include <string.h>

static struct peer peer;
static struct peer host;
static struct peer home; // the host again, after an upload
static const uint8_t mss_1460[] = {2, 4, 5, 0xB4};

// A connection that the host opened and handed to the target, which is `peer` afterwards.
static void
target_create(void)
{
    struct tcp_params params;
    struct tcp_handover handover;
    peer_create(&host, NULL);
    memcpy(host.options, mss_1460, 4);
    host.option_bytes = 4;
    peer_opens(&host, 60000);
    ck_assert_int_eq(tcp_export(host.connection, host.now_us, &host.outbox, &handover), 0);
    peer_silence(&host);
    tcp_params_default(&params);
    params.uses |= TCP_USE_TARGET;
    peer_create(&peer, &params);
    ck_assert_int_eq(tcp_import(peer.tcp, &handover, &peer.open, NULL, 0, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer.iss = host.iss;
    peer.has_iss = true;
    peer_silence(&peer);
}

static void
both_destroy(void)
{
    peer_destroy(&peer);
    peer_destroy(&host);
}

TEST(a_connection_goes_on_at_the_target_where_it_was)
{
    target_create();
    peer_say(&peer, A, 1, 1, 60000, 100);
    ck_assert_uint_eq(peer_read(&peer, 1000), 100);
    peer_send(&peer, 100, 0);
    peer_expect(&peer, P | A, 1, 101, 100);
    both_destroy();
}

TEST(a_segment_that_belongs_to_no_connection_of_the_target_is_the_hosts)
{
    target_create();
    struct tcp_connection *mine = peer.connection;
    peer.other.bytes[3] = 99;
    peer_say(&peer, S, 0, 0, 60000, 0);
    ck_assert_int_eq(peer.taken, TCP_NOT_OURS);
    peer_say(&peer, A, 5, 5, 60000, 10);
    ck_assert_int_eq(peer.taken, TCP_NOT_OURS);
    peer_silence(&peer);
    ck_assert_ptr_eq(mine, peer.connection);
    both_destroy();
}

TEST(urgent_data_asks_for_an_upload_and_is_not_acknowledged)
{
    target_create();
    peer_say_with(&peer, A | U, 1, 1, 60000, 10, NULL, 0, 5);
    ck_assert_int_eq(peer.taken, TCP_FOR_HOST);
    peer_silence(&peer);
    ck_assert(peer_events(&peer) & TCP_EVENT_UPLOAD);
    ck_assert_int_eq(peer_info(&peer).upload, TCP_UPLOAD_URGENT);
    // What comes now is the host's as well; the state is as it was before the urgent segment.
    peer_say(&peer, A, 11, 1, 60000, 10);
    ck_assert_int_eq(peer.taken, TCP_FOR_HOST);
    struct tcp_handover handover;
    ck_assert_int_eq(tcp_export(peer.connection, peer.now_us, &peer.outbox, &handover), 0);
    ck_assert_uint_eq(handover.record.delegated.rcv_nxt, PEER_ISS + 1);
    peer_silence(&peer);
    both_destroy();
}

TEST(a_SYN_at_RCV_NXT_asks_for_an_upload_and_one_elsewhere_is_challenged_once_in_three_seconds)
{
    target_create();
    peer_say(&peer, S, 100, 0, 60000, 0);
    peer_expect(&peer, A, 1, 1, 0);
    peer_say(&peer, S, 200, 0, 60000, 0);
    peer_silence(&peer);
    peer_wait(&peer, 3000000);
    peer_say(&peer, S, 200, 0, 60000, 0);
    peer_expect(&peer, A, 1, 1, 0);
    peer_say(&peer, S, 1, 0, 60000, 0);
    peer_silence(&peer);
    ck_assert_int_eq(peer_info(&peer).upload, TCP_UPLOAD_STATE);
    both_destroy();
}

TEST(retransmissions_that_are_over_ask_for_an_upload_and_reset_nothing)
{
    target_create();
    peer_send(&peer, 100, 0);
    peer_wait(&peer, 1000000000);
    while (peer_hear(&peer))
        ck_assert_uint_eq(peer.heard.flags & R, 0);
    ck_assert_int_eq(peer_info(&peer).upload, TCP_UPLOAD_TIMEOUT);
    ck_assert_int_eq(peer_state(&peer), TCP_ESTABLISHED);
    both_destroy();
}

TEST(TIME_WAIT_is_the_hosts)
{
    target_create();
    ck_assert_int_eq(tcp_shutdown(peer.connection, peer.now_us, &peer.outbox), 0);
    peer_expect(&peer, F | A, 1, 1, 0);
    peer_say(&peer, F | A, 1, 2, 60000, 0);
    peer_expect(&peer, A, 2, 2, 0);
    ck_assert(peer_events(&peer) & TCP_EVENT_UPLOAD);
    ck_assert_int_eq(peer_info(&peer).upload, TCP_UPLOAD_STATE);
    both_destroy();
}

TEST(FIN_WAIT_2_at_a_target_has_a_timer_that_acceptable_segments_restart)
{
    target_create();
    tcp_shutdown(peer.connection, peer.now_us, &peer.outbox);
    peer_hear(&peer);
    peer_say(&peer, A, 1, 2, 60000, 0);
    peer_wait(&peer, peer.params.fin_wait_2_us - 1);
    peer_say(&peer, A, 1, 2, 60000, 10);
    peer_wait(&peer, peer.params.fin_wait_2_us - 1);
    ck_assert_int_eq(peer_info(&peer).upload, TCP_UPLOAD_NONE);
    peer_wait(&peer, 1);
    ck_assert_int_eq(peer_info(&peer).upload, TCP_UPLOAD_TIMEOUT);
    both_destroy();
}

// What the target says of its connection goes on at an ordinary engine, which is `home` afterwards.
static void
upload(void)
{
    struct tcp_handover handover;
    if (tcp_export(peer.connection, peer.now_us, &peer.outbox, &handover)) {
        tcp_query(peer.connection, peer.now_us, &handover.record); // TIME_WAIT is no state that an engine exports
        handover.urgent_offset = 0;
        list_init(&handover.sends);
    }
    peer_create(&home, NULL);
    ck_assert_int_eq(tcp_import(home.tcp, &handover, &home.open, NULL, 0, home.now_us, &home.outbox, &home.connection), 0);
    home.iss = peer.iss;
    home.has_iss = true;
}

TEST(the_TIME_WAIT_that_a_target_gives_back_is_waited_out_by_its_host)
{
    struct tcp_handover handover = {.urgent_offset = 0};
    struct tcp_connection *none = NULL;
    target_create();
    tcp_shutdown(peer.connection, peer.now_us, &peer.outbox);
    peer_hear(&peer);
    peer_say(&peer, F | A, 1, 2, 60000, 0);
    peer_hear(&peer);
    upload();
    ck_assert_int_eq(peer_state(&home), TCP_TIME_WAIT);
    ck_assert(peer_info(&home).fin_acked && peer_info(&home).fin_received && peer_info(&home).end == TCP_END_NONE);
    peer_say(&home, F | A, 1, 2, 60000, 0); // the peer has not heard our last acknowledgement
    peer_expect(&home, A, 2, 2, 0);
    peer_wait(&home, home.params.time_wait_us - 1);
    ck_assert_int_eq(peer_state(&home), TCP_TIME_WAIT);
    peer_wait(&home, 1);
    ck_assert_int_eq(peer_state(&home), TCP_CLOSED);
    // Another target has no use for it.
    tcp_query(peer.connection, peer.now_us, &handover.record);
    list_init(&handover.sends);
    ck_assert_int_eq(handover.record.delegated.state, TCP_TIME_WAIT);
    ck_assert_int_eq(tcp_import(peer.tcp, &handover, &peer.open, NULL, 0, peer.now_us, &peer.outbox, &none), -EINVAL);
    peer_destroy(&home);
    both_destroy();
}

TEST(FIN_WAIT_2_that_comes_back_lasts_as_long_as_its_client_holds_it)
{
    target_create();
    tcp_shutdown(peer.connection, peer.now_us, &peer.outbox);
    peer_hear(&peer);
    peer_say(&peer, A, 1, 2, 60000, 0);
    upload();
    ck_assert_int_eq(peer_state(&home), TCP_FIN_WAIT_2);
    peer_wait(&home, 10 * (uint64_t)home.params.fin_wait_2_us);
    ck_assert_int_eq(peer_state(&home), TCP_FIN_WAIT_2);
    tcp_release(home.connection, home.now_us, &home.outbox);
    home.connection = NULL;
    peer_wait(&home, home.params.fin_wait_2_us);
    ck_assert_ptr_eq(tcp_connection_next(home.tcp, NULL), NULL);
    peer_destroy(&home);
    both_destroy();
}

TEST(the_timestamp_clock_goes_on_across_a_hand_over)
{
    const uint8_t options[] = {2, 4, 5, 0xB4, 1, 1, 8, 10, 0, 0, 3, 0xE8, 0, 0, 0, 0};
    struct tcp_handover handover;
    peer_create(&host, NULL);
    memcpy(host.options, options, sizeof options);
    host.option_bytes = sizeof options;
    peer_opens_with_ts(&host, 60000, 1000);
    peer_send(&host, 10, 0);
    uint32_t value = peer_hear(&host)->ts_value;
    peer_create(&peer, NULL);
    peer_wait(&peer, 77000000); // the other engine's clock says something else
    ck_assert_int_eq(tcp_export(host.connection, host.now_us, &host.outbox, &handover), 0);
    ck_assert_int_eq(tcp_import(peer.tcp, &handover, &peer.open, NULL, 0, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer.iss = host.iss;
    peer.has_iss = peer.has_ts = true;
    peer.ts_value = 1003;
    peer.ts_echo = value;
    peer_wait(&peer, 5000);
    peer_say(&peer, A, 1, 11, 60000, 100);
    peer_say(&peer, A, 101, 11, 60000, 100);
    struct said *said = peer_expect(&peer, A, 11, 201, 0);
    ck_assert_uint_eq(said->ts_value, value + 5);
    ck_assert_uint_eq(said->ts_echo, 1003);
    peer_destroy(&host);
    peer_done(&peer, NULL, NULL);
    peer_destroy(&peer);
}

TEST(a_hand_over_in_the_middle_of_go_back_N_sends_everything_again_from_SND_NXT)
{
    struct tcp_handover handover;
    peer_create(&host, NULL);
    memcpy(host.options, mss_1460, 4);
    host.option_bytes = 4;
    peer_opens(&host, 60000);
    peer_send(&host, 5840, 0);
    while (peer_hear(&host))
        ;
    ck_assert_int_eq(tcp_export(host.connection, host.now_us, &host.outbox, &handover), 0);
    ck_assert_uint_eq(handover.record.delegated.snd_max - handover.record.delegated.snd_una, 5840);
    ck_assert_uint_eq(handover.record.delegated.snd_nxt, handover.record.delegated.snd_max);
    // The host had timed out and had begun anew from the second segment.
    handover.record.delegated.snd_nxt = handover.record.delegated.snd_una + 1460;
    handover.record.delegated.cwnd = 100000;
    peer_create(&peer, NULL);
    ck_assert_int_eq(tcp_import(peer.tcp, &handover, &peer.open, NULL, 0, peer.now_us, &peer.outbox, &peer.connection), 0);
    peer.iss = host.iss;
    peer.has_iss = true;
    for (uint32_t at = 1461; at < 5841; at += 1460)
        ck_assert_uint_eq(peer_hear(&peer)->seq, at);
    peer_silence(&peer);
    peer_say(&peer, A, 1, 5841, 60000, 0);
    ck_assert_uint_eq(peer_done(&peer, NULL, NULL), 1);
    both_destroy();
}

TEST(a_record_that_contradicts_itself_is_refused_and_stays_the_callers)
{
    struct tcp_handover handover, wrong;
    struct tcp_connection *none = NULL;
    peer_create(&host, NULL);
    peer_opens(&host, 60000);
    peer_send(&host, 500, 0);
    ck_assert_int_eq(tcp_export(host.connection, host.now_us, &host.outbox, &handover), 0);
    peer_create(&peer, NULL);
    for (unsigned i = 0; i < 7; i++) {
        wrong = handover;
        wrong.record = handover.record;
        struct tcp_delegated *d = &wrong.record.delegated;
        switch (i) {
        case 0: d->state = TCP_SYN_SENT; break;
        case 1: d->state = TCP_FIN_WAIT_2; break;               // with data unacknowledged
        case 2: d->snd_max = d->snd_una + 502; break;           // more than the chain
        case 3: d->snd_nxt = d->snd_max + 1; break;
        case 4: wrong.record.constant.rcv_wnd_scale = 15; break;
        case 5: wrong.record.cached.initial_rcv_wnd = 0; break;
        case 6: wrong.record.constant.remote_port = 0; break;
        }
        // The list's neighbours point to the original's head.
        struct list *first = handover.sends.next;
        list_remove(first);
        list_init(&wrong.sends);
        list_push_back(&wrong.sends, first);
        ck_assert_int_lt(tcp_import(peer.tcp, &wrong, &peer.open, NULL, 0, peer.now_us, &peer.outbox, &none), 0);
        ck_assert_ptr_eq(wrong.sends.next, first);
        list_remove(first);
        list_push_back(&handover.sends, first);
    }
    ck_assert_int_eq(tcp_import(peer.tcp, &handover, &peer.open, NULL, 0, peer.now_us, &peer.outbox, &peer.connection), 0);
    ck_assert(list_is_empty(&handover.sends));
    both_destroy();
}

TEST(a_targets_connection_does_not_live_without_its_host)
{
    target_create();
    tcp_release(peer.connection, peer.now_us, &peer.outbox);
    peer_silence(&peer);
    ck_assert_uint_eq(tcp_counters(peer.tcp)->connections, 0);
    both_destroy();
}

TEST(a_reset_in_the_window_is_challenged_once_and_five_minutes_later_probed_for)
{
    target_create();
    peer_say(&peer, R, 100, 0, 0, 0);
    peer_expect(&peer, A, 1, 1, 0);
    peer_say(&peer, R, 200, 0, 0, 0);
    peer_silence(&peer);
    peer_wait(&peer, 299999999);
    peer_silence(&peer);
    peer_wait(&peer, 1);
    ck_assert_uint_eq(peer_hear(&peer)->seq, 0); // a probe: the octet before
    // Nobody answers: after the instance's number of probes the host shall have it.
    peer_wait(&peer, 2000000000);
    while (peer_hear(&peer))
        ck_assert_uint_eq(peer.heard.flags & R, 0);
    ck_assert_int_eq(peer_info(&peer).upload, TCP_UPLOAD_TIMEOUT);
    both_destroy();
}

TEST(an_acceptable_segment_ends_the_doubt_that_a_reset_in_the_window_left)
{
    target_create();
    peer_say(&peer, R, 100, 0, 0, 0);
    peer_expect(&peer, A, 1, 1, 0);
    peer_say(&peer, A, 1, 1, 60000, 0);
    peer_wait(&peer, 1000000000);
    peer_silence(&peer);
    ck_assert_int_eq(peer_info(&peer).upload, TCP_UPLOAD_NONE);
    both_destroy();
}
