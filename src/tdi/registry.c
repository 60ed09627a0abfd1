// SPDX-License-Identifier: MIT
// Who and what is registered: providers, device objects, net addresses, clients, each on the list of its kind in the order of coming.
//   register   -> entry on its list, an event for the clients, told before the caller goes on (notify.c)
//   deregister -> those who were told of it are told that it is gone, then it is off the list; the memory goes with the last event about it
// Nothing hangs together but by name, so everything may be deregistered in any order.
#include <stdlib.h>
#include <string.h>

#include "nt/ob/ob.h"
#include "tdi/tdi.h"
#include "verify/refuse.h"

static void
tdi_destroy(struct box *box, void *context)
{
    static const char *const words[] = {[TDI_PROVIDER] = "TdiDeregisterProvider", [TDI_DEVICE] = "TdiDeregisterDeviceObject",
                                        [TDI_ADDRESS] = "TdiDeregisterNetAddress", [TDI_CLIENT] = "TdiDeregisterPnPHandlers"};
    struct tdi *tdi = context;
    box->tdi = NULL;
    for (int kind = TDI_PROVIDER; kind <= TDI_CLIENT; kind++)
        for (struct list *node; (node = list_pop_front(&tdi->entries[kind]));) {
            struct tdi_entry *entry = LIST_ENTRY_OF(node, struct tdi_entry, node);
            char name[64];
            box_leftover(box, "a TDI registration%s%s, made and not undone (%s)", entry->name.Length ? " of " : "",
                         ob_string_text(&entry->name, name, sizeof name), words[kind]);
            entry->refs = 1;
            tdi_entry_unref_locked(entry);
        }
    for (struct list *node; (node = list_pop_front(&tdi->powers));) {
        box_leftover(box, "a power event that a TDI client left pending (TdiPnPPowerComplete)");
        free(LIST_ENTRY_OF(node, struct tdi_power, node));
    }
    free(tdi);
}

struct tdi *
tdi_of_box(void)
{
    struct box *box = ke_self()->box;
    struct tdi *tdi = box->tdi, *none = NULL;
    if (tdi)
        return tdi;
    tdi = calloc(1, sizeof *tdi);
    if (!tdi)
        return NULL;
    tdi->box = box;
    for (int kind = 0; kind <= TDI_CLIENT; kind++)
        list_init(&tdi->entries[kind]);
    list_init(&tdi->events);
    list_init(&tdi->powers);
    list_init(&tdi->asks);
    tdi->upper = (struct box_upper){.destroy = tdi_destroy, .context = tdi, .after_drivers = true};
    if (!atomic_compare_exchange_strong(&box->tdi, &none, tdi)) {
        free(tdi);
        return none;
    }
    box_attach(box, &tdi->upper);
    return tdi;
}

void
tdi_entry_unref_locked(struct tdi_entry *entry)
{
    if (--entry->refs)
        return;
    ob_string_free(&entry->name);
    free(entry->address);
    free(entry->context);
    free(entry);
}

struct tdi_entry *
tdi_find_locked(struct tdi *tdi, HANDLE handle, enum tdi_kind kind)
{
    LIST_FOR_EACH(node, &tdi->entries[kind])
        if (LIST_ENTRY_OF(node, struct tdi_entry, node) == handle)
            return ((struct tdi_entry *)handle)->is_gone ? NULL : handle;
    return NULL;
}

struct tdi_entry *
tdi_entry_after(struct tdi *tdi, enum tdi_kind kind, uint64_t number)
{
    struct tdi_entry *found = NULL;
    KIRQL old = ke_lock_take(&tdi->lock);
    LIST_FOR_EACH(node, &tdi->entries[kind])
        if (LIST_ENTRY_OF(node, struct tdi_entry, node)->number > number) {
            found = LIST_ENTRY_OF(node, struct tdi_entry, node);
            found->refs++;
            break;
        }
    ke_lock_drop(&tdi->lock, old);
    return found;
}

void
tdi_entry_drop(struct tdi *tdi, struct tdi_entry *entry)
{
    KIRQL old = ke_lock_take(&tdi->lock);
    tdi_entry_unref_locked(entry);
    ke_lock_drop(&tdi->lock, old);
}

static void *
copy_of(const void *from, size_t bytes)
{
    void *to = malloc(bytes);
    if (to)
        memcpy(to, from, bytes);
    return to;
}

static struct tdi_entry *
entry_create(const struct tdi_entry *what, const TDI_PNP_CONTEXT *context)
{
    struct tdi_entry *entry = copy_of(what, sizeof *what);
    if (!entry)
        return NULL;
    entry->refs = 1;
    entry->name = (UNICODE_STRING){0};
    bool is_whole = ob_string_copy(&what->name, &entry->name) == STATUS_SUCCESS;
    if (what->address)
        is_whole &= (entry->address = copy_of(what->address, offsetof(TA_ADDRESS, Address) + what->address->AddressLength)) != NULL;
    entry->context = NULL;
    if (context)
        is_whole &= (entry->context = copy_of(context, offsetof(TDI_PNP_CONTEXT, ContextData) + context->ContextSize)) != NULL;
    if (is_whole)
        return entry;
    tdi_entry_unref_locked(entry);
    return NULL;
}

// A network is ready when there is a provider and each of them is.
static bool
net_becomes_ready_locked(struct tdi *tdi)
{
    bool is_ready = !list_is_empty(&tdi->entries[TDI_PROVIDER]);
    LIST_FOR_EACH(node, &tdi->entries[TDI_PROVIDER])
        is_ready &= LIST_ENTRY_OF(node, struct tdi_entry, node)->is_ready;
    bool becomes = is_ready && !tdi->is_net_ready;
    tdi->is_net_ready = is_ready;
    return becomes;
}

NTSTATUS
tdi_register(const struct tdi_entry *what, const TDI_PNP_CONTEXT *context, HANDLE *handle)
{
    static const enum tdi_event_kind told_as[] = {[TDI_DEVICE] = TDI_TELL_DEVICE, [TDI_ADDRESS] = TDI_TELL_ADDRESS,
                                                  [TDI_CLIENT] = TDI_TELL_ALL};
    struct tdi *tdi = tdi_of_box();
    struct tdi_entry *entry = tdi ? entry_create(what, context) : NULL;
    if (!entry)
        return STATUS_INSUFFICIENT_RESOURCES;
    KIRQL old = ke_lock_take(&tdi->lock);
    bool is_done = what->kind == TDI_PROVIDER ||
                   tdi_tell_locked(tdi, told_as[what->kind], entry, what->kind == TDI_CLIENT ? entry : NULL);
    if (is_done) {
        entry->number = ++tdi->last_number;
        list_push_back(&tdi->entries[what->kind], &entry->node);
    } else {
        tdi_entry_unref_locked(entry);
    }
    if (is_done && what->kind == TDI_PROVIDER)
        net_becomes_ready_locked(tdi);
    ke_lock_drop(&tdi->lock, old);
    if (!is_done)
        return STATUS_INSUFFICIENT_RESOURCES;
    *handle = entry;   // before anybody is told: the client's routine may want it
    tdi_tell_now(tdi);
    return STATUS_SUCCESS;
}

NTSTATUS
tdi_deregister(HANDLE handle, enum tdi_kind kind, const char *function)
{
    struct tdi *tdi = tdi_of_box();
    if (!tdi)
        return STATUS_INSUFFICIENT_RESOURCES;
    KIRQL old = ke_lock_take(&tdi->lock);
    struct tdi_entry *entry = tdi_find_locked(tdi, handle, kind);
    NTSTATUS status = STATUS_SUCCESS;
    if (entry && kind == TDI_CLIENT && ((tdi->told == entry && tdi->teller == ke_self()) || tdi_power_is_inside_locked(tdi, entry)))
        status = STATUS_NETWORK_BUSY;   // from inside its own routine [TdiDeregisterPnPHandlers page]
    else if (entry && (kind == TDI_DEVICE || kind == TDI_ADDRESS) &&
             !tdi_tell_locked(tdi, kind == TDI_DEVICE ? TDI_TELL_DEVICE_GONE : TDI_TELL_ADDRESS_GONE, entry, NULL))
        status = STATUS_INSUFFICIENT_RESOURCES;
    bool is_done = entry && status == STATUS_SUCCESS;
    if (is_done)
        entry->is_gone = true;
    bool leaves_now = is_done && (kind == TDI_PROVIDER || kind == TDI_CLIENT);
    if (leaves_now)
        list_remove(&entry->node);
    if (leaves_now && kind == TDI_PROVIDER && net_becomes_ready_locked(tdi))
        tdi_tell_locked(tdi, TDI_TELL_NET_READY, NULL, NULL);
    ke_lock_drop(&tdi->lock, old);
    if (!entry)
        verify_contract(function, "this handle is not registered, or not any more");
    if (!is_done)
        return status;
    tdi_tell_now(tdi);   // a client whose routine runs elsewhere has left it when this returns
    if (leaves_now && kind == TDI_CLIENT)
        tdi_power_wait(entry);
    if (leaves_now)
        tdi_entry_drop(tdi, entry);
    return STATUS_SUCCESS;
}

NTSTATUS
tdi_provider_ready(HANDLE handle)
{
    struct tdi *tdi = tdi_of_box();
    if (!tdi)
        return STATUS_INSUFFICIENT_RESOURCES;
    KIRQL old = ke_lock_take(&tdi->lock);
    struct tdi_entry *entry = tdi_find_locked(tdi, handle, TDI_PROVIDER);
    bool is_done = !entry || entry->is_ready || tdi_tell_locked(tdi, TDI_TELL_PROVIDER_READY, entry, NULL);
    if (entry && is_done) {
        entry->is_ready = true;
        if (net_becomes_ready_locked(tdi))
            tdi_tell_locked(tdi, TDI_TELL_NET_READY, NULL, NULL);
    }
    ke_lock_drop(&tdi->lock, old);
    if (!entry)
        verify_contract("TdiProviderReady", "this handle is not that of a registered provider");
    if (!is_done)
        return STATUS_INSUFFICIENT_RESOURCES;
    tdi_tell_now(tdi);
    return STATUS_SUCCESS;
}

NTSTATUS
tdi_addresses_tell(HANDLE handle)
{
    struct tdi *tdi = tdi_of_box();
    if (!tdi)
        return STATUS_INSUFFICIENT_RESOURCES;
    KIRQL old = ke_lock_take(&tdi->lock);
    struct tdi_entry *client = tdi_find_locked(tdi, handle, TDI_CLIENT);
    bool is_done = client && tdi_tell_locked(tdi, TDI_TELL_ADDRESSES, client, client);
    ke_lock_drop(&tdi->lock, old);
    if (!client)
        verify_contract("TdiEnumerateAddresses", "this handle is not that of registered PnP handlers");
    if (!is_done)
        return STATUS_INSUFFICIENT_RESOURCES;
    tdi_tell_now(tdi);
    return STATUS_SUCCESS;
}
