// SPDX-License-Identifier: MIT
// Requests as the callbacks' pages tell them, regular and direct: who is asked, at which IRQL, one at a time or not, what each status does
// for who asked, and when a driver is asked to give a request back (its originator cancels it, or its time-out expires).
#include <string.h>

#include "witness.h"

static struct w_protocol *const pa = &w.protocol[0];
static struct w_filter *const fa = &w.filter[0], *const fb = &w.filter[1];

#define PRIVATE_OID 0xff770001
#define REQUEST_ID ((void *)0x1234)

static NDIS_OID_REQUEST request, second;
static uint32_t value;

static void
make(NDIS_OID_REQUEST *r, NDIS_REQUEST_TYPE type)
{
    w_request(r, type, PRIVATE_OID, &value, sizeof value);
    r->RequestId = REQUEST_ID;
}

static bool
is_done(void)
{
    return pa->done != NULL;
}

static bool
is_pended(void)
{
    return w.pended != NULL;
}

// What the asker hears in the end, by return value or by completion.
static NDIS_STATUS
answer(NDIS_STATUS status)
{
    if (status != NDIS_STATUS_PENDING)
        return status;
    w_until(is_done);
    return pa->done_status;
}

static const NDIS_STATUS finals[] = {
    NDIS_STATUS_SUCCESS, NDIS_STATUS_INVALID_OID, NDIS_STATUS_NOT_SUPPORTED, NDIS_STATUS_BUFFER_TOO_SHORT, NDIS_STATUS_INVALID_LENGTH,
    NDIS_STATUS_INVALID_DATA, NDIS_STATUS_NOT_ACCEPTED, NDIS_STATUS_RESOURCES, NDIS_STATUS_FAILURE, NDIS_STATUS_REQUEST_ABORTED,
    NDIS_STATUS_INDICATION_REQUIRED};
#define FINALS (sizeof finals / sizeof finals[0])

// ---- the drivers below --------------------------------------------------------------------------------------------------------

static NDIS_STATUS below_says;
static bool below_pends;
static uint32_t below_inside, below_most;

static NDIS_STATUS
below(NDIS_OID_REQUEST *r)
{
    if (r->DATA.QUERY_INFORMATION.Oid != PRIVATE_OID)
        return r->RequestType == NdisRequestSetInformation ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
    below_inside++;
    below_most = below_inside > below_most ? below_inside : below_most;
    if (r->RequestType == NdisRequestQueryInformation) {
        *(uint32_t *)r->DATA.QUERY_INFORMATION.InformationBuffer = 77;
        r->DATA.QUERY_INFORMATION.BytesWritten = 4;
    } else
        r->DATA.SET_INFORMATION.BytesRead = 4;
    if (below_says == NDIS_STATUS_BUFFER_TOO_SHORT || below_says == NDIS_STATUS_INVALID_LENGTH)
        r->DATA.QUERY_INFORMATION.BytesNeeded = 9;
    if (below_pends) {
        w.pended = r;
        return NDIS_STATUS_PENDING;
    }
    below_inside--;
    return below_says;
}

static NTAPI NDIS_STATUS
mp_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST r)
{
    ck_assert_ptr_eq(context, &w.mp_context);
    return below(r);
}

static void
pended_is_over(NDIS_STATUS status)
{
    NDIS_OID_REQUEST *r = w.pended;
    w.pended = NULL;
    below_inside--;
    NdisMOidRequestComplete(w.mp, r, status);
}

static void *id_cancelled;

static NTAPI VOID
mp_cancel(NDIS_HANDLE context, PVOID id)
{
    ck_assert_ptr_eq(context, &w.mp_context);
    id_cancelled = id;
    if (w.pended)
        pended_is_over(NDIS_STATUS_REQUEST_ABORTED);
}

// ---- MiniportOidRequest, ProtocolOidRequestComplete ---------------------------------------------------------------------------

static void
miniport_answers(void)
{
    w_start(0, 1);
    for (size_t i = 0; i < FINALS; i++) {
        for (int pends = 0; pends < 2; pends++) {
            below_says = finals[i];
            below_pends = pends;
            pa->done = NULL;
            make(&request, NdisRequestQueryInformation);
            w_forget();
            NDIS_STATUS status = NdisOidRequest(pa->binding, &request);
            w_irql_was("MiniportOidRequest", PASSIVE_LEVEL);
            if (pends) {
                ck_assert_int_eq(status, NDIS_STATUS_PENDING);
                pended_is_over(finals[i]);
                ck_assert_uint_eq(w_count("ProtocolOidRequestComplete"), 1);
                ck_assert_ptr_eq(w_call("ProtocolOidRequestComplete")->context, &pa->binding_context);
                ck_assert_ptr_eq(pa->done, &request);
            } else
                ck_assert_uint_eq(w_count("ProtocolOidRequestComplete"), 0);
            ck_assert_int_eq(answer(status), finals[i]);
            ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesWritten, 4);
            if (finals[i] == NDIS_STATUS_BUFFER_TOO_SHORT || finals[i] == NDIS_STATUS_INVALID_LENGTH)
                ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesNeeded, 9);
        }
    }
    below_pends = false;
    below_says = NDIS_STATUS_SUCCESS;
    make(&request, NdisRequestSetInformation);
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(request.DATA.SET_INFORMATION.BytesRead, 4);
}

TEST(MiniportOidRequest_gives_each_status_at_once_or_later_to_who_asked)
{
    w_own.mp_oid = mp_oid;
    w_run(1, miniport_answers);
}

TEST(ProtocolOidRequestComplete_comes_for_a_pended_request_alone_with_its_status_and_bytes)
{
    w_own.mp_oid = mp_oid;
    w_run(1, miniport_answers);
}

static void
miniport_has_one(void)
{
    KIRQL irql;
    w_start(0, 1);
    below_pends = true;
    make(&request, NdisRequestQueryInformation);
    make(&second, NdisRequestQueryInformation);
    w_forget();
    KeRaiseIrql(DISPATCH_LEVEL, &irql);           // the caller's level is not the driver's
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
    ck_assert_int_eq(NdisOidRequest(pa->binding, &second), NDIS_STATUS_PENDING);
    ck_assert_uint_eq(w_count("MiniportOidRequest"), 0);
    KeLowerIrql(irql);
    w_until(is_pended);
    w_irql_was("MiniportOidRequest", PASSIVE_LEVEL);
    w_sleep(10);
    ck_assert_uint_eq(w_count("MiniportOidRequest"), 1);   // the second waits for the first
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    pended_is_over(NDIS_STATUS_SUCCESS);
    KeLowerIrql(irql);
    ck_assert_uint_eq(w_call("ProtocolOidRequestComplete")->irql, DISPATCH_LEVEL);
    w_until(is_pended);
    w_irql_was("MiniportOidRequest", PASSIVE_LEVEL);
    pended_is_over(NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(below_most, 1);
    ck_assert_uint_eq(w_count("MiniportOidRequest"), 2);
    // NDIS's own requests come the same way.
    below_pends = false;
    w_forget();
    ck_assert_int_eq(ndis_adapter_oid(w.adapter, NdisRequestQueryInformation, PRIVATE_OID, &value, 4, NULL), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("MiniportOidRequest"), 1);
}

TEST(MiniportOidRequest_is_called_at_PASSIVE_LEVEL_with_one_request_at_a_time)
{
    w_own.mp_oid = mp_oid;
    w_run(1, miniport_has_one);
}

// ---- cancelling ---------------------------------------------------------------------------------------------------------------

static void
miniport_cancels(void)
{
    KIRQL irql;
    w_start(0, 1);
    below_pends = true;
    for (int high = 0; high < 2; high++) {
        make(&request, NdisRequestQueryInformation);
        pa->done = NULL;
        id_cancelled = NULL;
        w_forget();
        ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
        NdisCancelOidRequest(pa->binding, &value);   // no request has this identifier
        ck_assert_uint_eq(w_count("MiniportCancelOidRequest"), 0);
        if (high)
            KeRaiseIrql(DISPATCH_LEVEL, &irql);
        NdisCancelOidRequest(pa->binding, REQUEST_ID);
        if (high)
            KeLowerIrql(irql);
        w_irql_was("MiniportCancelOidRequest", high ? DISPATCH_LEVEL : PASSIVE_LEVEL);
        ck_assert_ptr_eq(id_cancelled, REQUEST_ID);
        w_until(is_done);
        ck_assert_int_eq(pa->done_status, NDIS_STATUS_REQUEST_ABORTED);
    }
}

TEST(MiniportCancelOidRequest_gets_the_identifier_of_the_request_that_the_miniport_has)
{
    w_own.mp_oid = mp_oid;
    w_own.mp_cancel_oid = mp_cancel;
    w_run(1, miniport_cancels);
}

static void
miniport_times_out(void)
{
    w_start(0, 1);
    below_pends = true;
    make(&request, NdisRequestQueryInformation);
    request.Timeout = 3;
    w_forget();
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
    w_sleep(2900);
    ck_assert_uint_eq(w_count("MiniportCancelOidRequest"), 0);
    w_sleep(200);
    ck_assert_uint_eq(w_count("MiniportCancelOidRequest"), 1);
    ck_assert_uint_le(w_call("MiniportCancelOidRequest")->irql, DISPATCH_LEVEL);
    w_until(is_done);
    ck_assert_int_eq(pa->done_status, NDIS_STATUS_REQUEST_ABORTED);
    // One that is answered in time is never asked for, nor is one without a time-out.
    for (UINT timeout = 0; timeout < 4; timeout += 3) {
        make(&request, NdisRequestQueryInformation);
        request.Timeout = timeout;
        pa->done = NULL;
        w_forget();
        ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
        w_sleep(timeout ? 2000 : 20000);
        pended_is_over(NDIS_STATUS_SUCCESS);
        w_sleep(5000);
        ck_assert_uint_eq(w_count("MiniportCancelOidRequest"), 0);
        ck_assert_int_eq(pa->done_status, NDIS_STATUS_SUCCESS);
    }
}

TEST(MiniportCancelOidRequest_is_called_when_the_requests_Timeout_expires)
{
    w_own.mp_oid = mp_oid;
    w_own.mp_cancel_oid = mp_cancel;
    w_run(1, miniport_times_out);
}

static NTAPI VOID
filter_cancel(NDIS_HANDLE context, PVOID id)
{
    ck_assert_ptr_eq(id, REQUEST_ID);
    NdisFCancelOidRequest(w_filter_of(context)->module, id);
}

static void
filter_cancels(void)
{
    w_start(1, 1);
    below_pends = true;
    make(&request, NdisRequestQueryInformation);
    w_forget();
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
    NdisCancelOidRequest(pa->binding, REQUEST_ID);
    w_order_is("FilterCancelOidRequest MiniportCancelOidRequest");
    w_irql_was("FilterCancelOidRequest", PASSIVE_LEVEL);
    ck_assert_ptr_eq(w_call("FilterCancelOidRequest")->context, &fa->module_context);
    w_until(is_done);
    ck_assert_int_eq(pa->done_status, NDIS_STATUS_REQUEST_ABORTED);
    make(&request, NdisRequestQueryInformation);
    request.Timeout = 1;
    pa->done = NULL;
    w_forget();
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
    w_sleep(1100);
    ck_assert_uint_ge(w_count("FilterCancelOidRequest"), 1);
    w_until(is_done);
    ck_assert_int_eq(pa->done_status, NDIS_STATUS_REQUEST_ABORTED);
}

TEST(FilterCancelOidRequest_is_called_when_the_originator_cancels_or_the_Timeout_expires)
{
    w_own.mp_oid = mp_oid;
    w_own.mp_cancel_oid = mp_cancel;
    w_own.filter_cancel_oid = filter_cancel;
    w_run(1, filter_cancels);
}

static void
without_cancel(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *chars)
{
    chars->CancelOidRequestHandler = NULL;
    chars->CancelDirectOidRequestHandler = NULL;
}

static void
cancel_passes_by(void)
{
    w_start(2, 1);
    below_pends = true;
    make(&request, NdisRequestQueryInformation);
    w_forget();
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
    NdisCancelOidRequest(pa->binding, REQUEST_ID);
    ck_assert_uint_eq(w_count("MiniportCancelOidRequest"), 1);
    w_until(is_done);
    ck_assert_int_eq(pa->done_status, NDIS_STATUS_REQUEST_ABORTED);
}

TEST(FilterCancelOidRequest_that_a_driver_leaves_NULL_is_passed_by_and_the_driver_below_is_asked)
{
    w_own.edit_filter = without_cancel;
    w_own.mp_oid = mp_oid;
    w_own.mp_cancel_oid = mp_cancel;
    w_run(1, cancel_passes_by);
}

// ---- FilterOidRequest and its completion --------------------------------------------------------------------------------------

static void
filters_pass(void)
{
    w_start(2, 1);
    for (size_t i = 0; i < FINALS; i++) {
        for (int pends = 0; pends < 2; pends++) {
            below_says = finals[i];
            below_pends = pends;
            pa->done = NULL;
            value = 0;
            make(&request, NdisRequestQueryInformation);
            w_forget();
            NDIS_STATUS status = NdisOidRequest(pa->binding, &request);
            w_order_is("FilterOidRequest FilterOidRequest MiniportOidRequest");
            ck_assert_ptr_eq(w.calls[0].context, &fb->module_context);   // from the highest down
            if (pends) {
                ck_assert_uint_eq(w_count("FilterOidRequestComplete"), 0);
                pended_is_over(finals[i]);
                w_order_is("FilterOidRequestComplete FilterOidRequestComplete ProtocolOidRequestComplete");
            } else
                ck_assert_uint_eq(w_count("FilterOidRequestComplete"), 0);
            ck_assert_int_eq(answer(status), finals[i]);
            ck_assert_uint_eq(value, 77);
            ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesWritten, 4);
        }
    }
}

TEST(FilterOidRequest_is_called_from_the_highest_down_and_each_status_goes_back_up)
{
    w_own.mp_oid = mp_oid;
    w_run(1, filters_pass);
}

static NDIS_OID_REQUEST *completed;
static NDIS_STATUS completed_status;

static NTAPI VOID
filter_own_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST r, NDIS_STATUS status)
{
    ck_assert_ptr_eq(context, &fa->module_context);
    completed = r;
    completed_status = status;
}

static void
filter_asks(void)
{
    KIRQL irql;
    w_start(1, 1);
    below_pends = true;
    make(&request, NdisRequestQueryInformation);
    w_forget();
    ck_assert_int_eq(NdisFOidRequest(fa->module, &request), NDIS_STATUS_PENDING);
    ck_assert_uint_eq(w_count("FilterOidRequest"), 0);   // its own goes to the driver below
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    pended_is_over(NDIS_STATUS_RESOURCES);
    KeLowerIrql(irql);
    ck_assert_ptr_eq(completed, &request);
    ck_assert_int_eq(completed_status, NDIS_STATUS_RESOURCES);
    w_irql_was("FilterOidRequestComplete", DISPATCH_LEVEL);   // at the level of the completion
    ck_assert_uint_eq(w_count("ProtocolOidRequestComplete"), 0);
    below_pends = false;
    w_forget();
    below_says = NDIS_STATUS_SUCCESS;
    make(&request, NdisRequestQueryInformation);
    ck_assert_int_eq(NdisFOidRequest(fa->module, &request), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("FilterOidRequestComplete"), 0);   // answered by the return value
}

TEST(FilterOidRequestComplete_comes_for_what_the_filter_sent_down_and_had_pended)
{
    w_own.mp_oid = mp_oid;
    w_own.filter_oid_complete = filter_own_complete;
    w_run(1, filter_asks);
}

static NDIS_STATUS filter_says;
static NDIS_OID_REQUEST *filter_has;

static NTAPI NDIS_STATUS
filter_answers(NDIS_HANDLE context, PNDIS_OID_REQUEST r)
{
    if (r->DATA.QUERY_INFORMATION.Oid != PRIVATE_OID)
        return w_filter_pass(w_filter_of(context), r, false);
    if (filter_says == NDIS_STATUS_PENDING)
        filter_has = r;
    return filter_says;
}

static void
filter_has_one(void)
{
    KIRQL irql;
    w_start(1, 1);
    for (size_t i = 0; i < FINALS; i++) {
        filter_says = finals[i];
        make(&request, NdisRequestSetInformation);
        w_forget();
        ck_assert_int_eq(NdisOidRequest(pa->binding, &request), finals[i]);
        ck_assert_uint_eq(w_count("MiniportOidRequest"), 0);
    }
    filter_says = NDIS_STATUS_PENDING;
    make(&request, NdisRequestSetInformation);
    make(&second, NdisRequestSetInformation);
    w_forget();
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
    ck_assert_int_eq(NdisOidRequest(pa->binding, &second), NDIS_STATUS_PENDING);
    w_sleep(10);
    ck_assert_uint_eq(w_count("FilterOidRequest"), 1);   // one at a time
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NdisFOidRequestComplete(fa->module, filter_has, NDIS_STATUS_SUCCESS);
    KeLowerIrql(irql);
    w_sleep(10);
    ck_assert_uint_eq(w_count("FilterOidRequest"), 2);
    w_irql_was("FilterOidRequest", PASSIVE_LEVEL);
    ck_assert_ptr_eq(filter_has, &second);
    NdisFOidRequestComplete(fa->module, filter_has, NDIS_STATUS_FAILURE);
    ck_assert_int_eq(pa->done_status, NDIS_STATUS_FAILURE);
}

TEST(FilterOidRequest_answers_itself_at_once_or_later_and_gets_one_request_at_a_time)
{
    w_own.filter_oid = filter_answers;
    w_run(1, filter_has_one);
}

static void
without_requests(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *chars)
{
    if (which != 1)
        return;
    chars->OidRequestHandler = NULL;
    chars->OidRequestCompleteHandler = NULL;
    chars->CancelOidRequestHandler = NULL;
    chars->DirectOidRequestHandler = NULL;
    chars->DirectOidRequestCompleteHandler = NULL;
    chars->CancelDirectOidRequestHandler = NULL;
}

static void
requests_pass_by(void)
{
    w_start(2, 1);
    make(&request, NdisRequestSetInformation);
    w_forget();
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("FilterOidRequest"), 1);
    ck_assert_ptr_eq(w_call("FilterOidRequest")->context, &fa->module_context);
    make(&request, NdisRequestSetInformation);
    ck_assert_int_eq(NdisDirectOidRequest(pa->binding, &request), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("FilterDirectOidRequest"), 1);
    ck_assert_ptr_eq(w_call("FilterDirectOidRequest")->context, &fa->module_context);
}

TEST(FilterOidRequest_that_a_driver_leaves_NULL_is_passed_by)
{
    w_own.edit_filter = without_requests;
    w_run(1, requests_pass_by);
}

static void
sleeps_below_filters(void)
{
    w_start(2, 1);
    w_forget();
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD2), NDIS_STATUS_SUCCESS);
    ck_assert_uint_ge(w_count("FilterOidRequest"), 4);   // query and set of the power state, through both
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    ck_assert(ndis_adapter_is_running(w.adapter));
    // But nobody above NDIS may set it.
    NDIS_DEVICE_POWER_STATE state = NdisDeviceStateD3;
    w_request(&request, NdisRequestSetInformation, OID_PNP_SET_POWER, &state, sizeof state);
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_NOT_SUPPORTED);
    w_request(&request, NdisRequestSetInformation, OID_PNP_SET_POWER, &state, sizeof state);
    ck_assert_int_eq(NdisFOidRequest(fb->module, &request), NDIS_STATUS_NOT_SUPPORTED);
}

TEST(FilterOidRequest_sees_what_NDIS_itself_sets_and_passes_it_on_to_the_miniport)
{
    w_own.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND;
    w_run(1, sleeps_below_filters);
}

// ---- direct requests ----------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
mp_direct(NDIS_HANDLE context, PNDIS_OID_REQUEST r)
{
    ck_assert_ptr_eq(context, &w.mp_context);
    return below(r);
}

static void
direct_is_over(NDIS_OID_REQUEST *r, NDIS_STATUS status)
{
    w.pended = NULL;
    NdisMDirectOidRequestComplete(w.mp, r, status);
}

static NTAPI VOID
mp_cancel_direct(NDIS_HANDLE context, PVOID id)
{
    ck_assert_ptr_eq(context, &w.mp_context);
    id_cancelled = id;
    if (w.pended)
        direct_is_over(w.pended, NDIS_STATUS_REQUEST_ABORTED);
}

static void
direct_goes(void)
{
    KIRQL irql;
    w_start(1, 1);
    for (size_t i = 0; i < FINALS; i++) {
        for (int mode = 0; mode < 4; mode++) {    // pends or not, at DISPATCH or not
            below_says = finals[i];
            below_pends = mode & 1;
            pa->done = NULL;
            value = 0;
            make(&request, NdisRequestQueryInformation);
            w_forget();
            KeRaiseIrql(mode & 2 ? DISPATCH_LEVEL : PASSIVE_LEVEL, &irql);
            NDIS_STATUS status = NdisDirectOidRequest(pa->binding, &request);
            w_order_is("FilterDirectOidRequest MiniportDirectOidRequest");
            w_irql_was("FilterDirectOidRequest", mode & 2 ? DISPATCH_LEVEL : PASSIVE_LEVEL);   // at the caller's level, at once
            w_irql_was("MiniportDirectOidRequest", mode & 2 ? DISPATCH_LEVEL : PASSIVE_LEVEL);
            if (mode & 1) {
                ck_assert_int_eq(status, NDIS_STATUS_PENDING);
                direct_is_over(w.pended, finals[i]);
                w_order_is("FilterDirectOidRequestComplete ProtocolDirectOidRequestComplete");
                w_irql_was("ProtocolDirectOidRequestComplete", mode & 2 ? DISPATCH_LEVEL : PASSIVE_LEVEL);
                ck_assert_ptr_eq(w_call("FilterDirectOidRequestComplete")->context, &fa->module_context);
                ck_assert_ptr_eq(w_call("ProtocolDirectOidRequestComplete")->context, &pa->binding_context);
                ck_assert_ptr_eq(pa->done, &request);
                status = pa->done_status;
            } else
                ck_assert_uint_eq(w_count("FilterDirectOidRequestComplete") + w_count("ProtocolDirectOidRequestComplete"), 0);
            KeLowerIrql(irql);
            ck_assert_int_eq(status, finals[i]);
            ck_assert_uint_eq(value, 77);
            ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesWritten, 4);
        }
    }
}

TEST(MiniportDirectOidRequest_is_called_at_the_callers_IRQL_and_gives_each_status)
{
    w_own.mp_direct = mp_direct;
    w_run(1, direct_goes);
}

TEST(FilterDirectOidRequest_is_called_at_the_callers_IRQL_and_each_status_goes_back_up)
{
    w_own.mp_direct = mp_direct;
    w_run(1, direct_goes);
}

TEST(ProtocolDirectOidRequestComplete_comes_for_a_pended_request_alone)
{
    w_own.mp_direct = mp_direct;
    w_run(1, direct_goes);
}

static void
direct_is_not_serialised(void)
{
    NDIS_OID_REQUEST *out[2];
    w_start(1, 1);
    below_pends = true;
    make(&request, NdisRequestQueryInformation);
    make(&second, NdisRequestQueryInformation);
    ck_assert_int_eq(NdisDirectOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
    out[0] = w.pended;
    ck_assert_int_eq(NdisDirectOidRequest(pa->binding, &second), NDIS_STATUS_PENDING);
    out[1] = w.pended;
    ck_assert_ptr_ne(out[0], out[1]);
    ck_assert_uint_eq(below_most, 2);             // both are out at once, the second is answered first
    direct_is_over(out[1], NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(pa->done, &second);
    direct_is_over(out[0], NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(pa->done, &request);
}

TEST(MiniportDirectOidRequest_may_have_several_requests_out)
{
    w_own.mp_direct = mp_direct;
    w_run(1, direct_is_not_serialised);
}

TEST(FilterDirectOidRequest_may_have_several_requests_out)
{
    w_own.mp_direct = mp_direct;
    w_run(1, direct_is_not_serialised);
}

static void
direct_filter_asks(void)
{
    w_start(1, 1);
    below_pends = true;
    make(&request, NdisRequestQueryInformation);
    w_forget();
    ck_assert_int_eq(NdisFDirectOidRequest(fa->module, &request), NDIS_STATUS_PENDING);
    ck_assert_uint_eq(w_count("FilterDirectOidRequest"), 0);
    direct_is_over(w.pended, NDIS_STATUS_FAILURE);
    ck_assert_ptr_eq(completed, &request);
    ck_assert_int_eq(completed_status, NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(w_count("ProtocolDirectOidRequestComplete"), 0);
}

TEST(FilterDirectOidRequestComplete_comes_for_what_the_filter_sent_down_and_had_pended)
{
    w_own.mp_direct = mp_direct;
    w_own.filter_direct_complete = filter_own_complete;
    w_run(1, direct_filter_asks);
}

static void
direct_cancels(void)
{
    KIRQL irql;
    w_start(1, 1);
    below_pends = true;
    for (int high = 0; high < 2; high++) {
        make(&request, NdisRequestQueryInformation);
        request.Timeout = 1;
        pa->done = NULL;
        w_forget();
        ck_assert_int_eq(NdisDirectOidRequest(pa->binding, &request), NDIS_STATUS_PENDING);
        w_sleep(3000);
        ck_assert_uint_eq(w_count("MiniportCancelDirectOidRequest"), 0);   // a time-out is nothing to a direct request
        ck_assert_uint_eq(w_count("FilterCancelDirectOidRequest"), 0);
        KeRaiseIrql(high ? DISPATCH_LEVEL : PASSIVE_LEVEL, &irql);
        NdisCancelDirectOidRequest(pa->binding, REQUEST_ID);
        KeLowerIrql(irql);
        ck_assert_ptr_eq(id_cancelled, REQUEST_ID);
        w_irql_was("MiniportCancelDirectOidRequest", high ? DISPATCH_LEVEL : PASSIVE_LEVEL);
        ck_assert_int_eq(pa->done_status, NDIS_STATUS_REQUEST_ABORTED);
    }
}

static void
direct_cancels_through_a_handler(void)
{
    direct_cancels();
    ck_assert_uint_eq(w_count("FilterCancelDirectOidRequest"), 1);
    ck_assert_ptr_eq(w_call("FilterCancelDirectOidRequest")->context, &fa->module_context);
    w_irql_was("FilterCancelDirectOidRequest", DISPATCH_LEVEL);
}

TEST(MiniportCancelDirectOidRequest_is_called_when_the_originator_cancels_and_not_by_a_Timeout)
{
    w_own.mp_direct = mp_direct;
    w_own.mp_cancel_direct = mp_cancel_direct;
    w_run(1, direct_cancels);
}

TEST(FilterCancelDirectOidRequest_is_called_when_the_originator_cancels)
{
    w_own.mp_direct = mp_direct;
    w_own.mp_cancel_direct = mp_cancel_direct;
    w_run(1, direct_cancels_through_a_handler);
}

TEST(FilterCancelDirectOidRequest_that_a_driver_leaves_NULL_is_passed_by_and_the_driver_below_is_asked)
{
    w_own.edit_filter = without_cancel;
    w_own.mp_direct = mp_direct;
    w_own.mp_cancel_direct = mp_cancel_direct;
    w_run(1, direct_cancels);
}

TEST(FilterDirectOidRequest_that_a_driver_leaves_NULL_is_passed_by)
{
    w_own.edit_filter = without_requests;
    w_run(1, requests_pass_by);
}
