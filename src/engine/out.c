// SPDX-License-Identifier: MIT
// Packets on their way down: a pool that keeps what was freed, headers that grow from the end of the room towards its start, and
// the data by reference.
//   eng_out_get -> eng_out_add (data), eng_out_push_head (headers, the innermost first) -> eng_outbox_push ... eng_out_put
#include "base/csum.h"
#include "engine/engine.h"
#include <string.h>

#define KEPT_MAX 256 // packets; more than this are given back to the memory at once

void
eng_outbox_init(struct eng_outbox *outbox)
{
    list_init(&outbox->packets);
    outbox->count = 0;
}

void
eng_outbox_push(struct eng_outbox *outbox, struct eng_out *out)
{
    list_push_back(&outbox->packets, &out->link);
    outbox->count++;
}

struct eng_out *
eng_outbox_pop(struct eng_outbox *outbox)
{
    struct list *node = list_pop_front(&outbox->packets);
    if (!node)
        return NULL;
    outbox->count--;
    return LIST_ENTRY_OF(node, struct eng_out, link);
}

void
eng_out_pool_init(struct eng_out_pool *pool, struct eng_memory *memory)
{
    *pool = (struct eng_out_pool){.memory = memory};
    list_init(&pool->free);
}

void
eng_out_pool_destroy(struct eng_out_pool *pool)
{
    struct list *node;
    while ((node = list_pop_front(&pool->free)))
        eng_give(pool->memory, LIST_ENTRY_OF(node, struct eng_out, link), sizeof(struct eng_out));
    pool->kept = 0;
}

struct eng_out *
eng_out_get(struct eng_out_pool *pool)
{
    struct list *node = list_pop_front(&pool->free);
    struct eng_out *out = node ? LIST_ENTRY_OF(node, struct eng_out, link) : eng_take(pool->memory, sizeof *out);
    if (!out)
        return NULL;
    if (node)
        pool->kept--;
    // Not the spans nor the room: nobody reads them before they are written.
    memset(out, 0, offsetof(struct eng_out, data));
    list_init(&out->link);
    out->head = out->room + sizeof out->room;
    pool->in_use++;
    return out;
}

void
eng_out_put(struct eng_out_pool *pool, struct eng_out *out)
{
    for (unsigned i = 0; i < out->n_data; i++)
        eng_drop(out->data[i].owner);
    out->n_data = 0;
    pool->in_use--;
    if (pool->kept >= KEPT_MAX) {
        eng_give(pool->memory, out, sizeof *out);
        return;
    }
    list_push_front(&pool->free, &out->link);
    pool->kept++;
}

uint8_t *
eng_out_push_head(struct eng_out *out, size_t bytes)
{
    if (bytes > (size_t)(out->head - out->room))
        return NULL;
    out->head -= bytes;
    out->head_bytes += (uint16_t)bytes;
    return out->head;
}

bool
eng_out_add(struct eng_out *out, const struct eng_span *span)
{
    if (out->n_data == ENG_OUT_SPANS)
        return false;
    eng_hold(span->owner);
    out->data[out->n_data++] = *span;
    out->data_bytes += span->count;
    return true;
}

void
eng_out_sum(struct eng_out *out)
{
    if (!(out->flags & ENG_OUT_L4_SUM_PARTIAL))
        return;
    // The upper layer's header is the last of the head; its checksum field already holds the pseudo-header's sum, which so is added.
    uint8_t *l4 = out->room + sizeof out->room - out->l4_bytes;
    uint64_t sum = csum_join(csum_add(0, l4, out->l4_bytes), eng_spans_sum(out->data, out->n_data, 0, out->data_bytes), out->l4_bytes);
    uint16_t field = csum_finish(sum);
    if (!field && out->protocol == 17)
        field = UINT16_MAX; // to UDP a zero says that there is none [RFC 768]
    memcpy(l4 + out->l4_sum_offset, &field, sizeof field);
    out->flags &= (uint16_t)~ENG_OUT_L4_SUM_PARTIAL;
}
