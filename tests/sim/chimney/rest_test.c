// SPDX-License-Identifier: MIT
// A connection that is with the target of an adapter which is paused, or put to sleep, below one and two passthru: it is back before the
// adapter rests, nothing goes while it does, its clients notice nothing, and it may go again afterwards.
#include "../../flow/tcpip/kit.h"

#include <tcpioctl.h>

static struct tk_pair pair;
static struct tk_request message;
static UCHAR bytes[9000];

static ULONG
ask(ULONG verb)
{
    NBX_TCPIP_CHIMNEY request = {.Verb = verb};
    struct tk_control control = {0};
    ULONG_PTR got;
    tk_open_control(&control, TN_DEVICE);
    NTSTATUS status = tk_ioctl(control.file, IOCTL_NBX_TCPIP_CHIMNEY, &request, sizeof request, &request, sizeof request, &got);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    tk_close_control(&control);
    return request.Count;
}

static void
passes(ULONG already)
{
    tk_send(&message, &pair.here, bytes, sizeof bytes, 0);
    ck_assert_int_eq(tk_wait(&message), STATUS_SUCCESS);
    for (int i = 0; i < 1000 && pair.there.stream_bytes < already + sizeof bytes; i++)
        tk_sleep_ms(1);
    ck_assert_uint_eq(pair.there.stream_bytes, already + sizeof bytes);
}

static void
rests(void)
{
    static const enum tn_act begins[] = {TN_PAUSE, TN_DOZE, TN_SLEEP}, ends[] = {TN_RESTART, TN_ROUSE, TN_WAKE};
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handlers(&pair.server);
    tk_pair_connect(&pair);
    pair.there.stream_bytes = 0;
    ULONG done = 0;
    tn_net.hit = 0;
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(ask(NBX_TCPIP_CHIMNEY_OFFLOAD), 1);
        passes(done);
        ck_assert_uint_eq(ask(NBX_TCPIP_CHIMNEY_COUNT), 1);
        tn_do(0, begins[i]);
        ck_assert_uint_eq(ask(NBX_TCPIP_CHIMNEY_COUNT), 0);
        ck_assert_uint_eq(ask(NBX_TCPIP_CHIMNEY_OFFLOAD), 0);
        tn_do(0, ends[i]);
        passes(done += sizeof bytes);
        done += sizeof bytes;
    }
    tk_pair_close(&pair);
}

TEST_TIMEOUT(120, a_connection_is_back_before_the_adapter_below_an_intermediate_driver_rests_and_goes_again_after)
{
    for (tn_net.storeys = 1; tn_net.storeys <= 2; tn_net.storeys++)
        for (uint64_t seed = 0; seed < 6; seed++)
            tn_run("rests", rests, seed % 2 ? TN_TWO6 : TN_TWO4, seed, 1);
}
