// SPDX-License-Identifier: MIT
// The server's thread: a listener for each local address, a thread for each connection.
//   on_connect (<= DISPATCH_LEVEL): into the list of what waits -> server thread: session -> session_thread: mode from the private data,
//   channel, accept (or reject), rping or measurement until the peer disconnects, disconnect, close -> the server thread joins it
// When the adapter stops: listeners begin to close (nothing new), sessions end because they see the stop too, what waits is closed, then
// the listeners' closes end, which wait for their connectors.
#include "ndkping.h"

struct waiting {
    LIST_ENTRY link;
    NDK_CONNECTOR *connector;
};

struct session {
    LIST_ENTRY link;
    struct server *server;
    NDK_CONNECTOR *connector;
    PVOID thread;
    BOOLEAN is_done;                       // its thread is about to return
};

struct listener {
    NDK_LISTENER *ndk;
    struct ping_wait closing;
    BOOLEAN is_closing;
    BOOLEAN is_given_up;                   // it has been tried for long enough
};

struct server {
    struct ping_adapter *adapter;
    struct listener listeners[PING_LISTENERS];
    KSPIN_LOCK lock;                       // guards waiting
    LIST_ENTRY waiting;
    KEVENT wake;                           // a connector waits, or a session is done
    LIST_ENTRY sessions;                   // the server thread's own
    ULONG n_sessions;
};

static KSTART_ROUTINE session_thread;

// ---- sessions -------------------------------------------------------------------------------------------------------------------

static struct ping_shape
shape_of(const struct ping_hello *hello)
{
    struct ping_shape shape = {.receives = hello->mode == PING_MODE_SINK_SEND ? hello->depth : 4,
                               .receive_bytes = hello->bytes > PING_MESSAGE ? hello->bytes : PING_MESSAGE,
                               .depth = hello->depth < 8 ? 8 : hello->depth,
                               .buffer_bytes = hello->mode == PING_MODE_RPING ? ping_settings.buffer_bytes : hello->bytes};
    if (hello->mode != PING_MODE_ECHO_SEND && hello->mode != PING_MODE_SINK_SEND)
        shape.receive_bytes = PING_MESSAGE;
    if (shape.buffer_bytes < PING_MESSAGE)
        shape.buffer_bytes = PING_MESSAGE;
    return shape;
}

static NTSTATUS
session_serve(struct session *session, struct ping_channel *channel, const struct ping_hello *hello, struct ping_result *result)
{
    UCHAR reply[PING_MESSAGE];
    BOOLEAN is_rping = hello->mode == PING_MODE_RPING;
    if (!is_rping) { // both ends fill their buffers alike: the client knows what it is to read
        ping_fill(channel->source.bytes, hello->bytes, 1);
        ping_fill(channel->sink.bytes, hello->bytes, 1);
    }
    ping_remote_put(reply, &channel->sink, channel->shape.buffer_bytes);
    channel->connector = session->connector;
    session->connector = NULL;
    NTSTATUS status = ping_accept(channel, reply, is_rping ? 0 : sizeof reply);
    if (NT_SUCCESS(status))
        status = is_rping ? ping_rping_server(channel, result) : ping_measure_server(channel, hello, result);
    if (NT_SUCCESS(status))
        status = ping_disconnect(channel);
    return status;
}

static VOID
session_name_peer(const struct session *session, char text[PING_TEXT])
{
    SOCKADDR_INET peer;
    ULONG bytes = sizeof peer;
    text[0] = 0;
    if (NT_SUCCESS(session->connector->Dispatch->NdkGetPeerAddress(session->connector, (PSOCKADDR)&peer, &bytes)))
        ping_address_print(&peer, text);
}

static VOID
session_reject(struct session *session, const char *words)
{
    session->connector->Dispatch->NdkReject(session->connector, (PVOID)words, (ULONG)strlen(words));
}

static VOID
session_run(struct session *session)
{
    UCHAR data[PING_HELLO];
    char peer[PING_TEXT];
    ULONG bytes = sizeof data;
    struct ping_hello hello;
    struct ping_result result = {0};
    struct ping_channel *channel;
    session_name_peer(session, peer);
    NTSTATUS status = ping_private_data(session->connector, data, &bytes);
    ping_hello_get(data, NT_SUCCESS(status) ? bytes : 0, &hello);
    if (ping_settings.reject || hello.mode == PING_MODES) {
        session_reject(session, "ndkping: no");
        DbgPrint("ndkping: server: %s: rejected\n", peer);
        return;
    }
    struct ping_shape shape = shape_of(&hello);
    status = ping_channel_open(session->server->adapter, &shape, &channel);
    if (NT_SUCCESS(status)) {
        status = session_serve(session, channel, &hello, &result);
        ping_channel_close(channel);
    } else {
        session_reject(session, "ndkping: no resources");
    }
    ping_report_server(peer, &hello, status, &result);
}

static VOID
session_thread(PVOID context)
{
    struct session *session = context;
    struct server *server = session->server;
    session_run(session);
    PING_CLOSE(session->connector, NdkCloseConnector);
    InterlockedExchange8((volatile CHAR *)&session->is_done, TRUE);
    KeSetEvent(&server->wake, IO_NO_INCREMENT, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

// ---- connections that come ------------------------------------------------------------------------------------------------------

static VOID NTAPI
closed_and_forgotten(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
}

static VOID NTAPI
on_connect(PVOID context, NDK_CONNECTOR *connector)
{
    struct server *server = context;
    struct waiting *waiting = ping_alloc(sizeof *waiting);
    KIRQL irql;
    if (!waiting) {
        connector->Dispatch->NdkReject(connector, NULL, 0);
        connector->Dispatch->NdkCloseConnector(&connector->Header, closed_and_forgotten, NULL);
        return;
    }
    waiting->connector = connector;
    KeAcquireSpinLock(&server->lock, &irql);
    InsertTailList(&server->waiting, &waiting->link);
    KeReleaseSpinLock(&server->lock, irql);
    KeSetEvent(&server->wake, IO_NO_INCREMENT, FALSE);
}

static NDK_CONNECTOR *
waiting_take(struct server *server)
{
    struct waiting *waiting = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&server->lock, &irql);
    if (!IsListEmpty(&server->waiting))
        waiting = CONTAINING_RECORD(RemoveHeadList(&server->waiting), struct waiting, link);
    KeReleaseSpinLock(&server->lock, irql);
    NDK_CONNECTOR *connector = waiting ? waiting->connector : NULL;
    ping_free(waiting);
    return connector;
}

static VOID
session_start(struct server *server, NDK_CONNECTOR *connector)
{
    struct session *session = server->n_sessions < PING_SESSIONS ? ping_alloc(sizeof *session) : NULL;
    if (session) {
        session->server = server;
        session->connector = connector;
        session->thread = ping_thread_start(session_thread, session);
    }
    if (session && session->thread) {
        InsertTailList(&server->sessions, &session->link);
        server->n_sessions++;
        return;
    }
    ping_free(session);
    DbgPrint("ndkping: server: a connection is rejected: %u are served, or there is no memory\n", server->n_sessions);
    connector->Dispatch->NdkReject(connector, NULL, 0);
    PING_CLOSE(connector, NdkCloseConnector);
}

// Join what is done, or all.
static VOID
sessions_reap(struct server *server, BOOLEAN all)
{
    for (LIST_ENTRY *at = server->sessions.Flink, *next; at != &server->sessions; at = next) {
        struct session *session = CONTAINING_RECORD(at, struct session, link);
        next = at->Flink;
        if (!all && !InterlockedExchangeAdd8((volatile CHAR *)&session->is_done, 0))
            continue;
        RemoveEntryList(at);
        ping_thread_join(session->thread);
        ping_free(session);
        server->n_sessions--;
    }
}

// ---- listeners ------------------------------------------------------------------------------------------------------------------

static VOID NTAPI
listener_closed(PVOID context)
{
    ping_requested(context, STATUS_SUCCESS);
}

static NTSTATUS
listen_once(struct server *server, struct listener *listener, const SOCKADDR_INET *local)
{
    NDK_ADAPTER *adapter = server->adapter->ndk;
    NTSTATUS status;
    PING_CREATE(status, listener->ndk,
                adapter->Dispatch->NdkCreateListener(adapter, on_connect, server, ping_created, &wait, &listener->ndk));
    if (!NT_SUCCESS(status))
        return status;
    struct ping_wait wait;
    ping_wait_init(&wait);
    status = listener->ndk->Dispatch->NdkListen(listener->ndk, (PSOCKADDR)local, ping_address_bytes(local), ping_requested, &wait);
    status = ping_wait_end(&wait, status);
    if (!NT_SUCCESS(status))
        PING_CLOSE(listener->ndk, NdkCloseListener);
    return status;
}

// An address without which the server goes on; unless another adapter's server has it, somebody will miss it.
static VOID
give_up(struct server *server, ULONG i, const char *address, NTSTATUS status)
{
    char text[PING_LINE];
    server->listeners[i].is_given_up = TRUE;
    if (status == STATUS_INVALID_ADDRESS && ping_local_users[i]) {
        DbgPrint("ndkping: server: %s is another adapter's, not %s's\n", address, server->adapter->name);
        return;
    }
    RtlStringCbPrintfA(text, sizeof text, "%s: cannot listen: 0x%08x%s", address, status, ping_status_word(status));
    DbgPrint("ndkping: server: %s\n", text);
    nbx_service_failed(ping_driver, text);
}

// An adapter may arrive before its addresses are of use. TRUE: there are some to be tried again.
static BOOLEAN
listeners_try(struct server *server, UINT64 until)
{
    BOOLEAN is_left = FALSE;
    char text[PING_TEXT];
    for (ULONG i = 0; i < ping_settings.n_local; i++) {
        struct listener *listener = &server->listeners[i];
        if (listener->ndk || listener->is_given_up)
            continue;
        NTSTATUS status = listen_once(server, listener, &ping_settings.local[i]);
        ping_address_print(&ping_settings.local[i], text);
        if (NT_SUCCESS(status)) {
            InterlockedIncrement(&ping_local_users[i]);
            DbgPrint("ndkping: server: %s: listening\n", text);
        } else if (ping_now_ns() >= until) {
            give_up(server, i, text, status);
        } else {
            is_left = TRUE;
        }
    }
    return is_left;
}

static VOID
server_end(struct server *server)
{
    NDK_CONNECTOR *connector;
    for (ULONG i = 0; i < PING_LISTENERS; i++) {
        struct listener *listener = &server->listeners[i];
        if (!listener->ndk)
            continue;
        InterlockedDecrement(&ping_local_users[i]);
        ping_wait_init(&listener->closing);
        listener->is_closing =
            listener->ndk->Dispatch->NdkCloseListener(&listener->ndk->Header, listener_closed, &listener->closing) == STATUS_PENDING;
    }
    sessions_reap(server, TRUE);
    while ((connector = waiting_take(server)))
        PING_CLOSE(connector, NdkCloseConnector);
    for (ULONG i = 0; i < PING_LISTENERS; i++) {
        if (server->listeners[i].is_closing)
            ping_wait_end(&server->listeners[i].closing, STATUS_PENDING);
    }
}

VOID
ping_server_thread(PVOID context)
{
    struct ping_adapter *adapter = context;
    struct server *server = ping_alloc(sizeof *server);
    if (!server) {
        DbgPrint("ndkping: server: no memory\n");
        nbx_service_failed(ping_driver, "no memory");
        PsTerminateSystemThread(STATUS_INSUFFICIENT_RESOURCES);
        return;
    }
    PVOID objects[] = {&adapter->stop, &server->wake};
    NDK_CONNECTOR *connector;
    server->adapter = adapter;
    KeInitializeSpinLock(&server->lock);
    InitializeListHead(&server->waiting);
    InitializeListHead(&server->sessions);
    KeInitializeEvent(&server->wake, SynchronizationEvent, FALSE);
    UINT64 until = ping_now_ns() + ping_settings.retry_s * 1000000000ull;
    BOOLEAN is_left = listeners_try(server, until);
    for (;;) {
        LARGE_INTEGER again = {.QuadPart = -1000000};
        PLARGE_INTEGER timeout = is_left ? &again : NULL;
        if (KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE, timeout, NULL) == STATUS_WAIT_0)
            break;
        is_left = is_left && listeners_try(server, until);
        while ((connector = waiting_take(server)))
            session_start(server, connector);
        sessions_reap(server, FALSE);
    }
    server_end(server);
    ping_free(server);
    PsTerminateSystemThread(STATUS_SUCCESS);
}
