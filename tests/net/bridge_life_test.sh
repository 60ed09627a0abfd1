#!/bin/bash
# SPDX-License-Identifier: MIT
# What may happen to a bridge in mid-run: the end by signal under load, TAPs that were there before, an interface that is deleted and
# comes back, more than one round.
#   bridge_life_test.sh TOOL SOURCE
. "$(dirname "$0")/bridge_lib.sh"
needs ip ping python3 iperf3

# SIGTERM in the middle of traffic: in order, nothing left, the TAPs that were made are gone.
bridge_start
in_b iperf3 -s -D -I "$work/pid" >/dev/null
until_true 5 sh -c "ip netns exec $b ss -ltn | grep -q :5201"
(in_a iperf3 -c 10.77.0.2 -t 20 >/dev/null 2>&1) &
sleep 1
bridge_stop TERM
grep -q 'left behind' "$work/err" && fail "left behind: $(cat "$work/err")"
[ "$(json 'j["findings"]')" = "[]" ] || fail "findings: $(json 'j["findings"]')"
ip -n "$a" link show nb0 >/dev/null 2>&1 && fail "nb0 is still there"
ip -n "$b" link show nb1 >/dev/null 2>&1 && fail "nb1 is still there"
for pid in $(ip netns pids "$a") $(ip netns pids "$b"); do kill -KILL "$pid" 2>/dev/null; done

# TAPs that exist are attached to and stay. nb0 is deleted in mid-run and made anew.
ip netns exec "$m" ip tuntap add dev nb0 mode tap vnet_hdr
ip netns exec "$m" ip tuntap add dev nb1 mode tap vnet_hdr
ip -n "$m" link set nb0 up
ip -n "$m" link set nb1 up
bridge_start
in_a ping -n -q -c 3 -i 0.1 10.77.0.2 >/dev/null || fail "ping through TAPs that were there before"
ip -n "$a" link del nb0
until_true 5 grep -q 'nb0 has been deleted: link down' "$work/err" || fail "nobody said that nb0 is gone: $(cat "$work/err")"
in_b ping -n -q -c 1 -W 1 10.77.0.1 >/dev/null && fail "a ping passed without nb0"
ip netns exec "$m" ip tuntap add dev nb0 mode tap vnet_hdr
ip -n "$m" link set nb0 up
came_back() { sed '0,/nb0 has been deleted/d' "$work/err" | grep -q 'nb0 is up: link up'; }
until_true 5 came_back || fail "nb0 came back and nobody said so: $(cat "$work/err")"
join "$a" nb0 1 || fail "nb0 could not be joined again"
until_true 10 in_a ping -n -q -c 1 -W 1 10.77.0.2 || fail "no ping passes after nb0 has come back"
in_a ping -n -q -c 5 -i 0.1 -s 4000 fd77::2 >/dev/null || fail "ping over IPv6 after nb0 has come back"
bridge_stop INT
ip -n "$b" link show nb1 >/dev/null 2>&1 || fail "nb1 was there before and is gone"
ip -n "$a" link del nb0
ip -n "$b" link del nb1
done_with
