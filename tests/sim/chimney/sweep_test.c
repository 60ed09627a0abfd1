// SPDX-License-Identifier: MIT
// The sweep of tests/sim/tcpip with every connection handed to the adapter's offload target and taken back at random moments: TDI's clients
// notice nothing, on any wire, in any of their lives. Between host and target stand no, one or two passthru, by seed.
//   - targets that are as they should be; the same with a host that is short of memory
//   - targets that refuse and ask back for every reason there is, whose hardware fails: what was accepted arrives, or its client is told
//   - intermediate drivers (or targets) that are short of memory, each allocation in turn or by chance
// What passes between hosts and targets is counted (watch.h): a state, a status or a reason that never occurred fails the sweep.
#include "watch.h"

#define TN_SHUFFLE
#include "../tcpip/sweep.h"

#include "ndis/words.h"

// What is particular to a seed, whatever the wire.
static struct prng
kind_of(uint64_t seed)
{
    static const char *const nics[] = {"CompletionOrder: random", "CompletionOrder: random, ToeDelay: 700"};
    struct prng dice;
    prng_seed(&dice, seed + 1000000);
    sweep_kind.on_built = watch_start;
    sweep_kind.pace_us = prng_next(&dice) % 5 ? 4000 : 0;
    tn_net.storeys = (unsigned)(prng_next(&dice) % 3);
    tn_net.nic = nics[prng_next(&dice) % 2];
    watch.copies = prng_next(&dice) % 2;
    return dice;
}

static void
kind_good(uint64_t seed)
{
    kind_of(seed);
}

// ---- what is reported ---------------------------------------------------------------------------------------------------------------

static const char *const state_words[MaxTcpConnectionState] = {[TcpConnectionClosed] = "CLOSED",
                                                               [TcpConnectionTimeWait] = "TIME_WAIT",
                                                               [TcpConnectionEstablished] = "ESTABLISHED",
                                                               [TcpConnectionFinWait1] = "FIN_WAIT1",
                                                               [TcpConnectionFinWait2] = "FIN_WAIT2",
                                                               [TcpConnectionCloseWait] = "CLOSE_WAIT",
                                                               [TcpConnectionClosing] = "CLOSING",
                                                               [TcpConnectionLastAck] = "LAST_ACK"};

static void
print_states(const char *what, const uint64_t counts[MaxTcpConnectionState])
{
    fprintf(stderr, "  %s:", what);
    for (int i = 0; i < MaxTcpConnectionState; i++)
        if (counts[i])
            fprintf(stderr, " %s %llu", state_words[i] ? state_words[i] : "?", (unsigned long long)counts[i]);
    fprintf(stderr, "\n");
}

static void
print_tally(const char *what, const struct watch_tally *tally)
{
    fprintf(stderr, "  %s:", what);
    for (int i = 0; i < WATCH_STATUSES && tally->of[i].count; i++)
        fprintf(stderr, " %s %llu", ndis_status_word(tally->of[i].status), (unsigned long long)tally->of[i].count);
    fprintf(stderr, "\n");
}

static void
print_all(void)
{
    print_states("went", watch.went);
    print_states("with sends under way", watch.with_sends);
    print_states("with received data", watch.with_data);
    print_states("came back", watch.came);
    print_states("with sends not acknowledged", watch.came_with_sends);
    print_states("with data nobody had", watch.came_with_data);
    print_tally("initiate, neighbor", &watch.initiated[WATCH_NEIGHBOR]);
    print_tally("initiate, path", &watch.initiated[WATCH_PATH]);
    print_tally("initiate, tcp", &watch.initiated[WATCH_TCP]);
    print_tally("terminate, tcp", &watch.terminated);
    print_tally("send", &watch.lists[WATCH_SEND]);
    print_tally("receive", &watch.lists[WATCH_RECEIVE]);
    print_tally("disconnect", &watch.lists[WATCH_DISCONNECT]);
    print_tally("forward", &watch.lists[WATCH_FORWARD]);
    fprintf(stderr, "  reasons:");
    for (int i = 0; i < MaxUploadReason; i++)
        fprintf(stderr, " %d: %llu", i, (unsigned long long)watch.reasons[i]);
    fprintf(stderr, "\n");
}

// ---- what must have happened ----------------------------------------------------------------------------------------------------------
// With SOME seeds what is frequent, so that no change elsewhere turns it into nothing by chance; with MANY all of it.

#define SOME 100
#define MANY 1000

static void
happened(const char *what, const char *word, uint64_t count)
{
    ck_assert_msg(count != 0, "never happened: %s %s", what, word);
}

static void
statuses_happened(const char *what, const struct watch_tally *tally, const NDIS_STATUS *statuses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        happened(what, ndis_status_word(statuses[i]), watch_count(tally, statuses[i]));
}

#define STATUSES_HAPPENED(what, tally, ...) \
    statuses_happened(what, tally, (const NDIS_STATUS[]){__VA_ARGS__}, \
                      sizeof((const NDIS_STATUS[]){__VA_ARGS__}) / sizeof(NDIS_STATUS))

// Every state that may be offloaded was, and those in which there may be sends under way with some.
static void
some_states_happened(void)
{
    static const int often[] = {TcpConnectionEstablished, TcpConnectionFinWait1, TcpConnectionFinWait2, TcpConnectionClosing};
    for (int i = 0; i < 4; i++) {
        happened("a connection goes in", state_words[often[i]], watch.went[often[i]]);
        happened("a connection comes in", state_words[often[i]], watch.came[often[i]]);
    }
    happened("a connection goes in", "CLOSE_WAIT or LAST_ACK", watch.went[TcpConnectionCloseWait] + watch.went[TcpConnectionLastAck]);
    happened("a connection goes with sends in", "FIN_WAIT1", watch.with_sends[TcpConnectionFinWait1]);
    STATUSES_HAPPENED("disconnect", &watch.lists[WATCH_DISCONNECT], NDIS_STATUS_SUCCESS);
    STATUSES_HAPPENED("send", &watch.lists[WATCH_SEND], NDIS_STATUS_SUCCESS, NDIS_STATUS_REQUEST_ABORTED);
}

static void
states_happened(void)
{
    for (int i = TcpConnectionEstablished; i <= TcpConnectionLastAck; i++) {
        happened("a connection goes in", state_words[i], watch.went[i]);
        happened("a connection comes in", state_words[i], watch.came[i]);
        if (i == TcpConnectionFinWait2)
            continue;                         // its FIN is acknowledged
        happened("a connection goes with sends in", state_words[i], watch.with_sends[i]);
        happened("a connection comes with sends in", state_words[i], watch.came_with_sends[i]);
    }
    happened("a connection comes in", "CLOSED", watch.came[TcpConnectionClosed]);
    happened("a connection comes in", "TIME_WAIT", watch.came[TcpConnectionTimeWait]);
    STATUSES_HAPPENED("disconnect", &watch.lists[WATCH_DISCONNECT], NDIS_STATUS_SUCCESS, NDIS_STATUS_UPLOAD_IN_PROGRESS,
                      NDIS_STATUS_REQUEST_ABORTED);
    STATUSES_HAPPENED("send", &watch.lists[WATCH_SEND], NDIS_STATUS_SUCCESS, NDIS_STATUS_REQUEST_ABORTED);
    STATUSES_HAPPENED("forward", &watch.lists[WATCH_FORWARD], NDIS_STATUS_SUCCESS);
}

// A host whose memory is short cannot take bytes out of its engine: they travel, both ways.
static void
data_happened(void)
{
    happened("a connection goes with data in", "ESTABLISHED", watch.with_data[TcpConnectionEstablished]);
    happened("a connection goes with data in", "FIN_WAIT1 or FIN_WAIT2",
             watch.with_data[TcpConnectionFinWait1] + watch.with_data[TcpConnectionFinWait2]);
    happened("a connection goes with data in", "CLOSE_WAIT, CLOSING or LAST_ACK",
             watch.with_data[TcpConnectionCloseWait] + watch.with_data[TcpConnectionClosing] + watch.with_data[TcpConnectionLastAck]);
    happened("a connection comes with data in", "ESTABLISHED", watch.came_with_data[TcpConnectionEstablished]);
    happened("a connection comes with data in", "CLOSE_WAIT, CLOSING or LAST_ACK",
             watch.came_with_data[TcpConnectionCloseWait] + watch.came_with_data[TcpConnectionClosing] +
                 watch.came_with_data[TcpConnectionLastAck]);
}

// Every status that an initiate may give a block of each layer, and every reason for an upload.
static void
refusals_happened(bool is_all)
{
    static const char *const reasons[MaxUploadReason] = {"",
                                                         "LowActivity",
                                                         "HighDropRate",
                                                         "SmallIO",
                                                         "NoBufferPreposting",
                                                         "ReceivedUrgentData",
                                                         "HighFragmentation",
                                                         "HighOutOfOrderPackets",
                                                         "TimeoutExpiration",
                                                         "InvalidState",
                                                         "UploadRequested",
                                                         "HardwareFailure"};
    STATUSES_HAPPENED("initiate of a neighbor", &watch.initiated[WATCH_NEIGHBOR], NDIS_STATUS_SUCCESS, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS,
                      NDIS_STATUS_FAILURE, NDIS_STATUS_RESOURCES, NDIS_STATUS_OFFLOAD_NEIGHBOR_ENTRIES,
                      NDIS_STATUS_OFFLOAD_HW_ADDRESS_ENTRIES, NDIS_STATUS_OFFLOAD_VLAN_ENTRIES, NDIS_STATUS_OFFLOAD_VLAN_MISMATCH);
    STATUSES_HAPPENED("initiate of a path", &watch.initiated[WATCH_PATH], NDIS_STATUS_SUCCESS, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS,
                      NDIS_STATUS_FAILURE, NDIS_STATUS_RESOURCES, NDIS_STATUS_OFFLOAD_PATH_ENTRIES, NDIS_STATUS_OFFLOAD_IP_ADDRESS_ENTRIES,
                      NDIS_STATUS_OFFLOAD_PATH_MTU);
    STATUSES_HAPPENED("initiate of a connection", &watch.initiated[WATCH_TCP], NDIS_STATUS_SUCCESS, NDIS_STATUS_FAILURE,
                      NDIS_STATUS_RESOURCES, NDIS_STATUS_OFFLOAD_TCP_ENTRIES, NDIS_STATUS_OFFLOAD_TCP_XMIT_BUFFER,
                      NDIS_STATUS_OFFLOAD_TCP_RCV_BUFFER, NDIS_STATUS_OFFLOAD_TCP_RCV_WINDOW, NDIS_STATUS_OFFLOAD_CONNECTION_REJECTED);
    uint64_t obliging = watch.reasons[ReceivedUrgentData] + watch.reasons[TimeoutExpiration] + watch.reasons[InvalidState];
    uint64_t others = watch.reasons[LowActivity] + watch.reasons[HighDropRate] + watch.reasons[SmallIO] +
                      watch.reasons[NoBufferPreposting] + watch.reasons[HighFragmentation] + watch.reasons[HighOutOfOrderPackets];
    happened("an upload is asked for because of", "what obliges the host", obliging);
    happened("an upload is asked for because of", "what obliges nobody", others);
    happened("an upload is asked for because of", reasons[UploadRequested], watch.reasons[UploadRequested]);
    happened("an upload is asked for because of", reasons[HardwareFailure], watch.reasons[HardwareFailure]);
    for (int i = LowActivity; is_all && i < MaxUploadReason; i++)
        happened("an upload is asked for because of", reasons[i], watch.reasons[i]);
    STATUSES_HAPPENED("terminate", &watch.terminated, NDIS_STATUS_SUCCESS, NDIS_STATUS_FAILURE);
}

// ---- targets as they should be ------------------------------------------------------------------------------------------------------

TEST_TIMEOUT(3600, a_thousand_seeds_of_TCP_whose_connections_come_and_go_between_host_and_target_are_clean)
{
    unsigned long long first, last;
    seeds_asked(SHARE * 2 / 3, &first, &last);
    sweep(first, last, kind_good);
    fprintf(stderr, "  seeds %llu to %llu, %llu connections begun\n", first, last, (unsigned long long)sum.rounds);
    print_all();
    if (last - first + 1 >= MANY)
        counts_print(true);
    if (last - first + 1 >= SOME)
        some_states_happened();
    if (last - first + 1 >= MANY)
        states_happened();
}

static void
kind_short_host(uint64_t seed)
{
    static const uint32_t chances[] = {50000, 100000, 150000};
    struct prng dice = kind_of(seed);
    plan_tcpip.per_million = chances[prng_next(&dice) % 3];
}

TEST_TIMEOUT(3600, the_same_is_clean_when_the_hosts_memory_is_short)
{
    unsigned long long first, last;
    seeds_asked(SHARE / 2, &first, &last);
    is_short = true;
    sweep(first, last, kind_short_host);
    print_all();
    never_zero("allocations refused", sum.refused_memory);
    never_zero("both released: every byte arrived", sum.whole);
    never_zero("ended otherwise", sum.cut);
    if (last - first + 1 >= MANY)
        data_happened();
}

// ---- targets that refuse and ask back -----------------------------------------------------------------------------------------------

static void
kind_bad_target(uint64_t seed)
{
    static const char *const nics[] = {
        "CompletionOrder: random, ToeRefuseOneIn: 3, ToeDelay: 300",
        "CompletionOrder: random, ToeRetrieveOneIn: 1",
        "CompletionOrder: random, ToeRefuseOneIn: 6, ToeRetrieveOneIn: 2, ToeHints: 1",
        "CompletionOrder: random, ToeSendBuffers: 3, ToeRetrieveOneIn: 2",
        "CompletionOrder: random, ToeReceiveMemory: 300, ToeRetrieveOneIn: 3, ToeDelay: 300",
        "CompletionOrder: random, ToeFailAfter: 12, ToeRefuseOneIn: 4",
    };
    struct prng dice = kind_of(seed);
    tn_net.nic = nics[prng_next(&dice) % (sizeof nics / sizeof nics[0])];
}

TEST_TIMEOUT(3600, targets_that_refuse_ask_back_and_fail_lose_nothing_that_nobody_hears_of)
{
    unsigned long long first, last;
    seeds_asked(SHARE * 2 / 3, &first, &last);
    sweep_kind.is_losing = true;
    sweep(first, last, kind_bad_target);
    print_all();
    never_zero("both released: every byte arrived", sum.whole);
    never_zero("ended otherwise", sum.cut);
    fprintf(stderr, "  both released, a client told of a loss: %llu\n", (unsigned long long)sum.told_of_loss);
    if (last - first + 1 >= SOME)
        refusals_happened(last - first + 1 >= MANY);
}

// ---- drivers below the host without memory --------------------------------------------------------------------------------------------

static struct nbx_fault_plan plans[2];

static void
kind_short_below(uint64_t seed)
{
    static const char *const drivers[] = {"vnic", "passthru", "outer"};
    struct prng dice = kind_of(seed);
    for (int box = 0; box < 2; box++) {
        const char *driver = drivers[tn_net.storeys == 2 ? 1 + prng_next(&dice) % 2 : tn_net.storeys];
        if (prng_next(&dice) % 2)
            plans[box] = (struct nbx_fault_plan){.mode = NBX_FAULT_CHANCE, .per_million = 50000, .driver = driver};
        else
            plans[box] = (struct nbx_fault_plan){.mode = NBX_FAULT_NUMBER, .number = 1 + prng_next(&dice) % 200, .driver = driver};
        sweep_kind.plan[box] = &plans[box];
    }
}

TEST_TIMEOUT(3600, intermediate_drivers_and_targets_that_are_short_of_memory_lose_nothing)
{
    unsigned long long first, last;
    seeds_asked(SHARE * 2 / 3, &first, &last);
    sweep_kind.is_mild = true;
    sweep(first, last, kind_short_below);
    print_all();
    never_zero("allocations refused", sum.refused_memory);
    never_zero("both released: every byte arrived", sum.whole);
    never_zero("ended otherwise", sum.cut);
    if (last - first + 1 < SOME)
        return;
    for (int layer = 0; layer < WATCH_LAYERS; layer++)
        STATUSES_HAPPENED("initiate without memory", &watch.initiated[layer], NDIS_STATUS_SUCCESS, NDIS_STATUS_RESOURCES);
    STATUSES_HAPPENED("send without memory", &watch.lists[WATCH_SEND], NDIS_STATUS_SUCCESS, NDIS_STATUS_REQUEST_UPLOAD);
    happened("an upload is asked for because of", "UploadRequested", watch.reasons[UploadRequested]);
}
