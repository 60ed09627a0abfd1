// SPDX-License-Identifier: MIT
// Connections of RDMA made and torn down by several consumers at once, and the cases of Network Direct's tests beside them, on OS threads:
// what tsan and asan see of it. NBX_SEEDS=FIRST..LAST runs the cases in as many orders.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../sim/rnic/cases.h"

#define CONSUMERS 3
#define LIVES 12

static struct consumer {
    KEVENT done;
    int box;                                  // of its listener: the first box's adapter talks to itself then
    USHORT port;
} consumers[CONSUMERS];

// One life of each kind: in order, reset by either side when open, given up by either side on the way.
static void
life(struct rc_listener *listener, int kind)
{
    struct rc_side active = {0}, passive = {0};
    if (kind < 4) {
        rc_sides_open(listener, &active, &passive);
        if (kind == 0 || kind == 3) {
            rc_disconnect(&active);
            rc_disconnect(&passive);
            ck_assert_int_eq(rc_finish(&active), STATUS_SUCCESS);
            ck_assert_int_eq(rc_finish(&passive), STATUS_SUCCESS);
        }
        rc_side_close(kind == 1 ? &passive : &active);
        rc_side_close(kind == 1 ? &active : &passive);
        return;
    }
    rc_side_open(&active, 0);
    rc_connect(&active, listener, &rc_plain);
    ck_assert(rc_incoming(listener, &passive, RC_WAIT_S * 1000));
    if (kind == 4) {
        ck_assert_int_eq(rc_reject(&passive, NULL, 0), STATUS_SUCCESS);
        ck_assert_int_eq(rc_finish(&active), STATUS_CONNECTION_REFUSED);
    } else {
        rc_accept(&passive, &rc_plain);
        ck_assert_int_eq(rc_finish(&active), STATUS_SUCCESS);
        ck_assert_int_eq(rc_reject(&active, NULL, 0), STATUS_SUCCESS);
        ck_assert_int_eq(rc_finish(&passive), STATUS_CONNECTION_ABORTED);
    }
    rc_side_close(&active);
    rc_side_close(&passive);
}

static NTAPI VOID
consumer_run(PVOID context)
{
    struct consumer *consumer = context;
    struct rc_listener listener = {0};
    rc_listen(&listener, consumer->box, consumer->port);
    for (int i = 0; i < LIVES; i++)
        life(&listener, i % 6);
    rc_listener_close(&listener);
    KeSetEvent(&consumer->done, IO_NO_INCREMENT, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
consumers_start(void)
{
    for (int i = 0; i < CONSUMERS; i++) {
        HANDLE thread;
        KeInitializeEvent(&consumers[i].done, NotificationEvent, FALSE);
        consumers[i].box = i != 1;
        consumers[i].port = (USHORT)(RC_PORT + i);
        ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, consumer_run, &consumers[i]), STATUS_SUCCESS);
        ZwClose(thread);
    }
}

static void
consumers_wait(void)
{
    for (int i = 0; i < CONSUMERS; i++)
        ck_assert(rc_event(0, &consumers[i].done, RC_WAIT_S * 1000));
}

static void
all_at_once(void)
{
    consumers_start();
    consumers_wait();
}

TEST_TIMEOUT(300, several_consumers_connect_and_give_up_at_once)
{
    rc_run("threads", all_at_once, "delay: 50us", 1);
}

// ---- the 29 cases -------------------------------------------------------------------------------------------------------------------

static unsigned cases_run;

// In an order of the seed's.
static void
cases_beside_others(void)
{
    unsigned order[64];
    consumers_start();
    for (unsigned i = 0; i < nd2_case_count; i++) {
        unsigned j = (unsigned)prng_below(&nd2.dice, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (unsigned i = 0; i < nd2_case_count; i++) {
        const struct nd2_case *c = &nd2_cases[order[i]];
        nd2.server = (int)prng_below(&nd2.dice, 2);
        ck_assert_msg(nd2_run(c), "%s, seed %llu", c->name, (unsigned long long)rc_net.seed);
        cases_run++;
    }
    consumers_wait();
}

TEST_TIMEOUT(7200, nd2_all_cases_on_threads_beside_other_consumers)
{
    const char *asked = getenv("NBX_SEEDS");
    unsigned long long first = 1, last = 4;
    if (asked)
        ck_assert_int_eq(sscanf(asked, "%llu..%llu", &first, &last), 2);
    for (unsigned long long seed = first; seed <= last; seed++) {
        prng_seed(&nd2.dice, seed);
        rc_net.is_tcpip = seed % 2;
        rc_run_seed("nd2", cases_beside_others, seed % 4 < 2 ? "delay: 50us" : "delay: 50us, reorder: 10%, duplicate: 5%", seed,
                    seed / 2 % 2);
    }
    ck_assert_uint_eq(cases_run, nd2_case_count * (last - first + 1));
}
