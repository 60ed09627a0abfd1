#!/bin/bash
# SPDX-License-Identifier: MIT
# A kernel's TCP connection whose other end changes between host and offload target all the while, both ways through passthru: every byte
# arrives, nothing is reset, and no segment of ours is wrong. CI does 50 hand-overs and 64 MB each way for each family;
# NBX_ROUNDS=1000 NBX_MB=1024 does it in full.
#   netns (10.77.0.2, fd77::2, kernel) - nb0 - vnic (target) - passthru - tcpip (10.77.0.1, fd77::1) - tdiecho
set -u
tool=$1 src=$2 ns=nbxC$$ work=$(mktemp -d) run= failures=0
rounds=${NBX_ROUNDS:-50} bytes=$((${NBX_MB:-64} << 20))

end() {
    for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
    ip netns del "$ns" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
in_ns() { timeout 280 ip netns exec "$ns" "$@"; }

[ "$(id -u)" = 0 ] || skip "network namespaces and TAPs need root"
for need in ip ping tcpdump tshark python3; do command -v "$need" >/dev/null || skip "$need is not installed"; done
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
ip netns add "$ns" 2>/dev/null || skip "this machine gives no network namespaces"
in_ns ip tuntap add dev nbprobe mode tap 2>/dev/null || skip "this machine gives no TAPs"
in_ns ip link del nbprobe

again() { # filter
    timeout 60 tshark -n -r "$work/nb0.pcap" -Y "($1) && (tcp.analysis.retransmission || tcp.analysis.fast_retransmission)" 2>/dev/null | wc -l
}

transfer() { # host
    rm -f "$work/stop" "$work/trace.pcapng"
    sed "s/rounds: 1000/rounds: $rounds/" "$src/examples/chimney.yaml" >"$work/chimney.yaml"
    # Not what the port carries: tcpdump has it, and the trace is searched again and again.
    ip netns exec "$ns" "$tool" -v run "$work/chimney.yaml" --trace "$work/trace.pcapng" --edge alpha.nic0.vnic >"$work/out" 2>&1 &
    run=$!
    for _ in $(seq 100); do in_ns ip link show nb0 2>/dev/null | grep -q LOWER_UP && break; sleep 0.1; done
    in_ns ip address add 10.77.0.2/24 dev nb0
    in_ns ip address add fd77::2/64 dev nb0 nodad
    for _ in $(seq 100); do in_ns ping -c 1 -W 1 -q "$1" >/dev/null 2>&1 && break; done
    ip netns exec "$ns" tcpdump -i nb0 -U -s 200 -B 65536 -w "$work/nb0.pcap" 2>"$work/tcpdump" &
    dump=$!
    for _ in $(seq 50); do grep -q 'listening on' "$work/tcpdump" && break; sleep 0.1; done
    in_ns python3 "$src/tests/net/chimney_peer.py" "$1" "$bytes" "$work/stop" >"$work/said" 2>&1 &
    peer=$!
    # The connection lasts until the last hand-over. (The trace has each record's words twice: as data and as a comment.)
    for _ in $(seq 1200); do
        [ "$(grep -a -o 'upload of alpha' "$work/trace.pcapng" | wc -l)" -ge $((2 * rounds)) ] && break
        kill -0 $peer 2>/dev/null || break
        sleep 0.2
    done
    touch "$work/stop"
    wait $peer
    said=$(tail -1 "$work/said")
    [ "${said%% *}" = ok ] || fail "$1: $said"
    kill -INT $dump; wait $dump
    kill -INT "$run"
    wait "$run" || fail "$1: ndisbox ended with $?"
    grep -q 'nothing left behind' "$work/out" || fail "$1: the end was not clean"
    gone=$(timeout 60 tshark -n -r "$work/trace.pcapng" -Y 'frame.comment contains "offload of alpha"' 2>/dev/null | wc -l)
    back=$(timeout 60 tshark -n -r "$work/trace.pcapng" -Y 'frame.comment contains "upload of alpha"' 2>/dev/null | wc -l)
    [ "$gone" = "$rounds" ] && [ "$back" = "$rounds" ] || fail "$1: of $rounds hand-overs $gone went and $back came back"
    resets=$(timeout 60 tshark -n -r "$work/nb0.pcap" -Y 'tcp.flags.reset == 1' 2>/dev/null | wc -l)
    [ "$resets" = 0 ] || fail "$1: $resets resets"
    ours=$(again "tcp.srcport == 7") theirs=$(again "tcp.dstport == 7")
    echo "$1: $bytes bytes each way and more, $gone hand-overs; sent again: $ours segments by us, $theirs by the kernel"
    [ $failures = 0 ] || tail -30 "$work/out"
}

transfer 10.77.0.1
transfer fd77::1
[ $failures = 0 ]
