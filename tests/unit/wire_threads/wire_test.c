// SPDX-License-Identifier: MIT
// The in-process segment on OS threads: nothing is lost between real threads, and closing in full flight is safe.
#include <malloc.h>
#include <stdlib.h>

#include "real.h"

struct sender {
    struct device *device;
    uint32_t count;
};

static void
send_all(void *arg)
{
    struct sender *sender = arg;
    device_send(sender->device, 0, sender->count, 200);
}

REAL_TEST(wire_carries_everything_both_ways_at_once_between_threads)
{
    static struct device a, b;
    struct sched_thread *threads[2];
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    struct sender senders[2] = {{&a, 60000}, {&b, 60000}};
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(sched_thread_start(sched, "sender", send_all, &senders[i], NULL, &threads[i]), 0);
    for (int i = 0; i < 2; i++)
        sched_thread_join(sched, threads[i]);
    ck_assert(device_wait(&a, 60000, real_long_ns));
    ck_assert(device_wait(&b, 60000, real_long_ns));
    for (uint32_t i = 0; i < 60000; i++) {
        ck_assert_uint_eq(a.log[i].number, i);
        ck_assert_uint_eq(b.log[i].number, i);
        ck_assert(a.log[i].is_intact && b.log[i].is_intact);
    }
    device_close(&a);
    device_close(&b);
}

REAL_TEST(wire_seed_makes_the_impairments_the_same_on_threads)
{
    static struct device a, b;
    uint64_t dropped[2];
    for (int run = 0; run < 2; run++) {
        struct port_stats stats;
        char name[16], spec[32];
        snprintf(name, sizeof(name), "lan%d", run);
        snprintf(spec, sizeof(spec), "wire:%s", name);
        ck_assert_int_eq(port_world_wire(world, name, &(struct wire_config){.loss = 0.1, .duplicate = 0.1, .seed = 42}), 0);
        device_open(&a, world, spec);
        device_open(&b, world, spec);
        device_send(&a, 0, 5000, 60);
        port_stats_get(a.port, &stats);
        ck_assert(device_wait(&b, (uint32_t)(stats.tx_frames + stats.duplicated), real_long_ns));
        dropped[run] = stats.tx_dropped * 100000 + stats.duplicated;
        device_close(&a);
        device_close(&b);
    }
    ck_assert_uint_eq(dropped[0], dropped[1]);
    ck_assert_uint_gt(dropped[0], 0);
}

// On threads, because the seeded scheduler's tape grows. (Under a sanitizer the heap says nothing of itself; release does.)
REAL_TEST(wire_allocates_nothing_once_it_is_warm)
{
    static struct device a, b;
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    // Warm: more frames under way at once than ever again.
    atomic_store(&b.refuse, 1);
    device_send(&a, 0, 512, 1514);
    atomic_store(&b.refuse, 0);
    port_rx_again(b.port);
    ck_assert(device_wait(&b, 512, real_long_ns));
    size_t warm = mallinfo2().uordblks;
    for (uint32_t i = 0; i < 3000; i++) {
        device_send(&a, 512 + i * 16, 16, 1514);
        ck_assert(device_wait(&b, 512 + (i + 1) * 16, real_long_ns));
    }
    // A page more: the C library makes a thread's own heap (its head takes 3 KB) when the thread first touches it, which may be now.
    ck_assert_uint_le(mallinfo2().uordblks, warm + 4096);
    device_close(&a);
    device_close(&b);
}

REAL_TEST(wire_ports_come_and_go_in_full_flight)
{
    static struct device a, b;
    struct sched_thread *thread;
    device_open(&a, world, "wire:lan");
    struct sender sender = {&a, 50000};
    ck_assert_int_eq(sched_thread_start(sched, "sender", send_all, &sender, NULL, &thread), 0);
    for (int i = 0; i < 30; i++) {
        device_open(&b, world, "wire:lan");
        device_wait(&b, 100, real_second_ns / 20);
        device_close(&b);
    }
    sched_thread_join(sched, thread);
    device_close(&a);
}

// A frame that comes while somebody looks is said by port_poll, whoever takes it then.
static void
polled_until_it_comes(struct sched *sched, struct device *from, struct device *to, uint32_t number)
{
    for (int i = 0; i < 1000; i++)            // the thread knows that somebody looks
        port_poll(to->port);
    device_send(from, number, 1, 200);
    for (uint64_t until = sched_now_ns(sched) + real_long_ns; !port_poll(to->port);)
        ck_assert_uint_lt(sched_now_ns(sched), until);
}

REAL_TEST(wire_port_that_was_polled_goes_back_to_its_thread)
{
    static struct device a, b;
    device_open(&a, world, "wire:lan");
    device_open(&b, world, "wire:lan");
    ck_assert(!port_poll(b.port) || !port_poll(b.port));    // starting rings, too
    for (uint32_t i = 0; i < 40; i += 2) {
        polled_until_it_comes(sched, &a, &b, i);
        if (i % 4)                            // without a word: after two milliseconds
            port_poll_end(b.port);
        ck_assert(device_wait(&b, i + 1, real_long_ns));
        device_send(&a, i + 1, 1, 200);
        ck_assert(device_wait(&b, i + 2, real_long_ns));
    }
    device_close(&a);
    device_close(&b);
}

REAL_TEST(wire_port_with_a_delay_is_never_polled)
{
    static struct device a, b;
    ck_assert_int_eq(port_world_wire(world, "slow", &(struct wire_config){.delay_ns = 1000}), 0);
    device_open(&a, world, "wire:slow");
    device_open(&b, world, "wire:slow");
    device_send(&a, 0, 100, 200);
    ck_assert(device_wait(&b, 100, real_long_ns));
    ck_assert(!port_poll(b.port));
    device_close(&a);
    device_close(&b);
}

REAL_TEST(sink_generates_on_threads_and_stops_when_closed)
{
    static struct device a;
    device_open(&a, world, "sink:generate=64");
    ck_assert(device_wait(&a, 100000, real_long_ns));
    device_close(&a);
}
