// SPDX-License-Identifier: MIT
// For a moment: IPv6 is not there yet.
#include "engine/net_int.h"

void
ip6_input(struct net *net, struct eng_in *in, struct net_result *result)
{
    net_count(net, NET_COUNT_in_unknown_type);
}

void
icmp6_error(struct net *net, const struct eng_in *in, uint8_t type, uint8_t code, uint32_t value)
{
}

void
nd_solicit(struct net *net, struct net_interface *interface, const struct eng_address *source, const struct eng_address *target,
           const uint8_t *to)
{
}

void
nd_probe(struct net *net, struct net_local *local)
{
}

struct eng_address
nd_solicited_group(const struct eng_address *target)
{
    struct eng_address group = {.bytes = {0xFF, 2, [11] = 1, 0xFF}, .family = ENG_IP6};
    memcpy(group.bytes + 13, target->bytes + 13, 3);
    return group;
}

void
router_start(struct net *net, struct net_interface *interface)
{
}

void
router_stop(struct net *net, struct net_interface *interface)
{
}

bool
router_form_again(struct net *net, struct net_local *local)
{
    return false;
}

void
mld_report_change(struct net *net, struct net_group *entry)
{
}

void
mld_report_state(struct net *net, struct net_group *entry)
{
}
