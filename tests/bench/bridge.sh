#!/bin/bash
# SPDX-License-Identifier: MIT
# Measures whatever joins two TAPs: netns A - TAP - COMMAND - TAP - netns B, one iperf3 TCP stream from A to B.
#
#   tests/bench/bridge.sh [-t SECONDS] [-P STREAMS] [-m MTU] [-s] [-v] COMMAND...
#
# -v joins two veth pairs instead: COMMAND gets their outer ends, which exist before it starts.
# -s turns segmentation and checksum offload off at both TAPs (needs ethtool), so that frames stay below the MTU.
#
# COMMAND is started with the names of the two TAPs appended (it creates them and prints "ready" when it has), or with them in the
# places of the words TAP1 and TAP2. Prints one line: Gbit/s at the receiver, the CPU seconds COMMAND took, retransmissions and what
# explains them: frames the kernel dropped at the TAPs because nobody read them in time, loss probes and timeouts of a TCP that was
# itself kept waiting for a processor.
# Needs root (network namespaces), iproute2 and iperf3; exits 77 and says so without.
set -u
seconds=3 streams=1 mtu=1500 small=no veth=no
while getopts t:P:m:sv option; do
    case $option in t) seconds=$OPTARG ;; P) streams=$OPTARG ;; m) mtu=$OPTARG ;; s) small=yes ;; v) veth=yes ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '3,15p' "$0" >&2; exit 2; }
for need in ip iperf3 python3; do
    command -v $need >/dev/null || { echo "SKIP: $need is not installed" >&2; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "SKIP: network namespaces need root" >&2; exit 77; }

id=$$ a=nbxA$$ b=nbxB$$ tap1=nbx${$}a tap2=nbx${$}b work=$(mktemp -d)
child=
end() {
    [ -n "$child" ] && kill "$child" 2>/dev/null && wait "$child" 2>/dev/null
    [ $veth = yes ] && { ip link del "$tap1"; ip link del "$tap2"; } 2>/dev/null
    ip netns del "$a" 2>/dev/null
    ip netns del "$b" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

words=() named=no
for word in "$@"; do
    case $word in *TAP1*|*TAP2*) named=yes; word=${word//TAP1/$tap1}; word=${word//TAP2/$tap2} ;; esac
    words+=("$word")
done
[ $named = yes ] || words+=("$tap1" "$tap2")

ip netns add "$a" && ip netns add "$b" || exit 1
inner1=$tap1 inner2=$tap2
if [ $veth = yes ]; then
    inner1=${tap1}i inner2=${tap2}i
    for tap in "$tap1" "$tap2"; do
        ip link add "$tap" type veth peer name "${tap}i" && ip link set "$tap" mtu "$mtu" up || exit 1
    done
fi
"${words[@]}" >"$work/out" 2>"$work/err" &
child=$!
for _ in $(seq 100); do
    [ -e /sys/class/net/$tap1 ] && [ -e /sys/class/net/$tap2 ] && break
    kill -0 $child 2>/dev/null || { cat "$work/err" >&2; exit 1; }
    sleep 0.1
done
join() { # netns tap address
    ip link set "$2" netns "$1" && ip -n "$1" link set lo up && ip -n "$1" link set "$2" mtu "$mtu" up &&
        ip -n "$1" addr add "$3/24" dev "$2"
}
if [ $small = yes ]; then
    for tap in "$inner1" "$inner2"; do
        ethtool -K "$tap" tso off gso off gro off tx off >/dev/null || exit 1
    done
fi
join "$a" "$inner1" 10.99.0.1 && join "$b" "$inner2" 10.99.0.2 || exit 1
ip netns exec "$a" ping -c 1 -w 10 -q 10.99.0.2 >/dev/null || { echo "no ping passes" >&2; cat "$work/err" >&2; exit 1; }
ip netns exec "$b" iperf3 -s -1 -D -I "$work/pid" >/dev/null
for _ in $(seq 50); do ip netns exec "$b" ss -ltn 2>/dev/null | grep -q :5201 && break; sleep 0.1; done
cpu() { awk '{print ($14 + $15) / 100}' "/proc/$child/stat"; }
before=$(cpu)
ip netns exec "$a" iperf3 -c 10.99.0.2 -t "$seconds" -P "$streams" -J >"$work/json" || { cat "$work/json" >&2; exit 1; }
after=$(cpu)
count() { # netns counter
    ip netns exec "$1" nstat -asz "$2" | awk -v name="$2" '$1 == name {print $2}'
}
dropped() { # netns tap
    ip -n "$1" -j -s link show "$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["dropped"])'
}
explained="$(($(dropped "$a" "$inner1") + $(dropped "$b" "$inner2"))) dropped by the kernel,\
 $(count "$a" TcpExtTCPLossProbes) loss probes, $(count "$a" TcpExtTCPTimeouts) timeouts"
python3 - "$work/json" "$before" "$after" "$explained" <<'PY'
import json, sys
end = json.load(open(sys.argv[1]))["end"]
print(f'{end["sum_received"]["bits_per_second"] / 1e9:.2f} Gbit/s, {float(sys.argv[3]) - float(sys.argv[2]):.2f} CPU s, '
      f'{end["sum_sent"]["retransmits"]} retransmissions ({sys.argv[4]})')
PY
kill "$child" && wait "$child"
child=
cat "$work/out" "$work/err" >&2
