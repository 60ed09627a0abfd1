// SPDX-License-Identifier: MIT
// TAP and packet ports against the kernel and against each other: a device on tap:nb0 and one on packet:nb0 meet through it.
#include <net/if.h>
#include <stdlib.h>
#include <unistd.h>

#include "real.h"

// No addresses, so that the kernel itself says nothing.
static void
quiet(void)
{
    real_shell("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
}

// The kernel says "running" some time after the other end has come.
static void
wait_link(struct device *device, bool up)
{
    for (uint32_t seen; seen = atomic_load(&device->link_changes), device->link_up != up;)
        ck_assert(device_wait_word(device, &device->link_changes, seen, real_long_ns));
}

NETNS_TEST(tap_that_does_not_exist_is_created_up_and_removed_after)
{
    static struct device a;
    quiet();
    ck_assert_uint_eq(if_nametoindex("nb0"), 0);
    device_open(&a, world, "tap:nb0");
    ck_assert(a.caps.link_up && a.caps.tx_csum && a.caps.gso4 && a.caps.gso6);
    ck_assert_uint_eq(a.caps.max_frame_bytes, 1514);
    real_shell("ip link show nb0 | grep -q 'UP.*qlen 4096'");
    device_close(&a);
    ck_assert_uint_eq(if_nametoindex("nb0"), 0);
}

NETNS_TEST(tap_that_exists_is_attached_and_left_as_found)
{
    static struct device a;
    quiet();
    real_shell("ip tuntap add nb0 mode tap && ip link set nb0 mtu 9000");
    device_open(&a, world, "tap:nb0");
    ck_assert(!a.caps.link_up);
    ck_assert_uint_eq(a.caps.max_frame_bytes, 9014);
    real_shell("ip link set nb0 up");
    wait_link(&a, true);
    real_shell("ip link set nb0 down");
    wait_link(&a, false);
    ck_assert(real_said(sched, "tap nb0 is down", real_long_ns));
    device_close(&a);
    real_shell("ip link show nb0 | grep -q 'mtu 9000'");
}

NETNS_TEST(tap_made_for_several_queues_is_attached_too)
{
    static struct device a, b;
    quiet();
    real_shell("ip tuntap add nb0 mode tap multi_queue && ip link set nb0 up");
    device_open(&a, world, "tap:nb0");
    device_open(&b, world, "packet:nb0");
    wait_link(&b, true);
    device_send(&a, 0, 100, 60);
    ck_assert(device_wait(&b, 100, real_long_ns));
    device_send(&b, 0, 100, 60);
    ck_assert(device_wait(&a, 100, real_long_ns));
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(tap_left_behind_has_its_offloads_off_again)
{
    static struct device a;
    quiet();
    if (system("ethtool --version >/dev/null 2>&1")) {
        fprintf(stderr, "SKIP tap_left_behind_has_its_offloads_off_again: ethtool is not installed\n");
        return;
    }
    real_shell("ip tuntap add nb0 mode tap && ip link set nb0 up && ethtool -k nb0 | sed 's/ .requested on.//' > /tmp/nbx-tap-$PPID");
    device_open(&a, world, "tap:nb0");
    real_shell("ethtool -k nb0 | grep -q 'tcp-segmentation-offload: on'");
    device_close(&a);
    real_shell("ethtool -k nb0 | sed 's/ .requested on.//' | diff /tmp/nbx-tap-$PPID - && rm /tmp/nbx-tap-$PPID");
}

NETNS_TEST(tap_in_use_or_no_tap_is_refused_with_a_sentence)
{
    static const struct port_upcalls upcalls = {0};
    static struct device a;
    struct port *port;
    char error[256];
    quiet();
    device_open(&a, world, "tap:nb0");
    ck_assert_int_lt(port_open(world, "tap:nb0", &upcalls, NULL, &port, error, sizeof(error)), 0);
    ck_assert_msg(strstr(error, "in use") != NULL, "%s", error);
    real_shell("ip link add v0 type veth peer name v1");
    ck_assert_int_lt(port_open(world, "tap:v0", &upcalls, NULL, &port, error, sizeof(error)), 0);
    ck_assert_msg(strstr(error, "is no TAP") != NULL, "%s", error);
    ck_assert_int_lt(port_open(world, "packet:nosuch", &upcalls, NULL, &port, error, sizeof(error)), 0);
    ck_assert_msg(strstr(error, "there is no interface nosuch") != NULL, "%s", error);
    device_close(&a);
}

NETNS_TEST(tap_and_packet_without_privilege_name_what_is_missing_and_what_to_do)
{
    static const struct port_upcalls upcalls = {0};
    struct port *port;
    char error[256];
    ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
    ck_assert_int_lt(port_open(world, "tap:nb0", &upcalls, NULL, &port, error, sizeof(error)), 0);
    ck_assert_str_eq(error, "opening tap nb0 needs CAP_NET_ADMIN: use sudo, `unshare -rn`, or port stream:PATH with passt");
    ck_assert_int_lt(port_open(world, "packet:lo", &upcalls, NULL, &port, error, sizeof(error)), 0);
    ck_assert_str_eq(error, "opening packet socket on lo needs CAP_NET_RAW: use sudo, `unshare -rn`, or port stream:PATH with passt");
}

NETNS_TEST(tap_and_packet_carry_every_frame_both_ways)
{
    static struct device a, b;
    quiet();
    device_open(&a, world, "tap:nb0");
    device_open(&b, world, "packet:nb0");
    wait_link(&b, true);
    device_send(&a, 0, 2000, 60);
    ck_assert(device_wait(&b, 2000, real_long_ns));
    for (uint32_t first = 0; first < 2000; first += 100) {
        device_send(&b, first, 100, 1514);
        ck_assert(device_wait(&a, first + 100, real_long_ns));
    }
    for (uint32_t i = 0; i < 2000; i++) {
        ck_assert_uint_eq(a.log[i].number, i);
        ck_assert_uint_eq(b.log[i].number, i);
        ck_assert(a.log[i].is_intact && b.log[i].is_intact);
    }
    ck_assert_uint_eq(a.received, 2000);
    ck_assert_uint_eq(b.received, 2000);         // not what it sent itself
    device_close(&b);
    device_close(&a);
}

// An IPv4 TCP super-segment with the pseudo-header sum in place, for 10.0.0.1:1 -> 10.0.0.2:2.
static void
super_segment(uint8_t *frame, uint32_t bytes, uint32_t at)
{
    uint32_t ip_bytes = bytes - at, tcp_bytes = ip_bytes - 20, sum = 0;
    const uint8_t head[40] = {0x45, 0, ip_bytes >> 8, ip_bytes, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
                              0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0x10, 0};
    for (uint32_t i = 0; i < bytes; i++)
        frame[i] = (uint8_t)(i * 5);
    memcpy(frame, (const uint8_t[]){2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, 12);
    frame[at - 2] = 8;
    frame[at - 1] = 0;
    memcpy(frame + at, head, sizeof(head));
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)head[i] << 8 | head[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    frame[at + 10] = (uint8_t)(~sum >> 8);
    frame[at + 11] = (uint8_t)~sum;
    sum = 0x0a00 + 1 + 0x0a00 + 2 + 6 + tcp_bytes;
    sum = (sum & 0xffff) + (sum >> 16);
    frame[at + 36] = (uint8_t)(sum >> 8);
    frame[at + 37] = (uint8_t)sum;
}

static void
expect_super_segment(struct device *to, const uint8_t *frame, uint32_t bytes, uint32_t at)
{
    ck_assert(device_wait(to, 1, real_long_ns));
    ck_assert_uint_eq(to->log[0].bytes, bytes);
    ck_assert_uint_eq(to->log[0].offload.flags & PORT_CSUM_NEEDED, PORT_CSUM_NEEDED);
    ck_assert_uint_eq(to->log[0].offload.gso, PORT_GSO_TCP4);
    ck_assert_uint_eq(to->log[0].offload.gso_bytes, 1400);
    ck_assert_uint_eq(to->log[0].offload.header_bytes, at + 40);
    ck_assert_uint_eq(to->log[0].offload.csum_start, at + 20);
    ck_assert_uint_eq(to->log[0].offload.csum_offset, 16);
    ck_assert_mem_eq(device_last(to), frame, bytes);
}

NETNS_TEST(tap_and_packet_carry_super_segments_whole_both_ways)
{
    static struct device a, b;
    static uint8_t frame[14 + 60000];
    struct port_offload offload = {PORT_CSUM_NEEDED, PORT_GSO_TCP4, 54, 1400, 34, 16};
    quiet();
    super_segment(frame, sizeof(frame), 14);
    device_open(&a, world, "tap:nb0");
    device_open(&b, world, "packet:nb0");
    wait_link(&b, true);
    ck_assert_uint_eq(device_send_raw(&a, frame, sizeof(frame), &offload), 1);
    expect_super_segment(&b, frame, sizeof(frame), 14);
    ck_assert_uint_eq(device_send_raw(&b, frame, sizeof(frame), &offload), 1);
    expect_super_segment(&a, frame, sizeof(frame), 14);
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(tap_and_packet_give_complete_segments_to_a_device_that_takes_nothing_else)
{
    static struct device a, b;
    static uint8_t frame[14 + 40 + 14000];
    struct port_offload offload = {PORT_CSUM_NEEDED, PORT_GSO_TCP4, 54, 1400, 34, 16};
    quiet();
    super_segment(frame, sizeof(frame), 14);
    device_open_taking(&a, world, "tap:nb0", false, false, false);
    device_open_taking(&b, world, "packet:nb0", false, false, false);
    wait_link(&b, true);
    ck_assert_uint_eq(device_send_raw(&a, frame, sizeof(frame), &offload), 1);
    ck_assert_uint_eq(device_send_raw(&b, frame, sizeof(frame), &offload), 1);
    ck_assert(device_wait(&b, 10, real_long_ns));
    ck_assert(device_wait(&a, 10, real_long_ns));
    // The kernel cut for one, we for the other: they must agree to the byte.
    for (uint32_t i = 0; i < 10; i++) {
        ck_assert_uint_eq(a.log[i].bytes, 54 + 1400);
        ck_assert_uint_eq(b.log[i].bytes, 54 + 1400);
        ck_assert_uint_eq(a.log[i].offload.flags & PORT_CSUM_NEEDED, 0);
        ck_assert_uint_eq(b.log[i].offload.flags & PORT_CSUM_NEEDED, 0);
    }
    for (uint32_t i = 6; i < 10; i++)
        ck_assert_mem_eq(a.recent[i % 4], b.recent[i % 4], 54 + 1400);
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(packet_puts_the_vlan_tag_back_that_the_kernel_took_out)
{
    static struct device a, b;
    static uint8_t frame[18 + 30000], plain[100];
    struct port_offload offload = {PORT_CSUM_NEEDED, PORT_GSO_TCP4, 58, 1400, 38, 16};
    quiet();
    super_segment(frame, sizeof(frame), 18);
    memcpy(frame + 12, (const uint8_t[]){0x81, 0x00, 0x60, 0x07}, 4);
    memcpy(plain, frame, sizeof(plain));
    plain[16] = 0x88;
    plain[17] = 0xb5;
    device_open(&a, world, "tap:nb0");
    device_open(&b, world, "packet:nb0");
    wait_link(&b, true);
    ck_assert_uint_eq(device_send_raw(&a, frame, sizeof(frame), &offload), 1);
    expect_super_segment(&b, frame, sizeof(frame), 18);
    ck_assert_uint_eq(device_send_raw(&a, plain, sizeof(plain), NULL), 1);
    ck_assert(device_wait(&b, 2, real_long_ns));
    ck_assert_uint_eq(b.log[1].bytes, sizeof(plain));
    ck_assert_mem_eq(device_last(&b), plain, sizeof(plain));
    ck_assert_uint_eq(device_send_raw(&b, plain, sizeof(plain), NULL), 1);
    ck_assert(device_wait(&a, 1, real_long_ns));
    ck_assert_mem_eq(device_last(&a), plain, sizeof(plain));
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(tap_sends_a_frame_in_more_pieces_than_the_kernel_takes)
{
    static struct device a, b;
    static uint8_t frame[1500] = {2};
    static struct iovec iov[1500];
    quiet();
    frame[12] = 0x88;
    frame[13] = 0xb5;
    for (uint32_t i = 14; i < sizeof(frame); i++)
        frame[i] = (uint8_t)(i * 11);
    for (uint32_t i = 0; i < sizeof(frame); i++)
        iov[i] = (struct iovec){&frame[i], 1};
    struct port_frame one = {.iov = iov, .iov_count = sizeof(frame), .bytes = sizeof(frame)};
    device_open(&a, world, "tap:nb0");
    device_open(&b, world, "packet:nb0");
    wait_link(&b, true);
    ck_assert_uint_eq(port_tx(a.port, &one, 1), 1);
    ck_assert(device_wait(&b, 1, real_long_ns));
    ck_assert_uint_eq(b.log[0].bytes, sizeof(frame));
    ck_assert_mem_eq(device_last(&b), frame, sizeof(frame));
    ck_assert_uint_eq(port_tx(b.port, &one, 1), 1);
    ck_assert(device_wait(&a, 1, real_long_ns));
    ck_assert_mem_eq(device_last(&a), frame, sizeof(frame));
    device_close(&b);
    device_close(&a);
}

struct flood {
    struct device *device;
    _Atomic bool ends;
};

static void
flood_main(void *arg)
{
    struct flood *flood = arg;
    while (!atomic_load(&flood->ends))
        device_send(flood->device, 0, 64, 1514);
}

NETNS_TEST(packet_ports_open_and_close_in_full_flight)
{
    static struct device a, b;
    struct sched_thread *thread;
    quiet();
    real_shell("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
    device_open(&a, world, "packet:v0");
    wait_link(&a, true);
    struct flood flood = {.device = &a};
    ck_assert_int_eq(sched_thread_start(sched, "flood", flood_main, &flood, NULL, &thread), 0);
    for (int i = 0; i < 20; i++) {
        device_open(&b, world, "packet:v1");
        ck_assert(device_wait(&b, 100, real_long_ns));
        device_close(&b);
    }
    atomic_store(&flood.ends, true);
    sched_thread_join(sched, thread);
    device_close(&a);
}

NETNS_TEST(tap_deleted_in_mid_run_is_link_down_and_recovers_when_it_is_back)
{
    static struct device a, b;
    struct port_stats stats;
    quiet();
    device_open(&a, world, "tap:nb0");
    real_shell("ip link del nb0");
    wait_link(&a, false);
    ck_assert(real_said(sched, "tap nb0 has been deleted", real_long_ns));
    device_send(&a, 0, 5, 60);
    port_stats_get(a.port, &stats);
    ck_assert_uint_eq(stats.tx_dropped, 5);
    real_shell("ip tuntap add nb0 mode tap && ip link set nb0 up");
    wait_link(&a, true);
    device_open(&b, world, "packet:nb0");
    wait_link(&b, true);
    device_send(&a, 0, 100, 60);
    ck_assert(device_wait(&b, 100, real_long_ns));
    device_send(&b, 0, 100, 60);
    ck_assert(device_wait(&a, 100, real_long_ns));
    device_close(&b);
    device_close(&a);
    ck_assert_uint_ne(if_nametoindex("nb0"), 0);
}

NETNS_TEST(packet_interface_deleted_in_mid_run_is_link_down_and_recovers_when_it_is_back)
{
    static struct device a, b;
    quiet();
    real_shell("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
    device_open(&a, world, "packet:v0");
    wait_link(&a, true);
    real_shell("ip link del v0");
    wait_link(&a, false);
    ck_assert(real_said(sched, "interface v0 is gone", real_long_ns));
    real_shell("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
    wait_link(&a, true);
    device_open(&b, world, "packet:v1");
    wait_link(&b, true);
    // Fewer than the 1000 that a veth's receiver may leave waiting (netdev_max_backlog) before the kernel drops.
    device_send(&a, 0, 500, 60);
    ck_assert(device_wait(&b, 500, real_long_ns));
    device_send(&b, 0, 500, 1514);
    ck_assert(device_wait(&a, 500, real_long_ns));
    device_close(&b);
    device_close(&a);
}

NETNS_TEST(a_frame_larger_than_its_slot_is_counted_and_the_next_one_comes)
{
    static struct device b;
    static uint8_t small[2][128];
    struct port_slot slots[2] = {{small[0], sizeof(small[0])}, {small[1], sizeof(small[1])}};
    static const struct port_upcalls upcalls = {0};
    char error[256];
    struct port_stats stats;
    struct port *tap;
    quiet();
    // Not started: nobody but the test receives.
    ck_assert_int_eq(port_open(world, "tap:nb0", &upcalls, NULL, &tap, error, sizeof(error)), 0);
    device_open(&b, world, "packet:nb0");
    wait_link(&b, true);
    device_send(&b, 1, 1, 129);
    device_send(&b, 2, 1, 128);
    uint32_t got = 0;
    for (int tries = 0; !got && tries < 10000; tries++, usleep(1000))
        got = port_rx(tap, slots, 2);
    ck_assert_uint_eq(got, 1);
    ck_assert_uint_eq(slots[0].bytes, 128);
    ck_assert_uint_eq(small[0][14], 2);
    port_stats_get(tap, &stats);
    ck_assert_uint_eq(stats.rx_dropped, 1);
    device_close(&b);
    port_close(tap);
}
