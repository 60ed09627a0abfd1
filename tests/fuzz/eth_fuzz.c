// SPDX-License-Identifier: MIT
// libFuzzer on frames as they come from a link: Ethernet, tags, ARP, and whatever it finds behind them.
#include "net_fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_net fuzz;
    if (size < 2 || size > 2000)
        return 0;
    fuzz_open(&fuzz);
    fuzz_frame(&fuzz, data + 1, size - 1, data[0]);
    fuzz_close(&fuzz);
    return 0;
}
