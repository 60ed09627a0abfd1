// SPDX-License-Identifier: MIT
// Telling clients what has happened, one thing at a time and in the order of happening.
//   tdi_tell_locked -> the queue        tdi_tell_now -> whoever gets the turn tells all that is queued; the others wait for their turn
// A client that registers is told first of all that is there already: device objects, addresses, ready providers. An event that
// happened before it came is not told it again, because telling it everything is an event too and has its place in the queue.
#include <stdlib.h>
#include <string.h>

#include "tdi/tdi.h"

bool
tdi_tell_locked(struct tdi *tdi, enum tdi_event_kind kind, struct tdi_entry *entry, struct tdi_entry *client)
{
    struct tdi_event *event = calloc(1, sizeof *event);
    if (!event)
        return false;
    *event = (struct tdi_event){.kind = kind, .entry = entry, .client = client};
    if (entry)
        entry->refs++;
    if (client)
        client->refs++;
    list_push_back(&tdi->events, &event->node);
    return true;
}

// --- one client, one thing ---------------------------------------------------------------------------------------------------------

// The names of all device objects, each ended by a 0, and one more; NULL when there is no memory.
static WCHAR *
bind_list(struct tdi *tdi)
{
    size_t count = 1, at = 0;
    KIRQL old = ke_lock_take(&tdi->lock);
    LIST_FOR_EACH(node, &tdi->entries[TDI_DEVICE])
        count += LIST_ENTRY_OF(node, struct tdi_entry, node)->name.Length / sizeof(WCHAR) + 1;
    WCHAR *list = calloc(count, sizeof(WCHAR));
    if (list)
        LIST_FOR_EACH(node, &tdi->entries[TDI_DEVICE]) {
            const UNICODE_STRING *name = &LIST_ENTRY_OF(node, struct tdi_entry, node)->name;
            memcpy(list + at, name->Buffer, name->Length);
            at += name->Length / sizeof(WCHAR) + 1;
        }
    ke_lock_drop(&tdi->lock, old);
    return list;
}

static void
tell_binding(struct tdi *tdi, struct tdi_entry *client, TDI_PNP_OPCODE opcode, UNICODE_STRING *name)
{
    const void *code = client->is_version_one && opcode == TDI_PNP_OP_DEL ? (void *)client->info.UnBindHandler
                                                                          : (void *)client->info.BindHandler;
    if (!code || (client->is_version_one && opcode != TDI_PNP_OP_ADD && opcode != TDI_PNP_OP_DEL))
        return;
    WCHAR *list = opcode == TDI_PNP_OP_ADD && !client->is_version_one ? bind_list(tdi) : NULL;
    const char *word = opcode == TDI_PNP_OP_DEL ? "TDI_UNBIND_HANDLER" : "TDI_BIND_HANDLER";
    word = client->is_version_one ? word : "TDI_BINDING_HANDLER";
    struct ke_crossing before = ke_driver_enter_code(ke_self(), code, word);
    if (!client->is_version_one)
        client->info.BindingHandler(opcode, name, list);
    else if (opcode == TDI_PNP_OP_DEL)
        client->info.UnBindHandler(name);
    else
        client->info.BindHandler(name);
    ke_driver_leave(ke_self(), before);
    free(list);
}

static void
tell_address(struct tdi_entry *client, struct tdi_entry *address, bool is_gone)
{
    const void *code = is_gone ? (void *)client->info.DelAddressHandler : (void *)client->info.AddAddressHandler;
    if (!code)
        return;
    static const char *const words[2][2] = {{"TDI_ADD_ADDRESS_HANDLER_V2", "TDI_DEL_ADDRESS_HANDLER_V2"},
                                            {"TDI_ADD_ADDRESS_HANDLER", "TDI_DEL_ADDRESS_HANDLER"}};
    struct ke_crossing before = ke_driver_enter_code(ke_self(), code, words[client->is_version_one][is_gone]);
    if (client->is_version_one && is_gone)
        client->info.DelAddressHandler(address->address);
    else if (client->is_version_one)
        client->info.AddAddressHandler(address->address);
    else if (is_gone)
        client->info.DelAddressHandlerV2(address->address, &address->name, address->context);
    else
        client->info.AddAddressHandlerV2(address->address, &address->name, address->context);
    ke_driver_leave(ke_self(), before);
}

static void
tell(struct tdi *tdi, struct tdi_entry *client, enum tdi_event_kind kind, struct tdi_entry *entry)
{
    switch (kind) {
    case TDI_TELL_DEVICE:
        tell_binding(tdi, client, TDI_PNP_OP_ADD, &entry->name);
        break;
    case TDI_TELL_DEVICE_GONE:
        tell_binding(tdi, client, TDI_PNP_OP_DEL, &entry->name);
        break;
    case TDI_TELL_PROVIDER_READY:
        tell_binding(tdi, client, TDI_PNP_OP_PROVIDERREADY, &entry->name);
        break;
    case TDI_TELL_NET_READY:
        tell_binding(tdi, client, TDI_PNP_OP_NETREADY, NULL);
        break;
    case TDI_TELL_ADDRESS:
    case TDI_TELL_ADDRESS_GONE:
        tell_address(client, entry, kind == TDI_TELL_ADDRESS_GONE);
        break;
    default:
        break;
    }
}

// --- walking ---------------------------------------------------------------------------------------------------------------------

static void
client_tell(struct tdi *tdi, struct tdi_entry *client, enum tdi_event_kind kind, struct tdi_entry *entry)
{
    if (client->is_gone)
        return;
    tdi->told = client;
    tell(tdi, client, kind, entry);
    tdi->told = NULL;
}

// What one list holds, to one client; only what the others know already.
static void
replay(struct tdi *tdi, struct tdi_entry *client, enum tdi_kind kind, enum tdi_event_kind as)
{
    struct tdi_entry *entry;
    for (uint64_t number = 0; (entry = tdi_entry_after(tdi, kind, number));) {
        number = entry->number;
        if (kind == TDI_PROVIDER ? entry->is_ready : entry->is_told)
            client_tell(tdi, client, as, entry);
        tdi_entry_drop(tdi, entry);
    }
}

static void
event_tell(struct tdi *tdi, struct tdi_event *event)
{
    struct tdi_entry *client;
    if (event->kind == TDI_TELL_ALL) {
        replay(tdi, event->client, TDI_DEVICE, TDI_TELL_DEVICE);
        replay(tdi, event->client, TDI_ADDRESS, TDI_TELL_ADDRESS);
        replay(tdi, event->client, TDI_PROVIDER, TDI_TELL_PROVIDER_READY);
        event->client->is_told = true;
        if (tdi->is_net_ready)
            client_tell(tdi, event->client, TDI_TELL_NET_READY, NULL);
        return;
    }
    if (event->kind == TDI_TELL_ADDRESSES) {
        replay(tdi, event->client, TDI_ADDRESS, TDI_TELL_ADDRESS);
        return;
    }
    if (event->entry)
        event->entry->is_told = true;
    for (uint64_t number = 0; (client = tdi_entry_after(tdi, TDI_CLIENT, number));) {
        number = client->number;
        if (client->is_told)   // it came before this happened, or it is told later, with the rest
            client_tell(tdi, client, event->kind, event->entry);
        tdi_entry_drop(tdi, client);
    }
    if (event->kind == TDI_TELL_DEVICE_GONE || event->kind == TDI_TELL_ADDRESS_GONE) {
        KIRQL old = ke_lock_take(&tdi->lock);
        list_remove(&event->entry->node);
        tdi_entry_unref_locked(event->entry);
        ke_lock_drop(&tdi->lock, old);
    }
}

// --- taking turns ----------------------------------------------------------------------------------------------------------------

static void
turn_take(struct tdi *tdi)
{
    struct sched *sched = sched_self->sched;
    uint32_t free_word = 0;
    while (!atomic_compare_exchange_strong(&tdi->turn, &free_word, 1)) {
        sched_wait(sched, &tdi->turn, 1, SCHED_NEVER);
        free_word = 0;
    }
    tdi->teller = ke_self();
}

static void
turn_drop(struct tdi *tdi)
{
    tdi->teller = NULL;
    atomic_store(&tdi->turn, 0);
    sched_wake(sched_self->sched, &tdi->turn, UINT32_MAX);
}

void
tdi_tell_now(struct tdi *tdi)
{
    if (atomic_load(&tdi->turn) && tdi->teller == ke_self())
        return;   // called from a client's routine: whoever tells goes on when it is back
    turn_take(tdi);
    for (;;) {
        KIRQL old = ke_lock_take(&tdi->lock);
        struct list *node = list_pop_front(&tdi->events);
        ke_lock_drop(&tdi->lock, old);
        if (!node)
            break;
        struct tdi_event *event = LIST_ENTRY_OF(node, struct tdi_event, node);
        event_tell(tdi, event);
        if (event->entry)
            tdi_entry_drop(tdi, event->entry);
        if (event->client)
            tdi_entry_drop(tdi, event->client);
        free(event);
    }
    turn_drop(tdi);
}
