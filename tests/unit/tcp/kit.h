// SPDX-License-Identifier: MIT
// Two engines joined by a pipe that loses, delays, repeats, reorders and corrupts by a seed, on virtual time. Every segment that an
// end sends is checked: within the window the peer has told, no window shrunk, acknowledgements that never go back, options as
// negotiated, and every byte the one that belongs to its place in the stream.
//   kit_create -> kit_connect or the engines' own calls -> kit_send, kit_run_until -> kit_destroy (nothing may be left allocated)
#ifndef NBX_TESTS_TCP_KIT_H
#define NBX_TESTS_TCP_KIT_H

#include "base/prng.h"
#include "engine/tcp/tcp.h"
#include "harness/harness.h"

// What happens to packets, in thousandths.
struct kit_wire {
    unsigned loss, duplicate, reorder, corrupt, mark;       // mark: CE on what is ECN-capable
    uint64_t delay_us, jitter_us;
    uint64_t apart_us;                                      // packets of one direction arrive no closer than this
    uint32_t mtu_bytes;                                     // larger packets vanish; 0: none do
    bool tells_mtu;                                         // and the sender hears of it
    bool has_rsc;                                           // super-segments arrive whole
    bool is_whole;                                          // frames come in one buffer
};

struct kit;

// What the wire knows of one direction.
struct kit_flow {
    bool has_syn, has_ts, has_sack, has_scale, has_synack_sent;
    uint32_t iss, max_end;                                  // the highest number sent + 1
    uint32_t last_ack, edge;                                // acknowledgement and right edge told, the highest
    bool has_ack;
    uint32_t edge_heard;                                    // of the other end's edges, what has been delivered here
    bool has_edge_heard;
    uint8_t scale;
    bool has_fin;
    uint32_t fin_seq;
};

struct kit_end {
    struct kit *kit;
    struct eng_memory memory;
    size_t blocks;
    unsigned short_thousandths;                             // how often there is no memory
    struct eng_out_pool pool;
    struct tcp *tcp;
    struct eng_outbox outbox;
    struct eng_address address;
    uint16_t port;
    struct tcp_connection *connection;
    struct tcp_listener *listener;
    struct tcp_open open;
    struct kit_flow flow;
    uint64_t sent_bytes, got_bytes, done_bytes;             // of the stream
    uint64_t want_bytes;                                    // to receive before it reads on; UINT64_MAX: all
    uint32_t events;                                        // seen so far, of the connection
    uint64_t last_at_us;                                    // when the last packet to it will arrive
    enum tcp_end ended;
    unsigned sends_out;
    bool got_fin, reads, accepts;
    unsigned read_thousandths;                              // how often it reads when it is asked; 1000: always
    unsigned index;
};

struct kit {
    struct kit_end end[2];
    struct kit_wire wire;
    struct prng prng;
    struct list packets;                                    // by time
    uint64_t now_us;
    uint64_t sent_packets, lost_packets;
    bool is_checked;                                        // the wire's checks are on
    void (*on_step)(struct kit *kit, void *context);        // after every event of the pipe
    void *context;
};

void kit_params(struct tcp_params *params);
void kit_create(struct kit *kit, uint64_t seed, const struct kit_wire *wire, const struct tcp_params *params, unsigned family);
void kit_destroy(struct kit *kit);

// Listen at end 1, connect from end 0, and run until both are connected (or a second has passed for each try of a SYN).
void kit_connect(struct kit *kit);

// Queue the next `bytes` of the stream of an end, cut into sends of up to `piece` bytes in spans of up to `span` bytes.
void kit_send(struct kit_end *end, uint64_t bytes, uint64_t piece, uint32_t span, uint32_t flags);

// Deliver the next packet or deadline. false: nothing is left to happen before until_us.
bool kit_step(struct kit *kit, uint64_t until_us);
void kit_run(struct kit *kit, uint64_t for_us);
// Run until both have all that the other sent, or for_us is over.
bool kit_run_data(struct kit *kit, uint64_t for_us);
// Take events, accept, read, free sends.
void kit_serve(struct kit *kit);
// Move what an engine put into its outbox onto the wire.
void kit_drain(struct kit_end *end);

// A send that came back.
void kit_item_done(struct tcp_send *send);
uint8_t kit_byte(unsigned end, uint64_t place);

#endif
