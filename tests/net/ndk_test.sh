#!/bin/bash
# SPDX-License-Identifier: MIT
# ndkping between two boxes, as examples/ndk.yaml has them, over a wire that loses frames, too: every test at sizes from one byte to 1 MB
# succeeds, polling or not, over both families; results as JSON are JSON; a client whom nobody answers says so. Needs no privileges.
set -u
tool=$1 work=$(mktemp -d) box= failures=0
end() {
    [ -n "$box" ] && kill -KILL "$box" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }

# run NAME CLIENT WIRE LAST: until the client's last line has come (at most 100 s), then a clean end.
run() {
    cat >"$work/$1.yaml" <<END
ndisbox: 1
boxes:
  alpha:
    services: { ndkping: { role: server, local: "10.77.0.1 fd77::1" } }
    adapters:
      nic0: { driver: vnic, port: "wire:lan", settings: { "*NetworkDirect": 1 }, protocols: [tcpip: { addresses: [10.77.0.1/24, "fd77::1/64"] }] }
  beta:
    services: { ndkping: { role: client, $2 } }
    adapters:
      nic0: { driver: vnic, port: "wire:lan", settings: { "*NetworkDirect": 1 }, protocols: [tcpip: { addresses: [10.77.0.3/24, "fd77::3/64"] }] }
wires:
  lan: { $3 }
END
    : >"$work/$1.out"
    "$tool" run "$work/$1.yaml" --for 110s >"$work/$1.out" 2>&1 &
    box=$!
    local i
    for ((i = 0; i < 1000; i++)); do
        grep -q "$4" "$work/$1.out" && break
        kill -0 $box 2>/dev/null || break
        sleep 0.1
    done
    grep -q "$4" "$work/$1.out" || fail "$1: no '$4': $(tail -3 "$work/$1.out")"
    kill -INT $box 2>/dev/null
    wait $box || fail "$1: ndisbox ended with $?"
    box=
    grep -q '^clean: nothing left behind' "$work/$1.out" || fail "$1: the end was not clean: $(tail -3 "$work/$1.out")"
}

run four 'local: 10.77.0.3, peer: 10.77.0.1, tests: "ping send read write", sizes: "1 4097 1048576", count: 20' '' 'all done'
grep -q 'all done, 21 tests, 0 failed' "$work/four.out" || fail "four: $(grep -E 'FAILED|all done' "$work/four.out" | head -3)"

run six 'local: "fd77::3", peer: "fd77::1", tests: "ping write", sizes: "64 65536", count: 20, poll: 1' 'loss: 1%, reorder: 1%, seed: 5' 'all done'
grep -q 'all done, 6 tests, 0 failed' "$work/six.out" || fail "six: $(grep -E 'FAILED|all done' "$work/six.out" | head -3)"

run json 'local: 10.77.0.3, peer: 10.77.0.1, tests: "ping read", sizes: "100", count: 10, json: 1' '' '"read rate"'
grep '^{' "$work/json.out" | python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin]
done = {line["ndkping"]: line for line in lines if line["ndkping"] != "server"}
for test in "ping", "read latency", "read rate":
    line = done[test]
    assert line["status"] == "0x00000000" and line["count"] == 10 and line["bytes"] == 100, line
assert 0 < done["ping"]["least_ns"] <= done["ping"]["median_ns"] <= done["ping"]["p99_ns"], done["ping"]
' || fail "json: $(cat "$work/json.out")"

run nobody 'local: 10.77.0.3, peer: 10.77.0.1, port: 9, retry: 1, count: 1' '' 'all done'
grep -q 'FAILED with 0xc0000236' "$work/nobody.out" && grep -q 'all done, 1 tests, 1 failed' "$work/nobody.out" || fail "nobody: $(cat "$work/nobody.out")"
[ $failures = 0 ] && echo ok && exit 0
exit 1
