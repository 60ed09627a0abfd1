// SPDX-License-Identifier: MIT
// Two TDI clients over TCP, in one box and in two: bytes go both ways.
#include "kit.h"

#include <string.h>

static struct tk_pair pair;

TN_TEST(a_connection_carries_bytes_both_ways)
{
    struct tk_request send, receive;
    char got[32] = "";
    tk_pair_open(&pair, TN_DEVICE);
    tk_send(&send, &pair.here, "hello", 5, 0);
    tk_receive(&receive, &pair.there, got, sizeof(got), 0);
    ck_assert_int_eq(tk_wait(&receive), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&send), STATUS_SUCCESS);
    ck_assert_uint_eq(receive.iosb.Information, 5);
    ck_assert_str_eq(got, "hello");
    tk_send(&send, &pair.there, "world!", 6, 0);
    tk_receive(&receive, &pair.here, got, sizeof(got), 0);
    ck_assert_int_eq(tk_wait(&receive), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&send), STATUS_SUCCESS);
    ck_assert_str_eq(got, "world!");
    tk_pair_close(&pair);
}
