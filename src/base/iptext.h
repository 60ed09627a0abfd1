// SPDX-License-Identifier: MIT
// IP addresses as text. All in ASCII; the front doors widen and narrow.
#ifndef NBX_BASE_IPTEXT_H
#define NBX_BASE_IPTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPTEXT_BYTES 66               // the longest: [address%scope]:port and a terminator

// Write without terminator; return the length.
size_t iptext4_put(const uint8_t address[4], char *text);
size_t iptext6_put(const uint8_t address[16], char *text);
// With port (network order) and scope where they are not 0.
size_t iptext4_put_full(const uint8_t address[4], uint16_t port, char *text);
size_t iptext6_put_full(const uint8_t address[16], uint32_t scope, uint16_t port, char *text);

// Read from a terminated text. *end is the index of the first character that does not belong to the address.
// strict: four decimal parts; else what inet_aton takes: one to four parts, 0x and 0 prefixes.
bool iptext4_get(const char *text, bool strict, uint8_t address[4], size_t *end);
bool iptext6_get(const char *text, uint8_t address[16], size_t *end);
// The whole text, with an optional port (written in network order) and scope.
bool iptext4_get_full(const char *text, bool strict, uint8_t address[4], uint16_t *port);
bool iptext6_get_full(const char *text, uint8_t address[16], uint32_t *scope, uint16_t *port);

#endif
