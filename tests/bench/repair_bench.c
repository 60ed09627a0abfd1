// SPDX-License-Identifier: MIT
// A peer for `ndisbox bench offload`: what it costs Linux to move an established TCP socket with 64 KB outstanding into a fresh one by
// TCP_REPAIR, again and again, in a network namespace of its own whose only way out swallows everything (the far end of a veth nobody
// listens at).
//   repair_bench SECONDS    the line begins with microseconds of one move
// Measured, what a program that moves connections has to do: TCP_REPAIR on; MSS, options,
// window; of both queues the sequence number, the length and the bytes; close; socket, buffer size, TCP_REPAIR on, sequence numbers, bind,
// connect, options, window, the bytes; TCP_REPAIR off, where the kernel sends a window probe. Not measured: the first connection, made the
// same way, and the check that the bytes have come through.
#include <sched.h>
#include <time.h>

#include "../harness/repair.h"

#define BYTES 65536
#define NEAR_PORT 50000
#define FAR_PORT 9

enum {                                        // TCP options by their numbers
    OPTION_MSS = 2,
    OPTION_WINDOW_SCALE = 3,
    OPTION_SACK_PERMITTED = 4
};

static struct repair_state moved;

// A socket that stands as `moved` says.
static int
give(void)
{
    struct tcp_repair_opt options[] = {
        {OPTION_MSS, moved.mss}, {OPTION_WINDOW_SCALE, moved.info.tcpi_snd_wscale | (uint32_t)moved.info.tcpi_rcv_wscale << 16},
        {OPTION_SACK_PERMITTED, 0}};
    struct sockaddr_in near = {.sin_family = AF_INET, .sin_port = htons(NEAR_PORT), .sin_addr.s_addr = htonl(0x0A4E0001)};
    struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(FAR_PORT), .sin_addr.s_addr = htonl(0x0A4E0002)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, room = 1 << 20;
    repair_must(fd, "socket");
    repair_set_int(fd, TCP_REPAIR, TCP_REPAIR_ON, "TCP_REPAIR");
    repair_must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "SO_REUSEADDR");
    repair_must(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room), "SO_SNDBUFFORCE");
    for (int queue = TCP_RECV_QUEUE; queue <= TCP_SEND_QUEUE; queue++) {
        uint32_t seq = moved.seq[queue] - (uint32_t)moved.bytes[queue];
        repair_set_int(fd, TCP_REPAIR_QUEUE, queue, "TCP_REPAIR_QUEUE");
        repair_set(fd, TCP_QUEUE_SEQ, &seq, sizeof seq, "TCP_QUEUE_SEQ");
    }
    repair_must(bind(fd, (struct sockaddr *)&near, sizeof near), "bind");
    repair_must(connect(fd, (struct sockaddr *)&far, sizeof far), "connect");
    repair_set(fd, TCP_REPAIR_OPTIONS, options, sizeof options, "TCP_REPAIR_OPTIONS");
    for (int queue = TCP_RECV_QUEUE; queue <= TCP_SEND_QUEUE; queue++) {
        repair_set_int(fd, TCP_REPAIR_QUEUE, queue, "TCP_REPAIR_QUEUE");
        for (int at = 0; at < moved.bytes[queue];) {
            ssize_t here = send(fd, moved.data[queue] + at, (size_t)(moved.bytes[queue] - at), 0);
            repair_must((int)here, "filling a queue");
            at += (int)here;
        }
    }
    if (moved.window.max_window)
        repair_set(fd, TCP_REPAIR_WINDOW, &moved.window, sizeof moved.window, "TCP_REPAIR_WINDOW");
    repair_set_int(fd, TCP_REPAIR, TCP_REPAIR_OFF, "TCP_REPAIR off");
    return fd;
}

static void
namespace_make(void)
{
    static const char line[] = "ip link add nbr0 type veth peer name nbr1 && ip address add 10.78.0.1/24 dev nbr0 && ip link set nbr0 up "
                               "&& ip link set nbr1 up && ip neighbor add 10.78.0.2 lladdr 02:00:00:00:00:99 dev nbr0";
    repair_must(unshare(CLONE_NEWNET), "a network namespace (root is needed)");
    errno = ENODEV;
    repair_must(system(line) ? -1 : 0, "ip");
}

static double
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: repair_bench SECONDS\n");
        return 2;
    }
    namespace_make();
    moved.mss = 1460;
    moved.info.tcpi_snd_wscale = moved.info.tcpi_rcv_wscale = 4;
    moved.seq[TCP_RECV_QUEUE] = 2000000;
    moved.seq[TCP_SEND_QUEUE] = 1000000 + BYTES;
    moved.bytes[TCP_SEND_QUEUE] = BYTES;
    moved.window = (struct tcp_repair_window){.snd_wl1 = 2000000, .snd_wnd = 262144, .max_window = 262144, .rcv_wnd = 65536,
                                              .rcv_wup = 2000000};
    for (unsigned i = 0; i < BYTES; i++)
        moved.data[TCP_SEND_QUEUE][i] = (uint8_t)(i * 7 + (i >> 8) * 13);
    int fd = give(), outstanding = 0;
    unsigned long moves = 0;
    double start = now_us(), limit = strtod(argv[1], NULL) * 1e6, spent;
    do {
        repair_take(fd, &moved);
        repair_must(close(fd), "close");
        fd = give();
        moves++;
    } while ((spent = now_us() - start) < limit);
    repair_must(ioctl(fd, SIOCOUTQ, &outstanding), "SIOCOUTQ");
    errno = EPROTO;
    repair_must(outstanding == BYTES ? 0 : -1, "not 64 KB are outstanding at the end");
    repair_take(fd, &moved);
    repair_must(close(fd), "close");
    for (unsigned i = 0; i < BYTES; i++)
        repair_must(moved.data[TCP_SEND_QUEUE][i] == (uint8_t)(i * 7 + (i >> 8) * 13) ? 0 : -1, "the bytes at the end are others");
    repair_must(moved.seq[TCP_SEND_QUEUE] == 1000000 + BYTES ? 0 : -1, "the sequence number at the end is another");
    printf("%.3f us, %lu moves\n", spent / (double)moves, moves);
    return 0;
}
