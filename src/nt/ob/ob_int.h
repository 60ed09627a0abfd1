// SPDX-License-Identifier: MIT
// What only the ob room sees: its state and its lock.
// ob->lock is a leaf: nothing is called while it is held but list and string work on the room's own memory.
#ifndef NBX_NT_OB_OB_INT_H
#define NBX_NT_OB_OB_INT_H

#include "nt/ke/ke.h"
#include "nt/ob/ob.h"

#define OB_MAGIC 0x4a424f4eu
#define OB_MAGIC_DEAD 0xdeadb0b0u
#define OB_REPARSE_LIMIT 32

struct ob_slot {
    void *body;                  // NULL: free
    ACCESS_MASK access;
    uint32_t next_free;          // index of the next free slot, 0 at the end
    char holder[OB_HOLDER_BYTES];
};

struct ob {
    struct ke_lock lock;
    struct list objects;
    struct ob_directory *root;
    struct ob_slot *slots;       // slot 0 is never used
    uint32_t slot_count;         // allocated
    uint32_t slot_used;          // high-water mark: slots below have been used at least once
    uint32_t free_first;         // freed slots are reused oldest first, so that a stale handle stays stale for long
    uint32_t free_last;
    uint32_t next_number;
    uint32_t own_count;          // objects up to this number are the room's own directories and links, not leftovers
};

// The lock of the room; a no-op outside any scheduler thread, where nobody else can be in the box.
KIRQL ob_lock_take(struct ob *ob);
void ob_lock_drop(struct ob *ob, KIRQL old);

void ob_holder_here(char holder[OB_HOLDER_BYTES]);
void ob_name_unlink_locked(struct ob_header *header);
// One component of a directory, NULL if absent.
struct ob_header *ob_directory_find_locked(struct ob_directory *directory, const UNICODE_STRING *component);

#endif
