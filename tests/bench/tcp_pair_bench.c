// SPDX-License-Identifier: MIT
// Peers of the RDMA benchmarks (tests/bench/ndk.sh): what raw TCP does on sockets of this machine's kernel, TCP_NODELAY at both ends.
//   tcp_pair_bench serve PORT                 answers one connection after another, until it is ended
//   tcp_pair_bench lat HOST PORT SECONDS      64 bytes there and back, both ends looking for them all the time (recv that never sleeps):
//                                             microseconds one way, the median of all rounds
//   tcp_pair_bench rate HOST PORT SECONDS     64 bytes, one write(2) each, as fast as they go: a second, counted as acknowledged
//   tcp_pair_bench bw HOST PORT SECONDS       64 KB, one write(2) each: gigabytes a second, counted as acknowledged
// The first byte of a connection says what it is for. A stream is warm for 0.2 s before it is counted. CUBIC, as ours is, whatever this
// machine's default.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SMALL 64
#define LARGE 65536
#define SAMPLES (1u << 20)
#define WARM_S 0.2

static uint8_t block[4 * LARGE];

static double
now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static _Noreturn void
die(const char *what)
{
    fprintf(stderr, "tcp_pair_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in
address_of(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "tcp_pair_bench: %s is no IPv4 address\n", host);
        exit(2);
    }
    return address;
}

static int
socket_make(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
        die("socket");
    return fd;
}

// ---- a message, never asleep ----------------------------------------------------------------------------------------------------

// false: the peer is gone.
static bool
small_await(int fd)
{
    for (size_t have = 0; have < SMALL;) {
        ssize_t got = recv(fd, block + have, SMALL - have, MSG_DONTWAIT);
        if (got > 0)
            have += (size_t)got;
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            return false;
    }
    return true;
}

static bool
small_send(int fd)
{
    return send(fd, block, SMALL, MSG_NOSIGNAL) == SMALL;
}

// ---- the server -----------------------------------------------------------------------------------------------------------------

static int
serve(const char *port)
{
    struct sockaddr_in address = address_of("0.0.0.0", port);
    int listener = socket_make(), fd, on = 1;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16))
        die("listen");
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        char job = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (recv(fd, &job, 1, 0) == 1 && job == 'l')
            while (small_await(fd) && small_send(fd))
                ;
        else
            while (recv(fd, block, sizeof block, 0) > 0)
                ;
        close(fd);
    }
    die("accept");
}

// ---- the client -----------------------------------------------------------------------------------------------------------------

static int
connect_for(const char *host, const char *port, char job)
{
    struct sockaddr_in address = address_of(host, port);
    int fd = socket_make();
    if (connect(fd, (struct sockaddr *)&address, sizeof address) || send(fd, &job, 1, 0) != 1)
        die("connect");
    return fd;
}

static int
sample_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int
lat(int fd, double seconds)
{
    static uint32_t samples[SAMPLES];
    size_t count = 0;
    double begin = now_s(), last = begin, now;
    do {
        if (!small_send(fd) || !small_await(fd))
            die("the peer is gone");
        now = now_s();
        if (now - begin > WARM_S)
            samples[count++ % SAMPLES] = (uint32_t)((now - last) * 1e9);
        last = now;
    } while (now - begin < WARM_S + seconds);
    size_t have = count < SAMPLES ? count : SAMPLES;
    qsort(samples, have, sizeof *samples, sample_order);
    printf("%.3f us one way, the median of %zu\n", have ? samples[have / 2] / 2e3 : 0, count);
    return !have;
}

static uint64_t
acked_bytes(int fd)
{
    struct tcp_info info = {0};
    socklen_t bytes = sizeof info;
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes);
    return info.tcpi_bytes_acked;
}

static int
stream(int fd, double seconds, size_t bytes)
{
    double begin = now_s(), from = 0, now = begin;
    uint64_t first = 0;
    for (uint64_t n = 0; !from || now < from + seconds; n++) {
        for (size_t at = 0; at < bytes;) {
            ssize_t done = send(fd, block + at, bytes - at, MSG_NOSIGNAL);
            if (done <= 0)
                die("send");
            at += (size_t)done;
        }
        if (bytes == SMALL && n % 64)         // the clock is not what is measured
            continue;
        now = now_s();
        if (!from && now >= begin + WARM_S) {
            from = now;
            first = acked_bytes(fd);
        }
    }
    double each = (double)(acked_bytes(fd) - first) / (now - from);
    if (bytes == SMALL)
        printf("%.0f writes/s\n", each / SMALL);
    else
        printf("%.3f GB/s\n", each / 1e9);
    return 0;
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && !strcmp(argv[1], "serve"))
        return serve(argv[2]);
    if (argc == 5 && !strcmp(argv[1], "lat"))
        return lat(connect_for(argv[2], argv[3], 'l'), atof(argv[4]));
    if (argc == 5 && (!strcmp(argv[1], "rate") || !strcmp(argv[1], "bw")))
        return stream(connect_for(argv[2], argv[3], 's'), atof(argv[4]), argv[1][0] == 'r' ? SMALL : LARGE);
    fprintf(stderr, "tcp_pair_bench serve PORT, lat|rate|bw HOST PORT SECONDS\n");
    return 2;
}
