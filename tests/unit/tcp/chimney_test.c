// SPDX-License-Identifier: MIT
// The chimney's state map (drivers/chimney_common): an engine's record in the three documented classes and back. The sweep hands each
// connection of random traces over by nothing else: the classes are a byte copy in fresh memory, their reserved members poisoned, and
// what the engines know beyond them is gone. The wire stays legal (the kit checks every segment), the data exact.
// NBX_TCP_TRACES is how many traces the sweep runs (default 120), NBX_TCP_SEED the first.
#include "../../../drivers/chimney_common/chim.h"
#include "kit.h"
#include <stdlib.h>
#include <string.h>

static struct kit kit;

// ---- one member at a time

TEST(every_documented_member_of_the_constant_class_crosses)
{
    struct tcp_constant in = {.local_port = 80, .remote_port = 50000, .remote_mss = 1460, .snd_wnd_scale = 14, .rcv_wnd_scale = 7,
                              .flags = TCP_HAS_TIMESTAMPS | TCP_HAS_WINDOW_SCALE, .hash_value = 0x12345678};
    struct tcp_constant out = {.local = eng_address4((const uint8_t[]){10, 0, 0, 1})};
    TCP_OFFLOAD_STATE_CONST state;
    memset(&state, 0xEE, sizeof state);
    chim_constant_put(&in, &state);
    ck_assert_uint_eq(state.Flags, TCP_FLAG_TIMESTAMP_ENABLED | TCP_FLAG_WINDOW_SCALING_ENABLED);
    ck_assert_uint_eq(state.LocalPort, 80 << 8); // as in a packet
    ck_assert_uint_eq(state.SndWindScale, 14);
    ck_assert_uint_eq(state.RcvWindScale, 7);
    ck_assert(chim_constant_get(&state, &out));
    ck_assert_uint_eq(out.local_port, 80);
    ck_assert_uint_eq(out.remote_port, 50000);
    ck_assert_uint_eq(out.remote_mss, 1460);
    ck_assert_uint_eq(out.snd_wnd_scale, 14);
    ck_assert_uint_eq(out.rcv_wnd_scale, 7);
    ck_assert_uint_eq(out.flags, in.flags);
    ck_assert_uint_eq(out.hash_value, 0x12345678);
    ck_assert_uint_eq(out.local.bytes[0], 10); // a path's, untouched
}

TEST(without_window_scaling_the_scales_of_the_constant_class_mean_nothing)
{
    TCP_OFFLOAD_STATE_CONST state = {.RemotePort = 1, .LocalPort = 1, .RemoteMss = 536, .SndWindScale = 15, .RcvWindScale = 15};
    struct tcp_constant out = {0};
    ck_assert(chim_constant_get(&state, &out));
    ck_assert_uint_eq(out.snd_wnd_scale | out.rcv_wnd_scale, 0);
    state.Flags = TCP_FLAG_WINDOW_SCALING_ENABLED;
    ck_assert(!chim_constant_get(&state, &out));
}

TEST(a_constant_class_that_no_handshake_led_to_is_refused)
{
    TCP_OFFLOAD_STATE_CONST good = {.RemotePort = 1, .LocalPort = 1, .RemoteMss = 536}, bad;
    struct tcp_constant out = {0};
    ck_assert(chim_constant_get(&good, &out));
    bad = good;
    bad.RemotePort = 0;
    ck_assert(!chim_constant_get(&bad, &out));
    bad = good;
    bad.LocalPort = 0;
    ck_assert(!chim_constant_get(&bad, &out));
    bad = good;
    bad.RemoteMss = 0;
    ck_assert(!chim_constant_get(&bad, &out));
}

TEST(every_documented_member_of_the_cached_class_crosses_and_a_count_of_probes_has_one_byte)
{
    struct tcp_cached in = {.flags = 0x1F, .initial_rcv_wnd = 70000, .rcv_indication_size = 60, .ka_probe_count = 300,
                            .ka_timeout = 7200000,
                            .ka_interval = 75000, .max_rt = UINT32_MAX, .flow_label = 0xABCDE, .ttl = 64, .tos = 0x28, .user_priority = 5};
    struct tcp_cached out;
    TCP_OFFLOAD_STATE_CACHED state;
    memset(&state, 0xEE, sizeof state);
    chim_cached_put(&in, &state);
    ck_assert_uint_eq(state.Flags, TCP_FLAG_KEEP_ALIVE_ENABLED | TCP_FLAG_NAGLING_ENABLED | TCP_FLAG_KEEP_ALIVE_RESTART |
                                       TCP_FLAG_MAX_RT_RESTART | TCP_FLAG_UPDATE_RCV_WND);
    memset(&out, 0xEE, sizeof out);
    chim_cached_get(&state, &out);
    ck_assert_uint_eq(out.ka_probe_count, 255);
    in.ka_probe_count = 255;
    ck_assert_uint_eq(out.flags, in.flags);
    ck_assert_uint_eq(out.initial_rcv_wnd, in.initial_rcv_wnd);
    ck_assert_uint_eq(out.rcv_indication_size, in.rcv_indication_size);
    ck_assert_uint_eq(out.ka_timeout, in.ka_timeout);
    ck_assert_uint_eq(out.ka_interval, in.ka_interval);
    ck_assert_uint_eq(out.max_rt, in.max_rt);
    ck_assert_uint_eq(out.flow_label, in.flow_label);
    ck_assert_uint_eq(out.ttl, in.ttl);
    ck_assert_uint_eq(out.tos, in.tos);
    ck_assert_uint_eq(out.user_priority, in.user_priority);
}

// Fill a record's delegated class with values that all differ.
static struct tcp_delegated
delegated_of(uint32_t base)
{
    return (struct tcp_delegated){
        .state = TCP_CLOSE_WAIT, .rcv_nxt = base + 1, .rcv_wnd = base + 2, .snd_una = base + 3, .snd_nxt = base + 4, .snd_max = base + 5,
        .snd_wnd = base + 6, .max_snd_wnd = base + 7, .snd_wl1 = base + 8, .cwnd = base + 9, .ssthresh = base + 10,
        .srtt = 11, .rttvar = 12,
        .ts_recent = base + 13, .ts_recent_age = base + 14, .ts_time = base + 15, .total_rt = base + 16, .dup_ack_count = 17,
        .snd_wnd_probe_count = 18, .retransmit = {.count = 19, .timeout_delta = base + 20},
        .keep_alive = {.probe_count = 21, .timeout_delta = base + 22}};
}

TEST(every_documented_member_of_the_delegated_class_crosses_by_its_own_value)
{
    struct tcp_delegated in = delegated_of(0xF0000000), out;
    TCP_OFFLOAD_STATE_DELEGATED state;
    memset(&state, 0xEE, sizeof state);
    chim_delegated_put(&in, &state);
    ck_assert_int_eq(state.State, TcpConnectionCloseWait);
    ck_assert_uint_eq(state.RcvNxt, 0xF0000001);
    ck_assert_uint_eq(state.RcvWnd, 0xF0000002);
    ck_assert_uint_eq(state.SndUna, 0xF0000003);
    ck_assert_uint_eq(state.SndNxt, 0xF0000004);
    ck_assert_uint_eq(state.SndMax, 0xF0000005);
    ck_assert_uint_eq(state.SendWL1, 0xF0000008);
    ck_assert_uint_eq(state.SRtt, 11);
    ck_assert_uint_eq(state.TsTime, 0xF000000F);
    ck_assert_uint_eq(state.Retransmit.TimeoutDelta, 0xF0000014);
    ck_assert_uint_eq(state.KeepAlive.TimeoutDelta, 0xF0000016);
    memset(&out, 0xEE, sizeof out);
    ck_assert(chim_delegated_get(&state, &out));
#define SAME(member) ck_assert_uint_eq((uint64_t)out.member, (uint64_t)in.member)
    SAME(state);
    SAME(rcv_nxt);
    SAME(rcv_wnd);
    SAME(snd_una);
    SAME(snd_nxt);
    SAME(snd_max);
    SAME(snd_wnd);
    SAME(max_snd_wnd);
    SAME(snd_wl1);
    SAME(cwnd);
    SAME(ssthresh);
    SAME(srtt);
    SAME(rttvar);
    SAME(ts_recent);
    SAME(ts_recent_age);
    SAME(ts_time);
    SAME(total_rt);
    SAME(dup_ack_count);
    SAME(snd_wnd_probe_count);
    SAME(retransmit.count);
    SAME(retransmit.timeout_delta);
    SAME(keep_alive.probe_count);
    SAME(keep_alive.timeout_delta);
#undef SAME
}

TEST(a_state_that_is_none_is_refused_and_only_six_travel)
{
    TCP_OFFLOAD_STATE_DELEGATED state = {.State = MaxTcpConnectionState};
    struct tcp_delegated out;
    ck_assert(!chim_delegated_get(&state, &out));
    unsigned travels = 0;
    for (unsigned i = 0; i < MaxTcpConnectionState; i++) {
        state.State = i;
        ck_assert(chim_delegated_get(&state, &out));
        travels |= chim_state_travels(i) ? 1u << i : 0;
    }
    ck_assert_uint_eq(travels, 1u << TcpConnectionEstablished | 1u << TcpConnectionFinWait1 | 1u << TcpConnectionFinWait2 |
                                   1u << TcpConnectionCloseWait | 1u << TcpConnectionClosing | 1u << TcpConnectionLastAck);
}

// ---- blocks and chains

TEST(a_blocks_type_says_which_parts_follow_it_and_where)
{
    struct {
        NDIS_MINIPORT_OFFLOAD_BLOCK_LIST block;
        struct chim_tcp state;
    } tree = {.block.Header.Type = TcpOffloadState};
    struct chim_parts parts;
    ck_assert(chim_parts(&tree.block, &parts));
    ck_assert_int_eq(parts.layer, CHIM_TCP);
    ck_assert_ptr_eq(parts.constant, &tree.state.constant);
    ck_assert_ptr_eq(parts.cached, &tree.state.cached);
    ck_assert_ptr_eq(parts.delegated, &tree.state.delegated);
    ck_assert_uint_eq(chim_state_bytes(TcpOffloadState), sizeof tree.state);
    tree.block.Header.Type = TcpOffloadDelegatedState;
    ck_assert(chim_parts(&tree.block, &parts));
    ck_assert_ptr_null(parts.constant);
    ck_assert_ptr_null(parts.cached);
    ck_assert_ptr_eq(parts.delegated, &tree.block + 1);
    ck_assert_uint_eq(chim_state_bytes(TcpOffloadDelegatedState), sizeof(TCP_OFFLOAD_STATE_DELEGATED));
    tree.block.Header.Type = Ip6OffloadCachedState;
    ck_assert(chim_parts(&tree.block, &parts));
    ck_assert_int_eq(parts.layer, CHIM_PATH);
    ck_assert_int_eq(parts.family, ENG_IP6);
    ck_assert_ptr_eq(parts.cached, &tree.block + 1);
    tree.block.Header.Type = FilterReservedOffloadState;
    ck_assert(!chim_parts(&tree.block, &parts));
    ck_assert_uint_eq(chim_state_bytes(FilterReservedOffloadState), 0);
    ck_assert_uint_eq(chim_state_bytes(TcpOffloadResourceState), 0);
}

TEST(a_chain_is_read_where_it_lies)
{
    uint8_t bytes[100];
    struct eng_owner owner = {.holds = 1};
    struct eng_span spans[4];
    MDL mdl[3] = {0};
    for (unsigned i = 0; i < 3; i++)
        mdl[i] = (MDL){.Next = i == 0 ? &mdl[1] : NULL, .MdlFlags = MDL_SOURCE_IS_NONPAGED_POOL,
                       .MappedSystemVa = bytes + 30 * i, .ByteCount = 30};
    NET_BUFFER nb[2] = {0};
    NET_BUFFER_LIST nbl = {0};
    NET_BUFFER_LIST_FIRST_NB(&nbl) = &nb[0];
    NET_BUFFER_NEXT_NB(&nb[0]) = &nb[1];
    NET_BUFFER_FIRST_MDL(&nb[0]) = NET_BUFFER_CURRENT_MDL(&nb[0]) = &mdl[0];
    NET_BUFFER_CURRENT_MDL_OFFSET(&nb[0]) = NET_BUFFER_DATA_OFFSET(&nb[0]) = 10;
    NET_BUFFER_DATA_LENGTH(&nb[0]) = 35;
    NET_BUFFER_FIRST_MDL(&nb[1]) = NET_BUFFER_CURRENT_MDL(&nb[1]) = &mdl[2];
    NET_BUFFER_DATA_LENGTH(&nb[1]) = 30;
    ck_assert_uint_eq(chim_nbl_bytes(&nbl), 65);
    ck_assert_uint_eq(chim_nbl_span_count(&nbl), 3);
    ck_assert_uint_eq(chim_nbl_spans(&nbl, spans, 2, &owner), 0);
    ck_assert_uint_eq(chim_nbl_spans(&nbl, spans, 4, &owner), 3);
    ck_assert_ptr_eq(spans[0].bytes, bytes + 10);
    ck_assert_uint_eq(spans[0].count, 20);
    ck_assert_uint_eq(spans[0].offset, 10);
    ck_assert_ptr_eq(spans[0].tag, &mdl[0]);
    ck_assert_uint_eq(spans[1].count, 15);
    ck_assert_ptr_eq(spans[2].bytes, bytes + 60);
    ck_assert_uint_eq(owner.holds, 1);
    NET_BUFFER_DATA_LENGTH(&nb[1]) = 31; // more than its MDLs have
    ck_assert_uint_eq(chim_nbl_spans(&nbl, spans, 4, &owner), 0);
}

// ---- the timestamps of the guide's examples [wdd network/examples-of-timestamp-processing]

struct clock {
    uint32_t ms, delta;
};

// Hand TsTime over as the guide has it: the giver's clock and delta, seen by the taker's clock.
static void
clock_hand_over(const struct clock *from, struct clock *to)
{
    struct tcp_delegated in = {.state = TCP_ESTABLISHED, .ts_time = from->ms + from->delta}, out;
    TCP_OFFLOAD_STATE_DELEGATED state;
    chim_delegated_put(&in, &state);
    ck_assert(chim_delegated_get(&state, &out));
    to->delta = out.ts_time - to->ms;
}

static uint32_t
round_trip(const struct clock *clock, uint32_t echoed)
{
    return clock->ms + clock->delta - echoed;
}

TEST(the_guides_examples_of_timestamps_come_out_as_they_stand_there)
{
    struct clock stack = {100, 0}, nic = {200, 0};
    clock_hand_over(&stack, &nic);
    ck_assert_int_eq((int32_t)nic.delta, -100);
    nic.ms = 205;
    ck_assert_uint_eq(round_trip(&nic, 100), 5);
    nic.ms = 215;
    ck_assert_uint_eq(round_trip(&nic, 110), 5);
    nic.ms = 250;
    stack.ms = 150;
    clock_hand_over(&nic, &stack);
    ck_assert_uint_eq(stack.delta, 0);
    stack.ms = 155;
    ck_assert_uint_eq(round_trip(&stack, 150), 5);
    // The same with a stack's clock that jumps.
    stack = (struct clock){100, 0};
    nic = (struct clock){200, 0};
    clock_hand_over(&stack, &nic);
    nic.ms = 250;
    stack.ms = 200;
    clock_hand_over(&nic, &stack);
    ck_assert_int_eq((int32_t)stack.delta, -50);
    stack.ms = 205;
    ck_assert_uint_eq(round_trip(&stack, 150), 5);
    stack.ms = 255;
    ck_assert_uint_eq(round_trip(&stack, 200), 5);
    stack.ms = 400;
    nic.ms = 320;
    clock_hand_over(&stack, &nic);
    ck_assert_uint_eq(nic.delta, 30);
    nic.ms = 325;
    ck_assert_uint_eq(round_trip(&nic, 350), 5);
}

// ---- the sweep

struct mover {
    struct prng prng;
    struct tcp_params params;
    unsigned thousandths;
    unsigned moved, reached;        // reached: a bit for each state that was handed over
    bool has_gobackn, has_waiting, has_shut_window;
};

// The record as another layer gets it: a copy in memory of its own, with what is not documented poisoned.
static void
through_the_classes(const struct tcp_record *from, struct tcp_record *to)
{
    struct chim_tcp *mine = malloc(sizeof *mine), *theirs;
    memset(mine, 0xEE, sizeof *mine);
    chim_constant_put(&from->constant, &mine->constant);
    chim_cached_put(&from->cached, &mine->cached);
    chim_delegated_put(&from->delegated, &mine->delegated);
    theirs = malloc(sizeof *theirs);
    memcpy(theirs, mine, sizeof *theirs);
    free(mine);
    theirs->constant.Header.RecognizedOptions = theirs->cached.Header.RecognizedOptions = 0xDEADBEEF;
    theirs->delegated.Header.RecognizedOptions = 0xDEADBEEF;
    theirs->delegated.Flags = 0xBEEF;
    memset(to, 0xEE, sizeof *to);
    to->constant.local = from->constant.local; // a path's
    to->constant.remote = from->constant.remote;
    ck_assert(chim_constant_get(&theirs->constant, &to->constant));
    chim_cached_get(&theirs->cached, &to->cached);
    ck_assert(chim_delegated_get(&theirs->delegated, &to->delegated));
    ck_assert(chim_state_travels(theirs->delegated.State));
    free(theirs);
}

static void
note(struct mover *mover, const struct tcp_record *record, size_t waiting)
{
    const struct tcp_delegated *d = &record->delegated;
    mover->moved++;
    mover->reached |= 1u << d->state;
    mover->has_gobackn |= d->snd_nxt != d->snd_max;
    mover->has_waiting |= waiting != 0;
    mover->has_shut_window |= !d->snd_wnd;
}

static void
hand_over(struct kit_end *end, struct mover *mover)
{
    struct kit *k = end->kit;
    struct tcp_handover from, to = {0};
    if (tcp_export(end->connection, k->now_us, &end->outbox, &from))
        return;
    kit_drain(end);
    through_the_classes(&from.record, &to.record);
    list_init(&to.sends);
    for (struct list *node; (node = list_pop_front(&from.sends));)
        list_push_back(&to.sends, node);
    struct siphash_key key = {{prng_next(&mover->prng), 5}};
    struct tcp *tcp = tcp_create(&end->memory, &end->pool, &mover->params, &key);
    struct tcp_connection *connection;
    struct eng_span spans[256];
    size_t n = tcp_receive_spans(end->connection, 0, spans, 256);
    note(mover, &to.record, n);
    ck_assert_int_eq(tcp_import(tcp, &to, &end->open, spans, n, k->now_us, &end->outbox, &connection), 0);
    kit_drain(end);
    struct tcp_send *send;
    while ((send = tcp_send_done(end->connection)))
        kit_item_done(send);
    tcp_release(end->connection, k->now_us, &end->outbox);
    tcp_destroy(end->tcp);
    end->tcp = tcp;
    end->connection = connection;
}

static void
maybe_hand_over(struct kit *k, void *context)
{
    struct mover *mover = context;
    for (unsigned i = 0; i < 2; i++)
        if (k->end[i].connection && prng_below(&mover->prng, 1000) < mover->thousandths)
            hand_over(&k->end[i], mover);
}

static void
trace(uint64_t seed, struct mover *mover)
{
    prng_seed(&mover->prng, seed * 1409 + 7);
    kit_params(&mover->params);
    mover->params.ticks_per_second = seed % 3 ? 1000 : 100;
    mover->params.uses &= ~(uint32_t)(prng_below(&mover->prng, 16)); // timestamps, scale, SACK, RACK
    mover->params.min_rto_us = 50000;
    mover->thousandths = seed % 4 == 0 ? 1000 : 100; // every fourth: at every event
    struct kit_wire wire = {.delay_us = 500 + prng_below(&mover->prng, 5000), .loss = (unsigned)prng_below(&mover->prng, 60),
                            .duplicate = (unsigned)prng_below(&mover->prng, 30), .reorder = (unsigned)prng_below(&mover->prng, 60),
                            .has_rsc = prng_below(&mover->prng, 2)};
    kit_create(&kit, seed, &wire, &mover->params, prng_below(&mover->prng, 2) ? ENG_IP4 : ENG_IP6);
    for (unsigned i = 0; i < 2; i++) {
        kit.end[i].open.path.lso_max_bytes = prng_below(&mover->prng, 2) ? 30000 : 0;
        kit.end[i].open.cached_flags = prng_below(&mover->prng, 2) ? TCP_CACHED_NAGLE : 0;
        kit.end[i].open.receive_bytes = 3000 + (uint32_t)prng_below(&mover->prng, 100000);
    }
    kit_connect(&kit);
    kit.on_step = maybe_hand_over;
    kit.context = mover;
    // Either end closes first, or both at once, so that every state is passed.
    bool shuts_both = prng_below(&mover->prng, 2);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t piece = 1 + (uint32_t)prng_below(&mover->prng, 20000), span = 16 + (uint32_t)prng_below(&mover->prng, 3000);
        // A slow reader: bytes wait in the record. A very slow one shuts its window.
        kit.end[i].read_thousandths = prng_below(&mover->prng, 3) ? 1000 : prng_below(&mover->prng, 2) ? 200 : 5;
        kit_send(&kit.end[i], 1 + prng_below(&mover->prng, 60000), piece, span, i || shuts_both ? TCP_SEND_FIN : 0);
    }
    ck_assert_msg(kit_run_data(&kit, 900000000), "seed %llu stalls at %llu of %llu and %llu of %llu", (unsigned long long)seed,
                  (unsigned long long)kit.end[1].got_bytes, (unsigned long long)kit.end[0].sent_bytes,
                  (unsigned long long)kit.end[0].got_bytes, (unsigned long long)kit.end[1].sent_bytes);
    if (!shuts_both) {
        tcp_shutdown(kit.end[0].connection, kit.now_us, &kit.end[0].outbox);
        kit_drain(&kit.end[0]);
    }
    kit_run(&kit, 200000000);
    ck_assert_msg(kit.end[0].got_fin && kit.end[1].got_fin, "seed %llu: a FIN is missing: %d %d", (unsigned long long)seed,
                  kit.end[0].got_fin, kit.end[1].got_fin);
    ck_assert_int_eq(kit.end[0].ended, TCP_END_NONE);
    ck_assert_int_eq(kit.end[1].ended, TCP_END_NONE);
    kit_destroy(&kit);
}

TEST_TIMEOUT(3600, a_connection_survives_hand_overs_by_the_documented_classes_alone_in_every_state_that_travels)
{
    const char *asked = getenv("NBX_TCP_TRACES"), *first = getenv("NBX_TCP_SEED");
    unsigned count = asked ? (unsigned)atoi(asked) : 120, from = first ? (unsigned)atoi(first) : 0;
    static struct mover mover;
    for (unsigned seed = from; seed < from + count; seed++)
        trace(seed, &mover);
    ck_assert_uint_gt(mover.moved, count);
    if (count < 100)
        return;
    ck_assert_uint_eq(mover.reached, 1u << TCP_ESTABLISHED | 1u << TCP_FIN_WAIT_1 | 1u << TCP_FIN_WAIT_2 | 1u << TCP_CLOSE_WAIT |
                                         1u << TCP_CLOSING | 1u << TCP_LAST_ACK);
    ck_assert(mover.has_gobackn);
    ck_assert(mover.has_waiting);
    ck_assert(mover.has_shut_window);
}
