// SPDX-License-Identifier: MIT
// bench tcp-rx, tcp-tx, tcp-conns: tcpip and a TDI client in a box behind a TAP, a Linux peer on the other side of it; beside them the
// same Linux peer with another kernel behind a veth, and with lwIP (Debian's) behind a TAP. tests/bench/tcp.sh does a round of each.
// bench offload-rate: the connection with vnic's offload target, beside the same one with the host (tcpip).
//   tcp_script -> tests/bench/tcp.sh -> a line that begins with the figure
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_int.h"
#include "out.h"
#include "tool.h"

// The figure of one round. fails: -1, and the script has said why.
static double
tcp_script(const struct run_options *options, const char *flags, const char *job, const char *stack)
{
    char self[4096], line[1024], call[10000];
    unsigned seconds = (unsigned)(options->for_ns / 1000000000u);
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return -1;
    self[length] = 0;
    *strrchr(self, '/') = 0;
    if (access(NBX_SOURCE_DIR "/tests/bench/tcp.sh", R_OK)) {
        out_error("bench %s runs from the source tree: %s/tests/bench/tcp.sh is not there", job, NBX_SOURCE_DIR);
        return -1;
    }
    snprintf(call, sizeof call, "timeout %u bash %s/tests/bench/tcp.sh -t %u %s %s %s %s", seconds + 180, NBX_SOURCE_DIR,
             seconds ? seconds : 1, flags, job, stack, self);
    FILE *stream = popen(call, "r");
    double figure = -1;
    while (stream && fgets(line, sizeof line, stream)) {
        char *end;
        double here = strtod(line, &end);
        if (end != line && figure < 0)
            figure = here;
    }
    if (!stream || pclose(stream))
        return -1;
    return figure;
}

static double
tcp_rate(const struct run_options *options, const char *flags, const char *job, const char *stack)
{
    double gbits = tcp_script(options, flags, job, stack);
    return gbits < 0 ? -1 : gbits * 1e9;
}

// clang-format off
double tcp_rx_offloaded(const struct run_options *options) { return tcp_rate(options, "", "rx", "offloaded"); }
double tcp_tx_offloaded(const struct run_options *options) { return tcp_rate(options, "", "tx", "offloaded"); }
double tcp_rx_plain_offloaded(const struct run_options *options) { return tcp_rate(options, "-s", "rx", "offloaded"); }
double tcp_rx_ours(const struct run_options *options) { return tcp_rate(options, "", "rx", "ours"); }
double tcp_rx_kernel(const struct run_options *options) { return tcp_rate(options, "", "rx", "kernel"); }
double tcp_rx_plain_ours(const struct run_options *options) { return tcp_rate(options, "-s", "rx", "ours"); }
double tcp_rx_plain_kernel(const struct run_options *options) { return tcp_rate(options, "-s", "rx", "kernel"); }
double tcp_rx_lwip(const struct run_options *options) { return tcp_rate(options, "-s", "rx", "lwip"); }
double tcp_tx_ours(const struct run_options *options) { return tcp_rate(options, "", "tx", "ours"); }
double tcp_tx_kernel(const struct run_options *options) { return tcp_rate(options, "", "tx", "kernel"); }
double tcp_tx_plain_ours(const struct run_options *options) { return tcp_rate(options, "-s", "tx", "ours"); }
double tcp_tx_plain_kernel(const struct run_options *options) { return tcp_rate(options, "-s", "tx", "kernel"); }
double tcp_tx_lwip(const struct run_options *options) { return tcp_rate(options, "-s", "tx", "lwip"); }
double tcp_conns_ours(const struct run_options *options) { return tcp_script(options, "", "conns", "ours"); }
double tcp_conns_kernel(const struct run_options *options) { return tcp_script(options, "", "conns", "kernel"); }
double tcp_conns_lwip(const struct run_options *options) { return tcp_script(options, "-s", "conns", "lwip"); }
double tcp_idle_ours(const struct run_options *options) { return tcp_script(options, "-n 100000", "idle", "ours"); }
// clang-format on
