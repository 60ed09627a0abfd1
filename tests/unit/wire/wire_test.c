// SPDX-License-Identifier: MIT
// The in-process segment: who gets what, in which order, when, and that the impairments' counters add up to the frame.
#include <errno.h>
#include <stdlib.h>

#include "world.h"

static const uint64_t second_ns = 1000000000;

WORLD_TEST(wire_carries_every_frame_in_order_and_intact)
{
    static struct device a, b;
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    device_send(&a, 0, 5000, 60);
    device_send(&a, 5000, 1000, 1514);
    device_send(&a, 6000, 100, 9018);
    ck_assert(device_wait(&b, 6100, second_ns));
    for (uint32_t i = 0; i < 6100; i++) {
        ck_assert_uint_eq(b.log[i].number, i);
        ck_assert(b.log[i].is_intact);
    }
    ck_assert_uint_eq(b.log[6099].bytes, 9018);
    ck_assert_uint_eq(a.received, 0);
    device_close(&a);
    device_close(&b);
}

WORLD_TEST(wire_gives_a_frame_to_every_other_port)
{
    static struct device ports[4];
    for (int i = 0; i < 4; i++)
        device_open(&ports[i], world, "wire:lan");
    device_send(&ports[2], 0, 300, 200);
    for (int i = 0; i < 4; i++) {
        if (i != 2)
            ck_assert(device_wait(&ports[i], 300, second_ns));
        ck_assert_uint_eq(ports[i].received, i == 2 ? 0 : 300);
    }
    for (int i = 0; i < 4; i++)
        device_close(&ports[i]);
}

WORLD_TEST(wires_of_different_names_do_not_touch)
{
    static struct device a, b;
    device_open(&a, world, "wire:one");
    device_open(&b, world, "wire:two");
    device_send(&a, 0, 10, 60);
    ck_assert(!device_wait(&b, 1, second_ns));
    device_close(&a);
    device_close(&b);
}

WORLD_TEST(wire_carries_super_segments_whole_with_their_offload_fields)
{
    static uint8_t frame[65549];
    static struct device a, b;
    struct port_offload offload = {PORT_CSUM_NEEDED | PORT_GSO_ECN, PORT_GSO_TCP4, 54, 1460, 34, 16};
    for (uint32_t i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)(i * 7);
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    ck_assert_uint_ge(a.caps.max_gso_bytes, sizeof(frame));
    ck_assert_uint_eq(device_send_raw(&a, frame, sizeof(frame), &offload), 1);
    ck_assert(device_wait(&b, 1, second_ns));
    ck_assert_uint_eq(b.log[0].bytes, sizeof(frame));
    ck_assert_mem_eq(device_last(&b), frame, sizeof(frame));
    ck_assert_mem_eq(&b.log[0].offload, &offload, sizeof(offload));
    device_close(&a);
    device_close(&b);
}

WORLD_TEST(wire_drops_and_counts_a_frame_that_breaks_its_caps)
{
    static uint8_t frame[65600];
    static struct device a, b;
    struct port_stats stats;
    struct port_offload bad_csum = {.flags = PORT_CSUM_NEEDED, .csum_start = 90, .csum_offset = 9};
    struct port_offload bad_gso = {PORT_CSUM_NEEDED, PORT_GSO_TCP4, 54, 0, 34, 16};
    struct port_offload no_csum = {0, PORT_GSO_TCP4, 54, 1460, 34, 16};
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    ck_assert_uint_eq(device_send_raw(&a, frame, 13, NULL), 1);
    ck_assert_uint_eq(device_send_raw(&a, frame, 9019, NULL), 1);
    ck_assert_uint_eq(device_send_raw(&a, frame, 65554, &(struct port_offload){PORT_CSUM_NEEDED, PORT_GSO_TCP4, 54, 1460, 34, 16}), 1);
    ck_assert_uint_eq(device_send_raw(&a, frame, 100, &bad_csum), 1);
    ck_assert_uint_eq(device_send_raw(&a, frame, 3000, &bad_gso), 1);
    ck_assert_uint_eq(device_send_raw(&a, frame, 3000, &no_csum), 1);
    port_stats_get(a.port, &stats);
    ck_assert_uint_eq(stats.tx_dropped, 6);
    ck_assert_uint_eq(stats.tx_frames, 0);
    ck_assert(!device_wait(&b, 1, second_ns));
    device_close(&a);
    device_close(&b);
}

WORLD_TEST(wire_pushes_back_when_the_receiver_takes_nothing_and_loses_nothing)
{
    static struct device a, b;
    uint8_t frame[60] = {2};
    uint32_t taken = 0;
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    atomic_store(&b.refuse, 1);
    while (device_send_raw(&a, frame, sizeof(frame), NULL))
        ck_assert_uint_lt(++taken, 10000);
    ck_assert_uint_eq(taken, 4096);
    ck_assert(!device_wait_word(&a, &a.tx_ready, 0, second_ns));
    atomic_store(&b.refuse, 0);
    port_rx_again(b.port);
    ck_assert(device_wait_word(&a, &a.tx_ready, 0, second_ns));
    device_send(&a, 1000000, 10000, 60);
    ck_assert(device_wait(&b, 14096, second_ns));
    for (uint32_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(b.log[4096 + i].number, 1000000 + i);
    device_close(&a);
    device_close(&b);
}

WORLD_TEST(wire_with_a_port_that_is_not_started_holds_nobody_up)
{
    static const struct port_upcalls upcalls = {0};
    static struct device a, b;
    struct port *idle;
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    ck_assert_int_eq(port_open(world, "wire:lan", &upcalls, NULL, &idle, NULL, 0), 0);
    device_send(&a, 0, 20000, 60);
    ck_assert(device_wait(&b, 20000, second_ns));
    port_close(idle);
    device_close(&a);
    device_close(&b);
}

WORLD_TEST(wire_delivers_what_a_closed_sender_left_under_way_and_forgets_what_a_closed_receiver_held)
{
    static struct device a, b, c;
    ck_assert_int_eq(port_world_wire(world, "lan", &(struct wire_config){.delay_ns = second_ns}), 0);
    ck_assert_int_eq(port_world_wire(world, "lan", &(struct wire_config){0}), -EEXIST);
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    device_open(&c, world, "wire:lan");
    device_send(&a, 0, 100, 1514);
    device_close(&c);
    device_close(&a);
    ck_assert(device_wait(&b, 100, 2 * second_ns));
    ck_assert(b.log[99].is_intact);
    device_close(&b);
}

WORLD_TEST(wire_takes_the_time_that_rate_and_delay_say)
{
    static struct device a, b;
    // (1226 + 24) * 8 bits at 10 Mbit/s: 1 ms a frame, and 20 ms on the way.
    ck_assert_int_eq(port_world_wire(world, "lan", &(struct wire_config){.bits_per_second = 10000000, .delay_ns = 20000000}), 0);
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    uint64_t start_ns = sched_now_ns(sched);
    device_send(&a, 0, 100, 1226);
    ck_assert(device_wait(&b, 100, second_ns));
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert_uint_ge(b.log[i].at_ns - start_ns, 20000000 + (i + 1) * 1000000ull);
        ck_assert_uint_lt(b.log[i].at_ns - start_ns, 20000000 + (i + 1) * 1000000ull + 1000);
    }
    ck_assert_uint_gt(a.tx_ready, 0);            // 5 ms of bits at a time: the sender had to wait
    device_close(&a);
    device_close(&b);
}

WORLD_TEST(wire_counts_a_super_segment_as_the_segments_it_stands_for)
{
    static uint8_t frame[54 + 10 * 1446];
    static struct device a, b;
    struct port_offload offload = {PORT_CSUM_NEEDED, PORT_GSO_TCP4, 54, 1446, 34, 16};
    ck_assert_int_eq(port_world_wire(world, "lan", &(struct wire_config){.bits_per_second = 1000000}), 0);
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    uint64_t start_ns = sched_now_ns(sched);
    ck_assert_uint_eq(device_send_raw(&a, frame, sizeof(frame), &offload), 1);
    ck_assert(device_wait(&b, 1, second_ns));
    ck_assert_uint_ge(b.log[0].at_ns - start_ns, 10ull * (1500 + 24) * 8 * 1000);
    ck_assert_uint_lt(b.log[0].at_ns - start_ns, 10ull * (1500 + 24) * 8 * 1000 + 1000);
    device_close(&a);
    device_close(&b);
}

WORLD_TEST(wire_jitter_varies_the_delay_and_keeps_the_order)
{
    static struct device a, b;
    bool varies = false;
    ck_assert_int_eq(port_world_wire(world, "lan", &(struct wire_config){.delay_ns = 1000000, .jitter_ns = 500000, .seed = 3}), 0);
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t start_ns = sched_now_ns(sched);
        device_send(&a, i, 1, 60);
        ck_assert(device_wait(&b, i + 1, second_ns));
        uint64_t took_ns = b.log[i].at_ns - start_ns;
        ck_assert_uint_ge(took_ns, 1000000);
        ck_assert_uint_lt(took_ns, 1501000);
        varies |= took_ns > 1250000;
    }
    ck_assert(varies);
    device_send(&a, 200, 1000, 60);
    ck_assert(device_wait(&b, 1200, second_ns));
    for (uint32_t i = 0; i < 1200; i++)
        ck_assert_uint_eq(b.log[i].number, i);
    device_close(&a);
    device_close(&b);
}

WORLD_TEST(wire_with_corruption_promises_no_offload)
{
    static struct device a;
    uint8_t frame[100] = {2};
    struct port_stats stats;
    ck_assert_int_eq(port_world_wire(world, "lan", &(struct wire_config){.corrupt = 0.5}), 0);
    device_open(&a, world, "wire:lan");
    ck_assert(!a.caps.tx_csum && !a.caps.gso4 && !a.caps.gso6 && a.caps.max_gso_bytes == 0);
    device_send_raw(&a, frame, 100, &(struct port_offload){.flags = PORT_CSUM_NEEDED, .csum_start = 34, .csum_offset = 16});
    port_stats_get(a.port, &stats);
    ck_assert_uint_eq(stats.tx_dropped, 1);
    device_close(&a);
}

WORLD_TEST(wire_refuses_a_probability_that_is_none)
{
    ck_assert_int_eq(port_world_wire(world, "lan", &(struct wire_config){.loss = 1.5}), -EINVAL);
    ck_assert_int_eq(port_world_wire(world, "lan", &(struct wire_config){.reorder = -0.1}), -EINVAL);
    ck_assert_int_eq(port_world_wire(world, "l n", &(struct wire_config){0}), -EINVAL);
}

struct impaired_result {
    struct wire_config config;
    uint32_t frames;
    struct port_stats sent, seen;
    uint32_t out_of_order, damaged, repeated, missing;
    uint64_t order_hash, trace_hash;
    uint32_t frame_bytes;
};

// How the frames came in, found out from the frames alone.
static void
impaired_inspect(const struct device *b, struct impaired_result *result)
{
    uint8_t *times = calloc(result->frames, 1);
    uint32_t received = b->received;
    uint64_t highest = 0;
    result->order_hash = 1469598103934665603ull;
    for (uint32_t i = 0; i < received; i++) {
        const struct device_log *log = &b->log[i];
        result->order_hash = (result->order_hash ^ log->number) * 1099511628211ull;
        result->damaged += !log->is_intact;
        if (log->number >= result->frames)
            continue;
        result->repeated += times[log->number] == 1;
        if (times[log->number]++ == 0 && i && log->number < highest)
            result->out_of_order++;
        if (log->number > highest)
            highest = log->number;
    }
    for (uint32_t i = 0; i < result->frames; i++)
        result->missing += !times[i];
    free(times);
}

static void
impaired_body(struct sched *sched, struct port_world *world, void *arg)
{
    struct impaired_result *result = arg;
    static struct device a, b;
    ck_assert_int_eq(port_world_wire(world, "lan", &result->config), 0);
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    device_send(&a, 0, result->frames, result->frame_bytes);
    device_wait(&b, UINT32_MAX, 10 * second_ns);
    port_stats_get(a.port, &result->sent);
    port_stats_get(b.port, &result->seen);
    impaired_inspect(&b, result);
    device_close(&a);
    device_close(&b);
    // Whatever else happens, the counters add up to the frame.
    ck_assert_uint_eq(result->sent.tx_frames + result->sent.tx_dropped, result->frames);
    ck_assert_uint_eq(result->seen.rx_frames + result->seen.rx_dropped, result->sent.tx_frames + result->sent.duplicated);
    ck_assert_uint_eq(result->seen.rx_frames, b.received);
}

static struct impaired_result
impaired_run(uint64_t seed, struct wire_config config, uint32_t frames)
{
    struct impaired_result result = {.config = config, .frames = frames, .frame_bytes = 200};
    result.trace_hash = world_run(seed, impaired_body, &result);
    return result;
}

TEST(wire_loses_about_as_many_frames_as_loss_says_and_counts_each)
{
    struct impaired_result result = impaired_run(5, (struct wire_config){.loss = 0.1}, 20000);
    ck_assert_uint_eq(result.missing, result.sent.tx_dropped);
    ck_assert_uint_gt(result.missing, 1800);
    ck_assert_uint_lt(result.missing, 2200);
    ck_assert_uint_eq(result.out_of_order + result.repeated + result.damaged, 0);
    ck_assert_uint_eq(impaired_run(5, (struct wire_config){.loss = 1}, 100).sent.tx_dropped, 100);
}

TEST(wire_duplicates_are_counted_and_whole)
{
    struct impaired_result result = impaired_run(5, (struct wire_config){.duplicate = 0.1}, 20000);
    ck_assert_uint_eq(result.repeated, result.sent.duplicated);
    ck_assert_uint_gt(result.repeated, 1800);
    ck_assert_uint_lt(result.repeated, 2200);
    ck_assert_uint_eq(result.missing + result.out_of_order + result.damaged, 0);
}

TEST(wire_corrupts_one_bit_of_a_frame_and_counts_it)
{
    struct impaired_result result = impaired_run(5, (struct wire_config){.corrupt = 0.1}, 20000);
    ck_assert_uint_gt(result.sent.corrupted, 1800);
    ck_assert_uint_lt(result.sent.corrupted, 2200);
    // A bit of the 14 header bytes is not in the pattern: 186 of 200 bytes are looked at.
    ck_assert_uint_le(result.damaged, result.sent.corrupted);
    ck_assert_uint_gt(result.damaged, result.sent.corrupted * 85 / 100);
}

TEST(wire_leaves_the_duplicate_of_a_corrupted_frame_alone)
{
    struct impaired_result result = impaired_run(5, (struct wire_config){.corrupt = 1, .duplicate = 1}, 1000);
    ck_assert_uint_eq(result.sent.corrupted, 1000);
    ck_assert_uint_eq(result.sent.duplicated, 1000);
    ck_assert_uint_le(result.damaged, 1000);
    ck_assert_uint_gt(result.damaged, 850);
}

TEST(wire_reorders_exactly_the_frames_it_counts)
{
    struct impaired_result result = impaired_run(5, (struct wire_config){.reorder = 0.05}, 20000);
    ck_assert_uint_eq(result.out_of_order, result.sent.reordered);
    ck_assert_uint_gt(result.out_of_order, 700);
    ck_assert_uint_lt(result.out_of_order, 1100);
    ck_assert_uint_eq(result.missing + result.repeated + result.damaged, 0);
}

TEST(wire_holds_the_last_frame_no_longer_than_a_millisecond)
{
    struct impaired_result result = impaired_run(5, (struct wire_config){.reorder = 1}, 1);
    ck_assert_uint_eq(result.seen.rx_frames, 1);
    ck_assert_uint_eq(result.sent.reordered, 0);
}

TEST(wire_with_all_impairments_does_the_same_for_the_same_seed_and_else_for_another)
{
    struct wire_config config = {.bits_per_second = 100000000, .delay_ns = 2000000, .jitter_ns = 100000, .loss = 0.02,
                                 .reorder = 0.02, .duplicate = 0.02, .corrupt = 0.02};
    struct impaired_result first = impaired_run(7, config, 3000), second = impaired_run(7, config, 3000);
    struct impaired_result other = impaired_run(8, config, 3000);
    ck_assert_uint_eq(first.order_hash, second.order_hash);
    ck_assert_uint_eq(first.trace_hash, second.trace_hash);
    ck_assert_mem_eq(&first.sent, &second.sent, sizeof(first.sent));
    ck_assert_uint_ne(first.order_hash, other.order_hash);
    config.seed = 1;
    ck_assert_uint_ne(impaired_run(7, config, 3000).order_hash, first.order_hash);
    ck_assert_uint_gt(first.sent.reordered, 0);
    ck_assert_uint_gt(first.sent.duplicated, 0);
    ck_assert_uint_gt(first.sent.corrupted, 0);
    ck_assert_uint_gt(first.sent.tx_dropped, 0);
}

static void
two_frames_body(struct sched *sched, struct port_world *world, void *arg)
{
    static struct device a, b;
    uint8_t frame[60] = {2, [59] = *(uint8_t *)arg};
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    device_send_raw(&a, frame, sizeof(frame), NULL);
    device_send_raw(&a, frame, sizeof(frame), NULL);
    ck_assert(device_wait(&b, 2, second_ns));
    device_close(&a);
    device_close(&b);
}

TEST(wire_frames_are_in_the_trace_hash_of_the_run)
{
    uint8_t one = 1, two = 2;
    ck_assert_uint_eq(world_run(3, two_frames_body, &one), world_run(3, two_frames_body, &one));
    ck_assert_uint_ne(world_run(3, two_frames_body, &one), world_run(3, two_frames_body, &two));
}

// Two of them, of one byte that the sender calls an address, or of one in front of what it does; and what it says of the rest.
struct addressed {
    uint8_t byte;
    uint32_t at;
    uint64_t digest;
};

static void
addressed_body(struct sched *sched, struct port_world *world, void *arg)
{
    static struct device a, b;
    const struct addressed *what = arg;
    uint8_t frame[100] = {2};
    struct iovec iov = {frame, sizeof frame};
    struct port_frame one = {.iov = &iov, .iov_count = 1, .bytes = sizeof frame, .has_addresses = true, .digest = what->digest};
    frame[what->at] = what->byte;
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(port_tx(a.port, &one, 1), 1);
    ck_assert(device_wait(&b, 2, second_ns));
    device_close(&a);
    device_close(&b);
}

TEST(wire_frames_with_addresses_are_in_the_trace_hash_as_far_as_IP)
{
    struct addressed one = {1, 60}, two = {2, 60}, of_ip = {1, 33}, of_ip_too = {2, 33};
    ck_assert_uint_eq(world_run(3, addressed_body, &one), world_run(3, addressed_body, &two));
    ck_assert_uint_ne(world_run(3, addressed_body, &of_ip), world_run(3, addressed_body, &of_ip_too));
    two.digest = 9;
    ck_assert_uint_ne(world_run(3, addressed_body, &one), world_run(3, addressed_body, &two));
}

TEST(wire_counters_add_up_under_a_hundred_schedules)
{
    struct wire_config config = {.loss = 0.05, .reorder = 0.05, .duplicate = 0.05};
    for (uint64_t seed = 1; seed <= 100; seed++)
        (void)impaired_run(seed, config, 300);
}
