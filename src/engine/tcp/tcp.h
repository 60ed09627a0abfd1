// SPDX-License-Identifier: MIT
// TCP [RFC 9293] as a pure machine: any number of instances, each with any number of connections and listeners.
//   in     tcp_input (a segment, at_bytes at its TCP header), tcp_icmp (an error about one of ours), tcp_run (time has come)
//   out    packets in the outbox of the call; events, which the caller takes with tcp_event_next after it has done its call (it may
//          drop its lock before it acts on them); sends that ended, with tcp_send_done
//   data   sends are runs of borrowed spans, held until they are acknowledged; received bytes wait in the connection, by reference to
//          the frames they came in, until the client takes them: what is not taken closes the window
//   state  a connection's record has the three classes of a chimney: constant, cached, delegated; tcp_query copies it, tcp_export
//          takes the connection out of this engine, tcp_import puts it into another one in the middle of its life
// The instance belongs to the caller, who holds one lock (or none) over every call; owners of received bytes are dropped under it.
// Times are microseconds of the caller's clock; ticks are those of tcp_params.ticks_per_second.
#ifndef NBX_ENGINE_TCP_TCP_H
#define NBX_ENGINE_TCP_TCP_H

#include "base/siphash.h"
#include "engine/engine.h"

struct tcp;
struct tcp_listener;
struct tcp_connection;

// [RFC 9293 3.3.2]
enum tcp_state {
    TCP_CLOSED,
    TCP_LISTEN,             // never a connection's: listeners are objects of their own
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT,
};
const char *tcp_state_name(enum tcp_state state);

// ---- knobs of an instance

enum tcp_use {
    TCP_USE_TIMESTAMPS = 1 << 0,        // RFC 7323
    TCP_USE_WINDOW_SCALE = 1 << 1,
    TCP_USE_SACK = 1 << 2,              // RFC 2018
    TCP_USE_RACK = 1 << 3,              // RFC 8985; without it, loss is what dup_ack_threshold says
    TCP_USE_ECN = 1 << 4,               // RFC 3168: ask for it and answer it
    TCP_USE_PMTU_PROBES = 1 << 5,       // RFC 4821: black holes and larger MTUs are found without ICMP
    TCP_USE_COOKIES = 1 << 6,           // RFC 4987, when half_open_cookies are open
    // An offload target: segments without a connection are the host's, a reset is sent only by tcp_abort, TIME_WAIT, urgent data and a
    // SYN at RCV.NXT ask for an upload. [ddi: chimney]
    TCP_USE_TARGET = 1 << 7,
};

enum tcp_congestion {
    TCP_CC_RENO,
    TCP_CC_CUBIC
};

struct tcp_params {
    // What an offload target is told by its host, under the host's names (TcpAckFrequency and so on), in ticks.
    uint32_t ticks_per_second;
    uint32_t ack_frequency;             // segments that one delayed acknowledgement may stand for
    uint32_t delayed_ack_ticks;
    uint32_t quick_ack_bytes;           // of a connection's sequence space, its SYN with it, that are acknowledged at once; 0: none
    uint32_t max_retransmissions;       // R2 when a connection's max_rt is 0
    uint32_t doubt_retransmissions;     // R1: TCP_EVENT_DOUBT after so many
    uint32_t sws_ticks;                 // how long a small window is waited out
    uint32_t dup_ack_threshold;
    uint32_t push_ticks;                // TCP_EVENT_PUSH_TIME so long after the last byte of a run without PSH
    uint32_t nce_stale_ticks;           // TCP_EVENT_PROGRESS not more often than twice in it
    // What it is not told.
    uint32_t uses;                      // enum tcp_use
    uint32_t congestion;                // enum tcp_congestion
    uint32_t initial_window_segments;   // RFC 6928
    uint32_t initial_rto_us, min_rto_us, max_rto_us;
    uint32_t syn_retransmissions;       // R2 of a SYN
    uint32_t time_wait_us;              // twice MSL
    uint32_t fin_wait_2_us;             // only once the client has released the connection, or at a target; 0: never
    uint32_t offer_us;                  // how long an offer waits for the client's answer
    uint64_t keepalive_us;              // idle for so long, then a probe
    uint32_t keepalive_interval_us, keepalive_probes;
    uint32_t receive_bytes;             // a connection's receive buffer when its opener does not say
    uint32_t receive_max_bytes;         // what that one grows to as long as its client keeps up with the peer; 0: it does not
    uint32_t half_open_max;             // offers and SYN_RECEIVED of an instance
    uint32_t half_open_cookies;         // from here on cookies instead of records
    uint32_t chunks_max;                // runs of received bytes a connection keeps
    uint32_t early_chunks_max;          // of them beyond a gap, of the instance
    uint32_t challenge_acks;            // of an instance in a second, at most [RFC 5961 7]
    uint32_t connections_max;           // of an instance; 0: as memory allows
};
void tcp_params_default(struct tcp_params *params);

// ---- instances

// Create an instance. memory and pool are the caller's and outlive it; secret keys the demultiplexer, sequence numbers and cookies.
// fails: NULL without memory or with senseless params.
struct tcp *tcp_create(struct eng_memory *memory, struct eng_out_pool *pool, const struct tcp_params *params,
                       const struct siphash_key *secret);

// End every connection without a word on the wire; their sends come back through tcp_released_send_done. owns: every pointer to a
// connection is dead.
void tcp_abandon(struct tcp *tcp);

// Give everything back, after tcp_abandon and the sends that it brought. owns: listeners are dead too.
void tcp_destroy(struct tcp *tcp);

// Change knobs at run time; what is already set at a SYN stays. fails: -EINVAL, and nothing has changed.
int tcp_set_params(struct tcp *tcp, const struct tcp_params *params);

// What has happened since the instance began.
struct tcp_counters {
    uint64_t segments_in, segments_out, bytes_in, bytes_out, retransmitted, timeouts, fast_recoveries;
    uint64_t bad_sum, bad_header, no_memory, resets_in, resets_out, challenge_acks, challenge_acks_held, dropped_old, dropped_paws;
    uint64_t cookies_out, cookies_good, cookies_bad, offers, offers_dropped, out_of_order, duplicates_in, dsacks_in, probes_out,
        keepalives_out;
    uint64_t early_dropped;             // past early_chunks_max
    uint64_t active_opens, attempts_failed, established_reset;    // [RFC 4022]; passive opens are `offers`
    uint64_t dead_holes;                // path MTU black holes found
    uint64_t mtu_probes, mtu_raises;    // segments that tried a larger MTU, and those that came through
    uint32_t connections, half_open, time_waits, established;     // established: CLOSE_WAIT too
};
const struct tcp_counters *tcp_counters(const struct tcp *tcp);

// Every connection and every listener, one after the other: NULL for the first; NULL at the end. None may go in between.
struct tcp_connection *tcp_connection_next(const struct tcp *tcp, const struct tcp_connection *last);
struct tcp_listener *tcp_listener_next(const struct tcp *tcp, const struct tcp_listener *last);
void tcp_listener_where(const struct tcp_listener *listener, struct eng_address *local, uint16_t *port);

// ---- time

// When tcp_run has something to do, or ENG_NEVER. It may say a time that proves too early, never one that is too late.
uint64_t tcp_next_deadline(const struct tcp *tcp);
void tcp_run(struct tcp *tcp, uint64_t now_us, struct eng_outbox *outbox);

// ---- segments in

enum tcp_taken {
    TCP_TAKEN,              // ours, whatever came of it
    TCP_NOT_OURS,           // no connection and no listener: only with TCP_USE_TARGET, others answer with a reset
    TCP_FOR_HOST,           // a target's connection must be uploaded first; the segment goes up as any other, unanswered
    TCP_BAD,                // a checksum or header that is wrong
};

// A received segment. owns: spans stay the caller's; bytes that are kept are held by their owner, or copied when they have none.
// calls: owners' on_release.
enum tcp_taken tcp_input(struct tcp *tcp, const struct eng_in *in, uint64_t now_us, struct eng_outbox *outbox);

// The connection whose addresses and ports a segment has, or NULL. Looks at no more than that: the segment may still be refused.
struct tcp_connection *tcp_knows(const struct tcp *tcp, const struct eng_in *in);

// Several segments that arrived together: between the two, acknowledgements of bytes in order wait, so that one stands for all
// [RFC 9293 MUST-58, MUST-59]. Not nested.
void tcp_batch_begin(struct tcp *tcp);
void tcp_batch_end(struct tcp *tcp, uint64_t now_us, struct eng_outbox *outbox);

enum tcp_icmp_kind {
    TCP_ICMP_NONE,
    TCP_ICMP_UNREACHABLE,   // net, host: soft [RFC 9293 MUST-56]
    TCP_ICMP_REFUSED,       // protocol, port, prohibited: hard, in SYN_SENT only [RFC 5927]
    TCP_ICMP_TOO_BIG,       // fragmentation needed, or packet too big
    TCP_ICMP_TTL,           // time exceeded: soft
    TCP_ICMP_PARAMETER,     // soft
    TCP_ICMP_QUENCH,        // ignored [RFC 9293 MUST-55]
};

// An ICMP error that quotes a segment of ours: its addresses and the first 8 bytes of its TCP header.
struct tcp_icmp {
    enum tcp_icmp_kind kind;
    struct eng_address local, remote;
    uint8_t header[8];
    uint32_t mtu_bytes;     // TOO_BIG: what the router said; 0 from old ones
};

// false: no such connection, or its sequence number is not in flight (a forgery [RFC 5927 4.1]).
bool tcp_icmp(struct tcp *tcp, const struct tcp_icmp *icmp, uint64_t now_us, struct eng_outbox *outbox);

// ---- the three classes of a connection's state

enum tcp_constant_flag {
    TCP_HAS_TIMESTAMPS = 1 << 0,
    TCP_HAS_SACK = 1 << 1,
    TCP_HAS_WINDOW_SCALE = 1 << 2
};

// Fixed by the handshake.
struct tcp_constant {
    struct eng_address local, remote;
    uint16_t local_port, remote_port;
    uint16_t remote_mss;
    uint8_t snd_wnd_scale, rcv_wnd_scale;
    uint8_t flags;                      // enum tcp_constant_flag
    uint32_t hash_value;                // of receive side scaling; the engine only carries it
};

enum tcp_cached_flag {
    TCP_CACHED_KEEP_ALIVE = 1 << 0,
    TCP_CACHED_NAGLE = 1 << 1,
    TCP_CACHED_RESTART_KEEP_ALIVE = 1 << 2,     // commands of tcp_update, done once
    TCP_CACHED_RESTART_MAX_RT = 1 << 3,
    TCP_CACHED_UPDATE_RCV_WND = 1 << 4,
};

// The client may change it at any time with tcp_update.
struct tcp_cached {
    uint32_t flags;                     // enum tcp_cached_flag
    uint32_t initial_rcv_wnd;           // the receive buffer in bytes
    uint32_t rcv_indication_size;       // only carried
    uint32_t ka_probe_count, ka_timeout, ka_interval;   // ticks; 0: the instance's
    uint32_t max_rt;                    // R2 in ticks; 0: by count; ~0: never
    uint32_t flow_label;
    uint8_t ttl, tos, user_priority;
};

#define TCP_NOT_RUNNING UINT32_MAX      // of a timer's ticks

// What the protocol changes. Kept current by the engine, but for the fields marked Q, which tcp_query and tcp_export fill in.
struct tcp_delegated {
    enum tcp_state state;
    uint32_t rcv_nxt, rcv_wnd;          // together: the advertised edge
    uint32_t snd_una, snd_max;          // snd_max is SND.NXT
    uint32_t snd_nxt;                   // Q; below snd_max: from here everything is sent again
    uint32_t snd_wnd, max_snd_wnd, snd_wl1;
    uint32_t cwnd, ssthresh;            // Q
    uint16_t srtt, rttvar;              // Q, eighths and quarters of a tick; 0 is less than one of them
    uint32_t ts_recent;
    uint32_t ts_recent_age;             // Q, ticks
    uint32_t ts_time;                   // Q: our timestamp now
    uint32_t total_rt;                  // Q, ticks since the retransmissions began
    uint32_t dup_ack_count;
    uint32_t snd_wnd_probe_count;
    struct {
        uint32_t count;                 // back-off
        uint32_t timeout_delta;         // Q, ticks to go; also of the persist and FIN_WAIT_2 timers
    } retransmit;
    struct {
        uint32_t probe_count;
        uint32_t timeout_delta;         // Q
    } keep_alive;
};

struct tcp_record {
    struct tcp_constant constant;
    struct tcp_cached cached;
    struct tcp_delegated delegated;
};

// ---- opening

enum tcp_path_flag {
    TCP_PATH_SUM_PARTIAL = 1 << 0,      // the adapter finishes checksums
    TCP_PATH_LOCAL = 1 << 1,            // loopback: no delays are waited for
};

// What the route and the adapter allow.
struct tcp_path {
    uint32_t mtu_bytes;                 // of the IP packet
    uint32_t lso_max_bytes;             // of a super-segment's payload; 0: none. At most 65,535 - 120
    uint32_t lso_min_segments;          // fewer go out one by one
    uint32_t flags;                     // enum tcp_path_flag
    uint32_t interface_index;           // 0: the route says
};

struct tcp_open {
    struct eng_address local, remote;   // tcp_accept: not read
    uint16_t local_port, remote_port;   // tcp_accept: not read
    struct tcp_path path;
    uint32_t receive_bytes;             // 0: the instance's
    uint32_t cached_flags;              // TCP_CACHED_NAGLE, TCP_CACHED_KEEP_ALIVE
    uint8_t ttl, tos;
    // Options for the IPv4 header of every segment: no-operations and a source route, as source_route_given takes them. They go before a
    // route that the peer's segments came by. Copied. tcp_import: there must be none.
    uint8_t n_ip_options;
    const uint8_t *ip_options;
    void *context;
};

/* Open actively: a SYN leaves; TCP_EVENT_CONNECTED or TCP_EVENT_ENDED tells how it went.
 * owns:  the connection is the client's until tcp_release
 * fails: -EINVAL (addresses, ports or IP options that cannot be), -ENOMEM, -EADDRINUSE: the two ends have a connection, were it
 *        only one in TIME_WAIT that its client has not released, or that has no timestamps */
int tcp_connect(struct tcp *tcp, const struct tcp_open *open, uint64_t now_us, struct eng_outbox *outbox,
                struct tcp_connection **connection);

// A port in [49152, 65535] with no connection to this peer and no listener, chosen by the secret [RFC 6056 3.3.3]; 0: none is free.
uint16_t tcp_port_pick(struct tcp *tcp, const struct eng_address *local, const struct eng_address *remote, uint16_t remote_port);

/* Listen: every SYN that suits becomes an offer (TCP_EVENT_OFFER), which the client answers with tcp_accept, tcp_refuse or
 * tcp_ignore; until then nothing is sent. With cookies, the offer comes with the third segment and is already known to the peer.
 * local of any address listens on all of its family. offers_max bounds the unanswered ones (further SYNs are dropped).
 * fails: -EADDRINUSE, -EINVAL, -ENOMEM */
int tcp_listen(struct tcp *tcp, const struct eng_address *local, uint16_t port, uint32_t offers_max, void *context,
               struct tcp_listener **listener);

// Offers that the client has not seen yet end silently; the others stay and may still be accepted.
void tcp_unlisten(struct tcp_listener *listener);
void *tcp_listener_context(const struct tcp_listener *listener);
void tcp_listener_set_context(struct tcp_listener *listener, void *context);     // offers that come from now on are for this one

// owns: from the event on the offer is the client's, until tcp_release, tcp_refuse or tcp_ignore. It may end before it is answered.
// fails: -ENOTCONN when it has; tcp_release it then.
int tcp_accept(struct tcp_connection *offer, const struct tcp_open *open, uint64_t now_us, struct eng_outbox *outbox);
void tcp_refuse(struct tcp_connection *offer, uint64_t now_us, struct eng_outbox *outbox);      // a reset, and the offer is gone
void tcp_ignore(struct tcp_connection *offer);                                                  // nothing, and the offer is gone
struct tcp_listener *tcp_offer_listener(const struct tcp_connection *offer);                   // NULL once it is closed

// ---- events

enum tcp_event {
    TCP_EVENT_OFFER = 1 << 0,           // tcp_accept and kin
    TCP_EVENT_CONNECTED = 1 << 1,
    TCP_EVENT_DATA = 1 << 2,            // more bytes to receive
    TCP_EVENT_SENT = 1 << 3,            // tcp_send_done has something, or our FIN is acknowledged (tcp_info)
    TCP_EVENT_FIN = 1 << 4,             // the peer has ended its half; bytes before it may still wait
    TCP_EVENT_URGENT = 1 << 5,          // tcp_receive_view tells how far
    TCP_EVENT_ENDED = 1 << 6,           // CLOSED, or TIME_WAIT reached: nothing more comes; tcp_info says why
    TCP_EVENT_PUSH_TIME = 1 << 7,       // bytes without PSH have waited push_ticks
    TCP_EVENT_DOUBT = 1 << 8,           // R1: the neighbour, the route or the path may be gone
    TCP_EVENT_PROGRESS = 1 << 9,        // forward progress: the neighbour is reachable
    TCP_EVENT_SOFT_ERROR = 1 << 10,     // an ICMP error that ends nothing
    TCP_EVENT_UPLOAD = 1 << 11,         // a target must give the connection back; tcp_info says why
    TCP_EVENT_MTU = 1 << 12,            // the path's MTU was found to be another
};

// The next connection that has something to tell, and what (cleared by this); NULL: none. A connection that was released tells nothing.
struct tcp_connection *tcp_event_next(struct tcp *tcp, uint32_t *events);
void *tcp_context(const struct tcp_connection *connection);
void tcp_set_context(struct tcp_connection *connection, void *context);

enum tcp_end {
    TCP_END_NONE,           // it lives, or ended in order
    TCP_END_RESET,          // by the peer
    TCP_END_REFUSED,        // by the peer, before it was connected
    TCP_END_TIMED_OUT,      // R2, or keep-alive
    TCP_END_UNREACHABLE,
    TCP_END_ABORTED,        // by tcp_abort
    TCP_END_NO_ANSWER,      // an offer was not answered in time
    TCP_END_EXPORTED,
};

enum tcp_upload {
    TCP_UPLOAD_NONE,
    TCP_UPLOAD_STATE,
    TCP_UPLOAD_URGENT,
    TCP_UPLOAD_TIMEOUT
};

struct tcp_info {
    enum tcp_state state;
    enum tcp_end end;
    enum tcp_upload upload;
    enum tcp_icmp_kind soft_error;
    uint32_t mss_bytes;                 // payload of a full segment, options taken off
    uint32_t mtu_bytes;
    uint64_t unsent_bytes, unacked_bytes;
    uint32_t receive_bytes, window_bytes;
    uint64_t srtt_us, rttvar_us, rto_us;
    uint32_t cwnd, ssthresh;
    bool has_ecn, fin_acked, fin_received;
};
void tcp_info(const struct tcp_connection *connection, struct tcp_info *info);

// ---- sending

enum tcp_send_flag {
    TCP_SEND_PUSH = 1 << 0,             // PSH on the segment with the last byte
    TCP_SEND_URGENT = 1 << 1,           // the last byte is urgent
    TCP_SEND_FIN = 1 << 2,              // tcp_shutdown right behind it
};

// One send. The client's memory, spans too, from tcp_send until tcp_send_done gives it back.
struct tcp_send {
    struct list link;
    const struct eng_span *spans;
    uint32_t n_spans, flags;
    uint64_t bytes;                     // the sum of the spans
    void *context;
    int status;                         // at the end: 0, or why the bytes past acked_bytes may not have arrived: -ECONNRESET,
    uint64_t acked_bytes;               //   -ETIMEDOUT, -ECONNABORTED, -EHOSTUNREACH
    uint64_t start;                     // the engine's, from here on: the place in the stream
    uint32_t next_span, next_bytes;     // the first byte not yet sent
    uint32_t acked_span, acked_in_span; // the first byte not yet acknowledged
};

/* Queue a send: it goes out as windows, Nagle and congestion allow, and ends when its last byte is acknowledged. Before the
 * connection is open it waits. Each span's owner is held until then, and longer by packets that have not come back.
 * fails: -EPIPE after the FIN, -ENOTCONN when the connection has ended, -EINVAL for no bytes or a wrong sum; it stays the client's */
int tcp_send(struct tcp_connection *connection, struct tcp_send *send, uint64_t now_us, struct eng_outbox *outbox);

/* Take a send back of which no byte has left yet; those behind it close up, and it is as if it had never been.
 * owns:  it is the client's at once, its owners have been dropped, and tcp_send_done does not give it
 * fails: -EBUSY once a byte has left, or when the urgent pointer counts on it; -ENOENT when it has ended, and comes by tcp_send_done */
int tcp_send_take_back(struct tcp_connection *connection, struct tcp_send *send, uint64_t now_us, struct eng_outbox *outbox);

// The next send that has ended, or NULL. Its owners have been dropped.
struct tcp_send *tcp_send_done(struct tcp_connection *connection);

// ---- receiving

struct tcp_receive_view {
    uint32_t bytes;                     // in order, not yet taken
    uint32_t pushed_bytes;              // up to the last PSH (or FIN) among them
    uint32_t urgent_bytes;              // up to and with the urgent byte, which may not have come yet; 0: none
    bool has_fin;                       // the FIN follows these bytes
};
void tcp_receive_view(const struct tcp_connection *connection, struct tcp_receive_view *view);

// Cut up to `room` spans out of the waiting bytes, from skip_bytes on; returns how many. They live until tcp_receive_take passes
// them; whoever keeps one longer holds its owner, which every span has.
size_t tcp_receive_spans(const struct tcp_connection *connection, uint32_t skip_bytes, struct eng_span *spans, size_t room);

// Take bytes off the front: the window opens by so much.
void tcp_receive_take(struct tcp_connection *connection, uint32_t bytes, uint64_t now_us, struct eng_outbox *outbox);

// The two halves of it, for a client that keeps bytes elsewhere before it uses them: bytes off the front, which still count against the
// window; and as many of those as are used now.
void tcp_receive_move(struct tcp_connection *connection, uint32_t bytes);
void tcp_receive_used(struct tcp_connection *connection, uint32_t bytes, uint64_t now_us, struct eng_outbox *outbox);

// ---- closing

// A FIN behind all that was sent; receiving goes on. fails: -EPIPE a second time, -ENOTCONN when the connection has ended.
int tcp_shutdown(struct tcp_connection *connection, uint64_t now_us, struct eng_outbox *outbox);

// A reset, if the peer may know the connection; sends end with -ECONNABORTED. TCP_EVENT_ENDED follows.
void tcp_abort(struct tcp_connection *connection, uint64_t now_us, struct eng_outbox *outbox);

// The client is done with it: the pointer is dead. What was sent and shut down goes on by itself and then vanishes; a connection
// with bytes that nobody took is reset [RFC 9293 3.6.1], one that was not shut down is shut down. Sends that have not ended yet come
// back through tcp_released_send_done, those that had through it too. At a target it only vanishes: its host has it, or nobody.
void tcp_release(struct tcp_connection *connection, uint64_t now_us, struct eng_outbox *outbox);
struct tcp_send *tcp_released_send_done(struct tcp *tcp);

// ---- changes in mid-life

// Replace the cached state. fails: -EINVAL for a receive buffer of 0 bytes or more than a window can say.
int tcp_update(struct tcp_connection *connection, const struct tcp_cached *cached, uint64_t now_us, struct eng_outbox *outbox);
// The route or the adapter changed. By a narrower path what is out is sent again. fails: -EINVAL for an MTU that TCP cannot live with.
int tcp_set_path(struct tcp_connection *connection, const struct tcp_path *path, uint64_t now_us, struct eng_outbox *outbox);

// ---- hand-over

// A connection on its way from one engine to another.
struct tcp_handover {
    struct tcp_record record;
    struct list sends;                  // struct tcp_send, in order; the byte SND.UNA is acked_bytes into the first
    uint32_t urgent_offset;             // 1 + distance of the urgent byte from SND.UNA; 0: none
};

void tcp_query(const struct tcp_connection *connection, uint64_t now_us, struct tcp_record *record);

/* Take a connection out of this engine: a delayed acknowledgement leaves, timers stop, bytes out of order are forgotten. Afterwards
 * segments for it find nothing here, and the connection only still gives its waiting bytes (tcp_receive_spans) until tcp_release.
 * owns:  the sends are in the hand-over; their owners stay held
 * fails: -EBUSY in a state that cannot be handed over (before ESTABLISHED, TIME_WAIT) or with options in its IP headers, which no record
 *        carries; -ENOTCONN when it has ended */
int tcp_export(struct tcp_connection *connection, uint64_t now_us, struct eng_outbox *outbox, struct tcp_handover *handover);

/* Go on with a connection; also with one in TIME_WAIT, unless this is a target. received are bytes left of RCV.NXT that no client took
 * yet: held by their owners, or copied.
 * owns:  the sends leave the hand-over's list and are this engine's as if queued here; the connection is the client's
 * fails: -EINVAL (a record that contradicts itself), -EADDRINUSE, -ENOMEM; the hand-over is as before then */
int tcp_import(struct tcp *tcp, struct tcp_handover *handover, const struct tcp_open *open, const struct eng_span *received,
               size_t n_received, uint64_t now_us, struct eng_outbox *outbox, struct tcp_connection **connection);

#endif
