// SPDX-License-Identifier: MIT
// Frames without offloads: lists of any shape down, frames up, and what the counters say about them.
#include <string.h>

#include "harness/harness.h"
#include "kit.h"
#include "traffic.h"

static void
two_adapters_on_a_wire(void)
{
    struct kit_binding *a, *b;
    kit_nic("nic0", "wire:lan", NULL, "tp", 0, &a);
    kit_nic("nic1", "wire:lan", NULL, "tp", 0, &b);
    traffic_random(a, 300);
    kit_wait(&a->completed, a->next_id);
    kit_wait(&b->frames, traffic.count);
    for (uint32_t i = 0; i < traffic.count; i++)
        traffic_check(i, &b->frame[i]);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_XMIT_OK), traffic.count);
    ck_assert_uint_eq(kit_counter(b, OID_GEN_RCV_OK), traffic.count);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_BYTES_XMIT), traffic.bytes);
    ck_assert_uint_eq(kit_counter(b, OID_GEN_BYTES_RCV), traffic.bytes);
    for (uint32_t i = 0; i < a->next_id; i++)
        ck_assert_int_eq(a->status[i], NDIS_STATUS_SUCCESS);
    traffic_free();
}

TEST(lists_of_any_shape_pass_byte_exact_from_one_adapter_to_another)
{
    kit_run(1, two_adapters_on_a_wire);
}

static void
echoed(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "wire:lan", NULL, "tp", 0, &a);
    kit_nic("nic1", "wire:lan", NULL, "echoproto", 0, NULL);
    traffic_random(a, 100);
    kit_wait(&a->frames, traffic.count);
    for (uint32_t i = 0; i < traffic.count; i++) {
        uint8_t swapped[6];
        memcpy(swapped, traffic.data[i], 6);
        memcpy(traffic.data[i], traffic.data[i] + 6, 6);
        memcpy(traffic.data[i] + 6, swapped, 6);
        traffic_check(i, &a->frame[i]);
    }
    traffic_free();
}

TEST(echoproto_sends_back_what_it_gets_with_the_addresses_swapped)
{
    kit_run(2, echoed);
}
