// SPDX-License-Identifier: MIT
// Lists on their way down, and back up.
//   passthru_send -> marked with the binding below -> NdisSendNetBufferLists
//   passthru_send_complete -> marks taken off -> NdisMSendNetBufferListsComplete
// SourceHandle says whose a list is, so it is the sender's above, ours below, and the sender's again when the list goes back. What it
// was is kept in the list's context area, which is a stack: each driver on the way puts its own on and takes it off again, and the
// sender may have left room for them all (ContextBackFillSize). [network/net-buffer-list-context-structures]
#include "passthru.h"

static struct passthru_context *
context_of(PNET_BUFFER_LIST nbl)
{
    return (struct passthru_context *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
}

ULONG
passthru_mark(PNET_BUFFER_LIST *nbls, NDIS_HANDLE source, PNET_BUFFER_LIST *refused)
{
    ULONG count = 0;
    *refused = NULL;
    for (PNET_BUFFER_LIST *at = nbls, nbl; (nbl = *at);) {
        if (NdisAllocateNetBufferListContext(nbl, sizeof(struct passthru_context), 0, PASSTHRU_TAG) != NDIS_STATUS_SUCCESS) {
            *at = nbl->Next;
            nbl->Next = *refused;
            *refused = nbl;
            continue;
        }
        context_of(nbl)->source = nbl->SourceHandle;
        nbl->SourceHandle = source;
        count++;
        at = &nbl->Next;
    }
    return count;
}

ULONG
passthru_unmark(PNET_BUFFER_LIST nbls)
{
    ULONG count = 0;
    for (PNET_BUFFER_LIST nbl = nbls; nbl; nbl = nbl->Next, count++) {
        nbl->SourceHandle = context_of(nbl)->source;
        NdisFreeNetBufferListContext(nbl, sizeof(struct passthru_context));
    }
    return count;
}

static ULONG
send_count(PNET_BUFFER_LIST nbls)
{
    ULONG count = 0;
    for (PNET_BUFFER_LIST nbl = nbls; nbl; nbl = nbl->Next)
        count++;
    return count;
}

static void
send_refuse(struct passthru *self, PNET_BUFFER_LIST nbls, NDIS_STATUS status, ULONG flags)
{
    if (!nbls)
        return;
    for (PNET_BUFFER_LIST nbl = nbls; nbl; nbl = nbl->Next)
        nbl->Status = status;
    NdisMSendNetBufferListsComplete(
        self->miniport, nbls, NDIS_TEST_SEND_AT_DISPATCH_LEVEL(flags) ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

VOID
passthru_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    struct passthru *self = context;
    ULONG count = send_count(nbls);
    PNET_BUFFER_LIST refused;
    if (!ExAcquireRundownProtectionEx(&self->upper, count)) {
        send_refuse(self, nbls, NDIS_STATUS_PAUSED, flags);
        return;
    }
    // The adapter below may be paused while the one above runs: nothing says that they pause together.
    if (!ExAcquireRundownProtectionEx(&self->lower, count)) {
        send_refuse(self, nbls, NDIS_STATUS_PAUSED, flags);
        ExReleaseRundownProtectionEx(&self->upper, count);
        return;
    }
    ULONG marked = passthru_mark(&nbls, self->binding, &refused);
    // Loopback among the bindings above has been seen to already; below, it would come back to us and look like a received frame.
    if (nbls)
        NdisSendNetBufferLists(self->binding, nbls, port, flags & ~(ULONG)NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK);
    if (refused) {
        send_refuse(self, refused, NDIS_STATUS_RESOURCES, flags);
        ExReleaseRundownProtectionEx(&self->lower, count - marked);
        ExReleaseRundownProtectionEx(&self->upper, count - marked);
    }
}

VOID
passthru_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct passthru *self = context;
    ULONG count = passthru_unmark(nbls);
    NdisMSendNetBufferListsComplete(self->miniport, nbls, flags);
    ExReleaseRundownProtectionEx(&self->lower, count);
    ExReleaseRundownProtectionEx(&self->upper, count);
}

// Lists carry their cancel ids in themselves, so the one that was asked for is the one below too.
VOID
passthru_cancel_send(NDIS_HANDLE context, PVOID cancel_id)
{
    struct passthru *self = context;
    NdisCancelSendNetBufferLists(self->binding, cancel_id);
}
