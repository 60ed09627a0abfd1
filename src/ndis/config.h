// SPDX-License-Identifier: MIT
// Configuration handles: a registry key of an adapter, a filter module, a protocol or a driver, and the values read through it.
// The front doors are ddi_config.c.
#ifndef NBX_NDIS_CONFIG_H
#define NBX_NDIS_CONFIG_H

#include "ndis/ndis_int.h"

struct cm_key;
struct ndis_config;

// irql: PASSIVE   owns: *out until ndis_config_close, which also frees every value that was read through it
NDIS_STATUS ndis_config_open(const NDIS_CONFIGURATION_OBJECT *object, struct ndis_config **out);
NDIS_STATUS ndis_config_open_under(struct ndis_config *parent, const UNICODE_STRING *name, struct ndis_config **out);
// The subkey of that number, its name into the driver's buffer. fails: NDIS_STATUS_FAILURE: none, no room for its name, no memory
NDIS_STATUS ndis_config_open_at(struct ndis_config *parent, ULONG index, UNICODE_STRING *name, struct ndis_config **out);
// A handle that is none (closed, or another's) is reported and does not return.
struct ndis_config *ndis_config_from(NDIS_HANDLE handle, const char *function);
void ndis_config_close(struct ndis_config *config);
// owns: *out lives until the handle is closed   fails: NDIS_STATUS_FAILURE (no such value, or not of that type), NDIS_STATUS_RESOURCES
NDIS_STATUS ndis_config_read(struct ndis_config *config, const UNICODE_STRING *keyword, NDIS_PARAMETER_TYPE type,
                             NDIS_CONFIGURATION_PARAMETER **out);
NDIS_STATUS ndis_config_write(struct ndis_config *config, const UNICODE_STRING *keyword, const NDIS_CONFIGURATION_PARAMETER *value);
// The NetworkAddress keyword as bytes.
NDIS_STATUS ndis_config_address(struct ndis_config *config, void **address, UINT *bytes);

#endif
