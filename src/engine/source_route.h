// SPDX-License-Identifier: MIT
// IPv4 source routes [RFC 791 3.1, RFC 1122 3.2.1.8]: options that a client gives, as a packet carries them; and the way back of a route
// that a packet came by. Nothing here sends or keeps anything: IP checks and drops with it, TCP keeps one in each connection that has one.
//   source_route_given   a client's options -> what goes into the header, and the first hop, which the header's destination is
//   source_route_look    received options: well-formed, a route, at its end?
//   source_route_back    a received route at its end -> the return route
//   source_route_put     onto a packet
#ifndef NBX_ENGINE_SOURCE_ROUTE_H
#define NBX_ENGINE_SOURCE_ROUTE_H

#include "engine/engine.h"

// Options for an IPv4 header.
struct source_route {
    uint8_t n_bytes;                    // of them, a multiple of 4; 0: none
    bool has_hop;
    uint8_t hop[4];                     // where the packet goes first, with has_hop
    uint8_t bytes[ENG_IP_OPTIONS_BYTES];
};

/* A client's options: no-operations, an end, and at most one source route, loose or strict, with its pointer at the first address. Its
 * addresses are the hops on the way to `destination`, which is not among them.
 * fails: false for anything else, for a hop that no packet can go to, and for more than 40 bytes; *route is then not written */
bool source_route_given(const uint8_t *options, size_t n_bytes, const struct eng_address *destination, struct source_route *route);

struct source_route_seen {
    uint8_t at, n_addresses;            // of the route's option, when there is one (n_bytes is not 0)
    uint8_t n_bytes;
    uint8_t done;                       // addresses that the pointer has passed
    uint8_t bad_at;                     // where the options are wrong, from their start
    bool has_route;                     // good or not
};

// Look through the options of a received header. false: they are wrong at bad_at, or there are two routes.
bool source_route_look(const uint8_t *options, size_t n_bytes, struct source_route_seen *seen);

// Is the route of `seen` at its end, and can each of its addresses be a hop?
bool source_route_is_complete(const uint8_t *options, const struct source_route_seen *seen);

/* The way back to `source` of the route in the header that `in` begins with at ip_at_bytes.
 * fails: false without a route at its end, or when it goes by nobody: then the way back is the plain one */
bool source_route_back(const struct eng_in *in, struct source_route *route);

// Give a packet these options and their first hop; its source and destination are set before.
void source_route_put(struct eng_out *out, const struct source_route *route);

// Where a packet of ours goes in the end, whose header has these options: the last address of a route that is not at its end yet.
void source_route_end(const uint8_t *options, size_t n_bytes, struct eng_address *destination);

#endif
