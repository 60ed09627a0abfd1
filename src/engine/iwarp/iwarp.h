// SPDX-License-Identifier: MIT
// iWARP as a pure machine: MPA [RFC 5044, 6581], DDP [RFC 5041] and RDMAP [RFC 5040] on a TCP connection that somebody else runs.
//   start   iwarp_open; a responder then hears RDMA_EVENT_REQUEST and says iwarp_accept or iwarp_reject, an initiator hears
//           RDMA_EVENT_REPLY and says iwarp_complete_connect; RDMA_EVENT_ESTABLISHED follows
//   in      iwarp_input looks at the bytes that wait in TCP and says how many it used: bytes of an FPDU stay in TCP until it is whole,
//           then go straight to where they belong. iwarp_peer_fin and iwarp_lost tell what became of TCP
//   out     iwarp_run_next gives struct tcp_send, of borrowed spans, for tcp_send (over_tcp.h does all this); iwarp_run_done takes
//           each back when TCP has done with it
//   work    iwarp_post; iwarp_done_next pops what is finished, receives too, in the order in which it finished
//   time    iwarp_next_deadline, iwarp_time
// An instance takes memory for connections, for what is on its way (send_bytes_max a connection) and for inbound reads; nothing a peer
// sends makes it take more. Whoever owns it calls it from one place at a time, never from an rdma_ops callback.
#ifndef NBX_ENGINE_IWARP_IWARP_H
#define NBX_ENGINE_IWARP_IWARP_H

#include "engine/iwarp/mpa.h"
#include "engine/rdma.h"
#include "engine/tcp/tcp.h"

struct iwarp;
struct iwarp_connection;

// ---- instances

struct iwarp_params {
    uint32_t connections_max;           // 0: as memory allows
    uint32_t reads_max;                 // what IRD and ORD of a connection may be
    uint32_t send_bytes_max;            // framed and not yet acknowledged, of a connection
    uint64_t request_us;                // a responder waits for the peer's request so long
    uint64_t reply_us;                  // an initiator for the reply: the peer's consumer may be slow
    uint64_t ready_us;                  // a responder for the RTR, an initiator for its acknowledgement
    uint64_t close_us;                  // for the peer's end of the stream after ours
};
void iwarp_params_default(struct iwarp_params *params);

// fails: NULL without memory or with senseless params. owns: memory is the caller's and outlives it.
struct iwarp *iwarp_create(struct eng_memory *memory, const struct iwarp_params *params);

// From now on what is framed is folded into *digest, as far as no memory's address decides it: headers without the offsets of tagged
// ones, a read request's tags and length, lengths; payloads and CRCs not. owns: digest is the caller's and outlives the engine
void iwarp_digest_into(struct iwarp *iwarp, uint64_t *digest);

// Every connection was released and every run came back.
void iwarp_destroy(struct iwarp *iwarp);

// When iwarp_time has something to do, or ENG_NEVER.
uint64_t iwarp_next_deadline(const struct iwarp *iwarp);
void iwarp_time(struct iwarp *iwarp, uint64_t now_us);

// ---- connections

enum iwarp_use {
    IWARP_USE_CRC = 1 << 0,             // we want CRCs; without it they are used if the peer wants them
    IWARP_USE_MARKERS = 1 << 1,         // we want markers from the peer; it always gets those that it asks for
    IWARP_USE_ENHANCED = 1 << 2,        // initiator: revision 2 with IRD and ORD; a responder answers what it is asked
};

struct iwarp_open {
    enum rdma_role role;
    uint32_t uses;                      // enum iwarp_use
    uint8_t rtr;                        // enum mpa_rtr: what we can send, or understand; an initiator asks for peer-to-peer if any
    uint32_t emss_bytes;                // of the TCP connection
    const struct rdma_ops *ops;
    void *context;                      // of ops
    struct rdma_reads reads;            // initiator: what it can take and would like
    const void *private_bytes;          // initiator: goes with its request
    uint16_t private_count;
};

/* A connection over a TCP connection that is open, or about to be. An initiator's request is ready to be sent at once.
 * owns:  the connection is the caller's until iwarp_release
 * fails: -EINVAL (private data too long, reads above reads_max), -ENOMEM */
int iwarp_open(struct iwarp *iwarp, const struct iwarp_open *open, uint64_t now_us, struct iwarp_connection **connection);

// The connection is gone: works that were not popped are the caller's again, untouched (iwarp_flush first, to have them popped). Runs
// that TCP still has come back to the instance.
void iwarp_release(struct iwarp_connection *connection);

// What has happened since the last call.
uint32_t iwarp_events(struct iwarp_connection *connection);         // enum rdma_event
void *iwarp_context(const struct iwarp_connection *connection);
void iwarp_set_context(struct iwarp_connection *connection, const struct rdma_ops *ops, void *context);
void iwarp_set_emss(struct iwarp_connection *connection, uint32_t emss_bytes);

// A Terminate.
#define IWARP_TERMINATE_BYTES_MAX 52    // control 4, length 2, headers 18 and 28
struct iwarp_terminate {
    uint8_t layer, type, code;          // [RFC 5040 figure 9, RFC 5041 7.2, RFC 5044 8, RFC 6581 8]
    bool has_ddp_header, has_rdmap_header;
    uint16_t segment_bytes;             // of the DDP segment that was wrong
    uint8_t ddp_header[18], rdmap_header[28];
};

struct iwarp_info {
    enum rdma_end end;
    uint8_t revision;                   // of the peer's frame
    bool has_crc, sends_markers, receives_markers;
    bool is_enhanced, is_peer_to_peer;
    uint8_t rtr;                        // the one in use, 0: none
    struct rdma_reads reads;            // in force
    struct rdma_reads peer_reads;       // as the peer said; 0 when it said nothing
    const uint8_t *private_bytes;       // the peer's, until the connection is established
    uint16_t private_count;
    bool sent_terminate, got_terminate;
    struct iwarp_terminate terminate;
    uint32_t mulpdu_bytes;
    uint64_t bytes_in, bytes_out, fpdus_in, fpdus_out;
};
void iwarp_info(const struct iwarp_connection *connection, struct iwarp_info *info);

/* Responder, after RDMA_EVENT_REQUEST: the reply. With a peer-to-peer initiator ESTABLISHED comes with its RTR, else at once.
 * fails: -EINVAL (private data too long for this peer, reads above reads_max), -ENOTCONN (it ended meanwhile), -ENOMEM */
int iwarp_accept(struct iwarp_connection *connection, struct rdma_reads reads, const void *private_bytes, uint16_t private_count,
                 uint64_t now_us);
// The other answer; the stream is closed behind it.
int iwarp_reject(struct iwarp_connection *connection, const void *private_bytes, uint16_t private_count, uint64_t now_us);

// Initiator, after RDMA_EVENT_REPLY: the RTR, if one was agreed, else ESTABLISHED at once. fails: -ENOTCONN, -ENOMEM
int iwarp_complete_connect(struct iwarp_connection *connection, uint64_t now_us);

/* Close in order: what was posted is sent and answered first, then the stream ends; CLOSED comes with the peer's end.
 * fails: -ENOTCONN when there is nothing to close */
int iwarp_disconnect(struct iwarp_connection *connection, uint64_t now_us);

// Close at once: TCP is to be reset (iwarp_wants_abort).
void iwarp_abort(struct iwarp_connection *connection);

// ---- work

/* fails: -ENOTCONN when the connection is not open for it, -EINVAL (lengths that do not add up, or 2^32 and more, a read without ORD);
 *        deferred work is sent then as well */
int iwarp_post(struct iwarp_connection *connection, struct rdma_work *work, uint64_t now_us);

// No more work is begun, and what comes in is no longer looked at; what was posted ends with -ECANCELED, at once or when TCP gives the
// bytes back. Nothing is said to the peer.
void iwarp_flush(struct iwarp_connection *connection);

struct rdma_work *iwarp_done_next(struct iwarp_connection *connection);

// ---- the stream

// Look at the bytes that wait; returns how many of them were used, from the front. Worth calling with iwarp_need bytes or more.
size_t iwarp_input(struct iwarp_connection *connection, const struct eng_span *spans, size_t n_spans, uint64_t now_us);
size_t iwarp_need(const struct iwarp_connection *connection);

// The peer's end of the stream has come, and left_bytes of what came before were not used.
void iwarp_peer_fin(struct iwarp_connection *connection, size_t left_bytes, uint64_t now_us);

// TCP is gone: reset, timed out, or in order after both ends.
void iwarp_lost(struct iwarp_connection *connection, bool was_in_order);

// What goes into one tcp_send.
struct iwarp_run;
struct tcp_send *iwarp_run_next(struct iwarp_connection *connection);
void iwarp_run_done(struct iwarp *iwarp, struct tcp_send *send, uint64_t now_us);      // its status says how it went

// After the runs: shut TCP down; or reset it.
bool iwarp_wants_fin(const struct iwarp_connection *connection);
void iwarp_fin_sent(struct iwarp_connection *connection);
bool iwarp_wants_abort(const struct iwarp_connection *connection);

#endif
