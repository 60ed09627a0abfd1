// SPDX-License-Identifier: MIT
// A box is one Windows machine: processors, pool, names, registry, drivers, devices, and above them NDIS. There is no mutable global
// in the runtime; everything hangs off the box, and the box of the running thread is box_self().
//   box_create -> rooms are created bottom up (ke hal ex mm ob cm io ps), NDIS and the verifier attach themselves above
//   box_destroy -> top down; what is left behind is reported by holder and counted
// Rooms keep their state in opaque structs; a room reads another's only through that room's header.
#ifndef NBX_NT_BOX_H
#define NBX_NT_BOX_H

#include <ntddk.h>

#include "base/list.h"
#include "host/sched.h"

// The runtime's own lock (nt/ke/ke.h).
struct ke_lock {
    _Atomic uint32_t word;
};

struct box_config {
    const char *name;
    uint32_t processors;         // 1..64
    uint64_t seed;
};

struct box;

// Something built above the executive that box_destroy must take down first (NDIS, the verifier). Last attached, first destroyed.
struct box_upper {
    struct list node;
    void (*destroy)(struct box *box, void *context);
    void *context;
    bool after_drivers;          // only when all drivers are unloaded: their unload routines still need it
};

struct box {
    const char *name;            // owned
    struct sched *sched;         // shared by all boxes of a world
    uint32_t processor_count;
    struct ke_processor *processors;
    struct ke *ke;
    struct ex *ex;
    struct mm *mm;
    struct ob *ob;
    struct cm *cm;
    struct io *io;
    struct ps *ps;
    struct hal *hal;
    struct ndis *ndis;           // attached by ndis_create; NULL in a box without NDIS
    struct tdi *_Atomic tdi;     // made by the first call of the TDI library that needs it
    void (*on_bugcheck)(struct box *box);   // NDIS's: miniports are told, at HIGH_LEVEL. NULL: nobody is
    _Atomic bool is_bugchecked;  // they have been
    struct verify *verify;       // NULL: the verifier is off
    struct ex_fault *fault;      // lent: planned failures (nt/ex/fault.h); NULL: none
    struct loader_keep *images;  // lent: where images stay between boxes (loader/keep.h); NULL: each load maps a copy of its own
    struct port_world *ports;    // lent by the world: where virtual NICs find their ports
    uint32_t leftovers;          // counted by the rooms while the box is destroyed
    void (*on_message)(void *context, const char *text);   // DbgPrint and friends, one line without newline
    void *on_message_context;
    void (*on_finding)(void *context, const char *function, const char *what);   // a broken rule is about to end the process; NULL
    void *on_finding_context;
    // A driver says how its work went (include/nbx/service.h); text is lent. irql: <= DISPATCH. NULL: nobody listens.
    void (*on_service)(void *context, const char *service, bool is_good, const char *text);
    void *on_service_context;
    uint32_t subject_contexts;   // captured and not released (nt/se); atomic
    struct list uppers;          // struct box_upper, newest first
    int create_error;            // -errno of the room that could not be made
    struct list node;            // free for whoever keeps the boxes of a world
    void *owner;                 // the same
    struct ke_lock nbx_lock;     // guards nbx_ports
    struct list nbx_ports;       // src/nbx/port.c
    bool nbx_ports_held;         // ports that are started wait for link_release; under nbx_lock
    // When a port of the box last had room again after it had taken fewer frames than it was offered; UINT64_MAX while one has none, 0
    // if none ever did. What waits for a slow wire waits until then through no fault of a driver. irql: <= DISPATCH. NULL: no ports.
    uint64_t (*nbx_room_ns)(struct box *box);
    const struct link_watch *nbx_watch;   // of ports that are opened from now on (src/nbx/link.h); NULL: nobody watches
    int nbx_port_error;          // -errno of the last port that could not be opened: the machine's fault, not the driver's
};

// Make a machine without drivers. irql: any thread of the scheduler or its creator. fails: NULL when out of memory.
struct box *box_create(struct sched *sched, const struct box_config *config);

// Stop workers and timers, unload what is loaded, free everything. Returns how many objects were left behind; each has been
// reported by holder through on_message. Must run in a thread of the box (box_run) or before any was made.
uint32_t box_destroy(struct box *box);

// Run fn(arg) as a system thread of the box at PASSIVE_LEVEL and return when it has ended (sched_run underneath when called from
// outside the scheduler; directly, with the thread lent to the box, when called from a thread of the scheduler).
// fails: -EDEADLK on sim when nothing can run any more.
int box_run(struct box *box, void (*fn)(void *arg), void *arg);

// Have upper->destroy called when the box is destroyed, in a thread of the box at PASSIVE. owns: upper stays the caller's.
void box_attach(struct box *box, struct box_upper *upper);

// A report has been printed and the process is about to end: whoever runs the box may keep something of the run (on_finding).
// irql: any, signal handlers on sim included   locks: none taken
void box_broken(struct box *box, const char *function, const char *what);

// One line for the user, without newline, to on_message or to stderr. irql: any.
void box_message(struct box *box, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Something outlived the box: count it and say what. irql: PASSIVE.
void box_leftover(struct box *box, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
