// SPDX-License-Identifier: MIT
// What the files of this room share: the state of a box's kernel and who creates it.
// Raw locks and their order (outer first; docs/irql.md): dispatcher, then a processor's DPC queue. threads is a leaf.
#ifndef NBX_NT_KE_INT_H
#define NBX_NT_KE_INT_H

#include "base/heap.h"
#include "nt/ke/ke.h"
#include "nt/ke/word.h"

struct ke_timers {
    struct heap heap;            // KTIMER from DueTime on, by due time and sequence
    _Atomic uint32_t word;       // what the timer thread sleeps on; changes when the earliest due time may have
    _Atomic uint32_t stop;
    struct ke_thread *thread;
};

struct ke_worker {
    _Atomic uint32_t lock;       // raw
    struct list items;           // of struct ke_work
    _Atomic uint32_t word;       // changes with each item and at stop
    _Atomic uint32_t stop;
    struct ke_thread *thread;
};

struct ke {
    _Atomic uint32_t dispatcher; // raw: signal states and wait lists of all dispatcher objects, and the timer heap
    struct wait *woken, **woken_last;   // waits that have been satisfied under the lock and are woken after it (wait.c)
    _Atomic uint32_t threads_lock;
    struct list threads;         // struct ke_thread.all_node
    uint32_t next_processor;     // round robin start for new threads, under threads_lock
    struct ke_timers timers;
    struct ke_worker worker;     // the ordered queue of ke_work_queue
    uint32_t resolution;         // what drivers have set for the clock's ticks, and how many have; under dispatcher
    uint32_t resolution_setters;
};

int ke_create(struct box *box);
// Work and timers end, then every queued DPC runs, then the processors go. irql: PASSIVE.
void ke_stop(struct box *box);
void ke_destroy(struct box *box);

int ke_timers_start(struct box *box);
void ke_timers_stop(struct box *box);
int ke_worker_start(struct box *box);
void ke_worker_stop(struct box *box);

// A record for a thread that the room did not start (box_run). owns: the caller's until ke_thread_free.
struct ke_thread *ke_thread_alloc(struct box *box);
void ke_thread_free(struct ke_thread *thread);

static inline void
ke_dispatcher_lock(struct box *box)
{
    ke_word_lock(&box->ke->dispatcher);
}

// Drops the lock and then wakes whose waits were satisfied under it: so the object that was signalled may lie on a waiter's stack.
void ke_dispatcher_unlock(struct box *box);

#endif
