// SPDX-License-Identifier: MIT
// Stream ports against each other, against a peer that speaks the framing byte by byte or wrongly, and against passt.
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "real.h"

static char folder[64], path[96], spec_listen[128], spec_connect[128];

static void
paths(void)
{
    strcpy(folder, "/tmp/nbx-stream-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/s", folder);
    snprintf(spec_listen, sizeof(spec_listen), "stream-listen:%s", path);
    snprintf(spec_connect, sizeof(spec_connect), "stream:%s", path);
}

static void
paths_remove(void)
{
    unlink(path);
    rmdir(folder);
}

static void
wait_link(struct device *device, uint32_t changes, bool up)
{
    for (uint32_t seen; (seen = atomic_load(&device->link_changes)) < changes;)
        ck_assert(device_wait_word(device, &device->link_changes, seen, real_long_ns));
    ck_assert_int_eq(device->link_up, up);
}

static int
peer_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

struct sender {
    struct device *device;
    uint32_t count, bytes;
};

static void
send_all(void *arg)
{
    struct sender *sender = arg;
    device_send(sender->device, 0, sender->count, sender->bytes);
}

REAL_TEST(stream_carries_everything_both_ways_at_once)
{
    static struct device a, b;
    struct sched_thread *threads[2];
    paths();
    device_open(&a, world, spec_listen);
    ck_assert(!a.caps.link_up);
    device_open(&b, world, spec_connect);
    ck_assert(b.caps.link_up);
    wait_link(&a, 1, true);
    struct sender senders[2] = {{&a, 20000, 1514}, {&b, 20000, 9000}};
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(sched_thread_start(sched, "sender", send_all, &senders[i], NULL, &threads[i]), 0);
    for (int i = 0; i < 2; i++)
        sched_thread_join(sched, threads[i]);
    ck_assert(device_wait(&a, 20000, real_long_ns));
    ck_assert(device_wait(&b, 20000, real_long_ns));
    for (uint32_t i = 0; i < 20000; i++) {
        ck_assert_uint_eq(a.log[i].number, i);
        ck_assert_uint_eq(b.log[i].number, i);
        ck_assert(a.log[i].is_intact && b.log[i].is_intact);
    }
    ck_assert_uint_eq(a.log[0].bytes, 9000);
    ck_assert_uint_eq(b.log[0].bytes, 1514);
    device_close(&b);
    wait_link(&a, 2, false);
    device_close(&a);
    ck_assert_int_ne(access(path, F_OK), 0);
    paths_remove();
}

// Fill the socket with frames of 1514 bytes, going on where the last call stopped.
static void
flood(int fd, size_t *place)
{
    enum {
        frame_bytes = 1514
    };
    static uint8_t frame[4 + frame_bytes] = {[2] = frame_bytes >> 8, [3] = frame_bytes & 0xff};
    for (ssize_t sent; (sent = send(fd, frame + *place, sizeof(frame) - *place, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0;)
        *place = (*place + (size_t)sent) % sizeof(frame);
}

// Otherwise the port's thread would never leave on_rx, and a sender that waits for room would wait for ever.
REAL_TEST(stream_that_never_runs_dry_still_ends_port_rx_now_and_then)
{
    enum {
        slots_count = 64,
        slot_bytes = 2048
    };
    static uint8_t buffers[slots_count][slot_bytes];
    static struct device a;
    struct port_slot slots[slots_count];
    uint32_t frames = 0, count;
    size_t place = 0;
    paths();
    device_open(&a, world, spec_listen);
    atomic_store(&a.refuse, 1);              // the frames are for the test itself to take
    int fd = peer_connect();
    wait_link(&a, 1, true);
    do {
        flood(fd, &place);
        for (uint32_t i = 0; i < slots_count; i++)
            slots[i] = (struct port_slot){.buffer = buffers[i], .capacity_bytes = slot_bytes};
        frames += count = port_rx(a.port, slots, slots_count);
        ck_assert_uint_lt(frames, 10000);    // 8 buffers of 256 KB hold 1382
    } while (count);
    ck_assert_uint_gt(frames, 0);
    close(fd);
    device_close(&a);
    paths_remove();
}

REAL_TEST(stream_takes_a_frame_byte_by_byte_and_two_at_once)
{
    static struct device a;
    uint8_t bytes[2 * (4 + 60)] = {0};
    paths();
    device_open(&a, world, spec_listen);
    int fd = peer_connect();
    bytes[3] = bytes[67] = 60;
    for (size_t i = 0; i < 64; i++) {
        ck_assert_int_eq(send(fd, bytes + i, 1, 0), 1);
        usleep(200);
    }
    ck_assert(device_wait(&a, 1, real_long_ns));
    ck_assert_int_eq(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    ck_assert(device_wait(&a, 3, real_long_ns));
    ck_assert_uint_eq(a.log[2].bytes, 60);
    close(fd);
    device_close(&a);
    paths_remove();
}

REAL_TEST(stream_counts_what_is_too_short_for_a_frame_and_goes_on)
{
    static struct device a;
    static const uint8_t bytes[4 + 4 + 3 + 4 + 60] = {0, 0, 0, 0, 0, 0, 0, 3, 1, 1, 1, 0, 0, 0, 60};
    struct port_stats stats;
    paths();
    device_open(&a, world, spec_listen);
    int fd = peer_connect();
    ck_assert_int_eq(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    ck_assert(device_wait(&a, 1, real_long_ns));
    port_stats_get(a.port, &stats);
    ck_assert_uint_eq(stats.rx_dropped, 2);
    close(fd);
    device_close(&a);
    paths_remove();
}

REAL_TEST(stream_drops_a_peer_whose_length_no_frame_has_and_takes_the_next_one)
{
    static struct device a;
    static const uint8_t bad[8] = {0, 1, 0x10, 1}, good[64] = {0, 0, 0, 60};
    uint8_t byte;
    paths();
    device_open(&a, world, spec_listen);
    int fd = peer_connect();
    wait_link(&a, 1, true);
    ck_assert_int_eq(send(fd, bad, sizeof(bad), 0), sizeof(bad));
    ck_assert(real_said(sched, "a length that no frame has", real_long_ns));
    ck_assert_int_le(recv(fd, &byte, 1, 0), 0);
    close(fd);
    wait_link(&a, 2, false);
    fd = peer_connect();
    wait_link(&a, 3, true);
    ck_assert_int_eq(send(fd, good, sizeof(good), 0), sizeof(good));
    ck_assert(device_wait(&a, 1, real_long_ns));
    close(fd);
    device_close(&a);
    paths_remove();
}

REAL_TEST(stream_connects_when_the_listener_comes_and_again_after_it_has_gone)
{
    static struct device a, b;
    struct port_stats stats;
    paths();
    device_open(&a, world, spec_connect);
    ck_assert(!a.caps.link_up);
    device_send(&a, 0, 3, 60);
    port_stats_get(a.port, &stats);
    ck_assert_uint_eq(stats.tx_dropped, 3);
    for (uint32_t round = 0; round < 2; round++) {
        device_open(&b, world, spec_listen);
        wait_link(&a, 2 * round + 1, true);
        wait_link(&b, 1, true);
        device_send(&a, 0, 100, 60);
        ck_assert(device_wait(&b, 100, real_long_ns));
        device_close(&b);
        wait_link(&a, 2 * round + 2, false);
    }
    device_close(&a);
    paths_remove();
}

REAL_TEST(stream_pushes_back_when_the_peer_does_not_read_and_loses_nothing)
{
    static struct device a;
    struct sched_thread *thread;
    paths();
    device_open(&a, world, spec_listen);
    int fd = peer_connect();
    wait_link(&a, 1, true);
    struct sender sender = {&a, 30000, 1514};
    ck_assert_int_eq(sched_thread_start(sched, "sender", send_all, &sender, NULL, &thread), 0);
    usleep(100000);
    for (uint64_t i = 0; i < 30000; i++) {
        uint8_t frame[4 + 1514];
        uint64_t number;
        ck_assert_int_eq(recv(fd, frame, sizeof(frame), MSG_WAITALL), sizeof(frame));
        ck_assert_uint_eq(frame[2] << 8 | frame[3], 1514);
        memcpy(&number, frame + 18, sizeof(number));
        ck_assert_uint_eq(number, i);
    }
    sched_thread_join(sched, thread);
    ck_assert_uint_gt(a.tx_ready, 0);
    close(fd);
    device_close(&a);
    paths_remove();
}

REAL_TEST(stream_listener_replaces_a_dead_socket_and_nothing_else)
{
    static const struct port_upcalls upcalls = {0};
    static struct device a;
    struct port *port;
    char error[256];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    paths();
    strcpy(address.sun_path, path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
    close(dead);
    device_open(&a, world, spec_listen);
    ck_assert_int_lt(port_open(world, spec_listen, &upcalls, NULL, &port, error, sizeof(error)), 0);
    ck_assert_msg(strstr(error, "listens there already") != NULL, "%s", error);
    device_close(&a);
    int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    ck_assert_int_ge(file, 0);
    close(file);
    ck_assert_int_lt(port_open(world, spec_listen, &upcalls, NULL, &port, error, sizeof(error)), 0);
    ck_assert_int_eq(access(path, F_OK), 0);
    paths_remove();
}

// passt answers ARP for its gateway: our framing is its framing.
REAL_TEST(stream_talks_to_passt)
{
    static struct device a;
    static uint8_t arp[42] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1,
                              10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2};
    if (access("/usr/bin/passt", X_OK)) {
        fprintf(stderr, "SKIP stream_talks_to_passt: passt is not installed (apt install passt)\n");
        return;
    }
    paths();
    ck_assert_int_eq(chmod(folder, 0777), 0);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/usr/bin/passt", "passt", "-f", "-q", "-1", "-4", "-a", "10.0.2.15", "-n", "24", "-g", "10.0.2.2", "-s", path, NULL);
        _exit(127);
    }
    device_open(&a, world, spec_connect);
    if (!a.caps.link_up && !device_wait_word(&a, &a.link_changes, 0, 5 * real_second_ns)) {
        fprintf(stderr, "SKIP stream_talks_to_passt: passt does not start here (no external interface or no namespaces)\n");
        waitpid(pid, NULL, WNOHANG);
    } else {
        ck_assert_uint_eq(device_send_raw(&a, arp, sizeof(arp), NULL), 1);
        ck_assert(device_wait(&a, 1, real_long_ns));
        ck_assert_uint_eq(device_last(&a)[12] << 8 | device_last(&a)[13], 0x0806);
        ck_assert_uint_eq(device_last(&a)[21], 2);
        ck_assert_mem_eq(device_last(&a) + 28, arp + 38, 4);
    }
    device_close(&a);
    kill(pid, 15);
    waitpid(pid, NULL, 0);
    paths_remove();
}
