#!/bin/bash
# SPDX-License-Identifier: MIT
# Real traffic through an intermediate driver: the bridge with passthru between the virtual NIC and the filter and protocol above. Ping of
# every size in both families, a file each way with its contents compared, iperf3 both ways (figures are never a reason to fail), and
# afterwards every list that went into one of its edges has come out of the other.
#   passthru_test.sh TOOL SOURCE
. "$(dirname "$0")/bridge_lib.sh"
needs ip ping nc iperf3 python3 sha256sum
bridge_start --set 'boxes.bridge.adapters.nic0.intermediates=[passthru]'

for size in 0 1 18 56 1000 1472 1473 9000 65507; do
    in_a ping -n -q -c 2 -i 0.05 -W 5 -s $size 10.77.0.2 >"$work/ping" || fail "ping of $size bytes, IPv4: $(tail -2 "$work/ping")"
    in_b ping -n -q -c 2 -i 0.05 -W 5 -s $size fd77::1 >"$work/ping" || fail "ping of $size bytes, IPv6: $(tail -2 "$work/ping")"
done

head -c 50000000 /dev/urandom >"$work/sent"
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

in_b iperf3 -s -D -I "$work/pid" >/dev/null
until_true 5 sh -c "ip netns exec $b ss -ltn | grep -q :5201" || fail "iperf3 does not listen"
for reverse in "" -R; do
    in_a iperf3 -c 10.77.0.2 -t 3 -J $reverse >"$work/iperf" || fail "iperf3 $reverse: $(tail -3 "$work/iperf")"
    python3 -c 'import json, sys; end = json.load(open(sys.argv[1]))["end"]
print("passthru, IPv4, %s: %.2f Gbit/s, %d retransmissions" % ("B to A" if sys.argv[2] else "A to B",
      end["sum_received"]["bits_per_second"] / 1e9, end["sum_sent"]["retransmits"]))' "$work/iperf" "$reverse"
done
bridge_quiet
bridge_stop TERM
python3 - "$work/json" <<'PY' || fail "the counters of passthru's edges"
import json, sys
report = json.load(open(sys.argv[1]))
adapters = {a["adapter"]: {(e["kind"], e["driver"]): e for e in a["edges"]} for a in report["adapters"]}
below, above = adapters["nic0"][("intermediate", "passthru")], adapters["nic0-passthru"][("miniport", "passthru")]
print("passthru: %d lists down, %d up" % (below["sent"], below["indicated"]))
bad = below["sent"] != below["completed"] or above["sent"] != above["completed"]
bad |= below["indicated"] != below["returned"] or above["indicated"] != above["returned"]
bad |= below["sent"] != above["sent"] or below["indicated"] < above["indicated"] or min(below["sent"], below["indicated"]) < 1000
sys.exit(bad)
PY
done_with
