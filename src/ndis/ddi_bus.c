// SPDX-License-Identifier: MIT
// Front doors: the bus as a miniport sees it: mapped memory, ports, configuration space, device objects and resources.
// [ndis/nf-ndis-ndismmapiospace], [ndis/nf-ndis-ndismregisterioportrange], [ndis/nf-ndis-ndismgetbusdata],
// [ndis/nf-ndis-ndismgetdeviceproperty]
#include "ndis/hardware.h"
#include "nt/ex/fault.h"
#include "verify/refuse.h"
#include "verify/verify.h"

#define WHICH_SPACE_CONFIG 0     // PCI_WHICHSPACE_CONFIG; expansion ROMs are not modelled

static struct ndis_adapter *
adapter_from(NDIS_HANDLE handle, const char *function)
{
    return ndis_handle_check(handle, NDIS_KIND_ADAPTER, function);
}

static struct ndis_adapter *
initializing_adapter(NDIS_HANDLE handle, const char *function)
{
    struct ndis_adapter *adapter = adapter_from(handle, function);
    if (!adapter->initializing || !adapter->have_registration)
        verify_contract(function, "it belongs into MiniportInitializeEx, after NdisMSetMiniportAttributes");
    return adapter;
}

static bool
range_release(struct ndis_adapter *adapter, enum ndis_claim_kind kind, uint64_t base, void *address, UINT length)
{
    struct ndis_claim *claim = ndis_claim_take(adapter->hardware, kind, base, address, length);
    ndis_free(claim);
    return claim != NULL;
}

NTAPI NDIS_STATUS
NdisMMapIoSpace(PVOID *VirtualAddress, NDIS_HANDLE MiniportAdapterHandle, NDIS_PHYSICAL_ADDRESS PhysicalAddress, UINT Length)
{
    VERIFY_ENTER(NdisMMapIoSpace);
    *VirtualAddress = NULL;
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    return ndis_range_claim(initializing_adapter(MiniportAdapterHandle, "NdisMMapIoSpace"), NDIS_CLAIM_MEMORY,
                       (uint64_t)PhysicalAddress.QuadPart, Length, VirtualAddress);
}

NTAPI VOID
NdisMUnmapIoSpace(NDIS_HANDLE MiniportAdapterHandle, PVOID VirtualAddress, UINT Length)
{
    VERIFY_ENTER(NdisMUnmapIoSpace);
    struct ndis_adapter *adapter = adapter_from(MiniportAdapterHandle, "NdisMUnmapIoSpace");
    struct hal_region *region = hal_mapped_find(adapter->module.ndis->box, VirtualAddress, Length);
    uint64_t base = region ? region->base + (uint64_t)((uint8_t *)VirtualAddress - region->memory) : 0;
    if (!region || !range_release(adapter, NDIS_CLAIM_MEMORY, base, VirtualAddress, Length))
        verify_contract("NdisMUnmapIoSpace", "NdisMMapIoSpace has not mapped this range, or with another length");
}

NTAPI NDIS_STATUS
NdisMRegisterIoPortRange(PVOID *PortOffset, NDIS_HANDLE MiniportAdapterHandle, UINT InitialPort, UINT NumberOfPorts)
{
    VERIFY_ENTER(NdisMRegisterIoPortRange);
    *PortOffset = NULL;
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    return ndis_range_claim(initializing_adapter(MiniportAdapterHandle, "NdisMRegisterIoPortRange"), NDIS_CLAIM_PORTS, InitialPort,
                       NumberOfPorts, PortOffset);
}

NTAPI VOID
NdisMDeregisterIoPortRange(NDIS_HANDLE MiniportAdapterHandle, UINT InitialPort, UINT NumberOfPorts, PVOID PortOffset)
{
    VERIFY_ENTER(NdisMDeregisterIoPortRange);
    struct ndis_adapter *adapter = adapter_from(MiniportAdapterHandle, "NdisMDeregisterIoPortRange");
    if (!range_release(adapter, NDIS_CLAIM_PORTS, InitialPort, PortOffset, NumberOfPorts))
        verify_contract("NdisMDeregisterIoPortRange", "NdisMRegisterIoPortRange has not given this range");
}

NTAPI ULONG
NdisMGetBusData(NDIS_HANDLE MiniportAdapterHandle, ULONG WhichSpace, ULONG Offset, PVOID Buffer, ULONG Length)
{
    VERIFY_ENTER(NdisMGetBusData);
    struct nbx_device *device = adapter_from(MiniportAdapterHandle, "NdisMGetBusData")->hardware->device;
    return device && WhichSpace == WHICH_SPACE_CONFIG ? hal_config_read(device, Offset, Buffer, Length) : 0;
}

NTAPI ULONG
NdisMSetBusData(NDIS_HANDLE MiniportAdapterHandle, ULONG WhichSpace, ULONG Offset, PVOID Buffer, ULONG Length)
{
    VERIFY_ENTER(NdisMSetBusData);
    struct nbx_device *device = adapter_from(MiniportAdapterHandle, "NdisMSetBusData")->hardware->device;
    return device && WhichSpace == WHICH_SPACE_CONFIG ? hal_config_write(device, Offset, Buffer, Length) : 0;
}

NTAPI VOID
NdisMGetDeviceProperty(NDIS_HANDLE MiniportAdapterHandle, PDEVICE_OBJECT *PhysicalDeviceObject, PDEVICE_OBJECT *FunctionalDeviceObject,
                       PDEVICE_OBJECT *NextDeviceObject, PCM_RESOURCE_LIST *AllocatedResources,
                       PCM_RESOURCE_LIST *AllocatedResourcesTranslated)
{
    VERIFY_ENTER(NdisMGetDeviceProperty);
    struct ndis_adapter *adapter = adapter_from(MiniportAdapterHandle, "NdisMGetDeviceProperty");
    DEVICE_OBJECT *pdo = NULL, *fdo = NULL;
    if (PhysicalDeviceObject || FunctionalDeviceObject || NextDeviceObject)
        ndis_pdo_get(adapter, &pdo, &fdo);   // without memory the driver gets NULL
    if (PhysicalDeviceObject)
        *PhysicalDeviceObject = pdo;
    if (FunctionalDeviceObject)
        *FunctionalDeviceObject = fdo;
    if (NextDeviceObject)
        *NextDeviceObject = pdo;   // no bus filter stands between
    if (AllocatedResources)
        *AllocatedResources = adapter->hardware->resources;
    if (AllocatedResourcesTranslated)
        *AllocatedResourcesTranslated = adapter->hardware->resources;   // the bus sees the processor's addresses
}
