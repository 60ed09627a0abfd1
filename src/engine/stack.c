// SPDX-License-Identifier: MIT
// The instance: made and destroyed, its interfaces, its clock, its events and counts, and the blocks and borrowed bytes that the
// other parts use. Every call from outside that may act enters here (net_enter) and leaves the time and the outbox in the instance.
//   net_input, net_input_loopback -> eth.c or ip4.c, ip6.c
//   net_run -> the timers that are due, each in its own part
#include "engine/net_int.h"

static void
net_enter(struct net *net, uint64_t now_us, struct eng_outbox *outbox)
{
    if (now_us > net->now_us)
        net->now_us = now_us;
    net->outbox = outbox;
}

uint64_t
net_random(struct net *net)
{
    net->random_count++;
    return siphash(&net->random_key, &net->random_count, sizeof net->random_count);
}

uint64_t
net_random_below(struct net *net, uint64_t limit)
{
    return limit ? net_random(net) % limit : 0;
}

static void
net_keys(struct net *net)
{
    struct siphash_key base;
    memcpy(&base, net->settings.secret, sizeof base);
    struct siphash_key *keys[] = {&net->hash_key, &net->random_key, &net->identifier_key, &net->address_key};
    for (uint64_t i = 0; i < 4; i++)
        for (uint64_t word = 0; word < 2; word++) {
            uint8_t label[32];
            memcpy(label, net->settings.secret + 16, 16);
            bytes_store_le64(label + 16, i);
            bytes_store_le64(label + 24, word);
            keys[i]->words[word] = siphash(&base, label, sizeof label);
        }
}

struct net *
net_create(const struct net_settings *settings, uint64_t now_us)
{
    struct net *net = eng_take(settings->memory, sizeof *net);
    if (!net)
        return NULL;
    net->settings = *settings;
    net->memory = settings->memory;
    net->pool = settings->pool;
    net->now_us = net->icmp_refilled_us = now_us;
    net->generation = 1;
    if (!net->settings.neighbours_max)
        net->settings.neighbours_max = 1024;
    if (!net->settings.reassembly_bytes)
        net->settings.reassembly_bytes = 4 << 20;
    if (!net->settings.reassembly_source_bytes)
        net->settings.reassembly_source_bytes = net->settings.reassembly_bytes / 4;
    if (!net->settings.icmp_errors_per_second)
        net->settings.icmp_errors_per_second = 100;
    net->icmp_tokens = net->settings.icmp_errors_per_second;
    net_keys(net);
    for (unsigned i = 0; i < NEIGHBOUR_BUCKETS; i++)
        list_init(&net->neighbours[i]);
    for (unsigned i = 0; i < UDP_BUCKETS; i++)
        list_init(&net->udps[i]);
    list_init(&net->neighbours_used);
    list_init(&net->neighbours_unused);
    list_init(&net->frags);
    list_init(&net->loops_free);
    for (unsigned i = 0; i < IDENTIFIERS; i++)
        net->identifiers[i] = (uint32_t)net_random(net);
    struct net_interface_settings loopback = {.mtu_bytes = NET_LOOPBACK_MTU_BYTES, .no_router_discovery = true,
                                              .offloads = NET_SUM_TCP4 | NET_SUM_TCP6 | NET_SUM_UDP4 | NET_SUM_UDP6 | NET_LSO4 | NET_LSO6};
    struct eng_address one4 = eng_address4((uint8_t[4]){127, 0, 0, 1}), one6 = eng_address6((uint8_t[16]){[15] = 1});
    struct eng_outbox none;
    eng_outbox_init(&none);
    if (net_interface_add(net, &loopback) != (int)NET_LOOPBACK) {
        net_destroy(net);
        return NULL;
    }
    net->interfaces[NET_LOOPBACK]->is_loopback = net->interfaces[NET_LOOPBACK]->is_up = true;
    net_address_add(net, NET_LOOPBACK, &one4, 8, now_us, &none);
    net_address_add(net, NET_LOOPBACK, &one6, 128, now_us, &none);
    return net;
}

void
net_destroy(struct net *net)
{
    struct eng_outbox none;
    eng_outbox_init(&none);
    net->outbox = &none;
    frag_destroy_all(net);
    neighbour_remove_all(net, 0);
    for (unsigned i = 0; i < NET_INTERFACES_MAX; i++)
        eng_give(net->memory, net->interfaces[i], sizeof *net->interfaces[i]);
    struct list *node;
    while ((node = list_pop_front(&net->loops_free)))
        eng_give(net->memory, LIST_ENTRY_OF(node, struct net_loop, link), sizeof(struct net_loop));
    eng_give(net->memory, net, sizeof *net);
}

uint64_t
net_next_deadline_us(const struct net *net)
{
    return net->timers.first ? net->timers.first->at_us : ENG_NEVER;
}

void
net_run(struct net *net, uint64_t now_us, struct eng_outbox *outbox)
{
    net_enter(net, now_us, outbox);
    // What is due now; a timer that arms itself for now waits for the next call, so that this ends.
    uint64_t end = net->timers.next_sequence;
    struct timer *timer;
    while ((timer = net->timers.first) && timer->at_us <= net->now_us && timer->sequence < end) {
        timer_cancel(&net->timers, timer);
        timer->on_fire(net, timer);
    }
}

// ---- interfaces

int
net_interface_add(struct net *net, const struct net_interface_settings *settings)
{
    if (settings->mtu_bytes < 576 || settings->mtu_bytes > NET_LOOPBACK_MTU_BYTES || settings->vlan > 4094 || settings->priority > 7)
        return -EINVAL;
    uint32_t index = NET_LOOPBACK;
    while (index < NET_INTERFACES_MAX && net->interfaces[index])
        index++;
    if (index == NET_INTERFACES_MAX)
        return -ENOSPC;
    struct net_interface *interface = eng_take(net->memory, sizeof *interface);
    if (!interface)
        return -ENOMEM;
    interface->index = index;
    interface->settings = *settings;
    if (!interface->settings.hop_limit)
        interface->settings.hop_limit = 64;
    if (settings->mtu_bytes < IP6_MTU_MIN)
        interface->settings.no_ip6 = true;
    interface->mtu6_bytes = settings->mtu_bytes;
    interface->hop_limit6 = interface->settings.hop_limit;
    interface->reachable_base_ms = 30000;
    interface->retransmit_ms = 1000;
    interface->reachable_us = 30 * SECOND_US / 2 + net_random_below(net, 30 * SECOND_US);
    net->interfaces[index] = interface;
    return (int)index;
}

static void
net_interface_down(struct net *net, struct net_interface *interface)
{
    group_interface_down(net, interface);
    for (unsigned i = 0; i < net->locals_end; i++)
        if (net->locals[i].is_used && net->locals[i].a.interface_index == interface->index)
            local_stop(net, &net->locals[i]);
    router_stop(net, interface);
    neighbour_remove_all(net, interface->index);
}

void
net_interface_up(struct net *net, uint32_t index, bool is_up, uint64_t now_us, struct eng_outbox *outbox)
{
    struct net_interface *interface = net_interface_of(net, index);
    net_enter(net, now_us, outbox);
    if (!interface || interface->is_loopback || interface->is_up == is_up)
        return;
    net->generation++;
    interface->is_up = is_up;
    if (!is_up) {
        net_interface_down(net, interface);
        return;
    }
    group_interface_up(net, interface);
    for (unsigned i = 0; i < net->locals_end; i++)
        if (net->locals[i].is_used && net->locals[i].a.interface_index == index)
            local_start(net, &net->locals[i]);
    router_start(net, interface);
}

void
net_interface_remove(struct net *net, uint32_t index, uint64_t now_us, struct eng_outbox *outbox)
{
    struct net_interface *interface = net_interface_of(net, index);
    if (!interface || interface->is_loopback)
        return;
    net_interface_up(net, index, false, now_us, outbox);
    net_enter(net, now_us, outbox);
    for (unsigned i = 0; i < net->locals_end; i++)
        if (net->locals[i].is_used && net->locals[i].a.interface_index == index)
            local_remove(net, &net->locals[i]);
    for (unsigned i = 0; i < ROUTES_MAX; i++)
        if (net->routes[i].is_used && net->routes[i].r.interface_index == index)
            route_remove(net, &net->routes[i]);
    for (unsigned i = 0; i < GROUPS_MAX; i++)
        if (net->groups[i].is_used && net->groups[i].interface_index == index) {
            timer_cancel(&net->timers, &net->groups[i].change);
            timer_cancel(&net->timers, &net->groups[i].answer);
            net->groups[i].is_used = false;
        }
    udp_forget_interface(net, index);
    timer_cancel(&net->timers, &interface->solicit);
    timer_cancel(&net->timers, &interface->igmp.general);
    timer_cancel(&net->timers, &interface->mld.general);
    net->generation++;
    net->interfaces[index] = NULL;
    eng_give(net->memory, interface, sizeof *interface);
}

int
net_interface_set_offloads(struct net *net, uint32_t index, uint32_t offloads, uint32_t lso_bytes)
{
    struct net_interface *interface = net_interface_of(net, index);
    if (!interface)
        return -EINVAL;
    interface->settings.offloads = offloads;
    interface->settings.lso_bytes = lso_bytes;
    return 0;
}

const struct net_interface_settings *
net_interface_settings_of(const struct net *net, uint32_t index)
{
    const struct net_interface *interface = net_interface_of(net, index);
    return interface ? &interface->settings : NULL;
}

// ---- calls that only enter

void
net_input(struct net *net, const struct eng_in *frame, uint64_t now_us, struct eng_outbox *outbox, struct net_result *result)
{
    net_enter(net, now_us, outbox);
    *result = (struct net_result){.verdict = NET_CONSUMED, .in = *frame};
    struct net_interface *interface = net_interface_of(net, frame->interface_index);
    size_t have = 0;
    for (unsigned i = 0; i < frame->n_spans; i++)
        have += frame->spans[i].count;
    if (!interface || interface->is_loopback || !interface->is_up) {
        net_count(net, NET_COUNT_in_down);
        return;
    }
    net_count(net, NET_COUNT_in_frames);
    if (frame->at_bytes > have || frame->length_bytes > have - frame->at_bytes) {
        net_count(net, NET_COUNT_in_bad_frame);
        return;
    }
    eth_input(net, &result->in, result);
    if (result->verdict == NET_CONSUMED && !result->is_raw_too)
        net_result_done(result);
}

int
net_output(struct net *net, struct eng_out *out, uint64_t now_us, struct eng_outbox *outbox)
{
    net_enter(net, now_us, outbox);
    return output_packet(net, out);
}

int
net_address_add(struct net *net, uint32_t index, const struct eng_address *address, uint8_t prefix_bits, uint64_t now_us,
                struct eng_outbox *outbox)
{
    struct net_interface *interface = net_interface_of(net, index);
    struct net_local *local;
    net_enter(net, now_us, outbox);
    if (!interface || (address->family == ENG_IP6 && interface->settings.no_ip6))
        return -EINVAL;
    int error = local_add(net, interface, address, prefix_bits, false, &local);
    if (!error && interface->is_up)
        local_start(net, local);
    return error;
}

int
net_address_remove(struct net *net, uint32_t index, const struct eng_address *address, uint64_t now_us, struct eng_outbox *outbox)
{
    net_enter(net, now_us, outbox);
    struct net_local *local = index ? local_find(net, index, address) : NULL;
    if (!local)
        return -ENOENT;
    local_remove(net, local);
    return 0;
}

// ---- packets that stay here

// The last hold on a looped packet is gone: it goes back to the pool, which drops the holds of its data.
static void
loop_release(struct eng_owner *owner)
{
    struct net_loop *loop = TIMER_OWNER(owner, struct net_loop, owner);
    struct net *net = loop->net;
    eng_out_put(net->pool, loop->out);
    if (net->n_loops_free < 64) {
        list_push_front(&net->loops_free, &loop->link);
        net->n_loops_free++;
    } else {
        eng_give(net->memory, loop, sizeof *loop);
    }
}

static struct net_loop *
loop_get(struct net *net, struct eng_out *out)
{
    struct list *node = list_pop_front(&net->loops_free);
    struct net_loop *loop = node ? LIST_ENTRY_OF(node, struct net_loop, link) : eng_take(net->memory, sizeof *loop);
    if (!loop)
        return NULL;
    if (node)
        net->n_loops_free--;
    list_init(&loop->link);
    loop->net = net;
    loop->out = out;
    loop->owner = (struct eng_owner){.holds = 1, .on_release = loop_release};
    loop->spans[0] = (struct eng_span){.bytes = out->head, .count = out->head_bytes, .owner = &loop->owner};
    // Bytes of ours: whoever keeps them holds the packet, and with it their true owner.
    for (unsigned i = 0; i < out->n_data; i++) {
        loop->spans[i + 1] = out->data[i];
        loop->spans[i + 1].owner = &loop->owner;
    }
    return loop;
}

void
net_input_loopback(struct net *net, struct eng_out *out, uint64_t now_us, struct eng_outbox *outbox, struct net_result *result)
{
    net_enter(net, now_us, outbox);
    *result = (struct net_result){.verdict = NET_CONSUMED};
    struct net_loop *loop = loop_get(net, out);
    if (!loop) {
        net_count(net, NET_COUNT_out_no_memory);
        eng_out_put(net->pool, out);
        return;
    }
    struct eng_in *in = &result->in;
    *in = (struct eng_in){.spans = loop->spans, .n_spans = (uint16_t)(out->n_data + 1), .interface_index = out->interface_index,
                          .length_bytes = out->head_bytes + out->data_bytes,
                          .flags = ENG_IN_LOOPBACK | ENG_IN_IP_SUM_GOOD};
    if (out->flags & ENG_OUT_L4_SUM_PARTIAL)
        in->flags |= ENG_IN_L4_SUM_GOOD;
    if (out->mss_bytes) {
        in->coalesced = (uint16_t)((out->data_bytes + out->mss_bytes - 1) / out->mss_bytes);
        in->coalesced_mss = out->mss_bytes;
    }
    result->owner = &loop->owner;
    if (out->destination.family == ENG_IP4)
        ip4_input(net, in, result);
    else
        ip6_input(net, in, result);
    if (result->owner != &loop->owner)
        eng_drop(&loop->owner); // the owner of the whole packet keeps what is needed of it
    if (result->verdict == NET_CONSUMED && !result->is_raw_too)
        net_result_done(result);
}

// ---- events and counts

void
net_event_push(struct net *net, const struct net_event *event)
{
    if (net->n_events == EVENTS_MAX) {
        net->events_first = (net->events_first + 1) % EVENTS_MAX;
        net->n_events--;
        net_count(net, NET_COUNT_events_lost);
    }
    net->events[(net->events_first + net->n_events++) % EVENTS_MAX] = *event;
}

bool
net_event_pop(struct net *net, struct net_event *event)
{
    if (!net->n_events)
        return false;
    *event = net->events[net->events_first];
    net->events_first = (net->events_first + 1) % EVENTS_MAX;
    net->n_events--;
    return true;
}

uint64_t
net_count_of(const struct net *net, enum net_count count)
{
    return count < NET_COUNT_MAX ? net->counts[count] : 0;
}

const char *
net_count_name(enum net_count count)
{
    static const char *const names[] = {
#define X(name) #name,
        NET_COUNTS(X)
#undef X
    };
    return count < NET_COUNT_MAX ? names[count] : NULL;
}
