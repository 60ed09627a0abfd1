// SPDX-License-Identifier: MIT
// See locks.h. The list belongs to its thread (ke_thread.held), is made with the first lock that the thread takes while it is watched and
// is freed with the thread (ke_thread_fini). It is short; a thread that holds more than it has room for is not judged until it is empty.
#include "verify/locks.h"

#include <stdio.h>

#include "nt/io/image.h"
#include "verify/held.h"
#include "verify/paged.h"
#include "verify/report.h"
#include "verify/verify.h"

static const char *
driver_name(const struct ke_thread *self)
{
    const struct io_image *image = self->driver;
    return image ? image->name : "ndisbox";
}

static void
lock_report(enum verify_rule rule, const struct held_lock *held, const char *function, const char *text)
{
    struct verify_history history = {0};
    verify_history_put(box_self()->verify, &history, &held->taken, held->taken.what);
    verify_report(&(struct verify_finding){.rule = rule,
                                           .driver = ke_self()->driver,
                                           .function = function,
                                           .text = text,
                                           .object_kind = "spin lock",
                                           .object = held->lock,
                                           .history = &history});
}

void
verify_lock_taken(const void *lock, enum verify_lock_pair pair, const char *function)
{
    struct ke_thread *self = ke_self();
    verify_raised(self);
    if (verify_paged_has(self->box->verify, lock))
        verify_rule_broken(NBX_0205, function, "the spin lock lies in paged pool (found by its address)");
    struct ke_held *held = held_of(self);
    if (held->count == HELD_MAX) {
        held->lost++;
        return;
    }
    struct held_lock *one = &held->locks[held->count++];
    one->lock = lock;
    one->pair = pair;
    one->is_shared = false;
    one->depth = self->crossings;
    verify_event_make(&one->taken, "taken by", function, self->driver, self->box->verify->with_stacks);
}

static bool
is_queued(enum verify_lock_pair pair)
{
    return pair >= VERIFY_LOCK_QUEUED;
}

static __attribute__((noinline, cold)) void
wrong_pair(const struct ke_thread *self, const struct held_lock *one, enum verify_lock_pair dropped, const char *function)
{
    char text[300];
    bool is_other_type = is_queued(one->pair) != is_queued(dropped);
    snprintf(text, sizeof text, "%s releases a spin lock that %s took; the two are not %s", driver_name(self), one->taken.function,
             is_other_type ? "of one type" : "a pair");
    lock_report(is_other_type ? NBX_0207 : NBX_0203, one, function, text);
}

static void
held_remove(struct ke_held *held, uint32_t at)
{
    held->count--;
    for (uint32_t i = at; i < held->count; i++)
        held->locks[i] = held->locks[i + 1];
}

static bool
is_pair(enum verify_lock_pair taken, enum verify_lock_pair dropped)
{
    return taken == dropped || (taken == VERIFY_LOCK_TRIED && (dropped == VERIFY_LOCK_PLAIN || dropped == VERIFY_LOCK_DPC_LEVEL));
}

void
verify_lock_dropped(const void *lock, enum verify_lock_pair pair, const char *function)
{
    struct ke_thread *self = ke_self();
    struct ke_held *held = self->held;
    for (uint32_t i = held ? held->count : 0; i-- > 0;) {
        if (held->locks[i].lock != lock)
            continue;
        if (!is_pair(held->locks[i].pair, pair))
            wrong_pair(self, &held->locks[i], pair, function);
        held_remove(held, i);
        return;
    }
    if (held && held->lost) {
        held->lost--;
        return;
    }
    verify_rule_broken(NBX_0204, function, "%s releases a spin lock that this thread does not hold", driver_name(self));
}

void
verify_locks_returned(struct ke_thread *self, const struct ke_crossing *crossing)
{
    struct ke_held *held = self->held;
    while (held && held->count && held->locks[held->count - 1].depth >= self->crossings) {
        struct held_lock one = held->locks[--held->count];
        char text[300];
        snprintf(text, sizeof text, "%s returned with a spin lock held that %s took", driver_name(self), one.taken.function);
        lock_report(NBX_0202, &one, crossing->name ? crossing->name : "callback", text);
    }
}
