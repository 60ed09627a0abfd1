#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges MPA, DDP and RDMAP in a capture by itself, above all what tshark does not decode: the S bit and what it brings.
usage: mpa_judge.py FILE.pcap LEAST-CONNECTIONS [PORT]       Ethernet, pcap; PORT: only connections to it

Of each connection whose handshake is there: request and reply [RFC 5044 7.1, RFC 6581 4, 9]: keys, no unknown flags, revision 1 or 2 and the
same in the reply, S only with revision 2, and then 4 bytes of IRD and ORD at least; a reply has S when the request has; A in the reply only
if asked; an RTR that was offered; the request's CRC wish is granted; private data at most 512 bytes. Then every FPDU of both directions:
padding of zeros, a right CRC where one was agreed [RFC 5044 4.3], DDP version 1, RDMAP version 1, known opcodes and the right kind of
segment for each, queue numbers, message numbers that count up, message offsets without gaps [RFC 5041 5, RFC 5040 4]."""
import struct
import sys

TABLE = []
for _i in range(256):
    for _ in range(8):
        _i = _i >> 1 ^ (0x82F63B78 if _i & 1 else 0)
    TABLE.append(_i)
CRC_BYTES_MAX = 1 << 20  # pure Python is slow; tshark looks at every CRC
OPCODES = {0: True, 1: False, 2: True, 3: False, 4: False, 5: False, 6: False, 7: False}  # opcode: tagged
QUEUES = {1: 1, 3: 0, 4: 0, 5: 0, 6: 0, 7: 2}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Wrong(Exception):
    pass


def need(is_so, words):
    if not is_so:
        raise Wrong(words)


def packets(name):
    """(source, destination, sequence, flags, payload) of each TCP segment; addresses with ports."""
    with open(name, "rb") as file:
        head = file.read(24)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        while len(record := file.read(16)) == 16:
            frame = file.read(struct.unpack(order + "I", record[8:12])[0])
            kind = frame[12:14]
            if kind == b"\x08\x00" and frame[23] == 6:
                at, count = 14 + (frame[14] & 15) * 4, struct.unpack(">H", frame[16:18])[0] + 14
                ends = frame[26:30], frame[30:34]
            elif kind == b"\x86\xdd" and frame[20] == 6:
                at, count = 54, struct.unpack(">H", frame[18:20])[0] + 54
                ends = frame[22:38], frame[38:54]
            else:
                continue
            source, destination, sequence = struct.unpack(">HHI", frame[at:at + 8])
            yield ((ends[0], source), (ends[1], destination), sequence, frame[at + 13], frame[at + (frame[at + 12] >> 4) * 4:count])


def streams(name, port):
    """Each connection's two byte streams, by (client, server). Retransmissions are cut; a hole ends a stream."""
    found, over = {}, []
    for source, destination, sequence, flags, payload in packets(name):
        if flags & 0x12 == 0x02 and (not port or destination[1] == port):
            old = found.get((source, destination))
            if old and old[source][0] == sequence + 1:
                continue  # the SYN once more
            if old:
                over.append(((source, destination), old))
            found[source, destination] = {source: [sequence + 1, {}], destination: [None, {}]}
        for key in ((source, destination), (destination, source)):
            if key not in found:
                continue
            end = found[key][source]
            if flags & 0x12 == 0x12:
                end[0] = sequence + 1
            if payload and len(payload) >= len(end[1].get(sequence, b"")):
                end[1][sequence] = payload
    for (client, server), ends in over + list(found.items()):
        joined = []
        for who in (client, server):
            start, pieces = ends[who]
            data = bytearray()
            for sequence in sorted(pieces, key=lambda at: at - (start or 0) & 0xFFFFFFFF):
                at = sequence - (start or 0) & 0xFFFFFFFF
                if at > len(data):
                    break
                data += pieces[sequence][len(data) - at:]
            joined.append(bytes(data))
        yield client, joined[0], joined[1]


def startup(data, key):
    need(data[:16] == key, f"the frame begins with {data[:16]!r}")
    flags, revision, count = data[16], data[17], struct.unpack(">H", data[18:20])[0]
    need(not flags & 0x0F, f"reserved flags are set: {flags:02x}")
    need(revision in (1, 2), f"revision {revision}")
    need(count <= 512 and len(data) >= 20 + count, f"{count} bytes of private data")
    enhanced = bool(flags & 0x10)
    need(not enhanced or (revision == 2 and count >= 4), "S without revision 2, or without IRD and ORD")
    words = struct.unpack(">HH", data[20:24]) if enhanced else (0, 0)
    return {"m": flags >> 7, "c": flags >> 6 & 1, "r": flags >> 5 & 1, "s": enhanced, "revision": revision, "a": words[0] >> 15,
            "rtr": (words[0] >> 14 & 1) << 2 | words[1] >> 14, "ird": words[0] & 0x3FFF, "ord": words[1] & 0x3FFF, "bytes": 20 + count}


class Direction:
    """FPDUs one way."""

    def __init__(self, has_crc):
        self.has_crc, self.numbers, self.offset, self.count, self.opcodes = has_crc, {0: 0, 1: 0, 2: 0}, {}, 0, {}

    def segment(self, ulpdu):
        control, opcode = ulpdu[0], ulpdu[1] & 15
        need(control & 3 == 1 and not control & 0x3C, f"DDP control {control:02x}")
        need(ulpdu[1] >> 6 == 1 and not ulpdu[1] & 0x30, f"RDMAP control {ulpdu[1]:02x}")
        need(opcode in OPCODES, f"opcode {opcode}")
        tagged = bool(control & 0x80)
        need(OPCODES[opcode] == tagged, f"opcode {opcode} in a segment that is {'' if tagged else 'not '}tagged")
        self.opcodes[opcode] = self.opcodes.get(opcode, 0) + 1
        if tagged:
            return
        queue, number, offset = struct.unpack(">III", ulpdu[6:18])
        need(QUEUES[opcode] == queue, f"opcode {opcode} on queue {queue}")
        expected = self.offset.get(queue, 0)
        need(offset == expected, f"queue {queue}: offset {offset}, not {expected}")
        if not offset:
            self.numbers[queue] += 1
        need(number == self.numbers[queue], f"queue {queue}: message {number}, not {self.numbers[queue]}")
        self.offset[queue] = 0 if control & 0x40 else offset + len(ulpdu) - 18

    def read(self, data):
        at, checked = 0, 0
        while len(data) - at >= 2:
            length = struct.unpack(">H", data[at:at + 2])[0]
            padded = length + 2 + (-(length + 2) % 4)
            if len(data) - at < padded + 4:
                break  # the end of the capture
            need(length >= 14, f"an FPDU of {length} bytes")
            need(not any(data[at + 2 + length:at + padded]), "padding that is not 0")
            if self.has_crc and checked < CRC_BYTES_MAX:
                checked += padded
                need(struct.unpack("<I", data[at + padded:at + padded + 4])[0] == crc32c(data[at:at + padded]), "a wrong CRC")
            self.segment(data[at + 2:at + 2 + length])
            self.count += 1
            at += padded + 4


def judge(up, down):
    request, reply = startup(up, b"MPA ID Req Frame"), startup(down, b"MPA ID Rep Frame")
    need(not request["r"], "a request that rejects")
    need(reply["revision"] == request["revision"], "the reply has another revision")
    need(reply["s"] == request["s"] or reply["r"], "S of the reply is not that of the request")
    need(request["a"] >= reply["a"], "peer-to-peer that was not asked for")
    need(not reply["a"] or (request["rtr"] & reply["rtr"]), "an RTR that was not offered")
    need(reply["r"] or reply["c"] >= request["c"], "the request wants CRCs, the reply has none")
    need(not request["m"] and not reply["m"], "markers, which this judge does not read")
    words = f"rev {request['revision']} S={request['s']:d}/{reply['s']:d} ird/ord {request['ird']}/{request['ord']} " \
            f"{reply['ird']}/{reply['ord']} A={request['a']}/{reply['a']} rtr {request['rtr']}/{reply['rtr']} crc {reply['c']}"
    if reply["r"]:
        return words + " rejected", 0
    ways = Direction(reply["c"]), Direction(reply["c"])
    ways[0].read(up[request["bytes"]:])
    ways[1].read(down[reply["bytes"]:])
    return f"{words}: {ways[0].count} and {ways[1].count} FPDUs, opcodes {dict(sorted(ways[0].opcodes.items()))} " \
           f"{dict(sorted(ways[1].opcodes.items()))}", ways[0].count + ways[1].count


def main():
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    connections = fpdus = wrong = 0
    for client, up, down in streams(sys.argv[1], port):
        if not up.startswith(b"MPA ID Req Frame") or len(down) < 20:
            continue
        connections += 1
        try:
            words, count = judge(up, down)
            fpdus += count
        except Wrong as error:
            wrong += 1
            words = f"WRONG: {error}"
        print(f"judge: client port {client[1]}: {words}")
    print(f"judge: {connections} connections, {fpdus} FPDUs, {wrong} wrong")
    return 1 if wrong or connections < int(sys.argv[2]) or not fpdus else 0


sys.exit(main())
