// SPDX-License-Identifier: MIT
// iWARP on an engine/tcp connection: what came in goes up, what is ready goes down, ends are passed on. The caller calls it after each of
// TCP's events for the connection and after each of its own calls of iWARP, with the same outbox.
#ifndef NBX_ENGINE_IWARP_OVER_TCP_H
#define NBX_ENGINE_IWARP_OVER_TCP_H

#include "engine/iwarp/iwarp.h"

// An FPDU that has come in the smallest pieces TCP keeps must be seen whole: 65,535 bytes and markers in runs of 256.
#define IWARP_TCP_SPANS 320

// The least receive buffer with which every FPDU fits into the window.
#define IWARP_TCP_RECEIVE_BYTES (68u << 10)

/* scratch: IWARP_TCP_SPANS spans, of no meaning between calls.
 * owns:  sends that TCP has ended go back to iWARP; the TCP connection stays the caller's, who releases it after RDMA_EVENT_CLOSED */
void iwarp_tcp_run(struct iwarp *iwarp, struct iwarp_connection *connection, struct tcp_connection *tcp, uint32_t tcp_events,
                   struct eng_span *scratch, uint64_t now_us, struct eng_outbox *outbox);

#endif
