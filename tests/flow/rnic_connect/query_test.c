// SPDX-License-Identifier: MIT
// What objects tell of themselves: the addresses of connectors, listeners and shared endpoints, and NdkGetConnectionData.
#include <check.h>
#include <string.h>

#include "kit.h"

static const UCHAR words[] = "limits and a few words";

// ---- addresses --------------------------------------------------------------------------------------------------------------------

typedef NTSTATUS get_fn(void *object, PSOCKADDR address, ULONG *bytes);

static NTSTATUS
get_local(void *object, PSOCKADDR address, ULONG *bytes)
{
    return ((NDK_CONNECTOR *)object)->Dispatch->NdkGetLocalAddress(object, address, bytes);
}

static NTSTATUS
get_peer(void *object, PSOCKADDR address, ULONG *bytes)
{
    return ((NDK_CONNECTOR *)object)->Dispatch->NdkGetPeerAddress(object, address, bytes);
}

static NTSTATUS
get_listeners(void *object, PSOCKADDR address, ULONG *bytes)
{
    return ((NDK_LISTENER *)object)->Dispatch->NdkGetLocalAddress(object, address, bytes);
}

static NTSTATUS
get_shareds(void *object, PSOCKADDR address, ULONG *bytes)
{
    return ((NDK_SHARED_ENDPOINT *)object)->Dispatch->NdkGetLocalAddress(object, address, bytes);
}

static NTSTATUS
get_at(int box, get_fn *get, void *object, PSOCKADDR address, ULONG *bytes)
{
    NTSTATUS status;
    RC_CALL(box, status = get(object, address, bytes));
    return status;
}

// It says this address, in a buffer that is just large enough or larger; a smaller one learns the size, and stays as it is.
static void
tells(int box, get_fn *get, void *object, const SOCKADDR_INET *address)
{
    ULONG need = rc_net.is_six ? sizeof address->Ipv6 : sizeof address->Ipv4, bytes = 0;
    UCHAR buffer[sizeof *address + 8], untouched[sizeof buffer];
    memset(untouched, 0xA5, sizeof untouched);
    memcpy(buffer, untouched, sizeof buffer);
    ck_assert_int_eq(get_at(box, get, object, NULL, &bytes), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(bytes, need);
    for (ULONG room = 0; room < need; room += need - 1) {
        bytes = room;
        ck_assert_int_eq(get_at(box, get, object, (PSOCKADDR)buffer, &bytes), STATUS_BUFFER_TOO_SMALL);
        ck_assert_uint_eq(bytes, need);
        ck_assert_mem_eq(buffer, untouched, sizeof buffer);
    }
    for (ULONG more = 0; more < 9; more += 8) {
        memcpy(buffer, untouched, sizeof buffer);
        bytes = need + more;
        ck_assert_int_eq(get_at(box, get, object, (PSOCKADDR)buffer, &bytes), STATUS_SUCCESS);
        ck_assert_uint_eq(bytes, need);
        ck_assert_mem_eq(buffer, address, need);
        ck_assert_mem_eq(buffer + need, untouched, sizeof buffer - need);
    }
}

static void
tells_nothing(int box, get_fn *get, void *object, NTSTATUS status)
{
    SOCKADDR_INET address;
    ULONG bytes = sizeof address;
    ck_assert_int_eq(get_at(box, get, object, (PSOCKADDR)&address, &bytes), status);
}

// From the request on, on either side, until it is over.
static void
connectors_tell(get_fn *get, bool is_peers)
{
    struct rc_pair pair = {0};
    SOCKADDR_INET from = rc_address(0, 6001);
    rc_listen(&pair.listener, 1, RC_PORT);
    const SOCKADDR_INET *first = is_peers ? &pair.listener.address : &from, *second = is_peers ? &from : &pair.listener.address;
    rc_side_open(&pair.active, 0);
    tells_nothing(0, get, pair.active.connector, STATUS_CONNECTION_INVALID);        // nowhere yet
    rc_connect_to(&pair.active, &from, &pair.listener.address, &rc_plain);
    tells(0, get, pair.active.connector, first);
    ck_assert(rc_incoming(&pair.listener, &pair.passive, RC_WAIT_S * 1000));
    rc_net.at_dispatch = true;
    tells(1, get, pair.passive.connector, second);
    rc_net.at_dispatch = false;
    rc_accept(&pair.passive, &rc_plain);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    tells(0, get, pair.active.connector, first);
    rc_complete(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    tells(0, get, pair.active.connector, first);
    tells(1, get, pair.passive.connector, second);
    rc_pair_disconnect(&pair);
    tells_nothing(0, get, pair.active.connector, STATUS_CONNECTION_INVALID);
    tells_nothing(1, get, pair.passive.connector, STATUS_CONNECTION_INVALID);
    rc_pair_close(&pair);
}

RC_TEST(NdkGetLocalAddress_gives_the_connections_own_end_or_the_size_that_it_takes)
{
    connectors_tell(get_local, false);
}

RC_TEST(NdkGetLocalAddress_gives_the_port_that_the_provider_chose)
{
    struct rc_pair pair = {0};
    SOCKADDR_INET ours, theirs;
    ULONG bytes = sizeof ours;
    rc_pair_request(&pair);                   // from port 0
    ck_assert_int_eq(get_at(0, get_local, pair.active.connector, (PSOCKADDR)&ours, &bytes), STATUS_SUCCESS);
    ck_assert_uint_ge(rc_port_of(&ours), 49152);
    bytes = sizeof theirs;
    ck_assert_int_eq(get_at(1, get_peer, pair.passive.connector, (PSOCKADDR)&theirs, &bytes), STATUS_SUCCESS);
    ck_assert_mem_eq(&ours, &theirs, bytes);
    rc_pair_close(&pair);
}

RC_TEST(NdkGetPeerAddress_gives_the_connections_other_end_or_the_size_that_it_takes)
{
    connectors_tell(get_peer, true);
}

RC_TEST(NdkGetListenerLocalAddress_gives_address_and_port_or_the_size_that_they_take)
{
    struct rc_listener listener = {0};
    NDK_ADAPTER *adapter = rc_end[1].adapter;
    NDK_LISTENER *idle;
    RC_CALL(1, ck_assert_int_eq(adapter->Dispatch->NdkCreateListener(adapter, NULL, NULL, NULL, NULL, &idle), STATUS_SUCCESS));
    tells_nothing(1, get_listeners, idle, STATUS_INVALID_DEVICE_STATE);             // it does not listen
    rc_close_object(1, &idle->Header, (NDK_FN_CLOSE_OBJECT *)&idle->Dispatch->NdkCloseListener);
    SOCKADDR_INET address = rc_address(1, RC_PORT);
    rc_listen(&listener, 1, RC_PORT);
    tells(1, get_listeners, listener.listener, &address);
    rc_net.at_dispatch = true;
    tells(1, get_listeners, listener.listener, &address);
    rc_net.at_dispatch = false;
    rc_listener_close(&listener);
}

RC_TEST(NdkGetListenerLocalAddress_gives_the_port_that_the_provider_chose)
{
    struct rc_pair pair = {0};
    rc_listen(&pair.listener, 1, 0);
    SOCKADDR_INET address = rc_address(1, rc_port_of(&pair.listener.address));      // as rc_listen has asked for it
    ck_assert_uint_ge(rc_port_of(&address), 49152);
    tells(1, get_listeners, pair.listener.listener, &address);
    rc_pair_open(&pair);                      // and it is there that it listens
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

static NDK_SHARED_ENDPOINT *
shared_open(USHORT port)
{
    SOCKADDR_INET address = rc_address(0, port);
    NTSTATUS status;
    NDK_SHARED_ENDPOINT *shared = rc_shared_open(0, &address, &status);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    return shared;
}

RC_TEST(NdkGetSharedEndpointLocalAddress_gives_address_and_port_or_the_size_that_they_take)
{
    SOCKADDR_INET address = rc_address(0, 6002);
    NDK_SHARED_ENDPOINT *shared = shared_open(6002);
    tells(0, get_shareds, shared, &address);
    rc_net.at_dispatch = true;
    tells(0, get_shareds, shared, &address);
    rc_net.at_dispatch = false;
    rc_shared_close(0, shared);
}

RC_TEST(NdkGetSharedEndpointLocalAddress_gives_the_port_that_the_provider_chose)
{
    SOCKADDR_INET address;
    ULONG bytes = sizeof address;
    NDK_SHARED_ENDPOINT *shared = shared_open(0);
    ck_assert_int_eq(get_at(0, get_shareds, shared, (PSOCKADDR)&address, &bytes), STATUS_SUCCESS);
    USHORT port = rc_port_of(&address);
    ck_assert_uint_ge(port, 49152);
    address = rc_address(0, port);
    tells(0, get_shareds, shared, &address);
    rc_shared_close(0, shared);
}

// ---- connection data --------------------------------------------------------------------------------------------------------------

static NTSTATUS
data_at(const struct rc_side *side, ULONG *inbound, ULONG *outbound, PVOID bytes, ULONG *count)
{
    const NDK_CONNECTOR *connector = side->connector;
    NTSTATUS status;
    RC_CALL(side->box, status = connector->Dispatch->NdkGetConnectionData(side->connector, inbound, outbound, bytes, count));
    return status;
}

static void
data_is(struct rc_side *side, ULONG inbound, ULONG outbound, const UCHAR *text, ULONG count)
{
    UCHAR bytes[300] = {0};
    ULONG in = 0, out = 0, room = 0;
    ck_assert_int_eq(data_at(side, &in, &out, NULL, &room), STATUS_SUCCESS);
    ck_assert_uint_eq(in, inbound);
    ck_assert_uint_eq(out, outbound);
    ck_assert_uint_eq(room, count);
    room = 1;
    ck_assert_int_eq(data_at(side, NULL, NULL, NULL, &room), STATUS_INVALID_PARAMETER);
    for (ULONG i = 0; i < 2 && count; i++) {
        ULONG left = room = i ? count - 1 : 0;
        ck_assert_int_eq(data_at(side, NULL, NULL, bytes, &left), STATUS_BUFFER_TOO_SMALL);
        ck_assert_uint_eq(left, count);
        ck_assert_mem_eq(bytes, text, room);                // as much as there was room for
        ck_assert_uint_eq(bytes[room], 0);
    }
    for (ULONG i = 0; i < 2; i++) {
        ULONG left = room = i ? sizeof bytes : count;
        memset(bytes, 0, sizeof bytes);
        ck_assert_int_eq(data_at(side, &in, NULL, bytes, &left), STATUS_SUCCESS);
        ck_assert_uint_eq(left, count);
        ck_assert_mem_eq(bytes, text, count);
        ck_assert_uint_eq(bytes[count], 0);
    }
    ck_assert_uint_eq(in, inbound);
    ck_assert_int_eq(data_at(side, NULL, &out, bytes, &room), STATUS_SUCCESS);
    ck_assert_uint_eq(out, outbound);
}

static void
data_is_none(struct rc_side *side)
{
    ULONG room = 0;
    ck_assert_int_eq(data_at(side, NULL, NULL, NULL, &room), STATUS_CONNECTION_INVALID);
}

static void
limits_agreed(const struct rc_data *asks, const struct rc_data *answers, ULONG passive_in, ULONG passive_out, ULONG active_in,
              ULONG active_out)
{
    struct rc_pair pair = {0};
    rc_listen(&pair.listener, 1, RC_PORT);
    rc_side_open(&pair.active, 0);
    data_is_none(&pair.active);
    rc_connect(&pair.active, &pair.listener, asks);
    data_is_none(&pair.active);
    ck_assert(rc_incoming(&pair.listener, &pair.passive, RC_WAIT_S * 1000));
    data_is(&pair.passive, passive_in, passive_out, asks->bytes, asks->count);
    rc_accept(&pair.passive, answers);
    data_is_none(&pair.passive);              // it has decided
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    rc_net.at_dispatch = true;
    data_is(&pair.active, active_in, active_out, answers->bytes, answers->count);
    rc_net.at_dispatch = false;
    rc_complete(&pair.active);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_SUCCESS);
    data_is_none(&pair.active);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

// The adapter's own limit is 64 each way.
RC_TEST(NdkGetConnectionData_gives_private_data_and_the_limits_that_both_sides_agree_to)
{
    const struct rc_data asks = {5, 100, words, sizeof words}, answers = {1000, 3, words + 5, 7};
    limits_agreed(&asks, &answers, 64, 5, 3, 64);
    const struct rc_data few = {7, 2, words, 1}, fewer = {1, 6, words, sizeof words};
    limits_agreed(&few, &fewer, 2, 7, 6, 1);
}

RC_TEST(NdkGetConnectionData_says_that_there_is_no_private_data_and_that_no_reads_are_allowed)
{
    const struct rc_data nothing = {0, 0, words, 0};
    limits_agreed(&nothing, &nothing, 0, 0, 0, 0);
}

RC_TEST(NdkGetConnectionData_gives_what_came_with_a_reject)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    ck_assert_int_eq(rc_reject(&pair.passive, words, sizeof words), STATUS_SUCCESS);
    data_is_none(&pair.passive);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    ULONG room = 0;
    ck_assert_int_eq(data_at(&pair.active, NULL, NULL, NULL, &room), STATUS_SUCCESS);
    ck_assert_uint_eq(room, sizeof words);
    UCHAR bytes[sizeof words];
    ck_assert_int_eq(data_at(&pair.active, NULL, NULL, bytes, &room), STATUS_SUCCESS);
    ck_assert_mem_eq(bytes, words, sizeof words);
    rc_pair_close(&pair);
}

// What the one side says is what the other is told: NdkConnect's half of the same.
RC_TEST_AS(NdkGetConnectionData_gives_private_data_and_the_limits_that_both_sides_agree_to_body,
           NdkConnect_says_its_limits_and_private_data_to_the_peer)
RC_TEST_SHARED(NdkGetConnectionData_gives_private_data_and_the_limits_that_both_sides_agree_to_body,
               NdkConnectWithSharedEndpoint_says_its_limits_and_private_data_to_the_peer)
