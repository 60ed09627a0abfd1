// SPDX-License-Identifier: MIT
// See watch.h: the target's side.
//   completions   order (NBX-0614), kind, status and bytes (NBX-0615), nonpush mode (NBX-0624), one at a time (NBX-0613)
//   trees         statuses that agree (NBX-0611), a chain that was left alone (NBX-0623), nothing left at the end (NBX-0620, NBX-0621)
//   indications   one at a time (NBX-0613), after a refusal (NBX-0609), after the end (NBX-0617), reasons (NBX-0618)
#include "ndis/chimney/watch.h"

#include "ndis/chimney/chimney_int.h"
#include "verify/ledger.h"
#include "verify/report.h"

#define NONE UINT32_MAX

static bool
has(const struct chimney_watch *watch, uint32_t flag)
{
    return atomic_load(&watch->flags) & flag;
}

static void
set(struct chimney_watch *watch, uint32_t flag)
{
    atomic_fetch_or(&watch->flags, flag);
}

// ---- completions ------------------------------------------------------------------------------------------------------------------------

static bool
status_is_one(enum chimney_data_op op, NDIS_STATUS status)
{
    if (status == NDIS_STATUS_SUCCESS || status == NDIS_STATUS_REQUEST_ABORTED || status == NDIS_STATUS_UPLOAD_IN_PROGRESS)
        return true;
    if (op == CHIMNEY_SEND)
        return status == NDIS_STATUS_REQUEST_UPLOAD || status == NDIS_STATUS_UPLOAD_REQUESTED;
    return op == CHIMNEY_RECEIVE && status == NDIS_STATUS_INVALID_STATE;
}

static uint64_t
bytes_left(const NET_BUFFER_LIST *nbl)
{
    uint64_t bytes = 0;
    for (const NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next)
        bytes += nb->DataLength;
    return bytes;
}

static uint64_t
bytes_moved(const NET_BUFFER_LIST *nbl)
{
    return (uintptr_t)NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred);
}

// The NET_BUFFER is advanced by what TcpOffloadBytesTransferred says; a disconnect that succeeded has brought all.
static void
bytes_check(const struct verify_hop *hop, const NET_BUFFER_LIST *nbl, const char *function)
{
    uint64_t moved = bytes_moved(nbl), left = bytes_left(nbl);
    if (hop->kind != CHIMNEY_RECEIVE && hop->kind != CHIMNEY_DISCONNECT)
        return;
    if (moved + left != hop->bytes)
        verify_rule_broken(NBX_0615, function,
                           "TcpOffloadBytesTransferred is %llu of %u bytes, and the NET_BUFFER has %llu left: it is advanced by as many",
                           (unsigned long long)moved, hop->bytes, (unsigned long long)left);
    else if (hop->kind == CHIMNEY_DISCONNECT && nbl->Status == NDIS_STATUS_SUCCESS && left)
        verify_rule_broken(NBX_0615, function, "a disconnect succeeds, and %llu bytes of its data were not acknowledged",
                           (unsigned long long)left);
}

static void
order_check(struct chimney_watch *watch, const struct verify_hop *hop, NDIS_STATUS status, const char *function)
{
    uint32_t before = atomic_load(&watch->ended[hop->kind == CHIMNEY_DISCONNECT ? CHIMNEY_SEND : hop->kind]);
    if (hop->kind == CHIMNEY_FORWARD || status != NDIS_STATUS_SUCCESS) {
        uint32_t first = atomic_load(&watch->send_failed);
        while (hop->kind == CHIMNEY_SEND && hop->number < first &&
               !atomic_compare_exchange_weak(&watch->send_failed, &first, hop->number))
            ;
        return;
    }
    if (before < hop->number)
        verify_rule_broken(NBX_0614, function, "a %s succeeds before %s that came before it has been completed",
                           hop->kind == CHIMNEY_SEND      ? "send"
                           : hop->kind == CHIMNEY_RECEIVE ? "receive"
                                                          : "disconnect",
                           hop->kind == CHIMNEY_RECEIVE ? "one" : "a send");
    if (hop->kind == CHIMNEY_SEND && hop->number > atomic_load(&watch->send_failed))
        verify_rule_broken(NBX_0614, function, "a send succeeds after one before it has failed");
}

static void
receive_check(struct chimney_watch *watch, const struct verify_hop *hop, const NET_BUFFER_LIST *nbl, const char *function)
{
    bool is_nonpush = NET_BUFFER_LIST_INFO(nbl, TcpReceiveNoPush) != NULL;
    if (has(watch, CHIMNEY_TERMINATED) && has(watch, CHIMNEY_CORRUPT) && nbl->Status != NDIS_STATUS_REQUEST_ABORTED)
        verify_rule_broken(NBX_0621, function,
                           "after a HardwareFailure posted receives are completed with NDIS_STATUS_REQUEST_ABORTED at the terminate");
    if (nbl->Status != NDIS_STATUS_SUCCESS || !hop->bytes)
        return;
    if (bytes_moved(nbl) && has(watch, CHIMNEY_FIN_TOLD))
        verify_rule_broken(NBX_0617, function, "data comes after TcpIndicateDisconnect");
    if (bytes_moved(nbl) && has(watch, CHIMNEY_ENDED_SHORT))
        verify_rule_broken(NBX_0624, function, "data comes after a receive in nonpush mode was completed before it was full");
    if (is_nonpush && bytes_moved(nbl) < hop->bytes)
        set(watch, CHIMNEY_ENDED_SHORT);
}

static void
disconnect_note(struct chimney_watch *watch, const struct verify_hop *hop, NDIS_STATUS status)
{
    if (status != NDIS_STATUS_SUCCESS)
        set(watch, (uint32_t)CHIMNEY_FAILED * hop->flags);
    else if (hop->flags == TCP_DISCONNECT_GRACEFUL_CLOSE)
        set(watch, CHIMNEY_HALF);
}

// An intermediate driver that could not pass a receive on gives it back on its own, whatever the target below does meanwhile.
static void
up_begin(struct chimney_ups *ups, struct chimney_watch *watch, NDIS_STATUS status, const char *function)
{
    for (uint32_t i = 0; i < ups->count; i++)
        if (ups->watch[i] == watch)
            return;
    if (status == NDIS_STATUS_UPLOAD_IN_PROGRESS || ups->count == CHIMNEY_UPS)
        return;
    if (atomic_fetch_add(&watch->receives_up, 1))
        verify_rule_broken(NBX_0613, function,
                           "is called for a connection while a completion of receives or an indication of its data has not returned");
    atomic_fetch_add(&watch->refs, 1);
    ups->watch[ups->count++] = watch;
}

static void
completed(struct chimney_ups *ups, enum chimney_data_op op, NET_BUFFER_LIST *nbl, const struct verify_hop *hop, const char *function)
{
    struct chimney_watch *watch = hop->object;
    if (hop->kind != op)
        verify_rule_broken(NBX_0615, function, "a request is completed by the function that completes another kind of request");
    else if (!status_is_one(op, nbl->Status))
        verify_rule_broken(NBX_0615, function, "a request is completed with the Status 0x%08x, which is none that it may end with",
                           nbl->Status);
    bytes_check(hop, nbl, function);
    order_check(watch, hop, nbl->Status, function);
    if (hop->kind == CHIMNEY_RECEIVE) {
        receive_check(watch, hop, nbl, function);
        up_begin(ups, watch, nbl->Status, function);
    }
    if (hop->kind == CHIMNEY_DISCONNECT)
        disconnect_note(watch, hop, nbl->Status);
    atomic_fetch_add(&watch->ended[hop->kind], 1);
    chimney_watch_put(watch);
}

void
chimney_watch_completed(struct chimney_ups *ups, enum chimney_data_op op, NET_BUFFER_LIST *nbls, const char *function)
{
    struct verify_hop hop;
    ups->count = 0;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next)
        if (verify_offload_pop(nbl, &hop))
            completed(ups, op, nbl, &hop, function);
}

void
chimney_watch_ups_over(struct chimney_ups *ups)
{
    while (ups->count) {
        struct chimney_watch *watch = ups->watch[--ups->count];
        atomic_fetch_sub(&watch->receives_up, 1);
        chimney_watch_put(watch);
    }
}

// ---- trees ------------------------------------------------------------------------------------------------------------------------------

void
chimney_watch_tree(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    const char *function = "NdisMInitiateOffloadComplete";
    uint32_t good = 0, bad = 0, partial = 0;
    if (!block->MiniportOffloadContext)
        return;                               // a placeholder stands for nothing
    for (const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *d = block->DependentBlockList; d; d = d->NextBlock) {
        partial += d->Status == NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS;
        if (!d->MiniportOffloadContext)
            partial += d->DependentBlockList != NULL;   // and what hangs on it may have failed
        else if (chimney_block_failed(d))
            bad++;
        else
            good++;
    }
    if (block->Status == NDIS_STATUS_SUCCESS && bad)
        verify_rule_broken(NBX_0611, function, "a block's Status is NDIS_STATUS_SUCCESS, and one of its dependents has failed");
    if (block->Status == NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS && !bad && !partial)
        verify_rule_broken(NBX_0611, function, "a block's Status is NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, and no dependent has failed");
    if (chimney_block_failed(block) && good)
        verify_rule_broken(NBX_0611, function, "a block has failed, and one of its dependents has not");
}

void
chimney_watch_untaken(NET_BUFFER_LIST *chain)
{
    struct verify_hop hop;
    for (NET_BUFFER_LIST *nbl = chain; nbl; nbl = nbl->Next) {
        if (!verify_offload_pop(nbl, &hop))
            continue;
        if (nbl->Status != hop.status)
            verify_rule_broken(NBX_0623, "NdisMInitiateOffloadComplete",
                               "a connection was not taken, and the Status of a NET_BUFFER_LIST of its chain was changed");
        atomic_fetch_add(&((struct chimney_watch *)hop.object)->ended[hop.kind], 1);
        chimney_watch_put(hop.object);
    }
}

// What was not sent goes back as it came, without completion. fails: returns false, there is another list in it
static bool
chain_take(struct chimney_watch *watch, NET_BUFFER_LIST *chain)
{
    struct verify_hop hop;
    bool is_sends = true;
    uint32_t last = NONE;
    for (NET_BUFFER_LIST *nbl = chain; nbl; nbl = nbl->Next) {
        if (!verify_offload_pop(nbl, &hop))
            continue;
        struct chimney_watch *of = hop.object;
        is_sends = is_sends && of == watch && hop.kind == CHIMNEY_SEND;
        if (last != NONE && hop.number < last)
            verify_rule_broken(NBX_0614, "NdisMTerminateOffloadComplete", "sends in NetBufferListChain are not in the order they came in");
        last = hop.number;
        atomic_fetch_add(&of->ended[hop.kind], 1);
        chimney_watch_put(of);
    }
    return is_sends;
}

void
chimney_watch_terminated(struct chimney_watch *watch, NET_BUFFER_LIST *chain)
{
    static const char *const words[] = {"sends", "receives", "disconnects", "forwarded segments"};
    const char *function = "NdisMTerminateOffloadComplete";
    if (!chain_take(watch, chain))
        verify_rule_broken(NBX_0620, function, "NetBufferListChain has a NET_BUFFER_LIST that is no send of its connection");
    for (int op = 0; op < CHIMNEY_DATA_OPS; op++) {
        uint32_t left = atomic_load(&watch->given[op]) - atomic_load(&watch->ended[op]);
        if (left)
            verify_rule_broken(NBX_0620, function, "is called over %u %s of the connection that were not completed", left, words[op]);
    }
    if (atomic_load(&watch->indications))
        verify_rule_broken(NBX_0620, function, "is called while an indication of the connection has not returned");
    if (has(watch, CHIMNEY_CORRUPT) && !has(watch, CHIMNEY_ABORT_TOLD))
        verify_rule_broken(NBX_0621, function, "is called after a HardwareFailure that no TcpIndicateAbort has followed");
}

// ---- indications ------------------------------------------------------------------------------------------------------------------------

void
chimney_watch_data(struct chimney_watch *watch, const char *function)
{
    atomic_fetch_add(&watch->refs, 1);
    atomic_fetch_add(&watch->indications, 1);
    if (atomic_fetch_add(&watch->receives_up, 1))
        verify_rule_broken(NBX_0613, function,
                           "is called for a connection while a completion of receives or an indication of its data has not returned");
    if (has(watch, CHIMNEY_REFUSED))
        verify_rule_broken(NBX_0609, function,
                           "data is indicated although the host has not taken all of the last and has posted no receive since");
    if (has(watch, CHIMNEY_FIN_TOLD | CHIMNEY_ABORT_TOLD))
        verify_rule_broken(NBX_0617, function, "data comes after %s",
                           has(watch, CHIMNEY_FIN_TOLD) ? "TcpIndicateDisconnect" : "TcpIndicateAbort");
    if (has(watch, CHIMNEY_ENDED_SHORT))
        verify_rule_broken(NBX_0624, function, "data comes after a receive in nonpush mode was completed before it was full");
    set(watch, CHIMNEY_REFUSED);              // a receive that the host posts from now on, inside the call or after it, undoes this
}

void
chimney_watch_data_over(struct chimney_watch *watch, NDIS_STATUS answer)
{
    if (answer == NDIS_STATUS_SUCCESS)
        atomic_fetch_and(&watch->flags, ~(uint32_t)CHIMNEY_REFUSED);
    atomic_fetch_sub(&watch->receives_up, 1);
    atomic_fetch_sub(&watch->indications, 1);
    chimney_watch_put(watch);
}

static bool
reason_obliges(ULONG reason)
{
    return reason == HardwareFailure || reason == InvalidState || reason == ReceivedUrgentData || reason == TimeoutExpiration ||
           reason == UploadRequested;
}

void
chimney_watch_event(struct chimney_watch *watch, ULONG type, ULONG information)
{
    const char *function = "NdisTcpOffloadEventHandler";
    atomic_fetch_add(&watch->refs, 1);
    atomic_fetch_add(&watch->indications, 1);
    if (type == TcpIndicateDisconnect) {
        if (has(watch, CHIMNEY_FIN_TOLD))
            verify_rule_broken(NBX_0617, function, "TcpIndicateDisconnect is told twice");
        if (has(watch, CHIMNEY_REFUSED))
            verify_rule_broken(NBX_0617, function, "TcpIndicateDisconnect is told before the host has taken all data");
        set(watch, CHIMNEY_FIN_TOLD | CHIMNEY_HALF);
    }
    if (type == TcpIndicateAbort)
        set(watch, CHIMNEY_ABORT_TOLD);
    if (type != TcpIndicateRetrieve)
        return;
    if (information == HardwareFailure)
        set(watch, CHIMNEY_CORRUPT);
    if (!reason_obliges(information) && has(watch, CHIMNEY_HALF))
        verify_rule_broken(NBX_0618, function,
                           "a connection of which one half is closed is asked back for reason %u, which does not oblige the host",
                           information);
}

void
chimney_watch_event_over(struct chimney_watch *watch)
{
    atomic_fetch_sub(&watch->indications, 1);
    chimney_watch_put(watch);
}
