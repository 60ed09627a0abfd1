# SPDX-License-Identifier: MIT
# Judges the TCP of one side in a capture: tcp_judge.py FILE.pcap ADDRESS... [--lossy]. What it holds against every segment from the
# addresses (RFC 9293 unless said):
#   bytes of one place in a stream are always the same ones
#   nothing is sent past the window that the peer has told (3.8.6), but a probe of one byte at the edge of a closed one (3.8.6.1)
#   an acknowledgement is of what the peer has sent, never more (3.10.7.4)
#   without --lossy, where an older segment may overtake: a window's right edge is not taken back (3.8.6)
#   SACK blocks lie above the acknowledgement, but a first D-SACK (RFC 2018, 2883), and only after both have offered it
#   timestamps are there always or never once negotiated; without --lossy they do not run backwards (RFC 7323 3.2, 4.3)
#   nothing follows a FIN in the stream                                    after a reset nothing is sent
#   what the peer has acknowledged some time ago is not sent again, but as a probe of one byte (RFC 9293 3.8.4, 3.8.6.1)
#   without --lossy: nothing is sent twice that a wire which loses nothing cannot ask for, but for a few
# Says what it saw; a capture without data of ours proves nothing and fails.
import hashlib
import ipaddress
import struct
import sys

LATE_S = 1.0  # an acknowledgement may still be on its way to the sender when the capture has it
args = [a for a in sys.argv[1:] if a != "--lossy"]
is_lossy = "--lossy" in sys.argv
ours = {ipaddress.ip_address(a).packed for a in args[1:]}
errors = []
seen = dict.fromkeys(["segments", "data", "again", "acks", "sacks", "connections"], 0)


def less(a, b):
    return (a - b) & 0xFFFFFFFF > 0x7FFFFFFF


class Side:
    def __init__(self):
        self.isn = self.next = self.acked = self.edge = None  # its bytes: first, next new one, acknowledged by, may go up to
        self.acked_at = []  # (when, up to where)
        self.scale = None
        self.has_sack = self.has_stamps = False
        self.fin = None
        self.stamp = None
        self.is_reset = False
        self.digests = {}


def wrong(at, flow, words):
    if len(errors) < 5:
        errors.append(f"packet {at}, {flow}: {words}")


def options(raw):
    found, i = {}, 0
    while i < len(raw) and raw[i] != 0:
        if raw[i] == 1:
            i += 1
            continue
        if i + 1 >= len(raw) or raw[i + 1] < 2 or i + raw[i + 1] > len(raw):
            return None
        found[raw[i]] = raw[i + 2 : i + raw[i + 1]]
        i += raw[i + 1]
    return found


def judge_data(at, flow, me, seq, data, count, when):
    end = (seq + count) & 0xFFFFFFFF
    seen["data"] += 1
    if me.fin is not None and less(me.fin, end):
        wrong(at, flow, "data after the FIN")
    if me.edge is not None and less(me.edge, end) and not (count == 1 and seq == me.edge):
        wrong(at, flow, f"{(end - me.edge) & 0xFFFFFFFF} bytes past the window")
    if me.next is not None and less(seq, me.next):
        seen["again"] += 1
        old = [place for time, place in me.acked_at if time < when - LATE_S]
        if old and not less(old[-1], end) and count > 1:
            wrong(at, flow, f"{count} bytes that were acknowledged long ago")
    known = me.digests.setdefault((seq, count), hashlib.md5(data).digest())  # of what the capture has of them
    if known != hashlib.md5(data).digest():
        wrong(at, flow, "other bytes than before in the same place")


def judge_ack(at, flow, me, peer, seq, ack, window, opts, is_syn):
    seen["acks"] += 1
    if peer.next is not None and less(peer.next, ack):
        wrong(at, flow, "acknowledges what the peer has not sent")
    edge = (ack + (window << (0 if is_syn else peer_scale(me, peer)))) & 0xFFFFFFFF
    grain = 1 << peer_scale(me, peer)
    if not is_lossy and peer.edge is not None and less((edge + grain) & 0xFFFFFFFF, peer.edge) and not less(ack, peer.acked or ack):
        wrong(at, flow, f"takes back {(peer.edge - edge) & 0xFFFFFFFF} bytes of its window")
    if 5 in opts:
        seen["sacks"] += 1
        if not (me.has_sack and peer.has_sack):
            wrong(at, flow, "SACK that was not agreed on")
        blocks = [struct.unpack_from("!II", opts[5], i) for i in range(0, len(opts[5]) - 7, 8)]
        for i, (left, right) in enumerate(blocks):
            is_dsack = i == 0 and (not less(ack, right) or any(not less(left, a) and not less(b, right) for a, b in blocks[1:]))
            if not less(left, right) or (peer.next is not None and less(peer.next, right)) or (not less(ack, left) and not is_dsack):
                wrong(at, flow, f"SACK block {left}-{right} with acknowledgement {ack}")


def peer_scale(me, peer):
    return me.scale if me.scale is not None and peer.scale is not None else 0


def judge(at, when, flow, me, peer, is_ours, tcp, length):
    source, _, seq, ack, off, flags, window = struct.unpack_from("!HHIIBBH", tcp)
    head = (off >> 4) * 4
    opts = options(tcp[20:head])
    data, count = tcp[head:length], length - head
    is_syn, is_fin, is_rst, has_ack = flags & 2, flags & 1, flags & 4, flags & 16
    if opts is None:
        return wrong(at, flow, "malformed options") if is_ours else None
    if is_ours:
        seen["segments"] += 1
    if is_rst:
        me.is_reset = True
        return None
    if is_ours and me.is_reset and not is_syn:
        wrong(at, flow, "sends after its own reset")
    if is_syn:
        me.isn, me.next, me.fin, me.is_reset = seq, (seq + 1) & 0xFFFFFFFF, None, False
        me.acked, me.edge, me.digests, me.acked_at = None, None, {}, []
        me.scale = opts[3][0] if 3 in opts else None
        me.has_sack, me.has_stamps, me.stamp = 4 in opts, 8 in opts, None
        seen["connections"] += bool(is_ours)
    if is_ours and me.isn is not None and peer.isn is not None and not is_syn:
        if (8 in opts) != (me.has_stamps and peer.has_stamps):
            wrong(at, flow, "timestamps although they were not agreed on" if 8 in opts else "no timestamps although they were agreed on")
    if is_ours and 8 in opts:
        stamp = struct.unpack_from("!I", opts[8])[0]
        if me.stamp is not None and less(stamp, me.stamp) and not is_lossy:
            wrong(at, flow, "its timestamps run backwards")
        me.stamp = stamp
    if is_ours and count and me.isn is not None:
        judge_data(at, flow, me, seq, data, count, when)
    end = (seq + count + bool(is_fin) + bool(is_syn)) & 0xFFFFFFFF
    if me.next is None or less(me.next, end):
        me.next = end
    if is_fin:
        place = (seq + count) & 0xFFFFFFFF
        if is_ours and me.fin is not None and me.fin != place:
            wrong(at, flow, "a second FIN in another place")
        me.fin = place if me.fin is None else me.fin
    if has_ack:
        if is_ours and me.isn is not None and peer.isn is not None:
            judge_ack(at, flow, me, peer, seq, ack, window, opts, is_syn)
        edge = (ack + (window << (0 if is_syn else peer_scale(me, peer)))) & 0xFFFFFFFF
        if peer.edge is None or less(peer.edge, edge):
            peer.edge = edge
        if peer.acked is None or less(peer.acked, ack):
            peer.acked = ack
            peer.acked_at.append((when, ack))
            if len(peer.acked_at) > 4096:
                del peer.acked_at[:2048]
    return None


def segments(raw):
    magic = struct.unpack_from("<I", raw)[0]
    unit = {0xA1B2C3D4: 1e6, 0xA1B23C4D: 1e9}[magic]
    place, at = 24, 0
    while place + 16 <= len(raw):
        second, part, caught, whole = struct.unpack_from("<IIII", raw, place)
        frame = raw[place + 16 : place + 16 + caught]
        place += 16 + caught
        at += 1
        kind = frame[12:14]
        if kind == b"\x08\x00" and frame[23] == 6 and not struct.unpack_from("!H", frame, 20)[0] & 0x3FFF:
            ip = frame[14:]
            length = (struct.unpack_from("!H", ip, 2)[0] or whole - 14) - (ip[0] & 15) * 4
            yield at, second + part / unit, ip[12:16], ip[16:20], ip[(ip[0] & 15) * 4 :], length
        elif kind == b"\x86\xdd" and frame[20] == 6:
            ip = frame[14:]
            yield at, second + part / unit, ip[8:24], ip[24:40], ip[40:], struct.unpack_from("!H", ip, 4)[0] or whole - 54


sides = {}
with open(args[0], "rb") as file:
    capture = file.read()
for at, when, source, target, tcp, length in segments(capture):
    ports = struct.unpack_from("!HH", tcp)
    here, there = (source, ports[0], target, ports[1]), (target, ports[1], source, ports[0])
    is_ours = source in ours
    flow = f"{ipaddress.ip_address(source)}.{ports[0]} > {ports[1]}"
    judge(at, when, flow, sides.setdefault(here, Side()), sides.setdefault(there, Side()), is_ours, tcp, length)
words = ", ".join(f"{count:,} {name}" for name, count in seen.items())
if not seen["data"] or not seen["connections"]:
    errors.append("the capture has no data of ours")
if not is_lossy and seen["again"] > 5 + seen["data"] // 1000:
    errors.append(f"{seen['again']} of {seen['data']} segments sent again on a wire that loses nothing")
if is_lossy and not seen["again"]:
    errors.append("nothing was sent again: the wire lost nothing")
print("judged: " + words if not errors else "judged: " + words + "\n" + "\n".join(errors))
sys.exit(bool(errors))
