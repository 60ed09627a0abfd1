// SPDX-License-Identifier: MIT
// libFuzzer on the receive offloads in software: any offload fields over any bytes end, stay within the frame and the slot, and give
// segments no larger than a super-segment's header and payload say.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/port_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_bytes;

// The kind's own receive: the input once, its offload fields in front of the frame.
static uint32_t
fuzz_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    if (!input)
        return 0;
    memcpy(&slots[0].offload, input, sizeof(slots[0].offload));
    slots[0].offload.gso %= 3;
    slots[0].bytes = (uint32_t)(input_bytes - sizeof(slots[0].offload));
    memcpy(slots[0].buffer, input + sizeof(slots[0].offload), slots[0].bytes);
    input = NULL;
    return 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct port port;
    uint8_t buffers[4][1514];
    struct port_slot slots[4];
    if (size < sizeof(slots[0].offload) + PORT_ETHERNET_BYTES + 1 || size > 65000)
        return 0;
    struct soft *soft = soft_create(data[size - 1] & 7);
    input = data;
    input_bytes = size - 1;
    for (uint32_t got = 1; got;) {
        for (int i = 0; i < 4; i++)
            slots[i] = (struct port_slot){.buffer = buffers[i], .capacity_bytes = sizeof(buffers[i])};
        got = soft_rx(soft, &port, fuzz_rx, slots, 4);
        for (uint32_t i = 0; i < got; i++)
            if (slots[i].bytes > sizeof(buffers[i]))
                abort();
    }
    soft_destroy(soft);
    return 0;
}
