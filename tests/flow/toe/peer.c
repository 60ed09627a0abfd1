// SPDX-License-Identifier: MIT
// The other end of the wire: an engine behind a port, frames made and checked here (nothing is shared with the driver).
//   peer_on_rx -> frame_check -> tcp_input -> peer_serve (bytes checked) -> peer_drain -> frame_send
#include "stage_int.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../vnic/packet.h"
#include "base/bytes.h"
#include "base/csum.h"

bool stage_is_ip6;
const uint8_t host_address[16] = {10, 0, 0, 1}, peer_address[16] = {10, 0, 0, 2};
const uint8_t host_address6[16] = {0xfd, [15] = 1}, peer_address6[16] = {0xfd, [15] = 2};
const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 0x99};
static uint8_t host_mac[6] = {2, 0, 0, 0, 0, 1};

uint8_t
stage_byte(bool from_host, uint64_t place)
{
    return (uint8_t)(place * 7 + (place >> 8) * 13 + (from_host ? 101 : 0));
}

// ---- the peer ---------------------------------------------------------------------------------------------------------------------

struct stage_peer peer;

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

uint64_t
now_us(void)
{
    LARGE_INTEGER rate, at = KeQueryPerformanceCounter(&rate);
    uint64_t ticks = (uint64_t)at.QuadPart, second = (uint64_t)rate.QuadPart;
    return ticks / second * 1000000 + ticks % second * 1000000 / second;
}

struct eng_address
address_of_host(void)
{
    return stage_is_ip6 ? eng_address6(host_address6) : eng_address4(host_address);
}

struct eng_address
address_of_peer(void)
{
    return stage_is_ip6 ? eng_address6(peer_address6) : eng_address4(peer_address);
}

// The IP header; returns its length.
static uint32_t
ip_write(uint8_t *ip, uint32_t l4_bytes, const struct peer_segment *odd)
{
    if (stage_is_ip6) {
        ip[0] = 0x60;
        ip[4] = (uint8_t)(l4_bytes >> 8);
        ip[5] = (uint8_t)l4_bytes;
        ip[6] = 6;
        ip[7] = 64;
        memcpy(ip + 8, peer_address6, 16);
        memcpy(ip + 24, host_address6, 16);
        return 40;
    }
    uint32_t options = odd && odd->has_options ? 4 : 0, total = 20 + options + l4_bytes;
    ip[0] = (uint8_t)(0x45 + options / 4);
    ip[2] = (uint8_t)(total >> 8);
    ip[3] = (uint8_t)total;
    ip[6] = odd && odd->is_fragment ? 0x20 : 0x40;
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, peer_address, 4);
    memcpy(ip + 16, host_address, 4);
    memset(ip + 20, 1, options);
    uint16_t sum = csum_of(ip, 20 + options);
    memcpy(ip + 10, &sum, 2);
    return 20 + options;
}

static void
frame_send(const uint8_t *l4, uint32_t l4_bytes, const struct peer_segment *odd)
{
    uint8_t frame[2000] = {0};
    uint32_t tag = odd && odd->vlan ? 4 : 0, at = 14 + tag;
    memcpy(frame, host_mac, 6);
    memcpy(frame + 6, peer_mac, 6);
    if (tag) {
        frame[12] = 0x81;
        frame[14] = (uint8_t)(odd->vlan >> 8);
        frame[15] = (uint8_t)odd->vlan;
    }
    frame[12 + tag] = stage_is_ip6 ? 0x86 : 8;
    frame[13 + tag] = stage_is_ip6 ? 0xDD : 0;
    uint32_t ip_bytes = ip_write(frame + at, l4_bytes, odd), total = ip_bytes + l4_bytes;
    memcpy(frame + at + ip_bytes, l4, l4_bytes);
    struct iovec iov = {frame, at + total};
    struct port_frame out = {.iov = &iov, .iov_count = 1, .bytes = at + total};
    if (st.drops_in || (!odd && st.lose_in_one_in && prng_below(&kit.prng, st.lose_in_one_in) == 0))
        return;
    ck_assert_uint_eq(nbx_port_tx(peer.port, &out, 1), 1);
}

// locks: peer.lock held
void
peer_drain(struct eng_outbox *outbox)
{
    struct eng_out *out;
    while ((out = eng_outbox_pop(outbox))) {
        uint8_t l4[1600];
        eng_out_sum(out);
        memcpy(l4, out->head, out->head_bytes);
        ck_assert(eng_spans_copy(out->data, out->n_data, 0, l4 + out->head_bytes, out->data_bytes));
        frame_send(l4, out->head_bytes + out->data_bytes, NULL);
        eng_out_put(&peer.pool, out);
    }
}

static struct host_connection *
connection_of(const struct tcp_connection *tcp)
{
    return tcp_context(tcp);
}

// Take what came, check it, free what was sent.
static void
peer_serve(struct eng_outbox *outbox)
{
    struct tcp_connection *tcp;
    uint32_t events;
    while ((tcp = tcp_event_next(peer.tcp, &events))) {
        struct host_connection *c = connection_of(tcp);
        struct eng_span spans[8];
        struct tcp_send *send;
        size_t n;
        while ((n = tcp_receive_spans(tcp, 0, spans, 8))) {
            uint32_t bytes = 0;
            for (size_t i = 0; i < n; i++)
                for (uint32_t b = 0; b < spans[i].count; b++, bytes++)
                    ck_assert_msg(spans[i].bytes[b] == stage_byte(true, c->peer_got + bytes), "the peer got a wrong byte at %llu",
                                  (unsigned long long)c->peer_got + bytes);
            c->peer_got += bytes;
            tcp_receive_take(tcp, bytes, now_us(), outbox);
        }
        while ((send = tcp_send_done(tcp))) {
            free((void *)send->spans[0].bytes);
            free(send);
        }
    }
    peer_drain(outbox);
}

static void
frame_check(const uint8_t *frame, uint32_t bytes)
{
    uint8_t plain[2100];
    uint32_t at = 14;
    st.last_vlan = 0;
    memcpy(st.last_mac, frame, 6);
    ck_assert(!memcmp(frame + 6, host_mac, 6));
    if (frame[12] == 0x81) {
        st.last_vlan = (uint16_t)(frame[14] << 8 | frame[15]);
        at = 18;
    }
    memcpy(plain, frame, 12);
    memcpy(plain + 12, frame + at - 2, bytes - at + 2);
    bytes -= at - 14;
    if (bytes_load_be16(plain + 12) != (stage_is_ip6 ? 0x86DD : 0x0800))
        return;
    ck_assert_msg(packet_is_right(plain, bytes), "the target sent a wrong frame");
    ck_assert_msg(stage_is_ip6 || plain[18] & 0x80, "an identification of the host's half");
    ck_assert(stage_is_ip6 || (plain[20] & 0xE0) == 0x40); // DF
    uint32_t l4_at = stage_is_ip6 ? 54 : 34;
    st.last_flags = plain[l4_at + 13];
    st.resets += (st.last_flags & 4) != 0;
    st.frames++;
    if (st.peer_silent)
        return;
    struct eng_span span = {.bytes = plain, .count = bytes};
    struct eng_in in = {.spans = &span, .n_spans = 1, .protocol = 6, .at_bytes = l4_at,
                        .length_bytes = stage_is_ip6 ? bytes_load_be16(plain + 18) : bytes_load_be16(plain + 16) - 20u,
                        .source = stage_is_ip6 ? eng_address6(plain + 22) : eng_address4(plain + 26),
                        .destination = stage_is_ip6 ? eng_address6(plain + 38) : eng_address4(plain + 30)};
    struct eng_outbox outbox;
    eng_outbox_init(&outbox);
    tcp_input(peer.tcp, &in, now_us(), &outbox);
    peer_serve(&outbox);
}

static void
peer_on_rx(void *context)
{
    static uint8_t buffer[8][2100];
    struct port_slot slots[8];
    KIRQL irql;
    uint32_t got;
    KeAcquireSpinLock(&peer.lock, &irql);
    do {
        for (unsigned i = 0; i < 8; i++)
            slots[i] = (struct port_slot){.buffer = buffer[i], .capacity_bytes = sizeof buffer[i]};
        got = nbx_port_rx(peer.port, slots, 8);
        for (uint32_t i = 0; i < got; i++)
            if (!st.drops_out && !(st.lose_out_one_in && prng_below(&kit.prng, st.lose_out_one_in) == 0))
                frame_check(slots[i].buffer, slots[i].bytes);
    } while (got);
    KeReleaseSpinLock(&peer.lock, irql);
}

static void
peer_on_tx_ready(void *context)
{
}

static void
peer_on_link(void *context, bool up, uint64_t bits)
{
}

void
peer_create(void)
{
    static const struct port_upcalls upcalls = {peer_on_rx, peer_on_tx_ready, peer_on_link};
    struct tcp_params params;
    struct siphash_key key = {{7, 9}};
    char error[200];
    memset(&peer, 0, sizeof peer);
    KeInitializeSpinLock(&peer.lock);
    peer.memory = (struct eng_memory){.on_take = peer_take, .on_give = peer_give};
    eng_out_pool_init(&peer.pool, &peer.memory);
    tcp_params_default(&params);
    peer.tcp = tcp_create(&peer.memory, &peer.pool, &params, &key);
    ck_assert_int_eq(nbx_port_open("wire:lan", &upcalls, NULL, &peer.port, error, sizeof error), 0);
    ck_assert_int_eq(nbx_port_rx_accept(peer.port, false, false, false), 0);
    nbx_port_start(peer.port);
}

void
peer_destroy(void)
{
    struct tcp_send *send;
    nbx_port_close(peer.port);
    tcp_abandon(peer.tcp);
    while ((send = tcp_released_send_done(peer.tcp))) {
        free((void *)send->spans[0].bytes);
        free(send);
    }
    tcp_destroy(peer.tcp);
    eng_out_pool_destroy(&peer.pool);
    ck_assert_uint_eq(peer.memory.taken_bytes, 0);
}

void
peer_tick(void)
{
    struct eng_outbox outbox;
    KIRQL irql;
    KeAcquireSpinLock(&peer.lock, &irql);
    eng_outbox_init(&outbox);
    tcp_run(peer.tcp, now_us(), &outbox);
    peer_serve(&outbox);
    KeReleaseSpinLock(&peer.lock, irql);
}

#define PEER_CALL(call)                          \
    do {                                         \
        struct eng_outbox outbox;                \
        KIRQL irql;                              \
        KeAcquireSpinLock(&peer.lock, &irql);    \
        eng_outbox_init(&outbox);                \
        call;                                    \
        peer_serve(&outbox);                     \
        KeReleaseSpinLock(&peer.lock, irql);     \
    } while (0)

void
peer_send(struct host_connection *c, uint32_t bytes, uint32_t flags)
{
    struct {
        struct tcp_send send;
        struct eng_span span;
    } *item = calloc(1, sizeof *item);
    uint8_t *data = malloc(bytes);
    for (uint32_t i = 0; i < bytes; i++)
        data[i] = stage_byte(false, c->peer_sent + i);
    c->peer_sent += bytes;
    item->span = (struct eng_span){.bytes = data, .count = bytes};
    item->send = (struct tcp_send){.spans = &item->span, .n_spans = 1, .bytes = bytes, .flags = flags};
    PEER_CALL(ck_assert_int_eq(tcp_send(c->peer, &item->send, now_us(), &outbox), 0));
}

void
peer_shutdown(struct host_connection *c)
{
    PEER_CALL(ck_assert_int_eq(tcp_shutdown(c->peer, now_us(), &outbox), 0));
}

void
peer_abort(struct host_connection *c)
{
    PEER_CALL(tcp_abort(c->peer, now_us(), &outbox));
}

void
peer_raw(struct host_connection *c, const struct peer_segment *segment)
{
    uint8_t l4[1600] = {0};
    KIRQL irql;
    bytes_store_be32(l4 + 4, segment->seq);
    bytes_store_be32(l4 + 8, segment->ack);
    l4[0] = STAGE_PEER_PORT >> 8;
    l4[1] = STAGE_PEER_PORT & 255;
    l4[2] = (uint8_t)(c->port >> 8);
    l4[3] = (uint8_t)c->port;
    l4[12] = 0x50;
    l4[13] = segment->flags;
    l4[14] = (uint8_t)(segment->window >> 8);
    l4[15] = (uint8_t)segment->window;
    l4[18] = (uint8_t)(segment->urgent >> 8);
    l4[19] = (uint8_t)segment->urgent;
    for (uint32_t i = 0; i < segment->bytes; i++)
        l4[20 + i] = stage_byte(false, segment->seq - STAGE_IRS - 1 + i);
    uint16_t bytes = (uint16_t)(20 + segment->bytes);
    uint64_t pseudo = stage_is_ip6 ? csum_pseudo6(peer_address6, host_address6, 6, bytes)
                                   : csum_pseudo4(peer_address, host_address, 6, bytes);
    uint16_t sum = csum_finish(csum_add_word(pseudo, csum_add(0, l4, bytes)));
    memcpy(l4 + 16, &sum, 2);
    l4[16] ^= segment->has_bad_sum;
    KeAcquireSpinLock(&peer.lock, &irql);
    frame_send(l4, bytes, segment);
    KeReleaseSpinLock(&peer.lock, irql);
}
