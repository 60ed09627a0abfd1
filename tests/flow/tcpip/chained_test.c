// SPDX-License-Identifier: MIT
// Chained receives over TCP: bytes handed up where the adapter, or the engine's copy, has them; taken at once, or kept and given back.
#include "kit.h"

#include <string.h>

enum { PIECE = 3000, PIECES = 8 };

static struct tk_pair pair;
static UCHAR sent[PIECES * PIECE];

static void
open_with_handlers(void)
{
    for (ULONG i = 0; i < sizeof sent; i++)
        sent[i] = (UCHAR)(i * 7 + i / 251);
    tk_pair_open(&pair, TN_DEVICE);
    tk_set_handlers(&pair.server);
    tk_set_handler_of(&pair.server, TDI_EVENT_CHAINED_RECEIVE);
}

static void
send_piece(ULONG i)
{
    struct tk_request send;
    tk_send(&send, &pair.here, sent + i * PIECE, PIECE, 0);
    ck_assert_int_eq(tk_wait(&send), STATUS_SUCCESS);
}

static void
all_is_there(void)
{
    tk_settle();
    ck_assert_uint_eq(pair.there.stream_bytes, sizeof sent);
    ck_assert_int_eq(memcmp(pair.there.stream, sent, sizeof sent), 0);
}

static void
give_back(void *arg)
{
    TdiReturnChainedReceives(pair.server.kept, (ULONG)pair.server.kept_count);
    pair.server.kept_count = 0;
}

static void
give_back_there(void)
{
    if (TN_IS_TWO(tn_net.place))
        tn_in_box(1, give_back, NULL);
    else
        give_back(NULL);
}

TN_TEST(ClientEventChainedReceive_over_TCP_takes_bytes_at_once_and_the_window_stays_open)
{
    open_with_handlers();
    for (int round = 0; round < 3; round++) {
        pair.there.stream_bytes = 0;
        for (ULONG i = 0; i < PIECES; i++)
            send_piece(i);
        all_is_there();
    }
    ck_assert_int_ge(pair.server.chained, 3 * PIECES);
    ck_assert_int_eq(pair.there.receives, 0);
    tk_pair_close(&pair);
}

// Over loopback the bytes that are lent are the sender's own, so its request waits until they are given back; over a wire it does not.
TN_TEST(ClientEventChainedReceive_over_TCP_may_keep_bytes_and_over_a_wire_beyond_the_end_of_the_connection)
{
    static struct tk_request sends[PIECES];
    open_with_handlers();
    pair.server.keeps = true;
    for (ULONG i = 0; i < PIECES; i++) {
        tk_send(&sends[i], &pair.here, sent + i * PIECE, PIECE, 0);
        if (i != PIECES / 2)
            continue;
        tk_settle();
        ck_assert_int_gt(pair.server.kept_count, 0);
        give_back_there(); // some while more is on its way
    }
    all_is_there();
    ck_assert_int_gt(pair.server.kept_count, 0);
    ck_assert_int_eq(pair.there.receives, 0);
    if (!TN_IS_TWO(tn_net.place)) {
        ck_assert(!tk_is_done(&sends[PIECES - 1]));
        give_back_there();
    }
    for (ULONG i = 0; i < PIECES; i++)
        ck_assert_int_eq(tk_wait(&sends[i]), STATUS_SUCCESS);
    tk_pair_close(&pair);
    give_back_there(); // nothing may be left when the driver unloads
}
