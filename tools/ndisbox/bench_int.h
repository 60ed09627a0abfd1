// SPDX-License-Identifier: MIT
// What the files of ndisbox bench share.
#ifndef NBX_TOOL_BENCH_INT_H
#define NBX_TOOL_BENCH_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "run.h"

// ---- a peer's process (bench_peer.c) --------------------------------------------------------------------------------------------

// A line that the peer wrote, its newline cut off. Returns true when that was enough.
typedef bool peer_line_fn(void *context, const char *line);
// Run argv (NULL ends it; argv[0] is a path) in its own process group, hand its lines over until on_line has enough or limit_ms are
// over, then end it: SIGTERM, and SIGKILL for the whole group when it has not gone within grace_ms; that is said, and *killed set
// (NULL: not asked).
// fails: -errno when it could not be started; 0 otherwise, whatever became of it.
#define PEER_GRACE_MS 5000
int peer_run(char *const argv[], unsigned limit_ms, unsigned grace_ms, peer_line_fn *on_line, void *context, bool *killed);

// ---- nbl-forward (bench_forward.c) ----------------------------------------------------------------------------------------------

// Frames a second. fails: a negative number; a sentence has been said.
double forward_ours(const struct run_options *options);
double forward_theirs(const struct run_options *options);
double forward_verified(const struct run_options *options);

// ---- tcp-rx, tcp-tx, tcp-conns (bench_tcp.c) --------------------------------------------------------------------------------------

// Bits a second, with offloads and (plain) without; connections a second; bytes of an idle connection. fails: as above.
typedef double bench_tcp_fn(const struct run_options *options);
bench_tcp_fn tcp_rx_offloaded, tcp_tx_offloaded, tcp_rx_plain_offloaded;
bench_tcp_fn tcp_rx_ours, tcp_rx_kernel, tcp_rx_plain_ours, tcp_rx_plain_kernel, tcp_rx_lwip;
bench_tcp_fn tcp_tx_ours, tcp_tx_kernel, tcp_tx_plain_ours, tcp_tx_plain_kernel, tcp_tx_lwip;
bench_tcp_fn tcp_conns_ours, tcp_conns_kernel, tcp_conns_lwip, tcp_idle_ours;

// ---- offload (bench_offload.c) ----------------------------------------------------------------------------------------------------

// Can it be measured here at all? fails: false; a sentence has been said.
bool offload_ready(void);
// Microseconds of one connection's way to the target and back; of a socket's into another; of one of 10,000 in a tree; bytes of such a one.
double offload_ours(const struct run_options *options);
double offload_repair(const struct run_options *options);
double offload_many(const struct run_options *options);
double offload_memory(const struct run_options *options);

// ---- ndk-lat, ndk-rate, ndk-bw, ndk-memory (bench_ndk.c) ---------------------------------------------------------------------------

// Microseconds one way; Writes, or messages, a second; bytes a second; bytes of an end of an idle connection; microseconds of registering
// 1 GB, and bytes that the process has more then. fails: as above.
typedef double bench_ndk_fn(const struct run_options *options);
bench_ndk_fn ndk_lat_ours, ndk_lat_crc_ours, ndk_lat_kernel, ndk_lat_ucx, ndk_lat_fabric;
bench_ndk_fn ndk_rate_ours, ndk_rate_crc_ours, ndk_rate_kernel, ndk_rate_ucx;
bench_ndk_fn ndk_bw_ours, ndk_bw_crc_ours, ndk_bw_kernel, ndk_bw_ucx;
bench_ndk_fn ndk_idle_ours, ndk_idle_queues_ours, ndk_region_ours, ndk_region_memory;

// ---- sim, sim-lifecycle and sim-minute (bench_sim.c) ----------------------------------------------------------------------------

// Lifecycles a second of processor time: under seeds; on threads, where they take the time that they take, a second of the clock.
double sim_ours(const struct run_options *options);
double sim_theirs(const struct run_options *options);
double sim_lifecycle_ours(const struct run_options *options);
double sim_lifecycle_theirs(const struct run_options *options);
// Simulated minutes a second of processor time.
double sim_minutes(const struct run_options *options);

#endif
