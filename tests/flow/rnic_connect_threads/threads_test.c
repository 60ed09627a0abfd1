// SPDX-License-Identifier: MIT
// Connections of RDMA made and torn down by several consumers at once, on OS threads: what tsan and asan see of it.
#include <check.h>

#include "../rnic_connect/kit.h"

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
all_at_once(void)
{
    for (int i = 0; i < CONSUMERS; i++) {
        HANDLE thread;
        KeInitializeEvent(&consumers[i].done, NotificationEvent, FALSE);
        consumers[i].box = i != 1;
        consumers[i].port = (USHORT)(RC_PORT + i);
        ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, consumer_run, &consumers[i]), STATUS_SUCCESS);
        ZwClose(thread);
    }
    for (int i = 0; i < CONSUMERS; i++)
        ck_assert(rc_event(0, &consumers[i].done, RC_WAIT_S * 1000));
}

TEST_TIMEOUT(300, several_consumers_connect_and_give_up_at_once)
{
    rc_run("threads", all_at_once, "delay: 50us", 1);
}
