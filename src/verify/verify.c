// SPDX-License-Identifier: MIT
// See verify.h. Paths: ke_driver_enter -> verify_crossed_in -> the fence shows what that driver may touch; ke_driver_leave ->
// verify_crossed_out -> the view of whoever ran before; on a switch of fibres on_switch -> the view of the one that goes on.
#include "verify/verify.h"

#include <stdlib.h>

#include "nt/io/image.h"
#include "verify/fence.h"
#include "verify/ledger.h"
#include "verify/left.h"
#include "verify/locks.h"

// irql.c
void verify_irql_returned(struct ke_thread *self, const struct ke_crossing *crossing);

static void
on_switch(void *context, struct sched_thread *to)
{
    struct verify *verify = context;
    struct ke_thread *thread = to->user;
    fence_view(verify->fence, thread ? thread->driver : NULL);
}

struct verify *
verify_create(struct sched *sched, enum verify_mode mode, struct verify_sink *sink)
{
    struct verify *verify = calloc(1, sizeof *verify);
    if (!verify)
        return NULL;
    verify->table = verify_table_create();
    if (!verify->table) {
        free(verify);
        return NULL;
    }
    verify->mode = mode;
    verify->sched = sched;
    verify->sink = sink;
    verify->with_stacks = mode == VERIFY_STRICT || sched->is_sim;
    if (mode != VERIFY_STRICT || !sched->is_sim || !fence_works())
        return verify;
    verify->fence = fence_create();
    if (!verify->fence) {
        verify_table_destroy(verify->table);
        free(verify);
        return NULL;
    }
    ledger_fence_listen(verify->fence);
    sched->on_switch_context = verify;
    sched->on_switch = on_switch;
    return verify;
}

void
verify_destroy(struct verify *verify)
{
    if (!verify)
        return;
    if (verify->fence) {
        verify->sched->on_switch = NULL;
        ledger_fence_listen(NULL);
        fence_destroy(verify->fence);
    }
    verify_table_destroy(verify->table);
    verify_sites_clear(&verify->sites);
    free(verify);
}

void
verify_crossed_in(struct ke_thread *self, const struct ke_crossing *crossing)
{
    (void)crossing;
    struct verify *verify = self->box->verify;
    self->crossings++;
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
}

void *
verify_driver_of_code(struct box *box, const void *routine)
{
    return box->io ? io_image_at(box, routine) : NULL;
}
