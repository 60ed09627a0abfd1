// SPDX-License-Identifier: MIT
// What stage.c (the host) and peer.c (the other end) share.
#ifndef NBX_TESTS_FLOW_TOE_STAGE_INT_H
#define NBX_TESTS_FLOW_TOE_STAGE_INT_H

#include <nbx/port.h>

#include "stage.h"

struct stage_peer {
    KSPIN_LOCK lock;
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct tcp *tcp;
    struct nbx_port *port;
};
extern struct stage_peer peer;
extern const uint8_t host_address[16], peer_address[16], host_address6[16], peer_address6[16], peer_mac[6];

uint64_t now_us(void);
struct eng_address address_of_host(void), address_of_peer(void);
void peer_create(void);
void peer_destroy(void);
void peer_tick(void);
void peer_drain(struct eng_outbox *outbox);   // locks: peer.lock held

#endif
