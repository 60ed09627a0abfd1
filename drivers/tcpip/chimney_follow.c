// SPDX-License-Identifier: MIT
// What changes under connections that are away, and whether their neighbours still answer.
//   tcpip_leave -> tcpip_chimney_look: the IP engine's generation is another -> must_look
//   tcpip_follow_build, one tree at a time, in this order:
//     invalidate   a path that leads nowhere any more, or by another adapter; a neighbour that does not answer: their connections come back
//     initiate     a neighbour that a path is to go by next        [linking-path-state-objects-to-a-new-neighbor-state-object]
//     windows      connections whose client keeps up get larger windows (an update of them alone)
//     update       link addresses, path MTUs, paths below another neighbour than before         [updating-cached-variables]
//     query        how long ago the target heard of a neighbour; whether a packet that was too big can have been sent
//   tcpip_follow_done: what came of it; an object that the target will not update goes, with its connections
// A question of the target's (NeighborReachabilityQuery) is answered at once from the neighbour cache. When that does not know either, the
// target is asked DOUBT_US later; if it has not heard of the neighbour meanwhile, that is probed, and invalidated when it does not answer.
// [making-a-neighborreachabilityquery-indication]
// An ICMP message that says "too big" is believed, as by TCP itself, only about a number that is in flight, which the target knows: the
// connection is queried first [RFC 5927 7.2].
#include "chimney.h"

#include "base/bytes.h"

#define DOUBT_US 5000000                  // DELAY_FIRST_PROBE_TIME [RFC 4861 10]
#define LOOK_US 10000                     // paths are not looked at more often

// ---- when ---------------------------------------------------------------------------------------------------------------------------

ULONG
tcpip_follow_ticks_since(const struct tcpip_adapter *adapter, ULONG64 then_us)
{
    ULONG64 ticks = (tcpip_now_us() - then_us) / adapter->chimney.tick_us;
    return ticks > MAXLONG ? MAXLONG : (ULONG)ticks;
}

static VOID
look_all(VOID)
{
    for (ULONG i = 0; i < NET_INTERFACES_MAX; i++) {
        struct tcpip_adapter *adapter = tcpip_host.adapters[i];
        if (!adapter || !adapter->chimney.has_target || IsListEmpty(&adapter->chimney.paths))
            continue;
        adapter->chimney.must_look = TRUE;
        tcpip_adapter_queue(adapter);
    }
}

VOID
tcpip_chimney_look(uint64_t now_us)
{
    uint64_t generation = net_generation(tcpip_host.net);
    if (generation == tcpip_host.looked_generation || !tcpip_host.away_count || now_us < tcpip_host.look_us)
        return;
    tcpip_host.looked_generation = generation;
    tcpip_host.look_us = now_us + LOOK_US;
    look_all();
}

uint64_t
tcpip_follow_deadline_us(VOID)
{
    uint64_t due_us = tcpip_host.again_us;
    if (tcpip_host.away_count && net_generation(tcpip_host.net) != tcpip_host.looked_generation && tcpip_host.look_us < due_us)
        due_us = tcpip_host.look_us;
    if (!IsListEmpty(&tcpip_host.doubts))
        due_us = min(due_us, CONTAINING_RECORD(tcpip_host.doubts.Flink, struct chimney_neighbor, doubt_link)->doubted_us + DOUBT_US);
    return due_us;
}

VOID
tcpip_follow_run(uint64_t now_us)
{
    if (tcpip_host.again_us <= now_us) {
        tcpip_host.again_us = ENG_NEVER;
        look_all();
    }
    while (!IsListEmpty(&tcpip_host.doubts)) {
        struct chimney_neighbor *neighbor = CONTAINING_RECORD(tcpip_host.doubts.Flink, struct chimney_neighbor, doubt_link);
        if (neighbor->doubted_us + DOUBT_US > now_us)
            break;
        RemoveEntryList(&neighbor->doubt_link);
        neighbor->is_doubted = FALSE;
        neighbor->adapter->chimney.wants_query += !neighbor->wants_query;
        neighbor->wants_query = TRUE;
        tcpip_adapter_queue(neighbor->adapter);
    }
}

// ---- looking ------------------------------------------------------------------------------------------------------------------------

// Those on a path, or, of NULL, on any path over the neighbour.
static VOID
connections_come(struct tcpip_adapter *adapter, const struct chimney_path *path, const struct chimney_neighbor *neighbor)
{
    LIST_ENTRY *there = &adapter->chimney.there;
    for (LIST_ENTRY *at = there->Flink; at != there; at = at->Flink) {
        struct tcpip_offload *offload = CONTAINING_RECORD(at, struct tcpip_offload, link);
        if (path ? offload->path == path : offload->path->neighbor == neighbor)
            tcpip_chimney_come(offload->connection);
    }
}

static VOID
path_over(struct tcpip_adapter *adapter, struct chimney_path *path)
{
    path->is_over = TRUE;
    tcpip_chimney_next_set(path, NULL);
    connections_come(adapter, path, NULL);
}

static VOID
neighbor_over(struct chimney_neighbor *neighbor)
{
    neighbor->is_over = TRUE;
    connections_come(neighbor->adapter, NULL, neighbor);
}

// The path goes by another neighbour, whose link address must be known first. FALSE: nobody says it
static BOOLEAN
path_turn(struct tcpip_adapter *adapter, struct chimney_path *path, const struct net_path *way, const struct net_next_hop *hop,
          struct tcpip_call *call)
{
    if (!hop->is_known) {
        UCHAR mac[CHIM_MAC_BYTES];
        BOOLEAN is_first = !eng_address_is_equal(&path->asked, &hop->address);
        path->asked = hop->address;
        return net_path_ask(tcpip_host.net, way, is_first, mac, call->now_us, &call->outbox) == -EAGAIN;
    }
    path->asked.family = 0;
    struct chimney_neighbor *next = tcpip_chimney_neighbor(adapter, hop);
    if (!next || next->is_over)
        return FALSE;
    memcpy(next->wanted_mac, hop->link_address, sizeof next->wanted_mac);
    if (next != path->next)
        tcpip_chimney_next_set(path, next);
    return TRUE;
}

// Who gets the path's packets now, and how large they may be.
static VOID
path_look(struct tcpip_adapter *adapter, struct chimney_path *path, struct tcpip_call *call)
{
    struct net_path way = {.source = path->local, .destination = path->remote};
    struct net_next_hop hop;
    struct chimney_neighbor *neighbor = path->neighbor;
    path->is_lost = net_path_find(tcpip_host.net, &way, call->now_us) || way.interface_index != adapter->index ||
                    net_path_hop(tcpip_host.net, &way, &hop, call->now_us);
    if (path->is_lost)
        return;
    path->wanted_mtu_bytes = way.mtu_bytes;
    if (!eng_address_is_equal(&hop.address, &neighbor->address)) {
        path->is_lost = !path_turn(adapter, path, &way, &hop, call);
        return;
    }
    path->asked.family = 0;
    tcpip_chimney_next_set(path, NULL);
    neighbor->is_lost |= neighbor->is_probed && !hop.is_known;
    neighbor->is_probed = neighbor->is_probed && !hop.is_reachable;
    if (hop.is_known) // else it left the cache for other reasons, and is where it was
        memcpy(neighbor->wanted_mac, hop.link_address, sizeof neighbor->wanted_mac);
}

static VOID
paths_look(struct tcpip_adapter *adapter, struct tcpip_call *call)
{
    LIST_ENTRY *paths = &adapter->chimney.paths;
    for (LIST_ENTRY *at = paths->Flink; at != paths; at = at->Flink) {
        struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        if (path->is_there && !path->is_over)
            path_look(adapter, path, call);
    }
}

// ---- trees --------------------------------------------------------------------------------------------------------------------------

static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
invalidate_build(struct tcpip_adapter *adapter)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = NULL;
    LIST_ENTRY *paths = &adapter->chimney.paths, *neighbors = &adapter->chimney.neighbors;
    for (LIST_ENTRY *at = neighbors->Flink; at != neighbors; at = at->Flink) {
        struct chimney_neighbor *neighbor = CONTAINING_RECORD(at, struct chimney_neighbor, link);
        if (!neighbor->is_there || neighbor->is_over || !neighbor->is_lost)
            continue;
        struct chimney_block *block = tcpip_tree_neighbor(&tree, neighbor, TREE_INVALIDATE);
        if (block)
            block->list.OffloadHandle = &neighbor->handle;
        neighbor_over(neighbor); // also without memory for a block: they come back a moment later then
    }
    for (LIST_ENTRY *at = paths->Flink; at != paths; at = at->Flink) {
        struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        if (!path->is_there || path->is_over || !path->is_lost)
            continue;
        struct chimney_block *block = tcpip_tree_path(&tree, path, path->neighbor, TREE_INVALIDATE);
        if (block)
            block->list.OffloadHandle = &path->handle;
        path_over(adapter, path);
    }
    return tree;
}

// Neighbours that paths go by next and that the target has not. *is_whole: FALSE without memory
static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
next_build(struct tcpip_adapter *adapter, BOOLEAN *is_whole)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = NULL;
    LIST_ENTRY *paths = &adapter->chimney.paths;
    for (LIST_ENTRY *at = paths->Flink; at != paths; at = at->Flink) {
        struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        if (!path->next || path->next->is_there)
            continue;
        struct chimney_block *block = tcpip_tree_neighbor(&tree, path->next, TREE_INITIATE);
        if (block)
            block->list.OffloadHandle = &path->next->handle;
        else
            *is_whole = FALSE;
    }
    return tree;
}

static BOOLEAN
update_path(struct chimney_path *path, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree)
{
    struct chimney_neighbor *under = path->next ? path->next : path->neighbor;
    struct chimney_block *block = tcpip_tree_path(tree, path, under, TREE_UPDATE);
    if (!block)
        return FALSE;
    block->list.OffloadHandle = &path->handle;
    if (path->next) // below a placeholder a path stays where it is
        under->block->list.OffloadHandle = &under->handle;
    return TRUE;
}

static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
update_build(struct tcpip_adapter *adapter, BOOLEAN *is_whole)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = NULL;
    LIST_ENTRY *paths = &adapter->chimney.paths, *neighbors = &adapter->chimney.neighbors;
    for (LIST_ENTRY *at = neighbors->Flink; at != neighbors; at = at->Flink) {
        struct chimney_neighbor *neighbor = CONTAINING_RECORD(at, struct chimney_neighbor, link);
        if (!neighbor->is_there || neighbor->is_over || !memcmp(neighbor->mac, neighbor->wanted_mac, sizeof neighbor->mac))
            continue;
        struct chimney_block *block = tcpip_tree_neighbor(&tree, neighbor, TREE_UPDATE);
        if (block)
            block->list.OffloadHandle = &neighbor->handle;
        else
            *is_whole = FALSE;
    }
    for (LIST_ENTRY *at = paths->Flink; at != paths; at = at->Flink) {
        struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        BOOLEAN is_other = path->next ? path->next->is_there : path->mtu_bytes != path->wanted_mtu_bytes;
        if (path->is_there && !path->is_over && !path->neighbor->is_over && is_other)
            *is_whole &= update_path(path, &tree);
    }
    return tree;
}

static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
query_build(struct tcpip_adapter *adapter, BOOLEAN *is_whole)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = NULL;
    LIST_ENTRY *neighbors = &adapter->chimney.neighbors, *there = &adapter->chimney.there;
    for (LIST_ENTRY *at = neighbors->Flink; at != neighbors; at = at->Flink) {
        struct chimney_neighbor *neighbor = CONTAINING_RECORD(at, struct chimney_neighbor, link);
        if (!neighbor->wants_query)
            continue;
        struct chimney_block *block = neighbor->is_there ? tcpip_tree_neighbor(&tree, neighbor, TREE_QUERY) : NULL;
        if (block)
            block->list.OffloadHandle = &neighbor->handle;
        else
            *is_whole &= !neighbor->is_there;
        neighbor->wants_query = neighbor->is_there && !block;
    }
    // Of those that have gone or go back meanwhile nothing is asked: their engine hears the next message itself.
    for (LIST_ENTRY *at = there->Flink; at != there; at = at->Flink) {
        struct tcpip_offload *offload = CONTAINING_RECORD(at, struct tcpip_offload, link);
        if (offload->has_error && !tcpip_tree_add(&tree, offload, TREE_QUERY))
            offload->has_error = FALSE; // as lost: the next one is asked about
    }
    adapter->chimney.wants_query = *is_whole ? 0 : 1;
    return tree;
}

// Below placeholders: neighbours and paths stay as they are.
static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
windows_build(struct tcpip_adapter *adapter, BOOLEAN *is_whole)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = NULL;
    LIST_ENTRY *there = &adapter->chimney.there;
    adapter->chimney.wants_windows = FALSE;
    for (LIST_ENTRY *at = there->Flink; at != there; at = at->Flink) {
        struct tcpip_offload *offload = CONTAINING_RECORD(at, struct tcpip_offload, link);
        struct tcp_cached cached = offload->record.cached;
        if (!offload->wanted_window_bytes)
            continue;
        struct chimney_block *block = tcpip_tree_add(&tree, offload, TREE_UPDATE);
        if (!block) {
            adapter->chimney.wants_windows = TRUE;
            *is_whole = FALSE;
            continue;
        }
        cached.initial_rcv_wnd = offload->wanted_window_bytes;
        chim_cached_put(&cached, &block->state.tcp_cached);
    }
    return tree;
}

// The first of these that has anything. With what is left until this has come back must_look stays.
static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
look_build(struct tcpip_adapter *adapter, enum tree_op *op, BOOLEAN *is_whole, struct tcpip_call *call)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree;
    paths_look(adapter, call);
    *op = TREE_INVALIDATE;
    if ((tree = invalidate_build(adapter)))
        return tree;
    *op = TREE_INITIATE;
    if (!adapter->chimney.is_paused && (tree = next_build(adapter, is_whole)))
        return tree;
    *op = TREE_UPDATE;
    if ((tree = update_build(adapter, is_whole)))
        return tree;
    adapter->chimney.must_look = FALSE;
    return NULL;
}

NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
tcpip_follow_build(struct tcpip_adapter *adapter, enum tree_op *op, struct tcpip_call *call)
{
    struct tcpip_chimney *chimney = &adapter->chimney;
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = NULL;
    BOOLEAN is_whole = TRUE;
    // While nothing can be sent nothing is known of paths either, and what is there waits with its link; not when all of it comes back.
    BOOLEAN is_leaving = chimney->is_stopped || chimney->is_called_back;
    if (chimney->must_look && adapter->is_running && adapter->is_link_up && !is_leaving)
        tree = look_build(adapter, op, &is_whole, call);
    if (!tree && chimney->wants_query) {
        *op = TREE_QUERY;
        tree = query_build(adapter, &is_whole);
    }
    if (!tree && chimney->wants_windows && adapter->is_running && !is_leaving) {
        *op = TREE_UPDATE;
        tree = windows_build(adapter, &is_whole);
    }
    if (!is_whole && tcpip_host.again_us == ENG_NEVER)
        tcpip_host.again_us = call->now_us + TCPIP_LATER_US;
    if (tree)
        tcpip_tree_close(adapter, &tree, *op);
    return tree;
}

// ---- what came of it ----------------------------------------------------------------------------------------------------------------

// A neighbour that was to be new for paths, or one of an initiate for connections, whose own blocks say the rest.
static VOID
neighbor_initiated(struct chimney_block *block)
{
    struct chimney_neighbor *neighbor = block->neighbor;
    LIST_ENTRY *paths = &neighbor->adapter->chimney.paths;
    if (neighbor->is_there) {
        if (block->list.Status == NDIS_STATUS_SUCCESS || block->list.Status == NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS)
            memcpy(neighbor->mac, block->state.neighbor.cached.DlDestinationAddress, sizeof neighbor->mac);
        return;
    }
    for (LIST_ENTRY *at = paths->Flink, *next; at != paths; at = next) {
        struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        next = at->Flink;
        if (path->next == neighbor)
            path_over(neighbor->adapter, path);
    }
}

// By the way of any path over it.
static VOID
neighbor_probe(struct chimney_neighbor *neighbor, struct tcpip_call *call)
{
    LIST_ENTRY *paths = &neighbor->adapter->chimney.paths;
    for (LIST_ENTRY *at = paths->Flink; at != paths; at = at->Flink) {
        struct chimney_path *path = CONTAINING_RECORD(at, struct chimney_path, link);
        struct net_path way = {.source = path->local, .destination = path->remote};
        if (path->neighbor != neighbor || net_path_find(tcpip_host.net, &way, call->now_us))
            continue;
        net_path_doubt(tcpip_host.net, &way, call->now_us, &call->outbox);
        return;
    }
}

static VOID
neighbor_queried(struct chimney_neighbor *neighbor, const NEIGHBOR_OFFLOAD_STATE_DELEGATED *state, struct tcpip_call *call)
{
    struct tcpip_chimney *chimney = &neighbor->adapter->chimney;
    ULONG64 ago_us = (ULONG64)state->NicReachabilityDelta * chimney->tick_us;
    if (ago_us < call->now_us - neighbor->doubted_us) {
        net_neighbour_confirm(tcpip_host.net, neighbor->adapter->index, &neighbor->address, call->now_us - ago_us, call->now_us);
        return;
    }
    neighbor->is_probed = TRUE;
    chimney->must_look = TRUE; // it may have left the cache already
    neighbor_probe(neighbor, call);
}

static VOID
neighbor_done(struct chimney_block *block, enum tree_op op, struct tcpip_call *call)
{
    struct chimney_neighbor *neighbor = block->neighbor;
    BOOLEAN is_good = block->list.Status == NDIS_STATUS_SUCCESS;
    if (op == TREE_INITIATE)
        neighbor_initiated(block);
    if (op == TREE_INITIATE || op == TREE_TERMINATE || !block->list.OffloadHandle)
        return;
    tcpip_host.chimney.updated += op == TREE_UPDATE;
    tcpip_host.chimney.invalidated += op == TREE_INVALIDATE;
    tcpip_host.chimney.queried += op == TREE_QUERY;
    if (!is_good)
        neighbor_over(neighbor);
    else if (op == TREE_UPDATE)
        memcpy(neighbor->mac, block->state.neighbor_cached.DlDestinationAddress, sizeof neighbor->mac);
    else if (op == TREE_QUERY)
        neighbor_queried(neighbor, &block->state.neighbor_delegated, call);
}

static VOID
path_done(struct chimney_block *block, enum tree_op op)
{
    struct chimney_path *path = block->path;
    struct tcpip_adapter *adapter = path->neighbor->adapter;
    if (op == TREE_INITIATE || op == TREE_TERMINATE || !block->list.OffloadHandle)
        return;
    tcpip_host.chimney.updated += op == TREE_UPDATE;
    tcpip_host.chimney.invalidated += op == TREE_INVALIDATE;
    if (block->list.Status != NDIS_STATUS_SUCCESS) {
        path_over(adapter, path);
        return;
    }
    if (op != TREE_UPDATE)
        return;
    path->mtu_bytes = block->state.path_cached.PathMtu;
    if (path->next)
        tcpip_chimney_relinked(path);
}

// Was the packet that was too big one of the connection's, and is it still out?
static VOID
connection_queried(struct tcpip_offload *offload, struct chimney_block *block, struct tcpip_call *call)
{
    struct tcp_delegated now;
    ULONG seq = bytes_load_be32(offload->error.upper + 4);
    offload->has_error = FALSE;
    tcpip_host.chimney.queried++;
    if (block->list.Status != NDIS_STATUS_SUCCESS || !chim_delegated_get(&block->state.tcp_delegated, &now)) {
        tcpip_chimney_come(offload->connection);
        return;
    }
    if ((LONG)(seq - now.snd_una) >= 0 && (LONG)(seq - now.snd_max) < 0)
        net_error_accept(tcpip_host.net, &offload->error, call->now_us);
}

// One that the target will not have larger comes back: an object that cannot be updated is terminated.
static VOID
connection_updated(struct tcpip_offload *offload, const struct chimney_block *block)
{
    tcpip_host.chimney.updated++;
    if (block->list.Status == NDIS_STATUS_SUCCESS)
        offload->record.cached.initial_rcv_wnd = offload->wanted_window_bytes;
    else
        tcpip_chimney_come(offload->connection);
    offload->wanted_window_bytes = 0;
}

VOID
tcpip_follow_done(struct chimney_block *block, enum tree_op op, struct tcpip_call *call)
{
    if (block->neighbor)
        neighbor_done(block, op, call);
    else if (block->path)
        path_done(block, op);
    else if (op == TREE_UPDATE)
        connection_updated(block->offload, block);
    else
        connection_queried(block->offload, block, call);
}

VOID
tcpip_chimney_error(const struct net_error *error)
{
    if (error->kind != NET_ERROR_TOO_BIG || !tcpip_host.away_count)
        return;
    struct tcpip_offload *offload = tcpip_offload_find(&error->local, bytes_load_be16(error->upper), &error->remote,
                                                       bytes_load_be16(error->upper + 2));
    if (!offload || offload->state != OFFLOAD_THERE || offload->has_error || error->mtu_bytes >= offload->path->mtu_bytes)
        return;
    if (!error->mtu_bytes) { // of a router that does not say how big: that is guessed by the engine
        tcpip_chimney_come(offload->connection);
        return;
    }
    offload->error = *error;
    offload->has_error = TRUE;
    offload->adapter->chimney.wants_query++;
    tcpip_adapter_queue(offload->adapter);
}

// ---- a question of the target's -----------------------------------------------------------------------------------------------------

// The block is the target's own, and may have come through intermediate drivers: "the offload target does not have to initialize any
// other members" [ndischimney/nf-ndischimney-ndismoffloadeventindicate], so it is the link address that says who is meant.
static BOOLEAN
is_meant(const struct chimney_neighbor *neighbor, const NEIGHBOR_OFFLOAD_STATE_CACHED *cached)
{
    return neighbor->is_there && !neighbor->is_over && !memcmp(neighbor->mac, cached->DlDestinationAddress, sizeof neighbor->mac);
}

// TRUE: it was heard of, and *heard_us says when.
static BOOLEAN
neighbor_asked(struct chimney_neighbor *neighbor, uint64_t now_us, ULONG64 *heard_us)
{
    struct net_next_hop hop = {.address = neighbor->address, .interface_index = neighbor->adapter->index};
    net_neighbour_tell(tcpip_host.net, &hop, now_us);
    if (hop.is_reachable) {
        neighbor->is_probed = FALSE;
        *heard_us = hop.confirmed_us;
        return TRUE;
    }
    if (!neighbor->is_doubted && !neighbor->wants_query) {
        neighbor->is_doubted = TRUE;
        neighbor->doubted_us = now_us;
        InsertTailList(&tcpip_host.doubts, &neighbor->doubt_link);
    }
    return FALSE;
}

VOID NTAPI
tcpip_follow_event(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block, ULONG event)
{
    struct tcpip_adapter *adapter = context;
    struct chim_parts parts;
    struct tcpip_call call;
    if (event != NeighborReachabilityQuery || !block || !chim_parts(block, &parts) || parts.layer != CHIM_NEIGHBOR || !parts.cached)
        return;
    NEIGHBOR_OFFLOAD_STATE_CACHED *cached = parts.cached;
    ULONG64 heard_us = ENG_NEVER, one_us;
    ULONG meant = 0, reachable = 0;
    tcpip_enter(&call);
    tcpip_host.chimney.questions++;
    LIST_ENTRY *neighbors = &adapter->chimney.neighbors;
    for (LIST_ENTRY *at = neighbors->Flink; at != neighbors; at = at->Flink) {
        struct chimney_neighbor *neighbor = CONTAINING_RECORD(at, struct chimney_neighbor, link);
        if (!is_meant(neighbor, cached))
            continue;
        meant++;
        if (!neighbor_asked(neighbor, call.now_us, &one_us))
            continue;
        reachable++;
        heard_us = min(heard_us, one_us);
    }
    // Not 0 when it was heard of, 0 when it is doubtful; of one that is not ours nothing is said.
    if (meant && reachable == meant)
        cached->HostReachabilityDelta = max(tcpip_follow_ticks_since(adapter, heard_us), 1u);
    else if (meant)
        cached->HostReachabilityDelta = 0;
    tcpip_leave(&call);
}
