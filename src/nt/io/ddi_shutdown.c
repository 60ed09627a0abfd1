// SPDX-License-Identifier: MIT
// Front doors of shutdown notification and driver reinitialisation.
#include "nt/io/io_int.h"
#include "verify/verify.h"

NTAPI NTSTATUS
IoRegisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    VERIFY_ENTER(IoRegisterShutdownNotification);
    NTSTATUS status = io_shutdown_register(DeviceObject);
    VERIFY_LEAVE(IoRegisterShutdownNotification);
    return status;
}

NTAPI VOID
IoUnregisterShutdownNotification(PDEVICE_OBJECT DeviceObject)
{
    VERIFY_ENTER(IoUnregisterShutdownNotification);
    io_shutdown_unregister(DeviceObject);
    VERIFY_LEAVE(IoUnregisterShutdownNotification);
}

NTAPI VOID
IoRegisterDriverReinitialization(PDRIVER_OBJECT DriverObject, PDRIVER_REINITIALIZE DriverReinitializationRoutine, PVOID Context)
{
    VERIFY_ENTER(IoRegisterDriverReinitialization);
    io_reinit_register(DriverObject, DriverReinitializationRoutine, Context);
    VERIFY_LEAVE(IoRegisterDriverReinitialization);
}

// There is no boot phase to wait for the end of: the routine runs where the other kind does.
NTAPI VOID
IoRegisterBootDriverReinitialization(PDRIVER_OBJECT DriverObject, PDRIVER_REINITIALIZE DriverReinitializationRoutine, PVOID Context)
{
    VERIFY_ENTER(IoRegisterBootDriverReinitialization);
    io_reinit_register(DriverObject, DriverReinitializationRoutine, Context);
    VERIFY_LEAVE(IoRegisterBootDriverReinitialization);
}
