// SPDX-License-Identifier: MIT
// A working stand-in until RACK-TLP stands here: loss is by count alone, there is no reordering timer and no tail loss probe.
#include "engine/tcp/rack.h"

void
tcp_rack_init(struct tcp_rack *rack)
{
    *rack = (struct tcp_rack){.reo_wnd_mult = 1};
}

uint64_t
tcp_rack_on_ack(struct tcp_rack *rack, struct tcp_score *score, const struct tcp_news *news, const struct tcp_rack_view *view)
{
    (void)rack;
    (void)news;
    tcp_score_lose_by_count(score, view->dup_threshold, view->mss);
    return ENG_NEVER;
}

uint64_t
tcp_rack_on_timer(struct tcp_rack *rack, struct tcp_score *score, const struct tcp_rack_view *view)
{
    (void)rack;
    (void)score;
    (void)view;
    return ENG_NEVER;
}

uint64_t
tcp_rack_probe_deadline(const struct tcp_rack *rack, const struct tcp_score *score, const struct tcp_rack_view *view)
{
    (void)rack;
    (void)score;
    (void)view;
    return ENG_NEVER;
}

void
tcp_rack_probed(struct tcp_rack *rack, uint32_t end, bool was_resent)
{
    rack->has_probe = true;
    rack->probe_end = end;
    rack->probe_was_resent = was_resent;
}

bool
tcp_rack_probe_was_needed(struct tcp_rack *rack, const struct tcp_news *news, const struct tcp_rack_view *view)
{
    (void)news;
    (void)view;
    rack->has_probe = false;
    return false;
}
