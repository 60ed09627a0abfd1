// SPDX-License-Identifier: MIT
// Power events of a transport to the clients that registered a handler for them. The transport gets one answer: at once, or by its
// completion routine when a client has said STATUS_PENDING and TdiPnPPowerComplete since. The first client that refuses decides.
// [TdiPnPPowerRequest ff565057, TdiPnPPowerComplete ff565055]
#include <stdlib.h>

#include "tdi/tdi.h"
#include "verify/refuse.h"

// The next client to ask, which is not deregistered before asked_one. One answer more is awaited.
static bool
ask_next(struct tdi *tdi, struct tdi_power *power, uint64_t number, struct tdi_ask *ask)
{
    struct tdi_entry *found = NULL;
    KIRQL old = ke_lock_take(&tdi->lock);
    LIST_FOR_EACH(node, &tdi->entries[TDI_CLIENT]) {
        struct tdi_entry *client = LIST_ENTRY_OF(node, struct tdi_entry, node);
        if (client->info.PnPPowerHandler && client->number > number) {
            found = client;
            break;
        }
    }
    *ask = (struct tdi_ask){.client = found, .thread = ke_self()};
    if (found) {
        found->refs++;
        atomic_fetch_add(&found->asked, 1);
        list_push_back(&tdi->asks, &ask->node);
        power->pending++;
    }
    ke_lock_drop(&tdi->lock, old);
    return found != NULL;
}

static void
asked_one(struct tdi *tdi, struct tdi_ask *ask)
{
    KIRQL old = ke_lock_take(&tdi->lock);
    list_remove(&ask->node);
    if (atomic_fetch_sub(&ask->client->asked, 1) == 1 && ask->client->is_gone)
        sched_wake(sched_self->sched, &ask->client->asked, UINT32_MAX);
    tdi_entry_unref_locked(ask->client);
    ke_lock_drop(&tdi->lock, old);
}

bool
tdi_power_is_inside_locked(const struct tdi *tdi, const struct tdi_entry *client)
{
    bool is_inside = false;
    LIST_FOR_EACH(node, &tdi->asks) {
        const struct tdi_ask *ask = LIST_ENTRY_OF(node, struct tdi_ask, node);
        is_inside |= ask->client == client && ask->thread == ke_self();
    }
    return is_inside;
}

void
tdi_power_wait(struct tdi_entry *client)
{
    for (uint32_t asked; (asked = atomic_load(&client->asked));)
        sched_wait(sched_self->sched, &client->asked, asked, SCHED_NEVER);
}

// One answer less; true: it was the last, and power is off the list.
static bool
answered(struct tdi *tdi, struct tdi_power *power, NTSTATUS status)
{
    KIRQL old = ke_lock_take(&tdi->lock);
    if (status != STATUS_SUCCESS && power->status == STATUS_SUCCESS)
        power->status = status;
    bool is_last = --power->pending == 0;
    if (is_last)
        list_remove(&power->node);
    ke_lock_drop(&tdi->lock, old);
    return is_last;
}

NTSTATUS
tdi_power_request(UNICODE_STRING *device, NET_PNP_EVENT *event, TDI_PNP_CONTEXT *context1, TDI_PNP_CONTEXT *context2,
                  ProviderPnPPowerComplete on_done)
{
    struct tdi *tdi = tdi_of_box();
    struct tdi_power *power = tdi ? calloc(1, sizeof *power) : NULL;
    struct tdi_ask ask;
    if (!power)
        return STATUS_INSUFFICIENT_RESOURCES;
    *power = (struct tdi_power){.event = event, .on_done = on_done, .pending = 1};
    KIRQL old = ke_lock_take(&tdi->lock);
    list_push_back(&tdi->powers, &power->node);
    ke_lock_drop(&tdi->lock, old);
    for (uint64_t number = 0; ask_next(tdi, power, number, &ask);) {
        struct tdi_entry *client = ask.client;
        number = client->number;
        struct ke_crossing before = ke_driver_enter_code(ke_self(), (const void *)client->info.PnPPowerHandler, "TDI_PNP_POWER_HANDLER");
        NTSTATUS status = client->info.PnPPowerHandler(device, event, context1, context2);
        ke_driver_leave(ke_self(), before);
        if (status != STATUS_PENDING)
            answered(tdi, power, status);
        asked_one(tdi, &ask);
    }
    if (!answered(tdi, power, STATUS_SUCCESS))
        return STATUS_PENDING;
    NTSTATUS status = power->status;
    free(power);
    return status;
}

void
tdi_power_complete(HANDLE handle, NET_PNP_EVENT *event, NTSTATUS status)
{
    struct tdi *tdi = tdi_of_box();
    struct tdi_power *power = NULL;
    if (!tdi)
        return;
    KIRQL old = ke_lock_take(&tdi->lock);
    bool is_client = tdi_find_locked(tdi, handle, TDI_CLIENT) != NULL;
    LIST_FOR_EACH(node, &tdi->powers)
        if (!power && LIST_ENTRY_OF(node, struct tdi_power, node)->event == event)
            power = LIST_ENTRY_OF(node, struct tdi_power, node);
    ke_lock_drop(&tdi->lock, old);
    if (!is_client)
        verify_contract("TdiPnPPowerComplete", "this handle is not that of registered PnP handlers");
    if (!power || status == STATUS_PENDING)
        verify_contract("TdiPnPPowerComplete", power ? "STATUS_PENDING is no answer" : "this event is not pending");
    if (!answered(tdi, power, status))
        return;
    struct ke_crossing before = ke_driver_enter_code(ke_self(), (const void *)power->on_done, "ProviderPnPPowerComplete");
    power->on_done(power->event, power->status);
    ke_driver_leave(ke_self(), before);
    free(power);
}
