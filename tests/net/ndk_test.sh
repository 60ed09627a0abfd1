#!/bin/bash
# SPDX-License-Identifier: MIT
# ndkping between two boxes, as examples/ndk.yaml has them, over a wire that loses frames, too: every test at sizes from one byte to 1 MB
# succeeds, polling or not, over both families; results as JSON are JSON; a client whom nobody answers, and a server without its address, fail
# the run, which says so; a stop in the middle does not. Needs no privileges.
set -u
tool=$1 work=$(mktemp -d) box= failures=0
end() {
    [ -n "$box" ] && kill -KILL "$box" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }

# stack NAME SERVER CLIENT WIRE SCRIPT
stack() {
    cat >"$work/$1.yaml" <<END
ndisbox: 1
boxes:
  alpha:
    services: { ndkping: { role: server, $2 } }
    adapters:
      nic0: { driver: vnic, port: "wire:lan", settings: { "*NetworkDirect": 1 }, protocols: [tcpip: { addresses: [10.77.0.1/24, "fd77::1/64"] }] }
  beta:
    services: { ndkping: { role: client, $3 } }
    adapters:
      nic0: { driver: vnic, port: "wire:lan", settings: { "*NetworkDirect": 1 }, protocols: [tcpip: { addresses: [10.77.0.3/24, "fd77::3/64"] }] }
wires:
  lan: { $4 }
$5
END
}
both='local: "10.77.0.1 fd77::1"'
# run NAME CODE CLIENT WIRE [SERVER]: until the client's work is over; it ends with CODE, and cleanly.
run() {
    stack "$1" "${5-$both}" "$3" "$4" 'script: [ wait: { service: beta.ndkping, within: 110s } ]'
    timeout 150 "$tool" run "$work/$1.yaml" >"$work/$1.out" 2>"$work/$1.err"
    local code=$?
    [ $code = "$2" ] || fail "$1: ended with $code: $(tail -3 "$work/$1.err")"
    [ "$2" = 0 ] && ! grep -q '^clean: nothing left behind' "$work/$1.err" && fail "$1: the end was not clean: $(tail -3 "$work/$1.err")"
}

run four 0 'local: 10.77.0.3, peer: 10.77.0.1, tests: "ping send read write", sizes: "1 4097 1048576", count: 20' ''
grep -q '^beta.ndkping: done: 21 tests, 0 failed$' "$work/four.out" || fail "four: $(tail -2 "$work/four.out")"
for test in send read write; do
    grep -q "ndkping: $test latency: .* us (least" "$work/four.err" &&
        grep -Eq "ndkping: $test rate: .* a second, [0-9]+\.[0-9]+ MB/s" "$work/four.err" || fail "four: no latency, rate and bandwidth of $test"
done
# What RDMA moves is in the adapters' own counters, both ways.
tr -d , <"$work/four.out" | awk '/^(alpha|beta)\.nic0: /{ if ($2 < 1000 || $0 !~ /MiB.*MiB/) bad = 1; n++ } END { exit bad || n != 2 }' ||
    fail "four: $(grep 'frames in' "$work/four.out")"

run six 0 'local: "fd77::3", peer: "fd77::1", tests: "ping write", sizes: "64 65536", count: 20, poll: 1' 'loss: 1%, reorder: 1%, seed: 5'
grep -q '^beta.ndkping: done: 6 tests, 0 failed$' "$work/six.out" || fail "six: $(tail -2 "$work/six.out")"

run json 0 'local: 10.77.0.3, peer: 10.77.0.1, tests: "ping read", sizes: "100", count: 10, json: 1' ''
grep '^{' "$work/json.err" | python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin]
done = {line["ndkping"]: line for line in lines if line["ndkping"] != "server"}
for test in "ping", "read latency", "read rate":
    line = done[test]
    assert line["status"] == "0x00000000" and line["count"] == 10 and line["bytes"] == 100, line
assert 0 < done["ping"]["least_ns"] <= done["ping"]["median_ns"] <= done["ping"]["p99_ns"], done["ping"]
' || fail "json: $(cat "$work/json.err")"

# A seed goes one way on sim, though addresses of memory are on the wire and differ from run to run: sim runs its first seed twice.
stack seeds "$both" 'local: 10.77.0.3, peer: 10.77.0.1, tests: "ping write", sizes: "64 65536", count: 5' 'reorder: 1%' \
    'script: [ wait: { service: beta.ndkping, within: 60s } ]'
(cd "$work" && timeout 150 "$tool" sim seeds.yaml --seeds 1..3) >"$work/seeds.out" 2>&1 || fail "seeds: $(grep -E "error|finding" "$work/seeds.out" | head -3)"

# A test that fails is a finding, named, and the others do not look as long again for nobody.
run nobody 1 'local: 10.77.0.3, peer: 10.77.0.1, port: 9, retry: 1, count: 1, tests: "ping read"' ''
grep -q 'FAILED with 0xc0000236' "$work/nobody.err" && grep -q 'stopped, nobody answers, 1 of 3 tests done, 1 failed' "$work/nobody.err" &&
    grep -q 'finding: beta: service ndkping failed: 1 of 3 tests done, 1 failed, the first: ping of 64 bytes, 0xc0000236' "$work/nobody.err" ||
    fail "nobody: $(cat "$work/nobody.err")"

# A server serves at the address that it has, and fails for the one that it has not.
run deaf 1 'local: 10.77.0.3, peer: 10.77.0.1, count: 1' '' 'local: "10.88.0.1 10.77.0.1", retry: 0'
grep -q '^beta.ndkping: done: 1 tests, 0 failed$' "$work/deaf.out" &&
    grep -q 'finding: alpha: service ndkping failed: 10.88.0.1:7174: cannot listen: 0xc0000141 (STATUS_INVALID_ADDRESS)' "$work/deaf.err" ||
    fail "deaf: $(tail -4 "$work/deaf.out" "$work/deaf.err")"

# A stop in the middle of a test ends in order, with 0, and says what was left.
stack stop "$both" 'local: 10.77.0.3, peer: 10.77.0.1, count: 100000000' '' ''
env --default-signal=INT "$tool" run "$work/stop.yaml" --for 110s >"$work/stop.out" 2>"$work/stop.err" &
box=$!
for ((i = 0; i < 1000; i++)); do # until it has said how far it is
    grep -q 'ndkping: ping: 64 bytes: [1-9][0-9]* of 100000000 in [0-9]* s, about' "$work/stop.err" && break
    sleep 0.1
done
kill -INT $box
wait $box || fail "stop: ended with $?: $(tail -3 "$work/stop.err")"
box=
grep -q 'ping: 10.77.0.1:7174, 64 bytes: stopped after [1-9][0-9]* of 100000000' "$work/stop.err" &&
    grep -q 'stopped, 0 of 1 tests done, 0 failed' "$work/stop.err" && grep -q '^clean: nothing left behind' "$work/stop.err" ||
    fail "stop: $(tail -5 "$work/stop.err")"
[ $failures = 0 ] && echo ok && exit 0
exit 1
