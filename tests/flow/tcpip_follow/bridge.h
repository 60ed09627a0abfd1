// SPDX-License-Identifier: MIT
// What stands between the two boxes: frames go through as they are, unless the test has said otherwise. It is a bridge that may show the
// second box under other MAC addresses, a path that is too narrow and says so, and, when asked to, two routers.
#ifndef NBX_TESTS_FLOW_TCPIP_FOLLOW_BRIDGE_H
#define NBX_TESTS_FLOW_TCPIP_FOLLOW_BRIDGE_H

#include "../tcpip/kit.h"

#define BRIDGE_FIRST "addresses: [10.0.0.1/24, \"fd00::1/64\"]"
#define BRIDGE_SECOND "addresses: [10.0.0.2/24, \"fd00::2/64\"]"

struct bridge {
    // Set by the test.
    uint32_t mtu_bytes;              // of packets from the first box; 0: any. What is larger is answered by ICMP
    bool is_mute;                    // ... or not
    uint8_t shown[6];                // the second box's MAC as the first sees it
    bool is_secret;                  // the second box's own questions show its MAC before the last bridge_show, and are answered to that
    bool is_routed;                  // 10.0.0.253 and 10.0.0.254 are routers to the second box, or fe80::fd and fe80::fe
    // Counted.
    uint32_t frames, too_big, stray; // of the first box: to the MAC shown; too big; to another one
    uint32_t largest_bytes;          // packet of the first box that went through
    uint32_t asked_one, asked_all;   // questions of the first box, to the address itself and to all
    uint32_t by_router[2];           // packets of the first box
    uint32_t asked_silent;           // questions of the first box for the IPv6 router that does not answer
    uint32_t segments[2];            // of TCP that went through, of each box
};
extern struct bridge bridge;

void bridge_open(void);              // in the first box; everything above is 0 then, shown is the second box's own
void bridge_close(void);
// The second box says what its MAC is, as the bridge shows it now: an ARP reply that nobody asked for, or a neighbor advertisement.
void bridge_announce(void);
// "Too big" about a segment of the first box's, whose sequence number is off by so much; of the last that went through.
void bridge_forge_too_big(uint32_t mtu_bytes, uint32_t off_by);
// A router advertisement to the first box: of router 0 or 1, or of 2, who says no MAC and is silent. lifetime_s 0: it is none any more.
void bridge_advertise(unsigned router, bool is_preferred, uint16_t lifetime_s);
void bridge_show(uint8_t last);      // the second box under another MAC: 02:77:00:00:00:last

#endif
