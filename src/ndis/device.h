// SPDX-License-Identifier: MIT
// Control devices of NDIS drivers (device.c); the front doors are ddi_device.c.
#ifndef NBX_NDIS_DEVICE_H
#define NBX_NDIS_DEVICE_H

#include "ndis/ndis_int.h"

#define NDIS_DEVICE_KIND 0x4e424456

struct ndis_device {
    uint32_t kind;
    DEVICE_OBJECT *object;
    UNICODE_STRING symbolic_name;             // ours, empty if none
    DRIVER_DISPATCH *majors[IRP_MJ_MAXIMUM_FUNCTION + 1];
    _Alignas(16) uint8_t extension[];         // the driver's
};

// irql: PASSIVE   owns: *out until destroy   fails: what making the device or its symbolic link said; nothing is left then
NDIS_STATUS ndis_device_create(DRIVER_OBJECT *driver, const NDIS_DEVICE_OBJECT_ATTRIBUTES *attributes, struct ndis_device **out);
void ndis_device_destroy(struct ndis_device *device);

#endif
