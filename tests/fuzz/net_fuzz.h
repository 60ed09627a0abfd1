// SPDX-License-Identifier: MIT
// What the targets on the IP engine share: an instance with both families, a few endpoints and a peer that is known, frames that lie in
// pieces of which some have no owner, and what must hold of everything that leaves: whole headers, right lengths and sums, no frame
// past the MTU. At the end time passes, and all memory must have come back.
#ifndef NBX_TESTS_FUZZ_NET_FUZZ_H
#define NBX_TESTS_FUZZ_NET_FUZZ_H

#include "base/bytes.h"
#include "base/csum.h"
#include "engine/stack.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MEMORY_BYTES (8u << 20)
#define FUZZ_MTU 1500u

struct fuzz_net {
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    struct net *net;
    uint32_t index;
    uint64_t now_us;
    struct net_udp *udps[4];
    unsigned delivered, errors;
    bool accepts_source_routes;         // set before fuzz_open
    void (*on_result)(struct fuzz_net *fuzz, const struct net_result *result);
    void (*on_frame)(struct fuzz_net *fuzz, const uint8_t *frame, size_t count);    // one that left, checked
    void *context;
};

struct fuzz_block {
    struct eng_owner owner;
    uint8_t bytes[];
};

static const uint8_t fuzz_us[6] = {2, 0, 0, 0, 0, 1}, fuzz_peer[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t fuzz_us4[4] = {10, 0, 0, 1}, fuzz_peer4[4] = {10, 0, 0, 2};
static const uint8_t fuzz_us6[16] = {0xFD, [15] = 1}, fuzz_peer6[16] = {0xFD, [15] = 2};

#define FUZZ_REQUIRE(condition)                                                                                                           \
    do {                                                                                                                                  \
        if (!(condition))                                                                                                                 \
            abort();                                                                                                                      \
    } while (0)

static void *
fuzz_take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
fuzz_give(void *context, void *block, size_t bytes)
{
    free(block);
}

static void
fuzz_block_release(struct eng_owner *owner)
{
    free(owner);
}

// A packet that leaves, without its Ethernet header.
static inline void
fuzz_check_ip(const uint8_t *ip, size_t bytes)
{
    FUZZ_REQUIRE(bytes >= 20);
    if (ip[0] >> 4 == 4) {
        size_t header_bytes = (ip[0] & 0xFu) * 4;
        FUZZ_REQUIRE(header_bytes >= 20 && header_bytes <= bytes && !csum_of(ip, header_bytes));
        FUZZ_REQUIRE(bytes_load_be16(ip + 2) == bytes && ip[8]);
        if (ip[9] == NET_ICMP4 && !(bytes_load_be16(ip + 6) & 0x3FFF))
            FUZZ_REQUIRE(!csum_of(ip + header_bytes, bytes - header_bytes));
    } else {
        FUZZ_REQUIRE(ip[0] >> 4 == 6 && bytes >= 40 && bytes_load_be16(ip + 4) + 40u == bytes && ip[7]);
        if (ip[6] == NET_ICMP6)
            FUZZ_REQUIRE(!csum_finish(csum_add(csum_pseudo6(ip + 8, ip + 24, 58, (uint32_t)bytes - 40), ip + 40, bytes - 40)));
    }
}

static inline void
fuzz_result(struct fuzz_net *fuzz, struct net_result *result)
{
    static uint8_t bytes[70000];
    const struct eng_in *in = &result->in;
    if (result->verdict != NET_CONSUMED) {
        fuzz->delivered++;
        FUZZ_REQUIRE(in->length_bytes <= sizeof bytes);
        FUZZ_REQUIRE(eng_spans_copy(in->spans, in->n_spans, in->at_bytes, bytes, in->length_bytes));
    }
    if (result->is_raw_too)
        FUZZ_REQUIRE(eng_spans_copy(in->spans, in->n_spans, in->ip_at_bytes, bytes, result->raw_end_bytes - in->ip_at_bytes));
    if (result->verdict == NET_FOR_ERROR) {
        fuzz->errors++;
        FUZZ_REQUIRE(result->error.upper_bytes <= sizeof result->error.upper);
        net_error_accept(fuzz->net, &result->error, fuzz->now_us);
    }
    if (result->verdict == NET_FOR_UDP)
        while (net_result_next_udp(fuzz->net, result))
            continue;
    if (fuzz->on_result)
        fuzz->on_result(fuzz, result);
    net_result_done(result);
}

static inline void
fuzz_drain(struct fuzz_net *fuzz)
{
    struct eng_out *out;
    struct net_event event;
    for (unsigned i = 0; i < 2000 && (out = eng_outbox_pop(&fuzz->outbox)); i++) {
        if (out->flags & ENG_OUT_LOOPBACK) {
            struct net_result result;
            net_input_loopback(fuzz->net, out, fuzz->now_us, &fuzz->outbox, &result);
            fuzz_result(fuzz, &result);
            continue;
        }
        static uint8_t frame[70000];
        size_t count = out->head_bytes + out->data_bytes;
        FUZZ_REQUIRE(count <= FUZZ_MTU + 14 && out->interface_index == fuzz->index);
        memcpy(frame, out->head, out->head_bytes);
        FUZZ_REQUIRE(eng_spans_copy(out->data, out->n_data, 0, frame + out->head_bytes, out->data_bytes));
        unsigned type = bytes_load_be16(frame + 12);
        FUZZ_REQUIRE(!memcmp(frame + 6, fuzz_us, 6) && (type == 0x0806 || type == 0x0800 || type == 0x86DD));
        if (type == 0x0806)
            FUZZ_REQUIRE(count == 42);
        else
            fuzz_check_ip(frame + 14, count - 14);
        if (fuzz->on_frame)
            fuzz->on_frame(fuzz, frame, count);
        eng_out_put(&fuzz->pool, out);
    }
    while (net_event_pop(fuzz->net, &event))
        continue;
}

static inline void
fuzz_pass(struct fuzz_net *fuzz, uint64_t after_us)
{
    uint64_t end_us = fuzz->now_us + after_us;
    for (unsigned i = 0; i < 1000 && net_next_deadline_us(fuzz->net) <= end_us; i++) {
        uint64_t at_us = net_next_deadline_us(fuzz->net);
        fuzz->now_us = at_us > fuzz->now_us ? at_us : fuzz->now_us;
        net_run(fuzz->net, fuzz->now_us, &fuzz->outbox);
        fuzz_drain(fuzz);
    }
    fuzz->now_us = end_us;
}

// One frame. shape: how it lies in memory, and who owns it.
static inline void
fuzz_frame(struct fuzz_net *fuzz, const uint8_t *bytes, size_t count, uint8_t shape)
{
    struct fuzz_block *block = malloc(sizeof *block + count);
    static struct eng_span spans[70000];
    struct eng_in in = {.spans = spans, .length_bytes = (uint32_t)count, .interface_index = fuzz->index};
    struct net_result result;
    size_t piece = shape & 3 ? (shape & 3) * 13u : count;
    block->owner = (struct eng_owner){.holds = 1, .on_release = fuzz_block_release};
    memcpy(block->bytes, bytes, count);
    for (size_t at = 0; at < count; at += spans[in.n_spans++].count)
        spans[in.n_spans] = (struct eng_span){.bytes = block->bytes + at, .count = (uint32_t)(piece < count - at ? piece : count - at),
                                              .owner = shape & 4 ? NULL : &block->owner};
    net_input(fuzz->net, &in, fuzz->now_us, &fuzz->outbox, &result);
    fuzz_result(fuzz, &result);
    eng_drop(&block->owner);
    fuzz_drain(fuzz);
}

static inline void
fuzz_open(struct fuzz_net *fuzz)
{
    static const char secret[] = "a secret that nobody outside has";
    struct net_settings settings = {.memory = &fuzz->memory, .pool = &fuzz->pool, .accepts_redirects = true, .neighbours_max = 16,
                                    .icmp_errors_per_second = 1000000, .accepts_source_routes = fuzz->accepts_source_routes};
    struct net_interface_settings interface = {.mtu_bytes = FUZZ_MTU};
    struct eng_address us4 = eng_address4(fuzz_us4), us6 = eng_address6(fuzz_us6), group = eng_address4((uint8_t[4]){224, 1, 2, 3});
    int error;
    *fuzz = (struct fuzz_net){.memory = {.on_take = fuzz_take, .on_give = fuzz_give, .limit_bytes = FUZZ_MEMORY_BYTES},
                              .accepts_source_routes = fuzz->accepts_source_routes};
    eng_out_pool_init(&fuzz->pool, &fuzz->memory);
    eng_outbox_init(&fuzz->outbox);
    memcpy(settings.secret, secret, 32);
    memcpy(interface.link_address, fuzz_us, 6);
    fuzz->net = net_create(&settings, 0);
    fuzz->index = (uint32_t)net_interface_add(fuzz->net, &interface);
    net_interface_up(fuzz->net, fuzz->index, true, 0, &fuzz->outbox);
    net_address_add(fuzz->net, fuzz->index, &us4, 24, 0, &fuzz->outbox);
    net_address_add(fuzz->net, fuzz->index, &us6, 64, 0, &fuzz->outbox);
    struct net_udp_settings udp[4] = {{.local = us4, .port = 1000}, {.local = {.family = ENG_IP4}, .port = 2000},
                                      {.local = us6, .port = 1000}, {.local = {.family = ENG_IP6}, .port = 2000}};
    for (unsigned i = 0; i < 4; i++)
        fuzz->udps[i] = net_udp_open(fuzz->net, &udp[i], &error);
    net_udp_join(fuzz->net, fuzz->udps[1], &group, fuzz->index, 0, &fuzz->outbox);
    net_raw_open(fuzz->net, ENG_IP4, 200);
    net_raw_open(fuzz->net, ENG_IP6, 200);
    net_raw_open(fuzz->net, ENG_IP6, NET_ICMP6);
    fuzz_pass(fuzz, 3000000);
}

static inline void
fuzz_close(struct fuzz_net *fuzz)
{
    fuzz_pass(fuzz, 100000000);
    for (unsigned i = 0; i < 4; i++)
        if (fuzz->udps[i])
            net_udp_close(fuzz->net, fuzz->udps[i], fuzz->now_us, &fuzz->outbox);
    fuzz_drain(fuzz);
    struct eng_out *out;
    while ((out = eng_outbox_pop(&fuzz->outbox)))
        eng_out_put(&fuzz->pool, out);
    net_destroy(fuzz->net);
    FUZZ_REQUIRE(!fuzz->pool.in_use);
    eng_out_pool_destroy(&fuzz->pool);
    FUZZ_REQUIRE(!fuzz->memory.taken_bytes);
}

// The packet at frame + 14 is finished: lengths and sums that a fuzzer would never find.
static inline size_t
fuzz_eth(uint8_t *frame, unsigned type)
{
    memcpy(frame, fuzz_us, 6);
    memcpy(frame + 6, fuzz_peer, 6);
    bytes_store_be16(frame + 12, (uint16_t)type);
    return 14;
}

static inline size_t
fuzz_ip4(uint8_t *ip, uint8_t protocol, size_t payload_bytes)
{
    memset(ip, 0, 20);
    ip[0] = 0x45;
    bytes_store_be16(ip + 2, (uint16_t)(20 + payload_bytes));
    ip[8] = 1;
    ip[9] = protocol;
    memcpy(ip + 12, fuzz_peer4, 4);
    memcpy(ip + 16, fuzz_us4, 4);
    uint16_t sum = csum_of(ip, 20);
    memcpy(ip + 10, &sum, 2);
    return 20;
}

static inline size_t
fuzz_ip6(uint8_t *ip, uint8_t next, size_t payload_bytes)
{
    memset(ip, 0, 40);
    ip[0] = 0x60;
    bytes_store_be16(ip + 4, (uint16_t)payload_bytes);
    ip[6] = next;
    ip[7] = 255;
    memcpy(ip + 8, fuzz_peer6, 16);
    memcpy(ip + 24, fuzz_us6, 16);
    return 40;
}

static inline void
fuzz_sum(uint8_t *field, uint64_t pseudo, const void *bytes, size_t count)
{
    memset(field, 0, 2);
    uint16_t sum = csum_finish(csum_add(pseudo, bytes, count));
    memcpy(field, &sum, 2);
}

#endif
