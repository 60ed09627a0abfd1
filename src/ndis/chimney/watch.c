// SPDX-License-Identifier: MIT
// See watch.h: the host's side, and what both share; watch_up.c has the target's.
//   initiate   may a connection in that state go, and does its chain hold what it says (NBX-0610)
//   objects    one update at a time (NBX-0622); nothing is out when a terminate begins (NBX-0619)
//   requests   one thread at a time posts (NBX-0612); a failed disconnect is not made again (NBX-0616)
#include "ndis/chimney/watch.h"

#include <stdlib.h>

#include "ndis/chimney/chimney_int.h"
#include "verify/ledger.h"
#include "verify/report.h"

struct chimney_watch *
chimney_watch_create(struct ndis_binding *binding)
{
    struct chimney_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        abort();
    watch->binding = binding;
    atomic_store(&watch->refs, 1);
    atomic_store(&watch->send_failed, UINT32_MAX);
    return watch;
}

void
chimney_watch_put(struct chimney_watch *watch)
{
    if (atomic_fetch_sub(&watch->refs, 1) == 1)
        free(watch);
}

static bool
has(const struct chimney_watch *watch, uint32_t flag)
{
    return atomic_load(&watch->flags) & flag;
}

// ---- initiate ---------------------------------------------------------------------------------------------------------------------------

static uint64_t
nbl_bytes(const NET_BUFFER_LIST *nbl)
{
    uint64_t bytes = 0;
    for (const NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next)
        bytes += nb->DataLength;
    return bytes;
}

static void
hop_push(struct chimney_watch *watch, enum chimney_data_op op, NET_BUFFER_LIST *nbl, ULONG flags)
{
    struct verify_hop hop = {.object = watch, .bytes = (uint32_t)nbl_bytes(nbl), .status = nbl->Status, .kind = (uint16_t)op,
                             .flags = (uint16_t)flags};
    hop.number = atomic_fetch_add(&watch->given[op], 1);
    if (op == CHIMNEY_DISCONNECT)
        hop.number = atomic_load(&watch->given[CHIMNEY_SEND]);   // those it stands behind
    if (verify_offload_push(nbl, &hop))
        atomic_fetch_add(&watch->refs, 1);
    else
        atomic_fetch_add(&watch->ended[op], 1);   // deeper than is kept: it is not looked at
}

static bool
state_travels(TCP_OFFLOAD_CONNECTION_STATE state)
{
    return state == TcpConnectionEstablished || state == TcpConnectionFinWait1 || state == TcpConnectionFinWait2 ||
           state == TcpConnectionCloseWait || state == TcpConnectionClosing || state == TcpConnectionLastAck;
}

static const char *
chain_fault(const TCP_OFFLOAD_STATE_DELEGATED *delegated, const NET_BUFFER_LIST *chain)
{
    bool has_head = false, has_tail = false;
    uint64_t bytes = 0;
    for (const NET_BUFFER_LIST *nbl = chain; nbl; nbl = nbl->Next) {
        bytes += nbl_bytes(nbl);
        has_head |= nbl == delegated->SendDataHead;
        has_tail |= nbl == delegated->SendDataTail;
    }
    ULONG sent = delegated->SndMax - delegated->SndUna;
    if ((LONG)(delegated->SndNxt - delegated->SndUna) < 0 || (LONG)(delegated->SndMax - delegated->SndNxt) < 0)
        return "SndUna, SndNxt and SndMax of a connection are not in this order";
    if (sent > bytes + 1)                     // a FIN has a number too
        return "the NetBufferListChain of a connection does not hold all that was sent and not acknowledged (SndMax - SndUna)";
    if (bytes && (!has_head || !has_tail))
        return "SendDataHead or SendDataTail of a connection is not in its NetBufferListChain";
    return NULL;
}

void
chimney_watch_initiate(struct chimney_watch *watch, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    const char *function = "NdisInitiateOffload";
    const TCP_OFFLOAD_STATE_DELEGATED *delegated = chimney_block_delegated(block);
    if (!delegated)
        return;
    const char *fault = chain_fault(delegated, block->NetBufferListChain);
    if (!state_travels(delegated->State))
        verify_rule_broken(NBX_0610, function, "a connection in state %u cannot be offloaded: only one that is open, or is being closed",
                           delegated->State);
    else if (fault)
        verify_rule_broken(NBX_0610, function, "%s", fault);
    if (delegated->State != TcpConnectionEstablished)
        atomic_fetch_or(&watch->flags, CHIMNEY_HALF);
    for (NET_BUFFER_LIST *nbl = block->NetBufferListChain; nbl; nbl = nbl->Next)
        hop_push(watch, CHIMNEY_SEND, nbl, 0);
}

void
chimney_watch_linker(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    if (!block->DependentBlockList)
        verify_rule_broken(NBX_0610, "NdisInitiateOffload",
                           "a block refers to an object that is offloaded already, and has no dependents to link to it");
}

// ---- other operations -------------------------------------------------------------------------------------------------------------------

static void
terminate_check(const struct chimney_watch *watch)
{
    if (atomic_load(&watch->operations))
        verify_rule_broken(NBX_0619, "NdisTerminateOffload",
                           "is called while a query, an update or an invalidate of the same object has not completed");
    if (atomic_load(&watch->calls))
        verify_rule_broken(NBX_0619, "NdisTerminateOffload",
                           "is called while NdisOffloadTcpReceive or NdisOffloadTcpDisconnect of the same connection has not returned");
}

static void
update_check(const struct chimney_watch *watch)
{
    if (atomic_load(&watch->updates))
        verify_rule_broken(NBX_0622, "NdisUpdateOffload", "is called for an object that is being updated");
    if (has(watch, CHIMNEY_INVALID))
        verify_rule_broken(NBX_0622, "NdisUpdateOffload", "is called for an object that was invalidated");
}

void
chimney_watch_object(struct chimney_watch *watch, enum chimney_state_op op, const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    if (op == CHIMNEY_TERMINATE) {
        terminate_check(watch);
        atomic_fetch_or(&watch->flags, CHIMNEY_TERMINATED);
        return;
    }
    if (op == CHIMNEY_UPDATE && chimney_block_is_cached(block)) {
        update_check(watch);
        atomic_fetch_add(&watch->updates, 1);
    }
    if (op == CHIMNEY_INVALIDATE)
        atomic_fetch_or(&watch->flags, CHIMNEY_INVALID);
    atomic_fetch_add(&watch->operations, 1);
}

void
chimney_watch_object_done(struct chimney_watch *watch, enum chimney_state_op op, const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    if (op == CHIMNEY_UPDATE && chimney_block_is_cached(block) && atomic_load(&watch->updates))
        atomic_fetch_sub(&watch->updates, 1);
    if (atomic_load(&watch->operations))
        atomic_fetch_sub(&watch->operations, 1);
}

// ---- requests ---------------------------------------------------------------------------------------------------------------------------

static void
poster_check(const struct ke_thread *before, const char *function)
{
    if (before && before != ke_self())
        verify_rule_broken(NBX_0612, function, "is called for a connection while another thread is inside it for the same connection");
}

struct ke_thread *
chimney_watch_request(struct chimney_watch *watch, enum chimney_data_op op, NET_BUFFER_LIST *nbls, ULONG flags, const char *function)
{
    struct ke_thread *before = NULL;
    atomic_fetch_add(&watch->refs, 1);
    if (op == CHIMNEY_SEND || op == CHIMNEY_RECEIVE) {
        before = atomic_exchange(&watch->poster[op == CHIMNEY_RECEIVE], ke_self());
        poster_check(before, function);
    }
    if (op == CHIMNEY_RECEIVE)
        atomic_fetch_and(&watch->flags, ~(uint32_t)CHIMNEY_REFUSED);
    if (op == CHIMNEY_RECEIVE || op == CHIMNEY_DISCONNECT)
        atomic_fetch_add(&watch->calls, 1);
    if (op == CHIMNEY_DISCONNECT && has(watch, CHIMNEY_FAILED * flags))
        verify_rule_broken(NBX_0616, function, "is called again, for a disconnect that has failed");
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next)
        hop_push(watch, op, nbl, flags);
    return before;
}

void
chimney_watch_request_over(struct chimney_watch *watch, enum chimney_data_op op, struct ke_thread *before)
{
    if (op == CHIMNEY_SEND || op == CHIMNEY_RECEIVE)
        atomic_store(&watch->poster[op == CHIMNEY_RECEIVE], before);
    if (op == CHIMNEY_RECEIVE || op == CHIMNEY_DISCONNECT)
        atomic_fetch_sub(&watch->calls, 1);
    chimney_watch_put(watch);
}
