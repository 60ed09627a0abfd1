// SPDX-License-Identifier: MIT
// Intrusive doubly linked list: the head is a node too; an empty list points at itself.
#ifndef NBX_BASE_LIST_H
#define NBX_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_ENTRY_OF(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))
#define LIST_FOR_EACH(node, head) for (struct list *node = (head)->next; node != (head); node = node->next)
// The node may be taken out of the list in the loop's body.
#define LIST_FOR_EACH_SAFE(node, head)                                                                                 \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head); node = node##_next, node##_next = node->next)

static inline void
list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool
list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void
list_insert_after(struct list *at, struct list *node)
{
    node->prev = at;
    node->next = at->next;
    at->next->prev = node;
    at->next = node;
}

static inline void
list_push_back(struct list *head, struct list *node)
{
    list_insert_after(head->prev, node);
}

static inline void
list_push_front(struct list *head, struct list *node)
{
    list_insert_after(head, node);
}

// Take the node out; it then is an empty list of its own, so that taking it out twice is harmless.
static inline void
list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

static inline struct list *
list_pop_front(struct list *head)
{
    struct list *node = head->next;
    if (node == head)
        return NULL;
    list_remove(node);
    return node;
}

#endif
