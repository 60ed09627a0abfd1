// SPDX-License-Identifier: MIT
// One host's IP: interfaces with their addresses, ARP and ND, IPv4 and IPv6, ICMP, routes, groups, UDP. An instance holds no lock:
// its owner calls it from one place at a time. Every call that may send takes an outbox; the packets put there carry the interface
// they leave by (interface_index) and whole frames, except those with ENG_OUT_LOOPBACK, which begin with the IP header and go back
// in by net_input_loopback.
//   in    net_input (a frame from an adapter) or net_input_loopback -> struct net_result: consumed, for TCP, for UDP, for a raw
//         protocol, an ICMP error for the upper layer; net_result_done when the bytes are no longer looked at
//   out   an eng_out with the upper header as its head, addresses and protocol -> net_output: route, source, IP header, fragments,
//         neighbour, Ethernet header, outbox. UDP: net_udp_send
//   time  net_next_deadline_us, net_run; events and errors that come with time: net_event_pop
// What a packet must be and why it is dropped is counted (enum net_count): nothing is dropped without a count.
#ifndef NBX_ENGINE_STACK_H
#define NBX_ENGINE_STACK_H

#include "base/siphash.h"
#include "engine/engine.h"

#define NET_LOOPBACK 1u               // the interface that every instance has
#define NET_INTERFACES_MAX 32u        // indexes are 1 to 31
#define NET_LOOPBACK_MTU_BYTES 65535u

enum net_protocol { NET_ICMP4 = 1, NET_IGMP = 2, NET_TCP = 6, NET_UDP = 17, NET_ICMP6 = 58 };

struct net;
struct net_udp;

// ---- an instance

struct net_settings {
    struct eng_memory *memory;
    struct eng_out_pool *pool;          // where packets come from and go back to
    uint8_t secret[32];                 // keys of hashes, identifiers and delays: nobody outside may know it
    uint32_t neighbours_max;            // 0: 1024
    uint32_t reassembly_bytes;          // of fragments held, all together; 0: 4 MB
    uint32_t reassembly_source_bytes;   // from one source; 0: a quarter of that
    uint32_t icmp_errors_per_second;    // that we send; 0: 100
    bool accepts_redirects;             // IPv4 and IPv6, under the rules of RFC 1122 and 4861
    // TCP hears what came to us by an IPv4 source route, and answers by the way back: whoever is on that way then has the connection, so it
    // is for closed networks [RFC 7126 4.3, 4.4]. All else that came by one is dropped whatever this says.
    bool accepts_source_routes;
};

// owns: returns the instance, with the loopback interface up and 127.0.0.1/8 and ::1/128 on it; net_destroy. fails: NULL, memory.
struct net *net_create(const struct net_settings *settings, uint64_t now_us);

// Give everything back. Every net_result must be done, every packet of the outboxes put back to the pool, every UDP endpoint closed.
void net_destroy(struct net *net);

// The earliest time at which net_run has something to do; ENG_NEVER.
uint64_t net_next_deadline_us(const struct net *net);
void net_run(struct net *net, uint64_t now_us, struct eng_outbox *outbox);

// ---- interfaces

enum net_offload {
    NET_SUM_TCP4 = 1 << 0,              // the adapter finishes partial checksums of
    NET_SUM_UDP4 = 1 << 1,
    NET_SUM_TCP6 = 1 << 2,
    NET_SUM_UDP6 = 1 << 3,
    NET_LSO4 = 1 << 4,                  // the adapter cuts super-segments
    NET_LSO6 = 1 << 5,
    NET_VLAN_TAG = 1 << 6,              // the adapter writes the tag: the frame then has none
};

struct net_interface_settings {
    uint8_t link_address[6];
    uint32_t mtu_bytes;                 // of an IP packet; at least 576, and 1280 for IPv6 to run on it
    uint32_t offloads;                  // enum net_offload
    uint32_t lso_bytes;                 // the largest payload of a super-segment; 0: 65535 less the headers
    uint16_t vlan;                      // 0: untagged, a priority tag is taken
    uint8_t priority;                   // of tagged frames
    uint8_t hop_limit;                  // 0: 64
    uint8_t probes4;                    // ARP probes before an IPv4 address is used [RFC 5227 wants 3]; 0: none
    uint8_t probes6;                    // DupAddrDetectTransmits [RFC 4862 wants 1]; 0: none
    bool no_ip6;
    bool no_autoconfiguration;          // of IPv6 addresses by router advertisements; a link-local address is formed nevertheless
    bool no_router_discovery;           // router advertisements are not listened to
};

// fails: the index, or -EINVAL, -ENOSPC, -ENOMEM. The interface is down until net_interface_up.
int net_interface_add(struct net *net, const struct net_interface_settings *settings);
void net_interface_remove(struct net *net, uint32_t index, uint64_t now_us, struct eng_outbox *outbox);

// The link came or went. With it the addresses are probed (again), groups are reported, routers are asked for.
void net_interface_up(struct net *net, uint32_t index, bool is_up, uint64_t now_us, struct eng_outbox *outbox);

// Offloads may change while the interface runs.
int net_interface_set_offloads(struct net *net, uint32_t index, uint32_t offloads, uint32_t lso_bytes);
const struct net_interface_settings *net_interface_settings_of(const struct net *net, uint32_t index);

// The link's multicast addresses that the adapter must let through, six bytes each. Returns how many there are, which may be more
// than were written.
size_t net_interface_multicast(const struct net *net, uint32_t index, uint8_t (*addresses)[6], size_t room);

// ---- addresses

enum net_address_state {
    NET_ADDRESS_NONE,
    NET_ADDRESS_TENTATIVE,              // being probed: nobody may use it yet
    NET_ADDRESS_PREFERRED,
    NET_ADDRESS_DEPRECATED,             // for what uses it already
    NET_ADDRESS_DUPLICATE,              // somebody else has it
};

struct net_address {
    struct eng_address address;
    uint32_t interface_index;
    uint8_t prefix_bits;
    uint8_t state;                      // enum net_address_state
    bool is_automatic;                  // link-local or by router advertisement
    uint64_t preferred_until_us, valid_until_us;
};

// Give the interface an address, for ever, and the route to its prefix. fails: -EINVAL, -EEXIST, -ENOSPC, -ENOMEM.
int net_address_add(struct net *net, uint32_t index, const struct eng_address *address, uint8_t prefix_bits, uint64_t now_us,
                    struct eng_outbox *outbox);
int net_address_remove(struct net *net, uint32_t index, const struct eng_address *address, uint64_t now_us, struct eng_outbox *outbox);

// The n-th address of the instance; false past the end.
bool net_address_at(const struct net *net, size_t n, struct net_address *address);

// Is this an address of ours that may be used (or bound to)? Its interface, or 0.
uint32_t net_address_is_ours(const struct net *net, const struct eng_address *address);

// The same for one that may not be used yet, or not now: it is being probed, or its link is down. A duplicate is not ours.
uint32_t net_address_is_known(const struct net *net, const struct eng_address *address);

// ---- routes

struct net_route {
    struct eng_address prefix, gateway; // a gateway of :: or 0.0.0.0: on link
    uint8_t prefix_bits;
    uint32_t interface_index, metric;
};

// fails: -EINVAL, -EEXIST, -ENOSPC.
int net_route_add(struct net *net, const struct net_route *route);
int net_route_remove(struct net *net, const struct net_route *route);
bool net_route_at(const struct net *net, size_t n, struct net_route *route);

// ---- neighbours

struct net_neighbour_info {
    struct eng_address address;
    uint32_t interface_index;
    uint8_t link_address[6];
    bool is_known;                      // link_address is; else it is being asked for
};

// Tell of each neighbour.   calls: on_neighbour, which may only note it
void net_neighbours(const struct net *net, void (*on_neighbour)(void *context, const struct net_neighbour_info *info), void *context);

// What a transport wants to know before it sends. source may be the any address: then it is chosen [RFC 6724]. interface_index 0:
// the route says.
struct net_path {
    struct eng_address source, destination;
    uint32_t interface_index;
    uint32_t mtu_bytes;                 // of an IP packet on the whole path, as far as is known
    uint32_t offloads, lso_bytes;       // of the interface
    bool is_loopback, is_on_link, is_broadcast;
};

// fails: -ENETUNREACH, -EADDRNOTAVAIL, -EINVAL.
int net_path_find(struct net *net, struct net_path *path, uint64_t now_us);

// The link address that packets of a path go to, as net_path_find left it. fails: as that; -EAGAIN: nobody has said it yet; -EINVAL: there
// is no single one (loopback, a group)
int net_path_link(struct net *net, const struct net_path *path, uint8_t link[6], uint64_t now_us);

// The same for one who sends to it himself (reach.c): when nobody has said it, the link is asked, and -EAGAIN means: come back, not for the
// first time then, whenever anything happened. A path's neighbour that is known but was not heard of lately is asked as well.
// fails: as net_path_link; -EHOSTUNREACH: it has been asked for and did not answer (or gave way, in a full table); -ENOMEM
int net_path_ask(struct net *net, const struct net_path *path, bool is_first, uint8_t link[6], uint64_t now_us, struct eng_outbox *outbox);

// The upper layer has not heard from this destination for a while: its neighbour is asked whether it is still there.
void net_path_doubt(struct net *net, const struct net_path *path, uint64_t now_us, struct eng_outbox *outbox);

// Who gets the packets of a path next, and what the neighbour cache knows of it.
struct net_next_hop {
    struct eng_address address;
    uint32_t interface_index;
    uint8_t link_address[6];
    bool is_known;                      // link_address is
    bool is_reachable;                  // it was heard of a short time ago [RFC 4861 7.3.2, REACHABLE]
    uint64_t confirmed_us;              // the last time; 0: never
};

// Of a path as net_path_find left it. fails: as net_path_link, but for -EAGAIN
int net_path_hop(struct net *net, const struct net_path *path, struct net_next_hop *hop, uint64_t now_us);

// The same of a next hop whose address and interface are known already.
void net_neighbour_tell(struct net *net, struct net_next_hop *hop, uint64_t now_us);

// Somebody else than a packet of ours (an adapter that has connections of its own) heard of this neighbour at heard_us.
void net_neighbour_confirm(struct net *net, uint32_t interface_index, const struct eng_address *address, uint64_t heard_us,
                           uint64_t now_us);

// A number that changes with addresses, routes, path MTUs and what is known of neighbours: what was found before may be different now.
uint64_t net_generation(const struct net *net);

// The upper layer heard from this destination: its neighbour is reachable [RFC 4861 7.3.1].
void net_path_confirm(struct net *net, const struct eng_address *source, const struct eng_address *destination, uint64_t now_us);

// ---- packets in

enum net_verdict {
    NET_CONSUMED,                       // done with, or dropped
    NET_FOR_TCP,                        // `in` stands at the TCP header, whose checksum is not yet checked
    NET_FOR_UDP,                        // `in` stands at the payload; udp is the first endpoint, net_result_next_udp gives the others
    NET_FOR_RAW,                        // `in` stands at the upper header; a protocol that net_raw_open named
    NET_FOR_ERROR,                      // `error` says what happened to a packet of ours
};

enum net_error_kind {
    NET_ERROR_NETWORK,                  // network or host unreachable: may pass [RFC 1122 4.2.3.9]
    NET_ERROR_HOST,                     // no answer from the neighbour
    NET_ERROR_PROTOCOL,
    NET_ERROR_PORT,
    NET_ERROR_PROHIBITED,
    NET_ERROR_TOO_BIG,                  // mtu_bytes is the path's now
    NET_ERROR_TIME,
    NET_ERROR_PARAMETER,
};

// What happened to a packet that we sent. `local` and `remote` are its source and destination.
struct net_error {
    uint8_t kind;                       // enum net_error_kind
    uint8_t protocol;
    uint8_t type, code;                 // of the ICMP message; 0 when it is our own neighbour that does not answer
    uint32_t mtu_bytes;
    struct eng_address local, remote, from;
    uint8_t upper[20];                  // of its upper header
    uint8_t upper_bytes;                // of them that we have; never less than 8 for TCP and UDP
    struct net_udp *udp;                // who sent it, for UDP
};

struct net_result {
    uint8_t verdict;                    // enum net_verdict
    bool is_raw_too;                    // a raw protocol wants it as well: its packet begins at in.ip_at_bytes, ends at raw_end_bytes
    uint16_t source_port;               // UDP, host order
    uint32_t raw_at_bytes, raw_end_bytes;   // of the upper layer, whatever `in` is advanced to
    struct eng_in in;
    struct net_udp *udp;
    struct net_error error;
    struct eng_owner *owner;            // of what `in` points to, besides the frame
    uint16_t destination_port;
    uint32_t udp_at;                    // of net_result_next_udp
};

// One frame from an adapter. The caller fills spans, n_spans, length_bytes (of the frame, from at_bytes on), interface_index, what it
// knows of flags, vlan and coalesced, at_bytes usually 0. Bytes without an owner are copied when they are kept.
// owns: lends; whatever is kept is held by its owner. The frame must stay until net_result_done.
void net_input(struct net *net, const struct eng_in *frame, uint64_t now_us, struct eng_outbox *outbox, struct net_result *result);

// A packet of the outbox with ENG_OUT_LOOPBACK comes back in. owns: takes out.
void net_input_loopback(struct net *net, struct eng_out *out, uint64_t now_us, struct eng_outbox *outbox, struct net_result *result);

// A transport that can tell a forged error from a true one (TCP, by its sequence number) says that this one is true: a path MTU is
// believed only then. Errors of UDP were checked against the endpoints already.
void net_error_accept(struct net *net, const struct net_error *error, uint64_t now_us);

static inline void
net_result_done(struct net_result *result)
{
    eng_drop(result->owner);
    result->owner = NULL;
}

// Deliver packets of this protocol too (net_raw_close as often as net_raw_open). An unknown protocol that nobody opened is answered
// with an ICMP error.
int net_raw_open(struct net *net, uint8_t family, uint8_t protocol);
void net_raw_close(struct net *net, uint8_t family, uint8_t protocol);

// A packet whose upper layer is the caller's, down to the last byte but one thing: the checksum of ICMPv6 is made here, because the
// source that it covers is chosen here [RFC 3542 3.1].
struct net_raw_send {
    struct eng_address source, remote;  // source: family 0 or any: chosen
    const struct eng_span *spans;
    uint32_t interface_index;           // 0: the route says
    uint16_t n_spans;
    uint8_t protocol;
    uint8_t hop_limit;                  // 0: the interface's, 1 for multicast
    uint8_t traffic_class;
    bool dont_fragment, is_broadcast, no_multicast_loop;   // a broadcast that is not asked for is refused
};

// owns: holds the spans' owners until the packets are put back; spans without an owner are copied.
// fails: as net_output, -EMSGSIZE past what an IP packet holds, -EACCES for a broadcast, -EINVAL for an ICMPv6 message of under 4 bytes.
int net_raw_send(struct net *net, const struct net_raw_send *send, uint64_t now_us, struct eng_outbox *outbox);

// ---- packets out

// Send a packet whose head is the upper header (or nothing, for raw). A source of any is chosen when the head has no partial sum.
// With ip_options (IPv4, to one host) the destination is the first hop, and the checksum is finished here.
// Without ENG_OUT_DONT_FRAGMENT it is cut to the path's MTU; a super-segment (mss_bytes) is cut by the adapter or in software.
// owns: takes out, always. fails: -ENETUNREACH, -EADDRNOTAVAIL, -EMSGSIZE (net_path_find says the MTU), -EINVAL, -ENOMEM, -ENETDOWN.
int net_output(struct net *net, struct eng_out *out, uint64_t now_us, struct eng_outbox *outbox);

// ---- UDP

struct net_udp_settings {
    struct eng_address local;           // its family counts; any: every address of ours
    uint16_t port;                      // host order; 0: one is chosen [RFC 6056]
    uint32_t interface_index;           // 0: any
    bool is_shared;                     // others that say so too may have the same address and port
    bool no_checksum;                   // IPv4 only
    void *context;
};

// owns: returns the endpoint; net_udp_close. fails: *error is -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL or -ENOMEM.
struct net_udp *net_udp_open(struct net *net, const struct net_udp_settings *settings, int *error);
void net_udp_close(struct net *net, struct net_udp *udp, uint64_t now_us, struct eng_outbox *outbox);
const struct net_udp_settings *net_udp_settings_of(const struct net_udp *udp);     // with the port that it got

// Receive from this peer alone, and send to it by default; port 0 takes that back. fails: as net_path_find, -EADDRINUSE.
int net_udp_connect(struct net *net, struct net_udp *udp, const struct eng_address *remote, uint16_t port, uint64_t now_us);

struct net_udp_send {
    struct eng_address source, remote;  // source: family 0, the endpoint's own; remote: family 0, the connected one
    uint16_t port;                      // host order
    uint16_t n_spans;
    const struct eng_span *spans;
    uint32_t interface_index;           // 0: the route says
    uint8_t hop_limit;                  // 0: the interface's, 1 for multicast
    uint8_t traffic_class;
    bool dont_fragment, is_broadcast, no_multicast_loop;   // a broadcast that is not asked for is refused
};

// owns: holds the spans' owners until the packets are put back; spans without an owner are copied.
// fails: as net_output, -EMSGSIZE past 65507 (65527) bytes, -EACCES for a broadcast, -EDESTADDRREQ.
int net_udp_send(struct net *net, struct net_udp *udp, const struct net_udp_send *send, uint64_t now_us, struct eng_outbox *outbox);

// The next endpoint that this datagram is for (broadcast and multicast), or NULL. Endpoints may not be closed in between.
struct net_udp *net_result_next_udp(struct net *net, struct net_result *result);

// Groups of an endpoint. interface_index 0: the route to the group says. fails: -EINVAL, -EEXIST, -ENOENT, -ENOSPC, -ENETUNREACH.
int net_udp_join(struct net *net, struct net_udp *udp, const struct eng_address *group, uint32_t interface_index, uint64_t now_us,
                 struct eng_outbox *outbox);
int net_udp_leave(struct net *net, struct net_udp *udp, const struct eng_address *group, uint32_t interface_index, uint64_t now_us,
                  struct eng_outbox *outbox);

// ---- groups, for raw protocols; counted

int net_group_join(struct net *net, const struct eng_address *group, uint32_t interface_index, uint64_t now_us, struct eng_outbox *outbox);
int net_group_leave(struct net *net, const struct eng_address *group, uint32_t interface_index, uint64_t now_us,
                    struct eng_outbox *outbox);

// ---- what happened with time

enum net_event_kind {
    NET_EVENT_ERROR,                    // error: packets that waited for a neighbour which does not answer
    NET_EVENT_ADDRESS,                  // address: its state changed
    NET_EVENT_CONFLICT,                 // address: somebody else on the link says it is theirs; link_address
    NET_EVENT_MULTICAST,                // interface_index: net_interface_multicast changed
    NET_EVENT_MTU,                      // interface_index: a router's MTU option
};

struct net_event {
    uint8_t kind;                       // enum net_event_kind
    uint8_t link_address[6];
    uint32_t interface_index;
    union {
        struct net_error error;
        struct net_address address;
    };
};

// The oldest event; false when there is none. At most 64 are kept: when more come, the oldest errors are lost and counted.
bool net_event_pop(struct net *net, struct net_event *event);

// ---- counts

#define NET_COUNTS(X)                                                                                                                     \
    X(in_frames) X(in_not_for_us) X(in_bad_frame) X(in_unknown_type) X(in_wrong_vlan) X(in_down)                                          \
    X(in_ip4) X(in_ip6) X(in_bad_header) X(in_bad_sum) X(in_martian) X(in_bad_options) X(in_source_route) X(in_wrong_destination)         \
    X(in_unknown_protocol) X(in_bad_extension) X(in_hop_limit)                                                                            \
    X(frag_in) X(frag_whole) X(frag_overlap) X(frag_duplicate) X(frag_bad) X(frag_no_room) X(frag_timeout)                                \
    X(arp_in) X(arp_bad) X(arp_replies) X(arp_conflicts)                                                                                  \
    X(icmp_in) X(icmp_bad) X(icmp_echoes) X(icmp_errors_in) X(icmp_errors_foreign) X(icmp_errors_out) X(icmp_errors_limited)              \
    X(icmp_redirects) X(icmp_redirects_refused)                                                                                           \
    X(nd_in) X(nd_bad) X(nd_conflicts) X(nd_advertisements)                                                                               \
    X(group_in) X(group_bad) X(group_reports)                                                                                             \
    X(udp_in) X(udp_bad) X(udp_bad_sum) X(udp_no_port)                                                                                    \
    X(out_packets) X(out_fragments) X(out_cut) X(out_no_route) X(out_no_memory) X(out_too_big) X(out_segments) X(out_down)                \
    X(out_waiting_dropped) X(neighbours_evicted) X(neighbours_failed) X(neighbours_full) X(events_lost)

enum net_count {
#define X(name) NET_COUNT_##name,
    NET_COUNTS(X)
#undef X
        NET_COUNT_MAX,
};

uint64_t net_count_of(const struct net *net, enum net_count count);
const char *net_count_name(enum net_count count);

#endif
