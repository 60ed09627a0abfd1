// SPDX-License-Identifier: MIT
// A peer that says exactly what a test writes: raw segments into one engine, and what the engine answers, taken apart. Numbers are
// relative: the peer's first sequence number is 0 (its SYN), the engine's is 0 too.
//   peer_create -> peer_accepts or peer_opens (to ESTABLISHED, or by hand with peer_say) -> peer_say, peer_expect ... -> peer_destroy
#ifndef NBX_TESTS_TCP_PEER_H
#define NBX_TESTS_TCP_PEER_H

#include "engine/tcp/tcp.h"
#include "harness/harness.h"

enum {
    F = 1,
    S = 2,
    R = 4,
    P = 8,
    A = 16,
    U = 32,
    E = 64,
    C = 128
};

#define PEER_ISS 0xFFFFFF00u            // so that numbers wrap early in every test
#define PEER_PORT 40000
#define OWN_PORT 80

// A segment: numbers relative, window unscaled as in the header.
struct said {
    unsigned flags;
    uint32_t seq, ack, window, bytes;
    uint8_t options[40];
    unsigned option_bytes;
    uint16_t urgent;
    uint8_t traffic_class;
    uint8_t hop_limit;
    uint32_t place;                     // of the text in the peer's stream (sent ones: seq - 1)
    uint8_t text[70000];
    bool has_mss, has_scale, has_sack_ok, has_ts;
    uint16_t mss;
    uint8_t scale, n_sacks;
    uint32_t ts_value, ts_echo, sacks[8];
    uint16_t mss_bytes;                 // of a super-segment
    bool dont_fragment, partial;
    uint8_t ip_options[40], n_ip_options;
    struct eng_address destination;     // of the IP header
};

struct peer {
    struct eng_memory memory;
    size_t blocks;
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    struct tcp *tcp;
    struct tcp_params params;
    struct eng_address own, other;
    struct tcp_listener *listener;
    struct tcp_connection *connection;  // the one that matters
    struct tcp_open open;
    uint64_t now_us;
    uint32_t iss;                       // the engine's, known from its SYN
    bool has_iss;
    uint32_t events;                    // of the connection, since they were last read
    unsigned in_flags;                  // of eng_in for what is said next
    uint8_t coalesced, traffic_class;
    bool break_sum;                     // of what is said
    bool from_own_port;
    enum tcp_taken taken;               // what became of the last one
    uint32_t ts_value;                  // the peer's timestamp, when has_ts
    uint32_t ts_echo;
    bool has_ts;                        // put one on everything that is said
    struct said heard;
    uint8_t options[40];                // for the peer's SYN
    unsigned option_bytes;
    uint32_t syn_window;
    uint8_t ip_options[40];             // what is said comes under an IP header with these, a source route among them
    unsigned n_ip_options;
};

void peer_create(struct peer *peer, const struct tcp_params *params);    // NULL: the default ones
void peer_destroy(struct peer *peer);

// Say a segment. text comes from the peer's stream at its sequence number.
void peer_say(struct peer *peer, unsigned flags, uint32_t seq, uint32_t ack, uint32_t window, uint32_t bytes);
void peer_say_with(struct peer *peer, unsigned flags, uint32_t seq, uint32_t ack, uint32_t window, uint32_t bytes, const void *options,
                   unsigned option_bytes, uint16_t urgent);

// The next segment that the engine sent, or NULL.
struct said *peer_hear(struct peer *peer);
// It must be this: flags, relative numbers and the count of text bytes.
struct said *peer_expect(struct peer *peer, unsigned flags, uint32_t seq, uint32_t ack, uint32_t bytes);
void peer_silence(struct peer *peer);

// Let time pass; deadlines fire in their order. What the engine sends waits in the outbox.
void peer_wait(struct peer *peer, uint64_t us);
// Events of the connection since the last call.
uint32_t peer_events(struct peer *peer);
struct tcp_info peer_info(struct peer *peer);
enum tcp_state peer_state(struct peer *peer);

// To ESTABLISHED: the peer opens (to a listener that accepts), or the engine does. Nothing is left to hear. window is the peer's.
void peer_opens(struct peer *peer, uint32_t window);
void peer_accepts(struct peer *peer, uint32_t window);

// The same, where the peer's options have timestamps: its own begin at ts.
void peer_opens_with_ts(struct peer *peer, uint32_t window, uint32_t ts);
// A SYN of a peer at IPv6 addresses without options, accepted and acknowledged.
void peer_syn6(struct peer *peer);
// A SYN-ACK with text behind it.
void peer_say_text_with_syn(struct peer *peer, uint32_t bytes);

// Send from the engine's stream; done sends are freed at once when they come back.
void peer_send(struct peer *peer, uint32_t bytes, uint32_t flags);
int peer_try_send(struct peer *peer, uint32_t bytes, uint32_t flags);
void peer_item_free(struct tcp_send *send);
// Sends that ended since the last call: how many, and the last one's status and bytes.
unsigned peer_done(struct peer *peer, int *status, uint64_t *bytes);
// Read and take up to `most` bytes, all of which must be the stream's.
uint32_t peer_read(struct peer *peer, uint32_t most);

uint8_t peer_byte(bool is_own, uint32_t place);

#endif
