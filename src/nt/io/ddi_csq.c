// SPDX-License-Identifier: MIT
// Front doors of cancel-safe queues.
#include "nt/io/csq.h"
#include "verify/verify.h"

NTAPI NTSTATUS
IoCsqInitialize(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP CsqInsertIrp, PIO_CSQ_REMOVE_IRP CsqRemoveIrp, PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp,
                PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock, PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp)
{
    VERIFY_ENTER(IoCsqInitialize);
    io_csq_init(Csq, IO_TYPE_CSQ, CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp, CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp);
    VERIFY_LEAVE(IoCsqInitialize);
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
IoCsqInitializeEx(PIO_CSQ Csq, PIO_CSQ_INSERT_IRP_EX CsqInsertIrp, PIO_CSQ_REMOVE_IRP CsqRemoveIrp, PIO_CSQ_PEEK_NEXT_IRP CsqPeekNextIrp,
                  PIO_CSQ_ACQUIRE_LOCK CsqAcquireLock, PIO_CSQ_RELEASE_LOCK CsqReleaseLock,
                  PIO_CSQ_COMPLETE_CANCELED_IRP CsqCompleteCanceledIrp)
{
    VERIFY_ENTER(IoCsqInitializeEx);
    io_csq_init(Csq, IO_TYPE_CSQ_EX, CsqInsertIrp, CsqRemoveIrp, CsqPeekNextIrp, CsqAcquireLock, CsqReleaseLock, CsqCompleteCanceledIrp);
    VERIFY_LEAVE(IoCsqInitializeEx);
    return STATUS_SUCCESS;
}

NTAPI VOID
IoCsqInsertIrp(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context)
{
    VERIFY_ENTER(IoCsqInsertIrp);
    io_csq_insert(Csq, Irp, Context, NULL);
    VERIFY_LEAVE(IoCsqInsertIrp);
}

NTAPI NTSTATUS
IoCsqInsertIrpEx(PIO_CSQ Csq, PIRP Irp, PIO_CSQ_IRP_CONTEXT Context, PVOID InsertContext)
{
    VERIFY_ENTER(IoCsqInsertIrpEx);
    NTSTATUS status = io_csq_insert(Csq, Irp, Context, InsertContext);
    VERIFY_LEAVE(IoCsqInsertIrpEx);
    return status;
}

NTAPI PIRP
IoCsqRemoveIrp(PIO_CSQ Csq, PIO_CSQ_IRP_CONTEXT Context)
{
    VERIFY_ENTER(IoCsqRemoveIrp);
    IRP *irp = io_csq_remove(Csq, Context);
    VERIFY_LEAVE(IoCsqRemoveIrp);
    return irp;
}

NTAPI PIRP
IoCsqRemoveNextIrp(PIO_CSQ Csq, PVOID PeekContext)
{
    VERIFY_ENTER(IoCsqRemoveNextIrp);
    IRP *irp = io_csq_remove_next(Csq, PeekContext);
    VERIFY_LEAVE(IoCsqRemoveNextIrp);
    return irp;
}
