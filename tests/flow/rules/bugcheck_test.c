// SPDX-License-Identifier: MIT
// What ndis.sys itself stops at, as rules of their own: NBX-0117 (a bind that fails and leaves the adapter open), 0118 (status
// indications), 0119 (headers of cloned requests). The others of 0120 to 0124 have their tests with the functions they are about.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static void (*act)(void);

static void
watched(void)
{
    kit_verify = VERIFY_ON;
    kit_run(3, act);
}

#define IS_FOUND(fn, rule, ...) (act = (fn), crime_is_found(watched, rule, __VA_ARGS__, NULL))
#define IS_NONE(fn) (act = (fn), crime_is_none(watched))

// ---- a protocol that fails its bind ---------------------------------------------------------------------------------------------------

static NDIS_HANDLE opener, binding;
static KEVENT opened, closed;
static NDIS_STATUS open_status;
static bool closes, stays;                    // before the bind fails; it does not fail

static NTAPI VOID
open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    open_status = status;
    KeSetEvent(&opened, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
close_complete(NDIS_HANDLE context)
{
    KeSetEvent(&closed, IO_NO_INCREMENT, FALSE);
}

static NTAPI NDIS_STATUS
bind(NDIS_HANDLE context, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters)
{
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    KeInitializeEvent(&opened, NotificationEvent, FALSE);
    KeInitializeEvent(&closed, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOpenAdapterEx(opener, &binding, &open, bind_context, &binding);
    if (status == NDIS_STATUS_PENDING) {
        KeWaitForSingleObject(&opened, Executive, KernelMode, FALSE, NULL);
        status = open_status;
    }
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    if (stays)
        return NDIS_STATUS_SUCCESS;
    if (closes && NdisCloseAdapterEx(binding) == NDIS_STATUS_PENDING)
        KeWaitForSingleObject(&closed, Executive, KernelMode, FALSE, NULL);
    return NDIS_STATUS_FAILURE;
}

// It answers after so many seconds, if ever.
#define NEVER 1000000
static uint32_t unbind_s, event_s;
static NDIS_HANDLE unbinding;
static PNET_PNP_EVENT_NOTIFICATION pended;

static void
sleep_s(uint32_t seconds)
{
    LARGE_INTEGER time = {.QuadPart = -10000000ll * seconds};
    KeDelayExecutionThread(KernelMode, FALSE, &time);
}

static NTAPI VOID
later(PVOID context)
{
    sleep_s(unbinding ? unbind_s : event_s);
    if (unbinding) {
        if (NdisCloseAdapterEx(binding) == NDIS_STATUS_PENDING)
            KeWaitForSingleObject(&closed, Executive, KernelMode, FALSE, NULL);
        NdisCompleteUnbindAdapterEx(unbinding);
    } else {
        NdisCompleteNetPnPEvent(binding, pended, NDIS_STATUS_SUCCESS);
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
answer_later(uint32_t seconds)
{
    HANDLE thread;
    if (seconds == NEVER)
        return;
    ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, later, NULL), STATUS_SUCCESS);
    ZwClose(thread);
}

static NTAPI NDIS_STATUS
unbind(NDIS_HANDLE unbind_context, NDIS_HANDLE context)
{
    if (!unbind_s)
        return NdisCloseAdapterEx(binding);
    unbinding = unbind_context;
    answer_later(unbind_s);
    return NDIS_STATUS_PENDING;
}

static NTAPI NDIS_STATUS
event(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION notification)
{
    if (!context || !event_s || notification->NetPnPEvent.NetEvent != NetEventPause)
        return NDIS_STATUS_SUCCESS;
    pended = notification;
    answer_later(event_s);
    return NDIS_STATUS_PENDING;
}

static NTAPI VOID
oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
}

static NTAPI VOID
status_come(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
}

static NTAPI VOID
receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    NdisReturnNetBufferLists(binding, nbls, 0);
}

static NTAPI VOID
sent(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
}

static NTAPI VOID
opener_unload(PDRIVER_OBJECT driver)
{
    NdisDeregisterProtocolDriver(opener);
}

static NTAPI NTSTATUS
opener_entry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .Name = RTL_CONSTANT_STRING(L"opener"),
        .BindAdapterHandlerEx = bind,
        .UnbindAdapterHandlerEx = unbind,
        .OpenAdapterCompleteHandlerEx = open_complete,
        .CloseAdapterCompleteHandlerEx = close_complete,
        .NetPnPEventHandler = event,
        .OidRequestCompleteHandler = oid_complete,
        .StatusHandlerEx = status_come,
        .ReceiveNetBufferListsHandler = receive,
        .SendNetBufferListsCompleteHandler = sent};
    driver->DriverUnload = opener_unload;
    return NdisRegisterProtocolDriver(NULL, &chars, &opener);
}

static void
fails_to_bind(void)
{
    struct io_image_config config = {.name = "opener", .entry = opener_entry};
    struct io_image *image;
    char error[256];
    kit_start(false, 0);
    ck_assert_msg(io_image_load(kit.box, &config, &image, error, sizeof error) == STATUS_SUCCESS, "%s", error);
    ck_assert_int_ne(ndis_adapter_bind(kit.adapter, "opener"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

TEST(a_bind_that_fails_and_leaves_the_adapter_open_is_reported)
{
    IS_FOUND(fails_to_bind, "NBX-0117", "driver opener", "ProtocolBindAdapterEx: failed the bind and left the adapter open",
             "Windows: BugCheck 0x7C (0x16)");
}

TEST(a_bind_that_fails_in_order_is_not_reported)
{
    closes = true;
    IS_NONE(fails_to_bind);
}

static void
binds_and_goes(void)
{
    struct io_image_config config = {.name = "opener", .entry = opener_entry};
    struct io_image *image;
    char error[256];
    stays = true;
    kit_start(false, 0);
    ck_assert_msg(io_image_load(kit.box, &config, &image, error, sizeof error) == STATUS_SUCCESS, "%s", error);
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "opener"), NDIS_STATUS_SUCCESS);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

static uint32_t keep_s;
static NET_BUFFER_LIST *mine;                 // the kit returns what it knows of at a pause

static NTAPI VOID
return_later(PVOID context)
{
    sleep_s(keep_s);
    kit.binding[0].kept = mine;
    kit_return(&kit.binding[0]);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
keeps_receives(void)
{
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    ULONG filter = NDIS_PACKET_TYPE_BROADCAST;
    HANDLE thread;
    kit_start(false, 1);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    kit.binding[0].keep = true;
    kit_indicate(everybody, 2, 0);
    mine = kit.binding[0].kept;
    kit.binding[0].kept = NULL;
    if (keep_s != NEVER) {
        ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, return_later, NULL), STATUS_SUCCESS);
        ZwClose(thread);
    }
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
}

TEST(a_protocol_that_does_not_come_to_an_end_is_reported)
{
    unbind_s = NEVER;
    IS_FOUND(binds_and_goes, "NBX-0125", "driver opener",
             "ProtocolUnbindAdapterEx: opener returned NDIS_STATUS_PENDING and has not completed it for 30 s");
    unbind_s = 0;
    event_s = NEVER;
    IS_FOUND(binds_and_goes, "NBX-0125", "driver opener", "ProtocolNetPnPEvent: opener returned NDIS_STATUS_PENDING");
    keep_s = NEVER;
    IS_FOUND(keeps_receives, "NBX-0125", "driver proto0", "proto0 is paused, and has not returned what it has received for 30 s");
}

TEST(a_protocol_that_takes_its_time_is_not_reported)
{
    unbind_s = event_s = keep_s = 29;
    IS_NONE(binds_and_goes);
    IS_NONE(keeps_receives);
}

// ---- what is indicated and cloned -------------------------------------------------------------------------------------------------------

static NDIS_STATUS_INDICATION indication;
static NDIS_LINK_STATE link_state;
static NDIS_OID_REQUEST request;

static void
make(void)
{
    link_state = (NDIS_LINK_STATE){
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_LINK_STATE_REVISION_1, NDIS_SIZEOF_LINK_STATE_REVISION_1},
        .MediaConnectState = MediaConnectStateConnected};
    indication = (NDIS_STATUS_INDICATION){.Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1,
                                                     NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
                                          .StatusCode = NDIS_STATUS_LINK_STATE,
                                          .StatusBuffer = &link_state,
                                          .StatusBufferSize = sizeof link_state};
    request = (NDIS_OID_REQUEST){.Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
                                 .RequestType = NdisRequestQueryInformation};
}

static void
indicates_as(const char *who)
{
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, who), "test");
    if (who[0] == 'm')
        NdisMIndicateStatusEx(kit.mp.adapter, &indication);
    else
        NdisFIndicateStatus(kit.filter, &indication);
    ke_driver_leave(ke_self(), crossing);
}

static void
indicates_well(void)
{
    kit_start(true, 1);
    make();
    indication.SourceHandle = kit.mp.adapter;
    indicates_as("mp");
    indication.SourceHandle = kit.filter;
    indicates_as("lwf");
    ck_assert_uint_ge(kit.binding[0].status_indications, 2);
}

static void
indicates_no_indication(void)
{
    kit_start(true, 1);
    make();
    indication.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    indicates_as("mp");
}

static void
indicates_no_buffer(void)
{
    kit_start(true, 1);
    make();
    indication.StatusCode = NDIS_STATUS_NETWORK_CHANGE;
    indication.StatusBuffer = NULL;
    indicates_as("lwf");
}

static void
indicates_half_a_link_state(void)
{
    kit_start(true, 1);
    make();
    indication.StatusBufferSize /= 2;
    indicates_as("mp");
}

static void
indicates_no_link_state(void)
{
    kit_start(true, 1);
    make();
    link_state.Header.Size = 4;
    indicates_as("mp");
}

TEST(a_status_indication_that_is_not_well_made_is_reported)
{
    IS_FOUND(indicates_no_indication, "NBX-0118", "driver mp", "NdisMIndicateStatusEx: the indication's header is not right",
             "Windows: BugCheck 0x7C (0x20)");
    IS_FOUND(indicates_no_buffer, "NBX-0118", "driver lwf", "NdisFIndicateStatus: StatusBufferSize says that there is a buffer");
    IS_FOUND(indicates_half_a_link_state, "NBX-0118", "the status buffer holds no NDIS_LINK_STATE");
    IS_FOUND(indicates_no_link_state, "NBX-0118", "the status buffer holds no NDIS_LINK_STATE");
}

static void
clones(void)
{
    NDIS_OID_REQUEST *clone;
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "lwf"), "test");
    ck_assert_int_eq(NdisAllocateCloneOidRequest(kit.filter, &request, 'nolC', &clone), NDIS_STATUS_SUCCESS);
    NdisFreeCloneOidRequest(kit.filter, clone);
    ke_driver_leave(ke_self(), crossing);
}

static void
clones_well(void)
{
    kit_start(true, 1);
    make();
    clones();
}

static void
clones_no_request(void)
{
    kit_start(true, 1);
    make();
    request.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    clones();
}

static void
clones_half_a_request(void)
{
    kit_start(true, 1);
    make();
    request.Header.Size /= 2;
    clones();
}

TEST(a_clone_of_a_request_with_a_wrong_header_is_reported)
{
    IS_FOUND(clones_no_request, "NBX-0119", "driver lwf", "NdisAllocateCloneOidRequest: the header of the request is not right",
             "Windows: BugCheck 0x7C (0x21)");
    IS_FOUND(clones_half_a_request, "NBX-0119", "driver lwf");
}

TEST(what_is_well_made_is_not_reported)
{
    IS_NONE(indicates_well);
    IS_NONE(clones_well);
}
