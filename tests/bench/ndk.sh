#!/bin/bash
# SPDX-License-Identifier: MIT
# One round of a peer of the RDMA benchmarks: two processes in two network namespaces with a veth between them. Ours is tests/bench/ndk_bench.c.
#
#   tests/bench/ndk.sh [-t SECONDS] lat|rate|bw kernel|ucx|fabric BUILD
#
#   kernel  raw TCP: BUILD/tests/tcp_pair_bench, which says what each job is
#   ucx     Debian's ucx_perftest over UCX's tcp: ucp_am_lat and ucp_am_bw with 64 bytes, tag_bw with 64 KB
#   fabric  Debian's fi_pingpong over libfabric's tcp, 64 bytes; latency only: it has no stream
# Prints one line that begins with the figure: microseconds one way (ucx and kernel: the median; fabric says only the average), messages a
# second, gigabytes a second. UCX and libfabric count messages and not time: as many as take about SECONDS here.
# Needs root (network namespaces); 77 and a sentence without, and without a peer.
set -u
seconds=2
while getopts t: option; do
    case $option in t) seconds=$OPTARG ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
[ $# = 3 ] || { sed -n '3,13p' "$0" >&2; exit 2; }
job=$1 peer=$2 build=$3
case $job in lat | rate | bw) ;; *) exit 2 ;; esac
skip() { echo "SKIP: $*" >&2; exit 77; }
[ "$(id -u)" = 0 ] || skip "network namespaces need root"
command -v ip >/dev/null || skip "ip is not installed"
case $peer in
kernel) [ -x "$build/tests/tcp_pair_bench" ] || skip "$build/tests/tcp_pair_bench is not built: cmake --build --preset release --target tcp_pair_bench" ;;
ucx) command -v ucx_perftest >/dev/null || skip "ucx_perftest is not installed (package ucx-utils), so UCX is no peer" ;;
fabric)
    command -v fi_pingpong >/dev/null || skip "fi_pingpong is not installed (package libfabric-bin), so libfabric is no peer"
    [ "$job" = lat ] || skip "fi_pingpong has no stream"
    ;;
*) exit 2 ;;
esac

near=nbxN$$ far=nbxF$$ work=$(mktemp -d) child=
end() {
    [ -n "$child" ] && kill "$child" 2>/dev/null && wait "$child" 2>/dev/null
    for ns in "$near" "$far"; do
        for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
        ip netns del "$ns" 2>/dev/null
    done
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM
fail() { echo "ndk.sh: $peer $job: $*" >&2; tail -n 20 "$work/client" "$work/server" >&2; exit 1; }

ip netns add "$near" && ip netns add "$far" && ip link add nbp0 netns "$near" type veth peer name nbp0 netns "$far" || exit 1
ip -n "$near" link set lo up && ip -n "$far" link set lo up
ip -n "$near" address add 10.78.0.2/24 dev nbp0 && ip -n "$near" link set nbp0 up || exit 1
ip -n "$far" address add 10.78.0.1/24 dev nbp0 && ip -n "$far" link set nbp0 up || exit 1
# UCX takes no interface that is not up yet.
for ns in "$near" "$far"; do
    for _ in $(seq 100); do ip -n "$ns" link show nbp0 | grep -q "state UP" && break; sleep 0.05; done
done

serve() { ip netns exec "$far" "$@" >"$work/server" 2>&1 & child=$!; }
# The server is there when its port is open.
await() {
    for _ in $(seq 100); do
        ip netns exec "$far" ss -Hltn "sport = :$1" 2>/dev/null | grep -q . && return
        kill -0 "$child" 2>/dev/null || fail "the server has ended"
        sleep 0.1
    done
    fail "the server does not listen"
}
run() { timeout $((seconds * 20 + 20)) ip netns exec "$near" "$@" >"$work/client" 2>&1 || fail "no figure"; }

case $peer in
kernel)
    serve "$build/tests/tcp_pair_bench" serve 7175
    await 7175
    run "$build/tests/tcp_pair_bench" "$job" 10.78.0.1 7175 "$seconds"
    cat "$work/client"
    ;;
ucx)
    export UCX_TLS=tcp UCX_NET_DEVICES=nbp0 UCX_WARN_UNUSED_ENV_VARS=n
    case $job in
    lat) test=ucp_am_lat bytes=64 count=$((seconds * 20000)) ;;
    rate) test=ucp_am_bw bytes=64 count=$((seconds * 100000)) ;;
    bw) test=tag_bw bytes=65536 count=$((seconds * 10000)) ;;
    esac
    serve ucx_perftest -p 7176
    await 7176
    run ucx_perftest -p 7176 10.78.0.1 -t $test -s $bytes -n $count -w 1000 -f
    # "Final: iterations, typical (median) us, average us, overall us, MB/s average and overall (of 2^20), messages/s average and overall".
    awk -v job="$job" '{sub(/^Final:/, "")} NF >= 8 && $1 + 0 > 0 {
        if (job == "lat") print $2, "us one way, the median of", $1
        else if (job == "rate") print $8, "messages/s"
        else print $6 * 1048576 / 1e9, "GB/s"; found = 1; exit} END {exit !found}' "$work/client" || fail "no figure"
    ;;
fabric)
    serve fi_pingpong -p tcp -e msg -S 64 -I $((seconds * 20000))
    await 47592
    run fi_pingpong -p tcp -e msg -S 64 -I $((seconds * 20000)) 10.78.0.1
    awk '$1 == 64 {print $7, "us one way, the average of", $2; found = 1; exit} END {exit !found}' "$work/client" || fail "no figure"
    ;;
esac
