// SPDX-License-Identifier: MIT
// Received lists to the TAP.
//   NDIS -> tapproto_receive -> FIFO -> receive_push: up to 64 frames described where they lie (no copy of the data) -> nbx_port_tx
//        -> what the port took is returned at once: its bytes are with the kernel when the call comes back
//   port -> tapproto_on_tx_ready -> receive_push again
// Information beside the data becomes the port's: a VLAN tag goes back into the frame; what was coalesced becomes a super-segment; a
// checksum that was found right becomes "to be finished": the field may hold no more than the pseudo-header's sum when the sender was
// another stack on this machine, and the kernel finishes it should the frame ever leave the machine.
// A list lent with NDIS_RECEIVE_FLAGS_RESOURCES cannot wait: what the port does not take of it is dropped and counted.
#include "tapproto.h"

void
tapproto_receive_create(struct tapproto_binding *binding)
{
    KeInitializeSpinLock(&binding->receive.lock);
    binding->receive.end = &binding->receive.first;
}

// ---- one frame ------------------------------------------------------------------------------------------------------------------

// The stretches of the data from skip on. Returns how many, 0 when they are too many or the chain ends early.
static ULONG
receive_gather(const NET_BUFFER *nb, ULONG skip, struct iovec *iov, ULONG max)
{
    ULONG left = NET_BUFFER_DATA_LENGTH(nb) - skip, count = 0;
    SIZE_T offset = (SIZE_T)NET_BUFFER_CURRENT_MDL_OFFSET(nb) + skip;
    for (MDL *mdl = NET_BUFFER_CURRENT_MDL(nb); left; mdl = mdl->Next) {
        if (!mdl)
            return 0;
        ULONG have = MmGetMdlByteCount(mdl);
        if (offset >= have) {
            offset -= have;
            continue;
        }
        UCHAR *data = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
        if (count == max || !data)
            return 0;
        ULONG bytes = have - (ULONG)offset < left ? have - (ULONG)offset : left;
        iov[count++] = (struct iovec){data + offset, bytes};
        left -= bytes;
        offset = 0;
    }
    return count;
}

static ULONG
receive_segment_bytes(const struct tapproto_binding *binding, const struct tapproto_headers *h, ULONG payload, ULONG segments)
{
    ULONG full = binding->mtu_bytes - (h->end - h->ip);   // what a full segment carries here
    if (binding->mtu_bytes > (ULONG)(h->end - h->ip) && (payload + full - 1) / full == segments)
        return full;
    return (payload + segments - 1) / segments;
}

// The head's copy gets its checksum field and the frame its description. offset_bytes: what a tag moves the headers by.
static void
receive_offload(struct tapproto_binding *binding, NET_BUFFER_LIST *nbl, UCHAR *head, ULONG bytes, const struct tapproto_headers *h,
                struct port_offload *offload)
{
    ULONG segments = NET_BUFFER_LIST_COALESCED_SEG_COUNT(nbl), payload = bytes - h->end;
    USHORT sum = tapproto_pseudo_sum(head, h, bytes - h->transport);
    memcpy(tapproto_checksum_field(head, h), &sum, sizeof sum);
    offload->flags = PORT_CSUM_NEEDED;
    offload->csum_start = h->transport;
    offload->csum_offset = h->protocol == TAPPROTO_TCP ? 16 : 6;
    if (segments < 2 || h->protocol != TAPPROTO_TCP || payload < segments)
        return;
    offload->gso = h->version == 4 ? PORT_GSO_TCP4 : PORT_GSO_TCP6;
    offload->gso_bytes = (uint16_t)receive_segment_bytes(binding, h, payload, segments);
    offload->header_bytes = h->end;
    if (head[h->transport + 13] & 0x80)
        offload->flags |= PORT_GSO_ECN;
}

// Does the length in the IP header reach exactly to the end of the frame? Padding behind it is not covered by any checksum.
static BOOLEAN
receive_is_exact(const UCHAR *head, const struct tapproto_headers *h, ULONG bytes)
{
    ULONG end = h->ip + (h->version == 4 ? tapproto_get16(head + h->ip + 2) : 40 + tapproto_get16(head + h->ip + 4));
    return end == bytes;
}

static void
receive_tag_put(UCHAR *head, ULONG *head_bytes, NET_BUFFER_LIST *nbl)
{
    NDIS_NET_BUFFER_LIST_8021Q_INFO info = {.Value = NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo)};
    if (!info.TagHeader.VlanId && !info.TagHeader.UserPriority && !info.TagHeader.CanonicalFormatId)
        return;
    memmove(head + 16, head + 12, *head_bytes - 12);
    tapproto_put16(head + 12, 0x8100);
    tapproto_put16(head + 14, info.TagHeader.UserPriority << 13 | info.TagHeader.CanonicalFormatId << 12 | info.TagHeader.VlanId);
    *head_bytes += TAPPROTO_VLAN_BYTES;
}

// A frame with information beside it: its head is copied and made to say the same. Returns the head's bytes, 0: cannot be.
static ULONG
receive_head(struct tapproto_binding *binding, NET_BUFFER_LIST *nbl, NET_BUFFER *nb, UCHAR *head, ULONG *skip,
             struct port_offload *offload)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info = {.Value = NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo)};
    ULONG bytes = NET_BUFFER_DATA_LENGTH(nb), room = TAPPROTO_HEAD_BYTES - TAPPROTO_VLAN_BYTES;
    ULONG head_bytes = bytes < room ? bytes : room;
    struct tapproto_headers h;
    const UCHAR *data = NdisGetDataBuffer(nb, head_bytes, head, 1, 0);
    if (!data)
        return 0;
    if (data != head)
        memcpy(head, data, head_bytes);
    *skip = head_bytes;
    receive_tag_put(head, &head_bytes, nbl);
    bytes += head_bytes - *skip;
    if (!info.Receive.TcpChecksumSucceeded && !info.Receive.UdpChecksumSucceeded)
        return head_bytes;
    if (tapproto_headers_find(head, head_bytes, &h) && receive_is_exact(head, &h, bytes))
        receive_offload(binding, nbl, head, bytes, &h, offload);
    else
        offload->flags = PORT_CSUM_VALID;
    return head_bytes;
}

// Describe one frame at the end of the batch. FALSE: no room left in it. *bad: it cannot be described at all.
static BOOLEAN
receive_frame(struct tapproto_binding *binding, NET_BUFFER_LIST *nbl, NET_BUFFER *nb, BOOLEAN *bad)
{
    struct tapproto_receive *receive = &binding->receive;
    struct iovec *iov = &receive->iov[receive->iov_count];
    struct port_frame *frame = &receive->frames[receive->frame_count];
    ULONG head_bytes = 0, skip = 0, count = 0, bytes = NET_BUFFER_DATA_LENGTH(nb);
    *bad = bytes < TAPPROTO_ETHERNET_BYTES;
    if (*bad || receive->frame_count == TAPPROTO_BATCH)
        return FALSE;
    *frame = (struct port_frame){.iov = iov};
    if (NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) || NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo)) {
        UCHAR *head = receive->heads[receive->frame_count];
        if (receive->iov_count == TAPPROTO_IOV)
            return FALSE;
        head_bytes = receive_head(binding, nbl, nb, head, &skip, &frame->offload);
        *bad = !head_bytes;
        if (*bad)
            return FALSE;
        iov[count++] = (struct iovec){head, head_bytes};
    }
    if (bytes > skip) {
        ULONG more = receive_gather(nb, skip, iov + count, TAPPROTO_IOV - receive->iov_count - count);
        *bad = !more && !receive->iov_count;  // an empty batch has no room for it either
        if (!more)
            return FALSE;
        count += more;
    }
    frame->iov_count = count;
    frame->bytes = head_bytes + bytes - skip;
    receive->iov_count += count;
    receive->frame_count++;
    return TRUE;
}

// ---- lists ----------------------------------------------------------------------------------------------------------------------

// Move on by one frame; a list entry that is through goes to the end of done.
static void
receive_step(struct tapproto_receive *receive, NET_BUFFER_LIST ***done)
{
    NET_BUFFER_LIST *nbl = receive->first;
    NET_BUFFER *nb = receive->next_nb ? receive->next_nb : NET_BUFFER_LIST_FIRST_NB(nbl);
    receive->next_nb = nb ? NET_BUFFER_NEXT_NB(nb) : NULL;
    if (receive->next_nb)
        return;
    receive->first = NET_BUFFER_LIST_NEXT_NBL(nbl);
    if (!receive->first)
        receive->end = &receive->first;
    NET_BUFFER_LIST_NEXT_NBL(nbl) = NULL;
    **done = nbl;
    *done = &NET_BUFFER_LIST_NEXT_NBL(nbl);
}

// Describe frames from the front of the FIFO until the batch is full. Returns TRUE when the very first one cannot be described.
static BOOLEAN
receive_batch(struct tapproto_binding *binding)
{
    struct tapproto_receive *receive = &binding->receive;
    NET_BUFFER *nb = receive->next_nb;
    BOOLEAN bad;
    receive->frame_count = receive->iov_count = 0;
    for (NET_BUFFER_LIST *nbl = receive->first; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        if (!nb)
            nb = NET_BUFFER_LIST_FIRST_NB(nbl);
        if (!nb)
            return !receive->frame_count;     // a list entry without data
        for (; nb; nb = NET_BUFFER_NEXT_NB(nb))
            if (!receive_frame(binding, nbl, nb, &bad))
                return bad && !receive->frame_count;
    }
    return FALSE;
}

// Give the port what it takes. Returns the list of what is through, to be returned by the caller without the lock.
static NET_BUFFER_LIST *
receive_push_locked(struct tapproto_binding *binding)
{
    struct tapproto_receive *receive = &binding->receive;
    NET_BUFFER_LIST *done = NULL, **end = &done;
    while (receive->first && !receive->blocked) {
        if (receive_batch(binding)) {
            receive->counters.dropped++;
            receive_step(receive, &end);
            continue;
        }
        ULONG taken = nbx_port_tx(binding->port, receive->frames, receive->frame_count);
        receive->blocked = taken < receive->frame_count;
        for (ULONG i = 0; i < taken; i++) {
            receive->counters.frames++;
            receive->counters.bytes += receive->frames[i].bytes;
            receive->counters.coalesced += receive->frames[i].offload.gso != PORT_GSO_NONE;
            receive_step(receive, &end);
        }
    }
    return done;
}

static NET_BUFFER_LIST *
receive_all_locked(struct tapproto_receive *receive)
{
    NET_BUFFER_LIST *all = receive->first;
    for (NET_BUFFER_LIST *nbl = all; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        receive->counters.dropped++;
    receive->first = NULL;
    receive->end = &receive->first;
    receive->next_nb = NULL;
    return all;
}

// Lent for the call only. The chain has to be whole again at the end.
static void
receive_lent_locked(struct tapproto_binding *binding, NET_BUFFER_LIST *nbls)
{
    struct tapproto_receive *receive = &binding->receive;
    for (NET_BUFFER_LIST *nbl = nbls; nbl;) {
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        if (receive->running && !receive->first && !receive->blocked) {
            NET_BUFFER_LIST_NEXT_NBL(nbl) = NULL;
            receive->first = nbl;
            receive->end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
            receive_push_locked(binding);
            receive_all_locked(receive);      // counts it as dropped if it is still there
            NET_BUFFER_LIST_NEXT_NBL(nbl) = next;
        } else {
            receive->counters.dropped++;
        }
        nbl = next;
    }
}

static void
receive_return(struct tapproto_binding *binding, NET_BUFFER_LIST *done, BOOLEAN at_dispatch)
{
    if (done)
        NdisReturnNetBufferLists(binding->ndis, done, at_dispatch ? NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0);
}

VOID
tapproto_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct tapproto_binding *binding = context;
    struct tapproto_receive *receive = &binding->receive;
    NET_BUFFER_LIST *done = NULL;
    KIRQL old;
    UNREFERENCED_PARAMETER(port);
    KeAcquireSpinLock(&receive->lock, &old);
    if (NDIS_TEST_RECEIVE_CANNOT_PEND(flags)) {
        receive_lent_locked(binding, nbls);
    } else if (!receive->running) {
        receive->counters.dropped += count;
        done = nbls;
    } else {
        *receive->end = nbls;
        while (*receive->end)
            receive->end = &NET_BUFFER_LIST_NEXT_NBL(*receive->end);
        done = receive_push_locked(binding);
    }
    KeReleaseSpinLock(&receive->lock, old);
    receive_return(binding, done, old == DISPATCH_LEVEL);
}

void
tapproto_on_tx_ready(void *context)
{
    struct tapproto_binding *binding = context;
    KeAcquireSpinLockAtDpcLevel(&binding->receive.lock);
    binding->receive.blocked = FALSE;
    NET_BUFFER_LIST *done = receive_push_locked(binding);
    KeReleaseSpinLockFromDpcLevel(&binding->receive.lock);
    receive_return(binding, done, TRUE);
}

// ---- states ---------------------------------------------------------------------------------------------------------------------

void
tapproto_receive_restart(struct tapproto_binding *binding)
{
    KIRQL old;
    KeAcquireSpinLock(&binding->receive.lock, &old);
    binding->receive.running = TRUE;
    KeReleaseSpinLock(&binding->receive.lock, old);
}

void
tapproto_receive_pause(struct tapproto_binding *binding)
{
    KIRQL old;
    KeAcquireSpinLock(&binding->receive.lock, &old);
    binding->receive.running = FALSE;
    NET_BUFFER_LIST *all = receive_all_locked(&binding->receive);
    KeReleaseSpinLock(&binding->receive.lock, old);
    receive_return(binding, all, FALSE);
}
