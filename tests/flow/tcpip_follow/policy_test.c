// SPDX-License-Identifier: MIT
// Which connections go to the target by themselves: with `chimney: on` by age, by rate, within the target's limits; with `always` at once
// and again; and how long one rests that it refused.
#include "bridge.h"
#include "counts.h"

#include <string.h>

#include <tcpioctl.h>

static struct tk_pair pair;
static struct tk_request r1, r2;
static UCHAR big[1 << 20], got[65536];

#define POLICY_TEST(name, settings, nic_settings) POLICY_TEST_OF(name, "chimney: on, " settings, nic_settings)
#define POLICY_TEST_OF(name, settings, nic_settings)                   \
    static void name##_body(void);                                     \
    TEST_TIMEOUT(60, name)                                             \
    {                                                                  \
        tn_net.tcpip[0] = settings BRIDGE_FIRST;                       \
        tn_net.tcpip[1] = BRIDGE_SECOND;                               \
        tn_net.nic = nic_settings;                                     \
        tn_run(#name, name##_body, TN_TWO4, 0, 2);                     \
        tn_run(#name, name##_body, TN_TWO6, 2, 1);                     \
    }                                                                  \
    static void name##_body(void)

static void
open_one(void)
{
    bridge_open();
    tk_sleep_ms(5000); // IPv6 addresses have been probed
    counts_open();
    tk_pair_open(&pair, TN_DEVICE);
}

static void
close_one(void)
{
    counts_close();
    tk_pair_close(&pair);
    bridge_close();
}

static void
move(ULONG bytes)
{
    tk_send(&r1, &pair.here, big, bytes, 0);
    for (ULONG at = 0; at < bytes; at += (ULONG)r2.iosb.Information) {
        tk_receive(&r2, &pair.there, got, sizeof(got), TDI_RECEIVE_NORMAL);
        ck_assert_int_eq(tk_wait_long(&r2, 60000), STATUS_SUCCESS);
    }
    ck_assert_int_eq(tk_wait_long(&r1, 60000), STATUS_SUCCESS);
}

POLICY_TEST(without_an_age_no_connection_goes_by_itself, "", "")
{
    open_one();
    move(sizeof(big));
    tk_sleep_ms(100000);
    ck_assert_uint_eq(count_of("chimney_offloaded") + count_of("chimney_refused"), 0);
    close_one();
}

POLICY_TEST(a_connection_goes_when_it_is_old_enough, "chimney_after: 2000, ", "")
{
    open_one();
    tk_sleep_ms(1900);
    ck_assert_uint_eq(count_of("chimney_offloaded"), 0);
    tk_sleep_ms(200);
    ck_assert_uint_eq(count_of("chimney_offloaded"), 1);
    ck_assert_uint_eq(away_count(), 1);
    move(sizeof(big));
    close_one();
}

// 200 KB in a second, but not in the second before.
POLICY_TEST(a_connection_goes_when_it_moves_enough, "chimney_after: 1000, chimney_rate: 200, ", "")
{
    open_one();
    for (int i = 0; i < 10; i++) {
        tk_sleep_ms(900);
        move(100000);
        ck_assert_uint_eq(count_of("chimney_offloaded"), 0);
    }
    move(sizeof(big));
    tk_sleep_ms(1100);
    ck_assert_uint_eq(count_of("chimney_offloaded"), 1);
    close_one();
}

// After 1 s; 2, 4, 8, 16, 32 s after it was refused.
POLICY_TEST(a_connection_that_the_target_refuses_rests_longer_each_time, "chimney_after: 1000, chimney_rest: 2000, ",
            "ToeReceiveWindow: 2000")
{
    static const ULONG at_s[] = {1, 3, 7, 15, 31, 63};
    ULONG now_s = 0;
    open_one();
    for (ULONG i = 0; i < ARRAYSIZE(at_s); i++) {
        tk_sleep_ms((LONG)(at_s[i] - now_s) * 1000 - 100);
        ck_assert_uint_eq(count_of("chimney_refused"), i);
        tk_sleep_ms(200);
        ck_assert_uint_eq(count_of("chimney_refused"), i + 1);
        tk_sleep_ms(900);
        now_s = at_s[i] + 1;
    }
    ck_assert_uint_eq(count_of("chimney_offloaded"), 0);
    move(sizeof(big));
    close_one();
}

// The second waits, unasked, until the first is over.
POLICY_TEST(no_more_connections_go_than_the_target_has_room_for, "chimney_after: 1000, ", "ToeConnections: 1")
{
    static struct tk_pair second;
    open_one();
    tk_sleep_ms(1500);
    ck_assert_uint_eq(away_count(), 1);
    tk_place.server = tn_name_there(4343);
    tk_pair_open(&second, TN_DEVICE);
    tk_sleep_ms(10000);
    ck_assert_uint_eq(count_of("chimney_offloaded"), 1);
    ck_assert_uint_eq(count_of("chimney_refused"), 0);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_sleep_ms(2000);
    ck_assert_uint_eq(count_of("chimney_offloaded"), 2);
    ck_assert_uint_eq(away_count(), 1);
    tk_pair_close(&second);
    close_one();
}

// ---- always -----------------------------------------------------------------------------------------------------------------------

static void
fetch(void)
{
    NBX_TCPIP_CHIMNEY request = {.Verb = NBX_TCPIP_CHIMNEY_UPLOAD};
    ULONG before = count_of("chimney_uploaded");
    ULONG_PTR bytes;
    ck_assert_int_eq(tk_ioctl(counts_file(), IOCTL_NBX_TCPIP_CHIMNEY, &request, sizeof(request), &request, sizeof(request), &bytes),
                     STATUS_SUCCESS);
    for (int i = 0; count_of("chimney_uploaded") == before && i < 1000; i++)
        tk_sleep_ms(1);
    ck_assert_uint_eq(count_of("chimney_uploaded"), before + 1);
}

POLICY_TEST_OF(a_connection_that_always_goes_goes_again_when_it_has_come_back_and_rested, "chimney: always, chimney_rest: 3000, ", "")
{
    open_one();
    tk_sleep_ms(100);
    for (ULONG i = 1; i <= 3; i++) {
        ck_assert_uint_eq(count_of("chimney_offloaded"), i);
        fetch();
        tk_sleep_ms(2800);
        ck_assert_uint_eq(away_count(), 0);
        tk_sleep_ms(400);
        ck_assert_uint_eq(away_count(), 1);
        move(100000);
    }
    ck_assert_uint_eq(count_of("chimney_refused"), 0);
    close_one();
}

POLICY_TEST_OF(a_connection_that_always_goes_and_is_refused_rests_longer_each_time, "chimney: always, chimney_rest: 2000, ",
               "ToeReceiveWindow: 2000")
{
    static const ULONG at_ms[] = {0, 2000, 6000, 14000, 30000};
    open_one();
    ULONG now_ms = 0;
    for (ULONG i = 0; i < ARRAYSIZE(at_ms); i++) {
        tk_sleep_ms((LONG)(at_ms[i] + 500 - now_ms));
        now_ms = at_ms[i] + 500;
        ck_assert_uint_eq(count_of("chimney_refused"), i + 1);
    }
    move(sizeof(big));
    close_one();
}

POLICY_TEST_OF(a_connection_that_always_goes_waits_for_room_at_the_target, "chimney: always, chimney_rest: 1000, ", "ToeConnections: 1")
{
    static struct tk_pair second;
    open_one();
    tk_sleep_ms(100);
    ck_assert_uint_eq(away_count(), 1);
    tk_place.server = tn_name_there(4343);
    tk_pair_open(&second, TN_DEVICE);
    tk_sleep_ms(5000);
    ck_assert_uint_eq(count_of("chimney_offloaded"), 1);
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_sleep_ms(2000);
    ck_assert_uint_eq(count_of("chimney_offloaded"), 2);
    ck_assert_uint_eq(count_of("chimney_refused"), 0);
    tk_pair_close(&second);
    close_one();
}

POLICY_TEST_OF(a_connection_whose_FIN_is_on_its_way_does_not_go_again, "chimney: always, chimney_rest: 1000, ", "")
{
    open_one();
    tk_sleep_ms(100);
    fetch();
    tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    tk_sleep_ms(10000);
    ck_assert_uint_eq(count_of("chimney_offloaded"), 1);
    ck_assert_uint_eq(away_count(), 0);
    tk_disconnect(&r2, &pair.there, TDI_DISCONNECT_RELEASE, NULL, 1);
    ck_assert_int_eq(tk_wait_long(&r1, 60000), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait_long(&r2, 60000), STATUS_SUCCESS);
    close_one();
}
