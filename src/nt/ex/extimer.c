// SPDX-License-Identifier: MIT
// EX_TIMERs. Deleting one: nothing new may be set -> cancelled, or its last expiry is waited for -> its DPC has been taken back or has
// run (ke_dpc_flush) -> the driver's delete callback -> freed. The last steps may block, so without `wait` a worker takes them.
// From then on until it is freed nothing that is asked of it is done, and the answer is false.
// [windows-driver-docs kernel/exxxxtimer-routines-and-ex-timer-objects, kernel/deleting-a-system-allocated-timer-object]
#include "nt/ex/extimer.h"

#include "nt/ex/pool.h"
#include "nt/ex/work.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/dpc.h"
#include "nt/ke/ke.h"
#include "nt/ke/timer.h"
#include "nt/ke/wait.h"

#define TAG_EX_TIMER 0x6D546B45   // "EkTm"

struct _EX_TIMER {
    KTIMER timer;                    // first: a driver may wait for the EX_TIMER
    KDPC dpc;
    struct box *box;
    PEXT_CALLBACK callback;
    void *context;
    _Atomic uint32_t deleted;
    bool is_high;                    // of high resolution
    bool must_expire;
    PEXT_DELETE_CALLBACK on_deleted;
    void *deleted_context;
    WORK_QUEUE_ITEM work;
};

static NTAPI VOID
ex_timer_dpc(KDPC *dpc, void *context, void *argument1, void *argument2)
{
    PEX_TIMER timer = context;
    if (timer->callback) {
        struct ke_crossing crossing = ke_driver_enter_code(ke_self(), (const void *)timer->callback, "EXT_CALLBACK");
        timer->callback(timer, timer->context);
        ke_driver_leave(ke_self(), crossing);
    }
}

PEX_TIMER
ex_timer_create(struct box *box, PEXT_CALLBACK callback, void *context, ULONG attributes, const void *caller)
{
    PEX_TIMER timer = ex_pool_alloc(box, sizeof *timer, TAG_EX_TIMER, true, caller);
    if (!timer)
        return NULL;
    ex_pool_kind_set(timer, VERIFY_LEFT_EX_TIMER, NULL);
    ke_timer_init(&timer->timer, attributes & EX_TIMER_NOTIFICATION ? NotificationTimer : SynchronizationTimer);
    timer->is_high = attributes & EX_TIMER_HIGH_RESOLUTION;
    ke_dpc_init(&timer->dpc, ex_timer_dpc, timer, false);
    timer->box = box;
    timer->callback = callback;
    timer->context = context;
    return timer;
}

bool
ex_timer_set(PEX_TIMER timer, LONGLONG due, LONGLONG period_units)
{
    if (timer->is_high && due >= 0)
        ke_bugcheck(BUGCODE_TIMER_OR_DPC_INVALID, 7, (uint64_t)(uintptr_t)timer, (uint64_t)due, 0);
    if (atomic_load(&timer->deleted))
        return false;
    LARGE_INTEGER at = {.QuadPart = due};
    return ke_timer_set_at(&timer->timer, ke_deadline_ns(timer->box, &at), period_units > 0 ? (uint64_t)period_units : 0, &timer->dpc);
}

bool
ex_timer_cancel(PEX_TIMER timer)
{
    return !atomic_load(&timer->deleted) && ke_timer_cancel(&timer->timer);
}

static NTAPI VOID
ex_timer_finish(PVOID parameter)
{
    PEX_TIMER timer = parameter;
    struct box *box = timer->box;
    if (timer->must_expire)
        ke_timer_wait_unset(&timer->timer);   // and its DPC runs, in the flush at the latest
    else
        ke_dpc_remove(&timer->dpc);
    ke_dpc_flush(box);
    if (timer->on_deleted)
        timer->on_deleted(timer->deleted_context);
    ex_pool_free(box, timer, TAG_EX_TIMER);
}

bool
ex_timer_delete(PEX_TIMER timer, bool cancel, bool wait, PEXT_DELETE_CALLBACK on_deleted, void *context)
{
    if (wait && !cancel)
        ke_bugcheck(BUGCODE_TIMER_OR_DPC_INVALID, 8, (uint64_t)(uintptr_t)timer, 0, 0);
    if (atomic_exchange(&timer->deleted, 1))
        return false;
    timer->on_deleted = on_deleted;
    timer->deleted_context = context;
    timer->must_expire = !cancel;
    bool was_set = cancel && ke_timer_cancel(&timer->timer);
    if (wait) {
        ex_timer_finish(timer);
    } else {
        ex_work_init(&timer->work, ex_timer_finish, timer);
        ex_work_queue(timer->box, &timer->work, CriticalWorkQueue);
    }
    return was_set;
}
