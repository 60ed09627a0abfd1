// SPDX-License-Identifier: MIT
// The kernel of a box: makes the processors and the threads that serve them, and takes them down.
//   ke_create  structures -> idle threads -> timer thread -> ordered worker
//   ke_stop    ordered worker (runs what is queued) -> timers -> DPC queues are drained -> idle threads
#include <errno.h>
#include <stdlib.h>

#include "nt/ke/dpc.h"
#include "nt/ke/ke_int.h"

static int
ke_processors_create(struct box *box)
{
    size_t bytes = box->processor_count * sizeof *box->processors;
    box->processors = aligned_alloc(KE_CACHE_LINE, bytes);
    if (!box->processors)
        return -ENOMEM;
    for (uint32_t i = 0; i < box->processor_count; i++)
        box->processors[i] = (struct ke_processor){.number = i, .box = box};
    for (uint32_t i = 0; i < box->processor_count; i++) {
        int error = ke_dpc_processor_create(&box->processors[i]);
        if (error)
            return error;
    }
    return 0;
}

int
ke_create(struct box *box)
{
    box->ke = calloc(1, sizeof *box->ke);
    if (!box->ke)
        return -ENOMEM;
    list_init(&box->ke->threads);
    box->ke->woken_last = &box->ke->woken;
    list_init(&box->ke->worker.items);
    heap_init(&box->ke->timers.heap);
    int error = ke_processors_create(box);
    for (uint32_t i = 0; !error && i < box->processor_count; i++)
        error = ke_dpc_idle_start(&box->processors[i]);
    if (!error)
        error = ke_timers_start(box);
    if (!error)
        error = ke_worker_start(box);
    return error;
}

void
ke_stop(struct box *box)
{
    if (!box->processors)
        return;
    ke_worker_stop(box);
    ke_timers_stop(box);
    if (sched_self)
        ke_dpc_flush(box);
    for (uint32_t i = 0; i < box->processor_count; i++)
        ke_dpc_idle_stop(&box->processors[i]);
}

void
ke_destroy(struct box *box)
{
    if (!box->ke)
        return;
    for (uint32_t i = 0; box->processors && i < box->processor_count; i++)
        ke_dpc_processor_destroy(&box->processors[i]);
    heap_destroy(&box->ke->timers.heap);
    free(box->processors);
    free(box->ke);
    box->processors = NULL;
    box->ke = NULL;
}
