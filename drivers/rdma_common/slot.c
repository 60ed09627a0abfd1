// SPDX-License-Identifier: MIT
// Slots of requests: a queue has the right to as many as it is deep, and takes them when something is posted.
//   open    rdma_queue_open, rdma_queue_resize: that many more slots of this size are there. Here alone memory can be short
//   post    rdma_queue_take -> the slot that was given back last, or a fresh one; NULL only when the queue is full
//   result  rdma_queue_give
// Slots of one size are all queues' of an instance, so what many queues do not use is memory that nothing has touched: an idle connection
// costs the right alone. There are never fewer slots than rights, so that a post within the depth does not fail. Chunks grow to a
// megabyte, because pool puts a page before each large block. They go when no queue has a right any more.
#include "objects.h"

#define CHUNK_BYTES_MAX (1u << 20)

struct rdma_slot_chunk {
    struct rdma_slot_chunk *next;
    ULONG count, used;                    // slots; those that were ever taken
    DECLSPEC_ALIGN(16) UCHAR slots[];
};

// As many again as there are, but no more than a chunk's, unless more are wanted.
static BOOLEAN
slots_grow(struct rdma_slots *slots, ULONG slot_bytes, ULONG wanted)
{
    ULONG most = CHUNK_BYTES_MAX / slot_bytes, count = slots->count < most ? slots->count : most;
    if (count < wanted)
        count = wanted;
    struct rdma_slot_chunk *chunk = rdma_alloc_raw(sizeof *chunk + (SIZE_T)count * slot_bytes);
    if (!chunk)
        return FALSE;
    *chunk = (struct rdma_slot_chunk){.next = slots->chunks, .count = count};
    slots->chunks = chunk;
    slots->count += count;
    if (!slots->fresh)
        slots->fresh = chunk;
    return TRUE;
}

static VOID
slots_shrink(struct rdma_slots *slots, ULONG count)
{
    slots->rights -= count;
    if (slots->rights)
        return;
    for (struct rdma_slot_chunk *chunk = slots->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        rdma_free(chunk);
    }
    *slots = (struct rdma_slots){0};
}

BOOLEAN
rdma_queue_resize(struct rdma_queue *queue, ULONG depth)
{
    struct rdma_slots *slots = queue->slots;
    NT_ASSERT(depth >= queue->out);
    if (depth > queue->depth) {
        ULONG more = depth - queue->depth, left = slots->count - slots->rights;
        if (more > left && !slots_grow(slots, queue->slot_bytes, more - left))
            return FALSE;
        slots->rights += more;
    } else {
        slots_shrink(slots, queue->depth - depth);
    }
    queue->depth = depth;
    return TRUE;
}

BOOLEAN
rdma_queue_open(struct vnic_rdma *rdma, struct rdma_queue *queue, SIZE_T slot_bytes, ULONG depth)
{
    NT_ASSERT(slot_bytes % RDMA_SLOT_GRAIN == 0 && slot_bytes < RDMA_SLOT_BYTES_END);
    *queue = (struct rdma_queue){.slots = &rdma->slots[slot_bytes / RDMA_SLOT_GRAIN], .slot_bytes = (ULONG)slot_bytes};
    return rdma_queue_resize(queue, depth);
}

VOID
rdma_queue_close(struct rdma_queue *queue)
{
    (void)rdma_queue_resize(queue, 0);
}

struct rdma_slot *
rdma_slot_fresh(struct rdma_queue *queue)
{
    struct rdma_slots *slots = queue->slots;
    struct rdma_slot_chunk *chunk = slots->fresh;
    struct rdma_slot *slot = (struct rdma_slot *)(chunk->slots + (SIZE_T)chunk->used++ * queue->slot_bytes);
    if (chunk->used == chunk->count)
        for (slots->fresh = slots->chunks; slots->fresh && slots->fresh->used == slots->fresh->count;)
            slots->fresh = slots->fresh->next;
    RtlZeroMemory(slot, sizeof slot->work);
    return slot;
}
