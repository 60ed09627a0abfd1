// SPDX-License-Identifier: MIT
// The buffers of a wire's frames: per sender, in three sizes, on LIFO free lists, so that a busy wire runs in a few warm buffers and
// allocates nothing once it has seen its peak. The sender takes from its own list without a lock; receivers give back to a second
// list under the wire's lock, which they hold for a whole batch anyway; the sender takes that list over when its own is empty.
//
// A pool belongs to its port until the port closes, then to the frames that are still on their way: the last one to come home
// frees it.
#include "wire/wire_int.h"

#include <stdlib.h>

static const uint32_t wire_class_bytes[WIRE_SIZE_CLASSES] = {2048 - 64, 10240 - 64, PORT_GSO_MAX_BYTES + 19};

static uint8_t
wire_class_of(uint32_t bytes)
{
    uint8_t class = 0;
    while (class < WIRE_SIZE_CLASSES - 1 && bytes > wire_class_bytes[class])
        class++;
    return class;
}

uint32_t
wire_frame_capacity(uint32_t bytes)
{
    return wire_class_bytes[wire_class_of(bytes)];
}

struct wire_pool *
wire_pool_create(struct wire_port *owner)
{
    struct wire_pool *pool = calloc(1, sizeof(*pool));
    if (pool)
        pool->owner = owner;
    return pool;
}

static void
wire_pool_free(struct wire_pool *pool)
{
    for (int class = 0; class < WIRE_SIZE_CLASSES; class++) {
        for (struct wire_frame *frame = pool->local[class], *next; frame; frame = next) {
            next = frame->next;
            free(frame);
        }
        for (struct wire_frame *frame = pool->returned[class], *next; frame; frame = next) {
            next = frame->next;
            free(frame);
        }
    }
    free(pool);
}

void
wire_pool_orphan_locked(struct wire_pool *pool)
{
    pool->owner = NULL;
    if (!pool->used_frames)
        wire_pool_free(pool);
}

struct wire_frame *
wire_frame_get(struct wire *wire, struct wire_pool *pool, uint32_t bytes)
{
    uint8_t class = wire_class_of(bytes);
    if (!pool->local[class]) {
        sched_mutex_lock(wire->sched, &wire->lock);
        pool->local[class] = pool->returned[class];
        pool->returned[class] = NULL;
        sched_mutex_unlock(wire->sched, &wire->lock);
    }
    struct wire_frame *frame = pool->local[class];
    if (frame) {
        pool->local[class] = frame->next;
        return frame;
    }
    size_t total_bytes = (sizeof(struct wire_frame) + wire_class_bytes[class] + 63) & ~(size_t)63;
    frame = aligned_alloc(64, total_bytes);
    if (!frame)
        return NULL;
    frame->pool = pool;
    frame->size_class = class;
    return frame;
}

void
wire_frame_put(struct wire_frame *frame)
{
    frame->next = frame->pool->local[frame->size_class];
    frame->pool->local[frame->size_class] = frame;
}

void
wire_pool_use_locked(struct wire_frame *frame)
{
    frame->pool->used_frames++;
    frame->pool->used_bytes += wire_class_bytes[frame->size_class];
}

bool
wire_pool_has_room_locked(const struct wire_pool *pool)
{
    // Half, so that a sender is not woken for every single frame.
    return pool->used_frames <= WIRE_FRAMES_MAX / 2 && pool->used_bytes <= WIRE_BYTES_MAX / 2;
}

struct wire_port *
wire_frame_unref_locked(struct wire_frame *frame)
{
    if (--frame->refs)
        return NULL;
    struct wire_pool *pool = frame->pool;
    pool->used_frames--;
    pool->used_bytes -= wire_class_bytes[frame->size_class];
    frame->next = pool->returned[frame->size_class];
    pool->returned[frame->size_class] = frame;
    if (!pool->owner) {
        if (!pool->used_frames)
            wire_pool_free(pool);
        return NULL;
    }
    return pool->owner->is_starved && wire_pool_has_room_locked(pool) ? pool->owner : NULL;
}
