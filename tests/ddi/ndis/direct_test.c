// SPDX-License-Identifier: MIT
// Direct OID requests: at once and at the caller's IRQL, several at a time, through a filter that clones, cancelled, answered later, and
// refused where nobody takes them. [ndis/nf-ndis-ndisdirectoidrequest], [ndis/nf-ndis-ndisfdirectoidrequest] and kin
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

#define ORIGINAL_OF(clone) (*(NDIS_OID_REQUEST **)(clone)->SourceReserved)

static struct dirf {
    NDIS_HANDLE driver, module;
    bool pends;
    NDIS_OID_REQUEST *pended, *own_done, *below[4];
    NDIS_STATUS own_status, below_status;
    uint32_t requests, cancels, below_count, below_cancels;
    void *cancelled;
    KIRQL irql;
    bool below_pends, is_bypassed;
} dirf;

static NDIS_OID_REQUEST *
clone_end(NDIS_OID_REQUEST *clone)
{
    NDIS_OID_REQUEST *original = ORIGINAL_OF(clone);
    original->DATA = clone->DATA;
    NdisFreeCloneOidRequest(dirf.module, clone);
    return original;
}

static NTAPI NDIS_STATUS
dirf_request(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    NDIS_OID_REQUEST *clone;
    dirf.requests++;
    if (dirf.pends) {
        dirf.pended = request;
        return NDIS_STATUS_PENDING;
    }
    ck_assert_int_eq(NdisAllocateCloneOidRequest(dirf.module, request, 'frid', &clone), NDIS_STATUS_SUCCESS);
    ORIGINAL_OF(clone) = request;
    clone->RequestId = request->RequestId;
    NDIS_STATUS status = NdisFDirectOidRequest(dirf.module, clone);
    if (status != NDIS_STATUS_PENDING)
        clone_end(clone);
    return status;
}

static NTAPI VOID
dirf_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    if (request->RequestId == &dirf) {
        dirf.own_done = request;
        dirf.own_status = status;
        return;
    }
    NdisFDirectOidRequestComplete(dirf.module, clone_end(request), status);
}

static NTAPI VOID
dirf_cancel(NDIS_HANDLE context, PVOID id)
{
    dirf.cancels++;
    dirf.cancelled = id;
    NdisFCancelDirectOidRequest(dirf.module, id);
}

static NTAPI NDIS_STATUS
dirf_attach(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    NDIS_FILTER_ATTRIBUTES attributes = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    dirf.module = handle;
    return NdisFSetAttributes(handle, &dirf, &attributes);
}

static NTAPI VOID
dirf_detach(NDIS_HANDLE context)
{
}

static NTAPI NDIS_STATUS
dirf_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
dirf_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
dirf_unload(PDRIVER_OBJECT driver)
{
    NdisFDeregisterFilterDriver(dirf.driver);
}

static NTAPI NTSTATUS
dirf_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"dirf";
    UNICODE_STRING string = {sizeof name - sizeof(WCHAR), sizeof name, name};
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 1,
        .FriendlyName = string,
        .UniqueName = string,
        .ServiceName = string,
        .AttachHandler = dirf_attach,
        .DetachHandler = dirf_detach,
        .RestartHandler = dirf_restart,
        .PauseHandler = dirf_pause,
        .DirectOidRequestHandler = dirf.is_bypassed ? NULL : dirf_request,
        .DirectOidRequestCompleteHandler = dirf.is_bypassed ? NULL : dirf_complete,
        .CancelDirectOidRequestHandler = dirf_cancel};
    driver->DriverUnload = dirf_unload;
    return NdisFRegisterFilterDriver(driver, NULL, &chars, &dirf.driver);
}

static NDIS_STATUS
below(NDIS_OID_REQUEST *request)
{
    dirf.irql = KeGetCurrentIrql();
    dirf.below[dirf.below_count++ % 4] = request;
    if (dirf.below_pends)
        return NDIS_STATUS_PENDING;
    request->DATA.METHOD_INFORMATION.BytesWritten = 5;
    return dirf.below_status;
}

static void
below_cancel(void *id)
{
    dirf.below_cancels++;
    ck_assert_ptr_eq(dirf.below[0]->RequestId, id);
    NdisMDirectOidRequestComplete(kit.mp.adapter, dirf.below[0], NDIS_STATUS_REQUEST_ABORTED);
}

static NDIS_OID_REQUEST
request_of(void *id)
{
    static char buffer[16];
    return (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestMethod,
        .RequestId = id,
        .DATA.METHOD_INFORMATION = {.Oid = 0xff4e4259, .InformationBuffer = buffer, .InputBufferLength = 16, .OutputBufferLength = 16}};
}

static void
start(void)
{
    struct io_image_config config = {.name = "dirf", .entry = dirf_entry};
    struct io_image *image;
    char error[256];
    ck_assert(NT_SUCCESS(io_image_load(kit.box, &config, &image, error, sizeof error)));
    kit_start(false, 0);
    ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "dirf"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
}

static void
end(void)
{
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_int_eq(io_image_unload(io_image_find(kit.box, "dirf")), STATUS_SUCCESS);
}

static void
run(void (*fn)(void))
{
    memset(&dirf, 0, sizeof dirf);
    kit_mp_hooks.direct = below;
    kit_mp_hooks.cancel_direct = below_cancel;
    kit_run(SIM_CALM, fn);
}

static const NDIS_STATUS statuses[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_INVALID_OID, NDIS_STATUS_INVALID_LENGTH, NDIS_STATUS_INVALID_DATA,
                                       NDIS_STATUS_NOT_SUPPORTED, NDIS_STATUS_RESOURCES, NDIS_STATUS_NOT_ACCEPTED, NDIS_STATUS_CLOSING,
                                       NDIS_STATUS_RESET_IN_PROGRESS, NDIS_STATUS_FAILURE};

static void
each_status(void)
{
    struct kit_binding *binding = &kit.binding[0];
    KIRQL old;
    start();
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    for (size_t i = 0; i < ARRAYSIZE(statuses); i++) {
        NDIS_OID_REQUEST request = request_of(NULL), own = request_of(&dirf);
        dirf.below_pends = false;
        dirf.below_status = statuses[i];
        ck_assert_int_eq(NdisDirectOidRequest(binding->handle, &request), statuses[i]);
        ck_assert_uint_eq(dirf.irql, DISPATCH_LEVEL);        // called at once
        ck_assert_uint_eq(request.DATA.METHOD_INFORMATION.BytesWritten, 5);
        ck_assert_int_eq(NdisFDirectOidRequest(dirf.module, &own), statuses[i]);
        dirf.below_pends = true;
        dirf.below_count = 0;
        binding->oid_done = dirf.own_done = NULL;
        ck_assert_int_eq(NdisDirectOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
        ck_assert_int_eq(NdisFDirectOidRequest(dirf.module, &own), NDIS_STATUS_PENDING);
        ck_assert_uint_eq(dirf.below_count, 2);              // neither waits for the other
        NdisMDirectOidRequestComplete(kit.mp.adapter, dirf.below[1], statuses[i]);
        ck_assert_ptr_eq(dirf.own_done, &own);
        ck_assert_int_eq(dirf.own_status, statuses[i]);
        ck_assert_ptr_null(binding->oid_done);
        NdisMDirectOidRequestComplete(kit.mp.adapter, dirf.below[0], statuses[i]);
        ck_assert_ptr_eq(binding->oid_done, &request);
        ck_assert_int_eq(binding->oid_status, statuses[i]);
    }
    KeLowerIrql(old);
    NDIS_OID_REQUEST request = request_of(&dirf);
    request.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    ck_assert_int_eq(NdisDirectOidRequest(binding->handle, &request), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisFDirectOidRequest(dirf.module, &request), NDIS_STATUS_INVALID_PARAMETER);
    end();
}
TEST(NdisDirectOidRequest_calls_the_driver_below_at_once_with_each_status)
{
    run(each_status);
}
TEST(NdisFDirectOidRequest_originates_and_passes_on_with_each_status)
{
    run(each_status);
}
TEST(NdisMDirectOidRequestComplete_answers_in_any_order)
{
    run(each_status);
}

static void
filter_answers(void)
{
    struct kit_binding *binding = &kit.binding[0];
    start();
    dirf.pends = true;
    NDIS_OID_REQUEST request = request_of(NULL);
    ck_assert_int_eq(NdisDirectOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
    ck_assert_ptr_eq(dirf.pended, &request);
    NdisFDirectOidRequestComplete(dirf.module, dirf.pended, NDIS_STATUS_NOT_ACCEPTED);
    ck_assert_ptr_eq(binding->oid_done, &request);
    ck_assert_int_eq(binding->oid_status, NDIS_STATUS_NOT_ACCEPTED);
    ck_assert_uint_eq(dirf.below_count, 0);
    end();
}
TEST(NdisFDirectOidRequestComplete_gives_the_final_status_to_who_asked)
{
    run(filter_answers);
}

static void
cancels(void)
{
    struct kit_binding *binding = &kit.binding[0];
    int id, other;
    start();
    dirf.below_pends = true;
    NDIS_OID_REQUEST request = request_of(&id);
    ck_assert_int_eq(NdisDirectOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
    NdisCancelDirectOidRequest(binding->handle, &other);
    ck_assert_uint_eq(dirf.cancels, 0);
    NdisCancelDirectOidRequest(binding->handle, &id);
    ck_assert_uint_eq(dirf.cancels, 1);
    ck_assert_ptr_eq(dirf.cancelled, &id);
    ck_assert_uint_eq(dirf.below_cancels, 1);                // the filter has handed it on
    ck_assert_ptr_eq(binding->oid_done, &request);
    ck_assert_int_eq(binding->oid_status, NDIS_STATUS_REQUEST_ABORTED);
    NdisCancelDirectOidRequest(binding->handle, &id);        // too late
    ck_assert_uint_eq(dirf.cancels, 1);
    end();
}
TEST(NdisCancelDirectOidRequest_asks_the_driver_that_has_it)
{
    run(cancels);
}
TEST(NdisFCancelDirectOidRequest_passes_the_cancel_on)
{
    run(cancels);
}

static void
bypassed(void)
{
    dirf.is_bypassed = true;
    start();
    NDIS_OID_REQUEST request = request_of(NULL);
    ck_assert_int_eq(NdisDirectOidRequest(kit.binding[0].handle, &request),
                     kit_mp_hooks.direct ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(dirf.requests, 0);
    ck_assert_uint_eq(dirf.below_count, kit_mp_hooks.direct ? 1 : 0);
    end();
}
TEST(NdisDirectOidRequest_passes_filters_without_a_handler_and_is_not_supported_where_nobody_has_one)
{
    run(bypassed);
    memset(&dirf, 0, sizeof dirf);
    kit_mp_hooks.direct = NULL;
    kit_run(SIM_CALM, bypassed);
}

static void
twice(void)
{
    start();
    dirf.below_pends = true;
    NDIS_OID_REQUEST request = request_of(NULL);
    ck_assert_int_eq(NdisDirectOidRequest(kit.binding[0].handle, &request), NDIS_STATUS_PENDING);
    NDIS_OID_REQUEST *at = dirf.below[0];
    ORIGINAL_OF(at) = &request;
    NdisMDirectOidRequestComplete(kit.mp.adapter, &request, NDIS_STATUS_SUCCESS);   // not what it was given
}
static void
twice_run(void)
{
    run(twice);
}
TEST(NdisMDirectOidRequestComplete_of_what_is_not_pending_is_reported)
{
    harness_reported("the request is not pending at this driver", twice_run);
}
