// SPDX-License-Identifier: MIT
// Callback objects: a named list of functions that a driver, or the system, calls in the order of registration.
#ifndef NBX_NT_EX_CALLBACK_H
#define NBX_NT_EX_CALLBACK_H

#include "nt/box.h"

struct ex_registration;

// Open by name, or create. irql: PASSIVE. owns: *callback carries a reference. A name that was not asked to be permanent goes at once.
// fails: STATUS_UNSUCCESSFUL without a name, what the name look-up says, STATUS_OBJECT_NAME_NOT_FOUND when not to be created.
NTSTATUS ex_callback_create(struct box *box, const OBJECT_ATTRIBUTES *attributes, bool create, bool many, void **callback);
// fails: NULL, when another is registered and only one is allowed, or no memory. owns: holds a reference to the object.
struct ex_registration *ex_callback_register(void *callback, PCALLBACK_FUNCTION function, void *context);
// Returns when the function does not run any more. irql: <= APC; not from the function itself.
void ex_callback_unregister(struct ex_registration *registration);
// calls: every function, at the caller's IRQL, with no lock held.
void ex_callback_notify(void *callback, void *argument1, void *argument2);

#endif
