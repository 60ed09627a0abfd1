// SPDX-License-Identifier: MIT
// What ports cost by themselves, in frames a second: sink generating and discarding, and the in-process wire between two threads.
//
//   wire_bench [SECONDS a measurement]
//
// One line each: what, frame size, million frames a second, Gbit/s of payload.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/port.h"

enum { bench_batch = 64, bench_buffer_bytes = 65600 };

struct bench_end {
    struct sched *sched;
    struct port *port;
    uint8_t (*buffers)[bench_buffer_bytes];
    struct port_slot slots[bench_batch];
    struct port_frame frames[bench_batch];
    struct iovec iov[bench_batch];
    _Atomic uint32_t tx_ready;
    bool sends_back;
};

static double bench_seconds = 1;

static void
bench_on_rx(void *context)
{
    struct bench_end *end = context;
    uint32_t count;
    while ((count = port_rx(end->port, end->slots, bench_batch)) != 0) {
        if (!end->sends_back)
            continue;
        for (uint32_t i = 0; i < count; i++) {
            end->iov[i] = (struct iovec){end->slots[i].buffer, end->slots[i].bytes};
            end->frames[i] = (struct port_frame){&end->iov[i], 1, end->slots[i].bytes, {0}};
        }
        (void)port_tx(end->port, end->frames, count);
    }
}

static void
bench_on_tx_ready(void *context)
{
    struct bench_end *end = context;
    atomic_fetch_add(&end->tx_ready, 1);
    sched_wake(end->sched, &end->tx_ready, 1);
}

static void
bench_on_link(void *context, bool up, uint64_t bits_per_second)
{
}

static void
bench_open(struct bench_end *end, struct port_world *world, const char *spec)
{
    static const struct port_upcalls upcalls = {bench_on_rx, bench_on_tx_ready, bench_on_link};
    char error[256];
    memset(end, 0, sizeof(*end));
    end->sched = sched_self->sched;
    end->buffers = calloc(bench_batch, bench_buffer_bytes);
    for (int i = 0; i < bench_batch; i++)
        end->slots[i] = (struct port_slot){.buffer = end->buffers[i], .capacity_bytes = bench_buffer_bytes};
    if (port_open(world, spec, &upcalls, end, &end->port, error, sizeof(error))) {
        fprintf(stderr, "wire_bench: %s\n", error);
        exit(3);
    }
}

static void
bench_close(struct bench_end *end)
{
    port_close(end->port);
    free(end->buffers);
}

static void
bench_say(const char *what, uint32_t bytes, uint64_t frames, double seconds)
{
    printf("%-16s %6u bytes  %8.2f Mframe/s  %8.2f Gbit/s\n", what, bytes, (double)frames / seconds / 1e6,
           (double)frames * bytes * 8 / seconds / 1e9);
    fflush(stdout);
}

static void
bench_sink(struct sched *sched, struct port_world *world, bool sends_back)
{
    static struct bench_end end;
    struct port_stats stats;
    bench_open(&end, world, "sink:generate=64");
    end.sends_back = sends_back;
    uint64_t start_ns = sched_now_ns(sched);
    port_start(end.port);
    usleep((useconds_t)(bench_seconds * 1e6));
    port_stop(end.port);
    double seconds = (double)(sched_now_ns(sched) - start_ns) / 1e9;
    port_stats_get(end.port, &stats);
    bench_say(sends_back ? "sink rx and tx" : "sink rx", 64, stats.rx_frames, seconds);
    bench_close(&end);
}

static void
bench_wire(struct sched *sched, struct port_world *world, uint32_t bytes)
{
    static struct bench_end a, b;
    struct port_stats stats;
    bench_open(&a, world, "wire:lan");
    bench_open(&b, world, "wire:lan");
    port_start(a.port);
    port_start(b.port);
    for (int i = 0; i < bench_batch; i++) {
        a.iov[i] = (struct iovec){a.buffers[i], bytes};
        a.frames[i] = (struct port_frame){&a.iov[i], 1, bytes, {0}};
        if (bytes > 9000)
            a.frames[i].offload = (struct port_offload){PORT_CSUM_NEEDED, PORT_GSO_TCP4, 54, 1460, 34, 16};
    }
    uint64_t start_ns = sched_now_ns(sched), now_ns;
    do {
        uint32_t seen = atomic_load(&a.tx_ready);
        if (port_tx(a.port, a.frames, bench_batch) < bench_batch)
            (void)sched_wait(sched, &a.tx_ready, seen, SCHED_NEVER);
        now_ns = sched_now_ns(sched);
    } while ((double)(now_ns - start_ns) < bench_seconds * 1e9);
    port_stats_get(b.port, &stats);
    bench_say("wire", bytes, stats.rx_frames, (double)(now_ns - start_ns) / 1e9);
    bench_close(&a);
    bench_close(&b);
}

static void
bench_main(void *arg)
{
    struct sched *sched = arg;
    struct port_world *world = port_world_create(sched);
    bench_sink(sched, world, false);
    bench_sink(sched, world, true);
    bench_wire(sched, world, 64);
    bench_wire(sched, world, 1514);
    bench_wire(sched, world, 65549);
    port_world_destroy(world);
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        bench_seconds = atof(argv[1]);
    struct sched *sched = sched_threads_create(1);
    sched_run(sched, "bench", bench_main, sched, NULL);
    sched_destroy(sched);
    return 0;
}
