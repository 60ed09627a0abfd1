// SPDX-License-Identifier: MIT
// Neighbors, paths and connections. Each is linked to what it stands on (connection -> path -> neighbor), as its packets are built
// [wdd network/offload-target-s-internal-state-trees]; what has dependents is freed only after them, which the host sees to.
//   toe_xxx_create       limits first, each with its own status; on failure nothing is taken, nor touched in the host's chain
//   toe_object_query     what the host asks for      toe_object_update    cached members      toe_object_invalidate
//   toe_connection_give_back: acknowledgement, record, outstanding sends, buffered data [wdd network/terminating-offload-state]
#include <errno.h>

#include "toe.h"

#define MSS_LEAST 64                      // a peer that takes less is not worth a connection here
#define RCV_MSS_HEADERS 120

// ---- neighbors

static ULONG64
ago_us(const struct vnic_toe *toe, uint64_t now_us, ULONG ticks)
{
    return now_us - ticks * toe_tick_us(toe);   // wraps, and so does the difference that is taken of it
}

static ULONG
ticks_since(const struct vnic_toe *toe, uint64_t now_us, ULONG64 then_us)
{
    return (ULONG)((now_us - then_us) / toe_tick_us(toe));
}

static BOOLEAN
address_is_zero(const UCHAR *address)
{
    for (ULONG i = 0; i < 32; i++)
        if (address[i])
            return FALSE;
    return TRUE;
}

static NDIS_STATUS
vlan_take(struct vnic_toe *toe, USHORT vlan)
{
    const struct vnic_settings *s = &toe->adapter->settings;
    ULONG free_one = TOE_SOURCES_MAX, used = 0;
    if (!vlan)
        return NDIS_STATUS_SUCCESS;
    if (s->toe_vlan_id && s->toe_vlan_id != vlan)
        return NDIS_STATUS_OFFLOAD_VLAN_MISMATCH;
    for (ULONG i = 0; i < TOE_SOURCES_MAX; i++) {
        if (toe->vlans[i].uses && toe->vlans[i].id == vlan) {
            toe->vlans[i].uses++;
            return NDIS_STATUS_SUCCESS;
        }
        used += toe->vlans[i].uses != 0;
        if (!toe->vlans[i].uses && free_one == TOE_SOURCES_MAX)
            free_one = i;
    }
    if (used >= s->toe_vlans)
        return NDIS_STATUS_OFFLOAD_VLAN_ENTRIES;
    toe->vlans[free_one].id = vlan;
    toe->vlans[free_one].uses = 1;
    return NDIS_STATUS_SUCCESS;
}

static VOID
vlan_put(struct vnic_toe *toe, USHORT vlan)
{
    for (ULONG i = 0; vlan && i < TOE_SOURCES_MAX; i++)
        if (toe->vlans[i].uses && toe->vlans[i].id == vlan)
            toe->vlans[i].uses--;
}

NDIS_STATUS
toe_neighbor_create(struct vnic_toe *toe, struct toe_call *call, const struct chim_parts *parts, NDIS_HANDLE ndis,
                    struct toe_neighbor **object)
{
    const NEIGHBOR_OFFLOAD_STATE_CONST *constant = parts->constant;
    const NEIGHBOR_OFFLOAD_STATE_CACHED *cached = parts->cached;
    const NEIGHBOR_OFFLOAD_STATE_DELEGATED *delegated = parts->delegated;
    if (toe->neighbors >= toe->adapter->settings.toe_neighbors)
        return NDIS_STATUS_OFFLOAD_NEIGHBOR_ENTRIES;
    // The receiver knows one address of its own, so a connection has no other either.
    if (!address_is_zero(constant->DlSourceAddress) && memcmp(constant->DlSourceAddress, toe->adapter->mac, CHIM_MAC_BYTES))
        return NDIS_STATUS_OFFLOAD_HW_ADDRESS_ENTRIES;
    NDIS_STATUS status = vlan_take(toe, (USHORT)constant->VlanId);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    struct toe_neighbor *neighbor = toe_alloc(toe, sizeof *neighbor);
    if (!neighbor) {
        vlan_put(toe, (USHORT)constant->VlanId);
        return NDIS_STATUS_RESOURCES;
    }
    neighbor->object = (struct toe_object){CHIM_NEIGHBOR, ndis, FALSE};
    neighbor->vlan = (USHORT)constant->VlanId;
    memcpy(neighbor->mac, cached->DlDestinationAddress, CHIM_MAC_BYTES);
    neighbor->host_us = ago_us(toe, call->now_us, cached->HostReachabilityDelta);
    neighbor->nic_us = ago_us(toe, call->now_us, delegated->NicReachabilityDelta);
    toe->neighbors++;
    *object = neighbor;
    return NDIS_STATUS_SUCCESS;
}

static VOID
neighbor_query(struct vnic_toe *toe, struct toe_call *call, const struct toe_neighbor *neighbor, const struct chim_parts *parts)
{
    NEIGHBOR_OFFLOAD_STATE_CONST *constant = parts->constant;
    NEIGHBOR_OFFLOAD_STATE_CACHED *cached = parts->cached;
    NEIGHBOR_OFFLOAD_STATE_DELEGATED *delegated = parts->delegated;
    if (constant) {
        NdisZeroMemory(constant->DlSourceAddress, sizeof constant->DlSourceAddress);
        memcpy(constant->DlSourceAddress, toe->adapter->mac, CHIM_MAC_BYTES);
        constant->VlanId = neighbor->vlan;
    }
    if (cached) {
        NdisZeroMemory(cached->DlDestinationAddress, sizeof cached->DlDestinationAddress);
        memcpy(cached->DlDestinationAddress, neighbor->mac, CHIM_MAC_BYTES);
        cached->HostReachabilityDelta = ticks_since(toe, call->now_us, neighbor->host_us);
    }
    if (delegated)
        delegated->NicReachabilityDelta = ticks_since(toe, call->now_us, neighbor->nic_us);
}

// ---- paths

static NDIS_STATUS
source_take(struct vnic_toe *toe, const struct eng_address *address)
{
    ULONG free_one = TOE_SOURCES_MAX, used = 0;
    for (ULONG i = 0; i < TOE_SOURCES_MAX; i++) {
        if (toe->sources[i].uses && eng_address_is_equal(&toe->sources[i].address, address)) {
            toe->sources[i].uses++;
            return NDIS_STATUS_SUCCESS;
        }
        used += toe->sources[i].uses != 0;
        if (!toe->sources[i].uses && free_one == TOE_SOURCES_MAX)
            free_one = i;
    }
    if (used >= toe->adapter->settings.toe_sources)
        return NDIS_STATUS_OFFLOAD_IP_ADDRESS_ENTRIES;
    toe->sources[free_one].address = *address;
    toe->sources[free_one].uses = 1;
    return NDIS_STATUS_SUCCESS;
}

static VOID
source_put(struct vnic_toe *toe, const struct eng_address *address)
{
    for (ULONG i = 0; i < TOE_SOURCES_MAX; i++)
        if (toe->sources[i].uses && eng_address_is_equal(&toe->sources[i].address, address))
            toe->sources[i].uses--;
}

VOID
toe_path_link(struct toe_path *path, struct toe_neighbor *neighbor)
{
    if (path->neighbor)
        path->neighbor->paths--;
    path->neighbor = neighbor;
    neighbor->paths++;
}

NDIS_STATUS
toe_path_create(struct vnic_toe *toe, const struct chim_parts *parts, NDIS_HANDLE ndis, struct toe_neighbor *neighbor,
                struct toe_path **object)
{
    const PATH_OFFLOAD_STATE_CONST *constant = parts->constant;
    const PATH_OFFLOAD_STATE_CACHED *cached = parts->cached;
    if (!constant->SourceAddress || !constant->DestinationAddress || !toe->is_on[parts->family == ENG_IP6])
        return NDIS_STATUS_FAILURE;
    struct eng_address local = chim_address_get(constant->SourceAddress, parts->family);
    struct eng_address remote = chim_address_get(constant->DestinationAddress, parts->family);
    if (toe->paths >= toe->adapter->settings.toe_paths)
        return NDIS_STATUS_OFFLOAD_PATH_ENTRIES;
    if (cached->PathMtu > toe->adapter->settings.max_frame_bytes - VNIC_HEADER_BYTES)
        return NDIS_STATUS_OFFLOAD_PATH_MTU;
    NDIS_STATUS status = source_take(toe, &local);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    struct toe_path *path = toe_alloc(toe, sizeof *path);
    if (!path) {
        source_put(toe, &local);
        return NDIS_STATUS_RESOURCES;
    }
    path->object = (struct toe_object){CHIM_PATH, ndis, FALSE};
    path->local = local;
    path->remote = remote;
    path->mtu_bytes = cached->PathMtu;
    toe_path_link(path, neighbor);
    toe->paths++;
    *object = path;
    return NDIS_STATUS_SUCCESS;
}

static struct tcp_path
tcp_path_of(const struct vnic_toe *toe, const struct toe_connection *c)
{
    struct tcp_path path = {.mtu_bytes = c->path->mtu_bytes, .interface_index = c->index};
    vnic_down_path(toe->adapter, c->path->local.family, &path);
    return path;
}

// The MTU of a path changed: its connections hear of it.
static NDIS_STATUS
path_update(struct vnic_toe *toe, struct toe_call *call, struct toe_path *path, const PATH_OFFLOAD_STATE_CACHED *cached)
{
    if (cached->PathMtu > toe->adapter->settings.max_frame_bytes - VNIC_HEADER_BYTES || cached->PathMtu < RCV_MSS_HEADERS)
        return NDIS_STATUS_FAILURE;
    path->mtu_bytes = cached->PathMtu;
    for (LIST_ENTRY *entry = toe->all.Flink; entry != &toe->all; entry = entry->Flink) {
        struct toe_connection *c = CONTAINING_RECORD(entry, struct toe_connection, all_link);
        struct tcp_path changed = tcp_path_of(toe, c);
        if (c->path == path && c->tcp)
            (void)tcp_set_path(c->tcp, &changed, call->now_us, &call->outbox);
    }
    return NDIS_STATUS_SUCCESS;
}

// ---- connections

static BOOLEAN
table_grow(struct vnic_toe *toe)
{
    ULONG room = toe->table_room ? 2 * toe->table_room : 16;
    struct toe_connection **table = toe_alloc(toe, room * sizeof *table);
    if (!table)
        return FALSE;
    if (toe->table)
        memcpy(table, toe->table, toe->table_room * sizeof *table);
    toe_free(toe, toe->table);
    toe->table_free = toe->table_room ? toe->table_room : 1;
    toe->table = table;
    toe->table_room = room;
    return TRUE;
}

// A place in the table; 0: no memory.
static ULONG
table_place(struct vnic_toe *toe)
{
    for (ULONG i = 0; i < toe->table_room; i++) {
        ULONG at = (toe->table_free + i) % toe->table_room;
        if (at && !toe->table[at]) {
            toe->table_free = at + 1;
            return at;
        }
        if (i == 64 && toe->connections + 1 >= toe->table_room)
            break;
    }
    return table_grow(toe) ? toe->table_free++ : 0;
}

// The chain of outstanding sends becomes descriptions; the chain itself stays as it is until the connection is ours.
static NDIS_STATUS
chain_take(struct toe_connection *c, NET_BUFFER_LIST *chain, struct tcp_handover *handover)
{
    for (NET_BUFFER_LIST *nbl = chain; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        if (c->toe->send_count >= c->toe->adapter->settings.toe_sends)
            return NDIS_STATUS_OFFLOAD_TCP_XMIT_BUFFER;
        struct toe_send *s = toe_send_create(c, nbl);
        if (!s)
            return NDIS_STATUS_RESOURCES;
        InsertTailList(&c->sends, &s->link);
        if (!s->send.bytes) {
            s->is_ended = s->is_released = TRUE;
            s->owner.holds = 0;
            continue;
        }
        s->is_in_engine = TRUE;
        s->owner.holds += s->send.n_spans;    // an engine's holds, which an import finds already there
        list_push_back(&handover->sends, &s->send.link);
    }
    return NDIS_STATUS_SUCCESS;
}

// What the host buffered, as spans without an owner: the engine copies them.
static struct eng_span *
buffered_spans(struct vnic_toe *toe, NET_BUFFER_LIST *chain, ULONG *count, BOOLEAN *failed)
{
    ULONG room = 0;
    *count = 0;
    *failed = FALSE;
    for (NET_BUFFER_LIST *nbl = chain; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        room += chim_nbl_span_count(nbl);
    if (!room)
        return NULL;
    struct eng_span *spans = toe_alloc(toe, room * sizeof *spans);
    for (NET_BUFFER_LIST *nbl = chain; spans && nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        ULONG here = chim_nbl_spans(nbl, spans + *count, room - *count, NULL);
        if (!here && chim_nbl_bytes(nbl))
            *failed = TRUE;
        *count += here;
    }
    *failed |= !spans;
    return spans;
}

static NDIS_STATUS
connection_import(struct toe_connection *c, struct toe_call *call, struct tcp_handover *handover, NET_BUFFER_LIST *buffered)
{
    struct vnic_toe *toe = c->toe;
    struct tcp_open open = {.path = tcp_path_of(toe, c), .context = c};
    ULONG count;
    BOOLEAN failed;
    struct eng_span *spans = buffered_spans(toe, buffered, &count, &failed);
    if (failed) {
        toe_free(toe, spans);
        return NDIS_STATUS_FAILURE;       // [wdd network/handling-buffered-receive-data-during-and-after-an-offload-operation]
    }
    int error = tcp_import(toe->tcp, handover, &open, spans, count, call->now_us, &call->outbox, &c->tcp);
    toe_free(toe, spans);
    if (!error)
        return NDIS_STATUS_SUCCESS;
    return error == -ENOMEM && !buffered ? NDIS_STATUS_RESOURCES : NDIS_STATUS_FAILURE;
}

// What must hold before anything is taken. SUCCESS, or the block's Status.
static NDIS_STATUS
connection_check(const struct vnic_toe *toe, const struct chim_parts *parts)
{
    const struct vnic_settings *s = &toe->adapter->settings;
    const TCP_OFFLOAD_STATE_CONST *constant = parts->constant;
    const TCP_OFFLOAD_STATE_CACHED *cached = parts->cached;
    const TCP_OFFLOAD_STATE_DELEGATED *delegated = parts->delegated;
    if (toe->connections >= s->toe_connections)
        return NDIS_STATUS_OFFLOAD_TCP_ENTRIES;
    if (cached->InitialRcvWnd > s->toe_window_bytes)
        return NDIS_STATUS_OFFLOAD_TCP_RCV_WINDOW;
    if (toe->window_bytes + cached->InitialRcvWnd > s->toe_receive_kb * 1024ull)
        return NDIS_STATUS_OFFLOAD_TCP_RCV_BUFFER;
    if (!chim_state_travels(delegated->State))
        return NDIS_STATUS_FAILURE;
    return constant->RemoteMss < MSS_LEAST ? NDIS_STATUS_OFFLOAD_CONNECTION_REJECTED : NDIS_STATUS_SUCCESS;
}

static struct toe_connection *
connection_alloc(struct vnic_toe *toe, struct toe_path *path, NDIS_HANDLE ndis)
{
    ULONG index = table_place(toe);
    struct toe_connection *c = index ? toe_alloc(toe, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->object = (struct toe_object){CHIM_TCP, ndis, FALSE};
    c->toe = toe;
    c->path = path;
    c->index = index;
    InitializeListHead(&c->sends);
    InitializeListHead(&c->news_link);
    InitializeListHead(&c->packet_link);
    InitializeListHead(&c->fresh_link);
    InitializeListHead(&c->push_link);
    toe->table[index] = c;
    InsertTailList(&toe->all, &c->all_link);
    path->connections++;
    toe->connections++;
    return c;
}

// Nothing of it is with the engine any more; its sends, if any are left, are the host's as they were.
static VOID
connection_free(struct toe_connection *c)
{
    struct vnic_toe *toe = c->toe;
    while (!IsListEmpty(&c->sends)) {
        struct toe_send *s = CONTAINING_RECORD(RemoveHeadList(&c->sends), struct toe_send, link);
        toe_send_free(s);
    }
    toe_push_stop(c);
    RemoveEntryList(&c->news_link);
    RemoveEntryList(&c->packet_link);
    RemoveEntryList(&c->fresh_link);
    RemoveEntryList(&c->all_link);
    toe->table[c->index] = NULL;
    toe->window_bytes -= c->initial_window;
    c->path->connections--;
    toe->connections--;
    toe_free(toe, c);
}

NDIS_STATUS
toe_connection_create(struct vnic_toe *toe, struct toe_call *call, const struct chim_parts *parts,
                      const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, struct toe_path *path, struct toe_connection **object)
{
    const TCP_OFFLOAD_STATE_CACHED *cached = parts->cached;
    const TCP_OFFLOAD_STATE_DELEGATED *delegated = parts->delegated;
    struct tcp_handover handover = {.record.constant = {.local = path->local, .remote = path->remote}};
    NDIS_STATUS status = connection_check(toe, parts);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    if (!chim_constant_get(parts->constant, &handover.record.constant) || !chim_delegated_get(delegated, &handover.record.delegated))
        return NDIS_STATUS_FAILURE;
    chim_cached_get(cached, &handover.record.cached);
    list_init(&handover.sends);
    struct toe_connection *c = connection_alloc(toe, path, block->NdisOffloadHandle);
    if (!c)
        return NDIS_STATUS_RESOURCES;
    // SendDataHead says where the data begins; what stands before it in the chain has none.
    status = chain_take(c, block->NetBufferListChain, &handover);
    if (status == NDIS_STATUS_SUCCESS)
        status = connection_import(c, call, &handover, delegated->BufferedData);
    if (status != NDIS_STATUS_SUCCESS) {
        connection_free(c);
        return status;
    }
    for (LIST_ENTRY *entry = c->sends.Flink; entry != &c->sends; entry = entry->Flink)
        NET_BUFFER_LIST_NEXT_NBL(CONTAINING_RECORD(entry, struct toe_send, link)->nbl) = NULL;
    c->initial_window = cached->InitialRcvWnd;
    toe->window_bytes += c->initial_window;
    c->user_priority = cached->UserPriority;
    c->last_us = call->now_us;
    c->max_seq = delegated->SndMax;
    c->has_max_seq = TRUE;
    InterlockedIncrement(&toe->adapter->toe_live);
    *object = c;
    return NDIS_STATUS_SUCCESS;
}

BOOLEAN
toe_is_valid(const struct toe_connection *c)
{
    return !c->object.is_invalid && !c->path->object.is_invalid && !c->path->neighbor->object.is_invalid;
}

static VOID
connection_query(struct toe_connection *c, struct toe_call *call, const struct chim_parts *parts)
{
    struct tcp_record record;
    tcp_query(c->tcp, call->now_us, &record);
    if (parts->constant)
        chim_constant_put(&record.constant, parts->constant);
    if (parts->cached) {
        chim_cached_put(&record.cached, parts->cached);
        ((TCP_OFFLOAD_STATE_CACHED *)parts->cached)->UserPriority = c->user_priority;
    }
    if (parts->delegated) {
        TCP_OFFLOAD_STATE_DELEGATED *delegated = parts->delegated;
        struct tcp_receive_view view;
        tcp_receive_view(c->tcp, &view);
        chim_delegated_put(&record.delegated, delegated);
        delegated->SendBacklogSize = c->backlog_bytes ? c->backlog_bytes : TOE_BACKLOG_LEAST;
        delegated->ReceiveBacklogSize = view.bytes;
    }
}

static NDIS_STATUS
connection_update(struct toe_connection *c, struct toe_call *call, const TCP_OFFLOAD_STATE_CACHED *state)
{
    struct vnic_toe *toe = c->toe;
    const struct vnic_settings *s = &toe->adapter->settings;
    struct tcp_cached cached;
    ULONG64 others = toe->window_bytes - c->initial_window;
    chim_cached_get(state, &cached);
    if (cached.initial_rcv_wnd > s->toe_window_bytes || others + cached.initial_rcv_wnd > s->toe_receive_kb * 1024ull ||
        tcp_update(c->tcp, &cached, call->now_us, &call->outbox))
        return NDIS_STATUS_FAILURE;
    c->initial_window = cached.initial_rcv_wnd;
    toe->window_bytes = others + c->initial_window;
    c->user_priority = cached.user_priority;
    return NDIS_STATUS_SUCCESS;
}

// ---- of any layer

VOID
toe_object_query(struct vnic_toe *toe, struct toe_call *call, struct toe_object *object, const struct chim_parts *parts)
{
    if (object->layer == CHIM_NEIGHBOR) {
        neighbor_query(toe, call, (struct toe_neighbor *)object, parts);
    } else if (object->layer == CHIM_TCP) {
        connection_query((struct toe_connection *)object, call, parts);
    } else {
        const struct toe_path *path = (struct toe_path *)object;
        PATH_OFFLOAD_STATE_CONST *constant = parts->constant;
        if (constant) {
            constant->SourceAddress = path->local.bytes;    // where they stay while the path is offloaded
            constant->DestinationAddress = path->remote.bytes;
        }
        if (parts->cached)
            ((PATH_OFFLOAD_STATE_CACHED *)parts->cached)->PathMtu = path->mtu_bytes;
    }
}

NDIS_STATUS
toe_object_update(struct vnic_toe *toe, struct toe_call *call, struct toe_object *object, const struct chim_parts *parts)
{
    if (object->layer == CHIM_PATH)
        return path_update(toe, call, (struct toe_path *)object, parts->cached);
    if (object->layer == CHIM_TCP)
        return connection_update((struct toe_connection *)object, call, parts->cached);
    struct toe_neighbor *neighbor = (struct toe_neighbor *)object;
    const NEIGHBOR_OFFLOAD_STATE_CACHED *cached = parts->cached;
    memcpy(neighbor->mac, cached->DlDestinationAddress, CHIM_MAC_BYTES);
    neighbor->host_us = ago_us(toe, call->now_us, cached->HostReachabilityDelta);
    return NDIS_STATUS_SUCCESS;
}

// No more of its segments leave (toe_tx.c looks), and the host is asked to take back what depends on it
// [wdd network/handling-invalidated-state-objects].
VOID
toe_object_invalidate(struct vnic_toe *toe, struct toe_object *object)
{
    object->is_invalid = TRUE;
    for (LIST_ENTRY *entry = toe->all.Flink; entry != &toe->all; entry = entry->Flink) {
        struct toe_connection *c = CONTAINING_RECORD(entry, struct toe_connection, all_link);
        if (!toe_is_valid(c))
            toe_retrieve(c, InvalidState);
    }
}

VOID
toe_object_free(struct vnic_toe *toe, struct toe_object *object)
{
    if (object->layer == CHIM_NEIGHBOR) {
        struct toe_neighbor *neighbor = (struct toe_neighbor *)object;
        if (neighbor->is_asking)
            RemoveEntryList(&neighbor->ask_link);
        vlan_put(toe, neighbor->vlan);
        toe->neighbors--;
        toe_free(toe, neighbor);
    } else if (object->layer == CHIM_PATH) {
        struct toe_path *path = (struct toe_path *)object;
        source_put(toe, &path->local);
        path->neighbor->paths--;
        toe->paths--;
        toe_free(toe, path);
    } else {
        connection_free((struct toe_connection *)object);
    }
}

// ---- giving back

// What the host finds the connection in. Timeouts that end it, and a SYN at RCV.NXT, leave it CLOSED.
static VOID
state_adjust(struct tcp_delegated *delegated, const struct tcp_info *info)
{
    if (info->upload == TCP_UPLOAD_TIMEOUT && delegated->state == TCP_FIN_WAIT_2)
        delegated->state = TCP_CLOSED;    // [wdd network/fin-wait-2-timer]
    if (info->upload == TCP_UPLOAD_STATE && delegated->state != TCP_TIME_WAIT)
        delegated->state = TCP_CLOSED;    // [wdd network/handling-the-reception-of-syn-segments]
}

static BOOLEAN
sends_are_free(const struct toe_connection *c)
{
    for (LIST_ENTRY *entry = c->sends.Flink; entry != &c->sends; entry = entry->Flink) {
        const struct toe_send *s = CONTAINING_RECORD(entry, struct toe_send, link);
        // Its own hold, and one for each span that an exported send still has: more are packets on their way to the port.
        ULONG holds = s->is_ended ? 0 : 1 + (s->is_in_engine ? s->send.n_spans : 0);
        if (s->owner.holds > holds)
            return FALSE;
    }
    return TRUE;
}

// The sends that have not ended, in their order, from the first byte that nobody acknowledged on. A disconnect's NBL is none of them.
static VOID
chain_give(struct toe_connection *c, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, TCP_OFFLOAD_STATE_DELEGATED *delegated)
{
    NET_BUFFER_LIST **end = &block->NetBufferListChain, *last = NULL;
    *end = NULL;
    for (LIST_ENTRY *entry = c->sends.Flink; entry != &c->sends; entry = entry->Flink) {
        struct toe_send *s = CONTAINING_RECORD(entry, struct toe_send, link);
        chim_nbl_advance(s->nbl, s->send.acked_bytes);
        s->owner.holds = 0;
        last = *end = s->nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(s->nbl);
    }
    for (NET_BUFFER_LIST *nbl; (nbl = toe_list_pop(&c->waiting));) {
        last = *end = nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
    }
    *end = NULL;
    if (delegated) {
        delegated->SendDataHead = block->NetBufferListChain;
        delegated->SendDataTail = last;
    }
}

// Received bytes that nobody had, by reference: the NBLs come back by MiniportTcpOffloadReceiveReturn. FALSE: memory is short, and nothing
// has been given.
static BOOLEAN
buffered_give(struct toe_connection *c, TCP_OFFLOAD_STATE_DELEGATED *delegated)
{
    struct eng_span spans[TOE_UP_SPANS];
    NET_BUFFER_LIST **end = &delegated->BufferedData, *next;
    ULONG at = 0;
    size_t count;
    *end = NULL;
    while ((count = tcp_receive_spans(c->tcp, at, spans, TOE_UP_SPANS))) {
        ULONG bytes, fits = toe_up_fit(spans, (ULONG)count, 0, &bytes);
        struct toe_up *up = toe_up_get(c->toe, spans, fits, bytes);
        if (!up)
            break;
        *end = up->nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(up->nbl);
        at += bytes;
    }
    for (NET_BUFFER_LIST *nbl = count ? delegated->BufferedData : NULL; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        toe_up_put(c->toe, NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[0]);
    }
    if (count)
        delegated->BufferedData = NULL;
    return !count;
}

BOOLEAN
toe_connection_give_back(struct vnic_toe *toe, struct toe_call *call, struct toe_connection *c)
{
    struct chim_parts parts;
    (void)chim_parts(c->terminate, &parts);
    if (parts.constant)
        parts.delegated = NULL;           // state lies behind a delegated type only
    if (!c->is_given_back) {
        struct tcp_handover handover;
        struct tcp_info info;
        tcp_info(c->tcp, &info);
        c->is_given_back = TRUE;
        // Delayed acknowledgements leave, the timers stop. A connection that is over already has its record only.
        if (tcp_export(c->tcp, call->now_us, &call->outbox, &handover))
            tcp_query(c->tcp, call->now_us, &handover.record);
        state_adjust(&handover.record.delegated, &info);
        if (c->is_lost)
            toe_sends_abandon(c, NDIS_STATUS_REQUEST_ABORTED);
        else if (parts.delegated)
            chim_delegated_put(&handover.record.delegated, parts.delegated);
        toe_settle(toe, call);
        toe_post(c);                      // what this ended is completed first
        return FALSE;
    }
    if (!sends_are_free(c)) {
        if (IsListEmpty(&c->packet_link))
            InsertTailList(&toe->packets_out, &c->packet_link);
        return FALSE;
    }
    if (toe_disconnect_end(c, NDIS_STATUS_UPLOAD_IN_PROGRESS)) {
        toe_post(c);
        return FALSE;
    }
    if (parts.delegated && !c->is_lost && !buffered_give(c, parts.delegated)) {
        toe->later_us = call->now_us + TOE_LATER_US;
        return FALSE;
    }
    chain_give(c, c->terminate, parts.delegated);
    tcp_release(c->tcp, call->now_us, &call->outbox);
    c->tcp = NULL;
    InterlockedDecrement(&toe->adapter->toe_live);
    toe_tree_given_back(c, c->is_lost ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS);
    return TRUE;
}
