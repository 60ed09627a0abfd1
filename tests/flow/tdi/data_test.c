// SPDX-License-Identifier: MIT
// Data over tdimem: messages into RECEIVEs and to handlers, kept buffers, expedited data, windows, MDL chains, cancelling.
#include "kit.h"

#include <string.h>

#include "../../../drivers/tdimem/tdimem.h"

static struct tk_pair pair;
static struct tk_request r1, r2, r3;
static UCHAR room[8192], big[MEM_WINDOW_BYTES];

static void
send_ok(struct tk_endpoint *from, const char *text, ULONG flags)
{
    struct tk_request r;
    tk_send(&r, from, text, (ULONG)strlen(text), flags);
    ck_assert_int_eq(tk_wait(&r), STATUS_SUCCESS);
    ck_assert_uint_eq(r.iosb.Information, strlen(text));
}

static void
receive_is(struct tk_endpoint *at, ULONG bytes, ULONG flags, NTSTATUS status, const char *text)
{
    struct tk_request r;
    memset(room, 0, sizeof(room));
    tk_receive(&r, at, room, bytes, flags);
    ck_assert_int_eq(tk_wait(&r), status);
    ck_assert_uint_eq(r.iosb.Information, strlen(text));
    ck_assert_int_eq(memcmp(room, text, strlen(text)), 0);
}

TDI_TEST(TDI_RECEIVE_gives_one_message_after_the_other_and_the_rest_of_a_long_one_with_the_next)
{
    tk_pair_open(&pair, TK_MEM);
    send_ok(&pair.here, "one", 0);
    send_ok(&pair.here, "message two", 0);
    receive_is(&pair.there, 100, TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "one");
    receive_is(&pair.there, 7, TDI_RECEIVE_NORMAL | TDI_RECEIVE_PEEK, TDI_BUFFER_OVERFLOW, "message");
    receive_is(&pair.there, 7, TDI_RECEIVE_NORMAL, TDI_BUFFER_OVERFLOW, "message");
    receive_is(&pair.there, 100, 0, STATUS_SUCCESS, " two");
    tk_receive(&r1, &pair.there, room, 100, TDI_RECEIVE_NORMAL);   // before its message
    ck_assert_int_eq(r1.returned, STATUS_PENDING);
    send_ok(&pair.here, "three", 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.iosb.Information, 5);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_SEND_PARTIAL_goes_on_with_the_same_message)
{
    tk_pair_open(&pair, TK_MEM);
    send_ok(&pair.here, "half", TDI_SEND_PARTIAL);
    tk_receive(&r1, &pair.there, room, 100, TDI_RECEIVE_NORMAL);
    tk_settle();
    ck_assert(!tk_is_done(&r1));
    send_ok(&pair.here, " whole", 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(r1.iosb.Information, 10);
    ck_assert_int_eq(memcmp(room, "half whole", 10), 0);
    tk_send(&r1, &pair.here, NULL, 0, 0);   // a message of nothing is a message
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    receive_is(&pair.there, 10, TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "");
    tk_pair_close(&pair);
}

TDI_TEST(TDI_SEND_and_TDI_RECEIVE_take_MDL_chains)
{
    static const ULONG pieces[] = {1, 700, 33};
    tk_pair_open(&pair, TK_MEM);
    for (ULONG i = 0; i < 734; i++)
        big[i] = (UCHAR)(i * 7);
    PIRP irps[2];
    KEVENT done[2];
    IO_STATUS_BLOCK iosb[2];
    UCHAR *bytes[2] = {big, room};
    struct tk_endpoint *ends[2] = {&pair.here, &pair.there};
    memset(room, 0, sizeof(room));
    for (int k = 1; k >= 0; k--) {
        PMDL first = NULL, *link = &first;
        ULONG at = 0;
        for (ULONG i = 0; i < 3; i++, link = &(*link)->Next) {
            ULONG piece = pieces[k ? 2 - i : i];
            *link = IoAllocateMdl(bytes[k] + at, piece, FALSE, FALSE, NULL);
            MmBuildMdlForNonPagedPool(*link);
            at += piece;
        }
        KeInitializeEvent(&done[k], NotificationEvent, FALSE);
        irps[k] = TdiBuildInternalDeviceControlIrp(TDI_SEND, ends[k]->device, ends[k]->file, &done[k], &iosb[k]);
        if (k) {
            TdiBuildReceive(irps[k], ends[k]->device, ends[k]->file, NULL, NULL, first, TDI_RECEIVE_NORMAL, 734);
        } else {
            TdiBuildSend(irps[k], ends[k]->device, ends[k]->file, NULL, NULL, first, 0, 734);
        }
        ck_assert(NT_SUCCESS(IoCallDriver(ends[k]->device, irps[k])));
    }
    for (int k = 0; k < 2; k++) {
        ck_assert(tk_event_wait(&done[k], 5000));
        ck_assert_int_eq(iosb[k].Status, STATUS_SUCCESS);
        ck_assert_uint_eq(iosb[k].Information, 734);
    }
    ck_assert_int_eq(memcmp(room, big, 734), 0);
    tk_pair_close(&pair);
}

TDI_TEST(TDI_SEND_refuses_what_is_wrong_with_it)
{
    tk_pair_open(&pair, TK_MEM);
    static const struct {
        ULONG flags;
        NTSTATUS status;
    } cases[] = {{0x4000, STATUS_INVALID_PARAMETER}, {TDI_SEND_AND_DISCONNECT, STATUS_NOT_SUPPORTED}};
    for (ULONG i = 0; i < ARRAYSIZE(cases); i++) {
        tk_send(&r1, &pair.here, "x", 1, cases[i].flags);
        ck_assert_int_eq(tk_wait(&r1), cases[i].status);
    }
    tk_receive(&r1, &pair.here, room, 10, 0x4000);
    ck_assert_int_eq(tk_wait(&r1), STATUS_INVALID_PARAMETER);
    tk_pair_close(&pair);
}

// ---- handlers -------------------------------------------------------------------------------------------------------------------

TDI_TEST(ClientEventReceive_takes_all_or_nothing_or_some_and_what_is_left_waits_for_a_RECEIVE)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.server);
    send_ok(&pair.here, "taken", 0);
    tk_settle();
    ck_assert_uint_eq(pair.there.stream_bytes, 5);
    ck_assert(pair.there.last_flags & TDI_RECEIVE_ENTIRE_MESSAGE);
    ck_assert(pair.there.last_flags & TDI_RECEIVE_NORMAL);
    pair.server.mode = TK_TAKE_NONE;
    send_ok(&pair.here, "turned down", 0);
    send_ok(&pair.here, "not even told", 0);
    tk_settle();
    ck_assert_int_eq(pair.there.receives, 2);
    receive_is(&pair.there, 100, TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "turned down");
    tk_settle();
    ck_assert_int_eq(pair.there.receives, 3);   // now it is told of the next, and does not want it either
    pair.server.mode = TK_TAKE_TWO;
    receive_is(&pair.there, 100, TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "not even told");
    send_ok(&pair.here, "xyz", 0);
    tk_settle();
    ck_assert_uint_eq(pair.there.stream_bytes, 7);
    receive_is(&pair.there, 100, TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "z");
    tk_pair_close(&pair);
}

TDI_TEST(ClientEventReceive_may_give_a_RECEIVE_for_the_data)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.server);
    pair.server.mode = TK_TAKE_WITH_IRP;
    send_ok(&pair.here, "by irp", 0);
    ck_assert(tk_event_wait(&pair.there.received, 5000));
    ck_assert_int_eq(tk_wait(&pair.server.receive), STATUS_SUCCESS);
    ck_assert_uint_eq(pair.server.receive.iosb.Information, 6);
    ck_assert_int_eq(memcmp(pair.server.receive_room, "by irp", 6), 0);
    ck_assert_uint_eq(pair.there.stream_bytes, 0);
    send_ok(&pair.here, "again", 0);
    tk_settle();
    ck_assert_uint_eq(pair.there.stream_bytes, 5);
    tk_pair_close(&pair);
}

TDI_TEST(ClientEventReceive_is_not_called_while_a_RECEIVE_waits)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.server);
    tk_receive(&r1, &pair.there, room, 100, TDI_RECEIVE_NORMAL);
    send_ok(&pair.here, "to the request", 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(pair.there.receives, 0);
    ck_assert_int_eq(tk_set_handler(&pair.server, TDI_EVENT_RECEIVE, NULL), STATUS_SUCCESS);
    send_ok(&pair.here, "waits", 0);
    tk_settle();
    ck_assert_int_eq(pair.there.receives, 0);
    receive_is(&pair.there, 100, TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "waits");
    tk_pair_close(&pair);
}

TDI_TEST(ClientEventReceive_gets_at_least_128_bytes_in_one_piece_if_there_are_as_many)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.server);
    for (ULONG bytes = 1; bytes < 2000; bytes = bytes * 3 + 1) {
        for (ULONG i = 0; i < bytes; i++)
            big[i] = (UCHAR)(i + bytes);
        pair.there.stream_bytes = 0;
        tk_send(&r1, &pair.here, big, bytes, 0);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        tk_settle();
        ck_assert_uint_eq(pair.there.stream_bytes, bytes);   // on_receive checks the sizes
        ck_assert_int_eq(memcmp(pair.there.stream, big, bytes), 0);
    }
    tk_pair_close(&pair);
}

TDI_TEST(ClientEventChainedReceive_may_keep_the_buffers_until_TdiReturnChainedReceives)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.server);
    tk_set_handler_of(&pair.server, TDI_EVENT_CHAINED_RECEIVE);
    send_ok(&pair.here, "copied at once", 0);
    tk_settle();
    ck_assert_int_eq(pair.server.chained, 1);
    pair.server.keeps = true;
    for (int i = 0; i < 5; i++)
        send_ok(&pair.here, "kept", 0);
    tk_settle();
    ck_assert_int_eq(pair.server.kept_count, 5);
    ck_assert_int_eq(pair.there.receives, 0);
    ck_assert_uint_eq(pair.there.stream_bytes, 14 + 5 * 4);
    tk_disconnect(&r1, &pair.here, 0, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_pair_close(&pair);
    TdiReturnChainedReceives(pair.server.kept, 2);   // they outlive everything
    TdiReturnChainedReceives(pair.server.kept + 2, 3);
}

// ---- expedited data -------------------------------------------------------------------------------------------------------------

TDI_TEST(expedited_data_passes_normal_data_that_waits)
{
    tk_pair_open(&pair, TK_MEM);
    tk_send(&r1, &pair.here, big, sizeof(big), 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_send(&r1, &pair.here, "behind", 6, 0);
    send_ok(&pair.here, "now!", TDI_SEND_EXPEDITED);
    ck_assert(!tk_is_done(&r1));
    receive_is(&pair.there, 100, TDI_RECEIVE_EXPEDITED, STATUS_SUCCESS, "now!");
    tk_receive(&r2, &pair.there, room, sizeof(room), TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r2), TDI_BUFFER_OVERFLOW);
    tk_receive(&r2, &pair.there, room, sizeof(room), TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    receive_is(&pair.there, 100, 0, STATUS_SUCCESS, "behind");
    tk_pair_close(&pair);
}

TDI_TEST(expedited_data_goes_to_its_own_handlers_or_to_the_normal_ones)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handlers(&pair.server);
    send_ok(&pair.here, "a", TDI_SEND_EXPEDITED);
    tk_settle();
    ck_assert_int_eq(pair.there.expedited, 1);   // ClientEventReceive with TDI_RECEIVE_EXPEDITED
    ck_assert(pair.there.last_flags & TDI_RECEIVE_EXPEDITED);
    ck_assert(!(pair.there.last_flags & TDI_RECEIVE_NORMAL));
    tk_set_handler_of(&pair.server, TDI_EVENT_RECEIVE_EXPEDITED);
    send_ok(&pair.here, "b", TDI_SEND_EXPEDITED);
    tk_settle();
    ck_assert_int_eq(pair.there.expedited, 2);
    tk_set_handler_of(&pair.server, TDI_EVENT_CHAINED_RECEIVE_EXPEDITED);
    send_ok(&pair.here, "c", TDI_SEND_EXPEDITED);
    tk_settle();
    ck_assert_int_eq(pair.there.expedited, 3);
    ck_assert_int_eq(pair.server.chained, 1);
    ck_assert_int_eq(memcmp(pair.there.stream, "abc", 3), 0);
    tk_pair_close(&pair);
}

// ---- windows, and cancelling ----------------------------------------------------------------------------------------------------

static void
fill_window(void)
{
    tk_send(&r1, &pair.here, big, sizeof(big), 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
}

TDI_TEST(a_send_waits_for_room_and_can_be_cancelled_without_harm_to_the_connection)
{
    tk_pair_open(&pair, TK_MEM);
    fill_window();
    tk_send(&r1, &pair.here, "cancelled", 9, 0);
    tk_send(&r2, &pair.here, "sent", 4, 0);
    ck_assert_int_eq(r1.returned, STATUS_PENDING);
    ck_assert_int_eq(IoCancelIrp(r1.irp), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    ck_assert(!tk_is_done(&r2));
    for (ULONG got = 0; got < sizeof(big); got += (ULONG)r3.iosb.Information) {
        tk_receive(&r3, &pair.there, room, sizeof(room), TDI_RECEIVE_NORMAL);
        ck_assert(tk_wait(&r3) == STATUS_SUCCESS || r3.iosb.Status == TDI_BUFFER_OVERFLOW);
    }
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    receive_is(&pair.there, 100, 0, STATUS_SUCCESS, "sent");
    tk_pair_close(&pair);
}

TDI_TEST(TDI_SEND_NON_BLOCKING_fails_without_room_and_ClientEventSendPossible_follows)
{
    tk_pair_open(&pair, TK_MEM);
    tk_set_handler_of(&pair.client, TDI_EVENT_SEND_POSSIBLE);
    tk_send(&r1, &pair.here, "fits", 4, TDI_SEND_NON_BLOCKING);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_send(&r1, &pair.here, big, sizeof(big) - 10, TDI_SEND_NON_BLOCKING);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_send(&r1, &pair.here, "does not fit", 12, TDI_SEND_NON_BLOCKING);
    ck_assert_int_eq(tk_wait(&r1), STATUS_DEVICE_NOT_READY);
    ck_assert_int_eq(pair.here.possible, 0);
    while (!pair.here.possible) {
        tk_receive(&r1, &pair.there, room, sizeof(room), TDI_RECEIVE_NORMAL);
        ck_assert(tk_wait(&r1) == STATUS_SUCCESS || r1.iosb.Status == TDI_BUFFER_OVERFLOW);
        tk_settle();
    }
    tk_send(&r1, &pair.here, "does not fit", 12, TDI_SEND_NON_BLOCKING);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_int_eq(pair.here.possible, 1);
    tk_pair_close(&pair);
}

TDI_TEST(every_request_that_pends_can_be_cancelled)
{
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, NULL);
    tk_listen(&r1, &pair.there, 0, NULL);
    ck_assert_int_eq(IoCancelIrp(r1.irp), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_listen(&r1, &pair.there, TDI_QUERY_ACCEPT, NULL);
    tk_connect(&r2, &pair.here, "server", NULL, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_int_eq(IoCancelIrp(r2.irp), TRUE);
    ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
    tk_settle();
    tk_accept(&r1, &pair.there, NULL);
    ck_assert_int_eq(tk_wait(&r1), TDI_INVALID_CONNECTION);
    tk_pair_connect(&pair);
    tk_receive(&r1, &pair.there, room, 10, 0);
    tk_receive(&r2, &pair.there, room + 10, 10, 0);
    ck_assert_int_eq(IoCancelIrp(r1.irp), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    send_ok(&pair.here, "to the other", 0);
    ck_assert_int_eq(tk_wait(&r2), TDI_BUFFER_OVERFLOW);
    tk_receive_datagram(&r1, &pair.server, room, 10, NULL);
    ck_assert_int_eq(IoCancelIrp(r1.irp), TRUE);
    ck_assert_int_eq(tk_wait(&r1), STATUS_CANCELLED);
    tk_pair_close(&pair);
}

// Under many schedules: a cancel races with the data that ends the request. One of them wins, and no byte is lost.
static VOID NTAPI
cancel_it(PVOID context)
{
    IoCancelIrp(((struct tk_request *)context)->irp);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static struct {
    LONG cancelled, served;
} raced;

static void
race_once(void)
{
    HANDLE thread;
    PVOID object;
    tk_pair_open(&pair, TK_MEM);
    tk_receive(&r1, &pair.there, room, 10, 0);
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, cancel_it, &r1), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(thread, 0, NULL, KernelMode, &object, NULL), STATUS_SUCCESS);
    send_ok(&pair.here, "race", 0);
    KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(object);
    ZwClose(thread);
    NTSTATUS status = tk_wait(&r1);
    if (status == STATUS_SUCCESS) {
        raced.served++;
        ck_assert_uint_eq(r1.iosb.Information, 4);
    } else {
        raced.cancelled++;
        ck_assert_int_eq(status, STATUS_CANCELLED);
        receive_is(&pair.there, 10, 0, STATUS_SUCCESS, "race");
    }
    tk_pair_close(&pair);
}

TEST_TIMEOUT(120, a_cancel_that_races_with_data_loses_no_byte_under_200_seeds)
{
    tk_run("race", race_once, 200);
    ck_assert_int_gt(raced.served, 0);
    ck_assert_int_gt(raced.cancelled, 0);
}

// Data comes, nobody has a handler, and the RECEIVE comes in that moment: it is served, whoever of the two was first.
static VOID NTAPI
send_it(PVOID context)
{
    for (int i = 0; i < 3; i++)
        send_ok(&pair.here, "now", 0);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
meet_once(void)
{
    HANDLE thread;
    PVOID object;
    tk_pair_open(&pair, TK_MEM);
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, send_it, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(thread, 0, NULL, KernelMode, &object, NULL), STATUS_SUCCESS);
    for (int i = 0; i < 3; i++)
        receive_is(&pair.there, 10, 0, STATUS_SUCCESS, "now");
    KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(object);
    ZwClose(thread);
    tk_pair_close(&pair);
}

TEST_TIMEOUT(120, a_RECEIVE_that_comes_while_data_arrives_is_served_under_200_seeds)
{
    tk_run("meet", meet_once, 200);
}
