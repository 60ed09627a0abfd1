#!/bin/bash
# SPDX-License-Identifier: MIT
# The demo as somebody sees it who runs it for the first time: it is clean, tells the connection's way to the NIC and back in the order
# in which it went, and the trace holds the same story and the frames. Needs no privileges; only the frames are looked at with tshark.
set -u
tool=$1 work=$(mktemp -d) failures=0
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }

timeout 120 "$tool" demo --trace "$work/demo.pcapng" >"$work/out" 2>"$work/err" || fail "the demo ended with $?"
grep -q '^clean: nothing left behind' "$work/err" || fail "the end was not clean"

# in_order FILE PATTERN...: each stands in a line behind that of the one before.
in_order() {
    local file=$1 from=0 at
    shift
    for pattern in "$@"; do
        at=$(awk -v from="$from" -v pattern="$pattern" 'NR > from && $0 ~ pattern {print NR; exit}' "$file")
        [ -n "$at" ] || { fail "${file##*/}: no line behind line $from has: $pattern"; return; }
        from=$at
    done
}

down='tcpip → passthru → vnic  ' up='vnic → passthru → tcpip  ' taken='neighbor SUCCESS, path SUCCESS, tcp SUCCESS'
story=(
    'script  traffic alpha.nic0 to beta.nic0: 1000 sent, 1000 arrived'
    'script  call from alpha:40001'
    'alpha   nbx-client → tcpip  .*TDI_CONNECT  *10.77.0.2:7'
    'alpha   tcpip → nbx-client  .*TDI_CONNECT complete  *STATUS_SUCCESS'
    "alpha   ${down}NdisInitiateOffload  *neighbor new, path new, tcp new with [1-9][0-9]* bytes outstanding"
    "alpha   ${up}NdisMInitiateOffloadComplete  *$taken"
    'script  offload of alpha:40001'
    "alpha   ${down}NdisTerminateOffload  *neighbor linked, path linked, tcp linked"
    "alpha   ${up}NdisMTerminateOffloadComplete  *$taken"
    'script  upload of alpha:40001'
    "alpha   ${down}NdisInitiateOffload  *neighbor new, path new, tcp new"
    'script  offload of alpha:40001'
    'alpha   nbx-client → tcpip  .*TDI_DISCONNECT  *release'
    "alpha   ${down}NdisOffloadTcpDisconnect  .*graceful"
    "alpha   ${up}NdisTcpOffloadDisconnectComplete  .*NDIS_STATUS_SUCCESS"
    'alpha   tcpip → nbx-client  .*TDI_DISCONNECT complete  *STATUS_SUCCESS'
    'script  release of alpha:40001 after ([0-9]+) bytes, [1-9][0-9]* of them back and right'
    'script  call from alpha:40002'
    "alpha   ${down}NdisInitiateOffload  *neighbor new, path new, tcp new"
    'script  offload of alpha:40002'
    'alpha   nbx-client → tcpip  .*TDI_DISCONNECT  *abort'
    "alpha   ${down}NdisOffloadTcpDisconnect  .*abortive"
    "alpha   ${up}NdisTcpOffloadDisconnectComplete  .*NDIS_STATUS_SUCCESS"
    'alpha   tcpip → nbx-client  .*TDI_DISCONNECT complete  *STATUS_SUCCESS'
    'script  abort of alpha:40002 after'
)
in_order "$work/out" "${story[@]}" '^adapter  .*returned' '^alpha.nic1-passthru  miniport  *passthru' '^beta.nic0  .*filter  *lwfmon  *2,000  *2,000'
grep -q "alpha   ${down}NdisOffloadTcpSend  .*bytes" "$work/out" || fail "nothing was sent through the NIC"
grep -q "alpha   ${up}NdisTcpOffloadReceiveHandler  .*bytes" "$work/out" || fail "nothing was received through the NIC"
read -r sent back < <(sed -nE 's/.*release of alpha:40001 after ([0-9]+) bytes, ([0-9]+) of .*/\1 \2/p' "$work/out")
[ "${sent:-0}" = "${back:-1}" ] || fail "$sent bytes went, and $back came back"

timeout 60 "$tool" trace "$work/demo.pcapng" --as timeline >"$work/told" 2>>"$work/err" || fail "trace ended with $?"
in_order "$work/told" "${story[@]}"
cmp -s <(grep ' ms  ' "$work/out") "$work/told" || fail "the trace tells another story than the screen: $(diff <(grep ' ms  ' "$work/out") "$work/told" | head -4)"
timeout 60 "$tool" run --timeline --for 100ms --adapter nic0,driver=vnic,port=none,idle=ok >/dev/null 2>>"$work/err" || fail "run --timeline ended with $?"

# Without an echo service there is nothing to talk to: a call says so, and so does its hang-up.
sed '/services:/,/tdiecho:/d; /- offload:/d; /- traffic:/d; /_frames:/d' "$(dirname "$0")/../../examples/demo.yaml" >"$work/deaf.yaml"
timeout 120 "$tool" run "$work/deaf.yaml" >/dev/null 2>"$work/deaf"
[ $? = 1 ] || fail "a call that nobody answers is no finding"
grep -q 'deaf.yaml:[0-9]*:[0-9]*: error: TDI_CONNECT ended with 0x' "$work/deaf" || fail "a call that nobody answers is not told: $(cat "$work/deaf")"
grep -q 'error: the call is not there any more' "$work/deaf" || fail "the hang-up of no call is not told"

if command -v tshark >/dev/null; then
    count() { timeout 60 tshark -n -r "$work/demo.pcapng" -Y "$1" 2>/dev/null | wc -l; }
    # What a NIC makes itself passes no edge of its box but the port: there it is, and at beta's.
    for port in alpha beta; do
        at="frame.interface_name == $port.nic1.port"
        [ "$(count "$at && tcp.flags.fin == 1 && tcp.srcport == 40001")" -ge 1 ] || fail "no FIN of the NIC at $port's port"
        [ "$(count "$at && tcp.flags.reset == 1 && tcp.srcport == 40002")" -ge 1 ] || fail "no RST of the NIC at $port's port"
    done
    [ "$(count 'frame.interface_name == alpha.nic1.vnic && tcp.flags.fin == 1 && tcp.srcport == 40001')" = 0 ] || fail "NDIS sent the NIC's FIN"
    [ "$(count 'tcp.flags.reset == 1 && tcp.port == 40001')" = 0 ] || fail "the connection that was released was reset"
fi
echo "$(wc -l <"$work/told") lines"
[ $failures = 0 ] || { cat "$work/out" "$work/err"; exit 1; }
