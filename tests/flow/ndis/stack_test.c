// SPDX-License-Identifier: MIT
// A whole stack on the seeded scheduler: lists down and back, frames up and back, lifecycles, OID requests.
#include "kit.h"

#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "nt/ke/ke.h"

static const uint8_t own[6] = {2, 0, 0, 0, 0, 1}, other[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

static void
filter_set(uint32_t i, ULONG filter)
{
    ck_assert_int_eq(kit_set(&kit.binding[i], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
}

static void
send_list(struct kit_binding *binding, uint64_t first, uint32_t count)
{
    NET_BUFFER_LIST *list = NULL, **end = &list;
    for (uint32_t i = 0; i < count; i++) {
        *end = kit_nbl(binding, first + i, 64);
        end = &NET_BUFFER_LIST_NEXT_NBL(*end);
    }
    kit_send(binding, list);
}

static void
sends_pass_the_filter_in_order(void)
{
    kit_start(true, 1);
    for (uint32_t i = 0; i < 10; i++)
        send_list(&kit.binding[0], i * 7, 7);
    ck_assert_uint_eq(kit.mp.sent, 70);
    ck_assert_uint_eq(kit.filter_sends, 70);
    ck_assert_uint_eq(kit.filter_completes, 70);
    ck_assert_uint_eq(kit.binding[0].completed, 70);
    for (uint32_t i = 0; i < 70; i++)
        ck_assert_uint_eq(kit.mp.order[i], i);
}

TEST(NdisSendNetBufferLists_passes_lists_through_the_filter_in_order)
{
    kit_run(1, sends_pass_the_filter_in_order);
}

static void
each_binding_gets_its_own(void)
{
    kit_start(true, 4);
    kit.mp.completion = KIT_LATER;
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t j = 0; j < 3; j++)
            send_list(&kit.binding[(i + j) % 4], i, 2);
    kit_complete_held();
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq(kit.binding[i].completed, 6);
}

TEST(send_completion_sorts_a_merged_list_by_source_handle)
{
    kit_run(2, each_binding_gets_its_own);
}

static void
refused_filter_is_told_again(void)
{
    ULONG filter = NDIS_PACKET_TYPE_DIRECTED;
    kit_start(false, 1);
    kit.mp.oid_status = NDIS_STATUS_RESOURCES;
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_RESOURCES);
    kit.mp.oid_status = 0;
    uint32_t before = kit.mp.oids;
    filter_set(0, filter);
    ck_assert_uint_eq(kit.mp.oids, before + 1);
    ck_assert_uint_eq(kit.mp.packet_filter, filter);
    filter_set(0, filter);
    ck_assert_uint_eq(kit.mp.oids, before + 1);
}

TEST(OID_GEN_CURRENT_PACKET_FILTER_that_the_miniport_refused_is_told_again)
{
    kit_run(4, refused_filter_is_told_again);
}

static uint32_t resends;

static void
resend(struct kit_binding *binding, NET_BUFFER_LIST *nbls)
{
    if (resends++ < 200000) {
        NET_BUFFER_LIST_NEXT_NBL(nbls) = NULL;
        kit_send(binding, nbls);
    } else
        NdisFreeNetBufferList(nbls);
}

static void
resend_in_completion(void)
{
    kit_start(true, 1);
    kit.binding[0].on_completed = resend;
    send_list(&kit.binding[0], 0, 1);
    ck_assert_uint_eq(kit.binding[0].completed, 200001);
}

TEST(completion_inside_the_send_call_does_not_grow_the_stack)
{
    kit_run(3, resend_in_completion);
}

static void
resend_at_dispatch(struct kit_binding *binding, NET_BUFFER_LIST *nbls)
{
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    resends += 199999;
    resend(binding, nbls);
    KeLowerIrql(old);
}

// The second completion comes at DISPATCH_LEVEL inside the first and is delivered after it, at PASSIVE_LEVEL; the kit checks the flag.
static void
completion_flags_are_true(void)
{
    resends = 0;
    kit_start(true, 1);
    kit.binding[0].on_completed = resend_at_dispatch;
    send_list(&kit.binding[0], 0, 1);
    ck_assert_uint_eq(kit.binding[0].completed, 2);
}

TEST(NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL_is_not_told_to_a_handler_that_runs_below_it)
{
    kit_run(3, completion_flags_are_true);
}

static void
paused_sends_come_back(void)
{
    kit_start(true, 1);
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    send_list(&kit.binding[0], 0, 3);
    ck_assert_uint_eq(kit.mp.sent, 0);
    ck_assert_uint_eq(kit.binding[0].completed, 3);
    ck_assert_int_eq(kit.binding[0].last_status, NDIS_STATUS_PAUSED);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    send_list(&kit.binding[0], 0, 3);
    ck_assert_uint_eq(kit.mp.sent, 3);
    ck_assert_uint_eq(kit.filter_pauses, 1);
    ck_assert_uint_eq(kit.filter_restarts, 2);
}

TEST(NdisSendNetBufferLists_on_a_paused_binding_completes_with_NDIS_STATUS_PAUSED)
{
    kit_run(4, paused_sends_come_back);
}

static void
receives_by_filter(void)
{
    kit_start(true, 2);
    filter_set(0, NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST);
    filter_set(1, NDIS_PACKET_TYPE_BROADCAST);
    ck_assert_uint_eq(kit.mp.packet_filter, NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST);
    kit_indicate(own, 5, 0);
    kit_indicate(other, 3, 0);
    kit_indicate(broadcast, 2, 0);
    ck_assert_uint_eq(kit.binding[0].received, 7);
    ck_assert_uint_eq(kit.binding[1].received, 2);
    ck_assert_uint_eq(kit.binding[0].resources, 2);
    ck_assert_uint_eq(kit.mp.returned, 10);
    kit_indicate(broadcast, 4, NDIS_RECEIVE_FLAGS_RESOURCES);
    ck_assert_uint_eq(kit.binding[0].received, 11);
    ck_assert_uint_eq(kit.binding[1].received, 6);
}

TEST(a_received_list_is_shown_to_each_binding_that_wants_it_and_returned_once)
{
    kit_run(5, receives_by_filter);
}

static void
kept_receives_come_back(void)
{
    kit_start(true, 1);
    filter_set(0, NDIS_PACKET_TYPE_PROMISCUOUS);
    kit.binding[0].keep = true;
    kit_indicate(own, 5, 0);
    ck_assert_uint_eq(kit.mp.returned, 0);
    kit_return(&kit.binding[0]);
    ck_assert_uint_eq(kit.mp.returned, 5);
    ck_assert_uint_eq(kit.filter_returns, 5);
    kit_indicate(own, 5, 0);
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.mp.returned, 10);
}

TEST(NdisReturnNetBufferLists_goes_down_through_the_filter_to_the_miniport)
{
    kit_run(6, kept_receives_come_back);
}

static void
loopback_between_bindings(void)
{
    kit_start(true, 3);
    filter_set(0, NDIS_PACKET_TYPE_PROMISCUOUS);
    filter_set(1, NDIS_PACKET_TYPE_PROMISCUOUS);
    filter_set(2, NDIS_PACKET_TYPE_DIRECTED);
    send_list(&kit.binding[0], 1, 4);
    ck_assert_uint_eq(kit.binding[0].received, 0);
    ck_assert_uint_eq(kit.binding[1].received, 4);
    ck_assert_uint_eq(kit.binding[2].received, 0);
    ck_assert_uint_eq(kit.mp.sent, 4);
    ck_assert_uint_eq(kit.mp.returned, 0);
}

TEST(sends_are_looped_back_to_the_other_bindings_whose_filter_matches)
{
    kit_run(7, loopback_between_bindings);
}

static void
failed_initialize(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    kit.mp.initialize_status = NDIS_STATUS_HARD_ERRORS;
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_HARD_ERRORS);
    ck_assert_ptr_null(kit.adapter);
    ck_assert_ptr_null(ndis_adapter_find(kit.box, "nic0"));
    ck_assert_uint_eq(kit.mp.halts, 0);
}

TEST(MiniportInitializeEx_that_fails_leaves_no_adapter)
{
    kit_run(8, failed_initialize);
}

static void
complete_thread(void *arg)
{
    _Atomic bool *stop = arg;
    LARGE_INTEGER wait = {.QuadPart = -1000};
    while (!*stop) {
        kit_complete_held();
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    }
    kit_complete_held();
}

static void
pause_in_flight(void)
{
    _Atomic bool stop = false;
    struct ke_thread *thread;
    kit_start(true, 2);
    kit.mp.completion = KIT_LATER;
    ck_assert_int_eq(ke_thread_start(kit.box, "complete", complete_thread, (void *)&stop, &thread), 0);
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 8; i++)
            send_list(&kit.binding[i % 2], i, 3);
        ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(kit.binding[0].in_flight + kit.binding[1].in_flight, 0);
        ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    }
    stop = true;
    ke_thread_join(thread);
    ck_assert_uint_eq(kit.binding[0].completed + kit.binding[1].completed, 120);
}

TEST_TIMEOUT(60, pause_waits_for_sends_in_flight_on_every_schedule)
{
    uint64_t first;
    kit_run(100, pause_in_flight);
    first = kit.trace_hash;
    kit_run(100, pause_in_flight);
    ck_assert_uint_eq(kit.trace_hash, first);
    for (uint64_t seed = 101; seed < 160; seed++)
        kit_run(seed, pause_in_flight);
}

static void
indicate_thread(void *arg)
{
    _Atomic bool *stop = arg;
    while (!*stop)
        kit_indicate(broadcast, 3, 0);
}

static void
receive_slowly(struct kit_binding *binding)
{
    LARGE_INTEGER wait = {.QuadPart = -5000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
}

// Unbound by itself, as a protocol asks for it; the miniport below keeps indicating, at PASSIVE_LEVEL, and the binding that is served
// first takes its time.
static void
unbind_under_receives(void)
{
    _Atomic bool stop = false;
    struct ke_thread *thread;
    LARGE_INTEGER wait = {.QuadPart = -1000};
    kit_start(true, 2);
    filter_set(0, NDIS_PACKET_TYPE_BROADCAST);
    kit.binding[0].on_received = receive_slowly;
    ck_assert_int_eq(ke_thread_start(kit.box, "indicate", indicate_thread, (void *)&stop, &thread), 0);
    for (uint32_t round = 0; round < 4; round++) {
        filter_set(1, NDIS_PACKET_TYPE_BROADCAST);
        uint32_t seen = kit.binding[1].received;
        while (kit.binding[1].received == seen)
            KeDelayExecutionThread(KernelMode, FALSE, &wait);
        ck_assert_int_eq(NdisUnbindAdapter(kit.binding[1].handle), NDIS_STATUS_SUCCESS);
        while (kit.binding[1].in_use)
            KeDelayExecutionThread(KernelMode, FALSE, &wait);
        ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto1"), NDIS_STATUS_SUCCESS);
    }
    stop = true;
    ke_thread_join(thread);
}

TEST_TIMEOUT(60, a_binding_may_be_closed_while_frames_are_indicated_below_DISPATCH)
{
    for (uint64_t seed = 1; seed < 20; seed++)
        kit_run(seed, unbind_under_receives);
}

static void
query_thread(void *arg)
{
    _Atomic bool *stop = arg;
    uint32_t value;
    while (!*stop) {
        NDIS_STATUS status = kit_query(&kit.binding[0], OID_GEN_XMIT_ERROR, &value, sizeof value);
        ck_assert(status == NDIS_STATUS_SUCCESS || status == NDIS_STATUS_NOT_SUPPORTED || status == NDIS_STATUS_REQUEST_ABORTED);
    }
}

static uint32_t oids_seen;

static void
detach_under_requests(void)
{
    _Atomic bool stop = false;
    struct ke_thread *thread;
    kit_start(true, 1);
    ck_assert_int_eq(ke_thread_start(kit.box, "query", query_thread, (void *)&stop, &thread), 0);
    for (uint32_t round = 0; round < 8; round++) {
        ck_assert_int_eq(ndis_adapter_detach_filter(kit.adapter, "lwf"), NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "lwf"), NDIS_STATUS_SUCCESS);
    }
    stop = true;
    ke_thread_join(thread);
    oids_seen += kit.filter_oids;
}

TEST_TIMEOUT(60, a_filter_may_be_detached_while_requests_reach_it)
{
    kit_filter_takes_oids = true;
    for (uint64_t seed = 1; seed < 40; seed++)
        kit_run(seed, detach_under_requests);
    ck_assert_uint_gt(oids_seen, 100);
}

// As a driver built for NDIS 6.0 has it: nothing behind Reserved2 is its.
static void
short_request_is_cloned(void)
{
    volatile size_t bytes = NDIS_SIZEOF_OID_REQUEST_REVISION_1;   // or the compiler objects to the members below by itself
    NDIS_OID_REQUEST *request = calloc(1, bytes), *clone;
    kit_start(true, 1);
    request->Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1,
                                           NDIS_SIZEOF_OID_REQUEST_REVISION_1};
    request->RequestId = request;
    ck_assert_int_eq(NdisAllocateCloneOidRequest(kit.binding[0].handle, request, 0, &clone), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(clone->RequestId, request);
    ck_assert_uint_eq(clone->Header.Size, NDIS_SIZEOF_OID_REQUEST_REVISION_1);
    NdisFreeCloneOidRequest(kit.binding[0].handle, clone);
    free(request);
}

TEST(NdisAllocateCloneOidRequest_reads_no_more_than_the_request_has)
{
    kit_run(5, short_request_is_cloned);
}

static void
shuts_down(void)
{
    kit_start(true, 1);
    ndis_shutdown(kit.box);
    ck_assert_uint_eq(kit.mp.shutdowns, 1);
    ck_assert_uint_eq(kit.mp.halts, 0);
    ck_assert_uint_eq(kit.mp.pauses, 0);
}

TEST(MiniportShutdownEx_is_called_when_the_system_goes_down_and_nothing_else_is)
{
    kit_run(9, shuts_down);
}
