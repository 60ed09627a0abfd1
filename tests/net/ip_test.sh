#!/bin/bash
# SPDX-License-Identifier: MIT
# The IP engine (src/engine) behind a TAP, against the kernel of this machine: the kernel resolves its addresses, pings of both
# families and of every kind of size come back, UDP echoes of every size and of groups too, closed ports are told, and a capture of
# it all has nothing malformed and no wrong sum.
#   netns (10.77.0.2, fd77::2, kernel) - nt0 - ip_peer (10.77.0.1, fd77::1)
set -u
tool=$1 src=$2
peer=$(dirname "$tool")/tests/ip_peer
ns=nbxI$$ work=$(mktemp -d) pids=() failures=0

end() {
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null; done
    ip netns del "$ns" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
in_ns() { timeout 60 ip netns exec "$ns" "$@"; }

[ "$(id -u)" = 0 ] || skip "network namespaces and TAPs need root"
for need in ip ping tcpdump tshark python3; do command -v "$need" >/dev/null || skip "$need is not installed"; done
[ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
ip netns add "$ns" 2>/dev/null || skip "this machine gives no network namespaces"
in_ns ip tuntap add dev nt0 mode tap 2>/dev/null || skip "this machine gives no TAPs"
in_ns ip link set lo up
in_ns ip link set nt0 up
in_ns ip addr add 10.77.0.2/24 dev nt0
in_ns ip addr add fd77::2/64 dev nt0 nodad
in_ns ip route add 239.0.0.0/8 dev nt0

ip netns exec "$ns" "$peer" nt0 10.77.0.1/24 fd77::1/64 >"$work/out" 2>"$work/err" &
pids+=($!)
peer_pid=$!
ip netns exec "$ns" tcpdump -i nt0 -U -s 0 -B 65536 -w "$work/trace.pcap" 2>"$work/tcpdump" &
pids+=($!)
dump_pid=$!
for _ in $(seq 100); do
    in_ns ping -c 1 -W 1 -q 10.77.0.1 >/dev/null 2>&1 && in_ns ping -c 1 -W 1 -q fd77::1 >/dev/null 2>&1 && break
    sleep 0.1
done

# Round the sizes where something changes, and up to the largest that there is.
for size in 0 1 7 8 1471 1472 1473 1480 2952 2953 4000 9000 20001 40000 65506 65507; do
    in_ns ping -c 1 -W 5 -q -s "$size" -M dont 10.77.0.1 >/dev/null 2>&1 || fail "an IPv4 ping of $size bytes does not come back"
done
for size in 0 1 1451 1452 1453 2000 2896 2897 9000 20001 40000 65000 65527; do
    in_ns ping -6 -c 1 -W 5 -q -s "$size" fd77::1 >/dev/null 2>&1 || fail "an IPv6 ping of $size bytes does not come back"
done
link_local=$(in_ns ping -6 -c 2 -W 2 ff02::1%nt0 2>/dev/null | grep -o 'fe80::[0-9a-f:]*' | sort -u | head -3)
[ -n "$link_local" ] || fail "nobody answers a ping to ff02::1"

# What the kernel knows of the peer.
in_ns ip neigh show dev nt0 | grep -q '^10.77.0.1 .*02:77:00:00:00:01' || fail "the kernel has no neighbour 10.77.0.1"
in_ns ip -6 neigh show dev nt0 | grep -q '^fd77::1 .*02:77:00:00:00:01' || fail "the kernel has no neighbour fd77::1"

in_ns python3 - <<'END' || fail "UDP"
import socket, sys
def echo(family, to, sizes):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    if family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
        s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: the kernel may cut
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.2"))
    else:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("nt0"))
    for size in sizes:
        data = bytes((i * 7 + i // 256 + size) % 256 for i in range(size))
        s.sendto(data, (to, 7))
        got, who = s.recvfrom(70000)
        if got != data:
            sys.exit(f"{to}: {size} bytes came back as {len(got)}")
for to in ("10.77.0.1", "239.1.2.3"):
    echo(socket.AF_INET, to, [0, 1, 1472, 1473, 3000, 20000, 65507])
for to in ("fd77::1", "ff05::77"):
    echo(socket.AF_INET6, to, [0, 1, 1452, 1453, 3000, 20000, 65507])
for family, to in ((socket.AF_INET, "10.77.0.1"), (socket.AF_INET6, "fd77::1")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect((to, 9))
    s.send(b"x")
    try:
        s.recv(10)
        sys.exit(f"{to}: a closed port answers")
    except ConnectionRefusedError:
        pass
END

sleep 0.5
kill -TERM "$dump_pid"; wait "$dump_pid" 2>/dev/null
kill -TERM "$peer_pid"
wait "$peer_pid" || fail "the engine has not given everything back: $(tail -1 "$work/out")"
frames=$(tshark -r "$work/trace.pcap" -T fields -e frame.number 2>/dev/null | wc -l)
[ "$frames" -gt 300 ] || fail "the capture has only $frames frames"
# eth.src: ours; the kernel's sums are left to the device when it may.
bad=$(tshark -r "$work/trace.pcap" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
    -Y 'eth.src == 02:77:00:00:00:01 && (_ws.malformed || _ws.expert.severity == error || ip.checksum.status == "Bad" || udp.checksum.status == "Bad" || icmp.checksum.status == "Bad" || icmpv6.checksum.status == "Bad")' 2>/dev/null)
[ -z "$bad" ] || fail "tshark finds: $bad"
grep -qE '^(frag_overlap|frag_timeout|in_bad_|icmp_bad|nd_bad|udp_bad|arp_bad)' "$work/out" && fail "counted: $(tr '\n' ' ' <"$work/out")"
[ $failures = 0 ] && echo "ok: $frames frames; $(grep -c . "$work/out") counts; $(tail -1 "$work/out")"
exit $((failures > 0))
