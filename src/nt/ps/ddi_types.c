// SPDX-License-Identifier: MIT
// The object types that drivers name as data (*PsThreadType and its kin; the others are where their objects are). The runtime never
// writes them; they are variables because a driver imports variables. Types without objects here (tokens, named semaphores) have none.
#include "nt/ob/ob.h"
#include "nt/ps/ps.h"

static const struct _OBJECT_TYPE *const thread_type = &ps_thread_type;
static const struct _OBJECT_TYPE *const process_type = &ps_process_type;

POBJECT_TYPE *PsThreadType = (POBJECT_TYPE *)&thread_type;
POBJECT_TYPE *PsProcessType = (POBJECT_TYPE *)&process_type;
