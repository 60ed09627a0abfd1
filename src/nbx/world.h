// SPDX-License-Identifier: MIT
// A world: one scheduler, the boxes of a stack file, the wires between them. Building it brings everything up in the order Windows
// would: drivers, adapters (initialised, paused), filters from the bottom, restart, bindings. Taking it down is the reverse, and what
// is left behind is said by holder.
//   world_create -> world_build -> (script_run, or waiting) -> world_teardown -> world_destroy
// What goes wrong is a finding: one line through on_finding, counted. All of it runs inside sched_run.
#ifndef NBX_NBX_WORLD_H
#define NBX_NBX_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/sched.h"
#include "nbx/link.h"
#include "ndis/ndis.h"
#include "nt/box.h"
#include "stack/stack.h"
#include "verify/verify.h"
#include "wire/port.h"

struct pcapng_writer;

struct world_config {
    struct sched *sched;
    const struct stack *stack;
    // Where a driver's image is. fails: false.
    bool (*driver_path)(const struct stack_driver *driver, char *path, size_t path_bytes);
    void (*on_message)(void *context, const char *text);    // a line of a box or a port
    void (*on_finding)(void *context, const char *text);
    void *context;
    // A broken rule is about to end the process: the last chance to keep something of the run. May be NULL.
    void (*on_broken)(void *context, const char *function, const char *what);
    struct ex_fault *fault;          // planned failures of allocations (nt/ex/fault.h), lent; NULL: none
    enum verify_mode verify;         // how closely drivers are watched
    struct verify_sink *sink;        // where reports go besides stderr, and what is suppressed; lent; NULL: none
    struct pcapng_writer *trace;     // NULL: none
    const char *trace_edge;          // frames only of edges whose name contains this; NULL: of all
    // A line of the interface `events`, whether there is a trace or not. irql: <= DISPATCH, by any thread. NULL: nobody listens
    void (*on_event)(void *context, uint64_t unix_ns, const char *text);
    struct loader_keep *images;      // lent: images stay loaded from world to world (loader/keep.h); NULL: they do not
};

enum world_result { WORLD_OK, WORLD_FINDING, WORLD_MACHINE };

// What the counters table and `expect` show of an adapter.
struct world_counters {
    uint64_t rx_frames, tx_frames, rx_bytes, tx_bytes, rx_dropped, tx_dropped;
};
struct world_adapter {
    const struct stack_adapter *stack;
    struct ndis_adapter *ndis;       // NULL once removed; a virtual miniport's comes and goes as its driver wants
    // Of a virtual miniport:
    struct world_box *box;
    char device_name[64];            // what its driver has to ask for
    bool failed;                     // said already why it is not there, or what did not come up above it
    uint64_t rx_frames_seen;         // at its removal
};

struct world_service;                // nbx/service.h

struct world_box {
    const struct stack_box *stack;
    struct box *box;
    struct world *world;
    struct world_adapter *adapters;  // stack->adapter_count
    struct link_watch port_watch;    // what watch.c has set at the box
    struct world_service *services;  // stack->driver_count: what drivers have said of their work
    struct ke_lock services_lock;    // guards them; nothing is taken below it
};

struct world {
    struct world_config config;
    struct port_world *ports;
    struct verify *verify;           // NULL: off
    struct world_box *boxes;         // stack->box_count
    struct traffic *traffic;         // the script's generator, made when a step wants it
    struct call *calls;              // the script's TDI connections that are open, newest first
    _Atomic uint32_t findings;
    bool built;
    _Atomic bool has_traced;         // frames of some edge go into the trace
    bool (*is_stopped)(void *context);   // the script's: somebody wants the run to end; NULL: nobody can
    void *stopped_context;
    uint64_t events[NDIS_EVENT_COUNT];   // summed over boxes at teardown
};

// fails: NULL when out of memory.
struct world *world_create(const struct world_config *config);
void world_destroy(struct world *world);

// Bring everything up. On failure what was brought up stays for world_teardown.
// Returns WORLD_MACHINE when a port could not be had (exit 3), WORLD_FINDING when a driver failed.
enum world_result world_build(struct world *world);
// Unbind, detach, halt, unload, destroy the boxes. Leftovers are findings.
void world_teardown(struct world *world);

// The run is to end before its script does: whoever waits for something gives up.
bool world_is_stopped(const struct world *world);
// sched_wait that a stop ends as well, within 50 ms. Returns nonzero when the deadline came or the run is to end.
int world_wait(const struct world *world, _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns);

struct world_adapter *world_adapter_find(struct world *world, const struct stack_adapter *stack);
struct world_box *world_box_of(struct world *world, const struct stack_adapter *stack);
void world_finding(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Something did not come about: a driver that did not load, an adapter, a step of the script. A finding, unless an allocation was
// refused on purpose before: a driver that gives up then does as it should, and this is only a message.
void world_trouble(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

void world_counters_get(struct world *world, struct world_adapter *adapter, struct world_counters *counters);

#endif
