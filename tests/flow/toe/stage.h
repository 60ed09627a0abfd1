// SPDX-License-Identifier: MIT
// A host stack and a peer round vnic's offload target. The host (a protocol of the test's own) hands over connections that nobody ever
// opened: their records are made up, the peer's mirror image is put into an engine behind a port on the other end of the wire, and from
// then on both are real. Every frame that the target sends is checked: checksums, addresses, identification, DF.
//   stage_run(seed, fn)   a box with nic0 (vnic) and the host bound to it; fn inside; everything down again, nothing left
//   host_xxx              what the host asks for; its callbacks write down what comes
//   peer_xxx              the other end's engine, run by time that the test lets pass (stage_wait)
#ifndef NBX_TESTS_FLOW_TOE_STAGE_H
#define NBX_TESTS_FLOW_TOE_STAGE_H

#include "../../../drivers/chimney_common/chim.h"
#include "../vnic/kit.h"
#include "harness/harness.h"

#define STAGE_CONNECTIONS 8
#define STAGE_BYTES (1u << 20)
#define STAGE_PEER_PORT 0x5050
#define STAGE_ISS 1000000u
#define STAGE_IRS 2000000u

struct host_block {                           // a block with all that may lie behind it
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
    union {
        struct chim_neighbor neighbor;
        struct chim_path path;
        struct chim_tcp tcp;
        NEIGHBOR_OFFLOAD_STATE_DELEGATED neighbor_delegated;
        NEIGHBOR_OFFLOAD_STATE_CACHED neighbor_cached;
        PATH_OFFLOAD_STATE_CACHED path_cached;
        TCP_OFFLOAD_STATE_CACHED tcp_cached;
        TCP_OFFLOAD_STATE_DELEGATED tcp_delegated;
    };
};

struct host_event {
    ULONG type, information;
};

struct host_connection {
    NDIS_OFFLOAD_HANDLE handle;
    struct host_block block;
    struct tcp_connection *peer;
    uint16_t port;                            // the local one
    uint64_t sent_bytes, got_bytes;           // of the streams
    uint32_t sends_out, posts_out, forwards_out, disconnects_out;
    NDIS_STATUS send_status, post_status, forward_status, disconnect_status;   // of the last
    ULONG transferred;                        // of the last completion
    uint64_t acked_bytes;                     // by completed sends
    uint32_t indications, completions;        // of received bytes
    struct host_event events[64];
    uint32_t event_count;
    bool in_upcall;
    uint64_t peer_got, peer_sent;
};

struct stage {
    struct ndis_adapter *adapter, *virtual_one[2];   // nic0; what passthru shows above it
    NDIS_HANDLE binding;
    NDIS_OFFLOAD_HANDLE neighbor_handle, other_handle, path_handle;
    struct host_block neighbor, path;
    struct host_connection connection[STAGE_CONNECTIONS];
    volatile uint32_t done[5];                // completed trees: initiate, terminate, update, invalidate, query
    // What the host answers an indication with.
    bool refuses;
    ULONG takes_bytes;                        // 0: all
    bool keeps;                               // NBLs stay with it
    NET_BUFFER_LIST *kept;
    uint32_t ordinary_frames;                 // that came up the normal way
    uint32_t questions;                       // NeighborReachabilityQuery
    ULONG question_delta;
    bool has_bind_capabilities;
    NDIS_TCP_CONNECTION_OFFLOAD capabilities;
    uint32_t statuses[8], status_count;
    // The wire.
    bool drops_out, drops_in;                 // what the target sends, what the peer sends
    uint32_t lose_out_one_in, lose_in_one_in;
    uint32_t frames, resets, last_flags;
    uint16_t last_vlan;
    uint8_t last_mac[6];
    unsigned generation;                      // of connections: each has ports of its own
    bool peer_silent;                         // its engine gets nothing
};
extern struct stage st;

enum { HOST_INITIATE, HOST_TERMINATE, HOST_UPDATE, HOST_INVALIDATE, HOST_QUERY };

extern const struct kit_setting *stage_settings;   // of nic0, set before stage_run
extern unsigned stage_storeys;                // the same: how many passthru stand between the host and nic0, 0 to 2
extern bool stage_is_ip6;                     // the same: connections over IPv6
void stage_run(uint64_t seed, void (*fn)(void));
// Let so much virtual time pass.
void stage_wait(uint64_t us);
// Until *number is this, at most ten virtual minutes.
void stage_until(volatile uint32_t *number, uint32_t value);
bool stage_data_is_there(void);
void stage_until_data(void);

// A made-up connection of the peer and of the host's record, in this state; nothing is handed over.
struct host_connection *host_make(unsigned index, enum tcp_state state);
// The tree: neighbor, path, `count` connections; handed over. Asserts that it all comes in.
void host_offload(unsigned count);
// Neighbor, path and connections as new offloads, linked; not submitted.
NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *host_tree(unsigned count);
void host_submit(unsigned op, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *root);    // and waits for its completion
// All of it back: each connection's delegated state is in its block then.
void host_terminate(unsigned count);
void host_release(unsigned count);            // after a terminate: what came back is given up
void host_send(struct host_connection *c, ULONG bytes, ULONG piece);
NET_BUFFER_LIST *host_nbl(ULONG bytes, uint64_t place);
void host_post(struct host_connection *c, ULONG bytes, bool push);
void host_disconnect(struct host_connection *c, ULONG bytes, ULONG flags);
void host_free(NET_BUFFER_LIST *nbl);
void host_chain_back(struct host_connection *c);    // the chain of a terminate will be handed over again
void host_offload_again(struct host_connection *c, const struct chim_tcp *first);   // after a terminate: as it came back; first: as made
void host_return_kept(void);
const struct host_event *host_event_of(const struct host_connection *c, ULONG type);   // the first, or NULL

void peer_send(struct host_connection *c, uint32_t bytes, uint32_t flags);
void peer_shutdown(struct host_connection *c);
void peer_abort(struct host_connection *c);
// A segment that the engine would not send; data from the stream at the connection's place.
struct peer_segment {
    uint32_t seq, ack, bytes;
    uint8_t flags;
    uint16_t urgent, window, vlan;
    bool is_fragment, has_options, has_bad_sum;
};
void peer_raw(struct host_connection *c, const struct peer_segment *segment);
uint8_t stage_byte(bool from_host, uint64_t place);

#endif
