// SPDX-License-Identifier: MIT
// The glass wall: hook points that watch the crossings between the runtime and drivers. With the verifier off each costs one test of
// a pointer that is in cache. It never changes what happens; a finding is reported (report.h) and ends the run.
//   struct verify hangs off each box of a world (box->verify) and is made before the boxes and destroyed after them.
#ifndef NBX_VERIFY_VERIFY_H
#define NBX_VERIFY_VERIFY_H

#include "ddi_ids.h"
#include "nt/ke/ke.h"
#include "verify/history.h"

enum verify_mode {
    VERIFY_OFF,
    VERIFY_ON,
    VERIFY_STRICT                             // stacks of every hand-over; paged.h; NDK (ndis/ndk/watch.h); on sim in asan builds fence.h
};

#define VERIFY_SAID_MAX 256

struct fence;
struct paged;
struct verify_irps;
struct verify_order;
struct verify_sink;
struct verify_table;

struct verify {
    enum verify_mode mode;
    struct sched *sched;
    struct fence *fence;                      // NULL: none
    struct verify_irps *irps;                 // irps.h
    struct verify_order *order;               // order.h
    struct paged *paged;                      // paged.h; NULL: not watched
    struct verify_sink *sink;                 // report files and suppressions (sink.h), lent; NULL: none
    struct verify_table *table;               // what drivers got and have not given back (left.h)
    bool with_stacks;
    struct verify_sites sites;                // of histories
    _Atomic uint32_t ending;                  // the thread whose report ends the run
    _Atomic uint32_t findings;                // after which the run went on
    _Atomic uint64_t said[VERIFY_SAID_MAX];   // places that were reported already
};

// mode: not VERIFY_OFF (then there is none: box->verify is NULL). sink: lent, may be NULL.
// owns: returns it; verify_destroy frees it, after all boxes that show it have gone. fails: NULL when out of memory.
struct verify *verify_create(struct sched *sched, enum verify_mode mode, struct verify_sink *sink);
void verify_destroy(struct verify *verify);

// A driver is at the door of this function: was it allowed to come, at its IRQL? irql.c
void verify_door(struct ke_thread *self, enum ddi_id id);

// A front door of the data path, which nothing waits behind, begins with this: no choice point.
#define VERIFY_DOOR(name) \
    do { \
        if (__builtin_expect(ke_self()->box->verify != NULL, 0)) \
            verify_door(ke_self(), DDI_##name); \
    } while (0)
// Every other front door begins and ends with these. On sim they are choice points and go into the trace hash; DDI ids come from the table.
#define VERIFY_ENTER(name) \
    do { \
        VERIFY_DOOR(name); \
        sched_choice(sched_self->sched, SCHED_POINT_DDI); \
    } while (0)
// In a door that has raised the caller's IRQL, before it returns.
void verify_raised(struct ke_thread *self);
#define VERIFY_RAISED() \
    do { \
        if (__builtin_expect(ke_self()->box->verify != NULL, 0)) \
            verify_raised(ke_self()); \
    } while (0)
#define VERIFY_LEAVE(name) ((void)0)

#endif
