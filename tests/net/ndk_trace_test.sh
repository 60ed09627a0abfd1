#!/bin/bash
# SPDX-License-Identifier: MIT
# A trace of examples/ndk.yaml: at the edges `port` stands each frame that the adapter's port took, and tshark reads in them what RDMA moved,
# with good CRCs; without RDMA's own frames there would be a handful. --edge has only what it names written. The calls of NDK stand in it as
# a story, the same as on the screen. Needs no privileges.
set -u
tool=$1 src=$2 work=$(mktemp -d) failures=0
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }

# run NAME SIZES OPTION...: the example, five rounds of each test
run() {
    local name=$1 sizes=$2
    shift 2
    timeout 120 "$tool" run "$src/examples/ndk.yaml" --set boxes.beta.services.ndkping.count=5 --set "boxes.beta.services.ndkping.sizes=$sizes" \
        --set boxes.alpha.adapters.nic0.settings.RdmaCrc=1 --trace "$work/$name.pcapng" "$@" >"$work/$name.out" 2>"$work/$name.err" ||
        fail "$name: ended with $?: $(tail -3 "$work/$name.err")"
    timeout 60 "$tool" trace "$work/$name.pcapng" --as json >"$work/$name.json" 2>>"$work/$name.err" || fail "$name: trace ended with $?"
}

# Each frame once: what goes out is what the adapter counts (and what it sends while it is taken down); a NIC may drop what comes in.
run small 64 --edge .port --json
python3 - "$work/small.out" "$work/small.json" <<'END' || fail "small: trace and counters differ"
import collections, json, sys
seen = collections.Counter()
for line in open(sys.argv[2]):
    record = json.loads(line)
    seen[record["edge"], record.get("direction")] += 1
adapters = json.load(open(sys.argv[1]))["adapters"]
assert len(adapters) == 2 and {edge for edge, way in seen} - {"events"} == {"alpha.nic0.port", "beta.nic0.port"}, seen
for adapter in adapters:
    port = f'{adapter["box"]}.{adapter["adapter"]}.port'
    assert 0 <= seen[port, "out"] - adapter["tx_frames"] < 20 and adapter["tx_frames"] > 60, (seen, adapter)
    assert 0 <= seen[port, "in"] - adapter["rx_frames"] < 20 and adapter["rx_frames"] > 60, (seen, adapter)
END

# Larger than a segment: super-segments say what they will be cut into, and that their checksum is not there yet.
run large 65536 --edge beta.nic0.port
grep -q '"direction": *"out".*"checksum": *"to be filled in".*"comment": *"to be cut into segments of 14[0-9][0-9] bytes"' "$work/large.json" ||
    fail "large: no super-segment: $(head -3 "$work/large.json")"
if command -v tshark >/dev/null; then
    # (tshark takes contents for RPC over RDMA where it likes.)
    timeout 100 tshark -n --disable-protocol rpcordma -r "$work/large.pcapng" -O iwarp_mpa,iwarp_ddp_rdmap -V >"$work/large.text" 2>/dev/null ||
        fail "large: tshark ended with $?"
    for what in 'MPA Request\|Request frame header' 'Reply frame header' 'Write' 'Read Request' 'Read Response' 'Send' 'CRC check: .*(Good CRC32'; do
        grep -q "$what" "$work/large.text" || fail "large: tshark finds no $what"
    done
    grep -qi '(bad\|malformed' "$work/large.text" && fail "large: $(grep -i '(bad\|malformed' "$work/large.text" | head -3)"
else
    echo "tshark is not installed: not looked at by it"
fi

# One test: who asked whom for what, in the order in which it went at each end.
timeout 120 "$tool" run "$src/examples/ndk.yaml" --set boxes.beta.services.ndkping.count=5 --set boxes.beta.services.ndkping.sizes=64 \
    --set boxes.beta.services.ndkping.tests=ping --timeline --trace "$work/story.pcapng" >"$work/story.out" 2>"$work/story.err" ||
    fail "story: ended with $?: $(tail -3 "$work/story.err")"
timeout 60 "$tool" trace "$work/story.pcapng" --as timeline >"$work/told"
cmp -s <(grep ' ms  ' "$work/story.out") "$work/told" || fail "story: the trace tells another than the screen"
in_order() { # BOX PATTERN...: each stands in a line of that box behind that of the one before
    local box=$1 from=0 at
    shift
    for pattern in "$@"; do
        at=$(awk -v from="$from" -v box=" ms  $box " -v pattern="$pattern" 'NR > from && index($0, box) && $0 ~ pattern {print NR; exit}' "$work/told")
        [ -n "$at" ] || { fail "story: no line of $box behind line $from has: $pattern"; return; }
        from=$at
    done
}
down='ndkping → vnic  ' up='vnic → ndkping  '
made='connector [0-9]+, QP [0-9]+' good='connector [0-9]+, STATUS_SUCCESS'
in_order beta "${down}OpenNDKAdapterHandler  *NDKPI 1.2" "${down}NdkCreate... .*CQ 1 .depth 68., PD 1, MR 1, .*QP 1 .*, connector 1$" \
    "${down}NdkRegisterMr  *4 times, 1,216 bytes" "${down}NdkConnect  *$made, 10.77.0.1:7174" "${up}NdkConnect complete  *$good" \
    "${down}NdkCompleteConnect  *connector" "${up}NdkCompleteConnect complete  *$good" "${down}NdkSend  *10 times, 160 bytes" \
    "${down}NdkDisconnect  *connector" "${up}NdkDisconnect complete  *$good" "${down}NdkClose... .*QP"
in_order alpha "${down}NdkListen  *listener [0-9]+, 10.77.0.1:7174" "${up}NdkConnectEventCallback  *listener [0-9]+, connector 1" \
    "${down}NdkAccept  *$made" "${up}NdkAccept complete  *$good" "${down}NdkRead  *5 times, 320 bytes" \
    "${up}NdkDisconnectEventCallback  *connector 1" "${down}CloseNDKAdapterHandler"
grep -q 'script  beta.ndkping done: 1 tests, 0 failed' "$work/told" || fail "story: the service's end is not told"
grep -q '0x' "$work/told" && fail "story: has a number that means nothing to anybody: $(grep 0x "$work/told" | head -2)"

timeout 60 "$tool" run "$src/examples/ndk.yaml" --edge port >/dev/null 2>"$work/err"
[ $? = 2 ] && grep -q 'give --trace F.pcapng too' "$work/err" || fail "--edge without --trace: $(cat "$work/err")"
timeout 60 "$tool" run --for 100ms --adapter nic0,driver=vnic,port=none,idle=ok --trace "$work/none.pcapng" --edge beta >/dev/null 2>"$work/err"
grep -q "no edge's name contains \"beta\"" "$work/err" || fail "an --edge that is none is not told: $(cat "$work/err")"
[ $failures = 0 ] && echo ok && exit 0
exit 1
