#!/bin/bash
# SPDX-License-Identifier: MIT
# What the trace of a run says: no malformed frame at any edge, and as many lists at each edge as the counters have; the port has what
# the miniport has.
#   bridge_trace_test.sh TOOL SOURCE
. "$(dirname "$0")/bridge_lib.sh"
needs ip ping nc python3 tshark
bridge_start --trace "$work/trace.pcapng"

in_a ping -n -q -c 5 -i 0.05 -s 2000 10.77.0.2 >/dev/null || fail "ping, IPv4"
in_b ping -n -q -c 5 -i 0.05 -s 2000 fd77::1 >/dev/null || fail "ping, IPv6"
for way in "$b 10.77.0.2 $a" "$a fd77::1 $b"; do
    set -- $way
    ip netns exec "$1" timeout 30 nc -l "$2" 45678 >"$work/received" &
    receiver=$!
    until_true 5 sh -c "ip netns exec $1 ss -ltn | grep -q :45678"
    head -c 2000000 /dev/urandom >"$work/sent"
    timeout 30 ip netns exec "$3" nc -N "$2" 45678 <"$work/sent" || fail "nc to $2"
    wait $receiver
    cmp -s "$work/sent" "$work/received" || fail "the file came to $2 with other contents"
done
bridge_quiet
bridge_stop INT

read_trace() { timeout 120 tshark -n -r "$work/trace.pcapng" "$@" 2>/dev/null; }
# Each edge by itself: the same frame three times would look like a sender gone mad.
for edge in 0 1 2 3; do
    timeout 60 tshark -r "$work/trace.pcapng" -Y "frame.interface_id == $edge" -w "$work/edge.pcapng" 2>/dev/null || fail "tshark -w"
    malformed=$(timeout 60 tshark -n -r "$work/edge.pcapng" -Y '_ws.malformed' 2>/dev/null | head -5)
    [ -z "$malformed" ] || fail "malformed frames at edge $edge: $malformed"
    lost=$(timeout 60 tshark -n -r "$work/edge.pcapng" -Y 'tcp.analysis.lost_segment' 2>/dev/null | head -5)
    [ -z "$lost" ] || fail "segments are missing at edge $edge: $lost"
done
read_trace -T fields -e frame.interface_name -e frame.packet_flags_direction >"$work/frames"
[ -s "$work/frames" ] || die "tshark reads nothing from the trace"
python3 - "$work/json" "$work/frames" <<'PY' || fail "the trace and the counters differ"
import collections, json, sys
adapter = json.load(open(sys.argv[1]))["adapters"][0]
seen, wrong = collections.Counter(), 0
for line in open(sys.argv[2]):
    name, direction = line.rstrip("\n").split("\t")
    seen[name, {"0x00000001": "in", "0x00000002": "out", "1": "in", "2": "out", "Inbound": "in", "Outbound": "out"}.get(direction)] += 1
for edge in adapter["edges"]:
    names = {name for name, direction in seen if edge["driver"] in name}
    if len(names) != 1:
        print(f'    {edge["driver"]}: interfaces of the trace: {names or sorted({n for n, d in seen})}')
        wrong += 1
        continue
    name = names.pop()
    print(f'{name}: {seen[name, "out"]} out, {seen[name, "in"]} in')
    for direction, counter in ("out", "sent"), ("in", "indicated"):
        if seen[name, direction] != edge[counter]:
            print(f'    {name}: {seen[name, direction]} frames {direction} in the trace, {edge[counter]} {counter}')
            wrong += 1
    port = name.rpartition(".")[0] + ".port"
    for direction in ("out", "in") if edge["kind"] == "miniport" else ():
        # A NIC drops what comes before anybody has set its filter.
        if seen[port, direction] < seen[name, direction] or (direction == "out" and seen[port, direction] > seen[name, direction]):
            print(f'    {port}: {seen[port, direction]} frames {direction}, {seen[name, direction]} at {name}')
            wrong += 1
sys.exit(wrong != 0)
PY
done_with
