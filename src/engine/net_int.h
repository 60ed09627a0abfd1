// SPDX-License-Identifier: MIT
// What the parts of one host's IP share; nobody outside src/engine includes it. Everything below works on the `now_us` and `outbox`
// that the call came with (net_enter), so that no function carries them on.
//   in    stack.c -> eth.c -> arp.c | ip4.c | ip6.c -> frag.c -> icmp4.c, icmp6.c, nd.c, igmp.c, mld.c, udp.c
//   out   output.c -> route.c, source.c, pmtu.c -> split.c -> neighbour.c -> eth.c -> lso.c -> the outbox
//   time  timer.c; each structure with a deadline carries a struct timer
#ifndef NBX_ENGINE_NET_INT_H
#define NBX_ENGINE_NET_INT_H

#include "base/bytes.h"
#include "base/csum.h"
#include "engine/stack.h"
#include "engine/timer.h"
#include <errno.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)
#define ETH_HEADER_BYTES 14u
#define ETH_IP4 0x0800u
#define ETH_ARP 0x0806u
#define ETH_VLAN 0x8100u
#define ETH_IP6 0x86DDu
#define IP4_HEADER_BYTES 20u
#define IP6_HEADER_BYTES 40u
#define IP6_MTU_MIN 1280u
#define UDP_HEADER_BYTES 8u

#define NEIGHBOUR_BUCKETS 256u
#define UDP_BUCKETS 256u
#define LOCALS_MAX 64u              // addresses, of all interfaces
#define ROUTES_MAX 128u
#define PATHS 256u                  // of the path cache; a power of two
#define PMTU_MAX 256u
#define FRAG_QUEUES_MAX 256u
#define EVENTS_MAX 64u
#define IDENTIFIERS 256u
#define RAW_MAX 64u
#define GROUPS_MAX 256u             // memberships, of all interfaces

// ---- parts of the instance

struct net_querier {                // of IGMP or MLD on a link
    uint64_t v1_until_us, v2_until_us;      // an older querier was heard (MLDv1: v1)
    struct timer general;           // a general query is to be answered
    uint32_t general_armed;
};

struct net_interface {
    uint32_t index;
    struct net_interface_settings settings;
    bool is_up, is_loopback;
    uint32_t mtu6_bytes;            // the router's option, or the link's
    uint8_t hop_limit6;
    uint32_t reachable_base_ms, retransmit_ms;
    uint64_t reachable_us;          // randomised [RFC 4861 6.3.2]
    struct timer solicit;           // router solicitations
    uint8_t solicits_sent;
    bool heard_router;
    struct net_querier igmp, mld;
};

struct net_local {                  // an address of ours
    struct net_address a;
    bool is_used;
    bool is_autoconfigured;         // by a prefix of a router
    uint8_t dad_count;              // RFC 7217's counter
    uint8_t probes_left, announces_left;
    bool was_defended;
    uint64_t defended_us;
    uint8_t nonce[6];               // RFC 7527, of our own probe
    struct timer timer;             // of probing, then of announcing
    struct timer lifetime;
};

enum neighbour_state { NEIGHBOUR_INCOMPLETE, NEIGHBOUR_REACHABLE, NEIGHBOUR_STALE, NEIGHBOUR_DELAY, NEIGHBOUR_PROBE };

struct net_neighbour {
    struct list bucket, age;
    struct eng_address address;
    uint32_t interface_index;
    uint8_t link[6];
    uint8_t state;                  // enum neighbour_state
    uint8_t probes;
    bool is_router, is_used;        // used: we sent to it
    uint16_t n_queued;
    uint32_t queued_bytes;
    uint64_t confirmed_us;
    struct eng_address asks_from;   // the source of the packet that made us ask
    struct list queue;              // of struct eng_out
    struct timer timer;
};

enum route_origin { ROUTE_MANUAL, ROUTE_ADDRESS, ROUTE_PREFIX, ROUTE_ROUTER, ROUTE_REDIRECT };

struct net_route_entry {
    struct net_route r;
    bool is_used;
    uint8_t origin;                 // enum route_origin
    uint64_t until_us;              // ENG_NEVER: for ever
    uint64_t avoided_until_us;      // its gateway did not answer [RFC 1122 3.3.1.4]
    struct timer timer;
};

// Where a packet goes. A copy of one lies in the path cache.
struct net_hop {
    struct net_interface *interface;
    struct eng_address next;        // the neighbour to ask for
    uint32_t mtu_bytes;             // of the path
    bool may_fragment;              // the path's MTU lies below what DF may be set for
    uint8_t kind;                   // enum hop_kind
    bool is_on_link;
};

enum hop_kind { HOP_UNICAST, HOP_LOOPBACK, HOP_MULTICAST, HOP_BROADCAST };

struct net_path_entry {
    struct eng_address source, destination;
    uint32_t interface_index;
    uint64_t generation;            // of the instance when it was made; another one: void
    struct net_hop hop;
    struct net_neighbour *neighbour;
};

struct net_pmtu {
    struct eng_address destination;
    uint32_t mtu_bytes;
    bool is_used, may_fragment;
    uint64_t learnt_us;
    struct timer timer;
};

enum group_filter { GROUP_NONE, GROUP_JOINED };

struct net_group {
    struct eng_address group;
    uint32_t interface_index, joins;
    bool is_used, is_leaving, is_last_reporter;
    uint8_t changes_left;           // state-change reports still to be sent
    struct timer change, answer;    // the next of them; the answer to a query
};

struct net_udp_group {
    struct list link;
    struct eng_address group;
    uint32_t interface_index;
};

struct net_udp {
    struct list bucket;
    struct net_udp_settings settings;
    struct eng_address remote;
    uint16_t remote_port;           // 0: not connected
    uint32_t order;                 // of opening: the later wins among equals
    struct list groups;
};

struct net_raw {
    uint8_t family, protocol;
    uint32_t opens;
};

// A packet that stays on this host: the eng_out, seen from below.
struct net_loop {
    struct eng_owner owner;
    struct list link;
    struct net *net;
    struct eng_out *out;
    struct eng_span spans[ENG_OUT_SPANS + 1];
};

// Bytes of our own with an owner, for what must be flat or has nobody to hold it.
struct net_block {
    struct eng_owner owner;
    struct eng_memory *memory;
    size_t taken_bytes;
    uint8_t bytes[];
};

struct frag_queue;

struct net {
    struct net_settings settings;
    struct eng_memory *memory;
    struct eng_out_pool *pool;
    struct siphash_key hash_key, random_key, identifier_key, address_key;
    uint64_t random_count;
    uint64_t now_us;
    struct eng_outbox *outbox;      // of the call we are in
    struct timer_heap timers;
    uint64_t generation;            // of routes, addresses, neighbours: path entries made before are void
    struct net_interface *interfaces[NET_INTERFACES_MAX];
    struct net_local locals[LOCALS_MAX];
    unsigned locals_end;            // none is used past it: every packet looks through them
    struct net_route_entry routes[ROUTES_MAX];
    struct net_path_entry paths[PATHS];
    struct net_pmtu pmtus[PMTU_MAX];
    struct net_group groups[GROUPS_MAX];
    struct net_raw raws[RAW_MAX];
    struct list neighbours[NEIGHBOUR_BUCKETS];
    struct list neighbours_used, neighbours_unused;     // the least recently touched first
    uint32_t n_neighbours, n_waiting;                   // waiting: packets for a link address
    struct list udps[UDP_BUCKETS];
    uint32_t udp_order;
    struct list frags;              // of struct frag_queue, the oldest first
    uint32_t n_frags, frag_bytes;
    uint32_t identifiers[IDENTIFIERS];
    struct list loops_free;
    uint32_t n_loops_free;
    uint64_t icmp_tokens, icmp_refilled_us;
    struct net_event events[EVENTS_MAX];
    uint32_t events_first, n_events;
    uint64_t counts[NET_COUNT_MAX];
};

// ---- stack.c

static inline void
net_count(struct net *net, enum net_count count)
{
    net->counts[count]++;
}

static inline struct net_interface *
net_interface_of(const struct net *net, uint32_t index)
{
    return index < NET_INTERFACES_MAX ? net->interfaces[index] : NULL;
}

uint64_t net_random(struct net *net);
uint64_t net_random_below(struct net *net, uint64_t limit);
void net_event_push(struct net *net, const struct net_event *event);

static inline void
net_arm(struct net *net, struct timer *timer, uint64_t after_us)
{
    timer_arm(&net->timers, timer, net->now_us + after_us);
}

// A copy of the packet's bytes in a block of our own, held once. NULL: no memory.
struct net_block *net_block_create(struct eng_memory *memory, size_t bytes);

// Add [offset_bytes, +count) of `in` to a packet: by reference when that fits and has owners, else by a copy. fails: -ENOMEM.
int net_out_borrow(struct net *net, struct eng_out *out, const struct eng_span *spans, size_t n_spans, size_t offset_bytes, size_t count);

// ---- in.c: looking at a packet

// count bytes from offset_bytes of the spans: in place when one span has them, else copied to scratch. NULL: there are fewer.
const uint8_t *in_peek(const struct eng_in *in, size_t offset_bytes, size_t count, void *scratch);

static inline void
in_advance(struct eng_in *in, uint32_t bytes)
{
    in->at_bytes += bytes;
    in->length_bytes -= bytes;
}

// The checksum field over the rest of `in`, begun with `sum`: 0 when it holds.
static inline uint16_t
in_sum(const struct eng_in *in, uint64_t sum)
{
    return csum_finish(csum_add_word(sum, eng_spans_sum(in->spans, in->n_spans, in->at_bytes, in->length_bytes)));
}

// ---- eth.c

void eth_input(struct net *net, struct eng_in *in, struct net_result *result);

// Put the frame's header before the packet and send it on its way.
void eth_output(struct net *net, struct net_interface *interface, struct eng_out *out, const uint8_t *to, uint16_t type);
void eth_multicast(const struct eng_address *group, uint8_t *link);

// ---- lso.c: the last step: checksums and super-segments that the adapter does not do, then the outbox

void lso_emit(struct net *net, struct net_interface *interface, struct eng_out *out);

// ---- neighbour.c

struct net_neighbour *neighbour_find(struct net *net, uint32_t interface_index, const struct eng_address *address);

// Found or made INCOMPLETE; NULL: no memory. is_used: we want to send to it.
struct net_neighbour *neighbour_get(struct net *net, uint32_t interface_index, const struct eng_address *address, bool is_used);
// Ask for it (or whether it is there), unless that is being done.
void neighbour_question(struct net *net, struct net_neighbour *neighbour, const struct eng_address *source);
// Known, and not confirmed lately: ask it whether it is there.
void neighbour_verify(struct net *net, struct net_neighbour *neighbour, const struct eng_address *source);
void neighbour_output(struct net *net, struct net_neighbour *neighbour, struct eng_out *out);

// Somebody told us a link address. is_confirmed: in answer to our question.
void neighbour_learn(struct net *net, struct net_neighbour *neighbour, const uint8_t *link, bool is_confirmed);

// The packets that waited leave, when it is resolved now.
void neighbour_flush(struct net *net, struct net_neighbour *neighbour);
void neighbour_confirm(struct net *net, struct net_neighbour *neighbour);
void neighbour_stale(struct net *net, struct net_neighbour *neighbour);
void neighbour_remove(struct net *net, struct net_neighbour *neighbour, bool is_failed);
void neighbour_remove_all(struct net *net, uint32_t interface_index);   // 0: of every interface
bool neighbour_is_fresh(const struct net *net, const struct net_neighbour *neighbour);   // heard of a short time ago
bool neighbour_is_reachable(struct net *net, uint32_t interface_index, const struct eng_address *address);

// ---- arp.c

void arp_input(struct net *net, struct eng_in *in);
void arp_ask(struct net *net, struct net_interface *interface, const struct eng_address *source, const struct eng_address *target,
             const uint8_t *to);
void arp_probe(struct net *net, struct net_local *local);
void arp_announce(struct net *net, struct net_local *local);

// ---- local.c: addresses of ours

struct net_local *local_find(struct net *net, uint32_t interface_index, const struct eng_address *address);     // 0: on any interface

// A usable one: preferred or deprecated.
struct net_local *local_find_usable(struct net *net, uint32_t interface_index, const struct eng_address *address);
int local_add(struct net *net, struct net_interface *interface, const struct eng_address *address, uint8_t prefix_bits,
              bool is_autoconfigured, struct net_local **added);
void local_remove(struct net *net, struct net_local *local);
void local_start(struct net *net, struct net_local *local);             // probe it, or use it at once
void local_stop(struct net *net, struct net_local *local);              // the link is gone
void local_duplicate(struct net *net, struct net_local *local, const uint8_t *link);
void local_conflict(struct net *net, struct net_local *local, const uint8_t *link);
void local_changed(struct net *net, struct net_local *local);

// Does the address lie in the prefix of an address of this interface?
bool local_is_on_link(struct net *net, uint32_t interface_index, const struct eng_address *address);
bool local_is_broadcast(struct net *net, uint32_t interface_index, const struct eng_address *address);
bool address_matches(const struct eng_address *address, const struct eng_address *prefix, unsigned bits);
unsigned address_common_bits(const struct eng_address *left, const struct eng_address *right);
struct eng_address address_any(uint8_t family);
struct eng_address address_prefix(const struct eng_address *address, unsigned bits);

// ---- route.c, source.c, pmtu.c

struct net_route_entry *route_put(struct net *net, const struct net_route *route, uint8_t origin, uint64_t until_us);
void route_remove(struct net *net, struct net_route_entry *entry);
void route_avoid(struct net *net, uint32_t interface_index, const struct eng_address *gateway);
struct net_route_entry *route_find_exact(struct net *net, const struct net_route *route);

// The best route; interface_index other than 0 constrains it. NULL: none.
struct net_route_entry *route_match(struct net *net, const struct eng_address *destination, uint32_t interface_index);

// Where a packet of this source (any: not chosen yet) to this destination goes. fails: -ENETUNREACH, -EADDRNOTAVAIL.
int route_hop(struct net *net, const struct eng_address *source, const struct eng_address *destination, uint32_t interface_index,
              struct net_hop *hop, struct net_path_entry **cached);
bool source_select(struct net *net, uint32_t interface_index, const struct eng_address *destination, struct eng_address *source);
bool pmtu_find(struct net *net, const struct eng_address *destination, uint32_t *mtu_bytes, bool *may_fragment);
void pmtu_learn(struct net *net, const struct eng_address *destination, uint32_t mtu_bytes, bool may_fragment);

// ---- output.c, split.c

// As net_output, within a call. is_ours: the engine's own, which may use an address that nobody else may.
int output_packet(struct net *net, struct eng_out *out);

// The same to a link address that the caller knows, on this interface, for what comes before neighbours are known.
void output_direct(struct net *net, struct net_interface *interface, struct eng_out *out, const uint8_t *link);
int split_output(struct net *net, struct eng_out *out, const struct net_hop *hop, struct net_path_entry *path);

// A packet with its IP header goes to its next hop.
void output_hop(struct net *net, struct eng_out *out, const struct net_hop *hop, struct net_path_entry *path);
// Of the IPv4 header before a packet's (first) payload byte.
static inline uint32_t
output_head4_bytes(const struct eng_out *out)
{
    return IP4_HEADER_BYTES + (out->flags & ENG_OUT_ROUTER_ALERT ? 4 : 0) + out->n_ip_options;
}

void output_head4(struct net *net, struct eng_out *out, uint32_t payload_bytes, uint16_t identifier, uint16_t fragment);
void output_head6(struct net *net, struct eng_out *out, uint32_t payload_bytes, uint8_t next);
void output_loop_copy(struct net *net, const struct eng_out *out, struct net_interface *interface);
uint32_t output_identifier(struct net *net, const struct eng_out *out, unsigned count);
struct eng_out *output_get(struct net *net);

// ---- ip4.c, ip6.c, frag.c

void ip4_input(struct net *net, struct eng_in *in, struct net_result *result);
void ip4_deliver(struct net *net, struct eng_in *in, struct net_result *result);
void ip6_input(struct net *net, struct eng_in *in, struct net_result *result);
void ip6_deliver(struct net *net, struct eng_in *in, struct net_result *result, uint8_t next, uint32_t next_field_bytes);

// The upper layer of a packet that lies in `in` from `at` (past the IPv6 header, whose next header is `next`) to `end`.
bool ip6_find_upper(const struct eng_in *in, size_t at, size_t end, uint8_t next, uint8_t *protocol, size_t *upper_at);
bool raw_is_open(const struct net *net, uint8_t family, uint8_t protocol);

// One fragment, described by its header.
struct frag_piece_info {
    uint32_t identifier, offset_bytes;
    bool has_more;
    uint8_t protocol;               // IPv4: of the key; IPv6: what follows the fragment header
    uint32_t field_bytes;           // where the header that ICMP errors point into begins (IPv6: the fragment header)
    uint32_t head_bytes;            // from ip_at_bytes: what goes before the payload of the whole
    uint32_t next_field_bytes;      // IPv6: from ip_at_bytes, the field that names the next header
};

// Take a fragment (`in` stands at its payload). True: the packet is whole now, `in` describes it, standing at its payload, and
// result->owner holds it.
bool frag_input(struct net *net, struct eng_in *in, const struct frag_piece_info *info, struct net_result *result);
void frag_destroy_all(struct net *net);

// ---- icmp.c (both), icmp4.c, icmp6.c

// May another error be sent now?
bool icmp_error_allowed(struct net *net);
void icmp4_input(struct net *net, struct eng_in *in, struct net_result *result);
void icmp6_input(struct net *net, struct eng_in *in, struct net_result *result);

// Send an error about the packet that `in` came with [RFC 1122 3.2.2, RFC 4443 2.4]; value: the pointer or the MTU.
void icmp4_error(struct net *net, const struct eng_in *in, uint8_t type, uint8_t code, uint32_t value);
void icmp6_error(struct net *net, const struct eng_in *in, uint8_t type, uint8_t code, uint32_t value);

// Send a message whose head and data are filled, from `source` or, when that is no address to send from, from the one that is chosen.
void icmp_send(struct net *net, struct eng_out *out, const struct eng_address *source);
void net_error_from_out(const struct eng_out *out, struct net_error *error);

// An error came for a packet of ours, whose upper header begins at upper_bytes of in: tell its sender, if there is one.
void icmp_error_up(struct net *net, const struct eng_in *in, struct net_result *result, size_t upper_bytes);

// A better first hop, from the one that we use [RFC 1122 3.2.2.2, RFC 4861 8.1]. False: refused.
bool icmp_redirect(struct net *net, const struct eng_in *in, const struct eng_address *destination, const struct eng_address *gateway);

#define ICMP4_UNREACHABLE 3u
#define ICMP4_TIME 11u
#define ICMP4_PARAMETER 12u
#define ICMP6_UNREACHABLE 1u
#define ICMP6_TOO_BIG 2u
#define ICMP6_TIME 3u
#define ICMP6_PARAMETER 4u

// ---- nd.c, router.c

void nd_input(struct net *net, struct eng_in *in, uint8_t type);
void nd_solicit(struct net *net, struct net_interface *interface, const struct eng_address *source, const struct eng_address *target,
                const uint8_t *to);
void nd_probe(struct net *net, struct net_local *local);
void nd_advertise(struct net *net, struct net_interface *interface, const struct eng_address *target, const struct eng_address *to,
                  bool is_solicited);
struct eng_address nd_solicited_group(const struct eng_address *target);
void nd_send(struct net *net, struct net_interface *interface, const struct eng_address *source, const struct eng_address *to,
             const uint8_t *message, size_t bytes, const uint8_t *link);
bool nd_option(const struct eng_in *in, size_t at, uint8_t type, uint8_t *option, size_t bytes, bool *is_bad);

// False: not a good advertisement.
bool router_input(struct net *net, struct eng_in *in, struct net_interface *interface);
void router_start(struct net *net, struct net_interface *interface);
void router_stop(struct net *net, struct net_interface *interface);
void router_lost(struct net *net, struct net_neighbour *neighbour);     // it is a router no longer
void router_form_link_local(struct net *net, struct net_interface *interface);
bool router_form_again(struct net *net, struct net_local *local);       // after a duplicate [RFC 7217 6]

// ---- group.c, igmp.c, mld.c

int group_join(struct net *net, struct net_interface *interface, const struct eng_address *group);
int group_leave(struct net *net, struct net_interface *interface, const struct eng_address *group);
bool group_is_joined(struct net *net, uint32_t interface_index, const struct eng_address *group);
void group_interface_up(struct net *net, struct net_interface *interface);
void group_interface_down(struct net *net, struct net_interface *interface);
void group_answer_soon(struct net *net, struct net_group *entry, uint64_t within_us);
struct net_interface *group_interface(struct net *net, const struct eng_address *group, uint32_t interface_index);
void igmp_input(struct net *net, struct eng_in *in);
void igmp_report_change(struct net *net, struct net_group *entry);
void igmp_report_state(struct net *net, struct net_group *entry);
void mld_input(struct net *net, struct eng_in *in, uint8_t type);
void mld_report_change(struct net *net, struct net_group *entry);
void mld_report_state(struct net *net, struct net_group *entry);

// ---- udp.c

void udp_input(struct net *net, struct eng_in *in, struct net_result *result);

// The interface goes away, and with it the memberships that endpoints have on it.
void udp_forget_interface(struct net *net, uint32_t interface_index);

// Who sent this, by local and remote address and the ports in the upper header.
struct net_udp *udp_find_sender(struct net *net, const struct net_error *error);

#endif
