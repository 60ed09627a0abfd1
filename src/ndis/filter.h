// SPDX-License-Identifier: MIT
// Filter drivers: registration and attributes; the front doors are ddi_filter.c. The module's states are in ndis_int.h.
#ifndef NBX_NDIS_FILTER_H
#define NBX_NDIS_FILTER_H

#include "ndis/ndis_int.h"

// irql: PASSIVE   owns: *out until deregister   calls: FilterSetOptions
// fails: NDIS_STATUS_BAD_VERSION, NDIS_STATUS_BAD_CHARACTERISTICS, NDIS_STATUS_RESOURCES, or what FilterSetOptions said
NDIS_STATUS ndis_filter_driver_register(DRIVER_OBJECT *driver_object, NDIS_HANDLE context,
                                        const NDIS_FILTER_DRIVER_CHARACTERISTICS *chars, struct ndis_filter_driver **out);
// Detaches its modules first. irql: PASSIVE
void ndis_filter_driver_deregister(struct ndis_filter_driver *driver);
// Only inside FilterAttach. fails: NDIS_STATUS_INVALID_PARAMETER
NDIS_STATUS ndis_filter_attributes_set(struct ndis_filter *filter, NDIS_HANDLE context, const NDIS_FILTER_ATTRIBUTES *attributes);
// Change the module's data-path handlers. Only inside FilterSetModuleOptions; the routes follow when the module restarts.
// fails: NDIS_STATUS_FAILURE, and nothing has changed
NDIS_STATUS ndis_filter_handlers_set(struct ndis_filter *filter, const NDIS_FILTER_PARTIAL_CHARACTERISTICS *handlers);
// Pause from the top down to this module, restart: queued. [ndis/nf-ndis-ndisfrestartfilter]
NDIS_STATUS ndis_filter_restart_request(struct ndis_filter *filter);

#endif
