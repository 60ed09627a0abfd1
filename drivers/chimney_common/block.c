// SPDX-License-Identifier: MIT
// What lies behind a block list. All of an object is its constant, cached and delegated part, in this order, each where a C structure of
// the three has it [ndischimney/ns-ndischimney-_ndis_miniport_offload_block_list]; else one of them stands alone, directly behind the
// block. Whether there is any state behind a block that only refers to an object is not in the type: see README.md.
//   chim_parts: Header.Type -> layer, family, pointers        chim_state_bytes: what a block of a type needs
#include "chim.h"

C_ASSERT(sizeof(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST) == sizeof(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST));

enum { PART_CONST = 1, PART_CACHED = 2, PART_DELEGATED = 4, PART_ALL = 7 };

struct block_kind {
    enum chim_layer layer;
    enum eng_family family;
    ULONG parts;
};

static struct block_kind
kind_of(UCHAR type)
{
    switch (type) {
    case NeighborOffloadConstState: return (struct block_kind){CHIM_NEIGHBOR, ENG_NONE, PART_CONST};
    case NeighborOffloadCachedState: return (struct block_kind){CHIM_NEIGHBOR, ENG_NONE, PART_CACHED};
    case NeighborOffloadDelegatedState: return (struct block_kind){CHIM_NEIGHBOR, ENG_NONE, PART_DELEGATED};
    case NeighborOffloadState: return (struct block_kind){CHIM_NEIGHBOR, ENG_NONE, PART_ALL};
    case Ip4OffloadConstState: return (struct block_kind){CHIM_PATH, ENG_IP4, PART_CONST};
    case Ip4OffloadCachedState: return (struct block_kind){CHIM_PATH, ENG_IP4, PART_CACHED};
    case Ip4OffloadDelegatedState: return (struct block_kind){CHIM_PATH, ENG_IP4, PART_DELEGATED};
    case Ip4OffloadState: return (struct block_kind){CHIM_PATH, ENG_IP4, PART_ALL};
    case Ip6OffloadConstState: return (struct block_kind){CHIM_PATH, ENG_IP6, PART_CONST};
    case Ip6OffloadCachedState: return (struct block_kind){CHIM_PATH, ENG_IP6, PART_CACHED};
    case Ip6OffloadDelegatedState: return (struct block_kind){CHIM_PATH, ENG_IP6, PART_DELEGATED};
    case Ip6OffloadState: return (struct block_kind){CHIM_PATH, ENG_IP6, PART_ALL};
    case TcpOffloadConstState: return (struct block_kind){CHIM_TCP, ENG_NONE, PART_CONST};
    case TcpOffloadCachedState: return (struct block_kind){CHIM_TCP, ENG_NONE, PART_CACHED};
    case TcpOffloadDelegatedState: return (struct block_kind){CHIM_TCP, ENG_NONE, PART_DELEGATED};
    case TcpOffloadState: return (struct block_kind){CHIM_TCP, ENG_NONE, PART_ALL};
    default: return (struct block_kind){CHIM_NONE, ENG_NONE, 0};
    }
}

#define PLACES(type) {offsetof(type, constant), offsetof(type, cached), offsetof(type, delegated)}
#define SIZES(type) {sizeof(((type *)NULL)->constant), sizeof(((type *)NULL)->cached), sizeof(((type *)NULL)->delegated), sizeof(type)}

static const ULONG places[][3] = {
    [CHIM_NEIGHBOR] = PLACES(struct chim_neighbor), [CHIM_PATH] = PLACES(struct chim_path), [CHIM_TCP] = PLACES(struct chim_tcp)};
static const ULONG sizes[][4] = {
    [CHIM_NEIGHBOR] = SIZES(struct chim_neighbor), [CHIM_PATH] = SIZES(struct chim_path), [CHIM_TCP] = SIZES(struct chim_tcp)};

BOOLEAN
chim_parts(VOID *block, struct chim_parts *parts)
{
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *list = block;
    struct block_kind kind = kind_of(list->Header.Type);
    UCHAR *behind = (UCHAR *)(list + 1);
    NdisZeroMemory(parts, sizeof *parts);
    parts->layer = kind.layer;
    parts->family = kind.family;
    if (kind.parts & PART_CONST)
        parts->constant = behind;
    if (kind.parts & PART_CACHED)
        parts->cached = behind + (kind.parts == PART_ALL ? places[kind.layer][1] : 0);
    if (kind.parts & PART_DELEGATED)
        parts->delegated = behind + (kind.parts == PART_ALL ? places[kind.layer][2] : 0);
    return kind.layer != CHIM_NONE;
}

ULONG
chim_state_bytes(UCHAR type)
{
    struct block_kind kind = kind_of(type);
    switch (kind.parts) {
    case PART_CONST: return sizes[kind.layer][0];
    case PART_CACHED: return sizes[kind.layer][1];
    case PART_DELEGATED: return sizes[kind.layer][2];
    case PART_ALL: return sizes[kind.layer][3];
    default: return 0;
    }
}
