// SPDX-License-Identifier: MIT
// Named objects by OBJECT_ATTRIBUTES (named.c). irql: PASSIVE.
#ifndef NBX_NT_OB_NAMED_H
#define NBX_NT_OB_NAMED_H

#include "nt/ob/ob.h"

// owns: *body is the caller's reference, to another object when the name was taken and OBJ_OPENIF allows it.
// Returns OBJECT_NAME_EXISTS (a success) then. fails: OBJECT_NAME_COLLISION, what looking up says.
NTSTATUS ob_name_insert_or_open(struct box *box, const OBJECT_ATTRIBUTES *attributes, const struct _OBJECT_TYPE *type, void **body);
// owns: takes the reference on body. status: what came before; passed on when it is no success.
NTSTATUS ob_handle_finish(struct box *box, void *body, NTSTATUS status, ACCESS_MASK access, HANDLE *handle);
NTSTATUS ob_named_open(struct box *box, const OBJECT_ATTRIBUTES *attributes, const struct _OBJECT_TYPE *type, ACCESS_MASK access,
                       HANDLE *handle);
NTSTATUS ob_event_open(struct box *box, const OBJECT_ATTRIBUTES *attributes, EVENT_TYPE type, bool is_set, ACCESS_MASK access,
                       HANDLE *handle);

#endif
