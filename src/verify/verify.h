// SPDX-License-Identifier: MIT
// The glass wall: hook points that watch the crossings between the runtime and drivers. With the verifier off each costs one test of
// a pointer that is in cache. It never changes what happens; a finding is reported (report.h) and ends the run.
//   struct verify hangs off each box of a world (box->verify) and is made before the boxes and destroyed after them.
#ifndef NBX_VERIFY_VERIFY_H
#define NBX_VERIFY_VERIFY_H

#include "nt/ke/ke.h"

enum verify_mode {
    VERIFY_OFF,
    VERIFY_ON,
    VERIFY_STRICT                             // stacks of every hand-over; on sim in asan builds the fence (fence.h)
};

struct fence;

struct verify {
    enum verify_mode mode;
    struct sched *sched;
    struct fence *fence;                      // NULL: none
    bool with_stacks;
};

// mode: not VERIFY_OFF (then there is none: box->verify is NULL). owns: returns it; verify_destroy frees it, after all boxes that show
// it have gone. fails: NULL when out of memory.
struct verify *verify_create(struct sched *sched, enum verify_mode mode);
void verify_destroy(struct verify *verify);

// Every front door begins and ends with these. On sim they are choice points and go into the trace hash; DDI ids come from the table.
#define VERIFY_ENTER(name) sched_choice(sched_self->sched, SCHED_POINT_DDI)
#define VERIFY_LEAVE(name) ((void)0)

#endif
