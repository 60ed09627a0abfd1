// SPDX-License-Identifier: MIT
// See tap_queue.h. A ring of slots between one sender and one thread:
//   tap_queue_put   copies frames, each behind its virtio-net header, publishes them (tail), wakes the thread if it sleeps
//   queue_main      writes up to BATCH_WRITES slots in one call, counts, gives them back (head), tells that there is room
// head moves when frames are in the kernel, so an empty ring means that whatever is written next comes after them. A sender that met a full
// ring is not let write in the thread's place: measured, that took a seventh of the rate (docs/performance.md).
#include "wire/tap_queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/batch.h"
#include "host/cpus.h"
#include "host/fd.h"
#include "wire/vnet.h"

enum {
    queue_slots = 256,
    queue_slot_bytes = 2048,
    queue_room_slots = queue_slots / 2,     // so many free ones are worth telling
    queue_retry_ms = 10
};

struct tap_queue {
    struct port *port;
    const struct tap *tap;
    _Atomic uint32_t *is_suspect;
    struct sched_thread *thread;
    uint8_t *slots;
    uint32_t bytes[queue_slots];            // header and frame
    _Atomic uint32_t tail;                  // the sender's
    _Alignas(64) _Atomic uint32_t head;     // the thread's
    _Atomic uint32_t bell, is_asleep, is_closing;
    _Atomic uint32_t is_starved;            // the sender waits for room
    _Atomic uint32_t has_room;              // and now there is
    struct batch *batch;                    // the thread's; NULL: frames are written one by one
    struct iovec iov[BATCH_WRITES];
    struct batch_write writes[BATCH_WRITES];
};

static uint8_t *
slot_of(struct tap_queue *queue, uint32_t place)
{
    return queue->slots + (size_t)(place % queue_slots) * queue_slot_bytes;
}

static uint32_t
queue_used(const struct tap_queue *queue)
{
    uint32_t head = atomic_load_explicit(&queue->head, memory_order_seq_cst);
    return atomic_load_explicit(&queue->tail, memory_order_seq_cst) - head;
}

static void
queue_ring(struct tap_queue *queue)
{
    atomic_fetch_add_explicit(&queue->bell, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&queue->is_asleep, memory_order_seq_cst))
        sched_wake(queue->port->sched, &queue->bell, 1);
}

// ---- writing --------------------------------------------------------------------------------------------------------------------

// writes[0 .. count), in order. Returns how many are over, which is fewer when the kernel has no room; one for which there was none, and
// that another overtook, is lost.
static uint32_t
write_all(struct tap_queue *queue, uint32_t count)
{
    struct batch_write *writes = queue->writes;
    for (uint32_t done = 0; done < count; done++) {
        uint32_t taken = queue->batch ? batch_write(queue->batch, writes + done, count - done) : 0;
        bool is_refused = taken > 0;
        while (taken && writes[done + taken - 1].result == -EAGAIN)
            taken--;
        done += taken;
        if (done == count)
            break;
        writes[done].result = (int32_t)tap_write(queue->tap, writes[done].iov, (int)writes[done].iov_count);
        if (writes[done].result == -EAGAIN)
            return done;
        if (is_refused && !taken && writes[done].result >= 0) { // by itself it goes: a kernel whose TAPs want to block in batches
            batch_close(queue->batch);
            queue->batch = NULL;
        }
    }
    return count;
}

static void
count_refused(struct tap_queue *queue, uint32_t count)
{
    uint64_t frames = 0, bytes = 0;
    bool is_suspect = false;
    for (uint32_t i = 0; i < count; i++) {
        int32_t rc = queue->writes[i].result;
        frames += rc < 0;
        bytes += rc < 0 ? queue->iov[i].iov_len - VNET_HEADER_BYTES : 0;
        is_suspect |= rc == -EIO || rc == -EBADFD;
    }
    if (!frames)
        return;
    port_count(&queue->port->counters.late_frames, frames);
    port_count(&queue->port->counters.late_bytes, bytes);
    if (is_suspect && !atomic_exchange(queue->is_suspect, 1))
        port_ring(queue->port);
}

// What one call takes. Returns false when nothing waits.
static bool
queue_write(struct tap_queue *queue)
{
    uint32_t head = atomic_load_explicit(&queue->head, memory_order_relaxed), count = queue_used(queue);
    count = count < BATCH_WRITES ? count : BATCH_WRITES;
    for (uint32_t i = 0; i < count; i++) {
        queue->iov[i] = (struct iovec){slot_of(queue, head + i), queue->bytes[(head + i) % queue_slots]};
        queue->writes[i] = (struct batch_write){.iov = &queue->iov[i], .iov_count = 1, .result = -EAGAIN};
    }
    uint32_t done = write_all(queue, count);
    if (done < count && atomic_load(&queue->is_closing))
        done = count; // dropped
    else if (done < count)
        (void)fd_wait(queue->tap->fd, FD_WRITABLE, -1, queue_retry_ms);
    count_refused(queue, done);
    atomic_store_explicit(&queue->head, head + done, memory_order_seq_cst);
    return count > 0;
}

static void
queue_tell_room(struct tap_queue *queue)
{
    if (queue_slots - queue_used(queue) < queue_room_slots || !atomic_load_explicit(&queue->is_starved, memory_order_seq_cst) ||
        !atomic_exchange(&queue->is_starved, 0))
        return;
    atomic_store(&queue->has_room, 1);
    port_ring(queue->port);
}

static void
queue_main(void *arg)
{
    struct tap_queue *queue = arg;
    for (;;) {
        uint32_t seen = atomic_load_explicit(&queue->bell, memory_order_seq_cst);
        if (queue_write(queue)) {
            queue_tell_room(queue);
        } else if (atomic_load(&queue->is_closing)) {
            return;
        } else {
            // Said before the last look at the bell, which sched_wait takes: whoever rings after that sees it and wakes us.
            atomic_store_explicit(&queue->is_asleep, 1, memory_order_seq_cst);
            (void)sched_wait(queue->port->sched, &queue->bell, seen, SCHED_NEVER);
            atomic_store_explicit(&queue->is_asleep, 0, memory_order_relaxed);
        }
    }
}

// ---- the sender -----------------------------------------------------------------------------------------------------------------

bool
tap_queue_is_empty(const struct tap_queue *queue)
{
    return atomic_load_explicit(&queue->tail, memory_order_relaxed) == atomic_load_explicit(&queue->head, memory_order_acquire);
}

static bool
frame_fits(const struct port_frame *frame)
{
    return frame->bytes <= queue_slot_bytes - VNET_HEADER_BYTES;
}

bool
tap_queue_is_burst(const struct port_frame *frames, uint32_t count)
{
    if (count < TAP_BURST_FRAMES)
        return false;
    for (uint32_t i = 0; i < TAP_BURST_FRAMES; i++)
        if (!frame_fits(&frames[i]))
            return false;
    return true;
}

// Copy as many frames as there is room for; what the port did not promise to carry is dropped on the way.
static uint32_t
queue_copy(struct tap_queue *queue, const struct port_frame *frames, uint32_t count, const struct port_caps *caps)
{
    uint32_t tail = atomic_load_explicit(&queue->tail, memory_order_relaxed), first = tail, taken = 0;
    uint32_t room = queue_slots - (tail - atomic_load_explicit(&queue->head, memory_order_acquire));
    uint64_t bytes = 0;
    for (; taken < count && tail - first < room && frame_fits(&frames[taken]); taken++) {
        const struct port_frame *frame = &frames[taken];
        uint8_t *slot = slot_of(queue, tail);
        if (!port_frame_is_valid(frame, caps) || !port_frame_gather(frame, slot + VNET_HEADER_BYTES))
            continue;
        struct vnet_header header;
        vnet_encode(&frame->offload, &header);
        memcpy(slot, &header, VNET_HEADER_BYTES);
        queue->bytes[tail++ % queue_slots] = VNET_HEADER_BYTES + frame->bytes;
        bytes += frame->bytes;
    }
    port_count_tx(queue->port, tail - first, bytes);
    if (tail - first < taken)
        port_count(&queue->port->counters.tx_dropped, taken - (tail - first));
    if (tail != first) {
        atomic_store_explicit(&queue->tail, tail, memory_order_seq_cst);
        queue_ring(queue);
    }
    return taken;
}

uint32_t
tap_queue_put(struct tap_queue *queue, const struct port_frame *frames, uint32_t count, const struct port_caps *caps)
{
    uint32_t taken = queue_copy(queue, frames, count, caps);
    if (taken < count) {
        atomic_store(&queue->is_starved, 1);
        queue_tell_room(queue); // the thread may have made it before it could see this
    }
    return taken;
}

bool
tap_queue_has_room(struct tap_queue *queue)
{
    return atomic_load_explicit(&queue->has_room, memory_order_relaxed) && atomic_exchange(&queue->has_room, 0);
}

// ---- making and unmaking --------------------------------------------------------------------------------------------------------

static void
queue_free(struct tap_queue *queue)
{
    batch_close(queue->batch);
    free(queue->slots);
    free(queue);
}

struct tap_queue *
tap_queue_create(struct port *port, const struct tap *tap, _Atomic uint32_t *is_suspect)
{
    struct tap_queue *queue = cpus_usable() > 1 ? aligned_alloc(64, (sizeof(*queue) + 63) & ~(size_t)63) : NULL;
    char name[32];
    if (!queue)
        return NULL;
    memset(queue, 0, sizeof(*queue));
    queue->port = port;
    queue->tap = tap;
    queue->is_suspect = is_suspect;
    queue->slots = aligned_alloc(4096, (size_t)queue_slots * queue_slot_bytes);
    queue->batch = queue->slots ? batch_open(tap->fd) : NULL;
    if (queue->batch)
        batch_know(queue->batch, queue->slots, (size_t)queue_slots * queue_slot_bytes);
    snprintf(name, sizeof(name), "tap:%s out", tap->name);
    if (!queue->slots || sched_thread_start(port->sched, name, queue_main, queue, NULL, &queue->thread)) {
        queue_free(queue);
        return NULL;
    }
    return queue;
}

void
tap_queue_destroy(struct tap_queue *queue)
{
    if (!queue)
        return;
    atomic_store(&queue->is_closing, 1);
    queue_ring(queue);
    sched_thread_join(queue->port->sched, queue->thread);
    queue_free(queue);
}
