# SPDX-License-Identifier: MIT
"""The same calls and segments at the TCP engine (differ_peer) and at the kernel of this machine, for differ_test.sh.

differ.py PEER CASES [NAME]: the cases are text (differ_cases.txt). A line is a call or a segment; lines that begin with > say what leaves
or is told afterwards, of both, or of one alone (>ours, >linux, with the word of docs/contracts/tcp-linux.md that explains it). A line that ends with ! is not waited for;
@ in options stands for the timestamp heard last. Runs inside
a network namespace that has 10.77.0.2/24 on the TAP nt0; this program is the far end of it, 10.77.0.1.
"""
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import time

PEER_ISS = 0x7FFFF000
LETTERS = "FSRPAU"
SETTLE_S = 0.06
OUR_MAC, KERNEL_MAC = bytes.fromhex("027700000001"), bytes.fromhex("027700000002")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def flags_of(bits):
    return "".join(letter for i, letter in enumerate(LETTERS) if bits & 1 << i)


class Engine:
    def __init__(self, peer):
        self.process = subprocess.Popen([peer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        heard, word = [], None
        for answer in self.process.stdout:
            answer = answer.strip()
            if answer == ".":
                return heard, word
            kind, _, rest = answer.partition(" ")
            if kind == "seg":
                flags, seq, ack, count = rest.split()
                heard.append((flags, int(seq), int(ack), int(count)))
            else:
                word = rest
        raise SystemExit(f"differ_peer ended at: {line}")

    def close(self):
        self.process.stdin.close()
        if self.process.wait():
            raise SystemExit("differ_peer has not given everything back")


class Kernel:
    """One case: a port of its own on either side, so that what an earlier one left behind is not in the way."""
    tap = None
    cases = 0
    STATES = ("?", "ESTABLISHED", "SYN_SENT", "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED", "CLOSE_WAIT", "LAST_ACK",
              "LISTEN", "CLOSING")
    ERRORS = {32: " reset", 104: " reset", 111: " refused", 110: " timed out"}

    def __init__(self):
        if Kernel.tap is None:
            Kernel.tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(Kernel.tap, 0x400454CA, struct.pack("16sH22x", b"nt0", 0x1002))
            time.sleep(0.3)
        Kernel.cases += 1
        self.port, self.peer_port = 10000 + Kernel.cases, 40000 + Kernel.cases
        self.listener = self.socket = None
        self.iss, self.sent, self.got, self.stamp = None, 0, 0, "00000000"

    def hear(self, seconds):
        heard, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([Kernel.tap], [], [], left)[0]:
                break
            frame = os.read(Kernel.tap, 70000)
            if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
                continue
            ip = frame[14:]
            ip = ip[:struct.unpack(">H", ip[2:4])[0]]
            tcp = ip[(ip[0] & 15) * 4:]
            source, destination, seq, ack = struct.unpack(">HHII", tcp[:12])
            if source != self.port or destination != self.peer_port:
                continue
            if tcp[13] & 2 and self.iss is None:
                self.iss = seq
            flags = flags_of(tcp[13] & 63)
            at = tcp.find(b"\x08\x0a", 20, (tcp[12] >> 4) * 4)
            self.stamp = tcp[at + 2:at + 6].hex() if at > 0 else self.stamp
            # A reset for what never was says 0.
            heard.append((flags, (seq - (self.iss or 0)) % 2**32 if seq or "R" not in flags else 0, (ack - PEER_ISS) % 2**32 if "A" in flags else 0,
                          len(tcp) - (tcp[12] >> 4) * 4))
        return heard

    def say(self, letters, seq, ack, window, count, options):
        options = b"" if options == "-" else bytes.fromhex(options.replace("@", self.stamp))
        options += b"\0" * (-len(options) % 4)
        flags = sum(1 << LETTERS.index(letter) for letter in letters)
        text = bytes((seq - ("S" not in letters) + i) % 256 for i in range(count))
        ack = ((self.iss or 0) + ack) % 2**32 if flags & 16 else 0
        tcp = struct.pack(">HHIIBBHHH", self.peer_port, self.port, (PEER_ISS + seq) % 2**32, ack, (20 + len(options)) // 4 << 4, flags,
                          window, 0, 0) + options + text
        addresses = bytes([10, 77, 0, 1, 10, 77, 0, 2])
        total = checksum(addresses + struct.pack(">HH", 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack(">H", total) + tcp[18:]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + addresses
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        os.write(Kernel.tap, KERNEL_MAC + OUR_MAC + b"\x08\x00" + ip + tcp)

    def accept(self):
        if self.listener and not self.socket:
            try:
                self.socket, _ = self.listener.accept()
                self.socket.setblocking(False)
            except BlockingIOError:
                pass

    def call(self, word, amount):
        self.accept()
        if word == "listen":
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("10.77.0.2", self.port))
            self.listener.listen(8)
            self.listener.setblocking(False)
        elif word == "connect":
            self.socket = socket.socket()
            self.socket.setblocking(False)
            self.socket.bind(("10.77.0.2", self.port))
            self.socket.connect_ex(("10.77.0.1", self.peer_port))
        elif self.socket is None and word != "state":
            return "refused" if word == "send" else None
        elif word == "send":
            data = bytes((self.sent + i) % 256 for i in range(amount))
            self.sent += amount
            try:
                self.socket.send(data)
            except OSError:
                return "refused"
        elif word == "recv":
            return self.receive()
        elif word == "fin":
            self.socket.shutdown(socket.SHUT_WR)
        elif word == "abort":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
        elif word == "close":
            self.socket.close()
        elif word == "state":
            if self.socket is None or self.socket.fileno() < 0:
                return "CLOSED"
            state = self.socket.getsockopt(socket.IPPROTO_TCP, 11, 8)[0]
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            return self.STATES[state] + self.ERRORS.get(error, "")
        return None

    def receive(self):
        end, right = "", True
        while True:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                break
            except OSError as error:
                end = f" and {os.strerror(error.errno)}"
                break
            if not data:
                end = " and the end"
                break
            right = right and all(byte == (self.got + i) % 256 for i, byte in enumerate(data))
            self.got += len(data)
        return f"got {self.got}{end}{'' if right else ' WRONG'}"

    def do(self, line):
        settle = 0.005 if line.endswith("!") else SETTLE_S
        words, word = line.rstrip(" !").split(), None
        if words[0] == "say":
            self.say(words[1], *map(int, words[2:6]), words[6])
        elif words[0] == "wait":
            return self.hear(int(words[1]) / 1000 + SETTLE_S), None
        else:
            word = self.call(words[0], int(words[1]) if len(words) > 1 else 0)
        heard = self.hear(settle)
        self.accept()
        return heard, word

    def close(self):
        for one in (self.socket, self.listener):
            if one:
                one.close()
        self.hear(0.01)


# The two ways to a connection: the peer opens it, or the client does.
MACROS = {
    "opens": [("listen", []), ("say S 0 0 60000 0 020405b4", ["SA 0 1 0"]), ("say A 1 1 60000 0 -", [])],
    "accepts": [("connect", ["S 0 0 0"]), ("say SA 0 1 60000 0 020405b4", ["A 1 1 0"])],
}


def tidy(heard):
    """What counts: which segments, not how often nor whether pushed."""
    seen = []
    for flags, seq, ack, count in heard:
        text = f"{flags.replace('P', '')} {seq} {ack} {count}"
        if text not in seen:
            seen.append(text)
    return seen


def cases_of(path):
    cases, name = [], None
    for number, line in enumerate(open(path), 1):
        line = line.split("#")[0].strip()
        if line.startswith("case "):
            name = line[5:]
            cases.append((name, []))
        elif line.startswith(">"):
            who, _, rest = line[1:].partition(" ")
            cases[-1][1][-1][1].append((who, rest.strip(), number))
        elif line in MACROS:
            cases[-1][1].extend((step, [("", text, number) for text in heard]) for step, heard in MACROS[line])
        elif line:
            cases[-1][1].append((line, []))
    return cases


def step_check(name, line, expected, who, answer, reasons):
    heard, word = answer
    got = tidy(heard) + ([word] if word else [])
    want = []
    for whose, text, _ in expected:
        if whose == "linux" and "[" in text:
            text, _, reason = text.rpartition("[")
            reasons.add((name, reason.rstrip("]")))
        if whose in ("", who):
            want.append(text.strip())
    want = [text for text in want if text != "nothing"]
    if got == want:
        return True
    print(f"{name}: after '{line}' {who} says {got or 'nothing'}, not {want or 'nothing'}")
    return False


def main():
    peer, path = sys.argv[1:3]
    failures, steps, reasons = 0, 0, set()
    cases = [case for case in cases_of(path) if len(sys.argv) < 4 or case[0] == sys.argv[3]]
    for name, lines in cases:
        engine, kernel = Engine(peer), Kernel()
        for line, expected in lines:
            steps += 1
            good = step_check(name, line, expected, "ours", engine.do(line), reasons)
            good = step_check(name, line, expected, "linux", kernel.do(line), reasons) and good
            failures += not good
        engine.close()
        kernel.close()
    known = open(os.path.join(os.path.dirname(path), "../../docs/contracts/tcp-linux.md")).read()
    for name, reason in sorted(reasons):
        if f"| {reason} |" not in known:
            print(f"{name}: docs/contracts/tcp-linux.md does not explain '{reason}'")
            failures += 1
    print(f"{len(cases)} cases, {steps} steps, {len({r for _, r in reasons})} kinds of difference, {failures} not as written")
    return failures > 0


sys.exit(main())
