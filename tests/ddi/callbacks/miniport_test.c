// SPDX-License-Identifier: MIT
// The life of a miniport as its callbacks' pages tell it: options, initialise, restart, pause, halt, reset, check for hang, device events,
// shutdown, unload. When each is called, at which IRQL, with what, and what each return value does.
#include <string.h>

#include "nt/io/io.h"
#include "witness.h"

static struct w_protocol *const pa = &w.protocol[0];

// ---- MiniportSetOptions and its kin -------------------------------------------------------------------------------------------

static NDIS_STATUS options_say;
static const void *options_handle[3];

static NTAPI NDIS_STATUS
mp_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    ck_assert_ptr_eq(context, &w.mp_driver_context);
    ck_assert_ptr_eq(handle, w.mp_driver);        // filled in already
    options_handle[0] = handle;
    return options_say;
}

static NTAPI NDIS_STATUS
filter_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    struct w_filter *filter = context == &w.filter[0].driver_context ? &w.filter[0] : &w.filter[1];
    ck_assert_ptr_eq(handle, filter->driver);
    options_handle[1] = handle;
    return options_say;
}

static NTAPI NDIS_STATUS
protocol_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    struct w_protocol *protocol = context == &w.protocol[0].driver_context ? &w.protocol[0] : &w.protocol[1];
    ck_assert_ptr_eq(handle, protocol->driver);
    options_handle[2] = handle;
    return options_say;
}

static void
options_were_set(void)
{
    ck_assert(options_handle[0] && options_handle[1] && options_handle[2]);
    w_irql_was("MiniportSetOptions", PASSIVE_LEVEL);
    w_irql_was("FilterSetOptions", PASSIVE_LEVEL);
    w_irql_was("ProtocolSetOptions", PASSIVE_LEVEL);
    ck_assert_uint_eq(w_count("MiniportSetOptions"), 1);
    ck_assert_uint_eq(w_count("FilterSetOptions"), 2);   // within each registration
    ck_assert_uint_eq(w_count("ProtocolSetOptions"), 2);
    ck_assert_uint_eq(w.loaded, options_say == NDIS_STATUS_SUCCESS ? 31 : 0);
    ck_assert_uint_eq(w_count("MiniportDriverUnload"), 0);
    if (options_say != NDIS_STATUS_SUCCESS)
        return;
    w_start(1, 1);
    w_order_is("MiniportSetOptions MiniportInitializeEx");
    w_order_is("ProtocolSetOptions ProtocolSetOptions ProtocolBindAdapterEx");
}

TEST(SET_OPTIONS_is_called_within_each_registration_with_handle_and_context_and_may_fail_it)
{
    static const NDIS_STATUS says[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_RESOURCES, NDIS_STATUS_FAILURE, STATUS_ACCESS_DENIED};
    w_own.mp_options = mp_options;
    w_own.filter_options = filter_options;
    w_own.protocol_options = protocol_options;
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++) {
        options_say = says[i];
        w_run(1, options_were_set);
    }
}

static void
miniport_without_options(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars)
{
    chars->SetOptionsHandler = NULL;
}

static void
filter_without_options(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *chars)
{
    chars->SetOptionsHandler = NULL;
}

static void
protocol_without_options(uint32_t which, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars)
{
    chars->SetOptionsHandler = NULL;
}

static void
all_start(void)
{
    ck_assert_uint_eq(w.loaded, 31);
    w_start(2, 2);
    ck_assert_uint_eq(w_count("MiniportSetOptions") + w_count("FilterSetOptions") + w_count("ProtocolSetOptions"), 0);
}

TEST(SET_OPTIONS_may_be_left_NULL)
{
    w_own.edit_miniport = miniport_without_options;
    w_own.edit_filter = filter_without_options;
    w_own.edit_protocol = protocol_without_options;
    w_run(1, all_start);
}

// ---- MiniportInitializeEx -----------------------------------------------------------------------------------------------------

static NDIS_MINIPORT_INIT_PARAMETERS initialized_with;
static NDIS_PORT_AUTHENTICATION_PARAMETERS default_states;
static NDIS_STATUS initialize_says;
static bool says_nothing;
static uint32_t requests_before_the_end;

static NTAPI NDIS_STATUS
initialize(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS p)
{
    ck_assert_ptr_eq(context, &w.mp_driver_context);
    ck_assert_uint_eq(p->Header.Type, NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS);
    initialized_with = *p;
    default_states = *p->DefaultPortAuthStates;
    if (says_nothing)
        return NDIS_STATUS_SUCCESS;
    NDIS_STATUS status = w_initialize(handle);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    uint32_t before = w.count;
    w_sleep(100);
    requests_before_the_end = w.count - before;
    return initialize_says;
}

static void
initializes(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    ck_assert_int_eq(ndis_adapter_add(w.box, &config, &w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("MiniportInitializeEx"), 1);
    w_irql_was("MiniportInitializeEx", PASSIVE_LEVEL);
    ck_assert_uint_ne(initialized_with.IfIndex, 0);
    ck_assert_uint_ne(initialized_with.NetLuid.Value, 0);
    ck_assert_ptr_null(initialized_with.IMDeviceInstanceContext);
    ck_assert_ptr_null(initialized_with.MiniportAddDeviceContext);
    ck_assert_uint_eq(default_states.Header.Size, NDIS_SIZEOF_PORT_AUTHENTICATION_PARAMETERS_REVISION_1);
    ck_assert_int_eq(default_states.SendControlState, NdisPortControlStateUncontrolled);
    ck_assert_int_eq(default_states.RcvControlState, NdisPortControlStateUncontrolled);
    ck_assert_int_eq(default_states.SendAuthorizationState, NdisPortAuthorized);
    ck_assert_int_eq(default_states.RcvAuthorizationState, NdisPortAuthorized);
    ck_assert_uint_eq(requests_before_the_end, 0);
    // Paused: it runs when NDIS restarts it. Nothing was asked of it while it initialised.
    ck_assert(!ndis_adapter_is_running(w.adapter));
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert(ndis_adapter_is_running(w.adapter));
}

TEST(MiniportInitializeEx_comes_at_PASSIVE_LEVEL_with_the_adapters_numbers_and_leaves_it_paused)
{
    w_own.initialize = initialize;
    w_run(1, initializes);
}

static void
initialize_fails(void)
{
    static const NDIS_STATUS says[] = {NDIS_STATUS_NOT_ACCEPTED, NDIS_STATUS_RESOURCES, NDIS_STATUS_FAILURE};
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    for (size_t i = 0; i < 3; i++) {
        initialize_says = says[i];
        w_forget();
        ck_assert_int_eq(ndis_adapter_add(w.box, &config, &w.adapter), says[i]);
        ck_assert_ptr_null(w.adapter);
        ck_assert_uint_eq(w.count, 1);            // back in the Halted state, and not a call more
    }
    initialize_says = NDIS_STATUS_SUCCESS;
    w_start(0, 1);
}

TEST(MiniportInitializeEx_that_fails_leaves_the_adapter_halted_without_MiniportHaltEx)
{
    w_own.initialize = initialize;
    w_run(1, initialize_fails);
}

static NDIS_HALT_ACTION halt_action;

static NTAPI VOID
halt(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    halt_action = action;
}

static void
initialize_forgets(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    says_nothing = true;
    ck_assert_int_ne(ndis_adapter_add(w.box, &config, &w.adapter), NDIS_STATUS_SUCCESS);
    w_order_is("MiniportInitializeEx MiniportHaltEx");
    ck_assert_int_eq(halt_action, NdisHaltDeviceInitializationFailed);
}

TEST(MiniportInitializeEx_that_succeeds_without_setting_its_attributes_is_halted_again)
{
    w_own.initialize = initialize;
    w_own.halt = halt;
    w_run(1, initialize_forgets);
}

// ---- MiniportHaltEx -----------------------------------------------------------------------------------------------------------

static void
halts(void)
{
    w_start(1, 1);
    w_forget();
    w_remove();
    w_irql_was("MiniportHaltEx", PASSIVE_LEVEL);
    ck_assert_ptr_eq(w_call("MiniportHaltEx")->context, &w.mp_context);
    ck_assert_int_eq(halt_action, NdisHaltDeviceDisabled);
    w_order_is("FilterPause MiniportPause ProtocolUnbindAdapterEx FilterDetach MiniportHaltEx");
    ck_assert_str_eq(w.calls[w.count - 1].name, "MiniportHaltEx");   // nothing comes after it
    w_start(0, 0);
    ndis_adapter_surprise_remove(w.adapter);
    w.adapter = NULL;
    ck_assert_int_eq(halt_action, NdisHaltDeviceSurpriseRemoved);
    w_start(0, 0);
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);   // it knows nothing of power
    ck_assert_int_eq(halt_action, NdisHaltDevicePoweredDown);
    w_forget();
    w_remove();
    ck_assert_uint_eq(w_count("MiniportHaltEx"), 0);   // halted already
}

TEST(MiniportHaltEx_comes_last_at_PASSIVE_LEVEL_with_the_reason)
{
    w_own.halt = halt;
    w_run(1, halts);
}

static uint32_t completed_before_halt;

static NTAPI VOID
halt_looking(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    completed_before_halt = w_count("ProtocolSendNetBufferListsComplete") + 10 * w_count("ProtocolOidRequestComplete");
}

static NTAPI NDIS_STATUS
oid_pending(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    if (request->DATA.QUERY_INFORMATION.Oid != 0xff770001)
        return NDIS_STATUS_SUCCESS;
    w.pended = request;
    return NDIS_STATUS_PENDING;
}

static NTAPI VOID
complete_all_later(void *context)
{
    w_sleep(500);
    w.held->Status = NDIS_STATUS_SUCCESS;
    NdisMSendNetBufferListsComplete(w.mp, w.held, 0);
    w.held = NULL;
    w_sleep(500);
    NdisMOidRequestComplete(w.mp, w.pended, NDIS_STATUS_SUCCESS);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
halt_waits(void)
{
    static NDIS_OID_REQUEST request;
    static uint32_t value;
    HANDLE thread;
    w_start(1, 1);
    w.holds_sends = true;
    NdisSendNetBufferLists(pa->binding, w_nbl(pa, 1), 0, 0);
    w_request(&request, NdisRequestQueryInformation, 0xff770001, &value, sizeof value);
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, complete_all_later, NULL), STATUS_SUCCESS);
    ZwClose(thread);
    w_remove();
    ck_assert_uint_eq(completed_before_halt, 11);
}

TEST(MiniportHaltEx_is_not_called_while_sends_or_requests_are_out)
{
    w_own.halt = halt_looking;
    w_own.mp_oid = oid_pending;
    w_run(1, halt_waits);
}

// ---- MiniportPause, MiniportRestart -------------------------------------------------------------------------------------------

static NDIS_STATUS pause_says, restart_says;
static ULONG pause_reason;
static bool restart_had_attributes, later_done;
static ULONG new_mtu;

static NTAPI NDIS_STATUS
pause_looking(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS p)
{
    pause_reason = p->PauseReason;
    return pause_says;
}

static NTAPI NDIS_STATUS
restart_looking(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS p)
{
    restart_had_attributes = p->RestartAttributes && p->RestartAttributes->Oid == OID_GEN_MINIPORT_RESTART_ATTRIBUTES;
    if (new_mtu && restart_had_attributes) {
        ((NDIS_RESTART_GENERAL_ATTRIBUTES *)p->RestartAttributes->Data)->MtuSize = new_mtu;
        NDIS_RESTART_ATTRIBUTES *more = NdisAllocateMemoryWithTagPriority(w.mp, sizeof *more + 8, 'tsrW', NormalPoolPriority);
        *more = (NDIS_RESTART_ATTRIBUTES){.Next = p->RestartAttributes->Next, .Oid = 0xff770002, .DataLength = 8};
        p->RestartAttributes->Next = more;        // NDIS frees it
    }
    return restart_says;
}

static bool filter_saw_more;

static NTAPI NDIS_STATUS
filter_restart_looking(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS p)
{
    for (NDIS_RESTART_ATTRIBUTES *a = p->RestartAttributes; a; a = a->Next)
        filter_saw_more |= a->Oid == 0xff770002 && a->DataLength == 8;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
complete_later(void *context)
{
    w_sleep(50);
    later_done = true;
    if (pause_says == NDIS_STATUS_PENDING)
        NdisMPauseComplete(w.mp);
    else
        NdisMRestartComplete(w.mp, restart_says == NDIS_STATUS_PENDING ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
later(void)
{
    HANDLE thread;
    later_done = false;
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, complete_later, NULL), STATUS_SUCCESS);
    ZwClose(thread);
}

static void
pauses(void)
{
    w_start(1, 1);
    w_forget();
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    w_order_is("FilterPause MiniportPause");      // from the top
    w_irql_was("MiniportPause", PASSIVE_LEVEL);
    ck_assert_ptr_eq(w_call("MiniportPause")->context, &w.mp_context);
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("MiniportPause"), 1);
    // Paused, it gets requests and may be reset; what is sent never reaches it.
    static NDIS_OID_REQUEST request;
    static uint32_t value;
    w_forget();
    w_request(&request, NdisRequestSetInformation, 0xff770001, &value, sizeof value);
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("MiniportOidRequest"), 1);
    NdisSendNetBufferLists(pa->binding, w_nbl(pa, 1), 0, 0);
    ck_assert_uint_eq(w_count("MiniportSendNetBufferLists"), 0);
    ck_assert_int_eq(pa->completed->Status, NDIS_STATUS_PAUSED);
    ck_assert_int_eq(ndis_adapter_reset(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("MiniportResetEx"), 1);
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_detach_filter(w.adapter, "fa"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(pause_reason, NDIS_PAUSE_DETACH_FILTER);
}

TEST(MiniportPause_comes_at_PASSIVE_LEVEL_after_the_filters_and_a_paused_miniport_still_gets_requests)
{
    w_own.mp_pause = pause_looking;
    w_run(1, pauses);
}

static void
pause_pends(void)
{
    w_start(0, 1);
    pause_says = NDIS_STATUS_PENDING;
    later();
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert(later_done);                        // no other operation before NdisMPauseComplete
    pause_says = NDIS_STATUS_SUCCESS;
    restart_says = NDIS_STATUS_PENDING;
    later();
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert(later_done && ndis_adapter_is_running(w.adapter));
}

TEST(MiniportPause_that_pends_is_over_with_NdisMPauseComplete)
{
    w_own.mp_pause = pause_looking;
    w_own.mp_restart = restart_looking;
    w_run(1, pause_pends);
}

TEST(MiniportRestart_that_pends_is_over_with_NdisMRestartComplete)
{
    w_own.mp_pause = pause_looking;
    w_own.mp_restart = restart_looking;
    w_run(1, pause_pends);
}

static ULONG bound_mtu;

static NTAPI NDIS_STATUS
bind_looking(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS p)
{
    bound_mtu = p->MtuSize;
    return w_bind(context, bind, p);
}

static void
restarts(void)
{
    static const NDIS_STATUS says[] = {NDIS_STATUS_RESOURCES, NDIS_STATUS_FAILURE};
    w_start(1, 1);
    w_irql_was("MiniportRestart", PASSIVE_LEVEL);
    w_order_is("MiniportRestart FilterRestart");  // from the bottom
    ck_assert(restart_had_attributes);
    ck_assert_uint_eq(bound_mtu, 1500);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
        restart_says = says[i];
        w_forget();
        ck_assert_int_eq(ndis_adapter_restart(w.adapter), says[i]);
        ck_assert(!ndis_adapter_is_running(w.adapter));   // back to Paused, and so is all above it
        ck_assert_uint_eq(w_count("FilterRestart"), 0);
        restart_says = NDIS_STATUS_SUCCESS;
        ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    }
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    new_mtu = 9000;                               // what it changes is what those above are told
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_bind(w.adapter, "pb"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(bound_mtu, 9000);
    ck_assert(filter_saw_more);
}

TEST(MiniportRestart_comes_at_PASSIVE_LEVEL_before_the_filters_and_its_failure_leaves_the_stack_paused)
{
    w_own.mp_restart = restart_looking;
    w_own.filter_restart = filter_restart_looking;
    w_own.bind = bind_looking;
    w_run(1, restarts);
}

// ---- MiniportResetEx, MiniportCheckForHangEx ----------------------------------------------------------------------------------

static NDIS_STATUS reset_says;
static BOOLEAN reset_loses;
static NDIS_STATUS status_seen[8];
static uint32_t statuses;

static NTAPI NDIS_STATUS
reset(NDIS_HANDLE context, PBOOLEAN addressing)
{
    ck_assert(!*addressing);
    *addressing = reset_loses;
    return reset_says;
}

static NTAPI VOID
status_noting(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    if (statuses < 8)
        status_seen[statuses++] = indication->StatusCode;
}

static void
resets(void)
{
    static const NDIS_STATUS says[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_SOFT_ERRORS, NDIS_STATUS_HARD_ERRORS,
                                       NDIS_STATUS_RESET_IN_PROGRESS};
    w_start(0, 1);
    w_listen(pa);
    for (size_t i = 0; i < 4; i++) {
        for (int loses = 0; loses < 2; loses++) {
            reset_says = says[i];
            reset_loses = (BOOLEAN)loses;
            statuses = 0;
            w_forget();
            ck_assert_int_eq(ndis_adapter_reset(w.adapter), says[i]);
            ck_assert_ptr_eq(w_call("MiniportResetEx")->context, &w.mp_context);
            ck_assert_uint_le(w_call("MiniportResetEx")->irql, DISPATCH_LEVEL);
            // Begin and end are told by NDIS; what was lost is set again after a reset that worked.
            ck_assert_uint_eq(statuses, 2);
            ck_assert(status_seen[0] == NDIS_STATUS_RESET_START && status_seen[1] == NDIS_STATUS_RESET_END);
            ck_assert_uint_eq(w_count("MiniportOidRequest") > 0, loses && i < 2);
        }
    }
}

TEST(MiniportResetEx_may_say_that_it_had_errors_and_what_it_lost_is_set_again_only_if_it_worked)
{
    w_own.reset = reset;
    w_own.protocol_status = status_noting;
    w_run(1, resets);
}

static NTAPI BOOLEAN
never_hangs(NDIS_HANDLE context)
{
    ck_assert_ptr_eq(context, &w.mp_context);
    return FALSE;
}

static void
is_asked(void)
{
    w_start(0, 0);
    w_forget();
    w_sleep(30500);
    uint32_t asked = w_count("MiniportCheckForHangEx");
    ck_assert_uint_eq(asked, w_own.check_for_hang_s == 10 ? 3 : 15);
    w_irql_was("MiniportCheckForHangEx", PASSIVE_LEVEL);
    ck_assert_uint_eq(w_count("MiniportResetEx"), 0);
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    w_forget();
    w_sleep(30000);
    ck_assert_uint_eq(w_count("MiniportCheckForHangEx"), 0);   // a halted miniport is not asked
}

TEST(MiniportCheckForHangEx_is_asked_at_PASSIVE_LEVEL_as_often_as_the_attributes_say_and_FALSE_resets_nothing)
{
    w_own.check_for_hang = never_hangs;
    w_run(1, is_asked);
    w_own.check_for_hang_s = 10;
    w_run(1, is_asked);
}

static void
hang_without_reset(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars)
{
    chars->ResetHandlerEx = NULL;
}

static void
miniport_did_not_load(void)
{
    ck_assert_uint_eq(w.loaded, 30);
}

TEST(MiniportCheckForHangEx_without_MiniportResetEx_is_refused_at_registration)
{
    w_own.check_for_hang = never_hangs;
    w_own.edit_miniport = hang_without_reset;
    w_run(1, miniport_did_not_load);
}

static void
direct_without_cancel(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars)
{
    chars->CancelDirectOidRequestHandler = NULL;
}

static void
cancel_without_direct(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars)
{
    chars->DirectOidRequestHandler = NULL;
}

TEST(MiniportCancelDirectOidRequest_and_MiniportDirectOidRequest_without_each_other_are_refused_at_registration)
{
    w_own.edit_miniport = direct_without_cancel;
    w_run(1, miniport_did_not_load);
    w_own.edit_miniport = cancel_without_direct;
    w_run(1, miniport_did_not_load);
}

// ---- MiniportDevicePnPEventNotify ---------------------------------------------------------------------------------------------

static NDIS_DEVICE_PNP_EVENT device_event;
static ULONG power_source;

static NTAPI VOID
mp_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
    device_event = event->DevicePnPEvent;
    if (event->DevicePnPEvent == NdisDevicePnPEventPowerProfileChanged)
        power_source = *(ULONG *)event->InformationBuffer;
}

static void
device_events(void)
{
    w_start(0, 1);
    w_order_is("MiniportInitializeEx MiniportDevicePnPEventNotify MiniportRestart");
    w_irql_was("MiniportDevicePnPEventNotify", PASSIVE_LEVEL);
    ck_assert_ptr_eq(w_call("MiniportDevicePnPEventNotify")->context, &w.mp_context);
    ck_assert_int_eq(device_event, NdisDevicePnPEventPowerProfileChanged);
    ck_assert_uint_eq(power_source, NdisPowerProfileAcOnLine);
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD2), NDIS_STATUS_SUCCESS);
    w_forget();
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("MiniportDevicePnPEventNotify"), 1);   // after each OID_PNP_SET_POWER to D0
    ck_assert_int_eq(device_event, NdisDevicePnPEventPowerProfileChanged);
    w_forget();
    ndis_adapter_surprise_remove(w.adapter);
    w.adapter = NULL;
    ck_assert_int_eq(device_event, NdisDevicePnPEventSurpriseRemoved);
    w_order_is("MiniportDevicePnPEventNotify MiniportHaltEx");
}

TEST(MiniportDevicePnPEventNotify_hears_of_the_power_source_after_initialization_and_waking_and_of_a_surprise_removal)
{
    w_own.mp_event = mp_event;
    w_own.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND;
    w_run(1, device_events);
}

// ---- MiniportDriverUnload -----------------------------------------------------------------------------------------------------

static PDRIVER_OBJECT unloaded;

static NTAPI VOID
unload(PDRIVER_OBJECT driver)
{
    unloaded = driver;
}

static void
unloads(void)
{
    struct ndis_adapter_config more = {.name = "nic1", .driver = "mp"};
    struct ndis_adapter *second;
    struct io_image *image = io_image_find(w.box, "mp");
    DRIVER_OBJECT *object = image->driver_object;
    w_start(0, 0);
    ck_assert_int_eq(ndis_adapter_add(w.box, &more, &second), NDIS_STATUS_SUCCESS);
    w_remove();
    ndis_adapter_remove(second);
    w_forget();
    w.loaded &= ~1u;
    NdisFreeNetBufferListPool(w.mp_pool);
    w.mp_pool = NULL;
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
    w_irql_was("MiniportDriverUnload", PASSIVE_LEVEL);
    ck_assert_uint_eq(w_count("MiniportDriverUnload"), 1);
    ck_assert_ptr_eq(unloaded, object);
    ck_assert_uint_eq(w_count("MiniportHaltEx"), 0);   // all were halted before
}

TEST(MiniportDriverUnload_comes_at_PASSIVE_LEVEL_when_every_adapter_has_halted)
{
    w_own.unload = unload;
    w_run(1, unloads);
}
