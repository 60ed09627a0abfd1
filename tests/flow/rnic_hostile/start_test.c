// SPDX-License-Identifier: MIT
// What a peer may do wrong while a connection is made, to the whole provider: MPA requests and replies that are none, frames that never
// come, RTRs that were not agreed, a first FPDU that is wrong. Each ends the connection and the consumer's request with its status, or
// tells no consumer at all. The rows: docs/contracts/iwarp-hostile.md.
#include <check.h>
#include <string.h>

#include "base/bytes.h"
#include "model.h"

#define GOOD "\x80\x04\x80\x04"               // A, C, 4 reads each way
#define FRAME_MAX 600

static struct {
    struct rc_listener listener;
    struct rc_side side;
    uint8_t frame[FRAME_MAX];
} h;

static size_t
frame(bool is_reply, uint8_t flags, uint8_t revision, const void *private_bytes, uint16_t count)
{
    return request_make(h.frame, is_reply, flags, revision, private_bytes, count);
}

static size_t
good_request(void)
{
    return frame(false, 0x50, 2, GOOD, 4);
}

static size_t
good_reply(void)
{
    return frame(true, 0x50, 2, GOOD, 4);
}

// ---- requests ---------------------------------------------------------------------------------------------------------------------

// A request that the provider takes: the consumer hears of it, rejects it, and the model gets a reply with the R bit.
static void
request_is_taken(size_t count)
{
    uint8_t revision = h.frame[17];
    bool is_enhanced = revision == 2 && h.frame[16] & 0x10;
    model_connect(RC_PORT);
    model_send(h.frame, count);
    ck_assert(rc_incoming(&h.listener, &h.side, RC_WAIT_S * 1000));
    ck_assert_int_eq(rc_reject(&h.side, "no", 2), STATUS_SUCCESS);
    ck_assert(model_wait_bytes(is_enhanced ? 26 : 22));
    ck_assert_mem_eq(model.in, "MPA ID Rep Frame", 16);
    ck_assert_uint_eq(model.in[16] & 0x30, is_enhanced ? 0x30 : 0x20);
    ck_assert_uint_eq(model.in[17], revision);
    ck_assert(model_wait_fin());
    model_shutdown();
    rc_side_close(&h.side);
    model_release();
}

// One that is none: a reset, no answer, and nobody hears of it.
static void
request_is_reset(size_t count)
{
    ULONG told = h.listener.count;
    model_connect(RC_PORT);
    model_send(h.frame, count);
    ck_assert(model_wait_reset());
    ck_assert_uint_eq(model.count, 0);
    ck_assert_uint_eq(h.listener.count, told);
    model_release();
}

MODEL_TEST(an_MPA_request_that_is_none_or_malformed_is_reset_and_no_consumer_hears_of_it)
{
    static const uint8_t many[560] = {0x80, 4, 0x80, 4};
    rc_listen(&h.listener, 0, RC_PORT);
    for (size_t at = 0; at < 16; at += 5) {
        size_t count = good_request();
        h.frame[at] ^= 0x20;                  // the key
        request_is_reset(count);
    }
    request_is_reset(good_reply());           // two responders
    for (uint8_t revision = 0; revision < 5; revision++)
        if (revision != 1 && revision != 2)
            request_is_reset(frame(false, 0x50, revision, GOOD, 4));
    request_is_reset(frame(false, 0x40, 1, many, 513));
    request_is_reset(frame(false, 0x50, 2, many, 513));
    for (uint16_t count = 0; count < 4; count++)            // enhanced, without the four bytes
        request_is_reset(frame(false, 0x50, 2, GOOD, count));
    size_t count = good_request();
    memcpy(h.frame + count, "more", 4);       // an FPDU before the reply, or a wrong length
    request_is_reset(count + 4);
    memcpy(h.frame, "GET / HTTP/1.1\r\n\r\n", 18);
    request_is_reset(18);
    // What is right next to these.
    request_is_taken(good_request());
    request_is_taken(frame(false, 0x40, 1, NULL, 0));
    request_is_taken(frame(false, 0x40, 1, many, 512));
    request_is_taken(frame(false, 0x50, 2, many, 512));
    request_is_taken(frame(false, 0x40, 2, "abc", 3));
    request_is_taken(frame(false, 0x6F, 1, NULL, 0));       // R and reserved bits are not looked at [RFC 5044 7.1.1]
    request_is_taken(frame(false, 0x7F, 2, GOOD, 4));
    rc_listener_close(&h.listener);
}

MODEL_TEST(an_MPA_request_that_does_not_come_or_not_to_its_end_is_reset_in_time)
{
    static const size_t parts[] = {0, 1, 16, 19, 23};
    rc_listen(&h.listener, 0, RC_PORT);
    for (size_t i = 0; i < ARRAYSIZE(parts); i++) {
        model_connect(RC_PORT);
        good_request();
        if (parts[i])
            model_send(h.frame, parts[i]);
        rc_sleep_ms(29000);
        ck_assert(!model.is_reset);
        rc_sleep_ms(2000);
        ck_assert(model.is_reset);
        ck_assert_uint_eq(model.count, 0);
        model_release();
    }
    ck_assert_uint_eq(h.listener.count, 0);
    request_is_taken(good_request());         // and none of them counts any more
    rc_listener_close(&h.listener);
}

MODEL_TEST(a_peer_that_ends_its_stream_in_the_middle_of_its_request_is_reset)
{
    rc_listen(&h.listener, 0, RC_PORT);
    for (size_t part = 0; part < 24; part += 19) {
        model_connect(RC_PORT);
        good_request();
        if (part)
            model_send(h.frame, part);
        model_shutdown();
        ck_assert(model_wait_reset());
        ck_assert_uint_eq(h.listener.count, 0);
        model_release();
    }
    rc_listener_close(&h.listener);
}

// ---- the third step ---------------------------------------------------------------------------------------------------------------

// Accepted, and waiting for the RTR.
static void
accepted(void)
{
    model_connect(RC_PORT);
    model_send(h.frame, good_request());
    ck_assert(rc_incoming(&h.listener, &h.side, RC_WAIT_S * 1000));
    rc_accept(&h.side, &rc_plain);
    ck_assert_int_eq(h.side.returned, STATUS_PENDING);
    ck_assert(model_wait_bytes(24));
}

static void
over(NTSTATUS status)
{
    ck_assert_int_eq(rc_finish(&h.side), status);
    ck_assert_uint_eq(h.side.disconnects, 0);
    rc_side_is_dead(&h.side);
    rc_side_close(&h.side);
    model_release();
}

// A responder may not send before it has validated an FPDU, a Terminate neither [RFC 5044 7.1.2 rule 4].
MODEL_TEST(a_first_FPDU_that_is_wrong_in_place_of_the_RTR_is_a_reset_and_the_accept_fails)
{
    uint8_t fpdu[64], ulpdu[64];
    rc_listen(&h.listener, 0, RC_PORT);
    for (int n = 0; n < 3; n++) {
        accepted();
        size_t count = n == 0 ? tagged_make(ulpdu, true, RDMAP_WRITE, 0, 0) : n == 1 ? tagged_make(ulpdu, true, RDMAP_WRITE, 0x99, 0) + 8
                                                                                     : untagged_make(ulpdu, true, RDMAP_SEND, 0, 1, 0);
        count = fpdu_make(fpdu, ulpdu, count);
        fpdu[count - 1] ^= n == 0;            // the CRC; a tag that nobody gave; a send for which there is no receive
        model_send(fpdu, count);
        if (n == 0)
            ck_assert(model_wait_reset());
        else
            model_terminated(24, n == 1 ? DDP_INVALID_TAG : DDP_NO_BUFFER, true, false);
        if (n)
            model_shutdown();
        over(STATUS_CONNECTION_ABORTED);
    }
    rc_listener_close(&h.listener);
}

MODEL_TEST(a_peer_that_never_sends_its_RTR_is_reset_in_time_and_one_that_goes_fails_the_accept_at_once)
{
    rc_listen(&h.listener, 0, RC_PORT);
    accepted();
    ck_assert(!rc_ended(0, &h.side.wait, 9000));
    ck_assert_int_eq(rc_finish(&h.side), STATUS_IO_TIMEOUT);
    ck_assert(model_wait_reset());
    over(STATUS_IO_TIMEOUT);
    accepted();
    model_shutdown();
    ck_assert(rc_ended(0, &h.side.wait, 1000));
    over(STATUS_CONNECTION_ABORTED);
    rc_listener_close(&h.listener);
}

// Any FPDU that is right says that the peer is ready: which RTR was agreed is between the initiator and its own manners [RFC 6581 9.2].
MODEL_TEST(an_RTR_of_another_kind_than_agreed_is_taken_as_what_it_says)
{
    uint8_t ulpdu[64];
    rc_listen(&h.listener, 0, RC_PORT);
    accepted();
    ck_assert_mem_eq(model.in + 20, "\x80\x04\x80\x04", 4);     // a write was agreed
    model_send_fpdu(ulpdu, model_read(ulpdu, 1, 0, 0, 0));
    ck_assert_int_eq(rc_finish(&h.side), STATUS_SUCCESS);
    ck_assert(model_wait_bytes(24 + 20));                       // and a read is answered
    model_shutdown();
    rc_disconnect(&h.side);
    ck_assert_int_eq(rc_finish(&h.side), STATUS_SUCCESS);
    rc_side_close(&h.side);
    model_release();
    rc_listener_close(&h.listener);
}

// ---- replies ----------------------------------------------------------------------------------------------------------------------

// The provider's request has come to the model.
static void
asked(void)
{
    SOCKADDR_INET from = rc_address(0, 0), to = model_address(MODEL_PORT);
    model_listen();
    rc_side_open(&h.side, 0);
    rc_connect_to(&h.side, &from, &to, &(struct rc_data){.inbound = 4, .outbound = 4});
    ck_assert_int_eq(h.side.returned, STATUS_PENDING);
    ck_assert(model_wait_bytes(24));
    ck_assert_mem_eq(model.in, "MPA ID Req Frame\x50\x02\x00\x04\x80\x04\xC0\x04", 24);
}

static void
reply_is_refused(size_t count)
{
    asked();
    model_send(h.frame, count);
    ck_assert_int_eq(rc_finish(&h.side), STATUS_INVALID_NETWORK_RESPONSE);
    ck_assert(model_wait_reset());
    ck_assert_uint_eq(model.count, 24);
    over(STATUS_INVALID_NETWORK_RESPONSE);
}

static void
reply_is_taken(size_t count)
{
    asked();
    model_send(h.frame, count);
    ck_assert_int_eq(rc_finish(&h.side), STATUS_SUCCESS);
    ck_assert_int_eq(rc_reject(&h.side, NULL, 0), STATUS_SUCCESS);
    ck_assert(model_wait_reset());
    rc_side_close(&h.side);
    model_release();
}

MODEL_TEST(an_MPA_reply_that_is_none_malformed_or_not_of_the_form_asked_for_is_reset_and_the_connect_fails)
{
    static const uint8_t many[560] = {0x80, 4, 0x80, 4};
    for (size_t at = 0; at < 16; at += 5) {
        size_t count = good_reply();
        h.frame[at] ^= 0x20;
        reply_is_refused(count);
    }
    reply_is_refused(good_request());         // two initiators
    reply_is_refused(frame(true, 0x50, 0, GOOD, 4));
    reply_is_refused(frame(true, 0x50, 3, GOOD, 4));
    reply_is_refused(frame(true, 0x50, 2, many, 513));
    reply_is_refused(frame(true, 0x50, 2, GOOD, 3));
    reply_is_refused(frame(true, 0x40, 2, NULL, 0));        // not enhanced, as was asked
    reply_is_refused(frame(true, 0x40, 1, NULL, 0));
    reply_is_taken(good_reply());
    reply_is_taken(frame(true, 0x50, 2, many, 512));
    reply_is_taken(frame(true, 0x5F, 2, GOOD, 4));          // reserved bits are not looked at
}

// The two things that a reply may say and that cannot be agreed to have Terminates of their own [RFC 6581 9.1, 9.2].
MODEL_TEST(a_reply_that_wants_more_reads_than_were_offered_or_an_RTR_that_was_not_gets_its_Terminate)
{
    static const struct {
        const char *bytes;
        enum iwarp_error error;
    } rows[] = {{"\x80\x04\x80\x05", MPA_NO_IRD},
                {"\xC0\x04\x00\x04", MPA_NO_RTR},           // a send
                {"\x80\x04\x00\x04", MPA_NO_RTR}};          // none
    for (size_t i = 0; i < ARRAYSIZE(rows); i++) {
        asked();
        model_send(h.frame, frame(true, 0x50, 2, rows[i].bytes, 4));
        model_terminated(24, rows[i].error, false, false);
        model_shutdown();
        over(STATUS_INVALID_NETWORK_RESPONSE);
    }
    // A consumer that closes everything at once does not take it back.
    asked();
    model_send(h.frame, frame(true, 0x50, 2, rows[0].bytes, 4));
    ck_assert_int_eq(rc_finish(&h.side), STATUS_INVALID_NETWORK_RESPONSE);
    rc_side_close(&h.side);
    model_terminated(24, rows[0].error, false, false);
    model_shutdown();
    model_release();
}

MODEL_TEST(a_reply_that_does_not_come_fails_the_connect_in_time_and_a_peer_that_goes_refuses_it_at_once)
{
    for (int part = 0; part < 24; part += 17) {
        asked();
        good_reply();
        if (part)
            model_send(h.frame, (size_t)part);
        ck_assert(!rc_ended(0, &h.side.wait, 60000));       // the peer's consumer may be slow
        ck_assert_int_eq(rc_finish(&h.side), STATUS_IO_TIMEOUT);
        ck_assert(model_wait_reset());
        over(STATUS_IO_TIMEOUT);
        asked();
        if (part)
            model_send(h.frame, (size_t)part);
        model_shutdown();
        ck_assert(rc_ended(0, &h.side.wait, 1000));
        over(STATUS_CONNECTION_REFUSED);
    }
}

MODEL_TEST(a_reply_with_the_R_bit_refuses_the_connect_with_its_private_data)
{
    uint8_t bytes[64];
    ULONG inbound, outbound, count = sizeof bytes;
    asked();
    model_send(h.frame, frame(true, 0x70, 2, "\0\0\0\0sorry", 9));
    ck_assert_int_eq(rc_finish(&h.side), STATUS_CONNECTION_REFUSED);
    NDK_CONNECTOR *connector = h.side.connector;
    ck_assert_int_eq(connector->Dispatch->NdkGetConnectionData(connector, &inbound, &outbound, bytes, &count), STATUS_SUCCESS);
    ck_assert_uint_eq(count, 5);
    ck_assert_mem_eq(bytes, "sorry", 5);
    ck_assert(model_wait_fin());
    model_shutdown();
    rc_side_close(&h.side);
    model_release();
}

// FPDUs behind a reply wait until the consumer has completed the connect; a wrong one is judged then.
MODEL_TEST(a_wrong_FPDU_behind_a_good_reply_is_judged_when_the_connect_is_completed)
{
    uint8_t ulpdu[64] = {0};
    asked();
    size_t count = good_reply();
    count += fpdu_make(h.frame + count, ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, 0x99, 0) + 8);
    model_send(h.frame, count);
    ck_assert_int_eq(rc_finish(&h.side), STATUS_SUCCESS);
    rc_sleep_ms(1000);
    ck_assert_uint_eq(model.count, 24);
    h.side.is_ex = true;
    rc_complete(&h.side);
    NTSTATUS status = rc_finish(&h.side);
    ck_assert_int_eq(status, STATUS_CONNECTION_ABORTED);
    model_terminated(24, DDP_INVALID_TAG, true, false);
    model_shutdown();
    over(STATUS_CONNECTION_ABORTED);
}
