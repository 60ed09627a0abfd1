// SPDX-License-Identifier: MIT
// Cases of regions and windows: ndmrlat, ndmrrate, and of ndmemorytest mrderegister, mrinvalidbuffer, invalidreadwrite, overreadwrite,
// writeviolation. In the last three the client binds a window, says where it is, and the server wants more than it may.
#include "cases.h"

#include <check.h>
#include <string.h>

#define BYTES 4096u
#define LOCAL NDK_MR_FLAG_ALLOW_LOCAL_WRITE
#define REMOTE (NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_ALLOW_REMOTE_WRITE)

// ---- ndmrlat, ndmrrate: registrations one after the other, and many at a time -------------------------------------------------------

bool
case_ndmrlat(void)
{
    ULONG most = nd2.is_whole ? 64u << 20 : 1u << 20;
    int box = nd2.server;
    struct nd2_memory *m;
    uint32_t local, remote;
    NEED(m = nd2_memory(box, most, REMOTE));
    for (ULONG bytes = 1; bytes <= most; bytes *= rc_net.is_short ? 64 : 4) {
        uint32_t before = m->remote;
        NEED(nd2_is(nd2_deregister(box, m->mr), STATUS_SUCCESS));
        NEED(nd2_is(nd2_register(box, m->mr, m->mdl, bytes, REMOTE), STATUS_SUCCESS));
        RC_CALL(box, remote = m->mr->Dispatch->NdkGetRemoteTokenFromMr(m->mr));
        RC_CALL(box, local = m->mr->Dispatch->NdkGetLocalTokenFromMr(m->mr));
        ck_assert_uint_ne(remote, before);                  // a token of the registration before leads nowhere
        ck_assert_uint_ne(remote, local);
        m->remote = remote;
    }
    return true;
}

bool
case_ndmrrate(void)
{
    ULONG count = nd2.is_whole ? 200 : rc_net.is_short ? 4 : 64;
    NDK_MR *mrs[200];
    uint32_t tokens[200];
    int box = nd2.server;
    struct nd2_memory *m;
    NEED(m = nd2_memory(box, BYTES, REMOTE));
    for (ULONG i = 0; i < count; i++) {       // the same bytes, each time a region of its own
        NEED(mrs[i] = nd2_mr(box));
        NEED(nd2_is(nd2_register(box, mrs[i], m->mdl, BYTES, REMOTE), STATUS_SUCCESS));
        RC_CALL(box, tokens[i] = mrs[i]->Dispatch->NdkGetRemoteTokenFromMr(mrs[i]));
        bool is_new = true;
        for (ULONG j = 0; j < i; j++)
            is_new = is_new && tokens[i] != tokens[j];
        ck_assert(is_new);
    }
    for (ULONG i = 0; i < count; i++)
        NEED(nd2_is(nd2_deregister(box, mrs[i]), STATUS_SUCCESS));
    return true;
}

// ---- mrderegister, mrinvalidbuffer --------------------------------------------------------------------------------------------------

bool
case_mrderegister(void)
{
    struct nd2_pair pair = {0};
    struct nd2_memory *m;
    NTSTATUS status;
    NDK_MW *mw;
    NEED(nd2_open(&pair));
    NEED(m = nd2_memory(pair.passive->box, BYTES, REMOTE));
    NEED(mw = nd2_window(pair.passive, m, BYTES, NDK_OP_FLAG_ALLOW_REMOTE_READ));
    ck_assert_int_eq(nd2_deregister(pair.passive->box, m->mr), STATUS_DEVICE_BUSY);
    RC_CALL(pair.passive->box, status = pair.passive->qp->Dispatch->NdkInvalidate(pair.passive->qp, (PVOID)9, &mw->Header, 0));
    NEED(nd2_is(status, STATUS_SUCCESS));
    NEED(nd2_result_is(pair.passive->box, 9, STATUS_SUCCESS));
    NEED(nd2_is(nd2_deregister(pair.passive->box, m->mr), STATUS_SUCCESS));
    return nd2_part(pair.active, pair.passive);
}

bool
case_mrinvalidbuffer(void)
{
    int box = nd2.server;
    struct nd2_memory *m;
    NDK_MR *mr;
    NEED(m = nd2_memory(box, BYTES, LOCAL));
    NEED(mr = nd2_mr(box));
    ck_assert_int_eq(nd2_register(box, mr, NULL, 0, LOCAL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(nd2_register(box, mr, NULL, BYTES, LOCAL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(nd2_register(box, mr, m->mdl, 0, LOCAL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(nd2_register(box, mr, m->mdl, BYTES + 1, LOCAL), STATUS_INVALID_PARAMETER);
    return nd2_is(nd2_register(box, mr, m->mdl, BYTES, LOCAL), STATUS_SUCCESS);
}

// ---- what a peer may not ------------------------------------------------------------------------------------------------------------

struct said {                                 // of the window, by a send
    uint64_t address;
    uint32_t token, bytes;
};

struct trespass {
    struct nd2_pair pair;
    struct nd2_memory *client, *server;        // the client's has a page on either side of the window
    NDK_MW *mw;
    struct said said;
    bool is_read;
};

// The client's window is there, its receive posted, and the server knows.
static bool
trespass_begin(struct trespass *t, ULONG flags)
{
    NEED(nd2_open(&t->pair));
    NEED(t->client = nd2_memory(t->pair.active->box, 2 * BYTES, REMOTE));
    NEED(t->server = nd2_memory(t->pair.passive->box, 2 * BYTES, LOCAL | NDK_MR_FLAG_RDMA_READ_SINK));
    nd2_fill(t->client, 0, 2 * BYTES, 3);
    memset(t->server->bytes, 0xEE, 2 * BYTES);
    NEED(t->mw = nd2_window(t->pair.active, t->client, BYTES, flags));
    struct said said = {(uint64_t)(uintptr_t)t->client->bytes, nd2_window_token(t->pair.active->box, t->mw), BYTES};
    memcpy(t->client->bytes + BYTES, &said, sizeof said);
    NEED(nd2_receive(t->pair.active, 1, (struct nd2_piece){0}));
    NEED(nd2_receive(t->pair.passive, 2, (struct nd2_piece){t->server, 0, sizeof said}));
    NEED(nd2_send(t->pair.active, 3, (struct nd2_piece){t->client, BYTES, sizeof said}));
    NEED(nd2_result_is(t->pair.active->box, 3, STATUS_SUCCESS));
    NEED(nd2_result_is(t->pair.passive->box, 2, STATUS_SUCCESS));
    memcpy(&t->said, t->server->bytes, sizeof t->said);
    nd2_fill(t->client, BYTES, BYTES, 9);
    return true;
}

/* The server reads or writes so many bytes, and both are told that it is over. A read fails by the Terminate. A write is done when TCP has
 * it, which may be before the Terminate comes: iWARP's own. The client's receive is flushed by its own disconnect and not before. */
static bool
trespass_end(struct trespass *t, ULONG bytes, NTSTATUS read_status)
{
    struct rc_side *client = t->pair.active, *server = t->pair.passive;
    struct nd2_piece piece = {t->server, 0, bytes};
    NDK_RESULT result;
    memset(t->server->bytes, 0xEE, 2 * BYTES);
    if (t->is_read)
        NEED(nd2_read(server, 4, piece, t->said.address, t->said.token));
    else
        NEED(nd2_write(server, 4, piece, t->said.address, t->said.token));
    NEED(nd2_told(server));
    NEED(nd2_told(client));
    NEED(nd2_result(server->box, 4, &result));
    if (t->is_read)
        NEED(nd2_is(result.Status, read_status));
    else
        NEED(nd2_either(result.Status, STATUS_SUCCESS, STATUS_ACCESS_VIOLATION));
    ck_assert_uint_eq(nd2_results_now(client->box), 0);
    NEED(nd2_ended(client));
    NEED(nd2_result_is(client->box, 1, STATUS_CANCELLED));
    return nd2_ended(server);
}

// The bytes of a piece are still those of nd2_fill.
static void
untouched(const struct nd2_memory *m, ULONG at, ULONG bytes, uint8_t start)
{
    ULONG written = 0;
    for (ULONG i = 0; i < bytes; i++)
        written += m->bytes[at + i] != (uint8_t)(start + i * 31 + i / 257);
    ck_assert_uint_eq(written, 0);
}

// What a read that is refused brings: nothing.
static void
nothing_came(const struct trespass *t)
{
    ULONG written = 0;
    for (ULONG i = 0; i < 2 * BYTES; i++)
        written += t->server->bytes[i] != 0xEE;
    ck_assert_uint_eq(written, 0);
}

bool
case_invalidreadwrite(void)
{
    for (int is_read = 0; is_read < 2; is_read++) {
        struct trespass t = {.is_read = is_read};
        NTSTATUS status;
        NEED(trespass_begin(&t, NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE));
        struct rc_side *client = t.pair.active;
        RC_CALL(client->box, status = client->qp->Dispatch->NdkInvalidate(client->qp, (PVOID)5, &t.mw->Header, 0));
        NEED(nd2_is(status, STATUS_SUCCESS));
        NEED(nd2_result_is(client->box, 5, STATUS_SUCCESS));
        NEED(trespass_end(&t, BYTES, STATUS_ACCESS_VIOLATION));
        untouched(t.client, 0, BYTES, 3);
        untouched(t.client, BYTES, BYTES, 9);
        if (is_read)
            nothing_came(&t);
        nd2_side_close(t.pair.active);
        nd2_side_close(t.pair.passive);
        rc_listener_close(t.pair.listener);
    }
    return true;
}

bool
case_overreadwrite(void)
{
    for (int is_read = 0; is_read < 2; is_read++) {
        struct trespass t = {.is_read = is_read};
        NEED(trespass_begin(&t, NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE));
        NEED(trespass_end(&t, BYTES + 1, STATUS_REMOTE_RESOURCES));
        untouched(t.client, BYTES, BYTES, 9);               // a write's segments within the window are the peer's right
        if (is_read) {
            untouched(t.client, 0, BYTES, 3);
            nothing_came(&t);
        }
        nd2_side_close(t.pair.active);
        nd2_side_close(t.pair.passive);
        rc_listener_close(t.pair.listener);
    }
    return true;
}

bool
case_writeviolation(void)
{
    struct trespass t = {0};
    NEED(trespass_begin(&t, NDK_OP_FLAG_ALLOW_REMOTE_READ));
    NEED(trespass_end(&t, BYTES, STATUS_SUCCESS));
    untouched(t.client, 0, BYTES, 3);
    untouched(t.client, BYTES, BYTES, 9);
    return true;
}
