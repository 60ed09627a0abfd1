// SPDX-License-Identifier: MIT
// Paged pool cannot be touched at DISPATCH_LEVEL: NBX-0205. With --verify strict it lives in pages of its own.
//   on sim      while a driver runs at DISPATCH_LEVEL or above those pages are shut, and a touch is a fault that is told as a finding
//   on threads  nothing can be shut, because another thread may touch it at PASSIVE_LEVEL meanwhile: an address in it tells of a spin
//               lock that lies there and of a block that is freed at DISPATCH_LEVEL
// A report says which of the two it was. The gate shuts at a crossing into a driver and when a driver raises or takes a lock; it opens
// at the crossing back, when it lowers, and when the runtime itself touches a block (then until the driver's next call).
#ifndef NBX_VERIFY_PAGED_H
#define NBX_VERIFY_PAGED_H

#include "nt/ke/ke.h"

struct paged;
struct verify;

// shuts: the gate is used. Only one of these at a time in the process may have it. fails: NULL.
struct paged *paged_create(bool shuts);
void paged_destroy(struct paged *paged);

// Memory for a block of paged pool with its header. NULL: there is no such pool (the verifier is not strict), or it is full; the
// block comes from elsewhere then and is not watched. irql: any   locks: takes a raw leaf
void *verify_paged_get(struct verify *verify, size_t bytes);
// true: it was one of these, and is given back.
bool verify_paged_put(struct verify *verify, void *memory);
bool verify_paged_has(const struct verify *verify, const void *address);

// This thread's driver is at this level from now on (a crossing, or a door that changed it).
void verify_paged_level(struct ke_thread *self, bool is_shut);
// A fibre goes on. self: NULL, none of ours.
void verify_paged_switch(struct verify *verify, const struct ke_thread *self);
// The driver calls a door: what the runtime had opened is shut again.
void verify_paged_door(struct verify *verify);

#endif
