// SPDX-License-Identifier: MIT
// ERESOURCE: shared and exclusive ownership by thread, recursive both ways. irql: <= APC.
#ifndef NBX_NT_EX_RESOURCE_H
#define NBX_NT_EX_RESOURCE_H

#include "nt/box.h"

enum ex_resource_mode {
    EX_RESOURCE_EXCLUSIVE,
    EX_RESOURCE_SHARED,              // a thread that holds it already need not wait for waiting writers
    EX_RESOURCE_SHARED_STARVE,       // never waits for waiting writers
    EX_RESOURCE_SHARED_WAIT          // always waits for waiting writers
};

void ex_resource_init(ERESOURCE *resource);
void ex_resource_fini(ERESOURCE *resource);
// fails: false only without wait.
bool ex_resource_take(ERESOURCE *resource, enum ex_resource_mode mode, bool wait);
// Bug check 0xE3 when the owner does not hold it.
void ex_resource_drop(ERESOURCE *resource, ERESOURCE_THREAD owner);
void ex_resource_share(ERESOURCE *resource);
bool ex_resource_is_exclusive(ERESOURCE *resource);
// How often the calling thread holds it, either way.
ULONG ex_resource_held(ERESOURCE *resource);

#endif
