// SPDX-License-Identifier: MIT
// Frames without offloads: lists of any shape down, frames up, and what the counters say about them.
#include <string.h>

#include "harness/harness.h"
#include "kit.h"
#include "nt/ke/ke.h"
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

// ---- the sender -----------------------------------------------------------------------------------------------------------------

static void
send_numbered(struct kit_binding *binding, uint32_t count, void *cancel_id)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = traffic_frame(60);
        struct kit_send send = {.data = (const uint8_t *const *)&traffic.data[index],
                                .bytes = &traffic.length[index],
                                .count = 1,
                                .cancel_id = cancel_id};
        kit_send(binding, kit_nbl(binding, &send));
    }
}

static void
expect_sent(struct port *port, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        const uint8_t *sent;
        ck_assert_uint_eq(port_test_tx_get(port, &sent, NULL), traffic.length[i]);
        ck_assert(!memcmp(sent, traffic.data[i], traffic.length[i]));
        port_test_tx_dequeue(port);
    }
}

static void
back_pressure(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    struct port *port = port_test_find(kit.ports, "a");
    port_test_tx_hold(port, true);
    send_numbered(a, 200, NULL);
    ck_assert_uint_eq(a->completed, 0);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_TRANSMIT_QUEUE_LENGTH), 200);
    port_test_tx_hold(port, false);
    kit_wait(&a->completed, 200);
    for (uint32_t i = 0; i < 200; i++) {
        ck_assert_int_eq(a->status[i], NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(a->order[i], i);
    }
    expect_sent(port, 0, 200);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_TRANSMIT_QUEUE_LENGTH), 0);
    traffic_free();
}

TEST(what_a_full_port_does_not_take_waits_and_goes_on_in_order)
{
    kit_run(3, back_pressure);
}

// 1 kbit/s: minutes for what is sent at once. The wire is to blame, and not the driver that keeps it for so long.
static void
slow_wire(void)
{
    struct kit_binding *a, *b;
    struct wire_config slow = {.bits_per_second = 1000};
    ck_assert_int_eq(port_world_wire(kit.ports, "lan", &slow), 0);
    kit_nic("nic0", "wire:lan", NULL, "tp", 0, &a);
    kit_nic("nic1", "wire:lan", NULL, "tp", 0, &b);
    send_numbered(a, 500, NULL);
    kit_sleep_us(60 * 1000 * 1000);
    ck_assert_uint_lt(a->completed, 500);     // else the wire is not slow enough to prove anything
    while (a->completed < 500)
        kit_sleep_us(1000 * 1000);
    traffic_free();
}

TEST(with_the_verifier_on_sends_may_wait_for_a_slow_wire_as_long_as_it_takes)
{
    kit_verify = VERIFY_ON;
    kit_run(3, slow_wire);
}

static void
cancelling(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    struct port *port = port_test_find(kit.ports, "a");
    void *one = (void *)0x1111, *two = (void *)0x2222;
    port_test_tx_hold(port, true);
    for (uint32_t i = 0; i < 10; i++)
        send_numbered(a, 1, i % 3 ? one : two);
    NdisCancelSendNetBufferLists(a->handle, one);
    ck_assert_uint_eq(a->completed, 6);
    send_numbered(a, 1, NULL);                // the end of the queue is where it should be
    port_test_tx_hold(port, false);
    kit_wait(&a->completed, 11);
    for (uint32_t i = 0; i < 11; i++)
        ck_assert_int_eq(a->status[i], i < 10 && i % 3 ? NDIS_STATUS_SEND_ABORTED : NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < 10; i += 3)
        expect_sent(port, i, 1);
    expect_sent(port, 10, 1);
    traffic_free();
}

TEST(NdisCancelSendNetBufferLists_takes_what_waits_in_the_adapter)
{
    kit_run(4, cancelling);
}

static const struct kit_setting random_order[] = {{"CompletionOrder", "random"}, {0}};

static void
random_completion(void)
{
    struct kit_binding *a;
    uint32_t out_of_order = 0;
    kit_nic("nic0", "test:a", random_order, "tp", 0, &a);
    struct port *port = port_test_find(kit.ports, "a");
    send_numbered(a, 500, NULL);
    kit_wait(&a->completed, 500);
    for (uint32_t i = 1; i < 500; i++)
        out_of_order += a->order[i] < a->order[i - 1];
    ck_assert_uint_gt(out_of_order, 0);
    expect_sent(port, 0, 500);
    traffic_free();
}

TEST(completion_order_random_completes_each_once_and_sends_in_order)
{
    kit_run(5, random_completion);
}

static void
link_changes(void)
{
    struct kit_binding *a;
    kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    struct port *port = port_test_find(kit.ports, "a");
    uint32_t before = a->link_indications;
    ck_assert(a->link_up);
    port_test_tx_hold(port, true);
    send_numbered(a, 5, NULL);
    port_test_link(port, false);
    kit_wait(&a->link_indications, before + 1);
    ck_assert(!a->link_up);
    kit_wait(&a->completed, 5);
    ULONG state;
    ck_assert_int_eq(kit_oid(a, NdisRequestQueryInformation, OID_GEN_MEDIA_CONNECT_STATUS, &state, sizeof state), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(state, NdisMediaStateDisconnected);
    send_numbered(a, 3, NULL);
    ck_assert_uint_eq(a->completed, 8);
    for (uint32_t i = 0; i < 8; i++)
        ck_assert_int_eq(a->status[i], NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_XMIT_DISCARDS), 8);
    port_test_link(port, true);
    port_test_tx_hold(port, false);
    kit_wait(&a->link_indications, before + 2);
    ck_assert(a->link_up);
    send_numbered(a, 3, NULL);
    kit_wait(&a->completed, 11);
    expect_sent(port, 8, 3);
    traffic_free();
}

TEST(link_down_is_indicated_and_gives_back_what_waits_and_link_up_sends_again)
{
    kit_run(6, link_changes);
}

// ---- the receiver ---------------------------------------------------------------------------------------------------------------

static void
deliver(struct port *port, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = traffic_frame(14 + (uint32_t)prng_below(&kit.prng, 1500));
        ck_assert_int_eq(port_test_rx_enqueue(port, traffic.data[index], traffic.length[index], NULL), 0);
    }
    port_test_rx_flush(port);
}

static void
out_of_buffers(void)
{
    static const struct kit_setting few[] = {{"*ReceiveBuffers", "16"}, {0}};
    struct kit_binding *a;
    kit_nic("nic0", "test:a", few, "tp", 0, &a);
    a->keep = true;
    deliver(port_test_find(kit.ports, "a"), 100);
    kit_wait(&a->frames, 16);
    kit_sleep_us(200000);
    ck_assert_uint_eq(a->frames, 16);
    ck_assert_uint_gt(kit_counter(a, OID_GEN_RCV_NO_BUFFER), 0);
    for (uint32_t i = 1; i < 7; i++) {
        kit_return(a);
        kit_wait(&a->frames, i < 6 ? (i + 1) * 16 : 100);
    }
    for (uint32_t i = 0; i < 100; i++)
        traffic_check(i, &a->frame[i]);
    a->keep = false;
    kit_return(a);
    traffic_free();
}

TEST(a_receiver_without_buffers_leaves_frames_with_the_port_and_goes_on_when_they_return)
{
    kit_run(7, out_of_buffers);
}

static void
pause_thread(void *arg)
{
    ndis_adapter_pause(arg);
}

static void
pause_with_receives_out(void)
{
    struct kit_binding *a;
    struct ndis_adapter *adapter = kit_nic("nic0", "test:a", NULL, "tp", 0, &a);
    struct port *port = port_test_find(kit.ports, "a");
    struct ke_thread *thread;
    a->keep = true;
    deliver(port, 80);
    kit_wait(&a->frames, 80);
    ck_assert_int_eq(ke_thread_start(kit.box, "pause", pause_thread, adapter, &thread), 0);
    kit_sleep_us(50000);
    ck_assert(ndis_adapter_is_running(adapter));   // or on its way: not paused while receives are out
    kit_return(a);
    ke_thread_join(thread);
    ck_assert(!ndis_adapter_is_running(adapter));
    a->keep = false;
    deliver(port, 20);                        // the receiver is off: dropped by the adapter
    kit_sleep_us(300000);
    ck_assert_uint_eq(a->frames, 80);
    ck_assert_int_eq(ndis_adapter_restart(adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_RCV_DISCARDS), 20);
    deliver(port, 5);
    kit_wait(&a->frames, 85);
    for (uint32_t i = 0; i < 85; i++)
        traffic_check(i < 80 ? i : i + 20, &a->frame[i]);
    traffic_free();
}

TEST(a_pause_waits_for_receives_that_are_out_and_a_paused_receiver_drops)
{
    kit_run(8, pause_with_receives_out);
}

static void
pause_with_a_full_port(void)
{
    struct kit_binding *a;
    struct ndis_adapter *adapter = kit_nic("nic0", "test:a", random_order, "tp", 0, &a);
    struct port *port = port_test_find(kit.ports, "a");
    send_numbered(a, 30, NULL);
    port_test_tx_hold(port, true);
    send_numbered(a, 7, NULL);
    ndis_adapter_pause(adapter);
    ck_assert_uint_eq(a->completed, 37);
    for (uint32_t i = 0; i < 37; i++)
        ck_assert_int_eq(a->status[i], i < 30 ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE);
    port_test_tx_hold(port, false);
    ck_assert_int_eq(ndis_adapter_restart(adapter), NDIS_STATUS_SUCCESS);
    send_numbered(a, 1, NULL);
    kit_wait(&a->completed, 38);
    expect_sent(port, 0, 30);
    expect_sent(port, 37, 1);
    traffic_free();
}

TEST(a_pause_ends_because_what_a_stuck_port_does_not_take_comes_back)
{
    kit_run(9, pause_with_a_full_port);
}

static void
reset_with_a_full_port(void)
{
    struct kit_binding *a;
    struct ndis_adapter *adapter = kit_nic("nic0", "test:a", random_order, "tp", 0, &a);
    struct port *port = port_test_find(kit.ports, "a");
    send_numbered(a, 30, NULL);
    port_test_tx_hold(port, true);
    send_numbered(a, 7, NULL);
    ck_assert_int_eq(ndis_adapter_reset(adapter), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(a->completed, 37);
    for (uint32_t i = 0; i < 37; i++)
        ck_assert_int_eq(a->status[i], i < 30 ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESET_IN_PROGRESS);
    port_test_tx_hold(port, false);
    send_numbered(a, 1, NULL);
    kit_wait(&a->completed, 38);
    ck_assert_int_eq(a->status[37], NDIS_STATUS_SUCCESS);
    traffic_free();
}

TEST(MiniportResetEx_completes_every_send_before_it_is_over)
{
    kit_run(10, reset_with_a_full_port);
}

static void
filters(void)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 9}, own[6] = {2, 0, 0, 0, 0, 0x77};
    static const struct kit_setting address[] = {{"NetworkAddress", "020000000077"}, {0}};
    struct kit_binding *a;
    kit_nic("nic0", "test:a", address, "tp", NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST, &a);
    struct port *port = port_test_find(kit.ports, "a");
    ck_assert_int_eq(kit_oid(a, NdisRequestSetInformation, OID_802_3_MULTICAST_LIST, (void *)group, 6), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < 5; i++)
        traffic_frame(60);
    memcpy(traffic.data[0], own, 6);
    memcpy(traffic.data[1], (const uint8_t[]){2, 0, 0, 0, 0, 0x78}, 6);
    memset(traffic.data[2], 255, 6);
    memcpy(traffic.data[3], (const uint8_t[]){1, 0, 0x5e, 0, 0, 8}, 6);
    memcpy(traffic.data[4], group, 6);
    for (uint32_t i = 0; i < 5; i++)
        ck_assert_int_eq(port_test_rx_enqueue(port, traffic.data[i], 60, NULL), 0);
    port_test_rx_flush(port);
    kit_wait(&a->frames, 2);
    kit_sleep_us(10000);
    ck_assert_uint_eq(a->frames, 2);
    traffic_check(0, &a->frame[0]);
    traffic_check(4, &a->frame[1]);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_RCV_OK), 2);   // what the address filter drops was never received
    ck_assert_uint_eq(kit_counter(a, OID_GEN_MULTICAST_FRAMES_RCV), 1);
    ck_assert(a->frame[0].flags & NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE);
    traffic_free();
}

TEST(the_packet_filter_and_the_multicast_list_are_kept_in_the_adapter)
{
    kit_run(11, filters);
}

// ---- settings -------------------------------------------------------------------------------------------------------------------

static void
settings(void)
{
    static const struct kit_setting jumbo[] = {{"*JumboPacket", "99999"}, {0}}, order[] = {{"CompletionOrder", "sideways"}, {0}};
    static const struct kit_setting multicast[] = {{"NetworkAddress", "010000000077"}, {0}};
    struct ndis_adapter *adapter;
    ck_assert_int_eq(kit_add("nic2", "none", jumbo, &adapter), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_msg(strstr(kit.message, "*JumboPacket is 99999"), "%s", kit.message);
    ck_assert_int_eq(kit_add("nic3", "none", order, &adapter), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_msg(strstr(kit.message, "sideways"), "%s", kit.message);
    ck_assert_int_eq(kit_add("nic4", "none", multicast, &adapter), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(kit_add("nic5", "nonsense:x", NULL, &adapter), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_msg(strstr(kit.message, "nonsense"), "%s", kit.message);
    struct kit_binding *a;
    kit_nic("nic0", NULL, NULL, "tp", 0, &a);   // no Port: no cable
    ck_assert(!a->link_up);
}

TEST(MiniportInitializeEx_refuses_bad_settings_in_words_and_leaves_nothing)
{
    kit_run(12, settings);
}

static void
ndk_off(void)
{
    static const struct kit_setting on[] = {{"*NetworkDirect", "1"}, {0}};
    struct kit_binding *off_binding, *on_binding;
    BOOLEAN state = TRUE;
    kit_nic("nic0", "none", NULL, "tp", 0, &off_binding);
    kit_nic("nic1", "none", on, "tp", 0, &on_binding);
    ck_assert(off_binding->has_ndk && !off_binding->ndk_enabled);
    ck_assert(on_binding->has_ndk && on_binding->ndk_enabled);
    ck_assert_uint_eq(off_binding->ndk.RdmaTechnology, NdkiWarp);
    ck_assert_mem_eq(&off_binding->ndk, &on_binding->ndk, sizeof off_binding->ndk);
    ck_assert_int_eq(kit_oid(off_binding, NdisRequestSetInformation, OID_NDK_SET_STATE, &state, sizeof state), NDIS_STATUS_NOT_SUPPORTED);
    state = FALSE;
    ck_assert_int_eq(kit_oid(off_binding, NdisRequestSetInformation, OID_NDK_SET_STATE, &state, sizeof state), NDIS_STATUS_SUCCESS);
    NDIS_NDK_STATISTICS_INFO info;
    ck_assert_int_eq(kit_oid(off_binding, NdisRequestQueryInformation, OID_NDK_STATISTICS, &info, sizeof info),
                     NDIS_STATUS_NOT_SUPPORTED);
}

TEST(NDK_that_the_keyword_leaves_off_is_told_as_a_capability_and_cannot_be_switched_on)
{
    kit_run(14, ndk_off);
}

static void
statistics(void)
{
    struct kit_binding *a, *b;
    kit_nic("nic0", "wire:lan", NULL, "tp", 0, &a);
    kit_nic("nic1", "wire:lan", NULL, "tp", 0, &b);
    traffic_random(a, 64);
    kit_wait(&b->frames, traffic.count);
    NDIS_STATISTICS_INFO sent, got;
    ck_assert_int_eq(kit_oid(a, NdisRequestQueryInformation, OID_GEN_STATISTICS, &sent, sizeof sent), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(kit_oid(b, NdisRequestQueryInformation, OID_GEN_STATISTICS, &got, sizeof got), NDIS_STATUS_SUCCESS);
    uint64_t casts[3] = {0};
    for (uint32_t i = 0; i < traffic.count; i++)
        casts[!(traffic.data[i][0] & 1) ? 0 : memcmp(traffic.data[i], "\xff\xff\xff\xff\xff\xff", 6) ? 1 : 2]++;
    ck_assert_uint_eq(sent.ifHCOutUcastPkts, casts[0]);
    ck_assert_uint_eq(sent.ifHCOutMulticastPkts, casts[1]);
    ck_assert_uint_eq(sent.ifHCOutBroadcastPkts, casts[2]);
    ck_assert_uint_eq(got.ifHCInUcastPkts, casts[0]);
    ck_assert_uint_eq(got.ifHCInMulticastPkts, casts[1]);
    ck_assert_uint_eq(got.ifHCInBroadcastPkts, casts[2]);
    ck_assert_uint_eq(sent.ifHCOutOctets, traffic.bytes);
    ck_assert_uint_eq(got.ifHCInOctets, traffic.bytes);
    ULONG value;
    ck_assert_int_eq(kit_oid(a, NdisRequestQueryInformation, OID_GEN_VENDOR_DESCRIPTION, &value, 2), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_int_eq(kit_oid(a, NdisRequestQueryInformation, OID_GEN_MACHINE_NAME, &value, 4), NDIS_STATUS_NOT_SUPPORTED);
    value = 0x80000000;
    ck_assert_int_eq(kit_oid(a, NdisRequestSetInformation, OID_GEN_LINK_PARAMETERS, &value, 4), NDIS_STATUS_INVALID_LENGTH);
    traffic_free();
}

TEST(OID_GEN_STATISTICS_counts_by_kind_of_address_and_both_ends_agree)
{
    kit_run(13, statistics);
}

static void
hello(void)
{
    struct kit_binding *a;
    kit.driver = "hello_miniport";
    kit_nic("nic0", NULL, NULL, "tp", NDIS_PACKET_TYPE_DIRECTED, &a);
    traffic_random(a, 100);
    ck_assert_uint_eq(a->completed, 100);
    ck_assert_uint_eq(kit_counter(a, OID_GEN_XMIT_OK), traffic.count);
    traffic_free();
}

TEST(hello_miniport_counts_and_completes_what_it_is_sent)
{
    kit_run(14, hello);
}

// ---- schedules ------------------------------------------------------------------------------------------------------------------

static uint64_t sweep_out_of_order, sweep_paused;

static void
sweep(void)
{
    struct kit_binding *a;
    struct ndis_adapter *adapter = kit_nic("nic0", "wire:lan", random_order, "tp", 0, &a);
    kit_nic("nic1", "wire:lan", NULL, "echoproto", 0, NULL);
    for (uint32_t round = 0; round < 3; round++) {
        traffic_random(a, 40);
        ndis_adapter_pause(adapter);
        ck_assert_uint_eq(a->completed, a->next_id);
        traffic_random(a, 2);                 // into the pause
        ck_assert_uint_eq(a->completed, a->next_id);
        ck_assert_int_eq(ndis_adapter_restart(adapter), NDIS_STATUS_SUCCESS);
    }
    for (uint32_t i = 0; i < a->next_id; i++)
        sweep_paused += a->status[i] == NDIS_STATUS_PAUSED;
    for (uint32_t i = 1; i < a->completed; i++)
        sweep_out_of_order += a->order[i] < a->order[i - 1];
    traffic_free();
}

TEST_TIMEOUT(120, pause_traffic_and_random_completion_are_clean_on_every_schedule)
{
    kit_run(50, sweep);
    uint64_t first = kit.trace_hash;
    kit_run(50, sweep);
    ck_assert_uint_eq(kit.trace_hash, first);
    for (uint64_t seed = 51; seed < 90; seed++)
        kit_run(seed, sweep);
    ck_assert_uint_gt(sweep_out_of_order, 0);
    ck_assert_uint_gt(sweep_paused, 0);
}
