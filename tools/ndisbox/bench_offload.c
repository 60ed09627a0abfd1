// SPDX-License-Identifier: MIT
// bench offload: a TCP connection with 64 KB outstanding to vnic's offload target and back, beside a Linux socket with 64 KB outstanding
// moved into a fresh one by TCP_REPAIR; and 10,000 connections in one tree. Each round is a process of its own, so that neither has what
// the other left in the heap: tests/bench/chimney_bench.c and tests/bench/repair_bench.c, which say what exactly is measured.
//   offload_ready    what can be refused before anything starts
//   program_line -> tests/chimney_bench, tests/repair_bench -> "5.536 us, ..." -> figure
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_int.h"
#include "out.h"
#include "tool.h"

#define OFFLOAD_GRACE_S 60                    // a program that takes so much longer than it was told hangs

static const char *const programs[] = {"chimney_bench", "repair_bench"};

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

bool
offload_ready(void)
{
    char folder[4096], path[4200];
    if (geteuid()) {
        out_error("bench offload needs root: its peer moves a socket by TCP_REPAIR in a network namespace of its own (CAP_NET_ADMIN, "
                  "CAP_SYS_ADMIN); run it with sudo");
        return false;
    }
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (!own_folder(folder, sizeof folder))
            return false;
        snprintf(path, sizeof path, "%s/tests/%s", folder, programs[i]);
        if (access(path, X_OK)) {
            out_error("bench offload: %s is not built; in the source tree: cmake --build --preset release --target %s", path, programs[i]);
            return false;
        }
    }
    return true;
}

// What one program printed. fails: false; it has said why on stderr.
static bool
program_line(const struct run_options *options, const char *program, char *line, size_t bytes)
{
    char folder[4096], call[10000];
    double seconds = (double)options->for_ns / 1e9;
    if (!own_folder(folder, sizeof folder))
        return false;
    if (!strcmp(program, "repair"))
        snprintf(call, sizeof call, "timeout %.0f '%s/tests/repair_bench' %.3f", seconds + OFFLOAD_GRACE_S, folder, seconds);
    else
        snprintf(call, sizeof call, "timeout %.0f '%s/tests/chimney_bench' %s %.3f '%s/drivers'", seconds + OFFLOAD_GRACE_S, folder,
                 program, seconds, folder);
    FILE *stream = popen(call, "r");
    bool had = stream && fgets(line, (int)bytes, stream);
    return stream && !pclose(stream) && had;
}

static double
program_us(const struct run_options *options, const char *program)
{
    char line[256];
    if (!program_line(options, program, line, sizeof line))
        return -1;
    return strtod(line, NULL);
}

double
offload_ours(const struct run_options *options)
{
    return program_us(options, "move");
}

double
offload_repair(const struct run_options *options)
{
    return program_us(options, "repair");
}

double
offload_many(const struct run_options *options)
{
    return program_us(options, "many");
}

double
offload_memory(const struct run_options *options)
{
    char line[256];
    if (!program_line(options, "many", line, sizeof line))
        return -1;
    const char *at = strchr(line, ',');       // "0.802 us, 1450 bytes a connection, ..."
    return at ? strtod(at + 1, NULL) : -1;
}
