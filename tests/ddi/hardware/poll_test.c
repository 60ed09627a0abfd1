// SPDX-License-Identifier: MIT
// Poll objects: requests from any level, iterations while there is progress, the notification at the end, limits, affinity, the end.
#include <string.h>

#include "hw.h"
#include "nt/ke/ke.h"

static NDIS_POLL_HANDLE poll;
static NDIS_POLL_CHARACTERISTICS chars;
static NTSTATUS registered;
static _Atomic uint32_t polls, notifications, inside;
static uint32_t overlaps, at_passive, at_dispatch, on[2], lowest_limit, beyond_limit;
static uint32_t rx_waiting;                   // frames the NIC has
static bool count_for_me, wrong_count, request_inside;
static uint32_t too_many;                     // so many more than allowed are indicated

static NET_BUFFER_LIST *
frames(uint32_t count)
{
    NET_BUFFER_LIST *first = NULL;
    while (count--) {
        NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(kit.mp.pool, 0, 0);
        NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
        uint8_t *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(nb), NormalPagePriority);
        memset(data, 0, 64);
        memset(data, 0xff, 6);
        data[12] = 8;
        NET_BUFFER_DATA_LENGTH(nb) = 64;
        nbl->SourceHandle = kit.mp.adapter;
        NET_BUFFER_LIST_NEXT_NBL(nbl) = first;
        first = nbl;
    }
    return first;
}

static void
receive_some(NDIS_POLL_RECEIVE_DATA *rx)
{
    uint32_t count = rx_waiting < rx->MaxNblsToIndicate ? rx_waiting : rx->MaxNblsToIndicate;
    lowest_limit = rx->MaxNblsToIndicate < lowest_limit ? rx->MaxNblsToIndicate : lowest_limit;
    beyond_limit += rx_waiting > count;
    count += too_many;
    rx->IndicatedNblChain = frames(count);
    rx->NumberOfIndicatedNbls = count_for_me ? NDIS_ANY_NUMBER_OF_NBLS : wrong_count ? count + 1 : count;
    rx_waiting -= count < rx_waiting ? count : rx_waiting;
    rx->NumberOfRemainingNbls = rx_waiting ? NDIS_ANY_NUMBER_OF_NBLS : 0;
}

static void
complete_some(NDIS_POLL_TRANSMIT_DATA *tx)
{
    NET_BUFFER_LIST **end = &kit.mp.held;
    uint32_t count = 0;
    while (*end && count < tx->MaxNblsToComplete) {
        end = &NET_BUFFER_LIST_NEXT_NBL(*end);
        count++;
    }
    tx->CompletedNblChain = count ? kit.mp.held : NULL;
    tx->NumberOfCompletedNbls = count;
    if (count) {
        kit.mp.held = *end;
        *end = NULL;
    }
}

static NTAPI VOID
handler(PVOID context, NDIS_POLL_DATA *data)
{
    ck_assert_ptr_eq(context, &chars);
    ck_assert_uint_eq(data->Header.Size, NDIS_SIZEOF_NDIS_POLL_DATA_REVISION_1);
    overlaps += inside++ != 0;
    at_passive += KeGetCurrentIrql() == PASSIVE_LEVEL;
    at_dispatch += KeGetCurrentIrql() == DISPATCH_LEVEL;
    on[KeGetCurrentProcessorNumberEx(NULL)]++;
    receive_some(&data->Receive);
    complete_some(&data->Transmit);
    if (request_inside) {
        request_inside = false;
        NdisRequestPoll(poll, NULL);
    }
    polls++;
    inside--;
}

static NTAPI VOID
notify(PVOID context, NDIS_POLL_NOTIFICATION *notification)
{
    ck_assert_ptr_eq(context, &chars);
    ck_assert_uint_eq(notification->Enabled, TRUE);
    overlaps += inside != 0;
    notifications++;
}

static NDIS_STATUS
take_poll(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    registered = NdisRegisterPoll(adapter, &chars, &chars, &poll);
    return NDIS_STATUS_SUCCESS;
}

static void
give_poll(void)
{
    if (poll)
        NdisDeregisterPoll(poll);
    poll = NULL;
}

static void
prepare(void)
{
    chars = (NDIS_POLL_CHARACTERISTICS){.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_POLL_CHARACTERISTICS_REVISION_1,
                                                   NDIS_SIZEOF_NDIS_POLL_CHARACTERISTICS_REVISION_1},
                                        .SetPollNotificationHandler = notify,
                                        .PollHandler = handler};
    kit_mp_hooks.initialize = take_poll;
    kit_mp_hooks.halt = give_poll;
    kit_mp_hooks.minor = 85;
    polls = notifications = 0;
    lowest_limit = UINT32_MAX;
}

// ---- iterations --------------------------------------------------------------------------------------------------------------------

static void
receives(void)
{
    ULONG filter = NDIS_PACKET_TYPE_BROADCAST;
    kit_start(true, 1);
    ck_assert_int_eq(registered, STATUS_SUCCESS);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    hw_settle();
    ck_assert_uint_eq(polls, 0);   // not before it is asked for
    rx_waiting = 100;
    NdisRequestPoll(poll, NULL);
    hw_wait(&notifications, 1);
    ck_assert_uint_eq(kit.binding[0].received, 100);
    ck_assert_uint_eq(kit.filter_receives, 100);
    ck_assert_uint_eq(notifications, 1);
    uint32_t then = polls;
    hw_settle();
    ck_assert_uint_eq(polls, then);   // and not after the notification
    // At least one call for a request, also with nothing to do.
    NdisRequestPoll(poll, NULL);
    hw_wait(&notifications, 2);
    ck_assert_uint_eq(polls, then + 1);
    ck_assert_uint_eq(kit.binding[0].received, 100);
}

TEST(NdisPoll_is_called_as_long_as_it_indicates_and_then_NdisSetPollNotification)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        prepare();
        count_for_me = seed & 1;
        hw_run(seed, NULL, receives);
    }
    ck_assert_uint_eq(overlaps, 0);
    // Both levels, and limits that were too small at times.
    ck_assert_uint_gt(at_passive, 0);
    ck_assert_uint_gt(at_dispatch, 0);
    ck_assert_uint_gt(beyond_limit, 0);
}

static void
transmits(void)
{
    kit_start(false, 1);
    kit.mp.completion = KIT_LATER;
    for (uint32_t i = 0; i < 40; i++)
        kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], i, 64));
    ck_assert_uint_eq(kit.binding[0].completed, 0);
    NdisRequestPoll(poll, NULL);
    hw_wait(&notifications, 1);
    ck_assert_uint_eq(kit.binding[0].completed, 40);
    ck_assert_int_eq(kit.binding[0].last_status, NDIS_STATUS_SUCCESS);
}

TEST(NdisPoll_completes_sends_of_its_chain)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        prepare();
        hw_run(seed, NULL, transmits);
    }
}

static NTAPI BOOLEAN
request_high(PVOID context)
{
    ck_assert_uint_gt(KeGetCurrentIrql(), DISPATCH_LEVEL);
    NdisRequestPoll(poll, NULL);
    return TRUE;
}

static void
requests(void)
{
    kit_start(false, 1);
    KIRQL irql;
    KeRaiseIrql(HIGH_LEVEL, &irql);
    request_high(NULL);
    KeLowerIrql(irql);
    hw_wait(&notifications, 1);
    // A request inside NdisPoll is one more call, and one notification.
    uint32_t then = polls;
    request_inside = true;
    NdisRequestPoll(poll, NULL);
    hw_wait(&notifications, 2);
    hw_settle();
    ck_assert_uint_eq(polls, then + 2);
    ck_assert_uint_eq(notifications, 2);
}

TEST(NdisRequestPoll_may_be_called_at_any_IRQL_and_inside_NdisPoll)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        prepare();
        hw_run(seed, NULL, requests);
    }
}

static void
affinity(void)
{
    PROCESSOR_NUMBER one = {.Number = 1}, zero = {.Number = 0};
    kit_start(false, 1);
    NdisSetPollAffinity(poll, &one);
    for (uint32_t i = 1; i <= 10; i++) {
        NdisRequestPoll(poll, NULL);
        hw_wait(&notifications, i);
    }
    ck_assert_uint_eq(on[0], 0);
    ck_assert_uint_ge(on[1], 10);
    NdisSetPollAffinity(poll, &zero);
    NdisRequestPoll(poll, NULL);
    hw_wait(&notifications, 11);
    ck_assert_uint_eq(on[0], 1);
}

TEST(NdisSetPollAffinity_locks_NdisPoll_to_a_processor)
{
    prepare();
    hw_run(5, NULL, affinity);
}

// ---- what is refused ---------------------------------------------------------------------------------------------------------------

static void
started(void)
{
    kit_start(false, 1);
}

TEST(NdisRegisterPoll_refuses_wrong_headers_and_missing_handlers)
{
    for (int i = 0; i < 4; i++) {
        prepare();
        if (i == 0)
            chars.Header.Type = NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO;
        if (i == 1)
            chars.Header.Size -= 8;
        if (i == 2)
            chars.PollHandler = NULL;
        if (i == 3)
            chars.SetPollNotificationHandler = NULL;
        poll = (NDIS_POLL_HANDLE)&chars;
        hw_run(1, NULL, started);
        ck_assert_int_eq(registered, STATUS_INVALID_PARAMETER);
        ck_assert_ptr_null(poll);
    }
}

static void
receive_reported(void)
{
    kit_start(false, 1);
    rx_waiting = 3;
    NdisRequestPoll(poll, NULL);
    hw_wait(&notifications, 1);
}

TEST(NdisPoll_that_gives_more_than_the_limit_is_reported)
{
    prepare();
    too_many = 1000;
    count_for_me = true;
    hw_reported(NULL, receive_reported, "NdisPoll: it gave more NBLs than the limit of this iteration");
}

TEST(NdisPoll_with_a_wrong_number_is_reported)
{
    prepare();
    wrong_count = true;
    hw_reported(NULL, receive_reported, "NdisPoll: the number of NBLs that it gave is not the length of the chain");
}

static void
request_reserved(void)
{
    kit_start(false, 1);
    NdisRequestPoll(poll, &chars);
}

TEST(NdisRequestPoll_with_its_reserved_parameter_set_is_reported)
{
    prepare();
    hw_reported(NULL, request_reserved, "NdisRequestPoll: Reserved is not zero");
}

static void
affinity_nowhere(void)
{
    PROCESSOR_NUMBER nine = {.Number = 9};
    kit_start(false, 1);
    NdisSetPollAffinity(poll, &nine);
}

TEST(NdisSetPollAffinity_to_a_processor_that_is_not_there_is_reported)
{
    prepare();
    hw_reported(NULL, affinity_nowhere, "NdisSetPollAffinity: there is no such processor");
}

// ---- the end -----------------------------------------------------------------------------------------------------------------------

static void
end_while_polling(void)
{
    kit_start(false, 1);
    rx_waiting = 50;
    NdisRequestPoll(poll, NULL);
    for (uint32_t i = 0; i < 5; i++)
        sched_choice(sched_self->sched, SCHED_POINT_DDI);
    NdisDeregisterPoll(poll);
    poll = NULL;
    uint32_t then = polls;
    ck_assert_uint_eq(inside, 0);
    hw_settle();
    ck_assert_uint_eq(polls, then);
}

TEST(NdisDeregisterPoll_runs_down_the_polling_in_progress)
{
    uint32_t cut_short = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        prepare();
        hw_run(seed, NULL, end_while_polling);
        cut_short += notifications == 0;
    }
    ck_assert_uint_gt(cut_short, 0);
}

static void
forget(void)
{
    kit_mp_hooks.halt = NULL;
    kit_start(false, 1);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(kit.box->leftovers, 1);
    kit.box->leftovers = 0;
}

TEST(NdisDeregisterPoll_that_MiniportHaltEx_forgets_is_left_behind)
{
    prepare();
    hw_run(1, NULL, forget);
}

// ---- the notification ---------------------------------------------------------------------------------------------------------------

static void
notifies(void)
{
    kit_start(false, 1);
    hw_settle();
    ck_assert_uint_eq(polls + notifications, 0);
    for (uint32_t i = 1; i <= 4; i++) {           // notify looks at the context and at Enabled
        rx_waiting = 20 * i;
        uint32_t before = polls;
        NdisRequestPoll(poll, NULL);
        hw_wait(&notifications, i);
        ck_assert_uint_eq(rx_waiting, 0);         // as long as there was progress it was not called
        ck_assert_uint_gt(polls, before);
        hw_settle();
        ck_assert_uint_eq(notifications, i);      // once, and NdisPoll not again until it is asked for
    }
}

TEST(NdisSetPollNotification_comes_once_when_NdisPoll_makes_no_more_progress)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        prepare();
        hw_run(seed, NULL, notifies);
    }
    ck_assert_uint_eq(overlaps, 0);               // never while NdisPoll runs
}
