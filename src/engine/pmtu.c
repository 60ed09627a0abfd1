// SPDX-License-Identifier: MIT
// What is known of path MTUs [RFC 1191, RFC 8201]: only paths that are narrower than their first link have an entry, for ten
// minutes [RFC 1191 6.3]. A value only ever falls; below a floor it is not believed, because a small MTU is a way to make us waste.
#include "engine/net_int.h"

#define PMTU_AGE_US (600 * SECOND_US)
#define PMTU4_FLOOR_BYTES 552u      // narrower IPv4 paths may cut our packets themselves: DF is then not set

static struct net_pmtu *
pmtu_entry(struct net *net, const struct eng_address *destination)
{
    for (unsigned i = 0; i < PMTU_MAX; i++)
        if (net->pmtus[i].is_used && eng_address_is_equal(&net->pmtus[i].destination, destination))
            return &net->pmtus[i];
    return NULL;
}

static void
pmtu_on_timer(struct net *net, struct timer *timer)
{
    TIMER_OWNER(timer, struct net_pmtu, timer)->is_used = false;
    net->generation++;
}

bool
pmtu_find(struct net *net, const struct eng_address *destination, uint32_t *mtu_bytes, bool *may_fragment)
{
    const struct net_pmtu *entry = pmtu_entry(net, destination);
    if (!entry)
        return false;
    *mtu_bytes = entry->mtu_bytes;
    *may_fragment = entry->may_fragment;
    return true;
}

static struct net_pmtu *
pmtu_take(struct net *net)
{
    struct net_pmtu *oldest = net->pmtus;
    for (unsigned i = 0; i < PMTU_MAX; i++) {
        if (!net->pmtus[i].is_used)
            return &net->pmtus[i];
        if (net->pmtus[i].learnt_us < oldest->learnt_us)
            oldest = &net->pmtus[i];
    }
    return oldest;
}

void
pmtu_learn(struct net *net, const struct eng_address *destination, uint32_t mtu_bytes, bool may_fragment)
{
    uint32_t floor_bytes = destination->family == ENG_IP4 ? PMTU4_FLOOR_BYTES : IP6_MTU_MIN;
    if (mtu_bytes < floor_bytes) {
        may_fragment = destination->family == ENG_IP4;
        mtu_bytes = floor_bytes;
    }
    struct net_pmtu *entry = pmtu_entry(net, destination);
    if (entry && entry->mtu_bytes < mtu_bytes)
        return;
    if (!entry)
        entry = pmtu_take(net);
    timer_cancel(&net->timers, &entry->timer);
    *entry = (struct net_pmtu){.destination = *destination, .mtu_bytes = mtu_bytes, .is_used = true, .may_fragment = may_fragment,
                               .learnt_us = net->now_us, .timer.on_fire = pmtu_on_timer};
    net_arm(net, &entry->timer, PMTU_AGE_US);
    net->generation++;
}
