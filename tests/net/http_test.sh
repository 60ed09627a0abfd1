#!/bin/bash
# SPDX-License-Identifier: MIT
# tdihttpd and tdiecho over tcpip, met by curl, nc and ping over IPv4 and IPv6: downloads and uploads with their sums, ranges and
# conditions, many requests on a connection, pipelines, refusals, half-closes of both sides, 1,000 connections at one time, streams both
# ways; once with large sends and coalescing, and, what a capture must judge, once without any offload.
#   netns (10.77.0.2, fd77::2, kernel) - nb0 - vnic - tcpip (10.77.0.1, fd77::1) - tdihttpd, tdiecho
# NBX_HTTP_BYTES: how large the large file is; 128 MB without it.
set -u
source "$2/tests/net/http_lib.sh"
prepare "${NBX_HTTP_BYTES:-134217728}"
cat >"$work/stack.yaml" <<END
ndisbox: 1
boxes:
  alpha:
    adapters:
      nic0: { driver: vnic, port: "tap:nb0", protocols: [tcpip: { addresses: [10.77.0.1/24, "fd77::1/64"] }] }
    services:
      tdihttpd: { root: "$work/www", upload: "$work/up" }
      tdiecho: {}
END
ulimit -n 8192

start
pings
questions
kept_alive 2000
for host in $(hosts); do
    peer "$host" pipeline 500
    peer "$host" raw
    peer "$host" linger
    peer "$host" broken
    peer "$host" slow
done
sleep 0.5
wants "chunks7 chunks9" "$(cd "$work/up" && echo *)" "what broken uploads leave"
half_closes
say "small things are done"
for host in $(hosts); do peer "$host" many 1000; done
say "1,000 connections"
transfers
streams 30000000
stop

# The example, as a new user runs it: root of a user namespace, not of the machine.
if unshare -rn true 2>/dev/null; then
    unshare -rn bash -c '"$0" run "$1/examples/httpd.yaml" >"$2/out" 2>&1 & run=$!
        for _ in $(seq 100); do ip link show nb0 2>/dev/null | grep -q LOWER_UP && break; sleep 0.1; done
        ip address add 10.77.0.2/24 dev nb0; ip address add fd77::2/64 dev nb0 nodad
        for url in http://10.77.0.1 "http://[fd77::1]"; do curl -sg -m 20 --retry 20 --retry-connrefused --retry-delay 1 "$url/way.txt"; done
        curl -sg -m 20 -o /dev/null -w "%{http_code}\n" -T "$1/README.md" http://10.77.0.1/way.txt
        kill -INT $run; wait $run' "$tool" "$src" "$work" >"$work/page" || fail "the example ended with $?: $(tail -2 "$work/out")"
    wants 2 "$(grep -c ZwReadFile "$work/page")" "pages of the example"
    wants 405 "$(tail -1 "$work/page")" "an upload to the example"
else
    say "examples/httpd.yaml without root: this machine gives no user namespaces"
fi

none='{ "*LsoV2IPv4": 0, "*LsoV2IPv6": 0, "*TCPChecksumOffloadIPv4": 0, "*TCPChecksumOffloadIPv6": 0, "*UDPChecksumOffloadIPv4": 0, "*UDPChecksumOffloadIPv6": 0, "*RscIPv4": 0, "*RscIPv6": 0 }'
rm -f "$work"/up/*
start --set "boxes.alpha.adapters.nic0.settings=$none" --set boxes.alpha.services.tdihttpd.timeout=2
for host in $(hosts); do peer "$host" late; done
dump_begin "$work/soft.pcap" -s 0
pings
questions
kept_alive 200
half_closes
streams 2000000
in_ns curl -sg -T "$work/www/megabyte" "http://10.77.0.1/copy" -o /dev/null
in_ns curl -sg -T "$work/www/megabyte" "http://[fd77::1]/copy" -o /dev/null
dump_end
stop
judge "$work/soft.pcap" TRUE
[ $failures = 0 ] && echo ok && exit 0
exit 1
