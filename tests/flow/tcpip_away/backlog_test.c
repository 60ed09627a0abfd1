// SPDX-License-Identifier: MIT
// How many bytes a host has outstanding at its target, seen from between the two: the calls of the chimney in words (ndis/words.h).
// [nc-ndischimney-tcp_offload_event_handler: TcpIndicateSendBacklogChange]
#include <stdio.h>
#include <string.h>

#include "../tcpip/kit.h"
#include "nbx/world.h"
#include "ndis/ndis.h"

#define SENDS 120
#define BYTES 1000u

static struct tk_pair pair;
static struct tk_request sends[SENDS];
static UCHAR bytes[BYTES];

static struct {
    uint32_t out, limit, limit_before;     // bytes; what the target asked for last, and what it was before that
    unsigned changes, filled, too_many;
} seen;

static void
on_words(void *context, const char *adapter, const char *driver, const char *from, const char *words)
{
    (void)from;
    unsigned lists, value;
    if (sscanf(words, "MiniportTcpOffloadSend: %u lists", &lists) == 1) {
        uint32_t most = seen.limit > seen.limit_before ? seen.limit : seen.limit_before;
        seen.out += lists * BYTES;
        // The last list may begin one byte below the limit.
        seen.too_many += seen.changes && seen.out > most - 1 + BYTES;
        seen.filled += seen.changes && seen.out >= seen.limit;
        seen.limit_before = seen.limit;
    }
    if (sscanf(words, "ProtocolTcpOffloadSendComplete: %u lists", &lists) == 1)
        seen.out -= lists * BYTES;
    if (sscanf(words, "ProtocolTcpOffloadEvent: TcpIndicateSendBacklogChange, %u", &value) == 1) {
        seen.limit_before = seen.changes++ ? seen.limit : UINT32_MAX - BYTES;
        seen.limit = value;
    }
}

TN_TEST_TWO(a_host_keeps_as_many_bytes_at_its_target_as_the_last_TcpIndicateSendBacklogChange_says)
{
    memset(&seen, 0, sizeof(seen));
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handlers(&pair.server);
    tk_set_handlers(&pair.client);
    ndis_words_set(tn_net.world->boxes[0].box, on_words, NULL);
    tk_pair_connect(&pair);
    for (unsigned i = 0; i < SENDS; i++) {
        tk_send(&sends[i], &pair.here, bytes, BYTES, 0);
        if (i == 19)
            tk_sleep_us(5000); // the target has told how much it wants by now
    }
    for (unsigned i = 0; i < SENDS; i++)
        ck_assert_int_eq(tk_wait(&sends[i]), STATUS_SUCCESS);
    ndis_words_set(tn_net.world->boxes[0].box, NULL, NULL);
    ck_assert_uint_gt(seen.changes, 0);
    ck_assert_uint_eq(seen.too_many, 0);
    ck_assert_uint_gt(seen.filled, 0);
    tk_pair_close(&pair);
}
