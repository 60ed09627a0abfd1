// SPDX-License-Identifier: MIT
// See ifstack.h. Everything here is rare: lists under the lock of the room.
#include "ndis/ifstack.h"

#include "ndis/im.h"

struct ifstack_entry {
    struct list node;                 // ndis->ifstack
    NET_IFINDEX higher, lower;
};

struct sought {
    const NET_LUID *by_luid;          // NULL: by index
    NET_IFINDEX index;
    NET_LUID luid;
};

static bool
is_sought(struct sought *sought, NET_IFINDEX index, NET_LUID luid)
{
    if (!index || (sought->by_luid ? luid.Value != sought->by_luid->Value : index != sought->index))
        return false;
    sought->index = index;
    sought->luid = luid;
    return true;
}

// An adapter inside MiniportInitializeEx stands in no list yet, but its driver has been told its numbers; a declared virtual one has had
// its own since the stack was built (im.c).
static bool
interface_find_locked(struct ndis *ndis, struct sought *sought)
{
    if (ndis->starting && is_sought(sought, ndis->starting->if_index, ndis->starting->luid))
        return true;
    LIST_FOR_EACH(node, &ndis->adapters) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(node, struct ndis_adapter, node);
        if (is_sought(sought, adapter->if_index, adapter->luid))
            return true;
    }
    LIST_FOR_EACH(node, &ndis->ims) {
        struct ndis_im *im = LIST_ENTRY_OF(node, struct ndis_im, node);
        if (is_sought(sought, im->if_index, im->luid))
            return true;
    }
    return false;
}

static NDIS_STATUS
interface_find(struct ndis *ndis, struct sought *sought)
{
    KIRQL old = ke_lock_take(&ndis->lock);
    bool is_there = interface_find_locked(ndis, sought);
    ke_lock_drop(&ndis->lock, old);
    return is_there ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INTERFACE_NOT_FOUND;
}

NDIS_STATUS
ndis_interface_by_luid(struct ndis *ndis, NET_LUID luid, NET_IFINDEX *index)
{
    struct sought sought = {.by_luid = &luid};
    NDIS_STATUS status = interface_find(ndis, &sought);
    if (status == NDIS_STATUS_SUCCESS)
        *index = sought.index;
    return status;
}

NDIS_STATUS
ndis_interface_by_index(struct ndis *ndis, NET_IFINDEX index, NET_LUID *luid)
{
    struct sought sought = {.index = index};
    NDIS_STATUS status = interface_find(ndis, &sought);
    if (status == NDIS_STATUS_SUCCESS)
        *luid = sought.luid;
    return status;
}

static struct ifstack_entry *
entry_find_locked(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower)
{
    LIST_FOR_EACH(node, &ndis->ifstack) {
        struct ifstack_entry *entry = LIST_ENTRY_OF(node, struct ifstack_entry, node);
        if (entry->higher == higher && entry->lower == lower)
            return entry;
    }
    return NULL;
}

NDIS_STATUS
ndis_ifstack_add(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower)
{
    struct ifstack_entry *entry = ndis_alloc(sizeof *entry);
    if (!entry)
        return NDIS_STATUS_RESOURCES;
    *entry = (struct ifstack_entry){.higher = higher, .lower = lower};
    KIRQL old = ke_lock_take(&ndis->lock);
    bool is_known = interface_find_locked(ndis, &(struct sought){.index = higher}) &&
                    interface_find_locked(ndis, &(struct sought){.index = lower});
    if (is_known && !entry_find_locked(ndis, higher, lower)) {
        list_push_back(&ndis->ifstack, &entry->node);
        entry = NULL;
    }
    ke_lock_drop(&ndis->lock, old);
    ndis_free(entry);
    return is_known ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INTERFACE_NOT_FOUND;
}

void
ndis_ifstack_remove(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower)
{
    KIRQL old = ke_lock_take(&ndis->lock);
    struct ifstack_entry *entry = entry_find_locked(ndis, higher, lower);
    if (entry)
        list_remove(&entry->node);
    ke_lock_drop(&ndis->lock, old);
    ndis_free(entry);
}

static struct ifstack_entry *
entry_of_locked(struct ndis *ndis, NET_IFINDEX index)
{
    LIST_FOR_EACH(node, &ndis->ifstack) {
        struct ifstack_entry *entry = LIST_ENTRY_OF(node, struct ifstack_entry, node);
        if (!index || entry->higher == index || entry->lower == index)
            return entry;
    }
    return NULL;
}

void
ndis_ifstack_forget(struct ndis *ndis, NET_IFINDEX index)
{
    struct ifstack_entry *entry;
    do {
        KIRQL old = ke_lock_take(&ndis->lock);
        entry = entry_of_locked(ndis, index);
        if (entry)
            list_remove(&entry->node);
        ke_lock_drop(&ndis->lock, old);
        ndis_free(entry);
    } while (entry);
}

uint32_t
ndis_ifstack_count(struct ndis *ndis)
{
    uint32_t count = 0;
    KIRQL old = ke_lock_take(&ndis->lock);
    LIST_FOR_EACH(node, &ndis->ifstack)
        count++;
    ke_lock_drop(&ndis->lock, old);
    return count;
}
