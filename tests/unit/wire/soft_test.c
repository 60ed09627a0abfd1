// SPDX-License-Identifier: MIT
// A device that takes only complete frames gets what a NIC without receive offloads would have seen, whatever the other end sends.
#include <stdlib.h>

#include "base/csum.h"
#include "world.h"

enum { payload_bytes = 10000, gso_bytes = 1400, segments = 8, tcp_bytes = 32 };

struct sample {
    uint32_t ip_at, tcp_at, header_bytes, bytes;
    bool is_ip6;
    struct port_offload offload;
    uint8_t frame[18 + 40 + tcp_bytes + payload_bytes];
};

// A super-segment of 10,000 bytes of payload, FIN, PSH and CWR set, over IPv4 or IPv6, with or without a VLAN tag.
static void
sample_make(struct sample *s, bool is_ip6, bool is_tagged)
{
    memset(s, 0, sizeof(*s));
    s->is_ip6 = is_ip6;
    s->ip_at = is_tagged ? 18 : 14;
    s->tcp_at = s->ip_at + (is_ip6 ? 40 : 20);
    s->header_bytes = s->tcp_at + tcp_bytes;
    s->bytes = s->header_bytes + payload_bytes;
    uint8_t *f = s->frame, *ip = f + s->ip_at, *tcp = f + s->tcp_at;
    for (uint32_t i = 0; i < s->bytes; i++)
        f[i] = (uint8_t)(i * 31 + 7);
    if (is_tagged)
        memcpy(f + 12, (const uint8_t[]){0x81, 0, 0x20, 5}, 4);
    memcpy(f + s->ip_at - 2, is_ip6 ? (const uint8_t[]){0x86, 0xdd} : (const uint8_t[]){8, 0}, 2);
    ip[0] = is_ip6 ? 0x60 : 0x45;
    if (!is_ip6) {
        ip[4] = 0xff;                        // identification 0xfffe: it must wrap
        ip[5] = 0xfe;
        ip[9] = 6;
    }
    memcpy(tcp + 4, (const uint8_t[]){0xff, 0xff, 0xff, 0}, 4);      // the sequence number must wrap too
    tcp[12] = tcp_bytes / 4 << 4;
    tcp[13] = 0x80 | 0x10 | 0x08 | 0x01;
    s->offload = (struct port_offload){PORT_CSUM_NEEDED | PORT_GSO_ECN, is_ip6 ? PORT_GSO_TCP6 : PORT_GSO_TCP4,
                                       (uint16_t)s->header_bytes, gso_bytes, (uint16_t)s->tcp_at, 16};
}

// Is frame i the i-th segment, with sound checksums?
static void
expect_segment(const struct sample *s, const uint8_t *f, uint32_t bytes, uint32_t i)
{
    const uint8_t *ip = f + s->ip_at, *tcp = f + s->tcp_at;
    uint32_t payload = i == segments - 1 ? payload_bytes - i * gso_bytes : gso_bytes, length = bytes - s->tcp_at;
    ck_assert_uint_eq(bytes, s->header_bytes + payload);
    ck_assert_mem_eq(f, s->frame, s->ip_at);
    ck_assert_mem_eq(f + s->header_bytes, s->frame + s->header_bytes + i * gso_bytes, payload);
    uint64_t sum;
    if (s->is_ip6) {
        ck_assert_uint_eq(ip[4] << 8 | ip[5], bytes - s->ip_at - 40);
        sum = csum_pseudo6(ip + 8, ip + 24, 6, length);
    } else {
        ck_assert_uint_eq(ip[2] << 8 | ip[3], bytes - s->ip_at);
        ck_assert_uint_eq(ip[4] << 8 | ip[5], (0xfffe + i) & 0xffff);
        ck_assert_uint_eq(csum_of(ip, 20), 0);
        sum = csum_pseudo4(ip + 12, ip + 16, 6, (uint16_t)length);
    }
    ck_assert_uint_eq(csum_finish(csum_add(sum, tcp, length)), 0);
    ck_assert_uint_eq((uint32_t)tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7], 0xffffff00u + i * gso_bytes);
    ck_assert_uint_eq(tcp[13], 0x10 | (i == 0 ? 0x80 : 0) | (i == segments - 1 ? 0x09 : 0));
}

static void
plain_device_open(struct device *device, struct port_world *world, const char *spec)
{
    device_open_taking(device, world, spec, false, false, false);
}

static void
expect_cut(struct port_world *world, bool is_ip6, bool is_tagged)
{
    static struct device device;
    static struct sample s;
    sample_make(&s, is_ip6, is_tagged);
    plain_device_open(&device, world, "test:t");
    for (uint32_t i = 0; i < segments; i++) {
        // One at a time, so that each segment can be looked at: the device keeps the last four.
        if (i % 4 == 0)
            port_test_rx_enqueue(device.port, s.frame, s.bytes, &s.offload);
    }
    port_test_rx_flush(device.port);
    ck_assert(device_wait(&device, 2 * segments, 1000000000));
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t at = 2 * segments - 4 + i;
        expect_segment(&s, device.recent[at % 4], device.log[at].bytes, segments - 4 + i);
        ck_assert_uint_eq(device.log[at].offload.flags, 0);
        ck_assert_uint_eq(device.log[at].offload.gso, PORT_GSO_NONE);
    }
    ck_assert(!device_wait(&device, 2 * segments + 1, 1000000));
    device_close(&device);
}

WORLD_TEST(soft_cuts_an_ip4_super_segment_into_its_segments)
{
    expect_cut(world, false, false);
}

WORLD_TEST(soft_cuts_an_ip6_super_segment_into_its_segments)
{
    expect_cut(world, true, false);
}

WORLD_TEST(soft_cuts_a_tagged_super_segment_into_its_segments)
{
    expect_cut(world, false, true);
}

// The first segment, and slots that hold no more than a segment: a port opened by hand.
WORLD_TEST(soft_fills_slots_that_hold_one_segment_each)
{
    static const struct port_upcalls upcalls = {0};
    static struct sample s;
    static uint8_t buffers[segments][1514];
    struct port_slot slots[segments];
    struct port *port;
    sample_make(&s, false, false);
    ck_assert_int_eq(port_open(world, "test:t", &upcalls, NULL, &port, NULL, 0), 0);
    ck_assert_int_eq(port_rx_accept(port, false, false, false), 0);
    port_test_rx_enqueue(port, s.frame, s.bytes, &s.offload);
    port_test_rx_flush(port);
    for (uint32_t i = 0; i < segments; i++)
        slots[i] = (struct port_slot){.buffer = buffers[i], .capacity_bytes = sizeof(buffers[i])};
    ck_assert_uint_eq(port_rx(port, slots, 3), 3);
    ck_assert_uint_eq(port_rx(port, slots + 3, segments - 3), segments - 3);
    ck_assert_uint_eq(port_rx(port, slots, 1), 0);
    for (uint32_t i = 0; i < segments; i++)
        expect_segment(&s, buffers[i], slots[i].bytes, i);
    port_close(port);
}

WORLD_TEST(soft_finishes_a_checksum_and_never_writes_a_udp_checksum_of_zero)
{
    static struct device device;
    uint8_t frame[60] = {2, [12] = 8, [14] = 0x45, [23] = 17};
    struct port_offload offload = {.flags = PORT_CSUM_NEEDED, .csum_start = 34, .csum_offset = 6};
    plain_device_open(&device, world, "test:t");
    frame[59] = 0x34;
    frame[40] = 0x12;                        // the pseudo-header's sum
    port_test_rx_enqueue(device.port, frame, sizeof(frame), &offload);
    frame[40] = 0xff;                        // with the payload it sums up to 0xffff
    frame[41] = 0xff - 0x34;
    port_test_rx_enqueue(device.port, frame, sizeof(frame), &offload);
    port_test_rx_flush(device.port);
    ck_assert(device_wait(&device, 2, 1000000000));
    ck_assert_uint_eq(device.recent[0][40] << 8 | device.recent[0][41], 0xffff - 0x1234);
    ck_assert_uint_eq(device.recent[1][40] << 8 | device.recent[1][41], 0xffff);
    ck_assert_uint_eq(device.log[1].offload.flags, 0);
    device_close(&device);
}

WORLD_TEST(soft_drops_and_counts_a_super_segment_that_is_none)
{
    static struct device device;
    static struct sample s;
    struct port_stats stats;
    plain_device_open(&device, world, "test:t");
    for (int wrong = 0; wrong < 7; wrong++) {
        sample_make(&s, false, false);
        switch (wrong) {
        case 0: s.frame[14] = 0x65; break;                   // not IPv4
        case 1: s.frame[14] = 0x46; break;                   // an IP header that ends elsewhere
        case 2: s.frame[s.tcp_at + 12] = 0xf0; break;        // a TCP header that ends elsewhere
        case 3: s.offload.gso_bytes = 0; break;
        case 4: s.offload.header_bytes = 20000; break;
        case 5: s.offload.csum_start = 20; break;
        case 6: s.offload.csum_offset = 6; break;
        }
        port_test_rx_enqueue(device.port, s.frame, s.bytes, &s.offload);
    }
    port_test_rx_flush(device.port);
    ck_assert(!device_wait(&device, 1, 1000000));
    port_stats_get(device.port, &stats);
    ck_assert_uint_eq(stats.rx_dropped, 7);
    device_close(&device);
}

WORLD_TEST(soft_leaves_alone_what_the_device_takes)
{
    static struct device device;
    static struct sample s;
    device_open_taking(&device, world, "test:t", true, true, false);
    sample_make(&s, false, false);
    port_test_rx_enqueue(device.port, s.frame, s.bytes, &s.offload);
    sample_make(&s, true, false);
    port_test_rx_enqueue(device.port, s.frame, s.bytes, &s.offload);
    port_test_rx_flush(device.port);
    ck_assert(device_wait(&device, 1 + segments, 1000000000));
    ck_assert_uint_eq(device.log[0].offload.gso, PORT_GSO_TCP4);
    ck_assert_uint_eq(device.log[0].bytes, 14 + 20 + tcp_bytes + payload_bytes);
    for (uint32_t i = 1; i <= segments; i++)
        ck_assert_uint_eq(device.log[i].offload.gso, PORT_GSO_NONE);
    device_close(&device);
}
