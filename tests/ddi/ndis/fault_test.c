// SPDX-License-Identifier: MIT
// Allocations refused on purpose: each door answers as its page says for a lack of resources, and succeeds when asked again.
#include <errno.h>
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nbx/fault.h"

static void
arm(enum nbx_fault_mode mode, uint64_t number)
{
    struct nbx_fault_plan plan = {.mode = mode, .number = number, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

static void
disarm(uint64_t refused)
{
    struct nbx_fault_report report;
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, refused);
}

// The pointer is NULL with a plan for the first allocation, and not NULL when asked again.
#define REFUSED_NULL(call, release) \
    do { \
        arm(NBX_FAULT_NUMBER, 1); \
        ck_assert_msg((call) == NULL, #call); \
        void *made = (call); \
        ck_assert_msg(made != NULL, #call); \
        disarm(1); \
        release; \
    } while (0)

#define REFUSED_STATUS(call, status, release) \
    do { \
        arm(NBX_FAULT_NUMBER, 1); \
        ck_assert_msg((NTSTATUS)(call) == (NTSTATUS)(status), #call); \
        ck_assert_msg((NTSTATUS)(call) == 0, #call); \
        disarm(1); \
        release; \
    } while (0)

static uint8_t bytes[256];

static void
pools_refused(void)
{
    NET_BUFFER_LIST_POOL_PARAMETERS nbl = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                      NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                           .fAllocateNetBuffer = TRUE,
                                           .PoolTag = 'lbnT'};
    NET_BUFFER_POOL_PARAMETERS nb = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_POOL_PARAMETERS_REVISION_1,
                                                NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1},
                                     .PoolTag = 'bnT ',
                                     .DataSize = 64};
    REFUSED_NULL(NdisAllocateNetBufferListPool(NULL, &nbl), NdisFreeNetBufferListPool(made));
    REFUSED_NULL(NdisAllocateNetBufferPool(NULL, &nb), NdisFreeNetBufferPool(made));
    NDIS_HANDLE nbls = NdisAllocateNetBufferListPool(NULL, &nbl), nbs = NdisAllocateNetBufferPool(NULL, &nb);
    REFUSED_NULL(NdisAllocateNetBufferList(nbls, 0, 0), NdisFreeNetBufferList(made));
    REFUSED_NULL(NdisAllocateNetBufferAndNetBufferList(nbls, 0, 0, NULL, 0, 0), NdisFreeNetBufferList(made));
    REFUSED_NULL(NdisAllocateNetBuffer(nbs, NULL, 0, 0), NdisFreeNetBuffer(made));
    REFUSED_NULL(NdisAllocateNetBufferMdlAndData(nbs), NdisFreeNetBuffer(made));
    REFUSED_NULL(NdisAllocateMdl(NULL, bytes, sizeof bytes), NdisFreeMdl(made));
    MDL *mdl = NdisAllocateMdl(NULL, bytes, sizeof bytes);
    NET_BUFFER_LIST *list = NdisAllocateNetBufferAndNetBufferList(nbls, 0, 0, mdl, 0, sizeof bytes);
    REFUSED_STATUS(NdisAllocateNetBufferListContext(list, 16, 0, 'lbnT'), NDIS_STATUS_RESOURCES, NdisFreeNetBufferListContext(list, 16));
    REFUSED_NULL(NdisAllocateCloneNetBufferList(list, NULL, NULL, 0), NdisFreeCloneNetBufferList(made, 0));
    NdisFreeNetBufferList(list);
    NdisFreeMdl(mdl);
    NdisFreeNetBufferPool(nbs);
    NdisFreeNetBufferListPool(nbls);
}

TEST(NdisAllocate_functions_of_lists_fail_as_documented_when_refused)
{
    kit_run(SIM_CALM, pools_refused);
}

static VOID NTAPI
work_routine(PVOID context, NDIS_HANDLE item)
{
}

static VOID NTAPI
timer_routine(PVOID one, PVOID context, PVOID two, PVOID three)
{
}

static void
objects_refused(void)
{
    NDIS_TIMER_CHARACTERISTICS timer = {.Header = {NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, NDIS_TIMER_CHARACTERISTICS_REVISION_1,
                                                   NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1},
                                        .AllocationTag = 'rmiT',
                                        .TimerFunction = (PNDIS_TIMER_FUNCTION)timer_routine};
    NDIS_HANDLE handle;
    void *block;
    kit_start(false, 1);
    REFUSED_NULL(NdisAllocateMemoryWithTagPriority(kit.mp.adapter, 100, 'tseT', NormalPoolPriority), NdisFreeMemory(made, 0, 0));
    REFUSED_STATUS(NdisAllocateMemoryWithTag(&block, 100, 'tseT'), NDIS_STATUS_RESOURCES, NdisFreeMemoryWithTag(block, 'tseT'));
    REFUSED_STATUS(NdisAllocateTimerObject(kit.mp.adapter, &timer, &handle), NDIS_STATUS_RESOURCES, NdisFreeTimerObject(handle));
    REFUSED_NULL(NdisAllocateIoWorkItem(kit.mp.adapter), NdisFreeIoWorkItem(made));
    REFUSED_NULL(NdisAllocateRWLock(kit.mp.adapter), NdisFreeRWLock(made));
    REFUSED_NULL(NdisAllocateGenericObject(NULL, 'tseT', 0), NdisFreeGenericObject(made));
    (void)work_routine;
}

TEST(NdisAllocate_functions_of_objects_fail_as_documented_when_refused)
{
    kit_run(SIM_CALM, objects_refused);
}

static void
io_refused(void)
{
    REFUSED_NULL(IoAllocateIrp(2, FALSE), IoFreeIrp(made));
    REFUSED_NULL(IoAllocateMdl(bytes, sizeof bytes, FALSE, FALSE, NULL), IoFreeMdl(made));
    REFUSED_NULL(ExAllocatePool2(POOL_FLAG_NON_PAGED, 10, 'tseT'), ExFreePool(made));
    REFUSED_NULL(ExAllocatePoolWithTag(NonPagedPoolNx, 10, 'tseT'), ExFreePool(made));
    MDL *mdl = IoAllocateMdl(bytes, sizeof bytes, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoReadAccess);
    REFUSED_NULL(MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, NormalPagePriority), (void)made);
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
}

TEST(IoAllocate_ExAllocate_and_MmMap_functions_fail_as_documented_when_refused)
{
    kit_run(SIM_CALM, io_refused);
}

// Two places ask; the second time round neither is refused again.
static void
stacks_refused(void)
{
    arm(NBX_FAULT_STACK, 0);
    for (int round = 0; round < 3; round++) {
        void *one = ExAllocatePoolWithTag(NonPagedPoolNx, 10, 'tseT');
        ck_assert_int_eq(one != NULL, round > 0);
        if (one)
            ExFreePool(one);
    }
    struct nbx_fault_report report;
    nbx_fault_disarm(&report);
    // Functions of the program have no image, so all their stacks are one.
    ck_assert_uint_eq(report.refused, 1);
    ck_assert_uint_eq(report.asked, 3);
    ck_assert_uint_eq(report.last_number, 1);
    ck_assert_msg(strstr(report.last_place, "fault_test.c") != NULL, "%s", report.last_place);
}

TEST(a_stack_is_refused_once_and_named)
{
    kit_run(SIM_CALM, stacks_refused);
}

static uint64_t chance_pattern;

static void
chance_refused(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_CHANCE, .per_million = 300000, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    ck_assert_int_eq(nbx_fault_arm(&plan), -EBUSY);
    chance_pattern = 0;
    for (int i = 0; i < 60; i++) {
        void *block = ExAllocatePoolWithTag(NonPagedPoolNx, 10, 'tseT');
        chance_pattern = chance_pattern << 1 | !block;
        if (block)
            ExFreePool(block);
    }
    nbx_fault_disarm(NULL);
}

TEST(chance_is_drawn_from_the_seed)
{
    kit_run(7, chance_refused);
    uint64_t first = chance_pattern;
    ck_assert_int_gt(__builtin_popcountll(first), 5);
    ck_assert_int_lt(__builtin_popcountll(first), 35);
    kit_run(7, chance_refused);
    ck_assert_uint_eq(chance_pattern, first);
    kit_run(8, chance_refused);
    ck_assert_uint_ne(chance_pattern, first);
}
