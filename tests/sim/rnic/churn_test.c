// SPDX-License-Identifier: MIT
// Connections made and torn down in every way, at every stage, by either side, over wires that lose and reorder, with bytes on their way
// and without: each request ends, with a status that its page has; everything can be closed; and when TCP has forgotten them there is as
// much of everything as before the first: pool, ports, endpoints, connections of the engines, frames.
//   a life   one connection up to a stage, a deed, its end
//   a party  one in each stage, and then something befalls the adapter of one side: its NDK adapter is closed, NDK is switched off
//            (NetEventNDKDisable) and on again, or it is pulled out, which is the end of a world
// NBX_ROUNDS=10000 makes so many lives on each of the two wires, in worlds of 200; without it some hundreds.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <nbx/fault.h>

#include "../../../drivers/rdma_common/rdma.h"
#include "../../../drivers/vnic/rdma_net.h"
#include "engine/engine.h"
#include "engine/iwarp/iwarp_int.h"
#include "engine/tcp/tcp_int.h"
#include "nd2.h"
#include "ndis/ndis.h"
#include "nt/ex/pool.h"

#define BYTES 8000u
#define FORGET_MS 300000                      // TIME_WAIT, and whatever a peer that is gone keeps TCP waiting for

enum stage {
    ASKED,
    TOLD,
    ACCEPTED,
    REPLIED,
    COMPLETED,
    OPEN,
    STAGES
};
static const char *const stage_names[STAGES] = {"connect asked", "peer told", "accepted", "replied", "completed", "open"};

enum deed {
    CLOSE,
    CLOSE_PENDING,
    REJECT,
    DISCONNECT,
    BOTH_DISCONNECT,
    FLUSH,
    CUT,
    TIME_OUT,
    DEEDS
};
static const char *const deed_names[DEEDS] = {"close", "close over an NdkDisconnect that pends", "reject", "disconnect", "both disconnect",
                                              "flush", "cut for a while", "cut until it times out"};

enum fate {
    ADAPTER_CLOSED,
    DISABLED,
    PULLED_OUT,
    FATES
};
static const char *const fate_names[FATES] = {"NDK adapter closed", "NetEventNDKDisable", "surprise removal"};

static const struct {
    NTSTATUS status;
    const char *name;
} known[] = {{STATUS_SUCCESS, "SUCCESS"},
             {STATUS_CONNECTION_REFUSED, "CONNECTION_REFUSED"},
             {STATUS_CONNECTION_ABORTED, "CONNECTION_ABORTED"},
             {STATUS_CONNECTION_INVALID, "CONNECTION_INVALID"},
             {STATUS_IO_TIMEOUT, "IO_TIMEOUT"},
             {STATUS_CANCELLED, "CANCELLED"},
             {STATUS_INSUFFICIENT_RESOURCES, "INSUFFICIENT_RESOURCES"}};
#define KNOWN (sizeof known / sizeof known[0])

static struct {
    unsigned long long lives, opened, events, ends[KNOWN], results[KNOWN], stages[STAGES], deeds[DEEDS][2], fates[FATES];
} seen;

static struct prng dice;
static struct nd2_memory *memory[2];
static unsigned lives_asked;

// What a request of this kind may end with; counted, so that a sweep which saw none proves nothing.
static void
count_known(NTSTATUS status, unsigned long long *counts)
{
    for (unsigned i = 0; i < KNOWN; i++)
        if (status == known[i].status) {
            counts[i]++;
            return;
        }
    ck_abort_msg("seed %llu: %08x", (unsigned long long)rc_net.seed, (unsigned)status);
}

static void
end_is_known(NTSTATUS status)
{
    count_known(status, seen.ends);
}

static void
side_ends(struct rc_side *side)
{
    if (side->returned == STATUS_PENDING)
        end_is_known(rc_finish(side));
    side->returned = STATUS_SUCCESS;
}

static void
side_closes(struct rc_side *side)
{
    if (!side->connector && !side->qp)
        return;
    rc_side_close(side);
    if (side->returned == STATUS_PENDING)
        ck_assert_uint_eq(side->wait.calls, 1);             // all requests end before the close
    side_ends(side);
    seen.events += side->disconnects;
    ck_assert_uint_le(side->disconnects, 1);
}

static void
results_drain(int box)
{
    NDK_CQ *cq = rc_end[box].cq;
    NDK_RESULT results[16];
    ULONG count;
    do {
        RC_CALL(box, count = cq->Dispatch->NdkGetCqResults(cq, results, 16));
        for (ULONG i = 0; i < count; i++)
            count_known(results[i].Status, seen.results);
    } while (count);
}

// ---- a life -----------------------------------------------------------------------------------------------------------------------

struct life {
    enum stage stage;
    struct rc_listener *listener;
    struct rc_side active, passive;
};

// Sends that find a receive, a write, a read; nobody waits for them.
static void
bytes_go(struct rc_side *from, struct rc_side *to)
{
    struct nd2_memory *ours = memory[from->box], *theirs = memory[to->box];
    NDK_SGE out = {.VirtualAddress = ours->bytes, .Length = 1 + (ULONG)prng_below(&dice, BYTES), .MemoryRegionToken = ours->local};
    NDK_SGE in = {.VirtualAddress = theirs->bytes, .Length = BYTES, .MemoryRegionToken = theirs->local};
    uint64_t address = (uint64_t)(uintptr_t)theirs->bytes;
    NTSTATUS status[5] = {0};
    for (unsigned i = 0; i < 2; i++)
        RC_CALL(to->box, status[i] = to->qp->Dispatch->NdkReceive(to->qp, NULL, &in, 1));
    RC_CALL(from->box, status[2] = from->qp->Dispatch->NdkSend(from->qp, NULL, &out, 1, 0));
    RC_CALL(from->box, status[3] = from->qp->Dispatch->NdkWrite(from->qp, NULL, &out, 1, address, theirs->remote, 0));
    RC_CALL(from->box, status[4] = from->qp->Dispatch->NdkRead(from->qp, NULL, &out, 1, address, theirs->remote, 0));
    for (unsigned i = 0; i < 5; i++)
        count_known(status[i], seen.results);
}

// As far as its stage, if nothing fails before. FALSE: it failed.
static bool
life_begin(struct life *life)
{
    struct rc_side *active = &life->active, *passive = &life->passive;
    seen.stages[life->stage]++;
    seen.lives++;
    rc_side_open(active, !life->listener->box);
    active->is_ex = prng_below(&dice, 2);
    active->no_event = !prng_below(&dice, 8);
    rc_connect(active, life->listener, &rc_plain);
    if (life->stage == ASKED)
        return true;
    if (!rc_incoming(life->listener, passive, 60000))
        return false;
    passive->is_ex = prng_below(&dice, 2);
    passive->no_event = !prng_below(&dice, 8);
    if (life->stage == TOLD)
        return true;
    rc_accept(passive, &rc_plain);
    if (life->stage == ACCEPTED)
        return true;
    NTSTATUS status = rc_finish(active);
    end_is_known(status);
    active->returned = STATUS_SUCCESS;
    if (status != STATUS_SUCCESS || life->stage == REPLIED)
        return status == STATUS_SUCCESS;
    rc_complete(active);
    if (life->stage == COMPLETED)
        return true;
    status = rc_finish(active);
    end_is_known(status);
    active->returned = STATUS_SUCCESS;
    side_ends(passive);
    if (status != STATUS_SUCCESS)
        return false;
    seen.opened++;
    if (prng_below(&dice, 2)) {
        bytes_go(active, passive);
        bytes_go(passive, active);
    }
    return true;
}

// Connectors that were told of after the other side gave up.
static void
late_close(struct rc_listener *listener)
{
    while (listener->taken != listener->count) {
        NDK_CONNECTOR *c = listener->queue[listener->taken++ % 64];
        rc_close_object(listener->box, &c->Header, (NDK_FN_CLOSE_OBJECT *)&c->Dispatch->NdkCloseConnector);
    }
}

static void
life_end(struct life *life)
{
    side_closes(&life->active);
    if (!life->passive.connector)
        rc_sleep_ms(1);                       // it is being told of
    late_close(life->listener);
    side_closes(&life->passive);
    results_drain(0);
    results_drain(1);
}

// A disconnect beside whatever the side has out.
static void
disconnect(struct rc_side *side, struct rc_side *request)
{
    *request = *side;
    rc_disconnect(request);
}

static void
request_ends(struct rc_side *request)
{
    end_is_known(request->returned == STATUS_PENDING ? rc_end_of(request->box, request->returned, &request->wait) : request->returned);
}

static void
wire_is_cut(bool until_timed_out)
{
    rc_cable(1, false);
    rc_sleep_ms(until_timed_out ? 120000 : 300);
    rc_cable(1, true);
}

static void
deed_do(enum deed deed, struct rc_side *side, struct rc_side *other)
{
    struct rc_side first, second;
    switch (deed) {
    case CLOSE: side_closes(side); break;
    case CLOSE_PENDING:
        disconnect(side, &first);
        side_closes(side);
        if (first.returned == STATUS_PENDING)
            ck_assert_uint_eq(first.wait.calls, 1);
        request_ends(&first);
        break;
    case REJECT: end_is_known(rc_reject(side, "no", 2)); break;
    case DISCONNECT:
        disconnect(side, &first);
        request_ends(&first);
        break;
    case BOTH_DISCONNECT:
        disconnect(side, &first);
        if (other->connector)
            disconnect(other, &second);
        request_ends(&first);
        if (other->connector)
            request_ends(&second);
        break;
    case FLUSH: RC_CALL(side->box, side->qp->Dispatch->NdkFlush(side->qp)); break;
    default: wire_is_cut(deed == TIME_OUT); break;
    }
}

static void
one_life(struct rc_listener *listener)
{
    unsigned stage = (unsigned)prng_below(&dice, 2 * STAGES);
    struct life life = {.stage = stage < STAGES ? (enum stage)stage : OPEN, .listener = listener};
    enum deed deed = (enum deed)prng_below(&dice, DEEDS);
    bool by_passive = prng_below(&dice, 2);
    rc_net.at_dispatch = prng_below(&dice, 2);
    rc_net.is_shared = !prng_below(&dice, 4);
    if (life_begin(&life)) {
        if (prng_below(&dice, 2))
            rc_sleep_ms((ULONG)prng_below(&dice, 50));
        by_passive = by_passive && life.passive.connector;
        seen.deeds[deed][by_passive]++;
        deed_do(deed, by_passive ? &life.passive : &life.active, by_passive ? &life.active : &life.passive);
        if (prng_below(&dice, 2))
            rc_sleep_ms(2000);                // what it did to the other side
    }
    life_end(&life);
    rc_net.at_dispatch = rc_net.is_shared = false;
}

// ---- a party ----------------------------------------------------------------------------------------------------------------------

static struct {
    struct life lives[STAGES];
    struct rc_listener listener;
    KEVENT closed;
    int box;                                  // whose adapter it befalls
} party;

static void
party_begin(void)
{
    rc_listen(&party.listener, 1, RC_PORT + 2);
    for (int i = 0; i < STAGES; i++) {
        party.lives[i] = (struct life){.stage = (enum stage)i, .listener = &party.listener};
        life_begin(&party.lives[i]);
    }
}

// What the party has open in this box, and this box's memory.
static void
party_leaves(int box)
{
    for (int i = 0; i < STAGES; i++)
        side_closes(party.lives[i].active.box == box ? &party.lives[i].active : &party.lives[i].passive);
    if (box == party.listener.box) {
        late_close(&party.listener);
        rc_listener_close(&party.listener);
    }
    results_drain(box);
    nd2_memory_close(memory[box]);
}

static void
party_ends(void)
{
    party_leaves(!party.box);
    late_close(&party.listener);
}

static NTAPI VOID
adapter_closer(PVOID context)
{
    rc_adapter_close(party.box);
    KeSetEvent(&party.closed, IO_NO_INCREMENT, FALSE);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

// The NDK adapter's close waits for what is open there.
static void
adapter_is_closed(void)
{
    HANDLE thread;
    KeInitializeEvent(&party.closed, NotificationEvent, FALSE);
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, adapter_closer, NULL), STATUS_SUCCESS);
    ZwClose(thread);
    ck_assert(!rc_event(0, &party.closed, 100));
    party_leaves(party.box);
    ck_assert(rc_event(0, &party.closed, RC_WAIT_S * 1000));
}

static void
set_state(BOOLEAN on)
{
    struct ndis_adapter *adapter = ndis_adapter_find(rc_end[party.box].box, "nic0");
    NDIS_STATUS status;
    uint32_t done;
    RC_CALL(party.box, status = ndis_adapter_oid(adapter, NdisRequestSetInformation, OID_NDK_SET_STATE, &on, sizeof on, &done));
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    for (ULONG i = 0; i < 1000 && !on == (rc_end[party.box].adapter != NULL); i++)
        rc_sleep_ms(10);
}

static void
memory_open(int box)
{
    memory[box] = nd2_memory(box, BYTES, NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    ck_assert_ptr_nonnull(memory[box]);
}

static void
befalls(enum fate fate)
{
    seen.fates[fate]++;
    party.box = (int)prng_below(&dice, 2);
    party_begin();
    rc_on_removal = party_leaves;
    rc_gone = fate == DISABLED ? NBX_NDK_DISABLED : NBX_NDK_SURPRISE;
    if (fate == ADAPTER_CLOSED)
        adapter_is_closed();
    else if (fate == DISABLED)
        set_state(FALSE);
    else
        rc_surprise(party.box);
    ck_assert_ptr_null(rc_end[party.box].adapter);
    party_ends();
    if (fate == PULLED_OUT)
        return;
    if (fate == DISABLED)
        set_state(TRUE);
    rc_adapter_open(party.box);
    memory_open(party.box);
    memory_open(!party.box);
}

// ---- what is left -------------------------------------------------------------------------------------------------------------------

// What the provider and its engines have, by their own counts.
struct state {
    uint64_t blocks;                          // of the pool, but for the records that the engines keep for the next connection
    ULONG ports, connections, endpoints, active;            // as the host and the OIDs say
    uint32_t tcp, iwarp, frames, runs, hops, ends, linked;
};

static uint32_t
entries(const LIST_ENTRY *list)
{
    uint32_t count = 0;
    for (const LIST_ENTRY *entry = list->Flink; entry != list; entry = entry->Flink)
        count++;
    return count;
}

static uint32_t
nodes(const struct list *list)
{
    uint32_t count = 0;
    for (const struct list *node = list->next; node != list; node = node->next)
        count++;
    return count;
}

static void
engines_count(int box, struct state *state)
{
    const struct vnic_rdma *rdma = ((struct rdma_adapter *)rc_end[box].adapter)->object.rdma;
    const struct rdma_net *net = rdma->net;
    state->tcp = nodes(&net->tcp->connections) + nodes(&net->tcp->listeners);
    state->iwarp = rdma->iwarp->connections;
    state->runs = rdma->iwarp->runs_out;
    state->frames = net->pool.in_use + net->tcp->early_chunks;
    state->ends = net->endpoint_count;
    for (ULONG i = 0; i < net->hop_count; i++)
        state->hops += net->hops[i].uses;
    const LIST_ENTRY *const lists[] = {&net->connectors, &net->timed, &net->ending, &net->dead,
                                       &net->lingering, &rdma->kicks, &rdma->waiting, &rdma->due, &rdma->teller.tells};
    for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++)
        state->linked += entries(lists[i]);
    for (ULONG i = 0; i < rdma->n_near; i++)
        state->linked += entries(&rdma->near[i].tells);
    state->blocks -= net->pool.kept + net->tcp->chunks_kept + net->tcp->sent_pool.kept + net->tcp->scores_kept + rdma->iwarp->runs_kept;
}

static void
ask(int box, NDIS_OID oid, void *answer, uint32_t bytes)
{
    struct ndis_adapter *adapter = ndis_adapter_find(rc_end[box].box, "nic0");
    NDIS_STATUS status;
    uint32_t done;
    RC_CALL(box, status = ndis_adapter_oid(adapter, NdisRequestQueryInformation, oid, answer, bytes, &done));
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
}

static struct state
state_of(int box)
{
    NDIS_NDK_CONNECTIONS connections;
    NDIS_NDK_LOCAL_ENDPOINTS endpoints;
    NDIS_NDK_STATISTICS_INFO statistics;
    struct ex_pool_usage usage;
    ask(box, OID_NDK_CONNECTIONS, &connections, sizeof connections);
    ask(box, OID_NDK_LOCAL_ENDPOINTS, &endpoints, sizeof endpoints);
    ask(box, OID_NDK_STATISTICS, &statistics, sizeof statistics);
    ex_pool_usage_get(rc_end[box].box, 0, &usage);
    struct state state = {.blocks = usage.allocations - usage.frees,
                          .ports = rc_host[box].ports_taken,
                          .connections = connections.Count,
                          .endpoints = endpoints.Count,
                          .active = statistics.CounterSet.ActiveConnection};
    engines_count(box, &state);
    return state;
}

static void
nothing_is_left(const struct state before[2])
{
    rc_sleep_ms(FORGET_MS);
    for (int box = 0; box < 2; box++) {
        struct state now = state_of(box);
        ck_assert_uint_eq(now.ports + now.connections + now.endpoints + now.active, 0);
        ck_assert_uint_eq(now.tcp, 0);
        ck_assert_uint_eq(now.iwarp, 0);
        ck_assert_uint_eq(now.frames, 0);
        ck_assert_uint_eq(now.runs, 0);
        ck_assert_uint_eq(now.hops, 0);
        ck_assert_uint_eq(now.ends, 0);
        ck_assert_uint_eq(now.linked, 0);
        ck_assert_msg(now.blocks == before[box].blocks, "seed %llu, box %d: %llu blocks, before %llu", (unsigned long long)rc_net.seed,
                      box, (unsigned long long)now.blocks, (unsigned long long)before[box].blocks);
    }
}

// ---- worlds -------------------------------------------------------------------------------------------------------------------------

static void
lives(unsigned count)
{
    struct rc_listener listener = {0};
    rc_listen(&listener, 1, RC_PORT + 1);
    for (unsigned i = 0; i < count; i++)
        one_life(&listener);
    rc_listener_close(&listener);
}

static void
one_world(void)
{
    struct state before[2];
    struct rc_pair pair = {0};
    prng_seed(&dice, rc_net.seed + 1);
    nd2_close();                              // of the world before, where all of it is closed
    memory_open(0);
    memory_open(1);
    lives(20);                                // what is made with the first, and kept: not left behind
    befalls(ADAPTER_CLOSED);
    rc_sleep_ms(FORGET_MS);
    for (int box = 0; box < 2; box++)
        before[box] = state_of(box);
    lives(lives_asked / 2);
    befalls(ADAPTER_CLOSED);
    befalls(DISABLED);
    lives(lives_asked - lives_asked / 2);
    nothing_is_left(before);
    rc_pair_open(&pair);                      // and the adapters connect as ever
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
    befalls(PULLED_OUT);
}

static void
sweep(const char *test, const char *wire)
{
    const char *asked = getenv("NBX_ROUNDS");
    unsigned rounds = asked ? (unsigned)atoi(asked) : 1000, worlds = rounds > 1200 ? rounds / 200 : 6;
    lives_asked = (rounds + worlds - 1) / worlds;
    for (unsigned i = 0; i < worlds; i++) {
        rc_net.pends = i % 3 == 0;
        rc_run_seed(test, one_world, wire, i, i % 2);
    }
    fprintf(stderr, "  %llu connections begun, %llu opened, %llu disconnect events\n", seen.lives, seen.opened, seen.events);
    for (unsigned i = 0; i < STAGES; i++)
        ck_assert_msg(seen.stages[i], "never: %s", stage_names[i]);
    for (unsigned i = 0; i < DEEDS; i++)
        ck_assert_msg(seen.deeds[i][0] && seen.deeds[i][1], "never by both sides: %s", deed_names[i]);
    for (unsigned i = 0; i < FATES; i++)
        ck_assert_msg(seen.fates[i], "never: %s", fate_names[i]);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_msg(seen.ends[i], "no request ended with %s: the sweep proves nothing", known[i].name);
    ck_assert(seen.results[0] && seen.results[5] && seen.opened && seen.events);
}

TEST_TIMEOUT(3600, connections_made_and_torn_down_in_every_way_leave_nothing_behind)
{
    sweep("churn", "delay: 50us");
}

TEST_TIMEOUT(3600, connections_made_and_torn_down_in_every_way_over_a_bad_wire_leave_nothing_behind)
{
    sweep("churn on a bad wire", "delay: 200us, jitter: 100us, loss: 5%, reorder: 5%, duplicate: 5%");
}

// ---- without memory -----------------------------------------------------------------------------------------------------------

// One life with the n-th allocation of this driver in this box refused; FALSE: there were fewer.
static bool
life_without(const char *driver, int box, unsigned number)
{
    const struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .driver = driver};
    struct nbx_fault_report report = {0};
    struct rc_listener listener = {0};
    struct rc_side active = {0}, passive = {0}, spare = {0};
    rc_listen(&listener, 1, RC_PORT + 1);
    rc_side_open(&active, 0);
    rc_side_open(&spare, 1);                  // its QP is for the connector that comes
    RC_CALL(box, ck_assert_int_eq(nbx_fault_arm(&plan), 0));
    rc_connect(&active, &listener, &rc_plain);
    if (active.returned == STATUS_PENDING && rc_incoming_with(&listener, &passive, spare.qp, 40000)) {
        rc_accept(&passive, &rc_plain);
        if (passive.returned != STATUS_PENDING)
            end_is_known(passive.returned);
        NTSTATUS status = rc_finish(&active);
        end_is_known(status);
        active.returned = status;
        if (status == STATUS_SUCCESS)
            rc_complete(&active);
        side_ends(&active);
        side_ends(&passive);
        rc_disconnect(&active);
        rc_disconnect(&passive);
        side_ends(&active);
        side_ends(&passive);
    } else if (active.returned != STATUS_PENDING) {
        end_is_known(active.returned);
    }
    RC_CALL(box, nbx_fault_disarm(&report));
    passive.qp = NULL;
    side_closes(&active);
    if (passive.connector)
        side_closes(&passive);
    rc_side_close(&spare);
    rc_listener_close(&listener);
    return report.refused;
}

static void
lives_without(void)
{
    struct rc_pair pair = {0};
    for (int box = 0; box < 2; box++) {
        unsigned number = 1;
        while (life_without("vnic", box, number))
            number++;
        ck_assert_uint_gt(number, 5);
        number = 1;
        while (rc_net.is_tcpip && life_without("tcpip", box, number))
            number++;
        ck_assert(!rc_net.is_tcpip || box || number > 1);        // the port of NdkConnect
    }
    rc_pair_open(&pair);
    rc_pair_disconnect(&pair);
    rc_pair_close(&pair);
}

TEST_TIMEOUT(300, a_connection_with_each_allocation_refused_in_turn_ends_every_request_and_leaves_nothing_behind)
{
    rc_run("faults", lives_without, "delay: 50us", 1);
    ck_assert_uint_gt(seen.ends[6], 0);
}

TEST_TIMEOUT(300, a_connection_beside_tcpip_with_each_allocation_of_either_refused_in_turn_leaves_nothing_behind)
{
    rc_net.is_tcpip = true;
    rc_run("faults", lives_without, "delay: 50us", 1);
    ck_assert_uint_gt(seen.ends[6], 0);
}
