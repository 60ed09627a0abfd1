// SPDX-License-Identifier: MIT
// libFuzzer on ICMP, ICMPv6, IGMP and MLD messages with a right sum; an endpoint has sent before, so that errors find their sender.
//   input: shape (bit 3: IPv6, bit 4: IGMP, bit 5: MLD's header), the message
#include "net_fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_net fuzz;
    uint8_t frame[2100] = {0};
    if (size < 9 || size > 1900)
        return 0;
    size_t bytes = size - 1, at;
    bool is_ip6 = data[0] & 8, is_mld = data[0] & 32;
    if (is_ip6) {
        at = fuzz_eth(frame, 0x86DD);
        uint8_t *ip = frame + at, *message = ip + fuzz_ip6(ip, is_mld ? 0 : NET_ICMP6, bytes + (is_mld ? 8 : 0));
        if (is_mld) {
            memcpy(message, (uint8_t[8]){NET_ICMP6, 0, 5, 2, 0, 0, 1, 0}, 8);
            message += 8;
            ip[7] = 1;
            memcpy(ip + 8, (uint8_t[16]){0xFE, 0x80, [15] = 2}, 16);
            memcpy(ip + 24, (uint8_t[16]){0xFF, 2, [15] = 1}, 16);
        }
        memcpy(message, data + 1, bytes);
        fuzz_sum(message + 2, csum_pseudo6(ip + 8, ip + 24, NET_ICMP6, (uint32_t)bytes), message, bytes);
        at = (size_t)(message - frame);
    } else {
        at = fuzz_eth(frame, 0x0800);
        at += fuzz_ip4(frame + at, data[0] & 16 ? NET_IGMP : NET_ICMP4, bytes);
        memcpy(frame + at, data + 1, bytes);
        fuzz_sum(frame + at + 2, 0, frame + at, bytes);
    }
    fuzz_open(&fuzz);
    fuzz_frame(&fuzz, frame, at + bytes, data[0]);
    fuzz_close(&fuzz);
    return 0;
}
