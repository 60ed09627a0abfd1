// SPDX-License-Identifier: MIT
// Poll objects of miniports [network/ndis-poll-mode]. One iteration at a time, as long as the last one indicated or completed something
// or polling was asked for meanwhile; then the driver is told to turn its interrupt on.
//   request  ndis_poll_request, any IRQL: idle -> active, and the first iteration is queued; else it is only noted
//   iterate  a DPC on the object's processor, or (on sim by a draw: drivers may assume neither) its worker thread at PASSIVE_LEVEL
//            -> the driver's NdisPoll -> completed and indicated chains go their usual ways -> queue the next, or
//            -> NdisSetPollNotification -> active -> idle, unless a request came in between
// On sim the limits of an iteration are drawn as well; on threads they are 64 each.
#include "ndis/hardware.h"
#include "ndis/header.h"
#include "nt/ke/dpc.h"
#include "nt/io/io.h"
#include "verify/left.h"
#include "verify/refuse.h"

#define POLL_LIMIT 64

#define POLL_ACTIVE 1u           // an iteration or the notification runs or is queued
#define POLL_REQUESTED 2u        // asked for since the iteration began
#define POLL_CLOSING 4u

struct ndis_poll {
    uint32_t kind;
    struct list node;            // hardware->polls
    struct ndis_adapter *adapter;
    void *context;
    NDIS_POLL_CHARACTERISTICS chars;
    _Atomic uint32_t state;      // POLL_* bits; ndis_poll_deregister sleeps on it
    _Atomic uint32_t processor;  // of the next iteration; UINT32_MAX: any
    KDPC dpc;
    _Atomic uint32_t work;       // the worker sleeps on it: 1 an iteration is due, 2 stop
    struct ke_thread *worker;
};

// ---- scheduling -------------------------------------------------------------------------------------------------------------------

static bool
draw_is(uint64_t bound)
{
    struct sched *sched = sched_self->sched;
    return sched->is_sim && sched_draw(sched, SCHED_DRAW_ORDER, bound) == 0;
}

static void
poll_queue(struct ndis_poll *poll)
{
    uint32_t processor = atomic_load(&poll->processor);
    if (draw_is(3)) {
        atomic_fetch_or(&poll->work, 1);
        sched_wake(sched_self->sched, &poll->work, 1);
        return;
    }
    poll->dpc.Number = (USHORT)(processor == UINT32_MAX ? 0 : KE_DPC_TARGET_BASE + processor);
    ke_dpc_queue(&poll->dpc, NULL, NULL);
}

void
ndis_poll_request(struct ndis_poll *poll)
{
    uint32_t was = atomic_fetch_or(&poll->state, POLL_ACTIVE | POLL_REQUESTED);
    if (was & POLL_CLOSING)
        verify_contract("NdisRequestPoll", "the poll object is being deregistered");
    if (!(was & POLL_ACTIVE))
        poll_queue(poll);
}

// ---- an iteration -----------------------------------------------------------------------------------------------------------------

static ULONG
poll_limit(void)
{
    struct sched *sched = sched_self->sched;
    static const ULONG limits[] = {1, 2, 7, POLL_LIMIT, NDIS_ANY_NUMBER_OF_NBLS};
    return sched->is_sim ? limits[sched_draw(sched, SCHED_DRAW_ORDER, sizeof limits / sizeof *limits)] : POLL_LIMIT;
}

// What the driver handed over: its own count is checked, an unknown one counted.
static ULONG
poll_count(NET_BUFFER_LIST *chain, ULONG said, ULONG limit)
{
    ULONG count = ndis_nbl_count(chain, NULL);
    if (said != NDIS_ANY_NUMBER_OF_NBLS && said != count)
        verify_contract("NdisPoll", "the number of NBLs that it gave is not the length of the chain");
    if (count > limit)
        verify_contract("NdisPoll", "it gave more NBLs than the limit of this iteration");
    return count;
}

static bool
poll_deliver(struct ndis_poll *poll, const NDIS_POLL_DATA *data)
{
    const NDIS_POLL_TRANSMIT_DATA *tx = &data->Transmit;
    const NDIS_POLL_RECEIVE_DATA *rx = &data->Receive;
    bool high = ke_self()->irql >= DISPATCH_LEVEL;
    ULONG completed = poll_count(tx->CompletedNblChain, tx->NumberOfCompletedNbls, tx->MaxNblsToComplete);
    ULONG indicated = poll_count(rx->IndicatedNblChain, rx->NumberOfIndicatedNbls, rx->MaxNblsToIndicate);
    if (completed)
        ndis_send_done(&poll->adapter->module, tx->CompletedNblChain,
                       tx->SendCompleteFlags | (high ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0));
    if (indicated)
        ndis_recv_indicate(&poll->adapter->module, rx->IndicatedNblChain, NDIS_DEFAULT_PORT_NUMBER, indicated,
                           rx->Flags | (high ? NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL : 0));
    return completed || indicated;
}

static void
poll_notify(struct ndis_poll *poll, bool enabled)
{
    NDIS_POLL_NOTIFICATION notification = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_POLL_NOTIFICATION_REVISION_1, NDIS_SIZEOF_NDIS_POLL_NOTIFICATION_REVISION_1),
        .Enabled = enabled};
    NDIS_CALL_VOID(poll->adapter->module.image, "NdisSetPollNotification",
                   poll->chars.SetPollNotificationHandler(poll->context, &notification));
}

static void
poll_end(struct ndis_poll *poll)
{
    // Its address is all that is needed of the object once it is idle: whoever deregisters it may free it then.
    struct sched *sched = sched_self->sched;
    uint32_t seen = atomic_load(&poll->state);
    do {
        if ((seen & POLL_REQUESTED) && !(seen & POLL_CLOSING)) {
            poll_queue(poll);
            return;
        }
    } while (!atomic_compare_exchange_weak(&poll->state, &seen, seen & ~(POLL_ACTIVE | POLL_REQUESTED)));
    if (seen & POLL_CLOSING)
        sched_wake(sched, &poll->state, UINT32_MAX);
}

static void
poll_iterate(struct ndis_poll *poll)
{
    NDIS_POLL_DATA data = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_POLL_DATA_REVISION_1, NDIS_SIZEOF_NDIS_POLL_DATA_REVISION_1),
        .Transmit.MaxNblsToComplete = poll_limit(),
        .Receive.MaxNblsToIndicate = poll_limit()};
    NDIS_POLL_DATA limits = data;
    atomic_fetch_and(&poll->state, ~POLL_REQUESTED);
    NDIS_CALL_VOID(poll->adapter->module.image, "NdisPoll", poll->chars.PollHandler(poll->context, &data));
    data.Transmit.MaxNblsToComplete = limits.Transmit.MaxNblsToComplete;   // the driver's copy may be anything by now
    data.Receive.MaxNblsToIndicate = limits.Receive.MaxNblsToIndicate;
    bool progress = poll_deliver(poll, &data);
    uint32_t state = atomic_load(&poll->state);
    if ((progress || (state & POLL_REQUESTED)) && !(state & POLL_CLOSING)) {
        poll_queue(poll);
        return;
    }
    if (!(state & POLL_CLOSING))
        poll_notify(poll, true);
    poll_end(poll);
}

static NTAPI VOID
poll_dpc(PKDPC dpc, PVOID context, PVOID unused1, PVOID unused2)
{
    poll_iterate(context);
}

static void
poll_worker(void *arg)
{
    struct ndis_poll *poll = arg;
    for (;;) {
        uint32_t work = atomic_load(&poll->work);
        if (work & 1) {
            uint32_t processor = atomic_load(&poll->processor);
            ke_self()->affinity = processor == UINT32_MAX ? UINT64_MAX : UINT64_C(1) << processor;
            ke_lower(ke_self(), ke_raise_dispatch(ke_self()));   // to the processor, as setting an affinity does on Windows
            atomic_fetch_and(&poll->work, ~1u);
            poll_iterate(poll);
        } else if (work & 2) {
            return;
        } else {
            sched_wait(sched_self->sched, &poll->work, work, SCHED_NEVER);
        }
    }
}

// ---- registering ------------------------------------------------------------------------------------------------------------------

NTSTATUS
ndis_poll_register(struct ndis_adapter *adapter, void *context, const NDIS_POLL_CHARACTERISTICS *chars, struct ndis_poll **out)
{
    if (!ndis_header_is(&chars->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_NDIS_POLL_CHARACTERISTICS_REVISION_1) ||
        !chars->PollHandler || !chars->SetPollNotificationHandler)
        return STATUS_INVALID_PARAMETER;
    struct box *box = adapter->module.ndis->box;
    struct ndis_poll *poll = ndis_alloc(sizeof *poll);
    if (!poll)
        return STATUS_INSUFFICIENT_RESOURCES;
    poll->kind = NDIS_KIND_POLL;
    poll->adapter = adapter;
    poll->context = context;
    poll->chars = *chars;
    atomic_init(&poll->processor, UINT32_MAX);
    ke_dpc_init(&poll->dpc, poll_dpc, poll, false);
    // Only the seeded scheduler polls at PASSIVE_LEVEL too.
    if (box->sched->is_sim && ke_thread_start(box, "poll", poll_worker, poll, &poll->worker)) {
        ndis_free(poll);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    KIRQL old = ke_lock_take(&adapter->hardware->lock);
    list_push_back(&adapter->hardware->polls, &poll->node);
    ke_lock_drop(&adapter->hardware->lock, old);
    verify_had(VERIFY_LEFT_POLL, poll, adapter, NULL);
    *out = poll;
    return STATUS_SUCCESS;
}

bool
ndis_poll_affinity_set(struct ndis_poll *poll, const PROCESSOR_NUMBER *processor)
{
    if (processor->Group || processor->Number >= poll->adapter->module.ndis->box->processor_count)
        return false;
    atomic_store(&poll->processor, processor->Number);
    return true;
}

void
ndis_poll_deregister(struct ndis_poll *poll)
{
    struct ndis_hardware *hardware = poll->adapter->hardware;
    struct box *box = poll->adapter->module.ndis->box;
    uint32_t state = atomic_fetch_or(&poll->state, POLL_CLOSING) | POLL_CLOSING;
    while (state & POLL_ACTIVE) {
        sched_wait(box->sched, &poll->state, state, SCHED_NEVER);
        state = atomic_load(&poll->state);
    }
    ke_dpc_flush(box);   // the DPC that made it idle has ended
    if (poll->worker) {
        atomic_fetch_or(&poll->work, 2);
        sched_wake(box->sched, &poll->work, 1);
        ke_thread_join(poll->worker);
    }
    KIRQL old = ke_lock_take(&hardware->lock);
    list_remove(&poll->node);
    ke_lock_drop(&hardware->lock, old);
    verify_gave(box, VERIFY_LEFT_POLL, poll);
    poll->kind = 0;
    ndis_free(poll);
}

void
ndis_poll_left(struct ndis_hardware *hardware, const char *function)
{
    while (!list_is_empty(&hardware->polls)) {
        struct ndis_poll *poll = LIST_ENTRY_OF(hardware->polls.next, struct ndis_poll, node);
        struct box *box = hardware->adapter->module.ndis->box;
        if (!verify_left_one(box, VERIFY_LEFT_POLL, poll, function))
            box_leftover(box, "%s of %s left a poll object (NdisDeregisterPoll)", function, hardware->adapter->module.image->name);
        ndis_poll_deregister(poll);
    }
}
