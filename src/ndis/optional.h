// SPDX-License-Identifier: MIT
// What NdisSetOptionalHandlers does (optional.c); the front door is ddi_device.c.
#ifndef NBX_NDIS_OPTIONAL_H
#define NBX_NDIS_OPTIONAL_H

#include "ndis/ndis_int.h"

// irql: PASSIVE   owns: borrows both
// fails: NDIS_STATUS_FAILURE, and nothing has changed; a service that is not provided ends the run with a report (NBX-0001)
NDIS_STATUS ndis_optional_handlers_set(NDIS_HANDLE handle, const NDIS_OBJECT_HEADER *handlers);

#endif
