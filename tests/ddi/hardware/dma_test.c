// SPDX-License-Identifier: MIT
// Scatter/gather lists and shared memory of miniports.
#include <string.h>

#include "hw.h"
#include "nt/ke/ke.h"

#define MAPPING 9000

static NDIS_HANDLE dma;
static NDIS_SG_DMA_DESCRIPTION description;
static NDIS_STATUS registered;
static SCATTER_GATHER_LIST *given;
static _Atomic uint32_t gives, completes;
static uint32_t gives_late;
static void *complete_va;
static uint64_t complete_pa;
static ULONG complete_length;

static NTAPI VOID
process(PDEVICE_OBJECT device, PVOID reserved, PSCATTER_GATHER_LIST list, PVOID context)
{
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_ptr_eq(context, &given);
    given = list;
    gives++;
}

static NTAPI VOID
shared_complete(NDIS_HANDLE context, PVOID va, PNDIS_PHYSICAL_ADDRESS pa, ULONG length, PVOID own)
{
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_ptr_eq(context, &kit.mp);
    ck_assert_ptr_eq(own, &given);
    complete_va = va;
    complete_pa = pa ? (uint64_t)pa->QuadPart : 0;
    ck_assert(!va == !pa);
    complete_length = length;
    completes++;
}

static void
describe(void)
{
    description = (NDIS_SG_DMA_DESCRIPTION){
        .Header = {NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION, NDIS_SG_DMA_DESCRIPTION_REVISION_1, NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1},
        .Flags = NDIS_SG_DMA_64_BIT_ADDRESS,
        .MaximumPhysicalMapping = MAPPING,
        .ProcessSGListHandler = process,
        .SharedMemAllocateCompleteHandler = shared_complete};
}

static NDIS_STATUS
take_dma(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    dma = &given;
    registered = NdisMRegisterScatterGatherDma(adapter, &description, &dma);
    return NDIS_STATUS_SUCCESS;
}

static void
give_dma(void)
{
    if (dma)
        NdisMDeregisterScatterGatherDma(dma);
    dma = NULL;
}

static void
prepare(void)
{
    describe();
    kit_mp_hooks.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER;
    kit_mp_hooks.initialize = take_dma;
    kit_mp_hooks.halt = give_dma;
}

// ---- lists -------------------------------------------------------------------------------------------------------------------------

struct chain {
    uint8_t *memory;
    MDL *mdls[3];
    NET_BUFFER nb;
};

// Three MDLs: 100 bytes that end 40 into a page, 5000 bytes, 300 bytes.
static void
chain_make(struct chain *chain)
{
    static const uint32_t at[] = {4096 - 60, 3 * 4096 + 10, 6 * 4096}, bytes[] = {100, 5000, 300};
    memset(chain, 0, sizeof *chain);
    chain->memory = ExAllocatePoolWithTag(NonPagedPoolNx, 8 * 4096, 'tseT');
    for (int i = 0; i < 3; i++) {
        chain->mdls[i] = NdisAllocateMdl(kit.mp.adapter, chain->memory + at[i], bytes[i]);
        if (i)
            chain->mdls[i - 1]->Next = chain->mdls[i];
    }
    NET_BUFFER_FIRST_MDL(&chain->nb) = NET_BUFFER_CURRENT_MDL(&chain->nb) = chain->mdls[0];
    NET_BUFFER_DATA_LENGTH(&chain->nb) = 5400;
}

static void
chain_free(struct chain *chain)
{
    for (int i = 0; i < 3; i++)
        NdisFreeMdl(chain->mdls[i]);
    ExFreePoolWithTag(chain->memory, 'tseT');
}

static NDIS_STATUS
list_make(struct chain *chain, void *buffer, ULONG bytes)
{
    uint32_t before = gives;
    KIRQL irql = KeRaiseIrqlToDpcLevel();
    given = NULL;
    NDIS_STATUS status = NdisMAllocateNetBufferSGList(dma, &chain->nb, &given, NDIS_SG_LIST_WRITE_TO_DEVICE, buffer, bytes);
    gives_late += status == NDIS_STATUS_SUCCESS && gives == before;
    KeLowerIrql(irql);
    if (status == NDIS_STATUS_SUCCESS)
        hw_wait(&gives, before + 1);
    return status;
}

static void
list_free(struct chain *chain)
{
    KIRQL irql = KeRaiseIrqlToDpcLevel();
    NdisMFreeNetBufferSGList(dma, given, &chain->nb);
    KeLowerIrql(irql);
}

static void
expect_elements(const struct chain *chain, const uint32_t (*want)[2], uint32_t count)
{
    ck_assert_uint_eq(given->NumberOfElements, count);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq((uint64_t)given->Elements[i].Address.QuadPart, (uint64_t)(uintptr_t)chain->memory + want[i][0]);
        ck_assert_uint_eq(given->Elements[i].Length, want[i][1]);
    }
}

static void
lists(void)
{
    static const uint32_t whole[][2] = {{4036, 60}, {4096, 40}, {12298, 4086}, {16384, 914}, {24576, 300}};
    static const uint32_t part[][2] = {{12298, 4086}, {16384, 24}};
    struct chain chain;
    kit_start(false, 1);
    ck_assert_int_eq(registered, NDIS_STATUS_SUCCESS);
    ck_assert_uint_ge(description.ScatterGatherListSize, sizeof(SCATTER_GATHER_LIST) + 4 * sizeof(SCATTER_GATHER_ELEMENT));
    chain_make(&chain);
    void *buffer = ExAllocatePoolWithTag(NonPagedPoolNx, description.ScatterGatherListSize, 'tseT');
    // In the driver's buffer, in NDIS's own because there is none, and because it is too small.
    ck_assert_int_eq(list_make(&chain, buffer, description.ScatterGatherListSize), NDIS_STATUS_SUCCESS);
    ck_assert((uint8_t *)given >= (uint8_t *)buffer && (uint8_t *)given < (uint8_t *)buffer + description.ScatterGatherListSize);
    expect_elements(&chain, whole, 5);
    list_free(&chain);
    ck_assert_int_eq(list_make(&chain, NULL, 0), NDIS_STATUS_SUCCESS);
    expect_elements(&chain, whole, 5);
    list_free(&chain);
    ck_assert_int_eq(list_make(&chain, buffer, 64), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_ne(given, buffer);
    expect_elements(&chain, whole, 5);
    list_free(&chain);
    // From the start of CurrentMdl on, and no further than the data goes.
    NET_BUFFER_CURRENT_MDL(&chain.nb) = chain.mdls[1];
    NET_BUFFER_CURRENT_MDL_OFFSET(&chain.nb) = 10;
    NET_BUFFER_DATA_OFFSET(&chain.nb) = 110;
    NET_BUFFER_DATA_LENGTH(&chain.nb) = 4100;
    ck_assert_int_eq(list_make(&chain, buffer, description.ScatterGatherListSize), NDIS_STATUS_SUCCESS);
    expect_elements(&chain, part, 2);
    list_free(&chain);
    // More than was registered for.
    NET_BUFFER_DATA_LENGTH(&chain.nb) = MAPPING - 9;
    ck_assert_int_eq(list_make(&chain, buffer, description.ScatterGatherListSize), NDIS_STATUS_RESOURCES);
    ExFreePoolWithTag(buffer, 'tseT');
    chain_free(&chain);
}

TEST(NdisMAllocateNetBufferSGList_gives_the_addresses_of_the_data_from_CurrentMdl_on)
{
    prepare();
    for (uint64_t seed = 0; seed < 30; seed++)
        hw_run(seed, NULL, lists);
    // MiniportProcessSGList came inside the call and after it.
    ck_assert_uint_gt(gives_late, 0);
    ck_assert_uint_lt(gives_late, gives);
}

static struct chain lost;

static void
free_twice(void)
{
    kit_start(false, 1);
    chain_make(&lost);
    void *buffer = ExAllocatePoolWithTag(NonPagedPoolNx, description.ScatterGatherListSize, 'tseT');
    list_make(&lost, buffer, description.ScatterGatherListSize);
    list_free(&lost);
    list_free(&lost);
}

TEST(NdisMFreeNetBufferSGList_a_second_time_is_reported)
{
    prepare();
    hw_reported(NULL, free_twice, "NdisMFreeNetBufferSGList: this is no list of this DMA handle, or it was freed already");
}

static void
free_for_another(void)
{
    NET_BUFFER other = {0};
    kit_start(false, 1);
    chain_make(&lost);
    list_make(&lost, NULL, 0);
    NdisMFreeNetBufferSGList(dma, given, &other);
}

TEST(NdisMFreeNetBufferSGList_with_another_NET_BUFFER_is_reported)
{
    prepare();
    hw_reported(NULL, free_for_another, "the list was made for another NET_BUFFER");
}

static void
deregister_with_lists(void)
{
    kit_start(false, 1);
    chain_make(&lost);
    list_make(&lost, NULL, 0);
    ndis_adapter_remove(kit.adapter);
}

TEST(NdisMDeregisterScatterGatherDma_with_a_list_still_out_is_reported)
{
    prepare();
    hw_reported(NULL, deregister_with_lists, "scatter/gather lists are still out");
}

// ---- registering -------------------------------------------------------------------------------------------------------------------

static void
started(void)
{
    kit_start(false, 1);
}

TEST(NdisMRegisterScatterGatherDma_refuses_what_is_no_bus_master_and_versions_it_does_not_know)
{
    prepare();
    kit_mp_hooks.attribute_flags = 0;
    hw_run(1, NULL, started);
    ck_assert_int_eq(registered, NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_ptr_null(dma);
    prepare();
    description.Header.Revision = 9;
    hw_run(1, NULL, started);
    ck_assert_int_eq(registered, NDIS_STATUS_BAD_VERSION);
    describe();
    description.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    hw_run(1, NULL, started);
    ck_assert_int_eq(registered, NDIS_STATUS_BAD_VERSION);
    describe();
    description.Header.Revision = NDIS_SG_DMA_DESCRIPTION_REVISION_2;
    hw_run(1, NULL, started);
    ck_assert_int_eq(registered, NDIS_STATUS_SUCCESS);
}

static NDIS_STATUS
take_dma_twice(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    NDIS_HANDLE second = &given;
    take_dma(adapter, parameters);
    ck_assert_int_eq(NdisMRegisterScatterGatherDma(adapter, &description, &second), NDIS_STATUS_RESOURCES);
    ck_assert_ptr_null(second);
    return NDIS_STATUS_SUCCESS;
}

TEST(NdisMRegisterScatterGatherDma_gives_an_adapter_one_channel)
{
    prepare();
    kit_mp_hooks.initialize = take_dma_twice;
    hw_run(1, NULL, started);
    ck_assert_int_eq(registered, NDIS_STATUS_SUCCESS);
}

static void
leave_dma(void)
{
    kit_mp_hooks.halt = NULL;
    kit_start(false, 1);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(kit.box->leftovers, 1);
    kit.box->leftovers = 0;
}

TEST(NdisMDeregisterScatterGatherDma_that_MiniportHaltEx_forgets_is_left_behind)
{
    prepare();
    hw_run(1, NULL, leave_dma);
}

// ---- shared memory -----------------------------------------------------------------------------------------------------------------

static void
shared(void)
{
    void *va = NULL, *second = NULL;
    NDIS_PHYSICAL_ADDRESS pa, second_pa;
    kit_start(false, 1);
    NdisMAllocateSharedMemory(kit.mp.adapter, 6000, TRUE, &va, &pa);
    ck_assert_ptr_nonnull(va);
    ck_assert_uint_eq((uint64_t)pa.QuadPart, (uint64_t)(uintptr_t)va);
    ck_assert_uint_eq((uintptr_t)va & (PAGE_SIZE - 1), 0);
    memset(va, 0x5a, 6000);
    NdisMAllocateSharedMemory(kit.mp.adapter, 100, FALSE, &second, &second_pa);
    ck_assert_ptr_nonnull(second);
    ck_assert_uint_eq(*(uint8_t *)second, 0);
    NdisMFreeSharedMemory(kit.mp.adapter, 100, FALSE, second, second_pa);
    NdisMFreeSharedMemory(kit.mp.adapter, 6000, TRUE, va, pa);
    va = &pa;
    NdisMAllocateSharedMemory(kit.mp.adapter, 0, TRUE, &va, &pa);
    ck_assert_ptr_null(va);
    ck_assert_uint_eq((uint64_t)pa.QuadPart, 0);
    ck_assert_uint_eq(NdisMGetDmaAlignment(kit.mp.adapter) % 16, 0);
    ck_assert_uint_ge(NdisMGetDmaAlignment(kit.mp.adapter), 16);
}

TEST(NdisMAllocateSharedMemory_gives_pages_at_their_own_address_and_NdisMFreeSharedMemory_takes_them_back)
{
    prepare();
    hw_run(1, NULL, shared);
}

TEST(NdisMGetDmaAlignment_is_a_multiple_of_a_cache_line)
{
    prepare();
    hw_run(2, NULL, shared);
}

static void
shared_without_dma(void)
{
    void *va;
    NDIS_PHYSICAL_ADDRESS pa;
    kit_mp_hooks.initialize = NULL;
    kit_start(false, 1);
    NdisMAllocateSharedMemory(kit.mp.adapter, 6000, TRUE, &va, &pa);
}

TEST(NdisMAllocateSharedMemory_before_NdisMRegisterScatterGatherDma_is_reported)
{
    prepare();
    hw_reported(NULL, shared_without_dma, "NdisMAllocateSharedMemory: NdisMRegisterScatterGatherDma comes first");
}

static void
alignment_without_dma(void)
{
    kit_mp_hooks.initialize = NULL;
    kit_start(false, 1);
    NdisMGetDmaAlignment(kit.mp.adapter);
}

TEST(NdisMGetDmaAlignment_before_NdisMRegisterScatterGatherDma_is_reported)
{
    prepare();
    hw_reported(NULL, alignment_without_dma, "NdisMGetDmaAlignment: NdisMRegisterScatterGatherDma comes first");
}

static void
shared_high(void)
{
    void *va;
    NDIS_PHYSICAL_ADDRESS pa;
    kit_start(false, 1);
    KeRaiseIrqlToDpcLevel();
    NdisMAllocateSharedMemory(kit.mp.adapter, 6000, TRUE, &va, &pa);
}

TEST(NdisMAllocateSharedMemory_above_PASSIVE_LEVEL_is_reported)
{
    prepare();
    hw_reported(NULL, shared_high, "0x7C (0x1)");
}

static void
shared_free_twice(void)
{
    void *va;
    NDIS_PHYSICAL_ADDRESS pa;
    kit_start(false, 1);
    NdisMAllocateSharedMemory(kit.mp.adapter, 6000, TRUE, &va, &pa);
    NdisMFreeSharedMemory(kit.mp.adapter, 6000, TRUE, va, pa);
    NdisMFreeSharedMemory(kit.mp.adapter, 6000, TRUE, va, pa);
}

TEST(NdisMFreeSharedMemory_a_second_time_is_reported)
{
    prepare();
    hw_reported(NULL, shared_free_twice, "0x7C (0x3)");
}

static void
shared_free_shorter(void)
{
    void *va;
    NDIS_PHYSICAL_ADDRESS pa;
    kit_start(false, 1);
    NdisMAllocateSharedMemory(kit.mp.adapter, 6000, TRUE, &va, &pa);
    NdisMFreeSharedMemory(kit.mp.adapter, 5999, TRUE, va, pa);
}

TEST(NdisMFreeSharedMemory_with_another_length_is_reported)
{
    prepare();
    hw_reported(NULL, shared_free_shorter, "no such block of this adapter");
}

static void
shared_left(void)
{
    void *va;
    NDIS_PHYSICAL_ADDRESS pa;
    kit_start(false, 1);
    NdisMAllocateSharedMemory(kit.mp.adapter, 6000, TRUE, &va, &pa);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(kit.box->leftovers, 1);
    kit.box->leftovers = 0;
}

TEST(NdisMFreeSharedMemory_that_MiniportHaltEx_forgets_is_left_behind)
{
    prepare();
    hw_run(1, NULL, shared_left);
}

static void
shared_later(void)
{
    kit_start(false, 1);
    KIRQL irql = KeRaiseIrqlToDpcLevel();
    ck_assert_int_eq(NdisMAllocateSharedMemoryAsyncEx(dma, 5000, TRUE, &given), NDIS_STATUS_PENDING);
    KeLowerIrql(irql);
    hw_wait(&completes, 1);
    ck_assert_uint_eq(complete_length, 5000);
    ck_assert_ptr_nonnull(complete_va);
    ck_assert_uint_eq(complete_pa, (uint64_t)(uintptr_t)complete_va);
    NdisMFreeSharedMemory(kit.mp.adapter, 5000, TRUE, complete_va, (NDIS_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)complete_pa});
    // What cannot be had comes as NULL.
    ck_assert_int_eq(NdisMAllocateSharedMemoryAsyncEx(dma, UINT32_MAX, TRUE, &given), NDIS_STATUS_PENDING);
    hw_wait(&completes, 2);
    ck_assert_ptr_null(complete_va);
}

TEST(NdisMAllocateSharedMemoryAsyncEx_completes_at_PASSIVE_LEVEL_with_memory_or_with_NULL)
{
    prepare();
    hw_run(1, NULL, shared_later);
}

static void
shared_no_handler(void)
{
    kit_start(false, 1);
    ck_assert_int_eq(NdisMAllocateSharedMemoryAsyncEx(dma, 5000, TRUE, &given), NDIS_STATUS_FAILURE);
    hw_settle();
    ck_assert_uint_eq(completes, 0);
}

TEST(NdisMAllocateSharedMemoryAsyncEx_fails_without_a_handler)
{
    prepare();
    description.SharedMemAllocateCompleteHandler = NULL;
    hw_run(1, NULL, shared_no_handler);
}

static void
give_all(void)
{
    NdisMDeregisterScatterGatherDma(dma);
    dma = NULL;
    ck_assert_uint_eq(completes, 1);   // waited for
    NdisMFreeSharedMemory(kit.mp.adapter, 5000, TRUE, complete_va, (NDIS_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)complete_pa});
}

static void
shared_in_flight(void)
{
    completes = 0;
    kit_start(false, 1);
    ck_assert_int_eq(NdisMAllocateSharedMemoryAsyncEx(dma, 5000, TRUE, &given), NDIS_STATUS_PENDING);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
}

TEST(NdisMDeregisterScatterGatherDma_waits_for_allocations_that_are_under_way)
{
    prepare();
    kit_mp_hooks.halt = give_all;
    for (uint64_t seed = 0; seed < 10; seed++)
        hw_run(seed, NULL, shared_in_flight);
}

// ---- the callbacks ------------------------------------------------------------------------------------------------------------------

static void
processes_lists(void)
{
    struct chain chain;
    kit_start(false, 1);
    chain_make(&chain);
    uint32_t before = gives;
    for (uint32_t i = 1; i <= 8; i++) {           // process itself looks at IRQL and context
        ck_assert_int_eq(list_make(&chain, NULL, 0), NDIS_STATUS_SUCCESS);
        hw_settle();
        ck_assert_uint_eq(gives, before + i);     // once for each list, inside the call or after it
        ck_assert_uint_eq(given->NumberOfElements, 5);
        list_free(&chain);
    }
    NET_BUFFER_DATA_LENGTH(&chain.nb) = MAPPING + 1;
    ck_assert_int_eq(list_make(&chain, NULL, 0), NDIS_STATUS_RESOURCES);
    hw_settle();
    ck_assert_uint_eq(gives, before + 8);         // and never for one that could not be made
    chain_free(&chain);
}

TEST(MiniportProcessSGList_is_called_at_DISPATCH_LEVEL_once_for_each_list_at_once_or_later)
{
    prepare();
    gives = gives_late = 0;
    for (uint64_t seed = 0; seed < 20; seed++)
        hw_run(seed, NULL, processes_lists);
    ck_assert_uint_gt(gives_late, 0);
    ck_assert_uint_lt(gives_late, gives);
}

static void
shared_comes(void)
{
    kit_start(false, 1);
    completes = 0;
    ck_assert_int_eq(NdisMAllocateSharedMemoryAsyncEx(dma, 5000, TRUE, &given), NDIS_STATUS_PENDING);
    hw_wait(&completes, 1);                       // shared_complete looks at IRQL and contexts
    ck_assert_ptr_nonnull(complete_va);
    ck_assert_uint_eq(complete_pa, (uint64_t)(uintptr_t)complete_va);
    ck_assert_uint_eq(complete_length, 5000);
    NdisMFreeSharedMemory(kit.mp.adapter, 5000, TRUE, complete_va, (NDIS_PHYSICAL_ADDRESS){.QuadPart = (LONGLONG)complete_pa});
    ck_assert_int_eq(NdisMAllocateSharedMemoryAsyncEx(dma, 0, TRUE, &given), NDIS_STATUS_PENDING);
    hw_wait(&completes, 2);
    ck_assert_ptr_null(complete_va);              // it failed
    hw_settle();
    ck_assert_uint_eq(completes, 2);
}

TEST(MiniportSharedMemoryAllocateComplete_comes_at_PASSIVE_LEVEL_with_the_memory_or_with_NULL)
{
    prepare();
    for (uint64_t seed = 0; seed < 5; seed++)
        hw_run(seed, NULL, shared_comes);
}

static void
shared_has_no_handler(void)
{
    kit_start(false, 1);
    ck_assert_int_eq(NdisMAllocateSharedMemoryAsyncEx(dma, 5000, TRUE, &given), NDIS_STATUS_FAILURE);
}

TEST(MiniportSharedMemoryAllocateComplete_may_be_left_NULL_and_then_nothing_is_allocated_later)
{
    prepare();
    description.SharedMemAllocateCompleteHandler = NULL;
    hw_run(1, NULL, shared_has_no_handler);
}

// ---- lists of blocks ------------------------------------------------------------------------------------------------------------

static uint32_t block_gives;
static DEVICE_OBJECT *block_device;

static NTAPI VOID
block_process(PDEVICE_OBJECT device, PVOID reserved, PSCATTER_GATHER_LIST list, PVOID context)
{
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_ptr_eq(context, &block_gives);
    block_device = device;
    given = list;
    block_gives++;
}

static NDIS_SCATTER_GATHER_LIST_PARAMETERS
block_parameters(struct chain *chain, void *buffer, ULONG bytes)
{
    return (NDIS_SCATTER_GATHER_LIST_PARAMETERS){
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_SCATTER_GATHER_LIST_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_SCATTER_GATHER_LIST_PARAMETERS_REVISION_1},
        .Mdl = chain->mdls[1],
        .CurrentVa = (uint8_t *)MmGetMdlVirtualAddress(chain->mdls[1]) + 4,
        .Length = 4990,
        .ProcessSGListHandler = block_process,
        .Context = &block_gives,
        .ScatterGatherListBuffer = buffer,
        .ScatterGatherListBufferSize = bytes};
}

static void
block_lists(void)
{
    static const uint32_t want[][2] = {{12302, 4082}, {16384, 908}};
    struct chain chain;
    _Alignas(16) uint8_t buffer[256];
    kit_start(false, 1);
    chain_make(&chain);
    for (int i = 0; i < 4; i++) {                 // of the miniport, of a protocol; at PASSIVE, at DISPATCH
        NDIS_HANDLE handle = i & 1 ? kit.binding[0].handle : kit.mp.adapter;
        NDIS_SCATTER_GATHER_LIST_PARAMETERS p = block_parameters(&chain, buffer, sizeof buffer);
        KIRQL irql;
        KeRaiseIrql(i & 2 ? DISPATCH_LEVEL : PASSIVE_LEVEL, &irql);
        block_gives = 0;
        ck_assert_int_eq(NdisBuildScatterGatherList(handle, &p), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(block_gives, 1);        // within the call
        ck_assert_ptr_eq(given, buffer);
        ck_assert_ptr_nonnull(block_device);
        ck_assert_uint_le(p.ScatterGatherListBufferSizeNeeded, sizeof buffer);
        expect_elements(&chain, want, 2);
        // The buffer is too small by a byte: told how large it has to be, and nothing is called.
        p.ScatterGatherListBufferSize = p.ScatterGatherListBufferSizeNeeded - 1;
        p.ScatterGatherListBuffer = (void *)(buffer + 128);
        ck_assert_int_eq(NdisBuildScatterGatherList(handle, &p), NDIS_STATUS_BUFFER_TOO_SHORT);
        ck_assert_uint_eq(p.ScatterGatherListBufferSizeNeeded, p.ScatterGatherListBufferSize + 1);
        ck_assert_uint_eq(block_gives, 1);
        NdisFreeScatterGatherList(handle, (void *)buffer, TRUE);
        KeLowerIrql(irql);
    }
    chain_free(&chain);
}

TEST(NdisBuildScatterGatherList_lists_a_block_in_the_callers_buffer_and_calls_NetProcessSGList_at_once)
{
    prepare();
    hw_run(3, NULL, block_lists);
}

TEST(NetProcessSGList_is_called_at_DISPATCH_LEVEL_within_NdisBuildScatterGatherList_with_device_list_and_context)
{
    prepare();
    hw_run(4, NULL, block_lists);
}

static void
block_free_twice(void)
{
    struct chain chain;
    _Alignas(16) static uint8_t buffer[256];
    kit_start(false, 1);
    chain_make(&chain);
    NDIS_SCATTER_GATHER_LIST_PARAMETERS p = block_parameters(&chain, buffer, sizeof buffer);
    NdisBuildScatterGatherList(kit.mp.adapter, &p);
    NdisFreeScatterGatherList(kit.mp.adapter, (void *)buffer, FALSE);
    NdisFreeScatterGatherList(kit.mp.adapter, (void *)buffer, FALSE);
}

TEST(NdisFreeScatterGatherList_a_second_time_is_reported)
{
    prepare();
    hw_reported(NULL, block_free_twice, "NdisFreeScatterGatherList: this is no list that NdisBuildScatterGatherList has built");
}

static void
block_left(void)
{
    struct chain chain;
    _Alignas(16) static uint8_t buffer[256];
    kit_start(false, 1);
    chain_make(&chain);
    NDIS_SCATTER_GATHER_LIST_PARAMETERS p = block_parameters(&chain, buffer, sizeof buffer);
    NdisBuildScatterGatherList(kit.mp.adapter, &p);
    ndis_adapter_remove(kit.adapter);
}

TEST(NdisFreeScatterGatherList_that_is_forgotten_is_reported_when_the_channel_goes)
{
    prepare();
    hw_reported(NULL, block_left, "scatter/gather lists are still out");
}

static void
block_refused(void)
{
    struct chain chain;
    _Alignas(16) uint8_t buffer[256];
    kit_start(false, 1);
    chain_make(&chain);
    for (int i = 0; i < 6; i++) {
        NDIS_SCATTER_GATHER_LIST_PARAMETERS p = block_parameters(&chain, buffer, sizeof buffer);
        if (i == 0)
            p.Header.Type = NDIS_OBJECT_TYPE_OID_REQUEST;
        if (i == 1)
            p.Header.Size--;
        if (i == 2)
            p.Mdl = NULL;
        if (i == 3)
            p.Length = 4997;                      // beyond the MDL
        if (i == 4)
            p.CurrentVa = chain.memory;           // before it
        if (i == 5)
            p.ProcessSGListHandler = NULL;
        ck_assert_int_eq(NdisBuildScatterGatherList(kit.mp.adapter, &p), NDIS_STATUS_INVALID_PARAMETER);
    }
    chain_free(&chain);
}

TEST(NdisBuildScatterGatherList_refuses_what_is_no_block)
{
    prepare();
    hw_run(3, NULL, block_refused);
}

static void
block_without_dma(void)
{
    NDIS_SCATTER_GATHER_LIST_PARAMETERS p = {.Length = 1};
    kit_mp_hooks.initialize = NULL;
    kit_start(false, 1);
    NdisBuildScatterGatherList(kit.mp.adapter, &p);
}

TEST(NdisBuildScatterGatherList_before_NdisMRegisterScatterGatherDma_is_reported)
{
    prepare();
    hw_reported(NULL, block_without_dma, "NdisBuildScatterGatherList: NdisMRegisterScatterGatherDma comes first");
}
