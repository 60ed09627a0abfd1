// SPDX-License-Identifier: MIT
// One connection's two hand-overs.
//   tcpip_offload_export   record and sends leave the engine (a delayed acknowledgement goes out), what no client has had becomes
//                          BufferedData; the engine forgets the connection, and its segments are held from now on
//   tcpip_offload_there    what waited meanwhile goes down
//   tcpip_offload_import   record and sends go in again, what was held is heard now; what clients did meanwhile is done
// The bytes that clients have and have not used yet count against nobody's window but ours: connection->foreign_bytes.
// [offloading-tcp-chimney-state, terminating-offload-state]
#include "chimney.h"

static struct tcpip_send *
send_of(struct list *node)
{
    return CONTAINING_RECORD(LIST_ENTRY_OF(node, struct tcp_send, link), struct tcpip_send, send);
}

// ---- one of them --------------------------------------------------------------------------------------------------------------------

struct tcpip_offload *
tcpip_offload_create(struct tcpip_connection *connection, struct tcpip_adapter *adapter)
{
    struct tcpip_offload *offload = tcpip_alloc(sizeof *offload);
    if (!offload)
        return NULL;
    offload->connection = connection;
    offload->adapter = adapter;
    offload->backlog_bytes = 0xFFFFFFFF;
    list_init(&offload->unsent);
    list_init(&offload->out);
    InitializeListHead(&offload->held);
    InsertTailList(&adapter->chimney.waiting, &offload->link);
    connection->offload = offload;
    return offload;
}

static VOID
buffered_free(struct tcpip_offload *offload)
{
    if (!offload->buffered)
        return;
    MDL *mdl = NET_BUFFER_LIST_PROTOCOL_RESERVED(offload->buffered)[0];
    NdisFreeNetBufferList(offload->buffered);
    tcpip_free(MmGetMdlVirtualAddress(mdl));
    IoFreeMdl(mdl);
    offload->buffered = NULL;
}

VOID
tcpip_offload_free(struct tcpip_offload *offload)
{
    struct tcpip_adapter *adapter = offload->adapter;
    if (offload->state != OFFLOAD_WAITING) {
        tcpip_offload_remove(offload);
        adapter->chimney.away--;
    }
    RemoveEntryList(&offload->link);
    if (offload->half_closed_us)
        RemoveEntryList(&offload->half_link);
    buffered_free(offload);
    tcpip_offload_return(offload);
    while (!IsListEmpty(&offload->held))
        tcpip_held_free(CONTAINING_RECORD(RemoveHeadList(&offload->held), struct chimney_held, link));
    if (offload->path)
        tcpip_chimney_path_drop(adapter, offload->path);
    offload->connection->offload = NULL;
    tcpip_policy_back(offload->connection, adapter, offload->is_declined, offload->there_us, tcpip_now_us());
    tcpip_free(offload);
    for (LIST_ENTRY *at = tcpip_host.connecting.Flink; at != &tcpip_host.connecting; at = at->Flink)
        tcpip_post(&CONTAINING_RECORD(at, struct tcpip_connecting, link)->connection->news);
}

VOID
tcpip_offload_half_closed(struct tcpip_offload *offload, uint64_t now_us)
{
    if (offload->half_closed_us)
        return;
    offload->half_closed_us = now_us;
    InsertTailList(&tcpip_host.half_closed, &offload->half_link);
}

// ---- out ----------------------------------------------------------------------------------------------------------------------------

// Bytes that nobody above has had go along [handling-buffered-receive-data-during-and-after-an-offload-operation]. FALSE: no memory
static BOOLEAN
buffered_take(struct tcpip_offload *offload)
{
    struct tcp_connection *tcp = offload->connection->tcp;
    struct tcp_receive_view view;
    struct eng_span spans[16];
    ULONG at = 0;
    tcp_receive_view(tcp, &view);
    if (!view.bytes)
        return TRUE;
    UCHAR *bytes = tcpip_alloc(view.bytes);
    MDL *mdl = bytes ? IoAllocateMdl(bytes, view.bytes, FALSE, FALSE, NULL) : NULL;
    NET_BUFFER_LIST *nbl = NULL;
    if (mdl) {
        MmBuildMdlForNonPagedPool(mdl);
        nbl = tcpip_offload_nbl(offload->adapter, mdl, 0, view.bytes, mdl);
    }
    if (!nbl) {
        if (mdl)
            IoFreeMdl(mdl);
        tcpip_free(bytes);
        return FALSE;
    }
    while (at < view.bytes) {
        size_t count = tcp_receive_spans(tcp, at, spans, ARRAYSIZE(spans));
        for (size_t i = 0; i < count; at += spans[i++].count)
            memcpy(bytes + at, spans[i].bytes, spans[i].count);
    }
    offload->buffered = nbl;
    return TRUE;
}

// Where the connection goes, and how it comes back. FALSE: it cannot go
static BOOLEAN
path_take(struct tcpip_offload *offload, struct tcpip_call *call)
{
    const struct tcp_constant *constant = &offload->record.constant;
    struct net_path path = {.source = constant->local, .destination = constant->remote};
    struct net_next_hop hop;
    UCHAR mac[CHIM_MAC_BYTES];
    if (tcpip_path_find(&path, &offload->open.path, call->now_us) || path.interface_index != offload->adapter->index ||
        net_path_hop(tcpip_host.net, &path, &hop, call->now_us))
        return FALSE;
    if (!hop.is_known) { // it is asked for, for the next time
        net_path_ask(tcpip_host.net, &path, TRUE, mac, call->now_us, &call->outbox);
        return FALSE;
    }
    offload->open.context = offload->connection;
    offload->path = tcpip_chimney_path(offload->adapter, constant, &hop, path.mtu_bytes);
    return offload->path != NULL;
}

static VOID
sends_number(struct tcpip_offload *offload, struct list *sends)
{
    struct list *node;
    ULONG seq = offload->record.delegated.snd_una;
    while ((node = list_pop_front(sends))) {
        struct tcpip_send *send = send_of(node);
        send->seq = seq - (ULONG)send->send.acked_bytes;
        seq = send->seq + (ULONG)send->send.bytes;
        list_push_back(&offload->out, node);
    }
    offload->next_seq = seq;
}

// The chain that goes down with the connection. FALSE: no memory
static BOOLEAN
sends_describe(struct tcpip_offload *offload, struct chimney_block *block)
{
    NET_BUFFER_LIST **end = &block->list.NetBufferListChain;
    TCP_OFFLOAD_STATE_DELEGATED *delegated = &block->state.tcp.delegated;
    LIST_FOR_EACH(node, &offload->out) {
        struct tcpip_send *send = send_of(node);
        if (!tcpip_send_describe(offload, send))
            return FALSE;
        *end = delegated->SendDataTail = send->nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(send->nbl);
        offload->out_bytes += send->send.bytes - send->send.acked_bytes;
    }
    delegated->SendDataHead = block->list.NetBufferListChain;
    return TRUE;
}

static VOID
block_fill(struct tcpip_offload *offload, struct chimney_block *block)
{
    chim_constant_put(&offload->record.constant, &block->state.tcp.constant);
    chim_cached_put(&offload->record.cached, &block->state.tcp.cached);
    chim_delegated_put(&offload->record.delegated, &block->state.tcp.delegated);
    block->state.tcp.delegated.BufferedData = offload->buffered;
}

static VOID
fin_note(struct tcpip_offload *offload)
{
    struct tcpip_connection *connection = offload->connection;
    enum tcp_state state = offload->record.delegated.state;
    if ((state != TCP_CLOSE_WAIT && state != TCP_CLOSING && state != TCP_LAST_ACK) || connection->is_fin_told)
        return;
    offload->has_fin_behind = TRUE;
    offload->fin_after_bytes = offload->buffered ? (ULONG)chim_nbl_bytes(offload->buffered) : 0;
}

BOOLEAN
tcpip_offload_prepare(struct tcpip_offload *offload, struct tcpip_call *call)
{
    struct tcpip_connection *connection = offload->connection;
    if (!connection->tcp || connection->is_silent || !connection->is_connected_told)
        return FALSE;
    tcp_query(connection->tcp, call->now_us, &offload->record);
    return chim_state_travels((TCP_OFFLOAD_CONNECTION_STATE)offload->record.delegated.state) && path_take(offload, call) &&
           buffered_take(offload);
}

BOOLEAN
tcpip_offload_export(struct tcpip_offload *offload, struct chimney_block *block, struct tcpip_call *call)
{
    struct tcpip_connection *connection = offload->connection;
    struct tcp_handover handover;
    if (tcp_export(connection->tcp, call->now_us, &call->segments, &handover)) {
        tcpip_offload_free(offload);
        return FALSE;
    }
    offload->record = handover.record;
    tcp_release(connection->tcp, call->now_us, &call->segments);
    connection->tcp = NULL;
    RemoveEntryList(&offload->link);
    InitializeListHead(&offload->link);
    offload->state = OFFLOAD_GOING;
    offload->adapter->chimney.away++;
    tcpip_offload_insert(offload);
    connection->foreign_bytes = connection->up_bytes;
    fin_note(offload);
    if (handover.record.delegated.state == TCP_FIN_WAIT_1 || handover.record.delegated.state == TCP_FIN_WAIT_2)
        tcpip_offload_half_closed(offload, call->now_us);
    sends_number(offload, &handover.sends);
    block_fill(offload, block);
    if (!handover.urgent_offset && sends_describe(offload, block))
        return TRUE;
    // It goes in again as it came out.
    offload->urgent_offset = handover.urgent_offset;
    tcpip_offload_import(offload, offload->buffered, call);
    return FALSE;
}

VOID
tcpip_offload_there(struct tcpip_offload *offload)
{
    struct tcpip_adapter *adapter = offload->adapter;
    struct tcpip_connection *connection = offload->connection;
    // Buffered data comes only once a receive has been posted.
    offload->wants_post = offload->buffered != NULL;
    buffered_free(offload);
    offload->state = OFFLOAD_THERE;
    offload->there_us = tcpip_now_us();
    InsertTailList(&adapter->chimney.there, &offload->link);
    if (offload->has_fin_behind && !offload->fin_after_bytes)
        connection->is_away_fin = TRUE;
    if (adapter->chimney.is_stopped || adapter->chimney.is_called_back || connection->is_parted || offload->path->is_over ||
        offload->path->neighbor->is_over)
        offload->wants_back = TRUE;
    tcpip_held_forward(offload);
    tcpip_post(&connection->news);
}

// ---- in -----------------------------------------------------------------------------------------------------------------------------

// Sends that the peer has wholly acknowledged end; the others go into the list, the first of them with what was acknowledged.
static VOID
sends_collect(struct tcpip_offload *offload, struct list *sends)
{
    ULONG una = offload->record.delegated.snd_una;
    struct list *node;
    list_init(sends);
    while ((node = list_pop_front(&offload->out)) || (node = list_pop_front(&offload->unsent))) {
        struct tcpip_send *send = send_of(node);
        LONG acked = (LONG)(una - send->seq);
        tcpip_send_undescribe(send);
        if (acked >= (LONG)send->send.bytes) {
            tcpip_send_end(send, 0);
            continue;
        }
        send->send.acked_bytes = acked > 0 ? (ULONG)acked : 0;
        list_push_back(sends, node);
        if (send->send.flags & TCP_SEND_URGENT)
            offload->urgent_offset = send->seq + (ULONG)send->send.bytes - una;
    }
}

static VOID
sends_end(struct list *sends, int status)
{
    struct list *node;
    while ((node = list_pop_front(sends)))
        tcpip_send_end(send_of(node), status);
}

// The connection is nowhere any more: the engine's reference is dropped by the teller.
static VOID
connection_over(struct tcpip_offload *offload)
{
    struct tcpip_connection *connection = offload->connection;
    tcpip_host.away_resets += connection->is_away_reset || connection->wants_abort;
    connection->drops++;
    tcpip_post(&connection->news);
    tcpip_offload_free(offload);
}

VOID
tcpip_offload_lost(struct tcpip_offload *offload)
{
    struct list sends;
    sends_collect(offload, &sends);
    sends_end(&sends, -ECONNRESET);
    offload->connection->is_away_reset = TRUE;
    connection_over(offload);
}

// It ended where it was: in order (LAST_ACK was answered), by a reset, or by an abort of ours.
static VOID
import_closed(struct tcpip_offload *offload)
{
    struct tcpip_connection *connection = offload->connection;
    struct list sends;
    sends_collect(offload, &sends);
    if (!list_is_empty(&sends))
        connection->is_away_reset = TRUE;
    sends_end(&sends, connection->is_silent ? -ECONNABORTED : -ECONNRESET);
    connection->is_away_fin_acked = !connection->is_away_reset;
    connection_over(offload);
}

// What clients have asked for since it went.
static VOID
import_follow(struct tcpip_connection *connection, enum tcp_state state, struct tcpip_call *call)
{
    if (connection->wants_abort)
        tcp_abort(connection->tcp, call->now_us, &call->segments);
    else if (connection->wants_release && (state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT))
        tcp_shutdown(connection->tcp, call->now_us, &call->segments);
    connection->events |= TCP_EVENT_DATA | TCP_EVENT_SENT;
    if (!connection->is_parted)
        return;
    tcp_set_context(connection->tcp, NULL);
    tcp_release(connection->tcp, call->now_us, &call->segments);
    connection->tcp = NULL;
    connection->drops++;
}

#define FEW_SPANS 16

// Bytes that come back without a client having had them, as spans without an owner, which the engine copies. `few` is room for some.
// fails: FALSE without memory
static BOOLEAN
buffered_spans(NET_BUFFER_LIST *buffered, struct eng_span *few, struct eng_span **spans, ULONG *count)
{
    ULONG room = 0;
    for (NET_BUFFER_LIST *nbl = buffered; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        room += chim_nbl_span_count(nbl);
    *count = 0;
    *spans = room <= FEW_SPANS ? few : tcpip_alloc(room * sizeof **spans);
    for (NET_BUFFER_LIST *nbl = buffered; *spans && nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        *count += chim_nbl_spans(nbl, *spans + *count, room - *count, NULL);
    return *spans && *count == room;
}

VOID
tcpip_offload_import(struct tcpip_offload *offload, NET_BUFFER_LIST *buffered, struct tcpip_call *call)
{
    struct tcpip_connection *connection = offload->connection;
    const struct tcp_constant *constant = &offload->record.constant;
    struct tcp_handover handover = {.record = offload->record};
    struct net_path path = {.source = constant->local, .destination = constant->remote};
    struct eng_span few[FEW_SPANS], *spans;
    ULONG count;
    if (offload->record.delegated.state == TCP_CLOSED) {
        import_closed(offload);
        return;
    }
    // A path that is gone is as a wire that is cut: the old one will do until there is another.
    tcpip_path_find(&path, &offload->open.path, call->now_us);
    sends_collect(offload, &handover.sends);
    handover.urgent_offset = offload->urgent_offset;
    int error = -ENOMEM;
    if (buffered_spans(buffered, few, &spans, &count))
        error = tcp_import(tcpip_host.tcp, &handover, &offload->open, spans, count, call->now_us, &call->segments, &connection->tcp);
    if (spans != few)
        tcpip_free(spans);
    if (error) {
        DbgPrint("tcpip: a connection that came back cannot go on (%d)\n", error);
        connection->tcp = NULL;
        sends_end(&handover.sends, -ECONNABORTED);
        connection->is_away_reset = TRUE;
        connection_over(offload);
        return;
    }
    connection->foreign_bytes = connection->up_bytes;
    tcpip_held_input(offload, call);
    tcpip_offload_free(offload);
    import_follow(connection, handover.record.delegated.state, call);
    tcpip_post(&connection->news);
}
