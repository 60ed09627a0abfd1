// SPDX-License-Identifier: MIT
// Synchronous OID requests: one call down and up again at the caller's IRQL, past filters that look on, answer, change the answer, or have
// no handler; nobody clones one, pends one, or sends it a second time. [ndis/nf-ndis-ndissynchronousoidrequest],
// [ndis/nf-ndis-ndisfsynchronousoidrequest], [ndis/nf-ndis-filter_synchronous_oid_request] and its completion
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

#define SYNC_FILTERS 9                         // more than NDIS keeps on its stack

static struct syf {
    NDIS_HANDLE driver, module;
    bool has_issue, has_complete;
    NDIS_STATUS issue_status, leaves;          // leaves: what the completion handler writes; NDIS_STATUS_NOT_RECOGNIZED: nothing
    NDIS_STATUS seen;
    void *context_before, *context_after;
    uint32_t detaches;
    void (*on_issue)(struct syf *, NDIS_OID_REQUEST *);
} syf[SYNC_FILTERS];

static struct sync {
    NDIS_STATUS status;
    KIRQL irql;
    char order[64];                            // a b c: issue; A B C: complete; m: the miniport
    uint32_t filters, below;
    void (*on_below)(void);
    NDIS_OID_REQUEST *request;
    bool is_detached;
} sync_;

static void
note(char letter)
{
    sync_.order[strlen(sync_.order)] = letter;
}

static NTAPI NDIS_STATUS
syf_issue(NDIS_HANDLE context, NDIS_OID_REQUEST *request, PVOID *call_context)
{
    struct syf *self = context;
    note((char)('a' + (self - syf)));
    self->context_before = *call_context;
    *call_context = &self->leaves;
    if (self->on_issue)
        self->on_issue(self, request);
    return self->issue_status;
}

static NTAPI VOID
syf_complete(NDIS_HANDLE context, NDIS_OID_REQUEST *request, NDIS_STATUS *status, PVOID call_context)
{
    struct syf *self = context;
    note((char)('A' + (self - syf)));
    self->seen = *status;
    self->context_after = call_context;
    request->DATA.METHOD_INFORMATION.BytesRead++;
    if (self->leaves != NDIS_STATUS_NOT_RECOGNIZED)
        *status = self->leaves;
}

static NTAPI NDIS_STATUS
syf_attach(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    NDIS_FILTER_ATTRIBUTES attributes = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    struct syf *self = context;
    self->module = handle;
    return NdisFSetAttributes(handle, self, &attributes);
}

static NTAPI VOID
syf_detach(NDIS_HANDLE context)
{
    struct syf *self = context;
    self->detaches++;
}

static NTAPI NDIS_STATUS
syf_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
syf_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTSTATUS
syf_register(DRIVER_OBJECT *driver, uint32_t which)
{
    static WCHAR names[SYNC_FILTERS][4] = {L"sy0", L"sy1", L"sy2", L"sy3", L"sy4", L"sy5", L"sy6", L"sy7", L"sy8"};
    UNICODE_STRING string = {6, 8, names[which]};
    struct syf *self = &syf[which];
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_3,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_3},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 81,
        .FriendlyName = string,
        .UniqueName = string,
        .ServiceName = string,
        .AttachHandler = syf_attach,
        .DetachHandler = syf_detach,
        .RestartHandler = syf_restart,
        .PauseHandler = syf_pause,
        .SynchronousOidRequestHandler = self->has_issue ? syf_issue : NULL,
        .SynchronousOidRequestCompleteHandler = self->has_complete ? syf_complete : NULL};
    return NdisFRegisterFilterDriver(driver, self, &chars, &self->driver);
}

// The semicolon behind each is that of a declaration that says nothing new.
#define SYNC_FILTER(n) \
    static NTAPI VOID syf_unload_##n(PDRIVER_OBJECT driver) { NdisFDeregisterFilterDriver(syf[n].driver); } \
    static NTAPI NTSTATUS syf_entry_##n(PDRIVER_OBJECT driver, PUNICODE_STRING registry) \
    { \
        driver->DriverUnload = syf_unload_##n; \
        return syf_register(driver, n); \
    } \
    struct syf
SYNC_FILTER(0);
SYNC_FILTER(1);
SYNC_FILTER(2);
SYNC_FILTER(3);
SYNC_FILTER(4);
SYNC_FILTER(5);
SYNC_FILTER(6);
SYNC_FILTER(7);
SYNC_FILTER(8);
static const struct io_image_config images[SYNC_FILTERS] = {
    {.name = "sy0", .entry = syf_entry_0},
    {.name = "sy1", .entry = syf_entry_1},
    {.name = "sy2", .entry = syf_entry_2},
    {.name = "sy3", .entry = syf_entry_3},
    {.name = "sy4", .entry = syf_entry_4},
    {.name = "sy5", .entry = syf_entry_5},
    {.name = "sy6", .entry = syf_entry_6},
    {.name = "sy7", .entry = syf_entry_7},
    {.name = "sy8", .entry = syf_entry_8}};

static NDIS_STATUS
below(NDIS_OID_REQUEST *request)
{
    note('m');
    sync_.below++;
    sync_.irql = KeGetCurrentIrql();
    sync_.request = request;
    request->DATA.METHOD_INFORMATION.BytesWritten = 5;
    if (sync_.on_below)
        sync_.on_below();
    return sync_.status;
}

static NDIS_OID_REQUEST
request_of(void)
{
    static char buffer[16];
    return (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_2, NDIS_SIZEOF_OID_REQUEST_REVISION_2},
        .RequestType = NdisRequestMethod,
        .DATA.METHOD_INFORMATION = {.Oid = OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES,
                                    .InformationBuffer = buffer,
                                    .InputBufferLength = 16,
                                    .OutputBufferLength = 16}};
}

// sy0 is the highest: filters go in from below.
static void
start(void)
{
    struct io_image *image;
    char error[256];
    kit_start(false, 0);
    for (uint32_t i = sync_.filters; i-- > 0;) {
        ck_assert(NT_SUCCESS(io_image_load(kit.box, &images[i], &image, error, sizeof error)));
        ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, images[i].name), NDIS_STATUS_SUCCESS);
    }
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto0"), NDIS_STATUS_SUCCESS);
}

static void
end(void)
{
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    for (uint32_t i = 0; i < sync_.filters; i++)
        ck_assert_int_eq(io_image_unload(io_image_find(kit.box, images[i].name)), STATUS_SUCCESS);
}

static NDIS_STATUS
ask(NDIS_OID_REQUEST *request)
{
    memset(sync_.order, 0, sizeof sync_.order);
    return NdisSynchronousOidRequest(kit.binding[0].handle, request);
}

static void
prepare(uint32_t filters)
{
    memset(&sync_, 0, sizeof sync_);
    memset(syf, 0, sizeof syf);
    sync_.filters = filters;
    for (uint32_t i = 0; i < filters; i++)
        syf[i] = (struct syf){.has_issue = true, .has_complete = true, .leaves = NDIS_STATUS_NOT_RECOGNIZED};
    kit_mp_hooks.synchronous = below;
}

static void
run(uint32_t filters, void (*fn)(void))
{
    prepare(filters);
    kit_run(SIM_CALM, fn);
}

static const NDIS_STATUS statuses[] = {
    NDIS_STATUS_SUCCESS, NDIS_STATUS_INVALID_OID, NDIS_STATUS_INVALID_LENGTH, NDIS_STATUS_BUFFER_TOO_SHORT,
    NDIS_STATUS_INVALID_DATA, NDIS_STATUS_NOT_SUPPORTED, NDIS_STATUS_NOT_RECOGNIZED, NDIS_STATUS_RESOURCES,
    NDIS_STATUS_NOT_ACCEPTED, NDIS_STATUS_CLOSING, NDIS_STATUS_CLOSING_INDICATING, NDIS_STATUS_RESET_IN_PROGRESS,
    NDIS_STATUS_FAILURE, NDIS_STATUS_INDICATION_REQUIRED};

static void
each_status(void)
{
    KIRQL old;
    start();
    for (int level = PASSIVE_LEVEL; level <= DISPATCH_LEVEL; level++) {
        KeRaiseIrql((KIRQL)level, &old);
        for (size_t i = 0; i < ARRAYSIZE(statuses); i++) {
            NDIS_OID_REQUEST request = request_of();
            sync_.status = statuses[i];
            ck_assert_int_eq(ask(&request), statuses[i]);
            ck_assert_str_eq(sync_.order, "abmBA");
            ck_assert_ptr_eq(sync_.request, &request);           // the very request, no clone
            ck_assert_uint_eq(sync_.irql, level);
            ck_assert_uint_eq(request.DATA.METHOD_INFORMATION.BytesWritten, 5);
            ck_assert_uint_eq(request.DATA.METHOD_INFORMATION.BytesRead, 2);
            for (int f = 0; f < 2; f++) {
                ck_assert_int_eq(syf[f].seen, statuses[i]);
                ck_assert_ptr_null(syf[f].context_before);
                ck_assert_ptr_eq(syf[f].context_after, &syf[f].leaves);
            }
            memset(sync_.order, 0, sizeof sync_.order);
            ck_assert_int_eq(NdisFSynchronousOidRequest(syf[0].module, &request), statuses[i]);
            ck_assert_str_eq(sync_.order, "bmB");                // from below itself on
            memset(sync_.order, 0, sizeof sync_.order);
            ck_assert_int_eq(NdisFSynchronousOidRequest(syf[1].module, &request), statuses[i]);
            ck_assert_str_eq(sync_.order, "m");
        }
        KeLowerIrql(old);
    }
    end();
}
TEST(NdisSynchronousOidRequest_goes_down_and_up_in_one_call_at_the_callers_level_with_each_status)
{
    run(2, each_status);
}
TEST(NdisFSynchronousOidRequest_starts_below_the_filter_with_each_status)
{
    run(2, each_status);
}
TEST(MiniportSynchronousOidRequest_gets_the_very_request_and_its_status_goes_up)
{
    run(2, each_status);
}

static void
bad_requests(void)
{
    start();
    for (int i = 0; i < 2; i++) {
        NDIS_OID_REQUEST request = request_of();
        NDIS_STATUS expected = i ? NDIS_STATUS_NOT_SUPPORTED : NDIS_STATUS_INVALID_PARAMETER;
        if (i)
            request.RequestType = (NDIS_REQUEST_TYPE)99;
        else
            request.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
        ck_assert_int_eq(ask(&request), expected);
        ck_assert_int_eq(NdisFSynchronousOidRequest(syf[0].module, &request), expected);
        ck_assert_str_eq(sync_.order, "");
    }
    end();
}
TEST(NdisSynchronousOidRequest_refuses_what_is_no_request_before_anybody_sees_it)
{
    run(1, bad_requests);
}
TEST(NdisFSynchronousOidRequest_refuses_what_is_no_request_before_anybody_sees_it)
{
    run(1, bad_requests);
}

static void
few_handlers(void)
{
    NDIS_OID_REQUEST request = request_of();
    start();
    syf[1].context_after = &request;
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(sync_.order, "amB");
    ck_assert_ptr_null(syf[1].context_after);                    // nobody has written one
    end();
}
TEST(NdisSynchronousOidRequest_passes_filters_with_one_handler_or_none)
{
    prepare(3);
    syf[0].has_complete = syf[1].has_issue = syf[2].has_issue = syf[2].has_complete = false;
    kit_run(SIM_CALM, few_handlers);
}

static void
nobody_below(void)
{
    NDIS_OID_REQUEST request = request_of();
    start();
    ck_assert_int_eq(ask(&request), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_str_eq(sync_.order, "aA");
    ck_assert_int_eq(syf[0].seen, NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(NdisFSynchronousOidRequest(syf[0].module, &request), NDIS_STATUS_NOT_SUPPORTED);
    syf[0].issue_status = NDIS_STATUS_ALREADY_COMPLETE;          // a filter may answer for a miniport that cannot
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    end();
}
TEST(NdisSynchronousOidRequest_is_not_supported_where_the_miniport_has_no_handler)
{
    prepare(1);
    kit_mp_hooks.synchronous = NULL;
    kit_run(SIM_CALM, nobody_below);
}
TEST(NdisFSynchronousOidRequest_is_not_supported_where_the_miniport_has_no_handler)
{
    prepare(1);
    kit_mp_hooks.synchronous = NULL;
    kit_run(SIM_CALM, nobody_below);
}

static void
filter_answers(void)
{
    NDIS_OID_REQUEST request = request_of();
    start();
    for (size_t i = 1; i < ARRAYSIZE(statuses); i++) {
        syf[1].issue_status = statuses[i];
        ck_assert_int_eq(ask(&request), statuses[i]);
        ck_assert_str_eq(sync_.order, "abA");                    // its own completion handler is not called
        ck_assert_int_eq(syf[0].seen, statuses[i]);
    }
    syf[1].issue_status = NDIS_STATUS_ALREADY_COMPLETE;
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(sync_.order, "abA");
    ck_assert_int_eq(syf[0].seen, NDIS_STATUS_SUCCESS);
    end();
}
TEST(FilterSynchronousOidRequest_answers_with_any_status_and_nobody_below_is_asked)
{
    run(3, filter_answers);
}

static void
status_changed(void)
{
    NDIS_OID_REQUEST request = request_of();
    start();
    syf[1].leaves = NDIS_STATUS_RESOURCES;
    ck_assert_int_eq(ask(&request), NDIS_STATUS_RESOURCES);
    ck_assert_int_eq(syf[1].seen, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(syf[0].seen, NDIS_STATUS_RESOURCES);
    syf[0].leaves = NDIS_STATUS_SUCCESS;
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    end();
}
TEST(FilterSynchronousOidRequestComplete_may_change_the_status)
{
    run(2, status_changed);
}

static void
nine(void)
{
    NDIS_OID_REQUEST request = request_of();
    start();
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(sync_.order, "abcdefghimIHGFEDCBA");
    for (int i = 0; i < SYNC_FILTERS; i++) {
        ck_assert_ptr_null(syf[i].context_before);
        ck_assert_ptr_eq(syf[i].context_after, &syf[i].leaves);
    }
    end();
}
TEST(FilterSynchronousOidRequest_of_many_filters_has_a_context_each)
{
    run(SYNC_FILTERS, nine);
}

// ---- while things go away ---------------------------------------------------------------------------------------------------------

static NTAPI VOID
detach_thread(PVOID arg)
{
    ck_assert_int_eq(ndis_adapter_detach_filter(kit.adapter, "sy0"), NDIS_STATUS_SUCCESS);
    sync_.is_detached = true;
}

static void
detach_meanwhile(void)
{
    HANDLE thread;
    LARGE_INTEGER moment = {.QuadPart = -100000};
    ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, detach_thread, NULL), STATUS_SUCCESS);
    ZwClose(thread);
    KeDelayExecutionThread(KernelMode, FALSE, &moment);
    ck_assert_uint_eq(syf[0].detaches, 0);
}

static void
detach(void)
{
    NDIS_OID_REQUEST request = request_of();
    LARGE_INTEGER moment = {.QuadPart = -100000};
    start();
    sync_.on_below = detach_meanwhile;
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(sync_.order, "amA");
    for (int i = 0; i < 100 && !sync_.is_detached; i++)
        KeDelayExecutionThread(KernelMode, FALSE, &moment);
    ck_assert_uint_eq(syf[0].detaches, 1);
    sync_.on_below = NULL;
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(sync_.order, "m");
    end();
}
TEST(FilterSynchronousOidRequest_holds_FilterDetach_off_until_the_request_is_back)
{
    run(1, detach);
}

static void
asleep(void)
{
    NDIS_OID_REQUEST request = request_of();
    start();
    ck_assert_int_eq(ndis_adapter_power(kit.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ask(&request), kit.mp.knows_power ? NDIS_STATUS_SUCCESS : NDIS_STATUS_LOW_POWER_STATE);
    ck_assert_str_eq(sync_.order, kit.mp.knows_power ? "amA" : "aA");
    ck_assert_int_eq(ndis_adapter_power(kit.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(sync_.order, "amA");
    end();
}
static void
asleep_aware(void)
{
    kit.mp.knows_power = true;
    asleep();
}
TEST(MiniportSynchronousOidRequest_is_not_called_while_the_miniport_is_halted_for_sleep)
{
    run(1, asleep);
    run(1, asleep_aware);
}

static NTAPI VOID
sleep_thread(PVOID arg)
{
    ck_assert_int_eq(ndis_adapter_power(kit.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    sync_.is_detached = true;
}

static void
sleep_meanwhile(void)
{
    HANDLE thread;
    LARGE_INTEGER moment = {.QuadPart = -100000};
    ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, sleep_thread, NULL), STATUS_SUCCESS);
    ZwClose(thread);
    KeDelayExecutionThread(KernelMode, FALSE, &moment);
    ck_assert_uint_eq(kit.mp.halts, 0);
}

static void
halted(void)
{
    NDIS_OID_REQUEST request = request_of();
    LARGE_INTEGER moment = {.QuadPart = -100000};
    start();
    sync_.on_below = sleep_meanwhile;                            // a miniport without power management is halted for it
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    for (int i = 0; i < 100 && !sync_.is_detached; i++)
        KeDelayExecutionThread(KernelMode, FALSE, &moment);
    ck_assert(sync_.is_detached);
    ck_assert_uint_eq(kit.mp.halts, 1);
    end();
}
TEST(MiniportSynchronousOidRequest_holds_MiniportHaltEx_off_until_the_request_is_back)
{
    run(1, halted);
}

// Nothing else waits for it, nor it for anything: not a pause, not a reset, not another request, whatever its kind.
static void
ask_inside(void)
{
    NDIS_OID_REQUEST request = request_of();
    sync_.on_below = NULL;
    ck_assert_int_eq(NdisSynchronousOidRequest(kit.binding[0].handle, &request), NDIS_STATUS_SUCCESS);
}

static NDIS_STATUS
ask_in_pause(void)
{
    ask_inside();
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
ask_in_reset(BOOLEAN *addressing)
{
    ask_inside();
    return NDIS_STATUS_SUCCESS;
}

static void
unserialised(void)
{
    NDIS_OID_REQUEST request = request_of();
    ULONG word = 0;
    start();
    sync_.on_below = ask_inside;
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(sync_.order, "amamAA");                     // one within another
    kit.mp.on_pause = ask_in_pause;
    kit.mp.on_reset = ask_in_reset;
    sync_.below = 0;
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(sync_.below, 1);
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);        // filter and miniport are paused
    ck_assert_str_eq(sync_.order, "amA");
    ck_assert_int_eq(ndis_adapter_reset(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(sync_.below, 3);
    kit.mp.on_pause = NULL;
    kit.mp.on_reset = NULL;
    kit.mp.pend_oids = true;                                     // an ordinary request is out
    NDIS_OID_REQUEST plain = {.Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
                              .RequestType = NdisRequestSetInformation,
                              .DATA.SET_INFORMATION = {
                                  .Oid = 0xff770001, .InformationBuffer = &word, .InformationBufferLength = sizeof word}};
    ck_assert_int_eq(NdisOidRequest(kit.binding[0].handle, &plain), NDIS_STATUS_PENDING);
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    kit.mp.pended_oid = NULL;
    NdisMOidRequestComplete(kit.mp.adapter, &plain, NDIS_STATUS_SUCCESS);
    end();
}
TEST(MiniportSynchronousOidRequest_is_serialised_with_no_pause_reset_or_other_request)
{
    run(1, unserialised);
}
TEST(FilterSynchronousOidRequest_is_serialised_with_no_pause_reset_or_other_request)
{
    run(1, unserialised);
}
TEST(FilterSynchronousOidRequestComplete_is_serialised_with_no_pause_reset_or_other_request)
{
    run(1, unserialised);
}

// ---- what a filter may write ---------------------------------------------------------------------------------------------------------

static NDIS_OID_REQUEST below_saw;

static void
see_below(void)
{
    below_saw = *sync_.request;
}

static void
write_fields(struct syf *self, NDIS_OID_REQUEST *request)
{
    request->RequestType = NdisRequestQueryInformation;
    request->PortNumber = 7;
    request->RequestHandle = self;
    request->DATA.QUERY_INFORMATION.Oid = 0xff770003;
    request->SwitchId = 5;
    request->VPortId = 6;
    request->Flags = 0x10;
    request->SupportedRevision = 2;
}

static void
fields(void)
{
    NDIS_OID_REQUEST request = request_of();
    start();
    sync_.on_below = see_below;
    ck_assert_int_eq(ask(&request), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(below_saw.RequestType, NdisRequestQueryInformation);
    ck_assert_uint_eq(below_saw.PortNumber, 7);
    ck_assert_ptr_eq(below_saw.RequestHandle, &syf[0]);
    ck_assert_uint_eq(below_saw.DATA.QUERY_INFORMATION.Oid, 0xff770003);
    ck_assert_uint_eq(below_saw.SwitchId, 5);
    ck_assert_uint_eq(below_saw.VPortId, 6);
    ck_assert_uint_eq(below_saw.Flags, 0x10);
    ck_assert_uint_eq(below_saw.SupportedRevision, 2);
    ck_assert_uint_eq(request.PortNumber, 7);                    // it is the requester's own structure
    end();
}
TEST(FilterSynchronousOidRequest_may_change_what_those_below_see)
{
    prepare(1);
    syf[0].on_issue = write_fields;
    kit_run(SIM_CALM, fields);
}

// ---- what is forbidden --------------------------------------------------------------------------------------------------------------

static void
once(void)
{
    NDIS_OID_REQUEST request = request_of();
    start();
    ask(&request);
    end();
}

static void
once_run(void)
{
    kit_run(SIM_CALM, once);
}

TEST(FilterSynchronousOidRequest_that_pends_is_reported)
{
    prepare(1);
    syf[0].issue_status = NDIS_STATUS_PENDING;
    harness_reported("FilterSynchronousOidRequest: returned NDIS_STATUS_PENDING", once_run);
}

TEST(MiniportSynchronousOidRequest_that_pends_or_aborts_is_reported)
{
    prepare(1);
    sync_.status = NDIS_STATUS_PENDING;
    harness_reported("MiniportSynchronousOidRequest: returned NDIS_STATUS_PENDING", once_run);
    sync_.status = NDIS_STATUS_REQUEST_ABORTED;
    harness_reported("MiniportSynchronousOidRequest: returned NDIS_STATUS_REQUEST_ABORTED", once_run);
}

TEST(FilterSynchronousOidRequestComplete_that_leaves_no_final_status_is_reported)
{
    prepare(1);
    syf[0].leaves = NDIS_STATUS_PENDING;
    harness_reported("FilterSynchronousOidRequestComplete: left NDIS_STATUS_PENDING", once_run);
    syf[0].leaves = NDIS_STATUS_ALREADY_COMPLETE;
    harness_reported("FilterSynchronousOidRequestComplete: left NDIS_STATUS_ALREADY_COMPLETE", once_run);
}

static void
send_on(struct syf *self, NDIS_OID_REQUEST *request)
{
    NdisFSynchronousOidRequest(self->module, request);
}
TEST(NdisFSynchronousOidRequest_of_a_request_on_its_way_is_reported)
{
    prepare(1);
    syf[0].on_issue = send_on;
    harness_reported("the request is on its way already", once_run);
}

static void
clone(struct syf *self, NDIS_OID_REQUEST *request)
{
    NDIS_OID_REQUEST *made;
    NdisAllocateCloneOidRequest(self->module, request, 'cnys', &made);
}
TEST(NdisAllocateCloneOidRequest_of_a_synchronous_request_is_reported)
{
    prepare(1);
    syf[0].on_issue = clone;
    harness_reported("a synchronous request must not be cloned", once_run);
}

static void
stay_high(struct syf *self, NDIS_OID_REQUEST *request)
{
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
}
TEST(FilterSynchronousOidRequest_that_does_not_restore_the_IRQL_is_reported)
{
    prepare(1);
    kit_verify = VERIFY_ON;
    syf[0].on_issue = stay_high;
    harness_reported("NBX-0201", once_run);
}
