// SPDX-License-Identifier: MIT
// MLD as a host [RFC 3810, RFC 2710]: as igmp.c, for IPv6, and with two versions instead of three.
//   mld_input -> group_answer_soon; mld_report_change, mld_report_state <- group.c
#include "engine/net_int.h"

#define QUERY 130u
#define REPORT_V1 131u
#define DONE_V1 132u
#define REPORT_V2 143u
#define IS_EXCLUDE 2u
#define TO_INCLUDE 3u
#define TO_EXCLUDE 4u
#define OLDER_QUERIER_US (2 * 125 * SECOND_US + 10 * SECOND_US)    // [RFC 3810 9.12]

static bool
mld_is_old(const struct net *net, const struct net_interface *interface)
{
    return interface->mld.v1_until_us > net->now_us;
}

// Milliseconds, a small floating point number from 32768 on [RFC 3810 5.1.3].
static uint64_t
mld_code_us(unsigned code)
{
    uint64_t ms = code < 32768 ? code : (uint64_t)((code & 0xFFF) | 0x1000) << (((code >> 12) & 7) + 3);
    return ms * 1000;
}

static void
mld_send(struct net *net, struct net_interface *interface, const struct eng_address *to, const uint8_t *message, size_t bytes)
{
    static const uint8_t link_local[16] = {0xFE, 0x80};
    struct eng_out *out = output_get(net);
    if (!out)
        return;
    struct eng_address scope = eng_address6(link_local);
    out->destination = *to;
    // From a link-local address, or from none while that is being probed [RFC 3590].
    if (!source_select(net, interface->index, &scope, &out->source) || !eng_address_is_link_local(&out->source))
        out->source = address_any(ENG_IP6);
    uint8_t *head = eng_out_push_head(out, bytes);
    memcpy(head, message, bytes);
    uint64_t pseudo = csum_pseudo6(out->source.bytes, to->bytes, NET_ICMP6, (uint32_t)bytes);
    uint16_t sum = csum_finish(csum_add(pseudo, head, bytes));
    memcpy(head + 2, &sum, 2);
    out->protocol = NET_ICMP6;
    out->hop_limit = 1;
    out->flags = ENG_OUT_ROUTER_ALERT;
    net_count(net, NET_COUNT_group_reports);
    output_direct(net, interface, out, NULL);
}

static void
mld_send_old(struct net *net, struct net_interface *interface, uint8_t type, const struct eng_address *to, const struct eng_address *group)
{
    uint8_t message[24] = {type};
    memcpy(message + 8, group->bytes, 16);
    mld_send(net, interface, to, message, sizeof message);
}

static void
mld_send_record(struct net *net, struct net_interface *interface, uint8_t record, const struct eng_address *group)
{
    struct eng_address routers = eng_address6((uint8_t[16]){0xFF, 2, [15] = 0x16});
    uint8_t message[28] = {REPORT_V2, [7] = 1, [8] = record};
    memcpy(message + 12, group->bytes, 16);
    mld_send(net, interface, &routers, message, sizeof message);
}

static void
mld_report(struct net *net, struct net_group *entry, uint8_t record)
{
    struct net_interface *interface = net->interfaces[entry->interface_index];
    if (!mld_is_old(net, interface)) {
        mld_send_record(net, interface, record, &entry->group);
        return;
    }
    entry->is_last_reporter = true;
    mld_send_old(net, interface, REPORT_V1, &entry->group, &entry->group);
}

void
mld_report_change(struct net *net, struct net_group *entry)
{
    struct net_interface *interface = net->interfaces[entry->interface_index];
    struct eng_address routers = eng_address6((uint8_t[16]){0xFF, 2, [15] = 2});
    if (entry->joins) {
        mld_report(net, entry, TO_EXCLUDE);
    } else if (!mld_is_old(net, interface)) {
        mld_send_record(net, interface, TO_INCLUDE, &entry->group);
    } else {
        if (entry->is_last_reporter)
            mld_send_old(net, interface, DONE_V1, &routers, &entry->group);
        entry->changes_left = 0;
    }
}

void
mld_report_state(struct net *net, struct net_group *entry)
{
    mld_report(net, entry, IS_EXCLUDE);
}

static bool
mld_query(struct net *net, const struct eng_in *in, const uint8_t *message)
{
    struct net_interface *interface = net->interfaces[in->interface_index];
    struct eng_address group = eng_address6(message + 8), all = eng_address6((uint8_t[16]){0xFF, 2, [15] = 1});
    bool is_general = eng_address_is_any(&group);
    unsigned code = bytes_load_be16(message + 4);
    uint64_t within_us = mld_code_us(code);
    if ((!is_general && !eng_address_is_multicast(&group)) || (is_general && !eng_address_is_equal(&in->destination, &all)))
        return false;
    if (in->length_bytes == 24) {
        interface->mld.v1_until_us = net->now_us + OLDER_QUERIER_US;
        within_us = code * UINT64_C(1000);
    } else if (in->length_bytes < 28) {
        return false;
    }
    for (unsigned i = 0; i < GROUPS_MAX; i++) {
        struct net_group *entry = &net->groups[i];
        if (entry->is_used && entry->interface_index == in->interface_index && entry->group.family == ENG_IP6 &&
            (is_general || eng_address_is_equal(&entry->group, &group)))
            group_answer_soon(net, entry, within_us);
    }
    return true;
}

static void
mld_heard_report(struct net *net, const struct eng_in *in, const uint8_t *message)
{
    struct eng_address group = eng_address6(message + 8);
    for (unsigned i = 0; i < GROUPS_MAX; i++) {
        struct net_group *entry = &net->groups[i];
        if (entry->is_used && entry->interface_index == in->interface_index && eng_address_is_equal(&entry->group, &group) &&
            mld_is_old(net, net->interfaces[in->interface_index])) {
            timer_cancel(&net->timers, &entry->answer);
            entry->is_last_reporter = false;
        }
    }
}

void
mld_input(struct net *net, struct eng_in *in, uint8_t type)
{
    uint8_t scratch[24];
    const uint8_t *message = in->length_bytes < 24 ? NULL : in_peek(in, in->at_bytes, 24, scratch);
    net_count(net, NET_COUNT_group_in);
    if (type == REPORT_V2 || type == DONE_V1)
        return; // for routers
    bool is_from_link = eng_address_is_link_local(&in->source) || (type == REPORT_V1 && eng_address_is_any(&in->source));
    // A query has a router alert, and so extension headers [RFC 3810 5.1.14].
    if (!message || in->hop_limit != 1 || in->flags & (ENG_IN_LOOPBACK | ENG_IN_REASSEMBLED) || !is_from_link ||
        !(in->flags & ENG_IN_OPTIONS)) {
        net_count(net, NET_COUNT_group_bad);
        return;
    }
    if (type == QUERY && !mld_query(net, in, message))
        net_count(net, NET_COUNT_group_bad);
    else if (type == REPORT_V1)
        mld_heard_report(net, in, message);
}
