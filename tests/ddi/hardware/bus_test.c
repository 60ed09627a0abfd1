// SPDX-License-Identifier: MIT
// The bus: resources, mapped memory, registers and ports with and without a model behind them, configuration space, device objects.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hw.h"
#include "nbx/fault.h"

static uint64_t last_value, read_value;
static uint32_t reads, writes, last_offset, last_bytes;

static uint64_t
model_read(void *context, uint32_t offset, uint32_t bytes)
{
    ck_assert_ptr_eq(context, &reads);
    last_offset = offset;
    last_bytes = bytes;
    reads++;
    return read_value;
}

static void
model_write(void *context, uint32_t offset, uint32_t bytes, uint64_t value)
{
    ck_assert_ptr_eq(context, &reads);
    last_offset = offset;
    last_bytes = bytes;
    last_value = value;
    writes++;
}

static const struct nbx_device_config device = {
    .adapter = "nic0",
    .vendor_id = 0x1234,
    .device_id = 0xabcd,
    .subsystem_vendor_id = 0x5678,
    .subsystem_id = 0x9abc,
    .revision = 3,
    .has_line = true,
    .region_count = 4,
    .regions = {{.kind = NBX_REGION_MEMORY, .bytes = 0x10000},
                {.kind = NBX_REGION_MEMORY, .bytes = 0x1000, .on_read = model_read, .on_write = model_write},
                {.kind = NBX_REGION_PORTS, .bytes = 32},
                {.kind = NBX_REGION_PORTS, .bytes = 8, .on_read = model_read, .on_write = model_write}},
    .context = &reads};

static NDIS_RESOURCE_LIST resources_storage[8];
static NDIS_RESOURCE_LIST *resources;
static NDIS_PHYSICAL_ADDRESS memory[2];       // of the regions, as the resource list says
static UINT ports[2];
static void (*inside)(NDIS_HANDLE adapter);   // runs in MiniportInitializeEx
static void (*inside_halt)(void);
static void *mapped[2], *port_offset;

static NDIS_STATUS
note_resources(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    resources = parameters->AllocatedResources;
    if (resources) {
        size_t bytes = sizeof *resources + resources->Count * sizeof(CM_PARTIAL_RESOURCE_DESCRIPTOR);
        ck_assert_uint_le(bytes, sizeof resources_storage);
        resources = memcpy(resources_storage, resources, bytes);
        for (ULONG i = 0, m = 0, p = 0; i < resources->Count; i++) {
            if (resources->PartialDescriptors[i].Type == CmResourceTypeMemory)
                memory[m++] = resources->PartialDescriptors[i].u.Memory.Start;
            if (resources->PartialDescriptors[i].Type == CmResourceTypePort)
                ports[p++] = (UINT)resources->PartialDescriptors[i].u.Port.Start.QuadPart;
        }
    }
    if (inside)
        inside(adapter);
    return NDIS_STATUS_SUCCESS;
}

static void
prepare(void (*initialize)(NDIS_HANDLE adapter), void (*halt)(void))
{
    inside = initialize;
    inside_halt = halt;
    kit_mp_hooks.initialize = note_resources;
    kit_mp_hooks.halt = halt;
}

static void
started(void)
{
    kit_start(false, 1);
}

// ---- resources ---------------------------------------------------------------------------------------------------------------------

TEST(MiniportInitializeEx_is_given_the_resources_of_its_device_and_none_without_one)
{
    prepare(NULL, NULL);
    hw_run(1, &device, started);
    ck_assert_ptr_nonnull(resources);
    ck_assert_uint_eq(resources->Count, 5);
    static const UCHAR types[] = {CmResourceTypeMemory, CmResourceTypeMemory, CmResourceTypePort, CmResourceTypePort,
                                  CmResourceTypeInterrupt};
    static const ULONG lengths[] = {0x10000, 0x1000, 32, 8};
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(resources->PartialDescriptors[i].Type, types[i]);
        if (i < 4) {
            ck_assert_uint_eq(resources->PartialDescriptors[i].u.Generic.Length, lengths[i]);
            ck_assert_uint_eq((uint64_t)resources->PartialDescriptors[i].u.Generic.Start.QuadPart % lengths[i], 0);
        }
    }
    ck_assert_uint_eq(resources->PartialDescriptors[4].Flags, CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE);
    hw_run(1, NULL, started);
    ck_assert_ptr_null(resources);
    static const struct nbx_device_config messages = {.adapter = "nic0", .has_line = true, .messages = 3};
    hw_run(1, &messages, started);
    ck_assert_uint_eq(resources->Count, 3);
    ck_assert_uint_eq(resources->PartialDescriptors[0].Flags, CM_RESOURCE_INTERRUPT_LATCHED | CM_RESOURCE_INTERRUPT_MESSAGE);
}

// ---- mapped memory -----------------------------------------------------------------------------------------------------------------

static NDIS_PHYSICAL_ADDRESS
plus(NDIS_PHYSICAL_ADDRESS at, LONGLONG offset)
{
    return (NDIS_PHYSICAL_ADDRESS){.QuadPart = at.QuadPart + offset};
}

static void
map_all(NDIS_HANDLE adapter)
{
    void *none = &none;
    ck_assert_int_eq(NdisMMapIoSpace(&mapped[0], adapter, memory[0], 0x10000), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMMapIoSpace(&mapped[1], adapter, plus(memory[1], 0x800), 0x100), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, plus(memory[0], 0x100), 16), NDIS_STATUS_RESOURCE_CONFLICT);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, memory[1], 0x1001), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, plus(memory[1], 0xff8), 16), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, memory[1], 0), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, (NDIS_PHYSICAL_ADDRESS){.QuadPart = 0x1000}, 16), NDIS_STATUS_FAILURE);
    // What was given back can be had again.
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, memory[1], 16), NDIS_STATUS_SUCCESS);
    NdisMUnmapIoSpace(adapter, none, 16);
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, memory[1], 16), NDIS_STATUS_SUCCESS);
    NdisMUnmapIoSpace(adapter, none, 16);
}

static char logged[256];

static void
on_message(void *context, const char *text)
{
    if (strstr(text, "error log"))
        snprintf(logged, sizeof logged, "%s", text);
}

static void
arm(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

static void
map_badly(NDIS_HANDLE adapter)
{
    void *none = &none;
    kit.box->on_message = on_message;
    logged[0] = 0;
    arm();
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, memory[0], 0x100), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(NULL);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(NdisMMapIoSpace(&mapped[0], adapter, memory[0], 0x100), NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(logged, "");
    // Claimed already, by the first byte and by the last: NDIS logs it.
    none = &none;
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, memory[0], 0x101), NDIS_STATUS_RESOURCE_CONFLICT);
    ck_assert_ptr_null(none);
    ck_assert_ptr_nonnull(strstr(logged, "0xc0001388: memory at 0x"));
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, plus(memory[0], 0xff), 0x10), NDIS_STATUS_RESOURCE_CONFLICT);
    ck_assert_int_eq(NdisMMapIoSpace(&mapped[1], adapter, plus(memory[0], 0x100), 0x10), NDIS_STATUS_SUCCESS);
    logged[0] = 0;
    none = &none;
    arm();
    ck_assert_int_eq(NdisMRegisterIoPortRange(&none, adapter, ports[0], 32), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(NULL);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(NdisMRegisterIoPortRange(&port_offset, adapter, ports[0], 16), NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(logged, "");
    none = &none;
    ck_assert_int_eq(NdisMRegisterIoPortRange(&none, adapter, ports[0] + 15, 2), NDIS_STATUS_RESOURCE_CONFLICT);
    ck_assert_ptr_null(none);
    ck_assert_ptr_nonnull(strstr(logged, "0xc0001388: ports at 0x"));
    ck_assert_int_eq(NdisMRegisterIoPortRange(&none, adapter, 0x300, 1), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisMRegisterIoPortRange(&none, adapter, ports[0], 0), NDIS_STATUS_FAILURE);
    kit.box->on_message = NULL;
}

static void
unmap_badly(void)
{
    NdisMUnmapIoSpace(kit.mp.adapter, mapped[0], 0x100);
    NdisMUnmapIoSpace(kit.mp.adapter, mapped[1], 0x10);
    NdisMDeregisterIoPortRange(kit.mp.adapter, ports[0], 16, port_offset);
}

TEST(NdisMMapIoSpace_without_memory_says_RESOURCES_and_a_conflict_is_logged)
{
    prepare(map_badly, unmap_badly);
    hw_run(1, &device, started);
}

TEST(NdisMRegisterIoPortRange_without_memory_says_RESOURCES_and_a_conflict_is_logged)
{
    prepare(map_badly, unmap_badly);
    hw_run(2, &device, started);
}

static void
unmap_all(void)
{
    NdisMUnmapIoSpace(kit.mp.adapter, mapped[0], 0x10000);
    NdisMUnmapIoSpace(kit.mp.adapter, mapped[1], 0x100);
}

static void
registers(void)
{
    UCHAR byte;
    USHORT word;
    ULONG dword, buffer[3] = {1, 2, 3};
    kit_start(false, 1);
    // Plain memory is shared with the model; the macros and the pointer see the same.
    uint8_t *plain = nbx_device_memory(hw.device, 0);
    NdisWriteRegisterUlong((PULONG)mapped[0], 0x11223344);
    ck_assert_uint_eq(plain[0], 0x44);
    ck_assert_uint_eq(plain[3], 0x11);
    plain[4] = 0x99;
    NdisReadRegisterUchar((PUCHAR)mapped[0] + 4, &byte);
    ck_assert_uint_eq(byte, 0x99);
    ck_assert_uint_eq(*((volatile uint8_t *)mapped[0] + 4), 0x99);
    WRITE_REGISTER_BUFFER_ULONG((volatile ULONG *)mapped[0] + 4, buffer, 3);
    ck_assert_mem_eq(plain + 16, buffer, 12);
    buffer[0] = 0;
    READ_REGISTER_BUFFER_ULONG((volatile ULONG *)mapped[0] + 4, buffer, 3);
    ck_assert_uint_eq(buffer[0], 1);
    // A model with handlers sees each access, with its width.
    ck_assert_ptr_null(nbx_device_memory(hw.device, 1));
    NdisWriteRegisterUshort((PUSHORT)mapped[1] + 1, 0xbeef);
    ck_assert_uint_eq(writes, 1);
    ck_assert_uint_eq(last_offset, 0x802);
    ck_assert_uint_eq(last_bytes, 2);
    ck_assert_uint_eq(last_value, 0xbeef);
    read_value = 0x1122334455667788;
    NdisReadRegisterUlong((PULONG)mapped[1], &dword);
    ck_assert_uint_eq(dword, 0x55667788);
    NdisReadRegisterUshort((PUSHORT)mapped[1], &word);
    ck_assert_uint_eq(word, 0x7788);
    ck_assert_uint_eq(READ_REGISTER_ULONG64((volatile ULONG64 *)mapped[1]), read_value);
    ck_assert_uint_eq(last_bytes, 8);
    ck_assert_uint_eq(reads, 3);
}

TEST(NdisMMapIoSpace_maps_what_the_device_has_once_and_refuses_the_rest)
{
    prepare(map_all, unmap_all);
    hw_run(1, &device, started);
}

TEST(NdisReadRegisterUlong_and_its_kin_reach_the_devices_memory_or_its_model)
{
    prepare(map_all, unmap_all);
    hw_run(1, &device, registers);
}

static void
map_nothing(NDIS_HANDLE adapter)
{
    void *none = &none;
    ck_assert_int_eq(NdisMMapIoSpace(&none, adapter, (NDIS_PHYSICAL_ADDRESS){.QuadPart = 0xE0000000}, 16), NDIS_STATUS_FAILURE);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(NdisMRegisterIoPortRange(&none, adapter, 0xC000, 4), NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(NdisMGetBusData(adapter, 0, 0, &none, 4), 0);
    ck_assert_uint_eq(NdisMSetBusData(adapter, 0, 4, &none, 2), 0);
}

TEST(NdisMMapIoSpace_fails_without_a_device)
{
    prepare(map_nothing, NULL);
    hw_run(1, NULL, started);
}

TEST(NdisMRegisterIoPortRange_fails_without_a_device)
{
    prepare(map_nothing, NULL);
    hw_run(2, NULL, started);
}

static void
unmap_shorter(NDIS_HANDLE adapter)
{
    NdisMMapIoSpace(&mapped[0], adapter, memory[0], 0x10000);
    NdisMUnmapIoSpace(adapter, mapped[0], 0x1000);
}

TEST(NdisMUnmapIoSpace_with_another_length_is_reported)
{
    prepare(unmap_shorter, NULL);
    hw_reported(&device, started, "NdisMUnmapIoSpace: NdisMMapIoSpace has not mapped this range, or with another length");
}

static void
map_late(void)
{
    kit_start(false, 1);
    NdisMMapIoSpace(&mapped[0], kit.mp.adapter, memory[0], 0x1000);
}

TEST(NdisMMapIoSpace_outside_MiniportInitializeEx_is_reported)
{
    prepare(NULL, NULL);
    hw_reported(&device, map_late, "NdisMMapIoSpace: it belongs into MiniportInitializeEx");
}

static void
leave_mapped(void)
{
    kit_start(false, 1);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(kit.box->leftovers, 2);
    kit.box->leftovers = 0;
}

TEST(NdisMUnmapIoSpace_that_MiniportHaltEx_forgets_is_left_behind)
{
    prepare(map_all, NULL);
    hw_run(1, &device, leave_mapped);
}

static void
touch_model(void)
{
    kit_start(false, 1);
    reads = *(volatile uint32_t *)mapped[1];
}

TEST(a_region_with_a_model_faults_when_its_address_is_used_as_memory)
{
    prepare(map_all, unmap_all);
    pid_t child = fork();
    if (!child) {
        hw_run(1, &device, touch_model);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(!(WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

static void
mm_map(void)
{
    kit_start(false, 1);
    uint8_t *at = MmMapIoSpace(plus(memory[0], 0x1010), 16, MmNonCached);
    ck_assert_ptr_eq(at, (uint8_t *)nbx_device_memory(hw.device, 0) + 0x1010);
    uint8_t *again = MmMapIoSpaceEx(memory[0], 0x2000, PAGE_READWRITE);
    ck_assert_ptr_eq(again, nbx_device_memory(hw.device, 0));
    ck_assert_ptr_null(MmMapIoSpace(plus(memory[0], 0xfff8), 16, MmNonCached));
    ck_assert_ptr_null(MmMapIoSpace((NDIS_PHYSICAL_ADDRESS){.QuadPart = 4096}, 16, MmNonCached));
    ck_assert_ptr_null(MmMapIoSpaceEx(memory[0], 0, PAGE_READWRITE));
    MmUnmapIoSpace(at, 16);
    MmUnmapIoSpace(again, 0x2000);
}

TEST(MmMapIoSpace_and_MmMapIoSpaceEx_map_memory_of_devices_and_nothing_else)
{
    prepare(NULL, NULL);
    hw_run(1, &device, mm_map);
}

TEST(MmMapIoSpaceEx_maps_memory_of_devices_and_nothing_else)
{
    prepare(NULL, NULL);
    hw_run(2, &device, mm_map);
}

static void
mm_unmap_twice(void)
{
    kit_start(false, 1);
    void *at = MmMapIoSpace(memory[0], 16, MmNonCached);
    MmUnmapIoSpace(at, 16);
    MmUnmapIoSpace(at, 16);
}

TEST(MmUnmapIoSpace_of_what_is_not_mapped_is_reported)
{
    prepare(NULL, NULL);
    hw_reported(&device, mm_unmap_twice, "MmUnmapIoSpace: no device memory is mapped there");
}

// ---- ports -------------------------------------------------------------------------------------------------------------------------

static void
claim_ports(NDIS_HANDLE adapter)
{
    void *none = &none;
    ck_assert_int_eq(NdisMRegisterIoPortRange(&port_offset, adapter, ports[0], 32), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMRegisterIoPortRange(&none, adapter, ports[0] + 8, 8), NDIS_STATUS_RESOURCE_CONFLICT);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(NdisMRegisterIoPortRange(&none, adapter, ports[0], 33), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisMRegisterIoPortRange(&none, adapter, 0x300, 8), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisMRegisterIoPortRange(&none, adapter, ports[1], 8), NDIS_STATUS_SUCCESS);
    NdisMDeregisterIoPortRange(adapter, ports[1], 8, none);
}

static void
release_ports(void)
{
    NdisMDeregisterIoPortRange(kit.mp.adapter, ports[0], 32, port_offset);
}

static void
use_ports(void)
{
    UCHAR byte;
    USHORT words[2] = {0xaaaa, 0xbbbb};
    ULONG dword;
    kit_start(false, 1);
    uint8_t *plain = nbx_device_memory(hw.device, 2);
    NdisRawWritePortUchar((ULONG_PTR)port_offset + 1, 0x77);
    ck_assert_uint_eq(plain[1], 0x77);
    NdisRawReadPortUchar((ULONG_PTR)port_offset + 1, &byte);
    ck_assert_uint_eq(byte, 0x77);
    NdisRawWritePortUlong((ULONG_PTR)port_offset + 8, 0x01020304);
    NdisRawReadPortUlong((ULONG_PTR)port_offset + 8, &dword);
    ck_assert_uint_eq(dword, 0x01020304);
    WRITE_PORT_BUFFER_USHORT((PUSHORT)(ULONG_PTR)(ports[1] + 2), words, 2);   // the same port twice
    ck_assert_uint_eq(writes, 2);
    ck_assert_uint_eq(last_offset, 2);
    ck_assert_uint_eq(last_value, 0xbbbb);
    read_value = 0xcd;
    ck_assert_uint_eq(READ_PORT_UCHAR((PUCHAR)(ULONG_PTR)ports[1]), 0xcd);
}

TEST(NdisMRegisterIoPortRange_claims_ports_of_the_device_once)
{
    prepare(claim_ports, release_ports);
    hw_run(1, &device, use_ports);
}

TEST(NdisRawWritePortUchar_and_its_kin_reach_the_devices_ports_or_its_model)
{
    prepare(claim_ports, release_ports);
    hw_run(2, &device, use_ports);
}

static void
release_part(NDIS_HANDLE adapter)
{
    NdisMRegisterIoPortRange(&port_offset, adapter, ports[0], 32);
    NdisMDeregisterIoPortRange(adapter, ports[0], 16, port_offset);
}

TEST(NdisMDeregisterIoPortRange_of_a_part_is_reported)
{
    prepare(release_part, NULL);
    hw_reported(&device, started, "NdisMDeregisterIoPortRange: NdisMRegisterIoPortRange has not given this range");
}

static void
wild_port(void)
{
    WRITE_PORT_UCHAR((PUCHAR)0x60, 1);
}

TEST(WRITE_PORT_UCHAR_to_a_port_that_no_device_has_is_reported)
{
    prepare(NULL, NULL);
    hw_reported(&device, wild_port, "no device of the box has port 0x60");
}

static void
registers_late(void)
{
    kit_start(false, 1);
    NdisMRegisterIoPortRange(&port_offset, kit.mp.adapter, ports[0], 4);
}

TEST(NdisMRegisterIoPortRange_outside_MiniportInitializeEx_is_reported)
{
    prepare(NULL, NULL);
    hw_reported(&device, registers_late, "NdisMRegisterIoPortRange: it belongs into MiniportInitializeEx");
}

// ---- configuration space -----------------------------------------------------------------------------------------------------------

static void
config_space(void)
{
    uint8_t bytes[300];
    uint16_t word;
    kit_start(false, 1);
    ck_assert_uint_eq(NdisMGetBusData(kit.mp.adapter, 0, 0, bytes, 300), 256);
    ck_assert_uint_eq(bytes[0], 0x34);
    ck_assert_uint_eq(bytes[3], 0xab);
    ck_assert_uint_eq(bytes[8], 3);
    ck_assert_uint_eq(bytes[11], 2);   // a network controller
    ck_assert_uint_eq(bytes[0x2c], 0x78);
    uint32_t bar;
    memcpy(&bar, bytes + 0x10, 4);
    ck_assert_uint_eq(bar, (uint32_t)memory[0].QuadPart);
    memcpy(&bar, bytes + 0x18, 4);
    ck_assert_uint_eq(bar, ports[0] | 1);
    ck_assert_uint_eq(NdisMGetBusData(kit.mp.adapter, 0, 0x2e, &word, 2), 2);
    ck_assert_uint_eq(word, 0x9abc);
    ck_assert_uint_eq(NdisMGetBusData(kit.mp.adapter, 0, 256, bytes, 1), 0);
    ck_assert_uint_eq(NdisMGetBusData(kit.mp.adapter, 1, 0, bytes, 1), 0);
    word = 0x0005;
    ck_assert_uint_eq(NdisMSetBusData(kit.mp.adapter, 0, 4, &word, 2), 2);
    ck_assert_uint_eq(nbx_device_config_space(hw.device)[4], 5);
    ck_assert_uint_eq(NdisMSetBusData(kit.mp.adapter, 0, 0, &word, 2), 2);   // read-only: nothing changes
    ck_assert_uint_eq(nbx_device_config_space(hw.device)[0], 0x34);
    ck_assert_uint_eq(NdisMSetBusData(kit.mp.adapter, 0, 255, &word, 2), 1);
    ck_assert_uint_eq(NdisMSetBusData(kit.mp.adapter, 1, 4, &word, 2), 0);
}

TEST(NdisMGetBusData_reads_the_configuration_space_and_says_how_much_was_there)
{
    prepare(NULL, NULL);
    hw_run(1, &device, config_space);
}

TEST(NdisMSetBusData_changes_what_a_driver_may_change)
{
    prepare(NULL, NULL);
    hw_run(2, &device, config_space);
}

// ---- device objects ----------------------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
take_back(PDEVICE_OBJECT object, PIRP irp, PVOID context)
{
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static void
properties(void)
{
    DEVICE_OBJECT *pdo = NULL, *fdo = NULL, *next = NULL, *again = NULL;
    CM_RESOURCE_LIST *raw = (void *)1, *translated = (void *)1;
    ULONG bytes = 0;
    WCHAR text[128];
    kit_start(false, 1);
    NdisMGetDeviceProperty(kit.mp.adapter, &pdo, &fdo, &next, &raw, &translated);
    ck_assert_ptr_nonnull(pdo);
    ck_assert_ptr_nonnull(fdo);
    ck_assert_ptr_ne(pdo, fdo);
    ck_assert_ptr_eq(next, pdo);
    ck_assert_ptr_eq(IoGetAttachedDevice(pdo), fdo);
    NdisMGetDeviceProperty(kit.mp.adapter, &again, NULL, NULL, NULL, NULL);
    ck_assert_ptr_eq(again, pdo);
    ck_assert_int_eq(IoGetDeviceProperty(pdo, DevicePropertyPhysicalDeviceObjectName, sizeof text, text, &bytes), STATUS_SUCCESS);
    ck_assert_uint_gt(bytes, 2);
    if (hw.device) {
        ck_assert_uint_eq(raw->Count, 1);
        ck_assert_uint_eq(raw->List[0].PartialResourceList.Count, 5);
        ck_assert_int_eq(raw->List[0].InterfaceType, PCIBus);
        ck_assert_ptr_nonnull(translated);
    } else {
        ck_assert_ptr_null(raw);
        ck_assert_ptr_null(translated);
    }
    // A request that the bus does not know goes through the functional object and comes back as it went.
    IRP *irp = IoAllocateIrp(fdo->StackSize, FALSE);
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    IoGetNextIrpStackLocation(irp)->MajorFunction = IRP_MJ_PNP;
    IoSetCompletionRoutine(irp, take_back, NULL, TRUE, TRUE, TRUE);
    ck_assert_int_eq(IoCallDriver(fdo, irp), STATUS_NOT_SUPPORTED);
    IoFreeIrp(irp);
}

TEST(NdisMGetDeviceProperty_gives_device_objects_that_stay_and_the_resources)
{
    prepare(NULL, NULL);
    hw_run(1, &device, properties);
    hw_run(1, NULL, properties);
}

// ---- the declaration ---------------------------------------------------------------------------------------------------------------

static void
declarations(void)
{
    struct nbx_device *made, *second;
    struct nbx_device_config bad = device;
    ck_assert_int_eq(nbx_device_create(&device, &made), 0);
    ck_assert_int_eq(nbx_device_create(&device, &second), -EEXIST);
    ck_assert_ptr_null(second);
    bad.adapter = NULL;
    ck_assert_int_eq(nbx_device_create(&bad, &second), -EINVAL);
    bad = device;
    bad.adapter = "nic1";
    bad.messages = NBX_DEVICE_MESSAGES + 1;
    ck_assert_int_eq(nbx_device_create(&bad, &second), -EINVAL);
    bad.messages = 0;
    bad.region_count = NBX_DEVICE_REGIONS + 1;
    ck_assert_int_eq(nbx_device_create(&bad, &second), -EINVAL);
    bad.region_count = 1;
    bad.regions[0].bytes = 24;
    ck_assert_int_eq(nbx_device_create(&bad, &second), -EINVAL);
    bad.regions[0].bytes = 32;
    bad.regions[0].on_read = model_read;
    ck_assert_int_eq(nbx_device_create(&bad, &second), -EINVAL);
    bad.regions[0].on_read = NULL;
    ck_assert_int_eq(nbx_device_create(&bad, &second), 0);
    ck_assert_int_eq(nbx_device_destroy(second), 0);
    ck_assert_int_eq(nbx_device_destroy(made), 0);
}

TEST(a_device_with_a_wrong_size_count_or_half_a_pair_of_handlers_is_refused)
{
    hw_run(1, NULL, declarations);
}
