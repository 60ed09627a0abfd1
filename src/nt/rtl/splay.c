// SPDX-License-Identifier: MIT
// Splay trees with parent pointers; the root is its own parent, as RTL_SPLAY_LINKS has it. [Sleator and Tarjan 1985: bottom-up splaying]
#include "nt/rtl/splay.h"

static struct rtl_splay_entry *
entry_of(RTL_SPLAY_LINKS *links)
{
    return (struct rtl_splay_entry *)links;
}

static void
link_child(RTL_SPLAY_LINKS *parent, RTL_SPLAY_LINKS **side, RTL_SPLAY_LINKS *child)
{
    *side = child;
    if (child)
        child->Parent = parent;
}

static void
rotate_up(RTL_SPLAY_LINKS *node)
{
    RTL_SPLAY_LINKS *parent = node->Parent, *above = parent->Parent;
    if (parent->LeftChild == node) {
        link_child(parent, &parent->LeftChild, node->RightChild);
        link_child(node, &node->RightChild, parent);
    } else {
        link_child(parent, &parent->RightChild, node->LeftChild);
        link_child(node, &node->LeftChild, parent);
    }
    if (above == parent)
        node->Parent = node;
    else
        link_child(above, above->LeftChild == parent ? &above->LeftChild : &above->RightChild, node);
}

static RTL_SPLAY_LINKS *
splay(RTL_SPLAY_LINKS *node)
{
    while (node->Parent != node) {
        RTL_SPLAY_LINKS *parent = node->Parent, *above = parent->Parent;
        if (above != parent)   // the same side twice turns the parent first, otherwise the node twice
            rotate_up((above->LeftChild == parent) == (parent->LeftChild == node) ? parent : node);
        rotate_up(node);
    }
    return node;
}

// Where the element is, or below which node it would hang. NULL in an empty table.
static RTL_SPLAY_LINKS *
search(RTL_GENERIC_TABLE *table, void *element, RTL_GENERIC_COMPARE_RESULTS *result)
{
    RTL_SPLAY_LINKS *node = table->TableRoot;
    while (node) {
        *result = table->CompareRoutine(table, element, entry_of(node)->data);
        RTL_SPLAY_LINKS *next = *result == GenericLessThan ? node->LeftChild : *result == GenericGreaterThan ? node->RightChild : NULL;
        if (!next)
            break;
        node = next;
    }
    return node;
}

struct rtl_splay_entry *
rtl_splay_find(RTL_GENERIC_TABLE *table, void *element)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    RTL_SPLAY_LINKS *node = search(table, element, &result);
    if (!node)
        return NULL;
    table->TableRoot = splay(node);
    return result == GenericEqual ? entry_of(node) : NULL;
}

struct rtl_splay_entry *
rtl_splay_insert(RTL_GENERIC_TABLE *table, void *element, CLONG bytes, bool *is_new)
{
    RTL_GENERIC_COMPARE_RESULTS result;
    RTL_SPLAY_LINKS *at = search(table, element, &result);
    *is_new = !at || result != GenericEqual;
    if (!*is_new) {
        table->TableRoot = splay(at);
        return entry_of(at);
    }
    struct rtl_splay_entry *entry = table->AllocateRoutine(table, (CLONG)sizeof *entry + bytes);
    if (!entry) {
        *is_new = false;
        return NULL;
    }
    entry->links = (RTL_SPLAY_LINKS){.Parent = &entry->links};
    if (at)
        link_child(at, result == GenericLessThan ? &at->LeftChild : &at->RightChild, &entry->links);
    memcpy(entry->data, element, bytes);
    InsertTailList(&table->InsertOrderList, &entry->inserted);
    table->NumberGenericTableElements++;
    table->TableRoot = splay(&entry->links);
    return entry;
}

void
rtl_splay_remove(RTL_GENERIC_TABLE *table, struct rtl_splay_entry *entry)
{
    RTL_SPLAY_LINKS *node = splay(&entry->links), *left = node->LeftChild, *right = node->RightChild;
    if (left)
        left->Parent = left;
    if (right)
        right->Parent = right;
    if (left && right) {             // the greatest of the left comes up and takes the right
        while (left->RightChild)
            left = left->RightChild;
        left = splay(left);
        link_child(left, &left->RightChild, right);
    }
    table->TableRoot = left ? left : right;
    RemoveEntryList(&entry->inserted);
    table->NumberGenericTableElements--;
    table->WhichOrderedElement = 0;
    table->OrderedPointer = &table->InsertOrderList;
    table->FreeRoutine(table, entry);
}

struct rtl_splay_entry *
rtl_splay_next(RTL_GENERIC_TABLE *table, struct rtl_splay_entry *entry)
{
    RTL_SPLAY_LINKS *node = entry ? entry->links.RightChild : table->TableRoot;
    if (node) {
        while (node->LeftChild)
            node = node->LeftChild;
        return entry_of(node);
    }
    if (!entry)
        return NULL;
    for (node = &entry->links; node->Parent != node; node = node->Parent)
        if (node->Parent->LeftChild == node)
            return entry_of(node->Parent);
    return NULL;
}
