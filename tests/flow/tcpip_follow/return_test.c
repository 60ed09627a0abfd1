// SPDX-License-Identifier: MIT
// When the target's lists go back that a client has used up inside their indication, seen from between the two: the calls of the chimney in
// words (ndis/words.h).
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "nbx/world.h"
#include "ndis/ndis.h"

#define SENDS 8
#define BYTES 16000u

static struct tk_pair pair;
static struct tk_request sends[SENDS];
static UCHAR bytes[BYTES];

static struct {
    unsigned indicated, out, most;
} seen;

static void
on_words(void *context, const char *adapter, const char *driver, const char *from, const char *words)
{
    (void)from;
    unsigned lists;
    if (sscanf(words, "ProtocolTcpOffloadReceiveIndicate: %u lists", &lists) == 1) {
        seen.indicated += lists;
        seen.out += lists;
        seen.most = seen.out > seen.most ? seen.out : seen.most;
    }
    if (sscanf(words, "MiniportTcpOffloadReceiveReturn: %u lists", &lists) == 1)
        seen.out -= lists;
}

// Segments of the wire's size, many of them at once: an upcall of the port makes several indications.
static void
used_body(void)
{
    bridge_open();
    tk_sleep_ms(5000); // IPv6 addresses have been probed
    memset(&seen, 0, sizeof(seen));
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handlers(&pair.server);
    tk_set_handlers(&pair.client);
    tk_pair_connect(&pair);
    tk_sleep_ms(20);
    ndis_words_set(tn_net.world->boxes[0].box, on_words, NULL);
    for (unsigned i = 0; i < SENDS; i++)
        tk_send(&sends[i], &pair.there, bytes, BYTES, 0);
    for (unsigned i = 0; i < SENDS; i++)
        ck_assert_int_eq(tk_wait(&sends[i]), STATUS_SUCCESS);
    tk_sleep_ms(20);
    ndis_words_set(tn_net.world->boxes[0].box, NULL, NULL);
    ck_assert_uint_eq(pair.here.stream_bytes, SENDS * BYTES);
    ck_assert_uint_gt(seen.indicated, 4);
    ck_assert_uint_le(seen.most, 2); // the one that is indicated, and the one before
    ck_assert_uint_eq(seen.out, 0);
    tk_pair_close(&pair);
    bridge_close();
}

TEST_TIMEOUT(60, a_list_that_was_used_up_inside_its_indication_goes_back_with_the_next_one)
{
    tn_net.wire = "delay: 2ms";
    tn_net.tcpip[0] = "chimney: always, " BRIDGE_FIRST;
    tn_net.tcpip[1] = BRIDGE_SECOND;
    tn_run("used", used_body, TN_TWO4, 0, 3);
    tn_run("used", used_body, TN_TWO6, 3, 2);
}
