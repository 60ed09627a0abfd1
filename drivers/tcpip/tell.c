// SPDX-License-Identifier: MIT
// What the TCP engine has to tell, on its way up.
//   tcpip_tcp_events (lock held)       the engine's events -> bits of the connection they are about, and its news posted
//   tcpip_connection_tell (no lock)    rounds of: take what there is under the lock, tell it without
//       connected -> received bytes -> FIN -> our release confirmed -> gone; sends that have ended in between
// Received bytes leave the engine here (tcp_receive_move) and count against the window until the client has used them. A struct rx
// stands for each stretch: over the miniport's own MDL when the bytes lie in a frame, over an MDL of ours when the engine had
// copied them. The client's layer gives it back soon, or keeps it (a chained receive) until TdiReturnChainedReceives.
#include "chimney.h"

#include <tdistat.h>

#define RX_AT_ONCE 64
#define RX_KEPT_MAX 1024

// A stretch of received bytes above the waist.
struct rx {
    struct tdic_rx up;
    NBX_TDI_TSDU tsdu;
    struct eng_owner *owner;          // a hold
    PMDL own;                         // an MDL of ours, or NULL
    struct list link;
    struct rx *next;                  // given back, or kept
};

static NTAPI VOID rx_returned(NBX_TDI_TSDU *tsdu);

// ---- received bytes -------------------------------------------------------------------------------------------------------------

// locks: host->lock held
static struct rx *
rx_get(VOID)
{
    struct rx *rx = tcpip_host.rx_kept;
    if (!rx)
        return tcpip_alloc(sizeof *rx);
    tcpip_host.rx_kept = rx->next;
    tcpip_host.rx_kept_count--;
    RtlZeroMemory(rx, sizeof *rx);
    return rx;
}

// locks: host->lock held
static VOID
rx_put(struct rx *rx)
{
    if (rx->own)
        IoFreeMdl(rx->own);
    eng_drop(rx->owner);
    if (tcpip_host.rx_kept_count >= RX_KEPT_MAX) {
        tcpip_free(rx);
        return;
    }
    rx->next = tcpip_host.rx_kept;
    tcpip_host.rx_kept = rx;
    tcpip_host.rx_kept_count++;
}

VOID
tcpip_rx_kept_free(struct tcpip_host *host)
{
    struct rx *rx;
    while ((rx = host->rx_kept)) {
        host->rx_kept = rx->next;
        tcpip_free(rx);
    }
    host->rx_kept_count = 0;
}

// A client's own return of what it had kept.
static NTAPI VOID
rx_returned(NBX_TDI_TSDU *tsdu)
{
    struct tcpip_call call;
    tcpip_enter(&call);
    rx_put(CONTAINING_RECORD(tsdu, struct rx, tsdu));
    tcpip_leave(&call);
}

// What was given back and used since this was last called.   locks: host->lock held
static VOID
back_take(struct tcpip_connection *connection, struct tcpip_call *call)
{
    struct rx *rx = InterlockedExchangePointer((PVOID *)&connection->given_back, NULL), *next;
    for (; rx; rx = next) {
        next = rx->next;
        rx_put(rx);
    }
    ULONG bytes = (ULONG)InterlockedExchange(&connection->used_bytes, 0), foreign = min(bytes, connection->foreign_bytes);
    connection->foreign_bytes -= foreign;
    connection->up_bytes -= bytes;
    if (bytes > foreign && connection->tcp)
        tcp_receive_used(connection->tcp, bytes - foreign, call->now_us, &call->segments);
    else if (connection->offload)
        tcpip_offload_used(connection->offload, bytes, call->now_us);
}

// Something was noted: it is seen to now, unless a round is being told, whose end comes behind it. The note is made before the round is
// looked at, and the round is over before its notes are: one of the two sees the other.
static VOID
back_noted(struct tcpip_connection *connection)
{
    struct tcpip_call call;
    if (InterlockedCompareExchange(&connection->is_in_round, 0, 0))
        return;
    tcpip_enter(&call);
    back_take(connection, &call);
    tcpip_leave(&call);
}

VOID
tcpip_rx_done(struct tdic_connection *up, struct tdic_rx *tdic_rx, BOOLEAN is_lent)
{
    struct tcpip_connection *connection = CONTAINING_RECORD(up, struct tcpip_connection, up);
    struct rx *rx = CONTAINING_RECORD(tdic_rx, struct rx, up), *head;
    if (is_lent)
        return;
    do {
        head = ReadPointerNoFence((PVOID const volatile *)&connection->given_back);
        rx->next = head;
    } while (InterlockedCompareExchangePointer((PVOID *)&connection->given_back, rx, head) != head);
    back_noted(connection);
}

VOID
tcpip_rx_consumed(struct tdic_connection *up, ULONG bytes, BOOLEAN is_expedited)
{
    struct tcpip_connection *connection = CONTAINING_RECORD(up, struct tcpip_connection, up);
    UNREFERENCED_PARAMETER(is_expedited);
    InterlockedExchangeAdd(&connection->used_bytes, (LONG)bytes);
    back_noted(connection);
}

// NULL: no memory.   locks: host->lock held
static struct rx *
rx_create(const struct eng_span *span, BOOLEAN is_expedited)
{
    struct rx *rx = rx_get();
    if (!rx)
        return NULL;
    rx->up.mdl = span->tag;
    rx->up.offset = span->offset;
    if (!span->tag) {
        rx->up.mdl = rx->own = IoAllocateMdl((PVOID)span->bytes, span->count, FALSE, FALSE, NULL);
        rx->up.offset = 0;
        if (!rx->own) {
            tcpip_free(rx);
            return NULL;
        }
        MmBuildMdlForNonPagedPool(rx->own);
    }
    rx->up.bytes = span->count;
    rx->up.flags = (is_expedited ? TDIC_RX_EXPEDITED : 0) | (span->tag ? TDIC_RX_SCARCE : 0);
    rx->tsdu.Return = rx_returned;
    rx->up.descriptor = &rx->tsdu;
    rx->owner = span->owner;
    eng_hold(span->owner);
    return rx;
}

BOOLEAN
tcpip_rx_append(struct list *all, const struct eng_span *span)
{
    struct rx *rx = rx_create(span, FALSE);
    if (rx)
        list_push_back(all, &rx->link);
    return rx != NULL;
}

VOID
tcpip_rx_drop_all(struct list *all)
{
    struct list *node;
    while ((node = list_pop_front(all)))
        rx_put(LIST_ENTRY_OF(node, struct rx, link));
}

// Take stretches out of the engine, in order. The urgent byte is expedited data, what is before and after it is not [RFC 9293 3.8.5
// calls all of it urgent; that one byte is out of band is what TDI clients and BSD's take for granted].   locks: host->lock held
static VOID
rx_gather(struct tcpip_connection *connection, struct list *all)
{
    struct tcp_receive_view view;
    struct eng_span spans[RX_AT_ONCE];
    tcp_receive_view(connection->tcp, &view);
    size_t count = tcp_receive_spans(connection->tcp, 0, spans, RX_AT_ONCE);
    ULONG at = 0;
    for (size_t i = 0; i < count;) {
        struct eng_span one = spans[i];
        BOOLEAN is_urgent = view.urgent_bytes == at + 1;
        if (is_urgent)
            one.count = 1;
        else if (view.urgent_bytes > at + 1 && one.count > view.urgent_bytes - 1 - at)
            one.count = view.urgent_bytes - 1 - at;
        struct rx *rx = rx_create(&one, is_urgent);
        if (!rx)
            break; // the bytes stay in the engine: the window closes, and the timer asks again
        list_push_back(all, &rx->link);
        at += one.count;
        spans[i].bytes += one.count;
        spans[i].offset += one.count;
        spans[i].count -= one.count;
        i += !spans[i].count;
    }
    if (at)
        tcp_receive_move(connection->tcp, at);
    connection->up_bytes += at;
    if (at && at < view.bytes)
        connection->events |= TCP_EVENT_DATA;
    connection->is_starved = !at && view.bytes;
    if (connection->is_starved)
        tcpip_post_later(&connection->news);
}

static VOID
rx_tell(struct tcpip_connection *connection, struct list *all)
{
    struct list *node;
    while ((node = list_pop_front(all)))
        tdic_up_received(&connection->up, &LIST_ENTRY_OF(node, struct rx, link)->up);
}

// ---- sends ----------------------------------------------------------------------------------------------------------------------

// The engine is done with some: what holds them now are packets that have not come back.   locks: host->lock held
static VOID
sends_take(struct tcpip_connection *connection)
{
    struct tcp_send *done;
    while (connection->tcp && (done = tcp_send_done(connection->tcp)))
        eng_drop(&LIST_ENTRY_OF(done, struct tcpip_send, send)->owner);
}

static VOID
sends_tell(struct tcpip_connection *connection, struct list *all)
{
    struct list *node;
    while ((node = list_pop_front(all))) {
        struct tcpip_send *send = LIST_ENTRY_OF(node, struct tcpip_send, ended_link);
        NTSTATUS status = send->send.status ? tcpip_status_of(send->send.status) : STATUS_SUCCESS;
        tcpip_send_spans_free(send);
        tdic_up_sent(&connection->up, send->tx, status);
        tdic_connection_unref(&connection->up);
    }
}

static VOID
list_move(struct list *from, struct list *to)
{
    struct list *node;
    list_init(to);
    while ((node = list_pop_front(from)))
        list_push_back(to, node);
}

// ---- rounds ---------------------------------------------------------------------------------------------------------------------

// What one round has to tell.
struct round {
    struct list sends, received;
    struct tcp_record record;
    ULONG scope;                      // of the peer's address
    NTSTATUS gone;
    BOOLEAN is_offered, is_connected, is_finished, is_released, is_gone, is_any;
};

// What is told once, after everything that came before it.   locks: host->lock held
static VOID
round_ends(struct tcpip_connection *connection, struct round *round, BOOLEAN has_rest)
{
    struct tcp_info info;
    tcp_info(connection->tcp, &info);
    connection->end = info.end;
    BOOLEAN is_over = info.state == TCP_CLOSED || info.state == TCP_TIME_WAIT, is_broken = is_over && info.end != TCP_END_NONE;
    if (is_broken && !connection->is_gone_told) {
        round->is_gone = connection->is_gone_told = TRUE;
        round->gone = tcpip_status_of_end(info.end);
    }
    if (is_broken || !connection->is_connected_told)
        return;
    if (info.fin_received && !has_rest && !connection->is_fin_told)
        round->is_finished = connection->is_fin_told = TRUE;
    if (connection->wants_release && info.fin_acked && !connection->is_released_told)
        round->is_released = connection->is_released_told = TRUE;
}

static BOOLEAN
round_is_any(const struct round *round)
{
    return round->is_offered || round->is_connected || round->is_finished || round->is_released || round->is_gone ||
           !list_is_empty(&round->sends) || !list_is_empty(&round->received);
}

// The same of a connection that is away: what its target has told.   locks: host->lock held
static VOID
round_ends_away(struct tcpip_connection *connection, struct round *round)
{
    if (connection->is_away_reset && !connection->is_gone_told) {
        round->is_gone = connection->is_gone_told = TRUE;
        round->gone = tcpip_status_of_end(connection->end = TCP_END_RESET);
    }
    if (connection->is_away_reset)
        return;
    if (connection->is_away_fin && !connection->is_fin_told)
        round->is_finished = connection->is_fin_told = TRUE;
    if (connection->wants_release && connection->is_away_fin_acked && !connection->is_released_told)
        round->is_released = connection->is_released_told = TRUE;
}

// locks: host->lock held
static VOID
round_gather(struct tcpip_connection *connection, struct round *round, ULONG events, uint64_t now_us)
{
    list_move(&connection->received, &round->received);
    if (connection->tcp && events & TCP_EVENT_OFFER) {
        tcp_query(connection->tcp, now_us, &round->record);
        round->is_offered = TRUE;
    }
    if (connection->tcp && events & TCP_EVENT_CONNECTED && !connection->is_connected_told) {
        round->is_connected = connection->is_connected_told = TRUE;
        tcp_query(connection->tcp, now_us, &round->record);
    }
    if (connection->tcp && connection->is_connected_told)
        rx_gather(connection, &round->received);
    if (connection->tcp)
        round_ends(connection, round, connection->events & TCP_EVENT_DATA || connection->is_starved);
    else
        round_ends_away(connection, round);
}

// Collect. FALSE: there is nothing.
static BOOLEAN
round_take(struct tcpip_connection *connection, struct round *round)
{
    struct tcpip_call call;
    *round = (struct round){0};
    list_init(&round->received);
    tcpip_enter(&call);
    InterlockedExchange(&connection->is_in_round, FALSE);
    back_take(connection, &call);
    ULONG events = connection->events;
    connection->events = 0;
    sends_take(connection);
    list_move(&connection->ended, &round->sends);
    if (!connection->is_silent)
        round_gather(connection, round, events, call.now_us);
    if (round->is_connected)
        tcpip_chimney_opened(connection, call.now_us);
    if (round->is_connected || round->is_offered) // a link-local peer is on the link of our own link-local address
        round->scope = tcpip_scope_of(&round->record.constant.remote, net_address_is_ours(tcpip_host.net, &round->record.constant.local));
    BOOLEAN is_any = round_is_any(round);
    InterlockedExchange(&connection->is_in_round, is_any);
    tcpip_leave(&call);
    return is_any;
}

static VOID
round_tell(struct tcpip_connection *connection, struct round *round)
{
    struct tdic_connection *up = &connection->up;
    const struct tdic_info nothing = {0};
    union tcpip_ta remote;
    ULONG remote_bytes = 0;
    if (round->is_offered || round->is_connected)
        remote_bytes = tcpip_address_to(&remote, &round->record.constant.remote, round->record.constant.remote_port, round->scope);
    if (round->is_offered)
        tdic_up_offer(connection->address, up, &remote.list, remote_bytes, &nothing);
    if (round->is_connected)
        tdic_up_connected(up, &remote.list, remote_bytes, &nothing);
    sends_tell(connection, &round->sends);
    rx_tell(connection, &round->received);
    if (round->is_finished)
        tdic_up_finished(up, &nothing);
    if (round->is_released)
        tdic_up_released(up);
    if (round->is_gone)
        tdic_up_gone(up, round->gone, NULL);
}

// References of the engine to a connection that it will not have again.
static VOID
drops_take(struct tcpip_connection *connection)
{
    struct tcpip_call call;
    tcpip_enter(&call);
    ULONG drops = connection->drops;
    connection->drops = 0;
    tcpip_leave(&call);
    while (drops--)
        tdic_connection_unref(&connection->up);
}

VOID
tcpip_connection_tell(struct tcpip_news *news)
{
    struct tcpip_connection *connection = CONTAINING_RECORD(news, struct tcpip_connection, news);
    struct round round;
    BOOLEAN more;
    if (connection->connecting)
        tcpip_connect_again(connection);
    do {
        more = round_take(connection, &round);
        if (more)
            round_tell(connection, &round);
        more |= tcpip_offload_step(connection);
    } while (more);
    drops_take(connection);
}

// ---- from the engine ------------------------------------------------------------------------------------------------------------

// A new offer. Without memory for it the peer tries again.   locks: host->lock held
static struct tcpip_connection *
offer_create(struct tcp_connection *tcp)
{
    struct tcp_listener *listener = tcp_offer_listener(tcp);
    struct tcpip_address *address = listener ? tcp_listener_context(listener) : NULL;
    struct tcpip_connection *connection = address ? tcpip_connection_create(address->up) : NULL;
    if (!connection) {
        tcp_ignore(tcp);
        return NULL;
    }
    connection->tcp = tcp;
    connection->is_offer = TRUE;
    tcp_set_context(tcp, connection);
    return connection;
}

// The peer answers, so the neighbour on the way to it does [RFC 4861 7.3.1].   locks: host->lock held
static VOID
progress(struct tcpip_call *call, const struct tcp_connection *tcp)
{
    struct tcp_record record;
    tcp_query(tcp, call->now_us, &record);
    net_path_confirm(tcpip_host.net, &record.constant.local, &record.constant.remote, call->now_us);
}

VOID
tcpip_tcp_events(struct tcpip_call *call)
{
    struct tcp_connection *tcp;
    struct tcp_send *done;
    uint32_t events;
    while ((tcp = tcp_event_next(tcpip_host.tcp, &events))) {
        struct tcpip_connection *connection = tcp_context(tcp);
        if (events & TCP_EVENT_OFFER && !connection)
            connection = offer_create(tcp);
        if (!connection)
            continue;
        connection->events |= events;
        if (events & TCP_EVENT_PROGRESS)
            progress(call, tcp);
        tcpip_post(&connection->news);
    }
    // Of connections that were parted while sends were out.
    while ((done = tcp_released_send_done(tcpip_host.tcp)))
        eng_drop(&LIST_ENTRY_OF(done, struct tcpip_send, send)->owner);
}
