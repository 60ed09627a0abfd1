// SPDX-License-Identifier: MIT
// Binding and unbinding as drivers really do it: with the open undone in the bind handler, pended and completed from other threads,
// with NBLs still out at the close; and what is said of a driver that leaves something half way.
// The protocol here ("binder") is the test's own: struct binder says how it behaves.
#include "kit.h"

#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "nbx/fault.h"
#include "nt/ke/ke.h"

static struct binder {
    NDIS_HANDLE driver, handle, bind, unbind;
    NDIS_STATUS (*on_bind)(NDIS_BIND_PARAMETERS *parameters);
    NDIS_STATUS (*on_unbind)(void);
    void (*on_close_complete)(void);
    void (*on_open_complete)(NDIS_STATUS status);
    UNICODE_STRING adapter_name;
    struct ke_thread *thread;
    bool wrong_name, wrong_medium, wrong_header;
    _Atomic uint32_t binds, unbinds, close_completes, restarts;
    NDIS_STATUS open_status, second_open_status;
    KEVENT opened;
    UINT selected;
    uint32_t opens_pended, opens_at_once;
} binder;

// The second medium is the right one. What the driver gives by name and by pointer to arrays needs to stay until the call returns.
static NDIS_STATUS
binder_open_begin(NDIS_HANDLE *handle)
{
    static WCHAR nothing[] = L"\\Device\\Nothing";
    UNICODE_STRING name = {sizeof nothing - sizeof(WCHAR), sizeof nothing, nothing};
    NDIS_MEDIUM media[] = {NdisMediumFddi, binder.wrong_medium ? NdisMedium802_5 : NdisMedium802_3};
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = &name,
        .MediumArray = media,
        .MediumArraySize = 2,
        .SelectedMediumIndex = &binder.selected};
    if (binder.wrong_header)
        open.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    if (!binder.wrong_name)
        name = binder.adapter_name;
    binder.selected = 99;
    *handle = &binder;
    KeInitializeEvent(&binder.opened, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOpenAdapterEx(binder.driver, &binder, &open, binder.bind, handle);
    memset(media, 0xff, sizeof media);
    name = (UNICODE_STRING){0};
    return status;
}

static NDIS_STATUS
binder_open(void)
{
    static NDIS_HANDLE handle;
    NDIS_STATUS status = binder_open_begin(&handle);
    if (status == NDIS_STATUS_PENDING) {
        binder.opens_pended++;
        KeWaitForSingleObject(&binder.opened, Executive, KernelMode, FALSE, NULL);
        status = binder.open_status;
    } else
        binder.opens_at_once++;
    if (status != NDIS_STATUS_SUCCESS)
        ck_assert_ptr_null(handle);
    else {
        ck_assert_uint_eq(binder.selected, 1);
        ck_assert_ptr_nonnull(handle);
        binder.handle = handle;
    }
    return status;
}

static NDIS_STATUS
binder_close(void)
{
    NDIS_HANDLE handle = binder.handle;
    binder.handle = NULL;
    return NdisCloseAdapterEx(handle);
}

static NDIS_STATUS
bind_plainly(NDIS_BIND_PARAMETERS *parameters)
{
    return binder_open();
}

static NDIS_STATUS
unbind_plainly(void)
{
    ck_assert_int_eq(binder_close(), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
binder_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    binder.binds++;
    binder.bind = bind;
    binder.adapter_name = *parameters->AdapterName;
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    return binder.on_bind(parameters);
}

static NTAPI NDIS_STATUS
binder_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    ck_assert_ptr_eq(context, &binder);
    binder.unbinds++;
    binder.unbind = unbind;
    return binder.on_unbind();
}

static NTAPI VOID
binder_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    ck_assert_ptr_eq(context, &binder);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    if (binder.on_open_complete)
        return binder.on_open_complete(status);
    binder.open_status = status;
    KeSetEvent(&binder.opened, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
binder_close_complete(NDIS_HANDLE context)
{
    ck_assert_ptr_eq(context, &binder);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    binder.close_completes++;
    if (binder.on_close_complete)
        binder.on_close_complete();
}

static NTAPI NDIS_STATUS
binder_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    binder.restarts += event->NetPnPEvent.NetEvent == NetEventRestart;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
binder_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
}

static NTAPI VOID
binder_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
}

static NTAPI VOID
binder_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    if (!(flags & NDIS_RECEIVE_FLAGS_RESOURCES))
        NdisReturnNetBufferLists(binder.handle, nbls, 0);
}

static NTAPI VOID
binder_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
}

static NTAPI VOID
binder_unload(PDRIVER_OBJECT driver)
{
    NdisDeregisterProtocolDriver(binder.driver);
}

static NTAPI NTSTATUS
binder_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"binder";
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .Name = {12, 14, name},
        .BindAdapterHandlerEx = binder_bind,
        .UnbindAdapterHandlerEx = binder_unbind,
        .OpenAdapterCompleteHandlerEx = binder_open_complete,
        .CloseAdapterCompleteHandlerEx = binder_close_complete,
        .NetPnPEventHandler = binder_pnp,
        .OidRequestCompleteHandler = binder_oid_complete,
        .StatusHandlerEx = binder_status,
        .ReceiveNetBufferListsHandler = binder_receive,
        .SendNetBufferListsCompleteHandler = binder_send_complete};
    driver->DriverUnload = binder_unload;
    return NdisRegisterProtocolDriver(NULL, &chars, &binder.driver);
}

// kit_run with the binder loaded, mp running without filter, and the binder unloaded at the end.
static void (*binder_body)(void);
static uint64_t binder_seed;

static void
binder_inside(void)
{
    struct io_image_config config = {.name = "binder", .entry = binder_entry};
    struct io_image *image;
    char error[256];
    memset(&binder, 0, sizeof binder);
    binder.on_bind = bind_plainly;
    binder.on_unbind = unbind_plainly;
    ck_assert(NT_SUCCESS(io_image_load(kit.box, &config, &image, error, sizeof error)));
    kit_start(false, 0);
    binder_body();
    if (binder.thread)
        ke_thread_join(binder.thread);
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

static void
binder_run(uint64_t first, uint64_t last, void (*body)(void))
{
    binder_body = body;
    for (binder_seed = first; binder_seed <= last; binder_seed++)
        kit_run(binder_seed, binder_inside);
}

static void
elsewhere(void (*fn)(void *))
{
    ck_assert_int_eq(ke_thread_start(kit.box, "elsewhere", fn, NULL, &binder.thread), 0);
}

static uint32_t
bindings_now(void)
{
    struct ndis_edge edges[8];
    return ndis_adapter_edges(kit.adapter, edges, 8) - 1;
}

// ---- the open undone in the bind handler ------------------------------------------------------------------------------------------

static NDIS_STATUS
bind_open_close_fail(NDIS_BIND_PARAMETERS *parameters)
{
    ck_assert_int_eq(binder_open(), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(binder_close(), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_NOT_SUPPORTED;
}

static void
open_is_undone(void)
{
    binder.on_bind = bind_open_close_fail;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(bindings_now(), 0);
    ck_assert_uint_eq(binder.close_completes, 0);
    binder.on_bind = bind_plainly;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(bindings_now(), 1);
    ck_assert_uint_eq(binder.restarts, 1);
}

TEST(NdisCloseAdapterEx_inside_the_bind_handler_undoes_the_open)
{
    binder_run(1, 10, open_is_undone);
}

static NDIS_STATUS
bind_open_close_open(NDIS_BIND_PARAMETERS *parameters)
{
    ck_assert_int_eq(binder_open(), NDIS_STATUS_SUCCESS);
    binder.second_open_status = binder_open();
    ck_assert_int_eq(binder_close(), NDIS_STATUS_SUCCESS);
    return binder_open();
}

static void
opens_once_at_a_time(void)
{
    binder.on_bind = bind_open_close_open;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(binder.second_open_status, NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(bindings_now(), 1);
}

TEST(NdisOpenAdapterEx_opens_once_for_a_bind_and_again_after_a_close)
{
    binder_run(1, 3, opens_once_at_a_time);
}

static NDIS_STATUS
bind_close_succeed(NDIS_BIND_PARAMETERS *parameters)
{
    ck_assert_int_eq(binder_open(), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(binder_close(), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

static void
nothing_is_bound(void)
{
    binder.on_bind = bind_close_succeed;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(bindings_now(), 0);
}

TEST(ProtocolBindAdapterEx_that_succeeds_with_nothing_open_is_not_bound)
{
    binder_run(1, 3, nothing_is_bound);
}

static NDIS_STATUS
bind_open_fail(NDIS_BIND_PARAMETERS *parameters)
{
    ck_assert_int_eq(binder_open(), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_RESOURCES;
}

static void
leaves_it_open(void)
{
    binder.on_bind = bind_open_fail;
    ndis_adapter_bind(kit.adapter, "binder");
}

static void
run_leaves_it_open(void)
{
    binder_run(1, 1, leaves_it_open);
}

TEST(ProtocolBindAdapterEx_that_fails_and_leaves_the_adapter_open_is_reported)
{
    harness_reported("NDIS_BUGCHECK_INVALID_OPEN_IN_BIND_CONTEXT", run_leaves_it_open);
}

// The handle of a protocol, in the bind of another.
static NDIS_STATUS
bind_with_anothers_handle(NDIS_BIND_PARAMETERS *parameters)
{
    NDIS_HANDLE mine = binder.driver, handle;
    binder.driver = kit.protocol[0];
    ck_assert_int_eq(binder_open_begin(&handle), NDIS_STATUS_FAILURE);
    ck_assert_ptr_null(handle);
    binder.driver = mine;
    return NDIS_STATUS_NOT_SUPPORTED;
}

static void
open_is_refused(void)
{
    binder.wrong_name = true;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_ADAPTER_NOT_FOUND);
    binder.wrong_name = false;
    binder.wrong_medium = true;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_UNSUPPORTED_MEDIA);
    binder.wrong_medium = false;
    binder.wrong_header = true;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_FAILURE);
    binder.wrong_header = false;
    binder.on_bind = bind_with_anothers_handle;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(bindings_now(), 0);
}

TEST(NdisOpenAdapterEx_refuses_a_name_a_medium_and_a_header_that_are_not_right)
{
    binder_run(1, 2, open_is_refused);
}

// ---- the open that pends -----------------------------------------------------------------------------------------------------------

// How often the seeds of one test made it pend, and not. Static: the process is the test's own.
static uint32_t pended, at_once;

static void
pends_or_not(void)
{
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(bindings_now(), 1);
    ck_assert_uint_eq(binder.restarts, 1);
    pended += binder.opens_pended;
    at_once += binder.opens_at_once;
}

TEST(NdisOpenAdapterEx_pends_or_not_as_the_seed_says_and_the_binding_is_the_same)
{
    binder_run(1, 40, pends_or_not);
    ck_assert_uint_eq(pended + at_once, 40);
    ck_assert_uint_gt(pended, 5);
    ck_assert_uint_gt(at_once, 5);
}

static void
starves(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    struct nbx_fault_report report;
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
    ck_assert_uint_eq(bindings_now(), 0);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    pended += binder.opens_pended > 0;
    at_once += binder.opens_at_once > 0;
}

TEST(NdisOpenAdapterEx_without_memory_fails_at_once_or_in_ProtocolOpenAdapterCompleteEx)
{
    binder_run(1, 20, starves);
    ck_assert_uint_gt(pended, 0);
    ck_assert_uint_gt(at_once, 0);
}

static void
complete_in_the_handler(NDIS_STATUS status)
{
    NdisCompleteBindAdapterEx(binder.bind, status);
}

// The bind pends with the open, and the handler that ends the open ends the bind.
static NDIS_STATUS
bind_as_the_open(NDIS_BIND_PARAMETERS *parameters)
{
    binder.on_open_complete = complete_in_the_handler;
    NDIS_STATUS status = binder_open_begin(&binder.handle);
    pended += status == NDIS_STATUS_PENDING;
    return status;
}

static void
ends_the_bind(void)
{
    binder.on_bind = bind_as_the_open;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(bindings_now(), 1);
}

TEST(ProtocolOpenAdapterCompleteEx_may_end_the_bind_and_the_driver_may_be_unloaded_at_once)
{
    binder_run(1, 40, ends_the_bind);
    ck_assert_uint_gt(pended, 5);
}

// What drivers get wrong: NDIS_STATUS_PENDING is no success, so it must be a failure.
static NDIS_STATUS
bind_takes_pending_for_a_failure(NDIS_BIND_PARAMETERS *parameters)
{
    NDIS_STATUS status = binder_open_begin(&binder.handle);
    return status == NDIS_STATUS_SUCCESS ? status : NDIS_STATUS_OPEN_FAILED;
}

static void
takes_pending_for_a_failure(void)
{
    binder.on_bind = bind_takes_pending_for_a_failure;
    ndis_adapter_bind(kit.adapter, "binder");
}

static void
run_takes_pending_for_a_failure(void)
{
    binder_run(1, 20, takes_pending_for_a_failure);
}

TEST(NdisOpenAdapterEx_that_pends_and_is_taken_for_a_failure_is_reported)
{
    harness_reported("ended the bind while the open that it began is pending", run_takes_pending_for_a_failure);
}

// ---- pended, and completed from another thread -------------------------------------------------------------------------------------

static void
open_and_complete(void *arg)
{
    NDIS_STATUS status = binder_open();
    NdisCompleteBindAdapterEx(binder.bind, status);
}

static NDIS_STATUS
bind_pend(NDIS_BIND_PARAMETERS *parameters)
{
    elsewhere(open_and_complete);
    return NDIS_STATUS_PENDING;
}

static void
close_and_complete(void *arg)
{
    ck_assert_int_eq(binder_close(), NDIS_STATUS_SUCCESS);
    NdisCompleteUnbindAdapterEx(binder.unbind);
}

static NDIS_STATUS
unbind_pend(void)
{
    ke_thread_join(binder.thread);
    elsewhere(close_and_complete);
    return NDIS_STATUS_PENDING;
}

static void
pends_everything(void)
{
    binder.on_bind = bind_pend;
    binder.on_unbind = unbind_pend;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(bindings_now(), 1);
    ck_assert_uint_eq(binder.restarts, 1);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(binder.unbinds, 1);
}

TEST(NdisCompleteBindAdapterEx_and_NdisCompleteUnbindAdapterEx_may_come_from_other_threads)
{
    binder_run(1, 40, pends_everything);
}

static void
fail_in_an_unbind(void *arg)
{
    bool unbind_first = (binder_seed & 1) != 0;
    ck_assert_int_eq(binder_open(), NDIS_STATUS_SUCCESS);
    NDIS_HANDLE bind = binder.bind;
    ck_assert_int_eq(NdisUnbindAdapter(binder.handle), NDIS_STATUS_SUCCESS);
    if (unbind_first) {
        LARGE_INTEGER wait = {.QuadPart = -1000};
        while (!binder.unbinds)
            KeDelayExecutionThread(KernelMode, FALSE, &wait);
    }
    NdisCompleteBindAdapterEx(bind, NDIS_STATUS_RESOURCES);
}

static NDIS_STATUS
bind_pend_and_fail(NDIS_BIND_PARAMETERS *parameters)
{
    elsewhere(fail_in_an_unbind);
    return NDIS_STATUS_PENDING;
}

static void
fails_in_an_unbind(void)
{
    LARGE_INTEGER wait = {.QuadPart = -1000};
    binder.on_bind = bind_pend_and_fail;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_RESOURCES);
    while (bindings_now())
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    ck_assert_uint_eq(binder.unbinds, 1);
    ck_assert_uint_eq(binder.restarts, 0);
}

// [ndis/nc-ndis-protocol_bind_adapter_ex]: "As an alternative, if the driver returned NDIS_STATUS_PENDING ..."
TEST(NdisUnbindAdapter_while_the_bind_is_pended_lets_the_driver_close_in_its_unbind_handler)
{
    binder_run(1, 40, fails_in_an_unbind);
}

// ---- a close that pends ----------------------------------------------------------------------------------------------------------

static void
close_completed(void)
{
    NdisCompleteUnbindAdapterEx(binder.unbind);
}

static void
query_late(void *arg)
{
    LARGE_INTEGER wait = {.QuadPart = -20000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
    NDIS_OID_REQUEST *request = kit.mp.pended_oid;
    kit.mp.pended_oid = NULL;
    NdisMOidRequestComplete(kit.mp.adapter, request, NDIS_STATUS_SUCCESS);
}

static NDIS_OID_REQUEST late_request;

static NDIS_STATUS
unbind_with_a_request_out(void)
{
    static ULONG value;
    late_request = (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestQueryInformation,
        .DATA.QUERY_INFORMATION = {
            .Oid = OID_GEN_XMIT_ERROR, .InformationBuffer = &value, .InformationBufferLength = sizeof value}};
    kit.mp.pend_oids = true;
    ck_assert_int_eq(NdisOidRequest(binder.handle, &late_request), NDIS_STATUS_PENDING);
    elsewhere(query_late);
    ck_assert_int_eq(binder_close(), NDIS_STATUS_PENDING);
    kit.mp.pend_oids = false;
    return NDIS_STATUS_PENDING;
}

static void
close_pends(void)
{
    binder.on_unbind = unbind_with_a_request_out;
    binder.on_close_complete = close_completed;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(binder.close_completes, 1);
}

TEST(NdisCloseAdapterEx_pends_while_a_request_is_out_and_ProtocolCloseAdapterCompleteEx_follows)
{
    binder_run(1, 30, close_pends);
}

// ---- what a driver must not do -----------------------------------------------------------------------------------------------------

static void
closes_elsewhere(void)
{
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    binder_close();
}

static void
run_closes_elsewhere(void)
{
    binder_run(1, 1, closes_elsewhere);
}

TEST(NdisCloseAdapterEx_outside_the_bind_and_unbind_handlers_is_reported)
{
    harness_reported("NdisCloseAdapterEx: called outside", run_closes_elsewhere);
}

static NDIS_STATUS
unbind_and_close_twice(void)
{
    NDIS_HANDLE handle = binder.handle;
    unbind_with_a_request_out();                  // the first close pends, so that the binding is still there
    NdisCloseAdapterEx(handle);
    return NDIS_STATUS_PENDING;
}

static void
closes_twice(void)
{
    binder.on_unbind = unbind_and_close_twice;
    binder.on_close_complete = close_completed;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    ndis_adapter_remove(kit.adapter);
}

static void
run_closes_twice(void)
{
    binder_run(1, 1, closes_twice);
}

TEST(NdisCloseAdapterEx_a_second_time_is_reported)
{
    harness_reported("NdisCloseAdapterEx", run_closes_twice);
}

static void
unbind_is_not_pending(void)
{
    struct ndis_unbind *nothing = (void *)&binder;
    NdisCompleteUnbindAdapterEx(nothing);
}

static void
run_unbind_is_not_pending(void)
{
    binder_run(1, 1, unbind_is_not_pending);
}

TEST(NdisCompleteUnbindAdapterEx_with_a_context_that_is_none_is_reported)
{
    harness_reported("NdisCompleteUnbindAdapterEx", run_unbind_is_not_pending);
}

TEST(NdisCompleteUnbindAdapterEx_ends_an_unbind_that_was_pended)
{
    binder_run(41, 60, pends_everything);
}

static NDIS_STATUS
unbind_and_close_not(void)
{
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
unbind_fail(void)
{
    binder_close();
    return NDIS_STATUS_FAILURE;
}

static void
closes_not(void)
{
    binder.on_unbind = unbind_and_close_not;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    ndis_adapter_remove(kit.adapter);
}

static void
run_closes_not(void)
{
    binder_run(1, 1, closes_not);
}

TEST(ProtocolUnbindAdapterEx_that_does_not_close_is_reported)
{
    harness_reported("ProtocolUnbindAdapterEx: is over, and NdisCloseAdapterEx was not called", run_closes_not);
}

static void
unbind_fails(void)
{
    binder.on_unbind = unbind_fail;
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_SUCCESS);
    ndis_adapter_remove(kit.adapter);
}

static void
run_unbind_fails(void)
{
    binder_run(1, 1, unbind_fails);
}

TEST(ProtocolUnbindAdapterEx_that_fails_is_reported)
{
    harness_reported("ProtocolUnbindAdapterEx: failed", run_unbind_fails);
}

static NDIS_STATUS
bind_complete_and_return(NDIS_BIND_PARAMETERS *parameters)
{
    NDIS_STATUS status = binder_open();
    NdisCompleteBindAdapterEx(binder.bind, status);
    return status;
}

static void
completes_twice(void)
{
    binder.on_bind = bind_complete_and_return;
    ndis_adapter_bind(kit.adapter, "binder");
}

static void
run_completes_twice(void)
{
    binder_run(1, 1, completes_twice);
}

TEST(NdisCompleteBindAdapterEx_of_a_bind_that_then_returns_a_final_status_is_reported)
{
    harness_reported("ProtocolBindAdapterEx: returned a final status", run_completes_twice);
}

// ---- packet filters of two bindings at once ----------------------------------------------------------------------------------------

static void
filter_thread(void *arg)
{
    struct kit_binding *binding = arg;
    ULONG bits[2] = {NDIS_PACKET_TYPE_DIRECTED, NDIS_PACKET_TYPE_BROADCAST};
    for (uint32_t i = 0; i < 6; i++) {
        ULONG filter = i % 2 ? bits[binding - kit.binding] : 0;
        ck_assert_int_eq(kit_set(binding, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    }
}

static void
filters_at_once(void)
{
    struct ke_thread *threads[2];
    kit_start(false, 2);
    for (uint32_t i = 0; i < 2; i++)
        ck_assert_int_eq(ke_thread_start(kit.box, "filter", filter_thread, &kit.binding[i], &threads[i]), 0);
    for (uint32_t i = 0; i < 2; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(kit.mp.packet_filter, NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST);
}

TEST(OID_GEN_CURRENT_PACKET_FILTER_of_two_bindings_at_once_leaves_the_miniport_with_the_newest_sum)
{
    for (uint64_t seed = 1; seed < 100; seed++)
        kit_run(seed, filters_at_once);
}

static void
filter_goes_with_its_binding(void)
{
    ULONG directed = NDIS_PACKET_TYPE_DIRECTED, promiscuous = NDIS_PACKET_TYPE_PROMISCUOUS;
    LARGE_INTEGER wait = {.QuadPart = -1000};
    kit_start(false, 2);
    kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &directed, sizeof directed);
    kit_set(&kit.binding[1], OID_GEN_CURRENT_PACKET_FILTER, &promiscuous, sizeof promiscuous);
    ck_assert_uint_eq(kit.mp.packet_filter, directed | promiscuous);
    ck_assert_int_eq(NdisUnbindAdapter(kit.binding[1].handle), NDIS_STATUS_SUCCESS);
    while (kit.binding[1].in_use)
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    ck_assert_uint_eq(kit.mp.packet_filter, directed);
}

TEST(NdisCloseAdapterEx_takes_what_only_that_binding_wanted_out_of_the_packet_filter)
{
    kit_run(3, filter_goes_with_its_binding);
}
