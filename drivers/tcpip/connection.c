// SPDX-License-Identifier: MIT
// TCP below the waist: what TDI asks of a connection becomes a call into the engine.
//   begin   connection_create -> tcp_op_connect; or an offer that tell.c made -> tcp_op_accept, tcp_op_refuse
//   data    tcp_op_send (the client's MDLs as spans, held until acknowledged and no packet is out)
//   end     tcp_op_release -> FIN; tcp_op_abort -> RST; tcp_op_part: the engine goes on by itself
// Every op is one call between tcpip_enter and tcpip_leave; what comes of it is told by tell.c.
#include "chimney.h"
#include "rnic.h"

#include <tdistat.h>

#define OFFERS_MAX 1024       // of an address, that its client has not answered

// ---- addresses ------------------------------------------------------------------------------------------------------------------

static struct tcpip_address *
below(struct tdic_address *address)
{
    return tdic_address_below(address);
}

// Who has this address and port already, if all of them share it and this one wants to, too: NULL else.
static struct tcpip_address *
address_to_share(const struct tcpip_address *address)
{
    for (struct tcp_listener *one = NULL; address->is_shared && (one = tcp_listener_next(tcpip_host.tcp, one));) {
        struct tcpip_address *other = tcp_listener_context(one);
        if (other->port == address->port && eng_address_is_equal(&other->local, &address->local))
            return other->is_shared ? other : NULL;
    }
    return NULL;
}

// Every address listens: a peer's SYN is an offer, and tdi_common refuses what no client wants. Of those that share a port the oldest
// gets the offers.
static int
address_listen(struct tcpip_address *address, uint64_t now_us)
{
    struct tcpip_address *oldest = address->port ? address_to_share(address) : NULL;
    InitializeListHead(&address->sharers);
    if (oldest) {
        address->listener = oldest->listener;
        InsertTailList(&oldest->sharers, &address->sharers);
        return 0;
    }
    if (address->port && tcpip_rnic_has_port(&address->local, address->port))
        return -EADDRINUSE;
    if (address->port)
        return tcp_listen(tcpip_host.tcp, &address->local, address->port, OFFERS_MAX, address, &address->listener);
    // Any free port: begin somewhere that nobody can guess, and take the first that is free [RFC 6056 3.3.1].
    struct eng_address nobody = {.family = address->local.family};
    USHORT first = tcp_port_pick(tcpip_host.tcp, &address->local, &nobody, (uint16_t)now_us), port = first;
    for (ULONG tries = 0; first && tries < 16384; tries++, port = port == 65535 ? 49152 : port + 1) {
        int error = tcpip_rnic_has_port(&address->local, port)
                        ? -EADDRINUSE
                        : tcp_listen(tcpip_host.tcp, &address->local, port, OFFERS_MAX, address, &address->listener);
        if (error != -EADDRINUSE) {
            address->port = port;
            return error;
        }
    }
    return -EADDRINUSE;
}

static NTSTATUS
address_check(struct tdic_address *up, const TA_ADDRESS *wanted, struct tcpip_address *address)
{
    UCHAR family = (UCHAR)(ULONG_PTR)tdic_device_below(tdic_address_device(up));
    if (!tcpip_address_from(wanted, &address->local, &address->port, &address->scope) || address->local.family != family)
        return TDI_BAD_ADDR;
    if (eng_address_is_multicast(&address->local))
        return TDI_ADDR_INVALID;
    return STATUS_SUCCESS;
}

static NTSTATUS
tcp_op_address_open(struct tdic_address *up, const TA_ADDRESS *wanted, BOOLEAN is_shared, PVOID *to)
{
    struct tcpip_address *address = tcpip_alloc(sizeof *address);
    struct tcpip_call call;
    union tcpip_ta local;
    if (!address)
        return STATUS_INSUFFICIENT_RESOURCES;
    address->up = up;
    address->is_shared = is_shared;
    NTSTATUS status = address_check(up, wanted, address);
    if (NT_SUCCESS(status)) {
        tcpip_enter(&call);
        BOOLEAN is_ours = eng_address_is_any(&address->local) || net_address_is_known(tcpip_host.net, &address->local);
        if (!is_ours || !tcpip_scope_check(&address->local, &address->scope))
            status = TDI_ADDR_INVALID;
        else
            status = tcpip_status_of(address_listen(address, call.now_us));
        tcpip_leave(&call);
    }
    if (!NT_SUCCESS(status)) {
        tcpip_free(address);
        return status;
    }
    tdic_address_local(up, &local.list, tcpip_address_to(&local, &address->local, address->port, address->scope));
    *to = address;
    return STATUS_SUCCESS;
}

static VOID
tcp_op_address_close(struct tdic_address *up)
{
    struct tcpip_address *address = below(up);
    struct tcpip_call call;
    tcpip_enter(&call);
    if (IsListEmpty(&address->sharers))
        tcp_unlisten(address->listener);
    else if (tcp_listener_context(address->listener) == address)
        tcp_listener_set_context(address->listener, CONTAINING_RECORD(address->sharers.Flink, struct tcpip_address, sharers));
    RemoveEntryList(&address->sharers);
    address->listener = NULL;
    tcpip_leave(&call);
    tcpip_free(address);
}

// ---- making and unmaking --------------------------------------------------------------------------------------------------------

static struct tcpip_connection *
connection_of(struct tdic_connection *up)
{
    return CONTAINING_RECORD(up, struct tcpip_connection, up);
}

static VOID
connection_hold(struct tcpip_news *news)
{
    tdic_connection_ref(&CONTAINING_RECORD(news, struct tcpip_connection, news)->up);
}

static VOID
connection_drop(struct tcpip_news *news)
{
    tdic_connection_unref(&CONTAINING_RECORD(news, struct tcpip_connection, news)->up);
}

static const struct tcpip_news_ops connection_news = {tcpip_connection_tell, connection_hold, connection_drop};

struct tcpip_connection *
tcpip_connection_create(struct tdic_address *address)
{
    struct tcpip_connection *connection = eng_slab_take(&tcpip_host.connections);
    if (!connection)
        return NULL;
    tdic_connection_init(&connection->up, tdic_address_device(address));
    tdic_address_ref(address);
    connection->address = address;
    list_init(&connection->ended);
    list_init(&connection->received);
    tcpip_news_init(&connection->news, &connection_news);
    return connection;
}

static NTSTATUS
tcp_op_connection_create(struct tdic_address *address, struct tdic_connection **up)
{
    KIRQL irql;
    KeAcquireSpinLock(&tcpip_host.lock, &irql);
    struct tcpip_connection *connection = tcpip_connection_create(address);
    KeReleaseSpinLock(&tcpip_host.lock, irql);
    if (!connection)
        return STATUS_INSUFFICIENT_RESOURCES;
    *up = &connection->up;
    return STATUS_SUCCESS;
}

static VOID
tcp_op_connection_free(struct tdic_connection *up)
{
    struct tcpip_connection *connection = connection_of(up);
    struct tdic_address *address = connection->address;
    KIRQL irql;
    KeAcquireSpinLock(&tcpip_host.lock, &irql);
    tcpip_policy_forget(connection);
    eng_slab_give(&tcpip_host.connections, connection);
    KeReleaseSpinLock(&tcpip_host.lock, irql);
    tdic_address_unref(address);
}

// ---- beginning ------------------------------------------------------------------------------------------------------------------

int
tcpip_path_find(struct net_path *path, struct tcp_path *tcp, uint64_t now_us)
{
    struct eng_address source = path->source;
    int error = tcpip_source_error(net_path_find(tcpip_host.net, path, now_us), &source);
    if (error)
        return error;
    BOOLEAN is_ip4 = path->destination.family == ENG_IP4;
    BOOLEAN has_lso = (path->offloads & (is_ip4 ? NET_LSO4 : NET_LSO6)) != 0;
    *tcp = (struct tcp_path){.mtu_bytes = path->mtu_bytes, .lso_min_segments = 2};
    tcp->interface_index = path->is_loopback ? 0 : path->interface_index;
    if (path->offloads & (is_ip4 ? NET_SUM_TCP4 : NET_SUM_TCP6) || has_lso)
        tcp->flags |= TCP_PATH_SUM_PARTIAL;
    if (path->is_loopback)
        tcp->flags |= TCP_PATH_LOCAL;
    if (has_lso)
        tcp->lso_max_bytes = path->lso_bytes && path->lso_bytes < 65535 - 120 ? path->lso_bytes : 65535 - 120;
    return 0;
}

static int
connect_locked(struct tcpip_connection *connection, struct tcp_open *open, struct tcpip_call *call)
{
    struct net_path path = {.source = open->local, .destination = open->remote, .interface_index = open->path.interface_index};
    int error = tcpip_path_find(&path, &open->path, call->now_us);
    if (error)
        return error;
    if (path.is_broadcast || eng_address_is_multicast(&open->remote))
        return -EADDRNOTAVAIL;
    open->local = path.source;
    // One that clients are done with is soon the engine's again, which knows what a new connection may take over [RFC 6191].
    struct tcpip_offload *other = tcpip_offload_find(&open->local, open->local_port, &open->remote, open->remote_port);
    if (other)
        return other->connection->is_parted ? -EAGAIN : -EADDRINUSE;
    error = tcp_connect(tcpip_host.tcp, open, call->now_us, &call->segments, &connection->tcp);
    if (error)
        connection->tcp = NULL;
    else
        tdic_connection_ref(&connection->up); // the engine's, until engine_forget
    return error;
}

// locks: host->lock held
static VOID
connect_wait_end(struct tcpip_connection *connection)
{
    if (!connection->connecting)
        return;
    RemoveEntryList(&connection->connecting->link);
    tcpip_free(connection->connecting);
    connection->connecting = NULL;
}

// locks: host->lock held. fails: -ENOMEM
static int
connect_wait_begin(struct tcpip_connection *connection, const struct tcp_open *open)
{
    struct tcpip_connecting *connecting = tcpip_alloc(sizeof *connecting);
    if (!connecting)
        return -ENOMEM;
    connecting->connection = connection;
    connecting->open = *open;
    connection->connecting = connecting;
    InsertTailList(&tcpip_host.connecting, &connecting->link);
    return 0;
}

static VOID
connect_now(struct tcpip_connection *connection, const struct tcp_open *wanted)
{
    struct tcp_open open = *wanted;
    struct tcpip_call call;
    tcpip_enter(&call);
    int error = connect_locked(connection, &open, &call);
    if (error == -EAGAIN)
        error = connect_wait_begin(connection, wanted);
    tcpip_leave(&call);
    if (error)
        tdic_up_gone(&connection->up, tcpip_status_of(error), NULL);
}

static VOID
tcp_op_connect(struct tdic_connection *up, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info)
{
    struct tcpip_connection *connection = connection_of(up);
    struct tcpip_address *address = below(connection->address);
    struct tcp_open open = {.local = address->local, .local_port = address->port, .cached_flags = TCP_CACHED_NAGLE, .context = connection};
    UNREFERENCED_PARAMETER(info); // TCP carries no connect data
    ULONG scope;
    if (!tcpip_address_from_list(remote, remote_bytes, &open.remote, &open.remote_port, &scope) ||
        open.remote.family != address->local.family) {
        tdic_up_gone(up, TDI_BAD_ADDR, NULL);
        return;
    }
    open.path.interface_index = scope || !tcpip_is_scoped(&open.remote) ? scope : address->scope;
    connect_now(connection, &open);
}

VOID
tcpip_connect_again(struct tcpip_connection *connection)
{
    struct tcpip_call call;
    tcpip_enter(&call);
    BOOLEAN wants = connection->connecting && !connection->is_silent;
    struct tcp_open open = {0};
    if (wants)
        open = connection->connecting->open;
    connect_wait_end(connection);
    tcpip_leave(&call);
    if (wants)
        connect_now(connection, &open);
}

static VOID
tcp_op_accept(struct tdic_connection *up, const struct tdic_info *info)
{
    struct tcpip_connection *connection = connection_of(up);
    struct tcp_open open = {.cached_flags = TCP_CACHED_NAGLE, .context = connection};
    struct tcp_record record;
    struct tcpip_call call;
    int error = -ENOTCONN;
    UNREFERENCED_PARAMETER(info);
    tcpip_enter(&call);
    if (connection->tcp && !connection->is_gone_told) {
        tcp_query(connection->tcp, call.now_us, &record);
        struct net_path path = {.source = record.constant.local, .destination = record.constant.remote};
        error = tcpip_path_find(&path, &open.path, call.now_us);
        if (!error)
            error = tcp_accept(connection->tcp, &open, call.now_us, &call.segments);
        connection->is_offer = error != 0;
    }
    if (error)
        connection->is_gone_told = TRUE;
    tcpip_leave(&call);
    if (error)
        tdic_up_gone(up, tcpip_status_of(error), NULL);
}

// Its context is nobody's from now on.   locks: host->lock held
static VOID
engine_release(struct tcpip_connection *connection, struct tcpip_call *call)
{
    tcp_set_context(connection->tcp, NULL);
    tcp_release(connection->tcp, call->now_us, &call->segments);
}

// Let go of the engine's connection: its reference is the caller's to drop.   locks: host->lock held
static BOOLEAN
engine_forget(struct tcpip_connection *connection)
{
    // One that waits to go stays; one that is away comes back for the engine to finish it, and the reference with it.
    connection->is_parted = TRUE;
    connect_wait_end(connection);
    tcpip_rx_drop_all(&connection->received);
    tcpip_chimney_come(connection);
    BOOLEAN was = connection->tcp != NULL;
    connection->tcp = NULL;
    return was;
}

static VOID
tcp_op_refuse(struct tdic_connection *up, const struct tdic_info *info)
{
    struct tcpip_connection *connection = connection_of(up);
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(info);
    tcpip_enter(&call);
    connection->is_silent = TRUE;
    if (connection->tcp && connection->is_offer)
        tcp_refuse(connection->tcp, call.now_us, &call.segments);
    else if (connection->tcp)
        engine_release(connection, &call);
    BOOLEAN was = engine_forget(connection);
    tcpip_leave(&call);
    if (was)
        tdic_connection_unref(up);
}

// ---- data -----------------------------------------------------------------------------------------------------------------------

// The stretches of an MDL chain; with no room, only how many there are.
static ULONG
spans_of(const struct tdic_tx *tx, struct eng_span *spans, ULONG room, struct eng_owner *owner)
{
    ULONG left = tx->bytes, offset = tx->offset, count = 0;
    for (PMDL mdl = tx->mdl; mdl && left; mdl = mdl->Next) {
        ULONG have = MmGetMdlByteCount(mdl);
        if (offset >= have) {
            offset -= have;
            continue;
        }
        ULONG here = have - offset < left ? have - offset : left;
        UCHAR *bytes = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
        if (!bytes)
            return 0;
        if (count < room)
            spans[count] = (struct eng_span){.bytes = bytes + offset, .count = here, .offset = offset, .tag = mdl, .owner = owner};
        count++;
        left -= here;
        offset = 0;
    }
    return left ? 0 : count;
}

BOOLEAN
tcpip_send_init(struct tcpip_send *send, struct tdic_tx *tx)
{
    RtlZeroMemory(send, sizeof *send);
    send->tx = tx;
    send->owner = (struct eng_owner){.holds = 1, .on_release = tcpip_send_released};
    send->spans = send->few;
    ULONG count = spans_of(tx, send->few, TCPIP_SEND_SPANS, &send->owner);
    if (count > TCPIP_SEND_SPANS) {
        send->spans = tcpip_alloc(count * sizeof *send->spans);
        if (!send->spans)
            return FALSE;
        spans_of(tx, send->spans, count, &send->owner);
    }
    send->send = (struct tcp_send){.spans = send->spans, .n_spans = count, .bytes = tx->bytes, .context = send};
    return count != 0;
}

VOID
tcpip_send_spans_free(struct tcpip_send *send)
{
    if (send->spans != send->few)
        tcpip_free(send->spans);
}

// Acknowledged, and no packet with its bytes is out any more.   locks: host->lock held
VOID
tcpip_send_released(struct eng_owner *owner)
{
    struct tcpip_send *send = CONTAINING_RECORD(owner, struct tcpip_send, owner);
    struct list *ended = send->connection ? &send->connection->ended : &send->address->ended;
    list_push_back(ended, &send->ended_link);
    tcpip_post(send->connection ? &send->connection->news : &send->address->news);
}

static VOID
tcp_op_send(struct tdic_connection *up, struct tdic_tx *tx)
{
    struct tcpip_connection *connection = connection_of(up);
    struct tcpip_send *send = (struct tcpip_send *)(tx + 1);
    struct tcpip_call call;
    int error = 0;
    if (!tx->bytes) {
        tdic_up_sent(up, tx, STATUS_SUCCESS);
        return;
    }
    if (!tcpip_send_init(send, tx)) {
        tdic_up_sent(up, tx, STATUS_INSUFFICIENT_RESOURCES);
        return;
    }
    send->connection = connection;
    send->send.flags = (tx->flags & TDI_SEND_EXPEDITED ? TCP_SEND_URGENT : 0) | (tx->flags & TDI_SEND_PARTIAL ? 0 : TCP_SEND_PUSH);
    tdic_connection_ref(up);
    tcpip_enter(&call);
    error = 0;
    if (connection->tcp)
        error = tcp_send(connection->tcp, &send->send, call.now_us, &call.segments);
    else if (connection->offload && !connection->is_away_reset)
        tcpip_offload_send(connection->offload, send);
    else
        error = connection->is_away_reset ? -ECONNRESET : -ENOTCONN;
    tcpip_leave(&call);
    if (!error)
        return;
    tcpip_send_spans_free(send);
    tdic_up_sent(up, tx, connection->end == TCP_END_NONE ? tcpip_status_of(error) : tcpip_status_of_end(connection->end));
    tdic_connection_unref(up);
}

// A send of which no byte has left is taken out of the stream. One that has begun cannot be: only the end of the connection brings it
// back before the peer has it.
static enum tdic_cancel
tcp_op_send_cancel(struct tdic_connection *up, struct tdic_tx *tx)
{
    struct tcpip_connection *connection = connection_of(up);
    struct tcpip_send *send = (struct tcpip_send *)(tx + 1);
    struct tcpip_call call;
    int error = -ENOENT;
    tcpip_enter(&call);
    if (connection->tcp)
        error = tcp_send_take_back(connection->tcp, &send->send, call.now_us, &call.segments);
    else if (connection->offload)
        error = tcpip_offload_take_back(connection->offload, send);
    tcpip_leave(&call);
    if (error)
        return error == -ENOENT ? TDIC_CANCEL_SOON : TDIC_CANCEL_ABORT;
    tcpip_send_spans_free(send);
    tdic_connection_unref(up);
    return TDIC_CANCEL_OURS;
}

// ---- ending ---------------------------------------------------------------------------------------------------------------------

static VOID
tcp_op_release(struct tdic_connection *up, const struct tdic_info *info)
{
    struct tcpip_connection *connection = connection_of(up);
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(info);
    tcpip_enter(&call);
    connection->wants_release = TRUE;
    if (connection->tcp)
        tcp_shutdown(connection->tcp, call.now_us, &call.segments);
    else
        tcpip_post(&connection->news); // where it is away, the teller asks for it
    tcpip_leave(&call);
}

static VOID
tcp_op_abort(struct tdic_connection *up, const struct tdic_info *info)
{
    struct tcpip_connection *connection = connection_of(up);
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(info);
    tcpip_enter(&call);
    connection->is_silent = connection->wants_abort = TRUE;
    connect_wait_end(connection);
    tcpip_rx_drop_all(&connection->received);
    if (connection->tcp)
        tcp_abort(connection->tcp, call.now_us, &call.segments);
    else
        tcpip_post(&connection->news);
    tcpip_leave(&call);
}

static VOID
tcp_op_part(struct tdic_connection *up)
{
    struct tcpip_connection *connection = connection_of(up);
    struct tcpip_call call;
    tcpip_enter(&call);
    connection->is_silent = TRUE;
    if (connection->tcp)
        engine_release(connection, &call);
    BOOLEAN was = engine_forget(connection);
    tcpip_leave(&call);
    if (was)
        tdic_connection_unref(up);
}

// ---- information ----------------------------------------------------------------------------------------------------------------

static VOID
tcp_op_provider_info(struct tdic_device *device, TDI_PROVIDER_INFO *info)
{
    UNREFERENCED_PARAMETER(device);
    info->Version = 0x0200;
    info->MaxSendSize = 0xFFFFFFFF;
    info->MaxConnectionUserData = 0;      // TCP carries none
    info->MaxDatagramSize = 0;
    info->ServiceFlags = TDI_SERVICE_CONNECTION_MODE | TDI_SERVICE_ORDERLY_RELEASE | TDI_SERVICE_ERROR_FREE_DELIVERY |
                         TDI_SERVICE_DELAYED_ACCEPTANCE | TDI_SERVICE_EXPEDITED_DATA | TDI_SERVICE_NO_ZERO_LENGTH;
    info->MinimumLookaheadData = 128;
    info->MaximumLookaheadData = 0xFFFF;
}

const struct tdic_ops tcpip_tcp_ops = {
    .tx_bytes = sizeof(struct tcpip_send),
    .address_open = tcp_op_address_open,
    .address_close = tcp_op_address_close,
    .connection_create = tcp_op_connection_create,
    .connection_free = tcp_op_connection_free,
    .connect = tcp_op_connect,
    .accept = tcp_op_accept,
    .refuse = tcp_op_refuse,
    .send = tcp_op_send,
    .send_cancel = tcp_op_send_cancel,
    .consumed = tcpip_rx_consumed,
    .rx_done = tcpip_rx_done,
    .release = tcp_op_release,
    .abort = tcp_op_abort,
    .part = tcp_op_part,
    .provider_info = tcp_op_provider_info,
    .control = tcpip_op_control,
    .query = tcpip_op_query,
    .set = tcpip_op_set,
};
