#!/bin/bash
# SPDX-License-Identifier: MIT
# Raw IP of tcpip against the kernel of this machine: a TDI client (tests/drivers/pinger) pings it over \Device\RawIp\1 and
# \Device\RawIp6\58, and a capture has no wrong checksum.
#   netns (10.77.0.2, fd77::2, kernel) - nr0 - vnic - tcpip (10.77.0.1, fd77::1) - pinger
set -u
tool=$1 src=$2 ns=nbxR$$ work=$(mktemp -d) run= failures=0
pinger=$(dirname "$tool")/test-drivers/pinger.so

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
for need in ip tcpdump tshark; do command -v "$need" >/dev/null || skip "$need is not installed"; done
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
ip netns add "$ns" 2>/dev/null || skip "this machine gives no network namespaces"
in_ns ip tuntap add dev nr0 mode tap 2>/dev/null || skip "this machine gives no TAPs"
in_ns ip link set nr0 up
in_ns ip address add 10.77.0.2/24 dev nr0
in_ns ip address add fd77::2/64 dev nr0 nodad

cat >"$work/raw.yaml" <<END
ndisbox: 1
boxes:
  alpha:
    drivers:
      pinger: { path: $pinger }
    services:
      pinger: {}
    adapters:
      nic0:
        driver: vnic
        port: tap:nr0
        protocols:
          - tcpip: { addresses: [10.77.0.1/24, "fd77::1/64"] }
END
ip netns exec "$ns" tcpdump -i nr0 -U -s 0 -B 65536 -w "$work/trace.pcap" 2>"$work/tcpdump" &
dump=$!
for _ in $(seq 50); do grep -q 'listening on' "$work/tcpdump" && break; sleep 0.1; done
ip netns exec "$ns" "$tool" run "$work/raw.yaml" >"$work/out" 2>&1 &
run=$!
for _ in $(seq 300); do
    grep -q 'pinger: 10.77.0.2 answers' "$work/out" && grep -q 'pinger: fd77::2 answers' "$work/out" && break
    sleep 0.1
done
grep -q 'pinger: 10.77.0.2 answers$' "$work/out" || fail "no echo comes back over IPv4"
grep -q 'pinger: fd77::2 answers$' "$work/out" || fail "no echo comes back over IPv6"
kill -INT "$run"
wait "$run" || fail "ndisbox ended with $?"
grep -q 'nothing left behind' "$work/out" || fail "the end was not clean"
sleep 1
kill -INT "$dump"
wait "$dump"
bad=$(tshark -r "$work/trace.pcap" -Y "icmp.checksum.status == 0 || icmpv6.checksum.status == 0 || _ws.malformed" 2>/dev/null)
[ -z "$bad" ] || fail "what is wrong in the capture: $bad"
[ "$(tshark -r "$work/trace.pcap" -Y 'icmp.type == 0 || icmpv6.type == 129' 2>/dev/null | wc -l)" -ge 10 ] || fail "the capture has too few answers"
[ $failures = 0 ] || cat "$work/out"
exit $((failures != 0))
