// SPDX-License-Identifier: MIT
// Registration, capabilities and parameters of the chimney.
#include "stand.h"

#include <string.h>

// ---- NdisSetOptionalHandlers -------------------------------------------------------------------------------------------------------

// Each of a structure's handlers missing, too small, of revision 0, of another chimney type.
static void
refuses(NDIS_HANDLE handle, void *structure, size_t bytes, size_t first, NDIS_CHIMNEY_OFFLOAD_TYPE *type)
{
    NDIS_OBJECT_HEADER *header = structure;
    void **slots = structure;
    for (size_t at = first / sizeof(void *); at < bytes / sizeof(void *); at++) {
        void *kept = slots[at];
        slots[at] = NULL;
        ck_assert_int_eq(NdisSetOptionalHandlers(handle, header), NDIS_STATUS_FAILURE);
        slots[at] = kept;
    }
    header->Size--;
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, header), NDIS_STATUS_FAILURE);
    header->Size++;
    header->Revision = 0;
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, header), NDIS_STATUS_FAILURE);
    header->Revision = 1;
    if (type) {
        *type = NdisRdmaChimneyOffload;
        ck_assert_int_eq(NdisSetOptionalHandlers(handle, header), NDIS_STATUS_FAILURE);
        *type = NdisTcpChimneyOffload;
    }
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, header), NDIS_STATUS_SUCCESS);
}

static NTAPI NDIS_STATUS
miniport_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic;
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp;
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS client;
    memset(&generic, 0x11, sizeof generic);   // never called here
    memset(&tcp, 0x11, sizeof tcp);
    memset(&client, 0x11, sizeof client);
    generic.Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, 1, sizeof generic};
    tcp.Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_CHARACTERISTICS, 1, sizeof tcp};
    client.Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, 1, sizeof client};
    tcp.OffloadType = NdisTcpChimneyOffload;
    refuses(handle, &generic, sizeof generic, offsetof(typeof(generic), InitiateOffloadHandler), NULL);
    refuses(handle, &tcp, sizeof tcp, offsetof(typeof(tcp), TcpOffloadSendHandler), &tcp.OffloadType);
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, &client.Header), NDIS_STATUS_FAILURE);   // a host's
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
protocol_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic;
    NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp;
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS provider;
    memset(&generic, 0x11, sizeof generic);
    memset(&tcp, 0x11, sizeof tcp);
    memset(&provider, 0x11, sizeof provider);
    generic.Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, 1, sizeof generic};
    tcp.Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, 1, sizeof tcp};
    provider.Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_CHARACTERISTICS, 1, sizeof provider};
    tcp.OffloadType = NdisTcpChimneyOffload;
    refuses(handle, &generic, sizeof generic, offsetof(typeof(generic), InitiateOffloadCompleteHandler), NULL);
    refuses(handle, &tcp, sizeof tcp, offsetof(typeof(tcp), TcpOffloadSendCompleteHandler), &tcp.OffloadType);
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, &provider.Header), NDIS_STATUS_FAILURE);   // a target's
    return NDIS_STATUS_SUCCESS;
}

static void
nothing_more(void)
{
    w_start(0, 1);
}

TEST(NdisSetOptionalHandlers_takes_a_targets_and_a_hosts_chimney_handlers_whole_or_not_at_all)
{
    w_own.mp_options = miniport_options;
    w_own.protocol_options = protocol_options;
    w_run(1, nothing_more);
}

// ---- NdisMGetOffloadHandlers -------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
asks_for_handlers(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    static const NDIS_CHIMNEY_OFFLOAD_TYPE others[] = {0, NdisIpsecChimneyOffload, NdisRdmaChimneyOffload, NdisMaxChimneyOffload};
    PNDIS_OFFLOAD_EVENT_HANDLERS handlers = NULL;
    NDIS_STATUS status = w_initialize(handle);
    ck_assert_int_eq(NdisMGetOffloadHandlers(handle, NdisTcpChimneyOffload, &handlers), STATUS_SUCCESS);
    ck_assert_ptr_nonnull(handlers);
    ck_assert_uint_eq(handlers->Header.Type, NdisTcpChimneyOffload);
    ck_assert_uint_eq(handlers->Header.Revision, NDIS_TCP_OFFLOAD_EVENT_HANDLERS_REVISION_1);
    ck_assert_uint_eq(handlers->Header.Size, sizeof(NDIS_TCP_OFFLOAD_EVENT_HANDLERS));
    PNDIS_TCP_OFFLOAD_EVENT_HANDLERS tcp = (PVOID)handlers;
    ck_assert(tcp->NdisTcpOffloadEventHandler && tcp->NdisTcpOffloadReceiveHandler && tcp->NdisTcpOffloadSendComplete &&
              tcp->NdisTcpOffloadReceiveComplete && tcp->NdisTcpOffloadDisconnectComplete && tcp->NdisTcpOffloadForwardComplete);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        handlers = (PVOID)1;
        ck_assert_int_eq(NdisMGetOffloadHandlers(handle, others[i], &handlers), STATUS_NOT_SUPPORTED);
        ck_assert_ptr_null(handlers);
    }
    return status;
}

TEST(NdisMGetOffloadHandlers_gives_the_TCP_handlers_and_refuses_every_other_type)
{
    w_own.initialize = asks_for_handlers;
    w_run(1, nothing_more);
}

static void
asks_too_late(void)
{
    PNDIS_OFFLOAD_EVENT_HANDLERS handlers;
    w_start(0, 0);
    NdisMGetOffloadHandlers(w.mp, NdisTcpChimneyOffload, &handlers);
}

static void
runs_too_late(void)
{
    w_run(1, asks_too_late);
}

TEST(NdisMGetOffloadHandlers_outside_MiniportInitializeEx_is_reported)
{
    harness_reported("outside MiniportInitializeEx", runs_too_late);
}

// ---- capabilities, parameters, statistics ---------------------------------------------------------------------------------------------

static NDIS_STATUS
ask(NDIS_REQUEST_TYPE type, NDIS_OID oid, void *buffer, UINT bytes, UINT *written)
{
    static NDIS_OID_REQUEST request;
    struct w_protocol *host = &w.protocol[0];
    w_request(&request, type, oid, buffer, bytes);
    host->done = NULL;
    NDIS_STATUS status = NdisOidRequest(host->binding, &request);
    while (status == NDIS_STATUS_PENDING && !host->done)
        w_sleep(1);
    *written = request.DATA.QUERY_INFORMATION.BytesWritten;
    return status == NDIS_STATUS_PENDING ? host->done_status : status;
}

static void
capabilities_are_seen(void)
{
    static const NDIS_OID oids[] = {OID_TCP_CONNECTION_OFFLOAD_CURRENT_CONFIG, OID_TCP_CONNECTION_OFFLOAD_HARDWARE_CAPABILITIES};
    UINT written;
    for (int i = 0; i < 2; i++) {
        NDIS_TCP_CONNECTION_OFFLOAD got = {.Flags = 0};
        ck_assert_int_eq(ask(NdisRequestQueryInformation, oids[i], &got, sizeof got, &written), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(written, sizeof got);
        ck_assert_uint_eq(got.TcpConnectionOffloadCapacity, 1000);
        ck_assert_uint_eq(got.SupportIPv4, NDIS_OFFLOAD_SUPPORTED);
        ck_assert_int_eq(ask(NdisRequestQueryInformation, oids[i], &got, sizeof got - 1, &written), NDIS_STATUS_BUFFER_TOO_SHORT);
    }
}

TEST(OID_TCP_CONNECTION_OFFLOAD_CURRENT_CONFIG_and_HARDWARE_CAPABILITIES_are_what_the_target_said)
{
    s_run(capabilities_are_seen);
}

static ULONG capacity_in_bind;

static NTAPI NDIS_STATUS
on_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    capacity_in_bind = parameters->TcpConnectionOffloadCapabilities
                           ? parameters->TcpConnectionOffloadCapabilities->TcpConnectionOffloadCapacity
                           : 0;
    return w_bind(context, bind, parameters);
}

static void
bind_has_seen(void)
{
    ck_assert_uint_eq(capacity_in_bind, 1000);
    capacity_in_bind = 0;
}

TEST(ProtocolBindAdapterEx_gets_the_connection_offload_capabilities_through_intermediate_drivers)
{
    w_own.bind = on_bind;
    s_run(bind_has_seen);
}

static NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS target_has;
static uint32_t target_asked;

static NTAPI NDIS_STATUS
target_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    void *buffer = request->DATA.QUERY_INFORMATION.InformationBuffer;
    NDIS_OID oid = request->DATA.QUERY_INFORMATION.Oid;
    target_asked++;
    if (oid == OID_TCP4_OFFLOAD_STATS && request->RequestType == NdisRequestQueryInformation) {
        *(TCP_OFFLOAD_STATS *)buffer = (TCP_OFFLOAD_STATS){.InSegments = 11, .OutResets = 22};
        request->DATA.QUERY_INFORMATION.BytesWritten = sizeof(TCP_OFFLOAD_STATS);
        return NDIS_STATUS_SUCCESS;
    }
    if (oid == OID_IP6_OFFLOAD_STATS && request->RequestType == NdisRequestQueryInformation) {
        *(IP_OFFLOAD_STATS *)buffer = (IP_OFFLOAD_STATS){.InOctets = 33};
        request->DATA.QUERY_INFORMATION.BytesWritten = sizeof(IP_OFFLOAD_STATS);
        return NDIS_STATUS_SUCCESS;
    }
    if (oid == OID_TCP_CONNECTION_OFFLOAD_PARAMETERS) {
        if (request->RequestType != NdisRequestSetInformation)
            return NDIS_STATUS_NOT_SUPPORTED;
        memcpy(&target_has, buffer, sizeof target_has);
        request->DATA.SET_INFORMATION.BytesRead = sizeof target_has;
        return target_has.TicksPerSecond ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_DATA;
    }
    return request->RequestType == NdisRequestSetInformation ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

static void
parameters_are_kept(void)
{
    NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS set = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof set}, .TicksPerSecond = 100,
                                                  .NceStaleTicks = 5}, got;
    UINT written;
    NDIS_OID oid = OID_TCP_CONNECTION_OFFLOAD_PARAMETERS;
    ck_assert_int_eq(ask(NdisRequestQueryInformation, oid, &got, sizeof got, &written), NDIS_STATUS_NOT_SUPPORTED);   // the target's own
    ck_assert_int_eq(ask(NdisRequestSetInformation, oid, &set, sizeof set, &written), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(target_has.TicksPerSecond, 100);
    uint32_t asked = target_asked;
    ck_assert_int_eq(ask(NdisRequestQueryInformation, oid, &got, sizeof got, &written), NDIS_STATUS_SUCCESS);
    ck_assert_mem_eq(&got, &set, sizeof got);
    ck_assert_uint_eq(target_asked, asked);   // NDIS answers
    ck_assert_int_eq(ask(NdisRequestQueryInformation, oid, &got, sizeof got - 1, &written), NDIS_STATUS_BUFFER_TOO_SHORT);
    // What the target refuses is not remembered.
    NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS bad = set;
    bad.TicksPerSecond = 0;
    ck_assert_int_eq(ask(NdisRequestSetInformation, oid, &bad, sizeof bad, &written), NDIS_STATUS_INVALID_DATA);
    ck_assert_int_eq(ask(NdisRequestQueryInformation, oid, &got, sizeof got, &written), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(got.TicksPerSecond, 100);
}

TEST(OID_TCP_CONNECTION_OFFLOAD_PARAMETERS_reaches_the_target_and_is_remembered_when_that_says_yes)
{
    w_own.mp_oid = target_oid;
    s_run(parameters_are_kept);
}

static void
statistics_pass(void)
{
    TCP_OFFLOAD_STATS tcp;
    IP_OFFLOAD_STATS ip;
    UINT written;
    ck_assert_int_eq(ask(NdisRequestQueryInformation, OID_TCP4_OFFLOAD_STATS, &tcp, sizeof tcp, &written), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(written, sizeof tcp);
    ck_assert_uint_eq(tcp.InSegments, 11);
    ck_assert_uint_eq(tcp.OutResets, 22);
    ck_assert_int_eq(ask(NdisRequestQueryInformation, OID_IP6_OFFLOAD_STATS, &ip, sizeof ip, &written), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(ip.InOctets, 33);
    ck_assert_int_eq(ask(NdisRequestSetInformation, OID_TCP4_OFFLOAD_STATS, &tcp, sizeof tcp, &written), NDIS_STATUS_SUCCESS);
}

TEST(OID_TCP4_OFFLOAD_STATS_and_its_kin_are_the_targets)
{
    w_own.mp_oid = target_oid;
    s_run(statistics_pass);
}
