// SPDX-License-Identifier: MIT
// See model.h.
//   on_rx, on_timer, the test's calls -> the engine -> serve (bytes into model.in, events) -> drain -> frames
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nbx/port.h>

#include "base/bytes.h"
#include "base/csum.h"

#define LINK_LAST 0x63
#define WAIT_MS 60000

struct model model;

static struct {
    KSPIN_LOCK lock;                      // guards all of this, and model
    struct nbx_port *port;
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    struct tcp *tcp;
    struct tcp_connection *connection;
    struct tcp_listener *listener;
    USHORT next_port;
    KTIMER timer;
    KDPC dpc;
} m;

static const uint8_t own_link[6] = {2, 0, 0, 0, 0, LINK_LAST}, provider_link[6] = {2, 0, 0, 0, 0, 1};

static uint64_t
now_us(void)
{
    LARGE_INTEGER rate, at = KeQueryPerformanceCounter(&rate);
    uint64_t ticks = (uint64_t)at.QuadPart, second = (uint64_t)rate.QuadPart;
    return ticks / second * 1000000 + ticks % second * 1000000 / second;
}

SOCKADDR_INET
model_address(USHORT port)
{
    SOCKADDR_INET address = rc_address(0, port);
    UCHAR *bytes = rc_net.is_six ? (UCHAR *)&address.Ipv6.sin6_addr : (UCHAR *)&address.Ipv4.sin_addr;
    bytes[rc_net.is_six ? 15 : 3] = LINK_LAST;
    return address;
}

static struct eng_address
address_of(const SOCKADDR_INET *address)
{
    return rc_net.is_six ? eng_address6(&address->Ipv6.sin6_addr) : eng_address4(&address->Ipv4.sin_addr);
}

// ---- frames -----------------------------------------------------------------------------------------------------------------------

static uint32_t
ip_write(uint8_t *ip, uint32_t l4_bytes)
{
    SOCKADDR_INET from = model_address(0), to = rc_address(0, 0);
    struct eng_address source = address_of(&from), destination = address_of(&to);
    memset(ip, 0, 40);
    if (rc_net.is_six) {
        ip[0] = 0x60;
        bytes_store_be16(ip + 4, (uint16_t)l4_bytes);
        ip[6] = 6;
        ip[7] = 64;
        memcpy(ip + 8, source.bytes, 16);
        memcpy(ip + 24, destination.bytes, 16);
        return 40;
    }
    ip[0] = 0x45;
    bytes_store_be16(ip + 2, (uint16_t)(20 + l4_bytes));
    ip[6] = 0x40;
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, source.bytes, 4);
    memcpy(ip + 16, destination.bytes, 4);
    uint16_t sum = csum_of(ip, 20);
    memcpy(ip + 10, &sum, 2);
    return 20;
}

static void
drain(void)
{
    struct eng_out *out;
    while ((out = eng_outbox_pop(&m.outbox))) {
        uint8_t frame[1600];
        uint32_t l4_bytes = out->head_bytes + out->data_bytes;
        memcpy(frame, provider_link, 6);
        memcpy(frame + 6, own_link, 6);
        bytes_store_be16(frame + 12, rc_net.is_six ? 0x86DD : 0x0800);
        uint32_t at = 14 + ip_write(frame + 14, l4_bytes);
        eng_out_sum(out);
        memcpy(frame + at, out->head, out->head_bytes);
        ck_assert(eng_spans_copy(out->data, out->n_data, 0, frame + at + out->head_bytes, out->data_bytes));
        eng_out_put(&m.pool, out);
        struct iovec iov = {frame, at + l4_bytes};
        struct port_frame down = {.iov = &iov, .iov_count = 1, .bytes = at + l4_bytes};
        nbx_port_tx(m.port, &down, 1);
    }
}

static void
sends_free(void)
{
    struct tcp_send *send;
    while ((m.connection && (send = tcp_send_done(m.connection))) || (send = tcp_released_send_done(m.tcp))) {
        free((void *)send->spans[0].bytes);
        free((void *)send->spans);
        free(send);
    }
}

static void
bytes_take(void)
{
    struct eng_span spans[8];
    size_t n;
    while ((n = tcp_receive_spans(m.connection, 0, spans, 8))) {
        uint32_t bytes = 0;
        for (size_t i = 0; i < n; bytes += spans[i++].count) {
            ck_assert_uint_le(model.count + spans[i].count, MODEL_IN_BYTES);
            memcpy(model.in + model.count, spans[i].bytes, spans[i].count);
            model.count += spans[i].count;
        }
        tcp_receive_take(m.connection, bytes, now_us(), &m.outbox);
    }
}

// One connection at a time: offers beside it are refused.
static void
offer(struct tcp_connection *connection)
{
    struct tcp_open open = {.path = {.mtu_bytes = 1500}};
    if (m.connection || tcp_accept(connection, &open, now_us(), &m.outbox))
        tcp_refuse(connection, now_us(), &m.outbox);
    else
        m.connection = connection;
}

static void
serve(void)
{
    struct tcp_connection *connection;
    uint32_t events;
    while ((connection = tcp_event_next(m.tcp, &events))) {
        if (connection != m.connection) {
            offer(connection);
            continue;
        }
        struct tcp_info info;
        tcp_info(connection, &info);
        bytes_take();
        model.is_connected |= (events & TCP_EVENT_CONNECTED) != 0;
        model.has_fin |= (events & TCP_EVENT_FIN) != 0;
        model.is_ended |= (events & TCP_EVENT_ENDED) != 0;
        model.is_reset |= info.end == TCP_END_RESET || info.end == TCP_END_REFUSED;
    }
    sends_free();
    drain();
}

#define LOCKED(call) \
    do { \
        KIRQL irql; \
        KeAcquireSpinLock(&m.lock, &irql); \
        call; \
        serve(); \
        KeReleaseSpinLock(&m.lock, irql); \
    } while (0)

static void
segment_in(const uint8_t *frame, uint32_t bytes)
{
    struct eng_span span = {.bytes = frame, .count = bytes};
    struct eng_in in = {.spans = &span, .n_spans = 1, .protocol = 6, .at_bytes = rc_net.is_six ? 54 : 34};
    if (bytes < 54 || memcmp(frame, own_link, 6) || bytes_load_be16(frame + 12) != (rc_net.is_six ? 0x86DD : 0x0800))
        return;
    in.length_bytes = rc_net.is_six ? bytes_load_be16(frame + 18) : bytes_load_be16(frame + 16) - 20u;
    in.source = rc_net.is_six ? eng_address6(frame + 22) : eng_address4(frame + 26);
    in.destination = rc_net.is_six ? eng_address6(frame + 38) : eng_address4(frame + 30);
    tcp_input(m.tcp, &in, now_us(), &m.outbox);
}

static void
frames_in(void)
{
    static uint8_t buffers[8][2100];
    struct port_slot slots[8];
    uint32_t got;
    do {
        for (unsigned i = 0; i < 8; i++)
            slots[i] = (struct port_slot){.buffer = buffers[i], .capacity_bytes = sizeof buffers[i]};
        got = nbx_port_rx(m.port, slots, 8);
        for (uint32_t i = 0; i < got; i++)
            segment_in(slots[i].buffer, slots[i].bytes);
    } while (got);
}

static void
on_rx(void *context)
{
    LOCKED(frames_in());
}

static void
on_tx_ready(void *context)
{
}

static void
on_link(void *context, bool up, uint64_t bits)
{
}

static NTAPI VOID
on_timer(PKDPC dpc, PVOID context, PVOID a, PVOID b)
{
    LOCKED(tcp_run(m.tcp, now_us(), &m.outbox));
}

// ---- its life ---------------------------------------------------------------------------------------------------------------------

static void *
take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
give(void *context, void *block, size_t bytes)
{
    free(block);
}

void
model_open(void)
{
    static const struct port_upcalls upcalls = {on_rx, on_tx_ready, on_link};
    static const struct siphash_key key = {{3, 4}};
    LARGE_INTEGER due = {.QuadPart = -100000};
    struct tcp_params params;
    char error[200];
    memset(&m, 0, sizeof m);
    memset(&model, 0, sizeof model);
    KeInitializeSpinLock(&m.lock);
    m.memory = (struct eng_memory){.on_take = take, .on_give = give};
    eng_out_pool_init(&m.pool, &m.memory);
    eng_outbox_init(&m.outbox);
    tcp_params_default(&params);
    m.tcp = tcp_create(&m.memory, &m.pool, &params, &key);
    ck_assert_ptr_nonnull(m.tcp);
    m.next_port = 20000;
    rc_host[0].next_link_last = LINK_LAST;
    ck_assert_msg(!nbx_port_open("wire:lan", &upcalls, NULL, &m.port, error, sizeof error), "%s", error);
    ck_assert_int_eq(nbx_port_rx_accept(m.port, false, false, false), 0);
    nbx_port_start(m.port);
    KeInitializeTimer(&m.timer);
    KeInitializeDpc(&m.dpc, on_timer, NULL);
    KeSetTimerEx(&m.timer, due, 10, &m.dpc);
}

void
model_close(void)
{
    KeCancelTimer(&m.timer);
    KeFlushQueuedDpcs();
    nbx_port_close(m.port);
    struct eng_out *out;
    while ((out = eng_outbox_pop(&m.outbox)))
        eng_out_put(&m.pool, out);
    tcp_abandon(m.tcp);
    sends_free();
    tcp_destroy(m.tcp);
    eng_out_pool_destroy(&m.pool);
    ck_assert_uint_eq(m.memory.taken_bytes, 0);
}

static void (*with_model)(void);

static void
run_body(void)
{
    model_open();
    with_model();
    model_close();
}

void
model_run(const char *test, void (*body)(void), const char *settings)
{
    with_model = body;
    rc_net.settings = settings;
    rc_run(test, run_body, "delay: 50us", 1);
    rc_net.settings = NULL;
}

// ---- calls ------------------------------------------------------------------------------------------------------------------------

static void
forget(void)
{
    ck_assert_ptr_null(m.connection);
    memset(&model, 0, sizeof model);
}

void
model_connect(USHORT port)
{
    SOCKADDR_INET from = model_address(0), to = rc_address(0, 0);
    struct tcp_open open = {.local = address_of(&from), .remote = address_of(&to), .remote_port = port, .path = {.mtu_bytes = 1500}};
    forget();
    open.local_port = m.next_port++;
    LOCKED(ck_assert_int_eq(tcp_connect(m.tcp, &open, now_us(), &m.outbox, &m.connection), 0));
    ck_assert(model_wait_connected());
}

void
model_listen(void)
{
    SOCKADDR_INET from = model_address(0);
    struct eng_address local = address_of(&from);
    forget();
    if (!m.listener)
        LOCKED(ck_assert_int_eq(tcp_listen(m.tcp, &local, MODEL_PORT, 8, NULL, &m.listener), 0));
}

static void
send_locked(const void *bytes, size_t count)
{
    struct tcp_send *send = calloc(1, sizeof *send);
    struct eng_span *span = calloc(1, sizeof *span);
    *span = (struct eng_span){.bytes = memcpy(malloc(count), bytes, count), .count = (uint32_t)count};
    *send = (struct tcp_send){.spans = span, .n_spans = 1, .bytes = count, .flags = TCP_SEND_PUSH};
    int error = tcp_send(m.connection, send, now_us(), &m.outbox);
    if (error) {                              // it was reset before
        ck_assert_int_eq(error, -ENOTCONN);
        free((void *)span->bytes);
        free(span);
        free(send);
    }
}

void
model_send(const void *bytes, size_t count)
{
    LOCKED(send_locked(bytes, count));
}

void
model_shutdown(void)
{
    LOCKED((void)tcp_shutdown(m.connection, now_us(), &m.outbox));
}

static void
release_locked(void)
{
    tcp_release(m.connection, now_us(), &m.outbox);
    m.connection = NULL;
}

void
model_release(void)
{
    LOCKED(release_locked());
}

// ---- waiting ----------------------------------------------------------------------------------------------------------------------

#define UNTIL(condition) \
    for (unsigned i = 0; i < WAIT_MS && !(condition); i++) \
        rc_sleep_ms(1); \
    return (condition)

bool
model_wait_connected(void)
{
    UNTIL(__atomic_load_n(&model.is_connected, __ATOMIC_ACQUIRE));
}

bool
model_wait_bytes(size_t count)
{
    UNTIL(__atomic_load_n(&model.count, __ATOMIC_ACQUIRE) >= count);
}

bool
model_wait_fin(void)
{
    UNTIL(__atomic_load_n(&model.has_fin, __ATOMIC_ACQUIRE));
}

bool
model_wait_reset(void)
{
    UNTIL(__atomic_load_n(&model.is_reset, __ATOMIC_ACQUIRE));
}

// ---- bytes ------------------------------------------------------------------------------------------------------------------------

size_t
model_read(uint8_t *to, uint32_t sequence, uint32_t tag, uint64_t offset, uint32_t bytes)
{
    size_t at = untagged_make(to, true, RDMAP_READ_REQUEST, DDP_QUEUE_READ, sequence, 0);
    bytes_store_be32(to + at, 0x77);
    bytes_store_be64(to + at + 4, 5);
    bytes_store_be32(to + at + 12, bytes);
    bytes_store_be32(to + at + 16, tag);
    bytes_store_be64(to + at + 20, offset);
    return at + 28;
}

void
model_send_fpdu(const uint8_t *ulpdu, size_t count)
{
    uint8_t fpdu[4096];
    model_send(fpdu, fpdu_make(fpdu, ulpdu, count));
}

void
model_terminated(size_t from, enum iwarp_error error, bool has_ddp, bool has_read)
{
    ck_assert(model_wait_fin());
    const uint8_t *at = model.in + from, *end = model.in + model.count, *last = NULL;
    while (at < end) {
        size_t count = bytes_load_be16(at), covered = 2 + count + (-(2 + count) & 3);
        ck_assert_uint_le(covered + 4, (size_t)(end - at));
        ck_assert_uint_eq(bytes_load_le32(at + covered), crc_by_bits(at, covered));
        last = at;
        at += covered + 4;
    }
    ck_assert_ptr_nonnull(last);
    ck_assert_uint_eq(last[2], 0x41);
    ck_assert_uint_eq(last[3], 0x40 | RDMAP_TERMINATE);
    ck_assert_uint_eq(bytes_load_be32(last + 8), DDP_QUEUE_TERMINATE);
    ck_assert_uint_eq(bytes_load_be32(last + 12), 1);
    ck_assert_msg(bytes_load_be16(last + 20) == (unsigned)error, "a Terminate %04x, not %04x", bytes_load_be16(last + 20), (unsigned)error);
    ck_assert_uint_eq(last[22], (has_ddp ? 0xC0 : 0) | (has_read ? 0x20 : 0));
    ck_assert_uint_eq(model.is_reset, false);
}
