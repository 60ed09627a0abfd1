// SPDX-License-Identifier: MIT
// Receive queues and filters: the numbers that NDIS gives, what it refuses, what it clears before halt; shared memory of queues.
#include <stdlib.h>
#include <string.h>

#include "hw.h"

static NDIS_STATUS answer;
static uint32_t reached[4];                   // allocate, set filter, free, clear: requests at the miniport
static NDIS_RECEIVE_QUEUE_ID last_queue;
static NDIS_RECEIVE_FILTER_ID last_filter;

static NDIS_STATUS
on_oid(NDIS_OID_REQUEST *request)
{
    void *data = request->DATA.SET_INFORMATION.InformationBuffer;
    switch (request->DATA.SET_INFORMATION.Oid) {
    case OID_RECEIVE_FILTER_ALLOCATE_QUEUE:
        reached[0]++;
        last_queue = ((NDIS_RECEIVE_QUEUE_PARAMETERS *)data)->QueueId;
        return answer;
    case OID_RECEIVE_FILTER_SET_FILTER:
        reached[1]++;
        last_filter = ((NDIS_RECEIVE_FILTER_PARAMETERS *)data)->FilterId;
        return answer;
    case OID_RECEIVE_FILTER_FREE_QUEUE:
        reached[2]++;
        return answer;
    case OID_RECEIVE_FILTER_CLEAR_FILTER:
        reached[3]++;
        return answer;
    default:
        return NDIS_STATUS_NOT_RECOGNIZED;
    }
}

static void
prepare(void)
{
    kit_mp_hooks.oid = on_oid;
    answer = NDIS_STATUS_SUCCESS;
    memset(reached, 0, sizeof reached);
}

static NDIS_STATUS
method(NDIS_OID oid, void *data, uint32_t bytes, UINT *needed)
{
    static NDIS_OID_REQUEST request;
    struct kit_binding *b = &kit.binding[0];
    request = (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestMethod,
        .DATA.METHOD_INFORMATION = {
            .Oid = oid, .InformationBuffer = data, .InputBufferLength = bytes, .OutputBufferLength = bytes}};
    b->oid_done = NULL;
    NDIS_STATUS status = NdisOidRequest(b->handle, &request);
    if (status == NDIS_STATUS_PENDING) {
        while (!b->oid_done)
            hw_settle();
        status = b->oid_status;
    }
    if (needed)
        *needed = request.DATA.METHOD_INFORMATION.BytesNeeded;
    return status;
}

static NDIS_RECEIVE_QUEUE_PARAMETERS
queue_parameters(void)
{
    return (NDIS_RECEIVE_QUEUE_PARAMETERS){.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_RECEIVE_QUEUE_PARAMETERS_REVISION_1,
                                                      NDIS_SIZEOF_RECEIVE_QUEUE_PARAMETERS_REVISION_1}};
}

static NDIS_STATUS
queue_allocate(NDIS_RECEIVE_QUEUE_ID *id)
{
    NDIS_RECEIVE_QUEUE_PARAMETERS p = queue_parameters();
    NDIS_STATUS status = method(OID_RECEIVE_FILTER_ALLOCATE_QUEUE, &p, sizeof p, NULL);
    *id = p.QueueId;
    return status;
}

static NDIS_STATUS
filter_set(NDIS_RECEIVE_QUEUE_ID queue, NDIS_RECEIVE_FILTER_ID *id)
{
    NDIS_RECEIVE_FILTER_PARAMETERS p = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_RECEIVE_FILTER_PARAMETERS_REVISION_1,
                                                   NDIS_SIZEOF_RECEIVE_FILTER_PARAMETERS_REVISION_1},
                                        .QueueId = queue,
                                        .FilterId = *id};
    NDIS_STATUS status = method(OID_RECEIVE_FILTER_SET_FILTER, &p, sizeof p, NULL);
    *id = p.FilterId;
    return status;
}

static NDIS_STATUS
queue_free(NDIS_RECEIVE_QUEUE_ID id)
{
    NDIS_RECEIVE_QUEUE_FREE_PARAMETERS p = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_RECEIVE_QUEUE_FREE_PARAMETERS_REVISION_1,
                                                       NDIS_SIZEOF_RECEIVE_QUEUE_FREE_PARAMETERS_REVISION_1},
                                            .QueueId = id};
    return kit_set(&kit.binding[0], OID_RECEIVE_FILTER_FREE_QUEUE, &p, sizeof p);
}

static NDIS_STATUS
filter_clear(NDIS_RECEIVE_QUEUE_ID queue, NDIS_RECEIVE_FILTER_ID id)
{
    NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS p = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS_REVISION_1,
                                                         NDIS_SIZEOF_RECEIVE_FILTER_CLEAR_PARAMETERS_REVISION_1},
                                              .QueueId = queue,
                                              .FilterId = id};
    return kit_set(&kit.binding[0], OID_RECEIVE_FILTER_CLEAR_FILTER, &p, sizeof p);
}

// ---- numbers ----------------------------------------------------------------------------------------------------------------------

static void
numbers(void)
{
    NDIS_RECEIVE_QUEUE_ID q[3], again;
    NDIS_RECEIVE_FILTER_ID f[2] = {0, 0}, other = 0;
    kit_start(false, 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(queue_allocate(&q[i]), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(q[i], last_queue);
        ck_assert_uint_ne(q[i], NDIS_DEFAULT_RECEIVE_QUEUE_ID);
    }
    ck_assert(q[0] != q[1] && q[1] != q[2] && q[0] != q[2]);
    ck_assert_int_eq(filter_set(q[0], &f[0]), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(filter_set(NDIS_DEFAULT_RECEIVE_QUEUE_ID, &f[1]), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(f[1], last_filter);
    ck_assert(f[0] && f[1] && f[0] != f[1]);
    ck_assert_int_eq(filter_set(q[0], &f[0]), NDIS_STATUS_SUCCESS);   // one that is there, changed
    // What the miniport refuses leaves no number behind.
    answer = NDIS_STATUS_RESOURCES;
    ck_assert_int_eq(queue_allocate(&again), NDIS_STATUS_RESOURCES);
    ck_assert_int_eq(filter_set(q[0], &other), NDIS_STATUS_RESOURCES);
    answer = NDIS_STATUS_SUCCESS;
    ck_assert_int_eq(queue_free(again), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(filter_clear(q[0], other), NDIS_STATUS_INVALID_PARAMETER);
    // A queue with a filter is not freed, nor a filter of another queue cleared.
    ck_assert_int_eq(queue_free(q[0]), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(filter_clear(q[1], f[0]), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(reached[2] + reached[3], 0);
    ck_assert_int_eq(filter_clear(q[0], f[0]), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(queue_free(q[0]), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(queue_free(q[0]), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(filter_clear(q[0], f[0]), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(queue_free(NDIS_DEFAULT_RECEIVE_QUEUE_ID), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(filter_set(q[0], &other), NDIS_STATUS_INVALID_PARAMETER);   // the queue is gone
    ck_assert_uint_eq(reached[2], 1);
    ck_assert_uint_eq(reached[3], 1);
    ck_assert_int_eq(queue_allocate(&again), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(again, q[0]);
    // The rest is NDIS's to clear and free before MiniportHaltEx.
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(reached[2], 4);
    ck_assert_uint_eq(reached[3], 2);
    ck_assert_uint_eq(kit.mp.halts, 1);
}

TEST(OID_RECEIVE_FILTER_ALLOCATE_QUEUE_and_SET_FILTER_get_numbers_from_NDIS_which_frees_what_is_left_before_halt)
{
    prepare();
    hw_run(1, NULL, numbers);
}

static void
many(void)
{
    NDIS_RECEIVE_QUEUE_ID id;
    kit_start(false, 1);
    for (int i = 1; i < 64; i++)
        ck_assert_int_eq(queue_allocate(&id), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(queue_allocate(&id), NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(reached[0], 63);
}

TEST(OID_RECEIVE_FILTER_ALLOCATE_QUEUE_fails_when_all_numbers_are_given)
{
    prepare();
    hw_run(1, NULL, many);
}

static void
lengths(void)
{
    NDIS_RECEIVE_QUEUE_PARAMETERS p = queue_parameters();
    kit_start(false, 1);
    for (uint32_t bytes = 0; bytes < NDIS_SIZEOF_RECEIVE_QUEUE_PARAMETERS_REVISION_1; bytes++) {
        uint8_t *exact = malloc(bytes + !bytes);
        UINT needed = 0;
        memcpy(exact, &p, bytes);
        ck_assert_int_eq(method(OID_RECEIVE_FILTER_ALLOCATE_QUEUE, exact, bytes, &needed), NDIS_STATUS_INVALID_LENGTH);
        ck_assert_uint_eq(needed, NDIS_SIZEOF_RECEIVE_QUEUE_PARAMETERS_REVISION_1);
        free(exact);
    }
    p.Header.Type = NDIS_OBJECT_TYPE_OID_REQUEST;
    ck_assert_int_eq(method(OID_RECEIVE_FILTER_ALLOCATE_QUEUE, &p, sizeof p, NULL), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(reached[0], 0);
}

TEST(OID_RECEIVE_FILTER_ALLOCATE_QUEUE_of_a_wrong_shape_never_reaches_the_miniport)
{
    prepare();
    hw_run(1, NULL, lengths);
}

static void
too_old(void)
{
    NDIS_RECEIVE_QUEUE_ID id;
    kit_start(false, 1);
    ck_assert_int_eq(queue_allocate(&id), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(reached[0], 0);
}

TEST(OID_RECEIVE_FILTER_ALLOCATE_QUEUE_is_not_supported_by_miniports_before_6_20)
{
    prepare();
    kit_mp_hooks.minor = 1;
    hw_run(1, NULL, too_old);
}

// ---- shared memory of queues ------------------------------------------------------------------------------------------------------

static NDIS_SHARED_MEMORY_PARAMETERS
memory_parameters(void)
{
    return (NDIS_SHARED_MEMORY_PARAMETERS){.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_SHARED_MEMORY_PARAMETERS_REVISION_1,
                                                      NDIS_SIZEOF_SHARED_MEMORY_PARAMETERS_REVISION_1},
                                           .QueueId = 1,
                                           .Length = 10000};
}

static void
memory(void)
{
    static _Alignas(16) uint8_t room[sizeof(SCATTER_GATHER_LIST) + 2 * sizeof(SCATTER_GATHER_ELEMENT)];
    SCATTER_GATHER_LIST *list = (void *)room;
    NDIS_SHARED_MEMORY_PARAMETERS p = memory_parameters();
    NDIS_HANDLE block, none = &p;
    kit_start(false, 1);
    list->NumberOfElements = 2;
    p.SGListBuffer = list;
    p.SGListBufferLength = sizeof room;
    ck_assert_int_eq(NdisAllocateSharedMemory(kit.mp.adapter, &p, &block), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_nonnull(p.VirtualAddress);
    ck_assert_ptr_eq(p.SharedMemoryHandle, block);
    ck_assert_uint_eq(list->NumberOfElements, 1);
    ck_assert_uint_eq((uint64_t)list->Elements[0].Address.QuadPart, (uint64_t)(uintptr_t)p.VirtualAddress);
    ck_assert_uint_eq(list->Elements[0].Length, 10000);
    memset(p.VirtualAddress, 1, 10000);
    NdisFreeSharedMemory(kit.mp.adapter, block);
    p = memory_parameters();
    p.Length = 0;
    ck_assert_int_eq(NdisAllocateSharedMemory(kit.mp.adapter, &p, &none), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(none);
    p = memory_parameters();
    p.Header.Type = NDIS_OBJECT_TYPE_OID_REQUEST;
    ck_assert_int_eq(NdisAllocateSharedMemory(kit.mp.adapter, &p, &none), NDIS_STATUS_INVALID_PARAMETER);
    p = memory_parameters();
    p.SGListBuffer = list;
    p.SGListBufferLength = sizeof *list;
    ck_assert_int_eq(NdisAllocateSharedMemory(kit.mp.adapter, &p, &none), NDIS_STATUS_INVALID_PARAMETER);
    p = memory_parameters();
    p.Length = 0xfffffff0;   // more than pages can be counted for
    ck_assert_int_eq(NdisAllocateSharedMemory(kit.mp.adapter, &p, &none), NDIS_STATUS_RESOURCES);
}

TEST(NdisAllocateSharedMemory_gives_a_block_by_handle_and_its_list_of_addresses)
{
    prepare();
    hw_run(1, NULL, memory);
}

static void
memory_twice(void)
{
    NDIS_SHARED_MEMORY_PARAMETERS p = memory_parameters();
    NDIS_HANDLE block;
    kit_start(false, 1);
    NdisAllocateSharedMemory(kit.mp.adapter, &p, &block);
    NdisFreeSharedMemory(kit.mp.adapter, NULL);
}

TEST(NdisFreeSharedMemory_of_no_handle_is_reported)
{
    prepare();
    hw_reported(NULL, memory_twice, "NdisFreeSharedMemory: the handle");
}

static void
memory_left(void)
{
    NDIS_SHARED_MEMORY_PARAMETERS p = memory_parameters();
    NDIS_HANDLE block;
    kit_start(false, 1);
    NdisAllocateSharedMemory(kit.mp.adapter, &p, &block);
    NdisFreeSharedMemory(kit.mp.adapter, block);
    p = memory_parameters();
    NdisAllocateSharedMemory(kit.mp.adapter, &p, &block);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(kit.box->leftovers, 1);   // the second, not the first
    kit.box->leftovers = 0;
}

static void
memory_of_another(void)
{
    NDIS_SHARED_MEMORY_PARAMETERS p = memory_parameters();
    NDIS_HANDLE block;
    kit_start(false, 1);
    NdisAllocateSharedMemory(kit.mp.adapter, &p, &block);
    NdisFreeSharedMemory(kit.mp.adapter, kit.mp.adapter);
}

TEST(NdisFreeSharedMemory_of_another_kind_of_handle_is_reported)
{
    prepare();
    hw_reported(NULL, memory_of_another, "NdisFreeSharedMemory: the handle");
}

TEST(NdisFreeSharedMemory_takes_a_block_back_and_what_halt_leaves_is_told)
{
    prepare();
    hw_run(1, NULL, memory_left);
}
