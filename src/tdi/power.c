// SPDX-License-Identifier: MIT
// Power events of a transport to the clients that registered a handler for them. The transport gets one answer: at once, or by its
// completion routine when a client has said STATUS_PENDING and TdiPnPPowerComplete since. The first client that refuses decides.
// [TdiPnPPowerRequest ff565057, TdiPnPPowerComplete ff565055]
#include <stdlib.h>

#include "tdi/tdi.h"
#include "verify/refuse.h"

static struct tdi_entry *
power_client(struct tdi *tdi, uint64_t number)
{
    struct tdi_entry *found = NULL;
    KIRQL old = ke_lock_take(&tdi->lock);
    LIST_FOR_EACH(node, &tdi->entries[TDI_CLIENT]) {
        struct tdi_entry *client = LIST_ENTRY_OF(node, struct tdi_entry, node);
        if (client->info.PnPPowerHandler && client->number > number) {
            found = client;
            found->refs++;
            break;
        }
    }
    ke_lock_drop(&tdi->lock, old);
    return found;
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
    struct tdi_entry *client;
    if (!power)
        return STATUS_INSUFFICIENT_RESOURCES;
    *power = (struct tdi_power){.event = event, .on_done = on_done, .pending = 1};
    KIRQL old = ke_lock_take(&tdi->lock);
    list_push_back(&tdi->powers, &power->node);
    ke_lock_drop(&tdi->lock, old);
    for (uint64_t number = 0; (client = power_client(tdi, number));) {
        number = client->number;
        old = ke_lock_take(&tdi->lock);
        power->pending++;
        ke_lock_drop(&tdi->lock, old);
        struct ke_crossing before = ke_driver_enter_code(ke_self(), (const void *)client->info.PnPPowerHandler, "TDI_PNP_POWER_HANDLER");
        NTSTATUS status = client->info.PnPPowerHandler(device, event, context1, context2);
        ke_driver_leave(ke_self(), before);
        if (status != STATUS_PENDING)
            answered(tdi, power, status);
        tdi_entry_drop(tdi, client);
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
