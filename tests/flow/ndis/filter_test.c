// SPDX-License-Identifier: MIT
// Filter modules: what is refused at registration and attach, options and restart in their order, attributes changed on the way up, a
// module that does not restart, pended answers, and insertion, removal and changed handlers while frames go both ways.
// The filters here ("flt0", "flt1") are the test's own; struct flt says how each behaves.
#include "kit.h"

#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "nbx/fault.h"
#include "nt/ke/ke.h"

static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

static struct flt {
    NDIS_HANDLE driver, module;
    NDIS_STATUS options_status, restart_status;
    NDIS_STATUS (*on_restart)(struct flt *flt, NDIS_FILTER_RESTART_PARAMETERS *parameters);
    NDIS_STATUS (*on_pause)(struct flt *flt);
    NDIS_STATUS (*on_attach)(struct flt *flt, NDIS_FILTER_ATTACH_PARAMETERS *parameters);
    bool bypasses;                                // no data handlers from the next restart on
    _Atomic uint32_t sends, cancels, attaches, detaches;
} flt[2];

static char order[256];                           // 'O' options, 'R' restart, 'P' pause, with the filter's digit

static struct flt *
flt_of(NDIS_HANDLE context)
{
    return context;
}

static void
order_note(char what, struct flt *f)
{
    size_t used = strlen(order);
    if (used + 3 < sizeof order) {
        order[used] = what;
        order[used + 1] = (char)('0' + (f - flt));
        order[used + 2] = 0;
    }
}

static NTAPI NDIS_STATUS
flt_attach(NDIS_HANDLE handle, NDIS_HANDLE driver_context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    struct flt *f = driver_context;
    NDIS_FILTER_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1,
                                                    NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    f->module = handle;
    f->attaches++;
    if (f->on_attach)
        return f->on_attach(f, parameters);
    return NdisFSetAttributes(handle, f, &attributes);
}

static NTAPI VOID
flt_detach(NDIS_HANDLE context)
{
    flt_of(context)->detaches++;
}

static NTAPI NDIS_STATUS
flt_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    struct flt *f = flt_of(context);
    order_note('R', f);
    if (f->restart_status)
        return f->restart_status;
    return f->on_restart ? f->on_restart(f, parameters) : NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
flt_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    struct flt *f = flt_of(context);
    order_note('P', f);
    return f->on_pause ? f->on_pause(f) : NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
flt_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    struct flt *f = flt_of(context);
    f->sends++;
    NdisFSendNetBufferLists(f->module, nbls, port, flags);
}

static NTAPI VOID
flt_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    NdisFSendNetBufferListsComplete(flt_of(context)->module, nbls, flags);
}

static NTAPI VOID
flt_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    NdisFIndicateReceiveNetBufferLists(flt_of(context)->module, nbls, port, count, flags);
}

static NTAPI VOID
flt_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    NdisFReturnNetBufferLists(flt_of(context)->module, nbls, flags);
}

static NTAPI VOID
flt_cancel(NDIS_HANDLE context, PVOID id)
{
    flt_of(context)->cancels++;
    NdisFCancelSendNetBufferLists(flt_of(context)->module, id);
}

// Requests go on as clones; the clone carries the original.
static bool flt_takes_oids;
static NDIS_STATUS oid_refusal;                   // flt answers so itself; 0: passes on
static uint32_t oids_passed, oids_answered, oid_cancels;
static NDIS_OID_REQUEST *last_request;

static void
oid_copy_back(NDIS_OID_REQUEST *original, const NDIS_OID_REQUEST *clone)
{
    original->DATA.QUERY_INFORMATION.BytesWritten = clone->DATA.QUERY_INFORMATION.BytesWritten;
    original->DATA.QUERY_INFORMATION.BytesNeeded = clone->DATA.QUERY_INFORMATION.BytesNeeded;
}

static NTAPI NDIS_STATUS
flt_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    struct flt *f = flt_of(context);
    NDIS_OID_REQUEST *clone;
    if (oid_refusal)
        return oid_refusal;
    ck_assert_int_eq(NdisAllocateCloneOidRequest(f->module, request, 'xOlf', &clone), NDIS_STATUS_SUCCESS);
    *(NDIS_OID_REQUEST **)clone->SourceReserved = request;
    clone->RequestId = request;
    oids_passed++;
    NDIS_STATUS status = NdisFOidRequest(f->module, clone);
    if (status != NDIS_STATUS_PENDING) {
        oid_copy_back(request, clone);
        NdisFreeCloneOidRequest(f->module, clone);
    }
    return status;
}

static NTAPI VOID
flt_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST clone, NDIS_STATUS status)
{
    struct flt *f = flt_of(context);
    NDIS_OID_REQUEST *request = *(NDIS_OID_REQUEST **)clone->SourceReserved;
    oids_answered++;
    oid_copy_back(request, clone);
    NdisFreeCloneOidRequest(f->module, clone);
    NdisFOidRequestComplete(f->module, request, status);
}

static NTAPI VOID
flt_oid_cancel(NDIS_HANDLE context, PVOID id)
{
    oid_cancels++;
    NdisFCancelOidRequest(flt_of(context)->module, last_request);
}

static NTAPI NDIS_STATUS
flt_options(NDIS_HANDLE context)
{
    struct flt *f = flt_of(context);
    NDIS_FILTER_PARTIAL_CHARACTERISTICS partial = {.Header = {NDIS_OBJECT_TYPE_FILTER_PARTIAL_CHARACTERISTICS,
                                                              NDIS_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1,
                                                              NDIS_SIZEOF_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1}};
    order_note('O', f);
    if (!f->bypasses) {
        partial.SendNetBufferListsHandler = flt_send;
        partial.SendNetBufferListsCompleteHandler = flt_send_complete;
        partial.CancelSendNetBufferListsHandler = flt_cancel;
        partial.ReceiveNetBufferListsHandler = flt_receive;
        partial.ReturnNetBufferListsHandler = flt_return;
    }
    ck_assert_int_eq(NdisSetOptionalHandlers(f->module, (void *)&partial), NDIS_STATUS_SUCCESS);
    return f->options_status;
}

static NTAPI VOID
flt_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    struct flt *f = context;
    NdisFIndicateStatus(f->module, indication);
}

static NDIS_FILTER_DRIVER_CHARACTERISTICS
flt_chars(uint32_t which)
{
    static WCHAR name[2][5] = {L"flt0", L"flt1"};
    return (NDIS_FILTER_DRIVER_CHARACTERISTICS){
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .FriendlyName = {8, 10, name[which]},
        .UniqueName = {8, 10, name[which]},
        .ServiceName = {8, 10, name[which]},
        .SetFilterModuleOptionsHandler = flt_options,
        .AttachHandler = flt_attach,
        .DetachHandler = flt_detach,
        .RestartHandler = flt_restart,
        .PauseHandler = flt_pause,
        .SendNetBufferListsHandler = flt_send,
        .SendNetBufferListsCompleteHandler = flt_send_complete,
        .CancelSendNetBufferListsHandler = flt_cancel,
        .ReceiveNetBufferListsHandler = flt_receive,
        .ReturnNetBufferListsHandler = flt_return,
        .StatusHandler = flt_status};
}

static NTAPI VOID
flt0_unload(PDRIVER_OBJECT driver)
{
    NdisFDeregisterFilterDriver(flt[0].driver);
}

static NTAPI VOID
flt1_unload(PDRIVER_OBJECT driver)
{
    NdisFDeregisterFilterDriver(flt[1].driver);
}

static bool refused_registrations;

// Each of these is refused by the page, and the handle stays NULL.
static void
registrations_are_refused(PDRIVER_OBJECT driver)
{
    NDIS_HANDLE handle = &flt;
    for (uint32_t i = 0; i < 9; i++) {
        NDIS_FILTER_DRIVER_CHARACTERISTICS chars = flt_chars(0);
        NDIS_STATUS wanted = NDIS_STATUS_BAD_CHARACTERISTICS;
        switch (i) {
        case 0:
            chars.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
            break;
        case 1:
            chars.Header.Size = 8;
            break;
        case 2:
            chars.MajorNdisVersion = 5;
            wanted = NDIS_STATUS_BAD_VERSION;
            break;
        case 3:
            chars.AttachHandler = NULL;
            break;
        case 4:
            chars.DetachHandler = NULL;
            break;
        case 5:
            chars.PauseHandler = NULL;
            break;
        case 6:
            chars.RestartHandler = NULL;
            break;
        case 7:
            chars.SendNetBufferListsCompleteHandler = NULL;
            break;
        default:
            chars.ReturnNetBufferListsHandler = NULL;
            break;
        }
        ck_assert_int_eq(NdisFRegisterFilterDriver(driver, &flt[0], &chars, &handle), wanted);
        ck_assert_ptr_null(handle);
    }
    NDIS_FILTER_DRIVER_CHARACTERISTICS good = flt_chars(0);
    ck_assert_int_eq(NdisFRegisterFilterDriver(NULL, &flt[0], &good, &handle), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisFRegisterFilterDriver(driver, &flt[0], NULL, &handle), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisFRegisterFilterDriver(driver, &flt[0], &good, NULL), NDIS_STATUS_INVALID_PARAMETER);
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    ck_assert_int_eq(NdisFRegisterFilterDriver(driver, &flt[0], &good, &handle), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(NULL);
    refused_registrations = true;
}

static NTAPI NTSTATUS
flt0_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = flt_chars(0);
    if (flt_takes_oids) {
        chars.OidRequestHandler = flt_oid;
        chars.OidRequestCompleteHandler = flt_oid_complete;
        chars.CancelOidRequestHandler = flt_oid_cancel;
    }
    driver->DriverUnload = flt0_unload;
    registrations_are_refused(driver);
    return NdisFRegisterFilterDriver(driver, &flt[0], &chars, &flt[0].driver);
}

static NTAPI NTSTATUS
flt1_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = flt_chars(1);
    driver->DriverUnload = flt1_unload;
    return NdisFRegisterFilterDriver(driver, &flt[1], &chars, &flt[1].driver);
}

static void (*body)(void);

static void
inside(void)
{
    struct io_image *image[2];
    DRIVER_INITIALIZE *const entry[] = {flt0_entry, flt1_entry};
    const char *const name[] = {"flt0", "flt1"};
    char error[256];
    memset(flt, 0, sizeof flt);
    order[0] = 0;
    for (int i = 0; i < 2; i++) {
        struct io_image_config config = {.name = name[i], .entry = entry[i]};
        ck_assert(NT_SUCCESS(io_image_load(kit.box, &config, &image[i], error, sizeof error)));
    }
    body();
    if (kit.adapter)
        ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(io_image_unload(image[i]), STATUS_SUCCESS);
        ck_assert_uint_eq(flt[i].attaches, flt[i].detaches);
    }
}

static void
run(uint64_t first, uint64_t last, void (*fn)(void))
{
    body = fn;
    for (uint64_t seed = first; seed <= last; seed++)
        kit_run(seed, inside);
}

static void
start(uint32_t filters, uint32_t bindings)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < filters; i++)
        ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, i ? "flt1" : "flt0"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < bindings; i++)
        ck_assert_int_eq(ndis_adapter_bind(kit.adapter, i % 2 ? "proto1" : "proto0"), NDIS_STATUS_SUCCESS);
}

static void
registers(void)
{
    ck_assert(refused_registrations);
}

TEST(NdisFRegisterFilterDriver_refuses_what_its_page_refuses)
{
    run(1, 1, registers);
}

// ---- attach -----------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
attach_badly(struct flt *f, NDIS_FILTER_ATTACH_PARAMETERS *parameters)
{
    NDIS_FILTER_ATTRIBUTES good = {.Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1,
                                              NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}},
                           bad = {.Flags = 0};
    ck_assert_int_eq(NdisFSetAttributes(f->module, f, &bad), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisFSetAttributes(f->module, NULL, &good), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisFSetAttributes(f->module, f, &good), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisFSetAttributes(f->module, f, &good), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(parameters->CurrentMacAddress[5], 1);
    return NDIS_STATUS_SUCCESS;
}

static void
sets_attributes(void)
{
    NDIS_FILTER_ATTRIBUTES good = {.Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1,
                                              NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    flt[0].on_attach = attach_badly;
    start(1, 0);
    ck_assert_int_eq(NdisFSetAttributes(flt[0].module, &flt[0], &good), NDIS_STATUS_INVALID_PARAMETER);
}

TEST(NdisFSetAttributes_is_for_FilterAttach_once_and_with_a_context)
{
    run(1, 1, sets_attributes);
}

// ---- restart ----------------------------------------------------------------------------------------------------------------------

static void
restarts_in_order(void)
{
    start(2, 1);
    ck_assert_str_eq(order, "O0O1R0R1");          // the options of all before the restart of any
    order[0] = 0;
    ck_assert_int_eq(NdisFRestartFilter(flt[0].module), NDIS_STATUS_SUCCESS);
    LARGE_INTEGER wait = {.QuadPart = -10000};
    while (strlen(order) < 12)
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    ck_assert_str_eq(order, "P1P0O0O1R0R1");
}

TEST(FilterSetModuleOptions_of_all_filters_comes_before_FilterRestart_of_any)
{
    run(1, 10, restarts_in_order);
}

static void
restart_without_memory(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    start(1, 1);
    order[0] = 0;
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    ck_assert_int_eq(NdisFRestartFilter(flt[0].module), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(NULL);
    LARGE_INTEGER wait = {.QuadPart = -1000000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
    ck_assert_str_eq(order, "");                  // what failed has not begun
    ck_assert_int_eq(NdisFRestartFilter(flt[0].module), NDIS_STATUS_SUCCESS);
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
    ck_assert_str_eq(order, "P0O0R0");
}

TEST(NdisFRestartFilter_without_memory_starts_nothing_and_later_pauses_sets_options_and_restarts)
{
    run(1, 5, restart_without_memory);
}

static NDIS_STATUS
shrink_mtu(struct flt *f, NDIS_FILTER_RESTART_PARAMETERS *parameters)
{
    NDIS_RESTART_ATTRIBUTES *first = parameters->RestartAttributes, *at = first, *more;
    while (at->Oid != OID_GEN_MINIPORT_RESTART_ATTRIBUTES)
        at = at->Next;
    ((NDIS_RESTART_GENERAL_ATTRIBUTES *)(void *)at->Data)->MtuSize -= 100;
    more = NdisAllocateMemoryWithTagPriority(f->module, FIELD_OFFSET(NDIS_RESTART_ATTRIBUTES, Data) + 4, 'xTlf', NormalPoolPriority);
    *more = (NDIS_RESTART_ATTRIBUTES){.Oid = 0x12345678, .DataLength = 4};
    memcpy(more->Data, "more", 4);
    more->Next = first;
    parameters->RestartAttributes = more;         // NDIS frees it
    return NDIS_STATUS_SUCCESS;
}

static uint32_t seen_mtu, seen_more, seen_names;

static NDIS_STATUS
look_at_restart(struct kit_binding *binding, NET_PNP_EVENT_NOTIFICATION *event)
{
    if (event->NetPnPEvent.NetEvent != NetEventRestart)
        return NDIS_STATUS_SUCCESS;
    NDIS_PROTOCOL_RESTART_PARAMETERS *p = event->NetPnPEvent.Buffer;
    seen_more = seen_names = 0;
    for (NDIS_RESTART_ATTRIBUTES *a = p->RestartAttributes; a; a = a->Next) {
        if (a->Oid == OID_GEN_MINIPORT_RESTART_ATTRIBUTES)
            seen_mtu = ((NDIS_RESTART_GENERAL_ATTRIBUTES *)(void *)a->Data)->MtuSize;
        seen_more += a->Oid == 0x12345678 && !memcmp(a->Data, "more", 4);
    }
    for (ULONG at = 0; at < p->FilterModuleNameBufferLength; seen_names++) {
        USHORT bytes;
        memcpy(&bytes, p->FilterModuleNameBuffer + at, sizeof bytes);
        at += sizeof bytes + bytes;
        ck_assert_uint_le(at, p->FilterModuleNameBufferLength);
    }
    return NDIS_STATUS_SUCCESS;
}

static void
changes_attributes(void)
{
    flt[0].on_restart = flt[1].on_restart = shrink_mtu;
    start(2, 1);
    kit.binding[0].on_event = look_at_restart;
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(seen_mtu, 1300);
    ck_assert_uint_eq(seen_more, 2);
    ck_assert_uint_eq(seen_names, 2);
    // A later binding sees the same; the miniport's own is what it was.
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto1"), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.binding[1].bound_mtu, 1300);
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(seen_mtu, 1300);
}

TEST(FilterRestart_may_change_and_add_attributes_and_those_above_see_them)
{
    run(1, 5, changes_attributes);
}

static void
does_not_restart(void)
{
    start(2, 1);
    flt[0].restart_status = NDIS_STATUS_RESOURCES;
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(flt[0].detaches, 1);
    ck_assert(ndis_adapter_is_running(kit.adapter));
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 1, 64));
    ck_assert_uint_eq(kit.mp.sent, 1);
    ck_assert_uint_eq(flt[1].sends, 1);
    flt[0].restart_status = 0;
}

TEST(FilterRestart_that_fails_detaches_the_filter_and_the_stack_runs_without_it)
{
    run(1, 5, does_not_restart);
}

static void
mandatory_does_not_restart(void)
{
    ndis_filter_mandatory_set(kit.box, "flt0", true);
    start(2, 1);
    flt[0].options_status = NDIS_STATUS_FAILURE;
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(flt[0].detaches, 1);
    ck_assert(!ndis_adapter_is_running(kit.adapter));
    ck_assert(!kit.binding[0].in_use);
}

TEST(FilterRestart_of_a_mandatory_filter_that_fails_ends_the_stack)
{
    run(1, 5, mandatory_does_not_restart);
}

// ---- pended answers ---------------------------------------------------------------------------------------------------------------

static struct ke_thread *helper;

static void
pause_complete(void *arg)
{
    LARGE_INTEGER wait = {.QuadPart = -20000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
    NdisFPauseComplete(((struct flt *)arg)->module);
}

static NDIS_STATUS
pend_pause(struct flt *f)
{
    ck_assert_int_eq(ke_thread_start(kit.box, "pause", pause_complete, f, &helper), 0);
    return NDIS_STATUS_PENDING;
}

static void
restart_complete(void *arg)
{
    LARGE_INTEGER wait = {.QuadPart = -20000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
    NdisFRestartComplete(((struct flt *)arg)->module, NDIS_STATUS_SUCCESS);
}

static NDIS_STATUS
pend_restart(struct flt *f, NDIS_FILTER_RESTART_PARAMETERS *parameters)
{
    ck_assert_int_eq(ke_thread_start(kit.box, "restart", restart_complete, f, &helper), 0);
    return NDIS_STATUS_PENDING;
}

static void
pends(void)
{
    start(1, 1);
    flt[0].on_pause = pend_pause;
    flt[0].on_restart = pend_restart;
    for (uint32_t round = 0; round < 2; round++) {
        ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
        ke_thread_join(helper);
        ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
        ke_thread_join(helper);
        ck_assert(ndis_adapter_is_running(kit.adapter));
    }
    flt[0].on_pause = NULL;
}

TEST(NdisFPauseComplete_and_NdisFRestartComplete_may_come_later_from_other_threads)
{
    run(1, 20, pends);
}

static void
completes_no_pause(void)
{
    start(1, 0);
    NdisFPauseComplete(flt[0].module);
}

static void
run_completes_no_pause(void)
{
    run(1, 1, completes_no_pause);
}

TEST(NdisFPauseComplete_without_a_pause_is_reported)
{
    harness_reported("NdisFPauseComplete: no pause is pending", run_completes_no_pause);
}

static void
completes_no_restart(void)
{
    start(1, 0);
    NdisFRestartComplete(flt[0].module, NDIS_STATUS_SUCCESS);
}

static void
run_completes_no_restart(void)
{
    run(1, 1, completes_no_restart);
}

TEST(NdisFRestartComplete_without_a_restart_is_reported)
{
    harness_reported("NdisFRestartComplete: no restart is pending", run_completes_no_restart);
}

// ---- requests through a filter -----------------------------------------------------------------------------------------------------

static void
later_answer(void *arg)
{
    LARGE_INTEGER wait = {.QuadPart = -20000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
    NDIS_OID_REQUEST *request = kit.mp.pended_oid;
    kit.mp.pended_oid = NULL;
    *(ULONG *)request->DATA.QUERY_INFORMATION.InformationBuffer = 4711;
    request->DATA.QUERY_INFORMATION.BytesWritten = 4;
    NdisMOidRequestComplete(kit.mp.adapter, request, NDIS_STATUS_SUCCESS);
}

static void
requests_pass(void)
{
    ULONG value = 0;
    start(1, 1);
    oids_passed = oids_answered = 0;
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_GEN_XMIT_ERROR, &value, sizeof value), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(oids_passed, 1);
    ck_assert_uint_eq(oids_answered, 0);          // told by the return value
    kit.mp.pend_oids = true;
    ck_assert_int_eq(ke_thread_start(kit.box, "later", later_answer, NULL, &helper), 0);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_GEN_XMIT_ERROR, &value, sizeof value), NDIS_STATUS_SUCCESS);
    kit.mp.pend_oids = false;
    ke_thread_join(helper);
    ck_assert_uint_eq(value, 4711);
    ck_assert_uint_eq(oids_passed, 2);
    ck_assert_uint_eq(oids_answered, 1);
    oid_refusal = NDIS_STATUS_INVALID_DATA;
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_GEN_XMIT_ERROR, &value, sizeof value), NDIS_STATUS_INVALID_DATA);
    oid_refusal = 0;
}

TEST(NdisFOidRequest_passes_a_clone_down_and_gets_its_answer)
{
    flt_takes_oids = true;
    run(1, 10, requests_pass);
}

TEST(NdisFOidRequestComplete_brings_a_pended_answer_back_to_the_protocol)
{
    flt_takes_oids = true;
    run(11, 20, requests_pass);
}

static void
cancel_passes(void)
{
    static ULONG value;
    static NDIS_OID_REQUEST request;
    start(1, 1);
    oid_cancels = 0;
    request = (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestQueryInformation,
        .RequestId = &request,
        .DATA.QUERY_INFORMATION = {
            .Oid = OID_GEN_XMIT_ERROR, .InformationBuffer = &value, .InformationBufferLength = sizeof value}};
    last_request = &request;
    kit.mp.pend_oids = true;
    kit.binding[0].oid_done = NULL;
    ck_assert_int_eq(NdisOidRequest(kit.binding[0].handle, &request), NDIS_STATUS_PENDING);
    kit.mp.pend_oids = false;
    NdisCancelOidRequest(kit.binding[0].handle, &request);
    ck_assert_uint_eq(oid_cancels, 1);
    LARGE_INTEGER wait = {.QuadPart = -10000};
    while (!kit.binding[0].oid_done)
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    ck_assert_int_eq(kit.binding[0].oid_status, NDIS_STATUS_REQUEST_ABORTED);
}

TEST(NdisFCancelOidRequest_takes_a_cancel_on_to_the_miniport)
{
    flt_takes_oids = true;
    run(1, 10, cancel_passes);
}

static void
requests_are_refused(void)
{
    NDIS_OID_REQUEST request = {.RequestType = NdisRequestQueryInformation};
    start(1, 1);
    ck_assert_int_eq(NdisFOidRequest(flt[0].module, &request), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(NdisOidRequest(kit.binding[0].handle, &request), NDIS_STATUS_INVALID_PARAMETER);
    request.Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1,
                                          NDIS_SIZEOF_OID_REQUEST_REVISION_1};
    request.RequestType = NdisRequestGeneric4;
    ck_assert_int_eq(NdisFOidRequest(flt[0].module, &request), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(NdisOidRequest(kit.binding[0].handle, &request), NDIS_STATUS_NOT_SUPPORTED);
}

TEST(NdisFOidRequest_refuses_a_header_and_a_type_that_are_not_right)
{
    run(1, 1, requests_are_refused);
}

TEST(NdisOidRequest_refuses_a_header_and_a_type_that_are_not_right)
{
    run(2, 2, requests_are_refused);
}

static void
completes_no_request(void)
{
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1}};
    start(1, 1);
    NdisFOidRequestComplete(flt[0].module, &request, NDIS_STATUS_SUCCESS);
}

static void
run_completes_no_request(void)
{
    flt_takes_oids = true;
    run(1, 1, completes_no_request);
}

TEST(NdisFOidRequestComplete_of_what_is_not_pending_is_reported)
{
    harness_reported("OidRequestComplete", run_completes_no_request);
}

static void
clone_comes_back(void)
{
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1}};
    NDIS_OID_REQUEST *clone;
    start(1, 0);
    ck_assert_int_eq(NdisAllocateCloneOidRequest(flt[0].module, &request, 'xOlf', &clone), NDIS_STATUS_SUCCESS);
    NdisFreeCloneOidRequest(flt[0].module, clone);
}

// A clone that is not freed is a leftover of the box, and the kit demands that there is none.
TEST(NdisFreeCloneOidRequest_gives_the_clone_back)
{
    run(1, 1, clone_comes_back);
}

// ---- cancel ---------------------------------------------------------------------------------------------------------------------

static void
cancels_pass(void)
{
    start(2, 1);
    NdisCancelSendNetBufferLists(kit.binding[0].handle, &flt);
    ck_assert_uint_eq(flt[0].cancels, 1);
    ck_assert_uint_eq(flt[1].cancels, 1);
    ck_assert_uint_eq(kit.mp.cancels, 1);
    // One without the handler is passed by.
    flt[1].bypasses = true;
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    NdisCancelSendNetBufferLists(kit.binding[0].handle, &flt);
    ck_assert_uint_eq(flt[0].cancels, 2);
    ck_assert_uint_eq(flt[1].cancels, 1);
    ck_assert_uint_eq(kit.mp.cancels, 2);
}

static void
filter_cancels(void)
{
    start(2, 0);
    NdisFCancelSendNetBufferLists(flt[1].module, &flt);
    ck_assert_uint_eq(flt[1].cancels, 0);
    ck_assert_uint_eq(flt[0].cancels, 1);
    ck_assert_uint_eq(kit.mp.cancels, 1);
}

TEST(NdisFCancelSendNetBufferLists_goes_down_from_the_filter_that_calls_it)
{
    run(1, 1, filter_cancels);
}

TEST(NdisCancelSendNetBufferLists_passes_every_filter_that_takes_it_down_to_the_miniport)
{
    run(1, 3, cancels_pass);
}

// ---- while frames go both ways ------------------------------------------------------------------------------------------------------

static void
send_thread(void *arg)
{
    _Atomic bool *stop = arg;
    LARGE_INTEGER wait = {.QuadPart = -500};
    for (uint32_t i = 0; !*stop; i++) {
        kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], i, 64));
        if (i % 4 == 0)
            KeDelayExecutionThread(KernelMode, FALSE, &wait);
    }
}

static void
indicate_thread(void *arg)
{
    _Atomic bool *stop = arg;
    LARGE_INTEGER wait = {.QuadPart = -700};
    while (!*stop) {
        if (ndis_adapter_is_running(kit.adapter))
            kit_indicate(broadcast, 2, NDIS_RECEIVE_FLAGS_RESOURCES);
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    }
}

static void
under_traffic(void (*change)(uint32_t round))
{
    _Atomic bool stop = false;
    struct ke_thread *sender, *indicator;
    ULONG filter = NDIS_PACKET_TYPE_BROADCAST;
    LARGE_INTEGER wait = {.QuadPart = -5000};
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ke_thread_start(kit.box, "send", send_thread, (void *)&stop, &sender), 0);
    ck_assert_int_eq(ke_thread_start(kit.box, "indicate", indicate_thread, (void *)&stop, &indicator), 0);
    for (uint32_t round = 0; round < 6; round++) {
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
        change(round);
    }
    stop = true;
    ke_thread_join(sender);
    ke_thread_join(indicator);
    ck_assert_uint_eq(kit.binding[0].in_flight, 0);
    ck_assert_uint_gt(kit.mp.sent, 0);
    ck_assert_uint_gt(kit.binding[0].received, 0);
}

static void
come_and_go(uint32_t round)
{
    if (round % 2)
        ck_assert_int_eq(ndis_adapter_detach_filter(kit.adapter, "flt1"), NDIS_STATUS_SUCCESS);
    else
        ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "flt1"), NDIS_STATUS_SUCCESS);
}

static void
inserted_and_removed(void)
{
    start(1, 1);
    under_traffic(come_and_go);
    ck_assert_uint_eq(flt[1].attaches, 3);
}

TEST_TIMEOUT(60, FilterAttach_and_FilterDetach_may_happen_while_frames_go_both_ways)
{
    run(1, 25, inserted_and_removed);
}

static void
change_handlers(uint32_t round)
{
    flt[round % 2].bypasses = !flt[round % 2].bypasses;
    ck_assert_int_eq(NdisFRestartFilter(flt[round % 2].module), NDIS_STATUS_SUCCESS);
}

static void
handlers_change(void)
{
    start(2, 1);
    under_traffic(change_handlers);
    LARGE_INTEGER wait = {.QuadPart = -100000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
    // Both toggled three times: bypassed now.
    uint32_t before = flt[0].sends + flt[1].sends, sent = kit.mp.sent;
    kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], 1, 64));
    ck_assert_uint_eq(flt[0].sends + flt[1].sends, before);
    ck_assert_uint_eq(kit.mp.sent, sent + 1);
}

TEST_TIMEOUT(60, NdisFRestartFilter_takes_handlers_in_and_out_while_frames_go_both_ways)
{
    run(1, 25, handlers_change);
}
