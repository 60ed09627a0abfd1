// SPDX-License-Identifier: MIT
// libFuzzer on what the RDMA provider takes out of received frames (drivers/vnic/rdma_rx.c): any bytes as a frame, ICMP errors and
// segments that are nearly right, behind tags, options and extension headers, in pieces. What must hold, whatever comes: a frame that
// is taken has our link address, and an address and a port of ours in it; one that is left is as it came; no ICMP message and no
// segment that came oddly ends a connection, or makes its segments smaller than TCP's least; nothing is left of memory.
//   input: operations; a byte says which, see one_operation
#include "rdma_rx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAME_MAX 1600

static const uint8_t *input;
static size_t input_left;

static uint8_t
next8(void)
{
    if (!input_left)
        return 0;
    input_left--;
    return *input++;
}

static uint16_t
next16(void)
{
    uint16_t high = next8();
    return (uint16_t)(high << 8 | next8());
}

static size_t
next_bytes(uint8_t *to, size_t most)
{
    size_t count = most < input_left ? most : input_left;
    memcpy(to, input, count);
    input += count;
    input_left -= count;
    return count;
}

static bool
has(const uint8_t *frame, size_t count, const void *bytes, size_t n)
{
    return memmem(frame, count, bytes, n) != NULL;
}

// What nobody may take from the host.
static void
is_of_ours(const uint8_t *frame, size_t count)
{
    const uint8_t ports[2][2] = {{RX_LISTEN_PORT >> 8, RX_LISTEN_PORT & 255}, {RX_PORT >> 8, RX_PORT & 255}};
    RX_REQUIRE(!memcmp(frame, rx_mac, 6));
    RX_REQUIRE(has(frame, count, rx_us[0], 4) || has(frame, count, rx_us[1], 16));
    RX_REQUIRE(has(frame, count, ports[0], 2) || has(frame, count, ports[1], 2));
}

static bool is_over[2];                   // a plain segment, or time, has ended it

static void
live_on(bool may_end)
{
    for (int six = 0; six < 2; six++) {
        struct tcp_info info;
        tcp_info(rx.ends[six].tcp, &info);
        if (may_end && info.state != TCP_ESTABLISHED)
            is_over[six] = true;
        RX_REQUIRE(is_over[six] || (info.state == TCP_ESTABLISHED && info.mss_bytes >= 36));
    }
}

static void
show(const uint8_t *frame, size_t count, bool is_plain_tcp)
{
    if (rx_frame(frame, count))
        is_of_ours(frame, count);
    live_on(is_plain_tcp);
}

// An ICMP error about a connection of ours, with one thing or another wrong.
static void
icmp_error(void)
{
    uint8_t frame[200], shape = next8(), type = next8(), code = next8(), which = next8();
    bool six = shape & 1;
    unsigned options = six ? 0 : (shape >> 2 & 3) * 4u;
    size_t count = RX_QUOTE(six), at = rx_ip(frame, six, shape & 2 ? 5 : 0, six ? 58 : 1, count, options);
    uint32_t seq = rx.ends[six].iss + (uint32_t)(int32_t)(int16_t)next16();
    rx_icmp(frame + at, six, type, code, next16(), shape & 16 ? RX_LISTEN_PORT : RX_PORT, RX_PEER_PORT, seq);
    frame[at + 8 + which % (count - 8)] ^= shape & 32 ? next8() : 0;
    rx_icmp_sum(frame + at, six, count);
    if (shape & 64)
        frame[14 + which % (at + count - 14)] ^= next8();
    show(frame, at + count - (shape & 128 ? which % 40 : 0), false);
}

// A segment behind options or extension headers, or a piece of one.
static void
odd_segment(void)
{
    uint8_t frame[600], shape = next8(), headers[64];
    bool six = shape & 1;
    size_t n = six ? next_bytes(headers, (shape >> 2 & 7) * 8u) : 0, text = next8() & 63;
    unsigned options = six ? 0 : (1 + (shape >> 2 & 7)) * 4u;
    uint8_t protocol = six && n ? next8() : 6;
    size_t at = rx_ip(frame, six, shape & 2 ? 5 : 0, protocol, n + 20 + text, options);
    memcpy(frame + at, headers, n);
    if (!six && shape & 64)
        bytes_store_be16(frame + at - 20 - options + 6, next16());
    memset(frame + at + n, 0x5A, 20 + text);
    uint16_t from = shape & 32 ? RX_PEER_PORT : next16();
    rx_tcp(frame + at + n, six, from, shape & 32 ? RX_PORT : RX_LISTEN_PORT, 7001, rx.ends[six].iss + 1, next8(), text);
    show(frame, at + n + 20 + text - (shape & 128 ? next8() % 20 : 0), six && !n);
}

static void
one_operation(void)
{
    uint8_t what = next8(), frame[FRAME_MAX];
    size_t count;
    switch (what & 3) {
    case 0:
        count = next_bytes(frame, next16() % FRAME_MAX);
        if (count >= 14 && what & 4)
            memcpy(frame, rx_mac, 6);
        if (count >= 34 && what & 8)
            memcpy(frame + 30, rx_us[0], 4);
        show(frame, count, true);
        break;
    case 1: icmp_error(); break;
    case 2: odd_segment(); break;
    default:
        rx_pass(next16());
        live_on(true);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    input_left = size;
    is_over[0] = is_over[1] = false;
    rx_open();
    rx_establish(0);
    rx_establish(1);
    while (input_left)
        one_operation();
    rx_close();
    return 0;
}
