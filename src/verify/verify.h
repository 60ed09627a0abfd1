// SPDX-License-Identifier: MIT
// The glass wall: hook points that watch the crossings between the runtime and drivers. With the verifier off each costs one test of
// a pointer that is in cache. It never changes what happens; a finding is reported (report.h) and, when strict, ends the run.
#ifndef NBX_VERIFY_VERIFY_H
#define NBX_VERIFY_VERIFY_H

#include "nt/ke/ke.h"

struct verify;

// Every front door begins and ends with these. On sim they are choice points and go into the trace hash; DDI ids come from the table.
#define VERIFY_ENTER(name) sched_choice(sched_self->sched, SCHED_POINT_DDI)
#define VERIFY_LEAVE(name) ((void)0)

#endif
