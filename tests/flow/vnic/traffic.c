// SPDX-License-Identifier: MIT
// See traffic.h.
#include "traffic.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct traffic traffic;

uint32_t
traffic_frame(uint32_t bytes)
{
    ck_assert_uint_lt(traffic.count, KIT_FRAMES);
    uint8_t *data = malloc(bytes);
    for (uint32_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)prng_below(&kit.prng, 256);
    if (prng_below(&kit.prng, 5) == 0)
        memset(data, 255, 6);
    data[12] = 0x88;
    data[13] = 0xb5;
    traffic.data[traffic.count] = data;
    traffic.length[traffic.count] = bytes;
    traffic.bytes += bytes;
    return traffic.count++;
}

static NET_BUFFER_LIST *
traffic_nbl(struct kit_binding *binding)
{
    uint32_t count = prng_below(&kit.prng, 3) ? 1 : 1 + (uint32_t)prng_below(&kit.prng, 16), first = traffic.count;
    for (uint32_t i = 0; i < count; i++)
        traffic_frame(14 + (uint32_t)prng_below(&kit.prng, 1501));
    struct kit_send send = {.data = (const uint8_t *const *)&traffic.data[first],
                            .bytes = &traffic.length[first],
                            .count = count,
                            .mdls = 1 + (uint32_t)prng_below(&kit.prng, 8)};
    return kit_nbl(binding, &send);
}

void
traffic_random(struct kit_binding *binding, uint32_t nbls)
{
    while (nbls) {
        uint32_t count = 1 + (uint32_t)prng_below(&kit.prng, 64);
        if (count > nbls)
            count = nbls;
        nbls -= count;
        NET_BUFFER_LIST *list = NULL, **end = &list;
        for (; count; count--) {
            *end = traffic_nbl(binding);
            end = &NET_BUFFER_LIST_NEXT_NBL(*end);
        }
        kit_send(binding, list);
    }
}

void
traffic_check(uint32_t index, const struct kit_frame *frame)
{
    ck_assert_uint_lt(index, traffic.count);
    ck_assert_uint_eq(frame->bytes, traffic.length[index]);
    ck_assert_msg(!memcmp(frame->data, traffic.data[index], frame->bytes), "frame %u differs", index);
}

void
traffic_free(void)
{
    for (uint32_t i = 0; i < traffic.count; i++)
        free(traffic.data[i]);
    traffic.count = 0;
    traffic.bytes = 0;
}
