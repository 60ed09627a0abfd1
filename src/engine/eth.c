// SPDX-License-Identifier: MIT
// Ethernet II: who a frame is for, its 802.1Q tag, and what it carries. Frames with an 802.3 length instead of a type are dropped
// (nothing we speak comes in LLC), as are frames with a second tag.
//   eth_input   -> arp_input | ip4_input | ip6_input
//   eth_output  <- neighbour.c, arp.c: tag, type and addresses before the packet -> lso.c
#include "engine/net_int.h"

// [RFC 1112 6.4, RFC 2464 7]
void
eth_multicast(const struct eng_address *group, uint8_t *link)
{
    if (group->family == ENG_IP4)
        memcpy(link, (uint8_t[6]){0x01, 0x00, 0x5E, group->bytes[1] & 0x7F, group->bytes[2], group->bytes[3]}, 6);
    else
        memcpy(link, (uint8_t[6]){0x33, 0x33, group->bytes[12], group->bytes[13], group->bytes[14], group->bytes[15]}, 6);
}

static bool
eth_is_for_us(const struct net_interface *interface, const uint8_t *to, struct eng_in *in)
{
    if (!(to[0] & 1))
        return !memcmp(to, interface->settings.link_address, 6);
    in->flags |= !memcmp(to, "\xFF\xFF\xFF\xFF\xFF\xFF", 6) ? ENG_IN_LINK_BROADCAST : ENG_IN_LINK_MULTICAST;
    return true;
}

// The tag, in the frame or told by the adapter. Identifier 0 carries a priority only [802.1Q 9.6]. Returns the type that follows.
static unsigned
eth_take_tag(struct eng_in *in, unsigned type)
{
    uint8_t scratch[4];
    if (type != ETH_VLAN)
        return type;
    const uint8_t *tag = in->length_bytes < 4 ? NULL : in_peek(in, in->at_bytes, 4, scratch);
    if (!tag)
        return 0;
    in->vlan = bytes_load_be16(tag) & 0xFFF;
    in_advance(in, 4);
    return bytes_load_be16(tag + 2);
}

void
eth_input(struct net *net, struct eng_in *in, struct net_result *result)
{
    struct net_interface *interface = net_interface_of(net, in->interface_index);
    uint8_t scratch[ETH_HEADER_BYTES];
    const uint8_t *header = in->length_bytes < ETH_HEADER_BYTES ? NULL : in_peek(in, in->at_bytes, ETH_HEADER_BYTES, scratch);
    if (!header || (header[6] & 1)) {
        net_count(net, NET_COUNT_in_bad_frame);
        return;
    }
    in->flags &= (uint32_t)~(ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST | ENG_IN_LOOPBACK | ENG_IN_OPTIONS | ENG_IN_REASSEMBLED);
    if (!eth_is_for_us(interface, header, in)) {
        net_count(net, NET_COUNT_in_not_for_us);
        return;
    }
    unsigned type = bytes_load_be16(header + 12);
    in_advance(in, ETH_HEADER_BYTES);
    type = eth_take_tag(in, type);
    if (in->vlan != interface->settings.vlan) {
        net_count(net, NET_COUNT_in_wrong_vlan);
        return;
    }
    if (type == ETH_IP4)
        ip4_input(net, in, result);
    else if (type == ETH_IP6 && !interface->settings.no_ip6)
        ip6_input(net, in, result);
    else if (type == ETH_ARP)
        arp_input(net, in);
    else
        net_count(net, type <= 1500 ? NET_COUNT_in_bad_frame : NET_COUNT_in_unknown_type);
}

void
eth_output(struct net *net, struct net_interface *interface, struct eng_out *out, const uint8_t *to, uint16_t type)
{
    const struct net_interface_settings *settings = &interface->settings;
    bool is_tagged = (settings->vlan || settings->priority) && !(settings->offloads & NET_VLAN_TAG);
    uint8_t *header = eng_out_push_head(out, ETH_HEADER_BYTES + (is_tagged ? 4 : 0));
    if (!header || !interface->is_up) {
        net_count(net, header ? NET_COUNT_out_down : NET_COUNT_out_no_memory);
        eng_out_put(net->pool, out);
        return;
    }
    memcpy(header, to, 6);
    memcpy(header + 6, settings->link_address, 6);
    if (is_tagged) {
        bytes_store_be16(header + 12, ETH_VLAN);
        bytes_store_be16(header + 14, (uint16_t)(settings->priority << 13 | settings->vlan));
    }
    bytes_store_be16(header + (is_tagged ? 16 : 12), type);
    out->interface_index = interface->index;
    lso_emit(net, interface, out);
}
