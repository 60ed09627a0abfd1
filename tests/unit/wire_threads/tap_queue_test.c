// SPDX-License-Identifier: MIT
// How frames leave through a TAP: bursts by a second thread, the rest by the sender, together by io_uring or one by one where that is
// refused. Whatever the way, they come in order, whole, and are counted once.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/batch.h"
#include "host/cpus.h"
#include "real.h"

enum { ring_frames = 256, some_frames = 300, frame_bytes = 60 };

static uint8_t data[some_frames][frame_bytes];
static struct iovec pieces[some_frames];
static struct port_frame frames[some_frames];

static void
frames_fill(uint64_t first)
{
    for (uint32_t i = 0; i < some_frames; i++) {
        uint64_t number = first + i;
        memset(data[i], 2, 12);
        data[i][12] = 0x88;
        data[i][13] = 0xb5;
        memcpy(data[i] + 14, &number, 8);
        for (uint32_t b = 22; b < frame_bytes; b++)
            data[i][b] = (uint8_t)(number + b);
        pieces[i] = (struct iovec){data[i], frame_bytes};
        frames[i] = (struct port_frame){.iov = &pieces[i], .iov_count = 1, .bytes = frame_bytes};
    }
}

static void
both_open(struct device *a, struct device *b, struct port_world *world)
{
    real_shell("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
    device_open(a, world, "tap:nb0");
    device_open(b, world, "packet:nb0");
    for (uint32_t seen; seen = atomic_load(&b->link_changes), !b->link_up;)
        ck_assert(device_wait_word(b, &b->link_changes, seen, real_long_ns));
}

// b has got a's frames 0 .. count - 1, in order.
static void
is_all_there(struct device *a, struct device *b, uint32_t count)
{
    struct port_stats stats;
    ck_assert(device_wait(b, count, real_long_ns));
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq(b->log[i].number, i);
        ck_assert(b->log[i].is_intact);
    }
    port_stats_get(a->port, &stats);
    ck_assert_uint_eq(stats.tx_frames, count);
    ck_assert_uint_eq(stats.tx_dropped, 0);
}

NETNS_TEST(tap_takes_a_burst_as_far_as_there_is_room_and_says_when_there_is_more)
{
    static struct device a, b;
    struct port_stats stats;
    both_open(&a, &b, world);
    frames_fill(0);
    uint32_t seen = atomic_load(&a.tx_ready), taken = port_tx(a.port, frames, some_frames);
    ck_assert_uint_eq(taken, cpus_usable() > 1 ? ring_frames : some_frames);
    memset(data, 0, taken * sizeof(data[0])); // they are ours again
    port_stats_get(a.port, &stats);
    ck_assert_uint_eq(stats.tx_frames, taken);
    while (taken < some_frames) {
        ck_assert(device_wait_word(&a, &a.tx_ready, seen, real_long_ns));
        seen = atomic_load(&a.tx_ready);
        taken += port_tx(a.port, frames + taken, some_frames - taken);
    }
    is_all_there(&a, &b, some_frames);
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(tap_lets_no_single_frame_overtake_a_burst)
{
    static struct device a, b;
    uint32_t sent = 0;
    both_open(&a, &b, world);
    for (int round = 0; round < 20; round++, sent += 65) {
        frames_fill(sent);
        for (uint32_t done = 0, seen; done < 64;) {
            seen = atomic_load(&a.tx_ready);
            done += port_tx(a.port, frames + done, 64 - done);
            ck_assert(done == 64 || device_wait_word(&a, &a.tx_ready, seen, real_long_ns));
        }
        device_send(&a, sent + 64, 1, frame_bytes);
    }
    is_all_there(&a, &b, sent);
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(tap_keeps_a_frame_that_no_slot_holds_behind_the_burst_before_it)
{
    static struct device a, b;
    real_shell("ip tuntap add nb0 mode tap && ip link set nb0 mtu 9000 up");
    both_open(&a, &b, world);
    for (uint32_t sent = 0; sent < 10 * 33; sent += 33) {
        device_send(&a, sent, 32, frame_bytes);
        device_send(&a, sent + 32, 1, 9014);
        ck_assert(device_wait(&b, sent + 33, real_long_ns));
        ck_assert_uint_eq(b.log[sent + 32].bytes, 9014);
    }
    is_all_there(&a, &b, 330);
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(tap_counts_the_frames_of_a_burst_that_the_kernel_refused_as_dropped)
{
    static const struct port_upcalls upcalls = {0};
    struct port_stats stats = {0};
    char error[256];
    struct port *tap;
    // Not started: nobody sees that the link is down, so that the burst goes out to meet it.
    ck_assert_int_eq(port_open(world, "tap:nb0", &upcalls, NULL, &tap, error, sizeof(error)), 0);
    real_shell("ip link set nb0 down");
    frames_fill(0);
    frames[7].bytes = 3; // a device that breaks its word
    ck_assert_uint_eq(port_tx(tap, frames, 64), 64);
    for (int tries = 0; stats.tx_dropped < 64 && tries < 20000; tries++, usleep(1000))
        port_stats_get(tap, &stats);
    ck_assert_uint_eq(stats.tx_dropped, 64);
    ck_assert_uint_eq(stats.tx_frames, 0);
    ck_assert_uint_eq(stats.tx_bytes, 0);
    port_close(tap);
}

NETNS_TEST(tap_on_one_processor_has_no_second_thread)
{
    static struct device a, b;
    cpu_set_t all, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    ck_assert_uint_eq(cpus_usable(), 1);
    both_open(&a, &b, world);
    frames_fill(0);
    ck_assert_uint_eq(port_tx(a.port, frames, some_frames), some_frames);
    is_all_there(&a, &b, some_frames);
    device_close(&b);
    device_close(&a);
}

// ---- io_uring refused -----------------------------------------------------------------------------------------------------------

// From now on this process gets EPERM from that system call, as in a container.
static void
refuse(int call)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static uint32_t
rings_open(void)
{
    uint32_t count = 0;
    for (int fd = 0; fd < 256; fd++) {
        char path[32], name[64] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, name, sizeof(name) - 1) > 0)
            count += strstr(name, "io_uring") != NULL;
    }
    return count;
}

// Frames by all ways: alone, a few together, bursts.
static void
send_all_ways(struct device *a, struct device *b)
{
    device_send(a, 0, 1, 1514);
    device_send(a, 1, 9, frame_bytes);
    device_send(a, 10, 320, frame_bytes);
    device_send(a, 330, 5, 1514);
    is_all_there(a, b, 335);
    device_send(b, 0, 50, 1514);
    ck_assert(device_wait(a, 50, real_long_ns));
}

NETNS_TEST(tap_writes_one_by_one_where_io_uring_is_refused)
{
    static struct device a, b;
    refuse(SYS_io_uring_setup);
    both_open(&a, &b, world);
    ck_assert_uint_eq(rings_open(), 0);
    send_all_ways(&a, &b);
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(tap_writes_one_by_one_where_io_uring_is_there_but_takes_nothing)
{
    static struct device a, b;
    refuse(SYS_io_uring_enter);
    both_open(&a, &b, world);
    send_all_ways(&a, &b);
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(tap_writes_one_by_one_where_the_environment_says_so)
{
    static struct device a, b;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct batch *batch = batch_open(ends[1]);
    ck_assert_uint_eq(rings_open(), batch != NULL); // what is looked for can be seen
    batch_close(batch);
    setenv("NDISBOX_IO_URING", "off", 1);
    both_open(&a, &b, world);
    ck_assert_uint_eq(rings_open(), 0);
    send_all_ways(&a, &b);
    device_close(&b);
    device_close(&a);
}
