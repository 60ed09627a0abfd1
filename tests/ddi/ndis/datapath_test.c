// SPDX-License-Identifier: MIT
// The doors of the data path, each by what comes out at its other end: below for sends and returns, above for completions, indications
// and status. The kit's filter hands everything on through the NdisF doors.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"

static const uint8_t ours[6] = {0x02, 0, 0, 0, 0, 1}, broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void
receive_everything(struct kit_binding *binding)
{
    ULONG filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_ALL_MULTICAST;
    ck_assert_int_eq(kit_set(binding, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
}

// Three lists sent in one chain, completed later by the miniport.
static void
send_body(void)
{
    struct kit_binding *binding = &kit.binding[0];
    NET_BUFFER_LIST *chain = NULL;
    kit_start(true, 1);
    kit.mp.completion = KIT_LATER;
    for (uint64_t i = 3; i-- > 0;) {
        NET_BUFFER_LIST *nbl = kit_nbl(binding, 100 + i, 64);
        NET_BUFFER_LIST_NEXT_NBL(nbl) = chain;
        chain = nbl;
    }
    kit_send(binding, chain);
    ck_assert_uint_eq(kit.filter_sends, 3);
    ck_assert_uint_eq(kit.mp.sent, 3);
    for (uint64_t i = 0; i < 3; i++)
        ck_assert_uint_eq(kit.mp.order[i], 100 + i);
    ck_assert_uint_eq(binding->completed, 0);
    kit_complete_held();
    ck_assert_uint_eq(kit.filter_completes, 3);
    ck_assert_uint_eq(binding->completed, 3);
}

TEST(NdisFSendNetBufferLists_hands_the_list_on_in_its_order)
{
    kit_run(SIM_CALM, send_body);
}
TEST(NdisFSendNetBufferListsComplete_hands_the_list_back_up)
{
    kit_run(2, send_body);
}
TEST(NdisMSendNetBufferListsComplete_returns_each_list_to_its_sender)
{
    kit_run(3, send_body);
}

static void
receive_body(void)
{
    struct kit_binding *binding = &kit.binding[0];
    kit_start(true, 1);
    receive_everything(binding);
    binding->keep = true;
    kit_indicate(broadcast, 4, 0);
    ck_assert_uint_eq(kit.filter_receives, 4);
    ck_assert_uint_eq(binding->received, 4);
    ck_assert_uint_eq(kit.mp.returned, 0);
    kit_return(binding);
    ck_assert_uint_eq(kit.filter_returns, 4);
    ck_assert_uint_eq(kit.mp.returned, 4);
    // Lent for the call alone: the miniport has them back without a return.
    kit_indicate(broadcast, 2, NDIS_RECEIVE_FLAGS_RESOURCES);
    ck_assert_uint_eq(binding->received, 6);
    ck_assert_uint_eq(binding->resources, 2);
    ck_assert_uint_eq(kit.filter_returns, 4);
}

TEST(NdisFIndicateReceiveNetBufferLists_hands_the_list_up)
{
    kit_run(SIM_CALM, receive_body);
}
TEST(NdisFReturnNetBufferLists_hands_the_list_back_down)
{
    kit_run(2, receive_body);
}
TEST(NdisMIndicateReceiveNetBufferLists_lends_with_RESOURCES_and_gives_without)
{
    kit_run(3, receive_body);
}
TEST(NdisReturnNetBufferLists_brings_the_list_back_to_its_miniport)
{
    kit_run(4, receive_body);
}

static NDIS_STATUS_INDICATION
status_of(NDIS_STATUS code, NDIS_HANDLE source, void *buffer, ULONG bytes)
{
    return (NDIS_STATUS_INDICATION){.Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1,
                                               NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
                                    .SourceHandle = source,
                                    .StatusCode = code,
                                    .StatusBuffer = buffer,
                                    .StatusBufferSize = bytes};
}

static void
status_body(void)
{
    kit_start(true, 2);
    uint32_t before[2] = {kit.binding[0].status_indications, kit.binding[1].status_indications};
    NDIS_STATUS_INDICATION from_filter = status_of(NDIS_STATUS_MEDIA_SPECIFIC_INDICATION, kit.filter, NULL, 0);
    NdisFIndicateStatus(kit.filter, &from_filter);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(kit.binding[i].status_indications, before[i] + 1);
    NDIS_STATUS_INDICATION from_miniport = status_of(NDIS_STATUS_WAN_LINE_UP, kit.mp.adapter, NULL, 0);
    NdisMIndicateStatusEx(kit.mp.adapter, &from_miniport);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(kit.binding[i].status_indications, before[i] + 2);
}

TEST(NdisFIndicateStatus_reaches_every_binding_above)
{
    kit_run(SIM_CALM, status_body);
}
TEST(NdisMIndicateStatusEx_reaches_every_binding_above)
{
    kit_run(2, status_body);
}

static void
pended_oid_body(void)
{
    struct kit_binding *binding = &kit.binding[0];
    ULONG value = 0;
    NDIS_OID_REQUEST request = {.Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1,
                                           NDIS_SIZEOF_OID_REQUEST_REVISION_1},
                                .RequestType = NdisRequestQueryInformation,
                                .DATA.QUERY_INFORMATION = {.Oid = OID_GEN_RCV_NO_BUFFER,
                                                           .InformationBuffer = &value,
                                                           .InformationBufferLength = sizeof value}};
    kit_start(false, 1);
    kit.mp.pend_oids = true;
    ck_assert_int_eq(NdisOidRequest(binding->handle, &request), NDIS_STATUS_PENDING);
    LARGE_INTEGER a_while = {.QuadPart = -10000};
    while (!kit.mp.pended_oid)
        KeDelayExecutionThread(KernelMode, FALSE, &a_while);
    ck_assert_ptr_null(binding->oid_done);
    NDIS_OID_REQUEST *pended = kit.mp.pended_oid;
    kit.mp.pended_oid = NULL;
    kit.mp.pend_oids = false;
    NdisMOidRequestComplete(kit.mp.adapter, pended, NDIS_STATUS_INVALID_DATA);
    while (!binding->oid_done)
        KeDelayExecutionThread(KernelMode, FALSE, &a_while);
    ck_assert_ptr_eq(binding->oid_done, &request);
    ck_assert_int_eq(binding->oid_status, NDIS_STATUS_INVALID_DATA);
}

TEST(NdisMOidRequestComplete_ends_a_pended_request_with_its_status)
{
    kit_run(SIM_CALM, pended_oid_body);
}

static void
whole_life_body(void)
{
    kit_start(true, 2);
    ck_assert_ptr_nonnull(kit.mp_driver);
    ck_assert_ptr_nonnull(kit.filter);
}

// The kit takes everything down and demands that nothing is left: a driver that stayed registered would be.
TEST(NdisMDeregisterMiniportDriver_takes_the_driver_out)
{
    kit_run(SIM_CALM, whole_life_body);
    ck_assert_uint_eq(kit.left, 0);
}
TEST(NdisFDeregisterFilterDriver_takes_the_driver_out)
{
    kit_run(2, whole_life_body);
    ck_assert_uint_eq(kit.left, 0);
}
TEST(NdisDeregisterProtocolDriver_takes_the_driver_out)
{
    kit_run(3, whole_life_body);
    ck_assert_uint_eq(kit.left, 0);
}

// Nothing is sent to this address; it documents that what no binding wants goes back by itself.
static void
unwanted_body(void)
{
    struct kit_binding *binding = &kit.binding[0];
    ULONG none = 0;
    kit_start(true, 1);
    ck_assert_int_eq(kit_set(binding, OID_GEN_CURRENT_PACKET_FILTER, &none, sizeof none), NDIS_STATUS_SUCCESS);
    kit_indicate(ours, 3, 0);
    ck_assert_uint_eq(binding->received, 0);
    ck_assert_uint_eq(kit.mp.returned, 3);
}
TEST(NdisMIndicateReceiveNetBufferLists_brings_back_what_nobody_wants)
{
    kit_run(SIM_CALM, unwanted_body);
}
