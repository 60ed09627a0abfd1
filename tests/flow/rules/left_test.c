// SPDX-License-Identifier: MIT
// What a driver gets and does not give back: NBX-0300 and on, NBX-0503, 0509, 0510, 0512. mp gets one thing after the other in its
// MiniportInitializeEx; MiniportHaltEx gives back all but those that the test has it forget.
#include <nbx/device.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static NDIS_HANDLE adapter;

struct thing {
    const char *name;
    void *(*get)(void);                       // NULL: it could not
    void (*give)(void *got);
    void (*end)(void);                        // after it, whether it was given or not; NULL: nothing
};

// ---- memory ---------------------------------------------------------------------------------------------------------------------------

static __attribute__((noinline)) void *
pool_get(void)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, 123, 'tfeL');
}

static void
pool_give(void *got)
{
    ExFreePoolWithTag(got, 'tfeL');
}

static void *
page_get(void)
{
    return NdisAllocateMemoryWithTagPriority(adapter, 3 * PAGE_SIZE, 'egaP', NormalPoolPriority);
}

static void
page_give(void *got)
{
    NdisFreeMemory(got, 0, 0);
}

static void *
string_get(void)
{
    static NDIS_STRING text;
    NdisInitializeString(&text, (PUCHAR) "left");
    return &text;
}

static void
string_give(void *got)
{
    NdisFreeString(*(NDIS_STRING *)got);
}

static void *
ndis_mdl_get(void)
{
    static char bytes[64];
    return NdisAllocateMdl(adapter, bytes, sizeof bytes);
}

static void
ndis_mdl_give(void *got)
{
    NdisFreeMdl(got);
}

static void *
io_mdl_get(void)
{
    static char bytes[64];
    return IoAllocateMdl(bytes, sizeof bytes, FALSE, FALSE, NULL);
}

static void
io_mdl_give(void *got)
{
    IoFreeMdl(got);
}

// ---- pools of NDIS --------------------------------------------------------------------------------------------------------------------

static void *
nbl_pool_get(void)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                             NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                                  .PoolTag = 'loop'};
    return NdisAllocateNetBufferListPool(adapter, &parameters);
}

static void
nbl_pool_give(void *got)
{
    NdisFreeNetBufferListPool(got);
}

static void *
nb_pool_get(void)
{
    NET_BUFFER_POOL_PARAMETERS parameters = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_POOL_PARAMETERS_REVISION_1,
                                                        NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1},
                                             .PoolTag = 'loop'};
    return NdisAllocateNetBufferPool(adapter, &parameters);
}

static void
nb_pool_give(void *got)
{
    NdisFreeNetBufferPool(got);
}

static struct {
    NDIS_HANDLE pool, nb_pool;
    NET_BUFFER_LIST *lists[3];
    NET_BUFFER *nb;
} outs;
static NET_BUFFER_LIST *cloned;

// Three lists and a NET_BUFFER, in pools that are freed all the same.
static __attribute__((noinline)) NET_BUFFER_LIST *
list_get(void)
{
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(outs.pool, 0, 0);
    ck_assert_ptr_nonnull(nbl);
    return nbl;
}

static void *
lists_get(void)
{
    outs.pool = nbl_pool_get();
    for (volatile int i = 0; i < 3; i++)      // one place, whatever the compiler makes of it
        outs.lists[i] = list_get();
    return &outs;
}

static void
lists_give(void *got)
{
    for (int i = 0; i < 3; i++)
        NdisFreeNetBufferList(outs.lists[i]);
}

static void
lists_end(void)
{
    NdisFreeNetBufferListPool(outs.pool);
}

static void *
nb_get(void)
{
    outs.nb_pool = nb_pool_get();
    return outs.nb = NdisAllocateNetBuffer(outs.nb_pool, NULL, 0, 0);
}

static void
nb_give(void *got)
{
    NdisFreeNetBuffer(got);
}

static void
nb_end(void)
{
    NdisFreeNetBufferPool(outs.nb_pool);
}

static void *
clone_get(void)
{
    NDIS_HANDLE pool = nbl_pool_get();
    NET_BUFFER_LIST *original = NdisAllocateNetBufferList(pool, 0, 0);
    cloned = NdisAllocateCloneNetBufferList(original, NULL, NULL, 0);
    NdisFreeNetBufferList(original);
    NdisFreeNetBufferListPool(pool);
    return cloned;
}

static void
clone_give(void *got)
{
    NdisFreeCloneNetBufferList(got, 0);
}

// ---- objects --------------------------------------------------------------------------------------------------------------------------

static void
keep_sent(struct kit_binding *binding, NET_BUFFER_LIST *nbls)
{
}

static NTAPI VOID
timer_function(PVOID a, PVOID context, PVOID b, PVOID c)
{
}

static void *
timer_get(void)
{
    NDIS_TIMER_CHARACTERISTICS chars = {.Header = {NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, NDIS_TIMER_CHARACTERISTICS_REVISION_1,
                                                   NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1},
                                        .AllocationTag = 'remT',
                                        .TimerFunction = timer_function};
    NDIS_HANDLE timer;
    return NdisAllocateTimerObject(adapter, &chars, &timer) == NDIS_STATUS_SUCCESS ? timer : NULL;
}

static void
timer_give(void *got)
{
    NdisFreeTimerObject(got);
}

static void *
work_get(void)
{
    return NdisAllocateIoWorkItem(adapter);
}

static void
work_give(void *got)
{
    NdisFreeIoWorkItem(got);
}

static void *
rw_lock_get(void)
{
    return NdisAllocateRWLock(adapter);
}

static void
rw_lock_give(void *got)
{
    NdisFreeRWLock(got);
}

static DRIVER_OBJECT *
driver(void)
{
    return io_image_find(kit.box, "mp")->driver_object;
}

static void *
generic_get(void)
{
    return NdisAllocateGenericObject(driver(), 'ojbO', 0);
}

static void
generic_give(void *got)
{
    NdisFreeGenericObject(got);
}

static void *
ex_timer_get(void)
{
    return ExAllocateTimer(NULL, NULL, 0);
}

static void
ex_timer_give(void *got)
{
    ExDeleteTimer(got, TRUE, TRUE, NULL);
}

static NPAGED_LOOKASIDE_LIST npaged;
static PAGED_LOOKASIDE_LIST paged;
static LOOKASIDE_LIST_EX lookaside;
static ERESOURCE resource;

static void *
npaged_get(void)
{
    ExInitializeNPagedLookasideList(&npaged, NULL, NULL, 0, 64, 'kooL', 0);
    ExFreeToNPagedLookasideList(&npaged, ExAllocateFromNPagedLookasideList(&npaged));   // what it keeps is not told besides
    return &npaged;
}

static void
npaged_give(void *got)
{
    ExDeleteNPagedLookasideList(got);
}

static void *
paged_get(void)
{
    ExInitializePagedLookasideList(&paged, NULL, NULL, 0, 64, 'kooL', 0);
    return &paged;
}

static void
paged_give(void *got)
{
    ExDeletePagedLookasideList(got);
}

static void *
lookaside_get(void)
{
    return ExInitializeLookasideListEx(&lookaside, NULL, NULL, NonPagedPoolNx, 0, 64, 'kooL', 0) == STATUS_SUCCESS ? &lookaside : NULL;
}

static void
lookaside_give(void *got)
{
    ExDeleteLookasideListEx(got);
}

// An entry that is out when the list is deleted: the entry is told.
static void *
entry_get(void)
{
    void *entry = NULL;
    if (lookaside_get()) {
        ExFreeToLookasideListEx(&lookaside, ExAllocateFromLookasideListEx(&lookaside));
        entry = ExAllocateFromLookasideListEx(&lookaside);
        ExDeleteLookasideListEx(&lookaside);
    }
    return entry;
}

static void *
resource_get(void)
{
    ExInitializeResourceLite(&resource);
    return &resource;
}

static void
resource_give(void *got)
{
    ExDeleteResourceLite(got);
}

// ---- handles, objects, devices --------------------------------------------------------------------------------------------------------

static void *
handle_get(void)
{
    UNICODE_STRING path = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\System\\CurrentControlSet\\Services");
    OBJECT_ATTRIBUTES attributes;
    HANDLE key;
    InitializeObjectAttributes(&attributes, &path, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    return ZwOpenKey(&key, KEY_READ, &attributes) == STATUS_SUCCESS ? key : NULL;
}

static void
handle_give(void *got)
{
    ZwClose(got);
}

static void *
reference_get(void)
{
    HANDLE event;
    PVOID object = NULL;
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\BaseNamedObjects\\left");
    if (IoCreateNotificationEvent(&name, &event)) {
        ObReferenceObjectByHandle(event, EVENT_ALL_ACCESS, NULL, KernelMode, &object, NULL);
        ZwClose(event);
    }
    return object;
}

static void
reference_give(void *got)
{
    ObDereferenceObject(got);
}

static SECURITY_SUBJECT_CONTEXT subject;

static void *
subject_get(void)
{
    SeCaptureSubjectContext(&subject);
    return &subject;
}

static void
subject_give(void *got)
{
    SeReleaseSubjectContext(got);
}

static void *
irp_get(void)
{
    return IoAllocateIrp(1, FALSE);
}

static void
irp_give(void *got)
{
    IoFreeIrp(got);
}

static void *
device_get(void)
{
    DEVICE_OBJECT *device;
    return IoCreateDevice(driver(), 0, NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device) == STATUS_SUCCESS ? device : NULL;
}

static void
device_give(void *got)
{
    IoDeleteDevice(got);
}

// ---- registrations, configurations ----------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
if_query(NDIS_HANDLE context, NET_IF_OBJECT_ID id, PULONG bytes, PVOID buffer)
{
    return NDIS_STATUS_NOT_SUPPORTED;
}

static NTAPI NDIS_STATUS
if_set(NDIS_HANDLE context, NET_IF_OBJECT_ID id, ULONG bytes, PVOID buffer)
{
    return NDIS_STATUS_NOT_SUPPORTED;
}

static void *
provider_get(void)
{
    NDIS_IF_PROVIDER_CHARACTERISTICS chars = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_OBJECT_REVISION_1,
                                                         NDIS_SIZEOF_IF_PROVIDER_CHARACTERISTICS_REVISION_1},
                                              .QueryObjectHandler = (void *)if_query,
                                              .SetObjectHandler = (void *)if_set};
    NDIS_HANDLE provider;
    return NdisIfRegisterProvider(&chars, NULL, &provider) == NDIS_STATUS_SUCCESS ? provider : NULL;
}

static void
provider_give(void *got)
{
    NdisIfDeregisterProvider(got);
}

static void *
configuration_get(void)
{
    NDIS_CONFIGURATION_OBJECT object = {.Header = {NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                   NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
                                        .NdisHandle = adapter};
    NDIS_HANDLE configuration;
    return NdisOpenConfigurationEx(&object, &configuration) == NDIS_STATUS_SUCCESS ? configuration : NULL;
}

static void
configuration_give(void *got)
{
    NdisCloseConfiguration(got);
}

static const struct thing things[] = {
    {"pool", pool_get, pool_give},
    {"page", page_get, page_give},
    {"string", string_get, string_give},
    {"ndis mdl", ndis_mdl_get, ndis_mdl_give},
    {"io mdl", io_mdl_get, io_mdl_give},
    {"nbl pool", nbl_pool_get, nbl_pool_give},
    {"nb pool", nb_pool_get, nb_pool_give},
    {"lists", lists_get, lists_give, lists_end},
    {"nb", nb_get, nb_give, nb_end},
    {"clone", clone_get, clone_give},
    {"timer", timer_get, timer_give},
    {"work", work_get, work_give},
    {"rw lock", rw_lock_get, rw_lock_give},
    {"generic", generic_get, generic_give},
    {"ex timer", ex_timer_get, ex_timer_give},
    {"npaged", npaged_get, npaged_give},
    {"paged", paged_get, paged_give},
    {"lookaside", lookaside_get, lookaside_give},
    {"resource", resource_get, resource_give},
    {"handle", handle_get, handle_give},
    {"reference", reference_get, reference_give},
    {"subject", subject_get, subject_give},
    {"irp", irp_get, irp_give},
    {"device", device_get, device_give},
    {"provider", provider_get, provider_give},
    {"configuration", configuration_get, configuration_give},
};
#define THINGS (sizeof things / sizeof *things)

// ---- the run --------------------------------------------------------------------------------------------------------------------------

static void *got[THINGS];
static uint32_t forget;                       // things of this number on are not given back
static uint32_t first, last;                  // and only these are got
static NDIS_STATUS outcome;

static void
give_all(void)
{
    for (uint32_t i = first; i < last; i++) {
        if (i < forget)
            things[i].give(got[i]);
        if (things[i].end)
            things[i].end();
    }
}

static NDIS_STATUS
get_all(NDIS_HANDLE handle, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    adapter = handle;
    for (uint32_t i = first; i < last; i++)
        ck_assert_msg((got[i] = things[i].get()) != NULL, "no %s", things[i].name);
    if (outcome != NDIS_STATUS_SUCCESS)
        give_all();
    return outcome;
}

static void
inside(void)
{
    if (outcome == NDIS_STATUS_SUCCESS) {
        kit_start(false, 1);
    } else {
        struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
        struct ndis_adapter *none;
        ck_assert_int_ne(ndis_adapter_add(kit.box, &config, &none), NDIS_STATUS_SUCCESS);
    }
}

static void
run(void)
{
    kit_verify = VERIFY_ON;
    kit_mp_hooks.initialize = get_all;
    kit_mp_hooks.halt = give_all;
    kit_run(SIM_CALM, inside);
    fflush(NULL);
    if (kit.findings)
        _exit(1);
}

static void
get_only(const char *name)
{
    for (first = 0; strcmp(things[first].name, name) != 0; first++)
        ck_assert_uint_lt(first, THINGS);
    last = first + 1;
    forget = first;
}

#define IS_LEFT(name, rule, ...) (get_only(name), crime_is_found(run, rule, "driver mp", __VA_ARGS__, NULL))

// ---- hardware -------------------------------------------------------------------------------------------------------------------------

static struct nbx_device *device;
static NDIS_HANDLE dma, interrupt;
static uint64_t base_memory, base_ports;
static void *mapped, *ports, *shared;
static NDIS_PHYSICAL_ADDRESS shared_at;
static bool keeps_interrupt, keeps_rest;

static NTAPI VOID
sg_list(PDEVICE_OBJECT object, PVOID reserved, PSCATTER_GATHER_LIST list, PVOID context)
{
}

static NTAPI BOOLEAN
isr(NDIS_HANDLE context, PBOOLEAN queue_default, PULONG targets)
{
    return FALSE;
}

static NTAPI VOID
isr_dpc(NDIS_HANDLE context, PVOID own, PVOID throttle, PVOID reserved)
{
}

static NTAPI VOID
isr_switch(NDIS_HANDLE context)
{
}

static NDIS_STATUS
hardware_get(NDIS_HANDLE handle, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    static NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT, NDIS_MINIPORT_INTERRUPT_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1},
        .InterruptHandler = isr,
        .InterruptDpcHandler = isr_dpc,
        .DisableInterruptHandler = isr_switch,
        .EnableInterruptHandler = isr_switch};
    NDIS_SG_DMA_DESCRIPTION description = {.Header = {NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION, NDIS_SG_DMA_DESCRIPTION_REVISION_1,
                                                      NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1},
                                           .Flags = NDIS_SG_DMA_64_BIT_ADDRESS,
                                           .MaximumPhysicalMapping = 65536,
                                           .ProcessSGListHandler = sg_list};
    adapter = handle;
    for (ULONG i = 0; i < parameters->AllocatedResources->Count; i++) {
        const CM_PARTIAL_RESOURCE_DESCRIPTOR *one = &parameters->AllocatedResources->PartialDescriptors[i];
        if (one->Type == CmResourceTypeMemory)
            base_memory = (uint64_t)one->u.Memory.Start.QuadPart;
        if (one->Type == CmResourceTypePort)
            base_ports = (uint64_t)one->u.Port.Start.QuadPart;
    }
    ck_assert_int_eq(NdisMRegisterScatterGatherDma(adapter, &description, &dma), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMMapIoSpace(&mapped, adapter, (NDIS_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)base_memory}, 0x1000),
                     NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMRegisterIoPortRange(&ports, adapter, (UINT)base_ports, 16), NDIS_STATUS_SUCCESS);
    NdisMAllocateSharedMemory(adapter, 6000, TRUE, &shared, &shared_at);
    ck_assert_ptr_nonnull(shared);
    ck_assert_int_eq(NdisMRegisterInterruptEx(adapter, adapter, &chars, &interrupt), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

static void
hardware_give(void)
{
    if (!keeps_interrupt)
        NdisMDeregisterInterruptEx(interrupt);
    if (keeps_rest)
        return;
    NdisMFreeSharedMemory(adapter, 6000, TRUE, shared, shared_at);
    NdisMDeregisterIoPortRange(adapter, (UINT)base_ports, 16, ports);
    NdisMUnmapIoSpace(adapter, mapped, 0x1000);
    NdisMDeregisterScatterGatherDma(dma);
}

static void
hardware_inside(void)
{
    struct nbx_device_config config = {.adapter = "nic0",
                                       .has_line = true,
                                       .region_count = 2,
                                       .regions = {{.kind = NBX_REGION_MEMORY, .bytes = 0x1000}, {.kind = NBX_REGION_PORTS, .bytes = 16}}};
    ck_assert_int_eq(nbx_device_create(&config, &device), 0);
    kit_start(false, 1);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_int_eq(nbx_device_destroy(device), 0);
}

static void
hardware_run(void)
{
    kit_verify = VERIFY_ON;
    kit_mp_hooks.initialize = hardware_get;
    kit_mp_hooks.halt = hardware_give;
    kit_mp_hooks.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER;
    kit_run(SIM_CALM, hardware_inside);
    fflush(NULL);
    if (kit.findings)
        _exit(1);
}

// ---- tests ----------------------------------------------------------------------------------------------------------------------------

TEST(memory_that_a_driver_leaves_is_reported)
{
    IS_LEFT("pool", "NBX-0300", "DriverUnload: mp has left 1 block of pool with tag 'Left', 123 bytes", "got by mp, ExAllocatePool2",
            "left_test.c:", "pool_get", "Windows: BugCheck 0xC4 (0x60, 0x62)");
    IS_LEFT("page", "NBX-0300", "1 block of pool with tag 'Page', 12288 bytes", "NdisAllocateMemoryWithTagPriority");
    IS_LEFT("string", "NBX-0300", "got by mp, NdisInitializeString", "string_get");
}

static NDIS_STATUS
get_entry(NDIS_HANDLE handle, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    ck_assert_ptr_nonnull(entry_get());
    return NDIS_STATUS_SUCCESS;
}

static void
run_entry(void)
{
    kit_verify = VERIFY_ON;
    kit_mp_hooks.initialize = get_entry;
    kit_run(SIM_CALM, inside);
    fflush(NULL);
    _exit(kit.findings ? 1 : 0);
}

TEST(an_entry_of_a_lookaside_list_that_is_out_when_the_list_goes_is_left_by_who_took_it_last)
{
    crime_is_found(run_entry, "NBX-0300", "driver mp", "with tag 'Look', 64 bytes", "got by mp, ExAllocateFromLookasideListEx", NULL);
}

static void *
pools_get(void)
{
    void *block = NULL;
    for (int i = 0; i < 3; i++)
        block = pool_get();
    return block;
}

static NDIS_STATUS
get_pools(NDIS_HANDLE handle, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    ck_assert_ptr_nonnull(pools_get());
    return NDIS_STATUS_SUCCESS;
}

static void
run_pools(void)
{
    kit_verify = VERIFY_ON;
    kit_mp_hooks.initialize = get_pools;
    kit_run(SIM_CALM, inside);
    fflush(NULL);
    _exit(kit.findings == 1 ? 1 : 2);
}

TEST(blocks_of_one_place_are_one_report_that_counts_them)
{
    crime_is_found(run_pools, "NBX-0300", "mp has left 3 blocks of pool with tag 'Left', 369 bytes", NULL);
}

TEST(a_NET_BUFFER_LIST_that_is_out_when_its_pool_goes_is_reported)
{
    IS_LEFT("lists", "NBX-0301", "NdisFreeNetBufferListPool: 3 NET_BUFFER_LISTs of the pool with tag 'pool' still out, got by mp here",
            "got by mp, NdisAllocateNetBufferList", "lists_get", "Windows: BugCheck 0x7C (0x27)");
    IS_LEFT("nb", "NBX-0301", "NdisFreeNetBufferPool: 1 NET_BUFFER of the pool with tag 'pool' still out, got by mp here", "nb_get");
    IS_LEFT("clone", "NBX-0301", "1 NET_BUFFER_LIST of NDIS's own pool still out, got by mp here", "clone_get");
}

static void
send_and_free(void)
{
    kit_start(false, 1);
    kit.mp.completion = KIT_INLINE;
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "proto0"), "test");
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                             NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                                  .fAllocateNetBuffer = TRUE,
                                                  .DataSize = 64,
                                                  .PoolTag = 'dnes'};
    NDIS_HANDLE pool = NdisAllocateNetBufferListPool(kit.binding[0].handle, &parameters);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
    memset(MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl)), NormalPagePriority), 0, 64);
    NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(nbl)) = 64;
    nbl->SourceHandle = kit.binding[0].handle;
    kit.binding[0].on_completed = keep_sent;
    NdisSendNetBufferLists(kit.binding[0].handle, nbl, 0, 0);
    ck_assert_uint_eq(kit.mp.sent, 1);
    NdisFreeNetBufferListPool(pool);
    ke_driver_leave(ke_self(), crossing);
}

static void
run_sent(void)
{
    kit_verify = VERIFY_ON;
    kit_run(SIM_CALM, send_and_free);
    fflush(NULL);
    _exit(kit.findings ? 1 : 0);
}

TEST(the_history_of_a_NET_BUFFER_LIST_that_is_out_says_who_had_it)
{
    crime_is_found(run_sent, "NBX-0301", "driver proto0", "got by proto0", "sent by proto0", "back with proto0", NULL);
}

TEST(a_pool_that_is_left_is_reported)
{
    IS_LEFT("nbl pool", "NBX-0302", "MiniportHaltEx: mp has left 1 NET_BUFFER_LIST pool", "nbl_pool_get");
    IS_LEFT("nb pool", "NBX-0302", "MiniportHaltEx: mp has left 1 NET_BUFFER pool", "nb_pool_get");
}

TEST(an_MDL_that_is_left_is_reported)
{
    IS_LEFT("ndis mdl", "NBX-0303", "MiniportHaltEx: mp has left 1 MDL", "ndis_mdl_get");
    IS_LEFT("io mdl", "NBX-0303", "DriverUnload: mp has left 1 MDL", "io_mdl_get");
}

TEST(a_handle_that_is_left_open_is_reported)
{
    IS_LEFT("handle", "NBX-0304", "DriverUnload: mp has left 1 open handle", "got by mp, ZwOpenKey", "handle_get");
    IS_LEFT("reference", "NBX-0304", "mp has left 1 reference to an object", "reference_get");
    IS_LEFT("subject", "NBX-0304", "DriverUnload: mp has left 1 captured security context", "subject_get");
}

TEST(an_object_that_is_left_is_reported)
{
    IS_LEFT("timer", "NBX-0305", "MiniportHaltEx: mp has left 1 timer object", "timer_get");
    IS_LEFT("work", "NBX-0305", "MiniportHaltEx: mp has left 1 work item", "work_get");
    IS_LEFT("rw lock", "NBX-0305", "MiniportHaltEx: mp has left 1 reader-writer lock", "rw_lock_get");
    IS_LEFT("generic", "NBX-0305", "DriverUnload: mp has left 1 generic object", "generic_get");
    IS_LEFT("ex timer", "NBX-0305", "DriverUnload: mp has left 1 timer of ExAllocateTimer", "ex_timer_get");
}

TEST(an_IRP_that_is_left_is_reported)
{
    IS_LEFT("irp", "NBX-0307", "DriverUnload: mp has left 1 IRP", "irp_get");
}

TEST(a_lookaside_list_that_is_left_is_reported)
{
    IS_LEFT("npaged", "NBX-0308", "DriverUnload: mp has left 1 lookaside list", "npaged_get", "Windows: BugCheck 0xCE");
    IS_LEFT("paged", "NBX-0308", "mp has left 1 lookaside list", "paged_get");
    IS_LEFT("lookaside", "NBX-0308", "mp has left 1 lookaside list", "lookaside_get");
    IS_LEFT("resource", "NBX-0308", "mp has left 1 ERESOURCE", "resource_get");
}

TEST(a_device_that_is_left_is_reported)
{
    IS_LEFT("device", "NBX-0509", "DriverUnload: mp has left 1 device object", "got by mp, IoCreateDevice", "device_get");
}

TEST(a_registration_that_is_left_is_reported)
{
    IS_LEFT("provider", "NBX-0510", "DriverUnload: mp has left 1 interface provider handle", "provider_get");
}

TEST(a_configuration_that_is_left_open_is_reported)
{
    IS_LEFT("configuration", "NBX-0512", "MiniportHaltEx: mp has left 1 configuration handle", "configuration_get");
}

TEST(what_is_given_back_is_not_reported)
{
    first = 0;
    last = forget = THINGS;
    crime_is_none(run);
    outcome = NDIS_STATUS_FAILURE;            // MiniportInitializeEx gives back what it got before it fails
    crime_is_none(run);
}

TEST(what_a_failed_MiniportInitializeEx_leaves_is_reported_when_it_has_returned)
{
    outcome = NDIS_STATUS_FAILURE;
    IS_LEFT("work", "NBX-0305", "MiniportInitializeEx: mp has left 1 work item", "work_get");
}

TEST(hardware_that_is_left_is_reported)
{
    keeps_rest = true;
    struct crime *crime = malloc(sizeof *crime);
    crime_commit(crime, hardware_run);
    ck_assert_msg(crime->exit_status == 1, "%s", crime->said);
    const char *const words[] = {"1 block of shared memory", "1 mapping of device memory", "1 range of ports", "1 DMA channel"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char text[100];
        snprintf(text, sizeof text, "MiniportHaltEx: mp has left %s", words[i]);
        ck_assert_msg(strstr(crime->said, text) != NULL, "no %s in %s", text, crime->said);
    }
    ck_assert_msg(strstr(crime->said, "[NBX-0306]") && !strstr(crime->said, "[NBX-0503]") && !strstr(crime->said, "left behind"), "%s",
                  crime->said);
    free(crime);
}

TEST(an_interrupt_that_is_left_is_reported)
{
    keeps_interrupt = true;
    crime_is_found(hardware_run, "NBX-0503", "MiniportHaltEx: mp has left 1 registered interrupt", "hardware_get",
                   "Windows: BugCheck 0x7C (0x8, 0xB)", NULL);
}

TEST(hardware_that_is_given_back_is_not_reported)
{
    crime_is_none(hardware_run);
}
