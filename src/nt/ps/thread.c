// SPDX-License-Identifier: MIT
// The life of a system thread: created running -> its routine returns or calls PsTerminateSystemThread -> signalled (ke) -> its record
// goes to the list of the ended -> joined by the next ps_thread_create, an unload or ps_destroy, whichever comes first -> object goes
// with its last reference. Only the join makes sure that nothing of the thread runs any more: then its image is given back.
#include <errno.h>
#include <stdlib.h>

#include "nt/io/image.h"
#include "nt/ke/thread.h"
#include "nt/ke/word.h"
#include "nt/ps/ps.h"
#include "nt/ps/ps_int.h"

struct ps {
    _Atomic uint32_t lock;           // raw
    struct list running, ended;      // struct ps_thread.node
    uint32_t next_id;
    void *process;                   // the System process object
};

const struct _OBJECT_TYPE ps_thread_type = {.kind = OB_THREAD, .name = "Thread"};
const struct _OBJECT_TYPE ps_process_type = {.kind = OB_PROCESS, .name = "Process"};

static void
ps_thread_ended(struct ke_thread *thread)
{
    struct ps_thread *self = thread->ps;
    struct ps *ps = thread->box->ps;
    ke_word_lock(&ps->lock);
    list_remove(&self->node);
    list_push_back(&ps->ended, &self->node);
    ke_word_unlock(&ps->lock);
}

static void
ps_thread_run(void *arg)
{
    struct ps_thread *thread = arg;
    thread->ke.driver = thread->image;
    thread->start(thread->context);
}

void
ps_reap(struct box *box)
{
    struct ps *ps = box->ps;
    for (;;) {
        ke_word_lock(&ps->lock);
        struct list *node = list_pop_front(&ps->ended);
        ke_word_unlock(&ps->lock);
        if (!node)
            return;
        struct ps_thread *thread = LIST_ENTRY_OF(node, struct ps_thread, node);
        sched_thread_join(box->sched, thread->ke.sched_thread);
        ke_thread_fini(&thread->ke);
        if (thread->image)
            io_image_unref(thread->image);
        ob_unref(thread);
    }
}

NTSTATUS
ps_thread_create(struct box *box, PKSTART_ROUTINE start, void *context, struct ps_thread **out)
{
    struct ps *ps = box->ps;
    struct ps_thread *thread;
    ps_reap(box);
    NTSTATUS status = ob_object_create(box, &ps_thread_type, sizeof *thread, (void **)&thread);
    if (!NT_SUCCESS(status))
        return status;
    ke_thread_init(&thread->ke, box);
    thread->ke.ps = thread;
    thread->ke.on_ended = ps_thread_ended;
    thread->start = start;
    thread->context = context;
    thread->image = io_image_at(box, (const void *)start);
    if (thread->image)
        io_image_ref(thread->image);
    ob_ref(thread);                  // the running thread's own, until it has been joined
    ke_word_lock(&ps->lock);
    thread->id = ps->next_id;
    ps->next_id += 4;
    list_push_back(&ps->running, &thread->node);
    ke_word_unlock(&ps->lock);
    if (ke_thread_launch(&thread->ke, "system", ps_thread_run, thread) == 0) {
        *out = thread;
        return STATUS_SUCCESS;
    }
    ke_word_lock(&ps->lock);
    list_remove(&thread->node);
    ke_word_unlock(&ps->lock);
    if (thread->image)
        io_image_unref(thread->image);
    ke_thread_fini(&thread->ke);
    ob_unref(thread);
    ob_unref(thread);
    return STATUS_INSUFFICIENT_RESOURCES;
}

uint32_t
ps_thread_id(const struct ke_thread *thread)
{
    return thread->ps ? thread->ps->id : 0x10000 + 4 * sched_self->id;
}

int
ps_create(struct box *box)
{
    box->ps = calloc(1, sizeof *box->ps);
    if (!box->ps)
        return -ENOMEM;
    list_init(&box->ps->running);
    list_init(&box->ps->ended);
    box->ps->next_id = 8;
    return NT_SUCCESS(ob_object_create(box, &ps_process_type, 64, &box->ps->process)) ? 0 : -ENOMEM;
}

void *
ps_process(struct box *box)
{
    return box->ps->process;
}

// A thread gets its time to end: drivers signal their threads and do not wait for them more often than they should.
static void
ps_wait_running(struct box *box)
{
    for (int turn = 0; turn < 100; turn++) {
        ke_word_lock(&box->ps->lock);
        bool none = list_is_empty(&box->ps->running);
        ke_word_unlock(&box->ps->lock);
        if (none)
            return;
        _Atomic uint32_t nobody = 0;
        sched_wait(box->sched, &nobody, 0, sched_now_ns(box->sched) + 10000000);
    }
}

uint32_t
ps_destroy(struct box *box)
{
    struct ps *ps = box->ps;
    if (!ps)
        return 0;
    ps_wait_running(box);
    ps_reap(box);
    if (!list_is_empty(&ps->running)) {
        LIST_FOR_EACH(node, &ps->running) {
            struct ps_thread *thread = LIST_ENTRY_OF(node, struct ps_thread, node);
            box_leftover(box, "system thread %u of %s still runs", thread->id, thread->image ? thread->image->name : "ndisbox");
        }
        return 0;                    // they go on using the box, so it stays (box.c)
    }
    ob_unref(ps->process);
    free(ps);
    box->ps = NULL;
    return 0;
}
