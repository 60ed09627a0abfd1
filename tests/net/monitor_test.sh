#!/bin/bash
# SPDX-License-Identifier: MIT
# lwfmon writes what it sees into a file of a granted directory: as many frames as the counters have, both ways, none malformed; and a
# file outside the grant, or a directory that is not there, starts nothing. Needs no privileges, only tshark to read the file.
#   monitor_test.sh TOOL SOURCE
set -u
tool=$1 src=$2 work=$(mktemp -d) failures=0
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
command -v tshark >/dev/null || { echo "SKIP: tshark is not installed"; exit 77; }

stack() { # grant, file
    cat >"$work/stack.yaml" <<YAML
ndisbox: 1
boxes:
  alpha:
    adapters:
      nic0: { driver: vnic, port: "wire:lan", mac: 02:00:00:00:00:0a }
  beta:
    drivers:
      lwfmon: { grant: $1 }
    adapters:
      nic0: { driver: vnic, port: "wire:lan", mac: 02:00:00:00:00:0b, filters: [ { lwfmon: { File: '$2' } } ], protocols: [echoproto] }
wires: { lan: {} }
script:
  - wait: { adapter: beta.nic0, state: running }
  - traffic: { from: alpha.nic0, to: beta.nic0, frames: 500, sizes: 64..1514 }
  - expect: { beta.nic0.tx_frames: 500, within: 20s }
YAML
}
mkdir "$work/captures"
stack ./captures '\??\lwfmon\mon.pcapng'
timeout -s KILL 60 "$tool" run --json "$work/stack.yaml" >"$work/json" 2>"$work/err" || fail "the run: $(cat "$work/err")"
counted=$(python3 -c 'import json, sys
for n in json.load(open(sys.argv[1]))["adapters"]:
    for e in n["edges"]:
        if e["driver"] == "lwfmon": print(e["indicated"], e["sent"])' "$work/json")
for way in 1 2; do
    seen=$(timeout 60 tshark -n -r "$work/captures/mon.pcapng" -Y "frame.packet_flags_direction == $way" 2>/dev/null | wc -l)
    [ "$seen" = "$(echo "$counted" | cut -d' ' -f$way)" ] || fail "direction $way: $seen frames in the file; counted in and out: $counted"
done
malformed=$(timeout 60 tshark -n -r "$work/captures/mon.pcapng" -Y _ws.malformed 2>/dev/null | head -3)
[ -z "$malformed" ] || fail "malformed: $malformed"
grep -q 'captured 1000 frames, dropped 0' "$work/err" || fail "what lwfmon said: $(cat "$work/err")"

stack ./captures '\??\lwfmon\..\outside.pcapng'
timeout -s KILL 60 "$tool" run "$work/stack.yaml" >"$work/out" 2>&1 && fail "a file outside the grant was taken"
grep -q 'lwfmon: cannot write' "$work/out" || fail "nobody said that the file cannot be written: $(cat "$work/out")"
[ ! -e "$work/outside.pcapng" ] || fail "a file appeared outside the grant"
stack ./nowhere '\??\lwfmon\mon.pcapng'
timeout -s KILL 60 "$tool" run "$work/stack.yaml" >"$work/out" 2>&1
[ $? = 2 ] || fail "a grant of a directory that is not there: exit is not 2: $(cat "$work/out")"
[ $failures = 0 ] && echo ok && exit 0
exit 1
