// SPDX-License-Identifier: MIT
// The ledger of IRPs, NBX-0400 and on. Paths: io_irp_alloc -> verify_irp_made; io_irp_call -> verify_irp_call, the dispatch routine,
// verify_irp_returned (was what it returned right?); io_irp_complete -> verify_irp_complete (was it the caller's to complete?); each
// location that completion leaves -> verify_irp_left; io_irp_free -> verify_irp_gone, which keeps the memory of the last ones, so that
// whoever completes or frees one of them again is told what happened to it.
// With the verifier off nothing is kept and each hook is one test of a pointer.
#ifndef NBX_VERIFY_IRPS_H
#define NBX_VERIFY_IRPS_H

#include <ntddk.h>
#include <stdbool.h>

#include "base/list.h"
#include "verify/history.h"
#include "verify/rules.h"

struct box;
struct io_image;
struct verify_irp;

// A call of a dispatch routine, on the stack of whoever makes it: the IRP may be gone when it returns.
struct verify_irp_call {
    struct verify_irp *watch;                 // NULL: not watched
    struct list node;
    int location;
    bool is_left, was_marked;                 // completion has left the location; it was marked pending then
    bool is_passed;                           // the routine has passed it down from a location of its own
    NTSTATUS status;                          // IoStatus.Status then
};

// irql: <= DISPATCH   owns: returns it, the IRP's; verify_irp_gone takes it. NULL: the box is not watched, or no memory.
struct verify_irp *verify_irp_made(struct box *box);
// memory: the allocation around the IRP, freed when 64 others have gone after it, or the verifier does.
void verify_irp_gone(struct box *box, struct verify_irp *watch, IRP *irp, void *memory);
// The driver that runs passes it to a driver: the next location is that one's from here on. function: the door.
void verify_irp_call(struct verify_irp *watch, IRP *irp, struct verify_irp_call *call);
void verify_irp_returned(struct verify_irp_call *call, const IRP *irp, const struct io_image *who, NTSTATUS status);
void verify_irp_complete(struct verify_irp *watch, IRP *irp);
void verify_irp_left(struct verify_irp *watch, const IRP *irp, const IO_STACK_LOCATION *stack, int location);
// IoFreeIrp, IoReuseIrp and their kin: is it with its maker?
void verify_irp_free(struct verify_irp *watch, const IRP *irp, const char *function);

// Is it one of those that have gone? Then what is done to it is a finding (rule) and this does not return.
void verify_irp_check_gone(struct box *box, const IRP *irp, enum verify_rule rule, const char *function);
// Does the address lie in one of those? For what AddressSanitizer finds. NULL: no.
const struct verify_history *verify_irp_gone_at(struct box *box, const void *address, const IRP **irp);

struct verify_irps;
struct verify_irps *verify_irps_create(void);
void verify_irps_destroy(struct verify_irps *irps);

#endif
