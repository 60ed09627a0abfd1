// SPDX-License-Identifier: MIT
// The tests' device; see device.h.
#include "device.h"

#include <errno.h>
#include <stdlib.h>

enum { device_header_bytes = 14, device_number_bytes = 8 };

static void
device_log_frame(struct device *device, const struct port_slot *slot)
{
    uint32_t at = atomic_load(&device->received);
    const uint8_t *frame = slot->buffer;
    struct device_log *log = &device->log[at % device_log_frames];
    memset(log, 0, sizeof(*log));
    log->bytes = slot->bytes;
    log->offload = slot->offload;
    log->at_ns = sched_now_ns(device->sched);
    if (slot->bytes >= device_header_bytes + device_number_bytes)
        memcpy(&log->number, frame + device_header_bytes, device_number_bytes);
    log->is_intact = true;
    for (uint32_t i = device_header_bytes + device_number_bytes; i < slot->bytes; i++)
        log->is_intact &= frame[i] == (uint8_t)(log->number + i);
    memcpy(device->recent[at % 4], frame, slot->bytes);
    atomic_store(&device->received, at + 1);
}

const uint8_t *
device_last(const struct device *device)
{
    return device->recent[(atomic_load(&device->received) - 1) % 4];
}

static void
device_on_rx(void *context)
{
    struct device *device = context;
    struct port_slot slots[device_slots];
    atomic_fetch_add(&device->rx_calls, 1);
    if (atomic_load(&device->refuse))
        return;
    for (;;) {
        for (uint32_t i = 0; i < device_slots; i++)
            slots[i] = (struct port_slot){.buffer = device->buffers[i], .capacity_bytes = device_slot_bytes};
        uint32_t count = port_rx(device->port, slots, device_slots);
        if (!count)
            break;
        for (uint32_t i = 0; i < count; i++)
            device_log_frame(device, &slots[i]);
        sched_wake(device->sched, &device->received, UINT32_MAX);
    }
}

static void
device_on_tx_ready(void *context)
{
    struct device *device = context;
    atomic_fetch_add(&device->tx_ready, 1);
    sched_wake(device->sched, &device->tx_ready, UINT32_MAX);
}

static void
device_on_link(void *context, bool up, uint64_t bits_per_second)
{
    struct device *device = context;
    device->link_up = up;
    atomic_fetch_add(&device->link_changes, 1);
    sched_wake(device->sched, &device->link_changes, UINT32_MAX);
}

void
device_open(struct device *device, struct port_world *world, const char *spec)
{
    device_open_taking(device, world, spec, true, true, true);
}

void
device_open_taking(struct device *device, struct port_world *world, const char *spec, bool csum, bool gso4, bool gso6)
{
    static const struct port_upcalls upcalls = {device_on_rx, device_on_tx_ready, device_on_link};
    char error[256] = "";
    memset(device, 0, sizeof(*device));
    device->sched = sched_self->sched;
    device->buffers = malloc(sizeof(*device->buffers) * device_slots);
    device->log = calloc(device_log_frames, sizeof(*device->log));
    int rc = port_open(world, spec, &upcalls, device, &device->port, error, sizeof(error));
    ck_assert_msg(rc == 0, "port_open(%s): %d %s", spec, rc, error);
    port_caps_get(device->port, &device->caps);
    device->link_up = device->caps.link_up;
    if (!csum || !gso4 || !gso6)
        ck_assert_int_eq(port_rx_accept(device->port, csum, gso4, gso6), 0);
    port_start(device->port);
}

void
device_close(struct device *device)
{
    port_close(device->port);
    free(device->buffers);
    free(device->log);
}

void
device_send(struct device *device, uint64_t first, uint32_t count, uint32_t bytes)
{
    enum { batch = 16 };
    static const uint8_t header[device_header_bytes] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
    uint8_t (*data)[10240] = malloc(batch * sizeof(*data));
    struct iovec iov[batch];
    struct port_frame frames[batch];
    ck_assert_uint_le(bytes, sizeof(*data));
    for (uint32_t sent = 0; sent < count;) {
        uint32_t now = count - sent < batch ? count - sent : batch;
        for (uint32_t i = 0; i < now; i++) {
            uint64_t number = first + sent + i;
            memcpy(data[i], header, sizeof(header));
            memcpy(data[i] + device_header_bytes, &number, device_number_bytes);
            for (uint32_t b = device_header_bytes + device_number_bytes; b < bytes; b++)
                data[i][b] = (uint8_t)(number + b);
            iov[i] = (struct iovec){data[i], bytes};
            frames[i] = (struct port_frame){.iov = &iov[i], .iov_count = 1, .bytes = bytes};
        }
        for (uint32_t done = 0; done < now;) {
            uint32_t seen = atomic_load(&device->tx_ready);
            done += port_tx(device->port, frames + done, now - done);
            if (done < now)
                ck_assert_msg(device_wait_word(device, &device->tx_ready, seen, 20000000000ull), "no on_tx_ready came");
        }
        sent += now;
    }
    free(data);
}

uint32_t
device_send_raw(struct device *device, const void *frame, uint32_t bytes, const struct port_offload *offload)
{
    uint32_t first = bytes / 2;
    struct iovec iov[2] = {{(void *)frame, first}, {(uint8_t *)frame + first, bytes - first}};
    struct port_frame one = {.iov = iov, .iov_count = 2, .bytes = bytes};
    if (offload)
        one.offload = *offload;
    return port_tx(device->port, &one, 1);
}

bool
device_wait_word(struct device *device, _Atomic uint32_t *word, uint32_t value, uint64_t within_ns)
{
    uint64_t deadline_ns = sched_now_ns(device->sched) + within_ns;
    while (atomic_load(word) == value)
        if (sched_wait(device->sched, word, value, deadline_ns) == -ETIMEDOUT)
            return atomic_load(word) != value;
    return true;
}

bool
device_wait(struct device *device, uint32_t count, uint64_t within_ns)
{
    uint64_t deadline_ns = sched_now_ns(device->sched) + within_ns;
    for (;;) {
        uint32_t seen = atomic_load(&device->received);
        if (seen >= count)
            return true;
        if (sched_wait(device->sched, &device->received, seen, deadline_ns) == -ETIMEDOUT)
            return atomic_load(&device->received) >= count;
    }
}
