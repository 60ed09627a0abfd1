// SPDX-License-Identifier: MIT
// The hardware of an adapter as a whole: its resource list, the ranges that its driver has claimed, and what is left of all that when
// the driver is halted.
//   ndis_hardware_open   the device of that name, its resources written down -> MiniportInitializeEx ... MiniportHaltEx ->
//   ndis_hardware_left   an interrupt still registered ends the run; the rest is told and given back -> ndis_hardware_close
#include "ndis/hardware.h"
#include "ndis/rss.h"

#include "nt/ex/pool.h"
#include "verify/left.h"
#include "verify/refuse.h"

// ---- resources --------------------------------------------------------------------------------------------------------------------

static CM_PARTIAL_RESOURCE_DESCRIPTOR
resource_of_region(const struct hal_region *region)
{
    bool ports = region->config.kind == NBX_REGION_PORTS;
    CM_PARTIAL_RESOURCE_DESCRIPTOR d = {.Type = ports ? CmResourceTypePort : CmResourceTypeMemory,
                                        .ShareDisposition = CmResourceShareDeviceExclusive,
                                        .Flags = ports ? CM_RESOURCE_PORT_IO : CM_RESOURCE_MEMORY_READ_WRITE};
    d.u.Generic.Start.QuadPart = (LONGLONG)region->base;
    d.u.Generic.Length = region->config.bytes;
    return d;
}

static CM_PARTIAL_RESOURCE_DESCRIPTOR
resource_of_interrupt(const struct nbx_device *device, bool is_message, uint32_t message)
{
    CM_PARTIAL_RESOURCE_DESCRIPTOR d = {.Type = CmResourceTypeInterrupt,
                                        .ShareDisposition = is_message ? CmResourceShareDeviceExclusive : CmResourceShareShared,
                                        .Flags = is_message ? CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE
                                                            : CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE};
    d.u.Interrupt.Level = is_message ? HAL_DIRQL_MESSAGE : HAL_DIRQL_LINE;
    d.u.Interrupt.Vector = (device->number + 1) * 0x100 + message;
    d.u.Interrupt.Affinity = device->box->processor_count == 64 ? UINT64_MAX : (UINT64_C(1) << device->box->processor_count) - 1;
    return d;
}

// Regions in their order, then the messages, or the line if there are none.
static CM_RESOURCE_LIST *
resources_make(const struct nbx_device *device)
{
    uint32_t interrupts = device->config.messages ? device->config.messages : device->config.has_line;
    uint32_t count = device->config.region_count + interrupts;
    CM_RESOURCE_LIST *list = ndis_alloc(sizeof *list + count * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR));
    if (!list)
        return NULL;
    list->Count = 1;
    list->List[0].InterfaceType = PCIBus;
    CM_PARTIAL_RESOURCE_LIST *partial = &list->List[0].PartialResourceList;
    partial->Version = partial->Revision = 1;
    partial->Count = count;
    for (uint32_t i = 0; i < device->config.region_count; i++)
        partial->PartialDescriptors[i] = resource_of_region(&device->regions[i]);
    for (uint32_t i = 0; i < interrupts; i++)
        partial->PartialDescriptors[device->config.region_count + i] = resource_of_interrupt(device, device->config.messages != 0, i);
    return list;
}

NDIS_STATUS
ndis_hardware_open(struct ndis_adapter *adapter)
{
    struct ndis_hardware *hardware = ndis_alloc(sizeof *hardware);
    if (!hardware)
        return NDIS_STATUS_RESOURCES;
    hardware->adapter = adapter;
    list_init(&hardware->claims);
    list_init(&hardware->polls);
    hardware->device = hal_device_find(adapter->module.ndis->box, adapter->name);
    if (hardware->device && !(hardware->resources = resources_make(hardware->device))) {
        ndis_free(hardware);
        return NDIS_STATUS_RESOURCES;
    }
    adapter->hardware = hardware;
    ndis_rss_range_read(adapter, &adapter->rss_range);
    return NDIS_STATUS_SUCCESS;
}

NDIS_RESOURCE_LIST *
ndis_hardware_resources(struct ndis_adapter *adapter)
{
    CM_RESOURCE_LIST *resources = adapter->hardware->resources;
    return resources ? &resources->List[0].PartialResourceList : NULL;
}

void
ndis_hardware_close(struct ndis_adapter *adapter)
{
    if (!adapter->hardware)
        return;
    ndis_pdo_drop(adapter->hardware);
    ndis_free(adapter->hardware->resources);
    ndis_free(adapter->hardware);
    adapter->hardware = NULL;
}

// ---- claims -----------------------------------------------------------------------------------------------------------------------

static const enum verify_left left_kinds[] = {[NDIS_CLAIM_MEMORY] = VERIFY_LEFT_MEMORY_MAP,
                                              [NDIS_CLAIM_PORTS] = VERIFY_LEFT_PORTS_MAP,
                                              [NDIS_CLAIM_SHARED] = VERIFY_LEFT_SHARED};

struct ndis_claim *
ndis_claim_add(struct ndis_hardware *hardware, enum ndis_claim_kind kind, uint64_t base, void *address, uint32_t length)
{
    struct ndis_claim *claim = ndis_alloc(sizeof *claim);
    if (!claim)
        return NULL;
    claim->kind = kind;
    claim->base = base;
    claim->address = address;
    claim->length = length;
    KIRQL old = ke_lock_take(&hardware->lock);
    list_push_back(&hardware->claims, &claim->node);
    ke_lock_drop(&hardware->lock, old);
    verify_had_by(hardware->adapter->module.image, left_kinds[kind], claim, hardware->adapter, NULL);
    return claim;
}

struct ndis_claim *
ndis_claim_take(struct ndis_hardware *hardware, enum ndis_claim_kind kind, uint64_t base, const void *address, uint32_t length)
{
    struct ndis_claim *found = NULL;
    KIRQL old = ke_lock_take(&hardware->lock);
    LIST_FOR_EACH(node, &hardware->claims) {
        struct ndis_claim *claim = LIST_ENTRY_OF(node, struct ndis_claim, node);
        if (claim->kind == kind && claim->base == base && claim->address == address && claim->length == length) {
            found = claim;
            break;
        }
    }
    if (found)
        list_remove(&found->node);
    ke_lock_drop(&hardware->lock, old);
    if (found)
        verify_gave(hardware->adapter->module.ndis->box, left_kinds[kind], found);
    return found;
}

bool
ndis_claim_overlaps(struct ndis_hardware *hardware, enum ndis_claim_kind kind, uint64_t base, uint64_t length)
{
    bool overlaps = false;
    KIRQL old = ke_lock_take(&hardware->lock);
    LIST_FOR_EACH(node, &hardware->claims) {
        struct ndis_claim *claim = LIST_ENTRY_OF(node, struct ndis_claim, node);
        overlaps |= claim->kind == kind && base < claim->base + claim->length && claim->base < base + length;
    }
    ke_lock_drop(&hardware->lock, old);
    return overlaps;
}

NDIS_STATUS
ndis_range_claim(struct ndis_adapter *adapter, enum ndis_claim_kind kind, uint64_t base, UINT length, void **address)
{
    struct ndis_hardware *hardware = adapter->hardware;
    bool ports = kind == NDIS_CLAIM_PORTS;
    struct hal_region *region =
        hardware->device && length
            ? hal_region_find(hardware->device, ports ? NBX_REGION_PORTS : NBX_REGION_MEMORY, base, length)
            : NULL;
    *address = NULL;
    if (!region)
        return NDIS_STATUS_FAILURE;
    if (ndis_claim_overlaps(hardware, kind, base, length)) {
        // The pages say that NDIS logs this one [ndis/nf-ndis-ndismmapiospace].
        box_message(adapter->module.ndis->box, "%s (%s): error log: 0x%08x: %s at 0x%llx, %u long, are claimed already", adapter->name,
                    adapter->module.image->name, NDIS_ERROR_CODE_RESOURCE_CONFLICT, ports ? "ports" : "memory",
                    (unsigned long long)base, length);
        return NDIS_STATUS_RESOURCE_CONFLICT;
    }
    void *at = ports ? (void *)(uintptr_t)base : region->memory + (base - region->base);
    if (!ndis_claim_add(hardware, kind, base, at, length))
        return NDIS_STATUS_RESOURCES;
    *address = at;
    return NDIS_STATUS_SUCCESS;
}

// ---- what is left -----------------------------------------------------------------------------------------------------------------

static void
claim_left(struct ndis_adapter *adapter, const struct ndis_claim *claim, const char *function)
{
    static const char *const what[] = {[NDIS_CLAIM_MEMORY] = "mapped device memory (NdisMUnmapIoSpace)",
                                       [NDIS_CLAIM_PORTS] = "a range of ports (NdisMDeregisterIoPortRange)",
                                       [NDIS_CLAIM_SHARED] = "shared memory (NdisMFreeSharedMemory)"};
    box_leftover(adapter->module.ndis->box, "%s of %s left %s, %u long", function, adapter->module.image->name, what[claim->kind],
                 claim->length);
}

void
ndis_hardware_left(struct ndis_adapter *adapter, const char *function)
{
    struct ndis_hardware *hardware = adapter->hardware;
    struct box *box = adapter->module.ndis->box;
    struct list *node;
    verify_left_behind(box, adapter->module.image, adapter, function);
    if (hardware->interrupt) {
        if (!verify_left_one(box, VERIFY_LEFT_INTERRUPT, hardware->interrupt, function))
            verify_contract(function, "it has returned and the interrupt is still registered: NdisMDeregisterInterruptEx comes first "
                                      "(Windows: BugCheck 0x7C)");
        ndis_interrupt_deregister(hardware->interrupt);
    }
    ndis_poll_left(hardware, function);
    if (hardware->dma) {
        if (!verify_left_one(box, VERIFY_LEFT_DMA, hardware->dma, function))
            box_leftover(box, "%s of %s left a DMA channel (NdisMDeregisterScatterGatherDma)", function, adapter->module.image->name);
        ndis_dma_deregister(hardware->dma);
    }
    while ((node = list_pop_front(&hardware->claims))) {
        struct ndis_claim *claim = LIST_ENTRY_OF(node, struct ndis_claim, node);
        if (!verify_left_one(box, left_kinds[claim->kind], claim, function))
            claim_left(adapter, claim, function);
        if (claim->kind == NDIS_CLAIM_SHARED)
            ex_pool_free(box, claim->address, 0);
        ndis_free(claim->owned);
        ndis_free(claim);
    }
}
