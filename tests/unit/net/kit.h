// SPDX-License-Identifier: MIT
// Hosts on a hub: instances of the IP engine whose frames go to all others, in virtual time. Each frame is a block of its own that is
// freed when the last hold is dropped, in one piece or in several, so that ASan sees every byte that is read too late or too far.
//   kit_open -> kit_address ... kit_pump (deliver until it is quiet), kit_until (pass time) -> host->got -> kit_close
#ifndef NBX_TESTS_UNIT_NET_KIT_H
#define NBX_TESTS_UNIT_NET_KIT_H

#include "base/bytes.h"
#include "base/csum.h"
#include "engine/stack.h"
#include "harness/harness.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KIT_HOSTS 4
#define KIT_GOT 128
#define KIT_FRAMES 512

struct kit_got {
    struct net_result result;
    uint8_t *bytes;                 // of the payload
    uint32_t count;
};

struct kit_frame {
    uint8_t *bytes;
    uint32_t count;
    unsigned from;
};

struct kit_host {
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    struct net *net;
    uint32_t index;                 // of the interface on the hub
    uint8_t link[6];
    struct kit_got got[KIT_GOT];
    unsigned n_got;
    struct net_event events[256];
    unsigned n_events;
};

extern struct kit_host kit[KIT_HOSTS];
extern unsigned kit_hosts;
extern uint64_t kit_now_us;
extern struct kit_frame kit_frames[KIT_FRAMES];     // what was on the hub, in order
extern unsigned kit_n_frames;
extern bool (*kit_on_frame)(struct kit_frame *frame); // false: lost
extern void (*kit_on_result)(unsigned host, struct net_result *result);     // NULL: kept in got
extern void (*kit_on_time)(unsigned host);          // after each net_run
extern uint64_t (*kit_next_us)(unsigned host);      // another deadline
extern unsigned kit_piece_bytes;                    // 0: one span a frame
extern bool kit_no_owner;

// Open hosts with these settings for the interface (NULL: MTU 1500, no probes) and for the instance (NULL: none).
void kit_open(unsigned hosts, const struct net_interface_settings *settings, const struct net_settings *net_settings);

// Everything is given back, and is checked to have been.
void kit_close(void);
void kit_forget(void);              // what was got and seen
void kit_address(unsigned host, const char *text, unsigned prefix_bits);
struct eng_address kit_parse(const char *text);

// Deliver what lies in the outboxes, and what comes of it.
void kit_pump(void);

// Pass time, timers and frames, until now + after_us.
void kit_pass(uint64_t after_us);

// A frame by hand, to one host.
void kit_inject(unsigned host, const void *bytes, size_t count);
void kit_inject_flags(unsigned host, const void *bytes, size_t count, uint32_t flags);
int kit_send_udp(unsigned host, struct net_udp *udp, const struct eng_address *to, uint16_t port, const void *bytes, size_t count);
struct net_udp *kit_udp(unsigned host, const char *local, uint16_t port);
uint64_t kit_count(unsigned host, enum net_count count);

// Frames by hand: each returns how many bytes it wrote.
size_t kit_eth(uint8_t *at, const uint8_t *to, const uint8_t *from, unsigned type);
size_t kit_ip4(uint8_t *at, const struct eng_address *source, const struct eng_address *destination, uint8_t protocol,
               size_t payload_bytes);
void kit_ip4_sum(uint8_t *ip);
size_t kit_ip6(uint8_t *at, const struct eng_address *source, const struct eng_address *destination, uint8_t next, size_t payload_bytes);
void kit_icmp6_sum(uint8_t *ip, uint8_t *message, size_t bytes);
size_t kit_udp4_frame(uint8_t *frame, unsigned host, const char *source, const char *destination, uint16_t from, uint16_t to,
                      const void *payload, size_t bytes);

#endif
