// SPDX-License-Identifier: MIT
// A binary heap of intrusive nodes, smallest key first; equal keys leave in the order of their sequence numbers, so the order
// never depends on addresses or on the heap's history. Nodes know their place, so one can be taken out from the middle.
//   heap_reserve (the only call that can fail) -> heap_push -> heap_first, heap_pop, heap_remove
// The heap gives a node its sequence number when it is pushed.
#ifndef NBX_BASE_HEAP_H
#define NBX_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_ENTRY_OF(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))
#define HEAP_NOWHERE SIZE_MAX

struct heap_node {
    uint64_t key;
    uint64_t sequence;
    size_t place;        // index in the heap's array; HEAP_NOWHERE when it is in none
};

struct heap {
    struct heap_node **nodes;
    size_t count, capacity;
    uint64_t next_sequence;
};

void heap_init(struct heap *heap);

// Free the array; the nodes stay the caller's.
void heap_destroy(struct heap *heap);

// Make room for `count` nodes in all, so that the pushes up to there cannot fail. fails: -ENOMEM.
int heap_reserve(struct heap *heap, size_t count);

// Put a node in. The room must have been reserved; pushing past it aborts.
void heap_push(struct heap *heap, struct heap_node *node, uint64_t key);

// Take a node out, wherever it is; nothing happens to a node that is in no heap.
void heap_remove(struct heap *heap, struct heap_node *node);

static inline void
heap_node_init(struct heap_node *node)
{
    node->place = HEAP_NOWHERE;
}

static inline bool
heap_holds(const struct heap_node *node)
{
    return node->place != HEAP_NOWHERE;
}

// The node with the smallest key, or NULL.
static inline struct heap_node *
heap_first(const struct heap *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}

static inline struct heap_node *
heap_pop(struct heap *heap)
{
    struct heap_node *node = heap_first(heap);
    if (node)
        heap_remove(heap, node);
    return node;
}

#endif
