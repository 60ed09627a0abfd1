// SPDX-License-Identifier: MIT
// MDLs of the I/O manager (mdl.c). irql: <= DISPATCH.
#ifndef NBX_NT_IO_MDL_H
#define NBX_NT_IO_MDL_H

#include "nt/box.h"

// owns: the caller frees with io_mdl_free, or completion frees what hangs off a threaded IRP. fails: NULL: no memory, too long.
MDL *io_mdl_alloc(struct box *box, void *address, ULONG bytes, bool is_secondary, IRP *irp, const void *caller);
void io_mdl_free(struct box *box, MDL *mdl);
// bytes 0: to the end of source. fails: bug check 0x40 when target has no room or the piece is not inside source.
void io_mdl_partial(MDL *source, MDL *target, void *address, ULONG bytes);

#endif
