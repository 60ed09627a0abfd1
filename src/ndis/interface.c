// SPDX-License-Identifier: MIT
// Interfaces, LUID indexes and the interface stack: lists under ndis->lock. Paths through this file:
//   ndis_interface_own_*   NDIS's own: adapters and filter modules, from their making to their end
//   ndis_luid_*       indexes given to providers, by interface type; NDIS's own come from the same counter, so none is given twice
//   ndis_provider_*   a driver that has interfaces of its own -> ndis_interface_register, deregister
//   ndis_interface_query, _set   what a management application asks of a provider's interface: the provider's own handlers
//   ndis_if_stack_*   "this interface stands above that one", as drivers say; NDIS's own order is asked of the adapters
// The box's registry ends with it, so indexes do not outlive the box.
#include "ndis/interface.h"

#include <string.h>

#include "ndis/header.h"
#include "verify/left.h"
#include "verify/refuse.h"

struct luid_index {
    struct list node;
    NET_IFTYPE type;
    uint32_t index;
};

struct ndis_provider {
    uint32_t kind;
    struct list node;
    struct ndis *ndis;
    struct io_image *image;                   // whose code registered it; NULL: none
    NDIS_IF_PROVIDER_CHARACTERISTICS chars;
    NDIS_HANDLE context;
    uint32_t interfaces;                      // registered and not yet deregistered
};

struct ndis_interface {
    struct list node;
    struct ndis_provider *provider;           // NULL: NDIS's own
    NET_LUID luid;
    NET_IFINDEX index;
    NDIS_HANDLE context;
};

struct stack_entry {
    struct list node;
    NET_IFINDEX higher, lower;
};

struct ndis_interfaces {                      // guarded by ndis->lock
    struct list luids, providers, interfaces, stack;
};

int
ndis_interfaces_create(struct ndis *ndis)
{
    struct ndis_interfaces *all = ndis_alloc(sizeof *all);
    if (!all)
        return -1;
    list_init(&all->luids);
    list_init(&all->providers);
    list_init(&all->interfaces);
    list_init(&all->stack);
    ndis->interfaces = all;
    return 0;
}

static void
list_free(struct list *list, size_t node_offset)
{
    struct list *node;
    while ((node = list_pop_front(list)))
        ndis_free((char *)node - node_offset);
}

uint32_t
ndis_interfaces_destroy(struct ndis *ndis)
{
    struct ndis_interfaces *all = ndis->interfaces;
    uint32_t left = 0;
    if (!all)
        return 0;
    LIST_FOR_EACH(node, &all->providers) {
        struct ndis_provider *provider = LIST_ENTRY_OF(node, struct ndis_provider, node);
        if (verify_left_one(ndis->box, VERIFY_LEFT_PROVIDER, provider, "NdisIfDeregisterProvider"))
            continue;
        left++;
        box_message(ndis->box, "left behind: an interface provider of %s with %u interfaces",
                    provider->image ? provider->image->name : "no driver", provider->interfaces);
    }
    list_free(&all->luids, offsetof(struct luid_index, node));
    list_free(&all->interfaces, offsetof(struct ndis_interface, node));
    list_free(&all->providers, offsetof(struct ndis_provider, node));
    list_free(&all->stack, offsetof(struct stack_entry, node));
    ndis_free(all);
    ndis->interfaces = NULL;
    return left;
}

// ---- LUID indexes -----------------------------------------------------------------------------------------------------------------

NDIS_STATUS
ndis_luid_alloc(struct ndis *ndis, NET_IFTYPE type, uint32_t *index)
{
    struct luid_index *given = ndis_alloc(sizeof *given);
    if (!given)
        return NDIS_STATUS_RESOURCES;
    KIRQL old = ke_lock_take(&ndis->lock);
    bool full = ndis->next_luid_index >= 0xffffff;
    if (!full) {
        given->type = type;
        given->index = *index = (uint32_t)++ndis->next_luid_index;
        list_push_back(&ndis->interfaces->luids, &given->node);
    }
    ke_lock_drop(&ndis->lock, old);
    if (full)
        ndis_free(given);
    return full ? NDIS_STATUS_RESOURCES : NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_luid_free(struct ndis *ndis, NET_IFTYPE type, uint32_t index)
{
    struct luid_index *found = NULL;
    KIRQL old = ke_lock_take(&ndis->lock);
    LIST_FOR_EACH(node, &ndis->interfaces->luids) {
        struct luid_index *given = LIST_ENTRY_OF(node, struct luid_index, node);
        if (given->type == type && given->index == index) {
            found = given;
            break;
        }
    }
    if (found)
        list_remove(&found->node);
    ke_lock_drop(&ndis->lock, old);
    ndis_free(found);
    return found ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PARAMETER;
}

// ---- finding ----------------------------------------------------------------------------------------------------------------------

// Walk all interfaces of the box under the lock until want(arg, ...) is true.
static bool
interface_walk_locked(struct ndis *ndis, bool (*want)(void *arg, NET_IFINDEX index, NET_LUID luid), void *arg)
{
    LIST_FOR_EACH(node, &ndis->interfaces->interfaces) {
        struct ndis_interface *interface = LIST_ENTRY_OF(node, struct ndis_interface, node);
        if (want(arg, interface->index, interface->luid))
            return true;
    }
    return false;
}

struct wanted {
    NET_IFINDEX index;
    NET_LUID luid;
};

static bool
has_luid(void *arg, NET_IFINDEX index, NET_LUID luid)
{
    struct wanted *wanted = arg;
    if (wanted->luid.Value != luid.Value)
        return false;
    wanted->index = index;
    return true;
}

static bool
has_index(void *arg, NET_IFINDEX index, NET_LUID luid)
{
    struct wanted *wanted = arg;
    if (wanted->index != index)
        return false;
    wanted->luid = luid;
    return true;
}

bool
ndis_interface_by_luid(struct ndis *ndis, NET_LUID luid, NET_IFINDEX *index)
{
    struct wanted wanted = {.luid = luid};
    KIRQL old = ke_lock_take(&ndis->lock);
    bool found = interface_walk_locked(ndis, has_luid, &wanted);
    ke_lock_drop(&ndis->lock, old);
    if (found)
        *index = wanted.index;
    return found;
}

bool
ndis_interface_by_index(struct ndis *ndis, NET_IFINDEX index, NET_LUID *luid)
{
    struct wanted wanted = {.index = index};
    KIRQL old = ke_lock_take(&ndis->lock);
    bool found = interface_walk_locked(ndis, has_index, &wanted);
    ke_lock_drop(&ndis->lock, old);
    if (found)
        *luid = wanted.luid;
    return found;
}

void
ndis_interface_highest(struct ndis_adapter *adapter, NET_IFINDEX *index, NET_LUID *luid)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    *index = adapter->if_index;
    *luid = adapter->luid;
    if (!list_is_empty(&adapter->filters)) {
        const struct ndis_filter *top = LIST_ENTRY_OF(adapter->filters.prev, struct ndis_filter, node);
        *index = top->if_index;
        *luid = top->luid;
    }
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

// What was said of an interface goes with it.
static void
stack_forget(struct ndis *ndis, NET_IFINDEX index)
{
    struct list gone;
    list_init(&gone);
    KIRQL old = ke_lock_take(&ndis->lock);
    LIST_FOR_EACH_SAFE(node, &ndis->interfaces->stack) {
        struct stack_entry *entry = LIST_ENTRY_OF(node, struct stack_entry, node);
        if (entry->higher == index || entry->lower == index) {
            list_remove(&entry->node);
            list_push_back(&gone, &entry->node);
        }
    }
    ke_lock_drop(&ndis->lock, old);
    list_free(&gone, offsetof(struct stack_entry, node));
}

bool
ndis_interface_own_add(struct ndis *ndis, NET_IFINDEX index, NET_LUID luid)
{
    struct ndis_interface *interface = ndis_alloc(sizeof *interface);
    if (!interface)
        return false;
    interface->luid = luid;
    interface->index = index;
    KIRQL old = ke_lock_take(&ndis->lock);
    list_push_back(&ndis->interfaces->interfaces, &interface->node);
    ke_lock_drop(&ndis->lock, old);
    return true;
}

void
ndis_interface_own_drop(struct ndis *ndis, NET_IFINDEX index)
{
    struct ndis_interface *found = NULL;
    KIRQL old = ke_lock_take(&ndis->lock);
    LIST_FOR_EACH(node, &ndis->interfaces->interfaces) {
        struct ndis_interface *interface = LIST_ENTRY_OF(node, struct ndis_interface, node);
        if (interface->index == index && !interface->provider) {
            found = interface;
            break;
        }
    }
    if (found)
        list_remove(&found->node);
    ke_lock_drop(&ndis->lock, old);
    ndis_free(found);
    stack_forget(ndis, index);
}

void
ndis_interface_below(const struct ndis_filter *filter, NET_IFINDEX *index, NET_LUID *luid)
{
    struct ndis_adapter *adapter = filter->module.adapter;
    if (list_is_empty(&filter->node)) {   // attaching: it will be the highest
        ndis_interface_highest(adapter, index, luid);
        return;
    }
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    bool lowest = filter->node.prev == &adapter->filters;
    const struct ndis_filter *below = LIST_ENTRY_OF(filter->node.prev, struct ndis_filter, node);
    *index = lowest ? adapter->if_index : below->if_index;
    *luid = lowest ? adapter->luid : below->luid;
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

// ---- providers --------------------------------------------------------------------------------------------------------------------

NDIS_STATUS
ndis_provider_register(struct ndis *ndis, const NDIS_IF_PROVIDER_CHARACTERISTICS *chars, NDIS_HANDLE context,
                       struct ndis_provider **out)
{
    if (chars->Header.Type != NDIS_OBJECT_TYPE_DEFAULT || chars->Header.Revision < 1 ||
        chars->Header.Size < NDIS_SIZEOF_IF_PROVIDER_CHARACTERISTICS_REVISION_1)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (!chars->QueryObjectHandler || !chars->SetObjectHandler)
        return NDIS_STATUS_INVALID_PARAMETER;
    struct ndis_provider *provider = ndis_alloc(sizeof *provider);
    if (!provider)
        return NDIS_STATUS_RESOURCES;
    provider->kind = NDIS_KIND_PROVIDER;
    provider->ndis = ndis;
    provider->image = ke_self()->driver;
    provider->chars = *chars;
    provider->context = context;
    KIRQL old = ke_lock_take(&ndis->lock);
    list_push_back(&ndis->interfaces->providers, &provider->node);
    ke_lock_drop(&ndis->lock, old);
    verify_had(VERIFY_LEFT_PROVIDER, provider, NULL, NULL);
    *out = provider;
    return NDIS_STATUS_SUCCESS;
}

bool
ndis_provider_deregister(struct ndis_provider *provider)
{
    struct ndis *ndis = provider->ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    bool empty = provider->interfaces == 0;
    if (empty)
        list_remove(&provider->node);
    ke_lock_drop(&ndis->lock, old);
    if (!empty)
        return false;
    verify_gave(ndis->box, VERIFY_LEFT_PROVIDER, provider);
    provider->kind = 0;
    ndis_free(provider);
    return true;
}

NDIS_STATUS
ndis_interface_register(struct ndis_provider *provider, NET_LUID luid, NDIS_HANDLE context, const NET_IF_INFORMATION *info,
                        NET_IFINDEX *index)
{
    struct ndis *ndis = provider->ndis;
    struct wanted wanted = {.luid = luid};
    if (!luid.Value || !ndis_header_is(&info->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_NET_IF_INFORMATION_REVISION_1) ||
        info->PhysAddressLength > IF_MAX_PHYS_ADDRESS_LENGTH)
        return NDIS_STATUS_INVALID_PARAMETER;
    struct ndis_interface *interface = ndis_alloc(sizeof *interface);
    if (!interface)
        return NDIS_STATUS_RESOURCES;
    interface->provider = provider;
    interface->luid = luid;
    interface->context = context;
    KIRQL old = ke_lock_take(&ndis->lock);
    bool exists = interface_walk_locked(ndis, has_luid, &wanted);
    if (!exists) {
        interface->index = *index = ++ndis->next_if_index;
        provider->interfaces++;
        list_push_back(&ndis->interfaces->interfaces, &interface->node);
    }
    ke_lock_drop(&ndis->lock, old);
    if (exists)
        ndis_free(interface);
    return exists ? NDIS_STATUS_DUPLICATE_OBJECTID : NDIS_STATUS_SUCCESS;
}

static struct ndis_interface *
interface_find_locked(struct ndis *ndis, NET_IFINDEX index)
{
    LIST_FOR_EACH(node, &ndis->interfaces->interfaces) {
        struct ndis_interface *interface = LIST_ENTRY_OF(node, struct ndis_interface, node);
        if (interface->index == index && interface->provider)
            return interface;
    }
    return NULL;
}

bool
ndis_interface_deregister(struct ndis *ndis, NET_IFINDEX index)
{
    KIRQL old = ke_lock_take(&ndis->lock);
    struct ndis_interface *interface = interface_find_locked(ndis, index);
    if (interface) {
        interface->provider->interfaces--;
        list_remove(&interface->node);
    }
    ke_lock_drop(&ndis->lock, old);
    if (interface)
        stack_forget(ndis, index);
    ndis_free(interface);
    return interface != NULL;
}

// ---- questions of management applications -----------------------------------------------------------------------------------------

// The provider's handler and context. The provider must not go away meanwhile: whoever asks also starts and ends the drivers.
static bool
interface_provider(struct box *box, NET_IFINDEX index, struct ndis_provider **provider, NDIS_HANDLE *context)
{
    KIRQL old = ke_lock_take(&box->ndis->lock);
    struct ndis_interface *interface = interface_find_locked(box->ndis, index);
    if (interface) {
        *provider = interface->provider;
        *context = interface->context;
    }
    ke_lock_drop(&box->ndis->lock, old);
    return interface != NULL;
}

NDIS_STATUS
ndis_interface_query(struct box *box, NET_IFINDEX index, NDIS_OID oid, void *buffer, uint32_t *bytes)
{
    struct ndis_provider *provider;
    NDIS_HANDLE context;
    if (!interface_provider(box, index, &provider, &context))
        return NDIS_STATUS_INTERFACE_NOT_FOUND;
    ULONG length = *bytes;
    NDIS_STATUS status =
        NDIS_CALL(provider->image, "ProviderQueryObject", provider->chars.QueryObjectHandler(context, oid, &length, buffer));
    if (status == NDIS_STATUS_SUCCESS && length > *bytes)
        verify_contract("ProviderQueryObject", "it says that it has written more than the buffer holds");
    *bytes = length;
    return status;
}

NDIS_STATUS
ndis_interface_set(struct box *box, NET_IFINDEX index, NDIS_OID oid, void *buffer, uint32_t bytes)
{
    struct ndis_provider *provider;
    NDIS_HANDLE context;
    if (!interface_provider(box, index, &provider, &context))
        return NDIS_STATUS_INTERFACE_NOT_FOUND;
    return NDIS_CALL(provider->image, "ProviderSetObject", provider->chars.SetObjectHandler(context, oid, bytes, buffer));
}

// ---- the stack --------------------------------------------------------------------------------------------------------------------

// NDIS's own entries: a filter module above the next lower one, the lowest above its adapter.
static bool
stack_own_has_locked(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower)
{
    LIST_FOR_EACH(node, &ndis->adapters) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(node, struct ndis_adapter, node);
        NET_IFINDEX below = adapter->if_index;
        LIST_FOR_EACH(each, &adapter->filters) {
            NET_IFINDEX above = LIST_ENTRY_OF(each, struct ndis_filter, node)->if_index;
            if (above == higher && below == lower)
                return true;
            below = above;
        }
    }
    return false;
}

static struct stack_entry *
stack_find_locked(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower)
{
    LIST_FOR_EACH(node, &ndis->interfaces->stack) {
        struct stack_entry *entry = LIST_ENTRY_OF(node, struct stack_entry, node);
        if (entry->higher == higher && entry->lower == lower)
            return entry;
    }
    return NULL;
}

bool
ndis_if_stack_has(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower)
{
    KIRQL old = ke_lock_take(&ndis->lock);
    bool has = stack_find_locked(ndis, higher, lower) || stack_own_has_locked(ndis, higher, lower);
    ke_lock_drop(&ndis->lock, old);
    return has;
}

// Can `to` be reached from `from` downwards by what drivers said? depth ends a walk through a table that has a loop already.
static bool
stack_leads_locked(struct ndis *ndis, NET_IFINDEX from, NET_IFINDEX to, int depth)
{
    if (from == to)
        return true;
    if (!depth)
        return false;
    LIST_FOR_EACH(node, &ndis->interfaces->stack) {
        struct stack_entry *entry = LIST_ENTRY_OF(node, struct stack_entry, node);
        if (entry->higher == from && stack_leads_locked(ndis, entry->lower, to, depth - 1))
            return true;
    }
    return false;
}

NDIS_STATUS
ndis_if_stack_add(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower)
{
    struct wanted above = {.index = higher}, below = {.index = lower};
    struct stack_entry *entry = ndis_alloc(sizeof *entry);
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    if (!entry)
        return NDIS_STATUS_RESOURCES;
    KIRQL old = ke_lock_take(&ndis->lock);
    if (!interface_walk_locked(ndis, has_index, &above) || !interface_walk_locked(ndis, has_index, &below)) {
        status = NDIS_STATUS_INTERFACE_NOT_FOUND;
    } else if (stack_leads_locked(ndis, lower, higher, 16)) {
        status = NDIS_STATUS_INVALID_PARAMETER;
    } else if (!stack_find_locked(ndis, higher, lower)) {
        entry->higher = higher;
        entry->lower = lower;
        list_push_back(&ndis->interfaces->stack, &entry->node);
        entry = NULL;
    }
    ke_lock_drop(&ndis->lock, old);
    ndis_free(entry);
    return status;
}

void
ndis_if_stack_delete(struct ndis *ndis, NET_IFINDEX higher, NET_IFINDEX lower)
{
    KIRQL old = ke_lock_take(&ndis->lock);
    struct stack_entry *entry = stack_find_locked(ndis, higher, lower);
    if (entry)
        list_remove(&entry->node);
    ke_lock_drop(&ndis->lock, old);
    ndis_free(entry);
}
