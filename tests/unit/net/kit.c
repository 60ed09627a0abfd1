// SPDX-License-Identifier: MIT
// The hub and its hosts; see kit.h.
#include "kit.h"
#include <arpa/inet.h>

struct kit_host kit[KIT_HOSTS];
unsigned kit_hosts, kit_n_frames, kit_piece_bytes;
uint64_t kit_now_us;
struct kit_frame kit_frames[KIT_FRAMES];
bool (*kit_on_frame)(struct kit_frame *frame);
void (*kit_on_result)(unsigned host, struct net_result *result);
void (*kit_on_time)(unsigned host);
uint64_t (*kit_next_us)(unsigned host);
bool kit_no_owner;

static void *
kit_take(void *context, size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
kit_give(void *context, void *block, size_t bytes)
{
    free(block);
}

struct eng_address
kit_parse(const char *text)
{
    uint8_t bytes[16];
    if (strchr(text, ':')) {
        ck_assert_int_eq(inet_pton(AF_INET6, text, bytes), 1);
        return eng_address6(bytes);
    }
    ck_assert_int_eq(inet_pton(AF_INET, text, bytes), 1);
    return eng_address4(bytes);
}

void
kit_open(unsigned hosts, const struct net_interface_settings *settings, const struct net_settings *net_settings)
{
    struct net_interface_settings plain = {.mtu_bytes = 1500};
    kit_hosts = hosts;
    kit_now_us = 1000000;
    for (unsigned i = 0; i < hosts; i++) {
        struct kit_host *host = &kit[i];
        struct net_settings net = net_settings ? *net_settings : (struct net_settings){0};
        struct net_interface_settings interface = settings ? *settings : plain;
        host->memory = (struct eng_memory){.on_take = kit_take, .on_give = kit_give};
        eng_out_pool_init(&host->pool, &host->memory);
        eng_outbox_init(&host->outbox);
        net.memory = &host->memory;
        net.pool = &host->pool;
        memset(net.secret, (int)(0x11 * (i + 1)), sizeof net.secret);
        host->net = net_create(&net, kit_now_us);
        ck_assert_ptr_nonnull(host->net);
        memcpy(interface.link_address, (uint8_t[6]){2, 0, 0, 0, 0, (uint8_t)(i + 1)}, 6);
        memcpy(host->link, interface.link_address, 6);
        int index = net_interface_add(host->net, &interface);
        ck_assert_int_gt(index, 0);
        host->index = (uint32_t)index;
        net_interface_up(host->net, host->index, true, kit_now_us, &host->outbox);
    }
}

static void
kit_take_events(struct kit_host *host)
{
    struct net_event event;
    while (net_event_pop(host->net, &event))
        if (host->n_events < 256)
            host->events[host->n_events++] = event;
}

void
kit_forget(void)
{
    for (unsigned i = 0; i < kit_hosts; i++) {
        for (unsigned j = 0; j < kit[i].n_got; j++)
            free(kit[i].got[j].bytes);
        kit_take_events(&kit[i]);
        kit[i].n_got = kit[i].n_events = 0;
    }
    for (unsigned i = 0; i < kit_n_frames; i++)
        free(kit_frames[i].bytes);
    kit_n_frames = 0;
}

void
kit_close(void)
{
    kit_forget();
    for (unsigned i = 0; i < kit_hosts; i++) {
        struct eng_out *out;
        while ((out = eng_outbox_pop(&kit[i].outbox)))
            eng_out_put(&kit[i].pool, out);
        net_destroy(kit[i].net);
        ck_assert_uint_eq(kit[i].pool.in_use, 0);
        eng_out_pool_destroy(&kit[i].pool);
        ck_assert_uint_eq(kit[i].memory.taken_bytes, 0);
    }
}

void
kit_address(unsigned host, const char *text, unsigned prefix_bits)
{
    struct eng_address address = kit_parse(text);
    ck_assert_int_eq(net_address_add(kit[host].net, kit[host].index, &address, (uint8_t)prefix_bits, kit_now_us, &kit[host].outbox), 0);
    kit_pump();
}

static void
kit_keep(struct kit_host *host, struct net_result *result)
{
    ck_assert_uint_lt(host->n_got, KIT_GOT);
    struct kit_got *got = &host->got[host->n_got++];
    got->result = *result;
    got->count = result->in.length_bytes;
    got->bytes = malloc(got->count + 1);
    ck_assert(eng_spans_copy(result->in.spans, result->in.n_spans, result->in.at_bytes, got->bytes, got->count));
}

static void
kit_result(struct kit_host *host, struct net_result *result)
{
    if (kit_on_result && result->verdict != NET_CONSUMED)
        kit_on_result((unsigned)(host - kit), result);
    else if (result->verdict != NET_CONSUMED || result->is_raw_too)
        kit_keep(host, result);
    if (result->verdict == NET_FOR_UDP)
        while (net_result_next_udp(host->net, result))
            kit_keep(host, result);
    net_result_done(result);
    kit_take_events(host);
}

struct kit_block {
    struct eng_owner owner;
    uint8_t *bytes;
};

static void
kit_block_release(struct eng_owner *owner)
{
    struct kit_block *block = (struct kit_block *)owner;
    free(block->bytes);
    free(block);
}

void
kit_inject_flags(unsigned host, const void *bytes, size_t count, uint32_t flags)
{
    struct kit_block *block = malloc(sizeof *block);
    block->owner = (struct eng_owner){.holds = 1, .on_release = kit_block_release};
    block->bytes = malloc(count ? count : 1);
    memcpy(block->bytes, bytes, count);
    static struct eng_span spans[70000];
    struct eng_in in = {.spans = spans, .length_bytes = (uint32_t)count, .interface_index = kit[host].index, .flags = flags};
    struct net_result result;
    for (size_t at = 0; at < count || !in.n_spans;) {
        size_t here = kit_piece_bytes && kit_piece_bytes < count - at ? kit_piece_bytes : count - at;
        spans[in.n_spans++] = (struct eng_span){.bytes = block->bytes + at, .count = (uint32_t)here,
                                                .owner = kit_no_owner ? NULL : &block->owner};
        at += here;
        if (!here)
            break;
    }
    net_input(kit[host].net, &in, kit_now_us, &kit[host].outbox, &result);
    kit_result(&kit[host], &result);
    eng_drop(&block->owner);
}

void
kit_inject(unsigned host, const void *bytes, size_t count)
{
    kit_inject_flags(host, bytes, count, 0);
}

static void
kit_deliver(unsigned from, struct eng_out *out)
{
    if (out->flags & ENG_OUT_LOOPBACK) {
        struct net_result result;
        net_input_loopback(kit[from].net, out, kit_now_us, &kit[from].outbox, &result);
        kit_result(&kit[from], &result);
        return;
    }
    struct kit_frame frame = {.count = out->head_bytes + out->data_bytes, .from = from};
    frame.bytes = malloc(frame.count);
    memcpy(frame.bytes, out->head, out->head_bytes);
    ck_assert(eng_spans_copy(out->data, out->n_data, 0, frame.bytes + out->head_bytes, out->data_bytes));
    ck_assert_uint_eq(out->interface_index, kit[from].index);
    eng_out_put(&kit[from].pool, out);
    bool is_lost = kit_on_frame && !kit_on_frame(&frame);
    for (unsigned i = 0; i < kit_hosts && !is_lost; i++)
        if (i != from)
            kit_inject(i, frame.bytes, frame.count);
    if (kit_n_frames < KIT_FRAMES)
        kit_frames[kit_n_frames++] = frame;
    else
        free(frame.bytes);
}

void
kit_pump(void)
{
    bool is_quiet = false;
    for (unsigned round = 0; !is_quiet; round++) {
        ck_assert_uint_lt(round, 10000);
        is_quiet = true;
        for (unsigned i = 0; i < kit_hosts; i++) {
            struct eng_out *out;
            kit_take_events(&kit[i]);
            while ((out = eng_outbox_pop(&kit[i].outbox))) {
                is_quiet = false;
                kit_deliver(i, out);
            }
        }
    }
}

void
kit_pass(uint64_t after_us)
{
    uint64_t end_us = kit_now_us + after_us;
    kit_pump();
    for (;;) {
        uint64_t next_us = end_us + 1;
        for (unsigned i = 0; i < kit_hosts; i++) {
            uint64_t at_us = net_next_deadline_us(kit[i].net), other_us = kit_next_us ? kit_next_us(i) : ENG_NEVER;
            at_us = other_us < at_us ? other_us : at_us;
            next_us = at_us < next_us ? at_us : next_us;
        }
        if (next_us > end_us)
            break;
        kit_now_us = next_us > kit_now_us ? next_us : kit_now_us;
        for (unsigned i = 0; i < kit_hosts; i++)
            net_run(kit[i].net, kit_now_us, &kit[i].outbox);
        for (unsigned i = 0; i < kit_hosts && kit_on_time; i++)
            kit_on_time(i);
        kit_pump();
    }
    kit_now_us = end_us;
}

int
kit_send_udp(unsigned host, struct net_udp *udp, const struct eng_address *to, uint16_t port, const void *bytes, size_t count)
{
    struct eng_span span = {.bytes = bytes, .count = (uint32_t)count};
    struct net_udp_send send = {.remote = to ? *to : (struct eng_address){0}, .port = port, .spans = &span, .n_spans = 1};
    int error = net_udp_send(kit[host].net, udp, &send, kit_now_us, &kit[host].outbox);
    kit_pump();
    return error;
}

struct net_udp *
kit_udp(unsigned host, const char *local, uint16_t port)
{
    struct net_udp_settings settings = {.local = kit_parse(local), .port = port};
    int error;
    struct net_udp *udp = net_udp_open(kit[host].net, &settings, &error);
    ck_assert_int_eq(error, 0);
    return udp;
}

uint64_t
kit_count(unsigned host, enum net_count count)
{
    return net_count_of(kit[host].net, count);
}

size_t
kit_eth(uint8_t *at, const uint8_t *to, const uint8_t *from, unsigned type)
{
    memcpy(at, to, 6);
    memcpy(at + 6, from, 6);
    bytes_store_be16(at + 12, (uint16_t)type);
    return 14;
}

void
kit_ip4_sum(uint8_t *ip)
{
    memset(ip + 10, 0, 2);
    uint16_t sum = csum_of(ip, (ip[0] & 0xFu) * 4);
    memcpy(ip + 10, &sum, 2);
}

size_t
kit_ip4(uint8_t *at, const struct eng_address *source, const struct eng_address *destination, uint8_t protocol, size_t payload_bytes)
{
    memset(at, 0, 20);
    at[0] = 0x45;
    bytes_store_be16(at + 2, (uint16_t)(20 + payload_bytes));
    at[8] = 64;
    at[9] = protocol;
    memcpy(at + 12, source->bytes, 4);
    memcpy(at + 16, destination->bytes, 4);
    kit_ip4_sum(at);
    return 20;
}

size_t
kit_ip6(uint8_t *at, const struct eng_address *source, const struct eng_address *destination, uint8_t next, size_t payload_bytes)
{
    memset(at, 0, 40);
    at[0] = 0x60;
    bytes_store_be16(at + 4, (uint16_t)payload_bytes);
    at[6] = next;
    at[7] = 255;
    memcpy(at + 8, source->bytes, 16);
    memcpy(at + 24, destination->bytes, 16);
    return 40;
}

void
kit_icmp6_sum(uint8_t *ip, uint8_t *message, size_t bytes)
{
    memset(message + 2, 0, 2);
    uint16_t sum = csum_finish(csum_add(csum_pseudo6(ip + 8, ip + 24, 58, (uint32_t)bytes), message, bytes));
    memcpy(message + 2, &sum, 2);
}

size_t
kit_udp4_frame(uint8_t *frame, unsigned host, const char *source, const char *destination, uint16_t from, uint16_t to,
               const void *payload, size_t bytes)
{
    struct eng_address source_address = kit_parse(source), destination_address = kit_parse(destination);
    size_t at = kit_eth(frame, kit[host].link, (const uint8_t *)"\2\0\0\0\0\x99", 0x0800);
    at += kit_ip4(frame + at, &source_address, &destination_address, 17, 8 + bytes);
    uint8_t *udp = frame + at;
    bytes_store_be16(udp, from);
    bytes_store_be16(udp + 2, to);
    bytes_store_be16(udp + 4, (uint16_t)(8 + bytes));
    memset(udp + 6, 0, 2);
    if (bytes)
        memcpy(udp + 8, payload, bytes);
    uint64_t pseudo = csum_pseudo4(source_address.bytes, destination_address.bytes, 17, (uint16_t)(8 + bytes));
    uint16_t sum = csum_finish(csum_add(pseudo, udp, 8 + bytes));
    memcpy(udp + 6, &sum, 2);
    return at + 8 + bytes;
}
