// SPDX-License-Identifier: MIT
// What only the cm room sees. cm->lock guards the whole tree and is a leaf: only list, string and allocator work under it.
#ifndef NBX_NT_CM_CM_INT_H
#define NBX_NT_CM_CM_INT_H

#include "nt/cm/cm.h"
#include "nt/ke/ke.h"

struct cm {
    struct ke_lock lock;
    struct cm_key *root;             // \Registry
    struct list dead;                // deleted keys that are still open
};

// Body of an OB_KEY object: one per ZwOpenKey.
struct cm_key_object {
    struct cm_key *key;
};

KIRQL cm_lock_take(struct cm *cm);
void cm_lock_drop(struct cm *cm, KIRQL old);
struct cm_key *cm_child_find_locked(struct cm_key *key, const UNICODE_STRING *name);
struct cm_value *cm_value_find_locked(struct cm_key *key, const UNICODE_STRING *name);
void cm_key_unref_locked(struct cm *cm, struct cm_key *key);
// Walk a path of components separated by backslashes below key; create makes what is missing.
// owns: *out carries a reference, dropped with cm_key_put.
NTSTATUS cm_walk(struct box *box, struct cm_key *key, UNICODE_STRING path, bool create, struct cm_key **out, bool *was_created);

#endif
