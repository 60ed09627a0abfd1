// SPDX-License-Identifier: MIT
// What passes through passthru besides frames: OID requests (regular, direct and synchronous) with their results, pends and cancels;
// status indications; plug and play events with their vetoes. The miniport below and the protocol above are the witnesses of
// tests/ddi/callbacks; between them stands one passthru, or a second one on the first.
//   pa -- [outer -- v1] -- passthru, v0 -- mp's nic0
#include "ddi/callbacks/witness.h"

#include <string.h>

#include "storey.h"

static struct pass {
    struct ndis_adapter *v[2];                // the virtual miniports, from below
    uint32_t storeys;
    NDIS_OID_REQUEST request;
    ULONG buffer[4];
    NDIS_OID_REQUEST *held;                   // by the miniport
    NDIS_STATUS answer;
    uint32_t asked;
    ULONG said[4];                            // what the last status indication brought
    NDIS_STATUS said_code;
    ULONG said_bytes;
    NDIS_HANDLE said_source;
    NDIS_STATUS veto;
    NET_PNP_EVENT_CODE event;
} pass;

static void
pass_stand(void)
{
    uint32_t storeys = pass.storeys;
    memset(&pass, 0, sizeof pass);
    pass.storeys = storeys;
    w_start(0, 0);
    for (uint32_t i = 0; i < storeys; i++)
        storey_add(w.box, i ? pass.v[i - 1] : w.adapter, i, &pass.v[i]);
    ck_assert_int_eq(ndis_adapter_bind(pass.v[storeys - 1], "pa"), NDIS_STATUS_SUCCESS);
    w_forget();
}

static void
pass_end(void)
{
    w_remove();
    for (uint32_t i = 0; i < pass.storeys; i++)
        ck_assert_ptr_null(pass.v[i]);
    storeys_unload(w.box, pass.storeys);
}

static void (*pass_body)(void);

static void
pass_inside(void)
{
    pass_stand();
    pass_body();
    pass_end();
}

// Each with one storey and with two.
static void
pass_run(void (*body)(void))
{
    pass_body = body;
    for (pass.storeys = 1; pass.storeys <= 2; pass.storeys++)
        for (uint64_t seed = 1; seed <= 10; seed++)
            w_run(seed, pass_inside);
}

// ---- OID requests -------------------------------------------------------------------------------------------------------------------

// The miniport's side, for each kind: the OID and the first word must be what the protocol gave; the answer is the next number.
static NDIS_STATUS
miniport_answer(NDIS_OID_REQUEST *request)
{
    pass.asked++;
    if (request->RequestType == NdisRequestMethod) {
        ULONG *words = request->DATA.METHOD_INFORMATION.InformationBuffer;
        ck_assert_uint_eq(request->DATA.METHOD_INFORMATION.InputBufferLength, 4);
        ck_assert_uint_eq(request->DATA.METHOD_INFORMATION.OutputBufferLength, 16);
        words[0] += 1;
        request->DATA.METHOD_INFORMATION.BytesRead = 4;
        request->DATA.METHOD_INFORMATION.BytesWritten = 12;
        request->DATA.METHOD_INFORMATION.BytesNeeded = 7;
        return pass.answer;
    }
    if (request->RequestType == NdisRequestSetInformation) {
        ck_assert_uint_eq(*(ULONG *)request->DATA.SET_INFORMATION.InformationBuffer, 41);
        request->DATA.SET_INFORMATION.BytesRead = 4;
        request->DATA.SET_INFORMATION.BytesNeeded = 9;
        return pass.answer;
    }
    *(ULONG *)request->DATA.QUERY_INFORMATION.InformationBuffer = 42;
    request->DATA.QUERY_INFORMATION.BytesWritten = 4;
    request->DATA.QUERY_INFORMATION.BytesNeeded = 5;
    return pass.answer;
}

#define OID_TEST OID_GEN_VENDOR_DRIVER_VERSION   // one that NDIS does not answer itself

static NTAPI NDIS_STATUS
miniport_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    if (request->DATA.QUERY_INFORMATION.Oid == OID_GEN_SUPPORTED_LIST)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (request->DATA.QUERY_INFORMATION.Oid != OID_TEST)
        return NDIS_STATUS_SUCCESS;
    NDIS_STATUS status = miniport_answer(request);
    if (status == NDIS_STATUS_PENDING)
        pass.held = request;
    return status;
}

static NTAPI NDIS_STATUS
miniport_direct(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    NDIS_STATUS status = miniport_answer(request);
    if (status == NDIS_STATUS_PENDING)
        pass.held = request;
    return status;
}

static NTAPI NDIS_STATUS
miniport_synchronous(NDIS_HANDLE context, NDIS_OID_REQUEST *request)
{
    return miniport_answer(request);
}

static void
miniport_is_new(NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars)
{
    chars->Header.Revision = NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3;
    chars->Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3;
    chars->SynchronousOidRequestHandler = miniport_synchronous;
}

static void
protocol_is_new(uint32_t which, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars)
{
    chars->MinorNdisVersion = 80;
}

typedef NTAPI NDIS_STATUS (*ask_fn)(NDIS_HANDLE, PNDIS_OID_REQUEST);

static NDIS_STATUS
ask(ask_fn door, NDIS_REQUEST_TYPE type)
{
    struct w_protocol *protocol = &w.protocol[0];
    memset(pass.buffer, 0, sizeof pass.buffer);
    pass.buffer[0] = 41;
    w_request(&pass.request, type, OID_TEST, pass.buffer, sizeof pass.buffer);
    pass.request.RequestId = &pass;
    if (type == NdisRequestMethod) {
        pass.request.DATA.METHOD_INFORMATION.InputBufferLength = 4;
        pass.request.DATA.METHOD_INFORMATION.OutputBufferLength = 16;
    }
    protocol->done = NULL;
    return door(protocol->binding, &pass.request);
}

static bool
is_done(void)
{
    return w.protocol[0].done != NULL;
}

// Regular requests may be answered through a worker although the miniport answered at once.
static NDIS_STATUS
ask_and_wait(ask_fn door, NDIS_REQUEST_TYPE type)
{
    NDIS_STATUS status = ask(door, type);
    if (status != NDIS_STATUS_PENDING)
        return status;
    w_until(is_done);
    ck_assert_ptr_eq(w.protocol[0].done, &pass.request);
    return w.protocol[0].done_status;
}

static void
results_are_right(NDIS_REQUEST_TYPE type)
{
    if (type == NdisRequestMethod) {
        ck_assert_uint_eq(pass.buffer[0], 42);
        ck_assert_uint_eq(pass.request.DATA.METHOD_INFORMATION.BytesRead, 4);
        ck_assert_uint_eq(pass.request.DATA.METHOD_INFORMATION.BytesWritten, 12);
        ck_assert_uint_eq(pass.request.DATA.METHOD_INFORMATION.BytesNeeded, 7);
    } else if (type == NdisRequestSetInformation) {
        ck_assert_uint_eq(pass.request.DATA.SET_INFORMATION.BytesRead, 4);
        ck_assert_uint_eq(pass.request.DATA.SET_INFORMATION.BytesNeeded, 9);
    } else {
        ck_assert_uint_eq(pass.buffer[0], 42);
        ck_assert_uint_eq(pass.request.DATA.QUERY_INFORMATION.BytesWritten, 4);
        ck_assert_uint_eq(pass.request.DATA.QUERY_INFORMATION.BytesNeeded, 5);
    }
}

static const NDIS_REQUEST_TYPE pass_types[] = {NdisRequestQueryInformation, NdisRequestSetInformation, NdisRequestMethod};

static void
answers_come_back(ask_fn door)
{
    static const NDIS_STATUS answers[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_BUFFER_TOO_SHORT, NDIS_STATUS_NOT_SUPPORTED};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            uint32_t asked = pass.asked;
            pass.answer = answers[k];
            ck_assert_int_eq(ask_and_wait(door, pass_types[i]), answers[k]);
            ck_assert_uint_eq(pass.asked, asked + 1);
            results_are_right(pass_types[i]);
        }
}

static void
regular_answers(void) { answers_come_back(NdisOidRequest); }
static void
direct_answers(void) { answers_come_back(NdisDirectOidRequest); }
static void
synchronous_answers(void) { answers_come_back((ask_fn)NdisSynchronousOidRequest); }

TEST(passthru_hands_on_regular_requests_of_each_type_with_all_their_results)
{
    w_own.mp_oid = miniport_oid;
    pass_run(regular_answers);
}

TEST(passthru_hands_on_direct_requests_of_each_type_with_all_their_results)
{
    w_own.mp_direct = miniport_direct;
    pass_run(direct_answers);
}

TEST(passthru_hands_on_synchronous_requests_of_each_type_with_all_their_results)
{
    w_own.minor[0] = 80;
    w_own.edit_miniport = miniport_is_new;
    w_own.edit_protocol = protocol_is_new;
    pass_run(synchronous_answers);
}

static bool
is_held(void)
{
    return pass.held != NULL;
}

static void
pends(ask_fn door, NTAPI VOID (*complete)(NDIS_HANDLE, PNDIS_OID_REQUEST, NDIS_STATUS))
{
    pass.answer = NDIS_STATUS_PENDING;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ask(door, pass_types[i]), NDIS_STATUS_PENDING);
        w_until(is_held);
        ck_assert_ptr_null(w.protocol[0].done);
        ck_assert_ptr_ne(pass.held, &pass.request);   // a clone
        NDIS_OID_REQUEST *held = pass.held;
        pass.held = NULL;
        complete(w.mp, held, NDIS_STATUS_SUCCESS);
        w_until(is_done);
        ck_assert_int_eq(w.protocol[0].done_status, NDIS_STATUS_SUCCESS);
        results_are_right(pass_types[i]);
    }
}

static void
regular_pends(void) { pends(NdisOidRequest, NdisMOidRequestComplete); }
static void
direct_pends(void) { pends(NdisDirectOidRequest, NdisMDirectOidRequestComplete); }

TEST(passthru_hands_on_the_completion_of_a_regular_request_that_pends)
{
    w_own.mp_oid = miniport_oid;
    pass_run(regular_pends);
}

TEST(passthru_hands_on_the_completion_of_a_direct_request_that_pends)
{
    w_own.mp_direct = miniport_direct;
    pass_run(direct_pends);
}

static void
cancelled(PVOID id, NTAPI VOID (*complete)(NDIS_HANDLE, PNDIS_OID_REQUEST, NDIS_STATUS))
{
    ck_assert_ptr_eq(id, &pass);
    NDIS_OID_REQUEST *held = pass.held;
    pass.held = NULL;
    if (held)
        complete(w.mp, held, NDIS_STATUS_REQUEST_ABORTED);
}

static NTAPI VOID
miniport_cancel(NDIS_HANDLE context, PVOID id) { cancelled(id, NdisMOidRequestComplete); }
static NTAPI VOID
miniport_cancel_direct(NDIS_HANDLE context, PVOID id) { cancelled(id, NdisMDirectOidRequestComplete); }

static void
is_cancelled(ask_fn door, NTAPI VOID (*cancel)(NDIS_HANDLE, PVOID))
{
    pass.answer = NDIS_STATUS_PENDING;
    ck_assert_int_eq(ask(door, NdisRequestQueryInformation), NDIS_STATUS_PENDING);
    w_until(is_held);
    cancel(w.protocol[0].binding, &pass);
    w_until(is_done);
    ck_assert_int_eq(w.protocol[0].done_status, NDIS_STATUS_REQUEST_ABORTED);
}

static void
regular_is_cancelled(void) { is_cancelled(NdisOidRequest, NdisCancelOidRequest); }
static void
direct_is_cancelled(void) { is_cancelled(NdisDirectOidRequest, NdisCancelDirectOidRequest); }

TEST(passthru_hands_on_the_cancel_of_a_regular_request)
{
    w_own.mp_oid = miniport_oid;
    w_own.mp_cancel_oid = miniport_cancel;
    pass_run(regular_is_cancelled);
}

TEST(passthru_hands_on_the_cancel_of_a_direct_request)
{
    w_own.mp_direct = miniport_direct;
    w_own.mp_cancel_direct = miniport_cancel_direct;
    pass_run(direct_is_cancelled);
}

// ---- status -------------------------------------------------------------------------------------------------------------------------

static NTAPI VOID
protocol_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    pass.said_code = indication->StatusCode;
    pass.said_source = indication->SourceHandle;
    pass.said_bytes = indication->StatusBufferSize;
    if (indication->StatusBufferSize)         // one that says the adapter may be offloaded to again has no buffer
        memcpy(pass.said, indication->StatusBuffer, pass.said_bytes < sizeof pass.said ? pass.said_bytes : sizeof pass.said);
}

static void
indicate(NDIS_STATUS code, void *buffer, ULONG bytes)
{
    NDIS_STATUS_INDICATION indication = {
        .Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
        .SourceHandle = w.mp,
        .StatusCode = code,
        .StatusBuffer = buffer,
        .StatusBufferSize = bytes};
    NdisMIndicateStatusEx(w.mp, &indication);
}

static void
status_goes_up(void)
{
    ULONG words[3] = {1, 22, 333};
    indicate(NDIS_STATUS_MEDIA_SPECIFIC_INDICATION, words, sizeof words);
    ck_assert_int_eq(pass.said_code, NDIS_STATUS_MEDIA_SPECIFIC_INDICATION);
    ck_assert_uint_eq(pass.said_bytes, sizeof words);
    ck_assert_mem_eq(pass.said, words, sizeof words);
    NDIS_LINK_STATE link = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_LINK_STATE_REVISION_1, NDIS_SIZEOF_LINK_STATE_REVISION_1},
                            .MediaConnectState = MediaConnectStateDisconnected};
    indicate(NDIS_STATUS_LINK_STATE, &link, sizeof link);
    ck_assert_int_eq(pass.said_code, NDIS_STATUS_LINK_STATE);
    ck_assert_uint_eq(((NDIS_LINK_STATE *)pass.said)->MediaConnectState, MediaConnectStateDisconnected);
}

TEST(passthru_hands_on_status_indications_with_their_buffers)
{
    w_own.protocol_status = protocol_status;
    pass_run(status_goes_up);
}

// ---- plug and play events -----------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
protocol_event(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    if (event->NetPnPEvent.NetEvent != NetEventQueryRemoveDevice && event->NetPnPEvent.NetEvent != NetEventCancelRemoveDevice)
        return NDIS_STATUS_SUCCESS;
    pass.event = event->NetPnPEvent.NetEvent;
    pass.asked++;
    return event->NetPnPEvent.NetEvent == NetEventQueryRemoveDevice ? pass.veto : NDIS_STATUS_SUCCESS;
}

static void
removal_is_vetoed(void)
{
    pass.veto = NDIS_STATUS_FAILURE;
    ck_assert_int_ne(ndis_adapter_query_remove(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(pass.asked, 2);         // asked, and told that it does not happen
    ck_assert_int_eq(pass.event, NetEventCancelRemoveDevice);
    pass.asked = 0;
    pass.veto = NDIS_STATUS_SUCCESS;
    ck_assert_int_eq(ndis_adapter_query_remove(w.adapter), NDIS_STATUS_SUCCESS);
    w.adapter = NULL;                         // nobody had anything against it: it is gone
    ck_assert_uint_eq(pass.asked, 1);
    ck_assert_int_eq(pass.event, NetEventQueryRemoveDevice);
}

TEST(passthru_lets_those_above_refuse_the_removal_of_the_adapter_below)
{
    w_own.protocol_event = protocol_event;
    pass_run(removal_is_vetoed);
}

// ---- sleep --------------------------------------------------------------------------------------------------------------------------

// The system sleeps from the top of its devices on, and wakes from the bottom.
static void
all_sleep(void)
{
    struct ndis_adapter *all[] = {w.adapter, pass.v[0], pass.v[1]};
    for (uint32_t i = pass.storeys + 1; i-- > 0;)
        ck_assert_int_eq(ndis_adapter_power(all[i], NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    ck_assert(!ndis_adapter_is_running(pass.v[0]));
    for (uint32_t i = 0; i <= pass.storeys; i++)
        ck_assert_int_eq(ndis_adapter_power(all[i], NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    ck_assert(ndis_adapter_is_running(pass.v[pass.storeys - 1]));
}

TEST(passthru_sleeps_and_wakes_although_the_adapter_below_knows_nothing_of_waking_computers)
{
    pass_run(all_sleep);
}
