// SPDX-License-Identifier: MIT
// Peers of the TCP benchmarks (tests/bench/tcp.sh), on sockets of this machine's kernel.
//   tcp_bench send HOST PORT SECONDS       one stream to HOST; prints Gbit/s, counted as acknowledged
//   tcp_bench receive HOST PORT SECONDS    one stream from HOST; prints Gbit/s received
//   tcp_bench conns HOST PORT SECONDS      connect, end our half, wait for the peer to end its, close: with 64 at a time; prints a second
//   tcp_bench idle HOST PORT COUNT         opens COUNT connections, prints "idle COUNT" when all are there, ends them on end of input
//   tcp_bench discard PORT, source PORT    a server of any number of connections, as tdiecho's discard and character generator are
// A stream is warm for a second before it is counted. Receivers use recv into 256 KB, senders send from 256 KB: as iperf3 does, with
// larger blocks. Congestion control is CUBIC, as ours is, whatever this machine's default. A host's name is an IPv4 address.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    block_bytes = 256 << 10,
    conns_at_once = 64,
    idle_of_one_process = 16000,
    events_at_once = 256
};

static uint8_t block[block_bytes];

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
    fprintf(stderr, "tcp_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in
address_of(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "tcp_bench: %s is no IPv4 address\n", host);
        exit(2);
    }
    return address;
}

static int
socket_make(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (fd < 0)
        die("socket");
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5))
        die("CUBIC");
    return fd;
}

// ---- one stream -----------------------------------------------------------------------------------------------------------------

static uint64_t
acked_bytes(int fd)
{
    struct tcp_info info = {0};
    socklen_t bytes = sizeof info;
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes);
    return info.tcpi_bytes_acked;
}

static int
stream(const char *host, const char *port, double seconds, bool is_sender)
{
    struct sockaddr_in address = address_of(host, port);
    int fd = socket_make(0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address))
        die("connect");
    double begin = now_s(), from = 0, now = begin;
    uint64_t bytes = 0, first = 0;
    while (!from || now < from + seconds) {
        ssize_t done = is_sender ? send(fd, block, sizeof block, 0) : recv(fd, block, sizeof block, 0);
        if (done <= 0)
            die(is_sender ? "send" : "recv");
        bytes += (uint64_t)done;
        now = now_s();
        if (!from && now >= begin + 1) {
            from = now;
            first = is_sender ? acked_bytes(fd) : bytes;
        }
    }
    uint64_t last = is_sender ? acked_bytes(fd) : bytes;
    printf("%.3f Gbit/s\n", (double)(last - first) * 8 / (now - from) / 1e9);
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    return 0;
}

// ---- connections, opened and closed ---------------------------------------------------------------------------------------------

static void
conn_begin(int poll, const struct sockaddr_in *address)
{
    int fd = socket_make(SOCK_NONBLOCK);
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) && errno != EINPROGRESS)
        die("connect");
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl");
}

// true: it is over, in order or not (*failed).
static bool
conn_step(int poll, const struct epoll_event *event, uint64_t *failed)
{
    int fd = event->data.fd, error = 0;
    socklen_t bytes = sizeof error;
    struct epoll_event next = {.events = EPOLLIN, .data.fd = fd};
    if (event->events & EPOLLIN) {
        *failed += recv(fd, block, 1, 0) != 0;
        close(fd);
        return true;
    }
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
    if (error || event->events & (EPOLLERR | EPOLLHUP) || shutdown(fd, SHUT_WR)) {
        *failed += 1;
        close(fd);
        return true;
    }
    if (epoll_ctl(poll, EPOLL_CTL_MOD, fd, &next))
        die("epoll_ctl");
    return false;
}

static int
conns(const char *host, const char *port, double seconds)
{
    struct sockaddr_in address = address_of(host, port);
    struct epoll_event events[events_at_once];
    int poll = epoll_create1(0);
    uint64_t done = 0, failed = 0, first = 0;
    for (int i = 0; i < conns_at_once; i++)
        conn_begin(poll, &address);
    double begin = now_s(), from = 0, now = begin;
    while (!from || now < from + seconds) {
        int count = epoll_wait(poll, events, events_at_once, 1000);
        for (int i = 0; i < count; i++) {
            if (conn_step(poll, &events[i], &failed)) {
                done++;
                conn_begin(poll, &address);
            }
        }
        now = now_s();
        if (!from && now >= begin + 0.5) {
            from = now;
            first = done;
        }
    }
    printf("%.0f connections/s, %llu of %llu failed\n", (double)(done - first) / (now - from), (unsigned long long)failed,
           (unsigned long long)done);
    return failed * 100 > done;
}

// ---- connections that do nothing ------------------------------------------------------------------------------------------------

// One process has few descriptors, and an address few ports: each process has an address of its own, 10.78.1.N.
static int
idle_open(const struct sockaddr_in *to, unsigned n)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0A4E0100 + n)};
    int fd = socket_make(0), on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) || connect(fd, (const struct sockaddr *)to, sizeof *to))
        die("connect");
    return fd;
}

static _Noreturn void
idle_process(const struct sockaddr_in *to, unsigned count, unsigned n, int ready, int end)
{
    struct linger at_once = {.l_onoff = 1};
    char byte = 0;
    for (unsigned i = 0; i < count; i++) {
        int fd = idle_open(to, n);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    if (write(ready, &byte, 1) != 1 || read(end, &byte, 1) < 0)
        die("pipe");
    exit(0); // which resets them all
}

static int
idle(const char *host, const char *port, unsigned count)
{
    struct sockaddr_in address = address_of(host, port);
    int ready[2], end[2], code = 0, status;
    unsigned processes = 0;
    char byte = 0;
    if (pipe(ready) || pipe(end))
        die("pipe");
    for (unsigned left = count, one; left; left -= one, processes++) {
        one = left < idle_of_one_process ? left : idle_of_one_process;
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (!pid) {
            close(end[1]);
            close(ready[0]);
            idle_process(&address, one, processes + 1, ready[1], end[0]);
        }
    }
    close(ready[1]);
    close(end[0]);
    for (unsigned i = 0; i < processes; i++) {
        if (read(ready[0], &byte, 1) != 1)
            return 1; // one of them has said why
    }
    printf("idle %u\n", count);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    close(end[1]);
    while (wait(&status) > 0)
        code |= status != 0;
    return code;
}

// ---- servers --------------------------------------------------------------------------------------------------------------------

// false: over.
static bool
served_step(int fd, bool is_source)
{
    for (int i = 0; i < 16; i++) {
        ssize_t done = is_source ? send(fd, block, sizeof block, MSG_NOSIGNAL) : recv(fd, block, sizeof block, 0);
        if (done < 0 && errno == EAGAIN)
            return true;
        if (done <= 0)
            return false;
    }
    return true;
}

static int
serve(const char *port, bool is_source)
{
    struct sockaddr_in address = address_of("0.0.0.0", port);
    struct epoll_event events[events_at_once], event = {.events = EPOLLIN, .data.fd = -1};
    int on = 1, poll = epoll_create1(0), listener = socket_make(SOCK_NONBLOCK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024) ||
        epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event))
        die("listen");
    for (;;) {
        int count = epoll_wait(poll, events, events_at_once, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd, fresh;
            if (fd >= 0 && !served_step(fd, is_source))
                close(fd);
            while (fd < 0 && (fresh = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                struct epoll_event own = {.events = is_source ? EPOLLOUT : EPOLLIN, .data.fd = fresh};
                epoll_ctl(poll, EPOLL_CTL_ADD, fresh, &own);
            }
        }
    }
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 5 && !strcmp(argv[1], "send"))
        return stream(argv[2], argv[3], atof(argv[4]), true);
    if (argc == 5 && !strcmp(argv[1], "receive"))
        return stream(argv[2], argv[3], atof(argv[4]), false);
    if (argc == 5 && !strcmp(argv[1], "conns"))
        return conns(argv[2], argv[3], atof(argv[4]));
    if (argc == 5 && !strcmp(argv[1], "idle"))
        return idle(argv[2], argv[3], (unsigned)atoi(argv[4]));
    if (argc == 3 && (!strcmp(argv[1], "discard") || !strcmp(argv[1], "source")))
        return serve(argv[2], argv[1][0] == 's');
    fprintf(stderr, "tcp_bench send|receive|conns HOST PORT SECONDS, idle HOST PORT COUNT, discard|source PORT\n");
    return 2;
}
