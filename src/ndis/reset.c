// SPDX-License-Identifier: MIT
// Resets of an adapter, and how NDIS comes to want one:
//   NdisMResetMiniport, MiniportCheckForHangEx says TRUE, a request that the miniport has held through two looks  -> ndis_reset_request
//   a worker: NDIS_STATUS_RESET_START -> MiniportResetEx (NdisMResetComplete) -> what the miniport lost (kept.c) -> NDIS_STATUS_RESET_END
// The worker is not the PnP thread, which may just wait for sends that only a reset brings back; a pause and a reset may overlap and
// end in any order [network/miniport-adapter-check-for-hang-and-reset-operations]. Meanwhile NDIS completes sends, and answers requests,
// with NDIS_STATUS_RESET_IN_PROGRESS [ndis/nc-ndis-protocol_status_ex]. NDIS aborts nothing that is out [ndis/nc-ndis-miniport_reset].
// Each adapter whose miniport has a MiniportCheckForHangEx has a thread for it, which sim knows as idle (docs/decisions/0008).
#include "ndis/ndis_int.h"
#include "nt/ex/work.h"

#define HANG_LOOKS_MAX 2                      // "within two successive calls to MiniportCheckForHangEx"

// ---- reset ----------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
reset_call(struct ndis_adapter *adapter, BOOLEAN *addressing)
{
    struct ndis_reset *reset = &adapter->reset;
    *addressing = FALSE;
    ndis_pending_begin(&reset->pending);
    NDIS_STATUS status =
        NDIS_CALL(adapter->module.image, "MiniportResetEx", adapter->driver->chars.ResetHandlerEx(adapter->general_context, addressing));
    if (status == NDIS_STATUS_PENDING) {
        status = ndis_pending_end(&reset->pending, status);
        *addressing = reset->addressing;
        return status;
    }
    return ndis_pending_end(&reset->pending, status);
}

static void
reset_end(struct ndis_adapter *adapter, NDIS_STATUS status)
{
    struct ndis *ndis = adapter->module.ndis;
    struct sched *sched = ndis->box->sched;
    struct ndis_reset *reset = &adapter->reset;
    KIRQL old = ke_lock_take(&ndis->lock);
    reset->status = status;
    reset->is_running = false;
    atomic_fetch_add(&reset->ended, 1);
    ke_lock_drop(&ndis->lock, old);
    sched_wake(sched, &reset->ended, UINT32_MAX);   // the adapter may be gone: its address is all that is needed of it
}

static NTAPI void
reset_work(void *parameter)
{
    struct ndis_adapter *adapter = parameter;
    BOOLEAN addressing;
    ndis_event_note(adapter->module.ndis, NDIS_EVENT_RESET);
    ndis_status_own(adapter, NDIS_STATUS_RESET_START, NULL, 0);
    atomic_store(&adapter->resetting, 1);
    NDIS_STATUS status = reset_call(adapter, &addressing);
    atomic_store(&adapter->resetting, 0);
    if (addressing && (status == NDIS_STATUS_SUCCESS || status == NDIS_STATUS_SOFT_ERRORS)) {
        NDIS_STATUS restored = ndis_kept_restore(adapter);
        status = restored == NDIS_STATUS_SUCCESS ? status : restored;
    }
    ndis_pfilter_update(adapter);             // a binding may have set its own meanwhile, and been told of the reset
    ndis_status_own(adapter, NDIS_STATUS_RESET_END, NULL, 0);
    reset_end(adapter, status);
}

void
ndis_reset_request(struct ndis_adapter *adapter)
{
    struct ndis *ndis = adapter->module.ndis;
    struct ndis_reset *reset = &adapter->reset;
    KIRQL old = ke_lock_take(&ndis->lock);
    bool begin = reset->is_open && !reset->is_running;
    reset->is_running |= begin;
    reset->is_wanted = !reset->is_open;
    ke_lock_drop(&ndis->lock, old);
    if (!begin)
        return;
    ex_work_init(&reset->work, reset_work, adapter);
    ex_work_queue(ndis->box, &reset->work, DelayedWorkQueue);
}

bool
ndis_reset_complete(struct ndis_adapter *adapter, NDIS_STATUS status, BOOLEAN addressing)
{
    adapter->reset.addressing = addressing;
    return ndis_pending_complete(&adapter->reset.pending, status);
}

NDIS_STATUS
ndis_reset_run(struct ndis_adapter *adapter)
{
    struct ndis_reset *reset = &adapter->reset;
    uint32_t ended = atomic_load(&reset->ended);
    if (!adapter->driver->chars.ResetHandlerEx)
        return NDIS_STATUS_NOT_RESETTABLE;
    if (atomic_load(&adapter->low_power))
        return NDIS_STATUS_LOW_POWER_STATE;
    ndis_reset_request(adapter);
    while (atomic_load(&reset->ended) == ended)
        sched_wait(adapter->module.ndis->box->sched, &reset->ended, ended, SCHED_NEVER);
    return reset->status;
}

// ---- check for hang -------------------------------------------------------------------------------------------------------------

// Has the miniport held one request through two looks? While it is still inside MiniportOidRequest it is not counted: "the
// check-for-hang logic will not reset a miniport driver ... if [it] is waiting in the context of the MiniportOidRequest call".
static bool
hang_request_is_late(struct ndis_adapter *adapter)
{
    struct ndis_reset *reset = &adapter->reset;
    KIRQL old = ke_lock_take(&adapter->oid_lock);
    bool is_out = adapter->oids.current && !adapter->oids.running;
    uint64_t request = adapter->oids.handed;
    ke_lock_drop(&adapter->oid_lock, old);
    reset->hang_looks = !is_out ? 0 : request == reset->hang_request ? reset->hang_looks + 1 : 1;
    reset->hang_request = request;
    if (reset->hang_looks < HANG_LOOKS_MAX)
        return false;
    reset->hang_looks = 0;
    return true;
}

static void
hang_look(struct ndis_adapter *adapter)
{
    if (atomic_load(&adapter->resetting))
        return;
    bool hangs = NDIS_CALL(adapter->module.image, "MiniportCheckForHangEx",
                           adapter->driver->chars.CheckForHangHandlerEx(adapter->general_context));
    bool is_late = hang_request_is_late(adapter);
    if (hangs || is_late)
        ndis_reset_request(adapter);
}

static void
hang_thread(void *arg)
{
    struct ndis_adapter *adapter = arg;
    struct sched *sched = adapter->module.ndis->box->sched;
    _Atomic uint32_t *stop = &adapter->reset.hang_stop;
    // Two seconds or a multiple of it; 5 makes 4 [ndis/ns-ndis-_ndis_miniport_adapter_registration_attributes].
    uint64_t seconds = adapter->check_for_hang_s < 2 ? 2 : adapter->check_for_hang_s & ~1ull;
    uint64_t due_ns = sched_now_ns(sched) + seconds * 1000000000;
    sched_self->is_idle = true;
    while (!atomic_load(stop)) {
        sched_wait(sched, stop, 0, due_ns);
        if (atomic_load(stop) || sched_now_ns(sched) < due_ns)
            continue;
        hang_look(adapter);
        due_ns = sched_now_ns(sched) + seconds * 1000000000;
    }
}

NDIS_STATUS
ndis_reset_start(struct ndis_adapter *adapter)
{
    struct ndis *ndis = adapter->module.ndis;
    struct ndis_reset *reset = &adapter->reset;
    const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars = &adapter->driver->chars;
    atomic_store(&reset->hang_stop, 0);
    reset->hang_looks = 0;
    if (chars->CheckForHangHandlerEx && chars->ResetHandlerEx &&
        ke_thread_start(ndis->box, "ndis-hang", hang_thread, adapter, &reset->hang_thread))
        return NDIS_STATUS_RESOURCES;
    KIRQL old = ke_lock_take(&ndis->lock);
    reset->is_open = true;
    bool is_wanted = reset->is_wanted;
    ke_lock_drop(&ndis->lock, old);
    if (is_wanted)
        ndis_reset_request(adapter);
    return NDIS_STATUS_SUCCESS;
}

void
ndis_reset_stop(struct ndis_adapter *adapter)
{
    struct ndis *ndis = adapter->module.ndis;
    struct sched *sched = ndis->box->sched;
    struct ndis_reset *reset = &adapter->reset;
    KIRQL old = ke_lock_take(&ndis->lock);
    uint32_t ended = atomic_load(&reset->ended);
    bool is_running = reset->is_running;
    reset->is_open = false;
    ke_lock_drop(&ndis->lock, old);
    atomic_store(&reset->hang_stop, 1);
    sched_wake(sched, &reset->hang_stop, UINT32_MAX);
    if (reset->hang_thread)
        ke_thread_join(reset->hang_thread);
    reset->hang_thread = NULL;
    while (is_running && atomic_load(&reset->ended) == ended)
        sched_wait(sched, &reset->ended, ended, SCHED_NEVER);
}
