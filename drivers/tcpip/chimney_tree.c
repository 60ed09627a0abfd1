// SPDX-License-Identifier: MIT
// The neighbours and paths that a target has, and trees of block lists: neighbours, below them paths, below those connections.
//   tcpip_tree_add: the connection's block under its path's under its neighbour's, which are made once a tree
//   tcpip_tree_close: what each neighbour's and path's block is [placeholders--linkers--and-new-offloads]
//       initiating    new to the target: a new offload, with its state       the target has it: a linker
//       terminating   still needed by others: a placeholder                  no more: it goes, with its connections or alone
//   tcpip_tree_end: statuses back; neighbours and paths that nobody has and nobody needs end
#include "chimney.h"

static VOID
block_init(struct chimney_block *block, UCHAR type, NDIS_OFFLOAD_HANDLE *handle)
{
    block->list.Header.Type = type;
    block->list.Header.Revision = NDIS_OFFLOAD_BLOCK_LIST_REVISION_1;
    block->list.Header.Size = sizeof block->list;
    block->list.Status = NDIS_STATUS_FAILURE; // until the target has said another
    block->list.OffloadHandle = handle;
    block->list.PortNumber = NDIS_DEFAULT_PORT_NUMBER;
}

// ---- neighbours and paths -----------------------------------------------------------------------------------------------------------

static struct chimney_neighbor *
neighbor_get(struct tcpip_adapter *adapter, const UCHAR *mac)
{
    LIST_ENTRY *all = &adapter->chimney.neighbors;
    for (LIST_ENTRY *at = all->Flink; at != all; at = at->Flink) {
        struct chimney_neighbor *neighbor = CONTAINING_RECORD(at, struct chimney_neighbor, link);
        if (!memcmp(neighbor->mac, mac, sizeof neighbor->mac))
            return neighbor;
    }
    struct chimney_neighbor *neighbor = tcpip_alloc(sizeof *neighbor);
    if (!neighbor)
        return NULL;
    memcpy(neighbor->mac, mac, sizeof neighbor->mac);
    InsertTailList(all, &neighbor->link);
    return neighbor;
}

static VOID
neighbor_end(struct chimney_neighbor *neighbor)
{
    if (neighbor->paths || neighbor->is_there || neighbor->block)
        return;
    RemoveEntryList(&neighbor->link);
    tcpip_free(neighbor);
}

static VOID
path_end(struct chimney_path *path)
{
    if (path->connections || path->is_there || path->block)
        return;
    RemoveEntryList(&path->link);
    path->neighbor->paths--;
    neighbor_end(path->neighbor);
    tcpip_free(path);
}

struct chimney_path *
tcpip_chimney_path(struct tcpip_adapter *adapter, const struct tcp_constant *constant, const UCHAR *mac, ULONG mtu_bytes)
{
    LIST_ENTRY *all = &adapter->chimney.paths;
    struct chimney_neighbor *neighbor = neighbor_get(adapter, mac);
    if (!neighbor)
        return NULL;
    for (LIST_ENTRY *at = all->Flink; at != all; at = at->Flink) {
        struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        if (path->neighbor == neighbor && path->mtu_bytes == mtu_bytes && eng_address_is_equal(&path->local, &constant->local) &&
            eng_address_is_equal(&path->remote, &constant->remote)) {
            path->connections++;
            return path;
        }
    }
    struct chimney_path *path = tcpip_alloc(sizeof *path);
    if (!path) {
        neighbor_end(neighbor);
        return NULL;
    }
    path->neighbor = neighbor;
    path->local = constant->local;
    path->remote = constant->remote;
    path->mtu_bytes = mtu_bytes;
    path->connections = 1;
    neighbor->paths++;
    InsertTailList(all, &path->link);
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

static struct chimney_block *
neighbor_block(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, struct chimney_neighbor *neighbor, struct tcpip_adapter *adapter,
               BOOLEAN is_initiate)
{
    if (neighbor->block)
        return neighbor->block;
    struct chimney_block *block = tcpip_alloc(sizeof *block);
    if (!block)
        return NULL;
    block_init(block, is_initiate ? NeighborOffloadState : NeighborOffloadDelegatedState, NULL);
    if (is_initiate) {
        memcpy(block->state.neighbor.constant.DlSourceAddress, adapter->interface.link_address, CHIM_MAC_BYTES);
        memcpy(block->state.neighbor.cached.DlDestinationAddress, neighbor->mac, CHIM_MAC_BYTES);
    }
    block->neighbor = neighbor;
    neighbor->block = block;
    block->list.NextBlock = *tree;
    *tree = &block->list;
    return block;
}

static VOID
path_state(struct chimney_block *block, const struct chimney_path *path)
{
    memcpy(block->addresses[0], path->local.bytes, 16);
    memcpy(block->addresses[1], path->remote.bytes, 16);
    block->state.path.constant.SourceAddress = block->addresses[0];
    block->state.path.constant.DestinationAddress = block->addresses[1];
    block->state.path.cached.PathMtu = path->mtu_bytes;
}

static struct chimney_block *
path_block(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, struct chimney_path *path, struct tcpip_adapter *adapter, BOOLEAN is_initiate)
{
    if (path->block)
        return path->block;
    struct chimney_block *above = neighbor_block(tree, path->neighbor, adapter, is_initiate);
    struct chimney_block *block = above ? tcpip_alloc(sizeof *block) : NULL;
    if (!block)
        return NULL; // a neighbour's block without paths stays in the tree: tcpip_tree_close makes it a placeholder
    BOOLEAN is_ip4 = path->local.family == ENG_IP4;
    if (is_initiate) {
        block_init(block, is_ip4 ? Ip4OffloadState : Ip6OffloadState, NULL);
        path_state(block, path);
    } else {
        block_init(block, is_ip4 ? Ip4OffloadDelegatedState : Ip6OffloadDelegatedState, NULL);
    }
    block->path = path;
    path->block = block;
    block->list.NextBlock = above->list.DependentBlockList;
    above->list.DependentBlockList = &block->list;
    return block;
}

struct chimney_block *
tcpip_tree_add(struct tcpip_adapter *adapter, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, struct tcpip_offload *offload, BOOLEAN is_initiate)
{
    struct chimney_block *above = path_block(tree, offload->path, adapter, is_initiate);
    struct chimney_block *block = above ? tcpip_alloc(sizeof *block) : NULL;
    if (!block)
        return NULL;
    block_init(block, is_initiate ? TcpOffloadState : TcpOffloadDelegatedState, &offload->handle);
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
        struct chimney_block *block = path_block(tree, path, adapter, FALSE);
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
        struct chimney_block *block = neighbor_block(tree, neighbor, adapter, FALSE);
        if (block)
            block->list.OffloadHandle = &neighbor->handle;
    }
    prune(tree);
}

VOID
tcpip_tree_close(struct tcpip_adapter *adapter, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, BOOLEAN is_initiate)
{
    if (is_initiate)
        initiate_close(tree);
    else
        terminate_close(adapter, tree);
}

// ---- a tree comes back --------------------------------------------------------------------------------------------------------------

// The target has an object when it has written its word for it; a terminated one is forgotten whatever its status says, because the
// target does so too.
static VOID
handle_settle(const struct chimney_block *block, NDIS_OFFLOAD_HANDLE *handle, BOOLEAN *is_there, BOOLEAN is_initiate)
{
    if (is_initiate)
        *is_there = handle->MiniportOffloadContext != NULL;
    else if (block->list.OffloadHandle)
        *is_there = FALSE;
    if (!*is_there)
        handle->MiniportOffloadContext = NULL;
}

VOID
tcpip_tree_end(struct tcpip_adapter *adapter, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree, BOOLEAN is_initiate,
               VOID (*on_tcp)(struct chimney_block *block, struct tcpip_call *call), struct tcpip_call *call)
{
    if (!is_initiate)
        connections_count(tree, 1); // which on_tcp takes off again, one by one
    while (tree) {
        struct chimney_block *n = CONTAINING_RECORD(tree, struct chimney_block, list);
        tree = n->list.NextBlock;
        handle_settle(n, &n->neighbor->handle, &n->neighbor->is_there, is_initiate);
        while (n->list.DependentBlockList) {
            struct chimney_block *p = CONTAINING_RECORD(n->list.DependentBlockList, struct chimney_block, list);
            n->list.DependentBlockList = p->list.NextBlock;
            handle_settle(p, &p->path->handle, &p->path->is_there, is_initiate);
            while (p->list.DependentBlockList) {
                struct chimney_block *t = CONTAINING_RECORD(p->list.DependentBlockList, struct chimney_block, list);
                p->list.DependentBlockList = t->list.NextBlock;
                on_tcp(t, call);
                tcpip_free(t);
            }
            p->path->block = NULL;
            path_end(p->path);
            tcpip_free(p);
        }
        n->neighbor->block = NULL;
        neighbor_end(n->neighbor);
        tcpip_free(n);
    }
    UNREFERENCED_PARAMETER(adapter);
}
