// SPDX-License-Identifier: MIT
// Frames: what keeps a completion inside a send call, or an indication inside a return, from growing the stack. The outermost upcall
// into a module on a thread pushes a frame; while it runs, further lists for the same module and direction are put on the frame as
// they are, and the frame's owner delivers them, in order, when the driver's handler has come back. The links live in the hidden
// head of each list's first NBL, so nothing is allocated.
#include "ndis/ndis_int.h"

void
ndis_frame_defer(struct ndis_frame *frame, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct ndis_nbl *head = ndis_nbl_of(nbls);
    head->batch_next = NULL;
    head->batch_flags = flags;
    head->batch_count = count;
    head->batch_port = port;
    if (frame->last)
        ndis_nbl_of(frame->last)->batch_next = nbls;
    else
        frame->first = nbls;
    frame->last = nbls;
}

NET_BUFFER_LIST *
ndis_frame_take(struct ndis_frame *frame, NDIS_PORT_NUMBER *port, ULONG *count, ULONG *flags)
{
    NET_BUFFER_LIST *nbls = frame->first;
    if (!nbls)
        return NULL;
    struct ndis_nbl *head = ndis_nbl_of(nbls);
    frame->first = head->batch_next;
    if (!frame->first)
        frame->last = NULL;
    *port = head->batch_port;
    *count = head->batch_count;
    *flags = head->batch_flags;
    // Put off by a call at DISPATCH, delivered by the frame's owner at its own level: the flag would be a lie then.
    if (ke_self()->irql < DISPATCH_LEVEL)
        *flags &= ~(ULONG)(frame->kind == NDIS_UPCALL_RECEIVE ? NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL
                                                              : NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
    return nbls;
}
