// SPDX-License-Identifier: MIT
// The bundled filter lwfmon between the kit's miniport and its protocol, on the seeded scheduler: requests through clones, a cancel
// that meets a completion, frames while the filter comes and goes.
//   lwfmon_run(seed, body): the kit's stack with one binding, lwfmon loaded and attached, body, lwfmon detached and unloaded
#include "../ndis/kit.h"
#include "harness/harness.h"

static void (*lwfmon_body)(void);
static _Atomic uint32_t lwfmon_ended;

static void
lwfmon_inside(void)
{
    struct io_image_config config = {.name = "lwfmon", .path = NBX_DRIVER_DIR "/lwfmon.so"};
    struct io_image *image;
    char error[256] = "";
    ck_assert_msg(NT_SUCCESS(io_image_load(kit.box, &config, &image, error, sizeof error)), "%s", error);
    kit_start(false, 1);
    ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "lwfmon"), NDIS_STATUS_SUCCESS);
    lwfmon_body();
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

static void
lwfmon_run(uint64_t seed, void (*body)(void))
{
    lwfmon_body = body;
    lwfmon_ended = 0;
    kit_run(seed, lwfmon_inside);
}

static void
lwfmon_pause_100us(void)
{
    LARGE_INTEGER wait = {.QuadPart = -1000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
}

static void
lwfmon_thread(KSTART_ROUTINE *routine)
{
    HANDLE handle;
    ck_assert_int_eq(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, routine, NULL), STATUS_SUCCESS);
    ZwClose(handle);
}

// ---- requests -----------------------------------------------------------------------------------------------------------------------

static void
oid_body(void)
{
    ULONG filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST;
    uint32_t before = kit.mp.oids;
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit.mp.packet_filter, filter);
    ck_assert_uint_eq(kit.mp.oids, before + 1);
    // What the miniport says reaches the protocol unchanged.
    kit.mp.oid_status = NDIS_STATUS_INVALID_DATA;
    filter |= NDIS_PACKET_TYPE_ALL_MULTICAST;
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_INVALID_DATA);
}

TEST(requests_pass_lwfmon_as_clones_and_their_answers_come_back)
{
    lwfmon_run(SIM_CALM, oid_body);
}

static NTAPI VOID
oid_completer(PVOID context)
{
    NDIS_OID_REQUEST *request;
    while (!kit.mp.pended_oid && !kit.binding[0].oid_done)
        lwfmon_pause_100us();
    request = kit.mp.pended_oid;
    kit.mp.pended_oid = NULL;
    if (request)
        NdisMOidRequestComplete(kit.mp.adapter, request, NDIS_STATUS_SUCCESS);
    lwfmon_ended++;
}

static NTAPI VOID
oid_canceller(PVOID context)
{
    NdisCancelOidRequest(kit.binding[0].handle, &kit);
    lwfmon_pause_100us();
    NdisCancelOidRequest(kit.binding[0].handle, &kit);
    lwfmon_ended++;
}

static uint32_t oid_aborted, oid_succeeded;

static void
oid_cancel_body(void)
{
    ULONG lookahead = 128;
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestSetInformation,
        .RequestId = &kit,
        .DATA.SET_INFORMATION = {
            .Oid = OID_GEN_LINK_PARAMETERS, .InformationBuffer = &lookahead, .InformationBufferLength = sizeof lookahead}};
    kit.mp.pend_oids = true;
    kit.binding[0].oid_done = NULL;
    lwfmon_thread(oid_completer);
    lwfmon_thread(oid_canceller);
    NDIS_STATUS status = NdisOidRequest(kit.binding[0].handle, &request);
    if (status == NDIS_STATUS_PENDING) {
        while (!kit.binding[0].oid_done)
            lwfmon_pause_100us();
        status = kit.binding[0].oid_status;
    } else {
        kit.binding[0].oid_done = &request;
    }
    while (lwfmon_ended < 2)
        lwfmon_pause_100us();
    kit.mp.pend_oids = false;
    ck_assert(status == NDIS_STATUS_SUCCESS || status == NDIS_STATUS_REQUEST_ABORTED);
    oid_aborted += status == NDIS_STATUS_REQUEST_ABORTED;
    oid_succeeded += status == NDIS_STATUS_SUCCESS;
}

TEST(a_cancel_through_lwfmon_and_a_completion_give_one_answer_whoever_is_first)
{
    for (uint64_t seed = 1; seed <= 200; seed++)
        lwfmon_run(seed, oid_cancel_body);
    ck_assert_uint_gt(oid_aborted, 0);
    ck_assert_uint_gt(oid_succeeded, 0);
}

// ---- frames while the filter comes and goes -----------------------------------------------------------------------------------------

#define SENT_COUNT 200

static NTAPI VOID
sender(PVOID context)
{
    for (uint64_t i = 0; i < SENT_COUNT; i++) {
        kit_send(&kit.binding[0], kit_nbl(&kit.binding[0], i, 64));
        if (i % 8 == 7)
            lwfmon_pause_100us();
    }
    lwfmon_ended++;
}

static void
come_and_go_body(void)
{
    lwfmon_thread(sender);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(ndis_adapter_detach_filter(kit.adapter, "lwfmon"), NDIS_STATUS_SUCCESS);
        lwfmon_pause_100us();
        ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "lwfmon"), NDIS_STATUS_SUCCESS);
        lwfmon_pause_100us();
    }
    while (!lwfmon_ended || kit.binding[0].in_flight)
        lwfmon_pause_100us();
    ck_assert_uint_eq(kit.binding[0].completed, SENT_COUNT);
    // Whatever was not refused for the pause reached the miniport once.
    ck_assert_uint_le(kit.mp.sent, SENT_COUNT);
    ck_assert_uint_gt(kit.mp.sent, 0);
}

TEST(every_send_comes_back_once_while_lwfmon_is_taken_out_and_put_in)
{
    for (uint64_t seed = 1; seed <= 50; seed++)
        lwfmon_run(seed, come_and_go_body);
}
