// SPDX-License-Identifier: MIT
// What an Ethernet frame is, in one line for people. Wireshark knows more; this is for a glance.
#ifndef NBX_TOOL_FRAME_H
#define NBX_TOOL_FRAME_H

#include <stddef.h>
#include <stdint.h>

// "02:..:0a > 02:..:0b  IPv4 10.0.0.1 > 10.0.0.2  UDP 4000 > 9". Reads no further than bytes; a frame cut short says so.
void frame_describe(const uint8_t *frame, size_t bytes, char *text, size_t room);
// Control characters become ?.
void frame_clean(char *text);

#endif
