// SPDX-License-Identifier: MIT
// MIB_TCPSTATS and IPSNMPInfo of a host whose connections go to a target and come back: the same as if they had stayed. What is true is
// counted by the bridge.
#include "bridge.h"
#include "counts.h"

#include <string.h>

#include <tdiinfo.h>

#include <tcpioctl.h>
#include <tcpmib.h>

static struct tk_pair pair;
static struct tk_request r1, r2;
static UCHAR big[1 << 20], got[65536];

static MIB_TCPSTATS
tcp_stats(void)
{
    TCP_REQUEST_QUERY_INFORMATION_EX request = {.ID = {.toi_entity = {CO_TL_ENTITY, 0}, .toi_class = INFO_CLASS_PROTOCOL,
                                                       .toi_type = INFO_TYPE_PROVIDER, .toi_id = TCP_MIB_STAT_ID}};
    MIB_TCPSTATS stats;
    ULONG_PTR bytes;
    ck_assert_int_eq(tk_ioctl(counts_file(), IOCTL_TCP_QUERY_INFORMATION_EX, &request, sizeof(request), &stats, sizeof(stats), &bytes),
                     STATUS_SUCCESS);
    return stats;
}

static void
chimney(ULONG verb)
{
    NBX_TCPIP_CHIMNEY request = {.Verb = verb};
    ULONG_PTR bytes;
    for (int i = 0; away_count() != (verb == NBX_TCPIP_CHIMNEY_OFFLOAD) && i < 1000; i++) {
        request.Verb = verb;
        ck_assert_int_eq(tk_ioctl(counts_file(), IOCTL_NBX_TCPIP_CHIMNEY, &request, sizeof(request), &request, sizeof(request), &bytes),
                         STATUS_SUCCESS);
        tk_sleep_ms(5);
    }
    ck_assert_uint_eq(away_count(), verb == NBX_TCPIP_CHIMNEY_OFFLOAD);
}

static void
move(bool from_here)
{
    struct tk_endpoint *from = from_here ? &pair.here : &pair.there, *to = from_here ? &pair.there : &pair.here;
    tk_send(&r1, from, big, sizeof(big), 0);
    for (ULONG at = 0; at < sizeof(big); at += (ULONG)r2.iosb.Information) {
        tk_receive(&r2, to, got, sizeof(got), TDI_RECEIVE_NORMAL);
        ck_assert_int_eq(tk_wait_long(&r2, 60000), STATUS_SUCCESS);
    }
    ck_assert_int_eq(tk_wait_long(&r1, 60000), STATUS_SUCCESS);
    tk_sleep_ms(500); // delayed acknowledgements
}

// What the host says against what went by. Nothing is lost, so what was sent again is lost time only.
static void
compare(const char *when)
{
    MIB_TCPSTATS stats = tcp_stats();
    ck_assert_msg(stats.dwOutSegs + stats.dwRetransSegs == bridge.segments[0], "%s: says %u + %u sent; %u went by", when,
                  (unsigned)stats.dwOutSegs, (unsigned)stats.dwRetransSegs, bridge.segments[0]);
    ck_assert_msg(stats.dwInSegs == bridge.segments[1], "%s: says %u received; %u went by", when, (unsigned)stats.dwInSegs,
                  bridge.segments[1]);
    ck_assert_uint_eq(stats.dwInErrs + stats.dwOutRsts, 0);
}

static void
stats_body(void)
{
    bridge_open();
    tk_sleep_ms(5000);
    counts_open();
    tk_pair_open(&pair, TN_DEVICE);
    tk_sleep_ms(500);
    compare("at the host");
    chimney(NBX_TCPIP_CHIMNEY_OFFLOAD);
    move(true);
    compare("at the target, sent");
    move(false);
    compare("at the target, received");
    chimney(NBX_TCPIP_CHIMNEY_UPLOAD);
    tk_sleep_ms(500);
    compare("back");
    move(true);
    tn_do(0, TN_PAUSE);
    tn_do(0, TN_RESTART);
    chimney(NBX_TCPIP_CHIMNEY_OFFLOAD);
    move(false);
    tn_do(0, TN_PAUSE); // brings it back
    tn_do(0, TN_RESTART);
    tk_sleep_ms(500);
    compare("back by a pause");
    ck_assert_uint_eq(tcp_stats().dwCurrEstab, 1);
    // The adapter goes, and what its target counted stays.
    chimney(NBX_TCPIP_CHIMNEY_OFFLOAD);
    move(true);
    tn_do(0, TN_REMOVE);
    compare("with the adapter gone");
    tn_do(0, TN_ADD);
    tk_sleep_ms(5000);
    move(false);
    chimney(NBX_TCPIP_CHIMNEY_OFFLOAD);
    move(true);
    compare("at another target");
    counts_close();
    tk_pair_close(&pair);
    bridge_close();
}

TEST_TIMEOUT(60, statistics_of_TCP_stay_true_over_hand_overs)
{
    tn_net.tcpip[0] = "chimney: on, " BRIDGE_FIRST;
    tn_net.tcpip[1] = BRIDGE_SECOND;
    // No super-segments: what the host counts as one must be one on the wire.
    tn_net.nic = "\"*LsoV2IPv4\": 0, \"*LsoV2IPv6\": 0";
    for (tn_net.storeys = 0; tn_net.storeys < 2; tn_net.storeys++) {
        tn_run("statistics_of_TCP_stay_true_over_hand_overs", stats_body, TN_TWO4, 0, 2);
        tn_run("statistics_of_TCP_stay_true_over_hand_overs", stats_body, TN_TWO6, 2, 1);
    }
}
