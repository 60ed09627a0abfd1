// SPDX-License-Identifier: MIT
// Receive side scaling and receive hashes.
//   OID_GEN_RECEIVE_SCALE_PARAMETERS, OID_GEN_RECEIVE_HASH -> checked -> rx->mode.rss; the receiver takes its copy with the next batch
//   rx_indicate -> vnic_rss_spread: a hash into each IP frame's NBL; with RSS, what belongs to another processor leaves the list for
//   that processor's queue, whose DPC indicates it there
// A frame without hash stays on the processor that received it. An NBL in a queue counts as out, so a pause waits for its DPC, which
// gives back instead of indicating when the receiver does not run any more.
// [network/rss-hashing-types, rss-hashing-functions], [ntddndis/ns-ntddndis-_ndis_receive_scale_parameters]
#include "frame.h"
#include "vnic.h"

// The hash of RSS [network/rss-hashing-functions]: for each bit of the input that is set, 32 bits of the key from there on.
ULONG
vnic_toeplitz(const UCHAR key[VNIC_RSS_KEY_BYTES], const UCHAR *input, ULONG bytes)
{
    ULONG hash = 0, window = (ULONG)key[0] << 24 | (ULONG)key[1] << 16 | (ULONG)key[2] << 8 | key[3];
    for (ULONG i = 0; i < bytes; i++)
        for (int bit = 7; bit >= 0; bit--) {
            if (input[i] >> bit & 1)
                hash ^= window;
            window = window << 1 | (i + 4 < VNIC_RSS_KEY_BYTES ? key[i + 4] >> bit & 1 : 0);
        }
    return hash;
}

// The hash of a frame by the types that are wanted. Returns the type used, 0: none applies.
static ULONG
rss_hash(const struct vnic_rss_mode *rss, const UCHAR *frame, ULONG bytes, ULONG *hash)
{
    struct frame_headers where;
    UCHAR input[36];                          // both addresses, both ports, in the order of the headers
    if (!frame_parse(frame, bytes, &where) || !(where.is_ip4 || where.is_ip6))
        return 0;
    ULONG addresses = where.is_ip4 ? 8 : 32;
    memcpy(input, frame + where.l3 + (where.is_ip4 ? 12 : 8), addresses);
    ULONG with_ports = 0, alone = where.is_ip4 ? NDIS_HASH_IPV4 : NDIS_HASH_IPV6;
    if (where.protocol == FRAME_TCP)
        with_ports = where.is_ip4 ? NDIS_HASH_TCP_IPV4 : NDIS_HASH_TCP_IPV6;
    else if (where.protocol == FRAME_UDP)
        with_ports = where.is_ip4 ? NDIS_HASH_UDP_IPV4 : NDIS_HASH_UDP_IPV6;
    if ((rss->hash_types & with_ports) && where.l4 && where.l4 + 4 <= bytes) {
        memcpy(input + addresses, frame + where.l4, 4);
        *hash = vnic_toeplitz(rss->key, input, addresses + 4);
        return with_ports;
    }
    if (!(rss->hash_types & alone))
        return 0;
    *hash = vnic_toeplitz(rss->key, input, addresses);
    return alone;
}

// ---- spreading --------------------------------------------------------------------------------------------------------------------

static void
rss_queue_add(struct vnic_rss_queue *queue, NET_BUFFER_LIST *nbl)
{
    KeAcquireSpinLockAtDpcLevel(&queue->lock);
    vnic_list_add(&queue->list, nbl);
    KeReleaseSpinLockFromDpcLevel(&queue->lock);
}

void
vnic_rss_spread(struct vnic_adapter *adapter, struct vnic_list *list)
{
    const struct vnic_rss_mode *rss = &adapter->rx.mode_now.rss;
    struct vnic_list here = {.end = &here.first};
    ULONG64 others = 0;
    ULONG self = KeGetCurrentProcessorNumberEx(NULL);
    for (NET_BUFFER_LIST *next, *nbl = list->first; nbl; nbl = next) {
        NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
        const UCHAR *frame = MmGetSystemAddressForMdlSafe(NET_BUFFER_CURRENT_MDL(nb), NormalPagePriority);
        ULONG hash = 0, target = self;
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        ULONG type = rss_hash(rss, frame + NET_BUFFER_CURRENT_MDL_OFFSET(nb), NET_BUFFER_DATA_LENGTH(nb), &hash);
        if (type) {
            NET_BUFFER_LIST_SET_HASH_VALUE(nbl, hash);
            NET_BUFFER_LIST_SET_HASH_TYPE(nbl, type);
            NET_BUFFER_LIST_SET_HASH_FUNCTION(nbl, NdisHashFunctionToeplitz);
            NET_BUFFER_LIST_NBL_FLAGS(nbl) |= VNIC_NBL_HAS_HASH;
            if (rss->is_on)
                target = rss->table[hash & (rss->table_count - 1)];
        }
        if (target == self) {
            vnic_list_add(&here, nbl);
            continue;
        }
        rss_queue_add(&adapter->rss_queues[target], nbl);
        others |= 1ull << target;
    }
    *here.end = NULL;
    *list = here;
    if (!here.count)
        list->end = &list->first;
    for (ULONG i = 0; i < adapter->rss_queue_count; i++)
        if (others >> i & 1)
            KeInsertQueueDpc(&adapter->rss_queues[i].dpc, NULL, NULL);
}

static VOID NTAPI
rss_dpc(PKDPC dpc, PVOID context, PVOID unused1, PVOID unused2)
{
    struct vnic_rss_queue *queue = context;
    struct vnic_adapter *adapter = queue->adapter;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(unused1);
    UNREFERENCED_PARAMETER(unused2);
    KeAcquireSpinLockAtDpcLevel(&queue->lock);
    struct vnic_list list = queue->list;
    queue->list = (struct vnic_list){.end = &queue->list.first};
    KeReleaseSpinLockFromDpcLevel(&queue->lock);
    if (!list.count)
        return;
    *list.end = NULL;
    KeAcquireSpinLockAtDpcLevel(&adapter->rx.lock);
    BOOLEAN running = adapter->rx.state == VNIC_RUNNING;
    if (!running)
        adapter->rx.counters.discards += list.count;
    KeReleaseSpinLockFromDpcLevel(&adapter->rx.lock);
    if (running)
        vnic_list_indicate(adapter, &list);
    else
        vnic_return(adapter, list.first, NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
}

// ---- setting ----------------------------------------------------------------------------------------------------------------------

// TRUE: offset and size lie within these bytes, behind the structure.
static BOOLEAN
rss_is_within(ULONG offset, ULONG size, ULONG head, ULONG bytes)
{
    return offset >= head && offset <= bytes && size <= bytes - offset;
}

static NDIS_STATUS
rss_hash_set(struct vnic_rss_mode *rss, ULONG information)
{
    ULONG types = NDIS_RSS_HASH_TYPE_FROM_HASH_INFO(information);
    if (NDIS_RSS_HASH_FUNC_FROM_HASH_INFO(information) != NdisHashFunctionToeplitz || !types || (types & ~(ULONG)VNIC_RSS_TYPES))
        return NDIS_STATUS_INVALID_PARAMETER;
    rss->hash_types = types;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
rss_key_set(struct vnic_rss_mode *rss, const UCHAR *data, ULONG offset, ULONG size, ULONG head, ULONG bytes)
{
    if (size != VNIC_RSS_KEY_BYTES || !rss_is_within(offset, size, head, bytes))
        return NDIS_STATUS_INVALID_PARAMETER;
    memcpy(rss->key, data + offset, size);
    return NDIS_STATUS_SUCCESS;
}

// The processors of the table. When they are more than there are queues, a subset of them stands for all.
static NDIS_STATUS
rss_table_set(const struct vnic_adapter *adapter, struct vnic_rss_mode *rss, const UCHAR *data, ULONG offset, ULONG size, ULONG bytes)
{
    ULONG count = size / sizeof(PROCESSOR_NUMBER);
    UCHAR chosen[VNIC_RSS_QUEUES_MAX];
    ULONG chosen_count = 0;
    if (!count || size % sizeof(PROCESSOR_NUMBER) || count > VNIC_RSS_TABLE || (count & (count - 1)) ||
        !rss_is_within(offset, size, NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2, bytes))
        return NDIS_STATUS_INVALID_PARAMETER;
    for (ULONG i = 0; i < count; i++) {
        PROCESSOR_NUMBER processor;
        ULONG known = 0;
        memcpy(&processor, data + offset + i * sizeof processor, sizeof processor);
        if (processor.Group || processor.Number >= adapter->rss_queue_count)
            return NDIS_STATUS_INVALID_PARAMETER;
        while (known < chosen_count && chosen[known] != processor.Number)
            known++;
        if (known == chosen_count && chosen_count < adapter->settings.rss_queues)
            chosen[chosen_count++] = processor.Number;
        rss->table[i] = known < chosen_count ? chosen[known] : chosen[processor.Number % chosen_count];
    }
    rss->table_count = count;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
rss_parameters_take(const struct vnic_adapter *adapter, struct vnic_rss_mode *rss, const UCHAR *data, ULONG bytes)
{
    NDIS_RECEIVE_SCALE_PARAMETERS p;
    const ULONG head = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2;
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    memcpy(&p, data, head);
    if (p.Header.Type != NDIS_OBJECT_TYPE_RSS_PARAMETERS || p.Header.Revision < NDIS_RECEIVE_SCALE_PARAMETERS_REVISION_2)
        return NDIS_STATUS_INVALID_PARAMETER;
    rss->is_on = !(p.Flags & NDIS_RSS_PARAM_FLAG_DISABLE_RSS) &&
                 ((p.Flags & NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED) ? rss->is_on
                                                                      : NDIS_RSS_HASH_FUNC_FROM_HASH_INFO(p.HashInformation) != 0);
    if (!rss->is_on) {
        rss->hash_types = 0;
        return NDIS_STATUS_SUCCESS;
    }
    if (!(p.Flags & NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED))
        status = rss_hash_set(rss, p.HashInformation);
    if (status == NDIS_STATUS_SUCCESS && !(p.Flags & NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED))
        status = rss_key_set(rss, data, p.HashSecretKeyOffset, p.HashSecretKeySize, head, bytes);
    if (status == NDIS_STATUS_SUCCESS && !(p.Flags & NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED))
        status = rss_table_set(adapter, rss, data, p.IndirectionTableOffset, p.IndirectionTableSize, bytes);
    return status == NDIS_STATUS_SUCCESS && !rss->table_count ? NDIS_STATUS_INVALID_PARAMETER : status;
}

static void
rss_mode_set(struct vnic_adapter *adapter, const struct vnic_rss_mode *mode)
{
    KIRQL old;
    KeAcquireSpinLock(&adapter->rx.lock, &old);
    adapter->rx.mode.rss = *mode;
    adapter->rx.mode_changed = TRUE;
    KeReleaseSpinLock(&adapter->rx.lock, old);
}

NDIS_STATUS
vnic_rss_set(struct vnic_adapter *adapter, const void *data, ULONG bytes)
{
    struct vnic_rss_mode mode = adapter->rx.mode.rss;   // only OID requests change it, one at a time
    if (!adapter->rss_queue_count)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (bytes < NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2)
        return NDIS_STATUS_INVALID_LENGTH;
    BOOLEAN hashing = mode.hash_types && !mode.is_on;
    NDIS_STATUS status = rss_parameters_take(adapter, &mode, data, bytes);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    if (hashing && mode.is_on)
        return NDIS_STATUS_INVALID_OID;       // OID_GEN_RECEIVE_HASH has to be switched off first
    if (!hashing)
        rss_mode_set(adapter, &mode);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
vnic_hash_set(struct vnic_adapter *adapter, const void *data, ULONG bytes)
{
    struct vnic_rss_mode mode = adapter->rx.mode.rss;
    NDIS_RECEIVE_HASH_PARAMETERS p;
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    if (!adapter->rss_queue_count)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (bytes < NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1)
        return NDIS_STATUS_INVALID_LENGTH;
    memcpy(&p, data, NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1);
    if (p.Header.Type != NDIS_OBJECT_TYPE_DEFAULT || p.Header.Revision < NDIS_RECEIVE_HASH_PARAMETERS_REVISION_1)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (mode.is_on)
        return p.Flags & NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH ? NDIS_STATUS_INVALID_OID : NDIS_STATUS_SUCCESS;
    if (!(p.Flags & NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH)) {
        mode.hash_types = 0;
    } else {
        if (!(p.Flags & NDIS_RECEIVE_HASH_FLAG_HASH_INFO_UNCHANGED))
            status = rss_hash_set(&mode, p.HashInformation);
        if (status == NDIS_STATUS_SUCCESS && !(p.Flags & NDIS_RECEIVE_HASH_FLAG_HASH_KEY_UNCHANGED))
            status = rss_key_set(&mode, data, p.HashSecretKeyOffset, p.HashSecretKeySize,
                                 NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1, bytes);
    }
    if (status == NDIS_STATUS_SUCCESS)
        rss_mode_set(adapter, &mode);
    return status;
}

// ---- making and freeing -----------------------------------------------------------------------------------------------------------

NDIS_STATUS
vnic_rss_create(struct vnic_adapter *adapter)
{
    if (!adapter->settings.rss)
        return NDIS_STATUS_SUCCESS;
    ULONG count = NdisGroupActiveProcessorCount(0);
    adapter->rss_queues = vnic_alloc(adapter, count * sizeof *adapter->rss_queues);
    if (!adapter->rss_queues)
        return NDIS_STATUS_RESOURCES;
    for (ULONG i = 0; i < count; i++) {
        struct vnic_rss_queue *queue = &adapter->rss_queues[i];
        PROCESSOR_NUMBER processor = {.Number = (UCHAR)i};
        queue->adapter = adapter;
        queue->list.end = &queue->list.first;
        KeInitializeSpinLock(&queue->lock);
        KeInitializeDpc(&queue->dpc, rss_dpc, queue);
        KeSetTargetProcessorDpcEx(&queue->dpc, &processor);
    }
    adapter->rss_queue_count = count;
    if (adapter->settings.rss_queues > count)
        adapter->settings.rss_queues = count;
    return NDIS_STATUS_SUCCESS;
}

// The port is closed: nothing comes any more.
void
vnic_rss_destroy(struct vnic_adapter *adapter)
{
    vnic_free(adapter, adapter->rss_queues);
    adapter->rss_queue_count = 0;
}

void
vnic_rss_capabilities(const struct vnic_adapter *adapter, NDIS_RECEIVE_SCALE_CAPABILITIES *capabilities)
{
    *capabilities = (NDIS_RECEIVE_SCALE_CAPABILITIES){
        .Header = {NDIS_OBJECT_TYPE_RSS_CAPABILITIES, NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_2,
                   NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_2},
        .CapabilitiesFlags = NDIS_RSS_CAPS_CLASSIFICATION_AT_DPC | NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV4 | NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6 |
                             NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV4 | NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV6 | NdisHashFunctionToeplitz,
        .NumberOfInterruptMessages = 1,
        .NumberOfReceiveQueues = adapter->settings.rss_queues,
        .NumberOfIndirectionTableEntries = VNIC_RSS_TABLE};
}
