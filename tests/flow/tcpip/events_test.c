// SPDX-License-Identifier: MIT
// The event handlers over TCP and UDP, where they differ from those of messages (tests/flow/tdi/events_test.c, news_test.c): a stream has
// no messages, its expedited data is one byte, its buffers are an adapter's, and it carries no data with offers and disconnects.
#include "kit.h"

#include <stddef.h>
#include <string.h>

#include <tcpioctl.h>
#include <tdiinfo.h>

#include "../tdi/events.h"

static struct tk_pair pair;
static struct tk_address a, b;
static struct tk_endpoint other;
static struct tk_request r1, r2;
static UCHAR room[8192], big[20000];

// One run in each place.
#define EV_TEST(name) \
    static void name##_body(void); \
    TEST_TIMEOUT(120, name) \
    { \
        for (enum tn_place place = TN_LOOP4; place <= TN_TWO6; place++) \
            tn_run(#name, name##_body, place, (uint64_t)place, 1); \
    } \
    static void name##_body(void)

static void
open_with(LONG type)
{
    tk_pair_open(&pair, TN_DEVICE);
    ev_begin(&pair.server, &pair.there);
    ev_register(type);
}

static void
send_ok(const char *text, ULONG flags)
{
    tk_send(&r1, &pair.here, text, (ULONG)strlen(text), flags);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
}

static void
receive_is(ULONG flags, const char *text)
{
    memset(room, 0, sizeof room);
    tk_receive(&r2, &pair.there, room, 100, flags);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(r2.iosb.Information, strlen(text));
    ck_assert_int_eq(memcmp(room, text, strlen(text)), 0);
}

static void
give_back(void *arg)
{
    TdiReturnChainedReceives(ev.kept, ev.kept_count);
    ev.kept_count = 0;
}

static void
give_back_there(void)
{
    if (TN_IS_TWO(tn_net.place))
        tn_in_box(1, give_back, NULL);
    else
        give_back(NULL);
}

// --- received data -----------------------------------------------------------------------------------------------------------------

EV_TEST(ClientEventReceive_over_TCP_is_told_of_a_stream_that_has_no_messages)
{
    ULONG sum = 0;
    open_with(TDI_EVENT_RECEIVE);
    send_ok("hello", 0);
    ck_assert_uint_eq(ev.count, 1);
    ev_is(0, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL, 5, 5);
    ck_assert_ptr_eq(ev.log[0].context, &pair.server);
    ck_assert_ptr_eq(ev.log[0].connection, &pair.there);
    ck_assert_int_eq(memcmp(ev.log[0].bytes, "hello", 5), 0);
    ev_answers(NULL, 0);
    for (ULONG i = 0; i < sizeof big; i++)
        big[i] = (UCHAR)(i * 3 + i / 256);
    tk_send(&r1, &pair.here, big, sizeof big, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    for (ULONG i = 0; i < ev.count; i++) {
        ck_assert_uint_le(ev.log[i].indicated, ev.log[i].available);
        ck_assert_uint_ge(ev.log[i].indicated, min(128, ev.log[i].available));
        ck_assert_int_eq(memcmp(ev.log[i].bytes, big + sum, min(ev.log[i].indicated, EV_BYTES)), 0);
        sum += ev.log[i].indicated;
    }
    ck_assert_uint_eq(sum, sizeof big);
    tk_pair_close(&pair);
}

EV_TEST(ClientEventReceive_over_TCP_that_turns_bytes_down_is_not_told_again_before_a_RECEIVE)
{
    static const struct ev_answer answers[] = {
        {STATUS_DATA_NOT_ACCEPTED, 3}, {STATUS_SUCCESS, 0}, {STATUS_MORE_PROCESSING_REQUIRED, EV_ALL}};
    open_with(TDI_EVENT_RECEIVE);
    for (ULONG i = 0; i < ARRAYSIZE(answers); i++) {
        ev_answers(&answers[i], 1);
        send_ok("turned down, ", 0);
        send_ok("behind", 0);
        ck_assert_uint_eq(ev.count, 1);
        receive_is(TDI_RECEIVE_PEEK, "turned down, behind");
        tk_settle();
        ck_assert_uint_eq(ev.count, 1);
        receive_is(TDI_RECEIVE_NORMAL, "turned down, behind");
        send_ok("told", 0);
        ck_assert_uint_eq(ev.count, 2);
        ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL, 4, 4);
    }
    ev_answers(&(struct ev_answer){.status = STATUS_SUCCESS, .taken = 2}, 1);
    send_ok("some", 0);
    send_ok(" more", 0);
    ck_assert_uint_eq(ev.count, 1);
    receive_is(TDI_RECEIVE_NORMAL, "me more");
    tk_pair_close(&pair);
}

EV_TEST(ClientEventReceive_over_TCP_that_gives_a_RECEIVE_has_what_it_has_not_taken_in_there)
{
    open_with(TDI_EVENT_RECEIVE);
    ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .taken = 3, .irp_bytes = 100}, 1);
    send_ok("by request", 0);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.request.iosb.Information, 7);
    ck_assert_int_eq(memcmp(ev.room, "request", 7), 0);
    ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .taken = 3, .irp_bytes = 4}, 1);
    send_ok("by request", 0);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(ev.room, "requ", 4), 0);
    ck_assert_uint_eq(ev.count, 2);
    ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL, 3, 3);
    for (enum ev_wrong wrong = EV_WRONG_MINOR; wrong <= EV_WRONG_FLAGS; wrong++) {
        ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .irp_bytes = 100, .wrong = wrong}, 1);
        send_ok("offered again", 0);
        ck_assert_int_eq(tk_wait(&ev.request), STATUS_INVALID_PARAMETER);
        ck_assert_uint_eq(ev.count, 2);
        ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL, 13, 13);
    }
    tk_pair_close(&pair);
}

EV_TEST(ClientEventChainedReceive_over_TCP_that_turns_bytes_down_leaves_them_for_a_RECEIVE)
{
    open_with(TDI_EVENT_CHAINED_RECEIVE);
    ev_register(TDI_EVENT_RECEIVE);
    ev_answers(&(struct ev_answer){.status = STATUS_DATA_NOT_ACCEPTED}, 1);
    send_ok("turned down, ", 0);
    send_ok("behind", 0);
    ck_assert_uint_eq(ev.count, 1);
    ev_is(0, TDI_EVENT_CHAINED_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 13, 13);
    ck_assert_ptr_eq(ev.log[0].context, &pair.server);
    ck_assert_ptr_eq(ev.log[0].connection, &pair.there);
    ck_assert_ptr_nonnull(ev.log[0].descriptor);
    ck_assert_int_eq(memcmp(ev.log[0].bytes, "turned down, ", 13), 0);
    receive_is(TDI_RECEIVE_NORMAL, "turned down, behind");
    send_ok("told", 0);
    ev_is(1, TDI_EVENT_CHAINED_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 4, 4);
    tk_receive(&r2, &pair.there, room, 100, TDI_RECEIVE_NORMAL);
    send_ok("to the request", 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.count, 2);
    tk_pair_close(&pair);
}

// Expedited data of a stream is one byte, the last of the send; what stands before it is normal.
EV_TEST(ClientEventReceiveExpedited_over_TCP_is_told_the_urgent_byte_and_may_turn_it_down)
{
    open_with(TDI_EVENT_RECEIVE_EXPEDITED);
    ev_register(TDI_EVENT_RECEIVE);
    ev_answers(&(struct ev_answer){.status = STATUS_DATA_NOT_ACCEPTED}, 1);
    send_ok("!", TDI_SEND_EXPEDITED);
    ck_assert_uint_eq(ev.count, 1);
    ev_is(0, TDI_EVENT_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED, 1, 1);
    ck_assert_ptr_eq(ev.log[0].context, &pair.server);
    ck_assert_ptr_eq(ev.log[0].connection, &pair.there);
    ck_assert_int_eq(ev.log[0].bytes[0], '!');
    send_ok("plain", 0);
    ck_assert_uint_eq(ev.count, 2);
    ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL, 5, 5);
    receive_is(TDI_RECEIVE_EXPEDITED, "!");
    ev_answers(&(struct ev_answer){STATUS_MORE_PROCESSING_REQUIRED, 0, 10, TDI_RECEIVE_EXPEDITED}, 1);
    send_ok("?", TDI_SEND_EXPEDITED);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.request.iosb.Information, 1);
    ck_assert_int_eq(ev.room[0], '?');
    ev_answers(NULL, 0);
    send_ok("abc.", TDI_SEND_EXPEDITED);
    ck_assert_uint_eq(ev.count, 2);
    for (ULONG i = 0; i < 2; i++)
        if (ev.log[i].type == TDI_EVENT_RECEIVE_EXPEDITED)
            ck_assert_int_eq(ev.log[i].bytes[0], '.');
        else
            ck_assert_int_eq(memcmp(ev.log[i].bytes, "abc", 3), 0);
    ck_assert_int_ne(ev.log[0].type, ev.log[1].type);
    ev_unregister(TDI_EVENT_RECEIVE_EXPEDITED);
    ev_answers(NULL, 0);
    send_ok("!", TDI_SEND_EXPEDITED);
    ck_assert_uint_eq(ev.count, 1);
    ev_is(0, TDI_EVENT_RECEIVE, TDI_RECEIVE_EXPEDITED, 1, 1);
    tk_pair_close(&pair);
}

EV_TEST(ClientEventChainedReceiveExpedited_over_TCP_keeps_the_urgent_byte_or_takes_it_or_turns_it_down)
{
    static const struct ev_answer answers[] = {
        {STATUS_PENDING}, {STATUS_SUCCESS}, {STATUS_DATA_NOT_ACCEPTED}};
    open_with(TDI_EVENT_CHAINED_RECEIVE_EXPEDITED);
    ev_register(TDI_EVENT_CHAINED_RECEIVE);
    ev_answers(answers, ARRAYSIZE(answers));
    tk_send(&r1, &pair.here, "1", 1, TDI_SEND_EXPEDITED);
    tk_settle();
    ck_assert_uint_eq(ev.kept_count, 1);
    give_back_there();
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    send_ok("2", TDI_SEND_EXPEDITED);
    send_ok("3", TDI_SEND_EXPEDITED);
    ck_assert_uint_eq(ev.count, 3);
    for (ULONG i = 0; i < 3; i++) {
        ev_is(i, TDI_EVENT_CHAINED_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_ENTIRE_MESSAGE, 1, 1);
        ck_assert_int_eq(ev.log[i].bytes[0], '1' + (int)i);
    }
    receive_is(TDI_RECEIVE_EXPEDITED, "3");
    send_ok("plain", 0);
    ev_is(3, TDI_EVENT_CHAINED_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
    tk_pair_close(&pair);
}

// --- offers, disconnects, room -----------------------------------------------------------------------------------------------------

EV_TEST(ClientEventConnect_over_TCP_is_told_who_asks_and_accepts_only_with_a_request_that_can)
{
    static const struct ev_answer accepts = {.status = STATUS_MORE_PROCESSING_REQUIRED, .irp_bytes = 1};
    bool is_six = tn_net.place == TN_LOOP6 || tn_net.place == TN_TWO6;
    tk_pair_prepare(&pair, TN_DEVICE);
    ev_begin(&pair.server, &pair.there);
    ev_register(TDI_EVENT_CONNECT);
    ev_register(TDI_EVENT_RECEIVE);
    for (enum ev_wrong wrong = EV_WRONG_MINOR; wrong <= EV_WRONG_FILE; wrong++) {
        ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .irp_bytes = 1, .wrong = wrong}, 1);
        tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
        ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
        ck_assert_int_eq(tk_wait(&ev.request), STATUS_INVALID_PARAMETER);
    }
    ev_answers(&accepts, 1);
    ev.accept_data = NULL;                    // a stream carries none
    tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.count, 1);
    ck_assert_ptr_eq(ev.log[0].context, &pair.server);
    ck_assert_ptr_null(ev.log[0].irp_at_entry);
    ck_assert_int_eq(ev.log[0].source_bytes, is_six ? sizeof(TA_IP6_ADDRESS) : sizeof(TA_IP_ADDRESS));
    ck_assert_int_eq(ev.log[0].source.Address[0].AddressType, is_six ? TDI_ADDRESS_TYPE_IP6 : TDI_ADDRESS_TYPE_IP);
    ck_assert_int_eq(ev.log[0].data_bytes, 0);
    ck_assert_ptr_null(ev.log[0].data);
    ck_assert_int_eq(ev.log[0].options_bytes, 0);
    ck_assert_ptr_null(ev.log[0].options);
    send_ok("x", 0);
    ck_assert_ptr_eq(ev.log[1].connection, &ev);
    // Its endpoint is taken.
    ev_answers(&accepts, 1);
    tk_open_pair(&a, &other, TN_DEVICE, NULL);
    tk_connect(&r1, &other, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
    ck_assert_int_eq(tk_wait(&ev.request), TDI_INVALID_CONNECTION);
    tk_close_endpoint(&other);
    tk_close_address(&a);
    tk_pair_close(&pair);
}

EV_TEST(ClientEventDisconnect_over_TCP_says_RELEASE_or_ABORT_with_no_data_and_last)
{
    open_with(TDI_EVENT_DISCONNECT);
    ev_register(TDI_EVENT_RECEIVE);
    tk_send(&r1, &pair.here, "last", 4, 0);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -100000000);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 2);
    ev_is(0, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL, 4, 4);
    ck_assert_int_eq(ev.log[1].type, TDI_EVENT_DISCONNECT);
    ck_assert_uint_eq(ev.log[1].flags, TDI_DISCONNECT_RELEASE);
    ck_assert_ptr_eq(ev.log[1].context, &pair.server);
    ck_assert_ptr_eq(ev.log[1].connection, &pair.there);
    ck_assert_int_eq(ev.log[1].data_bytes, 0);
    ck_assert_ptr_null(ev.log[1].data);
    ck_assert_int_eq(ev.log[1].options_bytes, 0);
    ck_assert_ptr_null(ev.log[1].options);
    tk_disconnect(&r1, &pair.there, TDI_DISCONNECT_RELEASE, NULL, -100000000);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 2);
    tk_pair_connect(&pair);
    ev_answers(&(struct ev_answer){.status = STATUS_UNSUCCESSFUL}, 1);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 1);
    ck_assert_uint_eq(ev.log[0].flags, TDI_DISCONNECT_ABORT);
    tk_pair_close(&pair);
}

// tcpip has no TDI_SERVICE_INTERNAL_BUFFERING: nobody is sent away, and nobody called back.
EV_TEST(ClientEventSendPossible_over_TCP_never_comes_because_NON_BLOCKING_is_refused)
{
    tk_pair_open(&pair, TN_DEVICE);
    ev_begin(&pair.client, &pair.here);
    ev_register(TDI_EVENT_SEND_POSSIBLE);
    tk_send(&r1, &pair.here, "x", 1, TDI_SEND_NON_BLOCKING);
    ck_assert_int_eq(tk_wait(&r1), STATUS_NOT_SUPPORTED);
    send_ok("x", 0);
    ck_assert_uint_eq(ev.count, 0);
    tk_pair_close(&pair);
}

// --- datagrams ---------------------------------------------------------------------------------------------------------------------

static void
open_datagrams(LONG type)
{
    tk_open_address(&a, L"\\Device\\Udp", "127.0.0.1:700");
    tk_open_address(&b, L"\\Device\\Udp", "127.0.0.1:800");
    ev_begin(&b, NULL);
    ev_register(type);
}

static void
close_datagrams(void)
{
    tk_close_address(&a);
    tk_close_address(&b);
}

static void
tell(const void *bytes, ULONG count)
{
    tk_send_datagram(&r1, &a, "127.0.0.1:800", bytes, count);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
}

static void
is_from_a(ULONG i)
{
    const TA_IP_ADDRESS *source = (const TA_IP_ADDRESS *)&ev.log[i].source;
    ck_assert_ptr_eq(ev.log[i].context, &b);
    ck_assert_int_eq(ev.log[i].source_bytes, sizeof(TA_IP_ADDRESS));
    ck_assert_int_eq(source->Address[0].AddressType, TDI_ADDRESS_TYPE_IP);
    ck_assert_uint_eq(RtlUshortByteSwap(source->Address[0].Address[0].sin_port), 700);
    ck_assert_int_eq(ev.log[i].options_bytes, 0);
    ck_assert_ptr_null(ev.log[i].options);
}

TDI_TEST_SEEDS(2, ClientEventReceiveDatagram_over_UDP_takes_all_or_loses_the_rest_or_gives_a_request_for_it)
{
    static const struct ev_answer answers[] = {
        {STATUS_SUCCESS, EV_ALL}, {STATUS_DATA_NOT_ACCEPTED}, {STATUS_SUCCESS, 1}, {STATUS_MORE_PROCESSING_REQUIRED, 3, 100}};
    open_datagrams(TDI_EVENT_RECEIVE_DATAGRAM);
    ev_answers(answers, ARRAYSIZE(answers));
    tell("taken", 5);
    tell("lost", 4);
    tell("some", 4);
    tell("by request", 10);
    ck_assert_uint_eq(ev.count, 4);
    ev_is(0, TDI_EVENT_RECEIVE_DATAGRAM, TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
    is_from_a(0);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.request.iosb.Information, 7);
    ck_assert_int_eq(memcmp(ev.room, "request", 7), 0);
    tk_receive_datagram(&r2, &b, room, 100, NULL);
    tell("to the request", 14);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(r2.iosb.Information, 14);
    ck_assert_uint_eq(ev.count, 4);
    tell("", 0);
    ev_is(4, TDI_EVENT_RECEIVE_DATAGRAM, TDI_RECEIVE_ENTIRE_MESSAGE, 0, 0);
    close_datagrams();
}

TDI_TEST_SEEDS(2, ClientEventChainedReceiveDatagram_over_UDP_takes_it_or_keeps_it_or_it_is_lost)
{
    static const struct ev_answer answers[] = {
        {STATUS_SUCCESS}, {STATUS_PENDING}, {STATUS_DATA_NOT_ACCEPTED}};
    UCHAR got[8] = "";
    ULONG copied;
    open_datagrams(TDI_EVENT_CHAINED_RECEIVE_DATAGRAM);
    ev_answers(answers, ARRAYSIZE(answers));
    tell("taken", 5);
    tell("kept", 4);
    tell("lost", 4);
    ck_assert_uint_eq(ev.count, 3);
    ev_is(0, TDI_EVENT_CHAINED_RECEIVE_DATAGRAM, TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
    is_from_a(0);
    ck_assert_int_eq(memcmp(ev.log[0].bytes, "taken", 5), 0);
    ck_assert_uint_eq(ev.kept_count, 1);
    ck_assert_int_eq(TdiCopyMdlToBuffer(ev.log[1].mdl, ev.log[1].offset, got, 0, 4, &copied), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(got, "kept", 4), 0);
    close_datagrams();
    TdiReturnChainedReceives(ev.kept, 1);
}

static void
joins(void *arg)
{
    static const UCHAR group[8] = {239, 1, 2, 3};
    union {
        TCP_REQUEST_SET_INFORMATION_EX request;
        UCHAR bytes[64];
    } u = {.request = {.ID = {{CL_TL_ENTITY, 0}, INFO_CLASS_PROTOCOL, INFO_TYPE_ADDRESS_OBJECT, AO_OPTION_ADD_MCAST},
                       .BufferSize = sizeof group}};
    ULONG bytes = (ULONG)offsetof(TCP_REQUEST_SET_INFORMATION_EX, Buffer) + (ULONG)sizeof group;
    memcpy(u.bytes + offsetof(TCP_REQUEST_SET_INFORMATION_EX, Buffer), group, sizeof group);
    ck_assert_int_eq(tk_ioctl(b.file, IOCTL_TCP_SET_INFORMATION_EX, &u, bytes, NULL, 0, NULL), STATUS_SUCCESS);
}

// To all on the link, and to a group: the flags say so, of either handler.
static void
to_many(void)
{
    static const LONG types[] = {TDI_EVENT_RECEIVE_DATAGRAM, TDI_EVENT_CHAINED_RECEIVE_DATAGRAM};
    for (ULONG i = 0; i < ARRAYSIZE(types); i++) {
        LONG type = types[i];
        tk_open_address(&a, L"\\Device\\Udp", "10.0.0.1:700");
        tk_place.box = tk_place.there;
        tk_open_address(&b, L"\\Device\\Udp", "0.0.0.0:800");
        tk_place.box = NULL;
        ev_begin(&b, NULL);
        ev_register(type);
        tn_in_box(1, joins, NULL);
        tk_send_datagram(&r1, &a, "10.0.0.255:800", "to all", 6);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        tk_send_datagram(&r1, &a, "10.0.0.2:800", "to one", 6);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        tk_send_datagram(&r1, &a, "239.1.2.3:800", "to a group", 10);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        tk_settle();
        ck_assert_uint_eq(ev.count, 3);
        ev_is(0, type, TDI_RECEIVE_ENTIRE_MESSAGE | TDI_RECEIVE_BROADCAST, 6, 6);
        ev_is(1, type, TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
        ev_is(2, type, TDI_RECEIVE_ENTIRE_MESSAGE | TDI_RECEIVE_MULTICAST, 10, 10);
        close_datagrams();
    }
}
TEST_TIMEOUT(120, ClientEventReceiveDatagram_over_UDP_is_told_what_was_broadcast_and_what_multicast)
{
    tn_run(__func__, to_many, TN_TWO4, 0, 2);
}

// --- errors ------------------------------------------------------------------------------------------------------------------------

static void
errors_of(LONG type)
{
    tk_open_address(&a, L"\\Device\\Udp", "127.0.0.1:700");
    tk_open_address(&b, L"\\Device\\Udp", "127.0.0.1:800");
    ev_begin(&a, NULL);
    ev.buffer_bytes = sizeof(TA_IP_ADDRESS);
    ev_register(type);
    tk_set_handler_of(&b, type);
    for (int i = 0; i < 2; i++) {
        tk_send_datagram(&r1, &a, "127.0.0.1:9", "x", 1);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    }
    tk_settle();
    ck_assert_uint_eq(ev.count, 2);
    ck_assert_int_eq(b.errors + b.errors_ex, 0);     // what a datagram met is its address's business alone
    ck_assert_int_eq(ev.log[0].type, type);
    ck_assert_ptr_eq(ev.log[0].context, &a);
    ck_assert_int_eq(ev.log[0].status, TDI_DEST_PORT_UNREACH);
    ev_unregister(type);
    tk_send_datagram(&r1, &a, "127.0.0.1:9", "x", 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 2);
    close_datagrams();
}

TDI_TEST_SEEDS(2, ClientEventError_over_UDP_is_told_that_nobody_has_the_port)
{
    errors_of(TDI_EVENT_ERROR);
}

TDI_TEST_SEEDS(2, ClientEventErrorEx_over_UDP_is_told_that_nobody_has_the_port_and_which)
{
    errors_of(TDI_EVENT_ERROR_EX);
    TA_IP_ADDRESS where;
    memcpy(&where, ev.log[0].buffer, sizeof where);
    ck_assert_int_eq(where.TAAddressCount, 1);
    ck_assert_int_eq(where.Address[0].AddressType, TDI_ADDRESS_TYPE_IP);
    ck_assert_uint_eq(RtlUshortByteSwap(where.Address[0].Address[0].sin_port), 9);
    ck_assert_uint_eq(where.Address[0].Address[0].in_addr, 0x0100007f);
}
