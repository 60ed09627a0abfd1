// SPDX-License-Identifier: MIT
// The memory of one stack: blocks that are freed together, and the nodes of its tree.
// A stack is read before anything runs, so running out of memory here ends the process with a sentence; no caller has to check.
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "stack/stack_int.h"

#define BLOCK_BYTES 16384

struct arena_block {
    struct arena_block *next;
    size_t used_bytes, size_bytes;
    alignas(16) char data[];
};

struct arena_thing {
    struct arena_thing *next;
    void (*destroy)(void *thing);
    void *thing;
};

struct stack_arena {
    struct arena_block *blocks;
    struct arena_thing *things;
};

static void *
alloc_or_die(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (!memory) {
        fprintf(stderr, "ndisbox: out of memory while reading a stack file\n");
        abort();
    }
    return memory;
}

struct stack_arena *
stack_arena_create(void)
{
    return alloc_or_die(sizeof(struct stack_arena));
}

void
stack_arena_destroy(struct stack_arena *arena)
{
    if (!arena)
        return;
    for (struct arena_thing *thing = arena->things; thing; thing = thing->next)
        thing->destroy(thing->thing);
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    free(arena);
}

void *
stack_arena_alloc(struct stack_arena *arena, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    struct arena_block *block = arena->blocks;
    if (!block || block->size_bytes - block->used_bytes < bytes) {
        size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = alloc_or_die(sizeof *block + size);
        block->size_bytes = size;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *memory = block->data + block->used_bytes;
    block->used_bytes += bytes;
    return memory;
}

void
stack_arena_attach(struct stack_arena *arena, void (*destroy)(void *thing), void *thing)
{
    struct arena_thing *entry = stack_arena_alloc(arena, sizeof *entry);
    *entry = (struct arena_thing){arena->things, destroy, thing};
    arena->things = entry;
}

void *
stack_arena_array(struct stack_arena *arena, size_t count, size_t bytes)
{
    return stack_arena_alloc(arena, count * bytes);
}

char *
stack_arena_copy(struct stack_arena *arena, const char *text, size_t length_bytes)
{
    char *copy = stack_arena_alloc(arena, length_bytes + 1);
    memcpy(copy, text, length_bytes);
    return copy;
}

char *
stack_arena_format(struct stack_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = stack_arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

struct stack_node *
stack_node_create(struct stack_arena *arena, enum stack_node_kind kind, struct stack_place place)
{
    struct stack_node *node = stack_arena_alloc(arena, sizeof *node);
    node->kind = kind;
    node->place = node->key_place = place;
    return node;
}

void
stack_node_append(struct stack_node *parent, struct stack_node *child)
{
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

struct stack_node *
stack_node_find(const struct stack_node *map, const char *key)
{
    if (!map || map->kind != STACK_NODE_MAP)
        return NULL;
    for (struct stack_node *child = map->first; child; child = child->next)
        if (!strcmp(child->key, key))
            return child;
    return NULL;
}

const char *
stack_node_kind_words(const struct stack_node *node)
{
    switch (node->kind) {
    case STACK_NODE_MAP: return "a map";
    case STACK_NODE_LIST: return "a list";
    default: return node->text[0] || node->quoted ? "a single value" : "nothing";
    }
}
