// SPDX-License-Identifier: MIT
// The plain relay between two TAPs that `ndisbox bench bridge` is measured against, and the same through two ports, which shows what
// the ports themselves cost.
//
//   relay_bench [--ports] [--two-threads] [--no-offload] TAP TAP          (with --ports also any port: packet:veth0 ...)
//
// plain        one thread, poll on both, a budget of 256 frames a direction, readv and writev with the virtio-net header
// two-threads  one thread a direction (ports always have that)
// no-offload   the kernel segments and checksums, frames stay below the MTU
// It prints "ready" once both TAPs are there, runs until it is told to end (SIGTERM, SIGINT), and prints what it carried.
#include <errno.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/tap.h"
#include "wire/port.h"

enum { relay_budget_frames = 256, relay_frame_bytes = 65600, relay_slots = 64 };

struct relay_direction {
    struct tap *from, *to;
    uint64_t frames, bytes, errors;
    uint8_t buffer[relay_frame_bytes];
};

static volatile sig_atomic_t relay_ends;

static void
relay_on_signal(int number)
{
    relay_ends = 1;
}

// Carry up to a budget of frames. Returns false when none was there.
static bool
relay_carry(struct relay_direction *d)
{
    struct iovec iov = {d->buffer, sizeof(d->buffer)};
    for (int i = 0; i < relay_budget_frames; i++) {
        iov.iov_len = sizeof(d->buffer);
        ssize_t bytes = tap_read(d->from, &iov, 1);
        if (bytes <= 0)
            return i > 0;
        iov.iov_len = (size_t)bytes;
        if (tap_write(d->to, &iov, 1) < 0)
            d->errors++;
        d->frames++;
        d->bytes += (uint64_t)bytes;
    }
    return true;
}

static void
relay_one_thread(struct relay_direction *a, struct relay_direction *b)
{
    while (!relay_ends) {
        struct pollfd fds[2] = {{a->from->fd, POLLIN, 0}, {b->from->fd, POLLIN, 0}};
        if (poll(fds, 2, 100) <= 0)
            continue;
        if (fds[0].revents)
            (void)relay_carry(a);
        if (fds[1].revents)
            (void)relay_carry(b);
    }
}

static void *
relay_thread(void *arg)
{
    struct relay_direction *d = arg;
    while (!relay_ends) {
        struct pollfd fd = {d->from->fd, POLLIN, 0};
        if (poll(&fd, 1, 100) > 0)
            (void)relay_carry(d);
    }
    return NULL;
}

static int
relay_plain(const char *const names[2], bool two_threads, bool offload)
{
    static struct tap taps[2];
    static struct relay_direction directions[2] = {{.from = &taps[0], .to = &taps[1]}, {.from = &taps[1], .to = &taps[0]}};
    char error[256];
    for (int i = 0; i < 2; i++) {
        if (tap_open(&taps[i], names[i], error, sizeof(error))) {
            fprintf(stderr, "relay_bench: %s\n", error);
            return 3;
        }
        if (!offload && ioctl(taps[i].fd, TUNSETOFFLOAD, 0) < 0) {
            perror("relay_bench: TUNSETOFFLOAD");
            return 3;
        }
    }
    puts("ready");
    fflush(stdout);
    pthread_t other;
    if (two_threads) {
        pthread_create(&other, NULL, relay_thread, &directions[1]);
        relay_thread(&directions[0]);
        pthread_join(other, NULL);
    } else {
        relay_one_thread(&directions[0], &directions[1]);
    }
    for (int i = 0; i < 2; i++) {
        printf("%s -> %s: %llu frames, %llu bytes, %llu errors\n", names[i], names[!i], (unsigned long long)directions[i].frames,
               (unsigned long long)directions[i].bytes, (unsigned long long)directions[i].errors);
        tap_close(&taps[i]);
    }
    return 0;
}

struct relay_end {
    struct port *port;
    struct relay_end *other;
    uint64_t refused;                       // frames that the other port had no room for
    uint8_t (*buffers)[relay_frame_bytes];
};

static void
relay_on_rx(void *context)
{
    struct relay_end *end = context;
    struct port_slot slots[relay_slots];
    struct port_frame frames[relay_slots];
    struct iovec iov[relay_slots];
    for (;;) {
        for (uint32_t i = 0; i < relay_slots; i++)
            slots[i] = (struct port_slot){.buffer = end->buffers[i], .capacity_bytes = relay_frame_bytes};
        uint32_t count = port_rx(end->port, slots, relay_slots);
        if (!count)
            return;
        for (uint32_t i = 0; i < count; i++) {
            iov[i] = (struct iovec){slots[i].buffer, slots[i].bytes};
            frames[i] = (struct port_frame){&iov[i], 1, slots[i].bytes, slots[i].offload};
        }
        end->refused += count - port_tx(end->other->port, frames, count);
    }
}

static void
relay_on_tx_ready(void *context)
{
}

static void
relay_on_link(void *context, bool up, uint64_t bits_per_second)
{
}

struct relay_ports {
    struct sched *sched;
    const char *const *names;
    bool offload;
    int exit_code;
};

static void
relay_ports_main(void *arg)
{
    static const struct port_upcalls upcalls = {relay_on_rx, relay_on_tx_ready, relay_on_link};
    static struct relay_end ends[2];
    struct relay_ports *run = arg;
    struct port_world *world = port_world_create(run->sched);
    for (int i = 0; i < 2; i++) {
        char spec[256], error[256];
        snprintf(spec, sizeof(spec), "%s%s", strchr(run->names[i], ':') ? "" : "tap:", run->names[i]);
        ends[i].other = &ends[!i];
        ends[i].buffers = malloc(relay_slots * sizeof(*ends[i].buffers));
        if (port_open(world, spec, &upcalls, &ends[i], &ends[i].port, error, sizeof(error))) {
            fprintf(stderr, "relay_bench: %s\n", error);
            run->exit_code = 3;
            return;
        }
    }
    for (int i = 0; i < 2; i++) {
        if (!run->offload)
            (void)port_rx_accept(ends[i].port, false, false, false);
        port_start(ends[i].port);
    }
    puts("ready");
    fflush(stdout);
    while (!relay_ends)
        usleep(50000);
    for (int i = 0; i < 2; i++) {
        struct port_stats stats;
        port_stats_get(ends[i].port, &stats);
        printf("%s: rx %llu frames, %llu bytes, %llu dropped; tx %llu frames, %llu dropped; %llu refused\n", run->names[i],
               (unsigned long long)stats.rx_frames, (unsigned long long)stats.rx_bytes, (unsigned long long)stats.rx_dropped,
               (unsigned long long)stats.tx_frames, (unsigned long long)stats.tx_dropped, (unsigned long long)ends[i].refused);
    }
    // Each end sends to the other: no upcall may run once the first one is gone.
    port_stop(ends[0].port);
    port_stop(ends[1].port);
    for (int i = 0; i < 2; i++) {
        port_close(ends[i].port);
        free(ends[i].buffers);
    }
    port_world_destroy(world);
}

int
main(int argc, char **argv)
{
    const char *names[2] = {0};
    bool two_threads = false, offload = true, ports = false;
    int name_count = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--ports"))
            ports = true;
        else if (!strcmp(argv[i], "--two-threads"))
            two_threads = true;
        else if (!strcmp(argv[i], "--no-offload"))
            offload = false;
        else if (argv[i][0] == '-' || name_count == 2)
            name_count = 3;
        else
            names[name_count++] = argv[i];
    }
    if (name_count != 2) {
        fprintf(stderr, "usage: relay_bench [--ports] [--two-threads] [--no-offload] TAP TAP\n");
        return 2;
    }
    signal(SIGTERM, relay_on_signal);
    signal(SIGINT, relay_on_signal);
    if (!ports)
        return relay_plain(names, two_threads, offload);
    struct relay_ports run = {sched_threads_create(1), names, offload, 0};
    sched_run(run.sched, "relay", relay_ports_main, &run, NULL);
    sched_destroy(run.sched);
    return run.exit_code;
}
