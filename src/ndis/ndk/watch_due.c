// SPDX-License-Identifier: MIT
// See watch.h: what is due, or too much, though no call is wrong by itself. What shows it is a look that finds nothing: "Zero means there
// were no completions in the CQ" [ndkpi/nc-ndkpi-ndk_fn_get_cq_results].
//   depth   before the look more requests than the queue is deep had no result, and the look finds none: all are outstanding (NBX-0720)
//   due     a look found nothing since the last notification, so what comes later is new; it is there, or a flush makes it, and the CQ is
//           armed for any: the arm must be satisfied [network/ndkpi-completion-handling-requirements]. So long after, and no callback has
//           begun: NBX-0719
// A notification that is due waits for the return of the one before, and for the interrupt moderation of the CQ.
// Everything here is guarded by watch->lock.
#include <stdio.h>

#include "ndis/ndk/watch_int.h"

#define DUE_S 30u
#define HOLD_US 1000000u                      // a moderation that holds a notification for longer makes nothing due here

static uint64_t
now_ns(void)
{
    return sched_now_ns(sched_self->sched);
}

// ---- the depth of queues ----------------------------------------------------------------------------------------------------------------

// The CQ of a queue whose depth is known; NULL: a shared receive queue, or a queue pair that is closed.
static struct ndk_object *
cq_of(const struct ndk_object *object, enum ndk_queue_name name)
{
    return object->type == NdkObjectTypeQp && object->made.depth[name] ? object->made.with[name == NDK_RECEIVER ? 1 : 2] : NULL;
}

void
ndk_post_opened(struct ndk_object *object, enum ndk_queue_name name, struct ndk_post *post)
{
    struct ndk_object *cq = cq_of(object, name);
    if (!cq || post->flags & NDK_OP_FLAG_SILENT_SUCCESS)
        return;                               // it may be over, and nothing says so
    post->is_open = true;
    if (++object->queue[name].open == object->made.depth[name] + UINT64_C(1))
        cq->due.deep++;
}

void
ndk_post_over(struct ndk_object *object, enum ndk_queue_name name, struct ndk_post *post)
{
    struct ndk_object *cq = cq_of(object, name);
    if (cq && post->is_open && object->queue[name].open-- == object->made.depth[name] + UINT64_C(1))
        cq->due.deep--;
    post->is_open = false;
}

static void
depth_blame(struct ndk_object *cq, const char *function)
{
    struct ndk_watch *watch = cq->watch;
    uint64_t open = 0;
    ULONG depth = 0;
    bool is_receive = false;
    KIRQL old = ndk_lock(watch);
    for (uint32_t i = 0; i < watch->qp_count && !open; i++)
        for (int name = 0; name < NDK_QUEUES && watch->qps[i] && !open; name++)
            if (cq_of(watch->qps[i], name) == cq && watch->qps[i]->queue[name].open > watch->qps[i]->made.depth[name]) {
                open = watch->qps[i]->queue[name].open;
                depth = watch->qps[i]->made.depth[name];
                is_receive = name == NDK_RECEIVER;
            }
    ndk_unlock(watch, old);
    if (open)
        verify_rule_broken(NBX_0720, function, "finds nothing, and %llu requests are outstanding on %s queue that was made for %u",
                           (unsigned long long)open, is_receive ? "a receive" : "an initiator", (unsigned)depth);
}

// ---- notifications ----------------------------------------------------------------------------------------------------------------------

void
ndk_due_check(struct ndk_object *cq)
{
    char text[160];
    if (!cq->watch->is_strict)
        return;
    KIRQL old = ndk_lock(cq->watch);
    struct ndk_due *due = &cq->due;
    uint64_t waited_s = due->is_due ? (now_ns() - due->since_ns) / 1000000000 : 0;
    bool is_late = waited_s >= DUE_S && !atomic_load(&cq->is_notifying);
    const char *cause = due->flushed ? "requests of it were flushed" : "a new result was taken out of it";
    if (is_late)
        due->is_due = false;                  // told once
    ndk_unlock(cq->watch, old);
    if (!is_late)
        return;
    snprintf(text, sizeof text, "is not called: the queue is armed for any result, and %llu s ago %s", (unsigned long long)waited_s, cause);
    ndk_blame(cq, NBX_0719, "NdkCqNotificationCallback", text);
}

// locks: watch->lock held
static void
due_begin(struct ndk_object *cq, struct ndk_object *flushed)
{
    struct ndk_due *due = &cq->due;
    if (!due->is_armed || due->has_old || due->has_failed || due->is_held)
        return;
    if (!due->is_due)
        due->since_ns = now_ns();
    else if (!due->flushed)
        return;
    due->is_due = true;
    due->flushed = flushed;
}

struct ndk_look
ndk_look_begin(struct ndk_object *cq)
{
    if (!cq->watch->is_strict)
        return (struct ndk_look){0};
    KIRQL old = ndk_lock(cq->watch);
    struct ndk_look look = {.told = cq->due.told, .is_deep = cq->due.deep && !cq->due.has_failed};
    bool is_due = cq->due.is_due;
    ndk_unlock(cq->watch, old);
    if (is_due)
        ndk_due_check(cq);
    return look;
}

void
ndk_look_end(struct ndk_object *cq, const struct ndk_look *look, ULONG count, ULONG asked, const char *function)
{
    if (!cq->watch->is_strict)
        return;
    KIRQL old = ndk_lock(cq->watch);
    if (look->told == cq->due.told) {         // else nobody knows on which side of the notification it was
        if (count)
            due_begin(cq, NULL);
        else if (asked)
            cq->due.has_old = false;
    }
    ndk_unlock(cq->watch, old);
    if (!count && asked && look->is_deep)
        depth_blame(cq, function);
}

void
ndk_armed(struct ndk_object *cq, ULONG type)
{
    if (!cq->watch->is_strict)
        return;
    KIRQL old = ndk_lock(cq->watch);
    cq->due.is_armed |= type == NDK_CQ_NOTIFY_ANY;
    ndk_unlock(cq->watch, old);
}

void
ndk_moderated(struct ndk_object *cq, ULONG interval_us, ULONG count)
{
    if (!cq->watch->is_strict)
        return;
    KIRQL old = ndk_lock(cq->watch);
    cq->due.is_held = interval_us > HOLD_US && count > 1;
    if (cq->due.is_held)
        cq->due.is_due = false;
    ndk_unlock(cq->watch, old);
}

void
ndk_told(struct ndk_object *cq, NTSTATUS status)
{
    if (!cq->watch->is_strict)
        return;
    KIRQL old = ndk_lock(cq->watch);
    cq->due.told++;
    cq->due.is_armed = false;
    cq->due.has_old = true;
    cq->due.is_due = false;
    cq->due.has_failed |= status != STATUS_SUCCESS;
    ndk_unlock(cq->watch, old);
}

// What came due meanwhile may be called from now on.
void
ndk_told_end(struct ndk_object *cq)
{
    if (!cq->watch->is_strict)
        return;
    KIRQL old = ndk_lock(cq->watch);
    if (cq->due.is_due)
        cq->due.since_ns = now_ns();
    ndk_unlock(cq->watch, old);
}

static bool
has_waiting(const struct ndk_queue *queue)
{
    for (uint64_t number = queue->first; number != queue->next; number++) {
        const struct ndk_post *post = &queue->ring[number & (queue->room - 1)];
        if (post->is_open && !post->is_over && !(post->flags & NDK_OP_FLAG_DEFER))
            return true;
    }
    return false;
}

void
ndk_flushed(struct ndk_object *qp)
{
    if (!qp->watch->is_strict)
        return;
    KIRQL old = ndk_lock(qp->watch);
    for (int name = 0; name < NDK_QUEUES; name++)
        if (cq_of(qp, name) && has_waiting(&qp->queue[name]))
            due_begin(cq_of(qp, name), qp);
    ndk_unlock(qp->watch, old);
}

void
ndk_due_closing(struct ndk_object *object)
{
    if (!object->watch->is_strict)
        return;
    if (object->type == NdkObjectTypeCq)
        ndk_due_check(object);
    for (int name = 0; object->type == NdkObjectTypeQp && name < NDK_QUEUES; name++) {
        struct ndk_object *cq = object->made.with[name == NDK_RECEIVER ? 1 : 2];
        ndk_due_check(cq);
        KIRQL old = ndk_lock(object->watch);
        if (cq->due.flushed == object) {      // its results may go with it
            cq->due.flushed = NULL;
            cq->due.is_due = false;
        }
        if (object->made.depth[name] && object->queue[name].open > object->made.depth[name])
            cq->due.deep--;
        object->made.depth[name] = 0;
        ndk_unlock(object->watch, old);
    }
}
