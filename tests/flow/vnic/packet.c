// SPDX-License-Identifier: MIT
// See packet.h.
#include "packet.h"

#include <string.h>

static uint32_t
get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static void
put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t
sum16(uint32_t sum, const uint8_t *data, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static bool
is_ip6(const uint8_t *frame)
{
    return get16(frame + 12) == 0x86dd;
}

uint32_t
packet_l4(const uint8_t *frame)
{
    return is_ip6(frame) ? 54 : 14 + (frame[14] & 15u) * 4;
}

static uint32_t
protocol(const uint8_t *frame)
{
    return is_ip6(frame) ? frame[20] : frame[23];
}

uint32_t
packet_payload(const uint8_t *frame)
{
    uint32_t l4 = packet_l4(frame);
    return protocol(frame) == 17 ? l4 + 8 : l4 + (frame[l4 + 12] >> 4) * 4u;
}

uint32_t
packet_sequence(const uint8_t *frame)
{
    uint32_t l4 = packet_l4(frame);
    return get16(frame + l4 + 4) << 16 | get16(frame + l4 + 6);
}

static uint32_t
pseudo(const uint8_t *frame, uint32_t l4_bytes)
{
    uint32_t sum = is_ip6(frame) ? sum16(0, frame + 22, 32) : sum16(0, frame + 26, 8);
    sum += protocol(frame) + (l4_bytes >> 16) + (l4_bytes & 0xffff);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

void
packet_finish(uint8_t *frame, uint32_t bytes, uint32_t start, uint32_t offset)
{
    uint32_t sum = ~sum16(0, frame + start, bytes - start) & 0xffff;
    put16(frame + start + offset, !sum && offset == 6 ? 0xffff : sum);
}

bool
packet_is_right(const uint8_t *frame, uint32_t bytes)
{
    uint32_t l4 = packet_l4(frame);
    if (is_ip6(frame) ? get16(frame + 18) != bytes - 54 : get16(frame + 16) != bytes - 14)
        return false;
    if (!is_ip6(frame) && sum16(0, frame + 14, l4 - 14) != 0xffff)
        return false;
    return sum16(pseudo(frame, bytes - l4), frame + l4, bytes - l4) == 0xffff;
}

bool
packet_payload_is(const uint8_t *frame, uint32_t bytes, uint32_t offset)
{
    for (uint32_t i = packet_payload(frame); i < bytes; i++, offset++)
        if (frame[i] != (uint8_t)(offset * 7 + offset / 256))
            return false;
    return true;
}

static void
make_ip(const struct packet *packet, uint8_t *frame, uint32_t l4_bytes)
{
    uint8_t *ip = frame + 14;
    if (packet->ip6) {
        ip[0] = 0x60;
        put16(ip + 4, packet->lso ? 0 : l4_bytes);
        ip[6] = packet->udp ? 17 : 6;
        ip[7] = 64;
        for (uint32_t i = 8; i < 40; i++)
            ip[i] = (uint8_t)(i * 3);
        return;
    }
    ip[0] = 0x45;
    put16(ip + 2, packet->lso ? 0 : l4_bytes + 20);
    put16(ip + 4, 0x1234);
    ip[8] = 64;
    ip[9] = packet->udp ? 17 : 6;
    memcpy(ip + 12, (const uint8_t[]){10, 0, 0, 1, 10, 0, 0, 2}, 8);
    if (!packet->lso)
        put16(ip + 10, ~sum16(0, ip, 20) & 0xffff);
}

uint32_t
packet_make(const struct packet *packet, uint8_t *frame)
{
    uint32_t l4 = packet->ip6 ? 54 : 34, header = packet->udp ? 8 : 32, bytes = l4 + header + packet->payload_bytes;
    uint8_t *transport = frame + l4;
    memset(frame, 0, l4 + header);
    memcpy(frame, (const uint8_t[]){2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, 12);
    put16(frame + 12, packet->ip6 ? 0x86dd : 0x0800);
    make_ip(packet, frame, bytes - l4);
    put16(transport, 1000);
    put16(transport + 2, 2000);
    if (packet->udp) {
        put16(transport + 4, bytes - l4);
    } else {
        put16(transport + 4, packet->sequence >> 16);
        put16(transport + 6, packet->sequence & 0xffff);
        transport[12] = 0x80;
        transport[13] = packet->flags;
        memset(transport + 20, 1, 12);        // no-operation options
    }
    for (uint32_t i = 0; i < packet->payload_bytes; i++)
        frame[l4 + header + i] = (uint8_t)(i * 7 + i / 256);
    uint32_t offset = packet->udp ? 6 : 16;
    put16(transport + offset, pseudo(frame, packet->lso ? 0 : bytes - l4));
    if (!packet->partial && !packet->lso)
        packet_finish(frame, bytes, l4, offset);
    return bytes;
}
