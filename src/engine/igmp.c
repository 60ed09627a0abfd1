// SPDX-License-Identifier: MIT
// IGMP as a host [RFC 3376, RFC 2236, RFC 1112]: queries of each version make us answer in time, and in the version of the oldest
// querier heard in the last minutes. We take a group from any source, so a report says EXCLUDE of nothing, a leave INCLUDE of nothing.
//   igmp_input -> group_answer_soon; igmp_report_change, igmp_report_state <- group.c
#include "engine/net_int.h"

#define QUERY 0x11u
#define REPORT_V1 0x12u
#define REPORT_V2 0x16u
#define LEAVE_V2 0x17u
#define REPORT_V3 0x22u
#define IS_EXCLUDE 2u
#define TO_INCLUDE 3u
#define TO_EXCLUDE 4u
// Robustness times the query interval, and the longest answer [RFC 3376 8.12].
#define OLDER_QUERIER_US (2 * 125 * SECOND_US + 10 * SECOND_US)

static unsigned
igmp_version(const struct net *net, const struct net_interface *interface)
{
    if (interface->igmp.v1_until_us > net->now_us)
        return 1;
    return interface->igmp.v2_until_us > net->now_us ? 2 : 3;
}

// The code of version 3 is a small floating point number above 127 [RFC 3376 4.1.1]; tenths of a second.
static uint64_t
igmp_code_us(unsigned code)
{
    unsigned tenths = code < 128 ? code : ((code & 0xF) | 0x10) << (((code >> 4) & 7) + 3);
    return tenths * (SECOND_US / 10);
}

static void
igmp_send(struct net *net, struct net_interface *interface, const uint8_t *to, const uint8_t *message, size_t bytes)
{
    struct eng_out *out = output_get(net);
    if (!out)
        return;
    uint8_t *head = eng_out_push_head(out, bytes);
    memcpy(head, message, bytes);
    uint16_t sum = csum_of(head, bytes);
    memcpy(head + 2, &sum, 2);
    out->protocol = NET_IGMP;
    out->hop_limit = 1;
    out->traffic_class = 0xC0;
    out->flags = ENG_OUT_ROUTER_ALERT;
    out->destination = eng_address4(to);
    if (!source_select(net, interface->index, &out->destination, &out->source))
        out->source = address_any(ENG_IP4); // [RFC 3376 4.2.13]
    net_count(net, NET_COUNT_group_reports);
    output_direct(net, interface, out, NULL);
}

static void
igmp_send_old(struct net *net, struct net_interface *interface, uint8_t type, const uint8_t *to, const struct eng_address *group)
{
    uint8_t message[8] = {type};
    memcpy(message + 4, group->bytes, 4);
    igmp_send(net, interface, to, message, sizeof message);
}

static void
igmp_send_record(struct net *net, struct net_interface *interface, uint8_t record, const struct eng_address *group)
{
    uint8_t message[16] = {REPORT_V3, [7] = 1, [8] = record};
    memcpy(message + 12, group->bytes, 4);
    igmp_send(net, interface, (const uint8_t[4]){224, 0, 0, 22}, message, sizeof message);
}

static void
igmp_report(struct net *net, struct net_group *entry, uint8_t record)
{
    struct net_interface *interface = net->interfaces[entry->interface_index];
    unsigned version = igmp_version(net, interface);
    if (version == 3) {
        igmp_send_record(net, interface, record, &entry->group);
    } else {
        entry->is_last_reporter = true;
        igmp_send_old(net, interface, version == 1 ? REPORT_V1 : REPORT_V2, entry->group.bytes, &entry->group);
    }
}

void
igmp_report_change(struct net *net, struct net_group *entry)
{
    struct net_interface *interface = net->interfaces[entry->interface_index];
    unsigned version = igmp_version(net, interface);
    if (entry->joins) {
        igmp_report(net, entry, TO_EXCLUDE);
    } else if (version == 3) {
        igmp_send_record(net, interface, TO_INCLUDE, &entry->group);
    } else {
        if (version == 2 && entry->is_last_reporter)
            igmp_send_old(net, interface, LEAVE_V2, (const uint8_t[4]){224, 0, 0, 2}, &entry->group);
        entry->changes_left = 0;
    }
}

void
igmp_report_state(struct net *net, struct net_group *entry)
{
    igmp_report(net, entry, IS_EXCLUDE);
}

static bool
igmp_query(struct net *net, const struct eng_in *in, const uint8_t *message)
{
    struct net_interface *interface = net->interfaces[in->interface_index];
    struct eng_address group = eng_address4(message + 4), all = eng_address4((uint8_t[4]){224, 0, 0, 1});
    bool is_general = eng_address_is_any(&group);
    uint64_t within_us = igmp_code_us(message[1]);
    if (!is_general && !eng_address_is_multicast(&group))
        return false;
    if (is_general && !eng_address_is_equal(&in->destination, &all))
        return false; // [RFC 3376 9.1]
    if (in->length_bytes == 8) {
        if (message[1])
            interface->igmp.v2_until_us = net->now_us + OLDER_QUERIER_US;
        else
            interface->igmp.v1_until_us = net->now_us + OLDER_QUERIER_US;
        within_us = message[1] ? message[1] * (SECOND_US / 10) : 10 * SECOND_US;
    } else if (in->length_bytes < 12) {
        return false;
    }
    for (unsigned i = 0; i < GROUPS_MAX; i++) {
        struct net_group *entry = &net->groups[i];
        if (entry->is_used && entry->interface_index == in->interface_index && entry->group.family == ENG_IP4 &&
            (is_general || eng_address_is_equal(&entry->group, &group)))
            group_answer_soon(net, entry, within_us);
    }
    return true;
}

// Another member of a group answered: one is enough for an old querier [RFC 2236 3].
static void
igmp_heard_report(struct net *net, const struct eng_in *in, const uint8_t *message)
{
    struct eng_address group = eng_address4(message + 4);
    for (unsigned i = 0; i < GROUPS_MAX; i++) {
        struct net_group *entry = &net->groups[i];
        if (entry->is_used && entry->interface_index == in->interface_index && eng_address_is_equal(&entry->group, &group) &&
            igmp_version(net, net->interfaces[in->interface_index]) < 3) {
            timer_cancel(&net->timers, &entry->answer);
            entry->is_last_reporter = false;
        }
    }
}

void
igmp_input(struct net *net, struct eng_in *in)
{
    uint8_t scratch[8];
    const uint8_t *message = in->length_bytes < 8 ? NULL : in_peek(in, in->at_bytes, 8, scratch);
    net_count(net, NET_COUNT_group_in);
    bool is_off_link = !eng_address_is_any(&in->source) && !local_is_on_link(net, in->interface_index, &in->source);
    if (!message || in->hop_limit != 1 || in->flags & ENG_IN_LOOPBACK || is_off_link || in_sum(in, 0)) {
        net_count(net, NET_COUNT_group_bad);
        return;
    }
    if (message[0] == QUERY) {
        if (!igmp_query(net, in, message))
            net_count(net, NET_COUNT_group_bad);
    } else if (message[0] == REPORT_V1 || message[0] == REPORT_V2) {
        igmp_heard_report(net, in, message);
    }
}
