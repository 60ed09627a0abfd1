// SPDX-License-Identifier: MIT
// The life of a filter module as its callbacks' pages tell it: attach, options, restart, pause, detach, events and status. When each is
// called, at which IRQL, with what, and what each return value does. The data path is in data_test.c, requests in oid_test.c.
#include <string.h>

#include "witness.h"

// ---- FilterSetOptions, FilterAttach, FilterDetach -----------------------------------------------------------------------------

static NDIS_FILTER_ATTACH_PARAMETERS attached_with;
static NET_LUID luid_seen;
static bool name_was_right;

static NTAPI NDIS_STATUS
attach_looking(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS p)
{
    ck_assert_ptr_eq(context, &w.filter[0].driver_context);
    ck_assert_uint_eq(p->Header.Type, NDIS_OBJECT_TYPE_FILTER_ATTACH_PARAMETERS);
    ck_assert_uint_ge(p->Header.Revision, 1);
    attached_with = *p;
    luid_seen = p->NetLuid;
    name_was_right = p->BaseMiniportName->Length && p->BaseMiniportInstanceName->Length && p->FilterModuleGuidName->Length;
    return w_attach(handle, context);
}

static void
attaches(void)
{
    w_start(1, 1);
    w_order_is("FilterSetOptions FilterSetOptions FilterAttach FilterSetModuleOptions FilterRestart");
    ck_assert_uint_eq(w_count("FilterAttach"), 1);
    w_irql_was("FilterAttach", PASSIVE_LEVEL);
    w_irql_was("FilterSetOptions", PASSIVE_LEVEL);
    ck_assert_uint_eq(attached_with.MiniportMediaType, NdisMedium802_3);
    ck_assert_uint_eq(attached_with.MacAddressLength, 6);
    ck_assert_uint_eq(attached_with.CurrentMacAddress[5], 9);
    ck_assert_uint_eq(attached_with.XmitLinkSpeed, 1000000000);
    ck_assert_int_eq(attached_with.MediaConnectState, MediaConnectStateConnected);
    ck_assert_uint_ne(attached_with.IfIndex, attached_with.BaseMiniportIfIndex);
    ck_assert_uint_eq(attached_with.LowerIfIndex, attached_with.BaseMiniportIfIndex);
    ck_assert(luid_seen.Value != 0 && name_was_right);
}

TEST(FilterAttach_comes_once_at_PASSIVE_LEVEL_after_FilterSetOptions_with_what_it_has_to_know)
{
    w_own.attach = attach_looking;
    w_run(1, attaches);
}

static NDIS_STATUS attach_says;

static NTAPI NDIS_STATUS
attach_failing(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS p)
{
    NDIS_STATUS status = w_attach(handle, context);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    return attach_says;
}

static void
attach_fails(void)
{
    static const NDIS_STATUS says[] = {NDIS_STATUS_RESOURCES, NDIS_STATUS_FAILURE};
    w_start(0, 1);
    for (uint32_t i = 0; i < 2; i++) {
        attach_says = says[i];
        w_forget();
        ck_assert_int_eq(ndis_adapter_attach_filter(w.adapter, "fa"), says[i]);
        // It is back in the Detached state: nothing more comes to it, and the stack runs on without it.
        ck_assert_uint_eq(w_count("FilterAttach"), 1);
        ck_assert_uint_eq(w_count("FilterDetach") + w_count("FilterRestart") + w_count("FilterSetModuleOptions"), 0);
        NdisSendNetBufferLists(w.protocol[0].binding, w_nbl(&w.protocol[0], 1), 0, 0);
        ck_assert_uint_eq(w_count("FilterSendNetBufferLists"), 0);
        ck_assert_uint_eq(w_count("MiniportSendNetBufferLists"), 1);
    }
    attach_says = NDIS_STATUS_SUCCESS;
    ck_assert_int_eq(ndis_adapter_attach_filter(w.adapter, "fa"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("FilterRestart"), 1);
}

TEST(FilterAttach_that_fails_leaves_the_module_detached_and_the_stack_as_it_was)
{
    w_own.attach = attach_failing;
    w_run(1, attach_fails);
}

static void
detaches(void)
{
    w_start(2, 1);
    w_forget();
    ck_assert_int_eq(ndis_adapter_detach_filter(w.adapter, "fb"), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(w_call("FilterDetach")->context, &w.filter[1].module_context);
    w_irql_was("FilterDetach", PASSIVE_LEVEL);
    // It was paused before, and hears nothing afterwards.
    w_order_is("FilterPause FilterPause FilterDetach FilterRestart");
    w_forget();
    NdisSendNetBufferLists(w.protocol[0].binding, w_nbl(&w.protocol[0], 1), 0, 0);
    ck_assert_uint_eq(w_count("FilterSendNetBufferLists"), 1);
    w_remove();
    ck_assert_uint_eq(w_count("FilterDetach"), 1);
    ck_assert_ptr_eq(w_call("FilterDetach")->context, &w.filter[0].module_context);
}

TEST(FilterDetach_comes_at_PASSIVE_LEVEL_to_a_paused_module_and_is_the_last_call_it_gets)
{
    w_run(1, detaches);
}

// ---- FilterSetModuleOptions ---------------------------------------------------------------------------------------------------

static NDIS_STATUS options_say;

static NTAPI NDIS_STATUS
module_options(NDIS_HANDLE context)
{
    return options_say;
}

static void
options_come(void)
{
    w_start(1, 1);
    w_irql_was("FilterSetModuleOptions", PASSIVE_LEVEL);
    ck_assert_ptr_eq(w_call("FilterSetModuleOptions")->context, &w.filter[0].module_context);
    w_forget();
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    w_order_is("FilterPause FilterSetModuleOptions FilterRestart");   // before every restart
    // A failure is one of the restart: the module goes.
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    w_forget();
    options_say = NDIS_STATUS_RESOURCES;
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    w_order_is("FilterSetModuleOptions FilterDetach");
    ck_assert(ndis_adapter_is_running(w.adapter));
}

TEST(FilterSetModuleOptions_comes_before_each_restart_and_its_failure_detaches_the_module)
{
    w_own.module_options = module_options;
    w_run(1, options_come);
}

// ---- FilterPause, FilterRestart -----------------------------------------------------------------------------------------------

static NDIS_STATUS pause_says, restart_says;
static ULONG pause_reason;
static NDIS_FILTER_RESTART_PARAMETERS restarted_with;
static bool restart_had_attributes, later_done;

static NTAPI NDIS_STATUS
pause_looking(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS p)
{
    ck_assert_uint_eq(p->Header.Type, NDIS_OBJECT_TYPE_FILTER_PAUSE_PARAMETERS);
    pause_reason = p->PauseReason;
    return pause_says;
}

static NTAPI NDIS_STATUS
restart_looking(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS p)
{
    ck_assert_uint_eq(p->Header.Type, NDIS_OBJECT_TYPE_FILTER_RESTART_PARAMETERS);
    restarted_with = *p;
    restart_had_attributes = p->RestartAttributes && p->RestartAttributes->Oid == OID_GEN_MINIPORT_RESTART_ATTRIBUTES;
    return restart_says;
}

static void
pauses(void)
{
    w_start(1, 1);
    w_forget();
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    w_irql_was("FilterPause", PASSIVE_LEVEL);
    ck_assert_ptr_eq(w_call("FilterPause")->context, &w.filter[0].module_context);
    // A module that is paused is not paused again.
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("FilterPause"), 1);
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_attach_filter(w.adapter, "fb"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(pause_reason, NDIS_PAUSE_ATTACH_FILTER);
    // In the Paused state it goes on handling requests and status indications.
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    w_forget();
    NDIS_OID_REQUEST request;
    uint64_t value;
    w_request(&request, NdisRequestQueryInformation, OID_GEN_XMIT_OK, &value, sizeof value);
    ck_assert_int_eq(NdisOidRequest(w.protocol[0].binding, &request), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(w_count("FilterOidRequest"), 2);
    NDIS_STATUS_INDICATION status = {.Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1,
                                                NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
                                     .SourceHandle = w.mp,
                                     .StatusCode = NDIS_STATUS_MEDIA_SPECIFIC_INDICATION};
    NdisMIndicateStatusEx(w.mp, &status);
    ck_assert_uint_eq(w_count("FilterStatus"), 2);
}

TEST(FilterPause_comes_at_PASSIVE_LEVEL_once_to_a_running_module_which_goes_on_with_requests_and_status)
{
    w_own.filter_pause = pause_looking;
    w_run(1, pauses);
}

static void
complete_later(void *unused)
{
    w_sleep(50);
    later_done = true;
    if (pause_says == NDIS_STATUS_PENDING)
        NdisFPauseComplete(w.filter[0].module);
    else
        NdisFRestartComplete(w.filter[0].module, NDIS_STATUS_SUCCESS);
}

static NTAPI VOID
later_thread(void *context)
{
    complete_later(context);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
later(void)
{
    HANDLE thread;
    later_done = false;
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, later_thread, NULL), STATUS_SUCCESS);
    ZwClose(thread);
}

static void
pause_pends(void)
{
    w_start(1, 1);
    pause_says = NDIS_STATUS_PENDING;
    w_forget();
    later();
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert(later_done);                        // the miniport was not paused before
    w_order_is("FilterPause MiniportPause");
    pause_says = NDIS_STATUS_SUCCESS;
    restart_says = NDIS_STATUS_PENDING;
    later();
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert(later_done && ndis_adapter_is_running(w.adapter));
    restart_says = NDIS_STATUS_SUCCESS;
}

TEST(FilterPause_that_pends_holds_the_stack_until_NdisFPauseComplete)
{
    w_own.filter_pause = pause_looking;
    w_own.filter_restart = restart_looking;
    w_run(1, pause_pends);
}

static void
restarts(void)
{
    w_start(2, 1);
    w_irql_was("FilterRestart", PASSIVE_LEVEL);
    ck_assert(restart_had_attributes);
    ck_assert_uint_eq(restarted_with.MiniportMediaType, NdisMedium802_3);
    ck_assert_uint_ne(restarted_with.LowerIfIndex, 0);
    w_order_is("MiniportRestart FilterRestart FilterRestart");
    ck_assert_ptr_eq(w_call("FilterRestart")->context, &w.filter[1].module_context);   // the lowest first
    w_forget();
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("FilterRestart"), 0);   // none is in the Paused state
}

TEST(FilterRestart_comes_at_PASSIVE_LEVEL_from_the_lowest_with_the_restart_attributes)
{
    w_own.filter_restart = restart_looking;
    w_run(1, restarts);
}

static void
restart_fails(void)
{
    static const NDIS_STATUS says[] = {NDIS_STATUS_RESOURCES, NDIS_STATUS_FAILURE};
    w_start(0, 1);
    for (uint32_t i = 0; i < 2; i++) {
        restart_says = says[i];
        w_forget();
        ck_assert_int_eq(ndis_adapter_attach_filter(w.adapter, "fa"), NDIS_STATUS_SUCCESS);
        w_order_is("FilterRestart FilterDetach");     // back to Paused, and out of the stack
        ck_assert(ndis_adapter_is_running(w.adapter));
    }
}

TEST(FilterRestart_that_fails_for_want_of_resources_or_otherwise_takes_the_module_out_of_the_stack)
{
    w_own.filter_restart = restart_looking;
    w_run(1, restart_fails);
}

// ---- FilterNetPnPEvent, FilterDevicePnPEventNotify ----------------------------------------------------------------------------

static NET_PNP_EVENT_CODE event_seen;
static bool event_swallowed;
static NDIS_STATUS event_says;

static NTAPI NDIS_STATUS
filter_event(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    event_seen = event->NetPnPEvent.NetEvent;
    if (event_swallowed)
        return event_says;
    return NdisFNetPnPEvent(w_filter_of(context)->module, event);
}

static void
events_come(void)
{
    w_start(2, 2);
    w_forget();
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    w_irql_was("FilterNetPnPEvent", PASSIVE_LEVEL);
    // Query, then set: each goes through both filters from the lowest, then to both bindings; pauses go past filters.
    ck_assert_uint_eq(w_count("FilterNetPnPEvent"), 4);
    ck_assert_uint_eq(w_count("ProtocolNetPnPEvent"), 4 + 2);
    ck_assert_int_eq(event_seen, NetEventSetPower);
    ck_assert_ptr_eq(w.calls[0].context, &w.filter[0].module_context);
    ck_assert_ptr_eq(w.calls[1].context, &w.filter[1].module_context);
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    // A failure counts for a query only.
    event_swallowed = true;
    event_says = NDIS_STATUS_FAILURE;
    w_forget();
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD3), NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(w_count("ProtocolNetPnPEvent"), 0);   // a filter that does not pass an event on keeps it from all above
    ck_assert_int_eq(ndis_adapter_query_remove(w.adapter), NDIS_STATUS_FAILURE);
    event_says = NDIS_STATUS_SUCCESS;
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    event_says = NDIS_STATUS_FAILURE;
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);   // NetEventSetPower cannot be failed
    ck_assert(ndis_adapter_is_running(w.adapter));
}

TEST(FilterNetPnPEvent_comes_at_PASSIVE_LEVEL_before_the_protocols_and_may_fail_a_query_alone)
{
    w_own.filter_event = filter_event;
    w_own.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND;
    w_run(1, events_come);
}

static void
without_event_handlers(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *chars)
{
    if (which == 1)
        return;
    chars->NetPnPEventHandler = NULL;
    chars->DevicePnPEventNotifyHandler = NULL;
    chars->SetFilterModuleOptionsHandler = NULL;
    chars->SetOptionsHandler = NULL;
}

static void
events_pass_by(void)
{
    w_start(2, 1);
    w_forget();
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < w.count; i++)
        if (!strcmp(w.calls[i].name, "FilterNetPnPEvent") || !strcmp(w.calls[i].name, "FilterDevicePnPEventNotify"))
            ck_assert_ptr_eq(w.calls[i].context, &w.filter[1].module_context);
    ck_assert_uint_eq(w_count("FilterNetPnPEvent"), 3);            // query, D3, D0
    ck_assert_uint_eq(w_count("FilterDevicePnPEventNotify"), 1);   // the power source, after D0
    ck_assert_uint_eq(w_count("MiniportDevicePnPEventNotify"), 1);
    ck_assert_uint_eq(w_count("FilterSetModuleOptions"), 1);
}

TEST(FilterNetPnPEvent_that_a_driver_leaves_NULL_is_passed_by)
{
    w_own.edit_filter = without_event_handlers;
    w_own.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND;
    w_run(1, events_pass_by);
}

static bool device_swallowed;
static NDIS_DEVICE_PNP_EVENT device_seen;

static NTAPI VOID
filter_device_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
    device_seen = event->DevicePnPEvent;
    if (!device_swallowed)
        NdisFDevicePnPEventNotify(w_filter_of(context)->module, event);
}

static void
device_events_come(void)
{
    w_start(2, 1);
    w_forget();
    device_swallowed = true;
    ndis_adapter_surprise_remove(w.adapter);
    w.adapter = NULL;
    w_irql_was("FilterDevicePnPEventNotify", PASSIVE_LEVEL);
    ck_assert_int_eq(device_seen, NdisDevicePnPEventSurpriseRemoved);
    // From the highest down; who keeps it keeps it from all below.
    ck_assert_uint_eq(w_count("FilterDevicePnPEventNotify"), 1);
    ck_assert_ptr_eq(w_call("FilterDevicePnPEventNotify")->context, &w.filter[1].module_context);
    ck_assert_uint_eq(w_count("MiniportDevicePnPEventNotify"), 0);
    device_swallowed = false;
    w_start(2, 1);
    w_forget();
    ndis_adapter_surprise_remove(w.adapter);
    w.adapter = NULL;
    w_order_is("FilterDevicePnPEventNotify FilterDevicePnPEventNotify MiniportDevicePnPEventNotify MiniportHaltEx");
}

TEST(FilterDevicePnPEventNotify_comes_at_PASSIVE_LEVEL_from_the_highest_down_and_may_keep_an_event)
{
    w_own.filter_device_event = filter_device_event;
    w_run(1, device_events_come);
}

// ---- FilterStatus -------------------------------------------------------------------------------------------------------------

static NDIS_STATUS code_seen[2];
static bool status_swallowed;

static NTAPI VOID
filter_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    code_seen[w_filter_of(context) - w.filter] = indication->StatusCode;
    if (status_swallowed)
        return;
    NDIS_STATUS_INDICATION changed = *indication;
    changed.StatusCode = indication->StatusCode + 1;
    NdisFIndicateStatus(w_filter_of(context)->module, &changed);
}

static NDIS_STATUS top_code;

static NTAPI VOID
top_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    top_code = indication->StatusCode;
}

static void
indicate(NDIS_STATUS code)
{
    NDIS_STATUS_INDICATION status = {.Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1,
                                                NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
                                     .SourceHandle = w.mp,
                                     .StatusCode = code};
    NdisMIndicateStatusEx(w.mp, &status);
}

static void
status_comes(void)
{
    KIRQL irql;
    w_start(2, 1);
    w_forget();
    indicate(0x40020100);
    w_irql_was("FilterStatus", PASSIVE_LEVEL);
    w_order_is("FilterStatus FilterStatus ProtocolStatusEx");
    ck_assert_int_eq(code_seen[0], 0x40020100);   // the lowest first, and each may change it
    ck_assert_int_eq(code_seen[1], 0x40020101);
    ck_assert_int_eq(top_code, 0x40020102);
    w_forget();
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    indicate(0x40020200);
    KeLowerIrql(irql);
    w_irql_was("FilterStatus", DISPATCH_LEVEL);   // at the level that it was indicated at
    status_swallowed = true;
    w_forget();
    indicate(0x40020300);
    ck_assert_uint_eq(w_count("FilterStatus"), 1);
    ck_assert_uint_eq(w_count("ProtocolStatusEx"), 0);
    // NDIS's own indications come this way too: a reset begins and ends.
    w_forget();
    ck_assert_int_eq(ndis_adapter_reset(w.adapter), NDIS_STATUS_SUCCESS);
    w_order_is("FilterStatus MiniportResetEx FilterStatus");
    ck_assert_int_eq(code_seen[0], NDIS_STATUS_RESET_END);
}

TEST(FilterStatus_comes_from_the_lowest_up_at_the_indicators_IRQL_and_may_change_or_keep_a_status)
{
    w_own.filter_status = filter_status;
    w_own.protocol_status = top_status;
    w_run(1, status_comes);
}

static void
without_status(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *chars)
{
    if (which != 0)
        return;
    chars->StatusHandler = NULL;
    chars->ReceiveNetBufferListsHandler = NULL;
    chars->ReturnNetBufferListsHandler = NULL;
}

static void
status_passes_by(void)
{
    w_start(2, 1);
    w_forget();
    indicate(0x40020100);
    w_order_is("FilterStatus ProtocolStatusEx");
    ck_assert_ptr_eq(w_call("FilterStatus")->context, &w.filter[1].module_context);
    ck_assert_int_eq(top_code, 0x40020100);
}

TEST(FilterStatus_that_a_driver_leaves_NULL_is_passed_by)
{
    w_own.edit_filter = without_status;
    w_own.protocol_status = top_status;
    w_run(1, status_passes_by);
}

// ---- what is refused at registration ------------------------------------------------------------------------------------------

static uint32_t refusal;

static void
filter_without(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *c)
{
    PVOID *const gone[] = {(PVOID *)&c->AttachHandler, (PVOID *)&c->DetachHandler, (PVOID *)&c->PauseHandler,
                           (PVOID *)&c->RestartHandler, (PVOID *)&c->SendNetBufferListsCompleteHandler,
                           (PVOID *)&c->ReturnNetBufferListsHandler, (PVOID *)&c->StatusHandler, (PVOID *)&c->OidRequestHandler,
                           (PVOID *)&c->OidRequestCompleteHandler, (PVOID *)&c->DirectOidRequestHandler,
                           (PVOID *)&c->DirectOidRequestCompleteHandler};
    ck_assert_uint_le(refusal, sizeof gone / sizeof gone[0]);
    if (which == 0 && refusal < sizeof gone / sizeof gone[0])
        *gone[refusal] = NULL;
}

static void
one_did_not_load(void)
{
    ck_assert_uint_eq(w.loaded, refusal == 11 ? 31 : 29);
}

TEST(FilterAttach_and_its_kin_that_must_be_there_are_demanded_at_registration)
{
    w_own.edit_filter = filter_without;
    for (refusal = 0; refusal <= 11; refusal++)   // the last one leaves nothing out
        w_run(1, one_did_not_load);
}
