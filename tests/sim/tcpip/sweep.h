// SPDX-License-Identifier: MIT
// Seeds of connect, transfer and disconnect over TCP between two boxes, verifier on, over a wire that loses, reorders,
// duplicates and takes its time, with adapters that complete in random order and go through their lives meanwhile: paused, reset, put to
// sleep, unplugged, removed with and without a word, and back. Two connections at once, two lives each; each side of each is a client in
// a thread of its box, with a share of the dice: how the connection begins, what is sent, how it is read, and how each side ends it, so
// that every row of the table in drivers/tdi_common/README.md meets the others in every order. What must hold:
//   - every request completes once, with a status that the table allows
//   - the bytes that arrive are a prefix of those that were sent, and all of them when both sides have released in order
//   - ClientEventDisconnect comes at most once a connection, and no other event after it
//   - nothing stays behind, and the verifier has nothing to say
// A way, an outcome or an act that never occurred in the whole sweep fails it. NBX_SEEDS=first..last says how much of it is run; without
// it a share that takes seconds.
// The tests are in sweep_test.c here, in tests/flow/tcpip_threads and in tests/sim/chimney, one program each: each has all of this.
#ifndef NBX_TESTS_SIM_TCPIP_SWEEP_H
#define NBX_TESTS_SIM_TCPIP_SWEEP_H

#include "../../flow/tcpip/kit.h"
#include "../tdi/outcome.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nbx/fault.h>

#include "base/prng.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHARE 60
#endif
#endif
#ifndef SHARE
#define SHARE 150
#endif
// On OS threads (tests/flow/tcpip_threads) time is real, so nothing may take long: a perfect wire, short time-outs, a few seeds.
#ifdef TK_THREADS
#define SILENT_MS 3000
#define RELEASE_100NS (-20000000LL)
#define SEEDS 10
#else
#define SILENT_MS 150000
#define RELEASE_100NS (-600000000LL)
#endif
#define ROUNDS 2
#define LINES 2
#define SENDS 8
#define LONG_MS 1200000

enum ending {
    RELEASE_LONG,
    RELEASE_SHORT,
    RELEASE_CANCEL,
    RELEASE_THEN_ABORT,
    ABORT,
    CLOSE_FILE,
    CLOSE_ADDRESS,
    DISASSOCIATE,
    ENDINGS
};
static const char *const ending_names[ENDINGS] = {"release", "release with a short time-out", "release, cancelled", "release, then abort",
                                                  "abort", "close the connection", "close the address", "disassociate"};
enum beginning {
    LISTEN,
    LISTEN_QUERY_ACCEPT,
    LISTEN_REJECT,
    HANDLER,
    HANDLER_REFUSES,
    CONNECT_CANCEL,
    BEGINNINGS
};
static const char *const beginning_names[BEGINNINGS] = {"listen", "listen and accept", "listen and reject", "handler accepts",
                                                        "handler refuses", "connect, cancelled"};
enum act {
    ACT_PAUSE,
    ACT_RESET,
    ACT_SLEEP,
    ACT_LINK,
    ACT_REMOVE,
    ACT_SURPRISE,
    ACTS
};
static const char *const act_names[ACTS] = {"pause and restart", "reset", "sleep and wake", "the cable out and in",
                                            "removed (unbound) and back", "removed by surprise and back"};

static struct {
    _Atomic uint64_t endings[ENDINGS], beginnings[BEGINNINGS], acts[ACTS];
    _Atomic uint64_t listens_on, silent,
        abort_done, whole, cut, refused, unreached, graceful, fin_events, abort_events, send_cancelled, rounds, bytes, whole_despite_act,
        refused_memory, told_of_loss;
} sum;

// One end of a connection. There is no way back from a thread but this.
struct side {
    struct tk_endpoint *endpoint;
    struct tk_address *address;
    const char *name;                // what the address is opened with
    enum ending ending;
    uint32_t sends, delay_us, pause_us[SENDS];
    bool is_reader_by_irp;
    UCHAR out[SENDS][14000];
    ULONG out_bytes[SENDS], sent_bytes;
    bool is_released, is_gone;       // and was_closed: of the file, was_unbound: of the address
    bool was_closed, was_unbound;
    bool was_cut;                    // its client knows that not all may have come
    KEVENT done;
    struct tk_request send[SENDS], release, abort, receive;
    UCHAR in[5000];
};

struct line {
    struct tk_pair pair;
    struct side sides[2];
    enum beginning beginnings[ROUNDS];
    char listens_at[32], server[32];
    KEVENT done;
    struct prng dice;
    struct tk_request listen, connect, answer;
};

static struct line lines[LINES];
static _Atomic uint32_t acts_now;
static bool is_short;                // of memory: allocations of tcpip fail now and then

// What else the sweep is about.
static struct {
    void (*on_built)(void);          // both boxes are up
    const struct nbx_fault_plan *plan[2];    // failures of memory in each box, or NULL
    bool is_mild;                    // no act that a driver may refuse for want of memory
    uint32_t pace_us;                // between the sends of a side, at most; 0: they come all at once
    bool is_losing;                  // hardware may fail, and what it had is lost: whoever waits for it is told
} sweep_kind;

static bool
is_end(NTSTATUS status)
{
    return status == TDI_INVALID_CONNECTION || status == TDI_CONNECTION_RESET || status == TDI_CONNECTION_ABORTED ||
           status == STATUS_CANCELLED || status == TDI_NOT_ASSOCIATED || status == TDI_ADDR_DELETED || status == TDI_TIMED_OUT ||
           (is_short && status == STATUS_INSUFFICIENT_RESOURCES);
}

static bool
is_unreached(NTSTATUS status)
{
    return status == TDI_TIMED_OUT || status == TDI_DEST_NET_UNREACH || status == TDI_DEST_HOST_UNREACH || status == TDI_ADDR_INVALID;
}

static NTSTATUS
wait_for(struct tk_request *r)
{
    return tk_wait_long(r, LONG_MS);
}

// ---- one side -------------------------------------------------------------------------------------------------------------------

// Take what comes by RECEIVEs until that ends.
static void
read_by_irp(struct side *side)
{
    for (;;) {
        tk_receive(&side->receive, side->endpoint, side->in, sizeof(side->in), TDI_RECEIVE_NORMAL);
        // A peer whose reset was lost on the wire says nothing more, and nothing is sent that would ask it.
        if (!tk_event_wait_in(side->endpoint->box, &side->receive.done, SILENT_MS)) {
            tk_cancel(&side->receive);
            sum.silent++;
        }
        NTSTATUS status = wait_for(&side->receive);
        if (status == TDI_GRACEFUL_DISC) {
            sum.graceful++;
            return;
        }
        if (status != STATUS_SUCCESS) {
            ck_assert_msg(is_end(status), "receive: %08x", (unsigned)status);
            side->was_cut = true;
            return;
        }
        ck_assert_uint_le(side->endpoint->stream_bytes + side->receive.iosb.Information, sizeof(side->endpoint->stream));
        memcpy(side->endpoint->stream + side->endpoint->stream_bytes, side->in, side->receive.iosb.Information);
        side->endpoint->stream_bytes += (ULONG)side->receive.iosb.Information;
    }
}

static void
abort_now(struct side *side)
{
    tk_disconnect(&side->abort, side->endpoint, TDI_DISCONNECT_ABORT, NULL, 1);
    NTSTATUS status = wait_for(&side->abort);
    ck_assert_msg(status == STATUS_SUCCESS || is_end(status), "abort: %08x", (unsigned)status);
    sum.abort_done += status == STATUS_SUCCESS;
}

static void
release(struct side *side)
{
    struct tk_request *r = &side->release;
    LONGLONG timeout = side->ending == RELEASE_SHORT ? -10LL * side->delay_us : RELEASE_100NS;
    tk_disconnect(r, side->endpoint, TDI_DISCONNECT_RELEASE, NULL, timeout);
    if (side->is_reader_by_irp && side->ending == RELEASE_LONG)
        read_by_irp(side);
    tk_sleep_us((LONG)side->delay_us / 2 + 1);
    if (side->ending == RELEASE_CANCEL)
        tk_cancel(r);
    if (side->ending == RELEASE_THEN_ABORT)
        abort_now(side);
    side->is_released = release_ended(wait_for(r));
}

static void
finish(struct side *side)
{
    switch (side->ending) {
    case RELEASE_LONG:
    case RELEASE_SHORT:
    case RELEASE_CANCEL:
    case RELEASE_THEN_ABORT: release(side); break;
    case ABORT: abort_now(side); break;
    case CLOSE_FILE:
        side->was_closed = true;
        tk_close_endpoint(side->endpoint);
        break;
    case CLOSE_ADDRESS:
        side->was_unbound = true;
        tk_close_address(side->address);
        break;
    default:
        ck_assert_int_eq(tk_disassociate(side->endpoint), STATUS_SUCCESS);
        ck_assert_int_eq(tk_associate(side->endpoint, side->address), STATUS_SUCCESS);
        break;
    }
    side->is_gone = side->is_released || side->was_closed || side->was_unbound || side->ending == DISASSOCIATE;
}

static VOID NTAPI
side_run(PVOID context)
{
    struct side *side = context;
    tk_sleep_us((LONG)side->delay_us);
    for (uint32_t i = 0; i < side->sends; i++) {
        if (side->pause_us[i])
            tk_sleep_us((LONG)side->pause_us[i]);
        tk_send(&side->send[i], side->endpoint, side->out[i], side->out_bytes[i], 0);
    }
    for (uint32_t i = side->sends / 2; i < side->sends && side->delay_us % 7 == 0; i++)
        tk_cancel(&side->send[i]);
    finish(side);
    if (!side->is_gone)
        abort_now(side);     // whatever is left of it goes now, so that the sends come back
    for (uint32_t i = 0; i < side->sends; i++) {
        NTSTATUS status = wait_for(&side->send[i]);
        ck_assert_msg(status == STATUS_SUCCESS || is_end(status), "send: %08x", (unsigned)status);
        sum.send_cancelled += status == STATUS_CANCELLED && !side->was_closed;
        if (status == STATUS_SUCCESS)
            side->sent_bytes += side->out_bytes[i];
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
    sum.bytes += stream_compare((const UCHAR *)reader->endpoint->stream, reader->endpoint->stream_bytes, sent, writer->sends, must_be_whole,
                                tn_net.seed);
}

// ---- one connection -------------------------------------------------------------------------------------------------------------

// FALSE: it did not come about, as was meant or because an adapter was away.
static bool
begin(struct line *line, enum beginning how)
{
    struct tk_pair *pair = &line->pair;
    bool is_listening = how == LISTEN || how == LISTEN_QUERY_ACCEPT || how == LISTEN_REJECT || how == CONNECT_CANCEL;
    sum.beginnings[how]++;
    pair->server.accepts = how == HANDLER ? &pair->there : NULL;
    if (is_listening)
        tk_listen(&line->listen, &pair->there, how == LISTEN || how == CONNECT_CANCEL ? 0 : TDI_QUERY_ACCEPT, NULL);
    tk_connect(&line->connect, &pair->here, line->server, NULL, -900000000LL);
    if (how == CONNECT_CANCEL) {
        tk_sleep_us((LONG)line->sides[0].delay_us);
        tk_cancel(&line->connect);
    }
    if (how == LISTEN_QUERY_ACCEPT || how == LISTEN_REJECT) {
        // The offer may never come; it ends with the CONNECT then.
        while (!tk_is_done(&line->listen) && !tk_is_done(&line->connect))
            tk_sleep_us(500);
        if (tk_is_done(&line->listen)) {
            if (how == LISTEN_REJECT)
                tk_disconnect(&line->answer, &pair->there, 0, NULL, 1);
            else
                tk_accept(&line->answer, &pair->there, NULL);
            NTSTATUS status = wait_for(&line->answer);
            ck_assert_msg(status == STATUS_SUCCESS || is_end(status) || is_unreached(status), "answer: %08x", (unsigned)status);
        }
    }
    NTSTATUS status = wait_for(&line->connect);
    bool is_up = status == STATUS_SUCCESS, is_meant = how != LISTEN_REJECT && how != HANDLER_REFUSES;
    ck_assert_msg(is_up || status == TDI_CONN_REFUSED || is_unreached(status) || is_end(status), "connect: %08x", (unsigned)status);
    ck_assert(is_meant || !is_up);
    sum.refused += status == TDI_CONN_REFUSED;
    sum.unreached += is_unreached(status);
    if (is_up)
        return true;
    // What the server has of it ends with a disconnect, if it has anything.
    tk_disconnect(&line->answer, &pair->there, TDI_DISCONNECT_ABORT, NULL, 1);
    status = wait_for(&line->answer);
    ck_assert_msg(status == STATUS_SUCCESS || is_end(status), "disconnect: %08x", (unsigned)status);
    return false;
}

// The client knows that it stands; the server learns it now, or loses it with the last segment of the handshake.
static void
begin_end(struct line *line, enum beginning how)
{
    if (how == LISTEN || how == LISTEN_QUERY_ACCEPT || how == LISTEN_REJECT || how == CONNECT_CANCEL) {
        // A client that resets before its last segment of the handshake has come was never there: the LISTEN goes on.
        for (int i = 0; !tk_is_done(&line->listen) && i < 5000; i += KeReadStateEvent(&line->sides[0].done) != 0)
            tk_sleep_ms(1);
        if (!tk_is_done(&line->listen)) {
            tk_disconnect(&line->answer, &line->pair.there, TDI_DISCONNECT_ABORT, NULL, 1);
            NTSTATUS status = wait_for(&line->answer);
            ck_assert_msg(status == STATUS_SUCCESS || is_end(status), "disconnect: %08x", (unsigned)status);
            sum.listens_on++;
        }
        NTSTATUS status = wait_for(&line->listen);
        ck_assert_msg(status == STATUS_SUCCESS || is_end(status), "listen: %08x", (unsigned)status);
    }
    // From here on it accepts nothing more: an offer may still be on its way from a client that has given up.
    bool has_accepted = how == HANDLER && !atomic_exchange(&line->pair.server.accepts, NULL);
    if (has_accepted) {
        tk_sleep_ms(1);
        NTSTATUS status = wait_for(&line->pair.server.accept);
        ck_assert_msg(status == STATUS_SUCCESS || is_end(status) || is_unreached(status), "accept: %08x", (unsigned)status);
    }
}

static void
side_prepare(struct side *side, struct prng *dice, struct tk_endpoint *endpoint, struct tk_address *address, const char *name)
{
    memset(side, 0, sizeof(*side));
    KeInitializeEvent(&side->done, NotificationEvent, FALSE);
    side->endpoint = endpoint;
    side->address = address;
    side->name = name;
    side->ending = prng_next(dice) % 3 ? (enum ending)(prng_next(dice) % ENDINGS) : RELEASE_LONG;
    if (is_short && (side->ending == CLOSE_FILE || side->ending == CLOSE_ADDRESS))
        side->ending = ABORT;        // there may be no memory to open it again
    side->sends = (uint32_t)(prng_next(dice) % (SENDS + 1));
    side->delay_us = (uint32_t)(prng_next(dice) % (prng_next(dice) % 2 ? 3000 : 30000));
    side->is_reader_by_irp = prng_next(dice) % 2;
    sum.endings[side->ending]++;
    for (uint32_t i = 0; i < side->sends; i++) {
        side->out_bytes[i] = 1 + (ULONG)(prng_next(dice) % (prng_next(dice) % 2 ? 200 : sizeof(side->out[0])));
        for (ULONG k = 0; k < side->out_bytes[i]; k++)
            side->out[i][k] = (UCHAR)prng_next(dice);
        side->pause_us[i] = sweep_kind.pace_us ? (uint32_t)(prng_next(dice) % sweep_kind.pace_us) : 0;
    }
    endpoint->stream_bytes = 0;
    endpoint->disconnects = 0;
    address->mode = TK_TAKE_ALL;
}

static void
handlers(struct tk_address *address, const struct side *side)
{
    tk_set_handlers(address);
    if (side->is_reader_by_irp && side->ending == RELEASE_LONG)
        ck_assert_int_eq(tk_set_handler(address, TDI_EVENT_RECEIVE, NULL), STATUS_SUCCESS);
}

static void
start(void *arg)
{
    HANDLE thread;
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, side_run, arg), STATUS_SUCCESS);
    ZwClose(thread);
}

static void
mend(struct side *side)
{
    if (side->was_unbound) {
        NTSTATUS status;
        while ((status = tk_reopen_address(side->address, TN_DEVICE, side->name)) != STATUS_SUCCESS) {
            ck_assert_msg(status == TDI_ADDR_IN_USE, "%08x", (unsigned)status);
            tk_sleep_ms(10);
        }
    }
    if (side->was_closed)
        tk_reopen_endpoint(side->endpoint, TN_DEVICE);
    if (side->was_closed || side->was_unbound)
        ck_assert_int_eq(tk_associate(side->endpoint, side->address), STATUS_SUCCESS);
}

static void
live(struct line *line, enum beginning how)
{
    struct side *sides = line->sides;
    uint32_t acts_before = acts_now;
    side_prepare(&sides[0], &line->dice, &line->pair.here, &line->pair.client, NULL);
    side_prepare(&sides[1], &line->dice, &line->pair.there, &line->pair.server, line->listens_at);
    handlers(&line->pair.client, &sides[0]);
    handlers(&line->pair.server, &sides[1]);
    sum.rounds++;
    bool is_up = begin(line, how);
    if (!is_up) {
        begin_end(line, how);
        return;
    }
    // Each side in its own box. The server's begins while its client may not know yet that the connection stands.
    tn_in_box(0, start, &sides[0]);
    begin_end(line, how);
    tn_in_box(1, start, &sides[1]);
    for (int i = 0; i < 2; i++)
        ck_assert_msg(tk_event_wait_in(sides[i].endpoint->box, &sides[i].done, LONG_MS * 4), "seed %llu: a side does not end",
                      (unsigned long long)tn_net.seed);
    tk_settle();
    bool is_orderly = sides[0].is_released && sides[1].is_released;
    sum.whole += is_orderly;
    sum.cut += !is_orderly;
    sum.whole_despite_act += is_orderly && acts_now != acts_before && sides[0].sent_bytes + sides[1].sent_bytes;
    for (int i = 0; i < 2; i++) {
        bool is_aborted = sides[i].endpoint->disconnects && sides[i].endpoint->disconnect_flags == TDI_DISCONNECT_ABORT;
        bool may_miss = sweep_kind.is_losing && (sides[i].was_cut || is_aborted);
        compare(&sides[i], &sides[1 - i], is_orderly && !may_miss);
        sum.told_of_loss += is_orderly && may_miss;
        ck_assert_int_le(sides[i].endpoint->disconnects, 1);
        sum.fin_events += sides[i].endpoint->disconnects && sides[i].endpoint->disconnect_flags == TDI_DISCONNECT_RELEASE;
        sum.abort_events += sides[i].endpoint->disconnects && sides[i].endpoint->disconnect_flags == TDI_DISCONNECT_ABORT;
    }
    for (int i = 0; i < 2; i++)
        mend(&sides[i]);
}

static VOID NTAPI
line_run(PVOID context)
{
    struct line *line = context;
    for (int round = 0; round < ROUNDS; round++)
        live(line, line->beginnings[round]);
    KeSetEvent(&line->done, 0, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

// ---- a seed ---------------------------------------------------------------------------------------------------------------------

static void
disturb(struct prng *dice)
{
    static const enum tn_act there[ACTS] = {TN_PAUSE, TN_RESET, TN_SLEEP, TN_PULL, TN_REMOVE, TN_SURPRISE};
    static const enum tn_act back[ACTS] = {TN_RESTART, TN_RESET, TN_WAKE, TN_PUSH, TN_ADD, TN_ADD};
    static const enum act always[] = {ACT_PAUSE, ACT_RESET, ACT_LINK};      // what takes no memory of the transport
    enum act act = is_short || sweep_kind.is_mild ? always[prng_next(dice) % 3] : (enum act)(prng_next(dice) % ACTS);
    int box = (int)(prng_next(dice) % 2);
    sum.acts[act]++;
    acts_now++;
    tn_net.hit = act == ACT_PAUSE && tn_net.storeys ? (unsigned)(prng_next(dice) % (tn_net.storeys + 1)) : 0;
    bool is_alone = act == ACT_SLEEP && tn_net.storeys && prng_next(dice) % 2;   // what stands on it stays awake
    tn_do(box, is_alone ? TN_DOZE : there[act]);
    tk_sleep_us((LONG)(prng_next(dice) % (prng_next(dice) % 2 ? 2000 : 1500000)));
    if (act != ACT_RESET)
        tn_do(box, is_alone ? TN_ROUSE : back[act]);
    acts_now++;
}

static void
line_open(struct line *line, int i)
{
    bool is_six = tn_net.place == TN_TWO6;
    snprintf(line->listens_at, sizeof line->listens_at, "%s:%d", is_six ? "[::]" : "0.0.0.0", 4242 + i);
    strcpy(line->server, tn_name_there(4242 + (unsigned)i));
    KeInitializeEvent(&line->done, NotificationEvent, FALSE);
    prng_seed(&line->dice, tn_net.seed * LINES + (uint64_t)i + 1);
    for (int round = 0; round < ROUNDS; round++)
        line->beginnings[round] = (enum beginning)(prng_next(&line->dice) % (round ? BEGINNINGS : 3 * BEGINNINGS) % BEGINNINGS);
    tk_place.box = tk_place.there;
    tk_open_pair(&line->pair.server, &line->pair.there, TN_DEVICE, line->listens_at);
    tk_place.box = NULL;
    tk_open_pair(&line->pair.client, &line->pair.here, TN_DEVICE, NULL);
}

static struct nbx_fault_plan plan_tcpip = {.mode = NBX_FAULT_CHANCE, .per_million = 100000, .driver = "tcpip"};

static void
memory_short(void *arg)
{
    ck_assert_int_eq(nbx_fault_arm(arg), 0);
}

static void
memory_enough(void *arg)
{
    struct nbx_fault_report report;
    nbx_fault_disarm(&report);
    sum.refused_memory += report.refused;
}

static void
one_seed(void)
{
    struct prng dice;
    prng_seed(&dice, tn_net.seed);
    if (sweep_kind.on_built)
        sweep_kind.on_built();
    for (int i = 0; i < LINES; i++)
        line_open(&lines[i], i);
    for (int i = 0; i < LINES; i++) {
        HANDLE thread;
        ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, line_run, &lines[i]), STATUS_SUCCESS);
        ZwClose(thread);
    }
#ifdef TN_SHUFFLE
    tn_shuffle_start();
#endif
    uint32_t acts = (uint32_t)(prng_next(&dice) % 4);
    for (int box = 0; box < 2; box++) {
        const struct nbx_fault_plan *plan = is_short ? &plan_tcpip : sweep_kind.plan[box];
        if (plan)
            tn_in_box(box, memory_short, (void *)plan);
    }
    for (uint32_t i = 0; i < acts; i++) {
        tk_sleep_us((LONG)(prng_next(&dice) % 20000));
        disturb(&dice);
    }
    for (int i = 0; i < LINES; i++) {
        ck_assert_msg(tk_event_wait(&lines[i].done, LONG_MS * 8), "seed %llu: a line does not end", (unsigned long long)tn_net.seed);
        tk_pair_close(&lines[i].pair);
    }
    for (int box = 0; box < 2; box++)
        if (is_short || sweep_kind.plan[box])
            tn_in_box(box, memory_enough, NULL);
#ifdef TN_SHUFFLE
    tn_shuffle_stop();
#endif
}

// FIRST..LAST of NBX_SEEDS; without it a share that takes seconds.
static void
seeds_asked(unsigned long long share, unsigned long long *first, unsigned long long *last)
{
    const char *seeds = getenv("NBX_SEEDS");
    *first = 1;
    *last = share;
    if (seeds)
        ck_assert_int_eq(sscanf(seeds, "%llu..%llu", first, last), 2);
}

#ifndef TK_THREADS
// What is rare takes more seeds than are run every day.
static void
rare_never_zero(const char *what, uint64_t count, bool is_all)
{
    if (is_all)
        never_zero(what, count);
    else
        fprintf(stderr, "  %-40s %llu\n", what, (unsigned long long)count);
}

static void
counts_print(bool is_all)
{
    for (int i = 0; i < BEGINNINGS; i++)
        never_zero(beginning_names[i], sum.beginnings[i]);
    for (int i = 0; i < ENDINGS; i++)
        never_zero(ending_names[i], sum.endings[i]);
    for (int i = 0; i < ACTS; i++)
        never_zero(act_names[i], sum.acts[i]);
    releases_never_zero();
    never_zero("RELEASE: the connection had ended", releases.late);
    never_zero("ABORT: SUCCESS", sum.abort_done);
    never_zero("both released: every byte arrived", sum.whole);
    never_zero("the same while an adapter was away", sum.whole_despite_act);
    never_zero("ended otherwise", sum.cut);
    rare_never_zero("LISTEN outlived its peer", sum.listens_on, is_all);
    rare_never_zero("RECEIVE: the peer is silent for good", sum.silent, is_all);
    never_zero("CONNECT: refused", sum.refused);
    never_zero("CONNECT: out of reach", sum.unreached);
    never_zero("RECEIVE: graceful disconnect", sum.graceful);
    never_zero("ClientEventDisconnect(RELEASE)", sum.fin_events);
    never_zero("ClientEventDisconnect(ABORT)", sum.abort_events);
    never_zero("sends cancelled", sum.send_cancelled);
    never_zero("bytes that arrived", sum.bytes);
}

// Six kinds of wire, four of them bad; IPv4 and IPv6 in turn. What is particular to a seed: on_seed, or NULL.
static void
sweep(uint64_t first, uint64_t last, void (*on_seed)(uint64_t seed))
{
    static const char *const wires[] = {"delay: 200us",
                                        "delay: 100us, jitter: 300us, loss: 2%, reorder: 3%, duplicate: 2%",
                                        "delay: 1ms, jitter: 1ms, loss: 5%, duplicate: 3%",
                                        "delay: 50us, reorder: 10%, duplicate: 5%",
                                        "rate: 10Mbit, delay: 2ms, loss: 1%",
                                        "delay: 30us, jitter: 20us, loss: 10%, reorder: 5%, duplicate: 5%"};
    for (uint64_t seed = first; seed <= last; seed++) {
        tn_net.wire = wires[seed % (sizeof wires / sizeof wires[0])];
        tn_net.nic = "CompletionOrder: random";
        if (on_seed)
            on_seed(seed);
        tn_run("sweep", one_seed, seed % 7 % 2 ? TN_TWO6 : TN_TWO4, seed, 1);
    }
}
#endif

#endif
