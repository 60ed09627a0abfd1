// SPDX-License-Identifier: MIT
// Network interfaces of a box by index and LUID, and the order in which drivers say that they stand on one another (ifStackTable of
// RFC 2863). NDIS's interfaces are its adapters, virtual ones included.
#ifndef NBX_NDIS_IFSTACK_H
#define NBX_NDIS_IFSTACK_H

#include "ndis/ndis_int.h"

// fails: NDIS_STATUS_INTERFACE_NOT_FOUND.
NDIS_STATUS ndis_interface_by_luid(struct ndis *ndis, NET_LUID luid, NET_IFINDEX *index);
NDIS_STATUS ndis_interface_by_index(struct ndis *ndis, NET_IFINDEX index, NET_LUID *luid);

// An entry of the table; the same one twice is one. fails: NDIS_STATUS_INTERFACE_NOT_FOUND, NDIS_STATUS_RESOURCES.
NDIS_STATUS ndis_ifstack_add(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower);
void ndis_ifstack_remove(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower);
// The interface is gone, and its entries with it. 0: all of them, the box ends.
void ndis_ifstack_forget(struct ndis *ndis, NET_IFINDEX index);
uint32_t ndis_ifstack_count(struct ndis *ndis);

#endif
