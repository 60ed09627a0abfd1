// SPDX-License-Identifier: MIT
// NdkListen, its statuses inline and later, and NdkConnectEventCallback.
#include <check.h>

#include <nbx/fault.h>

#include "kit.h"

static NDK_LISTENER *
listener_make(int box, NDK_FN_CONNECT_EVENT_CALLBACK on_connect, PVOID context)
{
    NDK_ADAPTER *adapter = rc_end[box].adapter;
    NDK_LISTENER *listener;
    RC_CALL(box, ck_assert_int_eq(adapter->Dispatch->NdkCreateListener(adapter, on_connect, context, NULL, NULL, &listener),
                                  STATUS_SUCCESS));
    return listener;
}

static void
listener_end(int box, NDK_LISTENER *listener)
{
    rc_close_object(box, &listener->Header, (NDK_FN_CLOSE_OBJECT *)&listener->Dispatch->NdkCloseListener);
}

// What NdkListen says of this address; inline, or, where everything pends, later.
static struct rc_wait wait;

static NTSTATUS
listen_returns(struct rc_listener *listener, const SOCKADDR_INET *address, ULONG bytes)
{
    NTSTATUS status;
    rc_wait_init(&wait);
    RC_CALL(listener->box,
            status = listener->listener->Dispatch->NdkListen(listener->listener, (PSOCKADDR)address, bytes, rc_done, &wait));
    return status;
}

static void
listen_is(struct rc_listener *listener, const SOCKADDR_INET *address, ULONG bytes, NTSTATUS expected)
{
    NTSTATUS status = listen_returns(listener, address, bytes);
    ck_assert_int_eq(status, rc_net.pends ? STATUS_PENDING : expected);
    ck_assert_int_eq(rc_end_of(listener->box, status, &wait), expected);
}

static ULONG
size_of(const SOCKADDR_INET *address)
{
    return address->si_family == AF_INET ? sizeof address->Ipv4 : sizeof address->Ipv6;
}

// A listener of the kit's that has failed to listen on a foreign address, and may try again.
static void
idle(struct rc_listener *listener)
{
    rc_host[1].ports_are_held = true;
    ck_assert_int_eq(rc_listen_try(listener, 1, RC_PORT), STATUS_SHARING_VIOLATION);
    rc_host[1].ports_are_held = false;
}

RC_TEST_BOTH(NdkListen_listens_from_its_end_on_inline_or_later_and_once)
{
    struct rc_pair pair = {0};
    SOCKADDR_INET address = rc_address(1, RC_PORT);
    idle(&pair.listener);
    rc_net.at_dispatch = true;
    listen_is(&pair.listener, &address, size_of(&address), STATUS_SUCCESS);
    rc_net.at_dispatch = false;
    pair.listener.address = address;
    ck_assert_int_eq(listen_returns(&pair.listener, &address, size_of(&address)), STATUS_INVALID_DEVICE_STATE);
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

RC_TEST_BOTH(NdkListen_is_INSUFFICIENT_RESOURCES_inline_or_later_without_memory)
{
    SOCKADDR_INET address = rc_address(0, RC_PORT);
    for (uint64_t number = 1; number < 8; number++) {
        const struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .driver = "vnic"};
        struct nbx_fault_report report;
        struct rc_listener listener = {0};
        rc_host[0].ports_are_held = true;
        ck_assert_int_eq(rc_listen_try(&listener, 0, RC_PORT), STATUS_SHARING_VIOLATION);
        rc_host[0].ports_are_held = false;
        ck_assert_int_eq(nbx_fault_arm(&plan), 0);
        NTSTATUS returned = listen_returns(&listener, &address, size_of(&address));
        nbx_fault_disarm(&report);
        NTSTATUS status = rc_end_of(0, returned, &wait);
        if (status != STATUS_SUCCESS) {       // the endpoint, TCP's listener: in vain, and it may be asked again
            ck_assert_int_eq(status, STATUS_INSUFFICIENT_RESOURCES);
            ck_assert_int_eq(returned, rc_net.pends ? STATUS_PENDING : STATUS_INSUFFICIENT_RESOURCES);
            ck_assert_uint_le(number, 2);
            listen_is(&listener, &address, size_of(&address), STATUS_SUCCESS);
        }
        rc_listener_close(&listener);
        if (!report.refused) {
            ck_assert_uint_eq(number, rc_net.pends ? 4 : 3);
            return;
        }
    }
    ck_abort_msg("each of 8 allocations was refused");
}

RC_TEST_BOTH(NdkListen_is_SHARING_VIOLATION_inline_or_later_while_the_address_is_in_use)
{
    struct rc_listener one = {0}, two = {0};
    SOCKADDR_INET address = rc_address(1, RC_PORT + 1);
    rc_listen(&one, 1, RC_PORT + 1);
    idle(&two);
    listen_is(&two, &address, size_of(&address), STATUS_SHARING_VIOLATION);
    rc_listener_close(&one);
    listen_is(&two, &address, size_of(&address), STATUS_SUCCESS);
    rc_listener_close(&two);
}

RC_TEST_BOTH(NdkListen_is_INVALID_ADDRESS_inline_or_later_for_an_address_that_is_not_the_adapters)
{
    struct rc_listener listener = {0};
    SOCKADDR_INET foreign = rc_address(0, RC_PORT), any = {.si_family = foreign.si_family}, own = rc_address(1, RC_PORT);
    idle(&listener);
    listen_is(&listener, &foreign, size_of(&foreign), STATUS_INVALID_ADDRESS);
    listen_is(&listener, &any, size_of(&any), STATUS_INVALID_ADDRESS);
    listen_is(&listener, &own, size_of(&own) - 1, STATUS_INVALID_ADDRESS);
    listen_is(&listener, &own, 1, STATUS_INVALID_ADDRESS);
    listen_is(&listener, NULL, size_of(&own), STATUS_INVALID_ADDRESS);
    own.si_family = 99;
    listen_is(&listener, &own, sizeof own, STATUS_INVALID_ADDRESS);
    rc_listener_close(&listener);
}

// By a host that says so; NdkListen_is_TOO_MANY_ADDRESSES_when_every_ephemeral_port_is_taken is about tcpip, which finds it out.
RC_TEST_BOTH(NdkListen_is_TOO_MANY_ADDRESSES_inline_or_later_when_the_host_has_no_port)
{
    struct rc_listener listener = {0};
    SOCKADDR_INET address = rc_address(1, 0);
    idle(&listener);
    rc_host[1].no_ports = true;
    listen_is(&listener, &address, size_of(&address), STATUS_TOO_MANY_ADDRESSES);
    rc_host[1].no_ports = false;
    listen_is(&listener, &address, size_of(&address), STATUS_SUCCESS);
    rc_listener_close(&listener);
}

// ---- the connect event --------------------------------------------------------------------------------------------------------------

static struct told {
    ULONG calls;
    PVOID context;
    NDK_CONNECTOR *connector;
    KEVENT event;
} told[2];

static VOID
on_told(struct told *at, PVOID context, NDK_CONNECTOR *connector)
{
    ck_assert_uint_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    at->context = context;
    at->connector = connector;
    at->calls++;
    KeSetEvent(&at->event, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
on_first(PVOID context, NDK_CONNECTOR *connector)
{
    on_told(&told[0], context, connector);
}

static NTAPI VOID
on_second(PVOID context, NDK_CONNECTOR *connector)
{
    on_told(&told[1], context, connector);
}

RC_TEST(NdkConnectEventCallback_comes_once_a_request_with_its_listeners_context_and_a_connector_of_its_own)
{
    NDK_LISTENER *listeners[2] = {listener_make(1, on_first, &told[0]), listener_make(1, on_second, NULL)};
    struct rc_listener where[2] = {{.box = 1}, {.box = 1}};
    struct rc_side active[2];
    for (int i = 0; i < 2; i++) {
        told[i] = (struct told){.context = &active};
        KeInitializeEvent(&told[i].event, SynchronizationEvent, FALSE);
        where[i].listener = listeners[i];
        where[i].address = rc_address(1, (USHORT)(RC_PORT + i));
        listen_is(&where[i], &where[i].address, size_of(&where[i].address), STATUS_SUCCESS);
        rc_side_open(&active[i], 0);
        rc_connect(&active[i], &where[i], &rc_plain);
    }
    for (int i = 0; i < 2; i++)
        ck_assert(rc_event(1, &told[i].event, RC_WAIT_S * 1000));
    rc_sleep_ms(2000);
    ck_assert_uint_eq(told[0].calls, 1);
    ck_assert_uint_eq(told[1].calls, 1);
    ck_assert_ptr_eq(told[0].context, &told[0]);
    ck_assert_ptr_null(told[1].context);
    ck_assert_ptr_ne(told[0].connector, told[1].connector);
    for (int i = 0; i < 2; i++) {
        NDK_CONNECTOR *connector = told[i].connector;
        SOCKADDR_INET local;
        ULONG bytes = sizeof local;
        ck_assert_int_eq(connector->Header.ObjectType, NdkObjectTypeConnector);
        RC_CALL(1, ck_assert_int_eq(connector->Dispatch->NdkGetLocalAddress(connector, (PSOCKADDR)&local, &bytes), STATUS_SUCCESS));
        ck_assert_uint_eq(rc_port_of(&local), RC_PORT + i);
        rc_close_object(1, &connector->Header, (NDK_FN_CLOSE_OBJECT *)&connector->Dispatch->NdkCloseConnector);
        ck_assert_int_eq(rc_finish(&active[i]), STATUS_CONNECTION_REFUSED);
        rc_side_close(&active[i]);
        listener_end(1, listeners[i]);
    }
}

RC_TEST(NdkConnectEventCallback_comes_for_each_request_again_and_not_after_the_listeners_close)
{
    struct rc_listener listener = {0};
    struct rc_side active, passive;
    rc_listen(&listener, 1, RC_PORT);
    for (ULONG i = 1; i < 4; i++) {
        rc_side_open(&active, 0);
        rc_connect(&active, &listener, &rc_plain);
        ck_assert(rc_incoming(&listener, &passive, RC_WAIT_S * 1000));
        ck_assert_uint_eq(listener.count, i);
        rc_side_close(&passive);
        rc_side_close(&active);
    }
    rc_listener_close(&listener);
    rc_side_open(&active, 0);
    rc_connect(&active, &listener, &rc_plain);
    rc_sleep_ms(2000);
    ck_assert_uint_eq(listener.count, 3);
    rc_side_close(&active);
}

RC_TEST(NdkControlConnectEvents_refuses_what_is_on_its_way_and_may_be_said_again)
{
    struct rc_pair pair = {0};
    rc_listen(&pair.listener, 1, RC_PORT);
    NDK_LISTENER *listener = pair.listener.listener;
    RC_CALL(1, listener->Dispatch->NdkControlConnectEvents(listener, FALSE));       // as it is
    for (ULONG i = 0; i < 20; i++) {          // at whatever moment of the handshake
        ULONG before = pair.listener.count;
        rc_side_open(&pair.active, 0);
        rc_connect(&pair.active, &pair.listener, &rc_plain);
        LARGE_INTEGER little = {.QuadPart = -(LONGLONG)(i * 200)};
        KeDelayExecutionThread(KernelMode, FALSE, &little);
        rc_net.at_dispatch = true;
        RC_CALL(1, listener->Dispatch->NdkControlConnectEvents(listener, TRUE));
        RC_CALL(1, listener->Dispatch->NdkControlConnectEvents(listener, TRUE));
        rc_net.at_dispatch = false;
        if (pair.listener.count != before)    // told before: it goes on
            ck_assert(rc_incoming(&pair.listener, &pair.passive, 1));
        else
            ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
        rc_side_close(&pair.passive);
        rc_side_close(&pair.active);
        before = pair.listener.count;
        rc_side_open(&pair.active, 0);
        rc_connect(&pair.active, &pair.listener, &rc_plain);
        ck_assert_int_eq(rc_finish(&pair.active), STATUS_CONNECTION_REFUSED);
        ck_assert_uint_eq(pair.listener.count, before);
        rc_side_close(&pair.active);
        RC_CALL(1, listener->Dispatch->NdkControlConnectEvents(listener, FALSE));
    }
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}
