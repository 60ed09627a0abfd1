// SPDX-License-Identifier: MIT
// What an RNIC's connection manager asks of tcpip (include/nbx/rnic.h): the test is the RNIC of the first box's adapter.
#include "kit.h"

#include <nbx/rnic.h>
#include <stdio.h>
#include <string.h>

#include "nbx/fault.h"
#include "nbx/file.h"
#include "nbx/world.h"
#include "ndis/ndis_int.h"

static struct nbx_rnic_link rnic;
static struct tk_address a;
static LONG changes;

struct asked {
    struct nbx_rnic_resolve request;
    NTSTATUS status;
    LONG calls;
    KEVENT done;
};

static VOID NTAPI
on_change(PVOID context)
{
    ck_assert_ptr_eq(context, &rnic);
    InterlockedIncrement(&changes);
}

static VOID NTAPI
on_resolved(struct nbx_rnic_resolve *request, NTSTATUS status)
{
    struct asked *asked = CONTAINING_RECORD(request, struct asked, request);
    ck_assert_uint_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    asked->status = status;
    InterlockedIncrement(&asked->calls);
    KeSetEvent(&asked->done, 0, FALSE);
}

static ULONG
if_index(int box)
{
    return tn_adapter(box)->ndis->if_index;
}

static void
rnic_open(void)
{
    struct nbx_rnic_open open = {if_index(0), &rnic, on_change};
    changes = 0;
    ck_assert_int_eq(nbx_rnic_open(&open, &rnic), STATUS_SUCCESS);
}

// The host `last` of the link, in the place's family.
static SOCKADDR_INET
host(UCHAR last, USHORT port)
{
    SOCKADDR_INET address = {0};
    if (tn_net.place == TN_TWO4) {
        UCHAR bytes[4] = {10, 0, 0, last};
        address.si_family = AF_INET;
        memcpy(&address.Ipv4.sin_addr, bytes, sizeof bytes);
    } else {
        UCHAR bytes[16] = {0xFD, [15] = last};
        address.si_family = AF_INET6;
        memcpy(&address.Ipv6.sin6_addr, bytes, sizeof bytes);
    }
    address.Ipv4.sin_port = RtlUshortByteSwap(port);
    return address;
}

static SOCKADDR_INET
any(USHORT port)
{
    SOCKADDR_INET address = {.si_family = tn_net.place == TN_TWO4 ? AF_INET : AF_INET6};
    address.Ipv4.sin_port = RtlUshortByteSwap(port);
    return address;
}

static bool
is_same(const SOCKADDR_INET *one, const SOCKADDR_INET *other)
{
    return !memcmp(one, other, one->si_family == AF_INET ? sizeof one->Ipv4 : sizeof one->Ipv6);
}

static NTSTATUS
ask(struct asked *asked, SOCKADDR_INET local, SOCKADDR_INET remote)
{
    memset(asked, 0, sizeof *asked);
    KeInitializeEvent(&asked->done, NotificationEvent, FALSE);
    asked->request.path.local = local;
    asked->request.path.remote = remote;
    asked->request.on_resolved = on_resolved;
    return rnic.ops->resolve(rnic.rnic, &asked->request);
}

static NTSTATUS
answer(struct asked *asked)
{
    ck_assert(tk_event_wait(&asked->done, 60000));
    ck_assert_int_eq(asked->calls, 1);
    return asked->status;
}

// ---- ways ---------------------------------------------------------------------------------------------------------------------------

TN_TEST_TWO(an_rnic_is_told_the_way_to_a_peer_down_to_its_link_address)
{
    struct asked asked;
    struct nbx_rnic_path path;
    SOCKADDR_INET here = host(1, 7);
    rnic_open();
    path = (struct nbx_rnic_path){.local = any(0), .remote = host(2, 0)};
    ck_assert_int_eq(rnic.ops->path_now(rnic.rnic, &path), STATUS_HOST_UNREACHABLE);   // nobody has asked
    ck_assert_int_eq(ask(&asked, any(7), host(2, 9)), STATUS_PENDING);
    ck_assert_int_eq(answer(&asked), STATUS_SUCCESS);
    ck_assert(is_same(&asked.request.path.local, &here));
    ck_assert_mem_eq(asked.request.path.own_link, tn_adapter(0)->ndis->current_mac, 6);
    ck_assert_mem_eq(asked.request.path.next_link, tn_adapter(1)->ndis->current_mac, 6);
    ck_assert_uint_eq(asked.request.path.mtu_bytes, 1500);
    ck_assert_uint_eq(asked.request.path.hop_limit, 64);
    ck_assert(asked.request.path.is_on_link && !asked.request.path.is_local);
    tk_settle();
    ck_assert_int_gt(changes, 0);             // a neighbour is known that was not
    // Known now: at once, and to path_now too.
    ck_assert_int_eq(ask(&asked, host(1, 7), host(2, 9)), STATUS_SUCCESS);
    ck_assert_mem_eq(asked.request.path.next_link, tn_adapter(1)->ndis->current_mac, 6);
    ck_assert_int_eq(rnic.ops->path_now(rnic.rnic, &path), STATUS_SUCCESS);
    ck_assert_mem_eq(path.next_link, tn_adapter(1)->ndis->current_mac, 6);
    rnic.ops->confirm(rnic.rnic, &path);
    ck_assert(!rnic.ops->cancel(rnic.rnic, &asked.request));
    tk_settle();
    ck_assert_int_eq(asked.calls, 0);
    // To ourselves.
    ck_assert_int_eq(ask(&asked, host(1, 0), host(1, 0)), STATUS_SUCCESS);
    ck_assert(asked.request.path.is_local);
    nbx_rnic_close(&rnic);
}

TN_TEST_TWO(an_rnic_is_told_why_there_is_no_way)
{
    struct asked asked;
    SOCKADDR_INET other = host(2, 0), group = host(2, 0), far = host(2, 0);
    rnic_open();
    ck_assert_int_eq(ask(&asked, host(9, 0), host(2, 0)), STATUS_INVALID_ADDRESS);
    ck_assert_int_eq(ask(&asked, any(0), any(0)), STATUS_INVALID_ADDRESS);
    other.si_family = other.si_family == AF_INET ? AF_INET6 : AF_INET;
    ck_assert_int_eq(ask(&asked, host(1, 0), other), STATUS_INVALID_ADDRESS);
    other.si_family = 77;
    ck_assert_int_eq(ask(&asked, any(0), other), STATUS_INVALID_ADDRESS);
    if (tn_net.place == TN_TWO4) {
        ck_assert_int_eq(ask(&asked, any(0), host(255, 0)), STATUS_INVALID_ADDRESS);   // the broadcast
        ((UCHAR *)&group.Ipv4.sin_addr)[0] = 224;
        ((UCHAR *)&far.Ipv4.sin_addr)[0] = 11;
    } else {
        ((UCHAR *)&group.Ipv6.sin6_addr)[0] = 0xFF;
        ((UCHAR *)&far.Ipv6.sin6_addr)[1] = 1;
    }
    ck_assert_int_eq(ask(&asked, any(0), group), STATUS_INVALID_ADDRESS);
    ck_assert_int_eq(ask(&asked, any(0), far), STATUS_NETWORK_UNREACHABLE);
    ck_assert_int_eq(ask(&asked, any(0), host(77, 0)), STATUS_PENDING);    // nobody's
    ck_assert_int_eq(answer(&asked), STATUS_HOST_UNREACHABLE);
    // One that is taken back never comes; one that pends when the RNIC closes is cancelled before that returns.
    ck_assert_int_eq(ask(&asked, any(0), host(77, 0)), STATUS_PENDING);
    ck_assert(rnic.ops->cancel(rnic.rnic, &asked.request));
    ck_assert(!rnic.ops->cancel(rnic.rnic, &asked.request));
    tk_sleep_ms(5000);
    ck_assert_int_eq(asked.calls, 0);
    ck_assert_int_eq(ask(&asked, any(0), host(78, 0)), STATUS_PENDING);
    nbx_rnic_close(&rnic);
    ck_assert_int_eq(asked.calls, 1);
    ck_assert_int_eq(asked.status, STATUS_CANCELLED);
}

TN_TEST_TWO(an_rnic_hears_that_a_peer_has_gone_when_it_doubts_and_that_the_link_has)
{
    struct asked asked;
    SOCKADDR_INET addresses[8];
    ULONG count = 8;
    rnic_open();
    if (ask(&asked, any(0), host(2, 0)) == STATUS_PENDING)
        ck_assert_int_eq(answer(&asked), STATUS_SUCCESS);
    struct nbx_rnic_path path = asked.request.path;
    ck_assert_int_eq(rnic.ops->addresses(rnic.rnic, addresses, &count), STATUS_SUCCESS);
    ck_assert_uint_ge(count, 3);              // one of IPv4, one of IPv6, the link-local one
    ULONG all = count, found = 0;
    SOCKADDR_INET here = host(1, 0);
    for (ULONG i = 0; i < count; i++)
        found += is_same(&addresses[i], &here);
    ck_assert_uint_eq(found, 1);
    count = 1;
    ck_assert_int_eq(rnic.ops->addresses(rnic.rnic, addresses, &count), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(count, all);
    // The peer's end of the cable: it does not answer any more, and is forgotten.
    tn_do(1, TN_PULL);
    LONG before = changes;
    rnic.ops->doubt(rnic.rnic, &path);
    tk_sleep_ms(5000);
    ck_assert_int_gt(changes, before);
    ck_assert_int_ne(rnic.ops->path_now(rnic.rnic, &path), STATUS_SUCCESS);
    tn_do(1, TN_PUSH);
    ck_assert_int_eq(ask(&asked, any(0), host(2, 0)), STATUS_PENDING);
    ck_assert_int_eq(answer(&asked), STATUS_SUCCESS);
    // Our own: no address can be used.
    before = changes;
    tn_do(0, TN_PULL);
    tk_settle();
    ck_assert_int_gt(changes, before);
    count = 8;
    ck_assert_int_eq(rnic.ops->addresses(rnic.rnic, addresses, &count), STATUS_SUCCESS);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(ask(&asked, host(1, 0), host(2, 0)), STATUS_NETWORK_UNREACHABLE);
    tn_do(0, TN_PUSH);
    nbx_rnic_close(&rnic);
}

TN_TEST_TWO(an_rnic_whose_interface_is_unbound_has_no_addresses_and_its_requests_end)
{
    struct asked asked;
    SOCKADDR_INET addresses[8], port = host(1, 5445), other = host(1, 5446);
    ULONG count = 8;
    rnic_open();
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &port), STATUS_SUCCESS);
    ck_assert_int_eq(ask(&asked, any(0), host(77, 0)), STATUS_PENDING);
    tn_do(0, TN_REMOVE);
    ck_assert_int_eq(answer(&asked), STATUS_NETWORK_UNREACHABLE);
    ck_assert_int_gt(changes, 0);
    ck_assert_int_eq(rnic.ops->addresses(rnic.rnic, addresses, &count), STATUS_SUCCESS);
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(ask(&asked, any(0), host(2, 0)), STATUS_NETWORK_UNREACHABLE);
    ck_assert_int_eq(ask(&asked, host(1, 0), host(2, 0)), STATUS_INVALID_ADDRESS);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &other), STATUS_INVALID_ADDRESS);
    ck_assert(rnic.ops->port_give(rnic.rnic, &port));
    nbx_rnic_close(&rnic);
    tn_do(0, TN_ADD);
}

// ---- ports --------------------------------------------------------------------------------------------------------------------------

static NTSTATUS
tdi_open(const char *format, unsigned port)
{
    char name[64];
    snprintf(name, sizeof name, format, port);
    NTSTATUS status = tk_try_address(&a, TN_DEVICE, name);
    if (NT_SUCCESS(status))
        tk_close_address(&a);
    return status;
}

static const char *
own(void)
{
    return tn_net.place == TN_TWO4 ? "10.0.0.1:%u" : "[fd00::1]:%u";
}

static const char *
wild(void)
{
    return tn_net.place == TN_TWO4 ? "0.0.0.0:%u" : "[::]:%u";
}

TN_TEST_TWO(a_port_that_an_RNIC_has_is_refused_to_the_hosts_clients)
{
    SOCKADDR_INET port = host(1, 5445), all = any(5446);
    rnic_open();
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &port), STATUS_SUCCESS);
    ck_assert_int_eq(tdi_open(own(), 5445), TDI_ADDR_IN_USE);
    ck_assert_int_eq(tdi_open(wild(), 5445), TDI_ADDR_IN_USE);
    ck_assert_int_eq(tdi_open(own(), 5446), STATUS_SUCCESS);
    ck_assert_int_eq(tdi_open(tn_net.place == TN_TWO4 ? "127.0.0.1:%u" : "[::1]:%u", 5445), STATUS_SUCCESS);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &all), STATUS_SUCCESS);
    ck_assert_int_eq(tdi_open(own(), 5446), TDI_ADDR_IN_USE);
    ck_assert_int_eq(tdi_open(wild(), 5446), TDI_ADDR_IN_USE);
    ck_assert_int_eq(tdi_open(tn_net.place == TN_TWO4 ? "127.0.0.1:%u" : "[::1]:%u", 5446), STATUS_SUCCESS);   // not this interface's
    // Given back: anybody's again. What is left when the RNIC closes, too.
    ck_assert(rnic.ops->port_give(rnic.rnic, &port));
    ck_assert(!rnic.ops->port_give(rnic.rnic, &port));
    ck_assert_int_eq(tdi_open(wild(), 5445), STATUS_SUCCESS);
    nbx_rnic_close(&rnic);
    ck_assert_int_eq(tdi_open(wild(), 5446), STATUS_SUCCESS);
}

TN_TEST_TWO(a_port_that_the_host_or_the_RNIC_itself_has_is_refused_to_an_RNIC)
{
    char name[64];
    SOCKADDR_INET port = host(1, 5445), all = any(5445), wrong = host(9, 5445), group = host(1, 1), family = host(1, 1);
    rnic_open();
    snprintf(name, sizeof name, own(), 5445);
    tk_open_address(&a, TN_DEVICE, name);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &port), STATUS_SHARING_VIOLATION);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &all), STATUS_SHARING_VIOLATION);
    tk_close_address(&a);
    snprintf(name, sizeof name, wild(), 5445);
    tk_open_address(&a, TN_DEVICE, name);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &port), STATUS_SHARING_VIOLATION);
    tk_close_address(&a);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &port), STATUS_SUCCESS);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &port), STATUS_SHARING_VIOLATION);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &all), STATUS_SHARING_VIOLATION);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &wrong), STATUS_INVALID_ADDRESS);
    if (tn_net.place == TN_TWO4)
        ((UCHAR *)&group.Ipv4.sin_addr)[0] = 224;
    else
        ((UCHAR *)&group.Ipv6.sin6_addr)[0] = 0xFF;
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &group), STATUS_INVALID_ADDRESS);
    family.si_family = 77;
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &family), STATUS_INVALID_ADDRESS);
    ck_assert(!rnic.ops->port_give(rnic.rnic, &family));
    nbx_rnic_close(&rnic);
}

static void
takes_all_ports(void)
{
    static ULONG64 seen[1024];
    SOCKADDR_INET port;
    memset(seen, 0, sizeof seen);
    rnic_open();
    tk_open_address(&a, TN_DEVICE, tn_net.place == TN_TWO4 ? "10.0.0.1:50000" : "[fd00::1]:50000");
    for (ULONG i = 0; i < 16383; i++) {
        port = host(1, 0);
        ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &port), STATUS_SUCCESS);
        USHORT number = RtlUshortByteSwap(port.Ipv4.sin_port);
        ck_assert_uint_ge(number, 49152);
        ck_assert_uint_ne(number, 50000);
        ck_assert(!(seen[number / 64] >> number % 64 & 1));
        seen[number / 64] |= 1ull << number % 64;
    }
    port = host(1, 0);
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &port), STATUS_TOO_MANY_ADDRESSES);
    ck_assert_uint_eq(port.Ipv4.sin_port, 0);
    tk_close_address(&a);
    ck_assert_int_eq(tdi_open(own(), 0), STATUS_SUCCESS);   // the one that is left
    ck_assert_int_eq(rnic.ops->port_take(rnic.rnic, &port), STATUS_SUCCESS);
    ck_assert_int_eq(tdi_open(own(), 0), TDI_ADDR_IN_USE);
    nbx_rnic_close(&rnic);
}

TEST_TIMEOUT(120, an_RNIC_gets_each_dynamic_port_once_and_then_none)
{
    tn_run(__func__, takes_all_ports, TN_TWO4, 0, 1);
}

// ---- opening ------------------------------------------------------------------------------------------------------------------------

static void
opens(void)
{
    struct nbx_rnic_open open = {if_index(0), &rnic, NULL}, none = {0, &rnic, NULL};
    struct nbx_rnic_opened opened = {NULL, NULL};
    struct nbx_rnic_link second;
    struct nbx_file *file;
    SOCKADDR_INET port = host(1, 5445);
    ck_assert_int_eq(nbx_rnic_open(&none, &rnic), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(nbx_file_open("\\Device\\Tcp", NBX_FILE_READ, &file), STATUS_SUCCESS);
    ck_assert_int_eq(nbx_file_control(file, IOCTL_NBX_RNIC_OPEN, &open, sizeof open, &opened, sizeof opened, NULL, NULL),
                     STATUS_ACCESS_DENIED);
    nbx_file_close(file);
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .driver = "tcpip"};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    NTSTATUS status = nbx_rnic_open(&open, &rnic);
    nbx_fault_disarm(NULL);
    ck_assert_int_eq(status, STATUS_INSUFFICIENT_RESOURCES);
    rnic_open();
    ck_assert_int_eq(nbx_rnic_open(&open, &second), STATUS_INVALID_PARAMETER);   // one RNIC an interface
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    status = rnic.ops->port_take(rnic.rnic, &port);
    nbx_fault_disarm(NULL);
    ck_assert_int_eq(status, STATUS_INSUFFICIENT_RESOURCES);
    nbx_rnic_close(&rnic);
    rnic_open();
    nbx_rnic_close(&rnic);
}

TEST_TIMEOUT(120, an_RNIC_is_opened_once_an_interface_from_kernel_mode)
{
    tn_run(__func__, opens, TN_TWO4, 0, 3);
}
