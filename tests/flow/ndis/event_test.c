// SPDX-License-Identifier: MIT
// Plug and play events up and down a stack, what may be refused, and removal with and without warning. What came by is written by the
// kit as notes: 'm', 'f' or 'p' and what, in hex: a NET_PNP_EVENT_CODE, 100 + a device event, 200 pause, 201 restart, 202 halt (and its
// action << 16), 203 initialise, 204 unbind, 205 detach.
#include "kit.h"

#include <string.h>

#include "harness/harness.h"
#include "nt/ke/ke.h"

static void
begin(uint32_t bindings)
{
    kit_start(true, bindings);
    kit.note_count = 0;
}

static void
pass_ms(uint64_t ms)
{
    LARGE_INTEGER wait = {.QuadPart = -(int64_t)ms * 10000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
}

// ---- removal ----------------------------------------------------------------------------------------------------------------------

static void
is_removed_politely(void)
{
    begin(2);
    ck_assert_int_eq(ndis_adapter_query_remove(kit.adapter), NDIS_STATUS_SUCCESS);
    kit.adapter = NULL;
    // Query up through the filter, then pre-detach, pause from the top, unbind, detach, halt.
    kit_notes_are("f2 p2 p2 ff p8 p8 f200 m200 p204 p204 f205 m202");
}

TEST(NetEventQueryRemoveDevice_goes_up_before_anything_is_paused)
{
    kit_filter_takes_events = true;
    for (uint64_t seed = 1; seed < 10; seed++)
        kit_run(seed, is_removed_politely);
}

static NDIS_STATUS
refuse_removal(struct kit_binding *binding, NET_PNP_EVENT_NOTIFICATION *event)
{
    return event->NetPnPEvent.NetEvent == NetEventQueryRemoveDevice ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS;
}

static void
is_refused(void)
{
    begin(2);
    kit.binding[1].on_event = refuse_removal;
    ck_assert_int_eq(ndis_adapter_query_remove(kit.adapter), NDIS_STATUS_FAILURE);
    kit_notes_are("f2 p2 p2 f3 p3 p3");
    ck_assert(ndis_adapter_is_running(kit.adapter));
    // A filter may refuse as well; then nobody above is asked, and nobody told who has not been.
    kit.filter_swallows = true;
    kit.filter_event_status = NDIS_STATUS_FAILURE;
    ck_assert_int_eq(ndis_adapter_query_remove(kit.adapter), NDIS_STATUS_FAILURE);
    kit_notes_are("f2 f3");
    kit.filter_swallows = false;
}

TEST(NdisFNetPnPEvent_brings_back_the_refusal_of_NetEventQueryRemoveDevice_and_CancelRemoveDevice_follows)
{
    kit_filter_takes_events = true;
    kit_run(1, is_refused);
}

static void
is_pulled_out(void)
{
    begin(1);
    kit.binding[0].on_event = refuse_removal;     // nobody listens
    ndis_adapter_surprise_remove(kit.adapter);
    kit.adapter = NULL;
    kit_notes_are("f2 p2 f102 m102 ff p8 f200 m200 p204 f205 m30202");
}

TEST(NdisFDevicePnPEventNotify_passes_a_surprise_removal_down_and_the_halt_says_why)
{
    kit_filter_takes_events = true;
    for (uint64_t seed = 1; seed < 10; seed++)
        kit_run(seed, is_pulled_out);
}

static struct ke_thread *sender;

static void
send_until_refused(void *arg)
{
    struct kit_binding *binding = &kit.binding[0];
    for (uint32_t i = 0; binding->last_status != NDIS_STATUS_PAUSED; i++) {
        NET_BUFFER_LIST *nbl = kit_nbl(binding, i, 64);
        kit_send(binding, nbl);
        pass_ms(1);
    }
}

static void
is_pulled_out_under_traffic(void)
{
    begin(1);
    kit.mp.completion = KIT_INLINE;
    ck_assert_int_eq(ke_thread_start(kit.box, "sender", send_until_refused, NULL, &sender), 0);
    pass_ms(5);
    // The handle is good until it is closed: sends after the pause come back with NDIS_STATUS_PAUSED.
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ke_thread_join(sender);
    ndis_adapter_surprise_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(kit.binding[0].in_flight, 0);
}

TEST(a_surprise_removal_under_traffic_brings_every_send_back)
{
    for (uint64_t seed = 1; seed < 20; seed++)
        kit_run(seed, is_pulled_out_under_traffic);
}

// ---- what is told, and to whom -----------------------------------------------------------------------------------------------------

static void
is_initialized(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_SUCCESS);
    kit_notes_are("m203 m105");
}

TEST(MiniportDevicePnPEventNotify_hears_of_the_power_source_after_initialization)
{
    kit_run(1, is_initialized);
}

static struct ke_thread *completer;
static NET_PNP_EVENT_NOTIFICATION *pended_event;

static void
complete_event(void *arg)
{
    pass_ms(3);
    NdisCompleteNetPnPEvent(arg ? ((struct kit_binding *)arg)->handle : NULL, pended_event, NDIS_STATUS_FAILURE);
}

static NDIS_STATUS
pend_removal(struct kit_binding *binding, NET_PNP_EVENT_NOTIFICATION *event)
{
    if (event->NetPnPEvent.NetEvent != NetEventQueryRemoveDevice)
        return NDIS_STATUS_SUCCESS;
    pended_event = event;
    ck_assert_int_eq(ke_thread_start(kit.box, "completer", complete_event, binding, &completer), 0);
    return NDIS_STATUS_PENDING;
}

static void
is_pended(void)
{
    begin(1);
    kit.binding[0].on_event = pend_removal;
    ck_assert_int_eq(ndis_adapter_query_remove(kit.adapter), NDIS_STATUS_FAILURE);
    ke_thread_join(completer);
    kit_notes_are("p2 p3");
}

TEST(NdisCompleteNetPnPEvent_answers_later_from_another_thread)
{
    for (uint64_t seed = 1; seed < 20; seed++)
        kit_run(seed, is_pended);
}

static void
completes_another(void)
{
    NET_PNP_EVENT_NOTIFICATION other = {.PortNumber = 0};
    begin(1);
    NdisCompleteNetPnPEvent(kit.binding[0].handle, &other, NDIS_STATUS_SUCCESS);
}

static void
run_completes_another(void)
{
    kit_run(1, completes_another);
}

TEST(NdisCompleteNetPnPEvent_of_an_event_that_is_not_pending_is_reported)
{
    harness_reported("NdisCompleteNetPnPEvent: this event is not pending", run_completes_another);
}

static NDIS_STATUS
pend_protocol_event(NET_PNP_EVENT_NOTIFICATION *event)
{
    ck_assert_int_eq(event->NetPnPEvent.NetEvent, NetEventReconfigure);
    ck_assert_uint_eq(event->NetPnPEvent.BufferLength, 4);
    ck_assert_mem_eq(event->NetPnPEvent.Buffer, "conf", 4);
    pended_event = event;
    ck_assert_int_eq(ke_thread_start(kit.box, "completer", complete_event, NULL, &completer), 0);
    return NDIS_STATUS_PENDING;
}

static void
protocols_are_told(void)
{
    static WCHAR list[] = L"\\Device\\{A}\0\\Device\\{B}\0";
    char conf[] = "conf";
    begin(1);
    ndis_binds_complete(kit.box);
    kit_notes_are("p6 p6");                       // proto0 and proto1, whether bound or not
    ck_assert_int_eq(ndis_protocol_tell(kit.box, "proto0", NetEventBindList, list, sizeof list), NDIS_STATUS_SUCCESS);
    kit_notes_are("p5");
    kit.protocol_event = pend_protocol_event;
    ck_assert_int_eq(ndis_protocol_tell(kit.box, "proto1", NetEventReconfigure, conf, 4), NDIS_STATUS_FAILURE);
    ke_thread_join(completer);
    ck_assert_int_eq(ndis_protocol_tell(kit.box, "nobody", NetEventReconfigure, NULL, 0), NDIS_STATUS_ADAPTER_NOT_FOUND);
}

TEST(ProtocolNetPnPEvent_is_told_of_the_protocol_as_a_whole_with_no_binding)
{
    for (uint64_t seed = 1; seed < 10; seed++)
        kit_run(seed, protocols_are_told);
}

static void
filter_leaves(void)
{
    begin(1);
    ck_assert_int_eq(ndis_adapter_detach_filter(kit.adapter, "lwf"), NDIS_STATUS_SUCCESS);
    kit_notes_are("ff p8 f200 m200 f205 m201 p9");
}

TEST(NetEventFilterPreDetach_reaches_the_filter_alone_before_the_pause)
{
    kit_filter_takes_events = true;
    kit_run(1, filter_leaves);
}

// ---- ports ------------------------------------------------------------------------------------------------------------------------

static NDIS_PORT_CHARACTERISTICS
port_chars(void)
{
    return (NDIS_PORT_CHARACTERISTICS){.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_PORT_CHARACTERISTICS_REVISION_1,
                                                  NDIS_SIZEOF_PORT_CHARACTERISTICS_REVISION_1},
                                       .Type = NdisPortTypeBridge};
}

static NDIS_STATUS
port_event(NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes)
{
    NET_PNP_EVENT_NOTIFICATION event = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_PNP_EVENT_NOTIFICATION_REVISION_1, NDIS_SIZEOF_NET_PNP_EVENT_NOTIFICATION_REVISION_1},
        .NetPnPEvent = {.NetEvent = code, .Buffer = buffer, .BufferLength = bytes}};
    return NdisMNetPnPEvent(kit.mp.adapter, &event);
}

static void
ports_live(void)
{
    NDIS_PORT_CHARACTERISTICS chars = port_chars(), bad = {.Type = NdisPortTypeBridge};
    NDIS_PORT port[2] = {{.PortCharacteristics = chars}, {.PortCharacteristics = chars}};
    NDIS_PORT_NUMBER numbers[2];
    begin(1);
    ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &bad), NDIS_STATUS_INVALID_DATA);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &chars), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(chars.PortNumber, i + 1);
        numbers[i] = port[i].PortCharacteristics.PortNumber = chars.PortNumber;
    }
    port[0].Next = &port[1];
    port[1].PortCharacteristics.PortNumber = 77;
    ck_assert_int_eq(port_event(NetEventPortActivation, port, sizeof port), NDIS_STATUS_INVALID_PORT);
    ck_assert_int_eq(port_event(NetEventPortDeactivation, numbers, sizeof numbers), NDIS_STATUS_INVALID_PORT_STATE);
    kit_notes_are("");
    port[1].PortCharacteristics.PortNumber = numbers[1];
    ck_assert_int_eq(port_event(NetEventPortActivation, port, sizeof port), NDIS_STATUS_SUCCESS);
    kit_notes_are("fa pa");
    ck_assert_int_eq(port_event(NetEventPortActivation, port, sizeof port), NDIS_STATUS_INVALID_PORT_STATE);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_INVALID_PORT_STATE);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 0), NDIS_STATUS_INVALID_PORT);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 9), NDIS_STATUS_INVALID_PORT);
    ck_assert_int_eq(port_event(NetEventPortDeactivation, NULL, 0), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(port_event(NetEventPortDeactivation, numbers, sizeof numbers), NDIS_STATUS_SUCCESS);
    kit_notes_are("fb pb");
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &chars), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(chars.PortNumber, 1);       // the freed number again
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 2), NDIS_STATUS_SUCCESS);
    // The default port is NDIS's here.
    numbers[0] = 0;
    ck_assert_int_eq(port_event(NetEventPortDeactivation, numbers, sizeof numbers[0]), NDIS_STATUS_INVALID_PORT_STATE);
}

TEST(NdisMAllocatePort_and_NdisMNetPnPEvent_take_a_port_through_its_states)
{
    kit_filter_takes_events = true;
    kit_run(1, ports_live);
}

static void
port_is_left(void)
{
    NDIS_PORT_CHARACTERISTICS chars = port_chars();
    begin(1);
    NdisMAllocatePort(kit.mp.adapter, &chars);
}

static void
run_port_is_left(void)
{
    kit_run(1, port_is_left);
}

TEST(MiniportHaltEx_that_leaves_a_port_is_reported)
{
    harness_reported("MiniportHaltEx: returned without NdisMFreePort", run_port_is_left);
}

static void
originates_power(void)
{
    begin(1);
    port_event(NetEventSetPower, NULL, 0);
}

static void
run_originates_power(void)
{
    kit_run(1, originates_power);
}

TEST(NdisMNetPnPEvent_of_an_event_that_is_not_a_miniports_is_reported)
{
    harness_reported("NDIS_BUGCHECK_ILLEGAL_NET_PNP_EVENT", run_originates_power);
}

static void
header_is_wrong(void)
{
    NET_PNP_EVENT_NOTIFICATION event = {.NetPnPEvent = {.NetEvent = NetEventPortActivation}};
    begin(0);
    ck_assert_int_eq(NdisMNetPnPEvent(kit.mp.adapter, &event), NDIS_STATUS_INVALID_PARAMETER);
}

TEST(NdisMNetPnPEvent_refuses_a_header_that_is_not_right)
{
    kit_run(1, header_is_wrong);
}
