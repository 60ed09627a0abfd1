// SPDX-License-Identifier: MIT
// See copy.h. A copy stands alone in its memory, so a target that reaches beyond a state's end leaves it (the address sanitizer sees that).
#include "copy.h"

#include "harness/harness.h"

#include <stdlib.h>
#include <string.h>

#include "../../../drivers/chimney_common/chim.h"

#define POISON 0xA5

struct copy {
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, *original;
    size_t state_bytes;
    struct copy *next;                        // of the same tree, the root first; trees behind one another
};

static struct copy *copies;

// A placeholder and a block that only refers to an object have no state; behind the others the whole of it is read, or a part is filled in.
static size_t
state_bytes(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    return block->MiniportOffloadContext ? chim_state_bytes(block->Header.Type) : 0;
}

static NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *
block_copy(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *original, struct copy ***end)
{
    if (!original)
        return NULL;
    size_t bytes = state_bytes(original);
    struct copy *copy = malloc(sizeof *copy);
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block = malloc(sizeof *block + bytes);
    ck_assert(copy && block);
    memcpy(block, original, sizeof *block + bytes);
    memset(block->ProtocolReserved, POISON, sizeof block->ProtocolReserved);
    memset(block->ImReserved, POISON, sizeof block->ImReserved);
    memset(block->MiniportReserved, POISON, sizeof block->MiniportReserved);   // its own: what it finds there means nothing
    memset(block->Scratch, POISON, sizeof block->Scratch);
    *copy = (struct copy){block, original, bytes, NULL};
    **end = copy;
    *end = &copy->next;
    block->NextBlock = block_copy(original->NextBlock, end);
    block->DependentBlockList = block_copy(original->DependentBlockList, end);
    return block;
}

NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *
copy_down(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree)
{
    struct copy *first = NULL, **end = &first;
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block = block_copy(tree, &end);
    *end = copies;
    copies = first;
    return block;
}

static struct copy **
copy_find(const void *block)
{
    for (struct copy **at = &copies; *at; at = &(*at)->next)
        if ((*at)->block == block)
            return at;
    return NULL;
}

// Blocks and links are the original's; what the target has written comes back, and what NDIS has written on the way.
static void
block_back(const void *block)
{
    struct copy **at = copy_find(block), *copy = at ? *at : NULL;
    ck_assert_msg(copy != NULL, "a block that came back is not one that went");
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *from = copy->block, *to = copy->original;
    *at = copy->next;
    if (from->NextBlock)
        block_back(from->NextBlock);
    if (from->DependentBlockList)
        block_back(from->DependentBlockList);
    to->Status = from->Status;
    to->NetBufferListChain = from->NetBufferListChain;
    to->SourceHandle = from->SourceHandle;
    to->MiniportOffloadContext = from->MiniportOffloadContext;
    to->NdisOffloadHandle = from->NdisOffloadHandle;
    memcpy(to + 1, from + 1, copy->state_bytes);
    memset(from, POISON, sizeof *from + copy->state_bytes);
    free(from);
    free(copy);
}

NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
copy_up(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree)
{
    struct copy **at = copy_find(tree);
    if (!at)
        return tree;
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *original = (void *)(*at)->original;
    block_back(tree);
    return original;
}
