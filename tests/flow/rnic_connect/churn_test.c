// SPDX-License-Identifier: MIT
// Connections made and torn down in every way, at every stage, by either side, over wires that lose and reorder, and with allocations that
// fail: each request ends, with a status that its page has; everything can be closed; the adapters connect afterwards, and leave nothing.
// RC_CHURN=10000 in the environment makes so many connections a run.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <nbx/fault.h>

#include "base/prng.h"
#include "kit.h"

enum stage { ASKED, TOLD, ACCEPTED, REPLIED, COMPLETED, OPEN, STAGES };
enum deed { CLOSE, REJECT, DISCONNECT, FLUSH, CUT, BOTH_DISCONNECT, DEEDS };

static struct {
    ULONG ends[16];
    ULONG events, opened;
} seen;

// What a request of this kind may end with; counted, so that a sweep which saw none proves nothing.
static void
end_is_known(NTSTATUS status)
{
    static const NTSTATUS known[] = {STATUS_SUCCESS, STATUS_CONNECTION_REFUSED, STATUS_CONNECTION_ABORTED, STATUS_CONNECTION_INVALID,
                                     STATUS_IO_TIMEOUT, STATUS_CANCELLED, STATUS_INSUFFICIENT_RESOURCES};
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if (status == known[i]) {
            seen.ends[i]++;
            return;
        }
    ck_abort_msg("seed %llu: %08x", (unsigned long long)rc_net.seed, (unsigned)status);
}

static void
side_ends(struct rc_side *side)
{
    if (side->returned == STATUS_PENDING)
        end_is_known(rc_finish(side));
    side->returned = STATUS_SUCCESS;
}

static void
side_closes(struct rc_side *side)
{
    rc_side_close(side);
    if (side->returned == STATUS_PENDING)
        ck_assert_uint_eq(side->wait.calls, 1);             // all requests end before the close
    side_ends(side);
}

static void
deed_do(enum deed deed, struct rc_side *side)
{
    struct rc_side other = *side;             // a request of its own
    switch (deed) {
    case CLOSE: side_closes(side); break;
    case REJECT: end_is_known(rc_reject(side, "no", 2)); break;
    case DISCONNECT:
    case BOTH_DISCONNECT:
        rc_disconnect(&other);
        if (other.returned == STATUS_PENDING)
            end_is_known(rc_end_of(side->box, other.returned, &other.wait));
        break;
    case FLUSH: RC_CALL(side->box, side->qp->Dispatch->NdkFlush(side->qp)); break;
    case CUT:
        rc_cable(1, false);
        rc_sleep_ms(300);
        rc_cable(1, true);
        break;
    default: break;
    }
}

// As far as this stage, if nothing fails before. FALSE: it failed.
static bool
go_to(enum stage stage, struct rc_listener *listener, struct rc_side *active, struct rc_side *passive)
{
    rc_side_open(active, 0);
    rc_connect(active, listener, &rc_plain);
    if (stage == ASKED)
        return true;
    if (!rc_incoming(listener, passive, 30000))
        return false;
    if (stage == TOLD)
        return true;
    rc_accept(passive, &rc_plain);
    if (stage == ACCEPTED)
        return true;
    NTSTATUS status = rc_finish(active);
    end_is_known(status);
    active->returned = STATUS_SUCCESS;
    if (status != STATUS_SUCCESS || stage == REPLIED)
        return status == STATUS_SUCCESS;
    rc_complete(active);
    if (stage == COMPLETED)
        return true;
    status = rc_finish(active);
    end_is_known(status);
    active->returned = STATUS_SUCCESS;
    side_ends(passive);
    seen.opened += status == STATUS_SUCCESS;
    return status == STATUS_SUCCESS;
}

static void
one_life(struct rc_listener *listener, struct prng *dice)
{
    struct rc_side active = {0}, passive = {0};
    enum stage stage = (enum stage)prng_below(dice, STAGES);
    enum deed deed = (enum deed)prng_below(dice, DEEDS);
    bool by_passive = prng_below(dice, 2);
    if (go_to(stage, listener, &active, &passive)) {
        if (prng_below(dice, 2))
            rc_sleep_ms((ULONG)prng_below(dice, 50));
        deed_do(deed, by_passive && passive.connector ? &passive : &active);
        if (deed == BOTH_DISCONNECT && passive.connector && active.connector)
            deed_do(DISCONNECT, by_passive ? &active : &passive);
        if (prng_below(dice, 2))
            rc_sleep_ms(2000);                // what it did to the other side
    }
    if (active.connector || active.qp)
        side_closes(&active);
    struct rc_side late = {0};
    while (rc_incoming(listener, &late, passive.connector ? 0 : 1))         // told before the other side gave up
        rc_side_close(&late);
    if (passive.connector || passive.qp)
        side_closes(&passive);
    seen.events += active.disconnects + passive.disconnects;
    ck_assert_uint_le(active.disconnects, 1);
    ck_assert_uint_le(passive.disconnects, 1);
}

static void
lives(void)
{
    const char *many = getenv("RC_CHURN");
    unsigned count = many ? (unsigned)atoi(many) : 200;
    struct rc_listener listener = {0};
    struct rc_pair pair = {0};
    struct prng dice;
    prng_seed(&dice, rc_net.seed + 1);
    rc_listen(&listener, 1, RC_PORT + 1);
    for (unsigned i = 0; i < count; i++)
        one_life(&listener, &dice);
    rc_listener_close(&listener);
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

static void
sweep(const char *test, const char *wire)
{
    rc_run(test, lives, wire, 3);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_msg(seen.ends[i], "no request ended with status %u: the sweep proves nothing", i);
    ck_assert_uint_gt(seen.opened, 0);
    ck_assert_uint_gt(seen.events, 0);
    if (getenv("RC_CHURN"))
        fprintf(stderr, "%s: opened %u, events %u\n", test, seen.opened, seen.events);
}

TEST_TIMEOUT(600, connections_made_and_torn_down_in_every_way_leave_nothing_behind)
{
    sweep("churn", "delay: 50us");
}

TEST_TIMEOUT(600, connections_made_and_torn_down_in_every_way_over_a_bad_wire_leave_nothing_behind)
{
    sweep("churn on a bad wire", "delay: 200us, loss: 5%, reorder: 5%, duplicate: 5%");
}

// ---- without memory -----------------------------------------------------------------------------------------------------------

// One life with the n-th allocation of the provider in this box refused; FALSE: there were fewer.
static bool
life_without(int box, unsigned number)
{
    const struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .driver = "vnic"};
    struct nbx_fault_report report = {0};
    struct rc_listener listener = {0};
    struct rc_side active = {0}, passive = {0}, spare = {0};
    rc_listen(&listener, 1, RC_PORT + 1);
    rc_side_open(&active, 0);
    rc_side_open(&spare, 1);                  // its QP is for the connector that comes
    RC_CALL(box, ck_assert_int_eq(nbx_fault_arm(&plan), 0));
    rc_connect(&active, &listener, &rc_plain);
    if (active.returned == STATUS_PENDING && rc_incoming_with(&listener, &passive, spare.qp, 40000)) {
        rc_accept(&passive, &rc_plain);
        if (passive.returned != STATUS_PENDING)
            end_is_known(passive.returned);
        NTSTATUS status = rc_finish(&active);
        end_is_known(status);
        active.returned = status;
        if (status == STATUS_SUCCESS)
            rc_complete(&active);
        side_ends(&active);
        side_ends(&passive);
        rc_disconnect(&active);
        rc_disconnect(&passive);
        side_ends(&active);
        side_ends(&passive);
    } else if (active.returned != STATUS_PENDING) {
        end_is_known(active.returned);
    }
    RC_CALL(box, nbx_fault_disarm(&report));
    passive.qp = NULL;
    side_closes(&active);
    if (passive.connector)
        side_closes(&passive);
    rc_side_close(&spare);
    rc_listener_close(&listener);
    return report.refused;
}

static void
lives_without(void)
{
    struct rc_pair pair = {0};
    for (int box = 0; box < 2; box++) {
        unsigned number = 1;
        while (life_without(box, number))
            number++;
        ck_assert_uint_gt(number, 5);
    }
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

TEST_TIMEOUT(300, a_connection_with_each_allocation_refused_in_turn_ends_every_request_and_leaves_nothing_behind)
{
    rc_run("faults", lives_without, "delay: 50us", 1);
    ck_assert_uint_gt(seen.ends[6], 0);
}
