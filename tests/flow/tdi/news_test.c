// SPDX-License-Identifier: MIT
// The other event handlers over tdimem, page by page: offers, disconnects, room to send, errors, datagrams.
// Pages: ff544257 ClientEventConnect, ff544258 -Disconnect, ff545263 -SendPossible, ff545256 -Error, ff545258 -ErrorEx,
// ff545261 -ReceiveDatagram, ff544245 -ChainedReceiveDatagram.
#include "events.h"

#include <string.h>

#include "../../../drivers/tdimem/tdimem.h"

static struct tk_pair pair;
static struct tk_address a, b;
static struct tk_endpoint other;
static struct tk_request r1, r2;
static UCHAR room[2048], big[MEM_WINDOW_BYTES];

// --- ClientEventConnect ------------------------------------------------------------------------------------------------------------

static void
prepare_with(LONG type)
{
    tk_pair_prepare(&pair, TK_MEM);
    ev_begin(&pair.server, &pair.there);
    ev_register(type);
}

static void
connect_ends(const char *data, NTSTATUS status)
{
    tk_connect(&r1, &pair.here, "server", data, 0);
    ck_assert_int_eq(tk_wait(&r1), status);
}

TDI_TEST_SEEDS(2, ClientEventConnect_is_told_who_asks_with_what_and_its_context_comes_with_later_events)
{
    static const struct ev_answer accepts = {.status = STATUS_MORE_PROCESSING_REQUIRED, .irp_bytes = 1};
    prepare_with(TDI_EVENT_CONNECT);
    ev_register(TDI_EVENT_RECEIVE);
    ev_register(TDI_EVENT_DISCONNECT);
    ev_answers(&accepts, 1);
    connect_ends("please", STATUS_SUCCESS);
    ck_assert_uint_eq(r1.back.UserDataLength, 7);
    ck_assert_int_eq(memcmp(r1.back_data, "welcome", 7), 0);    // from the accept request
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.count, 1);
    ck_assert_int_eq(ev.log[0].type, TDI_EVENT_CONNECT);
    ck_assert_ptr_eq(ev.log[0].context, &pair.server);
    ck_assert_ptr_null(ev.log[0].connection);
    ck_assert_ptr_null(ev.log[0].irp_at_entry);
    ck_assert_int_eq(ev.log[0].source_bytes, sizeof(TA_NETBIOS_ADDRESS));
    ck_assert_int_eq(ev.log[0].source.TAAddressCount, 1);
    ck_assert_int_eq(ev.log[0].source.Address[0].AddressType, TDI_ADDRESS_TYPE_NETBIOS);
    ck_assert_int_eq(ev.log[0].data_bytes, 6);
    ck_assert_int_eq(memcmp(ev.log[0].data_copy, "please", 6), 0);
    tk_send(&r1, &pair.here, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 3);
    ck_assert_ptr_eq(ev.log[1].connection, &ev);
    ck_assert_ptr_eq(ev.log[2].connection, &ev);
    ck_assert_int_eq(ev.log[0].options_bytes, sizeof(ULONG));   // tdimem's own
    ck_assert_ptr_nonnull(ev.log[0].options);
    // Without data there is no pointer.
    ev_answers(&accepts, 1);
    connect_ends(NULL, STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_int_eq(ev.log[0].data_bytes, 0);
    ck_assert_ptr_null(ev.log[0].data);
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventConnect_refuses_with_any_other_answer_and_with_requests_that_are_none)
{
    static const struct ev_answer refusals[] = {{STATUS_INSUFFICIENT_RESOURCES},
                                                {STATUS_CONNECTION_REFUSED},
                                                {STATUS_SUCCESS},
                                                {STATUS_PENDING},
                                                {STATUS_MORE_PROCESSING_REQUIRED}};
    prepare_with(TDI_EVENT_CONNECT);
    ev_answers(refusals, ARRAYSIZE(refusals));
    for (ULONG i = 0; i < ARRAYSIZE(refusals); i++)
        connect_ends(NULL, TDI_CONN_REFUSED);
    ck_assert_uint_eq(ev.count, ARRAYSIZE(refusals));
    for (enum ev_wrong wrong = EV_WRONG_MINOR; wrong <= EV_WRONG_FILE; wrong++) {
        ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .irp_bytes = 1, .wrong = wrong}, 1);
        connect_ends(NULL, TDI_CONN_REFUSED);
        ck_assert_int_eq(tk_wait(&ev.request), STATUS_INVALID_PARAMETER);
    }
    // A request that is good, with an answer that is not: it stays the client's.
    ev_answers(&(struct ev_answer){.status = STATUS_SUCCESS, .irp_bytes = 1}, 1);
    connect_ends(NULL, TDI_CONN_REFUSED);
    ck_assert_int_eq(ev.request.completions, 0);
    IoFreeIrp(ev.request.irp);
    // Nobody to ask.
    ev_unregister(TDI_EVENT_CONNECT);
    connect_ends(NULL, TDI_CONN_REFUSED);
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventConnect_that_accepts_with_an_endpoint_that_cannot_is_refused_and_has_its_request_back)
{
    static const struct ev_answer accepts = {.status = STATUS_MORE_PROCESSING_REQUIRED, .irp_bytes = 1};
    prepare_with(TDI_EVENT_CONNECT);
    ev_answers(&accepts, 1);
    connect_ends(NULL, STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    // It has a connection already.
    ev_answers(&accepts, 1);
    tk_open_pair(&a, &other, TK_MEM, NULL);
    tk_connect(&r1, &other, "server", NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
    ck_assert_int_eq(tk_wait(&ev.request), TDI_INVALID_CONNECTION);
    ck_assert_uint_eq(ev.count, 1);
    tk_send(&r1, &pair.here, "still there", 11, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    // It is another address's.
    ev_answers(&accepts, 1);
    ev.endpoint = &other;
    tk_disconnect(&r1, &pair.here, 0, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    connect_ends(NULL, TDI_CONN_REFUSED);
    ck_assert_int_eq(tk_wait(&ev.request), TDI_INVALID_CONNECTION);
    tk_close_endpoint(&other);
    tk_close_address(&a);
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventConnect_is_not_asked_while_a_LISTEN_waits_that_fits)
{
    prepare_with(TDI_EVENT_CONNECT);
    tk_listen(&r2, &pair.there, 0, NULL);
    connect_ends(NULL, STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.count, 0);
    tk_pair_close(&pair);
}

// --- ClientEventDisconnect ---------------------------------------------------------------------------------------------------------

static void
open_with(LONG type)
{
    tk_pair_open(&pair, TK_MEM);
    ev_begin(&pair.server, &pair.there);
    ev_register(type);
}

static void
disconnect(ULONG flags, const char *data)
{
    tk_disconnect(&r1, &pair.here, flags, data, -10000000);
    tk_settle();
}

TDI_TEST_SEEDS(2, ClientEventDisconnect_says_how_it_ends_with_what_the_peer_sent_once_and_last)
{
    open_with(TDI_EVENT_DISCONNECT);
    ev_register(TDI_EVENT_RECEIVE);
    tk_send(&r1, &pair.here, "last", 4, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    disconnect(TDI_DISCONNECT_RELEASE, "bye");
    ck_assert_uint_eq(ev.count, 2);
    ck_assert_int_eq(ev.log[0].type, TDI_EVENT_RECEIVE);
    ck_assert_int_eq(ev.log[1].type, TDI_EVENT_DISCONNECT);
    ck_assert_uint_eq(ev.log[1].flags, TDI_DISCONNECT_RELEASE);
    ck_assert_ptr_eq(ev.log[1].context, &pair.server);
    ck_assert_ptr_eq(ev.log[1].connection, &pair.there);
    ck_assert_int_eq(ev.log[1].data_bytes, 3);
    ck_assert_int_eq(memcmp(ev.log[1].data_copy, "bye", 3), 0);
    ck_assert_int_eq(ev.log[1].options_bytes, sizeof(ULONG));   // tdimem says why in its own way
    ck_assert_ptr_nonnull(ev.log[1].options);
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, -10000000);    // the answer to it ends both
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 2);
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventDisconnect_says_ABORT_and_its_answer_changes_nothing)
{
    static const NTSTATUS answers[] = {STATUS_SUCCESS, STATUS_UNSUCCESSFUL, STATUS_MORE_PROCESSING_REQUIRED};
    open_with(TDI_EVENT_DISCONNECT);
    for (ULONG i = 0; i < ARRAYSIZE(answers); i++) {
        ev_answers(&(struct ev_answer){.status = answers[i]}, 1);
        disconnect(i ? 0 : TDI_DISCONNECT_ABORT, NULL);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        ck_assert_uint_eq(ev.count, 1);
        ck_assert_uint_eq(ev.log[0].flags, TDI_DISCONNECT_ABORT);
        ck_assert_int_eq(ev.log[0].data_bytes, 0);
        ck_assert_ptr_null(ev.log[0].data);
        tk_receive(&r2, &pair.there, room, 10, 0);
        ck_assert_int_eq(tk_wait(&r2), TDI_INVALID_CONNECTION);  // it was told
        tk_pair_connect(&pair);                      // the endpoint can be used again
    }
    // Who ends it himself is not told.
    ev_answers(NULL, 0);
    tk_disconnect(&r1, &pair.there, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 0);
    tk_pair_close(&pair);
}

// --- ClientEventSendPossible -------------------------------------------------------------------------------------------------------

static void
drain(void)
{
    for (ULONG got = 0; got < sizeof big; got += (ULONG)r1.iosb.Information) {
        tk_receive(&r1, &pair.there, room, sizeof room, TDI_RECEIVE_NORMAL);
        ck_assert(tk_wait(&r1) == STATUS_SUCCESS || r1.iosb.Status == TDI_BUFFER_OVERFLOW);
    }
    tk_settle();
}

static void
send_now(const void *bytes, ULONG count, NTSTATUS status)
{
    tk_send(&r1, &pair.here, bytes, count, TDI_SEND_NON_BLOCKING);
    ck_assert_int_eq(tk_wait(&r1), status);
}

TDI_TEST_SEEDS(2, ClientEventSendPossible_comes_once_after_a_send_found_no_room_and_says_how_much_there_is)
{
    tk_pair_open(&pair, TK_MEM);
    ev_begin(&pair.client, &pair.here);
    ev_register(TDI_EVENT_SEND_POSSIBLE);
    send_now(big, sizeof big, STATUS_SUCCESS);
    drain();
    ck_assert_uint_eq(ev.count, 0);                  // nobody has been sent away
    for (int i = 0; i < 2; i++) {
        static const struct ev_answer any = {.status = STATUS_UNSUCCESSFUL};
        ev_answers(&any, 1);                         // the answer changes nothing
        send_now(big, sizeof big, STATUS_SUCCESS);
        send_now("a", 1, STATUS_DEVICE_NOT_READY);
        send_now("b", 1, STATUS_DEVICE_NOT_READY);
        ck_assert_uint_eq(ev.count, 0);
        drain();
        ck_assert_uint_eq(ev.count, 1);
        ck_assert_ptr_eq(ev.log[0].context, &pair.client);
        ck_assert_ptr_eq(ev.log[0].connection, &pair.here);
        ck_assert_uint_gt(ev.log[0].available, 0);
        ck_assert_uint_le(ev.log[0].available, MEM_WINDOW_BYTES);
    }
    // Not to one who has gone, and not after the last byte.
    ev_unregister(TDI_EVENT_SEND_POSSIBLE);
    ev_answers(NULL, 0);
    send_now(big, sizeof big, STATUS_SUCCESS);
    send_now("a", 1, STATUS_DEVICE_NOT_READY);
    drain();
    ck_assert_uint_eq(ev.count, 0);
    ev_register(TDI_EVENT_SEND_POSSIBLE);
    send_now(big, sizeof big, STATUS_SUCCESS);
    send_now("a", 1, STATUS_DEVICE_NOT_READY);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -100000000);
    drain();
    ck_assert_uint_eq(ev.count, 0);
    tk_pair_close(&pair);
    ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
}

// --- ClientEventError, ClientEventErrorEx -------------------------------------------------------------------------------------------

static void
goes_wrong(struct tk_address *address, NTSTATUS status)
{
    struct {
        TDI_ACTION_HEADER header;
        NTSTATUS status;
    } action = {{MEM_TRANSPORT_ID, MEM_ACTION_ERROR, 0}, status};
    tk_action(&r1, address->file, &action, sizeof action);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
}

static void
errors_of(LONG type)
{
    tk_open_address(&a, TK_MEM, "a");
    tk_open_address(&b, TK_MEM, "b");
    ev_begin(&a, NULL);
    ev_answers(&(struct ev_answer){.status = STATUS_UNSUCCESSFUL}, 1);   // changes nothing
    ev_register(type);
    tk_set_handler_of(&b, type);
    goes_wrong(&a, STATUS_NETWORK_UNREACHABLE);
    goes_wrong(&b, STATUS_INSUFFICIENT_RESOURCES);   // an error of the transport's: told at every address that depends on it
    ck_assert_uint_eq(ev.count, 2);
    ck_assert_int_eq(b.errors + b.errors_ex, 2);
    ck_assert_int_eq(ev.log[0].type, type);
    ck_assert_ptr_eq(ev.log[0].context, &a);
    ck_assert_int_eq(ev.log[0].status, STATUS_NETWORK_UNREACHABLE);
    ck_assert_int_eq(ev.log[1].status, STATUS_INSUFFICIENT_RESOURCES);
    ev_unregister(type);
    goes_wrong(&a, STATUS_NETWORK_UNREACHABLE);
    ck_assert_uint_eq(ev.count, 2);
    tk_close_address(&a);
    tk_close_address(&b);
}

TDI_TEST_SEEDS(2, ClientEventError_is_told_each_error_at_every_address)
{
    errors_of(TDI_EVENT_ERROR);
}

TDI_TEST_SEEDS(2, ClientEventErrorEx_is_told_each_error_at_every_address_instead_of_ClientEventError)
{
    errors_of(TDI_EVENT_ERROR_EX);
    ck_assert_ptr_null(ev.log[0].data);              // tdimem has nothing to add
    tk_open_address(&a, TK_MEM, "a");
    ev_begin(&a, NULL);
    ev_register(TDI_EVENT_ERROR);
    ev_register(TDI_EVENT_ERROR_EX);
    goes_wrong(&a, STATUS_NETWORK_UNREACHABLE);
    ck_assert_uint_eq(ev.count, 1);
    ck_assert_int_eq(ev.log[0].type, TDI_EVENT_ERROR_EX);
    tk_close_address(&a);
}

// --- datagrams ---------------------------------------------------------------------------------------------------------------------

static void
open_datagrams(LONG type)
{
    tk_open_address(&a, TK_MEM, "a");
    tk_open_address(&b, TK_MEM, "b");
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
    tk_send_datagram(&r1, &a, "b", bytes, count);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
}

static void
is_from_a(ULONG i)
{
    ck_assert_ptr_eq(ev.log[i].context, &b);
    ck_assert_int_eq(ev.log[i].source_bytes, sizeof(TA_NETBIOS_ADDRESS));
    ck_assert_int_eq(memcmp(((TA_NETBIOS_ADDRESS *)&ev.log[i].source)->Address[0].Address[0].NetbiosName, "a", 2), 0);
    ck_assert_int_eq(ev.log[i].options_bytes, 0);
    ck_assert_ptr_null(ev.log[i].options);
}

TDI_TEST_SEEDS(2, ClientEventReceiveDatagram_is_told_source_flags_and_sizes)
{
    open_datagrams(TDI_EVENT_RECEIVE_DATAGRAM);
    tell("whole", 5);
    ck_assert_uint_eq(ev.count, 1);
    ev_is(0, TDI_EVENT_RECEIVE_DATAGRAM, TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
    is_from_a(0);
    ck_assert_int_eq(memcmp(ev.log[0].bytes, "whole", 5), 0);
    ck_assert_ptr_null(ev.log[0].irp_at_entry);
    ck_assert_uint_eq(ev.log[0].taken_at_entry, 0);
    tell(big, 1000);
    ck_assert_uint_ge(ev.log[1].indicated, 128);
    ck_assert_uint_lt(ev.log[1].indicated, 1000);
    ev_is(1, TDI_EVENT_RECEIVE_DATAGRAM, 0, ev.log[1].indicated, 1000);
    tell("", 0);
    ev_is(2, TDI_EVENT_RECEIVE_DATAGRAM, TDI_RECEIVE_ENTIRE_MESSAGE, 0, 0);
    ck_assert_uint_eq(ev.count, 3);
    close_datagrams();
}

// What it does not want is lost: a datagram is offered once.
TDI_TEST_SEEDS(2, ClientEventReceiveDatagram_that_turns_one_down_is_told_the_next_and_a_request_gets_a_later_one)
{
    static const struct ev_answer answers[] = {
        {STATUS_DATA_NOT_ACCEPTED}, {STATUS_SUCCESS, 1}, {STATUS_MORE_PROCESSING_REQUIRED}, {STATUS_PENDING}};
    open_datagrams(TDI_EVENT_RECEIVE_DATAGRAM);
    ev_answers(answers, ARRAYSIZE(answers));
    for (ULONG i = 0; i < ARRAYSIZE(answers); i++) {
        tell("lost", 4);
        ck_assert_uint_eq(ev.count, i + 1);
    }
    tk_receive_datagram(&r2, &b, room, 100, NULL);
    tk_settle();
    ck_assert(!tk_is_done(&r2));
    tell("to the request", 14);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(r2.iosb.Information, 14);
    ck_assert_uint_eq(ev.count, ARRAYSIZE(answers));     // not called while a request waits
    close_datagrams();
}

TDI_TEST_SEEDS(2, ClientEventReceiveDatagram_that_gives_a_request_has_what_it_has_not_taken_in_there)
{
    open_datagrams(TDI_EVENT_RECEIVE_DATAGRAM);
    ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .taken = 3, .irp_bytes = 100}, 1);
    tell("by request", 10);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.request.iosb.Information, 7);
    ck_assert_int_eq(memcmp(ev.room, "request", 7), 0);
    ck_assert_int_eq(memcmp(ev.request.back_remote.Address[0].Address[0].NetbiosName, "a", 2), 0);
    ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .taken = 0, .irp_bytes = 4}, 1);
    tell("too long", 8);
    ck_assert_int_eq(tk_wait(&ev.request), TDI_BUFFER_OVERFLOW);
    ck_assert_int_eq(memcmp(ev.room, "too ", 4), 0);
    ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .taken = 0xFFFF, .irp_bytes = 4}, 1);
    tell("all of it", 9);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.request.iosb.Information, 0);
    for (enum ev_wrong wrong = EV_WRONG_MINOR; wrong <= EV_WRONG_LENGTH; wrong++) {
        if (wrong == EV_WRONG_FILE)
            continue;                                // there is no other file here
        ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .irp_bytes = 4, .wrong = wrong}, 1);
        tell("lost", 4);
        ck_assert_int_eq(tk_wait(&ev.request), STATUS_INVALID_PARAMETER);
    }
    close_datagrams();
}

TDI_TEST_SEEDS(2, ClientEventChainedReceiveDatagram_is_told_where_it_lies_and_takes_it_or_keeps_it_or_it_is_lost)
{
    static const struct ev_answer answers[] = {
        {STATUS_SUCCESS}, {STATUS_PENDING}, {STATUS_DATA_NOT_ACCEPTED}, {STATUS_PENDING}};
    UCHAR got[16] = "";
    ULONG copied;
    open_datagrams(TDI_EVENT_CHAINED_RECEIVE_DATAGRAM);
    ev_register(TDI_EVENT_RECEIVE_DATAGRAM);
    ev_answers(answers, ARRAYSIZE(answers));
    tell("taken", 5);
    tell("kept", 4);
    tell("lost", 4);
    tell(big, 1000);
    ck_assert_uint_eq(ev.count, 4);
    ev_is(0, TDI_EVENT_CHAINED_RECEIVE_DATAGRAM, TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
    ev_is(3, TDI_EVENT_CHAINED_RECEIVE_DATAGRAM, TDI_RECEIVE_ENTIRE_MESSAGE, 1000, 1000);
    is_from_a(0);
    ck_assert_uint_eq(ev.log[0].offset, 13);
    ck_assert_int_eq(memcmp(ev.log[0].bytes, "taken", 5), 0);
    ck_assert_uint_eq(ev.kept_count, 2);
    ck_assert_int_eq(TdiCopyMdlToBuffer(ev.log[1].mdl, ev.log[1].offset, got, 0, 4, &copied), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(got, "kept", 4), 0);
    tk_receive_datagram(&r2, &b, room, 100, NULL);
    tell("to the request", 14);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.count, 4);
    ev_unregister(TDI_EVENT_CHAINED_RECEIVE_DATAGRAM);
    tell("plain", 5);
    ev_is(4, TDI_EVENT_RECEIVE_DATAGRAM, TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
    close_datagrams();
    TdiReturnChainedReceives(ev.kept, 2);            // beyond the end of the address
}
