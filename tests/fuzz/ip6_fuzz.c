// SPDX-License-Identifier: MIT
// libFuzzer on what follows an IPv6 header that is right: chains of extension headers, options, fragments.
//   input: shape, the first next header, the rest of the packet
#include "net_fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_net fuzz;
    uint8_t frame[2100] = {0};
    if (size < 3 || size > 1900)
        return 0;
    size_t at = fuzz_eth(frame, 0x86DD);
    at += fuzz_ip6(frame + at, data[1], size - 2);
    memcpy(frame + at, data + 2, size - 2);
    fuzz_open(&fuzz);
    fuzz_frame(&fuzz, frame, at + size - 2, data[0]);
    fuzz_close(&fuzz);
    return 0;
}
