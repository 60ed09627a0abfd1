// SPDX-License-Identifier: MIT
// ndisbox bench: one measurement beside its peer in the same run, three times each in turn, and the ratio of the medians.
//   nbl-forward  frames through a stack in memory, beside dpdk-testpmd; nbl-verified  with the verifier on (bench_forward.c)
//   sim, sim-lifecycle  lives of an adapter under seeds, beside the same in real time; sim-minute  simulated minutes (bench_sim.c)
//   bridge       iperf3, one stream, netns A - TAP - vnic - lwfmon - tapproto - TAP - netns B. Peer: the relay of tests/bench.
//   offload      TCP connections to vnic's offload target and back, beside sockets moved by TCP_REPAIR (bench_offload.c)
//   offload-rate  one TCP stream that the target has, beside the same that the host has (bench_tcp.c)
//   ndk-lat, ndk-rate, ndk-bw  RDMA between two boxes, beside raw TCP, UCX and libfabric; ndk-memory  what it takes (bench_ndk.c)
//   tcp-rx, tcp-tx, tcp-conns  tcpip and a TDI client behind a TAP, beside Linux behind a veth, and lwIP (bench_tcp.c)
// A peer that is not installed is said and left out: then there is no ratio.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <jansson.h>

#include "bench_int.h"
#include "out.h"
#include "run.h"
#include "tool.h"

#define BENCH_ROUNDS 3

struct bench {
    const char *name, *unit, *peer;
    // One round. fails: a negative number; a sentence has been said.
    double (*ours)(const struct run_options *options);
    double (*theirs)(const struct run_options *options);
    const char *variant;          // of several measurements with one name
    const char *other_peer;       // a second one, measured beside
    double (*others)(const struct run_options *options);
};

// ---- bridge -----------------------------------------------------------------------------------------------------------------------------

// tests/bench/bridge.sh prints one line that begins with the rate in Gbit/s.
static double
bridge_script(const struct run_options *options, const char *command)
{
    char line[1024], call[8192];
    unsigned seconds = (unsigned)(options->for_ns / 1000000000u);
    if (access(NBX_SOURCE_DIR "/tests/bench/bridge.sh", R_OK)) {
        out_error("bench bridge runs from the source tree: %s/tests/bench/bridge.sh is not there", NBX_SOURCE_DIR);
        return -1;
    }
    snprintf(call, sizeof call, "timeout 60 bash %s/tests/bench/bridge.sh -t %u %s", NBX_SOURCE_DIR, seconds ? seconds : 1, command);
    FILE *stream = popen(call, "r");
    double rate = -1;
    while (stream && fgets(line, sizeof line, stream)) {
        const char *at = line;
        while (*at && !isdigit((unsigned char)*at))
            at++;
        if (*at && rate < 0)
            rate = strtod(at, NULL) * 1e9;
    }
    if (stream)
        pclose(stream);
    return rate;
}

static double
bridge_ours(const struct run_options *options)
{
    char self[4096], command[8000];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return -1;
    self[length] = 0;
    snprintf(command, sizeof command,
             "%s run -q --verify off --adapter nic0,driver=vnic,port=tap:TAP1,filters=lwfmon,protocols=tapproto:tap=TAP2", self);
    return bridge_script(options, command);
}

static double
bridge_theirs(const struct run_options *options)
{
    char self[4096], command[8000];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return -1;
    self[length] = 0;
    *strrchr(self, '/') = 0;
    snprintf(command, sizeof command, "%s/tests/relay_bench", self);
    if (access(command, X_OK)) {
        out_note("the relay is not built: cmake --build --preset release --target relay_bench");
        return -1;
    }
    return bridge_script(options, command);
}

// ---- rounds and the report -----------------------------------------------------------------------------------------

static const struct bench benches[] = {
    {"nbl-forward", "frame/s", "dpdk-testpmd io over net_null", forward_ours, forward_theirs},
    {"nbl-verified", "frame/s", "verifier off", forward_verified, forward_ours},
    {"sim", "seed/s", "the same on threads", sim_ours, sim_theirs},
    {"sim-lifecycle", "seed/s", "the same on threads", sim_lifecycle_ours, sim_lifecycle_theirs},
    {"sim-minute", "minute/s", NULL, sim_minutes, NULL},
    {"bridge", "bit/s", "plain TAP relay", bridge_ours, bridge_theirs},
    {"tcp-rx", "bit/s", "Linux over veth", tcp_rx_ours, tcp_rx_kernel, "LSO and RSC on"},
    {"tcp-rx", "bit/s", "Linux over veth", tcp_rx_plain_ours, tcp_rx_plain_kernel, "offloads off", "lwIP", tcp_rx_lwip},
    {"tcp-tx", "bit/s", "Linux over veth", tcp_tx_ours, tcp_tx_kernel, "LSO and RSC on"},
    {"tcp-tx", "bit/s", "Linux over veth", tcp_tx_plain_ours, tcp_tx_plain_kernel, "offloads off", "lwIP", tcp_tx_lwip},
    {"tcp-conns", "connection/s", "Linux over veth", tcp_conns_ours, tcp_conns_kernel, "opened and closed", "lwIP", tcp_conns_lwip},
    {"tcp-conns", "byte", NULL, tcp_idle_ours, NULL, "memory of an idle connection, of 100,000"},
    {"offload", "us", "a Linux socket by TCP_REPAIR", offload_ours, offload_repair, "one with 64 KB outstanding, there and back"},
    {"offload", "us", NULL, offload_many, NULL, "each of 10,000 connections in one tree, there and back"},
    {"offload", "byte", NULL, offload_memory, NULL, "memory of each of 10,000 offloaded connections"},
    {"offload-rate", "bit/s", "the same by the host", tcp_rx_offloaded, tcp_rx_ours, "received, LSO and RSC on"},
    {"offload-rate", "bit/s", "the same by the host", tcp_tx_offloaded, tcp_tx_ours, "sent, LSO and RSC on"},
    {"offload-rate", "bit/s", "the same by the host", tcp_rx_plain_offloaded, tcp_rx_plain_ours, "received, offloads off"},
    {"ndk-lat", "us", "raw TCP, both ends spinning", ndk_lat_ours, ndk_lat_kernel, "64-byte Send, one way", "UCX tcp", ndk_lat_ucx},
    {"ndk-lat", "us", "libfabric tcp, average", ndk_lat_crc_ours, ndk_lat_fabric, "64-byte Send, one way, with CRC"},
    {"ndk-rate", "write/s", "raw TCP, one write(2) each", ndk_rate_ours, ndk_rate_kernel, "64-byte Writes, deferred", "UCX tcp",
     ndk_rate_ucx},
    {"ndk-rate", "write/s", NULL, ndk_rate_crc_ours, NULL, "64-byte Writes, deferred, with CRC"},
    {"ndk-bw", "byte/s", "raw TCP", ndk_bw_ours, ndk_bw_kernel, "64 KB Writes", "UCX tcp", ndk_bw_ucx},
    {"ndk-bw", "byte/s", NULL, ndk_bw_crc_ours, NULL, "64 KB Writes, with CRC"},
    {"ndk-memory", "byte", NULL, ndk_idle_ours, NULL, "memory of an end of an idle connection, of 10,000; queues of 1"},
    {"ndk-memory", "byte", NULL, ndk_idle_queues_ours, NULL, "the same, queues of 16"},
    {"ndk-memory", "us", NULL, ndk_region_ours, NULL, "a region of 1 GB registered"},
    {"ndk-memory", "byte", NULL, ndk_region_memory, NULL, "memory that registering 1 GB takes"},
};

static int
double_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct bench_result {
    double ours, theirs, others;  // medians; negative: none
};

// Sorts.
static double
median(double *rounds)
{
    qsort(rounds, BENCH_ROUNDS, sizeof *rounds, double_order);
    return rounds[BENCH_ROUNDS / 2];
}

static struct bench_result
bench_measure(const struct bench *bench, const struct run_options *options)
{
    double ours[BENCH_ROUNDS], theirs[BENCH_ROUNDS], others[BENCH_ROUNDS];
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        out_note("%s%s%s: round %d of %d", bench->name, bench->variant ? ", " : "", bench->variant ? bench->variant : "", i + 1,
                 BENCH_ROUNDS);
        ours[i] = bench->ours(options);
        theirs[i] = bench->theirs ? bench->theirs(options) : -1;
        others[i] = bench->others ? bench->others(options) : -1;
    }
    return (struct bench_result){median(ours), median(theirs), median(others)};
}

static void
bench_print(const struct bench *bench, const struct bench_result *result)
{
    char ours[OUT_NUMBER_BYTES], theirs[OUT_NUMBER_BYTES];
    if (result->ours < 0) {
        out_error("%s: not measured", bench->name);
        return;
    }
    printf("%s", bench->name);
    if (bench->variant)
        printf(" (%s)", bench->variant);
    printf(": ours %s", out_scaled(ours, result->ours, bench->unit));
    if (result->theirs > 0)
        printf(", peer (%s) %s, ratio %.2f", bench->peer, out_scaled(theirs, result->theirs, bench->unit), result->ours / result->theirs);
    else
        printf(", no peer");
    if (result->others > 0)
        printf("; %s %s, ratio %.2f", bench->other_peer, out_scaled(theirs, result->others, bench->unit), result->ours / result->others);
    else if (bench->others)
        printf("; %s not measured", bench->other_peer);
    printf("\n");
}

static json_t *
bench_json(const struct bench *bench, const struct bench_result *result)
{
    json_t *row = json_pack("{s:s, s:s, s:s?, s:f}", "name", bench->name, "unit", bench->unit, "peer", bench->peer, "ours",
                            result->ours);
    if (bench->variant)
        json_object_set_new(row, "variant", json_string(bench->variant));
    if (result->ours > 0 && result->theirs > 0) {
        json_object_set_new(row, "theirs", json_real(result->theirs));
        json_object_set_new(row, "ratio", json_real(result->ours / result->theirs));
    }
    if (result->ours > 0 && result->others > 0)
        json_object_set_new(row, "other",
                            json_pack("{s:s, s:f, s:f}", "peer", bench->other_peer, "theirs", result->others, "ratio",
                                      result->ours / result->others));
    return row;
}

int
run_bench(const char *name, const struct run_options *options)
{
    json_t *rows = json_array();
    struct utsname machine;
    int code = EXIT_CLEAN;
    // Of all of them, the others are still measured.
    bool leave_offload = (!name || !strcmp(name, "offload")) && !offload_ready();
    if (leave_offload && name) {
        json_decref(rows);
        return EXIT_MACHINE;
    }
    if (leave_offload)
        code = EXIT_MACHINE;
    uname(&machine);
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
        if ((name && strcmp(name, benches[i].name)) || (leave_offload && !strcmp(benches[i].name, "offload")))
            continue;
        struct bench_result result = bench_measure(&benches[i], options);
        if (result.ours < 0)
            code = EXIT_MACHINE;
        json_array_append_new(rows, bench_json(&benches[i], &result));
        if (!options->json)
            bench_print(&benches[i], &result);
    }
    double load[1] = {0};
    getloadavg(load, 1);
    if (options->json) {
        json_t *document = json_pack("{s:s, s:s, s:I, s:f, s:o}", "system", machine.release, "machine", machine.machine, "processors",
                                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "load", load[0], "benchmarks", rows);
        json_dumpf(document, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(document);
    } else {
        printf("%ld processors, load %.1f\n", sysconf(_SC_NPROCESSORS_ONLN), load[0]);
        json_decref(rows);
    }
    return code;
}
