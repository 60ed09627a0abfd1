// SPDX-License-Identifier: MIT
// libFuzzer on UDP headers of both families, with the sum made right, wrong or absent, to one host, a group and all.
//   input: shape (bit 3: IPv6, bit 4: sum as it is, bits 5 and 6: the destination), the datagram with its header
#include "net_fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_net fuzz;
    uint8_t frame[2100] = {0};
    if (size < 9 || size > 1900)
        return 0;
    size_t bytes = size - 1, at;
    uint64_t pseudo;
    uint8_t *ip = frame + 14;
    if (data[0] & 8) {
        at = fuzz_eth(frame, 0x86DD);
        at += fuzz_ip6(ip, NET_UDP, bytes);
        pseudo = csum_pseudo6(ip + 8, ip + 24, NET_UDP, (uint32_t)bytes);
    } else {
        static const uint8_t destinations[4][4] = {{10, 0, 0, 1}, {10, 0, 0, 255}, {224, 1, 2, 3}, {255, 255, 255, 255}};
        at = fuzz_eth(frame, 0x0800);
        at += fuzz_ip4(ip, NET_UDP, bytes);
        memcpy(ip + 16, destinations[data[0] >> 5 & 3], 4);
        if (data[0] >> 5 & 3)
            memset(frame, 0xFF, 6);
        fuzz_sum(ip + 10, 0, ip, 20);
        pseudo = csum_pseudo4(ip + 12, ip + 16, NET_UDP, (uint16_t)bytes);
    }
    memcpy(frame + at, data + 1, bytes);
    if (!(data[0] & 16))
        fuzz_sum(frame + at + 6, pseudo, frame + at, bytes);
    fuzz_open(&fuzz);
    fuzz_frame(&fuzz, frame, at + bytes, data[0]);
    fuzz_close(&fuzz);
    return 0;
}
