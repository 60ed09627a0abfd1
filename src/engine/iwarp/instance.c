// SPDX-License-Identifier: MIT
// Instances: what connections share, which is memory, limits, runs that are free, and the list of those that wait for a deadline.
// Only connections that are starting, closing or short of memory have one, so the list is short and looked through whole.
#include "engine/iwarp/iwarp_int.h"

void
iwarp_params_default(struct iwarp_params *params)
{
    *params = (struct iwarp_params){
        .reads_max = 128,
        .send_bytes_max = 1u << 20,
        .request_us = 30000000,         // TCP may repeat a request after 3, 6 and 12 seconds [RFC 6298 5.7]
        .reply_us = 120000000,
        .ready_us = 10000000,
        .close_us = 10000000,
    };
}

struct iwarp *
iwarp_create(struct eng_memory *memory, const struct iwarp_params *params)
{
    bool has_times = params->request_us && params->reply_us && params->ready_us && params->close_us;
    if (params->reads_max >= RDMA_READS_OF_ULP || !params->send_bytes_max || !has_times)
        return NULL;
    struct iwarp *iwarp = eng_take(memory, sizeof *iwarp);
    if (!iwarp)
        return NULL;
    iwarp->memory = memory;
    eng_slab_init(&iwarp->slab, memory, sizeof(struct iwarp_connection));
    iwarp->params = *params;
    list_init(&iwarp->timed);
    list_init(&iwarp->free_runs);
    return iwarp;
}

void
iwarp_destroy(struct iwarp *iwarp)
{
    iwarp_runs_free(iwarp);
    eng_give(iwarp->memory, iwarp, sizeof *iwarp);
}

uint64_t
iwarp_next_deadline(const struct iwarp *iwarp)
{
    uint64_t next = ENG_NEVER;
    LIST_FOR_EACH(node, &iwarp->timed) {
        uint64_t deadline = LIST_ENTRY_OF(node, struct iwarp_connection, timed_link)->deadline_us;
        if (deadline < next)
            next = deadline;
    }
    return next;
}
