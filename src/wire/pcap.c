// SPDX-License-Identifier: MIT
// port pcap:IN[,OUT]: a recording at the other end of the cable. IN, a pcap or pcapng file, is read whole at open through libpcap;
// its frames arrive in the scheduler's time at the distances they were recorded with, the first one at once. OUT gets what the device
// sends, as pcapng. Either may be empty: `pcap:IN` counts what is sent in tx_dropped, `pcap:,OUT` receives nothing.
// Works on both schedulers: under the seeded one the recording plays in virtual time.
#include "wire/port_int.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "wire/pcapng.h"

enum { pcap_frame_bytes_max = 262144 };
static const uint64_t pcap_bytes_max = 2ull << 30;      // of a recording, in memory

struct pcap_frame {
    uint64_t at_ns;                         // after the first one
    uint64_t offset_bytes;                  // in the arena
    uint32_t bytes;
};

struct pcap_port {
    struct port base;
    struct pcap_frame *frames;
    uint8_t *arena;
    uint64_t arena_bytes, arena_capacity_bytes;
    size_t frame_count, frame_capacity;
    _Atomic uint64_t next;                  // frame to be received; the receiver's
    _Atomic uint64_t start_ns;
    struct pcapng_writer *writer;
    uint32_t interface;
};

struct pcap_paths {
    char in[4096], out[4096];
};

static int
pcap_parse(const char *argument, struct pcap_paths *paths, char *error, size_t error_bytes)
{
    size_t in_bytes = argument ? strcspn(argument, ",") : 0;
    const char *out = argument && argument[in_bytes] ? argument + in_bytes + 1 : "";
    if (in_bytes >= sizeof(paths->in) || strlen(out) >= sizeof(paths->out))
        return port_error(error, error_bytes, -EINVAL, "port pcap: the path is too long");
    if (!in_bytes && !*out)
        return port_error(error, error_bytes, -EINVAL, "port pcap needs a file: pcap:IN[,OUT]");
    memcpy(paths->in, argument, in_bytes);
    paths->in[in_bytes] = 0;
    strcpy(paths->out, out);
    return 0;
}

static int
pcap_check(const char *argument, char *error, size_t error_bytes)
{
    struct pcap_paths paths;
    return pcap_parse(argument, &paths, error, error_bytes);
}

static int
pcap_reserve(struct pcap_port *self, uint32_t bytes)
{
    if (self->frame_count == self->frame_capacity) {
        size_t capacity = self->frame_capacity ? self->frame_capacity * 2 : 1024;
        struct pcap_frame *frames = realloc(self->frames, capacity * sizeof(*frames));
        if (!frames)
            return -ENOMEM;
        self->frames = frames;
        self->frame_capacity = capacity;
    }
    if (self->arena_bytes + bytes <= self->arena_capacity_bytes)
        return 0;
    uint64_t capacity = self->arena_capacity_bytes ? self->arena_capacity_bytes * 2 : 1 << 20;
    if (capacity > pcap_bytes_max)
        return -EFBIG;
    uint8_t *arena = realloc(self->arena, capacity);
    if (!arena)
        return -ENOMEM;
    self->arena = arena;
    self->arena_capacity_bytes = capacity;
    return 0;
}

// Append one recorded frame. A frame that was cut off when it was recorded, or that is none, is passed over and counted.
static int
pcap_append(struct pcap_port *self, const struct pcap_pkthdr *header, const uint8_t *data, uint64_t *first_ns)
{
    if (header->caplen != header->len || header->caplen < PORT_ETHERNET_BYTES || header->caplen > pcap_frame_bytes_max) {
        port_count(&self->base.counters.rx_dropped, 1);
        return 0;
    }
    int rc = pcap_reserve(self, header->caplen);
    if (rc)
        return rc;
    // The file was opened for nanoseconds: they stand where microseconds would.
    uint64_t at_ns = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
    if (!self->frame_count)
        *first_ns = at_ns;
    uint64_t after_ns = at_ns > *first_ns ? at_ns - *first_ns : 0;
    // Order is kept where the recording's clock stepped back.
    if (self->frame_count && after_ns < self->frames[self->frame_count - 1].at_ns)
        after_ns = self->frames[self->frame_count - 1].at_ns;
    self->frames[self->frame_count++] = (struct pcap_frame){after_ns, self->arena_bytes, header->caplen};
    memcpy(self->arena + self->arena_bytes, data, header->caplen);
    self->arena_bytes += header->caplen;
    return 0;
}

static int
pcap_load(struct pcap_port *self, const char *path, char *error, size_t error_bytes)
{
    char reason[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const uint8_t *data;
    uint64_t first_ns = 0;
    pcap_t *file = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, reason);
    if (!file)
        return port_error(error, error_bytes, -EINVAL, "port pcap: %s", reason);
    int rc = 0, next = 0;
    if (pcap_datalink(file) != DLT_EN10MB)
        rc = port_error(error, error_bytes, -EINVAL, "port pcap: %s holds frames of link type %s, not Ethernet", path,
                        pcap_datalink_val_to_name(pcap_datalink(file)) ? pcap_datalink_val_to_name(pcap_datalink(file)) : "unknown");
    while (!rc && (next = pcap_next_ex(file, &header, &data)) == 1) {
        rc = pcap_append(self, header, data, &first_ns);
        if (rc)
            port_error(error, error_bytes, rc, "port pcap: %s: %s", path, rc == -EFBIG ? "more than 2 GB" : strerror(-rc));
    }
    if (!rc && next == PCAP_ERROR)
        rc = port_error(error, error_bytes, -EINVAL, "port pcap: %s: %s", path, pcap_geterr(file));
    pcap_close(file);
    return rc;
}

static void
pcap_port_close(struct port *port)
{
    struct pcap_port *self = (struct pcap_port *)port;
    int rc = self->writer ? pcapng_writer_destroy(self->writer) : 0;
    if (rc)
        port_say(port, "port %s: the recording is not whole: %s", port->spec, strerror(-rc));
    free(self->frames);
    free(self->arena);
}

static int
pcap_port_open(struct port *port, const char *argument, char *error, size_t error_bytes)
{
    struct pcap_port *self = (struct pcap_port *)port;
    struct pcap_paths *paths = malloc(sizeof(*paths));
    int rc = paths ? pcap_parse(argument, paths, error, error_bytes)
                   : port_error(error, error_bytes, -ENOMEM, "port pcap: out of memory");
    if (!rc && *paths->in)
        rc = pcap_load(self, paths->in, error, error_bytes);
    if (!rc && *paths->out) {
        rc = pcapng_writer_create(port->sched, paths->out, "ndisbox", &self->writer);
        if (rc)
            port_error(error, error_bytes, rc, "port pcap: %s: %s", paths->out, strerror(-rc));
    }
    if (!rc && self->writer)
        self->interface = (uint32_t)pcapng_interface_add(self->writer, "port", port->spec, PCAPNG_ETHERNET);
    free(paths);
    if (rc)
        pcap_port_close(port);
    return rc;
}

static void
pcap_start(struct port *port)
{
    atomic_store(&((struct pcap_port *)port)->start_ns, sched_now_ns(port->sched));
}

static void
pcap_caps(const struct port *port, struct port_caps *caps)
{
    caps->max_frame_bytes = 9014;
    caps->link_up = true;
    caps->bits_per_second = 1000ull * 1000 * 1000;
}

static uint32_t
pcap_tx(struct port *port, const struct port_frame *frames, uint32_t count)
{
    struct pcap_port *self = (struct pcap_port *)port;
    struct port_caps caps = {0};
    pcap_caps(port, &caps);
    for (uint32_t i = 0; i < count; i++) {
        if (!self->writer || !port_frame_is_valid(&frames[i], &caps)) {
            port_count(&port->counters.tx_dropped, 1);
            continue;
        }
        pcapng_frame_write(self->writer, self->interface, sched_unix_ns(port->sched), PCAPNG_OUTBOUND, frames[i].iov,
                           frames[i].iov_count, frames[i].bytes, NULL);
        port_count_tx(port, 1, frames[i].bytes);
    }
    return count;
}

static uint32_t
pcap_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    struct pcap_port *self = (struct pcap_port *)port;
    uint64_t next = atomic_load_explicit(&self->next, memory_order_relaxed), bytes = 0;
    uint64_t elapsed_ns = sched_now_ns(port->sched) - atomic_load_explicit(&self->start_ns, memory_order_relaxed);
    uint32_t filled = 0;
    for (; filled < count && next < self->frame_count && self->frames[next].at_ns <= elapsed_ns; next++) {
        const struct pcap_frame *frame = &self->frames[next];
        struct port_slot *slot = &slots[filled];
        if (frame->bytes > slot->capacity_bytes) {
            port_count(&port->counters.rx_dropped, 1);
            continue;
        }
        memcpy(slot->buffer, self->arena + frame->offset_bytes, frame->bytes);
        slot->bytes = frame->bytes;
        slot->offload = (struct port_offload){0};
        bytes += frame->bytes;
        filled++;
    }
    atomic_store_explicit(&self->next, next, memory_order_relaxed);
    port_count_rx(port, filled, bytes);
    return port_rx_result(port, filled, count);
}

static uint64_t
pcap_turn(struct port *port)
{
    struct pcap_port *self = (struct pcap_port *)port;
    uint64_t next = atomic_load_explicit(&self->next, memory_order_relaxed);
    if (next >= self->frame_count)
        return SCHED_NEVER;
    uint64_t due_ns = atomic_load_explicit(&self->start_ns, memory_order_relaxed) + self->frames[next].at_ns;
    if (due_ns > sched_now_ns(port->sched))
        return due_ns;
    return port_rx_is_due(port) && port_rx_raise(port) ? PORT_AT_ONCE : port->rx_retry_ns;
}

const struct port_ops pcap_port_ops = {
    .scheme = "pcap",
    .bytes = sizeof(struct pcap_port),
    .check = pcap_check,
    .open = pcap_port_open,
    .start = pcap_start,
    .turn = pcap_turn,
    .close = pcap_port_close,
    .caps = pcap_caps,
    .tx = pcap_tx,
    .rx = pcap_rx,
};
