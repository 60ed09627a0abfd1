// SPDX-License-Identifier: MIT
// Lookaside lists: blocks of one size kept for reuse, last freed first, in one list behind a lock word. (A list per processor
// would save the word; nothing on the runtime's own hot path uses lookaside lists.)
#ifndef NBX_NT_EX_LOOKASIDE_H
#define NBX_NT_EX_LOOKASIDE_H

#include "nt/box.h"

struct ex_lookaside_config {
    POOL_TYPE type;
    ULONG flags;                     // EX_LOOKASIDE_LIST_EX_FLAGS_*
    SIZE_T bytes;
    ULONG tag;
    bool is_ex;                      // the functions take the list as well
    void *allocate, *free;           // PALLOCATE_FUNCTION(_EX), PFREE_FUNCTION(_EX), or NULL
};

void ex_lookaside_init(GENERAL_LOOKASIDE_POOL *list, const struct ex_lookaside_config *config);
// Give every kept block back. irql: <= DISPATCH. The driver must have given back what it had taken.
void ex_lookaside_flush(GENERAL_LOOKASIDE_POOL *list);
void *ex_lookaside_alloc(GENERAL_LOOKASIDE_POOL *list, const void *caller);
void ex_lookaside_free(GENERAL_LOOKASIDE_POOL *list, void *entry);

#endif
