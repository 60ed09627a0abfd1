// SPDX-License-Identifier: MIT
// libFuzzer on IPv4 packets with a right header sum: header, options, addresses, and the upper layers as far as their own sums allow.
#include "net_fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_net fuzz;
    uint8_t frame[2100] = {0};
    if (size < 22 || size > 2000)
        return 0;
    size_t at = fuzz_eth(frame, 0x0800);
    uint8_t *ip = frame + at;
    memcpy(ip, data + 1, size - 1);
    size_t header_bytes = (ip[0] & 0xFu) * 4;
    if (header_bytes >= 20 && header_bytes <= size - 1)
        fuzz_sum(ip + 10, 0, ip, header_bytes);
    fuzz_open(&fuzz);
    fuzz_frame(&fuzz, frame, at + size - 1, data[0]);
    fuzz_close(&fuzz);
    return 0;
}
