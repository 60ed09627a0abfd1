// SPDX-License-Identifier: MIT
// The text that names a port, and the kinds none, sink and test.
#include <errno.h>

#include "world.h"

static void
refused(const char *spec, const char *because)
{
    char error[256] = "";
    int rc = port_spec_check(spec, error, sizeof(error));
    ck_assert_msg(rc == -EINVAL, "%s was not refused (%d)", spec, rc);
    ck_assert_msg(strstr(error, because) != NULL, "%s: \"%s\" does not say \"%s\"", spec, error, because);
}

TEST(a_port_text_that_is_wrong_is_refused_with_a_reason)
{
    refused("", "no kind");
    refused("taps:nb0", "no kind");
    refused("xdp:eth0", "use packet:eth0");
    refused("tap:", "needs the name");
    refused("tap", "needs the name");
    refused("tap:averyveryverylongname", "at most 15");
    refused("tap:a/b", "no such interface name");
    refused("packet:", "needs the name");
    refused("wire", "needs the name");
    refused("wire:a b", "no space");
    refused("none:x", "no argument");
    refused("sink:generate=1", "16 to 9018");
    refused("sink:generate=64,count=0", "no number");
    refused("sink:count=5", "need generate");
    refused("sink:speed=5", "none of");
    refused("sink:generate=64,to=nonsense", "no address");
    refused("stream:", "needs a path");
    refused("pcap:", "needs a file");
}

TEST(a_port_text_that_is_right_is_accepted_without_opening_anything)
{
    static const char *const good[] = {"tap:nb0", "packet:eth0", "wire:lan", "none", "sink", "sink:generate=64,count=10",
                                       "sink:generate=1514,to=02:00:00:00:00:01", "stream:/nowhere/at/all", "stream-listen:/nowhere/x",
                                       "pcap:/no/file.pcap", "pcap:/no/file,/no/out", "test:t"};
    char error[256];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(port_spec_check(good[i], error, sizeof(error)) == 0, "%s: %s", good[i], error);
}

WORLD_TEST(none_has_its_link_down_and_drops_what_is_sent)
{
    static struct device device;
    struct port_stats stats;
    device_open(&device, world, "none");
    ck_assert(!device.caps.link_up);
    device_send(&device, 0, 10, 100);
    port_stats_get(device.port, &stats);
    ck_assert_uint_eq(stats.tx_dropped, 10);
    ck_assert_uint_eq(stats.tx_frames, 0);
    device_close(&device);
}

WORLD_TEST(sink_counts_what_it_discards)
{
    static struct device device;
    struct port_stats stats;
    device_open(&device, world, "sink");
    ck_assert(device.caps.link_up);
    device_send(&device, 0, 100, 1514);
    port_stats_get(device.port, &stats);
    ck_assert_uint_eq(stats.tx_frames, 100);
    ck_assert_uint_eq(stats.tx_bytes, 151400);
    ck_assert_uint_eq(stats.rx_frames, 0);
    device_close(&device);
}

WORLD_TEST(sink_generates_exactly_as_many_frames_as_asked)
{
    static const uint8_t header[16] = {2, 0, 0, 0, 0, 9, 0x02, 0x6e, 0x62, 0, 0, 1, 0x88, 0xb5};
    static struct device device;
    struct port_stats stats;
    device_open(&device, world, "sink:generate=64,count=20000,to=02:00:00:00:00:09");
    ck_assert(device_wait(&device, 20000, 1000000000));
    ck_assert(!device_wait(&device, 20001, 1000000000));
    ck_assert_uint_eq(device.log[19999].bytes, 64);
    ck_assert_mem_eq(device_last(&device), header, sizeof(header));
    port_stats_get(device.port, &stats);
    ck_assert_uint_eq(stats.rx_frames, 20000);
    ck_assert_uint_eq(stats.rx_bytes, 20000 * 64);
    device_close(&device);
}

static const uint8_t test_frame[100] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45};

WORLD_TEST(test_port_shows_what_the_device_sent_with_its_offload_fields)
{
    static struct device device;
    struct port_offload offload = {.flags = PORT_CSUM_NEEDED, .csum_start = 34, .csum_offset = 16}, seen;
    const uint8_t *frame;
    device_open(&device, world, "test:t");
    struct port *port = port_test_find(world, "t");
    ck_assert_ptr_eq(port, device.port);
    ck_assert_ptr_null(port_test_find(world, "u"));
    ck_assert_uint_eq(port_test_tx_get(port, &frame, &seen), 0);
    ck_assert_uint_eq(device_send_raw(&device, test_frame, 100, &offload), 1);
    ck_assert_uint_eq(device_send_raw(&device, test_frame, 60, NULL), 1);
    ck_assert_uint_eq(port_test_tx_get(port, &frame, &seen), 100);
    ck_assert_mem_eq(frame, test_frame, 100);
    ck_assert_mem_eq(&seen, &offload, sizeof(seen));
    port_test_tx_dequeue(port);
    ck_assert_uint_eq(port_test_tx_get(port, &frame, &seen), 60);
    port_test_tx_dequeue(port);
    ck_assert_uint_eq(port_test_tx_get(port, &frame, &seen), 0);
    device_close(&device);
}

WORLD_TEST(test_port_delivers_nothing_before_the_flush)
{
    static struct device device;
    device_open(&device, world, "test:t");
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(port_test_rx_enqueue(device.port, test_frame, sizeof(test_frame), NULL), 0);
    ck_assert(!device_wait(&device, 1, 1000000));
    port_test_rx_flush(device.port);
    ck_assert(device_wait(&device, 40, 1000000));
    ck_assert_mem_eq(device_last(&device), test_frame, sizeof(test_frame));
    device_close(&device);
}

WORLD_TEST(test_port_takes_nothing_while_held_and_says_when_it_does_again)
{
    static struct device device;
    const uint8_t *frame;
    device_open(&device, world, "test:t");
    port_test_tx_hold(device.port, true);
    ck_assert_uint_eq(device_send_raw(&device, test_frame, 100, NULL), 0);
    ck_assert(!device_wait_word(&device, &device.tx_ready, 0, 1000000));
    port_test_tx_hold(device.port, false);
    ck_assert(device_wait_word(&device, &device.tx_ready, 0, 1000000));
    ck_assert_uint_eq(device_send_raw(&device, test_frame, 100, NULL), 1);
    ck_assert_uint_eq(port_test_tx_get(device.port, &frame, NULL), 100);
    device_close(&device);
}

WORLD_TEST(test_port_link_reaches_the_device_and_a_frame_sent_while_down_is_counted)
{
    static struct device device;
    struct port_stats stats;
    device_open(&device, world, "test:t");
    port_test_link(device.port, false);
    ck_assert(device_wait_word(&device, &device.link_changes, 0, 1000000));
    ck_assert(!device.link_up);
    ck_assert_uint_eq(device_send_raw(&device, test_frame, 100, NULL), 1);
    port_stats_get(device.port, &stats);
    ck_assert_uint_eq(stats.tx_dropped, 1);
    port_test_link(device.port, true);
    ck_assert(device_wait_word(&device, &device.link_changes, 1, 1000000));
    ck_assert(device.link_up);
    device_close(&device);
}

WORLD_TEST(port_stop_ends_the_upcalls_and_leaves_the_port_usable)
{
    static struct device device;
    const uint8_t *frame;
    device_open(&device, world, "test:t");
    port_stop(device.port);
    port_test_rx_enqueue(device.port, test_frame, 100, NULL);
    port_test_rx_flush(device.port);
    port_test_link(device.port, false);
    ck_assert(!device_wait(&device, 1, 1000000000));
    ck_assert_uint_eq(device.link_changes, 0);
    port_test_link(device.port, true);
    ck_assert_uint_eq(device_send_raw(&device, test_frame, 100, NULL), 1);
    ck_assert_uint_eq(port_test_tx_get(device.port, &frame, NULL), 100);
    device_close(&device);
}

WORLD_TEST(a_device_without_buffers_is_asked_again_later_and_at_once_when_it_says_so)
{
    static struct device device;
    device_open(&device, world, "test:t");
    atomic_store(&device.refuse, 1);
    port_test_rx_enqueue(device.port, test_frame, 100, NULL);
    port_test_rx_flush(device.port);
    sched_wait(sched, &device.received, 0, sched_now_ns(sched) + 1000000000);
    uint32_t asked = atomic_load(&device.rx_calls);
    ck_assert_uint_gt(asked, 5);                 // 50 us, 100 us ... 100 ms
    ck_assert_uint_lt(asked, 30);
    atomic_store(&device.refuse, 0);
    uint64_t before_ns = sched_now_ns(sched);
    port_rx_again(device.port);
    ck_assert(device_wait(&device, 1, 1000000000));
    ck_assert_uint_lt(sched_now_ns(sched) - before_ns, 50000);
    device_close(&device);
}
