// SPDX-License-Identifier: MIT
// The sender's scoreboard [RFC 2018, RFC 6675, D-SACK RFC 2883]: what is in flight, as records in the order of their sequence numbers,
// each one transmission (a super-segment is one record), split where an ACK, a SACK block or a limit cuts it.
//   sent     tcp_score_sent (new), tcp_score_resent (a record that was lost)
//   ACKs     tcp_score_acked, tcp_score_sacked: fill a struct tcp_news, from which rtt, rack and cc learn
//   losses   tcp_score_lose (rack), tcp_score_lose_by_count (dup-ack threshold), tcp_score_lose_first (NewReno), tcp_score_lose_all (RTO)
//   output   tcp_score_lost_first, and flight_bytes against cwnd
// A record is in flight unless it is SACKED, or LOST and not RESENT. What is in flight stands in a second list by the time it left,
// what is lost in one by its number: neither loss by time nor the choice of what to send again has to look at all the others.
// Sequence numbers count SYN and FIN.
#ifndef NBX_ENGINE_TCP_SACK_H
#define NBX_ENGINE_TCP_SACK_H

#include "engine/engine.h"

enum tcp_sent_flag {
    TCP_SENT_SACKED = 1 << 0,
    TCP_SENT_LOST = 1 << 1,
    TCP_SENT_RESENT = 1 << 2,           // in flight again since it was last declared lost
    TCP_SENT_EVER_RESENT = 1 << 3,      // Karn: no round trip can be measured
};

struct tcp_sent {
    struct list link;                   // by number
    struct list in_turn;                // in flight, by the time of sending; or lost, by number; or SACKED: in none
    uint64_t sent_us;                   // of the last transmission
    uint32_t seq, end;                  // [seq, end)
    uint8_t flags;                      // enum tcp_sent_flag
};

// Records to use again, of one instance.
struct tcp_sent_pool {
    struct eng_memory *memory;
    struct list free;
    uint32_t kept;
};
void tcp_sent_pool_init(struct tcp_sent_pool *pool, struct eng_memory *memory);
void tcp_sent_pool_destroy(struct tcp_sent_pool *pool);

#define TCP_SENT_MAX 4096               // records of a connection: a peer's SACK blocks split no further

struct tcp_score {
    struct list sent;
    struct list in_flight, lost;        // by tcp_sent.in_turn
    uint32_t count;                     // records
    uint32_t flight_bytes, sacked_bytes, lost_bytes;    // lost: not RESENT yet. The three add up to what is between una and max
    uint32_t high_sacked;               // the end of the highest SACKed record, when sacked_bytes
};

struct tcp_sack_block {
    uint32_t seq, end;
};

// What one ACK told. The caller zeroes it and sets now_us, una and rtt_us = ENG_NEVER.
struct tcp_news {
    uint64_t now_us;
    uint64_t rtt_us;                    // of the newest delivered record that was sent once; ENG_NEVER: none
    uint64_t newest_sent_us;            // the latest transmission among those now delivered; 0: nothing was
    uint32_t newest_end;
    uint64_t original_sent_us;          // the same among those that were sent once; 0: none
    uint32_t original_end;
    uint32_t una;                       // SND.UNA after this ACK
    uint32_t acked_bytes, sacked_bytes; // newly
    uint32_t flight_before;             // flight_bytes before it
    uint32_t dsack_seq, dsack_end;      // when has_dsack
    bool newest_was_resent;
    bool has_dsack;
    bool is_reordered;                  // a record below a SACKed one was delivered without ever being resent
};

void tcp_score_init(struct tcp_score *score);
void tcp_score_clear(struct tcp_score *score, struct tcp_sent_pool *pool);

// Whether a record is there for tcp_score_sent; asked before a packet is built. fails: false without memory.
bool tcp_score_reserve(const struct tcp_score *score, struct tcp_sent_pool *pool);

// New numbers [seq, end) left. Without memory for a record the last one grows (and counts as sent now); the first is reserved.
void tcp_score_sent(struct tcp_score *score, struct tcp_sent_pool *pool, uint32_t seq, uint32_t end, uint64_t now_us);

// A record left again.
void tcp_score_resent(struct tcp_score *score, struct tcp_sent *sent, uint64_t now_us);

// Cut a record at `at`, inside it: it ends there and a new one follows. fails: false without memory or past TCP_SENT_MAX.
bool tcp_score_split(struct tcp_score *score, struct tcp_sent_pool *pool, struct tcp_sent *sent, uint32_t at);

// Everything before una has arrived.
void tcp_score_acked(struct tcp_score *score, struct tcp_sent_pool *pool, uint32_t una, struct tcp_news *news);

// The SACK blocks of an ACK, after tcp_score_acked. Blocks that are senseless against [una, max) are ignored; a first block at or
// below una, or inside the second, is a D-SACK.
void tcp_score_sacked(struct tcp_score *score, struct tcp_sent_pool *pool, const struct tcp_sack_block *blocks, unsigned n_blocks,
                      uint32_t una, uint32_t max, struct tcp_news *news);

void tcp_score_lose(struct tcp_score *score, struct tcp_sent *sent);

// IsLost of RFC 6675: lose what has dup_threshold SACKed runs, or more than (dup_threshold - 1) * mss SACKed bytes, above it.
void tcp_score_lose_by_count(struct tcp_score *score, uint32_t dup_threshold, uint32_t mss);

// Lose the first mss bytes that are not SACKed, even if they were RESENT [RFC 6582].
void tcp_score_lose_first(struct tcp_score *score, struct tcp_sent_pool *pool, uint32_t mss);

// A retransmission timeout: everything is lost, and SACKs are forgotten because the receiver may have discarded [RFC 2018 8].
void tcp_score_lose_all(struct tcp_score *score);

// The first record that is LOST and not RESENT, or NULL.
struct tcp_sent *tcp_score_lost_first(const struct tcp_score *score);

#endif
