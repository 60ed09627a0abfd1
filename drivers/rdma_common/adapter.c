// SPDX-License-Identifier: MIT
// NDK_ADAPTER: what NDIS opens for a consumer and closes for it. Several may be open at a time, each of its own version.
//   open   majors 1 and 2 are separate contracts: the highest of the one that is asked for, unless more than that is asked for
//   close  blocks until all that descends from it was closed, and every callback has returned; logical addresses go with it
#include "objects.h"

static VOID
adapter_free(struct rdma_object *object)
{
    struct rdma_adapter *adapter = CONTAINING_RECORD(object, struct rdma_adapter, object);
    RemoveEntryList(&adapter->link);
    KeSetEvent(&adapter->closed, IO_NO_INCREMENT, FALSE);      // rdma_adapter_close frees it
}

static NTAPI NTSTATUS
query_info(NDK_ADAPTER *object, NDK_ADAPTER_INFO *info, ULONG *bytes)
{
    struct rdma_adapter *adapter = rdma_adapter_of(object);
    ULONG room = *bytes;
    *bytes = sizeof *info;
    if (!info || room < sizeof *info)
        return STATUS_BUFFER_TOO_SMALL;
    *info = adapter->object.rdma->info;
    info->Version = adapter->object.header.Version;
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
create_connector(NDK_ADAPTER *adapter, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CONNECTOR **made)
{
    return rdma_adapter_of(adapter)->object.rdma->transport->create_connector(adapter, completion, context, made);
}

static NTAPI NTSTATUS
create_listener(NDK_ADAPTER *adapter, NDK_FN_CONNECT_EVENT_CALLBACK event, PVOID event_context, NDK_FN_CREATE_COMPLETION completion,
                PVOID context, NDK_LISTENER **made)
{
    const struct rdma_transport *transport = rdma_adapter_of(adapter)->object.rdma->transport;
    return transport->create_listener(adapter, event, event_context, completion, context, made);
}

static NTAPI NTSTATUS
create_shared_endpoint(NDK_ADAPTER *adapter, const PSOCKADDR address, ULONG address_bytes, NDK_FN_CREATE_COMPLETION completion,
                       PVOID context, NDK_SHARED_ENDPOINT **made)
{
    const struct rdma_transport *transport = rdma_adapter_of(adapter)->object.rdma->transport;
    return transport->create_shared_endpoint(adapter, address, address_bytes, completion, context, made);
}

static const NDK_ADAPTER_DISPATCH adapter_dispatch = {
    .NdkQueryExtension = rdma_query_extension,
    .NdkQueryAdapterInfo = query_info,
    .NdkCreateCq = rdma_create_cq,
    .NdkCreatePd = rdma_create_pd,
    .NdkCreateSharedEndpoint = create_shared_endpoint,
    .NdkCreateConnector = create_connector,
    .NdkCreateListener = create_listener,
    .NdkBuildLAM = rdma_build_lam,
    .NdkReleaseLAM = rdma_release_lam,
};
static const struct rdma_type adapter_type = {.type = NdkObjectTypeAdapter, .dispatch = &adapter_dispatch, .on_free = adapter_free};

// The highest version of a contract; Major 0: we have none.
static NDK_VERSION
version_of(NDK_VERSION asked)
{
    NDK_VERSION highest = {.Major = asked.Major, .Minor = asked.Major == 1 ? 2 : 1};
    if ((asked.Major != 1 && asked.Major != 2) || asked.Minor > highest.Minor)
        highest.Major = 0;
    return highest;
}

NDIS_STATUS
rdma_adapter_open(struct vnic_rdma *rdma, NDK_VERSION asked, NDK_ADAPTER **made)
{
    NDK_VERSION version = version_of(asked);
    struct rdma_call call;
    NDIS_STATUS status = NDIS_STATUS_ADAPTER_NOT_READY;
    if (!version.Major)
        return NDIS_STATUS_BAD_VERSION;
    struct rdma_adapter *adapter = rdma_alloc(sizeof *adapter);
    if (!adapter)
        return NDIS_STATUS_RESOURCES;
    struct rdma_object *object = &adapter->object;
    object->header.Version = version;
    object->header.ObjectType = NdkObjectTypeAdapter;
    object->dispatch = &adapter_dispatch;
    object->type = &adapter_type;
    object->rdma = rdma;
    object->holds = 1;
    KeInitializeEvent(&adapter->closed, NotificationEvent, FALSE);
    rdma_enter(rdma, &call);
    if (rdma->is_on) {
        InsertTailList(&rdma->adapters, &adapter->link);
        *made = (NDK_ADAPTER *)adapter;
        status = NDIS_STATUS_SUCCESS;
    }
    rdma_leave(rdma, &call);
    if (status != NDIS_STATUS_SUCCESS)
        rdma_free(adapter);
    return status;
}

VOID
rdma_adapter_close(struct vnic_rdma *rdma, NDK_ADAPTER *object)
{
    struct rdma_adapter *adapter = rdma_adapter_of(object);
    struct rdma_call call;
    rdma_enter(rdma, &call);
    adapter->object.is_closing = adapter->object.is_closed = TRUE;     // nobody is told: the last hold frees it
    rdma_drop(&adapter->object);
    rdma_leave(rdma, &call);
    KeWaitForSingleObject(&adapter->closed, Executive, KernelMode, FALSE, NULL);
    // Whoever set the event may still stand in the lock.
    rdma_enter(rdma, &call);
    rdma_leave(rdma, &call);
    rdma_lams_release(adapter);
    rdma_free(adapter);
}
