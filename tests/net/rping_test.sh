#!/bin/bash
# SPDX-License-Identifier: MIT
# ndkping against Linux's rping over siw, in a small guest on the wire of vnic's port: as server and as client, IPv4 and IPv6, 32 to 65,535
# bytes, with and without CRC, every byte compared; rejects by either end; a guest that pauses, and one that dies. tshark and our own judge
# read what was on the wire. NBX_ROUNDS=1000 does that many rounds of each size, and waits accordingly.
#   ndkping - vnic (iWARP) - stream:PATH - guest (10.77.0.2, fd77::2): siw, rping
set -u
tool=$1 src=$2 guest="$2/tools/rdma-vm/guest.py" work=$(mktemp -d) run= failures=0
rounds=${NBX_ROUNDS:-20} wait_s=$((60 + ${NBX_ROUNDS:-20} / 2)) keep=${NBX_KEEP-}   # NBX_KEEP: a folder for the capture

end() {
    [ -n "$keep" ] && cp "$work/g.pcap" "$work/text" "$keep"
    [ -n "$run" ] && kill -KILL "$run" 2>/dev/null
    [ -f "$work/g/pid" ] && python3 "$guest" kill "$work/g"
    rm -rf "$work"
}
trap end EXIT
skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
in_guest() { timeout $(($1 + 40)) python3 "$guest" run "$work/g" "$@"; }

for need in qemu-system-x86_64 tshark python3; do command -v "$need" >/dev/null || skip "$need is not installed"; done
image=$(timeout 200 "$src/tools/rdma-vm/build.sh" 2>"$work/build")   # it is there already under ./dev test
case $? in
0) ;;
3 | 124) skip "no guest: $(tail -n 1 "$work/build")" ;;   # what it is made of cannot be had, or not in time
*) fail "no guest: $(tail -n 5 "$work/build")"; exit 1 ;;
esac

start() { # CRC SETTINGS-OF-NDKPING
    cat >"$work/stack.yaml" <<END
ndisbox: 1
boxes:
  alpha:
    services:
      ndkping: { $2 }
    adapters:
      nic0:
        driver: vnic
        port: stream:$work/g/net
        settings: { "*NetworkDirect": 1, RdmaCrc: $1 }
        protocols:
          - tcpip: { addresses: [10.77.0.1/24, "fd77::1/64"] }
        idle: ok
END
    : >"$work/out"                            # until_said may look before the tool has begun
    "$tool" run "$work/stack.yaml" --for $((250 + 3 * rounds))s >"$work/out" 2>&1 &
    run=$!
}
# until WORDS [TIMES]: what ndkping says.
until_said() {
    for _ in $(seq $((wait_s * 10))); do
        [ "$(grep -c -- "$1" "$work/out")" -ge "${2:-1}" ] && return
        kill -0 $run 2>/dev/null || break
        sleep 0.1
    done
    fail "ndkping did not say '$1' ${2:-1} times"
    tail -n 20 "$work/out"
}
stop() { # WHAT [FINDING]: clean, or the one finding
    kill -INT $run
    wait $run
    local status=$?
    run=
    if [ $# = 1 ]; then
        [ $status = 0 ] && grep -q 'nothing left behind' "$work/out" && return
    elif [ $status = 1 ] && [ "$(grep -c 'finding: ' "$work/out")" = 1 ] && grep -q "finding: $2" "$work/out"; then
        return
    fi
    fail "$1: the end was not ${2:-clean}: ndisbox ended with $status"
    tail -n 30 "$work/out"
}
rping() { # ADDRESS BYTES ROUNDS
    in_guest $((100 + $3 / 2)) "rping -c -a $1 -S $2 -C $3 -V >/tmp/log 2>&1; r=\$?; grep REJECTED /tmp/log; tail -n 1 /tmp/log; exit \$r" >"$work/rping"
    local status=$?
    [ $status -eq 0 ] || fail "rping -c -a $1 -S $2 -C $3 ended with $status: $(cat "$work/rping")"
}

mkdir "$work/g"
timeout 120 python3 "$guest" start "$work/g" "$image" "dump=$work/g.pcap" || { fail "the guest"; exit 1; }

# ---- ndkping serves
start 1 'role: server, local: "10.77.0.1 fd77::1", timeout: 20'
until_said listening 2
rping 10.77.0.1 64 1000
rping 10.77.0.1 65535 "$rounds"
rping fd77::1 32 "$rounds"
# A guest that stands still in the middle of a transfer goes on afterwards: TCP sends again, nothing is lost.
in_guest 9 "(timeout 60 rping -c -a 10.77.0.1 -S 60000 -C 60 -V >/tmp/log 2>&1; echo ended with \$? >>/tmp/log) & sleep 0.5"
python3 "$guest" pause "$work/g"
sleep 2
python3 "$guest" resume "$work/g"
until_said 'ping: .* served' 4
in_guest 20 'for i in $(seq 100); do grep -q "ended with" /tmp/log && break; sleep 0.1; done; tail -n 1 /tmp/log' | grep -q 'ended with 0' ||
    fail "rping did not survive a pause: $(in_guest 5 'tail -n 3 /tmp/log')"
until_said '60 served'
stop "a server with CRC"
start 0 'role: server, local: "10.77.0.1 fd77::1"'
until_said listening 2
rping 10.77.0.1 32 "$rounds"
rping fd77::1 65535 "$rounds"
until_said "$rounds served" 2
stop "a server without CRC"
start 1 'role: server, local: 10.77.0.1, reject: 1'
until_said listening
in_guest 30 'rping -c -a 10.77.0.1 -C 1 -V >/tmp/log 2>&1; r=$?; cat /tmp/log; exit $r' >"$work/rping" && fail "a rejected rping ended well"
grep -q REJECTED "$work/rping" || fail "rping did not see a reject: $(cat "$work/rping")"
until_said ': rejected'
stop "a server that rejects"

# ---- ndkping comes
client() { # ADDRESS PEER CRC
    in_guest 9 "(timeout $((100 + 2 * rounds)) rping -s -P -a $2 -S 65535 -V >/tmp/log 2>&1 &); sleep 0.5"
    start "$3" "role: client, local: $1, peer: $2, delay: 300, count: $rounds, sizes: \"32 1000 65535\""
    until_said 'all done, 3 tests, 0 failed'
    [ "$(grep -c "$rounds ok" "$work/out")" = 3 ] || fail "of three sizes not every round was good: $(grep ndkping: "$work/out")"
    stop "a client of $2"
    in_guest 9 'killall rping; sleep 0.2'
}
client 10.77.0.1 10.77.0.2 1
client fd77::1 fd77::2 0
in_guest 20 'rm -f /tmp/log; (timeout 60 reject 10.77.0.2 7175 sorry >/tmp/log 2>&1 &); for i in $(seq 100); do [ -s /tmp/log ] && break; sleep 0.1; done'
start 1 'role: client, local: 10.77.0.1, peer: 10.77.0.2, port: 7175, retry: 0'
until_said 'FAILED with 0xc0000236'         # STATUS_CONNECTION_REFUSED
stop "a client that is rejected" 'alpha: service ndkping failed: 1 tests, 1 failed, the first: ping of 64 bytes, 0xc0000236'
in_guest 9 'cat /tmp/log' | grep -q 'refused: sorry' || fail "the guest did not refuse: $(in_guest 9 'cat /tmp/log')"

# ---- a guest that dies: the server's session ends by its time, and nothing is left
start 1 'role: server, local: 10.77.0.1, timeout: 2'
until_said listening
in_guest 20 'rm -f /tmp/log; (timeout 60 rping -c -a 10.77.0.1 -S 1000 -C 1000000 -v >/tmp/log 2>&1 &); for i in $(seq 100); do [ -s /tmp/log ] && break; sleep 0.1; done'
python3 "$guest" kill "$work/g"
until_said 'ping: FAILED with 0x'
stop "a server whose peer died"

# shark ARG...: what is on the wire, with MPA's dissectors alone
shark() {
    timeout $((100 + rounds)) tshark -n -r "$work/g.pcap" --disable-protocol rpcordma --disable-protocol iser --disable-protocol smb_direct \
        "$@" 2>"$work/err" || fail "tshark: $(head -3 "$work/err")"
}
shark -Y iwarp_mpa -O iwarp_mpa,iwarp_ddp_rdmap >"$work/text"
bad=$(grep -c 'Bad CRC32' "$work/text") malformed=$(grep -c 'Malformed' "$work/text") good=$(grep -c 'Good CRC32' "$work/text")
[ "$bad" = 0 ] && [ "$malformed" = 0 ] && [ "$good" -gt 1000 ] || fail "tshark: $good good CRCs, $bad bad ones, $malformed malformed frames"
# Each segment with bytes is MPA, a piece of an FPDU that tshark puts together in a later one, or one that it has seen before.
shark -Y 'tcp.len > 0' -T fields -e frame.protocols -e tcp.segment_data -e tcp.analysis.retransmission -e tcp.analysis.out_of_order |
    awk -F'\t' '{ n++; mpa += /iwarp_mpa/; other += !/iwarp_mpa/ && $2 $3 $4 == "" }
        END { printf "%d segments, %d MPA or DDP, %d unknown\n", n, mpa, other; exit n < 2000 || mpa < n / 2 || other }' >"$work/segments" ||
    fail "tshark: $(cat "$work/segments")"
echo "tshark: $good good CRCs, $(grep -c 'OpCode: ' "$work/text") FPDUs, $(cat "$work/segments")"
timeout $((100 + rounds)) python3 "$src/tests/net/mpa_judge.py" "$work/g.pcap" 14 || fail "the judge of MPA"
[ $failures = 0 ]
