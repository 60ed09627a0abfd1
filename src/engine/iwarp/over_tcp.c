// SPDX-License-Identifier: MIT
// iWARP on an engine/tcp connection.
//   in   what waits in TCP is shown to iWARP when there is enough of it, and taken as far as it was used: FPDUs stay in TCP, by reference
//        to their frames, until they are whole
//   out  runs are tcp_sends; TCP gives each back when its last byte is acknowledged
// Order: first what TCP gave back, then what came, then what is ready, then the ends: so one call settles all that one event brings.
#include "engine/iwarp/over_tcp.h"
#include <errno.h>

static void
take_in(struct iwarp_connection *c, struct tcp_connection *tcp, struct eng_span *scratch, uint64_t now_us, struct eng_outbox *outbox)
{
    struct tcp_receive_view view;
    for (;;) {
        tcp_receive_view(tcp, &view);
        if (view.bytes < iwarp_need(c))
            break;
        size_t used = iwarp_input(c, scratch, tcp_receive_spans(tcp, 0, scratch, IWARP_TCP_SPANS), now_us);
        if (!used)
            break;
        tcp_receive_take(tcp, (uint32_t)used, now_us, outbox);
    }
    if (view.has_fin)
        iwarp_peer_fin(c, view.bytes, now_us);
}

static void
send_out(struct iwarp *iwarp, struct iwarp_connection *c, struct tcp_connection *tcp, uint64_t now_us, struct eng_outbox *outbox)
{
    struct tcp_send *send;
    while ((send = iwarp_run_next(c))) {
        int error = tcp_send(tcp, send, now_us, outbox);
        if (error) {
            send->status = error;
            iwarp_run_done(iwarp, send, now_us);
        }
    }
}

static void
take_back(struct iwarp *iwarp, struct tcp_connection *tcp, uint64_t now_us)
{
    struct tcp_send *send;
    while ((send = tcp_send_done(tcp)))
        iwarp_run_done(iwarp, send, now_us);
}

void
iwarp_tcp_run(struct iwarp *iwarp, struct iwarp_connection *c, struct tcp_connection *tcp, uint32_t tcp_events, struct eng_span *scratch,
              uint64_t now_us, struct eng_outbox *outbox)
{
    take_back(iwarp, tcp, now_us);
    take_in(c, tcp, scratch, now_us, outbox);
    send_out(iwarp, c, tcp, now_us, outbox);
    if (iwarp_wants_abort(c))
        tcp_abort(tcp, now_us, outbox);
    else if (iwarp_wants_fin(c)) {
        tcp_shutdown(tcp, now_us, outbox);
        iwarp_fin_sent(c);
    }
    if (tcp_events & TCP_EVENT_ENDED) {
        struct tcp_info info;
        tcp_info(tcp, &info);
        iwarp_lost(c, info.end == TCP_END_NONE);
    }
    take_back(iwarp, tcp, now_us);
}
