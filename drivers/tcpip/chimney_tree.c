// SPDX-License-Identifier: MIT
// The neighbours and paths that a target has, and trees of block lists: neighbours, below them paths, below those connections.
//   tcpip_tree_add: the connection's block under its path's under its neighbour's, which are made once a tree
//   tcpip_tree_close: what each neighbour's and path's block is [placeholders--linkers--and-new-offloads]
//       initiating    new to the target: a new offload, with its state       the target has it: a linker
//       terminating   still needed by others: a placeholder                  no more: it goes, with its connections or alone
//       others        whoever asked for it has given it its handle           else a placeholder, for what stands below it
//   tcpip_tree_end: statuses back; neighbours and paths that nobody has and nobody needs end
#include "chimney.h"

static VOID
block_init(struct chimney_block *block, UCHAR type)
{
    block->list.Header.Type = type;
    block->list.Header.Revision = NDIS_OFFLOAD_BLOCK_LIST_REVISION_1;
    block->list.Header.Size = sizeof block->list;
    block->list.Status = NDIS_STATUS_FAILURE; // until the target has said another
    block->list.PortNumber = NDIS_DEFAULT_PORT_NUMBER;
}

// What lies behind a block: all of an object that is new, what is updated, what is to be filled in; behind an invalidated one nothing, and
// then its type says only what it is.
static UCHAR
type_of(enum tree_op op, UCHAR whole, UCHAR cached, UCHAR delegated)
{
    switch (op) {
    case TREE_TERMINATE:
    case TREE_QUERY: return delegated;
    case TREE_UPDATE: return cached;
    default: return whole;
    }
}

// ---- neighbours and paths -----------------------------------------------------------------------------------------------------------

struct chimney_neighbor *
tcpip_chimney_neighbor(struct tcpip_adapter *adapter, const struct net_next_hop *hop)
{
    LIST_ENTRY *all = &adapter->chimney.neighbors;
    for (LIST_ENTRY *at = all->Flink; at != all; at = at->Flink) {
        struct chimney_neighbor *neighbor = CONTAINING_RECORD(at, struct chimney_neighbor, link);
        if (eng_address_is_equal(&neighbor->address, &hop->address))
            return neighbor;
    }
    struct chimney_neighbor *neighbor = tcpip_alloc(sizeof *neighbor);
    if (!neighbor)
        return NULL;
    neighbor->adapter = adapter;
    neighbor->address = hop->address;
    neighbor->heard_us = hop->confirmed_us;
    memcpy(neighbor->mac, hop->link_address, sizeof neighbor->mac);
    memcpy(neighbor->wanted_mac, hop->link_address, sizeof neighbor->mac);
    InsertTailList(all, &neighbor->link);
    return neighbor;
}

static VOID
neighbor_end(struct chimney_neighbor *neighbor)
{
    if (neighbor->paths || neighbor->is_there || neighbor->block)
        return;
    if (neighbor->is_doubted)
        RemoveEntryList(&neighbor->doubt_link);
    RemoveEntryList(&neighbor->link);
    tcpip_free(neighbor);
}

VOID
tcpip_chimney_next_set(struct chimney_path *path, struct chimney_neighbor *next)
{
    struct chimney_neighbor *before = path->next;
    if (next)
        next->paths++;
    path->next = next;
    if (!before)
        return;
    before->paths--;
    neighbor_end(before);
}

VOID
tcpip_chimney_relinked(struct chimney_path *path)
{
    struct chimney_neighbor *before = path->neighbor;
    path->neighbor = path->next;
    path->next = NULL;
    before->paths--;
    neighbor_end(before);
}

static VOID
path_end(struct chimney_path *path)
{
    if (path->connections || path->is_there || path->block)
        return;
    tcpip_chimney_next_set(path, NULL);
    RemoveEntryList(&path->link);
    path->neighbor->paths--;
    neighbor_end(path->neighbor);
    tcpip_free(path);
}

// One that the target has goes on as it is: what is other now is updated.
static struct chimney_path *
path_find(struct tcpip_adapter *adapter, const struct tcp_constant *constant)
{
    LIST_ENTRY *all = &adapter->chimney.paths;
    for (LIST_ENTRY *at = all->Flink; at != all; at = at->Flink) {
        struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        if (eng_address_is_equal(&path->local, &constant->local) && eng_address_is_equal(&path->remote, &constant->remote))
            return path;
    }
    return NULL;
}

struct chimney_path *
tcpip_chimney_path(struct tcpip_adapter *adapter, const struct tcp_constant *constant, const struct net_next_hop *hop, ULONG mtu_bytes)
{
    struct chimney_path *path = path_find(adapter, constant);
    if (path) {
        if (path->is_over || path->neighbor->is_over)
            return NULL;
        path->connections++;
        return path;
    }
    struct chimney_neighbor *neighbor = tcpip_chimney_neighbor(adapter, hop);
    if (!neighbor || neighbor->is_over)
        return NULL;
    path = tcpip_alloc(sizeof *path);
    if (!path) {
        neighbor_end(neighbor);
        return NULL;
    }
    path->neighbor = neighbor;
    path->local = constant->local;
    path->remote = constant->remote;
    path->mtu_bytes = path->wanted_mtu_bytes = mtu_bytes;
    path->connections = 1;
    neighbor->paths++;
    InsertTailList(&adapter->chimney.paths, &path->link);
    return path;
}

VOID
tcpip_chimney_path_drop(struct tcpip_adapter *adapter, struct chimney_path *path)
{
    path->connections--;
    path_end(path);
    tcpip_adapter_queue(adapter); // one that the target has is to be terminated
}

BOOLEAN
tcpip_tree_has_idle(const struct tcpip_adapter *adapter)
{
    const LIST_ENTRY *paths = &adapter->chimney.paths, *neighbors = &adapter->chimney.neighbors;
    for (const LIST_ENTRY *at = paths->Flink; at != paths; at = at->Flink) {
        const struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        if (path->is_there && !path->connections)
            return TRUE;
    }
    for (const LIST_ENTRY *at = neighbors->Flink; at != neighbors; at = at->Flink) {
        const struct chimney_neighbor *neighbor = CONTAINING_RECORD(at, struct chimney_neighbor, link);
        if (neighbor->is_there && !neighbor->paths)
            return TRUE;
    }
    return FALSE;
}

// ---- blocks -------------------------------------------------------------------------------------------------------------------------

static VOID
neighbor_state(struct chimney_block *block, const struct chimney_neighbor *neighbor, enum tree_op op)
{
    NEIGHBOR_OFFLOAD_STATE_CACHED *cached = op == TREE_UPDATE ? &block->state.neighbor_cached : &block->state.neighbor.cached;
    ULONG ticks = tcpip_follow_ticks_since(neighbor->adapter, neighbor->heard_us);
    memcpy(cached->DlDestinationAddress, neighbor->wanted_mac, CHIM_MAC_BYTES);
    cached->HostReachabilityDelta = ticks;
    if (op == TREE_UPDATE)
        return;
    memcpy(block->state.neighbor.constant.DlSourceAddress, neighbor->adapter->interface.link_address, CHIM_MAC_BYTES);
    block->state.neighbor.delegated.NicReachabilityDelta = ticks; // the same [making-a-neighborreachabilityquery-indication]
}

struct chimney_block *
tcpip_tree_neighbor(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, struct chimney_neighbor *neighbor, enum tree_op op)
{
    if (neighbor->block)
        return neighbor->block;
    struct chimney_block *block = tcpip_alloc(sizeof *block);
    if (!block)
        return NULL;
    block_init(block, type_of(op, NeighborOffloadState, NeighborOffloadCachedState, NeighborOffloadDelegatedState));
    if (op == TREE_INITIATE || op == TREE_UPDATE)
        neighbor_state(block, neighbor, op);
    block->neighbor = neighbor;
    neighbor->block = block;
    block->list.NextBlock = *tree;
    *tree = &block->list;
    return block;
}

static VOID
path_state(struct chimney_block *block, const struct chimney_path *path, enum tree_op op)
{
    if (op == TREE_UPDATE) {
        block->state.path_cached.PathMtu = path->wanted_mtu_bytes;
        return;
    }
    memcpy(block->addresses[0], path->local.bytes, 16);
    memcpy(block->addresses[1], path->remote.bytes, 16);
    block->state.path.constant.SourceAddress = block->addresses[0];
    block->state.path.constant.DestinationAddress = block->addresses[1];
    block->state.path.cached.PathMtu = path->mtu_bytes;
}

struct chimney_block *
tcpip_tree_path(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, struct chimney_path *path, struct chimney_neighbor *under, enum tree_op op)
{
    if (path->block)
        return path->block;
    struct chimney_block *above = tcpip_tree_neighbor(tree, under, op);
    struct chimney_block *block = above ? tcpip_alloc(sizeof *block) : NULL;
    if (!block)
        return NULL; // a neighbour's block without paths stays in the tree: tcpip_tree_close makes it a placeholder
    if (path->local.family == ENG_IP4)
        block_init(block, type_of(op, Ip4OffloadState, Ip4OffloadCachedState, Ip4OffloadDelegatedState));
    else
        block_init(block, type_of(op, Ip6OffloadState, Ip6OffloadCachedState, Ip6OffloadDelegatedState));
    if (op == TREE_INITIATE || op == TREE_UPDATE)
        path_state(block, path, op);
    block->path = path;
    path->block = block;
    block->list.NextBlock = above->list.DependentBlockList;
    above->list.DependentBlockList = &block->list;
    return block;
}

struct chimney_block *
tcpip_tree_add(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, struct tcpip_offload *offload, enum tree_op op)
{
    struct chimney_block *above = tcpip_tree_path(tree, offload->path, offload->path->neighbor, op);
    struct chimney_block *block = above ? tcpip_alloc(sizeof *block) : NULL;
    if (!block)
        return NULL;
    block_init(block, type_of(op, TcpOffloadState, TcpOffloadCachedState, TcpOffloadDelegatedState));
    block->list.OffloadHandle = &offload->handle;
    block->offload = offload;
    block->above = above;
    block->list.NextBlock = above->list.DependentBlockList;
    above->list.DependentBlockList = &block->list;
    return block;
}

VOID
tcpip_tree_take_back(struct chimney_block *block)
{
    block->above->list.DependentBlockList = block->list.NextBlock;
    tcpip_free(block);
}

// ---- a tree is ready ----------------------------------------------------------------------------------------------------------------

// Blocks below which nothing is left (their connections stayed here, or memory was short) leave the tree, unless they go themselves.
static VOID
prune(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **list)
{
    while (*list) {
        struct chimney_block *block = CONTAINING_RECORD(*list, struct chimney_block, list);
        if (block->neighbor)
            prune(&block->list.DependentBlockList);
        if (block->offload || block->list.DependentBlockList || block->list.OffloadHandle) {
            list = &block->list.NextBlock;
            continue;
        }
        *list = block->list.NextBlock;
        if (block->path) {
            block->path->block = NULL;
            path_end(block->path);
        } else {
            block->neighbor->block = NULL;
            neighbor_end(block->neighbor);
        }
        tcpip_free(block);
    }
}

static VOID
initiate_close(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree)
{
    prune(tree);
    for (NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *n = *tree; n; n = n->NextBlock) {
        n->OffloadHandle = &CONTAINING_RECORD(n, struct chimney_block, list)->neighbor->handle;
        for (NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *p = n->DependentBlockList; p; p = p->NextBlock)
            p->OffloadHandle = &CONTAINING_RECORD(p, struct chimney_block, list)->path->handle;
    }
}

// Those that go with this tree no longer need their paths.
static VOID
connections_count(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree, LONG step)
{
    for (NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *n = tree; n; n = n->NextBlock) {
        for (NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *p = n->DependentBlockList; p; p = p->NextBlock) {
            for (NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *t = p->DependentBlockList; t; t = t->NextBlock)
                CONTAINING_RECORD(p, struct chimney_block, list)->path->connections += step;
        }
    }
}

// A path whose last connection goes (or that has none) goes; a neighbour whose last path goes, goes.
static VOID
terminate_close(struct tcpip_adapter *adapter, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree)
{
    struct tcpip_chimney *chimney = &adapter->chimney;
    connections_count(*tree, -1);
    for (LIST_ENTRY *at = chimney->paths.Flink; at != &chimney->paths; at = at->Flink) {
        struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        if (!path->is_there || path->connections)
            continue;
        struct chimney_block *block = tcpip_tree_path(tree, path, path->neighbor, TREE_TERMINATE);
        if (block)
            block->list.OffloadHandle = &path->handle;
    }
    for (LIST_ENTRY *at = chimney->neighbors.Flink; at != &chimney->neighbors; at = at->Flink) {
        struct chimney_neighbor *neighbor = CONTAINING_RECORD(at, struct chimney_neighbor, link);
        ULONG going = 0;
        for (NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *p = neighbor->block ? neighbor->block->list.DependentBlockList : NULL; p; p = p->NextBlock)
            going += p->OffloadHandle != NULL;
        if (!neighbor->is_there || going != neighbor->paths)
            continue;
        struct chimney_block *block = tcpip_tree_neighbor(tree, neighbor, TREE_TERMINATE);
        if (block)
            block->list.OffloadHandle = &neighbor->handle;
    }
    prune(tree);
}

VOID
tcpip_tree_close(struct tcpip_adapter *adapter, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, enum tree_op op)
{
    if (op == TREE_INITIATE)
        initiate_close(tree);
    else if (op == TREE_TERMINATE)
        terminate_close(adapter, tree);
    else
        prune(tree);
}

// ---- a tree comes back --------------------------------------------------------------------------------------------------------------

// The target has an object when it has written its word for it; a terminated one is forgotten whatever its status says, because the
// target does so too.
static VOID
handle_settle(const struct chimney_block *block, NDIS_OFFLOAD_HANDLE *handle, BOOLEAN *is_there, enum tree_op op)
{
    if (op != TREE_INITIATE && op != TREE_TERMINATE)
        return;
    if (op == TREE_INITIATE)
        *is_there = handle->MiniportOffloadContext != NULL;
    else if (block->list.OffloadHandle)
        *is_there = FALSE;
    if (!*is_there)
        handle->MiniportOffloadContext = NULL;
}

static VOID
path_come_back(struct chimney_block *block, enum tree_op op, tree_block_fn on_block, struct tcpip_call *call)
{
    struct chimney_path *path = block->path;
    handle_settle(block, &path->handle, &path->is_there, op);
    on_block(block, op, call);
    while (block->list.DependentBlockList) {
        struct chimney_block *t = CONTAINING_RECORD(block->list.DependentBlockList, struct chimney_block, list);
        block->list.DependentBlockList = t->list.NextBlock;
        on_block(t, op, call);
        tcpip_free(t);
    }
    path->block = NULL;
    path_end(path);
    tcpip_free(block);
}

VOID
tcpip_tree_end(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree, enum tree_op op, tree_block_fn on_block, struct tcpip_call *call)
{
    if (op == TREE_TERMINATE)
        connections_count(tree, 1); // which on_block takes off again, one by one
    while (tree) {
        struct chimney_block *n = CONTAINING_RECORD(tree, struct chimney_block, list);
        tree = n->list.NextBlock;
        handle_settle(n, &n->neighbor->handle, &n->neighbor->is_there, op);
        on_block(n, op, call);
        while (n->list.DependentBlockList) {
            struct chimney_block *p = CONTAINING_RECORD(n->list.DependentBlockList, struct chimney_block, list);
            n->list.DependentBlockList = p->list.NextBlock;
            path_come_back(p, op, on_block, call);
        }
        n->neighbor->block = NULL;
        neighbor_end(n->neighbor);
        tcpip_free(n);
    }
}
