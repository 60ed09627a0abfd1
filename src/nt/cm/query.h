// SPDX-License-Identifier: MIT
// Registry data in the forms that drivers ask for (query.c).
#ifndef NBX_NT_CM_QUERY_H
#define NBX_NT_CM_QUERY_H

#include "nt/cm/cm.h"

// irql: any; buffer is the driver's. fails: BUFFER_TOO_SMALL, BUFFER_OVERFLOW, INVALID_PARAMETER (a class drivers cannot ask for).
NTSTATUS cm_value_inform(const struct cm_value *value, KEY_VALUE_INFORMATION_CLASS class, void *buffer, ULONG bytes,
                         ULONG *result_length);
NTSTATUS cm_key_inform(struct box *box, struct cm_key *key, KEY_INFORMATION_CLASS class, void *buffer, ULONG bytes,
                       ULONG *result_length);
// A copy of a child with a reference; the caller drops it with cm_key_put. fails: NO_MORE_ENTRIES, KEY_DELETED.
NTSTATUS cm_child_ref_at(struct box *box, struct cm_key *key, ULONG index, struct cm_key **child);
// RtlQueryRegistryValues below an open key.
NTSTATUS cm_query_table(struct box *box, struct cm_key *key, RTL_QUERY_REGISTRY_TABLE *table, void *context, void *environment);

#endif
