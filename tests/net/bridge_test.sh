#!/bin/bash
# SPDX-License-Identifier: MIT
# Real traffic through the bridge: ping of every size in both families, a file of 100 MB, iperf3 both ways.
# What TCP says about loss is checked against the counters; iperf3's figures are printed beside those of the plain relay
# (tests/bench/relay_bench, when it has been built), measured in the same run. Figures are never a reason to fail.
#   bridge_test.sh TOOL SOURCE
. "$(dirname "$0")/bridge_lib.sh"
needs ip ping nc nstat iperf3 python3 sha256sum awk
bridge_start

for size in 0 1 8 17 18 56 1000 1471 1472 1473 2000 4096 9000 16384 32768 65507; do
    in_a ping -n -q -c 2 -i 0.05 -W 5 -s $size 10.77.0.2 >"$work/ping" || fail "ping of $size bytes, IPv4: $(tail -2 "$work/ping")"
    in_b ping -n -q -c 2 -i 0.05 -W 5 -s $size fd77::1 >"$work/ping" || fail "ping of $size bytes, IPv6: $(tail -2 "$work/ping")"
done

head -c 100000000 /dev/urandom >"$work/sent"
file_pass() { # receiver's netns, its address, sender's netns
    ip netns exec "$1" timeout 60 nc -l "$2" 45678 >"$work/received" &
    local receiver=$!
    until_true 5 sh -c "ip netns exec $1 ss -ltn | grep -q :45678" || fail "nc does not listen"
    timeout 60 ip netns exec "$3" nc -N "$2" 45678 <"$work/sent" || fail "nc could not send to $2"
    wait $receiver
    [ "$(sha256sum <"$work/received")" = "$(sha256sum <"$work/sent")" ] || fail "the file came to $2 with other contents"
}
file_pass "$b" 10.77.0.2 "$a"
file_pass "$a" fd77::1 "$b"
rm -f "$work/sent" "$work/received"

rate() { # iperf3 -J output
    python3 -c 'import json, sys; end = json.load(open(sys.argv[1]))["end"]
print("%.2f Gbit/s, %d retransmissions" % (end["sum_received"]["bits_per_second"] / 1e9, end["sum_sent"]["retransmits"]))' "$1"
}
in_b iperf3 -s -D -I "$work/pid" >/dev/null
until_true 5 sh -c "ip netns exec $b ss -ltn | grep -q :5201" || fail "iperf3 does not listen"
for way in "A to B" "B to A"; do
    [ "$way" = "A to B" ] && reverse= || reverse=-R
    in_a iperf3 -c 10.77.0.2 -t 3 -J $reverse >"$work/iperf" || fail "iperf3 $way: $(tail -3 "$work/iperf")"
    echo "bridge, IPv4, $way: $(rate "$work/iperf")"
done
in_a iperf3 -c fd77::2 -t 2 -J >"$work/iperf" || fail "iperf3 over IPv6: $(tail -3 "$work/iperf")"
echo "bridge, IPv6, A to B: $(rate "$work/iperf")"

# A segment that arrives out of order is proof of a loss or a reordering. Retransmissions without one are probes and timeouts of a
# sender that was kept waiting for a processor, and are said.
dropped_tap=$(for end in "$a nb0" "$b nb1"; do ip -n ${end% *} -j -s link show ${end#* }; done |
    python3 -c 'import json, sys
text, total = sys.stdin.read(), 0
for part in text.replace("]\n[", "]\0[").split("\0"):
    if part.strip(): total += json.loads(part)[0]["stats64"]["tx"]["dropped"]
print(total)')
for end in "$a" "$b"; do
    resent=$(count "$end" TcpRetransSegs) probes=$(count "$end" TcpExtTCPLossProbes) timeouts=$(count "$end" TcpExtTCPTimeouts)
    fast=$(count "$end" TcpExtTCPFastRetrans) disordered=$(count "$end" TcpExtTCPOFOQueue) bad=$(count "$end" TcpInCsumErrors)
    echo "$end: $resent segments sent again ($probes loss probes, $timeouts timeouts, $fast fast), $disordered out of order"
    [ "$bad" = 0 ] || fail "$bad TCP segments arrived with a wrong checksum"
    if [ "$dropped_tap" = 0 ]; then
        [ "$disordered" = 0 ] || fail "$disordered segments arrived out of order, and nobody dropped anything"
        [ "$fast" = 0 ] || fail "$fast fast retransmissions, and nobody dropped anything"
    fi
done
[ "$dropped_tap" = 0 ] || echo "the kernel dropped $dropped_tap frames in the TAPs' queues, before anybody read them"

bridge_quiet
bridge_stop INT
[ "$(json 'j["findings"]')" = "[]" ] || fail "findings: $(json 'j["findings"]')"
[ "$(json 'n["rx_dropped"] + n["tx_dropped"]')" = 0 ] || fail "the adapter dropped frames: $(json 'n')"
[ "$(json 'all(x["sent"] == x["completed"] and x["indicated"] == x["returned"] for x in n["edges"])')" = True ] ||
    fail "lists are missing at an edge: $(json 'n["edges"]')"
[ "$(json 'len({(x["sent"], x["indicated"]) for x in n["edges"]})')" = 1 ] || fail "the edges differ: $(json 'n["edges"]')"
grep -q ', 0 dropped, 0 failed$' "$work/err" || fail "tapproto dropped: $(grep tapproto "$work/err")"

relay=$(dirname "$tool")/tests/relay_bench
if [ -x "$relay" ]; then
    echo "relay, IPv4, A to B: $(timeout 60 bash "$src/tests/bench/bridge.sh" -t 3 "$relay" 2>&1)"
else
    echo "relay: not built (cmake --build BUILD --target relay_bench), so there is no figure beside the bridge's"
fi
done_with
