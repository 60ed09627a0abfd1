// SPDX-License-Identifier: MIT
// TDI_DISCONNECT over tdimem, statement by statement of its page (docs/contracts/tdi-disconnect.md) and row by row of the table in
// drivers/tdi_common/README.md.
#include "kit.h"

#include <string.h>

#include "../../../drivers/tdimem/tdimem.h"

static struct tk_pair pair;
static struct tk_request r1, r2, r3, r4;
static UCHAR room[8192];

static void
set_both(struct tk_pair *p)
{
    tk_set_handlers(&p->server);
    tk_set_handlers(&p->client);
}

// The four steps, with both clients looking.
TDI_TEST(TDI_DISCONNECT_RELEASE_is_staged_as_its_four_steps)
{
    tk_pair_open(&pair, TK_MEM);
    set_both(&pair);
    // 1: it can no longer send but still receives; what it had sent arrives, and its sends complete
    tk_send(&r1, &pair.here, "first", 5, 0);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, "bye", -600000000LL);
    ck_assert_int_eq(r2.returned, STATUS_PENDING);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.iosb.Information, 5);
    tk_send(&r1, &pair.here, "late", 4, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    // 2: the remote client is told after the data, and can still send
    ck_assert(tk_event_wait(&pair.there.disconnected, 5000));
    ck_assert_uint_eq(pair.there.stream_bytes, 5);
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_RELEASE);
    ck_assert_int_eq(pair.there.disconnect_bytes, 3);
    ck_assert_int_eq(memcmp(pair.there.disconnect_data, "bye", 3), 0);
    ck_assert_uint_eq(pair.there.disconnect_why, TDIMEM_RELEASES);
    tk_receive(&r3, &pair.there, room, sizeof(room), TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r3), TDI_GRACEFUL_DISC);
    tk_send(&r3, &pair.there, "answer", 6, 0);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(pair.here.stream_bytes, 6);
    ck_assert_int_eq(memcmp(pair.here.stream, "answer", 6), 0);
    ck_assert(!tk_is_done(&r2));
    // 3: it confirms; its sends complete before
    tk_send(&r3, &pair.there, "last", 4, 0);
    tk_disconnect(&r4, &pair.there, TDI_DISCONNECT_RELEASE, "too", 1);
    ck_assert_int_eq(tk_wait(&r4), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_lt(r3.order, r4.order);
    // 4: and so ends the first; the data of the peer's disconnect came back with it, and no event said it again
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(pair.here.stream_bytes, 10);
    ck_assert_int_eq(r2.back.UserDataLength, 3);
    ck_assert_int_eq(memcmp(r2.back_data, "too", 3), 0);
    ck_assert_uint_eq(r2.back_options, TDIMEM_RELEASES);
    ck_assert_int_eq(pair.here.disconnects, 0);
    ck_assert_int_eq(pair.there.disconnects, 1);
    // the endpoints are valid and can be used again
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_tells_a_client_without_handler_by_an_outstanding_request)
{
    tk_pair_open(&pair, TK_MEM);
    tk_receive(&r1, &pair.there, room, sizeof(room), TDI_RECEIVE_NORMAL);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    ck_assert_int_eq(tk_wait(&r1), TDI_GRACEFUL_DISC);
    ck_assert_uint_eq(r1.iosb.Information, 0);
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_ABORT_closes_at_once_and_cancels_what_is_outstanding)
{
    static UCHAR big[MEM_WINDOW_BYTES];
    tk_pair_open(&pair, TK_MEM);
    set_both(&pair);
    pair.server.mode = TK_TAKE_NONE;
    tk_send(&r1, &pair.here, big, sizeof(big), 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_send(&r1, &pair.here, "stuck", 5, 0);          // the peer's window is full
    tk_receive(&r2, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
    tk_disconnect(&r3, &pair.here, TDI_DISCONNECT_ABORT, "gone", 1);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_ABORTED);
    ck_assert_int_lt(r1.order, r3.order);
    tk_send(&r1, &pair.here, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_receive(&r1, &pair.here, room, 1, TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    ck_assert(tk_event_wait(&pair.there.disconnected, 5000));
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_ABORT);
    ck_assert_int_eq(memcmp(pair.there.disconnect_data, "gone", 4), 0);
    ck_assert_uint_eq(pair.there.disconnect_why, TDIMEM_ABORTS);
    ck_assert_int_eq(pair.here.disconnects, 0);
    pair.server.mode = TK_TAKE_ALL;
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_with_flags_zero_or_WAIT_does_the_same_as_ABORT)
{
    static const ULONG flags[] = {0, TDI_DISCONNECT_WAIT, TDI_DISCONNECT_ABORT, TDI_DISCONNECT_ABORT | TDI_DISCONNECT_RELEASE};
    tk_pair_open(&pair, TK_MEM);
    set_both(&pair);
    for (ULONG i = 0; i < ARRAYSIZE(flags); i++) {
        if (i)
            tk_pair_connect(&pair);
        tk_receive(&r1, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
        tk_disconnect(&r2, &pair.here, flags[i], NULL, 1);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
        ck_assert(tk_event_wait(&pair.there.disconnected, 5000));
        ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_ABORT);
    }
    tk_disconnect(&r1, &pair.here, 8, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_INVALID_PARAMETER);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_ABORT_overtakes_a_pending_RELEASE)
{
    tk_pair_open(&pair, TK_MEM);
    set_both(&pair);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    ck_assert(tk_event_wait(&pair.there.disconnected, 5000));
    ck_assert(!tk_is_done(&r1));
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    tk_settle();
    ck_assert_int_eq(pair.there.disconnects, 1);      // the event is the last one: the abort is told by a request
    tk_send(&r3, &pair.there, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r3), TDI_CONNECTION_RESET);
    tk_send(&r3, &pair.there, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r3), TDI_INVALID_CONNECTION);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_RELEASE_is_ended_by_a_reset_of_the_peer)
{
    tk_pair_open(&pair, TK_MEM);
    set_both(&pair);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    tk_receive(&r2, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
    ck_assert(tk_event_wait(&pair.there.disconnected, 5000));
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_ABORT, "no", 1);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_RESET);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_RESET);
    ck_assert(tk_event_wait(&pair.here.disconnected, 5000));
    ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_ABORT);
    ck_assert_int_eq(memcmp(pair.here.disconnect_data, "no", 2), 0);
    ck_assert_int_gt(pair.here.disconnect_order, r1.order);
    ck_assert_int_gt(pair.here.disconnect_order, r2.order);
    tk_pair_close(&pair);
}

// An explicit time-out, no time-out at all ("usually something less than one second"), one of 0.
TDI_TEST(TDI_DISCONNECT_RELEASE_times_out_and_leaves_the_connection_half_closed)
{
    static const struct {
        LONGLONG timeout, least_ms, most_ms;
    } cases[] = {{-30000000LL, 3000, 3100}, {1, 100, 999}, {0, 0, 50}};
    for (ULONG i = 0; i < ARRAYSIZE(cases); i++) {
        tk_pair_open(&pair, TK_MEM);
        set_both(&pair);
        ULONGLONG before = KeQueryInterruptTime();
        tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, cases[i].timeout);
        ck_assert_int_eq(tk_wait(&r1), TDI_TIMED_OUT);
        LONGLONG took_ms = (LONGLONG)(KeQueryInterruptTime() - before) / 10000;
        ck_assert_int_ge(took_ms, cases[i].least_ms);
        ck_assert_int_le(took_ms, cases[i].most_ms);
        // half closed: it still receives, the peer still sends, and the peer's release is told by the event now
        tk_send(&r2, &pair.there, "still", 5, 0);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        tk_settle();
        ck_assert_uint_eq(pair.here.stream_bytes, 5);
        tk_send(&r2, &pair.here, "x", 1, 0);
        ck_assert_int_eq(tk_wait(&r2), TDI_INVALID_CONNECTION);
        tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, 1);
        ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
        ck_assert(tk_event_wait(&pair.here.disconnected, 5000));
        ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_RELEASE);
        tk_settle();
        tk_pair_connect(&pair);
        tk_pair_close(&pair);
    }
}

TDI_TEST(TDI_DISCONNECT_RELEASE_can_be_asked_again_after_it_timed_out_but_not_while_it_pends)
{
    tk_pair_open(&pair, TK_MEM);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), TDI_TIMED_OUT);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    ck_assert_int_eq(tk_wait(&r2), TDI_INVALID_CONNECTION);
    ck_assert(!tk_is_done(&r1));
    tk_disconnect(&r3, &pair.there, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_takes_only_relative_timeouts)
{
    tk_pair_open(&pair, TK_MEM);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, 5);
    ck_assert_int_eq(tk_wait(&r1), STATUS_INVALID_PARAMETER);
    tk_send(&r1, &pair.here, "x", 1, 0);              // nothing has happened
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_RELEASE_can_be_cancelled_and_leaves_the_connection_half_closed)
{
    tk_pair_open(&pair, TK_MEM);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    ck_assert_int_eq(IoCancelIrp(r1.irp), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_send(&r2, &pair.there, "still", 5, 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    tk_receive(&r2, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(r2.iosb.Information, 5);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_of_an_endpoint_without_connection_is_refused)
{
    tk_pair_open(&pair, TK_MEM);
    tk_disconnect(&r1, &pair.here, 0, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_pair_close(&pair);
}

// The peer has nobody to tell: its next request is told, once.
TDI_TEST(TDI_DISCONNECT_that_nobody_could_be_told_fails_the_next_request)
{
    tk_pair_open(&pair, TK_MEM);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    tk_receive(&r1, &pair.there, room, 10, TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_RESET);
    tk_receive(&r1, &pair.there, room, 10, TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_data_longer_than_the_transport_carries_is_refused_before_anything_happens)
{
    static char much[MEM_USER_DATA_BYTES + 1];
    memset(much, 'x', sizeof(much));
    much[MEM_USER_DATA_BYTES] = 0;
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.server);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, much, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert(tk_event_wait(&pair.there.disconnected, 5000));
    ck_assert_int_eq(pair.there.disconnect_bytes, MEM_USER_DATA_BYTES);
    tk_pair_connect(&pair);
    PIRP irp = IoAllocateIrp(pair.here.device->StackSize, FALSE);
    TDI_CONNECTION_INFORMATION info = {.UserData = room, .UserDataLength = MEM_USER_DATA_BYTES + 1};
    TdiBuildDisconnect(irp, pair.here.device, pair.here.file, NULL, NULL, NULL, TDI_DISCONNECT_ABORT, &info, NULL);
    IoFreeIrp(irp);
    tk_send(&r1, &pair.here, "x", 1, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_pair_close(&pair);
}

// ---- offers ---------------------------------------------------------------------------------------------------------------------

TDI_TEST(TDI_DISCONNECT_rejects_an_offer_that_a_LISTEN_with_QUERY_ACCEPT_got)
{
    static const ULONG flags[] = {0, TDI_DISCONNECT_ABORT, TDI_DISCONNECT_RELEASE};
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, "caller");
    for (ULONG i = 0; i < ARRAYSIZE(flags); i++) {
        tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
        tk_connect(&r2, &pair.here, "server", "knock", 0);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        ck_assert_int_eq(r1.back.UserDataLength, 5);
        ck_assert_int_eq(memcmp(r1.back_data, "knock", 5), 0);
        ck_assert_int_eq(memcmp(r1.back_remote.Address[0].Address[0].NetbiosName, "caller", 7), 0);
        ck_assert(!tk_is_done(&r2));
        tk_disconnect(&r3, &pair.there, flags[i], "busy", 1);
        ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r2), TDI_CONN_REFUSED);
        ck_assert_int_eq(r2.back.UserDataLength, 4);
        ck_assert_int_eq(memcmp(r2.back_data, "busy", 4), 0);
    }
    tk_accept(&r3, &pair.there, NULL);                // too late
    ck_assert_int_eq(tk_wait(&r3), TDI_INVALID_CONNECTION);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

TDI_TEST(ClientEventConnect_that_returns_anything_but_MORE_PROCESSING_REQUIRED_refuses)
{
    static const NTSTATUS answers[] = {STATUS_SUCCESS, STATUS_INSUFFICIENT_RESOURCES, STATUS_CONNECTION_REFUSED};
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, NULL);
    tk_set_handlers(&pair.server);
    for (ULONG i = 0; i < ARRAYSIZE(answers); i++) {
        pair.server.refusal = answers[i];
        tk_connect(&r1, &pair.here, "server", NULL, 0);
        ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
        ck_assert_int_eq(pair.server.offers, (LONG)i + 1);
    }
    tk_pair_close(&pair);
}

// Accepted from the handler, and refused while the acceptance is on its way (or just after: then it is an abort).
TDI_TEST_SEEDS(40, TDI_DISCONNECT_refuses_an_offer_that_was_accepted_and_not_yet_answered)
{
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, NULL);
    tk_set_handlers(&pair.server);
    pair.server.accepts = &pair.there;
    tk_connect(&r1, &pair.here, "server", NULL, 0);
    while (!pair.server.offers)
        KeStallExecutionProcessor(1);
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_ABORT, NULL, 1);
    NTSTATUS disconnected = tk_wait(&r2);
    if (disconnected == STATUS_SUCCESS) {
        NTSTATUS accepted = tk_wait(&pair.server.accept), connected = tk_wait(&r1);
        ck_assert(accepted == TDI_CONNECTION_ABORTED || accepted == STATUS_SUCCESS);
        ck_assert(connected == TDI_CONN_REFUSED || connected == TDI_CONNECTION_RESET || connected == STATUS_SUCCESS);
        ck_assert(accepted == STATUS_SUCCESS || connected != STATUS_SUCCESS || accepted == TDI_CONNECTION_ABORTED);
    } else {
        ck_assert_int_eq(disconnected, TDI_INVALID_CONNECTION);   // before the handler's answer was looked at
        ck_assert_int_eq(tk_wait(&pair.server.accept), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    }
    tk_pair_close(&pair);
}

TDI_TEST(an_offer_that_nobody_answers_expires_and_the_late_ACCEPT_fails)
{
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, NULL);
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, "server", NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), TDI_TIMED_OUT);
    tk_settle();
    tk_accept(&r3, &pair.there, NULL);
    ck_assert_int_eq(tk_wait(&r3), TDI_INVALID_CONNECTION);
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

// ---- transports without controlled disconnects ----------------------------------------------------------------------------------

TDI_TEST(TDI_DISCONNECT_of_a_transport_without_ORDERLY_RELEASE_terminates_at_once_whatever_the_flags)
{
    tk_pair_open(&pair, TK_ABRUPT);
    set_both(&pair);
    tk_receive(&r1, &pair.here, room, sizeof(room), TDI_RECEIVE_NORMAL);
    tk_disconnect(&r2, &pair.here, TDI_DISCONNECT_RELEASE, "cut", 1);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);    // without the peer's confirmation
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    ck_assert(tk_event_wait(&pair.there.disconnected, 5000));
    ck_assert_uint_eq(pair.there.disconnect_flags, TDI_DISCONNECT_ABORT);
    ck_assert_int_eq(memcmp(pair.there.disconnect_data, "cut", 3), 0);
    tk_pair_close(&pair);
}

// ---- what comes back ------------------------------------------------------------------------------------------------------------

// A client that gives no buffer gets a pointer to the transport's copy, which holds until the endpoint is used again.
TDI_TEST(ReturnConnectionInformation_without_buffers_lends_the_peers_data_until_the_next_CONNECT)
{
    tk_pair_open(&pair, TK_MEM);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, "one", -600000000LL);
    KEVENT done;
    IO_STATUS_BLOCK iosb;
    TDI_CONNECTION_INFORMATION back = {0};
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    PIRP irp = TdiBuildInternalDeviceControlIrp(TDI_DISCONNECT, pair.there.device, pair.there.file, &done, &iosb);
    TdiBuildDisconnect(irp, pair.there.device, pair.there.file, NULL, NULL, NULL, TDI_DISCONNECT_RELEASE, NULL, &back);
    IoCallDriver(pair.there.device, irp);
    ck_assert(tk_event_wait(&done, 5000));
    ck_assert_int_eq(iosb.Status, STATUS_SUCCESS);
    ck_assert_int_eq(back.UserDataLength, 3);
    ck_assert_int_eq(memcmp(back.UserData, "one", 3), 0);
    ck_assert_int_eq(back.OptionsLength, sizeof(ULONG));
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(back.UserData, "one", 3), 0);
    tk_pair_close(&pair);
}

TDI_TEST(ClientEventDisconnect_may_use_its_endpoint_again)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.server);
    pair.there.reuse = &pair.there;
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert(tk_event_wait(&pair.there.disconnected, 5000));
    ck_assert_int_eq(pair.there.listen.returned, STATUS_PENDING);
    tk_connect(&r1, &pair.here, "server", NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&pair.there.listen), STATUS_SUCCESS);
    pair.there.reuse = NULL;
    tk_pair_close(&pair);
}

TDI_TEST(TDI_DISCONNECT_ends_what_has_not_begun)
{
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, NULL);
    tk_listen(&r1, &pair.there, 0, NULL);
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, 1);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), TDI_CONNECTION_ABORTED);
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, "server", NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_disconnect(&r3, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r3), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r2), TDI_CONNECTION_ABORTED);
    tk_settle();
    tk_accept(&r3, &pair.there, NULL);
    ck_assert_int_eq(tk_wait(&r3), TDI_INVALID_CONNECTION);
    tk_pair_close(&pair);
}

// Its data is on its way down, without the lock, when the abort brings its own [a race of the two on OS threads].
static struct tk_request race_release, race_abort;

static VOID NTAPI
release_it(PVOID context)
{
    tk_disconnect(&race_release, &pair.here, TDI_DISCONNECT_RELEASE, "released with this", -100000000);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
release_against_abort(void)
{
    HANDLE thread;
    PVOID object;
    tk_pair_open(&pair, TK_MEM);
    tk_set_handler_of(&pair.server, TDI_EVENT_DISCONNECT);
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, release_it, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(thread, 0, NULL, KernelMode, &object, NULL), STATUS_SUCCESS);
    tk_disconnect(&race_abort, &pair.here, TDI_DISCONNECT_ABORT, "aborted with this", 1);
    KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(object);
    ZwClose(thread);
    ck_assert_int_eq(tk_wait(&race_abort), STATUS_SUCCESS);
    tk_wait(&race_release);
    ck_assert(tk_disconnected(&pair.there, TK_WAIT_MS));
    const char *said = pair.there.disconnect_flags == TDI_DISCONNECT_RELEASE ? "released with this" : "aborted with this";
    ck_assert_int_eq(pair.there.disconnect_bytes, (LONG)strlen(said));
    ck_assert_int_eq(memcmp(pair.there.disconnect_data, said, strlen(said)), 0);
    tk_pair_close(&pair);
}

TEST_TIMEOUT(120, TDI_DISCONNECT_data_is_that_of_its_own_request_when_an_ABORT_meets_a_RELEASE_under_100_seeds)
{
    tk_run(__func__, release_against_abort, 100);
}
