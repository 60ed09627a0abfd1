// SPDX-License-Identifier: MIT
// Processors, IRQL, and the threads of a box.
// Code at or above DISPATCH_LEVEL owns its processor: raising takes it, lowering gives it back, after running what was queued for
// it. So per-processor data is safe at DISPATCH without a lock or an atomic, and visiting every processor once (ke_grace) waits for
// all code that was at DISPATCH when the visit began.
#ifndef NBX_NT_KE_KE_H
#define NBX_NT_KE_KE_H

#include "nt/box.h"

#define KE_CACHE_LINE 64

struct ke_processor {
    _Alignas(KE_CACHE_LINE) _Atomic uint32_t word;   // 0 free, 1 owned, 2 owned and somebody sleeps on it
    uint32_t number;
    struct box *box;
    struct ke_thread *owner;                         // guarded by word
    struct ke_thread *idle;                          // drains the DPC queue when nobody owns the processor
    _Alignas(KE_CACHE_LINE) _Atomic uint32_t dpc_pending;   // KE_PENDING_* (dpc.h); changed under the queue's lock by any thread
    struct ke_dpc_queue *dpcs;
};

// What a KTHREAD pointer of a driver points at. One per thread of the box.
struct ke_thread {
    DISPATCHER_HEADER header;                        // first: a driver waits for a thread through its KTHREAD pointer
    struct box *box;                                 // NULL once the box has been destroyed by this very thread
    struct sched_thread *sched_thread;
    struct ke_processor *processor;                  // owned while irql >= DISPATCH_LEVEL, else the one last owned
    KIRQL irql;
    uint8_t in_dpc;                                  // running a DPC: waiting is not allowed, lowering below DISPATCH neither
    bool wait_next;                                  // signalled something with Wait=TRUE: the wait that follows lowers to wait_irql
    KIRQL wait_irql;
    uint32_t critical_depth;                         // KeEnterCriticalRegion
    uint32_t guarded_depth;                          // KeEnterGuardedRegion
    _Atomic uint32_t wait_word;                      // what it sleeps on in ke_wait
    struct list all_node;                            // box->ke->threads
    void *driver;                                    // whose code runs: struct io_image, NULL for the runtime's own (ke_driver_enter)
    struct ke_held *held;                            // spin locks it holds, while it is watched (verify/locks.c); freed with it
    uint32_t crossings;                              // calls into drivers that it is in, while it is watched
    uint32_t door;                                   // enum ddi_id: the front door that it came through last, while it is watched
    bool paged_is_shut;                              // paged pool cannot be touched while it runs (verify/paged.c)
    struct ndis_frame *ndis_frames;                  // upcalls of NDIS that run on this thread (src/ndis/frame.c)
    KPROCESSOR_MODE previous_mode;                   // UserMode while it acts for a process (nbx/file.h), else KernelMode
    struct ps_thread *ps;                            // handle side, NULL for runtime threads
    uint64_t affinity;                               // processors it may take; bit 0 is processor 0
    LIST_ENTRY mutants;                              // KMUTEX objects it owns, guarded by the dispatcher lock
    LONG priority;
    void (*fn)(void *);
    void *arg;
    struct nbx_seh *seh;                             // innermost __try whose block runs (src/nt/ex/seh.c)
    void *exit_frame;                                // jmp_buf of the boot frame, for PsTerminateSystemThread
    NTSTATUS exit_status;
    void (*on_ended)(struct ke_thread *self);        // the thread's last act; NULL for runtime threads
};

static inline struct ke_thread *
ke_self(void)
{
    return (struct ke_thread *)sched_self->user;
}

static inline struct box *
box_self(void)
{
    return ke_self()->box;
}

// ---- crossings ----------------------------------------------------------------------------------------------------------------
// Every call of the runtime into a driver stands between ke_driver_enter and ke_driver_leave, so that a door knows who called it and a
// report whose code ran. With the verifier off that is two stores and two tests of a pointer; with it on it hears of both.
struct ke_crossing {
    void *before;                                    // whose code ran
    const char *name;                                // what is called: "MiniportPause"; a literal
    KIRQL irql;                                      // at the call, so also at its return
    bool paged_was_shut;                             // the verifier's
};

// src/verify/verify.h: what the verifier does there. driver_of_code: the image whose code lies at routine, or NULL.
void verify_crossed_in(struct ke_thread *self, struct ke_crossing *crossing);
void verify_crossed_out(struct ke_thread *self, const struct ke_crossing *crossing);
void *verify_driver_of_code(struct box *box, const void *routine);

// driver: struct io_image.
static inline struct ke_crossing
ke_driver_enter(struct ke_thread *self, void *driver, const char *name)
{
    struct ke_crossing crossing = {self->driver, name, self->irql, false};
    self->driver = driver;
    if (__builtin_expect(self->box->verify != NULL, 0))
        verify_crossed_in(self, &crossing);
    return crossing;
}

static inline void
ke_driver_leave(struct ke_thread *self, struct ke_crossing crossing)
{
    if (__builtin_expect(self->box->verify != NULL, 0))
        verify_crossed_out(self, &crossing);
    self->driver = crossing.before;
}

// The same for a routine that came to us without saying whose it is (a DPC, a callback): only the verifier looks it up.
static inline struct ke_crossing
ke_driver_enter_code(struct ke_thread *self, const void *routine, const char *name)
{
    return ke_driver_enter(self, self->box->verify ? verify_driver_of_code(self->box, routine) : self->driver, name);
}

// Take a processor (raise to DISPATCH) when below, remembering the old level; no-op above. Returns the old IRQL.
// irql: any. locks: takes the processor's word; spins, then sleeps. A pair costs about 10 ns: once per list, not per frame.
KIRQL ke_raise_dispatch(struct ke_thread *self);
// Give it back: drain the DPC queue, release, look again. calls: DPC routines of drivers.
void ke_lower(struct ke_thread *self, KIRQL old);

// Take this very processor, waiting for it. irql: < DISPATCH. Returns the old IRQL for ke_lower.
KIRQL ke_raise_on(struct ke_thread *self, struct ke_processor *processor);

// Wait until every processor has been given up at least once since the call. irql: PASSIVE; locks: none held.
void ke_grace(struct box *box);

// Stop the box: own all its processors, so that nobody is at DISPATCH and nobody holds a ke_lock. For rare changes of what the data
// path reads without a lock. irql: PASSIVE -> DISPATCH; locks: none held. calls: ke_thaw may run queued DPCs.
void ke_freeze(struct box *box);
void ke_thaw(struct box *box);

// A thread of the runtime in the box (not visible to drivers). owns: ke_thread_join frees. fails: -errno.
int ke_thread_start(struct box *box, const char *name, void (*fn)(void *), void *arg, struct ke_thread **out);
void ke_thread_join(struct ke_thread *thread);

// The runtime's own lock (struct ke_lock): usable at any IRQL <= DISPATCH, never held across a call into a driver. It raises to DISPATCH.
KIRQL ke_lock_take(struct ke_lock *lock);
void ke_lock_drop(struct ke_lock *lock, KIRQL old);

// A latch of the runtime: one or more threads at PASSIVE wait for it, anybody sets it. Reusable after reset.
struct ke_latch {
    _Atomic uint32_t word;
};
void ke_latch_reset(struct ke_latch *latch);
void ke_latch_set(struct ke_latch *latch);
// fails: -ETIMEDOUT when timeout_ns (SCHED_NEVER for none) has passed.
int ke_latch_wait(struct ke_latch *latch, uint64_t timeout_ns);

// Rundown gate with per-processor counts: many enter and leave cheaply, one closes it and waits until all have left.
//   enter: at DISPATCH on the own processor's counter, no atomic; refused after close.
//   leave: may happen on another processor than enter did; the sum is what counts.
//   close: sets the state, ke_grace, then waits until the sum is 0 (it can only fall then).
// A gate counts units (calls in progress, NBLs in flight), so enter and leave take a number.
struct ke_gate;
struct ke_gate *ke_gate_create(struct box *box, bool open);
// irql: PASSIVE (it waits for leavers that are still inside ke_gate_leave_at_dispatch: ke_grace).
void ke_gate_destroy(struct ke_gate *gate);
// irql: must own its processor (DISPATCH). Returns false when closed.
bool ke_gate_enter_at_dispatch(struct ke_gate *gate, struct ke_processor *processor, uint64_t units);
void ke_gate_leave_at_dispatch(struct ke_gate *gate, struct ke_processor *processor, uint64_t units);
void ke_gate_open(struct ke_gate *gate);
// irql: PASSIVE. Refuses new entries from now on and returns when all units are back.
void ke_gate_close(struct ke_gate *gate);
// The same; after timeout_ns on_late(context) is called, once, and it is waited on. on_late may be NULL.
void ke_gate_close_late(struct ke_gate *gate, uint64_t timeout_ns, void (*on_late)(void *), void *context);
// Same without waiting, at any IRQL <= DISPATCH: on_idle(context) runs once at DISPATCH when the sum has reached 0: in a DPC of the
// gate, in the call that brings the last unit back, or in this call if the gate was closed. A gate that is being closed must not be
// closed again. After on_idle has begun only the gate's owner touches it.
void ke_gate_close_async(struct ke_gate *gate, void (*on_idle)(void *), void *context);
uint64_t ke_gate_units(const struct ke_gate *gate);

// Run fn(context) soon on a worker thread of the runtime at PASSIVE (used by ndis for what Windows does in its own workers).
// Bounded by memory only; runs in order per queue. Each box has one ordered queue for PnP-like work and a pool for work items.
int ke_work_queue(struct box *box, void (*fn)(void *context), void *context);
// The same with an item of the caller's own, for what must not fail. It may be queued again from fn on, not before.
struct ke_work {
    struct list node;
    void (*fn)(void *context);
    void *context;
    bool is_allocated;           // false in an item of one's own
};
void ke_work_queue_own(struct box *box, struct ke_work *item);

#endif
