// SPDX-License-Identifier: MIT
// Private to src/wire: what a kind of port fills in (struct port_ops) and what port.c gives it: the thread, its bell, counters,
// messages and the check of a frame that a device hands over.
#ifndef NBX_WIRE_PORT_INT_H
#define NBX_WIRE_PORT_INT_H

#include "base/list.h"
#include "host/mutex.h"
#include "wire/port.h"
#include "wire/soft.h"

#define PORT_AT_ONCE 0                      // a turn's answer: call me again without waiting
#define PORT_GSO_MAX_BYTES (65535 + 14)     // the largest IPv4 packet behind an Ethernet header
#define PORT_ETHERNET_BYTES 14
#define PORT_VLAN_BYTES 4                   // a tag comes on top of the sizes in struct port_caps

enum port_flags { PORT_STARTED = 1, PORT_CLOSING = 2, PORT_RX_AGAIN = 4 };

// One writer each (the sender for tx, the receiver or the port's thread for rx, a second thread of the port for late), any reader: relaxed
// loads and stores, no locked instruction on the hot path.
struct port_counters {
    _Atomic uint64_t tx_frames, tx_bytes, tx_dropped, duplicated, reordered, corrupted;
    _Alignas(64) _Atomic uint64_t rx_frames, rx_bytes, rx_dropped;
    _Atomic uint64_t late_frames, late_bytes; // counted as sent when they were taken, refused after that
};

struct port_world {
    struct sched *sched;
    void (*on_message)(void *context, const char *text);
    void *message_context;
    struct sched_mutex lock;                // guards the two lists
    struct list ports;
    struct list wires;                      // wire.c's
};

struct port_ops {
    const char *scheme;                     // "tap"
    size_t bytes;                           // of the structure that begins with struct port
    bool is_real_time;                      // waits for the kernel: refused on sim
    // Check the text after "scheme:" (NULL without a colon). fails: -EINVAL with the reason in error.
    int (*check)(const char *argument, char *error, size_t error_bytes);
    // Fill in the structure. fails: -errno with a sentence; nothing is left open then.
    int (*open)(struct port *port, const char *argument, char *error, size_t error_bytes);
    // The port is about to run (the thread has not yet taken a turn). May be NULL.
    void (*start)(struct port *port);
    // One turn of the port's thread: upcalls and whatever else is due. Returns when it wants the next turn if the bell does not
    // ring before: PORT_AT_ONCE, a time of sched_now_ns, or SCHED_NEVER. NULL: this kind has no thread.
    uint64_t (*turn)(struct port *port);
    // Wake the thread out of its own way of waiting; NULL: it waits for the bell.
    void (*ring)(struct port *port);
    // Release what open took. The thread has ended.
    void (*close)(struct port *port);
    void (*caps)(const struct port *port, struct port_caps *caps);
    // Have less offloaded from now on (port_rx_accept). fails: -errno, then soft.c does it. NULL: always soft.c.
    int (*rx_accept)(struct port *port, bool csum, bool gso4, bool gso6);
    uint32_t (*tx)(struct port *port, const struct port_frame *frames, uint32_t count);
    uint32_t (*rx)(struct port *port, struct port_slot *slots, uint32_t count);
};

struct port {
    const struct port_ops *ops;
    struct port_world *world;
    struct sched *sched;
    struct port_upcalls upcalls;
    void *context;
    struct list link;                       // in world->ports
    char *spec;
    struct sched_thread *thread;
    _Atomic uint32_t bell;                  // counts rings; the thread sleeps on it
    _Atomic uint32_t is_asleep;
    _Atomic uint32_t flags;                 // enum port_flags
    // What the last port_rx said (kinds set it by port_rx_result), and when to ask a device again that left frames behind.
    _Atomic bool rx_is_drained;
    uint64_t rx_backoff_ns, rx_retry_ns;    // the thread's
    bool may_be_polled;                     // the kind's: whatever there is to receive has rung, and rx may be called by any thread
    // port_poll: somebody looks; the ring that was seen last; what the thread waits for meanwhile.
    _Atomic uint32_t is_polled, polled_bell, poll_ends;
    struct soft *soft;                      // finishes what the device does not take; NULL: it takes all, or the kind sees to it
    struct port_counters counters;
};

extern const struct port_ops sink_port_ops, none_port_ops, wire_port_ops, stream_port_ops, stream_listen_port_ops, pcap_port_ops,
    tap_port_ops, packet_port_ops, test_port_ops;

// Make the thread take a turn.
void port_ring(struct port *port);

static inline bool
port_is_closing(const struct port *port)
{
    return atomic_load_explicit(&port->flags, memory_order_acquire) & PORT_CLOSING;
}

static inline void
port_count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more, memory_order_relaxed);
}

static inline void
port_count_rx(struct port *port, uint64_t frames, uint64_t bytes)
{
    port_count(&port->counters.rx_frames, frames);
    port_count(&port->counters.rx_bytes, bytes);
}

static inline void
port_count_tx(struct port *port, uint64_t frames, uint64_t bytes)
{
    port_count(&port->counters.tx_frames, frames);
    port_count(&port->counters.tx_bytes, bytes);
}

// How a kind ends its rx: remembers whether the device has seen the end of what waits.
static inline uint32_t
port_rx_result(struct port *port, uint32_t filled, uint32_t count)
{
    atomic_store_explicit(&port->rx_is_drained, filled < count, memory_order_relaxed);
    return filled;
}

// May on_rx be raised now? Yes, unless the device left frames behind last time and neither asked again nor enough time has passed.
bool port_rx_is_due(struct port *port);

// Raise on_rx from the thread. Returns true if the device took all; else sets rx_retry_ns.
bool port_rx_raise(struct port *port);

// Is this a frame that the port promised to carry? A device that breaks the caps gets its frame counted in tx_dropped.
bool port_frame_is_valid(const struct port_frame *frame, const struct port_caps *caps);

// Copy the frame's pieces into one buffer of frame->bytes. Returns false if the pieces do not add up to it.
bool port_frame_gather(const struct port_frame *frame, uint8_t *to);

// Say something to the user. calls: on_message with no lock held.
__attribute__((format(printf, 2, 3))) void port_say(struct port *port, const char *format, ...);

// Fill the user's error text and return error_code.
__attribute__((format(printf, 4, 5))) int port_error(char *error, size_t error_bytes, int error_code, const char *format, ...);

// An interface's name, as the kernel takes it.
int port_interface_check(const char *scheme, const char *name, char *error, size_t error_bytes);

// Forget the wires (called by port_world_destroy; wire.c).
void wire_world_destroy(struct port_world *world);

#endif
