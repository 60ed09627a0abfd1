// SPDX-License-Identifier: MIT
// The object types that drivers name as data (*PsThreadType and its kin; *ExEventObjectType is ob's). The runtime never writes them;
// they are variables because a driver imports variables. Types without objects here (tokens, named semaphores) have none.
#include "nt/io/io.h"
#include "nt/ob/ob.h"
#include "nt/ps/ps.h"

static const struct _OBJECT_TYPE *const thread_type = &ps_thread_type;
static const struct _OBJECT_TYPE *const process_type = &ps_process_type;
static const struct _OBJECT_TYPE *const file_type = &io_file_type;
static const struct _OBJECT_TYPE *const device_type = &io_device_type;
static const struct _OBJECT_TYPE *const driver_type = &io_driver_type;

POBJECT_TYPE *PsThreadType = (POBJECT_TYPE *)&thread_type;
POBJECT_TYPE *PsProcessType = (POBJECT_TYPE *)&process_type;
POBJECT_TYPE *IoFileObjectType = (POBJECT_TYPE *)&file_type;
POBJECT_TYPE *IoDeviceObjectType = (POBJECT_TYPE *)&device_type;
POBJECT_TYPE *IoDriverObjectType = (POBJECT_TYPE *)&driver_type;
