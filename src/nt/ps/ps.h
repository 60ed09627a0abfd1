// SPDX-License-Identifier: MIT
// System threads as drivers make them, and the one process a box has. A thread object's body is a struct ps_thread, whose first member
// is the ke_thread, so that KTHREAD, ETHREAD and the object a handle names are one address.
#ifndef NBX_NT_PS_PS_H
#define NBX_NT_PS_PS_H

#include "nt/ke/ke.h"
#include "nt/ob/ob.h"

struct io_image;

struct ps_thread {
    struct ke_thread ke;             // first
    struct list node;                // box->ps running or ended
    uint32_t id;                     // multiple of 4, as Windows's are
    PKSTART_ROUTINE start;
    void *context;
    struct io_image *image;          // whose code it runs: kept loaded meanwhile; NULL: the program itself
};

extern const struct _OBJECT_TYPE ps_thread_type;
extern const struct _OBJECT_TYPE ps_process_type;
// The System process object. owns: lends it.
void *ps_process(struct box *box);

#define PS_SYSTEM_PROCESS_ID 4

int ps_create(struct box *box);
// Waits up to a second of the box's time for threads to end and joins them; those that still run are counted with box_leftover, and
// box->ps stays, because they go on using the box. Returns 0.
uint32_t ps_destroy(struct box *box);

// owns: *thread carries a reference of the caller's. The thread holds one of its own until it has been joined.
// fails: STATUS_INSUFFICIENT_RESOURCES.
NTSTATUS ps_thread_create(struct box *box, PKSTART_ROUTINE start, void *context, struct ps_thread **thread);
// Join the threads that have ended; their images are given back. irql: PASSIVE
void ps_reap(struct box *box);
// The number drivers see: of a ps thread its id, of a runtime thread one past all of those.
uint32_t ps_thread_id(const struct ke_thread *thread);

#endif
