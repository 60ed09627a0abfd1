// SPDX-License-Identifier: MIT
// Ethernet, VLAN, ARP, IPv4, IPv6 and the ports of TCP and UDP in one line (frame.h). Every field is read through a cursor that knows
// where the frame ends [IEEE 802.3 3.1.1, RFC 826, RFC 791 3.1, RFC 8200 3, RFC 9293 3.1, RFC 768].
#include "frame.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

struct line {
    char *text;
    size_t used, room;
};

struct view {
    const uint8_t *data;
    size_t bytes;
};

static void __attribute__((format(printf, 2, 3)))
add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line->text + line->used, line->room - line->used, format, args);
    va_end(args);
    if (length > 0)
        line->used += (size_t)length < line->room - line->used ? (size_t)length : line->room - line->used - 1;
}

// The first bytes of the view, which then begins behind them; NULL when it has not that many.
static const uint8_t *
take(struct view *view, size_t bytes)
{
    if (view->bytes < bytes)
        return NULL;
    const uint8_t *at = view->data;
    view->data += bytes;
    view->bytes -= bytes;
    return at;
}

static unsigned
be16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t
be32(const uint8_t *at)
{
    return (uint32_t)be16(at) << 16 | be16(at + 2);
}

static void
describe_tcp(struct view view, struct line *line)
{
    static const char letters[] = "FSRPAUEC";
    const uint8_t *tcp = take(&view, 20);
    if (!tcp) {
        add(line, "  TCP (cut short)");
        return;
    }
    add(line, "  TCP %u > %u ", be16(tcp), be16(tcp + 2));
    for (int i = 0; i < 8; i++)
        if (tcp[13] >> i & 1)
            add(line, "%c", letters[i]);
    add(line, " seq %u ack %u", be32(tcp + 4), be32(tcp + 8));
}

static void
describe_upper(unsigned protocol, struct view view, struct line *line)
{
    const uint8_t *head;
    switch (protocol) {
    case 6: describe_tcp(view, line); return;
    case 17:
        head = take(&view, 8);
        if (head)
            add(line, "  UDP %u > %u, %u bytes", be16(head), be16(head + 2), be16(head + 4));
        else
            add(line, "  UDP (cut short)");
        return;
    case 1:
    case 58:
        head = take(&view, 4);
        if (head)
            add(line, "  ICMP%s type %u code %u", protocol == 58 ? "v6" : "", head[0], head[1]);
        else
            add(line, "  ICMP%s (cut short)", protocol == 58 ? "v6" : "");
        return;
    default: add(line, "  protocol %u", protocol); return;
    }
}

static void
describe_ip4(struct view view, struct line *line)
{
    char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];
    const uint8_t *ip = take(&view, 20);
    size_t options = ip ? (size_t)(ip[0] & 15) * 4 : 0;
    if (!ip || options < 20 || !take(&view, options - 20)) {
        add(line, "  IPv4 (cut short)");
        return;
    }
    inet_ntop(AF_INET, ip + 12, from, sizeof from);
    inet_ntop(AF_INET, ip + 16, to, sizeof to);
    add(line, "  IPv4 %s > %s", from, to);
    unsigned fragment = be16(ip + 6) & 0x1fff;
    if (fragment)
        add(line, "  fragment at %u", fragment * 8);
    else
        describe_upper(ip[9], view, line);
}

static void
describe_ip6(struct view view, struct line *line)
{
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    const uint8_t *ip = take(&view, 40);
    if (!ip) {
        add(line, "  IPv6 (cut short)");
        return;
    }
    inet_ntop(AF_INET6, ip + 8, from, sizeof from);
    inet_ntop(AF_INET6, ip + 24, to, sizeof to);
    add(line, "  IPv6 %s > %s", from, to);
    describe_upper(ip[6], view, line);
}

static void
describe_arp(struct view view, struct line *line)
{
    char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];
    const uint8_t *arp = take(&view, 28);
    if (!arp) {
        add(line, "  ARP (cut short)");
        return;
    }
    inet_ntop(AF_INET, arp + 14, from, sizeof from);
    inet_ntop(AF_INET, arp + 24, to, sizeof to);
    if (be16(arp + 6) == 1)
        add(line, "  ARP who has %s, tell %s", to, from);
    else
        add(line, "  ARP %s is at %02x:%02x:%02x:%02x:%02x:%02x", from, arp[8], arp[9], arp[10], arp[11], arp[12], arp[13]);
}

void
frame_describe(const uint8_t *frame, size_t bytes, char *text, size_t room)
{
    struct line line = {text, 0, room};
    struct view view = {frame, bytes};
    text[0] = 0;
    const uint8_t *eth = take(&view, 14);
    if (!eth) {
        add(&line, "(%zu bytes, no Ethernet header)", bytes);
        return;
    }
    add(&line, "%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x", eth[6], eth[7], eth[8], eth[9], eth[10], eth[11], eth[0],
        eth[1], eth[2], eth[3], eth[4], eth[5]);
    unsigned type = be16(eth + 12);
    for (const uint8_t *tag; type == 0x8100 && (tag = take(&view, 4)); type = be16(tag + 2))
        add(&line, "  VLAN %u", be16(tag) & 0xfff);
    switch (type) {
    case 0x0800: describe_ip4(view, &line); break;
    case 0x86dd: describe_ip6(view, &line); break;
    case 0x0806: describe_arp(view, &line); break;
    default: add(&line, type < 0x600 ? "  802.3 length %u" : "  type 0x%04x", type); break;
    }
}

void
frame_clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 32 || *text == 127)
            *text = '?';
}
