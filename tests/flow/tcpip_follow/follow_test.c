// SPDX-License-Identifier: MIT
// What the host tells and asks an offload target while connections are away: their peer's MAC changes, their path gets narrower, their way
// goes by another router, their neighbour is doubted. Over no passthru and over one; both families.
#include "bridge.h"
#include "counts.h"

#include <string.h>

#include <tdiinfo.h>

#include <tcpioctl.h>

static struct tk_pair pair;
static struct tk_request r1, r2;
static UCHAR big[1 << 20], got[65536];

// ---- one connection, at the targets of both boxes ---------------------------------------------------------------------------------

static void
open_all(bool is_routed)
{
    bridge_open();
    bridge.is_routed = is_routed;
    if (is_routed && tn_net.place == TN_TWO6)
        bridge_advertise(0, false, 1800);
    for (ULONG i = 0; i < sizeof(big); i++)
        big[i] = (UCHAR)(i * 13 + (i >> 10));
    tk_sleep_ms(5000); // IPv6 addresses have been probed
    counts_open();
    tk_pair_open(&pair, TN_DEVICE);
    for (int i = 0; !away_count() && i < 1000; i++)
        tk_sleep_ms(1);
    tk_sleep_ms(20);
    ck_assert_uint_eq(away_count(), 1);
    ck_assert_uint_eq(count_of("chimney_offloaded"), 1);
}

static void
close_all(void)
{
    counts_close();
    tk_pair_close(&pair);
    bridge_close();
}

// A megabyte one way, with something in the middle.
static void
transfer(bool from_here, void (*middle)(void))
{
    struct tk_endpoint *from = from_here ? &pair.here : &pair.there, *to = from_here ? &pair.there : &pair.here;
    ULONG at = 0;
    bool is_done = false;
    tk_send(&r1, from, big, sizeof(big), 0);
    while (at < sizeof(big)) {
        tk_receive(&r2, to, got, sizeof(got), TDI_RECEIVE_NORMAL);
        ck_assert_int_eq(tk_wait_long(&r2, 300000), STATUS_SUCCESS);
        ck_assert_int_eq(memcmp(got, big + at, r2.iosb.Information), 0);
        at += (ULONG)r2.iosb.Information;
        if (!is_done && at > sizeof(big) / 4)
            middle();
        is_done = at > sizeof(big) / 4;
    }
    ck_assert(is_done);
    ck_assert_int_eq(tk_wait_long(&r1, 60000), STATUS_SUCCESS);
    ck_assert_int_eq(pair.here.disconnects + pair.there.disconnects, 0);
}

static void
nothing(void)
{
}

#define ALWAYS "chimney: always, "
#define WIRE "delay: 200us, rate: 100Mbit" // a transfer takes a while

#define FOLLOW_TEST(name) FOLLOW_TEST_OVER(name, WIRE)
#define FOLLOW_TEST_OVER(name, the_wire)           \
    static void name##_body(void);                 \
    TEST_TIMEOUT(120, name)                        \
    {                                              \
        tn_net.wire = the_wire;                    \
        tn_net.tcpip[0] = ALWAYS BRIDGE_FIRST;     \
        tn_net.tcpip[1] = ALWAYS BRIDGE_SECOND;    \
        tn_run(#name, name##_body, TN_TWO4, 0, 3); \
        tn_run(#name, name##_body, TN_TWO6, 3, 2); \
        tn_net.storeys = 1;                        \
        tn_run(#name, name##_body, TN_TWO4, 0, 2); \
        tn_run(#name, name##_body, TN_TWO6, 2, 1); \
    }                                              \
    static void name##_body(void)

// ---- another MAC ------------------------------------------------------------------------------------------------------------------

static uint8_t mac;

static void
mac_changes(void)
{
    bridge_show(++mac);
    bridge_announce();
}

FOLLOW_TEST(the_peers_mac_changes_in_mid_transfer_and_the_target_is_updated)
{
    open_all(false);
    transfer(true, mac_changes);
    ck_assert_uint_eq(count_of("chimney_updated"), 1);
    bridge.frames = 0;
    transfer(true, nothing);
    ck_assert_uint_gt(bridge.frames, sizeof(big) / 1500);
    transfer(false, mac_changes);
    ck_assert_uint_eq(count_of("chimney_updated"), 2);
    ck_assert_uint_eq(count_of("chimney_uploaded") + count_of("chimney_invalidated"), 0);
    ck_assert_uint_eq(away_count(), 1);
    ck_assert_uint_lt(bridge.stray, 300); // what was under way
    close_all();
}

// ---- a larger window --------------------------------------------------------------------------------------------------------------

// A round trip of 4 ms holds more than the window at first: what the client uses is all of it, again and again.
FOLLOW_TEST_OVER(the_window_of_a_client_that_keeps_up_grows_at_the_target, "delay: 2ms")
{
    open_all(false);
    transfer(true, nothing); // to the other box: nothing is used here
    ck_assert_uint_eq(count_of("chimney_updated"), 0);
    transfer(false, nothing);
    ULONG updated = (ULONG)count_of("chimney_updated");
    ck_assert_uint_ge(updated, 1);
    ck_assert_uint_le(updated, 4); // 256 KB doubled that often are 4 MB
    for (int i = 0; i < 8; i++)
        transfer(false, nothing);
    ck_assert_uint_gt(count_of("chimney_updated"), updated);
    ck_assert_uint_le(count_of("chimney_updated"), 4);
    ck_assert_uint_eq(count_of("chimney_uploaded"), 0);
    ck_assert_uint_eq(away_count(), 1);
    close_all();
}

// ---- a narrower path --------------------------------------------------------------------------------------------------------------

static void
path_narrows(void)
{
    bridge.mtu_bytes = 1300;
}

FOLLOW_TEST(the_path_gets_narrower_in_mid_transfer_and_the_target_is_updated)
{
    open_all(false);
    transfer(true, path_narrows);
    ck_assert_uint_gt(bridge.too_big, 0);
    ck_assert_uint_eq(count_of("chimney_updated"), 1);
    ck_assert_uint_ge(count_of("chimney_queried"), 1);
    ck_assert_uint_eq(count_of("chimney_uploaded"), 0);
    bridge.largest_bytes = bridge.too_big = 0;
    transfer(true, nothing);
    ck_assert_uint_eq(bridge.too_big, 0);
    ck_assert_uint_gt(bridge.largest_bytes, 1250);
    ck_assert_uint_le(bridge.largest_bytes, 1300);
    ck_assert_uint_eq(away_count(), 1);
    close_all();
}

static void
forge(void)
{
    bridge_forge_too_big(1300, 0x40000000);
}

FOLLOW_TEST(a_forged_too_big_is_asked_about_and_not_believed)
{
    open_all(false);
    transfer(true, forge);
    ck_assert_uint_eq(count_of("chimney_queried"), 1);
    ck_assert_uint_eq(count_of("chimney_updated"), 0);
    ck_assert_uint_eq(bridge.largest_bytes, 1500);
    ck_assert_uint_eq(away_count(), 1);
    close_all();
}

// ---- neighbours that are doubted --------------------------------------------------------------------------------------------------

// Silent for longer than NceStaleTicks (10 s): the target asks when it has something to send, the host waits for what the target hears.
FOLLOW_TEST(a_doubtful_neighbour_that_the_target_hears_of_is_not_probed)
{
    open_all(false);
    transfer(true, nothing);
    tk_sleep_ms(120000);
    ck_assert_uint_eq(count_of("chimney_questions"), 0);
    bridge.asked_one = bridge.asked_all = 0;
    transfer(true, nothing);
    ck_assert_uint_eq(count_of("chimney_questions"), 1);
    tk_sleep_ms(4000);
    ck_assert_uint_eq(count_of("chimney_queried"), 0);
    tk_sleep_ms(60000);
    ck_assert_uint_eq(count_of("chimney_queried"), 1);
    ck_assert_uint_eq(bridge.asked_one + bridge.asked_all, 0);
    ck_assert_uint_eq(count_of("chimney_invalidated"), 0);
    ck_assert_uint_eq(away_count(), 1);
    close_all();
}

// A little data that only comes: what the target sends acknowledges, and nothing shows that it arrives.
static void
trickle(ULONG seconds)
{
    for (ULONG i = 0; i < seconds; i++) {
        tk_send(&r1, &pair.there, big, 100, 0);
        tk_receive(&r2, &pair.here, got, 100, TDI_RECEIVE_NORMAL);
        ck_assert_int_eq(tk_wait_long(&r2, 300000), STATUS_SUCCESS);
        ck_assert_int_eq(tk_wait_long(&r1, 300000), STATUS_SUCCESS);
        tk_sleep_ms(1000);
    }
}

FOLLOW_TEST(a_doubtful_neighbour_that_answers_when_it_is_probed_stays)
{
    open_all(false);
    tk_sleep_ms(120000);
    bridge.asked_one = 0;
    trickle(60);
    ck_assert_uint_ge(count_of("chimney_questions"), 2);
    ck_assert_uint_eq(bridge.asked_one, count_of("chimney_queried"));
    ck_assert_uint_ge(bridge.asked_one, 1);
    ck_assert_uint_eq(count_of("chimney_invalidated"), 0);
    ck_assert_uint_eq(count_of("chimney_uploaded"), 0);
    ck_assert_uint_eq(away_count(), 1);
    close_all();
}

// The peer is under another MAC, and says so to nobody: found out by doubting it. The connection comes back, and its engine asks again.
FOLLOW_TEST(a_neighbour_that_does_not_answer_is_invalidated_and_its_connections_come_back)
{
    open_all(false);
    tk_sleep_ms(120000);
    bridge_show(2);
    bridge.is_secret = true;
    transfer(false, nothing);
    ck_assert_uint_ge(count_of("chimney_questions"), 1);
    ck_assert_uint_eq(count_of("chimney_queried"), 1);
    ck_assert_uint_eq(count_of("chimney_invalidated"), 1);
    ck_assert_uint_eq(count_of("chimney_uploaded"), 1);
    ck_assert_uint_eq(bridge.asked_one, 3);
    ck_assert_uint_eq(away_count(), 0);
    transfer(true, nothing);
    close_all();
}

// ---- another way ------------------------------------------------------------------------------------------------------------------

#define ADDRESS(a, b, c, d) ((ULONG)(a) | (b) << 8 | (c) << 16 | (ULONG)(d) << 24)

static void
route_set(UCHAR router, ULONG type)
{
    union {
        TCP_REQUEST_SET_INFORMATION_EX request;
        UCHAR bytes[256];
    } u = {.request = {.ID = {.toi_entity = {CL_NL_ENTITY, 0}, .toi_class = INFO_CLASS_PROTOCOL, .toi_type = INFO_TYPE_PROVIDER,
                              .toi_id = IP_MIB_ROUTETABLE_ENTRY_ID},
                       .BufferSize = sizeof(IPRouteEntry)}};
    IPRouteEntry route = {.ire_dest = ADDRESS(10, 9, 0, 0), .ire_mask = ADDRESS(255, 255, 255, 0), .ire_index = 2,
                          .ire_nexthop = ADDRESS(10, 0, 0, router), .ire_type = type, .ire_metric1 = 1};
    memcpy(u.request.Buffer, &route, sizeof(route));
    ck_assert_int_eq(tk_ioctl(counts_file(), IOCTL_TCP_SET_INFORMATION_EX, &u,
                              (ULONG)offsetof(TCP_REQUEST_SET_INFORMATION_EX, Buffer) + sizeof(route), NULL, 0, NULL),
                     STATUS_SUCCESS);
}

static void
by_second_router(void)
{
    if (tn_net.place == TN_TWO6)
        bridge_advertise(1, true, 1800);
    else
        route_set(254, IRE_TYPE_INDIRECT);
}

static void
by_first_router(void)
{
    if (tn_net.place == TN_TWO6)
        bridge_advertise(1, true, 0);
    else
        route_set(254, IRE_TYPE_INVALID);
}

static void
by_nobody(void)
{
    route_set(252, IRE_TYPE_INDIRECT);
}

static void
by_a_silent_router(void)
{
    bridge_advertise(2, true, 1800);
}

#define ROUTED6_RUN(name, count)                                                                             \
    tn_net.tcpip[0] = ALWAYS "addresses: [\"fd00::1/64\"]";                                                  \
    tn_net.tcpip[1] = ALWAYS "addresses: [\"fd09::2/64\"], gateway: \"fd09::fe\"";                           \
    tn_net.name_there = "[fd09::2]";                                                                         \
    tn_net.wire = WIRE;                                                                                      \
    for (tn_net.storeys = 0; tn_net.storeys < 2; tn_net.storeys++)                                           \
    tn_run(#name, name##_body, TN_TWO6, 0, count)

#define ROUTED_TEST(name)                                                                                    \
    static void name##_body(void);                                                                           \
    TEST_TIMEOUT(120, name)                                                                                  \
    {                                                                                                        \
        tn_net.tcpip[0] = ALWAYS "addresses: [10.0.0.1/24], gateway: 10.0.0.253";                            \
        tn_net.tcpip[1] = ALWAYS "addresses: [10.9.0.2/24], gateway: 10.9.0.254";                            \
        tn_net.name_there = "10.9.0.2";                                                                      \
        tn_net.wire = WIRE;                                                                                  \
        tn_run(#name, name##_body, TN_TWO4, 0, 3);                                                           \
        tn_net.storeys = 1;                                                                                  \
        tn_run(#name, name##_body, TN_TWO4, 0, 2);                                                           \
    }                                                                                                        \
    static void name##_body(void)

// The new router has to be asked for its MAC, is offloaded, gets the path; the old one is terminated. And back. Over IPv6 the second router
// advertises itself as preferred, and later that it is none any more.
static void the_route_changes_in_mid_transfer_and_the_path_is_linked_to_the_new_neighbour_body(void);

TEST_TIMEOUT(120, the_default_router_changes_in_mid_transfer_and_the_path_is_linked_to_the_new_neighbour)
{
    ROUTED6_RUN(the_route_changes_in_mid_transfer_and_the_path_is_linked_to_the_new_neighbour, 3);
}

ROUTED_TEST(the_route_changes_in_mid_transfer_and_the_path_is_linked_to_the_new_neighbour)
{
    open_all(true);
    transfer(true, nothing);
    ck_assert_uint_eq(bridge.by_router[1], 0);
    transfer(true, by_second_router);
    ck_assert_uint_gt(bridge.by_router[1], 0);
    bridge.by_router[0] = 0;
    transfer(false, nothing);
    ck_assert_uint_eq(bridge.by_router[0], 0);
    transfer(false, by_first_router);
    bridge.by_router[1] = 0;
    transfer(true, nothing);
    ck_assert_uint_eq(bridge.by_router[1], 0);
    ck_assert_uint_eq(count_of("chimney_uploaded") + count_of("chimney_invalidated"), 0);
    ck_assert_uint_eq(away_count(), 1);
    close_all();
}

ROUTED_TEST(a_path_whose_new_router_does_not_answer_is_invalidated_and_its_connection_comes_back)
{
    open_all(true);
    transfer(true, by_nobody);
    for (int i = 0; away_count() && i < 10000; i++)
        tk_sleep_ms(1);
    ck_assert_uint_eq(count_of("chimney_invalidated"), 1);
    ck_assert_uint_eq(count_of("chimney_uploaded"), 1);
    ck_assert_uint_eq(away_count(), 0);
    route_set(252, IRE_TYPE_INVALID);
    transfer(true, nothing);
    close_all();
}

// A router that is preferred to ours and does not answer: ours is asked again [RFC 4861 6.3.6], and nothing changes for the target.
static void
silent_router_body(void)
{
    open_all(true);
    transfer(true, by_a_silent_router);
    tk_sleep_ms(10000);
    ck_assert_uint_ge(bridge.asked_silent, 1);
    transfer(true, nothing);
    ck_assert_uint_eq(bridge.by_router[1], 0);
    ck_assert_uint_eq(count_of("chimney_updated") + count_of("chimney_uploaded") + count_of("chimney_invalidated"), 0);
    ck_assert_uint_eq(away_count(), 1);
    close_all();
}

TEST_TIMEOUT(60, a_path_whose_preferred_router_does_not_answer_stays_with_the_one_before)
{
    ROUTED6_RUN(silent_router, 2);
}
