// SPDX-License-Identifier: MIT
// The 29 cases of Network Direct's tests: each on a clean wire as large as the original, all of them over seeds on wires that lose and
// reorder, and each with every allocation of the provider's refused in turn.
// NBX_SEEDS=FIRST..LAST says how much of the sweep is run, and has all of the refusals, over either host; without it shares that take
// seconds.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nbx/fault.h>

#include "cases.h"

// ---- each on a clean wire ---------------------------------------------------------------------------------------------------------

static const struct nd2_case *the_case;

static void
one_case(void)
{
    prng_seed(&nd2.dice, rc_net.seed + 1);
    nd2.server = rc_net.seed / 2 % 2;
    ck_assert(nd2_run(the_case));
}

static void
alone(unsigned number)
{
    the_case = &nd2_cases[number];
    nd2.is_whole = true;
    rc_run(the_case->name, one_case, "delay: 50us", 2);
}

#define CASE_TEST(number, name)                                                                                        \
    TEST_TIMEOUT(120, name) { alone(number); }

CASE_TEST(0, nd2_ndadapterinfo_the_adapter_says_its_limits)
CASE_TEST(1, nd2_ndcat_listens_at_the_adapters_own_addresses_alone)
CASE_TEST(2, nd2_ndping_streams_sends_against_credits)
CASE_TEST(3, nd2_ndpingpong_sends_to_and_fro_in_each_size)
CASE_TEST(4, nd2_ndrping_writes_and_reads_an_advertised_buffer)
CASE_TEST(5, nd2_ndrpingpong_writes_to_and_fro_and_watches_last_bytes)
CASE_TEST(6, nd2_ndmrlat_registers_each_size_anew)
CASE_TEST(7, nd2_ndmrrate_registers_many_regions_at_a_time)
CASE_TEST(8, nd2_ndconn_makes_many_connections_at_once)
CASE_TEST(9, nd2_ndmpic_ranks_that_connect_to_each_other_agree_on_one_connection)
CASE_TEST(10, nd2_ndcq_two_queues_notify_once_for_each_arm_in_any_order)
CASE_TEST(11, nd2_ndmval_a_send_of_1024_bytes_overflows_a_receive_of_1023)
// 192 MB cross the wire: once.
TEST_TIMEOUT(300, nd2_ndmw_a_window_over_64_MB_is_read_and_written_at_many_offsets)
{
    the_case = &nd2_cases[12];
    nd2.is_whole = true;
    rc_run_seed(the_case->name, one_case, "delay: 50us", 3, false);
}
CASE_TEST(13, nd2_connectlistenerclosing_is_refused_while_the_listener_closes)
CASE_TEST(14, nd2_connrejectclose_aborts_the_accept_when_the_client_rejects_or_closes)
CASE_TEST(15, nd2_dualconnection_a_second_connect_is_refused_and_leaves_the_first_alone)
CASE_TEST(16, nd2_duallisten_a_second_listener_of_one_end_is_a_sharing_violation)
CASE_TEST(17, nd2_invalidip_an_address_of_nobody_cannot_be_connected_to)
CASE_TEST(18, nd2_invalidreadwrite_an_invalidated_window_cannot_be_read_or_written)
CASE_TEST(19, nd2_largeprivatedata_has_a_limit_and_all_of_it_arrives)
CASE_TEST(20, nd2_largeqpdepth_a_queue_beyond_the_limits_is_refused)
CASE_TEST(21, nd2_mrderegister_waits_for_the_window_that_is_bound)
CASE_TEST(22, nd2_mrinvalidbuffer_nothing_and_no_bytes_cannot_be_registered)
CASE_TEST(23, nd2_overreadwrite_a_byte_past_the_window_cannot_be_read_or_written)
CASE_TEST(24, nd2_qpmaxall_a_queue_of_all_limits_holds_as_much)
CASE_TEST(25, nd2_receiveconnectorclosed_the_peers_close_flushes_nothing)
CASE_TEST(26, nd2_receiveflushqp_cancels_receives_with_one_notification)
CASE_TEST(27, nd2_sendnoreceive_ends_the_connection_and_does_not_wait)
CASE_TEST(28, nd2_writeviolation_a_window_to_read_cannot_be_written)

// ---- all of them on bad wires -------------------------------------------------------------------------------------------------------

static void
seeds_asked(unsigned long long share, unsigned long long *first, unsigned long long *last)
{
    const char *seeds = getenv("NBX_SEEDS");
    *first = 1;
    *last = share;
    if (seeds)
        ck_assert_int_eq(sscanf(seeds, "%llu..%llu", first, last), 2);
}

// In an order of the seed's.
static void
all_cases(void)
{
    unsigned order[64];
    for (unsigned i = 0; i < nd2_case_count; i++) {
        unsigned j = (unsigned)prng_below(&nd2.dice, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (unsigned i = 0; i < nd2_case_count; i++) {
        nd2.server = (int)prng_below(&nd2.dice, 2);
        the_case = &nd2_cases[order[i]];
        ck_assert_msg(nd2_run(the_case), "%s", the_case->name);
    }
}

static const char *const wires[] = {"delay: 200us",
                                    "delay: 100us, jitter: 300us, loss: 2%, reorder: 3%, duplicate: 2%",
                                    "delay: 1ms, jitter: 1ms, loss: 4%, duplicate: 3%",
                                    "delay: 50us, reorder: 10%, duplicate: 5%",
                                    "rate: 100Mbit, delay: 2ms, loss: 1%",
                                    "delay: 30us, jitter: 20us, loss: 5%, reorder: 5%, duplicate: 5%"};

TEST_TIMEOUT(7200, nd2_all_cases_over_seeds_on_wires_that_lose_and_reorder)
{
    unsigned long long first, last;
    seeds_asked(12, &first, &last);
    for (unsigned long long seed = first; seed <= last; seed++) {
        nd2.is_lossy = true;
        rc_net.is_tcpip = seed % 5 == 0;
        prng_seed(&nd2.dice, seed);
        rc_run_seed("nd2", all_cases, wires[seed % (sizeof wires / sizeof wires[0])], seed, seed % 7 % 2);
    }
    fprintf(stderr, "  seeds %llu to %llu\n", first, last);
}

// ---- each without memory ------------------------------------------------------------------------------------------------------------

static struct {
    unsigned long long runs, given_up, refused;
} faults;
static const char *fault_driver = "vnic";     // whose allocations are refused; NULL: every driver's

static void
faults_tell(const char *what)
{
    fprintf(stderr, "  %s: %llu runs, %llu allocations refused, %llu given up\n", what, faults.runs, faults.refused, faults.given_up);
}

// The case with allocations of drivers refused in these boxes; how many were.
static uint64_t
case_without(const struct nbx_fault_plan *plan, int first, int last)
{
    uint64_t refused = 0;
    for (int box = first; box <= last; box++)
        RC_CALL(box, ck_assert_int_eq(nbx_fault_arm(plan), 0));
    rc_net.is_short = true;
    bool is_whole = nd2_run(the_case);
    rc_net.is_short = false;
    for (int box = first; box <= last; box++) {
        struct nbx_fault_report report = {0};
        RC_CALL(box, nbx_fault_disarm(&report));
        refused += report.refused;
    }
    ck_assert_msg(is_whole || refused, "%s, seed %llu: it gave up with nothing refused", the_case->name, (unsigned long long)rc_net.seed);
    faults.runs++;
    faults.given_up += !is_whole;
    faults.refused += refused;
    return refused;
}

static void
each_refused(void)
{
    nd2.server = 1;
    for (int box = 0; box < 2; box++) {
        struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .driver = fault_driver};
        while (case_without(&plan, box, box))
            plan.number++;
    }
    ck_assert_msg(nd2_run(the_case), "%s: afterwards", the_case->name);
}

// Each case has vnic's refused over one of the hosts, with NBX_SEEDS over both.
static bool
is_for(bool is_tcpip, unsigned number)
{
    return getenv("NBX_SEEDS") || number % 2 == is_tcpip;
}

TEST_TIMEOUT(3600, nd2_each_case_with_each_allocation_refused_in_turn)
{
    for (unsigned i = 0; i < nd2_case_count; i++) {
        if (!is_for(false, i))
            continue;
        the_case = &nd2_cases[i];
        prng_seed(&nd2.dice, i);
        rc_run_seed(the_case->name, each_refused, "delay: 50us", i, i / 2 % 2);
        if (!getenv("NBX_SEEDS"))
            continue;
        nd2.is_lossy = true;
        rc_run_seed(the_case->name, each_refused, wires[5], i, !(i / 2 % 2));
        nd2.is_lossy = false;
    }
    faults_tell("vnic, asking the kit's host");
    ck_assert_uint_gt(faults.given_up, 100);
}

// The host is tcpip: what vnic asks for beside it, and what tcpip asks for itself, for ports and neighbors.
TEST_TIMEOUT(3600, nd2_each_case_beside_tcpip_with_each_allocation_of_vnic_or_tcpip_refused_in_turn)
{
    static const char *const drivers[] = {"vnic", "tcpip"};
    rc_net.is_tcpip = true;
    for (int k = 0; k < 2; k++) {
        fault_driver = drivers[k];
        memset(&faults, 0, sizeof faults);
        for (unsigned i = 0; i < nd2_case_count; i++) {
            if (!k && !is_for(true, i))
                continue;
            the_case = &nd2_cases[i];
            prng_seed(&nd2.dice, i);
            rc_run_seed(the_case->name, each_refused, "delay: 50us", i, i / 2 % 2);
        }
        faults_tell(fault_driver);
        ck_assert_uint_gt(faults.given_up, k ? 50 : 100);
    }
}

static unsigned first_number;
static int first_box;
static uint64_t first_refused;

static void
first_words(void)
{
    const struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = first_number, .driver = fault_driver};
    nd2.server = 1;
    first_refused = case_without(&plan, first_box, first_box);
    ck_assert_msg(nd2_run(the_case), "%s, allocation %u: afterwards", the_case->name, first_number);
}

// Nobody knows the other's link address yet, so the host has to ask for it: a world for each allocation.
TEST_TIMEOUT(3600, nd2_the_first_connection_of_a_world_with_each_allocation_of_tcpip_refused_in_turn)
{
    rc_net.is_tcpip = true;
    fault_driver = "tcpip";
    the_case = &nd2_cases[3];
    for (int i = 0; i < 4; i++) {
        first_box = i / 2;
        first_number = 0;
        do {
            first_number++;
            prng_seed(&nd2.dice, first_number);
            rc_run_seed("the first", first_words, "delay: 50us", first_number, i % 2);
        } while (first_refused);
    }
    faults_tell("tcpip, the first connection");
    ck_assert_uint_gt(faults.refused, 4);
    ck_assert_uint_gt(faults.given_up, 2);
}

static void
all_cases_short(void)
{
    const struct nbx_fault_plan plan = {.mode = NBX_FAULT_CHANCE, .per_million = 20000, .driver = fault_driver};
    for (unsigned i = 0; i < nd2_case_count; i++) {
        nd2.server = (int)prng_below(&nd2.dice, 2);
        the_case = &nd2_cases[prng_below(&nd2.dice, nd2_case_count)];
        case_without(&plan, 0, 1);
    }
    for (unsigned i = 0; i < nd2_case_count; i++) {
        the_case = &nd2_cases[i];
        ck_assert_msg(nd2_run(the_case), "%s, seed %llu: afterwards", the_case->name, (unsigned long long)rc_net.seed);
    }
}

TEST_TIMEOUT(7200, nd2_all_cases_on_bad_wires_while_memory_is_short)
{
    unsigned long long first, last;
    seeds_asked(8, &first, &last);
    for (unsigned long long seed = first; seed <= last; seed++) {
        nd2.is_lossy = true;
        rc_net.is_tcpip = seed % 2;           // and then it is short of memory, too
        fault_driver = rc_net.is_tcpip ? NULL : "vnic";
        prng_seed(&nd2.dice, seed);
        rc_run_seed("nd2", all_cases_short, wires[seed % (sizeof wires / sizeof wires[0])], seed, seed % 7 % 2);
    }
    faults_tell("one in fifty");
    ck_assert_uint_gt(faults.given_up, 0);
}
