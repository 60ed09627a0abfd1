// SPDX-License-Identifier: MIT
// Virtual miniports. See im.h for their states.
//   ProtocolBindAdapterEx -> NdisIMInitializeDeviceInstanceEx -> ndis_im_ask -> queued for the PnP thread, or waits for the device
//   ndis_virtual_declare -> the device is there -> queued, if it was asked for
//   PnP thread: im_begin_work -> ndis_adapter_start -> MiniportInitializeEx -> on_change: filters, restart, protocols above
//   ProtocolUnbindAdapterEx -> NdisIMDeInitializeDeviceInstance -> ndis_adapter_stop: unbinds above, detaches, MiniportHaltEx
// MiniportInitializeEx is never called inside NdisIMInitializeDeviceInstanceEx here, but always soon after; the page allows both.
#include "ndis/im.h"

#include <string.h>

#include "verify/refuse.h"

// Under ndis->lock.
static struct ndis_im *
im_find(struct ndis *ndis, const UNICODE_STRING *name)
{
    LIST_FOR_EACH(node, &ndis->ims) {
        struct ndis_im *im = LIST_ENTRY_OF(node, struct ndis_im, node);
        if (ndis_string_equal(&im->device_name, name))
            return im;
    }
    return NULL;
}

static void
im_free(struct ndis_im *im)
{
    ndis_string_free(&im->device_name);
    ndis_free((void *)im->name);
    ndis_free((void *)im->service);
    ndis_free(im);
}

// Begin with one that was asked for and is there. Under ndis->lock.
static struct ndis_im *
im_next(struct ndis *ndis)
{
    LIST_FOR_EACH(node, &ndis->ims) {
        struct ndis_im *im = LIST_ENTRY_OF(node, struct ndis_im, node);
        bool matches = im->state == NDIS_IM_ASKED && im->declared && !strcmp(im->driver->image->name, im->service);
        if (matches && !im->driver->deregistering) {
            im->state = NDIS_IM_BEGUN;
            return im;
        }
    }
    return NULL;
}

static void
im_begin(struct ndis *ndis, struct ndis_im *im)
{
    struct ndis_adapter_config config = {.name = im->name, .driver = im->service};
    struct ndis_adapter *adapter = NULL;
    NDIS_STATUS status = ndis_adapter_start(im->driver, &config, im, &adapter);
    KIRQL old = ke_lock_take(&ndis->lock);
    im->state = status == NDIS_STATUS_SUCCESS ? NDIS_IM_UP : NDIS_IM_IDLE;
    ke_lock_drop(&ndis->lock, old);
    if (im->on_change)
        im->on_change(im->on_change_context, adapter, status);
}

static void
im_begin_work(void *arg)
{
    struct ndis *ndis = arg;
    for (;;) {
        KIRQL old = ke_lock_take(&ndis->lock);
        struct ndis_im *im = im_next(ndis);
        ke_lock_drop(&ndis->lock, old);
        if (!im)
            return;
        im_begin(ndis, im);
    }
}

// ---- the device's side ------------------------------------------------------------------------------------------------------------

static struct ndis_im *
im_create(const UNICODE_STRING *name)
{
    struct ndis_im *im = ndis_alloc(sizeof *im);
    if (im && ndis_string_copy(&im->device_name, name))
        return im;
    ndis_free(im);
    return NULL;
}

NDIS_STATUS
ndis_virtual_declare(struct box *box, const struct ndis_virtual_config *config, char *device_name, size_t device_name_bytes)
{
    struct ndis *ndis = box->ndis;
    UNICODE_STRING name = {0};
    NET_IFINDEX if_index;
    NET_LUID luid = {0};
    ndis_interface_number(ndis, &if_index, &luid);
    ndis_device_name(luid, device_name, device_name_bytes);
    struct ndis_im *fresh = ndis_string_make(&name, device_name) ? im_create(&name) : NULL;
    const char *own_name = ndis_strdup(config->name), *service = ndis_strdup(config->driver);
    if (!fresh || !own_name || !service) {
        if (fresh)
            im_free(fresh);
        ndis_free((void *)own_name);
        ndis_free((void *)service);
        ndis_string_free(&name);
        return NDIS_STATUS_RESOURCES;
    }
    KIRQL old = ke_lock_take(&ndis->lock);
    struct ndis_im *im = im_find(ndis, &name);   // asked for before it was there?
    if (!im) {
        list_push_back(&ndis->ims, &fresh->node);
        im = fresh;
        fresh = NULL;
    }
    im->name = own_name;
    im->service = service;
    im->if_index = if_index;
    im->luid = luid;
    im->on_change = config->on_change;
    im->on_change_context = config->context;
    im->declared = true;
    ke_lock_drop(&ndis->lock, old);
    if (fresh)
        im_free(fresh);
    ndis_string_free(&name);
    ndis_pnp_run(ndis, im_begin_work, ndis);
    return NDIS_STATUS_SUCCESS;
}

static void
settle_work(void *arg)
{
    (void)arg;
}

void
ndis_settle(struct box *box)
{
    ndis_pnp_run(box->ndis, settle_work, NULL);
}

void
ndis_im_leaving(struct ndis_im *im)
{
    if (im->on_change)
        im->on_change(im->on_change_context, NULL, NDIS_STATUS_SUCCESS);
}

void
ndis_im_destroy(struct ndis *ndis)
{
    struct list *node;
    while ((node = list_pop_front(&ndis->ims)))
        im_free(LIST_ENTRY_OF(node, struct ndis_im, node));
}

// ---- the driver's side ------------------------------------------------------------------------------------------------------------

NDIS_STATUS
ndis_im_ask(struct ndis_miniport_driver *driver, const UNICODE_STRING *name, NDIS_HANDLE context)
{
    struct ndis *ndis = driver->ndis;
    NDIS_STATUS status = NDIS_STATUS_NOT_ACCEPTED;
    if (!(driver->chars.Flags & NDIS_INTERMEDIATE_DRIVER))
        verify_contract("NdisIMInitializeDeviceInstanceEx", "the driver has not registered with NDIS_INTERMEDIATE_DRIVER");
    struct ndis_im *fresh = im_create(name);
    if (!fresh)
        return NDIS_STATUS_RESOURCES;
    KIRQL old = ke_lock_take(&ndis->lock);
    struct ndis_im *im = im_find(ndis, name);
    if (!im) {
        list_push_back(&ndis->ims, &fresh->node);
        im = fresh;
        fresh = NULL;
    }
    if (im->state == NDIS_IM_IDLE) {
        im->state = NDIS_IM_ASKED;
        im->driver = driver;
        im->context = context;
        status = NDIS_STATUS_SUCCESS;
    }
    ke_lock_drop(&ndis->lock, old);
    if (fresh)
        im_free(fresh);
    if (status == NDIS_STATUS_SUCCESS && ndis_pnp_queue(ndis, im_begin_work, ndis)) {
        ndis_im_cancel(driver, name);
        return NDIS_STATUS_RESOURCES;
    }
    return status;
}

NDIS_STATUS
ndis_im_cancel(struct ndis_miniport_driver *driver, const UNICODE_STRING *name)
{
    struct ndis *ndis = driver->ndis;
    NDIS_STATUS status = NDIS_STATUS_FAILURE;
    KIRQL old = ke_lock_take(&ndis->lock);
    struct ndis_im *im = im_find(ndis, name);
    if (im && im->state == NDIS_IM_ASKED && im->driver == driver) {
        im->state = NDIS_IM_IDLE;
        status = NDIS_STATUS_SUCCESS;
    }
    ke_lock_drop(&ndis->lock, old);
    return status;
}

void
ndis_im_forget(struct ndis_miniport_driver *driver)
{
    struct ndis *ndis = driver->ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    LIST_FOR_EACH(node, &ndis->ims) {
        struct ndis_im *im = LIST_ENTRY_OF(node, struct ndis_im, node);
        if (im->driver == driver && im->state == NDIS_IM_ASKED)
            im->state = NDIS_IM_IDLE;
    }
    if (driver->lower_edge)
        driver->lower_edge->upper_edge = NULL;
    ke_lock_drop(&ndis->lock, old);
}

struct im_deinitialize_call {
    struct ndis *ndis;
    NDIS_HANDLE handle;
    NDIS_STATUS status;
};

// The handle is only compared until an adapter of that address is found: it may be anything.
static void
im_deinitialize_work(void *arg)
{
    struct im_deinitialize_call *call = arg;
    LIST_FOR_EACH(node, &call->ndis->adapters) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(node, struct ndis_adapter, node);
        if (adapter != call->handle || !adapter->im || adapter->removing)
            continue;
        ndis_adapter_stop(adapter, NdisHaltDeviceInstanceDeInitialized);
        call->status = NDIS_STATUS_SUCCESS;
        return;
    }
    call->status = NDIS_STATUS_FAILURE;
}

NDIS_STATUS
ndis_im_deinitialize(NDIS_HANDLE handle)
{
    struct im_deinitialize_call call = {.ndis = ndis_self(), .handle = handle};
    ndis_pnp_run(call.ndis, im_deinitialize_work, &call);
    return call.status;
}

void
ndis_im_associate(struct ndis_miniport_driver *driver, struct ndis_protocol *protocol)
{
    if (!(driver->chars.Flags & NDIS_INTERMEDIATE_DRIVER))
        verify_contract("NdisIMAssociateMiniport", "the driver has not registered with NDIS_INTERMEDIATE_DRIVER");
    KIRQL old = ke_lock_take(&driver->ndis->lock);
    driver->lower_edge = protocol;
    protocol->upper_edge = driver;
    ke_lock_drop(&driver->ndis->lock, old);
}
