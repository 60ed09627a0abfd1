// SPDX-License-Identifier: MIT
// iWARP over engine/tcp: two instances of both, segments lost at random, everything arrives; and nothing is left.
#include "engine/iwarp/over_tcp.h"
#include "harness/harness.h"
#include "kit.h"
#include <errno.h>

struct frame {
    struct eng_owner owner;
    size_t count;
    uint8_t bytes[];
};

struct host {
    struct side *side;
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    struct tcp *tcp;
    struct tcp_connection *connection;
    struct eng_span scratch[IWARP_TCP_SPANS];
    struct eng_address address;
    uint32_t tcp_events;
    size_t blocks, frames;
};

struct net {
    struct pair pair;
    struct host hosts[2];
    unsigned loss_in_100;
    uint64_t carried;
};

static void *
host_take(void *context, size_t bytes)
{
    ((struct host *)context)->blocks++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
host_give(void *context, void *block, size_t bytes)
{
    (void)bytes;
    ((struct host *)context)->blocks--;
    free(block);
}

static void
frame_release(struct eng_owner *owner)
{
    free(owner);
}

static void
carry(struct net *net, struct host *host, struct host *to)
{
    struct eng_out *out;
    while ((out = eng_outbox_pop(&host->outbox))) {
        size_t count = out->head_bytes + out->data_bytes;
        struct frame *frame = malloc(sizeof *frame + count);
        *frame = (struct frame){.owner = {.holds = 1, .on_release = frame_release}, .count = count};
        memcpy(frame->bytes, out->head, out->head_bytes);
        eng_spans_copy(out->data, out->n_data, 0, frame->bytes + out->head_bytes, out->data_bytes);
        eng_out_put(&host->pool, out);
        struct eng_span span = {.bytes = frame->bytes, .count = (uint32_t)count, .owner = &frame->owner};
        struct eng_in in = {.spans = &span, .n_spans = 1, .length_bytes = (uint32_t)count, .flags = ENG_IN_L4_SUM_GOOD, .protocol = 6};
        in.source = host->address;
        in.destination = to->address;
        if (prng_below(&net->pair.prng, 100) >= net->loss_in_100)
            tcp_input(to->tcp, &in, net->pair.now_us, &to->outbox);
        net->carried += count;
        eng_drop(&frame->owner);
    }
}

static void
host_run(struct net *net, struct host *host)
{
    struct tcp_connection *connection;
    uint32_t events, now = 0;
    tcp_run(host->tcp, net->pair.now_us, &host->outbox);
    iwarp_time(host->side->iwarp, net->pair.now_us);
    while ((connection = tcp_event_next(host->tcp, &events))) {
        if (events & TCP_EVENT_OFFER) {
            struct tcp_open open = {.path = {.mtu_bytes = 1500, .flags = TCP_PATH_SUM_PARTIAL}, .receive_bytes = IWARP_TCP_RECEIVE_BYTES};
            ck_assert_int_eq(tcp_accept(connection, &open, net->pair.now_us, &host->outbox), 0);
            host->connection = connection;
        }
        now |= events;
    }
    host->tcp_events |= now;
    if (host->connection && host->side->c)
        iwarp_tcp_run(host->side->iwarp, host->side->c, host->connection, now, host->scratch, net->pair.now_us, &host->outbox);
    uint32_t told = host->side->c ? iwarp_events(host->side->c) : 0;
    host->side->events |= told;
    host->side->disconnects += !!(told & RDMA_EVENT_DISCONNECT);
}

static bool
net_run(struct net *net, bool (*until)(struct net *net))
{
    for (int step = 0; step < 200000; step++) {
        for (int i = 0; i < 2; i++) {
            host_run(net, &net->hosts[i]);
            carry(net, &net->hosts[i], &net->hosts[1 - i]);
        }
        if (until(net))
            return true;
        net->pair.now_us += 500;
    }
    return false;
}

static void
net_open(struct net *net, const struct setup *setup, uint64_t seed, unsigned loss_in_100)
{
    struct tcp_params params;
    struct siphash_key secret = {{seed, 7}};
    struct tcp_listener *listener;
    memset(net, 0, sizeof *net);
    pair_open(&net->pair, setup, seed);
    net->loss_in_100 = loss_in_100;
    tcp_params_default(&params);
    for (uint8_t i = 0; i < 2; i++) {
        struct host *host = &net->hosts[i];
        const uint8_t address[4] = {10, 0, 0, (uint8_t)(i + 1)};
        host->side = &net->pair.sides[i];
        host->address = eng_address4(address);
        host->memory = (struct eng_memory){.on_take = host_take, .on_give = host_give, .context = host};
        eng_out_pool_init(&host->pool, &host->memory);
        eng_outbox_init(&host->outbox);
        host->tcp = tcp_create(&host->memory, &host->pool, &params, &secret);
        ck_assert_ptr_nonnull(host->tcp);
    }
    ck_assert_int_eq(tcp_listen(net->hosts[1].tcp, &net->hosts[1].address, 1000, 4, NULL, &listener), 0);
    struct tcp_open open = {
        .local = net->hosts[0].address,
        .remote = net->hosts[1].address,
        .local_port = 2000,
        .remote_port = 1000,
        .path = {.mtu_bytes = 1500, .flags = TCP_PATH_SUM_PARTIAL},
        .receive_bytes = IWARP_TCP_RECEIVE_BYTES,
    };
    ck_assert_int_eq(tcp_connect(net->hosts[0].tcp, &open, net->pair.now_us, &net->hosts[0].outbox, &net->hosts[0].connection), 0);
}

static void
net_close(struct net *net)
{
    for (int i = 0; i < 2; i++) {
        struct host *host = &net->hosts[i];
        struct eng_out *out;
        struct tcp_send *send;
        while ((out = eng_outbox_pop(&host->outbox)))
            eng_out_put(&host->pool, out);
        tcp_abandon(host->tcp);
        while ((send = tcp_released_send_done(host->tcp)))
            iwarp_run_done(host->side->iwarp, send, net->pair.now_us);
        tcp_destroy(host->tcp);
        eng_out_pool_destroy(&host->pool);
        ck_assert_uint_eq(host->blocks, 0);
    }
    pair_close(&net->pair);
}

static bool
is_asked(struct net *net)
{
    return net->pair.sides[1].events & RDMA_EVENT_REQUEST;
}

static bool
is_replied(struct net *net)
{
    return net->pair.sides[0].events & RDMA_EVENT_REPLY;
}

static bool
is_up(struct net *net)
{
    return net->pair.sides[0].events & net->pair.sides[1].events & RDMA_EVENT_ESTABLISHED;
}

static bool
is_closed(struct net *net)
{
    return net->pair.sides[0].events & net->pair.sides[1].events & RDMA_EVENT_CLOSED;
}

static void
connect_over(struct net *net)
{
    ck_assert(net_run(net, is_asked));
    ck_assert_int_eq(iwarp_accept(net->pair.sides[1].c, net->pair.setup.reads[1], NULL, 0, net->pair.now_us), 0);
    ck_assert(net_run(net, is_replied));
    ck_assert_int_eq(iwarp_complete_connect(net->pair.sides[0].c, net->pair.now_us), 0);
    ck_assert(net_run(net, is_up));
    net->pair.sides[0].events = net->pair.sides[1].events = 0;
}

static bool
is_all_done(struct net *net)
{
    return list_is_empty(&net->pair.sides[1].receives) && iwarp_next_deadline(net->pair.sides[0].iwarp) == ENG_NEVER &&
           net->pair.sides[0].events & RDMA_EVENT_DONE && net->pair.sides[1].events & RDMA_EVENT_DONE;
}

static void
over_tcp(unsigned loss_in_100, uint64_t seed)
{
    struct net net;
    struct setup setup = setup_plain;
    setup.uses[seed & 1] |= IWARP_USE_MARKERS;
    net_open(&net, &setup, seed, loss_in_100);
    connect_over(&net);
    struct pair *pair = &net.pair;
    struct region *source = side_region(&pair->sides[1], 1, 500, 300000), *sink = side_region(&pair->sides[0], 2, 0, 300000);
    region_fill(source, 9);
    struct kit_work *write = side_work(pair, &pair->sides[0], RDMA_WRITE, 1000, 5);
    struct kit_work *read = side_work(pair, &pair->sides[0], RDMA_READ, 300000, 1);
    struct kit_work *send = side_work(pair, &pair->sides[0], RDMA_SEND, 300000, 3), *receive = side_receive(pair, &pair->sides[1], 300000);
    write->work.remote_tag = read->work.remote_tag = 1;
    write->work.remote_offset = read->work.remote_offset = 500;
    read->work.sink_tag = 2;
    send->work.flags = RDMA_FENCE;
    ck_assert_int_eq(side_post(pair, &pair->sides[0], write), 0);
    ck_assert_int_eq(side_post(pair, &pair->sides[0], read), 0);
    ck_assert_int_eq(side_post(pair, &pair->sides[0], send), 0);
    ck_assert(net_run(&net, is_all_done));
    ck_assert_ptr_eq(side_done(&pair->sides[1]), receive);
    ck_assert(text_is(receive, 300000, 3));
    bool is_right = true;
    for (uint32_t i = 0; i < 300000; i++)
        is_right &= *region_at(sink, i) == pattern_at(i < 1000 ? 5 : 9, i);
    ck_assert(is_right);
    iwarp_disconnect(pair->sides[0].c, pair->now_us);
    iwarp_disconnect(pair->sides[1].c, pair->now_us);
    ck_assert(net_run(&net, is_closed));
    for (int i = 0; i < 2; i++) {
        struct iwarp_info info;
        iwarp_info(pair->sides[i].c, &info);
        ck_assert_int_eq(info.end, RDMA_END_NONE);
        ck_assert_uint_eq(pair->sides[i].disconnects, 0);
    }
    net_close(&net);
}

TEST(all_kinds_of_work_arrive_over_engine_tcp_and_the_connection_closes_in_order)
{
    over_tcp(0, 1);
    over_tcp(0, 2);
}

TEST_TIMEOUT(60, lost_segments_delay_and_change_nothing)
{
    for (uint64_t seed = 3; seed < 8; seed++)
        over_tcp(4, seed);
}

TEST(a_reset_by_the_peer_is_a_disconnect_and_flushed_work_comes_back)
{
    struct net net;
    net_open(&net, &setup_plain, 1, 0);
    connect_over(&net);
    struct pair *pair = &net.pair;
    struct kit_work *send = side_work(pair, &pair->sides[0], RDMA_SEND, 300000, 3);
    side_receive(pair, &pair->sides[1], 300000);
    ck_assert_int_eq(side_post(pair, &pair->sides[0], send), 0);
    for (int i = 0; i < 2; i++) {
        host_run(&net, &net.hosts[i]);
        carry(&net, &net.hosts[i], &net.hosts[1 - i]);
    }
    iwarp_abort(pair->sides[1].c);
    ck_assert(net_run(&net, is_closed));
    ck_assert_uint_eq(pair->sides[0].disconnects, 1);
    ck_assert_uint_eq(pair->sides[1].disconnects, 0);
    struct tcp_info info;
    tcp_info(net.hosts[0].connection, &info);
    ck_assert_int_eq(info.end, TCP_END_RESET);
    ck_assert_ptr_null(side_done(&pair->sides[0]));
    iwarp_flush(pair->sides[0].c);
    ck_assert_ptr_eq(side_done(&pair->sides[0]), send);
    ck_assert_int_eq(send->work.status, -ECANCELED);
    net_close(&net);
}

TEST(a_refused_connection_is_lost_before_it_began)
{
    struct net net;
    net_open(&net, &setup_plain, 1, 0);
    struct tcp_connection *offer;
    uint32_t events;
    host_run(&net, &net.hosts[0]);
    carry(&net, &net.hosts[0], &net.hosts[1]);
    offer = tcp_event_next(net.hosts[1].tcp, &events);
    tcp_refuse(offer, net.pair.now_us, &net.hosts[1].outbox);
    carry(&net, &net.hosts[1], &net.hosts[0]);
    host_run(&net, &net.hosts[0]);
    ck_assert_uint_eq(net.pair.sides[0].events, RDMA_EVENT_CLOSED);
    struct iwarp_info info;
    iwarp_info(net.pair.sides[0].c, &info);
    ck_assert_int_eq(info.end, RDMA_END_LOST);
    net_close(&net);
}
