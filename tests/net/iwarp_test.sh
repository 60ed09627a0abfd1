#!/bin/bash
# SPDX-License-Identifier: MIT
# What our iWARP says over our TCP, read by tshark: every frame is seen as MPA, DDP and RDMAP, every CRC is right, every kind of message
# and the Terminate's layer, type and code are there. What tshark does not decode (the S bit and what it brings) is looked at here.
# Its guesses at what lies above RDMAP are off: they call three bytes of ours a broken RPC.
set -u
peer=$(dirname "$1")/tests/iwarp_peer
work=$(mktemp -d) failures=0
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }

command -v tshark >/dev/null || { echo "SKIP: tshark is not installed"; exit 77; }
timeout 60 "$peer" "$work/trace.pcap" >"$work/out" || { echo "FAIL: iwarp_peer ended with $?"; exit 1; }
fpdus=$(awk '$1 == "fpdus" {print $2}' "$work/out")
timeout 60 tshark -r "$work/trace.pcap" --disable-protocol rpcordma --disable-protocol iser --disable-protocol smb_direct \
    -O iwarp_mpa,iwarp_ddp_rdmap >"$work/text" 2>"$work/err" || { echo "FAIL: tshark: $(head -3 "$work/err")"; exit 1; }

# count WORDS WANTED: how often the words are in the text.
count() {
    local n
    n=$(grep -c -- "$1" "$work/text")
    [ "$n" -eq "$2" ] || fail "'$1' is there $n times, not $2"
}
[ "${fpdus:-0}" -gt 40 ] || fail "only ${fpdus:-no} FPDUs were sent"
count '(Good CRC32)' "$fpdus"
count 'OpCode: ' "$fpdus"
count 'Bad CRC32' 0
count 'Malformed' 0
count 'Request frame header' 2
count 'Reply frame header' 2
count 'Marker flag: True' 2
count 'CRC flag: True' 4
# A and C, IRD 4, ORD 4, then what the ULP said.
count "Private data: 8004800470726976617465" 1
count "Private data: 800480047265706c79" 1
count "Private data: 70726976617465" 1
for words in 'Send (0x3)' 'Send with Invalidate (0x4)' 'Send with SE (0x5)' 'Send with SE and Invalidate (0x6)' 'Write (0x0)' \
    'Read Request (0x1)' 'Read Response (0x2)'; do
    grep -qF "OpCode: $words" "$work/text" || fail "no message is '$words'"
done
count 'OpCode: Terminate (0x7)' 1
count 'Layer: DDP (0x1)' 1
count 'Error Types for DDP layer: Tagged Buffer Error (0x1)' 1
count 'Base or bounds violation (0x01)' 1
[ $failures -eq 0 ] && echo "$fpdus FPDUs, all read by tshark with good CRCs"
exit $((failures > 0))
