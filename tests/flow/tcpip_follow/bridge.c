// SPDX-License-Identifier: MIT
// See bridge.h. Two ports in the first box; each frame is looked at, perhaps rewritten, and sent on by the other.
//   from the first box: router_take -> shown -> too_big -> on          from the second: its MAC as shown (Ethernet, ARP, ND) -> on
#include "bridge.h"

#include <string.h>

#include "base/bytes.h"
#include "base/csum.h"
#include "nbx/port.h"

#define SLOTS 16
#define FRAME_BYTES 2048

struct bridge bridge;

static struct nbx_port *ports[2];
static KSPIN_LOCK lock;
static uint8_t macs[2][6];            // of the boxes' adapters, as they are heard
static uint8_t before[6];             // what bridge.shown was
static uint8_t last_packet[120];      // the beginning of the first box's last IP packet with TCP data
static uint32_t last_bytes;
static const uint8_t router_mac[2][6] = {{2, 0x66, 0, 0, 0, 1}, {2, 0x66, 0, 0, 0, 2}}, far_mac[6] = {2, 0x66, 0, 0, 0, 9};

static bool
is_tcp(const uint8_t *frame)
{
    uint16_t type = bytes_load_be16(frame + 12);
    return (type == 0x0800 && frame[23] == 6) || (type == 0x86DD && frame[20] == 6);
}

static void
frame_send(unsigned to, const uint8_t *frame, uint32_t bytes)
{
    bridge.segments[!to] += is_tcp(frame);
    struct iovec iov = {(void *)frame, bytes};
    struct port_frame out = {.iov = &iov, .iov_count = 1, .bytes = bytes};
    nbx_port_tx(ports[to], &out, 1); // a full wire loses it, as wires do
}

// ---- checksums and headers --------------------------------------------------------------------------------------------------------

static void
icmp6_sum(uint8_t *ip, uint32_t l4_bytes)
{
    memset(ip + 42, 0, 2);
    uint16_t sum = csum_finish(csum_add(csum_pseudo6(ip + 8, ip + 24, 58, l4_bytes), ip + 40, l4_bytes));
    memcpy(ip + 42, &sum, 2);
}

static uint32_t
ip_begin(uint8_t *frame, bool is_six, const uint8_t *source, const uint8_t *destination, uint32_t l4_bytes)
{
    uint8_t *ip = frame + 14;
    memcpy(frame, macs[0], 6);
    memcpy(frame + 6, bridge.shown, 6);
    bytes_store_be16(frame + 12, is_six ? 0x86DD : 0x0800);
    if (is_six) {
        ip[0] = 0x60;
        bytes_store_be16(ip + 4, (uint16_t)l4_bytes);
        ip[6] = 58;
        ip[7] = 255;
        memcpy(ip + 8, source, 16);
        memcpy(ip + 24, destination, 16);
        return 54;
    }
    ip[0] = 0x45;
    bytes_store_be16(ip + 2, (uint16_t)(20 + l4_bytes));
    ip[8] = 64;
    ip[9] = 1;
    memcpy(ip + 12, source, 4);
    memcpy(ip + 16, destination, 4);
    uint16_t sum = csum_of(ip, 20);
    memcpy(ip + 10, &sum, 2);
    return 34;
}

// A router's word about a packet of the first box [RFC 792, RFC 1191, RFC 4443 3.2].
static void
too_big_send(const uint8_t *packet, uint32_t bytes, uint32_t mtu_bytes)
{
    static const uint8_t router4[4] = {10, 0, 0, 254}, router6[16] = {0xfd, [15] = 0xFE};
    uint8_t frame[256] = {0};
    bool is_six = packet[0] >> 4 == 6;
    uint32_t quoted = bytes < 100 ? bytes : 100, l4_bytes = 8 + quoted;
    uint8_t *icmp = frame + ip_begin(frame, is_six, is_six ? router6 : router4, packet + (is_six ? 8 : 12), l4_bytes);
    icmp[0] = is_six ? 2 : 3;
    icmp[1] = is_six ? 0 : 4;
    bytes_store_be32(icmp + 4, mtu_bytes);
    memcpy(icmp + 8, packet, quoted);
    if (is_six) {
        icmp6_sum(frame + 14, l4_bytes);
    } else {
        uint16_t sum = csum_of(icmp, l4_bytes);
        memcpy(icmp + 2, &sum, 2);
    }
    frame_send(0, frame, (uint32_t)(icmp - frame) + l4_bytes);
}

// ---- from the first box -----------------------------------------------------------------------------------------------------------

static void
arp_answer(const uint8_t *question, unsigned to, const uint8_t *mac)
{
    uint8_t frame[60] = {0};
    memcpy(frame, question + 6, 6);
    memcpy(frame + 6, mac, 6);
    memcpy(frame + 12, "\x08\x06\0\1\x08\0\6\4\0\2", 10);
    memcpy(frame + 22, mac, 6);
    memcpy(frame + 28, question + 38, 4);
    memcpy(frame + 32, question + 22, 10);
    frame_send(to, frame, sizeof frame);
}

static const uint8_t router6[16] = {0xFE, 0x80, [15] = 0xFD}, far6[16] = {0xFD, 9, [15] = 0xFE};

// A neighbor advertisement of a router, about the address that it was asked for [RFC 4861 4.4].
static void
nd_answer(const uint8_t *question, unsigned to, const uint8_t *mac)
{
    uint8_t frame[96] = {0};
    ip_begin(frame, true, question + 62, question + 22, 32);
    memcpy(frame, question + 6, 6);
    memcpy(frame + 6, mac, 6);
    frame[54] = 136;
    frame[58] = 0xE0; // router, solicited, override
    memcpy(frame + 62, question + 62, 16);
    frame[78] = 2;
    frame[79] = 1;
    memcpy(frame + 80, mac, 6);
    icmp6_sum(frame + 14, 32);
    frame_send(to, frame, 86);
}

static bool
is_question(const uint8_t *frame)
{
    uint16_t type = bytes_load_be16(frame + 12);
    return (type == 0x0806 && bytes_load_be16(frame + 20) == 1) || (type == 0x86DD && frame[20] == 58 && frame[54] == 135);
}

static bool
is_answer(const uint8_t *frame)
{
    uint16_t type = bytes_load_be16(frame + 12);
    return (type == 0x0806 && bytes_load_be16(frame + 20) == 2) || (type == 0x86DD && frame[20] == 58 && frame[54] == 136);
}

static bool
is_for_router(const uint8_t *frame)
{
    static const uint8_t prefix[3] = {10, 0, 0};
    return bytes_load_be16(frame + 12) == 0x0806 && !memcmp(frame + 38, prefix, 3) && frame[41] >= 253;
}

// IPv6 between the routers: questions are answered, what is for a router goes on, all else ends here. FALSE: it does not go on
static bool
route6(uint8_t *frame, unsigned from)
{
    bool is_first = from == 0;
    if (is_question(frame)) {
        if (is_first && !memcmp(frame + 62, router6, 15) && (frame[77] == 0xFD || frame[77] == 0xFE))
            nd_answer(frame, 0, router_mac[frame[77] - 0xFD]);
        bridge.asked_silent += is_first && !memcmp(frame + 62, router6, 15) && frame[77] == 0xFF;
        if (!is_first && !memcmp(frame + 62, far6, 16))
            nd_answer(frame, 1, far_mac);
        return false;
    }
    if (frame[0] & 1)
        return false;
    unsigned which = !memcmp(frame, router_mac[1], 6);
    if (is_first && !which && memcmp(frame, router_mac[0], 6)) {
        bridge.stray++;
        return false;
    }
    bridge.by_router[which] += is_first;
    memcpy(frame, macs[!from], 6);
    memcpy(frame + 6, is_first ? far_mac : router_mac[0], 6);
    return true;
}

static uint32_t
packet_bytes(const uint8_t *ip)
{
    return ip[0] >> 4 == 6 ? 40u + bytes_load_be16(ip + 4) : bytes_load_be16(ip + 2);
}

static void
packet_note(const uint8_t *ip, uint32_t bytes)
{
    uint32_t header = ip[0] >> 4 == 6 ? 40 : 20;
    if ((ip[0] >> 4 == 6 ? ip[6] : ip[9]) != 6 || bytes <= header + 60)
        return;
    last_bytes = bytes < sizeof last_packet ? bytes : sizeof last_packet;
    memcpy(last_packet, ip, last_bytes);
}

static void
from_first(uint8_t *frame, uint32_t bytes)
{
    uint16_t type = bytes_load_be16(frame + 12);
    memcpy(macs[0], frame + 6, 6);
    if (is_question(frame))
        (*(frame[0] & 1 ? &bridge.asked_all : &bridge.asked_one))++;
    if (bridge.is_routed && is_question(frame) && is_for_router(frame)) {
        arp_answer(frame, 0, router_mac[frame[41] - 253]);
        return;
    }
    if (bridge.is_routed && type == 0x0800) {
        unsigned which = !memcmp(frame, router_mac[1], 6);
        bridge.by_router[which]++;
        if (!which && memcmp(frame, router_mac[0], 6)) {
            bridge.stray++;
            return;
        }
        memcpy(frame, macs[1], 6);
        memcpy(frame + 6, far_mac, 6);
    } else if (bridge.is_routed && type == 0x86DD) {
        if (!route6(frame, 0))
            return;
    } else if (!(frame[0] & 1)) {
        bool is_to_before = bridge.is_secret && is_answer(frame) && !memcmp(frame, before, 6);
        if (memcmp(frame, bridge.shown, 6) && !is_to_before) {
            bridge.stray++;
            return;
        }
        bridge.frames++;
        memcpy(frame, macs[1], 6);
    }
    if (type == 0x0800 || type == 0x86DD) {
        uint32_t packet = packet_bytes(frame + 14);
        packet_note(frame + 14, packet);
        if (bridge.mtu_bytes && packet > bridge.mtu_bytes) {
            bridge.too_big++;
            if (!bridge.is_mute)
                too_big_send(frame + 14, packet, bridge.mtu_bytes);
            return;
        }
        bridge.largest_bytes = packet > bridge.largest_bytes ? packet : bridge.largest_bytes;
    }
    if (type == 0x0806 && (!memcmp(frame + 32, bridge.shown, 6) || !memcmp(frame + 32, before, 6)))
        memcpy(frame + 32, macs[1], 6);
    frame_send(1, frame, bytes);
}

// ---- from the second box ----------------------------------------------------------------------------------------------------------

// Its MAC, where frames say it: as the bridge shows it.
static void
show(uint8_t *frame, uint32_t bytes, const uint8_t *mac)
{
    uint16_t type = bytes_load_be16(frame + 12);
    memcpy(frame + 6, mac, 6);
    if (type == 0x0806)
        memcpy(frame + 22, mac, 6);
    if (type != 0x86DD || frame[20] != 58 || (frame[54] != 135 && frame[54] != 136))
        return;
    uint32_t l4_bytes = bytes_load_be16(frame + 18);
    for (uint32_t at = 78; at + 8 <= 54 + l4_bytes && at + 8 <= bytes && frame[at + 1]; at += frame[at + 1] * 8u)
        if (frame[at] == 1 || frame[at] == 2)
            memcpy(frame + at + 2, mac, 6);
    icmp6_sum(frame + 14, l4_bytes);
}

static void
from_second(uint8_t *frame, uint32_t bytes)
{
    bool is_first = !memcmp(macs[1], (uint8_t[6]){0}, 6);
    memcpy(macs[1], frame + 6, 6);
    if (is_first && !memcmp(bridge.shown, (uint8_t[6]){0}, 6))
        memcpy(bridge.shown, macs[1], 6);
    if (bridge.is_routed && bytes_load_be16(frame + 12) == 0x0806) {
        if (is_question(frame) && frame[41] >= 253)
            arp_answer(frame, 1, far_mac);
        return;
    }
    if (bridge.is_routed && bytes_load_be16(frame + 12) == 0x0800) {
        memcpy(frame, macs[0], 6);
        memcpy(frame + 6, router_mac[0], 6);
    } else if (bridge.is_routed && bytes_load_be16(frame + 12) == 0x86DD) {
        if (!route6(frame, 1))
            return;
    } else {
        show(frame, bytes, bridge.is_secret && is_question(frame) ? before : bridge.shown);
    }
    frame_send(0, frame, bytes);
}

// ---- ports ------------------------------------------------------------------------------------------------------------------------

static void
on_rx(void *context)
{
    static uint8_t buffers[2][SLOTS][FRAME_BYTES];
    unsigned from = (unsigned)(uintptr_t)context;
    struct port_slot slots[SLOTS];
    KIRQL irql;
    uint32_t got;
    do {
        for (unsigned i = 0; i < SLOTS; i++)
            slots[i] = (struct port_slot){.buffer = buffers[from][i], .capacity_bytes = FRAME_BYTES};
        got = nbx_port_rx(ports[from], slots, SLOTS);
        KeAcquireSpinLock(&lock, &irql);
        for (uint32_t i = 0; i < got; i++) {
            memset((uint8_t *)slots[i].buffer + slots[i].bytes, 0, slots[i].bytes < 100 ? 100 - slots[i].bytes : 0);
            (from ? from_second : from_first)(slots[i].buffer, slots[i].bytes);
        }
        KeReleaseSpinLock(&lock, irql);
    } while (got);
}

static void
on_tx_ready(void *context)
{
}

static void
on_link(void *context, bool up, uint64_t bits_per_second)
{
}

void
bridge_open(void)
{
    static const struct port_upcalls upcalls = {on_rx, on_tx_ready, on_link};
    char error[200];
    memset(&bridge, 0, sizeof(bridge));
    memset(macs, 0, sizeof(macs));
    memset(before, 0, sizeof(before));
    last_bytes = 0;
    KeInitializeSpinLock(&lock);
    for (uintptr_t i = 0; i < 2; i++) {
        ck_assert_int_eq(nbx_port_open(i ? "wire:wan" : "wire:lan", &upcalls, (void *)i, &ports[i], error, sizeof(error)), 0);
        ck_assert_int_eq(nbx_port_rx_accept(ports[i], false, false, false), 0);
    }
    nbx_port_start(ports[0]);
    nbx_port_start(ports[1]);
}

void
bridge_close(void)
{
    nbx_port_close(ports[0]);
    nbx_port_close(ports[1]);
}

// ---- what the test says -----------------------------------------------------------------------------------------------------------

void
bridge_show(uint8_t last)
{
    KIRQL irql;
    KeAcquireSpinLock(&lock, &irql);
    memcpy(before, bridge.shown, 6);
    memcpy(bridge.shown, (uint8_t[6]){2, 0x77, 0, 0, 0, last}, 6);
    KeReleaseSpinLock(&lock, irql);
}

void
bridge_announce(void)
{
    static const uint8_t second4[4] = {10, 0, 0, 2}, second6[16] = {0xfd, [15] = 2}, all6[16] = {0xFF, 2, [15] = 1};
    bool is_six = tn_net.place == TN_TWO6;
    uint8_t frame[96] = {0};
    KIRQL irql;
    KeAcquireSpinLock(&lock, &irql);
    if (is_six) {
        ip_begin(frame, true, second6, all6, 32);
        memcpy(frame, "\x33\x33\0\0\0\1", 6);
        frame[54] = 136;
        frame[58] = 0x20; // override
        memcpy(frame + 62, second6, 16);
        frame[78] = 2;
        frame[79] = 1;
        memcpy(frame + 80, bridge.shown, 6);
        icmp6_sum(frame + 14, 32);
        frame_send(0, frame, 86);
    } else {
        memset(frame, 0xFF, 6);
        memcpy(frame + 6, bridge.shown, 6);
        memcpy(frame + 12, "\x08\x06\0\1\x08\0\6\4\0\1", 10);
        memcpy(frame + 22, bridge.shown, 6);
        memcpy(frame + 28, second4, 4);
        memcpy(frame + 38, second4, 4);
        frame_send(0, frame, 60);
    }
    KeReleaseSpinLock(&lock, irql);
}

void
bridge_advertise(unsigned router, bool is_preferred, uint16_t lifetime_s)
{
    static const uint8_t all6[16] = {0xFF, 2, [15] = 1}, silent_mac[6] = {2, 0x66, 0, 0, 0, 3};
    uint8_t frame[96] = {0}, source[16];
    uint32_t bytes = router < 2 ? 24 : 16; // the last eight are its MAC
    KIRQL irql;
    memcpy(source, router6, 16);
    source[15] += (uint8_t)router;
    KeAcquireSpinLock(&lock, &irql);
    ip_begin(frame, true, source, all6, bytes);
    memcpy(frame, "\x33\x33\0\0\0\1", 6);
    memcpy(frame + 6, router < 2 ? router_mac[router] : silent_mac, 6);
    frame[54] = 134; // [RFC 4861 4.2], the preference [RFC 4191 2.2]
    frame[59] = is_preferred ? 0x08 : 0;
    bytes_store_be16(frame + 60, lifetime_s);
    if (router < 2) {
        frame[70] = frame[71] = 1;
        memcpy(frame + 72, router_mac[router], 6);
    }
    icmp6_sum(frame + 14, bytes);
    frame_send(0, frame, 54 + bytes);
    KeReleaseSpinLock(&lock, irql);
}

void
bridge_forge_too_big(uint32_t mtu_bytes, uint32_t off_by)
{
    uint8_t packet[sizeof last_packet];
    KIRQL irql;
    KeAcquireSpinLock(&lock, &irql);
    ck_assert_uint_ne(last_bytes, 0);
    memcpy(packet, last_packet, last_bytes);
    uint8_t *seq = packet + (packet[0] >> 4 == 6 ? 44 : 24);
    bytes_store_be32(seq, bytes_load_be32(seq) + off_by);
    too_big_send(packet, last_bytes, mtu_bytes);
    KeReleaseSpinLock(&lock, irql);
}
