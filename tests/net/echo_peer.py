# SPDX-License-Identifier: MIT
# A peer of tdiecho: echo_peer.py HOST SERVICE BYTES. Says "ok" when every byte of the service was as it should be.
#   echo     sends random bytes from one thread, receives them in another, half-closes, compares the digests up to the peer's FIN
#   discard  sends, half-closes, and waits for the FIN   chargen  receives and checks the pattern of RFC 864
import hashlib
import os
import socket
import sys
import threading

PORTS = {"echo": 7, "discard": 9, "chargen": 19}
host, service, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
peer = socket.create_connection((host, PORTS[service]), timeout=50)
block = os.urandom(1 << 20)
sent, got, count = hashlib.sha256(), hashlib.sha256(), 0


def send():
    left = total
    while left:
        part = block[: min(left, len(block))]
        peer.sendall(part)
        sent.update(part)
        left -= len(part)
    peer.shutdown(socket.SHUT_WR)


def pattern(first, length):
    out = bytearray()
    for i in range(first, first + length):
        line, place = divmod(i % (4 * 65536), 74)
        out.append(13 if place == 72 else 10 if place == 73 else 32 + (line + place) % 95)
    return bytes(out)


sender = threading.Thread(target=send)
if service != "chargen":
    sender.start()
while service != "chargen" or count < total:
    part = peer.recv(1 << 20)
    if not part:
        break
    if service == "chargen" and count < 300000 and part[:2000] != pattern(count, len(part[:2000])):
        sys.exit(f"chargen: wrong bytes at {count}")
    got.update(part)
    count += len(part)
if service != "chargen":
    sender.join()
if service == "echo" and (count != total or sent.digest() != got.digest()):
    sys.exit(f"echo: sent {total} bytes, got {count}, {'the same' if sent.digest() == got.digest() else 'different'}")
if service == "discard" and count:
    sys.exit(f"discard: got {count} bytes")
print("ok")
