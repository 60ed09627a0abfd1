// SPDX-License-Identifier: MIT
// The PnP thread of a box: initialise, attach, bind, pause, restart, detach, unbind, halt all run here, one after the other, at
// PASSIVE_LEVEL, with no lock held. So a lifecycle change never meets another half way, and what a driver asks for from inside a
// callback (NdisFRestartFilter, NdisUnbindAdapter) happens after that callback.
//   ndis_pnp_run   enqueue and wait        ndis_pnp_queue   enqueue        ndis_pnp_queue_own   the same with an item of one's own
#include "ndis/ndis_int.h"

#include <errno.h>

struct ndis_pnp {
    struct ke_lock lock;                      // guards items and stop
    struct list items;
    struct ke_latch work;
    bool stop;
    struct ke_thread *thread;
};

static struct ndis_pnp_item *
pnp_next(struct ndis_pnp *pnp, bool *stop)
{
    KIRQL old = ke_lock_take(&pnp->lock);
    struct list *node = list_pop_front(&pnp->items);
    if (!node)
        ke_latch_reset(&pnp->work);
    *stop = pnp->stop;
    ke_lock_drop(&pnp->lock, old);
    return node ? LIST_ENTRY_OF(node, struct ndis_pnp_item, node) : NULL;
}

static void
pnp_thread(void *arg)
{
    struct ndis_pnp *pnp = arg;
    for (;;) {
        bool stop;
        struct ndis_pnp_item *item = pnp_next(pnp, &stop);
        if (item) {
            struct ndis_pnp_item todo = *item;   // one's own item may go away in fn
            if (todo.is_allocated)
                ndis_free(item);
            todo.fn(todo.arg);
            if (todo.done)
                ke_latch_set(todo.done);
        } else if (stop)
            return;
        else
            ke_latch_wait(&pnp->work, SCHED_NEVER);
    }
}

static void
pnp_push(struct ndis_pnp *pnp, struct ndis_pnp_item *item)
{
    KIRQL old = ke_lock_take(&pnp->lock);
    list_push_back(&pnp->items, &item->node);
    ke_lock_drop(&pnp->lock, old);
    ke_latch_set(&pnp->work);
}

bool
ndis_pnp_is_self(struct ndis *ndis)
{
    return ke_self() == ndis->pnp->thread;
}

void
ndis_pnp_run(struct ndis *ndis, void (*fn)(void *arg), void *arg)
{
    if (ke_self() == ndis->pnp->thread) {
        fn(arg);
        return;
    }
    struct ke_latch done;
    ke_latch_reset(&done);
    struct ndis_pnp_item item = {.fn = fn, .arg = arg, .done = &done};
    pnp_push(ndis->pnp, &item);
    ke_latch_wait(&done, SCHED_NEVER);
}

int
ndis_pnp_queue(struct ndis *ndis, void (*fn)(void *arg), void *arg)
{
    struct ndis_pnp_item *item = ndis_alloc(sizeof *item);
    if (!item)
        return -ENOMEM;
    *item = (struct ndis_pnp_item){.fn = fn, .arg = arg, .is_allocated = true};
    pnp_push(ndis->pnp, item);
    return 0;
}

void
ndis_pnp_queue_own(struct ndis *ndis, struct ndis_pnp_item *item)
{
    pnp_push(ndis->pnp, item);
}

void
ndis_pnp_unqueue_own(struct ndis *ndis, struct ndis_pnp_item *item)
{
    KIRQL old = ke_lock_take(&ndis->pnp->lock);
    list_remove(&item->node);
    ke_lock_drop(&ndis->pnp->lock, old);
}

int
ndis_pnp_start(struct ndis *ndis)
{
    struct ndis_pnp *pnp = ndis_alloc(sizeof *pnp);
    if (!pnp)
        return -ENOMEM;
    list_init(&pnp->items);
    ke_latch_reset(&pnp->work);
    ndis->pnp = pnp;
    int error = ke_thread_start(ndis->box, "ndis-pnp", pnp_thread, pnp, &pnp->thread);
    if (error) {
        ndis->pnp = NULL;
        ndis_free(pnp);
    }
    return error;
}

void
ndis_pnp_stop(struct ndis *ndis)
{
    struct ndis_pnp *pnp = ndis->pnp;
    KIRQL old = ke_lock_take(&pnp->lock);
    pnp->stop = true;
    ke_lock_drop(&pnp->lock, old);
    ke_latch_set(&pnp->work);
    ke_thread_join(pnp->thread);
    ndis_free(pnp);
    ndis->pnp = NULL;
}
