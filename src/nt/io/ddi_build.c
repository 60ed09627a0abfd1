// SPDX-License-Identifier: MIT
// Front doors that build requests and MDLs.
#include <stdlib.h>

#include "nt/ex/fault.h"
#include "nt/io/io_int.h"
#include "nt/io/mdl.h"
#include "nt/io/request.h"
#include "verify/verify.h"

NTAPI PMDL
IoAllocateMdl(PVOID VirtualAddress, ULONG Length, BOOLEAN SecondaryBuffer, BOOLEAN ChargeQuota, PIRP Irp)
{
    VERIFY_ENTER(IoAllocateMdl);
    if (EX_FAULT())
        return NULL;
    MDL *mdl = io_mdl_alloc(box_self(), VirtualAddress, Length, SecondaryBuffer, Irp, __builtin_return_address(0));
    VERIFY_LEAVE(IoAllocateMdl);
    return mdl;
}

NTAPI VOID
IoFreeMdl(PMDL Mdl)
{
    VERIFY_ENTER(IoFreeMdl);
    io_mdl_free(box_self(), Mdl);
    VERIFY_LEAVE(IoFreeMdl);
}

NTAPI VOID
IoBuildPartialMdl(PMDL SourceMdl, PMDL TargetMdl, PVOID VirtualAddress, ULONG Length)
{
    VERIFY_ENTER(IoBuildPartialMdl);
    io_mdl_partial(SourceMdl, TargetMdl, VirtualAddress, Length);
    VERIFY_LEAVE(IoBuildPartialMdl);
}

NTAPI PIRP
IoBuildDeviceIoControlRequest(ULONG IoControlCode, PDEVICE_OBJECT DeviceObject, PVOID InputBuffer, ULONG InputBufferLength,
                              PVOID OutputBuffer, ULONG OutputBufferLength, BOOLEAN InternalDeviceIoControl, PKEVENT Event,
                              PIO_STATUS_BLOCK IoStatusBlock)
{
    if (EX_FAULT())
        return NULL;
    IRP *irp;
    VERIFY_ENTER(IoBuildDeviceIoControlRequest);
    struct io_request request = {.major = InternalDeviceIoControl ? IRP_MJ_INTERNAL_DEVICE_CONTROL : IRP_MJ_DEVICE_CONTROL,
                                 .device = DeviceObject,
                                 .mode = KernelMode,
                                 .input = InputBuffer,
                                 .input_bytes = InputBufferLength,
                                 .output = OutputBuffer,
                                 .output_bytes = OutputBufferLength,
                                 .control_code = IoControlCode,
                                 .iosb = IoStatusBlock,
                                 .event = Event,
                                 .is_threaded = true};
    if (io_request_build(box_self(), &request, &irp) != STATUS_SUCCESS)
        irp = NULL;
    VERIFY_LEAVE(IoBuildDeviceIoControlRequest);
    return irp;
}

NTAPI PIRP
IoBuildAsynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject, PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                              PIO_STATUS_BLOCK IoStatusBlock)
{
    VERIFY_ENTER(IoBuildAsynchronousFsdRequest);
    if (EX_FAULT())
        return NULL;
    IRP *irp = io_request_fsd(box_self(), MajorFunction, DeviceObject, Buffer, Length, StartingOffset, NULL, IoStatusBlock, false);
    VERIFY_LEAVE(IoBuildAsynchronousFsdRequest);
    return irp;
}

NTAPI PIRP
IoBuildSynchronousFsdRequest(ULONG MajorFunction, PDEVICE_OBJECT DeviceObject, PVOID Buffer, ULONG Length, PLARGE_INTEGER StartingOffset,
                             PKEVENT Event, PIO_STATUS_BLOCK IoStatusBlock)
{
    VERIFY_ENTER(IoBuildSynchronousFsdRequest);
    if (EX_FAULT())
        return NULL;
    IRP *irp = io_request_fsd(box_self(), MajorFunction, DeviceObject, Buffer, Length, StartingOffset, Event, IoStatusBlock, true);
    VERIFY_LEAVE(IoBuildSynchronousFsdRequest);
    return irp;
}
