// SPDX-License-Identifier: MIT
// NET_BUFFER_LISTs that carry a connection's bytes: outstanding sends, a disconnect's last words, buffered data, forwarded segments.
//   chim_nbl_spans: MDLs -> struct eng_span, nothing copied; the first byte is that at CurrentMdlOffset
//   chim_nbl_advance: what was acknowledged leaves the front, so that the next byte of the chain is SndUna again
#include "chim.h"

ULONG64
chim_nbl_bytes(const NET_BUFFER_LIST *nbl)
{
    ULONG64 bytes = 0;
    for (const NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb; nb = NET_BUFFER_NEXT_NB(nb))
        bytes += NET_BUFFER_DATA_LENGTH(nb);
    return bytes;
}

// The part of a NET_BUFFER's data that lies in this MDL; 0: none of it.
static ULONG
piece_of(const MDL *mdl, ULONG offset, ULONG left)
{
    ULONG here = MmGetMdlByteCount(mdl) > offset ? MmGetMdlByteCount(mdl) - offset : 0;
    return here < left ? here : left;
}

ULONG
chim_nbl_span_count(const NET_BUFFER_LIST *nbl)
{
    ULONG count = 0;
    for (const NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb; nb = NET_BUFFER_NEXT_NB(nb)) {
        ULONG left = NET_BUFFER_DATA_LENGTH(nb), offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb);
        for (const MDL *mdl = NET_BUFFER_CURRENT_MDL(nb); left && mdl; mdl = mdl->Next, offset = 0) {
            ULONG here = piece_of(mdl, offset, left);
            count += here != 0;
            left -= here;
        }
    }
    return count;
}

ULONG
chim_nbl_spans(const NET_BUFFER_LIST *nbl, struct eng_span *spans, ULONG room, struct eng_owner *owner)
{
    ULONG count = 0;
    for (const NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb; nb = NET_BUFFER_NEXT_NB(nb)) {
        ULONG left = NET_BUFFER_DATA_LENGTH(nb), offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb);
        for (MDL *mdl = NET_BUFFER_CURRENT_MDL(nb); left && mdl; mdl = mdl->Next, offset = 0) {
            ULONG here = piece_of(mdl, offset, left);
            if (!here)
                continue;
            UCHAR *bytes = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
            if (!bytes || count == room)
                return 0;
            spans[count++] = (struct eng_span){.bytes = bytes + offset, .count = here, .offset = offset, .tag = mdl, .owner = owner};
            left -= here;
        }
        if (left)
            return 0;
    }
    return count;
}

VOID
chim_nbl_advance(NET_BUFFER_LIST *nbl, ULONG64 bytes)
{
    for (NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb && bytes; nb = NET_BUFFER_NEXT_NB(nb)) {
        ULONG here = NET_BUFFER_DATA_LENGTH(nb) < bytes ? NET_BUFFER_DATA_LENGTH(nb) : (ULONG)bytes;
        NdisAdvanceNetBufferDataStart(nb, here, FALSE, NULL);
        bytes -= here;
    }
}
