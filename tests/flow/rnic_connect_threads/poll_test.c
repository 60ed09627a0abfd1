// SPDX-License-Identifier: MIT
// Consumers that spin on a completion queue receive by themselves, and are told as ever once they stop; frames of the host's come through
// all the while.
#include <check.h>

#include "../rnic_connect/kit.h"

#define MESSAGES 200

static struct rc_pair pair;

static ULONG
look(int box)
{
    NDK_RESULT result;
    NDK_CQ *cq = rc_end[box].cq;
    ULONG count;
    RC_CALL(box, count = cq->Dispatch->NdkGetCqResults(cq, &result, 1));
    if (count)
        ck_assert_int_eq(result.Status, STATUS_SUCCESS);
    return count;
}

static void
spin(int box)
{
    ULONG64 until = KeQueryInterruptTime() + RC_WAIT_S * 10000000ull;
    while (!look(box))
        ck_assert_uint_lt(KeQueryInterruptTime(), until);
}

// Without looking in between.
static void
wait_for_it(int box)
{
    for (unsigned i = 0; !look(box); i++) {
        ck_assert_uint_lt(i, 60);             // by then it would count as one that polls
        rc_sleep_ms(i < 5 ? 20 : 1000);
    }
}

// A message of no bytes.
static void
message(struct rc_side *from, struct rc_side *to)
{
    NTSTATUS status;
    RC_CALL(to->box, status = to->qp->Dispatch->NdkReceive(to->qp, NULL, NULL, 0));
    ck_assert_int_eq(status, STATUS_SUCCESS);
    RC_CALL(from->box, status = from->qp->Dispatch->NdkSend(from->qp, NULL, NULL, 0, 0));
    ck_assert_int_eq(status, STATUS_SUCCESS);
}

static void
arm(int box)
{
    NDK_CQ *cq = rc_end[box].cq;
    RC_CALL(box, cq->Dispatch->NdkArmCq(cq, NDK_CQ_NOTIFY_ANY));
}

static void
spin_and_stop(void)
{
    rc_pair_open(&pair);
    for (unsigned i = 0; i < MESSAGES; i++) {
        bool is_back = i % 2;
        message(is_back ? &pair.passive : &pair.active, is_back ? &pair.active : &pair.passive);
        spin(is_back ? 0 : 1);
        spin(is_back ? 1 : 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        if (i % 2) {                          // polling once more, and then not
            message(&pair.passive, &pair.active);
            spin(0);
            spin(1);
        }
        arm(0);
        arm(1);
        message(&pair.active, &pair.passive);
        wait_for_it(1);
        wait_for_it(0);
    }
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

TEST_TIMEOUT(300, consumers_that_spin_receive_and_are_told_again_when_they_stop)
{
    rc_run("spin", spin_and_stop, "", 1);
}

TEST_TIMEOUT(300, consumers_that_spin_share_the_receiver_with_the_host)
{
    rc_net.is_tcpip = true;
    rc_run("spin-tcpip", spin_and_stop, "", 1);
}
