// SPDX-License-Identifier: MIT
// port sink: discards what is sent, and on request generates frames as fast as the device asks: the two ends of a benchmark.
//
//   sink                               out: counted and forgotten; in: nothing
//   sink:generate=64[,count=N][,to=MAC]   in: frames of 64 bytes, N of them or without end
//
// What is and is not done for a frame, so that a figure can be judged: port_tx adds up lengths and reads no byte of a frame.
// port_rx writes the slot's length and offload fields, reads the first 16 bytes of the buffer, and writes them (destination, source
// 02:6e:62:00:00:01, type 0x88b5 and a zero) only if they differ, which in a reused buffer they do once or when somebody wrote there;
// the rest of the buffer is whatever it was. No lock, no atomic read-modify-write, no allocation, no system call for a frame.
#include "wire/port_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { sink_header_bytes = 16, sink_budget_frames = 8192, sink_frame_min = 14 + 2, sink_frame_max = 9018 };

struct sink {
    uint32_t generate_bytes;                // 0: generates nothing
    uint64_t count;                         // UINT64_MAX: without end
    uint8_t header[sink_header_bytes];
};

struct sink_port {
    struct port base;
    struct sink sink;
    // The receiver's; relaxed, because the thread looks at them while a device may call port_rx from elsewhere.
    _Atomic uint64_t left_frames;
    _Atomic uint32_t budget_frames;         // left before port_rx gives 0 once, so that the thread lets others run
};

static int
sink_number(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return -EINVAL;
    *out = strtoull(text, &end, 10);
    return errno || *end || *out < low || *out > high ? -EINVAL : 0;
}

static int
sink_mac(const char *text, uint8_t mac[6])
{
    int used = 0;
    if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &used) != 6)
        return -EINVAL;
    return text[used] ? -EINVAL : 0;
}

static int
sink_option(struct sink *sink, const char *option, char *error, size_t error_bytes)
{
    uint64_t value;
    if (!strncmp(option, "generate=", 9)) {
        if (sink_number(option + 9, sink_frame_min, sink_frame_max, &value))
            return port_error(error, error_bytes, -EINVAL, "port sink: generate=%s: a frame has %d to %d bytes", option + 9,
                              sink_frame_min, sink_frame_max);
        sink->generate_bytes = (uint32_t)value;
        return 0;
    }
    if (!strncmp(option, "count=", 6)) {
        if (sink_number(option + 6, 1, UINT64_MAX - 1, &sink->count))
            return port_error(error, error_bytes, -EINVAL, "port sink: count=%s is no number of frames", option + 6);
        return 0;
    }
    if (!strncmp(option, "to=", 3)) {
        if (sink_mac(option + 3, sink->header))
            return port_error(error, error_bytes, -EINVAL, "port sink: to=%s is no address like 02:00:00:00:00:01", option + 3);
        return 0;
    }
    return port_error(error, error_bytes, -EINVAL, "port sink: \"%s\" is none of generate=BYTES, count=N, to=MAC", option);
}

static int
sink_parse(const char *argument, struct sink *sink, char *error, size_t error_bytes)
{
    memset(sink, 0, sizeof(*sink));
    memset(sink->header, 0xff, 6);
    memcpy(sink->header + 6, (const uint8_t[]){0x02, 0x6e, 0x62, 0, 0, 1, 0x88, 0xb5}, 8);
    sink->count = UINT64_MAX;
    if (!argument)
        return 0;
    char text[128];
    if (snprintf(text, sizeof(text), "%s", argument) >= (int)sizeof(text))
        return port_error(error, error_bytes, -EINVAL, "port sink: the options are too long");
    char *save = NULL;
    for (char *option = strtok_r(text, ",", &save); option; option = strtok_r(NULL, ",", &save)) {
        int rc = sink_option(sink, option, error, error_bytes);
        if (rc)
            return rc;
    }
    if (!sink->generate_bytes)
        return port_error(error, error_bytes, -EINVAL, "port sink:%s: options need generate=BYTES", argument);
    return 0;
}

static int
sink_check(const char *argument, char *error, size_t error_bytes)
{
    struct sink sink;
    return sink_parse(argument, &sink, error, error_bytes);
}

static int
sink_open(struct port *port, const char *argument, char *error, size_t error_bytes)
{
    struct sink_port *self = (struct sink_port *)port;
    int rc = sink_parse(argument, &self->sink, error, error_bytes);
    self->left_frames = self->sink.generate_bytes ? self->sink.count : 0;
    self->budget_frames = sink_budget_frames;
    return rc;
}

static void
sink_close(struct port *port)
{
}

static void
sink_caps(const struct port *port, struct port_caps *caps)
{
    caps->max_frame_bytes = sink_frame_max;
    caps->max_gso_bytes = PORT_GSO_MAX_BYTES;
    caps->tx_csum = caps->gso4 = caps->gso6 = true;
    caps->link_up = true;
    caps->bits_per_second = 10ull * 1000 * 1000 * 1000;
}

static uint32_t
sink_tx(struct port *port, const struct port_frame *frames, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += frames[i].bytes;
    port_count_tx(port, count, bytes);
    return count;
}

static uint32_t
sink_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    struct sink_port *self = (struct sink_port *)port;
    uint32_t bytes = self->sink.generate_bytes;
    uint64_t left_frames = atomic_load_explicit(&self->left_frames, memory_order_relaxed);
    uint32_t budget_frames = atomic_load_explicit(&self->budget_frames, memory_order_relaxed);
    if (!budget_frames) {
        atomic_store_explicit(&self->budget_frames, sink_budget_frames, memory_order_relaxed);
        return port_rx_result(port, 0, count);
    }
    uint32_t room = budget_frames < left_frames ? budget_frames : (uint32_t)left_frames;
    uint32_t wanted = count < room ? count : room;
    uint32_t filled = 0;
    for (; filled < wanted; filled++) {
        struct port_slot *slot = &slots[filled];
        if (slot->capacity_bytes < bytes) {
            // The device gave a buffer that cannot hold what it asked for: one frame is lost to it, then the end of this list.
            port_count(&port->counters.rx_dropped, 1);
            left_frames--;
            budget_frames--;
            break;
        }
        if (memcmp(slot->buffer, self->sink.header, sink_header_bytes))
            memcpy(slot->buffer, self->sink.header, sink_header_bytes);
        slot->bytes = bytes;
        slot->offload = (struct port_offload){.flags = PORT_CSUM_VALID};
    }
    atomic_store_explicit(&self->left_frames, left_frames - filled, memory_order_relaxed);
    atomic_store_explicit(&self->budget_frames, budget_frames - filled, memory_order_relaxed);
    port_count_rx(port, filled, (uint64_t)filled * bytes);
    return port_rx_result(port, filled, count);
}

static uint64_t
sink_turn(struct port *port)
{
    struct sink_port *self = (struct sink_port *)port;
    if (!atomic_load_explicit(&self->left_frames, memory_order_relaxed))
        return SCHED_NEVER;
    if (!port_rx_is_due(port))
        return port->rx_retry_ns;
    if (!port_rx_raise(port))
        return port->rx_retry_ns;
    // Virtual time stands still while anything can run, so an endless generator must rest for a moment of it.
    return port->sched->is_sim ? sched_now_ns(port->sched) + 1000 : PORT_AT_ONCE;
}

const struct port_ops sink_port_ops = {
    .scheme = "sink",
    .bytes = sizeof(struct sink_port),
    .check = sink_check,
    .open = sink_open,
    .turn = sink_turn,
    .close = sink_close,
    .caps = sink_caps,
    .tx = sink_tx,
    .rx = sink_rx,
};
