// SPDX-License-Identifier: MIT
// State trees: block lists linked by NextBlock (the same layer) and DependentBlockList (the next layer up: neighbour, path, connection).
// A block's Type says its layer; of a placeholder it does not have to, so one is whatever its place makes it.
// Both forms of a block are the same but for four words; what is said here of a miniport's goes for a protocol's too.
// [ndischimney/ns-ndischimney-_ndis_miniport_offload_block_list], [network/placeholders--linkers--and-new-offloads]
#include "ndis/chimney/chimney_int.h"

enum layer {
    LAYER_ANY,
    LAYER_NEIGHBOR,
    LAYER_PATH,
    LAYER_TCP,
    LAYER_NONE                                // no such type
};

// ---- what lies behind a block ---------------------------------------------------------------------------------------------------------

// Each at its own alignment, as members of a structure are.
struct neighbor_state {
    NEIGHBOR_OFFLOAD_STATE_CONST constant;
    NEIGHBOR_OFFLOAD_STATE_CACHED cached;
    NEIGHBOR_OFFLOAD_STATE_DELEGATED delegated;
};
struct path_state {
    PATH_OFFLOAD_STATE_CONST constant;
    PATH_OFFLOAD_STATE_CACHED cached;
    PATH_OFFLOAD_STATE_DELEGATED delegated;
};
struct tcp_state {
    TCP_OFFLOAD_STATE_CONST constant;
    TCP_OFFLOAD_STATE_CACHED cached;
    TCP_OFFLOAD_STATE_DELEGATED delegated;
};

#define PART(type) {{0, sizeof(type)}}
#define WHOLE(type) \
    { \
        {offsetof(struct type, constant), sizeof((struct type *)0)->constant}, {offsetof(struct type, cached), \
         sizeof((struct type *)0)->cached}, {offsetof(struct type, delegated), sizeof((struct type *)0)->delegated} \
    }

static const struct {
    enum layer layer;
    struct {
        uint16_t offset, bytes;
    } part[3];
} types[] = {
    [NeighborOffloadConstState] = {LAYER_NEIGHBOR, PART(NEIGHBOR_OFFLOAD_STATE_CONST)},
    [NeighborOffloadCachedState] = {LAYER_NEIGHBOR, PART(NEIGHBOR_OFFLOAD_STATE_CACHED)},
    [NeighborOffloadDelegatedState] = {LAYER_NEIGHBOR, PART(NEIGHBOR_OFFLOAD_STATE_DELEGATED)},
    [NeighborOffloadState] = {LAYER_NEIGHBOR, WHOLE(neighbor_state)},
    [Ip4OffloadConstState] = {LAYER_PATH, PART(PATH_OFFLOAD_STATE_CONST)},
    [Ip4OffloadCachedState] = {LAYER_PATH, PART(PATH_OFFLOAD_STATE_CACHED)},
    [Ip4OffloadDelegatedState] = {LAYER_PATH, PART(PATH_OFFLOAD_STATE_DELEGATED)},
    [Ip4OffloadState] = {LAYER_PATH, WHOLE(path_state)},
    [Ip6OffloadConstState] = {LAYER_PATH, PART(PATH_OFFLOAD_STATE_CONST)},
    [Ip6OffloadCachedState] = {LAYER_PATH, PART(PATH_OFFLOAD_STATE_CACHED)},
    [Ip6OffloadDelegatedState] = {LAYER_PATH, PART(PATH_OFFLOAD_STATE_DELEGATED)},
    [Ip6OffloadState] = {LAYER_PATH, WHOLE(path_state)},
    [TcpOffloadConstState] = {LAYER_TCP, PART(TCP_OFFLOAD_STATE_CONST)},
    [TcpOffloadCachedState] = {LAYER_TCP, PART(TCP_OFFLOAD_STATE_CACHED)},
    [TcpOffloadDelegatedState] = {LAYER_TCP, PART(TCP_OFFLOAD_STATE_DELEGATED)},
    [TcpOffloadResourceState] = {LAYER_NONE, {{0, 0}}},
    [TcpOffloadState] = {LAYER_TCP, WHOLE(tcp_state)},
};

void
chimney_block_lengths(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    UCHAR type = block->Header.Type;
    for (int i = 0; type < ARRAYSIZE(types) && i < 3; i++)
        if (types[type].part[i].bytes) {
            OFFLOAD_STATE_HEADER *header = (void *)((uint8_t *)(block + 1) + types[type].part[i].offset);
            header->Length = types[type].part[i].bytes;
        }
}

TCP_OFFLOAD_STATE_DELEGATED *
chimney_block_delegated(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    UCHAR type = block->Header.Type;
    if (type == TcpOffloadDelegatedState)
        return (void *)(block + 1);
    return type == TcpOffloadState ? (void *)((uint8_t *)(block + 1) + offsetof(struct tcp_state, delegated)) : NULL;
}

bool
chimney_block_is_cached(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    UCHAR type = block->Header.Type;
    return type == NeighborOffloadCachedState || type == Ip4OffloadCachedState || type == Ip6OffloadCachedState ||
           type == TcpOffloadCachedState;
}

// ---- shape ------------------------------------------------------------------------------------------------------------------------------

enum chimney_role
chimney_block_role(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    if (!block->MiniportOffloadContext)
        return CHIMNEY_PLACEHOLDER;
    return *block->MiniportOffloadContext ? CHIMNEY_LINKER : CHIMNEY_NEW;
}

// NdisOffloadHandle is OffloadHandle in the other form.
static enum layer
block_layer(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    UCHAR type = block->Header.Type;
    if (!block->NdisOffloadHandle)
        return LAYER_ANY;
    return type > 0 && type < ARRAYSIZE(types) ? types[type].layer : LAYER_NONE;
}

// layer: of all blocks of this list, LAYER_ANY while no block has told.
static const char *
tree_fault(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, enum layer layer, unsigned depth)
{
    if (depth > 3)
        return "its tree is deeper than neighbour, path and connection";
    for (; block; block = block->NextBlock) {
        enum layer own = block_layer(block);
        if (own == LAYER_NONE)
            return "the Type of a block is none that is offloaded";
        if (own != LAYER_ANY && layer != LAYER_ANY && own != layer)
            return "a block is not of the layer that its place in the tree is for";
        if (own != LAYER_ANY)
            layer = own;
        if (layer == LAYER_TCP && block->DependentBlockList)
            return "a connection's block has a DependentBlockList";
        const char *fault = block->DependentBlockList
                                ? tree_fault(block->DependentBlockList, layer == LAYER_ANY ? LAYER_ANY : layer + 1, depth + 1)
                                : NULL;
        if (fault)
            return fault;
    }
    return NULL;
}

const char *
chimney_tree_fault(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree)
{
    return tree_fault(tree, LAYER_ANY, 1);
}

void
chimney_tree_walk(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree, chimney_block_fn fn, void *context)
{
    for (NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block = tree; block; block = block->NextBlock) {
        fn(context, block);
        chimney_tree_walk(block->DependentBlockList, fn, context);   // chimney_tree_fault has seen that it ends
    }
}
