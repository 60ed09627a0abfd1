// SPDX-License-Identifier: MIT
// Writes a capture of what our iWARP says over our TCP, for a dissector that is not ours to read: iwarp_peer FILE.
//   connection 1  CRC, revision 2, RTR by write; every kind of message from both ends, short and of many segments
//   connection 2  CRC and markers both ways, revision 1; a write outside its region, which ends in a Terminate
// Prints what was sent, as "name count" lines, so that the script beside it knows what must be found. Raw IPv4 packets [linktype 101].
#include "base/bytes.h"
#include "base/csum.h"
#include "engine/iwarp/ddp.h"
#include "engine/iwarp/over_tcp.h"
#include <stdio.h>
#include <stdlib.h>

#define REGION_BYTES 20000

struct host {
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    struct tcp *tcp;
    struct tcp_connection *connection;
    struct iwarp *iwarp;
    struct iwarp_connection *c;
    struct eng_span scratch[IWARP_TCP_SPANS];
    struct eng_address address;
    struct rdma_work receives[8];
    struct rdma_sink sink;
    unsigned n_receives, done;
    uint32_t events;
    uint8_t region[REGION_BYTES], buffer[REGION_BYTES];
};

static struct host hosts[2];
static FILE *capture;
static uint64_t now_us = 1000000;
static unsigned fpdus;

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

static enum rdma_fault
map(void *context, uint32_t tag, uint64_t offset, uint32_t count, enum rdma_access access, struct rdma_map *map)
{
    struct host *host = context;
    if (tag != 0x1234)
        return RDMA_FAULT_TAG;
    if (offset > REGION_BYTES || count > REGION_BYTES - offset)
        return RDMA_FAULT_BOUNDS;
    *map = (struct rdma_map){.bytes = host->region + offset, .count = count};
    return RDMA_FAULT_NONE;
}

static enum rdma_fault
invalidate(void *context, uint32_t tag)
{
    return tag == 0x5678 ? RDMA_FAULT_NONE : RDMA_FAULT_TAG;
}

static struct rdma_work *
receive(void *context)
{
    struct host *host = context;
    struct rdma_work *work = &host->receives[host->n_receives++ % 8];
    *work = (struct rdma_work){.kind = RDMA_RECEIVE, .sinks = &host->sink, .n_sinks = 1, .bytes = REGION_BYTES};
    return work;
}

static int
local(void *context, struct rdma_work *work)
{
    return 0;
}

static const struct rdma_ops ops = {.on_map = map, .on_invalidate = invalidate, .on_receive = receive, .on_local = local};

static void
check(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "iwarp_peer: %s\n", what);
    exit(1);
}

static void
write_packet(const struct host *from, const struct host *to, const uint8_t *bytes, size_t count)
{
    uint8_t head[16 + 20] = {0};
    bytes_store_le32(head, (uint32_t)(now_us / 1000000));
    bytes_store_le32(head + 4, (uint32_t)(now_us % 1000000));
    bytes_store_le32(head + 8, (uint32_t)count + 20);
    bytes_store_le32(head + 12, (uint32_t)count + 20);
    uint8_t *ip = head + 16;
    ip[0] = 0x45;
    bytes_store_be16(ip + 2, (uint16_t)(count + 20));
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, from->address.bytes, 4);
    memcpy(ip + 16, to->address.bytes, 4);
    uint16_t sum = csum_of(ip, 20);
    memcpy(ip + 10, &sum, 2);
    fwrite(head, 1, sizeof head, capture);
    fwrite(bytes, 1, count, capture);
    now_us += 10;
}

static void
step(void)
{
    for (int i = 0; i < 2; i++) {
        struct host *host = &hosts[i], *to = &hosts[1 - i];
        struct tcp_connection *connection;
        uint32_t events, all = 0;
        struct eng_out *out;
        tcp_run(host->tcp, now_us, &host->outbox);
        while ((connection = tcp_event_next(host->tcp, &events))) {
            struct tcp_open open = {.path.mtu_bytes = 1500, .receive_bytes = IWARP_TCP_RECEIVE_BYTES};
            if (events & TCP_EVENT_OFFER && tcp_accept(connection, &open, now_us, &host->outbox) == 0)
                host->connection = connection;
            if (connection == host->connection)
                all |= events;
        }
        if (host->connection)
            iwarp_tcp_run(host->iwarp, host->c, host->connection, all, host->scratch, now_us, &host->outbox);
        host->events |= iwarp_events(host->c);
        while (iwarp_done_next(host->c))
            host->done++;
        while ((out = eng_outbox_pop(&host->outbox))) {
            uint8_t bytes[2000];
            size_t count = out->head_bytes + out->data_bytes;
            memcpy(bytes, out->head, out->head_bytes);
            eng_spans_copy(out->data, out->n_data, 0, bytes + out->head_bytes, out->data_bytes);
            eng_out_put(&host->pool, out);
            write_packet(host, to, bytes, count);
            struct eng_span span = {.bytes = bytes, .count = (uint32_t)count};
            struct eng_in in = {.spans = &span, .n_spans = 1, .length_bytes = (uint32_t)count, .flags = ENG_IN_L4_SUM_GOOD, .protocol = 6};
            in.source = host->address;
            in.destination = to->address;
            tcp_input(to->tcp, &in, now_us, &to->outbox);
        }
    }
    now_us += 200;
}

static void
until(int host, uint32_t event)
{
    for (int n = 0; n < 10000; n++) {
        if (hosts[host].events & event)
            return;
        step();
    }
    check(false, "an event did not come");
}

static void
settle(void)
{
    for (int n = 0; n < 500; n++)
        step();
}

static void
begin(uint16_t port, uint32_t uses, uint32_t their_uses)
{
    struct tcp_params params;
    struct iwarp_params iwarp_params;
    struct siphash_key secret = {{port, 2}};
    struct tcp_listener *listener;
    tcp_params_default(&params);
    iwarp_params_default(&iwarp_params);
    for (uint8_t i = 0; i < 2; i++) {
        struct host *host = &hosts[i];
        const uint8_t address[4] = {10, 0, 0, (uint8_t)(i + 1)};
        *host = (struct host){.address = eng_address4(address), .memory = {.on_take = take, .on_give = give}};
        host->sink = (struct rdma_sink){.bytes = host->buffer, .count = REGION_BYTES};
        eng_out_pool_init(&host->pool, &host->memory);
        eng_outbox_init(&host->outbox);
        host->tcp = tcp_create(&host->memory, &host->pool, &params, &secret);
        host->iwarp = iwarp_create(&host->memory, &iwarp_params);
        struct iwarp_open open = {.role = i ? RDMA_RESPONDER : RDMA_INITIATOR, .emss_bytes = 1448, .ops = &ops, .context = host};
        open.uses = i ? their_uses : uses;
        open.rtr = MPA_RTR_WRITE;
        open.reads = (struct rdma_reads){4, 4};
        open.private_bytes = "private";
        open.private_count = i ? 0 : 7;
        check(iwarp_open(host->iwarp, &open, now_us, &host->c) == 0, "iwarp_open");
    }
    check(tcp_listen(hosts[1].tcp, &hosts[1].address, port, 1, NULL, &listener) == 0, "tcp_listen");
    struct tcp_open open = {.local = hosts[0].address, .remote = hosts[1].address, .local_port = (uint16_t)(port + 1), .remote_port = port};
    open.path.mtu_bytes = 1500;
    open.receive_bytes = IWARP_TCP_RECEIVE_BYTES;
    check(tcp_connect(hosts[0].tcp, &open, now_us, &hosts[0].outbox, &hosts[0].connection) == 0, "tcp_connect");
    until(1, RDMA_EVENT_REQUEST);
    check(iwarp_accept(hosts[1].c, (struct rdma_reads){4, 4}, "reply", 5, now_us) == 0, "iwarp_accept");
    until(0, RDMA_EVENT_REPLY);
    check(iwarp_complete_connect(hosts[0].c, now_us) == 0, "iwarp_complete_connect");
    until(0, RDMA_EVENT_ESTABLISHED);
    until(1, RDMA_EVENT_ESTABLISHED);
}

static void
post(int from, enum rdma_kind kind, uint32_t flags, uint32_t bytes, uint64_t offset)
{
    static struct rdma_work works[32];
    static struct eng_span spans[32];
    static unsigned n;
    unsigned at = n++ % 32;
    spans[at] = (struct eng_span){.bytes = hosts[from].buffer, .count = bytes};
    works[at] = (struct rdma_work){.kind = kind, .flags = flags, .bytes = bytes, .remote_tag = 0x1234, .remote_offset = offset};
    works[at].sink_tag = 0x1234;
    works[at].invalidate_tag = 0x5678;
    works[at].spans = &spans[at];
    works[at].n_spans = kind != RDMA_READ;
    check(iwarp_post(hosts[from].c, &works[at], now_us) == 0, "iwarp_post");
}

static void
end(void)
{
    for (int i = 0; i < 2; i++) {
        struct host *host = &hosts[i];
        struct iwarp_info info;
        struct tcp_send *send;
        struct eng_out *out;
        iwarp_info(host->c, &info);
        fpdus += (unsigned)info.fpdus_out;
        iwarp_flush(host->c);
        iwarp_release(host->c);
        while ((out = eng_outbox_pop(&host->outbox)))
            eng_out_put(&host->pool, out);
        tcp_abandon(host->tcp);
        while ((send = tcp_released_send_done(host->tcp)))
            iwarp_run_done(host->iwarp, send, now_us);
        tcp_destroy(host->tcp);
        iwarp_destroy(host->iwarp);
        eng_out_pool_destroy(&host->pool);
    }
}

int
main(int argc, char **argv)
{
    static const uint8_t head[24] = {0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, [16] = 0xFF, 0xFF, 0, 0, 101, 0, 0, 0};
    capture = argc == 2 ? fopen(argv[1], "wb") : NULL;
    if (!capture) {
        fprintf(stderr, "usage: iwarp_peer FILE\n");
        return 2;
    }
    fwrite(head, 1, sizeof head, capture);
    begin(20000, IWARP_USE_CRC | IWARP_USE_ENHANCED, IWARP_USE_CRC);
    for (int from = 0; from < 2; from++) {
        post(from, RDMA_SEND, 0, 100, 0);
        post(from, RDMA_SEND, RDMA_SOLICITED, 5000, 0);
        post(from, RDMA_SEND, RDMA_INVALIDATE, 3, 0);
        post(from, RDMA_SEND, RDMA_INVALIDATE | RDMA_SOLICITED, 0, 0);
        post(from, RDMA_WRITE, 0, 10000, 77);
        post(from, RDMA_READ, 0, 10000, 5);
        settle();
        check(hosts[from].done == (from ? 10u : 6u), "not all is done");
    }
    iwarp_disconnect(hosts[0].c, now_us);
    iwarp_disconnect(hosts[1].c, now_us);
    until(0, RDMA_EVENT_CLOSED);
    until(1, RDMA_EVENT_CLOSED);
    end();
    begin(30000, IWARP_USE_CRC | IWARP_USE_MARKERS, IWARP_USE_CRC | IWARP_USE_MARKERS);
    post(0, RDMA_SEND, 0, 5000, 0);
    settle();
    post(1, RDMA_READ, 0, 1000, 0);
    settle();
    post(0, RDMA_WRITE, 0, 100, REGION_BYTES - 99);
    until(0, RDMA_EVENT_CLOSED | RDMA_EVENT_DISCONNECT);
    settle();
    end();
    fclose(capture);
    printf("fpdus %u\n", fpdus);
    return 0;
}
