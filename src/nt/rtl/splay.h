// SPDX-License-Identifier: MIT
// Generic tables: a splay tree of elements in the driver's memory, and a list of them in the order of insertion.
#ifndef NBX_NT_RTL_SPLAY_H
#define NBX_NT_RTL_SPLAY_H

#include <ntddk.h>
#include <stdbool.h>

// What lies before each element. Drivers see the size of it in what their allocate routine is asked for: 40 bytes, as on Windows.
struct rtl_splay_entry {
    RTL_SPLAY_LINKS links;
    LIST_ENTRY inserted;             // in InsertOrderList
    _Alignas(8) UCHAR data[];
};

// The calls compare and allocate through the driver's routines. locks: the driver's own; a look-up turns the tree, so it needs them too.
struct rtl_splay_entry *rtl_splay_find(RTL_GENERIC_TABLE *table, void *element);
struct rtl_splay_entry *rtl_splay_insert(RTL_GENERIC_TABLE *table, void *element, CLONG bytes, bool *is_new);
void rtl_splay_remove(RTL_GENERIC_TABLE *table, struct rtl_splay_entry *entry);
// In the order of comparison; NULL after the last. entry NULL: the first.
struct rtl_splay_entry *rtl_splay_next(RTL_GENERIC_TABLE *table, struct rtl_splay_entry *entry);

#endif
