// SPDX-License-Identifier: MIT
// The engines' memory: a bound over what the caller gives, so that no peer can make an engine take more than it was told; and slabs, where
// many blocks of one size live long.
#include "engine/engine.h"
#include <string.h>

void *
eng_take(struct eng_memory *memory, size_t bytes)
{
    if (memory->limit_bytes && (bytes > memory->limit_bytes || memory->taken_bytes > memory->limit_bytes - bytes))
        return NULL;
    void *block = memory->on_take(memory->context, bytes);
    if (!block)
        return NULL;
    memory->taken_bytes += bytes;
    return memset(block, 0, bytes);
}

void
eng_give(struct eng_memory *memory, void *block, size_t bytes)
{
    if (!block)
        return;
    memory->taken_bytes -= bytes;
    memory->on_give(memory->context, block, bytes);
}

// ---- slabs

#define SLAB_BYTES 4032                 // below a page, for which pools take pages of their own

struct slab_item {
    struct slab_block *block;
    struct slab_item *next;             // free; else the owner's first bytes
};
#define ITEM_HEAD offsetof(struct slab_item, next)

struct slab_block {
    struct list link;                   // in slab->blocks while it has room
    struct slab_item *free;
    uint32_t out, fresh;                // given out; those behind `fresh` never were
    uint64_t items[];
};

static size_t
block_bytes(const struct eng_slab *slab)
{
    return sizeof(struct slab_block) + (size_t)slab->per_block * slab->item_bytes;
}

void
eng_slab_init(struct eng_slab *slab, struct eng_memory *memory, size_t bytes)
{
    uint32_t item_bytes = (uint32_t)(ITEM_HEAD + bytes + 7) & ~7u;
    *slab = (struct eng_slab){.memory = memory, .item_bytes = item_bytes, .per_block = 1};
#if !__has_feature(address_sanitizer)
    if (sizeof(struct slab_block) + 2 * item_bytes <= SLAB_BYTES)
        slab->per_block = (uint32_t)(SLAB_BYTES - sizeof(struct slab_block)) / item_bytes;
#endif
    list_init(&slab->blocks);
}

static struct slab_block *
block_with_room(struct eng_slab *slab)
{
    if (!list_is_empty(&slab->blocks))
        return LIST_ENTRY_OF(slab->blocks.next, struct slab_block, link);
    struct slab_block *block = eng_take(slab->memory, block_bytes(slab));
    if (block)
        list_push_front(&slab->blocks, &block->link);
    return block;
}

void *
eng_slab_take(struct eng_slab *slab)
{
    struct slab_block *block = block_with_room(slab);
    if (!block)
        return NULL;
    struct slab_item *item = block->free;
    if (item) {
        block->free = item->next;
        memset(&item->next, 0, slab->item_bytes - ITEM_HEAD);
    } else {
        item = (struct slab_item *)((char *)block->items + (size_t)block->fresh++ * slab->item_bytes);
        item->block = block;
    }
    if (++block->out == slab->per_block)
        list_remove(&block->link);
    return &item->next;
}

void
eng_slab_give(struct eng_slab *slab, void *bytes)
{
    if (!bytes)
        return;
    struct slab_item *item = LIST_ENTRY_OF(bytes, struct slab_item, next);
    struct slab_block *block = item->block;
    if (block->out-- == slab->per_block)
        list_push_front(&slab->blocks, &block->link);
    if (!block->out) {
        list_remove(&block->link);
        eng_give(slab->memory, block, block_bytes(slab));
        return;
    }
    item->next = block->free;
    block->free = item;
}
