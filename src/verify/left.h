// SPDX-License-Identifier: MIT
// What a driver has got and must give back: who got it, in which call, from where. NBX-0300 and on; 0503 and on for what calls it.
//   got     pool: ex_pool_alloc -> verify_origin_make, in front of the block; all else: a front door -> verify_had
//   back    ex_pool_free; verify_gave
//   never   verify_left_behind, when a driver is unloaded or what it was got for goes (halt, detach): one report for each place that got
//           some, with its stack; what was told is not told again
//   lying in a block that is freed meanwhile (a timer that is set, a lookaside list): ex_pool_free -> verify_block_freed
// With the verifier off nothing is kept, and what is left when the box goes is told as a plain line (box_leftover).
#ifndef NBX_VERIFY_LEFT_H
#define NBX_VERIFY_LEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/history.h"

struct box;
struct io_image;
struct verify_table;

// Rows: left.c.
enum verify_left {
    VERIFY_LEFT_POOL,
    VERIFY_LEFT_KEPT,                         // a block that a lookaside list keeps: the list is told, not the block
    VERIFY_LEFT_MDL,
    VERIFY_LEFT_SHARED,
    VERIFY_LEFT_RW_LOCK,
    VERIFY_LEFT_TIMER,
    VERIFY_LEFT_EX_TIMER,
    VERIFY_LEFT_WORK,
    VERIFY_LEFT_GENERIC,
    VERIFY_LEFT_NBL_POOL,
    VERIFY_LEFT_NB_POOL,
    VERIFY_LEFT_CLONE,
    VERIFY_LEFT_HANDLE,
    VERIFY_LEFT_OBJECT,
    VERIFY_LEFT_IRP,
    VERIFY_LEFT_DEVICE,
    VERIFY_LEFT_CONFIGURATION,
    VERIFY_LEFT_DMA,
    VERIFY_LEFT_MEMORY_MAP,
    VERIFY_LEFT_PORTS_MAP,
    VERIFY_LEFT_POLL,
    VERIFY_LEFT_INTERRUPT,
    VERIFY_LEFT_LOOKASIDE,
    VERIFY_LEFT_RESOURCE,
    VERIFY_LEFT_SUBJECT,
    VERIFY_LEFT_MINIPORT_DRIVER,
    VERIFY_LEFT_FILTER_DRIVER,
    VERIFY_LEFT_PROTOCOL,
    VERIFY_LEFT_PROVIDER,
    VERIFY_LEFT_SET_TIMER,                    // a KTIMER by its address, for as long as its memory is there; set or not
    VERIFY_LEFT_QUEUED_WORK,
    VERIFY_LEFT_RUNNING_WORK                  // by the thread that runs it
};

struct verify_origin {
    const struct io_image *image;             // NULL: not a driver's
    const void *owner;                        // the NDIS handle it was got for, which goes before the driver does; NULL: none
    const void *caller;                       // where the driver called; NULL: the stack alone says it
    uint8_t kind;                             // enum verify_left
    bool is_told;
    struct verify_mark made;
};

// Whoever runs got one. function: a literal; NULL: the door that this thread came through last. irql: any   fails: never
void verify_origin_make(struct verify_origin *origin, enum verify_left kind, const char *function, const void *caller);

// The driver that runs got object (an address; a number where the kind is one: handles). Nothing when the box is not watched or no driver
// runs. irql: <= DISPATCH   locks: a raw leaf   fails: out of memory ends the run: records with holes prove nothing
void verify_had(enum verify_left kind, const void *object, const void *owner, const char *function);
// The same for a driver that does not run: NDIS gets it for the driver. image NULL: nothing.
void verify_had_by(const struct io_image *image, enum verify_left kind, const void *object, const void *owner, const char *function);
// It was given back, or the runtime takes it back. False: there is no record of it (not watched, or not a driver's).
bool verify_gave(struct box *box, enum verify_left kind, const void *object);
// The same, and it is a finding: the runtime takes it back because its driver never did. function: the call that should have.
bool verify_left_one(struct box *box, enum verify_left kind, const void *object, const char *function);

// Report what the image got and has not given back; owner: only what was got for that handle. function: the handler that has returned.
// irql: PASSIVE   locks: none
void verify_left_behind(struct box *box, const struct io_image *image, const void *owner, const char *function);
// The box goes: forget its records.
void verify_left_forget(struct box *box);

// Whoever runs sets a timer; owner as above. irql: <= DISPATCH
void verify_timer_set(const void *timer, const void *owner, const char *function);
// A driver's memory is about to be freed: what lies in it that Windows would still touch? NBX-0504 to 0508. irql: <= DISPATCH
void verify_memory_freed(struct box *box, const void *memory, size_t bytes);
// The code at base goes away: DPCs and work items that would still run it. NBX-0501, NBX-0502. irql: PASSIVE
void verify_code_freed(struct box *box, const struct io_image *image, const char *function);

struct verify_table *verify_table_create(void);
void verify_table_destroy(struct verify_table *table);

#endif
