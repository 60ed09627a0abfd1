// SPDX-License-Identifier: MIT
// Front door: a user-mode request into the kernel's form.
#include "tdi/tdi.h"
#include "verify/verify.h"

NTAPI NTSTATUS
TdiMapUserRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp, PIO_STACK_LOCATION IrpSp)
{
    VERIFY_ENTER(TdiMapUserRequest);
    return tdi_request_map(Irp, IrpSp);
}
