// SPDX-License-Identifier: MIT
// Miniport drivers: registration and attributes; the front doors are ddi_miniport.c. The adapter's states are in ndis_int.h.
#ifndef NBX_NDIS_MINIPORT_H
#define NBX_NDIS_MINIPORT_H

#include "ndis/ndis.h"
#include "ndis/ndis_int.h"

// irql: PASSIVE   owns: *out until deregister   calls: MiniportSetOptions
// fails: NDIS_STATUS_BAD_VERSION, NDIS_STATUS_BAD_CHARACTERISTICS, NDIS_STATUS_RESOURCES, or what MiniportSetOptions said
NDIS_STATUS ndis_miniport_driver_register(DRIVER_OBJECT *driver_object, NDIS_HANDLE context,
                                          const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars, struct ndis_miniport_driver **out);
// Removes its adapters first. irql: PASSIVE
void ndis_miniport_driver_deregister(struct ndis_miniport_driver *driver);
// irql: PASSIVE   fails: NDIS_STATUS_INVALID_PARAMETER out of order, NDIS_STATUS_NOT_SUPPORTED for attributes of what is not built
NDIS_STATUS ndis_miniport_attributes_set(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_ATTRIBUTES *attributes);

#endif
