// SPDX-License-Identifier: MIT
// EventSpecificInformation of TcpIndicateDisconnect and TcpIndicateAbort means nothing: whatever a target passes there, small or large, a
// number of bytes or an upload reason, the host does the same.
#include "bridge.h"
#include "counts.h"

#include <stdio.h>
#include <string.h>

static struct tk_pair pair;
#define SENDS 100

static struct tk_request requests[SENDS], r1;
static UCHAR bytes[SENDS][4000], got[65536];

// The peer's FIN; our half goes on with many sends, of which a host that took the junk for a backlog would have too few under way; the
// peer's reset. With a wire that is slow, and without an upload by either event.
static void
ends_body(void)
{
    bridge_open();
    tk_sleep_ms(5000);
    counts_open();
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handler_of(&pair.client, TDI_EVENT_DISCONNECT);
    tk_pair_connect(&pair);
    for (int i = 0; !away_count() && i < 1000; i++)
        tk_sleep_ms(1);
    tk_disconnect(&r1, &pair.there, TDI_DISCONNECT_RELEASE, NULL, 0);
    ck_assert(tk_disconnected(&pair.here, 5000));
    ck_assert_uint_eq(pair.here.disconnect_flags, TDI_DISCONNECT_RELEASE);
    tk_wait(&r1);
    ULONG before = bridge.frames;
    for (int i = 0; i < SENDS; i++)
        tk_send(&requests[i], &pair.here, bytes[i], sizeof(bytes[i]), 0);
    tk_sleep_us(3000); // three round trips: one send for each would be nine frames
    ck_assert_uint_gt(bridge.frames - before, 15);
    for (ULONG at = 0; at < sizeof(bytes); at += (ULONG)r1.iosb.Information) {
        tk_receive(&r1, &pair.there, got, sizeof(got), TDI_RECEIVE_NORMAL);
        ck_assert_int_eq(tk_wait_long(&r1, 60000), STATUS_SUCCESS);
    }
    for (int i = 0; i < SENDS; i++)
        ck_assert_int_eq(tk_wait_long(&requests[i], 60000), STATUS_SUCCESS);
    ck_assert_uint_eq(count_of("chimney_uploaded"), 0);
    ck_assert_uint_eq(away_count(), 1);
    tk_disconnect(&r1, &pair.there, TDI_DISCONNECT_ABORT, NULL, 1);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    for (int i = 0; away_count() && i < 1000; i++)
        tk_sleep_ms(1);
    ck_assert_uint_eq(pair.here.disconnects, 1); // as without a target
    tk_send(&r1, &pair.here, bytes[0], 1, 0);
    ck_assert_int_ne(tk_wait(&r1), STATUS_SUCCESS);
    ck_assert_uint_eq(count_of("chimney_uploaded"), 1);
    ck_assert_uint_eq(away_count(), 0);
    counts_close();
    tk_pair_close(&pair);
    bridge_close();
}

TEST_TIMEOUT(60, what_Disconnect_and_Abort_carry_changes_nothing)
{
    static const unsigned junk[] = {0, 1, 9, 11, 1000, 0x80000000, 0xFFFFFFFF};
    static char nic[40];
    tn_net.wire = "delay: 200us, rate: 100Mbit";
    tn_net.tcpip[0] = "chimney: always, " BRIDGE_FIRST;
    tn_net.tcpip[1] = BRIDGE_SECOND;
    tn_net.nic = nic;
    for (unsigned i = 0; i < ARRAYSIZE(junk); i++) {
        snprintf(nic, sizeof(nic), "ToeJunk: %u", junk[i]);
        tn_run("what_Disconnect_and_Abort_carry_changes_nothing", ends_body, i % 2 ? TN_TWO6 : TN_TWO4, i, 1);
    }
}
