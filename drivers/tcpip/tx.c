// SPDX-License-Identifier: MIT
// Packets of the engines down to an adapter.
//   tcpip_tx_queue (lock held) -> adapter->to_send -> tcpip_tx_serve: as many as there are descriptions for, each an NBL over the bytes
//        where they lie: the headers in the packet, the data in the clients' MDLs -> one NdisSendNetBufferLists
//   NDIS -> tcpip_send_complete -> packets back to their pool, which lets go of the data; descriptions are free again
// What the adapter does for us stands beside the data: a checksum to finish, or a super-segment to cut (LSOv2) [network/offloading-the-
// segmentation-of-large-tcp-packets]. The engines have asked for it only where the interface offers it.
#include "tcpip.h"

// A send's description: an NBL, and the MDLs that its packet needs. Used again and again.
struct tcpip_packet {
    struct tcpip_packet *next;
    NET_BUFFER_LIST *nbl;
    struct eng_out *out;
    MDL *head;
    // Made when a packet first needs them. Two kinds, because MmInitializeMdl shrinks an MDL to what it is initialised for.
    MDL *partial[ENG_OUT_SPANS];          // over parts of clients' MDLs
    MDL *plain[ENG_OUT_SPANS];            // over the engine's own bytes
};

#define packet_of(nbl) ((struct tcpip_packet *)NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0])

// ---- descriptions ---------------------------------------------------------------------------------------------------------------

static VOID
packet_free(struct tcpip_packet *packet)
{
    for (ULONG i = 0; i < ENG_OUT_SPANS; i++) {
        if (packet->partial[i])
            IoFreeMdl(packet->partial[i]);
        if (packet->plain[i])
            IoFreeMdl(packet->plain[i]);
    }
    if (packet->head)
        IoFreeMdl(packet->head);
    if (packet->nbl)
        NdisFreeNetBufferList(packet->nbl);
    tcpip_free(packet);
}

static struct tcpip_packet *
packet_create(struct tcpip_adapter *adapter)
{
    struct tcpip_packet *packet = tcpip_alloc(sizeof *packet);
    if (!packet)
        return NULL;
    // The room of a packet of the engine may begin anywhere in a page.
    packet->head = IoAllocateMdl((PVOID)(ULONG_PTR)(PAGE_SIZE - 1), ENG_HEAD_ROOM_BYTES, FALSE, FALSE, NULL);
    packet->nbl = NdisAllocateNetBufferAndNetBufferList(adapter->pool, 0, 0, NULL, 0, 0);
    if (!packet->head || !packet->nbl) {
        packet_free(packet);
        return NULL;
    }
    NET_BUFFER_LIST_PROTOCOL_RESERVED(packet->nbl)[0] = packet;
    packet->nbl->SourceHandle = adapter->ndis;
    return packet;
}

// An MDL with room for 64 KB that begin anywhere in a page.
static MDL *
mdl_of(MDL **kept)
{
    if (!*kept)
        *kept = IoAllocateMdl((PVOID)(ULONG_PTR)(PAGE_SIZE - 1), 65536, FALSE, FALSE, NULL);
    return *kept;
}

static VOID
mdl_over_pool(MDL *mdl, const void *bytes, ULONG count)
{
    MmPrepareMdlForReuse(mdl);
    MmInitializeMdl(mdl, (PVOID)bytes, count);
    MmBuildMdlForNonPagedPool(mdl);
}

// Describe the bytes of a packet. FALSE: no memory for an MDL.
static BOOLEAN
packet_chain(struct tcpip_packet *packet, struct eng_out *out)
{
    mdl_over_pool(packet->head, out->head, out->head_bytes);
    MDL **end = &packet->head->Next;
    for (ULONG i = 0; i < out->n_data; i++) {
        const struct eng_span *span = &out->data[i];
        MDL *mdl = mdl_of(span->tag ? &packet->partial[i] : &packet->plain[i]);
        if (!mdl)
            return FALSE;
        if (span->tag) {
            MmPrepareMdlForReuse(mdl);
            IoBuildPartialMdl(span->tag, mdl, (PUCHAR)MmGetMdlVirtualAddress((MDL *)span->tag) + span->offset, span->count);
        } else {
            mdl_over_pool(mdl, span->bytes, span->count);
        }
        *end = mdl;
        end = &mdl->Next;
    }
    *end = NULL;
    return TRUE;
}

static VOID
packet_offload(NET_BUFFER_LIST *nbl, const struct eng_out *out)
{
    BOOLEAN is_ip4 = out->source.family == ENG_IP4;
    ULONG l4_at = out->head_bytes - out->l4_bytes;
    NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) = NULL;
    NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo) = NULL;
    if (out->mss_bytes) {
        NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO lso = {.Value = NULL};
        lso.LsoV2Transmit.MSS = out->mss_bytes;
        lso.LsoV2Transmit.TcpHeaderOffset = l4_at;
        lso.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        lso.LsoV2Transmit.IPVersion = is_ip4 ? NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4 : NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6;
        NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo) = lso.Value;
    } else if (out->flags & ENG_OUT_L4_SUM_PARTIAL) {
        NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum = {.Value = NULL};
        sum.Transmit.IsIPv4 = is_ip4;
        sum.Transmit.IsIPv6 = !is_ip4;
        sum.Transmit.TcpChecksum = out->protocol == NET_TCP;
        sum.Transmit.UdpChecksum = out->protocol == NET_UDP;
        sum.Transmit.TcpHeaderOffset = l4_at;
        NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) = sum.Value;
    }
}

static BOOLEAN
packet_fill(struct tcpip_packet *packet, struct eng_out *out)
{
    NET_BUFFER_LIST *nbl = packet->nbl;
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    if (!packet_chain(packet, out))
        return FALSE;
    packet->out = out;
    NET_BUFFER_FIRST_MDL(nb) = NET_BUFFER_CURRENT_MDL(nb) = packet->head;
    NET_BUFFER_DATA_OFFSET(nb) = NET_BUFFER_CURRENT_MDL_OFFSET(nb) = 0;
    NET_BUFFER_DATA_LENGTH(nb) = out->head_bytes + out->data_bytes;
    NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_SUCCESS;
    packet_offload(nbl, out);
    return TRUE;
}

// ---- sending --------------------------------------------------------------------------------------------------------------------

VOID
tcpip_tx_queue(struct tcpip_adapter *adapter, struct eng_out *out)
{
    // TCP stops by itself at its windows. What does not (datagrams) is dropped here, as a full queue on the way would.
    if (!adapter->is_running || (adapter->to_send_count >= TCPIP_WAITING_MAX && out->protocol != NET_TCP)) {
        *(adapter->is_running ? &adapter->dropped_full : &adapter->dropped_down) += 1;
        eng_out_put(&tcpip_host.pool, out);
        return;
    }
    list_push_back(&adapter->to_send, &out->link);
    adapter->to_send_count++;
    tcpip_adapter_queue(adapter);
}

// The next packet and a description for it.   locks: host->lock held
static struct tcpip_packet *
tx_take(struct tcpip_adapter *adapter, struct eng_out **out)
{
    struct tcpip_packet *packet = adapter->free;
    if (list_is_empty(&adapter->to_send) || !adapter->is_running)
        return NULL;
    if (packet) {
        adapter->free = packet->next;
    } else {
        packet = adapter->packets < TCPIP_PACKETS_MAX ? packet_create(adapter) : NULL;
        if (!packet)
            return NULL; // a completion serves the adapter again
        adapter->packets++;
    }
    *out = LIST_ENTRY_OF(list_pop_front(&adapter->to_send), struct eng_out, link);
    adapter->to_send_count--;
    adapter->packets_out++;
    return packet;
}

// A packet that never reached NDIS, or came back: the description is free.   locks: host->lock held
static VOID
tx_put(struct tcpip_adapter *adapter, struct tcpip_packet *packet, struct eng_out *out)
{
    eng_out_put(&tcpip_host.pool, out);
    packet->out = NULL;
    packet->next = adapter->free;
    adapter->free = packet;
    adapter->packets_out--;
}

VOID
tcpip_tx_serve(struct tcpip_adapter *adapter)
{
    NET_BUFFER_LIST *first = NULL, **end = &first;
    struct tcpip_packet *packet;
    struct eng_out *out;
    KeAcquireSpinLockAtDpcLevel(&tcpip_host.lock);
    while ((packet = tx_take(adapter, &out))) {
        if (!packet_fill(packet, out)) {
            adapter->failed++;
            tx_put(adapter, packet, out);
            continue;
        }
        tcpip_traffic_count(&adapter->out, out->head[0], out->head_bytes + out->data_bytes);
        *end = packet->nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(packet->nbl);
    }
    *end = NULL;
    KeReleaseSpinLockFromDpcLevel(&tcpip_host.lock);
    if (first)
        NdisSendNetBufferLists(adapter->ndis, first, NDIS_DEFAULT_PORT_NUMBER, NDIS_SEND_FLAGS_DISPATCH_LEVEL);
}

VOID
tcpip_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct tcpip_adapter *adapter = context;
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(flags);
    tcpip_enter(&call);
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        NET_BUFFER_LIST_NEXT_NBL(nbl) = NULL;
        adapter->failed += NET_BUFFER_LIST_STATUS(nbl) != NDIS_STATUS_SUCCESS;
        struct tcpip_packet *packet = packet_of(nbl);
        tx_put(adapter, packet, packet->out);
    }
    tcpip_adapter_queue(adapter); // more may wait for descriptions, and a pause for the last
    tcpip_leave(&call);
}

VOID
tcpip_tx_drop(struct tcpip_adapter *adapter)
{
    struct list *node;
    while ((node = list_pop_front(&adapter->to_send))) {
        eng_out_put(&tcpip_host.pool, LIST_ENTRY_OF(node, struct eng_out, link));
        adapter->dropped_down++;
    }
    adapter->to_send_count = 0;
}

VOID
tcpip_tx_destroy(struct tcpip_adapter *adapter)
{
    struct tcpip_packet *packet;
    while ((packet = adapter->free)) {
        adapter->free = packet->next;
        packet_free(packet);
    }
}
