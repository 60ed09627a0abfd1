#!/bin/bash
# SPDX-License-Identifier: MIT
# One round of a TCP benchmark: a stream or many connections between a Linux peer (tests/bench/tcp_bench.c) and one of three stacks.
#
#   tests/bench/tcp.sh [-t SECONDS] [-s] [-n COUNT] rx|tx|conns|idle ours|offloaded|kernel|lwip BUILD
#
# rx and tx are seen from the stack: rx takes what the peer sends, tx sends to it. conns opens and closes connections; idle opens COUNT
# (100,000; at most 128,000) connections that do nothing and prints what one costs in bytes of resident memory of ndisbox (ours only).
#   ours    netns: tcp_bench - kernel - TAP - vnic - tcpip - tdiecho (discard, character generator), all but tcp_bench in BUILD/ndisbox
#   offloaded  the same, the connection handed to vnic's offload target as soon as it is open; that the bytes went there is looked at
#   kernel  netns: tcp_bench - kernel - veth - kernel - tcp_bench, two namespaces
#   lwip    netns: tcp_bench - kernel - TAP - BUILD/tests/lwip_bench (Debian's liblwip: no offloads in either case)
# -s turns segmentation, coalescing and checksum offloads off, at both ends.
# Prints one line that begins with the figure. Needs root (network namespaces); 77 and a sentence without, and without a peer.
set -u
seconds=2 small=no count=100000
while getopts t:sn: option; do
    case $option in t) seconds=$OPTARG ;; s) small=yes ;; n) count=$OPTARG ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
[ $# = 3 ] || { sed -n '3,15p' "$0" >&2; exit 2; }
job=$1 stack=$2 build=$3 peer=$3/tests/tcp_bench
[ "$(id -u)" = 0 ] || { echo "SKIP: network namespaces need root" >&2; exit 77; }
for need in ip ethtool; do command -v $need >/dev/null || { echo "SKIP: $need is not installed" >&2; exit 77; }; done
[ -x "$peer" ] || { echo "SKIP: $peer is not built: cmake --build --preset release --target tcp_bench" >&2; exit 77; }
[ "$stack" != lwip ] || [ -x "$build/tests/lwip_bench" ] ||
    { echo "SKIP: $build/tests/lwip_bench is not built: install liblwip-dev, then cmake --preset release, and build target lwip_bench" >&2; exit 77; }

near=nbxT$$ far=nbxU$$ work=$(mktemp -d) child=
end() {
    exec 3>&-
    [ -n "$child" ] && kill "$child" 2>/dev/null && wait "$child" 2>/dev/null
    for ns in "$near" "$far"; do
        for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
        ip netns del "$ns" 2>/dev/null
    done
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM
in_near() { ip netns exec "$near" "$@"; }
fail() { echo "$*" >&2; tail -20 "$work/out" >&2; exit 1; }

ip netns add "$near" && ip -n "$near" link set lo up || exit 1
# Ports of connections that were closed come round in seconds here: the client does not wait for old ones.
in_near sysctl -q -w net.ipv4.tcp_max_tw_buckets=512 net.ipv4.ip_local_port_range='1024 65535' >/dev/null
case $job in rx | conns | idle) port=9 service=discard ;; tx) port=19 service=source ;; *) exit 2 ;; esac
plain() { # netns interface: no offloads
    ip netns exec "$1" ethtool -K "$2" tso off gso off gro off tx off rx off >/dev/null 2>&1
}
start_ours() {
    local endpoints=256 chimney=${1:-off} quiet=-q
    [ "$chimney" = off ] || quiet=

    [ "$job" = idle ] && endpoints=$((count + 64))
    local settings='{}'
    [ $small = yes ] && settings='{ "*LsoV2IPv4": 0, "*LsoV2IPv6": 0, "*TCPChecksumOffloadIPv4": 0, "*TCPChecksumOffloadIPv6": 0, "*UDPChecksumOffloadIPv4": 0, "*UDPChecksumOffloadIPv6": 0, "*RscIPv4": 0, "*RscIPv6": 0 }'
    cat >"$work/stack.yaml" <<END
ndisbox: 1
boxes:
  bench:
    processors: 1
    drivers:
      tdiecho: { registry: { Parameters: { Port: $port, Endpoints: $endpoints, BufferBytes: 524288 } } }
    adapters:
      nic0:
        driver: vnic
        port: tap:nb0
        settings: $settings
        protocols: [ { tcpip: { addresses: [10.78.0.1/16], chimney: $chimney } } ]
END
    ip netns exec "$near" "$build/ndisbox" run $quiet --verify off "$work/stack.yaml" >"$work/out" 2>&1 &
    child=$!
    for _ in $(seq 600); do ip -n "$near" link show nb0 >/dev/null 2>&1 && break; sleep 0.05; done
    [ $small = yes ] && plain "$near" nb0
    for n in 0.2 1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.8; do ip -n "$near" address add 10.78.$n/16 dev nb0; done
    ip -n "$near" link set nb0 up || fail "ndisbox made no TAP"
}
start_offloaded() { start_ours always; }
start_kernel() {
    ip netns add "$far" && ip link add nbp0 netns "$near" type veth peer name nbq0 netns "$far" || exit 1
    [ $small = yes ] && { plain "$near" nbp0; plain "$far" nbq0; }
    ip -n "$near" address add 10.78.0.2/16 dev nbp0 && ip -n "$near" link set nbp0 up || exit 1
    ip -n "$far" address add 10.78.0.1/16 dev nbq0 && ip -n "$far" link set nbq0 up || exit 1
    ip netns exec "$far" sysctl -q -w net.ipv4.tcp_max_syn_backlog=4096 net.core.somaxconn=4096 >/dev/null
    ip netns exec "$far" "$peer" $service $port >"$work/out" 2>&1 &
    child=$!
}
start_lwip() {
    ip -n "$near" tuntap add dev nb0 mode tap && ip -n "$near" address add 10.78.0.2/16 dev nb0 || exit 1
    ip netns exec "$near" "$build/tests/lwip_bench" $service $port nb0 >"$work/out" 2>&1 &
    child=$!
    ip -n "$near" link set nb0 up || exit 1
}
case $stack in ours | offloaded | kernel | lwip) start_$stack ;; *) exit 2 ;; esac
for _ in $(seq 100); do in_near ping -c 1 -W 1 -q 10.78.0.1 >/dev/null 2>&1 && break; kill -0 "$child" 2>/dev/null || fail "$stack has ended"; done
# A probe that is refused: the service is not there yet.
for _ in $(seq 600); do in_near bash -c "exec 9<>/dev/tcp/10.78.0.1/$port" 2>/dev/null && break; sleep 0.1; done
cpu() { awk -v field="$1" '{print $field * 10}' "/proc/$child/stat"; }
memory() { awk '$1 == "Rss:" {print $2}' "/proc/$child/smaps_rollup"; }
user=$(cpu 14) system=$(cpu 15)
case $job in
rx) in_near "$peer" send 10.78.0.1 $port "$seconds" >"$work/line" || fail "no figure" ;;
tx) in_near "$peer" receive 10.78.0.1 $port "$seconds" >"$work/line" || fail "no figure" ;;
conns) in_near "$peer" conns 10.78.0.1 $port "$seconds" >"$work/line" || fail "$(cat "$work/line")" ;;
idle)
    # Its IPv6 address, which comes seconds later, is served too: until nothing has been made for two seconds.
    at_first=0
    for _ in $(seq 30); do [ $at_first = "$(memory)" ] && break; at_first=$(memory); sleep 2; done
    mkfifo "$work/end"
    in_near "$peer" idle 10.78.0.1 $port "$count" <"$work/end" >"$work/line" &
    client=$!
    exec 3>"$work/end"
    for _ in $(seq 1200); do [ -s "$work/line" ] && break; kill -0 $client 2>/dev/null || fail "no figure"; sleep 0.1; done
    echo "$((($(memory) - at_first) * 1024 / count)) bytes a connection, $count idle" >"$work/line"
    exec 3>&-
    wait $client
    ;;
esac
# Lists that crossed the transport's edge: a connection that the target has makes none.
if [ "$stack" = offloaded ]; then
    took="the stack's process took $(($(cpu 14) - user)) ms and $(($(cpu 15) - system)) ms in the kernel"
    kill -INT "$child" && wait "$child"
    child=
    lists=$(awk '$1 == "bench.nic0" && $2 == "protocol" && $3 == "tcpip" {gsub(",", ""); print $4 + $6}' "$work/out")
    [ -n "$lists" ] || fail "ndisbox told no counters"
    [ "$lists" -lt 1000 ] || fail "$lists lists went by the host: the connection was not with the offload target"
    echo "$(cat "$work/line"); $took; $lists lists by the host"
    exit 0
fi
echo "$(cat "$work/line"); the stack's process took $(($(cpu 14) - user)) ms and $(($(cpu 15) - system)) ms in the kernel"
