// SPDX-License-Identifier: MIT
// NDIS ports: what NdisMAllocatePort, NdisMFreePort and the two port events of NdisMNetPnPEvent say to each thing that a miniport can get
// wrong, whom they tell, and the default port of a miniport that controls it. Notes are the kit's (event_test.c says how to read them).
#include "kit.h"

#include <string.h>

#include "harness/harness.h"
#include "nbx/fault.h"

static NDIS_PORT_CHARACTERISTICS
chars_of(NDIS_PORT_NUMBER number)
{
    return (NDIS_PORT_CHARACTERISTICS){.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_PORT_CHARACTERISTICS_REVISION_1,
                                                  NDIS_SIZEOF_PORT_CHARACTERISTICS_REVISION_1},
                                       .PortNumber = number,
                                       .Type = NdisPortTypeBridge};
}

static NDIS_STATUS
event(NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes)
{
    NET_PNP_EVENT_NOTIFICATION notification = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_PNP_EVENT_NOTIFICATION_REVISION_1, NDIS_SIZEOF_NET_PNP_EVENT_NOTIFICATION_REVISION_1},
        .NetPnPEvent = {.NetEvent = code, .Buffer = buffer, .BufferLength = bytes}};
    return NdisMNetPnPEvent(kit.mp.adapter, &notification);
}

static NDIS_STATUS
activate(NDIS_PORT_NUMBER number)
{
    NDIS_PORT port = {.PortCharacteristics = chars_of(number)};
    return event(NetEventPortActivation, &port, sizeof port);
}

static NDIS_STATUS
deactivate(NDIS_PORT_NUMBER number)
{
    return event(NetEventPortDeactivation, &number, sizeof number);
}

static NDIS_PORT_NUMBER
allocated(void)
{
    NDIS_PORT_CHARACTERISTICS chars = chars_of(0);
    ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &chars), NDIS_STATUS_SUCCESS);
    return chars.PortNumber;
}

static void
begin(uint32_t bindings)
{
    kit_start(true, bindings);
    kit.note_count = 0;
}

// ---- NdisMAllocatePort ------------------------------------------------------------------------------------------------------------

static void
is_refused(const NDIS_PORT_CHARACTERISTICS *wrong)
{
    NDIS_PORT_CHARACTERISTICS chars = *wrong;
    ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &chars), NDIS_STATUS_INVALID_DATA);
    ck_assert_mem_eq(&chars, wrong, sizeof chars);
}

static void
wrong_data(void)
{
    NDIS_PORT_CHARACTERISTICS good = chars_of(0), bad;
    begin(0);
#define WRONG(member, value) (bad = good, bad.member = (value), is_refused(&bad))
    WRONG(Header.Type, NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS);
    WRONG(Header.Revision, 0);
    WRONG(Header.Size, NDIS_SIZEOF_PORT_CHARACTERISTICS_REVISION_1 - 1);
    WRONG(Type, NdisPortTypeMax);
    WRONG(SendControlState, NdisPortControlStateUncontrolled + 1);
    WRONG(RcvControlState, NdisPortControlStateUncontrolled + 1);
    WRONG(SendAuthorizationState, NdisPortReauthorizing + 1);
    WRONG(RcvAuthorizationState, NdisPortReauthorizing + 1);
    ck_assert_uint_eq(allocated(), 1);            // none of these took a number
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_SUCCESS);
}

TEST(NdisMAllocatePort_refuses_characteristics_that_are_not_valid)
{
    kit_run(SIM_CALM, wrong_data);
}

static void
no_memory(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    struct nbx_fault_report report;
    NDIS_PORT_CHARACTERISTICS chars = chars_of(0);
    begin(0);
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &chars), NDIS_STATUS_RESOURCES);
    ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &chars), NDIS_STATUS_SUCCESS);
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
    ck_assert_uint_eq(chars.PortNumber, 1);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_SUCCESS);
}

TEST(NdisMAllocatePort_without_memory_says_NDIS_STATUS_RESOURCES)
{
    kit_run(SIM_CALM, no_memory);
}

static NDIS_STATUS halting_status;

static void
allocate_in_halt(void)
{
    NDIS_PORT_CHARACTERISTICS chars = chars_of(0);
    halting_status = NdisMAllocatePort(kit.mp.adapter, &chars);
}

static void
too_late(void)
{
    begin(1);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_int_eq(halting_status, NDIS_STATUS_CLOSING);
}

TEST(NdisMAllocatePort_of_an_adapter_that_is_being_removed_says_NDIS_STATUS_CLOSING)
{
    kit_mp_hooks.halt = allocate_in_halt;
    kit_run(SIM_CALM, too_late);
}

// What a bind is shown of the ports.
static NDIS_PORT_CHARACTERISTICS bound[4];
static uint32_t bound_count;

static void
look_at_ports(NDIS_BIND_PARAMETERS *parameters)
{
    bound_count = 0;
    for (NDIS_PORT *port = parameters->ActivePorts; port; port = port->Next)
        bound[bound_count++] = port->PortCharacteristics;
}

static void
defaults(void)
{
    NDIS_PORT_CHARACTERISTICS chars = chars_of(0);
    NDIS_PORT port = {.PortCharacteristics = chars_of(2)};
    KIRQL old;
    kit.on_bind = look_at_ports;
    begin(0);
    chars.SendControlState = NdisPortControlStateControlled;
    chars.RcvControlState = NdisPortControlStateControlled;
    chars.SendAuthorizationState = NdisPortUnauthorized;
    chars.RcvAuthorizationState = NdisPortReauthorizing;
    KeRaiseIrql(DISPATCH_LEVEL, &old);            // as high as the page allows
    ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &chars), NDIS_STATUS_SUCCESS);   // 1: as it says
    ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &chars), NDIS_STATUS_SUCCESS);   // 2: the activation says otherwise
    chars.Flags = NDIS_PORT_CHAR_USE_DEFAULT_AUTH_SETTINGS;
    ck_assert_int_eq(NdisMAllocatePort(kit.mp.adapter, &chars), NDIS_STATUS_SUCCESS);   // 3: the default
    KeLowerIrql(old);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(bound_count, 1);            // an allocated port is none for those above
    ck_assert_uint_eq(bound[0].PortNumber, 0);
    ck_assert_uint_eq(bound[0].SendAuthorizationState, NdisPortAuthorized);
    chars.Flags = 0;
    port.PortCharacteristics = chars, port.PortCharacteristics.PortNumber = 1;
    ck_assert_int_eq(event(NetEventPortActivation, &port, sizeof port), NDIS_STATUS_SUCCESS);
    port.PortCharacteristics.PortNumber = 2, port.PortCharacteristics.Flags = NDIS_PORT_CHAR_USE_DEFAULT_AUTH_SETTINGS;
    ck_assert_int_eq(event(NetEventPortActivation, &port, sizeof port), NDIS_STATUS_SUCCESS);
    port.PortCharacteristics.PortNumber = 3, port.PortCharacteristics.Header.Size = 0;   // no characteristics: those of before stay
    ck_assert_int_eq(event(NetEventPortActivation, &port, sizeof port), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto1"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(bound_count, 4);
    for (uint32_t i = 1; i < 4; i++) {
        ck_assert_uint_eq(bound[i].PortNumber, i);
        ck_assert_int_eq(bound[i].Type, NdisPortTypeBridge);
        ck_assert_int_eq(bound[i].SendControlState, i == 1 ? NdisPortControlStateControlled : NdisPortControlStateUncontrolled);
        ck_assert_int_eq(bound[i].RcvControlState, i == 1 ? NdisPortControlStateControlled : NdisPortControlStateUncontrolled);
        ck_assert_int_eq(bound[i].SendAuthorizationState, i == 1 ? NdisPortUnauthorized : NdisPortAuthorized);
        ck_assert_int_eq(bound[i].RcvAuthorizationState, i == 1 ? NdisPortReauthorizing : NdisPortAuthorized);
        ck_assert_int_eq(deactivate(i), NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, i), NDIS_STATUS_SUCCESS);
    }
}

TEST(NdisMAllocatePort_gives_the_default_authorization_if_the_flag_asks_for_it)
{
    kit_run(SIM_CALM, defaults);
}

static void
early_initialize(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_HARD_ERRORS);
}

static NDIS_STATUS
allocate_and_fail(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    ck_assert_uint_eq(allocated(), 1);            // from the registration attributes on
    ck_assert_int_eq(NdisMFreePort(adapter, 1), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_HARD_ERRORS;
}

static NDIS_STATUS
allocate_leave_and_fail(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    allocated();
    return NDIS_STATUS_HARD_ERRORS;
}

TEST(NdisMAllocatePort_works_inside_MiniportInitializeEx_which_frees_the_port_if_it_fails)
{
    kit_mp_hooks.initialize = allocate_and_fail;
    kit_run(SIM_CALM, early_initialize);
}

static void
run_early_initialize(void)
{
    kit_mp_hooks.initialize = allocate_leave_and_fail;
    kit_run(SIM_CALM, early_initialize);
}

TEST(NdisMAllocatePort_in_a_MiniportInitializeEx_that_fails_and_leaves_the_port_is_reported)
{
    harness_reported("MiniportInitializeEx: returned without NdisMFreePort", run_early_initialize);
}

// ---- NdisMFreePort ----------------------------------------------------------------------------------------------------------------

static void
frees(void)
{
    KIRQL old;
    begin(1);
    ck_assert_uint_eq(allocated(), 1);
    ck_assert_uint_eq(allocated(), 2);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 0), NDIS_STATUS_INVALID_PORT);             // the default port
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 3), NDIS_STATUS_INVALID_PORT);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 0xffffff), NDIS_STATUS_INVALID_PORT);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 0x1000000), NDIS_STATUS_INVALID_DATA);     // can be no port
    ck_assert_int_eq(activate(1), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_INVALID_PORT_STATE);
    ck_assert_int_eq(deactivate(1), NDIS_STATUS_SUCCESS);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_SUCCESS);
    KeLowerIrql(old);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_INVALID_PORT);             // it is gone
    ck_assert_int_eq(activate(1), NDIS_STATUS_INVALID_PORT);
    ck_assert_uint_eq(allocated(), 1);                                                        // and its number free
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 2), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_SUCCESS);
}

TEST(NdisMFreePort_frees_a_port_that_is_allocated_and_refuses_every_other)
{
    kit_run(SIM_CALM, frees);
}

// ---- NdisMNetPnPEvent: ports ------------------------------------------------------------------------------------------------------

static NDIS_STATUS
refuse(struct kit_binding *binding, NET_PNP_EVENT_NOTIFICATION *e)
{
    return NDIS_STATUS_RESOURCES;
}

static void
ports(void)
{
    NDIS_PORT_NUMBER numbers[3];
    begin(1);
    numbers[0] = allocated();
    numbers[1] = allocated();
    NDIS_PORT port[2] = {{.PortCharacteristics = chars_of(numbers[0])}, {.PortCharacteristics = chars_of(0)}};
    port[0].Next = &port[1];
    ck_assert_int_eq(event(NetEventPortActivation, NULL, 0), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(event(NetEventPortDeactivation, NULL, 4), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(event(NetEventPortDeactivation, numbers, 0), NDIS_STATUS_INVALID_PARAMETER);
    // The default port is alone in its event, and NDIS's here.
    ck_assert_int_eq(event(NetEventPortActivation, port, sizeof port), NDIS_STATUS_INVALID_PORT);
    ck_assert_int_eq(activate(0), NDIS_STATUS_INVALID_PORT_STATE);
    ck_assert_int_eq(deactivate(0), NDIS_STATUS_INVALID_PORT_STATE);
    port[1].PortCharacteristics.PortNumber = numbers[1];
    ck_assert_int_eq(activate(numbers[0]), NDIS_STATUS_SUCCESS);
    kit_notes_are("fa pa");
    // One of two is active already: the other does not become it.
    ck_assert_int_eq(event(NetEventPortActivation, port, sizeof port), NDIS_STATUS_INVALID_PORT_STATE);
    ck_assert_int_eq(event(NetEventPortDeactivation, numbers, 2 * sizeof *numbers), NDIS_STATUS_INVALID_PORT_STATE);
    numbers[2] = 0;
    ck_assert_int_eq(event(NetEventPortDeactivation, numbers + 1, 2 * sizeof *numbers), NDIS_STATUS_INVALID_PORT);
    numbers[1] = 99;
    ck_assert_int_eq(event(NetEventPortDeactivation, numbers, 2 * sizeof *numbers), NDIS_STATUS_INVALID_PORT);
    kit_notes_are("");
    // What the protocol says to an event that is no query does not count.
    kit.binding[0].on_event = refuse;
    ck_assert_int_eq(deactivate(numbers[0]), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(activate(numbers[0]), NDIS_STATUS_SUCCESS);
    kit_notes_are("fb pb fa pa");
    kit.binding[0].on_event = NULL;
    ck_assert_int_eq(deactivate(numbers[0]), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 1), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, 2), NDIS_STATUS_SUCCESS);
}

TEST(NdisMNetPnPEvent_changes_all_ports_that_it_names_or_none_and_tells_those_above)
{
    kit_filter_takes_events = true;
    kit_run(SIM_CALM, ports);
}

// ---- NdisMNetPnPEvent: a default port that the miniport controls -----------------------------------------------------------------------

static bool activates, stays_active;

static NDIS_STATUS
control(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    ck_assert_int_eq(deactivate(0), NDIS_STATUS_INVALID_PORT_STATE);   // NDIS has left it as it was
    return activates ? activate(0) : NDIS_STATUS_SUCCESS;
}

static void
let_go(void)
{
    if (!stays_active)
        (void)deactivate(0);
}

static void
controls(void (*fn)(void), bool from_the_start)
{
    activates = from_the_start;
    kit_filter_takes_events = true;
    kit_mp_hooks.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_CONTROLS_DEFAULT_PORT;
    kit_mp_hooks.initialize = control;
    kit_mp_hooks.halt = let_go;
    for (uint64_t seed = 0; seed < 3; seed++)
        kit_run(seed, fn);
}

static void
goes_and_comes(void)
{
    begin(2);
    ck_assert_int_eq(activate(0), NDIS_STATUS_INVALID_PORT_STATE);
    ck_assert_int_eq(deactivate(0), NDIS_STATUS_SUCCESS);
    kit_notes_are("p8 p204 p8 p204");             // pause, unbind: the last bound first; the filter stays
    ck_assert_uint_eq(kit.unbinds, 2);
    ck_assert_int_eq(deactivate(0), NDIS_STATUS_INVALID_PORT_STATE);
    // Nobody is told of a port before the default port is active.
    NDIS_PORT_NUMBER number = allocated();
    ck_assert_int_eq(activate(number), NDIS_STATUS_SUCCESS);
    kit_notes_are("");
    kit.on_bind = look_at_ports;
    ck_assert_int_eq(activate(0), NDIS_STATUS_SUCCESS);
    kit_notes_are("p9 p9");                       // bound again, and restarted
    ck_assert_uint_eq(kit.binds, 4);
    ck_assert_uint_eq(bound_count, 2);
    ck_assert_uint_eq(bound[1].PortNumber, number);
    NET_BUFFER_LIST *nbl = kit_nbl(&kit.binding[0], 7, 64);
    kit_send(&kit.binding[0], nbl);
    kit_complete_held();
    ck_assert_uint_eq(kit.mp.sent, 1);
    ck_assert_int_eq(deactivate(number), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMFreePort(kit.mp.adapter, number), NDIS_STATUS_SUCCESS);
    // Gone again, and the first protocol with it: it does not come back.
    ck_assert_int_eq(deactivate(0), NDIS_STATUS_SUCCESS);
    kit_notes_are("fb pb pb p8 p204 p8 p204");
    ck_assert_int_eq(ndis_protocol_uninstall(kit.box, "proto0"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(activate(0), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.binds, 5);
}

TEST(NdisMNetPnPEvent_that_deactivates_the_default_port_takes_the_bindings_and_brings_them_back_with_it)
{
    controls(goes_and_comes, true);
}

static struct ke_thread *activator;

static void
activate_later(void *arg)
{
    LARGE_INTEGER wait = {.QuadPart = -100 * 10000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
    ck_assert_uint_eq(kit.binds, 0);
    ck_assert_int_eq(activate(0), NDIS_STATUS_SUCCESS);
}

static void
comes_late(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ke_thread_start(kit.box, "activator", activate_later, NULL, &activator), 0);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.binds, 1);
    ke_thread_join(activator);
}

TEST(NdisMNetPnPEvent_that_activates_the_default_port_is_what_a_bind_waits_for)
{
    controls(comes_late, false);
}

static void
never_comes(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_INVALID_PORT_STATE);
    ck_assert_uint_eq(kit.binds, 0);
}

TEST(NdisMNetPnPEvent_that_never_activates_the_default_port_lets_nobody_bind)
{
    controls(never_comes, false);
}

static void
sleeps(void)
{
    begin(1);
    ck_assert_int_eq(ndis_adapter_power(kit.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.mp.halts, 1);
    ck_assert_int_eq(ndis_adapter_power(kit.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.unbinds, 0);
    ck_assert_int_eq(activate(0), NDIS_STATUS_INVALID_PORT_STATE);
}

TEST(NdisMNetPnPEvent_that_deactivates_the_default_port_while_the_adapter_halts_to_sleep_leaves_the_bindings)
{
    controls(sleeps, true);
}

static void
just_begin(void)
{
    begin(1);
}

static void
run_stays_active(void)
{
    stays_active = true;
    controls(just_begin, true);
}

TEST(NdisMNetPnPEvent_that_a_halting_miniport_leaves_out_for_its_default_port_is_reported)
{
    harness_reported("MiniportHaltEx: returned without deactivation of the default port", run_stays_active);
}

static NDIS_STATUS
deactivate_in_pause(void)
{
    (void)deactivate(0);
    return NDIS_STATUS_SUCCESS;
}

static void
pauses(void)
{
    begin(1);
    kit.mp.on_pause = deactivate_in_pause;
    ndis_adapter_pause(kit.adapter);
}

static void
run_pauses(void)
{
    controls(pauses, true);
}

TEST(NdisMNetPnPEvent_that_deactivates_the_default_port_inside_a_lifecycle_call_is_refused_by_name)
{
    harness_reported("deactivation of the default port of an adapter that is bound, inside a lifecycle call", run_pauses);
}

// ---- NdisMNetPnPEvent: what no miniport may originate ---------------------------------------------------------------------------------

static NET_PNP_EVENT_CODE strange;

static void
originates(void)
{
    begin(1);
    (void)event(strange, NULL, 0);
}

static void
run_originates(void)
{
    kit_run(SIM_CALM, originates);
}

TEST(NdisMNetPnPEvent_refuses_by_name_what_is_not_built)
{
    const NET_PNP_EVENT_CODE codes[] = {NetEventInhibitBindsAbove, NetEventAllowBindsAbove, NetEventRequirePause, NetEventAllowStart};
    for (uint32_t i = 0; i < RTL_NUMBER_OF(codes); i++) {
        strange = codes[i];
        harness_reported("NdisMNetPnPEvent (NetEventInhibitBindsAbove and its kin)", run_originates);
    }
}

TEST(NdisMNetPnPEvent_of_each_event_that_is_an_intermediate_drivers_or_nobodys_is_reported)
{
    const NET_PNP_EVENT_CODE codes[] = {NetEventQueryPower, NetEventQueryRemoveDevice, NetEventCancelRemoveDevice, NetEventReconfigure,
                                        NetEventBindList, NetEventBindsComplete, NetEventPnPCapabilities, NetEventPause,
                                        NetEventRestart};
    for (uint32_t i = 0; i < RTL_NUMBER_OF(codes); i++) {
        strange = codes[i];
        harness_reported("NBX-0120", run_originates);
    }
}
