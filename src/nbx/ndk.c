// SPDX-License-Identifier: MIT
// The front of include/nbx/ndk.h: a consumer driver's client, and the crossings into its code. What it does is src/ndis/ndk.
//   nbx_ndk_client_register -> ndis_ndk_client_add;   on_arrival, on_removal -> the driver's
// Here allocations count for planned failures (nbx/fault.h), as those of a front door do.
#include <nbx/ndk.h>

#include <stdlib.h>

#include "ndis/ndk/ndk.h"
#include "nt/ex/fault.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"
#include "nt/ke/thread.h"

_Static_assert((int)NBX_NDK_SURPRISE == (int)NDIS_NDK_SURPRISE && (int)NBX_NDK_ASLEEP == (int)NDIS_NDK_ASLEEP, "one enum in two rooms");

struct nbx_ndk_client {
    struct ndis_ndk_client client;
    struct nbx_ndk_client_config config;
};

static void
client_on_arrival(struct ndis_ndk_client *client, const struct ndis_ndk_arrival *arrival)
{
    struct nbx_ndk_client *self = LIST_ENTRY_OF(client, struct nbx_ndk_client, client);
    struct nbx_ndk_arrival told = {arrival->if_index, arrival->luid, arrival->name, arrival->capabilities};
    if (!self->config.on_arrival)
        return;
    struct ke_crossing crossing = ke_driver_enter(ke_self(), self->client.image, "on_arrival");
    self->config.on_arrival(self->config.context, &told);
    ke_driver_leave(ke_self(), crossing);
}

static void
client_on_removal(struct ndis_ndk_client *client, NET_IFINDEX if_index, enum ndis_ndk_gone why)
{
    struct nbx_ndk_client *self = LIST_ENTRY_OF(client, struct nbx_ndk_client, client);
    if (!self->config.on_removal)
        return;
    struct ke_crossing crossing = ke_driver_enter(ke_self(), self->client.image, "on_removal");
    self->config.on_removal(self->config.context, if_index, (enum nbx_ndk_gone)why);
    ke_driver_leave(ke_self(), crossing);
}

NTAPI NTSTATUS
nbx_ndk_client_register(const struct nbx_ndk_client_config *config, struct nbx_ndk_client **out)
{
    *out = NULL;
    if (!config->driver)
        return STATUS_INVALID_PARAMETER;
    struct nbx_ndk_client *self = ex_fault(box_self(), __builtin_return_address(0)) ? NULL : calloc(1, sizeof *self);
    if (!self)
        return STATUS_INSUFFICIENT_RESOURCES;
    self->config = *config;
    self->client.image = io_image_of(config->driver);
    self->client.on_arrival = client_on_arrival;
    self->client.on_removal = client_on_removal;
    *out = self;                              // on_arrival opens with it
    ndis_ndk_client_add(box_self(), &self->client);
    return STATUS_SUCCESS;
}

NTAPI VOID
nbx_ndk_client_deregister(struct nbx_ndk_client *client)
{
    ndis_ndk_client_remove(&client->client);
    free(client);
}

NTAPI NDIS_STATUS
nbx_ndk_adapter_open(struct nbx_ndk_client *client, NET_IFINDEX if_index, NDK_VERSION version, NDK_ADAPTER **adapter)
{
    *adapter = NULL;
    if (ex_fault(box_self(), __builtin_return_address(0)))
        return NDIS_STATUS_RESOURCES;
    return ndis_ndk_open(&client->client, if_index, version, adapter);
}

NTAPI VOID
nbx_ndk_adapter_close(struct nbx_ndk_client *client, NDK_ADAPTER *adapter)
{
    ndis_ndk_close(&client->client, adapter);
}
