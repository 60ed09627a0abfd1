// SPDX-License-Identifier: MIT
// libFuzzer on sequences of neighbour discovery messages with right sums and hop limit 255, from a router, a neighbour or nobody.
//   input: messages of {length / 8, type and sender, bytes}; between them an endpoint sends and time passes
#include "net_fuzz.h"

static const uint8_t senders[4][16] = {{0xFE, 0x80, [15] = 0x99}, {0xFD, [15] = 2}, {0}, {0xFE, 0x80, [15] = 0x98}};

static void
one_message(struct fuzz_net *fuzz, uint8_t how, const uint8_t *bytes, size_t count)
{
    uint8_t frame[2100] = {0};
    size_t at = fuzz_eth(frame, 0x86DD);
    uint8_t *ip = frame + at, *message = ip + fuzz_ip6(ip, NET_ICMP6, count);
    memcpy(message, bytes, count);
    message[0] = (uint8_t)(133 + (how & 7) % 5);
    memcpy(ip + 8, senders[how >> 3 & 3], 16);
    if (how & 0x20) { // to all, or to the group of the address that is asked about
        memcpy(ip + 24, how & 0x40 ? (uint8_t[16]){0xFF, 2, [15] = 1} : (uint8_t[16]){0xFF, 2, [11] = 1, 0xFF, [15] = 1}, 16);
        memcpy(frame, (uint8_t[6]){0x33, 0x33, ip[36], ip[37], ip[38], ip[39]}, 6);
    }
    fuzz_sum(message + 2, csum_pseudo6(ip + 8, ip + 24, NET_ICMP6, (uint32_t)count), message, count);
    fuzz_frame(fuzz, frame, at + 40 + count, how >> 7 ? 1 : 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_net fuzz;
    struct eng_address far_away = eng_address6((uint8_t[16]){0x26, [15] = 1}), peer = eng_address6(fuzz_peer6);
    if (size > 4000)
        return 0;
    fuzz_open(&fuzz);
    while (size > 2) {
        size_t count = (data[0] % 32 + 1) * 8u < size - 2 ? (data[0] % 32 + 1) * 8u : size - 2;
        uint8_t how = data[1];
        if (count >= 8)
            one_message(&fuzz, how, data + 2, count);
        struct net_udp_send send = {.remote = how & 1 ? far_away : peer, .port = 9};
        net_udp_send(fuzz.net, fuzz.udps[3], &send, fuzz.now_us, &fuzz.outbox);
        fuzz_drain(&fuzz);
        if (data[0] >= 128)
            fuzz_pass(&fuzz, UINT64_C(1000) << (data[0] >> 2 & 31) % 24);
        data += 2 + count;
        size -= 2 + count;
    }
    fuzz_close(&fuzz);
    return 0;
}
