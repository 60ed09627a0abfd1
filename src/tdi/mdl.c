// SPDX-License-Identifier: MIT
// Bytes between plain buffers and MDL chains, from any offset. Every MDL is mapped already (nt/mm/mdl.h), so nothing here can fail but
// for want of room: what fits is copied.
#include "tdi/tdi.h"

#include <string.h>

#include "nt/mm/mdl.h"

ULONG
tdi_mdl_bytes(const MDL *mdl)
{
    ULONG bytes = 0;
    for (; mdl; mdl = mdl->Next)
        bytes += mdl->ByteCount;
    return bytes;
}

// The run of bytes at offset of the chain; NULL past its end.
static char *
run_at(MDL *mdl, ULONG offset, ULONG *bytes)
{
    for (; mdl && offset >= mdl->ByteCount; mdl = mdl->Next)
        offset -= mdl->ByteCount;
    if (!mdl)
        return NULL;
    *bytes = mdl->ByteCount - offset;
    return (char *)mm_mdl_map(mdl) + offset;
}

ULONG
tdi_mdl_write(MDL *mdl, ULONG offset, const void *from, ULONG bytes)
{
    ULONG copied = 0, run;
    for (char *at; copied < bytes && (at = run_at(mdl, offset + copied, &run)); copied += run) {
        run = run < bytes - copied ? run : bytes - copied;
        memcpy(at, (const char *)from + copied, run);
    }
    return copied;
}

ULONG
tdi_mdl_read(MDL *mdl, ULONG offset, void *to, ULONG bytes)
{
    ULONG copied = 0, run;
    for (char *at; copied < bytes && (at = run_at(mdl, offset + copied, &run)); copied += run) {
        run = run < bytes - copied ? run : bytes - copied;
        memcpy((char *)to + copied, at, run);
    }
    return copied;
}

ULONG
tdi_mdl_copy(MDL *from, ULONG from_offset, MDL *to, ULONG to_offset)
{
    ULONG copied = 0, run, done;
    for (char *at; (at = run_at(from, from_offset + copied, &run)); copied += done) {
        done = tdi_mdl_write(to, to_offset + copied, at, run);
        if (done < run)
            return copied + done;
    }
    return copied;
}
