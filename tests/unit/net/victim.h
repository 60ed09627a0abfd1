// SPDX-License-Identifier: MIT
// A host under attack: TCP above IP on host 0 of the hub, with a server on port 80 that accepts everybody; a friend on host 1 whose
// connection must stay exact; and strangers, which are frames by hand. What the victim says to strangers is counted and does not come
// to the friend. Every TCP segment that leaves either host is checked: checksum, header, options with their padding.
//   victim_open -> victim_befriend (a connection of the friend) -> shoot ... -> victim_exchange (data both ways, exact) -> victim_close
#ifndef NBX_TESTS_UNIT_NET_VICTIM_H
#define NBX_TESTS_UNIT_NET_VICTIM_H

#include "engine/tcp/tcp.h"
#include "kit.h"

enum { F = 1, S = 2, R = 4, P = 8, A = 16, U = 32 };

// A segment of a stranger (or one that says it is the friend's), or one to him.
struct shot {
    struct eng_address from;
    uint16_t from_port, port, window, urgent;
    uint32_t seq, ack, bytes;
    uint8_t flags, n_options, n_ip_options;
    uint8_t options[40], ip_options[40];
    const uint8_t *text;            // NULL: bytes that belong to nobody
};

// One connection that the server has accepted.
struct served {
    struct served *next;
    struct tcp_connection *connection;      // NULL once it has ended
    struct eng_address from;
    uint16_t from_port;
    uint64_t got_bytes, sent_bytes;
    bool has_fin, is_ended;
    enum tcp_end end;
};

struct victim {
    struct tcp *tcp[2];
    struct tcp_listener *listeners[2];
    struct served *served;          // the newest first
    unsigned n_served;
    struct served *friend_here;     // the friend's connection, at the victim
    struct tcp_connection *friend;  // and at the friend's
    struct eng_address friend_address;
    uint16_t friend_port;
    uint64_t friend_sent, friend_got;
    bool keeps_waiting;             // the server answers no offers
    bool reads_nothing;
    // To strangers, since they were last set to 0.
    unsigned heard, heard_resets, heard_syns;
    uint64_t heard_bytes;
    struct shot last;               // from is whom it went to
    // Of all that left.
    unsigned checked, kinds, padded;    // kinds: a bit for each combination of flags (6 bits) that was seen
    uint8_t mss_seen[2];            // a SYN with MSS, of IPv4 and IPv6
};
extern struct victim victim;

void victim_open(const struct tcp_params *params, const struct net_settings *settings);
void victim_close(void);
void victim_befriend(unsigned family);
// So many bytes each way between victim and friend, exact. fails: the test, when it takes longer than so many seconds.
void victim_exchange(uint64_t bytes, unsigned seconds);
size_t victim_memory(void);         // taken by the victim now

void shoot(const struct shot *shot);
// A handshake by hand; the next numbers are in it afterwards. false: it was not let in.
bool shoot_open(struct shot *shot, uint16_t window);
struct eng_address stranger4(uint32_t number);      // beyond the gateway
struct eng_address stranger6(uint32_t number);

// The server sends to one whom it serves.
void victim_send(struct served *served, uint32_t bytes);
struct served *victim_find(const struct eng_address *from, uint16_t from_port);

#endif
