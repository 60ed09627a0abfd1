// SPDX-License-Identifier: MIT
// What TCP_REPAIR tells of a Linux TCP socket, for whoever carries the connection on: the benchmark that moves it into a fresh socket
// (tests/bench/repair_bench.c), and the test that moves it into an offload target (tests/net/repair_peer.c). One program, one file: all
// of it is static.
#ifndef NBX_TESTS_REPAIR_H
#define NBX_TESTS_REPAIR_H

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef REPAIR_BYTES
#define REPAIR_BYTES (128 << 10)              // of a queue
#endif

struct repair_state {
    uint32_t mss, seq[TCP_QUEUES_NR];         // a queue's number is that behind its last byte
    int bytes[TCP_QUEUES_NR];
    struct tcp_info info;
    struct tcp_repair_window window;
    uint8_t data[TCP_QUEUES_NR][REPAIR_BYTES];
};

static void
repair_must(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "repair: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void
repair_set(int fd, int option, const void *value, socklen_t bytes, const char *what)
{
    repair_must(setsockopt(fd, IPPROTO_TCP, option, value, bytes), what);
}

static void
repair_set_int(int fd, int option, int value, const char *what)
{
    repair_set(fd, option, &value, sizeof value, what);
}

static void
repair_get(int fd, int option, void *value, socklen_t bytes, const char *what)
{
    repair_must(getsockopt(fd, IPPROTO_TCP, option, value, &bytes), what);
}

// The socket freezes; it is closed without a segment when the caller closes it.
static void
repair_take(int fd, struct repair_state *state)
{
    repair_set_int(fd, TCP_REPAIR, TCP_REPAIR_ON, "TCP_REPAIR");
    repair_get(fd, TCP_INFO, &state->info, sizeof state->info, "TCP_INFO");
    repair_get(fd, TCP_MAXSEG, &state->mss, sizeof state->mss, "TCP_MAXSEG");
    repair_get(fd, TCP_REPAIR_WINDOW, &state->window, sizeof state->window, "TCP_REPAIR_WINDOW");
    for (int queue = TCP_RECV_QUEUE; queue <= TCP_SEND_QUEUE; queue++) {
        repair_set_int(fd, TCP_REPAIR_QUEUE, queue, "TCP_REPAIR_QUEUE");
        repair_get(fd, TCP_QUEUE_SEQ, &state->seq[queue], sizeof state->seq[queue], "TCP_QUEUE_SEQ");
        repair_must(ioctl(fd, queue == TCP_SEND_QUEUE ? SIOCOUTQ : SIOCINQ, &state->bytes[queue]), "the length of a queue");
        if (!state->bytes[queue])
            continue;
        ssize_t had = recv(fd, state->data[queue], sizeof state->data[queue], MSG_PEEK | MSG_DONTWAIT);
        repair_must(had == state->bytes[queue] ? 0 : -1, "reading a queue");
    }
}

#endif
