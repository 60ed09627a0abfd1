// SPDX-License-Identifier: MIT
// Loopback: what one binding sends is shown to the other bindings of the adapter whose filters match, as a receive from below the
// lowest filter. NDIS does it for miniports that set NDIS_MAC_OPTION_NO_LOOPBACK; the sender itself sees its frame only when it asked
// with NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK [ndis/nf-ndis-ndissendnetbufferlists]. Copies come from a pool of NDIS's own, carry
// NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET, and come back through the return path by their SourceHandle.
#include <string.h>

#include "ndis/header.h"
#include "ndis/nbl.h"

#define LOOPBACK_DATA_BYTES 65550             // a super-segment and its headers

int
ndis_loopback_create(struct ndis *ndis)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1),
        .fAllocateNetBuffer = TRUE,
        .PoolTag = 'pblN',
        .DataSize = LOOPBACK_DATA_BYTES};
    ndis->loopback_pool = ndis_nbl_pool_create(&parameters);
    return ndis->loopback_pool ? 0 : -1;
}

void
ndis_loopback_destroy(struct ndis *ndis)
{
    if (ndis->loopback_pool)
        ndis_nbl_pool_destroy(ndis->loopback_pool);
    ndis->loopback_pool = NULL;
}

void
ndis_loopback_free(NET_BUFFER_LIST *nbls)
{
    while (nbls) {
        NET_BUFFER_LIST *next = nbls->Next;
        ndis_nbl_free(nbls);
        nbls = next;
    }
}

// Would any binding but the sender take this frame? A cheap look before anything is copied.
static bool
loopback_wanted(struct ndis_adapter *adapter, const struct ndis_top *top, NET_BUFFER *nb, const void *sender)
{
    uint8_t destination[6];
    if (ndis_nb_read(nb, 0, destination, 6) != 6)
        return false;
    for (uint32_t i = 0; i < top->count; i++)
        if (&top->entry[i].binding->module != sender && ndis_pfilter_matches(&top->entry[i], destination, 6, adapter))
            return true;
    return false;
}

static NET_BUFFER_LIST *
loopback_copy(struct ndis_adapter *adapter, NET_BUFFER_LIST *from, NET_BUFFER *nb, const void *sender)
{
    if (nb->DataLength > LOOPBACK_DATA_BYTES)
        return NULL;
    NET_BUFFER_LIST *copy = ndis_nbl_alloc(adapter->module.ndis->loopback_pool, 0, 0);
    if (!copy)
        return NULL;
    NET_BUFFER *to = copy->FirstNetBuffer;
    MDL *mdl = to->MdlChain;
    to->DataLength = (ULONG)ndis_nb_read(nb, 0, mdl->MappedSystemVa, nb->DataLength);
    copy->SourceHandle = &adapter->loopback_kind;
    copy->NblFlags = NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET;
    copy->NetBufferListInfo[Ieee8021QNetBufferListInfo] = from->NetBufferListInfo[Ieee8021QNetBufferListInfo];
    ndis_nbl_of(copy)->loopback_sender = sender;
    return copy;
}

static NET_BUFFER_LIST *
loopback_copies(struct ndis_adapter *adapter, const struct ndis_top *top, NET_BUFFER_LIST *nbls, bool to_sender, ULONG *count)
{
    NET_BUFFER_LIST *copies = NULL, **end = &copies;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        const void *sender = to_sender ? NULL : nbl->SourceHandle;
        for (NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next) {
            NET_BUFFER_LIST *copy = NULL;
            if (loopback_wanted(adapter, top, nb, sender))
                copy = loopback_copy(adapter, nbl, nb, sender);
            if (copy) {
                *end = copy;
                end = &copy->Next;
                (*count)++;
            }
        }
    }
    return copies;
}

void
ndis_loopback(struct ndis_adapter *adapter, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    if (!(adapter->general.MacOptions & NDIS_MAC_OPTION_NO_LOOPBACK))
        return;
    struct ke_thread *self = ke_self();
    ULONG count = 0;
    KIRQL old = ke_raise_dispatch(self);      // holds the table still while it is read
    NET_BUFFER_LIST *copies =
        loopback_copies(adapter, atomic_load(&adapter->top), nbls, flags & NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK, &count);
    ke_lower(self, old);
    if (!copies)
        return;
    ndis_event_note(adapter->module.ndis, NDIS_EVENT_LOOPBACK);
    ULONG receive_flags = self->irql >= DISPATCH_LEVEL ? NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL : 0;
    ndis_recv_indicate(&adapter->module, copies, port, count, receive_flags);
}
