// SPDX-License-Identifier: MIT
// Lists down to the port, and back to NDIS.
//   NDIS -> vnic_send -> straight to the port if nothing waits and the list is plain (tx_run.c), else
//        -> FIFO (tx.first) -> tx_pump: batch of frames (tx_batch.c) -> nbx_port_tx
//        -> tx_advance: NBLs whose last frame was taken -> tx_deliver -> NdisMSendNetBufferListsComplete, or the held list (random)
//   port -> vnic_on_tx_ready -> tx_pump         the FIFO goes on where the port had stopped it
//   NDIS -> vnic_cancel_send -> out of the FIFO;   tx_watchdog_dpc gives the FIFO back when the port has been stuck for seconds
// Bytes are the sender's again when nbx_port_tx returns, so an NBL is complete as soon as the port has taken its last frame. The lock
// keeps the order: one sender at a time is what the port wants, and FIFO is what the wire gets
// [ndis/nc-ndis-miniport_send_net_buffer_lists].
#include "vnic.h"

struct tx_list {                              // NBLs to complete
    NET_BUFFER_LIST *first, **end;
    ULONG count;
};

static void
tx_list_init(struct tx_list *list)
{
    list->first = NULL;
    list->end = &list->first;
    list->count = 0;
}

static void
tx_list_add(struct tx_list *list, NET_BUFFER_LIST *nbl)
{
    *list->end = nbl;
    list->end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
    list->count++;
}

// A whole chain from first to last.
static void
tx_list_splice(struct tx_list *list, NET_BUFFER_LIST *first, NET_BUFFER_LIST *last, ULONG count)
{
    *list->end = first;
    list->end = &NET_BUFFER_LIST_NEXT_NBL(last);
    list->count += count;
}

// ---- making and freeing ---------------------------------------------------------------------------------------------------------

static KDEFERRED_ROUTINE tx_complete_dpc, tx_watchdog_dpc;

NDIS_STATUS
vnic_tx_create(struct vnic_adapter *adapter)
{
    struct vnic_tx *tx = &adapter->tx;
    KeInitializeSpinLock(&tx->lock);
    KeInitializeDpc(&tx->complete_dpc, tx_complete_dpc, adapter);
    KeInitializeTimer(&tx->complete_timer);
    KeInitializeDpc(&tx->watchdog_dpc, tx_watchdog_dpc, adapter);
    KeInitializeTimer(&tx->watchdog);
    tx->batch_max = adapter->settings.transmit_buffers;
    tx->iov_max = tx->batch_max * 4 + VNIC_TX_IOV_PER_FRAME;
    tx->frames = vnic_alloc(adapter, tx->batch_max * sizeof *tx->frames);
    tx->marks = vnic_alloc(adapter, tx->batch_max * sizeof *tx->marks);
    tx->iov = vnic_alloc(adapter, tx->iov_max * sizeof *tx->iov);
    tx->scratch = vnic_alloc(adapter, tx->batch_max * sizeof *tx->scratch);
    tx->bounce = vnic_alloc(adapter, VNIC_BOUNCE_BYTES);
    if (!tx->frames || !tx->marks || !tx->iov || !tx->scratch || !tx->bounce)
        return NDIS_STATUS_RESOURCES;
    return NDIS_STATUS_SUCCESS;
}

void
vnic_tx_destroy(struct vnic_adapter *adapter)
{
    struct vnic_tx *tx = &adapter->tx;
    vnic_free(adapter, tx->frames);
    vnic_free(adapter, tx->marks);
    vnic_free(adapter, tx->iov);
    vnic_free(adapter, tx->scratch);
    vnic_free(adapter, tx->bounce);
}

// ---- completion -----------------------------------------------------------------------------------------------------------------

// So many NBLs are NDIS's again: does a pause or a reset end with them?
// irql: DISPATCH   locks: takes tx->lock   calls: NdisMPauseComplete, NdisMResetComplete without it
static void
tx_gone(struct vnic_adapter *adapter, ULONG count)
{
    struct vnic_tx *tx = &adapter->tx;
    KeAcquireSpinLockAtDpcLevel(&tx->lock);
    tx->out -= count;
    BOOLEAN quiet = !tx->out;
    BOOLEAN paused = quiet && tx->state == VNIC_PAUSING, reset = quiet && tx->resetting;
    if (paused)
        tx->state = VNIC_PAUSED;
    if (reset)
        tx->resetting = FALSE;
    KeReleaseSpinLockFromDpcLevel(&tx->lock);
    if (reset)
        NdisMResetComplete(adapter->ndis, NDIS_STATUS_SUCCESS, FALSE);
    if (paused)
        vnic_pause_step(adapter);
}

static void
tx_deliver(struct vnic_adapter *adapter, struct tx_list *list)
{
    if (!list->count)
        return;
    *list->end = NULL;
    NdisMSendNetBufferListsComplete(adapter->ndis, list->first, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
    tx_gone(adapter, list->count);
}

// The completion DPC now or within VNIC_HOLD_US, so that completions of several sends come to lie together.
static void
tx_hold_wake_locked(struct vnic_tx *tx)
{
    if (nbx_port_draw(2))
        KeInsertQueueDpc(&tx->complete_dpc, NULL, NULL);
    else
        KeSetTimer(&tx->complete_timer, (LARGE_INTEGER){.QuadPart = -(LONGLONG)nbx_port_draw(10 * VNIC_HOLD_US) - 1}, &tx->complete_dpc);
}

// CompletionOrder=random: keep what is sent for the DPC. Nothing stays on the list then.
static void
tx_hold_locked(struct vnic_adapter *adapter, struct tx_list *list)
{
    struct vnic_tx *tx = &adapter->tx;
    if (!list->count)
        return;
    *list->end = tx->held;
    tx->held = list->first;
    tx_list_init(list);
    tx_hold_wake_locked(tx);
}

// Complete some of what is held, in an order and in lists drawn from the box's seed; what is left waits for the next DPC.
static VOID
tx_complete_dpc(struct _KDPC *dpc, PVOID context, PVOID unused1, PVOID unused2)
{
    struct vnic_adapter *adapter = context;
    struct vnic_tx *tx = &adapter->tx;
    NET_BUFFER_LIST *some[64];
    ULONG count = 0;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(unused1);
    UNREFERENCED_PARAMETER(unused2);
    KeAcquireSpinLockAtDpcLevel(&tx->lock);
    while (tx->held && count < ARRAYSIZE(some)) {
        some[count++] = tx->held;
        tx->held = NET_BUFFER_LIST_NEXT_NBL(tx->held);
    }
    for (ULONG i = count; i > 1; i--) {
        ULONG other = (ULONG)nbx_port_draw(i);
        NET_BUFFER_LIST *nbl = some[other];
        some[other] = some[i - 1];
        some[i - 1] = nbl;
    }
    for (ULONG back = count ? (ULONG)nbx_port_draw(count) : 0; back; back--) {
        NET_BUFFER_LIST_NEXT_NBL(some[--count]) = tx->held;
        tx->held = some[count];
    }
    if (tx->held)
        tx_hold_wake_locked(tx);
    KeReleaseSpinLockFromDpcLevel(&tx->lock);
    for (ULONG i = 0; i < count;) {
        struct tx_list list;
        tx_list_init(&list);
        for (ULONG run = 1 + (ULONG)nbx_port_draw(count - i); run; run--)
            tx_list_add(&list, some[i++]);
        tx_deliver(adapter, &list);
    }
}

// ---- the FIFO -------------------------------------------------------------------------------------------------------------------

// The first NBL has gone to the port as a whole (or will not go): it leaves the FIFO.
static void
tx_pop_locked(struct vnic_tx *tx, struct tx_list *done)
{
    NET_BUFFER_LIST *nbl = tx->first;
    tx->first = NET_BUFFER_LIST_NEXT_NBL(nbl);
    tx->next_nb = NULL;
    tx->next_segment = 0;
    if (NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo))
        vnic_offload_sent(nbl);
    tx_list_add(done, nbl);
}

// The NET_BUFFER at the front is through.
static void
tx_step_locked(struct vnic_tx *tx, struct tx_list *done)
{
    NET_BUFFER *nb = tx->next_nb ? tx->next_nb : NET_BUFFER_LIST_FIRST_NB(tx->first);
    tx->next_segment = 0;
    tx->next_nb = nb ? NET_BUFFER_NEXT_NB(nb) : NULL;
    if (!tx->next_nb)
        tx_pop_locked(tx, done);
}

// The port took this many frames of the batch.
static void
tx_advance_locked(struct vnic_tx *tx, ULONG taken, struct tx_list *done)
{
    for (ULONG i = 0; i < taken; i++) {
        tx->counters.frames[tx->marks[i].cast]++;
        tx->counters.bytes[tx->marks[i].cast] += tx->frames[i].bytes;
        if (tx->marks[i].nb_ends)
            tx_step_locked(tx, done);
        else
            tx->next_segment++;
    }
    tx->progress += taken;
}

// Everything in the FIFO comes back with this status.
static void
tx_flush_locked(struct vnic_tx *tx, NDIS_STATUS status, struct tx_list *done)
{
    while (tx->first) {
        NET_BUFFER_LIST_STATUS(tx->first) = status;
        tx->counters.discards++;
        tx_pop_locked(tx, done);
    }
}

// While the port takes nothing: NDIS cannot finish a pause before every send is back, so a stuck port must not keep them for ever.
static void
tx_watchdog_set_locked(struct vnic_tx *tx)
{
    if (tx->watchdog_is_set)
        return;
    tx->watchdog_is_set = TRUE;
    tx->watchdog_progress = tx->progress;
    KeSetTimer(&tx->watchdog, (LARGE_INTEGER){.QuadPart = -10000ll * VNIC_WATCHDOG_MS}, &tx->watchdog_dpc);
}

static VOID
tx_watchdog_dpc(struct _KDPC *dpc, PVOID context, PVOID unused1, PVOID unused2)
{
    struct vnic_adapter *adapter = context;
    struct vnic_tx *tx = &adapter->tx;
    struct tx_list done;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(unused1);
    UNREFERENCED_PARAMETER(unused2);
    tx_list_init(&done);
    KeAcquireSpinLockAtDpcLevel(&tx->lock);
    tx->watchdog_is_set = FALSE;
    if (tx->first && tx->progress == tx->watchdog_progress)
        tx_flush_locked(tx, NDIS_STATUS_FAILURE, &done);
    else if (tx->first)
        tx_watchdog_set_locked(tx);
    KeReleaseSpinLockFromDpcLevel(&tx->lock);
    tx_deliver(adapter, &done);
}

// Offer the FIFO to the port until it is empty or the port is full.
static void
tx_pump_locked(struct vnic_adapter *adapter, struct tx_list *done)
{
    struct vnic_tx *tx = &adapter->tx;
    if (!tx->link_up) {
        // No code of the page fits a missing cable better [ndis/nf-ndis-ndismsendnetbufferlistscomplete, the table of codes].
        tx_flush_locked(tx, NDIS_STATUS_FAILURE, done);
        return;
    }
    while (tx->first && !tx->blocked) {
        NDIS_STATUS status = vnic_batch_build(adapter);
        if (status != NDIS_STATUS_SUCCESS) {  // the frame at the front cannot be sent
            NET_BUFFER_LIST_STATUS(tx->first) = status;
            tx->counters.errors++;
            tx_step_locked(tx, done);
            continue;
        }
        ULONG taken = nbx_port_tx(adapter->port, tx->frames, tx->frame_count);
        tx->blocked = taken < tx->frame_count;
        tx_advance_locked(tx, taken, done);
    }
    if (tx->first)
        tx_watchdog_set_locked(tx);
}

// Run the pump's results out of the lock. irql: DISPATCH   locks: drops tx->lock
static void
tx_finish_drops(struct vnic_adapter *adapter, struct tx_list *done)
{
    if (adapter->settings.random_completion)
        tx_hold_locked(adapter, done);
    KeReleaseSpinLockFromDpcLevel(&adapter->tx.lock);
    tx_deliver(adapter, done);
}

// What a send is refused with, or SUCCESS.
static NDIS_STATUS
tx_refusal_locked(const struct vnic_tx *tx)
{
    if (tx->resetting)
        return NDIS_STATUS_RESET_IN_PROGRESS;
    return tx->state == VNIC_RUNNING ? NDIS_STATUS_SUCCESS : NDIS_STATUS_PAUSED;
}

// Straight to the port, as far as the list is plain and nothing waits before it. Returns what is left.
static NET_BUFFER_LIST *
tx_send_run_locked(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbls, struct tx_list *done)
{
    struct vnic_tx *tx = &adapter->tx;
    while (nbls && !tx->first && !tx->blocked && tx->link_up) {
        struct vnic_run run;
        ULONG count = vnic_run_build(tx, nbls, adapter->tx_max_bytes, &run);
        if (!count)
            break;
        ULONG taken = nbx_port_tx(adapter->port, tx->frames, count);
        NET_BUFFER_LIST *rest = vnic_run_take(tx, nbls, count, taken, &run);
        tx->blocked = taken < count;
        tx->out += taken;
        if (taken)
            tx_list_splice(done, nbls, run.last, taken);
        nbls = rest;
    }
    return nbls;
}

static void
tx_send_at_dispatch(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbls)
{
    struct vnic_tx *tx = &adapter->tx;
    struct tx_list done;
    tx_list_init(&done);
    KeAcquireSpinLockAtDpcLevel(&tx->lock);
    NDIS_STATUS refusal = tx_refusal_locked(tx);
    if (refusal == NDIS_STATUS_SUCCESS && !(nbls = tx_send_run_locked(adapter, nbls, &done))) {
        tx_finish_drops(adapter, &done);
        return;
    }
    NET_BUFFER_LIST *last = nbls;
    ULONG count = 0;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        NET_BUFFER_LIST_STATUS(nbl) = refusal;
        last = nbl;
        count++;
    }
    if (refusal != NDIS_STATUS_SUCCESS) {
        // Never ours, so neither counted nor held: a pause must not wait for it.
        KeReleaseSpinLockFromDpcLevel(&tx->lock);
        NdisMSendNetBufferListsComplete(adapter->ndis, nbls, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
        return;
    }
    if (tx->first)
        NET_BUFFER_LIST_NEXT_NBL(tx->last) = nbls;
    else
        tx->first = nbls;
    tx->last = last;
    tx->out += count;
    tx_pump_locked(adapter, &done);
    tx_finish_drops(adapter, &done);
}

VOID
vnic_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    UNREFERENCED_PARAMETER(port);
    if (NDIS_TEST_SEND_AT_DISPATCH_LEVEL(flags)) {
        tx_send_at_dispatch(context, nbls);
        return;
    }
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    tx_send_at_dispatch(context, nbls);
    KeLowerIrql(old);
}

void
vnic_on_tx_ready(void *context)
{
    struct vnic_adapter *adapter = context;
    struct tx_list done;
    tx_list_init(&done);
    KeAcquireSpinLockAtDpcLevel(&adapter->tx.lock);
    adapter->tx.blocked = FALSE;
    tx_pump_locked(adapter, &done);
    tx_finish_drops(adapter, &done);
    vnic_toe_tx_ready(adapter);
    vnic_rdma_tx_ready(adapter);
}

// Only what waits here can be called back; an NBL whose first frame the port has is too late [ndis/nc-ndis-miniport_cancel_send].
VOID
vnic_cancel_send(NDIS_HANDLE context, PVOID cancel_id)
{
    struct vnic_adapter *adapter = context;
    struct vnic_tx *tx = &adapter->tx;
    struct tx_list done;
    KIRQL old;
    tx_list_init(&done);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeAcquireSpinLockAtDpcLevel(&tx->lock);
    NET_BUFFER_LIST **link = &tx->first, *before = NULL;
    if (tx->first && (tx->next_nb || tx->next_segment)) {
        before = tx->first;
        link = &NET_BUFFER_LIST_NEXT_NBL(before);
    }
    while (*link) {
        NET_BUFFER_LIST *nbl = *link;
        if (NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(nbl) == cancel_id) {
            *link = NET_BUFFER_LIST_NEXT_NBL(nbl);
            NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_SEND_ABORTED;
            tx_list_add(&done, nbl);
        } else {
            before = nbl;
            link = &NET_BUFFER_LIST_NEXT_NBL(nbl);
        }
    }
    tx->last = before;
    KeReleaseSpinLockFromDpcLevel(&tx->lock);
    tx_deliver(adapter, &done);
    KeLowerIrql(old);
}

// ---- state ----------------------------------------------------------------------------------------------------------------------

void
vnic_tx_restart(struct vnic_adapter *adapter)
{
    KIRQL old;
    KeAcquireSpinLock(&adapter->tx.lock, &old);
    adapter->tx.state = VNIC_RUNNING;
    KeReleaseSpinLock(&adapter->tx.lock, old);
}

BOOLEAN
vnic_tx_pause(struct vnic_adapter *adapter)
{
    struct vnic_tx *tx = &adapter->tx;
    KIRQL old;
    KeAcquireSpinLock(&tx->lock, &old);
    tx->state = tx->out ? VNIC_PAUSING : VNIC_PAUSED;
    BOOLEAN done = tx->state == VNIC_PAUSED;
    KeReleaseSpinLock(&tx->lock, old);
    return done;
}

void
vnic_tx_link(struct vnic_adapter *adapter, BOOLEAN up)
{
    struct tx_list done;
    tx_list_init(&done);
    KeAcquireSpinLockAtDpcLevel(&adapter->tx.lock);
    adapter->tx.link_up = up;
    tx_pump_locked(adapter, &done);
    tx_finish_drops(adapter, &done);
}

NDIS_STATUS
vnic_tx_reset(struct vnic_adapter *adapter)
{
    struct vnic_tx *tx = &adapter->tx;
    struct tx_list done;
    KIRQL old;
    tx_list_init(&done);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeAcquireSpinLockAtDpcLevel(&tx->lock);
    tx_flush_locked(tx, NDIS_STATUS_RESET_IN_PROGRESS, &done);
    tx->resetting = tx->out > 0;
    NDIS_STATUS status = tx->resetting ? NDIS_STATUS_PENDING : NDIS_STATUS_SUCCESS;
    tx->last_progress = tx->progress;
    tx->stuck_checks = 0;
    KeReleaseSpinLockFromDpcLevel(&tx->lock);
    tx_deliver(adapter, &done);
    KeLowerIrql(old);
    return status;
}

BOOLEAN
vnic_tx_is_stuck(struct vnic_adapter *adapter)
{
    struct vnic_tx *tx = &adapter->tx;
    KIRQL old;
    KeAcquireSpinLock(&tx->lock, &old);
    if (tx->first && tx->progress == tx->last_progress)
        tx->stuck_checks++;
    else
        tx->stuck_checks = 0;
    tx->last_progress = tx->progress;
    BOOLEAN stuck = tx->stuck_checks >= VNIC_STUCK_CHECKS;
    KeReleaseSpinLock(&tx->lock, old);
    return stuck;
}
