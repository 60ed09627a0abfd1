// SPDX-License-Identifier: MIT
// The fast way down: a run of NBLs as protocols usually send them (one NET_BUFFER, its data in one MDL, nothing out of band) becomes a
// batch of frames in a single walk, and when the port takes them all, the run is cut off the list in one piece.
//   vnic_run_build -> nbx_port_tx -> vnic_run_take
// Whatever is not plain ends the run; tx_batch.c, which knows all shapes, goes on from there. The figure that made this worth a file is
// in docs/performance.md (nbl-forward).
#include "vnic.h"

// What makes an NBL not plain, all in one word, so that there is one branch.
static inline ULONG_PTR
run_extras(const NET_BUFFER_LIST *nbl, const NET_BUFFER *nb)
{
    return (ULONG_PTR)NET_BUFFER_NEXT_NB(nb) | (ULONG_PTR)NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) |
           (ULONG_PTR)NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo) |
           (ULONG_PTR)NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo);
}

// The frame of a plain NBL: its first byte, or NULL.
static inline UCHAR *
run_frame(NET_BUFFER_LIST *nbl, ULONG max_bytes, ULONG *bytes)
{
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    if (!nb || run_extras(nbl, nb))
        return NULL;
    MDL *mdl = NET_BUFFER_CURRENT_MDL(nb);
    ULONG offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb), room = MmGetMdlByteCount(mdl);
    *bytes = NET_BUFFER_DATA_LENGTH(nb);
    if (*bytes < VNIC_HEADER_BYTES || *bytes > max_bytes || (ULONG64)offset + *bytes > room)
        return NULL;
    UCHAR *address = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
    return address ? address + offset : NULL;
}

ULONG
vnic_run_build(struct vnic_tx *tx, NET_BUFFER_LIST *nbls, ULONG max_bytes, struct vnic_run *run)
{
    ULONG max = tx->batch_max, others = 0;
    ULONG64 bytes = 0;                        // of unicast frames: nearly all are, and a register is faster than a table
    struct iovec *iov = tx->iov;
    struct port_frame *frame = tx->frames, *end = frame + max;
    NdisZeroMemory(run, sizeof *run);
    LONG_PTR step = 0;
    for (NET_BUFFER_LIST *nbl = nbls; nbl && frame < end; nbl = vnic_next(nbl, &step), frame++, iov++) {
        ULONG frame_bytes;
        UCHAR *data = run_frame(nbl, max_bytes, &frame_bytes);
        if (!data)
            break;
        *iov = (struct iovec){data, frame_bytes};
        *frame = (struct port_frame){.iov = iov, .iov_count = 1, .bytes = frame_bytes};
        bytes += frame_bytes;
        if (__builtin_expect(data[0] & 1, 0)) {
            enum vnic_cast cast = vnic_cast_of(data);
            others++;
            bytes -= frame_bytes;
            run->frames[cast]++;
            run->bytes[cast] += frame_bytes;
        }
        NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_SUCCESS;
        run->last = nbl;
    }
    ULONG count = (ULONG)(frame - tx->frames);
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
