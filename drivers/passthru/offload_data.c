// SPDX-License-Identifier: MIT
// TCP chimney: data and events of offloaded connections. The object of a request is our own offload entry; below, the request is made with
// the NDIS_OFFLOAD_HANDLE in it, and with the very list that came.
//   passthru_tcp_send -> marked -> NdisOffloadTcpSend ... passthru_tcp_send_complete -> marks taken off -> NdisTcpOffloadSendComplete
//   passthru_tcp_event, passthru_tcp_receive: OffloadContext is that NDIS_OFFLOAD_HANDLE; above, the handle that came with the initiate
// A completion finds the upper edge it belongs to in the list's context, which is freed before the callback returns. (A disconnect without
// a list has none: it goes to the edge of the binding it came by.)
// A list that could not be marked is not passed on, nor is anything after it: the connection has to be uploaded (offload_entry.c).
// [network/propagating-an-i-o-operation], [network/propagating-an-indication],
// [ndischimney/nc-ndischimney-tcp_offload_disconnect_complete_handler]
#include "offload.h"

static struct passthru_context *
context_of(PNET_BUFFER_LIST nbl)
{
    return (struct passthru_context *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
}

static void
unmark_until(PNET_BUFFER_LIST nbls, PNET_BUFFER_LIST end)
{
    for (PNET_BUFFER_LIST nbl = nbls; nbl != end; nbl = nbl->Next) {
        nbl->SourceHandle = context_of(nbl)->source;
        NdisFreeNetBufferListContext(nbl, sizeof(struct passthru_context));
    }
}

BOOLEAN
passthru_offload_mark(struct passthru *self, PNET_BUFFER_LIST nbls)
{
    for (PNET_BUFFER_LIST nbl = nbls; nbl; nbl = nbl->Next) {
        if (NdisAllocateNetBufferListContext(nbl, sizeof(struct passthru_context), 0, PASSTHRU_TAG) != NDIS_STATUS_SUCCESS) {
            unmark_until(nbls, nbl);
            return FALSE;
        }
        context_of(nbl)->source = nbl->SourceHandle;
        context_of(nbl)->upper = self;
    }
    return TRUE;
}

void
passthru_offload_unmark(PNET_BUFFER_LIST nbls)
{
    unmark_until(nbls, NULL);
}

// ---- down -----------------------------------------------------------------------------------------------------------------------

// Returns whether the lists are marked and may go down.
static BOOLEAN
data_may_go(struct passthru_offload *offload, enum passthru_data op, PNET_BUFFER_LIST nbls)
{
    if (!offload->is_uploading && passthru_offload_mark(offload->self, nbls))
        return TRUE;
    passthru_defer_nbls(offload, op, nbls);
    return FALSE;
}

NDIS_STATUS
passthru_tcp_send(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls)
{
    struct passthru_offload *offload = object;
    UNREFERENCED_PARAMETER(context);
    return data_may_go(offload, PASSTHRU_SEND, nbls) ? NdisOffloadTcpSend(&offload->handle, nbls) : NDIS_STATUS_PENDING;
}

NDIS_STATUS
passthru_tcp_post(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls)
{
    struct passthru_offload *offload = object;
    UNREFERENCED_PARAMETER(context);
    return data_may_go(offload, PASSTHRU_POST, nbls) ? NdisOffloadTcpReceive(&offload->handle, nbls) : NDIS_STATUS_PENDING;
}

NDIS_STATUS
passthru_tcp_disconnect(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbl, ULONG flags)
{
    struct passthru_offload *offload = object;
    UNREFERENCED_PARAMETER(context);
    if (nbl && !data_may_go(offload, PASSTHRU_DISCONNECT, nbl))
        return NDIS_STATUS_PENDING;
    // Without a list there is nothing to mark, but a FIN must not overtake data that was refused. That it did not go out, the state says
    // that comes with the upload; of a completion without a list nothing else is said. A reset overtakes whatever there is.
    if (!nbl && flags == TCP_DISCONNECT_GRACEFUL_CLOSE && offload->is_uploading) {
        passthru_defer_disconnect(offload->self);
        return NDIS_STATUS_PENDING;
    }
    return NdisOffloadTcpDisconnect(&offload->handle, nbl, flags);
}

NDIS_STATUS
passthru_tcp_forward(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls)
{
    struct passthru_offload *offload = object;
    UNREFERENCED_PARAMETER(context);
    return data_may_go(offload, PASSTHRU_FORWARD, nbls) ? NdisOffloadTcpForward(&offload->handle, nbls) : NDIS_STATUS_PENDING;
}

NDIS_STATUS
passthru_tcp_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    struct passthru *self = context;
    NdisOffloadTcpReceiveReturn(self->binding, nbls);
    return NDIS_STATUS_SUCCESS;
}

// ---- completions ------------------------------------------------------------------------------------------------------------------

// Of several upper edges each gets its own: a completed list may have come through any of them.
static void
data_up(PNET_BUFFER_LIST nbls, enum passthru_data op)
{
    while (nbls) {
        struct passthru *upper = context_of(nbls)->upper;
        const NDIS_TCP_OFFLOAD_EVENT_HANDLERS *ndis = &upper->offload_up;
        const NDIS_TCP_OFFLOAD_SEND_COMPLETE complete[] = {[PASSTHRU_SEND] = ndis->NdisTcpOffloadSendComplete,
                                                           [PASSTHRU_POST] = ndis->NdisTcpOffloadReceiveComplete,
                                                           [PASSTHRU_DISCONNECT] = ndis->NdisTcpOffloadDisconnectComplete,
                                                           [PASSTHRU_FORWARD] = ndis->NdisTcpOffloadForwardComplete};
        PNET_BUFFER_LIST last = nbls, rest;
        while (last->Next && context_of(last->Next)->upper == upper)
            last = last->Next;
        rest = last->Next;
        last->Next = NULL;
        passthru_offload_unmark(nbls);
        complete[op](upper->miniport, nbls);
        nbls = rest;
    }
}

VOID
passthru_tcp_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    UNREFERENCED_PARAMETER(context);
    data_up(nbls, PASSTHRU_SEND);
}

VOID
passthru_tcp_post_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    UNREFERENCED_PARAMETER(context);
    data_up(nbls, PASSTHRU_POST);
}

VOID
passthru_tcp_disconnect_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbl)
{
    struct passthru *self = context;
    if (nbl)
        data_up(nbl, PASSTHRU_DISCONNECT);
    else
        self->offload_up.NdisTcpOffloadDisconnectComplete(self->miniport, NULL);
}

VOID
passthru_tcp_forward_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    UNREFERENCED_PARAMETER(context);
    data_up(nbls, PASSTHRU_FORWARD);
}

// ---- indications ------------------------------------------------------------------------------------------------------------------

VOID
passthru_tcp_event(PVOID object, ULONG type, ULONG information)
{
    struct passthru_offload *offload = CONTAINING_RECORD(object, struct passthru_offload, handle);
    offload->self->offload_up.NdisTcpOffloadEventHandler(offload->above, type, information);
}

NDIS_STATUS
passthru_tcp_receive(PVOID object, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed)
{
    struct passthru_offload *offload = CONTAINING_RECORD(object, struct passthru_offload, handle);
    return offload->self->offload_up.NdisTcpOffloadReceiveHandler(offload->above, nbl, status, consumed);
}

// "The implementation of this function for intermediate drivers is to be determined": it is passed on as it is.
VOID
passthru_offload_event(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block, ULONG code)
{
    struct passthru *self = context;
    if (!ExAcquireRundownProtection(&self->alive))
        return;
    NdisMOffloadEventIndicate(self->miniport, (PVOID)block, code);
    ExReleaseRundownProtection(&self->alive);
}

// ---- what could not be passed on --------------------------------------------------------------------------------------------------

// Of a send the first list says that the connection has to be uploaded, the others that this has been said. No page says it of the other
// requests: the upload is asked for by an event, as a target would, and they fail because of it.
void
passthru_nbls_refuse(struct passthru_offload *offload, enum passthru_data op, PNET_BUFFER_LIST nbls)
{
    struct passthru *self = offload->self;
    const NDIS_TCP_OFFLOAD_EVENT_HANDLERS *ndis = &self->offload_up;
    const NDIS_TCP_OFFLOAD_SEND_COMPLETE complete[] = {[PASSTHRU_SEND] = ndis->NdisTcpOffloadSendComplete,
                                                       [PASSTHRU_POST] = ndis->NdisTcpOffloadReceiveComplete,
                                                       [PASSTHRU_DISCONNECT] = ndis->NdisTcpOffloadDisconnectComplete,
                                                       [PASSTHRU_FORWARD] = ndis->NdisTcpOffloadForwardComplete};
    BOOLEAN is_first = InterlockedExchange(&offload->was_told, TRUE) == FALSE;
    if (is_first && op != PASSTHRU_SEND)
        ndis->NdisTcpOffloadEventHandler(offload->above, TcpIndicateRetrieve, UploadRequested);
    for (PNET_BUFFER_LIST nbl = nbls; nbl; nbl = nbl->Next) {
        NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred) = NULL;
        nbl->Status = op != PASSTHRU_SEND ? NDIS_STATUS_UPLOAD_IN_PROGRESS
                      : is_first          ? NDIS_STATUS_REQUEST_UPLOAD
                                          : NDIS_STATUS_UPLOAD_REQUESTED;
        is_first = FALSE;
    }
    complete[op](self->miniport, nbls);
}
