#!/bin/bash
# SPDX-License-Identifier: MIT
# The TCP engine against the kernel of this machine: the same calls of a client and the same segments of a peer at both, and what leaves
# of each, line by line (differ_cases.txt). Where the two differ, the line says so and docs/contracts/tcp-linux.md says why.
set -u
tool=$1 src=$2
ns=nbxD$$ work=$(mktemp -d)
end() {
    ip netns del "$ns" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
skip() { echo "SKIP: $*"; exit 77; }
in_ns() { timeout 250 ip netns exec "$ns" "$@"; }

[ "$(id -u)" = 0 ] || skip "network namespaces and TAPs need root"
for need in ip python3; do command -v "$need" >/dev/null || skip "$need is not installed"; done
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
ip netns add "$ns" 2>/dev/null || skip "this machine gives no network namespaces"
in_ns ip tuntap add dev nt0 mode tap 2>/dev/null || skip "this machine gives no TAPs"
in_ns ip link set lo up
in_ns ip link set nt0 address 02:77:00:00:00:02
in_ns ip link set nt0 up
in_ns ip addr add 10.77.0.2/24 dev nt0
in_ns ip neigh add 10.77.0.1 lladdr 02:77:00:00:00:01 dev nt0
in_ns sysctl -qw net.ipv6.conf.nt0.disable_ipv6=1 2>/dev/null
in_ns python3 "$src/tests/net/differ.py" "$(dirname "$tool")/tests/differ_peer" "$src/tests/net/differ_cases.txt" ${3:+"$3"}
