// SPDX-License-Identifier: MIT
// SLISTs. Windows's are lock-free over 16 bytes; ours keep a lock word in the header instead, because a lock-free pop reads an entry
// that another thread may have freed already, which the sanitizers rightly report. The header: lock, depth, first entry.
#ifndef NBX_NT_EX_SLIST_H
#define NBX_NT_EX_SLIST_H

#include "nt/box.h"

void ex_slist_init(SLIST_HEADER *head);
// irql: <= DISPATCH, and nothing is raised. push returns the entry that was first before, pop and flush what they took.
SLIST_ENTRY *ex_slist_push(SLIST_HEADER *head, SLIST_ENTRY *entry);
SLIST_ENTRY *ex_slist_push_list(SLIST_HEADER *head, SLIST_ENTRY *first, SLIST_ENTRY *last, ULONG count);
SLIST_ENTRY *ex_slist_pop(SLIST_HEADER *head);
SLIST_ENTRY *ex_slist_flush(SLIST_HEADER *head);
SLIST_ENTRY *ex_slist_first(const SLIST_HEADER *head);
USHORT ex_slist_depth(const SLIST_HEADER *head);

#endif
