// SPDX-License-Identifier: MIT
// libFuzzer on the whole of one host's IP: any order of frames, sends, joins, addresses, routes, links that come and go, and time.
//   input: operations of {what, argument, bytes}; see one_operation
#include "net_fuzz.h"

static struct eng_address
any_address(const uint8_t *bytes)
{
    static const uint8_t seeds[8][16] = {{10, 0, 0, 2}, {224, 1, 2, 3}, {10, 0, 0, 255}, {127, 0, 0, 1}, {0xFD, [15] = 2},
                                         {0xFF, 2, [15] = 0x77}, {0xFE, 0x80, [15] = 5}, {[15] = 1}};
    unsigned which = bytes[0] % 10;
    if (which < 4)
        return eng_address4(seeds[which]);
    if (which < 8)
        return eng_address6(seeds[which]);
    if (which == 8)
        return eng_address4((uint8_t[4]){10, 0, bytes[1] & 1, bytes[2]});
    return eng_address6((uint8_t[16]){0xFD, [14] = bytes[1], bytes[2]});
}

static void
one_send(struct fuzz_net *fuzz, uint8_t argument, const uint8_t *bytes)
{
    static uint8_t payload[66000];
    size_t count = bytes_load_be16(bytes + 4) >> (argument & 7);
    uint32_t third = (uint32_t)(count / 3);
    struct eng_span spans[3] = {{.bytes = payload, .count = third}, {.bytes = payload + 100, .count = third},
                                {.bytes = payload + 999, .count = (uint32_t)(count - count / 3 * 2)}};
    struct net_udp_send send = {.remote = any_address(bytes), .port = 9, .spans = spans, .n_spans = 3, .is_broadcast = argument & 8,
                                .dont_fragment = argument & 16, .no_multicast_loop = argument & 32};
    struct net_udp *udp = fuzz->udps[argument >> 6];
    if (udp)
        net_udp_send(fuzz->net, udp, &send, fuzz->now_us, &fuzz->outbox);
}

static void
one_operation(struct fuzz_net *fuzz, uint8_t what, uint8_t argument, const uint8_t *bytes)
{
    struct eng_address address = any_address(bytes);
    struct net_udp **udp = &fuzz->udps[argument & 3];
    struct net_route route = {.prefix = {.family = address.family}, .gateway = address, .interface_index = fuzz->index};
    int error;
    switch (what % 12) {
    case 0: one_send(fuzz, argument, bytes); break;
    case 1: fuzz_pass(fuzz, UINT64_C(1) << argument % 36); break;
    case 2: net_interface_up(fuzz->net, fuzz->index, argument & 1, fuzz->now_us, &fuzz->outbox); break;
    case 3: net_address_add(fuzz->net, fuzz->index, &address, argument % 129, fuzz->now_us, &fuzz->outbox); break;
    case 4: net_address_remove(fuzz->net, fuzz->index, &address, fuzz->now_us, &fuzz->outbox); break;
    case 5: net_route_add(fuzz->net, &route); break;
    case 6: net_route_remove(fuzz->net, &route); break;
    case 7:
        if (*udp)
            net_udp_join(fuzz->net, *udp, &address, argument & 4 ? fuzz->index : 0, fuzz->now_us, &fuzz->outbox);
        break;
    case 8:
        if (*udp)
            net_udp_leave(fuzz->net, *udp, &address, argument & 4 ? fuzz->index : 0, fuzz->now_us, &fuzz->outbox);
        break;
    case 9:
        if (*udp)
            net_udp_close(fuzz->net, *udp, fuzz->now_us, &fuzz->outbox);
        *udp = net_udp_open(fuzz->net, &(struct net_udp_settings){.local = address, .port = argument > 200 ? 0 : 1000}, &error);
        break;
    case 10:
        if (*udp)
            net_udp_connect(fuzz->net, *udp, &address, argument > 200 ? 0 : 9, fuzz->now_us);
        break;
    default: net_path_confirm(fuzz->net, &(struct eng_address){.family = address.family}, &address, fuzz->now_us); break;
    }
    fuzz_drain(fuzz);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_net fuzz;
    if (size > 8000)
        return 0;
    fuzz_open(&fuzz);
    while (size >= 8) {
        if (data[0] < 0xC0) {
            one_operation(&fuzz, data[0], data[1], data + 2);
            data += 8;
            size -= 8;
            continue;
        }
        size_t count = (size_t)(data[0] & 7) << 8 | data[1];
        count = count < size - 2 ? count : size - 2;
        if (count)
            fuzz_frame(&fuzz, data + 2, count, data[0] >> 3 & 7);
        data += 2 + count;
        size -= 2 + count;
    }
    fuzz_close(&fuzz);
    return 0;
}
