// SPDX-License-Identifier: MIT
// A listener: one address file for every address of its family (the wildcard) and a set of connection files, used again and again.
//   a peer's SYN -> on_connect takes an idle endpoint and hands its ACCEPT back -> ... -> httpd_listener_idle
// A timer counts seconds and shows the endpoints that are busy how late it is.
// Locks: listener->lock, then endpoint->lock.
#include "tdihttpd.h"

#include <tdistat.h>

struct httpd_listener {
    struct tdiclient_file address;
    struct httpd_endpoint *endpoints;
    ULONG opened;
    KTIMER timer;
    KDPC dpc;
    KSPIN_LOCK lock;                       // guards the rest
    LIST_ENTRY idle, busy;
    ULONG now_s;
    LONG busy_count;
    BOOLEAN is_closing;
    KEVENT quiet;                          // closing, and none is busy
};

static KDEFERRED_ROUTINE tick;

static NTSTATUS NTAPI
on_connect(PVOID context, LONG remote_bytes, PVOID remote, LONG data_bytes, PVOID data, LONG option_bytes, PVOID options,
           CONNECTION_CONTEXT *connection, PIRP *accept)
{
    struct httpd_listener *listener = context;
    struct httpd_endpoint *endpoint = NULL;
    KIRQL irql;
    UNREFERENCED_PARAMETER(remote_bytes);
    UNREFERENCED_PARAMETER(remote);
    UNREFERENCED_PARAMETER(data_bytes);
    UNREFERENCED_PARAMETER(data);
    UNREFERENCED_PARAMETER(option_bytes);
    UNREFERENCED_PARAMETER(options);
    KeAcquireSpinLock(&listener->lock, &irql);
    if (!listener->is_closing && !IsListEmpty(&listener->idle)) {
        endpoint = CONTAINING_RECORD(RemoveHeadList(&listener->idle), struct httpd_endpoint, link);
        InsertTailList(&listener->busy, &endpoint->link);
        endpoint->deadline = listener->now_s + httpd_settings.timeout_s;
        listener->busy_count++;
    }
    KeReleaseSpinLock(&listener->lock, irql);
    if (!endpoint)
        return STATUS_CONNECTION_REFUSED;
    *connection = endpoint;
    *accept = httpd_endpoint_offered(endpoint);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

// The end shows in the requests that are out; without this handler a reset would wait for the next request to be told.
static NTSTATUS NTAPI
on_disconnect(PVOID context, CONNECTION_CONTEXT connection, LONG data_bytes, PVOID data, LONG information_bytes, PVOID information,
              ULONG flags)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(connection);
    UNREFERENCED_PARAMETER(data_bytes);
    UNREFERENCED_PARAMETER(data);
    UNREFERENCED_PARAMETER(information_bytes);
    UNREFERENCED_PARAMETER(information);
    UNREFERENCED_PARAMETER(flags);
    return STATUS_SUCCESS;
}

VOID
httpd_listener_idle(struct httpd_listener *listener, struct httpd_endpoint *endpoint)
{
    KIRQL irql;
    KeAcquireSpinLock(&listener->lock, &irql);
    RemoveEntryList(&endpoint->link);
    InsertTailList(&listener->idle, &endpoint->link);
    if (!--listener->busy_count && listener->is_closing)
        KeSetEvent(&listener->quiet, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&listener->lock, irql);
}

ULONG
httpd_listener_now(struct httpd_listener *listener)
{
    return *(volatile ULONG *)&listener->now_s;
}

HANDLE
httpd_listener_address(struct httpd_listener *listener)
{
    return listener->address.handle;
}

static VOID NTAPI
tick(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct httpd_listener *listener = context;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    KeAcquireSpinLockAtDpcLevel(&listener->lock);
    listener->now_s++;
    for (LIST_ENTRY *at = listener->busy.Flink; at != &listener->busy; at = at->Flink)
        httpd_endpoint_tick(CONTAINING_RECORD(at, struct httpd_endpoint, link), listener->now_s);
    KeReleaseSpinLockFromDpcLevel(&listener->lock);
}

// ---- opening and closing --------------------------------------------------------------------------------------------------------

// Every address of the family, and our port.
static NTSTATUS
address_open(struct httpd_listener *listener, PCWSTR device)
{
    union {
        TA_IP_ADDRESS ip;
        TA_IP6_ADDRESS ip6;
    } u = {0};
    USHORT port = RtlUshortByteSwap((USHORT)httpd_settings.port), bytes = sizeof u.ip;
    if (wcslen(device) == wcslen(L"\\Device\\Tcp")) {
        u.ip.TAAddressCount = 1;
        u.ip.Address[0].AddressLength = sizeof(TDI_ADDRESS_IP);
        u.ip.Address[0].AddressType = TDI_ADDRESS_TYPE_IP;
        u.ip.Address[0].Address[0].sin_port = port;
    } else {
        bytes = sizeof u.ip6;
        u.ip6.TAAddressCount = 1;
        u.ip6.Address[0].AddressLength = sizeof(TDI_ADDRESS_IP6);
        u.ip6.Address[0].AddressType = TDI_ADDRESS_TYPE_IP6;
        u.ip6.Address[0].Address[0].sin6_port = port;
    }
    return tdiclient_open(device, TdiTransportAddress, &u, bytes, &listener->address);
}

static NTSTATUS
listener_start(struct httpd_listener *listener, PCWSTR device)
{
    LARGE_INTEGER first = {.QuadPart = -10000000LL};
    NTSTATUS status = address_open(listener, device);
    for (ULONG i = 0; NT_SUCCESS(status) && i < httpd_settings.connections; i++) {
        status = httpd_endpoint_open(&listener->endpoints[i], listener, device);
        listener->opened++;
        if (NT_SUCCESS(status))
            InsertTailList(&listener->idle, &listener->endpoints[i].link);
    }
    if (NT_SUCCESS(status))
        status = tdiclient_set_handler(&listener->address, TDI_EVENT_DISCONNECT, on_disconnect, listener);
    if (NT_SUCCESS(status))
        status = tdiclient_set_handler(&listener->address, TDI_EVENT_CONNECT, on_connect, listener);
    if (NT_SUCCESS(status))
        KeSetTimerEx(&listener->timer, first, 1000, &listener->dpc);
    return status;
}

struct httpd_listener *
httpd_listener_open(PCWSTR device)
{
    struct httpd_listener *listener = httpd_alloc(sizeof *listener);
    if (!listener)
        return NULL;
    KeInitializeSpinLock(&listener->lock);
    KeInitializeEvent(&listener->quiet, NotificationEvent, FALSE);
    KeInitializeTimer(&listener->timer);
    KeInitializeDpc(&listener->dpc, tick, listener);
    InitializeListHead(&listener->idle);
    InitializeListHead(&listener->busy);
    listener->endpoints = httpd_alloc(httpd_settings.connections * sizeof *listener->endpoints);
    NTSTATUS status = listener->endpoints ? listener_start(listener, device) : STATUS_INSUFFICIENT_RESOURCES;
    if (NT_SUCCESS(status))
        return listener;
    DbgPrint("tdihttpd: %ws, port %u: 0x%08x\n", device, httpd_settings.port, status);
    httpd_listener_close(listener);
    return NULL;
}

VOID
httpd_listener_close(struct httpd_listener *listener)
{
    KIRQL irql;
    KeAcquireSpinLock(&listener->lock, &irql);
    listener->is_closing = TRUE;
    BOOLEAN is_busy = listener->busy_count != 0;
    KeReleaseSpinLock(&listener->lock, irql);
    tdiclient_close(&listener->address);   // which ends every connection of it: the requests come back
    if (is_busy)
        KeWaitForSingleObject(&listener->quiet, Executive, KernelMode, FALSE, NULL);
    KeCancelTimer(&listener->timer);
    KeFlushQueuedDpcs();
    for (ULONG i = 0; i < listener->opened; i++)
        httpd_endpoint_close(&listener->endpoints[i]);
    httpd_free(listener->endpoints);
    httpd_free(listener);
}
