// SPDX-License-Identifier: MIT
// Lists on their way up, and back down.
//   passthru_receive -> marked with the virtual miniport -> NdisMIndicateReceiveNetBufferLists
//   passthru_return -> marks taken off -> NdisReturnNetBufferLists
// With NDIS_RECEIVE_FLAGS_RESOURCES the adapter below lends its lists for the call only: they are lent on in the same way, and are put
// back as they were before the call returns [ndis/nf-ndis-ndismindicatereceivenetbufferlists].
#include "passthru.h"

static ULONG
receive_return_flags(ULONG receive_flags)
{
    return NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(receive_flags) ? NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0;
}

// Lent lists: those without room for our mark are left out for the length of the call, and the chain is as it was afterwards.
static void
receive_lent(struct passthru *self, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    while (nbls) {
        PNET_BUFFER_LIST next = nbls->Next, refused;
        nbls->Next = NULL;
        PNET_BUFFER_LIST one = nbls;
        if (passthru_mark(&one, self->miniport, &refused)) {
            NdisMIndicateReceiveNetBufferLists(self->miniport, one, port, 1, flags);
            passthru_unmark(one);
        }
        nbls->Next = next;
        nbls = next;
    }
}

static void
receive_given(struct passthru *self, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    PNET_BUFFER_LIST refused;
    ULONG marked = passthru_mark(&nbls, self->miniport, &refused);
    if (nbls)
        NdisMIndicateReceiveNetBufferLists(self->miniport, nbls, port, marked, flags);
    if (refused) {
        NdisReturnNetBufferLists(self->binding, refused, receive_return_flags(flags));
        ExReleaseRundownProtectionEx(&self->lower, count - marked);
        ExReleaseRundownProtectionEx(&self->upper, count - marked);
    }
}

VOID
passthru_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct passthru *self = context;
    BOOLEAN is_lent = NDIS_TEST_RECEIVE_CANNOT_PEND(flags) != 0;
    // Nobody above takes frames now, or this edge is pausing.
    BOOLEAN lower = ExAcquireRundownProtectionEx(&self->lower, count);
    if (!lower || !ExAcquireRundownProtectionEx(&self->upper, count)) {
        if (!is_lent)
            NdisReturnNetBufferLists(self->binding, nbls, receive_return_flags(flags));
        if (lower)
            ExReleaseRundownProtectionEx(&self->lower, count);
        return;
    }
    if (!is_lent) {
        receive_given(self, nbls, port, count, flags);
        return;
    }
    receive_lent(self, nbls, port, flags);
    ExReleaseRundownProtectionEx(&self->lower, count);
    ExReleaseRundownProtectionEx(&self->upper, count);
}

VOID
passthru_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct passthru *self = context;
    ULONG count = passthru_unmark(nbls);
    NdisReturnNetBufferLists(self->binding, nbls, flags);
    ExReleaseRundownProtectionEx(&self->lower, count);
    ExReleaseRundownProtectionEx(&self->upper, count);
}
