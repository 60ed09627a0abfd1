// SPDX-License-Identifier: MIT
// Cases of making connections: ndconn, ndmpic, and of ndmemorytest connectlistenerclosing, connrejectclose, dualconnection, duallisten,
// invalidip, largeprivatedata.
#include "cases.h"

#include <check.h>
#include <string.h>

#include <nbx/ndk.h>

#define BYTES 4096u

// A reset may be lost on the wire; then a time-out says the same later.
static bool
aborted(struct rc_side *side)
{
    return nd2_finish_either(side, STATUS_CONNECTION_ABORTED, nd2.is_lossy ? STATUS_IO_TIMEOUT : STATUS_CONNECTION_ABORTED);
}

static bool
refused(struct rc_side *side)
{
    return nd2_finish_either(side, STATUS_CONNECTION_REFUSED, nd2.is_lossy ? STATUS_IO_TIMEOUT : STATUS_CONNECTION_REFUSED);
}

// The first byte of a request's private data, which say whose it is: requests may come in any order.
static bool
said_by(struct rc_side *side, UCHAR *who)
{
    UCHAR got[512];
    ULONG bytes = sizeof got, in, out;
    NTSTATUS status;
    RC_CALL(side->box, status = side->connector->Dispatch->NdkGetConnectionData(side->connector, &in, &out, got, &bytes));
    NEED(nd2_is(status, STATUS_SUCCESS));
    ck_assert_uint_eq(in, 1);
    ck_assert_uint_eq(out, 1);
    *who = got[0];
    return true;
}

// ---- ndconn: many connections over one listener -------------------------------------------------------------------------------------

#define CONNS 60                              // the kit's listener remembers 64

struct conn {
    struct rc_side *active, *passive;
};

static bool
conns_begin(struct conn *conns, ULONG count, struct rc_listener *listener, struct nd2_memory *to)
{
    for (ULONG i = 0; i < count; i++) {       // all of them on their way at once
        UCHAR number = (UCHAR)i;
        NEED(conns[i].active = nd2_side(!nd2.server));
        NEED(nd2_receive(conns[i].active, i, (struct nd2_piece){to, 0, BYTES}));
        NEED(nd2_connect(conns[i].active, listener, &(struct rc_data){1, 1, &number, 1}));
    }
    return true;
}

static bool
conns_open(struct conn *conns, ULONG count, struct nd2_memory *to)
{
    struct rc_listener *listener;
    NEED(listener = nd2_listener(nd2.server, ND_PORT));
    NEED(conns_begin(conns, count, listener, to));
    for (ULONG i = 0; i < count; i++) {
        struct rc_side *side;
        UCHAR number;
        NEED(side = nd2_incoming(listener, NULL));
        NEED(said_by(side, &number));
        ck_assert_uint_lt(number, count);
        ck_assert_ptr_null(conns[number].passive);
        conns[number].passive = side;
        rc_accept(side, &rc_plain);
        NEED(nd2_is(side->returned, STATUS_PENDING));
        NEED(nd2_finish(conns[number].active, STATUS_SUCCESS));
        rc_complete(conns[number].active);
    }
    for (ULONG i = 0; i < count; i++) {
        NEED(nd2_finish(conns[i].active, STATUS_SUCCESS));
        NEED(nd2_finish(conns[i].passive, STATUS_SUCCESS));
    }
    return true;
}

bool
case_ndconn(void)
{
    ULONG count = nd2.is_whole ? CONNS : rc_net.is_short ? 2 : 12;
    struct nd2_memory *from, *to;
    struct conn conns[CONNS] = {0};
    NEED(from = nd2_memory(nd2.server, BYTES, NDK_MR_FLAG_ALLOW_LOCAL_WRITE));
    NEED(to = nd2_memory(!nd2.server, BYTES, NDK_MR_FLAG_ALLOW_LOCAL_WRITE));
    nd2_fill(from, 0, BYTES, 40);
    NEED(conns_open(conns, count, to));
    for (ULONG i = 0; i < count; i++)
        NEED(nd2_send(conns[i].passive, i, (struct nd2_piece){from, 0, BYTES}));
    for (ULONG i = 0; i < count; i++) {
        NEED(nd2_result_is(nd2.server, i, STATUS_SUCCESS));
        NEED(nd2_result_is(!nd2.server, i, STATUS_SUCCESS));
    }
    ck_assert_mem_eq(from->bytes, to->bytes, BYTES);
    for (ULONG i = 0; i < count; i++) {       // the server first, as the original has it
        rc_disconnect(conns[i].passive);
        NEED(nd2_told(conns[i].active));
        rc_disconnect(conns[i].active);
        NEED(nd2_finish(conns[i].active, STATUS_SUCCESS));
        NEED(nd2_finish(conns[i].passive, STATUS_SUCCESS));
    }
    return true;
}

// ---- ndmpic: ranks that connect to each other at once -------------------------------------------------------------------------------

// Four ranks, the even ones in one box. Who connects to whom; where both do, the higher rank's connection is the one.
static const struct {
    UCHAR from, to;
    bool is_refused;
} mpi_plan[] = {{0, 1, false}, {0, 3, true}, {2, 1, false}, {1, 2, true}, {3, 0, false}, {3, 2, false}};
#define LINKS (sizeof mpi_plan / sizeof mpi_plan[0])

struct mpi {
    struct rc_listener *listeners[4];
    struct rc_side *active[LINKS], *passive[LINKS];
    UCHAR data[4][39];                        // private data: the rank, a key
};

static bool
mpi_connect(struct mpi *m)
{
    for (int rank = 0; rank < 4; rank++) {
        NEED(m->listeners[rank] = nd2_listener(rank & 1, (USHORT)(ND_PORT + 10 + rank)));
        for (unsigned i = 0; i < sizeof m->data[0]; i++)
            m->data[rank][i] = (UCHAR)(i ? i : (unsigned)rank);
    }
    for (unsigned i = 0; i < LINKS; i++) {
        struct rc_data data = {1, 1, m->data[mpi_plan[i].from], sizeof m->data[0]};
        NEED(m->active[i] = nd2_side(mpi_plan[i].from & 1));
        NEED(nd2_connect(m->active[i], m->listeners[mpi_plan[i].to], &data));
    }
    return true;
}

static bool
mpi_answer(struct mpi *m, int rank)
{
    unsigned to_come = 0;
    for (unsigned i = 0; i < LINKS; i++)
        to_come += mpi_plan[i].to == rank;
    while (to_come--) {
        struct rc_side *side;
        UCHAR peer;
        unsigned i = 0;
        NEED(side = nd2_incoming(m->listeners[rank], NULL));
        NEED(said_by(side, &peer));
        while (mpi_plan[i].from != peer || mpi_plan[i].to != rank)
            i++;
        m->passive[i] = side;
        if (mpi_plan[i].is_refused) {         // ours to it is on its way, and ours is the higher rank
            NEED(nd2_is(rc_reject(side, NULL, 0), STATUS_SUCCESS));
            NEED(nd2_finish(m->active[i], STATUS_CONNECTION_REFUSED));
            continue;
        }
        NEED(nd2_receive(side, 100 + i, (struct nd2_piece){0}));
        NEED(nd2_receive(side, 200 + i, (struct nd2_piece){0}));
        rc_accept(side, &(struct rc_data){1, 1, m->data[rank], sizeof m->data[0]});
        NEED(nd2_is(side->returned, STATUS_PENDING));
        NEED(nd2_finish(m->active[i], STATUS_SUCCESS));
        rc_complete(m->active[i]);
    }
    return true;
}

// Close and its acknowledgement, both ways; then both disconnect.
static bool
mpi_talk(struct mpi *m, unsigned i)
{
    struct rc_side *a = m->active[i], *p = m->passive[i];
    NEED(nd2_receive(a, 300 + i, (struct nd2_piece){0}));
    NEED(nd2_receive(a, 400 + i, (struct nd2_piece){0}));
    for (unsigned k = 0; k < 2; k++) {
        NEED(nd2_send(a, 500 + 100 * k + i, (struct nd2_piece){0}));
        NEED(nd2_result_is(p->box, 100 + 100 * k + i, STATUS_SUCCESS));
        NEED(nd2_send(p, 700 + 100 * k + i, (struct nd2_piece){0}));
        NEED(nd2_result_is(a->box, 300 + 100 * k + i, STATUS_SUCCESS));
    }
    return nd2_part(a, p);
}

bool
case_ndmpic(void)
{
    struct mpi m = {0};
    NEED(mpi_connect(&m));
    for (int rank = 0; rank < 4; rank++)
        NEED(mpi_answer(&m, rank));
    for (unsigned i = 0; i < LINKS; i++)
        if (!mpi_plan[i].is_refused) {
            NEED(nd2_finish(m.active[i], STATUS_SUCCESS));
            NEED(nd2_finish(m.passive[i], STATUS_SUCCESS));
            NEED(mpi_talk(&m, i));
        }
    return true;
}

// ---- connectlistenerclosing ---------------------------------------------------------------------------------------------------------

bool
case_connectlistenerclosing(void)
{
    struct nd2_pair pair = {0};
    struct rc_side *late, *gone;
    struct rc_wait closed;
    NTSTATUS status;
    // Closing: a connection that came by it is still there, and the close waits for that.
    NEED(nd2_open(&pair));
    NDK_LISTENER *listener = pair.listener->listener;
    pair.listener->listener = NULL;
    rc_wait_init(&closed);
    RC_CALL(nd2.server, status = listener->Dispatch->NdkCloseListener(&listener->Header, rc_closed, &closed));
    ck_assert_int_eq(status, STATUS_PENDING);
    late = nd2_side(!nd2.server);
    bool is_whole = late && nd2_connect(late, pair.listener, &rc_plain) && refused(late);
    is_whole = nd2_part(pair.active, pair.passive) && is_whole;
    nd2_side_close(pair.active);
    nd2_side_close(pair.passive);
    ck_assert(rc_ended(nd2.server, &closed, RC_WAIT_S * 1000));
    NEED(is_whole);
    // Closed: the peer's host answers for the port. Ours of the kit has no TCP, and a time-out is nothing to wait for in real time.
    if (rc_is_real() && !rc_net.is_tcpip)
        return true;
    NEED(gone = nd2_side(!nd2.server));
    NEED(nd2_connect(gone, pair.listener, &rc_plain));
    return nd2_finish_either(gone, rc_net.is_tcpip ? STATUS_CONNECTION_REFUSED : STATUS_IO_TIMEOUT, STATUS_CONNECTION_REFUSED);
}

// ---- connrejectclose: the client gives up after the accept --------------------------------------------------------------------------

bool
case_connrejectclose(void)
{
    struct nd2_pair pair = {0};
    for (int closes = 0; closes < 2; closes++) {
        NEED(nd2_requested(&pair));
        NEED(nd2_replied(&pair));
        if (closes)
            nd2_side_close(pair.active);
        else
            NEED(nd2_is(rc_reject(pair.active, NULL, 0), STATUS_SUCCESS));
        NEED(aborted(pair.passive));
        nd2_side_close(pair.active);
        nd2_side_close(pair.passive);
    }
    return true;
}

// ---- dualconnection, duallisten -----------------------------------------------------------------------------------------------------

bool
case_dualconnection(void)
{
    struct nd2_pair pair = {0};
    struct rc_side *other, again;
    NEED(nd2_requested(&pair));
    NEED(nd2_replied(&pair));
    again = *pair.active;                     // with a request of its own
    rc_connect(&again, pair.listener, &rc_plain);
    NEED(nd2_is(again.returned, STATUS_CONNECTION_ACTIVE));
    NEED(other = nd2_side(!nd2.server));
    again = *other;                           // another connector, the same QP
    again.qp = pair.active->qp;
    rc_connect(&again, pair.listener, &rc_plain);
    NEED(nd2_is(again.returned, STATUS_CONNECTION_ACTIVE));
    NEED(nd2_completed(&pair));                // the first one has not noticed
    return nd2_part(pair.active, pair.passive);
}

// A listener that must not listen, of this NDK adapter.
static bool
cannot_listen(int box, NDK_ADAPTER *adapter)
{
    struct rc_listener second = {0};
    NTSTATUS status = rc_listen_of(&second, adapter, box, ND_PORT);
    rc_listener_close(&second);
    return nd2_is(status, STATUS_SHARING_VIOLATION);
}

bool
case_duallisten(void)
{
    int box = nd2.server;
    struct rc_listener *first;
    NDK_ADAPTER *adapter = NULL;
    NDIS_STATUS opened;
    NDK_VERSION version = {1, 2};
    NEED(first = nd2_listener(box, ND_PORT));
    NEED(cannot_listen(box, rc_end[box].adapter));
    struct rc_visit visit = rc_visit(box);
    opened = nbx_ndk_adapter_open(rc_end[box].client, rc_end[box].if_index, version, &adapter);
    rc_go_back(visit);
    if (!adapter) {
        ck_assert(rc_net.is_short && opened == NDIS_STATUS_RESOURCES);
        return false;
    }
    bool is_whole = cannot_listen(box, adapter);
    RC_CALL(box, nbx_ndk_adapter_close(rc_end[box].client, adapter));
    NEED(is_whole);
    rc_listener_close(first);
    NEED(nd2_listener(box, ND_PORT));          // free again
    return true;
}

// ---- invalidip ----------------------------------------------------------------------------------------------------------------------

// One try; what it ends with depends on who knows that there is nobody.
static bool
try_to(const SOCKADDR_INET *to, NTSTATUS wanted)
{
    SOCKADDR_INET from = rc_address(!nd2.server, 0);
    struct rc_side *side;
    NEED(side = nd2_side(!nd2.server));
    rc_connect_to(side, &from, to, &rc_plain);
    NEED(nd2_finish(side, wanted));
    nd2_side_close(side);
    return true;
}

bool
case_invalidip(void)
{
    SOCKADDR_INET nobody = rc_address(8, ND_PORT), foreign = rc_address(nd2.server, ND_PORT), other = rc_address(nd2.server, ND_PORT);
    // tcpip looks for the neighbor; the kit's host sends everything to the other box, where nobody answers. Both take seconds.
    if (!rc_is_real())
        NEED(try_to(&nobody, rc_net.is_tcpip ? STATUS_HOST_UNREACHABLE : STATUS_IO_TIMEOUT));
    if (rc_net.is_tcpip) {
        ((UCHAR *)&foreign)[rc_net.is_six ? 8 + 3 : 4 + 1] = 77;
        NEED(try_to(&foreign, STATUS_NETWORK_UNREACHABLE));
    } else if (!rc_is_real()) {
        static const NTSTATUS statuses[] = {STATUS_HOST_UNREACHABLE, STATUS_NETWORK_UNREACHABLE};
        bool is_whole = true;
        for (unsigned i = 0; i < 2 && is_whole; i++) {
            rc_host[!nd2.server].way_status = statuses[i];
            is_whole = try_to(&nobody, statuses[i]);
        }
        rc_host[!nd2.server].way_status = STATUS_SUCCESS;
        NEED(is_whole);
    }
    other.si_family = rc_net.is_six ? AF_INET : AF_INET6;   // not of the local address's kind
    return try_to(&other, STATUS_INVALID_PARAMETER);
}

// ---- largeprivatedata ---------------------------------------------------------------------------------------------------------------

// What the peer said with its request or reply is all there.
static bool
data_is(struct rc_side *side, const UCHAR *wanted, ULONG count)
{
    static UCHAR got[1024];
    ULONG bytes = sizeof got, in, out;
    NTSTATUS status;
    RC_CALL(side->box, status = side->connector->Dispatch->NdkGetConnectionData(side->connector, &in, &out, got, &bytes));
    NEED(nd2_is(status, STATUS_SUCCESS));
    ck_assert_uint_ge(bytes, count);
    ck_assert_mem_eq(got, wanted, count);
    return true;
}

bool
case_largeprivatedata(void)
{
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    NTSTATUS status;
    UCHAR data[600];
    struct nd2_pair pair = {0};
    NDK_ADAPTER *adapter = rc_end[nd2.server].adapter;
    RC_CALL(nd2.server, status = adapter->Dispatch->NdkQueryAdapterInfo(adapter, &info, &bytes));
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_uint_lt(info.MaxCallerData, sizeof data);
    ck_assert_uint_lt(info.MaxCalleeData, sizeof data);
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (UCHAR)(i * 7 + 1);
    NEED(pair.listener = nd2_listener(nd2.server, ND_PORT));
    NEED(pair.active = nd2_side(!nd2.server));
    rc_connect(pair.active, pair.listener, &(struct rc_data){1, 1, data, info.MaxCallerData + 1});
    NEED(nd2_is(pair.active->returned, STATUS_INVALID_BUFFER_SIZE));
    NEED(nd2_connect(pair.active, pair.listener, &(struct rc_data){1, 1, data, info.MaxCallerData}));
    NEED(pair.passive = nd2_incoming(pair.listener, pair.active));
    NEED(data_is(pair.passive, data, info.MaxCallerData));
    rc_accept(pair.passive, &(struct rc_data){1, 1, data + 50, info.MaxCalleeData + 1});
    NEED(nd2_is(pair.passive->returned, STATUS_INVALID_BUFFER_SIZE));
    NEED(nd2_is(rc_reject(pair.passive, data, info.MaxCalleeData + 1), STATUS_INVALID_BUFFER_SIZE));
    rc_accept(pair.passive, &(struct rc_data){1, 1, data + 50, info.MaxCalleeData});
    NEED(nd2_is(pair.passive->returned, STATUS_PENDING));
    NEED(nd2_finish(pair.active, STATUS_SUCCESS));
    NEED(data_is(pair.active, data + 50, info.MaxCalleeData));
    NEED(nd2_completed(&pair));
    return nd2_part(pair.active, pair.passive);
}
