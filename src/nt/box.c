// SPDX-License-Identifier: MIT
// The life of a box: rooms are made bottom up and taken down top down. Three ways in:
//   box_create   ke ex mm ob cm io ps; whoever builds above (ndis, verify) attaches itself with box_attach
//   box_run      lends the calling thread a ke_thread record for the length of a function
//   box_destroy  what was attached, newest first -> drivers -> work, timers, DPCs -> names, keys, pool: what is left is counted
#include "nt/box.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/cm/cm.h"
#include "nt/ex/ex_int.h"
#include "nt/hal/hal.h"
#include "nt/io/io.h"
#include "nt/ke/ke_int.h"
#include "nt/ke/thread.h"
#include "nt/ob/ob.h"
#include "nt/ps/ps.h"
#include "nt/se/se.h"
#include "verify/left.h"

void
box_message(struct box *box, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (box->on_message)
        box->on_message(box->on_message_context, text);
    else
        fprintf(stderr, "%s: %s\n", box->name, text);
}

void
box_broken(struct box *box, const char *function, const char *what)
{
    if (box->on_finding)
        box->on_finding(box->on_finding_context, function, what);
}

void
box_leftover(struct box *box, const char *format, ...)
{
    char text[960];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    box->leftovers++;
    box_message(box, "left behind: %s", text);
}

void
box_attach(struct box *box, struct box_upper *upper)
{
    list_push_front(&box->uppers, &upper->node);
}

static void
box_free(struct box *box)
{
    ke_stop(box);
    hal_destroy(box);
    ex_destroy(box);
    ke_destroy(box);
    free((char *)box->name);
    free(box);
}

static void
box_rooms_create(void *arg)
{
    struct box *box = arg;
    int (*const rooms[])(struct box *) = {hal_create, ex_create, ob_create, cm_create, io_create, ps_create};
    for (size_t i = 0; !box->create_error && i < sizeof rooms / sizeof *rooms; i++)
        box->create_error = rooms[i](box);
}

struct box *
box_create(struct sched *sched, const struct box_config *config)
{
    if (config->processors < 1 || config->processors > 64)
        return NULL;
    struct box *box = calloc(1, sizeof *box);
    if (!box)
        return NULL;
    box->sched = sched;
    box->processor_count = config->processors;
    list_init(&box->uppers);
    list_init(&box->node);
    list_init(&box->nbx_ports);
    box->name = strdup(config->name ? config->name : "box");
    // The kernel first and from here; the other rooms already need to be in a thread of the box (ke_self).
    if (!box->name || ke_create(box) || box_run(box, box_rooms_create, box) || box->create_error) {
        box_free(box);
        return NULL;
    }
    return box;
}

static void
uppers_destroy(struct box *box, bool after_drivers)
{
    for (struct list *node = box->uppers.next, *next; node != &box->uppers; node = next) {
        struct box_upper *upper = LIST_ENTRY_OF(node, struct box_upper, node);
        next = node->next;
        if (upper->after_drivers != after_drivers)
            continue;
        list_remove(node);
        upper->destroy(box, upper->context);
    }
}

static uint32_t
box_take_down(struct box *box)
{
    uppers_destroy(box, false);
    io_stop(box);
    uppers_destroy(box, true);
    ex_stop(box);
    box->leftovers += ps_destroy(box);
    if (box->ps)
        return box->leftovers;   // a driver's thread still runs on it: better to leave the box than to pull it away
    ke_stop(box);
    if (se_captured(box) && !box->verify)   // else each was a finding when its driver went
        box_leftover(box, "%u security contexts, captured and not released (SeReleaseSubjectContext)", se_captured(box));
    box->leftovers += io_destroy(box);
    box->leftovers += cm_destroy(box);
    box->leftovers += ob_destroy(box);
    hal_destroy(box);
    ex_leaks_report(box);
    verify_left_forget(box);
    io_free(box);
    uint32_t leftovers = box->leftovers;
    ke_thread_fini(ke_self());
    ke_self()->box = NULL;   // the record is box_run's, which must not look at the box any more
    box_free(box);
    return leftovers;
}

struct box_destruction {
    struct box *box;
    uint32_t leftovers;
};

static void
box_destroy_inside(void *arg)
{
    struct box_destruction *destruction = arg;
    destruction->leftovers = box_take_down(destruction->box);
}

uint32_t
box_destroy(struct box *box)
{
    if (sched_self && sched_self->user && ke_self()->box == box)
        return box_take_down(box);
    struct box_destruction destruction = {.box = box};
    if (box_run(box, box_destroy_inside, &destruction))
        return UINT32_MAX;
    return destruction.leftovers;
}

int
box_run(struct box *box, void (*fn)(void *arg), void *arg)
{
    if (sched_self && sched_self->user && ke_self()->box == box) {
        fn(arg);
        return 0;
    }
    struct ke_thread *thread = ke_thread_alloc(box);
    if (!thread)
        return -ENOMEM;
    int error = 0;
    if (sched_self) {
        void *user = sched_self->user;
        sched_self->user = thread;
        thread->sched_thread = sched_self;
        fn(arg);
        sched_self->user = user;
    } else {
        error = sched_run(box->sched, box->name, fn, arg, thread);
    }
    if (!error)   // after a deadlock the fibre is where it was, with this record
        ke_thread_free(thread);
    return error;
}
