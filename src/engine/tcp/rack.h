// SPDX-License-Identifier: MIT
// Loss by time [RFC 8985]: RACK declares lost what was sent well before something that has arrived; TLP sends a probe when the tail
// of a flight stays silent.
//   tcp_rack_on_ack after the scoreboard has an ACK's news; tcp_rack_on_timer when the deadline that it gave has come
//   tcp_rack_probe_deadline after new data left or an ACK came; tcp_rack_probed when the probe has left
// It marks records in the scoreboard and never sends; what to do about lost records is the caller's (recovery, cc, output).
#ifndef NBX_ENGINE_TCP_RACK_H
#define NBX_ENGINE_TCP_RACK_H

#include "engine/tcp/sack.h"

struct tcp_rack {
    uint64_t xmit_us;                   // RACK.xmit_ts; 0: nothing has been delivered yet
    uint64_t min_since_us;              // when this minute of min_rtt_us began
    uint32_t end_seq, rtt_us;
    uint32_t min_rtt_us, last_min_rtt_us;   // of this minute and the one before; 0: none
    uint32_t dsack_round;               // SND.NXT when the window was last widened
    uint32_t probe_end;                 // TLP.end_seq
    uint8_t reo_wnd_mult, reo_wnd_persist;
    bool has_reordering : 1, has_dsack_round : 1, was_recovering : 1;
    bool has_probe : 1, probe_was_resent : 1;
    bool has_rtt_since_probe : 1;       // a probe must not measure itself only [7.3]
};

// What the rest of the connection looks like.
struct tcp_rack_view {
    uint64_t now_us;
    uint64_t srtt_us;                   // 0: no sample yet
    uint64_t rto_us;                    // when the retransmission timer would expire, from now
    uint32_t una, max, mss, dup_threshold;
    uint32_t delayed_ack_us;            // how long the peer may hold an ACK for a single segment
    bool is_recovering;                 // fast recovery or a timeout's
    bool has_sack;
};

void tcp_rack_init(struct tcp_rack *rack);

// Learn from an ACK and mark what is lost now. Returns when tcp_rack_on_timer is due, or ENG_NEVER. Without SACK it learns nothing: the
// caller counts duplicates then [8985 3, 6582].
uint64_t tcp_rack_on_ack(struct tcp_rack *rack, struct tcp_score *score, const struct tcp_news *news, const struct tcp_rack_view *view);

// The reordering timer: mark what is lost by now. Returns the next deadline.
uint64_t tcp_rack_on_timer(struct tcp_rack *rack, struct tcp_score *score, const struct tcp_rack_view *view);

// When a tail loss probe is due, asked after new data left or an ACK came; or ENG_NEVER (nothing in flight, recovering, a hole known,
// no SACK, one is out already). The probe is new data if the window lets it, else the last segment again.
uint64_t tcp_rack_probe_deadline(const struct tcp_rack *rack, const struct tcp_score *score, const struct tcp_rack_view *view);

// A probe left: `end` is SND.NXT after it, was_resent says whether it was old data.
void tcp_rack_probed(struct tcp_rack *rack, uint32_t end, bool was_resent);

// Whether this ACK shows that the probe repaired a loss, which then counts as one (the caller tells cc) [RFC 8985 7.4.2].
bool tcp_rack_probe_was_needed(struct tcp_rack *rack, const struct tcp_news *news, const struct tcp_rack_view *view);

#endif
