// SPDX-License-Identifier: MIT
// vnic and echoproto on real threads: the same kit, the other scheduler, so that the sanitizers see real parallelism.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../vnic/kit.h"
#include "../vnic/packet.h"
#include "../vnic/traffic.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static void
echoed(void)
{
    static const struct kit_setting random_order[] = {{"CompletionOrder", "random"}, {0}};
    struct kit_binding *a;
    struct ndis_adapter *adapter = kit_nic("nic0", "wire:lan", random_order, "tp", 0, &a);
    kit_nic("nic1", "wire:lan", NULL, "echoproto", 0, NULL);
    for (uint32_t round = 0; round < 5; round++) {
        traffic_random(a, 200);
        kit_wait(&a->frames, traffic.count);
    }
    kit_wait(&a->completed, a->next_id);
    for (uint32_t i = 0; i < traffic.count; i++) {
        uint8_t swapped[6];
        memcpy(swapped, traffic.data[i], 6);
        memcpy(traffic.data[i], traffic.data[i] + 6, 6);
        memcpy(traffic.data[i] + 6, swapped, 6);
        traffic_check(i, &a->frame[i]);
    }
    uint32_t before = a->next_id;
    traffic_random(a, 100);
    ndis_adapter_pause(adapter);              // frames are coming back and completions are held
    ck_assert_uint_eq(a->completed, before + 100);
    ck_assert_int_eq(ndis_adapter_restart(adapter), NDIS_STATUS_SUCCESS);
    traffic_free();
}

TEST_TIMEOUT(100, frames_go_round_through_two_adapters_on_real_threads)
{
    kit_run_threads(echoed);
}

static uint8_t frame[PACKET_MAX];
static char listen_spec[96], connect_spec[96];

// A stream port has no offloads, so the sender cuts and sums, and the receiver gets plain frames.
static void
over_a_stream(void)
{
    struct kit_binding *a, *b;
    kit_nic("nic0", listen_spec, NULL, "tp", 0, &a);
    kit_nic("nic1", connect_spec, NULL, "tp", 0, &b);
    for (uint32_t i = 0; i < 200 && !(a->link_up && b->link_up); i++)
        kit_sleep_us(50000);
    ck_assert(a->link_up && b->link_up);
    struct packet packet = {.payload_bytes = 60000, .sequence = 7, .flags = 0x18, .lso = true};
    uint32_t bytes = packet_make(&packet, frame);
    const uint8_t *data = frame;
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info = {.Value = NULL};
    info.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    info.LsoV2Transmit.MSS = 1000;
    info.LsoV2Transmit.TcpHeaderOffset = 34;
    struct kit_send send = {.data = &data, .bytes = &bytes, .count = 1, .mdls = 8, .lso = info.Value};
    for (uint32_t i = 0; i < 5; i++)
        kit_send(a, kit_nbl(a, &send));
    kit_wait(&b->frames, 300);
    for (uint32_t i = 0; i < 300; i++) {
        ck_assert(packet_is_right(b->frame[i].data, b->frame[i].bytes));
        ck_assert(packet_payload_is(b->frame[i].data, b->frame[i].bytes, i % 60 * 1000));
    }
    kit_wait(&a->completed, 5);
}

TEST_TIMEOUT(100, a_large_send_over_a_stream_arrives_as_whole_segments)
{
    snprintf(listen_spec, sizeof listen_spec, "stream-listen:/tmp/vnic-%d.sock", (int)getpid());
    snprintf(connect_spec, sizeof connect_spec, "stream:/tmp/vnic-%d.sock", (int)getpid());
    kit_run_threads(over_a_stream);
}
