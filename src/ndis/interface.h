// SPDX-License-Identifier: MIT
// Network interfaces of a box (interface.c): those that NDIS itself provides (adapters and filter modules) and those of providers;
// NET_LUID indexes; and the interface stack table.
#ifndef NBX_NDIS_INTERFACE_H
#define NBX_NDIS_INTERFACE_H

#include "ndis/ndis_int.h"

enum ndis_interface_kind {
    NDIS_KIND_PROVIDER = 0x4e424950           // 'NBIP'
};

struct ndis_provider;

int ndis_interfaces_create(struct ndis *ndis);
// Returns how many providers were left, each of them told.
uint32_t ndis_interfaces_destroy(struct ndis *ndis);

// All: irql <= DISPATCH unless said otherwise; none calls a driver.

// fails: NDIS_STATUS_RESOURCES (no memory, or all 2^24 are given)
NDIS_STATUS ndis_luid_alloc(struct ndis *ndis, NET_IFTYPE type, uint32_t *index);
// fails: NDIS_STATUS_INVALID_PARAMETER, not given for this type
NDIS_STATUS ndis_luid_free(struct ndis *ndis, NET_IFTYPE type, uint32_t index);

// fails: false, no such interface
bool ndis_interface_by_luid(struct ndis *ndis, NET_LUID luid, NET_IFINDEX *index);
bool ndis_interface_by_index(struct ndis *ndis, NET_IFINDEX index, NET_LUID *luid);

// An adapter or a filter module is made; fails: false, out of memory. It goes, and what was said of its place in the stack.
bool ndis_interface_own_add(struct ndis *ndis, NET_IFINDEX index, NET_LUID luid);
void ndis_interface_own_drop(struct ndis *ndis, NET_IFINDEX index);
// What stands right below a filter module.
void ndis_interface_below(const struct ndis_filter *filter, NET_IFINDEX *index, NET_LUID *luid);

// fails: INVALID_PARAMETER, NOT_SUPPORTED, RESOURCES
NDIS_STATUS ndis_provider_register(struct ndis *ndis, const NDIS_IF_PROVIDER_CHARACTERISTICS *chars, NDIS_HANDLE context,
                                   struct ndis_provider **out);
// fails: false, it still has interfaces; nothing has happened then
bool ndis_provider_deregister(struct ndis_provider *provider);
// fails: INVALID_PARAMETER, DUPLICATE_OBJECTID (also that of an adapter or a filter module), RESOURCES
NDIS_STATUS ndis_interface_register(struct ndis_provider *provider, NET_LUID luid, NDIS_HANDLE context, const NET_IF_INFORMATION *info,
                                    NET_IFINDEX *index);
// Takes its stack entries away too. fails: false, no provider's interface has this index
bool ndis_interface_deregister(struct ndis *ndis, NET_IFINDEX index);

// fails: NDIS_STATUS_INTERFACE_NOT_FOUND, RESOURCES, INVALID_PARAMETER (it would close a loop)
NDIS_STATUS ndis_if_stack_add(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower);
void ndis_if_stack_delete(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower);
// Does the table say so? Also from NDIS's own knowledge of adapters and filter modules.
bool ndis_if_stack_has(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower);

// The highest interface of an adapter's stack: its topmost filter module's, or its own. irql: <= DISPATCH
void ndis_interface_highest(struct ndis_adapter *adapter, NET_IFINDEX *index, NET_LUID *luid);

#endif
