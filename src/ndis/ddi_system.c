// SPDX-License-Identifier: MIT
// Front doors: the system as NDIS shows it (version, processors, time), generic objects, the event log, names of adapters.
#include <stdio.h>
#include <string.h>

#include "ndis/header.h"
#include "ndis/ndis_int.h"
#include "nt/ex/pool.h"
#include "verify/refuse.h"
#include "verify/verify.h"

// The newest version whose DDI we mean to have: 6.85, poll objects. What it has beyond stays refused by name.
NTAPI UINT
NdisGetVersion(VOID)
{
    VERIFY_ENTER(NdisGetVersion);
    return NDIS_RUNTIME_VERSION_685;
}

NTAPI CCHAR
NdisSystemProcessorCount(VOID)
{
    VERIFY_ENTER(NdisSystemProcessorCount);
    return (CCHAR)box_self()->processor_count;
}

NTAPI ULONG
NdisSystemActiveProcessorCount(PKAFFINITY ActiveProcessors)
{
    VERIFY_ENTER(NdisSystemActiveProcessorCount);
    return KeQueryActiveProcessorCount(ActiveProcessors);
}

NTAPI ULONG
NdisCurrentProcessorIndex(VOID)
{
    VERIFY_ENTER(NdisCurrentProcessorIndex);
    return KeGetCurrentProcessorNumberEx(NULL);
}

NTAPI ULONG
NdisGroupActiveProcessorCount(USHORT Group)
{
    VERIFY_ENTER(NdisGroupActiveProcessorCount);
    return KeQueryActiveProcessorCountEx(Group);
}

NTAPI ULONG
NdisGroupMaxProcessorCount(USHORT Group)
{
    VERIFY_ENTER(NdisGroupMaxProcessorCount);
    return KeQueryMaximumProcessorCountEx(Group);
}

NTAPI USHORT
NdisActiveGroupCount(VOID)
{
    VERIFY_ENTER(NdisActiveGroupCount);
    return KeQueryActiveGroupCount();
}

NTAPI USHORT
NdisMaxGroupCount(VOID)
{
    VERIFY_ENTER(NdisMaxGroupCount);
    return KeQueryMaximumGroupCount();
}

NTAPI ULONG
NdisGetSharedDataAlignment(VOID)
{
    VERIFY_ENTER(NdisGetSharedDataAlignment);
    return KE_CACHE_LINE;
}

// Milliseconds [ndis/nf-ndis-ndisgetsystemuptimeex].
NTAPI VOID
NdisGetSystemUpTimeEx(PLARGE_INTEGER pSystemUpTime)
{
    VERIFY_ENTER(NdisGetSystemUpTimeEx);
    pSystemUpTime->QuadPart = (LONGLONG)(KeQueryInterruptTime() / 10000);
}

// Two calls never give the same byte before 255 have been given; then drivers have to share [nblapi/nf-nblapi-ndisgeneratepartialcancelid].
NTAPI UCHAR
NdisGeneratePartialCancelId(VOID)
{
    VERIFY_ENTER(NdisGeneratePartialCancelId);
    return (UCHAR)(atomic_fetch_add(&ndis_self()->cancel_ids, 1) % 255 + 1);
}

// ---- generic objects --------------------------------------------------------------------------------------------------------------

// Size bytes for the caller follow the object [ndis/nf-ndis-ndisallocategenericobject].
NTAPI PNDIS_GENERIC_OBJECT
NdisAllocateGenericObject(PDRIVER_OBJECT DriverObject, ULONG Tag, USHORT Size)
{
    VERIFY_ENTER(NdisAllocateGenericObject);
    NDIS_GENERIC_OBJECT *object = ex_pool_alloc(box_self(), sizeof *object + Size, Tag, true, __builtin_return_address(0));
    if (!object)
        return NULL;
    ex_pool_kind_set(object, VERIFY_LEFT_GENERIC, NULL);
    object->Header = ndis_header(NDIS_GENERIC_OBJECT_TYPE, 1, sizeof *object);
    object->Caller = __builtin_return_address(0);
    object->DriverObject = DriverObject;
    return object;
}

NTAPI VOID
NdisFreeGenericObject(PNDIS_GENERIC_OBJECT NdisGenericObject)
{
    VERIFY_ENTER(NdisFreeGenericObject);
    if (NdisGenericObject->Header.Type != NDIS_GENERIC_OBJECT_TYPE)
        verify_contract("NdisFreeGenericObject", "this is no generic object");
    NdisGenericObject->Header.Type = 0;
    ex_pool_free(box_self(), NdisGenericObject, 0);
}

// ---- the event log ----------------------------------------------------------------------------------------------------------------

NTAPI VOID
NdisWriteErrorLogEntry(NDIS_HANDLE NdisAdapterHandle, NDIS_ERROR_CODE ErrorCode, ULONG NumberOfErrorValues, ...)
{
    VERIFY_ENTER(NdisWriteErrorLogEntry);
    struct ndis_adapter *adapter = ndis_handle_check(NdisAdapterHandle, NDIS_KIND_ADAPTER, "NdisWriteErrorLogEntry");
    char text[256];
    size_t at = (size_t)snprintf(text, sizeof text, "%s (%s): error log: 0x%08x", adapter->name, adapter->module.image->name, ErrorCode);
#ifdef __x86_64__
    __builtin_ms_va_list values;
    __builtin_ms_va_start(values, NumberOfErrorValues);
#else
    __builtin_va_list values;
    __builtin_va_start(values, NumberOfErrorValues);
#endif
    for (ULONG i = 0; i < NumberOfErrorValues && at + 12 < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, " 0x%x", __builtin_va_arg(values, ULONG));
#ifdef __x86_64__
    __builtin_ms_va_end(values);
#else
    __builtin_va_end(values);
#endif
    box_message(adapter->module.ndis->box, "%s", text);
}

// ---- names ------------------------------------------------------------------------------------------------------------------------

// The driver frees the text with NdisFreeMemory, so it comes from the pool [ndis/nf-ndis-ndisqueryadapterinstancename].
static NDIS_STATUS
name_give(UNICODE_STRING *out, const UNICODE_STRING *name, const void *caller)
{
    *out = (UNICODE_STRING){0};
    WCHAR *text = ex_pool_alloc(box_self(), name->Length + sizeof(WCHAR), 0x6e61644e /* 'Ndan' */, true, caller);
    if (!text)
        return NDIS_STATUS_RESOURCES;
    memcpy(text, name->Buffer, name->Length);
    *out = (UNICODE_STRING){name->Length, (USHORT)(name->Length + sizeof(WCHAR)), text};
    return NDIS_STATUS_SUCCESS;
}

NTAPI NDIS_STATUS
NdisQueryAdapterInstanceName(PNDIS_STRING pAdapterInstanceName, NDIS_HANDLE NdisBindingHandle)
{
    VERIFY_ENTER(NdisQueryAdapterInstanceName);
    struct ndis_binding *binding = ndis_handle_check(NdisBindingHandle, NDIS_KIND_BINDING, "NdisQueryAdapterInstanceName");
    return name_give(pAdapterInstanceName, &binding->module.adapter->friendly_name, __builtin_return_address(0));
}

NTAPI NDIS_STATUS
NdisQueryBindInstanceName(PNDIS_STRING pAdapterInstanceName, NDIS_HANDLE BindingContext)
{
    VERIFY_ENTER(NdisQueryBindInstanceName);
    struct ndis_bind *bind = ndis_handle_check(BindingContext, NDIS_KIND_BIND, "NdisQueryBindInstanceName");
    return name_give(pAdapterInstanceName, &bind->adapter->friendly_name, __builtin_return_address(0));
}

NTAPI NDIS_STATUS
NdisMQueryAdapterInstanceName(PNDIS_STRING pAdapterInstanceName, NDIS_HANDLE MiniportAdapterHandle)
{
    VERIFY_ENTER(NdisMQueryAdapterInstanceName);
    struct ndis_adapter *adapter = ndis_handle_check(MiniportAdapterHandle, NDIS_KIND_ADAPTER, "NdisMQueryAdapterInstanceName");
    return name_give(pAdapterInstanceName, &adapter->friendly_name, __builtin_return_address(0));
}

// The text becomes a string of WCHARs in pool memory of its own; a driver gives it back with NdisFreeString, which is NdisFreeMemory.
NTAPI VOID
NdisInitializeString(PNDIS_STRING DestinationString, PUCHAR SourceString)
{
    VERIFY_ENTER(NdisInitializeString);
    size_t length = strlen((const char *)SourceString);
    *DestinationString = (NDIS_STRING){0};
    WCHAR *text = ex_pool_alloc(box_self(), (length + 1) * sizeof(WCHAR), 0x7274734e /* 'Nstr' */, true, __builtin_return_address(0));
    if (!text)
        return;
    for (size_t i = 0; i < length; i++)
        text[i] = SourceString[i];
    *DestinationString = (NDIS_STRING){(USHORT)(length * sizeof(WCHAR)), (USHORT)((length + 1) * sizeof(WCHAR)), text};
}
