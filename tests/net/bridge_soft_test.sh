#!/bin/bash
# SPDX-License-Identifier: MIT
# The bridge over an adapter without offloads: tapproto cuts the kernel's super-segments and finishes checksums itself.
#   bridge_soft_test.sh TOOL SOURCE
. "$(dirname "$0")/bridge_lib.sh"
needs ip ping nc nstat cmp awk
off=()
for key in LsoV2IPv4 LsoV2IPv6 TCPChecksumOffloadIPv4 UDPChecksumOffloadIPv4 TCPChecksumOffloadIPv6 UDPChecksumOffloadIPv6; do
    off+=(--set "boxes.bridge.adapters.nic0.settings.*$key=0")
done
bridge_start "${off[@]}"
head -c 20000000 /dev/urandom >"$work/sent"
for way in "$a 10.77.0.1 $b" "$a fd77::1 $b"; do
    set -- $way
    ip netns exec "$1" timeout 60 nc -l "$2" 45678 >"$work/received" &
    receiver=$!
    until_true 5 sh -c "ip netns exec $1 ss -ltn | grep -q :45678" || fail "nc does not listen"
    timeout 60 ip netns exec "$3" nc -N "$2" 45678 <"$work/sent" || fail "nc could not send to $2"
    wait $receiver
    cmp -s "$work/sent" "$work/received" || fail "the file came to $2 with other contents"
done
[ "$(count "$a" TcpInCsumErrors)" = 0 ] || fail "$(count "$a" TcpInCsumErrors) segments arrived with a wrong checksum"
in_b ping -n -q -c 2 -i 0.1 -s 9000 10.77.0.1 >/dev/null || fail "ping of 9000 bytes"
bridge_quiet
bridge_stop INT
grep -Eq 'from the TAP .* 0 large sends, [1-9][0-9]* split here, 0 dropped, 0 failed' "$work/err" || fail "what tapproto said: $(cat "$work/err")"
done_with
