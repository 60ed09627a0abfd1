// SPDX-License-Identifier: MIT
// Cancel-safe queues (csq.c). irql: <= DISPATCH. calls: the driver's six routines, its queue lock held for four of them.
#ifndef NBX_NT_IO_CSQ_H
#define NBX_NT_IO_CSQ_H

#include "nt/io/io.h"

void io_csq_init(IO_CSQ *csq, ULONG type, void *insert, IO_CSQ_REMOVE_IRP *remove, IO_CSQ_PEEK_NEXT_IRP *peek, IO_CSQ_ACQUIRE_LOCK *acquire,
                 IO_CSQ_RELEASE_LOCK *release, IO_CSQ_COMPLETE_CANCELED_IRP *complete);
// owns: takes irp on success: it is completed by a canceller or handed out once by a remove. fails: what CsqInsertIrp of an Ex queue says.
NTSTATUS io_csq_insert(IO_CSQ *csq, IRP *irp, IO_CSQ_IRP_CONTEXT *context, void *insert_context);
IRP *io_csq_remove(IO_CSQ *csq, IO_CSQ_IRP_CONTEXT *context);
IRP *io_csq_remove_next(IO_CSQ *csq, void *peek_context);

#endif
