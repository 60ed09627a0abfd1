// SPDX-License-Identifier: MIT
// placeholder of the first landing
#include "vnic.h"

NDIS_STATUS vnic_offload_create(struct vnic_adapter *adapter) { (void)adapter; return NDIS_STATUS_SUCCESS; }
NDIS_STATUS vnic_offload_send(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl, NET_BUFFER *nb, ULONG segment) { (void)adapter;(void)nbl;(void)nb;(void)segment; return NDIS_STATUS_NOT_SUPPORTED; }
void vnic_offload_sent(NET_BUFFER_LIST *nbl) {(void)nbl;}
void vnic_offload_receive(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl, UCHAR *frame, ULONG bytes, const struct port_offload *offload) {(void)adapter;(void)nbl;(void)frame;(void)bytes;(void)offload;}
BOOLEAN vnic_vlan_take(struct vnic_adapter *adapter, UCHAR *frame, ULONG bytes, ULONG *offset, PVOID *tag) {(void)adapter;(void)frame;(void)bytes;(void)offset;(void)tag; return TRUE;}
NDIS_STATUS vnic_offload_set(struct vnic_adapter *adapter, const void *data, ULONG bytes) {(void)adapter;(void)data;(void)bytes; return NDIS_STATUS_NOT_SUPPORTED;}
NDIS_STATUS vnic_offload_encapsulation(struct vnic_adapter *adapter, const void *data, ULONG bytes) {(void)adapter;(void)data;(void)bytes; return NDIS_STATUS_NOT_SUPPORTED;}
