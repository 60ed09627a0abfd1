// SPDX-License-Identifier: MIT
// NDK's OIDs at vnic: statistics, connections, local endpoints, and NDK switched off and on.
#include "kit.h"

#include <string.h>

#include "ndis/ndis.h"

static union {
    NDIS_NDK_STATISTICS_INFO statistics;
    NDIS_NDK_CONNECTIONS connections;
    NDIS_NDK_LOCAL_ENDPOINTS endpoints;
    uint8_t bytes[4096];
} got;

struct ask {
    int box;
    NDIS_REQUEST_TYPE type;
    NDIS_OID oid;
    void *buffer;
    uint32_t bytes, done;
};

static NDIS_STATUS
ask(struct ask *q)
{
    struct ndis_adapter *adapter = ndis_adapter_find(rc_end[q->box].box, "nic0");
    NDIS_STATUS status;
    RC_CALL(q->box, status = ndis_adapter_oid(adapter, q->type, q->oid, q->buffer, q->bytes, &q->done));
    return status;
}

static uint32_t
query(int box, NDIS_OID oid)
{
    struct ask q = {box, NdisRequestQueryInformation, oid, &got, sizeof got, 0};
    memset(&got, 0xA5, sizeof got);
    ck_assert_int_eq(ask(&q), NDIS_STATUS_SUCCESS);
    // With a byte less: nothing.
    uint32_t bytes = q.done;
    q.bytes = bytes - 1;
    static uint8_t small[sizeof got];
    q.buffer = small;
    ck_assert_int_eq(ask(&q), NDIS_STATUS_BUFFER_TOO_SHORT);
    return bytes;
}

static void
header_is(const NDIS_OBJECT_HEADER *header, uint32_t bytes)
{
    ck_assert_uint_eq(header->Type, NDIS_OBJECT_TYPE_DEFAULT);
    ck_assert_uint_eq(header->Revision, 1);
    ck_assert_uint_eq(header->Size, bytes);
}

static NDIS_NDK_PERFORMANCE_COUNTERS
counters(int box)
{
    header_is(&got.statistics.Header, query(box, OID_NDK_STATISTICS));
    return got.statistics.CounterSet;
}

static bool
is_at(const SOCKADDR_INET *have, const SOCKADDR_INET *wanted)
{
    return !memcmp(have, wanted, have->si_family == AF_INET ? sizeof have->Ipv4 : sizeof have->Ipv6);
}

RC_TEST(OID_NDK_STATISTICS_counts_connections_and_the_frames_that_carry_them)
{
    struct rc_pair pair = {0};
    NDIS_NDK_PERFORMANCE_COUNTERS before = counters(0);
    ck_assert_uint_eq(before.Connect + before.Accept + before.ActiveConnection + before.RDMAInFrames, 0);
    rc_pair_open(&pair);
    rc_sleep_ms(1000);
    NDIS_NDK_PERFORMANCE_COUNTERS here = counters(0), there = counters(1);
    ck_assert_uint_eq(here.Connect, 1);
    ck_assert_uint_eq(here.Accept, 0);
    ck_assert_uint_eq(there.Accept, 1);
    ck_assert_uint_eq(here.ActiveConnection, 1);
    ck_assert_uint_eq(there.ActiveConnection, 1);
    ck_assert_uint_gt(here.RDMAOutFrames, 2);
    ck_assert_uint_eq(here.RDMAOutFrames, there.RDMAInFrames);
    ck_assert_uint_eq(here.RDMAOutOctets, there.RDMAInOctets);
    ck_assert_uint_eq(here.RDMAInFrames, there.RDMAOutFrames);
    ck_assert_uint_eq(here.RDMAInOctets, there.RDMAOutOctets);
    rc_pair_disconnect(&pair);
    ck_assert_uint_eq(counters(0).ActiveConnection, 0);
    ck_assert_uint_eq(counters(0).ConnectionError, 0);
    rc_pair_close(&pair);
}

RC_TEST(OID_NDK_STATISTICS_counts_attempts_that_fail_and_connections_that_end_in_error)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    rc_side_close(&pair.passive);             // refused
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    ck_assert_uint_eq(counters(0).ConnectFailure, 1);
    rc_side_close(&pair.active);
    rc_host[0].way_status = STATUS_NETWORK_UNREACHABLE;
    rc_side_open(&pair.active, 0);
    rc_connect(&pair.active, &pair.listener, &rc_plain);    // inline
    ck_assert_int_eq(pair.active.returned, STATUS_NETWORK_UNREACHABLE);
    rc_host[0].way_status = STATUS_SUCCESS;
    ck_assert_uint_eq(counters(0).ConnectFailure, 2);
    rc_side_close(&pair.active);
    ck_assert_uint_eq(counters(1).ConnectFailure, 0);
    rc_pair_reply(&pair);
    rc_side_close(&pair.active);              // an inbound one
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_CONNECTION_ABORTED);
    ck_assert_uint_eq(counters(1).ConnectFailure, 1);
    rc_side_close(&pair.passive);
    ck_assert_uint_eq(counters(0).Connect, 0);
    rc_pair_open(&pair);
    rc_side_close(&pair.passive);             // without a disconnect
    ck_assert(rc_event(0, &pair.active.disconnected, RC_WAIT_S * 1000));
    NDIS_NDK_PERFORMANCE_COUNTERS here = counters(0), there = counters(1);
    ck_assert_uint_eq(here.ConnectionError, 1);
    ck_assert_uint_eq(here.ActiveConnection, 0);
    ck_assert_uint_eq(there.ConnectionError, 0);            // its own consumer has ended it
    ck_assert_uint_eq(there.ActiveConnection, 0);
    ck_assert_uint_eq(here.CQError + there.CQError, 0);
    rc_pair_close(&pair);
}

RC_TEST(OID_NDK_CONNECTIONS_tells_each_open_connection_twice)
{
    struct rc_pair pair = {0};
    header_is(&got.connections.Header, query(0, OID_NDK_CONNECTIONS));
    ck_assert_uint_eq(got.connections.Count, 0);
    rc_pair_open(&pair);
    header_is(&got.connections.Header, query(0, OID_NDK_CONNECTIONS));
    ck_assert_uint_eq(got.connections.Count, 2);
    ck_assert_uint_eq(got.connections.NDConnectionsMappedtoTCPConnections, TRUE);
    NDIS_NDK_CONNECTION_ENTRY here[2] = {got.connections.Connections[0], got.connections.Connections[1]};
    ck_assert_uint_eq(here[0].UserModeOwner, FALSE);
    ck_assert_uint_eq(here[0].OwnerPid, 0);
    ck_assert_uint_eq(here[1].UserModeOwner, 0xA5);   // untouched
    ck_assert_uint_eq(here[1].OwnerPid, 0xA5A5A5A5);
    ck_assert(is_at(&here[0].Remote, &pair.listener.address));
    ck_assert(is_at(&here[1].Remote, &here[0].Remote));
    ck_assert(is_at(&here[1].Local, &here[0].Local));
    query(1, OID_NDK_CONNECTIONS);
    ck_assert_uint_eq(got.connections.Count, 2);
    ck_assert(is_at(&got.connections.Connections[0].Local, &here[0].Remote));
    ck_assert(is_at(&got.connections.Connections[0].Remote, &here[0].Local));
    rc_pair_disconnect(&pair);
    query(0, OID_NDK_CONNECTIONS);
    ck_assert_uint_eq(got.connections.Count, 0);
    rc_pair_close(&pair);
}

static NDK_SHARED_ENDPOINT *
shared_open(int box, USHORT port)
{
    NDK_ADAPTER *adapter = rc_end[box].adapter;
    SOCKADDR_INET address = rc_address(box, port);
    ULONG bytes = rc_net.is_six ? sizeof address.Ipv6 : sizeof address.Ipv4;
    NDK_SHARED_ENDPOINT *shared = NULL;
    NTSTATUS status;
    RC_CALL(box, status = adapter->Dispatch->NdkCreateSharedEndpoint(adapter, (PSOCKADDR)&address, bytes, NULL, NULL, &shared));
    ck_assert_int_eq(status, STATUS_SUCCESS);
    return shared;
}

RC_TEST(OID_NDK_LOCAL_ENDPOINTS_tells_listeners_and_shared_endpoints_and_no_other_end)
{
    struct rc_pair pair = {0};
    header_is(&got.endpoints.Header, query(1, OID_NDK_LOCAL_ENDPOINTS));
    ck_assert_uint_eq(got.endpoints.Count, 0);
    rc_pair_open(&pair);
    query(0, OID_NDK_LOCAL_ENDPOINTS);
    ck_assert_uint_eq(got.endpoints.Count, 0);   // NdkConnect's own
    header_is(&got.endpoints.Header, query(1, OID_NDK_LOCAL_ENDPOINTS));
    ck_assert_uint_eq(got.endpoints.Count, 2);
    ck_assert_uint_eq(got.endpoints.NDLocalEndpointsMappedtoTCPLocalEndpoints, TRUE);
    ck_assert(is_at(&got.endpoints.LocalEndpoints[0].Local, &pair.listener.address));
    ck_assert(is_at(&got.endpoints.LocalEndpoints[1].Local, &pair.listener.address));
    ck_assert_uint_eq(got.endpoints.LocalEndpoints[0].Listener, TRUE);
    ck_assert_uint_eq(got.endpoints.LocalEndpoints[0].UserModeOwner, FALSE);
    ck_assert_uint_eq(got.endpoints.LocalEndpoints[1].Listener, 0xA5);
    // A shared endpoint, which nobody listens at; it goes with its close.
    NDK_SHARED_ENDPOINT *shared = shared_open(0, 6000);
    SOCKADDR_INET own = rc_address(0, 6000);
    query(0, OID_NDK_LOCAL_ENDPOINTS);
    ck_assert_uint_eq(got.endpoints.Count, 2);
    ck_assert(is_at(&got.endpoints.LocalEndpoints[0].Local, &own));
    ck_assert(is_at(&got.endpoints.LocalEndpoints[1].Local, &own));
    ck_assert_uint_eq(got.endpoints.LocalEndpoints[0].Listener, FALSE);
    ck_assert_uint_eq(got.endpoints.LocalEndpoints[0].UserModeOwner, FALSE);
    ck_assert_uint_eq(got.endpoints.LocalEndpoints[0].OwnerPid, 0);
    ck_assert_uint_eq(got.endpoints.LocalEndpoints[1].Listener, 0xA5);
    rc_close_object(0, &shared->Header, (NDK_FN_CLOSE_OBJECT *)&shared->Dispatch->NdkCloseSharedEndpoint);
    query(0, OID_NDK_LOCAL_ENDPOINTS);
    ck_assert_uint_eq(got.endpoints.Count, 0);
    rc_pair_close(&pair);
}

static void
set_state(BOOLEAN on)
{
    struct ask q = {0, NdisRequestSetInformation, OID_NDK_SET_STATE, &on, sizeof on, 0};
    ck_assert_int_eq(ask(&q), NDIS_STATUS_SUCCESS);
    rc_sleep_ms(100);
}

static NDIS_STATUS
try_open(void)
{
    NDK_VERSION version = {1, 1};
    NDK_ADAPTER *adapter;
    NDIS_STATUS status;
    RC_CALL(0, status = nbx_ndk_adapter_open(rc_end[0].client, rc_end[0].if_index, version, &adapter));
    if (status == NDIS_STATUS_SUCCESS)
        RC_CALL(0, nbx_ndk_adapter_close(rc_end[0].client, adapter));
    return status;
}

RC_TEST(OID_NDK_LOCAL_ENDPOINTS_tells_a_shared_endpoint_and_not_after_its_close)
{
    NTSTATUS status;
    SOCKADDR_INET own = rc_address(0, 6002);
    NDK_SHARED_ENDPOINT *shared = rc_shared_open(0, &own, &status);
    ck_assert_ptr_nonnull(shared);
    query(0, OID_NDK_LOCAL_ENDPOINTS);
    ck_assert_uint_eq(got.endpoints.Count, 2);
    ck_assert(is_at(&got.endpoints.LocalEndpoints[0].Local, &own));
    ck_assert(is_at(&got.endpoints.LocalEndpoints[1].Local, &own));
    ck_assert_uint_eq(got.endpoints.LocalEndpoints[0].Listener, FALSE);
    rc_shared_close(0, shared);
    query(0, OID_NDK_LOCAL_ENDPOINTS);
    ck_assert_uint_eq(got.endpoints.Count, 0);
}

RC_TEST(OID_NDK_SET_STATE_switches_NDK_off_and_on_and_waits_for_open_adapters)
{
    struct ask q = {0, NdisRequestSetInformation, OID_NDK_SET_STATE, &got, 0, 0};
    ck_assert_int_eq(ask(&q), NDIS_STATUS_INVALID_LENGTH);
    ck_assert_int_eq(try_open(), NDIS_STATUS_SUCCESS);
    set_state(TRUE);                          // as it is
    ck_assert_int_eq(try_open(), NDIS_STATUS_SUCCESS);
    NDK_ADAPTER *open = rc_end[0].adapter;
    rc_end[0].adapter = NULL;                 // the kit leaves it alone
    set_state(FALSE);
    ck_assert_int_eq(try_open(), NDIS_STATUS_ADAPTER_NOT_READY);
    set_state(TRUE);                          // the adapter is still open: not before it is closed
    ck_assert_int_eq(try_open(), NDIS_STATUS_ADAPTER_NOT_READY);
    rc_end[0].adapter = open;
    rc_adapter_close(0);
    rc_sleep_ms(100);
    ck_assert_int_eq(try_open(), NDIS_STATUS_SUCCESS);
    set_state(FALSE);                         // nothing is open now
    ck_assert_int_eq(try_open(), NDIS_STATUS_ADAPTER_NOT_READY);
    set_state(TRUE);
    rc_adapter_open(0);
}
