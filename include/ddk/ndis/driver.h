// SPDX-License-Identifier: MIT
// What every kind of NDIS driver shares: set-options, optional handlers, configuration and shared objects.
//
// Sources: [ndis/nc-ndis-set_options], [ndis/nf-ndis-ndissetoptionalhandlers], [ndis/ns-ndis-_ndis_generic_object],
// [ndis/ns-ndis-_ndis_device_object_attributes].
#ifndef NBX_DDK_NDIS_DRIVER_H
#define NBX_DDK_NDIS_DRIVER_H
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef NDIS_STATUS NTAPI SET_OPTIONS(NDIS_HANDLE NdisDriverHandle, NDIS_HANDLE DriverContext);
typedef SET_OPTIONS *SET_OPTIONS_HANDLER;
typedef SET_OPTIONS MINIPORT_SET_OPTIONS, PROTOCOL_SET_OPTIONS, FILTER_SET_OPTIONS;

// Each structure of optional handlers opens with a header; the Type in it says which one it is.
typedef NDIS_OBJECT_HEADER NDIS_DRIVER_OPTIONAL_HANDLERS, *PNDIS_DRIVER_OPTIONAL_HANDLERS;

NTAPI NDIS_STATUS NdisSetOptionalHandlers(NDIS_HANDLE NdisHandle, PNDIS_DRIVER_OPTIONAL_HANDLERS OptionalHandlers);

typedef struct _NDIS_GENERIC_OBJECT {
    NDIS_OBJECT_HEADER Header;
    PVOID Caller;
    PVOID CallersCaller;
    PDRIVER_OBJECT DriverObject;
} NDIS_GENERIC_OBJECT, *PNDIS_GENERIC_OBJECT;

NTAPI PNDIS_GENERIC_OBJECT NdisAllocateGenericObject(PDRIVER_OBJECT DriverObject, ULONG Tag, USHORT Size);
NTAPI VOID NdisFreeGenericObject(PNDIS_GENERIC_OBJECT NdisGenericObject);

#define NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1 1
typedef struct _NDIS_DEVICE_OBJECT_ATTRIBUTES {
    NDIS_OBJECT_HEADER Header;
    PNDIS_STRING DeviceName;
    PNDIS_STRING SymbolicName;
    PDRIVER_DISPATCH *MajorFunctions;
    ULONG ExtensionSize;
    PCUNICODE_STRING DefaultSDDLString;
    LPCGUID DeviceClassGuid;
} NDIS_DEVICE_OBJECT_ATTRIBUTES, *PNDIS_DEVICE_OBJECT_ATTRIBUTES;

#define NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_DEVICE_OBJECT_ATTRIBUTES, DeviceClassGuid)
NTAPI NDIS_STATUS NdisRegisterDeviceEx(NDIS_HANDLE NdisHandle, PNDIS_DEVICE_OBJECT_ATTRIBUTES DeviceObjectAttributes,
                                       PDEVICE_OBJECT *pDeviceObject, PNDIS_HANDLE NdisDeviceHandle);
NTAPI VOID NdisDeregisterDeviceEx(NDIS_HANDLE NdisDeviceHandle);
NTAPI PVOID NdisGetDeviceReservedExtension(PDEVICE_OBJECT DeviceObject);

NTAPI VOID NdisMapFile(PNDIS_STATUS Status, PVOID *MappedBuffer, NDIS_HANDLE FileHandle);
NTAPI VOID NdisUnmapFile(NDIS_HANDLE FileHandle);
NTAPI VOID NdisOpenFile(PNDIS_STATUS Status, PNDIS_HANDLE FileHandle, PUINT FileLength, PNDIS_STRING FileName,
                        NDIS_PHYSICAL_ADDRESS HighestAcceptableAddress);
NTAPI VOID NdisCloseFile(NDIS_HANDLE FileHandle);
NTAPI VOID NdisWriteErrorLogEntry(NDIS_HANDLE NdisAdapterHandle, NDIS_ERROR_CODE ErrorCode, ULONG NumberOfErrorValues, ...);
// UNSURE: no page gives the number; it is what an error log entry has room for behind its head.
#define MAX_EVENT_LOG_DATA_SIZE ((ULONG)(ERROR_LOG_MAXIMUM_SIZE - FIELD_OFFSET(IO_ERROR_LOG_PACKET, DumpData)))
NTAPI NDIS_STATUS NdisWriteEventLogEntry(PVOID LogHandle, NDIS_STATUS EventCode, ULONG UniqueEventValue,
                                         USHORT NumStrings, PVOID StringsList, ULONG DataSize, PVOID Data);

#ifdef __cplusplus
}
#endif
#endif
