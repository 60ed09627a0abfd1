// SPDX-License-Identifier: MIT
// What hello_im.c does with lists: down from MiniportSendNetBufferLists, up from ProtocolReceiveNetBufferLists, and their ways back.
// A list is not copied: its SourceHandle says whose it is, so ours is put in, and what stood there is kept in the list's context area.
// Each list that is out, either way, has a unit of `out`, which is run down unless both edges run: so an edge that pauses waits for them.
#define SOURCE_OF(nbl) (*(NDIS_HANDLE *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl))

struct hello {                                // a binding and its virtual miniport
    NDIS_HANDLE binding, miniport;
    NDIS_STRING device;                       // the virtual miniport's name
    WCHAR device_name[80];
    NDIS_BIND_PARAMETERS below;               // the adapter below, as NDIS described it at the bind
    EX_RUNDOWN_REF out;
    volatile LONG running;                    // how many of the two edges do
    volatile LONG64 lists;                    // passed on so far
    KEVENT done;                              // the answer to a request or to the close
    NDIS_STATUS status;
};

static void
hello_give_back(struct hello *self, PNET_BUFFER_LIST nbls)
{
    for (PNET_BUFFER_LIST nbl = nbls; nbl; nbl = nbl->Next) {
        nbl->SourceHandle = SOURCE_OF(nbl);
        NdisFreeNetBufferListContext(nbl, MEMORY_ALLOCATION_ALIGNMENT);
        ExReleaseRundownProtection(&self->out);
    }
}

// All of the list or nothing: FALSE while an edge is paused, or without memory.
static BOOLEAN
hello_take(struct hello *self, PNET_BUFFER_LIST nbls, NDIS_HANDLE source)
{
    for (PNET_BUFFER_LIST *link = &nbls, nbl; (nbl = *link); link = &nbl->Next) {
        BOOLEAN is_open = ExAcquireRundownProtection(&self->out);
        if (!is_open || NdisAllocateNetBufferListContext(nbl, MEMORY_ALLOCATION_ALIGNMENT, 0, HELLO_TAG) != NDIS_STATUS_SUCCESS) {
            if (is_open)
                ExReleaseRundownProtection(&self->out);
            *link = NULL;                     // those before it
            hello_give_back(self, nbls);
            *link = nbl;
            return FALSE;
        }
        SOURCE_OF(nbl) = nbl->SourceHandle;
        nbl->SourceHandle = source;
        InterlockedIncrement64(&self->lists);
    }
    return TRUE;
}

static MINIPORT_SEND_NET_BUFFER_LISTS hello_send;
static VOID
hello_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    struct hello *self = context;
    if (hello_take(self, nbls, self->binding)) {   // above us NDIS has looped back what had to be
        NdisSendNetBufferLists(self->binding, nbls, port, flags & ~(ULONG)NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK);
        return;
    }
    for (PNET_BUFFER_LIST nbl = nbls; nbl; nbl = nbl->Next)
        nbl->Status = NDIS_STATUS_PAUSED;
    NdisMSendNetBufferListsComplete(self->miniport, nbls, flags & NDIS_SEND_FLAGS_DISPATCH_LEVEL);
}

static PROTOCOL_SEND_NET_BUFFER_LISTS_COMPLETE hello_send_complete;
static VOID
hello_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct hello *self = context;
    hello_give_back(self, nbls);
    NdisMSendNetBufferListsComplete(self->miniport, nbls, flags);
}

static PROTOCOL_RECEIVE_NET_BUFFER_LISTS hello_receive;
static VOID
hello_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct hello *self = context;
    BOOLEAN is_lent = NDIS_TEST_RECEIVE_CANNOT_PEND(flags) != 0;   // ours for this call only, and as it was when we return
    BOOLEAN is_taken = hello_take(self, nbls, self->miniport);
    if (is_taken)
        NdisMIndicateReceiveNetBufferLists(self->miniport, nbls, port, count, flags);
    if (is_taken && is_lent)
        hello_give_back(self, nbls);
    if (!is_taken && !is_lent)
        NdisReturnNetBufferLists(self->binding, nbls, flags & NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
}

static MINIPORT_RETURN_NET_BUFFER_LISTS hello_return;
static VOID
hello_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct hello *self = context;
    hello_give_back(self, nbls);
    NdisReturnNetBufferLists(self->binding, nbls, flags);
}

// ---- each edge pauses when NDIS says so ---------------------------------------------------------------------------------------------
static NDIS_STATUS hello_edge_restart(struct hello *self) {
    if (InterlockedIncrement(&self->running) == 2)
        ExReInitializeRundownProtection(&self->out);
    return NDIS_STATUS_SUCCESS;
}
static NDIS_STATUS hello_edge_pause(struct hello *self) {
    if (InterlockedDecrement(&self->running) == 1)
        ExWaitForRundownProtectionRelease(&self->out);
    return NDIS_STATUS_SUCCESS;
}
static NTAPI NDIS_STATUS hello_restart(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS p) { return hello_edge_restart(context); }
static NTAPI NDIS_STATUS hello_pause(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS p) { return hello_edge_pause(context); }
static NTAPI NDIS_STATUS hello_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event) {
    NET_PNP_EVENT_CODE code = event->NetPnPEvent.NetEvent;
    return code == NetEventRestart ? hello_edge_restart(context) : code == NetEventPause ? hello_edge_pause(context) : NDIS_STATUS_SUCCESS;
}
