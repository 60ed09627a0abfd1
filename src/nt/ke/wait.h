// SPDX-License-Identifier: MIT
// Dispatcher objects and waiting for them. One raw lock per box (box->ke->dispatcher) guards every signal state and wait list, so
// that WaitAll is atomic and a signal is handed to the waiter that came first: who is woken never depends on thread timing.
#ifndef NBX_NT_KE_WAIT_H
#define NBX_NT_KE_WAIT_H

#include "nt/ke/ke.h"

enum ke_object_type {            // DISPATCHER_HEADER.Type and KDPC.Type
    KE_OBJECT_EVENT_NOTIFICATION = 0,
    KE_OBJECT_EVENT_SYNCHRONIZATION = 1,
    KE_OBJECT_MUTANT = 2,
    KE_OBJECT_PROCESS = 3,
    KE_OBJECT_SEMAPHORE = 5,
    KE_OBJECT_THREAD = 6,
    KE_OBJECT_TIMER_NOTIFICATION = 8,
    KE_OBJECT_TIMER_SYNCHRONIZATION = 9,
    KE_OBJECT_DPC = 19,
    KE_OBJECT_THREADED_DPC = 24,
};

void ke_header_init(DISPATCHER_HEADER *header, enum ke_object_type type, LONG state);
// Set the signal state and hand it to waiters. Returns the state before. locks: dispatcher held.
LONG ke_header_signal_locked(struct box *box, DISPATCHER_HEADER *header, LONG state);
LONG ke_header_state(const DISPATCHER_HEADER *header);

// A wait's end in scheduler time from a driver's LARGE_INTEGER: NULL never, negative relative, positive a system time.
uint64_t ke_deadline_ns(struct box *box, const LARGE_INTEGER *timeout);

// Wait for one (count 1), any or all objects. irql: <= APC, or <= DISPATCH with a deadline of 0 (poll only). locks: none held.
// Returns STATUS_WAIT_0 + index, STATUS_ABANDONED_WAIT_0 + index, STATUS_TIMEOUT.
#define KE_POLL 0
NTSTATUS ke_wait(struct box *box, ULONG count, void *const objects[], bool all, uint64_t deadline_ns);

// Wait=TRUE of the functions that signal: the processor stays owned (irql: any -> DISPATCH at least) until ke_wait_next_over, which the
// wait that has to follow begins with, gives the level of before back.
void ke_wait_next(struct ke_thread *self);
void ke_wait_next_over(struct ke_thread *self);

LONG ke_event_set(KEVENT *event);
LONG ke_event_reset(KEVENT *event);
LONG ke_event_pulse(KEVENT *event);

void ke_mutex_init(KMUTANT *mutex);
// irql: the caller's, which has to be on the same side of DISPATCH as when the mutex was taken. fails: STATUS_MUTANT_NOT_OWNED.
NTSTATUS ke_mutex_release(KMUTANT *mutex, KIRQL irql, LONG *before);

// fails: STATUS_SEMAPHORE_LIMIT_EXCEEDED, and the count has not changed.
NTSTATUS ke_semaphore_release(KSEMAPHORE *semaphore, LONG adjustment, LONG *before);

#endif
