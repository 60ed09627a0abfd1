// SPDX-License-Identifier: MIT
// See verify.h. Paths: ke_driver_enter -> verify_crossed_in -> the fence shows what that driver may touch; ke_driver_leave ->
// verify_crossed_out -> the view of whoever ran before; on a switch of fibres on_switch -> the view of the one that goes on.
#include "verify/verify.h"

#include <stdlib.h>

#include "nt/io/image.h"
#include "verify/fence.h"
#include "verify/irps.h"
#include "verify/ledger.h"
#include "verify/left.h"
#include "verify/locks.h"
#include "verify/order.h"
#include "verify/paged.h"

// ThreadSanitizer dies of an allocation in a signal handler, which a report is.
#if defined(__has_feature) && __has_feature(thread_sanitizer)
#define PAGED_SHUTS false
#else
#define PAGED_SHUTS true
#endif

// irql.c
void verify_irql_returned(struct ke_thread *self, const struct ke_crossing *crossing);

static void
on_switch(void *context, struct sched_thread *to)
{
    struct verify *verify = context;
    struct ke_thread *thread = to->user;
    if (verify->fence)
        fence_view(verify->fence, thread ? thread->driver : NULL);
    verify_paged_switch(verify, thread);
}

struct verify *
verify_create(struct sched *sched, enum verify_mode mode, struct verify_sink *sink)
{
    struct verify *verify = calloc(1, sizeof *verify);
    if (!verify)
        return NULL;
    verify->table = verify_table_create();
    verify->irps = verify_irps_create();
    verify->mode = mode;
    verify->sched = sched;
    verify->order = verify_order_create();
    if (!verify->table || !verify->irps || !verify->order) {
        verify_destroy(verify);
        return NULL;
    }
    verify->sink = sink;
    verify->with_stacks = mode == VERIFY_STRICT || sched->is_sim;
    if (mode != VERIFY_STRICT)
        return verify;
    verify->paged = paged_create(sched->is_sim && PAGED_SHUTS);
    if (sched->is_sim && fence_works())
        verify->fence = fence_create();
    if (!verify->paged || (sched->is_sim && fence_works() && !verify->fence)) {
        verify_destroy(verify);
        return NULL;
    }
    if (verify->fence)
        ledger_fence_listen(verify->fence);
    if (sched->is_sim) {
        sched->on_switch_context = verify;
        sched->on_switch = on_switch;
    }
    return verify;
}

void
verify_destroy(struct verify *verify)
{
    if (!verify)
        return;
    if (verify->sched->on_switch_context == verify)
        verify->sched->on_switch = NULL;
    paged_destroy(verify->paged);
    if (verify->fence) {
        ledger_fence_listen(NULL);
        fence_destroy(verify->fence);
    }
    verify_order_destroy(verify->order);
    verify_irps_destroy(verify->irps);
    verify_table_destroy(verify->table);
    verify_sites_clear(&verify->sites);
    free(verify);
}

void
verify_crossed_in(struct ke_thread *self, struct ke_crossing *crossing)
{
    struct verify *verify = self->box->verify;
    self->crossings++;
    crossing->paged_was_shut = self->paged_is_shut;
    if (verify->paged)
        verify_paged_level(self, self->driver && self->irql >= DISPATCH_LEVEL);
    if (verify->fence)
        fence_view(verify->fence, self->driver);
}

void
verify_crossed_out(struct ke_thread *self, const struct ke_crossing *crossing)
{
    struct verify *verify = self->box->verify;
    if (__builtin_expect(self->held != NULL, 0))
        verify_locks_returned(self, crossing);
    self->crossings--;
    if (self->irql != crossing->irql && crossing->name)
        verify_irql_returned(self, crossing);
    if (verify->fence)
        fence_view(verify->fence, crossing->before);
    if (verify->paged)
        verify_paged_level(self, crossing->paged_was_shut);
}

void
verify_raised(struct ke_thread *self)
{
    if (self->box->verify->paged && self->driver && self->irql >= DISPATCH_LEVEL)
        verify_paged_level(self, true);
}

void *
verify_driver_of_code(struct box *box, const void *routine)
{
    return box->io ? io_image_at(box, routine) : NULL;
}
