// SPDX-License-Identifier: MIT
// bench ndk-lat, ndk-rate, ndk-bw, ndk-memory: two boxes on one wire, a consumer of NDK in each (tests/bench/ndk_bench.c); beside them what
// raw TCP, UCX and libfabric do between two network namespaces (tests/bench/ndk.sh). Each round is a process of its own.
//   ndk_program -> tests/ndk_bench -> a line that begins with the figure
//   ndk_script -> tests/bench/ndk.sh -> the same; a peer that is not installed is said, and left out
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_int.h"
#include "out.h"
#include "tool.h"

#define NDK_GRACE_S 120                       // a program that takes so much longer than it was told hangs

// The folder that ndisbox lies in. fails: false
static bool
own_folder(char *folder, size_t bytes)
{
    ssize_t length = readlink("/proc/self/exe", folder, bytes - 1);
    if (length < 0)
        return false;
    folder[length] = 0;
    *strrchr(folder, '/') = 0;
    return true;
}

// The figure of the first line, behind the first of these marks if there is one. fails: -1; it has been said why.
static double
figure_of(const char *call, const char *mark)
{
    char line[256];
    FILE *stream = popen(call, "r");
    bool had = stream && fgets(line, sizeof line, stream);
    int status = stream ? pclose(stream) : -1;
    if (!had || status < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        return -1;
    const char *at = mark ? strstr(line, mark) : line;
    return at ? strtod(at + (mark ? strlen(mark) : 0), NULL) : -1;
}

static double
ndk_program(const char *job, double argument, const char *flags, const char *mark)
{
    char folder[4096], program[4200], call[10000];
    if (!own_folder(folder, sizeof folder))
        return -1;
    snprintf(program, sizeof program, "%s/tests/ndk_bench", folder);
    if (access(program, X_OK)) {
        out_error("bench ndk: %s is not built; in the source tree: cmake --build --preset release --target ndk_bench", program);
        return -1;
    }
    snprintf(call, sizeof call, "timeout %d '%s' %s %.3f '%s/drivers' %s", NDK_GRACE_S, program, job, argument, folder, flags);
    return figure_of(call, mark);
}

static double
ndk_ours(const struct run_options *options, const char *job, const char *flags)
{
    return ndk_program(job, (double)options->for_ns / 1e9, flags, NULL);
}

static double
ndk_script(const struct run_options *options, const char *job, const char *peer)
{
    char folder[4096], call[10000];
    unsigned seconds = (unsigned)(options->for_ns / 1000000000u);
    if (!own_folder(folder, sizeof folder))
        return -1;
    if (access(NBX_SOURCE_DIR "/tests/bench/ndk.sh", R_OK)) {
        out_error("bench ndk-%s runs from the source tree: %s/tests/bench/ndk.sh is not there", job, NBX_SOURCE_DIR);
        return -1;
    }
    snprintf(call, sizeof call, "timeout %u bash %s/tests/bench/ndk.sh -t %u %s %s %s", seconds * 20 + NDK_GRACE_S, NBX_SOURCE_DIR,
             seconds ? seconds : 1, job, peer, folder);
    return figure_of(call, NULL);
}

static double
giga(double figure)
{
    return figure < 0 ? figure : figure * 1e9;
}

// clang-format off
double ndk_lat_ours(const struct run_options *options) { return ndk_ours(options, "lat", ""); }
double ndk_lat_crc_ours(const struct run_options *options) { return ndk_ours(options, "lat", "crc"); }
double ndk_lat_kernel(const struct run_options *options) { return ndk_script(options, "lat", "kernel"); }
double ndk_lat_ucx(const struct run_options *options) { return ndk_script(options, "lat", "ucx"); }
double ndk_lat_fabric(const struct run_options *options) { return ndk_script(options, "lat", "fabric"); }
double ndk_rate_ours(const struct run_options *options) { return ndk_ours(options, "rate", ""); }
double ndk_rate_crc_ours(const struct run_options *options) { return ndk_ours(options, "rate", "crc"); }
double ndk_rate_kernel(const struct run_options *options) { return ndk_script(options, "rate", "kernel"); }
double ndk_rate_ucx(const struct run_options *options) { return ndk_script(options, "rate", "ucx"); }
double ndk_bw_ours(const struct run_options *options) { return giga(ndk_ours(options, "bw", "")); }
double ndk_bw_crc_ours(const struct run_options *options) { return giga(ndk_ours(options, "bw", "crc")); }
double ndk_bw_kernel(const struct run_options *options) { return giga(ndk_script(options, "bw", "kernel")); }
double ndk_bw_ucx(const struct run_options *options) { return giga(ndk_script(options, "bw", "ucx")); }
// clang-format on

double
ndk_idle_ours(const struct run_options *options)
{
    (void)options;
    return ndk_program("idle", 10000, "", NULL);
}

double
ndk_idle_queues_ours(const struct run_options *options)
{
    (void)options;
    return ndk_program("idle", 10000, "16", NULL);
}

double
ndk_region_ours(const struct run_options *options)
{
    (void)options;
    return ndk_program("mr", 1u << 30, "", NULL);
}

// "3.355 us for 1073741824; heap 2112 bytes more, resident 0 bytes more"
double
ndk_region_memory(const struct run_options *options)
{
    (void)options;
    return ndk_program("mr", 1u << 30, "", "resident ");
}
