// SPDX-License-Identifier: MIT
// The fast way down: a run of NBLs as protocols usually send them (one NET_BUFFER, its data in one MDL, nothing out of band) becomes a
// batch of frames in a single walk, and when the port takes them all, the run is cut off the list in one piece.
//   vnic_run_build -> nbx_port_tx -> vnic_run_take
// Whatever is not plain ends the run; tx_batch.c, which knows all shapes, goes on from there. The figure that made this worth a file is
// in docs/performance.md (nbl-forward).
#include "vnic.h"

// The frame of a plain NBL, or FALSE.
static inline BOOLEAN
run_frame(NET_BUFFER_LIST *nbl, ULONG max_bytes, struct iovec *iov)
{
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    if (!nb || NET_BUFFER_NEXT_NB(nb) || NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) ||
        NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo) || NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo))
        return FALSE;
    MDL *mdl = NET_BUFFER_CURRENT_MDL(nb);
    ULONG bytes = NET_BUFFER_DATA_LENGTH(nb), offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb);
    if (bytes < VNIC_HEADER_BYTES || bytes > max_bytes || MmGetMdlByteCount(mdl) < bytes ||
        MmGetMdlByteCount(mdl) - bytes < offset)
        return FALSE;
    UCHAR *address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    *iov = (struct iovec){address + offset, bytes};
    return address != NULL;
}

ULONG
vnic_run_build(struct vnic_tx *tx, NET_BUFFER_LIST *nbls, ULONG max_bytes, struct vnic_run *run)
{
    ULONG count = 0, max = tx->batch_max, others = 0;
    ULONG64 bytes = 0;                        // of unicast frames: nearly all are, and a register is faster than a table
    NdisZeroMemory(run, sizeof *run);
    for (NET_BUFFER_LIST *nbl = nbls; nbl && count < max; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        struct iovec *iov = &tx->iov[count];
        if (!run_frame(nbl, max_bytes, iov))
            break;
        tx->frames[count] = (struct port_frame){.iov = iov, .iov_count = 1, .bytes = (uint32_t)iov->iov_len};
        enum vnic_cast cast = vnic_cast_of(iov->iov_base);
        if (__builtin_expect(cast == VNIC_UNICAST, 1))
            bytes += iov->iov_len;
        else {
            others++;
            run->frames[cast]++;
            run->bytes[cast] += iov->iov_len;
        }
        NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_SUCCESS;
        run->last = nbl;
        count++;
    }
    run->frames[VNIC_UNICAST] = count - others;
    run->bytes[VNIC_UNICAST] = bytes;
    return count;
}

// The port took part of the run only: count again what went, and find where it ends. Cold.
static __attribute__((noinline)) void
run_shorten(struct vnic_tx *tx, NET_BUFFER_LIST *nbls, ULONG taken, struct vnic_run *run)
{
    NdisZeroMemory(run, sizeof *run);
    for (ULONG i = 0; i < taken; i++) {
        enum vnic_cast cast = vnic_cast_of(tx->frames[i].iov->iov_base);
        run->frames[cast]++;
        run->bytes[cast] += tx->frames[i].bytes;
        run->last = nbls;
        nbls = NET_BUFFER_LIST_NEXT_NBL(nbls);
    }
}

NET_BUFFER_LIST *
vnic_run_take(struct vnic_tx *tx, NET_BUFFER_LIST *nbls, ULONG count, ULONG taken, struct vnic_run *run)
{
    if (taken < count)
        run_shorten(tx, nbls, taken, run);
    for (ULONG i = 0; i < VNIC_CASTS; i++) {
        tx->counters.frames[i] += run->frames[i];
        tx->counters.bytes[i] += run->bytes[i];
    }
    tx->progress += taken;
    return taken ? NET_BUFFER_LIST_NEXT_NBL(run->last) : nbls;
}
