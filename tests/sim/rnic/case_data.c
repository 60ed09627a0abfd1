// SPDX-License-Identifier: MIT
// Cases that move bytes: ndping, ndpingpong, ndrping, ndrpingpong, ndmval, ndmw, and of ndmemorytest sendnoreceive and
// receiveconnectorclosed.
#include "cases.h"

#include <check.h>
#include <string.h>

#define LOCAL NDK_MR_FLAG_ALLOW_LOCAL_WRITE
#define REMOTE (NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_ALLOW_REMOTE_WRITE)
#define SLOT 4096u                            // of a buffer of several messages
#define DEPTH 16u                             // of the kit's queues
#define CREDIT 8u

static bool
is_same(const struct nd2_piece *a, const struct nd2_piece *b)
{
    return !memcmp(a->memory->bytes + a->at, b->memory->bytes + b->at, a->bytes);
}

// ---- ndping: a stream of sends one way, credits the other ---------------------------------------------------------------------------

struct ping {
    struct nd2_pair pair;
    struct nd2_memory *from, *to;
    ULONG sizes[DEPTH];
    ULONG sent, received, count;
};

static bool
ping_send(struct ping *p)
{
    ULONG slot = p->sent % DEPTH;
    struct nd2_piece piece = {p->from, slot * SLOT, 1 + (ULONG)prng_below(&nd2.dice, SLOT)};
    p->sizes[slot] = piece.bytes;
    nd2_fill(p->from, piece.at, piece.bytes, (uint8_t)p->sent);
    return nd2_send(p->pair.active, 1000 + p->sent++, piece);
}

// The next one has arrived whole and in its turn; its receive is posted again, and every few earn a credit.
static bool
ping_receive(struct ping *p)
{
    ULONG slot = p->received % DEPTH;
    struct nd2_piece piece = {p->to, slot * SLOT, p->sizes[slot]}, sent = {p->from, slot * SLOT, p->sizes[slot]};
    struct nd2_piece room = {p->to, slot * SLOT, SLOT};
    NDK_RESULT result;
    NEED(nd2_result(p->pair.passive->box, p->received, &result) && nd2_is(result.Status, STATUS_SUCCESS));
    ck_assert_uint_eq(result.BytesTransferred, piece.bytes);
    ck_assert(is_same(&piece, &sent));
    p->received++;
    NEED(nd2_receive(p->pair.passive, p->received + DEPTH - 1, room));
    return p->received % CREDIT || nd2_send(p->pair.passive, 3000 + p->received / CREDIT, (struct nd2_piece){0});
}

static bool
ping_begin(struct ping *p)
{
    NEED(nd2_requested(&p->pair));
    NEED(p->from = nd2_memory(p->pair.active->box, DEPTH * SLOT, LOCAL));
    NEED(p->to = nd2_memory(p->pair.passive->box, DEPTH * SLOT, LOCAL));
    for (ULONG i = 0; i < DEPTH; i++)         // before the accept: nothing can come too early
        NEED(nd2_receive(p->pair.passive, i, (struct nd2_piece){p->to, i * SLOT, SLOT}));
    for (ULONG i = 1; i <= p->count / CREDIT; i++)
        if (i <= DEPTH)
            NEED(nd2_receive(p->pair.active, 2000 + i, (struct nd2_piece){0}));
    NEED(nd2_replied(&p->pair));
    return nd2_completed(&p->pair);
}

bool
case_ndping(void)
{
    struct ping p = {.count = nd2.is_whole ? 128 : rc_net.is_short ? 24 : 48};
    NEED(ping_begin(&p));
    for (ULONG credits = DEPTH / CREDIT; p.sent < p.count;) {
        if (p.sent < credits * CREDIT) {
            NEED(ping_send(&p));
            continue;
        }
        while (p.received < (credits - 1) * CREDIT)
            NEED(ping_receive(&p));
        NEED(nd2_result_is(p.pair.active->box, 2000 + credits - 1, STATUS_SUCCESS));
        for (ULONG i = p.received - CREDIT; i < p.received; i++)
            NEED(nd2_result_is(p.pair.active->box, 1000 + i, STATUS_SUCCESS));
        credits++;
    }
    while (p.received < p.count)
        NEED(ping_receive(&p));
    return nd2_part(p.pair.active, p.pair.passive);
}

// ---- ndpingpong: a send and its answer, each size -----------------------------------------------------------------------------------

// One message across; every byte of it.
static bool
across(struct rc_side *from, struct nd2_memory *source, struct rc_side *to, struct nd2_memory *sink, ULONG bytes)
{
    struct nd2_piece out = {source, 0, bytes}, in = {sink, 0, bytes};
    NDK_RESULT result;
    nd2_fill(source, 0, bytes, (uint8_t)(bytes + from->box));
    memset(sink->bytes, 0, bytes);
    NEED(nd2_receive(to, 1, in));
    NEED(nd2_send(from, 2, out));
    NEED(nd2_result(to->box, 1, &result) && nd2_is(result.Status, STATUS_SUCCESS));
    ck_assert_uint_eq(result.BytesTransferred, bytes);
    ck_assert(is_same(&out, &in));
    return nd2_result_is(from->box, 2, STATUS_SUCCESS);
}

bool
case_ndpingpong(void)
{
    struct nd2_pair pair = {0};
    ULONG most = nd2.is_whole ? 1u << 20 : rc_net.is_short ? 8192 : 65536;
    struct nd2_memory *here, *there;
    NEED(nd2_open(&pair));
    NEED(here = nd2_memory(pair.active->box, most, LOCAL));
    NEED(there = nd2_memory(pair.passive->box, most, LOCAL));
    for (ULONG bytes = 1; bytes <= most; bytes *= 4) {
        NEED(across(pair.active, here, pair.passive, there, bytes));
        NEED(across(pair.passive, there, pair.active, here, bytes));
    }
    return nd2_part(pair.active, pair.passive);
}

// ---- ndrping: one side writes and reads the other's memory --------------------------------------------------------------------------

struct nd2_words {                             // what a side says of its memory
    uint64_t address;
    uint32_t token, bytes;
};

// The passive side says where its memory is, by a send; the active one knows it then.
static bool
advertise(struct nd2_pair *pair, struct nd2_memory *theirs, struct nd2_memory *ours, struct nd2_words *words)
{
    struct nd2_words said = {(uint64_t)(uintptr_t)theirs->bytes, theirs->remote, theirs->count};
    memcpy(theirs->bytes, &said, sizeof said);
    NEED(nd2_receive(pair->active, 50, (struct nd2_piece){ours, 0, sizeof said}));
    NEED(nd2_send(pair->passive, 51, (struct nd2_piece){theirs, 0, sizeof said}));
    NEED(nd2_result_is(pair->active->box, 50, STATUS_SUCCESS));
    memcpy(words, ours->bytes, sizeof *words);
    ck_assert_mem_eq(words, &said, sizeof said);
    return nd2_result_is(pair->passive->box, 51, STATUS_SUCCESS);
}

bool
case_ndrping(void)
{
    struct nd2_pair pair = {0};
    ULONG count = rc_net.is_short ? 4 : DEPTH, rounds = nd2.is_whole ? 16 : 2;
    struct nd2_memory *ours, *theirs;
    struct nd2_words words;
    NEED(nd2_open(&pair));
    NEED(ours = nd2_memory(pair.active->box, 2 * DEPTH * SLOT, LOCAL | NDK_MR_FLAG_RDMA_READ_SINK));
    NEED(theirs = nd2_memory(pair.passive->box, DEPTH * SLOT, REMOTE));
    NEED(advertise(&pair, theirs, ours, &words));
    for (ULONG round = 0; round < rounds; round++) {
        ULONG bytes = count * SLOT;
        nd2_fill(ours, 0, bytes, (uint8_t)round);
        memset(ours->bytes + DEPTH * SLOT, 0, bytes);
        for (ULONG i = 0; i < count; i++)
            NEED(nd2_write(pair.active, 100 + i, (struct nd2_piece){ours, i * SLOT, SLOT}, words.address + i * SLOT, words.token));
        for (ULONG i = 0; i < count; i++)
            NEED(nd2_result_is(pair.active->box, 100 + i, STATUS_SUCCESS));
        // A read behind a write sees what that wrote [RFC 5040 5.5].
        NEED(nd2_read(pair.active, 200, (struct nd2_piece){ours, DEPTH * SLOT, bytes}, words.address, words.token));
        NEED(nd2_result_is(pair.active->box, 200, STATUS_SUCCESS));
        ck_assert_mem_eq(theirs->bytes, ours->bytes, bytes);
        ck_assert_mem_eq(ours->bytes + DEPTH * SLOT, ours->bytes, bytes);
    }
    NEED(nd2_true(!nd2_results_now(pair.passive->box)));      // its consumer is told of none of it
    return nd2_part(pair.active, pair.passive);
}

// ---- ndrpingpong: writes to and fro, each side watches its own memory ---------------------------------------------------------------

// The last byte of a write comes last: the adapter says so (NDK_ADAPTER_FLAG_IN_ORDER_DMA_SUPPORTED).
static bool
byte_comes(const struct nd2_memory *m, ULONG at, uint8_t wanted)
{
    for (ULONG ms = 0; ms < 60000; ms++) {
        if (__atomic_load_n(&m->bytes[at], __ATOMIC_ACQUIRE) == wanted)
            return true;
        rc_sleep_ms(1);
    }
    return nd2_true(false);
}

static bool
pong(struct rc_side *from, struct nd2_memory *source, struct nd2_memory *sink, ULONG bytes, uint8_t round)
{
    struct nd2_piece out = {source, 0, bytes}, in = {sink, SLOT * DEPTH, bytes};
    nd2_fill(source, 0, bytes, round);
    source->bytes[bytes - 1] = round;
    NEED(nd2_write(from, 300, out, (uint64_t)(uintptr_t)sink->bytes + in.at, sink->remote));
    NEED(byte_comes(sink, in.at + bytes - 1, round));
    ck_assert(is_same(&out, &in));
    return nd2_result_is(from->box, 300, STATUS_SUCCESS);
}

bool
case_ndrpingpong(void)
{
    struct nd2_pair pair = {0};
    ULONG most = nd2.is_whole ? SLOT * DEPTH : SLOT * 4;
    struct nd2_memory *here, *there;
    uint8_t round = 0;
    NEED(nd2_open(&pair));
    NEED(here = nd2_memory(pair.active->box, 2 * DEPTH * SLOT, REMOTE));
    NEED(there = nd2_memory(pair.passive->box, 2 * DEPTH * SLOT, REMOTE));
    memset(here->bytes, 0, here->count);
    memset(there->bytes, 0, there->count);
    for (ULONG bytes = 1; bytes <= most; bytes *= 4) {
        NEED(pong(pair.active, here, there, bytes, ++round));
        NEED(pong(pair.passive, there, here, bytes, ++round));
    }
    return nd2_part(pair.active, pair.passive);
}

// ---- ndmval: 1,024 bytes into 1,023 -------------------------------------------------------------------------------------------------

bool
case_ndmval(void)
{
    struct nd2_pair pair = {0};
    struct nd2_memory *from, *to;
    NDK_RESULT result;
    NEED(nd2_open(&pair));
    NEED(from = nd2_memory(pair.active->box, 1024, LOCAL));
    NEED(to = nd2_memory(pair.passive->box, 1024, LOCAL));
    nd2_fill(from, 0, 1024, 1);
    memset(to->bytes, 0x5A, 1024);
    NEED(nd2_receive(pair.passive, 1, (struct nd2_piece){to, 0, 1023}));
    NEED(nd2_send(pair.active, 2, (struct nd2_piece){from, 0, 1024}));
    NEED(nd2_result_is(pair.passive->box, 1, STATUS_BUFFER_OVERFLOW));
    ck_assert_uint_eq(to->bytes[1023], 0x5A);
    // The sender's is done when TCP says so, or fails by the Terminate if that comes first.
    NEED(nd2_told(pair.active));
    NEED(nd2_told(pair.passive));
    NEED(nd2_result(pair.active->box, 2, &result));
    NEED(nd2_either(result.Status, STATUS_SUCCESS, STATUS_REMOTE_RESOURCES));
    NEED(nd2_ended(pair.active));
    return nd2_ended(pair.passive);
}

// ---- sendnoreceive: nothing is posted -----------------------------------------------------------------------------------------------

bool
case_sendnoreceive(void)
{
    struct nd2_pair pair = {0};
    struct nd2_memory *from;
    NDK_RESULT result;
    NEED(nd2_open(&pair));
    NEED(from = nd2_memory(pair.active->box, SLOT, LOCAL));
    NEED(nd2_send(pair.active, 2, (struct nd2_piece){from, 0, SLOT}));
    NEED(nd2_told(pair.passive));
    NEED(nd2_told(pair.active));
    NEED(nd2_result(pair.active->box, 2, &result));          // it does not wait for ever
    NEED(nd2_either(result.Status, STATUS_SUCCESS, STATUS_REMOTE_RESOURCES));
    rc_sleep_ms(nd2_while_ms());
    ck_assert_uint_eq(nd2_results_now(pair.passive->box), 0);
    NEED(nd2_ended(pair.active));
    return nd2_ended(pair.passive);
}

// ---- receiveconnectorclosed: the peer goes while a receive is posted ----------------------------------------------------------------

bool
case_receiveconnectorclosed(void)
{
    struct nd2_pair pair = {0};
    struct nd2_memory *to;
    NEED(nd2_requested(&pair));
    NEED(to = nd2_memory(pair.passive->box, SLOT, LOCAL));
    NEED(nd2_receive(pair.passive, 1, (struct nd2_piece){to, 0, SLOT}));
    NEED(nd2_replied(&pair));
    NEED(nd2_completed(&pair));
    nd2_side_close(pair.active);
    NEED(nd2_told(pair.passive));
    rc_sleep_ms(nd2_while_ms());
    // A peer that goes flushes nothing [ndkpi/nc-ndkpi-ndk_fn_disconnect_event_callback]: the consumer's own disconnect does.
    ck_assert_uint_eq(nd2_results_now(pair.passive->box), 0);
    NEED(nd2_ended(pair.passive));
    return nd2_result_is(pair.passive->box, 1, STATUS_CANCELLED);
}

// ---- ndmw: a window over a large buffer, at various offsets -------------------------------------------------------------------------

struct mw {
    struct nd2_pair pair;
    struct nd2_memory *client, *server;
    uint64_t address;
    uint32_t token;
    ULONG bytes, half, stride;
};

// The client binds, and says where; the first bytes of its upper half go with it.
static bool
mw_begin(struct mw *t)
{
    struct nd2_words *words;
    NDK_MW *mw;
    NEED(nd2_open(&t->pair));
    NEED(t->client = nd2_memory(t->pair.active->box, t->bytes, LOCAL | NDK_MR_FLAG_RDMA_READ_SINK));
    NEED(t->server = nd2_memory(t->pair.passive->box, t->bytes, LOCAL));
    NEED(mw = nd2_window(t->pair.active, t->client, t->bytes, NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE));
    nd2_fill(t->client, t->half, t->half, 77);
    words = (struct nd2_words *)(t->client->bytes + t->half - sizeof *words);
    *words = (struct nd2_words){(uint64_t)(uintptr_t)t->client->bytes, nd2_window_token(t->pair.active->box, mw), t->bytes};
    NEED(nd2_receive(t->pair.passive, 1, (struct nd2_piece){t->server, 0, 1024 + sizeof *words}));
    NEED(nd2_send(t->pair.active, 2, (struct nd2_piece){t->client, t->half - sizeof *words, 1024 + sizeof *words}));
    NEED(nd2_result_is(t->pair.active->box, 2, STATUS_SUCCESS));
    NEED(nd2_result_is(t->pair.passive->box, 1, STATUS_SUCCESS));
    words = (struct nd2_words *)t->server->bytes;
    t->address = words->address;
    t->token = words->token;
    ck_assert_uint_eq(words->bytes, t->bytes);
    return true;
}

static bool
mw_read(struct mw *t, ULONG at, ULONG bytes)
{
    NEED(nd2_read(t->pair.passive, 3, (struct nd2_piece){t->server, at, bytes}, t->address + at, t->token));
    return nd2_result_is(t->pair.passive->box, 3, STATUS_SUCCESS);
}

static bool
mw_write(struct mw *t, ULONG from, ULONG to, ULONG bytes)
{
    NEED(nd2_write(t->pair.passive, 4, (struct nd2_piece){t->server, from, bytes}, t->address + to, t->token));
    return nd2_result_is(t->pair.passive->box, 4, STATUS_SUCCESS);
}

// An empty message from the server: the client may look.
static bool
mw_say(struct mw *t)
{
    NEED(nd2_receive(t->pair.active, 5, (struct nd2_piece){0}));
    NEED(nd2_send(t->pair.passive, 6, (struct nd2_piece){0}));
    NEED(nd2_result_is(t->pair.active->box, 5, STATUS_SUCCESS));
    return nd2_result_is(t->pair.passive->box, 6, STATUS_SUCCESS);
}

// The lower half becomes the upper one with each bit turned.
static bool
mw_first(struct mw *t)
{
    ULONG quarter = t->half / 2;
    NEED(mw_read(t, t->half, 1024));
    ck_assert_mem_eq(t->server->bytes + sizeof(struct nd2_words), t->server->bytes + t->half, 1024);
    NEED(mw_read(t, t->half + 1024, t->half - 1024));
    for (ULONG i = t->half; i < t->bytes; i++)
        t->server->bytes[i] = (uint8_t)~t->server->bytes[i];
    NEED(mw_write(t, t->half + quarter, quarter, quarter));
    NEED(mw_write(t, t->half, 0, quarter));
    NEED(mw_say(t));
    ULONG wrong = 0;
    for (ULONG i = 0; i < t->half; i++)
        wrong += t->client->bytes[i] != (uint8_t)~t->client->bytes[i + t->half];
    ck_assert_uint_eq(wrong, 0);
    return true;
}

// Words of the upper half, from the top down, are those of the lower half from the bottom up.
static bool
mw_second(struct mw *t)
{
    for (ULONG i = 0; i < t->half; i += t->stride)
        NEED(mw_write(t, t->half + i, t->bytes - 4 - i, 4));
    NEED(mw_say(t));
    ULONG wrong = 0;
    for (ULONG i = 0; i < t->half; i += t->stride)
        wrong += memcmp(t->client->bytes + i, t->client->bytes + t->bytes - 4 - i, 4) != 0;
    ck_assert_uint_eq(wrong, 0);
    return true;
}

bool
case_ndmw(void)
{
    struct mw t = {.bytes = nd2.is_whole ? 64u << 20 : rc_net.is_short ? 16384 : 131072};
    t.half = t.bytes / 2;
    t.stride = t.half / (nd2.is_whole ? 4096 : 16);
    NEED(mw_begin(&t));
    NEED(mw_first(&t));
    NEED(mw_second(&t));
    return nd2_part(t.pair.active, t.pair.passive);
}
