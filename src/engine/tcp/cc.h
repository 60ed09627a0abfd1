// SPDX-License-Identifier: MIT
// Congestion control: how many bytes may be in flight [RFC 5681], with Reno's and CUBIC's growth [RFC 9438] behind one face.
//   tcp_cc_init at the handshake; tcp_cc_on_ack for what arrives outside of a fast recovery; tcp_cc_on_congestion when one begins (loss,
//   or an ECN echo [RFC 3168]); tcp_cc_on_recovered when it ends; tcp_cc_on_timeout; tcp_cc_on_idle before sending after a pause
// cwnd and ssthresh are bytes and mean the same in every algorithm, so that they can be handed over.
#ifndef NBX_ENGINE_TCP_CC_H
#define NBX_ENGINE_TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

enum tcp_cc_cause { TCP_CC_LOSS, TCP_CC_ECN };

// What CUBIC knows of the last reduction [RFC 9438 4]; windows are bytes.
struct tcp_cubic {
    uint64_t epoch_us;                  // when this congestion avoidance began; 0: it has not yet
    uint32_t w_max;                     // cwnd before the last reduction, less with fast convergence; 0: none, or a timeout
    uint32_t origin;                    // the plateau of this epoch's curve
    uint32_t k_ms;                      // when the curve reaches it
    uint32_t cwnd_prior;                // cwnd before the last reduction, whatever w_max became
    uint64_t w_est_fine;                // what Reno would have, in 1/1024 bytes
};

struct tcp_cc {
    uint32_t cwnd, ssthresh;            // bytes
    uint32_t mss;
    uint32_t algorithm;                 // enum tcp_congestion of tcp.h
    uint32_t initial_segments;
    uint32_t acked;                     // bytes towards the next growth
    uint32_t undo_cwnd, undo_ssthresh;  // before the last reduction; undo_cwnd 0: there is nothing to undo
    struct tcp_cubic cubic, undo_cubic;
};

struct tcp_cc_ack {
    uint64_t now_us, srtt_us;           // srtt 0: no sample yet
    uint32_t acked_bytes;               // cumulatively and by SACK, newly
    uint32_t flight_before;             // bytes in flight before this ACK
    bool is_limited;                    // cwnd was what held output back; growth without that is none [RFC 7661, 5681 3.1]
};

// initial_segments of RFC 6928; the SYN's loss makes the initial window one segment (tcp_cc_on_syn_lost).
void tcp_cc_init(struct tcp_cc *cc, uint32_t algorithm, uint32_t mss, uint32_t initial_segments);
void tcp_cc_on_syn_lost(struct tcp_cc *cc);
void tcp_cc_on_ack(struct tcp_cc *cc, const struct tcp_cc_ack *ack);
void tcp_cc_on_congestion(struct tcp_cc *cc, enum tcp_cc_cause cause, uint32_t flight_bytes, uint64_t now_us);
// Fast recovery is over: cwnd is ssthresh, or less when so little is in flight that a burst would follow [RFC 6582 3.2 (3)].
void tcp_cc_on_recovered(struct tcp_cc *cc, uint32_t flight_bytes);
// is_first: the first expiry for this flight; a repeated one leaves ssthresh [RFC 5681 3.1 (4)].
void tcp_cc_on_timeout(struct tcp_cc *cc, uint32_t flight_bytes, bool is_first, uint64_t now_us);
// Nothing was sent for idle_us: the restart window [RFC 5681 4.1].
void tcp_cc_on_idle(struct tcp_cc *cc, uint64_t idle_us, uint64_t rto_us);
// The path's segment size changed; cwnd keeps its bytes, but never less than one segment [RFC 9293 MAY, RFC 1191 6.5].
void tcp_cc_set_mss(struct tcp_cc *cc, uint32_t mss);
// The last reduction was for nothing: what seemed lost had been reordered. Only once for each.
void tcp_cc_undo(struct tcp_cc *cc);
// After a hand-over: bytes as they came; the epoch starts anew.
void tcp_cc_import(struct tcp_cc *cc, uint32_t cwnd, uint32_t ssthresh);

// For cc.c alone: growth in congestion avoidance, and ssthresh after a reduction, at least two segments.
void tcp_reno_grow(struct tcp_cc *cc, const struct tcp_cc_ack *ack);
uint32_t tcp_reno_reduced(const struct tcp_cc *cc, uint32_t flight_bytes);
void tcp_cubic_grow(struct tcp_cc *cc, const struct tcp_cc_ack *ack);
uint32_t tcp_cubic_reduced(struct tcp_cc *cc, uint32_t flight_bytes);
void tcp_cubic_on_timeout(struct tcp_cc *cc);
void tcp_cubic_on_idle(struct tcp_cc *cc, uint64_t idle_us);

#endif
