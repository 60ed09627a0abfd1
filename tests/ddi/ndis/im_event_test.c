// SPDX-License-Identifier: MIT
// Events that an intermediate driver passes on or originates: NdisMNetPnPEvent of a virtual miniport. Whoever is bound above is told of
// all of it; what they say comes back for the two queries alone [ndis/nf-ndis-ndismnetpnpevent].
#include <string.h>

#include "harness/harness.h"
#include "im_kit.h"

static NET_PNP_EVENT_NOTIFICATION seen;
static uint32_t seen_count;
static NDIS_STATUS answer;
static NET_PNP_EVENT_NOTIFICATION *pended;
static struct ke_thread *completer;

static NDIS_STATUS
note_and_answer(struct kit_binding *binding, NET_PNP_EVENT_NOTIFICATION *event)
{
    if (event->NetPnPEvent.NetEvent == NetEventPause || event->NetPnPEvent.NetEvent == NetEventRestart)
        return NDIS_STATUS_SUCCESS;
    memcpy(&seen, event, NDIS_SIZEOF_NET_PNP_EVENT_NOTIFICATION_REVISION_2);
    seen_count++;
    return answer;
}

static void
complete_later(void *arg)
{
    NdisCompleteNetPnPEvent(kit.binding[0].handle, pended, NDIS_STATUS_RESOURCES);
}

static NDIS_STATUS
pend(struct kit_binding *binding, NET_PNP_EVENT_NOTIFICATION *event)
{
    pended = event;
    ck_assert_int_eq(ke_thread_start(kit.box, "completer", complete_later, NULL, &completer), 0);
    return NDIS_STATUS_PENDING;
}

static void
ask_first(void)
{
    ck_assert_int_eq(im_ask(0), NDIS_STATUS_SUCCESS);
}

static void
deinitialize_first(uint32_t which)
{
    if (im.virtual[0].handle)
        ck_assert_int_eq(NdisIMDeInitializeDeviceInstance(im.virtual[0].handle), NDIS_STATUS_SUCCESS);
}

static void
one_up(void)
{
    im.on_bind = ask_first;
    im.on_unbind = deinitialize_first;
    kit_start(false, 0);
    im_load(1);
    im_bind(kit.adapter);
    im_stand(0, 1);
    kit.binding[0].on_event = note_and_answer;
}

static NDIS_STATUS
event(NET_PNP_EVENT_CODE code)
{
    static uint32_t word = 0x600d;
    NET_PNP_EVENT_NOTIFICATION e = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_PNP_EVENT_NOTIFICATION_REVISION_2, NDIS_SIZEOF_NET_PNP_EVENT_NOTIFICATION_REVISION_2},
        .PortNumber = 0,
        .NetPnPEvent = {.NetEvent = code, .Buffer = &word, .BufferLength = sizeof word},
        .Flags = NET_EVENT_FLAGS_VPORT_ID_VALID,
        .SwitchId = 3,
        .VPortId = 9};
    return NdisMNetPnPEvent(im.virtual[0].handle, &e);
}

static void
queries(void)
{
    const NET_PNP_EVENT_CODE codes[] = {NetEventQueryPower, NetEventQueryRemoveDevice};
    const NDIS_STATUS answers[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_RESOURCES, NDIS_STATUS_NOT_SUPPORTED, NDIS_STATUS_FAILURE};
    one_up();
    for (uint32_t i = 0; i < RTL_NUMBER_OF(codes); i++)
        for (uint32_t j = 0; j < RTL_NUMBER_OF(answers); j++) {
            answer = answers[j];
            seen_count = 0;
            ck_assert_int_eq(event(codes[i]), answers[j]);
            ck_assert_uint_eq(seen_count, 1);
            ck_assert_int_eq(seen.NetPnPEvent.NetEvent, codes[i]);
        }
    kit.binding[0].on_event = pend;
    ck_assert_int_eq(event(NetEventQueryPower), NDIS_STATUS_RESOURCES);
    ke_thread_join(completer);
    kit.binding[0].on_event = NULL;
    im_end();
}

TEST(NdisMNetPnPEvent_of_a_query_brings_back_what_the_overlying_driver_says)
{
    for (uint64_t seed = 0; seed < 3; seed++)
        kit_run(seed, queries);
}

static void
others(void)
{
    const NET_PNP_EVENT_CODE codes[] = {NetEventSetPower, NetEventCancelRemoveDevice, NetEventReconfigure, NetEventBindList,
                                        NetEventPnPCapabilities};
    one_up();
    answer = NDIS_STATUS_FAILURE;
    for (uint32_t i = 0; i < RTL_NUMBER_OF(codes); i++) {
        seen_count = 0;
        ck_assert_int_eq(event(codes[i]), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(seen_count, 1);
        ck_assert_int_eq(seen.NetPnPEvent.NetEvent, codes[i]);
        ck_assert_uint_eq(seen.NetPnPEvent.BufferLength, 4);
        ck_assert_uint_eq(*(uint32_t *)seen.NetPnPEvent.Buffer, 0x600d);
        ck_assert_uint_eq(seen.Flags, NET_EVENT_FLAGS_VPORT_ID_VALID);
        ck_assert_uint_eq(seen.SwitchId, 3);
        ck_assert_uint_eq(seen.VPortId, 9);
    }
    kit.binding[0].on_event = NULL;
    im_end();
}

TEST(NdisMNetPnPEvent_of_any_other_event_succeeds_whatever_the_overlying_driver_says_and_carries_all_of_it)
{
    kit_run(SIM_CALM, others);
}

static NET_PNP_EVENT_CODE not_to_be_passed;

static void
passes(void)
{
    one_up();
    (void)event(not_to_be_passed);
}

static void
run_passes(void)
{
    kit_run(SIM_CALM, passes);
}

TEST(NdisMNetPnPEvent_of_an_event_that_an_intermediate_driver_should_not_pass_on_is_reported)
{
    const NET_PNP_EVENT_CODE codes[] = {NetEventBindsComplete, NetEventPause, NetEventRestart};
    for (uint32_t i = 0; i < RTL_NUMBER_OF(codes); i++) {
        not_to_be_passed = codes[i];
        harness_reported("NBX-0120", run_passes);
    }
}

static void
at_dispatch(void)
{
    KIRQL old;
    one_up();
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    (void)event(NetEventQueryPower);
}

static void
run_at_dispatch(void)
{
    kit_verify = VERIFY_ON;
    kit_run(SIM_CALM, at_dispatch);
}

TEST(NdisMNetPnPEvent_above_PASSIVE_LEVEL_is_reported)
{
    harness_reported("NBX-0200", run_at_dispatch);
}
