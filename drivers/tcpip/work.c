// SPDX-License-Identifier: MIT
// What an adapter has to be told, or TDI's clients, when the engine's addresses and groups change: at PASSIVE_LEVEL, in a work item.
//   tcpip_adapter_changed (lock held) -> the work item -> work_multicast: OID_802_3_MULTICAST_LIST; work_addresses: usable addresses are
//   registered with TDI, those that are ours no more are taken back -> again, if there was another change meanwhile
// An address is usable once nobody else has answered for it [RFC 4862 5.4, RFC 5227]; TDI's clients hear of it then, and keep it.
#include "connection.h"

#define GROUPS_MAX 32

static NDIS_IO_WORKITEM work_routine;

VOID
tcpip_adapter_changed(struct tcpip_adapter *adapter)
{
    adapter->has_changed = TRUE;
    if (adapter->is_working || !adapter->work)
        return;
    adapter->is_working = TRUE;
    NdisQueueIoWorkItem(adapter->work, work_routine, adapter);
}

static VOID
work_multicast(struct tcpip_adapter *adapter)
{
    UCHAR groups[GROUPS_MAX][6];
    struct tcpip_call call;
    tcpip_enter(&call);
    size_t count = net_interface_multicast(tcpip_host.net, adapter->index, groups, GROUPS_MAX);
    tcpip_leave(&call);
    NDIS_STATUS status = NDIS_STATUS_MULTICAST_FULL;
    if (count <= GROUPS_MAX)
        status = tcpip_oid_set(adapter, OID_802_3_MULTICAST_LIST, groups, (ULONG)count * 6);
    if (status == NDIS_STATUS_SUCCESS)
        return;
    // More groups than the adapter can tell apart: it lets them all through, and the engine takes its own.
    ULONG all = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_ALL_MULTICAST;
    all &= adapter->filters_supported;
    tcpip_oid_set(adapter, OID_GEN_CURRENT_PACKET_FILTER, &all, sizeof all);
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

// An address that clients were told of stays theirs while it is ours: a link that goes and comes, and the probes that follow, take nothing
// back. A duplicate is nobody's.
static BOOLEAN
is_known(const struct tcpip_adapter *adapter, const struct net_address *address)
{
    return address->interface_index == adapter->index && address->state != NET_ADDRESS_DUPLICATE;
}

static BOOLEAN
is_usable(const struct tcpip_adapter *adapter, const struct net_address *address)
{
    return address->interface_index == adapter->index &&
           (address->state == NET_ADDRESS_PREFERRED || address->state == NET_ADDRESS_DEPRECATED);
}

// The n-th usable address of the adapter.
static BOOLEAN
usable_at(struct tcpip_adapter *adapter, ULONG n, struct eng_address *found)
{
    struct tcpip_call call;
    struct net_address address;
    BOOLEAN is_there = FALSE;
    tcpip_enter(&call);
    for (size_t i = 0; !is_there && net_address_at(tcpip_host.net, i, &address); i++)
        is_there = is_usable(adapter, &address) && n-- == 0;
    tcpip_leave(&call);
    *found = address.address;
    return is_there;
}

static BOOLEAN
is_still_known(struct tcpip_adapter *adapter, const struct eng_address *wanted)
{
    struct tcpip_call call;
    struct net_address address;
    BOOLEAN is_there = FALSE;
    tcpip_enter(&call);
    for (size_t i = 0; !is_there && net_address_at(tcpip_host.net, i, &address); i++)
        is_there = is_known(adapter, &address) && eng_address_is_equal(&address.address, wanted);
    tcpip_leave(&call);
    return is_there;
}

static VOID
unregistered(VOID)
{
    struct tcpip_call call;
    tcpip_enter(&call);
    tcpip_host.drops.addresses_unregistered++;
    tcpip_leave(&call);
}

static VOID
address_register(struct tcpip_adapter *adapter, const struct eng_address *address)
{
    struct tcpip_registered *slot = NULL;
    union tcpip_ta ta;
    for (ULONG i = 0; i < TCPIP_REGISTERED_MAX; i++) {
        struct tcpip_registered *other = &adapter->registered[i];
        if (other->handle && eng_address_is_equal(&other->address, address))
            return;
        if (!other->handle && !slot)
            slot = other;
    }
    if (!slot) {
        unregistered();
        DbgPrint("tcpip: TDI's clients are not told of an address: %u of %wZ are registered already\n", TCPIP_REGISTERED_MAX,
                 &adapter->name);
        return;
    }
    slot->address = *address;
    tcpip_address_to(&ta, address, 0, adapter->index);
    NTSTATUS status = TdiRegisterNetAddress((PTA_ADDRESS)ta.list.Address, &adapter->name, NULL, &slot->handle);
    if (!NT_SUCCESS(status)) {
        unregistered();
        DbgPrint("tcpip: TDI's clients are not told of an address (0x%08x)\n", status);
    }
}

static VOID
work_addresses(struct tcpip_adapter *adapter)
{
    struct eng_address address;
    for (ULONG i = 0; i < TCPIP_REGISTERED_MAX; i++) {
        struct tcpip_registered *slot = &adapter->registered[i];
        if (!slot->handle || is_still_known(adapter, &slot->address))
            continue;
        TdiDeregisterNetAddress(slot->handle);
        slot->handle = NULL;
    }
    for (ULONG n = 0; usable_at(adapter, n, &address); n++)
        address_register(adapter, &address);
}

// ---- the work item --------------------------------------------------------------------------------------------------------------

static VOID
work_routine(PVOID context, NDIS_HANDLE work)
{
    struct tcpip_adapter *adapter = context;
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(work);
    for (;;) {
        tcpip_enter(&call);
        BOOLEAN must = adapter->has_changed && adapter->work;
        adapter->has_changed = FALSE;
        adapter->is_working = must;
        if (!must)
            KeSetEvent(&adapter->idle, IO_NO_INCREMENT, FALSE);
        tcpip_leave(&call);
        if (!must)
            return; // the adapter may be gone now
        work_multicast(adapter);
        work_addresses(adapter);
    }
}

VOID
tcpip_work_stop(struct tcpip_adapter *adapter)
{
    NDIS_HANDLE work = adapter->work;
    struct tcpip_call call;
    tcpip_enter(&call);
    adapter->work = NULL;
    BOOLEAN must_wait = adapter->is_working;
    KeClearEvent(&adapter->idle);
    tcpip_leave(&call);
    if (must_wait)
        KeWaitForSingleObject(&adapter->idle, Executive, KernelMode, FALSE, NULL);
    if (work)
        NdisFreeIoWorkItem(work);
    for (ULONG i = 0; i < TCPIP_REGISTERED_MAX; i++) {
        if (adapter->registered[i].handle)
            TdiDeregisterNetAddress(adapter->registered[i].handle);
        adapter->registered[i].handle = NULL;
    }
}
