// SPDX-License-Identifier: MIT
// What drivers/vnic/rdma_rx.c stands on, for its fuzz target and tests/unit/rdma_rx: the file itself with its parsers (keep.c, frame.c), an
// engine/tcp with a listening end (10.0.0.1 and fd00::1, port 4791) and a connection of each family from port 50000 to port 4000 of .2,
// with bytes under way; what rdma_net.c and rdma_endpoint.c do, as little of it as rdma_rx.c asks for.
//   rx_open -> rx_frame (a frame lies in a block of just its size; what is not taken must be as it came) -> rx_close: nothing is left
//   rx_ip, rx_tcp, rx_icmp write the pieces of a frame, sums and all
#ifndef NBX_TESTS_FUZZ_RDMA_RX_H
#define NBX_TESTS_FUZZ_RDMA_RX_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../drivers/vnic/frame.c"
#include "../../drivers/vnic/keep.c"
#include "../../drivers/vnic/rdma_rx.c"

#include "base/csum.h"

#define RX_LISTEN_PORT 4791
#define RX_PORT 50000
#define RX_PEER_PORT 4000
#define RX_MTU 1500u
#define RX_UNDER_WAY 1000u                // bytes that the peer has not acknowledged, from rx.iss + 1 on
#define RX_REQUIRE(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

struct rx_end {                           // a connection
    struct tcp_connection *tcp;
    struct tcp_send send;
    struct eng_span span;
    uint32_t iss;
};

static struct {
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct vnic_adapter adapter;
    struct vnic_rdma rdma;
    struct rdma_net net;
    struct rdma_call call;
    struct rdma_endpoint endpoints[2];
    struct rx_end ends[2];                // IPv4, IPv6
    uint32_t last_seq;                    // of the last segment that left
    unsigned left, offers;                // segments that left, offers that were refused
} rx;

static const uint8_t rx_mac[6] = {2, 0, 0, 0, 0, 1}, rx_peer_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t rx_us[2][16] = {{10, 0, 0, 1}, {0xFD, [15] = 1}}, rx_peer[2][16] = {{10, 0, 0, 2}, {0xFD, [15] = 2}};
static const uint8_t rx_text[RX_UNDER_WAY];

// ---- what rdma_rx.c calls

struct rdma_endpoint *
rdma_endpoint_find(struct rdma_net *net, const struct eng_address *local, USHORT port)
{
    for (int six = 0; six < 2; six++)
        if (rx.endpoints[six].port == port && eng_address_is_equal(&rx.endpoints[six].local, local))
            return &rx.endpoints[six];
    return NULL;
}

ULONG
rdma_hop_get(struct rdma_net *net, const UCHAR mac[VNIC_MAC_BYTES], USHORT vlan)
{
    return 1;
}

// Offers are refused.
VOID
rdma_offers_take(struct rdma_net *net, struct rdma_call *call)
{
    struct tcp_connection *tcp;
    uint32_t events;
    while ((tcp = tcp_event_next(net->tcp, &events)))
        if (tcp != rx.ends[0].tcp && tcp != rx.ends[1].tcp) {
            tcp_refuse(tcp, call->now_us, &call->outbox);
            rx.offers++;
        }
}

void *
vnic_alloc(struct vnic_adapter *adapter, SIZE_T bytes)
{
    return NULL;                          // keep.c's, for a receiver that is not here
}

VOID
rdma_enter(struct vnic_rdma *rdma, struct rdma_call *call)
{
}

VOID
rdma_leave_dpc(struct vnic_rdma *rdma, struct rdma_call *call)
{
}

// ---- the instance

static void *
rx_take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
rx_give(void *context, void *block, size_t bytes)
{
    free(block);
}

static void
rx_drain(void)
{
    struct eng_out *out;
    rdma_offers_take(&rx.net, &rx.call);
    while ((out = eng_outbox_pop(&rx.call.outbox))) {
        RX_REQUIRE(out->head_bytes >= 20);
        rx.last_seq = bytes_load_be32(out->head + 4);
        rx.left++;
        eng_out_put(&rx.pool, out);
    }
}

static inline void
rx_pass(uint64_t us)
{
    rx.call.now_us += us;
    tcp_run(rx.net.tcp, rx.call.now_us, &rx.call.outbox);
    rx_drain();
}

// ---- frames

struct rx_block {
    struct eng_owner owner;
    uint8_t bytes[];
};

static void
rx_block_release(struct eng_owner *owner)
{
    free(owner);
}

// One frame from the port; TRUE: it goes no further.
static BOOLEAN
rx_frame(const uint8_t *frame, size_t count)
{
    struct rx_block *block = malloc(sizeof *block + count);
    struct port_slot slot = {.buffer = block->bytes, .capacity_bytes = (uint32_t)count, .bytes = (uint32_t)count};
    struct rdma_look look = {&rx.net, &rx.call};
    block->owner = (struct eng_owner){.holds = 1, .on_release = rx_block_release};
    memcpy(block->bytes, frame, count);
    tcp_batch_begin(rx.net.tcp);
    BOOLEAN is_taken = frame_take(&look, &slot, &block->owner);
    RX_REQUIRE(!memcmp(block->bytes, frame, count));
    eng_drop(&block->owner);
    tcp_batch_end(rx.net.tcp, rx.call.now_us, &rx.call.outbox);
    rx_drain();
    return is_taken;
}

// Ethernet, a tag, IP with this payload of an upper layer to come; returns where that begins. options: bytes of IPv4 options.
static size_t
rx_ip(uint8_t *frame, bool is_six, uint16_t vlan, uint8_t protocol, size_t payload, unsigned options)
{
    size_t at = 14 + (vlan ? 4 : 0);
    memcpy(frame, rx_mac, 6);
    memcpy(frame + 6, rx_peer_mac, 6);
    if (vlan) {
        bytes_store_be16(frame + 12, 0x8100);
        bytes_store_be16(frame + 14, vlan);
    }
    bytes_store_be16(frame + at - 2, is_six ? 0x86DD : 0x0800);
    uint8_t *ip = frame + at;
    memset(ip, 0, 60);
    if (is_six) {
        ip[0] = 0x60;
        bytes_store_be16(ip + 4, (uint16_t)payload);
        ip[6] = protocol;
        ip[7] = 64;
        memcpy(ip + 8, rx_peer[1], 16);
        memcpy(ip + 24, rx_us[1], 16);
        return at + 40;
    }
    ip[0] = (uint8_t)(0x45 + options / 4);
    bytes_store_be16(ip + 2, (uint16_t)(20 + options + payload));
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, rx_peer[0], 4);
    memcpy(ip + 16, rx_us[0], 4);
    memset(ip + 20, 1, options);
    uint16_t sum = csum_of(ip, 20 + options);
    memcpy(ip + 10, &sum, 2);
    return at + 20 + options;
}

// A segment of count bytes from 20 on, its sum included.
static void
rx_tcp(uint8_t *tcp, bool is_six, uint16_t from, uint16_t to, uint32_t seq, uint32_t ack, uint8_t flags, size_t count)
{
    memset(tcp, 0, 20);
    bytes_store_be16(tcp, from);
    bytes_store_be16(tcp + 2, to);
    bytes_store_be32(tcp + 4, seq);
    bytes_store_be32(tcp + 8, ack);
    tcp[12] = 0x50;
    tcp[13] = flags;
    bytes_store_be16(tcp + 14, 60000);
    uint64_t pseudo = is_six ? csum_pseudo6(rx_peer[1], rx_us[1], 6, (uint32_t)(20 + count))
                             : csum_pseudo4(rx_peer[0], rx_us[0], 6, (uint16_t)(20 + count));
    uint16_t sum = csum_finish(csum_add(pseudo, tcp, 20 + count));
    memcpy(tcp + 16, &sum, 2);
}

#define RX_QUOTE(is_six) (8 + ((is_six) ? 40u : 20u) + 8)     // bytes of an ICMP error with the least of a quote

// An ICMP error that quotes a segment of ours from that port to that port.
static void
rx_icmp(uint8_t *icmp, bool is_six, uint8_t type, uint8_t code, uint32_t mtu, uint16_t from, uint16_t to, uint32_t seq)
{
    uint8_t *ip = icmp + 8, *tcp = ip + (is_six ? 40 : 20);
    size_t count = RX_QUOTE(is_six);
    memset(icmp, 0, count);
    icmp[0] = type;
    icmp[1] = code;
    if (is_six)
        bytes_store_be32(icmp + 4, mtu);
    else
        bytes_store_be16(icmp + 6, (uint16_t)mtu);
    ip[0] = is_six ? 0x60 : 0x45;
    ip[is_six ? 6 : 9] = 6;
    memcpy(ip + (is_six ? 8 : 12), rx_us[is_six], is_six ? 16 : 4);
    memcpy(ip + (is_six ? 24 : 16), rx_peer[is_six], is_six ? 16 : 4);
    bytes_store_be16(tcp, from);
    bytes_store_be16(tcp + 2, to);
    bytes_store_be32(tcp + 4, seq);
}

static void
rx_icmp_sum(uint8_t *icmp, bool is_six, size_t count)
{
    memset(icmp + 2, 0, 2);
    uint64_t pseudo = is_six ? csum_pseudo6(rx_peer[1], rx_us[1], 58, (uint32_t)count) : 0;
    uint16_t sum = csum_finish(csum_add(pseudo, icmp, count));
    memcpy(icmp + 2, &sum, 2);
}

// ---- open and close

static void
rx_connect(int six)
{
    struct rx_end *end = &rx.ends[six];
    struct tcp_open open = {.local_port = RX_PORT, .remote_port = RX_PEER_PORT, .path = {.mtu_bytes = RX_MTU}};
    open.local = six ? eng_address6(rx_us[1]) : eng_address4(rx_us[0]);
    open.remote = six ? eng_address6(rx_peer[1]) : eng_address4(rx_peer[0]);
    RX_REQUIRE(!tcp_connect(rx.net.tcp, &open, rx.call.now_us, &rx.call.outbox, &end->tcp));
    rx_drain();
    end->iss = rx.last_seq;
}

static void
rx_establish(int six)
{
    struct rx_end *end = &rx.ends[six];
    uint8_t frame[100];
    struct tcp_info info;
    size_t at = rx_ip(frame, six, 0, 6, 20, 0);
    rx_tcp(frame + at, six, RX_PEER_PORT, RX_PORT, 7000, end->iss + 1, 0x12, 0);
    RX_REQUIRE(rx_frame(frame, at + 20));
    end->span = (struct eng_span){.bytes = rx_text, .count = RX_UNDER_WAY};
    end->send = (struct tcp_send){.spans = &end->span, .n_spans = 1, .bytes = RX_UNDER_WAY};
    RX_REQUIRE(!tcp_send(end->tcp, &end->send, rx.call.now_us, &rx.call.outbox));
    rx_drain();
    tcp_info(end->tcp, &info);
    RX_REQUIRE(info.state == TCP_ESTABLISHED && info.unacked_bytes == RX_UNDER_WAY);
}

static void
rx_open(void)
{
    static const struct siphash_key key = {{1, 2}};
    struct tcp_params params;
    struct tcp_listener *listener;
    memset(&rx, 0, sizeof rx);
    rx.memory = (struct eng_memory){.on_take = rx_take, .on_give = rx_give, .limit_bytes = 8 << 20};
    eng_out_pool_init(&rx.pool, &rx.memory);
    eng_outbox_init(&rx.call.outbox);
    rx.call.now_us = 1000000;
    memcpy(rx.adapter.mac, rx_mac, 6);
    rx.rdma.adapter = &rx.adapter;
    rx.rdma.net = &rx.net;
    rx.net.rdma = &rx.rdma;
    tcp_params_default(&params);
    params.uses &= ~(uint32_t)TCP_USE_COOKIES;
    rx.net.tcp = tcp_create(&rx.memory, &rx.pool, &params, &key);
    RX_REQUIRE(rx.net.tcp);
    for (int six = 0; six < 2; six++) {
        struct eng_address local = six ? eng_address6(rx_us[1]) : eng_address4(rx_us[0]);
        rx.endpoints[six] = (struct rdma_endpoint){.local = local, .port = RX_LISTEN_PORT};
        RX_REQUIRE(!tcp_listen(rx.net.tcp, &local, RX_LISTEN_PORT, 16, NULL, &listener));
        rx_connect(six);
    }
}

static void
rx_close(void)
{
    for (int six = 0; six < 2; six++)
        tcp_release(rx.ends[six].tcp, rx.call.now_us, &rx.call.outbox);
    tcp_abandon(rx.net.tcp);
    while (tcp_released_send_done(rx.net.tcp))
        continue;
    struct eng_out *out;
    while ((out = eng_outbox_pop(&rx.call.outbox)))
        eng_out_put(&rx.pool, out);
    tcp_destroy(rx.net.tcp);
    eng_out_pool_destroy(&rx.pool);
    RX_REQUIRE(!rx.memory.taken_bytes);
}

#endif
