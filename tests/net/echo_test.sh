#!/bin/bash
# SPDX-License-Identifier: MIT
# tcpip and tdiecho of examples/echo.yaml against the kernel of this machine: pings of both families, echo, discard and character
# generator over TCP with exact bytes and half-closes, UDP echo, a closed port that refuses, many connections at once; with large sends
# and coalescing and without; and a capture in which tshark finds nothing malformed and no wrong checksum.
#   netns (10.77.0.2, fd77::2, kernel) - nb0 - vnic - tcpip (10.77.0.1, fd77::1) - tdiecho
set -u
tool=$1 src=$2 ns=nbxE$$ work=$(mktemp -d) run= failures=0

end() {
    for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
    ip netns del "$ns" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
in_ns() { timeout 60 ip netns exec "$ns" "$@"; }

[ "$(id -u)" = 0 ] || skip "network namespaces and TAPs need root"
for need in ip ping nc tcpdump tshark python3; do command -v "$need" >/dev/null || skip "$need is not installed"; done
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
ip netns add "$ns" 2>/dev/null || skip "this machine gives no network namespaces"
in_ns ip tuntap add dev nbprobe mode tap 2>/dev/null || skip "this machine gives no TAPs"
in_ns ip link del nbprobe

start() { # more arguments of ndisbox run
    ip netns exec "$ns" "$tool" run "$src/examples/echo.yaml" "$@" >"$work/out" 2>&1 &
    run=$!
    for _ in $(seq 100); do in_ns ip link show nb0 2>/dev/null | grep -q LOWER_UP && break; sleep 0.1; done
    in_ns ip address add 10.77.0.2/24 dev nb0
    in_ns ip address add fd77::2/64 dev nb0 nodad
    for _ in $(seq 100); do in_ns ping -c 1 -W 1 -q 10.77.0.1 >/dev/null 2>&1 && in_ns ping -c 1 -W 1 -q fd77::1 >/dev/null 2>&1 && return; done
    fail "$*: no ping comes back"
}
stop() {
    kill -INT "$run"
    wait "$run" || fail "ndisbox ended with $?"
    grep -q 'nothing left behind' "$work/out" || fail "the end was not clean"
    [ $failures = 0 ] || tail -30 "$work/out"
}
serve() { # host service bytes
    [ "$(in_ns python3 "$src/tests/net/echo_peer.py" "$@" 2>&1)" = ok ] || fail "$*: $(in_ns python3 "$src/tests/net/echo_peer.py" "$@" 2>&1 | tail -1)"
}
serve_all() { # bytes
    for host in 10.77.0.1 fd77::1; do
        for service in echo discard chargen; do serve "$host" "$service" "$1"; done
    done
}

start
ip netns exec "$ns" tcpdump -i nb0 -U -s 0 -B 65536 -w "$work/trace.pcap" 2>"$work/tcpdump" &
dump=$!
for _ in $(seq 50); do grep -q 'listening on' "$work/tcpdump" && break; sleep 0.1; done
serve_all 3000000
for host in 10.77.0.1 fd77::1; do
    [ "$(echo hello | in_ns nc -q1 "$host" 7)" = hello ] || fail "nc gets no echo from $host"
    [ "$(echo hello | in_ns nc -u -w1 "$host" 7)" = hello ] || fail "nc -u gets no echo from $host"
    in_ns nc -z -w 2 "$host" 80 2>"$work/nc" && fail "a port that nobody serves takes a connection"
done
for i in $(seq 40); do (in_ns python3 "$src/tests/net/echo_peer.py" 10.77.0.1 echo 20000 >"$work/many.$i" 2>&1) & many[i]=$!; done
wait "${many[@]}"
[ "$(cat "$work"/many.* | grep -c '^ok$')" = 40 ] || fail "40 connections at once: $(cat "$work"/many.* | grep -v '^ok$' | head -1)"
kill -INT $dump; wait $dump
serve_all 100000000
stop
wrong=$(timeout 60 tshark -n -r "$work/trace.pcap" -o tcp.check_checksum:FALSE -Y '_ws.malformed || _ws.expert.severity == error' 2>/dev/null | head -3)
[ -z "$wrong" ] || fail "tshark: $wrong"
# Every segment of ours has a right sum on the wire or, as all that this machine keeps to itself, the pseudo-header's.
start --set 'boxes.alpha.adapters.nic0.settings={ "*LsoV2IPv4": 0, "*LsoV2IPv6": 0, "*TCPChecksumOffloadIPv4": 0, "*TCPChecksumOffloadIPv6": 0, "*UDPChecksumOffloadIPv4": 0, "*UDPChecksumOffloadIPv6": 0, "*RscIPv4": 0, "*RscIPv6": 0 }'
ip netns exec "$ns" tcpdump -i nb0 -U -s 0 -B 65536 -w "$work/soft.pcap" 2>"$work/tcpdump" &
dump=$!
for _ in $(seq 50); do grep -q 'listening on' "$work/tcpdump" && break; sleep 0.1; done
serve_all 3000000
kill -INT $dump; wait $dump
serve_all 30000000
stop
wrong=$(timeout 60 tshark -n -r "$work/soft.pcap" -o tcp.check_checksum:TRUE -Y 'ip.src == 10.77.0.1 && tcp.checksum.status == "Bad" || ipv6.src == fd77::1 && tcp.checksum.status == "Bad" || _ws.malformed' 2>/dev/null | head -3)
[ -z "$wrong" ] || fail "tshark, without offloads: $wrong"
# Parameters that make no sense are refused before anything is served.
in_ns "$tool" run "$src/examples/echo.yaml" --set boxes.alpha.services.tdiecho.Port=80 >"$work/out" 2>&1 &&
    fail "a service that there is not is taken"
grep -q 'tdiecho: Parameters:' "$work/out" || fail "a service that there is not is refused without a word: $(tail -3 "$work/out")"
start --set 'boxes.alpha.services.tdiecho={ Port: 9, Endpoints: 2, BufferBytes: 4096 }'
serve 10.77.0.1 discard 3000000
echo hello | in_ns nc -q1 -w 2 10.77.0.1 7 >"$work/nc" 2>&1 && fail "a service that was switched off answers"
stop
# Connections that stand when all of it ends, one of each service, and one with bytes on the way.
start
for port in 7 9 19; do in_ns nc -d 10.77.0.1 $port >/dev/null 2>&1 & done
in_ns nc 10.77.0.1 9 </dev/zero >/dev/null 2>&1 &
for _ in $(seq 50); do [ "$(in_ns ss -Htn state established dst 10.77.0.1 | wc -l)" = 4 ] && break; sleep 0.1; done
[ "$(in_ns ss -Htn state established dst 10.77.0.1 | wc -l)" = 4 ] || fail "four connections do not stand"
stop
[ $failures = 0 ] && echo ok && exit 0
exit 1
