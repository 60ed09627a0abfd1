// SPDX-License-Identifier: MIT
// The statuses of NdkConnect and NdkConnectWithSharedEndpoint, each inline and later, and connections of an adapter to itself. What the
// test's own host says of ways is said by tcpip in tcpip_test.c.
#include <check.h>
#include <string.h>

#include <nbx/fault.h>

#include "kit.h"

static void
ask(struct rc_side *side, const struct rc_listener *listener)
{
    SOCKADDR_INET from = rc_address(side->box, 0), to = rc_address(1, RC_PORT);
    rc_connect_to(side, &from, listener ? &listener->address : &to, &rc_plain);
}

// Inline, or, where everything pends, later; and the connector with its QP may be asked again.
static void
says(struct rc_side *side, const struct rc_listener *listener, NTSTATUS status)
{
    ask(side, listener);
    ck_assert_int_eq(side->returned, rc_net.pends ? STATUS_PENDING : status);
    ck_assert_int_eq(rc_finish(side), status);
}

// What came of the failures before: nothing, with the same connector and QP.
static void
connects(struct rc_side *active, struct rc_listener *listener)
{
    struct rc_side passive;
    rc_connect(active, listener, &rc_plain);
    ck_assert_int_eq(active->returned, STATUS_PENDING);
    ck_assert(rc_incoming(listener, &passive, RC_WAIT_S * 1000));
    rc_accept(&passive, &rc_plain);
    ck_assert_int_eq(rc_finish(active), STATUS_SUCCESS);
    rc_complete(active);
    ck_assert_int_eq(rc_finish(active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&passive), STATUS_SUCCESS);
    rc_disconnect(active);
    rc_disconnect(&passive);
    ck_assert_int_eq(rc_finish(active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&passive), STATUS_SUCCESS);
    rc_side_close(&passive);
}

static void
connects_at_dispatch(void)
{
    struct rc_listener listener = {0};
    struct rc_side side;
    rc_listen(&listener, 1, RC_PORT);
    rc_net.at_dispatch = true;
    rc_side_open(&side, 0);
    connects(&side, &listener);
    rc_net.at_dispatch = false;
    rc_side_close(&side);
    rc_listener_close(&listener);
}

RC_TEST_AS(connects_at_dispatch, NdkConnect_may_be_called_at_DISPATCH_LEVEL)
RC_TEST_SHARED(connects_at_dispatch, NdkConnectWithSharedEndpoint_may_be_called_at_DISPATCH_LEVEL)

// ---- memory -------------------------------------------------------------------------------------------------------------------------

// Each allocation of the call in its turn is refused: inline; what the engines take is given back, and it may be asked again.
static void
no_memory_inline(void)
{
    struct rc_listener listener = {0};
    rc_listen(&listener, 1, RC_PORT);
    for (uint64_t number = 1; number < 32; number++) {
        const struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .driver = "vnic"};
        struct nbx_fault_report report;
        struct rc_side side;
        rc_side_open(&side, 0);
        SOCKADDR_INET from = rc_address(0, 0);
        NTSTATUS status = STATUS_SUCCESS;
        if (rc_net.is_shared)                 // its own allocations are NdkCreateSharedEndpoint's
            side.shared = rc_shared_open(0, &from, &status);
        ck_assert_int_eq(status, STATUS_SUCCESS);
        ck_assert_int_eq(nbx_fault_arm(&plan), 0);
        ask(&side, &listener);
        nbx_fault_disarm(&report);
        if (!report.refused) {
            ck_assert_uint_gt(number, 2);     // connections share memory with those that are not over yet
            ck_assert_int_eq(side.returned, STATUS_PENDING);
            rc_side_close(&side);
            while (rc_incoming(&listener, &side, 1000))     // a request that came through
                rc_side_close(&side);
            rc_listener_close(&listener);
            return;
        }
        if (side.returned != STATUS_PENDING) {
            ck_assert_int_eq(side.returned, STATUS_INSUFFICIENT_RESOURCES);
            connects(&side, &listener);
        }
        rc_side_close(&side);
        while (rc_incoming(&listener, &side, 1000))
            rc_side_close(&side);
    }
    ck_abort_msg("each of 32 allocations was refused");
}

// The way is found only later, and then there is no memory for TCP's connection.
static void
no_memory_later(void)
{
    const struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .driver = "vnic"};
    struct nbx_fault_report report;
    struct rc_side side;
    rc_host[0].way_pends = true;
    rc_side_open(&side, 0);
    ask(&side, NULL);
    ck_assert_int_eq(side.returned, STATUS_PENDING);
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    NTSTATUS status = rc_finish(&side);
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
    ck_assert_int_eq(status, STATUS_INSUFFICIENT_RESOURCES);
    rc_side_is_dead(&side);
    rc_side_close(&side);
}

RC_TEST_AS(no_memory_inline, NdkConnect_is_INSUFFICIENT_RESOURCES_inline_without_memory_and_may_be_called_again)
RC_TEST_AS(no_memory_later, NdkConnect_is_INSUFFICIENT_RESOURCES_later_without_memory_for_the_connection)
RC_TEST_SHARED(no_memory_inline, NdkConnectWithSharedEndpoint_is_INSUFFICIENT_RESOURCES_inline_without_memory_and_may_be_called_again)
RC_TEST_SHARED(no_memory_later, NdkConnectWithSharedEndpoint_is_INSUFFICIENT_RESOURCES_later_without_memory_for_the_connection)

// ---- ways -----------------------------------------------------------------------------------------------------------------------------

static void
no_way(void)
{
    static const NTSTATUS statuses[] = {STATUS_NETWORK_UNREACHABLE, STATUS_HOST_UNREACHABLE};
    struct rc_listener listener = {0};
    rc_listen(&listener, 1, RC_PORT);
    for (unsigned i = 0; i < 2; i++) {
        struct rc_side side;
        rc_host[0].way_status = statuses[i];
        rc_host[0].way_pends = false;
        rc_side_open(&side, 0);
        says(&side, NULL, statuses[i]);
        rc_host[0].way_status = STATUS_SUCCESS;
        connects(&side, &listener);
        rc_side_close(&side);
        rc_host[0].way_status = statuses[i];
        rc_host[0].way_pends = true;
        rc_side_open(&side, 0);
        ask(&side, NULL);
        ck_assert_int_eq(side.returned, STATUS_PENDING);
        ck_assert_int_eq(rc_finish(&side), statuses[i]);
        rc_side_is_dead(&side);
        rc_side_close(&side);
    }
    rc_listener_close(&listener);
}

RC_TEST_AS(no_way, NdkConnect_is_NETWORK_UNREACHABLE_or_HOST_UNREACHABLE_inline_or_later_as_the_host_says)
RC_TEST_SHARED(no_way, NdkConnectWithSharedEndpoint_is_NETWORK_UNREACHABLE_or_HOST_UNREACHABLE_inline_or_later_as_the_host_says)

// ---- refused --------------------------------------------------------------------------------------------------------------------------

static void
refused_later(void)
{
    struct rc_pair pair = {0};
    rc_pair_request(&pair);
    rc_side_close(&pair.passive);             // a reset
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    rc_side_is_dead(&pair.active);
    rc_side_close(&pair.active);
    rc_pair_request(&pair);
    ck_assert_int_eq(rc_reject(&pair.passive, "no", 2), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    rc_side_close(&pair.active);
    rc_side_close(&pair.passive);
    NDK_LISTENER *listener = pair.listener.listener;
    RC_CALL(1, listener->Dispatch->NdkControlConnectEvents(listener, TRUE));        // as if nobody listened
    rc_side_open(&pair.active, 0);
    ask(&pair.active, &pair.listener);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    rc_pair_close(&pair);
}

// To the adapter itself it is known at once that nobody would answer: no listener, one that is paused or being closed, or a backlog that is
// full. It may be tried again.
static void
refused_inline(void)
{
    static struct rc_side waiting[129], passive[128];
    struct rc_listener listener = {.box = 0, .address = rc_address(0, RC_PORT)};
    struct rc_side side;
    rc_side_open(&side, 0);
    says(&side, &listener, STATUS_CONNECTION_REFUSED);
    rc_listen(&listener, 0, RC_PORT);
    RC_CALL(0, listener.listener->Dispatch->NdkControlConnectEvents(listener.listener, TRUE));
    says(&side, &listener, STATUS_CONNECTION_REFUSED);
    RC_CALL(0, listener.listener->Dispatch->NdkControlConnectEvents(listener.listener, FALSE));
    for (ULONG i = 0; i < 128; i++) {
        rc_side_open(&waiting[i], 0);
        ask(&waiting[i], &listener);
        ck_assert(rc_incoming(&listener, &passive[i], RC_WAIT_S * 1000));
    }
    says(&side, &listener, STATUS_CONNECTION_REFUSED);
    for (ULONG i = 0; i < 128; i++) {
        rc_side_close(&waiting[i]);
        rc_side_close(&passive[i]);
    }
    connects(&side, &listener);
    rc_side_close(&side);
    rc_listener_close(&listener);
    rc_side_open(&side, 0);
    says(&side, &listener, STATUS_CONNECTION_REFUSED);
    rc_side_close(&side);
}

RC_TEST_AS(refused_later, NdkConnect_is_CONNECTION_REFUSED_later_by_a_reset_a_reject_and_where_nobody_listens)
RC_TEST_AS(refused_inline, NdkConnect_is_CONNECTION_REFUSED_inline_where_nobody_would_answer_on_the_adapter_itself)
RC_TEST_SHARED(refused_later, NdkConnectWithSharedEndpoint_is_CONNECTION_REFUSED_later_by_a_reset_a_reject_and_where_nobody_listens)
RC_TEST_SHARED(refused_inline, NdkConnectWithSharedEndpoint_is_CONNECTION_REFUSED_inline_where_nobody_would_answer_on_the_adapter_itself)

// ---- time-outs ------------------------------------------------------------------------------------------------------------------------

static void
timed_out_later(void)
{
    struct rc_pair pair = {0};
    rc_listen(&pair.listener, 1, RC_PORT);
    rc_cable(1, false);
    rc_side_open(&pair.active, 0);
    ask(&pair.active, &pair.listener);
    ck_assert_int_eq(pair.active.returned, STATUS_PENDING);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_IO_TIMEOUT);
    rc_side_is_dead(&pair.active);
    rc_cable(1, true);
    rc_side_close(&pair.active);
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

// The adapter was pulled out: what is asked then ends as what was asked before does.
static struct rc_side last;

static void
last_asks(int box)
{
    ask(&last, NULL);
    ck_assert_int_eq(last.returned, rc_net.pends ? STATUS_PENDING : STATUS_IO_TIMEOUT);
    ck_assert_int_eq(rc_finish(&last), STATUS_IO_TIMEOUT);
    rc_side_close(&last);
}

static void
timed_out_inline(void)
{
    SOCKADDR_INET from = rc_address(0, 0);
    NTSTATUS status;
    rc_on_removal = last_asks;
    rc_side_open(&last, 0);
    if (rc_net.is_shared)
        last.shared = rc_shared_open(0, &from, &status);
    rc_surprise(0);
    ck_assert_ptr_null(last.connector);
}

RC_TEST_AS(timed_out_later, NdkConnect_is_IO_TIMEOUT_later_when_nobody_answers)
RC_TEST_AS(timed_out_inline, NdkConnect_is_IO_TIMEOUT_inline_when_the_adapter_has_been_pulled_out)
RC_TEST_SHARED(timed_out_later, NdkConnectWithSharedEndpoint_is_IO_TIMEOUT_later_when_nobody_answers)
RC_TEST_SHARED(timed_out_inline, NdkConnectWithSharedEndpoint_is_IO_TIMEOUT_inline_when_the_adapter_has_been_pulled_out)

// ---- local addresses ------------------------------------------------------------------------------------------------------------------

static void
from_says(struct rc_side *side, const SOCKADDR_INET *from, NTSTATUS status)
{
    SOCKADDR_INET to = rc_address(1, RC_PORT);
    rc_connect_to(side, from, &to, &rc_plain);
    ck_assert_int_eq(side->returned, rc_net.pends ? STATUS_PENDING : status);
    ck_assert_int_eq(rc_finish(side), status);
}

RC_TEST_BOTH(NdkConnect_is_INVALID_ADDRESS_inline_or_later_for_an_address_that_is_not_the_adapters)
{
    SOCKADDR_INET foreign = rc_address(1, 0), any = {.si_family = foreign.si_family};
    struct rc_listener listener = {0};
    struct rc_side side;
    rc_side_open(&side, 0);
    from_says(&side, &foreign, STATUS_INVALID_ADDRESS);
    from_says(&side, &any, STATUS_INVALID_ADDRESS);
    rc_listen(&listener, 1, RC_PORT);
    connects(&side, &listener);
    rc_side_close(&side);
    rc_listener_close(&listener);
}

RC_TEST_BOTH(NdkConnect_is_SHARING_VIOLATION_inline_or_later_while_the_local_address_is_in_use)
{
    struct rc_listener mine = {0}, listener = {0};
    SOCKADDR_INET from = rc_address(0, 7000);
    struct rc_side side, other;
    rc_listen(&listener, 1, RC_PORT);
    rc_listen(&mine, 0, 7000);
    rc_side_open(&side, 0);
    from_says(&side, &from, STATUS_SHARING_VIOLATION);
    rc_listener_close(&mine);
    rc_side_open(&other, 0);
    rc_connect_to(&other, &from, &listener.address, &rc_plain);
    ck_assert_int_eq(other.returned, STATUS_PENDING);
    from_says(&side, &from, STATUS_SHARING_VIOLATION);      // of another connector's
    struct rc_side passive;
    ck_assert(rc_incoming(&listener, &passive, RC_WAIT_S * 1000));
    rc_side_close(&other);
    rc_side_close(&passive);
    connects(&side, &listener);
    rc_side_close(&side);
    rc_listener_close(&listener);
}

RC_TEST_BOTH(NdkConnect_is_TOO_MANY_ADDRESSES_inline_or_later_when_the_host_has_no_port)
{
    struct rc_listener listener = {0};
    SOCKADDR_INET from = rc_address(0, 0);
    struct rc_side side;
    rc_listen(&listener, 1, RC_PORT);
    rc_side_open(&side, 0);
    rc_host[0].no_ports = true;
    from_says(&side, &from, STATUS_TOO_MANY_ADDRESSES);
    rc_host[0].no_ports = false;
    connects(&side, &listener);
    rc_side_close(&side);
    rc_listener_close(&listener);
}

// A rejection that cannot be delivered: its connection is nobody's any more, and not over. The port is to be had again, but not for
// these two ends.
RC_TEST_BOTH(NdkConnect_is_ADDRESS_ALREADY_EXISTS_inline_or_later_while_a_connection_of_these_two_ends_is_not_over)
{
    struct rc_pair pair = {0};
    struct rc_side again;
    SOCKADDR_INET from = rc_address(0, 6001), back = rc_address(1, RC_PORT);
    rc_listen(&pair.listener, 1, RC_PORT);
    rc_side_open(&pair.active, 0);
    rc_connect_to(&pair.active, &from, &pair.listener.address, &rc_plain);
    ck_assert(rc_incoming(&pair.listener, &pair.passive, RC_WAIT_S * 1000));
    rc_cable(0, false);
    ck_assert_int_eq(rc_reject(&pair.passive, NULL, 0), STATUS_SUCCESS);
    rc_side_close(&pair.passive);
    rc_listener_close(&pair.listener);
    rc_side_open(&again, 1);
    rc_connect_to(&again, &back, &from, &rc_plain);
    ck_assert_int_eq(again.returned, rc_net.pends ? STATUS_PENDING : STATUS_ADDRESS_ALREADY_EXISTS);
    ck_assert_int_eq(rc_finish(&again), STATUS_ADDRESS_ALREADY_EXISTS);
    rc_cable(0, true);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    rc_side_close(&pair.active);
    rc_sleep_ms(100000);                      // it is over
    struct rc_listener here = {0};
    rc_listen(&here, 0, 6001);
    rc_connect_to(&again, &back, &from, &rc_plain);
    ck_assert_int_eq(again.returned, STATUS_PENDING);
    ck_assert(rc_incoming(&here, &pair.passive, RC_WAIT_S * 1000));
    rc_side_close(&again);
    rc_side_close(&pair.passive);
    rc_listener_close(&here);
}

// ---- to the adapter itself --------------------------------------------------------------------------------------------------------------

RC_TEST_BOTH(NdkConnect_to_the_adapter_itself_is_a_connection_like_any_other)
{
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    struct rc_pair pair = {0};
    ck_assert_int_eq(rc_end[0].adapter->Dispatch->NdkQueryAdapterInfo(rc_end[0].adapter, &info, &bytes), STATUS_SUCCESS);
    ck_assert_uint_ne(info.AdapterFlags & NDK_ADAPTER_FLAG_LOOPBACK_CONNECTIONS_SUPPORTED, 0);
    rc_cable(0, false);                       // no link takes part in it
    rc_listen(&pair.listener, 0, RC_PORT);
    for (int i = 0; i < 3; i++) {
        rc_pair_open(&pair);
        if (i == 0)
            rc_pair_disconnect(&pair);
        rc_side_close(i == 1 ? &pair.active : &pair.passive);
        if (i)
            ck_assert(rc_event(0, i == 1 ? &pair.passive.disconnected : &pair.active.disconnected, RC_WAIT_S * 1000));
        rc_side_close(i == 1 ? &pair.passive : &pair.active);
    }
    rc_pair_request(&pair);
    ck_assert_int_eq(rc_reject(&pair.passive, "no", 2), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
    rc_side_close(&pair.active);
    rc_side_close(&pair.passive);
    rc_pair_reply(&pair);
    ck_assert_int_eq(rc_finish(&pair.passive), STATUS_IO_TIMEOUT);
    rc_pair_close(&pair);
    rc_cable(0, true);
}
