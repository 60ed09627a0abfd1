// SPDX-License-Identifier: MIT
// The box's ordered queue: what Windows does in its own PnP worker, one after the other, at PASSIVE. Driver work items have a pool of
// threads of their own (ex/work.c), so that one of them may wait for what this queue does.
#include <errno.h>
#include <stdlib.h>

#include "nt/ke/bugcheck.h"
#include "nt/ke/ke_int.h"

static struct ke_work *
work_pop(struct ke_worker *worker)
{
    ke_word_lock(&worker->lock);
    struct list *node = list_pop_front(&worker->items);
    ke_word_unlock(&worker->lock);
    return node ? LIST_ENTRY_OF(node, struct ke_work, node) : NULL;
}

static void
work_thread(void *arg)
{
    struct box *box = arg;
    struct ke_worker *worker = &box->ke->worker;
    for (;;) {
        uint32_t word = atomic_load(&worker->word);
        struct ke_work *item = work_pop(worker);
        if (item) {
            void (*fn)(void *context) = item->fn;
            void *context = item->context;
            if (item->is_allocated)
                free(item);                   // else its owner's again, to be queued or freed by fn
            fn(context);
            if (ke_self()->irql != PASSIVE_LEVEL)
                ke_bugcheck(BUGCODE_WORKER_THREAD_RETURNED_AT_BAD_IRQL, (uint64_t)(uintptr_t)fn, ke_self()->irql, 0, 0);
        } else if (atomic_load(&worker->stop)) {
            break;
        } else {
            sched_wait(box->sched, &worker->word, word, SCHED_NEVER);
        }
    }
}

static void
work_kick(struct box *box)
{
    atomic_fetch_add(&box->ke->worker.word, 1);
    sched_wake(box->sched, &box->ke->worker.word, 1);
}

void
ke_work_queue_own(struct box *box, struct ke_work *item)
{
    struct ke_worker *worker = &box->ke->worker;
    ke_word_lock(&worker->lock);
    list_push_back(&worker->items, &item->node);
    ke_word_unlock(&worker->lock);
    work_kick(box);
    sched_choice(box->sched, SCHED_POINT_QUEUE);
}

int
ke_work_queue(struct box *box, void (*fn)(void *context), void *context)
{
    struct ke_work *item = malloc(sizeof *item);
    if (!item)
        return -ENOMEM;
    *item = (struct ke_work){.fn = fn, .context = context, .is_allocated = true};
    ke_work_queue_own(box, item);
    return 0;
}

int
ke_worker_start(struct box *box)
{
    return ke_thread_start(box, "pnp", work_thread, box, &box->ke->worker.thread);
}

void
ke_worker_stop(struct box *box)
{
    struct ke_worker *worker = &box->ke->worker;
    if (!worker->thread)
        return;
    atomic_store(&worker->stop, 1);
    work_kick(box);
    ke_thread_join(worker->thread);   // after what was queued
    worker->thread = NULL;
}
