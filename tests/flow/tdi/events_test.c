// SPDX-License-Identifier: MIT
// The event handlers of connections over tdimem, page by page: what each parameter says, what each answer does, what is called when and
// when not. A handler here notes what it gets and answers from a list; when that is used up it takes all.
// Pages: ff545260 ClientEventReceive, ff545262 -ReceiveExpedited, ff544240 -ChainedReceive, ff544251 -ChainedReceiveExpedited.
#include "events.h"

#include <string.h>

#include "../../../drivers/tdimem/tdimem.h"

static struct tk_pair pair;
static struct tk_request r1, r2;
static UCHAR room[8192], big[MEM_WINDOW_BYTES];

static void
send_ok(const char *text, ULONG flags)
{
    tk_send(&r1, &pair.here, text, (ULONG)strlen(text), flags);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
}

static void
receive_is(ULONG flags, NTSTATUS status, const char *text)
{
    memset(room, 0, sizeof room);
    tk_receive(&r2, &pair.there, room, 100, flags);
    ck_assert_int_eq(tk_wait(&r2), status);
    ck_assert_uint_eq(r2.iosb.Information, strlen(text));
    ck_assert_int_eq(memcmp(room, text, strlen(text)), 0);
}

static void
open_with(LONG type)
{
    tk_pair_open(&pair, TK_MEM);
    ev_begin(&pair.server, &pair.there);
    ev_register(type);
}

// --- ClientEventReceive ------------------------------------------------------------------------------------------------------------

TDI_TEST_SEEDS(2, ClientEventReceive_is_told_contexts_flags_and_sizes)
{
    open_with(TDI_EVENT_RECEIVE);
    send_ok("whole", 0);
    ck_assert_uint_eq(ev.count, 1);
    ev_is(0, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
    ck_assert_ptr_eq(ev.log[0].context, &pair.server);
    ck_assert_ptr_eq(ev.log[0].connection, &pair.there);
    ck_assert_int_eq(memcmp(ev.log[0].bytes, "whole", 5), 0);
    ck_assert_ptr_null(ev.log[0].irp_at_entry);
    ck_assert_uint_eq(ev.log[0].taken_at_entry, 0);
    // Less than the message in one piece: the flag is clear. What is taken of it is all that was shown; the rest comes next, with the flag.
    for (ULONG i = 0; i < 1000; i++)
        big[i] = (UCHAR)(i * 3);
    tk_send(&r1, &pair.here, big, 1000, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 3);
    ck_assert_uint_ge(ev.log[1].indicated, 128);
    ck_assert_uint_lt(ev.log[1].indicated, 1000);
    ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL, ev.log[1].indicated, 1000);
    ev_is(2, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 1000 - ev.log[1].indicated, 1000 - ev.log[1].indicated);
    ck_assert_int_eq(memcmp(ev.log[1].bytes, big, sizeof ev.log[1].bytes), 0);
    ck_assert_int_eq(memcmp(ev.log[2].bytes, big + ev.log[1].indicated, sizeof ev.log[2].bytes), 0);
    // A message that goes on: its end has the flag.
    send_ok("one ", TDI_SEND_PARTIAL);
    send_ok("message", 0);
    ev_is(3, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL, 4, 4);
    ev_is(4, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 7, 7);
    ck_assert_uint_eq(ev.count, 5);
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventReceive_that_takes_none_or_some_or_answers_something_else_is_not_told_again_before_a_RECEIVE)
{
    // The last one without a request.
    static const struct ev_answer answers[] = {{STATUS_SUCCESS, 0},
                                               {STATUS_DATA_NOT_ACCEPTED, 3},
                                               {STATUS_PENDING, EV_ALL},
                                               {STATUS_UNSUCCESSFUL, EV_ALL},
                                               {STATUS_MORE_PROCESSING_REQUIRED, EV_ALL}};
    open_with(TDI_EVENT_RECEIVE);
    for (ULONG i = 0; i < ARRAYSIZE(answers); i++) {
        ev_answers(&answers[i], 1);
        send_ok("turned down", 0);
        send_ok("behind", 0);
        ck_assert_uint_eq(ev.count, 1);
        receive_is(TDI_RECEIVE_PEEK, STATUS_SUCCESS, "turned down");
        tk_settle();
        ck_assert_uint_eq(ev.count, 1);             // a look takes nothing
        receive_is(TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "turned down");
        tk_settle();
        ck_assert_uint_eq(ev.count, 2);
        ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
    }
    ev_answers(&(struct ev_answer){.status = STATUS_SUCCESS, .taken = 2}, 1);
    send_ok("some", 0);
    send_ok("behind", 0);
    ck_assert_uint_eq(ev.count, 1);
    receive_is(TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "me");
    tk_settle();
    ck_assert_uint_eq(ev.count, 2);
    tk_pair_close(&pair);
}

// More than was shown: the client does not want to see the rest. More than there is: what there is.
TDI_TEST_SEEDS(2, ClientEventReceive_may_take_all_that_is_available_unseen_and_no_more)
{
    static const ULONG taken[] = {1000, 1001, 0xFFFFFFF0};
    open_with(TDI_EVENT_RECEIVE);
    for (ULONG i = 0; i < ARRAYSIZE(taken); i++) {
        ev_answers(&(struct ev_answer){.status = STATUS_SUCCESS, .taken = taken[i]}, 1);
        tk_send(&r1, &pair.here, big, 1000, 0);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        send_ok("next", 0);
        ck_assert_uint_eq(ev.count, 2);
        ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 4, 4);
    }
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventReceive_that_gives_a_RECEIVE_has_what_it_has_not_taken_in_there)
{
    open_with(TDI_EVENT_RECEIVE);
    ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .taken = 3, .irp_bytes = 100}, 1);
    send_ok("by request", 0);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.request.iosb.Information, 7);
    ck_assert_int_eq(memcmp(ev.room, "request", 7), 0);
    ck_assert_uint_eq(ev.count, 1);
    // A short one is full, and the rest of the message is told.
    ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .taken = 3, .irp_bytes = 4}, 1);
    send_ok("by request", 0);
    ck_assert_int_eq(tk_wait(&ev.request), TDI_BUFFER_OVERFLOW);
    ck_assert_int_eq(memcmp(ev.room, "requ", 4), 0);
    ck_assert_uint_eq(ev.count, 2);
    ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 3, 3);
    // All was taken: the request is for what comes.
    ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .taken = EV_ALL, .irp_bytes = 100}, 1);
    send_ok("first", 0);
    ck_assert(!tk_is_done(&ev.request));
    send_ok("second", 0);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(ev.room, "second", 6), 0);
    ck_assert_uint_eq(ev.count, 1);
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventReceive_that_gives_a_request_that_is_none_has_it_back_with_INVALID_PARAMETER)
{
    open_with(TDI_EVENT_RECEIVE);
    for (enum ev_wrong wrong = EV_WRONG_MINOR; wrong <= EV_WRONG_FLAGS; wrong++) {
        ev_answers(&(struct ev_answer){.status = STATUS_MORE_PROCESSING_REQUIRED, .taken = 0, .irp_bytes = 100, .wrong = wrong}, 1);
        send_ok("offered again", 0);
        ck_assert_int_eq(tk_wait(&ev.request), STATUS_INVALID_PARAMETER);
        ck_assert_uint_eq(ev.count, 2);
        ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 13, 13);
    }
    // With an answer that gives none away it stays the client's.
    ev_answers(&(struct ev_answer){.status = STATUS_SUCCESS, .taken = EV_ALL, .irp_bytes = 100}, 1);
    send_ok("mine", 0);
    ck_assert(!tk_is_done(&ev.request));
    ck_assert_int_eq(ev.request.completions, 0);
    ev_request_drop();
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventReceive_is_told_of_a_message_of_nothing)
{
    open_with(TDI_EVENT_RECEIVE);
    send_ok("", 0);
    ck_assert_uint_eq(ev.count, 1);
    ev_is(0, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 0, 0);
    send_ok("next", 0);
    ck_assert_uint_eq(ev.count, 2);
    tk_pair_close(&pair);
}

// --- ClientEventReceiveExpedited -----------------------------------------------------------------------------------------------------

TDI_TEST_SEEDS(2, ClientEventReceiveExpedited_is_told_contexts_flags_and_sizes_of_expedited_data_alone)
{
    open_with(TDI_EVENT_RECEIVE_EXPEDITED);
    ev_register(TDI_EVENT_RECEIVE);
    send_ok("urgent", TDI_SEND_EXPEDITED);
    send_ok("plain", 0);
    ck_assert_uint_eq(ev.count, 2);
    ev_is(0, TDI_EVENT_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
    ck_assert_ptr_eq(ev.log[0].context, &pair.server);
    ck_assert_ptr_eq(ev.log[0].connection, &pair.there);
    ck_assert_int_eq(memcmp(ev.log[0].bytes, "urgent", 6), 0);
    ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
    tk_send(&r1, &pair.here, big, 1000, TDI_SEND_EXPEDITED);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 4);
    ck_assert_uint_ge(ev.log[2].indicated, 128);
    ev_is(2, TDI_EVENT_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED, ev.log[2].indicated, 1000);
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventReceiveExpedited_that_turns_data_down_is_not_told_again_before_an_expedited_RECEIVE)
{
    static const struct ev_answer answers[] = {{STATUS_DATA_NOT_ACCEPTED}, {STATUS_SUCCESS, 0}};
    open_with(TDI_EVENT_RECEIVE_EXPEDITED);
    ev_register(TDI_EVENT_RECEIVE);
    for (ULONG i = 0; i < ARRAYSIZE(answers); i++) {
        ev_answers(&answers[i], 1);
        send_ok("urgent", TDI_SEND_EXPEDITED);
        send_ok("more", TDI_SEND_EXPEDITED);
        ck_assert_uint_eq(ev.count, 1);
        send_ok("plain", 0);                        // the other kind goes on
        ck_assert_uint_eq(ev.count, 2);
        ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
        receive_is(TDI_RECEIVE_EXPEDITED, STATUS_SUCCESS, "urgent");
        tk_settle();
        ck_assert_uint_eq(ev.count, 3);
        ev_is(2, TDI_EVENT_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_ENTIRE_MESSAGE, 4, 4);
    }
    // And the other way round: normal data that was turned down does not hold up expedited data.
    ev_answers(&answers[0], 1);
    send_ok("plain", 0);
    send_ok("urgent", TDI_SEND_EXPEDITED);
    ck_assert_uint_eq(ev.count, 2);
    ev_is(1, TDI_EVENT_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
    receive_is(TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "plain");
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventReceiveExpedited_may_give_a_RECEIVE_and_is_not_called_while_an_expedited_one_waits)
{
    open_with(TDI_EVENT_RECEIVE_EXPEDITED);
    ev_answers(&(struct ev_answer){STATUS_MORE_PROCESSING_REQUIRED, 2, 100, TDI_RECEIVE_EXPEDITED}, 1);
    send_ok("urgent", TDI_SEND_EXPEDITED);
    ck_assert_int_eq(tk_wait(&ev.request), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(ev.room, "gent", 4), 0);
    tk_receive(&r2, &pair.there, room, 100, TDI_RECEIVE_EXPEDITED);
    send_ok("to the request", TDI_SEND_EXPEDITED);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(r2.iosb.Information, 14);
    ck_assert_uint_eq(ev.count, 1);
    tk_receive(&r2, &pair.there, room, 100, TDI_RECEIVE_NORMAL);   // one for normal data does not keep it from being told
    send_ok("told", TDI_SEND_EXPEDITED);
    ck_assert_uint_eq(ev.count, 2);
    ck_assert(tk_cancel(&r2));
    ck_assert_int_eq(tk_wait(&r2), STATUS_CANCELLED);
    tk_pair_close(&pair);
}

// --- ClientEventChainedReceive -------------------------------------------------------------------------------------------------------

TDI_TEST_SEEDS(2, ClientEventChainedReceive_is_told_where_a_whole_message_lies)
{
    open_with(TDI_EVENT_CHAINED_RECEIVE);
    ev_register(TDI_EVENT_RECEIVE);
    for (ULONG i = 0; i < 1000; i++)
        big[i] = (UCHAR)(i * 5);
    tk_send(&r1, &pair.here, big, 1000, 0);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
    ck_assert_uint_eq(ev.count, 1);
    ev_is(0, TDI_EVENT_CHAINED_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 1000, 1000);
    ck_assert_ptr_eq(ev.log[0].context, &pair.server);
    ck_assert_ptr_eq(ev.log[0].connection, &pair.there);
    ck_assert_uint_eq(ev.log[0].offset, 13);        // of tdimem: never 0, so that it is worth its name
    ck_assert_ptr_nonnull(ev.log[0].descriptor);
    ck_assert_int_eq(memcmp(ev.log[0].bytes, big, sizeof ev.log[0].bytes), 0);
    // A piece of a message is not lent; its last piece is, and ends it.
    send_ok("one ", TDI_SEND_PARTIAL);
    ck_assert_uint_eq(ev.count, 2);
    ev_is(1, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL, 4, 4);
    send_ok("message", 0);
    ck_assert_uint_eq(ev.count, 3);
    ev_is(2, TDI_EVENT_CHAINED_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 7, 7);
    // Nothing cannot be lent.
    send_ok("", 0);
    ck_assert_uint_eq(ev.count, 4);
    ev_is(3, TDI_EVENT_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 0, 0);
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventChainedReceive_that_turns_data_down_leaves_it_for_a_RECEIVE)
{
    static const NTSTATUS refusals[] = {STATUS_DATA_NOT_ACCEPTED, STATUS_INSUFFICIENT_RESOURCES, STATUS_MORE_PROCESSING_REQUIRED};
    open_with(TDI_EVENT_CHAINED_RECEIVE);
    for (ULONG i = 0; i < ARRAYSIZE(refusals); i++) {
        ev_answers(&(struct ev_answer){.status = refusals[i]}, 1);
        send_ok("turned down", 0);
        send_ok("behind", 0);
        ck_assert_uint_eq(ev.count, 1);
        receive_is(TDI_RECEIVE_NORMAL, STATUS_SUCCESS, "turned down");
        tk_settle();
        ck_assert_uint_eq(ev.count, 2);
        ev_is(1, TDI_EVENT_CHAINED_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
    }
    ev_answers(NULL, 0);
    tk_receive(&r2, &pair.there, room, 100, TDI_RECEIVE_NORMAL);
    send_ok("to the request", 0);
    ck_assert_int_eq(tk_wait(&r2), STATUS_SUCCESS);
    ck_assert_uint_eq(ev.count, 0);                 // and it is not called while one waits
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventChainedReceive_keeps_the_buffer_with_PENDING_and_reads_it_until_it_gives_it_back)
{
    static const struct ev_answer keeps[] = {{STATUS_PENDING}, {STATUS_SUCCESS}, {STATUS_PENDING}};
    UCHAR got[8] = "";
    ULONG copied;
    open_with(TDI_EVENT_CHAINED_RECEIVE);
    ev_answers(keeps, ARRAYSIZE(keeps));
    send_ok("kept 1", 0);
    send_ok("copied", 0);
    send_ok("kept 2", 0);
    ck_assert_uint_eq(ev.count, 3);
    ck_assert_uint_eq(ev.kept_count, 2);
    ck_assert_ptr_ne(ev.kept[0], ev.kept[1]);
    ck_assert_int_eq(TdiCopyMdlToBuffer(ev.log[0].mdl, ev.log[0].offset, got, 0, 6, &copied), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(got, "kept 1", 6), 0);
    TdiReturnChainedReceives(&ev.kept[1], 1);       // in any order
    TdiReturnChainedReceives(&ev.kept[0], 1);
    tk_pair_close(&pair);
}

// --- ClientEventChainedReceiveExpedited ----------------------------------------------------------------------------------------------

TDI_TEST_SEEDS(2, ClientEventChainedReceiveExpedited_is_told_where_expedited_data_lies_and_nothing_else)
{
    open_with(TDI_EVENT_CHAINED_RECEIVE_EXPEDITED);
    ev_register(TDI_EVENT_CHAINED_RECEIVE);
    ev_register(TDI_EVENT_RECEIVE_EXPEDITED);
    send_ok("urgent", TDI_SEND_EXPEDITED);
    send_ok("plain", 0);
    ck_assert_uint_eq(ev.count, 2);
    ev_is(0, TDI_EVENT_CHAINED_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
    ck_assert_ptr_eq(ev.log[0].context, &pair.server);
    ck_assert_ptr_eq(ev.log[0].connection, &pair.there);
    ck_assert_uint_eq(ev.log[0].offset, 13);
    ck_assert_int_eq(memcmp(ev.log[0].bytes, "urgent", 6), 0);
    ev_is(1, TDI_EVENT_CHAINED_RECEIVE, TDI_RECEIVE_NORMAL | TDI_RECEIVE_ENTIRE_MESSAGE, 5, 5);
    send_ok("in", TDI_SEND_EXPEDITED | TDI_SEND_PARTIAL);       // cannot be lent
    ev_is(2, TDI_EVENT_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED, 2, 2);
    tk_pair_close(&pair);
}

TDI_TEST_SEEDS(2, ClientEventChainedReceiveExpedited_takes_keeps_or_turns_down_without_holding_up_normal_data)
{
    static const struct ev_answer answers[] = {{STATUS_PENDING}, {STATUS_DATA_NOT_ACCEPTED}};
    open_with(TDI_EVENT_CHAINED_RECEIVE_EXPEDITED);
    ev_register(TDI_EVENT_CHAINED_RECEIVE);
    ev_answers(answers, ARRAYSIZE(answers));
    send_ok("kept", TDI_SEND_EXPEDITED);
    send_ok("turned down", TDI_SEND_EXPEDITED);
    send_ok("behind", TDI_SEND_EXPEDITED);
    ck_assert_uint_eq(ev.count, 2);
    ck_assert_uint_eq(ev.kept_count, 1);
    send_ok("plain", 0);
    ck_assert_uint_eq(ev.count, 3);
    ck_assert_int_eq(ev.log[2].type, TDI_EVENT_CHAINED_RECEIVE);
    receive_is(TDI_RECEIVE_EXPEDITED, STATUS_SUCCESS, "turned down");
    tk_settle();
    ck_assert_uint_eq(ev.count, 4);
    ev_is(3, TDI_EVENT_CHAINED_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
    tk_pair_close(&pair);
    TdiReturnChainedReceives(ev.kept, 1);
}

// TDI_RECEIVE_EXPEDITED in a normal handler's flags says that the client has none of its own for it [ff545260, ff544240].
TDI_TEST_SEEDS(2, ClientEventChainedReceiveExpedited_or_ClientEventReceiveExpedited_alone_keeps_expedited_data_from_the_normal_handlers)
{
    open_with(TDI_EVENT_RECEIVE_EXPEDITED);
    ev_register(TDI_EVENT_CHAINED_RECEIVE);
    ev_register(TDI_EVENT_RECEIVE);
    send_ok("urgent", TDI_SEND_EXPEDITED);          // could be lent, but the handler for that is the normal one
    ck_assert_uint_eq(ev.count, 1);
    ev_is(0, TDI_EVENT_RECEIVE_EXPEDITED, TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
    ev_unregister(TDI_EVENT_RECEIVE_EXPEDITED);
    ev_register(TDI_EVENT_CHAINED_RECEIVE_EXPEDITED);
    send_ok("cannot be lent", TDI_SEND_EXPEDITED | TDI_SEND_PARTIAL);
    send_ok(".", TDI_SEND_EXPEDITED);
    ck_assert_uint_eq(ev.count, 1);                 // it waits for a RECEIVE
    receive_is(TDI_RECEIVE_EXPEDITED, STATUS_SUCCESS, "cannot be lent.");
    ev_unregister(TDI_EVENT_CHAINED_RECEIVE_EXPEDITED);
    send_ok("urgent", TDI_SEND_EXPEDITED);          // now there is none: the normal ones, lent first
    ev_is(1, TDI_EVENT_CHAINED_RECEIVE, TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
    ev_unregister(TDI_EVENT_CHAINED_RECEIVE);
    send_ok("urgent", TDI_SEND_EXPEDITED);
    ev_is(2, TDI_EVENT_RECEIVE, TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_ENTIRE_MESSAGE, 6, 6);
    tk_pair_close(&pair);
}
