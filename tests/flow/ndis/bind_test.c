// SPDX-License-Identifier: MIT
// Binding and unbinding as drivers really do it: with the open undone in the bind handler, pended and completed from other threads,
// with NBLs still out at the close; and what is said of a driver that leaves something half way.
// The protocol here ("binder") is the test's own: struct binder says how it behaves.
#include "kit.h"

#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "nt/ke/ke.h"

static struct binder {
    NDIS_HANDLE driver, handle, bind, unbind;
    NDIS_STATUS (*on_bind)(NDIS_BIND_PARAMETERS *parameters);
    NDIS_STATUS (*on_unbind)(void);
    void (*on_close_complete)(void);
    UNICODE_STRING adapter_name;
    struct ke_thread *thread;
    bool wrong_name, wrong_medium, wrong_header;
    _Atomic uint32_t binds, unbinds, close_completes, restarts;
    NDIS_STATUS open_status, second_open_status;
} binder;

static NDIS_STATUS
binder_open(void)
{
    static WCHAR nothing[] = L"\\Device\\Nothing";
    UNICODE_STRING wrong = {sizeof nothing - sizeof(WCHAR), sizeof nothing, nothing};
    NDIS_MEDIUM medium = binder.wrong_medium ? NdisMediumFddi : NdisMedium802_3;
    UINT selected = 99;
    NDIS_HANDLE handle;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = binder.wrong_name ? &wrong : &binder.adapter_name,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    if (binder.wrong_header)
        open.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    NDIS_STATUS status = NdisOpenAdapterEx(binder.driver, &binder, &open, binder.bind, &handle);
    if (status == NDIS_STATUS_SUCCESS) {
        ck_assert_uint_eq(selected, 0);
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
    ck_assert_int_eq(binder.second_open_status, NDIS_STATUS_OPEN_FAILED);
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
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "binder"), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(bindings_now(), 0);
}

TEST(NdisOpenAdapterEx_refuses_a_name_a_medium_and_a_header_that_are_not_right)
{
    binder_run(1, 2, open_is_refused);
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
