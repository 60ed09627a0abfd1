// SPDX-License-Identifier: MIT
// Sleep and wake: the order of events, pauses and requests, what may wake the computer, miniports that know nothing of power, and what
// may say no. Notes as in event_test.c, and 206 OID_PNP_SET_POWER (its state << 16), 207 OID_PNP_QUERY_POWER, 208 OID_PM_PARAMETERS (the
// patterns << 16), 209 OID_PNP_ENABLE_WAKE_UP (the flags << 16).
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

static NDIS_STATUS
power(NDIS_DEVICE_POWER_STATE state)
{
    return ndis_adapter_power(kit.adapter, state);
}

static void
sleeps_and_wakes(void)
{
    ULONG value, filter = NDIS_PACKET_TYPE_DIRECTED;
    kit.mp.knows_power = true;
    begin(2);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    kit_notes_are("f1 p1 p1 m40207 f0 p0 p0 p8 p8 f200 m200 m208 m40206");
    ck_assert(!ndis_adapter_is_running(kit.adapter));
    // Asleep: no request reaches it (the kit checks), sends come back, a second sleep is none.
    uint32_t before = kit.mp.oids;
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_GEN_XMIT_ERROR, &value, sizeof value), NDIS_STATUS_LOW_POWER_STATE);
    ck_assert_int_eq(ndis_adapter_reset(kit.adapter), NDIS_STATUS_LOW_POWER_STATE);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_LOW_POWER_STATE);
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 1, 64));
    ck_assert_int_eq(kit.binding[0].last_status, NDIS_STATUS_PAUSED);
    ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.mp.oids, before);
    kit_notes_are("");
    ck_assert_int_eq(power(NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    kit_notes_are("m10206 f105 m105 m201 f201 p9 p9 f0 p0 p0");
    ck_assert(ndis_adapter_is_running(kit.adapter));
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 2, 64));
    ck_assert_uint_eq(kit.mp.sent, 1);
    ck_assert_uint_eq(kit.mp.halts, 0);
}

TEST(OID_PNP_SET_POWER_comes_between_the_pause_and_the_restart_with_the_events_around)
{
    kit_filter_takes_events = true;
    for (uint64_t seed = 1; seed < 10; seed++)
        kit_run(seed, sleeps_and_wakes);
}

static void
is_halted(void)
{
    static uint8_t list[2][6] = {{1, 0, 94, 0, 0, 1}, {1, 0, 94, 0, 0, 2}};
    ULONG filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST;
    begin(1);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_802_3_MULTICAST_LIST, list, sizeof list), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    kit_notes_are("p1 p0 p8 f200 m200 m20202");
    kit.mp.packet_filter = kit.mp.multicast_count = 0;
    ck_assert_int_eq(power(NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    kit_notes_are("m203 m105 m201 f201 p9 p0");
    ck_assert_uint_eq(kit.mp.packet_filter, filter);
    ck_assert_uint_eq(kit.mp.multicast_count, 2);
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 2, 64));
    ck_assert_uint_eq(kit.mp.sent, 1);
    // Once more, and away while it sleeps: it is halted only once.
    ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(kit.mp.halts, 2);
}

TEST(MiniportHaltEx_is_the_sleep_of_a_miniport_without_power_management_and_NDIS_sets_it_up_again)
{
    for (uint64_t seed = 1; seed < 10; seed++)
        kit_run(seed, is_halted);
}

static void
is_not_halted(void)
{
    kit.mp.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND;
    begin(1);
    ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(power(NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    kit_notes_are("p1 m40207 p0 p8 f200 m200 m40206 m10206 m105 m201 f201 p9 p0");
}

TEST(NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND_makes_it_a_request)
{
    kit_run(1, is_not_halted);
}

static void
is_not_paused(void)
{
    kit.mp.knows_power = true;
    kit.mp.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_NO_PAUSE_ON_SUSPEND;
    begin(1);
    ck_assert_int_eq(power(NdisDeviceStateD2), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(power(NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    kit_notes_are("p1 m30207 p0 m208 m30206 m10206 m105 p0");
    ck_assert(ndis_adapter_is_running(kit.adapter));
}

TEST(NDIS_MINIPORT_ATTRIBUTES_NO_PAUSE_ON_SUSPEND_leaves_the_stack_running)
{
    kit_run(1, is_not_paused);
}

// ---- vetoes -----------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
refuse_sleep(struct kit_binding *binding, NET_PNP_EVENT_NOTIFICATION *event)
{
    return event->NetPnPEvent.NetEvent == NetEventQueryPower ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS;
}

static void
is_refused(void)
{
    kit.mp.knows_power = true;
    begin(1);
    kit.binding[0].on_event = refuse_sleep;
    ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_FAILURE);
    kit_notes_are("p1 p0");
    kit.binding[0].on_event = NULL;
    kit.mp.power_status = NDIS_STATUS_HARD_ERRORS;
    ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_HARD_ERRORS);
    kit_notes_are("p1 m40207 m10206 p0");
    ck_assert(ndis_adapter_is_running(kit.adapter));
    ck_assert_int_eq(power(NdisDeviceStateUnspecified), NDIS_STATUS_INVALID_PARAMETER);
}

TEST(NetEventQueryPower_that_is_refused_is_taken_back_and_the_stack_runs_on)
{
    kit_run(1, is_refused);
}

// ---- what may wake it ---------------------------------------------------------------------------------------------------------------

static NDIS_PM_PARAMETERS
parameters(ULONG patterns)
{
    return (NDIS_PM_PARAMETERS){
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_PM_PARAMETERS_REVISION_2, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_2},
        .EnabledWoLPacketPatterns = patterns};
}

static NDIS_STATUS
set_parameters(uint32_t binding, NDIS_PM_PARAMETERS p, uint32_t bytes)
{
    return kit_set(&kit.binding[binding], OID_PM_PARAMETERS, &p, bytes);
}

static void
wakes_by_the_sum(void)
{
    NDIS_PM_PARAMETERS p, magic = parameters(NDIS_PM_WOL_MAGIC_PACKET_ENABLED), bitmap = parameters(NDIS_PM_WOL_BITMAP_PATTERN_ENABLED),
                          too_much = parameters(NDIS_PM_WOL_IPV4_TCP_SYN_SUPPORTED), link = parameters(0);
    NDIS_PM_CAPABILITIES caps;
    link.WakeUpFlags = NDIS_PM_WAKE_ON_LINK_CHANGE_ENABLED;
    kit.mp.knows_power = true;
    begin(2);
    uint32_t before = kit.mp.oids;
    ck_assert_int_eq(set_parameters(0, magic, sizeof magic), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(set_parameters(1, bitmap, sizeof bitmap), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(set_parameters(1, too_much, sizeof too_much), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(set_parameters(1, link, sizeof link), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(set_parameters(1, bitmap, 8), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_PM_PARAMETERS, &p, sizeof p), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(p.EnabledWoLPacketPatterns, NDIS_PM_WOL_MAGIC_PACKET_ENABLED | NDIS_PM_WOL_BITMAP_PATTERN_ENABLED);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_PM_HARDWARE_CAPABILITIES, &caps, sizeof caps), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(caps.MinMagicPacketWakeUp, NdisDeviceStateD3);
    ck_assert_uint_eq(kit.mp.oids, before);
    ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    kit_notes_are("p1 p1 m40207 p0 p0 p8 p8 f200 m200 m30208 m40206");
}

TEST(OID_PM_PARAMETERS_are_summed_and_told_to_the_miniport_before_it_sleeps)
{
    kit_run(1, wakes_by_the_sum);
}

static void
wakes_the_old_way(void)
{
    ULONG magic = NDIS_PNP_WAKE_UP_MAGIC_PACKET, have = 0;
    NDIS_PM_CAPABILITIES caps;
    NDIS_PNP_CAPABILITIES old;
    kit.mp.knew_power = true;
    begin(1);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_PNP_CAPABILITIES, &old, sizeof old), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(old.WakeUpCapabilities.MinMagicPacketWakeUp, NdisDeviceStateD3);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_PM_CURRENT_CAPABILITIES, &caps, sizeof caps), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(caps.SupportedWoLPacketPatterns, NDIS_PM_WOL_MAGIC_PACKET_SUPPORTED);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_PNP_ENABLE_WAKE_UP, &magic, sizeof magic), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_PNP_ENABLE_WAKE_UP, &magic, 2), NDIS_STATUS_INVALID_LENGTH);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_PNP_ENABLE_WAKE_UP, &have, sizeof have), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(have, magic);
    ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    kit_notes_are("p1 m40207 p0 p8 f200 m200 m10209 m40206");
}

TEST(OID_PNP_ENABLE_WAKE_UP_reaches_a_miniport_of_before_6_20_just_before_it_sleeps)
{
    kit_run(1, wakes_the_old_way);
}

static void
has_no_power(void)
{
    NDIS_PM_CAPABILITIES caps;
    NDIS_PNP_CAPABILITIES old;
    NDIS_DEVICE_POWER_STATE d3 = NdisDeviceStateD3;
    begin(1);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_PM_CURRENT_CAPABILITIES, &caps, sizeof caps), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_PNP_CAPABILITIES, &old, sizeof old), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(set_parameters(0, parameters(0), sizeof(NDIS_PM_PARAMETERS)), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_PNP_SET_POWER, &d3, sizeof d3), NDIS_STATUS_NOT_SUPPORTED);
    kit_notes_are("");
}

TEST(OID_PNP_SET_POWER_is_no_request_of_protocols)
{
    kit_run(1, has_no_power);
}

// ---- under traffic, with a check for hang -------------------------------------------------------------------------------------------

static void
send_thread(void *arg)
{
    _Atomic bool *stop = arg;
    LARGE_INTEGER wait = {.QuadPart = -1000};
    for (uint32_t i = 0; !*stop; i++) {
        kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], i, 64));
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    }
}

static void
sleeps_under_traffic(void)
{
    _Atomic bool stop = false;
    struct ke_thread *thread;
    LARGE_INTEGER wait = {.QuadPart = -50000};
    kit.mp.knows_power = true;
    begin(1);
    ck_assert_int_eq(ke_thread_start(kit.box, "send", send_thread, (void *)&stop, &thread), 0);
    for (uint32_t round = 0; round < 3; round++) {
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
        ck_assert_int_eq(power(NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
        uint32_t sent = kit.mp.sent, checks = kit.mp.hang_checks;
        wait.QuadPart = -50000000;
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
        ck_assert_uint_eq(kit.mp.sent, sent);
        ck_assert_uint_eq(kit.mp.hang_checks, checks);   // a sleeping adapter is not asked
        wait.QuadPart = -50000;
        ck_assert_int_eq(power(NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    }
    stop = true;
    ke_thread_join(thread);
    ck_assert_uint_eq(kit.binding[0].in_flight, 0);
    ck_assert_uint_gt(kit.mp.sent, 0);
}

TEST_TIMEOUT(60, an_adapter_may_sleep_and_wake_while_frames_are_sent)
{
    kit_mp_checks_for_hang = true;
    for (uint64_t seed = 1; seed < 8; seed++)
        kit_run(seed, sleeps_under_traffic);
}
