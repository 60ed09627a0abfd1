// SPDX-License-Identifier: MIT
// One host's IP behind a TAP of the Linux kernel, for ip_test.sh: it answers pings by itself, and gives UDP datagrams to port 7 back,
// those to the groups 239.1.2.3 and ff05::77 too. Arguments: the TAP, then addresses with their prefix lengths. Ends with SIGTERM,
// prints the counts, and exits 1 when memory or packets were not given back.
#include "base/bytes.h"
#include "engine/stack.h"
#include "host/tap.h"
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t is_over;

struct peer {
    struct tap tap;
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    struct net *net;
    uint32_t index;
    struct net_udp *udps[2];
};

struct frame {
    struct eng_owner owner;
    uint8_t bytes[65600];
};

static void
on_signal(int number)
{
    is_over = 1;
}

static void *
peer_take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
peer_give(void *context, void *block, size_t bytes)
{
    free(block);
}

static void
frame_release(struct eng_owner *owner)
{
    free(owner);
}

static uint64_t
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
peer_echo(struct peer *peer, const struct net_result *result)
{
    struct eng_span spans[ENG_OUT_SPANS * 4];
    size_t bytes, n = eng_spans_cut(result->in.spans, result->in.n_spans, result->in.at_bytes, result->in.length_bytes, spans,
                                    ENG_OUT_SPANS * 4, &bytes);
    struct net_udp_send send = {.remote = result->in.source, .port = result->source_port, .spans = spans, .n_spans = (uint16_t)n};
    if (eng_address_is_link_local(&result->in.source))
        send.interface_index = result->in.interface_index;
    if (bytes == result->in.length_bytes)
        net_udp_send(peer->net, result->udp, &send, now_us(), &peer->outbox);
}

static void
peer_result(struct peer *peer, struct net_result *result)
{
    if (result->verdict == NET_FOR_UDP)
        peer_echo(peer, result);
    net_result_done(result);
}

static void
peer_drain(struct peer *peer)
{
    static uint8_t header[10];
    struct eng_out *out;
    struct net_event event;
    while ((out = eng_outbox_pop(&peer->outbox))) {
        if (out->flags & ENG_OUT_LOOPBACK) {
            struct net_result result;
            net_input_loopback(peer->net, out, now_us(), &peer->outbox, &result);
            peer_result(peer, &result);
            continue;
        }
        struct iovec iov[2 + ENG_OUT_SPANS] = {{header, sizeof header}, {out->head, out->head_bytes}};
        for (unsigned i = 0; i < out->n_data; i++)
            iov[2 + i] = (struct iovec){(void *)out->data[i].bytes, out->data[i].count};
        tap_write(&peer->tap, iov, 2 + out->n_data);
        eng_out_put(&peer->pool, out);
    }
    while (net_event_pop(peer->net, &event))
        if (event.kind == NET_EVENT_CONFLICT)
            fprintf(stderr, "an address is somebody else's\n");
}

static bool
peer_read(struct peer *peer)
{
    uint8_t header[10];
    struct frame *frame = malloc(sizeof *frame);
    struct iovec iov[2] = {{header, sizeof header}, {frame->bytes, sizeof frame->bytes}};
    ssize_t bytes = tap_read(&peer->tap, iov, 2);
    frame->owner = (struct eng_owner){.holds = 1, .on_release = frame_release};
    if (bytes > (ssize_t)sizeof header) {
        struct eng_span span = {.bytes = frame->bytes, .count = (uint32_t)bytes - 10, .owner = &frame->owner};
        struct eng_in in = {.spans = &span, .n_spans = 1, .length_bytes = span.count, .interface_index = peer->index};
        struct net_result result;
        net_input(peer->net, &in, now_us(), &peer->outbox, &result);
        peer_result(peer, &result);
        peer_drain(peer);
    }
    eng_drop(&frame->owner);
    return bytes > 0;
}

static bool
peer_add(struct peer *peer, char *text)
{
    uint8_t bytes[16];
    char *slash = strchr(text, '/');
    if (!slash)
        return false;
    *slash = 0;
    bool is_ip6 = strchr(text, ':');
    if (inet_pton(is_ip6 ? AF_INET6 : AF_INET, text, bytes) != 1)
        return false;
    struct eng_address address = is_ip6 ? eng_address6(bytes) : eng_address4(bytes);
    return !net_address_add(peer->net, peer->index, &address, (uint8_t)atoi(slash + 1), now_us(), &peer->outbox);
}

static void
peer_open(struct peer *peer)
{
    struct net_settings settings = {.memory = &peer->memory, .pool = &peer->pool, .icmp_errors_per_second = 10000};
    struct net_interface_settings interface = {.mtu_bytes = peer->tap.mtu_bytes, .link_address = {2, 0x77, 0, 0, 0, 1}, .probes4 = 1,
                                               .probes6 = 1};
    struct eng_address group4 = eng_address4((uint8_t[4]){239, 1, 2, 3}), group6 = eng_address6((uint8_t[16]){0xFF, 5, [15] = 0x77});
    int error;
    peer->memory = (struct eng_memory){.on_take = peer_take, .on_give = peer_give, .limit_bytes = 64 << 20};
    eng_out_pool_init(&peer->pool, &peer->memory);
    eng_outbox_init(&peer->outbox);
    memset(settings.secret, 0x5A, sizeof settings.secret);
    peer->net = net_create(&settings, now_us());
    peer->index = (uint32_t)net_interface_add(peer->net, &interface);
    net_interface_up(peer->net, peer->index, true, now_us(), &peer->outbox);
    peer->udps[0] = net_udp_open(peer->net, &(struct net_udp_settings){.local.family = ENG_IP4, .port = 7}, &error);
    peer->udps[1] = net_udp_open(peer->net, &(struct net_udp_settings){.local.family = ENG_IP6, .port = 7}, &error);
    net_udp_join(peer->net, peer->udps[0], &group4, peer->index, now_us(), &peer->outbox);
    net_udp_join(peer->net, peer->udps[1], &group6, peer->index, now_us(), &peer->outbox);
}

static int
peer_close(struct peer *peer)
{
    struct eng_out *out;
    for (unsigned i = 0; i < 2; i++)
        net_udp_close(peer->net, peer->udps[i], now_us(), &peer->outbox);
    while ((out = eng_outbox_pop(&peer->outbox)))
        eng_out_put(&peer->pool, out);
    for (unsigned i = 0; i < NET_COUNT_MAX; i++)
        if (net_count_of(peer->net, (enum net_count)i))
            printf("%s %llu\n", net_count_name((enum net_count)i), (unsigned long long)net_count_of(peer->net, (enum net_count)i));
    net_destroy(peer->net);
    eng_out_pool_destroy(&peer->pool);
    tap_close(&peer->tap);
    printf("left %zu bytes, %u packets\n", peer->memory.taken_bytes, peer->pool.in_use);
    return peer->memory.taken_bytes || peer->pool.in_use;
}

int
main(int argc, char **argv)
{
    static struct peer peer;
    char error[256];
    if (argc < 3 || tap_open(&peer.tap, argv[1], error, sizeof error)) {
        fprintf(stderr, "ip_peer: %s\n", argc < 3 ? "TAP ADDRESS/BITS..." : error);
        return 2;
    }
    if (tap_offload_set(&peer.tap, false, false, false)) // whole frames, whole sums
        return 2;
    signal(SIGTERM, on_signal);
    peer_open(&peer);
    for (int i = 2; i < argc; i++)
        if (!peer_add(&peer, argv[i])) {
            fprintf(stderr, "ip_peer: %s is no address of ours\n", argv[i]);
            return 2;
        }
    while (!is_over) {
        peer_drain(&peer);
        uint64_t now = now_us(), next = net_next_deadline_us(peer.net);
        uint64_t wait_ms = next <= now ? 0 : next == ENG_NEVER ? 1000 : (next - now) / 1000 + 1;
        struct pollfd poll_fd = {.fd = peer.tap.fd, .events = POLLIN};
        poll(&poll_fd, 1, wait_ms > 1000 ? 1000 : (int)wait_ms);
        for (unsigned i = 0; i < 64 && peer_read(&peer); i++)
            continue;
        net_run(peer.net, now_us(), &peer.outbox);
    }
    return peer_close(&peer);
}
