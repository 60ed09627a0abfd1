// SPDX-License-Identifier: MIT
// The life of a binding as the protocols' callbacks' pages tell it: bind, open, events, status, unbind, close. When each is called, at
// which IRQL, with what, and what each return value does.
#include <string.h>

#include "nbx/fault.h"
#include "witness.h"

static struct w_protocol *const pa = &w.protocol[0];

// ---- ProtocolBindAdapterEx ----------------------------------------------------------------------------------------------------

static NDIS_BIND_PARAMETERS bound_with;
static NDIS_STATUS bind_says;
static NDIS_HANDLE bind_context;
static bool closes_again;

static NTAPI NDIS_STATUS
bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS p)
{
    ck_assert_uint_eq(p->Header.Type, NDIS_OBJECT_TYPE_BIND_PARAMETERS);
    bound_with = *p;
    bind_context = bind;
    if (bind_says == NDIS_STATUS_RESOURCES && !closes_again)
        return bind_says;                         // not even opened
    NDIS_STATUS status = w_bind(context, bind, p);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    if (closes_again)
        ck_assert_int_eq(NdisCloseAdapterEx(pa->binding), NDIS_STATUS_SUCCESS);
    return bind_says;
}

static void
binds(void)
{
    w_start(1, 0);
    w_forget();
    ck_assert_int_eq(ndis_adapter_bind(w.adapter, "pa"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("ProtocolBindAdapterEx"), 1);
    w_irql_was("ProtocolBindAdapterEx", PASSIVE_LEVEL);
    ck_assert_ptr_eq(w_call("ProtocolBindAdapterEx")->context, &pa->driver_context);
    ck_assert_uint_eq(bound_with.MtuSize, 1500);
    ck_assert_uint_eq(bound_with.MediaType, NdisMedium802_3);
    ck_assert_uint_eq(bound_with.XmitLinkSpeed, 1000000000);
    ck_assert_uint_eq(bound_with.CurrentMacAddress[5], 9);
    ck_assert_int_eq(bound_with.MediaConnectState, MediaConnectStateConnected);
    ck_assert_uint_ne(bound_with.BoundIfIndex, bound_with.LowestIfIndex);   // there is a filter between
    // The binding was Paused, and the stack runs: NDIS restarts it, and it may send.
    w_order_is("ProtocolBindAdapterEx ProtocolNetPnPEvent ProtocolStatusEx");
    NdisSendNetBufferLists(pa->binding, w_nbl(pa, 1), 0, 0);
    ck_assert_uint_eq(w_count("MiniportSendNetBufferLists"), 1);
}

TEST(ProtocolBindAdapterEx_comes_at_PASSIVE_LEVEL_with_what_the_adapter_can_and_success_binds)
{
    w_own.bind = bind;
    w_run(1, binds);
}

static void
bind_fails(void)
{
    static const NDIS_STATUS says[] = {NDIS_STATUS_RESOURCES, NDIS_STATUS_RESOURCES, NDIS_STATUS_FAILURE, STATUS_ACCESS_DENIED};
    w_start(0, 0);
    for (size_t i = 0; i < 4; i++) {
        bind_says = says[i];
        closes_again = i > 0;
        w_forget();
        ck_assert_int_eq(ndis_adapter_bind(w.adapter, "pa"), says[i]);
        ck_assert_uint_eq(w.count, 1);            // no restart, no unbind
    }
    bind_says = NDIS_STATUS_SUCCESS;
    closes_again = false;
    ck_assert_int_eq(ndis_adapter_bind(w.adapter, "pa"), NDIS_STATUS_SUCCESS);
}

TEST(ProtocolBindAdapterEx_that_fails_leaves_no_binding)
{
    w_own.bind = bind;
    w_run(1, bind_fails);
}

static bool later_done;

static NTAPI VOID
complete_bind_later(void *context)
{
    w_sleep(50);
    later_done = true;
    NdisCompleteBindAdapterEx(bind_context, NDIS_STATUS_SUCCESS);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
run_later(KSTART_ROUTINE *routine)
{
    HANDLE thread;
    later_done = false;
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, routine, NULL), STATUS_SUCCESS);
    ZwClose(thread);
}

static void
bind_pends(void)
{
    w_start(0, 0);
    bind_says = NDIS_STATUS_PENDING;
    run_later(complete_bind_later);
    w_forget();
    ck_assert_int_eq(ndis_adapter_bind(w.adapter, "pa"), NDIS_STATUS_SUCCESS);
    ck_assert(later_done);
    w_order_is("ProtocolBindAdapterEx ProtocolNetPnPEvent");   // restarted when the bind was complete
}

TEST(ProtocolBindAdapterEx_that_pends_binds_with_NdisCompleteBindAdapterEx)
{
    w_own.bind = bind;
    w_run(1, bind_pends);
}

// ---- ProtocolOpenAdapterCompleteEx ----------------------------------------------------------------------------------------------

static uint32_t opens_pended, opens_at_once, open_failures;
static NDIS_STATUS open_wanted;
static bool bind_pends_with_open;

static NTAPI VOID
open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    ck_assert_ptr_eq(context, &pa->binding_context);
    ck_assert_int_eq(status, open_wanted);
    ck_assert_int_eq(NT_SUCCESS(status), pa->binding != NULL);
    if (bind_pends_with_open)
        NdisCompleteBindAdapterEx(bind_context, status);
}

// Waits for the completion, or leaves the end of the bind to it.
static NTAPI NDIS_STATUS
bind_opening(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    NDIS_MEDIUM medium = NdisMedium802_3;
    static UINT selected;                     // written when an open that pends is over
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    struct nbx_fault_report report;
    bind_context = bind;
    pa->is_opened = false;
    if (open_wanted != NDIS_STATUS_SUCCESS)
        ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    NDIS_STATUS status = NdisOpenAdapterEx(pa->driver, &pa->binding_context, &open, bind, &pa->binding);
    if (status == NDIS_STATUS_PENDING) {
        opens_pended++;
        if (!bind_pends_with_open)
            while (!pa->is_opened)
                w_sleep(1);
        status = bind_pends_with_open ? NDIS_STATUS_PENDING : pa->open_status;
    } else {
        ck_assert(!pa->is_opened);
        opens_at_once++;
    }
    if (open_wanted != NDIS_STATUS_SUCCESS)
        nbx_fault_disarm(&report);
    return status;
}

static void
opens(void)
{
    w_start(0, 0);
    w_forget();
    uint32_t before = opens_pended;
    ck_assert_int_eq(ndis_adapter_bind(w.adapter, "pa"), open_wanted);
    ck_assert_uint_eq(w_count("ProtocolOpenAdapterCompleteEx"), opens_pended - before);
    if (opens_pended > before)
        w_irql_was("ProtocolOpenAdapterCompleteEx", PASSIVE_LEVEL);
    open_failures += open_wanted != NDIS_STATUS_SUCCESS && opens_pended > before;
    ck_assert_uint_eq(w_count("ProtocolNetPnPEvent"), open_wanted == NDIS_STATUS_SUCCESS);   // restarted, if it is bound
}

TEST(ProtocolOpenAdapterCompleteEx_comes_once_at_PASSIVE_LEVEL_for_an_open_that_pended_with_the_status_it_has)
{
    w_own.bind = bind_opening;
    w_own.open_complete = open_complete;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        bind_pends_with_open = seed % 3 == 0;
        open_wanted = seed % 3 == 1 ? NDIS_STATUS_RESOURCES : NDIS_STATUS_SUCCESS;
        w_run(seed, opens);
    }
    ck_assert_uint_gt(opens_pended, 5);
    ck_assert_uint_gt(opens_at_once, 5);
    ck_assert_uint_gt(open_failures, 0);
}

// ---- ProtocolUnbindAdapterEx, ProtocolCloseAdapterCompleteEx ------------------------------------------------------------------

static NDIS_STATUS close_said, unbind_says;
static NDIS_HANDLE unbind_context;
static bool waits_for_close;

static bool
is_closed(void)
{
    return w_count("ProtocolCloseAdapterCompleteEx") > 0;
}

static NTAPI NDIS_STATUS
unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    ck_assert_ptr_eq(context, &pa->binding_context);
    unbind_context = unbind;
    close_said = w_unbind(context);
    if (waits_for_close && close_said == NDIS_STATUS_PENDING)
        w_until(is_closed);
    return unbind_says;
}

static void
unbinds(void)
{
    w_start(0, 1);
    w_forget();
    w_remove();
    // The binding is paused first.
    w_order_is("ProtocolNetPnPEvent ProtocolUnbindAdapterEx MiniportHaltEx");
    w_irql_was("ProtocolUnbindAdapterEx", PASSIVE_LEVEL);
    ck_assert_int_eq(close_said, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("ProtocolCloseAdapterCompleteEx"), 0);   // the close did not pend
}

TEST(ProtocolUnbindAdapterEx_comes_at_PASSIVE_LEVEL_to_a_paused_binding)
{
    w_own.unbind = unbind;
    w_run(1, unbinds);
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
complete_oid_later(void *context)
{
    w_sleep(100);
    NdisMOidRequestComplete(w.mp, w.pended, NDIS_STATUS_SUCCESS);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTAPI VOID
close_complete(NDIS_HANDLE context)
{
    ck_assert_ptr_eq(context, &pa->binding_context);
    ck_assert_ptr_nonnull(pa->done);              // after the last request
    if (unbind_says == NDIS_STATUS_PENDING)
        NdisCompleteUnbindAdapterEx(unbind_context);
}

static void
close_pends(void)
{
    static NDIS_OID_REQUEST request;
    static uint32_t value;
    for (int pends = 0; pends < 2; pends++) {
        unbind_says = pends ? NDIS_STATUS_PENDING : NDIS_STATUS_SUCCESS;
        waits_for_close = !pends;
        w_start(0, 1);
        w_request(&request, NdisRequestQueryInformation, 0xff770001, &value, sizeof value);
        pa->done = NULL;
        ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
        w_forget();
        run_later(complete_oid_later);
        w_remove();
        ck_assert_int_eq(close_said, NDIS_STATUS_PENDING);
        w_irql_was("ProtocolCloseAdapterCompleteEx", PASSIVE_LEVEL);
        w_order_is("ProtocolUnbindAdapterEx ProtocolOidRequestComplete ProtocolCloseAdapterCompleteEx MiniportHaltEx");
    }
}

TEST(ProtocolCloseAdapterCompleteEx_comes_at_PASSIVE_LEVEL_when_a_close_that_pended_is_over)
{
    w_own.unbind = unbind;
    w_own.close_complete = close_complete;
    w_own.mp_oid = oid_pending;
    w_run(1, close_pends);
}

TEST(ProtocolUnbindAdapterEx_may_wait_for_the_close_or_pend_until_NdisCompleteUnbindAdapterEx)
{
    w_own.unbind = unbind;
    w_own.close_complete = close_complete;
    w_own.mp_oid = oid_pending;
    w_run(1, close_pends);
}

// ---- ProtocolNetPnPEvent ------------------------------------------------------------------------------------------------------

static struct seen_event {
    const void *context;
    NET_PNP_EVENT_CODE code;
    ULONG bytes, word;
} events[16];
static uint32_t event_count;
static NDIS_STATUS event_says;
static NET_PNP_EVENT_CODE event_fails;
static PNET_PNP_EVENT_NOTIFICATION pended_event;

static NTAPI NDIS_STATUS
event(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION e)
{
    struct seen_event *seen = &events[event_count++ % 16];
    *seen = (struct seen_event){context, e->NetPnPEvent.NetEvent, e->NetPnPEvent.BufferLength, 0};
    if (e->NetPnPEvent.BufferLength >= sizeof seen->word)
        memcpy(&seen->word, e->NetPnPEvent.Buffer, sizeof seen->word);
    if (e->NetPnPEvent.NetEvent != event_fails)
        return NDIS_STATUS_SUCCESS;
    pended_event = e;
    return event_says;
}

static void
events_were(const NET_PNP_EVENT_CODE *codes, uint32_t count)
{
    ck_assert_uint_eq(event_count, count);
    for (uint32_t i = 0; i < count; i++)
        ck_assert_int_eq(events[i].code, codes[i]);
    event_count = 0;
}
#define EVENTS_WERE(...) events_were((const NET_PNP_EVENT_CODE[]){__VA_ARGS__}, sizeof((NET_PNP_EVENT_CODE[]){__VA_ARGS__}) / sizeof(int))

static void
events_come(void)
{
    w_start(0, 1);
    EVENTS_WERE(NetEventRestart);
    ck_assert_ptr_eq(events[0].context, &pa->binding_context);
    ck_assert_uint_ge(events[0].bytes, NDIS_SIZEOF_PROTOCOL_RESTART_PARAMETERS_REVISION_1);
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_ge(events[0].bytes, NDIS_SIZEOF_PROTOCOL_PAUSE_PARAMETERS_REVISION_1);
    EVENTS_WERE(NetEventPause);
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    EVENTS_WERE(NetEventRestart);
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(events[0].word, NdisDeviceStateD3);
    ck_assert_uint_eq(events[1].word, NdisDeviceStateD3);
    EVENTS_WERE(NetEventQueryPower, NetEventSetPower, NetEventPause);
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(events[1].word, NdisDeviceStateD0);
    EVENTS_WERE(NetEventRestart, NetEventSetPower);
    // To the protocol as a whole: no binding.
    ndis_binds_complete(w.box);
    ck_assert_ptr_null(events[0].context);
    EVENTS_WERE(NetEventBindsComplete, NetEventBindsComplete);   // to pa and pb
    ck_assert_int_eq(ndis_protocol_tell(w.box, "pa", NetEventReconfigure, &w, 4), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_protocol_tell(w.box, "pa", NetEventBindList, &w, 4), NDIS_STATUS_SUCCESS);
    EVENTS_WERE(NetEventReconfigure, NetEventBindList);
    ck_assert_int_eq(ndis_protocol_tell(w.box, "pa", NetEventIMReEnableDevice, &w, 4), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_null(events[0].context);
    EVENTS_WERE(NetEventIMReEnableDevice);
    // A user lets the adapter wake the system, or not.
    for (ULONG capabilities = 0; capabilities <= NDIS_DEVICE_WAKE_UP_ENABLE; capabilities += NDIS_DEVICE_WAKE_UP_ENABLE) {
        ck_assert_int_eq(ndis_adapter_tell(w.adapter, NetEventPnPCapabilities, &capabilities, sizeof capabilities), NDIS_STATUS_SUCCESS);
        ck_assert_ptr_eq(events[0].context, &pa->binding_context);
        ck_assert_uint_eq(events[0].bytes, sizeof(ULONG));
        ck_assert_uint_eq(events[0].word, capabilities);
        EVENTS_WERE(NetEventPnPCapabilities);
    }
    w_irql_was("ProtocolNetPnPEvent", PASSIVE_LEVEL);
    ck_assert_int_eq(ndis_adapter_query_remove(w.adapter), NDIS_STATUS_SUCCESS);
    w.adapter = NULL;
    EVENTS_WERE(NetEventQueryRemoveDevice, NetEventPause);
}

TEST(ProtocolNetPnPEvent_comes_at_PASSIVE_LEVEL_for_each_event_of_the_binding_or_the_protocol)
{
    w_own.protocol_event = event;
    w_own.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND;
    w_run(1, events_come);
}

static void
events_fail(void)
{
    static const NDIS_STATUS says[] = {NDIS_STATUS_FAILURE, NDIS_STATUS_RESOURCES};
    w_start(0, 1);
    for (size_t i = 0; i < 2; i++) {
        event_count = 0;
        event_fails = NetEventQueryRemoveDevice;
        event_says = says[i];
        ck_assert_int_eq(ndis_adapter_query_remove(w.adapter), says[i]);
        EVENTS_WERE(NetEventQueryRemoveDevice, NetEventCancelRemoveDevice);
        ck_assert(ndis_adapter_is_running(w.adapter));
    }
    // What may not be failed goes on as if it had not been.
    event_fails = NetEventPause;
    event_says = NDIS_STATUS_FAILURE;
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert(!ndis_adapter_is_running(w.adapter));
    // A binding that does not restart is unbound.
    event_fails = NetEventRestart;
    w_forget();
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("ProtocolUnbindAdapterEx"), 1);
}

TEST(ProtocolNetPnPEvent_may_fail_a_removal_and_a_restart_that_fails_unbinds)
{
    w_own.protocol_event = event;
    w_run(1, events_fail);
}

static NTAPI VOID
complete_event_later(void *context)
{
    w_sleep(100);
    later_done = true;
    NdisCompleteNetPnPEvent(pa->binding, pended_event, NDIS_STATUS_SUCCESS);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
events_pend(void)
{
    static const NET_PNP_EVENT_CODE codes[] = {NetEventPause, NetEventRestart};
    w_start(0, 1);
    event_says = NDIS_STATUS_PENDING;
    for (size_t i = 0; i < 2; i++) {
        event_fails = codes[i];
        run_later(complete_event_later);
        w_forget();
        ck_assert_int_eq(i ? ndis_adapter_restart(w.adapter) : ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
        ck_assert(later_done);
    }
    ck_assert(ndis_adapter_is_running(w.adapter));
}

TEST(ProtocolNetPnPEvent_that_pends_is_over_with_NdisCompleteNetPnPEvent)
{
    w_own.protocol_event = event;
    w_run(1, events_pend);
}

// ---- ProtocolStatusEx ---------------------------------------------------------------------------------------------------------

static NDIS_STATUS codes[8];
static NDIS_MEDIA_CONNECT_STATE link_seen;
static uint32_t code_count;

static NTAPI VOID
status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    ck_assert_ptr_eq(context, &w_protocol_of(context)->binding_context);
    if (code_count < 8)
        codes[code_count++] = indication->StatusCode;
    if (indication->StatusCode == NDIS_STATUS_LINK_STATE)
        link_seen = ((NDIS_LINK_STATE *)indication->StatusBuffer)->MediaConnectState;
}

static void
indicate_link(NDIS_MEDIA_CONNECT_STATE state)
{
    NDIS_LINK_STATE link = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_LINK_STATE_REVISION_1, NDIS_SIZEOF_LINK_STATE_REVISION_1},
                            .MediaConnectState = state,
                            .XmitLinkSpeed = 1000,
                            .RcvLinkSpeed = 1000};
    NDIS_STATUS_INDICATION indication = {.Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1,
                                                    NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
                                         .SourceHandle = w.mp,
                                         .StatusCode = NDIS_STATUS_LINK_STATE,
                                         .StatusBuffer = &link,
                                         .StatusBufferSize = sizeof link};
    NdisMIndicateStatusEx(w.mp, &indication);
}

static void
status_comes(void)
{
    KIRQL irql;
    w_start(0, 2);
    code_count = 0;
    w_forget();
    indicate_link(MediaConnectStateDisconnected);
    ck_assert_uint_eq(w_count("ProtocolStatusEx"), 2);   // of all that are bound
    w_irql_was("ProtocolStatusEx", PASSIVE_LEVEL);
    ck_assert_int_eq(link_seen, MediaConnectStateDisconnected);
    w_forget();
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    indicate_link(MediaConnectStateConnected);
    KeLowerIrql(irql);
    w_irql_was("ProtocolStatusEx", DISPATCH_LEVEL);
    code_count = 0;
    ck_assert_int_eq(ndis_adapter_reset(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(code_count, 4);
    ck_assert(codes[0] == NDIS_STATUS_RESET_START && codes[1] == NDIS_STATUS_RESET_START);
    ck_assert(codes[2] == NDIS_STATUS_RESET_END && codes[3] == NDIS_STATUS_RESET_END);
    // Paused bindings hear too; one that begins to run is told how the link is.
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    w_forget();
    indicate_link(MediaConnectStateDisconnected);
    ck_assert_uint_eq(w_count("ProtocolStatusEx"), 2);
    w_forget();
    link_seen = MediaConnectStateUnknown;
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("ProtocolStatusEx"), 2);
    ck_assert_int_eq(link_seen, MediaConnectStateDisconnected);
}

TEST(ProtocolStatusEx_comes_to_every_binding_at_the_indicators_IRQL_and_hears_of_resets)
{
    w_own.protocol_status = status;
    w_run(1, status_comes);
}

static struct {
    uint32_t sends, completions;
    NDIS_STATUS sent, asked;
    ULONG codes;
} during_reset;

static NTAPI NDIS_STATUS
reset_pends(NDIS_HANDLE context, PBOOLEAN addressing)
{
    return NDIS_STATUS_PENDING;
}

static NTAPI VOID
use_during_reset(void *context)
{
    ULONG value;
    NDIS_OID_REQUEST request;
    while (!w_count("MiniportResetEx"))
        w_sleep(1);
    NdisSendNetBufferLists(pa->binding, w_nbl(pa, 2), 0, 0);
    during_reset.sends = w_count("MiniportSendNetBufferLists");
    during_reset.completions = w_count("ProtocolSendNetBufferListsComplete");
    during_reset.sent = pa->completed ? NET_BUFFER_LIST_STATUS(pa->completed) : NDIS_STATUS_PENDING;
    w_request(&request, NdisRequestQueryInformation, OID_GEN_XMIT_ERROR, &value, sizeof value);
    during_reset.asked = NdisOidRequest(pa->binding, &request);
    during_reset.codes = code_count;
    NdisMResetComplete(w.mp, NDIS_STATUS_SUCCESS, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
status_during_reset(void)
{
    w_start(0, 1);
    w_forget();
    code_count = 0;
    run_later(use_during_reset);
    ck_assert_int_eq(ndis_adapter_reset(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(during_reset.codes, 1);     // NDIS_STATUS_RESET_START
    ck_assert_uint_eq(during_reset.sends, 0);
    ck_assert_uint_eq(during_reset.completions, 1);
    ck_assert_int_eq(during_reset.sent, NDIS_STATUS_RESET_IN_PROGRESS);
    ck_assert_int_eq(during_reset.asked, NDIS_STATUS_RESET_IN_PROGRESS);
    ck_assert_uint_eq(code_count, 2);
    NdisSendNetBufferLists(pa->binding, w_nbl(pa, 3), 0, 0);
    ck_assert_uint_eq(w_count("MiniportSendNetBufferLists"), 1);
    w_protocol_free(pa);
}

TEST(ProtocolStatusEx_tells_of_a_reset_during_which_NDIS_accepts_neither_sends_nor_requests)
{
    w_own.protocol_status = status;
    w_own.reset = reset_pends;
    w_run(1, status_during_reset);
}

static void
without_status(uint32_t which, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars)
{
    if (which == 0)
        chars->StatusHandlerEx = NULL;
}

static void
status_passes_by(void)
{
    ck_assert_uint_eq(w.loaded, 31);
    w_start(0, 2);
    w_forget();
    indicate_link(MediaConnectStateDisconnected);
    ck_assert_uint_eq(w_count("ProtocolStatusEx"), 1);
    ck_assert_ptr_eq(w_call("ProtocolStatusEx")->context, &w.protocol[1].binding_context);
}

TEST(ProtocolStatusEx_may_be_left_NULL)
{
    w_own.edit_protocol = without_status;
    w_run(1, status_passes_by);
}

// ---- ProtocolUninstall ----------------------------------------------------------------------------------------------------------

static bool deregisters;

static NTAPI VOID
uninstall(VOID)
{
    if (!deregisters)
        return;
    NdisDeregisterProtocolDriver(pa->driver);
    pa->driver = NULL;
}

static void
uninstalls(void)
{
    w_start(0, 2);
    w_forget();
    ck_assert_int_eq(ndis_protocol_uninstall(w.box, "pa"), NDIS_STATUS_SUCCESS);
    // Unbound from each adapter first; the other protocol stays.
    w_order_is("ProtocolUnbindAdapterEx ProtocolUninstall");
    w_irql_was("ProtocolUninstall", PASSIVE_LEVEL);
    ck_assert_ptr_eq(w_call("ProtocolUnbindAdapterEx")->context, &pa->binding_context);
    ck_assert_int_eq(ndis_adapter_bind(w.adapter, "pa"), NDIS_STATUS_ADAPTER_NOT_FOUND);
    if (deregisters)
        ck_assert_int_eq(ndis_protocol_uninstall(w.box, "pa"), NDIS_STATUS_ADAPTER_NOT_FOUND);
    NdisSendNetBufferLists(w.protocol[1].binding, w_nbl(&w.protocol[1], 1), 0, 0);
    ck_assert_uint_eq(w_count("MiniportSendNetBufferLists"), 1);
}

TEST(ProtocolUninstall_comes_at_PASSIVE_LEVEL_when_every_adapter_is_unbound_and_may_deregister)
{
    w_own.uninstall = uninstall;
    w_run(1, uninstalls);
    deregisters = true;
    w_run(1, uninstalls);
}

static void
without_uninstall(uint32_t which, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars)
{
    chars->UninstallHandler = NULL;
}

static void
uninstall_passes_by(void)
{
    w_start(0, 1);
    w_forget();
    ck_assert_int_eq(ndis_protocol_uninstall(w.box, "pa"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("ProtocolUnbindAdapterEx"), 1);
    ck_assert_uint_eq(w_count("ProtocolUninstall"), 0);
}

TEST(ProtocolUninstall_may_be_left_NULL)
{
    w_own.edit_protocol = without_uninstall;
    w_run(1, uninstall_passes_by);
}
