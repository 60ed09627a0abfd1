// SPDX-License-Identifier: MIT
// The executive of a box: made after the kernel, stopped before it.
#include <errno.h>
#include <stdlib.h>

#include "nt/ex/ex_int.h"

int
ex_create(struct box *box)
{
    box->ex = calloc(1, sizeof *box->ex);
    if (!box->ex)
        return -ENOMEM;
    struct ex_shard *shards = aligned_alloc(KE_CACHE_LINE, box->processor_count * sizeof *shards);
    if (!shards)
        return -ENOMEM;
    box->ex->shards = shards;
    for (uint32_t i = 0; i < box->processor_count; i++) {
        shards[i] = (struct ex_shard){.tag_room = EX_TAGS_PER_SHARD};
        list_init(&shards[i].blocks);
    }
    for (uint32_t i = 0; i < box->processor_count; i++) {
        shards[i].tags = calloc(EX_TAGS_PER_SHARD, sizeof *shards[i].tags);
        if (!shards[i].tags)
            return -ENOMEM;
    }
    return ex_workers_create(box);
}

void
ex_stop(struct box *box)
{
    ex_workers_stop(box);
}

void
ex_destroy(struct box *box)
{
    if (!box->ex)
        return;
    ex_workers_stop(box);
    for (uint32_t i = 0; box->ex->shards && i < box->processor_count; i++)
        free(box->ex->shards[i].tags);
    free(box->ex->shards);
    free(box->ex);
    box->ex = NULL;
}
