// SPDX-License-Identifier: MIT
// From the data path into the ring: each frame becomes a pcapng enhanced packet block as it will stand in the file, copied once.
//   lwfmon_capture_list: one lock and one look at the clock a list -> block head, data, options, tail -> the writer's bell if it sleeps
// A frame that does not fit is counted and not waited for: a monitor never holds up what it watches.
// Blocks: [pcapng, draft-ietf-opsawg-pcapng, section 4.3]; all numbers in this machine's byte order, which the file's head declares.
#include "lwfmon.h"

#define CAPTURE_BLOCK 6u                      // enhanced packet block
#define CAPTURE_EPOCH 116444736000000000LL    // 1970 in units of 100 ns since 1601

static void
ring_put(struct lwfmon_capture *capture, const void *data, ULONG bytes)
{
    ULONG at = (ULONG)(capture->head & (capture->ring_bytes - 1));
    ULONG first = capture->ring_bytes - at < bytes ? capture->ring_bytes - at : bytes;
    NdisMoveMemory(capture->ring + at, data, first);
    NdisMoveMemory(capture->ring, (const UCHAR *)data + first, bytes - first);
    capture->head += bytes;
}

// The frame's bytes. Returns how many the MDL chain did hold; never more than it says.
static ULONG
ring_put_frame(struct lwfmon_capture *capture, const NET_BUFFER *nb)
{
    ULONG left = NET_BUFFER_DATA_LENGTH(nb), offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb);
    for (MDL *mdl = NET_BUFFER_CURRENT_MDL(nb); mdl && left; mdl = mdl->Next) {
        const UCHAR *data = MmGetSystemAddressForMdlSafe(mdl, LowPagePriority);
        ULONG have = MmGetMdlByteCount(mdl) - offset;
        if (!data)
            break;
        if (have > left)
            have = left;
        ring_put(capture, data + offset, have);
        left -= have;
        offset = 0;
    }
    return NET_BUFFER_DATA_LENGTH(nb) - left;
}

static BOOLEAN
capture_frame(struct lwfmon_capture *capture, enum lwfmon_direction direction, const NET_BUFFER *nb, ULONG64 time)
{
    static const UCHAR zero[4];
    ULONG bytes = NET_BUFFER_DATA_LENGTH(nb), padding = -bytes & 3, block = LWFMON_BLOCK_BYTES + bytes + padding;
    if (capture->ring_bytes - (capture->head - capture->tail) < block)
        return FALSE;
    ULONG head[7] = {CAPTURE_BLOCK, block, 0, (ULONG)(time >> 32), (ULONG)time, bytes, bytes};
    // epb_flags: 1 inbound, 2 outbound; end of options; the length once more.
    ULONG tail[4] = {2 | 4u << 16, direction == LWFMON_IN ? 1 : 2, 0, block};
    ring_put(capture, head, sizeof head);
    for (ULONG put = ring_put_frame(capture, nb); put < bytes;) {   // a chain shorter than it says: zeros, the block stays whole
        ULONG some = bytes - put < sizeof zero ? bytes - put : sizeof zero;
        ring_put(capture, zero, some);
        put += some;
    }
    ring_put(capture, zero, padding);
    ring_put(capture, tail, sizeof tail);
    return TRUE;
}

void
lwfmon_capture_list(struct lwfmon_capture *capture, enum lwfmon_direction direction, const NET_BUFFER_LIST *nbls)
{
    LARGE_INTEGER now;
    KeQuerySystemTimePrecise(&now);
    ULONG64 time = (ULONG64)(now.QuadPart - CAPTURE_EPOCH);
    KeAcquireSpinLockAtDpcLevel(&capture->lock);
    for (const NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        for (const NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb; nb = NET_BUFFER_NEXT_NB(nb)) {
            if (!capture->failed && capture_frame(capture, direction, nb, time))
                capture->captured++;
            else
                capture->dropped++;
        }
    }
    BOOLEAN ring_bell = capture->idle && capture->head != capture->tail;
    if (ring_bell)
        capture->idle = FALSE;
    KeReleaseSpinLockFromDpcLevel(&capture->lock);
    if (ring_bell)
        KeSetEvent(&capture->bell, IO_NO_INCREMENT, FALSE);
}
