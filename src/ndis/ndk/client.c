// SPDX-License-Identifier: MIT
// Who uses NDK adapters: clients, what they have open, and the arrivals and removals that they are told of.
//   arrive   is_there = true -> on_arrival of each client
//   depart   is_there = false, so that nobody opens any more -> on_removal of each client -> wait for the last close
//   open     look up and count under ndis->lock -> OpenNDKAdapterHandler without it -> is it still there? else closed again, NOT_READY
//   close    off the client's list under ndis->lock -> CloseNDKAdapterHandler, which blocks -> count
// The PnP thread does the first two, so no two overlap and the list of clients needs no lock of its own. After MiniportShutdownEx nothing
// of the miniport is called, its CloseNDKAdapterHandler neither. A last close that does not come is NBX-0713.
// [ndisndk/nc-ndisndk-open_ndk_adapter_handler], [ndisndk/nc-ndisndk-close_ndk_adapter_handler],
// [network/ndkpi-object-lifetime-requirements, closing adapter objects]
#include <stdio.h>

#include "ndis/ndk/ndk_int.h"
#include "ndis/ndk/watch.h"
#include "ndis/words.h"
#include "verify/refuse.h"
#include "verify/report.h"
#include "verify/verify.h"

struct ndis_ndk_open {
    struct list node;                         // client->opens
    struct ndis_adapter *adapter;
    NDK_ADAPTER *object;
    struct ndk_watch *watch;                  // NULL: nobody watches
};

// ---- telling clients ----------------------------------------------------------------------------------------------------------------

static void
client_arrival(struct ndis_ndk_client *client, struct ndis_adapter *adapter)
{
    struct ndis_ndk_arrival arrival = {adapter->if_index, adapter->luid, adapter->name, &adapter->ndk->capabilities};
    client->is_called = true;
    client->on_arrival(client, &arrival);
    client->is_called = false;
}

static bool
ndk_there_set(struct ndis_adapter *adapter, bool is_there)
{
    struct ndis *ndis = adapter->module.ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    bool was = adapter->ndk->is_there;
    adapter->ndk->is_there = is_there;
    ke_lock_drop(&ndis->lock, old);
    return was;
}

void
ndis_ndk_arrive(struct ndis_adapter *adapter)
{
    struct ndis_ndk *ndk = adapter->ndk;
    if (!ndk || !ndk->is_enabled || !ndk->has_run || adapter->ndk_is_asleep || adapter->removing || atomic_load(&adapter->is_shut) ||
        ndk_there_set(adapter, true))
        return;
    LIST_FOR_EACH(node, &adapter->module.ndis->ndk_clients)
        client_arrival(LIST_ENTRY_OF(node, struct ndis_ndk_client, node), adapter);
}

void
ndis_ndk_restarted(struct ndis_adapter *adapter)
{
    if (!adapter->ndk || ndis_module_state(&adapter->module) != NDIS_STATE_RUNNING)
        return;
    adapter->ndk->has_run = true;
    ndis_ndk_arrive(adapter);
}

void
ndis_ndk_awake(struct ndis_adapter *adapter)
{
    adapter->ndk_is_asleep = false;
    ndis_ndk_arrive(adapter);
}

static uint32_t
client_opens_locked(const struct ndis_ndk_client *client, const struct ndis_adapter *adapter)
{
    uint32_t count = 0;
    LIST_FOR_EACH(node, &client->opens)
        count += LIST_ENTRY_OF(node, struct ndis_ndk_open, node)->adapter == adapter;
    return count;
}

// Who keeps it: the first client that has something open there, or, when all have closed, the miniport that is inside an open or a close.
static void
depart_late(struct ndis_adapter *adapter)
{
    struct ndis *ndis = adapter->module.ndis;
    const struct io_image *image = adapter->module.image;
    const char *function = "CloseNDKAdapterHandler";
    uint32_t count = 0;
    char text[200];
    KIRQL old = ke_lock_take(&ndis->lock);
    uint32_t opens = adapter->ndk->opens;
    LIST_FOR_EACH(node, &ndis->ndk_clients) {
        const struct ndis_ndk_client *client = LIST_ENTRY_OF(node, struct ndis_ndk_client, node);
        if (!count && (count = client_opens_locked(client, adapter))) {
            image = client->image;
            function = "nbx_ndk_adapter_close";
        }
    }
    ke_lock_drop(&ndis->lock, old);
    if (!opens)
        return;
    if (count)
        snprintf(text, sizeof text, "%s was told %u s ago that NDK of %s goes, and has %u of its adapters open",
                 image ? image->name : "a client", NDIS_CLOSE_LIMIT_S, adapter->name, count);
    else
        snprintf(text, sizeof text, "NDK of %s goes since %u s, every consumer has closed, and %s has not come back from a call to open or "
                 "close one", adapter->name, NDIS_CLOSE_LIMIT_S, image->name);
    verify_report(&(struct verify_finding){.rule = NBX_0713, .driver = image, .function = function, .text = text});
}

// The consumers have been told: wait for the last close.
static void
depart_wait(struct ndis_adapter *adapter)
{
    struct ndis *ndis = adapter->module.ndis;
    struct ndis_ndk *ndk = adapter->ndk;
    KIRQL old = ke_lock_take(&ndis->lock);
    ke_latch_reset(&ndk->none);
    uint32_t opens = ndk->opens;
    ke_lock_drop(&ndis->lock, old);
    if (!opens)
        return;
    if (ndis->box->verify && ke_latch_wait(&ndk->none, NDIS_CLOSE_LIMIT_S * UINT64_C(1000000000)))
        depart_late(adapter);
    ke_latch_wait(&ndk->none, SCHED_NEVER);
}

void
ndis_ndk_depart(struct ndis_adapter *adapter, enum ndis_ndk_gone why)
{
    if (why == NDIS_NDK_ASLEEP)
        adapter->ndk_is_asleep = true;
    if (!adapter->ndk || !ndk_there_set(adapter, false))
        return;
    LIST_FOR_EACH(node, &adapter->module.ndis->ndk_clients) {
        struct ndis_ndk_client *client = LIST_ENTRY_OF(node, struct ndis_ndk_client, node);
        client->is_called = true;
        client->on_removal(client, adapter->if_index, why);
        client->is_called = false;
    }
    depart_wait(adapter);
}

// ---- clients ------------------------------------------------------------------------------------------------------------------------

static void
client_add_work(void *arg)
{
    struct ndis_ndk_client *client = arg;
    list_push_back(&client->ndis->ndk_clients, &client->node);
    LIST_FOR_EACH(node, &client->ndis->adapters) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(node, struct ndis_adapter, node);
        if (adapter->ndk && adapter->ndk->is_there)
            client_arrival(client, adapter);
    }
}

void
ndis_ndk_client_add(struct box *box, struct ndis_ndk_client *client)
{
    client->ndis = box->ndis;
    list_init(&client->opens);
    ndis_pnp_run(client->ndis, client_add_work, client);
}

static void
client_remove_work(void *arg)
{
    struct ndis_ndk_client *client = arg;
    struct ndis *ndis = client->ndis;
    if (client->is_called)
        verify_contract("nbx_ndk_client_deregister", "is called from inside on_arrival or on_removal of the same client");
    KIRQL old = ke_lock_take(&ndis->lock);
    bool has_opens = !list_is_empty(&client->opens);
    ke_lock_drop(&ndis->lock, old);
    if (has_opens)
        verify_contract("nbx_ndk_client_deregister", "is called with an NDK adapter still open");
    list_remove(&client->node);
}

void
ndis_ndk_client_remove(struct ndis_ndk_client *client)
{
    ndis_pnp_run(client->ndis, client_remove_work, client);
}

// ---- opening and closing ------------------------------------------------------------------------------------------------------------

// Count an open of the adapter with this index. fails: NULL, and why.
static struct ndis_adapter *
open_begin(struct ndis *ndis, NET_IFINDEX if_index, NDIS_STATUS *status)
{
    KIRQL old = ke_lock_take(&ndis->lock);
    struct ndis_adapter *adapter = ndis_adapter_by_index(ndis, if_index);
    *status = NDIS_STATUS_SUCCESS;
    if (!adapter || !adapter->ndk)
        *status = NDIS_STATUS_ADAPTER_NOT_FOUND;
    else if (!adapter->ndk->is_there)
        *status = NDIS_STATUS_ADAPTER_NOT_READY;
    else
        adapter->ndk->opens++;
    ke_lock_drop(&ndis->lock, old);
    return *status == NDIS_STATUS_SUCCESS ? adapter : NULL;
}

// The adapter may be gone when this returns.
static void
open_end(struct ndis_adapter *adapter)
{
    struct ndis *ndis = adapter->module.ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    if (!--adapter->ndk->opens)
        ke_latch_set(&adapter->ndk->none);
    ke_lock_drop(&ndis->lock, old);
}

static void
provider_close(struct ndis_adapter *adapter, NDK_ADAPTER *object)
{
    if (!atomic_load(&adapter->is_shut))
        NDIS_CALL_VOID(adapter->module.image, "CloseNDKAdapterHandler", adapter->driver->ndk_close(adapter->general_context, object));
}

// What a provider that says yes has to give [ndisndk/nc-ndisndk-open_ndk_adapter_handler, Parameters].
static void
provider_check(NDIS_STATUS status, NDK_VERSION version, const NDK_ADAPTER *object)
{
    const char *fault = NULL;
    if (status == NDIS_STATUS_PENDING)
        fault = "returned NDIS_STATUS_PENDING: it opens or fails at once";
    else if (status != NDIS_STATUS_SUCCESS)
        return;
    else if (!object || !object->Dispatch)
        fault = "succeeded without an NDK_ADAPTER that has a table of functions";
    else if (object->Header.ObjectType != NdkObjectTypeAdapter)
        fault = "gave an object whose header does not say NdkObjectTypeAdapter";
    else if (object->Header.Version.Major != version.Major || object->Header.Version.Minor < version.Minor)
        fault = "gave an adapter of another major version, or of a lower minor one, than it was asked for";
    if (fault)
        verify_contract("OpenNDKAdapterHandler", fault);
}

static NDIS_STATUS
provider_open(struct ndis_adapter *adapter, NDK_VERSION version, NDK_ADAPTER **object)
{
    NDIS_OPEN_NDK_ADAPTER_PARAMETERS parameters = {.Version = version};
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    struct ke_crossing crossing = ke_driver_enter(ke_self(), adapter->module.image, "OpenNDKAdapterHandler");
    status = adapter->driver->ndk_open(adapter->general_context, &parameters, object);
    provider_check(status, version, *object);
    ke_driver_leave(ke_self(), crossing);
    return status;
}

// It is open: is the adapter still there?
static bool
open_keep(struct ndis_ndk_client *client, struct ndis_ndk_open *open)
{
    KIRQL old = ke_lock_take(&client->ndis->lock);
    bool is_there = open->adapter->ndk->is_there;
    if (is_there)
        list_push_back(&client->opens, &open->node);
    ke_lock_drop(&client->ndis->lock, old);
    return is_there;
}

// Between consumer and provider, if the verifier is strict or calls are told: there functions are called many times for each NDIS call.
static void
open_watch(const struct ndis_ndk_client *client, struct ndis_ndk_open *open)
{
    const struct verify *verify = client->ndis->box->verify;
    bool is_strict = verify && verify->mode == VERIFY_STRICT;
    if (is_strict || client->ndis->words_fn)
        open->watch = ndk_watch_open(open->adapter, client->image, open->object, is_strict);
}

static void
open_say(const struct ndis_ndk_client *client, const struct ndis_adapter *adapter, NDK_VERSION version, NDIS_STATUS status)
{
    char details[80];
    if (!client->ndis->words_fn)
        return;
    snprintf(details, sizeof details, "NDKPI %u.%u%s%s", version.Major, version.Minor, status == NDIS_STATUS_SUCCESS ? "" : ", ",
             status == NDIS_STATUS_SUCCESS ? "" : ndis_status_word(status));
    ndk_say_open(adapter, client->image, "OpenNDKAdapterHandler", details);
}

static void
open_close(const struct ndis_ndk_client *client, struct ndis_ndk_open *open)
{
    struct ndk_watch *watch = open->watch;
    if (client->ndis->words_fn)
        ndk_say_open(open->adapter, client->image, "CloseNDKAdapterHandler", "waits until all of it is over");
    if (watch)
        ndk_watch_closing(watch);
    provider_close(open->adapter, open->object);
    if (watch)
        ndk_watch_closed(watch);
}

NDIS_STATUS
ndis_ndk_open(struct ndis_ndk_client *client, NET_IFINDEX if_index, NDK_VERSION version, NDK_ADAPTER **out)
{
    NDIS_STATUS status;
    struct ndis_ndk_open *open = ndis_alloc(sizeof *open);
    *out = NULL;
    if (!open)
        return NDIS_STATUS_RESOURCES;
    open->adapter = open_begin(client->ndis, if_index, &status);
    if (!open->adapter) {
        ndis_free(open);
        return status;
    }
    struct ndis_adapter *adapter = open->adapter;
    status = provider_open(adapter, version, &open->object);
    open_say(client, adapter, version, status);
    if (status == NDIS_STATUS_SUCCESS)
        open_watch(client, open);
    if (status == NDIS_STATUS_SUCCESS && open_keep(client, open)) {
        *out = open->object;
        return status;
    }
    if (status == NDIS_STATUS_SUCCESS) {
        open_close(client, open);
        status = NDIS_STATUS_ADAPTER_NOT_READY;
    }
    ndis_free(open);
    open_end(adapter);
    return status;
}

static struct ndis_ndk_open *
open_take(struct ndis_ndk_client *client, const NDK_ADAPTER *object)
{
    struct ndis_ndk_open *found = NULL;
    KIRQL old = ke_lock_take(&client->ndis->lock);
    LIST_FOR_EACH(node, &client->opens) {
        struct ndis_ndk_open *open = LIST_ENTRY_OF(node, struct ndis_ndk_open, node);
        if (open->object == object)
            found = open;
    }
    if (found)
        list_remove(&found->node);
    ke_lock_drop(&client->ndis->lock, old);
    return found;
}

void
ndis_ndk_close(struct ndis_ndk_client *client, NDK_ADAPTER *object)
{
    struct ndis_ndk_open *open = open_take(client, object);
    if (!open)
        verify_contract("nbx_ndk_adapter_close", "this client has no such NDK adapter open: closed already, or another's");
    struct ndis_adapter *adapter = open->adapter;
    open_close(client, open);
    ndis_free(open);
    open_end(adapter);
}
