// SPDX-License-Identifier: MIT
// A thousand seeds of connect, transfer and disconnect over tdimem, verifier on. Two clients in threads of their own, each with a share
// of the dice: how the connection begins, what is sent, and how each side ends it (release, abort, time-outs, cancel, closing the file,
// disassociating), so that every row of the table in drivers/tdi_common/README.md meets the others in every order. What must hold:
//   - every request completes once, with a status that the table allows
//   - the bytes that arrive are a prefix of those that were sent, and all of them when both sides have released in order
//   - ClientEventDisconnect comes at most once a connection and no other event after it
//   - nothing stays behind
// A status or way that never occurred in the whole sweep fails it.
#include <stdio.h>
#include <string.h>

#include "../../flow/tdi/kit.h"
#include "base/prng.h"
#include "outcome.h"

#ifdef TK_THREADS
#define SEEDS 40
#else
#define SEEDS 1000
#endif
#define ROUNDS 2
#define SENDS 8

enum ending {
    RELEASE_LONG,
    RELEASE_SHORT,
    RELEASE_CANCEL,
    RELEASE_THEN_ABORT,
    ABORT,
    CLOSE_FILE,
    DISASSOCIATE,
    ENDINGS
};
static const char *const ending_names[ENDINGS] = {"release", "release with a short time-out", "release, cancelled", "release, then abort",
                                                  "abort", "close", "disassociate"};
enum beginning {
    LISTEN,
    LISTEN_QUERY_ACCEPT,
    LISTEN_REJECT,
    HANDLER,
    HANDLER_REFUSES,
    BEGINNINGS
};
static const char *const beginning_names[BEGINNINGS] = {"listen", "listen and accept", "listen and reject", "handler accepts",
                                                        "handler refuses"};

static struct {
    _Atomic uint64_t endings[ENDINGS], beginnings[BEGINNINGS];
    _Atomic uint64_t abort_done, whole, cut, refused, graceful, fin_events, abort_events, send_cancelled, rounds;
} sum;

struct side {
    struct tk_endpoint *endpoint;
    struct tk_address *address;
    enum ending ending;
    uint32_t sends, delay_us;
    bool is_reader_by_irp;
    UCHAR out[SENDS][6000];
    ULONG out_bytes[SENDS];
    bool is_released, was_closed;
    KEVENT done;
    struct tk_request send[SENDS], release, abort, receive;
    UCHAR in[3000];
};

static struct prng dice;

static bool
is_end(NTSTATUS status)
{
    return status == TDI_INVALID_CONNECTION || status == TDI_CONNECTION_RESET || status == TDI_CONNECTION_ABORTED ||
           status == STATUS_CANCELLED || status == TDI_NOT_ASSOCIATED;
}

static void
pause_us(uint32_t us)
{
    LARGE_INTEGER delay = {.QuadPart = -10LL * us};
    if (us)
        KeDelayExecutionThread(KernelMode, FALSE, &delay);
}

// Take what comes by RECEIVEs until that ends.
static void
read_by_irp(struct side *side)
{
    for (;;) {
        tk_receive(&side->receive, side->endpoint, side->in, sizeof(side->in), TDI_RECEIVE_NORMAL);
        NTSTATUS status = tk_wait(&side->receive);
        if (status == TDI_GRACEFUL_DISC) {
            sum.graceful++;
            return;
        }
        if (status != STATUS_SUCCESS && status != TDI_BUFFER_OVERFLOW) {
            ck_assert_msg(is_end(status), "receive: %08x", (unsigned)status);
            return;
        }
        ck_assert_uint_le(side->endpoint->stream_bytes + side->receive.iosb.Information, sizeof(side->endpoint->stream));
        memcpy(side->endpoint->stream + side->endpoint->stream_bytes, side->in, side->receive.iosb.Information);
        side->endpoint->stream_bytes += (ULONG)side->receive.iosb.Information;
    }
}

static void
finish(struct side *side)
{
    struct tk_request *r = &side->release;
    LONGLONG timeout = side->ending == RELEASE_SHORT ? -200 : -300000000LL;
    switch (side->ending) {
    case RELEASE_LONG:
    case RELEASE_SHORT:
    case RELEASE_CANCEL:
    case RELEASE_THEN_ABORT:
        tk_disconnect(r, side->endpoint, TDI_DISCONNECT_RELEASE, "end", timeout);
        if (side->is_reader_by_irp)
            read_by_irp(side);
        if (side->ending == RELEASE_CANCEL) {
            pause_us(side->delay_us / 2);
            IoCancelIrp(r->irp);
        }
        if (side->ending == RELEASE_THEN_ABORT) {
            pause_us(side->delay_us / 2);
            tk_disconnect(&side->abort, side->endpoint, TDI_DISCONNECT_ABORT, NULL, 1);
            NTSTATUS status = tk_wait(&side->abort);
            ck_assert(status == STATUS_SUCCESS || is_end(status));
        }
        side->is_released = release_ended(tk_wait(r));
        break;
    case ABORT:
        tk_disconnect(&side->abort, side->endpoint, TDI_DISCONNECT_ABORT, "cut", 1);
        NTSTATUS status = tk_wait(&side->abort);
        ck_assert_msg(status == STATUS_SUCCESS || is_end(status), "abort: %08x", (unsigned)status);
        sum.abort_done += status == STATUS_SUCCESS;
        break;
    case CLOSE_FILE:
        side->was_closed = true;
        tk_close_endpoint(side->endpoint);
        break;
    default:
        ck_assert_int_eq(tk_disassociate(side->endpoint), STATUS_SUCCESS);
        ck_assert_int_eq(tk_associate(side->endpoint, side->address), STATUS_SUCCESS);
        break;
    }
}

static VOID NTAPI
side_run(PVOID context)
{
    struct side *side = context;
    pause_us(side->delay_us);
    for (uint32_t i = 0; i < side->sends; i++)
        tk_send(&side->send[i], side->endpoint, side->out[i], side->out_bytes[i], 0);
    for (uint32_t i = side->sends / 2; i < side->sends && side->delay_us % 3 == 0; i++)
        IoCancelIrp(side->send[i].irp);
    finish(side);
    if (!side->was_closed && !side->is_released && side->ending != DISASSOCIATE) {
        // Whatever is left of it goes now, so that the sends come back.
        tk_disconnect(&side->abort, side->endpoint, TDI_DISCONNECT_ABORT, NULL, 1);
        NTSTATUS status = tk_wait(&side->abort);
        ck_assert(status == STATUS_SUCCESS || is_end(status));
    }
    for (uint32_t i = 0; i < side->sends; i++) {
        NTSTATUS status = tk_wait(&side->send[i]);
        ck_assert_msg(status == STATUS_SUCCESS || is_end(status), "send: %08x", (unsigned)status);
        sum.send_cancelled += status == STATUS_CANCELLED && !side->was_closed;
    }
    KeSetEvent(&side->done, 0, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
compare(const struct side *reader, const struct side *writer, bool must_be_whole)
{
    struct sent sent[SENDS];
    for (uint32_t i = 0; i < writer->sends; i++)
        sent[i] = (struct sent){writer->out[i], writer->out_bytes[i], writer->send[i].iosb.Status};
    stream_compare((const UCHAR *)reader->endpoint->stream, reader->endpoint->stream_bytes, sent, writer->sends, must_be_whole, sum.rounds);
}

static bool
begin(struct tk_pair *pair, enum beginning how)
{
    static struct tk_request listen, connect, answer;
    bool is_listening = how == LISTEN || how == LISTEN_QUERY_ACCEPT || how == LISTEN_REJECT;
    sum.beginnings[how]++;
    pair->server.accepts = how == HANDLER ? &pair->there : NULL;
    if (is_listening)
        tk_listen(&listen, &pair->there, how == LISTEN ? 0 : TDI_QUERY_ACCEPT, NULL);
    tk_connect(&connect, &pair->here, "server", "hello", 0);
    if (is_listening)
        ck_assert_int_eq(tk_wait(&listen), STATUS_SUCCESS);
    if (how == LISTEN_QUERY_ACCEPT) {
        tk_accept(&answer, &pair->there, "yes");
        ck_assert_int_eq(tk_wait(&answer), STATUS_SUCCESS);
    }
    if (how == LISTEN_REJECT) {
        tk_disconnect(&answer, &pair->there, 0, "no", 1);
        ck_assert_int_eq(tk_wait(&answer), STATUS_SUCCESS);
    }
    NTSTATUS status = tk_wait(&connect);
    if (how == HANDLER)
        ck_assert_int_eq(tk_wait(&pair->server.accept), STATUS_SUCCESS);
    if (how == LISTEN_REJECT || how == HANDLER_REFUSES) {
        ck_assert_int_eq(status, TDI_CONN_REFUSED);
        sum.refused++;
        return false;
    }
    ck_assert_int_eq(status, STATUS_SUCCESS);
    return true;
}

static void
side_prepare(struct side *side, struct tk_endpoint *endpoint, struct tk_address *address)
{
    memset(side, 0, sizeof(*side));
    KeInitializeEvent(&side->done, NotificationEvent, FALSE);
    side->endpoint = endpoint;
    side->address = address;
    side->ending = (enum ending)(prng_next(&dice) % ENDINGS);
    side->sends = (uint32_t)(prng_next(&dice) % (SENDS + 1));
    side->delay_us = (uint32_t)(prng_next(&dice) % 60);
    side->is_reader_by_irp = prng_next(&dice) % 2;
    sum.endings[side->ending]++;
    for (uint32_t i = 0; i < side->sends; i++) {
        side->out_bytes[i] = 1 + (ULONG)(prng_next(&dice) % sizeof(side->out[0]));
        for (ULONG k = 0; k < side->out_bytes[i]; k++)
            side->out[i][k] = (UCHAR)prng_next(&dice);
    }
    endpoint->stream_bytes = 0;
    endpoint->disconnects = 0;
    address->mode = TK_TAKE_ALL;
}

static void
handlers(struct tk_address *address, const struct side *side)
{
    tk_set_handlers(address);
    if (side->is_reader_by_irp)
        ck_assert_int_eq(tk_set_handler(address, TDI_EVENT_RECEIVE, NULL), STATUS_SUCCESS);
}

static void
start(struct side *side)
{
    HANDLE thread;
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, side_run, side), STATUS_SUCCESS);
    ZwClose(thread);
}

static struct tk_pair pair;
static struct side sides[2];

static void
one_seed(void)
{
    tk_open_pair(&pair.server, &pair.there, TK_MEM, "server");
    tk_open_pair(&pair.client, &pair.here, TK_MEM, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        side_prepare(&sides[0], &pair.here, &pair.client);
        side_prepare(&sides[1], &pair.there, &pair.server);
        handlers(&pair.client, &sides[0]);
        handlers(&pair.server, &sides[1]);
        sum.rounds++;
        if (!begin(&pair, (enum beginning)(prng_next(&dice) % BEGINNINGS)))
            continue;
        start(&sides[0]);
        start(&sides[1]);
        for (int i = 0; i < 2; i++)
            ck_assert(tk_event_wait(&sides[i].done, TK_WAIT_MS * 2));
        tk_settle();
        bool is_orderly = sides[0].is_released && sides[1].is_released;
        sum.whole += is_orderly;
        sum.cut += !is_orderly;
        for (int i = 0; i < 2; i++) {
            compare(&sides[i], &sides[1 - i], is_orderly);
            ck_assert_int_le(sides[i].endpoint->disconnects, 1);
            sum.fin_events += sides[i].endpoint->disconnects && sides[i].endpoint->disconnect_flags == TDI_DISCONNECT_RELEASE;
            sum.abort_events += sides[i].endpoint->disconnects && sides[i].endpoint->disconnect_flags == TDI_DISCONNECT_ABORT;
            if (sides[i].was_closed) {
                tk_open_endpoint(sides[i].endpoint, TK_MEM);
                ck_assert_int_eq(tk_associate(sides[i].endpoint, sides[i].address), STATUS_SUCCESS);
            }
        }
    }
    tk_pair_close(&pair);
}

#ifndef TK_THREADS
TEST_TIMEOUT(300, a_thousand_seeds_of_connect_transfer_and_disconnect_are_clean)
{
    prng_seed(&dice, 20);
    tk_run("sweep", one_seed, SEEDS);
    for (int i = 0; i < BEGINNINGS; i++)
        never_zero(beginning_names[i], sum.beginnings[i]);
    for (int i = 0; i < ENDINGS; i++)
        never_zero(ending_names[i], sum.endings[i]);
    releases_never_zero();
    never_zero("ABORT: SUCCESS", sum.abort_done);
    never_zero("both released: every byte arrived", sum.whole);
    never_zero("ended otherwise", sum.cut);
    never_zero("refused", sum.refused);
    never_zero("RECEIVE: graceful disconnect", sum.graceful);
    never_zero("ClientEventDisconnect(RELEASE)", sum.fin_events);
    never_zero("ClientEventDisconnect(ABORT)", sum.abort_events);
    never_zero("sends cancelled", sum.send_cancelled);
}
#else
TEST_TIMEOUT(300, connect_transfer_and_disconnect_on_os_threads_are_clean)
{
    prng_seed(&dice, 20);
    tk_run("threads", one_seed, SEEDS);
    ck_assert_uint_eq(sum.rounds, SEEDS * ROUNDS);
    ck_assert_uint_gt(sum.whole, 0);
}
#endif
