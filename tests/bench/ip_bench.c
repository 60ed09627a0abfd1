// SPDX-License-Identifier: MIT
// What one host's IP costs a packet, without adapters or clocks: classified up to TCP and UDP, sent down to the frame, for both
// families. Prints nanoseconds a packet, the best of several rounds.
#include "base/bytes.h"
#include "base/csum.h"
#include "engine/stack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 7
#define PACKETS 200000

static struct eng_memory memory;
static struct eng_out_pool pool;
static struct eng_outbox outbox;
static struct net *net;
static uint32_t index_of;
static struct net_udp *udp[2];
static uint8_t frames[4][1514];
static uint32_t frame_bytes[4];
static struct eng_owner owner = {.holds = 1};

static void *
bench_take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
bench_give(void *context, void *block, size_t bytes)
{
    free(block);
}

static double
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void
drain(void)
{
    struct eng_out *out;
    while ((out = eng_outbox_pop(&outbox)))
        eng_out_put(&pool, out);
}

static const uint8_t us4[4] = {10, 0, 0, 1}, peer4[4] = {10, 0, 0, 2}, us6[16] = {0xFD, [15] = 1}, peer6[16] = {0xFD, [15] = 2};
static const uint8_t us_link[6] = {2, 0, 0, 0, 0, 1}, peer_link[6] = {2, 0, 0, 0, 0, 2};

static void
make_frame(unsigned n, bool is_ip6, uint8_t protocol)
{
    uint8_t *frame = frames[n], *ip = frame + 14;
    uint32_t l4_bytes = protocol == NET_TCP ? 20 + 1400 : 8 + 1400;
    memcpy(frame, us_link, 6);
    memcpy(frame + 6, peer_link, 6);
    bytes_store_be16(frame + 12, is_ip6 ? 0x86DD : 0x0800);
    if (is_ip6) {
        ip[0] = 0x60;
        bytes_store_be16(ip + 4, (uint16_t)l4_bytes);
        ip[6] = protocol;
        ip[7] = 64;
        memcpy(ip + 8, peer6, 16);
        memcpy(ip + 24, us6, 16);
    } else {
        ip[0] = 0x45;
        bytes_store_be16(ip + 2, (uint16_t)(20 + l4_bytes));
        ip[8] = 64;
        ip[9] = protocol;
        memcpy(ip + 12, peer4, 4);
        memcpy(ip + 16, us4, 4);
        uint16_t sum = csum_of(ip, 20);
        memcpy(ip + 10, &sum, 2);
    }
    uint8_t *l4 = ip + (is_ip6 ? 40 : 20);
    bytes_store_be16(l4, 1000);
    bytes_store_be16(l4 + 2, 1000);
    if (protocol == NET_UDP)
        bytes_store_be16(l4 + 4, (uint16_t)l4_bytes);
    frame_bytes[n] = 14 + (is_ip6 ? 40 : 20) + l4_bytes;
}

static void
open_host(void)
{
    struct net_settings settings = {.memory = &memory, .pool = &pool};
    struct net_interface_settings interface = {.mtu_bytes = 1500, .no_router_discovery = true,
                                               .offloads = NET_SUM_TCP4 | NET_SUM_TCP6 | NET_SUM_UDP4 | NET_SUM_UDP6};
    struct eng_address address4 = eng_address4(us4), address6 = eng_address6(us6);
    int error;
    memory = (struct eng_memory){.on_take = bench_take, .on_give = bench_give};
    eng_out_pool_init(&pool, &memory);
    eng_outbox_init(&outbox);
    memcpy(interface.link_address, us_link, 6);
    net = net_create(&settings, 0);
    index_of = (uint32_t)net_interface_add(net, &interface);
    net_interface_up(net, index_of, true, 0, &outbox);
    net_address_add(net, index_of, &address4, 24, 0, &outbox);
    net_address_add(net, index_of, &address6, 64, 0, &outbox);
    udp[0] = net_udp_open(net, &(struct net_udp_settings){.local.family = ENG_IP4, .port = 1000}, &error);
    udp[1] = net_udp_open(net, &(struct net_udp_settings){.local.family = ENG_IP6, .port = 1000}, &error);
    net_run(net, 2000000, &outbox);
    drain();
}

static void
input(const uint8_t *bytes, uint32_t count, uint32_t flags)
{
    struct eng_span span = {.bytes = bytes, .count = count, .owner = &owner};
    struct eng_in in = {.spans = &span, .n_spans = 1, .length_bytes = count, .interface_index = index_of, .flags = flags};
    struct net_result result;
    net_input(net, &in, 2000000, &outbox, &result);
    net_result_done(&result);
}

// The peer is a neighbour: its answers to the questions that a first datagram made.
static void
meet_peer(void)
{
    uint8_t arp[42] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 2, 0, 0, 0, 0, 1,
                       10, 0, 0, 1};
    uint8_t nd[14 + 72] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xDD, 0x60, [19] = 32, [20] = 58, [21] = 255};
    uint8_t *message = nd + 54;
    struct net_udp_send send = {.port = 9};
    send.remote = eng_address4(peer4);
    net_udp_send(net, udp[0], &send, 2000000, &outbox);
    send.remote = eng_address6(peer6);
    net_udp_send(net, udp[1], &send, 2000000, &outbox);
    drain();
    input(arp, sizeof arp, 0);
    memcpy(nd + 22, peer6, 16);
    memcpy(nd + 38, us6, 16);
    memcpy(message, (uint8_t[8]){136, 0, 0, 0, 0x60}, 8);
    memcpy(message + 8, peer6, 16);
    memcpy(message + 24, (uint8_t[8]){2, 1, 2, 0, 0, 0, 0, 2}, 8);
    uint16_t sum = csum_finish(csum_add(csum_pseudo6(nd + 22, nd + 38, 58, 32), message, 32));
    memcpy(message + 2, &sum, 2);
    input(nd, sizeof nd, 0);
    drain();
}

static void
one_in(unsigned n)
{
    input(frames[n], frame_bytes[n], ENG_IN_L4_SUM_GOOD);
}

static void
one_out(unsigned n)
{
    bool is_ip6 = n & 1;
    struct eng_out *out = eng_out_get(&pool);
    eng_out_add(out, &(struct eng_span){.bytes = frames[0], .count = 1400, .owner = &owner});
    memset(eng_out_push_head(out, 20), 0, 20);
    out->protocol = NET_TCP;
    out->l4_bytes = 20;
    out->l4_sum_offset = 16;
    out->flags = ENG_OUT_L4_SUM_PARTIAL | ENG_OUT_DONT_FRAGMENT;
    out->source = is_ip6 ? eng_address6(us6) : eng_address4(us4);
    out->destination = is_ip6 ? eng_address6(peer6) : eng_address4(peer4);
    net_output(net, out, 2000000, &outbox);
    drain();
}

static void
one_udp_out(unsigned n)
{
    struct eng_span span = {.bytes = frames[0], .count = 1400, .owner = &owner};
    struct net_udp_send send = {.remote = n & 1 ? eng_address6(peer6) : eng_address4(peer4), .port = 9, .spans = &span, .n_spans = 1};
    net_udp_send(net, udp[n & 1], &send, 2000000, &outbox);
    drain();
}

static void
measure(const char *what, void (*one)(unsigned n), unsigned n)
{
    double best = 1e18;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (unsigned i = 0; i < PACKETS; i++)
            one(n);
        double took = (now_ns() - start) / PACKETS;
        best = took < best ? took : best;
    }
    printf("%-28s %6.1f ns\n", what, best);
}

int
main(void)
{
    open_host();
    for (unsigned i = 0; i < 4; i++)
        make_frame(i, i & 1, i & 2 ? NET_UDP : NET_TCP);
    meet_peer();
    measure("frame to TCP, IPv4", one_in, 0);
    measure("frame to TCP, IPv6", one_in, 1);
    measure("frame to UDP, IPv4", one_in, 2);
    measure("frame to UDP, IPv6", one_in, 3);
    measure("segment to frame, IPv4", one_out, 0);
    measure("segment to frame, IPv6", one_out, 1);
    measure("datagram to frame, IPv4", one_udp_out, 0);
    measure("datagram to frame, IPv6", one_udp_out, 1);
    return net_count_of(net, NET_COUNT_in_frames) < 4u * ROUNDS * PACKETS || net_count_of(net, NET_COUNT_out_waiting_dropped);
}
