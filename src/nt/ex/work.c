// SPDX-License-Identifier: MIT
// The pool of worker threads. There is always one more thread than items that run, up to 64: the worker that takes the last idle place
// first starts another. So an item that waits for another item does not wait for ever, and nobody starts a thread at DISPATCH.
// (Windows adds threads when it finds the queue stuck, [windows-driver-docs kernel/system-worker-threads].)
#include "nt/ex/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "nt/ex/ex_int.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/word.h"

#define WORKERS_MAX 64

struct ex_workers {
    _Atomic uint32_t lock;           // raw; guards what follows
    struct list critical, delayed;   // WORK_QUEUE_ITEM from List on
    uint32_t count, idle;
    bool stop;
    _Atomic uint32_t word;           // changes with each item, and at stop
    struct ke_thread *threads[WORKERS_MAX];
};

_Static_assert(sizeof(LIST_ENTRY) == sizeof(struct list), "a WORK_QUEUE_ITEM's List is one of our nodes");

static WORK_QUEUE_ITEM *
workers_pop_locked(struct ex_workers *workers)
{
    struct list *node = list_pop_front(&workers->critical);
    if (!node)
        node = list_pop_front(&workers->delayed);
    if (!node)
        return NULL;
    WORK_QUEUE_ITEM *item = CONTAINING_RECORD(node, WORK_QUEUE_ITEM, List);
    item->List.Flink = NULL;         // may be queued again from here on
    return item;
}

static void workers_main(void *arg);

// locks: workers held, dropped on return
static void
workers_grow_drops(struct box *box, struct ex_workers *workers)
{
    uint32_t number = workers->count++;
    workers->idle++;
    ke_word_unlock(&workers->lock);
    char name[32];
    snprintf(name, sizeof name, "worker%u", number);
    if (!ke_thread_start(box, name, workers_main, box, &workers->threads[number]))
        return;
    ke_word_lock(&workers->lock);    // do with those there are; somebody will try again
    workers->count--;
    workers->idle--;
    ke_word_unlock(&workers->lock);
}

static void
workers_run(struct box *box, struct ex_workers *workers, WORK_QUEUE_ITEM *item)
{
    PWORKER_THREAD_ROUTINE routine = item->WorkerRoutine;
    void *parameter = item->Parameter;
    if (!workers->idle && !workers->stop && workers->count < WORKERS_MAX)
        workers_grow_drops(box, workers);
    else
        ke_word_unlock(&workers->lock);
    struct ke_thread *self = ke_self();
    struct ke_crossing crossing = ke_driver_enter_code(self, (const void *)routine, "WORKER_THREAD_ROUTINE");
    routine(parameter);
    ke_driver_leave(self, crossing);
    if (self->irql != PASSIVE_LEVEL || self->critical_depth || self->guarded_depth)
        ke_bugcheck(BUGCODE_WORKER_THREAD_RETURNED_AT_BAD_IRQL, (uint64_t)(uintptr_t)routine, self->irql,
                    (uint64_t)(uintptr_t)parameter, 0);
}

static void
workers_main(void *arg)
{
    struct box *box = arg;
    struct ex_workers *workers = box->ex->workers;
    for (;;) {
        uint32_t word = atomic_load(&workers->word);
        ke_word_lock(&workers->lock);
        WORK_QUEUE_ITEM *item = workers_pop_locked(workers);
        if (item) {
            workers->idle--;
            workers_run(box, workers, item);
            ke_word_lock(&workers->lock);
            workers->idle++;
            ke_word_unlock(&workers->lock);
            continue;
        }
        bool stop = workers->stop;
        ke_word_unlock(&workers->lock);
        if (stop)
            break;
        sched_wait(box->sched, &workers->word, word, SCHED_NEVER);
    }
}

void
ex_work_queue(struct box *box, WORK_QUEUE_ITEM *item, WORK_QUEUE_TYPE type)
{
    struct ex_workers *workers = box->ex->workers;
    ke_word_lock(&workers->lock);
    if (item->List.Flink)
        ke_bugcheck(BUGCODE_WORKER_INVALID, 1, (uint64_t)(uintptr_t)item, (uint64_t)(uintptr_t)item->WorkerRoutine, 0);
    bool critical = type == CriticalWorkQueue || type == HyperCriticalWorkQueue || type == SuperCriticalWorkQueue;
    list_push_back(critical ? &workers->critical : &workers->delayed, (struct list *)&item->List);
    ke_word_unlock(&workers->lock);
    atomic_fetch_add(&workers->word, 1);
    sched_wake(box->sched, &workers->word, 1);
    sched_choice(box->sched, SCHED_POINT_QUEUE);
}

static WORK_QUEUE_ITEM *
queue_take_locked(struct list *head, const void *base, size_t bytes, bool by_routine)
{
    LIST_FOR_EACH(node, head) {
        WORK_QUEUE_ITEM *item = CONTAINING_RECORD(node, WORK_QUEUE_ITEM, List);
        if ((by_routine ? (uintptr_t)item->WorkerRoutine : (uintptr_t)item) - (uintptr_t)base >= bytes)
            continue;
        list_remove(node);
        item->List.Flink = NULL;
        return item;
    }
    return NULL;
}

WORK_QUEUE_ITEM *
ex_work_take_in_range(struct box *box, const void *base, size_t bytes, bool by_routine)
{
    struct ex_workers *workers = box->ex->workers;
    if (!workers)
        return NULL;
    ke_word_lock(&workers->lock);
    WORK_QUEUE_ITEM *item = queue_take_locked(&workers->critical, base, bytes, by_routine);
    if (!item)
        item = queue_take_locked(&workers->delayed, base, bytes, by_routine);
    ke_word_unlock(&workers->lock);
    return item;
}

int
ex_workers_create(struct box *box)
{
    struct ex_workers *workers = calloc(1, sizeof *workers);
    if (!workers)
        return -ENOMEM;
    list_init(&workers->critical);
    list_init(&workers->delayed);
    box->ex->workers = workers;
    ke_word_lock(&workers->lock);
    workers_grow_drops(box, workers);
    return workers->count ? 0 : -EAGAIN;
}

void
ex_workers_stop(struct box *box)
{
    struct ex_workers *workers = box->ex ? box->ex->workers : NULL;
    if (!workers)
        return;
    ke_word_lock(&workers->lock);
    workers->stop = true;
    ke_word_unlock(&workers->lock);
    atomic_fetch_add(&workers->word, 1);
    sched_wake(box->sched, &workers->word, UINT32_MAX);
    for (uint32_t i = 0; i < workers->count; i++)
        ke_thread_join(workers->threads[i]);
    free(workers);
    box->ex->workers = NULL;
}
