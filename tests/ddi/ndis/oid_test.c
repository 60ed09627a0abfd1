// SPDX-License-Identifier: MIT
// OID requests from protocols and filters: each status their pages promise, cloning, one at a time, cancelling, and the race between a
// cancel and the answer. The filter here ("oidf") is the test's own: struct oidf says what it does with a request.
// [ndis/nf-ndis-ndisoidrequest], [ndis/nf-ndis-ndisfoidrequest], [ndis/nf-ndis-ndisallocatecloneoidrequest] and kin
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nbx/fault.h"
#include "ndis/oid.h"
#include "nt/ke/ke.h"

#define ORIGINAL_OF(clone) (*(NDIS_OID_REQUEST **)(clone)->SourceReserved)

static struct oidf {
    NDIS_HANDLE driver, module;
    enum { PASS, PEND, ANSWER } mode;
    NDIS_STATUS answer;
    NDIS_OID_REQUEST *pended, *own_done;
    NDIS_STATUS own_status;
    uint32_t requests, cancels, completes;
    void *cancelled;
    // of the miniport
    NDIS_OID_REQUEST *below;
    NDIS_STATUS below_status;
    bool below_pends;
    uint32_t below_requests;
} oidf;

static NDIS_OID_REQUEST *
clone_end(NDIS_OID_REQUEST *clone)
{
    NDIS_OID_REQUEST *original = ORIGINAL_OF(clone);
    original->DATA = clone->DATA;
    NdisFreeCloneOidRequest(oidf.module, clone);
    return original;
}

static NTAPI NDIS_STATUS
oidf_request(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    NDIS_OID_REQUEST *clone;
    oidf.requests++;
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    if (oidf.mode == ANSWER)
        return oidf.answer;
    if (oidf.mode == PEND) {
        oidf.pended = request;
        return NDIS_STATUS_PENDING;
    }
    ck_assert_int_eq(NdisAllocateCloneOidRequest(oidf.module, request, 'fdio', &clone), NDIS_STATUS_SUCCESS);
    ORIGINAL_OF(clone) = request;
    clone->RequestId = request->RequestId;
    NDIS_STATUS status = NdisFOidRequest(oidf.module, clone);
    if (status != NDIS_STATUS_PENDING)
        clone_end(clone);
    return status;
}

static NTAPI VOID
oidf_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    oidf.completes++;
    if (request->RequestId == &oidf) {        // of our own
        oidf.own_done = request;
        oidf.own_status = status;
        return;
    }
    NdisFOidRequestComplete(oidf.module, clone_end(request), status);
}

static NTAPI VOID
oidf_cancel(NDIS_HANDLE context, PVOID id)
{
    oidf.cancels++;
    oidf.cancelled = id;
    NDIS_OID_REQUEST *request = oidf.pended;
    oidf.pended = NULL;
    if (request)
        NdisFOidRequestComplete(oidf.module, request, NDIS_STATUS_REQUEST_ABORTED);
    else
        NdisFCancelOidRequest(oidf.module, id);
}

static NTAPI NDIS_STATUS
oidf_attach(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    NDIS_FILTER_ATTRIBUTES attributes = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    oidf.module = handle;
    return NdisFSetAttributes(handle, &oidf, &attributes);
}

static NTAPI VOID
oidf_detach(NDIS_HANDLE context)
{
    oidf.module = NULL;
}

static NTAPI NDIS_STATUS
oidf_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
oidf_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
oidf_unload(PDRIVER_OBJECT driver)
{
    NdisFDeregisterFilterDriver(oidf.driver);
}

static NTAPI NTSTATUS
oidf_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"oidf";
    UNICODE_STRING string = {sizeof name - sizeof(WCHAR), sizeof name, name};
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .FriendlyName = string,
        .UniqueName = string,
        .ServiceName = string,
        .AttachHandler = oidf_attach,
        .DetachHandler = oidf_detach,
        .RestartHandler = oidf_restart,
        .PauseHandler = oidf_pause,
        .OidRequestHandler = oidf_request,
        .OidRequestCompleteHandler = oidf_complete,
        .CancelOidRequestHandler = oidf_cancel};
    driver->DriverUnload = oidf_unload;
    return NdisFRegisterFilterDriver(driver, NULL, &chars, &oidf.driver);
}

// ---- the miniport's side ----------------------------------------------------------------------------------------------------------

#define OID_OF_OURS 0xff4e4258u               // private: neither NDIS nor the kit knows it

static NDIS_STATUS
below(NDIS_OID_REQUEST *request)
{
    if (request->DATA.QUERY_INFORMATION.Oid != OID_OF_OURS)
        return NDIS_STATUS_NOT_RECOGNIZED;
    oidf.below_requests++;
    if (oidf.below_pends) {
        oidf.below = kit.mp.pended_oid = request;
        return NDIS_STATUS_PENDING;
    }
    if (request->RequestType == NdisRequestQueryInformation && oidf.below_status == NDIS_STATUS_SUCCESS) {
        memcpy(request->DATA.QUERY_INFORMATION.InformationBuffer, "ours", 4);
        request->DATA.QUERY_INFORMATION.BytesWritten = 4;
    } else
        request->DATA.QUERY_INFORMATION.BytesNeeded = 99;
    return oidf.below_status;
}

static void
below_answers(NDIS_STATUS status)
{
    NDIS_OID_REQUEST *request = kit.mp.pended_oid;
    kit.mp.pended_oid = NULL;
    ck_assert_ptr_nonnull(request);
    NdisMOidRequestComplete(kit.mp.adapter, request, status);
}

// ---- running ----------------------------------------------------------------------------------------------------------------------

static char buffer[64];

static NDIS_OID_REQUEST
request_of(NDIS_REQUEST_TYPE type, void *id)
{
    memset(buffer, 0, sizeof buffer);
    return (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = type,
        .RequestId = id,
        .DATA.QUERY_INFORMATION = {.Oid = OID_OF_OURS, .InformationBuffer = buffer, .InformationBufferLength = sizeof buffer}};
}

static void
start(bool filter)
{
    memset(&oidf, 0, sizeof oidf);
    struct io_image_config config = {.name = "oidf", .entry = oidf_entry};
    struct io_image *image;
    char error[256];
    ck_assert(NT_SUCCESS(io_image_load(kit.box, &config, &image, error, sizeof error)));
    kit_start(false, 0);
    if (filter)
        ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "oidf"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
}

static void
end(void)
{
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_int_eq(io_image_unload(io_image_find(kit.box, "oidf")), STATUS_SUCCESS);
}

static void
run(void (*fn)(void))
{
    kit_mp_hooks.oid = below;
    kit_run(SIM_CALM, fn);
}

static const NDIS_STATUS statuses[] = {
    NDIS_STATUS_SUCCESS, NDIS_STATUS_INVALID_OID, NDIS_STATUS_INVALID_LENGTH, NDIS_STATUS_BUFFER_TOO_SHORT, NDIS_STATUS_INVALID_DATA,
    NDIS_STATUS_NOT_SUPPORTED, NDIS_STATUS_NOT_RECOGNIZED + 1, NDIS_STATUS_RESOURCES, NDIS_STATUS_NOT_ACCEPTED, NDIS_STATUS_CLOSING,
    NDIS_STATUS_CLOSING_INDICATING, NDIS_STATUS_RESET_IN_PROGRESS, NDIS_STATUS_FAILURE};

// ---- NdisOidRequest -----------------------------------------------------------------------------------------------------------------

static void
each_status(void)
{
    struct kit_binding *binding = &kit.binding[0];
    start(kit_filter_takes_oids);
    for (size_t i = 0; i < ARRAYSIZE(statuses); i++) {
        NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, NULL);
        oidf.below_pends = false;
        oidf.below_status = statuses[i];
        ck_assert_int_eq(NdisOidRequest(binding->handle, &request), statuses[i]);
        if (statuses[i] == NDIS_STATUS_SUCCESS)
            ck_assert(request.DATA.QUERY_INFORMATION.BytesWritten == 4 && !memcmp(buffer, "ours", 4));
        else
            ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesNeeded, 99);
        request = request_of(NdisRequestSetInformation, NULL);
        oidf.below_pends = true;
        binding->oid_done = NULL;
        ck_assert_int_eq(NdisOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
        ck_assert_ptr_null(binding->oid_done);
        oidf.below->DATA.SET_INFORMATION.BytesRead = 7;
        below_answers(statuses[i]);
        ck_assert_ptr_eq(binding->oid_done, &request);       // the very request, not a clone
        ck_assert_int_eq(binding->oid_status, statuses[i]);
        ck_assert_uint_eq(request.DATA.SET_INFORMATION.BytesRead, 7);
    }
    ck_assert_uint_eq(oidf.below_requests, 2 * ARRAYSIZE(statuses));
    end();
}
TEST(NdisOidRequest_returns_what_the_driver_below_says_at_once_or_through_the_completion)
{
    run(each_status);
}

static void
wrong_headers(void)
{
    NDIS_HANDLE handle;
    start(false);
    handle = kit.binding[0].handle;
    NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, NULL);
    request.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    ck_assert_int_eq(NdisOidRequest(handle, &request), NDIS_STATUS_INVALID_PARAMETER);
    request = request_of(NdisRequestQueryInformation, NULL);
    request.Header.Size = NDIS_SIZEOF_OID_REQUEST_REVISION_1 - 1;
    ck_assert_int_eq(NdisOidRequest(handle, &request), NDIS_STATUS_INVALID_PARAMETER);
    request = request_of(NdisRequestGeneric1, NULL);
    ck_assert_int_eq(NdisOidRequest(handle, &request), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(oidf.below_requests, 0);
    end();
}
TEST(NdisOidRequest_refuses_what_is_no_request)
{
    run(wrong_headers);
}

static void
own_answers(void)
{
    NDIS_HANDLE handle;
    start(false);
    handle = kit.binding[0].handle;
    uint32_t before = kit.mp.oids;
    NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, NULL);
    request.DATA.QUERY_INFORMATION.Oid = OID_GEN_MAXIMUM_FRAME_SIZE;
    request.DATA.QUERY_INFORMATION.InformationBufferLength = 3;
    ck_assert_int_eq(NdisOidRequest(handle, &request), NDIS_STATUS_INVALID_LENGTH);
    ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesNeeded, 4);
    ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesWritten, 0);
    request.DATA.QUERY_INFORMATION.InformationBufferLength = 4;   // corrected, and submitted again
    ck_assert_int_eq(NdisOidRequest(handle, &request), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(*(ULONG *)buffer, 1500);
    ck_assert_uint_eq(kit.mp.oids, before);                  // NDIS knows it: the miniport is not asked
    end();
}
TEST(NdisOidRequest_says_how_much_room_is_needed_and_takes_the_corrected_request)
{
    run(own_answers);
}

static void
one_at_a_time(void)
{
    struct kit_binding *binding = &kit.binding[0];
    int first_id, second_id;
    start(false);
    oidf.below_pends = true;
    NDIS_OID_REQUEST first = request_of(NdisRequestQueryInformation, &first_id);
    NDIS_OID_REQUEST second = request_of(NdisRequestQueryInformation, &second_id);
    ck_assert_int_eq(NdisOidRequest(binding->handle, &first), NDIS_STATUS_PENDING);
    ck_assert_int_eq(NdisOidRequest(binding->handle, &second), NDIS_STATUS_PENDING);
    ck_assert_uint_eq(oidf.below_requests, 1);               // NDIS keeps the second until the first is answered
    ck_assert_ptr_eq(oidf.below, &first);
    below_answers(NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(oidf.below_requests, 2);
    ck_assert_ptr_eq(oidf.below, &second);
    below_answers(NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(binding->oid_done, &second);
    end();
}
TEST(NdisOidRequest_reaches_a_driver_one_at_a_time)
{
    run(one_at_a_time);
}

static void
from_dispatch(void)
{
    struct kit_binding *binding = &kit.binding[0];
    KIRQL old;
    start(true);
    NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, NULL);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert_int_eq(NdisOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
    ck_assert_uint_eq(oidf.requests, 0);
    KeLowerIrql(old);
    LARGE_INTEGER wait = {.QuadPart = -10000};
    while (!binding->oid_done)
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    ck_assert_int_eq(binding->oid_status, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(oidf.requests, 1);                     // at PASSIVE_LEVEL: the handler looks
    end();
}
TEST(NdisOidRequest_above_PASSIVE_LEVEL_is_carried_on_by_NDIS_at_PASSIVE_LEVEL)
{
    run(from_dispatch);
}

// ---- NdisCancelOidRequest, NdisFCancelOidRequest ----------------------------------------------------------------------------------

static void
cancels(void)
{
    struct kit_binding *binding = &kit.binding[0];
    int one, two, other;
    start(false);
    oidf.below_pends = true;
    NDIS_OID_REQUEST at_driver = request_of(NdisRequestQueryInformation, &one), waiting = request_of(NdisRequestQueryInformation, &two);
    ck_assert_int_eq(NdisOidRequest(binding->handle, &at_driver), NDIS_STATUS_PENDING);
    ck_assert_int_eq(NdisOidRequest(binding->handle, &waiting), NDIS_STATUS_PENDING);
    NdisCancelOidRequest(binding->handle, &other);           // none of these
    ck_assert_ptr_null(binding->oid_done);
    NdisCancelOidRequest(binding->handle, &two);             // the driver has not seen it
    ck_assert_ptr_eq(binding->oid_done, &waiting);
    ck_assert_int_eq(binding->oid_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_uint_eq(oidf.below_requests, 1);
    NdisCancelOidRequest(binding->handle, &one);             // the driver's MiniportCancelOidRequest answers it
    ck_assert_ptr_eq(binding->oid_done, &at_driver);
    ck_assert_int_eq(binding->oid_status, NDIS_STATUS_REQUEST_ABORTED);
    NdisCancelOidRequest(binding->handle, &one);             // too late: nothing happens
    end();
}
TEST(NdisCancelOidRequest_takes_back_what_waits_and_asks_the_driver_that_has_it)
{
    run(cancels);
}

static void
cancels_through(void)
{
    struct kit_binding *binding = &kit.binding[0];
    int id;
    start(true);
    oidf.below_pends = true;
    NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, &id);
    ck_assert_int_eq(NdisOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
    ck_assert_ptr_ne(oidf.below, &request);                  // a clone is below
    NdisCancelOidRequest(binding->handle, &id);
    ck_assert_uint_eq(oidf.cancels, 1);
    ck_assert_ptr_eq(oidf.cancelled, &id);
    ck_assert_ptr_null(kit.mp.pended_oid);                   // the miniport was asked, by the clone's id
    ck_assert_ptr_eq(binding->oid_done, &request);
    ck_assert_int_eq(binding->oid_status, NDIS_STATUS_REQUEST_ABORTED);
    // One that the filter itself has.
    oidf.mode = PEND;
    binding->oid_done = NULL;
    request = request_of(NdisRequestQueryInformation, &id);
    ck_assert_int_eq(NdisOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
    NdisCancelOidRequest(binding->handle, &id);
    ck_assert_uint_eq(oidf.cancels, 2);
    ck_assert_int_eq(binding->oid_status, NDIS_STATUS_REQUEST_ABORTED);
    ck_assert_ptr_eq(binding->oid_done, &request);
    end();
}
TEST(NdisFCancelOidRequest_passes_the_cancel_on_to_the_driver_below)
{
    run(cancels_through);
}

static void
cancels_own(void)
{
    start(true);
    oidf.below_pends = true;
    NDIS_OID_REQUEST request = request_of(NdisRequestSetInformation, &oidf);
    ck_assert_int_eq(NdisFOidRequest(oidf.module, &request), NDIS_STATUS_PENDING);
    NdisFCancelOidRequest(oidf.module, &oidf);
    ck_assert_ptr_eq(oidf.own_done, &request);
    ck_assert_int_eq(oidf.own_status, NDIS_STATUS_REQUEST_ABORTED);
    end();
}
TEST(NdisFCancelOidRequest_cancels_what_the_filter_itself_has_asked)
{
    run(cancels_own);
}

// The answer comes from another thread while the cancel runs: whoever is first, the request is answered once.
static uint32_t race_answered, race_aborted;

static NTAPI VOID
race_answer(PVOID context)
{
    for (uint64_t i = sched_draw(kit.box->sched, SCHED_DRAW_ORDER, 40); i; i--)
        sched_choice(kit.box->sched, SCHED_POINT_DDI);
    NDIS_OID_REQUEST *request = kit.mp.pended_oid;
    if (request && __atomic_exchange_n(&kit.mp.pended_oid, NULL, __ATOMIC_ACQ_REL))
        NdisMOidRequestComplete(kit.mp.adapter, request, NDIS_STATUS_SUCCESS);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
race(void)
{
    struct kit_binding *binding = &kit.binding[0];
    int id;
    start(true);
    for (int round = 0; round < 4; round++) {
        HANDLE thread;
        oidf.below_pends = true;
        binding->oid_done = NULL;
        NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, &id);
        ck_assert_int_eq(NdisOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
        ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, race_answer, NULL), STATUS_SUCCESS);
        NdisCancelOidRequest(binding->handle, &id);
        ZwWaitForSingleObject(thread, FALSE, NULL);
        ZwClose(thread);
        ck_assert_ptr_eq(binding->oid_done, &request);
        race_answered += binding->oid_status == NDIS_STATUS_SUCCESS;
        race_aborted += binding->oid_status == NDIS_STATUS_REQUEST_ABORTED;
    }
    ck_assert_uint_eq(oidf.completes, 4);
    end();
}
TEST_TIMEOUT(60, NdisCancelOidRequest_and_the_answer_race_and_the_request_is_answered_once)
{
    kit_mp_hooks.oid = below;
    for (uint64_t seed = 1; seed <= 200; seed++)
        kit_run(seed, race);
    ck_assert_uint_eq(race_answered + race_aborted, 800);
    ck_assert_uint_gt(race_answered, 10);
    ck_assert_uint_gt(race_aborted, 10);
}

// ---- filters --------------------------------------------------------------------------------------------------------------------------

static void
filter_each_status(void)
{
    struct kit_binding *binding = &kit.binding[0];
    start(true);
    for (size_t i = 0; i < ARRAYSIZE(statuses); i++) {
        NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, &oidf);
        oidf.below_pends = false;
        oidf.below_status = statuses[i];
        ck_assert_int_eq(NdisFOidRequest(oidf.module, &request), statuses[i]);        // originated
        if (statuses[i] == NDIS_STATUS_SUCCESS)
            ck_assert_mem_eq(buffer, "ours", 4);
        request = request_of(NdisRequestQueryInformation, NULL);
        ck_assert_int_eq(NdisOidRequest(binding->handle, &request), statuses[i]);     // passed on, by a clone
        if (statuses[i] == NDIS_STATUS_SUCCESS)
            ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesWritten, 4);
        oidf.below_pends = true;
        oidf.own_done = NULL;
        request = request_of(NdisRequestMethod, &oidf);
        ck_assert_int_eq(NdisFOidRequest(oidf.module, &request), NDIS_STATUS_PENDING);
        ck_assert_ptr_null(oidf.own_done);
        below_answers(statuses[i]);
        ck_assert_ptr_eq(oidf.own_done, &request);
        ck_assert_int_eq(oidf.own_status, statuses[i]);
        binding->oid_done = NULL;
        request = request_of(NdisRequestQueryInformation, NULL);
        ck_assert_int_eq(NdisOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
        oidf.below->DATA.QUERY_INFORMATION.BytesWritten = 3;
        below_answers(statuses[i]);
        ck_assert_int_eq(binding->oid_status, statuses[i]);
        ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesWritten, 3);
    }
    NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, &oidf);
    request.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    ck_assert_int_eq(NdisFOidRequest(oidf.module, &request), NDIS_STATUS_INVALID_PARAMETER);
    request = request_of(NdisRequestQueryInformation, &oidf);
    request.Header.Size--;
    ck_assert_int_eq(NdisFOidRequest(oidf.module, &request), NDIS_STATUS_INVALID_PARAMETER);
    end();
}
TEST(NdisFOidRequest_originates_and_passes_on_with_each_status)
{
    run(filter_each_status);
}

static void
filter_paused(void)
{
    start(true);
    ndis_adapter_pause(kit.adapter);
    NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, &oidf);
    ck_assert_int_eq(NdisFOidRequest(oidf.module, &request), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisFOidRequest(oidf.module, &request), NDIS_STATUS_SUCCESS);
    end();
}
TEST(NdisFOidRequest_works_in_the_Paused_state_too)
{
    run(filter_paused);
}

static void
filter_completes(void)
{
    struct kit_binding *binding = &kit.binding[0];
    start(true);
    oidf.mode = PEND;
    for (size_t i = 0; i < ARRAYSIZE(statuses); i++) {
        NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, NULL);
        binding->oid_done = NULL;
        ck_assert_int_eq(NdisOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
        ck_assert_ptr_eq(oidf.pended, &request);
        NdisFOidRequestComplete(oidf.module, oidf.pended, statuses[i]);
        ck_assert_ptr_eq(binding->oid_done, &request);
        ck_assert_int_eq(binding->oid_status, statuses[i]);
    }
    ck_assert_uint_eq(oidf.below_requests, 0);
    oidf.mode = ANSWER;
    oidf.answer = NDIS_STATUS_NOT_ACCEPTED;
    NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, NULL);
    ck_assert_int_eq(NdisOidRequest(binding->handle, &request), NDIS_STATUS_NOT_ACCEPTED);
    end();
}
TEST(NdisFOidRequestComplete_gives_the_final_status_to_who_asked)
{
    run(filter_completes);
}

static NDIS_STATUS crime_status;

static void
completes_wrongly(void)
{
    start(true);
    oidf.mode = PEND;
    NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, NULL);
    ck_assert_int_eq(NdisOidRequest(kit.binding[0].handle, &request), NDIS_STATUS_PENDING);
    NdisFOidRequestComplete(oidf.module, &request, crime_status);
    NdisFOidRequestComplete(oidf.module, &request, crime_status);
}
static void
completes_wrongly_run(void)
{
    run(completes_wrongly);
}
TEST(NdisFOidRequestComplete_twice_or_with_PENDING_is_reported)
{
    crime_status = NDIS_STATUS_SUCCESS;
    harness_reported("the request is not pending at this driver (completed twice?)", completes_wrongly_run);
    crime_status = NDIS_STATUS_PENDING;
    harness_reported("completed with NDIS_STATUS_PENDING", completes_wrongly_run);
}

// ---- clones -----------------------------------------------------------------------------------------------------------------------------

static void
clones(void)
{
    start(true);
    NDIS_OID_REQUEST request = request_of(NdisRequestMethod, &oidf), *clone = &request, *second;
    request.PortNumber = 5;
    request.Timeout = 7;
    memset(request.SourceReserved, 0x55, sizeof request.SourceReserved);
    ck_assert_int_eq(NdisAllocateCloneOidRequest(NULL, &request, 'gaT ', &clone), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(clone);
    clone = &request;
    ck_assert_int_eq(NdisAllocateCloneOidRequest(kit.mp.adapter, &request, 'gaT ', &clone), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(clone);                               // a miniport answers requests, it passes none on
    ck_assert_int_eq(NdisAllocateCloneOidRequest(oidf.module, &request, 'gaT ', &clone), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_ne(clone, &request);
    ck_assert_int_eq(clone->RequestType, NdisRequestMethod);
    ck_assert_uint_eq(clone->PortNumber, 5);
    ck_assert_uint_eq(clone->Timeout, 7);
    ck_assert_ptr_eq(clone->RequestId, &oidf);
    ck_assert_mem_eq(&clone->DATA, &request.DATA, sizeof clone->DATA);
    ck_assert_mem_eq(&clone->Header, &request.Header, sizeof clone->Header);
    ck_assert_ptr_null(ORIGINAL_OF(clone));                  // reserved areas are the clone's own
    ck_assert_int_eq(NdisAllocateCloneOidRequest(kit.binding[0].handle, clone, 'gaT ', &second), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_ne(second, clone);
    clone->DATA.QUERY_INFORMATION.Oid = 0;
    ck_assert_uint_eq(second->DATA.QUERY_INFORMATION.Oid, OID_OF_OURS);
    NdisFreeCloneOidRequest(oidf.module, clone);
    ck_assert_uint_eq(second->DATA.QUERY_INFORMATION.Oid, OID_OF_OURS);
    NdisFreeCloneOidRequest(kit.binding[0].handle, second);
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    clone = &request;
    ck_assert_int_eq(NdisAllocateCloneOidRequest(oidf.module, &request, 'gaT ', &clone), NDIS_STATUS_RESOURCES);
    ck_assert_ptr_null(clone);
    nbx_fault_disarm(NULL);
    end();
}
TEST(NdisAllocateCloneOidRequest_copies_all_but_the_reserved_areas_or_sets_NULL)
{
    run(clones);
}

static void
clone_left(void)
{
    NDIS_OID_REQUEST request = request_of(NdisRequestMethod, NULL), *clone[3];
    start(true);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(NdisAllocateCloneOidRequest(oidf.module, &request, 'gaT ', &clone[i]), NDIS_STATUS_SUCCESS);
    NdisFreeCloneOidRequest(oidf.module, clone[1]);
    ck_assert_uint_eq(ndis_oid_clones_left(kit.box->ndis), 2);   // what would be said, and counted, at the end
    end();
}
TEST(NdisFreeCloneOidRequest_gives_the_clone_back_and_others_are_missed_at_the_end)
{
    run(clone_left);
}

static int crime;

static void
clone_crime(void)
{
    NDIS_OID_REQUEST request = request_of(NdisRequestQueryInformation, NULL), *clone;
    start(true);
    oidf.below_pends = true;
    ck_assert_int_eq(NdisAllocateCloneOidRequest(oidf.module, &request, 'gaT ', &clone), NDIS_STATUS_SUCCESS);
    if (crime == 0) {
        NdisFreeCloneOidRequest(oidf.module, clone);
        NdisFreeCloneOidRequest(oidf.module, clone);
    } else if (crime == 1)
        NdisFreeCloneOidRequest(oidf.module, &request);
    else {
        ck_assert_int_eq(NdisFOidRequest(oidf.module, clone), NDIS_STATUS_PENDING);
        NdisFreeCloneOidRequest(oidf.module, clone);
    }
}
static void
clone_crime_run(void)
{
    run(clone_crime);
}
TEST(NdisFreeCloneOidRequest_of_what_is_no_clone_or_still_below_is_reported)
{
    crime = 0;
    harness_reported("the request is no clone", clone_crime_run);
    crime = 1;
    harness_reported("the request is no clone", clone_crime_run);
    crime = 2;
    harness_reported("the clone is still below", clone_crime_run);
}
