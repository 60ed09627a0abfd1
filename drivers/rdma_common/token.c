// SPDX-License-Identifier: MIT
// Tokens: what a consumer or a peer names, and the bytes that it leads to. Nothing is reached but through here, and each time anew.
//   index    of a place in rdma->tokens, which is used again; 0 is nobody's
//   key      7 bits that are counted on with each registration, and whether it is for peers: a stale token, or a local one that a peer
//            names, leads nowhere
#include "objects.h"

static BOOLEAN
table_grow(struct vnic_rdma *rdma)
{
    ULONG room = rdma->token_room ? rdma->token_room * 2 : 64;
    if (room > RDMA_TOKENS_MAX)
        return FALSE;
    struct rdma_token *tokens = rdma_alloc(room * sizeof *tokens);
    if (!tokens)
        return FALSE;
    if (rdma->tokens)
        memcpy(tokens, rdma->tokens, rdma->token_room * sizeof *tokens);
    for (ULONG i = room - 1; i >= (rdma->token_room ? rdma->token_room : 1); i--) {
        tokens[i].next_free = rdma->token_free;
        rdma->token_free = i;
    }
    rdma_free(rdma->tokens);
    rdma->tokens = tokens;
    rdma->token_room = room;
    return TRUE;
}

UCHAR
rdma_token_next(struct rdma_region *region)
{
    struct rdma_token *token = &region->object.rdma->tokens[region->index];
    token->generation = (token->generation + 1) & 0x7F;
    return (UCHAR)(token->generation << 1 | 1);
}

BOOLEAN
rdma_token_take(struct rdma_region *region)
{
    struct vnic_rdma *rdma = region->object.rdma;
    if (!rdma->token_free && !table_grow(rdma))
        return FALSE;
    region->index = rdma->token_free;
    rdma->token_free = rdma->tokens[region->index].next_free;
    rdma->tokens[region->index].region = region;
    region->posted_key = region->remote_key = rdma_token_next(region);
    region->local_key = region->remote_key & 0xFE;
    return TRUE;
}

VOID
rdma_token_give(struct rdma_region *region)
{
    struct vnic_rdma *rdma = region->object.rdma;
    if (!region->index)
        return;
    rdma->tokens[region->index].region = NULL;
    rdma->tokens[region->index].next_free = rdma->token_free;
    rdma->token_free = region->index;
    region->index = 0;
}

struct rdma_region *
rdma_token_find(struct vnic_rdma *rdma, UINT32 token, BOOLEAN is_peer)
{
    ULONG index = token >> 8;
    if (!index || index >= rdma->token_room)
        return NULL;
    struct rdma_region *region = rdma->tokens[index].region;
    if (!region || (UCHAR)token != (is_peer ? region->remote_key : region->local_key))
        return NULL;
    if (!is_peer && region->object.type->type == NdkObjectTypeMw)
        return NULL;                      // a window is for peers
    return region;
}

enum rdma_fault
rdma_region_check(const struct rdma_region *region, UINT64 address, UINT64 bytes, ULONG rights)
{
    if (!region->is_valid)
        return RDMA_FAULT_TAG;
    if ((region->rights & rights) != rights)
        return RDMA_FAULT_RIGHTS;
    if (address < region->base || bytes > region->bytes || address - region->base > region->bytes - bytes)
        return RDMA_FAULT_BOUNDS;
    return RDMA_FAULT_NONE;
}

// The piece that has the byte at this offset.
static const struct rdma_piece *
piece_find(const struct rdma_mr *mr, UINT64 offset)
{
    ULONG low = 0, high = mr->n_pieces - 1;
    while (low < high) {
        ULONG middle = low + (high - low) / 2;
        if (offset < mr->pieces[middle].end)
            high = middle;
        else
            low = middle + 1;
    }
    return &mr->pieces[low];
}

static BOOLEAN
pages_run(const struct rdma_mr *mr, UINT64 offset, ULONG count, struct rdma_map *map)
{
    const UINT64 *pages = mr->pages + (SIZE_T)mr->page_set * mr->pages_max;
    UINT64 at = mr->fbo + offset;
    ULONG page = (ULONG)(at >> PAGE_SHIFT), in_page = (ULONG)(at & (PAGE_SIZE - 1)), got;
    struct rdma_map next;
    for (got = 0; got < count && page < mr->n_pages; page++, in_page = 0) {
        ULONG piece = PAGE_SIZE - in_page < count - got ? PAGE_SIZE - in_page : count - got;
        if (!rdma_logical_run(mr->region.object.rdma, pages[page] + in_page, piece, &next))
            break;
        if (!got)
            map->bytes = next.bytes;
        else if (next.bytes != map->bytes + got)
            break;
        got += next.count;
    }
    map->count = got;
    return got != 0;
}

BOOLEAN
rdma_region_run(const struct rdma_region *region, UINT64 address, ULONG count, struct rdma_map *map)
{
    struct rdma_mr *mr = region->mr;
    UINT64 offset = address - mr->region.base;
    map->offset = 0;
    map->tag = NULL;
    map->owner = &mr->owner;
    if (mr->is_fast)
        return pages_run(mr, offset, count, map);
    const struct rdma_piece *piece = piece_find(mr, offset);
    UINT64 begin = piece == mr->pieces ? 0 : piece[-1].end, left = piece->end - offset;
    map->bytes = piece->bytes + (offset - begin);
    map->count = left < count ? (ULONG)left : count;
    return TRUE;
}
