# SPDX-License-Identifier: MIT
# What tests/net/http_test.sh and http_lossy_test.sh share: a namespace with files to serve, a box that serves them, and the questions of
# real programs. The scripts say how the namespace's nb0 and the box meet. Bytes of a large file: NBX_HTTP_BYTES, or what the script says.
tool=$1 src=$2 ns=nbxH$$ work=$(mktemp -d) run= failures=0 dissect=()

end() {
    for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
    ip netns del "$ns" 2>/dev/null
    rm -rf "$work"
}
trap end EXIT
skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
in_ns() { timeout 200 ip netns exec "$ns" "$@"; }
say() { echo "$(date +%T) $*"; }

prepare() { # bytes of the large file
    [ "$(id -u)" = 0 ] || skip "network namespaces and TAPs need root"
    for need in ip ping curl nc tcpdump tshark python3; do command -v "$need" >/dev/null || skip "$need is not installed"; done
    [ -c /dev/net/tun ] || skip "there is no /dev/net/tun"
    ip netns add "$ns" 2>/dev/null || skip "this machine gives no network namespaces"
    in_ns ip tuntap add dev nbprobe mode tap 2>/dev/null || skip "this machine gives no TAPs"
    in_ns ip link del nbprobe
    in_ns ip link set lo up
    mkdir -p "$work/www/small" "$work/up"
    python3 - "$work/www" "$1" <<'END'
import os, sys
root, big = sys.argv[1], int(sys.argv[2])
for n in range(100):
    open(f"{root}/small/{n}", "wb").write((b"%d." % n * (n // 2 + 1))[:n])
open(f"{root}/index.html", "w").write("<p>here</p>\n")
open(f"{root}/megabyte", "wb").write(os.urandom(1 << 20))
with open(f"{root}/big", "wb") as file:
    for left in range(big, 0, -(1 << 24)):
        file.write(os.urandom(min(left, 1 << 24)))
open(f"{root}/../secret", "w").write("TOP")
os.symlink("../secret", f"{root}/link")
os.symlink("..", f"{root}/way")
END
    big_sum=$(sha256sum <"$work/www/big")
}

start() { # arguments of ndisbox run
    ip netns exec "$ns" "$tool" run "$work/stack.yaml" "$@" >"$work/out" 2>&1 &
    run=$!
    for _ in $(seq 100); do in_ns ip link show nb0 2>/dev/null | grep -q LOWER_UP && break; sleep 0.1; done
    in_ns ip address add 10.77.0.2/24 dev nb0
    in_ns ip address add fd77::2/64 dev nb0 nodad
    for _ in $(seq 100); do in_ns ping -c 1 -W 1 -q 10.77.0.1 >/dev/null 2>&1 && in_ns ping -c 1 -W 1 -q fd77::1 >/dev/null 2>&1 && return; done
    fail "$*: no ping comes back: $(tail -3 "$work/out")"
}

stop() {
    kill -INT "$run"
    wait "$run" || fail "ndisbox ended with $?"
    grep -q 'nothing left behind' "$work/out" || fail "the end was not clean"
    [ $failures = 0 ] || tail -30 "$work/out"
    grep -E '^alpha\.nic0: |bytes, ' "$work/out"
}

dump_begin() { # file, more arguments of tcpdump
    local file=$1
    shift
    ip netns exec "$ns" tcpdump -i nb0 -U -B 65536 -w "$file" "$@" 2>"$work/tcpdump" &
    dump=$!
    for _ in $(seq 50); do grep -qs 'listening on' "$work/tcpdump" && break; sleep 0.1; done
}
dump_end() {
    kill -INT $dump
    wait $dump
    grep -q '^0 packets dropped by kernel' "$work/tcpdump" || fail "tcpdump lost packets: $(tail -1 "$work/tcpdump")"
}

urls() { echo "http://10.77.0.1 http://[fd77::1]"; }
hosts() { echo "10.77.0.1 fd77::1"; }
peer() { # host what number
    local said
    said=$(in_ns python3 "$src/tests/net/http_peer.py" "$@" 2>&1)
    [ "$said" = ok ] || fail "$*: $(echo "$said" | tail -1)"
}
serve() { # host service bytes
    local said
    said=$(in_ns python3 "$src/tests/net/echo_peer.py" "$@" 2>&1)
    [ "$said" = ok ] || fail "$*: $(echo "$said" | tail -1)"
}

# A status, and what else curl says with -w.
code() { in_ns curl -sg -m 60 -o /dev/null -w '%{http_code}' "$@"; }
wants() { # what is wanted, what came, of what
    [ "$1" = "$2" ] || fail "$3: wanted \"$1\", got \"$2\""
}

pings() {
    local size
    for size in 0 56 1472 8000 60000; do
        in_ns ping -c 3 -i 0.01 -W 5 -q -s $size 10.77.0.1 >"$work/ping" 2>&1 || fail "a ping of $size bytes does not come back"
        in_ns ping -6 -c 3 -i 0.01 -W 5 -q -s $size fd77::1 >"$work/ping" 2>&1 || fail "an IPv6 ping of $size bytes does not come back"
    done
}

# Conditions, ranges, refusals, as curl asks for them.
questions() {
    local url tag
    for url in $(urls); do
        wants "<p>here</p>" "$(in_ns curl -sg -m 20 "$url/")" "$url/"
        wants 200 "$(code -I "$url/")" "HEAD"
        wants "$(stat -c %s "$work/www/megabyte")" "$(in_ns curl -sgI -m 20 "$url/megabyte" | tr -d '\r' | sed -n 's/^Content-Length: //p')" "HEAD's length"
        tag=$(in_ns curl -sgI -m 20 "$url/megabyte" | tr -d '\r' | sed -n 's/^ETag: //p')
        wants 304 "$(code -H "If-None-Match: $tag" "$url/megabyte")" "If-None-Match"
        wants 200 "$(code -H 'If-None-Match: "x"' "$url/megabyte")" "If-None-Match of another"
        wants 412 "$(code -H 'If-Match: "x"' "$url/megabyte")" "If-Match of another"
        wants 304 "$(code -z "$work/www/megabyte" "$url/megabyte")" "If-Modified-Since"
        wants 200 "$(code -z '1 Jan 2000' "$url/megabyte")" "If-Modified-Since long ago"
        wants 301 "$(code "$url/small")" "a directory without /"
        wants "206" "$(code -r 5-9 "$url/megabyte")" "a range"
        wants 416 "$(code -r 1048576- "$url/megabyte")" "a range past the end"
        cmp -s <(in_ns curl -sg -m 20 -r 1000-70000 "$url/megabyte") <(tail -c +1001 "$work/www/megabyte" | head -c 69001) || fail "$url: bytes 1000-70000"
        cmp -s <(in_ns curl -sg -m 20 -r -70000 "$url/megabyte") <(tail -c 70000 "$work/www/megabyte") || fail "$url: the last 70000 bytes"
        in_ns curl -sg -m 20 -r 0-1,500000-599999,-3 "$url/megabyte" -D "$work/head" -o "$work/parts"
        wants "$(stat -c %s "$work/parts")" "$(tr -d '\r' <"$work/head" | sed -n 's/^Content-Length: //p')" "the length of three ranges"
        python3 - "$work/parts" "$work/www/megabyte" <<'END' || fail "$url: three ranges"
import sys
parts, whole = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()
boundary = parts.split(b"\r\n")[1]
found = [part.split(b"\r\n\r\n", 1)[1] for part in parts.split(b"\r\n" + boundary)[1:-1]]
sys.exit(found != [whole[:2], whole[500000:600000], whole[-3:]])
END
        wants 206 "$(code -r 0-9 -H "If-Range: $tag" "$url/megabyte")" "If-Range"
        wants 200 "$(code -r 0-9 -H 'If-Range: "x"' "$url/megabyte")" "If-Range of another"
        wants 405 "$(code -X DELETE "$url/megabyte")" DELETE
        wants 400 "$(code --path-as-is "$url/../secret")" "a way out"
    done
}

# One connection, many requests.
kept_alive() { # requests
    local url
    for url in $(urls); do
        for i in $(seq 0 $(($1 - 1))); do echo "url = \"$url/small/$((i % 100))\""; echo 'output = "/dev/null"'; done >"$work/urls"
        in_ns curl -sg -m 100 -K "$work/urls" -w '%{num_connects} %{http_code} %{size_download}\n' >"$work/kept"
        wants "$1" "$(wc -l <"$work/kept")" "requests on a connection"
        wants 1 "$(awk '{ n += $1 } END { print n }' "$work/kept")" "connections for them"
        wants $(($1 / 100 * 4950)) "$(awk '$2 == 200 { n += $3 } END { print n }' "$work/kept")" "bytes of them"
    done
}

# The large file down and up, by curl, with its sum.
transfers() {
    local url speed
    for url in $(urls); do
        wants "$big_sum" "$(in_ns curl -sg "$url/big" -w '%{stderr}%{speed_download}' 2>"$work/speed" | sha256sum)" "$url: the download's sum"
        say "$url down: $(awk '{ printf "%.0f MB/s", $1 / 1e6 }' "$work/speed")"
        speed=$(in_ns curl -sg -T "$work/www/big" "$url/copy" -w '%{http_code} %{speed_upload}' -o /dev/null)
        wants 201 "${speed%% *}" "$url: the upload"
        wants "$big_sum" "$(sha256sum <"$work/up/copy")" "$url: the upload's sum"
        say "$url up: $(echo "$speed" | awk '{ printf "%.0f MB/s", $2 / 1e6 }')"
        rm -f "$work/up/copy"
    done
}

# nc: the peer closes first and still gets all; the server closes first and the peer's last bytes meet no reset.
half_closes() {
    local host
    for host in $(hosts); do
        printf 'GET /megabyte HTTP/1.0\n\n' | in_ns nc -N -w 50 "$host" 80 | tail -c 1048576 | cmp -s - "$work/www/megabyte" || fail "$host: the peer closed first"
        { printf 'GET /megabyte HTTP/1.0\r\n\r\n'; sleep 0.5; } | in_ns nc -w 50 "$host" 80 | tail -c 1048576 | cmp -s - "$work/www/megabyte" ||
            fail "$host: the server closed first"
        head -c 300000 "$work/www/megabyte" | in_ns nc -N -w 50 "$host" 7 | cmp -s - <(head -c 300000 "$work/www/megabyte") || fail "$host: echo after a half-close"
    done
}

# tdiecho: streams of one direction each at one time, and one of both.
streams() { # bytes
    local host pids=()
    for host in $(hosts); do
        for service in discard chargen echo; do serve "$host" $service "$1" >>"$work/streams" & pids+=($!); done
    done
    wait "${pids[@]}"
    [ -s "$work/streams" ] && fail "$(head -1 "$work/streams")"
    rm -f "$work/streams"
}

# What tshark and tests/net/tcp_judge.py say of a capture of whole frames, in which sums are ours to make.
judge() { # file, tshark's checksum option, more arguments of the judge
    local file=$1 sums=$2 wrong protocol
    shift 2
    # Random bytes look like anything to who guesses.
    for protocol in $(tshark -G heuristic-decodes 2>/dev/null | awk -F'\t' '$1 == "tcp" { print $2 }'); do dissect+=(--disable-protocol "$protocol"); done
    wrong=$(timeout 100 tshark -n -r "$file" "${dissect[@]}" -o tcp.check_checksum:"$sums" -o ip.check_checksum:TRUE -o udp.check_checksum:"$sums" \
        -Y '_ws.malformed || ((ip.src == 10.77.0.1 || ipv6.src == fd77::1) && (_ws.expert.severity == error || tcp.checksum.status == "Bad" || ip.checksum.status == "Bad" || icmp.checksum.status == "Bad" || icmpv6.checksum.status == "Bad"))' 2>/dev/null | head -3)
    [ -z "$wrong" ] || fail "tshark: $wrong"
    wrong=$(timeout 100 python3 "$src/tests/net/tcp_judge.py" "$file" 10.77.0.1 fd77::1 "$@" 2>&1) || fail "$wrong"
    say "$wrong"
}
