// SPDX-License-Identifier: MIT
// Memberships of groups, of both families: who joined what on which interface, counted; the adapter's filter; and when it is time to
// report, which igmp.c and mld.c then do.
//   group_join, group_leave -> [change timer, twice: RFC 3376 5.1, RFC 3810 6.1] -> igmp_report_change | mld_report_change
//   a query -> group_answer_soon -> [answer timer] -> igmp_report_state | mld_report_state
#include "engine/net_int.h"

#define ROBUSTNESS 2u               // [RFC 3376 8.1]

// Everybody is a member of these, and nobody says so [RFC 3376 4.2.13, RFC 3810 6]; nor of groups that do not leave the interface.
static bool
group_is_implicit(const struct eng_address *group)
{
    static const uint8_t all_hosts[4] = {224, 0, 0, 1}, all_nodes[16] = {0xFF, 0x02, [15] = 1};
    if (group->family == ENG_IP4)
        return !memcmp(group->bytes, all_hosts, 4);
    return !memcmp(group->bytes, all_nodes, 16) || (group->bytes[1] & 0xF) <= 1;
}

static struct net_group *
group_find(struct net *net, uint32_t interface_index, const struct eng_address *group)
{
    for (unsigned i = 0; i < GROUPS_MAX; i++)
        if (net->groups[i].is_used && net->groups[i].interface_index == interface_index &&
            eng_address_is_equal(&net->groups[i].group, group))
            return &net->groups[i];
    return NULL;
}

bool
group_is_joined(struct net *net, uint32_t interface_index, const struct eng_address *group)
{
    if (group_is_implicit(group) && (group->family == ENG_IP4 || group->bytes[15] == 1))
        return true;
    const struct net_group *entry = group_find(net, interface_index, group);
    return entry && entry->joins;
}

static void
group_report_change(struct net *net, struct net_group *entry)
{
    struct net_interface *interface = net->interfaces[entry->interface_index];
    if (!interface->is_up || interface->is_loopback || group_is_implicit(&entry->group))
        entry->changes_left = 0;
    if (entry->changes_left) {
        entry->changes_left--;
        if (entry->group.family == ENG_IP4)
            igmp_report_change(net, entry);
        else
            mld_report_change(net, entry);
    }
    if (entry->changes_left)
        net_arm(net, &entry->change, net_random_below(net, SECOND_US)); // Unsolicited Report Interval [RFC 3376 8.11]
    else if (!entry->joins)
        entry->is_used = false;
}

static void
group_on_change(struct net *net, struct timer *timer)
{
    group_report_change(net, TIMER_OWNER(timer, struct net_group, change));
}

static void
group_on_answer(struct net *net, struct timer *timer)
{
    struct net_group *entry = TIMER_OWNER(timer, struct net_group, answer);
    if (!entry->joins)
        return;
    if (entry->group.family == ENG_IP4)
        igmp_report_state(net, entry);
    else
        mld_report_state(net, entry);
}

void
group_answer_soon(struct net *net, struct net_group *entry, uint64_t within_us)
{
    uint64_t at_us = net->now_us + net_random_below(net, within_us + 1);
    if (group_is_implicit(&entry->group) || !entry->joins || (entry->answer.is_armed && entry->answer.at_us <= at_us))
        return;
    timer_arm(&net->timers, &entry->answer, at_us);
}

static void
group_changed(struct net *net, struct net_group *entry)
{
    entry->changes_left = ROBUSTNESS;
    timer_cancel(&net->timers, &entry->change);
    net_event_push(net, &(struct net_event){.kind = NET_EVENT_MULTICAST, .interface_index = entry->interface_index});
    group_report_change(net, entry);
}

int
group_join(struct net *net, struct net_interface *interface, const struct eng_address *group)
{
    struct net_group *entry = group_find(net, interface->index, group);
    if (entry && entry->joins++)
        return 0;
    for (unsigned i = 0; !entry && i < GROUPS_MAX; i++)
        if (!net->groups[i].is_used) {
            entry = &net->groups[i];
            *entry = (struct net_group){.is_used = true, .group = *group, .interface_index = interface->index, .joins = 1,
                                        .change.on_fire = group_on_change, .answer.on_fire = group_on_answer};
        }
    if (!entry)
        return -ENOSPC;
    group_changed(net, entry);
    return 0;
}

int
group_leave(struct net *net, struct net_interface *interface, const struct eng_address *group)
{
    struct net_group *entry = group_find(net, interface->index, group);
    if (!entry || !entry->joins)
        return -ENOENT;
    if (--entry->joins)
        return 0;
    timer_cancel(&net->timers, &entry->answer);
    group_changed(net, entry);
    return 0;
}

void
group_interface_up(struct net *net, struct net_interface *interface)
{
    for (unsigned i = 0; i < GROUPS_MAX; i++)
        if (net->groups[i].is_used && net->groups[i].interface_index == interface->index && net->groups[i].joins)
            group_changed(net, &net->groups[i]);
}

void
group_interface_down(struct net *net, struct net_interface *interface)
{
    for (unsigned i = 0; i < GROUPS_MAX; i++) {
        struct net_group *entry = &net->groups[i];
        if (!entry->is_used || entry->interface_index != interface->index)
            continue;
        timer_cancel(&net->timers, &entry->change);
        timer_cancel(&net->timers, &entry->answer);
        entry->changes_left = 0;
        entry->is_used = entry->joins;
    }
    timer_cancel(&net->timers, &interface->igmp.general);
    timer_cancel(&net->timers, &interface->mld.general);
    interface->igmp.v1_until_us = interface->igmp.v2_until_us = interface->mld.v1_until_us = 0;
}

struct net_interface *
group_interface(struct net *net, const struct eng_address *group, uint32_t interface_index)
{
    struct net_hop hop;
    struct net_path_entry *path;
    struct eng_address any = address_any(group->family);
    if (!eng_address_is_multicast(group))
        return NULL;
    if (interface_index)
        return net_interface_of(net, interface_index);
    return route_hop(net, &any, group, 0, &hop, &path) ? NULL : hop.interface;
}

int
net_group_join(struct net *net, const struct eng_address *group, uint32_t interface_index, uint64_t now_us, struct eng_outbox *outbox)
{
    struct net_interface *interface = group_interface(net, group, interface_index);
    if (now_us > net->now_us)
        net->now_us = now_us;
    net->outbox = outbox;
    if (!interface)
        return eng_address_is_multicast(group) && !interface_index ? -ENETUNREACH : -EINVAL;
    return group_join(net, interface, group);
}

int
net_group_leave(struct net *net, const struct eng_address *group, uint32_t interface_index, uint64_t now_us, struct eng_outbox *outbox)
{
    struct net_interface *interface = group_interface(net, group, interface_index);
    if (now_us > net->now_us)
        net->now_us = now_us;
    net->outbox = outbox;
    return interface ? group_leave(net, interface, group) : -ENOENT;
}

// Several groups share a link address: is it one of the implicit ones, or of an entry before this?
static bool
group_link_is_known(const struct net *net, const struct net_group *entry, const uint8_t *link, const uint8_t (*implicit)[6])
{
    uint8_t other_link[6];
    if (!memcmp(link, implicit[0], 6) || !memcmp(link, implicit[1], 6))
        return true;
    for (const struct net_group *other = net->groups; other < entry; other++) {
        if (!other->is_used || !other->joins || other->interface_index != entry->interface_index)
            continue;
        eth_multicast(&other->group, other_link);
        if (!memcmp(link, other_link, 6))
            return true;
    }
    return false;
}

size_t
net_interface_multicast(const struct net *net, uint32_t index, uint8_t (*addresses)[6], size_t room)
{
    static const uint8_t implicit[2][6] = {{0x01, 0x00, 0x5E, 0x00, 0x00, 0x01}, {0x33, 0x33, 0x00, 0x00, 0x00, 0x01}};
    const struct net_interface *interface = net_interface_of(net, index);
    size_t n = 0;
    if (!interface)
        return 0;
    for (unsigned i = 0; i < (interface->settings.no_ip6 ? 1 : 2); i++, n++)
        if (n < room)
            memcpy(addresses[n], implicit[i], 6);
    for (unsigned i = 0; i < GROUPS_MAX; i++) {
        const struct net_group *entry = &net->groups[i];
        uint8_t link[6];
        if (!entry->is_used || !entry->joins || entry->interface_index != index)
            continue;
        eth_multicast(&entry->group, link);
        if (group_link_is_known(net, entry, link, implicit))
            continue;
        if (n < room)
            memcpy(addresses[n], link, 6);
        n++;
    }
    return n;
}
