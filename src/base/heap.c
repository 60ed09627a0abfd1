// SPDX-License-Identifier: MIT
// The binary heap of heap.h: sift up on push, sift whichever way is needed on removal.
#include "base/heap.h"

#include <errno.h>
#include <stdlib.h>

void
heap_init(struct heap *heap)
{
    *heap = (struct heap){0};
}

void
heap_destroy(struct heap *heap)
{
    free(heap->nodes);
    *heap = (struct heap){0};
}

int
heap_reserve(struct heap *heap, size_t count)
{
    if (count <= heap->capacity)
        return 0;
    size_t capacity = heap->capacity ? heap->capacity : 16;
    while (capacity < count)
        if (__builtin_mul_overflow(capacity, 2, &capacity))
            return -ENOMEM;
    struct heap_node **nodes = reallocarray(heap->nodes, capacity, sizeof *nodes);
    if (!nodes)
        return -ENOMEM;
    heap->nodes = nodes;
    heap->capacity = capacity;
    return 0;
}

static bool
heap_is_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

static void
heap_place(struct heap *heap, size_t at, struct heap_node *node)
{
    heap->nodes[at] = node;
    node->place = at;
}

static void
heap_sift_up(struct heap *heap, size_t at, struct heap_node *node)
{
    while (at) {
        size_t parent = (at - 1) / 2;
        if (!heap_is_before(node, heap->nodes[parent]))
            break;
        heap_place(heap, at, heap->nodes[parent]);
        at = parent;
    }
    heap_place(heap, at, node);
}

static void
heap_sift_down(struct heap *heap, size_t at, struct heap_node *node)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap_is_before(heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (!heap_is_before(heap->nodes[child], node))
            break;
        heap_place(heap, at, heap->nodes[child]);
        at = child;
    }
    heap_place(heap, at, node);
}

void
heap_push(struct heap *heap, struct heap_node *node, uint64_t key)
{
    if (heap->count == heap->capacity)
        abort();
    node->key = key;
    node->sequence = heap->next_sequence++;
    heap_sift_up(heap, heap->count++, node);
}

void
heap_remove(struct heap *heap, struct heap_node *node)
{
    if (!heap_holds(node))
        return;
    size_t at = node->place;
    struct heap_node *last = heap->nodes[--heap->count];
    node->place = HEAP_NOWHERE;
    if (last == node)
        return;
    if (at && heap_is_before(last, heap->nodes[(at - 1) / 2]))
        heap_sift_up(heap, at, last);
    else
        heap_sift_down(heap, at, last);
}
