// SPDX-License-Identifier: MIT
// How long drivers keep what is not theirs: NBX-0107, 0108, 0110 and 0111. Under the seeded scheduler, with the verifier on, an idle
// thread of the box (docs/decisions/0008: it hides no deadlock and keeps no run alive) looks at the ledger's records every two seconds.
//   ledger.c          -> ages_add once for each record; when a module takes and gives on stands in the record and beside its counters
//   ages_thread       -> ages_look: miniports first, for whoever is above waits for them -> verify_report
// What waits for a wire or another port that is full does not age (box->nbx_room_ns). Off, and with the scheduler of OS threads, there is
// no thread and no list.
#ifndef NBX_VERIFY_AGES_H
#define NBX_VERIFY_AGES_H

#include <stdint.h>

#include "base/list.h"

struct box;
struct ke_thread;

// Part of struct ndis. No lock: fibres change places only at choice points, and between two of those records and list are whole.
struct ages {
    struct box *box;                          // NULL: nobody looks
    struct list records;                      // of struct verify_record
    struct ke_thread *thread;
    _Atomic uint32_t stop;
};

// Begin to look, if there is a verifier and the scheduler is the seeded one. irql: PASSIVE   fails: -errno
int ages_start(struct ages *ages, struct box *box);
// irql: PASSIVE, after the last adapter has gone
void ages_stop(struct ages *ages);

#endif
