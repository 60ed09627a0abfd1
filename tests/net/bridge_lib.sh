# SPDX-License-Identifier: MIT
# Shared by the bridge tests: three network namespaces, the stack of examples/tap-bridge.yaml in the middle one.
#
#   netns $a (10.77.0.1, fd77::1) - nb0 - vnic - lwfmon - tapproto - nb1 - netns $b (10.77.0.2, fd77::2)
#
# ndisbox runs in $m, where the names nb0 and nb1 are free for sure; it makes the TAPs there, and they are then moved to their ends.
# A script sources this file with its own arguments (tool, source directory), and says `fail WHY` for what is wrong. Everything that
# was made goes away with the script, however it ends. Exits 77 and says why where there are no namespaces or no TAPs.
set -u
tool=$1 src=$2
a=nbxA$$ b=nbxB$$ m=nbxM$$ work=$(mktemp -d)
bridge=
failures=0

bridge_end() {
    [ -n "$bridge" ] && kill -KILL "$bridge" 2>/dev/null && wait "$bridge" 2>/dev/null
    for netns in "$a" "$b" "$m"; do
        for pid in $(ip netns pids "$netns" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
        ip netns del "$netns" 2>/dev/null
    done
    rm -rf "$work"
}
trap bridge_end EXIT
trap 'exit 130' INT TERM

skip() {
    echo "SKIP: $*"
    exit 77
}
fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}
die() {
    fail "$*"
    [ -s "$work/err" ] && sed 's/^/    /' "$work/err"
    exit 1
}
needs() {
    [ "$(id -u)" = 0 ] || skip "network namespaces and TAPs need root"
    for need in "$@"; do command -v "$need" >/dev/null || skip "$need is not installed"; done
    [ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
    ip netns add "$m" 2>/dev/null || skip "this machine gives no network namespaces"
    ip netns exec "$m" ip tuntap add dev nbprobe mode tap 2>/dev/null || skip "this machine gives no TAPs"
    ip -n "$m" link del nbprobe
    ip netns add "$a" && ip netns add "$b" || die "ip netns add"
}
in_a() { timeout "${limit:-60}" ip netns exec "$a" "$@"; }
in_b() { timeout "${limit:-60}" ip netns exec "$b" "$@"; }

until_true() { # seconds command...
    local tries=$(($1 * 10))
    shift
    while [ $tries -gt 0 ]; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
        tries=$((tries - 1))
    done
    return 1
}
join() { # netns tap number: move it there, address it, bring it up
    ip -n "$m" link set "$2" netns "$1" || return 1
    ip netns exec "$1" sysctl -qw net.ipv6.conf."$2".accept_dad=0 2>/dev/null
    ip -n "$1" link set lo up && ip -n "$1" link set "$2" up && ip -n "$1" address add "10.77.0.$3/24" dev "$2" &&
        ip -n "$1" address add "fd77::$3/64" dev "$2" nodad
}
attached() { # tap: ndisbox has it, also where it was there before; a TAP without a process has no carrier
    ip -n "$m" link show "$1" | grep -q LOWER_UP
}
bridge_start() { # more arguments of ndisbox run
    ip netns exec "$m" "$tool" run "$src/examples/tap-bridge.yaml" --json "$@" >"$work/json" 2>"$work/err" &
    bridge=$!
    until_true 10 attached nb1 || die "ndisbox did not attach to its TAPs"
    until_true 10 attached nb0 || die "ndisbox did not attach to its TAPs"
    join "$a" nb0 1 && join "$b" nb1 2 || die "the TAPs could not be joined to their namespaces"
    until_true 10 in_a ping -c 1 -W 1 10.77.0.2 || die "no ping passes"
}
bridge_quiet() { # let nothing be under way: the counters and the trace are compared afterwards
    ip -n "$a" link set nb0 down
    ip -n "$b" link set nb1 down
    sleep 0.5
}
bridge_stop() { # signal; the exit code has to be 0, in good time
    kill "-$1" "$bridge"
    until_true 20 test ! -d "/proc/$bridge" || die "ndisbox did not end within 20 s of SIG$1"
    wait "$bridge"
    local code=$?
    bridge=
    [ $code = 0 ] || fail "ndisbox ended with $code after SIG$1: $(cat "$work/err")"
}
json() { # expression over the report: j is the document, n its only adapter, e its edges by driver
    python3 - "$work/json" "$1" <<'PY'
import json, sys
j = json.load(open(sys.argv[1]))
n = j["adapters"][0]
e = {edge["driver"]: edge for edge in n["edges"]}
print(eval(sys.argv[2]))
PY
}
count() { # netns counter of nstat
    ip netns exec "$1" nstat -asz "$2" | awk -v name="$2" '$1 == name {print $2}'
}
done_with() {
    [ $failures = 0 ] && echo "ok" && exit 0
    echo "$failures failures"
    exit 1
}
