// SPDX-License-Identifier: MIT
// An instance: its memory, its connections by four-tuple in a keyed table (nobody outside can aim at one bucket), its listeners, its
// events.
//   tcp_connection_create -> tcp_hash_insert -> ... -> tcp_hash_remove (CLOSED) -> tcp_connection_destroy (when the client is done too)
#include <errno.h>
#include <string.h>

#include "engine/tcp/tcp_int.h"

#define BUCKETS_MIN 64

const char *
tcp_state_name(enum tcp_state state)
{
    static const char *const names[] = {"CLOSED", "LISTEN", "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1",
                                        "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT"};
    return (unsigned)state < sizeof names / sizeof names[0] ? names[state] : "?";
}

void
tcp_params_default(struct tcp_params *params)
{
    *params = (struct tcp_params){
        .ticks_per_second = 100,
        .ack_frequency = 2,
        .delayed_ack_ticks = 4,
        .max_retransmissions = 10,
        .doubt_retransmissions = 3,
        .sws_ticks = 20,
        .dup_ack_threshold = 3,
        .push_ticks = 50,
        .nce_stale_ticks = 1000,
        .uses = TCP_USE_TIMESTAMPS | TCP_USE_WINDOW_SCALE | TCP_USE_SACK | TCP_USE_RACK | TCP_USE_PMTU_PROBES | TCP_USE_COOKIES,
        .congestion = TCP_CC_CUBIC,
        .initial_window_segments = 10,
        .initial_rto_us = 1000000,
        .min_rto_us = 200000,
        .max_rto_us = 60000000,
        .syn_retransmissions = 7,
        .time_wait_us = 60000000,
        .fin_wait_2_us = 120000000,
        .offer_us = 30000000,
        .keepalive_us = 7200000000,
        .keepalive_interval_us = 75000000,
        .keepalive_probes = 9,
        .receive_bytes = 262144,
        .half_open_max = 4096,
        .half_open_cookies = 1024,
        .chunks_max = 2048,
        .early_chunks_max = 65536,
        .challenge_acks = 1000,
    };
}

static bool
params_are_good(const struct tcp_params *p)
{
    return p->ticks_per_second && p->ticks_per_second <= 100000 && p->ack_frequency && p->dup_ack_threshold && p->initial_window_segments &&
           p->initial_window_segments <= 1000 && p->min_rto_us && p->min_rto_us <= p->max_rto_us && p->initial_rto_us && p->receive_bytes &&
           p->receive_bytes <= TCP_WINDOW_MAX && p->receive_max_bytes <= TCP_WINDOW_MAX && p->half_open_max && p->chunks_max &&
           p->congestion <= TCP_CC_CUBIC && p->time_wait_us;
}

struct tcp *
tcp_create(struct eng_memory *memory, struct eng_out_pool *pool, const struct tcp_params *params, const struct siphash_key *secret)
{
    if (!params_are_good(params))
        return NULL;
    struct tcp *tcp = eng_take(memory, sizeof *tcp);
    if (!tcp)
        return NULL;
    tcp->memory = memory;
    tcp->pool = pool;
    tcp->params = *params;
    tcp->secret = *secret;
    tcp->challenge_second = ENG_NEVER;
    list_init(&tcp->connections);
    list_init(&tcp->events);
    list_init(&tcp->listeners);
    list_init(&tcp->done);
    list_init(&tcp->owing);
    list_init(&tcp->chunk_pool);
    tcp_sent_pool_init(&tcp->sent_pool, memory);
    eng_slab_init(&tcp->slab, memory, sizeof(struct tcp_connection));
    tcp_score_init(&tcp->no_score);
    list_init(&tcp->scores);
    tcp->bucket_count = BUCKETS_MIN;
    tcp->buckets = eng_take(memory, BUCKETS_MIN * sizeof(struct tcp_connection *));
    if (!tcp->buckets) {
        eng_give(memory, tcp, sizeof *tcp);
        return NULL;
    }
    return tcp;
}

void
tcp_abandon(struct tcp *tcp)
{
    while (!list_is_empty(&tcp->connections))
        tcp_connection_destroy(LIST_ENTRY_OF(tcp->connections.next, struct tcp_connection, all));
}

void
tcp_destroy(struct tcp *tcp)
{
    struct list *node;
    tcp_abandon(tcp);
    while ((node = list_pop_front(&tcp->listeners)))
        eng_give(tcp->memory, LIST_ENTRY_OF(node, struct tcp_listener, link), sizeof(struct tcp_listener));
    while ((node = list_pop_front(&tcp->chunk_pool)))
        eng_give(tcp->memory, LIST_ENTRY_OF(node, struct tcp_chunk, link), sizeof(struct tcp_chunk));
    tcp_sent_pool_destroy(&tcp->sent_pool);
    while ((node = list_pop_front(&tcp->scores)))
        eng_give(tcp->memory, LIST_ENTRY_OF(node, struct tcp_score, sent), sizeof(struct tcp_score));
    eng_give(tcp->memory, tcp->heap, tcp->heap_room * sizeof *tcp->heap);
    eng_give(tcp->memory, tcp->buckets, tcp->bucket_count * sizeof *tcp->buckets);
    eng_give(tcp->memory, tcp, sizeof *tcp);
}

int
tcp_set_params(struct tcp *tcp, const struct tcp_params *params)
{
    if (!params_are_good(params))
        return -EINVAL;
    tcp->params = *params;
    tcp->challenge_second = ENG_NEVER;
    return 0;
}

const struct tcp_counters *
tcp_counters(const struct tcp *tcp)
{
    return &tcp->counters;
}

void
tcp_enter(struct tcp *tcp, uint64_t now_us, struct eng_outbox *outbox)
{
    // Time does not go back; a caller whose clock seems to is given the later one.
    if (now_us > tcp->now_us)
        tcp->now_us = now_us;
    tcp->outbox = outbox;
}

// ---- the table

static uint32_t
bucket_of(const struct tcp *tcp, const struct eng_address *local, const struct eng_address *remote, uint16_t local_port,
          uint16_t remote_port)
{
    struct {
        uint8_t local[16], remote[16];
        uint16_t ports[2];
        uint8_t family[4];
    } key = {.ports = {local_port, remote_port}, .family = {remote->family}};
    memcpy(key.local, local->bytes, 16);
    memcpy(key.remote, remote->bytes, 16);
    return (uint32_t)siphash(&tcp->secret, &key, sizeof key) & (tcp->bucket_count - 1);
}

static uint32_t
bucket_of_connection(const struct tcp_connection *c)
{
    const struct tcp_constant *k = &c->r.constant;
    return bucket_of(c->tcp, &k->local, &k->remote, k->local_port, k->remote_port);
}

struct tcp_connection *
tcp_find(const struct tcp *tcp, const struct eng_address *local, const struct eng_address *remote, uint16_t local_port,
         uint16_t remote_port)
{
    struct tcp_connection *c = tcp->buckets[bucket_of(tcp, local, remote, local_port, remote_port)];
    for (; c; c = c->hash_next) {
        const struct tcp_constant *k = &c->r.constant;
        if (k->local_port == local_port && k->remote_port == remote_port && eng_address_is_equal(&k->remote, remote) &&
            eng_address_is_equal(&k->local, local))
            return c;
    }
    return NULL;
}

// Twice the buckets when there are more connections than buckets. Without memory the chains only get longer.
static void
table_grow(struct tcp *tcp)
{
    uint32_t old_count = tcp->bucket_count;
    struct tcp_connection **old = tcp->buckets, **buckets = eng_take(tcp->memory, 2 * (size_t)old_count * sizeof *buckets);
    if (!buckets)
        return;
    tcp->buckets = buckets;
    tcp->bucket_count = 2 * old_count;
    for (uint32_t i = 0; i < old_count; i++) {
        for (struct tcp_connection *c = old[i], *next; c; c = next) {
            next = c->hash_next;
            uint32_t at = bucket_of_connection(c);
            c->hash_next = buckets[at];
            buckets[at] = c;
        }
    }
    eng_give(tcp->memory, old, old_count * sizeof *old);
}

bool
tcp_hash_insert(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    const struct tcp_constant *k = &c->r.constant;
    if (tcp_find(tcp, &k->local, &k->remote, k->local_port, k->remote_port))
        return false;
    if (tcp->hashed >= tcp->bucket_count)
        table_grow(tcp);
    uint32_t at = bucket_of_connection(c);
    c->hash_next = tcp->buckets[at];
    tcp->buckets[at] = c;
    c->is_hashed = true;
    tcp->hashed++;
    return true;
}

void
tcp_hash_remove(struct tcp_connection *c)
{
    if (!c->is_hashed)
        return;
    struct tcp_connection **at = &c->tcp->buckets[bucket_of_connection(c)];
    while (*at != c)
        at = &(*at)->hash_next;
    *at = c->hash_next;
    c->is_hashed = false;
    c->tcp->hashed--;
}

struct tcp_listener *
tcp_find_listener(const struct tcp *tcp, const struct eng_address *local, uint16_t port)
{
    struct tcp_listener *any = NULL;
    LIST_FOR_EACH(node, &tcp->listeners) {
        struct tcp_listener *listener = LIST_ENTRY_OF(node, struct tcp_listener, link);
        if (listener->port != port || listener->local.family != local->family)
            continue;
        // A particular address goes before the wildcard [RFC 9293 MUST-41, MUST-42].
        if (eng_address_is_equal(&listener->local, local))
            return listener;
        if (eng_address_is_any(&listener->local))
            any = listener;
    }
    return any;
}

struct tcp_listener *
tcp_listener_next(const struct tcp *tcp, const struct tcp_listener *last)
{
    const struct list *next = last ? last->link.next : tcp->listeners.next;
    return next == &tcp->listeners ? NULL : LIST_ENTRY_OF(next, struct tcp_listener, link);
}

void
tcp_listener_where(const struct tcp_listener *listener, struct eng_address *local, uint16_t *port)
{
    *local = listener->local;
    *port = listener->port;
}

// ---- what is in flight

bool
tcp_flight_reserve(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    if (!c->score) {
        struct list *node = list_pop_front(&tcp->scores);
        tcp->scores_kept -= node != NULL;
        c->score = node ? LIST_ENTRY_OF(node, struct tcp_score, sent) : eng_take(tcp->memory, sizeof *c->score);
        if (!c->score)
            return false;
        tcp_score_init(c->score);
    }
    return tcp_score_reserve(c->score, &tcp->sent_pool);
}

void
tcp_flight_settle(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    if (!c->score || !list_is_empty(&c->score->sent))
        return;
    if (tcp->scores_kept < TCP_SCORES_KEPT) {
        tcp->scores_kept++;
        list_push_front(&tcp->scores, &c->score->sent);
    } else {
        eng_give(tcp->memory, c->score, sizeof *c->score);
    }
    c->score = NULL;
}

void
tcp_flight_clear(struct tcp_connection *c)
{
    if (c->score)
        tcp_score_clear(c->score, &c->tcp->sent_pool);
    tcp_flight_settle(c);
}

// ---- connections

struct tcp_connection *
tcp_connection_next(const struct tcp *tcp, const struct tcp_connection *last)
{
    const struct list *next = last ? last->all.next : tcp->connections.next;
    return next == &tcp->connections ? NULL : LIST_ENTRY_OF(next, struct tcp_connection, all);
}

struct tcp_connection *
tcp_connection_create(struct tcp *tcp, const struct eng_address *local, const struct eng_address *remote, uint16_t local_port,
                      uint16_t remote_port)
{
    if (tcp->params.connections_max && tcp->live >= tcp->params.connections_max)
        return NULL;
    if (!tcp_timers_reserve(tcp, tcp->live + 1))
        return NULL;
    struct tcp_connection *c = eng_slab_take(&tcp->slab);
    if (!c)
        return NULL;
    c->tcp = tcp;
    c->r.constant = (struct tcp_constant){.local = *local, .remote = *remote, .local_port = local_port, .remote_port = remote_port};
    list_init(&c->event_link);
    list_init(&c->owing);
    list_init(&c->sends);
    list_init(&c->done);
    list_init(&c->received);
    tcp_rack_init(&c->rack);
    tcp_rtt_init(&c->rtt, tcp->params.initial_rto_us, tcp->params.min_rto_us, tcp->params.max_rto_us);
    for (unsigned i = 0; i < TCP_TIMERS; i++)
        c->due[i] = ENG_NEVER;
    c->last_heard_us = tcp->now_us;
    list_push_back(&tcp->connections, &c->all);
    tcp->live++;
    tcp->counters.connections = tcp->live;
    return c;
}

void
tcp_connection_destroy(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    struct list *node;
    tcp_enter_state(c, TCP_CLOSED);
    tcp_timers_stop(c);
    tcp_hash_remove(c);
    tcp_sends_end(c, -ECONNABORTED);
    while ((node = list_pop_front(&c->done)))
        list_push_back(&tcp->done, node);
    tcp_received_clear(c);
    tcp_early_clear(c);
    tcp_flight_clear(c);
    if (c->is_offer && c->listener)
        c->listener->offers--;
    eng_give(tcp->memory, c->route, sizeof *c->route);
    list_remove(&c->event_link);
    list_remove(&c->owing);
    list_remove(&c->all);
    tcp->live--;
    tcp->counters.connections = tcp->live;
    eng_slab_give(&tcp->slab, c);
}

static bool
state_is_half_open(const struct tcp_connection *c, enum tcp_state state)
{
    return state == TCP_SYN_RECEIVED && !c->is_opener;
}

static bool
state_is_established(enum tcp_state state)
{
    return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

void
tcp_enter_state(struct tcp_connection *c, enum tcp_state state)
{
    struct tcp_counters *counters = &c->tcp->counters;
    enum tcp_state old = c->r.delegated.state;
    counters->half_open -= state_is_half_open(c, old);
    counters->half_open += state_is_half_open(c, state);
    counters->time_waits -= old == TCP_TIME_WAIT;
    counters->time_waits += state == TCP_TIME_WAIT;
    bool was_established = state_is_established(old);
    counters->established -= was_established;
    counters->established += state_is_established(state);
    counters->active_opens += state == TCP_SYN_SENT && old == TCP_CLOSED;
    counters->attempts_failed += state == TCP_CLOSED && (old == TCP_SYN_SENT || old == TCP_SYN_RECEIVED);
    counters->established_reset += state == TCP_CLOSED && was_established && c->end != TCP_END_EXPORTED;
    c->r.delegated.state = state;
}

// ---- events

void
tcp_event(struct tcp_connection *c, uint32_t events)
{
    if (c->is_released || !events)
        return;
    if (!c->events)
        list_push_back(&c->tcp->events, &c->event_link);
    c->events |= events;
}

struct tcp_connection *
tcp_event_next(struct tcp *tcp, uint32_t *events)
{
    struct list *node = list_pop_front(&tcp->events);
    if (!node)
        return NULL;
    struct tcp_connection *c = LIST_ENTRY_OF(node, struct tcp_connection, event_link);
    *events = c->events;
    c->events = 0;
    if (*events & TCP_EVENT_OFFER)
        c->is_announced = true;
    return c;
}

void *
tcp_context(const struct tcp_connection *connection)
{
    return connection->context;
}

void
tcp_set_context(struct tcp_connection *connection, void *context)
{
    connection->context = context;
}

void
tcp_info(const struct tcp_connection *c, struct tcp_info *info)
{
    const struct tcp_kept *d = &c->r.delegated;
    *info = (struct tcp_info){
        .state = d->state,
        .end = c->end,
        .upload = c->upload,
        .soft_error = c->soft_error,
        .mss_bytes = c->mss,
        .mtu_bytes = c->path.mtu_bytes,
        .unsent_bytes = c->end_place - c->next_place,
        .unacked_bytes = c->next_place - c->una_place,
        .receive_bytes = c->received_bytes,
        .window_bytes = d->rcv_wnd,
        .srtt_us = c->rtt.has_sample ? tcp_rtt_srtt_us(&c->rtt) : 0,
        .rttvar_us = c->rtt.has_sample ? tcp_rtt_var_us(&c->rtt) : 0,
        .rto_us = tcp_rtt_rto(&c->rtt, d->retransmit.count),
        .cwnd = c->cc.cwnd,
        .ssthresh = c->cc.ssthresh,
        .has_ecn = c->ecn_ok,
        .fin_acked = c->fin_acked,
        .fin_received = c->fin_taken,
    };
}
