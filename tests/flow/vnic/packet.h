// SPDX-License-Identifier: MIT
// TCP and UDP packets for the offload tests, and a second opinion on their checksums (byte by byte, nothing shared with the driver).
#ifndef NBX_TESTS_FLOW_VNIC_PACKET_H
#define NBX_TESTS_FLOW_VNIC_PACKET_H

#include <stdbool.h>
#include <stdint.h>

struct packet {
    bool ip6, udp;
    uint32_t payload_bytes;
    uint32_t sequence;
    uint8_t flags;                            // TCP
    bool partial;                             // the checksum field holds the pseudo-header's sum only
    bool lso;                                 // as Windows hands it down: no length in the pseudo-header, IPv4 length 0, no checksum
};

#define PACKET_MAX 66000

// Writes the frame, returns its length. TCP has 12 bytes of options. Payload byte i is i * 7 + i / 256.
uint32_t packet_make(const struct packet *packet, uint8_t *frame);
uint32_t packet_l4(const uint8_t *frame);     // offset of the TCP or UDP header
uint32_t packet_payload(const uint8_t *frame);
uint32_t packet_sequence(const uint8_t *frame);
// Lengths agree with bytes, and the IPv4 header's and the TCP or UDP checksum are right.
bool packet_is_right(const uint8_t *frame, uint32_t bytes);
// What the next hop does for PORT_CSUM_NEEDED.
void packet_finish(uint8_t *frame, uint32_t bytes, uint32_t start, uint32_t offset);
// Payload bytes as packet_make put them, from this offset on.
bool packet_payload_is(const uint8_t *frame, uint32_t bytes, uint32_t offset);

#endif
