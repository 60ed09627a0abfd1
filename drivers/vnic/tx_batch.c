// SPDX-License-Identifier: MIT
// From NET_BUFFERs to the frames that the port takes.
//   vnic_batch_build: from the front of the FIFO on, until a batch is full
//     plain       one struct iovec for each stretch of the MDL chain, the sender's bytes where they lie
//     out of band checksum, large send or VLAN asked for: offload.c, which patches a copy of the headers
//     odd         more stretches than a frame may have: copied into the bounce area
// Nothing here is the sender's to change: NET_BUFFERs and their data are only read.
#include "vnic.h"

BOOLEAN
vnic_batch_has_room(const struct vnic_tx *tx)
{
    return tx->frame_count < tx->batch_max && tx->iov_max - tx->iov_count >= VNIC_TX_IOV_PER_FRAME;
}

// The stretches of a NET_BUFFER's data from skip on into out. Returns how many, 0 if max is too few or the chain ends early.
static ULONG
batch_gather(const NET_BUFFER *nb, ULONG skip, struct iovec *out, ULONG max)
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
        UCHAR *address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
        if (count == max || !address)
            return 0;
        ULONG bytes = have - (ULONG)offset < left ? have - (ULONG)offset : left;
        out[count++] = (struct iovec){address + offset, bytes};
        left -= bytes;
        offset = 0;
    }
    return count;
}

BOOLEAN
vnic_nb_copy(const NET_BUFFER *nb, ULONG skip, UCHAR *out, ULONG bytes)
{
    SIZE_T offset = (SIZE_T)NET_BUFFER_CURRENT_MDL_OFFSET(nb) + skip;
    for (MDL *mdl = NET_BUFFER_CURRENT_MDL(nb); bytes; mdl = mdl->Next) {
        if (!mdl)
            return FALSE;
        ULONG have = MmGetMdlByteCount(mdl);
        if (offset >= have) {
            offset -= have;
            continue;
        }
        const UCHAR *address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
        if (!address)
            return FALSE;
        ULONG some = have - (ULONG)offset < bytes ? have - (ULONG)offset : bytes;
        memcpy(out, address + offset, some);
        out += some;
        bytes -= some;
        offset = 0;
    }
    return TRUE;
}

// One frame at the end of the batch: head (may be empty) and then the NET_BUFFER's data from skip on.
NDIS_STATUS
vnic_batch_add(struct vnic_tx *tx, const NET_BUFFER *nb, UCHAR *head, ULONG head_bytes, ULONG skip,
               const struct port_offload *offload)
{
    struct iovec *iov = &tx->iov[tx->iov_count];
    ULONG rest = NET_BUFFER_DATA_LENGTH(nb) - skip, count = 0;
    if (head_bytes)
        iov[count++] = (struct iovec){head, head_bytes};
    if (rest) {
        ULONG more = batch_gather(nb, skip, iov + count, VNIC_TX_IOV_PER_FRAME - count);
        if (!more) {
            if (VNIC_BOUNCE_BYTES - tx->bounce_used < rest)
                return tx->frame_count ? NDIS_STATUS_PENDING : NDIS_STATUS_INVALID_LENGTH;
            if (!vnic_nb_copy(nb, skip, tx->bounce + tx->bounce_used, rest))
                return NDIS_STATUS_INVALID_LENGTH;   // the MDL chain is shorter than DataLength says
            iov[count] = (struct iovec){tx->bounce + tx->bounce_used, rest};
            tx->bounce_used += rest;
            more = 1;
        }
        count += more;
    }
    tx->frames[tx->frame_count] =
        (struct port_frame){.iov = iov, .iov_count = count, .bytes = head_bytes + rest, .offload = *offload};
    // The destination address: in the head, or in the first stretch, which may be shorter than an address.
    UCHAR address[VNIC_MAC_BYTES];
    const UCHAR *destination = iov[0].iov_base;
    if (iov[0].iov_len < VNIC_MAC_BYTES) {
        vnic_nb_copy(nb, 0, address, VNIC_MAC_BYTES);
        destination = address;
    }
    tx->marks[tx->frame_count] = (struct vnic_tx_mark){.nb_ends = TRUE, .cast = (UCHAR)vnic_cast_of(destination)};
    tx->iov_count += count;
    tx->frame_count++;
    return NDIS_STATUS_SUCCESS;
}

// The usual frame: in one piece, nothing to do to it. FALSE: another way.
static inline BOOLEAN
batch_add_whole(struct vnic_tx *tx, const NET_BUFFER *nb)
{
    MDL *mdl = NET_BUFFER_CURRENT_MDL(nb);
    ULONG bytes = NET_BUFFER_DATA_LENGTH(nb);
    if ((ULONG64)NET_BUFFER_CURRENT_MDL_OFFSET(nb) + bytes > MmGetMdlByteCount(mdl))
        return FALSE;
    UCHAR *address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    if (!address)
        return FALSE;
    address += NET_BUFFER_CURRENT_MDL_OFFSET(nb);
    struct iovec *iov = &tx->iov[tx->iov_count++];
    struct port_frame *frame = &tx->frames[tx->frame_count];
    *iov = (struct iovec){address, bytes};
    *frame = (struct port_frame){.iov = iov, .iov_count = 1, .bytes = bytes};
    tx->marks[tx->frame_count++] = (struct vnic_tx_mark){.nb_ends = TRUE, .cast = (UCHAR)vnic_cast_of(address)};
    return TRUE;
}

static BOOLEAN
batch_is_out_of_band(NET_BUFFER_LIST *nbl)
{
    return NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) || NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo) ||
           NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo);
}

// SUCCESS: in the batch (segment 0 of it at least). PENDING: no room for it in this batch. Else it cannot be sent.
static NDIS_STATUS
batch_add_nb(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl, NET_BUFFER *nb, ULONG segment)
{
    static const struct port_offload nothing;
    if (!vnic_batch_has_room(&adapter->tx))
        return NDIS_STATUS_PENDING;
    if (NET_BUFFER_DATA_LENGTH(nb) < VNIC_HEADER_BYTES)
        return NDIS_STATUS_INVALID_LENGTH;
    if (batch_is_out_of_band(nbl))
        return vnic_offload_send(adapter, nbl, nb, segment);
    if (NET_BUFFER_DATA_LENGTH(nb) > adapter->tx_max_bytes)
        return NDIS_STATUS_INVALID_LENGTH;
    if (batch_add_whole(&adapter->tx, nb))
        return NDIS_STATUS_SUCCESS;
    return vnic_batch_add(&adapter->tx, nb, NULL, 0, 0, &nothing);
}

NDIS_STATUS
vnic_batch_build(struct vnic_adapter *adapter)
{
    struct vnic_tx *tx = &adapter->tx;
    ULONG segment = tx->next_segment;
    NET_BUFFER *nb = tx->next_nb;
    tx->frame_count = tx->iov_count = tx->bounce_used = 0;
    for (NET_BUFFER_LIST *nbl = tx->first; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        if (!nb)
            nb = NET_BUFFER_LIST_FIRST_NB(nbl);
        if (!nb)                              // a list of nothing
            return tx->frame_count ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PARAMETER;
        for (; nb; nb = NET_BUFFER_NEXT_NB(nb)) {
            NDIS_STATUS status = batch_add_nb(adapter, nbl, nb, segment);
            if (status != NDIS_STATUS_SUCCESS)
                return tx->frame_count ? NDIS_STATUS_SUCCESS : status;
            if (!tx->marks[tx->frame_count - 1].nb_ends)
                return NDIS_STATUS_SUCCESS;   // the batch is full in the middle of a large send
            segment = 0;
        }
    }
    return NDIS_STATUS_SUCCESS;
}
