// SPDX-License-Identifier: MIT
// Capabilities, parameters, statistics and switching of the target [network/oid-tcp-connection-offload-parameters and kin].
#include <string.h>

#include "stage.h"

static NDIS_STATUS
oid(NDIS_REQUEST_TYPE type, NDIS_OID id, void *data, ULONG bytes)
{
    NDIS_OID_REQUEST request = {.Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
                                .RequestType = type};
    request.DATA.QUERY_INFORMATION.Oid = id;
    request.DATA.QUERY_INFORMATION.InformationBuffer = data;
    request.DATA.QUERY_INFORMATION.InformationBufferLength = bytes;
    return NdisOidRequest(st.binding, &request);
}

static NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS
parameters(void)
{
    return (NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS){
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS_REVISION_1,
                   sizeof(NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS)},
        .TicksPerSecond = 100, .TcpAckFrequency = 2, .TcpDelayedAckTicks = 4, .TcpMaximumRetransmissions = 3,
        .TcpDoubtReachabilityRetransmissions = 2, .TcpSwsPreventionTicks = 20, .TcpDuplicateAckThreshold = 3, .TcpPushTicks = 200,
        .NceStaleTicks = 3000};
}

static void
capability_body(void)
{
    ck_assert(st.has_bind_capabilities);
    ck_assert_uint_eq(st.capabilities.SupportIPv4, NDIS_OFFLOAD_SUPPORTED);
    ck_assert_uint_eq(st.capabilities.SupportIPv6, NDIS_OFFLOAD_NOT_SUPPORTED);
    ck_assert_uint_eq(st.capabilities.SupportSack, NDIS_OFFLOAD_SUPPORTED);
    ck_assert_uint_eq(st.capabilities.Encapsulation, NDIS_ENCAPSULATION_IEEE_802_3);
    ck_assert_uint_eq(st.capabilities.TcpConnectionOffloadCapacity, 77);
}

TEST(the_binding_says_what_the_target_offers)
{
    static const struct kit_setting settings[] = {{"ToeConnections", "77"}, {"*TCPConnectionOffloadIPv6", "0"}, {0}};
    stage_settings = settings;
    stage_run(1, capability_body);
}

static void
none_body(void)
{
    IP_OFFLOAD_STATS stats;
    ck_assert(!st.has_bind_capabilities || st.capabilities.SupportIPv4 != NDIS_OFFLOAD_SUPPORTED);
    NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS p = parameters();
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP_CONNECTION_OFFLOAD_PARAMETERS, &p, sizeof p), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(oid(NdisRequestQueryInformation, OID_IP4_OFFLOAD_STATS, &stats, sizeof stats), NDIS_STATUS_NOT_SUPPORTED);
}

TEST(an_adapter_with_both_families_off_is_no_target)
{
    static const struct kit_setting settings[] = {{"*TCPConnectionOffloadIPv4", "0"}, {"*TCPConnectionOffloadIPv6", "0"}, {0}};
    stage_settings = settings;
    stage_run(1, none_body);
}

static void
parameters_body(void)
{
    NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS p = parameters(), bad = p;
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP_CONNECTION_OFFLOAD_PARAMETERS, &p, sizeof p - 1), NDIS_STATUS_INVALID_LENGTH);
    bad.TicksPerSecond = 50;
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP_CONNECTION_OFFLOAD_PARAMETERS, &bad, sizeof bad),
                     NDIS_STATUS_INVALID_PARAMETER);
    bad = p;
    bad.TcpDuplicateAckThreshold = 0;
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP_CONNECTION_OFFLOAD_PARAMETERS, &bad, sizeof bad),
                     NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP_CONNECTION_OFFLOAD_PARAMETERS, &p, sizeof p), NDIS_STATUS_SUCCESS);
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    // The push timer is two seconds now.
    host_post(c, 1000, true);
    peer_raw(c, &(struct peer_segment){.seq = STAGE_IRS + 1, .ack = STAGE_ISS + 1, .bytes = 50, .flags = 16, .window = 4000});
    c->peer_sent = 50;
    stage_wait(1800000);
    ck_assert_uint_eq(c->completions, 0);
    stage_wait(400000);
    ck_assert_uint_eq(c->completions, 1);
    // A tick keeps its length while anything is counted in it.
    p.TicksPerSecond = 1000;
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP_CONNECTION_OFFLOAD_PARAMETERS, &p, sizeof p), NDIS_STATUS_INVALID_PARAMETER);
    // Three retransmissions are enough.
    st.peer_silent = true;
    host_send(c, 10, 10);
    for (unsigned i = 0; i < 100 && !host_event_of(c, TcpIndicateRetrieve); i++)
        stage_wait(1000000);
    ck_assert_uint_eq(host_event_of(c, TcpIndicateRetrieve)->information, TimeoutExpiration);
    host_terminate(1);
    host_release(1);
}

TEST(the_hosts_parameters_are_the_engines)
{
    stage_settings = NULL;
    stage_run(1, parameters_body);
}

static void
statistics_body(void)
{
    TCP_OFFLOAD_STATS tcp;
    IP_OFFLOAD_STATS ip;
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    ck_assert_int_eq(oid(NdisRequestQueryInformation, OID_TCP4_OFFLOAD_STATS, &tcp, sizeof tcp), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(tcp.CurrentlyEstablished, 1);
    ck_assert_uint_eq(tcp.InSegments | tcp.OutSegments, 0);
    host_send(c, 2920, 2920);
    stage_until(&c->sends_out, 0);
    ck_assert_int_eq(oid(NdisRequestQueryInformation, OID_TCP4_OFFLOAD_STATS, &tcp, sizeof tcp), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(oid(NdisRequestQueryInformation, OID_IP4_OFFLOAD_STATS, &ip, sizeof ip), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(tcp.OutSegments, 2);
    ck_assert_uint_ge(tcp.InSegments, 1);
    ck_assert_uint_eq(tcp.RetransmittedSegments, 0);
    ck_assert_uint_eq(ip.OutRequests, 2);
    ck_assert_uint_eq(ip.InReceives, tcp.InSegments);
    st.peer_silent = true;
    host_send(c, 10, 10);
    stage_wait(1000000);
    ck_assert_int_eq(oid(NdisRequestQueryInformation, OID_TCP4_OFFLOAD_STATS, &tcp, sizeof tcp), NDIS_STATUS_SUCCESS);
    ck_assert_uint_ge(tcp.RetransmittedSegments, 1);
    st.peer_silent = false;
    host_disconnect(c, 0, TCP_DISCONNECT_ABORTIVE_CLOSE);
    stage_until(&c->disconnects_out, 0);
    ck_assert_int_eq(oid(NdisRequestQueryInformation, OID_TCP4_OFFLOAD_STATS, &tcp, sizeof tcp), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(tcp.OutResets, 1);
    ck_assert_uint_eq(tcp.CurrentlyEstablished, 0);
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP4_OFFLOAD_STATS, &tcp, sizeof tcp), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(oid(NdisRequestQueryInformation, OID_TCP4_OFFLOAD_STATS, &tcp, sizeof tcp), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(tcp.OutSegments | tcp.InSegments, 0);
    ck_assert_int_eq(oid(NdisRequestQueryInformation, OID_TCP4_OFFLOAD_STATS, &tcp, 4), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_int_eq(oid(NdisRequestQueryInformation, OID_TCP6_OFFLOAD_STATS, &tcp, sizeof tcp), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(tcp.OutSegments, 0);
    host_terminate(1);
    host_release(1);
}

TEST(statistics_are_of_offloaded_connections_alone_and_a_set_clears_them)
{
    stage_settings = NULL;
    stage_run(1, statistics_body);
}

static void
switch_body(void)
{
    NDIS_OFFLOAD_PARAMETERS p = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_OFFLOAD_PARAMETERS_REVISION_1,
                                            NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1},
                                 .TcpConnectionIPv4 = NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_DISABLED};
    host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    st.status_count = 0;
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP_OFFLOAD_PARAMETERS, &p, sizeof p), NDIS_STATUS_SUCCESS);
    ck_assert_uint_ge(st.status_count, 3);
    ck_assert_uint_eq(st.statuses[0], (uint32_t)NDIS_STATUS_OFFLOAD_PAUSE);
    ck_assert_uint_eq(st.statuses[1], (uint32_t)NDIS_STATUS_UPLOAD_ALL);
    ck_assert_uint_eq(st.statuses[2], (uint32_t)NDIS_STATUS_OFFLOAD_RESUME);
    host_terminate(1);
    host_release(1);
    // No path of this family any more, until it is switched on again.
    st.generation = 1;
    host_make(0, TCP_ESTABLISHED);
    host_submit(HOST_INITIATE, host_tree(1));
    ck_assert_int_eq(st.path.block.Status, NDIS_STATUS_FAILURE);
    st.neighbor.block.DependentBlockList = NULL;
    st.neighbor.block.Header.Type = NeighborOffloadDelegatedState;
    host_submit(HOST_TERMINATE, &st.neighbor.block);
    st.neighbor_handle.MiniportOffloadContext = NULL;
    p.TcpConnectionIPv4 = NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_ENABLED;
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP_OFFLOAD_PARAMETERS, &p, sizeof p), NDIS_STATUS_SUCCESS);
    p.TcpConnectionIPv4 = 3;
    ck_assert_int_eq(oid(NdisRequestSetInformation, OID_TCP_OFFLOAD_PARAMETERS, &p, sizeof p), NDIS_STATUS_INVALID_PARAMETER);
    host_offload(1);
    host_terminate(1);
    host_release(1);
}

TEST(offloading_that_is_switched_off_asks_for_all_connections_and_takes_no_more)
{
    stage_settings = NULL;
    stage_run(1, switch_body);
}
