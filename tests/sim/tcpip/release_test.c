// SPDX-License-Identifier: MIT
// The table of interleavings: a pending RELEASE against each thing that may come between, over TCP, at every moment of its life. The peer
// releases as well, at some moment of its own, so that each rival wins some of the time and loses some of the time. Who has won says what
// every request and event must say; both must have occurred. Afterwards the two endpoints connect again.
#include "../../flow/tcpip/kit.h"

#include <stdio.h>
#include <string.h>

#include "base/prng.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RACES 60
#endif
#endif
#ifndef RACES
#define RACES 400
#endif

enum rival {
    RIVAL_RST,
    RIVAL_FIN,
    RIVAL_ABORT,
    RIVAL_CANCEL,
    RIVAL_TIMEOUT
};

static struct {
    uint64_t released, lost;
} won[5];

static enum rival rival;
static struct tk_pair pair;
static struct tk_request release, confirm, rival_request, send_here, send_there;
static uint32_t rival_us, confirm_us, spread_us;
static KEVENT rival_done;
static UCHAR bytes[3000];

static VOID NTAPI
rival_run(PVOID context)
{
    tk_sleep_us((LONG)rival_us);
    if (rival == RIVAL_RST)
        tk_disconnect(&rival_request, &pair.there, TDI_DISCONNECT_ABORT, NULL, 1);
    if (rival == RIVAL_ABORT)
        tk_disconnect(&rival_request, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
    if (rival == RIVAL_CANCEL)
        tk_cancel(&release);
    if (rival == RIVAL_RST || rival == RIVAL_ABORT) {
        NTSTATUS status = tk_wait(&rival_request);
        ck_assert_msg(status == STATUS_SUCCESS || status == TDI_INVALID_CONNECTION || status == TDI_CONNECTION_RESET ||
                          status == TDI_CONNECTION_ABORTED,
                      "rival: %08x", (unsigned)status);
    }
    KeSetEvent(&rival_done, 0, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
make_idle(struct tk_endpoint *endpoint)
{
    tk_disconnect(&rival_request, endpoint, TDI_DISCONNECT_ABORT, NULL, 1);
    NTSTATUS status = tk_wait(&rival_request);
    ck_assert(status == STATUS_SUCCESS || status == TDI_INVALID_CONNECTION || status == TDI_CONNECTION_RESET);
}

// What the table says of the initiator, given how its RELEASE ended.
static void
check(NTSTATUS status)
{
    static const NTSTATUS by_rival[] = {[RIVAL_RST] = TDI_CONNECTION_RESET, [RIVAL_FIN] = STATUS_SUCCESS,
                                        [RIVAL_ABORT] = TDI_CONNECTION_ABORTED, [RIVAL_CANCEL] = STATUS_CANCELLED,
                                        [RIVAL_TIMEOUT] = TDI_TIMED_OUT};
    ck_assert_msg(status == STATUS_SUCCESS || status == by_rival[rival], "rival %d, seed %llu: RELEASE: %08x", rival,
                  (unsigned long long)tn_net.seed, (unsigned)status);
    won[rival].released += status == STATUS_SUCCESS;
    won[rival].lost += status != STATUS_SUCCESS;
    ck_assert_int_le(pair.here.disconnects, 1);
    if (status == STATUS_SUCCESS)
        ck_assert_int_eq(pair.here.disconnects, 0);     // the completion says it
    if (status == TDI_CONNECTION_RESET)
        ck_assert(pair.here.disconnects == 1 && pair.here.disconnect_flags == TDI_DISCONNECT_ABORT);
    if (status == TDI_CONNECTION_ABORTED)
        ck_assert_int_eq(pair.here.disconnects, 0);
    if (status == STATUS_CANCELLED || status == TDI_TIMED_OUT)   // half closed: the peer's release is told now
        ck_assert(pair.here.disconnects == 1 && pair.here.disconnect_flags == TDI_DISCONNECT_RELEASE);
}

static void
race(void)
{
    struct prng dice;
    HANDLE thread;
    prng_seed(&dice, tn_net.seed);
    tk_pair_prepare(&pair, TN_DEVICE);
    tk_set_handlers(&pair.server);
    tk_set_handlers(&pair.client);
    tk_pair_connect(&pair);
    rival_us = (uint32_t)(prng_next(&dice) % spread_us);
    confirm_us = (uint32_t)(prng_next(&dice) % spread_us);
    KeInitializeEvent(&rival_done, NotificationEvent, FALSE);
    ULONG out = (ULONG)(prng_next(&dice) % sizeof(bytes)) + 1, in = (ULONG)(prng_next(&dice) % sizeof(bytes)) + 1;
    tk_send(&send_here, &pair.here, bytes, out, 0);
    tk_send(&send_there, &pair.there, bytes, in, 0);
    tk_disconnect(&release, &pair.here, TDI_DISCONNECT_RELEASE, NULL, rival == RIVAL_TIMEOUT ? -10LL * rival_us : -600000000LL);
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, rival_run, NULL), STATUS_SUCCESS);
    ZwClose(thread);
    tk_sleep_us((LONG)confirm_us);
    tk_disconnect(&confirm, &pair.there, TDI_DISCONNECT_RELEASE, NULL, -600000000LL);
    ck_assert(tk_event_wait(&rival_done, TK_WAIT_MS));
    tk_settle();
    NTSTATUS status = tk_wait(&release), other = tk_wait(&confirm);
    check(status);
    ck_assert_msg(other == STATUS_SUCCESS || other == TDI_CONNECTION_RESET || other == TDI_CONNECTION_ABORTED ||
                      other == TDI_INVALID_CONNECTION,
                  "confirm: %08x", (unsigned)other);
    if (status != TDI_CONNECTION_ABORTED && status != TDI_CONNECTION_RESET && rival != RIVAL_RST && rival != RIVAL_ABORT)
        ck_assert_int_eq(other, STATUS_SUCCESS);
    NTSTATUS sent = tk_wait(&send_here);
    ck_assert(sent == STATUS_SUCCESS || sent == TDI_CONNECTION_RESET || sent == TDI_CONNECTION_ABORTED);
    sent = tk_wait(&send_there);
    ck_assert(sent == STATUS_SUCCESS || sent == TDI_CONNECTION_RESET || sent == TDI_CONNECTION_ABORTED);
    if (status == STATUS_SUCCESS && other == STATUS_SUCCESS) {
        ck_assert_uint_eq(pair.there.stream_bytes, out);
        ck_assert_uint_eq(pair.here.stream_bytes, in);
    }
    make_idle(&pair.here);
    make_idle(&pair.there);
    tk_settle();
    tk_pair_connect(&pair);
    tk_pair_close(&pair);
}

static void
races(enum rival against)
{
    rival = against;
    spread_us = 1500;
    tn_run("release", race, TN_TWO4, 0, RACES);
    tn_run("release", race, TN_TWO6, 1000, RACES / 4);
    spread_us = 20;
    tn_run("release", race, TN_LOOP4, 2000, RACES);
    fprintf(stderr, "  RELEASE: SUCCESS %llu, otherwise %llu\n", (unsigned long long)won[rival].released,
            (unsigned long long)won[rival].lost);
    ck_assert_uint_gt(won[rival].released, 0);
    if (against != RIVAL_FIN)
        ck_assert_uint_gt(won[rival].lost, 0);
}

TEST_TIMEOUT(300, a_pending_RELEASE_against_a_reset_of_the_peer) { races(RIVAL_RST); }
TEST_TIMEOUT(300, a_pending_RELEASE_against_the_peers_FIN) { races(RIVAL_FIN); }
TEST_TIMEOUT(300, a_pending_RELEASE_against_an_ABORT) { races(RIVAL_ABORT); }
TEST_TIMEOUT(300, a_pending_RELEASE_against_its_cancel) { races(RIVAL_CANCEL); }
TEST_TIMEOUT(300, a_pending_RELEASE_against_its_time_out) { races(RIVAL_TIMEOUT); }
