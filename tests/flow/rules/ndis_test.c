// SPDX-License-Identifier: MIT
// NDIS rules, NBX-0100 and up: each with a driver that breaks it and one that keeps it. What is committed is committed in a child.
#include <stdio.h>
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static void (*act)(void);
static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void
watched(void)
{
    kit_verify = VERIFY_ON;
    kit_run(5, act);
}

#define IS_FOUND(fn, rule, ...) (act = (fn), crime_is_found(watched, rule, __VA_ARGS__, NULL))
#define IS_NONE(fn) (act = (fn), crime_is_none(watched))

static struct ke_crossing
as(const char *driver)
{
    return ke_driver_enter(ke_self(), io_image_find(kit.box, driver), "test");
}

static void
wait_ms(LONGLONG ms)
{
    LARGE_INTEGER time = {.QuadPart = -ms * 10000};
    KeDelayExecutionThread(KernelMode, FALSE, &time);
}

// Run fn(NULL) on a thread of its own after some time of the box.
static NTAPI VOID
later_thread(PVOID context)
{
    wait_ms(1000);
    ((void (*)(void))context)();
}

static void
later(void (*fn)(void))
{
    HANDLE thread;
    ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, later_thread, (void *)fn),
                     STATUS_SUCCESS);
    ZwClose(thread);
}

// ---- pause ------------------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
fails(void)
{
    return NDIS_STATUS_FAILURE;
}

static NDIS_STATUS
pends(void)
{
    return NDIS_STATUS_PENDING;
}

static void
pause_now(void)
{
    ndis_adapter_pause(kit.adapter);
}

static void
mp_pause_fails(void)
{
    kit_start(false, 0);
    kit.mp.on_pause = fails;
    pause_now();
}

static void
lwf_pause_fails(void)
{
    kit_start(true, 0);
    kit.on_filter_pause = fails;
    pause_now();
}

TEST(a_pause_that_fails_is_reported)
{
    IS_FOUND(mp_pause_fails, "NBX-0100", "MiniportPause: mp returned NDIS_STATUS_FAILURE", "driver mp",
             "Windows: Static Driver Verifier");
    IS_FOUND(lwf_pause_fails, "NBX-0100", "FilterPause: lwf returned NDIS_STATUS_FAILURE", "driver lwf", "0x92010");
}

static void
mp_pause_stays(void)
{
    kit_start(false, 0);
    kit.mp.on_pause = pends;
    pause_now();
}

static void
lwf_pause_stays(void)
{
    kit_start(true, 0);
    kit.on_filter_pause = pends;
    pause_now();
}

TEST(a_pause_that_is_not_completed_in_time_is_reported)
{
    IS_FOUND(mp_pause_stays, "NBX-0109", "MiniportPause: mp returned NDIS_STATUS_PENDING and has not completed it for 10 s", "driver mp",
             "10000000000 ns of virtual time");
    IS_FOUND(lwf_pause_stays, "NBX-0109", "FilterPause: lwf returned", "driver lwf", "0x92010");
}

static void
complete_mp(void)
{
    NdisMPauseComplete(kit.mp.adapter);
}

static NDIS_STATUS
mp_pends_and_completes(void)
{
    later(complete_mp);
    return NDIS_STATUS_PENDING;
}

static void
complete_lwf(void)
{
    NdisFPauseComplete(kit.filter);
}

static NDIS_STATUS
lwf_pends_and_completes(void)
{
    later(complete_lwf);
    return NDIS_STATUS_PENDING;
}

static void
pauses_well(void)
{
    kit_start(true, 0);
    pause_now();
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    kit.mp.on_pause = mp_pends_and_completes;
    kit.on_filter_pause = lwf_pends_and_completes;
    pause_now();
    ck_assert_uint_eq(kit.mp.pauses, 2);
    kit.mp.on_pause = NULL;
    kit.on_filter_pause = NULL;
}

TEST(a_pause_that_succeeds_or_is_completed_in_time_is_not_reported)
{
    IS_NONE(pauses_well);
}

static void
mp_completes_nothing(void)
{
    kit_start(false, 0);
    struct ke_crossing crossing = as("mp");
    complete_mp();
    ke_driver_leave(ke_self(), crossing);
}

static void
lwf_completes_nothing(void)
{
    kit_start(true, 0);
    struct ke_crossing crossing = as("lwf");
    complete_lwf();
    ke_driver_leave(ke_self(), crossing);
}

static void
lwf_restarts_nothing(void)
{
    kit_start(true, 0);
    NdisFRestartComplete(kit.filter, NDIS_STATUS_SUCCESS);
}

TEST(a_pause_completed_without_being_pending_is_reported)
{
    IS_FOUND(mp_completes_nothing, "NBX-0101", "NdisMPauseComplete: no pause is pending", "driver mp", "BugCheck 0x7C (0x1F)");
    IS_FOUND(lwf_completes_nothing, "NBX-0101", "NdisFPauseComplete: no pause is pending", "driver lwf");
    IS_FOUND(lwf_restarts_nothing, "NBX-0101", "NdisFRestartComplete: no restart is pending");
}

// ---- reset ------------------------------------------------------------------------------------------------------------------------------

static void
mp_resets_nothing(void)
{
    kit_start(false, 0);
    struct ke_crossing crossing = as("mp");
    NdisMResetComplete(kit.mp.adapter, NDIS_STATUS_SUCCESS, FALSE);
    ke_driver_leave(ke_self(), crossing);
}

TEST(a_reset_completed_without_being_pending_is_reported)
{
    IS_FOUND(mp_resets_nothing, "NBX-0102", "NdisMResetComplete: no reset is pending", "driver mp", "BugCheck 0x7C (0xF)");
}

static void
complete_reset(void)
{
    NdisMResetComplete(kit.mp.adapter, NDIS_STATUS_SUCCESS, FALSE);
}

static NDIS_STATUS
reset_pends(BOOLEAN *addressing)
{
    later(complete_reset);
    return NDIS_STATUS_PENDING;
}

static void
resets_well(void)
{
    kit_start(false, 0);
    kit.mp.on_reset = reset_pends;
    NdisMResetMiniport(kit.mp.adapter);
    wait_ms(3000);
    ck_assert_uint_eq(kit.mp.resets, 1);
}

TEST(a_reset_that_was_pended_may_be_completed)
{
    IS_NONE(resets_well);
}

// ---- OID requests ---------------------------------------------------------------------------------------------------------------------

static uint32_t oid_value;
static NDIS_OID_REQUEST oid_request;

static void
oid_begin(void)
{
    kit_start(false, 1);
    kit.mp.pend_oids = true;
    oid_request = (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestQueryInformation,
        .DATA.QUERY_INFORMATION = {
            .Oid = OID_GEN_RCV_NO_BUFFER, .InformationBuffer = &oid_value, .InformationBufferLength = sizeof oid_value}};
    ck_assert_int_eq(NdisOidRequest(kit.binding[0].handle, &oid_request), NDIS_STATUS_PENDING);
    ck_assert_ptr_nonnull(kit.mp.pended_oid);
}

static void
oid_complete(NDIS_STATUS status)
{
    struct ke_crossing crossing = as("mp");
    NdisMOidRequestComplete(kit.mp.adapter, kit.mp.pended_oid, status);
    ke_driver_leave(ke_self(), crossing);
}

static void
oid_is_completed(void)
{
    oid_begin();
    wait_ms(11900);
    kit.mp.pended_oid->DATA.QUERY_INFORMATION.BytesWritten = sizeof oid_value;
    oid_complete(NDIS_STATUS_SUCCESS);
    wait_ms(1000);
    ck_assert_ptr_nonnull(kit.binding[0].oid_done);
    kit.mp.pend_oids = false;
}

TEST(an_OID_request_may_be_pended_and_completed)
{
    IS_NONE(oid_is_completed);
}

static void
oid_is_completed_twice(void)
{
    oid_is_completed();
    oid_complete(NDIS_STATUS_SUCCESS);
}

TEST(an_OID_request_completed_twice_is_reported)
{
    IS_FOUND(oid_is_completed_twice, "NBX-0103", "driver mp", "the request is not pending at this driver", "0x91002");
}

static void
oid_is_completed_with_pending(void)
{
    oid_begin();
    oid_complete(NDIS_STATUS_PENDING);
}

TEST(an_OID_request_completed_with_PENDING_is_reported)
{
    IS_FOUND(oid_is_completed_with_pending, "NBX-0104", "driver mp", "completed with NDIS_STATUS_PENDING", "0x91001");
}

static void
oid_is_forgotten(void)
{
    oid_begin();
    wait_ms(11900);
    ck_assert_ptr_null(kit.binding[0].oid_done);
    fprintf(stderr, "so far so good\n");
    wait_ms(200);
}

TEST(an_OID_request_that_is_not_completed_in_time_is_reported)
{
    IS_FOUND(oid_is_forgotten, "NBX-0106", "so far so good", "driver mp", "MiniportOidRequest: mp has had OID_GEN_RCV_NO_BUFFER for 12 s",
             "0x92003");
}

static void
oid_claims_too_much(void)
{
    oid_begin();
    kit.mp.pended_oid->DATA.QUERY_INFORMATION.BytesWritten = sizeof oid_value + 1;
    oid_complete(NDIS_STATUS_SUCCESS);
}

TEST(an_OID_request_that_claims_more_bytes_than_its_buffer_is_reported)
{
    IS_FOUND(oid_claims_too_much, "NBX-0105", "driver mp",
             "mp says that it has written 5 bytes of OID_GEN_RCV_NO_BUFFER, whose buffer has 4",
             "BugCheck 0x7C (0x1D)");
}

// ---- how long things are kept -----------------------------------------------------------------------------------------------------------

static void
send_kept(bool filter, uint32_t count)
{
    kit_start(filter, 1);
    kit.mp.completion = KIT_LATER;
    for (uint32_t i = 0; i < count; i++)
        kit_send(&kit.binding[0], kit_mark(&kit.binding[0], i));
}

// mp completes the last one that it has, so the first stays.
static void
complete_last(void)
{
    NET_BUFFER_LIST **last = &kit.mp.held;
    while (NET_BUFFER_LIST_NEXT_NBL(*last))
        last = &NET_BUFFER_LIST_NEXT_NBL(*last);
    NET_BUFFER_LIST *nbl = *last;
    *last = NULL;
    struct ke_crossing crossing = as("mp");
    NdisMSendNetBufferListsComplete(kit.mp.adapter, nbl, 0);
    ke_driver_leave(ke_self(), crossing);
}

static void
one_send_stays(void)
{
    send_kept(false, 4);
    for (uint32_t i = 0; i < 3; i++) {
        wait_ms(9500);
        complete_last();
    }
    wait_ms(1000);
    fprintf(stderr, "so far so good\n");
    wait_ms(4000);
}

TEST(a_send_that_is_not_completed_in_time_is_reported)
{
    IS_FOUND(one_send_stays, "NBX-0107", "so far so good", "driver mp", "0x9200D",
             "MiniportSendNetBufferLists: mp was given a NET_BUFFER_LIST to send and has not completed it for 30 s");
}

static void
sends_stay(void)
{
    send_kept(true, 2);
    wait_ms(21500);
    fprintf(stderr, "so far so good\n");
    wait_ms(3000);
}

// Nobody else has anything to do: the looks are all that moves the clock.
static void
sends_stay_in_a_pause(void)
{
    send_kept(true, 2);
    pause_now();
}

TEST(a_miniport_that_completes_no_sends_is_reported)
{
    IS_FOUND(sends_stay, "NBX-0108", "so far so good", "driver mp", "MiniportSendNetBufferLists: mp has kept", "has completed none",
             "0x9200F");
    IS_FOUND(sends_stay_in_a_pause, "NBX-0108", "driver mp");
}

static void
sends_are_slow(void)
{
    send_kept(true, 3);
    wait_ms(21000);
    complete_last();
    wait_ms(7000);
    kit_complete_held();
    wait_ms(100000);                          // nothing is out: nothing ages
    kit_send(&kit.binding[0], kit_mark(&kit.binding[0], 3));
    wait_ms(19000);
    kit_complete_held();
}

TEST(sends_completed_in_time_are_not_reported)
{
    IS_NONE(sends_are_slow);
}

static void
filter_keeps_sends(void)
{
    kit_start(true, 1);
    kit.filter_keeps_sends = true;
    for (uint32_t i = 0; i < 2; i++)
        kit_send(&kit.binding[0], kit_mark(&kit.binding[0], i));
}

static void
filter_pass(bool send)
{
    struct ke_crossing crossing = as("lwf");
    kit_filter_pass_kept(send);
    ke_driver_leave(ke_self(), crossing);
}

static void
filter_sends_stay(void)
{
    filter_keeps_sends();
    wait_ms(21500);
    fprintf(stderr, "so far so good\n");
    wait_ms(3000);
}

TEST(a_filter_that_keeps_sends_is_reported)
{
    IS_FOUND(filter_sends_stay, "NBX-0110", "so far so good", "driver lwf",
             "FilterSendNetBufferLists: lwf has kept a NET_BUFFER_LIST to send",
             "has passed on or completed none", "0x92011");
}

static void
filter_sends_are_slow(void)
{
    filter_keeps_sends();
    for (uint32_t i = 0; i < 2; i++) {
        wait_ms(20000);
        filter_pass(true);
    }
}

TEST(a_filter_that_passes_sends_on_in_time_is_not_reported)
{
    IS_NONE(filter_sends_are_slow);
}

static void
filter_keeps_receives(void)
{
    kit_start(true, 1);
    kit.filter_keeps_receives = true;
    kit_indicate(everybody, 1, 0);
    kit_indicate(everybody, 1, 0);
}

static void
filter_receives_stay(void)
{
    filter_keeps_receives();
    wait_ms(21500);
    fprintf(stderr, "so far so good\n");
    wait_ms(3000);
}

TEST(a_filter_that_keeps_receives_is_reported)
{
    IS_FOUND(filter_receives_stay, "NBX-0111", "so far so good", "driver lwf",
             "FilterReceiveNetBufferLists: lwf has kept a NET_BUFFER_LIST received",
             "has passed on or returned none", "0x92012");
}

static void
filter_receives_are_slow(void)
{
    filter_keeps_receives();
    for (uint32_t i = 0; i < 2; i++) {
        wait_ms(20000);
        filter_pass(false);
    }
}

static void
protocol_keeps_receives(void)
{
    kit_start(true, 1);
    kit.binding[0].keep = true;
    kit_indicate(everybody, 1, 0);
    wait_ms(100000);
    kit_return(&kit.binding[0]);
}

TEST(a_filter_that_passes_receives_on_in_time_is_not_reported)
{
    IS_NONE(filter_receives_are_slow);
    IS_NONE(protocol_keeps_receives);
}

// ---- received lists -------------------------------------------------------------------------------------------------------------------

static void
listen(void)
{
    ULONG filter = NDIS_PACKET_TYPE_BROADCAST;
    kit_start(false, 1);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
}

static void
indicate(ULONG flags)
{
    struct ke_crossing crossing = as("mp");
    kit_indicate(everybody, 2, flags);
    ke_driver_leave(ke_self(), crossing);
}

static void
returns_what_was_lent(void)
{
    listen();
    kit.binding[0].return_lent = true;
    indicate(NDIS_RECEIVE_FLAGS_RESOURCES);
}

static void
gives_lent_back(void)
{
    listen();
    indicate(NDIS_RECEIVE_FLAGS_RESOURCES);
    ck_assert_uint_eq(kit.binding[0].resources, 2);
}

TEST(a_return_of_what_was_lent_with_RESOURCES_is_reported)
{
    IS_FOUND(returns_what_was_lent, "NBX-0113", "driver proto0", "NdisReturnNetBufferLists: the NET_BUFFER_LIST was indicated with",
             "indicated by mp, NdisMIndicateReceiveNetBufferLists", "handed to proto0, ProtocolReceiveNetBufferLists");
}

TEST(what_was_lent_with_RESOURCES_goes_back_by_itself)
{
    IS_NONE(gives_lent_back);
}

static void
indicates_while_paused(void)
{
    listen();
    pause_now();
    indicate(0);
}

static void
indicates_while_running(void)
{
    listen();
    pause_now();
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    indicate(0);
    ck_assert_uint_eq(kit.binding[0].received, 2);
}

TEST(a_miniport_that_indicates_while_paused_is_reported)
{
    IS_FOUND(indicates_while_paused, "NBX-0114", "driver mp", "mp indicates received data while it is paused");
}

// lwf's own list, from its own pool. What it indicates it lends, so that it has it back at once.
static void
lwf_originates(bool is_paused, bool sends)
{
    kit_start(true, 1);
    if (is_paused)
        pause_now();
    struct ke_crossing crossing = as("lwf");
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = 'fwLP',
        .DataSize = 128};
    NDIS_HANDLE pool = NdisAllocateNetBufferListPool(kit.filter, &parameters);
    ck_assert_ptr_nonnull(pool);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
    NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(nbl)) = 64;
    nbl->SourceHandle = kit.filter;
    if (sends)
        NdisFSendNetBufferLists(kit.filter, nbl, 0, 0);
    else
        NdisFIndicateReceiveNetBufferLists(kit.filter, nbl, 0, 1, NDIS_RECEIVE_FLAGS_RESOURCES);
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(pool);
    ke_driver_leave(ke_self(), crossing);
}

static void
lwf_sends_while_paused(void)
{
    lwf_originates(true, true);
}

static void
lwf_indicates_while_paused(void)
{
    lwf_originates(true, false);
}

static void
lwf_indicates_while_running(void)
{
    lwf_originates(false, false);
}

TEST(a_filter_that_originates_while_paused_is_reported)
{
    IS_FOUND(lwf_sends_while_paused, "NBX-0114", "driver lwf",
             "NdisFSendNetBufferLists: lwf originates a NET_BUFFER_LIST while it is paused");
    IS_FOUND(lwf_indicates_while_paused, "NBX-0114", "driver lwf",
             "NdisFIndicateReceiveNetBufferLists: lwf originates a NET_BUFFER_LIST while it is paused");
}

TEST(a_filter_that_originates_while_running_is_not_reported)
{
    IS_NONE(lwf_indicates_while_running);
}

TEST(a_miniport_that_indicates_while_running_is_not_reported)
{
    IS_NONE(indicates_while_running);
}

static void
says_dispatch_at_passive(void)
{
    listen();
    indicate(NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
}

static void
says_dispatch_at_dispatch(void)
{
    KIRQL old;
    listen();
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    indicate(NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
    KeLowerIrql(old);
    ck_assert_uint_eq(kit.binding[0].received, 2);
}

TEST(a_DISPATCH_LEVEL_flag_below_DISPATCH_LEVEL_is_reported)
{
    IS_FOUND(says_dispatch_at_passive, "NBX-0115", "driver mp",
             "NdisMIndicateReceiveNetBufferLists: the flags say DISPATCH_LEVEL, and the IRQL is 0");
}

TEST(a_DISPATCH_LEVEL_flag_at_DISPATCH_LEVEL_is_not_reported)
{
    IS_NONE(says_dispatch_at_dispatch);
}

static void
counts_wrong(void)
{
    listen();
    kit.mp.miscounts = true;
    indicate(0);
}

TEST(an_indication_with_a_wrong_count_is_reported)
{
    IS_FOUND(counts_wrong, "NBX-0116", "driver mp", "NumberOfNetBufferLists is 3, and the chain has 2");
}
