// SPDX-License-Identifier: MIT
// Threads of a box. Each has a ke_thread record, which is what a driver's KTHREAD pointer points at and what a driver waits for:
//   ke_thread_start -> thread_main (boot frame; PsTerminateSystemThread jumps back here) -> ke_thread_ended: signalled
//   box_run lends the calling thread a record of its own (box.c)
#include "nt/ke/thread.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>

#include "nt/ke/bugcheck.h"
#include "nt/ke/ke_int.h"
#include "nt/ke/wait.h"

void
ke_thread_init(struct ke_thread *thread, struct box *box)
{
    *thread = (struct ke_thread){.box = box, .priority = 8, .affinity = UINT64_MAX};
    ke_header_init(&thread->header, KE_OBJECT_THREAD, 0);
    thread->mutants.Flink = thread->mutants.Blink = &thread->mutants;
    list_init(&thread->all_node);
    struct ke *ke = box->ke;
    ke_word_lock(&ke->threads_lock);
    thread->processor = &box->processors[ke->next_processor++ % box->processor_count];
    list_push_back(&ke->threads, &thread->all_node);
    ke_word_unlock(&ke->threads_lock);
}

void
ke_thread_fini(struct ke_thread *thread)
{
    if (!thread->box)
        return;
    struct ke *ke = thread->box->ke;
    ke_word_lock(&ke->threads_lock);
    list_remove(&thread->all_node);
    ke_word_unlock(&ke->threads_lock);
    free(thread->held);
    thread->held = NULL;
}

struct ke_thread *
ke_thread_alloc(struct box *box)
{
    struct ke_thread *thread = calloc(1, sizeof *thread);
    if (thread)
        ke_thread_init(thread, box);
    return thread;
}

void
ke_thread_free(struct ke_thread *thread)
{
    ke_thread_fini(thread);
    free(thread);
}

// The thread's last act as a thread of the box.
static void
thread_ended(struct ke_thread *self)
{
    if (self->irql != PASSIVE_LEVEL)
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, (uint64_t)(uintptr_t)self->fn, self->irql, 0, 0);
    if (self->critical_depth || self->guarded_depth)
        ke_bugcheck(BUGCODE_KERNEL_APC_PENDING_DURING_EXIT, 0, self->critical_depth, self->irql, 0);
    struct box *box = self->box;
    ke_dispatcher_lock(box);
    if (self->mutants.Flink != &self->mutants)
        ke_bugcheck(BUGCODE_THREAD_TERMINATE_HELD_MUTEX, (uint64_t)(uintptr_t)self,
                    (uint64_t)(uintptr_t)CONTAINING_RECORD(self->mutants.Flink, KMUTANT, MutantListEntry), 0, 0);
    ke_header_signal_locked(box, &self->header, 1);
    ke_dispatcher_unlock(box);
}

static void
thread_main(void *arg)
{
    struct ke_thread *self = arg;
    jmp_buf frame;
    self->exit_frame = &frame;
    if (_setjmp(frame) == 0)
        self->fn(self->arg);
    thread_ended(self);
    if (self->on_ended)
        self->on_ended(self);
}

void
ke_thread_exit(NTSTATUS status)
{
    struct ke_thread *self = ke_self();
    self->exit_status = status;
    _longjmp(*(jmp_buf *)self->exit_frame, 1);
}

int
ke_thread_launch(struct ke_thread *thread, const char *name, void (*fn)(void *), void *arg)
{
    thread->fn = fn;
    thread->arg = arg;
    return sched_thread_start(thread->box->sched, name, thread_main, thread, thread, &thread->sched_thread);
}

int
ke_thread_start(struct box *box, const char *name, void (*fn)(void *), void *arg, struct ke_thread **out)
{
    struct ke_thread *thread = ke_thread_alloc(box);
    if (!thread)
        return -ENOMEM;
    *out = thread;   // before it runs: the new thread may look for itself there
    int error = ke_thread_launch(thread, name, fn, arg);
    if (error) {
        *out = NULL;
        ke_thread_free(thread);
    }
    return error;
}

void
ke_thread_join(struct ke_thread *thread)
{
    sched_thread_join(thread->box->sched, thread->sched_thread);
    ke_thread_free(thread);
}
