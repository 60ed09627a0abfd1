#!/bin/bash
# SPDX-License-Identifier: MIT
# Our iWARP engine against Linux's siw, in a small guest: rping both ways, IPv4 and IPv6, 32 to 65,535 bytes, with and without CRC, with an
# RTR from either end, rejects by either end. Every byte compared by whoever is the client. tshark reads the wire, and our own judge
# what tshark does not decode. The engine runs on sockets of this machine's, behind QEMU's own TCP (no rights are needed).
#   siw_peer (127.0.0.1, ::1) - QEMU's user network - guest (10.77.0.2, fd77::2): siw, rping
set -u
src=$2 peer=$(dirname "$1")/tests/siw_peer guest="$2/tools/rdma-vm/guest.py" work=$(mktemp -d) failures=0
rounds=${NBX_ROUNDS:-20} more=$((${NBX_ROUNDS:-20} / 2))   # seconds for NBX_ROUNDS=1000

end() {
    [ -f "$work/a/pid" ] && python3 "$guest" kill "$work/a"
    rm -rf "$work"
}
trap end EXIT
skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
in_guest() { timeout $((90 + more)) python3 "$guest" run "$work/$1" "${@:2}"; }

for need in qemu-system-x86_64 tshark python3; do command -v "$need" >/dev/null || skip "$need is not installed"; done
image=$(timeout 200 "$src/tools/rdma-vm/build.sh" 2>"$work/build")   # it is there already under ./dev test
case $? in
0) ;;
3 | 124) skip "no guest: $(tail -n 1 "$work/build")" ;;   # what it is made of cannot be had, or not in time
*) fail "no guest: $(tail -n 5 "$work/build")"; exit 1 ;;
esac
base=$((20000 + $$ % 9000))

start() { # GUEST [OPTION]...: its ports 7201.. are ours from $base
    local forward="" i
    for i in 1 2 3 4; do forward+=,$((base + i)):$((7200 + i)); done
    mkdir "$work/$1"
    timeout 120 python3 "$guest" start "$work/$1" "$image" "user=${forward#,}" "dump=$work/$1.pcap" "${@:2}" || { fail "guest $1"; exit 1; }
}

# The guest serves: MODE of siw_peer, bytes.
serve() { # GUEST NUMBER MODE BYTES
    in_guest "$1" 20 "(timeout $((60 + more)) rping -s -a 10.77.0.2 -p $((7200 + $2)) -S $4 -C $rounds >/tmp/log 2>&1 &); "\
"for i in \$(seq 100); do grep -q ':$(printf %04X $((7200 + $2))) 00000000:0000 0A' /proc/net/tcp && break; sleep 0.1; done"
    said=$(timeout $((60 + more)) "$peer" connect $((base + $2)) "$3" "$rounds" "$4") || { fail "to rping -s, mode $3, $4 bytes: $said"; return; }
    echo "to rping -s, mode $3, $4 bytes: $said"
}

# The guest's rping comes to us. WANTED: words of what siw_peer says.
serve_it() { # GUEST NUMBER MODE BYTES [WANTED]
    local address=10.77.0.1 port=$((base + 10 + $2)) status
    [[ $3 = *6* ]] && address=fd77::1
    timeout $((60 + more)) "$peer" listen $port "$3" "$rounds" "$4" >"$work/said" 2>&1 &
    local pid=$!
    for _ in $(seq 100); do grep -q listening "$work/said" && break; sleep 0.1; done
    in_guest "$1" $((50 + more)) "rping -c -a $address -p $port -S $4 -C $rounds -V >/tmp/log 2>&1; r=\$?; grep REJECTED /tmp/log; tail -n 2 /tmp/log; exit \$r" >"$work/guest"
    status=$?
    wait $pid || fail "from rping -c, mode $3, $4 bytes: $(tail -n 1 "$work/said")"
    if [ "${5-}" = rejected ]; then
        [ $status -ne 0 ] && grep -q REJECTED "$work/guest" || fail "a rejected rping ended with $status: $(cat "$work/guest")"
    else
        [ $status -eq 0 ] || fail "from rping -c, mode $3, $4 bytes: rping ended with $status: $(cat "$work/guest")"
    fi
    grep -q "${5:-ok}" "$work/said" || fail "from rping -c, mode $3, $4 bytes: no '$5' in '$(tail -n 1 "$work/said")'"
    echo "from rping -c, mode $3, $4 bytes: $(tail -n 1 "$work/said")"
}

judge() { # GUEST LEAST-CONNECTIONS: what was on its wire
    timeout $((100 + more)) tshark -n -r "$work/$1.pcap" -Y iwarp_mpa --disable-protocol rpcordma --disable-protocol iser --disable-protocol smb_direct \
        -O iwarp_mpa,iwarp_ddp_rdmap >"$work/text" 2>"$work/err" || fail "tshark: $(head -3 "$work/err")"
    local bad malformed
    bad=$(grep -c 'Bad CRC32' "$work/text") malformed=$(grep -c 'Malformed' "$work/text")
    [ "$bad" = 0 ] && [ "$malformed" = 0 ] || fail "guest $1: tshark found $bad bad CRCs and $malformed malformed frames"
    grep -q 'Good CRC32' "$work/text" || fail "guest $1: no CRC was seen"
    timeout $((100 + more)) python3 "$src/tests/net/mpa_judge.py" "$work/$1.pcap" "$2" || fail "guest $1: the judge of MPA"
    echo "tshark: $(grep -c 'Good CRC32' "$work/text") good CRCs, $(grep -c 'OpCode: ' "$work/text") FPDUs"
}

# One guest, which asks for CRCs and offers an RTR itself; rping_test.sh has the plain one.
start a siw.mpa_crc_required=1 siw.peer_to_peer=1
serve a 1 - 32
serve a 2 c 65535
serve a 3 cp 1000
serve_it a 1 - 65535 'CRC yes'
serve_it a 2 p 1000 'CRC yes, RTR [1-7]'
serve_it a 3 6 32 'CRC yes'
serve_it a 4 r 64 rejected
in_guest a 20 'rm -f /tmp/log; (timeout 60 reject 10.77.0.2 7204 sorry >/tmp/log 2>&1 &); for i in $(seq 100); do [ -s /tmp/log ] && break; sleep 0.1; done'
said=$(timeout 30 "$peer" connect $((base + 4)) p 1 64) && fail "a connect to the guest's refusal went well: $said"
[ "$said" = "siw_peer: rejected: sorry" ] || fail "the guest's refusal was '$said'"
judge a 8
[ $failures = 0 ]
