// SPDX-License-Identifier: MIT
// TCP chimney: registration at both edges, and what had to be put off because there was no memory for it.
//   MiniportSetOptions, ProtocolSetOptions    NdisSetOptionalHandlers twice each, generic and TCP
//   MiniportInitializeEx                      NdisMGetOffloadHandlers; what the adapter below can do is what we can do (miniport.c)
//   passthru_defer_tree, passthru_defer_nbls  onto a list -> a DPC, at once or after a while -> offload.c, offload_data.c
// A tree on the list is linked by MiniportReserved of its root, lists by MiniportReserved of their first: both are the target's to use
// while it has them, and to the driver above we are the target.
// [network/initializing-a-tcp-chimney-capable-intermediate-driver]
#include "offload.h"

#define RETRY_MS 10

static KDEFERRED_ROUTINE deferred_run, retry_run;

// ---- registration -----------------------------------------------------------------------------------------------------------------

NDIS_STATUS
passthru_miniport_options(NDIS_HANDLE driver, NDIS_HANDLE driver_context)
{
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS,
                   NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS_REVISION_1, sizeof generic},
        .InitiateOffloadHandler = passthru_initiate,
        .TerminateOffloadHandler = passthru_terminate,
        .UpdateOffloadHandler = passthru_update,
        .InvalidateOffloadHandler = passthru_invalidate,
        .QueryOffloadHandler = passthru_query_offload};
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_CHARACTERISTICS, NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS_REVISION_1,
                   sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendHandler = passthru_tcp_send,
        .TcpOffloadReceiveHandler = passthru_tcp_post,
        .TcpOffloadDisconnectHandler = passthru_tcp_disconnect,
        .TcpOffloadForwardHandler = passthru_tcp_forward,
        .TcpOffloadReceiveReturnHandler = passthru_tcp_return};
    UNREFERENCED_PARAMETER(driver_context);
    NDIS_STATUS status = NdisSetOptionalHandlers(driver, &generic.Header);
    return status == NDIS_STATUS_SUCCESS ? NdisSetOptionalHandlers(driver, &tcp.Header) : status;
}

NDIS_STATUS
passthru_protocol_options(NDIS_HANDLE driver, NDIS_HANDLE driver_context)
{
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS,
                   NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS_REVISION_1, sizeof generic},
        .InitiateOffloadCompleteHandler = passthru_initiate_complete,
        .TerminateOffloadCompleteHandler = passthru_terminate_complete,
        .UpdateOffloadCompleteHandler = passthru_update_complete,
        .InvalidateOffloadCompleteHandler = passthru_invalidate_complete,
        .QueryOffloadCompleteHandler = passthru_query_offload_complete,
        .IndicateOffloadEventHandler = passthru_offload_event};
    NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS_REVISION_1,
                   sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendCompleteHandler = passthru_tcp_send_complete,
        .TcpOffloadReceiveCompleteHandler = passthru_tcp_post_complete,
        .TcpOffloadDisconnectCompleteHandler = passthru_tcp_disconnect_complete,
        .TcpOffloadForwardCompleteHandler = passthru_tcp_forward_complete,
        .TcpOffloadEventHandler = passthru_tcp_event,
        .TcpOffloadReceiveIndicateHandler = passthru_tcp_receive};
    UNREFERENCED_PARAMETER(driver_context);
    NDIS_STATUS status = NdisSetOptionalHandlers(driver, &generic.Header);
    return status == NDIS_STATUS_SUCCESS ? NdisSetOptionalHandlers(driver, &tcp.Header) : status;
}

NDIS_STATUS
passthru_offload_initialize(struct passthru *self, NDIS_HANDLE miniport)
{
    PNDIS_OFFLOAD_EVENT_HANDLERS handlers;
    NDIS_STATUS status = NdisMGetOffloadHandlers(miniport, NdisTcpChimneyOffload, &handlers);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    if (handlers->Header.Type != NdisTcpChimneyOffload || handlers->Header.Size < sizeof self->offload_up)
        return NDIS_STATUS_NOT_SUPPORTED;
    self->offload_up = *(PNDIS_TCP_OFFLOAD_EVENT_HANDLERS)handlers;
    return NDIS_STATUS_SUCCESS;
}

// ---- what was put off -------------------------------------------------------------------------------------------------------------
// Whoever puts something on a list queues its DPC under the same lock, and with it a reference of its own; the DPC takes the whole list
// before it does anything. So a DPC that is queued has what it needs, and none is queued for nothing.

static void
deferred_trees(struct passthru *self, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree)
{
    while (tree) {
        PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST next = tree->MiniportReserved[0];
        passthru_tree_again(self, (enum passthru_op)(ULONG_PTR)tree->MiniportReserved[1], tree);
        tree = next;
    }
}

static void
deferred_nbls(PNET_BUFFER_LIST nbls)
{
    while (nbls) {
        PNET_BUFFER_LIST next = NET_BUFFER_LIST_MINIPORT_RESERVED(nbls)[0];
        ULONG_PTR word = (ULONG_PTR)NET_BUFFER_LIST_MINIPORT_RESERVED(nbls)[1];
        passthru_nbls_refuse((struct passthru_offload *)(word & ~(ULONG_PTR)3), (enum passthru_data)(word & 3), nbls);
        nbls = next;
    }
}

static VOID
deferred_run(PKDPC dpc, PVOID context, PVOID first, PVOID second)
{
    struct passthru *self = context;
    KIRQL old;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(first);
    UNREFERENCED_PARAMETER(second);
    KeAcquireSpinLock(&self->lock, &old);
    PNET_BUFFER_LIST nbls = self->deferred_nbls;
    PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST trees = self->deferred_trees;
    self->deferred_nbls = NULL;
    self->deferred_last = &self->deferred_nbls;
    ULONG disconnects = self->deferred_disconnects;
    self->deferred_trees = NULL;
    self->deferred_disconnects = 0;
    KeReleaseSpinLock(&self->lock, old);
    deferred_nbls(nbls);
    for (; disconnects; disconnects--)
        self->offload_up.NdisTcpOffloadDisconnectComplete(self->miniport, NULL);
    deferred_trees(self, trees);
    passthru_unref(self);
}

static VOID
retry_run(PKDPC dpc, PVOID context, PVOID first, PVOID second)
{
    struct passthru *self = context;
    KIRQL old;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(first);
    UNREFERENCED_PARAMETER(second);
    KeAcquireSpinLock(&self->lock, &old);
    PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST trees = self->retry_trees;
    self->retry_trees = NULL;
    KeReleaseSpinLock(&self->lock, old);
    deferred_trees(self, trees);
    passthru_unref(self);
}

void
passthru_offload_prepare(struct passthru *self)
{
    self->deferred_last = &self->deferred_nbls;
    KeInitializeDpc(&self->deferred_dpc, deferred_run, self);
    KeInitializeDpc(&self->retry_dpc, retry_run, self);
    KeInitializeTimer(&self->retry_timer);
}

static void
deferred_queue(struct passthru *self)
{
    if (KeInsertQueueDpc(&self->deferred_dpc, NULL, NULL))
        InterlockedIncrement(&self->refs);    // it cannot run before the lock is dropped
}

void
passthru_defer_tree(struct passthru *self, enum passthru_op op, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree)
{
    LARGE_INTEGER due = {.QuadPart = -10000LL * RETRY_MS};
    BOOLEAN again = op == PASSTHRU_TERMINATE;
    PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST *list = again ? &self->retry_trees : &self->deferred_trees;
    KIRQL old;
    KeAcquireSpinLock(&self->lock, &old);
    BOOLEAN is_first = !*list;
    tree->MiniportReserved[0] = *list;
    tree->MiniportReserved[1] = (PVOID)(ULONG_PTR)op;
    *list = tree;
    if (!again)
        deferred_queue(self);
    else if (is_first) {
        InterlockedIncrement(&self->refs);
        KeSetTimer(&self->retry_timer, due, &self->retry_dpc);
    }
    KeReleaseSpinLock(&self->lock, old);
}

void
passthru_defer_nbls(struct passthru_offload *offload, enum passthru_data op, PNET_BUFFER_LIST nbls)
{
    struct passthru *self = offload->self;
    KIRQL old;
    KeAcquireSpinLock(&self->lock, &old);
    offload->is_uploading = TRUE;
    NET_BUFFER_LIST_MINIPORT_RESERVED(nbls)[0] = NULL;
    NET_BUFFER_LIST_MINIPORT_RESERVED(nbls)[1] = (PVOID)((ULONG_PTR)offload | op);
    *self->deferred_last = nbls;
    self->deferred_last = (PNET_BUFFER_LIST *)&NET_BUFFER_LIST_MINIPORT_RESERVED(nbls)[0];
    deferred_queue(self);
    KeReleaseSpinLock(&self->lock, old);
}

void
passthru_defer_disconnect(struct passthru *self)
{
    KIRQL old;
    KeAcquireSpinLock(&self->lock, &old);
    self->deferred_disconnects++;
    deferred_queue(self);
    KeReleaseSpinLock(&self->lock, old);
}
