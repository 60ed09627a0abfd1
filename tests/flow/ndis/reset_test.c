// SPDX-License-Identifier: MIT
// Resets and the check for hang: who begins one, what protocols are told, what NDIS sets again, and what happens to sends and requests
// that are out [ndis/nc-ndis-miniport_reset].
#include "kit.h"

#include <string.h>

#include "harness/harness.h"
#include "nt/ke/ke.h"

static uint32_t starts, ends;
static struct ke_thread *helper;

static void
note_status(struct kit_binding *binding, NDIS_STATUS_INDICATION *indication)
{
    if (indication->StatusCode == NDIS_STATUS_RESET_START) {
        ck_assert_uint_eq(starts, ends);
        starts++;
    }
    if (indication->StatusCode == NDIS_STATUS_RESET_END)
        ends++;
    ck_assert_uint_le(ends, starts);
}

static void
pass_ms(uint64_t ms)
{
    LARGE_INTEGER wait = {.QuadPart = -(int64_t)ms * 10000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
}

static void
begin(bool filter, uint32_t bindings)
{
    starts = ends = 0;
    helper = NULL;
    kit_start(filter, bindings);
    kit.binding[0].on_status = note_status;
}

static void
elsewhere(void (*fn)(void *))
{
    ck_assert_int_eq(ke_thread_start(kit.box, "elsewhere", fn, NULL, &helper), 0);
}

static void
set_filter(uint32_t binding, ULONG filter)
{
    ck_assert_int_eq(kit_set(&kit.binding[binding], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
}

// ---- what protocols are told and what is set again ---------------------------------------------------------------------------------

static NDIS_STATUS
lose_everything(BOOLEAN *addressing)
{
    ck_assert_uint_eq(starts, 1);
    ck_assert_uint_eq(ends, 0);
    kit.mp.packet_filter = 0;
    kit.mp.multicast_count = 0;
    *addressing = TRUE;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
lose_nothing(BOOLEAN *addressing)
{
    kit.mp.packet_filter = 0;
    return NDIS_STATUS_SUCCESS;
}

static void
restores(void)
{
    static uint8_t list[2][6] = {{1, 0, 94, 0, 0, 1}, {1, 0, 94, 0, 0, 2}};
    begin(true, 1);
    set_filter(0, NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_802_3_MULTICAST_LIST, list, sizeof list), NDIS_STATUS_SUCCESS);
    uint32_t before = kit.mp.oids;
    kit.mp.on_reset = lose_everything;
    ck_assert_int_eq(ndis_adapter_reset(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(ends, 1);
    ck_assert_uint_eq(kit.mp.packet_filter, NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST);
    ck_assert_uint_eq(kit.mp.multicast_count, 2);
    ck_assert_uint_eq(kit.mp.oids, before + 2);
    // Without AddressingReset the miniport is on its own.
    kit.mp.on_reset = lose_nothing;
    ck_assert_int_eq(ndis_adapter_reset(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.mp.oids, before + 2);
    ck_assert_uint_eq(ends, 2);
    ck_assert_uint_eq(kit.mp.resets, 2);
    ck_assert(ndis_adapter_is_running(kit.adapter));
}

TEST(MiniportResetEx_that_loses_its_addressing_gets_it_set_again_between_RESET_START_and_RESET_END)
{
    for (uint64_t seed = 1; seed < 10; seed++)
        kit_run(seed, restores);
}

static NDIS_STATUS
set_raw(NDIS_OID oid, void *data, uint32_t bytes)
{
    return kit_set(&kit.binding[0], oid, data, bytes);
}

static uint32_t patterns_set;

static void
wake_patterns_come_back(void)
{
    struct {
        NDIS_PM_PACKET_PATTERN head;
        uint8_t rest[16];
    } pattern[2] = {{.head = {.MaskSize = 1, .PatternSize = 8}, .rest = {0xff, 1}},
                    {.head = {.MaskSize = 1, .PatternSize = 8}, .rest = {0xff, 2}}};
    NDIS_OFFLOAD_ENCAPSULATION encapsulation = {.Header = {NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION, NDIS_OFFLOAD_ENCAPSULATION_REVISION_1,
                                                           NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1}};
    begin(false, 1);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(set_raw(OID_PNP_ADD_WAKE_UP_PATTERN, &pattern[i], sizeof pattern[i]), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(set_raw(OID_PNP_REMOVE_WAKE_UP_PATTERN, &pattern[0], sizeof pattern[0]), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(set_raw(OID_OFFLOAD_ENCAPSULATION, &encapsulation, sizeof encapsulation), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(set_raw(OID_OFFLOAD_ENCAPSULATION, &encapsulation, sizeof encapsulation), NDIS_STATUS_SUCCESS);
    kit.mp.on_reset = lose_everything;
    patterns_set = kit.mp.oids;
    ck_assert_int_eq(ndis_adapter_reset(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.mp.oids, patterns_set + 2);   // the second pattern, the last encapsulation
}

TEST(MiniportResetEx_that_loses_its_addressing_gets_wake_up_patterns_and_encapsulation_again)
{
    kit_run(1, wake_patterns_come_back);
}

// ---- pended, with sends and requests out ---------------------------------------------------------------------------------------------

static void
finish_reset(void *arg)
{
    pass_ms(20);
    kit_complete_held();                      // NDIS 6.30: before the reset is complete
    if (kit.mp.pended_oid) {
        NDIS_OID_REQUEST *request = kit.mp.pended_oid;
        kit.mp.pended_oid = NULL;
        NdisMOidRequestComplete(kit.mp.adapter, request, NDIS_STATUS_REQUEST_ABORTED);
    }
    kit.mp.packet_filter = 0;
    NdisMResetComplete(kit.mp.adapter, NDIS_STATUS_SUCCESS, TRUE);
}

static NDIS_STATUS
pend_reset(BOOLEAN *addressing)
{
    elsewhere(finish_reset);
    return NDIS_STATUS_PENDING;
}

static NDIS_OID_REQUEST out_request;
static ULONG out_value;

static NDIS_STATUS
request_out(struct kit_binding *binding)
{
    out_request = (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestQueryInformation,
        .DATA.QUERY_INFORMATION = {
            .Oid = OID_GEN_XMIT_ERROR, .InformationBuffer = &out_value, .InformationBufferLength = sizeof out_value}};
    binding->oid_done = NULL;
    return NdisOidRequest(binding->handle, &out_request);
}

static void
reset_thread(void *arg)
{
    *(NDIS_STATUS *)arg = ndis_adapter_reset(kit.adapter);
}

static void
resets_with_work_out(void)
{
    NDIS_STATUS result = NDIS_STATUS_PENDING;
    struct ke_thread *thread;
    begin(true, 2);
    set_filter(0, NDIS_PACKET_TYPE_DIRECTED);
    kit.mp.completion = KIT_LATER;
    kit.mp.on_reset = pend_reset;
    for (uint32_t i = 0; i < 5; i++)
        kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], i, 64));
    kit.mp.pend_oids = true;
    ck_assert_int_eq(request_out(&kit.binding[0]), NDIS_STATUS_PENDING);
    kit.mp.pend_oids = false;
    ck_assert_int_eq(ke_thread_start(kit.box, "reset", reset_thread, &result, &thread), 0);
    while (!kit.mp.resets)
        pass_ms(1);
    // Neither a send nor a request reaches the miniport now.
    kit_send(&kit.binding[1], kit_nbl(&kit.binding[1], 9, 64));
    ck_assert_uint_eq(kit.mp.sent, 5);
    ck_assert_uint_eq(kit.binding[1].completed, 1);
    ke_thread_join(thread);
    ke_thread_join(helper);
    ck_assert_int_eq(result, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.binding[0].completed, 5);
    ck_assert_uint_eq(kit.binding[1].completed, 1);
    ck_assert_ptr_eq(kit.binding[0].oid_done, &out_request);
    ck_assert_int_eq(kit.binding[0].oid_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_uint_eq(kit.mp.packet_filter, NDIS_PACKET_TYPE_DIRECTED);
    ck_assert_uint_eq(starts, 1);
    ck_assert_uint_eq(ends, 1);
}

TEST(NdisMResetComplete_ends_a_reset_with_sends_and_requests_out_and_nothing_is_lost)
{
    for (uint64_t seed = 1; seed < 40; seed++)
        kit_run(seed, resets_with_work_out);
}

static void
requests_are_told(void)
{
    NDIS_STATUS result;
    struct ke_thread *thread;
    ULONG value, filter = NDIS_PACKET_TYPE_BROADCAST;
    begin(false, 2);
    kit.mp.on_reset = pend_reset;
    ck_assert_int_eq(ke_thread_start(kit.box, "reset", reset_thread, &result, &thread), 0);
    while (!kit.mp.resets)
        pass_ms(1);
    uint32_t before = kit.mp.oids;
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_GEN_XMIT_ERROR, &value, sizeof value), NDIS_STATUS_RESET_IN_PROGRESS);
    ck_assert_int_eq(kit_set(&kit.binding[1], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_RESET_IN_PROGRESS);
    ck_assert_uint_eq(kit.mp.oids, before);
    ke_thread_join(thread);
    ke_thread_join(helper);
    // What the binding wanted reaches the miniport when it can.
    ck_assert_uint_eq(kit.mp.packet_filter, NDIS_PACKET_TYPE_BROADCAST);
}

TEST(NdisOidRequest_during_a_reset_says_NDIS_STATUS_RESET_IN_PROGRESS)
{
    for (uint64_t seed = 1; seed < 20; seed++)
        kit_run(seed, requests_are_told);
}

static void
pauses_meanwhile(void)
{
    NDIS_STATUS result;
    struct ke_thread *thread;
    begin(true, 1);
    kit.mp.completion = KIT_LATER;
    kit.mp.on_reset = pend_reset;
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 1, 64));
    ck_assert_int_eq(ke_thread_start(kit.box, "reset", reset_thread, &result, &thread), 0);
    while (!kit.mp.resets)
        pass_ms(1);
    // The pause waits for the send, which only the reset brings back.
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.binding[0].completed, 1);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    ke_thread_join(thread);
    ke_thread_join(helper);
    ck_assert_int_eq(result, NDIS_STATUS_SUCCESS);
}

TEST(a_pause_and_a_reset_may_overlap)
{
    for (uint64_t seed = 1; seed < 20; seed++)
        kit_run(seed, pauses_meanwhile);
}

static void
removes_meanwhile(void)
{
    begin(true, 1);
    kit.mp.on_reset = pend_reset;
    NdisMResetMiniport(kit.mp.adapter);
    while (!kit.mp.resets)
        pass_ms(1);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(kit.mp.halts, 1);
    ke_thread_join(helper);
}

TEST(MiniportHaltEx_waits_for_a_reset_that_runs)
{
    for (uint64_t seed = 1; seed < 20; seed++)
        kit_run(seed, removes_meanwhile);
}

static NDIS_STATUS
reset_badly(BOOLEAN *addressing)
{
    *addressing = TRUE;
    return NDIS_STATUS_HARD_ERRORS;
}

static void
fails(void)
{
    begin(false, 1);
    set_filter(0, NDIS_PACKET_TYPE_DIRECTED);
    uint32_t before = kit.mp.oids;
    kit.mp.on_reset = reset_badly;
    ck_assert_int_eq(ndis_adapter_reset(kit.adapter), NDIS_STATUS_HARD_ERRORS);
    ck_assert_uint_eq(kit.mp.oids, before);
    ck_assert_uint_eq(starts, 1);
    ck_assert_uint_eq(ends, 1);
}

TEST(MiniportResetEx_that_fails_ends_the_reset_and_nothing_is_set_again)
{
    kit_run(1, fails);
}

static void
completes_nothing(void)
{
    begin(false, 0);
    NdisMResetComplete(kit.mp.adapter, NDIS_STATUS_SUCCESS, FALSE);
}

static void
run_completes_nothing(void)
{
    kit_run(1, completes_nothing);
}

TEST(NdisMResetComplete_without_a_reset_is_reported)
{
    harness_reported("NDIS_BUGCHECK_RESET_COMPLETE_UNEXPECTED", run_completes_nothing);
}

// ---- NdisMResetMiniport and the check for hang ---------------------------------------------------------------------------------------

static struct ke_thread *asker;

static NDIS_STATUS
reset_elsewhere(BOOLEAN *addressing)
{
    ck_assert_ptr_ne(ke_self(), asker);       // not inside the call
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    return NDIS_STATUS_SUCCESS;
}

static void
miniport_asks(void)
{
    KIRQL old;
    begin(false, 1);
    asker = ke_self();
    kit.mp.on_reset = reset_elsewhere;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    NdisMResetMiniport(kit.mp.adapter);
    KeLowerIrql(old);
    while (ends < 1)
        pass_ms(1);
    ck_assert_uint_eq(kit.mp.resets, 1);
}

TEST(NdisMResetMiniport_has_the_adapter_reset_later)
{
    for (uint64_t seed = 1; seed < 10; seed++)
        kit_run(seed, miniport_asks);
}

static bool
hangs_at_the_third(void)
{
    return kit.mp.hang_checks == 3;
}

static void
is_asked(void)
{
    begin(false, 1);
    kit.mp.on_check_for_hang = hangs_at_the_third;
    pass_ms(5900);
    ck_assert_uint_eq(kit.mp.hang_checks, 2);
    ck_assert_uint_eq(kit.mp.resets, 0);
    pass_ms(1000);
    ck_assert_uint_eq(kit.mp.hang_checks, 3);
    ck_assert_uint_eq(kit.mp.resets, 1);
    pass_ms(20000);
    ck_assert_uint_eq(kit.mp.hang_checks, 13);
    ck_assert_uint_eq(kit.mp.resets, 1);
}

TEST(MiniportCheckForHangEx_is_asked_every_two_seconds_and_TRUE_resets)
{
    kit_mp_checks_for_hang = true;
    kit_run(1, is_asked);
}

static void
is_asked_seldom(void)
{
    kit.mp.check_for_hang_s = 5;
    begin(false, 1);
    pass_ms(41000);
    ck_assert_uint_eq(kit.mp.hang_checks, 10);
}

TEST(MiniportCheckForHangEx_is_asked_at_multiples_of_two_seconds)
{
    kit_mp_checks_for_hang = true;
    kit_run(1, is_asked_seldom);
}

static NDIS_STATUS
abort_request(BOOLEAN *addressing)
{
    NDIS_OID_REQUEST *request = kit.mp.pended_oid;
    kit.mp.pended_oid = NULL;
    if (request)
        NdisMOidRequestComplete(kit.mp.adapter, request, NDIS_STATUS_REQUEST_ABORTED);
    return NDIS_STATUS_SUCCESS;
}

static void
holds_a_request(void)
{
    begin(false, 1);
    kit.mp.on_reset = abort_request;
    kit.mp.pend_oids = true;
    ck_assert_int_eq(request_out(&kit.binding[0]), NDIS_STATUS_PENDING);
    while (!kit.binding[0].oid_done)
        pass_ms(100);
    ck_assert_int_eq(kit.binding[0].oid_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_uint_eq(kit.mp.resets, 1);
    ck_assert_uint_ge(kit.mp.hang_checks, 2);
    ck_assert_uint_le(kit.mp.hang_checks, 3);
}

TEST(MiniportCheckForHangEx_twice_with_the_same_request_out_resets)
{
    kit_mp_checks_for_hang = true;
    for (uint64_t seed = 1; seed < 10; seed++)
        kit_run(seed, holds_a_request);
}

static void
hangs_for_ever(void)
{
    struct ke_latch never = {0};
    begin(false, 1);
    ke_latch_wait(&never, SCHED_NEVER);
}

static void
run_hangs_for_ever(void)
{
    kit_mp_checks_for_hang = true;
    kit_run(1, hangs_for_ever);
}

TEST(MiniportCheckForHangEx_does_not_hide_a_deadlock_from_sim)
{
    harness_reported("checks for hang aside", run_hangs_for_ever);
}
