// SPDX-License-Identifier: MIT
// Thread records in pieces, for rooms that keep them in memory of their own (ps: the body of a thread object).
#ifndef NBX_NT_KE_THREAD_H
#define NBX_NT_KE_THREAD_H

#include "nt/ke/ke.h"

// Make a record usable and list it in the box / take it off the list. owns: the memory stays the caller's.
void ke_thread_init(struct ke_thread *thread, struct box *box);
void ke_thread_fini(struct ke_thread *thread);
// Start fn(arg) on an initialised record; afterwards thread->on_ended runs as the thread's last act. fails: -EAGAIN, -ENOMEM.
int ke_thread_launch(struct ke_thread *thread, const char *name, void (*fn)(void *), void *arg);
// End the calling thread. irql: PASSIVE; the frames between here and the thread's start are left as longjmp leaves them.
__attribute__((noreturn)) void ke_thread_exit(NTSTATUS status);

#endif
