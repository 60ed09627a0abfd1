#!/bin/bash
# SPDX-License-Identifier: MIT
# A live Linux connection is carried on by the offload target of vnic: its socket is frozen by TCP_REPAIR in the middle of a transfer both
# ways, with bytes outstanding and bytes unread; what that tells of it becomes a state tree that a protocol driver (tests/drivers/resumer)
# hands over; the peer, another Linux, notices nothing. For both families.
#   netns far: a Linux peer - veth - netns near: first a Linux client, then a box behind its interface, with its addresses
set -u
tool=$(realpath "$1") src=$2 near=nbxA$$ far=nbxB$$ work=$(mktemp -d) failures=0
programs=$(dirname "$tool")/tests drivers=$(dirname "$tool")/test-drivers

end() {
    for ns in "$near" "$far"; do
        for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
        ip netns del "$ns" 2>/dev/null
    done
    rm -rf "$work"
}
trap end EXIT
skip() { echo "SKIP: $*"; exit 77; }
fail() { echo "FAIL: $*"; failures=$((failures + 1)); }
in_near() { timeout 100 ip netns exec "$near" "$@"; }
in_far() { timeout 100 ip netns exec "$far" "$@"; }

[ "$(id -u)" = 0 ] || skip "network namespaces and TCP_REPAIR need root"
for need in ip tcpdump tshark python3 sha256sum; do command -v "$need" >/dev/null || skip "$need is not installed"; done
ip netns add "$near" 2>/dev/null && ip netns add "$far" || skip "this machine gives no network namespaces"
ip link add nbn0 netns "$near" type veth peer name nbf0 netns "$far" 2>/dev/null || skip "this machine gives no veth"
near_mac=02:00:00:00:07:0a far_mac=02:00:00:00:07:0b
in_near ip link set nbn0 address $near_mac up
in_far ip link set nbf0 address $far_mac up
in_far ip address add 10.77.0.2/24 dev nbf0
in_far ip address add fd77::2/64 dev nbf0 nodad
# Nobody answers for the near host's addresses once they are a driver's that knows neither ARP nor ND.
in_far ip neighbor replace 10.77.0.1 lladdr $near_mac nud permanent dev nbf0
in_far ip neighbor replace fd77::1 lladdr $near_mac nud permanent dev nbf0

cat >"$work/peer.py" <<'END'
import hashlib, socket, sys, threading
host, send, got = sys.argv[1:]
listener = socket.create_server((host, 700), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
print("listening", flush=True)
peer, _ = listener.accept()
peer.settimeout(8)
def put():
    with open(send, "rb") as file:
        peer.sendall(file.read())
    peer.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=put)
sender.start()
with open(got, "wb") as file:
    while part := peer.recv(65536):
        file.write(part)
sender.join()
peer.close()
print("ok", flush=True)
END

carry() { # host at the far end, ours, prefix
    local there=$1 here=$2 prefix=$3 dir=$work/files
    rm -rf "$dir" && mkdir "$dir"
    in_near ip address add "$here/$prefix" dev nbn0 $([ "$prefix" = 64 ] && echo nodad)
    in_near ip neighbor replace "$there" lladdr $far_mac nud permanent dev nbn0
    head -c 3000000 /dev/urandom >"$dir/send"
    head -c 4000000 /dev/urandom >"$work/theirs"
    ip netns exec "$far" tcpdump -i nbf0 --immediate-mode -U -s 200 -B 65536 -w "$work/far.pcap" 2>"$work/tcpdump" &
    local dump=$!
    for _ in $(seq 100); do grep -q 'listening on' "$work/tcpdump" && break; sleep 0.1; done
    ip netns exec "$far" timeout 100 python3 "$work/peer.py" "$there" "$work/theirs" "$work/peer_got" >"$work/peer_said" 2>&1 &
    local peer=$!
    for _ in $(seq 100); do grep -q listening "$work/peer_said" && break; sleep 0.1; done
    in_near "$programs/repair_peer" nbn0 "$there" 700 "$dir/send" "$work/before" "$dir/state" $near_mac $far_mac \
        "ip neighbor replace $there lladdr 02:de:ad:00:00:01 nud permanent dev nbn0" "ip address del $here/$prefix dev nbn0" \
        >"$work/taken" 2>&1 || { fail "$here: $(cat "$work/taken")"; kill $dump $peer; wait $dump $peer; return; }
    cat >"$work/stack.yaml" <<END
ndisbox: 1
boxes:
  near:
    drivers:
      resumer: { path: $drivers/resumer.so, grant: $dir, idle: ok }
    adapters:
      nic0: { driver: vnic, port: "packet:nbn0", mac: "$near_mac", idle: ok, protocols: [resumer] }
END
    ip netns exec "$near" "$tool" run "$work/stack.yaml" >"$work/out" 2>&1 &
    local run=$!
    wait $peer || fail "$here: the peer ended with $?"
    for _ in $(seq 200); do grep -q 'resumer: \(done\|failed\)' "$work/out" && break; kill -0 $run 2>/dev/null || break; sleep 0.1; done
    kill -INT $run; wait $run || fail "$here: ndisbox ended with $?"
    sleep 0.5   # what came last is written
    kill -INT $dump; wait $dump
    [ "$(tail -1 "$work/peer_said")" = ok ] || fail "$here: the peer: $(tail -1 "$work/peer_said")"
    grep -q 'resumer: done' "$work/out" || fail "$here: $(grep resumer: "$work/out" | tail -1)"
    grep -q 'nothing left behind' "$work/out" || fail "$here: the end was not clean"
    cmp "$dir/send" "$work/peer_got" || fail "$here: the peer got other bytes"
    cat "$work/before" "$dir/got" | cmp - "$work/theirs" || fail "$here: other bytes came from the peer"
    local resets
    resets=$(timeout 60 tshark -n -r "$work/far.pcap" -Y 'tcp.flags.reset == 1' 2>/dev/null | wc -l)
    [ "$resets" = 0 ] || fail "$here: $resets resets"
    timeout 60 python3 "$src/tests/net/tcp_judge.py" "$work/far.pcap" "$here" --lossy >"$work/judged" || fail "$here: $(cat "$work/judged")"
    echo "$here: $(cat "$work/taken"); $(grep -o 'resumer: done.*' "$work/out"); $(tail -1 "$work/judged")"
    [ $failures = 0 ] || tail -20 "$work/out"
}

carry 10.77.0.2 10.77.0.1 24
carry fd77::2 fd77::1 64
[ $failures = 0 ]
