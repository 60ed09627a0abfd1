// SPDX-License-Identifier: MIT
// The inside of TCP: the connection's record, and what its files call of each other.
//   instance.c  create, destroy, demultiplexer, listeners' list     timer.c  the heap of deadlines, tcp_run
//   segment.c   parse, options, checksum                            in.c     tcp_input and the steps of RFC 9293 3.10.7
//   open.c      connect, listen, offers, handshakes                 cookie.c sequence numbers, ports, SYN cookies
//   ack.c       acknowledgements, recovery                          text.c   received bytes, urgent, FIN
//   out.c       what may leave now                                  emit.c   headers and options of what leaves
//   send.c      the client's sends                                  close.c  shutdown, abort, release, ends
//   path.c      MTU and ICMP; probe.c: larger MTUs                  handover.c query, update, export, import
#ifndef NBX_ENGINE_TCP_INT_H
#define NBX_ENGINE_TCP_INT_H

#include "engine/source_route.h"
#include "engine/tcp/cc.h"
#include "engine/tcp/rack.h"
#include "engine/tcp/rtt.h"
#include "engine/tcp/sack.h"
#include "engine/tcp/seq.h"
#include "engine/tcp/tcp.h"

enum tcp_flag {
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_RST = 4,
    TCP_PSH = 8,
    TCP_ACK = 16,
    TCP_URG = 32,
    TCP_ECE = 64,
    TCP_CWR = 128
};

#define TCP_HEAD_BYTES 20
#define TCP_OPTION_BYTES_MAX 40
#define TCP_MSS_MIN 64                  // a peer's MSS below this is taken as this: smaller ones only serve attacks
#define TCP_SCALE_MAX 14                // [RFC 7323 2.3]
#define TCP_WINDOW_MAX 0x3FFFC000u      // 65535 << 14, rounded to what the tests of sequence numbers bear
#define TCP_PAWS_IDLE_US (24ull * 24 * 3600 * 1000000)  // [RFC 7323 5.5]
#define TCP_SCORES_KEPT 1024
#define TCP_TRY_AGAIN_US 10000          // after memory for a packet was short
#define TCP_MTU_REST_US 601000000       // [RFC 1191 6.3, RFC 8201 4]: ten minutes, and one second for IP's memory of it to go first

enum tcp_timer {
    TCP_TIMER_RETRANSMIT,               // what it means is in enum tcp_waiting
    TCP_TIMER_ACK,
    TCP_TIMER_KEEP_ALIVE,
    TCP_TIMER_LOSS,                     // RACK's reordering timer or TLP's probe
    TCP_TIMER_SWS,                      // also: memory was short
    TCP_TIMER_PUSH,
    TCP_TIMERS,
};

// What the retransmit timer waits for: one slot, because these exclude each other [ddi: chimney].
enum tcp_waiting {
    TCP_WAIT_NONE,
    TCP_WAIT_OFFER,
    TCP_WAIT_SYN,
    TCP_WAIT_DATA,
    TCP_WAIT_PERSIST,
    TCP_WAIT_FIN_WAIT_2,
    TCP_WAIT_TIME_WAIT
};

enum tcp_recovery {
    TCP_OPEN,
    TCP_RECOVERY,
    TCP_LOSS,
    TCP_CWR_STATE
};

// A run of received bytes, one span of a segment or a copy. Owned by the connection's list it is in; holds span.owner.
struct tcp_chunk {
    struct list link;
    struct eng_span span;
    uint32_t seq;
    bool has_push;
};

// Bytes that had to be copied, as their own owner.
struct tcp_copy {
    struct eng_owner owner;
    struct eng_memory *memory;
    uint32_t room_bytes;
    uint8_t bytes[];
};

// What came beyond a gap.
struct tcp_early {
    struct list chunks;
    struct tcp_sack_block sacks[4];     // their runs, the most recent first
    uint8_t n_sacks;
};

// struct tcp_delegated without what tcp_query fills in.
struct tcp_kept {
    enum tcp_state state;
    uint32_t rcv_nxt, rcv_wnd;
    uint32_t snd_una, snd_max;
    uint32_t snd_wnd, max_snd_wnd, snd_wl1;
    uint32_t ts_recent;
    uint32_t dup_ack_count;
    uint32_t snd_wnd_probe_count;
    struct {
        uint32_t count;
    } retransmit;
    struct {
        uint32_t probe_count;
    } keep_alive;
};

struct tcp_connection {
    struct tcp *tcp;
    struct tcp_connection *hash_next;
    struct list all;                    // in tcp->connections
    struct list event_link;             // in tcp->events while `events` is not 0
    struct list owing;                  // in tcp->owing: an acknowledgement waits for the end of a batch
    struct tcp_listener *listener;      // of an offer
    void *context;
    struct {
        struct tcp_constant constant;
        struct tcp_cached cached;
        struct tcp_kept delegated;
    } r;                                // struct tcp_record, as far as it is kept
    struct tcp_path path;
    uint32_t events;
    // Timers: the earliest of due[] is the key in the heap, or later than it.
    uint64_t due[TCP_TIMERS];
    uint64_t timer_key;
    uint32_t timer_place;               // index in the heap + 1; 0: not in it
    uint8_t waiting;                    // enum tcp_waiting
    uint8_t recovery;                   // enum tcp_recovery
    uint8_t end, upload, soft_error;
    uint8_t syn_count;                  // SYNs or SYN-ACKs sent again
    uint8_t ka_count;
    uint8_t hole_count;                 // timeouts of large segments in a row
    uint32_t mtu_link;                  // what the path has where it begins; path.mtu_bytes is what is known to go through
    // Bytes going out: places are offsets in the stream since the handshake (or import).
    struct list sends, done;            // struct tcp_send
    struct tcp_send *next_send;         // holds next_place; NULL: all is sent
    uint64_t una_place, next_place, end_place;
    uint64_t urgent_place;              // behind the urgent byte, when has_urgent_out
    uint32_t iss, irs;
    uint32_t snd_wl2;
    uint32_t mss;                       // payload of a full segment without SACK blocks
    uint32_t recover;                   // SND.NXT when recovery began
    uint32_t cwr_end;                   // SND.NXT when cwnd was last reduced for ECN
    uint64_t first_resent_us;           // when the present run of retransmissions began; 0: none
    uint64_t last_sent_us, last_heard_us, progress_us;
    struct tcp_score *score;            // while something is in flight; ask tcp_score()
    struct tcp_rtt rtt;
    struct tcp_rack rack;
    struct tcp_cc cc;
    // Bytes coming in.
    struct list received;               // struct tcp_chunk: in order
    struct tcp_early *early;            // beyond a gap; NULL: there is none
    uint32_t received_bytes, chunks;
    uint32_t moved_bytes;               // the client has them, but has not used them yet
    uint32_t pushed_seq;                // behind the last PSH among what was received in order
    uint32_t receive_max_bytes;         // the buffer may grow to this; 0: the client has said how large it is
    uint32_t tuned_us, tuned_bytes;     // when the round trip began that is watched, truncated; used by the client since
    uint32_t last_ack_sent;
    uint32_t ack_segments;              // received since, in order
    uint32_t urgent_seq;                // behind the urgent byte, when has_urgent_in
    uint32_t fin_seq;                   // of the peer's FIN, when has_fin_in
    uint32_t ts_offset;                 // our timestamp is milliseconds + this
    uint64_t ts_recent_us;              // when TS.Recent was set
    uint64_t oow_ack_us;                // last answer to something out of the window
    struct tcp_sack_block dsack;
    uint64_t mtu_next_us;               // when a larger one may be tried
    uint32_t mtu_high;                  // the search for a larger one ends here
    uint32_t probe_seq, probe_bytes, probe_mtu; // the segment that tries it; bytes 0: none is out
    uint8_t probe_fails;                // of its size
    bool mtu_is_said : 1;               // mtu_high is what a router said
    bool has_dsack : 1, has_pushed : 1;
    bool is_released : 1, is_offer : 1, is_announced : 1, is_cookie : 1, is_hashed : 1, is_exported : 1;
    bool ack_now : 1, ack_delayed : 1;
    bool wants_fin : 1, fin_sent : 1, fin_acked : 1, has_fin_in : 1, fin_taken : 1;
    bool has_urgent_in : 1, has_urgent_out : 1;
    bool end_told : 1;
    bool ecn_ok : 1, ecn_echo : 1, ecn_cwr : 1, syn_was_ecn : 1;
    bool force_first : 1;               // one retransmission beyond cwnd: the fast one
    bool sws_over : 1, is_limited : 1, is_starved : 1, is_tlp_due : 1;
    bool is_opener : 1;                 // opened actively
    bool is_doubted : 1;                // a target's: a reset or SYN that may be forged came, and probes will tell
    bool ts_recent_ok : 1;
    bool is_route_given : 1;            // by the client: what the peer's segments came by is not looked at
    struct source_route *route;         // in the IP header of every segment; NULL: none
};

struct tcp_listener {
    struct list link;
    struct tcp *tcp;
    struct eng_address local;
    uint16_t port;
    uint32_t offers, offers_max;        // unanswered
    void *context;
};

struct tcp {
    struct eng_memory *memory;
    struct eng_out_pool *pool;
    struct eng_slab slab;               // of connections
    struct tcp_params params;
    struct siphash_key secret;
    struct tcp_counters counters;
    struct list connections, events, listeners, done, owing;
    bool is_batch;
    struct tcp_connection **buckets;
    uint32_t bucket_count, hashed;
    struct tcp_connection **heap;       // by timer_key, ties by place in time of entry do not matter: keys decide, then `order`
    uint32_t heap_count, heap_room;
    struct tcp_sent_pool sent_pool;
    struct tcp_score no_score;          // of all connections with nothing in flight
    struct list scores;                 // to use again, by their lists of records
    uint32_t scores_kept;
    struct list chunk_pool;
    uint32_t chunks_kept, early_chunks, live;
    uint64_t challenge_second;
    uint32_t challenge_count, challenge_limit;
    uint32_t port_next;                 // of tcp_port_pick
    // Of the call that is being made.
    uint64_t now_us;
    struct eng_outbox *outbox;
};

struct tcp_options {
    bool has_mss, has_scale, has_sack_ok, has_timestamps;
    uint8_t scale, n_sacks;
    uint16_t mss;
    uint32_t ts_value, ts_echo;
    struct tcp_sack_block sacks[4];
};

struct tcp_segment {
    const struct eng_in *in;
    uint32_t seq, ack, window;          // window scaled once the connection is known
    uint32_t data_at, data_bytes;       // data_at: from the start of in's spans
    uint16_t source_port, destination_port, urgent;
    uint8_t flags;
    bool is_coalesced;
    struct tcp_options options;
};

// A header to be written.
struct tcp_head {
    const struct eng_address *local, *remote;
    uint16_t local_port, remote_port, window, urgent;
    uint32_t seq, ack;
    const struct source_route *route;   // NULL: none
    uint8_t flags, option_bytes;
    uint8_t options[TCP_OPTION_BYTES_MAX];
};

static inline uint64_t
tcp_tick_us(const struct tcp *tcp)
{
    return 1000000 / tcp->params.ticks_per_second;
}

static inline bool
tcp_uses(const struct tcp *tcp, uint32_t use)
{
    return tcp->params.uses & use;
}

static inline uint32_t
tcp_clock_ms(const struct tcp *tcp)
{
    return (uint32_t)(tcp->now_us / 1000);
}

static inline bool
tcp_is_synchronized(const struct tcp_connection *c)
{
    return c->r.delegated.state >= TCP_ESTABLISHED;
}

// Without anything in flight it is nobody's own: nothing can be marked in it, and tcp_score_sent wants tcp_flight_reserve first.
static inline struct tcp_score *
tcp_score(const struct tcp_connection *c)
{
    return c->score ? c->score : &c->tcp->no_score;
}

// instance.c
// A scoreboard and a record for tcp_score_sent; asked before a packet is built. fails: false without memory
bool tcp_flight_reserve(struct tcp_connection *c);
void tcp_flight_settle(struct tcp_connection *c);        // nothing may be in flight any more
void tcp_flight_clear(struct tcp_connection *c);
void tcp_enter(struct tcp *tcp, uint64_t now_us, struct eng_outbox *outbox);
struct tcp_connection *tcp_find(const struct tcp *tcp, const struct eng_address *local, const struct eng_address *remote,
                                uint16_t local_port, uint16_t remote_port);
struct tcp_listener *tcp_find_listener(const struct tcp *tcp, const struct eng_address *local, uint16_t port);
bool tcp_hash_insert(struct tcp_connection *c);
void tcp_hash_remove(struct tcp_connection *c);
// A connection with its addresses, not yet in the table. fails: NULL.
struct tcp_connection *tcp_connection_create(struct tcp *tcp, const struct eng_address *local, const struct eng_address *remote,
                                             uint16_t local_port, uint16_t remote_port);
// Forget it: no word on the wire; everything it holds is dropped. Sends go to the instance's list of ended ones.
void tcp_connection_destroy(struct tcp_connection *c);
void tcp_event(struct tcp_connection *c, uint32_t events);
void tcp_enter_state(struct tcp_connection *c, enum tcp_state state);

// timer.c
bool tcp_timers_reserve(struct tcp *tcp, uint32_t count);
void tcp_timer_set(struct tcp_connection *c, enum tcp_timer timer, uint64_t due_us);
void tcp_timer_stop(struct tcp_connection *c, enum tcp_timer timer);
void tcp_timers_stop(struct tcp_connection *c);
void tcp_wait(struct tcp_connection *c, enum tcp_waiting waiting, uint64_t after_us);
void tcp_wait_data(struct tcp_connection *c);           // the retransmission timer, from now
void tcp_keep_alive_restart(struct tcp_connection *c);
void tcp_keep_alive_doubt(struct tcp_connection *c);    // probes in five minutes, unless they come earlier anyway

// segment.c
bool tcp_segment_parse(const struct eng_in *in, struct tcp_segment *segment, bool *sum_bad);
void tcp_options_parse(const uint8_t *bytes, size_t count, bool is_syn, struct tcp_options *options);

// in.c
void tcp_challenge(struct tcp_connection *c);
void tcp_in_reset_answer(struct tcp *tcp, const struct tcp_segment *segment);

// open.c
void tcp_in_listen(struct tcp_listener *listener, const struct tcp_segment *segment);
void tcp_in_syn_sent(struct tcp_connection *c, struct tcp_segment *segment);
void tcp_in_offer(struct tcp_connection *c, const struct tcp_segment *segment);
void tcp_established(struct tcp_connection *c);
void tcp_syn_timeout(struct tcp_connection *c);
void tcp_syn_send(struct tcp_connection *c);
bool tcp_is_broadcast(const struct eng_address *address);
// The largest that the buffer of a connection may become when its opener says nothing: what the window scale must be able to say.
static inline uint32_t
tcp_receive_most(const struct tcp *tcp)
{
    const struct tcp_params *p = &tcp->params;
    return p->receive_max_bytes > p->receive_bytes ? p->receive_max_bytes : p->receive_bytes;
}
int tcp_open_defaults(struct tcp_connection *c, const struct tcp_open *open);
void tcp_receive_scale_choose(struct tcp_connection *c);
void tcp_peer_options(struct tcp_connection *c, const struct tcp_options *options);
// cookie.c
uint32_t tcp_sequence_first(const struct tcp *tcp, const struct tcp_connection *c);
uint32_t tcp_timestamp_offset(const struct tcp *tcp, const struct tcp_constant *constant);
void tcp_cookie_send(struct tcp *tcp, const struct tcp_segment *segment);
bool tcp_cookie_check(struct tcp_listener *listener, const struct tcp_segment *segment);

// ack.c
bool tcp_in_ack(struct tcp_connection *c, const struct tcp_segment *segment);
void tcp_recovery_timeout(struct tcp_connection *c);
void tcp_loss_timeout(struct tcp_connection *c);
void tcp_loss_timer_set(struct tcp_connection *c);

// text.c
void tcp_in_text(struct tcp_connection *c, const struct tcp_segment *segment);
void tcp_in_urgent(struct tcp_connection *c, const struct tcp_segment *segment);
void tcp_in_fin(struct tcp_connection *c);
void tcp_note_duplicate(struct tcp_connection *c, uint32_t seq, uint32_t end);
void tcp_received_clear(struct tcp_connection *c);
void tcp_early_clear(struct tcp_connection *c);
uint32_t tcp_window_choose(struct tcp_connection *c);   // what to advertise now, in bytes; moves the edge
bool tcp_received_import(struct tcp_connection *c, const struct eng_span *spans, size_t n_spans);

// send.c
void tcp_sends_acked(struct tcp_connection *c, uint32_t bytes);
void tcp_sends_end(struct tcp_connection *c, int status);
// Add [place, place + bytes) of the stream to a packet; returns how many fitted, and whether a send that pushes ends there. Moves the
// cursor when place is next_place.
uint32_t tcp_sends_gather(struct tcp_connection *c, uint64_t place, uint32_t bytes, struct eng_out *out, bool *has_push);
void tcp_send_done_push(struct tcp_connection *c, struct tcp_send *send, int status);

// out.c
void tcp_out(struct tcp_connection *c);
void tcp_out_probe(struct tcp_connection *c);
void tcp_out_again(struct tcp_connection *c);            // all that is lost, whatever cwnd says: only for what is no sign of congestion
bool tcp_out_tail(struct tcp_connection *c);            // a tail loss probe; false: nothing to send
// emit.c
struct eng_out *tcp_emit_begin(struct tcp *tcp, const struct tcp_path *path);
void tcp_emit(struct tcp *tcp, struct eng_out *out, const struct tcp_head *head, const struct tcp_path *path);
bool tcp_emit_ack(struct tcp_connection *c);
// A segment of [seq, seq + ...) of numbers: bytes of the stream, then FIN if it has one. Returns the numbers sent, 0 without memory.
uint32_t tcp_emit_data(struct tcp_connection *c, uint32_t seq, uint32_t bytes, bool has_fin, bool is_again);
void tcp_emit_reset(struct tcp_connection *c);
void tcp_emit_syn(struct tcp_connection *c);
void tcp_emit_keep_alive(struct tcp_connection *c);
uint8_t tcp_syn_options(uint8_t *to, uint16_t mss, const struct tcp_constant *constant, uint32_t ts_value, uint32_t ts_echo);
uint16_t tcp_mss_to_offer(const struct eng_address *address, uint32_t mtu_bytes);

// close.c
void tcp_end(struct tcp_connection *c, enum tcp_end end);   // to CLOSED; destroys it when it was released. The pointer may be dead
void tcp_time_wait(struct tcp_connection *c);
void tcp_upload(struct tcp_connection *c, enum tcp_upload upload);

// path.c
void tcp_mss_update(struct tcp_connection *c);
void tcp_path_begin(struct tcp_connection *c, const struct tcp_path *path);
void tcp_mtu_retry(struct tcp_connection *c);           // the path may have grown again
void tcp_path_whole(struct tcp_connection *c);          // its packets have IP options: no adapter cuts or sums them
// A copy of it goes into each header from now on. fails: false without memory, and the way is as it was.
bool tcp_route_set(struct tcp_connection *c, const struct source_route *route);
void tcp_route_follow(struct tcp_connection *c, const struct eng_in *in);
void tcp_hole_suspect(struct tcp_connection *c);

// probe.c
bool tcp_probe_is_possible(const struct tcp_connection *c);
uint32_t tcp_probe_bytes(struct tcp_connection *c, uint64_t unsent, uint32_t usable);   // of the probe that is due; 0: none is
void tcp_probe_sent(struct tcp_connection *c, uint32_t seq, uint32_t bytes);
void tcp_probe_put_off(struct tcp_connection *c);        // it could not be built
void tcp_probe_acked(struct tcp_connection *c);         // SND.UNA has moved
void tcp_probe_look(struct tcp_connection *c);          // something was found to be lost
bool tcp_probe_timed_out(struct tcp_connection *c);     // true: it was the probe that did
bool tcp_probe_refused(struct tcp_connection *c, uint32_t seq, uint32_t mtu_bytes);     // by ICMP; false: that was not about the probe

#endif
