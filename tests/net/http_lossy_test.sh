#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/net/http_test.sh through a bad wire: 1 % of the frames get lost each way, others are late, overtaken or doubled, always the same ones
# of a seed. The wire is one of ndisbox; a second box shows its other end to the kernel as a TAP.
#   netns (10.77.0.2, fd77::2, kernel) - nb0 - tapproto - vnic - wire - vnic - tcpip (10.77.0.1, fd77::1) - tdihttpd, tdiecho
# NBX_HTTP_BYTES: how large the large file is; 16 MB without it.
set -u
source "$2/tests/net/http_lib.sh"
prepare "${NBX_HTTP_BYTES:-16777216}"
none='{ "*LsoV2IPv4": 0, "*LsoV2IPv6": 0, "*RscIPv4": 0, "*RscIPv6": 0 }'
cat >"$work/stack.yaml" <<END
ndisbox: 1
boxes:
  alpha:
    adapters:
      nic0: { driver: vnic, port: "wire:bad", settings: $none, protocols: [tcpip: { addresses: [10.77.0.1/24, "fd77::1/64"] }] }
    services:
      tdihttpd: { root: "$work/www", upload: "$work/up" }
      tdiecho: {}
  edge:
    adapters:
      nic0: { driver: vnic, port: "wire:bad", settings: $none, protocols: [tapproto: { tap: nb0 }] }
wires:
  bad: { delay: 200us, jitter: 50us, loss: 1%, reorder: 1%, duplicate: 1%, seed: 77 }
END
dissect=(--disable-protocol http)        # whose text the capture has not
ulimit -n 8192

start
dump_begin "$work/lossy.pcap" -s 128
questions
kept_alive 200
for host in $(hosts); do
    peer "$host" pipeline 200
    peer "$host" linger
    peer "$host" many 100
done
half_closes
say "small things are done"
transfers
streams 1000000
in_ns ping -c 100 -i 0.01 -W 2 -q -s 1000 10.77.0.1 >"$work/ping" 2>&1
in_ns ping -6 -c 100 -i 0.01 -W 2 -q -s 1000 fd77::1 >>"$work/ping" 2>&1
awk '/received/ && $4 < 80 { exit 1 }' "$work/ping" || fail "pings: $(grep received "$work/ping" | head -1)"
dump_end
stop
judge "$work/lossy.pcap" FALSE --lossy
[ $failures = 0 ] && echo ok && exit 0
exit 1
