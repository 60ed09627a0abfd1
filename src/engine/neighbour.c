// SPDX-License-Identifier: MIT
// The neighbour cache of both families, with the states of RFC 4861 7.3. Entries hang in a table keyed by a secret and in two lists
// by age: those that we sent to, and those that only told us about themselves, which go first when the table is full.
//   neighbour_output  REACHABLE: sends; STALE: sends and waits 5 s for a confirmation, then probes; INCOMPLETE: keeps a few packets
//   neighbour_learn   from arp.c and nd.c
//   neighbour_on_timer  asks again, and gives up after three questions: the packets that waited become errors
#include "engine/net_int.h"

#define QUESTIONS 3u                        // MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT
#define DELAY_US (5 * SECOND_US)            // DELAY_FIRST_PROBE_TIME
#define QUEUED_MAX 16u
#define QUEUED_BYTES_MAX (256u << 10)
#define WAITING_MAX 512u                    // packets that wait, for all neighbours together: they pin receive buffers of others

static struct list *
neighbour_bucket(struct net *net, uint32_t interface_index, const struct eng_address *address)
{
    uint8_t key[24];
    memcpy(key, address->bytes, 16);
    bytes_store_le32(key + 16, interface_index);
    bytes_store_le32(key + 20, address->family);
    return &net->neighbours[siphash(&net->hash_key, key, sizeof key) % NEIGHBOUR_BUCKETS];
}

struct net_neighbour *
neighbour_find(struct net *net, uint32_t interface_index, const struct eng_address *address)
{
    LIST_FOR_EACH(node, neighbour_bucket(net, interface_index, address)) {
        struct net_neighbour *neighbour = LIST_ENTRY_OF(node, struct net_neighbour, bucket);
        if (neighbour->interface_index == interface_index && eng_address_is_equal(&neighbour->address, address))
            return neighbour;
    }
    return NULL;
}

// One that never answered counts as unused: whoever makes us answer to addresses that do not exist pushes out only those.
static void
neighbour_touch(struct net *net, struct net_neighbour *neighbour)
{
    bool is_used = neighbour->is_used && neighbour->state != NEIGHBOUR_INCOMPLETE;
    list_remove(&neighbour->age);
    list_push_back(is_used ? &net->neighbours_used : &net->neighbours_unused, &neighbour->age);
}

// The packets that wait are dropped; is_failed: each becomes an error for its sender [RFC 4861 7.2.2, RFC 1122 2.3.2.2].
static void
neighbour_drop_queue(struct net *net, struct net_neighbour *neighbour, bool is_failed)
{
    struct list *node;
    while ((node = list_pop_front(&neighbour->queue))) {
        struct eng_out *out = LIST_ENTRY_OF(node, struct eng_out, link);
        if (is_failed) {
            struct net_event event = {.kind = NET_EVENT_ERROR, .interface_index = neighbour->interface_index};
            net_error_from_out(out, &event.error);
            event.error.kind = NET_ERROR_HOST;
            event.error.from = out->source;
            if (out->protocol == NET_UDP)
                event.error.udp = udp_find_sender(net, &event.error);
            net_event_push(net, &event);
        }
        net_count(net, NET_COUNT_out_waiting_dropped);
        net->n_waiting--;
        eng_out_put(net->pool, out);
    }
    neighbour->n_queued = 0;
    neighbour->queued_bytes = 0;
}

void
neighbour_remove(struct net *net, struct net_neighbour *neighbour, bool is_failed)
{
    net->generation++;
    neighbour_drop_queue(net, neighbour, is_failed);
    timer_cancel(&net->timers, &neighbour->timer);
    list_remove(&neighbour->bucket);
    list_remove(&neighbour->age);
    net->n_neighbours--;
    eng_give(net->memory, neighbour, sizeof *neighbour);
}

void
neighbour_remove_all(struct net *net, uint32_t interface_index)
{
    for (unsigned i = 0; i < NEIGHBOUR_BUCKETS; i++)
        LIST_FOR_EACH_SAFE(node, &net->neighbours[i]) {
            struct net_neighbour *neighbour = LIST_ENTRY_OF(node, struct net_neighbour, bucket);
            if (!interface_index || neighbour->interface_index == interface_index)
                neighbour_remove(net, neighbour, false);
        }
}

static void
neighbour_ask(struct net *net, struct net_neighbour *neighbour)
{
    struct net_interface *interface = net_interface_of(net, neighbour->interface_index);
    const uint8_t *to = neighbour->state == NEIGHBOUR_PROBE ? neighbour->link : NULL;
    neighbour->probes++;
    net_arm(net, &neighbour->timer, (uint64_t)interface->retransmit_ms * 1000);
    // The asking packet's source, while it is ours: so that the answer is for the one who asked [RFC 4861 7.2.2].
    struct eng_address source = neighbour->asks_from;
    if (!source.family || !local_find_usable(net, interface->index, &source))
        source = address_any(neighbour->address.family);
    if (eng_address_is_any(&source) && !source_select(net, interface->index, &neighbour->address, &source))
        return;
    if (neighbour->address.family == ENG_IP4)
        arp_ask(net, interface, &source, &neighbour->address, to);
    else
        nd_solicit(net, interface, &source, &neighbour->address, to);
}

static void
neighbour_on_timer(struct net *net, struct timer *timer)
{
    struct net_neighbour *neighbour = TIMER_OWNER(timer, struct net_neighbour, timer);
    if (neighbour->state == NEIGHBOUR_DELAY) {
        neighbour->state = NEIGHBOUR_PROBE;
        neighbour->probes = 0;
    }
    if (neighbour->state != NEIGHBOUR_INCOMPLETE && neighbour->state != NEIGHBOUR_PROBE)
        return;
    if (neighbour->probes < QUESTIONS) {
        neighbour_ask(net, neighbour);
        return;
    }
    net_count(net, NET_COUNT_neighbours_failed);
    route_avoid(net, neighbour->interface_index, &neighbour->address);
    neighbour_remove(net, neighbour, true);
}

static bool
neighbour_make_room(struct net *net)
{
    struct list *oldest = !list_is_empty(&net->neighbours_unused) ? net->neighbours_unused.next : net->neighbours_used.next;
    if (oldest == &net->neighbours_used)
        return false;
    net_count(net, NET_COUNT_neighbours_evicted);
    neighbour_remove(net, LIST_ENTRY_OF(oldest, struct net_neighbour, age), false);
    return true;
}

struct net_neighbour *
neighbour_get(struct net *net, uint32_t interface_index, const struct eng_address *address, bool is_used)
{
    struct net_neighbour *neighbour = neighbour_find(net, interface_index, address);
    if (neighbour) {
        neighbour->is_used |= is_used;
        neighbour_touch(net, neighbour);
        return neighbour;
    }
    if (net->n_neighbours >= net->settings.neighbours_max && !neighbour_make_room(net))
        return NULL;
    neighbour = eng_take(net->memory, sizeof *neighbour);
    if (!neighbour) {
        net_count(net, NET_COUNT_neighbours_full);
        return NULL;
    }
    neighbour->address = *address;
    neighbour->interface_index = interface_index;
    neighbour->is_used = is_used;
    neighbour->timer.on_fire = neighbour_on_timer;
    list_init(&neighbour->queue);
    list_init(&neighbour->age);
    list_push_back(neighbour_bucket(net, interface_index, address), &neighbour->bucket);
    neighbour_touch(net, neighbour);
    net->n_neighbours++;
    return neighbour;
}

bool
neighbour_is_fresh(const struct net *net, const struct net_neighbour *neighbour)
{
    return net->now_us - neighbour->confirmed_us < net->interfaces[neighbour->interface_index]->reachable_us;
}

static void
neighbour_send(struct net *net, struct net_neighbour *neighbour, struct eng_out *out)
{
    eth_output(net, net->interfaces[neighbour->interface_index], out, neighbour->link,
               neighbour->address.family == ENG_IP4 ? ETH_IP4 : ETH_IP6);
}

void
neighbour_question(struct net *net, struct net_neighbour *neighbour, const struct eng_address *source)
{
    if (neighbour->timer.is_armed)
        return;
    neighbour->asks_from = *source;
    neighbour->probes = 0;
    neighbour_ask(net, neighbour);
}

void
neighbour_verify(struct net *net, struct net_neighbour *neighbour, const struct eng_address *source)
{
    if (neighbour->state == NEIGHBOUR_REACHABLE && !neighbour_is_fresh(net, neighbour))
        neighbour->state = NEIGHBOUR_STALE;
    if (neighbour->state != NEIGHBOUR_STALE && neighbour->state != NEIGHBOUR_DELAY)
        return;
    timer_cancel(&net->timers, &neighbour->timer);
    neighbour->state = NEIGHBOUR_PROBE;
    neighbour_question(net, neighbour, source);
}

// Wait for the address; when the room is full the oldest makes place for the newest [RFC 4861 7.2.2].
static void
neighbour_queue(struct net *net, struct net_neighbour *neighbour, struct eng_out *out)
{
    while (neighbour->n_queued && (neighbour->n_queued == QUEUED_MAX || neighbour->queued_bytes + out->data_bytes > QUEUED_BYTES_MAX)) {
        struct eng_out *oldest = LIST_ENTRY_OF(list_pop_front(&neighbour->queue), struct eng_out, link);
        neighbour->n_queued--;
        neighbour->queued_bytes -= oldest->data_bytes;
        net->n_waiting--;
        net_count(net, NET_COUNT_out_waiting_dropped);
        eng_out_put(net->pool, oldest);
    }
    if (net->n_waiting == WAITING_MAX) {
        net_count(net, NET_COUNT_out_waiting_dropped);
        eng_out_put(net->pool, out);
        return;
    }
    list_push_back(&neighbour->queue, &out->link);
    neighbour->n_queued++;
    net->n_waiting++;
    neighbour->queued_bytes += out->data_bytes;
    neighbour_question(net, neighbour, &out->source);
}

void
neighbour_output(struct net *net, struct net_neighbour *neighbour, struct eng_out *out)
{
    neighbour->is_used = true;
    if (neighbour->state == NEIGHBOUR_INCOMPLETE) {
        neighbour_queue(net, neighbour, out);
        return;
    }
    if (neighbour->state == NEIGHBOUR_REACHABLE && !neighbour_is_fresh(net, neighbour))
        neighbour->state = NEIGHBOUR_STALE;
    if (neighbour->state == NEIGHBOUR_STALE) {
        neighbour->state = NEIGHBOUR_DELAY;
        neighbour->asks_from = out->source;
        neighbour_touch(net, neighbour);
        net_arm(net, &neighbour->timer, DELAY_US);
    }
    neighbour_send(net, neighbour, out);
}

void
neighbour_flush(struct net *net, struct net_neighbour *neighbour)
{
    struct list *node;
    while (neighbour->state != NEIGHBOUR_INCOMPLETE && (node = list_pop_front(&neighbour->queue))) {
        struct eng_out *out = LIST_ENTRY_OF(node, struct eng_out, link);
        neighbour->n_queued--;
        net->n_waiting--;
        neighbour->queued_bytes -= out->data_bytes;
        neighbour_output(net, neighbour, out);
    }
}

void
neighbour_confirm(struct net *net, struct net_neighbour *neighbour)
{
    if (neighbour->state == NEIGHBOUR_INCOMPLETE)
        return; // nothing to confirm yet
    neighbour->state = NEIGHBOUR_REACHABLE;
    neighbour->confirmed_us = net->now_us;
    timer_cancel(&net->timers, &neighbour->timer);
}

void
neighbour_stale(struct net *net, struct net_neighbour *neighbour)
{
    neighbour->state = NEIGHBOUR_STALE;
    timer_cancel(&net->timers, &neighbour->timer);
}

void
neighbour_learn(struct net *net, struct net_neighbour *neighbour, const uint8_t *link, bool is_confirmed)
{
    bool is_new = neighbour->state == NEIGHBOUR_INCOMPLETE || memcmp(neighbour->link, link, 6);
    net->generation += is_new;              // nothing here is void, but somebody may have kept the other address (net_generation)
    memcpy(neighbour->link, link, 6);
    if (is_confirmed) {
        neighbour->state = NEIGHBOUR_STALE;
        neighbour_confirm(net, neighbour);
    } else if (is_new) {
        neighbour_stale(net, neighbour);
    }
    neighbour_touch(net, neighbour);
    neighbour_flush(net, neighbour);
}

bool
neighbour_is_reachable(struct net *net, uint32_t interface_index, const struct eng_address *address)
{
    struct net_neighbour *neighbour = neighbour_find(net, interface_index, address);
    return neighbour && neighbour->state != NEIGHBOUR_INCOMPLETE;
}

void
net_neighbours(const struct net *net, void (*on_neighbour)(void *context, const struct net_neighbour_info *info), void *context)
{
    for (unsigned i = 0; i < NEIGHBOUR_BUCKETS; i++)
        LIST_FOR_EACH(node, (struct list *)&net->neighbours[i]) {
            const struct net_neighbour *neighbour = LIST_ENTRY_OF(node, struct net_neighbour, bucket);
            struct net_neighbour_info info = {.address = neighbour->address, .interface_index = neighbour->interface_index,
                                              .is_known = neighbour->state != NEIGHBOUR_INCOMPLETE};
            memcpy(info.link_address, neighbour->link, sizeof info.link_address);
            on_neighbour(context, &info);
        }
}
