// SPDX-License-Identifier: MIT
// The pump: the one place from which an endpoint completes IRPs, calls the transport and calls event handlers.
//   whoever changed the state calls tdic_pump; one of them runs it, the others' changes are seen by it before it stops
//   completions first, then what the transport must be told, data, the peer's FIN, the end
// The lock is left for every call out, so a step decides, marks what it has decided as done, leaves the lock, acts, and comes back.
#include "tdic_int.h"

static BOOLEAN
step_done(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    if (IsListEmpty(&endpoint->done))
        return FALSE;
    PIRP irp = CONTAINING_RECORD(RemoveHeadList(&endpoint->done), IRP, Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&endpoint->lock, *irql);
    IoCompleteRequest(irp, IO_NETWORK_INCREMENT);
    tdic_endpoint_unref(endpoint);
    KeAcquireSpinLock(&endpoint->lock, irql);
    return TRUE;
}

// The list of listeners is the address's, whose lock comes before ours.
static BOOLEAN
step_list(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    if (!endpoint->want_list)
        return FALSE;
    endpoint->want_list = FALSE;
    struct tdic_address *address = endpoint->address;
    KeReleaseSpinLock(&endpoint->lock, *irql);
    KeAcquireSpinLock(&address->lock, irql);
    KeAcquireSpinLockAtDpcLevel(&endpoint->lock);
    BOOLEAN is_listening = endpoint->state == TDIC_LISTENING && !endpoint->is_ending;
    if (is_listening && !endpoint->is_listed)
        InsertTailList(&address->listens, &endpoint->listen_link);
    if (!is_listening && endpoint->is_listed)
        RemoveEntryList(&endpoint->listen_link);
    endpoint->is_listed = is_listening;
    KeReleaseSpinLockFromDpcLevel(&endpoint->lock);
    KeReleaseSpinLock(&address->lock, *irql);
    KeAcquireSpinLock(&endpoint->lock, irql);
    return TRUE;
}

VOID
tdic_pump(struct tdic_endpoint *endpoint)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    endpoint->is_pump_wanted = TRUE;
    if (endpoint->is_pumping) {
        KeReleaseSpinLock(&endpoint->lock, irql);
        return;
    }
    endpoint->is_pumping = TRUE;
    // A step may leave the lock and find nothing to do: what another one wants then came behind its back, and asks for one more round.
    while (endpoint->is_pump_wanted) {
        endpoint->is_pump_wanted = FALSE;
        while (step_done(endpoint, &irql) || step_list(endpoint, &irql) || tdic_step_open(endpoint, &irql) ||
               tdic_step_send(endpoint, &irql) || tdic_step_data(endpoint, &irql) || tdic_step_disconnect(endpoint, &irql) ||
               tdic_step_settle(endpoint, &irql))
            ;
    }
    endpoint->is_pumping = FALSE;
    if (endpoint->is_closing && !endpoint->address && endpoint->state == TDIC_IDLE && !endpoint->is_ending)
        KeSetEvent(&endpoint->quiet, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&endpoint->lock, irql);
}

VOID
tdic_drop_pump(struct tdic_endpoint *endpoint, KIRQL irql)
{
    KeReleaseSpinLock(&endpoint->lock, irql);
    tdic_pump(endpoint);
    tdic_endpoint_unref(endpoint);
}
