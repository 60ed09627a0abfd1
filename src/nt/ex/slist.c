// SPDX-License-Identifier: MIT
// SLISTs behind a lock word (slist.h says why).
#include "nt/ex/slist.h"

#include "nt/ke/word.h"

struct slist {
    _Atomic uint32_t lock;
    uint16_t depth;
    uint16_t pad;
    SLIST_ENTRY *first;
};
_Static_assert(sizeof(struct slist) == sizeof(SLIST_HEADER), "it lies in the driver's header");

static inline struct slist *
slist_of(const SLIST_HEADER *head)
{
    return (struct slist *)(uintptr_t)head;
}

void
ex_slist_init(SLIST_HEADER *head)
{
    *head = (SLIST_HEADER){.Alignment = 0};
}

SLIST_ENTRY *
ex_slist_push_list(SLIST_HEADER *head, SLIST_ENTRY *first, SLIST_ENTRY *last, ULONG count)
{
    struct slist *list = slist_of(head);
    ke_word_lock(&list->lock);
    SLIST_ENTRY *before = list->first;
    last->Next = before;
    list->first = first;
    list->depth = (uint16_t)(list->depth + count);
    ke_word_unlock(&list->lock);
    return before;
}

SLIST_ENTRY *
ex_slist_push(SLIST_HEADER *head, SLIST_ENTRY *entry)
{
    return ex_slist_push_list(head, entry, entry, 1);
}

SLIST_ENTRY *
ex_slist_pop(SLIST_HEADER *head)
{
    struct slist *list = slist_of(head);
    ke_word_lock(&list->lock);
    SLIST_ENTRY *entry = list->first;
    if (entry) {
        list->first = entry->Next;
        list->depth--;
    }
    ke_word_unlock(&list->lock);
    return entry;
}

SLIST_ENTRY *
ex_slist_flush(SLIST_HEADER *head)
{
    struct slist *list = slist_of(head);
    ke_word_lock(&list->lock);
    SLIST_ENTRY *first = list->first;
    list->first = NULL;
    list->depth = 0;
    ke_word_unlock(&list->lock);
    return first;
}

SLIST_ENTRY *
ex_slist_first(const SLIST_HEADER *head)
{
    struct slist *list = slist_of(head);
    ke_word_lock(&list->lock);
    SLIST_ENTRY *first = list->first;
    ke_word_unlock(&list->lock);
    return first;
}

USHORT
ex_slist_depth(const SLIST_HEADER *head)
{
    struct slist *list = slist_of(head);
    ke_word_lock(&list->lock);
    USHORT depth = list->depth;
    ke_word_unlock(&list->lock);
    return depth;
}
