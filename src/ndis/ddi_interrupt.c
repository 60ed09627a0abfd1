// SPDX-License-Identifier: MIT
// Front doors: interrupts of miniports. Registering belongs into MiniportInitializeEx, after the registration attributes.
// [ndis/nf-ndis-ndismregisterinterruptex], [ndis/nf-ndis-ndismqueuedpcex], [ndis/nf-ndis-ndismsynchronizewithinterruptex]
#include "ndis/hardware.h"
#include "ndis/header.h"
#include "nt/ex/fault.h"
#include "verify/refuse.h"
#include "verify/verify.h"

static struct ndis_interrupt *
interrupt_from(NDIS_HANDLE handle, const char *function)
{
    return ndis_handle_check(handle, (enum ndis_kind)NDIS_KIND_INTERRUPT, function);
}

NTAPI NDIS_STATUS
NdisMRegisterInterruptEx(NDIS_HANDLE MiniportAdapterHandle, NDIS_HANDLE MiniportInterruptContext,
                         PNDIS_MINIPORT_INTERRUPT_CHARACTERISTICS MiniportInterruptCharacteristics, PNDIS_HANDLE NdisInterruptHandle)
{
    VERIFY_ENTER(NdisMRegisterInterruptEx);
    struct ndis_adapter *adapter = ndis_handle_check(MiniportAdapterHandle, NDIS_KIND_ADAPTER, "NdisMRegisterInterruptEx");
    if (!adapter->initializing || !adapter->have_registration)
        verify_contract("NdisMRegisterInterruptEx", "it belongs into MiniportInitializeEx, after NdisMSetMiniportAttributes");
    *NdisInterruptHandle = NULL;
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    return ndis_interrupt_register(adapter, MiniportInterruptContext, MiniportInterruptCharacteristics,
                                   (struct ndis_interrupt **)NdisInterruptHandle);
}

NTAPI VOID
NdisMDeregisterInterruptEx(NDIS_HANDLE NdisInterruptHandle)
{
    VERIFY_ENTER(NdisMDeregisterInterruptEx);
    ndis_interrupt_deregister(interrupt_from(NdisInterruptHandle, "NdisMDeregisterInterruptEx"));
}

static KAFFINITY
dpc_queue(NDIS_HANDLE handle, ULONG message, KAFFINITY processors, PVOID context, const char *function)
{
    struct ndis_interrupt *interrupt = interrupt_from(handle, function);
    if (!ndis_interrupt_vector(interrupt, message))
        verify_contract(function, "MessageId is not below MessageCount");
    // For a line the parameter is not used.
    return ndis_interrupt_queue(interrupt, ndis_interrupt_vector(interrupt, message)->message, processors, context);
}

NTAPI ULONG
NdisMQueueDpc(NDIS_HANDLE NdisInterruptHandle, ULONG MessageId, ULONG TargetProcessors, PVOID MiniportDpcContext)
{
    VERIFY_ENTER(NdisMQueueDpc);
    return (ULONG)dpc_queue(NdisInterruptHandle, MessageId, TargetProcessors, MiniportDpcContext, "NdisMQueueDpc");
}

NTAPI KAFFINITY
NdisMQueueDpcEx(NDIS_HANDLE NdisInterruptHandle, ULONG MessageId, PGROUP_AFFINITY TargetProcessors, PVOID MiniportDpcContext)
{
    VERIFY_ENTER(NdisMQueueDpcEx);
    // There is one group: nothing can be scheduled in another.
    KAFFINITY mask = TargetProcessors->Group == 0 ? TargetProcessors->Mask : 0;
    return dpc_queue(NdisInterruptHandle, MessageId, mask, MiniportDpcContext, "NdisMQueueDpcEx");
}

NTAPI BOOLEAN
NdisMSynchronizeWithInterruptEx(NDIS_HANDLE NdisInterruptHandle, ULONG MessageId,
                                MINIPORT_SYNCHRONIZE_INTERRUPT_HANDLER SynchronizeFunction, PVOID SynchronizeContext)
{
    VERIFY_ENTER(NdisMSynchronizeWithInterruptEx);
    struct _KINTERRUPT *vector =
        ndis_interrupt_vector(interrupt_from(NdisInterruptHandle, "NdisMSynchronizeWithInterruptEx"), MessageId);
    if (!vector)
        verify_contract("NdisMSynchronizeWithInterruptEx", "MessageId is not below MessageCount");
    KIRQL old = hal_interrupt_lock(vector);
    BOOLEAN result = SynchronizeFunction(SynchronizeContext);
    hal_interrupt_unlock(vector, old);
    return result;
}

NTAPI NDIS_STATUS
NdisMConfigMSIXTableEntry(NDIS_HANDLE MiniportAdapterHandle, PNDIS_MSIX_CONFIG_PARAMETERS MSIXConfigParameters)
{
    VERIFY_ENTER(NdisMConfigMSIXTableEntry);
    struct ndis_adapter *adapter = ndis_handle_check(MiniportAdapterHandle, NDIS_KIND_ADAPTER, "NdisMConfigMSIXTableEntry");
    struct nbx_device *device = adapter->hardware->device;
    const NDIS_MSIX_CONFIG_PARAMETERS *p = MSIXConfigParameters;
    if (!device || !ndis_header_is(&p->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_MSIX_CONFIG_PARAMETERS_REVISION_1))
        return NDIS_STATUS_INVALID_PARAMETER;
    bool done = false;
    if (p->ConfigOperation == NdisMSIXTableConfigSetTableEntry)
        done = hal_msix_set(device, p->TableEntry, p->MessageNumber);
    else if (p->ConfigOperation == NdisMSIXTableConfigMaskTableEntry)
        done = hal_msix_mask(device, p->TableEntry, true);
    else if (p->ConfigOperation == NdisMSIXTableConfigUnmaskTableEntry)
        done = hal_msix_mask(device, p->TableEntry, false);
    return done ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PARAMETER;
}
